"""Shopify: the sample's US shop read back from its exports, and each quirk of the orders export worked out by hand."""

from decimal import Decimal

import pytest
from folders import write

from helpers.book import open_book
from helpers.capital_and_cash.capital import payout_gaps
from helpers.contract import BadInput
from helpers.sample import MONTHS, build
from helpers.sample_exports import shopify, write_table

TOML = 'name = "Shop"\nreporting_currency = "USD"\ntimezone = "America/New_York"\n'
ORDERS = TOML + '[[sources]]\nadapter = "shopify_orders"\nfiles = "exports/o*"\nstore = "S"\n'
PAYOUTS = '[[sources]]\nadapter = "shopify_payouts"\nfiles = "exports/p*"\nstore = "S"\n'
HEADER = "Name,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount,Id,Source,Lineitem discount,Shipping Province"  # fmt: skip
PAID = "Transaction Date,Type,Order,Payout Status,Payout Date,Payout ID,Amount,Fee,Net,Currency"


def line(name="#1", status="paid", subtotal="", shipping="", taxes="", total="", discount="", at="2025-03-01 10:00:00 -0500", quantity=1,
         price="10.00", sku="A", cancelled="", refunded="", id="", source="web", own="0.00", state="NY"):  # fmt: skip
    cells = [name, status if total else "", "USD" if total else "", subtotal, shipping, taxes, total, discount, at, quantity, f"Item {sku}", price, sku, cancelled, refunded, id, source if total else "", own, state]  # fmt: skip
    return ",".join(map(str, cells))


def company(tmp_path, *lines, toml=ORDERS, **more):
    files = {"exports/o.csv": "\n".join([HEADER, *lines]) + "\n"} | {f"exports/{name}.csv": text for name, text in more.items()}
    return open_book(str(write(tmp_path, files, toml)), "latest")


def sold(book):
    query = """select order_id, product_id, quantity, gross_amount, coalesce(discount_amount, 0), coalesce(shipping_income, 0) from order_lines
               where status is null or status = 'completed' order by all"""
    return book.con.execute(query).fetchall()


def totals(book):
    return dict(book.con.execute("select part, sum(amount) from source_totals group by part").fetchall())


