"""Forecasts: where the month will land, how surely a target will be reached, and how good such forecasts have been.

A forecast of the rest of a month is its weight × a unit value: what was sold per unit of weight so far, held against what earlier
months let expect. How much the one counts against the other follows from how much each has been wrong before; so do the intervals.
Several ways to expect are tried on the months of the past, as they looked then, and the one that has been nearest is used.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.metrics import COUNTED, LEVELS, month_targets
from helpers.pacing import (
    calendar,
    cautions,
    daily,
    evening,
    history_weights,
    month_days,
    ordinary_days,
    own_level,
    weekday_means,
    weekday_weights,
)  # fmt: skip
from helpers.text import label, number

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
NORMAL = np.array([NormalDist().inv_cdf((place + 0.5) / 20) for place in range(20)])  # a normal curve, with which past errors are mixed
AIMS = (0.9, 1.0, 1.1)  # targets of the backtest, as shares of the mean of the three months before


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
            found[month] = self.landing[month][..., None] + self.spread[month][..., None] * _quantile(shape, QUANTILES)
        return np.maximum(found, self.lowest[..., None])

    def probability(self, target: np.ndarray) -> np.ndarray:
        """Probability that the month reaches the target (month × entity): month × day × entity."""
        found = np.full(self.landing.shape, np.nan)
        for month, shape in enumerate(self.shape):
            found[month] = _reach(self.landing[month], self.spread[month], shape, target[month], self.lowest[month])
        return found


def _quantile(shape: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.interp(at, (np.arange(len(shape)) + 0.5) / len(shape), shape)


def _reach(landing, spread, shape: np.ndarray, target, lowest) -> np.ndarray:
    """Probability of reaching the target, by errors of this shape; 1 where what is sold already does."""
    points = (np.arange(len(shape)) + 0.5) / len(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.interp((target - landing) / spread, shape, points, left=points[0] / 2, right=(1 + points[-1]) / 2)
    known = np.isfinite(landing) & np.isfinite(target) & (spread > 0)
    return np.where(target <= lowest, 1.0, np.where(known, 1.0 - below, np.nan))


# ---- the months of the past ----------------------------------------------------------------------------------------------------


def _months(book: Book) -> list[pd.Period]:
    """Whole months from the company's first up to the book's, at most MOST_MONTHS before it."""
    sold = daily(book, "company")
    first = sold.index[(sold != 0).any(axis=1)][0]
    start = first.to_period("M") + int(first.day > 7)
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


def _past(book: Book, level: str, metric: str, entities: list[str], days: tuple[int, ...], known_to: pd.Timestamp) -> Past:
    """The months of some entities of a level. The book's month is known only up to the evening of `known_to`."""
    months, weights = _months(book), _weights(book, level, _months(book))
    frame = daily(book, level, metric).reindex(columns=entities, fill_value=0.0)
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


def _rest(so_far, done, left, expected, noise, drift, method: str) -> tuple[np.ndarray, np.ndarray]:
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
                unit, variance = _rest(past.so_far[look], done, left, expected[look], noise[look], drift[look], method)
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


# ---- which method --------------------------------------------------------------------------------------------------------------


def _judged_levels(book: Book, metric: str) -> dict[str, list[str]]:
    """Levels and entities on whose past a method is chosen: the company, and its stores and channels where there are several."""
    found = {}
    for level in ("company", "store", "channel"):
        if level in COUNTED.get(metric, (level,)):
            sold = daily(book, level)
            names = [name for name in sold if sold[name].any()]
            if level == "company" or len(names) > 1:
                found[level] = names
    return found


def _known(book: Book, level: str, metric: str, entities: Sequence[str], days: tuple[int, ...], known_to: pd.Timestamp) -> Past:
    key = ("forecast past", level, metric, tuple(entities), days, known_to)
    if key not in book.memory:
        book.memory[key] = _past(book, level, metric, list(entities), days, known_to)
    return book.memory[key]


def _run(
    book: Book, level: str, metric: str, entities: Sequence[str], days: tuple[int, ...], known_to: pd.Timestamp, method: str
) -> tuple[Past, Run]:
    past = _known(book, level, metric, entities, days, known_to)
    key = ("forecast run", level, metric, tuple(entities), days, known_to, method)
    if key not in book.memory:
        book.memory[key] = run(past, method, season(_known(book, "company", metric, ["company"], days, known_to)))
    return past, book.memory[key]


