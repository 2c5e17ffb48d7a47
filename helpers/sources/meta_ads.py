"""Meta Ads Manager, report by campaign, ad set or ad with a daily breakdown, as CSV or Excel.

The currency stands in the header, `Amount spent (USD)`. A summary row names no campaign and is left out. A row's day is its `Day`, or its
start and end. Where these differ it is the total of a period, not of a day: it is set aside, or, with `spread = true`, spread evenly over
its days, which a note says. A period that other rows of the campaign tell in shorter parts, or that lies across another one, is set aside.
Spend adds up over days; reach, results and attributed sales don't, and are not read. Days are those of the ad account's time zone.
A campaign's day that stands in two files is taken whole from the newer one, whatever the level of its rows; a campaign is known by its id,
whatever its name. Where files have no ids, two accounts whose campaigns have the same names need an entry of their own each. Localised
headers are taken from the help pages, not from files.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.google_ads import OWNER, WHICH, unmatched

FIELDS = fields(
    "starts day | Reporting starts; Berichtsanfang; Début des rapports; Inicio del informe; Inicio informes; Início dos relatórios;"
    " Inizio report; Begin rapportage; 报告开始日期; レポート開始日",
    "ends day | Reporting ends; Berichtsende; Fin des rapports; Fin del informe; Fin informes; Encerramento dos relatórios;"
    " Término dos relatórios; Fine report; Einde rapportage; 报告结束日期; レポート終了日",
    "date day | Day; Tag; Jour; Día; Dia; Giorno; Dag; 天; 日",
    "account text | Account ID; Account name; Konto-ID; Kontoname; Identifiant du compte; Nom du compte; Nombre de la cuenta; Nome da conta; 帐户名称",
    "campaign text! | Campaign name; Kampagnenname; Nom de la campagne; Nombre de la campaña; Nome da campanha; Nome della campagna;"
    " Campagnenaam; 广告系列名称; キャンペーン名",
    "campaign_id id | Campaign ID; Kampagnen-ID; ID de la campagne; Identificador de la campaña; Identificação da campanha; ID campagna;"
    " Campagne-ID; 广告系列编号; キャンペーンID",
    "spent amount! | Amount spent (*); Ausgegebener Betrag (*); Montant dépensé (*); Importe gastado (*); Valor usado (*); Valor gasto (*);"
    " Importo speso (*); Besteed bedrag (*); 花费金额 (*); 消化金額 (*)",
)

# The day of a record, in whichever columns it stands, or the first and last day of its period.
PERIOD = """
select raw_id, coalesce(cast(date as varchar), case when starts = ends then cast(starts as varchar) else concat_ws(' to ', starts, ends) end) as value
from records"""

SQL = """
insert into skipped
select raw_id, 'spent', null, 'no amount spent' from rows where spent is null
union all
select raw_id, 'starts', starts || ' to ' || ends, 'the total of a period, not of a day: export by day, or say spread = true in company.toml'
from rows where spent is not null and date is null and starts < ends and not $spread
union all
select distinct p.raw_id, 'starts', p.starts || ' to ' || p.ends, 'the total of a period of which other rows of the campaign tell days: together they would count twice'
from rows p join rows o on p.which = o.which and p.owner is not distinct from o.owner and p.period <> o.period
     and coalesce(o.date, o.starts) <= p.ends and coalesce(o.date, o.ends) >= p.starts
where p.date is null and p.starts < p.ends and $spread and p.spent is not null and o.spent is not null
      and (o.date is not null or (o.starts <= o.ends and o.ends - o.starts <= p.ends - p.starts))
union all
select raw_id, 'ends', starts || ' to ' || ends, 'ends before it starts' from rows where spent is not null and date is null and ends < starts
union all
select raw_id, 'date', null, 'neither a day nor the start and end of a period' from rows where spent is not null and date is null and (starts is null or ends is null);

-- A period's total is spread over its days in cents; the first days take what is left over.
create table made_marketing_spend as
with spans as (
    select *, coalesce(date, starts) as first_day, case when date is null then date_diff('day', starts, ends) + 1 else 1 end as days
    from rows anti join skipped using (raw_id)),
     shares as (
    select *, unnest(range(days)) as nth, trunc(spent * 100 / days) / 100 as share from spans),
     days as (
    select *, spent - cast(share as decimal(18,2)) * days as rest from shares)
select row_number() over (order by raw_id, nth) as out_id, raw_id, first_day + cast(nth as integer) as date, $store as store, coalesce($channel, 'meta') as channel,
       cast(case when days = 1 then spent else cast(share as decimal(18,2))
            + case when nth < floor(abs(rest) * 100) then sign(rest) * 0.01 else 0 end
            + case when nth = 0 then rest - trunc(rest * 100) / 100 else 0 end end as decimal(18,4)) as amount,
       'ads' as kind, campaign_id, spent_in_header as currency
from days;

insert into notes
select 'totals of periods that were spread evenly over their days', count(*), sum(spent), any_value(spent_in_header)
from rows anti join skipped using (raw_id) where date is null and starts < ends;
""" + unmatched("coalesce({0}.date, {0}.starts)", "spent_in_header")

ADAPTERS = (
    Adapter(
        name="meta_ads",
        meaning="Meta Ads Manager, campaigns by day",
        fields=FIELDS,
        tables={"marketing_spend": {"amount": 1}},
        basis="day of the ad account",
        sql=SQL,
        total="spent",
        total_says="Amount spent, of all rows that name a campaign",
        total_currency="spent_in_header",
        options={"spread": (False, "true to spread the total of a period over its days")},
        summary="campaign is null and campaign_id is null",
        forms={"days": ("date",), "periods": ("starts", "ends")},
        document=("which", "period", "owner"),
        newest="coalesce(date, ends)",
        derived={"which": WHICH, "owner": OWNER, "period": PERIOD},
        unique=True,
    ),
)
