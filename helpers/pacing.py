"""Pacing: what each day weighs, how far the month is, and what must still be sold a day.

The weekly weight index (周权重指数) makes days comparable: sales ÷ weight reads a Sunday against a Monday. Pure functions with the
formulas come first, then what they give for a book. Company, stores and channels have weights of their own; all else weighs as the
company does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.book import JOINS, Book, dimension_sql, remembered
from helpers.metrics import LEVELS, month_targets
from helpers.targets import split
from helpers.text import join_names, label, number

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
    sold = means.astype(float).clip(lower=0).fillna(0.0)
    sold = sold + 1.0 * ~sold.any()
    return sold / sold[sold > 0].min() if total is None else sold / sold.sum() * total


def weights_of(days: pd.DatetimeIndex, weekdays: pd.Series, own: pd.Series | None = None) -> pd.Series:
    """The weight of each day: that of its weekday, or its own where `own` (by day) has one.

    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> float(november.sum().round(9))
    42.4
    """
    weights = pd.Series(weekdays.to_numpy(float)[days.day_of_week], index=days)
    return weights if own is None else own.astype(float).reindex(days).fillna(weights)


def daily_targets(target: float, weights: pd.Series) -> pd.Series:
    """What must each day bring? A month's target split by weight, to the cent; the cents add up to the target exactly.

    target × weight ÷ Σ weights, cut to cents; the cents that are left go to the days that lost most by the cut (largest remainder).
    Blank on all days for a target that is missing or ≤ 0, or where nothing weighs anything.

    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> daily_targets(3_000_000, november).loc[["2025-11-01", "2025-11-11"]].tolist()
    [132665.09, 212264.15]
    >>> daily_targets(448_400, pd.Series([10.0, 496.0])).tolist()  # the published example: 448,400 × 10 ÷ 506
    [8861.66, 439538.34]
    """
    return (split(target, weights) if target > 0 else weights * np.nan).rename("target")


def paced(actual: float, target: float, weights: pd.Series, days: int) -> dict:
    """How far is a month of these weights after so many days, and what is still needed? Keys as in `pace`.

    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> told = paced(1_150_000, 3_000_000, november, 12)
    >>> round(told["landing"]), round(told["gap"])
    (2727832, 272168)
    >>> [percent(told[name], 2) for name in ("progress", "attainment")], percent(told["required_change"])
    (['42.16%', '38.33%'], '17.2%')
    >>> [percent(told[name]) for name in ("calendar_pace_index", "pace_index")]  # the calendar flatters
    ['95.8%', '90.9%']
    """
    blank = np.nan
    target = target if target > 0 else blank
    done, whole = float(weights.iloc[:days].sum()), float(weights.sum())
    left = max(whole - done, 0.0) if days < len(weights) else 0.0
    progress, calendar = done / whole if whole > 0 else blank, days / len(weights)
    unit = actual / done if done > 0 else blank
    landing = actual + unit * left if left else actual
    required = max(target - actual, 0.0) / left if left > 0 and target > 0 else blank
    return {
        "target": target,
        "actual": actual,
        "attainment": actual / target,
        "progress": progress,
        "calendar_progress": calendar,
        "pace_index": actual / target / progress if progress > 0 else blank,
        "calendar_pace_index": actual / target / calendar if calendar > 0 else blank,
        "unit_value": unit,
        "landing": landing,
        "gap": target - landing,
        "required": required,
        "required_change": required / unit - 1 if unit > 0 else blank,
        "days_left": len(weights) - days,
        "weight_left": left,
    }


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
    means = ordinary.groupby(ordinary.index.day_of_week).mean().reindex(range(7)).fillna(0.0)
    return means.where(np.broadcast_to(test["real"], means.shape), 1.0), test


# ---- days of a book ------------------------------------------------------------------------------------------------------------


def order_days(book: Book) -> pd.Series:
    """Days of the book's month on which the company, whatever the scope, has order lines."""
    days = book.whole().sql("select distinct day from ledger where kind = 'sale' and month = $month order by day", month=book.month)
    return pd.to_datetime(days["day"])


