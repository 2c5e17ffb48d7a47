"""Targets: what a day of the week weighs, so that days can be read against each other."""

import pandas as pd

from helpers.book import Book


def weekday_shares(days: pd.Series, sales: pd.Series, special: pd.Series) -> pd.Series:
    """Share of each weekday (0 = Monday) in a week's sales: mean by weekday over ordinary days ÷ their sum.

    days: dates; sales: the day's sales; special: True for holidays, make-up workdays, promotions and irregular days.

    >>> week = pd.Series(pd.date_range("2025-06-02", periods=7))
    >>> weekday_shares(week, pd.Series([1, 1, 1, 1, 1, 2, 3]), pd.Series([False] * 7)).tolist()
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.3]
    """
    means = sales[~special].groupby(days[~special].dt.day_of_week).mean().reindex(range(7), fill_value=0.0)
    return means / means.sum() if means.sum() > 0 else pd.Series(1 / 7, index=range(7))


def day_weights(book: Book, months: int) -> pd.Series:
    """Weight of each day of the last `months` months, 1 = a mean ordinary day; special days with their own weight of the calendar.

    Index: days. Special days without a weight of their own count as their weekday.
    """
    start = pd.Timestamp(book.months_back(months)[0] + "-01")
    days = pd.Series(pd.date_range(start, book.last_day))
    daily = book.sql(
        "select day, cast(sum(gross_sales + discounts + shipping_income) as double) as sales from ledger where kind = 'sale' and day between $start and $end group by day order by day",
        start=start.date(), end=book.last_day.date(),
    )  # fmt: skip
    sales = days.map(daily.set_index(pd.to_datetime(daily["day"]))["sales"]).fillna(0.0)
    calendar = book.sql("select date, cast(max(weight) as double) as weight from calendar group by date")
    own = days.map(calendar.set_index(pd.to_datetime(calendar["date"]))["weight"])
    special = days.isin(pd.to_datetime(calendar["date"]))
    shares = weekday_shares(days, sales, special)
    ordinary = days.dt.day_of_week.map(shares) * 7
    # A calendar weight is written on the scale of the weekly index, where the weakest weekday is 1.
    weakest = shares[shares > 0].min() * 7
    return pd.Series(own.mul(weakest).fillna(ordinary).to_numpy(), index=days)
