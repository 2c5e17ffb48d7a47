"""Reads the cells of exports: amounts, whole numbers, ids and times as shops, spreadsheets and people write them.

A column of a million cells has few *shapes*: `Jun 9, 9999 99:99:99 PM PDT` is what is left of a time when every digit becomes a 9. So Python
understands each shape once, and SQL reads the digits of each cell from the places that the shape names.
Nothing is guessed: what a file leaves open (is 1,234 a thousand? is 03/04 in March?) is told by its other cells or by company.toml, or
the file is refused. A cell that can't be read sets its row aside.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

import duckdb
import pandas as pd

BLANKS = "('--', '—', '——', '-', '–')"
"""What platforms write for `not reported`."""

MOST_SHAPES = 50_000
_WIDE = "０１２３４５６７８９．，－＋（）：／−–　\u00a0\u202f’"
_NARROW = "0123456789.,-+():/--   '"
_DIGITS = "0123456789"
_UNITS = {"": 1, "万": 10_000, "萬": 10_000, "亿": 100_000_000}
_MARK_OF_MONEY = r"(?:[A-Z]{2,3}|[A-Z]{0,2}[$€£¥￥₹₽₩₺₫฿₱₴₪৳]|zł|kr|元|Rs\.?)"
_GROUPED = {  # a number with thousands in groups (of two in India), and its decimal mark
    ".": r"(?P<number>(?:9{1,3}(?:[, ']9{2,3})*[, ']999|9+)?(?:\.9+)?)",
    ",": r"(?P<number>(?:9{1,3}(?:[. ']999)+|9+)?(?:,9+)?)",
}
# In months of several languages, without points and accents: twelve a line.
_MONTHS = """
jan feb mar apr may jun jul aug sep oct nov dec
january february march april may june july august september october november december
janv fevr mars avr mai juin juil aout sept oct nov dec
janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
jan feb marz apr mai juni juli aug sept okt nov dez
januar februar marz april mai juni juli august september oktober november dezember
ene feb mar abr may jun jul ago sep oct nov dic
enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
gen feb mar apr mag giu lug ago set ott nov dic
gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
jan fev mar abr mai jun jul ago set out nov dez
janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro
jan feb mrt apr mei jun jul aug sep okt nov dec
januari februari maart april mei juni juli augustus september oktober november december
januari februari mars april maj juni juli augusti september oktober november december
jan feb mar apr maj jun jul aug sep okt nov dec
sty lut mar kwi maj cze lip sie wrz paz lis gru
stycznia lutego marca kwietnia maja czerwca lipca sierpnia wrzesnia pazdziernika listopada grudnia
oca sub mar nis may haz tem agu eyl eki kas ara
"""
MONTHS = {name: place + 1 for line in _MONTHS.strip().splitlines() for place, name in enumerate(line.split())}
ZONES = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "BST": 60, "WEST": 60, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120, "EEST": 180,
    "PST": -480, "PDT": -420, "MST": -420, "MDT": -360, "CST": -360, "CDT": -300, "EST": -300, "EDT": -240, "JST": 540, "IST": 330,
    "GST": 240, "SGT": 480, "AEST": 600, "AEDT": 660, "ACST": 570, "AWST": 480, "BRT": -180, "TRT": 180, "AST": 180,
}  # fmt: skip
"""Minutes east of Greenwich of the zones that marketplaces write; CST is that of Chicago, AST that of Riyadh."""

_TIME = (
    r"(?:[ T,]+(?P<hour>99?):(?P<minute>99)(?::(?P<second>99)(?:\.9+)?)?)?\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?"
    r"\s*(?:\(?(?P<zone>[A-Z]{1,5})?(?P<east>[+-](?:99:?(?:99)?|9))?\)?)?"
)
_FORMS = {  # how a day is written
    "year first": r"(?P<year>9999)[-/.](?P<month>99?)[-/.](?P<day>99?)",
    "cjk": r"(?P<year>9999)\s?年\s?(?P<month>99?)\s?月\s?(?P<day>99?)\s?日",
    "dots": r"(?P<day>99?)\.(?P<month>99?)\.(?P<year>9999)",
    "day first": r"(?P<day>99?)[/-](?P<month>99?)[/-](?P<year>9999)",
    "month first": r"(?P<month>99?)[/-](?P<day>99?)[/-](?P<year>9999)",
    "month word": r"(?:[^\W\d]{2,10}\.?,\s)?(?P<word>[^\W\d]{3,12})\.?\s(?P<day>99?)(?:st|nd|rd|th)?,?\s(?P<year>9999)",
    "word month": r"(?:[^\W\d]{2,12}\.?,\s)?(?P<day>99?)[. -]\s?(?:de\s)?(?P<word>[^\W\d]{3,12})\.?[ -]\s?(?:de\s)?(?P<year>9999)",
}
_PLACES = ("year", "month", "day", "hour", "minute", "second", "east")
_AMOUNT_SHAPE = "shape varchar, sign integer, scale bigint, short boolean"
_TIME_SHAPE = (
    "shape varchar, " + ", ".join(f"{name} integer, {name}_long integer" for name in _PLACES) + ", word integer, half varchar, zone integer"
)
_SLASHED = r"^(\d{1,2})[/-](\d{1,2})[/-]\d{4}\b.*$"


@dataclass(frozen=True)
class Reading:
    """How a text column is read: `value` in SQL, over a query that has the columns `inner` beside the text and is joined with `join`."""

    value: str
    inner: str = ""
    join: str = ""

    def cells(self, con: duckdb.DuckDBPyConnection, table: str) -> list:
        """The values of a small table, in its order."""
        found = con.execute(f"select n, {self.value} from (select *, rowid as n{self.inner} from {table}) cells {self.join} order by n")
        return [value for _, value in found.fetchall()]


def _narrow(cell: str) -> str:
    """SQL for a cell with narrow letters; most are narrow already, which is told faster than done."""
    return f"case when strlen({cell}) = length({cell}) then {cell} else translate({cell}, '{_WIDE}', '{_NARROW.replace(chr(39), chr(39) * 2)}') end"


def _shape(narrow: str) -> str:
    """SQL for the shape of a narrow cell: every digit a 9."""
    return f"translate({narrow}, '{_DIGITS}', '{'9' * 10}')"


def _by_shape(con: duckdb.DuckDBPyConnection, column: str, columns: str, rows: list[tuple], value: str) -> Reading:
    """The reading of a column whose cells are looked up by shape: in `value`, CELL is the narrow cell and LOOK the shape's row."""
    table = "shapes_of_" + column
    con.execute(f"create or replace table {table} ({columns})")
    frame = pd.DataFrame(rows, columns=[one.split()[0] for one in columns.split(", ")]).astype(object)
    con.from_df(frame.where(frame.notna(), None)).insert_into(table)
    inner = f", {_narrow(column)} as narrow_{column}, {_shape(f'narrow_{column}')} as shape_{column}"
    return Reading(
        value.replace("CELL", f"narrow_{column}").replace("LOOK", table), inner, f"left join {table} on {table}.shape = shape_{column}"
    )


