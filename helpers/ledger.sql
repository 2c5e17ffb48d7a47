-- The ledger: every amount of money as one signed row in the reporting currency, and the views that spread marketing over sales.
-- Plain SQL that DuckDB and Spark both read. Statements end in a semicolon on a line of its own; $home is the reporting currency.
-- Money is decimal(38,14): amounts have 4 decimal places and rates 10, so the product is exact. Blank dimensions are ''.

create or replace temporary view rates as
select currency, date as valid_from, lead(date, 1, date '9999-12-31') over (partition by currency order by date) as valid_to, rate
from fx_rates
;

create or replace temporary view costs as
select product_id, valid_from, lead(valid_from, 1, date '9999-12-31') over (partition by product_id order by valid_from) as valid_to, unit_cost, currency
from product_costs
;

-- One row per sold order line: its rate, and what a unit of it cost in the reporting currency (null = unknown).
create or replace temporary view sold as
select l.*, l.day as sold_on,
       case when l.unit_cost is not null then cast(l.unit_cost as decimal(20,4)) * l.rate
            when c.currency = $home then cast(cast(c.unit_cost as decimal(20,4)) * cast(1 as decimal(18,10)) as decimal(38,14))
            else cast(c.unit_cost as decimal(20,4)) * cr.rate end as cost
from (select o.*, cast(o.ordered_at as date) as day, case when o.currency = $home then cast(1 as decimal(18,10)) else r.rate end as rate
      from order_lines o
      left join rates r on o.currency = r.currency and cast(o.ordered_at as date) >= r.valid_from and cast(o.ordered_at as date) < r.valid_to
      where o.status is null or o.status = 'completed') l
left join costs c on l.product_id = c.product_id and l.day >= c.valid_from and l.day < c.valid_to
left join rates cr on c.currency = cr.currency and l.day >= cr.valid_from and l.day < cr.valid_to
;

create or replace temporary view sale_rows as
select day, 'sale' as kind, store, channel, product_id, coalesce(employee_id, '') as employee_id, coalesce(campaign_id, '') as campaign_id,
       coalesce(region, '') as region, '' as team, order_id, line_no, coalesce(customer_id, '') as customer_id, quantity,
       cast(gross_amount as decimal(20,4)) * rate as gross_sales,
       -cast(coalesce(discount_amount, 0) as decimal(20,4)) * rate as discounts,
       cast(coalesce(shipping_income, 0) as decimal(20,4)) * rate as shipping_income,
       cast(0 as decimal(38,14)) as refunds,
       case when cost is null then cast(coalesce(discount_amount, 0) - gross_amount - coalesce(shipping_income, 0) as decimal(20,4)) * rate
            else cast(0 as decimal(38,14)) end as uncosted_sales,
       -coalesce(cast(cast(quantity as decimal(9,0)) * cast(cost as decimal(28,14)) as decimal(38,14)), cast(0 as decimal(38,14))) as cogs,
       -cast(coalesce(platform_fee, 0) as decimal(20,4)) * rate as platform_fees,
       -cast(coalesce(fulfilment_cost, 0) as decimal(20,4)) * rate as fulfilment,
       cast(0 as decimal(38,14)) as marketing,
       -cast(coalesce(commission, 0) as decimal(20,4)) * rate as commissions,
       cast(0 as decimal(38,14)) as payroll,
       cast(0 as decimal(38,14)) as overheads
from sold
;

