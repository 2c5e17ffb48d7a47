"""The book: what it refuses, and slices that add up whatever the ids hold."""

from pathlib import Path

import pandas as pd
import pytest
from folders import LINES, ONE_LINE, write

from helpers import ledger
from helpers.book import SPREAD_DIMENSIONS, VIEWS, gather, kept, open_book
from helpers.contract import LADDER, NOBODY, SUBTOTALS, TABLES, BadInput
from helpers.contract import LINES as LEDGER_LINES

HAND = Path(__file__).parent / "hand" / "company"
HOSTILE = [
    "'; drop table ledger; --", '"', "a'b''c", "$1", "$scope", "{scope}", "%s", "\\", "two\nlines", "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "../../x", "\u202eright to left", "x" * 10_000, "00123", "123", "1e2", "NaN", "null", "None", "unallocated", "月",
]  # fmt: skip


def test_a_month_of_refunds_alone_has_a_book_but_is_not_the_latest(odd_company):
    assert open_book(str(odd_company), "latest").month == "2025-04"
    whole = open_book(str(odd_company), "2025-05").ladder().iloc[0]
    assert (whole["gross_sales"], whole["refunds"], whole["cogs"], whole["contribution"]) == (0, -60, 50, -10)
    refused(str(odd_company), "2025-06", words=["month 2025-06 has no sales, refunds or costs", "2025-02 to 2025-04"])


def refused(*parameters, words: list[str]) -> None:
    with pytest.raises(BadInput) as error:
        open_book(*parameters)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("month", "scope", "words"),
    [
        ("2025-05", "company", ["month 2025-05 has no sales", "2025-02 to 2025-04"]),
        ("2099-01", "company", ["month 2099-01 has no sales", "2025-02 to 2025-04"]),
        ("2024-03", "company", ["has no sales"]),
        ("2025-13", "company", ["month 2025-13 is not a month", "2025-02 to 2025-04"]),
        ("2025-3", "company", ["is not a month"]), ("202503", "company", ["is not a month"]), ("2025-03-01", "company", ["is not a month"]),
        ("２０２５-03", "company", ["no sales"]), ("2025-03\n", "company", ["is not a month"]), ("last", "company", ["is not a month"]),
        ("", "company", ["month must be text"]), (202503, "company", ["month must be text, not 202503"]),
        (None, "company", ["month must be text"]),
        ("2025-03", "a", ["'a' is not a store", "this company has A, B", "did you mean `A`?"]),
        ("2025-03", "Company", ["'Company' is not a store"]), ("2025-03", "A' or 1=1 --", ["is not a store"]),
        ("2025-03", 1, ["scope must be text"]),
        ("2025-03", "", ["scope must be text"]),
    ],
)  # fmt: skip
def test_refused_parameters(month, scope, words):
    refused(str(HAND), month, scope, words=words)


def test_data_that_is_no_text():
    for data in (None, 5, HAND, ""):
        refused(data, "latest", words=["data must be text"])


def test_latest_month_and_what_the_book_tells():
    book = open_book(str(HAND), "latest")
    assert (book.month, book.months, book.stores, book.name, book.currency, book.stage) == (
        "2025-04", ["2025-02", "2025-03", "2025-04"], ["A", "B"], "Ten Orders", "CNY", "startup",
    )  # fmt: skip
    assert (str(book.first_day)[:10], str(book.last_day)[:10]) == ("2025-04-01", "2025-04-30")
    assert book.months_back(14)[0] == "2024-03" and len(book.months_back(14)) == 14
    assert book.before().month == "2025-03" and book.before(2).month == "2025-02" and book.before(3) is None
    assert "payouts" in book.missing and "returns" not in book.missing


def test_every_line_cancelled(tmp_path):
    write(tmp_path, {"order_lines.csv": f"{LINES},status\n1,1,2025-03-01,S,web,P,1,100,cancelled\n"})
    for month in ("latest", "2025-03"):
        refused(str(tmp_path), month, words=["every row of order_lines", "cancelled"])


def test_a_cancelled_line_is_counted_and_worth_nothing(tmp_path):
    write(
        tmp_path,
        {
            "order_lines.csv": f"{LINES},status\n1,1,2025-03-01,S,web,P,1,100,cancelled\n"
            "1,2,2025-03-01,S,web,P,1,30,\n2,1,2025-03-01,T,web,P,1,9,cancelled\n"
        },
    )
    book = open_book(str(tmp_path), "2025-03")
    assert book.ladder()[["net_sales", "orders", "quantity"]].values.tolist() == [[30, 1, 1]]
    assert book.sql("select loaded, set_aside from loads").values.tolist() == [[3, 0]]


