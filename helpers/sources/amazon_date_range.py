"""Amazon Date Range / unified transaction report (CSV): Seller Central → Reports → Payments → Reports Repository → Transaction.

One row for each item of an order, refund or other transaction, in columns: prices, taxes, fees, `other`, `total`. The columns of a row must
add up to its total, or it is set aside. Above the header stand two to nine lines of definitions. Layouts differ by country and year (30
columns in the United States, 23 in 2017, 29 in India); columns are found by name, in the languages of Amazon's marketplaces.

- What an order or refund holds goes where its column says. Other rows, and the column `other`, go where ROUTES places their type and
  description; an unknown one stops the load, and `place` in company.toml tells where it belongs.
- A row that stands in two reports is known by its time, type, order and SKU, one of no order by its description too: a title may change.
- `Transfer` is the deposit: it gives the payouts' day and is no cost. Reports that start in 2025 or later hold deferred transactions too
  (`Transaction Status`, or no release date): sales and refunds that Amazon has not paid out, so that no payout is made from them.
- No column names the currency: it is that of the marketplace, unless company.toml names one. A row without a marketplace (fees,
  transfers) has the currency that stands above the header (`All amounts in USD, unless specified`; in any language, where one alone
  stands there), else that of the other rows of its file, else the company's; a note tells where only a guess is left.
- Rows have the day on which Amazon posted them. Japanese files hold whole numbers, which leave the decimal mark open: say decimal = ".".
  The other rules stand in amazon_money.py.

No merchant's own file was seen: headers and types come from public programs that read such files. Verified by several of them: English,
German, French, Italian, Spanish and Japanese. From a single one: Dutch, Polish, Swedish, Turkish, Portuguese and Mexican Spanish.
"""

from helpers.sources.adapter import Adapter, fields
from helpers.sources.amazon_money import BASIS, OPTIONS, SEES, TABLES, TAX, lookup, places, to_tables

TYPES = """
Order; Bestellung; Commande; Ordine; Pedido; 注文; Bestelling; Zamówienie; Beställning; Sipariş; Liquidations = order
Refund; Erstattung; Remboursement; Rimborso; Reembolso; 返金; Terugbetaling; Zwrot kosztów; Återbetalning; Para İadesi = refund
Chargeback Refund; A-to-z Guarantee Claim; A-to-z Guarantee Refund; Réclamation dans le cadre de la Garantie A à z; Liquidations Adjustments = refund
Transfer; Übertrag; Transfert; Trasferimento; Transferir; Trasferir; Transferencia; 振込み; Overdracht; Przelew; Överföring; Transferência = transfer
Service Fee; Servicegebühr; Frais de service; Commissione di servizio; Tarifa de prestación de servicio; 注文外料金; Servicekosten; Taxa de serviço = service fee
Adjustment; Anpassung; Ajustement; Modifica; Ajuste; 調整; Aanpassing = adjustment
FBA Inventory Fee; Versand durch Amazon Lagergebühr; Frais de stock Expédié par Amazon; Costo di stoccaggio Logistica di Amazon = fba inventory fee
Tarifas de inventario de Logística de Amazon; FBA 在庫関連の手数料; FBA手数料; FBA Transaction fees = fba inventory fee
FBA Customer Return Fee; Frais de retour client FBA = fba customer return fee
Deal Fee; Lightning Deal Fee; Blitzangebotsgebühr; Tarif de la Vente Flash; Tariffa dell’Offerta Lampo; Tarifa de Oferta flash; 数量限定タイムセール手数料 = deal fee
Amazon Fees; Amazon手数料 = amazon fees
Shipping Services; Delivery Services; 配送サービス = shipping services
Debt; Saldo negativo; マイナス残高; Negative balance = debt
"""
"""Types as the marketplaces write them, and what they are called in ROUTES."""

