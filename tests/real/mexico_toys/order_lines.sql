select s.Sale_ID as order_id, 1 as line_no, strptime(s.Date, '%d-%m-%Y')::date as ordered_at,
       s.Store_ID as store, 'shop' as channel, s.Product_ID as product_id, s.Units as quantity,
       (replace(p.Product_Price, '$', '')::decimal(18, 2) * s.Units::integer)::decimal(18, 2) as gross_amount
from read_csv('raw/sales.csv', all_varchar = true) s
left join read_csv('raw/products.csv', all_varchar = true) p using (Product_ID)
order by s.Sale_ID::integer
