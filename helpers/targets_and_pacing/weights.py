"""The weekly weight index (周权重指数): what each day weighs, so that days can be read against each other.

Pure functions with the formulas come first, then what they give for a book. Company, stores and channels have weights of their own;
all else weighs as the company does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.days import calendar, daily
from helpers.text import join_names, number, percent

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FEWEST_WEEKS = 6  # whole ordinary weeks below which a weekday effect can't be tested
AROUND = 14  # days before and after a special day in which normal days are looked for
FEWEST_AROUND = 4  # normal days on one side below which nothing can be compared


class WeekIndex(NamedTuple):
    """What each weekday weighs for a company, store or channel.

    weights: Series 0 = Monday … 6 = Sunday; company: the smallest above 0 is 1; store and channel: their sum is the company's W.
    total: W, the sum; real: whether a test supports the weekday effect; p_value: of that test, blank where it can't be made;
    days: ordinary days that it rests on; why: in words, what it rests on, and why it is flat where it is.
    """

    weights: pd.Series
    total: float
    real: bool
    p_value: float
    days: int
    why: str


# ---- formulas ------------------------------------------------------------------------------------------------------------------


def weekday_weights(means: pd.Series | pd.DataFrame, total: float | None = None) -> pd.Series | pd.DataFrame:
    """What does each weekday weigh? Means by weekday ÷ the smallest that isn't zero, or scaled to add up to `total`; also by column.

    A weekday without sales (closed) weighs 0; without any sales all weigh the same. Source: weekly weight index.

    >>> means = pd.Series([80, 82, 84, 90, 110, 150, 140])
    >>> weekday_weights(means).tolist(), float(weekday_weights(means).sum().round(9))
    ([1.0, 1.025, 1.05, 1.125, 1.375, 1.875, 1.75], 9.2)
    >>> weekday_weights(pd.Series([11, 9, 10, 12, 14, 26, 24]), 9.2).round(3).tolist()
    [0.955, 0.781, 0.868, 1.042, 1.215, 2.257, 2.083]
    """
    sold = np.nan_to_num(means.to_numpy(float)).clip(min=0)
    sold = np.where(sold.any(axis=0), sold, 1.0)
    weights = sold / np.where(sold > 0, sold, np.inf).min(axis=0) if total is None else sold / sold.sum(axis=0) * total
    return pd.Series(weights, means.index) if means.ndim == 1 else pd.DataFrame(weights, means.index, means.columns)


def weights_of(days: pd.DatetimeIndex, weekdays: pd.Series, own: pd.Series | None = None) -> pd.Series:
    """The weight of each day: that of its weekday, or its own where `own` (by day) has one.

    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> float(november.sum().round(9))
    42.4
    """
    weights = pd.Series(weekdays.to_numpy(float)[days.day_of_week], index=days)
    return weights if own is None else own.astype(float).reindex(days).fillna(weights)


def weekday_test(sales: pd.DataFrame) -> pd.DataFrame:
    """Do weekdays differ, beyond what chance gives? Friedman's test: p_value and weeks (whole ones that it compares), per column.

    sales: ordinary days × entities, blank where an entity did not trade yet. Days are ranked within their week, Monday to Sunday, so
    that a trend, a season and single large days change nothing. F form of the statistic (Iman and Davenport 1980). p_value is blank
    with fewer than FEWEST_WEEKS whole weeks, and where all days of each week are the same.

    >>> days = pd.date_range("2025-01-06", periods=70)
    >>> growing = pd.DataFrame({"sundays": np.arange(70) * 5 + 40 * (days.day_of_week == 6), "steady": np.arange(70) % 3}, index=days)
    >>> weekday_test(growing)["weeks"].tolist(), (weekday_test(growing)["p_value"] < 0.01).tolist()
    ([10, 10], [True, False])
    """
    if sales.empty:
        return pd.DataFrame({"p_value": np.nan, "weeks": 0}, index=sales.columns)
    from scipy import special  # the whole of scipy.stats takes a second to import

    first = sales.index[0] - pd.Timedelta(days=sales.index[0].day_of_week)
    every = pd.date_range(first, sales.index[-1] + pd.Timedelta(days=6 - sales.index[-1].day_of_week))
    weeks = sales.reindex(every).to_numpy(float).reshape(-1, 7, sales.shape[1])
    whole = np.isfinite(weeks).all(axis=1)
    count = whole.sum(axis=0)
    rows = np.where(whole[:, None, :], weeks, 0.0).transpose(0, 2, 1)  # weeks × entities × 7
    ranks = pd.DataFrame(rows.reshape(-1, 7)).rank(axis=1).to_numpy().reshape(rows.shape)
    above = ((ranks - 4.0) * whole[:, :, None]).transpose(0, 2, 1)  # 4 is the middle rank
    with np.errstate(divide="ignore", invalid="ignore"):
        chi = 6 * (above.sum(axis=0) ** 2).sum(axis=0) / (above**2).sum(axis=(0, 1))
        p_value = np.where(chi >= 6 * count - 1e-9, 0.0, special.fdtrc(6, 6 * (count - 1), (count - 1) * chi / (6 * count - chi)))
    p_value = np.where((count >= FEWEST_WEEKS) & np.isfinite(chi), p_value, np.nan)
    return pd.DataFrame({"p_value": p_value, "weeks": count}, index=sales.columns)


def ordinary_days(sold: pd.DataFrame, start: pd.Timestamp, level: str, special: pd.Series) -> pd.DataFrame:
    """The days that a week index of the month that begins at `start` rests on: the contract's window without special days.

    Company: the year before. Store and channel: the two months before, and the same month last year.
    """
    year = pd.DateOffset(years=1)
    spans = (
        [(start - year, start)]
        if level == "company"
        else [(start - pd.DateOffset(months=2), start), (start - year, start - year + pd.DateOffset(months=1))]
    )
    inside = np.any([(sold.index >= first) & (sold.index < end) for first, end in spans], axis=0)
    return sold[inside & ~sold.index.isin(special)]


def weekday_means(ordinary: pd.DataFrame, significance: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means by weekday (7 × entities), and `weekday_test` with `real`; the means are all 1 where the test finds no weekday effect."""
    test = weekday_test(ordinary)
    test = test.assign(real=test["p_value"] <= significance)
    values, day = ordinary.to_numpy(float), ordinary.index.day_of_week
    sums, counts = (np.array([each[day == one].sum(axis=0) for one in range(7)]) for each in (np.nan_to_num(values), np.isfinite(values)))
    means = np.where(test["real"], sums / np.maximum(counts, 1), 1.0)
    return pd.DataFrame(means, columns=ordinary.columns), test