-- A return takes the dimensions, the unit cost and the order day's rate of its sale, and the day of its refund.
create or replace temporary view return_rows as
select r.refunded_on as day, 'return' as kind, s.store, s.channel, s.product_id, coalesce(s.employee_id, '') as employee_id,
       coalesce(s.campaign_id, '') as campaign_id, coalesce(s.region, '') as region, '' as team, s.order_id, s.line_no,
       coalesce(s.customer_id, '') as customer_id, cast(0 as bigint) as quantity,
       cast(0 as decimal(38,14)) as gross_sales,
       cast(0 as decimal(38,14)) as discounts,
       cast(0 as decimal(38,14)) as shipping_income,
       -cast(r.refund_amount as decimal(20,4)) * r.rate as refunds,
       case when s.cost is null then cast(r.refund_amount as decimal(20,4)) * r.rate else cast(0 as decimal(38,14)) end as uncosted_sales,
       case when r.restocked and s.cost is not null then cast(cast(r.quantity as decimal(9,0)) * cast(s.cost as decimal(28,14)) as decimal(38,14))
            else cast(0 as decimal(38,14)) end as cogs,
       cast(coalesce(r.fee_refunded, 0) as decimal(20,4)) * r.rate as platform_fees,
       -cast(coalesce(r.handling_cost, 0) as decimal(20,4)) * r.rate as fulfilment,
       cast(0 as decimal(38,14)) as marketing,
       cast(0 as decimal(38,14)) as commissions,
       cast(0 as decimal(38,14)) as payroll,
       cast(0 as decimal(38,14)) as overheads
from sold s
join (select t.*, case when t.currency = $home then cast(1 as decimal(18,10)) else x.rate end as rate
      from (select b.*, cast(o.ordered_at as date) as sold_on
            from returns b join order_lines o on b.store = o.store and b.order_id = o.order_id and b.line_no = o.line_no) t
      left join rates x on t.currency = x.currency and t.sold_on >= x.valid_from and t.sold_on < x.valid_to) r
  on s.store = r.store and s.order_id = r.order_id and s.line_no = r.line_no
;

-- Costs that belong to no order line, on their own day or month.
create or replace temporary view spent as
select m.date as day, 'marketing' as kind, m.store, m.channel, m.product_id, cast(null as varchar) as employee_id, m.campaign_id, '' as team, m.amount, m.currency
from marketing_spend m
union all
select p.month as day, 'payroll' as kind, p.store, cast(null as varchar) as channel, cast(null as varchar) as product_id, p.employee_id,
       cast(null as varchar) as campaign_id, p.team, p.cost as amount, p.currency
from staffing p
union all
select v.month as day, 'overheads' as kind, v.store, cast(null as varchar) as channel, cast(null as varchar) as product_id,
       cast(null as varchar) as employee_id, cast(null as varchar) as campaign_id, '' as team, v.amount, v.currency
from overheads v
;

create or replace temporary view spent_rows as
select day, kind, coalesce(store, '') as store, coalesce(channel, '') as channel, coalesce(product_id, '') as product_id,
       coalesce(employee_id, '') as employee_id, coalesce(campaign_id, '') as campaign_id, '' as region, team, '' as order_id, '' as line_no,
       '' as customer_id, cast(0 as bigint) as quantity,
       cast(0 as decimal(38,14)) as gross_sales,
       cast(0 as decimal(38,14)) as discounts,
       cast(0 as decimal(38,14)) as shipping_income,
       cast(0 as decimal(38,14)) as refunds,
       cast(0 as decimal(38,14)) as uncosted_sales,
       cast(0 as decimal(38,14)) as cogs,
       cast(0 as decimal(38,14)) as platform_fees,
       cast(0 as decimal(38,14)) as fulfilment,
       case when kind = 'marketing' then -amount else cast(0 as decimal(38,14)) end as marketing,
       cast(0 as decimal(38,14)) as commissions,
       case when kind = 'payroll' then -amount else cast(0 as decimal(38,14)) end as payroll,
       case when kind = 'overheads' then -amount else cast(0 as decimal(38,14)) end as overheads
from (select s.day, s.kind, s.store, s.channel, s.product_id, s.employee_id, s.campaign_id, s.team,
             cast(s.amount as decimal(20,4)) * case when s.currency = $home then cast(1 as decimal(18,10)) else r.rate end as amount
      from spent s
      left join rates r on s.currency = r.currency and s.day >= r.valid_from and s.day < r.valid_to) t
;

-- What follows reads every entry several times, so from here on some results are tables.
create table entries as
select *, substr(cast(day as varchar), 1, 7) as month
from (select * from sale_rows
      union all
      select * from return_rows
      union all
      select * from spent_rows) u
