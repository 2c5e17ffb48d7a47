"""The sample company as platforms' exports: a writer for each, `write(tables, folder, months)`.

`tables` is what `helpers.sample.build` makes. A writer leaves a whole company folder as an analyst would have it: company.toml, the
platform's files in exports/, and as finished tables what the platform doesn't know.
"""

import csv
from pathlib import Path

from helpers.contract import TABLES


def write_table(folder: Path, name: str, rows: list[dict]) -> None:
    """A finished table of the contract as CSV."""
    columns = [column.name for column in TABLES[name].columns]
    write_csv(folder / f"{name}.csv", columns, [[row.get(column, "") for column in columns] for row in rows])


def write_csv(path: Path, header: list[str], rows: list[list], encoding: str = "utf-8", **form) -> None:
    """A CSV whose folder is made if need be; `form` is for csv.writer, such as delimiter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, **{"lineterminator": "\n"} | form)
        writer.writerow(header)
        writer.writerows(rows)
