"""Easing off: does a person sell less once the month's target is reached? A reason to look, never a verdict on a person."""

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.text import join_names, number, percent
from helpers.weights import day_weights, week_index

DRAWS = 2000  # shuffles of a person's days


def easing(book: Book) -> pd.DataFrame:
    """Does a person sell less per unit of day weight once the month's target is reached, more than chance and peers explain?

    For every month of the last `easing_months` in which a person reached the net-sales target with at least three days to go:
    sales per weight after that day against before it, with each day first divided by the level of the others on that day. The days
    of each month are shuffled to see how often chance alone gives such a drop. Shuffling finds the day of reaching anew, and only
    orders that reach the target as early count: good days come before a target that is reached early, also when nobody eases off.
    p-values are corrected for the number of people (Holm).

    Targets are set for the company, so a store's scope has no rows. Columns: entity (employee), level_after_target (the level after
    against before, divided by what the shuffles give: 1 = as chance has it), months_met, days_after, p_value, significant,
    lost_sales (what the level before would have brought in a mean one of these months).
    """
    policy = book.policy.people
    months = book.months_back(policy.easing_months)
    days = pd.date_range(months[0] + "-01", book.last_day)
    weights = day_weights(book, days) * 7 / week_index(book).total  # 1 = a mean ordinary day
    sales = book.sql(
        """select day, employee_id, cast(sum(gross_sales + discounts + shipping_income) as double) as sold,
                  cast(sum(gross_sales + discounts + shipping_income + refunds) as double) as net
           from ledger where kind in ('sale', 'return') and employee_id <> '' and day between $start and $end
           group by day, employee_id""",
        start=weights.index[0].date(), end=book.last_day.date(),
    )  # fmt: skip
    targets = book.sql(
        """select substr(cast(month as varchar), 1, 7) as month, entity, cast(target as double) as target from targets
           where level = 'employee' and metric = 'net_sales' and target > 0 order by entity, month"""
    )
    targets = targets[targets["month"].isin(months) & (book.scope == "company")]
    sold, net = (_by_day(sales, value, weights.index) for value in ("sold", "net"))
    levels = sold.div(weights.replace(0, np.nan), axis=0).fillna(0.0)
    everyone, month_of = levels.sum(axis=1).to_numpy(), weights.index.strftime("%Y-%m")
    spans = {}
    for person, goals in targets[targets["entity"].isin(sold.columns)].groupby("entity"):
        own, own_net = levels[person].to_numpy(), net[person].to_numpy()
        spans[person] = []
        for month, goal in zip(goals["month"], goals["target"], strict=True):
            days = month_of == month
            others = everyone[days] - own[days]
            peers = np.clip(others / others.mean(), 0.2, None) if others.any() else 1.0  # a day on which hardly anyone sold proves nothing
            spans[person].append((goal, own[days] / peers, own_net[days]))
    # The correction for many people needs p-values smaller than the first draws can give: only the suspicious ones are drawn again.
    fine = max(DRAWS, int(2 * len(spans) / policy.easing_significance))
    rows = []
    for person, months_of in spans.items():
        row = after_target(months_of, DRAWS)
        rows.append(
            {"entity": person} | (after_target(months_of, fine) if fine > DRAWS and row["p_value"] <= policy.easing_significance else row)
        )
    frame = pd.DataFrame(rows, columns=["entity", "level_after_target", "months_met", "days_after", "p_value", "lost_sales"])
    judged = frame["months_met"].astype(float) >= policy.min_months_met
    return frame.assign(significant=judged & holm(frame["p_value"].astype(float).where(judged), policy.easing_significance))


