"""Where the money sits, by hand: what is due and paid, in two currencies and both ways of paying, suppliers, stock and bank; and its sums."""

import companies
import folders
import numpy as np
import pandas as pd
import pytest

from helpers.book import open_book
from helpers.capital_and_cash import cash, cash_plan
from helpers.capital_and_cash.cash_plan import plan_metrics
from helpers.days import as_of
from helpers.facts import facts

LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,discount_amount,shipping_income,platform_fee,currency,status\n"
# A's market pays order by order: 1 in 10 days, 2 in 20 days but 10 short, 3 not yet, 9 was cancelled. A's shop pays sums. B pays in dollars.
SOLD = """1,1,2025-06-01,A,market,P,1,410,20,10,40,,
2,1,2025-06-02,A,market,P,1,100,,,,,
3,1,2025-06-25,A,market,P,1,200,,,,,
9,1,2025-06-03,A,market,P,1,80,,,,,cancelled
4,1,2025-06-01,A,shop,P,1,300,,,,,
5,1,2025-06-03,A,shop,P,1,100,,,,,
6,1,2025-06-20,A,shop,P,1,50,,,,,
7,1,2025-06-10,B,web,P,1,10,,,,USD,
8,1,2025-06-10,A,agents,P,1,500,,,50,,
"""
BACK = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked,fee_refunded\nA,4,1,2025-06-05,1,25,false,5\nA,3,1,2025-07-02,1,200,false,\n"
PAID = """paid_on,store,channel,order_id,amount,currency
2025-06-11,A,market,1,360,
2025-06-22,A,market,2,90,
2025-06-11,A,shop,,350,
2025-06-25,B,web,,6,USD
2025-07-04,A,market,3,200,
"""
BOUGHT = """product_id,ordered_on,received_on,paid_on,quantity,amount,currency
P,2025-05-20,2025-06-05,,10,100,
P,2025-06-01,2025-06-15,2025-07-15,1,10,USD
P,2025-06-10,,2025-06-12,4,40,
P,2025-05-01,2025-05-11,2025-05-31,1,60,
P,2025-05-01,2025-05-21,2025-05-31,1,20,
P,2025-06-20,,,1,999,
"""
FILES = {
    "order_lines.csv": LINES + SOLD, "returns.csv": BACK, "payouts.csv": PAID, "purchases.csv": BOUGHT,
    "fx_rates.csv": "date,currency,rate\n2025-01-01,USD,7\n2025-06-20,USD,7.5\n",
    "product_costs.csv": "product_id,valid_from,unit_cost\nP,2025-01-01,10\n",
    "inventory.csv": "date,store,product_id,on_hand\n2025-06-15,A,P,9\n2025-06-30,A,P,5\n2025-06-20,B,P,2\n",
    "cash_balances.csv": "date,account,balance,currency\n2025-06-15,dollars,20,USD\n2025-06-20,yuan,1,\n2025-06-28,yuan,1000,\n2025-07-01,yuan,5,\n",
}  # fmt: skip
DAY = pd.Timestamp("2025-06-30")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return open_book(str(folders.write(tmp_path_factory.mktemp("cash"), FILES)), "2025-06")


def test_what_is_still_due(book):
    items = cash.open_items(book, DAY)
    found = {(row.account, f"{row.ordered_on:%m-%d}"): (row.open, row.age) for row in items.itertuples()}
    # The shop's 350 pay the 300 of the 1st and 50 of the 3rd; its refund of the 5th waits to be taken back. Dollars at today's 7.5.
    assert found == {
        ("market", "06-02"): (10, 28), ("market", "06-25"): (200, 5),
        ("shop", "06-03"): (50, 27), ("shop", "06-05"): (-20, 25), ("shop", "06-20"): (50, 10),
        ("web", "06-10"): (30, 20),
    }  # fmt: skip
    assert cash.receivable_at(book, DAY) == pytest.approx(320) == pytest.approx(items["open"].sum())
    # The eve of the refund: all that the buyers of the shop paid, less nothing paid out yet.
    assert cash.receivable_at(book, pd.Timestamp("2025-06-04")) == pytest.approx(360 + 100 + 300 + 100)


def test_how_long_money_takes(book):
    frame = cash.payout_days(book).set_index("channel")
    assert frame.loc["market", ["days", "came", "receivable", "overdue"]].tolist() == pytest.approx(
        [(360 * 10 + 90 * 20) / 450, 450, 210, 0]
    )
    assert frame.loc["shop", ["days", "came", "receivable"]].tolist() == pytest.approx([(300 * 10 + 50 * 8) / 350, 350, 80])
    assert frame.loc["web", ["days", "came", "receivable"]].tolist() == pytest.approx([15, 45, 30])
    assert frame.loc["market", "slowest"] == 20 and list(frame.index) == ["market", "shop", "web"]
    assert cash.unfollowed(book).values.tolist() == [["A", "agents", 450]]
    said = cash.held_said(book, cash.payout_days(book))
    assert "CNY 320 of buyers' money is not paid out yet, the most by market in A: CNY 210." in said
    assert "No payout is on record for agents in A: of CNY 450" in said


