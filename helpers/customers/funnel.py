"""The funnel: what became of those who saw, clicked, came, followed and ordered, what each step cost, and what promotions left behind.

`traffic` counts up to the order placed; from the order paid on, the ledger does. Marketing is that of the channel or campaign as it is
spread over its sales. The functions that end in `_said` read a frame aloud.
"""

import re

import numpy as np
import pandas as pd

from helpers.book import Book, dimension_sql, remembered
from helpers.contract import NOBODY
from helpers.facts import LEVELS, new_customers
from helpers.ratios import ratio
from helpers.text import count, join_names, label, money, number, percent

SEEN = ("impressions", "clicks", "visitors", "new_followers", "orders_placed")
STEPS = (*SEEN, "paid", "repeat")
BEFORE = {"clicks": "impressions", "visitors": "clicks", "new_followers": "visitors", "orders_placed": "visitors", "paid": "orders_placed",
          "repeat": "paid"}  # fmt: skip
"""The step that each is a part of: following is no step on the way to an order."""
COVERED = 0.9  # of the month's days must be on record, as for the visitors of notebook 05


@remembered
def funnel(book: Book, level: str = "channel") -> pd.DataFrame:
    """How many came to each step in the month, by channel or campaign, and in `all`? One row each, most orders first.

    level: `channel` or `campaign`. Columns: entity, the steps (impressions, clicks, visitors, new_followers, orders_placed of `traffic`;
    paid: orders of the ledger; repeat: those of them that are not their customer's first), first_orders, of_unknown (orders without a customer
    id: paid = first_orders + repeat + of_unknown), marketing (positive). What traffic doesn't tell of an entity is blank.
    """
    entity = dimension_sql(LEVELS[level])
    orders = book.sql(
        f"""select {entity} as entity, count(distinct (store, order_id)) as paid,
                   count(distinct (store, order_id)) filter (customer_id = '') as of_unknown
            from ledger l where kind = 'sale' and month = $month and {{scope}} group by 1 order by 1""",
        month=book.month,
    )
    spent = book.ladder([LEVELS[level]]).rename(columns={LEVELS[level]: "entity"})[["entity", "marketing"]]
    firsts = new_customers(book, level).rename(columns={"new_customers": "first_orders"})
    frame = spent.assign(marketing=-spent["marketing"] + 0.0)
    for more in (orders, firsts, _traffic(book, level)):
        frame = frame.merge(more, on="entity", how="outer")
    frame = frame.fillna({"paid": 0, "of_unknown": 0, "first_orders": 0, "marketing": 0.0})
    if "marketing_spend" in book.missing:  # nobody knows what it cost, which is not nothing
        frame["marketing"] = np.nan
    whole = frame.drop(columns="entity").sum(min_count=1).to_frame().T.assign(entity="all")
    whole[["paid", "of_unknown"]] = _all_orders(book)  # an order of two campaigns is one order
    frame = pd.concat([whole, frame.sort_values(["paid", "entity"], ascending=[False, True])], ignore_index=True)
    frame["repeat"] = frame["paid"] - frame["of_unknown"] - frame["first_orders"]
    nothing = (frame["paid"] == 0) & (frame["marketing"].fillna(0).round(2) == 0) & frame[list(SEEN)].isna().all(axis=1)
    nothing &= frame.index > 0  # the whole stays, also of a store that sold nothing
    return (
        frame[~nothing][["entity", *STEPS, "first_orders", "of_unknown", "marketing"]]
        .astype(dict.fromkeys(STEPS, float))
        .reset_index(drop=True)
    )


def _all_orders(book: Book) -> list[int]:
    frame = book.sql(
        """select count(distinct (store, order_id)) as paid, count(distinct (store, order_id)) filter (customer_id = '') as of_unknown
           from ledger where kind = 'sale' and month = $month and {scope}""",
        month=book.month,
    )
    return frame.iloc[0].tolist()


