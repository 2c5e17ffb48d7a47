"""Fulfilment: how fast and how dear orders reach their buyers, which carrier would do it cheaper, and what buyers say."""

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.book import Book, remembered
from helpers.days import as_of
from helpers.facts import WINDOW
from helpers.ratios import ratio, wilson

# One row per order: when it was placed, first shipped and last delivered, its first carrier, and whether it came later than promised.
# Promised and not delivered counts as late once the promise has passed; before that nobody can tell.
_ORDERS = """
    with placed as (
        select store, order_id, min(ordered_at) as placed, arg_min(region, line_no) as region
        from order_lines
        where (status is null or status = 'completed') and ordered_at >= $start + 1 and ordered_at < $last + 1 and {scope} group by store, order_id),
    parcels as (
        select store, order_id, min(shipped_at) as shipped, arg_min(carrier, (shipped_at, carrier)) as carrier,
               case when count(*) = count(delivered_at) then max(delivered_at) end as arrived, min(promised_by) as promised,
               case when count(*) = count(cost) then sum(cost) end as cost, count(*) as parcels
        from shipments semi join placed using (store, order_id) where shipped_at < $seen + 1 and {scope} group by store, order_id),
    feeds as (select store, cast(min(shipped_at) as date) as since from shipments where {scope} group by store),
    known as (
        select store, order_id, placed, coalesce(nullif(region, ''), 'unallocated') as region, shipped, promised, cost, parcels,
               case when shipped is not null then coalesce(carrier, 'not named')
                    when cast(placed as date) >= since then 'not shipped' else 'not known' end as carrier,
               case when cast(arrived as date) <= $seen then arrived end as arrived
        from placed left join parcels using (store, order_id) left join feeds using (store))
    select *, date_diff('second', placed, shipped) / 3600.0 as processing, date_diff('second', shipped, arrived) / 3600.0 as transit,
           case when promised is null or shipped is null then null when arrived is not null then arrived > promised
                when promised < $seen + 1 then true end as late
    from known
"""


def _orders(book: Book) -> str:
    """The orders of the 90 days that end with the month, as a table that is made once: its name."""
    start = book.last_day - pd.Timedelta(days=WINDOW)
    return book.table("orders", _ORDERS, start=start.date(), last=book.last_day.date(), seen=as_of(book).date())


@remembered
def speed(book: Book, by: tuple[str, ...] = ("store", "carrier")) -> pd.DataFrame:
    """How fast and how dear did the month's orders leave and arrive? By any of store, region and carrier of the first parcel.

    orders, delivered, processing_hours (mean, order to first parcel), transit_hours (mean, to the last delivery), slowest_tenth (hours from
    order to delivery that nine of ten don't exceed), promised (orders that had a promised time whose outcome is known), late, late_share
    (late ÷ promised), parcel_cost (mean of the orders whose parcels' cost is known), fulfilment (what the ledger holds per order for packing and carriage).
    Reporting currency. Orders that had not left by the last day of the data stand as carrier `not shipped`; those of a store before its first
    known parcel as `not known`. Most orders first.
    """
    keys = ", ".join(f"o.{name}" for name in by)
    return book.sql(
        f"""with paid as (select store, order_id, -cast(sum(fulfilment) as double) as fulfilment from ledger
                          where kind = 'sale' and month = $month and {{scope}} group by store, order_id)
            select {keys}, count(*) as orders, count(arrived) as delivered, avg(processing) as processing_hours, avg(transit) as transit_hours,
                   quantile_cont(processing + transit, 0.9) as slowest_tenth, count(late) as promised, count(*) filter (late) as late,
                   count(*) filter (late) / nullif(count(late), 0) as late_share, avg(cast(cost as double)) as parcel_cost,
                   sum(fulfilment) / count(*) as fulfilment
            from {_orders(book)} o left join paid using (store, order_id) where placed >= $first group by {keys} order by orders desc, {keys}""",
        month=book.month, first=book.first_day.date(),
    )  # fmt: skip