def _easy_amount(mark: str) -> str:
    return r"-?\d{1,14}(\.\d{1,4})?" if mark == "." else r"-?\d{1,14}"


_EASY_DAY = r"\d{4}-\d\d-\d\d"
_EASY_TIME = _EASY_DAY + r"([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?"
_EASY_ZONED = _EASY_DAY + r" \d\d:\d\d:\d\d [+-]\d\d\d\d"


def shapes(con: duckdb.DuckDBPyConnection, table: str, column: str, easy: str) -> list[tuple[str, str]]:
    """The shapes of those cells of a text column that aren't `easy`, each with its smallest cell."""
    found = con.execute(
        f"""select {_shape(_narrow(column))} as shape, min({column}) from {table}
            where {column} is not null and {column} not in {BLANKS} and not regexp_full_match({column}, '{easy}')
            group by shape order by shape limit {MOST_SHAPES}"""
    )
    return found.fetchall()


# ---- amounts -------------------------------------------------------------------------------------------------------------------


def amount_shape(text: str, mark: str) -> tuple[int, int, bool] | None:
    """Sign and scale of an amount of this shape, and whether it has at most four decimals; None where it is none.

    >>> [amount_shape(text, ".") for text in ("9,99,999.99", "(99.99)", "-$9,999.9", "9.9万", "USD 9", "99-", "9,9", "9/9", "")]
    [(1, 1, True), (-1, 1, True), (-1, 1, True), (1, 10000, False), (1, 1, True), (-1, 1, True), None, None, None]
    >>> amount_shape("9.999,99 €", ","), amount_shape("9.999,99", ".")
    ((1, 1, True), None)
    """
    pattern = (
        rf"(?P<open>\()?\s*(?P<minus>-)?\+?\s*{_MARK_OF_MONEY}?\s*(?P<minus2>-)?\s*{_GROUPED[mark]}\s*(?P<unit>[万萬亿])?\s*{_MARK_OF_MONEY}?"
        r"\s*(?P<minus3>-)?\s*(?P<close>\))?"
    )
    found = re.fullmatch(pattern, text)
    if not found or not found["number"] or bool(found["open"]) != bool(found["close"]):
        return None
    minuses = sum(bool(found[name]) for name in ("open", "minus", "minus2", "minus3"))
    scale, (_, _, decimals) = _UNITS[found["unit"] or ""], found["number"].partition(mark)
    return None if minuses > 1 else (-1 if minuses else 1, scale, scale == 1 and len(decimals) <= 4)


