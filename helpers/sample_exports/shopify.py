"""The web shop and the social groups of the sample company's US shop as Shopify's exports: orders, payouts, products.

Prices are without tax; buyers in the West pay 8 % more. Orders of one line have their discount on the order, the others on the lines.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

from helpers import sample
from helpers.sample import LAST, money, month_of, part
from helpers.sample_exports import as_csv, write_table, write_text

STORE, SOURCES = sample.US, {"webshop": "web", "social": "instagram"}
ORDERS = """Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,
Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,
Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,Billing Name,Billing Street,Billing Address1,Billing Address2,
Billing Company,Billing City,Billing Zip,Billing Province,Billing Country,Billing Phone,Shipping Name,Shipping Street,Shipping Address1,
Shipping Address2,Shipping Company,Shipping City,Shipping Zip,Shipping Province,Shipping Country,Shipping Phone,Notes,Note Attributes,
Cancelled at,Payment Method,Payment Reference,Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,Tags,Risk Level,
Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,
Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,
Payment References""".replace("\n", "").split(",")
PAYOUTS = """Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,Payout Date,Payout ID,Available On,Amount,Fee,Net,Checkout,
Payment Method Name,Presentment Amount,Presentment Currency,Currency""".replace("\n", "").split(",")
PRODUCTS = """Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,
Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Image Position,Cost per item,Status""".replace("\n", "").split(",")

COMPANY = """name = "Sample Trading Co (Shopify)"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"
stage = "growth"

[[sources]]
adapter = "shopify_orders"
files = "exports/orders/*.csv"
store = "us-shop"
channels = { web = "webshop", instagram = "social" }
code_is_campaign = true
employees = { %s }

[[sources]]
adapter = "shopify_payouts"
files = "exports/payouts/*.csv"
store = "us-shop"

[[sources]]
adapter = "shopify_products"
files = "exports/products/*.csv"
currency = "USD"
valid_from = "2026-01-01"
"""


def write(tables: dict[str, list[dict]], folder: Path, months: list[str]) -> None:
    """Write the company folder with the orders of these months, all their refunds and payouts."""
    orders, refunds = {}, defaultdict(list)
    for line in tables["order_lines"]:
        if line["store"] == STORE and line["channel"] in SOURCES and month_of(line["_day"]) in months:
            orders.setdefault(line["order_id"], []).append(line)
    for back in tables["returns"]:
        if back["store"] == STORE and back["order_id"] in orders and "_day" in back:
            refunds[back["order_id"]].append(back)
    names = {product["product_id"]: product["name"] for product in tables["products"]}
    rows, moves = [], []
    for number, (order_id, lines) in enumerate(orders.items(), 1):
        written, paid = order(order_id, number, lines, refunds[order_id], names)
        rows.append((lines[0]["_day"], written))
        moves += paid
    people = ", ".join(f'"{person["name"]}" = "{person["employee_id"]}"' for person in tables["employees"])
    write_text(folder / "company.toml", COMPANY % people)
    # Two exports that overlap by three days, as they do when one is made before the period is over; the newest order stands first.
    middle = rows[len(rows) // 2][0]
    halves = [row for row in rows if row[0] <= middle], [row for row in rows if row[0] > middle - timedelta(3)]
    moves.sort(key=lambda move: move["Transaction Date"], reverse=True)
    for number, half in enumerate(halves, 1):
        write_text(folder / f"exports/orders/orders_export_{number}.csv", as_csv(ORDERS, [line for _, lines in reversed(half) for line in lines]))
    payments = [[move.get(name, "") for name in PAYOUTS] for move in moves]
    write_text(folder / "exports/payouts/payment_transactions_export_1.csv", as_csv(PAYOUTS, payments))
    write_text(folder / "exports/products/products_export.csv", as_csv(PRODUCTS, products(tables)))
    for name in ("product_costs", "fx_rates", "employees", "campaigns"):
        write_table(folder, name, tables[name])
    for name in ("staffing", "overheads"):
        write_table(folder, name, [row for row in tables[name] if row["store"] == STORE and row["month"] in months])


def cents(text: str) -> int:
    """The amount of a cell in cents; nothing is 0.

    >>> cents("12.50"), cents("")
    (1250, 0)
    """
    return round(100 * float(text or 0))


def here(moment: datetime) -> str:
    """The company's clock as the shop writes it."""
    return (moment - timedelta(hours=16)).strftime("%Y-%m-%d %H:%M:%S") + " -0800"


def with_tax(net: int, beside: int, total: int) -> int:
    """The refund of which `net` is left when its part of the order's tax is taken out, as the largest amount in cents.

    >>> with_tax(500, 80, 1080), with_tax(1000, 80, 1080)
    (540, 1080)
    """
    found = net * total // max(total - beside, 1) + 2
    while found > total or found - round(found * beside / total) > net:
        found -= 1
    return found


