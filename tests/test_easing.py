"""Easing off: what chance gives to honest simulated sellers, who is found, and the sample's planted one."""

import numpy as np
import pandas as pd
import pytest

from helpers import easing
from helpers.book import open_book


def _months(rng, keeps=1.0, tight=0.9, orders=1.5, months=12):
    """A year of one seller with log-normal orders; after the target is reached each order comes only with probability `keeps`."""
    year = []
    for _ in range(months):
        weights = 1 + 0.3 * np.sin(2 * np.pi * np.arange(30) / 7)
        sold = [rng.lognormal(0, 0.6, count) for count in rng.poisson(orders * weights)]
        goal = tight * orders * weights.sum() * np.exp(0.18) * rng.uniform(0.85, 1.1)
        daily, total = [], 0.0
        for day in sold:
            daily.append((day if total < goal else day[rng.random(len(day)) < keeps]).sum())
            total += daily[-1]
        year.append((goal, np.array(daily) / weights, np.array(daily)))
    return year


def _tried(seed, how_many, **kinds):
    rng = np.random.default_rng(seed)
    return pd.DataFrame([easing.after_target(_months(rng, **kinds), 300, seed + i) for i in range(how_many)]).query("months_met >= 3")


@pytest.mark.parametrize("tight", [0.8, 1.0])
def test_honest_people_are_flagged_no_more_often_than_promised(tight):
    told = _tried(11, 120, tight=tight)
    assert (told["p_value"] <= 0.05).mean() <= 0.11  # 5 %, and three standard errors
    assert told["level_after_target"].mean() == pytest.approx(1, abs=0.1)


def test_people_who_stop_are_found():
    told = _tried(12, 30, keeps=0.3, tight=0.85, orders=3)
    assert (told["p_value"] <= 0.01).mean() > 0.6
    assert told["level_after_target"].mean() < 0.7


def test_many_people_need_more_shuffles_than_few():
    assert not easing.holm(pd.Series([1 / 2001] + [0.5] * 29), 0.01).any()  # the smallest p that 2000 shuffles can give is too large for 30
    assert easing.holm(pd.Series([1 / 6001] + [0.5] * 29), 0.01).sum() == 1


def test_the_planted_one_is_found_and_nobody_else():
    sample = open_book("data/sample", "2025-12")
    told = easing.easing(sample)
    assert told.loc[told["significant"], "entity"].tolist() == ["E03"]
    assert easing.easing(open_book("data/sample", "2025-12", "cn-outlet")).empty  # targets are the company's