# ---- the index of a book -------------------------------------------------------------------------------------------------------


def own_level(level: str) -> str:
    """The level whose weights hold: stores and channels have their own, all else weighs as the company does."""
    return level if level in ("store", "channel") else "company"


def sold_before(book: Book, level: str) -> pd.DataFrame:
    """Net sales by day × entity up to the eve of the month, blank before an entity's first sale; the company's also in a store's scope."""
    frame = daily(book.whole() if level == "company" else book, level)
    frame = frame[frame.index < book.first_day]
    return frame.where((frame != 0).cummax())


def week_index(book: Book, level: str = "company", entity: str | None = None) -> WeekIndex:
    """What does each weekday weigh? Contract, section 3.

    Company: the year before the month without the calendar's days; mean by weekday ÷ the smallest. Store, channel: the two months
    before and the same month last year; mean by weekday, scaled to the company's W. Other levels: the company's. Flat, with words
    why, where there are fewer than FEWEST_WEEKS whole ordinary weeks or Friedman's test (see `weekday_test`) finds no weekday effect.
    """
    level = own_level(level)
    entity = "company" if level == "company" else entity
    if level not in book.memory.setdefault("week indices", {}):
        book.memory["week indices"][level] = _week_indices(book, level)
    found = book.memory["week indices"][level]
    return (
        found[entity]
        if entity in found
        else _flat(week_index(book).total if level != "company" else 7.0, "Flat: no sale before the month.")
    )