ROUTES = """
refund / other = refund_amount
transfer / * = elsewhere: transfers to the bank
debt / * = elsewhere: reserves and balances
order_retrocharge; refund_retrocharge / * = elsewhere: taxes
service fee; amazon fees / Cost of Advertising; Werbekosten; Prix de la publicité; Costo della pubblicità; Gastos de publicidad; 広告費用; Refund for Advertiser = marketing_spend: ads
deal fee / * = marketing_spend: event_fee
service fee; amazon fees / Deal Participation Fee*; Deal Performance Based Fee*; Lightning Deal Fee* = marketing_spend: event_fee
service fee; amazon fees; coupon redemption fee / Coupon Redemption Fee*; Coupon Participation Fee*; Coupon Performance Based Fee* = marketing_spend: other
service fee; amazon fees / Vine Enrol*; Vine Anmeldegebühr; Early Reviewer Program* = marketing_spend: other
fba inventory fee; service fee; amazon fees / FBA Inventory Storage Fee*; FBA Long-Term Storage Fee*; FBA Long Term Storage Fee*; FBA storage fee*; AWD Storage Fee* = overheads: FBA storage
fba inventory fee; service fee; amazon fees / Fulfilment by Amazon (FBA) Inventory Storage Fee*; FBA Inventory Storage Overage Fee*; Inventory Storage Overage Fee* = overheads: FBA storage
fba inventory fee / Versand durch Amazon Lagergebühr; Versand durch Amazon Langzeitlagergebühr; Frais de stock Expédié par Amazon = overheads: FBA storage
fba inventory fee / Tarifa de almacenamiento de Logística de Amazon; FBA保管手数料*; FBA在庫保管手数料*; FBA長期在庫保管手数料* = overheads: FBA storage
fba inventory fee; service fee; amazon fees / FBA Removal Order*; FBA Disposal*; Versand durch Amazon Gebühr für Entsorgung; FBA在庫の廃棄手数料*; FBA在庫の返送手数料* = overheads: FBA removal
service fee; fba inventory fee; amazon fees / FBA Inbound*; FBA Amazon-Partnered Carrier Shipment Fee*; FBA Inventory Placement Service Fee*; FBA International* = overheads: FBA inbound
service fee; fba inventory fee; amazon fees / Inbound Transportation*; Inbound Defect Fee*; Unplanned Service Fee*; Manual Processing Fee*; FBA Prep Fee*; AWD Transportation Fee*; AWD Processing Fee* = overheads: FBA inbound
service fee / Subscription*; SellerPayments_Report_Fee_Subscription; 月額登録料; Monatliche Abonnementgebühr; Paid Services Fee* = overheads: Amazon account
adjustment / FBA Inventory Reimbursement*; Versand durch Amazon Erstattung für Lagerbestand*; FBA在庫の返金* = overheads: FBA storage
adjustment / Buyer Recharge; 購入者の再課金*; Non-subscription Fee Adjustment; Rettifica commissione non di abbonamento; Ajuste ajeno a la cuota de suscripción = overheads: Amazon account
adjustment; safe-t reimbursement / SAFE-T*; A-to-z Guarantee Recovery*; Commission Adjustment*; Manual Processing Fee Reimbursement* = overheads: Amazon account
amazon fees; service fee / Eco-contribution for EPR*; Amazon service fee for EPR* = overheads: Amazon account
adjustment; fee adjustment; amazon fees / Fee Adjustment*; FBA fulfilment fee per unit*; FBA fulfillment fee per unit*; FBA Pick & Pack Fee* = fulfilment_cost
fba customer return fee / * = handling_cost
fba inventory fee; service fee / FBA Customer Return*; 購入者返品配送手数料*; 購入者返品作業手数料* = handling_cost
shipping services; amazon fees / Amazon Easy Ship*; Easy Ship*; Shipping Label Purchase* = fulfilment_cost
shipping services / *eturn* = handling_cost
"""
"""Type / description = place, as amazon_money.places reads it; `other` is that column of orders and refunds."""

CURRENCIES = """com=USD ca=CAD com.mx=MXN com.br=BRL co.uk=GBP de=EUR fr=EUR it=EUR es=EUR nl=EUR com.be=EUR ie=EUR pl=PLN se=SEK com.tr=TRY ae=AED sa=SAR
eg=EGP in=INR co.jp=JPY jp=JPY com.au=AUD sg=SGD co.za=ZAR"""
"""What the marketplaces `amazon.…` pay in."""

