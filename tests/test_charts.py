"""What the figures draw, against data worked out by hand; that hostile and odd data leave them readable, small and the same."""

from io import BytesIO

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from IPython.core.pylabtools import print_figure
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from helpers import charts
from helpers.text import LOSS

pytestmark = pytest.mark.filterwarnings("error")

NAMES = [
    "$x_1^2$ <b>",
    "产品名称很长的一个商品红色大号限量版本",
    "シャツ",
    "فستان أحمر",
    "🎁 gift",
    "a" * 10_000,
    "two\nlines \u202egnp",
    "\\frac{1}{2}",
    "tea",
]


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def frame(rows: int, factor: float = 1.0) -> pd.DataFrame:
    """Rows with hostile names, some of them losses; columns for every chart."""
    number = np.arange(rows)
    sales = 1000.0 * (rows - number)
    cost = -sales * (0.5 + 0.1 * (number % 7))
    return pd.DataFrame(
        {
            "name": [NAMES[i % len(NAMES)] + (str(i) if i >= len(NAMES) else "") for i in number],
            "part": "ads",
            "x": number,
            "net_sales": sales * factor,
            "cogs": cost * factor,
            "contribution": (sales + cost) * factor,
            "low": (sales + cost - 500) * factor,
            "high": (sales + cost + 500) * factor,
        }
    )


DRAW = {
    "ladder": lambda data, **o: charts.ladder(data[["net_sales", "cogs", "contribution"]].sum(min_count=1), "CNY", **o),
    "ladders": lambda data, **o: charts.ladders(data, "name", **o),
    "bars": lambda data, **o: charts.bars(data, "name", "contribution", "money", "CNY", **o),
    "bridge": lambda data, **o: charts.bridge(
        data.head(8), "name", "contribution", 9e4, 9e4 + data.head(8)["contribution"].sum(), currency="CNY", **o
    ),
    "gate": lambda data, **o: charts.gate(data, "name", "contribution", "low", "high", 1000, "below", "money", **o),
    "ranks": lambda data, **o: charts.ranks(data, "name", "net_sales", "contribution", "CNY", **o),
    "whale": lambda data, **o: charts.whale(data["contribution"], "CNY", **o),
    "lines": lambda data, **o: charts.lines(data, "x", "name", "contribution", "money", "CNY", 1000, **o),
    "scatter": lambda data, **o: charts.scatter(
        data, "name", "net_sales", "contribution", "net_sales", across={"even": 0}, down={"large": 5e3}, iso={"one": 5e8}, **o
    ),
    "parts": lambda data, **o: charts.parts(data, "name", "part", "contribution", 1000, "money", **o),
    "paired": lambda data, **o: charts.paired(data, "name", "net_sales", "contribution", "CNY", **o),
}
FEW = frame(9)
DATA = {
    "many": frame(70),
    "one": frame(1),
    "huge and negative": frame(9, -1e12),
    "zero": frame(9, 0.0),
    "blanks, one row label": FEW.assign(contribution=FEW["contribution"].where(FEW.index % 2 == 0)).set_axis([0] * 9),
    "no value": FEW.assign(contribution=np.nan, low=np.nan, high=np.nan, net_sales=np.nan, cogs=np.nan),
    "empty": FEW.head(0),
}


def png(ax) -> bytes:
    return print_figure(ax.figure)  # what a notebook stores


def margins(picture: bytes) -> tuple[int, ...]:
    """Pixels that stay white on the left, top, right and bottom."""
    image = Image.open(BytesIO(picture))
    left, top, right, bottom = image.convert("L").point(lambda level: 255 * (level < 200)).getbbox()
    return left, top, image.width - right, image.height - bottom


