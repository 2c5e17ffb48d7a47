"""Youzan 有赞, the two exports of 订单 → 导出: by order (60 columns) and by item (37 columns), CSV or Excel, together.

The items say what was sold, how many, at what frozen cost (商品成本价); the orders say what the shop received (订单实收金额), when, in
which shop (归属店铺), through which channel and person, for which commission. Name both kinds of files in one entry; which is which is
told by their columns, in any order and of any year. Orders without items are refused: they name no product and no quantity.
Items without orders can be read with `store = "…"`: then days come from the order number (E + year, month, day, time), and there is no
shipping income, person or commission.

- A sale is an order that was paid (买家付款时间), or that is on its way unpaid (cash on delivery). A paid order that was closed is a sale
  and its refund. Closed and unpaid ones, and those that wait for payment, are cancelled lines.
- Nothing is recomputed. A line is worth its 商品实际成交金额; 商品单价 × 商品数量 above that is discount. An order's lines and 运费 must add up
  to 订单实收金额 to the cent, as they are, or less 支付优惠合计 (paid by the shop then), or with 商品金额小计 in the place of
  实际成交金额 (distribution orders, whose 店铺优惠（分摊） is added). Any other order is set aside whole.
- Rows that are equal in every cell count as one, as in files that were put together; two equal items of an order count as two where the
  order adds up with both and not with one. Without the orders nothing can tell this, and they count as one.
- 运费, commissions, 支付优惠 and the refunds of an order that its items don't explain are split over its lines by what they are worth.
- The exports give refunds no day: they stand on the day of the order. All units count as sent back where a line was refunded whole, none
  where in part; they are stock again where they never left (未发货), else as the option `restocked` says.
- 商品成本价 blank or 0 is an unknown cost. Columns about the buyer are not read, so there is no customer_id; platform fees and
    carriage are in neither file. Prices hold VAT as the shop's do: `vat = 13` takes it out.
- Names of products, for companies without a products table: name the items' files in an entry of `youzan_products` too.

The columns are those that public parsers record; no merchant's file was seen. That 订单实收金额 is before refunds is an assumption, which
the adding-up checks.
"""

from helpers.sources.adapter import Adapter, fields

UNPAID = "('待付款', '待支付', '未付款', '等待付款', '等待买家付款')"
CLOSED = "('交易关闭', '已关闭', '订单关闭', '已取消', '交易取消', '订单取消', '订单已取消')"
UNDER_WAY = (
    "('待接单', '待成团', '待确认', '已付款', '待发货', '部分发货', '已发货', '待收货', '待自提', '待核销', '待消费', '已核销', '已签收',"
    " '待评价', '交易完成', '交易成功', '已完成')"
)

NAME = "nullif(concat_ws(' · ', product, variant), '')"
PRODUCT = f"""case $product when '商品名称' then {NAME} when '商品编码' then coalesce(product_code, variant_code, {NAME})
            else coalesce(variant_code, product_code, {NAME}) end"""

FIELDS = fields(
    "order_id id! | 订单号",
    "created_at time | 订单创建时间",
    "paid_at time | 买家付款时间",
    "finished_at time | 交易成功时间",
    "status text | 订单状态; 订单商品状态",
    "store text | 归属店铺",
    "sales_channel text | 销售渠道",
    "origin text | 订单来源",
    "province text | 收货人省份",
    "received amount | 订单实收金额",
    "paid amount | 订单实付金额",
    "shipping amount | 运费",
    "pay_discount amount | 支付优惠合计; 支付营销优惠",
    "refunded amount | 订单已退款金额",
    "agent text | 分销员",
    "agent_again text | 分销员#2; 分销员.1",
    "guide text | 销售导购",
    "own_guide text | 专属导购",
    "commission_kind text | 订单佣金类型",
    "commission amount | 订单佣金金额",
    "bonus_kind text | 订单下级卖货提成类型",
    "bonus amount | 订单下级卖货提成金额",
    "product text | 商品名称",
    "variant text | 商品规格",
    "variant_code id | 规格编码",
    "product_code id | 商品编码",
    "price amount | 商品单价",
    "unit_cost amount | 商品成本价",
    "quantity integer | 商品数量",
    "subtotal amount | 商品金额小计",
    "shared text | 店铺优惠（分摊）",
    "amount amount | 商品实际成交金额",
    "item_refunded amount | 商品已退款金额",
    "sent text | 商品发货状态",
)

