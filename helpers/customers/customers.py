"""Customers: who comes back, who stays away, and what they bring. Buyers are known by their id only.

A customer's contribution is CM2 and commissions of their lines, and the marketing that is spread over them: customers and what has
no customer add up to the ledger. Money is in the reporting currency. The functions that end in `_said` read a frame aloud.
"""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.buyers import CONTRIBUTION, members, no_ids_said, standing
from helpers.contract import NOBODY
from helpers.facts import facts, month_targets
from helpers.ratios import ratio
from helpers.text import count, join_names, label, money, number, percent, signed_money, title

SEGMENTS = {
    "champions": "Came lately, came back and spend at least twice the mean: look after them, and give no discount.",
    "loyal": "Came lately and came back within the year: offer what goes with their last order.",
    "promising": "Came lately, once in the year: win the next order before the interest cools.",
    "new": "Bought for the first time this month: win the second order, which decides whether they pay for their ads.",
    "at_risk": "Came back within the year and then stayed away: ask them one by one what went wrong.",
    "cooling": "Bought once in the year, and not lately: one reminder, no price war.",
    "lapsed": "Have not bought for a year: a cheap message at most, and no ads.",
    "unallocated": "Sales without a customer id: ask for it at the checkout, or nothing can be learned from them.",
}
"""The segments of metrics.csv, best first: who is in them and what to do. Their lines are the policy's, drawn in helpers/ledger.py."""

REGULARS = ("champions", "loyal", "at_risk")  # who came back within the year
AWAY = ("at_risk", "cooling", "lapsed")
NO_ID = "without an id"


def window(book: Book, months: int = 12, before: int = 0) -> dict:
    """First and last of so many months, the last of them `before` months earlier than the book's, as values for a query."""
    whole = book.months_back(months + before)
    return {"first": whole[0], "last": whole[months - 1]}


# ---- new and returning ---------------------------------------------------------------------------------------------------------


@remembered
def kinds(book: Book, months: int = 12) -> pd.DataFrame:
    """New customers, returning ones, and sales without an id, month by month: who buys, and who brings the contribution?

    Columns: month, kind (`new`: first purchase ever in the month; `returning`; `without an id`), customers (with a purchase; blank for the
    last kind), orders, net_sales, contribution. The kinds add up to the ledger, marketing that no sale can carry is in the last one.
    """
    wanted = [month for month in book.months_back(months) if month in book.months]
    ladder = book.ladder(["month", "segment"], wanted)
    kind = np.select([ladder["segment"] == "new", ladder["segment"] == NOBODY["segment"]], ["new", NO_ID], "returning")
    sums = ladder.assign(kind=kind).groupby(["month", "kind"], as_index=False)[["orders", "net_sales", "contribution"]].sum()
    counts = book.sql(
        """select month, case when segment = 'new' then 'new' else 'returning' end as kind, count(distinct customer_id) as customers
           from customer_months where purchases > 0 and month in (select unnest($months)) and {scope} group by all order by all""",
        months=wanted,
    )
    frame = sums.merge(counts, on=["month", "kind"], how="left")
    order = {"new": 0, "returning": 1, NO_ID: 2}
    frame["customers"] = frame["customers"].fillna(0).where(frame["kind"] != NO_ID)
    frame = frame.sort_values(["month", "kind"], key=lambda c: c.map(order) if c.name == "kind" else c, ignore_index=True)
    return frame[["month", "kind", "customers", "orders", "net_sales", "contribution"]]