FIELDS = fields(
    "posted time! | date/time; Datum/Uhrzeit; date/heure; Data/Ora:; Data/Ora; fecha y hora; fecha/hora; 日付/時間; 日付/時刻; datum/tijd; data/godzina; datum/tid; tarih/saat; data/hora",
    "settlement id | settlement id; Abrechnungsnummer; numéro de versement; Numero pagamento; identificador de pago; Id. de liquidación; 決済番号; schikkings-ID;"
    " identyfikator rozliczenia; reglerings-id",
    "type text! | type; Typ; tipo; トランザクションの種類; tip",
    "order_id id! | order id; Bestellnummer; numéro de la commande; Numero ordine; número de pedido; Id. del pedido; 注文番号; bestelnummer; identyfikator zamówienia;"
    " beställnings-id; sipariş no.; id do pedido",
    "sku id! | sku",
    "description text! | description; Beschreibung; Descrizione; descripción; 説明; beschrijving; opis; beskrivning; açıklama; descrição",
    "quantity integer! | quantity; Menge; quantité; Quantità; cantidad; 数量; aantal; ilość; antal; adet; quantidade",
    "marketplace text | marketplace; site de vente; web de Amazon; Amazon 出品サービス; rynek; marknadsplats; pazar yeri; mercado",
    "region text | order state; Bundesland; Région d'où provient la commande; Provincia di provenienza dell'ordine; comunidad autónoma de procedencia del pedido;"
    " estado del pedido; 都道府県; status bestelling; stan zamówienia",
    "sales amount! | product sales; Umsätze; ventes de produits; Vendite; ventas de productos; 商品売上; verkoop van producten; sprzedaż produktów; försäljning av produkter;"
    " ürün satışları; vendas do produto",
    "sales_tax amount | product sales tax; Produktumsatzsteuer; Taxes sur la vente des produits; imposta sulle vendite dei prodotti; impuesto de ventas de productos;"
    " 商品の売上税; geïnde omzetbelasting; pobrany podatek od sprzedaży; Inkasserad moms; sales tax collected; Total sales tax liable(GST before adjusting TCS);"
    " imposto de vendas coletados",
    "shipping amount | shipping credits; postage credits; Gutschrift für Versandkosten; crédits d'expédition; crédits d’expédition; Accrediti per le spedizioni;"
    " abonos de envío; créditos de envío; 配送料; Verzendtegoeden; noty kredytowe za wysyłkę; fraktkrediter; kargo kredileri; créditos de remessa",
    "shipping_tax amount | shipping credits tax; Steuer auf Versandgutschrift; taxe sur les crédits d’expédition; taxe sur les crédits d'expédition;"
    " imposta accrediti per le spedizioni; impuestos por abonos de envío; impuesto de abono de envío; 配送料の税金",
    "wrap amount | gift wrap credits; giftwrap credits; Gutschrift für Geschenkverpackung; crédits sur l'emballage cadeau; crédits d’emballage-cadeau; Accrediti per confezioni regalo;"
    " abonos de envoltorio para regalo; créditos por envoltorio de regalo; ギフト包装手数料; kredietpunten cadeauverpakking; środki na pokrycie pakowania na prezent;"
    " krediter för presentinslagning; créditos de embalagem de presente",
    "wrap_tax amount | giftwrap credits tax; gift wrap credits tax; Steuer auf Geschenkverpackungsgutschriften; Taxes sur les crédits cadeaux; imposta sui crediti confezione regalo;"
    " impuestos por abonos de envoltorio para regalo; impuesto de créditos de envoltura; ギフト包装クレジットの税金",
    "regulatory amount | Regulatory Fee; Tarifa reglamentaria",
    "regulatory_tax amount | Tax On Regulatory Fee; Impuesto sobre tarifa reglamentaria",
    "promotion amount | promotional rebates; Rabatte aus Werbeaktionen; Rabais promotionnels; Total des réductions; Sconti promozionali; devoluciones promocionales;"
    " descuentos promocionales; プロモーション割引額; promotiekortingen; rabaty promocyjne; kampanjrabatter; promosyon indirimleri; descontos promocionais",
    "promotion_tax amount | promotional rebates tax; Steuer auf Aktionsrabatte; Taxes sur les remises promotionnelles; imposta sugli sconti promozionali;"
    " impuestos de descuentos por promociones; impuesto de reembolsos promocionales; プロモーション割引の税金",
    "points amount | Amazonポイントの費用; cost of points granted",
    "withheld amount | marketplace withheld tax; Marketplace Facilitator Tax; Einbehaltene Steuer auf Marketplace; Taxes retenues sur le site de vente;"
    " trattenuta IVA del marketplace; impuesto retenido en el sitio web; impuesto de retenciones en la plataforma; 源泉徴収税を伴うマーケットプレイス;"
    " Belasting voor marketplace-facilitator; podatek od transakcji marketplace facilitator; skatt för marknadsplatsförmedlare",
    "low_value amount | low value goods; low value goods tax",
    "tcs_central amount | TCS-CGST",
    "tcs_state amount | TCS-SGST",
    "tcs_union amount | TCS-IGST",
    "tds amount | TDS (Section 194-O)",
    "selling amount | selling fees; Verkaufsgebühren; frais de vente; Commissioni di vendita; tarifas de venta; 手数料; verkoopkosten; opłaty za sprzedaż;"
    " försäljningsavgifter; satış ücretleri; tarifas de venda",
    "fba amount | fba fees; fulfilment by amazon fees; Gebühren zu Versand durch Amazon; Frais Expédié par Amazon; Frais pour le service Expédié par Amazon;"
    " Costi del servizio Logistica di Amazon; tarifas de Logística de Amazon; tarifas fba; FBA 手数料; fba-vergoedingen; opłaty za fba; fba-avgifter; Amazon Lojistik ücretleri; taxas fba",
    "other_fees amount | other transaction fees; Andere Transaktionsgebühren; autres frais de transaction; Altri costi relativi alle transazioni;"
    " tarifas de otras transacciones; tarifas de otra transacción; トランザクションに関するその他の手数料; overige transactiekosten; inne opłaty transakcyjne;"
    " övriga transaktionsavgifter; diğer işlem ücretleri; taxas de outras transações",
    "other amount | other; Andere; autre; autres; Altro; otro; その他; overige; inne; Övrigt; diğer; outro",
    "total amount! | total; Gesamt; totale; 合計; totaal; suma; totalt; toplam",
    "status text | Transaction Status; トランザクションのステータス; status transakcji; transaktionsstatus",
    "released text | Transaction Release Date; トランザクション開始日; data zrealizowania transakcji; transaktionens utgivningsdatum",
)

