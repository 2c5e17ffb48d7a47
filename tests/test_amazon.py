"""Amazon's reports: the sample company read back to the cent, and each trap worked out by hand."""

import functools
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from helpers import sample
from helpers.company import open_company
from helpers.contract import LINES
from helpers.ledger import prepare
from helpers.sample_exports import amazon, write_table

OUTLET, FLAGSHIP, US = "cn-outlet", "cn-flagship", "us-shop"


def read(folder: Path, query: str) -> list[tuple]:
    """A query over the prepared tables of a company folder."""
    made = prepare(open_company(str(folder)))
    with duckdb.connect() as con:
        for table in made.glob("*.parquet"):
            con.execute(f"create view {table.stem} as from '{table}'")
        return con.execute(query).fetchall()


# ---- the round trip --------------------------------------------------------------------------------------------------------------


@functools.cache
def tables() -> dict[str, list[dict]]:
    return sample.build()[0]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """The marketplace channel of the sample company as Amazon's reports of all 24 months."""
    folder = tmp_path_factory.mktemp("amazon")
    amazon.write(tables(), folder, sample.MONTHS)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The same as finished tables, without what Amazon's reports can't know: employees, buyers and campaigns; products of ads in a
    settlement; regions in a settlement; the fees of orders that are not paid yet, and where nothing but settlements is read those
    orders themselves; goods put back to stock where no report of returns is read."""
    folder = tmp_path_factory.mktemp("finished")
    lines = [line for line in tables()["order_lines"] if line["channel"] == "marketplace"]
    channel = {(line["store"], line["order_id"]): line for line in lines}
    paid = {(one["store"], one["order_id"]) for one in tables()["payouts"] if one.get("order_id")}
    sold, back = [], []
    for line in lines:
        settled = (line["store"], line["order_id"]) in paid or line["store"] == FLAGSHIP
        if settled or line["store"] == US:
            unknown = dict.fromkeys(("employee_id", "customer_id", "campaign_id"), "")
            unknown |= {} if settled else {"platform_fee": "", "fulfilment_cost": ""}
            if line["store"] == US:  # free shipping is an income and a promotion of the same amount
                unknown |= {"shipping_income": "3.99", "discount_amount": str(Decimal(line["discount_amount"] or 0) + Decimal("3.99"))}
            sold.append(line | unknown | ({"region": ""} if line["store"] == OUTLET else {}))
    for one in tables()["returns"]:
        key = (one["store"], one["order_id"])
        if key in channel and one["refunded_on"] and (key in paid or one["store"] != OUTLET):
            unknown = {"restocked": "false"} if one["store"] == OUTLET else {}
            unpaid = {"refund_amount": "0", "fee_refunded": "", "handling_cost": ""} if one["store"] == US and key not in paid else {}
            back.append(one | unknown | unpaid)
    spend = [
        one | {"campaign_id": "", "product_id": one.get("product_id", "") if one["store"] == US else ""}
        for one in tables()["marketing_spend"] if one["channel"] == "marketplace"
    ]  # fmt: skip
    overheads = [
        {"month": month, "store": US, "category": category, "amount": amount, "currency": "USD"}
        for month in sample.MONTHS for category, amount in (("FBA storage", "25.00"), ("Amazon account", "39.99"))
    ]  # fmt: skip
    stock = [one | {"reserved": "", "incoming": ""} for one in tables()["inventory"] if one["store"] == US]
    (folder / "company.toml").write_text('name = "The same"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    changed = {"order_lines": sold, "returns": back, "marketing_spend": spend, "overheads": overheads, "inventory": stock,
               "payouts": [one for one in tables()["payouts"] if one.get("order_id")]}  # fmt: skip
    for name, rows in (tables() | changed).items():
        if name in (*changed, "products", "product_costs", "fx_rates"):
            write_table(folder, name, rows)
    return folder


SUMS = ", ".join(f"sum({line})" for line in (*LINES, "quantity"))
NOT_NOTHING = " or ".join(f"sum({line}) <> 0" for line in (*LINES, "quantity"))
LEDGER = f"select day, store, channel, product_id, region, {SUMS} from ledger group by all having {NOT_NOTHING} order by all"


def test_the_ledger_is_the_same_from_amazons_reports_and_from_finished_tables(exported, finished):
    ours, theirs = read(exported, LEDGER), read(finished, LEDGER)
    assert len(theirs) > 6000
    assert ours == theirs


def test_categories_of_overheads_payouts_by_order_and_stock_are_the_same(exported, finished):
    for query in (
        "select month, store, category, amount, currency from overheads order by all",
        "select paid_on, store, channel, order_id, sum(amount), currency from payouts where order_id is not null group by all order by all",
        "select date, store, product_id, on_hand, reserved, incoming from inventory order by all",
    ):
        assert read(exported, query) == read(finished, query)


def test_every_record_has_its_place_and_every_total_is_explained(exported):
    rows = read(exported, "select file, rows_in, loaded, set_aside, repeated from loads where table_name like 'amazon%'")
    assert len(rows) > 60
    assert all(came == loaded + aside + repeated and not aside for _, came, loaded, aside, repeated in rows)
    assert sum(repeated for *_, repeated in rows) > 100  # each export begins three days before its quarter
    assert {amount for (amount,) in read(exported, "select amount from source_totals where part = 'difference'")} == {0}


def test_payouts_add_up_to_the_deposits(exported):
    deposits = sum(
        Decimal(line.split("\t")[4].replace(",", "."))
        for file in sorted((exported / "exports" / "outlet").iterdir())
        for line in file.read_text("cp1252").splitlines()[1:] if line.split("\t")[4]
    )  # fmt: skip
    assert read(exported, "select sum(amount) from payouts where store = 'cn-outlet'") == [(deposits,)]


def test_the_short_payment_and_the_missing_ones_are_found(exported):
    """The sample's marketplace owes eight orders and 20 dollars of a ninth; what a store's reports can show of it is shown."""
    query = "select order_id from order_lines anti join payouts using (store, order_id) where store = 'cn-flagship' and ordered_at < '2025-12-01' group by 1"
    unpaid = {one["order_id"] for one in sample.build()[1] if one["store"] == FLAGSHIP}
    assert {order for (order,) in read(exported, query)} == unpaid
    what = "select what, amount from source_totals where source like '%us-shop%' and what like 'settled above%'"
    assert read(exported, what) == [("settled above (+) or below (−) the price in All Orders", Decimal(-20))]


def test_the_examples_are_the_same_bytes_each_time(tmp_path, exported):
    amazon.write(tables(), tmp_path, sample.MONTHS[-1:])
    amazon.write(sample.build()[0], tmp_path / "again", sample.MONTHS[-1:])
    files = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file() and "again" not in path.parts]
    assert len(files) == 13 and sum((tmp_path / path).stat().st_size for path in files) < 400_000
    assert all((tmp_path / path).read_bytes() == (tmp_path / "again" / path).read_bytes() for path in files)
