"""The lists of packages agree, nothing is installed without a hash, and make runs nothing that a value holds."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib.metadata import entry_points, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
EXTRAS = {name: [Requirement(line) for line in lines] for name, lines in PYPROJECT["project"]["optional-dependencies"].items()}
GROUPS = {name: [Requirement(line) for line in lines] for name, lines in PYPROJECT["dependency-groups"].items()}
ALL = [*DIRECT, *(requirement for group in GROUPS.values() for requirement in group)]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONDA_NAMES = {"python-duckdb": "duckdb", "jupyter_client": "jupyter-client", "matplotlib-base": "matplotlib"}


def locked() -> dict[str, list[str]]:
    """Package → versions in the lock (several where Pythons or systems differ)."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK, re.MULTILINE):
        found.setdefault(name, []).append(version)
    return found


def topics() -> list[Path]:
    """The folders of `helpers/` that are the logic of one notebook."""
    folders = [ROOT / "helpers" / path.stem[3:] for path in (ROOT / "notebooks").glob("*.ipynb")]
    return [folder for folder in folders if folder.is_dir()]


def test_the_readme_tells_where_each_module_belongs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(\w+)(?:\.py)?`", "\n".join(line for line in readme.splitlines() if line.startswith("|"))))
    modules = {path.stem for folder in (ROOT / "helpers", *topics()) for path in folder.glob("*.py")} - {"__init__"}
    assert {name for name in modules if not name.endswith("_charts")} - told == set()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{path.stem}`"))
        code = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        packages = {"helpers", *(f"helpers.{folder.name}" for folder in topics())}
        imports = [node for node in ast.walk(ast.parse("\n".join(code))) if isinstance(node, ast.ImportFrom) and node.module in packages]
        used = {alias.name for node in imports for alias in node.names if alias.name != "charts" and not alias.name.endswith("_charts")}
        assert used and used <= set(re.findall(r"`(\w+)`", row)), path.stem
        assert (f"`{path.stem[3:]}/`" in row) == (ROOT / "helpers" / path.stem[3:]).is_dir(), "a topic of several modules has the notebook's name"


def test_imports_run_one_way():
    files = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in (ROOT / "helpers").rglob("*.py")}
    graph = {}
    for name, path in files.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom) and node.module]
        named = {full for node in nodes for full in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))}
        graph[name] = named & files.keys()
    assert list(TopologicalSorter(graph).static_order())  # a circle raises CycleError, which names it
    assert graph["helpers.charts"] <= {"helpers.text", "helpers.contract"}, "charts know frames, not topics"
    assert {name for name, used in graph.items() if "helpers.batch" in used} <= {"helpers.alerts"}, "nothing that a notebook asks rests on the batch"


def test_every_dependency_is_bounded_and_locked_within_its_bounds():
    for requirement in ALL:
        assert {"<", ">="} <= {part.operator for part in requirement.specifier}, f"{requirement} needs a lower and an upper bound"
        for version in locked().get(requirement.name, ["nothing"]):
            within = version != "nothing" and requirement.specifier.contains(version)
            assert within, f"{requirement} is locked as {version}: run make lock"


