"""The prepared company: checked tables, the ledger and the spread ledger as Parquet, made once per content and reused."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import duckdb

from helpers.company import PROJECT, Company, fingerprint
from helpers.contract import LINES, TABLES, BadInput
from helpers.load import load_tables
from helpers.policy import Policy

CACHE = Path(os.environ.get("PROFIT_CACHE", PROJECT / ".cache"))
STATEMENTS = [part.strip() for part in Path(__file__).with_name("ledger.sql").read_text(encoding="utf-8").split("\n;")]
KEPT = 20  # prepared companies in the cache; the least recently used go first


def prepare(company: Company) -> Path:
    """The folder of Parquet files for the company's present content: made if it isn't there yet.

    Holds `<table>` for every contract table, `ledger` (a row per order line, return, spend, salary and overhead, signed, in the
    reporting currency), `spread` (the ledger by month and dimension with marketing spread over the sales it can have caused),
    `bases` (what each spend was spread over), `customer_months` (what each customer bought in a month and store, and their segment),
    `stock` (inventory at cost), `receipts` (payouts in the reporting currency), `teams` (each person's team by month), `set_aside`,
    `loads`, `amounts`, `source_totals` and `source_notes`. Raises BadInput as `load_tables` does.
    """
    content = fingerprint(company)
    folder = CACHE / f"{content}-{_code()}"
    if (folder / "ledger.parquet").exists():
        with contextlib.suppress(OSError):  # a cache that is only to be read from
            os.utime(folder)
        return folder
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=".making-", ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            _write(company, Path(scratch), made)
            if fingerprint(company) != content:
                raise BadInput(f"the files in {company.folder.name} changed while they were read; run again when they are complete")
            try:
                made.rename(folder)
            except OSError:
                if not folder.exists():  # if it does, someone else finished the same content first
                    raise
    except OSError as error:
        raise BadInput(f"the prepared tables can't be written to {CACHE}: {error.strerror}") from None
    _forget_old()
    return folder


def _code() -> str:
    """A fingerprint of the code that prepares, so that a changed formula never meets tables made by the old one."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for name in ("contract.py", "company.py", "files.py", "load.py", "confined.py", "ledger.py", "ledger.sql", "policy.toml"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    for path in sorted(Path(__file__).with_name("sources").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def segment_sql(policy: Policy, when: str = "", since: str = "since") -> str:
    """SQL for the segment of a customer who bought before, as helpers/customers.py says it in words.

    Reads, of the twelve months before the day `since`: purchases and spent (net sales) of the customer, spent_by_all and customers
    (those with a purchase) of the company; and last_day, the customer's last purchase. when: what these names begin with.
    """
    line = policy.customer
    return f"""case when {when}purchases = 0 then 'lapsed'
                    when {when}last_day < {since} - interval '{line.recent_days}' day then
                         case when {when}purchases >= {line.loyal_purchases} then 'at_risk' else 'cooling' end
                    when {when}purchases < {line.loyal_purchases} then 'promising'
                    when {when}spent > 0 and round(cast({when}spent as double) * cast({when}customers as double), 6)
                         >= round({line.champion_spend!r} * cast({when}spent_by_all as double), 6) then 'champions'
                    else 'loyal' end"""


def _write(company: Company, scratch: Path, made: Path) -> None:
    con = duckdb.connect(scratch / "work.duckdb", config={"temp_directory": str(scratch / "spill"), "memory_limit": "2GB"})
    try:
        with contextlib.suppress(duckdb.InvalidInputException):  # in a notebook without ipywidgets there is no bar to switch off
            con.execute("set enable_progress_bar = false")
        con.execute("set TimeZone = 'UTC'")
        load_tables(con, company, scratch)
        if not con.execute("select count(*) from order_lines").fetchone()[0]:
            raise BadInput(f"{company.folder.name}: not one row of order_lines could be loaded; first reason: {_first_reason(con)}")
        home = "'" + company.settings.reporting_currency.replace("'", "''") + "'"
        for statement in STATEMENTS:
            if statement:
                con.execute(statement.replace("$home", home).replace("$segment", segment_sql(company.policy)))
        order = f"day, kind, store, order_id, line_no, channel, product_id, employee_id, campaign_id, team, {', '.join(LINES)}"
        _copy(con, f"select * from ledger order by {order}", made / "ledger.parquet")
        order = "month, store, channel, product_id, employee_id, campaign_id, region, segment, team"
        _copy(con, f"select * from spread_rows order by {order}", made / "spread.parquet")
        _copy(con, "select * from customer_month_rows order by month, store, customer_id", made / "customer_months.parquet")
        _copy(con, "select * from bases order by month, store, channel, product_id, campaign_id", made / "bases.parquet")
        _copy(con, "select * from stock_rows order by date, store, product_id", made / "stock.parquet")
        _copy(con, "select * from receipt_rows order by paid_on, store, channel, order_id, amount, currency", made / "receipts.parquet")
        _copy(con, "select * from team_rows order by month, employee_id", made / "teams.parquet")
        for name in [*TABLES, "set_aside", "loads", "amounts", "source_totals", "source_notes"]:
            _copy(con, f"from {name}", made / f"{name}.parquet")
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        what = "an amount is too large to compute with, look at the largest quantity, unit_cost and rate"
        raise BadInput(f"{what}: {str(error).splitlines()[0]}") from None
    except duckdb.Error as error:
        if "No space left" in str(error) or "Could not write" in str(error):
            raise BadInput("the disk is full: the prepared tables could not be written; free some space and run again") from None
        raise
    finally:
        con.close()


def _first_reason(con: duckdb.DuckDBPyConnection) -> str:
    first = con.execute(
        """select concat_ws(', ', file || ' row ' || "row", 'column ' || nullif("column", '')) || ': ' || reason from set_aside
           order by file not in (select file from loads where table_name = 'order_lines'), reason like 'a row that was made%', file, "row" limit 1"""
    ).fetchone()
    return first[0] if first else "the file has no rows"


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"copy ({query}) to '{str(path).replace(chr(39), chr(39) * 2)}' (format parquet, compression zstd)")


def _forget_old() -> None:
    folders = sorted((path for path in CACHE.iterdir() if (path / "ledger.parquet").exists()), key=lambda path: path.stat().st_mtime)
    for folder in folders[:-KEPT]:
        with contextlib.suppress(OSError):  # out of the way at once: a folder that is half removed must not be found
            shutil.rmtree(folder.rename(folder.with_name(f".making-{folder.name}")), ignore_errors=True)
    for folder in CACHE.glob(".making-*"):  # left by a run that was killed
        if time.time() - folder.stat().st_mtime > 24 * 3600:
            shutil.rmtree(folder, ignore_errors=True)
