"""Forecasts: where the month will land, how surely a target will be reached, and how good such forecasts have been.

Several ways to expect the rest of a month (see `landing`) are tried on the months of the past, as they looked then, and the one that
has been nearest is used.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.days import daily, evening
from helpers.facts import COUNTED, LEVELS, month_targets, untold
from helpers.ratios import wilson
from helpers.targets_and_pacing.landing import (
    DAYS,
    FEWEST_MONTHS,
    METHODS,
    NAIVE,
    QUANTILES,
    Past,
    Run,
    past_months,
    quantile,
    reach,
    run,
    season,
)
from helpers.targets_and_pacing.pacing import cautions, daily_targets
from helpers.targets_and_pacing.weights import month_weights
from helpers.text import number, percent

CENT = 0.005
AIMS = (0.9, 1.0, 1.1)  # targets of the backtest, as shares of the mean of the three months before


# ---- which method --------------------------------------------------------------------------------------------------------------


JUDGED = ("company", "store", "channel")  # levels on whose past a method is chosen


def peers(book: Book, level: str, metric: str, also: Sequence[str] = ()) -> list[str]:
    """Entities of a level whose past errors are held against each other: of JUDGED levels all with sales, of others those with a target."""
    if level in JUDGED:
        sold = daily(book, level)
        known = {name for name in sold if sold[name].any()}
    else:
        aims = month_targets(book)
        known = set(aims.loc[(aims["level"] == level) & (aims["metric"] == metric), "entity"])
    return sorted(known | set(also))


def _judged_levels(book: Book, metric: str) -> dict[str, list[str]]:
    """The company, and its stores and channels where there are several, with their entities."""
    found = {level: peers(book, level, metric) for level in JUDGED if level in COUNTED.get(metric, JUDGED)}
    return {level: names for level, names in found.items() if level == "company" or len(names) > 1}


def known(book: Book, level: str, metric: str, entities: Sequence[str], days: tuple[int, ...], known_to: pd.Timestamp) -> Past:
    """`landing.past_months`, remembered in the book."""
    key = ("forecast past", level, metric, tuple(entities), days, known_to)
    if key not in book.memory:
        book.memory[key] = past_months(book, level, metric, list(entities), days, known_to)
    return book.memory[key]


def ran(book: Book, level: str, metric: str, entities: Sequence[str], days: tuple[int, ...], known_to: pd.Timestamp, method: str) -> Run:
    """`landing.run` of a method with the season of the company, remembered in the book."""
    key = ("forecast run", level, metric, tuple(entities), days, known_to, method)
    if key not in book.memory:
        seasons = season(known(book, "company", metric, ["company"], days, known_to))
        book.memory[key] = run(known(book, level, metric, entities, days, known_to), method, seasons)
    return book.memory[key]


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
        past = known(book, level, metric, entities, DAYS, known_to)
        runs = {name: ran(book, level, metric, entities, DAYS, known_to, name) for name in METHODS}
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

    targets: level, entity, metric, target (default: facts.month_targets(book)). as_of: the evening of the look (default: as far as
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
    if why := untold(book, level, metric):
        return base.assign(**dict.fromkeys(("actual", "attainment", "progress", "landing", "low_80", "high_80", "low_95", "high_95", "probability",
                                            "shortfall"), np.nan), why=why)  # fmt: skip
    entities, target = list(rows["entity"]), rows["target"].to_numpy(float)
    frame = daily(book, level, metric, peers(book, level, metric, entities))[entities]
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


def present(book: Book, level: str, metric: str, entities: Sequence[str], day: pd.Timestamp) -> tuple[str, Past, Run, int, list[int]]:
    """The forecast of the running month on the evening of `day`: method, past, run, and the places of the day and of the entities."""
    passed = (day - book.first_day).days + 1
    days = DAYS if passed in DAYS else (*DAYS, passed)
    method, all_of_them = choices(book, metric, day)[-1], peers(book, level, metric, entities)
    past, made = known(book, level, metric, all_of_them, days, day), ran(book, level, metric, all_of_them, days, day, method)
    return method, past, made, days.index(passed), [all_of_them.index(name) for name in entities]


def _running_month(book: Book, level: str, metric: str, entities: list[str], target: np.ndarray, day: pd.Timestamp) -> dict:
    """The forecast of a month that is not over: columns of attainment_probabilities, blank with too little history."""
    method, past, made, at, where = present(book, level, metric, entities, day)
    months = np.isfinite(past.totals[:-1, where]).sum(axis=0)
    middle, spread, lowest, shape = made.landing[-1, at, where], made.spread[-1, at, where], made.lowest[-1, at, where], made.shape[-1]
    enough = (months >= FEWEST_MONTHS) & np.isfinite(spread)
    low_95, low_80, _, landing, _, high_80, high_95 = np.where(enough, made.quantiles()[-1, at, where].T, np.nan)
    points = np.maximum(middle[:, None] + spread[:, None] * quantile(shape, (np.arange(200) + 0.5) / 200), lowest[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        progress = past.elapsed[-1, at, where] / past.weights[-1, -1, where]
    return {
        "progress": progress, "landing": landing, "low_80": low_80, "high_80": high_80, "low_95": low_95, "high_95": high_95,
        "probability": np.where(enough, reach(middle, spread, shape, target, lowest), np.nan),
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


def path(
    book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None
) -> pd.DataFrame:
    """The month of one entity from day to day, for a figure: everything summed up from the first of the month.

    day, target (daily targets by weight), actual (up to the evening of the look), later (what came after it, where the data know it),
    landing, low_80, high_80, low_95, high_95 (from the evening of the look on, growing with the weight of the days; blank where there is
    no forecast, and once the month is over).
    """
    entity = "company" if level == "company" else entity
    day = evening(book, as_of)
    weights = month_weights(book, level, entity)
    aims = month_targets(book)
    row = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == metric)]
    row = row if len(row) else pd.DataFrame({"level": [level], "entity": [entity], "metric": [metric], "target": [np.nan]})
    told = attainment_probabilities(book, row, day).iloc[0]
    sold = daily(book, level, metric, (entity,))[entity].reindex(weights.index).cumsum()
    frame = pd.DataFrame({"day": weights.index, "target": daily_targets(told["target"], weights).cumsum().to_numpy()})
    passed = (frame["day"] <= day).to_numpy()
    frame["actual"] = np.where(passed, sold, np.nan)
    known = (frame["day"] >= day).to_numpy() & (frame["day"] <= evening(book)).to_numpy() & (evening(book) > day)
    frame["later"] = np.where(known, sold, np.nan)
    share = (
        ((weights.cumsum() - weights[passed].sum()) / (weights.sum() - weights[passed].sum())).to_numpy()
        if not passed.all()
        else np.zeros(len(frame))
    )
    for name in ("landing", "low_80", "high_80", "low_95", "high_95"):
        grown = told["actual"] + (told[name] - told["actual"]) * share
        frame[name] = np.where((frame["day"] >= day) & (not passed.all()), grown, np.nan)
    return frame


def looked_at(book: Book, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None) -> pd.DataFrame:
    """The month's targets as they looked on an evening, and what came: level, entity, target, actual, probability, landing, low_80,
    high_80, came (what the month brought, blank while it runs), why. Likeliest missed first, blank ones last."""
    aims = month_targets(book)
    aims = aims[(aims["metric"] == metric) & aims["level"].isin(LEVELS)].reset_index(drop=True)
    then, now = attainment_probabilities(book, aims, as_of), attainment_probabilities(book, aims)
    frame = then.assign(came=np.where(now["finished"].astype(bool), now["actual"], np.nan))
    frame = frame[["level", "entity", "target", "actual", "probability", "landing", "low_80", "high_80", "came", "why"]]
    return frame.sort_values(["probability", "target"], ascending=[True, False], ignore_index=True)


def looked_at_said(frame: pd.DataFrame, day: pd.Timestamp) -> str:
    """How many targets looked lost on that evening, and what became of them. frame: looked_at."""
    known = frame[frame["probability"].notna()]
    if known.empty:
        return "No target of the month has the half year of history that a probability needs."
    low, high = known[known["probability"] < 0.5], known[known["probability"] >= 0.5]
    said = f"Of {number(len(known))} targets {number(len(low))} looked likelier missed than reached on the evening of {day:%Y-%m-%d}"
    if known["came"].notna().all():
        missed, reached = (low["came"] < low["target"] - CENT).sum(), (high["came"] >= high["target"] - CENT).sum()
        ends = [f"{number(missed)} of these ended below the target"] if len(low) else []
        ends += [f"{number(reached)} of the other {number(len(high))} reached theirs"] if len(high) else []
        said += f"; {' and '.join(ends)}"
    blank = len(frame) - len(known)
    return f"{said}." + (f" Of {number(blank)} more nothing can be said: too little history." if blank else "")


# ---- how good -------------------------------------------------------------------------------------------------------------------


def backtest(book: Book, metric: str = "net_sales") -> pd.DataFrame:
    """How good would such forecasts have been? Every month of history as it looked on the evening of DAYS.

    Company, stores and channels, and every entity with a target for the metric this month. One row per level, entity, month, day and
    method (METHODS, `naive`, and `used`: the one in use then, chosen on earlier months only, its name in `by`): actual (what the month brought), landing,
    low_80, high_80, low_95, high_95, pinball, and for each of AIMS (a target of that share of the mean of the three months before)
    probability_90 … and reached_90 …
    """
    day = evening(book)
    aimed = month_targets(book)
    aimed = aimed[(aimed["metric"] == metric) & aimed["level"].isin([level for level in LEVELS if not untold(book, level, metric)])]
    wanted = _judged_levels(book, metric)
    for level, rows in aimed.groupby("level"):
        wanted.setdefault(level, sorted(rows["entity"]))
    used = choices(book, metric, day)
    parts = []
    for level, entities in wanted.items():
        past = known(book, level, metric, entities, DAYS, day)
        runs = {name: ran(book, level, metric, entities, DAYS, day, name) for name in (*METHODS, NAIVE)}
        at = np.argwhere(np.broadcast_to(_tested(past)[:, None], past.so_far.shape) & np.isfinite(runs["level"].spread))
        base = pd.DataFrame({"level": level, "entity": np.array(entities, object)[at[:, 2]], "month": np.array(past.months, object)[at[:, 0]], "day": np.array(DAYS)[at[:, 1]],
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
                parts.append(rows[mine].assign(method="used", by=method))
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
    low, high = wilson(found["reached"] * found["trials"], found["trials"])
    return found.assign(low=low, high=high)[["forecast", "reached", "low", "high", "trials"]].reset_index(drop=True)


def reliability_said(frame: pd.DataFrame) -> str:
    """Were the probabilities too hopeful or too cautious, on the whole and at worst? frame: reliability."""
    if frame.empty:
        return "There is no probability of the past to hold against what came."
    given, came = ((frame[name] * frame["trials"]).sum() / frame["trials"].sum() for name in ("forecast", "reached"))
    verdict = "as promised" if abs(given - came) < 0.02 else "too hopeful" if given > came else "too cautious"
    worst = frame.loc[(frame["forecast"] - frame["reached"]).abs().idxmax()]
    return (
        f"On the whole {percent(given, 0)} was given and {percent(came, 0)} reached: {verdict}. Farthest from its word was the bin that was"
        f" given {percent(worst['forecast'], 0)}: {percent(worst['reached'], 0)} of its {number(worst['trials'])} targets were reached."
    )


def backtest_said(tested: pd.DataFrame) -> str:
    """How good the forecasts have been, beside the yardstick. tested: backtest."""
    if tested.empty:
        return "Nothing can be judged yet: no entity has more than six whole months."
    rows = scores(tested).set_index("method")
    used, naive = rows.loc["used"], rows.loc[NAIVE]
    return (
        f"Over {number(used['months'])} months of all entities the 80% interval held {percent(used['coverage_80'])} of what came and the 95%"
        f" interval {percent(used['coverage_95'])}. The Brier score of the probabilities is {number(used['brier'], 3)}, that of the same month last"
        f" year {number(naive['brier'], 3)}: {'better' if used['brier'] < naive['brier'] else 'no better'}."
    )


def method_said(tested: pd.DataFrame) -> str:
    """Which way to forecast is in use, and how it was chosen. tested: backtest."""
    if tested.empty:
        return f"In use is {METHODS['level']}, until there is evidence for another way."
    last = tested[tested["method"] == "used"].sort_values("month")["by"].iloc[-1]
    return f"In use at the end is {METHODS[last]}: the way that was nearest on the months before. Each month was forecast as chosen on earlier months alone."