SQL = f"""
-- The part of an amount that belongs to the lines up to one that brings their worth to so_far, in cents; the last gets what is left.
create or replace temp macro part_to(amount, so_far, total) as
    case when so_far >= total then amount else cast(round(cast(amount as double) * cast(so_far as double) / cast(total as double), 2) as decimal(18,4)) end;
create or replace temp macro net(amount) as
    case when $vat = 0 then amount else cast(round(cast(amount as double) * 100 / (100 + $vat), 2) as decimal(18,4)) end;

-- Which kinds of files there are, and what they tell.
create or replace temp table youzan_files as
select file_no, form, count(received) > 0 as has_received, count(paid) > 0 as has_paid, count(store) > 0 as has_store from records group by file_no, form;

insert into refusals
select 'option `person` of youzan must be 分销员, 销售导购, 专属导购 or none' where $person not in ('分销员', '销售导购', '专属导购', 'none')
union all
select 'option `product` of youzan must be 规格编码, 商品编码 or 商品名称' where $product not in ('规格编码', '商品编码', '商品名称')
union all
select 'option `channel_from` of youzan must be 销售渠道 or 订单来源' where $channel_from not in ('销售渠道', '订单来源')
union all
select 'option `vat` of youzan must be a percentage from 0 to 30' where $vat not between 0 and 30
union all
select 'no item-level export (商品维度) with a row in it is there: export the same orders by item as well, for only it names products, quantities and costs'
from youzan_files having count(*) > 0 and count(*) filter (form = 'items') = 0
union all
select 'neither 订单实收金额 nor 订单实付金额 is there, so nothing tells what the shop received: export the orders with it'
from youzan_files where form = 'orders' and not has_received and not has_paid
union all
select 'nothing names the shop (归属店铺): say store = "…" in company.toml, or export the same orders by order (订单维度) as well'
from youzan_files having count(*) > 0 and not bool_or(has_store) and $store is null;

-- What the order-level export says of an order, once.
create or replace temp table youzan_orders as
select order_id, raw_id, created_at as ordered_at, paid_at, status, store, province,
       case when $channel_from = '订单来源' then coalesce(origin, sales_channel) else coalesce(sales_channel, origin) end as channel,
       case when $person = 'none' then null
            else coalesce(case $person when '销售导购' then guide when '专属导购' then own_guide end, agent, agent_again, guide, own_guide) end as person,
       agent <> agent_again as two_agents,
       case when has_received then received else paid end as received, has_received, coalesce(shipping, 0) as shipping,
       coalesce(pay_discount, 0) as pay_discount, refunded,
       case when commission_kind like '%积分%' then 0 else coalesce(commission, 0) end
       + case when bonus_kind like '%积分%' then 0 else coalesce(bonus, 0) end as commission,
       paid_at is null and coalesce(refunded, 0) = 0 and status in {UNPAID} as waiting,
       paid_at is null and coalesce(refunded, 0) = 0 and status in {CLOSED} as closed,
       count(*) over (partition by order_id) as copies
from rows join youzan_files using (file_no, form) where form = 'orders';

-- In which way an order's items and shipping are what was received; null where they aren't.
create or replace temp macro fit(amounts, subtotals, turned, shipping, pay_discount, received) as
    case when amounts + shipping = received then 'amount'
         when amounts + shipping - pay_discount = received then 'less pay_discount'
         when turned and subtotals + shipping = received then 'subtotal' end;

-- Equal items of an order count as one, unless only all of them together are worth what the order says was received.
delete from repeats where raw_id in (
    with again as (
        select raw_id, order_id, amount, subtotal from records r semi join repeats using (raw_id)
        semi join (select file_no, content from rows where form = 'items') k on r.file_no = k.file_no and r.content = k.content where form = 'items'),
         once as (select order_id, sum(amount) as amount, sum(subtotal) as subtotal from rows where form = 'items' group by order_id),
         more as (select order_id, sum(amount) as amount, sum(subtotal) as subtotal from again group by order_id)
    select again.raw_id from again join more using (order_id) join once using (order_id) join youzan_orders o using (order_id)
    where o.copies = 1 and fit(once.amount, once.subtotal, true, o.shipping, o.pay_discount, o.received) is null
          and fit(once.amount + more.amount, once.subtotal + more.subtotal, true, o.shipping, o.pay_discount, o.received) is not null);

-- Without an order-level export, each item speaks for itself.
create or replace temp table youzan_goods as
with known as (select count(*) > 0 as orders from youzan_files where form = 'orders'),
     times as (
    select raw_id, timezone($zone, timezone($timezone, try_strptime(regexp_extract(order_id, '^E(20\\d{{12}})', 1), '%Y%m%d%H%M%S'))) as numbered
    from rows, known where form = 'items' and not orders)
select i.raw_id, i.order_id, i.quantity, i.amount, i.subtotal, i.sent,
       {PRODUCT} as product_id, nullif(i.unit_cost, 0) as unit_cost, i.unit_cost = 0 as no_cost,
       greatest(coalesce(try_cast(i.price * i.quantity as decimal(18,4)), i.subtotal, i.amount), i.amount) as listed,
       coalesce(i.item_refunded, 0) as item_refunded, try_cast(replace(regexp_extract(i.shared, '^\\s*([-\\d.,]+)', 1), ',', '') as decimal(18,4)) as shared,
       orders as has_orders, case when orders then o.raw_id end as order_row, coalesce(o.copies, 0) as copies,
       case when orders then o.ordered_at else coalesce(i.created_at, numbered) end as ordered_at, not orders and i.created_at is null as by_number,
       case when orders then o.status else i.status end as status, case when orders then o.paid_at else i.paid_at end as paid_at,
       coalesce(o.store, i.store) as store, o.channel, coalesce(o.province, i.province) as province, o.person,
       o.received, o.shipping, o.pay_discount, o.refunded, coalesce(o.commission, 0) as commission,
       case when orders then o.waiting else i.paid_at is null and coalesce(i.item_refunded, 0) = 0 and i.status in {UNPAID} end as waiting,
       case when orders then o.closed else i.paid_at is null and coalesce(i.item_refunded, 0) = 0 and i.status in {CLOSED} end as closed
from rows i cross join known left join times using (raw_id) left join (select * from youzan_orders where copies = 1) o on i.order_id = o.order_id
where i.form = 'items';

-- Each line with the sums of its order: worth is what it counts for in splits, so_far that of the lines up to it.
create or replace temp table youzan_lines as
with sums as (
    select *, row_number() over up_to as line_no, sum(amount) over up_to as amount_so_far, sum(subtotal) over up_to as subtotal_so_far,
           sum(amount) over whole as amounts, sum(subtotal) over whole as subtotals, sum(item_refunded) over whole as item_refunds,
           bool_or(amount > subtotal) over whole and bool_and(subtotal is not null) over whole as turned,
           bool_or(amount is null or quantity is null or quantity < 1 or amount < 0 or listed < 0 or subtotal < 0 or item_refunded < 0 or unit_cost < 0) over whole as unusable
    from youzan_goods
    window up_to as (partition by order_id order by raw_id rows unbounded preceding),
           whole as (partition by order_id order by raw_id rows between unbounded preceding and unbounded following)),
     basis as (
    select *, case when not has_orders or waiting or closed then 'amount' else fit(amounts, subtotals, turned, shipping, pay_discount, received) end as fits
    from sums)
select *, case when fits = 'subtotal' then subtotal else amount end as worth,
       case when fits = 'subtotal' then subtotal_so_far else amount_so_far end as so_far,
       case when fits = 'subtotal' then subtotals else amounts end as total,
       case when not has_orders then item_refunded else coalesce(refunded, item_refunds) end as order_refund
from basis;

-- What can't be used, with the first reason that holds; an order goes as a whole.
create or replace temp table youzan_unusable as
select order_id, 'amount' as "column", cast(null as varchar) as "value",
       'an item of the order has no amount, no whole quantity, or a negative figure' as reason, 1 as nth from youzan_lines where unusable and order_id is not null
union all
select order_id, 'order_id', order_id, 'its items are there, but no single readable row of the order-level export', 2
from youzan_lines where has_orders and order_row is null and order_id is not null
union all
select order_id, 'product', null, 'an item of the order has neither a code nor a name', 3 from youzan_lines where product_id is null
union all
select order_id, 'store', null, 'no shop is named', 3 from youzan_lines where coalesce($store, store) is null
union all
select order_id, 'created_at', null, 'no day of the order: export it by order as well', 3 from youzan_lines where ordered_at is null
union all
select order_id, 'status', status, 'neither paid nor in a state that is known', 4
from youzan_lines where paid_at is null and coalesce(order_refund, 0) = 0 and (status is null or status not in {UNPAID} and status not in {CLOSED} and status not in {UNDER_WAY})
union all
select order_id, 'status', status, 'closed after it was paid, and nothing says that the money went back', 5
from youzan_lines where paid_at is not null and status in {CLOSED} and order_refund = 0 and total > 0
union all
select order_id, 'received', 'items ' || cast(amounts as varchar) || ' + shipping ' || cast(shipping as varchar) || ', order ' || coalesce(cast(received as varchar), 'blank'),
       'its items and shipping don''t add up to what the order says was received', 6
from youzan_lines where fits is null
union all
select order_id, 'refunded', 'items ' || cast(item_refunds as varchar) || ', order ' || cast(refunded as varchar),
       'its items say that more was refunded than the order does: export both on the same day', 7
from youzan_lines where has_orders and item_refunds > refunded
union all
select order_id, 'refunded', cast(coalesce(refunded, 0) as varchar), 'a negative figure', 8
from youzan_orders where least(received, shipping, pay_discount, coalesce(refunded, 0), commission) < 0
union all
select order_id, 'order_id', order_id, 'two different rows of the order-level export', 0 from youzan_orders where copies > 1
union all
select order_id, 'order_id', order_id, 'no readable row of the item-level export says what was sold', 10 from youzan_orders anti join youzan_goods using (order_id);

insert into skipped
select raw_id, 'order_id', null, 'no order number' from rows where order_id is null
union all
select raw_id, u."column", u."value", u.reason
from rows join (select * from youzan_unusable where order_id is not null qualify row_number() over (partition by order_id order by nth, "value") = 1) u using (order_id);

-- Every share is what belongs up to a line less what belongs up to the line before.
create or replace temp table youzan_shares as
with parts as (
    select *, case when line_no = 1 then 0 else part_to(shipping, so_far - worth, total) end as shipping_before,
           case when line_no = 1 then 0 else part_to(pay_discount, so_far - worth, total) end as discount_before,
           case when line_no = 1 then 0 else part_to(commission, so_far - worth, total) end as commission_before,
           case when line_no = 1 then 0 else part_to(order_refund - item_refunds, so_far - worth, total) end as refund_before
    from youzan_lines anti join skipped using (raw_id))
select *, worth - case when fits = 'less pay_discount' then part_to(pay_discount, so_far, total) - discount_before else 0 end as paid,
       coalesce(part_to(shipping, so_far, total) - shipping_before, 0) as carriage,
       part_to(commission, so_far, total) - commission_before as reward,
       item_refunded + case when has_orders then part_to(order_refund - item_refunds, so_far, total) - refund_before else 0 end as refund
from parts;

create table made_order_lines as
select raw_id as out_id, raw_id, order_id, line_no, ordered_at, coalesce($store, store) as store, coalesce($channel, channel, 'youzan') as channel,
       product_id, quantity,
       net(listed) as gross_amount, net(listed) - net(paid) as discount_amount, net(carriage) as shipping_income, reward as commission, unit_cost,
       person as employee_id, province as region, coalesce($currency, $home) as currency, case when waiting or closed then 'cancelled' else 'completed' end as status
from youzan_shares;

create table made_returns as
select raw_id as out_id, raw_id, coalesce($store, store) as store, order_id, line_no, cast(ordered_at as date) as refunded_on,
       case when refund >= paid and paid > 0 then quantity else 0 end as quantity, net(refund) as refund_amount,
       refund >= paid and paid > 0 and (coalesce(sent = '未发货', false) or $restocked) as restocked, coalesce($currency, $home) as currency
from youzan_shares where refund > 0;

insert into links select order_row, 'order_lines', raw_id from youzan_shares where order_row is not null;

insert into others
select raw_id, coalesce($currency, $home), 'VAT in the prices', (paid + carriage - refund) - (net(paid) + net(carriage) - net(refund)) from youzan_shares where $vat > 0 and not (waiting or closed)
union all
select raw_id, coalesce($currency, $home), 'lines of orders that were never paid, worth nothing', -(net(paid) + net(carriage)) from youzan_shares where waiting or closed
union all
select raw_id, coalesce($currency, $home), 'refunds that the items alone tell of', item_refunded from youzan_shares where has_orders and refunded is null and item_refunded > 0;

insert into notes
select 'refunds, for which the export has no day, stand on the day of the order', count(*), sum(refund), coalesce($currency, $home) from youzan_shares where refund > 0
union all
select 'refunds of a part of a line: no unit counts as sent back', count(*), sum(refund), coalesce($currency, $home) from youzan_shares where refund > 0 and refund < paid
union all
select 'what was refunded beyond the refunds of the items, shipping for instance, is split over the lines of its order', count(*), sum(rest), coalesce($currency, $home)
from (select order_id, any_value(order_refund - item_refunds) as rest from youzan_shares where has_orders group by order_id) where rest > 0
union all
select 'lines of orders that wait for payment: loaded as cancelled, until an export shows them paid', count(*), sum(paid), coalesce($currency, $home) from youzan_shares where waiting
union all
select 'discounts at payment (支付优惠) that the shop bore: taken off the lines', count(distinct order_id), sum(worth - paid), coalesce($currency, $home) from youzan_shares where fits = 'less pay_discount'
union all
select '店铺优惠（分摊） is added to 商品金额小计, not taken off, as in distribution orders: the line is worth what adds up to 订单实收金额', count(*), sum(amount - subtotal), coalesce($currency, $home)
from youzan_shares where amount > subtotal
union all
select '商品金额小计 and 店铺优惠（分摊） don''t give 商品实际成交金额: the latter was taken', count(*), sum(amount), coalesce($currency, $home)
from youzan_shares where shared is not null and subtotal - shared <> amount and subtotal + shared <> amount
union all
select '商品成本价 is 0: taken for unknown', count(*), null, null from youzan_shares where no_cost
union all
select 'orders with two different 分销员: the first was taken', count(*), null, null from youzan_orders where two_agents and copies = 1
union all
select 'there is no 订单实收金额 in an old export: 订单实付金额, what the buyer paid, stands for it', count(*), sum(received), coalesce($currency, $home) from youzan_orders where not has_received
union all
select 'commissions in points (积分) are no money and were left out', count(*), null, null
from rows where form = 'orders' and (commission_kind like '%积分%' and commission > 0 or bonus_kind like '%积分%' and bonus > 0)
union all
select 'items without an order-level export: no shipping income, no person, no commission', count(*), null, null from youzan_lines where not has_orders
union all
select 'order times were read from the order number', count(*), null, null from youzan_lines where by_number and ordered_at is not null
union all
select 'amounts are as the export has them, with the VAT that is in the prices: say vat = 13 to take it out', count(*), sum(paid), coalesce($currency, $home) from youzan_shares where $vat = 0 and not (waiting or closed);

drop table youzan_files;
drop table youzan_orders;
drop table youzan_goods;
drop table youzan_lines;
drop table youzan_shares;
drop table youzan_unusable
"""