def kind_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per month: new, returning, repeat_rate (returning ÷ customers), new and returning contribution per customer. frame: kinds.

    >>> two = pd.DataFrame({"month": ["2025-01"] * 2, "kind": ["new", "returning"], "customers": [3.0, 1.0], "contribution": [6.0, 8.0]})
    >>> kind_rows(two)[["new", "returning", "repeat_rate", "from_each_new", "from_each_returning"]].values.tolist()
    [[3.0, 1.0, 0.25, 2.0, 8.0]]
    """
    wide = frame.pivot(index="month", columns="kind", values=["customers", "contribution"])
    get = lambda what, kind: wide[what, kind].fillna(0) if (what, kind) in wide else pd.Series(0.0, wide.index)  # noqa: E731
    new, back = get("customers", "new"), get("customers", "returning")
    made = pd.DataFrame(
        {
            "new": new,
            "returning": back,
            "repeat_rate": ratio(back, new + back),
            "from_each_new": ratio(get("contribution", "new"), new),
            "from_each_returning": ratio(get("contribution", "returning"), back),
            "no_id_contribution": get("contribution", NO_ID),
        }
    )
    return made.reset_index()


def kinds_said(book: Book, frame: pd.DataFrame) -> str:
    """Who brought the month's contribution, new customers or those who came back? frame: kinds."""
    rows = frame[frame["month"] == book.month].set_index("kind")
    if not {"new", "returning"} & set(rows.index):
        return no_ids_said(book) or "Nobody with a customer id bought this month."
    last, currency = kind_rows(frame).set_index("month").loc[book.month], book.currency
    said = f"{count(last['new'], 'new customer')} and {count(last['returning'], 'returning one')} bought: a repeat rate of {percent(last['repeat_rate'])}."
    left = {"new": last["from_each_new"], "returning": last["from_each_returning"]}
    each = [f"a {kind} one left {money(amount, currency)}" for kind, amount in left.items() if pd.notna(amount)]
    said += f" On average {' and '.join(each)} of contribution." if each else ""
    if NO_ID in rows.index and abs(rows.loc[NO_ID, "net_sales"]) >= 0.5:
        said += f" {percent(ratio(rows['net_sales'], pd.Series(rows['net_sales'].sum(), rows.index))[NO_ID])} of the net sales name no customer."
    return said


# ---- segments ------------------------------------------------------------------------------------------------------------------


@remembered
def segments(book: Book) -> pd.DataFrame:
    """What each segment brought, as it stood when the month began, and how many stand there at its end; best first.

    Columns: segment, buyers (customers with a purchase in the month), orders, net_sales, uncosted_sales, contribution, each (contribution ÷ buyers),
    usual (mean contribution of the twelve months before; months before the data begin don't count), attainment and
    attainment_contribution (blank without a target), at_the_end (customers who stand there when the month is over), to_do.
    Contribution adds up to the company's (or the store's) to the cent, `unallocated` included.
    """
    frame = facts(book, "segment").rename(columns={"entity": "segment"})
    frame = frame.drop(columns=["members", "customers"], errors="ignore")
    buyers = book.sql(
        "select segment, count(distinct customer_id) as buyers from customer_months where month = $month and purchases > 0 and {scope} "
        "group by 1 order by 1",
        month=book.month,
    )
    ends = members(book).rename(columns={"entity": "segment", "members": "at_the_end"})
    past = [month for month in book.months_back(13)[:-1] if month in book.months]
    usual = book.ladder(["segment"], past, orders=False)[["segment", "contribution"]].rename(columns={"contribution": "usual"}) if past else None
    frame = frame.merge(buyers, on="segment", how="left").merge(ends, on="segment", how="outer")
    frame = frame.merge(usual, on="segment", how="left") if past else frame.assign(usual=np.nan)
    money_columns = ["orders", "net_sales", "uncosted_sales", "contribution", "buyers"]
    frame[money_columns] = frame[money_columns].astype(float).fillna(0.0)
    frame["buyers"] = frame["buyers"].where(frame["segment"] != NOBODY["segment"])
    frame["usual"] = frame["usual"] / len(past) if past else np.nan
    for name in ("attainment", "attainment_contribution"):
        frame[name] = frame[name] if name in frame else np.nan
    frame = frame.assign(each=ratio(frame["contribution"], frame["buyers"].fillna(0)), to_do=frame["segment"].map(SEGMENTS))
    places = {name: place for place, name in enumerate(SEGMENTS)}
    columns = ["segment", "buyers", "orders", "net_sales", "uncosted_sales", "contribution", "each", "usual", "attainment", "attainment_contribution",
               "at_the_end", "to_do"]  # fmt: skip
    return frame.sort_values("segment", key=lambda names: names.map(places), ignore_index=True)[columns]


def segments_said(book: Book, frame: pd.DataFrame) -> str:
    """Which segment brings most, by customer and altogether, and is there a target? frame: segments."""
    real = frame[(frame["segment"] != NOBODY["segment"]) & (frame["buyers"] > 0)]
    if real.empty:
        return no_ids_said(book) or "Nobody with a customer id bought this month."
    currency = book.currency
    most, best = real.loc[real["contribution"].idxmax()], real.loc[real["each"].astype(float).fillna(-np.inf).idxmax()]
    total = frame["contribution"].sum()
    said = f"The segment {title(most['segment'])} brought most, {money(most['contribution'], currency)} of {money(total, currency)}"
    said += f"; each buyer of {title(best['segment'])} left {money(best['each'], currency)}, the most of all."
    losing = real[(real["contribution"] - real["uncosted_sales"]).round(2) < 0]  # also if goods without a known cost had cost nothing
    if len(losing):
        said += f" A loss was made with {join_names(map(title, losing['segment']))}."
    aimed = month_targets(book)
    if not (aimed["level"] == "segment").any():
        said += " No segment has a target this month, so the month stands beside the mean of the year before."
    return said


