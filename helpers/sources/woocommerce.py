"""WooCommerce, Analytics → Orders and Analytics → Products (or Variations), as CSV: a limited view, for the shop keeps no other order file.

Orders name products in one cell, `2× Name, 1× Other`: no SKU, no price, and commas in names break it. So an order is one line of the
product `unknown`, worth its Net Sales (without tax and shipping, after coupons), with Items sold as its quantity: channels, stores and
months can be told, products, costs and discounts can't. A better export, with a row for each item, comes from a plugin such as Advanced
Order Export: read it with an `sql` source, and set this one aside.

- A refund is a row of its own with the order's number and status, negative, on the day of the refund; the goods' whereabouts aren't told.
- `N. Revenue (formatted)` is text, includes tax and shipping, and shows a refunded order's total again: it is never read.
- Date is the day that Analytics → Settings names, paid by default, in the zone of the site. Customers' names are never read; no id is there.
- pending, failed and cancelled orders are cancelled lines; of two copies one that is completed, refunded or cancelled is the newer. A status
  of a plugin's own is set aside, unless `sold` names it.

Products gives SKU, title and category: the catalogue. Its units and sales are those of a whole period and of no day, its stock is of no
day either: nothing is made of them. Headers are the English ones of WooCommerce's source; files of other languages name others.
"""

from helpers.sources.adapter import Adapter, fields

SOLD = "('completed', 'processing', 'on-hold', 'refunded')"
FINAL = "('completed', 'refunded', 'cancelled')"
UNSOLD = "('pending', 'failed', 'cancelled', 'trash', 'auto-draft', 'checkout-draft')"

ORDERS = """
-- Statuses as one spelling: `wc-on-hold`, `On hold` and `on-hold` are the same.
create or replace temp table woo_orders as
select *, replace(regexp_replace(lower(status), '^wc-', ''), ' ', '-') as state,
       list_contains(string_split(replace(lower($sold), ' ', ''), ','), replace(regexp_replace(lower(status), '^wc-', ''), ' ', '-')) as also_sold
from rows;

insert into skipped
select raw_id, 'order_id', null, 'no order number' from woo_orders where order_id is null
union all
select raw_id, 'date', null, 'no date' from woo_orders where order_id is not null and date is null
union all
select raw_id, 'net', null, 'no Net Sales' from woo_orders where order_id is not null and date is not null and net is null
union all
select raw_id, 'status', status, 'a status that is not WooCommerce''s own: say sold = "…" in company.toml if it means a sale'
from woo_orders where order_id is not null and date is not null and net >= 0 and not coalesce(also_sold, false) and coalesce(state not in SOLD and state not in UNSOLD, true)
union all
select raw_id, 'items', cast(items as varchar), 'an order without a unit sold'
from woo_orders where order_id is not null and date is not null and net >= 0 and coalesce(items, 0) <= 0 and (also_sold or state in SOLD or state in UNSOLD);

create table made_order_lines as
select raw_id as out_id, raw_id, order_id, 1 as line_no, date as ordered_at, $store as store, coalesce($channel, 'woocommerce') as channel,
       $product_id as product_id, items as quantity, net as gross_amount, coalesce($currency, $home) as currency,
       case when state in UNSOLD then 'cancelled' else 'completed' end as status
from woo_orders anti join skipped using (raw_id) where net >= 0;

create table made_returns as
select raw_id as out_id, raw_id, $store as store, order_id, 1 as line_no, cast(date as date) as refunded_on, abs(coalesce(items, 0)) as quantity,
       -net as refund_amount, false as restocked, coalesce($currency, $home) as currency
from woo_orders anti join skipped using (raw_id) where net < 0;

insert into others
select raw_id, coalesce($currency, $home), 'orders that were never paid, worth nothing', -gross_amount from made_order_lines where status = 'cancelled' and gross_amount > 0;

insert into notes
select 'order lines of the product ' || $product_id || ': the export names no products that can be told apart, so there is no cost, margin or discount',
       count(*), sum(gross_amount), coalesce($currency, $home) from made_order_lines where status = 'completed'
union all
select 'orders on hold count as sold, as in WooCommerce''s own figures, though their payment is awaited', count(*), sum(net), coalesce($currency, $home)
from woo_orders anti join skipped using (raw_id) where state = 'on-hold' and net >= 0
union all
select 'refunds: goods that came back don''t count as stock again, for the export doesn''t say', count(*), sum(refund_amount), coalesce($currency, $home) from made_returns;

drop table woo_orders
""".replace("UNSOLD", UNSOLD).replace("SOLD", SOLD)  # fmt: skip

PRODUCTS = """
insert into skipped
select raw_id, 'sku', null, 'a product without a SKU' from rows where sku is null
union all
select raw_id, 'name', null, 'a product without a title' from rows where sku is not null and name is null;

create table made_products as
select raw_id as out_id, raw_id, sku as product_id, name, category from rows anti join skipped using (raw_id);

insert into notes
select 'units, sales and stock are those of a period and of no day: only the catalogue is taken', count(*), null, null from made_products
"""

_STATE = "replace(regexp_replace(lower(status), '^wc-', ''), ' ', '-')"
_CANCELLED = f"{_STATE} in {UNSOLD}"

ADAPTERS = (
    Adapter(
        name="woocommerce_orders",
        meaning="WooCommerce, Analytics → Orders: one line for each order",
        fields=fields(
            "date time! | Date",
            "order_id id! | Order #",
            "status text! | Status",
            "items integer! | Items sold",
            "net amount! | Net Sales; N. Revenue",
        ),
        tables={"order_lines": {"gross_amount": 1}, "returns": {"refund_amount": -1}},
        basis="order date, of the kind that the shop's analytics are set to",
        sql=ORDERS,
        total=f"case when net < 0 or not coalesce({_CANCELLED}, false) then net else 0 end",
        total_says="Net Sales of all rows but cancelled, failed and pending orders",
        options={
            "product_id": ("unknown", "the product of every order, for a shop that sells only one"),
            "sold": ("", "further statuses that mean a sale, with commas between them"),
        },
        document=("order_id", "date"),
        newest="date",
        grows=(f"bool_or({_STATE} in {FINAL})",),
        unique=True,
    ),
    Adapter(
        name="woocommerce_products",
        meaning="WooCommerce, Analytics → Products or Variations: the catalogue",
        fields=fields(
            "sku id! | SKU", "name text! | Product title; Product / Variation title; Name", "category text | Category; Categories"
        ),
        tables={"products": {}},
        basis="no day",
        sql=PRODUCTS,
        document=("sku",),
        unique=True,
    ),
)
