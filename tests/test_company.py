"""The company folder: what it may say, every way to get it wrong, and a fingerprint that nothing slips past."""

import hashlib
import os
import shutil
import time

import pytest
from folders import LINES, ONE_LINE, SOURCE, TOML, without_rights, write

from helpers import company
from helpers.company import PROJECT, fingerprint, open_company
from helpers.contract import TABLES, BadInput
from helpers.sources import ADAPTERS, COMMON_OPTIONS


def refused(folder, *words: str) -> str:
    """Opening the folder must end in one sentence with these words in it."""
    with pytest.raises(BadInput) as error:
        open_company(str(folder))
    message = str(error.value)
    assert "\n" not in message and len(message) < 300
    assert all(word in message for word in words), message
    return message


def print_of(folder) -> str:
    return fingerprint(open_company(str(folder)))


def test_settings_have_defaults_and_lose_white_space(tmp_path):
    settings = open_company(str(write(tmp_path, {"order_lines.csv": ONE_LINE}, 'name = " 店 "\nreporting_currency = "CNY "'))).settings
    assert (settings.name, settings.reporting_currency, settings.timezone, settings.stage) == ("店", "CNY", "UTC", "growth")


def test_tables_are_found_as_csv_parquet_folder_and_source(tmp_path):
    files = {"order_lines/1.parquet": b"", "returns.parquet": b"", "products.csv": "", "notes.csv": "", "x.sql": ""}
    company = open_company(str(write(tmp_path, files, TOML + '[[sources]]\ntable = "customers"\nsql = "x.sql"')))
    assert company.tables() == ["order_lines", "returns", "products", "customers"]
    assert {table: path.name for table, path in company.files.items()} == {
        "order_lines": "order_lines", "returns": "returns.parquet", "products": "products.csv",
    }  # fmt: skip


def test_the_sample_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_company("data/sample").folder == PROJECT / "data" / "sample"


def test_path_with_spaces_cjk_quotes_and_pattern_characters(tmp_path):
    folder = write(tmp_path / "店 [1]* it's", {"order_lines.csv": ONE_LINE})
    assert open_company(str(folder)).folder == folder.resolve()


def test_toml_with_a_byte_order_mark(tmp_path):
    write(tmp_path, {"order_lines.csv": ONE_LINE, "company.toml": b"\xef\xbb\xbf" + TOML.encode()}, None)
    assert open_company(str(tmp_path)).settings.name == "Shop"


@pytest.mark.parametrize("data", ["no/such/folder", "x" * 10_000, "a\0b", "\n", "/dev/null", "~nobody-here"])
def test_no_folder(data):
    assert "DATA=<company folder>" in refused(data, "is not a folder")


def test_empty_folder(tmp_path):
    refused(tmp_path, tmp_path.name, "is an empty folder", "company.toml", "order_lines.csv")