def ends_early(book: Book) -> bool:
    """Is the silence before the month's end longer than any between two days with orders, as if the month weren't over?"""
    days = order_days(book)
    return bool((book.last_day - days.iloc[-1]).days >= (days.diff().dt.days.max() if len(days) > 1 else 1))


def as_of(book: Book) -> pd.Timestamp:
    """The last day that the data reach within the book's month: its last day, unless the month is still running.

    It is over when later months have sales, or when the silence at its end is no longer than others within it.
    """
    return order_days(book).iloc[-1] if book.month == book.months[-1] and ends_early(book) else book.last_day


def evening(book: Book, day: pd.Timestamp | str | None = None) -> pd.Timestamp:
    """The day on whose evening the month is looked at: `day`, or the last that the data reach; never beyond the latter.

    The day before the first of the month is its eve, when nothing has been sold yet.
    """
    last = as_of(book)
    day = last if day is None else pd.Timestamp(day)
    return min(max(day, book.first_day - pd.Timedelta(days=1)), last)


_SUMS = {
    "net_sales": "gross_sales + discounts + shipping_income + refunds",
    "gross_profit": "gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs",
    "contribution": "gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment + commissions",
}
AS_SPENT = ("company", "store", "channel")  # levels whose marketing stands in the ledger on its day


@remembered
def daily(book: Book, level: str, metric: str = "net_sales") -> pd.DataFrame:
    """What each day brought, by entity: days (all from the first of the company's data to the month's end) × entities; 0 where nothing.

    metric: net_sales, gross_profit, contribution, orders (on the first day of an order within the month), new_customers or collections.
    A month's days add up to the metric of `metrics.facts`. Marketing of company, stores and channels stands on the day of the spend,
    that of other levels on the days of the sales that it is spread over.
    """
    dimension = LEVELS[level]
    entity = dimension_sql(dimension) if dimension else "'company'"
    join = JOINS.get(dimension, "")
    upto = "day <= $last and {scope}"
    if metric in _SUMS:
        kinds = "('sale', 'return', 'marketing')" if metric == "contribution" and level in AS_SPENT else "('sale', 'return')"
        value = _SUMS[metric] + (" + marketing" if metric == "contribution" and level in AS_SPENT else "")
        query = f"select day, {entity} as entity, sum({value}) as value from ledger l {join} where kind in {kinds} and {upto} group by all"
        if metric == "contribution" and level not in AS_SPENT:
            query = f"select day, entity, sum(value) as value from ({query} union all {_spread_by_day(entity, join)}) group by all"
    elif metric == "orders":
        query = f"""select day, entity, count(*) as value from (
                        select min(day) as day, {entity} as entity from ledger l {join} where kind = 'sale' and {upto}
                        group by l.store, l.order_id, l.month, {entity}) group by all"""
    elif metric == "new_customers":
        query = f"""select day, {entity} as entity, count(*) as value from (
                        select *, row_number() over (partition by customer_id order by day, store, order_id, line_no) as nth
                        from ledger where kind = 'sale' and customer_id <> '') l {join} where nth = 1 and {upto} group by all"""
    elif metric == "collections":
        entity = {"company": "'company'", "store": "store", "channel": "coalesce(nullif(channel, ''), 'unallocated')"}[level]
        query = f"select paid_on as day, {entity} as entity, sum(value) as value from receipts where paid_on <= $last and {{scope}} group by all"
    else:
        raise ValueError(f"{metric!r} has no daily figures")
    found = book.sql(f"select day, entity, cast(value as double) as value from ({query}) order by day, entity", last=book.last_day.date())
    wide = found.pivot(index="day", columns="entity", values="value")
    first = pd.Timestamp(book.months[0] + "-01")
    return wide.set_axis(pd.to_datetime(wide.index)).reindex(pd.date_range(first, book.last_day)).fillna(0.0)


