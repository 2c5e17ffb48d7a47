"""Where a month lands: the months of the past as they looked then, and what each method would have said.

A forecast of the rest of a month is its weight × a unit value: what was sold per unit of weight so far, held against what earlier
months let expect. How much the one counts against the other follows from how much each has been wrong before; so do the intervals.
Everything works on arrays of month × day × entity, all entities of a level at once.
"""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.days import calendar, daily
from helpers.targets_and_pacing.weights import history_weights, ordinary_days, own_level, weekday_means, weekday_weights

METHODS = {
    "level": "the level of recent months, corrected by the pace so far",
    "season": "the level of recent months times the company's season, corrected by the pace so far",
    "landing": "the pace so far",
}
"""Ways to expect the rest of a month, in words. The first is used until there is evidence."""
NAIVE = "naive"  # the same month last year × growth, else last month: the yardstick, never used
DAYS = (0, 7, 14, 21)  # days into the month on whose evening the past is looked at
QUANTILES = np.array([0.025, 0.10, 0.25, 0.50, 0.75, 0.90, 0.975])
FEWEST_MONTHS = 6  # whole months of an entity's own history below which nothing is said
MOST_MONTHS = 36  # older ones say nothing about this year
FADE = 0.5  # a month counts half as much as the one after it
SHRINK = 4  # months of its level's usual error that an entity's own is mixed with
SURE = 0.005  # nothing is more certain than that before a month is over
NORMAL = np.array([NormalDist().inv_cdf((place + 0.5) / 20) for place in range(20)])  # a normal curve, with which past errors are mixed


class Past(NamedTuple):
    """What the months of one level and metric brought, as it looked at the time; the last month is the book's.

    months: names; entities; totals (month × entity, blank where not whole or not known yet); so_far (month × day × entity: sold by
    the evening); weights (month of the look × month looked at × entity: Σ weights, by the index of the look); elapsed (month × day
    × entity: Σ weights elapsed, by the month's own index).
    """

    months: list[str]
    entities: list[str]
    totals: np.ndarray
    so_far: np.ndarray
    weights: np.ndarray
    elapsed: np.ndarray


class Run(NamedTuple):
    """What one method said at each look: landing and its spread (month × day × entity), and the shape of the errors by month.

    expected, noise, drift, size: what the forecast was made of (month × entity), for what_if. lowest: what a landing can't fall below.
    """

    landing: np.ndarray
    spread: np.ndarray
    shape: list[np.ndarray]
    expected: np.ndarray
    noise: np.ndarray
    drift: np.ndarray
    size: np.ndarray
    lowest: np.ndarray

    def quantiles(self) -> np.ndarray:
        """QUANTILES of the landing: month × day × entity × quantile."""
        found = np.full((*self.landing.shape, len(QUANTILES)), np.nan)
        for month, shape in enumerate(self.shape):
            found[month] = self.landing[month][..., None] + self.spread[month][..., None] * quantile(shape, QUANTILES)
        return np.maximum(found, self.lowest[..., None])

    def probability(self, target: np.ndarray) -> np.ndarray:
        """Probability that the month reaches the target (month × entity): month × day × entity."""
        found = np.full(self.landing.shape, np.nan)
        for month, shape in enumerate(self.shape):
            found[month] = reach(self.landing[month], self.spread[month], shape, target[month], self.lowest[month])
        return found


