-- A week's revenue on its Monday.
select "DATE" as order_id, 1 as line_no, "DATE"::date as ordered_at, 'all' as store, 'all' as channel, 'all' as product_id, 1 as quantity,
       round(revenue::double, 2)::decimal(18, 2) as gross_amount
from read_csv('raw/weekly.csv', all_varchar = true)
order by "DATE"
