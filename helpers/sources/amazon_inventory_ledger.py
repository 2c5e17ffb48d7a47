"""Amazon FBA inventory ledger, summary view by day: Seller Central → Reports → Fulfillment → Inventory Ledger (CSV or tab-separated).

Stock in the evening of a day is `Ending Warehouse Balance` of the disposition SELLABLE, summed over locations and labels (FNSKU) of a SKU;
what is damaged, expired or under examination is no stock, and a note says how much. `In Transit Between Warehouses` counts as incoming.
The ledger knows neither reserved units nor what the seller sent and Amazon has not received. Days are month first in all marketplaces.
A summary by month can't be read: export it by day. Only `MSKU` names the seller's product; a row without it is set aside. A ledger by
country and one by warehouse tell the same stock: a SKU's day that stands in both is refused.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "date day! | Date",
    "fnsku id | FNSKU",
    "sku id! | MSKU",
    "disposition text! | Disposition",
    "ending integer! | Ending Warehouse Balance; EndingWarehouseBalance",
    "transit integer | In Transit Between Warehouses; InTransitBetweenWarehouses",
    "location text | Location; Country",
)

SQL = """
insert into skipped
select raw_id, 'date', null, 'no day' from rows where date is null
union all select raw_id, 'sku', fnsku, 'no MSKU' from rows where date is not null and sku is null
union all select raw_id, 'ending', null, 'no balance' from rows where date is not null and sku is not null and ending is null;

create or replace temp table balances as
select * replace (case when upper(disposition) = 'SELLABLE' then ending else 0 end as ending, case when upper(disposition) = 'SELLABLE' then coalesce(transit, 0) else 0 end as transit),
       case when coalesce(upper(disposition), '') <> 'SELLABLE' then ending else 0 end as unsellable
from rows where raw_id not in (select raw_id from skipped);

-- A country has two letters (US, or EU for several), a warehouse has digits behind them (ONT8).
insert into refusals
select sku || ' on ' || date || ' stands in a ledger by country and in one by warehouse, which tell the same stock: keep one of them'
from balances group by sku, date having bool_or(regexp_full_match(location, '[A-Za-z]{2}')) and bool_or(not regexp_full_match(location, '[A-Za-z]{2}'));

create table made_inventory as
select row_number() over (order by min(raw_id)) as out_id, min(raw_id) as raw_id, date, $store as store, sku as product_id, sum(ending) as on_hand,
       nullif(greatest(sum(transit), 0), 0) as incoming
from balances group by date, sku;

insert into links
select b.raw_id, 'inventory', m.out_id from balances b join made_inventory m on b.date = m.date and b.sku = m.product_id where b.raw_id <> m.raw_id;

insert into notes
select 'units on the last day that can''t be sold, of disposition ' || coalesce(disposition, 'none') || ': no stock', count(*), sum(unsellable), null
from balances where unsellable <> 0 and date = (select max(date) from balances) group by disposition
"""

ADAPTERS = (
    Adapter(
        name="amazon_inventory_ledger",
        meaning="Amazon FBA inventory ledger by day",
        fields=FIELDS,
        tables={"inventory": {}},
        basis="day of the ledger",
        sql=SQL,
        document=("date", "sku", "fnsku", "disposition", "location"),
        newest="date",
        literal_quotes=True,
    ),
)
