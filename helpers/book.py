"""The book that a notebook opens: one company, one month, one scope, and the slices of its ledger as small frames."""

import functools
import hashlib
import json
import os
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from helpers.company import Company, open_company
from helpers.contract import LADDER, LINES, NOBODY, SUBTOTALS, TABLES, BadInput
from helpers.files import stored, without_bar
from helpers.ledger import CACHE, prepare
from helpers.policy import Policy, did_you_mean

SPREAD_DIMENSIONS = ("month", "store", "channel", "category", "product_id", "team", "employee_id", "campaign_id", "region", "segment")

BUCKETS = 1000

pd.set_option("mode.string_storage", "python")  # a book's frames are small: each step of Arrow's strings takes longer than the whole frame


def remembered(function):
    """Keep a function's frame in the book that it was asked of, so that rules, metrics and charts share one computation."""

    @functools.wraps(function)
    def once(book: "Book", *args, **kwargs):
        values = [tuple(value) if isinstance(value, list) else value for value in (*args, *kwargs.values())]
        key = (function, len(args), *kwargs, *values)
        if key not in book.memory:
            book.memory[key] = function(book, *args, **kwargs)
        return book.memory[key].copy(deep=False)  # pandas copies what is written to

    return once


@functools.cache
def code() -> str:
    """Digest of the workbook's own code, style sheets, templates and policy."""
    here = Path(__file__).parent
    files = sorted(path for path in here.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    parts = [[path.relative_to(here).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def kept(book: "Book", name: str, make: Callable[[], pd.DataFrame], *given: object) -> pd.DataFrame:
    """A frame that many notebooks of a scope need, made once and kept beside the prepared tables, for as long as code and policy are the same.

    given: what else, beside name, month and scope, the frame depends on, as JSON knows it.
    """
    key = json.dumps([code(), book.policy.model_dump_json(), book.month, book.scope, *given])
    path = book.prepared / "kept" / f"{name}-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}.feather"
    with suppress(OSError, ValueError):  # not there, or damaged
        return pd.read_feather(path)
    frame = make()
    frame = frame.astype({name: "str" for name in frame if frame[name].dtype == object})  # as it will be read
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):  # a cache that is only to be read from
        path.parent.mkdir(exist_ok=True)
        frame.to_feather(half)
        half.replace(path)
    return frame


JOINS = {  # tables that a dimension's label needs
    "category": "left join products p on l.product_id = p.product_id",
    "team": "left join teams t on l.employee_id = t.employee_id and l.month = t.month",
}
_NET = "gross_sales + discounts + shipping_income + refunds"
_ORDER_SUMS = {
    "net_sales": _NET,
    "costed_sales": f"{_NET} + uncosted_sales",
    "gross_profit": f"{_NET} + uncosted_sales + cogs",
    "commissions": "commissions",
    "contribution": f"{_NET} + uncosted_sales + cogs + platform_fees + fulfilment + commissions",
    "cogs": "-cogs",
}


VIEWS = (
    *(*TABLES, "ledger", "spread", "bases", "stock", "receipts", "teams", "customer_months"),
    *("set_aside", "loads", "amounts", "source_totals", "source_notes"),
)


SMALL = 20_000_000  # bytes of Parquet files of a company whose tables `gather` puts into one


def _connect(prepared: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"memory_limit": "1GB", "threads": 1, "temp_directory": str(CACHE / ".spill")})
    without_bar(con)
    with suppress(duckdb.IOException):  # the file system knows no locks
        if gathered := _gathered(prepared):
            _attach(con, gathered, "gathered (read_only)")
            con.execute("use gathered")
            return con
    con.execute("set threads = 2")  # in a small company's tables a second one has nothing to do
    con.execute("set parquet_metadata_cache = true")  # every month has a file of its own
    for name in VIEWS:
        columns = "* exclude (month)" if name == "order_lines" else "*"
        con.execute(f"create view {name} as select {columns} from {stored(prepared / name)}")
    return con


def _attach(con: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    literal = str(path).replace("'", "''")
    con.execute(f"attach '{literal}' as {name}")


def _gathered(prepared: Path) -> Path | None:
    """The file that `gather` made by this code, whose name ends in its size, so that one cut short is none."""
    found = (prepared / "kept").glob(f"tables-{code()[:24]}-*.duckdb")
    return next((path for path in found if path.stem.endswith(f"-{path.stat().st_size}")), None)


def gather(prepared: Path) -> None:
    """Put the tables of a small company into one file of the engine's own, where a query takes a third of the time that many small files take.

    For whoever asks a lot of one company, as the batch does: it takes about a second. Books opened later read that file.
    """
    if _gathered(prepared) or sum(file.stat().st_size for file in prepared.rglob("*.parquet")) > SMALL:
        return
    kept = prepared / "kept"
    half = kept / f"tables.{os.getpid()}"
    with suppress(OSError, duckdb.Error):  # a cache that is only to be read from, or a full disk: the Parquet files do as well
        kept.mkdir(exist_ok=True)
        try:
            with closing(_connect(prepared)) as con:
                _attach(con, half, "half")
                for name in VIEWS:
                    con.execute(f"create table half.{name} as from {name}")
                con.execute("detach half")
            for old in kept.glob("tables-*.duckdb"):  # of other code, or damaged
                old.unlink(missing_ok=True)
            half.replace(kept / f"tables-{code()[:24]}-{half.stat().st_size}.duckdb")
        finally:
            half.unlink(missing_ok=True)


def open_book(data: str, month: str, scope: str = "company") -> "Book":
    """Check the parameters, prepare the company or reuse what is prepared, and hand out its slices.

    data: a company folder; month: "YYYY-MM" or "latest"; scope: "company" or a store's id.
    Raises BadInput, in one sentence, when there is nothing to report.
    """
    meant = {"data": "a company folder", "month": 'a month such as 2025-03, or "latest"', "scope": '"company" or a store'}
    for name, value in {"data": data, "month": month, "scope": scope}.items():
        if not isinstance(value, str) or not value:
            raise BadInput(f"{name} must be text, not {value!r}: give {meant[name]}")
    company = open_company(data)
    prepared = prepare(company)
    book = Book(company, prepared, month, scope, _connect(prepared))
    months = book.months
    if not months:
        raise BadInput(f"every row of order_lines in {company.folder.name} is cancelled: nothing to report; check its column `status`")
    if month == "latest":
        book = Book(company, prepared, months[-1], scope, book.con)
    elif not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise BadInput(f"month {month} is not a month; this company has {months[0]} to {months[-1]}")
    elif month not in book.booked:
        raise BadInput(f"month {month} has no sales, refunds or costs; order_lines of this company has {months[0]} to {months[-1]}")
    for word, meaning in {"company": "all stores together", NOBODY["store"]: "what belongs to no store"}.items():
        if word in book.stores:
            raise BadInput(f"a store is called {word}, which is the word for {meaning}; give that store another id")
    if scope != "company" and scope not in book.stores:
        raise BadInput(f"{scope!r} is not a store; this company has {', '.join(book.stores)}{did_you_mean(scope, book.stores)}")
    if scope != "company" and scope not in book.active_stores:
        raise BadInput(f"store {scope} has no sales, costs, stock or target in the 90 days up to the end of {book.month}; {', '.join(book.active_stores)} had")
    return book


@dataclass(frozen=True)
class Book:
    """Slices of one prepared company, seen from one scope in one month. Every method returns a new, sorted frame."""

    company: Company
    prepared: Path
    month: str
    scope: str
    con: duckdb.DuckDBPyConnection = field(repr=False)
    memory: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.company.settings.name

    @property
    def currency(self) -> str:
        return self.company.settings.reporting_currency

    @property
    def stage(self) -> str:
        return self.company.settings.stage

    @property
    def policy(self) -> Policy:
        return self.company.policy

    @property
    def fingerprint(self) -> str:
        """The content of the company folder, the same on any machine."""
        return self.prepared.name.split("-")[0]

    @cached_property
    def months(self) -> list[str]:
        """Months with sales, all of the company."""
        return [row[0] for row in self.con.execute("select distinct month from spread where quantity > 0 order by 1").fetchall()]

    @cached_property
    def booked(self) -> list[str]:
        """Months with anything in the ledger: a month without a sale has refunds, ads and rent all the same."""
        return [row[0] for row in self.con.execute("select distinct month from spread order by 1").fetchall()]

    @cached_property
    def stores(self) -> list[str]:
        """Stores with order lines, all of the company."""
        return [row[0] for row in self.con.execute("select distinct store from spread where quantity > 0 order by 1").fetchall()]

    @cached_property
    def active_stores(self) -> list[str]:
        """Those of them about which the book's month can say something: in the ledger or in stock in the 90 days that end with it, or with a target."""
        days = {"start": (self.last_day - pd.Timedelta(days=90)).date(), "first": self.first_day.date(), "last": self.last_day.date()}
        found = self.con.execute(
            """select store from ledger where day > $start and day <= $last union select store from stock where date > $start and date <= $last
               union select entity from targets where level = 'store' and month = $first""",
            days,
        ).fetchall()
        return [store for store in self.stores if (store,) in found]

    @cached_property
    def missing(self) -> dict[str, str]:
        """Tables that the company doesn't have, and what each would switch on."""
        return {name: table.enables for name, table in TABLES.items() if name not in self.company.tables()}

    def lacks(self, *tables: str) -> str:
        """What these tables would switch on, as sentences (with a space before the first); empty where the company has them all."""
        return "".join(
            f" This company has no table {name}: it would switch on {self.missing[name]}." for name in tables if name in self.missing
        )

    @property
    def first_day(self) -> pd.Timestamp:
        return pd.Timestamp(self.month + "-01")

    @property
    def last_day(self) -> pd.Timestamp:
        return self.first_day + pd.offsets.MonthEnd(0)

    def months_back(self, count: int) -> list[str]:
        """The `count` calendar months that end with the book's month, oldest first, with or without sales."""
        return [str(month) for month in pd.period_range(end=self.month, periods=count, freq="M")]

    def record(self) -> pd.DataFrame:
        """What this run read: parameters, fingerprint of the input and rows loaded, for the end of a notebook. No clock time."""
        rows = self.sql("select cast(sum(loaded) as bigint) as loaded, cast(sum(set_aside) as bigint) as aside from loads").iloc[0]
        facts = {"company": self.name, "month": self.month, "scope": self.scope, "input fingerprint": self.fingerprint}
        facts |= {"rows loaded": f"{rows['loaded']:,}", "rows set aside": f"{rows['aside']:,}"}
        return pd.DataFrame({"what": list(facts), "value": list(facts.values())})

    def before(self, count: int = 1) -> "Book | None":
        """The same book `count` months earlier, or None when the company had no sales then."""
        month = self.months_back(count + 1)[0]
        if month not in self.memory:
            self.memory[month] = Book(self.company, self.prepared, month, self.scope, self.con) if month in self.months else None
        return self.memory[month]

    def whole(self) -> "Book":
        """The same month of the whole company, whatever the scope of the book."""
        if self.scope == "company":
            return self
        if "whole" not in self.memory:
            self.memory["whole"] = Book(self.company, self.prepared, self.month, "company", self.con)
        return self.memory["whole"]

    def sql(self, query: str, **values) -> pd.DataFrame:
        """A query over `ledger`, `spread`, `bases`, `stock`, `receipts`, `teams`, `customer_months` and every contract table; `$name` takes a keyword's value.

        Write `{scope}` where rows have a store: it limits them to the book's scope. Decimals come as floats.
        """
        return self._execute(query, values).df()

    def table(self, name: str, query: str, **values) -> str:
        """A query, as `sql` takes it, whose rows stay in the engine: made once for the book's month and scope; the name of the table."""
        made = f"{name}_{zlib.crc32(f'{self.month}/{self.scope}'.encode()):08x}"
        if made not in self.memory:
            self._execute(f"create or replace temp table {made} as {query}", values)
            self.memory[made] = True
        return made

    def _execute(self, query: str, values: dict) -> duckdb.DuckDBPyConnection:
        query = query.replace("{scope}", "true" if self.scope == "company" else "store = $scope")
        return self.con.execute(query, values | ({"scope": self.scope} if "$scope" in query else {}))

    @remembered
    def ladder(self, by: Sequence[str] = (), months: Sequence[str] | None = None, orders: bool = True) -> pd.DataFrame:
        """The margin ladder by any dimensions, marketing spread over the sales that it can have caused.

        by: any of SPREAD_DIMENSIONS; months: default the book's month. One row per combination, sorted by it: the dimensions
        (what belongs to nobody is named as in NOBODY), the ladder's lines and subtotals in the reporting currency, `quantity`
        (units sold), `base` (sales before refunds) and `orders` (distinct orders with a completed line). Money is summed from the
        ledger by month, orders are counted line by line: orders=False leaves them out where many months are asked for and nobody looks at them.
        """
        labels = "".join(f"{dimension_sql(name)} as {name}, " for name in by)
        joins = " ".join(JOINS[name] for name in by if name in JOINS)
        where = "where l.month in (select unnest($months)) and {scope}"
        same = f"using ({', '.join(by)})" if by else "on true"
        sums = ", ".join(f"coalesce(sum(l.{line}), 0) as {line}" for line in (*LINES, "quantity", "base"))  # a closed store has no row
        query = f"select {labels}{sums} from spread l {joins} {where} group by all"
        if orders:
            query = f"""with money as ({query}),
                     counts as (select {labels}count(distinct (l.store, l.order_id)) as orders from ledger l {joins} {where} and kind = 'sale' group by all)
                select money.*, coalesce(orders, 0) as orders from money left join counts {same}"""
        frame = self.sql(query, months=list(months) if months is not None else [self.month])
        frame = subtotals(frame.astype({"quantity": "int64"}))
        return frame.sort_values(list(by), ignore_index=True) if by else frame

    def order_sums(self, dimension: str | None, where: str, entities: Sequence[str] | None = None, **values) -> pd.DataFrame:
        """What each order brought, for a bootstrap over orders: entity, bucket, and the sums that ratios are made of.

        dimension: one of SPREAD_DIMENSIONS, or None for the whole scope; where: SQL over ledger columns, `$name` from values; entities:
        these alone (default: all). An order's sales and refunds stay together. Beyond BUCKETS orders several share a bucket, which
        leaves the interval as it is.
        """
        entity = dimension_sql(dimension)
        if entities is not None:
            where, values = f"({where}) and {entity} in (select unnest($entities))", values | {"entities": list(entities)}
        return self.sql(
            f"""select entity, bucket, sum(orders) as orders, {", ".join(f"sum({name}) as {name}" for name in _ORDER_SUMS)} from (
                    select *, row_number() over (partition by entity order by store, order_id) % {BUCKETS} as bucket from (
                        select {entity} as entity, l.store, l.order_id, 1 as orders,
                               {", ".join(f"cast(sum({what}) as decimal(38,14)) as {name}" for name, what in _ORDER_SUMS.items())}
                        from ledger l {JOINS.get(dimension, "")} where kind in ('sale', 'return') and {{scope}} and {where}
                        group by {entity}, l.store, l.order_id))
                group by entity, bucket order by entity, bucket""",
            **values,
        )

    def daily(self, by: Sequence[str] = (), start: str | pd.Timestamp | None = None, end: str | pd.Timestamp | None = None) -> pd.DataFrame:
        """The ladder by day (and dimensions), marketing as it was spent; default the days of the book's month."""
        keys = "".join(f", {name}" for name in by)
        sums = ", ".join(f"sum({line}) as {line}" for line in (*LINES, "quantity"))
        frame = self.sql(
            f"select day{keys}, {sums} from ledger where day between $start and $end and {{scope}} group by day{keys} order by day{keys}",
            start=pd.Timestamp(start or self.first_day).date(), end=pd.Timestamp(end or self.last_day).date(),
        )  # fmt: skip
        return subtotals(frame)


def dimension_sql(dimension: str | None) -> str:
    """SQL for a dimension of the ledger `l` (joined with JOINS), in which what belongs to nobody has its name; None: the company as a whole."""
    if dimension is None:
        return "'company'"
    if dimension not in SPREAD_DIMENSIONS:
        raise ValueError(f"{dimension!r} is not a dimension; take any of {', '.join(SPREAD_DIMENSIONS)}")
    if dimension == "month":
        return "l.month"
    column = {"category": "p.category", "team": "coalesce(nullif(l.team, ''), t.team)"}.get(dimension, f"l.{dimension}")
    return f"coalesce(nullif({column}, ''), '{NOBODY[dimension]}')"


def subtotals(frame: pd.DataFrame) -> pd.DataFrame:
    """Insert each subtotal of the margin ladder behind its last line; costs are negative, so a subtotal is a plain sum.

    >>> lines = pd.DataFrame([dict.fromkeys(LINES, 0.0) | {"gross_sales": 100.0, "discounts": -10.0, "cogs": -60.0}])
    >>> subtotals(lines)[["net_sales", "gross_profit", "operating_profit"]].values.tolist()
    [[90.0, 30.0, 30.0]]
    """
    ends = ("quantity", "base", "orders")
    columns = {name: frame[name] for name in frame if name not in LADDER and name not in SUBTOTALS and name not in ends}
    running, largest = np.zeros(len(frame)), np.zeros(len(frame))
    for line, subtotal in LADDER.items():
        columns[line] = frame[line].to_numpy(float) + 0.0  # no negative zeros
        running, largest = running + columns[line], np.fmax(largest, np.abs(columns[line]))
        columns.pop(subtotal, None)  # a subtotal stands behind its last line
        columns[subtotal] = _without_noise(running, largest)
    return pd.DataFrame(columns | {name: frame[name] for name in ends if name in frame}, index=frame.index)


def _without_noise(sums: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Sums of floats up to the 14th digit of their largest addend: what stands behind it comes from adding up, and not from the ledger, which has
    14 places of converted amounts (and 0.1 + 0.2 − 0.3 is no loss).

    >>> _without_noise(np.array([0.1 + 0.2 - 0.3, 1.41854 + 0.00000000002, 1e6 + 0.1 + 0.2]), np.array([0.3, 1.41854, 1e6])).tolist()
    [0.0, 1.41854000002, 1000000.3]
    """
    with np.errstate(divide="ignore"):
        places = np.clip(14 - np.ceil(np.log10(largest)), 0, 14)
    for each in np.unique(places):
        sums = np.where(places == each, sums.round(int(each)), sums)
    return sums + 0.0  # no negative zeros
