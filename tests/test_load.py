"""Loading: each kind of cell, key and currency; every row is loaded or set aside, and every refusal is one sentence."""

import csv
import io
import shutil
from collections import namedtuple

import duckdb
import pytest
from folders import LINES, ONE_LINE, SOURCE, TOML, write

from helpers.company import open_company
from helpers.contract import TABLES, BadInput
from helpers.load import load_tables

Loaded = namedtuple("Loaded", "rows aside loads amounts")


def load(folder, *tables: str) -> Loaded:
    """Loads a folder: the rows of the tables (by name), what was set aside, loads and amounts."""
    scratch = folder / "scratch"
    scratch.mkdir()
    with duckdb.connect() as con:
        con.execute("set threads = 2; set TimeZone = 'UTC'")
        load_tables(con, open_company(str(folder)), scratch)
        read = lambda query: con.execute(query).fetchall()  # noqa: E731
        aside = read('select file, "row", "column", "value", reason from set_aside order by 1, 2')
        amounts = {(table, column): sums for table, column, *sums in read("from amounts")}
        columns = lambda name: ", ".join(f'"{column.name}"' for column in TABLES[name].columns)  # noqa: E731
        return Loaded(
            {name: read(f"select {columns(name)} from {name}") for name in tables or ["order_lines"]}, aside, read("from loads"), amounts
        )


def refused(folder, *words: str) -> None:
    with pytest.raises(BadInput) as error:
        load(folder)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


def table(columns: str, *rows: dict | list, **usual) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    names = columns.split(",")
    writer.writerow(names)
    for row in rows:
        row = usual | row if isinstance(row, dict) else dict(zip(names, row, strict=True))
        writer.writerow([row.get(name, "") for name in names])
    return out.getvalue()


SALE = {"line_no": 1, "ordered_at": "2025-03-01", "store": "S", "channel": "web", "product_id": "P", "quantity": 1, "gross_amount": 1}
MORE = LINES + ",discount_amount,unit_cost,status,currency,customer_id"

