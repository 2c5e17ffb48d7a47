"""Cohorts by hand: who came back when, what each cohort left, what a customer cost to win; and a published survival curve."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from real_sets import company as real_company
from real_sets import needed
from test_channels import SPEND
from test_customers import company

from helpers import buyers
from helpers.book import open_book
from helpers.customers import cohorts, lifetime

# January 180 of sales to a and b, so the 18 of ads are 10 and 8; a: 100 − 40 − 10, b: 80 − 30 − 8
LINES = [("a", "2025-01-10", 100, 40), ("a", "2025-02-05", 50, 20), ("b", "2025-01-20", 80, 30), ("c", "2025-02-11", 60, 10),
         ("c", "2025-02-11", 2, 2), ("c", "2025-03-01", 20, 5), ("", "2025-02-11", 30, 10)]  # fmt: skip


def small(folder, ads=18):
    return open_book(company(folder, LINES, marketing_spend=(SPEND, [["2025-01-15", "S", "web", ads, "ads", "", ""]])), "2025-03")


def test_what_each_cohort_did(tmp_path):
    book = small(tmp_path / "c")
    frame = cohorts.cohorts(book)
    rows = {(row.cohort, row.age): (row.customers, row.active, row.contribution, row.before_marketing) for row in frame.itertuples()}
    assert rows == {
        ("2025-01", 0): (2, 2, pytest.approx(92), pytest.approx(110)), ("2025-01", 1): (2, 1, 30, 30), ("2025-01", 2): (2, 0, 0, 0),
        ("2025-02", 0): (1, 1, 50, 50), ("2025-02", 1): (1, 1, 15, 15),
    }  # fmt: skip
    whole = book.ladder(months=book.months)["contribution"][0]
    assert frame["contribution"].sum() + cohorts.elsewhere(book) + 20 == pytest.approx(whole)  # 20 from nobody
    assert cohorts.cumulative(frame)["each"].tolist() == pytest.approx([46, 61, 61, 50, 65])
    assert cohorts.quarters(frame)[["age", "customers", "each"]].values.tolist() == [
        [0, 3, pytest.approx(142 / 3)],
        [1, 3, pytest.approx(187 / 3)],
    ]


def test_the_second_order(tmp_path):
    frame = cohorts.second_orders(small(tmp_path / "c"))
    # c after 18 days, a after 26, b not within the 70 to the end of March; a second order on the same day is none
    assert frame.values.tolist() == [[18, 1, 0], [26, 1, 0], [70, 0, 1]]
    assert cohorts.came_back(frame)["share"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert cohorts.horizons(cohorts.came_back(frame)).values.tolist() == [[30, pytest.approx(2 / 3), 1], [60, pytest.approx(2 / 3), 1]]


def test_the_curve_is_that_of_kaplan_and_meier():
    """The 6-MP arm of Freireich et al. (1963), the textbooks' example: survival 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448."""
    came = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
    left = {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1}
    days = sorted(came | left)
    frame = pd.DataFrame({"days": days, "came": [came.get(day, 0) for day in days], "left": [left.get(day, 0) for day in days]})
    curve = cohorts.came_back(frame).set_index("days")["share"]
    assert (1 - curve[list(came)]).round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]


@pytest.mark.parametrize("ads, months", [(150, 0), (200, 1), (300, None)])
def test_payback(tmp_path, ads, months):
    """Three customers left 160 in their first months, 53.33 each, and 45 in their second, 15 each: 50 are paid back at once, 66.67 a month
    later, 100 not yet."""
    row = cohorts.payback(small(tmp_path / "c", ads)).set_index("channel").loc["web"]
    assert (row["new_customers"], row["marketing"], row["cac"]) == (3, ads, pytest.approx(ads / 3))
    assert (row["first"], row["so_far"]) == (pytest.approx(160 / 3), pytest.approx(205 / 3))
    assert row["months"] == months if months is not None else pd.isna(row["months"])


def test_spend_that_won_nobody_is_named(tmp_path):
    spend = [["2025-01-15", "S", "web", 18, "ads", "", ""], ["2025-02-15", "S", "billboard", 7, "ads", "", ""]]
    book = open_book(company(tmp_path / "c", LINES, marketing_spend=(SPEND, spend)), "2025-03")
    frame = cohorts.payback(book)
    assert frame["marketing"].tolist() == [7, 18, 25] and pd.isna(frame["cac"][0])
    assert "billboard spent CNY 7 and won nobody" in cohorts.payback_said(book, frame)