@remembered
def waiting(book: Book) -> pd.DataFrame:
    """Which orders of the last 90 days have not left yet? By store: store, orders, oldest_days (to the day the data reach), net_sales
    (before refunds). Only stores whose parcels are known, and orders from their first known parcel on. Most orders first."""
    return book.sql(
        f"""with here as (select * from {_orders(book)} where carrier = 'not shipped' and cast(placed as date) <= $seen),
                 worth as (select store, order_id, cast(sum(gross_sales + discounts + shipping_income) as double) as sales
                           from ledger semi join here using (store, order_id) where kind = 'sale' group by store, order_id)
            select store, count(*) as orders, max($seen - cast(placed as date)) as oldest_days, sum(sales) as net_sales
            from here join worth using (store, order_id) group by store order by orders desc, store""",
        seen=as_of(book).date(),
    )  # fmt: skip


# ---- lanes -----------------------------------------------------------------------------------------------------------------------


@remembered
def lanes(book: Book) -> pd.DataFrame:
    """What does each carrier cost and take on each lane? Store × region × carrier, of the orders of the last 90 days.

    store, region, carrier, orders, cost (mean per order), cost_error (its standard error), hours (mean, first parcel to delivery), hours_error,
    promised, late, late_share. Orders whose cost or delivery isn't known are left out of the mean that needs it.
    """
    return book.sql(
        f"""select store, region, carrier, count(*) as orders, avg(cast(cost as double)) as cost,
                   stddev_samp(cast(cost as double)) / sqrt(count(cost)) as cost_error, avg(transit) as hours,
                   stddev_samp(transit) / sqrt(count(transit)) as hours_error, count(late) as promised, count(*) filter (late) as late,
                   count(*) filter (late) / nullif(count(late), 0) as late_share
            from {_orders(book)} where shipped is not null and carrier <> 'not named' group by store, region, carrier order by store, region, carrier"""
    )


@remembered
def cheaper(book: Book) -> pd.DataFrame:
    """Where would another carrier of the same lane be cheaper at the same speed? One row per lane and carrier that could be replaced.

    Cheaper: the 95 % interval of the difference in mean cost lies below 0. Same speed: the upper end of that of the hours on the way stays within
    the policy's `same_speed_hours`. Not later: a larger late share than chance explains (5 %, one-sided) rules it out. Both carriers need
    `min_parcels` orders. lane, store, region, carrier, orders (last 90 days), cost, hours, late_share, instead (the cheapest that holds), its
    instead_cost, instead_hours, instead_late, saving (a month: a third of the orders × the difference). Largest saving first.
    """
    frame, policy = lanes(book), book.policy.delivery
    frame = frame[frame["orders"] >= policy.min_parcels]
    pairs = frame.merge(frame, on=["store", "region"], suffixes=("", "_b")).query("carrier != carrier_b")
    less = pairs["cost_b"] - pairs["cost"] + 1.96 * np.hypot(pairs["cost_error"], pairs["cost_error_b"])
    slower = pairs["hours_b"] - pairs["hours"] + 1.96 * np.hypot(pairs["hours_error"], pairs["hours_error_b"])
    pooled = ratio(pairs["late"] + pairs["late_b"], pairs["promised"] + pairs["promised_b"])
    error = np.sqrt(
        pooled
        * (1 - pooled)
        * (1 / pairs["promised"].where(pairs["promised"] > 0) + 1 / pairs["promised_b"].where(pairs["promised_b"] > 0))
    )
    later = (pairs["late_share_b"] - pairs["late_share"]) > norm.ppf(0.95) * error.fillna(0.0)
    found = pairs[(less < 0) & (slower <= policy.same_speed_hours) & ~later]
    found = found.sort_values(["cost_b", "carrier_b"]).drop_duplicates(["store", "region", "carrier"])
    found = found.rename(
        columns={"carrier_b": "instead", "cost_b": "instead_cost", "hours_b": "instead_hours", "late_share_b": "instead_late"}
    )
    found = found.assign(
        lane=found["store"] + " to " + found["region"] + ", " + found["carrier"],
        saving=(found["cost"] - found["instead_cost"]) * found["orders"] * 30 / WINDOW,
    )
    columns = "lane store region carrier orders cost hours late_share instead instead_cost instead_hours".split()
    return found.sort_values(["saving", "lane"], ascending=[False, True], ignore_index=True)[[*columns, "instead_late", "saving"]]


