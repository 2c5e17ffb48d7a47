"""ENGINE=spark prepares the same company: every file has the same bytes. With Spark where the extra is installed; else these are skipped."""

import importlib.util
import shutil
from pathlib import Path

import pytest
from companies import write_company
from folders import write

from helpers import ledger, spark
from helpers.company import open_company
from helpers.contract import BadInput

with_spark = pytest.mark.skipif(
    not (importlib.util.find_spec("pyspark") and shutil.which("java")), reason="the extra `spark` is not installed: PySpark, and Java 17"
)


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """Prepares a folder by an engine, in a cache of that name."""

    def prepared(folder: Path, engine: str, cache: str) -> dict[str, bytes]:
        monkeypatch.setenv("ENGINE", engine)
        monkeypatch.setattr(ledger, "CACHE", tmp_path / cache)
        made = ledger.prepare(open_company(str(folder)))
        return {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()}

    return prepared


@with_spark
@pytest.mark.parametrize("seed", [3, 11])
def test_the_same_bytes_from_both(tmp_path, prepare, seed):
    """Several currencies, late returns, spend of every kind, costs unknown and corrected, faulty rows."""
    write_company(tmp_path / "shop", seed=seed, size=900)
    plain = prepare(tmp_path / "shop", "duckdb", "one")
    assert prepare(tmp_path / "shop", "spark", "two") == plain
    assert sum(name.startswith("ledger/") for name in plain) > 3


@with_spark
def test_spark_goes_on_where_the_other_left_off(tmp_path, prepare, monkeypatch):
    lines = [f"O{n},1,2025-{1 + n % 4:02}-1{n % 9},S,web,P,{1 + n % 3},{10 + n}.5,C{n % 5}" for n in range(60)]
    head = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,customer_id"
    costs = {"product_costs.csv": "product_id,valid_from,unit_cost\nP,2024-01-01,4"}
    early = [line for line in lines if not line.split(",")[2].startswith("2025-04")]
    write(tmp_path / "early", {"order_lines.csv": "\n".join([head, *early])} | costs)
    write(tmp_path / "all", {"order_lines.csv": "\n".join([head, *lines])} | costs)
    prepare(tmp_path / "early", "duckdb", "one")
    asked = []
    monkeypatch.setattr(spark, "run", lambda statements, *rest, run=spark.run: (asked.extend(statements), run(statements, *rest)))
    added = prepare(tmp_path / "all", "spark", "one")
    assert any("in ('2025-04')" in statement for statement in asked) and not any("2025-03" in statement for statement in asked)
    assert added == prepare(tmp_path / "all", "duckdb", "two")


def test_another_engine_is_one_sentence(tmp_path, prepare):
    write_company(tmp_path / "shop", seed=1, size=20)
    for _ in range(2):  # also where nothing is left to prepare
        with pytest.raises(BadInput, match="ENGINE is duckdb or spark, not polars"):
            prepare(tmp_path / "shop", "polars", "one")
        prepare(tmp_path / "shop", "duckdb", "one")


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="the extra `spark` is installed")
def test_without_the_extra_it_is_one_sentence(tmp_path, prepare):
    write_company(tmp_path / "shop", seed=1, size=20)
    with pytest.raises(BadInput, match="needs PySpark, which is not installed"):
        prepare(tmp_path / "shop", "spark", "one")
    assert not list((tmp_path / "one").glob("*"))