def test_a_store_has_the_cohorts_that_it_won(tmp_path):
    lines = [
        ("a", "2025-01-01", 10, 0, "S"),
        ("a", "2025-01-01", 20, 0, "T"),
        ("b", "2025-01-05", 40, 0, "T"),
        ("a", "2025-02-01", 80, 0, "T"),
    ]
    folder = company(tmp_path / "c", lines)
    made = {scope: cohorts.cohorts(open_book(folder, "2025-02", scope)) for scope in ("company", "S", "T")}
    assert {scope: frame["contribution"].tolist() for scope, frame in made.items()} == {"company": [70, 80], "S": [10, 0], "T": [40, 0]}
    assert cohorts.elsewhere(open_book(folder, "2025-02", "T")) == 100  # what a brought, who was won by S


@pytest.mark.parametrize("scope", ["company", "us-shop"])
def test_the_sample_adds_up_to_the_cent(scope):
    book = open_book("data/sample", "2025-12", scope)
    total = book.sql("select cast(sum(cm2 + marketing + commissions) as double) as total from customer_months where {scope}")["total"][0]
    for by in (None, "channel", "source"):
        assert cohorts.cohorts(book, by)["contribution"].sum() + cohorts.elsewhere(book) == pytest.approx(total, abs=1e-6)
    spent = -book.ladder(months=book.months_back(12))["marketing"][0]
    assert cohorts.payback(book).set_index("channel").loc["all", "marketing"] == pytest.approx(spent, abs=1e-6)


def test_one_month_without_ids(tmp_path):
    book = open_book(company(tmp_path / "c", [("", "2025-07-01", 10)]), "latest")
    frame = cohorts.cohorts(book)
    for said in (cohorts.retention_said(cohorts.retention(frame)), cohorts.quarters_said(cohorts.quarters(frame), "CNY"),
                 cohorts.came_back_said(cohorts.came_back(cohorts.second_orders(book))), cohorts.payback_said(book, cohorts.payback(book))):  # fmt: skip
        assert said


@needed
def test_online_retail_by_its_customers(tmp_path):
    """Online Retail II, 2009-12 to 2010-12, after the usual cleaning (a customer id, quantity and price above zero, no cancellation):
    407,664 rows of 4,312 customers and 8,832,003.27 of sales."""
    folder = Path(real_company("online_retail", tmp_path))
    (folder / "company.toml").write_text(
        'name = "Online Retail"\nreporting_currency = "GBP"\ntimezone = "Europe/London"\n[[sources]]\ntable = "order_lines"\nsql = "order_lines.sql"\n'
    )
    (folder / "order_lines.sql").write_text(
        """select Invoice as order_id, row_number() over (partition by Invoice order by file_row_number) as line_no, InvoiceDate as ordered_at,
                  'uk-online' as store, 'web' as channel, StockCode as product_id, Quantity as quantity,
                  (Quantity * Price::decimal(18, 4))::decimal(18, 4) as gross_amount, "Customer ID"::bigint as customer_id
           from read_parquet('raw/2009_2010.parquet', file_row_number = true)
           where "Customer ID" is not null and Quantity > 0 and Price > 0 and Invoice not like 'C%' order by file_row_number"""
    )
    book = open_book(str(folder), "latest")
    assert book.sql("select sum(loaded) as n from loads")["n"][0] == 407_664
    assert book.ladder(months=book.months)["net_sales"][0] == pytest.approx(8_832_003.27, abs=0.005)
    frame = cohorts.cohorts(book)
    assert frame[frame["age"] == 0]["customers"].sum() == 4312 == buyers.members(book)["members"].sum()
    assert frame[frame["age"] == 0]["active"].tolist() == frame[frame["age"] == 0]["customers"].tolist()
    raw = duckdb.execute(
        f"""select "Customer ID" as who, InvoiceDate::date as day from '{folder}/raw/2009_2010.parquet'
            where "Customer ID" is not null and Quantity > 0 and Price > 0 and Invoice not like 'C%'"""
    ).df()  # fmt: skip
    days = raw.groupby("who")["day"].nunique()
    known = lifetime.histories(book)
    assert known.groupby("x")["customers"].sum().to_dict() == (days - 1).value_counts().sort_index().to_dict()
    second = cohorts.second_orders(book)
    assert second["came"].sum() == (days > 1).sum()
    ahead = lifetime.expected(book)
    assert ahead["purchases"].iloc[-1] > 0 and ahead["contribution"].isna().all()  # no cost is known, so nobody knows what sales leave
    assert "known cost" in lifetime.expected_said(book, ahead)
