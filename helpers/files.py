"""Files of a company folder as text rows in DuckDB: nothing guessed, nothing lost.

A sound CSV is read by DuckDB alone. DuckDB 2.0 can't be trusted with a spoiled one: its list of rejected lines counts blank lines and
loses its place after a broken quote, and a quote that is never closed can drop the rest of the file without a word. So the records
are also counted in the bytes, and a file in which anything is wrong is read again, record by record: slower, but all accounted for.
"""

import codecs
import csv
import errno
import io
import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb

from .contract import BadInput

DELIMITERS = ",;\t|"
PREAMBLE = 50  # records of an export among which its header is looked for
CELL_LIMIT = 2**24  # characters; a longer cell is an open quote that swallows the file
SHOWN = 1000  # characters of a spoiled record that are kept to find it by
BAD = "\udcff"  # stands for bytes that don't decode: no sound text holds a lone surrogate
WHITE = " \t\n\r\v\f\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r"))
MAGIC = {
    b"PK\x03\x04": "an Excel workbook or another zip archive", b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip archive", b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
    b"SQLite format 3": "a database",
}  # fmt: skip

SPREADSHEETS = (".xlsx", ".xlsm", ".xls")
Keep = Callable[[list[str]], list[str | None] | None]
"""Is this record the header of an export? None where it isn't, else the name that each column is kept under, None for one that is not."""


class NoHeader(BadInput):
    """No record of an export is the header that was looked for; `looked` are the records that it might have been."""

    def __init__(self, file: str, looked: list[list[str]]):
        super().__init__(f"{file} has no header that is known")
        self.file, self.looked = file, looked


codecs.register_error("helpers.files", lambda error: (BAD, error.end))


@dataclass(frozen=True)
class TextTable:
    """What a file held: its columns in order, its data records (`rejected` ones included), and how it was read."""

    columns: list[str]
    rows: int
    rejected: int
    encoding: str
    delimiter: str
    above: str = ""
    """The records above the header of an export, a line each."""


def quote(name: str) -> str:
    """A name as a SQL identifier, whatever it holds.

    >>> print(quote('a"b c'))
    "a""b c"
    """
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class _Header:
    """Where the data of a CSV begin and what its columns are called."""

    columns: list[str]
    kept: list[tuple[int, str]]  # place and name of the columns that are read
    named: int  # columns up to the last that the file names
    delimiter: str
    quotes: bool  # whether `"` quotes a cell; else it is a character like any other
    before: int  # records before the header
    skip: int  # lines before the header
    plain: bool  # whether the header is exactly one line
    above: str  # the records before the header


def read_text(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    into: str,
    known: Collection[str] = (),
    encoding: str | None = None,
    *,
    scratch: Path,
    keep: Keep | None = None,
    literal_quotes: bool = False,
) -> TextTable:
    """What does this CSV, spreadsheet or Parquet file (or folder of Parquet files) hold, cell for cell?

    Creates the table `into`: `row` BIGINT, the record's number (CSV: the header is record 1; Parquet: the first row is 1), then one
    VARCHAR column per column of the file, white space trimmed, blank = NULL. Records that the file itself spoils go to
    `<into>_rejects`: row, value (the record's text, cut to 1000 characters), reason. Blank lines are no records.
    A column without a name gets `column N`; one that is itself called `row` gets `row_`.
    `known` are the expected column names, which decide between delimiters. `encoding` overrides the detection.
    With `keep`, for an export: its header may stand below other lines and is found by content, only the columns that are kept are
    read, and `content` UBIGINT, a hash of the whole record, tells repeated records. With `literal_quotes`, `"` quotes nothing in a
    tab-separated file. Of a spreadsheet the first sheet with a header is read.
    Temporary files go to the folder `scratch` and are removed. Raises BadInput when the file as a whole can't be read.
    """
    path, name = Path(path), Path(path).name
    con.execute(f"CREATE OR REPLACE TABLE {quote(into + '_rejects')} (row BIGINT, value VARCHAR, reason VARCHAR)")
    try:
        if path.is_dir() or path.suffix.lower() == ".parquet":
            return _read_parquet(con, path, into, keep)
        if path.suffix.lower() in SPREADSHEETS:
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                sheet = Path(folder) / name
                _write_sheet(path, sheet, known, keep)
                return replace(_read_csv(con, sheet, into, known, "utf-8", scratch, keep, False), encoding="", delimiter="")
        return _read_csv(con, path, into, known, encoding, scratch, keep, literal_quotes)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = {errno.EACCES: "no permission", errno.EPERM: "no permission", errno.ENOENT: "it isn't there"}.get(error.errno, error.strerror)
        raise BadInput(f"{name} can't be read ({why}): check that it exists and that you may open it") from error


