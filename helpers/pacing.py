"""Pacing: what each day weighs, how far the month is, and what must still be sold a day.

The weekly weight index (周权重指数) makes days comparable: sales ÷ weight reads a Monday against a Sunday. Source: the retail
practice of weighted daily targets; formulas and check values stand in the functions.
"""

from typing import NamedTuple

import pandas as pd

from helpers.book import Book


class WeekIndex(NamedTuple):
    """What each weekday weighs for a company, store or channel.

    weights: Series 0 = Monday … 6 = Sunday; company: the smallest is 1; store and channel: their sum is the company's W.
    total: W, the sum; real: does a test support the weekday effect; p_value: of that test (blank where it can't be made);
    days: ordinary days that it rests on; why: in words, what it rests on, and why it is flat where it is.
    """

    weights: pd.Series
    total: float
    real: bool
    p_value: float
    days: int
    why: str


def as_of(book: Book) -> pd.Timestamp:
    """The last day that the data reach within the book's month: its last day, unless the month is still running."""
    raise NotImplementedError


def week_index(book: Book, level: str = "company", entity: str | None = None) -> WeekIndex:
    """What does each weekday weigh? Flat, with words why, where history is too short or a test finds no weekday effect."""
    raise NotImplementedError


def month_days(book: Book, level: str = "company", entity: str | None = None) -> pd.DataFrame:
    """Every day of the book's month: day, weekday (0 = Monday), special (its name in the calendar, else blank), weight,
    weight_from (`weekday`, `calendar` or `history`)."""
    raise NotImplementedError


def month_weights(book: Book, level: str = "company", entity: str | None = None) -> pd.Series:
    """The weight of each day of the book's month, index: days. Other levels than store and channel weigh as the company does."""
    return month_days(book, level, entity).set_index("day")["weight"]


def daily_targets(target: float, weights: pd.Series) -> pd.Series:
    """A month's target split over days by weight, to the cent; in cents the days add up to the target exactly (largest remainder).

    Blank on all days for a target that is missing or ≤ 0.
    """
    raise NotImplementedError


def pace(book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales",
         as_of: pd.Timestamp | str | None = None, target: float | None = None) -> pd.Series:  # fmt: skip
    """How far is the month, and what is still needed? One entity and metric, on the evening of `as_of` (default: as_of(book)).

    target: default the month's own in `targets`. Keys: level, entity, metric, as_of, target, actual (to date), attainment
    (actual ÷ target), progress (Σ weights elapsed ÷ Σ weights), calendar_progress (days ÷ days), pace_index (attainment ÷ progress;
    1 = on pace), calendar_pace_index, unit_value (U = actual ÷ Σ weights elapsed), landing (U × Σ weights), gap (target − landing),
    required (what is still needed per unit of weight), required_change (required ÷ U − 1), days_left, weight_left, why (a sentence
    where something is missing or to be read with care, else blank). Figures that can't be known are blank.
    """
    raise NotImplementedError


def levels(book: Book, level: str = "company", entity: str | None = None, months: int = 3) -> pd.DataFrame:
    """Sales ÷ weight of each day of the last `months` months up to as_of: day, sales, weight, level, special (name, else blank).

    Here a special day weighs what its weekday weighs, so that what is special about it shows.
    """
    raise NotImplementedError


def promotions(book: Book, level: str = "company", entity: str | None = None, months: int = 12) -> pd.DataFrame:
    """What did each promotion of the calendar lift, and what followed it? One row per run of days of one name:
    promotion, first_day, last_day, before, during, after (sales ÷ weight, Σ ÷ Σ), lift (during ÷ before − 1), decay (after ÷ before − 1)."""
    raise NotImplementedError


def stock_outs(book: Book, as_of: pd.Timestamp | str | None = None) -> pd.DataFrame:
    """Which products had an empty shelf this month? product_id, store, days_out, days_counted (days with a count of that store)."""
    raise NotImplementedError