def _spread_by_day(entity: str, join: str) -> str:
    """Each month's marketing on the days of the sales that it is spread over; what no sale can carry, on the day of the spend."""
    return f"""
        select day, {entity} as entity, cast(sum(share) as decimal(38,14)) as value from (
            select l.*, cast(cast(l.gross_sales + l.discounts + l.shipping_income as double) / cast(b.total as double)
                   * cast(b.amount as double) as decimal(38,14)) as share
            from (select * from ledger where kind = 'sale' and day <= $last and {{scope}}) l
            join bases b on l.month = b.month and l.store = b.store and l.channel = b.channel
                 and (b.product_id = '' or b.product_id = l.product_id) and (b.campaign_id = '' or b.campaign_id = l.campaign_id)
        ) l {join} group by all
        union all
        select day, {entity} as entity, sum(marketing) as value from (
            select * from (select * from ledger where kind = 'marketing' and day <= $last and {{scope}})
            anti join bases using (month, store, channel, product_id, campaign_id)) l {join} group by all"""


@remembered
def calendar(book: Book) -> pd.DataFrame:
    """Special days of the calendar: date, name, kind, weight (blank where it has none of its own); one row per day and name."""
    found = book.sql("select date, name, kind, cast(weight as double) as weight from calendar order by date, name")
    return found.assign(date=pd.to_datetime(found["date"]))


# ---- the weekly weight index ---------------------------------------------------------------------------------------------------


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
    plain = sold[~sold.index.isin(special["date"])]
    weights = pd.DataFrame(weekdays.to_numpy(float)[plain.index.day_of_week], index=plain.index, columns=sold.columns).where(
        plain.notna(), 0.0
    )
    sums, weight, count = (
        np.vstack([np.zeros(sold.shape[1]), each.to_numpy(float).cumsum(axis=0)]) for each in (plain.fillna(0.0), weights, plain.notna())
    )
    gap = pd.Timedelta(days=AROUND)
    first, last = plain.index.searchsorted(past["date"] - gap), plain.index.searchsorted(past["date"] + gap, side="right")
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = (sums[last] - sums[first]) / (weight[last] - weight[first])
    unit[(count[last] - count[first] < 2 * FEWEST_AROUND) | ~(unit > 0)] = np.nan
    day = np.where(np.isfinite(unit), sold.reindex(past["date"]).to_numpy(float), np.nan)
    by_name = [pd.DataFrame(values, columns=sold.columns).groupby(past["name"].to_numpy()).sum(min_count=1) for values in (day, unit)]
    return (by_name[0] / by_name[1]).clip(lower=0.0)


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


# ---- pace ----------------------------------------------------------------------------------------------------------------------


def pace(
    book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None,
    target: float | None = None,
) -> pd.Series:  # fmt: skip
    """How far is the month, and what is still needed? One entity and metric, on the evening of `as_of` (default: as far as data reach).

    target: default the month's own in `targets`. Keys: level, entity, metric, as_of, target, actual (to date), attainment
    (actual ÷ target), progress (Σ weights elapsed ÷ Σ weights), calendar_progress (days ÷ days), pace_index (attainment ÷ progress;
    1 = on pace), calendar_pace_index, unit_value (U = actual ÷ Σ weights elapsed), landing (U × Σ weights; of what has been sold where
    the month is over), gap (target − landing), required (what is still needed per unit of weight), required_change (required ÷ U − 1),
    days_left, weight_left, why (sentences on what is missing or to be read with care, else blank). Unknown figures are blank.
    """
    entity = "company" if level == "company" else entity
    day = evening(book, as_of)
    sold = _month(book, level, entity, metric)
    weights = _open(book, level, entity, month_weights(book, level, entity))
    if target is None:
        aims = month_targets(book)
        aims = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == metric)]["target"]
        target = float(aims.iloc[0]) if len(aims) else np.nan
    days = (day - book.first_day).days + 1
    told = paced(float(sold.iloc[:days].sum().round(6)), target, weights, days)
    why = " ".join(cautions(book, level, entity, metric, target, day, float(weights.iloc[:days].sum())))
    return pd.Series({"level": level, "entity": entity, "metric": metric, "as_of": day} | told | {"why": why})