def test_round_trip(tmp_path):
    tables = build()[0]
    shopify.write(tables, tmp_path / "exports", MONTHS)
    book = open_book(str(tmp_path / "exports"), "2025-12")
    finished = tmp_path / "finished"
    own = [row for row in tables["order_lines"] if row["store"] == shopify.STORE and row["channel"] in shopify.SOURCES and "_day" in row]
    orders = {row["order_id"] for row in own}
    write(finished, {}, 'name = "T"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    write_table(finished, "order_lines", own)
    write_table(
        finished,
        "returns",
        [row for row in tables["returns"] if row["store"] == shopify.STORE and row["order_id"] in orders and "_day" in row],
    )
    write_table(finished, "fx_rates", tables["fx_rates"])
    plain = open_book(str(finished), "2025-12")
    # What Shopify knows, line by line. Shipping and refunds it knows by order, costs as they are today, and not which goods came back.
    sales = """select day, store, channel, product_id, employee_id, campaign_id, region, sum(quantity), sum(gross_sales), sum(discounts)
               from ledger where kind = 'sale' group by all order by all"""
    shipping = "select order_id, sum(shipping_income), sum(gross_sales + discounts + shipping_income) from ledger where kind = 'sale' group by all order by all"
    refunds = "select order_id, sum(refunds) from ledger where kind = 'return' group by all having sum(refunds) <> 0 order by all"
    assert book.con.execute(sales).fetchall() == plain.con.execute(sales).fetchall()
    assert book.con.execute(shipping).fetchall() == plain.con.execute(shipping).fetchall()
    assert len(orders) > 1000 and book.con.execute(refunds).fetchall() == plain.con.execute(refunds).fetchall()
    assert all(
        abs(amount) < Decimal("0.005")
        for (amount,) in book.con.execute("select amount from source_totals where part = 'difference'").fetchall()
    )
    loads = book.sql(
        "select sum(rows_in - loaded - set_aside - repeated) as lost, sum(repeated) as repeated from loads where file like 'exports%'"
    ).iloc[0]
    assert loads["lost"] == 0 and loads["repeated"] > 0


def test_money_of_an_order_stands_on_its_first_row_only(tmp_path):
    # 2 × 10 + 30 = 50, less 5, plus 4 shipping, plus 3 tax = 52; the discount is split 20 : 30, the shipping too
    book = company(
        tmp_path,
        line(subtotal="45.00", shipping="4.00", taxes="3.00", total="52.00", discount="5.00", quantity=2),
        line(price="30.00", sku="B"),
    )
    assert sold(book) == [("#1", "A", 2, 20, 2, Decimal("1.60")), ("#1", "B", 1, 30, 3, Decimal("2.40"))]
    assert totals(book)["total"] == 52 and totals(book)["elsewhere"] == 3 and totals(book)["difference"] == 0


def test_prices_with_tax_inside_are_taken_without_it(tmp_path):
    # the published shape of a tax-inclusive order: 62.95 + 37.95 = 100.90 = Subtotal = Total, Taxes 8.33 within
    book = company(
        tmp_path,
        line(subtotal="100.90", shipping="0.00", taxes="8.33", total="100.90", discount="0.00", price="62.95"),
        line(price="37.95", sku="B"),
    )
    assert sum(row[3] - row[4] for row in sold(book)) == Decimal("92.57")
    assert totals(book)["difference"] == 0 and totals(book)["elsewhere"] == Decimal("8.33")


def test_an_order_whose_lines_do_not_add_up_is_set_aside(tmp_path):
    good = line("#2", subtotal="10.00", total="10.00", shipping="0.00", taxes="0.00", discount="0.00")
    book = company(tmp_path, line(subtotal="25.00", shipping="0.00", taxes="0.00", total="25.00", discount="0.00"), good)
    assert [row[0] for row in sold(book)] == ["#2"]
    assert totals(book)["set aside"] == 25 and totals(book)["difference"] == 0


def test_the_same_file_twice_and_two_stores(tmp_path):
    order = line(subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", id="77")
    two = ORDERS.replace("o*", "o.csv") + ORDERS[len(TOML) :].replace("o*", "t.csv").replace('"S"', '"T"')
    book = company(tmp_path, order, toml=two, t=f"{HEADER}\n{order}\n")
    assert book.con.execute("select store, order_id from order_lines order by all").fetchall() == [("S", "#1"), ("T", "#1")]
    book = company(tmp_path / "again", order, o2=f"{HEADER}\n{order}\n")
    assert len(sold(book)) == 1 and book.sql("select sum(repeated) as n from loads")["n"][0] == 1


def test_a_later_export_of_an_order_wins(tmp_path):
    old = line(subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
    new = line(
        status="partially_refunded", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", refunded="4.00"
    )
    later = line("#9", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", at="2025-03-20 10:00:00 -0400")
    book = company(tmp_path, new, later, o0=f"{HEADER}\n{old}\n")
    assert book.con.execute(
        "select order_id, refund_amount, cast(refunded_on as varchar), quantity, restocked from returns"
    ).fetchall() == [("#1", 4, "2025-03-01", 0, False)]
    assert "refund" in " ".join(book.sql("select what from source_notes")["what"])


def test_payouts_give_refunds_their_day_and_orders_their_fee(tmp_path):
    order = line(
        status="partially_refunded", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", refunded="4.00"
    )
    later = line("#9", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", at="2025-03-20 10:00:00 -0400")
    paid = (
        f"{PAID}\n2025-03-01 10:01:00 -0500,charge,#1,paid,2025-03-04,1,10.00,0.59,9.41,USD\n"
        "2025-03-10 09:00:00 -0400,refund,#1,paid,2025-03-12,2,-4.00,0.00,-4.00,USD\n"
    )
    book = company(tmp_path, order, later, toml=ORDERS + PAYOUTS, p=paid)
    assert book.con.execute("select refund_amount, cast(refunded_on as varchar) from returns").fetchall() == [(4, "2025-03-10")]
    assert book.con.execute("select order_id, platform_fee from order_lines where platform_fee is not null").fetchall() == [
        ("#1", Decimal("0.59"))
    ]
    assert book.con.execute("select sum(amount) from payouts where order_id = '#1'").fetchone()[0] == Decimal("5.41")


def test_cancelled_orders_are_loaded_and_worth_nothing(tmp_path):
    sound = line("#2", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
    gone = line(
        status="voided",
        subtotal="10.00",
        shipping="0.00",
        taxes="0.00",
        total="10.00",
        discount="0.00",
        cancelled="2025-03-02 10:00:00 -0500",
    )
    book = company(tmp_path, gone, sound)
    assert book.con.execute("select order_id, status from order_lines order by all").fetchall()[0] == ("#1", "cancelled")
    assert book.ladder()["net_sales"][0] == 10 and totals(book)["difference"] == 0


def test_money_in_another_currency_than_its_order_is_told_as_such(tmp_path):
    """An order of 10 dollars is paid with 9.20 euros, of which 0.50 are the fee: no order that sold nothing, and none that is missing or overdue."""
    order = line(subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
    plain = line("#2", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
    later = line("#9", subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00", at="2025-04-20 10:00:00 -0400")
    paid = (
        f"{PAID}\n2025-03-01 10:01:00 -0500,charge,#1,paid,2025-03-04,1,9.20,0.50,8.70,EUR\n"
        "2025-03-01 10:01:00 -0500,charge,#2,paid,2025-03-04,2,10.00,0.59,9.41,USD\n"
    )
    (tmp_path / "fx_rates.csv").write_text("date,currency,rate\n2025-01-01,EUR,1.1\n")
    book = company(tmp_path, order, plain, later, toml=ORDERS + PAYOUTS, p=paid)
    query = "select order_id, amount, currency from payouts where currency = 'EUR'"
    assert book.con.execute(query).fetchall() == [("#1", Decimal("8.70"), "EUR")]
    assert book.con.execute("select order_id, platform_fee from order_lines order by all").fetchall() == [
        ("#1", None), ("#2", Decimal("0.59")), ("#9", None)
    ]  # fmt: skip
    notes = {what.split(":")[0]: (rows, amount, currency) for what, rows, amount, currency in book.con.execute("select * exclude (source) from source_notes").fetchall()}
    assert notes == {
        "payments of orders in another currency than the order's": (1, Decimal("0.50"), "EUR"),
        "orders that were paid out in another currency than theirs": (1, 10, "USD"),
        "orders that are not in the payouts export": (1, 10, "USD"),  # #9
    }
    assert dict(payout_gaps(book).set_index("order_id")["state"]) == {"#2": "matched", "#9": "not due yet"}
    assert totals(book)["difference"] == 0


def sheet(sku="B", at="2025-03-01 10:00:00 -0500", no="FALSCH"):
    """An order as a spreadsheet with a decimal comma saves it: a shirt of 119,00 that holds a tax of 19,00, and a book of 100,00 that holds none."""
    names = f"{HEADER},Lineitem taxable,Lineitem requires shipping".replace(",", ";")
    rows = [f"#1;paid;USD;219,00;0,00;19,00;219,00;0,00;{at};1;Shirt;119,00;A;;0,00;;web;0,00;NY;WAHR;WAHR",
            f"#1;;;;;;;;{at};1;Book;100,00;{sku};;;;;0,00;;{no};WAHR"]  # fmt: skip
    return "\n".join([names, *rows]) + "\n"


@pytest.mark.parametrize("no", ["FALSCH", "FAUX", "FALSO", "ONWAAR", "FAŁSZ", "假", "FALSE", "0"])
def test_what_a_spreadsheet_makes_of_false_is_not_taxed(tmp_path, no):
    book = open_book(str(write(tmp_path, {"exports/o.csv": sheet(no=no)}, ORDERS)), "latest")
    assert [row[1::2] for row in sold(book)] == [("A", 100, 0), ("B", 100, 0)] and totals(book)["elsewhere"] == 19


def test_a_flag_that_says_neither_sets_its_order_aside(tmp_path):
    good = sheet().replace("#1", "#2").split("\n", 1)[1]
    book = open_book(str(write(tmp_path, {"exports/o.csv": sheet(no="perhaps") + good}, ORDERS)), "latest")
    assert {row[0] for row in sold(book)} == {"#2"} and totals(book)["difference"] == 0
    assert "neither true nor false" in set(book.sql("select reason from set_aside")["reason"])


def test_a_spreadsheets_days_and_rounded_ids_with_a_comma_are_known(tmp_path):
    """46143,4166666667 days after 1899-12-30 are ten o'clock on the first of May 2026; 4,00638E+12 has lost seven digits of thirteen."""
    good = sheet(at="46143,4166666667").replace("#1", "#2").split("\n", 1)[1]
    book = open_book(str(write(tmp_path, {"exports/o.csv": sheet(sku="4,00638E+12") + good}, ORDERS)), "latest")
    found = book.con.execute("select order_id, product_id, cast(ordered_at as varchar) from order_lines order by all").fetchall()
    assert found == [("#2", "A", "2026-05-01 10:00:00"), ("#2", "B", "2026-05-01 10:00:00")]
    assert "an id that a spreadsheet has rounded: export it again as text" in set(book.sql("select reason from set_aside")["reason"])


def test_buyers_stay_out(tmp_path):
    text = (
        f"{HEADER},Email,Shipping Name\n"
        + line(subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
        + ",jane@doe.example,Jane Doe\n"
    )
    book = open_book(str(write(tmp_path, {"exports/o.csv": text}, ORDERS)), "latest")
    files = [path.read_bytes().lower() for path in book.prepared.rglob("*") if path.is_file()]
    assert files and not any(b"jane" in file or b"doe.example" in file for file in files)


def test_what_is_refused(tmp_path):
    with pytest.raises(BadInput, match="Lineitem price"):
        company(tmp_path, *[], toml=ORDERS, o2=HEADER.replace("Lineitem price", "Price") + "\n")


def test_without_an_exchange_rate_the_reason_is_told(tmp_path):
    order = line(subtotal="10.00", shipping="0.00", taxes="0.00", total="10.00", discount="0.00")
    with pytest.raises(BadInput, match="no exchange rate on or before the day; add it to fx_rates"):
        company(tmp_path, order, toml=ORDERS.replace("USD", "EUR"))


PLAIN = {"shipping": "0.00", "taxes": "0.00", "discount": "0.00"}
LATER = line("#9", subtotal="10.00", total="10.00", at="2025-03-20 10:00:00 -0400", **PLAIN)


def returned(book):
    return book.con.execute("select order_id, refund_amount from returns").fetchall()


def test_what_only_grows_tells_the_newer_copy_before_the_files_newest_day(tmp_path):
    """Exported in April: all of March, without a refund. Exported in May: order #1 alone, 6 of its 10 given back, and #2 voided."""
    old = [line("#1", subtotal="10.00", total="10.00", **PLAIN), line("#2", "authorized", subtotal="7.00", total="7.00", price="7.00", **PLAIN)]
    new = [line("#1", "partially_refunded", subtotal="10.00", total="10.00", refunded="6.00", **PLAIN),
           line("#2", "voided", subtotal="7.00", total="7.00", price="7.00", **PLAIN)]  # fmt: skip
    book = company(tmp_path, *old, LATER, o1="\n".join([HEADER, *new]) + "\n")
    assert [row[0] for row in sold(book)] == ["#1", "#9"] and returned(book) == [("#1", 6)]
    book = company(tmp_path / "other", *new, o1="\n".join([HEADER, *old, LATER]) + "\n")
    assert [row[0] for row in sold(book)] == ["#1", "#9"] and returned(book) == [("#1", 6)]
    assert not any("last file by name" in what for what in book.sql("select what from source_notes")["what"])


def test_in_a_file_without_ids_an_order_is_the_one_of_its_time(tmp_path):
    """#1 of 2024 (id 5, 7.00) and #1 of March (id 6, 10.00 + 2.00) share their name; an older file has the second one without an id."""
    march = [line(subtotal="12.00", total="12.00", id="{}", **PLAIN), line(price="2.00", sku="B", at="")]
    first = line(subtotal="7.00", total="7.00", price="7.00", at="2024-03-01 10:00:00 -0500", id="5", **PLAIN)
    older = "\n".join([HEADER.replace(",Id,", ",Number,"), *march]).format("") + "\n"
    book = company(tmp_path, march[0].format(6), march[1], first, o0=older)
    assert [row[:2] + row[3:4] for row in sold(book)] == [("#1 5", "A", 7), ("#1 6", "A", 10), ("#1 6", "B", 2)]
    assert totals(book)["total"] == 19


def test_the_last_file_of_products_counts_and_copies_of_another_size_are_told(tmp_path):
    """The hat cost 10 in January, when it had two pictures, and 18 in June, when it had one."""
    header = "Handle,Title,Variant SKU,Variant Price,Image Src,Cost per item\n"
    january, june = f"{header}hat,Hat,A,30,http://x/1,10\nhat,,,,http://x/2,\n", f"{header}hat,Hat,A,30,http://x/1,18\n"
    toml = ORDERS + '[[sources]]\nadapter = "shopify_products"\nfiles = "exports/c*"\nstore = "S"\n'
    book = company(tmp_path, LATER, toml=toml, c2025_01=january, c2025_06=june)
    assert book.con.execute("select product_id, unit_cost from product_costs").fetchall() == [("A", 18)]
    assert book.sql("select rows from source_notes where what like '%last file by name%'")["rows"].tolist() == [1]


def test_refunds_in_two_entries_are_told(tmp_path):
    order = line("#1", "partially_refunded", subtotal="10.00", total="10.00", refunded="6.00", **PLAIN)
    two = ORDERS.replace("o*", "o.csv") + ORDERS[len(TOML) :].replace("o*", "t.csv")
    book = company(tmp_path, order, toml=two, t=f"{HEADER}\n{order}\n{LATER}\n")
    assert returned(book) == [("#1", 6), ("#1", 6)]
    assert book.sql("select rows from source_notes where what like '%another entry%'")["rows"].tolist() == [1]
