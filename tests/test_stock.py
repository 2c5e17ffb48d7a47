"""Stock held against a shop worked out by hand, brute force over the files, and published totals of a real one."""

import csv
from datetime import date, timedelta

import pandas as pd
import pytest
from folders import LINES, write
from real_sets import company, needed

from helpers import sample
from helpers.book import open_book
from helpers.facts import facts
from helpers.stock_and_fulfilment import clearance, stock

FIRST, LAST = date(2025, 2, 10), date(2025, 4, 30)
EMPTY = (date(2025, 4, 11), date(2025, 4, 20))  # the shelf of P in A


def days():
    return [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Two units of P a day at 10 (cost 6, fee 1) but for ten empty days, one of Q at 5 (cost 2), two of R in all, of unknown cost."""
    rows = []
    for n, day in enumerate(days()):
        if not EMPTY[0] <= day <= EMPTY[1]:
            rows.append(f"P{n},1,{day},A,web,P,2,20,2,6")
        rows.append(f"Q{n},1,{day},A,web,Q,1,5,,2")
    rows += ["R1,1,2025-04-02,A,web,R,1,30,,", "R2,1,2025-04-03,B,web,R,1,50,,"]
    stock_rows = [
        *(f"2025-04-{day:02d},A,P,{units},{reserved},{coming}" for day, units, reserved, coming in [(1, 100, 0, 0), (11, 0, 0, 40), (21, 50, 0, 0), (30, 50, 5, 10)]),
        *(f"2025-04-{day:02d},A,Q,10,0,0" for day in (1, 11, 21, 30)),
        "2025-04-30,A,R,3,5,4", "2025-04-30,B,R,9,0,0", "2025-04-30,B,S,7,0,0",
    ]  # fmt: skip
    folder = tmp_path_factory.mktemp("stock") / "shop"
    write(folder, {
        "order_lines.csv": "\n".join([f"{LINES},platform_fee,unit_cost", *rows]),
        "inventory.csv": "\n".join(["date,store,product_id,on_hand,reserved,incoming", *stock_rows]),
        "products.csv": "product_id,name,lead_time_days\nP,Pot,14\nQ,Quill,14\nR,Rug,5\nS,Sled,5\n",
        "product_costs.csv": "product_id,valid_from,unit_cost\nP,2025-01-01,6\nQ,2025-01-01,2\n",
    })  # fmt: skip
    return open_book(str(folder), "2025-04")


def test_demand_and_its_deviation(shop):
    told = stock.demand(shop).set_index("entity")
    assert told.loc["P", ["units", "days"]].tolist() == [140, 80] and told.loc["P", "daily"] == 1.75
    # eleven whole weeks back from 30 April: 14, 6, 2 and eight times 14 units; Σ 134, Σ² 1 804
    assert told.loc["P", "deviation"] == pytest.approx(((1804 - 134**2 / 11) / 10 / 7) ** 0.5)
    assert told.loc["Q", ["daily", "forecast", "deviation"]].tolist() == [1.0, 1.0, 0.0]
    assert stock.season(shop) == 1.0  # no year behind it


def test_cover_looks_back_and_ahead(shop):
    told = stock.cover(shop).set_index("entity")
    assert told.loc["P", "forward_days"] == pytest.approx(50 / 1.75)
    assert told.loc["P", ["on_hand", "value", "sold"]].tolist() == [50, 300, 40]
    assert told.loc["P", "sell_through"] == pytest.approx(40 / 90)
    # mean of the snapshots 100, 0, 50, 50 at cost 6 = 300; cogs 140 × 6
    assert told.loc["P", "inventory_days"] == pytest.approx(300 / 840 * 90)
    assert pd.isna(told.loc["R", "value"]) and told.loc["S", "forward_days"] == float("inf") and told.loc["S", "sell_through"] == 0


def test_what_an_empty_shelf_cost(shop):
    told = stock.stock_outs(shop)
    row = told[told["entity"] == "P"].iloc[0]
    assert row[["empty_days", "days", "sold", "rate"]].tolist() == [10, 80, 140, 2.0]
    assert row[["lost_units", "lost_sales", "lost_contribution"]].tolist() == pytest.approx([20, 200, 20 * 3])
    assert row["low_units"] < 20 < row["high_units"] and not row["empty_now"]
    rug = told[told["entity"] == "R"].iloc[0]  # 3 − 5 is nothing to sell
    assert rug["empty_now"] and rug["empty_days"] == 1 and pd.isna(rug["lost_contribution"])


def test_who_promised_more_than_there_is(shop):
    told = stock.watch(shop)
    assert len(told) == 1
    row = told.iloc[0]
    assert row[["entity", "name", "store", "available", "incoming"]].tolist() == ["R", "Rug", "A", -2, 4]
    assert row[["elsewhere", "pool", "age_days", "unit_price"]].tolist() == [9, -2 + 9 + 4, 0, 40]
    alone = stock.watch(open_book(str(shop.company.folder), "2025-04", "A"))
    assert alone.iloc[0][["available", "elsewhere", "pool"]].tolist() == [-2, 9, 11]  # what others have is known in one store's view too
    ages = stock.snapshot_ages(shop).set_index("store")
    assert ages.loc["A", ["snapshots", "products", "age_days"]].tolist() == [4, 3, 0]


def test_a_store_that_did_not_count_this_month_still_has_its_goods(tmp_path):
    """A has 100 units on 28 February, B one on 15 March; A sells one a day: 101 days. What B owes is seen, whenever it was counted."""
    rows = "".join(f"{n},1,{date(2025, 1, 1) + timedelta(n)},A,web,P,1,100,50\n" for n in range(90))
    folder = write(tmp_path / "shop", {
        "order_lines.csv": f"{LINES},unit_cost\n{rows}b,1,2025-03-01,B,web,Q,1,100,50\n",
        "inventory.csv": "date,store,product_id,on_hand,reserved\n2025-02-28,A,P,100,\n2025-02-28,A,Q,0,5\n2025-03-15,B,P,1,\n2024-12-01,C,P,900,\n",
        "products.csv": "product_id,name,lead_time_days\nP,Pot,10\n",
    })  # fmt: skip
    book = open_book(str(folder), "2025-03")
    assert stock.replenishment(book).set_index("entity").loc["P", ["usable", "daily_sales"]].tolist() == [101, 1]
    assert stock.oversold(book)[["entity", "available", "stores"]].values.tolist() == [["Q", -5, "A"]]


def test_opening_stock_without_a_cost_is_unknown(tmp_path):
    """P is sold with a cost of its own, but what fifty units in the opening count cost nobody knows; Q has a cost in both counts."""
    folder = write(tmp_path / "shop", {
        "order_lines.csv": f"{LINES},unit_cost\n1,1,2025-03-01,A,web,P,2,100,30\n2,1,2025-03-01,A,web,Q,1,100,30\n",
        "inventory.csv": "date,store,product_id,on_hand\n2025-02-28,A,P,50\n2025-02-28,A,Q,6\n",
        "product_costs.csv": "product_id,valid_from,unit_cost\nQ,2025-01-01,10\n",
    })  # fmt: skip
    book = open_book(str(folder), "2025-03")
    found = facts(book, "product").set_index("entity")["stock_to_sales"]
    assert pd.isna(found["P"]) and found["Q"] == 2  # 6 × 10 ÷ 30
    assert facts(book, "company")["stock_to_sales"].tolist() == [pytest.approx(60 / 90)]  # sums leave it out


def test_a_shop_without_stock_has_nothing_to_show(tmp_path):
    write(tmp_path / "bare", {"order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"})
    book = open_book(str(tmp_path / "bare"), "2025-03")
    for frame in (stock.positions, stock.cover, stock.stock_outs, stock.watch, stock.snapshot_ages, clearance.clear_out):
        assert frame(book).empty, frame.__name__
    assert stock.demand(book)["daily"].tolist() == [1 / 31]


# ---- brute force over the sample's files --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sold():
    """Units by day and product of the sample's completed lines, from the file itself."""
    with open(sample.FOLDER / "order_lines.csv", encoding="utf-8", newline="") as file:
        rows = pd.DataFrame([row for row in csv.DictReader(file) if row["status"] != "cancelled" and row["quantity"].isdigit()])
    return rows.assign(day=pd.to_datetime(rows["ordered_at"].str[:10], errors="coerce"), units=rows["quantity"].astype(int)).dropna(
        subset="day"
    )


def test_the_season_of_the_sample(sold):
    book = open_book("data/sample", "2025-12")
    last = pd.Timestamp("2024-12-31") + pd.Timedelta(days=1)  # 364 days before the month's end
    was = sold[(sold["day"] > last - pd.Timedelta(days=90)) & (sold["day"] <= last)]["units"].sum()
    then = sold[(sold["day"] > last) & (sold["day"] <= last + pd.Timedelta(days=90))]["units"].sum()
    assert stock.season(book) == pytest.approx(then / was, rel=0.005)  # the seven broken rows aside
    assert stock.season(open_book("data/sample", "2025-02")) == 1.0  # less than a year and 90 days behind it


def test_stores_add_up_to_the_company():
    whole = stock.positions(open_book("data/sample", "2025-12"))
    parts = pd.concat(
        [stock.positions(open_book("data/sample", "2025-12", store)) for store in sorted(whole["store"].unique())], ignore_index=True
    )
    pd.testing.assert_frame_equal(whole, parts)
    cover = stock.cover(open_book("data/sample", "2025-12"))
    assert cover["on_hand"].sum() == whole["on_hand"].sum()
    assert cover["value"].sum() == pytest.approx(whole["value"].sum(), abs=0.005)


def test_the_planted_shelves_are_found():
    book = open_book("data/sample", "2025-12")
    assert stock.watch(book)[["entity", "store", "available"]].values.tolist() == [["P013", "cn-outlet", -7]]
    assert stock.stock_outs(book).query("empty_now")["entity"].tolist() == ["P013"]


@needed
def test_mexico_toys(tmp_path):
    book = open_book(company("mexico_toys", tmp_path), "2018-09")
    lying = stock.positions(book)
    assert ((lying["on_hand"] == 0) & (lying["sold_30"] > 0)).sum() == 77
    assert ((lying["on_hand"] > 0) & (lying["sold_30"] == 0)).sum() == 366
    assert stock.stock_outs(book).query("empty_now and sold_30 > 0").shape[0] == 77
    assert stock.cover(book)["value"].sum() == pytest.approx(300_209.58, abs=0.005)
