"""Return on capital, by hand: two products and their stock, the two classic cases, and where the next money goes."""

import folders
import numpy as np
import pandas as pd
import pytest

from helpers.book import open_book
from helpers.capital_and_cash import cash
from helpers.capital_and_cash import returns_on_capital as returns
from helpers.contract import BadInput
from helpers.facts import facts

# P: 90 units sold at 10, which cost 5; 20 and then 40 on hand. Q: 9 units sold at 20, which cost 10; 30 on hand all the time.
FILES = {
    "order_lines.csv": folders.LINES + "\n" + "".join(f"{i},1,2025-04-{6 + i:02d},S,web,P,10,100\n" for i in range(9))
    + "a,1,2025-05-10,S,web,Q,9,180\n",
    "product_costs.csv": "product_id,valid_from,unit_cost\nP,2025-01-01,5\nQ,2025-01-01,10\n",
    "products.csv": "product_id,name,category,launched_on,lead_time_days\nP,茶 Tea,drinks,2024-01-01,50\nQ,Pot,kitchen,2024-01-01,10\nR,New,kitchen,2025-06-20,\n",
    "inventory.csv": "date,store,product_id,on_hand\n2025-06-15,S,P,20\n2025-06-15,S,Q,30\n2025-06-30,S,P,40\n2025-06-30,S,Q,30\n",
}  # fmt: skip
YEAR = 365 / 90


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    more = "b,1,2025-06-30,S,web,P,1,10\n"  # so that the month is over; 91 units in all
    files = FILES | {"order_lines.csv": FILES["order_lines.csv"] + more}
    return open_book(str(folders.write(tmp_path_factory.mktemp("returns"), files)), "2025-06")


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


def test_the_two_classic_cases_as_printed():
    frame = returns.classic().set_index(["case", "reading"])[["return_of_period", "return_a_year", "return_per_turn"]]
    assert frame.loc["A", "profit in all"].tolist() == pytest.approx([0.50, 1.00, 0.5 / 3])
    assert frame.loc["A", "profit in each turn"].tolist() == pytest.approx([1.50, 3.00, 0.50])
    assert frame.loc["B", "profit in all"].tolist() == pytest.approx([0.20, 0.20, 0.20])
    said = returns.classic_said("CNY")
    assert "50% in the half-year, 100% a year and 16.7% in each turn" in said and "150% in the half-year" in said and "20% a year" in said


def test_returns_by_hand(book):
    frame = returns.returns(book, "product").set_index("entity")
    # P: 91 × 5 = 455 of goods, 910 − 455 of gross profit, a mean stock of 30 × 5 = 150. Q: 90 of goods, 90 of profit, 300 in stock.
    assert frame.loc["P", ["inventory", "margin", "turns", "gmroi", "return_on_capital"]].tolist() == pytest.approx(
        [150, 0.5, 455 / 150 * YEAR, 455 / 150 * YEAR, 455 / 150 * YEAR]
    )
    assert frame.loc["Q", ["inventory", "margin", "inventory_days", "turns"]].tolist() == pytest.approx([300, 0.5, 300, 0.3 * YEAR])
    assert frame.index.tolist() == ["Q", "P"] and frame.loc["P", "name"] == "茶 Tea"
    whole = returns.whole(book)
    assert [whole["inventory"], whole["gmroi"]] == pytest.approx([450, 545 / 450 * YEAR])


def test_bands_of_lead_time_add_up(book, sample):
    bands = returns.returns(book, "lead_time").set_index("entity")
    assert bands.index.tolist() == ["8 to 14 days", "over 30 days"]
    assert bands.loc["over 30 days", "gmroi"] == pytest.approx(455 / 150 * YEAR)
    company, bands = facts(sample, "company").iloc[0], returns.returns(sample, "lead_time")
    unknown = facts(sample, "product").query("inventory != inventory")
    for name in ("gross_profit_90", "cogs_90"):  # all but the products whose stock has no known cost
        assert bands[name].sum() == pytest.approx(company[name] - unknown[name].sum(), abs=0.005)
    assert len(unknown) and 0 <= company["inventory"] - bands["inventory"].sum() < 500


def test_every_return_is_the_one_of_metrics(sample):
    for level in ("product", "category", "store"):
        ours = returns.returns(sample, level).set_index("entity")
        theirs = facts(sample, level).set_index("entity").loc[ours.index]
        for name in ("inventory_days", "turns", "gmroi", "return_on_capital"):
            pd.testing.assert_series_equal(ours[name], theirs[name])


