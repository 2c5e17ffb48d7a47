"""From the files of one `[[sources]]` entry to rows of contract tables, with every record's whereabouts and the platform's own total.

A record is loaded, set aside with its reason, or repeats one of another file. What a source leaves in the database, n being its number:
`raw_n` (raw_id, file_no, row_no, total, currency, state), `made_n_<table>`, `links_n`, `others_n`; and rows of `set_aside`,
`source_files`, `source_notes`. After the tables are loaded, `account` settles what became of each record and of each amount.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from helpers.contract import TABLES, BadInput
from helpers.files import NoHeader, TextTable, quote, read_text
from helpers.policy import did_you_mean
from helpers.sources import ADAPTERS, cells
from helpers.sources.adapter import Adapter, Field, match, plain, wanted
from helpers.text import join_names, label

UNREADABLE = {
    "amount": "not an amount (at most 4 decimals)", "integer": "not a whole number", "day": "not a day that can be read",
    "time": "not a time that can be read", "id": "an id that a spreadsheet has rounded: export it again as text", "flag": "neither true nor false",
}  # fmt: skip
SQL_KINDS = {"text": "varchar", "id": "varchar", "amount": "decimal(18,4)", "integer": "bigint", "day": "date", "time": "timestamp",
             "flag": "boolean"}  # fmt: skip
SUMMARY = "a total of other rows"
EMPTY = "an empty row"
UNSURE = "copies in other files that differ, while nothing in them tells which is newer: that of the last file by name was taken"
TWICE = "orders, settlements or days of campaigns that count twice, unless only their names are the same: another entry of this adapter and store has them too; name all files of a shop or an account in one entry"
SAME = "rows that are the same in every cell as an earlier one of their file: each such row counts once"
_READ = ("records", "aside", "repeats", "summaries", "headers")
"""What reading the files of a source leaves, and making its rows goes on with."""
_LEFT = {
    "links": "raw_id bigint, table_name varchar, out_id bigint",
    "skipped": 'raw_id bigint, "column" varchar, "value" varchar, reason varchar',
    "others": "raw_id bigint, currency varchar, what varchar, amount decimal(18,4)",
    "notes": "what varchar, rows bigint, amount decimal(38,4), currency varchar",
    "refusals": "reason varchar",
    "taken": "source_no integer, out_id bigint, what varchar",
}


@dataclass(frozen=True)
class Export:
    """One `[[sources]]` entry that names an adapter, checked: its files and what company.toml says of them."""

    adapter: Adapter
    files: tuple[Path, ...]
    folder: Path
    home: str
    zone: str
    """Reporting currency and time zone of the company."""
    options: dict[str, object]
    beside: tuple[tuple[int, str], ...] = ()
    """The company's other sources of the same store: number and adapter."""

    @property
    def label(self) -> str:
        store = self.options.get("store")
        return f"{self.adapter.name} ({store})" if store else self.adapter.name

    def name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()


def start(con: duckdb.DuckDBPyConnection) -> None:
    """Create what all sources write to."""
    con.execute(
        """create table source_files (source_no integer, source varchar, adapter varchar, file_no integer, file varchar, rows_in bigint,
               loaded bigint, set_aside bigint, repeated bigint, encoding varchar, unknown_columns varchar);
           create table source_totals (source varchar, adapter varchar, basis varchar, total_says varchar, currency varchar, part varchar,
               what varchar, amount decimal(38,4));
           create table source_notes (source varchar, what varchar, rows bigint, amount decimal(38,4), currency varchar);
           create table source_sums (source_no integer, table_name varchar, column_name varchar, currency varchar, loaded decimal(38,4), set_aside decimal(38,4));
           create table source_bad (source_no integer, table_name varchar, out_id bigint)"""
    )


