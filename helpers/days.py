"""The days of a book: how far the data reach, what each day brought, and which days are not like others."""

from collections.abc import Sequence

import pandas as pd

from helpers.book import JOINS, Book, dimension_sql, remembered
from helpers.facts import LEVELS


@remembered
def order_days(book: Book) -> pd.Series:
    """Days of the book's month on which the company, whatever the scope, has order lines."""
    days = book.whole().sql("select distinct day from ledger where kind = 'sale' and month = $month order by day", month=book.month)
    return pd.to_datetime(days["day"])


def ends_early(book: Book) -> bool:
    """Is the silence before the month's end longer than any between two days with orders, as if the month weren't over?"""
    days = order_days(book)
    if days.empty:  # nothing but refunds and costs
        return False
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


def trial_day(book: Book) -> pd.Timestamp:
    """The evening from which a month is looked at: as far as the data reach, or its 14th where it is over and nothing is open any more."""
    day = evening(book)
    return day if day < book.last_day else book.first_day + pd.Timedelta(days=13)


_SUMS = {
    "net_sales": "gross_sales + discounts + shipping_income + refunds",
    "gross_profit": "gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs",
    "contribution": "gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment + commissions",
}
AS_SPENT = ("company", "store", "channel")  # levels whose marketing stands in the ledger on its day


@remembered
def daily(book: Book, level: str, metric: str = "net_sales", entities: Sequence[str] | None = None) -> pd.DataFrame:
    """What each day brought, by entity: days (all from the first of the company's data to the month's end) × entities; 0 where nothing.

    entities: only these, each with a column (default: all that ever had a row; of products that can be many).
    metric: net_sales, gross_profit, contribution, orders (on the first day of an order within the month), new_customers or collections.
    A month's days add up to the metric of `facts.facts`. Marketing of company, stores and channels stands on the day of the spend,
    that of other levels on the days of the sales that it is spread over (at the whole month's rate, as far as the data reach).
    """
    dimension = LEVELS[level]
    entity = dimension_sql(dimension)
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
    some, values = ("where entity in (select unnest($entities))", {"entities": list(entities)}) if entities is not None else ("", {})
    query = f"select day, entity, cast(value as double) as value from ({query}) {some} order by day, entity"
    wide = book.sql(query, last=book.last_day.date(), **values).pivot(index="day", columns="entity", values="value")
    wide = wide if entities is None else wide.reindex(columns=list(entities))
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