def order(order_id: str, number: int, lines: list[dict], refunds: list[dict], names: dict[str, str]) -> tuple[list[list], list[dict]]:
    """The records of an order, and its movements of money."""
    first, checkout = lines[0], f"#{40000000000000 + number}"
    cancelled = first["status"] == "cancelled"
    discounts = [cents(line["discount_amount"]) for line in lines]
    subtotal = sum(cents(line["gross_amount"]) for line in lines) - sum(discounts)
    shipping = sum(cents(line["shipping_income"]) for line in lines)
    taxes = part(subtotal, 80) if first["region"] == "US-West" else 0
    total, fee = subtotal + shipping + taxes, sum(cents(line["platform_fee"]) for line in lines)
    moves, given_back, net_back = [], 0, 0
    if not cancelled:
        moves.append(move(first["_at"], "charge", order_id, total, fee, first["_day"], checkout))
    for n, back in enumerate(refunds):
        net_back += cents(back["refund_amount"])
        amount, given_back = with_tax(net_back, taxes, total) - given_back, with_tax(net_back, taxes, total)
        moment = datetime(back["_day"].year, back["_day"].month, back["_day"].day, 12, 0, n)
        moves.append(move(moment, "refund", order_id, -amount, -cents(back["fee_refunded"]), back["_day"], checkout))
    region = first["region"].split("-")
    buyer = first["customer_id"] or "guest"
    status = "voided" if cancelled else "paid" if not given_back else "refunded" if given_back == total else "partially_refunded"
    order_cells = {
        "Email": f"{buyer.lower()}@example.com", "Financial Status": status, "Paid at": "" if cancelled else here(first["_at"]),
        "Fulfillment Status": "unfulfilled" if cancelled else "fulfilled", "Fulfilled at": "" if cancelled else here(first["_at"] + timedelta(hours=30)),
        "Accepts Marketing": "no", "Currency": "USD", "Subtotal": money(subtotal), "Shipping": money(shipping), "Taxes": money(taxes), "Total": money(total),
        "Discount Code": first["campaign_id"], "Discount Amount": money(sum(discounts)), "Shipping Method": "Standard",
        "Billing Name": f"Buyer {buyer}", "Billing Zip": "'00501", "Billing Province": region[1], "Billing Country": region[0],
        "Shipping Name": f"Buyer {buyer}", "Shipping Zip": "'00501", "Shipping Province": region[1], "Shipping Country": region[0],
        "Cancelled at": here(first["_at"] + timedelta(hours=5)) if cancelled else "", "Payment Method": "Shopify Payments",
        "Refunded Amount": money(given_back), "Outstanding Balance": money(total if cancelled else 0), "Id": str(5000000000000 + number), "Risk Level": "Low",
        "Employee": sample.EMPLOYEES[first["employee_id"]][0] if first["employee_id"] else "", "Source": SOURCES[first["channel"]],
        "Tax 1 Name": "State Tax 8%" if taxes else "", "Tax 1 Value": money(taxes) if taxes else "", "Phone": "'+12025550100",
    }  # fmt: skip
    found = []
    for n, (line, discount) in enumerate(zip(lines, discounts, strict=True)):
        cells = {"Name": order_id, "Created at": here(line["_at"]), "Lineitem quantity": line["quantity"], "Lineitem name": names[line["product_id"]],
                 "Lineitem price": money(cents(line["gross_amount"]) // line["quantity"]), "Lineitem sku": line["product_id"],
                 "Lineitem requires shipping": "true", "Lineitem taxable": "true", "Lineitem fulfillment status": "pending" if cancelled else "fulfilled",
                 "Vendor": "Sample Trading Co", "Lineitem discount": money(discount if len(lines) > 1 else 0)}  # fmt: skip
        found.append([(order_cells | cells if n == 0 else cells).get(column, "") for column in ORDERS])
    return found, moves


def move(moment: datetime, kind: str, order_id: str, amount: int, fee: int, day, checkout: str) -> dict:
    """A record of the payouts export: paid out on Friday of the next week, if that is over."""
    friday = day + timedelta(11 - day.weekday())
    done = friday <= LAST
    return {
        "Transaction Date": here(moment), "Type": kind, "Order": order_id, "Card Brand": "visa", "Card Source": "online",
        "Payout Status": "paid" if done else "scheduled", "Payout Date": friday, "Payout ID": f"W{friday:%y%m%d}" if done else "", "Available On": friday,
        "Amount": money(amount), "Fee": money(fee), "Net": money(amount - fee), "Checkout": checkout, "Payment Method Name": "card",
        "Presentment Amount": money(abs(amount)), "Presentment Currency": "USD", "Currency": "USD",
    }  # fmt: skip


def products(tables: dict[str, list[dict]]) -> list[list]:
    """The products export: the cost is the last known one, in the shop's currency; every tenth product has a second picture."""
    costs = {cost["product_id"]: cost for cost in tables["product_costs"]}  # the last one of each
    found = []
    for number, product in enumerate(tables["products"], 1):
        sku, cost = product["product_id"], costs.get(product["product_id"])
        dollars = "" if cost is None else cost["unit_cost"] if cost["currency"] else money(cents(cost["unit_cost"]) * 10 // 71)
        cells = {
            "Handle": f"item-{number:03d}", "Title": product["name"], "Body (HTML)": f'<p>No. {number}, "as new"</p>\n<p>Ships today.</p>',
            "Vendor": "Sample Trading Co", "Type": product["category"], "Published": "true", "Option1 Name": "Title", "Option1 Value": "Default Title",
            "Variant SKU": sku, "Variant Inventory Qty": 10, "Variant Price": money(int(sample.CATALOGUE[sku][2]) * 100 // 710 * 100 + 90),
            "Image Src": f"https://example.com/{number}.jpg", "Image Position": 1, "Cost per item": dollars, "Status": "active",
        }  # fmt: skip
        found.append([cells.get(column, "") for column in PRODUCTS])
        if number % 10 == 0:
            picture = {"Handle": cells["Handle"], "Image Src": f"https://example.com/{number}-2.jpg", "Image Position": 2}
            found.append([picture.get(column, "") for column in PRODUCTS])
    return found