def test_a_payout_without_a_channel_pays_the_rest_of_the_store(tmp_path):
    paid = "paid_on,store,channel,order_id,amount,currency\n2025-06-15,A,,,700,\n2025-06-11,A,market,1,360,\n"
    book = open_book(str(folders.write(tmp_path, FILES | {"payouts.csv": paid})), "2025-06")
    held = cash.payout_days(book).set_index("channel")["receivable"]
    assert held.to_dict() == {"market": 300, "all": 300 + 100 - 20 + 50 + 450 - 700}
    assert cash.unfollowed(book)["store"].tolist() == ["B"]
    values = cash.capital_metrics(book).set_index(["level", "entity", "metric"])["value"]
    assert values["channel", "unallocated", "receivables"] == pytest.approx(180)


def test_an_account_that_is_paid_in_another_currency_is_kept_at_its_values(tmp_path):
    paid = "paid_on,store,channel,order_id,amount,currency\n2025-06-25,B,web,,40,\n"
    book = open_book(str(folders.write(tmp_path, FILES | {"payouts.csv": paid})), "2025-06")
    assert cash.receivable_at(book, DAY) == pytest.approx(10 * 7 - 40)  # as the ledger has the sale, whatever the rate did since


def test_sums_pay_the_oldest_order_first_in_whatever_currency_it_was_sold(tmp_path):
    sold = "1,1,2025-06-01,A,shop,P,1,100,,,,,\n2,1,2025-06-02,A,shop,P,1,10,,,,USD,\n3,1,2025-06-03,A,shop,P,1,100,,,,,\n"
    paid = "paid_on,store,channel,order_id,amount,currency\n2025-06-10,A,shop,,150,\n"
    book = open_book(
        str(
            folders.write(
                tmp_path, FILES | {"order_lines.csv": LINES + sold, "returns.csv": BACK.split("\n")[0] + "\n", "payouts.csv": paid}
            )
        ),
        "2025-06",
    )
    items = cash.open_items(book, DAY)
    assert [(f"{row.ordered_on:%m-%d}", row.open) for row in items.itertuples()] == [
        ("06-02", 20),
        ("06-03", 100),
    ]  # of the dollars' 70, 50 came


def test_orders_from_before_the_payouts_are_nobody_s(tmp_path):
    early = "0,1,2025-01-05,A,market,P,1,777,,,,,\n00,1,2025-01-05,A,shop,P,1,888,,,,,\n"
    book = open_book(str(folders.write(tmp_path, FILES | {"order_lines.csv": LINES + early + SOLD})), "2025-06")
    assert cash.receivable_at(book, DAY) == pytest.approx(320)


def test_where_the_money_sits(book):
    now = cash.position(book).set_index("item")["amount"]
    assert now.to_dict() == pytest.approx(
        {"stock": 50 + 20, "receivables": 320, "prepaid_purchases": 40, "payables": -100 - 10 * 7, "cash": 1000 + 20 * 7.5}
    )
    values = cash.capital_metrics(book).set_index(["level", "entity", "metric"])["value"]
    for item, amount in now.items():
        assert values["company", "company", "bank_balance" if item == "cash" else item] == pytest.approx(amount)
    assert values["store", "A", "stock"] == 50 and values["store", "B", "stock"] == 20
    assert values["store", "A", "receivables"] == pytest.approx(290) and values["channel", "web", "receivables"] == pytest.approx(30)
    assert "CNY 1,410 is in the business" in cash.position_said(book) and "less CNY 170 owed" in cash.position_said(book)


def test_a_store_has_no_supplier_and_no_bank(book):
    store = open_book(str(book.company.folder), "2025-06", "B")
    assert cash.position(store).set_index("item")["amount"].to_dict() == pytest.approx({"stock": 20, "receivables": 30})
    assert "only the company" in cash.cycle_said(store)
    assert set(cash.capital_metrics(store)["metric"]) == {"stock", "receivables", "order_to_payout_days"} and plan_metrics(store).empty


def test_the_cycle_is_the_metric_s(book):
    frame, company = cash.cycle(book), facts(book, "company").iloc[0]
    last = frame.iloc[-1]
    # Sales: 2 units of known cost a line; payments of May waited 20 and 10 days; the order-named payouts took 12 days.
    assert last["payment_days"] == pytest.approx((60 * 20 + 20 * 10) / 80)
    assert last["payout_days"] == pytest.approx(12)
    assert last["inventory_days"] == pytest.approx(company["inventory_days"])
    assert last["cycle"] == pytest.approx(company["cash_conversion_cycle"]) == pytest.approx(last["inventory_days"] + 12 - 17.5)


