"""One level of the company in one month as a wide frame: who is on it, what each earned, sold, holds and owes, and the targets.

`facts` is what topics, rules and metrics.csv all start from. A figure is a sum over the ledger or a ratio of two such sums.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.book import JOINS, Book, dimension_sql, kept, remembered, subtotals
from helpers.buyers import at_risk, known, members, no_ids_said
from helpers.contract import LEVEL_OF, LINES, NOBODY, SUBTOTALS, TARGET_METRICS
from helpers.ratios import margins, ratio

WINDOW = 90  # days of the inventory metrics, ending with the month
RECENT = "date > $start and date <= $end and {scope}"
LEVELS = {"company": None} | {level: dimension for dimension, level in LEVEL_OF.items()}
ALL = tuple(LEVELS)
EMPLOYERS = ("company", "store", "team")
STOCKED = ("company", "store", "category", "product")
PEOPLE = (*EMPLOYERS, "employee")
BUYERS = ("company", "store", "channel", "region", "campaign", "employee", "team", "segment")  # levels at which buyers can be told apart
_SUMS = (*LINES, *SUBTOTALS, "quantity", "base", "orders", "customers", "new_customers")  # 0 where nothing happened, not blank


@remembered
def people_ladder(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    """The ladder of `company`, `store`, `team` or `employee` by month, with `fte`; teams and people share all overheads by FTE.

    Columns: month, entity, ladder, `fte` (of the month's staffing within the scope; 0 where there is none), `staffed` (bool).
    """
    return kept(book, f"people-{level}", lambda: _people_ladder(book, level, months), list(months))


def _people_ladder(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    dimension = LEVELS[level]
    ladder = book.ladder(["month", dimension] if dimension else ["month"], months).rename(columns={dimension: "entity"})
    ladder = ladder if dimension else ladder.assign(entity="company")
    key = {"company": "'company'", "store": "coalesce(store, 'shared')", "team": "team", "employee": "employee_id"}[level]
    fte = book.sql(
        f"select substr(cast(month as varchar), 1, 7) as month, {key} as entity, cast(sum(fte) as double) as fte from staffing"
        " where month in (select cast(m || '-01' as date) from unnest($months) as t(m)) and {scope} group by all order by all",
        months=months,
    )
    ladder = ladder.merge(fte, on=["month", "entity"], how="outer")
    ladder = ladder.assign(staffed=ladder["fte"].notna()).fillna(
        {"fte": 0.0, "orders": 0, "quantity": 0, "base": 0.0} | dict.fromkeys(LINES, 0.0)
    )
    if level in ("team", "employee"):
        total = ladder.groupby("month")["overheads"].transform("sum")
        heads = ladder.groupby("month")["fte"].transform("sum")
        ladder["overheads"] = (total * ladder["fte"] / heads.where(heads > 0)).where(heads > 0, ladder["overheads"])
    rest = ladder[["month", "entity", "fte", "staffed"]]
    lines = subtotals(ladder[[*LINES, "quantity", "base", "orders"]])
    return pd.concat([rest, lines], axis=1).sort_values(["month", "entity"], ignore_index=True)


@remembered
def facts(book: Book, level: str) -> pd.DataFrame:
    """One level in the book's month as a wide frame: `entity`, the ladder, and every metric that applies to the level.

    A metric whose tables are missing has no column. In a store's scope the level `store` is that store, and `company` is empty.
    """
    return kept(book, f"facts-{level}", lambda: _facts(book, level))


def _facts(book: Book, level: str) -> pd.DataFrame:
    if level == "company" and book.scope != "company":
        return pd.DataFrame({"entity": pd.Series(dtype=str)})
    dimension = LEVELS[level]
    if level in PEOPLE:
        if level == "team" and "staffing" in book.missing:
            return pd.DataFrame({"entity": pd.Series(dtype=str)})
        frame = people_ladder(book, level, [book.month]).drop(columns=["month", "staffed"])
    else:
        frame = book.ladder([dimension]).rename(columns={dimension: "entity"})
        nothing = (frame[[*SUBTOTALS[:-1], "gross_sales", "marketing"]] == 0).all(axis=1)  # what it has is payroll and overheads alone
        frame = frame[~(nothing & (frame["entity"] == NOBODY[dimension]))].reset_index(drop=True)
    frame = _with_entities(book, level, margins(frame))
    if level in STOCKED and "inventory" not in book.missing:
        frame = frame.merge(stock_metrics(book, level), on="entity", how="left")
    if level in EMPLOYERS and "staffing" not in book.missing:
        frame = frame.merge(productivity(book, level), on="entity", how="left")
    if level == "company" and not {"inventory", "payouts", "purchases"} & set(book.missing):
        waited = order_to_payout(book, [book.last_day.date()])["days"]
        frame["cash_conversion_cycle"] = frame["inventory_days"] + (waited[0] if len(waited) else np.nan) - _receipt_to_payment(book)
    frame = frame.merge(attainments(book, level, frame), on="entity", how="left")
    return (_with_buyers(book, level, frame) if level in BUYERS else frame).sort_values("entity", ignore_index=True)


def _with_buyers(book: Book, level: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Adds customers, new_customers, repeat_rate and cac, and for segments members and at_risk_share; nothing where no buyer has an id."""
    if not known(book):
        return frame
    dimension = LEVELS[level]
    entity = dimension_sql(dimension)
    buyers = book.sql(
        f"""select {entity} as entity, count(distinct customer_id) as customers, count(distinct customer_id) filter (segment <> 'new') as back
            from ledger l {JOINS.get(dimension, "")} where kind = 'sale' and customer_id <> '' and l.month = $month and {{scope}}
            group by 1 order by 1""",
        month=book.month,
    )
    frame = frame.merge(buyers, on="entity", how="left").merge(new_customers(book, level), on="entity", how="left")
    frame = frame.fillna({"customers": 0, "back": 0, "new_customers": 0})
    frame = frame.assign(repeat_rate=ratio(frame["back"], frame["customers"]))
    if "marketing_spend" not in book.missing:
        frame = frame.assign(cac=ratio(-frame["marketing"], frame["new_customers"]))
    if level == "segment":
        frame = frame.merge(members(book), on="entity", how="outer").fillna({name: 0.0 for name in frame.columns.drop("entity") if name in _SUMS})
        frame = frame.merge(at_risk(book).reindex(columns=["entity", "at_risk_share"]), on="entity", how="left")
    return frame.drop(columns="back")


def _with_entities(book: Book, level: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Add entities with stock or a target but nothing in the month's ledger, so that dead stock and missed targets are seen."""
    wanted = {book.scope} if level == "store" and book.scope != "company" else set()  # a store has figures also where they are 0
    if level in STOCKED and level != "company":
        stocked = (
            f"select distinct {_entity(level)} as entity from stock left join products p using (product_id) where {RECENT} and on_hand <> 0"
        )
        wanted |= set(book.sql(stocked, **_window(book))["entity"])
    if level in EMPLOYERS and "staffing" not in book.missing:
        wanted |= set(productivity(book, level)["entity"])  # who was staffed this year counts, also where this month's list has yet to come
    targets = month_targets(book)
    wanted |= set(targets.loc[targets["level"] == level, "entity"])
    extra = sorted(wanted - set(frame["entity"]))
    if not extra:
        return frame
    empty = pd.DataFrame(0.0, index=range(len(extra)), columns=[*LINES, *SUBTOTALS, "quantity", "base", "orders"])
    return pd.concat([frame, margins(empty).assign(entity=extra, fte=0.0)[[*frame.columns]]], ignore_index=True)


def _window(book: Book) -> dict:
    return {"start": (book.last_day - pd.Timedelta(days=WINDOW)).date(), "end": book.last_day.date()}


@remembered
def _mean_stock(book: Book) -> pd.DataFrame:
    """Mean stock of the last 90 days by store, product_id and category: inventory (at cost), mean_units, unknown (snapshots with stock of
    unknown cost). Every level of `stock_metrics` adds it up."""
    return book.sql(
        f"""select store, product_id, coalesce(any_value(p.category), 'unallocated') as category,
                   coalesce(cast(sum(value) as double), 0) / any_value(days) as inventory,
                   cast(sum(on_hand) as double) / any_value(days) as mean_units, count(*) filter (value is null and on_hand <> 0) as unknown
            from (select * from stock where {RECENT}) s
            join (select store, count(distinct date) as days from stock where date > $start and date <= $end group by store) using (store)
            left join products p using (product_id) group by store, product_id order by store, product_id""",
        **_window(book),
    )


def stock_metrics(book: Book, level: str) -> pd.DataFrame:
    """The frame of `stock_cover` with contribution_90, opening_stock, and the other metrics of stock."""
    opening = book.sql(
        f"""select {_entity(level)} as entity, cast(sum(value) as double) as opening_stock,
                   count(*) filter (value is null and on_hand <> 0) as opening_unknown from stock
            join (select store, max(date) as date from stock where date <= $first group by store) using (store, date)
            left join products p using (product_id) where {{scope}} group by entity order by entity""",
        first=book.first_day.date(),
    )
    frame = stock_cover(book, level).merge(opening, on="entity", how="left").merge(_marketing_90(book, level), on="entity", how="left")
    frame = frame.fillna({"opening_unknown": 0, "marketing_90": 0.0})
    known = (frame["opening_unknown"] == 0) | (level != "product")  # as in `stock_cover`, sums leave stock of unknown cost out
    frame["opening_stock"] = frame["opening_stock"].fillna(0.0).where(known)
    frame["contribution_90"] = frame["cm2_90"] + frame["commissions_90"] + frame["marketing_90"]
    month, inventory, year = facts_cogs(book, level), frame["inventory"], 365 / WINDOW
    return frame.assign(
        gmroi=ratio(frame["gross_profit_90"], inventory) * year,
        turns=ratio(frame["cogs_90"], inventory) * year,
        return_on_capital=ratio(frame["contribution_90"], inventory) * year,
        stock_to_sales=ratio(frame["opening_stock"], frame["entity"].map(month).fillna(0.0)),
    ).drop(columns=["cm2_90", "commissions_90", "marketing_90", "opening_unknown"])


def stock_cover(book: Book, level: str) -> pd.DataFrame:
    """Stock at cost against the last 90 days: entity, inventory (mean, at cost), inventory_days, mean_units, cogs_90, gross_profit_90, cm2_90
    and commissions_90. A product with stock of unknown cost has a blank inventory; sums leave such stock out."""
    entity = _entity(level)
    products = "left join products p using (product_id)"
    mean = _mean_stock(book).assign(company="company", product=lambda each: each["product_id"])
    mean = mean.groupby(level)[["inventory", "mean_units", "unknown"]].sum().rename_axis("entity").reset_index()
    sums = ", ".join(f"cast({expression} as double) as {name}" for name, expression in {
        "cogs_90": "-sum(cogs)",
        "units_90": "sum(quantity)",
        "gross_profit_90": "sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs)",
        "cm2_90": "sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment)",
        "commissions_90": "sum(commissions)",
    }.items())  # fmt: skip
    flows = book.sql(
        f"""select {entity} as entity, {sums} from ledger {products}
            where day > $start and day <= $end and kind in ('sale', 'return') and {{scope}} group by entity order by entity""",
        **_window(book),
    )
    frame = flows.merge(mean, on="entity", how="outer").fillna(0.0)
    inventory = frame["inventory"].where(((frame["unknown"] == 0) | (level != "product")) & (frame["inventory"] >= 0))
    cogs = frame["cogs_90"]
    # Goods that nobody bought last for ever, whether their cost is known or not.
    endless = ((cogs <= 1e-9) & (inventory > 1e-9)) | ((frame["units_90"] == 0) & (frame["mean_units"] > 0))
    days = (ratio(inventory, cogs) * WINDOW).where(~endless, np.inf)
    return frame.assign(inventory=inventory, inventory_days=days).drop(columns=["unknown", "units_90"])


def facts_cogs(book: Book, level: str) -> pd.Series:
    """Cost of goods of the book's month by entity, positive."""
    if level == "company":
        return pd.Series({"company": -book.ladder()["cogs"].sum()})
    return -book.ladder([LEVELS[level]]).set_index(LEVELS[level])["cogs"]


def _entity(level: str) -> str:
    return {"company": "'company'", "store": "store", "product": "product_id", "category": "coalesce(p.category, 'unallocated')"}[level]


def _marketing_90(book: Book, level: str) -> pd.DataFrame:
    """Marketing of the window: for company and stores as it was spent; for products each month's spread, on the days of the sales."""
    if level in ("company", "store"):
        query = f"select {_entity(level)} as entity, cast(sum(marketing) as double) as marketing_90 from ledger where day > $start and day <= $end and {{scope}} group by entity order by entity"
        return book.sql(query, **_window(book))
    return book.sql(
        f"""select {_entity(level)} as entity, cast(sum(amount) as double) as marketing_90 from (
                select l.product_id, cast(cast(l.gross_sales + l.discounts + l.shipping_income as double) / cast(b.total as double)
                       * cast(b.amount as double) as decimal(38,14)) as amount
                from (select * from ledger where kind = 'sale' and day > $start and day <= $end and {{scope}}) l
                join bases b on l.month = b.month and l.store = b.store and l.channel = b.channel
                     and (b.product_id = '' or b.product_id = l.product_id) and (b.campaign_id = '' or b.campaign_id = l.campaign_id)
                union all
                select product_id, marketing
                from (select * from ledger where kind = 'marketing' and day > $start and day <= $end and {{scope}})
                anti join bases using (month, store, channel, product_id, campaign_id))
            left join products p using (product_id) group by entity order by entity""",
        **_window(book),
    )


@remembered
def productivity(book: Book, level: str) -> pd.DataFrame:
    """Operating profit a year per full-time person: entity, profit_per_employee, mean_fte, staffed_months (of the last 12), and
    uncosted_per_employee: what it would be more if the goods without a known cost had cost nothing."""
    return yearly(people_ladder(book, level, book.months_back(12)), level)


def yearly(history: pd.DataFrame, level: str) -> pd.DataFrame:
    """The frame of `productivity` from the people_ladder of a year's months."""
    staffed = history[history["staffed"]]
    by_entity = staffed.groupby("entity", sort=True)
    months, mean_fte, profit = by_entity.size(), by_entity["fte"].mean(), by_entity["operating_profit"].sum()
    frame = pd.DataFrame(
        {
            "profit_per_employee": ratio(profit, mean_fte) * 12 / months,
            "uncosted_per_employee": ratio(-by_entity["uncosted_sales"].sum(), mean_fte) * 12 / months,
            "mean_fte": mean_fte,
            "staffed_months": months,
        }
    )
    return frame[frame.index != nobody(level)].reset_index(names="entity")


def order_to_payout(book: Book, ends: list) -> pd.DataFrame:
    """Days from order to payout, weighted by money, of the payouts that name their order in the 90 days up to each of these days: last, days.
    Without such payouts a day has no row."""
    return book.sql(
        f"""with came as (select * from receipts where value > 0 and order_id <> '')
            select last, cast(sum(value * (paid_on - day)) as double) / nullif(cast(sum(value) as double), 0) as days
            from (select unnest($ends) as last) join (
                     select paid_on, day, sum(value) as value
                     from came join (select store, order_id, min(day) as day from ledger semi join came using (store, order_id)
                                     where kind = 'sale' and {{scope}} group by store, order_id) using (store, order_id)
                     group by paid_on, day)
                 on paid_on <= last and paid_on > last - {WINDOW} group by last order by last""",
        ends=ends,
    )  # fmt: skip


def _receipt_to_payment(book: Book) -> float:
    """Days from receiving goods to paying for them, weighted by money, of the purchases paid in the last 90 days."""
    return book.sql(
        """select sum(worth * (paid_on - received_on)) / nullif(sum(worth), 0) as days
           from (select p.*, cast(amount as double) * case when p.currency = $home then 1 else cast(f.rate as double) end as worth
                 from purchases p asof left join fx_rates f on p.currency = f.currency and p.ordered_on >= f.date
                 where paid_on > $start and paid_on <= $end and received_on is not null)""",
        home=book.currency,
        **_window(book),
    )["days"][0]


@remembered
def month_targets(book: Book) -> pd.DataFrame:
    """The month's targets: level, entity, metric, target, owner. Targets are set for the company; a store's scope knows only its own."""
    return book.sql(
        """select level, entity, metric, cast(target as double) as target, owner from targets
           where month = $month and ($scope = 'company' or (level = 'store' and entity = $scope)) order by level, entity, metric""",
        month=book.first_day.date(), scope=book.scope,
    )  # fmt: skip


def attainments(book: Book, level: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Actual ÷ target of the month: entity and a column per target metric; blank where the target is ≤ 0."""
    targets = month_targets(book)
    targets = targets[targets["level"] == level]
    for metric, counted in (("new_customers", new_customers), ("collections", collections)):
        if metric in set(targets["metric"]) and not untold(book, level, metric):
            frame = frame.merge(counted(book, level), on="entity", how="left").fillna({metric: 0})
    long = frame[["entity", *[name for name in TARGET_METRICS.split("/") if name in frame]]].melt(
        "entity", var_name="metric", value_name="actual"
    )
    both = targets.merge(long, on=["entity", "metric"], how="inner")
    both["attainment"] = ratio(both["actual"], both["target"])
    wide = both.pivot(index="entity", columns="metric", values="attainment")
    return wide.set_axis(attainment_name(wide.columns.to_series()), axis=1).rename_axis(columns=None).reset_index()


def attainment_name(metrics: pd.Series) -> pd.Series:
    """The name of the attainment of each target metric; without a further word it is that of net sales.

    >>> attainment_name(pd.Series(["net_sales", "orders"])).tolist()
    ['attainment', 'attainment_orders']
    """
    return ("attainment_" + metrics.astype(str)).str.replace("attainment_net_sales", "attainment")


COUNTED = {
    "new_customers": BUYERS,
    "collections": ("company", "store", "channel"),
}
"""Levels at which new customers and money received can be told apart; at others such a target has no attainment."""


def nobody(level: str) -> str:
    """The entity of a level that stands for what belongs to nobody; empty for the company, which has none."""
    return NOBODY.get(LEVELS[level], "")


def untold(book: Book, level: str, metric: str) -> str:
    """Why the company's tables can't tell what a level's entities brought of a target's metric, in a sentence; empty where they can."""
    what = metric.replace("_", " ").capitalize()
    if level not in LEVELS or level not in COUNTED.get(metric, LEVELS):
        return f"{what} can't be told apart by {level}."
    table = "payouts" if metric == "collections" else "staffing" if level == "team" else ""
    if table in book.missing:
        return f"{what} of a {level} can't be told.{book.lacks(table)}"
    return no_ids_said(book) if metric == "new_customers" else ""


def new_customers(book: Book, level: str, months: Sequence[str] | None = None) -> pd.DataFrame:
    """Buyers whose first order ever fell in the month, by the entity that the order belongs to: entity, new_customers.

    With `months`, those of each of them: month, entity, new_customers.
    """
    dimension = LEVELS[level]
    entity = dimension_sql(dimension)
    frame = book.sql(
        f"""select l.month, {entity} as entity, count(*) as new_customers from (
                select *, row_number() over (partition by customer_id order by day, store, order_id, line_no) as nth
                from ledger where kind = 'sale' and segment = 'new' and month in (select unnest($months))) l {JOINS.get(dimension, "")}
            where nth = 1 and {{scope}} group by l.month, {entity} order by l.month, entity""",
        months=list(months or [book.month]),
    )
    return frame if months else frame.drop(columns="month")


def collections(book: Book, level: str, months: Sequence[str] | None = None) -> pd.DataFrame:
    """Money received in the month, by company, store or channel: entity, collections. With `months`, of each of them, with `month`."""
    entity = {"company": "'company'", "store": "store", "channel": "coalesce(nullif(channel, ''), 'unallocated')"}[level]
    wanted = list(months or [book.month])
    frame = book.sql(
        f"""select substr(cast(paid_on as varchar), 1, 7) as month, {entity} as entity, cast(sum(value) as double) as collections
            from receipts where paid_on between $first and $last and {{scope}} and month in (select unnest($months))
            group by all order by all""",
        months=wanted, first=pd.Timestamp(f"{min(wanted)}-01").date(), last=pd.Period(max(wanted), "M").end_time.date(),
    )  # fmt: skip
    return frame if months else frame.drop(columns="month")
