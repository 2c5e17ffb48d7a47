"""What `make import` proposes: the right table, a SELECT that loads, the doubts that a person must settle."""

import re

import pytest
from folders import write

from helpers import propose
from helpers.book import open_book
from helpers.contract import BadInput

TOML = 'name = "Laden"\nreporting_currency = "EUR"\ntimezone = "Europe/Berlin"\n'
GERMAN = (
    "Bericht Bestellungen\n\nBestellnummer;Datum;Artikelnummer;Menge;Einzelpreis;Kundennummer;E-Mail\n"
    "A1;31.12.2025 10:00;0012;2;1.234,50;K1;x@y\nA1;31.12.2025 10:00;0013;1;4,50;K1;x@y\nA2;30.12.2025 09:00;0012;3;4,50;K2;für Gärtner Müller in Köln\n"
)


def run(folder, capsys, *more) -> str:
    assert propose.main(["--data", str(folder), *more]) == 0
    return capsys.readouterr().out


def test_a_german_export_is_mapped_previewed_and_loads(tmp_path, capsys):
    folder = write(tmp_path, {"raw/b.csv": GERMAN.encode("cp1252")}, TOML)
    said = run(folder, capsys)
    assert "order_lines" in said and "store, channel" in said and "E-Mail" in said and "x@y" not in said
    sql = (folder / "order_lines.sql").read_text()
    with pytest.raises(BadInput, match="name order_lines.sql in company.toml"):
        open_book(str(folder), "2025-12")
    entry = said[said.index("[[sources]]") :]
    (folder / "company.toml").write_text(TOML + entry)
    with pytest.raises(BadInput, match="order_lines.sql says '\\?' for store, channel, as it was proposed"):
        open_book(str(folder), "2025-12")
    (folder / "order_lines.sql").write_text(sql.replace("'?' as store", "'S' as store").replace("'?' as channel", "'web' as channel"))
    book = open_book(str(folder), "2025-12")
    rows = book.sql(
        "select order_id, line_no, cast(ordered_at as varchar) as at, product_id, quantity, gross_amount, customer_id from order_lines order by all"
    )
    assert rows.to_numpy().tolist() == [
        ["A1", "1", "2025-12-31 10:00:00", "0012", 2, 2469.0, "K1"],
        ["A1", "2", "2025-12-31 10:00:00", "0013", 1, 4.5, "K1"],
        ["A2", "1", "2025-12-30 09:00:00", "0012", 3, 13.5, "K2"],
    ]
    assert book.sql("select count(*) as n from set_aside")["n"][0] == 0


def test_chinese_headers_in_a_spreadsheet(tmp_path, capsys):
    import xlsxwriter

    folder = write(tmp_path, {}, TOML)
    with xlsxwriter.Workbook(folder / "订单.xlsx") as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(
            [
                ["订单号", "下单时间", "店铺", "渠道", "商品编码", "数量", "金额"],
                ["007", "2025-12-31 10:00:00", "甲", "直播", "0012", 2, 19.9],
            ]
        ):
            sheet.write_row(number, 0, row)
    said = run(folder, capsys)
    (folder / "company.toml").write_text(TOML + said[said.index("[[sources]]") :])
    book = open_book(str(folder), "latest")
    rows = book.sql("select order_id, store, channel, product_id, quantity, gross_amount from order_lines").to_numpy().tolist()
    assert rows == [["007", "甲", "直播", "0012", 2, 19.9]]


def test_a_known_export_is_named(tmp_path, capsys):
    folder = write(
        tmp_path, {"raw/m.csv": "Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2025-03-02,2025-03-02,B,1\n"}, TOML
    )
    said = run(folder, capsys)
    assert 'adapter = "meta_ads"' in said and not list(folder.glob("*.sql"))


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("Order,Date,SKU,Qty,Total\n1,03/04/2025,A,1,5.00\n", "March or April"),
        ('Order,Date,SKU,Qty,Total\n1,2025-03-01,A,1,"1,234"\n', "nothing tells whether 1,234"),
        ("Order,Line,Date,SKU,Qty,Total\n1,1,2025-03-01,A,1,5.00\n1,1,2025-03-01,B,1,5.00\n", "1 keys"),
        ("Order,Date,SKU,Qty,Total incl. VAT\n1,2025-03-01,A,1,5.00\n", "without: divide by"),
        ("Order,Date,SKU,Qty,Total\n1,2025-03-01,A,-1,5.00\n", "negative quantity"),
        ("Order,Date,SKU,Qty,Total,MwSt,Lager\n1,2025-03-01,A,1,5.00,0.80,X\n", "tells a tax (MwSt)"),
        ("Order,Date,SKU,Qty,Total,MwSt,Lager\n1,2025-03-01,A,1,5.00,0.80,X\n", "not used: MwSt, Lager"),
        ("Order,Date,SKU,Qty,Total\n1,2025-03-01,A,1\n1,2025-03-01,A,1,2,3,4\n", "broken"),
    ],
)
def test_doubts(tmp_path, capsys, text, doubt):
    text = text.replace("Total incl. VAT", "Total (incl. VAT)")
    assert doubt in run(write(tmp_path, {"raw/o.csv": text}, TOML), capsys)


def test_nothing_is_overwritten_and_other_tables_are_told(tmp_path, capsys):
    files = {"raw/c.csv": "SKU,Valid from,Cost per item\nA,2025-01-01,5\n", "product_costs.sql": "select 1"}
    folder = write(tmp_path, files, TOML)
    assert "product_costs_2.sql" in run(folder, capsys)
    assert (folder / "product_costs.sql").read_text() == "select 1"
    assert re.search(r'"Cost per item" as unit_cost', (folder / "product_costs_2.sql").read_text())


@pytest.mark.parametrize(
    ("files", "words"),
    [({}, "holds no file"), ({"raw/x.csv": "a\n1\n"}, "three column names"), ({"raw/x.csv": "a,b,c\n1,2,3\n"}, "no table of the contract")],
)
def test_what_can_not_be_told(tmp_path, capsys, files, words):
    folder = write(tmp_path, files, TOML)
    propose.main(["--data", str(folder)])
    told = capsys.readouterr()
    assert words in told.out + told.err


def test_hostile_names_stay_text(tmp_path, capsys):
    header = 'Order,Date,"S""K\'U; drop table x --",SKU,Qty,Total'
    folder = write(tmp_path, {"raw/o'x.csv": f"{header}\n1,2025-03-01,\x1b[31m,A,1,5.00\n"}, TOML)
    said = run(folder, capsys)
    assert "\x1b" not in said and 'files = "raw/o\'x.csv"' in said
