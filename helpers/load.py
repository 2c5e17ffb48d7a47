"""From rows as they came, text or typed, to checked tables: every input row is loaded, or set aside with file, row, column, value and reason.

All checks are queries; nothing loops over rows. What a row must look like comes from `contract.TABLES`.
"""

import errno
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from helpers.company import Company, Source, find_files
from helpers.contract import TABLES, BadInput, Column, Table
from helpers.files import NoHeader, blame, parquet_rows, quote, read_text, store, stored, text_of
from helpers.policy import did_you_mean
from helpers.sources.reading import account, leave_out_unnamed_campaigns, note_strange_stores, read_sources, start

DATE = r"(19|[2-9]\d)\d\d-\d\d-\d\d"
OFFSET = r"(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)"
_DECIMAL = r"[+-]?(\d{1,14}(\.\d{0,4}0*)?|\.\d{1,4}0*)"
# kind: what its text must match, the value in SQL, and the words for text that is something else
KINDS = {
    "text": (None, "{c}", ""),
    "amount": (_DECIMAL, "cast({c} as decimal(18,4))", "not a plain amount such as 1234.50 (at most 14 digits and 4 decimals)"),
    "number": (_DECIMAL, "cast({c} as decimal(18,4))", "not a plain number such as 12.5 (at most 14 digits and 4 decimals)"),
    "rate": (r"[+-]?(\d{1,8}(\.\d{0,10}0*)?|\.\d{1,10}0*)", "cast({c} as decimal(18,10))", "not a rate such as 7.1234 (at most 10 decimals)"),
    "integer": (r"[+-]?\d{1,9}(\.0+)?", "cast(regexp_replace({c}, '\\.0+$', '') as bigint)", "not a whole number of at most 9 digits"),
    "flag": ("(?i)true|false|1|0|yes|no", "(lower({c}) in ('true', '1', 'yes'))", "neither true nor false"),
    "date": (DATE + r"([ T]00:00(:00(\.0+)?)?)?", "try_cast(left({c}, 10) as date)", "not a day such as 2025-01-31"),
    "month": (r"(19|2\d)\d\d-\d\d(-01)?", "try_cast(left({c}, 7) || '-01' as date)", "not a month such as 2025-01"),
    "timestamp": (
        DATE.replace("[2-9]", "2") + rf"([ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?{OFFSET})?)?",
        # A time with an offset is moved to the company's zone; without one it is local already.
        f"case when regexp_matches({{c}}, ':.*{OFFSET}$')"
        f" then timezone({{zone}}, try_cast(regexp_replace({{c}}, ' ?({OFFSET})$', '\\1') as timestamptz))"
        " else try_cast({c} as timestamp) end",
        "not a time such as 2025-01-31 or 2025-01-31T18:30:00+08:00",
    ),
}
TYPES = {
    "text": "varchar", "amount": "decimal(18,4)", "number": "decimal(18,4)", "rate": "decimal(18,10)", "integer": "bigint", "flag": "boolean",
    "date": "date", "month": "date", "timestamp": "timestamp",
}  # fmt: skip
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_TIMES = "{c} >= timestamp '1900-01-01' and {c} < timestamp '3000-01-01'"
_DECIMAL_VALUE = "try_cast({c} as decimal(18,4))"
# kind and type of a cell that need not pass through text: its value, and what makes its text readable; {text} = what its text says after all
TYPED = {
    ("amount", "WHOLE"): (_DECIMAL_VALUE, "{c} between -99999999999999 and 99999999999999"),
    ("amount", "DECIMAL"): (_DECIMAL_VALUE, f"{_DECIMAL_VALUE} = {{c}}"),
    # a double that is the nearest one to an amount; beyond 10 digits before the point its text decides
    ("amount", "DOUBLE"): (f"case when abs({{c}}) < 1e10 and cast({_DECIMAL_VALUE} as double) = {{c}} then {_DECIMAL_VALUE} else {{text}} end", ""),
    ("integer", "WHOLE"): ("cast({c} as bigint)", "{c} between -999999999 and 999999999"),
    ("integer", "DOUBLE"): ("case when abs({c}) <= 999999999 and trunc({c}) = {c} then try_cast({c} as bigint) else {text} end", ""),
    ("flag", "BOOLEAN"): ("{c}", "true"),
    ("date", "DATE"): ("{c}", "{c} between date '1900-01-01' and date '9999-12-31'"),
    ("date", "TIMESTAMP"): (f"case when {_TIMES} and date_trunc('day', {{c}}) = {{c}} then cast({{c}} as date) else {{text}} end", ""),
    ("timestamp", "DATE"): ("cast({c} as timestamp)", "{c} between date '1900-01-01' and date '2999-12-31'"),
    ("timestamp", "TIMESTAMP"): ("{c}", _TIMES),
    ("timestamp", "TIMESTAMP_NS"): (
        "case when isfinite({c}) and {c} >= timestamp_ns '1900-01-01' and try_cast(try_cast({c} as timestamp) as timestamp_ns) = {c} then cast({c} as timestamp)"
        " else {text} end", ""
    ),
    ("timestamp", "TIMESTAMP WITH TIME ZONE"): (
        "timezone({zone}, {c})", "{c} >= timestamptz '1900-01-01 00:00:00+00' and {c} < timestamptz '3000-01-01 00:00:00+00'"
    ),
}  # fmt: skip
SALE = "store, order_id, line_no"
SMALL = 500_000  # order lines of a month of which two are written at a time, one in each thread
UNKNOWN = "-- edit: the file has no such column"  # behind a '?' in a proposed SELECT
FROM_EXPORTS = 1_000_000  # numbers from here on are exports', in the place of a file's number
DAY_OF_RATE = {  # the day whose exchange rate a row takes: a return its order's, a cost that of the day on which it is used
    "order_lines": "cast(ordered_at as date)", "returns": "cast(returned.ordered_at as date)", "marketing_spend": "date",
    "staffing": "month", "overheads": "month", "payouts": "paid_on", "purchases": "ordered_on",
    "cash_balances": "date", "product_costs": "date '9999-12-31'",
}  # fmt: skip