def test_the_lock_has_a_hash_for_everything_and_nothing_of_a_machine():
    entries = [line for line in LOCK.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    assert entries and all("--hash=sha256:" in entry for entry in entries)
    assert all(re.match(r"[a-z0-9-]+==", entry) for entry in entries), "only packages of the public index"
    assert not re.search(r"index|https?:|file:|/home|/tmp|/root", LOCK)


def test_conda_has_the_same_list():
    lines = re.findall(r"^  - ([a-z][a-z0-9_-]*) ?(\S*)$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.MULTILINE)
    conda = {CONDA_NAMES.get(name, name): bounds for name, bounds in lines if name not in ("conda-forge", "nodefaults", "pip")}
    assert conda.pop("python") == PYPROJECT["project"]["requires-python"]
    assert {name: Requirement(name + bounds).specifier for name, bounds in conda.items()} == {each.name: each.specifier for each in ALL}


def imported(folder: str) -> set[str]:
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    own = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"helpers", "__future__"}
    return names - set(sys.stdlib_module_names) - own - ({"bench"} if folder == "tests" else set())


INDIRECT = {"traitlets": "jupyter-client", "markupsafe": "jinja2", "packaging": "pytest", "IPython": "ipykernel", "zmq": "jupyter-client"}
"""Modules that belong to a direct dependency's own interface."""


def test_extras_are_tested_and_not_in_the_default_install():
    for name, extra in ((name, requirement) for name, extras in EXTRAS.items() for requirement in extras):
        assert extra in GROUPS["test"] or name == "spark"  # half a gigabyte and Java: its tests skip themselves by name
        assert extra.name not in {each.name for each in DIRECT}


@pytest.mark.parametrize(("folder", "allowed"), [("helpers", [*DIRECT, *sum(EXTRAS.values(), [])]), ("tests", ALL)], ids=["helpers", "tests"])
def test_what_is_imported_is_a_direct_dependency(folder, allowed):
    distributions = packages_distributions()
    names = {each.name for each in allowed}
    for module in imported(folder):
        known = {name.lower().replace("_", "-") for name in distributions.get(module, [module])} | {INDIRECT.get(module)}
        assert known & names, f"{folder} imports {module}, which pyproject.toml doesn't list"


def test_the_kernels_are_registered_with_jupyter():
    (found,) = entry_points(group="jupyter_client.kernel_provisioners", name="warm-fork")
    assert found.load().__name__ == "ForkProvisioner"


# ---- make --------------------------------------------------------------------------------------------------------------------

make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def checkout(tmp_path):
    """A checkout at an awkward place whose .venv is finished, with a Python that prints its arguments."""
    root = tmp_path / "资料 it's $HOME, (a)"
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml", "Makefile"):
        shutil.copy(ROOT / name, root)
    python = root / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    (root / ".venv" / "ready").write_text(str(root.resolve()) + "\n")
    return root


def outside_make() -> dict[str, str]:
    """The environment without what `make test` leaves in it."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def run_make(root, *arguments, **variables):
    return subprocess.run(["make", *arguments], cwd=root, env=outside_make() | variables, capture_output=True, text=True)


@make
def test_values_are_handed_on_as_they_were_typed(checkout):
    values = {
        "DATA": "$(shell touch pwned1)`touch pwned2`$$HOME \"$(touch pwned3)\" it's",
        "STORES": "a b,旗舰店,'c'",
        "OUT": "x; touch pwned4 #",
    }
    done = run_make(checkout, "report", *(f"{name}={value}" for name, value in values.items()))
    given = [f"--data={values['DATA']}", "--month=latest", f"--stores={values['STORES']}", "--jobs=", f"--out={values['OUT']}", "--dask="]
    assert done.stdout.splitlines() == ["-m", "helpers.batch", *given]
    assert not list(checkout.glob("pwned*"))


@make
def test_alerts_are_asked_for_without_secrets_on_the_command_line(checkout):
    secret = "json://u:p@host/$(shell touch pwned1)`touch pwned2`$HOME"
    python = checkout / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$PROFIT_ALERT_CHAT"\n')
    done = run_make(checkout, "alerts", "DATA=acme", "DRY=yes", PROFIT_ALERT_CHAT=secret)
    assert done.stdout.splitlines() == ["-m", "helpers.alerts", "--data=acme", "--out=reports", "--dry=yes", secret]
    assert not list(checkout.glob("pwned*"))


@make
def test_help_explains_every_target_and_is_the_default(checkout):
    done = run_make(checkout)
    assert done.returncode == 0 and done.stdout == run_make(checkout, "help").stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"help", "report", "test", "lab", "notebooks", "sample", "clean"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  {target} +\S", done.stdout, re.MULTILINE), target


@make
def test_a_signal_to_make_reaches_what_it_runs(checkout):
    python = checkout / ".venv" / "bin" / "python"
    python.write_text("#!/bin/sh\ntrap 'echo told; exit 1' TERM\necho began\nwhile :; do sleep 0.05; done\n")
    run = {"cwd": checkout, "env": outside_make(), "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(["make", "report"], **run) as running:
        assert running.stdout.readline() == "began\n"
        running.terminate()
        assert running.communicate(timeout=10)[0] == "told\n"


@make
def test_an_old_python_is_told_in_a_sentence(checkout):
    shutil.rmtree(checkout / ".venv")
    (checkout / "old").write_text("#!/bin/sh\nexit 1\n")
    (checkout / "old").chmod(0o755)
    done = run_make(checkout, "report", "PYTHON=./old")
    assert done.returncode != 0 and not (checkout / ".venv").exists()
    assert done.stderr.splitlines()[0] == (
        'The workbook needs Python 3.11, 3.12 or 3.13, and "./old" is not one: name one with make PYTHON=python3.12'
    )


@make
@pytest.mark.parametrize("state", ["moved", "half made", "python gone"])
def test_a_broken_environment_is_made_anew(state, checkout):
    if state == "moved":
        (checkout / ".venv" / "ready").write_text("/elsewhere\n")
    elif state == "half made":
        (checkout / ".venv" / "ready").unlink()
    else:
        (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / "fake").write_text('#!/bin/sh\ntest "$1" = -m && echo "made $3" && exit 9\nexit 0\n')
    (checkout / "fake").chmod(0o755)
    done = run_make(checkout, "report", "PYTHON=./fake")
    assert done.returncode != 0 and done.stdout.splitlines()[-1] == "made .venv"
    assert not (checkout / ".venv").exists(), "what was there is thrown away first"
