"""BG/NBD and Gamma-Gamma: the published estimates on CDNOW, the papers' formulas as they are printed, and models that were simulated."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from real_sets import REAL, needed
from real_sets import company as real_company
from scipy.special import beta, gamma, hyp2f1
from test_customers import company

from helpers.book import open_book
from helpers.buyers import standing
from helpers.customers import lifetime

CDNOW = lifetime.BgNbd(0.243, 4.414, 0.793, 2.426, 0.0)


def printed_likelihood(model, x, t_x, T):  # noqa: N803
    """Formula (3) as the paper prints it, without logarithms."""
    r, alpha, a, b, _ = model
    stays = beta(a, b + x) / beta(a, b) * gamma(r + x) * alpha**r / (gamma(r) * (alpha + T) ** (r + x))
    gone = beta(a + 1, b + x - 1) / beta(a, b) * gamma(r + x) * alpha**r / (gamma(r) * (alpha + t_x) ** (r + x)) if x else 0.0
    return stays + gone


def printed_expectation(model, t, x, t_x, T):  # noqa: N803
    """Formula (10) as the paper prints it."""
    r, alpha, a, b, _ = model
    above = 1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    below = 1 + (a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0.0)
    return (a + b + x - 1) / (a - 1) * above / below


@pytest.mark.parametrize("x, t_x, T", [(0, 0, 30), (1, 5, 38.86), (2, 30.43, 38.86), (7, 20, 35.5), (26, 37, 38)])
def test_expected_purchases_are_the_papers(x, t_x, T):  # noqa: N803
    for weeks in (1, 39):
        assert lifetime.expected_purchases(CDNOW, weeks, x, t_x, T)[0] == pytest.approx(
            printed_expectation(CDNOW, weeks, x, t_x, T), rel=1e-7
        )


@pytest.mark.parametrize("model", [CDNOW._replace(r=9000.0, alpha=9000.0), CDNOW._replace(a=3000.0, b=9000.0), CDNOW._replace(a=0.01, b=90.0),
                                   CDNOW._replace(a=1.0)])  # fmt: skip
def test_extreme_models_stay_sound(model):
    """Where the closed form breaks down: the same mean by drawing customers, and more time never brings less."""
    rng = np.random.default_rng(1)
    pace, leaves = rng.gamma(model.r, 1 / model.alpha, 400_000), rng.beta(model.a, model.b, 400_000)
    drawn = [
        np.where(leaves > 1e-9, -np.expm1(-pace * leaves * weeks) / np.maximum(leaves, 1e-9), pace * weeks).mean() for weeks in (4, 52)
    ]
    assert lifetime.anybody(model, [4, 52]).tolist() == pytest.approx(drawn, rel=0.02)
    assert (np.diff(lifetime.anybody(model, np.arange(0, 300, 10))) > -1e-12).all()
    assert 0 <= lifetime.expected_purchases(model, 52, 3, 20, 30)[0] <= lifetime.expected_purchases(model, 104, 3, 20, 30)[0]


def test_nobody_known_is_the_printed_formula_too():
    r, alpha, a, b, _ = CDNOW
    printed = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + 39)) ** r * hyp2f1(r, b, a + b - 1, 39 / (alpha + 39)))
    assert lifetime.anybody(CDNOW, 39)[0] == pytest.approx(printed, rel=1e-7)


def simulated(customers: int, r=0.8, alpha=6.0, a=1.2, b=3.0):
    """Histories of customers who behave as the model says: each buys at a rate of its own and leaves after any purchase by chance."""
    rng = np.random.default_rng(7)
    rows = []
    for weeks in rng.uniform(10, 40, customers):
        pace, leaves = rng.gamma(r, 1 / alpha), rng.beta(a, b)
        at, last, times = 0.0, 0.0, 0
        while True:
            at += rng.exponential(1 / pace)
            if at > weeks:
                break
            last, times = at, times + 1
            if rng.random() < leaves:
                break
        rows.append((times, last, weeks))
    return (np.array(column) for column in zip(*rows, strict=True))


def test_the_likeliest_model_is_likeliest_by_the_printed_formula():
    x, t_x, T = simulated(300)  # noqa: N806
    found = lifetime.fit_bg_nbd(x, t_x, T)
    value = lambda model: sum(np.log(printed_likelihood(model, *row)) for row in zip(x, t_x, T, strict=True))  # noqa: E731
    assert found.log_likelihood == pytest.approx(value(found), rel=1e-9)
    for name in ("r", "alpha", "a", "b"):
        for factor in (0.97, 1.03):
            assert value(found._replace(**{name: getattr(found, name) * factor})) <= value(found) + 1e-6, name
    assert found.r == pytest.approx(0.8, rel=0.5) and found.alpha == pytest.approx(6, rel=0.5)
    twice = lifetime.fit_bg_nbd(np.append(x, x), np.append(t_x, t_x), np.append(T, T))
    counted = lifetime.fit_bg_nbd(x, t_x, T, np.full(300, 2))
    assert counted[:4] == pytest.approx(twice[:4], rel=1e-3) and counted.log_likelihood == pytest.approx(2 * found.log_likelihood, rel=1e-6)


def test_a_simulated_gamma_gamma_is_found_again():
    rng = np.random.default_rng(3)
    x = rng.integers(1, 9, 20_000)
    mean = rng.gamma(6 * x, 1 / (rng.gamma(4, 1 / 15.0, 20_000) * x))
    found = lifetime.fit_gamma_gamma(x, mean)
    assert (found.p, found.q, found.gamma) == (pytest.approx(6, rel=0.05), pytest.approx(4, rel=0.05), pytest.approx(15, rel=0.08))
    assert lifetime.fit_gamma_gamma(x, mean * 1000).gamma == pytest.approx(1000 * found.gamma, rel=1e-3)  # the same in any currency
    assert lifetime.expected_value(found, 1e9, 50.0) == pytest.approx(50, rel=1e-6)  # who is known well, is taken at their word


def regulars(folder, customers=60, step=20):
    """Everybody buys every `step` days, from a day of their own in the first month on; even ones stop in June."""
    lines = []
    for who in range(customers):
        day, end = date(2025, 1, 1) + timedelta(who % 28), date(2025, 6, 1) if who % 2 else date(2025, 12, 31)
        while day <= end:
            lines.append((f"c{who:03d}", day.isoformat(), 100 + who % 7, 60))
            day += timedelta(step)
    return company(folder, lines)


def test_a_books_expectations(tmp_path):
    book = open_book(regulars(tmp_path / "c"), "2025-12")
    frame = lifetime.expected(book).set_index("segment")
    # 30 still buy every 20 days, some 18 times a year; who stopped half a year ago after eight purchases is most probably gone, and even those who stay may leave one day
    assert frame.loc["all", "customers"] == 60 and frame.loc["at_risk", "customers"] == 30
    assert frame.loc["all", "purchases"] == pytest.approx(frame.drop("all")["purchases"].sum())
    each = book.sql(
        f"select segment, cast(avg(year_purchases) as double) as buys, avg(alive) as alive from {lifetime.expectations(book)} group by 1"
    )
    each = each.set_index("segment")
    assert each.loc["at_risk", "alive"] < 0.05 and 10 < each.loc["loyal", "buys"] < 18.3
    # all are customers of twelve months, so their contribution is 40 to 46 of each 100 to 106
    net = book.ladder(months=book.months).iloc[0]
    assert lifetime.rate(book) == pytest.approx(net["contribution"] / net["net_sales"])
    first = lifetime.dearest(book, 1).iloc[0]
    assert first["contribution"] == pytest.approx(first["purchases"] * first["spend"] * lifetime.rate(book))
    assert lifetime.expected_said(book, lifetime.expected(book)) and lifetime.model_said(book)


def test_the_holdout_counts_what_came(tmp_path):
    book = open_book(regulars(tmp_path / "c"), "2025-12")
    frame = lifetime.holdout(book).set_index("before")
    assert lifetime.kept_back(book) == 4
    # from September on, the 30 who go on buy every 20 days: those whose day is d bought last on some day of August
    days = [date(2025, 1, 1) + timedelta(who % 28) for who in range(0, 60, 2)]
    came = sum(1 for day in days for n in range(30) if date(2025, 9, 1) <= day + timedelta(20 * n) <= date(2025, 12, 31))
    assert frame.loc["all", ["customers", "came"]].tolist() == [60, came]
    tracked = lifetime.tracking(book)
    assert tracked[tracked["kept_back"] & (tracked["what"] == "came")]["purchases"].sum() == came
    assert tracked.groupby("month").size().eq(2).all() and len(tracked) == 24


def test_too_few_to_tell(tmp_path):
    book = open_book(company(tmp_path / "c", [("a", "2025-07-01", 10), ("a", "2025-07-09", 10), ("b", "2025-07-02", 10)]), "latest")
    assert lifetime.expected(book).empty and lifetime.dearest(book).empty and lifetime.holdout(book).empty and lifetime.tracking(book).empty
    assert "Only 1 customer bought again" in lifetime.expected_said(book, lifetime.expected(book))


def test_many_histories_are_rounded_to_weeks(tmp_path, monkeypatch):
    folder = regulars(tmp_path / "c")
    exact = lifetime.expected(open_book(folder, "2025-12")).set_index("segment")
    monkeypatch.setattr(lifetime, "MOST", 3)
    book = open_book(folder, "2025-12")
    assert (lifetime.histories(book)["T"] % 7 == 0).all() and lifetime.histories(book)["customers"].sum() == 60
    rounded = lifetime.expected(book).set_index("segment")
    assert rounded["customers"].to_dict() == exact["customers"].to_dict()
    assert rounded.loc["all", "contribution"] == pytest.approx(exact.loc["all", "contribution"], rel=0.05)


@needed
def test_the_published_estimates_of_cdnow(tmp_path):
    """r 0.243, α 4.414, a 0.793, b 2.426 and a log-likelihood of −9582.4 (Fader, Hardie and Lee 2005), from 39 weeks of 2,357 customers."""
    folder = real_company("cdnow", tmp_path)
    book = open_book(folder, "1997-09")
    found = lifetime.bg_nbd(book)
    assert lifetime.histories(book)["customers"].sum() == 2357
    assert [round(float(value), 3) for value in found[:4]] == [
        0.243,
        pytest.approx(4.414, abs=0.001),
        0.793,
        pytest.approx(2.426, abs=0.001),
    ]
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    # what came in the 39 weeks after, by repeat purchases before, as the walkthrough of the R package BTYD prints it
    later = open_book(folder, "1998-06")
    frame = lifetime.holdout(later, 9).set_index("before")
    assert frame["each_came"].round(4).tolist()[:5] == [0.2367, 0.6970, 1.3925, 1.5600, 2.5323]
    assert frame.loc["all", "came"] == lifetime.tracking(later, 9).query("kept_back and what == 'came'")["purchases"].sum()
    assert standing(later)


@needed
def test_the_published_gamma_gamma_of_cdnow():
    """p 6.25, q 3.74, γ 15.44 from the repeat purchases of 946 customers (Fader and Hardie 2013)."""
    lines = pd.read_fwf(
        REAL / "cdnow" / "sample.txt", colspecs=[(1, 6), (12, 20), (23, 32)], names=["who", "day", "amount"], dtype={"who": str, "day": str}
    )
    days = lines[lines["day"] <= "19970930"].groupby(["who", "day"], as_index=False)["amount"].sum()
    again = days[days.groupby("who").cumcount() > 0].groupby("who")["amount"].agg(["count", "mean"])
    again = again[again["mean"] > 0]
    found = lifetime.fit_gamma_gamma(again["count"], again["mean"])
    assert len(again) == 946
    assert (found.p, found.q, found.gamma) == (
        pytest.approx(6.25, abs=0.005),
        pytest.approx(3.74, abs=0.005),
        pytest.approx(15.44, abs=0.01),
    )