;

create or replace temporary view spends as
select month, store, channel, product_id, campaign_id, cast(sum(marketing) as decimal(38,14)) as amount
from entries where kind = 'marketing'
group by month, store, channel, product_id, campaign_id
;

-- Sales before refunds: what the month's marketing is spread over.
create table outlets as
select month, store, channel, product_id, campaign_id, cast(sum(gross_sales + discounts + shipping_income) as decimal(38,14)) as base
from entries where kind = 'sale'
group by month, store, channel, product_id, campaign_id
;

-- Sales that a spend can have caused: same month, store and channel, and the product and campaign that it names.
create table bases as
select s.month, s.store, s.channel, s.product_id, s.campaign_id, s.amount, cast(sum(o.base) as decimal(38,14)) as total
from spends s
join outlets o on s.month = o.month and s.store = o.store and s.channel = o.channel
     and (s.product_id = '' or s.product_id = o.product_id) and (s.campaign_id = '' or s.campaign_id = o.campaign_id)
group by s.month, s.store, s.channel, s.product_id, s.campaign_id, s.amount
having sum(o.base) > 0
;

-- The marketing that a unit of sales carries.
create or replace temporary view carried as
select o.month, o.store, o.channel, o.product_id, o.campaign_id,
       cast(sum(cast(cast(b.amount as double) / cast(b.total as double) as decimal(38,20))) as double) as rate
from outlets o
join bases b on o.month = b.month and o.store = b.store and o.channel = b.channel
     and (b.product_id = '' or b.product_id = o.product_id) and (b.campaign_id = '' or b.campaign_id = o.campaign_id)
group by o.month, o.store, o.channel, o.product_id, o.campaign_id
;

-- What each customer bought and gave back in a month, by store. A purchase is a day on which the customer ordered in the store.
create table bought as
select customer_id, month, cast(substr(month, 1, 4) as integer) * 12 + cast(substr(month, 6, 2) as integer) as month_no, store,
       cast(sum(ordered) as bigint) as purchases,
       min(case when ordered = 1 then day end) as first_day, max(case when ordered = 1 then day end) as last_day,
       cast(sum(net_sales) as decimal(38,14)) as net_sales, cast(sum(uncosted_sales) as decimal(38,14)) as uncosted_sales,
       cast(sum(cm2) as decimal(38,14)) as cm2, cast(sum(marketing) as decimal(38,14)) as marketing,
       cast(sum(commissions) as decimal(38,14)) as commissions
from (select e.customer_id, e.month, e.store, e.day, max(case when e.kind = 'sale' then 1 else 0 end) as ordered,
             cast(sum(gross_sales + discounts + shipping_income + refunds) as decimal(38,14)) as net_sales,
             cast(sum(uncosted_sales) as decimal(38,14)) as uncosted_sales,
             cast(sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment)
                  as decimal(38,14)) as cm2,
             cast(sum(cast(cast(gross_sales + discounts + shipping_income as double) * coalesce(c.rate, 0) as decimal(38,14)))
                  as decimal(38,14)) as marketing,
             cast(sum(commissions) as decimal(38,14)) as commissions
      from entries e
      left join carried c on e.month = c.month and e.store = c.store and e.channel = c.channel
                          and e.product_id = c.product_id and e.campaign_id = c.campaign_id
      where e.customer_id <> ''
      group by e.customer_id, e.month, e.store, e.day) d
group by customer_id, month, store
;

-- How each customer of a month stood when it began: the twelve months before, the last purchase before, and the first ever.
create or replace temporary view standing as
select customer_id, month, month_no, cast(month || '-01' as date) as since, first_month,
       coalesce(sum(purchases) over (partition by customer_id order by month_no range between 12 preceding and 1 preceding), 0) as purchases,
       coalesce(sum(net_sales) over (partition by customer_id order by month_no range between 12 preceding and 1 preceding), 0) as spent,
       max(last_day) over (partition by customer_id order by month_no range between unbounded preceding and 1 preceding) as last_day