def read_sources(con: duckdb.DuckDBPyConnection, exports: Sequence[Export], scratch: Path) -> dict[int, list[str]]:
    """Read all exports' files, then make their rows: each number with the contract tables for which there is a `made_<number>_<table>`.

    Raises BadInput, in one sentence, for a file that can't be used at all.
    """
    for number, export in enumerate(exports):
        _read_files(con, number, export, scratch)
        _derive(con, export.adapter)
        _set_documents_aside(con, export.adapter)
        _find_repeats(con, export)
        _rename(con, "", f"_{number}")
    for one, other in itertools.combinations(range(len(exports)), 2):
        _note_overlap(con, exports, one, other)
    order = list(ADAPTERS)
    made: dict[int, list[str]] = {}
    for number in sorted(
        range(len(exports)), key=lambda number: (bool(exports[number].adapter.sees), order.index(exports[number].adapter.name))
    ):
        _rename(con, f"_{number}", "")
        _make_rows(con, number, exports[number], made)
        _rename(con, "", f"_{number}")
        made[number] = list(exports[number].adapter.tables)
        _forget_temporary(con)
    for number in made:
        for table in _READ:
            con.execute(f"drop table {table}_{number}")
    return made


def _rename(con: duckdb.DuckDBPyConnection, old: str, new: str) -> None:
    """The tables of the source that is at work have bare names, those of the others end in their number."""
    for table in _READ:
        con.execute(f"alter table {table}{old} rename to {table}{new}")


def _make_rows(con: duckdb.DuckDBPyConnection, number: int, export: Export, made: dict[int, list[str]]) -> None:
    con.execute("create or replace temp view rows as select * from records anti join aside using (raw_id) anti join repeats using (raw_id)")
    for name, columns in _LEFT.items():
        con.execute(f"create or replace table {name} ({columns})")
    _show_seen(con, export, made)
    con.execute(_filled_in(export.adapter.sql, export))
    if refused := con.execute("select reason from refusals order by reason limit 1").fetchone():
        names = [export.name(path) for path in export.files]
        raise BadInput(f"{names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} more'}: {refused[0]}")
    _take_lines(con)
    con.execute('insert into aside select raw_id, "column", "value", reason from skipped')
    _keep(con, number, export)


def _forget_temporary(con: duckdb.DuckDBPyConnection) -> None:
    """Drops the temporary tables and views of an adapter's SQL, whose names must not meet others."""
    for kind in ("view", "table"):
        for (name,) in con.execute(f"select {kind}_name from duckdb_{kind}s() where temporary and not internal").fetchall():
            con.execute(f"drop {kind} {quote(name)}")


# ---- files to typed records ----------------------------------------------------------------------------------------------------


def header_of(adapter: Adapter, found: dict[str, tuple[int, str, str]]) -> Callable[[list[str]], list[str | None] | None]:
    """A judge of header records for `read_text`; what it matched last stays in `found`: as of `match`, and the header itself."""

    needed = sum(one.required for one in adapter.fields)

    def keep(texts: list[str]) -> list[str | None] | None:
        if sum(map(bool, texts)) < needed:  # most lines above a header, and all of them with another delimiter
            return None
        hits = match(texts, adapter.fields)
        if form_of(adapter, hits) is None:
            return None
        found.clear()
        found.update({name: (place, inside, texts[place]) for name, (place, inside) in hits.items()})
        names = {place: name for name, (place, _) in hits.items()}
        return [names.get(place) for place in range(len(texts))]

    return keep


def form_of(adapter: Adapter, hits: dict[str, tuple[int, str]]) -> str | None:
    """The first form of which a header has all fields; None where it has none."""
    return next((form for form, names in wanted(adapter).items() if all(name in hits for name in names)), None)


def _record_columns(adapter: Adapter) -> str:
    columns = [f"{one.name} {SQL_KINDS[one.kind]}" for one in adapter.fields]
    columns += [f"{one.name}_in_header varchar" for one in adapter.fields if any("*" in header for header in one.headers)]
    columns += ["form varchar"] if adapter.forms else []
    columns += [f"{name} varchar" for name in (*adapter.above, *adapter.derived)]
    return ", ".join(["raw_id bigint, file_no integer, row_no bigint, content ubigint", *columns])


