"""The weekly weight index: the contract's check values, the test behind it, and every case in which days weigh all the same."""

import numpy as np
import pandas as pd
import pytest
from folders import TOML, write
from scipy import stats

from helpers.book import open_book
from helpers.targets_and_pacing import weights
from helpers.targets_and_pacing.weights import WEEKDAYS, history_weights, week_index, weekday_test, weekday_weights

MEANS = [80, 82, 84, 90, 110, 150, 140]  # Monday to Sunday, from the source
STORE = [11, 9, 10, 12, 14, 26, 24]


def lines(days, amounts, store="S", channel="web", start=1) -> str:
    """An order a day of these amounts; days of nothing have no order."""
    rows = [
        f"{n},1,{day:%Y-%m-%d},{store},{channel},P,1,{amount:.2f}\n"
        for n, (day, amount) in enumerate(zip(days, amounts, strict=True), start)
        if amount
    ]
    return "".join(rows)


HEAD = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n"


def by_weekday(days, means, scale=1.0):
    return np.array(means, float)[days.day_of_week] * scale


@pytest.fixture(scope="module")
def november(tmp_path_factory):
    """A year whose weekdays sell exactly as in the source, special days that don't, and November 2025 up to the 12th with 1 150 000."""
    year = pd.date_range("2024-11-01", "2025-10-31")
    amounts = by_weekday(year, MEANS)
    special = {"2025-10-01": 900.0, "2025-06-18": 5.0, "2024-11-11": 400.0}  # must not reach the means
    amounts[year.isin(pd.to_datetime(list(special)))] = [special[f"{day:%Y-%m-%d}"] for day in year if f"{day:%Y-%m-%d}" in special]
    now = pd.date_range("2025-11-01", "2025-11-12")
    rows = lines(year, amounts) + lines(now, [95_833.33] * 11 + [1_150_000 - 11 * 95_833.33], start=1000)
    files = {
        "order_lines.csv": HEAD + rows,
        "calendar.csv": "date,name,kind,weight\n2024-11-11,double eleven,promotion,\n2025-10-01,national day,holiday,\n"
        "2025-06-18,outage,irregular,\n2025-11-11,double eleven,promotion,3.0\n",
        "targets.csv": "month,level,entity,metric,target\n2025-11,company,company,net_sales,3000000\n",
    }
    return open_book(str(write(tmp_path_factory.mktemp("november"), files)), "2025-11")


def test_the_check_values_of_the_contract(november):
    index = week_index(november)
    assert index.total == pytest.approx(9.2, abs=1e-9) and index.real and index.p_value < 1e-6
    assert index.weights.tolist() == pytest.approx([mean / 80 for mean in MEANS], abs=1e-9)
    assert index.days == 365 - 3
    month = weights.month_weights(november)
    assert month.sum() == pytest.approx(42.4, abs=1e-9) and len(month) == 30 and month["2025-11-11"] == 3.0


def test_a_special_day_weighs_what_days_of_its_name_weighed_before(tmp_path):
    """A feast that moves: in 2024 on a Saturday that sold twice a Saturday's worth; without a weight it weighs so much in 2025 too."""
    days = pd.date_range("2024-01-01", "2025-04-30")
    amounts = by_weekday(days, MEANS)
    amounts[days == "2024-05-11"] = 300.0  # twice 150: weight 2 × 1.875
    files = {"order_lines.csv": HEAD + lines(days, amounts) + lines(pd.date_range("2025-05-01", "2025-05-31"), [1.0] * 31, start=5000)}
    files["calendar.csv"] = (
        "date,name,kind,weight\n2024-05-11,moon feast,holiday,\n2025-05-06,moon feast,holiday,\n2025-05-20,first ever,promotion,\n"
    )
    book = open_book(str(write(tmp_path, files)), "2025-05")
    frame = weights.month_days(book).set_index("day")
    assert frame.loc["2025-05-06", ["weight", "weight_from", "special"]].tolist() == [pytest.approx(3.75), "history", "moon feast"]
    tuesday = frame.loc["2025-05-20"]
    assert (tuesday["weight"], tuesday["weight_from"]) == (pytest.approx(82 / 80), "weekday")
    assert set(frame.drop(pd.to_datetime(["2025-05-06"]))["weight_from"]) == {"weekday"}