@pytest.mark.parametrize("scope", ["company", "A", "B"])
def test_every_view_adds_up_to_the_whole(scope):
    book = open_book(str(HAND), "2025-03", scope)
    whole = book.ladder()
    assert whole["net_sales"][0] == {"company": 850, "A": 850 - 352, "B": 352}[scope]  # B sold 252 on the 16th and 100 on the 31st
    views = [[name] for name in SPREAD_DIMENSIONS] + [
        ["store", "channel", "product_id"],
        ["category", "team", "region"],
        list(SPREAD_DIMENSIONS),
    ]
    for by in views:
        frame = book.ladder(by)
        assert (
            frame[by].equals(frame[by].sort_values(by, ignore_index=True))
            and not frame.duplicated(by).any()
            and not frame.isna().any().any()
        )
        for column in [*LEDGER_LINES, *SUBTOTALS, "quantity", "base"]:
            assert frame[column].sum() == pytest.approx(whole[column][0], abs=1e-9), (by, column)
    if scope == "company":
        assert whole[["contribution", "operating_profit"]].round(9).values.tolist() == [[17.2, -302.8]]


@pytest.mark.parametrize("by", [(), ("category",), ("month", "store"), ("segment",)])
def test_without_orders_it_is_the_same_ladder(by):
    book = open_book(str(HAND), "2025-04")
    counted, plain = (book.ladder(by, book.months, orders=orders) for orders in (True, False))
    assert counted["orders"].sum() > 0 and plain.equals(counted.drop(columns="orders"))


def test_ladder_reads_left_to_right():
    frame = open_book(str(HAND), "2025-03").ladder(["store"])
    running = 0
    for line, subtotal in LADDER.items():
        running = running + frame[line]
        if line == [name for name, end in LADDER.items() if end == subtotal][-1]:
            assert (running - frame[subtotal]).abs().max() < 1e-9
    assert list(frame)[1:6] == ["gross_sales", "discounts", "shipping_income", "refunds", "net_sales"]


def test_daily_is_the_ledger_as_it_was_spent():
    book = open_book(str(HAND), "2025-03")
    daily = book.daily()
    assert daily["day"].is_monotonic_increasing and str(daily["day"].iloc[0])[:10] == "2025-03-01"
    assert daily.loc[pd.to_datetime(daily["day"]) == "2025-03-31", "net_sales"].tolist() == [100]  # one second before midnight in Shanghai
    assert daily["marketing"].sum() == pytest.approx(-307)
    april = book.daily(["store"], "2025-04-01", "2025-04-30")
    assert april[["store", "net_sales"]].values.tolist() == [["B", 100]]


def test_frames_are_the_caller_s_own():
    book = open_book(str(HAND), "2025-03")
    frame = book.ladder(["store"])
    frame["net_sales"] = 0.0
    assert book.ladder(["store"])["net_sales"].sum() == 850
    assert book.ladder(by=["store"]).equals(book.ladder(("store",)))


def test_unknown_dimension():
    with pytest.raises(ValueError, match="'day' is not a dimension"):
        open_book(str(HAND), "2025-03").ladder(["day"])


def test_only_order_lines(tmp_path):
    book = open_book(str(write(tmp_path, {"order_lines.csv": ONE_LINE})), "2025-03")
    for by in SPREAD_DIMENSIONS:
        (row,) = book.ladder([by]).to_dict("records")
        assert row[by] == {"month": "2025-03", "store": "S", "channel": "web", "product_id": "P"}.get(by, NOBODY.get(by))
        assert (row["net_sales"], row["uncosted_sales"], row["gross_profit"]) == (100, -100, 0)
    assert list(book.missing) == [name for name in TABLES if name != "order_lines"]
    for name in TABLES:  # what is missing is an empty table with its columns
        assert list(book.sql(f"from {name}")) == [column.name for column in TABLES[name].columns]


