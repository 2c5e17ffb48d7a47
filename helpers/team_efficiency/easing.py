"""Easing off: does a person sell less once the month's target is reached? A reason to look, never a verdict on a person."""

import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.book import JOINS, Book, dimension_sql, remembered
from helpers.facts import LEVELS
from helpers.policy import People
from helpers.ratios import ratio
from helpers.targets_and_pacing.weights import day_weights, week_index
from helpers.text import join_names, money, number, percent

FIRST_LOOK, SECOND_LOOK = 200, 1000  # shuffles of a month: for everybody, and for those who stand out in the first
STANDS_OUT = 0.1
LEAST_WEIGHT = 0.1  # a day that hardly sells would blow up what was sold on it

MEASURED = (
    (1, 6, 400, 0.0, 100, 0.39),
    (2, 6, 400, 0.0025, 100, 0.76),
    (3, 6, 400, 0.0, 100, 0.8),
    (4, 6, 400, 0.0025, 100, 0.96),
    (5, 6, 400, 0.0025, 100, 0.97),
    (1, 12, 400, 0.0, 100, 0.87),
    (3, 12, 400, 0.0, 100, 1.0),
)
"""What the test does with simulated people, at the policy's own thresholds: orders a day, months of data, honest people, share of them
flagged, people who let two orders in five come once the target is reached, share of them found. tests/sellers.py made these figures."""


# ---- the test ---------------------------------------------------------------------------------------------------------------------


@remembered
def easing(book: Book) -> pd.DataFrame:
    """Does a person sell less per unit of day weight once the month's target is reached, more than chance and peers explain?

    The frame of `judge` over the last `easing_months` months, up to the last day on which anyone sold anything. Targets are set for the
    company, so a store's scope has no rows.
    """
    policy, weights = book.policy.people, day_by_day(book)
    return judge(sold_by_day(book, weights.index), goals(book, policy.easing_months), weights, policy)


@remembered
def day_by_day(book: Book) -> pd.Series:
    """Weight of each day of the last `easing_months` months with sales of anyone on it or later: a month that isn't over is cut."""
    last = book.sql("select max(day) as day from ledger where kind = 'sale' and day <= $end", end=book.last_day.date())["day"][0]
    days = pd.date_range(book.months_back(book.policy.people.easing_months)[0] + "-01", last)
    return (day_weights(book, days) * 7 / week_index(book).total).clip(lower=LEAST_WEIGHT)  # 1 = a mean ordinary day


def sold_by_day(book: Book, days: pd.DatetimeIndex) -> pd.DataFrame:
    """What each person sold on each of the days: day, employee_id, orders, counted, sold (before refunds), net (with the day's refunds).

    counted: an order counts up to the person's median order, so that neither a large one nor its absence looks like a change of pace.
    """
    return book.sql(
        """with orders as (select employee_id, store, order_id, min(day) as day, sum(gross_sales + discounts + shipping_income) as sold
                           from ledger where kind = 'sale' and employee_id <> '' and day between $start and $end
                           group by employee_id, store, order_id),
                typical as (select employee_id, quantile_disc(sold, 0.5) as typical from orders group by employee_id),
                refunds as (select employee_id, day, sum(refunds) as refunds from ledger
                            where kind = 'return' and employee_id <> '' and day between $start and $end group by employee_id, day),
                sales as (select employee_id, day, count(*) as orders, sum(least(sold, typical)) as counted, sum(sold) as sold
                          from orders join typical using (employee_id) group by employee_id, day)
           select day, employee_id, coalesce(orders, 0) as orders, cast(coalesce(counted, 0) as double) as counted,
                  cast(coalesce(sold, 0) as double) as sold, cast(coalesce(sold, 0) + coalesce(refunds, 0) as double) as net
           from sales full join refunds using (employee_id, day) order by day, employee_id""",
        start=days[0].date(), end=days[-1].date(),
    )  # fmt: skip


