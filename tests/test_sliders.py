"""The interactive cell: one turn of a slider is the forecast itself, at once; without a front end it is a picture, always the same."""

import time

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers import days, notebooks
from helpers.book import open_book
from helpers.targets_and_pacing import forecast, sliders


@pytest.fixture(scope="module")
def book():
    return open_book("data/sample", "2025-12")


@pytest.fixture(scope="module")
def now(book):
    return sliders.outlook(book, as_of="2025-12-14")


@pytest.mark.parametrize(
    ("level", "entity", "metric", "day"),
    [("company", None, "net_sales", "2025-12-14"), ("store", "us-shop", "contribution", "2025-12-03"), ("channel", "social", "net_sales", "2025-11-30"),
     ("employee", "E04", "net_sales", "2025-12-29"), ("company", None, "orders", "2025-12-10")],
)  # fmt: skip
def test_untouched_sliders_give_the_forecast(book, level, entity, metric, day):
    now = sliders.outlook(book, level, entity, metric, day)
    told = sliders.what_if(now)
    row = forecast.attainment_probabilities(book, as_of=day).set_index(["level", "entity", "metric"]).loc[(level, entity or level, metric)]
    for name in ("actual", "target", "attainment", "progress", "landing", "low_80", "high_80", "low_95", "high_95", "probability"):
        assert told[name] == pytest.approx(row[name], rel=1e-9), name


def test_each_slider_turns_the_right_way(now):
    base = sliders.what_if(now)
    for more, turn in {1: {"actual": now.actual * 1.1}, 2: {"target": now.target * 0.9}, 3: {"event_weight": now.event_weight * 3}}.items():
        told = sliders.what_if(now, **turn)
        assert told["probability"] > base["probability"] and told["required"] < base["required"], more
    assert sliders.what_if(now, actual=now.target)["probability"] == 1.0
    assert sliders.what_if(now, actual=now.target)["required"] == 0.0
    assert np.isnan(sliders.what_if(now, target=0)["probability"]) and np.isnan(sliders.what_if(now, target=-1)["required"])
    assert np.isfinite(sliders.what_if(now, event_weight=0)["required"])


def test_required_pace_worked_by_hand(now):
    """500 000 more to sell in the weight that is left, once the event weighs a unit more."""
    told = sliders.what_if(now, target=now.actual + 500_000, event_weight=now.event_weight + 1)
    assert told["required"] == pytest.approx(500_000 / (now.left + 1))
    assert told["required_change"] == pytest.approx(500_000 / (now.left + 1) / (now.actual / now.done) - 1)
    assert told["progress"] == pytest.approx(now.done / (now.done + now.left + 1))


def test_a_turn_takes_less_than_five_milliseconds(now):
    start = time.process_time()
    for place in range(200):
        sliders.panel(sliders.what_if(now, actual=now.actual + place), "CNY")
    assert (time.process_time() - start) / 200 < 0.005


def test_the_event_to_come_is_the_next_special_day_else_the_heaviest(book, now):
    assert now.event_day.day_name() == "Saturday" and now.event == ""
    early = sliders.outlook(book, as_of="2025-12-05")
    assert early.event == "双12" and early.event_weight == 1.6


def test_what_cannot_be_tried_says_so(book):
    assert sliders.outlook(book) == "Nothing to try: on 2025-12-31 the month is over."
    assert "has no net sales target above 0" in sliders.outlook(book, "store", "nowhere")
    assert sliders.scenarios(sliders.outlook(book)).empty
    assert sliders.pacing_widget(sliders.outlook(book), "CNY") is None
    assert days.trial_day(book) == book.first_day + pd.Timedelta(days=13)


def test_sliders_change_the_panel_in_the_kernel(now):
    box = sliders.pacing_widget(now, "CNY", sliders=True)
    sold, target, weight, told = box.children
    seen = [told.value]
    for slider, value in ((sold, now.actual + 300_000), (target, now.target * 0.9), (weight, now.event_weight + 1)):
        slider.value = value
        assert told.value not in seen
        seen.append(told.value)
    wanted = sliders.what_if(now, sold.value, target.value, weight.value)
    assert told.value == sliders.panel(wanted, "CNY") and f"{wanted['probability']:.1%}" in told.value


def test_names_are_no_markup(now):
    box = sliders.pacing_widget(now._replace(event="<script>x</script>\n双11"), "CNY", sliders=True)
    assert "\n" not in box.children[2].description and box.children[2].description_allow_html is False
    assert "<script>" not in box.children[3].value


def test_counts_have_no_currency(book):
    now = sliders.outlook(book, "company", None, "orders", "2025-12-14")
    assert "CNY" not in sliders.pacing_widget(now, "CNY", sliders=True).children[3].value


CELL = """from helpers import days
from helpers.targets_and_pacing import sliders
from helpers.book import open_book
book = open_book("data/sample", "2025-12", "company")
now = sliders.outlook(book, as_of=days.trial_day(book))
sliders.pacing_widget(now, book.currency)"""


def test_without_a_front_end_it_is_a_picture_always_the_same(tmp_path):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, tmp_path / "try.ipynb")
    runs = [notebooks.execute(tmp_path / "try.ipynb") for _ in range(2)]
    assert [failure for _, failure in runs] == [None, None]
    outputs = [[dict(output.data) for output in done.cells[-1].outputs] for done, _ in runs]
    assert [set(data) for data in outputs[0]] == [{"text/plain", "image/png"}]
    assert outputs[0][0]["image/png"] == outputs[1][0]["image/png"]


def test_odds_fall_as_the_target_rises(now):
    frame = sliders.odds(now)
    for _, rows in frame.groupby("sold"):
        assert rows["probability"].is_monotonic_decreasing
    at_target = frame[np.isclose(frame["target"], now.target)].set_index("sold")["probability"]
    assert at_target["a tenth more sold"] > at_target["as it is"] >= at_target["a tenth less sold"]
    assert sliders.scenarios(now).set_index("what").loc["as it is", "probability"] == pytest.approx(sliders.what_if(now)["probability"])
