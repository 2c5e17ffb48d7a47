-- The ledger of some months, and the views that spread marketing over sales. $months are the months, as a list of texts.
-- Beside what ledger.sql leaves it reads `order_lines` with their `month`, and of the months before `history` (customer_id, month, purchases,
-- net_sales, last_day: what customers bought) and `came_before` (rows of `came`). A month depends on nothing else, so any months may be
-- taken together: one at a time, or all at once with nothing before them.

create or replace temporary view lines as
select * from order_lines where month in ($months)
;

-- What of a sale isn't nothing. It is read several times, so from here on some results are tables.
create table sales as
select day, store, channel, product_id, coalesce(employee_id, '') as employee_id, coalesce(campaign_id, '') as campaign_id,
       coalesce(region, '') as region, order_id, line_no, coalesce(customer_id, '') as customer_id, quantity,
       cast(gross_amount as decimal(20,4)) * rate as gross_sales,
       -cast(coalesce(discount_amount, 0) as decimal(20,4)) * rate as discounts,
       cast(coalesce(shipping_income, 0) as decimal(20,4)) * rate as shipping_income,
       case when cost is null then cast(coalesce(discount_amount, 0) - gross_amount - coalesce(shipping_income, 0) as decimal(20,4)) * rate
            else cast(0 as decimal(38,14)) end as uncosted_sales,
       -coalesce(cast(cast(quantity as decimal(9,0)) * cast(cost as decimal(28,14)) as decimal(38,14)), cast(0 as decimal(38,14))) as cogs,
       -cast(coalesce(platform_fee, 0) as decimal(20,4)) * rate as platform_fees,
       -cast(coalesce(fulfilment_cost, 0) as decimal(20,4)) * rate as fulfilment,
       -cast(coalesce(commission, 0) as decimal(20,4)) * rate as commissions,
       month
from sold
;

create or replace temporary view entries as
select day, 'sale' as kind, store, channel, product_id, employee_id, campaign_id, region, '' as team, order_id, line_no, customer_id, quantity,
       gross_sales, discounts, shipping_income, cast(0 as decimal(38,14)) as refunds, uncosted_sales, cogs, platform_fees, fulfilment,
       cast(0 as decimal(38,14)) as marketing, commissions, cast(0 as decimal(38,14)) as payroll, cast(0 as decimal(38,14)) as overheads, month
from sales
union all
select * from beside_sales where month in ($months)
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
       cast(sum(cast(cast(b.amount as double) / cast(b.total as double) as decimal(38,12))) as double) as rate
from outlets o
join bases b on o.month = b.month and o.store = b.store and o.channel = b.channel
     and (b.product_id = '' or b.product_id = o.product_id) and (b.campaign_id = '' or b.campaign_id = o.campaign_id)
group by o.month, o.store, o.channel, o.product_id, o.campaign_id
;

-- What each customer bought and gave back in a month, by store. A purchase is a day on which the customer ordered in the store: the days
-- of a month are the bits of a number.
create table bought as
select e.customer_id, e.month, e.store,
       cast(bit_count(bit_or(case when e.kind = 'sale' then cast(1 as bigint) << extract(day from e.day) else cast(0 as bigint) end)) as bigint) as purchases,
       min(case when e.kind = 'sale' then e.day end) as first_day, max(case when e.kind = 'sale' then e.day end) as last_day,
       cast(sum(e.gross_sales + e.discounts + e.shipping_income + e.refunds) as decimal(38,14)) as net_sales,
       cast(sum(e.uncosted_sales) as decimal(38,14)) as uncosted_sales,
       cast(sum(e.gross_sales + e.discounts + e.shipping_income + e.refunds + e.uncosted_sales + e.cogs + e.platform_fees + e.fulfilment)
            as decimal(38,14)) as cm2,
       cast(sum(cast(cast(e.gross_sales + e.discounts + e.shipping_income as double) * coalesce(c.rate, 0) as decimal(38,6)))
            as decimal(38,14)) as marketing,
       cast(sum(e.commissions) as decimal(38,14)) as commissions
from entries e
left join carried c on e.month = c.month and e.store = c.store and e.channel = c.channel
                    and e.product_id = c.product_id and e.campaign_id = c.campaign_id
where e.customer_id <> ''
group by e.customer_id, e.month, e.store
;