CELLS = [  # a cell, and what it is read as; None = set aside
    ("gross_amount", "100", "100"), ("gross_amount", "0", "0"), ("gross_amount", "-0.00", "0"), ("gross_amount", "+2.5", "2.5"),
    ("gross_amount", " 7 ", "7"), ("gross_amount", "00012.5", "12.5"), ("gross_amount", "0.0001", "0.0001"),
    ("gross_amount", "1.50000", "1.5"), ("gross_amount", ".5", "0.5"), ("gross_amount", "+.2500", "0.25"), ("gross_amount", ".", None),
    ("gross_amount", ".00001", None),
    ("gross_amount", "99999999999999.9999", "99999999999999.9999"), ("gross_amount", "0.00001", None), ("gross_amount", "-1", None),
    ("gross_amount", "-0.0001", None), ("gross_amount", "1,5", None), ("gross_amount", "1.234,50", None),
    ("gross_amount", "1,234.50", None),
    ("gross_amount", "1e3", None), ("gross_amount", "1E+03", None), ("gross_amount", "1 000", None), ("gross_amount", "1_000", None),
    ("gross_amount", "100 CNY", None), ("gross_amount", "¥100", None), ("gross_amount", "NaN", None), ("gross_amount", "inf", None),
    ("gross_amount", "0x10", None), ("gross_amount", "１００", None), ("gross_amount", "−5", None), ("gross_amount", "--5", None),
    ("gross_amount", "100000000000000", None), ("gross_amount", "(5)", None), ("gross_amount", "=1+1", None), ("gross_amount", "", None),
    ("gross_amount", "1\n2", None), ("gross_amount", "9" * 10_000, None), ("gross_amount", "NULL", None), ("gross_amount", "true", None),
    ("quantity", "3", 3), ("quantity", "3.0", 3), ("quantity", "+3", 3), ("quantity", "0003", 3), ("quantity", "999999999", 999_999_999),
    ("quantity", "0", None), ("quantity", "-1", None), ("quantity", "1.5", None), ("quantity", "1e2", None), ("quantity", "1,000", None),
    ("quantity", "9999999999", None), ("quantity", "", None), ("quantity", "two", None),
    ("discount_amount", "", "blank"), ("discount_amount", "5.25", "5.25"), ("discount_amount", "-5", None),
    ("discount_amount", "n/a", None), ("unit_cost", "0", "0"), ("unit_cost", "-1", None), ("unit_cost", "12.34567", None),
    ("status", "completed", "completed"), ("status", "Completed", "completed"), ("status", "CANCELLED", "cancelled"),
    ("status", "", "blank"),
    ("status", "refunded", None), ("status", "completed;", None),
    ("store", "s", "s"), ("store", " S ", "S"), ("store", "", None), ("store", "   ", None), ("store", "NULL", "NULL"),
    ("store", "nan", "nan"),
    ("product_id", "00123", "00123"), ("product_id", "1e5", "1e5"), ("product_id", "123.0", "123.0"),
    ("product_id", "2025-01-01", "2025-01-01"),
    ("product_id", "true", "true"), ("product_id", "=1+1", "=1+1"),
    ("product_id", "\"'; drop table order_lines; --", "\"'; drop table order_lines; --"),
    ("product_id", "a;b|c\td,e", "a;b|c\td,e"), ("product_id", "two\nlines\r\nhere", "two\nlines\r\nhere"),
    ("product_id", "x" * 10_000, "x" * 10_000),
    ("product_id", "<script>alert(1)</script>", "<script>alert(1)</script>"), ("product_id", "../../x", "../../x"),
    ("product_id", "茶\u202e壶", "茶\u202e壶"),
    ("product_id", "\u3000宽\u00a0", "宽"), ("product_id", "é", "é"), ("product_id", "e\u0301", "e\u0301"),
    ("product_id", "{c}{zone}$1?", "{c}{zone}$1?"),
    ("ordered_at", "2025-03-31", "2025-03-31"), ("ordered_at", "2024-02-29", "2024-02-29"),
    ("ordered_at", "2025-03-31 23:59:59.999999", "2025-03-31"),
    ("ordered_at", "2025-03-31T23:59", "2025-03-31"),
    # eight hours ahead of UTC: 16:00 there is midnight here
    ("ordered_at", "2025-03-31T15:59:59Z", "2025-03-31"), ("ordered_at", "2025-03-31T16:00:00Z", "2025-04-01"),
    ("ordered_at", "2025-03-31 15:59:59.9 +00:00", "2025-03-31"), ("ordered_at", "2025-03-31 16:00 Z", "2025-04-01"),
    ("ordered_at", "2025-04-01T00:00:00+08:00", "2025-04-01"), ("ordered_at", "2025-03-31T23:59:59+0800", "2025-03-31"),
    ("ordered_at", "2025-03-31T23:30:00-07:00", "2025-04-01"), ("ordered_at", "2025-04-01T05:29:00+13:30", "2025-03-31"),
    ("ordered_at", "2025-04-01 00:00:00+08", "2025-04-01"), ("ordered_at", "2025-03-31T23:30:00-07", "2025-04-01"),
    ("ordered_at", "2025-03-31T23:30:00+8", None), ("ordered_at", "2025-04-01T05:30:00+13:30", "2025-04-01"),
    ("ordered_at", "2024-12-31T12:00:00-04:00", "2025-01-01"),
    ("ordered_at", "2025-02-29", None), ("ordered_at", "2025-13-01", None), ("ordered_at", "2025-00-10", None),
    ("ordered_at", "0000-00-00", None),
    ("ordered_at", "01/02/2025", None), ("ordered_at", "2025/03/01", None), ("ordered_at", "2025-3-1", None),
    ("ordered_at", "20250301", None),
    ("ordered_at", "45717", None), ("ordered_at", "1740787200", None), ("ordered_at", "2025-03-01T25:00", None),
    ("ordered_at", "2025-03-01T10:61", None),
    ("ordered_at", "2025-03-01T10", None), ("ordered_at", "2025-03-01T10:00:00+99:99", None), ("ordered_at", "2025-03-01 10:00 CST", None),
    ("ordered_at", "yesterday", None), ("ordered_at", "now", None), ("ordered_at", "epoch", None), ("ordered_at", "infinity", None),
    ("ordered_at", "0025-03-01", None), ("ordered_at", "9999-12-31T23:00:00-12:00", None), ("ordered_at", "", None),
    ("ordered_at", "２０２５-03-01", None),
]  # fmt: skip


