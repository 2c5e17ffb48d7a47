"""A month's reports for a company and its stores: every notebook for every scope, their pages, decisions and metrics.

`python -m helpers.batch --data=… --month=… --stores=… --jobs=… --out=… --dask=…` (make report) writes `<out>/<company>/<month>/`,
whole or not at all: it is built beside, in a hidden folder, and put in place at the end. What is finished is kept under a key of all
that it depends on, so a run that was interrupted goes on where it was, and unchanged work is not done again. A piece of work is a
function of its task and leaves files, so it makes no difference whether threads of this process do it or a cluster's workers.
"""

import argparse
import errno
import hashlib
import json
import os
import platform
import shutil
import signal
import sys
import time
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import requires, version
from pathlib import Path

from helpers import kernels, pages
from helpers.book import Book, code, gather, open_book
from helpers.company import find_files, fingerprint, open_company
from helpers.contract import BadInput
from helpers.days import as_of
from helpers.decisions import decide, for_file
from helpers.ledger import CACHE, prepare
from helpers.load_and_check import reconcile
from helpers.load_and_check.load_report import rows, rows_said, unknown
from helpers.metrics import metrics
from helpers.notebooks import (
    NOTEBOOKS,
    Failure,
    Parameter,
    all_notebooks,
    as_text,
    check_parameters,
    execute,
    from_text,
    normal,
    parameters,
)
from helpers.text import join_names

SECONDS = 600  # how long a notebook may take, and longer with more than MANY order lines
MANY = 25_000_000
TABLES = "decisions and metrics"
RUN = ".run"  # the file that says which run an unfinished month belongs to
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, eq=False)
class Task:
    """One piece of work of a scope: a notebook, or its two tables. `key` changes with anything that its result depends on."""

    scope: str
    folder: str
    name: str
    key: str
    values: Mapping[str, object]
    place: pages.Place | None = None
    path: Path | None = None


