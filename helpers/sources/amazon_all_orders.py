"""Amazon All Orders (tab-separated): Seller Central → Reports → Fulfillment → All Orders, by order date. 29 or 32 columns.

It gives trading by order date: a line for each SKU of an order. Fees, refunds and payouts come from a settlement or Date Range source of
the same store, which takes the lines of settled orders over and attaches their fees; the others stay here, their fees still unknown.

- `item-price` is the price of the whole line, not of a unit [from general knowledge; no merchant's file was seen]. In the United States
  and Canada it is without tax, elsewhere `item-tax` is in it [unverified outside India]: `tax_included` overrides this, and
  `vat-exclusive-item-price` is taken where a file has it. Where prices contain a tax that no column shows, say `tax_rate`.
- `item-status` tells whether a line was cancelled, `order-status` does not; a cancelled line is worth nothing, and one with quantity 0
  is set aside. A pending line has no price yet. Orders of the channel `Non-Amazon` are another shop's, sent from Amazon's warehouse.
- Two lines of one order with the same SKU are one line: settlements and returns can't tell them apart.
- The buyer has no id in this report; the region is the state, else the country, that the parcel goes to. Times carry their zone.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "order_id id! | amazon-order-id",
    "purchased time! | purchase-date",
    "updated time | last-updated-date",
    "order_status text | order-status",
    "sales_channel text | sales-channel",
    "sku id! | sku",
    "item_status text | item-status",
    "quantity integer! | quantity",
    "currency text | currency",
    "item_price amount! | item-price",
    "item_tax amount | item-tax",
    "shipping_price amount | shipping-price",
    "shipping_tax amount | shipping-tax",
    "wrap_price amount | gift-wrap-price",
    "wrap_tax amount | gift-wrap-tax",
    "item_discount amount | item-promotion-discount",
    "ship_discount amount | ship-promotion-discount",
    "state text | ship-state",
    "country text | ship-country",
    "untaxed_price amount | vat-exclusive-item-price",
)

TOTAL = (
    "item_price + coalesce(shipping_price, 0) + coalesce(wrap_price, 0) - abs(coalesce(item_discount, 0)) - abs(coalesce(ship_discount, 0))"
)

SQL = f"""
create or replace temp table items as
select *, {TOTAL} as total, coalesce(item_status, order_status, '') ilike 'cancel%' as cancelled, coalesce(sales_channel, '') ilike 'non-amazon%' as of_another,
       coalesce(shipping_price, 0) + coalesce(wrap_price, 0) as sent, coalesce(shipping_tax, 0) + coalesce(wrap_tax, 0) as sent_tax,
       abs(coalesce(item_discount, 0)) + abs(coalesce(ship_discount, 0)) as discount,
       coalesce(cast($tax_included as boolean), coalesce(sales_channel, 'Amazon.com') not in ('Amazon.com', 'Amazon.ca')) as taxed
from rows;

create or replace temp table live as select distinct order_id, sku from items where not cancelled and not of_another and item_price is not null;

insert into skipped
select raw_id, 'sales_channel', sales_channel, 'an order of another shop, sent from Amazon''s warehouse: the sale is told there' from items where of_another
union all
select raw_id, 'item_price', item_status, 'no price yet: export it again when the order is confirmed' from items where not of_another and not cancelled and item_price is null
union all
select raw_id, 'quantity', cast(quantity as varchar), 'cancelled, with a quantity of 0: there is nothing to count' from items where not of_another and cancelled and coalesce(quantity, 0) = 0
union all
select raw_id, 'item_status', item_status, 'cancelled, while the same SKU of the order was sent' from items join live using (order_id, sku)
where not of_another and cancelled and quantity <> 0;

-- A tax that prices contain is what a column says, or what company.toml names; a discount contains it in the same proportion.
create or replace temp table priced as
select raw_id, order_id, sku, purchased, quantity, coalesce(currency, $currency, $home) as currency, cancelled, coalesce(state, country) as region, coalesce(total, 0) as total, coalesce(item_price, 0) as gross,
       case when not taxed then gross when untaxed_price is not null then untaxed_price when coalesce(item_tax, 0) <> 0 then gross - item_tax
            else cast(round(gross / cast(1 + $tax_rate as decimal(9,6)), 2) as decimal(18,4)) end as price,
       case when not taxed then sent when sent_tax <> 0 then sent - sent_tax else cast(round(sent / cast(1 + $tax_rate as decimal(9,6)), 2) as decimal(18,4)) end as shipping,
       case when not taxed or gross = 0 then discount else cast(round(discount * (price / gross), 2) as decimal(18,4)) end as discount
from items where raw_id not in (select raw_id from skipped);

create table made_order_lines as
select row_number() over (order by min(raw_id)) as out_id, min(raw_id) as raw_id, order_id, sku as line_no, min(purchased) as ordered_at, $store as store,
       coalesce($channel, 'amazon') as channel, sku as product_id, sum(quantity) as quantity, sum(price) as gross_amount, sum(discount) as discount_amount,
       sum(shipping) as shipping_income, min(region) as region, currency, case when bool_and(cancelled) then 'cancelled' end as status
from priced group by order_id, sku, currency;

insert into links
select p.raw_id, 'order_lines', out_id from priced p join made_order_lines l on p.order_id = l.order_id and p.sku is not distinct from l.line_no and p.currency = l.currency where p.raw_id <> l.raw_id;

insert into others select raw_id, currency, 'taxes in the prices', total - price - shipping + discount from priced where total <> price + shipping - discount;

insert into notes
select 'sales whose fees and refunds no file tells: add amazon_settlement or amazon_date_range', count(*), sum(gross_amount), currency
from made_order_lines where status is null and not list_contains($beside, 'amazon_settlement') and not list_contains($beside, 'amazon_date_range') group by currency
union all
select 'prices that hold no tax by their columns, though prices of their marketplace contain one: say tax_rate if they do', count(*), sum(item_price), currency
from items where taxed and untaxed_price is null and coalesce(item_tax, 0) = 0 and $tax_rate = 0 and item_price > 0 and raw_id not in (select raw_id from skipped) group by currency
"""

ADAPTERS = (
    Adapter(
        name="amazon_all_orders",
        meaning="Amazon All Orders, by order date",
        fields=FIELDS,
        tables={"order_lines": {"gross_amount": 1, "discount_amount": -1, "shipping_income": 1}},
        basis="order date",
        sql=SQL,
        total=TOTAL,
        total_says="item-price, shipping-price and gift-wrap-price less promotion discounts, of all rows",
        total_currency="currency",
        options={
            "tax_included": (None, "whether prices contain a tax; default: outside the United States and Canada they do"),
            "tax_rate": (0.0, "the tax that prices contain where no column shows it, such as 0.19"),
        },
        document=("order_id",),
        newest="updated",
        literal_quotes=True,
    ),
)
