"""Money between the sale and the bank: what was collected, and orders whose payouts are short, over or overdue."""

import numpy as np
import pandas as pd

from helpers.book import JOINS, Book, dimension_sql, remembered
from helpers.contract import NOBODY
from helpers.days import as_of
from helpers.facts import LEVELS, WINDOW, collections, month_targets
from helpers.ratios import ratio
from helpers.text import count, join_names, label, money, number, percent

AGES = {"up to 30 days": 30, "31 to 60 days": 60, "61 to 90 days": 90, "over 90 days": np.inf}
"""Bands of days since a payout was due, and the last day of each."""
WHOLE = ("company", "store", "channel")  # levels that a payout names itself; all others only through the order that it names


@remembered
def payout_gaps(book: Book, days: int = WINDOW) -> pd.DataFrame:
    """Orders of the last 90 (or other) days against the payouts that name them, in the order's own currency.

    An order is due gross − discount + shipping − platform fee − refunds + fees refunded. A sale or refund may take `payout_days` to be
    paid, so money is held against the nearest of what must have been paid, that and every sale, and all until the month's end.
    Only stores and channels that pay by order are looked at; an order paid in another currency can't be compared and is left out.
    Columns: entity (store/order), store, channel, order_id, ordered_on, due, paid, difference (paid − due), state (short, over, overdue,
    matched, not due yet, nothing due), mismatch (bool: the first three), abs_difference and coming (what is still to be paid; both in the
    reporting currency), action.
    """
    return book.sql(
        """with recent as (
               select distinct store, order_id from order_lines
               where cast(ordered_at as date) > $start and cast(ordered_at as date) <= $last and store in (select store from receipts) and {scope}),
           lines as (
               select store, order_id, line_no, channel, currency, cast(ordered_at as date) as day,
                      case when status = 'cancelled' then 0 else
                      gross_amount - coalesce(discount_amount, 0) + coalesce(shipping_income, 0) - coalesce(platform_fee, 0) end as amount
               from order_lines semi join recent using (store, order_id)),
           orders as (
               select store, order_id, min(day) as ordered_on, arg_min(channel, line_no) as channel, arg_min(currency, line_no) as currency
               from lines group by store, order_id),
           events as (
               select store, order_id, day, amount, currency from lines
               union all
               select r.store, r.order_id, r.refunded_on, coalesce(r.fee_refunded, 0) - r.refund_amount, r.currency
               from returns r join lines using (store, order_id, line_no)),
           due as (
               select store, order_id, coalesce(sum(amount) filter (day <= $last), 0) as whole, coalesce(sum(amount) filter (day <= $ripe), 0) as ripe,
                      coalesce(sum(amount) filter (day <= $ripe or (day <= $last and amount > 0)), 0) as early,
                      min(currency) = max(currency) as one_currency
               from events group by store, order_id),
           paid as (
               select store, order_id, sum(amount) filter (paid_on <= $last) as paid, min(currency) as currency, min(currency) = max(currency) as one_currency
               from receipts semi join recent using (store, order_id) where order_id <> '' group by store, order_id),
           paying as (select distinct store, channel from order_lines semi join receipts using (store, order_id) where {scope}),
           held as (
               select store || '/' || order_id as entity, store, channel, order_id, ordered_on, coalesce(paid, 0) as money, p.paid is null as unpaid, early, whole,
                      case when ripe <> 0 or money = 0 then ripe else early end as first, case when orders.currency = $home then 1 else f.rate end as rate
               from orders join paying using (store, channel) join due using (store, order_id) left join paid p using (store, order_id)
               asof left join fx_rates f on orders.currency = f.currency and ordered_on >= f.date
               where ordered_on > $start and ordered_on <= $last and due.one_currency
                     and (p.paid is null or (p.one_currency and p.currency = orders.currency))),
           gaps as (
               select *, case when abs(money - first) <= least(abs(money - early), abs(money - whole)) then first
                              when abs(money - early) <= abs(money - whole) then early else whole end as expected from held)
           select entity, store, channel, order_id, ordered_on, cast(expected as double) as due, cast(money as double) as paid,
                  cast(money - expected as double) as difference,
                  case when abs(difference) > $tolerance + 1e-9 then case when unpaid then 'overdue' when difference < 0 then 'short' else 'over' end
                       when not unpaid then 'matched' when whole = 0 then 'nothing due' else 'not due yet' end as state,
                  state in ('overdue', 'short', 'over') as mismatch, abs(difference) * rate as abs_difference,
                  case when state = 'not due yet' then cast(whole as double) * rate else 0.0 end as coming,
                  case when state = 'over' then $ask else $claim end as action
           from gaps order by entity""",
        home=book.currency,
        last=book.last_day.date(),
        ripe=(book.last_day - pd.Timedelta(days=book.policy.cash.payout_days)).date(),
        start=(book.last_day - pd.Timedelta(days=days)).date(),
        tolerance=book.policy.cash.payout_tolerance,
        claim=book.policy.rules["payout_mismatch"].action,
        ask="find out why more came than was due, before it is taken back",
    )


