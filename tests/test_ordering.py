"""Orders: published textbook cases, cases worked out by hand, and expected profit maximised without the formula."""

import numpy as np
import pytest
from test_stock import shop  # noqa: F401  # a fixture

from helpers.book import open_book
from helpers.stock_and_fulfilment import ordering


def test_mac_s_newsstand():
    """Nahmias, Production and Operations Analysis, example 5.1: bought at 0.25, sold at 0.75, worth 0.10 when left; demand 11.73 ± 4.74."""
    critical = ordering.critical_ratio(0.75, 0.25, 0.10)
    assert critical == pytest.approx(0.77, abs=0.005)
    assert round(float(ordering.newsvendor(11.73, 4.74, critical))) == 15


def test_the_order_is_where_expected_profit_is_largest():
    price, cost, salvage, costs, mean, deviation = 100.0, 55.0, 20.0, 12.0, 400.0, 90.0
    demand = mean + deviation * np.sort(np.random.default_rng(5).standard_normal(20_000))
    orders = np.arange(250, 560)
    profit = [((price - costs) * np.minimum(q, demand) + salvage * np.maximum(q - demand, 0) - cost * q).mean() for q in orders]
    best = float(ordering.newsvendor(mean, deviation, ordering.critical_ratio(price, cost, salvage, costs)))
    assert abs(best - orders[int(np.argmax(profit))]) < 5


def test_a_sale_at_a_loss_orders_nothing_and_an_unknown_cost_says_nothing():
    assert float(ordering.newsvendor(100, 10, ordering.critical_ratio(10, 12, 3))) == 0
    assert np.isnan(ordering.newsvendor(100, 10, ordering.critical_ratio(10, float("nan"), 3)))


@pytest.mark.parametrize(
    ("service", "lead_deviation", "point"),
    [
        (0.5, 0.0, 90.0),
        (0.95, 0.0, 90 + 1.644854 * 4 * 3),
        (0.99, 0.0, 90 + 2.326348 * 12),
        (0.95, 2.0, 90 + 1.644854 * (9 * 16 + 100 * 4) ** 0.5),
    ],
)
def test_reorder_points_by_hand(service, lead_deviation, point):
    assert float(ordering.reorder_point(10, 4, 9, service, lead_deviation)) == pytest.approx(point, abs=1e-4)


def test_the_list_of_a_shop_worked_out_by_hand(shop):  # noqa: F811
    told = ordering.reorder_list(shop).set_index("entity")
    # Q: 10 units, one a day like a clock, two weeks to wait: short for sure. Up to 14 + 30 days: 34 more, at 2 each.
    assert told.loc["Q", ["usable", "cover_days", "reorder_point", "safety", "risk", "order", "order_cost"]].tolist() == [
        10,
        10,
        14,
        0,
        1,
        34,
        68,
    ]
    assert told.loc["Q", "at_risk"] == pytest.approx(4 * 3)  # four days without stock at 5 − 2
    assert str(told.loc["Q", "runs_out_on"].date()) == "2025-05-10"
    deviation = ((1804 - 134**2 / 11) / 10 / 7) ** 0.5
    assert told.loc["P", "reorder_point"] == pytest.approx(1.75 * 14 + 1.644854 * deviation * 14**0.5, abs=1e-4)
    assert told.loc["P", "usable"] == 55 and told.loc["P", "order"] == 0 and told.index[0] == "Q"


def test_the_sample_orders_what_runs_out():
    told = ordering.reorder_list(open_book("data/sample", "2025-12"))
    assert set(told[told["order"] > 0]["entity"]) == {"P014", "P015"}
    assert (told.loc[told["cover_days"] < told["lead_time_days"], "order"] > 0).all()


def test_goods_of_a_season():
    told = ordering.season_orders(open_book("data/sample", "2025-12")).set_index("entity")
    jacket = told.loc["P008"]
    assert jacket["critical_ratio"] == pytest.approx(
        (jacket["price"] - jacket["costs"] - jacket["unit_cost"]) / (jacket["price"] - jacket["costs"] - jacket["salvage"])
    )
    assert jacket["quantity"] - jacket["left_over"] == jacket["order"]
    assert told.loc["P003", "order"] == 0  # dead since August, and still there
    assert ordering.season_orders(open_book("data/sample", "2024-06")).empty  # less than a year behind it