def run(
    data: str, month: str = "latest", stores: str = "all", jobs: int | None = None, out: str | Path = "reports",
    values: Mapping[str, object] | None = None, notebooks: Path = NOTEBOOKS, seconds: float | None = None, say: Callable[[str], None] = print,
    dask: str = "",
) -> int:  # fmt: skip
    """Make the reports of a month; returns how many notebooks failed.

    stores: "all", "company" or store ids with commas between them; values: further parameters for the notebooks that know them;
    seconds: how long a notebook may take; dask: the address of a Dask scheduler whose workers do it instead of `jobs` threads.
    Raises BadInput, before anything is written, when an argument can't be used, and when the disk is full.
    """
    started = time.monotonic()
    paths = all_notebooks(notebooks)
    if not paths:
        raise BadInput(f"{notebooks} holds no notebook named like 02_product_profitability.ipynb")
    declared = _declared(paths)
    check_parameters({"data": data, "month": month, "scope": "company"} | dict(values or {}), declared)
    jobs = _processors() if jobs is None else jobs
    if jobs < 1:
        raise BadInput(f"jobs must be at least 1, not {jobs}")
    first_report = not any(Path(out).glob("*/*/run.json"))
    if first_report and not dask:
        kernels.use()  # it warms up while the data is prepared
    try:
        book = open_book(data, month)
    except OSError as error:
        raise _refusal(error, Path(data)) from error
    scopes = _scopes(book, data, stores)
    prepared = time.monotonic() - started

    folders = {"company": "company"} | folder_names(book.stores, {"company"})
    home = Path(out) / folder_names([book.name])[book.name]
    target, work, old = home / book.month, home / f".{book.month}.partial", home / f".{book.month}.old"
    tasks = _tasks(book, data, scopes, folders, paths, declared, values or {})
    _recover(target, old)
    last = _read_json(target / "run.json")
    notes = _not_read(book)
    toml = _sha(book.company.folder / "company.toml")  # whose alerts and remarks change no page
    if _unchanged(target, last, tasks, scopes) and last["not_read"] == notes and last["inputs"]["sha256"]["company.toml"] == toml:
        say("Nothing has changed since these pages were made.")
        return _finish(target, last, say)

    gather(book.prepared)
    seconds = seconds or SECONDS * max(1.0, int(book.sql("select count(*) as n from order_lines")["n"][0]) / MANY)
    try:
        with _workers(dask, jobs, data, book) as pool:
            work.mkdir(parents=True, exist_ok=True)
            with locked(work):
                records = _work(tasks, work, target, last, pool, seconds, say, started)
                if fingerprint(open_company(data), CACHE / ".digests") != book.fingerprint:  # pages of two states
                    shutil.rmtree(work, ignore_errors=True)
                    raise BadInput(f"the files in {book.company.folder.name} changed while the pages were made; run again when they are complete")
                record = _assemble(book, work, scopes, tasks, records, notes)
                record["parameters"] = {"data": data, "month": month, "stores": stores, "jobs": jobs, **(values or {})}
                record["seconds"] = {"prepare": round(prepared, 2), "all": round(time.monotonic() - started, 2)}
                _write(work / "run.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
                _replace(target, work, old)
    except OSError as error:
        if error.errno in _FULL:
            shutil.rmtree(work, ignore_errors=True)
            with suppress(OSError):  # when it holds no other month
                home.rmdir()
        raise _refusal(error, home) from error
    say(f"{len(paths) * len(scopes)} pages in {record['seconds']['all']:.0f} s.")
    return _finish(target, record, say)


# ---- what there is to do -----------------------------------------------------------------------------------------------------


def _declared(paths: list[Path]) -> dict[str, list[Parameter]]:
    return {path.stem: parameters(path) for path in paths}


def _scopes(book: Book, data: str, stores: str) -> list[str]:
    """The company, then the stores that were asked for, in the company's order."""
    if stores == "all":
        return ["company", *book.active_stores]
    wanted = [name.strip() for name in stores.split(",") if name.strip() and name.strip() != "company"]
    if not wanted and stores.strip() != "company":
        raise BadInput(f"stores must be all, company, or stores with commas between them, not {stores!r}")
    for name in wanted:
        if name not in book.active_stores:
            open_book(data, book.month, name)  # says which stores there are
    return ["company", *[name for name in book.active_stores if name in wanted]]


def _tasks(book, data, scopes, folders, paths, declared, values) -> list[Task]:
    """Every piece of work, the tables of a scope before its notebooks."""
    everywhere = [book.fingerprint, book.name, book.company.strays(), code(), _versions(), [path.name for path in paths]]
    sources = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    tasks, dates, until = [], reconcile.basis_said(book), _until(book)
    for scope in scopes:
        given = {"data": data, "month": book.month, "scope": scope}
        key = _digest([everywhere, given])
        tasks.append(Task(scope, folders[scope], TABLES, key, given))
        by_notebook = check_parameters(given | dict(values), declared)
        for number, path in enumerate(paths):
            before, after = paths[number - 1] if number else None, paths[number + 1] if number + 1 < len(paths) else None
            place = pages.Place(book.name, book.month, scope, path.name, dates, until, _link(before), _link(after))
            own = by_notebook[path.stem]
            tasks.append(Task(scope, folders[scope], path.stem, _digest([everywhere, own, sources[path.stem]]), own, place, path))
    return tasks


def _until(book: Book) -> str:
    day = as_of(book)
    return "" if day == book.last_day else f"orders up to {day:%Y-%m-%d}"


def _link(path: Path | None) -> pages.Link | None:
    return path and pages.Link(f"{path.stem}.html", pages.notebook_title(path.stem))


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    """Versions of Python, the workbook and what it is built on."""
    names = sorted(
        {
            line.split(";")[0].split("<")[0].split(">")[0].split("=")[0].strip()
            for line in requires("profit-workbook") or []
            if "extra ==" not in line
        }
    )
    return {"python": platform.python_version(), "profit-workbook": version("profit-workbook")} | {name: version(name) for name in names}


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---- doing it ----------------------------------------------------------------------------------------------------------------


@contextmanager
def _workers(dask: str, jobs: int, data: str, book: Book) -> Iterator[Executor]:
    """What does the work: threads of this process or, at the address of a scheduler, the workers of a Dask cluster.

    Raises BadInput when there is no cluster, or a worker that hasn't the same code and the same company before it.
    """
    if not dask:
        kernels.use()
        yield ThreadPoolExecutor(jobs)
        return
    try:
        from distributed import Client
    except ImportError:
        raise BadInput("a Dask cluster needs the extra `dask`: pip install '.[dask]'") from None
    try:
        client = Client(dask, timeout="10s")
    except (OSError, ValueError) as error:
        raise BadInput(f"there is no Dask scheduler at {dask!r}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=10)
            seen = client.run(_sight, data)
        except Exception as error:  # of any kind, on another machine
            raise BadInput(f"the workers of {dask} can't make these reports: {error}") from None
        for worker, sight in seen.items():
            if tuple(sight) != (book.fingerprint, code()):
                raise BadInput(f"the worker {worker} has another version of the workbook or of {data}; it needs the same folders as you")
        yield client.get_executor(pure=False)


def _sight(data: str) -> tuple[str, str]:
    """On a worker: the company's content and the workbook's code, as they are seen from there."""
    return prepare(open_company(data)).name.split("-")[0], code()


def _work(tasks, work: Path, target: Path, last: dict, pool: Executor, seconds: float, say, started: float) -> dict[Task, dict]:
    """Do every task that isn't done yet; each one's record (key, status, seconds, failure, files …)."""
    records = {}
    for task in tasks:
        kept = _kept(task, work, target, last)
        if kept:
            records[task] = kept
    todo = sorted((task for task in tasks if task not in records), key=lambda task: task.name != TABLES)  # what they keep, notebooks find
    progress = _Progress(len(todo), len(tasks) - len(todo), say, started)
    run = uuid.uuid4().hex
    _write(work / RUN, run)
    futures = {pool.submit(_do, task, work.resolve(), run, seconds): task for task in todo}
    try:
        for future in as_completed(futures):
            records[futures[future]] = future.result()
            progress.done(futures[future], records[futures[future]])
    except BaseException as error:  # Ctrl-C, SIGTERM, a full disk: nothing goes on behind the error's back
        (work / RUN).unlink(missing_ok=True)
        for future in futures:
            future.cancel()
        kernels.kill_all()
        wait(futures, timeout=3)
        if isinstance(error, CancelledError) or type(error).__module__.startswith("distributed."):
            said = "its scheduler is gone" if isinstance(error, CancelledError) else str(error).splitlines()[0]
            raise BadInput(f"the Dask cluster gave up: {said}; what is finished is kept: the same command does the rest") from None
        raise
    finally:
        progress.close()
        pool.shutdown(wait=False)
    return records


def _do(task: Task, work: Path, run: str, seconds: float) -> dict:
    """Do one task and leave its files in the folder of its scope, as long as that is the work of this run; gives back its record.

    Here or on another machine: it takes what can be sent, and the folders are shared.
    """
    began = time.monotonic()
    _still(work, run)
    folder = work / task.folder
    folder.mkdir(exist_ok=True)
    if task.path is None:
        record = _do_tables(task, folder)
    else:
        nb, failure = execute(task.path, task.values, seconds, kernels.use())
        _still(work, run)
        nb = normal(nb)
        _write(folder / task.path.name, as_text(nb))
        _write(folder / f"{task.name}.html", pages.notebook_page(nb, task.place, failure))
        record = _record(failure, [task.path.name, f"{task.name}.html"])
    record |= {"key": task.key, "seconds": round(time.monotonic() - began, 2)}
    record["files"] = {name: _sha(folder / name) for name in record["files"]}
    _write(_note(work, task), json.dumps(record))
    return record


def _still(work: Path, run: str) -> None:
    """Raises OSError or CancelledError where the run was given up, or another one has begun."""
    if (work / RUN).read_text(encoding="utf-8") != run:
        raise CancelledError


def _do_tables(task: Task, folder: Path) -> dict:
    try:
        summary = kernels.apart(write_tables, dict(task.values), str(folder))
    except OSError:
        raise
    except Exception as error:  # concerns this scope alone
        return _record(Failure("", f"{type(error).__name__}: {error}".splitlines()[0][:300]), []) | {"summary": pages.NOTHING}
    return _record(None, ["decisions.csv", "metrics.csv"]) | {"summary": summary}


def _record(failure: Failure | None, files: list[str]) -> dict:
    record = {"status": "failed" if failure else "ok", "files": files}
    return record | ({"cell": failure.cell, "error": failure.error} if failure else {})


def write_tables(values: dict, folder: str) -> dict:
    """Write decisions.csv and metrics.csv of one scope; returns what the index tells about it.

    Cells are the exact values, also where a spreadsheet would take one for a formula: they are for programs.
    decisions.xlsx, which is for people, holds no formula.
    """
    book = open_book(**values)
    decided, measured = decide(book), metrics(book)
    measured.insert(0, "scope", book.scope)
    measured.insert(1, "month", book.month)
    for name, frame in {"decisions": for_file(decided), "metrics": measured}.items():
        # 15 digits are all that a float holds for sure: an amount reads as it was written
        _write(Path(folder) / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n", float_format="%.15g"))
    return pages.summary(book, measured, decided)


def _note(work: Path, task: Task) -> Path:
    """Where the record of a finished task lies until the month is whole."""
    return work / task.folder / f".{task.name}.json"


def _kept(task: Task, work: Path, target: Path, last: dict) -> dict | None:
    """The record of a task that is done already: in the unfinished month, or in the finished one, from where it is taken over."""
    record = _read_json(_note(work, task))
    if _good(record, task, work):
        return record
    record = last.get("scopes", {}).get(task.scope, {}).get("tasks", {}).get(task.name, {})
    if not _good(record, task, target):
        return None
    (work / task.folder).mkdir(exist_ok=True)
    for name in record["files"]:
        shutil.copyfile(target / task.folder / name, work / task.folder / name)
    _write(_note(work, task), json.dumps(record))
    return record


def _good(record: dict, task: Task, root: Path) -> bool:
    same = record.get("key") == task.key and record.get("status") == "ok"
    return same and all(_sha(root / task.folder / name) == digest for name, digest in record["files"].items())


class _Progress:
    """Tells what is done: a bar on a terminal, else one line per finished piece."""

    def __init__(self, total: int, reused: int, say: Callable[[str], None], started: float):
        self.total, self.count, self.say, self.started = total, 0, say, started
        self.bar = None
        if reused:
            say(f"{reused} of {total + reused} pieces are done already and still true.")
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="piece", dynamic_ncols=True, leave=False)

    def done(self, task: Task, record: dict) -> None:
        self.count += 1
        words = f"{pages.label(task.scope, 40)} · {task.name}"
        if record.get("status") == "failed":
            words += f" FAILED: {record['error']}"
        if self.bar:
            self.bar.set_description_str(pages.label(words, 60))
            self.bar.update()
            if record.get("status") == "failed":
                self.bar.write(words)
        else:
            self.say(f"[{self.count:>{len(str(self.total))}}/{self.total}] {time.monotonic() - self.started:5.1f} s  {words}")

    def close(self) -> None:
        if self.bar:
            self.bar.close()


# ---- the month's folder ------------------------------------------------------------------------------------------------------


def _assemble(book: Book, work: Path, scopes: list[str], tasks: list[Task], records: dict[Task, dict], notes: list[str]) -> dict:
    """Write what spans the scopes and leave nothing else in the folder; returns the content of run.json."""
    by_scope = {scope: [task for task in tasks if task.scope == scope] for scope in scopes}
    folders = {task.scope: task.folder for task in tasks}
    results = []
    for scope, own in by_scope.items():
        failed = {task.name: records[task] for task in own if records[task]["status"] == "failed"}
        failures = {name: Failure(record["cell"], record["error"]) for name, record in failed.items()}
        summary = next(records[task]["summary"] for task in own if task.path is None)
        html = {task.name: f"{task.name}.html" for task in own if task.path}
        results.append(pages.ScopeResult(scope, folders[scope], summary, html, failures))
    loads = book.sql("select table_name, file, rows_in, loaded, set_aside from loads order by all")
    reasons = book.sql('select file, "column", reason, count(*) as n from set_aside group by all order by n desc, file, "column", reason')
    _write_set_aside(book, work / "set_aside.csv")
    _write_workbook([work / folders[scope] / "decisions.csv" for scope in scopes], work / "decisions.xlsx")
    totals = {name: int(loads[name].sum()) for name in ("rows_in", "loaded", "set_aside")}
    why = list(reasons.itertuples(index=False, name=None))
    why = [*why[:12], *([("…", "", f"{len(why) - 12} more reasons", sum(row[-1] for row in why[12:]))] if len(why) > 12 else [])]
    page = pages.index_page(book.name, book.month, book.currency, results, totals, why, notes, _until(book))
    _write(work / "index.html", page)

    for task in tasks:
        _note(work, task).unlink(missing_ok=True)
    expected = {"index.html", "set_aside.csv", "decisions.xlsx"}
    expected |= {f"{task.folder}/{name}" for task in tasks for name in records[task]["files"]}
    for path in sorted(work.rglob("*"), reverse=True):  # leftovers of an interrupted run that was asked for other stores
        name = path.relative_to(work).as_posix()
        if path.is_dir():
            if not any(wanted.startswith(f"{name}/") for wanted in expected):
                shutil.rmtree(path)
        elif name not in expected:
            path.unlink(missing_ok=True)
    return {
        "company": book.name,
        "month": book.month,
        "status": "failed" if any(result.failures for result in results) else "ok",
        "parameters": {},
        "inputs": {"fingerprint": book.fingerprint, "sha256": _inputs(book), "rows": loads.to_dict("records")},
        "not_read": notes,
        "versions": _versions(),
        "seconds": {},
        "scopes": {
            scope: {"folder": folders[scope], "tasks": {task.name: records[task] for task in own}} for scope, own in by_scope.items()
        },
        "files": {name: _sha(work / name) for name in sorted(expected) if "/" not in name},
    }


def _not_read(book: Book) -> list[str]:
    """What the figures lack, in sentences: rows and totals that don't add up, and files and columns that no table knows."""
    came, totals = rows(book), reconcile.totals(book)
    notes = [rows_said(came)] if came["lost"].any() else []
    silent = [store for store in book.stores if store not in book.active_stores]
    notes += [f"No pages for {join_names(silent)}: no sales, costs, stock or target in the 90 days up to the end of {book.month}."] if silent else []
    notes += [reconcile.totals_said(totals)] if (totals["difference"].abs() > 0.005).any() else []
    notes += [f"Not read, since it is no table: {stray}" for stray in book.company.strays()]
    notes += [f"Left out of {row.file}: {row.left_out}" for row in unknown(book).itertuples()]
    return [pages.label(note, 300) for note in notes]


def _inputs(book: Book) -> dict[str, str]:
    """SHA-256 of every input file that a table is read from, by its name within the company folder."""
    files = [book.company.folder / "company.toml"]
    for path in book.company.files.values():
        files += sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    files += [path for export in book.company.exports for path in export.files]
    for source in book.company.settings.sources:
        files += [book.company.folder / source.sql, *(find_files(book.company.folder, source.files, source.sql) if source.files else [])]
    return {path.relative_to(book.company.folder).as_posix(): _sha(path) for path in dict.fromkeys(files)}


def _write_set_aside(book: Book, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    query = 'select file, "row", "column", value, reason from set_aside order by all'
    book.con.execute(f"copy ({query}) to '{quoted}' (format csv, header true, delimiter ',')")


def _write_workbook(tables: list[Path], path: Path) -> None:
    """All scopes' decisions in one filterable sheet. Nothing in it is a formula or a link."""
    import pandas as pd
    import xlsxwriter

    numbers = {"value": "0.####", "threshold": "0.####", "money_at_stake": "#,##0.00", "sample_size": "#,##0"}
    frames = [pd.read_csv(table, dtype=str, keep_default_na=False) for table in tables if table.exists()]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    workbook = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    workbook.set_properties({"title": "Decisions", "created": datetime(2000, 1, 1)})  # no clock time: the same decisions are the same bytes
    bold = workbook.add_format({"bold": True, "bottom": 1})
    formats = {name: workbook.add_format({"num_format": shown}) for name, shown in numbers.items()}
    sheet = workbook.add_worksheet("decisions")
    for column, name in enumerate(frame.columns):
        sheet.write_string(0, column, name, bold)
        cells = frame[name]
        sheet.set_column(column, column, min(48, max([len(name) + 3, *cells.str.len()])))
        for row, text in enumerate(cells, 1):
            if name in numbers and text not in ("", "inf", "-inf"):
                sheet.write_number(row, column, float(text), formats[name])
            elif text:
                sheet.write_string(row, column, text[:32_767])
    sheet.freeze_panes(1, 0)
    if len(frame.columns):
        sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)
    try:
        workbook.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise error.args[0] if error.args and isinstance(error.args[0], OSError) else OSError(str(error)) from error


def _unchanged(target: Path, last: dict, tasks: list[Task], scopes: list[str]) -> bool:
    """Whether the finished month is exactly what this run would make."""
    known = last.get("scopes", {})
    if list(known) != scopes or any(_sha(target / name) != digest for name, digest in last["files"].items()):
        return False
    return all(_good(known[task.scope]["tasks"].get(task.name, {}), task, target) for task in tasks)


def _replace(target: Path, work: Path, old: Path) -> None:
    """Put the finished folder in place. Killed in between, the next run's `_recover` finds the old month or the new one."""
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _recover(target: Path, old: Path) -> None:
    if old.exists():
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


class locked:
    """Holds a folder for this run; raises BadInput when another run holds it. Where there is no flock, nothing is held."""

    def __init__(self, folder: Path):
        self.folder, self.handle = folder, None

    def __enter__(self):
        try:
            import fcntl
        except ImportError:
            return
        self.handle = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.handle)
            raise BadInput(f"another run is writing {self.folder.name} at this moment; wait until it is done") from None

    def __exit__(self, *error):
        if self.handle is not None:
            os.close(self.handle)


def _finish(target: Path, record: dict, say: Callable[[str], None]) -> int:
    """Say where the index is and what matters most; returns how many notebooks failed."""
    done = [(scope, name, task) for scope, own in record["scopes"].items() for name, task in own["tasks"].items()]
    failed = [(scope, name, task) for scope, name, task in done if task["status"] == "failed"]
    for scope, name, task in failed:
        where = f" in cell {task['cell']}" if task["cell"] else ""
        say(f"FAILED: {pages.label(scope)} · {name}{where}: {task['error']}")
    for note in record["not_read"]:
        say(note)
    say(f"Read {target / 'index.html'}")
    biggest = record["scopes"]["company"]["tasks"][TABLES]["summary"]["biggest"][:3]
    say("The biggest decisions of the month:" if biggest else "Nothing crosses a line of the policy this month.")
    for rank, words in enumerate(biggest, 1):
        say(f"{rank}. {words['line']}")
    return len(failed)


# ---- files -------------------------------------------------------------------------------------------------------------------


def folder_names(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A folder's name for each of these names, which come from other people's data: safe on every system, readable, unique.

    A name that is safe stays as it is, in any script. From another one, what isn't safe goes and eight characters of its SHA-256
    come; likewise where two names would be one folder where case doesn't count. The result doesn't depend on the order.

    >>> folder_names(["us-shop", "旗舰店", "../../x", "A", "a"])
    {'us-shop': 'us-shop', '旗舰店': '旗舰店', '../../x': 'x-9cdf6a50', 'A': 'A-559aead0', 'a': 'a-ca978112'}
    """
    names = list(dict.fromkeys(names))
    safe = {name: _safe(name) for name in names}
    times = Counter(name.casefold() for name in [*safe.values(), *taken])
    return {
        name: safe[name]
        if safe[name] == name and times[name.casefold()] == 1
        else f"{safe[name]}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        for name in names
    }


_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
_OURS = {"index.html", "run.json", "decisions.xlsx", "set_aside.csv"}


def _safe(name: str) -> str:
    letters = unicodedata.normalize("NFC", name)
    letters = "".join(" " if unicodedata.category(letter)[0] in "CZ" or letter in '<>:"/\\|?*' else letter for letter in letters)
    text = " ".join(letters.split()).strip(" .-~")
    text = text.encode()[:120].decode(errors="ignore").rstrip(" .")
    return "unnamed" if not text or text.split(".")[0].casefold() in _DEVICES or text.casefold() in _OURS else text


def _sha(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, text: str) -> None:
    """Write a file whole: it is never seen half-written under its own name."""
    half = path.with_name(path.name + ".half")
    half.write_text(text, encoding="utf-8", newline="", errors="surrogatepass")
    half.replace(path)


def _refusal(error: OSError, home: Path) -> BadInput:
    if error.errno in _FULL:
        return BadInput(f"the disk that holds {home} is full; nothing of this month was written, free some space and run it again")
    return BadInput(f"{error.filename or home} can't be written: {error.strerror or error}; name another folder with OUT=")


# ---- the command -------------------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m helpers.batch", description="Make a month's reports for a company and its stores.")
    parser.add_argument("--data", default="data/sample", help="company folder (default: the sample company)")
    parser.add_argument("--month", default="latest", help="YYYY-MM, or latest (default)")
    parser.add_argument("--stores", default="all", help="all (default), company, or store ids with commas between them")
    parser.add_argument("--jobs", default="", help="how many notebooks run at a time (default: one per processor)")
    parser.add_argument("--out", default="reports", help="where the reports go (default: reports)")
    parser.add_argument("--dask", default="", help="address of a Dask scheduler whose workers do it, such as tcp://host:8786")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a further parameter of the notebooks")
    options = parser.parse_args(arguments)

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        failed = run(
            options.data, options.month or "latest", options.stores or "all", _jobs(options.jobs), options.out or "reports",
            _values(options.set), say=lambda line: print(line, flush=True), dask=options.dask,
        )  # fmt: skip
    except BadInput as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What is finished is kept: the same command does the rest.", file=sys.stderr, flush=True)
        os._exit(130)  # threads that still wait for their kernels have nothing left to do
    return 1 if failed else 0


def _jobs(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise BadInput(f"jobs must be a whole number of at least 1, not {text!r}")
    return int(text)


def _values(settings: list[str]) -> dict[str, object]:
    values, declared = {}, _declared(all_notebooks()) if settings else {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise BadInput(f"--set {setting} has no value; write --set {setting}=VALUE")
        values[name.strip()] = from_text(name.strip(), text, declared)
    return values


if __name__ == "__main__":
    import helpers.batch  # under the name by which forked children know it

    sys.exit(helpers.batch.main())
