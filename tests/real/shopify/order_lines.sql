-- Refunds have no date in the export, so what was refunded is taken off the sale.
select Name as order_id, 1 as line_no, replace("Created at", ' -', '-') as ordered_at, 'shopify' as store, 'web' as channel, 'all' as product_id,
       1 as quantity, "Total"::decimal(18, 2) as gross_amount, nullif("Refunded Amount", '')::decimal(18, 2) as discount_amount
from read_csv('raw/orders.csv', all_varchar = true)
where "Created at" is not null and "Financial Status" <> 'voided'
order by Name
