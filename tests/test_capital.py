"""Money collected and money owed, by hand: who a payout belongs to, what can't be followed, and how long it is overdue."""

import folders
import pytest

from helpers import sample
from helpers.book import open_book
from helpers.capital_and_cash import capital
from helpers.decisions import decide
from helpers.team_efficiency import team

LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,platform_fee,employee_id,currency,status\n"
PAYOUTS = "paid_on,store,channel,order_id,amount,currency\n"
TARGETS = "month,level,entity,metric,target\n"

# Order 1 is Ann's 300 and Bo's 100; 2 is Bo's; 3 is cancelled; 4 is a free sample that both signed; 5 is in dollars; 6 is paid by the sum.
SOLD = """1,1,2025-06-02,A,market,P,1,300,,ann,,
1,2,2025-06-02,A,market,P,1,100,,bo,,
2,1,2025-06-03,A,market,P,1,50,5,bo,,
3,1,2025-06-04,A,market,P,1,80,,bo,,cancelled
4,1,2025-06-05,A,market,P,1,0,,ann,,
4,2,2025-06-05,A,market,P,1,0,,bo,,
5,1,2025-06-06,B,market,P,1,10,,,USD,
6,1,2025-06-07,A,shop,P,1,600,,ann,,
"""
PAID = """2025-06-20,A,market,1,380,
2025-06-21,A,market,3,7,
2025-06-22,A,market,4,6,
2025-06-23,B,market,5,10,USD
2025-06-24,A,shop,,500,
2025-05-31,A,market,2,999,
"""
RATES = "date,currency,rate\n2025-01-01,USD,7\n"


@pytest.fixture
def paid(tmp_path):
    asked = "2025-06,store,A,collections,1000\n2025-06,channel,market,collections,400\n2025-06,employee,ann,collections,250\n"
    asked += "2025-06,employee,bo,collections,150\n2025-06,employee,nobody knows,collections,5\n2025-06,company,company,collections,0\n"
    files = {"order_lines.csv": LINES + SOLD, "payouts.csv": PAYOUTS + PAID, "fx_rates.csv": RATES, "targets.csv": TARGETS + asked}
    return open_book(str(folders.write(tmp_path, files)), "2025-06")


def test_who_the_money_belongs_to(paid):
    by = {level: capital.received(paid, level).set_index("entity")["collections"].to_dict() for level in ("company", "channel", "employee")}
    assert by["company"] == {"company": 380 + 7 + 6 + 70 + 500}
    assert by["channel"] == {"market": 463, "shop": 500}
    # Order 1 by the sales of its lines, 4 in halves; the cancelled order, the dollars of nobody and the sum belong to nobody.
    assert by["employee"] == pytest.approx({"ann": 380 * 0.75 + 3, "bo": 380 * 0.25 + 3, "unassigned": 7 + 70 + 500})
    for level in ("employee", "product", "region", "category"):
        assert capital.received(paid, level)["collections"].sum() == pytest.approx(963)


def test_attainment_of_cash(paid):
    frame = capital.collected(paid).set_index(["level", "entity"])
    assert frame.loc[("store", "A"), ["received", "missing", "attainment"]].tolist() == [893, 107, 0.893]
    assert frame.loc[("channel", "market"), "attainment"] == 463 / 400
    assert frame.loc[("company", "company"), "attainment"] != frame.loc[("company", "company"), "attainment"]  # a target of 0 is none
    ann, bo = frame.loc[("employee", "ann")], frame.loc[("employee", "bo")]
    assert ann["visible"] == pytest.approx(300 / 900) and ann["attainment"] == pytest.approx(288 / 250)  # reached with what can be seen
    assert bo["visible"] == 1 and bo["attainment"] == pytest.approx(98 / 150)
    assert frame.loc[("employee", "nobody knows"), ["received", "visible"]].tolist() == [0, 0]
    said = capital.collected_said(paid, capital.collected(paid), team.names(paid))
    assert (
        "CNY 963 arrived." in said
        and "Whether nobody knows reached the target can't be told: only 0% of their sales is paid by order." in said
    )
    assert "Most is missing in store A: CNY 107 (89.3% collected)." in said


def test_money_of_a_person_that_can_not_be_followed(tmp_path):
    asked = "2025-06,employee,ann,collections,300\n"
    files = {"order_lines.csv": LINES + SOLD, "payouts.csv": PAYOUTS + PAID, "fx_rates.csv": RATES, "targets.csv": TARGETS + asked}
    frame = capital.collected(open_book(str(folders.write(tmp_path, files)), "2025-06"))
    row = frame[frame["entity"] == "ann"].iloc[0]
    assert row["received"] == 288 and row["attainment"] != row["attainment"]  # 288 of 300, but two thirds of her sales are paid by the sum