def load_tables(con: duckdb.DuckDBPyConnection, company: Company, scratch: Path) -> None:
    """Read, type and check every table of the company.

    Leaves in `con` one table per contract table (empty where the company has none); `order_lines` is a view of one Parquet file a month in
    the folder `scratch`, with the column `month`. Beside them stand `returned` (the order lines of which something came back),
    `set_aside` (file, row, column, value, reason), `loads` (table_name, file, rows_in, loaded, set_aside, repeated, encoding,
    unknown_columns; for an export, its adapter in place of the table), `source_totals` and `source_notes` (see sources/reading.py) and `amounts` (table_name, column_name, amount_in, loaded, set_aside: sums of the readable cells, the first one
    straight from the file; unreadable: filled cells that hold no number, and those of records that can't be told apart into cells).
    Raises BadInput where a table can't be used at all.
    """
    con.execute('create table set_aside (file varchar, "row" bigint, "column" varchar, "value" varchar, reason varchar)')
    con.execute(
        "create table loads (table_name varchar, file varchar, rows_in bigint, loaded bigint, set_aside bigint,"
        " repeated bigint, encoding varchar, unknown_columns varchar)"
    )
    con.execute(
        "create table amounts (table_name varchar, column_name varchar,"
        " amount_in decimal(38,4), loaded decimal(38,4), set_aside decimal(38,4), unreadable bigint)"
    )
    start(con)
    made = read_sources(con, company.exports, scratch)
    for name in dict.fromkeys(["fx_rates", "order_lines", *TABLES]):  # rates and sales first: the others are held against them
        if name == "marketing_spend":
            for number, export in enumerate(company.exports):
                leave_out_unnamed_campaigns(con, number, export)
        _load_table(con, company, TABLES[name], [number for number, tables in made.items() if name in tables], scratch)
    note_strange_stores(con, company.exports)
    for number, export in enumerate(company.exports):
        account(con, number, export)
    con.execute(
        "insert into loads select adapter, file, rows_in, loaded, set_aside, repeated, encoding, unknown_columns from source_files order by source_no, file_no"
    )