def test_thin_and_fast_above_fat_and_slow():
    """The widest gap of margins among all pairs in which the thinner one returns more, tried one by one."""
    rng = np.random.default_rng(2)
    for _ in range(30):
        frame = pd.DataFrame(
            {"name": list("abcdef"), "margin": rng.integers(1, 9, 6) / 10, "turns": rng.integers(1, 30, 6).astype(float), "young": False}
        )
        frame["gmroi"] = frame["turns"] * frame["margin"] / (1 - frame["margin"]) + np.arange(6) * 1e-6
        pairs = [(b.margin - a.margin) for a in frame.itertuples() for b in frame.itertuples() if a.gmroi > b.gmroi and a.margin < b.margin]
        found = returns.upset(frame)
        if not pairs:
            assert found.empty
            continue
        assert found["fat_margin"] - found["thin_margin"] == pytest.approx(max(pairs))
        assert found["thin_gmroi"] > found["fat_gmroi"]


def test_the_classic_upset_of_22_and_45_percent(sample):
    goods = pd.DataFrame({"name": ["coffee", "shelf"], "margin": [0.22, 0.45], "turns": [365 / 9, 365 / 90], "young": False})
    goods["gmroi"] = goods["turns"] * goods["margin"] / (1 - goods["margin"])
    said = returns.upset_said(goods)
    assert said.startswith("coffee keeps only 22.0%") and "11.4 a year" in said and "returns 3.3" in said
    planted = returns.returns(sample, "product").set_index("entity")
    assert planted.loc["P004", "margin"] < 0.25 and planted.loc["P005", "margin"] > 0.40  # fast and thin, slow and fat
    assert planted.loc["P004", "gmroi"] > 3 * planted.loc["P005", "gmroi"]


def test_where_the_next_money_goes_and_where_it_comes_from(book):
    short, beyond = returns.short(book), returns.beyond(book)
    # P sells 91 units since 6 April, 86 days; 40 last 37.8 days of the 50 until goods can arrive.
    daily = 91 / 86
    assert short["entity"].tolist() == ["P"] and short["room"][0] == pytest.approx((50 - 40 / daily) * daily * 5)
    # Q: 300 in stock, and 60 days of 90 ÷ 90 a day may stay.
    assert beyond[["entity", "stock", "beyond"]].values.tolist() == [["Q", 300, 240]]
    moves = returns.moves(book, 40.0)
    assert moves[["move", "money"]].values.tolist() == [["put in", 40], ["take out", -240]]
    assert returns.placed(short, 40.0)["earns"].sum() == pytest.approx(40 * 455 / 150 * YEAR)
    assert "For the other CNY" in returns.moves_said(book, 10_000.0)
    for wrong in (0.0, -5.0, float("nan"), float("inf")):
        with pytest.raises(BadInput, match="extra_capital must be an amount above 0"):
            returns.amount(wrong)


def test_what_clearing_frees(book):
    frame = returns.freed(book)
    # Q has 300 inventory days: 240 go at 70 % of their cost within 30 days. Without payouts nothing is known of further days.
    assert frame[["entity", "decision", "stock", "goes"]].values.tolist() == [["Q", "clear", 300, 240]]
    assert frame["frees"][0] == pytest.approx(168) and frame["on"][0] == pd.Timestamp("2025-07-30")
    assert "CNY 168 comes back by 2025-07-30" in returns.freed_said(book, frame)


def test_a_stopped_product_frees_all_of_its_stock(sample):
    frame, held = returns.freed(sample).set_index("entity"), returns.on_hand(sample).set_index("entity")["stock"]
    loss = facts(sample, "product").set_index("entity").loc["P001", "contribution"]
    assert frame.loc["P001", "decision"] == "stop" and frame.loc["P001", "goes"] == held["P001"]
    assert frame.loc["P001", "a_month"] == pytest.approx(-loss)
    assert frame.loc["P003", "goes"] == held["P003"]  # nobody buys it: all of it lies beyond the allowed days
    assert frame["on"].iloc[0] == pd.Timestamp("2025-12-31") + pd.Timedelta(days=30 + 9)  # money takes 8.6 days


def test_without_stock(tmp_path):
    book = open_book(str(folders.write(tmp_path, {"order_lines.csv": folders.ONE_LINE})), "2025-03")
    assert returns.returns(book, "product").empty and returns.groups(book).empty and returns.moves(book, 10.0).empty
    assert "no table inventory" in returns.whole_said(book) and "no table inventory" in returns.moves_said(book, 10.0)
    assert returns.freed(book).empty and "to be stopped or cleared" in returns.freed_said(book, returns.freed(book))


def test_goods_without_a_cost_are_named_and_not_called_nothing(tmp_path):
    """Two run short, and nobody knows what they cost: no amount, but no word that nothing sells out either; nor are they worth 0 in stock."""
    more = {"order_lines.csv": FILES["order_lines.csv"] + "b,1,2025-06-30,S,web,P,1,10\n", "product_costs.csv": "product_id,valid_from,unit_cost\n"}
    folder = folders.write(tmp_path, FILES | more)
    book = open_book(str(folder), "2025-06")
    assert "茶 Tea sells out before new goods can arrive, but what more stock would earn can't be told" in returns.moves_said(book, 10.0)
    assert "Goods of 2 products without a known cost are not in it." in cash.position_said(book)