def _traffic(book: Book, level: str) -> pd.DataFrame:
    """The steps that `traffic` counts, of the month's days. A feed of one row a week (all dates seven days apart) stands for the seven days
    that begin with it, so a week that crosses the month's edge counts with its days."""
    entity = f"coalesce(t.{LEVELS[level]}, '{NOBODY[LEVELS[level]]}')"
    sums = ", ".join(f"cast(sum({step}) as double) as {step}" for step in SEEN)
    rows = book.sql(
        f"""select {entity} as entity, cast(date as timestamp) as day, {sums} from traffic t
            where date between $first and $last and {{scope}} group by 1, 2 order by 1, 2""",
        first=(book.first_day - pd.Timedelta(days=6)).date(), last=book.last_day.date(),
    )  # fmt: skip
    days = rows["day"].drop_duplicates().sort_values()
    weekly = len(days) > 1 and (days.diff().dropna().dt.days % 7 == 0).all()
    ends = (rows["day"] + pd.Timedelta(days=6 if weekly else 0)).clip(upper=book.last_day)
    part = (ends - rows["day"].clip(lower=book.first_day)).dt.days.add(1).clip(lower=0) / (7 if weekly else 1)
    counted = rows[list(SEEN)].mul(part, axis=0)[part > 0]
    return counted.groupby(rows["entity"][part > 0]).sum(min_count=1).round(6).rename_axis("entity").reset_index()


def rates(frame: pd.DataFrame) -> pd.DataFrame:
    """Which part of each step takes the next one? Columns: entity, click_rate, visit_rate, follow_rate and order_rate (of the visitors),
    payment_rate (付款转化率: paid ÷ placed), repeat_rate (of the paid orders). frame: funnel.

    >>> one = pd.DataFrame([["a", 1000.0, 100.0, 80.0, 8.0, 4.0, 3.0, 1.0]], columns=["entity", *STEPS])
    >>> rates(one).iloc[0, 1:].astype(float).round(2).tolist()
    [0.1, 0.8, 0.1, 0.05, 0.75, 0.33]
    """
    names = ("click_rate", "visit_rate", "follow_rate", "order_rate", "payment_rate", "repeat_rate")
    made = {name: ratio(frame[step], frame[before].fillna(0)) for name, (step, before) in zip(names, BEFORE.items(), strict=True)}
    return pd.DataFrame({"entity": frame["entity"]} | made)


def costs(frame: pd.DataFrame) -> pd.DataFrame:
    """What did one of each step cost in marketing? Columns: entity, marketing, a_thousand_impressions, per_click, per_visitor,
    per_follower, per_order_placed, per_paid_order, per_first_order. Blank where nobody came to the step. frame: funnel.

    >>> names = ["entity", *STEPS, "first_orders", "marketing"]
    >>> one = pd.DataFrame([["a", 1000.0, 100.0, 50.0, 5.0, 4.0, 4.0, 1.0, 2.0, 20.0]], columns=names)
    >>> costs(one).iloc[0, 1:].astype(float).tolist()
    [20.0, 20.0, 0.2, 0.4, 4.0, 5.0, 5.0, 10.0]
    """
    per = {"a_thousand_impressions": "impressions", "per_click": "clicks", "per_visitor": "visitors", "per_follower": "new_followers",
           "per_order_placed": "orders_placed", "per_paid_order": "paid", "per_first_order": "first_orders"}  # fmt: skip
    made = {name: ratio(frame["marketing"], frame[step].fillna(0)) for name, step in per.items()}
    made["a_thousand_impressions"] = made["a_thousand_impressions"] * 1000
    return pd.DataFrame({"entity": frame["entity"], "marketing": frame["marketing"]} | made)


def steps(frame: pd.DataFrame, entity: str = "all") -> pd.DataFrame:
    """One funnel from top to bottom: step, number, of (the step it is a part of), part, cost (marketing ÷ number). frame: funnel."""
    row = frame[frame["entity"] == entity].iloc[0]
    made = [
        {"step": step, "number": row[step], "of": BEFORE.get(step, ""), "part": row[step] / row[BEFORE[step]] if row.get(BEFORE.get(step, ""), 0) > 0 else np.nan,
         "cost": row["marketing"] / row[step] if row[step] > 0 else np.nan}
        for step in STEPS if pd.notna(row[step])
    ]  # fmt: skip
    return pd.DataFrame(made, columns=["step", "number", "of", "part", "cost"])