def _read_files(con: duckdb.DuckDBPyConnection, number: int, export: Export, scratch: Path) -> None:
    adapter = export.adapter
    extra = [f"{one.name}_in_header" for one in adapter.fields if any("*" in header for header in one.headers)]
    con.execute(f"create or replace table records ({_record_columns(adapter)})")
    con.execute('create or replace table aside (raw_id bigint, "column" varchar, "value" varchar, reason varchar)')
    con.execute("create or replace table summaries (raw_id bigint)")
    con.execute("create or replace table headers (file_no integer, name varchar, header varchar)")
    first = 0
    for file_no, path in enumerate(export.files):
        found: dict[str, tuple[int, str, str]] = {}
        text = _read_file(con, export, path, found, scratch)
        con.executemany("insert into headers values (?, ?, ?)", [[file_no, name, header] for name, (*_, header) in found.items()])
        mark = export.options["decimal"] or _mark(con, export, path)
        readings = {one.name: _reading(con, one, export, path, mark) for one in adapter.fields if one.name in found}
        inner = "".join(reading.inner for reading in readings.values())
        joins = " ".join(reading.join for reading in readings.values())
        values = ", ".join(readings[one.name].value if one.name in readings else "null" for one in adapter.fields)
        values += "".join(f", '{found.get(name.removesuffix('_in_header'), (0, '', ''))[1].replace(chr(39), chr(39) * 2)}'" for name in extra)
        values += f", '{form_of(adapter, found)}'" if adapter.forms else ""
        told = (set(re.findall(pattern, text.above)) for pattern in adapter.above.values())
        values += "".join(f", {_literal(texts.pop() if len(texts) == 1 else None)}" for texts in told)
        values += ", null" * len(adapter.derived)
        con.execute(
            f"insert into records select row + {first}, {file_no}, row, content, {values} from (select *{inner} from text_in) cells {joins}"
        )
        if adapter.summary:
            absent = "".join(f", null as {one.name}" for one in adapter.fields if one.name not in readings)
            con.execute(f"insert into summaries select row + {first} from (select *{absent} from text_in) where {adapter.summary}")
            con.execute(f"insert into aside select raw_id, '', null, '{SUMMARY}' from summaries where raw_id >= {first}")
        known = ", ".join(one.name for one in adapter.fields if one.name in found)
        con.execute(f"insert into aside select row + {first}, '', null, '{EMPTY}' from text_in where coalesce({known}) is null")
        pairs = f"from records r join text_in t on r.row_no = t.row where r.file_no = {file_no}"
        unread = {
            one: f"r.{one.name} is null and t.{one.name} is not null and t.{one.name} not in {cells.BLANKS}"
            for one in adapter.fields
            if one.name in readings and one.kind != "text"
        }
        counts = con.execute(
            f"select count(*){''.join(f', count(*) filter (where {test})' for test in unread.values())} {pairs}"
        ).fetchone()
        for one in (one for one, count in zip(unread, counts[1:], strict=True) if count):
            con.execute(
                f"""insert into aside select raw_id, '{one.name}', t.{one.name}, '{UNREADABLE[one.kind]}' {pairs}
                    and {unread[one]} and raw_id not in (select raw_id from aside)"""
            )
        con.execute("insert into set_aside select ?, row, '', null, reason from text_in_rejects", [export.name(path)])
        con.execute(
            "insert into source_files values (?, ?, ?, ?, ?, ?, 0, ?, 0, ?, '')",
            [number, export.label, adapter.name, file_no, export.name(path), text.rows, text.rejected, text.encoding],
        )
        first += con.execute(
            "select coalesce(max(row), 0) + 1 from (select row from text_in union all select row from text_in_rejects)"
        ).fetchone()[0]


def _derive(con: duckdb.DuckDBPyConnection, adapter: Adapter) -> None:
    above = "over (partition by file_no order by row_no rows unbounded preceding)"
    readable = "raw_id not in (select raw_id from aside)"
    values = {
        name: f"select raw_id, last_value({name} ignore nulls) {above} as value from records qualify {name} is null and {readable}"
        for name in adapter.carried
    }
    for name, query in (values | adapter.derived).items():
        con.execute(f"update records set {name} = found.value from ({query}) found where records.raw_id = found.raw_id")


