"""Forecasts: where the month will land, how surely a target will be reached, and how good such forecasts were."""

import pandas as pd

from helpers.book import Book


def attainment_probabilities(
    book: Book, targets: pd.DataFrame | None = None, as_of: pd.Timestamp | str | None = None
) -> pd.DataFrame:
    """How probable is it that each target of the month is reached? One row per target, in the order of `targets`.

    targets: level, entity, metric, target (default: metrics.month_targets(book)). Added columns: as_of, actual (to date), progress
    (weighted), landing (median forecast), low_80, high_80, low_95, high_95 (of the landing), probability, shortfall (expected
    target − landing where it is missed), method, months (of history that it rests on), finished (the month is over: probability is
    1 or 0), why (in words, where the probability is blank or needs care, else blank).
    """
    raise NotImplementedError


def backtest(book: Book, days: tuple[int, ...] = (0, 7, 14, 21)) -> pd.DataFrame:
    """How good would these forecasts have been in the past? Every month of history as it looked after `days` days.

    One row per level, entity, month, days and method: level, entity, month, days, method, chosen (the method that would have been
    used then, chosen on earlier months only), actual (the month's net sales), landing, low_80, high_80, low_95, high_95, pinball (mean over
    quantiles ÷ the entity's mean month), targets' probability and outcome as lists are long: see `trials`.
    """
    raise NotImplementedError


def scores(tested: pd.DataFrame) -> pd.DataFrame:
    """The backtest in one row per method, the one in use first: method, months, coverage_80, coverage_95, pinball, brier."""
    raise NotImplementedError


def reliability(tested: pd.DataFrame, bins: int = 5) -> pd.DataFrame:
    """Of the months to which about x % was given, how many reached the target? bin, forecast (mean), reached (share), low, high, trials."""
    raise NotImplementedError


def what_if(outlook: dict, actual: float | None = None, target: float | None = None, weight: float | None = None) -> dict:
    """One turn of a slider: probability, required pace and landing for other sales to date, another target or event weight."""
    raise NotImplementedError