def funnel_said(book: Book, frame: pd.DataFrame) -> str:
    """How many of those who came paid, at what cost, and who paid what they ordered least often? frame: funnel by channel."""
    whole, currency = frame.iloc[0], book.currency
    said = f"{count(whole['paid'], 'order')} {'was' if whole['paid'] == 1 else 'were'} paid: {number(whole['first_orders'])} first orders,"
    said += f" {number(whole['repeat'])} repeat orders and {number(whole['of_unknown'])} of nobody known."
    if whole["visitors"] > 0 and whole["paid"] > 0 and pd.notna(whole["marketing"]):
        said += f" {number(whole['visitors'])} visitors came for {money(whole['marketing'], currency)} of marketing,"
        said += f" {money(whole['marketing'] / whole['paid'], currency)} for each order paid."
    pay = rates(frame.iloc[1:]).dropna(subset="payment_rate")
    if len(pay):
        worst = pay.loc[pay["payment_rate"].idxmin()]
        said += f" Of the orders placed, {label(worst['entity'])} gets the smallest part paid: {percent(worst['payment_rate'])}."
        said += " More than all is paid where weeks or orders cross the month's edge." if (pay["payment_rate"] > 1).any() else ""
    return said


# ---- followers -----------------------------------------------------------------------------------------------------------------

CASE = {"followers": 7000, "more_sales": 125_000.0, "buy_again": 0.24}
"""The source's own success story of follower ads: it prints these three, and neither what the ads cost nor what the sales left."""


@remembered
def followers(book: Book, months: int = 12) -> pd.DataFrame:
    """Do months with many new followers bring new customers and contribution? Columns: month, new_followers, new_customers, net_sales,
    contribution. A week's row is put on the month in which it begins. Empty without followers in traffic."""
    wanted = [month for month in book.months_back(months) if month in book.months]
    counted = book.sql(
        """select strftime(date, '%Y-%m') as month, cast(sum(new_followers) as double) as new_followers from traffic
           where new_followers is not null and {scope} group by 1 order by 1"""
    )
    ladder = book.ladder(["month"], wanted, orders=False)[["month", "net_sales", "contribution"]]
    won = new_customers(book, "company", wanted)[["month", "new_customers"]]
    frame = ladder.merge(won, on="month", how="left").merge(counted, on="month", how="inner").fillna({"new_customers": 0})
    return frame[["month", "new_followers", "new_customers", "net_sales", "contribution"]]


def follower_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """Followers, new customers and contribution as parts of their means over the months, one below the other: month, what, of_its_mean."""
    parts = []
    for name in ("new_followers", "new_customers", "contribution"):
        mean = frame[name].mean() if len(frame) else np.nan
        parts.append(
            pd.DataFrame(
                {"month": frame["month"], "what": name.replace("_", " "), "of_its_mean": frame[name] / mean if mean > 0 else np.nan}
            )
        )
    return pd.concat(parts, ignore_index=True)


def followers_said(book: Book, frame: pd.DataFrame, left_over: float) -> str:
    """What did the month with most followers bring, and what may a follower cost? left_over: contribution before marketing ÷ net sales."""
    said = ""
    if len(frame) > 1 and frame["new_followers"].max() > 0:
        top = frame.loc[frame["new_followers"].idxmax()]
        usual = frame[frame["month"] != top["month"]][["new_followers", "new_customers", "contribution"]].mean()
        times = ratio(top[["new_followers", "new_customers", "contribution"]].astype(float), usual.astype(float))
        said = f"{top['month']} brought {number(top['new_followers'])} followers, {number(times['new_followers'], 1)} times as many as the other months' mean,"
        said += f" with {number(times['new_customers'], 1)} times the new customers and {number(times['contribution'], 1)} times the contribution. "
    if left_over > 0:
        worth = CASE["more_sales"] * left_over
        said += f"The source's case prints {number(CASE['followers'])} followers and {money(CASE['more_sales'], 'CNY')} more sales. At what this company keeps"
        said += f" before marketing, {percent(left_over)}, these sales leave {money(worth, 'CNY')}: above {money(worth / CASE['followers'], 'CNY', digits=2)}"
        said += " for a follower such ads lose money, and their price is not printed."
    return said.strip() or "Nothing was kept of the sales before marketing, so no follower is worth paying for."