# --- CSV ---------------------------------------------------------------------------------------------------------------


def _read_csv(
    con, path: Path, into: str, known: Collection[str], encoding: str | None, scratch: Path, keep: Keep | None, literal_quotes: bool
) -> TextTable:
    _refuse_binary(path)
    encoding = _detect(path) if encoding is None else _named(encoding, path)
    try:
        header = _header(path, encoding, known, keep, literal_quotes)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            source = path if encoding == "utf-8" and not header.skip else Path(folder) / "utf-8.csv"
            sound = _is_utf8(path) if source == path else _transcode(path, encoding, source, header.skip)
            # DuckDB takes blank lines of a single column for records, and the wrong line for a header that isn't the first line.
            records = None
            if not (sound and header.plain and len(header.columns) > 1 and _load_sound(con, source, into, header, keep is not None)):
                records = _load_by_record(con, path, into, header, encoding, Path(folder), keep is not None)
    except UnicodeError as error:
        raise _not_text(path, encoding) from error
    rows, rejected = (con.execute(f"SELECT count(*) FROM {quote(table)}").fetchone()[0] for table in (into, into + "_rejects"))
    if records not in (None, rows + rejected):
        raise RuntimeError(f"{path.name}: {records} records were found, but {rows + rejected} loaded")
    columns = [name for _, name in header.kept] if keep else _without_padding(con, into, header.columns, header.named)
    return TextTable(columns, rows + rejected, rejected, encoding, header.delimiter, header.above)


def _without_padding(con, into: str, columns: list[str], named: int) -> list[str]:
    """Leaves out the empty columns without a name with which spreadsheets fill up the right edge."""
    while len(columns) > named and not con.execute(f"SELECT count({quote(columns[-1])}) FROM {quote(into)}").fetchone()[0]:
        con.execute(f"ALTER TABLE {quote(into)} DROP COLUMN {quote(columns[-1])}")
        columns = columns[:-1]
    return columns


def _refuse_binary(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(2**16)
    if not start:
        raise BadInput(f"{path.name} is empty (0 bytes): export it again")
    for magic, what in MAGIC.items():
        if start.startswith(magic):
            raise BadInput(f"{path.name} is {what}, not a CSV: save it as CSV (UTF-8)")
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)) or _bare_utf16(start)
    if not wide and len(start) >= 64 and len(start) - len(start.translate(None, CONTROL)) > len(start) / 20:
        raise BadInput(f"{path.name} holds binary data, not text: save it as CSV (UTF-8)")


# --- encoding


def _advice(*doubt: str) -> str:
    """What to do about a file whose encoding isn't told: name one of those in doubt."""
    this = " or ".join(f'"{name}"' for name in doubt or ("gb18030",))
    return (
        f"save it as UTF-8, or name its encoding in company.toml: order_lines = {this} under [encodings] for a table, "
        f"encoding = {this} in its [[sources]] entry for an export"
    )


def _named(encoding: str, path: Path) -> str:
    try:
        found = codecs.lookup(encoding).name
        "a".encode(found)  # refuses codecs that aren't about text
    except (LookupError, TypeError, ValueError) as error:
        raise BadInput(f"{encoding!r}, given for {path.name}, isn't an encoding: try utf-8, gb18030, cp932 or cp1252") from error
    return "utf-8" if found in ("utf-8-sig", "ascii") else found


def _not_text(path: Path, encoding: str) -> BadInput:
    return BadInput(f"{path.name} isn't {encoding} text: {_advice()}")