def quantile(shape: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.interp(at, (np.arange(len(shape)) + 0.5) / len(shape), shape)


def reach(landing, spread, shape: np.ndarray, target, lowest) -> np.ndarray:
    """Probability of reaching the target, by errors of this shape: 1 where what is sold already does, else never quite 0 or 1."""
    points = (np.arange(len(shape)) + 0.5) / len(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.interp((target - landing) / spread, shape, points)
    known = np.isfinite(landing) & np.isfinite(target) & (spread > 0)
    return np.where(target <= lowest + 1e-6, 1.0, np.where(known, np.clip(1.0 - below, SURE, 1 - SURE), np.nan))


# ---- the months of the past ----------------------------------------------------------------------------------------------------


def whole_months(book: Book) -> list[pd.Period]:
    """Whole months from the company's first up to the book's, at most MOST_MONTHS before it."""
    sold = daily(book, "company")
    some = (sold != 0).any(axis=1)
    first = sold.index[some][0] if some.any() else book.last_day  # a store before its first sale
    start = min(first.to_period("M") + int(first.day > 7), book.first_day.to_period("M"))
    return list(pd.period_range(max(start, book.first_day.to_period("M") - MOST_MONTHS), book.first_day.to_period("M"), freq="M"))


class _Weights(NamedTuple):
    """Weights by the index of each look: entities; index_total (W by look); months (look × month × entity); days (look × 31 × entity)."""

    entities: list[str]
    index_total: list[float]
    months: np.ndarray
    days: np.ndarray


def _weights(book: Book, level: str, months: list[pd.Period]) -> _Weights:
    """What the days of each month weighed, and of the months before it, as seen on its eve: as `pacing.month_weights` gives them."""
    level = own_level(level)
    key = ("forecast weights", level)
    if key not in book.memory:
        book.memory[key] = _weights_of(book, level, months)
    return book.memory[key]


def _weights_of(book: Book, level: str, months: list[pd.Period]) -> _Weights:
    sold = daily(book.whole() if level == "company" else book, level)
    sold = sold if level == "company" else sold.assign(**{"": np.nan})  # last, for whoever never sold: flat
    traded, special, limit = sold.where((sold != 0).cummax()), calendar(book), book.policy.target.weekday_significance
    company = None if level == "company" else _weights(book, "company", months)
    days = pd.date_range(months[0].start_time, book.last_day)
    starts = [days.searchsorted(month.start_time) for month in months]
    own = special.groupby("date")["weight"].max().reindex(days).to_numpy(float)
    index_total, sums, of_days = [], np.full((len(months), len(months), sold.shape[1]), np.nan), np.zeros((len(months), 31, sold.shape[1]))
    for look, month in enumerate(months):
        known = traded[traded.index < month.start_time]
        means, _ = weekday_means(ordinary_days(known, month.start_time, level, special["date"]), limit)
        weekdays = weekday_weights(means, company.index_total[look] if company else None)
        index_total.append(float(weekdays.iloc[:, 0].sum()))
        upto = starts[look] + month.days_in_month
        weights = weekdays.to_numpy()[days[:upto].day_of_week]
        blank = special[special["weight"].isna() & special["date"].isin(days[:upto])]
        if len(blank):
            past = history_weights(known, weekdays, special, month.start_time, blank["name"]).reindex(blank["name"])
            past = past.set_axis(pd.DatetimeIndex(blank["date"])).groupby(level=0).max().reindex(days[:upto]).to_numpy(float)
            weights = np.where(np.isnan(past), weights, past)
        weights = np.where(np.isnan(own[:upto, None]), weights, own[:upto, None])
        sums[look, : look + 1] = np.add.reduceat(weights, starts[: look + 1], axis=0)
        of_days[look, : month.days_in_month] = weights[starts[look] :]
    return _Weights(list(sold.columns), index_total, sums, of_days)


def past_months(book: Book, level: str, metric: str, entities: list[str], days: tuple[int, ...], known_to: pd.Timestamp) -> Past:
    """The months of some entities of a level. The book's month is known only up to the evening of `known_to`."""
    months, weights = whole_months(book), _weights(book, level, whole_months(book))
    frame = daily(book, level, metric, entities)
    some = frame.to_numpy() != 0
    first = np.where(some.any(axis=0), some.argmax(axis=0), len(frame))  # the day on which each begins
    values = np.where((frame.index <= known_to)[:, None], frame.to_numpy(), np.nan)
    column = {name: place for place, name in enumerate(weights.entities)}
    columns = [column.get(name, -1) for name in entities] if own_level(level) != "company" else [0] * len(entities)
    shape = (len(months), len(days), len(entities))
    totals, so_far, elapsed = np.full((len(months), len(entities)), np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    for place, month in enumerate(months):
        start, length = frame.index.searchsorted(month.start_time), month.days_in_month
        traded = first <= start + 6
        at = [min(day, length - 1) for day in days]
        sums, weight = (_running(each) for each in (values[start : start + length], weights.days[place, :length][:, columns]))
        so_far[place], elapsed[place] = np.where(traded, sums[at], np.nan), weight[at]
        totals[place] = np.where(traded, sums[-1], np.nan)
    return Past([str(month) for month in months], entities, totals, so_far, weights.months[:, :, columns], elapsed)


def _running(values: np.ndarray) -> np.ndarray:
    """Sums down to each row, from nothing on."""
    return np.vstack([np.zeros(values.shape[1]), values.cumsum(axis=0)])


# ---- the methods ---------------------------------------------------------------------------------------------------------------


def _faded(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Unit value of earlier months (month × entity): Σ values ÷ Σ weights, a month counting FADE as much as the one after it."""
    part = FADE ** np.arange(len(values) - 1, -1, -1.0)[:, None] * np.isfinite(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (part * np.nan_to_num(values)).sum(axis=0) / (part * weights).sum(axis=0)


def season(past: Past) -> np.ndarray:
    """How much better or worse than the level of the months before it a month was a year ago, by look; 1 without a year of history.

    past: of the company, so that the season of a store or a person isn't guessed from their own few sales.
    """
    found = np.ones(len(past.months))
    for look in range(13, len(past.months)):
        ago = look - 12
        usual = _faded(past.totals[:ago], past.weights[look, :ago])[0]
        was = past.totals[ago, 0] / past.weights[look, ago, 0]
        found[look] = was / usual if usual > 0 and was > 0 else 1.0
    return found


def _shrunk(values: np.ndarray, most: float) -> np.ndarray:
    """Mean of each column, mixed with the median of all columns' means as if that had been seen SHRINK times; blanks left out."""
    known = np.isfinite(values)
    count, total = known.sum(axis=0), np.where(known, np.minimum(values, most), 0.0).sum(axis=0)
    if not count.any():
        return np.full(values.shape[1], np.nan)
    usual = np.median(total[count > 0] / count[count > 0])
    return np.maximum((total + SHRINK * usual) / (count + SHRINK), 1e-9)


def _misjudged(z: np.ndarray) -> np.ndarray:
    """By how much spreads were too small, by column: root mean square of errors ÷ spread, mixed with that of all columns and with 1."""
    square = np.where(np.isfinite(z), np.minimum(z**2, 16.0), 0.0)
    count = np.isfinite(z).sum(axis=0)
    usual = (square.sum() + 6) / (count.sum() + 6)
    return np.sqrt((square.sum(axis=0) + 6 * usual) / (count + 6))


def _expected(past: Past, look: int, method: str, seasons: np.ndarray) -> np.ndarray:
    """The unit value of a month as it is expected on its eve, by entity."""
    level = _faded(past.totals[:look], past.weights[look, :look])
    if method != NAIVE:
        return level * seasons[look] if method == "season" else level
    forecast = past.totals[look - 1]
    if look >= 12:
        now, ago = past.totals[max(look - 3, 12) : look], past.totals[max(look - 15, 0) : look - 12]
        grown = np.nansum(now, axis=0) / np.nansum(ago, axis=0) if len(now) else np.ones(len(forecast))
        like_last_year = past.totals[look - 12] * grown
        forecast = np.where(np.isfinite(like_last_year), like_last_year, forecast)
    return forecast / past.weights[look, look]


def rest(so_far, done, left, expected, noise, drift, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Unit value of the rest of a month, and the variance of what the rest brings, relative to the entity's size."""
    if method == "landing":
        begun = done > 0
        unit = np.where(begun, so_far / done, expected)
        return unit, left**2 * np.where(begun, noise / done, drift) + left * noise
    trust = noise / drift
    return (trust * expected + so_far) / (trust + done), left**2 / (1 / drift + done / noise) + left * noise


def run(past: Past, method: str, seasons: np.ndarray) -> Run:
    """What a method would have said at each look, from what was known then.

    The unit value of the rest of a month is (κ · expected + sold so far) ÷ (κ + Σ weights elapsed), with κ = noise ÷ drift: noise is the
    variance of a unit of weight within a month, drift that of a month's unit value around what was expected, both relative to the
    size of the entity and mixed with the usual ones of its level. Spread: the root of the variance that follows, times how wrong
    such spreads have been; shape: past errors in units of their spread, mixed with a normal curve.
    """
    looks, _, entities = past.so_far.shape
    landing, spread, z, unitless = (np.full(past.so_far.shape, np.nan) for _ in range(4))
    expected, size, noise, drift, error, within = (np.full((looks, entities), np.nan) for _ in range(6))
    shape = [NORMAL] * looks
    rests = past.totals[:, None] - past.so_far
    with np.errstate(divide="ignore", invalid="ignore"):
        for look in range(1, looks):
            whole, done = past.weights[look, look], past.elapsed[look]
            left = whole - done
            size[look] = _faded(np.abs(past.totals[:look]), past.weights[look, :look])
            expected[look] = _expected(past, look, method, seasons)
            error[look] = (past.totals[look] / whole - expected[look]) / size[look]
            gap = ((past.so_far[look] / done - rests[look] / left) / size[look]) ** 2 / (1 / done + 1 / left)
            within[look] = np.where(np.isfinite(gap), gap, 0).sum(axis=0) / np.isfinite(gap).sum(axis=0)
            since = 13 if method == "season" and look >= 13 + 3 else 0
            noise[look], drift[look] = _shrunk(within[:look], 1e4), _shrunk(error[since:look] ** 2, 9.0)
            if method == NAIVE:
                landing[look], variance = expected[look] * whole, drift[look] * whole**2
            else:
                drift[look] = np.maximum(drift[look] - noise[look] / whole, 0.1 * drift[look])
                unit, variance = rest(past.so_far[look], done, left, expected[look], noise[look], drift[look], method)
                landing[look] = past.so_far[look] + unit * left
            raw = np.maximum(size[look] * np.sqrt(variance), 1e-9 * size[look] * whole)
            scale = np.stack([_misjudged(z[since:look, day]) for day in range(z.shape[1])])
            spread[look] = raw * scale
            z[look] = np.where(left > 0, (past.totals[look] - landing[look]) / raw, np.nan)
            seen = unitless[:look][np.isfinite(unitless[:look])]
            unitless[look] = z[look] / scale
            shape[look] = np.sort(np.concatenate([seen, NORMAL]))
        least = np.minimum.accumulate(np.where(np.isfinite(rests), rests, np.inf).min(axis=1), axis=0)
    never_less = np.vstack([np.zeros(entities), least[:-1]]) >= 0  # what was sold so far has never become less
    lowest = np.where(never_less[:, None], past.so_far, -np.inf)
    return Run(landing, spread, shape, expected, noise, drift, size, np.where(np.isnan(lowest), -np.inf, lowest))
