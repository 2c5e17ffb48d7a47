-- Everything that is neither a cancellation nor a charge of the bank, of Amazon or for bad debt. Postage and carriage are
-- shipping that the buyer paid. Stock write-offs (quantity below 1, price 0) come along and are set aside by the checks.
select Invoice as order_id, row_number() over (partition by Invoice order by file_row_number) as line_no, InvoiceDate as ordered_at,
       'uk-online' as store, 'web' as channel, StockCode as product_id, Quantity as quantity,
       case when StockCode in ('POST', 'DOT', 'C2', 'C3') then 0 else (Quantity * Price::decimal(18, 4))::decimal(18, 4) end as gross_amount,
       case when StockCode in ('POST', 'DOT', 'C2', 'C3') then (Quantity * Price::decimal(18, 4))::decimal(18, 4) end as shipping_income,
       "Customer ID"::bigint as customer_id, Country as region
from read_parquet('raw/2009_2010.parquet', file_row_number = true)
where Invoice not like 'C%' and StockCode not in ('AMAZONFEE', 'BANK CHARGES', 'B')
order by file_row_number