def _read_file(con: duckdb.DuckDBPyConnection, export: Export, path: Path, found: dict, scratch: Path) -> TextTable:
    adapter = export.adapter
    known = [one.name for one in adapter.fields]
    try:
        return read_text(con, path, "text_in", known, export.options["encoding"], scratch=scratch,
                         keep=header_of(adapter, found), literal_quotes=adapter.literal_quotes)  # fmt: skip
    except NoHeader as problem:
        best = max(problem.looked, key=lambda texts: len(match(texts, adapter.fields)))
        hits = match(best, adapter.fields)
        needed = min(wanted(adapter).values(), key=lambda names: sum(name not in hits for name in names) / len(names))
        missing = [one.headers[0] for one in adapter.fields if one.name in needed and one.name not in hits]
        if len(missing) == len(needed):
            raise BadInput(f"{export.name(path)} is no export that {adapter.name} reads: it has no column `{missing[0]}`") from None
        if len(missing) > len(needed) / 2:
            raise BadInput(
                f"{export.name(path)} is no export that {adapter.name} reads: it has no column {join_names(missing, 5)}"
            ) from None
        taken = {place for place, _ in hits.values()}
        hint = did_you_mean(plain(missing[0]), [plain(text) for place, text in enumerate(best) if text and place not in taken])
        raise BadInput(f"{export.name(path)} has no column `{missing[0]}`, which {adapter.name} needs{hint}") from None


def _reading(con: duckdb.DuckDBPyConnection, one: Field, export: Export, path: Path, mark: str) -> cells.Reading:
    options = export.options
    if one.kind == "text":
        return cells.Reading(f"case when {one.name} in {cells.BLANKS} then null else {one.name} end")
    if one.kind == "id":
        return cells.Reading(cells.identifier(one.name))
    if one.kind == "flag":
        return cells.Reading(cells.flag(one.name))
    if one.kind in ("amount", "integer"):
        reading = cells.amount(con, "text_in", one.name, mark)
        return reading if one.kind == "amount" else cells.Reading(cells.integer(reading.value), reading.inner, reading.join)
    day_first = options["day_first"]
    if day_first is None:
        day_first = cells.order_of_days(con, "text_in", one.name)
        if day_first is None:
            where = f"{export.name(path)}, column `{one.headers[0]}`"
            raise BadInput(f"{where}: nothing tells whether 03/04/2026 is in March or April; say day_first = true or false in company.toml")
        day_first = None if day_first == "none" else day_first
    if one.kind == "day":
        return cells.day(con, "text_in", one.name, day_first)
    return cells.moment(con, "text_in", one.name, options["timezone"] or export.zone, export.zone, day_first)


def _mark(con: duckdb.DuckDBPyConnection, export: Export, path: Path) -> str:
    columns = {row[0] for row in con.execute("select column_name from (describe text_in)").fetchall()}
    money, whole = ([one.name for one in export.adapter.fields if one.kind == kind and one.name in columns] for kind in ("amount", "integer"))
    amounts = money + whole
    mark = cells.decimal_mark(con, "text_in", amounts)
    if mark is None and cells.decimal_mark(con, "text_in", money):
        # only whole numbers leave it open, and what stands in them parts thousands
        commas = " or ".join(f"contains({name}, ',')" for name in whole)
        return "." if con.execute(f"select bool_or({commas}) from text_in").fetchone()[0] else ","
    if mark is None:
        example = _example(con, export.adapter, amounts, "[.,]")
        raise BadInput(
            f'{export.name(path)}, {example}: nothing tells whether that is a thousand or a little more than one; say decimal = "." or "," in company.toml'
        )
    if mark == "both":
        point, comma = (_example(con, export.adapter, amounts, rf"[{sign}]\d{{1,2}}\D*$") for sign in ".,")
        raise BadInput(
            f'{export.name(path)} has a decimal point ({point}) and a decimal comma ({comma}): export it again, or say decimal = "." or "," in company.toml'
        )
    return mark


def _example(con: duckdb.DuckDBPyConnection, adapter: Adapter, columns: list[str], pattern: str) -> str:
    """The first cell of these columns that fits a pattern, with its place, in words."""
    headers = {one.name: one.headers[0] for one in adapter.fields}
    cells_of = " union all ".join(f"select row, '{name}' as name, {name} as cell from text_in" for name in columns)
    found = con.execute(
        f"select row, name, cell from ({cells_of}) where regexp_matches(cell, ?) order by row, name limit 1", [pattern]
    ).fetchone()
    return f"row {found[0]}, `{headers[found[1]]}` {label(found[2], 30)!r}" if found else "some amounts"


