"""Money between the sale and the bank: orders whose payouts are short, over or overdue."""

import pandas as pd

from helpers.book import Book
from helpers.metrics import WINDOW


def payout_gaps(book: Book) -> pd.DataFrame:
    """Orders of the last 90 days against the payouts that name them, in the order's own currency.

    Due = gross − discount + shipping − platform fee − refunds + fees refunded; a sale or refund may take `payout_days` to be paid.
    Only stores and channels that pay by order are looked at; an order paid in another currency can't be compared and is left out.
    Columns: entity (store/order), ordered_on, due, paid, difference (paid − due), state (short, over, overdue, matched),
    mismatch (bool), abs_difference (reporting currency).
    """
    return book.sql(
        """with lines as (
               select store, order_id, line_no, channel, currency, cast(ordered_at as date) as day,
                      case when status = 'cancelled' then 0 else
                      gross_amount - coalesce(discount_amount, 0) + coalesce(shipping_income, 0) - coalesce(platform_fee, 0) end as amount
               from order_lines where {scope}),
           orders as (
               select store, order_id, min(day) as ordered_on, any_value(channel order by line_no) as channel, any_value(currency order by line_no) as currency
               from lines group by store, order_id),
           events as (
               select store, order_id, day, amount, currency from lines
               union all
               select r.store, r.order_id, r.refunded_on, coalesce(r.fee_refunded, 0) - r.refund_amount, r.currency
               from returns r join lines using (store, order_id, line_no)),
           due as (
               select store, order_id, sum(amount) filter (day <= $last) as due, coalesce(sum(amount) filter (day <= $ripe), 0) as ripe,
                      min(currency) = max(currency) as one_currency
               from events group by store, order_id),
           paid as (
               select store, order_id, sum(amount) filter (paid_on <= $last) as paid, min(currency) as currency, min(currency) = max(currency) as one_currency
               from receipts where order_id <> '' group by store, order_id),
           paying as (select distinct store, channel from orders join paid using (store, order_id)),
           gaps as (
               select store || '/' || order_id as entity, ordered_on, cast(ripe as double) as due, cast(coalesce(paid, 0) as double) as paid,
                      cast(coalesce(paid, 0) - ripe as double) as difference, cast(coalesce(paid, 0) - due as double) as later, p.paid is null as unpaid,
                      case when orders.currency = $home then 1 else f.rate end as rate
               from orders join paying using (store, channel) join due using (store, order_id) left join paid p using (store, order_id)
               asof left join fx_rates f on orders.currency = f.currency and ordered_on >= f.date
               where ordered_on > $start and ordered_on <= $last and due.one_currency
                     and (p.paid is null or (p.one_currency and p.currency = orders.currency)))
           select entity, ordered_on, due, paid, difference,
                  case when abs(difference) <= $tolerance + 1e-9 or abs(later) <= $tolerance + 1e-9 then 'matched'
                       when unpaid then 'overdue' when difference < 0 then 'short' else 'over' end as state,
                  state <> 'matched' as mismatch, abs(difference) * rate as abs_difference
           from gaps order by entity""",
        home=book.currency,
        last=book.last_day.date(),
        ripe=(book.last_day - pd.Timedelta(days=book.policy.cash.payout_days)).date(),
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(),
        tolerance=book.policy.cash.payout_tolerance,
    )