@dataclass(frozen=True)
class Part:
    """Some rows of a table as they came: SQL that yields the columns, and the type of each of these (none = trimmed text); SQL for the number
    of a row's file, and of the row in it; and how many more records the file itself spoils."""

    file_no: str
    source: str
    types: dict[str, str]
    row: str = "row"
    rejected: int = 0


@dataclass(frozen=True)
class Cell:
    """How one column of a part is read: SQL of the cell as it stands, of its value, and for a filled cell that has none; and its text."""

    raw: str
    value: str
    unreadable: str
    text: str
    by_text: bool


def _load_table(con: duckdb.DuckDBPyConnection, company: Company, table: Table, made: list[int], scratch: Path) -> None:
    """`made`: the numbers of the exports from which rows of this table were made; they follow the files, as file_no FROM_EXPORTS + number."""
    if table.name not in company.tables():
        con.execute(f"create table {table.name} ({', '.join(f'{quote(column.name)} {TYPES[column.kind]}' for column in table.columns)})")
        if table.name == "returns":
            con.execute("create table returned as from order_lines limit 0")
        return
    parts, folders = _read_inputs(con, company, table, made, scratch)
    try:
        _check_table(con, company, table, made, parts, scratch)
    except duckdb.Error:
        for path in folders:
            blame(con, path)
        raise
    for part in parts:
        if part.source.startswith("text_"):
            con.execute(f"drop table {part.source}")


def _check_table(con: duckdb.DuckDBPyConnection, company: Company, table: Table, made: list[int], parts: list[Part], scratch: Path) -> None:
    zone, home = (f"'{text.replace(chr(39), chr(39) * 2)}'" for text in (company.settings.timezone, company.settings.reporting_currency))
    cells = [{column.name: _cell(column, part, zone) for column in table.columns} for part in parts]
    reasons = [(name, reason) for name, _, reason in _checks(table, cells[0])]
    queries = []
    for part, own in zip(parts, cells, strict=True):
        bad = " ".join(f"when {condition} then {number}" for number, (_, condition, _) in enumerate(_checks(table, own)))
        values = ", ".join(
            f"coalesce(currency, {home}) as currency" if name == "currency" and table.name in DAY_OF_RATE else quote(name) for name in own
        )
        queries.append(f"select file_no, row_no, case {bad} end as bad, {values} from ({_values(part, own)})")
    # what had to be read from text is kept; typed cells are as quickly read again
    kind = "table" if any(cell.by_text for own in cells for cell in own.values()) else "view"
    con.execute(f"create {kind} checked as {' union all '.join(queries)}")
    con.execute("create table spoilt as select file_no, row_no, bad from checked where bad is not null")
    _show_good(con)
    if table.name == "returns":
        reasons += _check_sales(con, len(reasons))
    reasons += _check_currency(con, table, home, len(reasons))
    reasons += _check_keys(con, table, len(reasons))  # last: of rows with one key the first that is sound in itself counts
    columns = ", ".join(quote(column.name) for column in table.columns)
    if table.name == "order_lines":
        _store_lines(con, columns, scratch / "order_lines")
    else:
        con.execute(f"create table {table.name} as select {columns} from good order by file_no, row_no")
    _set_aside(con, table, made, parts, cells, reasons)
    _sum_amounts(con, table, parts, cells)
    _sum_sources(con, table, made)
    con.execute(f"drop {kind} checked; drop view good; drop table spoilt; drop table aside; drop table inputs")


def _store_lines(con: duckdb.DuckDBPyConnection, columns: str, folder: Path) -> None:
    """Write the good order lines to a file a month. Nothing else holds them all: there may be more than the memory and a database should."""
    folder.mkdir()
    queries, most = {}, 0
    months = con.execute("select cast(date_trunc('month', ordered_at) as date), count(*) from good group by 1 order by 1").fetchall()
    for first, rows in months:
        within = f"ordered_at >= timestamp '{first}' and ordered_at < timestamp '{first}' + interval 1 month"
        query = f"select {columns}, '{first:%Y-%m}' as month from good where {within} order by file_no, row_no"
        queries[folder / f"{first:%Y-%m}.parquet"], most = query, max(rows, most)
    queries = queries or {folder / "none.parquet": f"select {columns}, '' as month from good"}
    store(con, queries, at_once=2 if most < SMALL else 1)
    con.execute(f"create view order_lines as from {stored(folder)}")


