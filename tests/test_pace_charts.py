"""Figures of pacing: any month is drawn small, the same each time and without a warning, and the marks stand where the numbers are."""

from io import BytesIO

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.pylabtools import print_figure
from matplotlib.colors import to_hex
from PIL import Image
from test_charts import NAMES

from helpers.targets_and_pacing import pace_charts
from helpers.text import LOSS

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def month(passed=14, factor=1.0, target=100.0, known=True):
    """Thirty days of 3 to 4 a day, a target of 100 and a fan from the evening of day `passed`."""
    days = pd.date_range("2025-06-01", periods=30)
    total = 3.4 * np.arange(1, 31) * factor
    open_ = np.arange(30) >= passed - 1
    frame = pd.DataFrame({"day": days, "target": np.arange(1, 31) / 30 * target, "actual": np.where(np.arange(30) < passed, total, np.nan)})
    frame["later"] = np.where(open_ & known, total, np.nan)
    for name, share in (("landing", 1.0), ("low_80", 0.9), ("high_80", 1.1), ("low_95", 0.8), ("high_95", 1.25)):
        frame[name] = np.where(open_, total[passed - 1] + (total - total[passed - 1]) * share, np.nan)
    return frame


def levels(count=90, special=9, factor=1.0):
    days = pd.date_range("2025-04-01", periods=count)
    names = [NAMES[place // 10 % len(NAMES)] if place % 10 < special / 9 and special else "" for place in range(count)]
    return pd.DataFrame({"day": days, "level": factor * (100 + 30 * np.sin(np.arange(count))), "special": names})


BINS = pd.DataFrame(
    {"forecast": [0.1, 0.5, 0.9], "reached": [0.15, 0.7, 0.88], "low": [0.08, 0.6, 0.8], "high": [0.2, 0.8, 0.95], "trials": [9, 1200, 80]}
)
DRAW = {
    "fan": (pace_charts.fan, {"running": month(known=False), "looked back": month(), "eve": month(1), "last day": month(30), "negative": month(factor=-1),
                              "no target": month(target=np.nan), "counts": month(factor=0.001), "no forecast": month().assign(**dict.fromkeys(("landing", "low_80", "high_80", "low_95", "high_95"), np.nan)),
                              "huge": month(factor=1e12, target=1e14), "zero": month(factor=0.0), "empty": month().head(0)}),
    "level_days": (pace_charts.level_days, {"quarter": levels(), "year": levels(365, 30), "one": levels(1, 0), "two years": levels(730, 0), "negative": levels(factor=-1),
                                            "all special": levels(20, 900), "blank": levels().assign(level=np.nan), "empty": levels().head(0)}),
    "reliability": (pace_charts.reliability, {"three": BINS, "one": BINS.head(1), "empty": BINS.head(0)}),
}  # fmt: skip
CASES = [(name, kind) for name, (_, cases) in DRAW.items() for kind in cases]


@pytest.mark.parametrize(("chart", "kind"), CASES)
def test_any_month_is_drawn_small_the_same_each_time_and_without_a_warning(chart, kind):
    draw, cases = DRAW[chart]
    before = cases[kind].copy()
    pictures = []
    for _ in range(2):
        ax = draw(cases[kind])
        pictures.append(print_figure(ax.figure))
        if kind in ("empty", "blank"):
            assert [text.get_text() for text in ax.texts] == ["nothing to show"]
    assert pictures[0] == pictures[1] and len(pictures[0]) < 45_000
    width, height = Image.open(BytesIO(pictures[0])).size
    assert width < 900 and height < 500
    pd.testing.assert_frame_equal(cases[kind], before)


@pytest.mark.parametrize("chart", DRAW)
def test_the_callers_axes_and_options_win(chart):
    draw, cases = DRAW[chart]
    _, own = plt.subplots()
    assert draw(next(iter(cases.values())), ax=own, ylabel="mine") is own and own.get_ylabel() == "mine"


def said(ax):
    return {text.get_text(): to_hex(text.get_color()).upper() for text in ax.texts}


def test_the_fan_ends_where_the_numbers_are_and_a_missed_landing_is_a_loss():
    short, enough = said(pace_charts.fan(month(factor=0.9))), said(pace_charts.fan(month()))
    assert short["landing 91.8"] == LOSS.upper() and enough["landing 102"] != LOSS.upper()
    assert {"target 100", "what came 91.8", "80%: 86.9 to 96.7"} <= short.keys()  # from 42.84 on day 14: 42.84 + 48.96 × 0.9
    over = said(
        pace_charts.fan(month(30, known=False).assign(**dict.fromkeys(("landing", "low_80", "high_80", "low_95", "high_95"), np.nan)))
    )
    assert set(over) == {"target 100", "sold 102"}


def test_texts_of_the_fan_stand_apart():
    ax = pace_charts.fan(month(target=102.0))
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert len(boxes) == 4 and all(low.y1 <= high.y0 + 1 for low, high in zip(boxes, boxes[1:], strict=False))


def test_special_days_are_named_as_text_and_only_the_farthest():
    frame = levels(60, 0)
    frame.loc[[5, 20, 40], "special"] = ["618", "<b>$x$", "quiet"]
    frame.loc[[5, 20], "level"] = [300.0, 5.0]
    found = said(pace_charts.level_days(frame, named=2))
    assert {"618", "<b>$x$"} <= found.keys() and "quiet" not in found
    assert any(text.startswith("median 1") for text in found)  # about 100, of the ordinary days


def test_a_reliable_bin_is_hollow():
    ax = pace_charts.reliability(BINS)
    faces = [to_hex(line.get_markerfacecolor()) for line in ax.lines[1:]]
    assert faces[0] == faces[2] == "#ffffff" and faces[1] != "#ffffff"
    assert [text.get_text() for text in ax.texts] == ["9", "1,200", "80"]