_TAXES = (
    "sales_tax",
    "shipping_tax",
    "wrap_tax",
    "regulatory",
    "regulatory_tax",
    "promotion_tax",
    "withheld",
    "low_value",
    "tcs_central",
    "tcs_state",
    "tcs_union",
    "tds",
)
_MONEY = ("sales", "shipping", "wrap", "promotion", "points", "selling", "fba", "other_fees", "other")


def _sum(names: tuple[str, ...]) -> str:
    return "(" + " + ".join(f"coalesce({name}, 0)" for name in names) + ")"


_KINDS = ", ".join("('" + word.replace("'", "''") + f"', '{kind}')" for word, kind in places(TYPES).items())
_TRANSFERS = ", ".join("'" + word.replace("'", "''") + "'" for word, kind in places(TYPES).items() if kind == "transfer")
_OWN = "map([{}], [{}])[lower(marketplace)]".format(*(", ".join(f"'{part}'" for part in parts) for parts in zip(
    *((f"amazon.{place}", currency) for place, currency in (one.split("=") for one in CURRENCIES.split())), strict=True)))  # fmt: skip
_STATED = r"\b(?:Euro|" + "|".join(sorted({one.split("=")[1] for one in CURRENCIES.split()})) + r")\b|円"
_ABOVE = "case stated when 'Euro' then 'EUR' when '円' then 'JPY' else stated end"
_CURRENCY = f"coalesce($currency, {_OWN}, {_ABOVE}, min({_OWN}) over (partition by file_no), $home)"

# What a row of no order is about, which tells it from others of its second. Of an order it is a product's title, which may change.
_ABOUT_NO_ORDER = "select raw_id, description as value from records where order_id is null"

