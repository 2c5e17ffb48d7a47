"""Cohorts: what becomes of the customers who first bought in the same month, how soon they order again, and what they cost to win.

A cohort is the customers whose first purchase ever fell in a month; in a store's scope, those whose first purchase was in that store, and
what they brought there. Whoever bought before the data begin looks new at first, so the first months of the data hold old customers too.
"""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.buyers import CONTRIBUTION
from helpers.ratios import ratio
from helpers.text import count, join_names, label, money, number, percent

BEFORE_MARKETING = "cm2 + commissions"


def won(book: Book) -> str:
    """The name of a table with a row per customer won by the month's end: customer_id, cohort (month), first_day, store, channel, source.

    Store and channel are those of the first order (the earliest by day, store and order), source is the table customers'; blank = ''.
    """
    return book.table(
        "won",
        """select * from (
               select customer_id, cohort, first_day, of.store as store, of.channel as channel, coalesce(c.source, '') as source
               from (select customer_id, min(month) as cohort, min(day) as first_day,
                            arg_min({'store': store, 'channel': channel}, (day, store, order_id, line_no)) as of
                     from ledger where kind = 'sale' and segment = 'new' and month <= $month group by customer_id) f
               left join customers c using (customer_id))
           where {scope}""",
        month=book.month,
    )


@remembered
def cohorts(book: Book, by: str | None = None) -> pd.DataFrame:
    """What did each month's new customers do afterwards, month by month until the book's?

    by: None, or `channel` of the first order or `source` of the customer. One row per cohort (and group) and age: cohort (month), (group,)
    age (months since), customers (of the cohort), active (with a purchase in that month), contribution, before_marketing (CM2 and
    commissions alone). Over all ages, the contribution of the cohorts and that of `elsewhere` is what customers with an id brought.
    """
    if not by:  # the channels' sums, since each customer has one
        parts = cohorts(book, "channel")
        return parts.groupby(["cohort", "age"], as_index=False)[["customers", "active", "contribution", "before_marketing"]].sum()
    group = f"coalesce(nullif({by}, ''), 'none named')"
    frame = book.sql(
        f"""with size as (select cohort, {group} as "group", count(*) as customers from {won(book)} group by 1, 2),
        months as (select distinct month from ledger where month <= $month),
        did as (select cohort, {group} as "group", b.month, count(distinct case when purchases > 0 then customer_id end) as active,
                       cast(sum({CONTRIBUTION}) as double) as contribution, cast(sum({BEFORE_MARKETING}) as double) as before_marketing
                from (select * from customer_months where month <= $month and {{scope}}) b
                join (select customer_id, cohort, channel, source from {won(book)}) w using (customer_id) group by 1, 2, 3)
        select cohort, "group", month, customers, coalesce(active, 0) as active, coalesce(contribution, 0) as contribution,
               coalesce(before_marketing, 0) as before_marketing
        from size join months on month >= cohort left join did using (cohort, "group", month) order by cohort, "group", month""",
        month=book.month,
    )
    frame["age"] = _months(frame["month"]) - _months(frame["cohort"])
    return frame[["cohort", "group", "age", "customers", "active", "contribution", "before_marketing"]]


def _months(months: pd.Series) -> pd.Series:
    return months.str[:4].astype(int) * 12 + months.str[5:7].astype(int)


def elsewhere(book: Book) -> float:
    """The contribution, until the month's end, of customers who were first won elsewhere: by another store than the scope's."""
    return float(
        book.sql(
            f"""select coalesce(cast(sum({CONTRIBUTION}) as double), 0) as amount from customer_months
                where month <= $month and {{scope}} and customer_id not in (select customer_id from {won(book)})""",
            month=book.month,
        )["amount"][0]
    )