def test_a_figure_is_drawn_once_and_saved_as_anybody_asks(monkeypatch):
    ax, drawn, draw = DRAW["bars"](FEW), [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda figure, renderer: drawn.append(figure) or draw(figure, renderer))
    ax.figure.canvas.draw_idle()  # what pyplot does behind every cell
    stored = png(ax)
    picture = Image.open(BytesIO(stored))
    assert drawn == [ax.figure] and picture.mode == "P"
    width, height = (ax.figure.get_size_inches() * 100).astype(int)
    assert picture.size == (width, height)
    assert min(margins(stored)) >= 8, "nothing is cut off"
    assert print_figure(ax.figure, "svg").startswith("<?xml")
    half = BytesIO()
    ax.figure.savefig(half, format="png", dpi=50, bbox_inches=None)
    assert Image.open(half).size == (width // 2, height // 2)


def test_axes_that_are_added_are_laid_out_too_and_hidden_texts_take_no_room():
    usual, ax = DRAW["bars"](FEW), DRAW["bars"](FEW)
    charts._write(ax, -1e9, 0, "far away").set_visible(False)
    assert png(ax) == png(usual)
    ax.twinx().set_ylabel("mine")
    assert min(margins(png(ax))) >= 8


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def names(ax) -> list[str]:
    return [tick.get_text() for tick in ax.get_yticklabels()]


def widths(ax) -> list[float]:
    return [round(float(bar.get_width()), 4) for bar in ax.patches]


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("chart", DRAW)
def test_every_chart_draws_any_data_small_and_without_a_warning(chart, kind):
    before = DATA[kind].copy()
    ax = DRAW[chart](DATA[kind])
    picture = png(ax)
    assert len(picture) < 45_000
    width, height = Image.open(BytesIO(picture)).size
    assert width < 900 and height < 500
    assert min(margins(picture)) >= 8, "something is cut off"
    pd.testing.assert_frame_equal(DATA[kind], before)
    if kind == "empty" or (kind == "no value" and chart != "bridge"):
        assert texts(ax) == ["nothing to show"]


@pytest.mark.parametrize("chart", DRAW)
def test_the_same_data_gives_the_same_bytes_and_the_callers_axes_and_options_win(chart):
    assert png(DRAW[chart](FEW)) == png(DRAW[chart](FEW))
    mine = plt.figure().add_subplot()
    drawn = DRAW[chart](FEW, ax=mine, xlabel="$mine$", title="$t$")
    assert drawn is mine and mine.get_xlabel().startswith("$mine$") and mine.get_title() == "$t$"
    png(mine)


def test_eight_figures_of_many_rows_fit_a_notebook():
    assert sum(len(png(DRAW[chart](DATA["many"]))) for chart in list(DRAW)[:8]) * 4 / 3 < 250_000


def test_nothing_is_set_before_the_first_chart_and_fonts_are_installed_ones():
    from matplotlib import font_manager

    assert charts.fonts()[0] == "DejaVu Sans" and len(charts.fonts()) <= 2
    assert set(charts.fonts()) <= set(font_manager.fontManager.get_font_names())


def test_letters_without_a_font_become_boxes(monkeypatch):
    monkeypatch.setattr(charts, "fonts", lambda: ("DejaVu Sans",))
    charts._drawable.cache_clear()
    try:
        assert charts._name("中a🎁") == "□a□"
    finally:
        monkeypatch.undo()
        charts._drawable.cache_clear()


def test_names_are_no_math():
    ax = DRAW["bars"](FEW)
    assert names(ax)[0] == "$x_1^2$ <b>"
    assert not any(tick.get_parse_math() for tick in ax.get_yticklabels()) and not any(text.get_parse_math() for text in ax.texts)


def test_ladder_steps_start_where_the_one_above_ended():
    steps = {"contribution": -5, "net_sales": 80, "refunds": -25, "gross_sales": 100, "discounts": 0, "shipping_income": 5, "orders": 7}
    steps |= {"cogs": -60, "gross_profit": 20, "marketing": -25}
    ax = charts.ladder(pd.Series(steps), "CNY")
    assert names(ax) == ["gross sales", "shipping income", "refunds", "net sales", "cogs", "gross profit", "marketing", "contribution"]
    assert widths(ax) == [100, 5, -25, 80, -60, 20, -25, -5]
    assert [float(bar.get_x()) for bar in ax.patches] == [0, 100, 105, 0, 80, 0, 20, 0]
    assert texts(ax)[:8] == ["100", "5", "−25", "80", "−60", "20", "−25", "−5"]
    assert texts(ax)[9:17] == ["125.0%", "6.2%", "−31.2%", "100.0%", "−75.0%", "25.0%", "−31.2%", "−6.2%"]
    loss = ax.patches[-1]
    assert to_hex(loss.get_facecolor()).upper() == LOSS and loss.get_hatch()
    assert [to_hex(bar.get_facecolor()).upper() == LOSS for bar in ax.patches] == [False] * 7 + [True]


def test_ladders_are_shares_of_net_sales():
    data = pd.DataFrame(
        {"shop": ["a", "b", "c"], "net_sales": [200, 50, 0], "cogs": [-100, -55, -1], "contribution": [100, -5, -1], "payroll": 0}
    )
    ax = charts.ladders(data, "shop")
    assert names(ax) == ["a", "b", "c"] and widths(ax) == [0.5, 1.1, 0, 0.5, -0.1, 0]
    assert texts(ax) == ["50.0%", "110.0%", "–", "cogs", "50.0%", "−10.0%", "–", "contribution"]


def test_bridge_ends_where_it_should():
    data = pd.DataFrame({"cause": ["price", "mix"], "amount": [30, -50]})
    ax = charts.bridge(data, "cause", "amount", 1000, 980, ("May", "June"), "CNY")
    assert names(ax) == ["May", "price", "mix", "June"] and texts(ax) == ["1,000", "+30", "−50", "980", "CNY"]
    assert [(float(bar.get_x()), float(bar.get_width())) for bar in ax.patches] == [(1000, 30), (1030, -50)]


def test_bars_of_many_keep_the_largest_either_side_and_say_what_is_left_out():
    data = pd.DataFrame({"name": list("abcde"), "v": [1.0, -9, 5, np.nan, 3]})
    ax = charts.bars(data, "name", "v", top=2, currency="CNY")
    assert names(ax) == ["b", "c"] and widths(ax) == [-9, 5]
    assert ax.get_xlabel() == "v (CNY)\n2 smaller not drawn, 1 without a value"


@pytest.mark.parametrize(
    "side, order, fired", [("below", ["c", "b", "a"], [True, False, False]), ("above", ["a", "b", "c"], [True, False, False])]
)
def test_gate_at_the_threshold_passes_and_close_ones_are_hollow(side, order, fired):
    data = pd.DataFrame({"n": list("abc"), "v": [0.5, 0.3, 0.1], "low": [0.4, 0.2, 0.0], "high": [0.6, 0.4, 0.2]})
    ax = charts.gate(data, "n", "v", "low", "high", 0.3, side)
    dots = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert names(ax) == order
    assert [dot.get_color().upper() == LOSS for dot in dots] == fired
    assert [dot.get_markerfacecolor() == "white" for dot in dots] == [False, True, False]
    assert "hollow" in ax.get_xlabel()


def test_gate_shows_the_endless_as_an_arrow_with_its_value():
    data = pd.DataFrame({"n": list("ab"), "v": [np.inf, 30], "low": [np.nan, 20], "high": [np.nan, 40]})
    ax = charts.gate(data, "n", "v", "low", "high", 60, "above", "days")
    assert texts(ax)[:2] == ["∞", "30"] and [line.get_marker() for line in ax.lines if len(line.get_xdata()) == 1] == [">", "o"]


def test_ranks_are_those_of_all_rows_and_the_largest_fall_is_marked():
    data = pd.DataFrame({"n": list("abcdef"), "net_sales": [60, 50, 40, 30, 20, 10], "contribution": [-9, 50, 40, 30, 20, 10]})
    ax = charts.ranks(data, "n", "net_sales", "contribution", top=2)
    assert texts(ax)[:6] == ["1", "60", "a", "6", "−9", "a"]
    assert [line.get_color().upper() == LOSS for line in ax.lines] == [True, False]
    assert ax.get_xlabel() == "4 with smaller changes not drawn"


def test_whale_names_its_peak_and_its_end():
    ax = charts.whale(pd.Series([-10, 70, np.nan, -20, 30]), "CNY")
    assert ax.lines[0].get_ydata().tolist() == [0, 70, 100, 90, 70]
    assert texts(ax) == ["CNY 100 from the best 2", "CNY 70 after all 4: 2 lose CNY 30"]
    assert "1 without a value" in ax.get_xlabel()


def test_lines_are_named_at_their_ends_without_overlap_and_blanks_are_gaps():
    data = pd.DataFrame({"month": ["2025-01", "2025-02", "2025-03"] * 2, "n": list("aaabbb"), "v": [1, np.nan, 5, 0, 2, 5.01]})
    ax = charts.lines(data, "month", "n", "v")
    first = [line for line in ax.lines if len(line.get_xdata()) == 3]
    assert np.array_equal(first[0].get_ydata(), [1, np.nan, 5], equal_nan=True) and first[1].get_ydata().tolist() == [0, 2, 5.01]
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert texts(ax) == ["a", "b"] and not boxes[0].overlaps(boxes[1])


def test_scatter_labels_do_not_overlap_and_losses_are_marked():
    ax = DRAW["scatter"](DATA["many"])
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) > 10
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    assert [to_hex(points.get_facecolor()[0]).upper() == LOSS for points in ax.collections] == [False, True]