def test_every_kind_of_cell_in_a_sale(tmp_path):
    rows = [SALE | {"order_id": number, column: cell} for number, (column, cell, _) in enumerate(CELLS)]
    write(tmp_path, {"order_lines.csv": table(MORE, *rows)})
    loaded = load(tmp_path)
    columns = {name: place for place, name in enumerate(column.name for column in TABLES["order_lines"].columns)}
    found = {int(row[columns["order_id"]]): row for row in loaded.rows["order_lines"]}
    aside = {row - 2: (file, column, value) for file, row, column, value, _ in loaded.aside}  # the header is row 1
    assert found.keys() | aside.keys() == set(range(len(CELLS))) and not found.keys() & aside.keys()
    for number, (column, cell, expected) in enumerate(CELLS):
        if expected is None:
            assert aside.get(number) == ("order_lines.csv", column, cell.strip() or None), (column, cell)
        else:
            assert number in found, (column, cell, aside[number])
            value = found[number][columns[column]]
            shown = "blank" if value is None else str(value)[:10] if column == "ordered_at" else value
            assert (
                (float(shown) == float(expected))
                if column in ("gross_amount", "unit_cost")
                else str(shown) in (str(expected), f"{expected}00")
            ), cell
    good = sum(1 for *_, expected in CELLS if expected is not None)
    assert loaded.loads == [("order_lines", "order_lines.csv", len(CELLS), good, len(CELLS) - good, 0, "utf-8", "")]


def test_other_kinds_of_cells(tmp_path):
    flags = ["true", "TRUE", "True", "1", "yes", "false", "FALSE", "0", "no", "maybe", "2", "t", ""]
    months = ["2025-03", "2025-03-01", "2025-3", "2025-13", "2025-03-02", "2025", "March", "2025-03-01T00:00"]
    days = ["2025-03-01", "2025-03-01 00:00:00", "2025-03-01T00:00:00.000", "2025-03-01 10:00", "2025-03-32", ""]
    ratings = ["1", "5", "3.0", "0", "6", "4.5"]
    write(tmp_path, {
        "order_lines.csv": ONE_LINE,
        "returns.csv": table("store,order_id,line_no,refunded_on,quantity,refund_amount,restocked", *[["S", 1, 1, "2025-03-05", 0, 1,
        flag] for flag in flags]),
        "overheads.csv": table("month,category,amount", *[[month, "rent", 1] for month in months]),
        "product_costs.csv": table("product_id,valid_from,unit_cost", *[[number, day, 1] for number, day in enumerate(days)]),
        "reviews.csv": table("store,order_id,reviewed_on,rating", *[["S", 1, "2025-03-01", rating] for rating in ratings]),
        "fx_rates.csv": table("date,currency,rate", ["2025-01-01", "A", "7.1234567891"], ["2025-01-01", "B", "7.12345678912"],
                              ["2025-01-01", "C", "0"], ["2025-01-01", "D", "-7"], ["2025-01-01", "E", "0.0000000001"]),
        "calendar.csv": table("date,name,kind,weight", ["2025-03-01", "a", "holiday", "1.25"], ["2025-03-01", "b", "Holiday", ""],
        ["2025-03-01", "c", "feast", ""]),
        "inventory.csv": table("date,store,product_id,on_hand,reserved", ["2025-03-01", "S", "P", -5, ""], ["2025-03-01", "S", "Q", 5, -1]),
    })  # fmt: skip
    loaded = load(tmp_path, "returns", "overheads", "product_costs", "reviews", "fx_rates", "calendar", "inventory")
    assert [row[7] for row in loaded.rows["returns"]] == [True] * 5 + [False] * 4
    assert [str(row[0]) for row in loaded.rows["overheads"]] == ["2025-03-01"] * 2
    assert [str(row[1]) for row in loaded.rows["product_costs"]] == ["2025-03-01"] * 3
    assert [row[4] for row in loaded.rows["reviews"]] == [1, 5, 3]
    assert [(row[1], f"{row[2]:f}") for row in loaded.rows["fx_rates"]] == [("A", "7.1234567891"), ("E", "0.0000000001")]
    assert [row[2] for row in loaded.rows["calendar"]] == ["holiday", "holiday"]
    assert [row[3] for row in loaded.rows["inventory"]] == [-5]
    assert [(file, row) for file, row, *_ in loaded.aside] == [
        ("calendar.csv", 4), *[("fx_rates.csv", row) for row in (3, 4, 5)], ("inventory.csv", 3),
        *[("overheads.csv", row) for row in range(4, 10)],
        *[("product_costs.csv", row) for row in (5, 6, 7)], *[("returns.csv", row) for row in range(11, 15)],
        *[("reviews.csv", row) for row in (5, 6, 7)],
    ]  # fmt: skip
    assert all(reason for *_, reason in loaded.aside)
    assert loaded.amounts["overheads", "amount"][1:3] == [2, 6] and loaded.amounts["returns", "refund_amount"][1:3] == [9, 4]