def _cell(column: Column, part: Part, zone: str) -> Cell:
    name, kind, type_ = quote("cell " + column.name), column.kind, part.types.get(column.name)
    if type_ is None:  # the part has no such column
        return Cell("cast(null as varchar)", f"cast(null as {TYPES[kind]})", "false", name, False)
    text = text_of(name, type_) if type_ else name
    said = _said(column, text, zone)
    group = "WHOLE" if type_ in _WHOLE else type_.split("(")[0]
    known = TYPED.get(("amount" if kind == "number" else kind, group))
    if known is None:
        raw = text_of(quote(column.name), type_) if type_ else quote(column.name)
        return Cell(raw, _said(column, name, zone), f"{name} is not null and {quote(column.name)} is null", name, kind != "text")
    value, readable = (sql.format(c=name, text=said, zone=zone) for sql in known)
    unreadable = f"{name} is not null and {f'({readable}) is not true' if readable else f'{quote(column.name)} is null'}"
    if readable and kind in ("amount", "number"):  # an unreadable cell is worth nothing in the sums
        value = f"case when {readable} then {value} end"
    unpruned = column.name == "ordered_at" and type_ != "TIMESTAMP"
    return Cell(quote(column.name), value, unreadable, text, unpruned)


def _said(column: Column, text: str, zone: str) -> str:
    """SQL for the value that a text says, null where it says none."""
    pattern, value, _ = KINDS[column.kind]
    value = value.format(c=f"lower({text})" if column.choices else text, zone=zone)
    return f"case when regexp_full_match({text}, '{pattern}') then {value} end" if pattern else value


def _values(part: Part, cells: dict[str, Cell], where: str = "true") -> str:
    """SQL for the rows of a part: file_no, row_no, each cell as it stands (`cell <name>`) and its value (`<name>`)."""
    raw = ", ".join(f"{cell.raw} as {quote('cell ' + name)}" for name, cell in cells.items())
    values = ", ".join(f"{cell.value} as {quote(name)}" for name, cell in cells.items())
    rows = f"select {part.file_no} as file_no, {part.row} as row_no, {raw} from {part.source} where {where}"
    return f"select *, {values} from ({rows})"


def _sum_amounts(con: duckdb.DuckDBPyConnection, table: Table, parts: list[Part], cells: list[dict[str, Cell]]) -> None:
    """What came is read once more from the file; what was loaded, from the table; what was set aside, from the rows that were.

    Of a record that its file spoils no cell can be told: each of its amounts counts as unreadable.
    """
    names = [column.name for column in table.columns if column.kind == "amount"]
    if not names:
        return
    total = ", ".join(f"coalesce(sum({quote(name)}), 0)" for name in names)
    came = [con.execute(f"select {total} from ({_values(part, own)})").fetchone() for part, own in zip(parts, cells, strict=True)]
    kept = con.execute(f"select {total} from {table.name}").fetchone()
    unreadable = ", ".join(f"count({quote('text ' + name)}) - count({quote(name)})" for name in names)
    aside = con.execute(f"select {total}, {unreadable} from aside").fetchone()
    lost = [sum(part.rejected for part in parts if name in part.types) for name in names]
    rows = [[table.name, name, sum(sums[n] for sums in came), kept[n], aside[n], aside[len(names) + n] + lost[n]] for n, name in enumerate(names)]
    con.executemany("insert into amounts values (?, ?, ?, ?, ?, ?)", rows)


def _sum_sources(con: duckdb.DuckDBPyConnection, table: Table, made: list[int]) -> None:
    """Notes for the exports' accounts which of their rows were set aside, and the sums of the others, by currency."""
    for number in made:
        con.execute(f"insert into source_bad select {number}, '{table.name}', row_no from spoilt where file_no = {FROM_EXPORTS + number}")
        has_currency = any(column.name == "currency" for column in table.columns)
        for column in (column for column in table.columns if column.kind == "amount"):
            con.execute(
                f"""insert into source_sums select {number}, '{table.name}', '{column.name}', {"checked.currency" if has_currency else "''"},
                    coalesce(sum({quote(column.name)}) filter (spoilt.bad is null), 0),
                    coalesce(sum({quote(column.name)}) filter (spoilt.bad is not null), 0)
                    from checked left join spoilt using (file_no, row_no) where file_no = {FROM_EXPORTS + number} group by all"""
            )


