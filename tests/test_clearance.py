"""Clearance: a stock sold down hour by hour, an elasticity worked out by hand, and the sample's slow goods."""

import numpy as np
import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.stock_and_fulfilment import clearance, ordering


@pytest.mark.parametrize("cut", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("daily", [0.0, 0.7, 3.0])
def test_worth_is_what_selling_down_step_by_step_brings(daily, cut):
    units, price, cost, costs, elasticity, days, holding, salvage = 100.0, 10.0, 5.0, 1.0, 2.0, 90, 0.25, 2.0
    left, money, held, step = units, 0.0, 0.0, 0.01
    for _ in range(int(days / step)):
        goes = min(left, daily * (1 - cut) ** -elasticity * step)
        held += (left - goes / 2) * cost * holding / 365 * step
        money += goes * (price * (1 - cut) - costs)
        left -= goes
    worth, sold, cost_of_holding = clearance.worth(units, daily, price, cost, costs, elasticity, cut, days, holding, salvage)
    assert float(sold) == pytest.approx(units - left, abs=0.05)
    assert float(cost_of_holding) == pytest.approx(held, abs=0.05)
    assert float(worth) == pytest.approx(money + left * salvage - held, abs=0.3)


def test_an_elasticity_by_hand(tmp_path):
    """P falls from 10 to 8 and sells 100 in place of 64 while the rest stands at 200: −ln(100/64) ÷ ln(0.8) = 2."""
    rows = [
        "1,1,2025-03-05,A,web,P,64,640", "2,1,2025-03-06,A,web,Q,200,2000",
        "3,1,2025-04-05,A,web,P,100,800", "4,1,2025-04-06,A,web,Q,200,2000",
        "5,1,2025-04-07,B,web,P,5,20", "6,1,2025-03-07,B,web,P,5,50",  # too few to tell
    ]  # fmt: skip
    write(tmp_path / "shop", {"order_lines.csv": "\n".join([LINES, *rows])})
    told = clearance.elasticities(open_book(str(tmp_path / "shop"), "2025-04")).set_index("entity")
    assert told.index.tolist() == ["P", "all"]
    assert told.loc["P", "elasticity"] == pytest.approx(2.0)
    assert told.loc["P", "error"] == pytest.approx((1 / 64 + 1 / 100) ** 0.5 / -np.log(0.8))


def test_slow_goods_of_the_sample():
    book = open_book("data/sample", "2025-12")
    told = clearance.clear_out(book).set_index("entity")
    assert set(told.index) == {"P003", "P005"}
    shelf = told.loc["P005"]
    assert shelf["answer"] == "assumed" and 0 < shelf["cut"] < 0.3 and shelf["gain"] > 0
    assert shelf["clear_price"] == pytest.approx(shelf["price"] * (1 - shelf["cut"]))
    assert book.last_day < shelf["clear_by"] <= book.last_day + np.timedelta64(book.policy.stock.clear_days, "D")
    curve = clearance.price_curve(book, "P005")
    assert curve["worth"].max() - curve["worth"][0] == pytest.approx(shelf["gain"])
    assert np.isnan(told.loc["P003", "cut"])  # nothing sold in 90 days tells no price
    values = ordering.unit_values(book).set_index("entity")
    sold = book.sql(
        """select cast(sum(gross_sales + discounts) as double) as sales, sum(quantity) as units from ledger
           where kind = 'sale' and product_id = 'P005' and day > date '2025-10-02' and day <= date '2025-12-31'"""
    ).iloc[0]
    assert values.loc["P005", "price"] == pytest.approx(sold["sales"] / sold["units"])


def test_with_no_pressure_of_time_no_cut_pays(tmp_path):
    """Holding is cheap beside margin: without a date, and with buyers who don't answer a price, the best price is today's."""
    value, _, _ = clearance.worth(100, 2, 10, 5, 1, 0.0, np.array(clearance.CUTS), 90, 0.25, 1.5)
    assert value.argmax() == 0
    value, _, _ = clearance.worth(100, 2, 10, 5, 1, 2.0, np.array(clearance.CUTS), 3_650, 0.25, 1.5)
    assert value.argmax() == 0
