"""Amazon FBA customer returns (tab-separated or CSV): Seller Central → Reports → Fulfillment → FBA customer returns.

It tells when goods came back and in what state, and no money: the refund stands in the settlement or the Date Range report. So a row becomes
a return with its units and a refund of 0, on the day that the goods arrived; the refund is a row of its own from the other report, which
then counts no units. Only the disposition SELLABLE is back in stock. Without the other report refunds are missing, which a note says.
The sale is found by order and SKU, which is the line's id in all Amazon adapters. Units are told apart by their licence plate.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "returned time! | return-date",
    "order_id id! | order-id",
    "sku id! | sku",
    "quantity integer! | quantity",
    "disposition text! | detailed-disposition",
    "reason text | reason",
    "plate text | license-plate-number",
)

SQL = """
insert into skipped select raw_id, 'returned', null, 'no day' from rows where returned is null;

create table made_returns as
select row_number() over (order by raw_id) as out_id, raw_id, $store as store, order_id, sku as line_no, cast(returned as date) as refunded_on, quantity,
       0 as refund_amount, upper(disposition) = 'SELLABLE' as restocked, reason
from rows where returned is not null;

insert into notes
select 'goods that came back while no source of the store tells their refunds: add amazon_settlement or amazon_date_range', count(*), null, null
from made_returns where not list_has_any($beside, ['amazon_settlement', 'amazon_date_range'])
"""

ADAPTERS = (
    Adapter(
        name="amazon_fba_returns",
        meaning="Amazon FBA customer returns",
        fields=FIELDS,
        tables={"returns": {}},
        basis="day on which the goods arrived",
        sql=SQL,
        document=("returned", "order_id", "sku", "plate"),
        newest="returned",
        literal_quotes=True,
    ),
)
