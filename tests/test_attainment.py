"""Attainment in sales, profit and cash, and the gap to the target cause by cause: by hand, and as identities on random companies."""

import companies
import folders
import numpy as np
import pandas as pd
import pytest

from helpers import days
from helpers.book import open_book
from helpers.facts import LEVELS, facts
from helpers.targets_and_pacing import attainment, targets
from helpers.team_efficiency import team

HEAD = "month,level,entity,metric,target,owner,parent\n"
LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,discount_amount,shipping_income,unit_cost,employee_id,campaign_id\n"


def book_of(tmp_path, lines, asked="", month="2025-03", scope="company", **files):
    made = folders.write(tmp_path, {"order_lines.csv": LINES + lines, "targets.csv": HEAD + asked} | files)
    return open_book(str(made), month, scope)


# ---- side by side -----------------------------------------------------------------------------------------------------------------

# A sells 300 at a cost of 100, B 200 at a cost of 250. A's 300 is paid, of B's order 60.
SOLD = """1,1,2025-03-02,A,web,P,1,300,,,100,ann,
2,1,2025-03-03,B,live,P,1,200,,,250,bo,
3,1,2025-02-03,B,live,P,1,100,,,50,bo,
"""
PAID = (
    "paid_on,store,channel,order_id,amount\n2025-03-20,A,web,1,300\n2025-03-21,B,live,2,60\n2025-03-22,B,live,,15\n2025-04-01,A,web,1,999\n"
)
ASKED = """2025-03,company,company,net_sales,1000,,
2025-03,company,company,contribution,100,,
2025-03,company,company,collections,500,,
2025-03,store,A,net_sales,400,,
2025-03,store,B,net_sales,200,,
2025-03,store,B,collections,100,,
2025-03,channel,web,net_sales,0,,
2025-03,channel,web,contribution,-5,,
2025-03,employee,ann,net_sales,310,,
2025-03,employee,bo,net_sales,250,,
2025-03,employee,bo,collections,50,,
2025-03,employee,ann,collections,400,,
2025-03,team,gone,net_sales,90,,
"""


def test_the_three_side_by_side_by_hand(tmp_path):
    book = book_of(tmp_path, SOLD, ASKED, **{"payouts.csv": PAID})
    frame = attainment.attained(book).set_index("entity")
    company = frame.loc["company"]
    assert company[["net_sales", "contribution", "collections", "shortfall"]].tolist() == [500, 150, 375, 500]
    assert company[["attainment", "attainment_contribution", "attainment_collections"]].tolist() == [0.5, 1.5, 0.75]
    assert frame.loc["A", ["attainment", "shortfall"]].tolist() == [0.75, 100]
    assert frame.loc["B", ["attainment", "shortfall", "attainment_collections", "at_a_loss"]].tolist() == [1, 0, 0.75, True]
    # A target of zero or less is none: blank, not zero, and not endless.
    assert frame.loc["web", ["attainment", "attainment_contribution", "shortfall"]].isna().all()
    assert frame.loc["ann", "attainment_collections"] == 300 / 400 and frame.loc["bo", "attainment_collections"] == 60 / 50
    assert list(frame.index)[:2] == ["company", "A"] and frame["shortfall"].dropna().is_monotonic_decreasing
    said = attainment.attained_said(book, attainment.attained(book), team.names(book))
    assert said.startswith("Of 5 nodes with a sales target, 1 reached it. Most is missing in store A: CNY 100 (75.0% reached).")
    assert attainment.whole_said(book, attainment.attained(book)).startswith(
        "Shop has 50.0% of the sales target, 150.0% of the contribution target and 75.0% of the cash target: CNY 500 of net sales missing"
    )
    beside = "Beside 5 sales targets stand 1 for contribution and 4 for cash. The data reach to 2025-03-03"
    assert attainment.beside_said(book, attainment.attained(book)).startswith(beside)
    assert targets.absent_said(book).endswith("Targets of the level team stay blank: this month's data can't tell who belongs to it.")
    assert "In percent it would have been employee bo" not in said and said.endswith("Reached at a loss: store B.")