def test_parts_are_stacked_largest_first_and_marked_above_the_threshold():
    data = pd.DataFrame({"shop": list("aabb"), "part": ["ads", "fees"] * 2, "share": [0.10, 0.05, 0.12, 0.04]})
    ax = charts.parts(data, "shop", "part", "share", 0.15)
    assert names(ax) == ["b", "a"] and texts(ax) == ["▲ 16.0%", "15.0%", "ads", "fees", "15.0%"]
    assert widths(ax) == [0.12, 0.1, 0.04, 0.05] and [round(float(bar.get_x()), 2) for bar in ax.patches] == [0, 0, 0.12, 0.1]


def test_paired_has_exact_texts_and_marks_losses():
    ax = charts.paired(pd.DataFrame({"n": list("ab"), "sales": [4000.0, 1000], "profit": [-30.0, 10]}), "n", "sales", "profit", "CNY")
    assert texts(ax) == ["4 k", "1 k", "sales (CNY)", "−30", "10", "profit (CNY)"] and widths(ax) == [1, 0.25, -0.75, 0.25]
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True, False]


def test_the_loss_colour_is_exact_in_the_picture():
    picture = Image.open(BytesIO(png(DRAW["bars"](FEW)))).convert("RGB")
    assert tuple(int(LOSS[i : i + 2], 16) for i in (1, 3, 5)) in {colour for _, colour in picture.getcolors(100_000)}


def test_text_stays_grey_beside_more_shades_than_a_picture_keeps():
    ax = DRAW["bars"](FEW)
    for i in range(200):
        ax.axhspan(i / 25, (i + 1) / 25, color=(i / 250, i / 250, 1))
    shown = {colour for _, colour in Image.open(BytesIO(png(ax))).convert("RGB").getcolors(100_000)}
    assert len(shown) <= 48 and {colour for colour in shown if len(set(colour)) == 1 and colour[0] < 70} == {(51, 51, 51)}


def test_a_line_to_read_bars_against_is_drawn_also_where_no_bar_reaches_it():
    ax = charts.bars(pd.DataFrame({"who": ["a", "b"], "pace": [0.4, 0.9]}), "who", "pace", kind="percent", threshold=1)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() != "-"] == [1]
    assert ax.get_xlim()[1] > 1 and "100.0%" in [text.get_text() for text in ax.texts]
