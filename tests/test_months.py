"""The ledger month by month: the same bytes however many threads and months at a time, and a month that is added redoes what it touches, no more."""

import csv
import shutil
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import large
import pytest

from helpers import ledger
from helpers.company import PROJECT, open_company
from helpers.files import stored

DATED = {"order_lines": "ordered_at", "returns": "refunded_on", "marketing_spend": "date", "staffing": "month", "overheads": "month",
         "payouts": "paid_on", "product_costs": "valid_from", "fx_rates": "date", "inventory": "date"}  # fmt: skip
YEAR = [f"2024-{month:02}" for month in range(1, 13)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Changes the cache to the folder of a name."""
    return lambda name: monkeypatch.setattr(ledger, "CACHE", tmp_path / name)


def prepare(folder: Path) -> Path:
    return ledger.prepare(open_company(str(folder)))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def redone(now: Path, before: Path) -> list[str]:
    """The months of which at least one file is another one than before, not the same place on the disk."""
    same = lambda name, month: (file := before / name / month).exists() and file.samefile(now / name / month)  # noqa: E731
    files = [(name, path.name) for name in (*ledger.MONTHLY, "order_lines") for path in (now / name).iterdir()]
    return sorted({month.removesuffix(".parquet") for name, month in files if not same(name, month)})


def month_of(text: str) -> str:
    """The month of a day, or of a time at the company's place."""
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m}" if text.count(":") > 2 else text[:7]


def write_sample(folder: Path, months: list[str], more: dict[str, list[dict]] | None = None) -> dict[str, list[dict]]:
    """Writes the sample company as it was after these months, with more rows in some tables, and returns the rows."""
    folder.mkdir()
    shutil.copy(PROJECT / "data" / "sample" / "company.toml", folder)
    tables = {}
    for name in ("products", "employees", *DATED):
        with (PROJECT / "data" / "sample" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if name not in DATED or month_of(row[DATED[name]]) in months]
        tables[name] = rows + (more or {}).get(name, [])
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(tables[name])
    return tables


def test_threads_and_months_at_a_time_change_no_byte(tmp_path, cache, monkeypatch):
    folder = large.write(tmp_path / "large", lines=260_000)
    connect, found = duckdb.connect, []
    for threads, together in ((1, 1), (4, 10_000_000)):
        cache(f"{threads} threads")
        monkeypatch.setattr(ledger, "TOGETHER", together)
        monkeypatch.setattr(
            ledger.duckdb, "connect", lambda *given, config=None, n=threads: connect(*given, config=(config or {}) | {"threads": n})
        )
        found.append(prepare(folder))
    assert found[0] != found[1] and contents(found[0]) == contents(found[1])
    lines = duckdb.execute(f"select count(*), max(month), sum(gross_sales) from {stored(found[0] / 'ledger')}").fetchall()[0]
    assert lines == duckdb.execute(f"select count(*), '2025-12', sum(gross_amount) from '{folder}/order_lines.parquet'").fetchall()[0]


def test_a_month_that_is_added_is_the_only_one_redone(tmp_path, cache):
    cache("cache")
    before = prepare_months(tmp_path, "eleven", YEAR[:11])
    now = prepare_months(tmp_path, "twelve", YEAR)
    late = "select count(*) from {} l join {} s using (store, order_id, line_no) where l.kind = 'return' and s.kind = 'sale' and l.month = '2024-12' and s.month < '2024-12'"
    assert (
        duckdb.execute(late.format(stored(now / "ledger"), stored(now / "ledger"))).fetchall()[0][0] > 20
    )  # its returns reach into the months before
    assert redone(now, before) == ["2024-12"]
    cache("another cache")
    assert contents(prepare(tmp_path / "twelve")) == contents(now)


def prepare_months(tmp_path: Path, name: str, months: list[str], more: dict[str, list[dict]] | None = None) -> Path:
    write_sample(tmp_path / name, months, more)
    return prepare(tmp_path / name)


