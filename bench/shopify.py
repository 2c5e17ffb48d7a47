"""Shopify exports of any size, made by DuckDB: two records an order, 10 % tax added, refunds, fees. The same bytes for the same number of rows."""

from pathlib import Path

import duckdb

from helpers.sample_exports.shopify import ORDERS, PAYOUTS

_MOMENT = "strftime(timestamp '2024-01-01 00:00:00' + to_seconds(n * 37), '%Y-%m-%d %H:%M:%S') || ' -0800'"


def write_shopify(path: Path, rows: int) -> None:
    """An orders export with this many records."""
    price, count = "(10 + n % 90)", "(1 + n % 3)"
    subtotal = f"({price} * {count} + 5 - 2)"
    once = {
        "Financial Status": "case when n % 20 = 0 then 'partially_refunded' else 'paid' end", "Paid at": _MOMENT, "Fulfillment Status": "'fulfilled'",
        "Fulfilled at": _MOMENT, "Currency": "'USD'", "Subtotal": f"{subtotal} || '.00'", "Shipping": "'4.00'",
        "Taxes": f"cast(cast({subtotal} as decimal(18,2)) / 10 as decimal(18,2))", "Email": "'buyer' || n || '@example.com'",
        "Total": f"cast({subtotal} + 4 + cast({subtotal} as decimal(18,2)) / 10 as decimal(18,2))", "Discount Code": "'SAVE2'", "Discount Amount": "'2.00'",
        "Shipping Country": "'US'", "Shipping Province": "'CA'", "Shipping Zip": "'''00501'", "Shipping Name": "'Buyer, no. ' || n",
        "Payment Method": "'Shopify Payments'", "Refunded Amount": "case when n % 20 = 0 then '2.00' else '0.00' end", "Outstanding Balance": "'0.00'",
        "Id": "5000000000000 + n", "Source": "'web'",
    }  # fmt: skip
    each = {
        "Name": "'#' || n", "Created at": _MOMENT, "Lineitem name": "'Thing ' || (n % 500)", "Lineitem quantity": f"case nth when 0 then {count} else 1 end",
        "Lineitem price": f"case nth when 0 then {price} else 5 end || '.00'", "Lineitem sku": "'SKU-' || lpad((case nth when 0 then n else 7 * n end % 500)::varchar, 5, '0')",
        "Lineitem requires shipping": "'true'", "Lineitem taxable": "'true'", "Lineitem discount": "'0.00'", "Vendor": "'Sample'",
    }  # fmt: skip
    cells = [each[name] if name in each else f"case when nth = 0 then {once[name]} end" if name in once else "null" for name in ORDERS]
    _copy(path, ORDERS, cells, f"(select i // 2 as n, i % 2 as nth from range({rows}) t(i))")


def write_shopify_payouts(path: Path, rows: int) -> None:
    """A payouts export with this many records: the charges of orders 0, 1, 2 … and every twentieth's refund."""
    total = "cast((10 + n % 90) * (1 + n % 3) + 7 + cast((10 + n % 90) * (1 + n % 3) + 3 as decimal(18,2)) / 10 as decimal(18,2))"
    amount = f"(case when nth = 1 then cast(-2 as decimal(18,2)) else {total} end)"
    fee = f"(case when nth = 1 then cast(0 as decimal(18,2)) else cast({total} * 0.03 as decimal(18,2)) end)"
    cells = {
        "Transaction Date": _MOMENT, "Type": "case when nth = 1 then 'refund' else 'charge' end", "Order": "'#' || n", "Payout Status": "'paid'",
        "Payout Date": "cast(date '2024-01-03' + cast(n * 37 // 86400 as integer) as varchar)", "Payout ID": "900000 + n // 100", "Amount": amount, "Fee": fee,
        "Net": f"{amount} - {fee}", "Checkout": "'#' || (40000000000000 + n)", "Payment Method Name": "'card'", "Currency": "'USD'",
    }  # fmt: skip
    charges = rows - rows // 21
    source = f"""(select i as n, 0 as nth from range({charges}) t(i)
                  union all select i * 20 as n, 1 as nth from range({rows - charges}) t(i))"""
    _copy(path, PAYOUTS, [cells.get(name, "null") for name in PAYOUTS], source)


def _copy(path: Path, header: list[str], cells: list[str], source: str) -> None:
    columns = ", ".join(f'{cell} as "{name}"' for name, cell in zip(header, cells, strict=True))
    with duckdb.connect() as con:
        con.execute(f"copy (select {columns} from {source} order by n, nth) to '{path}' (header, delimiter ',')")


WRITERS = {"shopify_orders": write_shopify, "shopify_payouts": write_shopify_payouts}
