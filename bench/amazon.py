"""Amazon reports of any size, made by DuckDB: the same bytes for the same number of rows."""

from pathlib import Path

import duckdb

from helpers.sample_exports.amazon import ALL_ORDERS, DATE_RANGE, PREAMBLE, SETTLEMENT

TAB = "\t"
_MOMENT = "timestamp '2024-01-01 00:00:00' + to_seconds(n * 300)"


def write_settlement(path: Path, rows: int) -> None:
    """Settlements of 5,000 orders, six amounts an order, and in each 20th a refund of three; `rows` counts the first rows too, nearly."""
    order = f"printf('111-%07d-%07d', n // 1000000, n) as order_id, printf('SKU-%04d', n % 500) as sku, 1 + n % 3 as quantity, {_MOMENT} as moment"
    amounts = """('Order', 'ItemPrice', 'Principal', 1000 + n % 9000), ('Order', 'ItemPrice', 'Tax', 80), ('Order', 'ItemWithheldTax', 'MarketplaceFacilitatorTax-Principal', -80),
        ('Order', 'Promotion', 'Principal', -100), ('Order', 'ItemFees', 'Commission', -150), ('Order', 'ItemFees', 'FBAPerUnitFulfillmentFee', -320),
        ('Refund', 'ItemPrice', 'Principal', -900), ('Refund', 'ItemFees', 'Commission', 150), ('Refund', 'ItemFees', 'RefundCommission', -30)"""
    cells = {
        "settlement-id": "cast(100000 + part as varchar)", "transaction-type": "kind", "order-id": "order_id", "marketplace-name": "'Amazon.com'", "amount-type": "amount_type",
        "amount-description": "what", "amount": "cast(cast(cents as decimal(12,2)) / 100 as decimal(12,2))", "fulfillment-id": "'AFN'", "posted-date": "strftime(moment, '%d/%m/%y')",
        "posted-date-time": "strftime(moment, '%Y-%m-%d %H:%M:%S UTC')", "order-item-code": "70000000000 + n", "sku": "sku", "quantity-purchased": "quantity",
    }  # fmt: skip
    first = {"settlement-id": "cast(100000 + part as varchar)", "deposit-date": "'2026-01-01 00:00:00 UTC'", "currency": "'USD'",
             "total-amount": "cast(cast(sum(cents) as decimal(18,2)) / 100 as decimal(18,2))"}  # fmt: skip
    query = f"""with amounts as (select n, n // 5000 as part, {order}, a.* from range({rows * 20 // 123}) t(n),
                                 (values {amounts}) a(kind, amount_type, what, cents) where kind = 'Order' or n % 20 = 0)
                select line from (
                    select part, -1 as n, {_line(SETTLEMENT, first, TAB)} as line from amounts group by part
                    union all select part, n, {_line(SETTLEMENT, cells, TAB)} from amounts) order by part, n, line"""
    _copy(path, TAB.join(SETTLEMENT), query)


def write_date_range(path: Path, rows: int) -> None:
    """A Date Range report with one order a row."""
    cells = {
        "date/time": f"strftime({_MOMENT}, '%-d %b %Y %-I:%M:%S %p UTC')", "settlement id": "cast(100000 + n // 5000 as varchar)", "type": "'Order'",
        "order id": "printf('111-%07d-%07d', n // 1000000, n)", "Sku": "printf('SKU-%04d', n % 500)", "description": "'\"Thing, no. ' || n % 500 || '\"'", "quantity": "1 + n % 3",
        "marketplace": "'Amazon.com'", "order state": "'CA'", "product sales": "(10 + n % 90) || '.00'", "promotional rebates": "'-1.00'", "selling fees": "'-1.50'",
        "fba fees": "'-3.20'", "total": "cast(10 + n % 90 - 5.70 as decimal(12,2))", "Transaction Status": "'Released'", "Transaction Release Date": "'1 Jan 2026'",
    }  # fmt: skip
    cells = dict.fromkeys(DATE_RANGE[13:27], "'0'") | cells
    _copy(path, PREAMBLE + ",".join(DATE_RANGE), f"select {_line(DATE_RANGE, cells, ',')} from range({rows}) t(n)")


def write_all_orders(path: Path, rows: int) -> None:
    """An All Orders report with one line an order."""
    cells = {
        "amazon-order-id": "printf('111-%07d-%07d', n // 1000000, n)", "purchase-date": f"strftime({_MOMENT}, '%Y-%m-%dT%H:%M:%S+00:00')",
        "last-updated-date": f"strftime({_MOMENT}, '%Y-%m-%dT%H:%M:%S+00:00')", "order-status": "'Shipped'", "sales-channel": "'Amazon.com'", "product-name": "'Thing \"no. ' || n % 500",
        "sku": "printf('SKU-%04d', n % 500)", "item-status": "'Shipped'", "quantity": "1 + n % 3", "currency": "'USD'", "item-price": "(10 + n % 90) || '.00'", "item-tax": "'0.8'",
        "item-promotion-discount": "'1.00'", "ship-state": "'CA'", "ship-country": "'US'",
    }  # fmt: skip
    _copy(path, TAB.join(ALL_ORDERS), f"select {_line(ALL_ORDERS, cells, TAB)} from range({rows}) t(n)")


def _line(header: list[str], cells: dict[str, str], mark: str) -> str:
    return f" || '{mark}' || ".join(cells.get(name, "''") for name in header)


def _copy(path: Path, header: str, query: str) -> None:
    """The header, then a line for each row of the query, as it is."""
    body = path.with_suffix(".body")
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        con.execute(f"copy ({query}) to '{body}' (format csv, header false, quote '', escape '', delimiter '\x01')")
    with path.open("w", encoding="utf-8", newline="") as out, body.open(encoding="utf-8", newline="") as lines:
        out.write(header + "\n")
        out.writelines(lines)
    body.unlink()


WRITERS = {"amazon_settlement": write_settlement, "amazon_date_range": write_date_range, "amazon_all_orders": write_all_orders}