OWED = """1,1,2025-05-31,A,market,P,1,100,,ann,,
2,1,2025-05-01,A,market,P,1,100,,ann,,
3,1,2025-04-30,A,market,P,1,100,,bo,,
4,1,2025-04-01,A,market,P,1,30,,bo,,
4,2,2025-04-01,A,market,P,1,10,,ann,,
5,1,2025-03-01,A,market,P,1,100,,,,
6,1,2025-02-28,A,market,P,1,100,,,,
7,1,2025-06-01,A,market,P,1,100,,,,
8,1,2025-05-20,A,market,P,1,100,,,,
9,1,2025-05-20,A,market,P,1,100,,,,
10,1,2025-05-20,A,shop,P,1,100,,,,
11,1,2025-06-30,A,market,P,1,100,,,,
"""


def test_overdue_by_age(tmp_path):
    paid = PAYOUTS + "2025-06-02,A,market,8,60,\n2025-06-02,A,market,9,130,\n"
    book = open_book(str(folders.write(tmp_path, {"order_lines.csv": LINES + OWED, "payouts.csv": paid})), "2025-06")
    frame = capital.overdue(book).set_index("order")
    # 30 days to pay, then counted to 30 June: 31 May is due today, 1 May is 30 days late, 30 April 31, 1 April 60, 1 March 91, 28 February 92.
    assert frame["days_overdue"].to_dict() == {"A/6": 92, "A/5": 91, "A/4": 60, "A/3": 31, "A/2": 30, "A/8": 11, "A/1": 0}
    assert frame["amount"].to_dict() == {"A/6": 100, "A/5": 100, "A/4": 40, "A/3": 100, "A/2": 100, "A/8": 40, "A/1": 100}
    grid = capital.by_age(capital.overdue(book)).set_index("entity").loc["market"]
    assert grid.tolist() == [240, 140, 0, 200, 580]  # 7 and 11 are not due, 9 got too much, the shop pays by the sum
    people = capital.by_age(capital.overdue(book, "employee")).set_index("entity")["overdue"]
    assert people.to_dict() == {"ann": 210, "bo": 130, "unassigned": 240}
    assert capital.collected(book).set_index("entity").loc["bo", "overdue"] == 130
    assert capital.aged(book).groupby("level")["overdue"].sum().to_dict() == {"store": 580, "channel": 580, "employee": 580}
    said = capital.overdue_said(book, capital.overdue(book))
    assert said.startswith("CNY 580 of 7 orders is owed past its due date, which is 30 days after the order; the oldest for 92 days.")
    assert said.endswith("Only payouts that name their order can be held against it: 100.0% of the money of the last 90 days.")


def test_nothing_can_be_said_without_payouts_or_their_orders(tmp_path):
    none = open_book(str(folders.write(tmp_path / "a", {"order_lines.csv": LINES + OWED})), "2025-06")
    assert capital.collected(none).empty and capital.overdue(none).empty and capital.aged(none).empty
    assert capital.collected_said(none, capital.collected(none), team.names(none)).startswith("No payout is on record")
    assert capital.overdue_said(none, capital.overdue(none)).startswith("No payout is on record")
    sums = PAYOUTS + "2025-06-02,A,shop,,60,\n"
    summed = open_book(str(folders.write(tmp_path / "b", {"order_lines.csv": LINES + OWED, "payouts.csv": sums})), "2025-06")
    assert "names its order" in capital.overdue_said(summed, capital.overdue(summed)) and capital.by_age(capital.overdue(summed)).empty


def test_the_sample_owes_what_was_planted():
    book = open_book(str(sample.FOLDER), "2025-12")
    found = {(row.order, round(row.amount, 2)) for row in capital.overdue(book).itertuples() if not row.order.startswith("us-shop")}
    assert found == {("cn-flagship/CNF005789", 595.85), ("cn-outlet/CNO002409", 596.5), ("cn-flagship/CNF005930", 1753.37),
                     ("cn-outlet/CNO002499", 597.82), ("cn-flagship/CNF006034", 2240.21), ("cn-flagship/CNF006154", 2301.39),
                     ("cn-outlet/CNO002583", 513.42), ("cn-flagship/CNF006250", 495.35)}  # fmt: skip
    rule = decide(book, "cash")
    assert capital.overdue(book)["amount"].sum() == pytest.approx(rule["money_at_stake"].sum())
    for level in ("store", "employee"):
        assert capital.overdue(book, level)["amount"].sum() == pytest.approx(capital.overdue(book)["amount"].sum())