# ---- collections: what arrived, from whom, and what is still owed ----------------------------------------------------------------


def _shares(level: str, orders: str) -> str:
    """SQL of a table (store, order_id, entity, share): whose each of some orders is, by the sales of its lines; shares of an order are 1."""
    entity = dimension_sql(LEVELS[level])
    return f"""select *, case when sum(base) over whole > 0 then base / sum(base) over whole else 1.0 / count(*) over whole end as share
               from (select l.store, l.order_id, {entity} as entity, cast(sum(gross_sales + discounts + shipping_income) as double) as base
                     from (select * from ledger where kind = 'sale') l semi join ({orders}) o on l.store = o.store and l.order_id = o.order_id
                     {JOINS.get(LEVELS[level], "")} group by l.store, l.order_id, {entity})
               window whole as (partition by store, order_id)"""


@remembered
def received(book: Book, level: str) -> pd.DataFrame:
    """Money received in the month by the entities of a level: entity, collections.

    Company, stores and channels are named by the payout. At other levels a payout belongs to whom the lines of the order belong that
    it names, by their sales before refunds; money that names no order belongs to nobody.
    """
    if level in WHOLE:
        return collections(book, level)
    orders = "select distinct store, order_id from receipts where order_id <> '' and paid_on between $first and $last and {scope}"
    nobody = NOBODY[LEVELS[level]]
    return book.sql(
        f"""with shares as ({_shares(level, orders)})
            select coalesce(entity, '{nobody}') as entity, sum(cast(value as double) * coalesce(share, 1)) as collections
            from (select * from receipts where paid_on between $first and $last and {{scope}}) r left join shares using (store, order_id)
            group by 1 order by 1""",
        first=book.first_day.date(), last=book.last_day.date(),
    )  # fmt: skip


@remembered
def visible(book: Book, level: str) -> pd.Series:
    """For how much of each entity's sales of the last 90 days can the money be followed to it? By entity, 0 to 1.

    All of it where the payout itself names the level; else the part sold in stores and channels of which some payout names its order.
    """
    window = {"start": (book.last_day - pd.Timedelta(days=WINDOW)).date(), "last": book.last_day.date()}
    if level in WHOLE:
        entity = dimension_sql(LEVELS[level])
        names = book.sql(f"select distinct {entity} as entity from ledger l where kind = 'sale' and {{scope}} order by 1")["entity"]
        return pd.Series(1.0, index=names)
    frame = book.sql(
        f"""with paying as (select distinct l.store, l.channel from ledger l join receipts r on l.store = r.store and l.order_id = r.order_id
                            where r.order_id <> '' and kind = 'sale' and paid_on > $start and paid_on <= $last)
            select {dimension_sql(LEVELS[level])} as entity, cast(sum(gross_sales + discounts + shipping_income) as double) as sold,
                   cast(coalesce(sum(gross_sales + discounts + shipping_income) filter (paying.store is not null), 0) as double) as seen
            from (select * from ledger where kind = 'sale' and day > $start and day <= $last and {{scope}}) l
            left join paying on l.store = paying.store and l.channel = paying.channel {JOINS.get(LEVELS[level], "")}
            group by 1 order by 1""",
        **window,
    ).set_index("entity")
    return ratio(frame["seen"], frame["sold"]).fillna(0.0)


