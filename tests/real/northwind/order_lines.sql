-- Freight is left out: the file does not say who paid it.
select OrderID as order_id, row_number() over (partition by OrderID order by ProductID::integer) as line_no,
       strptime(o.OrderDate, '%m/%d/%Y')::date as ordered_at, 'northwind' as store, 'sales force' as channel, ProductID as product_id,
       Quantity as quantity, (UnitPrice::decimal(18, 2) * Quantity::integer)::decimal(18, 4) as gross_amount,
       (UnitPrice::decimal(18, 2) * Quantity::integer * Discount::decimal(4, 2))::decimal(18, 4) as discount_amount,
       o.CustomerID as customer_id, o.EmployeeID as employee_id, o.ShipCountry as region
from read_csv('raw/order_details.csv', all_varchar = true) d
join read_csv('raw/orders.csv', all_varchar = true) o using (OrderID)
order by OrderID::integer, ProductID::integer