def kept(book: Book) -> float:
    """The part of net sales that is left before marketing over the last twelve months; blank where net sales are not above zero."""
    sums = book.ladder(months=book.months_back(12), orders=False)
    return float(ratio(sums["cm2"] + sums["commissions"], sums["net_sales"])[0])


# ---- promotions by kind --------------------------------------------------------------------------------------------------------

KINDS = {
    "group-buy": ("团购 拼团 限时团 group groupbuy group-buy group-purchase",
                  "Sales that would have come later at full price: look at the days after, and at who had bought before."),
    "follower-ad": ("吸粉 涨粉 粉丝 关注 follower followers follower-ad follower-ads",
                    "Followers are no buyers: count orders that are paid, and what they left after the ads."),
    "distribution": ("分销 裂变 推荐 distribution referral affiliate reseller",
                     "Sellers take a commission, and may sell to themselves: look at what is left after it."),
    "other": ("", "Look at what it left, and at the days after."),
}  # fmt: skip
"""Kinds of promotion that go wrong in ways of their own: words of campaigns.kind, and where to look."""


def kind_of(text) -> str:
    """The kind of promotion that a campaign's kind names.

    >>> kind_of("Group-Buy"), kind_of("限时团购"), kind_of("老客分销"), kind_of("coupon"), kind_of(None)
    ('group-buy', 'group-buy', 'distribution', 'other', 'other')
    """
    said = str(text or "").casefold().replace("_", "-").replace(" ", "-")
    for kind, (words, _) in KINDS.items():
        if any((word in said) if not word.isascii() else word in (said, *said.split("-")) for word in words.split()):
            return kind
    return "other"


@remembered
def promotions(book: Book, months: int = 12) -> pd.DataFrame:
    """What did each campaign of the last twelve months sell, keep and leave behind, inside against outside?

    Inside are the order lines that name the campaign, or, where none does, those of its channel on its days (`told_by`). Outside are the
    others of the same channel in the same calendar months. One row per campaign whose days have begun: campaign (name), entity, kind (one
    of KINDS), told_by, starts_on, ends_on, sales (before refunds), share (of the scope's sales in the months that its days touch),
    margin_inside and margin_outside (CM2 and commissions ÷ net sales, refunds up to the month's end included), commissions (inside,
    positive), own_spend (marketing that names it), left_over (CM2 and commissions inside, less own_spend; blank where no line names the
    campaign), new_share (of the customers inside: bought for the first time), again_inside and again_outside (part of the customers
    inside, and of the others on those days in that channel, who bought on a day within AGAIN days after its last; blank until that time is
    over), after (sales per day in the channel in as many days after ÷ before; blank until they are).
    """
    about = book.sql(
        """select campaign_id as entity, name, kind, coalesce(channel, '') as channel, cast(starts_on as timestamp) as starts_on,
                  cast(ends_on as timestamp) as ends_on from campaigns where starts_on <= $last and ends_on >= $first order by starts_on, campaign_id""",
        first=pd.Timestamp(book.months_back(months)[0] + "-01").date(), last=book.last_day.date(),
    )  # fmt: skip
    rows = [_promotion(book, row) for row in about.itertuples()]
    columns = ["campaign", "entity", "kind", "told_by", "starts_on", "ends_on", "sales", "share", "margin_inside", "margin_outside", "commissions", "own_spend",
               "left_over", "new_share", "again_inside", "again_outside", "after"]  # fmt: skip
    return pd.DataFrame([row for row in rows if row], columns=columns)


