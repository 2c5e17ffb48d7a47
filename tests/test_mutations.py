"""Exports that something has happened to: each must be refused in one sentence, or be accounted for to the row and to the cent.

`PROFIT_MUTATIONS=2000 make test` tries so many spoiled files for each platform; by default a few are tried.
"""

import csv
import io
import os
import random
import shutil
from pathlib import Path

import duckdb
import pytest

from helpers.company import open_company
from helpers.contract import BadInput
from helpers.load import load_tables
from helpers.sample import build
from helpers.sample_exports.__main__ import PLATFORMS

CASES = int(os.environ.get("PROFIT_MUTATIONS", "12"))
GARBAGE = [
    "x",
    "1,2,3",
    "-",
    "=1+1",
    "9E+17",
    "31.12.2025",
    "03/04/2025",
    "1.234,56",
    "(7)",
    "1e308",
    "-0.01",
    "\u202e",
    "'5",
    "NaN",
    "2025-02-30",
    "万",
]
HARMLESS = ("swap columns", "blank lines", "line ends", "copy")  # what must change no figure
ENCODINGS = ["utf-8-sig", "utf-16", "gb18030", "cp1252"]


@pytest.fixture(scope="module")
def tables():
    """The sample company with the first orders of December, and what belongs to them."""
    whole = build()[0]
    orders = {}
    for line in whole["order_lines"]:
        if (
            str(line["ordered_at"])[:7] == "2025-12"
            and len([key for key in orders if key[0] == line["store"]]) < 25
            or (line["store"], line.get("order_id")) in orders
        ):
            orders[line["store"], line["order_id"]] = True
    for name in ("order_lines", "returns", "payouts", "shipments", "reviews"):
        whole[name] = [row for row in whole[name] if (row.get("store"), row.get("order_id")) in orders]
    return whole


def decoded(path: Path) -> tuple[str, str]:
    data = path.read_bytes()
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # without a mark, any even number of bytes decodes as UTF-16
    for encoding in ["utf-16"] if wide else [encoding for encoding in ENCODINGS if encoding != "utf-16"]:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise AssertionError(f"{path.name} is in an encoding that this test doesn't know")


def as_rows(text: str) -> tuple[list[list[str]], str, int]:
    """The records of a file, its delimiter, and the place of the header: the first of the widest records."""
    delimiter = max("\t,;", key=lambda mark: text.count(mark))
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    width = max(map(len, rows))
    return rows, delimiter, next(place for place, row in enumerate(rows) if len(row) == width)