def _detect(path: Path) -> str:
    """The file's encoding, from its content alone."""
    with path.open("rb") as file:
        start = file.read(64)
    marks = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
             codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
    for mark, encoding in marks.items():
        if start.startswith(mark):
            return encoding
    if bare := _bare_utf16(start):
        return bare
    if _is_utf8(path):
        return "utf-8"
    sample = _telling_lines(path)
    if _likeness(sample, "utf-8") >= 0.6:  # no other encoding looks like UTF-8 by chance: UTF-8 with some damage
        return "utf-8"
    scores = sorted(((_likeness(sample, codec), codec) for codec in ("gb18030", "cp932", "cp1252")), reverse=True)
    (best, encoding), (second, other), *_ = scores
    if best < 0.6:
        raise BadInput(f"{path.name} isn't readable text in UTF-8, UTF-16, cp1252, gb18030 or cp932: {_advice('cp1251')}")
    if best - second < 0.2:
        raise BadInput(f"{path.name} can be read as {encoding} and as {other}: {_advice(encoding, other)}")
    return encoding


def _bare_utf16(start: bytes) -> str | None:
    """UTF-16 without a mark shows in the header: every second byte of ASCII names is 0."""
    head = start[:64]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 4 or min(even, odd) > 0 or max(even, odd) < len(head) / 4:
        return None
    return "utf-16-le" if odd else "utf-16-be"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(2**20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _telling_lines(path: Path, size: int = 2**19) -> bytes:
    """The first lines that aren't plain ASCII: only they tell the encoding."""
    lines, total = [], 0
    with path.open("rb") as file:
        while total < size and (line := file.readline(size)):
            if not line.isascii():
                lines.append(line)
                total += len(line)
    return b"".join(lines)


def _block(codec: str, leads: range) -> str:
    """The characters of some rows of a two-byte code: both Chinese and Japanese codes keep their everyday characters together."""
    pairs = (bytes([lead, trail]).decode(codec, "replace") for lead in leads for trail in range(0x40, 0xFF))
    return "".join(pair for pair in pairs if len(pair) == 1 and pair != "\ufffd")


_WIDE = "　、。·ー—～…‘’“”〔〕〈〉《》「」『』【】×°￥①②③④⑤" + "".join(map(chr, range(0xFF01, 0xFF5F)))
_HANZI = frozenset(_block("gb2312", range(0xB0, 0xD8)) + _WIDE)
_RARE_HANZI = frozenset(_block("gb2312", range(0xD8, 0xF8)))
_JAPANESE = _block("cp932", range(0x88, 0x98)) + _WIDE + "".join(map(chr, range(0x3041, 0x30FF)))
_RARE_KANJI = frozenset(_block("cp932", range(0x98, 0xEB)))
_KANJI = frozenset(_JAPANESE)
# half-width kana look like Chinese bytes: they count only in runs that are Japanese throughout, with their marks in the right places
_JAPANESE_RUN = re.compile(f"(?:[ｱ-ﾜｦﾝ]|(?<=[ｱ-ﾝﾞﾟ])[ｧ-ｰ]|(?<=[ｳｶ-ﾄﾊ-ﾎ])ﾞ|(?<=[ﾊ-ﾎ])ﾟ|[{re.escape(_JAPANESE)}])+")
_LATIN = re.compile("[À-ÖØ-öø-ÿŠšŽžŒœŸ]")
_SIGNS = re.compile("[\u00a0€£¥§©®°±²³µ·¼½¾«»‹›“”‘’‚„–—…•™¡¿ªº×]")
_BESIDE = re.compile("[\u00a0®«»‹›“”‘’‚„–—…™¡¿]")  # signs that also touch a letter with an accent


def _likeness(sample: bytes, codec: str) -> float:
    """How much of the text beyond ASCII looks like writing when read in this encoding: 1 = all of it, 0 = nothing."""
    text, good, total = sample.decode(codec, "helpers.files"), 0.0, 0
    for found in re.finditer("[^\x00-\x7f]+", text):
        run = found[0]
        total += len(run)
        if codec == "utf-8":
            good += len(run) - run.count(BAD)
        elif codec == "gb18030":
            good += sum(1 if c in _HANZI else 0.3 * (c in _RARE_HANZI) for c in run)  # Cyrillic of one byte a letter looks like rare ones
        elif codec == "cp932":
            beside = text[found.start() - 1 : found.start()] + text[found.end() : found.end() + 1]
            lone = len(run) == 1 and "ｦ" <= run <= "ﾟ" and re.search("[A-Za-z]", beside)  # `KÜCHE`: words aren't spelt so in Japanese
            sound = not lone and _JAPANESE_RUN.fullmatch(run)
            good += len(run) if sound else sum(1 if c in _KANJI else 0.2 * (c in _RARE_KANJI) for c in run)
        else:  # letters with accents stand singly or in pairs inside words of plain letters, signs anywhere
            letters = len(_LATIN.findall(run))
            signs = len((_BESIDE if letters else _SIGNS).findall(run))
            in_word = re.search("[A-Za-z]", text[max(0, found.start() - 1) : found.start()] + text[found.end() : found.end() + 1])
            alone = len(run) in (1, 3) and run.isupper()  # `É-1`, `ÄÖÜ`: half-width kana in cp932, and no pairs as Chinese would be
            good += len(run) * (alone or (letters + signs == len(run) <= 3 and letters <= 2 and (not letters or in_word is not None)))
    return good / max(1, total)


# --- header


def _open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """The file as text with BAD in place of what doesn't decode, line ends as they are, behind the byte order mark."""
    file = path.open(encoding=encoding, errors="helpers.files", newline="")
    if file.read(1) != "\ufeff":
        file.seek(0)
    return file


def _header(path: Path, encoding: str, known: Collection[str], keep: Keep | None, literal_quotes: bool) -> _Header:
    """The header of a CSV: its first record that isn't blank, or, of an export, the first that `keep` takes for one."""
    with _open_text(path, encoding) as file:
        start = file.read(2**22)
    found, looked = [], []
    for delimiter in DELIMITERS:
        quotes = not (literal_quotes and delimiter == "\t")
        reader, before, line, above = _reader(io.StringIO(start, newline=""), delimiter, quotes), 0, 0, []
        try:
            for cells in reader:
                if not _blank(cells):
                    names = [cell.strip() for cell in cells]
                    kept = keep(names) if keep else names
                    if kept:
                        plain = reader.line_num == line + 1 and (keep is not None or line == 0)
                        found.append((len(set(known) & set(kept)), len(names), names, kept, delimiter, quotes, before, line, plain, "\n".join(above)))
                        break
                    before += 1
                    looked.append(names)
                    above.append(delimiter.join(names))
                    if before > PREAMBLE:
                        break
                line = reader.line_num
            else:
                found += [] if keep else [(0, 0, [], [], delimiter, quotes, 0, 0, False, "")]
        except csv.Error:
            continue
    if not found and looked:
        raise NoHeader(path.name, looked)
    if not found:
        raise BadInput(f"the header of {path.name} has a quote that isn't closed: correct its first line")
    *_, names, kept, delimiter, quotes, before, line, plain, above = max(found, key=lambda choice: choice[:2])
    if not any(names):
        raise BadInput(f"{path.name} has no header: its first line must hold the column names")
    if any(BAD in name for name in names):
        raise _not_text(path, encoding)
    columns = [f"c{number}" for number in range(len(names))] if keep else _names(names, path.name)
    places = [(number, name) for number, name in enumerate(kept if keep else columns) if name is not None]
    named = max(number for number, name in enumerate(names, 1) if name)
    return _Header(columns, places, named, delimiter, quotes, before, line, plain, above)


def _names(header: list[str], file: str) -> list[str]:
    """Column names that DuckDB can hold beside `row`.

    >>> _names(["a", "", "Row"], "x.csv")
    ['a', 'column 2', 'Row_']
    """
    twice = [name for name, n in Counter(name.lower() for name in header if name).items() if n > 1]
    if twice:
        raise BadInput(f"{file} has more than one column called {', '.join(map(repr, twice))}: rename or delete all but one")
    taken, names = {"row", *(name.lower() for name in header if name.lower() != "row")}, []
    for number, name in enumerate(header, 1):
        if not name or name.lower() == "row":
            name = name + "_" if name else f"column {number}"
            while name.lower() in taken:
                name += "_"
            taken.add(name.lower())
        names.append(name)
    return names


# --- records


def _trimmed(cell: str) -> str:
    """SQL for a cell without surrounding white space, blank = NULL. Most begin and end with plain characters, which is soon seen.

    `trim` of spaces alone is many times as fast as of all kinds.
    """
    plain = f"{cell} BETWEEN '!' AND '~~' AND {cell}[-1] BETWEEN '!' AND '~~'"
    others = " OR ".join(f"contains({cell}, chr({code}))" for code in range(9, 14))
    return f"CASE WHEN {plain} THEN {cell} ELSE nullif(CASE WHEN {others} THEN trim({cell}, '{WHITE}') ELSE trim({cell}) END, '') END"


def _csv_source(columns: list[str], delimiter: str, longest: int = 2_000_000, parallel: bool = False, quotes: bool = True) -> str:
    """SQL that reads the file of the parameter `?` as text columns c0, c1, …; any irregular record is an error."""
    types = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(len(columns)))
    mark = '"' if quotes else ""
    return (
        f"read_csv(?, columns={{{types}}}, delim='{delimiter}', quote='{mark}', escape='{mark}', header=true, auto_detect=false, "
        f"compression='none', parallel={parallel}, max_line_size={longest}, buffer_size={max(2**24, 2 * longest)})"
    )


