"""Figures of capital and cash: what is drawn is what was given, nothing falls off, and no name or number breaks them."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from helpers.capital_and_cash import cash_charts
from helpers.text import LOSS


@pytest.fixture(autouse=True)
def strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def drawn(ax) -> list[str]:
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.texts]


GOODS = pd.DataFrame(
    {"name": ["茶壶 $pot$", "tea", "dead", "gift"], "turns": [4.0, 40.0, 0.0, 2.0], "margin": [0.45, 0.22, np.nan, -3.0],
     "inventory": [100.0, 10.0, 50.0, 5.0], "gmroi": [3.3, 11.3, 0.0, -1.5]}
)  # fmt: skip


def test_the_map_of_returns():
    ax = cash_charts.return_map(GOODS, ["tea"], "CNY")
    assert sorted(ax.collections[0].get_offsets().tolist()) == [[4.0, 0.45], [40.0, 0.22]]
    assert "tea" in drawn(ax)
    assert "1 without a value" in ax.get_xlabel() and "1 with a margin below −100% not drawn" in ax.get_xlabel()
    # Both goods lie where their curve says: margin = G ÷ (G + turns).
    for line in ax.lines:
        turns, margin = line.get_data()
        known = np.isfinite(margin)
        gmroi = turns[known] * margin[known] / (1 - margin[known])
        assert np.ptp(gmroi) < 1e-6 * gmroi.mean() and round(gmroi.mean(), 6) in cash_charts._STEPS


@pytest.mark.parametrize("rows", [[], [2], [3]])
def test_a_map_of_nothing(rows):
    assert drawn(cash_charts.return_map(GOODS.loc[rows])) == ["nothing to show"]


def test_one_product_alone_has_a_map():
    assert "tea" in drawn(cash_charts.return_map(GOODS.loc[[1]]))


def test_the_stack_of_months():
    frame = pd.DataFrame({"month": ["2025-01", "2025-02"] * 2, "item": ["stock"] * 2 + ["payables"] * 2, "amount": [5.0, 6.0, -2.0, -9.0]})
    ax = cash_charts.stacked(frame, "month", "item", "amount", "CNY")
    assert [(bar.get_y(), bar.get_height()) for bar in ax.patches] == [(0, 5), (0, 6), (0, -2), (0, -9)]
    assert [to_hex(bar.get_facecolor()) == LOSS.lower() for bar in ax.patches] == [False, False, True, True]
    assert ax.lines[0].get_ydata().tolist() == [3, -3]
    assert "all together −3" in drawn(ax) and "payables −9" in drawn(ax)
    assert drawn(cash_charts.stacked(frame.iloc[:0], "month", "item", "amount")) == ["nothing to show"]


def weeks(balance: list[float], **more) -> pd.DataFrame:
    ends = pd.date_range("2025-07-07", periods=len(balance), freq="7D")
    return pd.DataFrame({"week": range(1, len(balance) + 1), "ends": ends, "balance": balance, "low": np.nan, "high": np.nan}).assign(
        **more
    )


def test_the_weeks_to_come():
    ax = cash_charts.weeks(weeks([5.0, -1.0, 3.0]), 9.0, "CNY")
    assert "dry in week 2" in drawn(ax) and "expected 3" in drawn(ax)
    assert ax.lines[0].get_xdata().tolist() == [0, 1, 2, 3] and ax.lines[0].get_ydata().tolist() == [9, 5, -1, 3]
    assert not ax.collections  # without a range no band
    assert "2025-07-21" in ax.get_xlabel()
    ranged = cash_charts.weeks(weeks([5.0, 4.0], low=[1.0, -2.0], high=[8.0, 9.0], came=[4.0, np.nan]), 9.0, actual="came")
    assert "80%: −2 to 9" in drawn(ranged) and "what came 4" in drawn(ranged)
    assert drawn(cash_charts.weeks(weeks([]), 0.0)) == ["nothing to show"]