def test_the_company_is_called_company_among_targets(tmp_path):
    rows = [["2025-03", "company", entity, "net_sales", 100] for entity in ("company", "Shop", "Company")] + [["2025-03", "store", "Shop", "net_sales", 9]]
    write(tmp_path, {"order_lines.csv": ONE_LINE, "targets.csv": table("month,level,entity,metric,target", *rows)})
    loaded = load(tmp_path, "targets")
    assert [row[1:3] for row in loaded.rows["targets"]] == [("company", "company"), ("store", "Shop")]
    reason = "for level company, write the word company here"
    assert [row[1:] for row in loaded.aside] == [(3, "entity", "Shop", reason), (4, "entity", "Company", reason)]


def test_keys_sales_and_currencies(tmp_path):
    sales = [
        {"order_id": "1"}, {"order_id": "1", "gross_amount": 50},  # the second repeats the key
        {"order_id": "01"}, {"order_id": "1", "store": "s"}, {"order_id": "1", "line_no": "01"},  # other ids
        {"order_id": "1 "}, {"order_id": "2", "gross_amount": "x"}, {"order_id": "2"},
        # the first 2 is unreadable, so the second is no repeat
        {"order_id": "3", "status": "cancelled"}, {"order_id": "4", "currency": "USD"}, {"order_id": "5", "currency": "USD",
        "ordered_at": "2025-03-02"},
        {"order_id": "6", "currency": "usd"}, {"order_id": "7", "currency": "CNY"}, {"order_id": "8", "currency": "EUR"},
        {"order_id": "8"},  # nor is this one, for the first 8 has no rate
    ]  # fmt: skip
    returns = [["S", order, line, "2025-03-09", 0, 10, "true", currency] for order, line, currency in
               [("1", "1", ""), ("1", "2", ""), ("01", "1", "USD"), ("3", "1", ""), ("99", "1", ""), ("5", "1", "USD"),
               ("2", "1", "EUR")]]  # fmt: skip
    write(tmp_path, {
        "order_lines.csv": table(MORE, *sales, **SALE),
        "returns.csv": table("store,order_id,line_no,refunded_on,quantity,refund_amount,restocked,currency", *returns),
        "fx_rates.csv": table("date,currency,rate", ["2025-03-02", "USD", "7"], ["2025-03-02", "USD", "8"]),
    })  # fmt: skip
    loaded = load(tmp_path, "order_lines", "returns")
    assert [(file, row, column, value) for file, row, column, value, _ in loaded.aside] == [
        ("fx_rates.csv", 3, "date + currency", "2025-03-02 + USD"),
        ("order_lines.csv", 3, "store + order_id + line_no", "S + 1 + 1"),
        ("order_lines.csv", 7, "store + order_id + line_no", "S + 1 + 1"),
        ("order_lines.csv", 8, "gross_amount", "x"), ("order_lines.csv", 11, "currency", "USD"), ("order_lines.csv", 13, "currency", "usd"),
        ("order_lines.csv", 15, "currency", "EUR"),
        ("returns.csv", 3, "order_id", "1"), ("returns.csv", 4, "currency", "USD"), ("returns.csv", 5, "order_id", "3"),
        ("returns.csv", 6, "order_id", "99"), ("returns.csv", 8, "currency", "EUR"),
    ]  # fmt: skip
    assert len(loaded.rows["order_lines"]) == 9 and len(loaded.rows["returns"]) == 2
    # 15 sales of 1 but one of 50 and one unreadable: 13 × 1 + 50 = 63; aside 50 + 1 + USD + usd + EUR = 54
    assert loaded.amounts["order_lines", "gross_amount"] == [63, 9, 54, 1]
    assert {row[-2] for row in loaded.rows["order_lines"]} == {"CNY", "USD"}  # blank = the reporting currency


def test_daylight_saving(tmp_path):
    # New York is at −5 until 9 March 2025, 2 am, and at −4 after it
    times = {
        "2025-03-01T04:59:59Z": "2025-02-28",
        "2025-03-01T05:00:00Z": "2025-03-01",
        "2025-04-01T03:59:59Z": "2025-03-31",
        "2025-04-01T04:00:00Z": "2025-04-01",
    }
    write(
        tmp_path,
        {"order_lines.csv": table(LINES, *[SALE | {"order_id": time, "ordered_at": time} for time in times])},
        TOML.replace("Asia/Shanghai", "America/New_York"),
    )
    assert {row[0]: str(row[2])[:10] for row in load(tmp_path).rows["order_lines"]} == times