def _month(book: Book, level: str, entity: str, metric: str) -> pd.Series:
    frame = daily(book, level, metric)
    days = pd.date_range(book.first_day, book.last_day)
    return frame[entity].reindex(days).fillna(0.0) if entity in frame else pd.Series(0.0, index=days)


def opened(book: Book, level: str, entity: str) -> pd.Timestamp | None:
    """The day of the entity's first sale, where that is within the month and not its first day; else None."""
    frame = daily(book, level)
    sold = frame[entity] if entity in frame else pd.Series(dtype=float)
    first = sold.index[sold != 0][0] if (sold != 0).any() else None
    return first if first is not None and first > book.first_day else None


def _open(book: Book, level: str, entity: str, weights: pd.Series) -> pd.Series:
    """Weights of the month; the days before a store or channel opened weigh nothing."""
    first = opened(book, level, entity) if level in ("store", "channel") else None
    return weights if first is None else weights.where(weights.index >= first, 0.0)


def cautions(book: Book, level: str, entity: str, metric: str, target: float, day: pd.Timestamp, elapsed: float) -> list[str]:
    """What must be said beside the pace of one entity, in sentences; empty where nothing must."""
    who = "the company" if level == "company" else f"{level} {label(entity)}"
    said = []
    if pd.isna(target):
        said.append(f"No {metric.replace('_', ' ')} target is set for {who}: only what was sold can be shown.")
    elif target <= 0:
        said.append(f"The target of {who} is {number(target)}: nothing can be attained of it, so what needs a target is blank.")
    days = (day - book.first_day).days + 1
    if day == book.last_day:
        said.append("The month is over: the landing is what was sold.")
    elif days == 0:
        said.append("The month has not begun: there is no pace yet.")
    elif elapsed == 0:
        said.append("Only days that weigh nothing have passed: there is no pace yet.")
    elif days == 1:
        said.append("One day is in: the landing multiplies a single day.")
    first = opened(book, level, entity) if level in ("store", "channel") else None
    if first is not None:
        said.append(f"{who[0].upper()}{who[1:]} sold for the first time on {first:%Y-%m-%d}: the days before weigh nothing.")
    return said + [words for words in [stock_out_said(book, level, entity, day)] if words]


# ---- days against each other ---------------------------------------------------------------------------------------------------


