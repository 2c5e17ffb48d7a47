"""Pacing: days of a month against its target, held against figures worked by hand, the contract's check values and identities."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from folders import write
from hypothesis import given
from hypothesis import strategies as st
from test_weights import HEAD, MEANS, by_weekday, lines, november  # noqa: F401  # november is a fixture

from helpers import days as of_book
from helpers.book import open_book
from helpers.facts import COUNTED, LEVELS, facts, month_targets
from helpers.targets_and_pacing import pacing


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


# ---- daily targets -----------------------------------------------------------------------------------------------------------------


def test_the_check_values_of_the_contract_through_a_book(november):  # noqa: F811
    told = pacing.pace(november)
    assert (f"{told['progress']:.2%}", round(told["landing"])) == ("42.16%", 2_727_832)
    assert (f"{told['pace_index']:.1%}", f"{told['calendar_pace_index']:.1%}") == ("90.9%", "95.8%")
    assert f"{told['required_change']:+.1%}" == "+17.2%"
    assert told["as_of"] == pd.Timestamp("2025-11-12") and told["days_left"] == 18
    assert told["unit_value"] == pytest.approx(1_150_000 / (0.4215801886792453 * 42.4))
    kinds = pacing.day_kinds(november).set_index("day")
    assert kinds.loc["Saturday", "daily_target"] == pytest.approx(132_665.09, abs=0.01)
    assert kinds.loc["double eleven", ["days", "weight", "daily_target"]].tolist() == [1, 3.0, 212_264.15]
    assert kinds["days"].sum() == 30


@given(
    st.integers(min_value=1, max_value=10**11),
    st.lists(st.floats(min_value=0, max_value=5, allow_nan=False), min_size=1, max_size=31).filter(lambda weights: sum(weights) > 0.01),
)
def test_daily_targets_add_up_to_the_cent_and_none_is_a_cent_off(cents, weights):
    target, weights = cents / 100, pd.Series(weights)
    found = pacing.daily_targets(target, weights)
    assert sum(round(Decimal(value) * 100) for value in found) == cents
    exact = weights / weights.sum() * target
    assert (found - exact).abs().max() < 0.01 + 1e-9 * target


@pytest.mark.parametrize("target", [0.0, -5.0, float("nan")])
def test_there_is_nothing_to_split_in_a_target_of_nothing(target):
    assert pacing.daily_targets(target, pd.Series([1.0, 2.0])).isna().all()


# ---- how far the data reach --------------------------------------------------------------------------------------------------------


def shop(tmp_path, sold, **files):
    """A company that sold 100 a day on these days; more files by name."""
    sold = pd.DatetimeIndex(sold)
    made = {"order_lines.csv": HEAD + lines(sold, [100.0] * len(sold))}
    return str(write(tmp_path, made | {f"{name}.csv": text for name, text in files.items()}))


TARGETS = "month,level,entity,metric,target\n"


def test_a_month_runs_until_its_days_are_there_or_another_begins(tmp_path):
    half = pd.date_range("2025-04-01", "2025-05-17")
    assert of_book.as_of(open_book(shop(tmp_path / "a", half), "2025-05")) == pd.Timestamp("2025-05-17")
    assert of_book.as_of(open_book(str(tmp_path / "a"), "2025-04")) == pd.Timestamp("2025-04-30")
    more = half.append(pd.DatetimeIndex(["2025-06-01"]))
    assert of_book.as_of(open_book(shop(tmp_path / "b", more), "2025-05")) == pd.Timestamp("2025-05-31")
    weekly = pd.date_range("2025-04-07", "2025-05-26", freq="7D")  # nothing since the 26th is no silence here
    assert of_book.as_of(open_book(shop(tmp_path / "c", weekly), "2025-05")) == pd.Timestamp("2025-05-31")
    one = open_book(shop(tmp_path / "d", ["2025-05-03"]), "2025-05")
    assert of_book.as_of(one) == of_book.evening(one, "2025-05-20") == pd.Timestamp("2025-05-03")
    assert of_book.evening(one, "2025-03-01") == pd.Timestamp("2025-04-30")  # the eve


def test_the_days_of_a_month_add_up_to_its_facts(sample):
    """Every target of the sample, at every level and for every measure: the daily figures are the monthly ones, split."""
    targets = month_targets(sample)
    for (level, metric), rows in targets.groupby(["level", "metric"]):
        if level not in LEVELS or level not in COUNTED.get(metric, LEVELS):
            continue
        frame = of_book.daily(sample, level, metric).loc["2025-12-01":]
        column = "attainment" if metric == "net_sales" else f"attainment_{metric}"
        known = facts(sample, level).set_index("entity")[column]
        for row in rows.itertuples():
            assert frame[row.entity].sum() / row.target == pytest.approx(known[row.entity], rel=1e-9, abs=1e-9), (level, metric, row.entity)


def test_contribution_by_day_adds_up_at_every_level(sample):
    whole = of_book.daily(sample, "company", "contribution")["company"]
    monthly = whole.groupby(whole.index.strftime("%Y-%m")).sum()
    for level in ("store", "channel", "product", "employee", "campaign"):
        days = of_book.daily(sample, level, "contribution").sum(axis=1)
        assert (days.groupby(days.index.strftime("%Y-%m")).sum() - monthly).abs().max() < 1e-6, level


def test_some_entities_are_columns_of_all(sample):
    for level, metric in (("product", "net_sales"), ("employee", "contribution"), ("store", "orders"), ("channel", "collections")):
        every = of_book.daily(sample, level, metric)
        some = of_book.daily(sample, level, metric, (every.columns[2], "nobody"))
        assert some[every.columns[2]].equals(every[every.columns[2]]) and not some["nobody"].any() and some.shape[1] == 2


# ---- pace ----------------------------------------------------------------------------------------------------------------------------


def test_pace_worked_by_hand(tmp_path):
    """100 a day, flat weights: after 10 of 31 days 1 000 of 6 200; landing 3 100; 5 200 in 21 days is 247.62 a day, 147.6 % more."""
    book = open_book(
        shop(tmp_path, pd.date_range("2025-05-01", "2025-05-10"), targets=TARGETS + "2025-05,company,company,net_sales,6200\n"), "2025-05"
    )
    told = pacing.pace(book)
    assert told[["actual", "landing", "gap", "days_left", "weight_left"]].tolist() == pytest.approx([1000, 3100, 3100, 21, 21])
    assert told[["attainment", "progress", "pace_index"]].tolist() == pytest.approx([1000 / 6200, 10 / 31, 0.5])
    assert (told["required"], told["required_change"]) == (pytest.approx(5200 / 21), pytest.approx(1.476, abs=0.001))
    early = pacing.pace(book, as_of="2025-05-04")
    assert (early["actual"], early["landing"]) == (400, pytest.approx(3100))
    assert pacing.pace(book, target=100)["required"] == 0  # reached already: nothing more is needed
    assert "147.6% more than so far (CNY 248)" in pacing.pace_said(told, "CNY")


def test_one_day_and_the_eve_of_a_month(tmp_path):
    book = open_book(shop(tmp_path, ["2025-04-30", "2025-05-01"], targets=TARGETS + "2025-05,company,company,net_sales,6200\n"), "2025-05")
    one = pacing.pace(book)
    assert one["landing"] == 3100 and "multiplies a single day" in one["why"]
    eve = pacing.pace(book, as_of="2025-04-30")
    assert eve["actual"] == 0 and np.isnan(eve["landing"]) and np.isnan(eve["pace_index"]) and "has not begun" in eve["why"]
    assert eve["required"] == pytest.approx(6200 / 31)


@pytest.mark.parametrize(("target", "words"), [("0", "The target of the company is 0"), ("-50", "The target of the company is −50")])
def test_a_target_of_nothing_is_blank_and_says_so(tmp_path, target, words):
    text = TARGETS + f"2025-05,company,company,net_sales,{target}\n"
    told = pacing.pace(open_book(shop(tmp_path, pd.date_range("2025-05-01", "2025-05-10"), targets=text), "2025-05"))
    assert told[["attainment", "pace_index", "required", "required_change", "gap"]].isna().all()
    assert told["landing"] == pytest.approx(3100) and words in told["why"] and "nothing can be attained" in told["why"]


def test_without_a_target_only_what_was_sold_is_told(tmp_path):
    told = pacing.pace(open_book(shop(tmp_path, pd.date_range("2025-05-01", "2025-05-10")), "2025-05"))
    assert np.isnan(told["target"]) and told["why"].startswith("No net sales target is set for the company")
    assert "nan" not in pacing.pace_said(told, "CNY")


def test_days_before_a_store_opened_weigh_nothing(tmp_path):
    """Opened on 22 May with 100 a day until the 26th: half of its ten days are gone, and it lands at 1 000."""
    rows = HEAD + lines(pd.date_range("2025-04-01", "2025-05-26"), [100.0] * 56, "old")
    rows += lines(pd.date_range("2025-05-22", "2025-05-26"), [100.0] * 5, "new", start=500)
    files = {"order_lines.csv": rows, "targets.csv": TARGETS + "2025-05,store,new,net_sales,2000\n"}
    told = pacing.pace(open_book(str(write(tmp_path, files)), "2025-05"), "store", "new")
    assert told[["progress", "pace_index", "landing", "actual"]].tolist() == pytest.approx([0.5, 0.5, 1000, 500])
    assert "Store new sold for the first time on 2025-05-22: the days before weigh nothing." in told["why"]


def test_only_closed_days_have_passed(tmp_path):
    """Closed on Mondays: after the evening of Monday, 1 September, there is no pace yet, and nothing is divided by zero."""
    year = pd.date_range("2024-09-01", "2025-08-31")
    rows = lines(year, by_weekday(year, [0, *MEANS[1:]])) + lines(pd.DatetimeIndex(["2025-09-02"]), [50.0], start=900)
    files = {"order_lines.csv": HEAD + rows, "targets.csv": TARGETS + "2025-09,company,company,net_sales,3000\n"}
    book = open_book(str(write(tmp_path, files)), "2025-09")
    told = pacing.pace(book, as_of="2025-09-01")
    assert told[["landing", "unit_value", "pace_index"]].isna().all() and "Only days that weigh nothing have passed" in told["why"]
    assert pacing.pace(book)["unit_value"] == pytest.approx(50.0)  # a Tuesday weighs 1


def test_eleven_days_without_stock_are_told(tmp_path):
    days = pd.date_range("2025-05-01", "2025-05-31")
    counts = "".join(f"{day:%Y-%m-%d},S,P,{0 if 5 <= day.day < 16 else 9},\n" for day in days)
    counts += "".join(f"{day:%Y-%m-%d},S,never sold,0,\n" for day in days)
    files = {
        "inventory": "date,store,product_id,on_hand,reserved\n" + counts,
        "products": "product_id,name,category\nP,Tea <b>pot</b>,tea\n",
    }
    book = open_book(shop(tmp_path, days.append(pd.DatetimeIndex(["2025-06-01"])), **files), "2025-05")
    found = pacing.stock_outs(book)
    assert found[["product_id", "store", "days_out", "days_counted"]].values.tolist() == [["P", "S", 11, 31]]
    words = (
        "Tea <b>pot</b> had an empty shelf in S on 11 of 31 counted days: the landing is of what could be sold, not of what was asked for."
    )
    for level, entity in (("product", "P"), ("store", "S"), ("category", "tea"), ("company", None)):
        assert words in pacing.pace(book, level, entity)["why"]
    assert "shelf" not in pacing.pace(book, "channel", "web")["why"]
    assert pacing.stock_outs(book, as_of="2025-05-07")["days_out"].tolist() == [3]


def test_paces_of_all_evenings(november):  # noqa: F811
    frame = pacing.days_paced(november)
    assert len(frame) == 12 and frame["landing"].iloc[-1] == pytest.approx(2_727_832, abs=1)
    assert f"{frame['pace_index'].iloc[-1]:.1%} {frame['calendar_pace_index'].iloc[-1]:.1%}" == "90.9% 95.8%"
    assert set(pacing.pace_lines(frame)["what"]) == {"by weight", "by the calendar"}
    # 1 and 2 November are a weekend: 191 666.66 of 3 000 000 in 2 of 30 days, and in 3.625 of 42.4 of the weight
    second = frame.iloc[1]
    assert second["calendar_pace_index"] == pytest.approx(191_666.66 / 3e6 * 15) and second["pace_index"] == pytest.approx(
        191_666.66 / 3e6 * 42.4 / 3.625
    )
    assert "evenings the calendar and the weights disagree" in pacing.pace_lines_said(frame)


# ---- days against each other ---------------------------------------------------------------------------------------------------------


def test_levels_take_the_weekday_out_and_leave_the_special_day_in(november):  # noqa: F811
    frame = pacing.levels(november, months=2).set_index("day")
    october = frame.loc["2025-10-02":"2025-10-31"]
    assert october["level"].to_numpy() == pytest.approx(80.0)  # every ordinary day is worth a Monday
    assert frame.loc["2025-10-01", ["level", "special"]].tolist() == [pytest.approx(900 / 1.05), "national day"]
    assert frame.index[-1] == pd.Timestamp("2025-11-12")


def test_promotions_worked_by_hand(tmp_path):
    """Flat weights, 100 a day; two days of 250; 80 a day for the week after: lift 150 %, decay −20 %."""
    days = pd.date_range("2025-04-01", "2025-05-31")
    amounts = pd.Series(100.0, index=days)
    amounts["2025-05-10":"2025-05-11"] = 250.0
    amounts["2025-05-12":"2025-05-18"] = 80.0
    calendar = "date,name,kind,weight\n2025-05-10,sale,promotion,2\n2025-05-11,sale,promotion,2\n2025-05-30,late,promotion,\n"
    files = {"order_lines.csv": HEAD + lines(days, amounts), "calendar.csv": calendar}
    frame = pacing.promotions(open_book(str(write(tmp_path, files)), "2025-05")).set_index("promotion")
    sale = frame.loc["sale"]
    assert sale[["before", "during", "after"]].tolist() == [100, 250, 80]
    assert sale[["lift", "decay"]].tolist() == pytest.approx([1.5, -0.2])
    assert [f"{sale[name]:%d}" for name in ("first_day", "last_day")] == ["10", "11"]
    assert frame.loc["late", "lift"] == 0 and np.isnan(frame.loc["late", "decay"])  # one day is no week
    assert pacing.promotions_said(frame.reset_index()) == (
        "sale of 2025-05-10 lifted sales by 150% over the days before; in the days after it they stood 20% below the days before."
    )


def test_nothing_to_compare_is_said(tmp_path):
    book = open_book(shop(tmp_path, ["2025-05-03"]), "2025-05")
    assert "no promotion" in pacing.promotions_said(pacing.promotions(book))
    assert pacing.levels(book, "store", "nobody")["sales"].sum() == 0
    assert pacing.levels_said(pacing.levels(book, "store", "nobody"), book.first_day, "CNY") == "There is no ordinary day to compare yet."