def test_hostile_ids_stay_what_they_are(tmp_path):
    cell = lambda text: '"' + text.replace('"', '""') + '"'  # noqa: E731
    names = LINES.split(",") + ["employee_id", "campaign_id", "region"]
    rows = "".join(f"{c},{c},2025-03-01,{c},{c},{c},1,{n},{c},{c},{c}\n" for n, c in enumerate(map(cell, HOSTILE), 1))
    rows += f"{cell(HOSTILE[0])},other,2025-02-01,{cell(HOSTILE[0])},web,P,1,5,,,\n"
    write(tmp_path, {"order_lines.csv": ",".join(names) + "\n" + rows})
    book = open_book(str(tmp_path), "2025-03")
    assert set(book.stores) == set(HOSTILE)
    for by in ("store", "channel", "product_id", "employee_id", "campaign_id", "region"):
        frame = book.ladder([by])
        assert dict(zip(frame[by], frame["net_sales"], strict=True)) == {name: n for n, name in enumerate(HOSTILE, 1)}
    for n, name in enumerate(HOSTILE, 1):
        scoped = open_book(str(tmp_path), "2025-03", name) if n < 6 else type(book)(book.company, book.prepared, "2025-03", name, book.con)
        assert scoped.ladder(["product_id"])[["product_id", "net_sales"]].values.tolist() == [[name, n]]
        assert scoped.daily(["channel"])["net_sales"].tolist() == [n]
    assert open_book(str(tmp_path), "2025-03", HOSTILE[0]).before().ladder()["net_sales"].tolist() == [5]


def test_cache_path_with_pattern_characters_quotes_and_cjk(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "CACHE", tmp_path / '店 it\'s [v2]* "x"')
    book = open_book(str(write(tmp_path / "a b", {"order_lines.csv": ONE_LINE})), "latest")
    assert book.ladder()["net_sales"].tolist() == [100]


def test_gathered_tables_are_the_same_and_a_book_does_without_them(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "CACHE", tmp_path / "店 it's")
    apart = open_book(str(HAND), "2025-03")
    gather(apart.prepared)
    (path,) = (apart.prepared / "kept").glob("tables-*")
    together, again = open_book(str(HAND), "2025-03"), open_book(str(HAND), "2025-03", "A")  # two at a time, in one process
    attached = "select count(*) as n from duckdb_databases() where database_name = 'gathered'"
    assert [book.sql(attached)["n"][0] for book in (apart, together, again)] == [0, 1, 1]
    for name in VIEWS:
        pd.testing.assert_frame_equal(apart.sql(f"from {name}"), together.sql(f"from {name}"))
    assert again.table("mine", "select 1 as one") in again.memory  # what is kept in the engine needs no room in a file to be read
    whole = path.read_bytes()
    for broken in (lambda: path.write_bytes(b"no tables"), lambda: path.write_bytes(whole[: len(whole) // 2]), path.unlink):
        broken()
        assert open_book(str(HAND), "2025-03").ladder(["store"]).equals(apart.ladder(["store"]))
    monkeypatch.setattr("helpers.book.SMALL", 10)
    gather(apart.prepared)
    assert not list(path.parent.iterdir())
    monkeypatch.setattr("helpers.book.SMALL", sum(file.stat().st_size for file in apart.prepared.rglob("*.parquet")))
    path.with_name("decisions-1.feather").write_bytes(b"kept for the notebooks of a scope, and no table")
    gather(apart.prepared)
    assert path.exists()


@pytest.mark.parametrize("left", [0, 200])
def test_a_frame_that_was_kept_and_is_damaged_is_made_again(tmp_path, monkeypatch, left):
    monkeypatch.setattr(ledger, "CACHE", tmp_path)
    book, made = open_book(str(HAND), "2025-03"), []
    ask = lambda: kept(book, "mine", lambda: made.append(1) or pd.DataFrame({"a": [1.5, 2.5]}))  # noqa: E731
    first, (path,) = ask(), (book.prepared / "kept").glob("mine-*")
    path.write_bytes(path.read_bytes()[:left])
    assert ask().equals(first) and ask().equals(first) and len(made) == 2


def test_order_sums_share_buckets_and_lose_nothing(monkeypatch):
    monkeypatch.setattr("helpers.book.BUCKETS", 2)
    book = open_book(str(HAND), "2025-03")
    sums = book.order_sums("channel", "l.month = '2025-03'")
    # web: A 1001, 1002, B 1001, 1002 and the refund of A 0900; live: A 1003, 1004
    assert sums.groupby("entity")["orders"].sum().to_dict() == {"live": 2, "web": 5} and set(sums["bucket"]) == {0, 1}
    # live: 240 and 60 less 12 refunded; web: 180 + 110 + 110 + 252 + 100 less 90 and 100
    assert sums.groupby("entity")["net_sales"].sum().to_dict() == {"live": 288, "web": 562}
    alone = book.order_sums("channel", "l.month = '2025-03'", ["live", "nowhere"])
    pd.testing.assert_frame_equal(alone, sums[sums["entity"] == "live"].reset_index(drop=True))
    assert book.order_sums("channel", "true", []).empty
    assert book.order_sums(None, "l.month = '2025-03'")["net_sales"].sum() == 850
