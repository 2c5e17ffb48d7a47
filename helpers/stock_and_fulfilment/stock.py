"""Stock: how long it lasts, where it is missing or idle, who has promised more than there is, and what must be ordered now."""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.days import as_of
from helpers.facts import WINDOW, facts
from helpers.ratios import ratio

_LAST = """select s.* from stock s join (select store, max(date) as date from stock where date > $start and date <= $last group by store) d
           using (store, date) where {scope}"""
"""Each store's last snapshot of the `_window`. A store that doesn't count every month has not lost its goods."""

_FIRST = """select product_id, min(day) as day from (
               select product_id, cast(month || '-01' as date) as day from spread
               where quantity > 0 and month < strftime($last - 91, '%Y-%m') and {scope}
               union all
               select product_id, day from ledger where kind = 'sale' and day >= date_trunc('month', $last - 91) and day <= $last and {scope})
           group by product_id"""
"""Each product's first sale up to a day: in the months of the last 13 weeks its day, in those before the first of its month, which spares
looking through all orders ever for what is older than any window here."""


def _window(book: Book, days: int = WINDOW) -> dict:
    return {"start": (book.last_day - pd.Timedelta(days=days)).date(), "last": book.last_day.date()}


@remembered
def oversold(book: Book) -> pd.DataFrame:
    """Products with more units promised than on hand in some store, at each store's last snapshot.

    Columns: entity (product), available (units short, negative, summed over the stores that are short), stores, snapshot (day),
    unit_price (what a unit sold for in the last 90 days, in the reporting currency).
    """
    return book.sql(
        f"""select product_id as entity, cast(sum(on_hand - reserved) as bigint) as available, string_agg(store, ', ' order by store) as stores,
                   max(date) as snapshot, coalesce(any_value(price), 0) as unit_price
            from ({_LAST}) left join (
                select product_id, cast(sum(gross_sales + discounts) as double) / sum(quantity) as price
                from ledger where kind = 'sale' and day > $start and day <= $last and {{scope}} group by product_id) using (product_id)
            where on_hand - reserved < 0 group by product_id order by product_id""",
        **_window(book),
    )


@remembered
def replenishment(book: Book) -> pd.DataFrame:
    """How many days the stock of each selling product lasts, beside its supplier's lead time.

    Columns: entity (product), usable (on hand − reserved + incoming, all stores of the scope at their last snapshots),
    daily_sales (units a day over the last 90 days, or since the first sale where that is later), cover_days, lead_time_days,
    daily_gross_profit (reporting currency, not below 0), sample_size (orders).
    """
    return book.sql(
        f"""select product_id as entity, usable, daily_sales, usable / daily_sales as cover_days, cast(lead_time_days as double) as lead_time_days,
                   daily_gross_profit, sample_size
            from (select product_id, cast(sum(on_hand - reserved + incoming) as double) as usable from ({_LAST}) group by product_id)
            join (select product_id, sum(quantity) / any_value(days) as daily_sales, count(distinct (store, order_id)) as sample_size,
                         greatest(cast(sum(gross_sales + discounts + shipping_income + uncosted_sales + cogs) as double), 0) / any_value(days) as daily_gross_profit
                  from ledger join (select product_id, least({WINDOW}, date_diff('day', day, $last) + 1) as days from ({_FIRST})) using (product_id)
                  where kind = 'sale' and day > $start and day <= $last and {{scope}} group by product_id) using (product_id)
            join products using (product_id) where lead_time_days is not null order by product_id""",
        **_window(book),
    )


# ---- what lies where, and how long it lasts --------------------------------------------------------------------------------------

IDLE = 30  # days without a sale after which stock that is there counts as idle, and with one in which an empty shelf counts as missed


@remembered
def positions(book: Book) -> pd.DataFrame:
    """What lies in which store at its last snapshot, and does it sell?

    store, product_id, date (of the snapshot), on_hand, reserved, incoming, available (on hand − reserved), value (at cost, reporting
    currency; blank = no known cost), sold_30 (units of the month's last 30 days in that store). Sorted by store and product.
    """
    return book.sql(
        f"""select s.store, s.product_id, s.date, s.on_hand, s.reserved, s.incoming, s.on_hand - s.reserved as available,
                   cast(s.value as double) as value, cast(coalesce(l.units, 0) as bigint) as sold_30
            from ({_LAST}) s
            left join (select store, product_id, sum(quantity) as units from ledger
                       where kind = 'sale' and day > $recent and day <= $last and {{scope}} group by store, product_id) l
                 on s.store = l.store and s.product_id = l.product_id
            order by s.store, s.product_id""",
        **_window(book), recent=(book.last_day - pd.Timedelta(days=IDLE)).date(),
    )  # fmt: skip


