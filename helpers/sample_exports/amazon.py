"""The sample company's marketplace channel as Amazon would report it: three stores, each with the reports that a seller there has.

`us-shop`: All Orders, settlements, FBA returns, inventory ledger, Sponsored Products. `cn-flagship`: Date Range reports in the Indian layout,
FBA returns. `cn-outlet`: nothing but settlements, as Europe writes them. Orders keep the sample's ids; a SKU is the product's id.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import count, groupby
from pathlib import Path

from helpers.sample import US, last_day, money
from helpers.sample_exports import as_csv, write_table, write_text

STORAGE, SUBSCRIPTION = 2500, 3999  # cents a month of the US shop
TOML = """name = "Sample Trading Co on Amazon"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"

[[sources]]
adapter = "amazon_all_orders"
files = "exports/us/all_orders_*.txt"
store = "us-shop"
channel = "marketplace"

[[sources]]
adapter = "amazon_settlement"
files = "exports/us/settlement_*.txt"
store = "us-shop"
channel = "marketplace"

[[sources]]
adapter = "amazon_fba_returns"
files = "exports/us/fba_returns_*.txt"
store = "us-shop"

[[sources]]
adapter = "amazon_inventory_ledger"
files = "exports/us/ledger_*.csv"
store = "us-shop"

[[sources]]
adapter = "amazon_sponsored_products"
files = "exports/us/ads_*.csv"
store = "us-shop"
channel = "marketplace"

[[sources]]
adapter = "amazon_date_range"
files = "exports/flagship/date_range_*.csv"
store = "cn-flagship"
channel = "marketplace"
currency = "CNY"

[[sources]]
adapter = "amazon_fba_returns"
files = "exports/flagship/fba_returns_*.txt"
store = "cn-flagship"

[[sources]]
adapter = "amazon_settlement"
files = "exports/outlet/settlement_*.txt"
store = "cn-outlet"
channel = "marketplace"
"""
SETTLEMENT = """settlement-id settlement-start-date settlement-end-date deposit-date total-amount currency transaction-type order-id merchant-order-id
adjustment-id shipment-id marketplace-name amount-type amount-description amount fulfillment-id posted-date posted-date-time order-item-code
merchant-order-item-id merchant-adjustment-item-id sku quantity-purchased promotion-id""".split()
ALL_ORDERS = """amazon-order-id merchant-order-id purchase-date last-updated-date order-status fulfillment-channel sales-channel order-channel url
ship-service-level product-name sku asin item-status quantity currency item-price item-tax shipping-price shipping-tax gift-wrap-price gift-wrap-tax
item-promotion-discount ship-promotion-discount ship-city ship-state ship-postal-code ship-country promotion-ids is-business-order
purchase-order-number price-designation""".split()
FBA_RETURNS = """return-date order-id sku asin fnsku product-name quantity fulfillment-center-id detailed-disposition reason status
license-plate-number customer-comments""".split()
LEDGER = ["Date", "FNSKU", "ASIN", "MSKU", "Title", "Disposition", "Starting Warehouse Balance", "In Transit Between Warehouses", "Receipts",
          "Customer Shipments", "Customer Returns", "Vendor Returns", "Warehouse Transfer In/Out", "Found", "Lost", "Damaged", "Disposed",
          "Other Events", "Ending Warehouse Balance", "Unknown Events", "Location"]  # fmt: skip
ADS = ["Date", "Portfolio name", "Currency", "Campaign Name", "Ad Group Name", "Advertised SKU", "Advertised ASIN", "Impressions", "Clicks",
       "Click-Thru Rate (CTR)", "Cost Per Click (CPC)", "Spend", "7 Day Total Sales ", "7 Day Total Orders (#)"]  # fmt: skip
DATE_RANGE = ["date/time", "settlement id", "type", "order id", "Sku", "description", "quantity", "marketplace", "account type", "fulfillment",
              "order city", "order state", "order postal", "product sales", "shipping credits", "gift wrap credits", "promotional rebates",
              "Total sales tax liable(GST before adjusting TCS)", "TCS-CGST", "TCS-SGST", "TCS-IGST", "TDS (Section 194-O)", "selling fees", "fba fees",
              "other transaction fees", "other", "total", "Transaction Status", "Transaction Release Date"]  # fmt: skip
PREAMBLE = """"Includes Amazon Marketplace, Fulfillment by Amazon (FBA), and Amazon Webstore transactions"
"All amounts in CNY, unless specified"
"Definitions:"
"Sales tax collected: Includes sales tax collected from buyers for product sales, shipping, and gift wrap."
"Selling fees: Includes variable closing fees and referral fees."
"Other transaction fees: Includes shipping chargebacks, shipping holdbacks, per-item fees, and sales tax collection fees."
"Other: Includes non-order transaction amounts. For more details, see the ""Type"" and ""Description"" columns for each order ID."
"""


def write(tables: dict[str, list[dict]], folder: Path, months: list[str]) -> None:
    """Write a company folder whose sales, refunds, fees, ads and payouts stand in Amazon's reports of these months."""
    write_text(folder / "company.toml", TOML)
    for name in ("products", "product_costs", "fx_rates"):
        write_table(folder, name, tables[name])
    names = {product["product_id"]: product["name"] for product in tables["products"]}
    shops = {store: Shop(tables, store) for store in (US, "cn-flagship", "cn-outlet")}
    for period in quarters(months):
        name = period[-1]
        write_all_orders(shops[US], folder / f"exports/us/all_orders_{name}.txt", period, names)
        write_inventory(tables["inventory"], folder / f"exports/us/ledger_{name}.csv", period)
        write_ads(shops[US], folder / "exports/us", period)
        for store, place in ((US, "us"), ("cn-flagship", "flagship")):
            write_returns(shops[store], folder / f"exports/{place}/fba_returns_{name}.txt", period, names)
        write_date_range(shops["cn-flagship"], folder / f"exports/flagship/date_range_{name}.csv", period, last_day(months[-1]), names)
    write_settlements(shops[US], folder / "exports/us", months, ads=False)
    write_settlements(shops["cn-outlet"], folder / "exports/outlet", months, ads=True, european=True)


