"""Stock: who has promised more than there is, and what must be ordered now."""

import pandas as pd

from helpers.book import Book
from helpers.metrics import WINDOW

_LAST = """select s.* from stock s join (select store, max(date) as date from stock where date between $first and $last group by store) d
           using (store, date) where {scope}"""


def _month(book: Book) -> dict:
    return {"first": book.first_day.date(), "last": book.last_day.date()}


def oversold(book: Book) -> pd.DataFrame:
    """Products with more units promised than on hand in some store, at each store's last snapshot of the month.

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
        **_month(book), start=(book.last_day - pd.Timedelta(days=WINDOW)).date(),
    )  # fmt: skip


def replenishment(book: Book) -> pd.DataFrame:
    """How many days the stock of each selling product lasts, beside its supplier's lead time.

    Columns: entity (product), usable (on hand − reserved + incoming, all stores of the scope at their last snapshot of the month),
    daily_sales (units a day over the last 90 days, or since the first sale where that is later), cover_days, lead_time_days,
    daily_gross_profit (reporting currency, not below 0), sample_size (orders).
    """
    return book.sql(
        f"""select product_id as entity, usable, daily_sales, usable / daily_sales as cover_days, cast(lead_time_days as double) as lead_time_days,
                   daily_gross_profit, sample_size
            from (select product_id, cast(sum(on_hand - reserved + incoming) as double) as usable from ({_LAST}) group by product_id)
            join (select product_id, sum(quantity) / any_value(days) as daily_sales, count(distinct (store, order_id)) as sample_size,
                         greatest(cast(sum(gross_sales + discounts + shipping_income + uncosted_sales + cogs) as double), 0) / any_value(days) as daily_gross_profit
                  from ledger join (
                      select product_id, least({WINDOW}, date_diff('day', min(day), $last) + 1) as days from ledger
                      where kind = 'sale' and day <= $last and {{scope}} group by product_id) using (product_id)
                  where kind = 'sale' and day > $start and day <= $last and {{scope}} group by product_id) using (product_id)
            join products using (product_id) where lead_time_days is not null order by product_id""",
        **_month(book), start=(book.last_day - pd.Timedelta(days=WINDOW)).date(),
    )  # fmt: skip