@remembered
def collected(book: Book) -> pd.DataFrame:
    """How much of the month's collections target has arrived, by company, store, channel and person?

    level, entity, received, target, missing (target − received), attainment, visible (as of `visible`), overdue (owed past the due
    date, as of `overdue`). Attainment is blank without a target above zero, and where too little of the money can be followed
    (policy: min_cost_coverage) to say that it was missed. Every node with money, a target or a debt; empty without payouts.
    """
    columns = ["level", "entity", "received", "target", "missing", "attainment", "visible", "overdue"]
    if "payouts" in book.missing:
        return pd.DataFrame(columns=columns)
    targets = month_targets(book).query("metric == 'collections'")
    parts = []
    for level in ("company", "store", "channel", "employee"):
        if level == "company" and book.scope != "company":
            continue
        came = received(book, level).set_index("entity")["collections"]
        asked = targets[targets["level"] == level].set_index("entity")["target"]
        owed = overdue(book, level).groupby("entity")["amount"].sum()
        entities = sorted(set(came[came != 0].index) | set(asked.index) | set(owed.index))
        frame = pd.DataFrame({"level": level, "entity": entities})
        frame = frame.assign(
            received=frame["entity"].map(came).astype(float).fillna(0.0), target=frame["entity"].map(asked).astype(float),
            visible=frame["entity"].map(visible(book, level)).astype(float).fillna(1.0 if level in WHOLE else 0.0),
            overdue=frame["entity"].map(owed).astype(float).fillna(0.0),
        )  # fmt: skip
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    reached = ratio(frame["received"], frame["target"])
    told = (frame["visible"] >= book.policy.product.min_cost_coverage) | (reached >= 1)
    return frame.assign(missing=frame["target"] - frame["received"], attainment=reached.where(told))[columns]


@remembered
def overdue(book: Book, level: str = "channel", days: int = 365) -> pd.DataFrame:
    """Which orders of the last year are still owed money past the due date, by entity of a level and by age?

    As `payout_gaps` finds them; a payout is due `payout_days` after the order. entity, order (store/order), due_on, days_overdue, age
    (a band of AGES), amount (reporting currency; at levels below the order its share by the sales of its lines). Oldest first.
    """
    frame = payout_gaps(book, days)
    frame = frame[frame["state"].isin(["overdue", "short"]) & (frame["difference"] < 0)]
    due = pd.to_datetime(frame["ordered_on"]) + pd.Timedelta(days=book.policy.cash.payout_days)
    frame, due = frame[due <= as_of(book)], due[due <= as_of(book)]  # in a month that still runs, what falls due later is not owed yet
    late = (as_of(book) - due).dt.days
    band = [list(AGES)[int(np.searchsorted(list(AGES.values()), each))] for each in late]
    frame = frame.assign(order=frame["entity"], due_on=due, days_overdue=late, age=band, amount=frame["abs_difference"].astype(float))
    if level in WHOLE:
        frame = frame.assign(entity="company" if level == "company" else frame[level], share=1.0)
    else:
        shares = book.sql(_shares(level, "select unnest($stores) as store, unnest($orders) as order_id"),
                          stores=frame["store"].tolist(), orders=frame["order_id"].tolist()) if len(frame) else frame[["store", "order_id", "entity"]].assign(share=1.0)  # fmt: skip
        frame = frame.drop(columns="entity").merge(shares[["store", "order_id", "entity", "share"]], on=["store", "order_id"], how="left")
        frame = frame.fillna({"entity": NOBODY[LEVELS[level]], "share": 1.0})
    frame = frame.assign(amount=frame["amount"] * frame["share"]).sort_values(["due_on", "order", "entity"], ignore_index=True)
    return frame[["entity", "order", "due_on", "days_overdue", "age", "amount"]]