def season(book: Book) -> float:
    """By how much do the coming 90 days sell more than the last 90, going by the year before? Units of the whole scope; 1 where a year
    and 90 days of sales don't lie behind the month, or nothing was sold then. 52 weeks back, so that weekdays stay weekdays."""
    found = book.sql(
        """select min(day) as first,
                  sum(quantity) filter (day > $last - 364 - $window and day <= $last - 364) as was,
                  sum(quantity) filter (day > $last - 364 and day <= $last - 364 + $window) as then
           from ledger where kind = 'sale' and day <= $last and {scope}""",
        last=book.last_day.date(), window=WINDOW,
    ).iloc[0]  # fmt: skip
    enough = pd.notna(found["first"]) and pd.Timestamp(found["first"]) <= book.last_day - pd.Timedelta(days=364 + WINDOW - 1)
    return float(found["then"] / found["was"]) if enough and found["was"] > 0 and found["then"] > 0 else 1.0


@remembered
def demand(book: Book) -> pd.DataFrame:
    """How much of each product will be asked for in a day, and how unevenly?

    entity (product), units (last 90 days), days (90, or since its first sale), daily (units ÷ days), forecast (daily × `season`),
    deviation (standard deviation of a day's demand: that of the whole weeks among the last 13 ÷ √7, × `season`; with fewer than two weeks
    √forecast, as if orders came by chance alone). Only products sold in the window; units of the scope.
    """
    frame = book.sql(
        f"""with sold as (
               select product_id, day, sum(quantity) as units from ledger
               where kind = 'sale' and day > $last - 91 and day <= $last and {{scope}} group by product_id, day),
           first as ({_FIRST}),
           weeks as (
               select product_id, week, sum(units) as units from (select *, ($last - day) // 7 as week from sold) group by product_id, week),
           life as (select product_id, least($window, $last - day + 1) as days, least(13, ($last - day + 1) // 7) as weeks from first)
           select product_id as entity, cast(units as bigint) as units, cast(life.days as bigint) as days, cast(life.weeks as bigint) as weeks,
                  cast(w.total as double) as total, cast(w.squares as double) as squares
           from life
           join (select product_id, sum(units) as units from sold where day > $last - $window group by product_id) using (product_id)
           left join (select w.product_id, sum(w.units) as total, sum(w.units * w.units) as squares
                      from weeks w join life using (product_id) where week < life.weeks group by w.product_id) w using (product_id)
           order by product_id""",
        last=book.last_day.date(), window=WINDOW,
    )  # fmt: skip
    factor = season(book)
    daily = frame["units"] / frame["days"]
    weeks = frame["weeks"].where(frame["weeks"] >= 2)
    variance = (frame["squares"].fillna(0.0) - frame["total"].fillna(0.0) ** 2 / weeks) / (weeks - 1) / 7
    by_chance = daily * factor
    spread = np.sqrt(variance.clip(lower=0)) * factor
    return frame[["entity", "units", "days"]].assign(
        daily=daily, forecast=daily * factor, deviation=spread.where(weeks.notna(), np.sqrt(by_chance))
    )