def test_a_team_without_people_has_sold_nothing(tmp_path):
    staffing = "month,employee_id,team,fte,cost\n2025-03,ann,East,1,10\n"
    frame = attainment.attained(book_of(tmp_path, SOLD, ASKED, **{"staffing.csv": staffing})).set_index("entity")
    assert frame.loc["gone", ["net_sales", "attainment", "shortfall"]].tolist() == [0, 0, 90]
    assert frame["collections"].isna().all() and frame["attainment_collections"].isna().all()  # no payouts: unknown, not zero


def test_cash_that_can_not_be_followed_is_blank_until_it_is_enough(tmp_path):
    more = SOLD + "4,1,2025-03-04,B,shop,P,1,900,,,100,bo,\n"  # the shop pays sums: 900 of bo's 1,200 can't be followed to bo
    asked = "2025-03,employee,bo,net_sales,1,,\n2025-03,employee,bo,collections,{},,\n"
    low, high = (attainment.attained(book_of(tmp_path / each, more, asked.format(each), **{"payouts.csv": PAID})) for each in ("50", "70"))
    assert low["attainment_collections"].tolist() == [60 / 50]  # already more than asked, whatever else came
    assert high["attainment_collections"].isna().all() and high["collections"].isna().all()


def test_a_store_sees_its_own_target_only(tmp_path):
    book = book_of(tmp_path, SOLD, ASKED, scope="B", **{"payouts.csv": PAID})
    frame = attainment.attained(book)
    assert frame[["level", "entity", "attainment"]].values.tolist() == [["store", "B", 1.0]]
    assert attainment.whole_said(book, frame) == (
        "Shop, store B, has 100.0% of the sales target and 75.0% of the cash target: CNY 0 of net sales above the target."
        " The data reach to 2025-03-03: what follows is what came so far, against targets of the whole month."
    )


def test_no_target_at_all(tmp_path):
    book = book_of(tmp_path, SOLD)
    assert attainment.attained(book).empty
    assert "blank: not zero, and not endless" in attainment.attained_said(book, attainment.attained(book), team.names(book))


def test_attainment_is_that_of_the_metrics():
    book = open_book(str(folders.PROJECT / "data" / "sample"), "2025-12")
    frame = attainment.attained(book)
    for level, part in frame.groupby("level"):
        there = facts(book, level).set_index("entity")
        for column in ("attainment", "attainment_contribution"):
            if column in there:
                mine = part.set_index("entity")[column]
                assert mine.dropna().to_dict() == pytest.approx(there[column].reindex(mine.index).dropna().to_dict())


# ---- the gap, by hand -------------------------------------------------------------------------------------------------------------

WAS = pd.DataFrame({"store": "s", "product_id": ["A", "B"], "quantity": [10, 10], "gross_sales": [100.0, 200.0], "discounts": [-30.0, 0.0],
                    "shipping_income": [30.0, 0.0], "refunds": [-30.0, 0.0]})  # fmt: skip
NOW = pd.DataFrame({"store": "s", "product_id": ["A", "B"], "quantity": [20, 10], "gross_sales": [220.0, 200.0], "discounts": [-63.0, 0.0],
                    "shipping_income": [12.0, 0.0], "refunds": [-18.45, 0.0]})  # fmt: skip


def test_every_step_by_hand():
    # Then 10 orders of 2 units, 300 at list price, 10 % discount, 30 shipping, 10 % refunded: 270, which is 27 an order.
    # Now 12 orders with 30 units, A dearer by 1, 15 % discount, 12 shipping, 5 % refunded: 350.55.
    found = attainment.decompose(WAS, NOW, (10, 0), (12, 0), 400.0)
    kept = 0.9 * 0.9
    assert found == pytest.approx({
        "asked": 270 - 400,
        "orders": 2 * 27,
        "units per order": (30 - 12 * 2) * 15 * kept,
        "mix": (20 * 10 + 10 * 20 - 30 * 15) * kept,
        "list price": 20 * 1 * kept,
        "discount": -(0.15 - 0.10) * 420 * 0.9,
        "shipping": (12 - 12 * 3) * 0.9,
        "returns": (0.10 - 0.05) * 369,
    })  # fmt: skip
    assert 400 + sum(found.values()) == pytest.approx(350.55)


