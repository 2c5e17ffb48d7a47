"""What notebook 01 says about an input, against the ten orders worked out by hand and folders spoilt on purpose."""

import math

import duckdb
import pytest
from folders import ONE_LINE, write

from helpers.book import open_book
from helpers.load_and_check import load_report as report


def book(folder, month="2025-03", scope="company"):
    return open_book(str(folder), month, scope)


def add(folder, name, *lines):
    with (folder / name).open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_rows_in_are_loaded_or_set_aside(small_company):
    frame = report.rows(book(small_company)).set_index("table")
    assert frame.loc["order_lines", ["rows_in", "loaded", "set_aside", "lost"]].tolist() == [10, 10, 0, 0]  # the cancelled one is loaded
    assert frame.loc["returns", ["rows_in", "loaded", "set_aside", "lost"]].tolist() == [5, 3, 2, 0]
    assert not frame["lost"].any()
    assert "2 set aside" in report.rows_said(report.rows(book(small_company)))


def test_a_lost_row_would_be_told():
    frame = report.pd.DataFrame({"rows_in": [10], "loaded": [8], "set_aside": [1], "repeated": [0], "lost": [1]})
    assert "1 rows are unaccounted for" in report.rows_said(frame)


def test_amounts_add_up_like_the_rows(small_company):
    frame = report.amounts(book(small_company)).set_index(["table", "column"])
    columns = ["amount_in", "loaded", "set_aside", "lost", "unreadable"]
    assert frame.loc[("returns", "refund_amount"), columns].tolist() == [662, 202, 460, 0, 0]  # 450 cancelled and 10 never sold
    assert frame.loc[("order_lines", "gross_amount"), columns].tolist() == [1710, 1710, 0, 0, 0]
    assert frame.loc[("returns", "fee_refunded"), columns].tolist() == [2, 2, 0, 0, 0]


def test_an_unreadable_amount_is_counted_and_a_readable_one_of_the_same_row_is_set_aside(small_company):
    add(small_company, "returns.csv", 'A,1001,2,2025-03-25,1,"12,50",false,7,')
    found = book(small_company)
    frame = report.amounts(found).set_index(["table", "column"])
    assert frame.loc[("returns", "refund_amount"), ["amount_in", "set_aside", "lost", "unreadable"]].tolist() == [662, 460, 0, 1]
    assert frame.loc[("returns", "handling_cost"), ["amount_in", "loaded", "set_aside", "lost"]].tolist() == [14, 7, 7, 0]
    assert "no number" in report.amounts_said(report.amounts(found))
    first = report.aside(found).set_index("row").loc["7"]
    assert (first["file"], first["column"], first["value"]) == ("returns.csv", "refund_amount", "12,50")


def test_the_amounts_of_a_broken_record_are_counted_as_unreadable(small_company):
    add(small_company, "returns.csv", "A,1001,2,2025-03-25,1,9,false,7,,,too many,cells,in,this,one", "A,1001,2")
    found = book(small_company)
    frame = report.amounts(found).set_index(["table", "column"])
    for column, came in {"refund_amount": 662, "handling_cost": 7, "fee_refunded": 2}.items():
        assert frame.loc[("returns", column), ["amount_in", "lost", "unreadable"]].tolist() == [came, 0, 2], column
    assert "6 amounts are no number, or part of a broken record" in report.amounts_said(report.amounts(found))


def test_reasons_are_counted(small_company):
    add(small_company, "order_lines.csv", *[f"A,99{n},1,2025-03-02,web,P1,none,5,,,,,,,,,,," for n in range(3)])
    frame = report.reasons(book(small_company))
    assert frame.loc[0, ["file", "column", "rows", "first_row", "example"]].tolist() == ["order_lines.csv", "quantity", 3, 12, "none"]
    assert frame["rows"].sum() == 5 == len(report.aside(book(small_company)))
    assert "3 stand in order_lines.csv: quantity" in report.reasons_said(frame)


def test_cancelled_lines_are_counted(small_company):
    assert report.cancelled_said(book(small_company)).startswith("1 of 10 order lines (10.0%) is cancelled, 1 of them ordered in 2025-03")


