"""Amazon Sponsored Products, report "Advertised product" (or "Campaign") by day: Advertising console → Measurement and reporting.

Cost becomes marketing by day and SKU. Attributed sales are not read: each row of a daily report counts the seven days after its own
clicks, so that days don't add up to the summary, and every platform claims the same orders; the sales are in the shop's own data. Campaigns
have no id in this report and no order names one, so the spend names its product and no campaign. A report with the totals of a period
instead of days is set aside. The two kinds of report tell the same cost: a campaign's day that stands in both is refused. Without an id
a campaign that was renamed between two reports can't be known: a note says where an ad group's cost for a SKU stands under two names.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.meta_ads import PERIOD

FIELDS = fields(
    "date day | Date; Datum; Fecha; Data; 日付; 日期",
    "starts day | Start Date; Startdatum; Date de début; Fecha de inicio; Data di inizio; 開始日",
    "ends day | End Date; Enddatum; Date de fin; Fecha de finalización; Data di fine; 終了日",
    "campaign text! | Campaign Name; Kampagnenname; Nom de la campagne; Nombre de campaña; Nome campagna; キャンペーン名; 广告活动名称",
    "adgroup text | Ad Group Name; Anzeigengruppenname; Nom du groupe d'annonces; Nombre del grupo de anuncios; Nome gruppo di annunci; 広告グループ名; 广告组名称",
    "sku id | Advertised SKU; Beworbene SKU; SKU promu; SKU anunciado; SKU pubblicizzato; 広告対象SKU; 广告SKU",
    "asin id | Advertised ASIN; Beworbene ASIN; ASIN promu; ASIN anunciado; ASIN pubblicizzato; 広告対象ASIN; 广告ASIN",
    "currency text | Currency; Währung; Devise; Divisa; Valuta; 通貨; 货币",
    "spend amount! | Spend; Ausgaben; Dépenses; Gasto; Inversión; Spesa; 広告費; 花费",
)

SQL = """
insert into skipped
select raw_id, 'starts', starts || ' to ' || ends, 'the total of a period, not of a day: choose the time unit Daily' from rows
where spend is not null and date is null and starts is not null and ends is not null and starts <> ends
union all
select raw_id, 'date', null, 'no day' from rows where spend is not null and date is null and (starts is null or ends is null)
union all
select raw_id, 'spend', null, 'no cost' from rows where spend is null;

create or replace temp table costs as
select *, coalesce(date, starts) as day from rows where raw_id not in (select raw_id from skipped);

-- The older copies too: where one kind of file lacks the columns of the other, both are copies of a campaign's day.
insert into refusals
select 'campaign ' || campaign || ' on ' || period || ' stands in a report by product and in one by campaign, which tell the same cost: keep one of them'
from (select file_no, campaign, period, max(sku) as sku from records anti join aside using (raw_id) where spend is not null and (date is not null or starts = ends) group by all)
group by campaign, period having bool_or(sku is null) and bool_or(sku is not null);

create table made_marketing_spend as
select row_number() over (order by min(raw_id)) as out_id, min(raw_id) as raw_id, day as date, $store as store, coalesce($channel, 'amazon') as channel,
       sum(spend) as amount, 'ads' as kind, sku as product_id, coalesce(currency, $currency) as currency
from costs group by day, sku, currency;

insert into links
select c.raw_id, 'marketing_spend', m.out_id from costs c join made_marketing_spend m
     on c.day = m.date and c.sku is not distinct from m.product_id and coalesce(c.currency, $currency) is not distinct from m.currency where c.raw_id <> m.raw_id;

insert into notes
select 'costs of an ad group for a SKU and a day that stand under another campaign in another file, to the cent: a campaign that was renamed counts twice', count(*), sum(spend), currency
from costs c where spend > 0 and exists (
    select 1 from costs o where o.day = c.day and o.sku is not distinct from c.sku and o.adgroup is not distinct from c.adgroup and o.asin is not distinct from c.asin
    and o.spend = c.spend and o.currency is not distinct from c.currency and o.campaign <> c.campaign and o.file_no < c.file_no) group by currency
"""

ADAPTERS = (
    Adapter(
        name="amazon_sponsored_products",
        meaning="Amazon Sponsored Products, cost by day and SKU",
        fields=FIELDS,
        tables={"marketing_spend": {"amount": 1}},
        basis="day of the ad account",
        sql=SQL,
        total="spend",
        total_says="Spend of all rows",
        total_currency="currency",
        document=("campaign", "period", "adgroup", "sku", "asin"),
        newest="coalesce(date, ends)",
        derived={"period": PERIOD},
    ),
)
