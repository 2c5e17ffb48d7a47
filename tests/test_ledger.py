"""The prepared company: exact sums, one content one result, never stale, and nothing left behind by a run that failed."""

import hashlib
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from folders import LINES, ONE_LINE, SOURCE, TOML, without_rights, write

from helpers import ledger
from helpers.company import PROJECT, open_company
from helpers.contract import BadInput
from helpers.files import stored


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, empty."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(ledger, "CACHE", folder)
    return folder


def prepare(folder: Path) -> Path:
    return ledger.prepare(open_company(str(folder)))


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def query(prepared: Path, sql: str) -> list[tuple]:
    """Rows of a query over {name} for each prepared file; decimals without the zeros at their end."""
    names = {path.stem: stored(path.with_suffix("")) for path in prepared.iterdir()}
    rows = duckdb.execute(sql.format(**names)).fetchall()
    return [tuple(cell.normalize() if isinstance(cell, Decimal) else cell for cell in row) for row in rows]


# --- money


def test_spread_marketing_adds_up_to_the_last_place(cache, tmp_path):
    """100 spread over three equal sales is 33.33… three times, and 100 together; 10 over sales of 3, 0 and −1 is 15, 0 and −5."""
    write(tmp_path / "shop", {
        "order_lines.csv": f"{LINES},discount_amount\n" + "".join(f"{n},1,2025-03-0{n},S,web,P{n},1,7,\n" for n in (1, 2, 3))
        + "4,1,2025-03-04,S,live,P1,1,3,\n5,1,2025-03-04,S,live,P2,1,3,3\n6,1,2025-03-04,S,live,P3,1,3,4\n",
        "marketing_spend.csv": "date,store,channel,amount,kind\n2025-03-31,S,web,100,ads\n2025-03-01,S,live,10,ads\n"
        "2025-04-01,S,web,5,ads\n",
    })  # fmt: skip
    prepared = prepare(tmp_path / "shop")
    assert query(prepared, "select sum(marketing) from {spread} where month = '2025-03' and channel = 'web'") == [(Decimal(-100),)]
    thirds = query(prepared, "select product_id, marketing from {spread} where month = '2025-03' and channel = 'web' order by 1")
    assert [share for _, share in thirds] == [Decimal("-33.333334"), Decimal("-33.333333"), Decimal("-33.333333")]
    assert query(prepared, "select product_id, marketing from {spread} where channel = 'live' order by 1") == [
        ("P1", -15),
        ("P2", 0),
        ("P3", 5),
    ]
    # April's 5 met no sale: a row of its own
    assert query(prepared, "select product_id, channel, marketing, base from {spread} where month = '2025-04'") == [("", "web", -5, 0)]


def test_amounts_are_exact(cache, tmp_path):
    """A thousand times 0.0001 and a large amount; floats would lose the small ones."""
    rows = "".join(f"{n},1,2025-03-01,S,web,P,1,0.0001\n" for n in range(1000)) + "big,1,2025-03-01,S,web,P,1,99999999999999\n"
    prepared = prepare(write(tmp_path / "shop", {"order_lines.csv": f"{LINES}\n{rows}"}))
    assert query(prepared, "select sum(gross_sales), sum(uncosted_sales) from {ledger}") == [
        (Decimal("99999999999999.1"), Decimal("-99999999999999.1"))
    ]
    assert query(prepared, "select gross_sales, base from {spread}") == [(Decimal("99999999999999.1"),) * 2]


def test_rates_and_costs_change_on_their_day(cache, tmp_path):
    """Two dollars' cost; the dollar is 7 until 9 March, 8 from the 10th; the cost is 3 dollars from the 11th. Sold for 100 CNY each day."""
    write(tmp_path / "shop", {
        "order_lines.csv": f"{LINES},unit_cost,currency\n" + "".join(f"{day},1,2025-03-{day},S,web,P,2,100,,\n" for day in ("08", "09",
        "10", "11"))
        + "usd,1,2025-03-09,S,web,P,2,100,4,USD\nold,1,2025-02-01,S,web,P,1,100,,\n",
        "product_costs.csv": "product_id,valid_from,unit_cost,currency\nP,2025-03-11,3,USD\nP,2025-03-08,2,USD\n",
        "fx_rates.csv": "date,currency,rate\n2025-03-10,USD,8\n2025-03-01,USD,7\n",
    })  # fmt: skip
    rows = query(prepare(tmp_path / "shop"), "select order_id, gross_sales, uncosted_sales, cogs from {ledger} order by day, order_id")
    assert rows == [
        ("old", 100, -100, 0),
        ("08", 100, 0, -28),
        ("09", 100, 0, -28),
        ("usd", 700, 0, -56),
        ("10", 100, 0, -32),
        ("11", 100, 0, -48),
    ]