def _flat(total: float, why: str) -> WeekIndex:
    return WeekIndex(pd.Series(total / 7, index=range(7)), total, False, np.nan, 0, why)


def _week_indices(book: Book, level: str) -> dict[str, WeekIndex]:
    sold = sold_before(book, level)
    ordinary = ordinary_days(sold, book.first_day, level, calendar(book)["date"])
    means, test = weekday_means(ordinary, book.policy.target.weekday_significance)
    total = None if level == "company" else week_index(book).total
    span = "the year before the month" if level == "company" else "the two months before and the same month last year"
    meant = 365 if level == "company" else 90
    found = {}
    for entity in sold:
        weights, days = weekday_weights(means[entity], total), int(ordinary[entity].count())
        p_value, weeks, real = test.loc[entity, ["p_value", "weeks", "real"]]
        rests = f"{number(days)} ordinary day{'' if days == 1 else 's'} of {span}"
        if real:
            why = f"Rests on {rests}; that weekdays differ is more than chance (Friedman's test over {number(weeks)} whole weeks)."
            known = sold[entity].count()
            why += f" The history of {number(known)} days is shorter than that span." if known < meant else ""
            closed = [f"{WEEKDAYS[day]}s" for day in range(7) if weights[day] <= 0]
            why += f" {join_names(closed, 7)} weigh nothing: closed, or no sales." if closed else ""
        elif weeks < FEWEST_WEEKS:
            why = f"Flat: {rests} hold {number(weeks)} whole weeks, and {number(FEWEST_WEEKS)} are needed to tell weekdays apart."
        elif np.isnan(p_value):
            why = f"Flat: on {rests} the days of a week are all the same."
        else:
            why = f"Flat: {rests} show no weekday effect beyond chance (Friedman's test, p = {number(p_value, 2)})."
        found[entity] = WeekIndex(weights, float(weights.sum()), bool(real), float(p_value), days, why)
    return found