# ---- tier and source -----------------------------------------------------------------------------------------------------------


@remembered
def _by_tier_and_source(book: Book) -> pd.DataFrame:
    """Both at once, since each customer has one of either: tier, source, buyers, net_sales, contribution, usual (sum of the months before)."""
    return book.sql(
        f"""with did as (select customer_id, coalesce(sum(purchases) filter (where month = $month), 0) > 0 as bought,
                                coalesce(sum(net_sales) filter (where month = $month), 0) as net_sales,
                                coalesce(sum({CONTRIBUTION}) filter (where month = $month), 0) as contribution,
                                coalesce(sum({CONTRIBUTION}) filter (where month <> $month), 0) as usual
                         from customer_months where month in (select unnest($months)) and {{scope}} group by customer_id)
            select coalesce(c.tier, 'none named') as tier, coalesce(c.source, 'none named') as source,
                   cast(count(*) filter (where bought) as double) as buyers, cast(sum(net_sales) as double) as net_sales,
                   cast(sum(contribution) as double) as contribution, cast(sum(usual) as double) as usual
            from did left join customers c using (customer_id) group by 1, 2 order by 1, 2""",
        month=book.month, months=book.months_back(13),
    )  # fmt: skip


@remembered
def groups(book: Book, column: str) -> pd.DataFrame:
    """What did customers of each tier, or from each source, bring this month, against their usual month?

    column: `tier` or `source` of the table customers. Columns: group (`none named` where the table leaves it open, `without an id` for
    what no customer bought), buyers, net_sales, contribution, each (contribution ÷ buyers), usual (mean contribution of the twelve months
    before), against_usual (contribution ÷ usual; blank where that is not above zero). Contribution adds up to the scope's.
    """
    past = [month for month in book.months_back(13)[:-1] if month in book.months]
    frame = _by_tier_and_source(book).groupby(column, as_index=False)[["buyers", "net_sales", "contribution", "usual"]].sum()
    frame = frame.rename(columns={column: "group"})
    whole, earlier = book.ladder().iloc[0], book.ladder(months=past, orders=False).iloc[0] if past else None
    rest = {name: whole[name] - frame[name].sum() for name in ("net_sales", "contribution")}
    rest |= {"group": NO_ID, "buyers": np.nan, "usual": (earlier["contribution"] if past else 0.0) - frame["usual"].sum()}
    if any(abs(rest[name]) >= 0.005 for name in ("net_sales", "contribution", "usual")):
        frame = pd.concat([frame, pd.DataFrame([rest])], ignore_index=True)
    usual = frame["usual"] / len(past) if past else pd.Series(np.nan, frame.index)
    return frame.assign(
        usual=usual,
        each=ratio(frame["contribution"], frame["buyers"].fillna(0)),
        against_usual=ratio(frame["contribution"], usual.fillna(0)),
    )[["group", "buyers", "net_sales", "contribution", "each", "usual", "against_usual"]]


def groups_said(book: Book, frame: pd.DataFrame, column: str) -> str:
    """Which tier or source brings most per buyer, and what moved most against its usual month? frame: groups."""
    real = frame[(frame["group"] != NO_ID) & (frame["buyers"] > 0)]
    if set(real["group"]) <= {"none named"}:
        return ""
    currency, best = book.currency, real.loc[real["each"].astype(float).fillna(-np.inf).idxmax()]
    said = f"By {column}, a buyer of {label(best['group'])} left most: {money(best['each'], currency)}."
    moved = (real["contribution"] - real["usual"]).dropna()
    if len(moved):
        most = real.loc[moved.abs().idxmax()]
        said += (
            f" Against the usual month {label(most['group'])} moved most: {signed_money(most['contribution'] - most['usual'], currency)}."
        )
    return said


# ---- movement ------------------------------------------------------------------------------------------------------------------


@remembered
def moves(book: Book) -> pd.DataFrame:
    """Who moved from which segment to which in the course of the month? One row per pair with a customer in it.

    Columns: was, now, customers, month_contribution, year_contribution (of the twelve months that end with the month). Somebody who stood
    nowhere when the month began is `new`. Rows add up to everybody who has bought by the month's end.
    """
    return book.sql(
        f"""select was, now, count(*) as customers, cast(sum(month_contribution) as double) as month_contribution,
                   cast(sum(year_contribution) as double) as year_contribution from {standing(book)} group by was, now order by was, now"""
    )


