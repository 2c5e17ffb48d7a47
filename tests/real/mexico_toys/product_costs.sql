-- One cost per product, without a date: taken as valid from the first sale on.
select Product_ID as product_id, date '2017-01-01' as valid_from, replace(Product_Cost, '$', '')::decimal(18, 2) as unit_cost
from read_csv('raw/products.csv', all_varchar = true)
