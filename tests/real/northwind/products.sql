select ProductID as product_id, ProductName as name, CategoryName as category
from read_csv('raw/products.csv', all_varchar = true) left join read_csv('raw/categories.csv', all_varchar = true) using (CategoryID)
