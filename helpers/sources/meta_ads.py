"""Meta Ads Manager, report by campaign with a daily breakdown, as CSV or Excel.

The currency stands in the header, `Amount spent (USD)`. A summary row has no campaign name and is left out. A row whose start and end
differ is the total of a period, not of a day: it is set aside, or, with `spread = true`, spread evenly over its days, which a note says.
Spend adds up over days; reach, results and attributed sales don't, and are not read. Days are those of the ad account's time zone.
"""

from helpers.sources.adapter import Adapter, fields

FIELDS = fields(
    "starts day! | Reporting starts; Berichtsanfang; Début des rapports; Inicio del informe; Inicio informes; Início dos relatórios; Inizio report; Begin rapportage; 报告开始日期; レポート開始日",
    "ends day! | Reporting ends; Berichtsende; Fin des rapports; Fin del informe; Fin informes; Encerramento dos relatórios; Término dos relatórios; Fine report; Einde rapportage; 报告结束日期; レポート終了日",
    "date day | Day; Tag; Jour; Día; Dia; Giorno; Dag; 天; 日",
    "campaign text! | Campaign name; Kampagnenname; Nom de la campagne; Nombre de la campaña; Nome da campanha; Nome della campagna; Campagnenaam; 广告系列名称; キャンペーン名",
    "campaign_id id | Campaign ID; Kampagnen-ID; ID de la campagne; Identificador de la campaña; Identificação da campanha; ID campagna; Campagne-ID; 广告系列编号; キャンペーンID",
    "spent amount! | Amount spent (*); Ausgegebener Betrag (*); Montant dépensé (*); Importe gastado (*); Valor usado (*); Valor gasto (*); Importo speso (*); Besteed bedrag (*); 花费金额 (*); 消化金額 (*)",
    "adset text | Ad set name; Anzeigengruppenname; Nom de l'ensemble de publicités; Nombre del conjunto de anuncios; Nome do conjunto de anúncios; 广告组名称",
    "ad text | Ad name; Anzeigenname; Nom de la publicité; Nombre del anuncio; Nome do anúncio; 广告名称",
)

SQL = """
insert into skipped
select raw_id, 'campaign', null, 'a summary of other rows' from rows where campaign is null and campaign_id is null
union all
select raw_id, 'starts', starts || ' to ' || ends, 'the total of a period, not of a day: export by day, or say spread = true in company.toml'
from rows where (campaign is not null or campaign_id is not null) and date is null and starts <> ends and not $spread
union all
select raw_id, 'ends', cast(ends as varchar), 'ends before it starts' from rows where date is null and ends < starts and $spread;

-- A period's total is spread over its days in cents; the first days take what is left over.
create table made_marketing_spend as
with spans as (
    select *, cast(coalesce(date, starts) as date) as first_day, case when date is null then date_diff('day', starts, ends) + 1 else 1 end as days
    from rows where raw_id not in (select raw_id from skipped) and spent is not null),
     spread as (
    select *, unnest(range(days)) as nth, cast(floor(spent * 100 / days) as bigint) as cents, cast(spent * 100 as decimal(18,4)) - floor(spent * 100 / days) * days as rest
    from spans)
select row_number() over (order by raw_id, nth) as out_id, raw_id, first_day + cast(nth as integer) as date, $store as store, coalesce($channel, 'meta') as channel,
       case when days = 1 then spent else cast((cents + case when nth < floor(rest) then 1 else 0 end + case when nth = 0 then rest - floor(rest) else 0 end) / 100 as decimal(18,4)) end as amount,
       'ads' as kind, campaign_id, coalesce(spent_in_header, $currency) as currency
from spread;

insert into skipped
select raw_id, 'spent', null, 'no amount spent' from rows where spent is null and raw_id not in (select raw_id from skipped);

insert into notes
select 'period totals that were spread evenly over their days', count(*), sum(spent), spent_in_header
from rows where date is null and starts <> ends and $spread and raw_id not in (select raw_id from skipped) group by spent_in_header
"""

ADAPTERS = (
    Adapter(
        name="meta_ads",
        meaning="Meta Ads Manager, campaigns by day",
        fields=FIELDS,
        tables={"marketing_spend": {"amount": 1}},
        basis="day of the ad account",
        sql=SQL,
        total="case when campaign is not null or campaign_id is not null then spent end",
        total_says="Amount spent of all campaign rows",
        total_currency="spent_in_header",
        options={"spread": (False, "true to spread the total of a period over its days")},
        document=("starts", "ends", "date", "campaign", "campaign_id", "adset", "ad"),
        newest="ends",
        unique=True,
    ),
)
