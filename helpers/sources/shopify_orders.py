"""Shopify admin → Orders → Export, as CSV or Excel (`orders_export.csv`): one record per line of an order.

The money of an order stands on its first record only; the other records repeat its `Name`, or not even that. Orders of two stores may have
the same names, so the order is store + `Name`; where one store has a name twice, `Id` (in a file without it, the order's time) tells them
apart and stands behind it. Of an order in two files the copy with more refunds is the newer one, where their days are the same. Choices:

- **Day**: `Created at`, in the company's time zone. **Channel**: the option `channel`, else `Source` (web, pos, …) as `channels` renames it.
- **A sale** is every order that was not cancelled (`Cancelled at`) nor voided or expired (`Financial Status`), paid or not: a note tells
  what is still unpaid. Cancelled orders are loaded and worth nothing. Orders of the test gateway (bogus) are set aside.
- **Tax** is taken out. `Total` tells for each order whether prices hold it: Subtotal + Shipping, or that + Taxes. Where they do, it is
  taken out of the taxable lines and of shipping in proportion. Tips, duties and gift cards that were sold are no sales; they are named.
- **Discounts**: `Lineitem discount` belongs to its line, the rest of lines − Subtotal is spread over the lines in proportion; a discount on
  shipping is that which is left of `Discount Amount`. An order whose lines or whose Total don't add up is set aside.
- **Shipping, fees and refunds** are spread over the lines in proportion to what was paid for them. Every spread adds up to the cent.
- **Refunds**: `Refunded Amount` has no day and no line. With a `shopify_payouts` source of the same store, a refund takes its day there;
  what isn't there takes the day of the order, and a note tells how many and how much. quantity is 0 and restocked false: which goods came
  back isn't in the export. Money that a chargeback or an adjustment took (after what came back) is a return too, reason `chargeback`.
- **Fees** (`platform_fee`), refunded fees and shipping labels come from the payouts; without them the fees of an order are unknown.
- **Other payments** (PayPal, cash, gift cards …), which never reach Shopify's payouts: with a payouts source beside it, an order that
  is paid by them counts as paid out on `Paid at`, in full, so that it is not taken for overdue. A note tells how much.
- **People**: `Employee` made the sale, or `Location` where the option `employees` names it. **Buyers** have no id in this export.
- **Region**: shipping (else billing) country and province code, as in US-CA. **Product**: the SKU, else the name of the line.
- **Cost** isn't in the export: see `shopify_products`.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.shopify_payouts import transactions

FIELDS = fields(
    "name id! | Name",
    "id text | Id",
    "created time! | Created at",
    "paid time | Paid at",
    "fulfilled time | Fulfilled at; Fulfillment Date",
    "cancelled time! | Cancelled at",
    "financial text! | Financial Status",
    "currency text | Currency",
    "subtotal amount! | Subtotal",
    "shipping amount! | Shipping",
    "taxes amount! | Taxes",
    "total amount! | Total",
    "discount amount! | Discount Amount",
    "duties amount | Duties",
    "refunded amount! | Refunded Amount",
    "outstanding amount | Outstanding Balance",
    "code text | Discount Code",
    "method text | Payment Method",
    "source text | Source",
    "employee text | Employee",
    "location text | Location",
    "country text | Shipping Country",
    "province text | Shipping Province",
    "billing_country text | Billing Country",
    "billing_province text | Billing Province",
    "quantity integer! | Lineitem quantity",
    "item text! | Lineitem name",
    "price amount! | Lineitem price",
    "sku id! | Lineitem sku",
    "line_discount amount | Lineitem discount",
    "taxable flag | Lineitem taxable",
    "shippable flag | Lineitem requires shipping",
)

# The ids of orders that share their name; their other records have none and belong to the one above, in a file that was sorted to the one
# below. An id that a spreadsheet has rounded (5.12E+12) tells nothing. In a file without ids an order is the one that was created when it was.
_APART = """
with ids as (select raw_id, file_no, row_no, name, created, case when not regexp_matches(id, '[.,Ee]') then ltrim(id, '''') end as id from records),
     shared as (select name from ids group by name having min(id) <> max(id)),
     whole as (
    select raw_id, name, coalesce(last_value(id ignore nulls) over above, first_value(id ignore nulls) over below) as id,
           coalesce(last_value(created ignore nulls) over above, first_value(created ignore nulls) over below) as created
    from ids join shared using (name)
    window above as (partition by file_no, name order by row_no rows unbounded preceding),
           below as (partition by file_no, name order by row_no rows between current row and unbounded following)),
     known as (select name, created, min(id) as known_id from whole where id is not null group by name, created having min(id) = max(id))
select raw_id, coalesce(id, known_id) as value from whole left join known using (name, created)"""

_TIP = "('tip', 'tips', 'gratuity', 'trinkgeld', 'pourboire', 'propina', 'gorjeta', 'mancia', 'fooi', 'dricks', '小费', 'チップ')"
_GIFT_CARD = "^(e-?)?(gift ?card|gift voucher|geschenk(gutschein|karte)|carte[- ]cadeau|tarjeta (de )?regalo|cart(ão|e)[- ]presente|buono regalo|carta regalo|cadeau(bon|kaart)|礼品卡|ギフトカード)"

SQL = f"""
-- What a record sells. A tip and a gift card are no sale of goods; a record without a quantity sells nothing.
create or replace temp table lines as
select raw_id, concat_ws(' ', name, apart) as order_id, quantity, coalesce(sku, item) as product_id, sku is null as nameless, coalesce(taxable, true) as taxable,
       total is not null as is_head,
       cast(price * quantity as decimal(18,4)) as gross, abs(coalesce(line_discount, 0)) as own,
       case when coalesce(quantity, 0) = 0 and coalesce(price * quantity, 0) = 0 then 'nothing'
            when sku is null and not coalesce(shippable, false) and lower(item) in {_TIP} then 'tip'
            when not coalesce(taxable, false) and regexp_matches(lower(item), '{_GIFT_CARD}') then 'gift card'
            else 'goods' end as kind
from rows;

-- Total = Subtotal + Shipping + what is added: taxes (unless prices hold them), duties, tips.
create or replace temp macro tax_of(added, taxes, duties) as
    case added when taxes + duties then 'added, with duties' when taxes then 'added' when duties then 'held, with duties' when 0 then 'held' end;

-- An order: what stands on its first record, the sums of its lines, how they fit together, and what is wrong with it.
create or replace temp table totals as
with sums as (
    select order_id, min(raw_id) filter (is_head) as head, count(*) filter (is_head) as heads, count(*) filter (kind = 'goods') as goods_lines,
           coalesce(sum(gross) filter (kind = 'goods'), 0) as goods, coalesce(sum(own) filter (kind = 'goods'), 0) as own,
           coalesce(sum(gross) filter (kind = 'goods' and taxable), 0) as taxable, coalesce(sum(gross - own) filter (kind = 'gift card'), 0) as gift_cards,
           coalesce(sum(gross - own) filter (kind = 'tip'), 0) as tips,
           bool_or(kind <> 'nothing' and (gross is null or gross < 0 or own > gross or product_id is null)) as odd
    from lines group by order_id),
     once as (
    select raw_id as head, name, created, paid, cancelled is not null or lower(financial) in ('voided', 'expired') as cancelled, lower(financial) as financial,
           coalesce(currency, $currency) as currency, subtotal, total, coalesce(shipping, 0) as shipping, coalesce(taxes, 0) as taxes, coalesce(discount, 0) as discount,
           coalesce(duties, 0) as duties, coalesce(refunded, 0) as refunded, greatest(coalesce(outstanding, 0), 0) as outstanding, code, method, source, employee, location,
           coalesce(country, billing_country) as country, case when country is null then billing_province else province end as province
    from rows where total is not null),
     -- reduced: what discounts took off the lines. Tips usually stand outside of Subtotal, sometimes within.
     fitted as (
    select *, goods + gift_cards - subtotal as bare, bare not in (discount, discount + own) and bare + tips in (discount, discount + own) as tips_within,
           case when tips_within then bare + tips else bare end as reduced, total - subtotal - shipping - case when tips_within then 0 else tips end as added
    from sums left join once using (head)),
     -- off_shipping: the part of the discounts that was taken off shipping, where Shipping is written without it.
     taxed as (
    select *, reduced in (discount, discount + own) as fits, tax_of(added, taxes, duties) as plain,
           case when plain is not null and (fits or shipping = 0) then 0
                when reduced < discount and tax_of(added + discount - reduced, taxes, duties) is not null then discount - reduced
                when reduced < discount + own and tax_of(added + discount + own - reduced, taxes, duties) is not null then discount + own - reduced end as off_shipping
    from fitted)
select *, tax_of(added + coalesce(off_shipping, 0), taxes, duties) as mode, shipping - off_shipping as shipping_paid,
       case when mode like 'held%' then taxes else 0 end as held,
       cast(goods - reduced + shipping_paid - held as decimal(18,4)) as sold, cast(total - sold as decimal(18,4)) as beside,
       case when heads = 0 then 'the record with its totals is missing'
            when heads > 1 then 'its totals stand on more than one record'
            when subtotal is null or created is null then 'its Subtotal or Created at is missing'
            when method ilike '%bogus%' then 'a test order'
            when odd then 'a line has no price or no product, or is negative'
            when plain is null and off_shipping is null then 'its Total is not Subtotal + Shipping, neither with nor without Taxes'
            when reduced < 0 or off_shipping is null or reduced > goods then 'its lines less discounts don''t add up to its Subtotal'
            when total < 0 or shipping_paid < 0 or sold < 0 or held > taxable + shipping_paid then 'its Total or Shipping is less than nothing'
            when goods_lines = 0 and sold <> 0 then 'it sold nothing that could bear its shipping' end as problem
from taxed;

insert into skipped
select raw_id, 'total', cast(t.total as varchar), problem from lines join totals t using (order_id) where problem is not null;

create or replace temp table orders as
select *, ltrim(name, '#') as name_key, cast(created as date) as day, coalesce($channel, $channels[source], source, 'shopify') as channel,
       coalesce($employees[employee], employee, $employees[location]) as employee_id, concat_ws('-', ltrim(country, ), ltrim(province, )) as region
from totals where problem is null;

-- ---- money of the payouts export that belongs to these orders ---------------------------------------------------------------------------

create or replace temp table paying_orders as
select name_key, case when goods_lines > 0 and not cancelled then order_id end as order_id, total, beside, currency, channel
from orders qualify count(*) over (partition by name_key) = 1;

{transactions("shopify_payouts_rows", "paying_orders")}

create or replace temp table paid_in_another as select distinct foreign_order as order_id from transactions where foreign_order is not null;

create or replace temp table charges as
select order_id, sum(charged) as fee, sum(case when kind = 'charge' then amount else 0 end) as amount, sum(case when kind = 'label' then -net else 0 end) as labels
from transactions where order_id is not null and vat_part is not null group by order_id;

-- What was given back or taken, by order and day, without tax and the like (gross: with it).
create or replace temp table events as
with refunds as (  -- a refund that failed makes one event of an order's refunds
    select order_id, case when bool_or(amount > 0) over (partition by order_id) then max(occurred) over (partition by order_id) else occurred end as occurred, part - amount as money, -amount as gross
    from transactions where kind = 'refund' and order_id is not null and vat_part is not null),
     taken as (  -- chargebacks and adjustments, less what of them came back
    select order_id, max(occurred) as occurred, sum(part - amount) as money, sum(-amount) as gross
    from transactions where kind = 'dispute' and order_id is not null and vat_part is not null group by order_id)
select order_id, cast(occurred as date) as day, 'refund' as what, greatest(sum(money), 0) as money, greatest(sum(gross), 0) as gross, cast(0 as decimal(18,4)) as fees from refunds group by order_id, day
union all
select order_id, cast(occurred as date), 'chargeback', greatest(money, 0), greatest(gross, 0), greatest(-money, 0) from taken
union all
select order_id, cast(occurred as date) as day, 'fee', 0, 0, sum(returned) from transactions where returned > 0 and order_id is not null and vat_part is not null group by order_id, day;

-- Refunded Amount holds more than that: on the day of the order.
create or replace temp table undated as
select order_id, day, refunded - coalesce(dated, 0) as gross, refunded - coalesce(dated, 0) - (up_to(beside, refunded, total) - up_to(beside, coalesce(dated, 0), total)) as money
from orders left join (select order_id, sum(gross) as dated from events where what = 'refund' group by order_id) using (order_id)
where not cancelled and goods_lines > 0 and refunded > coalesce(dated, 0);

insert into events select order_id, day, 'undated', money, gross, 0 from undated;

-- ---- order lines ------------------------------------------------------------------------------------------------------------------------

-- Each line's share of what stands on the order. A share is the step between two rounded sums (up_to), so that shares add up to the cent;
-- reached_... is the sum of a column down to this line.
create or replace temp table shares as
with own_discounts as (  -- a line's own discount, and what is left to spread; where own ones are more than the order's, they are its measure
    select l.raw_id, l.order_id, l.quantity, l.product_id, l.gross, l.taxable or o.taxable = 0 as taxable, o.held, o.shipping_paid, o.goods_lines,
           o.goods - o.reduced as all_paid, o.reduced >= o.own as beyond, case when beyond then l.own else 0 end as own, case when beyond then o.reduced - o.own else o.reduced end as rest,
           case when beyond then l.gross - l.own else l.own end as weight, case when beyond then o.goods - o.own else o.own end as all_weight
    from lines l join orders o using (order_id) where l.kind = 'goods'),
     discounts as (
    select *, sum(weight) over (partition by order_id order by raw_id rows unbounded preceding) as reached from own_discounts),
     payments as (  -- share: the weight of a line in everything but discounts; of an order that cost nothing, all lines weigh the same
    select *, cast(own + up_to(rest, reached, all_weight) - up_to(rest, reached - weight, all_weight) as decimal(18,4)) as discount, gross - discount as paid,
           case when taxable then paid else 0 end as taxed, case when all_paid = 0 then 1 else paid end as share, case when all_paid = 0 then goods_lines else all_paid end as all_share
    from discounts),
     sums as (
    select *, sum(share) over above as reached_share, sum(paid) over above as reached_paid, sum(taxed) over above as reached_taxed,
           sum(taxed) over (partition by order_id) as lines_taxed, row_number() over above as line_no
    from payments window above as (partition by order_id order by raw_id rows unbounded preceding)),
     taxes as (  -- tax that prices hold, out of the lines; the rest of it is in shipping
    select *, lines_taxed + shipping_paid as all_taxed, up_to(held, reached_taxed, all_taxed) as reached_tax, up_to(held, reached_taxed - taxed, all_taxed) as tax_before,
           up_to(held, lines_taxed, all_taxed) as lines_tax, paid - (reached_tax - tax_before) as net, shipping_paid - (held - lines_tax) as all_shipping
    from sums),
     shipped as (
    select *, up_to(all_shipping, reached_share, all_share) as reached_shipping, reached_shipping - up_to(all_shipping, reached_share - share, all_share) as shipping,
           all_paid - lines_tax + all_shipping as all_value
    from taxes)
select raw_id, order_id, line_no, quantity, product_id, cast(net as decimal(18,4)) as net, cast(shipping as decimal(18,4)) as shipping, share, reached_share, all_share,
       case when held = 0 or not taxable then discount when paid > 0 then cast(round(cast(discount as double) * net / paid, 2) as decimal(18,4))
            else cast(round(discount * (1 - cast(held as double) / all_taxed), 2) as decimal(18,4)) end as discount,
       case when all_value > 0 then net + shipping else 1 end as value, case when all_value > 0 then reached_paid - reached_tax + reached_shipping else line_no end as reached_value,
       case when all_value > 0 then all_value else goods_lines end as all_value
from shipped;

create table made_order_lines as
select s.raw_id as out_id, s.raw_id, s.order_id, line_no, created as ordered_at, $store as store, channel, product_id, quantity,
       net + s.discount as gross_amount, s.discount as discount_amount, s.shipping as shipping_income,
       up_to(c.fee, reached_share, all_share) - up_to(c.fee, reached_share - share, all_share) as platform_fee,
       nullif(up_to(greatest(labels, 0), reached_share, all_share) - up_to(greatest(labels, 0), reached_share - share, all_share), 0) as fulfilment_cost,
       employee_id, case when $code_is_campaign then code end as campaign_id, nullif(region, '') as region, currency, case when cancelled then 'cancelled' else 'completed' end as status
from shares s join orders o using (order_id) left join charges c using (order_id);

-- A return per event and line: the event's money in proportion to what the line brought.
create table made_returns as
with spread as (
    select s.raw_id, s.order_id, s.line_no, o.currency, e.day as refunded_on, e.what,
           up_to(money, reached_value, all_value) - up_to(money, reached_value - value, all_value) as refund_amount,
           up_to(fees, reached_share, all_share) - up_to(fees, reached_share - share, all_share) as fee_refunded
    from shares s join orders o using (order_id)
    join (select order_id, day, case when what = 'chargeback' then what end as what, sum(money) as money, sum(fees) as fees from events group by all) e using (order_id))
select row_number() over (order by raw_id, refunded_on, what) as out_id, raw_id, $store as store, order_id, line_no, refunded_on, 0 as quantity, refund_amount,
       false as restocked, nullif(fee_refunded, 0) as fee_refunded, what as reason, currency
from spread where refund_amount <> 0 or fee_refunded <> 0;

-- Orders that were paid in another way, which no payout of Shopify's will hold: received on the day of payment.
create or replace temp table paid_otherwise as
select order_id, head, coalesce(cast(paid as date), day) as paid_on, channel, currency, method, total - outstanding - coalesce(c.amount, 0) as paid_in,
       paid_in - (up_to(beside, coalesce(c.amount, 0) + paid_in, total) - up_to(beside, coalesce(c.amount, 0), total)) as money
from orders left join charges c using (order_id)
where not cancelled and goods_lines > 0 and financial in ('paid', 'partially_paid', 'refunded', 'partially_refunded') and total - outstanding > coalesce(c.amount, 0)
      and not regexp_full_match(lower(method), '(shopify[ _]payments[ ,+&]*)+') and (select count(*) > 0 from shopify_payouts_rows);

create table made_payouts as
with moves as (
    select order_id, head, paid_on, channel, currency, method, money from paid_otherwise
    union all
    select order_id, head, paid_on, channel, currency, method, -u.money from paid_otherwise join undated u using (order_id))
select row_number() over (order by head, money desc) as out_id, head as raw_id, paid_on, $store as store, channel, order_id, money as amount, method as reference, currency
from moves where money <> 0;

-- ---- what of Total - Refunded Amount is in no column, and what else is to be told ------------------------------------------------------------

insert into others
with used as (select order_id, sum(gross) filter (what <> 'chargeback') as gross, sum(money) filter (what <> 'chargeback') as money, sum(money) filter (what = 'chargeback') as taken from events group by order_id),
     parts as (
    select head as raw_id, currency, unnest([
               {{'what': 'taxes', 'amount': case when mode like 'held%' then held else taxes end}},
               {{'what': 'duties', 'amount': case when mode like '%duties' then duties else 0 end}},
               {{'what': 'tax, tips, duties and gift cards in refunds', 'amount': coalesce(money - used.gross, 0)}},
               {{'what': 'refunds that only the payouts export has', 'amount': case when used.gross > refunded then used.gross - refunded else 0 end}},
               {{'what': 'chargebacks and adjustments, from the payouts export', 'amount': coalesce(taken, 0)}},
               {{'what': 'refunds of orders that sold nothing', 'amount': case when cancelled or goods_lines = 0 then -refunded else 0 end}}], recursive := true)
    from orders left join used using (order_id))
select raw_id, coalesce(currency, $currency, $home), what, amount from parts where amount <> 0
union all
select l.raw_id, coalesce(currency, $currency, $home), case kind when 'tip' then 'tips' else 'gift cards sold' end, l.gross - l.own from lines l join orders using (order_id) where kind in ('tip', 'gift card')
union all
select l.raw_id, coalesce(currency, $currency, $home), 'orders without a line', 0 from lines l join orders using (order_id) where kind = 'nothing' and goods_lines = 0;

insert into links
select l.raw_id, 'order_lines', min(s.raw_id) from lines l join shares s using (order_id) where kind = 'nothing' group by l.raw_id;

insert into notes
select 'refunds without a day: they have the day of their order', count(*), sum(gross), any_value(currency) from undated join orders using (order_id) group by currency
union all
select 'refunds on the day of the payouts export', count(*), sum(e.gross), any_value(currency) from events e join orders using (order_id) where what = 'refund' and e.gross > 0 group by currency
union all
select 'chargebacks and adjustments, as returns', count(*), sum(e.gross), any_value(currency) from events e join orders using (order_id) where what = 'chargeback' and e.gross > 0 group by currency
union all
select 'no payouts export beside the orders: their payment fees are unknown', count(*), sum(total), any_value(currency) from orders where not cancelled and (select count(*) = 0 from shopify_payouts_rows) group by currency
union all
select 'orders that are not in the payouts export: their payment fees are unknown', count(*), sum(total), any_value(currency)
from orders anti join charges using (order_id) anti join paid_in_another using (order_id) where not cancelled and total > 0 and (select count(*) > 0 from shopify_payouts_rows) group by currency
union all
select 'orders that were paid out in another currency than theirs: their payment fees are in no order line', count(*), sum(total), any_value(currency)
from orders join paid_in_another using (order_id) group by currency
union all
select 'orders paid in another way than by Shopify Payments: taken as received on the day of payment, without a fee', count(*), sum(money), any_value(currency) from paid_otherwise group by currency
union all
select 'orders that are not fully paid (' || financial || '), counted as sales', count(*), sum(case when outstanding > 0 then outstanding else total end), any_value(currency)
from orders where not cancelled and total > 0 and financial not in ('paid', 'refunded', 'partially_refunded') group by financial, currency
union all
select 'cancelled orders, in the total and worth nothing', count(*), sum(total - refunded), any_value(currency) from orders where cancelled group by currency
union all
select 'lines without an SKU: their name stands for it', count(*), sum(gross), any_value(currency) from lines join orders using (order_id) where nameless and kind = 'goods' group by currency
union all
select 'orders that share their name with another one of the store: their Id stands behind it', count(*), sum(total), any_value(currency) from orders where order_id <> name group by currency
"""

ADAPTERS = (
    Adapter(
        name="shopify_orders",
        meaning="Shopify, orders",
        fields=FIELDS,
        tables={
            "order_lines": {"gross_amount": 1, "discount_amount": -1, "shipping_income": 1},
            "returns": {"refund_amount": -1},
            "payouts": {},
        },
        basis="order date, refunds on their day where the payouts export tells it",
        sql=SQL,
        total="total - coalesce(refunded, 0)",
        total_says="Total less Refunded Amount of all orders",
        total_currency="currency",
        options={
            "channels": ({}, 'channels by Source, as in { web = "webshop", pos = "shop" }'),
            "employees": ({}, 'employee ids by Employee or Location, as in { "Ann B" = "E1" }'),
            "code_is_campaign": (False, "true to take the discount code for the campaign"),
        },
        document=("name", "apart"),
        newest="greatest(created, paid, fulfilled, cancelled)",
        grows=("max(refunded)", "bool_or(lower(financial) in ('voided', 'expired'))"),
        carried=("name",),
        derived={"apart": _APART},
        starts="total is not null",
        sees=("shopify_payouts",),
    ),
)
