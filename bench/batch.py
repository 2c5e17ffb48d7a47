"""The month's reports beside what else runs notebooks: a loop over papermill's command, two papermill processes, nbconvert --execute.

All of them run the workbook's own notebooks on the sample company, prepared before; only ours writes pages, tables and the index as well.
"""

import json
import shutil
import sys
from pathlib import Path

from bench.measure import in_python, measured
from helpers.company import PROJECT
from helpers.notebooks import all_notebooks

SCOPES = ("company", "us-shop")
PAIRS = 3
POOL = """
import json
from concurrent.futures import ProcessPoolExecutor
def one(job):
    import papermill
    papermill.execute_notebook(job[0], job[1], parameters=job[2], progress_bar=False)
jobs = json.loads(sys.argv[1])
with ProcessPoolExecutor(2) as pool:
    list(pool.map(one, jobs))
"""


def jobs(out: Path) -> list[tuple[str, str, dict]]:
    """Every notebook for every scope: its path, where it goes, its parameters."""
    data = str(PROJECT / "data" / "sample")
    return [
        (str(path), str(out / f"{scope}-{path.name}"), {"data": data, "month": "2025-12", "scope": scope})
        for scope in SCOPES
        for path in all_notebooks()
    ]


def ours(out: Path, **environment: str) -> dict:
    command = [
        sys.executable,
        "-m",
        "helpers.batch",
        f"--data={PROJECT / 'data' / 'sample'}",
        f"--stores={','.join(SCOPES)}",
        f"--out={out / 'reports'}",
    ]
    return measured(command, **environment)


def loop(out: Path, **environment: str) -> dict:
    """`for notebook in …; do papermill …; done`."""
    lines = [
        f"'{sys.executable}' -m papermill --no-progress-bar '{path}' '{target}' "
        + " ".join(f"-p {name} '{value}'" for name, value in values.items())
        for path, target, values in jobs(out)
    ]
    return measured(["sh", "-ec", "\n".join(lines)], **environment)


def pool(out: Path, **environment: str) -> dict:
    return in_python(POOL, json.dumps(jobs(out)), **environment)


def nbconvert(out: Path, **environment: str) -> dict:
    """nbconvert knows no parameters, so the notebooks get theirs written into copies first, which isn't timed."""
    copies = []
    for path, target, values in jobs(out):
        nb = json.loads(Path(path).read_text(encoding="utf-8"))
        cell = next(cell for cell in nb["cells"] if "parameters" in cell["metadata"].get("tags", []))
        cell["source"] = "".join(cell["source"]) + "\n" + "\n".join(f"{name} = {value!r}" for name, value in values.items())
        copies.append(target)
        Path(target).write_text(json.dumps(nb), encoding="utf-8")
    return measured(
        [sys.executable, "-m", "nbconvert", "--log-level=ERROR", "--execute", "--to", "notebook", "--inplace", *copies], **environment
    )


WAYS = {"the batch": ours, "papermill's command in a loop": loop, "two papermill processes": pool, "nbconvert --execute": nbconvert}


def run(scratch: Path, pairs: int = PAIRS) -> list[dict]:
    """Medians over `pairs` rounds in which all ways take turns: name, wall, cpu, and the pages that were made."""
    found: dict[str, list[dict]] = {name: [] for name in WAYS}
    cache = {"PROFIT_CACHE": str(scratch / "cache")}
    in_python("from helpers.book import open_book\nopen_book(sys.argv[1], 'latest')\n", str(PROJECT / "data" / "sample"), **cache)
    for turn in range(pairs):
        for name, way in WAYS.items():
            out = scratch / f"{turn}"
            out.mkdir()
            shutil.rmtree(
                next((scratch / "cache").glob("*/kept"), out / "none"), ignore_errors=True
            )  # nobody finds decisions that are made already
            found[name].append(way(out, **cache))
            shutil.rmtree(out)
    return [
        {
            "name": name,
            "pages": len(SCOPES) * len(all_notebooks()),
            **{what: sorted(one[what] for one in rounds)[len(rounds) // 2] for what in ("wall", "cpu")},
        }
        for name, rounds in found.items()
    ]