def _by_day(sales: pd.DataFrame, value: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    wide = sales.pivot(index="day", columns="employee_id", values=value)
    return wide.set_axis(pd.to_datetime(wide.index)).reindex(days).fillna(0.0).sort_index(axis=1)


def after_target(months: list[tuple[float, np.ndarray, np.ndarray]], draws: int, seed: int = 20250101) -> dict:
    """What one person's selling does after the target is reached, against `draws` shuffles of each month's days.

    months: (target, level of each day, net sales of each day) per month. Keys as the columns of `easing`; all blank or 0 where no
    month reached its target with three days to go.

    >>> after_target([(90.0, np.full(10, 10.0), np.full(10, 10.0))], 100)["months_met"]
    0
    >>> steady = after_target([(50.0, np.full(10, 10.0), np.full(10, 10.0))] * 3, 100)
    >>> steady["level_after_target"], steady["days_after"], steady["p_value"]
    (1.0, 15, 1.0)
    """
    rng = np.random.default_rng(seed)
    drop, drops, seen, chance, days_after = 0.0, np.zeros(draws), np.zeros(2), np.zeros(2), 0
    means = []
    for goal, level, net in months:
        reached = _reached(net[None, :], goal)
        left = len(level) - reached[0] - 1
        if left < 3:
            continue
        order = rng.permuted(np.tile(np.arange(len(level)), (draws, 1)), axis=1)
        order = order[_reached(net[order], goal) < len(level) - 3]
        order = np.vstack([np.arange(len(level)), order])  # what happened is one of the orders that chance can give
        shuffled = level[order]
        at = _reached(net[order], goal)
        before, after = _before_and_after(shuffled, at)
        gaps = (after - before) / (level.mean() or 1.0)
        drop, drops = drop + gaps[0], drops + rng.choice(gaps, draws)
        seen, chance = seen + (before[0], after[0]), chance + (before.mean(), after.mean())
        means.append((before[0], after[0], left))
        days_after += left
    if not means:
        return {"level_after_target": np.nan, "months_met": 0, "days_after": 0, "p_value": np.nan, "lost_sales": 0.0}
    usual = chance[1] / chance[0] if chance[0] > 0 else 1.0
    lost = sum((usual * before - after) * left for before, after, left in means)
    return {
        "level_after_target": float(seen[1] / seen[0] / usual) if seen[0] * usual > 0 else np.nan,
        "months_met": len(means),
        "days_after": int(days_after),
        "p_value": float((1 + (drops <= drop + 1e-12).sum()) / (1 + draws)),
        "lost_sales": float(max(lost, 0.0) / len(means)),
    }


def _reached(net: np.ndarray, goal: float) -> np.ndarray:
    """Index of the day on which each row's running total reaches the goal; the last day where it never does."""
    over = net.cumsum(axis=1) >= goal - 1e-9
    return np.where(over.any(axis=1), over.argmax(axis=1), net.shape[1] - 1)


def _before_and_after(level: np.ndarray, reached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row's mean level up to the day of reaching, and after it."""
    late = np.arange(level.shape[1])[None, :] > reached[:, None]
    count = late.sum(axis=1)
    total, after = level.sum(axis=1), (level * late).sum(axis=1)
    return (total - after) / (level.shape[1] - count), after / count


def holm(p_values: pd.Series, significance: float) -> pd.Series:
    """Which of several p-values stay significant when all are tested together (Holm 1979); blank ones never do.

    >>> holm(pd.Series([0.001, 0.02, 0.03, None]), 0.05).tolist()
    [True, True, True, False]
    >>> holm(pd.Series([0.02, 0.04, 0.03]), 0.05).tolist()
    [False, False, False]
    """
    known = p_values.dropna().sort_values()
    steps = np.arange(len(known), 0, -1)
    passed = (known.to_numpy() * steps <= significance).cumprod().astype(bool)
    return p_values.index.isin(known.index[passed]) & pd.Series(True, index=p_values.index)


def evidence(frame: pd.DataFrame, who: pd.Series, book: Book) -> pd.DataFrame:
    """The frame of `easing` for readers: people who reached a target early at least once, with what their row says."""
    few = frame["months_met"] < book.policy.people.min_months_met
    says = np.where(few, "too few months", np.where(frame["significant"], "less than chance gives", "as chance may give"))
    shown = frame.assign(who=frame["entity"].map(who), says=says, chance_of_such=frame["p_value"].map(lambda p: number(p, 4)))
    columns = ["who", "months_met", "days_after", "level_after_target", "chance_of_such", "says"]
    return shown.loc[frame["months_met"] > 0, columns].reset_index(drop=True)


def read_easing(frame: pd.DataFrame, who: pd.Series, book: Book) -> str:
    """The frame of `easing` in a sentence: how many could be judged, and who sells less than chance and peers explain."""
    policy = book.policy.people
    if frame.empty:
        return "Nobody has a sales target on record that this scope can follow by the day."
    flagged = frame[frame["significant"]]
    judged = (frame["months_met"] >= policy.min_months_met).sum()
    said = f"{judged} of {len(frame)} people reached the target early enough"
    said += f" in at least {policy.min_months_met} of the last {policy.easing_months} months to be read"
    if flagged.empty:
        return f"{said}; none of them sells less afterwards than chance and peers explain."
    row = flagged.sort_values("p_value", kind="stable").iloc[0]
    name = who.get(row["entity"], row["entity"])
    said += f"; {join_names(flagged['entity'].map(who), 12)}: less than chance and peers explain."
    return f"{said} {name} goes on at {percent(row['level_after_target'], 0)} of the expected level."
