"""What Amazon's settlement and its Date Range report share: amounts that have a place become rows of the contract.

An adapter says of each amount which place it has: a column of `order_lines` or `returns`, `overheads: <category>`,
`marketing_spend: <kind>` or `elsewhere: <words>`. The rules, once for both reports:

- A line is an order's SKU: its id is the SKU, so that All Orders, settlements and FBA returns mean the same line. Where an
  `amazon_all_orders` source of the same store has it, the line takes its day, region and money from there (trading goes by order
  date) and the fees from here; where the two differ, the difference is named. Else the line has the day on which Amazon posted it.
- A refund is a row of `returns` on the day that it was posted. Money and goods come from two reports: a refund without an
  `amazon_fba_returns` source counts as not put back to stock. Fees kept beyond those given back are handling cost.
- Costs without an order line here (storage, subscriptions, transport to the warehouse, fees of orders that no file holds) are
  overheads of their month, by category, less what Amazon paid back in it: reimbursements for lost goods lower `FBA storage`. The
  contract has no income without a sale: a credit beyond the month's costs stays outside, named.
- `Cost of Advertising` is left out where an `amazon_sponsored_products` source of the store tells it by day and SKU: from the first to the
  last day of that export's rows, by the day on which Amazon posted the charge. On other days it is marketing, and a note tells how much.
  Amazon charges after the ads ran, and no report says for which days. So what is charged within 31 days after the last day is still taken
  for ads of the export, as long as less was charged since its first day than it tells; a charge shortly after the first day that was for
  earlier ads is made up for so. Where days in the midst of the export are missing, their charges are left out too; a note tells of months.
- Payouts have the day of the deposit. What Amazon paid for an order is its sale, platform fees and refunds, which is what the book holds
  to be due; the rest of a deposit (fulfilment, storage, ads, reserves) is a payout without an order. They add up to the deposit.
- Taxes that Amazon collects and withholds are nobody's income. Prices that contain a tax which no row shows need `tax_rate`.
"""

TABLES = {
    "order_lines": {"gross_amount": 1, "discount_amount": -1, "shipping_income": 1, "platform_fee": -1, "fulfilment_cost": -1},
    "returns": {"refund_amount": -1, "fee_refunded": 1, "handling_cost": -1},
    "overheads": {"amount": -1},
    "marketing_spend": {"amount": -1},
    "payouts": {},
}
OPTIONS = {
    "place": ({}, "where amounts belong that the adapter doesn't know, by their name"),
    "advertising": ("", "`count` or `leave out` Cost of Advertising; default: leave it out on the days that an ads export of the store covers"),
    "tax_rate": (0.0, "the tax that prices contain where no row shows it, such as 0.19"),
}
SEES = ("amazon_all_orders", "amazon_sponsored_products")
BASIS = "order date where All Orders has the order, else settlement date"
TAX, BALANCE, TRANSFER = "elsewhere: taxes", "elsewhere: reserves and balances", "elsewhere: transfers to the bank"
_PLACES = "gross_amount|discount_amount|shipping_income|platform_fee|fulfilment_cost|refund_amount|fee_refunded|handling_cost"
_SAY = "gross_amount, discount_amount, shipping_income, platform_fee, fulfilment_cost, refund_amount, fee_refunded, handling_cost, overheads: a category, marketing_spend: ads (or event_fee, affiliate, other), elsewhere: in words"


def places(text: str) -> dict[str, str]:
    """Pattern → place, from lines `name; name / name; name = place`; `*` stands for any text. Letter case means nothing.

    >>> places("Order; Refund / ItemPrice / Tax = elsewhere: taxes")
    {'order/itemprice/tax': 'elsewhere: taxes', 'refund/itemprice/tax': 'elsewhere: taxes'}
    """
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        names, place = line.rsplit(" = ", 1)
        patterns = [""]
        for part in names.split(" / "):
            patterns = [f"{pattern}/{name.strip()}".strip("/") for pattern in patterns for name in part.split("; ")]
        found |= {pattern.lower(): place.strip() for pattern in patterns}
    return found


