-- Charges of the bank and of Amazon, and bad debt; a row that gives money back is negative and set aside by the checks.
select strftime(InvoiceDate, '%Y-%m') as month, 'uk-online' as store,
       case StockCode when 'B' then 'bad debt' else lower(StockCode) end as category, (-Quantity * Price::decimal(18, 4))::decimal(18, 4) as amount
from read_parquet('raw/2009_2010.parquet', file_row_number = true)
where StockCode in ('AMAZONFEE', 'BANK CHARGES', 'B')
order by file_row_number