def test_broken_lines_and_unknown_columns(tmp_path):
    text = "mail," + LINES + ",regoin\na@b.c,1,1,2025-03-01,S,web,P,1,100,x\nsecret@b.c,2\n" + 'a@b.c,3,1,2025-03-01,S,web,P,"1"0,100,x\n'
    loaded = load(write(tmp_path, {"order_lines.csv": text}))
    assert [(row, value, reason) for _, row, _, value, reason in loaded.aside] == [
        (3, None, "2 cells where the header has 10"), (4, None, "a quote stands in the wrong place"),
    ]  # fmt: skip
    assert loaded.loads == [("order_lines", "order_lines.csv", 3, 1, 2, 0, "utf-8", "mail, regoin; did you mean `region`?")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_header_with_a_mark_and_other_encodings(tmp_path, encoding):
    text = table(LINES.replace(",", ";"), *[]).replace('"', "") + "1;1;2025-03-01;上海旗舰店;直播间;连衣裙 红色;1;100\n"
    loaded = load(write(tmp_path, {"order_lines.csv": text.encode(encoding)}))
    assert [row[3:6] for row in loaded.rows["order_lines"]] == [("上海旗舰店", "直播间", "连衣裙 红色")] and loaded.aside == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"order_lines.csv": ONE_LINE.replace("gross_amount", "gros_amount")},
            ["order_lines.csv has no column `gross_amount`", "rename `gros_amount`"],
        ),
        ({"order_lines.csv": ONE_LINE.upper()}, ["order_lines.csv has no column `order_id`", "rename `ORDER_ID`"]),
        ({"order_lines.csv": ONE_LINE.replace("store", "zzz")}, ["order_lines.csv has no column `store`", "add it"]),
        ({"order_lines.csv": ONE_LINE, "returns.csv": "store\nS\n"}, ["returns.csv has no column `order_id`"]),
        ({"order_lines.csv": b""}, ["order_lines.csv is empty (0 bytes)"]),
        ({"order_lines.csv": ONE_LINE, "products.csv": b""}, ["products.csv is empty (0 bytes)"]),
        ({"order_lines.csv": ONE_LINE.replace("channel", "store")}, ["order_lines.csv has more than one column called 'store'"]),
        ({"order_lines.csv": b"PK\x03\x04" + bytes(100)}, ["order_lines.csv is an Excel workbook"]),
        ({"order_lines.parquet": b"PAR1" + bytes(100)}, ["order_lines.parquet isn't a whole Parquet file"]),
        ({"order_lines/1.parquet": b""}, ["order_lines/1.parquet is empty"]),
        ({"order_lines/readme.txt": b""}, ["the folder order_lines holds no .parquet files"]),
    ],
)
def test_refused_files(tmp_path, files, words):
    refused(write(tmp_path, files), *words)


def test_a_folder_of_parquet_files_names_each_file_and_its_own_rows(tmp_path):
    """Two schemas; the first file's rows say nothing of the second's, also where a column is called as DuckDB or the workbook number rows."""
    write(tmp_path, {"order_lines/0.parquet": b""})
    usual = "1 as line_no, '2025-03-01' as ordered_at, 'S' as store, 'web' as channel, 'P' as product_id"
    for file, values in {
        "0": "1 as quantity, 5 as gross_amount from range(3) t(i)",
        "1": "case i when 1 then 0 else 1 end as quantity, 5 as gross_amount from range(3) t(i)",
        "2": "1 as quantity, case i when 2 then -1.5 else 5 end as gross_amount, i as file, i as file_row, i as row from range(4) t(i)",
        "3": "1 as quantity, case i when 0 then 'x' else '5' end as gross_amount, i as file_row_number from range(2) t(i)",
    }.items():
        duckdb.execute(f"copy (select '{file}-' || i as order_id, {usual}, {values}) to '{tmp_path}/order_lines/{file}.parquet'").fetchall()
    loaded = load(tmp_path)
    assert [row[:4] for row in loaded.aside] == [
        ("order_lines/1.parquet", 2, "quantity", "0"), ("order_lines/2.parquet", 3, "gross_amount", "-1.5"), ("order_lines/3.parquet", 1, "gross_amount", "x")
    ]  # fmt: skip
    assert [row[1:5] for row in loaded.loads] == [
        ("order_lines/0.parquet", 3, 3, 0), ("order_lines/1.parquet", 3, 2, 1), ("order_lines/2.parquet", 4, 3, 1), ("order_lines/3.parquet", 2, 1, 1)
    ]  # fmt: skip
    assert [row[7] for row in loaded.loads] == ["", "", "file, file_row, row_", "file_row_number"]
    assert sorted(row[0] for row in loaded.rows["order_lines"]) == ["0-0", "0-1", "0-2", "1-0", "1-2", "2-0", "2-1", "2-3", "3-1"]
    assert [float(value) for value in loaded.amounts["order_lines", "gross_amount"]] == [48.5, 45, 3.5, 1]  # 3.5 = 5 − 1.5; the x is no amount


