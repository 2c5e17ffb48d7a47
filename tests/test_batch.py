"""The batch: what it writes, what it refuses, and that nothing half-done is ever seen."""

import asyncio
import csv
import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import CancelledError
from pathlib import Path

import nbformat
import pytest
from folders import LINES, TOML, write
from hypothesis import example, given
from hypothesis import strategies as st
from jupyter_client.manager import AsyncKernelManager

from helpers import batch, kernels
from helpers.contract import BadInput

PARAMETERS = 'data = "data/sample"  # str company folder\nmonth = "2025-12"  # str month\nscope = "company"  # str company or a store'
OPEN = "from helpers.book import open_book\nbook = open_book(data, month, scope)"


def write_notebook(path: Path, *cells: str, parameters: str = PARAMETERS) -> None:
    code = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}), *map(nbformat.v4.new_code_cell, cells)]
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"# {path.stem}\nDoes it run?"), *code])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, path)


@pytest.fixture
def two_notebooks(tmp_path) -> Path:
    """The second breaks for store B in March until the environment says REPAIRED."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write_notebook(folder / "01_first.ipynb", OPEN, "book.ladder(['month']).iloc[:, :5]")
    breaks = "assert [month, scope] != ['2025-03', 'B'] or 'REPAIRED' in os.environ, 'broken\\non purpose'"
    write_notebook(folder / "02_second.ipynb", f"import os\n{breaks}", "scope")
    return folder


def report(company: Path, notebooks: Path, out: Path, **options) -> tuple[int, list[str]]:
    """Number of failed notebooks, and the lines that were said."""
    lines: list[str] = []
    return batch.run(str(company), out=out, notebooks=notebooks, say=lines.append, **options), lines


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def but_run_json(folder: Path) -> dict[str, str]:
    """Digests of all files but the one that holds seconds."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files(folder).items() if not name.endswith("run.json")}


def test_two_months_with_a_failure_and_a_repair(small_company, two_notebooks, tmp_path, monkeypatch):
    out = tmp_path / "my reports 报告"
    assert report(small_company, two_notebooks, out, month="2025-02")[0] == 0
    failed, lines = report(small_company, two_notebooks, out, month="2025-03")
    march = out / "Ten Orders" / "2025-03"

    assert failed == 1
    assert any("FAILED" in line and "AssertionError: broken" in line and "on purpose" not in line for line in lines)
    assert {path.name for path in (out / "Ten Orders").iterdir()} == {"2025-02", "2025-03"}
    pages = {"01_first.html", "01_first.ipynb", "02_second.html", "02_second.ipynb", "decisions.csv", "metrics.csv"}
    scopes = {f"{scope}/{name}" for scope in ("company", "A", "B") for name in pages}
    assert set(files(march)) == scopes | {"index.html", "decisions.xlsx", "set_aside.csv", "run.json"}
    run = json.loads((march / "run.json").read_text())
    second = run["scopes"]["B"]["tasks"]["02_second"]
    assert (run["status"], second["status"], second["error"]) == ("failed", "failed", "AssertionError: broken")
    assert {"python", "pandas", "duckdb", "profit-workbook"} <= set(run["versions"])
    assert set(run["inputs"]["sha256"]) == {path.name for path in small_company.iterdir()}
    assert "AssertionError: broken" in (march / "index.html").read_text()
    assert "not finished" in (march / "B" / "02_second.html").read_text()
    assert "not finished" not in (march / "A" / "02_second.html").read_text()

    before = but_run_json(march)
    monkeypatch.setenv("REPAIRED", "yes")
    failed, lines = report(small_company, two_notebooks, out, month="2025-03")
    assert failed == 0
    assert [line for line in lines if re.match(r"\[\d", line)][0].startswith("[1/1]"), "only the failed one is done again"
    after = but_run_json(march)
    assert {name for name in before if before[name] != after[name]} == {"index.html", "B/02_second.html", "B/02_second.ipynb"}

    stamp = (march / "run.json").stat().st_mtime_ns
    failed, lines = report(small_company, two_notebooks, out, month="2025-03")
    assert failed == 0 and lines[0].startswith("Nothing has changed") and (march / "run.json").stat().st_mtime_ns == stamp
    (march / "A" / "01_first.html").write_text("edited by hand")
    report(small_company, two_notebooks, out, month="2025-03")
    assert but_run_json(march) == after, "a page that was touched is made again"


