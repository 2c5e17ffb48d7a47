"""Preparing and reading a company of any size, beside the same written by hand.

The rivals in bench/rivals are what an analyst would write for this company: a script in DuckDB's SQL, one in pandas, and one in Polars, which is
measured where it is installed (.venv/bin/python -m uv pip install polars). They leave the ledger, the spread ledger, the customers' months and
the stock at cost as Parquet, the same rows as helpers.ledger.prepare, and nothing else: no checks and no checked rows, and nothing for what
this company doesn't have (people, campaigns, regions, currencies, unknown costs). Money is exact in SQL and floats in the other two.
A product table of one month stands beside one statement over the raw files. What each part of the company's report asks of the prepared
tables is told by itself, and how large they are.
"""

import importlib.util
import json
from pathlib import Path

import duckdb

from bench.company import write_company
from bench.measure import in_python
from helpers.batch import TABLES
from helpers.files import stored
from helpers.notebooks import all_notebooks

RIVALS = Path(__file__).parent / "rivals"
LAST = "2025-12"  # the last full month; the one after it holds nothing but refunds
PREPARE = """
import json, time
from helpers import ledger
from helpers.company import open_company
load_tables, spent = ledger.load_tables, []
def timed(*given):
    start = time.monotonic()
    load_tables(*given)
    spent.append(time.monotonic() - start)
ledger.load_tables = timed
began = time.monotonic()
folder = ledger.prepare(open_company(sys.argv[1]))
print(json.dumps({"all": time.monotonic() - began, "checks": spent[0], "folder": str(folder)}))
"""
RIVAL = """
import importlib, json, time
from pathlib import Path
company, out = map(Path, sys.argv[1:3])
write = importlib.import_module(sys.argv[3]).write
out.mkdir()
began = time.monotonic()
write(company, out)
print(json.dumps({"all": time.monotonic() - began, "folder": str(out)}))
"""
SLICE = """
import json, time
from helpers.book import open_book
began = time.monotonic()
frame = open_book(sys.argv[1], sys.argv[2]).ladder(["product_id"])
print(json.dumps({"all": time.monotonic() - began, "rows": len(frame), "contribution": float(frame["contribution"].sum())}))
"""
STATEMENT = """
import duckdb, json, pandas, time
from pathlib import Path
company, month, script = sys.argv[1:]
began = time.monotonic()
con = duckdb.connect(config={"memory_limit": "2GB"})
con.execute("set enable_progress_bar = false")
frame = con.execute(Path(script).read_text().replace("$company", company).replace("$month", f"{month}-01")).df()
print(json.dumps({"all": time.monotonic() - began, "rows": len(frame), "contribution": float(frame["contribution"].sum())}))
"""
REPORT = """
import contextlib, io, json, time
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from helpers import batch, book
data, month, part, out = sys.argv[1:]
values, spent = {"data": data, "month": month, "scope": "company"}, []
def timed(ask):
    def asked(*given, **named):
        start = time.monotonic()
        answer = ask(*given, **named)
        spent.append(time.monotonic() - start)
        return answer
    return asked
for name in ("sql", "table"):
    setattr(book.Book, name, timed(getattr(book.Book, name)))
began = time.monotonic()
if part == batch.TABLES:
    book.gather(book.open_book(**values).prepared)
    batch.write_tables(values, out)
else:
    shell = InteractiveShell.instance()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(part, as_version=4).cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source).raise_error()
                if "parameters" in cell.metadata.get("tags", []):
                    shell.push(values)
print(json.dumps({"all": time.monotonic() - began, "slices": sum(spent)}))
"""
SCAN = """
import duckdb, json, time
began = time.monotonic()
con = duckdb.connect()
con.execute("set enable_progress_bar = false")
con.execute(f"select count(distinct product_id), max(ordered_at), sum(quantity), sum(gross_amount), sum(discount_amount), max(store), max(channel), sum(platform_fee) from '{sys.argv[1]}/order_lines.parquet'")
print(json.dumps({"all": time.monotonic() - began}))
"""


