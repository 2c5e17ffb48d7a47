"""Product life: lines against numpy's, a crossing worked out by hand, and the sample's decaying product."""

import numpy as np
import pandas as pd
import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.stock_and_fulfilment import product_life


def test_the_line_is_numpy_s_weighted_line():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"entity": np.repeat(["a", "b"], 10), "ago": [*range(9, -1, -1)] * 2, "base": rng.uniform(50, 150, 20)})
    frame["contribution"] = frame["base"] * (0.3 + 0.02 * frame["ago"] + rng.normal(0, 0.05, 20))
    told = product_life.lines(frame)
    for entity, part in frame.groupby("entity"):
        slope, level = np.polyfit(-part["ago"], part["contribution"] / part["base"], 1, w=np.sqrt(part["base"]))
        assert told.loc[entity, ["rate", "slope"]].tolist() == pytest.approx([level, slope])


def test_one_week_has_no_slope():
    one = pd.DataFrame({"entity": ["a"], "ago": [0], "base": [10.0], "contribution": [5.0]})
    assert np.isnan(product_life.lines(one).loc["a", "slope"])


def shop(folder, weeks=13, noise=0.0):
    """One product sold once a week at 100, whose cost rises by 3 a week to 88 in the last one, of April 2025; another that stays at 60."""
    rows = [f"{LINES},unit_cost"]
    for ago in range(weeks):
        day = (pd.Timestamp("2025-04-30") - pd.Timedelta(days=7 * ago)).date()
        wobble = noise * (1 if ago % 2 else -1)
        rows += [f"f{ago},1,{day},A,web,FALLS,1,100,{88 - 3 * ago + wobble}", f"s{ago},1,{day},A,web,STAYS,1,100,{60 + wobble}"]
    return write(
        folder,
        {"order_lines.csv": "\n".join(rows), "products.csv": "product_id,name,launched_on\nFALLS,Falling,2025-02-03\nSTAYS,Steady,\n"},
    )


def test_weeks_left_by_hand(tmp_path):
    book = open_book(str(shop(tmp_path / "shop", noise=1.0)), "2025-04")
    told = product_life.weeks_left(book)
    assert told["entity"].tolist() == ["FALLS"]
    row = told.iloc[0]
    # 12 of 100 are left and 3 a week go: four weeks
    assert row["slope"] == pytest.approx(-0.03, abs=0.002) and row["rate"] == pytest.approx(0.12, abs=0.01)
    assert row["weeks_left"] == pytest.approx(4, abs=0.5) and row["low"] <= row["weeks_left"] <= row["high"] and row["state"] == "falling"
    assert row["stop_on"] == book.last_day + pd.Timedelta(days=int(row["low"] * 7))
    month = 365 / 12 / 7
    assert row["a_month_late"] == pytest.approx(100 * 0.03 * month**2 / 2, rel=0.1)
    assert product_life.shapes(book).iloc[0]["shape"] == "falls in a line"
    track = product_life.track(book, "FALLS")
    assert track["rate"].notna().sum() == 13 and track["line"].iloc[-1] < 0


def test_a_margin_that_never_moves_has_no_end(tmp_path):
    rows = [f"{LINES},unit_cost"]
    for ago in range(91):
        day = (pd.Timestamp("2025-04-30") - pd.Timedelta(days=ago)).date()
        rows.append(f"{ago},1,{day},A,web,P,{1 + ago % 3},{(1 + ago % 3) * 12.99:.2f},9.99")
    book = open_book(str(write(tmp_path / "shop", {"order_lines.csv": "\n".join(rows)})), "2025-04")
    assert product_life.weeks_left(book).empty and product_life.track(book).empty


def test_too_few_weeks_say_nothing(tmp_path):
    book = open_book(str(shop(tmp_path / "shop", weeks=5)), "2025-04")
    assert product_life.weeks_left(book).empty and product_life.shapes(book).empty


def test_the_air_fryer_is_named_and_nothing_else():
    """Domain case: 30 % in the first month, 15 % in the second, a loss in the third. On the way down it has weeks left; at the end none."""
    told = product_life.weeks_left(open_book("data/sample", "2025-12"))
    assert told["entity"].tolist() == ["P002"] and told["state"].tolist() == ["below zero"] and told["weeks_left"].tolist() == [0]
    assert product_life.shapes(open_book("data/sample", "2025-12")).iloc[0]["shape"] == "falls in a line"
    before = product_life.weeks_left(open_book("data/sample", "2025-11")).set_index("entity")
    assert "P002" in before.index and before.loc["P002", "low"] == 0  # named in its second month, while its old siblings would drown it out


def test_weeks_add_up_to_the_ledger():
    book = open_book("data/sample", "2025-12")
    told = product_life.weekly(book)
    ladder = book.sql(
        """select product_id as entity, cast(sum(gross_sales + discounts + shipping_income) as double) as base,
                  cast(sum(gross_sales + discounts + shipping_income + refunds + cogs + platform_fees + fulfilment + commissions) as double) as before_marketing
           from ledger where kind in ('sale', 'return') and product_id in (select unnest($ids)) and day > date '2025-10-01' and day <= date '2025-12-31'
           group by product_id order by product_id""",
        ids=sorted(set(told["entity"])),
    ).set_index("entity")
    sums = told.groupby("entity")[["base", "contribution"]].sum()
    assert sums["base"].sum() == pytest.approx(ladder["base"].sum(), abs=0.01)
    assert (sums["contribution"] <= ladder["before_marketing"] + 0.01).all()  # marketing only takes
    # October begins on a Wednesday that the 13 weeks don't hold; all other days of the quarter are in them
    quarter = book.ladder(["product_id"], ["2025-10", "2025-11", "2025-12"]).set_index("product_id")
    assert sums.loc["P001", "contribution"] == pytest.approx(quarter.loc["P001", "contribution"], rel=0.1)


def test_launches_month_by_month():
    book = open_book("data/sample", "2025-12")
    told = product_life.launches(book)
    assert set(told["launch"]) == {"2025-10", "2025-11", "2025-12"}
    months = book.ladder(["month", "product_id"], ["2025-10", "2025-11", "2025-12"])
    young = months[months["product_id"].isin(["P002", "P009", "P010", "P012"])]
    assert told["contribution"].sum() == pytest.approx(young["contribution"].sum(), abs=0.01)
    assert told["units"].sum() == young["quantity"].sum()
    # of October's launches P010 has no cost before December, so only the air fryer tells a share; of November's nothing does
    fryer = months[months["product_id"] == "P002"].set_index("month")
    october = told[told["launch"] == "2025-10"]["contribution_share"].tolist()
    assert october == pytest.approx((fryer["contribution"] / fryer["net_sales"]).tolist())
    assert told[told["launch"] == "2025-11"]["contribution_share"].isna().all()


def test_without_launch_days_the_first_sale_counts_unless_the_data_begin_there(tmp_path):
    rows = [
        LINES,
        "1,1,2025-01-05,A,web,OLD,1,100",
        "2,1,2025-02-10,A,web,NEW,2,100",
        "3,1,2025-03-10,A,web,NEW,3,100",
        "4,1,2025-03-11,A,web,OLD,1,100",
    ]
    write(tmp_path / "shop", {"order_lines.csv": "\n".join(rows)})
    told = product_life.launches(open_book(str(tmp_path / "shop"), "2025-03"))
    assert told[["launch", "month_of_life", "units"]].values.tolist() == [["2025-02", 1, 2], ["2025-02", 2, 3]]