def levels(book: Book, level: str = "company", entity: str | None = None, months: int = 3) -> pd.DataFrame:
    """Which days were good, whatever their weekday? Sales ÷ weight of each day of the last `months` months, as far as data reach.

    Known as the Huang curve (黄氏曲线). Columns: day, sales, weight, level, special (name in the calendar, else blank). A special day
    weighs what its weekday weighs, so that what is special about it shows; a day that weighs nothing has a blank level.
    """
    entity = "company" if level == "company" else entity
    sold = daily(book, level)
    sold = sold[entity] if entity in sold else pd.Series(0.0, index=sold.index)
    sold = sold[(sold.index >= pd.Timestamp(book.months_back(months)[0] + "-01")) & (sold.index <= as_of(book))]
    weights = weights_of(sold.index, week_index(book, level, entity).weights)
    names = calendar(book).groupby("date")["name"].agg(" + ".join).reindex(sold.index).fillna("")
    level_of = sold / weights.where(weights > 0)
    columns = {"day": sold.index, "sales": sold, "weight": weights, "level": level_of, "special": names}
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def promotions(book: Book, level: str = "company", entity: str | None = None, months: int = 12) -> pd.DataFrame:
    """What did each promotion lift, and what followed it? One row per run of days of one promotion of the calendar, the latest first.

    promotion, first_day, last_day, before, during, after (Σ sales ÷ Σ weight; before and after: the seven nearest ordinary days within
    AROUND days), lift (during ÷ before − 1; 促销爆发度), decay (after ÷ before − 1). Blank with fewer than FEWEST_AROUND such days.
    """
    frame = levels(book, level, entity, months + 1).set_index("day")
    plain = frame[(frame["special"] == "") & (frame["weight"] > 0)]
    named = calendar(book).query("kind == 'promotion'")
    named = named[named["date"].isin(frame.index) & (named["date"] >= pd.Timestamp(book.months_back(months)[0] + "-01"))]
    rows = []
    for name, dates in named.groupby("name")["date"]:
        for _, run in dates.groupby((dates.diff().dt.days != 1).cumsum()):
            first, last = run.iloc[0], run.iloc[-1]
            gap = pd.Timedelta(days=AROUND)
            before = plain[(plain.index < first) & (plain.index >= first - gap)].tail(7)
            after = plain[(plain.index > last) & (plain.index <= last + gap)].head(7)
            values = [_unit(each, least) for each, least in ((before, FEWEST_AROUND), (frame.loc[first:last], 1), (after, FEWEST_AROUND))]
            rows.append([name, first, last, *values])
    found = pd.DataFrame(rows, columns=["promotion", "first_day", "last_day", "before", "during", "after"])
    base = found["before"].where(found["before"] > 0)
    found = found.assign(lift=found["during"] / base - 1, decay=found["after"] / base - 1)
    return found.sort_values(["first_day", "promotion"], ascending=[False, True], ignore_index=True)


def _unit(days: pd.DataFrame, least: int) -> float:
    weight = days["weight"].sum()
    return float(days["sales"].sum() / weight) if len(days) >= least and weight > 0 else np.nan


# ---- empty shelves -------------------------------------------------------------------------------------------------------------


@remembered
def stock_outs(book: Book, as_of: pd.Timestamp | str | None = None) -> pd.DataFrame:
    """Which products that sell had an empty shelf this month? Longest first; empty without the table `inventory`.

    product_id, name, category, store, days_out (days on which the store's count lists it with nothing free to sell), days_counted
    (days with a count of that store), up to the evening of `as_of`. Products without a sale in the last 90 days are left out.
    """
    last = evening(book, as_of)
    return book.sql(
        """select s.product_id, coalesce(any_value(p.name), s.product_id) as name, coalesce(any_value(p.category), '') as category, s.store,
                  count(*) filter (on_hand - reserved <= 0) as days_out, any_value(days) as days_counted
           from stock s join (select store, count(distinct date) as days from stock where date between $first and $last group by store) d
                using (store)
           join (select distinct product_id from ledger where kind = 'sale' and day > $recent and day <= $last and {scope}) l using (product_id)
           left join products p using (product_id)
           where date between $first and $last and {scope} group by s.product_id, s.store
           having days_out > 0 order by days_out desc, s.product_id, s.store""",
        first=book.first_day.date(), last=last.date(), recent=(last - pd.Timedelta(days=90)).date(),
    )  # fmt: skip


def stock_out_said(book: Book, level: str, entity: str, as_of: pd.Timestamp | str | None = None) -> str:
    """That a landing is of what could be sold, where shelves of the company, store, category or product were empty; else blank."""
    frame = stock_outs(book, as_of)
    column = {"store": "store", "product": "product_id", "category": "category"}.get(level)
    frame = frame[frame[column] == entity] if column else frame if level == "company" else frame.iloc[:0]
    if frame.empty:
        return ""
    worst, count = frame.iloc[0], frame["product_id"].nunique()
    said = f"{label(worst['name'])} had an empty shelf in {label(worst['store'])} on {number(worst['days_out'])} of {number(worst['days_counted'])} counted days"
    said += f", and {number(count - 1)} more product{'s' if count > 2 else ''} somewhere" if count > 1 else ""
    return f"{said}: the landing is of what could be sold, not of what was asked for."