# ---- what buyers say -------------------------------------------------------------------------------------------------------------

PRAISE = {"store": "store", "product": "product_id", "carrier": "carrier", "delivery": "delivery", "goods": "goods"}


@remembered
def _rated(book: Book) -> pd.DataFrame:
    """The ratings of the last 90 days counted by each of PRAISE in one pass: told_by, entity, ratings, praised."""
    which = " ".join(f"when grouping({column}) = 0 then '{by}'" for by, column in PRAISE.items())
    return book.sql(
        f"""with rated as (select * from reviews where reviewed_on > $start and reviewed_on <= $last and {{scope}}),
            parcels as (
                select store, order_id, arg_min(carrier, (shipped_at, carrier)) as carrier, min(promised_by) as promised,
                       case when count(*) = count(delivered_at) then max(delivered_at) end as arrived
                from shipments semi join rated using (store, order_id) group by store, order_id),
            lines as (select store, order_id, line_no, product_id from ledger semi join rated using (store, order_id) where kind = 'sale'),
            single as (select store, order_id, min(product_id) as product_id from lines group by store, order_id having count(distinct product_id) = 1),
            sent_back as (select distinct store, order_id from returns semi join rated using (store, order_id) where refunded_on <= $last),
            o as (
                select r.store, r.rating, coalesce(l.product_id, s.product_id, 'unallocated') as product_id, coalesce(p.carrier, 'not known') as carrier,
                       case when p.arrived is null or p.promised is null then 'not known' when p.arrived > p.promised then 'late' else 'on time' end as delivery,
                       case when b.order_id is null then 'kept' else 'sent back' end as goods
                from rated r
                left join lines l using (store, order_id, line_no) left join single s using (store, order_id)
                left join parcels p using (store, order_id) left join sent_back b using (store, order_id))
            select case {which} end as told_by, coalesce({", ".join(PRAISE.values())}) as entity, count(*) as ratings,
                   count(*) filter (rating >= 4) as praised
            from o group by grouping sets ({", ".join(f"({each})" for each in PRAISE.values())}) order by told_by, ratings desc, entity""",
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(), last=book.last_day.date(),
    )  # fmt: skip


@remembered
def praise(book: Book, by: str = "store") -> pd.DataFrame:
    """Which part of the ratings is praise (4 or 5), by one of PRAISE? Ratings given in the last 90 days.

    by: `store`, `product` (a rating without a line counts where its order has one product), `carrier`, `delivery` (on time, late, not
    known) or `goods` (sent back, kept). entity, name, ratings, praised, rate, low, high (95 % interval, Wilson 1927). Most ratings first.
    """
    frame = _rated(book).query("told_by == @by").drop(columns="told_by").reset_index(drop=True)
    low, high = wilson(frame["praised"], frame["ratings"])
    names = book.sql("select product_id, name from products").set_index("product_id")["name"] if by == "product" else {}
    return frame.assign(
        name=[names.get(entity, entity) for entity in frame["entity"]], rate=ratio(frame["praised"], frame["ratings"]), low=low, high=high
    )[["entity", "name", "ratings", "praised", "rate", "low", "high"]]


def praise_apart(book: Book) -> pd.DataFrame:
    """`praise` by delivery, goods, store and carrier below one another: who (what it is told apart by, and the entity), and its columns."""
    parts = [praise(book, by).assign(by=by) for by in ("delivery", "goods", "store", "carrier")]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(who=frame["by"] + ": " + frame["name"].astype(str))


@remembered
def yardstick(book: Book) -> pd.DataFrame:
    """One yardstick for every store: store, orders, processing_hours, transit_hours, late_share, parcel_cost and fulfilment per order
    (of the month's orders, as of `speed`), praise and ratings (of the last 90 days)."""
    frame = speed(book, ("store",))
    said = praise(book, "store").rename(columns={"entity": "store", "rate": "praise"})
    return frame.merge(said[["store", "praise", "ratings"]], on="store", how="left").fillna({"ratings": 0}).astype({"ratings": "int64"})