def _literal(path: Path) -> str:
    """The path for DuckDB, which takes * ? [ for patterns.

    >>> _literal(Path("/a[1].csv"))
    '/a[[]1].csv'
    """
    return re.sub(r"([*?\[])", r"[\1]", str(path.absolute()))


def _kept(header: _Header, first: int, hashed: bool) -> str:
    """SQL for the cells that are kept, of the columns c<first>, c<first + 1>, …"""
    cells = [f"{_trimmed(f'c{number + first}')} AS {quote(name)}" for number, name in header.kept]
    whole = ", ".join(f"coalesce(c{number + first}, '')" for number in range(len(header.columns)))
    return ", ".join(cells + ([f"hash({whole}) AS content"] if hashed else []))


def _load_sound(con, source: Path, into: str, header: _Header, hashed: bool) -> bool:
    reading = _csv_source(header.columns, header.delimiter, parallel=True, quotes=header.quotes)
    query = f"SELECT row_number() OVER () + {header.before + 1} AS row, {_kept(header, 0, hashed)} FROM {reading}"
    try:
        con.execute(f"CREATE OR REPLACE TABLE {quote(into)} AS {query}", [_literal(source)])
        rows = con.execute(f"SELECT count(*) FROM {quote(into)}").fetchone()[0]
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.NotImplementedException):
        return False
    return rows + 1 == _count_records(source, header.quotes)