# ---- documents and repeats -----------------------------------------------------------------------------------------------------


def _names(adapter: Adapter, lacked: set[str]) -> list[str]:
    """What tells a document from others, in files that lack some fields."""
    return [name for name in adapter.document if name not in lacked]


def _lacked(con: duckdb.DuckDBPyConnection, adapter: Adapter, sources: Sequence[str] = ("",)) -> set[str]:
    """Fields that some of the files have and others lack; of files whose form is part of the document, those of one form are compared.

    sources: what the names of their tables end in.
    """
    form = "form" if "form" in adapter.document else "null"
    files = " union all ".join(f"select distinct '{end}' as source, file_no, {form} as form from records{end}" for end in sources)
    known = " union all ".join(f"select '{end}' as source, file_no, name from headers{end}" for end in sources)
    return {
        name
        for (name,) in con.execute(
            f"""with files as ({files}), known as ({known}),
                     forms as (select form, count(*) as files from files group by form)
                select distinct name from known join files using (source, file_no) join forms on files.form is not distinct from forms.form
                group by name, forms.form, forms.files having count(*) < forms.files"""
        ).fetchall()
    }


def _set_documents_aside(con: duckdb.DuckDBPyConnection, adapter: Adapter) -> None:
    """A document of which one record can't be read is set aside whole: its totals stand on one record and count for all."""
    if not adapter.document:
        return
    names = _names(adapter, _lacked(con, adapter))
    key = ", ".join(names)
    same = " and ".join(f"r.{name} is not distinct from d.{name}" for name in ("file_no", *names))
    shown = "" if names[0] in adapter.derived else names[0]
    con.execute(
        f"""insert into aside select r.raw_id, '{shown}', r.{names[0]}, 'another record of the same document can''t be read'
            from records r join (select distinct file_no, {key} from records where raw_id in (select raw_id from aside where reason <> '{EMPTY}')) d on {same}
            where raw_id not in (select raw_id from aside)"""
    )


def _find_repeats(con: duckdb.DuckDBPyConnection, export: Export) -> None:
    """Fills `repeats` (raw_id): records that stand in a newer copy of their document, or twice in a file where that can't be meant."""
    adapter = export.adapter
    con.execute("create or replace table repeats (raw_id bigint)")
    if adapter.unique:
        con.execute(
            "insert into repeats select raw_id from records qualify row_number() over (partition by file_no, content order by row_no) > 1"
        )
    if adapter.document:
        lacked = _lacked(con, adapter)
        names = _names(adapter, lacked)
        key = ", ".join(names)
        same = " and ".join(f"r.{name} is not distinct from b.{name}" for name in names)
        grown = {f"grown_{number}": sql for number, sql in enumerate(adapter.grows)}
        used = [one.name for one in adapter.fields if one.name in names or re.search(rf"\b{one.name}\b", " ".join(adapter.grows))]
        used += [name for name in names if name not in used]
        known = ["own", *grown, "newest"]
        start = f"count(*) filter ({adapter.starts}) over (partition by file_no, {key} order by row_no rows unbounded preceding)"
        con.execute(
            f"""create or replace temp table cells as
                select raw_id, file_no, {", ".join(used)}, {f"greatest({start}, 1)" if adapter.starts else "1"} as copy, {adapter.newest or "null"} as newest,
                       hash({", ".join(one.name for one in adapter.fields if one.name not in lacked)}) as digest
                from records where {adapter.document[0]} is not null and raw_id not in (select raw_id from repeats);
                create or replace temp table copies as
                select file_no, copy, {key}, max(cells.newest) as own, {"".join(f"{sql} as {name}, " for name, sql in grown.items())}any_value(f.newest) as newest,
                       count(*) as size, bit_xor(digest) as digest
                from cells join (select file_no, max(newest) as newest from cells group by file_no) f using (file_no) group by file_no, copy, {key};
                create or replace temp table best as
                select * from copies
                qualify row_number() over (partition by {key} order by {", ".join(f"{name} desc nulls last" for name in known)}, file_no desc, copy desc) = 1;
                insert into repeats select raw_id from cells r join best b on {same} where r.file_no <> b.file_no or r.copy <> b.copy"""
        )
        con.execute(
            f"""insert into source_notes select ?, ?, count(*), null, null from copies r join best b on {same}
                where (r.file_no, r.copy) <> (b.file_no, b.copy) and (r.digest, r.size) <> (b.digest, b.size)
                      and {" and ".join(f"r.{name} is not distinct from b.{name}" for name in known)} having count(*) > 0""",
            [export.label, UNSURE],
        )
        _forget_temporary(con)
    con.execute("delete from aside where raw_id in (select raw_id from repeats)")