def amount(con: duckdb.DuckDBPyConnection, table: str, column: str, mark: str) -> Reading:
    """A text column as amounts, DECIMAL(18,4); null = blank, or unreadable, as what has more than 4 decimals.

    >>> con = duckdb.connect()
    >>> def read(texts, mark):
    ...     con.execute("create or replace table t as select unnest(?) as c", [texts])
    ...     return [cell and float(cell) for cell in amount(con, "t", "c", mark).cells(con, "t")]
    >>> read(["1,44,957.78", "(12.50)", "$1,020.5", "1.2345万", "￥69.20", "-3", "１２．５", "1,2", "12.34567", "n/a"], ".")
    [144957.78, -12.5, 1020.5, 12345.0, 69.2, -3.0, 12.5, None, None, None]
    >>> read(["1.234,56", "1 020,50 €", "95,00", "-0,5", "7", "2.5"], ",")
    [1234.56, 1020.5, 95.0, -0.5, 7.0, None]
    """
    easy = _easy_amount(mark)
    plain = f"when regexp_full_match({column}, '{easy}') then cast({column} as decimal(18,4))"
    rows = [(text, *read) for text, _ in shapes(con, table, column, easy) if (read := amount_shape(text, mark))]
    if not rows:
        return Reading(f"case {plain} end")
    digits = f"replace(regexp_replace(CELL, '[^0-9{mark}]', '', 'g'), ',', '.')"
    near = f"case when LOOK.sign < 0 then -try_cast({digits} as decimal(18,4)) else try_cast({digits} as decimal(18,4)) end"
    # Eight decimals leave room for 1.2345万; what is then more than four decimals is no amount.
    wide = f"try_cast({digits} as decimal(24,8)) * LOOK.scale * LOOK.sign"
    sound = f"LOOK.sign is not null and {wide} = round({wide}, 4) and not regexp_matches(CELL, '[.,]\\d{{9,}}')"
    slow = f"when LOOK.short then {near} when {sound} then cast({wide} as decimal(18,4))"
    return _by_shape(con, column, _AMOUNT_SHAPE, rows, f"case {plain} {slow} end")


