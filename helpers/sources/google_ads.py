"""Google Ads, a report with the columns Day, Campaign and Cost, as CSV, `Excel CSV` (UTF-16, tabs) or Excel.

Above the header stand a title and the period; below the data rows such as `Total: Account`, which are set aside. A campaign may be called
`Total: Wine`: only `Total:` with its colon, in a row without a day, is a total. `--` is not reported. `Cost` is matched exactly: `Avg.
cost` and `Cost / conv.` are other things. Without `Day` the report is the total of a period and is refused. A report segmented by device or
network has several rows for a campaign's day, which add up. A campaign's day that stands in two files is taken whole from the newer one; a
campaign is known by its id, whatever its name. Where files have no ids, two accounts whose campaigns have the same names need an entry of
their own each. Conversions are the platform's claim, and are not read. Days are those of the ad account. Localised headers are taken from
help pages, not from files.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.cells import BLANKS

# A campaign by its id, so that a new name makes no new campaign of it. A name without an id stands for the only id that other rows give it.
WHICH = """
with ids as (select campaign, min(campaign_id) as id from records where campaign_id is not null group by campaign having min(campaign_id) = max(campaign_id))
select raw_id, coalesce(campaign_id, id, campaign) as value from records left join ids using (campaign) where coalesce(campaign_id, campaign) is not null"""
# The account tells apart campaigns of one name, where all files name it; an id needs none.
OWNER = """
select raw_id, account as value from records
where campaign_id is null and which = campaign and (select count(*) from headers where name = 'account') = (select count(distinct file_no) from headers)"""

FIELDS = fields(
    "date day! | Day; Tag; Jour; Día; Dia; Giorno; Dag; Dzień; 天; 日期; 日",
    "campaign text! | Campaign; Kampagne; Campagne; Campaña; Campanha; Campagna; Kampania; 广告系列; キャンペーン",
    "campaign_id id | Campaign ID; Kampagnen-ID; ID de campagne; ID de la campagne; ID de la campaña; ID de campaña; Código da campanha;"
    " ID da campanha; ID campagna; Campagne-ID; Identyfikator kampanii; 广告系列 ID; キャンペーン ID",
    "account id | Customer ID; Account; Kunden-ID; Konto; N° client; Compte; ID de cliente; Cuenta; ID do cliente; Conta; 客户 ID; アカウント",
    "status text | Campaign status; Campaign state; Kampagnenstatus; État de la campagne; Estado de la campaña; Status da campanha;"
    " Stato campagna; Campagnestatus; 广告系列状态; キャンペーンのステータス",
    "spent amount! | Cost; Kosten; Coût; Coste; Costo; Custo; Koszt; 费用; 費用",
    "currency text | Currency code; Currency; Währungscode; Code de devise; Code devise; Código de moneda; Código da moeda;"
    " Codice valuta; Valutacode; Kod waluty; 货币代码; 通貨コード",
)


def unmatched(day: str, currency: str) -> str:
    """SQL for a note: a name that no id goes by may be the old one of a campaign that a file with ids has under its new one."""
    return f"""
insert into notes
select 'spend that counts twice if its campaign was renamed: it has no campaign id, its name is none of those with ids, and another file has ids for the day',
       count(*), sum(spent), {currency}
from rows r where campaign_id is null and which = campaign and spent is not null
     and exists (select 1 from rows o where o.campaign_id is not null and o.file_no <> r.file_no and {day.format("o")} = {day.format("r")}) group by {currency}
"""


_TOTAL = r"'^(?i:total|gesamt|totale|totaal|suma|razem|总计|總計|合計)\s*[:：].*'"

SQL = f"""
insert into skipped
select raw_id, 'spent', null, 'no cost' from rows where spent is null
union all
select raw_id, 'date', null, 'no day' from rows where spent is not null and date is null;

create table made_marketing_spend as
select raw_id as out_id, raw_id, date, $store as store, coalesce($channel, 'google') as channel, spent as amount, 'ads' as kind, campaign_id,
       coalesce(currency, $currency) as currency
from rows anti join skipped using (raw_id);
{unmatched("{}.date", "currency")}"""

ADAPTERS = (
    Adapter(
        name="google_ads",
        meaning="Google Ads, campaigns by day",
        fields=FIELDS,
        tables={"marketing_spend": {"amount": 1}},
        basis="day of the ad account",
        sql=SQL,
        total="spent",
        total_says="Cost of all rows but totals",
        total_currency="currency",
        summary=f"regexp_full_match(date, {_TOTAL}) or regexp_full_match(status, {_TOTAL})"
        f" or (regexp_full_match(campaign, {_TOTAL}) and (date is null or date in {BLANKS}))",
        document=("which", "date", "owner", "currency"),
        newest="date",
        derived={"which": WHICH, "owner": OWNER},
        unique=True,
    ),
)