@remembered
def cover(book: Book) -> pd.DataFrame:
    """How long does each product's stock last, looking back and looking ahead?

    entity, name, on_hand, value (last snapshots; blank value = some cost unknown), inventory_days (trailing, as the rules see it),
    forward_days (on hand ÷ forecast demand a day; infinite where nothing is asked for), stock_to_sales, sold (units of the month),
    sell_through (sold ÷ (sold + on hand at the end): the part of what there was to sell that went). Products in stock; largest value first.
    """
    columns = "entity name on_hand value inventory_days forward_days stock_to_sales sold sell_through".split()
    sums = book.sql(
        f"""select product_id as entity, cast(sum(on_hand) as bigint) as on_hand,
                   case when count(*) filter (value is null and on_hand <> 0) = 0 then cast(sum(coalesce(value, 0)) as double) end as value
            from ({_LAST}) group by product_id order by product_id""",
        **_window(book),
    )
    if sums.empty:
        return pd.DataFrame(columns=columns)
    sold = book.sql(
        """select product_id as entity, cast(sum(quantity) as bigint) as sold from ledger
           where kind = 'sale' and month = $month and {scope} group by product_id order by product_id""",
        month=book.month,
    )
    frame = (
        sums.merge(facts(book, "product")[["entity", "inventory_days", "stock_to_sales"]], on="entity", how="left")
        .merge(demand(book)[["entity", "forecast"]], on="entity", how="left")
        .merge(sold, on="entity", how="left")
        .merge(names(book), on="entity", how="left")
        .fillna({"forecast": 0.0, "sold": 0})
    )
    frame = frame[(frame["on_hand"] > 0) | (frame["sold"] > 0)]
    endless = (frame["forecast"] <= 0) & (frame["on_hand"] > 0)
    frame = frame.assign(
        name=frame["name"].fillna(frame["entity"]),
        sold=frame["sold"].astype("int64"),
        forward_days=ratio(frame["on_hand"].clip(lower=0), frame["forecast"]).where(~endless, np.inf),
        sell_through=ratio(frame["sold"], frame["sold"] + frame["on_hand"].clip(lower=0)),
    )
    return frame.sort_values(["value", "entity"], ascending=[False, True], ignore_index=True)[columns]


def names(book: Book) -> pd.DataFrame:
    """What people call each product: entity, name."""
    return book.sql("select product_id as entity, coalesce(name, product_id) as name from products order by product_id")


# ---- stock-outs ------------------------------------------------------------------------------------------------------------------


@remembered
def stock_outs(book: Book) -> pd.DataFrame:
    """Where was a shelf empty in the last 90 days, and which sales did that probably cost?

    A snapshot stands for the days until the store's next one; a shelf is empty where on hand − reserved ≤ 0 and the product is listed.
    The days before the store's first snapshot count as in stock. lost units = (units sold on the other days ÷ those days) × empty days
    − units sold on the empty days, not below 0; money is what a unit brought in that store over the window.

    store, entity, name, empty_days, days (of the window, or since the first sale there), sold, rate (units a day while in stock),
    lost_units, low_units, high_units (95 % interval if orders come by chance: Byar's approximation to the Poisson limits, Breslow and
    Day 1987), lost_sales, lost_contribution (before marketing; blank where a unit's cost is unknown), empty_now (at the last snapshot of
    the month), sold_30. Reporting currency; largest loss first. Only shelves that were empty on some day and sold in the window.
    """
    frame = book.sql(
        """with snaps as (select distinct store, date from stock where date > $start and date <= $last and {scope}),
           spans as (select store, date, coalesce(lead(date) over (partition by store order by date), $last + 1) as until from snaps),
           empty as (
               select s.store, s.product_id, s.date, spans.until, spans.until = $last + 1 and s.date >= $first as now
               from stock s join spans using (store, date) where s.on_hand - s.reserved <= 0),
           shelves as (
               select store, product_id, sum(until - date) as empty_days, bool_or(now) as empty_now from empty group by store, product_id),
           sales as (
               select store, product_id, day, sum(quantity) as units,
                      sum(gross_sales + discounts) as sales, sum(uncosted_sales) as uncosted,
                      sum(gross_sales + discounts + shipping_income + uncosted_sales + cogs + platform_fees + fulfilment + commissions) as brought
               from ledger semi join shelves using (store, product_id)
               where kind = 'sale' and day > $start and day <= $last and {scope} group by store, product_id, day),
           began as (
               select store, product_id, greatest(min(day), $start + 1) as day from ledger semi join shelves using (store, product_id)
               where kind = 'sale' and day <= $last and {scope} group by store, product_id),
           missed as (
               select e.store, e.product_id, sum(s.units) as units
               from empty e join sales s on e.store = s.store and e.product_id = s.product_id and s.day >= e.date and s.day < e.until
               group by e.store, e.product_id),
           whole as (
               select store, product_id, sum(units) as units, sum(sales) as sales, sum(uncosted) as uncosted, sum(brought) as brought,
                      coalesce(sum(units) filter (day > $recent), 0) as sold_30
               from sales group by store, product_id)
           select store, product_id as entity, cast(empty_days as bigint) as empty_days, cast($last - began.day + 1 as bigint) as days,
                  cast(whole.units as bigint) as sold, cast(coalesce(missed.units, 0) as bigint) as sold_empty, empty_now,
                  cast(sold_30 as bigint) as sold_30, cast(sales as double) / whole.units as price,
                  case when uncosted = 0 then cast(brought as double) / whole.units end as brought
           from shelves join whole using (store, product_id) join began using (store, product_id) left join missed using (store, product_id)
           order by store, product_id""",
        **_window(book), first=book.first_day.date(), recent=(book.last_day - pd.Timedelta(days=IDLE)).date(),
    )  # fmt: skip
    empty = frame["empty_days"].clip(upper=frame["days"])
    open_days, seen = frame["days"] - empty, frame["sold"] - frame["sold_empty"]
    rate = ratio(seen, open_days)
    low, high = poisson_limits(seen)
    units = {
        name: (ratio(count, open_days) * empty - frame["sold_empty"]).clip(lower=0)
        for name, count in {"lost_units": seen, "low_units": low, "high_units": high}.items()
    }
    frame = frame.assign(empty_days=empty, rate=rate, **units).merge(names(book), on="entity", how="left")
    frame = frame.assign(
        name=frame["name"].fillna(frame["entity"]),
        lost_sales=frame["lost_units"] * frame["price"],
        lost_contribution=frame["lost_units"] * frame["brought"],
    )
    columns = "store entity name empty_days days sold rate lost_units low_units high_units".split()
    columns += ["lost_sales", "lost_contribution", "empty_now", "sold_30"]
    return frame.sort_values(["lost_sales", "store", "entity"], ascending=[False, True, True], ignore_index=True)[columns]


