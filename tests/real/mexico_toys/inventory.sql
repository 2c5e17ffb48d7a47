-- One snapshot without a date: taken as of the last day of sales.
select date '2018-09-30' as date, Store_ID as store, Product_ID as product_id, Stock_On_Hand as on_hand from read_csv('raw/inventory.csv', all_varchar = true)