def _asked(book: Book, query: str, **values) -> pd.DataFrame:
    """A query with those of the values that it asks for."""
    return book.sql(query, **{name: value for name, value in values.items() if re.search(rf"\${name}\b", query)})


def _promotion(book: Book, campaign) -> dict | None:
    first, last, end = campaign.starts_on.date(), min(campaign.ends_on, book.last_day).date(), book.last_day.date()
    touched = [str(month) for month in pd.period_range(first, last, freq="M")]
    values = {"id": campaign.entity, "channel": campaign.channel, "first": first, "last": last, "end": end, "months": touched}
    here = "($channel = '' or channel = $channel)"
    named = book.sql(
        "select count(*) as n from ledger where kind = 'sale' and campaign_id = $id and day <= $end and {scope}",
        id=campaign.entity,
        end=end,
    )["n"][0]
    inside = "campaign_id = $id" if named else f"({here} and day between $first and $last)"
    base, kept_ = "gross_sales + discounts + shipping_income", "gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment + commissions"  # fmt: skip
    money_of = _asked(
        book,
        f"""with sold as (select store, order_id, line_no, customer_id, day, segment, coalesce({inside}, false) as inside
                          from ledger where kind = 'sale' and {{scope}} and (month in (select unnest($months)) or campaign_id = $id) and day <= $end
                                and ({here} or campaign_id = $id))
            select s.inside, cast(sum(case when l.kind = 'sale' then {base} end) as double) as sales,
                   cast(sum({base} + refunds) as double) as net_sales, cast(sum({kept_}) as double) as kept,
                   coalesce(-cast(sum(commissions) as double), 0) + 0 as commissions
            from sold s join ledger l on s.store = l.store and s.order_id = l.order_id and s.line_no = l.line_no and l.kind in ('sale', 'return')
            where l.day <= $end group by s.inside order by s.inside""",
        **values,
    ).set_index("inside")  # fmt: skip
    if True not in money_of.index:
        money_of = pd.concat([money_of, pd.DataFrame(0.0, index=[True], columns=money_of.columns)])
    whole = book.sql(
        f"select cast(sum({base}) as double) as sales from ledger where kind = 'sale' and month in (select unnest($months)) and day <= $end and {{scope}}",
        months=touched, end=end,
    )["sales"].fillna(0)  # fmt: skip
    if not named and not whole[0] and not money_of.loc[True, "sales"]:
        return None
    margin = {side: ratio(pd.Series([row["kept"]]), pd.Series([row["net_sales"]]))[0] for side, row in money_of.iterrows()}
    spend = book.sql(
        "select coalesce(-cast(sum(marketing) as double), 0) + 0 as spend from ledger where kind = 'marketing' and campaign_id = $id and day <= $end and {scope}",
        id=campaign.entity, end=end,
    )["spend"][0]  # fmt: skip
    buyers = _buyers(book, inside, here, values, campaign.ends_on + pd.Timedelta(days=AGAIN))
    return {
        "campaign": campaign.name or campaign.entity, "entity": campaign.entity, "kind": kind_of(campaign.kind),
        "told_by": "its order lines" if named else "channel and days", "starts_on": campaign.starts_on, "ends_on": campaign.ends_on,
        "sales": money_of.loc[True, "sales"], "share": ratio(pd.Series([money_of.loc[True, "sales"]]), whole)[0],
        "margin_inside": margin[True], "margin_outside": margin.get(False, np.nan), "commissions": money_of.loc[True, "commissions"],
        "own_spend": spend,
        "left_over": money_of.loc[True, "kept"] - spend if named else np.nan, "after": _after(book, campaign), **buyers,
    }  # fmt: skip


AGAIN = 60  # days within which a buyer of a promotion comes back or doesn't


