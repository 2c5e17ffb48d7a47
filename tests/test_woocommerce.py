"""WooCommerce's analytics: what can be told from an order without products, and what is not made up."""

import tempfile
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest
from folders import LINES, write

from helpers import sample
from helpers.company import open_company
from helpers.contract import BadInput
from helpers.load import load_tables
from helpers.sample_exports import as_csv, woocommerce
from helpers.sample_exports.woocommerce import ORDERS, PRODUCTS


def read(folder: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    load_tables(con, open_company(str(folder)), Path(tempfile.mkdtemp(dir=folder.parent)))
    assert con.execute("select count(*) from source_totals where part = 'difference' and amount <> 0").fetchone()[0] == 0
    assert con.execute("select count(*) from loads where rows_in <> loaded + set_aside + repeated").fetchone()[0] == 0
    return con


# ---- the round trip ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables():
    return sample.build()[0]


@pytest.fixture(scope="module")
def con(tables, tmp_path_factory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("woo")
    woocommerce.write(tables, folder, sample.MONTHS)
    return read(folder)


def test_every_order_is_worth_what_its_lines_are_on_its_day(con, tables):
    """The export has neither products nor what was off: an order's net, its units and its day are all that it tells."""
    wanted = defaultdict(lambda: [0, 0])
    for line in woocommerce.chosen(tables, sample.MONTHS):
        key = (woocommerce.order_number(line["order_id"]), str(line["_day"]), line["status"] or "completed")
        wanted[key][0] += line["_net"] - round(100 * float(line["shipping_income"] or 0))
        wanted[key][1] += line["quantity"]
    found = con.execute(
        "select order_id, cast(ordered_at as date), status, gross_amount, quantity, store, channel, currency, product_id from order_lines"
    ).fetchall()
    assert {(order, str(day), status): [round(net * 100), units] for order, day, status, net, units, *_ in found} == dict(wanted)
    assert {row[5:] for row in found} == {("us-shop", "webshop", "USD", "unknown")}
    assert len(wanted) > 400


def test_refunds_stand_on_their_own_day(con, tables):
    sold = {line["order_id"] for line in woocommerce.chosen(tables, sample.MONTHS)}
    wanted = sorted(
        (woocommerce.order_number(back["order_id"]), str(back["refunded_on"]), back["_amount"], back["quantity"])
        for back in tables["returns"] if back["store"] == "us-shop" and back["order_id"] in sold and back["refunded_on"]
    )  # fmt: skip
    found = con.execute("select order_id, refunded_on, refund_amount, quantity from returns").fetchall()
    assert sorted((order, str(day), round(amount * 100), units) for order, day, amount, units in found) == wanted
    assert len(wanted) > 20


def test_the_total_is_explained_and_repeats_are_counted(con, tables):
    parts = dict(
        con.execute("select part || ' ' || what, round(amount * 100) from source_totals where adapter = 'woocommerce_orders'").fetchall()
    )
    lines = [line for line in woocommerce.chosen(tables, sample.MONTHS) if line["status"] != "cancelled"]
    sold = {line["order_id"] for line in lines}
    back = sum(
        refund["_amount"]
        for refund in tables["returns"]
        if refund["store"] == "us-shop" and refund["order_id"] in sold and refund["refunded_on"]
    )
    assert parts["total "] == sum(line["_net"] - round(100 * float(line["shipping_income"] or 0)) for line in lines) - back
    assert parts["difference "] == 0
    assert con.execute("select sum(repeated) > 50, sum(set_aside) from loads where table_name = 'woocommerce_orders'").fetchone() == (
        True,
        0,
    )


def test_the_catalogue_is_all_that_products_give(con, tables):
    assert con.execute("select product_id, name, category from products order by 1").fetchall() == [
        (row["product_id"], row["name"], row["category"]) for row in tables["products"]
    ]
    assert con.execute("select count(*) from inventory").fetchone() == (0,)
    assert any(
        "of no day" in what for (what,) in con.execute("select what from source_notes where source = 'woocommerce_products'").fetchall()
    )


def test_no_customer_is_read(con):
    for (table,) in con.execute("select table_name from duckdb_tables()").fetchall():
        assert not any("Jane" in str(cell) for row in con.execute(f'from "{table}"').fetchall() for cell in row)


# ---- cases on paper ------------------------------------------------------------------------------------------------------------

TOML = 'name = "W"\nreporting_currency = "USD"\ntimezone = "UTC"\n[[sources]]\nadapter = "woocommerce_orders"\nfiles = "exports/*.csv"\nstore = "S"\n'


def row(when: str, number: str, net: str, items: str = "1", status: str = "completed", formatted: str = "৳2,999") -> list[str]:
    return [when, number, formatted, status, "Jane Doe", "new", "2× Mug, blue, 1× Plate", items, "", net, "Direct"]


def orders(*rows: list[str], header: list[str] = ORDERS) -> str:
    return as_csv(header, rows)


def cells(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return [tuple(str(cell) for cell in found) for found in con.execute(query).fetchall()]


def test_the_formatted_revenue_is_not_the_net_sales(tmp_path):
    con = read(write(tmp_path, {"exports/o.csv": orders(row("2025-05-01 10:00:00", "101", "2920.5", "3"))}, TOML))
    assert cells(
        con, "select order_id, line_no, product_id, quantity, gross_amount, discount_amount, shipping_income, channel from order_lines"
    ) == [("101", "1", "unknown", "3", "2920.5000", "None", "None", "woocommerce")]


def test_refunds_are_negative_rows_on_their_day_and_may_be_two_on_one(tmp_path):
    rows = [row("2025-05-01 10:00:00", "101", "90", "3", "refunded"), row("2025-06-02 09:00:00", "101", "-30", "-1", "refunded"),
            row("2025-06-02 09:30:00", "101", "-30", "-1", "refunded"), row("2025-06-03 09:30:00", "101", "-5", "0", "refunded"),
            row("2025-06-04 09:30:00", "77", "-8", "-1", "refunded")]  # fmt: skip
    con = read(write(tmp_path, {"exports/o.csv": orders(*rows)}, TOML))
    assert cells(con, "select refunded_on, quantity, refund_amount, restocked from returns order by all") == [
        ("2025-06-02", "1", "30.0000", "False"), ("2025-06-02", "1", "30.0000", "False"), ("2025-06-03", "0", "5.0000", "False"),
    ]  # fmt: skip
    assert cells(con, 'select "row", reason from set_aside') == [("6", "no such sale among the loaded order lines")]
    assert cells(con, "select part, sum(amount) from source_totals group by part order by part") == [
        ("difference", "0.0000"), ("ledger", "25.0000"), ("set aside", "-8.0000"), ("total", "17.0000"),
    ]  # fmt: skip


def test_a_file_of_refunds_alone_leaves_the_sale_of_an_older_file(tmp_path):
    sale, refund = row("2025-05-01 10:00:00", "101", "90", "3"), row("2025-06-02 09:00:00", "101", "-30", "-1")
    con = read(
        write(
            tmp_path,
            {"exports/may.csv": orders(sale), "exports/june.csv": orders(refund), "exports/june again.csv": orders(refund, sale)},
            TOML,
        )
    )
    assert cells(con, "select gross_amount from order_lines") == [("90.0000",)]
    assert cells(con, "select refund_amount from returns") == [("30.0000",)]
    assert cells(con, "select sum(loaded), sum(repeated) from loads where table_name = 'woocommerce_orders'") == [("2", "2")]


def test_statuses(tmp_path):
    states = ["completed", "processing", "On hold", "wc-pending", "failed", "cancelled", "shipped", ""]
    rows = [row("2025-05-01 10:00:00", str(n), "10", status=state) for n, state in enumerate(states)]
    con = read(write(tmp_path / "a", {"exports/o.csv": orders(*rows)}, TOML))
    assert cells(con, "select order_id, status from order_lines order by all") == [
        ("0", "completed"), ("1", "completed"), ("2", "completed"), ("3", "cancelled"), ("4", "cancelled"), ("5", "cancelled"),
    ]  # fmt: skip
    assert cells(con, "select count(*) from set_aside where reason like 'a status%'") == [("2",)]
    assert cells(con, "select part, sum(amount) from source_totals where part in ('total', 'elsewhere', 'set aside') group by part order by part") == [
        ("elsewhere", "-30.0000"), ("set aside", "20.0000"), ("total", "50.0000"),
    ]  # fmt: skip
    con = read(write(tmp_path / "b", {"exports/o.csv": orders(*rows)}, TOML + 'sold = "Shipped, delivered"\n'))
    assert cells(con, "select status from order_lines where order_id = '6'") == [("completed",)]


def test_older_files_other_marks_and_zones(tmp_path):
    old = ["N. Revenue" if name == "Net Sales" else name for name in ORDERS[:10]]
    rows = [row("05/31/2025 20:00", "101", "1.234,50", "2")[:10], row("06/01/2025 20:00", "102", "9,99")[:10]]
    con = read(write(tmp_path, {"exports/o.csv": orders(*rows, header=old)}, TOML + 'timezone = "America/New_York"\nproduct_id = "MUG"\n'))
    assert cells(con, "select ordered_at, product_id, gross_amount from order_lines order by order_id") == [
        ("2025-06-01 00:00:00", "MUG", "1234.5000"), ("2025-06-02 00:00:00", "MUG", "9.9900"),
    ]  # fmt: skip


def test_rows_that_can_not_be_used_are_named(tmp_path):
    rows = [row("2025-05-01 10:00:00", "", "10"), row("", "2", "10"), row("2025-05-01 10:00:00", "3", ""), row("2025-05-01 10:00:00", "4", "10", "0"),
            row("2025-05-01 10:00:00", "5", "10"), row("2025-05-01 10:00:00", "5", "10")]  # fmt: skip
    con = read(write(tmp_path, {"exports/o.csv": orders(*rows)}, TOML))
    assert cells(con, 'select "row", reason from set_aside order by all') == [
        ("2", "no order number"), ("3", "no date"), ("4", "no Net Sales"), ("5", "an order without a unit sold"),
    ]  # fmt: skip
    assert cells(con, "select loaded, repeated from loads") == [("1", "1")]


def test_the_limits_are_said(tmp_path):
    con = read(
        write(
            tmp_path,
            {"exports/o.csv": orders(row("2025-05-01 10:00:00", "1", "10", status="on-hold"), row("2025-05-02 10:00:00", "1", "-4", "-1"))},
            TOML,
        )
    )
    said = dict(con.execute("select what, amount from source_notes").fetchall())
    assert len(said) == 3
    assert next(amount for what, amount in said.items() if "no cost, margin or discount" in what) == 10
    assert next(amount for what, amount in said.items() if "on hold" in what) == 10
    assert next(amount for what, amount in said.items() if what.startswith("refunds")) == 4


def test_two_shops_with_the_same_numbers_stay_two(tmp_path):
    second = TOML[TOML.index("[[") :].replace("exports/", "more/").replace('"S"', '"T"')
    files = {f"{folder}/o.csv": orders(row("2025-05-01 10:00:00", "1", "10")) for folder in ("exports", "more")}
    assert cells(read(write(tmp_path, files, TOML + second)), "select store, order_id from order_lines order by all") == [
        ("S", "1"),
        ("T", "1"),
    ]


@pytest.mark.parametrize("gone, words", [("Net Sales", ["Net Sales", "needs"]), ("Order #", ["Order #"]), ("Items sold", ["Items sold"])])
def test_a_file_without_a_needed_column_is_refused(tmp_path, gone, words):
    header = [name for name in ORDERS if name != gone]
    rows = [[cell for name, cell in zip(ORDERS, row("2025-05-01 10:00:00", "1", "10"), strict=True) if name != gone]]
    with pytest.raises(BadInput) as caught:
        read(write(tmp_path, {"exports/o.csv": orders(*rows, header=header)}, TOML))
    assert all(word in str(caught.value) for word in words)


def test_products_and_variations_give_a_catalogue_and_no_days(tmp_path):
    toml = 'name = "W"\nreporting_currency = "USD"\n[[sources]]\nadapter = "woocommerce_products"\nfiles = ["p/*.csv"]\n'
    variations = ["Product / Variation title", "SKU", "Items sold", "N. Revenue", "Orders", "Status", "Stock"]
    files = {
        "order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,0012,1,100\n",
        "p/products.csv": as_csv(
            PRODUCTS,
            [["Mug, blue", "0012", "3", "30", "2", "Cups, Gifts", "0", "In stock", "5"], ["Box", "", "1", "1", "1", "", "0", "N/A", "N/A"]],
        ),
        "p/variations.csv": as_csv(
            variations, [["Mug - red", "0013", "1", "10", "1", "In stock", "4"], ["Mug - blue", "0012", "1", "10", "1", "In stock", "4"]]
        ),
    }
    con = read(write(tmp_path, files, toml))
    assert cells(con, "select product_id, name, category from products order by all") == [
        ("0012", "Mug - blue", "None"),
        ("0013", "Mug - red", "None"),
    ]
    assert cells(con, "select file, reason from set_aside") == [("p/products.csv", "a product without a SKU")]
    assert cells(con, "select sum(rows_in), sum(loaded), sum(set_aside), sum(repeated) from loads where table_name <> 'order_lines'") == [
        ("4", "2", "1", "1")
    ]


def test_an_order_that_was_cancelled_since_is_cancelled(tmp_path):
    """Processing in an export of May that goes on to the 20th; cancelled in one of the 1st alone, made later."""
    may = orders(row("2025-05-01 10:00:00", "101", "90", status="processing"), row("2025-05-20 10:00:00", "102", "10"))
    con = read(write(tmp_path, {"exports/may.csv": may, "exports/a.csv": orders(row("2025-05-01 10:00:00", "101", "90", status="cancelled"))}, TOML))
    assert cells(con, "select order_id, status from order_lines order by all") == [("101", "cancelled"), ("102", "completed")]