def run(scratch: Path, lines: int) -> dict[str, dict]:
    """What every way took with one company of this many order lines: `all` (seconds), `memory` (its peak, MB), and `checks` of our own.

    "report" holds the same of each part of the company's report, in the order in which the batch makes them, with the seconds of its `slices`;
    "bytes" what ours and the SQL script's tables take on the disk. "added" is the preparing of the same company when all but its last month
    is prepared already. Ends the measurement when results differ.
    """
    folder, cache = scratch / "company", {"PROFIT_CACHE": str(scratch / "cache")}
    write_company(folder, lines)
    found = {"prepare": _told(PREPARE, folder, **cache)}
    for name in rivals(lines):
        found[name] = _told(RIVAL, folder, scratch / name, f"bench.rivals.{name}_")
    must_agree({name: results(Path(one["folder"])) for name, one in found.items()}, lines)
    tables = {"slice": _told(SLICE, folder, LAST, **cache), "statement": _told(STATEMENT, folder, LAST, RIVALS / "product_table.sql")}
    must_agree({name: {"rows": one["rows"], "contribution": one["contribution"]} for name, one in tables.items()}, lines)
    found |= tables | {"scan": _told(SCAN, folder)}
    parts = {TABLES: TABLES} | {path.stem: path for path in all_notebooks()}
    found["report"] = {name: _told(REPORT, folder, LAST, part, scratch, **cache) for name, part in parts.items()}
    found["bytes"] = {name: taken(Path(found[name]["folder"])) for name in ("prepare", "duckdb")}
    if lines <= 10_000_000:
        cache = {"PROFIT_CACHE": str(scratch / "cache without its last month")}
        leave_out_last_month(folder, scratch / "earlier")
        _told(PREPARE, scratch / "earlier", **cache)
        found["added"] = _told(PREPARE, folder, **cache)
    return found


def rivals(lines: int) -> list[str]:
    """Which of the modules in bench/rivals can take so many order lines here; pandas holds all of them in memory, several times."""
    wanted = ["duckdb", "polars", "pandas"] if lines <= 10_000_000 else ["duckdb", "polars"]
    return [name for name in wanted if importlib.util.find_spec(name)]


def _told(code: str, *given: object, **environment: str) -> dict:
    result = in_python(code, *map(str, given), **environment)
    return result | json.loads(result.pop("lines")[-1])


def taken(folder: Path) -> int:
    """What the four tables that every way leaves take on the disk."""
    tables = ("ledger", "spread", "customer_months", "stock")
    return sum(path.stat().st_size for table in tables for path in [*folder.glob(f"{table}.parquet"), *folder.glob(f"{table}/*.parquet")])


def results(folder: Path) -> dict[str, float]:
    """What a way has left in its folder, in figures that must be the same for all: counts are whole numbers, money is not."""
    contribution = "gross_sales + discounts + refunds + cogs + platform_fees + fulfilment + marketing"
    questions = {
        "ledger": f"'all', count(*), sum({contribution}), sum(marketing)",
        "spread": f"'all', count(*), sum({contribution}), sum(marketing)",
        "customer_months": "segment, count(*), sum(cm2), sum(marketing)",
        "stock": "'all', count(*), sum(value), 0",
    }
    found = {}
    with duckdb.connect() as con:
        for table, question in questions.items():
            for part, count, *sums in con.execute(f"select {question} from {stored(folder / table)} group by 1").fetchall():
                figures = {"rows": count, "money": float(sums[0]), "marketing": float(sums[1])}
                found |= {f"{table} {part}: {name}": figure for name, figure in figures.items()}
    return found


def must_agree(found: dict[str, dict[str, float]], lines: int) -> None:
    """Ends the measurement, in a sentence, where one way's counts are another's not, or money differs by more than a cent a million order lines."""
    (first, expected), *others = found.items()
    for name, one in others:
        for what in expected.keys() | one.keys():
            ours, theirs = expected.get(what, 0), one.get(what, 0)
            if abs(ours - theirs) > (0 if what.endswith("rows") else 0.01 * max(1, lines / 1e6)):
                raise SystemExit(f"{what}: {first} found {ours}, {name} {theirs}; a benchmark of different results says nothing")


def leave_out_last_month(folder: Path, earlier: Path) -> None:
    """Writes the company as it was before its last full month began."""
    earlier.mkdir()
    (earlier / "company.toml").write_text((folder / "company.toml").read_text())
    days = {"order_lines": "ordered_at", "returns": "refunded_on", "marketing_spend": "date", "inventory": "date"}
    with duckdb.connect(config={"memory_limit": "2GB"}) as con:
        con.execute("set enable_progress_bar = false")
        for path in folder.glob("*.parquet"):
            where = f"where {days[path.stem]} < date '{LAST}-01'" if path.stem in days else ""
            con.execute(f"copy (from '{path}' {where}) to '{earlier / path.name}' (format parquet, compression zstd)")