from (select customer_id, month, month_no, sum(purchases) as purchases, sum(net_sales) as net_sales, max(last_day) as last_day,
             min(min(case when purchases > 0 then month end)) over (partition by customer_id) as first_month
      from bought group by customer_id, month, month_no) m
;

-- What all customers spent in the twelve months before each month, and how many bought in them: each counts by the last purchase before.
create or replace temporary view typical as
select b.month_no, b.customers, s.spent
from (select m.month_no, sum(c.customers) as customers
      from (select distinct month_no from bought) m
      join (select month_no, next_no, count(*) as customers
            from (select month_no, coalesce(lead(month_no) over (partition by customer_id order by month_no), 999999) as next_no
                  from (select distinct customer_id, month_no from bought where purchases > 0) p) n
            group by month_no, next_no) c on m.month_no > c.month_no and m.month_no <= c.next_no and m.month_no <= c.month_no + 12
      group by m.month_no) b
join (select m.month_no, sum(c.net_sales) as spent
      from (select distinct month_no from bought) m
      join (select month_no, sum(net_sales) as net_sales from bought group by month_no) c
        on m.month_no > c.month_no and m.month_no <= c.month_no + 12
      group by m.month_no) s on b.month_no = s.month_no
;

create table segments as
select customer_id, month, first_month, case when first_month >= month then 'new' else $segment end as segment
from (select t.*, y.customers, y.spent as spent_by_all from standing t left join typical y on t.month_no = y.month_no) t
;

create or replace temporary view customer_month_rows as
select b.customer_id, b.month, b.store, s.segment, s.first_month, b.purchases, b.first_day, b.last_day, b.net_sales, b.uncosted_sales,
       b.cm2, b.marketing, b.commissions
from bought b join segments s on b.customer_id = s.customer_id and b.month = s.month
;

create or replace temporary view ledger as
select e.*, coalesce(s.segment, '') as segment
from entries e left join segments s on e.customer_id = s.customer_id and e.month = s.month
;

-- Cells: the ledger by month, without marketing, and each cell's sales before refunds.
create table cells as
select month, store, channel, product_id, employee_id, campaign_id, region, segment, team,
       cast(sum(quantity) as bigint) as quantity,
       cast(sum(gross_sales) as decimal(38,14)) as gross_sales, cast(sum(discounts) as decimal(38,14)) as discounts,
       cast(sum(shipping_income) as decimal(38,14)) as shipping_income, cast(sum(refunds) as decimal(38,14)) as refunds,
       cast(sum(uncosted_sales) as decimal(38,14)) as uncosted_sales, cast(sum(cogs) as decimal(38,14)) as cogs,
       cast(sum(platform_fees) as decimal(38,14)) as platform_fees, cast(sum(fulfilment) as decimal(38,14)) as fulfilment,
       cast(sum(commissions) as decimal(38,14)) as commissions, cast(sum(payroll) as decimal(38,14)) as payroll,
       cast(sum(overheads) as decimal(38,14)) as overheads,
       cast(sum(gross_sales + discounts + shipping_income) as decimal(38,14)) as base
from ledger where kind <> 'marketing'
group by month, store, channel, product_id, employee_id, campaign_id, region, segment, team
;

-- Each cell's share, rounded at the 14th place; the largest cell takes what rounding leaves, so that the parts add up exactly.
create or replace temporary view shares as
select month, store, channel, product_id, employee_id, campaign_id, region, segment,
       share + case when nth = 1 then amount - placed else cast(0 as decimal(38,14)) end as share
from (select q.*,
             cast(sum(share) over (partition by month, store, channel, named_product, named_campaign) as decimal(38,14)) as placed,
             row_number() over (partition by month, store, channel, named_product, named_campaign
                                order by base desc, product_id, employee_id, campaign_id, region, segment) as nth
      from (select c.month, c.store, c.channel, c.product_id, c.employee_id, c.campaign_id, c.region, c.segment, c.base, b.amount,
                   b.product_id as named_product, b.campaign_id as named_campaign,
                   cast(cast(b.amount as double) * (cast(c.base as double) / cast(b.total as double)) as decimal(38,14)) as share
            from bases b
            join cells c on b.month = c.month and b.store = c.store and b.channel = c.channel
                 and (b.product_id = '' or b.product_id = c.product_id) and (b.campaign_id = '' or b.campaign_id = c.campaign_id)
            where c.base <> 0) q) p