def _read_inputs(
    con: duckdb.DuckDBPyConnection, company: Company, table: Table, made: list[int], scratch: Path
) -> tuple[list[Part], list[Path]]:
    """Find the rows of every input of the table and note the inputs in `inputs`; the Parquet files among them are still to be read."""
    paths = [(company.files[table.name].name, company.files[table.name])] if table.name in company.files else []
    for number, source in enumerate(source for source in company.settings.sources if source.table == table.name):
        raw = _write_raw(con, company, source, scratch / f"raw_{table.name}{number}.parquet", scratch) if source.files else None
        paths.append((source.sql, _run_source(company, source.sql, scratch / f"{table.name}{number}.parquet", raw)))
    con.execute("create temp table inputs (file_no integer, file varchar, rows_in bigint, encoding varchar, unknown_columns varchar)")
    parts, unread, inputs = [], [], []
    known = [column.name for column in table.columns]
    for label, path in paths:
        number = len(inputs)
        if path.is_dir() or path.suffix.lower() == ".parquet":
            found, columns, files = parquet_rows(con, path)
            encoding = ""
            unread.append(path)
            parts += [Part(f"{number} + file", one.source, one.columns, "file_row") for one in found]
            came = [(f"{label}/{file.name}" if path.is_dir() else label, rows, names) for file, rows, names in files]
        else:
            text = f"text_{table.name}_{number}"
            read = read_text(con, path, text, known=known, encoding=company.settings.encodings.get(table.name), scratch=scratch)
            columns, encoding, came = read.columns, read.encoding, [(label, read.rows, read.columns)]
            con.execute(
                f"insert into set_aside select ?, \"row\", '', case when ? then value end, reason from {text}_rejects",
                [label, set(columns) <= set(known)],  # a spoilt line may hold buyers' data in columns that are not kept
            )
            parts.append(Part(str(number), text, dict.fromkeys(columns, ""), rejected=read.rejected))
        _check_header(label, columns, table)
        for file, rows, names in came:
            unknown = ", ".join(name + did_you_mean(name, set(known) - set(columns)) for name in names if name not in known)
            inputs.append([len(inputs), file, rows, encoding, unknown])
    for number in made:
        source = f"(select out_id as row, * from made_{number}_{table.name})"
        parts.append(Part(str(FROM_EXPORTS + number), source, dict.fromkeys(known, "")))
    if inputs:
        con.executemany("insert into inputs values (?, ?, ?, ?, ?)", inputs)
    return parts, unread


def _check_header(label: str, columns: list[str], table: Table) -> None:
    for column in table.columns:
        if column.required and column.name not in columns:
            spare = [name for name in columns if name not in {known.name for known in table.columns}]
            near = did_you_mean(column.name, spare).replace("did you mean", "rename") or "; add it"
            raise BadInput(f"{label} has no column `{column.name}`, which {table.name} needs{near.rstrip('?')}")


def _checks(table: Table, cells: dict[str, Cell]) -> list[tuple[str, str, str]]:
    """(column, SQL condition for a bad cell, reason), the first that holds is the one that is told."""
    checks = []
    for column in table.columns:
        cell, value = quote("cell " + column.name), quote(column.name)
        if column.required:
            checks.append((column.name, f"{cell} is null", "missing"))
        if column.kind != "text":
            checks.append((column.name, cells[column.name].unreadable, KINDS[column.kind][2]))
        if column.choices:
            options = ", ".join(f"'{choice}'" for choice in column.choices)
            checks.append((column.name, f"{value} not in ({options})", f"not one of {', '.join(column.choices)}"))
        if column.minimum is not None:
            reason = "negative; costs and amounts are written positive" if column.minimum == 0 else f"below {column.minimum}"
            checks.append((column.name, f"{value} < {column.minimum}", reason))
        if column.kind == "rate":
            checks.append((column.name, f"{value} = 0", "a rate of 0 would make money worth nothing"))
        if column.maximum is not None:
            checks.append((column.name, f"{value} > {column.maximum}", f"above {column.maximum}"))
    return [*checks, *table.rules]