def by_age(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `overdue` as one row per entity, largest first, with a column per band of AGES and their sum `overdue`."""
    grid = frame.pivot_table(index="entity", columns="age", values="amount", aggfunc="sum").reindex(columns=list(AGES)).fillna(0.0)
    grid = grid.assign(overdue=grid.sum(axis=1)).rename_axis(columns=None).reset_index()
    return grid.sort_values(["overdue", "entity"], ascending=[False, True], ignore_index=True)


def aged(book: Book) -> pd.DataFrame:
    """How old is what is owed, by store, channel and person? level, entity, a column per band of AGES, overdue. Each level adds up to all."""
    parts = [by_age(overdue(book, level)).assign(level=level) for level in ("store", "channel", "employee")]
    return pd.concat(parts, ignore_index=True)[["level", "entity", *AGES, "overdue"]]


def collected_said(book: Book, frame: pd.DataFrame, who: pd.Series) -> str:
    """How much of the collections target arrived, who is farthest from it in money, and for whom can't it be told? frame: collected."""
    if frame.empty:
        return "No payout is on record, so nobody can say what was collected."
    first = frame.iloc[0] if len(frame) else None
    name = "company" if book.scope == "company" else book.scope
    whole = frame[frame["entity"] == name]
    first = whole.iloc[0] if len(whole) else frame.iloc[0]
    currency = book.currency
    said = f"{money(first['received'], currency)} arrived"
    said += (
        f", {percent(first['attainment'])} of the {money(first['target'], currency)} that were to be collected"
        if pd.notna(first["attainment"])
        else ""
    )
    said += "." if pd.notna(first["target"]) else "; no collections target is set for the whole."
    parts = frame[frame["attainment"].notna() & (frame["entity"] != name) & (frame["missing"] > 0)]
    if len(parts):
        row = parts.loc[parts["missing"].idxmax()]
        said += f" Most is missing in {row['level']} {label(who.get(row['entity'], row['entity']) if row['level'] == 'employee' else row['entity'])}:"
        said += f" {money(row['missing'], currency)} ({percent(row['attainment'])} collected)."
    blind = frame[frame["target"].notna() & (frame["target"] > 0) & frame["attainment"].isna()]
    if len(blind):
        names = join_names([who.get(entity, entity) for entity in blind["entity"]])
        low, high = percent(blind["visible"].min(), 0), percent(blind["visible"].max(), 0)
        said += f" Whether {names} reached the target can't be told: only {low if low == high else f'{low} to {high}'} of their sales is paid by order."
    return said


def overdue_said(book: Book, frame: pd.DataFrame) -> str:
    """How much is owed past its due date, how old is it, and for how much of the money could it be told at all? frame: overdue."""
    if "payouts" in book.missing:
        return "No payout is on record, so nothing can be called overdue."
    sums = book.sql(
        """select cast(sum(value) as double) as whole, cast(sum(value) filter (order_id <> '') as double) as named from receipts
           where paid_on > $start and paid_on <= $last and {scope}""",
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(), last=book.last_day.date(),
    ).iloc[0]  # fmt: skip
    if pd.isna(sums["named"]):
        return "No payout of the last 90 days names its order, so nobody can say which orders are still owed."
    known = f"Only payouts that name their order can be held against it: {percent(sums['named'] / sums['whole'])} of the money of the last 90 days."
    if frame.empty:
        return f"Of the orders that are paid one by one, none is owed past its due date. {known}"
    oldest = frame.iloc[0]
    return (
        f"{money(frame['amount'].sum(), book.currency)} of {count(frame['order'].nunique(), 'order')} is owed past its due date, which is"
        f" {number(book.policy.cash.payout_days)} days after the order; the oldest for {number(oldest['days_overdue'])} days. {known}"
    )