def _note_overlap(con: duckdb.DuckDBPyConnection, exports: Sequence[Export], one: int, other: int) -> None:
    """Notes documents that stand in two entries of an adapter and a store: two accounts may use the same names, so that nothing is refused."""
    adapter, store = exports[one].adapter, exports[one].options["store"]
    if adapter is not exports[other].adapter or store != exports[other].options["store"] or not adapter.document:
        return
    key = ", ".join(_names(adapter, _lacked(con, adapter, (f"_{one}", f"_{other}"))))
    used = " intersect ".join(
        f"""select {key} from records_{number} anti join aside_{number} using (raw_id) anti join repeats_{number} using (raw_id)
            where {adapter.document[0]} is not null"""
        for number in (one, other)
    )
    con.execute(f"insert into source_notes select ?, ?, count(*), null, null from ({used}) having count(*) > 0", [exports[one].label, TWICE])


# ---- what the adapter's SQL leaves ---------------------------------------------------------------------------------------------


def _literal(value: object) -> str:
    if value is None or value == "":
        return "cast(null as varchar)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"cast([{', '.join(map(_literal, value))}] as varchar[])"
    if isinstance(value, dict):
        return f"map({_literal(list(value))}, {_literal([str(text) for text in value.values()])})"
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _filled_in(sql: str, export: Export) -> str:
    values = export.options | {"home": export.home, "zone": export.zone, "beside": [adapter for _, adapter in export.beside]}
    return re.sub(r"\$([a-z_]+)", lambda found: _literal(values[found[1]]), sql)


def _show_seen(con: duckdb.DuckDBPyConnection, export: Export, made: dict[int, list[str]]) -> None:
    """Creates `<name>_rows` and `<name>_order_lines` for each adapter that this one sees; without rows where there is no such source."""
    lines = ", ".join(quote(column.name) for column in TABLES["order_lines"].columns)
    nothing = ", ".join(f"cast(null as varchar) as {quote(column.name)}" for column in TABLES["order_lines"].columns)
    for seen in export.adapter.sees:
        numbers = [number for number, name in export.beside if name == seen]
        con.execute(f"create or replace temp table no_{seen}_rows ({_record_columns(ADAPTERS[seen])})")
        usable = [
            f"from records_{number} anti join aside_{number} using (raw_id) anti join repeats_{number} using (raw_id)" for number in numbers
        ]
        con.execute(f"create or replace temp view {seen}_rows as {' union all '.join(usable or [f'from no_{seen}_rows'])}")
        found = [
            f"select {number} as source_no, out_id, {lines} from made_{number}_order_lines"
            for number in numbers
            if "order_lines" in made.get(number, ())
        ]
        none = f"select cast(0 as integer) as source_no, cast(0 as bigint) as out_id, {nothing} where false"
        con.execute(f"create or replace temp view {seen}_order_lines as {' union all '.join(found or [none])}")


