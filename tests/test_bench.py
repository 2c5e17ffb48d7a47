"""The benchmark compares like with like: what the rivals leave is what helpers.ledger.prepare leaves, row by row."""

import importlib

import duckdb
import pytest

from bench import data
from bench.__main__ import of_data, table
from bench.company import write_company
from helpers import ledger
from helpers.company import open_company
from helpers.files import stored

MONTH = "substr(cast(month as varchar), 1, 7)"
ROWS = {  # what identifies a row, and its figures
    "ledger": (
        f"cast(day as date), kind, store, channel, coalesce(product_id, ''), coalesce(order_id, ''), coalesce(line_no, ''), coalesce(customer_id, ''), {MONTH}, coalesce(segment, '')",
        "quantity, gross_sales, discounts, refunds, cogs, platform_fees, fulfilment, marketing",
    ),
    "spread": (
        f"{MONTH}, store, channel, product_id, segment",
        "quantity, gross_sales, discounts, refunds, cogs, platform_fees, fulfilment, marketing, base",
    ),
    "customer_months": (
        f"customer_id, {MONTH}, store, segment, cast(first_day as date), cast(last_day as date)", "purchases, net_sales, cm2, marketing",
    ),
    "stock": ("cast(date as date), store, product_id", "on_hand, value"),
}  # fmt: skip


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """The folders that prepare and the rivals that are installed leave of 20,000 order lines, bought so irregularly that every segment occurs."""
    folder = tmp_path_factory.mktemp("bench")
    write_company(folder / "company", 20_000)
    with duckdb.connect() as con:
        path = folder / "company" / "order_lines.parquet"
        con.execute(f"create table lines as select *, cast(substr(order_id, 2) as bigint) as n from '{path}'")
        con.execute("update lines set customer_id = 'B' || floor(900 * pow((n * n * 31 + n * 7919) % 10007 / 10007, 3))")
        con.execute(f"copy (select * exclude (n) from lines) to '{path}'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "CACHE", folder / "cache")
        found = {"prepare": ledger.prepare(open_company(folder / "company"))}
    for name in data.rivals(20_000):
        found[name] = folder / name
        found[name].mkdir()
        importlib.import_module(f"bench.rivals.{name}_").write(folder / "company", found[name])
    return found


@pytest.mark.parametrize("name", ROWS)
def test_every_way_leaves_the_same_rows(left, name):
    keys, figures = ROWS[name]
    apart = " or ".join(f"abs(sum(sign * {figure})) > 0.001" for figure in figures.split(", "))
    for rival in data.rivals(20_000):
        both = f"select *, 1 as sign from {stored(left['prepare'] / name)} union all by name select *, -1 as sign from {stored(left[rival] / name)}"
        with duckdb.connect() as con:
            assert not con.execute(f"select {keys} from ({both}) group by {keys} having sum(sign) <> 0 or {apart}").fetchall(), rival


def test_results_that_differ_end_the_benchmark(left):
    found = {name: data.results(folder) for name, folder in left.items()}
    data.must_agree(found, 20_000)
    assert len([what for what in found["prepare"] if what.startswith("customer_months") and what.endswith("rows")]) == 7
    found["duckdb"]["customer_months new: rows"] += 1
    with pytest.raises(
        SystemExit, match="customer_months new: rows: prepare found [0-9]+, duckdb [0-9]+; a benchmark of different results"
    ):
        data.must_agree(found, 20_000)


def test_a_row_for_every_way():
    ways = ("prepare", "duckdb", "polars", "pandas", "scan", "added", "slice", "statement")
    found = {name: {"all": 2.0, "checks": 1.0, "memory": 500} for name in ways}
    found |= {"report": {"02": {"all": 6.0, "slices": 3.0, "memory": 400}}, "bytes": {"prepare": 3_000_000, "duckdb": 2_000_000}}
    rows = of_data(found, 20_000)
    assert len(rows) == len(table(rows).splitlines()) - 2 == 8
    assert rows[1]["ratio"] == "2.0× faster" and rows[1]["met"] == "yes" and rows[3]["met"] == "no"
    assert rows[6]["ratio"] == "1.50× as large" and rows[7]["ratio"] == "50% of it" and rows[7]["met"] == "no"


def test_what_tables_take_on_the_disk(tmp_path):
    for name in ("ledger/2025-01", "ledger/2025-02", "stock", "products"):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"12345")
    assert data.taken(tmp_path) == 15