def goals(book: Book, months: int) -> pd.DataFrame:
    """Sales targets of people in the last `months` months: entity, month, target, hired_on, left_on. In a store's scope none."""
    frame = book.sql(
        """select entity, substr(cast(month as varchar), 1, 7) as month, cast(target as double) as target, hired_on, left_on
           from targets left join employees on entity = employee_id
           where level = 'employee' and metric = 'net_sales' and target > 0 order by entity, month"""
    )
    return frame[frame["month"].isin(book.months_back(months)) & (book.scope == "company")].reset_index(drop=True)


def judge(days: pd.DataFrame, targets: pd.DataFrame, weights: pd.Series, policy: People) -> pd.DataFrame:
    """Who sells less after reaching the target than chance and peers explain? Pure: what `easing` does once the tables are read.

    days: as of `sold_by_day`; targets: as of `goals`; weights: of each day. The pace after the target, over all months in which it was
    reached with a day to go, is held against the pace before it, over all months. A day's weight is that of the week times the level
    at which those sold who had not reached a target yet. Chance: each day gives its place to another day of the same person and weekday,
    the day of reaching is found anew, and so on some thousand times; so good luck before the target isn't taken for ease after it.
    p-values are corrected for the number of people (Holm).

    Columns: entity (employee), orders_a_day, level_after_target (pace after ÷ pace before, divided by what the shuffles give: 1 = as
    chance has it), months_met, days_after, p_value, significant, lost_sales (what the pace before would have brought more in a mean
    one of these months).
    """
    wide = {value: _by_day(days, value, weights.index) for value in ("orders", "counted", "sold", "net")}
    targets = targets[targets["entity"].isin(wide["net"].columns)].sort_values(["entity", "month"])
    if targets.empty:
        return pd.DataFrame(columns=["entity", "orders_a_day", *_ROW]).assign(significant=pd.Series(dtype=bool))
    month_of = weights.index.strftime("%Y-%m")
    goal = targets.pivot(index="month", columns="entity", values="target").reindex(month_of, columns=wide["net"].columns)
    goal = goal.set_axis(weights.index)
    present, after = _employed(targets, wide["net"]), _reached_before(wide["net"], goal, month_of)
    weight = weights.to_numpy()[:, None]
    usual = wide["orders"].groupby(month_of).transform("mean")  # who has no target is asked for what they sell
    exposure = weight * peers(wide["orders"], goal.fillna(usual) * weight, present & ~after)
    rows = []
    sums = int(4 * max(targets["entity"].nunique(), 1) / policy.easing_significance)  # Holm asks for small p-values
    for person, own in targets.groupby("entity"):
        at = wide["net"].columns.get_loc(person)
        months = []
        for month, target in zip(own["month"], own["target"], strict=True):
            here = (month_of == month) & present[:, at]
            scale = exposure[here, at]
            levels = [wide[value].to_numpy()[here, at] / scale / target for value in ("counted", "net")]
            months.append((target, weights.index.day_of_week[here].to_numpy(), scale, *levels))
        row = after_target(months, FIRST_LOOK, 10 * FIRST_LOOK, zlib.crc32(person.encode()))
        if row["p_value"] <= STANDS_OUT:
            row = after_target(months, SECOND_LOOK, max(sums, 10 * SECOND_LOOK), zlib.crc32(person.encode()))
        worth = wide["sold"][person].sum() / max(wide["counted"][person].sum(), 1e-9)  # an order counted up to the median brings more
        seen = present[np.isin(month_of, own["month"]), at].sum()
        rate = wide["orders"][person][np.isin(month_of, own["month"])].sum() / max(seen, 1)
        rows.append({"entity": person, "orders_a_day": float(rate)} | row | {"lost_sales": row["lost_sales"] * worth})
    frame = pd.DataFrame(rows, columns=["entity", "orders_a_day", *_ROW])
    judged = frame["months_met"].astype(float) >= policy.min_months_met
    return frame.assign(significant=judged & holm(frame["p_value"].astype(float).where(judged), policy.easing_significance))


