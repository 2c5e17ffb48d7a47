"""Exports of platforms as the sample company would have them, written from its tables: examples to look at, and the round trips of the tests."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a file with the line ends that stand in the text, in any encoding; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def as_csv(header: list[str], rows: Iterable[list], delimiter: str = ",", end: str = "\n") -> str:
    """Rows below a header as the text of a CSV."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end).writerows([header, *rows])
    return out.getvalue()


def write_table(folder: Path, name: str, rows: list[dict]) -> None:
    """One finished table of the contract, as `<name>.csv`, with the columns that its rows have; cells whose names begin with _ are left out."""
    columns = [column for column in dict.fromkeys(name for row in rows for name in row) if not column.startswith("_")]
    write_text(folder / f"{name}.csv", as_csv(columns, ([row.get(column, "") for column in columns] for row in rows)))
