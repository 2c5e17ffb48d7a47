"""The stored notebooks: their parameters, how one is run, the one form in which all are stored, and the rules that they keep.

`python -m helpers.notebooks` (make notebooks) runs them again on the sample company and stores them in normal form.
"""

from __future__ import annotations

import ast
import asyncio
import contextvars
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from helpers.company import PROJECT
from helpers.contract import BadInput
from helpers.policy import did_you_mean

if TYPE_CHECKING:
    from nbformat import NotebookNode  # imported below, by what works on notebooks

# nbformat's validator would build a grammar of internationalized addresses, of which a notebook has none, whenever it is imported: 0.7 s
sys.modules.setdefault("rfc3987_syntax", None)

NOTEBOOKS = PROJECT / "notebooks"
NAME = re.compile(r"\d\d_[a-z][a-z0-9_]*")
TYPES = {"str": str, "int": int, "float": float, "bool": bool}
TAGS = ("parameters", "injected-parameters", "answer", "analyst")
"""Tags that a cell may have: the two of papermill; `answer` stands first on the page; `analyst` is left out of it."""

SECTIONS = (
    "What you will decide", "Predict first", "Load", "Decisions", "What to do next", "What this cannot tell you", "Exercises", "Run record",
)  # fmt: skip
"""Second-level headings that every notebook has, in this order; the claims stand between Load and Decisions."""

MOST_LINES, MOST_BYTES = 15, 300_000
_MIMES = {"text/plain", "text/html", "text/markdown", "image/png"}


def all_notebooks(folder: Path = NOTEBOOKS) -> list[Path]:
    """The numbered notebooks of a folder, in their order."""
    return sorted(path for path in folder.glob("*.ipynb") if NAME.fullmatch(path.stem))


def read(path: Path) -> NotebookNode:
    """A notebook file."""
    import nbformat

    return nbformat.read(path, as_version=4)


def title(nb: NotebookNode) -> str:
    """The first heading of a notebook."""
    found = re.search(r"^# +(.+)$", "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown"), re.MULTILINE)
    return found[1].strip() if found else "Notebook"


class Parameter(NamedTuple):
    """One line of a parameters cell."""

    name: str
    type: type
    default: object
    meaning: str


def parameters(path: Path) -> list[Parameter]:
    """What a notebook can be told: the literals of its cell tagged `parameters`, each with its type in the comment behind it.

    Raises BadInput when the notebook has no such cell, and when a line of it is anything else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = ["".join(cell["source"]) for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path.name} is not a notebook of the current format (4)") from None
    if len(cells) != 1:
        raise BadInput(f"{path.name} has {len(cells)} cells tagged `parameters`; it needs one")
    try:
        return [parameter(line) for line in cells[0].splitlines()]
    except ValueError as error:
        raise BadInput(f"{path.name}: {error}") from None


def parameter(line: str) -> Parameter:
    """One line of a parameters cell.

    >>> parameter("top = 10  # int how many")
    Parameter(name='top', type=<class 'int'>, default=10, meaning='how many')
    """
    try:
        (statement,) = ast.parse(line).body
        (target,), default = statement.targets, ast.literal_eval(statement.value)
        comment = line.encode()[statement.end_col_offset :].decode().strip().removeprefix("#").strip()
        kind, _, meaning = comment.partition(" ")
        if type(default) is TYPES[kind.rstrip(":")]:
            return Parameter(target.id, type(default), default, meaning.strip())
    except (SyntaxError, ValueError, AttributeError, KeyError):
        pass
    raise ValueError(f'parameter line {line!r} is not of the form  month = "2025-12"  # str which month')


def check_parameters(given: Mapping[str, object], declared: Mapping[str, list[Parameter]]) -> dict[str, dict[str, object]]:
    """Which notebook gets which of the given parameters, by notebook name.

    Every notebook must take `data`, `month` and `scope`; others go to the notebooks that declare them.
    Raises BadInput for a name that no notebook knows and for a value of another type, before any kernel is started.
    """
    known = {parameter.name for lines in declared.values() for parameter in lines}
    for name in given:
        if name not in known:
            raise BadInput(f"no notebook has a parameter `{name}`{did_you_mean(name, known) or '; there are ' + ', '.join(sorted(known))}")
    out = {}
    for notebook, lines in declared.items():
        own = {parameter.name: parameter for parameter in lines}
        for name in ("data", "month", "scope"):
            if name not in own:
                raise BadInput(f"{notebook} has no parameter `{name}`, which every notebook needs{did_you_mean(name, own)}")
        out[notebook] = {name: value for name, value in given.items() if name in own}
        for name, value in out[notebook].items():
            kind = own[name].type
            if type(value) is not kind:
                raise BadInput(f"{notebook}: `{name}` must be a {kind.__name__} such as {own[name].default!r}, not {value!r}")
    return out


def from_text(name: str, text: str, declared: Mapping[str, list[Parameter]]) -> object:
    """A parameter's value from the command line, read as the type that the notebooks declare for it."""
    kinds = [parameter.type for lines in declared.values() for parameter in lines if parameter.name == name]
    if not kinds or kinds[0] is str:
        return text
    try:
        value = ast.literal_eval(text.strip().title() if kinds[0] is bool else text)
    except (SyntaxError, ValueError):
        return text  # of the wrong type, which check_parameters tells
    return float(value) if kinds[0] is float and type(value) is int else value


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not finish: the cell's id and its first error, in one line."""

    cell: str
    error: str


