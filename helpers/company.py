"""A company folder: its `company.toml`, where its tables come from, and a fingerprint of all that it holds."""

import difflib
import hashlib
import os
import re
import reprlib
import time
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from helpers.contract import TABLES, BadInput
from helpers.policy import Policy, did_you_mean, first_error, load_policy
from helpers.sources import ADAPTERS, COMMON_OPTIONS
from helpers.sources.adapter import Adapter
from helpers.sources.reading import Export

LARGE = 64_000_000  # bytes of a file whose digest is worth remembering
DATA_FILES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls")
OPTION_KINDS = {
    bool: "true or false",
    str: "text",
    int: "a whole number",
    float: "a number such as 0.19",
    dict: 'a table such as { "name" = "value" }',
}
PROJECT = Path(__file__).resolve().parent.parent
with duckdb.connect(config={"threads": 1}) as _con:  # asked here, so that a forked kernel knows them from its parent
    ZONES = frozenset(name for (name,) in _con.execute("select name from pg_timezone_names()").fetchall())
"""The time zones of the engine, which does the conversion."""


def _known(table: str) -> str:
    if table not in TABLES:
        raise ValueError(f"{table!r} is not a table of the contract{did_you_mean(table, TABLES)}")
    return table


def _platforms() -> str:
    """The adapters, those of one platform together.

    >>> _platforms().split(", ")[:2]
    ['amazon_…', 'google_ads']
    """
    names: dict[str, list[str]] = {}
    for name in ADAPTERS:
        names.setdefault(name.split("_")[0], []).append(name)
    return ", ".join(own[0] if len(own) == 1 else f"{platform}_…" for platform, own in names.items())


class Source(BaseModel):
    """One `[[sources]]` entry: a table made by a SELECT over files inside the company folder.

    `files` are read for it, whatever their encoding, delimiter or format: the SELECT finds their rows as text in the table `raw`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    table: str
    sql: str
    files: str | list[str] = []

    @field_validator("table")
    @classmethod
    def _known_table(cls, table: str) -> str:
        return _known(table)


class ExportSource(BaseModel):
    """One `[[sources]]` entry that names an adapter: files that a platform exported. Further keys are the adapter's options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    adapter: str
    files: str | list[str]

    @model_validator(mode="after")
    def _known_options(self) -> "ExportSource":
        if self.adapter not in ADAPTERS:
            raise ValueError(f"there is no adapter {self.adapter!r}{did_you_mean(self.adapter, ADAPTERS) or '; there are ' + _platforms()}")
        known = COMMON_OPTIONS | ADAPTERS[self.adapter].options
        for name, value in (self.model_extra or {}).items():
            if name not in known:
                raise ValueError(f"{self.adapter} has no option `{name}`{did_you_mean(name, known) or '; it has ' + ', '.join(known)}")
            default = known[name][0]
            kind = str if name == "encoding" else bool if default is None else type(default)
            if type(value) is not kind:
                raise ValueError(f"option `{name}` of {self.adapter} must be {OPTION_KINDS[kind]}, not {value!r}")
        given = self.model_extra or {}
        if given.get("decimal", "") not in ("", ".", ","):
            raise ValueError(f'option `decimal` must be "." or ",", not {given["decimal"]!r}')
        if given.get("timezone") and given["timezone"] not in ZONES:
            raise ValueError(f"{given['timezone']!r} is not a time zone, such as Asia/Shanghai{did_you_mean(given['timezone'], ZONES)}")
        if given.get("currency") and not re.fullmatch("[A-Z]{3}", given["currency"]):
            raise ValueError(f"{given['currency']!r} is not a currency code of three capitals, such as EUR")
        if not given.get("store") and needs_store(ADAPTERS[self.adapter]):
            raise ValueError(f'{self.adapter} needs a line such as store = "my-shop": the store that its rows belong to')
        return self

    def options(self) -> dict[str, object]:
        """Every option with its value, given or default."""
        return {name: default for name, (default, _) in (COMMON_OPTIONS | ADAPTERS[self.adapter].options).items()} | (
            self.model_extra or {}
        )


def needs_store(adapter: Adapter) -> bool:
    """Whether some table that it fills has a store that must be filled, and its files don't name one."""
    named = any(one.name == "store" for one in adapter.fields)
    return not named and any(column.name == "store" and column.required for table in adapter.tables for column in TABLES[table].columns)