def test_a_weight_of_its_own_wins_over_history(november):
    frame = weights.month_days(november).set_index("day")
    assert frame.loc["2025-11-11", "weight_from"] == "calendar"


def test_history_of_a_name_is_a_ratio_of_sums_and_needs_normal_days_around():
    days = pd.date_range("2025-03-01", periods=40)
    sold = pd.DataFrame({"a": 10.0, "b": 0.0}, index=days)
    sold.loc[days[10], "a"], sold.loc[days[25], "a"] = 30.0, 50.0
    special = pd.DataFrame({"date": [days[10], days[25]], "name": ["feast", "feast"]})
    flat = pd.DataFrame({"a": [1.0] * 7, "b": [1.0] * 7})
    found = history_weights(sold, flat, special, pd.Timestamp("2026-01-01"))
    assert found.loc["feast", "a"] == 4.0  # (30 + 50) ÷ (10 + 10)
    assert np.isnan(found.loc["feast", "b"])  # nothing was sold around it
    assert history_weights(sold, flat, special, pd.Timestamp("2029-01-01")).empty  # more than three years ago
    crowded = pd.DataFrame({"date": days, "name": "feast"})
    assert history_weights(sold, flat, crowded, pd.Timestamp("2026-01-01")).isna().all(axis=None)


def test_a_store_is_read_over_three_months_and_scaled_to_the_company(tmp_path):
    """Store A sells as in the source in its three months, and the other way round in all others; store B makes the company's 9.2."""
    days = pd.date_range("2024-05-01", "2025-05-31")
    three = days.strftime("%Y-%m").isin(["2025-04", "2025-05", "2024-06"])
    a = np.where(three, by_weekday(days, STORE), by_weekday(days, STORE[::-1]))
    b = by_weekday(days, MEANS, 100) - a
    june = pd.date_range("2025-06-01", "2025-06-30")
    rows = lines(days, a, "A") + lines(days, b, "B", start=1000) + lines(june, [1.0] * 30, "A", start=3000)
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + rows})), "2025-06")
    index = week_index(book, "store", "A")
    assert week_index(book).total == pytest.approx(9.2) == index.total
    assert index.weights.round(3).tolist() == [0.955, 0.781, 0.868, 1.042, 1.215, 2.257, 2.083]  # published
    assert index.days == 30 + 31 + 30
    inside = open_book(str(tmp_path), "2025-06", "A")
    assert week_index(inside).total == pytest.approx(9.2)  # one company has one W, also in a store's scope
    assert week_index(inside, "store", "A").weights.tolist() == index.weights.tolist()
    table = weights.week_indices(book).set_index("entity")
    assert table.loc["A", [*WEEKDAYS]].astype(float).tolist() == pytest.approx(index.weights.tolist())
    assert week_index(book, "employee", "E1").weights.tolist() == week_index(book).weights.tolist()  # all else weighs as the company


def test_a_closed_weekday_weighs_nothing_and_is_not_the_smallest(tmp_path):
    days = pd.date_range("2024-05-01", "2025-05-31")
    rows = lines(days, by_weekday(days, [0, *MEANS[1:]])) + lines(pd.date_range("2025-06-02", "2025-06-30"), [1.0] * 29, start=2000)
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + rows})), "2025-06")
    index = week_index(book)
    assert index.weights.tolist() == pytest.approx([0, 1, 84 / 82, 90 / 82, 110 / 82, 150 / 82, 140 / 82])
    assert "Mondays weigh nothing" in index.why
    assert np.isfinite(weights.month_weights(book)).all()


@pytest.mark.parametrize(
    ("first", "words"),
    [("2025-05-01", "hold 3 whole weeks, and 6 are needed"), ("2025-06-01", "0 ordinary days")],
)
def test_too_little_history_is_flat_and_says_so(tmp_path, first, words):
    days = pd.date_range(first, "2025-06-30")
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + lines(days, by_weekday(days, MEANS))})), "2025-06")
    index = week_index(book)
    assert index.weights.tolist() == [1.0] * 7 and index.total == 7 and not index.real
    assert index.why.startswith("Flat:") and words in index.why
    assert weights.month_weights(book).tolist() == [1.0] * 30