def pinball(actual: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """How far off is a forecast of QUANTILES (last axis)? Mean pinball loss, in the unit of what is forecast; smaller is better.

    >>> float(pinball(np.array(100.0), np.full(7, 90.0)))  # half of the distance, on the average of symmetric quantiles
    5.0
    """
    gap = actual[..., None] - quantiles
    return np.where(gap >= 0, QUANTILES * gap, (QUANTILES - 1) * gap).mean(axis=-1)


def _tested(past: Past) -> np.ndarray:
    """Which months of which entity can be judged: whole, known, and with FEWEST_MONTHS of its own history before."""
    before = np.vstack([np.zeros(past.totals.shape[1]), np.isfinite(past.totals).cumsum(axis=0)[:-1]])
    return np.isfinite(past.totals) & (before >= FEWEST_MONTHS)


def choices(book: Book, metric: str, known_to: pd.Timestamp) -> list[str]:
    """The method in use in each month of history, the book's last: the one with the smallest pinball loss on the months before it.

    Loss by level as a share of what was sold, and the mean of the levels; the first of METHODS where nothing can be judged yet.
    """
    key = ("forecast choice", metric, known_to)
    if key in book.memory:
        return book.memory[key]
    losses = []
    for level, entities in _judged_levels(book, metric).items():
        past = _known(book, level, metric, entities, DAYS, known_to)
        runs = {name: _run(book, level, metric, entities, DAYS, known_to, name)[1] for name in METHODS}
        use = _tested(past)
        sold = np.where(use, np.abs(past.totals), 0).sum(axis=1).cumsum()
        off = [
            np.where(use[:, None], np.nan_to_num(pinball(past.totals[:, None], runs[name].quantiles())), 0).sum(axis=(1, 2)).cumsum()
            for name in METHODS
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            losses.append(np.array(off) / sold)
    mean = np.nan_to_num(np.mean(losses, axis=0), nan=0.0, posinf=0.0)
    names = list(METHODS)
    book.memory[key] = [names[0], *(names[place] for place in mean.argmin(axis=0)[:-1])]
    return book.memory[key]


# ---- the month -----------------------------------------------------------------------------------------------------------------


def attainment_probabilities(book: Book, targets: pd.DataFrame | None = None, as_of: pd.Timestamp | str | None = None) -> pd.DataFrame:
    """How probable is it that each target of the month is reached? One row per target, in the order of `targets`.

    targets: level, entity, metric, target (default: metrics.month_targets(book)). as_of: the evening of the look (default: as far as
    the data reach; at most that). Added columns: as_of, actual (to date), attainment (actual ÷ target), progress (weighted),
    landing (median of the forecast; what was sold where the month is over), low_80, high_80, low_95, high_95 (of the landing),
    probability, shortfall (expected target − landing, 0 where it is reached), method (in words), months (of its own history),
    finished (the month is over: the probability is 1 or 0), why (sentences where something is blank or needs care, else blank).
    """
    targets = month_targets(book) if targets is None else targets.reset_index(drop=True)
    day = evening(book, as_of)
    made = [_group(book, level, metric, rows, day) for (level, metric), rows in targets.groupby(["level", "metric"], sort=True)]
    columns = ["as_of", "actual", "attainment", "progress", "landing", "low_80", "high_80", "low_95", "high_95", "probability", "shortfall",
               "method", "months", "finished", "why"]  # fmt: skip
    added = pd.concat(made) if made else pd.DataFrame(columns=columns, dtype=float)
    return targets.join(added[columns])


def _group(book: Book, level: str, metric: str, rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """The columns that attainment_probabilities adds, for the targets of one level and metric."""
    finished = day == book.last_day
    base = pd.DataFrame(index=rows.index).assign(as_of=day, finished=finished, method="", months=0, why="")
    if level not in COUNTED.get(metric, LEVELS) or level not in LEVELS:
        what = f"{metric.replace('_', ' ').capitalize()} can't be told apart by {level}."
        return base.assign(**dict.fromkeys(("actual", "attainment", "progress", "landing", "low_80", "high_80", "low_95", "high_95", "probability",
                                            "shortfall"), np.nan), why=what)  # fmt: skip
    entities, target = list(rows["entity"]), rows["target"].to_numpy(float)
    frame = daily(book, level, metric).reindex(columns=entities, fill_value=0.0)
    actual = frame.loc[book.first_day : day].sum().to_numpy().round(6)
    aim = np.where(target > 0, target, np.nan)
    if finished:
        reached = np.where(np.isnan(aim), np.nan, actual >= aim - 1e-9)
        columns = dict.fromkeys(("landing", "low_80", "high_80", "low_95", "high_95"), actual)
        columns |= {"probability": reached, "shortfall": np.maximum(aim - actual, 0.0), "progress": np.ones(len(rows))}
    else:
        columns = _running_month(book, level, metric, entities, aim, day)
    found = base.assign(actual=actual, attainment=actual / aim, **columns)
    return found.assign(
        why=[" ".join(_why(book, level, metric, row, blank, day)) for row, blank in zip(rows.itertuples(), found.itertuples(), strict=True)]
    )


def _at(book: Book, day: pd.Timestamp) -> tuple[tuple[int, ...], int]:
    """Days of the month on whose evening the past is looked at, the present one among them, and its place."""
    passed = (day - book.first_day).days + 1
    days = DAYS if passed in DAYS else (*DAYS, passed)
    return days, days.index(passed)


def _running_month(book: Book, level: str, metric: str, entities: list[str], target: np.ndarray, day: pd.Timestamp) -> dict:
    """The forecast of a month that is not over: columns of attainment_probabilities, blank with too little history."""
    days, at = _at(book, day)
    method = choices(book, metric, day)[-1]
    past, made = _run(book, level, metric, entities, days, day, method)
    months = np.isfinite(past.totals[:-1]).sum(axis=0)
    enough = (months >= FEWEST_MONTHS) & np.isfinite(made.spread[-1, at])
    low_95, low_80, _, landing, _, high_80, high_95 = np.where(enough, made.quantiles()[-1, at].T, np.nan)
    points = made.landing[-1, at][:, None] + made.spread[-1, at][:, None] * _quantile(made.shape[-1], (np.arange(200) + 0.5) / 200)
    points = np.maximum(points, made.lowest[-1, at][:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = past.elapsed[-1, at] / past.weights[-1, -1]
    return {
        "progress": progress, "landing": landing, "low_80": low_80, "high_80": high_80, "low_95": low_95, "high_95": high_95,
        "probability": np.where(enough, _reach(made.landing[-1, at], made.spread[-1, at], made.shape[-1], target, made.lowest[-1, at]), np.nan),
        "shortfall": np.where(enough, np.maximum(target[:, None] - points, 0.0).mean(axis=1), np.nan),
        "method": np.where(enough, METHODS[method], ""), "months": months,
    }  # fmt: skip


def _why(book: Book, level: str, metric: str, row, found, day: pd.Timestamp) -> list[str]:
    said = cautions(book, level, row.entity, metric, row.target, day, 1.0 if found.progress > 0 else 0.0)
    if found.finished:
        return [words for words in said if not words.startswith("The month is over")]
    if found.months < FEWEST_MONTHS:
        said.append(
            f"{number(found.months)} whole months of its own are known, and {number(FEWEST_MONTHS)} are needed to say how probable it is."
        )
    return said


# ---- what if --------------------------------------------------------------------------------------------------------------------


class Outlook(NamedTuple):
    """All that the forecast of one running month rests on, so that it can be worked out again in an instant.

    actual (to date), target; done and left (Σ weights elapsed and to come); event_day (the special day to come, else the heaviest),
    event (its name) and event_weight (part of `left`); the rest as in `Run`, for one entity on one day.
    """

    level: str
    entity: str
    metric: str
    actual: float
    target: float
    done: float
    left: float
    event_day: pd.Timestamp
    event: str
    event_weight: float
    method: str
    expected: float
    noise: float
    drift: float
    size: float
    scale: float
    shape: np.ndarray
    only_rises: bool


def outlook(
    book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None
) -> Outlook | str:
    """The running month of one entity with a target, ready for `what_if`; or, in a sentence, why there is nothing to try."""
    entity = "company" if level == "company" else entity
    day = evening(book, as_of)
    aims = month_targets(book)
    aims = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == metric)]
    who = "the company" if level == "company" else f"{level} {label(entity)}"
    if aims.empty or not aims["target"].iloc[0] > 0:
        return f"Nothing to try: {who} has no {metric.replace('_', ' ')} target above 0 this month."
    if day == book.last_day:
        return f"Nothing to try: on {day:%Y-%m-%d} the month is over."
    row = attainment_probabilities(book, aims, day).iloc[0]
    if np.isnan(row["probability"]):
        return f"Nothing to try for {who}: {row['why']}"
    days, at = _at(book, day)
    method = choices(book, metric, day)[-1]
    past, made = _run(book, level, metric, [entity], days, day, method)
    done = past.elapsed[-1, at, 0]
    left = past.weights[-1, -1, 0] - done
    rest = month_days(book, level, entity).query("day > @day")
    named = rest[rest["special"] != ""]
    event = named.iloc[0] if len(named) else rest.loc[rest["weight"].idxmax()]
    model = {name: getattr(made, name)[-1, 0] for name in ("expected", "noise", "drift", "size")}
    _, variance = _rest(row["actual"], done, left, model["expected"], model["noise"], model["drift"], method)
    scale = made.spread[-1, at, 0] / (model["size"] * np.sqrt(variance))
    return Outlook(level, entity, metric, row["actual"], row["target"], done, left, event["day"], event["special"], event["weight"], method, **model,
                   scale=scale, shape=made.shape[-1], only_rises=bool(np.isfinite(made.lowest[-1, at, 0])))  # fmt: skip


def what_if(now: Outlook, actual: float | None = None, target: float | None = None, event_weight: float | None = None) -> dict:
    """What if sales to date, the target or the weight of the event to come were others? One turn of a slider.

    Keys: actual, target, event_weight, progress, attainment, unit_value, landing (median), low_80, high_80, low_95, high_95,
    probability, required (still needed per unit of weight), required_change (required ÷ unit_value − 1; blank before the first sale).
    """
    actual = now.actual if actual is None else float(actual)
    target = now.target if target is None else float(target)
    event_weight = now.event_weight if event_weight is None else float(event_weight)
    left = max(now.left - now.event_weight + event_weight, 1e-9)
    unit, variance = _rest(actual, now.done, left, now.expected, now.noise, now.drift, now.method)
    middle, spread, lowest = (
        actual + float(unit) * left,
        now.scale * now.size * float(np.sqrt(variance)),
        actual if now.only_rises else -np.inf,
    )
    low_95, low_80, _, landing, _, high_80, high_95 = (
        float(x) for x in np.maximum(middle + spread * _quantile(now.shape, QUANTILES), lowest)
    )
    so_far = actual / now.done if now.done > 0 else np.nan
    required = max(target - actual, 0.0) / left if target > 0 else np.nan
    return {
        "actual": actual, "target": target, "event_weight": event_weight, "progress": now.done / (now.done + left),
        "attainment": actual / target if target > 0 else np.nan, "unit_value": so_far, "landing": landing, "low_80": low_80, "high_80": high_80,
        "low_95": low_95, "high_95": high_95,
        "probability": float(_reach(middle, spread, now.shape, target if target > 0 else np.nan, lowest)),
        "required": required, "required_change": required / so_far - 1 if so_far > 0 else np.nan,
    }  # fmt: skip


# ---- how good -------------------------------------------------------------------------------------------------------------------


def backtest(book: Book, metric: str = "net_sales") -> pd.DataFrame:
    """How good would such forecasts have been? Every month of history as it looked on the evening of DAYS.

    Company, stores and channels, and every entity with a target for the metric this month. One row per level, entity, month, day and
    method (METHODS, `naive`, and `used`: the one in use then, chosen on earlier months only): actual (what the month brought), landing,
    low_80, high_80, low_95, high_95, pinball, and for each of AIMS (a target of that share of the mean of the three months before)
    probability_90 … and reached_90 …
    """
    day = evening(book)
    aimed = month_targets(book)
    aimed = aimed[(aimed["metric"] == metric) & aimed["level"].isin(COUNTED.get(metric, LEVELS)) & aimed["level"].isin(LEVELS)]
    wanted = _judged_levels(book, metric)
    for level, rows in aimed.groupby("level"):
        wanted.setdefault(level, sorted(rows["entity"]))
    used = choices(book, metric, day)
    parts = []
    for level, entities in wanted.items():
        past = _known(book, level, metric, entities, DAYS, day)
        runs = {name: _run(book, level, metric, entities, DAYS, day, name)[1] for name in (*METHODS, NAIVE)}
        at = np.argwhere(np.broadcast_to(_tested(past)[:, None], past.so_far.shape) & np.isfinite(runs["level"].spread))
        base = pd.DataFrame({"level": level, "entity": np.array(entities)[at[:, 2]], "month": np.array(past.months)[at[:, 0]], "day": np.array(DAYS)[at[:, 1]],
                             "actual": past.totals[at[:, 0], at[:, 2]]})  # fmt: skip
        usual = np.full(past.totals.shape, np.nan)
        for look in range(3, len(usual)):
            usual[look] = past.totals[look - 3 : look].mean(axis=0)
        usual = np.where(usual > 0, usual, np.nan)
        for method, made in runs.items():
            quantiles = made.quantiles()
            rows = base.assign(method=method, pinball=pinball(past.totals[:, None], quantiles)[tuple(at.T)])
            for name, place in (("landing", 3), ("low_80", 1), ("high_80", 5), ("low_95", 0), ("high_95", 6)):
                rows[name] = quantiles[..., place][tuple(at.T)]
            for share in AIMS:
                rows[f"probability_{share:.0%}"[:-1]] = made.probability(usual * share)[tuple(at.T)]
                rows[f"reached_{share:.0%}"[:-1]] = np.where(np.isnan(usual), np.nan, past.totals >= usual * share)[at[:, 0], at[:, 2]]
            parts.append(rows)
            if method in METHODS:
                mine = np.array([name == method for name in used])[at[:, 0]]
                parts.append(rows[mine].assign(method="used"))
    frame = pd.concat(parts, ignore_index=True)
    return frame.sort_values(["level", "entity", "month", "day", "method"], ignore_index=True)


def _trials(tested: pd.DataFrame) -> pd.DataFrame:
    """The backtest's targets one below the other: method, level, day, probability, reached."""
    names = [column.removeprefix("reached_") for column in tested if column.startswith("reached_")]
    parts = [
        tested[["method", "level", "day"]].assign(probability=tested[f"probability_{name}"], reached=tested[f"reached_{name}"])
        for name in names
    ]
    return pd.concat(parts, ignore_index=True).dropna()


def scores(tested: pd.DataFrame, by: tuple[str, ...] = ()) -> pd.DataFrame:
    """The backtest in one row per method (and `by`: level, day), the one in use first.

    months (entity and month, each looked at once), coverage_80, coverage_95 (part of the looks whose interval held what came),
    pinball (Σ pinball ÷ Σ of what came), brier (mean squared error of the probabilities). Smaller is better for the last two.
    """
    keys = [*by, "method"]
    held = tested.assign(
        coverage_80=tested["actual"].between(tested["low_80"], tested["high_80"]),
        coverage_95=tested["actual"].between(tested["low_95"], tested["high_95"]),
        size=tested["actual"].abs(),
        one=tested["entity"] + "/" + tested["level"] + "/" + tested["month"],
    )
    groups = held.groupby(keys)
    found = groups[["coverage_80", "coverage_95"]].mean()
    found.insert(0, "months", groups["one"].nunique())
    found["pinball"] = groups["pinball"].sum() / groups["size"].sum()
    trials = _trials(tested)
    found["brier"] = ((trials["probability"] - trials["reached"]) ** 2).groupby([trials[key] for key in keys]).mean()
    order = ["used", *METHODS, NAIVE]
    return found.reset_index().sort_values(keys, key=lambda c: c.map(order.index) if c.name == "method" else c, ignore_index=True)


def reliability(tested: pd.DataFrame, bins: int = 5) -> pd.DataFrame:
    """Of the targets that were given about x %, what part was reached? Forecasts in use, in bins of equal width.

    forecast (mean probability of the bin), reached (part of them), low, high (95 % interval of that part, Wilson 1927, as if all
    trials were independent, which days of one month are not), trials.
    """
    trials = _trials(tested[tested["method"] == "used"])
    place = np.minimum((trials["probability"] * bins).astype(int), bins - 1)
    found = trials.groupby(place.to_numpy()).agg(forecast=("probability", "mean"), reached=("reached", "mean"), trials=("reached", "size"))
    n, share = found["trials"], found["reached"]
    middle = (share + 1.96**2 / (2 * n)) / (1 + 1.96**2 / n)
    half = 1.96 * np.sqrt(share * (1 - share) / n + 1.96**2 / (4 * n**2)) / (1 + 1.96**2 / n)
    return found.assign(low=middle - half, high=middle + half)[["forecast", "reached", "low", "high", "trials"]].reset_index(drop=True)