class Alerts(BaseModel):
    """`[alerts]`: who is told when something is new or worse. Where they are reached stands in the environment, never here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    to: list[str] = Field(min_length=1)
    min_money: float = Field(0.0, ge=0, allow_inf_nan=False)
    confidence: Literal["clear", "close"] = "clear"

    @field_validator("to")
    @classmethod
    def _names(cls, to: list[str]) -> list[str]:
        if not all(re.fullmatch("[a-z][a-z0-9_]{0,39}", name) for name in to):
            raise ValueError(
                "name each destination in small letters, such as mail, and set its address in the environment: PROFIT_ALERT_MAIL"
            )
        if len(set(to)) < len(to):
            raise ValueError("a destination is named twice")
        return to


class Settings(BaseModel):
    """What `company.toml` may say; anything else is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    name: str = Field(min_length=1)
    reporting_currency: str
    timezone: str = "UTC"
    stage: Literal["startup", "growth", "mature"] = "growth"
    policy: dict = {}
    sources: list[Source] = []
    exports: list[ExportSource] = []
    encodings: dict[str, str] = {}
    alerts: Alerts | None = None

    @model_validator(mode="before")
    @classmethod
    def _two_kinds_of_sources(cls, raw: dict) -> dict:
        """In company.toml both kinds stand under `[[sources]]`; the one with an adapter is an export."""
        if "exports" in raw:
            raise ValueError("`exports` is not a setting; name exports under [[sources]], with an adapter")
        entries = raw.get("sources", [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return raw
        exports = [entry for entry in entries if "adapter" in entry]
        return raw | {"sources": [entry for entry in entries if "adapter" not in entry], "exports": exports}

    @field_validator("reporting_currency")
    @classmethod
    def _code(cls, currency: str) -> str:
        if not re.fullmatch("[A-Z]{3}", currency):
            raise ValueError("that is not a currency code of three capitals, such as EUR")
        return currency

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in ZONES:
            raise ValueError(f"that is not a time zone, such as Asia/Shanghai{did_you_mean(name, ZONES)}")
        return name

    @field_validator("encodings")
    @classmethod
    def _known_encodings(cls, encodings: dict[str, str]) -> dict[str, str]:
        for table in encodings:
            _known(table)
        return encodings


class Company(BaseModel):
    """A checked company folder: settings, policy and the input files of every table that it has."""

    model_config = ConfigDict(frozen=True)
    folder: Path
    settings: Settings
    policy: Policy
    files: dict[str, Path]
    exports: tuple[Export, ...] = ()

    def tables(self) -> list[str]:
        """Names of the tables that the folder provides, in the contract's order."""
        made = {source.table for source in self.settings.sources} | {table for export in self.exports for table in export.adapter.tables}
        return [name for name in TABLES if name in self.files or name in made]

    def strays(self) -> list[str]:
        """Data files that lie beside the tables and are none of them, each with the table that it may be meant for; and what a table's
        folder of Parquet files holds in another form.

        Where there are `sql` sources, a file of another name may be what they read.
        """
        used = {path.name for path in self.files.values()} | {path.name for export in self.exports for path in export.files}
        beside = [path for path in sorted(self.folder.iterdir()) if path.suffix.lower() in DATA_FILES and path.name not in used]
        inside = [path for table in self.files.values() if table.is_dir() for path in sorted(table.iterdir())]
        beside += [path for path in inside if path.suffix.lower() in DATA_FILES and path.suffix.lower() not in (".parquet", ".txt")]
        hints = {path.relative_to(self.folder).as_posix(): did_you_mean(path.stem.lower(), TABLES) for path in beside}
        return [name + hint for name, hint in hints.items() if hint or "/" in name or not self.settings.sources]


def find_folder(data: str) -> Path:
    """The folder that `data` names: as it stands, or below the project for the sample that ships with it."""
    for folder in (Path(data), PROJECT / data):
        try:
            if folder.is_dir():
                return folder.resolve()
        except PermissionError as error:
            raise BadInput(f"{data} can't be read: {error.strerror}; check its permissions") from None
        except (OSError, ValueError):  # no path at all: too long, or with a null in it
            pass
    raise BadInput(f"{reprlib.repr(data)} is not a folder; give DATA=<company folder> that holds company.toml and order_lines.csv")


def open_company(data: str) -> Company:
    """Read and check `company.toml`, and find the file of each table.

    Raises BadInput, in one sentence, for a folder from which nothing can be computed.
    """
    folder = find_folder(data)
    try:
        names = sorted(path.name for path in folder.iterdir())
        if not names:
            raise BadInput(f"{folder.name} is an empty folder; put company.toml and order_lines.csv (or .parquet) into it")
        if "company.toml" not in names:
            raise BadInput(f'{folder.name} has no company.toml; write one with name = "…" and reporting_currency = "CNY"')
        raw = tomllib.loads((folder / "company.toml").read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"company.toml can't be read as TOML: {error}") from None
    except OSError as error:
        raise BadInput(f"{Path(error.filename).name} can't be read: {error.strerror}; check its permissions") from None
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        raise BadInput(first_error(error, "company.toml", [*Settings.model_fields, *Source.model_fields, *Alerts.model_fields])) from None
    exports = tuple(_export(folder, source, settings) for source in settings.exports)
    _refuse_shared_files(exports)
    company = Company(
        folder=folder, settings=settings, policy=load_policy(settings.policy), files=_table_files(folder, names, settings),
        exports=_beside(exports),
    )  # fmt: skip
    if "order_lines" not in company.tables():
        near = [name for name in names if difflib.get_close_matches("order_lines", [Path(name).stem.lower()], cutoff=0.7)]
        if "order_lines.sql" in names:
            hint = "name order_lines.sql in company.toml: [[sources]] with table, sql and files, as README shows"
        else:
            hint = f"save {near[0]!r} as order_lines.csv" if near else "add order_lines.csv or .parquet, one row per product in an order"
        raise BadInput(f"{folder.name} has no order_lines table, from which everything is computed; {hint}")
    return company


def find_files(folder: Path, patterns: str | list[str], who: str) -> tuple[Path, ...]:
    """The files that a source's patterns name, all of them inside the company folder, in the order of their names: of two that are equal, the later one counts."""
    found = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        try:
            hits = [path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith((".", "~$"))]
            if ".." in Path(pattern).parts:
                raise ValueError(pattern)
        except (ValueError, NotImplementedError):
            raise BadInput(f"company.toml: files = {pattern!r} of {who} must name files inside the company folder") from None
        if any(not path.resolve().is_relative_to(folder) for path in hits):
            raise BadInput(f"company.toml: files = {pattern!r} of {who} leads out of the company folder")
        if not hits:
            raise BadInput(f"company.toml: no file fits files = {pattern!r} of {who}; put the export there, or correct the pattern")
        found |= set(hits)
    return tuple(sorted(found, key=_by_download))


def _by_download(path: Path) -> tuple[str, int]:
    """Files by name, with the browser's second download behind the first: `orders.csv`, `orders (1).csv`."""
    again = re.search(r" ?\((\d{1,6})\)(?=\.[^.]*$)", path.name)
    return (path.as_posix(), 0) if not again else (path.as_posix().replace(again[0] + path.suffix, path.suffix), int(again[1]))


def _export(folder: Path, source: ExportSource, settings: Settings) -> Export:
    files = find_files(folder, source.files, source.adapter)
    return Export(ADAPTERS[source.adapter], files, folder, settings.reporting_currency, settings.timezone, source.options())


def _refuse_shared_files(exports: tuple[Export, ...]) -> None:
    """Records are held against each other within an entry: what a second entry of the adapter names again would count twice."""
    seen: dict[tuple[str, Path], Export] = {}
    for export in exports:
        for path in export.files:
            if seen.setdefault((export.adapter.name, path.resolve()), export) is not export:
                twice = f"two [[sources]] entries of {export.adapter.name} name {export.name(path)}"
                raise BadInput(f"company.toml: {twice}, which would count twice; name it in one of them")


def _beside(exports: tuple[Export, ...]) -> tuple[Export, ...]:
    """Each export knows which others there are of its store."""
    return tuple(
        replace(
            one,
            beside=tuple(
                (number, other.adapter.name)
                for number, other in enumerate(exports)
                if other is not one and other.options["store"] == one.options["store"]
            ),
        )
        for one in exports
    )


def _table_files(folder: Path, names: list[str], settings: Settings) -> dict[str, Path]:
    files = {}
    for table in TABLES:
        found = [name for name in (f"{table}.csv", f"{table}.xlsx", f"{table}.parquet") if name in names]
        found += [table] if (folder / table).is_dir() else []
        sources = [source.sql for source in settings.sources if source.table == table]
        if len(found) > 1 or (found and sources):
            twice = " and as ".join([*found, *sources])
            raise BadInput(f"{table} is there twice, as {twice}; keep one, and raw files in a folder of their own")
        if found:
            files[table] = folder / found[0]
    return files


def fingerprint(company: Company, known: Path | None = None) -> str:
    """SHA-256 over the settings and the names and bytes of every input: another content, another fingerprint, on any machine.

    With `sql` sources, which may read any file inside the folder, every file in it counts. Who is told changes no figure and doesn't count.
    known: a folder that remembers the digests of large files, by what the file system tells of each, so that not every notebook reads them all.
    """
    inputs = set(company.folder.rglob("*")) if company.settings.sources else set()
    inputs |= {path for export in company.exports for path in export.files}
    for path in company.files.values():
        inputs |= set(path.rglob("*")) if path.is_dir() else {path}
    digest = hashlib.sha256(company.settings.model_dump_json(exclude={"alerts"}).encode())
    for path in sorted(path for path in inputs if path.is_file() or path.is_symlink()):
        name = path.relative_to(company.folder)
        digest.update(f"\0{name.as_posix()}\0".encode())
        try:
            if not path.is_file():  # a link to a folder, whose files count by themselves
                digest.update(os.fsencode(path.readlink()))
                continue
            digest.update(_digest(path, known))
        except OSError as error:
            raise BadInput(f"{name} can't be read: {error.strerror}; check its permissions") from None
    return digest.hexdigest()[:16]


def _digest(path: Path, known: Path | None) -> bytes:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        told = [str(path.resolve()), facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_dev, facts.st_ino]  # ctime can't be set back
        name = hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()
        note = known / name if known and facts.st_size >= LARGE else None
        if note and note.exists():
            return note.read_bytes()
        digest = hashlib.file_digest(file, "sha256").digest()
    if note and time.time() - facts.st_ctime > 2:  # what has just been written may change again within the clock's tick
        with suppress(OSError):  # a cache that is only to be read from
            known.mkdir(exist_ok=True)
            half = note.with_name(f"{note.name}.{os.getpid()}")
            half.write_bytes(digest)
            half.replace(note)
    return digest
