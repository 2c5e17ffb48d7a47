"""Simulated sellers, honest and easing off: how often does the test accuse the one and find the other?

`python tests/sellers.py` prints the table that helpers/team_efficiency/easing.py carries as MEASURED.
"""

import numpy as np
import pandas as pd

from helpers.policy import load_policy
from helpers.team_efficiency import easing

WEEK = np.array([100, 102, 104, 108, 120, 140, 135]) / 115.6  # Monday to Sunday
FIRST = pd.Timestamp("2025-01-01")


def company(
    seed: int,
    honest: int,
    eased: int,
    orders_a_day: float,
    months: int = 6,
    keeps: float = 0.4,
    reach: tuple[float, float] = (0.7, 0.9),
    drift: float = 0.1,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """What `judge` reads, for a made-up company: days, targets and weights. The honest come first: S000, S001, …

    Orders are counts round a pace that differs between people (by 30 %), between their months (10 %) and days (30 %), with days that
    are good or bad for all (15 %) and a `drift` of all from the first of the month to its last, up or down. Half of the people
    have two days off a week. Amounts are log-normal (σ = 0.7), 8 in 100 are refunded 3 to 30 days later. The month's target is
    a share `reach` of the net sales that would come. Who eases off lets only the share `keeps` of their orders come from the day after it is reached.
    """
    rng = np.random.default_rng(seed)
    people = honest + eased
    days = pd.date_range(FIRST, FIRST + pd.DateOffset(months=months) - pd.Timedelta(days=1))
    weights, month = WEEK[days.day_of_week], (days.month - 1).to_numpy()
    works = np.ones((7, people))
    for person in np.flatnonzero(rng.random(people) < 0.5):
        works[rng.choice(7, 2, replace=False), person] = 0
    works *= 7 / (works * WEEK[:, None]).sum(axis=0)
    pace = orders_a_day * rng.lognormal(-0.045, 0.3, people) * rng.lognormal(-0.005, 0.1, (months, people))
    goal = pace * np.bincount(month, weights)[:, None] * np.exp(0.245) * 0.92 * rng.uniform(*reach, (months, people))
    slope = rng.uniform(-drift, drift, months)
    common = rng.lognormal(-0.011, 0.15, len(days)) * (1 + slope[month] * (days.day.to_numpy() - 15.5) / 15.5)
    counts = rng.poisson(pace[month] * (common * weights)[:, None] * works[days.day_of_week] * rng.gamma(10, 0.1, (len(days), people)))
    net, so_far, rows = np.zeros((len(days) + 31, people)), np.zeros(people), []
    for day in range(len(days)):
        if days[day].day == 1:
            so_far[:] = 0
        who = np.repeat(np.arange(people), counts[day])
        kept = (so_far < goal[month[day]])[who] | (who < honest) | (rng.random(len(who)) < keeps)
        who = who[kept]
        amount = rng.lognormal(0, 0.7, len(who))
        rows.append(pd.DataFrame({"day": day, "employee_id": who, "counted": np.minimum(amount, 1), "sold": amount}))
        net[day] += np.bincount(who, amount, people)
        back = rng.random(len(who)) < 0.08
        np.subtract.at(net, (day + rng.integers(3, 31, back.sum()), who[back]), amount[back])
        so_far += net[day]
    names = [f"S{person:03d}" for person in range(people)]
    orders = pd.concat(rows).groupby(["day", "employee_id"]).agg(orders=("sold", "size"), counted=("counted", "sum"), sold=("sold", "sum"))
    frame = pd.DataFrame(net[: len(days)]).rename_axis(index="day", columns="employee_id").stack().rename("net").to_frame().join(orders)
    frame = frame.fillna(0.0).reset_index()
    frame = frame.assign(day=days[frame["day"]], employee_id=np.array(names)[frame["employee_id"]])
    targets = (
        pd.DataFrame(goal, columns=names)
        .assign(month=days.strftime("%Y-%m").unique())
        .melt("month", var_name="entity", value_name="target")
    )
    targets = targets.assign(hired_on=pd.NaT, left_on=pd.NaT)
    return frame, targets, pd.Series(weights, index=days)


def told(companies: int, honest: int, eased: int, orders_a_day: float, months: int, seed: int = 1, **kinds) -> pd.DataFrame:
    """What `judge` says of all people of several companies, in each of which people are judged among the others; adds `honest`."""
    policy = load_policy().people
    made = (company(seed + i, honest, eased, orders_a_day, months, **kinds) for i in range(companies))
    rows = pd.concat([easing.judge(*each, policy) for each in made], ignore_index=True)
    return rows.assign(honest=rows["entity"].str[1:].astype(int) < honest)


def measured(orders_a_day: float, months: int) -> tuple[float, int, int, float, int, float]:
    """One row of MEASURED, of 20 companies with 20 honest people and 5 who ease off."""
    rows = told(20, 20, 5, orders_a_day, months)
    flagged, found = (float(rows.loc[rows["honest"] == honest, "significant"].mean()) for honest in (True, False))
    return orders_a_day, months, 400, round(flagged, 4), 100, round(found, 4)


if __name__ == "__main__":
    for orders_a_day, months in ((1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (1, 12), (3, 12)):
        print(f"    {measured(orders_a_day, months)},", flush=True)