def lookup(adapter: str, known: str) -> str:
    """SQL that gives each of `kinds` (key, name, n, amount, currency) its place, in `kind_places`, or refuses the export."""
    values = ", ".join("('" + pattern.replace("'", "''") + f"', '{place}', false)" for pattern, place in places(known).items())
    return f"""
create or replace temp table places as select * from (values {values}) p(pattern, place, own)
union all select lower(entry.key), entry.value, true from (select unnest(map_entries($place)) as entry);

insert into refusals
select 'company.toml: "' || place || '" is no place; there are {_SAY}' from places
where own and not regexp_full_match(place, '{_PLACES}|(overheads|elsewhere): .+|marketing_spend: (ads|event_fee|affiliate|other)') limit 1;

create or replace temp table kind_places as
select k.key, arg_max(place, length(pattern) + case when own then 10000 else 0 end) as place
from kinds k left join places p on k.key = p.pattern or (contains(p.pattern, '*') and k.key glob p.pattern) group by k.key;

insert into refusals
select '{adapter} doesn''t know ' || string_agg('`' || name || '` (' || n || case when n = 1 then ' row, ' else ' rows, ' end
       || format('{{:.2f}}', cast(amount as double)) || coalesce(' ' || currency, '') || ')', ', ' order by name)
       || ': say where it belongs, such as place = {{ "' || min(name) || '" = "' || case when min_by(amount, name) < 0 then 'platform_fee' else 'gross_amount' end || '" }} below its files in company.toml; places are {_SAY}'
from kinds join kind_places using (key) where place is null having count(*) > 0;
"""


_SALE = "('gross_amount', 'discount_amount', 'shipping_income', 'platform_fee', 'fulfilment_cost')"
_REFUND = "('refund_amount', 'fee_refunded', 'handling_cost')"
_DUE = "('gross_amount', 'discount_amount', 'shipping_income', 'platform_fee', 'refund_amount', 'fee_refunded')"
_ADS_ELSEWHERE = "elsewhere: advertising, told by the ads export"
_LATE = 31
"""Days after an ad within which Amazon charges for it: when a threshold is reached, or once a month [from general knowledge]."""