def test_late_refunds_and_corrected_costs_redo_what_they_touch(tmp_path, cache):
    """With December come a refund of October that was forgotten, and a cost that was wrong for ten days in March."""
    cache("cache")
    before = prepare_months(tmp_path, "eleven", YEAR[:11])
    tables = write_sample(tmp_path / "all", YEAR)
    returned = {(row["store"], row["order_id"], row["line_no"]) for row in tables["returns"]}
    forgotten = next(row for row in tables["order_lines"] if row["ordered_at"].startswith("2024-10-1") and row["customer_id"] and not row["status"]
                     and not row["currency"] and (row["store"], row["order_id"], row["line_no"]) not in returned)  # fmt: skip
    refund = {name: forgotten[name] for name in ("store", "order_id", "line_no")}
    refund |= {"refunded_on": "2024-10-28", "quantity": "1", "refund_amount": "10", "restocked": "false"}

    sold = {(row["store"], row["order_id"], row["line_no"]): (row["product_id"], row["ordered_at"][:10]) for row in tables["order_lines"]}
    wrong = [date(2024, 3, 5), date(2024, 3, 15)]
    touched = {}  # a product's months in which goods that were sold in those days came back into stock
    for row in tables["returns"]:
        product, day = sold.get((row["store"], row["order_id"], row["line_no"]), ("", ""))
        if str(wrong[0]) <= day < str(wrong[1]) and row["restocked"] == "true":
            touched.setdefault(product, set()).add(row["refunded_on"][:7])
    product, months = min((product, months) for product, months in touched.items() if months - {"2024-03"} and max(months) < "2024-10")
    costs = [row for row in tables["product_costs"] if row["product_id"] == product and row["valid_from"] <= str(wrong[0])]
    cost = max(costs, key=lambda row: row["valid_from"])
    assert not any(str(wrong[0]) <= row["valid_from"] < str(wrong[1]) for row in tables["product_costs"] if row["product_id"] == product)
    corrected = [cost | {"valid_from": str(wrong[0]), "unit_cost": "1"}, cost | {"valid_from": str(wrong[1])}]

    now = prepare_months(tmp_path, "twelve", YEAR, {"returns": [refund], "product_costs": corrected})
    # the refund is October's; whoever bought in November was judged by what was bought before it
    assert redone(now, before) == sorted({"2024-03", *months, "2024-10", "2024-11", "2024-12"})
    cache("another cache")
    assert contents(prepare(tmp_path / "twelve")) == contents(now)
    amounts = f"select sum(refunds) from {{}} where order_id = '{forgotten['order_id']}' and month = '2024-10'"
    assert duckdb.execute(amounts.format(stored(now / "ledger"))).fetchall()[0][0] == -10


def test_a_folder_that_goes_away_meanwhile(tmp_path, cache, monkeypatch):
    cache("cache")
    before = prepare_months(tmp_path, "eleven", YEAR[:2])
    (before / "spread" / "2024-01.parquet").unlink()
    now = prepare_months(tmp_path, "twelve", YEAR[:3])
    assert redone(now, before) == ["2024-01", "2024-03"]
    cache("another cache")
    assert contents(prepare(tmp_path / "twelve")) == contents(now)


def spoil(path: Path, content: bytes) -> None:
    """Replaces a file, which others may share, by one of this content."""
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize(("spoilt", "how"), [
    ("spread/2024-02.parquet", "deleted"), ("products.parquet", "deleted"), ("ledger/2024-01.parquet", "cut"), ("customer_months/2024-02.parquet", "cut"),
    ("months.json", "junk"), ("files.json", "cut"), ("files.json", "junk"),
])  # fmt: skip
def test_a_damaged_folder_is_made_anew_and_never_read(tmp_path, cache, spoilt, how):
    cache("cache")
    folder = prepare_months(tmp_path, "three", YEAR[:3])
    whole, path = contents(folder), folder / spoilt
    if how == "deleted":
        path.unlink()
    else:
        spoil(path, path.read_bytes()[:-20] if how == "cut" else b"[]")
    more = prepare_months(tmp_path, "four", YEAR[:4])  # takes over what is sound, and no damage
    assert contents(prepare(tmp_path / "three")) == whole
    cache("another cache")
    assert contents(prepare(tmp_path / "four")) == contents(more)
