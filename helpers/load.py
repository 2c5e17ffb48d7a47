"""From text rows to checked tables: every input row is loaded, or set aside with file, row, column, value and reason.

All checks are queries; nothing loops over rows. What a row must look like comes from `contract.TABLES`.
"""

import errno
import os
import subprocess
import sys
from pathlib import Path

import duckdb

from helpers.company import Company, Source, find_files
from helpers.contract import TABLES, BadInput, Column, Table
from helpers.files import NoHeader, TextTable, quote, read_text
from helpers.policy import did_you_mean
from helpers.sources.reading import account, leave_out_unnamed_campaigns, note_strange_stores, read_sources, start

DATE = r"(19|[2-9]\d)\d\d-\d\d-\d\d"
OFFSET = r"(Z|[+-](0\d|1[0-4]):?[0-5]\d)"
_DECIMAL = r"[+-]?\d{1,14}(\.\d{0,4}0*)?"
# kind: what its text must match, the value in SQL, and the words for text that is something else
KINDS = {
    "text": (None, "{c}", ""),
    "amount": (_DECIMAL, "cast({c} as decimal(18,4))", "not a plain amount such as 1234.50 (at most 4 decimals)"),
    "number": (_DECIMAL, "cast({c} as decimal(18,4))", "not a plain number such as 12.5 (at most 4 decimals)"),
    "rate": (r"[+-]?\d{1,8}(\.\d{0,10}0*)?", "cast({c} as decimal(18,10))", "not a rate such as 7.1234 (at most 10 decimals)"),
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
SALE = "store, order_id, line_no"
FROM_EXPORTS = 1_000_000  # numbers from here on are exports', in the place of a file's number
DAY_OF_RATE = {  # the day whose exchange rate a row takes: a return its order's, a cost that of the day on which it is used
    "order_lines": "cast(ordered_at as date)", "returns": "cast(order_lines.ordered_at as date)", "marketing_spend": "date",
    "staffing": "month", "overheads": "month", "payouts": "paid_on", "purchases": "ordered_on",
    "cash_balances": "date", "product_costs": "date '9999-12-31'",
}  # fmt: skip


def load_tables(con: duckdb.DuckDBPyConnection, company: Company, scratch: Path) -> None:
    """Read, type and check every table of the company.

    Leaves in `con` one table per contract table (empty where the company has none), and
    `set_aside` (file, row, column, value, reason), `loads` (table_name, file, rows_in, loaded, set_aside, repeated, encoding,
    unknown_columns; for an export, its adapter in place of the table), `source_totals` and `source_notes` (see sources/reading.py) and `amounts` (table_name, column_name, amount_in, loaded, set_aside: sums of the readable cells, the first one
    straight from the file; unreadable: filled cells that hold no number).
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


def _load_table(con: duckdb.DuckDBPyConnection, company: Company, table: Table, made: list[int], scratch: Path) -> None:
    """`made`: the numbers of the exports from which rows of this table were made; they follow the files, as file_no FROM_EXPORTS + number."""
    if table.name not in company.tables():
        con.execute(f"create table {table.name} ({', '.join(f'{quote(column.name)} {TYPES[column.kind]}' for column in table.columns)})")
        return
    inputs = _read_inputs(con, company, table, made, scratch)
    zone = "'" + company.settings.timezone.replace("'", "''") + "'"
    typed = {column.name: _value(column, zone) for column in table.columns}
    checks = [check for column in table.columns for check in _checks(column, typed[column.name])]
    bad = " ".join(f"when {condition} then {number}" for number, (_, condition, _) in enumerate(checks))
    values = ", ".join(f"case when {_readable(column)} then {typed[column.name]} end as {quote(column.name)}" for column in table.columns)
    texts = ", ".join(f"{quote(column.name)} as {quote('text ' + column.name)}" for column in table.columns)
    con.execute(f"create temp table checked as select file_no, row_no, case {bad} end as bad, {values}, {texts} from ({inputs})")
    reasons = [(column, reason) for column, _, reason in checks]
    reasons += _check_keys(con, table, len(reasons))
    if table.name == "returns":
        reasons += _check_sales(con, len(reasons))
    reasons += _check_currency(con, company, table, len(reasons))
    _set_aside(con, table, made, reasons)
    _sum_amounts(con, table, typed, inputs)
    _sum_sources(con, table, made)
    con.execute(f"create table {table.name} as select {', '.join(quote(c.name) for c in table.columns)} from checked where bad is null")
    con.execute("drop table checked")
    con.execute("drop table inputs")


def _sum_amounts(con: duckdb.DuckDBPyConnection, table: Table, typed: dict[str, str], inputs: str) -> None:
    columns = [column for column in table.columns if column.kind == "amount"]
    if not columns:
        return
    read = [f"coalesce(sum(case when {_readable(column)} then {typed[column.name]} end), 0)" for column in columns]
    came = con.execute(f"select {', '.join(read)} from ({inputs})").fetchone()
    kept = [
        f"coalesce(sum({cell}) filter (bad is null), 0), coalesce(sum({cell}) filter (bad is not null), 0), count({text}) - count({cell})"
        for cell, text in ((quote(column.name), quote("text " + column.name)) for column in columns)
    ]
    became = con.execute(f"select {', '.join(kept)} from checked").fetchone()
    rows = [[table.name, column.name, came[n], *became[3 * n : 3 * n + 3]] for n, column in enumerate(columns)]
    con.executemany("insert into amounts values (?, ?, ?, ?, ?, ?)", rows)


def _sum_sources(con: duckdb.DuckDBPyConnection, table: Table, made: list[int]) -> None:
    """Notes for the exports' accounts which of their rows were set aside, and the sums of the others, by currency."""
    for number in made:
        con.execute(
            f"insert into source_bad select {number}, '{table.name}', row_no from checked where file_no = {FROM_EXPORTS + number} and bad is not null"
        )
        has_currency = any(column.name == "currency" for column in table.columns)
        for column in (column for column in table.columns if column.kind == "amount"):
            con.execute(
                f"""insert into source_sums select {number}, '{table.name}', '{column.name}', {"currency" if has_currency else "''"},
                    coalesce(sum({quote(column.name)}) filter (bad is null), 0), coalesce(sum({quote(column.name)}) filter (bad is not null), 0)
                    from checked where file_no = {FROM_EXPORTS + number} group by all"""
            )


def _read_inputs(con: duckdb.DuckDBPyConnection, company: Company, table: Table, made: list[int], scratch: Path) -> str:
    """Read every input of the table as text; return a query over them and note them in `loads`."""
    paths = [(company.files[table.name].name, company.files[table.name])] if table.name in company.files else []
    for number, source in enumerate(source for source in company.settings.sources if source.table == table.name):
        raw = _write_raw(con, company, source, scratch / f"raw_{table.name}{number}.parquet", scratch) if source.files else None
        paths.append((source.sql, _run_source(company, source.sql, scratch / f"{table.name}{number}.parquet", raw)))
    con.execute("create temp table inputs (file_no integer, file varchar, rows_in bigint, encoding varchar, unknown_columns varchar)")
    queries = []
    known = [column.name for column in table.columns]
    for number, (label, path) in enumerate(paths):
        text = f"text_{table.name}_{number}"
        read = read_text(con, path, text, known=known, encoding=company.settings.encodings.get(table.name), scratch=scratch)
        _check_header(label, read, table)
        con.execute(
            f"insert into set_aside select ?, \"row\", '', case when ? then value end, reason from {text}_rejects",
            [label, set(read.columns) <= set(known)],  # a spoilt line may hold buyers' data in columns that are not kept
        )
        unknown = ", ".join(name + did_you_mean(name, set(known) - set(read.columns)) for name in read.columns if name not in known)
        con.execute("insert into inputs values (?, ?, ?, ?, ?)", [number, label, read.rows, read.encoding, unknown])
        cells = ", ".join(quote(name) if name in read.columns else f"cast(null as varchar) as {quote(name)}" for name in known)
        queries.append(f'select {number} as file_no, "row" as row_no, {cells} from {text}')
    for number in made:
        queries.append(
            f"select {FROM_EXPORTS + number} as file_no, out_id as row_no, {', '.join(quote(name) for name in known)} from made_{number}_{table.name}"
        )
    return " union all ".join(queries)


def _check_header(label: str, read: TextTable, table: Table) -> None:
    for column in table.columns:
        if column.required and column.name not in read.columns:
            spare = [name for name in read.columns if name not in {known.name for known in table.columns}]
            near = did_you_mean(column.name, spare).replace("did you mean", "rename") or "; add it"
            raise BadInput(f"{label} has no column `{column.name}`, which {table.name} needs{near.rstrip('?')}")


def _value(column: Column, zone: str) -> str:
    text = f"lower({quote(column.name)})" if column.choices else quote(column.name)
    return KINDS[column.kind][1].format(c=text, zone=zone)


def _readable(column: Column) -> str:
    pattern = KINDS[column.kind][0]
    return f"regexp_full_match({quote(column.name)}, '{pattern}')" if pattern else "true"


def _checks(column: Column, value: str) -> list[tuple[str, str, str]]:
    """(column, SQL condition for a bad cell, reason), the first that holds is the one that is told."""
    text, checks = quote(column.name), []
    if column.required:
        checks.append((column.name, f"{text} is null", "missing"))
    if column.kind != "text":
        value = f"(case when {_readable(column)} then {value} end)"
        checks.append((column.name, f"{text} is not null and {value} is null", KINDS[column.kind][2]))
    if column.choices:
        options = ", ".join(f"'{choice}'" for choice in column.choices)
        checks.append((column.name, f"lower({text}) not in ({options})", f"not one of {', '.join(column.choices)}"))
    if column.minimum is not None:
        reason = "negative; costs and amounts are written positive" if column.minimum == 0 else f"below {column.minimum}"
        checks.append((column.name, f"{value} < {column.minimum}", reason))
    if column.kind == "rate":
        checks.append((column.name, f"{value} = 0", "a rate of 0 would make money worth nothing"))
    if column.maximum is not None:
        checks.append((column.name, f"{value} > {column.maximum}", f"above {column.maximum}"))
    return checks


def _mark(con: duckdb.DuckDBPyConnection, number: int, rows: str) -> None:
    """Mark the rows (a query of file_no, row_no) as bad for reason `number`."""
    same = "checked.file_no = hit.file_no and checked.row_no = hit.row_no"
    con.execute(f"update checked set bad = {number} from ({rows}) as hit where {same}")


def _check_keys(con: duckdb.DuckDBPyConnection, table: Table, number: int) -> list[tuple[str, str]]:
    if not table.key:
        return []
    key = ", ".join(quote(name) for name in table.key)
    nth = f"row_number() over (partition by {key} order by file_no, row_no)"
    _mark(con, number, f"select file_no, row_no from checked where bad is null qualify {nth} > 1")
    return [(" + ".join(table.key), "repeats the key of an earlier row")]


def _check_currency(con: duckdb.DuckDBPyConnection, company: Company, table: Table, number: int) -> list[tuple[str, str]]:
    """Fill a blank currency with the company's own, and mark rows in another one that has no rate yet on the row's day."""
    if table.name not in DAY_OF_RATE:
        return []
    home = "'" + company.settings.reporting_currency.replace("'", "''") + "'"
    con.execute(f"update checked set currency = {home} where currency is null")
    day = DAY_OF_RATE[table.name]
    rows = f"checked join order_lines using ({SALE})" if table.name == "returns" else "checked"
    _mark(
        con,
        number,
        f"""select file_no, row_no
        from (select file_no, row_no, checked.currency, {day} as day from {rows} where bad is null)
        left join (select currency, min(date) as first_day from fx_rates group by currency) using (currency)
        where currency <> {home} and (first_day is null or first_day > day)""",
    )
    return [("currency", "no exchange rate on or before the day; add it to fx_rates")]


def _check_sales(con: duckdb.DuckDBPyConnection, number: int) -> list[tuple[str, str]]:
    _mark(con, number, f"select file_no, row_no from checked anti join order_lines using ({SALE}) where bad is null")
    cancelled = "order_lines.status = 'cancelled'"
    _mark(con, number + 1, f"select file_no, row_no from checked join order_lines using ({SALE}) where bad is null and {cancelled}")
    return [
        ("order_id", "no such sale among the loaded order lines"),
        ("order_id", "the order line was cancelled, so there was no sale"),
    ]


def _set_aside(con: duckdb.DuckDBPyConnection, table: Table, made: list[int], reasons: list[tuple[str, str]]) -> None:
    columns = " ".join(f"when {number} then '{column}'" for number, (column, _) in enumerate(reasons))
    words = " ".join(f"when {number} then '{reason}'" for number, (_, reason) in enumerate(reasons))
    texts = {number: [quote("text " + part) for part in column.split(" + ")] for number, (column, _) in enumerate(reasons)}
    value = " ".join(f"when {number} then concat_ws(' + ', {', '.join(parts)})" for number, parts in texts.items())
    told = f"case bad {columns} end, nullif(case bad {value} end, ''), case bad {words} end"
    con.execute(f"""insert into set_aside select file, row_no, {told}
        from checked join inputs using (file_no) where bad is not null order by file_no, row_no""")
    for number in made:  # a row made from an export is named by the record that it was made from
        con.execute(f"""insert into set_aside select file, raw.row_no, {told}
            from checked c join made_{number}_{table.name} m on c.row_no = m.out_id join raw_{number} raw using (raw_id)
            join (select file_no, file from source_files where source_no = {number}) f on raw.file_no = f.file_no
            where c.file_no = {FROM_EXPORTS + number} and bad is not null order by m.out_id""")
    con.execute(f"""insert into loads
        select '{table.name}', file, rows_in, coalesce(good, 0), rows_in - coalesce(good, 0), 0, encoding, unknown_columns
        from inputs left join (select file_no, count(*) as good from checked where bad is null group by file_no) using (file_no)
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
                con, path, f"raw_{number}", encoding=company.settings.encodings.get(source.table), scratch=scratch, keep=any_header
            )
        except NoHeader:
            raise BadInput(f"{name} has no line with three column names or more, from which its columns could be told") from None
        con.execute(f"insert into set_aside select ?, row, '', null, reason from raw_{number}_rejects", [name])
        con.execute(
            "insert into loads values (?, ?, ?, ?, ?, 0, ?, '')",
            [f"read by {source.sql}", name, read.rows, read.rows - read.rejected, read.rejected, read.encoding],
        )
        literal = name.replace("'", "''")
        queries.append(f"select * exclude (content), '{literal}' as file from raw_{number}")
    con.execute(f"copy ({' union all by name '.join(queries)}) to '{str(out).replace(chr(39), chr(39) * 2)}' (format parquet)")
    return out


def _run_source(company: Company, sql_name: str, out: Path, raw: Path | None = None) -> Path:
    """Run an `sql` source in a process of its own (confined.py), which can read files inside the company folder and nothing else."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("confined.py")), sql_name, str(out), *([str(raw)] if raw else [])]
    done = subprocess.run(command, cwd=company.folder, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if "No space left" in done.stderr:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if done.returncode:
        raise BadInput(f"{sql_name} did not run: {' '.join(done.stderr.strip().splitlines()[-1:]) or 'its process was killed'}")
    return out
