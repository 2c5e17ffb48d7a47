"""Shopify Payments: Finance → Payouts → Transactions → Export, as CSV or Excel (`payment_transactions_export_….csv`).

Each record is a movement of money: Amount − Fee = Net, and the Net of all records of a `Payout ID` is the deposit in the bank. The file
that lists payouts instead (`Charges`, `Refunds`, …) names no orders and is refused. Choices:

- A payout is a record whose `Payout Status` is paid, on its `Payout Date`; what is scheduled, pending or on its way is named as such.
- Its amount is net of the fee and, with the store's orders export beside it, without the tax, tips, duties and gift cards that the buyer
  paid with the order: so an order's payouts are what is due for it (gross − discount + shipping − fee − refunds) to the cent. Without the
  orders export the amounts hold the tax, and the fees are in no order line; a note says so.
- Refunds, chargebacks and adjustments that name an order are payouts of that order, negative when money is taken back.
- Fees and refunds reach the order lines through `shopify_orders`, which sees these records.
- Payments of cancelled orders, reserves, loans, shipping labels and the like are payouts without an order, named by their type.
- Money in another currency than its order's is a payout of that order and can't be held against it: it keeps the tax, and its fee, which
  would need the day's rate to stand in the order's lines, is in none; a note says how much.
- Transfers to the bank are the payouts themselves and are left out of them. A type that is not known is set aside, never guessed.
- Records of overlapping exports are told by time, type, order, checkout and amount; the one that is paid out wins.
- `VAT`, where Net is Amount − Fee − VAT, is no cost and no income; elsewhere it isn't used. Presentment amounts are not used.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "occurred time! | Transaction Date",
    "type text! | Type",
    "order_name id! | Order",
    "status text! | Payout Status",
    "paid_on day! | Payout Date",
    "payout text | Payout ID",
    "amount amount! | Amount",
    "fee amount! | Fee",
    "net amount! | Net",
    "checkout text | Checkout",
    "currency text | Currency",
    "vat amount | VAT",
)

# What a movement of money is. The types are those of Shopify's API (ShopifyPaymentsTransactionType) and of its exports.
_KIND = """case
    when type in ('charge', 'charge_adjustment') then 'charge'
    when type in ('refund', 'refund_adjustment', 'refund_failure') then 'refund'
    when type in ('payout', 'payout_failure', 'payout_cancellation', 'transfer', 'transfer_cancel', 'transfer_failure', 'transfer_refund') then 'transfer'
    when regexp_matches(type, '_fee(_|$)') then 'fee'
    when regexp_matches(type, '^(adjustment$|(chargeback|dispute|risk)(_|$))') then 'dispute'
    when type like 'shipping_%' then 'label'
    when regexp_matches(type, '^(reserve|reserved_funds|advance|balance_transfer|lending)(_|$)') then 'other'
    when regexp_matches(type, '(^|_)(credit|debit)(_|$)|^(import_tax|customs_duty|lending)(_|$)') then 'other'
end"""


def transactions(payouts: str, orders: str) -> str:
    """SQL that makes the table `transactions` from the records `payouts`, and their `orders`: name_key (the name without #), order_id (null
    for an order that sold nothing), total, beside (its part that is no income: tax, tips, duties, gift cards), currency.

    A row per record: kind, vat_part (null where Net doesn't add up), order_id, foreign_order (the order of money in another currency than
    its own), part (of the amount, that is beside), charged and returned (fees). Amount and part are signed as money is: in positive, out negative. Parts of one order add up to its `beside` when all of its
    total was paid, because each is the step between two rounded shares.
    """
    return f"""
create or replace temp macro up_to(amount, weight, whole) as
    case when weight <= 0 then 0 when weight >= whole then amount else cast(round(cast(amount as double) * weight / whole, 2) as decimal(18,4)) end;

create or replace temp table transactions as
with typed as (
    select * replace (replace(lower(trim(type)), ' ', '_') as type, coalesce(fee, 0) as fee) from {payouts}),
     kinds as (
    select *, {_KIND} as kind, case when amount - fee = net then 0 when amount - fee - coalesce(vat, 0) = net then vat end as vat_part from typed),
     -- Only these kinds belong to an order, and only money in the order's currency can be held against it.
     named as (
    select k.*, o.name_key is not null as known, o.channel, o.total, o.beside,
           case when kind in ('charge', 'refund', 'dispute', 'fee', 'label') and coalesce(o.currency, k.currency) is not distinct from coalesce(k.currency, o.currency) then o.order_id end as order_id,
           case when kind in ('charge', 'refund', 'dispute', 'fee', 'label') and o.currency <> k.currency then o.order_id end as foreign_order
    from kinds k left join {orders} o on ltrim(k.order_name, '#') = o.name_key),
     summed as (
    select *, case when kind = 'charge' then 1 else -1 end as sign,
           sum(amount) over (partition by order_id, kind order by occurred, raw_id rows unbounded preceding) as reached
    from named)