_ROW = ["level_after_target", "months_met", "days_after", "p_value", "lost_sales"]


def _by_day(sales: pd.DataFrame, value: str, days: pd.DatetimeIndex) -> pd.DataFrame:
    wide = sales.pivot(index="day", columns="employee_id", values=value)
    return wide.set_axis(pd.to_datetime(wide.index)).reindex(days).fillna(0.0).sort_index(axis=1)


def _employed(targets: pd.DataFrame, net: pd.DataFrame) -> np.ndarray:
    spans = targets.groupby("entity")[["hired_on", "left_on"]].first().reindex(net.columns)
    first, last = (pd.to_datetime(spans[name]).to_numpy()[None, :] for name in ("hired_on", "left_on"))
    day = net.index.to_numpy()[:, None]
    return (np.isnat(first) | (day >= first)) & (np.isnat(last) | (day <= last))


def _reached_before(net: pd.DataFrame, goal: pd.DataFrame, month_of: pd.Index) -> np.ndarray:
    """By day and person: had the month's sales reached its target on an earlier day?"""
    most = net.groupby(month_of).cumsum().groupby(month_of).cummax()
    return (most.groupby(month_of).shift(1) >= goal - 1e-9).to_numpy()


def peers(orders: pd.DataFrame, load: pd.DataFrame, yet: np.ndarray) -> np.ndarray:
    """How busy was a day for the others, beyond its weight? By day and person: orders of the others ÷ what their own pace had expected.

    orders, load, yet: by day and person. load: what a day asks for, its weight times the month's target; only who is `yet` to reach it
    counts, and their pace is that of all months, since who is late in a month is so partly by bad luck that doesn't last. 1 = as
    expected. Few orders say little, so the ratio is drawn towards 1 as far as chance explains it (gamma-Poisson); it is 1 without others.

    >>> days = pd.date_range("2025-06-02", periods=4)
    >>> three = pd.DataFrame(100.0, index=days, columns=list("abc")).mul([1.5, 1.5, 0.5, 0.5], axis=0)
    >>> peers(three, three * 0 + 1, np.full((4, 3), True)).round(2)[:, 0].tolist()
    [1.49, 1.49, 0.51, 0.51]
    >>> peers(three[["a"]], three[["a"]] * 0 + 1, np.full((4, 1), True))[:, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    seen, due = orders.where(yet, 0.0).to_numpy(), load.where(yet, 0.0).to_numpy()
    due = due * (seen.sum(axis=0) / np.where(due.any(axis=0), due.sum(axis=0), 1.0))
    got, expected = seen.sum(axis=1), due.sum(axis=1)
    beyond = ((got - expected) ** 2 - expected).sum() / max((expected**2).sum(), 1e-9)  # variance of the ratio beyond that of counts
    if beyond <= 0:
        return np.ones(orders.shape)
    return (got[:, None] - seen + 1 / beyond) / (expected[:, None] - due + 1 / beyond)


def after_target(months: Sequence[tuple], draws: int, sums: int, seed: int = 20250101) -> dict:
    """What one person's selling does after the target is reached, against shuffles of the days.

    months: (target, weekday, exposure, counted, net) per month, the last four by day; counted and net as parts of the target per unit of
    exposure. Each month is shuffled `draws` times, and `sums` times one shuffle of each month makes a year that chance could have brought.
    Keys as the columns of `judge`; blank or 0 where no month reached its target with a day to go.

    >>> steady = (100.0, np.arange(10) % 7, np.ones(10), np.full(10, 0.2), np.full(10, 0.2))
    >>> after_target([steady] * 3, 50, 100)
    {'level_after_target': 1.0, 'months_met': 3, 'days_after': 15, 'p_value': 1.0, 'lost_sales': 0.0}
    """
    blank = {"level_after_target": np.nan, "months_met": 0, "days_after": 0, "p_value": np.nan, "lost_sales": 0.0}
    seen = np.array([_tally(exposure, counted, net) for _, _, exposure, counted, net in months]).reshape(-1, 5)
    met = seen[:, 4] > 0
    if not met.any():
        return blank
    rng = np.random.default_rng(seed)
    weekday, counted, net = (np.concatenate([month[column] for month in months]) for column in (1, 3, 4))
    alike = [np.flatnonzero(weekday == day) for day in range(7)]
    chance = np.zeros((sums, 4))
    for _, days, exposure, _, _ in months:
        order = np.stack([rng.choice(alike[day], draws) for day in days], axis=1) if len(days) else np.zeros((draws, 0), int)
        shuffled = _tally(exposure, counted[order], net[order])[:, :4]
        chance += shuffled[rng.integers(0, draws, sums)]
    total = seen[:, :4].sum(axis=0)
    p_value = (1 + (_score(chance) <= _score(total) + 1e-9).sum()) / (1 + sums)
    usual = _level(chance.sum(axis=0))
    pace = usual * total[2] / total[3] if total[3] > 0 else 0.0
    lost = sum(month[0] * (pace * row[1] - row[0]) for month, row in zip(months, seen, strict=True))
    return {
        "level_after_target": float(round(_level(total) / usual, 12)) if usual > 0 else np.nan,
        "months_met": int(met.sum()),
        "days_after": int(seen[:, 4].sum()),
        "p_value": float(p_value),
        "lost_sales": float(max(round(lost, 9), 0.0) / met.sum()),
    }


def _tally(exposure: np.ndarray, counted: np.ndarray, net: np.ndarray) -> np.ndarray:
    """Of each row of days: counted and exposure after the day of reaching, the same up to it, and the days after it."""
    over = (net * exposure).cumsum(axis=-1) >= 1 - 1e-9
    late = (over.cumsum(axis=-1) > 0) & ~(over & (over.cumsum(axis=-1) == 1))
    got = counted * exposure
    after, load = (got * late).sum(axis=-1), (exposure * late).sum(axis=-1)
    return np.stack([after, load, got.sum(axis=-1) - after, exposure.sum() - load, late.sum(axis=-1)], axis=-1)


def _score(tally: np.ndarray) -> np.ndarray:
    """What was sold after the target less what the pace before it would have brought, in units of its noise."""
    after, load, before, base = np.moveaxis(tally, -1, 0)
    spread = np.sqrt(load + load**2 / np.maximum(base, 1e-9))
    return (after - before / np.maximum(base, 1e-9) * load) / np.where(spread > 0, spread, 1.0)


def _level(tally: np.ndarray) -> float:
    after, load, before, base = tally
    return after / load / (before / base) if min(load, before, base) > 0 else np.nan


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


# ---- innocent explanations --------------------------------------------------------------------------------------------------------


def reached(book: Book, level: str, months: Sequence[str]) -> pd.DataFrame:
    """When did each month's net sales reach the target? entity, month, target, reached (the first such day; blank = not).

    level: `employee`, `team` or `channel`. Refunds count on their day. In a store's scope none, since targets are the company's.
    """
    entity = dimension_sql(LEVELS[level])
    return book.sql(
        f"""with aims as (select substr(cast(month as varchar), 1, 7) as month, entity, cast(target as double) as target from targets
                          where level = $level and metric = 'net_sales' and target > 0),
                 days as (select l.month, {entity} as entity, l.day, sum(gross_sales + discounts + shipping_income + refunds) as net
                          from ledger l {JOINS.get(LEVELS[level], "")} where kind in ('sale', 'return') and l.month in (select unnest($months))
                          group by l.month, {entity}, l.day),
                 sums as (select month, entity, day, sum(net) over (partition by month, entity order by day) as so_far from days)
            select entity, month, any_value(target) as target, min(day) filter (so_far >= target) as reached
            from aims left join sums using (month, entity) where month in (select unnest($months)) and $scope = 'company'
            group by entity, month order by entity, month""",
        level=level, months=list(months), scope=book.scope,
    )  # fmt: skip


def excuses(book: Book, frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """What else may have slowed each person down after the target? A row per person of `frame` (as of `easing`) who can be judged.

    Over the months in which the target was reached with a day to go. Columns: who, ran_out (part of what they had sold
    before, by value, in goods of which a later count of that store's stock found none), campaign_over (part of it under campaigns, as far
    as these were over afterwards), recorded_days (days with a record of activity: those after ÷ what the rate before would have given)
    and others_sales (of everybody else in the same stores and channels: those after ÷ what their level before would have given, by day
    weight). Blank = the tables don't tell. speaks: which of them reach the policy's `innocent_share`, in words.
    """
    weights = day_by_day(book)
    met = reached(book, "employee", book.months_back(book.policy.people.easing_months)).dropna(subset="reached")
    ends = pd.PeriodIndex(met["month"], freq="M").end_time.normalize().to_series(index=met.index).clip(upper=weights.index[-1])
    spans = met.assign(last=ends, reached=pd.to_datetime(met["reached"]))
    judged = frame[frame["months_met"].astype(float) >= book.policy.people.min_months_met]
    spans = spans[(spans["reached"] < spans["last"]) & spans["entity"].isin(judged["entity"])].reset_index(drop=True)
    values = {"people": spans["entity"].tolist(), "months": spans["month"].tolist(), "ends": [day.date() for day in spans["last"]]}
    values["days"] = [day.date() for day in spans["reached"]]
    found = spans[["entity"]].drop_duplicates().set_index("entity")
    found = found.join(_ran_out(book, values)).join(_campaign_over(book, values)).join(_recorded(book, values))
    found = found.join(_others(book, spans, weights)).reindex(judged["entity"])
    part = book.policy.people.innocent_share
    speaks = {"stock ran out": found["ran_out"] >= part, "a campaign ended": found["campaign_over"] >= part}
    speaks |= {"leave or illness": found["recorded_days"] <= 1 - part, "customers were away": found["others_sales"] <= 1 - part}
    words = [[name for name, true in speaks.items() if true[person]] for person in found.index]
    return found.assign(who=found.index.map(who), speaks=["; ".join(each) or "none of these" for each in words]).reset_index(drop=True)[
        ["who", *EXCUSES, "speaks"]
    ]


EXCUSES = ["ran_out", "campaign_over", "recorded_days", "others_sales"]
_SPANS = """spans as (select unnest(cast($people as varchar[])) as employee_id, unnest(cast($months as varchar[])) as month,
                 unnest(cast($days as date[])) as reached, unnest(cast($ends as date[])) as last)"""
_SOLD = "sum(gross_sales + discounts + shipping_income)"


def _ran_out(book: Book, values: dict) -> pd.Series:
    frame = book.sql(
        f"""with {_SPANS},
                 before as (select employee_id, month, reached, last, store, product_id, {_SOLD} as sold from ledger join spans using (employee_id, month)
                            where kind = 'sale' and day <= reached group by all),
                 counts as (select distinct store, date from stock),
                 listed as (select store, product_id, min(date) as since from stock group by store, product_id),
                 seen as (select b.employee_id, b.month, b.store, b.product_id, any_value(b.sold) as sold, min(coalesce(s.on_hand, 0)) as least
                          from before b join counts c on b.store = c.store and c.date > b.reached and c.date <= b.last
                          join listed f on b.store = f.store and b.product_id = f.product_id and f.since <= c.date
                          left join stock s on s.store = b.store and s.product_id = b.product_id and s.date = c.date
                          group by b.employee_id, b.month, b.store, b.product_id)
            select employee_id, cast(sum(sold) filter (least <= 0) as double) as gone, cast(sum(sold) as double) as known from seen group by employee_id order by employee_id""",
        **values,
    ).set_index("employee_id")  # fmt: skip
    return ratio(frame["gone"].fillna(0.0), frame["known"]).rename("ran_out")


def _campaign_over(book: Book, values: dict) -> pd.Series:
    frame = book.sql(
        f"""with {_SPANS},
                 before as (select employee_id, month, reached, last, campaign_id, {_SOLD} as sold from ledger join spans using (employee_id, month)
                            where kind = 'sale' and day <= reached group by all)
            select employee_id, cast(sum(sold) as double) as sold, sum(case when campaign_id = '' then 0
                       else cast(sold as double) * greatest(0, least(last - ends_on, last - reached)) / (last - reached) end) as over
            from before left join campaigns using (campaign_id) group by employee_id order by employee_id""",
        **values,
    ).set_index("employee_id")  # fmt: skip
    share = ratio(frame["over"].fillna(0.0), frame["sold"]).rename("campaign_over")
    return share * np.nan if "campaigns" in book.missing else share


def _recorded(book: Book, values: dict) -> pd.Series:
    frame = book.sql(
        f"""with {_SPANS},
                 days as (select distinct employee_id, date from activities),
                 seen as (select employee_id, s.month, any_value(last - reached) as left_over, count(*) filter (date > reached) as after,
                                 count(*) filter (date <= reached) / any_value(day(reached)) as rate
                          from spans s join days d using (employee_id)
                          where date between cast(s.month || '-01' as date) and last group by employee_id, s.month)
            select employee_id, cast(sum(after) as double) as after, sum(rate * left_over) as due from seen
            group by employee_id order by employee_id""",
        **values,
    ).set_index("employee_id")  # fmt: skip
    return ratio(frame["after"], frame["due"]).rename("recorded_days")


def _others(book: Book, spans: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """Sales of everybody else where a person sells, each place weighed by what the person had sold there before."""
    daily = book.sql(
        f"""select month, day(day) as day, store || chr(31) || channel as place, employee_id as entity, cast({_SOLD} as double) as sold
            from ledger where kind = 'sale' and month in (select unnest($months)) group by all order by all""",
        months=sorted(set(spans["month"])) or [""],
    )  # fmt: skip
    found = {}
    for month, here in daily.groupby("month"):
        (who, people), (where, places) = (pd.factorize(here[name], sort=True) for name in ("entity", "place"))
        sold = np.zeros((len(people), len(places), 31))
        sold[who, where, here["day"] - 1] = here["sold"]
        weight = weights[month].to_numpy()
        for span in spans[spans["month"] == month].itertuples():
            own, last, on = sold[list(people).index(span.entity)], span.last.day, span.reached.day
            others = own[:, :on].sum(axis=1) @ (sold.sum(axis=0) - own)
            after, due = found.get(span.entity, (0.0, 0.0))
            due += others[:on].sum() / weight[:on].sum() * weight[on:last].sum()
            found[span.entity] = after + others[on:last].sum(), due
    frame = pd.DataFrame(found.values(), index=list(found), columns=["after", "due"], dtype=float)
    return ratio(frame["after"], frame["due"]).rename("others_sales")


# ---- what people read -------------------------------------------------------------------------------------------------------------


def evidence(frame: pd.DataFrame, who: pd.Series, book: Book) -> pd.DataFrame:
    """The frame of `easing` for readers: people who reached a target early at least once, with what their row says."""
    few = frame["months_met"].astype(float) < book.policy.people.min_months_met
    says = np.where(few, "too few months", np.where(frame["significant"], "less than chance gives", "as chance may give"))
    chance = frame["p_value"].astype(float).where(~few).map(lambda p: number(p, 4))
    shown = frame.assign(who=frame["entity"].map(who), says=says, chance_of_such=chance)
    shown["level_after_target"] = shown["level_after_target"].where(~few)  # of few days it would be read as one of a person
    columns = ["who", "orders_a_day", "months_met", "days_after", "level_after_target", "chance_of_such", "says"]
    return shown.loc[frame["months_met"] > 0, columns].reset_index(drop=True)


def read_excuses(frame: pd.DataFrame) -> str:
    """The frame of `excuses` in a sentence: for whom the tables name another reason."""
    if frame.empty:
        return "Nobody reached a target early often enough to be judged, so there is nothing to excuse."
    named = frame[frame["speaks"] != "none of these"]
    said = f"Of {len(frame)} people who can be judged the tables name another reason for {len(named) or 'none'}"
    if frame[EXCUSES[:3]].isna().all().any():
        said += "; what stands blank they can't tell"
    if named.empty:
        return f"{said}."
    return f"{said}: {join_names([f'{row.who} ({row.speaks})' for row in named.itertuples()], 12, 90)}."


def read_easing(frame: pd.DataFrame, who: pd.Series, book: Book) -> str:
    """The frame of `easing` in a sentence: how many could be judged, and who sells less than chance and peers explain."""
    policy = book.policy.people
    if frame.empty:
        return "Nobody has a sales target on record that this scope can follow by the day."
    flagged = frame[frame["significant"]]
    judged = (frame["months_met"] >= policy.min_months_met).sum()
    if not judged:
        said = f"None of {len(frame)} people with a target reached it early enough in at least {policy.min_months_met}"
        return f"{said} of the last {policy.easing_months} months, so nobody can be read."
    said = f"{judged} of {len(frame)} people reached the target early enough"
    said += f" in at least {policy.min_months_met} of the last {policy.easing_months} months to be read"
    if flagged.empty:
        return f"{said}; none of them sells less afterwards than chance and peers explain."
    row = flagged.sort_values("p_value", kind="stable").iloc[0]
    name = who.get(row["entity"], row["entity"])
    said += f"; {join_names(flagged['entity'].map(who), 12)}: less than chance and peers explain."
    said += f" {name} goes on at {percent(row['level_after_target'], 0)} of the expected level,"
    return f"{said} {money(row['lost_sales'], book.currency)} of sales a month that the pace before would have brought."


def power() -> pd.DataFrame:
    """How far can the test be trusted? MEASURED as a frame: orders_a_day, months, honest, named_by_mistake, easing_off, found."""
    return pd.DataFrame(list(MEASURED), columns=["orders_a_day", "months", "honest", "named_by_mistake", "easing_off", "found"])


def read_power(frame: pd.DataFrame) -> str:
    """How often the test is right about simulated people, in a sentence, and how many orders those here have. frame: as of `easing`."""
    table = power()
    first = table[table["months"] == table["months"].min()]
    rest = [f"{percent(row['found'], 0)} at {number(row['orders_a_day'])}" for _, row in first.iloc[1:].iterrows()]
    said = f"Tried on {first['honest'].iloc[0]} simulated honest people and {first['easing_off'].iloc[0]} who let two orders in five come"
    said += (
        f" once the target is reached: with {first['months'].iloc[0]} months of data it names {percent(first['named_by_mistake'].max(), 2)}"
    )
    said += (
        f" of the honest at most, and finds {percent(first['found'].iloc[0], 0)} of the others at {number(first['orders_a_day'].iloc[0])}"
    )
    said += f" order a day, {join_names(rest, len(rest))}."
    later = table[table["months"] > first["months"].iloc[0]]
    said += (
        f" With {later['months'].iloc[0]} months it finds {percent(later['found'].iloc[0], 0)} at {number(later['orders_a_day'].iloc[0])}."
    )
    if frame.empty:
        return said
    return f"{said} People here have {number(frame['orders_a_day'].median(), 1)} a day; easing off that is rare or slight stays unseen."