def flows(frame: pd.DataFrame) -> pd.DataFrame:
    """How many each segment had, won, lost and has now: segment, began, came, went, ended; began + came − went = ended. frame: moves.

    >>> moved = pd.DataFrame({"was": ["new", "loyal", "loyal"], "now": ["promising", "loyal", "at_risk"], "customers": [5, 3, 2]})
    >>> flows(moved).values.tolist()
    [['loyal', 5, 0, 2, 3], ['promising', 0, 5, 0, 5], ['at_risk', 0, 2, 0, 2]]
    """
    stays = frame["was"] == frame["now"]
    began = frame[frame["was"] != "new"].groupby("was")["customers"].sum()
    came, went = frame[~stays].groupby("now")["customers"].sum(), frame[~stays].groupby("was")["customers"].sum()
    rows = []
    for segment in SEGMENTS:
        if segment not in ("new", NOBODY["segment"]) and (segment in began or segment in came):
            had, won, lost = (int(each.get(segment, 0)) for each in (began, came, went))
            rows.append([segment, had, won, lost, had + won - lost])
    return pd.DataFrame(rows, columns=["segment", "began", "came", "went", "ended"])


def flows_said(frame: pd.DataFrame) -> str:
    """Which segments grew and shrank most? frame: flows."""
    if frame.empty or not (frame["came"] + frame["went"]).any():
        return "Nobody moved from one segment to another."
    change = frame.set_index("segment")["ended"] - frame.set_index("segment")["began"]
    up, down = change.idxmax(), change.idxmin()
    said = []
    if change[up] > 0:
        said.append(f"The segment {title(up)} grew most, by {count(change[up], 'customer')}")
    if change[down] < 0:
        said.append(f"{'the segment ' if said else 'The segment '}{title(down)} shrank most, by {number(-change[down])}")
    away = frame.set_index("segment").reindex(["at_risk"])["came"].fillna(0).iloc[0]
    end = f"; {count(away, 'customer')} who had come back within the year are at risk now."
    return ("; ".join(said) or "The segments are as large as they were") + end


# ---- at risk, lost, won back ---------------------------------------------------------------------------------------------------

WATCHED = {
    "at risk": "now = 'at_risk'",
    "of them since this month": "now = 'at_risk' and was <> 'at_risk'",
    "lost": "now = 'lapsed' and was <> 'lapsed'",
    "won back": "bought > 0 and was in ('at_risk', 'cooling', 'lapsed')",
}
"""Who is watched, as conditions over `standing`: lost is who completed a year without a purchase, won back who bought after staying away."""


@remembered
def watched(book: Book, by: str | None = None) -> pd.DataFrame:
    """How many customers are at risk, lost or won back this month, and what did they bring?

    by: None, or `tier` or `source` of the table customers, so that distributors can be told from other buyers. Columns: who, (group,)
    customers, a_month (a twelfth of their contribution of the last twelve months; for `lost` of the twelve before the month, in which
    they last bought), this_month (contribution).
    """
    group = f"coalesce(c.{by}, 'none named')" if by else "'all'"
    parts = []
    for who, condition in WATCHED.items():
        year = "before_contribution" if who == "lost" else "year_contribution"
        part = book.sql(
            f"""select {group} as "group", count(*) as customers, cast(sum({year}) as double) / 12 as a_month,
                       cast(sum(month_contribution) as double) as this_month
                from {standing(book)} s left join customers c using (customer_id) where {condition} group by 1 order by 1"""
        )
        if not by and part.empty:
            part = pd.DataFrame({"group": ["all"], "customers": [0], "a_month": [0.0], "this_month": [0.0]})
        parts.append(part.assign(who=who))
    frame = pd.concat(parts, ignore_index=True)
    return frame[["who", *(["group"] if by else []), "customers", "a_month", "this_month"]]