;

-- The ledger by month with marketing spread; spend that no sale can carry stays a row of its own.
create or replace temporary view spread_rows as
select month, store, channel, product_id, employee_id, campaign_id, region, segment, team,
       cast(sum(quantity) as bigint) as quantity,
       cast(sum(gross_sales) as decimal(38,14)) as gross_sales, cast(sum(discounts) as decimal(38,14)) as discounts,
       cast(sum(shipping_income) as decimal(38,14)) as shipping_income, cast(sum(refunds) as decimal(38,14)) as refunds,
       cast(sum(uncosted_sales) as decimal(38,14)) as uncosted_sales, cast(sum(cogs) as decimal(38,14)) as cogs,
       cast(sum(platform_fees) as decimal(38,14)) as platform_fees, cast(sum(fulfilment) as decimal(38,14)) as fulfilment,
       cast(sum(marketing) as decimal(38,14)) as marketing, cast(sum(commissions) as decimal(38,14)) as commissions,
       cast(sum(payroll) as decimal(38,14)) as payroll, cast(sum(overheads) as decimal(38,14)) as overheads,
       cast(sum(base) as decimal(38,14)) as base
from (select month, store, channel, product_id, employee_id, campaign_id, region, segment, team, quantity, gross_sales, discounts, shipping_income,
             refunds, uncosted_sales, cogs, platform_fees, fulfilment, cast(0 as decimal(38,14)) as marketing, commissions, payroll, overheads, base
      from cells
      union all
      select month, store, channel, product_id, employee_id, campaign_id, region, segment, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, share, 0, 0, 0, 0
      from shares
      union all
      select s.month, s.store, s.channel, s.product_id, '', s.campaign_id, '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, s.amount, 0, 0, 0, 0
      from spends s
      left join bases b on s.month = b.month and s.store = b.store and s.channel = b.channel
                        and s.product_id = b.product_id and s.campaign_id = b.campaign_id
      where b.month is null) u
group by month, store, channel, product_id, employee_id, campaign_id, region, segment, team
;

-- Stock at cost on its day (null = no known cost), and payouts in the reporting currency.
create or replace temporary view stock_rows as
select i.date, i.store, i.product_id, i.on_hand, coalesce(i.reserved, 0) as reserved, coalesce(i.incoming, 0) as incoming,
       cast(cast(i.on_hand as decimal(9,0)) * cast(cast(c.unit_cost as decimal(20,4))
            * case when c.currency = $home then cast(1 as decimal(18,10)) else r.rate end as decimal(28,14)) as decimal(38,14)) as value
from inventory i
left join costs c on i.product_id = c.product_id and i.date >= c.valid_from and i.date < c.valid_to
left join rates r on c.currency = r.currency and i.date >= r.valid_from and i.date < r.valid_to
;

create or replace temporary view receipt_rows as
select p.paid_on, p.store, coalesce(p.channel, '') as channel, coalesce(p.order_id, '') as order_id, p.amount, p.currency,
       cast(p.amount as decimal(20,4)) * case when p.currency = $home then cast(1 as decimal(18,10)) else r.rate end as value
from payouts p
left join rates r on p.currency = r.currency and p.paid_on >= r.valid_from and p.paid_on < r.valid_to
;

-- The team of a person in a month is where most of their time was; with equal parts, the first by name.
create or replace temporary view team_rows as
select month, employee_id, team
from (select substr(cast(month as varchar), 1, 7) as month, employee_id, team,
             row_number() over (partition by month, employee_id order by sum(fte) desc, team) as nth
      from staffing
      group by month, employee_id, team) t
where nth = 1
;