def test_orders_that_were_planned_visitors_and_campaigns():
    plain = attainment.decompose(WAS, NOW, (10, 0), (12, 0), 400.0)
    planned = attainment.decompose(WAS, NOW, (10, 4), (12, 7), 400.0, planned=16)
    # 16 orders of 25 were planned. 6 fewer than that a year ago, 2 more now: 3 more name a campaign, 1 fewer doesn't; each asked for 2 less.
    assert {step: planned[step] for step in ("orders asked", "asked of an order", "campaign orders", "other orders")} == pytest.approx(
        {"orders asked": -6 * 25, "asked of an order": 12 * (27 - 25), "campaign orders": 3 * 25, "other orders": -25}
    )
    assert sum(planned.values()) == pytest.approx(sum(plain.values()))
    seen = attainment.decompose(WAS, NOW, (10, 4), (12, 7), 400.0, visitors=(100, 200))
    assert (seen["visitors"], seen["visitors who buy"]) == pytest.approx((10 * 27, -8 * 27))  # 20 orders as before, and 12 came
    assert sum(seen.values()) == pytest.approx(sum(plain.values()))


def test_new_and_gone_products_are_mix():
    now = NOW.assign(product_id=["A", "C"])
    found = attainment.decompose(WAS, now, (10, 0), (12, 0))
    assert found["list price"] == pytest.approx(20 * 1 * 0.81)  # of A alone: C has no former price
    assert found["mix"] == pytest.approx((20 * 10 + 200 - 30 * 15) * 0.81)
    assert sum(found.values()) == pytest.approx(350.55 - 270)


def test_a_month_without_sales_is_orders_and_refunds():
    now = NOW.iloc[:0]
    found = attainment.decompose(WAS, now, (10, 0), (0, 0), 400.0)
    assert {step: amount for step, amount in found.items() if abs(amount) > 1e-9} == pytest.approx({"asked": -130, "orders": -270})
    refunds = NOW.assign(quantity=0, gross_sales=0.0, discounts=0.0, shipping_income=0.0)
    assert attainment.decompose(WAS, refunds, (10, 0), (0, 0), 400.0)["returns"] == pytest.approx(-18.45)


def test_the_order_of_rows_changes_nothing():
    one = attainment.decompose(WAS, NOW, (10, 0), (12, 0), 400.0)
    two = attainment.decompose(WAS.iloc[::-1], NOW.iloc[::-1].reset_index(drop=True), (10, 0), (12, 0), 400.0)
    assert one == pytest.approx(two)


# ---- the gap of a book ------------------------------------------------------------------------------------------------------------

YEARS = """1,1,2024-03-02,A,web,P,2,100,10,,1,ann,
2,1,2025-02-02,A,web,P,2,100,,,1,ann,K
3,1,2025-03-02,A,web,P,3,180,18,6,1,ann,
4,1,2025-03-05,B,web,Q,1,70,,,1,ann,K
5,1,2025-04-01,A,web,P,1,1,,,1,ann,
"""