def _take_lines(con: duckdb.DuckDBPyConnection) -> None:
    """Removes the order lines that this source has taken over; their records are then explained by it."""
    for (number,) in con.execute("select distinct source_no from taken order by 1").fetchall():
        con.execute("create or replace temp table mine as select out_id, what from taken where source_no = ?", [number])
        con.execute(
            f"""insert into others_{number}
                select raw_id, r.currency, what, coalesce(total, 0) - coalesce(told, 0)
                from mine join (select out_id, raw_id from made_{number}_order_lines
                                union select out_id, raw_id from links_{number} where table_name = 'order_lines') using (out_id)
                join raw_{number} r using (raw_id)
                left join (select raw_id, sum(amount) as told from others_{number} group by raw_id) using (raw_id)"""
        )
        con.execute(f"delete from made_{number}_order_lines where out_id in (select out_id from mine)")
        con.execute(f"delete from links_{number} where table_name = 'order_lines' and out_id in (select out_id from mine)")


def _keep(con: duckdb.DuckDBPyConnection, number: int, export: Export) -> None:
    """Puts what this source has made under its own number, and notes what was set aside or repeated."""
    adapter = export.adapter
    for table in adapter.tables:
        has = {row[0] for row in con.execute(f"select column_name from (describe made_{table})").fetchall()}
        columns = [f"cast({quote(one.name)} as varchar) as {quote(one.name)}" if one.name in has else f"cast(null as varchar) as {quote(one.name)}"
                   for one in TABLES[table].columns]  # fmt: skip
        con.execute(f"create table made_{number}_{table} as select out_id, raw_id, {', '.join(columns)} from made_{table}")
        con.execute(f"drop table made_{table}")
    con.execute(
        f"""create table raw_{number} as
            select raw_id, file_no, row_no, case when raw_id not in (select raw_id from summaries) then {adapter.total} end as total, coalesce({_filled_in(adapter.total_currency, export)}, {_literal(export.options["currency"])}, '{export.home}') as currency,
                   case when raw_id in (select raw_id from repeats) then 'repeated' when raw_id in (select raw_id from aside) then 'set aside' else 'read' end as state
            from records"""
    )
    for name in ("links", "others"):
        con.execute(f"create table {name}_{number} as from {name}")
    con.execute("insert into source_notes select ?, what, rows, amount, currency from notes where rows > 0", [export.label])
    in_total = [one.name for one in adapter.fields if re.search(rf"\b{one.name}\b", adapter.total)]
    what = "records were set aside for an amount that can't be read, so the platform's total, as it is read here, lacks it"
    con.execute(
        f"""insert into source_notes select ?, ?, count(*), null, null from raw_{number} semi join (from aside where "column" in (select unnest(?)) and reason = ?) using (raw_id)
            where state = 'set aside' and total is null having count(*) > 0""",
        [export.label, what, in_total, UNREADABLE["amount"]],
    )
    if adapter.unique:
        con.execute(
            f"""insert into source_notes select ?, ?, count(*), sum(r.total), r.currency
                from (select raw_id, first_value(raw_id) over (partition by file_no, content order by row_no) as first_id from records)
                join raw_{number} r using (raw_id) join raw_{number} f on first_id = f.raw_id
                where r.raw_id <> first_id and f.state = 'read' group by r.currency""",
            [export.label, SAME],
        )
    own = export.options["timezone"]
    if own and own != export.zone and not any(one.kind == "time" for one in adapter.fields):
        what = f"its days are those of {own}, the company's are those of {export.zone}: an amount may stand a day beside the sales that it brought"
        con.execute(
            f"insert into source_notes select ?, ?, count(*), null, null from raw_{number} where state = 'read' having count(*) > 0",
            [export.label, what],
        )
    con.execute(
        f"""insert into set_aside select file, row_no, coalesce(header, "column"), "value", reason from aside join raw_{number} using (raw_id)
            join (select file_no, file from source_files where source_no = {number}) using (file_no)
            left join headers on raw_{number}.file_no = headers.file_no and name = "column" order by raw_id"""
    )


# ---- after the tables are loaded -----------------------------------------------------------------------------------------------


def leave_out_unnamed_campaigns(con: duckdb.DuckDBPyConnection, number: int, export: Export) -> None:
    """Blanks an ad platform's campaign ids that no order line names: spend for a campaign reaches only sales of that campaign.

    To be called when `order_lines` is loaded, and before `marketing_spend` is.
    """
    if "marketing_spend" not in export.adapter.tables:
        return
    unknown = f"from made_{number}_marketing_spend where campaign_id is not null and campaign_id not in (select campaign_id from order_lines where campaign_id is not null)"
    what = "campaign ids that no order line names were left out, so that the spend reaches the products of its store and channel"
    con.execute(
        f"insert into source_notes select ?, ?, count(*), sum(cast(amount as decimal(18,4))), currency {unknown} group by currency",
        [export.label, what],
    )
    con.execute(f"update made_{number}_marketing_spend set campaign_id = null where rowid in (select rowid {unknown})")


