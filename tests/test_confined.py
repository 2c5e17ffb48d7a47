"""An `sql` source reads files inside the company folder and nothing else."""

import os

import duckdb
import pytest
from folders import write

from helpers.confined import run


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A company folder as the current one, with another folder beside it whose name begins alike."""
    write(tmp_path / "shop-secret", {"s.csv": "a,b\n1,2\n"}, None)
    folder = write(tmp_path / "shop", {"in.csv": "a,b\n1,2\n", "sub/dir 店/é 1.csv": "a,b\n3,4\n"}, None)
    (folder / "link.csv").symlink_to("../shop-secret/s.csv")
    (folder / "linked").symlink_to("../shop-secret")
    (folder / "inner.csv").symlink_to("in.csv")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def rows(shop, tmp_path):
    """Runs a statement as the source lines.sql; its rows."""
    out = tmp_path / "scratch" / "out.parquet"
    out.parent.mkdir()

    def rows(sql: str, name: str = "lines.sql"):
        (shop / name).write_text(sql, encoding="utf-8")
        run(name, str(out))
        return duckdb.execute(f"from '{out}'").fetchall()

    rows.scratch = out.parent
    return rows


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a, b from 'in.csv'", [(1, 2)]),
        ("from './sub/../in.csv';", [(1, 2)]),
        ("from 'inner.csv'", [(1, 2)]),
        ("from read_csv('sub/**/*.csv')", [(3, 4)]),
        ("-- what\nwith t as (from 'in.csv' union all from 'sub/dir 店/é 1.csv') select sum(a) as a from t", [(4,)]),
        ("pivot 'in.csv' on a in (1) using sum(b)", [(2,)]),
        ("\ufeffselect '行 ; \"x\"' as a", [('行 ; "x"',)]),
        ("select 1 as a where false", []),
    ],
)
def test_one_select_over_the_folder(rows, sql, expected):
    assert rows(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "from '../shop-secret/s.csv'", "from 'sub/../../shop-secret/s.csv'", "from '{parent}/shop-secret/s.csv'", "from '../shop*/s.csv'",
        "from 'link.csv'", "from 'linked/s.csv'", "from '*.csv'", "select * from read_text('/etc/passwd')", "select * from glob('/etc/*')",
        "select * from read_blob('/proc/self/environ')", "select * from sniff_csv('/etc/passwd')",
        "select * from parquet_metadata('/etc/passwd')",
        "select * from read_json('/etc/passwd')", "from 'https://example.com/a.csv'", "from 's3://bucket/a.parquet'",
        "select (select content from read_text('/etc/hostname')) as a", "from duckdb_secrets()",
        "select * from query('select * from read_text(''/etc/passwd'')')",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder(rows, shop, sql):
    with pytest.raises(duckdb.PermissionException):
        rows(sql.replace("{parent}", str(shop.parent)))
    assert list(rows.scratch.glob("*.parquet")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "", " ", "-- nothing", ";", "select 1 as a; select 2 as a", "select 1 as a; drop table x", "attach '/tmp/x.db'", "attach 'x.db'",
        "copy (select 1) to 'x.csv'", "copy (select 1) to '/tmp/x.csv'", "export database 'x'", "pragma version", "pragma database_list",
        "set enable_external_access = true", "reset enable_external_access", "install httpfs", "load httpfs", "create table t as select 1",
        "insert into t values (1)", "call pragma_version()", "explain select 1", "explain analyze select 1", "vacuum", "checkpoint",
        "begin", "use memory", "prepare p as select 1", "detach memory",
    ],
)  # fmt: skip
def test_only_one_select(rows, shop, sql):
    before = sorted(shop.rglob("*"))
    with pytest.raises((ValueError, duckdb.Error), match="one SELECT"):
        rows(sql)
    assert sorted(shop.rglob("*")) == sorted({*before, shop / "lines.sql"})


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select getenv('HOME') as a", duckdb.CatalogException),
        ("select * from no_such_table", duckdb.CatalogException),
        ("select nope from 'in.csv'", duckdb.BinderException),
        ("select $1 as a", duckdb.Error),
        ("select 'x'::int as a", duckdb.ConversionException),
        ("select * from query('copy (select 1) to ''x.csv''')", duckdb.ParserException),
        ("with t as (insert into x values (1)) select 1", duckdb.Error),
    ],
)
def test_what_it_can_t_do(rows, sql, error):
    with pytest.raises(error):
        rows(sql)


@pytest.mark.parametrize("name", ["../shop-secret/x.sql", "linked/x.sql", "/etc/passwd", "sub/../../x.sql"])
def test_the_statement_itself_lies_in_the_folder(shop, tmp_path, name):
    with pytest.raises(ValueError, match="lies outside the company folder"):
        run(name, str(tmp_path / "out.parquet"))


def test_nothing_is_written_into_the_folder(rows, shop):
    def names():
        return sorted(os.path.relpath(path, shop) for path in shop.rglob("*"))

    (shop / "lines.sql").touch()
    before = names()
    rows("select i, hash(i) as h from range(300000) t(i) order by h")
    assert names() == before
    assert [path.name for path in rows.scratch.iterdir()] == ["out.parquet"]
