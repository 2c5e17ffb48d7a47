"""Shopify admin → Products → Export, as CSV or Excel (`products_export.csv`): one record per variant and per further picture.

`Cost per item` is the cost of the day of the export, in the shop's currency (option `currency`); the file tells neither that day nor what
a unit cost before. Choices:

- The cost holds from `valid_from` on; without that option for all sales, also old ones. A note says so. Costs of earlier days go into
  product_costs.csv, where each holds until the next one.
- A product that stands in two files is taken whole from the last one by name; a note says how many differ.
- A variant is a product: its id is the SKU, else title and options as an order line names it (`T-shirt - Red / S`). Its name is that too.
- A variant without a cost has none: unknown, not zero. Category: `Type`, else the last part of `Product Category`.
- The files of 2025 (`Handle`, `Variant SKU`) and later ones (`URL handle`, `SKU`) are read alike. Prices and stock are not read.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "handle text! | Handle; URL handle",
    "title text! | Title",
    "category text | Product Category",
    "type text | Type; Custom Product Type; Standard Product Type",
    "sku id! | Variant SKU; SKU",
    "cost amount! | Cost per item; Variant Cost",
    "price amount | Variant Price; Price",
    "option1 text | Option1 Value",
    "option2 text | Option2 Value",
    "option3 text | Option3 Value",
)

SQL = """
-- A product's title and type stand on its first record only. A record with neither price, SKU nor cost is a further picture.
create or replace temp table variants as
select raw_id, handle, sku, cost, price is not null or sku is not null or cost is not null as is_variant,
       first_value(title ignore nulls) over product as title, coalesce(first_value(type ignore nulls) over product, trim(split_part(first_value(category ignore nulls) over product, '>', -1))) as category,
       nullif(concat_ws(' / ', nullif(option1, 'Default Title'), option2, option3), '') as options
from rows window product as (partition by handle order by raw_id rows between unbounded preceding and unbounded following);

create table made_products as
select raw_id as out_id, raw_id, coalesce(sku, concat_ws(' - ', title, options)) as product_id, concat_ws(' - ', title, options) as name, nullif(category, '') as category
from variants where is_variant;

create table made_product_costs as
select raw_id as out_id, raw_id, product_id, coalesce($valid_from, '1900-01-01') as valid_from, cost as unit_cost, $currency as currency
from variants join made_products using (raw_id) where cost is not null;

insert into links
select v.raw_id, 'products', min(m.raw_id) from variants v join variants m on v.handle = m.handle and m.is_variant where not v.is_variant group by v.raw_id;

insert into skipped
select raw_id, 'sku', null, 'no variant: it has neither price, SKU nor cost' from variants where not is_variant and raw_id not in (select raw_id from links);

insert into notes
select 'costs of the day of the export, taken ' || coalesce('from ' || $valid_from || ' on', 'for all sales, also old ones'), count(*), null, null from made_product_costs
union all
select 'variants without a cost', count(*), null, null from variants where is_variant and cost is null
union all
select 'variants without an SKU: title and options stand for it', count(*), null, null from variants where is_variant and sku is null
"""

ADAPTERS = (
    Adapter(
        name="shopify_products",
        meaning="Shopify, products with their cost",
        fields=FIELDS,
        tables={"products": {}, "product_costs": {"unit_cost": 1}},
        basis="day of the export",
        sql=SQL,
        total="cost",
        total_says="Cost per item of all variants",
        options={"valid_from": ("", "the first day on which the costs hold; default all days")},
        document=("handle",),
        unique=True,
    ),
)