CATALOGUE = f"""
insert into refusals
select 'option `product` of youzan_products must be 规格编码, 商品编码 or 商品名称' where $product not in ('规格编码', '商品编码', '商品名称');

create or replace temp table youzan_catalogue as select *, {PRODUCT} as product_id, {NAME} as name from rows;

insert into skipped select raw_id, 'product', null, 'an item without a name' from youzan_catalogue where name is null;

-- The last row of a product names it; the others are linked to it.
create table made_products as
select max(raw_id) as out_id, max(raw_id) as raw_id, product_id, arg_max(name, raw_id) as name, arg_max(category, raw_id) as category
from youzan_catalogue where name is not null group by product_id;

insert into links select c.raw_id, 'products', m.out_id from youzan_catalogue c join made_products m using (product_id) where c.raw_id <> m.raw_id and c.name is not null;

drop table youzan_catalogue
"""

_NOTHING = f"paid_at is null and coalesce({{refunded}}, 0) = 0 and status in {UNPAID[:-1]}, {CLOSED[1:]}"
TOTAL = f"""case when form = 'orders' then case when {_NOTHING.format(refunded="refunded")} then 0
                 else coalesce(received, paid) - coalesce(refunded, 0) end
            when not (select bool_or(form = 'orders') from records) then case when {_NOTHING.format(refunded="item_refunded")} then 0
                 else amount - coalesce(item_refunded, 0) end end"""