def test_without_company_toml(tmp_path):
    refused(write(tmp_path, {"order_lines.csv": ONE_LINE}, None), "has no company.toml", "reporting_currency")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("", ["`name` is missing", 'name = "…"']),
        ("name = ", ["can't be read as TOML"]),
        ('name = "a"\nname = "b"', ["can't be read as TOML"]),
        ('nmae = "Shop"\nreporting_currency = "CNY"', ["`nmae` is not a setting", "did you mean `name`?"]),
        ('Name = "Shop"\nreporting_currency = "CNY"', ["`Name`", "did you mean `name`?"]),
        ('name = "Shop"', ["`reporting_currency` is missing"]),
        ('name = "Shop"\nreporting_currency = " "', ["`reporting_currency`", "currency code"]),
        ('name = "Shop"\nreporting_currency = "\'; drop table ledger; --"', ["`reporting_currency`", "currency code"]),
        ('name = 5\nreporting_currency = "CNY"', ["`name` can't be 5", "valid string"]),
        (f'name = ["{"x" * 10_000}"]\nreporting_currency = "CNY"', ["`name` can't be"]),
        (TOML.replace("Asia/Shanghai", "Asia/Shangai"), ["`timezone`", "'Asia/Shangai'", "did you mean `Asia/Shanghai`?"]),
        (TOML.replace("Asia/Shanghai", "../../etc/passwd"), ["`timezone`"]),
        (TOML.replace("Asia/Shanghai", "localtime"), ["`timezone`"]),
        (TOML.replace("Asia/Shanghai", ""), ["`timezone`"]),
        (TOML + 'stage = "grown"', ["`stage` can't be 'grown'", "'startup', 'growth' or 'mature'"]),
        (TOML + "policy = 5", ["`policy` can't be 5"]),
        (TOML + "[policy.product]\nmin_gross_margn = 0.2", ["did you mean `min_gross_margin`?"]),
        (TOML + "sources = 5", ["`sources` can't be 5"]),
        (TOML + "sources = [5]", ["`sources.0` can't be 5"]),
        (TOML + '[[sources]]\ntabel = "order_lines"\nsql = "a.sql"', ["`sources.0.tabel`", "did you mean `table`?"]),
        (TOML + '[[sources]]\ntable = "order_line"\nsql = "a.sql"', ["'order_line' is not a table", "did you mean `order_lines`?"]),
        (TOML + '[[sources]]\ntable = "order_lines"', ["`sources.0.sql` is missing"]),
        (TOML + '[[sources]]\nadapter = "etsy"\nfiles = "x"', ["no adapter 'etsy'", "meta_ads"]),
        (TOML + '[[sources]]\nadapter = "meta_adds"\nfiles = "x"', ["did you mean `meta_ads`?"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "x"', ['store = "']),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "x"\nstore = "S"\nspred = true', ["did you mean `spread`?"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "x"\nstore = "S"\nspread = "yes"', ["true or false"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "x"\nstore = "S"\ncurrency = "usd"', ["three capitals"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "*.csv"\nstore = "S"\ntimezone = "Peking"', ["not a time zone"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "exports/*.csv"\nstore = "S"', ["no file fits"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "/etc/*"\nstore = "S"', ["inside the company folder"]),
        (TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "../*"\nstore = "S"', ["company.toml: "]),
        (TOML + '[encodings]\norder_line = "gb18030"', ["`encodings`", "did you mean `order_lines`?"]),
        (TOML + "encodings = 5", ["`encodings` can't be 5"]),
    ],
)
def test_company_toml_with_a_fault(tmp_path, toml, words):
    assert refused(write(tmp_path, {"order_lines.csv": ONE_LINE}, toml), *words).startswith("company.toml")


def test_company_toml_that_is_no_text(tmp_path):
    write(tmp_path, {"order_lines.csv": ONE_LINE, "company.toml": TOML.encode("utf-16")}, None)
    refused(tmp_path, "company.toml can't be read as TOML")
    (tmp_path / "company.toml").unlink()
    (tmp_path / "company.toml").mkdir()
    refused(tmp_path, "company.toml can't be read")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("returns.csv", "add order_lines.csv or .parquet"),
        ("order_line.csv", "save 'order_line.csv' as order_lines.csv"),
        ("Order_Lines.csv", "save 'Order_Lines.csv' as order_lines.csv"),
        ("order_lines.CSV", "save 'order_lines.CSV' as order_lines.csv"),
        ("order_lines.ods", "save 'order_lines.ods' as order_lines.csv"),
        ("sub/order_lines.csv", "add order_lines.csv"),
    ],
)
def test_without_order_lines(tmp_path, name, hint):
    if name == "Order_Lines.csv" and (write(tmp_path, {name: ONE_LINE}) / name.lower()).exists():
        pytest.skip("this file system takes capitals for small letters")
    refused(write(tmp_path, {name: ONE_LINE}), "has no order_lines table", hint)


def test_a_table_that_is_there_twice(tmp_path):
    refused(write(tmp_path / "1", {"order_lines.csv": "", "order_lines.parquet": b""}), "order_lines is there twice", "order_lines.parquet")
    refused(write(tmp_path / "2", {"order_lines.csv": "", "lines.sql": ""}, TOML + SOURCE), "order_lines is there twice", "lines.sql")


def test_no_permission(tmp_path):
    folder = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE})
    print_of(folder)  # what it imports is imported now, while everything can be read
    blocked = ("order_lines.csv", folder / "order_lines.csv"), ("company.toml", folder / "company.toml"), ("shop", folder)
    for name, path in blocked:
        mode = path.stat().st_mode
        path.chmod(0)
        try:
            with without_rights(tmp_path), pytest.raises(BadInput, match=f"{name} can't be read.*ermission"):
                print_of(folder)
        finally:
            path.chmod(mode)


# --- the fingerprint


def test_same_size_and_time_but_another_content(tmp_path):
    write(tmp_path, {"order_lines.csv": ONE_LINE})
    path, before = tmp_path / "order_lines.csv", print_of(tmp_path)
    times = path.stat()
    path.write_text(ONE_LINE.replace("100", "900"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size and path.stat().st_mtime_ns == times.st_mtime_ns
    assert print_of(tmp_path) != before
    path.write_text(ONE_LINE)
    assert print_of(tmp_path) == before


def test_a_large_file_is_read_once_as_long_as_nobody_touches_it(tmp_path, monkeypatch):
    monkeypatch.setattr(company, "LARGE", 1)
    folder, known = write(tmp_path / "shop", {"order_lines.csv": ONE_LINE}), tmp_path / "known"
    shop, path = open_company(str(folder)), folder / "order_lines.csv"
    read = []
    monkeypatch.setattr(
        company.hashlib, "file_digest", lambda file, name, digest=hashlib.file_digest: read.append(file) or digest(file, name)
    )
    assert fingerprint(shop, known) == fingerprint(shop) and not known.exists()  # written a moment ago: the next look may find it changed
    monkeypatch.setattr(company.time, "time", lambda now=time.time: now() + 3)
    before, times = fingerprint(shop, known), path.stat()
    read.clear()
    assert fingerprint(shop, known) == before and not read
    path.write_text(ONE_LINE.replace("100", "900"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size and fingerprint(shop, known) == fingerprint(shop) != before


def test_the_folder_s_place_and_name_don_t_count(tmp_path):
    write(tmp_path / "a", {"order_lines.csv": ONE_LINE, "products.csv": "product_id,name\nP,Pot\n", "notes.txt": "1"})
    write(tmp_path / "b b", {"products.csv": "product_id,name\nP,Pot\n", "order_lines.csv": ONE_LINE, "notes.txt": "2"})
    assert print_of(tmp_path / "a") == print_of(tmp_path / "b b")


def test_every_input_counts(tmp_path):
    folder, seen = tmp_path / "shop", set()
    for files, toml in [
        ({"order_lines.csv": ONE_LINE}, TOML),
        ({"order_lines.csv": ONE_LINE}, TOML.replace("Shop", "Shop 2")),
        ({"order_lines.csv": ONE_LINE}, TOML + "[policy.product]\nmin_gross_margin = 0.2"),
        ({"order_lines.csv": ONE_LINE, "returns.csv": ""}, TOML),
        ({"order_lines.csv": ONE_LINE, "products.csv": ""}, TOML),  # the same bytes under another name
        ({"order_lines/1.parquet": b"1", "order_lines/2.parquet": b"2"}, TOML),
        ({"order_lines/1.parquet": b"2", "order_lines/2.parquet": b"1"}, TOML),
        ({"order_lines/1.parquet": b"12", "order_lines/2.parquet": b""}, TOML),
        ({"order_lines/1.parquet": b"12"}, TOML),
        ({"lines.sql": "select 1"}, TOML + SOURCE),
        ({"lines.sql": "select 2"}, TOML + SOURCE),
        ({"lines.sql": "select 2", "raw/a.csv": "1"}, TOML + SOURCE),
        ({"lines.sql": "select 2", "raw/a.csv": "2"}, TOML + SOURCE),
        ({"lines.sql": "select 2", "raw/.hidden/a.csv": "2"}, TOML + SOURCE),  # a source may read these too
    ]:
        shutil.rmtree(folder, ignore_errors=True)
        seen.add(print_of(write(folder, files, toml)))
    assert len(seen) == 14


def test_a_link_that_points_elsewhere_is_another_content(tmp_path):
    write(tmp_path, {"lines.sql": "from 'now/a.csv'", "may/a.csv": "1", "june/a.csv": "2"}, TOML + SOURCE)
    (tmp_path / "now").symlink_to("may")
    before = print_of(tmp_path)
    (tmp_path / "now").unlink()
    (tmp_path / "now").symlink_to("june")
    assert print_of(tmp_path) != before


def test_reading_changes_nothing(tmp_path):
    write(tmp_path, {"order_lines.csv": LINES})
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir())
    print_of(tmp_path)
    assert sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()) == before


def test_every_table_of_the_contract_is_looked_for(tmp_path):
    assert open_company(str(write(tmp_path, {f"{name}.csv": "" for name in TABLES}))).tables() == list(TABLES)


def test_every_option_of_an_adapter_stands_in_the_guide():
    guide = (PROJECT / "docs" / "adapters.md").read_text(encoding="utf-8")
    every = {"all": COMMON_OPTIONS} | {f"`{name}`": adapter.options for name, adapter in ADAPTERS.items()}
    for name, options in every.items():
        for option, (_, meaning) in options.items():
            assert f"| {name} | `{option}` | {meaning}" in guide