def execute(
    path: Path, values: Mapping[str, object] | None = None, seconds: float = 600, config: object = None
) -> tuple[NotebookNode, Failure | None]:
    """Run a notebook with papermill in a kernel of its own; the executed notebook, as far as it came, and what stopped it.

    A notebook fails by an exception, by ending itself (`sys.exit(0)` too), when its kernel dies, and after `seconds`.
    """
    papermill = _papermill()
    deadline = time.monotonic() + seconds
    kept: list[NotebookNode] = []
    stopped = ""
    try:
        _in_own_loop(
            papermill.execute_notebook,
            str(path.resolve()).replace("{", "{{").replace("}", "}}"),  # papermill fills in braces in paths
            None,
            parameters=dict(values or {}),
            engine_name="keeping",
            keep=kept,
            config=config,
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            record_timing=False,
            shutdown_kernel="immediate",
            timeout_func=lambda cell: max(0.1, deadline - time.monotonic()),
        )
    except papermill.PapermillExecutionError:
        pass  # the error stands in the notebook
    except TimeoutError:
        stopped = f"took longer than {seconds:g} seconds"
    except Exception as error:  # whatever happens to a kernel concerns its notebook alone
        stopped = "its kernel died: killed from outside, or out of memory" if "ied" in str(error) else f"{type(error).__name__}: {error}"
    nb = kept[0] if kept else read(path)
    nb.cells = [cell for cell in nb.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    started = [cell for cell in nb.cells if cell.cell_type == "code" and cell.metadata.get("papermill", {}).get("start_time")]
    names = {id(cell): fresh.id for cell, fresh in zip(nb.cells, normal(nb).cells, strict=True)}
    for cell in started:
        for output in cell.outputs:
            if output.output_type == "error":
                return nb, Failure(names[id(cell)], _one_line(output))
    return nb, Failure(names[id(started[-1])] if started else "", _cut(stopped)) if stopped else None


def _in_own_loop(function: Callable, *arguments: object, **options: object) -> None:
    """Call what works with nbclient, and close the event loop that it has opened then: it leaves that to whoever ends the thread, and where
    a kernel has died, tasks that still wait for it."""
    asyncio.set_event_loop(None)
    try:
        contextvars.Context().run(function, *arguments, **options)  # in one of its own it knows no other loop either
    finally:
        with suppress(RuntimeError):  # it has opened none
            loop = asyncio.get_event_loop()
            if not loop.is_running():  # or it is that of the notebook from which this is called
                if waiting := asyncio.all_tasks(loop):
                    for task in waiting:
                        task.cancel()
                    loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
                loop.close()
                asyncio.set_event_loop(None)


def _papermill():
    """papermill, which takes a quarter of a second to import, with an engine that keeps the notebook when it fails."""
    import papermill
    from papermill.engines import NBClientEngine, papermill_engines

    class Keeping(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, keep, **kwargs):
            keep.append(nb_man.nb)
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("keeping", Keeping)
    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what it would say stands in the notebook's failure
    return papermill


def _one_line(error: NotebookNode) -> str:
    if error.ename == "SystemExit":
        return "ended itself with sys.exit"
    value = (error.evalue.strip().splitlines() or [""])[0]
    return _cut(value if error.ename == "BadInput" else f"{error.ename}: {value}".rstrip(": "))


def _cut(text: str, most: int = 300) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def normal(nb: NotebookNode) -> NotebookNode:
    """A notebook in normal form: the same bytes whenever and wherever it was run.

    Counts are 1 … n, ids are readable, tags are the only metadata, the kernel's name is neutral, and stderr, timing and this
    machine's paths are gone.
    """
    import nbformat

    cells, count, taken, heading = [], 0, set(), "title"
    for cell in nb.cells:
        tags = list(cell.metadata.get("tags", []))
        source = cell.source.rstrip()
        found = re.findall(r"^#+ +(.+)$", source, re.MULTILINE) if cell.cell_type == "markdown" else []
        heading = found[-1] if found and taken else heading
        fresh = {
            "cell_type": cell.cell_type,
            "id": _readable_id(tags[0] if "parameters" in "".join(tags) else cell.get("id", ""), heading, taken),
            "metadata": {"tags": tags} if tags else {},
            "source": source,
        }
        if cell.cell_type == "code":
            ran = cell.execution_count is not None
            count += ran
            fresh |= {"execution_count": count if ran else None, "outputs": _normal_outputs(cell.outputs, count)}
        cells.append(fresh)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def _readable_id(old: str, heading: str, taken: set[str]) -> str:
    """An id that says where it is: the old one if it does, else the heading above with a number."""
    good = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", old) and len(old) <= 64 and not re.fullmatch(r"[0-9a-f]{8}", old)
    base = old if good else re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")[:40].strip("-") or "cell"
    base = base if base[0].isalpha() else f"s-{base}"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name


def _normal_outputs(outputs: list, count: int) -> list[dict]:
    fresh: list[dict] = []
    for output in outputs:
        kind = output.output_type
        if kind == "stream":
            if output.name == "stderr":
                continue
            if fresh and fresh[-1]["output_type"] == "stream":
                fresh[-1]["text"] += output.text
            else:
                fresh.append({"output_type": kind, "name": output.name, "text": output.text})
        elif kind == "error":
            lines = [_anywhere(line) for line in output.traceback]
            fresh.append({"output_type": kind, "ename": output.ename, "evalue": _anywhere(output.evalue), "traceback": lines})
        else:
            data = {mime: value.rstrip("\n") if mime == "image/png" else value for mime, value in output.data.items()}
            fresh.append({"output_type": kind, "data": data, "metadata": {}})
            if kind == "execute_result":
                fresh[-1]["execution_count"] = count
    return fresh


def _anywhere(text: str) -> str:
    """Text without the folders of this machine."""
    for folder in sorted((str(PROJECT), sys.prefix, sys.base_prefix, str(Path.home())), key=len, reverse=True):
        text = text.replace(folder + os.sep, "").replace(folder, ".")
    return re.sub(r"\S*/ipykernel_\d+/\d+\.py", "<cell>", text)


def as_text(nb: NotebookNode) -> str:
    """The file's text of a notebook in normal form."""
    import nbformat

    return nbformat.writes(nb, version=4).rstrip("\n") + "\n"


def check(path: Path) -> list[str]:
    """What a stored notebook does against the rules for notebooks; empty when it keeps them all."""
    problems: list[str] = []
    nb = read(path)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    if not NAME.fullmatch(path.stem):
        problems.append("is not named NN_topic.ipynb")
    if path.stat().st_size > MOST_BYTES:
        problems.append(f"has more than {MOST_BYTES:,} bytes")
    problems += _check_order(nb, code)
    try:
        names = [parameter.name for parameter in parameters(path)]
        if len(code) < 2 or "open_book(" not in code[1].source or any(name not in code[1].source for name in names):
            problems.append("does not check all parameters in the code cell behind them, with open_book(…)")
    except BadInput as error:
        problems.append(str(error))
    for cell in code:
        where = f"cell `{cell.id}`"
        problems += [f"{where} {problem}" for problem in _check_code(cell.source)]
        problems += [f"{where} {problem}" for problem in _check_outputs(cell.outputs)]
    late = [cell.id for number, cell in enumerate(code, 1) if cell.execution_count != number]
    if late:
        problems.append(f"was not run in order from a fresh kernel: cell `{late[0]}` has another count")
    for cell in nb.cells:
        unknown = [tag for tag in cell.metadata.get("tags", []) if tag not in TAGS]
        problems += [f"cell `{cell.id}` has the unknown tag `{tag}`{did_you_mean(tag, TAGS)}" for tag in unknown]
    if path.read_text(encoding="utf-8") != as_text(normal(nb)):
        problems.append("is not in normal form: run `make notebooks`")
    return problems


def _check_order(nb: NotebookNode, code: list[NotebookNode]) -> list[str]:
    problems = []
    opening = nb.cells[0].source if nb.cells and nb.cells[0].cell_type == "markdown" else ""
    if not re.match(r"# .+\n\s*\S.*\?", opening):
        problems.append("does not open with a title and the question, in one sentence that ends with a question mark")
    if not code or "parameters" not in code[0].metadata.get("tags", []):
        problems.append("has another code cell before the one tagged `parameters`")
    prose = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## +(.+?) *$", prose, re.MULTILINE)
    missing = [name for name in SECTIONS if name not in headings]
    problems += [f"has no section `## {name}`" for name in missing]
    if not missing and [name for name in headings if name in SECTIONS] != list(SECTIONS):
        problems.append(f"does not keep the order of the sections {', '.join(SECTIONS)}")
    return problems


_FORBIDDEN = {
    r"^\s*[%!]": "a magic or shell line",
    r";\s*$": "a trailing semicolon",
    r"\bsys\.path\b": "sys.path",
    r"\btqdm\b": "a progress bar",
    r"\b(now|today|time|perf_counter|monotonic|strftime)\(": "the clock",
    r"""["'](/|~/|[A-Za-z]:\\)""": "an absolute path",
}
_MACHINE = re.compile(r"/(home|Users|root|tmp|var)/|[A-Z]:\\Users|\b0x[0-9a-f]{6,}\b")


def _check_code(source: str) -> list[str]:
    problems = [f"uses {words}" for pattern, words in _FORBIDDEN.items() if re.search(pattern, source, re.MULTILINE)]
    lines = len(source.splitlines())
    if lines > MOST_LINES:
        problems.append(f"has {lines} lines, more than {MOST_LINES}")
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return problems or ["is not plain Python"]
    if any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda) for node in nodes):
        problems.append("defines a function or class: logic lives in helpers/")
    return problems