def decimal_mark(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> str | None:
    """The decimal mark of the amounts in these text columns: `.` or `,`; None where the file leaves it open, `both` where it mixes them.

    >>> con = duckdb.connect(); con.execute("create table t as select unnest(['1.234', '1.234,5']) as a, '7' as b") and None
    >>> decimal_mark(con, "t", ["a", "b"])
    ','
    >>> con.execute("create table u as select '1,234' as a") and None; decimal_mark(con, "u", ["a"])
    """
    open_, told = False, set()
    for column in columns:
        (plain,) = con.execute(f"select coalesce(bool_or(regexp_full_match({column}, '-?\\d+\\.\\d\\d?')), false) from {table}").fetchone()
        told |= {"."} if plain else set()
        for text, least in shapes(con, table, column, r"-?\d+(\.\d\d?)?"):
            sure = {mark for mark, other in (".,", ",.") if _tells(text, least, mark, other)}
            told |= sure
            open_ |= not sure and bool(re.search("[.,]", text)) and any(amount_shape(text, mark) for mark in ".,")
    if len(told) > 1:
        return "both"
    return told.pop() if told else None if open_ else "."


def _tells(text: str, least: str, mark: str, other: str) -> bool:
    """Whether a cell of this shape can only be read with this decimal mark."""
    if not amount_shape(text, mark):
        return False
    m, o = re.escape(mark), re.escape(other)
    small = re.match(rf"\D*0{m}", least) and not re.search(o, text)
    return bool(small or re.search(rf"9999{m}9|{m}(99?|9999+)\D*$|{o}9{{2,3}}{m}|9{o}9{{2,3}}{o}", text)) and not amount_shape(text, other)


def integer(value: str) -> str:
    """SQL for a whole number from that of an amount; 3.0 is one, 3.5 is not."""
    return f"case when {value} = trunc({value}) then cast({value} as bigint) end"


# ---- flags ---------------------------------------------------------------------------------------------------------------------

# As platforms write them, and as Excel does in the languages that it speaks, in capitals.
_TRUE = "TRUE YES 1 WAHR JA VRAI OUI VERDADERO SÍ VERO SÌ VERDADEIRO SIM WAAR PRAWDA TAK SANT SAND SANN TOSI PRAVDA IGAZ DOĞRU ИСТИНА ІСТИНА 真 是 はい"
_FALSE = "FALSE NO 0 FALSCH NEIN FAUX NON FALSO NÃO ONWAAR NEE FAŁSZ NIE FALSKT FALSK USANN EPÄTOSI NEPRAVDA HAMIS YANLIŞ ЛОЖЬ ХИБНІСТЬ 假 否 いいえ"


def flag(cell: str) -> str:
    """SQL for what is true or false, in any language; null where a cell says neither.

    >>> con = duckdb.connect()
    >>> [con.execute(f"select {flag('c')} from (values (?)) t(c)", [text]).fetchone()[0]
    ...  for text in ("true", "FALSCH", "vrai", "fałsz", "YANLIŞ", "假", "maybe")]
    [True, False, True, False, False, False, None]
    """
    true, false = ("('" + "', '".join(words.split()) + "')" for words in (_TRUE, _FALSE))
    return f"case when upper({cell}) in {true} then true when upper({cell}) in {false} then false end"


# ---- ids -----------------------------------------------------------------------------------------------------------------------


def identifier(cell: str) -> str:
    """SQL for an id: as it stands, without the marks that protect it; null where a spreadsheet has rounded it (1.23E+15, in German 1,23E+15).

    >>> con = duckdb.connect()
    >>> [con.execute(f"select {identifier('c')} from (values (?)) t(c)", [text]).fetchone()[0]
    ...  for text in ("00123", '="00123"', "'447", "1.234567E+6", "1,234567E+6", "1.23E+15", "4,00638E+12", "1E3-RED")]
    ['00123', '00123', '447', '1234567', '1234567', None, None, '1E3-RED']
    """
    bare = f"regexp_replace({cell}, '^(=\"(.*)\"|''+(.*))$', '\\2\\3')"
    exact = f"length(regexp_extract({cell}, '[.,](\\d+)', 1)) >= cast(regexp_extract({cell}, '(\\d+)$', 1) as integer)"
    repaired = f"cast(cast(cast(replace({cell}, ',', '.') as double) as hugeint) as varchar)"
    easy = f"regexp_full_match({cell}, '[A-Za-z0-9#_-]*[A-DF-Za-df-z#_-][A-Za-z0-9#_-]*|\\d+')"
    rounded = f"regexp_full_match({cell}, '\\d([.,]\\d+)?[Ee]\\+\\d{{1,2}}')"
    return f"case when {cell} in {BLANKS} then null when {easy} then {cell} when {rounded} then case when {exact} then {repaired} end else nullif({bare}, '') end"


# ---- days and times ------------------------------------------------------------------------------------------------------------


def time_shape(text: str, day_first: bool | None) -> list | None:
    """Where a time of this shape has its parts: a row of the table of shapes without the shape; None where it is no time.

    >>> time_shape("9999/9/99", None)[:6], time_shape("99/99/9999", None), time_shape("Foo 9, 9999", None)
    ([1, 4, 6, 1, 8, 2], None, None)
    """
    for name, form in _FORMS.items():
        if name.endswith("y first") and day_first is not True or name.startswith("month first") and day_first is not False:
            continue
        found = re.fullmatch(form + _TIME, text)
        if not found:
            continue
        groups = found.groupdict()
        word = _month(groups["word"]) if groups.get("word") else None
        zone = groups["zone"].upper() if groups["zone"] else None
        if (groups.get("word") and not word) or (zone and zone not in ZONES):
            return None
        places = []
        for part in _PLACES:
            start, end = found.span(part) if groups.get(part) else (None, None)
            places += [None, None] if start is None else [start + 1, end - start]
        half = groups["half"][0].lower() if groups["half"] else None
        return [*places, word, half, ZONES[zone] if zone else None]
    return None


def _month(word: str) -> int | None:
    letters = unicodedata.normalize("NFD", word.lower())
    return MONTHS.get("".join(letter for letter in letters if not unicodedata.combining(letter)))


def moment(con: duckdb.DuckDBPyConnection, table: str, column: str, own: str, home: str, day_first: bool | None) -> Reading:
    """A text column as TIMESTAMP in the company's zone `home`; null = blank or unreadable.

    A time without a zone of its own is of the zone `own`. A number, with either decimal mark, is a spreadsheet's count
    of days since 1899-12-30.

    >>> con = duckdb.connect(); con.execute("set TimeZone = 'UTC'") and None
    >>> def read(texts, day_first=None):
    ...     con.execute("create or replace table t as select unnest(?) as c", [texts])
    ...     return [str(cell) for cell in moment(con, "t", "c", "UTC", "Asia/Shanghai", day_first).cells(con, "t")]
    >>> read(["2026-05-01 10:00:00 +0200", "2026/5/1", "2025年12月31日 23:00"])
    ['2026-05-01 16:00:00', '2026-05-01 08:00:00', '2026-01-01 07:00:00']
    >>> read(["Jun 8, 2025 10:23:05 PM PDT", "1 Jul 2026 4:24:44 am UTC", "45384.5", "45384,5", "8. März 2026 12:00 MEZ", "17 July 2026 4:26:32 pm GMT+9"])
    ['2025-06-09 13:23:05', '2026-07-01 12:24:44', '2024-04-02 20:00:00', '2024-04-02 20:00:00', '2026-03-08 19:00:00', '2026-07-17 15:26:32']
    >>> read(["03/04/2026 10:00"], True), read(["03/04/2026 10:00"]), read(["2026-02-30", "2026-05-01T10:00:00Z", "2026-05-01 25:00:00 +0000"])
    (['2026-04-03 18:00:00'], ['None'], ['None', '2026-05-01 18:00:00', 'None'])
    """
    moved = "{}" if own == home else f"timezone('{home}', timezone('{own}', {{}}))"
    easy = f"when regexp_full_match({column}, '{_EASY_TIME}') then {moved.format(f'try_cast({column} as timestamp)')}"
    count = f"timestamp '1899-12-30' + to_seconds(cast(round(try_cast(replace({column}, ',', '.') as double) * 86400) as bigint))"
    zoned = f"timezone('{home}', try_cast(left({column}, 19) || right({column}, 5) as timestamptz))"
    easy += f" when regexp_full_match({column}, '{_EASY_ZONED}') then {zoned}"
    serial = f"when regexp_full_match({column}, '[2-7]\\d{{4}}([.,]\\d+)?') then {moved.format(count)}"
    rows = [(text, *read) for text, _ in shapes(con, table, column, f"{_EASY_TIME}|{_EASY_ZONED}") if (read := time_shape(text, day_first))]
    if not rows:
        return Reading(f"case {easy} {serial} end")

    def part(which: str) -> str:
        return f"coalesce(try_cast(substr(CELL, LOOK.{which}, LOOK.{which}_long) as integer), 0)"

    date = f"substr(CELL, LOOK.year, 4) || '-' || coalesce(LOOK.word, {part('month')}) || '-' || {part('day')}"
    hour = f"case when LOOK.half is null then {part('hour')} else {part('hour')} % 12 + case when LOOK.half = 'p' then 12 else 0 end end"
    inside = f"{part('hour')} < 24 and {part('minute')} < 60 and {part('second')} < 61"
    local = f"case when {inside} then try_cast({date} as timestamp) + to_seconds(3600 * ({hour}) + 60 * {part('minute')} + {part('second')}) end"
    minutes = "case when LOOK.east_long > 3 then cast(substr(CELL, LOOK.east + LOOK.east_long - 2, 2) as integer) else 0 end"
    east = f"case when substr(CELL, LOOK.east, 1) = '-' then -1 else 1 end * (60 * cast(substr(CELL, LOOK.east + 1, least(2, LOOK.east_long - 1)) as integer) + {minutes})"
    ahead = f"to_minutes(coalesce(LOOK.zone, 0) + case when LOOK.east is null then 0 else {east} end)"
    there = f"{local} - {ahead}" if home == "UTC" else f"timezone('{home}', timezone('UTC', {local} - {ahead}))"
    slow = f"when LOOK.shape is not null then case when LOOK.zone is null and LOOK.east is null then {moved.format(local)} else {there} end"
    return _by_shape(con, column, _TIME_SHAPE, rows, f"case {easy} {serial} {slow} end")


def day(con: duckdb.DuckDBPyConnection, table: str, column: str, day_first: bool | None) -> Reading:
    """A text column as DATE: the day that a cell names, where it was written."""
    reading = moment(con, table, column, "UTC", "UTC", day_first)
    value = f"case when regexp_full_match({column}, '{_EASY_DAY}') then try_cast({column} as date) else cast({reading.value} as date) end"
    return replace(reading, value=value)


def order_of_days(con: duckdb.DuckDBPyConnection, table: str, column: str) -> bool | None | str:
    """Whether 03/04/2026 in this column is the third of April: True or False, None where the file leaves it open, `none` without such days.

    >>> con = duckdb.connect(); con.execute("create table t as select unnest(['03/04/2026', '03/14/2026']) as c, '2026-03-04' as d") and None
    >>> order_of_days(con, "t", "c"), order_of_days(con, "t", "d")
    (False, 'none')
    """
    first, second, some = con.execute(
        f"""select coalesce(bool_or(cast(regexp_extract(c, '{_SLASHED}', 1) as integer) > 12), false),
                   coalesce(bool_or(cast(regexp_extract(c, '{_SLASHED}', 2) as integer) > 12), false), count(*) > 0
            from (select distinct left({column}, 11) as c from {table} where regexp_matches({column}, '{_SLASHED}'))"""
    ).fetchone()
    return "none" if not some else None if first == second else first