def test_the_tables_of_a_month(small_company, two_notebooks, tmp_path):
    report(small_company, two_notebooks, tmp_path / "out", month="2025-03", stores="A")
    march = tmp_path / "out" / "Ten Orders" / "2025-03"
    assert sorted(path.name for path in march.iterdir() if path.is_dir()) == ["A", "company"]
    metrics = list(csv.DictReader((march / "company" / "metrics.csv").open(encoding="utf-8")))
    assert list(metrics[0]) == ["scope", "month", "level", "entity", "metric", "value", "unit"]
    assert {(row["scope"], row["month"]) for row in metrics} == {("company", "2025-03")}
    decisions = list(csv.reader((march / "company" / "decisions.csv").open(encoding="utf-8")))
    head = "scope month area entity rule verdict metric value threshold money_at_stake sample_size confidence owner action"
    assert decisions[0] == head.split()
    aside = list(csv.DictReader((march / "set_aside.csv").open(encoding="utf-8")))
    assert {(row["file"], row["column"]) for row in aside} == {("returns.csv", "order_id")}


def test_same_bytes_whatever_the_jobs_and_the_kernels(small_company, tmp_path, monkeypatch):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(
        notebooks / "01_shown.ipynb",
        OPEN,
        "import numpy as np\nimport pandas as pd\npd.DataFrame(np.arange(60).reshape(2, 30))",
        "import matplotlib.pyplot as plt\n_ = plt.figure()\n_ = plt.plot([1, 2])",
        "import seaborn as sns\n_ = sns.barplot(x=['甲', 'b'], y=[2, 3])",
        "import warnings\nwarnings.warn('with a path of this machine')\nprint('said')",
    )
    write_notebook(notebooks / "02_more.ipynb", "import sys\nsys.path[0], sorted({'a', 'b', 'c'}), scope")
    for name, options in {"one": {"jobs": 1}, "two": {"jobs": 2}}.items():
        assert report(small_company, notebooks, tmp_path / name, month="2025-03", stores="A", **options)[0] == 0
    monkeypatch.setenv("KERNELS", "ordinary")
    assert report(small_company, notebooks, tmp_path / "ordinary", month="2025-03", stores="company", jobs=2)[0] == 0

    one, ordinary = but_run_json(tmp_path / "one"), but_run_json(tmp_path / "ordinary")
    assert but_run_json(tmp_path / "two") == one
    inner = {name: digest for name, digest in ordinary.items() if "/company/" in name}
    assert len(inner) == 6 and inner.items() <= one.items()
    shown = nbformat.read(tmp_path / "one/Ten Orders/2025-03/company/01_shown.ipynb", as_version=4)
    outputs = [output for cell in shown.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2, "no figure vanished"
    wide = next(output.data["text/plain"] for output in outputs if "text/html" in output.get("data", {}))
    assert "... " in wide, "30 columns are shown as 20"
    assert not any(output.get("name") == "stderr" for output in outputs)


REFUSALS = [
    ({"month": "2025-13"}, "month 2025-13 is not a month; this company has 2025-02 to 2025-04"),
    ({"month": "2031-01"}, "month 2031-01 has no sales"),
    ({"stores": "a"}, "'a' is not a store"),
    ({"stores": "A,Z"}, "this company has A, B"),
    ({"stores": ","}, "stores must be all, company, or stores"),
    ({"jobs": 0}, "jobs must be at least 1"),
    ({"month": 202503}, "`month` must be a str such as '2025-12', not 202503"),
    ({"values": {"mnth": "2025-03"}}, "no notebook has a parameter `mnth`; did you mean `month`?"),
    ({"values": {"top": "ten"}}, "`top` must be a int such as 3, not 'ten'"),
]


@pytest.mark.parametrize(("options", "sentence"), REFUSALS)
def test_refused_before_anything_is_written(options, sentence, small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / "01_first.ipynb", "1", parameters=PARAMETERS + "\ntop = 3  # int how many")
    with pytest.raises(BadInput) as refusal:
        report(small_company, notebooks, tmp_path / "out", **options)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("word", ["company", "shared"])
def test_refused_a_store_called_by_a_word_of_ours(word, small_company, two_notebooks, tmp_path):
    lines = small_company / "order_lines.csv"
    lines.write_text(lines.read_text(encoding="utf-8").replace("\nB,", f"\n{word},"), encoding="utf-8")
    with pytest.raises(BadInput, match=f"a store is called {word}"):
        report(small_company, two_notebooks, tmp_path / "out")


def test_stores_of_other_times_get_no_pages_and_are_named(odd_company, two_notebooks, tmp_path):
    lines = odd_company / "order_lines.csv"
    lines.write_text(lines.read_text(encoding="utf-8") + "4,1,2024-05-01,long ago,web,P,1,100,50\n", encoding="utf-8")
    report(odd_company, two_notebooks, tmp_path / "out", month="2025-03")
    made = json.loads((tmp_path / "out" / "Odd" / "2025-03" / "run.json").read_text(encoding="utf-8"))
    assert list(made["scopes"]) == ["company", "closed", "open"]
    assert made["not_read"] == ["No pages for later and long ago: no sales, costs, stock or target in the 90 days up to the end of 2025-03."]
    with pytest.raises(BadInput, match="store later has no sales, costs, stock or target in the 90 days up to the end of 2025-03; closed, open had"):
        report(odd_company, two_notebooks, tmp_path / "out", month="2025-03", stores="later")


def test_a_file_that_is_no_table_and_a_remark_in_the_toml_are_no_news_of_yesterday(small_company, two_notebooks, tmp_path):
    """Notebooks tell of stray files, so pages are made again when one comes or goes; run.json has the digest of the company.toml of today."""
    out, quiet = tmp_path / "out", "Nothing has changed since these pages were made."
    report(small_company, two_notebooks, out, month="2025-02")
    assert quiet in report(small_company, two_notebooks, out, month="2025-02")[1]
    stray, toml = small_company / "order_line.csv", small_company / "company.toml"
    for change in (lambda: stray.write_text("a,b\n"), stray.unlink):
        change()
        said = report(small_company, two_notebooks, out, month="2025-02")[1]
        assert not [line for line in said if quiet in line or "done already" in line]
    toml.write_text(toml.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    assert [line for line in report(small_company, two_notebooks, out, month="2025-02")[1] if "done already" in line]
    made = json.loads(next(out.glob("*/2025-02/run.json")).read_text(encoding="utf-8"))
    assert made["inputs"]["sha256"]["company.toml"] == hashlib.sha256(toml.read_bytes()).hexdigest()


def test_refused_a_notebook_whose_parameter_is_misspelt(small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / "01_first.ipynb", "1", parameters=PARAMETERS.replace("month =", "mnth ="))
    with pytest.raises(BadInput, match="no notebook has a parameter `month`; did you mean `mnth`"):
        report(small_company, notebooks, tmp_path / "out")


@pytest.mark.parametrize("argument", ["--jobs=two", "--data=nowhere", "--month=soon", "--set=mnth=1", "--set=top"])
def test_command_line_refuses_in_one_sentence(argument, small_company, tmp_path, capsys):
    assert batch.main([f"--data={small_company}", f"--out={tmp_path / 'out'}", argument]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith("Refused: ") and printed.err.count("\n") == 1, printed
    assert not (tmp_path / "out").exists()


def test_kernels_that_end_badly_concern_their_notebook_alone(small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / "01_killed.ipynb", "1", "import os\nos.kill(os.getpid(), 9)", "2")
    write_notebook(notebooks / "02_left.ipynb", "import sys\nsys.exit(0)")
    write_notebook(notebooks / "03_hangs.ipynb", "import time\ntime.sleep(99)")
    write_notebook(notebooks / "04_fine.ipynb", "scope")
    began = time.monotonic()
    failed, lines = report(small_company, notebooks, tmp_path / "out", month="2025-03", stores="company", seconds=3)
    assert failed == 3 and time.monotonic() - began < 25
    tasks = json.loads((tmp_path / "out/Ten Orders/2025-03/run.json").read_text())["scopes"]["company"]["tasks"]
    assert {name: task.get("error", "fine") for name, task in tasks.items()} == {
        "decisions and metrics": "fine",
        "01_killed": "its kernel died: killed from outside, or out of memory",
        "02_left": "ended itself with sys.exit",
        "03_hangs": "took longer than 3 seconds",
        "04_fine": "fine",
    }
    killed = nbformat.read(tmp_path / "out/Ten Orders/2025-03/company/01_killed.ipynb", as_version=4)
    assert tasks["01_killed"]["cell"] == [cell.id for cell in killed.cells if "os.kill" in cell.source][0]
    assert [cell.execution_count for cell in killed.cells if cell.cell_type == "code"][2] == 3, "what ran before is kept"


def test_a_company_that_changes_under_the_batch_gets_no_report_of_two_states(small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    more = "path = Path(data) / 'order_lines.csv'\npath.write_text(path.read_text() + path.read_text().splitlines()[-1] + '\\n')"
    write_notebook(notebooks / "01_first.ipynb", f"from pathlib import Path\n{more}", "scope")
    with pytest.raises(BadInput, match="the files in company changed while the pages were made; run again when they are complete"):
        report(small_company, notebooks, tmp_path / "out", month="2025-03", stores="company")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_every_file_that_is_read_is_named_with_its_digest(two_notebooks, tmp_path):
    ads = '[[sources]]\nadapter = "google_ads"\nfiles = "exports/*.csv"\nstore = "S"\nchannel = "web"\n'
    sql = '[[sources]]\ntable = "order_lines"\nsql = "lines.sql"\nfiles = "raw/*.csv"\n'
    columns = "order_id, line_no, ordered_at, store, channel, product_id, quantity, gross_amount"
    company = write(tmp_path / "shop", {
        "raw/a.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n", "lines.sql": f"select {columns} from raw",
        "exports/g.csv": "Day,Campaign,Cost\n2025-03-01,A,5\n", "reviews.csv": "store,order_id,reviewed_on,rating\n",
    }, TOML + ads + sql)  # fmt: skip
    report(company, two_notebooks, tmp_path / "out", stores="company")
    run = json.loads((tmp_path / "out/Shop/2025-03/run.json").read_text())
    named = {name: hashlib.sha256((company / name).read_bytes()).hexdigest() for name in ("company.toml", "exports/g.csv", "lines.sql", "raw/a.csv", "reviews.csv")}
    assert run["inputs"]["sha256"] == named


DRIVER = """
import runpy
import signal
import sys
from pathlib import Path
import helpers.notebooks
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in a shell's background have it ignored
helpers.notebooks.NOTEBOOKS = Path({notebooks!r})
sys.argv = ["batch", "--data", {data!r}, "--month", "2025-03", "--stores", "A", "--jobs", "2", "--out", {out!r}]
runpy.run_module("helpers.batch", run_name="__main__")
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_resumed(ending, small_company, tmp_path, monkeypatch):
    notebooks, out, gate = tmp_path / "notebooks", tmp_path / "out", tmp_path / "gate"
    notebooks.mkdir()
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("GATE", str(gate))
    write_notebook(notebooks / "01_first.ipynb", "scope")
    waits = "while not os.path.exists(os.environ['GATE']):\n    time.sleep(0.05)"
    write_notebook(notebooks / "02_waits.ipynb", f"import os\nimport time\n{waits}")
    script = DRIVER.format(notebooks=str(notebooks), data=str(small_company), out=str(out))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    driver = subprocess.Popen([sys.executable, "-c", script], **pipes, text=True, start_new_session=True)
    finished = [driver.stdout.readline() for _ in range(2)]
    if not all(re.match(r"\[[12]/6\] +[0-9.]+ s  [^:]+$", line) for line in finished):
        os.killpg(driver.pid, signal.SIGKILL)
        pytest.fail(f"{finished}, {driver.stderr.read()}")
    if ending == signal.SIGINT:
        os.killpg(driver.pid, ending)  # as a terminal does
    else:
        driver.send_signal(ending)
    assert driver.wait(10) == (130 if ending != signal.SIGKILL else -signal.SIGKILL)
    if ending != signal.SIGKILL:
        assert driver.stderr.read() == "Interrupted. What is finished is kept: the same command does the rest.\n"
    assert not list(out.glob("*/2025-03")), "the month appears whole or not at all"
    deadline = time.monotonic() + 30
    while [*temporary.glob("kernel-*"), *temporary.glob("pymp-*")] or _orphans(str(gate)):
        assert time.monotonic() < deadline, "kernels or their sockets are left"
        time.sleep(0.1)

    gate.touch()
    failed, lines = report(small_company, notebooks, out, month="2025-03", stores="A", jobs=2)
    assert failed == 0
    assert any(re.match(r"[2-4] of 6 pieces are done already", line) for line in lines), lines
    assert (out / "Ten Orders/2025-03/index.html").exists() and not list(out.glob("*/.*"))


def _orphans(mark: str) -> list[str]:
    """Processes, but this one's own family, whose environment holds the mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes() and b"-c" in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            pass
    return found


KILLS_ITS_WORKER = """
import os
import signal
import time
if not os.path.exists(os.environ['MARK']):
    open(os.environ['MARK'], 'w').close()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """The address of a Dask cluster of two processes, whose notebooks find the path of a file in MARK."""
    distributed = pytest.importorskip("distributed", reason="the extra `dask` is not installed")
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(tmp_path)) as made:
        yield made.scheduler_address


def test_a_cluster_makes_the_same_pages_though_a_worker_is_killed(cluster, small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / "01_first.ipynb", OPEN, "book.ladder(['month']).iloc[:, :5]")
    write_notebook(notebooks / "02_kills.ipynb", KILLS_ITS_WORKER, "scope")
    failed, lines = report(small_company, notebooks, tmp_path / "cluster", month="2025-03", stores="A", dask=cluster)
    assert failed == 0 and (tmp_path / "mark").exists(), lines
    assert len([line for line in lines if re.match(r"\[[1-6]/6\]", line)]) == 6
    assert report(small_company, notebooks, tmp_path / "here", month="2025-03", stores="A")[0] == 0
    assert but_run_json(tmp_path / "cluster") == but_run_json(tmp_path / "here")
    assert len(but_run_json(tmp_path / "here")) == 2 * 6 + 3 and not list((tmp_path / "cluster").glob("*/.*"))


class KilledWorker(Exception):
    """As Dask raises it when a piece of work has taken several workers with it."""

    __module__ = "distributed.scheduler"


def test_a_cluster_that_gives_up_is_one_sentence_and_what_is_finished_is_kept(small_company, two_notebooks, tmp_path, monkeypatch):
    do = batch._do

    def lost(task, *rest):
        if task.name == "02_second":
            raise KilledWorker("tried on 4 workers, all died\nand more")
        return do(task, *rest)

    monkeypatch.setattr(batch, "_do", lost)
    with pytest.raises(BadInput, match="the Dask cluster gave up: tried on 4 workers, all died; what is finished is kept"):
        report(small_company, two_notebooks, tmp_path / "out", month="2025-02", jobs=1)
    monkeypatch.undo()
    failed, lines = report(small_company, two_notebooks, tmp_path / "out", month="2025-02")
    assert failed == 0 and any("pieces are done already" in line for line in lines)


def test_a_cluster_is_refused_that_sees_other_code_or_no_company(cluster, small_company, two_notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(batch, "code", lambda: "another")
    with pytest.raises(BadInput, match="has another version of the workbook"):
        report(small_company, two_notebooks, tmp_path / "out", dask=cluster)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="can't make these reports: 'company' is not a folder"):
        report(Path(small_company.name), two_notebooks, tmp_path / "out", dask=cluster)
    with pytest.raises(BadInput, match="there is no Dask scheduler at 'tcp:"):
        report(small_company, two_notebooks, tmp_path / "out", dask="tcp://127.0.0.1:1")
    assert not (tmp_path / "out").exists()


def test_work_for_a_run_that_was_given_up_leaves_nothing(tmp_path):
    task = batch.Task("company", "company", batch.TABLES, "key", {})
    with pytest.raises(FileNotFoundError):
        batch._do(task, tmp_path, "one run", 60)
    (tmp_path / batch.RUN).write_text("the next run")
    with pytest.raises(CancelledError):
        batch._do(task, tmp_path, "one run", 60)
    assert [path.name for path in tmp_path.iterdir()] == [batch.RUN]


def test_full_disk_leaves_nothing(small_company, two_notebooks, tmp_path, monkeypatch):
    write, written = batch._write, []

    def until_full(path, text):
        written.append(path)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, text)

    monkeypatch.setattr(batch, "_write", until_full)
    with pytest.raises(BadInput, match="is full; nothing of this month was written"):
        report(small_company, two_notebooks, tmp_path / "out", month="2025-03")
    assert list((tmp_path / "out").iterdir()) == []


def test_unwritable_place_is_one_sentence(small_company, two_notebooks, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadInput, match="can't be written: .*; name another folder with OUT="):
        report(small_company, two_notebooks, tmp_path / "file", month="2025-03")


def test_two_runs_at_once(small_company, two_notebooks, tmp_path):
    work = tmp_path / "out" / "Ten Orders" / ".2025-03.partial"
    work.mkdir(parents=True)
    with batch.locked(work), pytest.raises(BadInput, match="another run is writing"):
        report(small_company, two_notebooks, tmp_path / "out", month="2025-03")


def test_killed_while_the_month_is_put_in_place(tmp_path):
    target, work, old = tmp_path / "m", tmp_path / ".m.partial", tmp_path / ".m.old"
    old.mkdir()
    (old / "was").touch()
    batch._recover(target, old)
    assert (target / "was").exists() and not old.exists()
    work.mkdir()
    (work / "is").touch()
    batch._replace(target, work, old)
    assert [path.name for path in tmp_path.rglob("*")] == ["m", "is"]


HOSTILE = ["../../x", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "x" * 10_000, "tab\there", "new\nline"]
HOSTILE += ["\u202egnp.exe", "COM1", "a", "A", "company ", "."]


def test_hostile_names_stay_text_and_never_become_a_path(small_company, tmp_path):
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks / "01_first.ipynb", "from helpers import text", "text.say('Store {s}.', s=scope)", "scope")
    with (small_company / "order_lines.csv").open("a", encoding="utf-8", newline="") as file:
        for number, store in enumerate(HOSTILE[:3]):
            csv.writer(file).writerow([store, f"h{number}", 1, "2025-03-05", "web", "=1+1", 1, 100, *[""] * 11])
    toml = small_company / "company.toml"
    toml.write_text(toml.read_text().replace("Ten Orders", "../../<script>alert(2)</script> & Söhne 公司"), encoding="utf-8")
    out = tmp_path / "deep" / "er" / "out"
    assert report(small_company, notebooks, out, month="2025-03", jobs=2)[0] == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["company", "deep", "notebooks"]
    assert [path.name for path in (tmp_path / "deep").rglob("*") if path.is_dir()][:2] == ["er", "out"]
    (home,) = out.iterdir()
    assert re.fullmatch(r"script alert\(2\) script & Söhne 公司-[0-9a-f]{8}", home.name)
    for page in home.rglob("*.html"):
        assert "<script" not in page.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in page.read_text(encoding="utf-8")
    with zipfile.ZipFile(home / "2025-03" / "decisions.xlsx") as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet and "hyperlink" not in sheet
    assert "=1+1" in (home / "2025-03" / "company" / "metrics.csv").read_text(encoding="utf-8"), "data for programs keeps its exact ids"


@given(st.lists(st.text(max_size=300), min_size=1, max_size=8))
@example(HOSTILE)
@example(["é", "e\u0301", "CON", "con.txt", "index.html", "", " ", "...", "文" * 200, "\ud800"])
def test_folder_names_are_safe_and_unique(names):
    made = batch.folder_names(names, {"company"})
    assert set(made) == set(names)
    assert len({folder.casefold() for folder in [*made.values(), "company"]}) == len(made) + 1
    for folder in made.values():
        assert len(folder.encode()) <= 255 and folder == folder.strip(" .") and folder
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', folder) and folder.split(".")[0].casefold() not in batch._DEVICES
    assert batch.folder_names(names[::-1], {"company"}) == made, "the order doesn't matter"


def test_kernels_are_chosen_by_platform_and_wish(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernels.choose({}) == "local-provisioner"
    monkeypatch.setattr(kernels, "_context", None)
    assert kernels.choose({"KERNELS": "fork"}) == "local-provisioner"


@pytest.mark.parametrize("wish", ["fork", "ordinary"])
@pytest.mark.parametrize(("number", "said"), [(signal.SIGKILL, "died before it was ready"), (signal.SIGSTOP, "not ready after 1 seconds")])
def test_a_kernel_that_never_answers_is_not_waited_for(wish, number, said, monkeypatch):
    monkeypatch.setenv("KERNELS", wish)

    async def start():
        manager = AsyncKernelManager(config=kernels.use())
        await manager.start_kernel()
        os.kill(manager.provisioner.pid, number)
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(1)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    with pytest.raises(RuntimeError, match=said):
        asyncio.run(start())
