"""The stored notebooks keep the rules for notebooks, and the check of the rules is not vacuous."""

import gc
import os
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from helpers import kernels, notebooks
from helpers.company import PROJECT
from helpers.contract import BadInput

STORED = notebooks.all_notebooks()


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_notebook_keeps_the_rules(path):
    assert notebooks.check(path) == []


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_runs_for_a_store_and_for_companies_with_few_tables(path, small_company, odd_company):
    for values in (
        {"data": str(PROJECT / "data" / "sample"), "month": "2025-12", "scope": "us-shop"},
        {"data": str(small_company), "month": "2025-03", "scope": "company"},
        {"data": str(odd_company), "month": "2025-03", "scope": "company"},
        {"data": str(odd_company), "month": "2025-03", "scope": "closed"},
        {"data": str(odd_company), "month": "2025-05", "scope": "company"},
    ):
        _, failure = notebooks.execute(path, values, config=kernels.use())
        assert failure is None, failure


def test_there_are_notebooks_with_numbers_of_their_own():
    assert len(STORED) >= 6
    assert len({path.name[:2] for path in STORED}) == len(STORED)


def good_notebook() -> nbformat.NotebookNode:
    def text(source, name):
        return nbformat.v4.new_markdown_cell(source, id=name)

    def code(source, name, count, *tags):
        return nbformat.v4.new_code_cell(source, id=name, execution_count=count, metadata={"tags": list(tags)} if tags else {})

    parameters = 'data = "data/sample"  # str: company folder\nmonth = "2025-12"  # str: month\nscope = "company"  # str: scope'
    sections = [text(f"## {name}", name.lower().replace(" ", "-")) for name in notebooks.SECTIONS]
    cells = [
        text("# Products\nWhich of them earn money?", "title"),
        *sections[:2],
        code(parameters, "parameters", 1, "parameters"),
        sections[2],
        code("from helpers.book import open_book\n\nbook = open_book(data, month, scope)", "open", 2),
        text("## A claim", "claim"),
        code("1 + 1", "claim-table", 3),
        *sections[3:],
    ]
    cells[7].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=3)]
    return notebooks.normal(nbformat.v4.new_notebook(cells=cells))


def problems(nb, tmp_path, name="02_products.ipynb") -> list[str]:
    path = tmp_path / name
    path.write_text(notebooks.as_text(nb), encoding="utf-8")
    return notebooks.check(path)


def test_a_good_notebook_passes(tmp_path):
    assert problems(good_notebook(), tmp_path) == []


def cell(nb, name):
    return next(cell for cell in nb.cells if cell.id == name)


def change(name, **fields):
    return lambda nb: cell(nb, name).update(fields)


def outputs(*made):
    return change("claim-table", outputs=[nbformat.from_dict(output) for output in made])


def shows(**data):
    return outputs({"output_type": "display_data", "metadata": {}, "data": {mime.replace("_", "/"): value for mime, value in data.items()}})