def retention(frame: pd.DataFrame, last: int = 12) -> pd.DataFrame:
    """Which part of a cohort bought again so many months later? Columns: cohort, age (from 1), retention (active ÷ customers), customers.

    frame: cohorts; last: so many cohorts that end with the latest which has had a month since.

    >>> made = pd.DataFrame({"cohort": ["2025-01"] * 3, "age": [0, 1, 2], "customers": 10, "active": [10, 4, 1]})
    >>> retention(made)[["age", "retention"]].values.tolist()
    [[1.0, 0.4], [2.0, 0.1]]
    """
    frame = frame[frame["age"] > 0]
    frame = frame[frame["cohort"].isin(sorted(frame["cohort"].unique())[-last:])]
    return frame.assign(retention=ratio(frame["active"], frame["customers"]))[["cohort", "age", "retention", "customers"]].reset_index(
        drop=True
    )


def cumulative(frame: pd.DataFrame, value: str = "contribution") -> pd.DataFrame:
    """What has a customer of each cohort left so far? Adds `each`, the sum of `value` up to the age ÷ customers of the cohort.

    >>> made = pd.DataFrame({"cohort": ["2025-01"] * 2, "age": [0, 1], "customers": [4, 4], "contribution": [8.0, -2.0]})
    >>> cumulative(made)["each"].tolist()
    [2.0, 1.5]
    """
    keys = ["cohort", "group"] if "group" in frame else ["cohort"]
    frame = frame.sort_values([*keys, "age"])
    return frame.assign(each=ratio(frame.groupby(keys)[value].cumsum(), frame["customers"])).reset_index(drop=True)


