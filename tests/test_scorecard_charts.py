"""Figures of the scorecard: marks stand where the numbers are, any frame is drawn, and without a warning."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from test_charts import NAMES

from helpers.kpi_scorecard import scorecard_charts
from helpers.text import LOSS

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def draw(ax):
    ax.figure.canvas.draw()
    return ax


def test_the_best_cell_is_darkest_and_a_loss_is_marked():
    texts = pd.DataFrame({"a": ["−5", "3"], "b": ["7", "–"]}, index=["profit", "orders"])
    ax = draw(scorecard_charts.board(texts, pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, np.nan]}, index=texts.index)))
    tints = [sum(bar.get_facecolor()[:3]) for bar in ax.patches]
    assert tints[1] == tints[2] < tints[0] == tints[3] == 3  # white where worst or unknown
    assert [to_hex(text.get_color()).upper() for text in ax.texts[:2]] == [LOSS, "#333333"]


def test_places_have_a_panel_per_level_and_1_on_top():
    frame = pd.DataFrame({"level": ["store", "store", "team"], "entity": ["a", "b", "t"], "x_rank": [1, 2, 1], "y_rank": [2, 1, 1]})
    panels = scorecard_charts.places(frame, {"x_rank": "startup", "y_rank": "mature"}, "y_rank")
    draw(panels[0])
    assert [ax.get_xlabel() for ax in panels] == ["stores, by stage", "teams, by stage"]
    assert panels[0].yaxis_inverted() and [line.get_ydata().tolist() for line in panels[0].lines] == [[2, 1], [1, 2]]


def test_correlations_stand_in_their_order_with_their_ends():
    frame = pd.DataFrame({"kpi": ["a", "b", "c"], "r": [0.5, -0.2, np.nan], "low": [0.1, -0.6, np.nan], "high": [0.8, 0.3, np.nan],
                          "verdict": ["decides", "flatters", "not tested"]})  # fmt: skip
    ax = draw(scorecard_charts.correlations(frame))
    assert [segment.tolist() for segment in ax.collections[0].get_segments()] == [[[0.1, 0], [0.8, 0]], [[-0.6, 1], [0.3, 1]]]
    assert ax.get_xlabel() == "1 without a value"


def test_nothing_and_any_name_are_drawn():
    draw(scorecard_charts.board(pd.DataFrame(), pd.DataFrame()))
    draw(scorecard_charts.places(pd.DataFrame(columns=["level", "entity", "x_rank"]), {"x_rank": "startup"}, "x_rank")[0])
    draw(scorecard_charts.correlations(pd.DataFrame(columns=["kpi", "r", "low", "high", "verdict"])))
    names = list(NAMES)[:8]
    draw(scorecard_charts.board(pd.DataFrame("1", index=["x"], columns=names), pd.DataFrame(0.5, index=["x"], columns=names)))
    frame = pd.DataFrame({"level": "store", "entity": names, "x_rank": range(1, len(names) + 1)})
    draw(scorecard_charts.places(frame, {"x_rank": "startup"}, "x_rank")[0])