def test_truncated_parquet(tmp_path):
    write(tmp_path, {})
    duckdb.execute(f"copy (select i as order_id, 1 as line_no from range(1000) t(i)) to '{tmp_path}/order_lines.parquet'")
    whole = (tmp_path / "order_lines.parquet").read_bytes()
    (tmp_path / "order_lines.parquet").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, "order_lines.parquet isn't a whole Parquet file")


def test_parquet_that_is_spoilt_inside_is_named(tmp_path):
    """Its end is sound, so that the fault shows only when the rows are read."""
    write(tmp_path, {"order_lines/1.parquet": b""})
    usual = "'1' as line_no, timestamp '2025-03-01' as ordered_at, 'S' as store, 'web' as channel, 'P' as product_id, 1 as quantity, 5 as gross_amount"
    for number in (1, 2):
        query = f"select '{number}-' || hash(i) as order_id, {usual} from range(50000) t(i)"
        duckdb.execute(f"copy ({query}) to '{tmp_path}/order_lines/{number}.parquet' (row_group_size 10000)")
    path = tmp_path / "order_lines" / "2.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + bytes(50_000) + whole[55_000:])
    refused(tmp_path, "order_lines/2.parquet isn't a whole Parquet file")


def test_parquet_types_are_read_as_text(tmp_path):
    write(tmp_path, {})
    duckdb.execute(f"""copy (
        select 7 as order_id, 1::double as line_no, timestamptz '2025-03-31 16:00:00+00' as ordered_at, 'S' as store, 'web' as channel,
               '007' as product_id, 2.0::float as quantity, 19.99::double as gross_amount, 0.1::float as discount_amount, null as status
        ) to '{tmp_path}/order_lines.parquet'""")
    (row,) = load(tmp_path).rows["order_lines"]
    assert (*row[:2], str(row[2]), *row[5:7], str(row[7]), str(row[8])) == ("7", "1", "2025-04-01 00:00:00", "007", 2, "19.9900", "0.1000")


# Cells of typed Parquet and what they are read as; None = set aside. First the type, then the cell, in SQL.
TYPED_CELLS = {
    "gross_amount": [
        ("double", "19.99", "19.99"), ("double", "0.1 + 0.2::double", "0.3"), ("double", "'nan'", None), ("double", "'inf'", None),
        ("double", "0.00001", None), ("double", "-1", None), ("double", "1e10", "10000000000"), ("double", "99999999999.9999", "99999999999.9999"),
        ("double", "-0.0", "0"), ("double", "1e15", None), ("double", "1e300", None), ("double", "1234.56789", None), ("double", "null", None),
        ("double", "9999999999.0001", "9999999999.0001"), ("double", "12345678.30000001", "12345678.3"),
        ("bigint", "99999999999999", "99999999999999"), ("bigint", "100000000000000", None), ("bigint", "-5", None), ("ubigint", "7", "7"),
        ("utinyint", "255", "255"), ("tinyint", "-128", None), ("hugeint", "5", "5"), ("float", "0.1", "0.1"), ("boolean", "true", None),
        ("decimal(12,2)", "5.10", "5.1"), ("decimal(18,6)", "1.234500", "1.2345"), ("decimal(18,6)", "1.234567", None), ("decimal(5,0)", "77", "77"),
        ("decimal(38,4)", "99999999999999.9999", "99999999999999.9999"), ("decimal(38,4)", "100000000000000", None),
        ("decimal(12,2)", "-0.01", None),
        ("date", "'2025-01-01'", None),
    ],
    "quantity": [
        ("integer", "3", "3"), ("integer", "0", None), ("bigint", "999999999", "999999999"), ("bigint", "1000000000", None), ("double", "2.0", "2"),
        ("double", "2.5", None), ("double", "2.9999999999999996", "3"), ("double", "1e9", None), ("double", "null", None),
        ("decimal(9,2)", "4.00", "4"), ("decimal(9,2)", "4.50", None), ("float", "2", "2"), ("bigint", "-9223372036854775808", None),
    ],
    "ordered_at": [
        ("timestamp", "'2025-03-31 23:59:59.999999'", "2025-03-31"), ("timestamp", "'1899-12-31'", None), ("timestamp", "'3000-01-01'", None),
        ("timestamp", "'infinity'", None), ("timestamp", "null", None), ("timestamp", "'2999-12-31 23:00'", "2999-12-31"),
        ("timestamptz", "'2025-03-31 15:59:59.999999+00'", "2025-03-31"), ("timestamptz", "'2025-03-31 16:00:00+00'", "2025-04-01"),
        ("timestamptz", "'2025-03-31 23:30:00-07'", "2025-04-01"), ("timestamptz", "'3000-01-01 00:00:00+00'", None),
        ("timestamptz", "'2999-12-31 23:59:59+00'", "3000-01-01"), ("timestamptz", "'1900-01-01 00:00:00+00'", "1900-01-01"),
        ("timestamptz", "'-infinity'", None), ("date", "'2025-03-31'", "2025-03-31"), ("date", "'1850-01-01'", None), ("date", "'3000-01-01'", None),
        ("timestamp_ns", "'2025-03-31 23:59:59.123456'", "2025-03-31"), ("timestamp_ns", "'2025-03-31 23:59:59.123456789'", "2025-03-31"),
        ("timestamp_ns", "'infinity'", None),
        ("timestamp_ms", "'2025-03-31 10:00'", "2025-03-31"), ("timestamp_s", "'2025-03-31 10:00'", "2025-03-31"), ("time", "'10:00'", None),
        ("integer", "20250331", None),
    ],
    "store": [("bigint", "7", "7"), ("varchar", "' \u3000S\t'", "S"), ("varchar", "'  '", None), ("double", "1.0", "1"), ("date", "'2025-03-31'", "2025-03-31")],
}  # fmt: skip