def history_weights(
    sold: pd.DataFrame, weekdays: pd.DataFrame, special: pd.DataFrame, start: pd.Timestamp, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """What did special days weigh before? Names × entities: Σ sales on the name's days in the three years before `start` ÷ Σ unit value
    of the normal days around each (up to AROUND days before and after). Blank without such days, or without normal days around them.

    sold: days × entities; weekdays: 7 × entities; special: date, name. A moving holiday is found by its name. names: only these.

    >>> days = pd.date_range("2025-03-01", periods=20)
    >>> sold, feast = pd.DataFrame({"shop": 10.0}, index=days), days[10]
    >>> sold.loc[feast] = 25.0
    >>> special = pd.DataFrame({"date": [feast], "name": ["feast"]})
    >>> history_weights(sold, pd.DataFrame({"shop": [1.0] * 7}), special, pd.Timestamp("2026-03-01")).loc["feast", "shop"].item()
    2.5
    """
    past = special[(special["date"] < start) & (special["date"] >= start - pd.DateOffset(years=3)) & special["date"].isin(sold.index)]
    past = past if names is None else past[past["name"].isin(names)]
    if past.empty:
        return pd.DataFrame(columns=sold.columns, dtype=float)
    values, normal = sold.to_numpy(float), ~sold.index.isin(special["date"])
    plain, days = values[normal], sold.index[normal]
    traded = np.isfinite(plain)
    weights = weekdays.to_numpy(float)[days.day_of_week] * traded
    sums, weight, count = (np.vstack([np.zeros(sold.shape[1]), each.cumsum(axis=0)]) for each in (np.nan_to_num(plain), weights, traded))
    gap = pd.Timedelta(days=AROUND)
    first, last = days.searchsorted(past["date"] - gap), days.searchsorted(past["date"] + gap, side="right")
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = (sums[last] - sums[first]) / (weight[last] - weight[first])
    unit[(count[last] - count[first] < 2 * FEWEST_AROUND) | ~(unit > 0)] = np.nan
    day = np.where(np.isfinite(unit), values[sold.index.get_indexer(past["date"])], np.nan)
    known = np.isfinite(day)
    of, found = pd.factorize(past["name"].to_numpy(), sort=True)
    above, below = np.zeros((2, len(found), sold.shape[1]))
    np.add.at(above, of, np.where(known, day, 0.0))
    np.add.at(below, of, np.where(known, unit, 0.0))
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(above / below, found, sold.columns).clip(lower=0.0)


def special_weights(book: Book, days: pd.DatetimeIndex, level: str = "company", entity: str | None = None) -> pd.DataFrame:
    """Special days among `days`: index day; name, weight, weight_from (`calendar`, `history` by name, or `weekday`)."""
    level = own_level(level)
    found = calendar(book)
    found = found[found["date"].isin(days)]
    weekdays = week_index(book, level, entity).weights
    if found["weight"].isna().any():
        sold = sold_before(book, level).reindex(columns=["company" if level == "company" else entity])
        past = history_weights(sold, weekdays.to_frame(), calendar(book), book.first_day)
        found = found.assign(history=found["name"].map(past.iloc[:, 0]).astype(float))
    else:
        found = found.assign(history=np.nan)
    rows = found.groupby("date").agg(name=("name", " + ".join), own=("weight", "max"), history=("history", "max"))
    usual = pd.Series(weekdays.to_numpy()[rows.index.day_of_week], index=rows.index, dtype=float)
    source = np.where(rows["own"].notna(), "calendar", np.where(rows["history"].notna(), "history", "weekday"))
    return pd.DataFrame(
        {"name": rows["name"], "weight": rows["own"].fillna(rows["history"]).fillna(usual), "weight_from": source}, index=rows.index
    )


def day_weights(book: Book, days: pd.DatetimeIndex, level: str = "company", entity: str | None = None) -> pd.Series:
    """The weight of any days by the book's week index, special days with their own."""
    return weights_of(days, week_index(book, level, entity).weights, special_weights(book, days, level, entity)["weight"])


def month_days(book: Book, level: str = "company", entity: str | None = None) -> pd.DataFrame:
    """Every day of the book's month: day, weekday (0 = Monday), special (its name in the calendar, else blank), weight,
    weight_from (`weekday`, `calendar` or `history`)."""
    days = pd.date_range(book.first_day, book.last_day)
    special = special_weights(book, days, level, entity)
    weights = weights_of(days, week_index(book, level, entity).weights, special["weight"])
    names, origin = special["name"].reindex(days).fillna(""), special["weight_from"].reindex(days).fillna("weekday")
    columns = {"day": days, "weekday": days.day_of_week, "special": names, "weight": weights, "weight_from": origin}
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def month_weights(book: Book, level: str = "company", entity: str | None = None) -> pd.Series:
    """The weight of each day of the book's month, index: days. Other levels than store and channel weigh as the company does."""
    return month_days(book, level, entity).set_index("day")["weight"]


def week_indices(book: Book) -> pd.DataFrame:
    """The day weights of the company and of every store and channel with a target or sales in the month, side by side.

    Columns: level, entity, the seven weekdays by name, W, real (is the effect supported), p_value, days.
    """
    rows = []
    for level in ("company", "store", "channel"):
        if level == "company":
            entities = ["company"]
        else:
            frame = daily(book, level)
            entities = [name for name in frame if frame.loc[book.first_day :, name].any()]
        for entity in entities:
            index = week_index(book, level, entity)
            named = dict(zip(WEEKDAYS, index.weights, strict=True))
            rows.append(
                {"level": level, "entity": entity}
                | named
                | {"W": index.total, "real": index.real, "p_value": index.p_value, "days": index.days}
            )
    return pd.DataFrame(rows)


def week_said(index: WeekIndex) -> str:
    """The index in a sentence or two: W, the heaviest and the lightest weekday, and what it rests on."""
    said = f"The week index W is {number(index.total, 2)}"
    if index.real:
        heavy, light = index.weights.idxmax(), index.weights.where(index.weights > 0).idxmin()
        share = index.weights[heavy] / index.weights[light] - 1
        said += f": a {WEEKDAYS[heavy]} weighs {percent(share, 0)} more than a {WEEKDAYS[light]}"
    return f"{said}. {index.why}"
