"""Ranks and means of people: worked by hand, and nearer to the truth where it is known."""

import numpy as np
import pandas as pd
import pytest

from helpers.book import open_book
from helpers.team_efficiency import ranking, team


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def people(book):
    return team.people(book, team.names(book)).set_index("entity")


def test_ranks_by_sales_and_by_profit(people):
    ranked = ranking.ranked(people)
    assert ranked["sales_rank"].tolist() == [1, 2, 3, 4]
    assert ranked["profit_rank"].tolist() == [4, 1, 2, 3]
    assert ranking.read_ranked(ranked, "CNY").endswith("Most moved: Bo, from place 1 by sales to place 4 by profit.")


# ---- small samples ----------------------------------------------------------------------------------------------------------------


def test_means_of_orders_are_the_contribution_of_the_facts(people):
    sample = open_book("data/sample", "latest")
    frame = team.people(sample, team.names(sample))
    orders = ranking.per_order(sample, frame).merge(frame[["entity", "contribution"]], on="entity")
    assert (orders["mean"] * orders["orders"]).tolist() == pytest.approx(orders["contribution"].tolist())


def test_shrinking_worked_by_hand():
    # Noise 100/1 and 100/4. Precisions 0.01 and 0.04: centre 18; Q = 0.01 × 18² + 0.04 × 4.5² … for means 0 and 22.5: 4.05.
    # τ² = (4.05 − 1) ÷ (0.05 − 0.0017 ÷ 0.05) = 3.05 ÷ 0.016.
    told = ranking.shrink(pd.Series([0.0, 22.5]), pd.Series([1, 4]), 100.0)
    between = 3.05 / 0.016
    assert told["weight"].tolist() == pytest.approx([between / (between + 100), between / (between + 25)])
    assert 0 < told["shrunk"][0] < told["shrunk"][1] < 22.5


def test_without_differences_beyond_noise_all_stand_on_the_centre():
    told = ranking.shrink(pd.Series([9.0, 11.0]), pd.Series([4, 4]), 400.0)
    assert told["weight"].tolist() == [0, 0] and told["shrunk"].tolist() == [10, 10]
    assert (told["high"] - told["low"]).tolist() == pytest.approx([4 * np.sqrt(50)] * 2)  # the centre itself is uncertain


def test_shrunk_means_are_nearer_to_the_truth():
    rng = np.random.default_rng(3)
    worse = better = 0.0
    for _ in range(50):
        truth, orders = rng.normal(100, 10, 12), rng.integers(2, 40, 12)
        means = pd.Series(truth + rng.normal(0, 60, 12) / np.sqrt(orders))
        worse += ((means - truth) ** 2).sum()
        better += ((ranking.shrink(means, pd.Series(orders), 3600.0)["shrunk"] - truth) ** 2).sum()
    assert better < 0.7 * worse


# ---- weights ----------------------------------------------------------------------------------------------------------------------


def test_a_person_first_in_everything_stays_first():
    frame = pd.DataFrame({"who": list("abc"), "x": [3.0, 2, 1], "y": [9.0, 1, 5], "z": [np.nan] * 3})
    told = ranking.reweighted(frame, {"x": "x", "y": "y", "z": "z"}).set_index("who")
    assert list(told.columns) == ["x", "y", "even", "best", "worst", "places"]  # what nobody has is left out
    assert told.loc["a", ["best", "worst", "places"]].tolist() == [1, 1, 0]
    assert told.loc["b", ["x", "y", "best", "worst"]].tolist() == [2, 3, 2, 3]