def _count_records(source: Path, quotes: bool) -> int:
    """Lines outside quotes that aren't empty; -1 when the file ends inside a quote."""
    records, inside, last = 0, False, b"\n"
    with source.open("rb") as file:
        while chunk := file.read(2**20):
            pieces = chunk.split(b'"') if quotes else [chunk]
            lines = last + b'"'.join(pieces[inside::2]).replace(b"\r", b"\n")
            inside ^= len(pieces) % 2 == 0
            while b"\n\n" in lines:
                lines = lines.replace(b"\n\n", b"\n")
            records += lines.count(b"\n") - (last == b"\n")
            last = lines[-1:]
    return -1 if inside else records + (last != b"\n")


def _load_by_record(con, path: Path, into: str, header: _Header, encoding: str, folder: Path, hashed: bool) -> int:
    """The same for a file with spoiled records: sorts them into a clean file and a file of rejects, loads both and counts them."""
    good, spoiled, longest, width = folder / "good.csv", folder / "spoiled.csv", 0, len(header.columns)
    with (
        _open_text(path, encoding) as file,
        good.open("w", encoding="utf-8", newline="") as good_file,
        spoiled.open("w", encoding="utf-8", newline="") as spoiled_file,
    ):
        keep, reject = (csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n") for target in (good_file, spoiled_file))
        keep.writerow(range(width + 1))  # not the names: DuckDB takes a line break in one for the file's kind of line end
        reject.writerow(["row", "value", "reason"])
        number = 0
        for cells, text, reason in _records(file, header, encoding):
            if cells is not None and _blank(cells, width):
                continue
            number += 1
            if number <= header.before + 1:  # up to the header
                continue
            while cells and len(cells) > width and not cells[-1].strip():
                cells.pop()
            if cells is not None and header.named <= len(cells) < width:
                cells += [""] * (width - len(cells))
            if cells is not None and len(cells) != width:
                cells, reason = None, f"{len(cells)} cells where the header has {width}"
            if cells is None:
                reject.writerow([number, text.strip("\r\n")[:SHOWN].replace(BAD, "\ufffd"), reason])
            else:
                keep.writerow([number, *cells])
                longest = max(longest, sum(map(len, cells)))
    source = _csv_source(["row", *header.columns], ",", max(2_000_000, min(8 * longest + 4 * width, good.stat().st_size) + 100))
    cells = _kept(header, 1, hashed)
    con.execute(f"CREATE OR REPLACE TABLE {quote(into)} AS SELECT CAST(c0 AS BIGINT) AS row, {cells} FROM {source}", [_literal(good)])
    source = _csv_source(["row", "value", "reason"], ",")
    con.execute(f"INSERT INTO {quote(into + '_rejects')} SELECT CAST(c0 AS BIGINT), c1, c2 FROM {source}", [_literal(spoiled)])
    return number - header.before - 1


def _reader(lines, delimiter: str, quotes: bool):
    if not quotes:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    # spaces between delimiter and quote: DuckDB passes over them too
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _blank(cells: list[str], width: int = 2) -> bool:
    """Whether a record is a blank line; in a file of one column `""` is a record."""
    return not cells or (len(cells) == 1 and width > 1 and not cells[0].strip())


def _records(file: io.TextIOWrapper, header: _Header, encoding: str) -> Iterator[tuple[list[str] | None, str, str]]:
    """Each record as (cells, its text, ""), or (None, its text, reason) when its quotes or bytes are broken."""
    taken: list[str] = []
    reader = _reader((taken.append(line) or line for line in file), header.delimiter, header.quotes)
    usual = csv.field_size_limit(CELL_LIMIT)
    try:
        while True:
            taken.clear()
            try:
                cells, reason = next(reader), ""
            except StopIteration:
                return
            except csv.Error as error:
                cells, reason = None, "a quote stands in the wrong place"
                if "end of data" in str(error) or "limit" in str(error):
                    reason = "a quote is opened and never closed"
            text = "".join(taken)
            if BAD in text:
                cells, reason = None, f"bytes that aren't {encoding}"
            yield cells, text, reason
    finally:
        csv.field_size_limit(usual)


def _transcode(path: Path, encoding: str, target: Path, skip: int) -> bool:
    """Writes the file as UTF-8, without its first `skip` lines; False when some bytes don't decode."""
    sound = True
    with _open_text(path, encoding) as file, target.open("w", encoding="utf-8", errors="replace", newline="") as out:
        for _ in range(skip):
            file.readline()
        while sound and (chunk := file.read(2**20)):
            sound = BAD not in chunk
            out.write(chunk)
    return sound


# --- spreadsheets ------------------------------------------------------------------------------------------------------


def _write_sheet(path: Path, target: Path, known: Collection[str], keep: Keep | None) -> None:
    """Writes the sheet that holds the table as CSV: the first with a header that is known, else the first that isn't empty."""
    from python_calamine import CalamineError, CalamineWorkbook

    with path.open("rb") as file:
        if not file.read(1):
            raise BadInput(f"{path.name} is empty (0 bytes): export it again")
    try:
        workbook = CalamineWorkbook.from_path(path)
        sheets = [workbook.get_sheet_by_name(name) for name in workbook.sheet_names]
        best, most = None, -1
        for sheet in sheets:
            for cells, _ in zip(sheet.iter_rows(), range(PREAMBLE), strict=False):
                texts = [_sheet_text(cell).strip() for cell in cells]
                hits = len(keep(texts) or []) if keep else len(set(known) & set(texts))
                if any(texts) and hits > most:
                    best, most = sheet, hits
        if best is None:
            raise BadInput(f"{path.name} holds no rows: export it again")
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerows([_sheet_text(cell) for cell in cells] for cells in best.iter_rows())
    except (CalamineError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadInput(f"{path.name} isn't a whole Excel workbook (cut short, damaged or locked): save it again") from error


def _sheet_text(cell) -> str:
    """A cell as the text that a CSV would have. A number of 16 digits or more has lost its end, and is written so that this shows.

    >>> _sheet_text(12.0), _sheet_text(0.1 + 0.2), _sheet_text(1.23456789012346e17), _sheet_text(True), _sheet_text("007")
    ('12', '0.3', '1.23456789012346E+17', 'true', '007')
    """
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        if cell == int(cell) if abs(cell) < 1e15 else False:
            return str(int(cell))
        digits = f"{cell:.15g}"
        return digits.upper() if "e" not in digits or abs(cell) >= 1 else f"{cell:.15f}".rstrip("0").rstrip(".")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return "" if cell is None else str(cell)


# --- Parquet -----------------------------------------------------------------------------------------------------------


def store(con, queries: Mapping[Path, str], at_once: int = 1) -> None:
    """Writes the rows of each query to its Parquet file: in the order of the query, and the same rows as the same bytes, however many threads there are.

    at_once: how many files are written at a time, for small ones, which DuckDB writes with one thread each. Then no query may read temporary tables.
    """
    # a dictionary of more values than these costs time, and on the disk it gains next to nothing over what zstd makes of them
    options = "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1000, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    copies = [f"COPY ({query}) TO '{str(path).replace(chr(39), chr(39) * 2)}' ({options})" for path, query in queries.items()]
    # or what it knows of other rows decides whether a column may hold nulls
    con.execute("SET disabled_optimizers = 'statistics_propagation'")
    if at_once == 1:
        for copy in copies:
            con.execute(copy)
    else:
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(_execute, [con.cursor() for _ in copies], copies))
    con.execute("SET disabled_optimizers = ''")


def _execute(con, statement: str) -> None:
    without_bar(con)
    con.execute(statement)
    con.close()


def without_bar(con) -> None:
    """Switches the engine's own progress bar off."""
    with suppress(duckdb.InvalidInputException):  # in a notebook without ipywidgets there is none
        con.execute("SET enable_progress_bar = false")


def stored(path: Path, names: Collection[str] = ()) -> str:
    """SQL that reads the table that `store` wrote as `<path>.parquet`, or as a folder of such files, one a month; names: these months alone."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path.with_name(path.name + ".parquet")]
    return f"read_parquet([{', '.join(_text(file) for file in files if not names or file.stem in names)}], hive_partitioning=false)"


def _text(path: Path) -> str:
    """The path as a literal in SQL, no pattern."""
    return "'" + _literal(path).replace("'", "''") + "'"


@dataclass(frozen=True)
class ParquetRows:
    """Parquet files of one schema: SQL that yields their rows with `row`, their number in the whole, `file` (which of all files, from 0) and
    `file_row`, their number in it; and the type of each column."""

    source: str
    columns: dict[str, str]


def parquet_rows(con, path: Path) -> tuple[list[ParquetRows], list[str], list[tuple[Path, int, list[str]]]]:
    """What does a Parquet file (or a folder of them) hold, as it is typed? Its files by schema, all names in order, and each file's number of rows and names.

    Nothing but the files' ends is read yet: a fault further in shows when the rows are, and `blame` finds it then.
    Raises BadInput for a file that is no whole Parquet file.
    """
    names: dict[str, str] = {}  # lower case → as first written: DuckDB's names don't depend on case
    alike: dict[tuple, list[int]] = {}
    files: list[tuple[Path, int, list[str]]] = []
    for file in _parquet_files(path):
        schema = _schema(con, file, path)
        for _, name, _ in schema:
            names.setdefault(name.lower(), name)
        alike.setdefault((*schema, file if _hides_numbers(schema) else None), []).append(len(files))
        rows = con.execute("SELECT count(*) FROM read_parquet(?, hive_partitioning=false)", [_literal(file)]).fetchone()[0]
        files.append((file, rows, [names[name.lower()] for _, name, _ in schema]))
    before = list(itertools.accumulate((rows for _, rows, _ in files), initial=0))
    parts = []
    for (*schema, alone), numbers in alike.items():
        paths = ", ".join(_text(files[number][0]) for number in numbers)
        each = "[{}][file_index::BIGINT + 1]"
        file = f"{numbers[0]}" if len(numbers) == 1 else each.format(", ".join(map(str, numbers)))
        row = "row_number() OVER ()" if alone else "file_row_number + 1"
        first = f"{before[numbers[0]]}" if len(numbers) == 1 else each.format(", ".join(str(before[number]) for number in numbers))
        cells = "".join(f", {quote(column)} AS {quote(names[name.lower()])}" for column, name, _ in schema)
        source = f"(SELECT {first} + {row} AS row, {file} AS file, {row} AS file_row{cells} FROM read_parquet([{paths}], hive_partitioning=false))"
        parts.append(ParquetRows(source, {names[name.lower()]: kind for _, name, kind in schema}))
    return parts, list(names.values()), files


def _hides_numbers(schema: list[tuple[str, str, str]]) -> bool:
    """Whether a column of the file's own has the name under which DuckDB numbers files or rows."""
    return any(column.lower() in ("file_index", "file_row_number") for column, *_ in schema)


def blame(con, path: Path) -> None:
    """Raises BadInput for the first Parquet file of the path whose rows can't all be read."""
    for file in _parquet_files(path):
        try:
            con.execute("SELECT max(hash(COLUMNS(*))) FROM read_parquet(?, hive_partitioning=false)", [_literal(file)])
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException) or "space left" in str(error):
                raise
            raise _broken_parquet(file, path) from error


