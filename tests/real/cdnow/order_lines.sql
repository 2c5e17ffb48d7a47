-- Columns of fixed width: buyer (of all), buyer (of the sample), day, number of CDs, dollars. Purchases of no amount are loaded as such.
select row_number() over (order by line) as order_id, 1 as line_no, strptime(substr(line, 13, 8), '%Y%m%d')::date as ordered_at,
       'cdnow' as store, 'web' as channel, 'CD' as product_id, trim(substr(line, 21, 3))::integer as quantity,
       trim(substr(line, 24))::decimal(18, 2) as gross_amount, substr(line, 2, 5) as customer_id
from read_csv('raw/sample.txt', columns = {'line': 'varchar'}, delim = '', header = false)
order by line