def watched_said(book: Book, frame: pd.DataFrame) -> str:
    """How many stay away, what they used to bring, and how many came back? frame: watched without `by`."""
    rows, currency = frame.set_index("who"), book.currency
    risk, since, lost, back = (rows.loc[who] for who in WATCHED)
    if not (risk["customers"] or lost["customers"] or back["customers"]):
        return "Nobody is at risk, was lost or was won back this month."
    said = f"{count(risk['customers'], 'customer')} who used to come back {'has' if risk['customers'] == 1 else 'have'} stayed away, "
    said += (
        f"{number(since['customers'])} of them since this month; they brought {money(risk['a_month'], currency)} of contribution a month."
    )
    said += f" {number(lost['customers'])} {'was' if lost['customers'] == 1 else 'were'} lost, {number(back['customers'])} won back:"
    return f"{said} the latter left {money(back['this_month'], currency)} this month."


# ---- concentration -------------------------------------------------------------------------------------------------------------


@remembered
def concentration(book: Book) -> pd.DataFrame:
    """What part of the year's contribution do the best customers bring, and how many bring a loss?

    One row per part of those who have bought in the twelve months that end with the month, best first: part (`best 1%` …, `all`),
    customers, net_sales, contribution, share (of all customers' contribution; blank where that is not above zero). `losing`: those whose
    contribution is below zero. Parts are cumulative, and `all` is what customers with an id brought.
    """
    parts = {f"best {percent(part, 0)}": part for part in (0.01, 0.05, 0.10, 0.20, 0.50)} | {"all": 1.0}
    frame = book.sql(
        f"""with each as (select year_net as net, year_contribution as amount,
                                 row_number() over (order by year_contribution desc, customer_id) as nth, count(*) over () as n
                          from {standing(book)} where purchases > 0 or year_net <> 0 or year_contribution <> 0)
            select name as part, count(*) filter (where nth <= ceil(n * size)) as customers,
                   coalesce(cast(sum(net) filter (where nth <= ceil(n * size)) as double), 0) as net_sales,
                   coalesce(cast(sum(amount) filter (where nth <= ceil(n * size)) as double), 0) as contribution
            from each, (select unnest($names) as name, unnest($sizes) as size) group by name, size
            union all
            select 'losing', count(*), cast(sum(net) as double), cast(sum(amount) as double) from each where amount < 0""",
        names=list(parts), sizes=list(parts.values()),
    )  # fmt: skip
    order = {name: place for place, name in enumerate([*parts, "losing"])}
    frame = frame.fillna(0.0).sort_values("part", key=lambda names: names.map(order), ignore_index=True)
    total = frame.loc[frame["part"] == "all", "contribution"]
    return frame.assign(share=ratio(frame["contribution"], pd.Series(float(total.iloc[0]) if len(total) else 0.0, frame.index)))


def curve(book: Book) -> pd.Series:
    """The year's contribution of each customer, best first, for a whale curve."""
    return book.sql(
        f"""select cast(year_contribution as double) as amount from {standing(book)} where purchases > 0 or year_net <> 0 or year_contribution <> 0
            order by year_contribution desc"""
    )["amount"]


def concentration_said(book: Book, frame: pd.DataFrame) -> str:
    """How much hangs on how few? frame: concentration."""
    rows, currency = frame.set_index("part"), book.currency
    if "all" not in rows.index or not rows.loc["all", "customers"]:
        return no_ids_said(book) or "Nobody with an id has bought for a year."
    tenth, losing, whole = rows.loc["best 10%"], rows.loc["losing"], rows.loc["all"]
    said = f"The best tenth, {count(tenth['customers'], 'customer')}, brought {money(tenth['contribution'], currency)} in twelve months"
    said += f", {percent(tenth['share'])} of what all {number(whole['customers'])} brought." if pd.notna(tenth["share"]) else "."
    if losing["customers"]:
        said += f" {count(losing['customers'], 'customer')} cost more than they brought: {money(losing['contribution'], currency)}"
        uncosted = book.ladder(months=book.months_back(12), orders=False)["uncosted_sales"].sum()
        said += " (goods of unknown cost as if they had brought nothing)." if round(uncosted, 2) < 0 else "."
    return said


def largest(book: Book, rows: int = 10, where: str = "true") -> pd.DataFrame:
    """The customers who brought most in the twelve months that end with the month, by id.

    where: a condition over `standing`. Columns: customer_id, segment (at the month's end), purchases (of the year), last_purchase,
    year_net, year_contribution.
    """
    frame = book.sql(
        f"""select customer_id, now as segment, cast(purchases as bigint) as purchases, last_day as last_purchase,
                   cast(year_net as double) as year_net, cast(year_contribution as double) as year_contribution
            from {standing(book)} where {where} order by year_contribution desc, customer_id limit {rows}"""
    )
    return frame.assign(last_purchase=pd.to_datetime(frame["last_purchase"]).dt.strftime("%Y-%m-%d"))