def test_weekdays_that_chance_made_are_flat(tmp_path):
    days = pd.date_range("2024-06-01", "2025-06-30")
    noise = np.random.default_rng(5).lognormal(3, 0.4, len(days)).round(2)
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + lines(days, noise)})), "2025-06")
    index = week_index(book)
    assert index.weights.tolist() == [1.0] * 7 and "no weekday effect beyond chance" in index.why and index.p_value > 0.05
    assert week_index(book, "store", "never seen").weights.tolist() == [1.0] * 7


def test_the_limit_is_the_policy_s(tmp_path):
    days = pd.date_range("2024-06-01", "2025-06-30")
    noise = np.random.default_rng(5).lognormal(3, 0.4, len(days)).round(2)
    write(tmp_path, {"order_lines.csv": HEAD + lines(days, noise)}, TOML + "[policy.target]\nweekday_significance = 0.5\n")
    index = week_index(open_book(str(tmp_path), "2025-06"))
    assert index.real == (index.p_value <= 0.5)


def test_the_test_is_friedman_s():
    rng = np.random.default_rng(1)
    for _ in range(5):
        weeks = rng.lognormal(0, 0.5, (20, 7)) * rng.uniform(0.8, 1.2, 7)
        days = pd.date_range("2025-01-06", periods=140)
        found = weekday_test(pd.DataFrame({"x": weeks.ravel()}, index=days)).loc["x"]
        chi = stats.friedmanchisquare(*weeks.T).statistic
        assert found["p_value"] == pytest.approx(stats.f.sf(19 * chi / (20 * 6 - chi), 6, 6 * 19))
        assert found["weeks"] == 20


@pytest.mark.parametrize("weeks", [7, 13, 50])
def test_growth_and_large_days_are_no_weekday_effect(weeks):
    """Without a weekday effect the test says so in 95 of 100 cases, whatever else happens to the sales."""
    rng = np.random.default_rng(weeks)
    days = pd.date_range("2025-01-06", periods=7 * weeks)
    level = np.exp(0.01 * np.arange(len(days)))[:, None]  # doubles in ten weeks
    sales = level * rng.lognormal(0, 0.6, (len(days), 400)) + 50 * (rng.random((len(days), 400)) < 0.01)
    p_values = weekday_test(pd.DataFrame(sales, index=days))["p_value"]
    assert 0.02 <= (p_values <= 0.05).mean() <= 0.08
    real = sales * np.array([1, 1, 1, 1, 1.2, 1.8, 1.7])[days.day_of_week][:, None]
    assert (weekday_test(pd.DataFrame(real, index=days))["p_value"] <= 0.05).mean() > (0.3 if weeks == 7 else 0.7)


def test_weeks_with_a_special_day_are_left_out_of_the_test():
    days = pd.date_range("2025-01-06", periods=70)
    sales = pd.DataFrame({"x": np.arange(70.0) % 7}, index=days)
    assert weekday_test(sales)["weeks"].item() == 10
    assert weekday_test(sales.drop(days[[3, 33]]))["weeks"].item() == 8
    assert np.isnan(weekday_test(sales.iloc[:35])["p_value"].item())  # five weeks are too few
    assert np.isnan(weekday_test(sales * 0)["p_value"].item())


def test_weights_without_sales_are_all_the_same():
    assert weekday_weights(pd.Series([0.0] * 7), 9.1).tolist() == pytest.approx([1.3] * 7)
    assert weekday_weights(pd.Series([-5.0, 1, 1, 1, 1, 1, 2])).tolist() == [0, 1, 1, 1, 1, 1, 2]  # more refunds than sales


def test_the_sentence_names_what_it_rests_on(november):
    said = weights.week_said(week_index(november))
    assert said.startswith("The week index W is 9.20: a Saturday weighs 88% more than a Monday. Rests on 362 ordinary days")