def test_a_gap_from_the_target_and_from_a_year_ago(tmp_path):
    book = book_of(tmp_path, YEARS, "2025-03,store,A,net_sales,200,,\n")
    found = attainment.gap(book, "store", "A")
    assert (found.start, found.start_name, found.actual, found.base, found.why) == (200, "target", 168, "2024-03", "")
    # 90 then. Units 2 → 3 at 50 and price 50 → 60, each at 90 %; 6 of shipping.
    assert found.steps[["step", "amount"]].values.tolist() == [
        ["asked", -110.0], ["units per order", 45.0], ["list price", 27.0], ["shipping", 6.0],
    ]  # fmt: skip
    said = attainment.gap_said(found, "CNY")
    assert said.startswith("Net sales are CNY 32 below the target, which asks for CNY 110 more than 2024-03 brought.")
    assert "Against 2024-03 most comes from units per order (+CNY 45; look under execution) and list price" in said
    month = attainment.gap(book, "store", "A", base="2025-02")
    assert month.base == "2025-02" and month.steps["amount"].sum() == pytest.approx(-32)
    # B sold nothing a year ago nor the month before.
    other = attainment.gap(book, "store", "B")
    assert other.base == "" and other.steps.empty and "no earlier month" in attainment.gap_said(other, "CNY")
    whole = attainment.gap(book, "company", "company")
    assert attainment.gap_basis_said(other) == "There is no month to compare with." and "2024-03" in attainment.gap_basis_said(found)
    assert whole.start_name == "2024-03" and "There is no target above zero" in whole.why
    assert whole.steps.set_index("step")["amount"].sum() == pytest.approx(238 - 90)


def test_without_last_year_the_month_before_stands_in_and_says_so(tmp_path):
    found = attainment.gap(book_of(tmp_path, YEARS.split("\n", 1)[1]), "company", "company")
    assert found.base == found.start_name == "2025-02" and "another season" in found.why


def test_visitors_by_day_and_by_week(tmp_path):
    days = pd.date_range("2025-02-01", "2025-03-31")
    daily = "date,store,channel,visitors\n" + "".join(f"{day:%Y-%m-%d},A,web,{1 if day.month == 2 else 2}\n" for day in days)
    book = book_of(tmp_path / "d", YEARS, **{"traffic.csv": daily})
    assert attainment._visitors(book, "company", "company", "2025-02") == 28
    assert attainment._visitors(book, "store", "A", "2025-03") == 62 and attainment._visitors(book, "store", "B", "2025-03") == 0
    steps = attainment.gap(book, "company", "company", base="2025-02").steps.set_index("step")["amount"]
    assert {"visitors", "visitors who buy"} <= set(steps.index) and "campaign orders" not in steps
    # Mondays: the row of 27 January covers two days of February, that of 24 February five, and two of March.
    weekly = "date,store,channel,visitors\n" + "".join(
        f"{day:%Y-%m-%d},A,web,7\n" for day in pd.date_range("2025-01-27", "2025-03-31", freq="7D")
    )
    book = book_of(tmp_path / "w", YEARS, **{"traffic.csv": weekly})
    assert (
        attainment._visitors(book, "company", "company", "2025-02") == 28 and attainment._visitors(book, "channel", "web", "2025-03") == 31
    )
    some = book_of(tmp_path / "s", YEARS, **{"traffic.csv": "date,store,channel,visitors\n2025-03-01,A,web,5\n2025-03-02,A,web,5\n"})
    assert np.isnan(attainment._visitors(some, "company", "company", "2025-03"))


def test_empty_shelves_are_marked(tmp_path):
    counts = "date,store,product_id,on_hand\n" + "".join(f"2025-03-{day:02d},A,P,{0 if day <= 11 else 5}\n" for day in range(1, 32))
    book = book_of(tmp_path, YEARS, **{"inventory.csv": counts})
    frame = attainment.empty_shelves(book, "company", "company", "2024-03")
    assert frame[["store", "days_out", "days_counted", "sold_before"]].values.tolist() == [["A", 11, 31, 90]]
    said = attainment.shelves_said(book, frame, "2024-03")
    assert said.startswith("1 shelf was empty on some counted day: P in A on 11 of 31. What was missing had brought CNY 90 in 2024-03")
    assert attainment.empty_shelves(book, "employee", "ann", "2024-03").empty
    assert attainment.empty_shelves(book, "store", "B", "2024-03").empty