def _check_outputs(outputs: list) -> list[str]:
    problems = []
    for output in outputs:
        if output.output_type == "error":
            problems.append(f"ends in {output.ename}")
        elif output.get("name") == "stderr":
            problems.append("prints to stderr")
        odd = set(output.get("data", {})) - _MIMES
        problems += [f"shows {mime}, which is not compared or not the same twice" for mime in sorted(odd)]
        texts = [output.get("text", "")] + [value for mime, value in output.get("data", {}).items() if mime.startswith("text/")]
        if any(_MACHINE.search(text) for text in texts):
            problems.append("shows a path or an address of this machine")
        if 'id="T_' in "".join(texts):
            problems.append("shows a Styler, which has random ids")
    return problems


def rerun(path: Path, config: object = None) -> str:
    """Run a stored notebook with its own parameters and store it in normal form; returns what became of it, in words."""
    nb, failure = execute(path, config=config)
    noise = [cell.id for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs if output.get("name") == "stderr"]
    if noise:
        failure = failure or Failure(noise[0], "prints to stderr")
    if failure:
        return f"FAILED in cell `{failure.cell}`: {failure.error}"
    text = as_text(normal(nb))
    if path.read_text(encoding="utf-8") == text:
        return "unchanged"
    path.write_text(text, encoding="utf-8")
    return "stored"


def main(names: list[str], say: Callable[[str], None] = print) -> int:
    from helpers import kernels

    config = kernels.use()
    paths = [Path(name) for name in names] or all_notebooks()
    _papermill()
    bad = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, outcome in zip(paths, pool.map(lambda path: rerun(path, config), paths), strict=True):
            problems = [] if outcome.startswith("FAILED") else check(path)
            bad += outcome.startswith("FAILED") or bool(problems)
            say(f"{path.name}: {outcome}")
            for problem in problems:
                say(f"  {problem}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