def _show_good(con: duckdb.DuckDBPyConnection) -> None:
    """`good`: the checked rows that are not spoilt, in any order; where none is, no join has to find that out."""
    some = con.execute("select count(*) from spoilt").fetchone()[0]
    con.execute(f"create or replace view good as from checked {'anti join spoilt using (file_no, row_no)' if some else ''}")


def _mark(con: duckdb.DuckDBPyConnection, number: int, rows: str) -> None:
    """Mark the rows (a query of file_no, row_no) as bad for reason `number`."""
    con.execute(f"insert into spoilt select file_no, row_no, {number} from ({rows})")
    _show_good(con)


def _check_keys(con: duckdb.DuckDBPyConnection, table: Table, number: int) -> list[tuple[str, str]]:
    """The rows that repeat a key: sought among those whose key has the hash of another one's, which are few."""
    if not table.key:
        return []
    key = ", ".join(quote(name) for name in table.key)
    nth = f"row_number() over (partition by {key} order by file_no, row_no)"
    con.execute(f"create temp table twice as select hash({key}) as hash from good group by hash having count(*) > 1")
    _mark(con, number, f"select file_no, row_no from good where hash({key}) in (select hash from twice) qualify {nth} > 1")
    con.execute("drop table twice")
    return [(" + ".join(table.key), "repeats the key of an earlier row")]


def _check_currency(con: duckdb.DuckDBPyConnection, table: Table, home: str, number: int) -> list[tuple[str, str]]:
    """Mark rows in another currency than the company's own that has no rate yet on the row's day."""
    if table.name not in DAY_OF_RATE:
        return []
    rows = f"good join returned using ({SALE})" if table.name == "returns" else "good"
    _mark(
        con,
        number,
        f"""select file_no, row_no
        from (select file_no, row_no, good.currency, {DAY_OF_RATE[table.name]} as day from {rows} where good.currency <> {home})
        left join (select currency, min(date) as first_day from fx_rates group by currency) using (currency)
        where first_day is null or first_day > day""",
    )
    return [("currency", "no exchange rate on or before the day; add it to fx_rates")]


def _check_sales(con: duckdb.DuckDBPyConnection, number: int) -> list[tuple[str, str]]:
    """Hold returns against the order lines that came back, which it leaves in `returned`."""
    con.execute(f"create table returned as select * from order_lines semi join good using ({SALE})")
    _mark(con, number, f"select file_no, row_no from good anti join returned using ({SALE})")
    _mark(con, number + 1, f"select file_no, row_no from good join returned using ({SALE}) where returned.status = 'cancelled'")
    return [
        ("order_id", "no such sale among the loaded order lines"),
        ("order_id", "the order line was cancelled, so there was no sale"),
    ]