def test_large_costs(cache, tmp_path):
    """The largest amount and quantity that a cell may hold still have a product; with a rate on top it is refused, not wrong."""
    lines = f"{LINES},unit_cost,currency\n1,1,2025-03-01,S,web,P,999999999,1,"
    prepared = prepare(write(tmp_path / "a", {"order_lines.csv": lines + "99999999999999,\n"}))
    assert query(prepared, "select cogs from {ledger}") == [(Decimal(-99999999999999 * 999999999),)]
    write(
        tmp_path / "b", {"order_lines.csv": lines + "99999999999999,USD\n", "fx_rates.csv": "date,currency,rate\n2025-01-01,USD,99999999\n"}
    )
    with pytest.raises(BadInput, match="an amount is too large to compute with.*unit_cost"):
        prepare(tmp_path / "b")
    assert len(list(cache.iterdir())) == 1


# --- one content, one result


def test_prepared_again_it_is_the_same_byte_for_byte(cache, small_company, monkeypatch, tmp_path):
    first = digests(prepare(small_company))
    monkeypatch.setattr(ledger, "CACHE", tmp_path / "another cache")
    assert digests(prepare(small_company)) == first


def test_order_of_rows_and_columns_and_kind_of_file_don_t_matter(cache, small_company, tmp_path):
    one = digests(prepare(small_company))
    for path in small_company.glob("*.csv"):
        header, *rows = path.read_text().splitlines()
        path.write_text("\n".join([header, *reversed(rows)]) + "\n")
    lines, turned = small_company / "order_lines.csv", tmp_path / "order_lines.parquet"
    duckdb.execute(f"copy (select columns(*)::varchar from read_csv('{lines}', all_varchar = true)) to '{turned}'")
    lines.unlink()
    turned.rename(small_company / "order_lines.parquet")
    two = digests(prepare(small_company))
    same = [
        name for name in one if name.split("/")[0].split(".")[0] in ("ledger", "spread", "bases", "customer_months", "stock", "receipts")
    ]
    assert len(same) == 4 * 3 + 2 and [one[name] for name in same] == [two[name] for name in same]
    assert one["order_lines/2025-03.parquet"] != two["order_lines/2025-03.parquet"]


def test_reused_until_the_content_changes(cache, tmp_path, monkeypatch):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    first = prepare(folder)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_write", None)  # a second preparation would fail
        assert prepare(folder) == first
    path = folder / "order_lines.csv"
    times = path.stat()
    path.write_text(ONE_LINE.replace("100", "900"))  # the same size, the same time
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = prepare(folder)
    assert [query(prepared, "select gross_sales from {ledger}") for prepared in (first, second)] == [[(100,)], [(900,)]]


def test_changed_code_never_meets_old_tables(cache, tmp_path, monkeypatch):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    before = ledger._code()
    read = Path.read_bytes
    for name in ("contract.py", "company.py", "files.py", "load.py", "confined.py", "ledger.py", "ledger.sql", "months.sql"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", lambda path, name=name: read(path) + b" " * (path.name == name))
            assert ledger._code() != before, name
    company, first = open_company(str(folder)), prepare(folder)
    monkeypatch.setattr(ledger, "_code", lambda: "changed")
    monkeypatch.setattr(ledger, "_write", lambda company, scratch, made: (made / "ledger").mkdir())
    assert ledger.prepare(company) != first


def test_two_at_once(tmp_path, small_company):
    code = "import sys; from helpers import company, ledger; print(ledger.prepare(company.open_company(sys.argv[1])))"
    environment = os.environ | {"PROFIT_CACHE": str(tmp_path / "cache")}
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(small_company)], cwd=PROJECT, env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    one, two = (Path(process.communicate()[0].decode().strip()) for process in both)
    assert [process.returncode for process in both] == [0, 0] and one == two
    assert list((tmp_path / "cache").iterdir()) == [one]  # whole, and PROFIT_CACHE is where it lies
    assert query(one, "select sum(gross_sales + discounts + shipping_income + refunds) from {ledger} where month = '2025-03'") == [(850,)]


def test_someone_else_was_first(cache, tmp_path, monkeypatch):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    usual = ledger._write

    def slow(company, scratch, made):
        usual(company, scratch, made)
        monkeypatch.setattr(ledger, "_write", usual)
        prepare(folder)

    monkeypatch.setattr(ledger, "_write", slow)
    assert query(prepare(folder), "select gross_sales from {ledger}") == [(100,)]
    assert len(list(cache.iterdir())) == 1