class Shop:
    """What one store sold, took back, spent and was paid through the marketplace, with the deposit that each part belongs to."""

    def __init__(self, tables: dict[str, list[dict]], store: str):
        self.store, self.currency = store, "USD" if store == US else "CNY"
        self.lines = [line for line in tables["order_lines"] if line["store"] == store and line["channel"] == "marketplace"]
        sold = {line["order_id"] for line in self.lines}
        self.refunds = [one for one in tables["returns"] if one["store"] == store and one["order_id"] in sold and one["refunded_on"]]
        self.spend = [one for one in tables["marketing_spend"] if (one["store"], one["channel"]) == (store, "marketplace")]
        paid = [one for one in tables["payouts"] if one["store"] == store and one.get("order_id")]
        self.deposits = {one["order_id"]: one["paid_on"] for one in reversed(paid)}  # the first of each order
        due, got = defaultdict(int), {one["order_id"]: cents(one["amount"]) for one in reversed(paid)}
        for line in self.lines:
            if line["status"] != "cancelled":
                due[line["order_id"]] += cents(line["gross_amount"]) - cents(line["discount_amount"]) - cents(line["platform_fee"])
        for one in self.refunds:
            if one["order_id"] in self.deposits and one["refunded_on"] <= self.deposits[one["order_id"]]:
                due[one["order_id"]] -= cents(one["refund_amount"]) - cents(one["fee_refunded"])
        self.short = {order_id: due[order_id] - amount for order_id, amount in got.items() if due[order_id] != amount}

    def deposit(self, event: dict) -> date | None:
        """The day of the deposit that a line or a refund is part of; None where it was not paid."""
        paid_on = self.deposits.get(event["order_id"])
        return paid_on and max(paid_on, event.get("refunded_on") or paid_on)


def cents(text: str) -> int:
    """
    >>> cents("12.5"), cents("")
    (1250, 0)
    """
    return round(float(text or 0) * 100)


