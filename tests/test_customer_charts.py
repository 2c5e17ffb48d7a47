"""The figures of customers: what is drawn and written, also where there is nothing, one row, or a loss."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from helpers.customers import customer_charts as charts
from helpers.text import LOSS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


EMPTY = {
    "heat": (charts.heat, ("cohort", "age", "retention")),
    "moved": (charts.moved, ()),
    "steps": (charts.steps, ()),
    "curve": (charts.curve, ("days", "share")),
    "tracked": (charts.tracked, ()),
    "paid_back": (charts.paid_back, ()),
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_said_to_be_nothing(name):
    chart, more = EMPTY[name]
    columns = ["cohort", "age", "retention", "days", "share", "cac", "channel", "month", "what", "purchases", "kept_back"]
    assert words(chart(pd.DataFrame(columns=columns), *more)) == ["nothing to show"]


def test_a_loss_in_the_grid_has_its_colour_and_rows_have_their_size():
    frame = pd.DataFrame({"cohort": ["2025-01", "2025-01", "2025-02"], "age": [1, 2, 1], "each": [-5.0, 10.0, 4.0], "customers": [7, 7, 9]})
    ax = charts.heat(frame, "cohort", "age", "each", "money", size="customers")
    assert [to_hex(bar.get_facecolor()).upper() for bar in ax.patches].count(LOSS) == 1
    assert {"−5", "10", "4", "7", "9", "customers"} <= set(words(ax))


def test_older_rows_are_counted_and_options_win():
    frame = pd.DataFrame({"cohort": [f"c{n:02d}" for n in range(15)], "age": 1, "retention": 0.5})
    ax = charts.heat(frame, "cohort", "age", "retention", xlabel="age")
    assert ax.get_xlabel() == "age\n3 earlier not drawn" and len(ax.patches) == 12


def test_a_customer_who_does_not_pay_back_is_a_loss():
    frame = pd.DataFrame(
        {"channel": ["网店 <b>", "b", "c"], "cac": [50.0, 90.0, None], "first": [60.0, 30.0, None], "so_far": [80.0, 70.0, None]}
    )
    ax = charts.paid_back(frame, "CNY")
    assert [to_hex(bar.get_facecolor()).upper() == LOSS for bar in ax.patches[:2]] == [False, True]
    assert "1 without a value" in ax.get_xlabel()


def test_a_step_beyond_all_is_cut_and_its_text_is_exact():
    frame = pd.DataFrame(
        {"step": ["orders_placed", "paid"], "number": [10.0, 12.0], "of": ["", "orders_placed"], "part": [None, 1.2], "cost": [None, 300.0]}
    )
    ax = charts.steps(frame, "CNY")
    assert ax.patches[1].get_width() == 1 and "120.0% of orders placed" in words(ax) and "–" in words(ax) and "300" in words(ax)


def test_months_that_were_kept_back_are_shaded():
    months = ["2025-01", "2025-02", "2025-03"]
    frame = pd.DataFrame(
        {
            "month": months * 2,
            "what": ["expected"] * 3 + ["came"] * 3,
            "purchases": [3.0, 2, 1, 4, 2, 0],
            "kept_back": [False, False, True] * 2,
        }
    )
    ax = charts.tracked(frame, ylabel="orders")
    assert len(ax.lines) == 2 and ax.patches[0].get_x() == 1.5 and ax.get_ylabel() == "orders"


def test_axes_of_the_caller_are_used():
    _, ax = plt.subplots()
    assert charts.curve(pd.DataFrame({"days": [5], "share": [0.2]}), "days", "share", (4, 9), ax=ax) is ax
    assert words(ax) == ["0.0%"]  # after four days nobody; nine are not over