def _parquet_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".parquet" and file.name[0] not in "._")
    if not files:
        raise BadInput(f"the folder {path.name} holds no .parquet files: put them in, or remove the folder")
    return files


def _read_parquet(con, path: Path, into: str, keep: Keep | None) -> TextTable:
    parts, columns, files = parquet_rows(con, path)
    con.execute(f"CREATE OR REPLACE TABLE {quote(into)} (row BIGINT{''.join(f', {quote(name)} VARCHAR' for name in columns)})")
    try:
        for part in parts:
            cells = "".join(f", {text_of(quote(name), kind)} AS {quote(name)}" for name, kind in part.columns.items())
            con.execute(f"INSERT INTO {quote(into)} BY NAME SELECT row{cells} FROM {part.source}")
    except duckdb.Error:
        blame(con, path)
        raise
    if keep:
        kept = keep(columns)
        if not kept:
            raise NoHeader(path.name, [columns])
        cells = ", ".join(f"{quote(column)} AS {quote(name)}" for column, name in zip(columns, kept, strict=True) if name is not None)
        whole = ", ".join(f"coalesce({quote(column)}, '')" for column in columns)
        con.execute(f"CREATE OR REPLACE TABLE {quote(into)} AS SELECT row, {cells}, hash({whole}) AS content FROM {quote(into)}")
        columns = [name for name in kept if name is not None]
    return TextTable(columns, sum(rows for _, rows, _ in files), 0, "", "")


