"""The month's reports beside what else runs notebooks: a loop over papermill's command, two papermill processes, nbconvert --execute.

All of them run the workbook's own notebooks on the sample company, prepared, with every store four times: twelve stores. Ours makes all
pages of the company and of its stores, with tables and index; the others run each notebook for the company and for one store, which stands
for as many stores as ours reports. What notebooks of a scope keep for each other is made anew by each way. Told is the time of one report.
"""

import csv
import json
import shutil
import sys
from pathlib import Path

from bench.measure import in_python, measured
from helpers.company import PROJECT
from helpers.notebooks import all_notebooks

COPIES = 4
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
Job = tuple[str, str, dict]


def write_copies(folder: Path, copies: int) -> list[str]:
    """The sample company with each of its stores so many times; returns the stores, the copies of each apart."""
    folder.mkdir()
    stores = set()
    for path in sorted((PROJECT / "data" / "sample").glob("*.*")):
        if path.suffix == ".toml" and path.stem == "company":
            shutil.copy(path, folder)
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file, (folder / path.name).open("w", encoding="utf-8", newline="") as copy:
                rows = csv.DictReader(file)
                out = csv.DictWriter(copy, rows.fieldnames)
                out.writeheader()
                for row in rows:
                    column = "entity" if row.get("level") == "store" else "store"
                    names = [f"{row[column]}-{number}" for number in range(copies)] if row.get(column) else [None]
                    stores |= {name for name in names if name and path.stem == "order_lines"}
                    out.writerows(row | ({column: name} if name else {}) for name in names)
    return sorted(stores, key=lambda name: (int(name.rpartition("-")[2]), name))


def jobs(data: Path, scope: str, out: Path) -> list[Job]:
    """Each notebook of a scope: its path, where it goes, its parameters."""
    values = {"data": str(data), "month": "2025-12", "scope": scope}
    return [(str(path), str(out / f"{scope}-{path.name}"), values) for path in all_notebooks()]


def ours(data: Path, scopes: list[str], out: Path, **environment: str) -> dict:
    command = [sys.executable, "-m", "helpers.batch", f"--data={data}", f"--stores={','.join(scopes)}", f"--out={out / 'reports'}"]
    return measured(command, **environment)


def loop(asked: list[Job], **environment: str) -> dict:
    """`for notebook in …; do papermill …; done`."""
    lines = [
        f"'{sys.executable}' -m papermill --no-progress-bar '{path}' '{target}' "
        + " ".join(f"-p {name} '{value}'" for name, value in values.items())
        for path, target, values in asked
    ]
    return measured(["sh", "-ec", "\n".join(lines)], **environment)


def pool(asked: list[Job], **environment: str) -> dict:
    """Now and then it gives two kernels one port, and one of them never answers: then it has another try, and only that one counts."""
    try:
        return in_python(POOL, json.dumps(asked), **environment)
    except SystemExit as error:
        if "Kernel didn't respond" not in str(error):
            raise
        return in_python(POOL, json.dumps(asked), **environment)


def nbconvert(asked: list[Job], **environment: str) -> dict:
    """nbconvert knows no parameters, so the notebooks get theirs written into copies first, which isn't timed."""
    for path, target, values in asked:
        nb = json.loads(Path(path).read_text(encoding="utf-8"))
        cell = next(cell for cell in nb["cells"] if "parameters" in cell["metadata"].get("tags", []))
        cell["source"] = "".join(cell["source"]) + "\n" + "\n".join(f"{name} = {value!r}" for name, value in values.items())
        Path(target).write_text(json.dumps(nb), encoding="utf-8")
    copies = [target for _, target, _ in asked]
    return measured(
        [sys.executable, "-m", "nbconvert", "--log-level=ERROR", "--execute", "--to", "notebook", "--inplace", *copies], **environment
    )


OTHERS = {"papermill's command in a loop": loop, "two papermill processes": pool, "nbconvert --execute": nbconvert}


def run(scratch: Path, stores: int, pairs: int) -> list[dict]:
    """Medians over `pairs` rounds in which all ways take turns: name, scopes, reports, and wall and cpu of one report."""
    data, cache = scratch / "twelve stores", {"PROFIT_CACHE": str(scratch / "cache")}
    scopes = ["company", *write_copies(data, COPIES)[:stores]]
    in_python("from helpers.book import open_book\nopen_book(sys.argv[1], 'latest')\n", str(data), **cache)
    found: dict[str, list[dict]] = {name: [] for name in ("the batch", *OTHERS)}
    for _ in range(pairs):
        for name, rounds in found.items():
            for kept in (scratch / "cache").glob("*/kept"):
                shutil.rmtree(kept)
            out = scratch / "out"
            out.mkdir()
            if name in OTHERS:
                company, store = (OTHERS[name](jobs(data, scope, out), **cache) for scope in scopes[:2])
                rounds.append({what: (company[what] + stores * store[what]) / len(scopes) for what in ("wall", "cpu")})
            else:
                whole = ours(data, scopes, out, **cache)
                rounds.append({what: whole[what] / len(scopes) for what in ("wall", "cpu")})
            shutil.rmtree(out)
    count = len(all_notebooks())
    return [
        {"name": name, "scopes": len(scopes), "reports": count * (2 if name in OTHERS else len(scopes))}
        | {what: sorted(one[what] / count for one in rounds)[len(rounds) // 2] for what in ("wall", "cpu")}
        for name, rounds in found.items()
    ]