def test_coverage_and_the_range_of_profit(small_company):
    frame = report.coverage(book(small_company)).set_index("month").loc["2025-03"]
    assert frame["cost_coverage"] == pytest.approx(802 / 850)
    assert (frame["gross_profit_low"], frame["gross_profit_high"]) == pytest.approx((420, 468))
    said = report.coverage_said(book(small_company))
    assert "94.4%" in said and "CNY 420" in said and "CNY 468" in said
    goods = report.uncosted(book(small_company))
    assert goods[["product_id", "uncosted_sales"]].values.tolist() == [["P3", 48.0]]


def test_a_store_shows_its_own_profit_beside_the_company(small_company):
    own = book(small_company, scope="B")
    assert set(report.coverage(own)["who"]) == {"company", "B"}
    assert "exactly CNY 230" in report.coverage_said(own)  # 352 of sales less 122 of goods
    assert report.rows(own).equals(report.rows(book(small_company)))
    assert report.lines_by_month(own).equals(report.lines_by_month(book(small_company)))


def test_months_and_stores(small_company):
    lines = report.lines_by_month(book(small_company)).set_index(["month", "store"])["order_lines"]
    assert lines.to_dict() == {
        ("2025-02", "A"): 1,
        ("2025-02", "B"): 0,
        ("2025-03", "A"): 5,
        ("2025-03", "B"): 2,
        ("2025-04", "A"): 0,
        ("2025-04", "B"): 1,
    }
    march = report.stores(book(small_company)).set_index("store")
    assert march.loc["A", ["this_month", "usual", "against_usual", "cancelled_lines", "last_day"]].tolist() == [5, 1, 5, 1, "2025-03-20"]
    assert math.isnan(march.loc["B", "usual"])
    april = report.stores(book(small_company, "2025-04"))
    assert "A sold before and has no order line this month" in report.stores_said(april)
    assert report.to_do(book(small_company, "2025-04"))["what"].tolist()[:2] == [
        "wait for the rest of 2025-04, or read the month before",
        "ask for the data of A",
    ]


def test_a_month_that_ends_early_is_told(small_company):
    assert "Then nothing" not in report.month_said(book(small_company))
    assert "the last on 2025-04-01. Then nothing until its end" in report.month_said(book(small_company, "2025-04"))


def test_a_misspelt_column_is_named_with_the_one_that_is_meant(small_company):
    file = small_company / "order_lines.csv"
    file.write_text(file.read_text().replace("discount_amount", "discount_amout", 1))
    found = book(small_company)
    assert "did you mean `discount_amount`?" in report.unknown(found)["left_out"][0]
    assert report.to_do(found)["what"][0] == "rename columns in order_lines.csv"


def test_missing_tables_say_what_they_would_switch_on(small_company):
    frame = report.missing(book(small_company)).set_index("table")["would_switch_on"]
    assert "payout" in frame["payouts"] and "order_lines" not in frame


def test_order_lines_alone_are_enough(small_company):
    for path in small_company.glob("*.csv"):
        if path.name != "order_lines.csv":
            path.unlink()
    file = small_company / "order_lines.csv"
    file.write_text(file.read_text().replace("USD", "CNY"))
    found = book(small_company)
    for said in (
        report.rows_said(report.rows(found)),
        report.coverage_said(found),
        report.stores_said(report.stores(found)),
        report.to_do_said(report.to_do(found)),
    ):
        assert said
    assert report.missing_said(report.missing(found)).startswith("23 tables are missing")


def test_a_file_that_is_no_table_is_named(tmp_path):
    lines = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n1,1,2025-03-31,S,web,P,1,100\n"
    toml = 'name = "Shop"\nreporting_currency = "CNY"\n'
    for name, text in (("company.toml", toml), ("order_lines.csv", lines), ("retruns.csv", ""), ("order_line.xlsx", "")):
        (tmp_path / name).write_text(text)
    book = open_book(str(tmp_path), "2025-03")
    assert book.company.strays() == ["order_line.xlsx; did you mean `order_lines`?", "retruns.csv; did you mean `returns`?"]
    folder = write(tmp_path / "apart", {"order_lines/2.csv": ONE_LINE, "order_lines/notes.txt": ""})
    duckdb.execute(f"copy (from '{write(tmp_path / 'one', {'1.csv': ONE_LINE})}/1.csv') to '{folder}/order_lines/1.parquet'").fetchall()
    assert open_book(str(folder), "latest").company.strays() == ["order_lines/2.csv"]  # half of a table may lie there
    assert any("retruns.csv" in why for why in report.to_do(book)["why"])