select raw_id, occurred, type, kind, order_name, known, order_id, foreign_order, channel, status, paid_on, payout, amount, fee, net, currency, vat_part,
       case when order_id is null or kind not in ('charge', 'refund', 'dispute') then 0
            else sign * (up_to(beside, sign * reached, total) - up_to(beside, sign * (reached - amount), total)) end as part,
       case when kind = 'fee' then greatest(-net, 0) else greatest(fee, 0) end as charged,
       case when kind = 'fee' then greatest(net, 0) else greatest(-fee, 0) end as returned
from summed;
"""


SQL = f"""
-- The orders that the orders export of the same store holds, and the part of their total that is in no order line.
create or replace temp table payout_orders as
with sold as (
    select order_id, min(channel) as channel, bool_and(status = 'cancelled') as cancelled,
           sum(cast(gross_amount as decimal(18,4)) - cast(discount_amount as decimal(18,4)) + cast(shipping_income as decimal(18,4))) as sold
    from shopify_orders_order_lines group by order_id),
     totals as (
    select concat_ws(' ', name, apart) as order_id, ltrim(min(name), '#') as name_key, max(total) as total, max(currency) as currency from shopify_orders_rows group by order_id)
select name_key, case when sold.order_id is not null and not cancelled then order_id end as order_id, total, total - coalesce(sold, 0) as beside, currency, channel
from totals left join sold using (order_id)
qualify count(*) over (partition by name_key) = 1;

{transactions("rows", "payout_orders")}

insert into skipped
select raw_id, 'type', type, 'a type of transaction that is not known: tell what it is, and leave its payout alone until then' from transactions where kind is null
union all
select raw_id, 'net', cast(net as varchar), 'Net is not Amount less Fee' from transactions where kind is not null and vat_part is null
union all
select raw_id, 'paid_on', null, 'paid out, but on no day' from transactions where kind is not null and vat_part is not null and status ilike 'paid' and paid_on is null;

create table made_payouts as
select raw_id as out_id, raw_id, paid_on, $store as store, coalesce(channel, $channel) as channel,
       case when kind <> 'label' and coalesce(order_id, foreign_order) is not null then coalesce(order_id, foreign_order) when not known and kind not in ('label', 'other') then order_name end as order_id,
       net + vat_part - part as amount,
       case when kind in ('charge', 'refund') then payout else concat_ws(' ', payout, type) end as reference, coalesce(currency, $currency) as currency
from transactions
where kind <> 'transfer' and status ilike 'paid' and raw_id not in (select raw_id from skipped);

insert into others
with placed as (select *, coalesce(currency, $currency, $home) as money, raw_id in (select raw_id from made_payouts) as is_payout from transactions where raw_id not in (select raw_id from skipped))
select raw_id, money, 'tax, tips, duties and gift cards, paid with orders', part from placed where is_payout and part <> 0
union all
select raw_id, money, 'VAT on fees', -vat_part from placed where is_payout and vat_part <> 0
union all
select raw_id, money, case when kind = 'transfer' then 'transfers to the bank' else 'not paid out: ' || lower(coalesce(status, 'without a status')) end, net from placed where not is_payout;

insert into notes
select 'payouts without an orders export beside them: they hold tax, and their fees (the amount here) are in no order line', count(*), sum(fee), any_value(currency)
from transactions where kind = 'charge' and (select count(*) = 0 from shopify_orders_rows) group by currency
union all
select 'payments of orders that are not in the orders export: they hold tax', count(*), sum(net), any_value(currency)
from transactions where kind in ('charge', 'refund', 'dispute', 'fee') and order_name is not null and not known and (select count(*) > 0 from shopify_orders_rows) group by currency
union all
select 'payments and refunds of orders that sold nothing (cancelled, or gift cards only), as payouts without an order; the amount is what is left of them', count(*), sum(net), any_value(currency)
from transactions where kind in ('charge', 'refund', 'dispute', 'fee') and known and order_id is null and foreign_order is null group by currency
union all
select 'payments of orders in another currency than the order''s: they hold tax, can''t be held against it, and their fees (the amount here) are in no order line', count(*), sum(charged - returned), any_value(currency)
from transactions where kind <> 'label' and foreign_order is not null group by currency
union all
select 'money in payouts that is no order''s: ' || type, count(*), sum(net), any_value(currency)
from transactions where kind = 'other' or (kind in ('dispute', 'fee', 'label') and order_name is null) group by type, currency
"""

ADAPTERS = (
    Adapter(
        name="shopify_payouts",
        meaning="Shopify Payments, transactions with their payouts",
        fields=FIELDS,
        tables={"payouts": {"amount": 1}},
        basis="settlement date",
        sql=SQL,
        total="net",
        total_says="Net of all transactions",
        total_currency="currency",
        sees=("shopify_orders",),
        document=("occurred", "type", "order_name", "checkout", "amount"),
        newest="case when status ilike 'paid' then 1 else 0 end",
        unique=True,
    ),
)