def _buyers(book: Book, inside: str, here: str, values: dict, until: pd.Timestamp) -> dict:
    """How many of those who bought inside were new, and which part of them and of the others on those days bought again until then."""
    found = _asked(
        book,
        f"""with there as (select customer_id, bool_or(coalesce({inside}, false)) as inside, bool_or(segment = 'new') as new
                           from ledger where kind = 'sale' and customer_id <> '' and {{scope}} and day <= $end
                                 and ((day between $first and $last and {here}) or campaign_id = $id) group by customer_id),
        later as (select distinct customer_id from ledger where kind = 'sale' and customer_id <> '' and day > $last and day <= $until and {{scope}})
        select inside, count(*) as customers, count(*) filter (new) as new, count(l.customer_id) as again
        from there left join later l using (customer_id) group by inside order by inside""",
        until=until.date(), **{name: value for name, value in values.items() if name != "months"},
    ).set_index("inside")  # fmt: skip
    part = lambda side, what: found.loc[side, what] / found.loc[side, "customers"] if side in found.index else np.nan  # noqa: E731
    over = until <= book.last_day
    return {
        "new_share": part(True, "new"),
        "again_inside": part(True, "again") if over else np.nan,
        "again_outside": part(False, "again") if over else np.nan,
    }


def _after(book: Book, campaign) -> float:
    """Sales per day of the campaign's channel in as many days after it ÷ in as many before; blank until they are over, or without sales."""
    days = (campaign.ends_on - campaign.starts_on).days + 1
    start, stop = campaign.starts_on - pd.Timedelta(days=days), campaign.ends_on + pd.Timedelta(days=days)
    if stop > book.last_day or start < pd.Timestamp(book.months[0] + "-01"):
        return np.nan
    sums = book.sql(
        """select coalesce(cast(sum(gross_sales + discounts + shipping_income) filter (day < $first) as double), 0) as before,
                  coalesce(cast(sum(gross_sales + discounts + shipping_income) filter (day > $last) as double), 0) as after
           from ledger where kind = 'sale' and day between $start and $stop and ($channel = '' or channel = $channel) and {scope}""",
        start=start.date(), stop=stop.date(), first=campaign.starts_on.date(), last=campaign.ends_on.date(), channel=campaign.channel,
    )  # fmt: skip
    return float(ratio(sums["after"], sums["before"])[0])


def by_kind(frame: pd.DataFrame) -> pd.DataFrame:
    """The promotions of each kind together: kind, campaigns, sales, commissions, own_spend, left_over (of those that lines name), where_to_look."""
    sums = frame.groupby("kind").agg(
        campaigns=("entity", "size"),
        sales=("sales", "sum"),
        commissions=("commissions", "sum"),
        own_spend=("own_spend", "sum"),
        left_over=("left_over", lambda each: each.sum(min_count=1)),
    )
    sums = sums.reindex([kind for kind in KINDS if kind in sums.index]).rename_axis("kind").reset_index()
    return sums.assign(where_to_look=sums["kind"].map({kind: words for kind, (_, words) in KINDS.items()}))


def promotions_said(book: Book, frame: pd.DataFrame) -> str:
    """How large a part of a month did promotions bring, at what margin, and who can't be judged? frame: promotions."""
    if frame.empty:
        return "No campaign of the table campaigns ran in the last twelve months."
    currency, said = book.currency, []
    known = frame.dropna(subset=["share", "margin_inside", "margin_outside"])
    if len(known):
        top = known.loc[known["share"].idxmax()]
        said.append(
            f"{label(top['campaign'])} brought {percent(top['share'])} of the sales of its month, and kept {percent(top['margin_inside'])} of them before"
            f" marketing, against {percent(top['margin_outside'])} outside it."
        )
    spent = frame[frame["own_spend"] > 0]
    if len(spent):
        worst = spent.loc[spent["left_over"].idxmin()]
        said.append(f"After its own spend {label(worst['campaign'])} left least: {money(worst['left_over'], currency)}.")
    blind = frame[frame["told_by"] != "its order lines"]
    if len(blind):
        said.append(
            f"No order line names {join_names(blind['campaign'])}: what stands there is the channel on those days, with all that would have come anyway."
        )
    return " ".join(said)
