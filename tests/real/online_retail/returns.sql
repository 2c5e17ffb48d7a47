-- A cancellation is held against the same buyer's latest earlier purchase of the same product. One that finds none keeps its
-- own number, so that the checks set it aside as a return without a sale.
with lines as (select *, row_number() over (partition by Invoice order by file_row_number) as line_no
               from read_parquet('raw/2009_2010.parquet', file_row_number = true)),
     sold as (select * from lines where Invoice not like 'C%' and Quantity > 0 and StockCode not in ('AMAZONFEE', 'BANK CHARGES', 'B')),
     back as (select * from lines where Invoice like 'C%' and StockCode not in ('AMAZONFEE', 'BANK CHARGES', 'B'))
select 'uk-online' as store, coalesce(sold.Invoice, back.Invoice) as order_id, coalesce(sold.line_no, back.line_no) as line_no,
       back.InvoiceDate::date as refunded_on, -back.Quantity as quantity, (-back.Quantity * back.Price::decimal(18, 4))::decimal(18, 4) as refund_amount,
       false as restocked
from back asof left join sold
  on back."Customer ID" = sold."Customer ID" and back.StockCode = sold.StockCode and back.InvoiceDate >= sold.InvoiceDate
order by back.file_row_number
