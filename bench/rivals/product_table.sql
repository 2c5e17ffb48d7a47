-- Products of one month straight from a company's Parquet files: sales, refunds, costs in force at the order, and marketing spread over the
-- sales of its store and channel. $company is the folder, $month the month's first day.
with costs as (
    select product_id, valid_from, lead(valid_from, 1, date '9999-12-31') over (partition by product_id order by valid_from) as valid_to, unit_cost
    from '$company/product_costs.parquet'),
lines as (
    select l.*, unit_cost
    from (select *, ordered_at::date as day from '$company/order_lines.parquet') l
    join costs c on l.product_id = c.product_id and day >= valid_from and day < valid_to),
cells as (
    select store, channel, product_id, sum(gross_amount) as gross_sales, sum(discount_amount) as discounts, sum(quantity * unit_cost) as cogs,
           sum(platform_fee) as platform_fees, sum(fulfilment_cost) as fulfilment, sum(gross_amount - discount_amount) as base,
           count(distinct order_id) as orders
    from lines
    where day >= date '$month' and day < date '$month' + interval 1 month
    group by all),
spend as (
    select store, channel, sum(amount) as amount
    from '$company/marketing_spend.parquet'
    where date >= date '$month' and date < date '$month' + interval 1 month
    group by all),
parts as (
    select product_id, gross_sales, discounts, cogs, platform_fees, fulfilment, marketing, orders,
           base - cogs - platform_fees - fulfilment - marketing as contribution
    from (select c.*, amount * base / sum(base) over (partition by store, channel) as marketing from cells c join spend using (store, channel))
    union all by name
    select product_id, refund_amount as refunds, case when restocked then -r.quantity * unit_cost else 0 end as cogs,
           case when restocked then r.quantity * unit_cost else 0 end - refund_amount as contribution
    from '$company/returns.parquet' r join lines using (store, order_id, line_no)
    where refunded_on >= date '$month' and refunded_on < date '$month' + interval 1 month)
select product_id, sum(gross_sales) as gross_sales, sum(discounts) as discounts, sum(refunds) as refunds, sum(cogs) as cogs,
       sum(platform_fees) as platform_fees, sum(fulfilment) as fulfilment, sum(marketing) as marketing, sum(contribution) as contribution,
       sum(orders) as orders
from parts
group by all
order by all
