"""Real data, where it is at hand (see real_sets). Expected figures are published ones or sums that other tools made of the raw files."""

import pytest
from real_sets import company, needed

from helpers.book import open_book
from helpers.decisions import decide
from helpers.metrics import metrics

pytestmark = needed


def test_mexico_toys(tmp_path):
    book = open_book(company("mexico_toys", tmp_path), "2018-09")
    total = book.ladder(months=book.months).iloc[0]
    assert total["net_sales"] == pytest.approx(14_444_572.35, abs=0.005)
    assert total["gross_profit"] == pytest.approx(4_014_029.00, abs=0.005)
    assert total["orders"] == 829_262
    assert book.sql("select sum(value) as value from stock")["value"][0] == pytest.approx(300_209.58, abs=0.005)
    categories = book.ladder(["category"], book.months).set_index("category")["gross_profit"]
    assert categories["Toys"] == pytest.approx(1_079_527, abs=0.5)
    assert categories["Electronics"] == pytest.approx(1_001_437, abs=0.5)
    assert len(book.stores) == 50
    assert book.sql("select sum(set_aside) as n from loads")["n"][0] == 0


def test_northwind_has_no_cost_and_no_invented_profit(tmp_path):
    book = open_book(company("northwind", tmp_path), "latest")
    total = book.ladder(months=book.months).iloc[0]
    assert total["net_sales"] == pytest.approx(1_265_793.04, abs=0.005)
    assert total["uncosted_sales"] == -total["net_sales"]
    assert total["gross_profit"] == total["cogs"] == total["operating_profit"] == 0
    people = book.ladder(["employee_id"], book.months).set_index("employee_id")
    assert people.loc["4", "net_sales"] == pytest.approx(232_890.85, abs=0.005)
    assert people.loc["4", "orders"] == 156
    values = metrics(book).set_index(["level", "entity", "metric"])["value"]
    assert values["company", "company", "cost_coverage"] == 0
    decisions = decide(book)
    assert set(decisions.loc[decisions["area"] == "product", "verdict"]) == {"no_cost"}


def test_online_retail_accounts_for_every_row(tmp_path):
    book = open_book(company("online_retail", tmp_path), "2010-11")
    loads = book.sql("select sum(rows_in) as rows_in, sum(loaded) as loaded, sum(set_aside) as set_aside from loads").iloc[0]
    assert loads["rows_in"] == 525_461 == loads["loaded"] + loads["set_aside"]
    assert len(book.sql("from set_aside")) == loads["set_aside"]
    sums = book.sql(
        "select table_name, cast(sum(loaded) as double) as loaded, cast(sum(set_aside) as double) as aside from amounts group by 1"
    )
    both = sums.set_index("table_name").sum(axis=1)
    assert both["order_lines"] - both["returns"] - both["overheads"] == pytest.approx(9_539_484.63, abs=0.005)
    total = book.ladder(months=book.months).iloc[0]
    loaded = sums.set_index("table_name")["loaded"]
    assert total["gross_sales"] + total["shipping_income"] == pytest.approx(loaded["order_lines"], abs=0.005)
    assert -total["refunds"] == pytest.approx(loaded["returns"], abs=0.005)
    assert -total["overheads"] == pytest.approx(loaded["overheads"], abs=0.005)
    assert decide(book) is not None
