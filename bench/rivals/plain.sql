-- The ledger and what follows from it, as an analyst would write it in DuckDB for the benchmark's company, nothing checked. $company is the
-- folder of its Parquet files, $out the folder to write to. Rows are written in the order in which they come.

set preserve_insertion_order = false;

create view costs as
select product_id, valid_from, lead(valid_from, 1, date '9999-12-31') over (partition by product_id order by valid_from) as valid_to, unit_cost
from '$company/product_costs.parquet';

create table sold as
select day, date_trunc('month', day)::date as month, store, channel, l.product_id, order_id, line_no, customer_id, quantity, unit_cost,
       gross_amount as gross_sales, -discount_amount as discounts, (-quantity * unit_cost)::decimal(18,2) as cogs,
       -platform_fee as platform_fees, -fulfilment_cost as fulfilment
from (select *, ordered_at::date as day from '$company/order_lines.parquet') l
join costs c on l.product_id = c.product_id and day >= valid_from and day < valid_to;

create table back as
select refunded_on as day, date_trunc('month', refunded_on)::date as month, store, channel, product_id, order_id, line_no, customer_id,
       -refund_amount as refunds, (case when restocked then r.quantity * unit_cost else 0 end)::decimal(18,2) as cogs
from '$company/returns.parquet' r
join sold using (store, order_id, line_no);

create table spend as
select date as day, date_trunc('month', date)::date as month, store, channel, -amount as marketing
from '$company/marketing_spend.parquet';

-- The marketing that a unit of sales carries, by month, store and channel.
create table rates as
select month, store, channel, marketing::double / base::double as rate
from (select month, store, channel, sum(gross_sales + discounts) as base from sold group by all)
join (select month, store, channel, sum(marketing) as marketing from spend group by all) using (month, store, channel)
where base > 0;

-- What each customer bought and gave back in a month, by store; purchases are the days on which they ordered.
create table bought as
select customer_id, month, store, sum(ordered)::bigint as purchases,
       min(case when ordered = 1 then day end) as first_day, max(case when ordered = 1 then day end) as last_day,
       sum(net_sales)::decimal(18,2) as net_sales, sum(cm2)::decimal(18,2) as cm2, sum(marketing)::decimal(18,6) as marketing
from (select customer_id, month, store, day, max(ordered) as ordered,
             sum(net_sales)::decimal(18,2) as net_sales, sum(cm2)::decimal(18,2) as cm2, sum(marketing) as marketing
      from (select customer_id, month, store, day, 1 as ordered, gross_sales + discounts as net_sales,
                   gross_sales + discounts + cogs + platform_fees + fulfilment as cm2, (gross_sales + discounts)::double * rate as marketing
            from sold left join rates using (month, store, channel)
            union all
            select customer_id, month, store, day, 0, refunds, refunds + cogs, 0 from back)
      group by all)
group by all;

-- How each customer of a month stood when it began: the twelve months before, and the last purchase before.
create table standing as
select customer_id, month, bought, net_sales, coalesce(sum(bought) over year, 0) as purchases, coalesce(sum(net_sales) over year, 0) as spent,
       max(last_day) over (partition by customer_id order by month range between unbounded preceding and interval 1 month preceding) as last_day
from (select customer_id, month, sum(purchases) as bought, sum(net_sales) as net_sales, max(last_day) as last_day from bought group by all)
window year as (partition by customer_id order by month range between interval 12 month preceding and interval 1 month preceding);

-- What all customers spent in the twelve months before, and how many bought in them: of each only the first purchase in them counts.
create table typical as
select m.month, sum(net_sales) as spent_by_all, sum(case when came >= m.month - interval 12 month then 0 else customers end) as customers
from (select distinct month from standing) m
join (select month, date_trunc('month', last_day) as came, count(*) filter (bought > 0) as customers, sum(net_sales) as net_sales
      from standing group by all) s on s.month < m.month and s.month >= m.month - interval 12 month
group by all;

create table segments as
select customer_id, month,
       case when last_day is null then 'new'
            when purchases = 0 then 'lapsed'
            when last_day < month - interval 90 day then case when purchases >= 2 then 'at_risk' else 'cooling' end
            when purchases < 2 then 'promising'
            when spent > 0 and spent * customers >= 2 * spent_by_all then 'champions'
            else 'loyal' end as segment
from standing left join typical using (month);

copy (select b.*, segment from bought b join segments using (customer_id, month))
to '$out/customer_months.parquet' (compression zstd, compression_level 1);

copy (select day, 'sale' as kind, store, channel, product_id, order_id, line_no, customer_id, quantity, gross_sales, discounts,
             0::decimal(12,2) as refunds, cogs, platform_fees, fulfilment, 0::decimal(14,2) as marketing, s.month, segment
      from sold s join segments using (customer_id, month)
      union all
      select day, 'return', store, channel, product_id, order_id, line_no, customer_id, 0, 0, 0, refunds, cogs, 0, 0, 0, b.month, segment
      from back b join segments using (customer_id, month)
      union all
      select day, 'marketing', store, channel, '', '', '', '', 0, 0, 0, 0, 0, 0, 0, marketing, month, ''
      from spend)
to '$out/ledger.parquet' (compression zstd, compression_level 1);

copy (select month, store, channel, product_id, segment, quantity, gross_sales, discounts, refunds, cogs, platform_fees, fulfilment,
             (base::double * coalesce(rate, 0))::decimal(18,6) as marketing, base
      from (select month, store, channel, product_id, segment, sum(quantity)::bigint as quantity, sum(gross_sales) as gross_sales,
                   sum(discounts) as discounts, sum(refunds) as refunds, sum(cogs) as cogs, sum(platform_fees) as platform_fees,
                   sum(fulfilment) as fulfilment, sum(gross_sales + discounts) as base
            from '$out/ledger.parquet' where kind <> 'marketing' group by all)
      left join rates using (month, store, channel))
to '$out/spread.parquet' (compression zstd, compression_level 1);

copy (select date, store, i.product_id, on_hand, on_hand * unit_cost as value
      from '$company/inventory.parquet' i join costs c on i.product_id = c.product_id and date >= valid_from and date < valid_to)
to '$out/stock.parquet' (compression zstd, compression_level 1);