def utc(moment: datetime) -> datetime:
    """Shanghai's clock as that of Greenwich."""
    return moment - timedelta(hours=8)


def noon(day: date | str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00")


def quarters(months: list[str]) -> list[list[str]]:
    """The months of each quarter, which an export covers.

    >>> quarters(["2025-11", "2025-12", "2026-01"])
    [['2025-11', '2025-12'], ['2026-01']]
    """
    return [list(group) for _, group in groupby(months, lambda month: (month[:4], (int(month[5:]) - 1) // 3))]


def within(moment: date | str, period: list[str], before: int = 0) -> bool:
    """Whether a day is of the period or of the last days before it: exports overlap.

    >>> within("2025-11-29", ["2025-12"], 3), within("2025-11-27", ["2025-12"], 3)
    (True, False)
    """
    first = date.fromisoformat(period[0] + "-01") - timedelta(before)
    return str(first) <= str(moment)[:10] <= str(last_day(period[-1]))


def flat(header: list[str], rows: list[list]) -> str:
    """Amazon's flat files: tabs between the cells, and no quotes."""
    return "".join("\t".join(map(str, line)) + "\n" for line in [header, *rows])


# ---- reports by order, unit and day ----------------------------------------------------------------------------------------------


def write_all_orders(shop: Shop, path: Path, period: list[str], names: dict[str, str]) -> None:
    rows = []
    for line in (line for line in shop.lines if within(line["_at"], period, before=3)):
        cancelled, gross = line["status"] == "cancelled", cents(line["gross_amount"])
        cells = {
            "amazon-order-id": line["order_id"], "purchase-date": f"{utc(line['_at']).isoformat()}+00:00",
            "last-updated-date": f"{utc(line['_at'] + timedelta(days=2)).isoformat()}+00:00", "order-status": "Shipped", "fulfillment-channel": "Amazon",
            "sales-channel": "Amazon.com", "product-name": names[line["product_id"]], "sku": line["product_id"],
            "item-status": "Cancelled" if cancelled else "Shipped", "quantity": line["quantity"], "currency": "USD", "item-price": line["gross_amount"],
            "item-tax": money(gross * 8 // 100), "shipping-price": "3.99", "shipping-tax": "0.0", "item-promotion-discount": line["discount_amount"],
            "ship-promotion-discount": "3.99", "ship-state": line["region"], "ship-country": "US", "is-business-order": "false",
        }  # fmt: skip
        rows.append([cells.get(name, "") for name in ALL_ORDERS])
    write_text(path, flat(ALL_ORDERS, rows).encode("cp1252", "replace").decode("cp1252"), "cp1252")


def write_returns(shop: Shop, path: Path, period: list[str], names: dict[str, str]) -> None:
    rows = []
    for n, one in enumerate(shop.refunds, 1):
        if within(one["refunded_on"], period, before=3):
            sku = one["_line"]["product_id"]
            state = "SELLABLE" if one["restocked"] == "true" else "CUSTOMER_DAMAGED"
            when = f"{utc(noon(one['refunded_on'])).isoformat()}+00:00"
            rows.append(
                [
                    when,
                    one["order_id"],
                    sku,
                    "",
                    "",
                    names[sku],
                    one["quantity"],
                    "PHX7",
                    state,
                    one["reason"],
                    "Unit returned to inventory",
                    f"LPN{n:07d}",
                    "",
                ]
            )
    write_text(path, flat(FBA_RETURNS, rows))


def write_inventory(counts: list[dict], path: Path, period: list[str]) -> None:
    """Stock in two warehouses, and some that can't be sold."""
    rows = []
    for one in (one for one in counts if one["store"] == US and within(one["date"], period)):
        day = one["date"].strftime("%m/%d/%Y")
        parts = {
            ("SELLABLE", "PHX7"): one["on_hand"] - one["on_hand"] // 3,
            ("SELLABLE", "ONT8"): one["on_hand"] // 3,
            ("DEFECTIVE", "PHX7"): one["on_hand"] % 3,
        }
        for (state, place), units in parts.items():
            cells = {"Date": day, "FNSKU": "X00" + one["product_id"], "MSKU": one["product_id"], "Disposition": state,
                     "Ending Warehouse Balance": units, "Location": place}  # fmt: skip
            rows.append([cells.get(name, 0 if name not in ("ASIN", "Title") else "") for name in LEDGER])
    write_text(path, as_csv(LEDGER, rows))


def write_ads(shop: Shop, folder: Path, period: list[str]) -> None:
    """Ads for a product in a report by advertised product, the others in one by campaign, which has no SKU."""
    spent = [one for one in shop.spend if one["kind"] == "ads" and within(one["date"], period)]
    for kind, columns in (("product", ADS), ("campaign", [name for name in ADS if name[:3] not in ("Ad ", "Adv")])):
        rows = []
        for one in (one for one in spent if bool(one.get("product_id")) == (kind == "product")):
            cells = {
                "Date": date.fromisoformat(one["date"]).strftime("%b %d, %Y"), "Portfolio name": "Not grouped", "Currency": "USD",
                "Campaign Name": "Robot vacuum" if kind == "product" else "Catch-all", "Ad Group Name": "Exact", "Advertised SKU": one.get("product_id", ""),
                "Impressions": 4120, "Clicks": 31, "Click-Thru Rate (CTR)": "0.7524%", "Spend": f"${cents(one['amount']) / 100:,.2f}", "7 Day Total Sales ": "$0.00",
            }  # fmt: skip
            rows.append([cells.get(name, "") for name in columns])
        if rows:
            write_text(folder / f"ads_{kind}_{period[-1]}.csv", as_csv(columns, rows))


# ---- settlements -----------------------------------------------------------------------------------------------------------------


def write_settlements(shop: Shop, folder: Path, months: list[str], ads: bool, european: bool = False) -> None:
    """A file a quarter with its settlements, one for each deposit. In Europe amounts have a comma and days points; the buyers' tax is withheld."""
    parts = defaultdict(list)
    for line in (line for line in shop.lines if line["status"] != "cancelled" and shop.deposit(line)):
        parts[shop.deposit(line)].append(("sale", line))
    for refund in (refund for refund in shop.refunds if shop.deposit(refund)):
        parts[shop.deposit(refund)].append(("refund", refund))
    days = sorted(day for day in parts if str(day)[:7] in months)
    for spend in (spend for spend in shop.spend if spend["date"][:7] in months and (ads or spend["kind"] != "ads")):
        day = next((day for day in days if str(day) >= spend["date"]), last_day(months[-1]))
        parts[day].append(("spend", spend))
    numbers, codes, reserve, begun, files = count(1), count(70000001), 0, set(), defaultdict(list)
    for day in sorted(day for day in parts if str(day)[:7] in months):
        rows = [row for kind, event in parts[day] for row in ROWS[kind](shop, event, codes)]
        if shop.store == US:
            if str(day)[:7] not in begun:
                rows += [["other-transaction", "", "", "other-transaction", "Subscription Fee", -SUBSCRIPTION, noon(day)],
                         ["FBAFees", "", "", "FBA Inventory Storage Fee", "Base fee", -STORAGE, noon(day)]]  # fmt: skip
                begun.add(str(day)[:7])
            kept = 1000 * (next(numbers) % 4)
            rows += [["other-transaction", "", "", "other-transaction", what, amount, noon(day)]
                     for what, amount in (("Previous Reserve Amount Balance", reserve), ("Current Reserve Amount", -kept)) if amount]  # fmt: skip
            reserve = kept
        settlement = f"{'1' if shop.store == US else '2'}{day:%y%m%d}001"
        about = {"settlement-id": settlement, "deposit-date": stamp(noon(day), european), "total-amount": amount_text(sum(row[5] for row in rows), european),
                 "settlement-start-date": stamp(noon(day - timedelta(14)), european), "settlement-end-date": stamp(noon(day - timedelta(2)), european),
                 "currency": shop.currency}  # fmt: skip
        name = next(period[-1] for period in quarters(months) if str(day)[:7] in period)
        files[name].append([about.get(column, "") for column in SETTLEMENT])
        for kind, order_id, sku, amount_type, what, amount, moment, *more in rows:
            quantity, code = [*more, "", ""][:2]
            cells = {
                "settlement-id": settlement, "transaction-type": kind, "order-id": order_id, "marketplace-name": "Amazon.com" if shop.store == US else "Amazon.de",
                "amount-type": amount_type, "amount-description": what, "amount": amount_text(amount, european), "fulfillment-id": "AFN",
                "posted-date": f"{utc(moment):%d/%m/%y}", "posted-date-time": stamp(moment, european), "order-item-code": code, "sku": sku,
                "quantity-purchased": quantity, "promotion-id": 'Aktion "Küche"' if amount_type == "Promotion" else "",
            }  # fmt: skip
            files[name].append([cells.get(column, "") for column in SETTLEMENT])
    for name, rows in files.items():
        write_text(folder / f"settlement_{name}.txt", flat(SETTLEMENT, rows), "cp1252" if european else "utf-8")


def stamp(moment: datetime, european: bool) -> str:
    return f"{utc(moment):%d.%m.%Y %H:%M:%S} UTC" if european else f"{utc(moment):%Y-%m-%d %H:%M:%S} UTC"


def amount_text(amount: int, european: bool) -> str:
    return money(amount).replace(".", ",") if european else money(amount)


def sale_rows(shop: Shop, line: dict, codes: count) -> list[list]:
    """The amounts of an order line; the quantity stands on each of them."""
    short = shop.short.pop(line["order_id"], 0)
    gross, discount, fee, cost = (cents(line[name]) for name in ("gross_amount", "discount_amount", "platform_fee", "fulfilment_cost"))
    tax = gross * 8 // 100 if shop.store == US else 0
    amounts = [("ItemPrice", "Principal", gross - short), ("ItemPrice", "Tax", tax), ("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -tax),
               ("Promotion", "Principal", -discount), ("ItemFees", "Commission", -fee), ("ItemFees", "FBAPerUnitFulfillmentFee", -cost)]  # fmt: skip
    if shop.store == US:
        amounts += [("ItemPrice", "Shipping", 399), ("Promotion", "Shipping", -399)]
    code = next(codes)
    return [["Order", line["order_id"], line["product_id"], *about, line["_at"], line["quantity"], code] for about in amounts if about[2]]


def refund_rows(shop: Shop, refund: dict, codes: count) -> list[list]:
    """The refund, the referral fee that comes back, the part of it that Amazon keeps, and its charge for handling."""
    order_id, sku, moment, code = refund["order_id"], refund["_line"]["product_id"], noon(refund["refunded_on"]), next(codes)
    amount, fee, handling = (cents(refund[name]) for name in ("refund_amount", "fee_refunded", "handling_cost"))
    rows = [["Refund", order_id, sku, *about, moment, "", code] for about in
            (("ItemPrice", "Principal", -amount), ("ItemFees", "Commission", fee + fee // 4), ("ItemFees", "RefundCommission", -(fee // 4)))]  # fmt: skip
    return [*rows, ["other-transaction", order_id, sku, "ItemFees", "FBACustomerReturnPerUnitFee", -handling, moment, "", code]]


def spend_rows(shop: Shop, spend: dict, codes: count) -> list[list]:
    about = (
        ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount")
        if spend["kind"] == "ads"
        else ("AmazonFees", "Deal Participation Fee", "Base fee")
    )
    return [[about[0], "", "", about[1], about[2], -cents(spend["amount"]), noon(spend["date"])]]


ROWS = {"sale": sale_rows, "refund": refund_rows, "spend": spend_rows}


# ---- Date Range ------------------------------------------------------------------------------------------------------------------


def write_date_range(shop: Shop, path: Path, period: list[str], made_on: date, names: dict[str, str]) -> None:
    """The period and three days before it, as the report stood on the day it was made: what is paid out later is deferred."""
    rows, deposits = [], defaultdict(int)

    def add(moment: datetime, kind: str, event: dict, sku: str, text: str, paid_on: date | None, **amounts: int) -> None:
        paid = paid_on if paid_on and paid_on <= made_on else None
        deposits[paid] += sum(amounts.values())
        cells = {
            "date/time": indian(moment), "settlement id": f"3{paid:%y%m%d}001" if paid else "", "type": kind, "order id": event.get("order_id", ""), "Sku": sku,
            "description": text, "quantity": event.get("quantity", ""), "marketplace": "Amazon.in", "account type": "Standard Orders", "fulfillment": "Amazon",
            "order state": event.get("region", ""), "total": lakhs(sum(amounts.values())), "Transaction Status": "Released" if paid else "Deferred",
            "Transaction Release Date": indian(noon(paid)) if paid else "",
        } | {name.replace("_", " "): lakhs(amount) for name, amount in amounts.items()}  # fmt: skip
        if within(moment, period, before=3):
            rows.append((moment, [cells.get(name, "0" if name in DATE_RANGE[13:26] else "") for name in DATE_RANGE]))

    for line in (line for line in shop.lines if line["status"] != "cancelled"):
        add(line["_at"], "Order", line, line["product_id"], names[line["product_id"]], shop.deposit(line), product_sales=cents(line["gross_amount"]),
            promotional_rebates=-cents(line["discount_amount"]), selling_fees=-cents(line["platform_fee"]), fba_fees=-cents(line["fulfilment_cost"]))  # fmt: skip
    for refund in shop.refunds:
        moment, sku = noon(refund["refunded_on"]), refund["_line"]["product_id"]
        add(
            moment,
            "Refund",
            refund,
            sku,
            names[sku],
            shop.deposit(refund),
            product_sales=-cents(refund["refund_amount"]),
            selling_fees=cents(refund["fee_refunded"]),
        )
        about = {"order_id": refund["order_id"]}
        add(
            moment,
            "FBA Customer Return Fee",
            about,
            sku,
            "FBA Customer Return Per Unit Fee",
            shop.deposit(refund),
            fba_fees=-cents(refund["handling_cost"]),
        )
    for spend in shop.spend:
        ads = spend["kind"] == "ads"
        paid_on = min((day for day in deposits if day and str(day) >= spend["date"]), default=None)
        add(
            noon(spend["date"]),
            "Service Fee" if ads else "Deal Fee",
            {},
            "",
            "Cost of Advertising" if ads else "Lightning Deal Fee",
            paid_on,
            other=-cents(spend["amount"]),
        )
    for day, amount in deposits.items():
        if day and within(day, period, before=3):
            cells = {"date/time": indian(noon(day)), "settlement id": f"3{day:%y%m%d}001", "type": "Transfer", "description": "To account ending with: 123",
                     "other": lakhs(-amount), "total": lakhs(-amount), "Transaction Status": "Released", "Transaction Release Date": indian(noon(day))}  # fmt: skip
            rows.append((noon(day), [cells.get(name, "0" if name in DATE_RANGE[13:26] else "") for name in DATE_RANGE]))
    ordered = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    write_text(path, PREAMBLE + as_csv(DATE_RANGE, ordered), "utf-8-sig")


def indian(moment: datetime) -> str:
    """
    >>> indian(datetime(2026, 7, 1, 12, 24, 44))
    '1 Jul 2026 4:24:44 am UTC'
    """
    there = utc(moment)
    return f"{there.day} {there:%b %Y} {there.hour % 12 or 12}:{there:%M:%S} {'am' if there.hour < 12 else 'pm'} UTC"


def lakhs(amount: int) -> str:
    """Cents as India writes them.

    >>> lakhs(-14495778), lakhs(0)
    ('-1,44,957.78', '0')
    """
    whole, fraction = divmod(abs(amount), 100)
    head, tail = str(whole)[:-3], str(whole)[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return "0" if not amount else f"{'-' if amount < 0 else ''}{','.join([*groups, tail])}.{fraction:02d}"