def _set_aside(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    made: list[int],
    parts: list[Part],
    cells: list[dict[str, Cell]],
    reasons: list[tuple[str, str]],
) -> None:
    """Reads the cells of the rows that were set aside once more, as text, into `aside`, and notes each with its reason."""
    told = [
        f"""select file_no, row_no, {", ".join(map(quote, own))}, {", ".join(f"{cell.text} as {quote('text ' + name)}" for name, cell in own.items())}
            from ({_values(part, own, f"({part.file_no}, {part.row}) in (select (file_no, row_no) from spoilt)")})"""
        for part, own in zip(parts, cells, strict=True)
    ]
    con.execute(f"create temp table aside as select * from ({' union all '.join(told)}) join spoilt using (file_no, row_no)")
    columns = " ".join(f"when {number} then '{column}'" for number, (column, _) in enumerate(reasons))
    words = " ".join(f"when {number} then '{reason}'" for number, (_, reason) in enumerate(reasons))
    texts = {number: [quote("text " + part) for part in column.split(" + ")] for number, (column, _) in enumerate(reasons)}
    value = " ".join(f"when {number} then concat_ws(' + ', {', '.join(parts)})" for number, parts in texts.items())
    told = f"case bad {columns} end, nullif(case bad {value} end, ''), case bad {words} end"
    con.execute(f"""insert into set_aside select file, row_no, {told}
        from aside join inputs using (file_no) order by file_no, row_no""")
    for number in made:  # a row made from an export is named by the record that it was made from
        # A record from which several bad rows were made is listed once, with the first reason.
        con.execute(f"""insert into set_aside select file, raw.row_no, {told}
            from aside c join made_{number}_{table.name} m on c.row_no = m.out_id join raw_{number} raw using (raw_id)
            join (select file_no, file from source_files where source_no = {number}) f on raw.file_no = f.file_no
            where c.file_no = {FROM_EXPORTS + number} and (file, raw.row_no) not in (select (file, "row") from set_aside where "row" is not null)
            qualify row_number() over (partition by file, raw.row_no order by m.out_id) = 1 order by m.out_id""")
    con.execute(f"""insert into loads
        select '{table.name}', file, rows_in, coalesce(good, 0), rows_in - coalesce(good, 0), 0, encoding, unknown_columns
        from inputs left join (select file_no, count(*) as good from good group by file_no) using (file_no)
        order by file_no""")


def any_header(texts: list[str]) -> list[str | None] | None:
    """The header of a file of unknown kind: the first record with three names or more; further columns of one name get a number.

    >>> any_header(["Report"]), any_header(["Day", "Item", "Item", ""])
    (None, ['Day', 'Item', 'Item 2', None])
    """
    if sum(bool(text) for text in texts) < 3:
        return None
    return [
        text + (f" {texts[: place + 1].count(text)}" if text in texts[:place] else "") if text else None for place, text in enumerate(texts)
    ]


def _write_raw(con: duckdb.DuckDBPyConnection, company: Company, source: Source, out: Path, scratch: Path) -> Path:
    """The rows of a source's files as text, for its SELECT: their columns by name, `file` and `row`."""
    queries = []
    for number, path in enumerate(find_files(company.folder, source.files, source.sql)):
        name = path.relative_to(company.folder).as_posix()
        try:
            read = read_text(
                con, path, f"text_raw_{number}", encoding=company.settings.encodings.get(source.table), scratch=scratch, keep=any_header
            )
        except NoHeader:
            raise BadInput(f"{name} has no line with three column names or more, from which its columns could be told") from None
        con.execute(f"insert into set_aside select ?, row, '', null, reason from text_raw_{number}_rejects", [name])
        con.execute(
            "insert into loads values (?, ?, ?, ?, ?, 0, ?, '')",
            [f"read by {source.sql}", name, read.rows, read.rows - read.rejected, read.rejected, read.encoding],
        )
        literal = name.replace("'", "''")
        queries.append(f"select * exclude (content), '{literal}' as file from text_raw_{number}")
    con.execute(f"copy ({' union all by name '.join(queries)}) to '{str(out).replace(chr(39), chr(39) * 2)}' (format parquet)")
    return out


def _run_source(company: Company, sql_name: str, out: Path, raw: Path | None = None) -> Path:
    """Run an `sql` source in a process of its own (confined.py), which can read files inside the company folder and nothing else."""
    with suppress(OSError, UnicodeError):  # which the process will tell
        guesses = re.findall(rf"'\?' as \"?(\w+)\"?,?  {UNKNOWN}", (company.folder / sql_name).read_text(encoding="utf-8-sig"))
        if guesses:
            raise BadInput(f"{sql_name} says '?' for {', '.join(guesses)}, as it was proposed: write what it is, then run again")
    command = [sys.executable, "-I", str(Path(__file__).with_name("confined.py")), sql_name, str(out), *([str(raw)] if raw else [])]
    done = subprocess.run(command, cwd=company.folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if "No space left" in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if done.returncode:
        raise BadInput(f"{sql_name} did not run: {' '.join(done.stderr.strip().splitlines()[-1:]) or 'its process was killed'}")
    return out
