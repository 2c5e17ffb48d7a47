"""The prepared company: checked tables, the ledger and the spread ledger as Parquet, made once per content and reused."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb

from helpers.company import PROJECT, Company, fingerprint
from helpers.contract import LINES, TABLES, BadInput
from helpers.files import store, stored, without_bar
from helpers.load import load_tables
from helpers.policy import Policy

CACHE = Path(os.environ.get("PROFIT_CACHE", PROJECT / ".cache"))
ENGINES = ("duckdb", "spark")
TOGETHER = 2_000_000  # order lines of the months that are worked on at a time; Spark takes all
MONTHLY = {  # what is stored by month, and the order of its rows; of sales the line's key alone tells one from the other
    "ledger": "day, kind, store, order_id, line_no,"
    f" case when kind <> 'sale' then hash(channel, product_id, employee_id, campaign_id, team, {', '.join(LINES)}) end",
    "spread": "store, channel, product_id, employee_id, campaign_id, region, segment, team",
    "bases": "store, channel, product_id, campaign_id",
    "customer_months": "store, customer_id",
    "came": "before_no",
}
BEFORE = {  # what months.sql reads of earlier months, where it is stored, and its columns where there are none
    "history": (
        "customer_months",
        "'' as customer_id, '' as month, cast(0 as bigint) as purchases, cast(0 as decimal(38,14)) as net_sales, cast(null as date) as last_day",
    ),
    "came_before": (
        "came", "0 as month_no, 0 as before_no, cast(0 as bigint) as customers, cast(0 as decimal(38,14)) as net_sales"
    ),
}  # fmt: skip
KEPT = 20  # prepared companies in the cache; the least recently used go first


def prepare(company: Company) -> Path:
    """The folder of Parquet files for the company's present content: made if it isn't there yet.

    Holds, each as one file a month in a folder (see files.stored), `order_lines`, `ledger` (a row per order line, return, spend, salary and overhead, signed, in the
    reporting currency), `spread` (the ledger by month and dimension with marketing spread over the sales it can have caused),
    `bases` (what each spend was spread over), `customer_months` (what each customer bought in a month and store, and their segment), `came`
    (how many customers bought, by the month of their purchase before); as one file, `<table>` for every other contract table,
    `stock` (inventory at cost), `receipts` (payouts in the reporting currency), `teams` (each person's team by month), `set_aside`,
    `loads`, `amounts`, `source_totals` and `source_notes`. A month that an earlier folder holds, made of the same rows, costs, rates and
    customers' past, is taken from there; `months.json` says what each was made of, `files.json`
    how large each file is: a folder in which one is missing or cut short is made anew. Raises BadInput as `load_tables` does.
    """
    _engine()  # one that isn't known is told before anything is read
    content = fingerprint(company, CACHE / ".digests")
    folder = CACHE / f"{content}-{_code()}"
    if _whole(folder):
        with contextlib.suppress(OSError):  # a cache that is only to be read from
            os.utime(folder)
        return folder
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=".making-", ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "made"
            made.mkdir()
            _write(company, Path(scratch), made)
            if fingerprint(company, CACHE / ".digests") != content:
                raise BadInput(f"the files in {company.folder.name} changed while they were read; run again when they are complete")
            if folder.exists() and not _whole(folder):
                folder.rename(Path(scratch) / "damaged")
            try:
                made.rename(folder)
            except OSError:
                if not _whole(folder):  # if it is, someone else finished the same content first
                    raise
    except OSError as error:
        raise BadInput(f"the prepared tables can't be written to {CACHE}: {error.strerror}") from None
    _forget_old()
    return folder


def _whole(folder: Path) -> bool:
    """Whether a prepared folder has every file that it was made of, as large as it was."""
    try:
        sizes = json.loads((folder / "files.json").read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):  # missing, or no such list
        return False


def _code() -> str:
    """A fingerprint of the code that prepares, so that a changed formula never meets tables made by the old one."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for name in ("contract.py", "company.py", "files.py", "load.py", "confined.py", "ledger.py", "ledger.sql", "months.sql", "spark.py", "policy.toml"):
        digest.update(Path(__file__).with_name(name).read_bytes())
    for path in sorted(Path(__file__).with_name("sources").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def segment_sql(policy: Policy, when: str = "", since: str = "since") -> str:
    """SQL for the segment of a customer who bought before, as helpers/customers/customers.py says it in words.

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
    con = duckdb.connect(config={"temp_directory": str(scratch / "spill"), "memory_limit": "2GB"})
    try:
        without_bar(con)
        con.execute("set TimeZone = 'UTC'")
        load_tables(con, company, scratch)
        (scratch / "order_lines").rename(made / "order_lines")
        con.execute(f"create or replace view order_lines as from {stored(made / 'order_lines')}")
        if not con.execute("select count(*) from order_lines").fetchone()[0]:
            raise BadInput(f"{company.folder.name}: not one row of order_lines could be loaded; first reason: {_first_reason(con)}")
        home = "'" + company.settings.reporting_currency.replace("'", "''") + "'"
        values = {"$home": home, "$segment": segment_sql(company.policy)}
        for statement in _seen_by_all("ledger.sql", values):
            con.execute(statement)
        for name in [*TABLES, "set_aside", "loads", "amounts", "source_totals", "source_notes"]:
            if name != "order_lines":
                store(con, {made / f"{name}.parquet": f"from {name}"})
        _write_months(con, made, scratch, values)
        rows = {
            "stock": "stock_rows order by date, store, product_id",
            "receipts": "receipt_rows order by paid_on, store, channel, order_id, amount, currency",
            "teams": "team_rows order by month, employee_id",
        }
        store(con, {made / f"{name}.parquet": f"select * from {one}" for name, one in rows.items()})
        sizes = {path.relative_to(made).as_posix(): path.stat().st_size for path in sorted(made.rglob("*.*"))}
        (made / "files.json").write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        what = "an amount is too large to compute with, look at the largest quantity, unit_cost and rate"
        raise BadInput(f"{what}: {str(error).splitlines()[0]}") from None
    except duckdb.Error as error:
        if "No space left" in str(error) or "Could not write" in str(error):
            raise BadInput("the disk is full: the prepared tables could not be written; free some space and run again") from None
        raise
    finally:
        con.close()


def _statements(name: str, values: dict[str, str]) -> list[str]:
    """The statements of a .sql file, with these values for its $names."""
    sql = Path(__file__).with_name(name).read_text(encoding="utf-8")
    for word, value in values.items():
        sql = sql.replace(word, value)
    return [statement for statement in sql.split("\n;") if statement.strip()]


def _seen_by_all(name: str, values: dict[str, str]) -> list[str]:
    """The same for DuckDB, where a temporary view is seen by one connection alone, and months are written by two."""
    return [statement.replace("or replace temporary view", "or replace view") for statement in _statements(name, values)]


# ---- month by month ------------------------------------------------------------------------------------------------------------


def _write_months(con: duckdb.DuckDBPyConnection, made: Path, scratch: Path, values: dict[str, str]) -> None:
    """Every month's ledger and what follows from it: taken from an earlier folder, or made for several months at a time."""
    for name in MONTHLY:
        (made / name).mkdir()
    done: dict[str, dict[str, str]] = {}
    waiting: dict[str, str] = {}
    lines = dict(con.execute("select month, count(*) from order_lines group by month").fetchall())
    earlier, together = _earlier(), TOGETHER if _engine() == "duckdb" else float("inf")
    for month, rows in sorted(_made_of(con, made, values).items()):
        alike = [(folder, sizes, one[month]) for folder, sizes, one in earlier if one.get(month, {}).get("rows") == rows]
        if waiting and (alike or sum(lines.get(one, 0) for one in (*waiting, month)) > together):
            _make_months(con, made, scratch, waiting, done, values)
            waiting = {}
        past = _past(done, month)
        taken = next((one for folder, sizes, one in alike if one["past"] == past and _take_over(folder, sizes, made, month)), None)
        if taken:
            done[month] = taken
        else:
            waiting[month] = rows
    if waiting:
        _make_months(con, made, scratch, waiting, done, values)
    (made / "months.json").write_text(json.dumps(done, indent=1), encoding="utf-8")


def _earlier() -> list[tuple[Path, dict[str, int], dict[str, dict[str, str]]]]:
    """Prepared folders by the same code, the sizes of their files, and what each of their months was made of."""
    found = []
    for folder in sorted(CACHE.glob(f"*-{_code()}")):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # somebody else has just removed it, or it is damaged
            sizes, months = (json.loads((folder / name).read_text(encoding="utf-8")) for name in ("files.json", "months.json"))
            if sizes.get("months.json") == (folder / "months.json").stat().st_size:
                found.append((folder, sizes, months))
    return found


def _made_of(con: duckdb.DuckDBPyConnection, made: Path, values: dict[str, str]) -> dict[str, str]:
    """A digest of what a month's ledger is made of, but for its customers' past: order lines, everything else, costs and rates in force."""
    found = con.execute(
        """with months as (select month, cast(month || '-01' as date) as first, cast(month || '-01' as date) + interval 1 month as next
                           from (select month from order_lines union select month from beside_sales))
           select month, cast(other as varchar), cast(cost as varchar), cast(rate as varchar)
           from months
           left join (select month, sum(hash(o)::hugeint) as other from beside_sales o group by month) using (month)
           left join (select month, sum(hash(product_id, greatest(valid_from, first), least(valid_to, next), unit_cost, currency)::hugeint) as cost
                      from months join costs on valid_from < next and valid_to > first group by month) using (month)
           left join (select month, sum(hash(currency, greatest(valid_from, first), least(valid_to, next), rate)::hugeint) as rate
                      from months join rates on valid_from < next and valid_to > first group by month) using (month)"""
    ).fetchall()
    digests = {}
    for month, *rest in found:
        lines = made / "order_lines" / f"{month}.parquet"
        if lines.exists():
            with lines.open("rb") as file:
                rest.append(hashlib.file_digest(file, "sha256").hexdigest())
        digests[month] = hashlib.sha256(json.dumps([values, rest]).encode()).hexdigest()
    return digests


def _past(done: dict[str, dict[str, str]], month: str) -> str:
    """A digest of what customers bought before the month, on which their segments depend."""
    return hashlib.sha256(json.dumps([(one, done[one]["customers"]) for one in sorted(done) if one < month]).encode()).hexdigest()


def _take_over(folder: Path, sizes: dict[str, int], made: Path, month: str) -> bool:
    """Put the earlier folder's files of a month into the new one, where possible without a second copy on the disk."""
    names = [name for name in (*MONTHLY, "order_lines") if name != "order_lines" or (made / name / f"{month}.parquet").exists()]
    halves = [made / name / f"{month}.half" for name in names]
    try:
        for name, half in zip(names, halves, strict=True):
            old = folder / name / f"{month}.parquet"
            if old.stat().st_size != sizes[f"{name}/{month}.parquet"]:  # cut short
                raise FileNotFoundError(old)
            try:
                os.link(old, half)
            except OSError:  # a file system without links
                shutil.copy2(old, half)
    except FileNotFoundError:  # somebody else has just removed it
        for half in halves:
            half.unlink(missing_ok=True)
        return False
    for half in halves:
        half.replace(half.with_suffix(".parquet"))
    return True


def _make_months(
    con: duckdb.DuckDBPyConnection, made: Path, scratch: Path, months: dict[str, str], done: dict[str, dict[str, str]], values: dict[str, str]
) -> None:
    """Work out some months whose digests are given, and add them to `done`, which holds all months before them."""
    for view, (name, nothing) in BEFORE.items():
        con.execute(f"create or replace view {view} as from {stored(made / name) if done else f'(select {nothing} limit 0)'}")
    values = values | {"$months": ", ".join(f"'{month}'" for month in months)}
    if _engine() == "spark":
        _on_spark(con, made, Path(tempfile.mkdtemp(dir=scratch, prefix="spark-")), values)
        for name in MONTHLY:
            _store_months(con, made, name, months)
    else:
        statements = _seen_by_all("months.sql", values)
        makes = [re.search(r"^create (?:or replace )?(table|view) (\w+) as$", statement, re.MULTILINE).groups() for statement in statements]
        for kind, name in makes:
            if kind == "table":
                con.execute(f"drop table if exists {name}")
        for statement, (kind, name) in zip(statements, makes, strict=True):
            con.execute(statement)
            if name in MONTHLY:
                _store_months(con, made, name, months)
                if kind == "view":  # what reads it further on takes it as it is stored, and works nothing out anew
                    con.execute(f"create or replace view {name} as from {stored(made / name, months)}")
    bought = dict(
        con.execute(
            "select month, cast(sum(hash(customer_id, purchases, net_sales, last_day)::hugeint) as varchar) from customer_months group by month"
        ).fetchall()
    )
    for month, digest in months.items():
        done[month] = {"rows": digest, "past": _past(done, month), "customers": bought.get(month, "")}


def _store_months(con: duckdb.DuckDBPyConnection, made: Path, name: str, months: Iterable[str]) -> None:
    query = f"select * from {name} where month = '{{}}' order by {MONTHLY[name]}"
    store(con, {made / name / f"{month}.parquet": query.format(month) for month in months}, at_once=2)


def _engine() -> str:
    """What works out the months: ENGINE of the environment."""
    engine = os.environ.get("ENGINE") or "duckdb"
    if engine not in ENGINES:
        raise BadInput(f"ENGINE is {' or '.join(ENGINES)}, not {engine}")
    return engine


def _on_spark(con: duckdb.DuckDBPyConnection, made: Path, folder: Path, values: dict[str, str]) -> None:
    """What months.sql leaves, worked out on Spark, as views."""
    from helpers import spark

    tables = {"order_lines": sorted((made / "order_lines").iterdir())}
    tables |= {name: [made / f"{name}.parquet"] for name in TABLES if name != "order_lines"}
    for name in ("returned", *BEFORE):
        tables[name] = [folder / f"{name}.parquet"]
        store(con, {tables[name][0]: f"from {name}"})
    spark.run([*_statements("ledger.sql", values), *_statements("months.sql", values)], tables, MONTHLY, folder)
    for name in MONTHLY:
        con.execute(f"create or replace view {name} as from {stored(folder / name)}")


def _first_reason(con: duckdb.DuckDBPyConnection) -> str:
    first = con.execute(
        """select concat_ws(', ', file || ' row ' || "row", 'column ' || nullif("column", '')) || ': ' || reason from set_aside
           order by file not in (select file from loads where table_name = 'order_lines'), reason like 'a row that was made%', file, "row" limit 1"""
    ).fetchone()
    return first[0] if first else "the file has no rows"


def _forget_old() -> None:
    folders = sorted((path for path in CACHE.iterdir() if (path / "ledger").exists()), key=lambda path: path.stat().st_mtime)
    for folder in folders[:-KEPT]:
        with contextlib.suppress(OSError):  # out of the way at once: a folder that is half removed must not be found
            shutil.rmtree(folder.rename(folder.with_name(f".making-{folder.name}")), ignore_errors=True)
    for folder in CACHE.glob(".making-*"):  # left by a run that was killed
        if time.time() - folder.stat().st_mtime > 24 * 3600:
            shutil.rmtree(folder, ignore_errors=True)