def to_tables(adapter: str, other: str) -> str:
    """SQL from `parts` and `deposits` to rows of the contract.

    `parts`: raw_id, settlement, order_id, sku, posted (time), paid_on (day of the deposit; null = not paid), region, quantity, currency,
    amount (as Amazon signs it), place, price (whether a tax may be in it). `deposits`: raw_id, settlement, paid_on, currency, amount.
    """
    return f"""
insert into refusals
select 'company.toml: advertising = "' || $advertising || '" must be "count" or "leave out"' where $advertising not in ('count', 'leave out')
union all
select 'company.toml: {adapter} and {other} tell the same money of one store; keep one of them' where list_contains($beside, '{other}');

-- Prices that contain a tax which no row of the item shows: the tax is taken out, to the cent.
create or replace temp table showing as
select order_id, sku from parts where place = '{TAX}' and $tax_rate > 0 group by all having bool_or(amount <> 0);

-- A fee of a whole order goes to its largest line.
create or replace temp table largest as
select order_id, arg_max(sku, amount) as sku from parts
where place = 'gross_amount' and order_id in (select order_id from parts where sku is null and place not like '%: %') group by order_id;

-- What of each charge for ads the ads export tells: the whole of it on its days, and in the days after what is left of its spend.
create or replace temp table ads_days as
select min(coalesce(date, starts)) as first_day, max(coalesce(date, starts)) as last_day from amazon_sponsored_products_rows where spend is not null;

create or replace temp table ads_told as
with charges as (
    select raw_id, currency, cast(posted as date) as day, last_day, amount, sum(amount) over (partition by currency order by posted, raw_id rows unbounded preceding) as reached
    from parts cross join ads_days where place = 'marketing_spend: ads' and cast(posted as date) >= first_day and $advertising is null),
     against as (
    select *, (select -coalesce(sum(spend), 0) from amazon_sponsored_products_rows a where coalesce(a.currency, c.currency) = c.currency) as spent from charges c)
select raw_id, day > last_day as late, case when day <= last_day then amount when day > last_day + {_LATE} then 0
                                            else greatest(least(reached, 0), spent) - greatest(least(reached - amount, 0), spent) end as told
from against;

create or replace temp table money as
with split as (
    select p.* replace (cast(told as decimal(18,4)) as amount, '{_ADS_ELSEWHERE}' as place) from parts p join ads_told t on p.raw_id = t.raw_id and place = 'marketing_spend: ads' where told <> 0
    union all
    select p.* replace (cast(amount - coalesce(told, 0) as decimal(18,4)) as amount, case when place = 'marketing_spend: ads' and $advertising = 'leave out' then '{_ADS_ELSEWHERE}' else place end as place)
    from parts p left join ads_told t on p.raw_id = t.raw_id and place = 'marketing_spend: ads' where amount = 0 or amount is distinct from told)
select p.* exclude (sku, amount, price), coalesce(p.sku, l.sku, '') as sku, amount as whole,
       case when price and s.order_id is null and $tax_rate > 0 then cast(round(amount / cast(1 + $tax_rate as decimal(9,6)), 2) as decimal(18,4)) else amount end as amount
from split p left join largest l on p.order_id = l.order_id and p.sku is null left join showing s on p.order_id = s.order_id and p.sku = s.sku;

-- Order lines: the sale as it was posted, and the fees. A line that another source has made lends its day, region and money.
create or replace temp table lines as
with sold as (
    select order_id, sku, min(raw_id) as raw_id, min(posted) as posted, min(currency) as currency, min(region) as region, sum(quantity) as quantity,
           count(*) filter (where place = 'gross_amount') > 0 as sale,
           coalesce(sum(amount) filter (where place = 'gross_amount'), 0) as gross, -coalesce(sum(amount) filter (where place = 'discount_amount'), 0) as discount,
           coalesce(sum(amount) filter (where place = 'shipping_income'), 0) as shipping, -coalesce(sum(amount) filter (where place = 'platform_fee'), 0) as fee,
           -coalesce(sum(amount) filter (where place = 'fulfilment_cost'), 0) as fulfilment
    from money where place in {_SALE} and order_id is not null group by order_id, sku)
select row_number() over (order by s.raw_id) as out_id, s.*, b.source_no, b.out_id as beside_id,
       coalesce(b.out_id is not null and coalesce(b.status, '') <> 'cancelled' and b.currency = s.currency and try_cast(b.quantity as bigint) > 0, false) as told,
       cast(b.ordered_at as timestamp) as ordered_at, b.region as its_region, try_cast(b.quantity as bigint) as its_quantity,
       cast(b.gross_amount as decimal(18,4)) as its_gross, coalesce(cast(b.discount_amount as decimal(18,4)), 0) as its_discount,
       coalesce(cast(b.shipping_income as decimal(18,4)), 0) as its_shipping
from sold s left join amazon_all_orders_order_lines b on s.order_id = b.order_id and s.sku = b.line_no
where sale or told
qualify row_number() over (partition by s.order_id, s.sku order by b.source_no) = 1;

create table made_order_lines as
select out_id, raw_id, order_id, nullif(sku, '') as line_no, coalesce(ordered_at, posted) as ordered_at, $store as store, coalesce($channel, 'amazon') as channel,
       nullif(sku, '') as product_id, case when told then its_quantity else quantity end as quantity, case when told then its_gross else gross end as gross_amount,
       case when told then its_discount else discount end as discount_amount, case when told then its_shipping else shipping end as shipping_income,
       greatest(fee, 0) as platform_fee, greatest(fulfilment, 0) as fulfilment_cost, coalesce(its_region, region) as region, currency
from lines;

insert into taken select source_no, beside_id, 'sales that {adapter} tells, with their fees' from lines where beside_id is not null;

insert into others
select raw_id, currency, 'settled above (+) or below (−) the price in All Orders', gross - discount + shipping - its_gross + its_discount - its_shipping
from lines where told and sale and gross - discount + shipping <> its_gross - its_discount + its_shipping
union all
select raw_id, currency, 'money of orders in All Orders whose sale is still to be settled', its_discount - its_gross - its_shipping from lines where told and not sale
union all
select raw_id, currency, 'fees given back beyond those charged', -least(fee, 0) - least(fulfilment, 0) from lines where fee < 0 or fulfilment < 0;

-- Refunds, one row for each line and day; fees that came back or were kept are summed up by sign.
create or replace temp table back as
select row_number() over (order by min(raw_id)) as out_id, min(raw_id) as raw_id, order_id, sku, cast(posted as date) as day, currency, coalesce(sum(quantity), 0) as quantity,
       -coalesce(sum(amount) filter (where place = 'refund_amount'), 0) as refund, coalesce(sum(amount) filter (where place = 'fee_refunded'), 0) as fee,
       coalesce(sum(amount) filter (where place = 'handling_cost'), 0) as handling
from money where place in {_REFUND} and order_id is not null group by order_id, sku, day, currency;

create table made_returns as
select out_id, raw_id, $store as store, order_id, nullif(sku, '') as line_no, day as refunded_on,
       case when list_contains($beside, 'amazon_fba_returns') then 0 else quantity end as quantity, refund as refund_amount, false as restocked,
       greatest(-handling, 0) + greatest(-fee, 0) as handling_cost, greatest(fee, 0) + greatest(handling, 0) as fee_refunded, currency
from back;

-- Everything without an order line: overheads by month and category, marketing by day and kind, the rest elsewhere.
create or replace temp table rest as
with apart as (
    select m.raw_id, m.posted, m.currency, m.amount, order_id is not null and place not like '%: %' as stray,
           case when place = 'platform_fee' then 'overheads: Amazon account' when place = 'fulfilment_cost' then 'overheads: FBA fulfilment'
                when place = 'handling_cost' then 'overheads: FBA returns' when place in {_SALE} then 'elsewhere: sales of no order'
                when place in {_REFUND} then 'elsewhere: refunds of no order' else place end as place
    from money m left join lines l using (order_id, sku)
    where place like '%: %' or order_id is null or (place in {_SALE} and l.out_id is null))
select *, case when place like 'overheads: %' then cast(date_trunc('month', posted) as date) else cast(posted as date) end as day from apart;

create or replace temp table sums as
select row_number() over (order by min(raw_id)) as out_id, min(raw_id) as raw_id, place, currency, day, -sum(amount) as cost
from rest where place like 'overheads: %' or place like 'marketing_spend: %' group by place, currency, day;

create table made_overheads as
select out_id, raw_id, strftime(day, '%Y-%m') as month, $store as store, substr(place, 12) as category, cost as amount, currency
from sums where place like 'overheads: %' and cost > 0;

create table made_marketing_spend as
select out_id, raw_id, day as date, $store as store, coalesce($channel, 'amazon') as channel, cost as amount, substr(place, 18) as kind, currency
from sums where place like 'marketing_spend: %' and cost > 0;

create or replace temp table summed as
select r.raw_id, r.amount, r.place, s.out_id, s.cost, s.currency from rest r
join sums s on r.place = s.place and r.currency is not distinct from s.currency and r.day is not distinct from s.day;

insert into others
select raw_id, currency, substr(place, 12), case when place = '{TRANSFER}' then 0 else amount end from rest where place like 'elsewhere: %'
union all
select raw_id, currency, 'taxes in the prices', whole - amount from money where whole <> amount
union all
select raw_id, currency, 'credits beyond the costs of their month: ' || split_part(place, ': ', 2), amount from summed where cost <= 0
union all
select raw_id, currency, 'deposits, told by their rows', 0 from deposits;

insert into links
select m.raw_id, 'order_lines', l.out_id from money m join lines l using (order_id, sku) where place in {_SALE}
union all
select m.raw_id, 'returns', b.out_id from money m
join back b on m.order_id = b.order_id and m.sku = b.sku and cast(m.posted as date) is not distinct from b.day and m.currency is not distinct from b.currency
where place in {_REFUND}
union all
select raw_id, split_part(place, ': ', 1), out_id from summed where cost > 0;

-- Payouts: what each order got, and what else the deposit held.
create or replace temp table paid as
select min(raw_id) as raw_id, settlement, paid_on, order_id, currency, sum(amount) as amount from money
where place in {_DUE} and order_id is not null and paid_on is not null
group by settlement, paid_on, order_id, currency having sum(amount) <> 0;

create table made_payouts as
select row_number() over (order by raw_id, order_id nulls last) as out_id, * from (
    select raw_id, paid_on, $store as store, coalesce($channel, 'amazon') as channel, order_id, amount, settlement as reference, currency from paid
    union all
    select d.raw_id, d.paid_on, $store, coalesce($channel, 'amazon'), null, d.amount - coalesce(p.amount, 0), d.settlement, d.currency
    from deposits d left join (select settlement, sum(amount) as amount from paid group by settlement) p on d.settlement = p.settlement);

insert into notes
select 'sales of All Orders that are not settled yet: their fees and refunds are unknown', count(*), sum(cast(b.gross_amount as decimal(18,4))), b.currency
from amazon_all_orders_order_lines b left join lines l on b.source_no = l.source_no and b.out_id = l.beside_id
where l.out_id is null and coalesce(b.status, '') <> 'cancelled' group by b.currency
union all
select 'sales that no All Orders export has: they have the day of their settlement, not of their order', count(*), sum(gross - discount + shipping), currency
from lines where sale and beside_id is null group by currency
union all
select 'refunds without news of the goods, taken as not put back to stock: amazon_fba_returns would tell', count(*), sum(refund), currency
from back where refund <> 0 and not list_contains($beside, 'amazon_fba_returns') group by currency
union all
select 'fees and costs of orders that no file holds, taken as overheads of their month', count(*), -sum(amount), currency
from rest where stray and place like 'overheads: %' group by currency
union all
select 'credits beyond the costs of their month, which no table can hold as income', count(*), sum(amount), currency from summed where cost < 0 group by currency
union all
select 'advertising that is left to the ads export: a Sponsored Products report holds no Sponsored Brands or Display', count(*), -sum(amount), currency
from rest where place = '{_ADS_ELSEWHERE}' group by currency
union all
select 'advertising charged within {_LATE} days after the ads export ends (' || last_day || '), left to it too: less had been charged than it tells', count(*), -sum(r.amount), currency
from rest r join ads_told using (raw_id) cross join ads_days where place = '{_ADS_ELSEWHERE}' and late group by currency, last_day
union all
select 'advertising left to the ads export in months of which it has no day: where a file of it is missing, this is counted nowhere', count(*), -sum(amount), currency
from rest cross join ads_days where place = '{_ADS_ELSEWHERE}' and cast(posted as date) <= last_day
      and date_trunc('month', posted) not in (select date_trunc('month', coalesce(date, starts)) from amazon_sponsored_products_rows where spend is not null) group by currency
union all
select 'advertising charged on days that the ads export does not cover (it goes from ' || first_day || ' to ' || last_day || '), counted as marketing: what of it is for ads of those days counts twice',
       count(*), -sum(amount), currency
from rest cross join ads_days where place = 'marketing_spend: ads' and first_day is not null and $advertising is null group by currency, first_day, last_day
"""