SQL = f"""
insert into skipped
select raw_id, 'total', null, 'no total' from rows where total is null
union all
select raw_id, 'posted', null, 'no day' from rows where posted is null and total is not null
union all
select raw_id, 'total', cast(total as varchar), 'its columns add up to ' || {_sum(_MONEY + _TAXES)} || ', so that one is missing or misread' from rows
where posted is not null and total <> {_sum(_MONEY + _TAXES)}
union all
select raw_id, 'order_id', null, 'no order' from rows join (values {_KINDS}) k(word, kind) on lower(type) = word
where order_id is null and kind in ('order', 'refund') and posted is not null and total = {_sum(_MONEY + _TAXES)};

-- The currency is that of the marketplace; a row without one takes that of its file, which is a guess where the file names none, or several.
create or replace temp table items as
select r.*, {_CURRENCY} as currency,
       $currency is null and {_OWN} is null and stated is null and coalesce(min({_OWN}) over (partition by file_no) <> max({_OWN}) over (partition by file_no), true) as guessed,
       coalesce(k.kind, lower(coalesce(r.type, ''))) as kind, {_sum(_TAXES)} as tax, rtrim(coalesce(description, ''), ':： ') as about,
       status is not null and (lower(status) = 'deferred' or released is null) and kind <> 'transfer' as deferred
from rows r left join (values {_KINDS}) k(word, kind) on lower(r.type) = k.word
where raw_id not in (select raw_id from skipped);

-- Deposits: the transfers to the bank. A settlement that is paid in parts has the day of its last one.
create or replace temp table deposits as
select min(raw_id) as raw_id, settlement, cast(max(posted) as date) as paid_on, currency, -sum(total) as amount from items where kind = 'transfer'
group by coalesce(settlement, cast(raw_id as varchar)), settlement, currency;

-- What has no column of its own is placed by type and description: whole rows of other types, and `other` of orders and refunds.
create or replace temp table routed as
select raw_id, currency, type, kind, about, kind in ('order', 'refund') as sold,
       case when sold then coalesce(other, 0) else total - tax end as amount, kind || '/' || case when sold then 'other' else about end as name
from items where not sold or coalesce(other, 0) <> 0;

create or replace temp table kinds as
select name as raw_name, min(concat(type, '/', case when sold then 'other' else about end)) as name, regexp_replace(lower(name), ' - (reversal|correction|取り消し|訂正)', '') as key,
       count(*) as n, sum(amount) as amount, min(currency) as currency
from routed group by routed.name;
{lookup("amazon_date_range", ROUTES)}
create or replace temp table parts as
with pieces as (
    select raw_id, 'gross_amount' as place, coalesce(sales, 0) as amount, quantity, true as price from items where kind = 'order'
    union all select raw_id, 'shipping_income', {_sum(("shipping", "wrap"))}, null, true from items where kind = 'order'
    union all select raw_id, 'discount_amount', {_sum(("promotion", "points"))}, null, true from items where kind = 'order'
    union all select raw_id, 'platform_fee', {_sum(("selling", "other_fees"))}, null, false from items where kind = 'order'
    union all select raw_id, 'fulfilment_cost', coalesce(fba, 0), null, false from items where kind = 'order'
    union all select raw_id, 'refund_amount', {_sum(("sales", "shipping", "wrap", "promotion", "points"))}, quantity, true from items where kind = 'refund'
    union all select raw_id, 'fee_refunded', {_sum(("selling", "other_fees"))}, null, false from items where kind = 'refund'
    union all select raw_id, 'handling_cost', coalesce(fba, 0), null, false from items where kind = 'refund'
    union all select raw_id, '{TAX}', tax, null, false from items
    union all select raw_id, p.place, r.amount, null, false from routed r join kinds k on r.name = k.raw_name join kind_places p using (key))
select p.raw_id, i.settlement, i.order_id, i.sku, i.posted, d.paid_on, i.region, i.currency, p.amount, p.place, p.quantity, p.price
from pieces p join items i using (raw_id) left join (select distinct settlement, paid_on from deposits where settlement is not null) d on i.settlement = d.settlement and not i.deferred
where p.amount <> 0 or p.place in ('gross_amount', 'refund_amount') or i.kind not in ('order', 'refund');
{to_tables("amazon_date_range", "amazon_settlement")};

insert into notes
select 'deferred: sold or given back, and not paid out by Amazon when the report was made', count(*), sum(total), currency from items where deferred group by currency
union all
select 'rows without a marketplace, in a file that says no currency above its header and whose other rows name none or several: taken in this one; say currency = "…" if it is another',
       count(*), sum(total), currency from items where guessed group by currency
"""

ADAPTERS = (
    Adapter(
        name="amazon_date_range",
        meaning="Amazon Date Range or unified transaction reports",
        fields=FIELDS,
        tables=TABLES,
        basis=BASIS,
        sql=SQL,
        total=f"case when lower(type) not in ({_TRANSFERS}) then total end",
        total_says="total of all rows but transfers to the bank",
        total_currency=_CURRENCY,
        options=OPTIONS,
        above={"stated": _STATED},
        document=("posted", "type", "order_id", "sku", "about_no_order"),
        newest="posted",
        grows=("count(released)",),
        derived={"about_no_order": _ABOUT_NO_ORDER},
        sees=SEES,
    ),
)
