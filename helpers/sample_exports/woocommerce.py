"""WooCommerce exports of the sample company's US web shop: Analytics → Orders by half-year, and Analytics → Products."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

from helpers.sample_exports import as_csv, write_table, write_text

STORE, CHANNEL = "us-shop", "webshop"
COMPANY = """name = "Sample Trading Co, orders from WooCommerce"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"

[[sources]]
adapter = "woocommerce_orders"
files = "exports/orders-*.csv"
store = "us-shop"
channel = "webshop"
currency = "USD"
timezone = "Etc/GMT+8"

[[sources]]
adapter = "woocommerce_products"
files = "exports/products.csv"
"""
ORDERS = [
    "Date",
    "Order #",
    "N. Revenue (formatted)",
    "Status",
    "Customer",
    "Customer type",
    "Product(s)",
    "Items sold",
    "Coupon(s)",
    "Net Sales",
    "Attribution",
]
PRODUCTS = ["Product title", "SKU", "Items sold", "N. Revenue", "Orders", "Category", "Variations", "Status", "Stock"]


def order_number(order_id: str) -> str:
    """WooCommerce's number of an order: digits alone."""
    return str(1000 + int("".join(letter for letter in order_id if letter.isdigit())))


def chosen(tables: dict[str, list[dict]], months: list[str]) -> list[dict]:
    """The order lines that the web shop sold, by the company's days."""
    return [
        line for line in tables["order_lines"] if (line["store"], line["channel"]) == (STORE, CHANNEL) and str(line["_day"])[:7] in months
    ]


def write(tables: dict[str, list[dict]], folder: Path, months: list[str]) -> None:
    """Write a company folder: half a year of orders in a file, each beginning a month before the last one ended, and the catalogue."""
    write_text(folder / "company.toml", COMPANY)
    write_table(folder, "fx_rates", [rate for rate in tables["fx_rates"] if rate["rate"] != "n/a"])
    for start in range(0, len(months), 6):
        span = months[max(start - 1, 0) : start + 6]
        write_text(folder / "exports" / f"orders-{span[-1]}.csv", as_csv(ORDERS, orders(tables, span, months)))
    catalogue = [[row["name"], row["product_id"], "7", "99.5", "5", row["category"], "0", "In stock", "12"] for row in tables["products"]]
    write_text(folder / "exports" / "products.csv", as_csv(PRODUCTS, catalogue))


def orders(tables: dict[str, list[dict]], span: list[str], months: list[str]) -> list[list]:
    """A row for each order of some months and for each refund in them, the newest first. Names and totals are there to be passed over."""
    names = {product["product_id"]: product["name"] for product in tables["products"]}
    baskets: dict[str, list[dict]] = defaultdict(list)
    for line in chosen(tables, months):
        baskets[line["order_id"]].append(line)
    back = [refund for refund in tables["returns"] if refund["store"] == STORE and refund["order_id"] in baskets and refund["refunded_on"]]
    units: dict[str, int] = defaultdict(int)
    for refund in back:
        units[refund["order_id"]] += refund["quantity"]
    found, about = [], {}
    for order_id, basket in baskets.items():
        net, sold = (
            sum(_cents(line["gross_amount"]) - _cents(line["discount_amount"]) for line in basket),
            sum(line["quantity"] for line in basket),
        )
        total = net + sum(_cents(line["shipping_income"]) for line in basket)
        status = (
            "cancelled"
            if basket[0]["status"] == "cancelled"
            else "refunded"
            if units[order_id] == sold
            else "processing"
            if net % 5 == 0
            else "completed"
        )
        goods = ", ".join(f"{line['quantity']}× {names[line['product_id']]}" for line in basket)
        about[order_id] = [order_number(order_id), f"${_money(total, ',')}", status, "Jane Doe", "returning" if net % 2 else "new", goods]
        if str(basket[0]["_day"])[:7] in span:
            found.append([basket[0]["ordered_at"][:19].replace("T", " "), *about[order_id], str(sold), "", _money(net), "Organic: Google"])
    for n, refund in enumerate(back):
        if str(refund["refunded_on"])[:7] in span:
            # In the zone of the shop, sixteen hours behind; a refund has a time of its own.
            when = datetime.combine(date.fromisoformat(str(refund["refunded_on"])), datetime.min.time()) + timedelta(
                hours=12 - 16, seconds=n % 3600
            )
            money = _money(-_cents(refund["refund_amount"]))
            found.append([str(when), *about[refund["order_id"]], str(-refund["quantity"]), "", money, "Organic: Google"])
    return sorted(found, reverse=True)


def _cents(text: str) -> int:
    return round(float(text or 0) * 100)


def _money(cents: int, thousands: str = "") -> str:
    return f"{cents / 100:,.2f}".replace(",", thousands)