PRODUCT_OPTION = ("规格编码", "the column that names the product, 规格编码, 商品编码 or 商品名称; where it is blank, the next")

ADAPTERS = (
    Adapter(
        name="youzan",
        meaning="Youzan 有赞, orders by order and by item",
        fields=FIELDS,
        tables={
            "order_lines": {"gross_amount": 1, "discount_amount": -1, "shipping_income": 1},
            "returns": {"refund_amount": -1},
        },
        basis="order date",
        sql=SQL,
        total=TOTAL,
        total_says="订单实收金额 less 订单已退款金额 of the orders that were paid",
        options={
            "timezone": ("Asia/Shanghai", "the zone of the export's times"),
            "person": ("分销员", "who made the sale where several are named: 分销员, 销售导购 or 专属导购; none for nobody"),
            "channel_from": ("销售渠道", "the column that names the channel, 销售渠道 or 订单来源; where it is blank, the other"),
            "product": PRODUCT_OPTION,
            "restocked": (False, "true when goods that were sent out and refunded whole went back to stock"),
            "vat": (0, "percent of VAT in the prices, to take out"),
        },
        forms={"items": ("order_id", "quantity", "amount"), "orders": ("order_id", "created_at")},
        document=("order_id", "form"),
        newest="greatest(created_at, paid_at, finished_at)",
        grows=("sum(coalesce(refunded, item_refunded))", f"bool_or(status in {CLOSED})"),
        unique=True,
    ),
    Adapter(
        name="youzan_products",
        meaning="Youzan 有赞, names and categories of products from the export by item",
        fields=fields(
            "product text! | 商品名称",
            "variant text | 商品规格",
            "category text | 商品类目",
            "variant_code id | 规格编码",
            "product_code id | 商品编码",
        ),
        tables={"products": {}},
        basis="no day",
        sql=CATALOGUE,
        options={"product": PRODUCT_OPTION},
    ),
)
