-- The ledger: every amount of money as one signed row in the reporting currency. Here is what is done once for a company; months.sql does
-- the rest, for some months at a time. Plain SQL that DuckDB and Spark both read. Statements end in a semicolon on a line of its own;
-- $home is the reporting currency. Money is decimal(38,14): amounts have 4 decimal places and rates 10, so the product is exact. Blank
-- dimensions are ''. Beside the tables of the contract it reads `returned`: the order lines of which something came back.

create or replace temporary view rates as
select currency, date as valid_from, lead(date, 1, date '9999-12-31') over (partition by currency order by date) as valid_to, rate
from fx_rates
;

create or replace temporary view costs as
select product_id, valid_from, lead(valid_from, 1, date '9999-12-31') over (partition by product_id order by valid_from) as valid_to, unit_cost, currency
from product_costs
;

-- The order lines to look at: here those that came back, in months.sql those of some months.
create or replace temporary view lines as
select * from returned
;

-- One row per sold order line of `lines`: its rate, and what a unit of it cost in the reporting currency (null = unknown).
create or replace temporary view sold as
select l.*, l.day as sold_on,
       case when l.unit_cost is not null then cast(l.unit_cost as decimal(20,4)) * l.rate
            when c.currency = $home then cast(cast(c.unit_cost as decimal(20,4)) * cast(1 as decimal(18,10)) as decimal(38,14))
            else cast(c.unit_cost as decimal(20,4)) * cr.rate end as cost
from (select o.*, cast(o.ordered_at as date) as day, case when o.currency = $home then cast(1 as decimal(18,10)) else r.rate end as rate
      from lines o
      left join rates r on o.currency = r.currency and cast(o.ordered_at as date) >= r.valid_from and cast(o.ordered_at as date) < r.valid_to
      where o.status is null or o.status = 'completed') l
left join costs c on l.product_id = c.product_id and l.day >= c.valid_from and l.day < c.valid_to
left join rates cr on c.currency = cr.currency and l.day >= cr.valid_from and l.day < cr.valid_to
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
            from returns b join returned o on b.store = o.store and b.order_id = o.order_id and b.line_no = o.line_no) t
      left join rates x on t.currency = x.currency and t.sold_on >= x.valid_from and t.sold_on < x.valid_to) r
  on s.store = r.store and s.order_id = r.order_id and s.line_no = r.line_no
;

-- Costs that belong to no order line, on their own day or month.
create or replace temporary view spent as
select m.date as day, 'marketing' as kind, m.store, m.channel, m.product_id, cast(null as string) as employee_id, m.campaign_id, '' as team, m.amount, m.currency
from marketing_spend m
union all
select p.month as day, 'payroll' as kind, p.store, cast(null as string) as channel, cast(null as string) as product_id, p.employee_id,
       cast(null as string) as campaign_id, p.team, p.cost as amount, p.currency
from staffing p
union all
select v.month as day, 'overheads' as kind, v.store, cast(null as string) as channel, cast(null as string) as product_id,
       cast(null as string) as employee_id, cast(null as string) as campaign_id, '' as team, v.amount, v.currency
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

-- All that is no sale, which is little.
create table beside_sales as
select *, substr(cast(day as string), 1, 7) as month
from (select * from return_rows
      union all
      select * from spent_rows) u
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
from (select substr(cast(month as string), 1, 7) as month, employee_id, team,
             row_number() over (partition by month, employee_id order by sum(fte) desc, team) as nth
      from staffing
      group by month, employee_id, team) t
where nth = 1
;