def _schema(con, file: Path, path: Path) -> list[tuple[str, str, str]]:
    """Columns of a Parquet file: name in the file, name in the table, type."""
    with file.open("rb") as opened:
        if not opened.read(1):
            raise BadInput(f"{_inside(file, path)} is empty (0 bytes): export it again")
    try:
        found = con.execute("DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning=false)", [_literal(file)]).fetchall()
    except duckdb.Error as error:
        raise _broken_parquet(file, path) from error
    names = _names([name.strip() for name, *_ in found], _inside(file, path))
    return [(column, name, kind) for (column, kind, *_), name in zip(found, names, strict=True)]


def _inside(file: Path, path: Path) -> str:
    return str(file.relative_to(path.parent))


def _broken_parquet(file: Path, path: Path) -> BadInput:
    return BadInput(f"{_inside(file, path)} isn't a whole Parquet file (cut short or damaged): export it again")


def text_of(cell: str, kind: str) -> str:
    """SQL for a typed value as the text that a CSV would hold, trimmed, blank = NULL."""
    return _trimmed(_as_text(cell, kind))


def _as_text(cell: str, kind: str) -> str:
    """SQL for a typed value as plain text: no exponents, no binary noise (0.30000000000000004 is 0.3), times in ISO."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"CASE WHEN isfinite({cell}) THEN CAST(make_timestamp(epoch_us({cell})) AS VARCHAR) || '+00:00' ELSE CAST({cell} AS VARCHAR) END"
    if kind.startswith("DECIMAL") and kind.endswith(")") and not kind.endswith(",0)"):
        return f"rtrim(rtrim(CAST({cell} AS VARCHAR), '0'), '.')"
    if kind not in ("DOUBLE", "FLOAT"):
        return f"CAST({cell} AS VARCHAR)"
    cell = f"CAST(CAST({cell} AS VARCHAR) AS DOUBLE)" if kind == "FLOAT" else cell
    return (  # NaN first: a Parquet file's least and largest value leave it out, and DuckDB then takes a comparison with a limit for settled
        f"CASE WHEN isnan({cell}) THEN 'nan' WHEN {cell} = trunc({cell}) AND abs({cell}) < 1e38 THEN CAST(TRY_CAST({cell} AS HUGEINT) AS VARCHAR) "
        f"WHEN abs({cell}) < 1e-4 THEN rtrim(rtrim(CAST(TRY_CAST({cell} AS DECIMAL(38, 9)) AS VARCHAR), '0'), '.') "
        f"WHEN abs({cell}) < 1e15 THEN format('{{:.15g}}', round({cell}, 9)) ELSE CAST({cell} AS VARCHAR) END"
    )