def quarters(frame: pd.DataFrame, last: int = 6) -> pd.DataFrame:
    """The cumulative contribution per customer of the last few quarters' cohorts: cohort (quarter), age, customers, each.

    An age counts where all months of the quarter have reached it, so that no cohort falls out along the way. frame: cohorts.
    """
    quarter = frame["cohort"].str[:4] + " Q" + ((frame["cohort"].str[5:7].astype(int) + 2) // 3).astype(str)
    sums = frame.assign(cohort=quarter).groupby(["cohort", "age"], as_index=False).agg(
        customers=("customers", "sum"), contribution=("contribution", "sum"), months=("customers", "size")
    )  # fmt: skip
    sums = sums[sums["months"] == sums.groupby("cohort")["months"].transform("first")]
    sums = sums[sums["cohort"].isin(sorted(sums["cohort"].unique())[-last:])]
    return cumulative(sums)[["cohort", "age", "customers", "each"]]


def average(frame: pd.DataFrame, value: str = "before_marketing", last: int = 12) -> pd.DataFrame:
    """The curve of a typical customer: what one leaves up to each age, over the last cohorts that have reached it.

    frame: cohorts, perhaps by group; last: so many calendar months of cohorts, ending with the latest. Columns: (group,) age, customers
    (of the cohorts that have reached the age), each: Σ over ages of (value at the age ÷ customers who have reached it).

    >>> made = pd.DataFrame({"cohort": ["2025-01"] * 2 + ["2025-02"], "age": [0, 1, 0], "customers": [1, 1, 3], "before_marketing": [2.0, 5.0, 6.0]})
    >>> average(made)[["age", "customers", "each"]].values.tolist()  # 8 ÷ 4, and 5 ÷ 1 more
    [[0.0, 4.0, 2.0], [1.0, 1.0, 7.0]]
    """
    if frame.empty:
        return pd.DataFrame(columns=["age", "customers", "each"])
    latest = pd.Period(frame["cohort"].max(), "M") - (last - 1)
    frame = frame[frame["cohort"] >= str(latest)]
    keys = ["group"] if "group" in frame else []
    sums = frame.groupby([*keys, "age"], as_index=False)[["customers", value]].sum()
    step = ratio(sums[value], sums["customers"])
    return sums.assign(each=step.groupby([sums[key] for key in keys]).cumsum() if keys else step.cumsum()).drop(columns=value)


def retention_said(frame: pd.DataFrame) -> str:
    """How many come back the month after, lately and earlier? frame: retention."""
    first = frame[frame["age"] == 1]
    if first.empty:
        return "No cohort has a month behind it yet, so nobody can have come back."
    mean = (first["retention"] * first["customers"]).sum() / first["customers"].sum()
    last = first.iloc[-1]
    said = f"Of the {count(last['customers'], 'customer')} won in {last['cohort']}, {percent(last['retention'])} bought again in the month after"
    said += f"; over {count(len(first), 'cohort')} it was {percent(mean)}."
    half = frame[frame["age"] == 6]
    if len(half):
        said += f" Half a year on, {percent((half['retention'] * half['customers']).sum() / half['customers'].sum())} bought in the month."
    return said


def quarters_said(frame: pd.DataFrame, currency: str) -> str:
    """What has a customer left so far, and are newer ones worth more? frame: quarters."""
    if frame.empty:
        return "There is no cohort to follow yet."
    ends = frame.groupby("cohort").last()
    oldest, newest = ends.iloc[0], ends.iloc[-1]
    when = lambda age: f"after {count(age, 'month')}" if age else "in the month of the first order"  # noqa: E731
    said = f"A customer won in {ends.index[0]} has left {money(oldest['each'], currency)} of contribution {when(oldest['age'])}"
    if len(ends) == 1:
        return said + "."
    same = frame[(frame["cohort"] == ends.index[0]) & (frame["age"] == newest["age"])]["each"]
    said += f"; one won in {ends.index[-1]} {money(newest['each'], currency)} {when(newest['age'])}"
    return said + (f", where the older one had left {money(same.iloc[0], currency)}." if len(same) else ".")


# ---- the second order ----------------------------------------------------------------------------------------------------------

HORIZONS = (30, 60, 90, 180, 365)


@remembered
def second_orders(book: Book) -> pd.DataFrame:
    """After how many days did customers order on a second day? Columns: days, came (that many days after the first), left (customers whose
    time ends there without a second order, because the month does). In a store's scope, orders in that store."""
    return book.sql(
        f"""with second as (select l.customer_id, min(l.day) as day from ledger l join {won(book)} w using (customer_id)
                            where l.kind = 'sale' and l.month <= $month and l.day > w.first_day and {{scope_l}} group by l.customer_id)
            select cast(coalesce(s.day, $end) - w.first_day as integer) as days, count(s.day) as came, count(*) - count(s.day) as "left"
            from {won(book)} w left join second s using (customer_id) group by 1 order by 1""".replace(
            "{scope_l}", "true" if book.scope == "company" else "l.store = $scope"
        ),
        month=book.month, end=book.last_day.date(),
    )  # fmt: skip


def came_back(frame: pd.DataFrame) -> pd.DataFrame:
    """Which part has ordered again within so many days, also of those who have not had the time yet? After Kaplan and Meier (1958).

    frame: days, came, left (those whose time ends without a second order). Columns: days, share (1 − Π (1 − came ÷ still waiting)),
    waiting (customers who still could).

    >>> came_back(pd.DataFrame({"days": [1, 2, 3], "came": [1, 0, 1], "left": [0, 2, 0]}))["share"].tolist()
    [0.25, 0.25, 1.0]
    """
    frame = frame.sort_values("days", ignore_index=True)
    gone = (frame["came"] + frame["left"]).cumsum().shift(fill_value=0)
    waiting = (frame["came"] + frame["left"]).sum() - gone
    return pd.DataFrame({"days": frame["days"], "share": 1 - (1 - frame["came"] / waiting).cumprod(), "waiting": waiting})


def horizons(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve at a few days: within_days, share, waiting (customers whose time goes on without a second order); a horizon that nobody has had
    the time for is left out. curve: came_back."""
    rows = []
    for day in HORIZONS:
        past = curve[curve["days"] <= day]
        if len(past) and curve["days"].max() >= day:
            rows.append([day, past["share"].iloc[-1], int(curve["waiting"][curve["days"] > day].max() if curve["days"].max() > day else 0)])
    return pd.DataFrame(rows, columns=["within_days", "share", "waiting"])


def came_back_said(curve: pd.DataFrame) -> str:
    """How many order again, and when is it late? curve: came_back."""
    if curve.empty or curve["share"].max() == 0:
        return "Nobody has ordered a second time yet."
    end = curve["share"].iloc[-1]
    said = [
        f"{percent(row.share)} within {number(row.within_days)} days"
        for row in horizons(curve).itertuples()
        if row.within_days in (30, 90, 365)
    ]
    half = curve[curve["share"] >= end / 2]["days"].iloc[0]
    said = f"Of those who bought once, {join_names(said, width=60)} order again." if said else f"By this estimate {percent(end)} order again within {count(int(curve['days'].iloc[-1]), 'day')}."
    return f"{said} Half of all who come back at all did so within {count(half, 'day')}: that is the time to ask."


# ---- what a customer costs to win ----------------------------------------------------------------------------------------------


@remembered
def payback(book: Book, months: int = 12) -> pd.DataFrame:
    """What does a new customer cost by channel, and after how many months has one paid it back?

    One row per channel (of the first order) over the twelve months that end with the book's, and `all`: channel, new_customers, marketing
    (spent in the channel, positive), cac (marketing ÷ new customers; blank without any), first (contribution before marketing in the month
    of the first order, per customer), so_far (the same up to the last age that a cohort has reached), months (age at which the typical
    customer has left what they cost; blank where that has not happened), reached (the age of so_far).
    All marketing of the channel is put on its new customers, also what brought old ones back: a cautious CAC.
    """
    wanted = book.months_back(months)
    spent = -book.ladder(["channel"], wanted, orders=False).set_index("channel")["marketing"]
    spent = spent * np.nan if "marketing_spend" in book.missing else spent  # nobody knows what it cost, which is not nothing
    made = cohorts(book, "channel")
    made = made[made["cohort"].isin(wanted)]
    new = made[made["age"] == 0].groupby("group")["customers"].sum()
    curves = dict(list(average(made).groupby("group"))) if len(made) else {}
    curves["all"] = average(cohorts(book)[lambda whole: whole["cohort"].isin(wanted)])
    rows = []
    for channel in [*sorted(set(spent.index) | set(new.index)), "all"]:
        amount = float(spent.sum(skipna=False) if channel == "all" else spent.get(channel, 0.0)) + 0.0
        won_here = int(new.sum() if channel == "all" else new.get(channel, 0))
        if not won_here and not abs(amount) >= 0.005:
            continue
        cac, curve = amount / won_here if won_here else np.nan, curves.get(channel, pd.DataFrame(columns=["age", "each"]))
        paid = curve[curve["each"] >= cac - 1e-9] if len(curve) else curve
        rows.append(
            {
                "channel": channel, "new_customers": won_here, "marketing": amount, "cac": cac,
                "first": curve["each"].iloc[0] if len(curve) else np.nan, "so_far": curve["each"].iloc[-1] if len(curve) else np.nan,
                "months": float(paid["age"].iloc[0]) if len(paid) else np.nan, "reached": float(curve["age"].iloc[-1]) if len(curve) else np.nan,
            }
        )  # fmt: skip
    columns = ["channel", "new_customers", "marketing", "cac", "first", "so_far", "months", "reached"]
    return pd.DataFrame(rows, columns=columns)


def payback_said(book: Book, frame: pd.DataFrame) -> str:
    """Which channel wins customers dearest, and which never get their money back? frame: payback."""
    real = frame[(frame["channel"] != "all") & frame["cac"].notna()]
    if real.empty or not (real["cac"] > 0).any():
        return "No new customer can be held against marketing."
    currency, dear = book.currency, real.loc[real["cac"].idxmax()]
    whole = frame[frame["channel"] == "all"].iloc[0]
    said = f"A new customer cost {money(whole['cac'], currency)} over the last year, and leaves {money(whole['first'], currency)} before marketing"
    said += f" in the month of the first order. Dearest is {label(dear['channel'])}: {money(dear['cac'], currency)}"
    said += f" against {money(dear['so_far'], currency)} left after {count(dear['reached'], 'month')}."
    never = real[real["months"].isna()]
    lone = frame[(frame["channel"] != "all") & frame["cac"].isna() & (frame["marketing"] > 0)]
    if len(never):
        said += f" Not paid back so far: {join_names(never['channel'])}."
    if len(lone):
        said += f" {join_names(lone['channel'])} spent {money(lone['marketing'].sum(), currency)} and won nobody."
    return said