def note_strange_stores(con: duckdb.DuckDBPyConnection, exports: Sequence[Export]) -> None:
    """Notes sources whose store has no order line: a store that is misspelt in company.toml keeps its money from its sales."""
    stores = {row[0] for row in con.execute("select distinct store from order_lines").fetchall()}
    for export in exports:
        if (store := export.options.get("store")) and store not in stores:
            what = f"the store `{store}` of company.toml has no order line{did_you_mean(store, stores)}"
            con.execute(
                "insert into source_notes select ?, ?, coalesce(sum(rows_in), 0), null, null from source_files where source = ?",
                [export.label, what, export.label],
            )


def account(con: duckdb.DuckDBPyConnection, number: int, export: Export) -> None:
    """What became of each record, and of the platform's total: rows of `source_files` and `source_totals`.

    The total = what the ledger's tables got + what was set aside + what belongs to no column, named + a difference, which is shown.
    """
    adapter = export.adapter
    made = [f"select '{table}' as table_name, out_id, raw_id from made_{number}_{table}" for table in adapter.tables]
    con.execute(
        f"""create or replace temp table placed as
            select raw_id, bool_or(bad) as bad from (
                select raw_id, b.out_id is not null as bad
                from ({" union all ".join([*made, f"select table_name, out_id, raw_id from links_{number}"])}) m
                left join (select * from source_bad where source_no = {number}) b using (table_name, out_id)
                union all select raw_id, false from others_{number})
            group by raw_id"""
    )
    con.execute(
        f"""insert into set_aside select file, row_no, '', null, 'a row that was made with it was set aside'
            from placed join raw_{number} using (raw_id) join (select file_no, file from source_files where source_no = {number}) using (file_no)
            where bad and state = 'read' and (file, row_no) not in (select (file, "row") from set_aside where "row" is not null) order by raw_id"""
    )
    con.execute(
        f"""update source_files set loaded = c.loaded, set_aside = source_files.set_aside + c.aside, repeated = c.repeated
            from (select file_no, count(*) filter (state = 'read' and not bad) as loaded, count(*) filter (state = 'repeated') as repeated,
                         count(*) filter (state = 'set aside' or (state = 'read' and bad)) as aside
                  from raw_{number} left join placed using (raw_id) group by file_no) c
            where source_no = {number} and source_files.file_no = c.file_no"""
    )
    signs = ", ".join(f"('{table}', '{column}', {sign})" for table, columns in adapter.tables.items() for column, sign in columns.items())
    if not signs:
        return
    con.execute(
        f"""insert into source_totals
            with signs(table_name, column_name, sign) as (values {signs}),
                 parts as (
                     select currency, 'total' as part, '' as what, sum(total) as amount from raw_{number} where state <> 'repeated' and total is not null group by currency
                     union all select currency, 'ledger', table_name || '.' || column_name, sum(sign * loaded) from source_sums join signs using (table_name, column_name)
                     where source_no = {number} group by all
                     union all select currency, 'set aside', '', sum(amount) from (
                         select currency, sum(total) as amount from raw_{number} where state = 'set aside' and total is not null group by currency
                         union all select currency, sum(sign * set_aside) from source_sums join signs using (table_name, column_name) where source_no = {number} group by currency)
                     group by currency
                     union all select currency, 'elsewhere', what, sum(amount) from others_{number} group by currency, what)
            select ?, ?, ?, ?, currency, part, what, amount from parts where amount <> 0 or part = 'total'
            union all
            select ?, ?, ?, ?, currency, 'difference', '', coalesce(sum(case when part = 'total' then amount else -amount end), 0) from parts group by currency""",
        [export.label, adapter.name, adapter.basis, adapter.total_says] * 2,
    )