@pytest.mark.parametrize("seed", [201, 205])
def test_the_steps_always_add_up_to_the_gap(tmp_path, seed):
    """On random companies full of odd cases, for every node: target (or the month compared with) + steps = the ledger's net sales."""
    companies.write_company(tmp_path, seed, 60)
    first = open_book(str(tmp_path), "latest")
    explained = 0
    for month in (first.months[1], first.months[-1]):
        book = open_book(str(tmp_path), month)
        for level in LEVELS:
            frame = facts(book, level)
            for entity, sales in zip(frame["entity"], frame.get("net_sales", []), strict=False):
                for base in (None, first.months[0]) if level in ("company", "channel") else (None,):
                    found = attainment.gap(book, level, entity, base)
                    if days.as_of(book) == book.last_day:
                        assert found.actual == pytest.approx(sales, abs=0.0051)
                    if len(found.steps):
                        assert round((found.start + found.steps["amount"].sum()) * 100) == round(found.actual * 100), (level, entity)
                        explained += 1
    assert explained > 10


def test_the_causes_node_by_node_add_up_too():
    book = open_book(str(folders.PROJECT / "data" / "sample"), "2025-12")
    frame = attainment.gaps_by_node(book, attainment.attained(book), team.names(book), top=3)
    assert len(frame) == 4 and frame["node"][0] == "company"
    assert frame.drop(columns=["node", "gap"]).sum(axis=1).tolist() == pytest.approx(frame["gap"].tolist(), abs=1e-6)
    shortfall = attainment.attained(book).set_index("entity")["shortfall"]
    assert -frame["gap"][0] == pytest.approx(shortfall["company"], abs=0.006)


def test_a_running_month_says_so(tmp_path):
    lines = "".join(f"{day},1,2025-03-{day:02d},A,web,P,1,10,,,1,ann,\n" for day in range(1, 16))
    assert "2025-03-15" in attainment.so_far(book_of(tmp_path, lines))
    assert attainment.so_far(open_book(str(folders.PROJECT / "data" / "sample"), "2025-11")) == ""


def test_a_running_month_is_held_against_as_many_days(tmp_path):
    lines = "".join(f"a{day},1,2024-03-{day:02d},A,web,P,1,10,,,1,ann,\n" for day in range(1, 32))
    lines += "".join(f"b{day},1,2025-03-{day:02d},A,web,P,1,12,,,1,ann,\n" for day in range(1, 16))
    found = attainment.gap(book_of(tmp_path, lines, "2025-03,company,company,net_sales,310,,\n"), "company", "company")
    # All days weigh the same: 15 of 31 days are 150 of the target, and 150 of last March. What came more is the price.
    assert (found.start_name, found.actual) == ("target to date", 180) and found.start == pytest.approx(150)
    assert found.steps[["step", "amount"]].values.tolist() == [["list price", 30.0]]
    assert "its days up to the 15th are held against as many of 2024-03" in found.why
    assert attainment.gap_said(found, "CNY").startswith("Net sales are CNY 30 above the target to date.")


def test_visitors_of_one_month_only_split_nothing():
    """A month without visitors on record is blank, and a blank never counts as the smaller of two."""
    for visitors in ((100.0, np.nan), (np.nan, 100.0), (0.0, 5.0)):
        assert "visitors" not in attainment.decompose(WAS, NOW, (10, 0), (12, 0), 400.0, visitors=visitors)


def test_targets_of_a_root_in_a_store_scope():
    book = open_book(str(folders.PROJECT / "data" / "sample"), "2025-12", "us-shop")
    found = attainment.gap(book, *targets.root(book))
    asked = {(row["month"], row["entity"], row["metric"]): row["target"] for row in companies.read_rows(book.company.folder, "targets")}
    assert found.start == float(asked["2025-12", "us-shop", "net_sales"])
    sales = facts(book, "store")["net_sales"].sum()
    assert found.start + found.steps["amount"].sum() == pytest.approx(sales, abs=0.0051)