BAD = {
    "never run": (change("claim-table", execution_count=None), "was not run in order"),
    "run out of order": (change("claim-table", execution_count=4), "was not run in order"),
    "no question": (change("title", source="# Products\nThey earn money."), "question mark"),
    "no title": (change("title", source="Which of them earn money?"), "question mark"),
    "a section missing": (change("predict-first", source="no heading"), "no section `## Predict first`"),
    "sections in another order": (lambda nb: nb.cells.append(nb.cells.pop(1)), "order of the sections"),
    "code before the parameters": (lambda nb: nb.cells.insert(1, nb.cells.pop(5)), "another code cell before"),
    "no tag": (change("parameters", metadata={}), "0 cells tagged"),
    "an untyped parameter": (change("parameters", source='month = "2025-12"'), "is not of the form"),
    "a parameter of another type": (change("parameters", source="month = 202512  # str: month"), "is not of the form"),
    "a computed parameter": (change("parameters", source='month = "20" + "25"  # str: month'), "is not of the form"),
    "unchecked parameters": (change("open", source="book = open_book(data, month)"), "does not check all parameters"),
    "a long cell": (change("claim-table", source="1\n" * 16), "has 16 lines"),
    "a function": (change("claim-table", source="def f():\n    return 1"), "defines a function"),
    "a class": (change("claim-table", source="class A:\n    pass"), "defines a function or class"),
    "a lambda": (change("claim-table", source="f = lambda x: x"), "defines a function"),
    "a magic": (change("claim-table", source="%matplotlib inline"), "magic or shell"),
    "a shell line": (change("claim-table", source="!ls"), "magic or shell"),
    "a semicolon": (change("claim-table", source="plot();"), "trailing semicolon"),
    "sys.path": (change("claim-table", source="import sys\nsys.path.append('..')"), "sys.path"),
    "the clock": (change("claim-table", source="import datetime\ndatetime.datetime.now()"), "the clock"),
    "an absolute path": (change("claim-table", source='open("/etc/passwd")'), "absolute path"),
    "a progress bar": (change("claim-table", source="from tqdm import tqdm"), "progress bar"),
    "no Python": (change("claim-table", source="1 +"), "not plain Python"),
    "an error": (outputs({"output_type": "error", "ename": "KeyError", "evalue": "", "traceback": []}), "ends in KeyError"),
    "stderr": (outputs({"output_type": "stream", "name": "stderr", "text": "w"}), "prints to stderr"),
    "a machine's path": (shows(text_plain="/home/someone/data"), "a path or an address"),
    "an address": (shows(text_plain="<Thing at 0x7f3a5c0b1d30>"), "a path or an address"),
    "a Styler": (shows(text_html='<table id="T_5f2a1">'), "Styler"),
    "an SVG": (shows(**{"image_svg+xml": "<svg/>"}), "image/svg+xml"),
    "an unknown tag": (change("claim", metadata={"tags": ["anwser"]}), "unknown tag `anwser`; did you mean `answer`?"),
    "another kernel": (lambda nb: nb.metadata.kernelspec.update(name="mine"), "normal form"),
    "a random id": (change("claim", id="9e1f2a3b"), "normal form"),
    "timing": (change("claim-table", metadata={"execution": {"iopub.status.busy": "2025"}}), "normal form"),
    "too large": (shows(text_plain="x" * 300_001), "more than 300,000 bytes"),
}


@pytest.mark.parametrize(("spoil", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_bad_notebook_is_found(spoil, complaint, tmp_path):
    nb = good_notebook()
    spoil(nb)
    assert any(complaint in problem for problem in problems(nb, tmp_path)), problems(nb, tmp_path)


def test_a_bad_name_is_found(tmp_path):
    assert "is not named NN_topic.ipynb" in problems(good_notebook(), tmp_path, "products.ipynb")


def test_normal_form_is_stable_and_forgets_the_machine():
    nb = good_notebook()
    assert notebooks.as_text(notebooks.normal(nb)) == notebooks.as_text(nb)
    noisy = nbformat.from_dict(nb)
    noisy.metadata["papermill"] = {"duration": 1.2}
    place = str(notebooks.PROJECT / "helpers" / "x.py")
    failed = {"output_type": "error", "ename": "E", "evalue": place, "traceback": [place, f"File {sys.prefix}/lib/y.py"]}
    cell(noisy, "claim-table").update(
        execution_count=99,
        metadata={"papermill": {"start_time": "2025"}},
        outputs=[
            nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": "a"}),
            nbformat.from_dict({"output_type": "stream", "name": "stderr", "text": "warning"}),
            nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": "b"}),
            nbformat.from_dict(failed),
        ],
    )
    clean = cell(notebooks.normal(noisy), "claim-table")
    assert (clean.execution_count, clean.metadata) == (3, {})
    assert clean.outputs[0].text == "ab" and len(clean.outputs) == 2
    assert clean.outputs[1].traceback == [os.path.join("helpers", "x.py"), "File lib/y.py"]
    assert "papermill" not in notebooks.as_text(notebooks.normal(noisy))


def test_ids_become_readable():
    nb = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title"),
            nbformat.v4.new_markdown_cell("## The whale curve, 2 ways"),
            nbformat.v4.new_code_cell("1"),
            nbformat.v4.new_code_cell("2", id="mine"),
            nbformat.v4.new_markdown_cell("## 鲸"),
        ]
    )
    ids = [cell.id for cell in notebooks.normal(nb).cells]
    assert ids == ["title", "the-whale-curve-2-ways", "the-whale-curve-2-ways-2", "mine", "cell"]


def declared(*lines):
    return {"01_a": [notebooks.parameter(line) for line in ('data = "d"  # str', 'month = "m"  # str', 'scope = "s"  # str', *lines)]}