def as_text(rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def mutate(path: Path, rng: random.Random) -> tuple[str, int | None]:
    """Spoils one file; what was done, and how many records it must have then (None where that can't be said)."""
    text, encoding = decoded(path)
    rows, delimiter, header = as_rows(text)
    data = rows[header + 1 :]
    count = sum(any(cell for cell in row) for row in data)
    kind = rng.choice(
        ["drop column", "rename column", "swap columns", "blank cells", "garbage", "double row", "drop rows", "shuffle rows", "blank lines",
         "line ends", "copy", "quote", "byte", "truncate", "mixed encodings"]
    )  # fmt: skip
    if len(data) < 2 and kind in ("double row", "drop rows"):
        kind = "blank lines"
    width = len(rows[header])
    if kind in ("quote", "byte", "truncate", "mixed encodings"):
        raw = bytearray(path.read_bytes())
        place = rng.randrange(len(raw))
        if kind == "quote":
            mark = '"'.encode("utf-16-le" if encoding == "utf-16" else encoding.removesuffix("-sig"))
            raw[place:place] = mark
        elif kind == "byte":
            raw[place] = rng.randrange(256)
        elif kind == "truncate":
            del raw[place:]
        else:
            raw[place:place] = "优惠 Größe".encode(rng.choice(["gb18030", "cp1252", "utf-8"]), "replace")
        path.write_bytes(bytes(raw))
        return f"{kind} at {place}", None
    if kind == "copy":
        shutil.copy(path, path.with_name("again-" + path.name))
        return kind, count
    place = rng.randrange(width)
    what = f"{kind} {rows[header][place]!r}"
    if kind == "drop column":
        rows = [*rows[:header], *[row[:place] + row[place + 1 :] for row in rows[header:]]]
    elif kind == "rename column":
        rows[header][place] += "_x"
    elif kind == "swap columns":
        other = rng.randrange(width)
        for row in rows[header:]:
            if len(row) == width:
                row[place], row[other] = row[other], row[place]
    elif kind in ("blank cells", "garbage"):
        for row in rng.sample(data, min(len(data), rng.choice([1, 2, 5]))):
            if place < len(row):
                row[place] = "" if kind == "blank cells" else rng.choice(GARBAGE)
                what += f" {row[place]!r}"
        count = None if kind == "blank cells" and width < 3 else sum(any(cell for cell in row) for row in data)
    elif kind == "double row":
        row = rng.randrange(len(data))
        data.insert(rng.randrange(len(data) + 1), list(data[row]))
        rows, count = rows[: header + 1] + data, count + 1
    elif kind == "drop rows":
        gone = rng.randrange(1, len(data))
        first = rng.randrange(len(data) - gone + 1)
        del data[first : first + gone]
        rows, count = rows[: header + 1] + data, sum(any(cell for cell in row) for row in data)
    elif kind == "shuffle rows":
        rng.shuffle(data)
        rows = rows[: header + 1] + data
    text = as_text(rows, delimiter)
    if kind == "blank lines":
        text = text.replace("\n", "\n\n", 3)
    elif kind == "line ends":
        text = text.replace("\n", rng.choice(["\r\n", "\r"]))
    path.write_bytes(text.encode(encoding))
    return what, None if any("\n" in cell for row in rows for cell in row) else count


def accounts(folder: Path, scratch: Path) -> tuple[list, list, list]:
    """Loads the company as far as its tables: what became of each file, what each source's total leaves, and where its parts went."""
    scratch.mkdir()
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        load_tables(con, open_company(str(folder)), scratch)
        files = con.execute(
            """select l.file, rows_in, loaded, set_aside, repeated, coalesce(listed, 0)
               from loads l left join (select file, count(distinct "row") as listed from set_aside group by file) using (file)"""
        ).fetchall()
        totals = con.execute(
            "select source, currency, cast(sum(amount) as double) from source_totals where part = 'difference' group by all"
        ).fetchall()
        parts = con.execute("select source, currency, part, what, amount from source_totals order by all").fetchall()
        return files, totals, parts


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_spoiled_export_is_refused_or_accounted_for(platform, tables, tmp_path):
    sound = tmp_path / "sound"
    PLATFORMS[platform].write(tables, sound, ["2025-12"])
    files, totals, wanted = accounts(sound, tmp_path / "scratch")
    assert all(abs(difference) < 0.005 for *_, difference in totals) and totals
    assert all(rows_in == loaded + aside + repeated and aside == listed for _, rows_in, loaded, aside, repeated, listed in files)
    exports = sorted(path for path in (sound / "exports").rglob("*") if path.is_file() and path.suffix != ".xlsx")
    problems = []
    for case in range(CASES):
        rng = random.Random(f"{platform} {case}")
        folder = tmp_path / f"case{case}"
        shutil.copytree(sound, folder)
        target = rng.choice(exports)
        what, count = mutate(folder / target.relative_to(sound), rng)
        name = target.relative_to(sound).as_posix()
        try:
            files, totals, parts = accounts(folder, tmp_path / f"scratch{case}")
            off = [
                file for file, rows_in, loaded, aside, repeated, listed in files if rows_in != loaded + aside + repeated or aside != listed
            ]
            found = {file: rows_in for file, rows_in, *_ in files}
            if off:
                problems.append(f"{case} {name}: {what}: rows of {off} don't add up: {files}")
            if count is not None and found.get(name) != count:
                problems.append(f"{case} {name}: {what}: {found.get(name)} records read where there are {count}")
            if what.startswith(HARMLESS) and parts != wanted:
                problems.append(f"{case} {name}: {what}: other figures than those of the sound file: {parts}")
            if any(abs(difference) > 0.005 for *_, difference in totals):
                problems.append(f"{case} {name}: {what}: the total leaves {totals}")
        except BadInput as refusal:
            if "\n" in str(refusal) or len(str(refusal)) > 400:
                problems.append(f"{case} {name}: {what}: refused in more than a sentence: {refusal}")
        except Exception as error:
            problems.append(f"{case} {name}: {what}: {type(error).__name__}: {str(error)[:300]}")
        shutil.rmtree(folder)
        shutil.rmtree(tmp_path / f"scratch{case}", ignore_errors=True)
    assert not problems, "\n".join(problems)
