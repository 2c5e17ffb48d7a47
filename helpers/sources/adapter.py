"""What an adapter is: a platform's export described as data and one piece of SQL, from which `reading.py` makes rows of the contract.

An adapter module holds nothing but its docstring (which export, from where, with which traps and which choices) and `ADAPTERS`, a
tuple of `Adapter`. docs/adapters.md shows how to write the next one.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass, field

KINDS = ("text", "id", "amount", "integer", "day", "time", "flag")


@dataclass(frozen=True)
class Field:
    """One column of an export that is read: its name in the SQL, its kind, and the headers that it is known by, in any language.

    kind: `text`; `id` (text that must not have been a number on the way); `amount` DECIMAL(18,4); `integer`; `day` DATE; `time`
    TIMESTAMP in the company's time zone; `flag` BOOLEAN. In a header `*` stands for any text, which the SQL finds as `<name>_in_header`, and `#2` at
    its end for the second column of that name.
    """

    name: str
    kind: str
    headers: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Adapter:
    """How one kind of export is read.

    The SQL sees `rows`, whose columns are the fields and `raw_id` (a row's number over all files, in order), `file_no` and `row_no`:
    every readable row that repeats no other (`records` has the others too; a row that the SQL takes out of `repeats` (raw_id) counts again). `$store`, `$channel`, `$currency`, `$home` and `$zone` (the company's currency and time zone)
    and each option stand for what company.toml says, as SQL values. It leaves, for each table that it fills, a table `made_<table>` with `out_id` (a number of
    its own for each row), `raw_id` (the row that it was made from) and the contract's columns; and where there is need of them:
    `links` (raw_id, table_name, out_id): further rows that a made row was made from;
    `skipped` (raw_id, "column", "value", reason): rows that can't be used, with the field, its text and why;
    `others` (raw_id, currency, what, amount): parts of the platform's total that belong to no column of the contract, named in words;
    `notes` (what, rows, amount, currency): what a reader must know, such as money that had to be given a day;
    `refusals` (reason): why nothing can be made of these files, in words that end a sentence which begins with the files' names;
    `taken` (source_no, out_id, what): order lines of a source that it sees, in whose place it has made its own.
    Every row must be in one of them; a row that is in none is reported as lost.
    """

    name: str
    meaning: str
    fields: tuple[Field, ...]
    tables: dict[str, dict[str, int]]
    """Each contract table that it fills, with the sign that its money columns have in the platform's total."""
    basis: str
    """What the days of its rows are: `order date`, `settlement date` …"""
    sql: str
    total: str = "cast(null as decimal(18,4))"
    """SQL over a row: its part of the platform's own total; null for a row that has none."""
    total_says: str = ""
    """What that total is, in the words of the export."""
    total_currency: str = "cast(null as varchar)"
    options: dict[str, tuple[object, str]] = field(default_factory=dict)
    """What company.toml may say beside the common options: name → (default, meaning)."""
    summary: str = ""
    """SQL condition over a record's text that tells a total of other rows: it is set aside, and counts in no total."""
    forms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Kinds of files that belong together, each with the fields that make a file one of them; a record's is its column `form`."""
    document: tuple[str, ...] = ()
    """Fields, or columns of `derived`, that name a document (an order, a settlement): it is taken whole from the newest file that has it,
    or set aside whole. A field that one of the files lacks tells no documents apart. Without the first one a record belongs to none."""
    newest: str = ""
    """SQL over a record whose largest value tells which copy of a document is the newer one or, where they are equal, which file."""
    grows: tuple[str, ...] = ()
    """SQL over all records of a copy, of what only grows in a document's life: it tells the newer copy where their newest days are the same."""
    unique: bool = False
    """Whether a row that is the same in every cell as an earlier one of its file repeats it, which a note tells."""
    carried: tuple[str, ...] = ()
    """Fields that a blank cell takes from the row above."""
    above: dict[str, str] = field(default_factory=dict)
    """Further text columns, the same for all records of a file: name → regular expression that finds the value in the lines above the
    header; null where it finds nothing, or different texts."""
    derived: dict[str, str] = field(default_factory=dict)
    """Further text columns, worked out before documents are looked for: name → query over `records`, the records of all files, for the
    raw_id and the value of those that have one."""
    starts: str = ""
    """SQL that holds for the record with which a document begins: a file in which it begins twice holds two copies of it."""
    sees: tuple[str, ...] = ()
    """Adapters whose sources of the same store it sees: their records that can be used stand in `<name>_rows`, and the order lines that they
    made in `<name>_order_lines`, as text, with `source_no` and `out_id`; without such a source both have no rows. Adapters that see none
    make their rows first, then the others in the order of the list. `$beside` is the list of the adapters of all other sources of the store."""
    literal_quotes: bool = False
    """Whether `"` is a character like any other in its tab-separated form."""


def wanted(adapter: Adapter) -> dict[str, list[str]]:
    """The fields that a file must have, by form; one form called `` where the adapter knows no others."""
    always = [one.name for one in adapter.fields if one.required]
    return {form: list(dict.fromkeys([*always, *names])) for form, names in (adapter.forms or {"": ()}).items()}


def fields(*lines: str) -> tuple[Field, ...]:
    """Fields from lines `name kind | header; header; …`; `!` behind the kind marks a column that the file must have.

    >>> fields("cost amount! | Cost; Kosten")[0]
    Field(name='cost', kind='amount', headers=('Cost', 'Kosten'), required=True)
    """
    found = []
    for line in lines:
        left, headers = line.split("|", 1)
        name, kind = left.split()
        if kind.rstrip("!") not in KINDS:
            raise ValueError(f"{line!r}: {kind!r} is not one of {', '.join(KINDS)}")
        found.append(Field(name, kind.rstrip("!"), tuple(header.strip() for header in headers.split(";")), kind.endswith("!")))
    return tuple(found)


def plain(header: str) -> str:
    """A header without what spreadsheets and input methods change: width of letters, case, quotes, doubled spaces.

    >>> plain("店铺优惠（分摊）") == plain(" 店铺优惠(分摊)"), plain('"Order  ID"')
    (True, 'order id')
    """
    return " ".join(unicodedata.normalize("NFKC", header).replace("\ufeff", "").strip("\"' \t").casefold().split())


@functools.cache
def _pattern(header: str) -> re.Pattern:
    return re.compile(re.escape(plain(header)).replace(r"\*", "(.+)").replace(r"\#", "#"))


def match(cells: list[str], wanted: tuple[Field, ...]) -> dict[str, tuple[int, str]]:
    """Which column holds which field: name → (place, the text that `*` stood for). Fields without a column are left out.

    >>> match(["Day", "Amount spent (USD)"], fields("cost amount | Amount spent (*)", "day day | Day"))
    {'cost': (1, 'USD'), 'day': (0, '')}
    """
    seen: dict[str, int] = {}
    names = []
    for cell in cells:
        name = plain(cell)
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    found = {}
    for one in wanted:
        for header in one.headers:
            hits = [(place, _pattern(header).fullmatch(name)) for place, name in enumerate(names)]
            place, hit = next(((place, hit) for place, hit in hits if hit), (None, None))
            if hit and place not in {taken for taken, _ in found.values()}:
                original = re.fullmatch(r".*?\(([^()]*)\)\s*", unicodedata.normalize("NFKC", cells[place]))
                found[one.name] = (place, (original[1] if original else hit[1].upper()).strip() if hit.groups() else "")
                break
    return found