-- What each customer bought in a store and month, up to the last of these months.
create or replace temporary view bought_so_far as
select customer_id, cast(substr(month, 1, 4) as integer) * 12 + cast(substr(month, 6, 2) as integer) as month_no, purchases, net_sales, last_day
from (select customer_id, month, purchases, net_sales, last_day from bought
      union all
      select customer_id, month, purchases, net_sales, last_day from history) b
;

-- How each customer of a month stood when it began: the twelve months before, and the last purchase before.
create table standing as
with own as (
    select customer_id, month, cast(substr(month, 1, 4) as integer) * 12 + cast(substr(month, 6, 2) as integer) as month_no,
           sum(purchases) as bought, sum(net_sales) as net_sales
    from bought
    group by customer_id, month),
past as (
    select o.customer_id, o.month_no, max(p.last_day) as last_day,
           sum(case when p.month_no >= o.month_no - 12 then p.purchases end) as purchases,
           sum(case when p.month_no >= o.month_no - 12 then p.net_sales end) as spent
    from bought_so_far p
    join own o on p.customer_id = o.customer_id and p.month_no < o.month_no
    group by o.customer_id, o.month_no)
select o.customer_id, o.month, o.month_no, cast(o.month || '-01' as date) as since, o.bought, o.net_sales,
       coalesce(p.purchases, 0) as purchases, coalesce(p.spent, 0) as spent, p.last_day
from own o
left join past p on o.customer_id = p.customer_id and o.month_no = p.month_no
;

-- How many customers bought in a month, by the month of their last purchase before, and what all of them spent.
create table came as
select month, month_no, cast(extract(year from last_day) * 12 + extract(month from last_day) as integer) as before_no,
       cast(sum(case when bought > 0 then 1 else 0 end) as bigint) as customers, cast(sum(net_sales) as decimal(38,14)) as net_sales
from standing
group by month, month_no, extract(year from last_day) * 12 + extract(month from last_day)
;

-- What all customers spent in the twelve months before each month, and how many bought in them: of each only the first purchase counts.
create or replace temporary view typical as
select m.month_no, sum(case when c.before_no >= m.month_no - 12 then 0 else c.customers end) as customers, sum(c.net_sales) as spent
from (select distinct month_no from came) m
join (select month_no, before_no, customers, net_sales from came
      union all
      select month_no, before_no, customers, net_sales from came_before) c on c.month_no < m.month_no and c.month_no >= m.month_no - 12
group by m.month_no
;

create table segments as
select customer_id, month, case when last_day is null then 'new' else $segment end as segment
from (select t.*, y.customers, y.spent as spent_by_all from standing t left join typical y on t.month_no = y.month_no) t
;

create or replace temporary view customer_months as
select b.customer_id, b.month, b.store, s.segment, b.purchases, b.first_day, b.last_day, b.net_sales, b.uncosted_sales,
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

-- Each cell's share, rounded at the 6th place, where floats are the same in every engine; the largest cell takes what rounding leaves, so
-- that the parts add up exactly.
create or replace temporary view shares as
select month, store, channel, product_id, employee_id, campaign_id, region, segment,
       share + case when nth = 1 then amount - placed else cast(0 as decimal(38,14)) end as share
from (select q.*,
             cast(sum(share) over (partition by month, store, channel, named_product, named_campaign) as decimal(38,14)) as placed,
             row_number() over (partition by month, store, channel, named_product, named_campaign
                                order by base desc, product_id, employee_id, campaign_id, region, segment) as nth
      from (select c.month, c.store, c.channel, c.product_id, c.employee_id, c.campaign_id, c.region, c.segment, c.base, b.amount,
                   b.product_id as named_product, b.campaign_id as named_campaign,
                   cast(cast(cast(b.amount as double) * (cast(c.base as double) / cast(b.total as double)) as decimal(38,6)) as decimal(38,14)) as share
            from bases b
            join cells c on b.month = c.month and b.store = c.store and b.channel = c.channel
                 and (b.product_id = '' or b.product_id = c.product_id) and (b.campaign_id = '' or b.campaign_id = c.campaign_id)
            where c.base <> 0) q) p
;

-- The ledger by month with marketing spread; spend that no sale can carry stays a row of its own.
create table spread as
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