def test_parameters_from_the_command_line_are_of_the_declared_type():
    lines = declared("top = 3  # int", "mask_names = False  # bool", "rate = 0.5  # float", 'label = ""  # str')
    wanted = {"top": ("7", 7), "mask_names": ("true", True), "rate": ("1", 1.0), "label": ("a=b", "a=b"), "month": ("202501", "202501")}
    for name, (text, value) in wanted.items():
        assert notebooks.from_text(name, text, lines) == value and type(notebooks.from_text(name, text, lines)) is type(value)
    with pytest.raises(BadInput, match="`top` must be a int such as 3, not '7a'"):
        notebooks.check_parameters({"top": notebooks.from_text("top", "7a", lines)}, lines)
    with pytest.raises(BadInput, match="no notebook has a parameter `mask_name`; did you mean `mask_names`"):
        notebooks.check_parameters({"mask_name": True}, lines)


def test_a_notebook_that_breaks_is_not_stored(tmp_path, monkeypatch):
    nb = good_notebook()
    cell(nb, "claim-table").source = "1 / 0"
    path = tmp_path / "02_products.ipynb"
    path.write_text(notebooks.as_text(nb), encoding="utf-8")
    before = path.read_bytes()
    said = []
    assert notebooks.main([str(path)], said.append) == 1
    assert said == ["02_products.ipynb: FAILED in cell `claim-table`: ZeroDivisionError: division by zero"]
    assert path.read_bytes() == before

    cell(nb, "claim-table").source = "1 + 2"
    path.write_text(notebooks.as_text(nb), encoding="utf-8")
    assert notebooks.main([str(path)], said.append) == 0 and said[-1] == "02_products.ipynb: stored"
    assert notebooks.main([str(path)], said.append) == 0 and said[-1] == "02_products.ipynb: unchanged"
    assert cell(notebooks.read(path), "claim-table").outputs[0].data == {"text/plain": "3"}


def test_nothing_stays_open_behind_a_notebook(tmp_path, caplog):
    nb = good_notebook()
    cell(nb, "claim-table").source = "import os\nos.kill(os.getpid(), 9)"
    path = tmp_path / "02_products.ipynb"
    path.write_text(notebooks.as_text(nb), encoding="utf-8")
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with ThreadPoolExecutor(1) as pool:  # as the batch does
            _, failure = pool.submit(notebooks.execute, path, config=kernels.use()).result()
        gc.collect()
    assert failure.error == "its kernel died: killed from outside, or out of memory"
    assert [str(one.message) for one in caught if issubclass(one.category, ResourceWarning)] == [] and "pending" not in caplog.text


MUTATIONS = {  # constants of the policy, and the notebooks whose stored outputs must notice
    "02_product_profitability": ("min_gross_margin = 0.30", "min_gross_margin = 0.35"),
    "03_channel_comparison": ("max_promotion_share = 0.15", "max_promotion_share = 0.60"),
    "05_targets_and_pacing": ("max_stretch = 1.10", "max_stretch = 3.10"),
    "07_customers": ("max_at_risk_share = 0.25", "max_at_risk_share = 0.60"),
    "08_stock_and_fulfilment": ("service_level = 0.95", "service_level = 0.60"),
    "09_kpi_scorecard": ("answer_days = 14", "answer_days = 41"),
    "10_monthly_decisions": ("worse_share = 0.25", "worse_share = 0.60"),
}


def test_a_changed_constant_turns_its_notebook_red(tmp_path):
    root = notebooks.PROJECT
    shutil.copytree(root / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "data").symlink_to(root / "data")
    (tmp_path / "notebooks").mkdir()
    policy = (tmp_path / "helpers" / "policy.toml").read_text(encoding="utf-8")
    for name, (old, new) in MUTATIONS.items():
        shutil.copy(root / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks")
        assert policy.count(old) == 1
        policy = policy.replace(old, new)
    (tmp_path / "helpers" / "policy.toml").write_text(policy, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "--color=no", "notebooks"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "JUPYTER_DEFAULT_PROVISIONER_NAME": "warm-fork"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "Cell outputs differ" in done.stdout, done.stdout[-2000:]
    for name in MUTATIONS:
        assert f"FAILED notebooks/{name}.ipynb" in done.stdout


def test_helpers_are_this_project():
    import helpers

    assert Path(helpers.__file__).resolve().parent == notebooks.PROJECT / "helpers"
    assert (notebooks.PROJECT / "pyproject.toml").exists()