def test_files_that_change_meanwhile(cache, tmp_path, monkeypatch):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    monkeypatch.setattr(ledger, "_write", lambda *_: (folder / "order_lines.csv").write_text(ONE_LINE + "2,1,2025-03-01,S,web,P,1,1\n"))
    with pytest.raises(BadInput, match="the files in shop changed while they were read"):
        prepare(folder)
    assert list(cache.iterdir()) == []


# --- what goes wrong


@pytest.mark.parametrize(
    ("files", "toml", "words"),
    [
        ({"order_lines.csv": LINES + "\n"}, TOML, "not one row of order_lines could be loaded; first reason: the file has no rows"),
        ({"order_lines.csv": ONE_LINE.replace("100", "x")}, TOML,
        "first reason: order_lines.csv row 2, column gross_amount: not a plain amount"),
        ({"order_lines.csv": LINES + "\n1,2\n"}, TOML, "first reason: order_lines.csv row 2: 2 cells where the header has 8"),
        ({"order_lines.csv": ONE_LINE, "returns.csv": b""}, TOML, "returns.csv is empty"),
        ({"lines.sql": "select 1 as a"}, TOML + SOURCE, "lines.sql has no column `order_id`"),
        (
            {"lines.sql": f"select {', '.join(f'null as {name}' for name in LINES.split(','))}"}, TOML + SOURCE,
            "first reason: lines.sql row 1, column order_id: missing",
        ),
    ],
)  # fmt: skip
def test_refused_and_nothing_left(cache, tmp_path, files, toml, words):
    with pytest.raises(BadInput) as error:
        prepare(write(tmp_path / "shop", files, toml))
    assert words in str(error.value) and "\n" not in str(error.value)
    assert list(cache.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs root on Linux, to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("source", ["csv", "cp1252", "sql"])
def test_disk_full(tiny_disk, tmp_path, monkeypatch, source):
    monkeypatch.setattr(ledger, "CACHE", tiny_disk / "cache")
    text = LINES + "\n" + "".join(f"{hashlib.md5(b'%d' % n).hexdigest()},1,2025-03-01,Café,web,P,1,5\n" for n in range(30_000))
    sql = "select md5(i::varchar) as order_id, 1 as line_no from range(100000) t(i)"
    files = {"lines.sql": sql} if source == "sql" else {"order_lines.csv": text.encode("utf-8" if source == "csv" else source)}
    with pytest.raises(BadInput, match="disk is full|No space left on device"):
        prepare(write(tmp_path / "shop", files, TOML + SOURCE if source == "sql" else TOML))
    assert list((tiny_disk / "cache").iterdir()) == []


def test_disk_full_as_the_engine_says_it(cache, tmp_path, monkeypatch):
    def full(*_):
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(ledger, "store", full)
    with pytest.raises(BadInput, match="the disk is full"):
        prepare(write(tmp_path / "shop", {"order_lines.csv": ONE_LINE}))
    assert list(cache.iterdir()) == []


def test_cache_that_can_t_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(ledger, "CACHE", tmp_path / "file" / "cache")
    with pytest.raises(BadInput, match="the prepared tables can't be written to .*file/cache: Not a directory"):
        prepare(write(tmp_path / "shop", {"order_lines.csv": ONE_LINE}))


def test_folder_and_cache_that_are_only_to_be_read(cache, tmp_path):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    folder.chmod(0o555)
    before = sorted(path.name for path in folder.iterdir())
    prepared = prepare(folder)
    cache.chmod(0o555)
    try:
        with without_rights(tmp_path):
            assert prepare(folder) == prepared
            assert sorted(path.name for path in folder.iterdir()) == before
    finally:
        folder.chmod(0o755)
        cache.chmod(0o755)


def test_least_recently_used_go_first(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "KEPT", 2)
    monkeypatch.setattr(ledger, "_write", lambda company, scratch, made: (made / "ledger").mkdir())
    (cache / ".making-killed").mkdir(parents=True)
    (cache / ".making-at-work").mkdir()
    os.utime(cache / ".making-killed", (0, 0))
    folders = [write(tmp_path / str(n), {"order_lines.csv": ONE_LINE}, TOML.replace("Shop", f"Shop {n}")) for n in range(3)]
    first, second = prepare(folders[0]), prepare(folders[1])
    os.utime(second, (1, 1))
    os.utime(first, (0, 0))
    assert prepare(folders[0]) == first  # used again, so the second is the oldest now
    third = prepare(folders[2])
    assert {path.name for path in cache.iterdir()} == {first.name, third.name, ".making-at-work"}