def poisson_limits(count: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The 95 % limits of the mean behind a count of things that happen by chance (Byar's approximation; a count of 0 has 0 to 3.7).

    >>> low, high = poisson_limits(pd.Series([10, 0]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([4.79, 0.0], [18.39, 3.67])
    """
    n = count.astype(float)
    low = n * (1 - 1 / (9 * n.where(n > 0)) - 1.96 / (3 * np.sqrt(n.where(n > 0)))) ** 3
    more = n + 1
    return low.fillna(0.0).clip(lower=0), more * (1 - 1 / (9 * more) + 1.96 / (3 * np.sqrt(more))) ** 3


# ---- the oversell watch ----------------------------------------------------------------------------------------------------------


@remembered
def watch(book: Book) -> pd.DataFrame:
    """Who has promised more than is there, who could help, and how old is that knowledge?

    entity, name, store, on_hand, reserved, available (on hand − reserved), incoming (of that store), elsewhere (available in the company's
    other stores, each not below 0, at their last snapshots), pool (available + incoming of all stores of the company), snapshot, age_days (from the
    snapshot to the day that the data reach), unit_price. One row per store and product with less than nothing available, worst first.
    Which stores share their stock no table says: `elsewhere` and `pool` take all of the company.
    """
    short = positions(book).query("available < 0")
    columns = "entity name store on_hand reserved available incoming elsewhere pool snapshot age_days unit_price".split()
    if short.empty:
        return pd.DataFrame(columns=columns)
    everywhere = positions(book.whole())
    everywhere = everywhere[everywhere["product_id"].isin(short["product_id"])]
    by_product = everywhere.assign(spare=everywhere["available"].clip(lower=0)).groupby("product_id")
    pool = by_product["available"].sum() + by_product["incoming"].sum()
    price = oversold(book).set_index("entity")["unit_price"]
    frame = short.rename(columns={"product_id": "entity", "date": "snapshot"}).merge(names(book), on="entity", how="left")
    frame = frame.assign(
        name=frame["name"].fillna(frame["entity"]),
        elsewhere=frame["entity"].map(by_product["spare"].sum()),
        pool=frame["entity"].map(pool),
        age_days=(as_of(book) - pd.to_datetime(frame["snapshot"])).dt.days.clip(lower=0),
        unit_price=frame["entity"].map(price).astype(float),
    )
    return frame.sort_values(["available", "entity", "store"], ignore_index=True)[columns]


def snapshot_ages(book: Book) -> pd.DataFrame:
    """How old is what is known of each store's stock? store, snapshot (last on or before the day the data reach), age_days, snapshots
    (days of the last 90 with one), products (listed in the last one). Oldest first."""
    frame = book.sql(
        """select store, max(date) as snapshot, count(distinct date) filter (date > $start) as snapshots,
                  count(*) filter (date = latest) as products
           from (select *, max(date) over (partition by store) as latest from stock where date <= $last and {scope})
           group by store order by snapshot, store""",
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(), last=book.last_day.date(),
    )  # fmt: skip
    return frame.assign(age_days=(as_of(book) - pd.to_datetime(frame["snapshot"])).dt.days.clip(lower=0))