@pytest.mark.parametrize(("column", "type_"), [("quantity", "double"), ("quantity", "float"), ("gross_amount", "double"), ("unit_cost", "float")])
def test_nan_beside_small_values_spoils_its_row_alone(tmp_path, column, type_):
    """A file's statistics know the 1 but not the NaN, which makes comparisons look settled."""
    others = {"quantity": "1", "gross_amount": "10", "unit_cost": "5"}
    others.pop(column)
    write(tmp_path, {})
    rest = ", ".join(f"{value} as {name}" for name, value in others.items())
    duckdb.execute(f"""copy (select i as order_id, 1 as line_no, '2025-01-01' as ordered_at, 'S' as store, 'web' as channel, 'P' as product_id, {rest},
        case when i = 2 then 'nan'::{type_} else 1 end as {column} from range(1, 4) t(i)) to '{tmp_path}/order_lines.parquet'""").fetchall()
    loaded = load(tmp_path)
    assert [row[0] for row in loaded.rows["order_lines"]] == ["1", "3"]
    assert [row[1:4] for row in loaded.aside] == [(2, column, "nan")]


@pytest.mark.parametrize("column", TYPED_CELLS)
def test_typed_parquet_is_read_as_its_text_would_be(tmp_path, monkeypatch, column):
    """One file for each type, so that all are one table; then all of it once more through text: the same to the last row, reason and sum."""
    cells = TYPED_CELLS[column]
    for number, kind in enumerate(dict.fromkeys(kind for kind, *_ in cells)):
        usual = {"order_id": "", "line_no": "1", "ordered_at": "timestamp '2025-03-01'", "store": "'S'", "channel": "'web'", "product_id": "'P'",
                 "quantity": "1", "gross_amount": "1.5::decimal(9,2)"}  # fmt: skip
        rows = [usual | {"order_id": f"'{n}'", column: f"cast({cell} as {kind})"} for n, (own, cell, _) in enumerate(cells) if own == kind]
        query = " union all ".join(f"select {', '.join(f'{cell} as {name}' for name, cell in row.items())}" for row in rows)
        write(tmp_path, {f"order_lines/{number}.parquet": b""})
        duckdb.execute(f"set TimeZone = 'UTC'; copy ({query}) to '{tmp_path}/order_lines/{number}.parquet'")
    loaded = load(tmp_path)
    place = [one.name for one in TABLES["order_lines"].columns].index(column)
    found = {int(row[0]): row[place] for row in loaded.rows["order_lines"]}
    for number, (kind, cell, expected) in enumerate(cells):
        value = found.get(number)
        shown = None if value is None else f"{value:f}".rstrip("0").rstrip(".") if column == "gross_amount" else str(value)[:10]
        assert shown == expected, (kind, cell)
    came = tuple(map(sum, zip(*(row[2:5] for row in loaded.loads), strict=True)))
    assert came == (len(cells), len(found), len(cells) - len(found)) and len(loaded.aside) == len(cells) - len(found)
    shutil.rmtree(tmp_path / "scratch")
    monkeypatch.setattr("helpers.load.TYPED", {})
    assert load(tmp_path) == loaded


