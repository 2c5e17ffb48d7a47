"""A company folder: its `company.toml`, where its tables come from, and a fingerprint of all that it holds."""

import difflib
import functools
import hashlib
import os
import re
import reprlib
import tomllib
from pathlib import Path
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpers.contract import TABLES, BadInput
from helpers.policy import Policy, did_you_mean, first_error, load_policy

DATA_FILES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xls")
PROJECT = Path(__file__).resolve().parent.parent


def _known(table: str) -> str:
    if table not in TABLES:
        raise ValueError(f"{table!r} is not a table of the contract{did_you_mean(table, TABLES)}")
    return table


@functools.cache
def _zones() -> frozenset[str]:
    """The time zones of the engine, which does the conversion."""
    with duckdb.connect() as con:
        return frozenset(name for (name,) in con.execute("select name from pg_timezone_names()").fetchall())


class Source(BaseModel):
    """One `[[sources]]` entry: a table made by a SELECT over files inside the company folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    table: str
    sql: str

    @field_validator("table")
    @classmethod
    def _known_table(cls, table: str) -> str:
        return _known(table)


class Settings(BaseModel):
    """What `company.toml` may say; anything else is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
    name: str = Field(min_length=1)
    reporting_currency: str
    timezone: str = "UTC"
    stage: Literal["startup", "growth", "mature"] = "growth"
    policy: dict = {}
    sources: list[Source] = []
    encodings: dict[str, str] = {}

    @field_validator("reporting_currency")
    @classmethod
    def _code(cls, currency: str) -> str:
        if not re.fullmatch("[A-Z]{3}", currency):
            raise ValueError("that is not a currency code of three capitals, such as EUR")
        return currency

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        if name not in _zones():
            raise ValueError(f"that is not a time zone, such as Asia/Shanghai{did_you_mean(name, _zones())}")
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

    def tables(self) -> list[str]:
        """Names of the tables that the folder provides, in the contract's order."""
        from_sql = {source.table for source in self.settings.sources}
        return [name for name in TABLES if name in self.files or name in from_sql]

    def strays(self) -> list[str]:
        """Data files that lie beside the tables and are none of them, each with the table that it may be meant for.

        Where there are `sql` sources, a file of another name may be what they read.
        """
        used = {path.name for path in self.files.values()}
        beside = [path for path in sorted(self.folder.iterdir()) if path.suffix.lower() in DATA_FILES and path.name not in used]
        hints = {path.name: did_you_mean(path.stem.lower(), TABLES) for path in beside}
        return [name + hint for name, hint in hints.items() if hint or not self.settings.sources]


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
    for source in raw.get("sources", []) if isinstance(raw.get("sources", []), list) else []:
        if isinstance(source, dict) and "adapter" in source:
            raise BadInput(f'company.toml: no adapter {source["adapter"]!r} ships yet; use table = "order_lines" and sql = "….sql" instead')
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        raise BadInput(first_error(error, "company.toml", [*Settings.model_fields, *Source.model_fields])) from None
    company = Company(folder=folder, settings=settings, policy=load_policy(settings.policy), files=_table_files(folder, names, settings))
    if "order_lines" not in company.tables():
        near = [name for name in names if difflib.get_close_matches("order_lines", [Path(name).stem.lower()], cutoff=0.7)]
        hint = f"save {near[0]!r} as order_lines.csv" if near else "add order_lines.csv or .parquet, one row per product in an order"
        raise BadInput(f"{folder.name} has no order_lines table, from which everything is computed; {hint}")
    return company


def _table_files(folder: Path, names: list[str], settings: Settings) -> dict[str, Path]:
    files = {}
    for table in TABLES:
        found = [name for name in (f"{table}.csv", f"{table}.parquet") if name in names]
        found += [table] if (folder / table).is_dir() else []
        sources = [source.sql for source in settings.sources if source.table == table]
        if len(found) > 1 or (found and sources):
            twice = " and as ".join([*found, *sources])
            raise BadInput(f"{table} is there twice, as {twice}; keep one, and raw files in a folder of their own")
        if found:
            files[table] = folder / found[0]
    return files


def fingerprint(company: Company) -> str:
    """SHA-256 over the settings and the names and bytes of every input: another content, another fingerprint, on any machine.

    With `sql` sources, which may read any file inside the folder, every file in it counts.
    """
    inputs = set(company.folder.rglob("*")) if company.settings.sources else set()
    for path in company.files.values():
        inputs |= set(path.rglob("*")) if path.is_dir() else {path}
    digest = hashlib.sha256(company.settings.model_dump_json().encode())
    for path in sorted(path for path in inputs if path.is_file() or path.is_symlink()):
        name = path.relative_to(company.folder)
        digest.update(f"\0{name.as_posix()}\0".encode())
        try:
            if not path.is_file():  # a link to a folder, whose files count by themselves
                digest.update(os.fsencode(path.readlink()))
                continue
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise BadInput(f"{name} can't be read: {error.strerror}; check its permissions") from None
    return digest.hexdigest()[:16]
