select Product_ID as product_id, Product_Name as name, Product_Category as category from read_csv('raw/products.csv', all_varchar = true)