def test_messy_typed_table_gives_the_same_sums_and_reasons_as_its_text(tmp_path, monkeypatch):
    """Ten thousand sales with holes, negative and endless amounts, repeated keys, times with a zone; and their returns, of which some have no sale."""
    write(tmp_path, {"fx_rates.csv": "date,currency,rate\n2025-02-01,USD,7.1\n"})
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"""copy (select i % 9000 as order_id, case when i % 501 = 7 then null else 1 + i % 3 end as line_no,
            timestamptz '2024-12-31 15:00:00+00' + to_minutes(cast(i * 17 as integer)) as ordered_at,
            case i % 4 when 0 then 'N' when 1 then ' N' else 'S' end as store,
            case when i % 777 = 5 then ' ' else 'web' end as channel, i % 10 as product_id, case when i % 333 = 1 then 0.5 else i % 5 end as quantity,
            case when i % 1000 = 3 then 'inf'::double when i % 1000 = 4 then 'nan'::double when i % 1000 = 5 then -i when i % 1000 = 6 then 1e-6
                 else i * 1.01 end as gross_amount,
            case when i % 50 = 0 then null else cast(case when i % 7 = 3 then 0.123456 else 0.5 end as decimal(18,6)) end as discount_amount, cast(i % 97 - 1 as decimal(12,2)) as platform_fee,
            case when i % 3 = 0 then 'USD' when i % 1013 = 0 then 'EUR' end as currency from range(10000) t(i)) to '{tmp_path}/order_lines.parquet'""")
        con.execute(f"""copy (select case i % 4 when 0 then 'N' when 1 then 'N' else 'S' end as store, i % 9000 as order_id, 1 + i % 3 as line_no,
            case when i % 91 = 0 then timestamp '2025-05-01 10:00' else timestamp '2025-05-01' end as refunded_on, 1 as quantity,
            i * 0.01 as refund_amount, i % 2 = 0 as restocked from range(0, 11000, 7) t(i)) to '{tmp_path}/returns.parquet'""")
    typed = load(tmp_path, "order_lines", "returns")
    shutil.rmtree(tmp_path / "scratch")
    monkeypatch.setattr("helpers.load.TYPED", {})
    assert load(tmp_path, "order_lines", "returns") == typed
    reasons = {reason for *_, reason in typed.aside}
    assert len(reasons) == 9 and len(typed.rows["order_lines"]) > 100 and len(typed.rows["returns"]) > 100
    for came, kept, aside, _ in typed.amounts.values():
        assert came == kept + aside


def test_sql_source(tmp_path):
    folder = tmp_path / "店 it's [1]"
    sql = f"""select nr as order_id, row_number() over () as line_no, tag as ordered_at, 'S' as store, 'web' as channel,
              'P' as product_id, 1 as quantity, betrag as gross_amount, 'x' as extra
              from read_csv('roh/*.csv', filename = true) where nr < 3 -- {LINES}"""
    write(
        folder,
        {"lines.sql": sql, "roh/é 1.csv": "nr,tag,betrag\n1,2025-03-01,5\n3,2025-03-01,5\n", "roh/2.csv": "nr,tag,betrag\n2,soon,7\n"},
        TOML + SOURCE,
    )
    loaded = load(folder)
    assert [row[0] for row in loaded.rows["order_lines"]] == ["1"]
    assert [row[2:4] for row in loaded.aside] == [("ordered_at", "soon")] and loaded.aside[0][0] == "lines.sql"
    assert loaded.loads[0][:5] == ("order_lines", "lines.sql", 2, 1, 1) and loaded.loads[0][7] == "extra"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selec 1", ["lines.sql did not run", "syntax error"]),
        ("select 1 as order_id", ["lines.sql has no column `line_no`"]),
        ("from '../other/secret.csv'", ["lines.sql did not run", "inside the company folder"]),
        (b"select '\xff'", ["lines.sql did not run"]),
        (None, ["lines.sql did not run", "No such file"]),
    ],
)
def test_sql_source_with_a_fault(tmp_path, sql, words):
    write(tmp_path / "other", {"secret.csv": "a\n1\n"}, None)
    refused(write(tmp_path / "shop", {"lines.sql": sql} if sql else {"x": ""}, TOML + SOURCE), *words)