def test_the_sample_s_cycle_month_by_month_is_that_of_each_month_s_metrics():
    book = open_book("data/sample", "2025-12")
    frame = cash.cycle(book).set_index("month")["cycle"]
    assert frame["2025-07"] == pytest.approx(facts(open_book("data/sample", "2025-07"), "company")["cash_conversion_cycle"][0], rel=1e-9)


def test_receivables_of_the_sample_reconcile_with_the_ledger_to_the_cent():
    """All that the ledger sold, less fees and refunds, less all that came, is what is still held: in stores of one currency to the cent."""
    for store in ("cn-flagship", "cn-outlet"):
        book = open_book("data/sample", "2025-12", store)
        sold = book.sql(
            "select cast(sum(gross_sales + discounts + shipping_income + refunds + platform_fees) as double) as x from ledger where {scope}"
        )["x"][0]
        came = book.sql("select cast(sum(value) as double) as x from receipts where {scope}")["x"][0]
        assert cash.payout_days(book)["receivable"].sum() == pytest.approx(sold - came, abs=0.005)
        assert cash.position(book, 1).set_index("item")["amount"]["receivables"] == pytest.approx(sold - came, abs=0.005)
    whole = cash.payout_days(open_book("data/sample", "2025-12"))
    parts = [cash.payout_days(open_book("data/sample", "2025-12", store)) for store in ("cn-flagship", "cn-outlet", "us-shop")]
    assert whole["receivable"].sum() == pytest.approx(pd.concat(parts)["receivable"].sum(), abs=0.005)


def test_unsettled_against_paying_one_by_one():
    rng = np.random.default_rng(5)
    for _ in range(200):
        due = rng.integers(0, 50, rng.integers(1, 12)).astype(float)
        paid = float(rng.integers(0, int(due.sum()) + 40))
        left, rest = due.copy(), paid
        for i, amount in enumerate(due):
            left[i], rest = amount - min(amount, rest), rest - min(amount, rest)
        left[-1] -= rest
        assert cash.unsettled(due, paid).tolist() == left.tolist()


def test_matched_against_coins_paid_one_by_one():
    rng = np.random.default_rng(6)
    days = pd.date_range("2025-01-01", periods=40)
    for _ in range(60):
        due = pd.Series(rng.integers(1, 6, 6).astype(float), days[np.sort(rng.choice(20, 6, replace=False))])
        paid = pd.Series(rng.integers(1, 6, 5).astype(float), days[20 + np.sort(rng.choice(20, 5, replace=False))])
        coins = list(zip(np.repeat(due.index, due.astype(int)), np.repeat(paid.index, paid.astype(int)), strict=False))
        wanted = pd.Series(1.0, pd.MultiIndex.from_tuples(coins)).groupby(level=[0, 1]).sum()
        frame = cash.matched(due, paid)
        assert frame.groupby(["ordered_on", "paid_on"])["value"].sum().to_dict() == wanted.to_dict()


def test_without_tables_each_section_says_which_would_switch_it_on(tmp_path):
    book = open_book(str(folders.write(tmp_path, {"order_lines.csv": folders.ONE_LINE})), "2025-03")
    assert cash.position(book).empty and cash.payout_days(book).empty and cash.gap_rows(book).empty
    assert "no table inventory" in cash.position_said(book) and "no table purchases" in cash.position_said(book)
    assert "no table payouts" in cash.held_said(book, cash.payout_days(book)) and "no table payouts" in cash.gaps_said(book)
    assert "No cycle can be told." in cash.cycle_said(book)
    assert cash.capital_metrics(book).empty and plan_metrics(book).empty


# Payouts of which none can be placed, several currencies, blank channels, refunds of sales that came later.
@pytest.mark.parametrize("seed", [302, 306])
def test_random_companies(tmp_path, seed):
    companies.write_company(tmp_path, seed, 15 + seed % 50)
    book = open_book(str(tmp_path), "latest")
    day = as_of(book)
    assert cash.receivable_at(book, day) == pytest.approx(cash.open_items(book, day)["open"].sum(), abs=1e-5)
    assert cash.payout_days(book)["receivable"].sum() == pytest.approx(cash.receivable_at(book, day), abs=1e-5)
    assert len(cash.position_said(book)) and len(cash_plan.plan_said(book)) and len(cash.held_said(book, cash.payout_days(book)))
    assert not cash.capital_metrics(book).duplicated(["level", "entity", "metric"]).any()
