"""Decisions from month to month, by hand: raised, acted on, closed, raised again; and how many go away by themselves."""

import numpy as np
import pandas as pd
import pytest
from folders import write

from helpers.book import open_book
from helpers.monthly_decisions import actions
from helpers.monthly_decisions.monthly_decisions import store_of

LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost,platform_fee"
NOTES = "date,rule,level,entity,action,note,closed_on"
# Contribution of each product in January to June (blank: not sold): what is below zero fires loss_maker and nothing else.
MONTHS = {
    "A": (-10, -20, 10, 10, -40, -50),  # goes away, and comes back in May
    "B": (-10, -10, -10, -10, -10, -10),  # all the time
    "C": (10, 10, -30, -30, -30, -38),  # March on, at 38 in the end
    "D": (10, 10, -20, 10, 10, 10),  # one bad month
    "E": (10, 10, 10, 10, 10, -5),  # new in June
    "Z": (95, 95, 95, 95, 95, 190),  # keeps the channel above zero
}


def folder(path, notes: str = "", header: str = NOTES):
    lines = [LINES, "0,1,2024-10-05,S,web,Z,1,200,100,5", "1,1,2024-10-28,S,web,Z,1,200,100,5"]  # long before what is looked at
    for product, earned in MONTHS.items():
        for n, amount in enumerate(earned, 1):
            for day in (5, 28):  # half of it each
                lines.append(f"{product}{n}-{day},1,2025-{n:02d}-{day:02d},S,web,{product},1,200,100,{100 - amount / 2}")
    files = {"order_lines.csv": "\n".join(lines)} | ({"actions.csv": f"{header}\n{notes}"} if notes else {})
    return str(write(path, files))


def cases(path, notes: str = "", month: str = "2025-06"):
    frame = actions.followed(open_book(folder(path, notes), month))
    assert set(frame["rule"]) == {"loss_maker"}
    return frame.set_index("entity")


def test_without_notes_decisions_are_new_open_gone_or_raised_again(tmp_path):
    frame = cases(tmp_path)
    assert frame["state"].to_dict() == {"A": "raised again", "C": "open", "B": "open", "E": "new", "D": "gone"}
    assert frame["raised"].to_dict() == {"A": "2025-05", "B": "2025-01", "C": "2025-03", "D": "2025-03", "E": "2025-06"}
    assert frame["months"].to_dict() == {"A": 2, "B": 6, "C": 4, "D": 1, "E": 1}
    assert frame.loc["A", ["times", "stake_raised", "stake", "earlier"]].tolist() == [2, 40, 50, False]
    assert frame.loc["B", "earlier"] and frame.loc["D", "stake"] == 0
    said = actions.followed_said(open_book(folder(tmp_path / "b"), "2025-06"), frame.reset_index())
    assert "2 open without an answer, 1 new, 1 raised again, 1 gone" in said
    assert "loss maker of product B, 6 months at least, CNY 10 at stake" in said


def test_a_month_of_refunds_alone_has_its_decisions_too(tmp_path):
    """A buyer who came back stays away; sales end in March, and the only thing in May is a refund."""
    lines = ["order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost,customer_id",
             *(f"{n},1,{day},S,web,P,1,100,50,{who}" for n, (day, who) in enumerate([("2024-11-01", "a"), ("2024-12-01", "a"), ("2025-03-01", "b")]))]  # fmt: skip
    back = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nS,2,1,2025-05-02,1,60,true\n"
    book = open_book(str(write(tmp_path, {"order_lines.csv": "\n".join(lines), "returns.csv": back})), "2025-05")
    frame = actions.followed(book).set_index("rule")
    assert frame.loc["customers_at_risk", ["state", "raised"]].tolist() == ["open", "2025-03"]  # April, without anything, is no month of the data
    # 60 back and goods of 50 again: −10 in May alone
    assert frame.loc["loss_maker", ["state", "raised", "stake"]].tolist() == ["new", "2025-05", 10]


def test_an_action_belongs_to_the_run_in_which_it_was_done(tmp_path):
    notes = """2025-02-10,loss_maker,product,A,early,,
2025-04-02,LOSS_MAKER,,C,spoke to the supplier,,
2025-04-20,loss_maker,product,C,raised the price,,
2024-11-01,loss_maker,product,B,long ago,,"""
    frame = cases(tmp_path, notes)
    assert frame["state"].to_dict() == {"A": "raised again", "C": "acted on", "B": "acted on", "E": "new", "D": "gone"}
    assert frame.loc["C", ["acted_on", "action"]].tolist() == ["2025-04-20", "raised the price"]
    assert frame.loc["A", "acted_on"] == "" and frame.loc["B", "acted_on"] == "2024-11-01"  # B fires since before what is looked at
    earlier = cases(tmp_path, notes, "2025-02")
    assert earlier.loc["A", ["state", "acted_on"]].tolist() == ["acted on", "2025-02-10"]


def test_what_was_closed_stays_closed_until_it_comes_back_or_grows_by_a_quarter(tmp_path):
    notes = """2025-02-03,loss_maker,product,A,settled,,2025-02-20
2025-03-20,loss_maker,product,C,a launch that was budgeted,,2025-04-01
2025-02-01,loss_maker,product,B,kept,,2025-02-01
2025-03-30,loss_maker,product,D,checked,,2025-03-30"""
    frame = cases(tmp_path, notes)
    # A came back in May. C lost 30 when it was closed, and 38 is more than a quarter more. B loses what it lost. D is gone.
    assert frame["state"].to_dict() == {"A": "raised again", "C": "raised again", "B": "closed", "D": "closed", "E": "new"}
    assert frame.loc["C", ["raised", "months"]].tolist() == ["2025-06", 1] and frame.loc["A", "raised"] == "2025-05"
    assert frame["closed_on"].to_dict() == {"A": "", "C": "", "B": "2025-02-01", "D": "2025-03-30", "E": ""}
    assert cases(tmp_path, notes, "2025-05").loc["C", "state"] == "closed"
    assert cases(tmp_path, notes, "2025-03").loc["C", "state"] == "acted on"  # closed only in April


def test_what_fires_since_the_first_month_of_the_data_was_not_raised_before(tmp_path):
    path = folder(tmp_path, "2024-11-01,loss_maker,product,B,before there was anything,,")
    file = tmp_path / "order_lines.csv"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if ",2024-" not in line))
    frame = actions.followed(open_book(path, "2025-06")).set_index("entity")
    assert frame.loc["B", ["state", "earlier", "raised", "acted_on"]].tolist() == ["open", False, "2025-01", ""]


def test_a_row_that_names_what_is_not_there_is_told(tmp_path):
    notes = """2025-03-01,loss_makers,product,C,a,,
2025-03-02,loss_maker,channel,web,b,,
2025-03-03,loss_maker,product,CC,c,,
2025-03-04,off_pace,product,C,d,,
2025-03-05,loss_maker,product,E,e,,
2025-03-06,low_profit_per_employee,,S,f,,
2025-03-07,loss_maker,product,C,g,,2025-02-01
2025-03-08,loss_maker,product,C,h,,
2025-07-01,loss_maker,product,C,i,,"""
    book = open_book(folder(tmp_path, notes), "2025-06")
    found = dict(zip(actions.recorded(book)["action"], actions.recorded(book)["trouble"], strict=True))
    assert found == {
        "a": "there is no rule of that name; did you mean `loss_maker`?",
        "b": "the rule looks at product, not at channel",
        "c": "there is no product of that id; did you mean `C`?",
        "d": "a target is one month's only",
        "e": "it had not fired up to 2025-03",
        "f": "it had not fired up to 2025-03",
        "g": "closed before it was done",
        "h": "",
    }
    assert list(actions.troubles(book)["what_is_wrong"]) == [trouble for trouble in found.values() if trouble]
    assert actions.recorded_said(book) == "8 actions noted down up to 2025-06-30; 7 of them can't be followed; 1 of a later day."


def test_a_row_that_the_contract_refuses_is_set_aside_with_its_reason(tmp_path):
    notes = "03.04.2025,loss_maker,product,C,a,,\n2025-03-04,loss_maker,shelf,C,b,,\n2025-03-05,loss_maker,product,C,,,\n2025-03-06,loss_maker,product,C,d,,"
    book = open_book(folder(tmp_path, notes), "2025-06")
    rows = book.sql('select "row", "column", reason from set_aside where file = \'actions.csv\' order by "row"')
    assert rows["column"].tolist() == ["date", "level", "action"] and len(actions.recorded(book)) == 1


def test_a_company_may_have_no_actions_or_only_the_needed_columns(tmp_path):
    bare = open_book(folder(tmp_path / "a"), "2025-06")
    assert actions.recorded(bare).empty and actions.troubles(bare).empty
    assert actions.recorded_said(bare).startswith("This company has no table actions: it would switch on decisions followed")
    some = open_book(folder(tmp_path / "b", "2025-04-02,loss_maker,C,spoke", "date,rule,entity,action"), "2025-06")
    assert actions.followed(some).set_index("entity").loc["C", "state"] == "acted on"


def test_an_order_that_was_not_paid_belongs_to_its_store():
    book = open_book("data/sample", "2025-12")
    assert store_of("cn-flagship/CNFL000001", book.stores) == "cn-flagship" and store_of("x/1", book.stores) == "x/1"


def test_what_goes_away_by_itself_by_hand(tmp_path):
    # Firings of January to May: A in Jan, Feb (gone in March), May; B five times; C in March, April, May; D in March (gone in April).
    whole = actions.fates(open_book(folder(tmp_path), "2025-06")).set_index("rule").loc["loss_maker"]
    assert whole[["left_alone", "gone", "acted_on", "gone_after"]].tolist() == [12, 2, 0, 0]
    assert whole["share"] == pytest.approx(1 / 6)
    # at stake first: 10 + 20 + 40, 50, 90, 20; a month later: 20 + 0 + 50, 50, 98, 0
    assert whole["left"] == pytest.approx(218 / 230)
    # Wilson's interval of 2 in 12, worked out: centre (1/6 + 1.9208/12) ÷ (1 + 3.8416/12)
    assert (whole["low"] + whole["high"]) / 2 == pytest.approx((1 / 6 + 1.9208 / 12) / (1 + 3.8416 / 12))


def test_a_firing_is_acted_on_from_its_raising_to_the_month_after(tmp_path):
    # A: noted in March, after February's firing, so January (next month February) was left alone. D: noted in May, when it was long gone.
    notes = "2025-03-02,loss_maker,product,A,acted,,\n2025-05-02,loss_maker,product,D,late,,\n2025-04-01,loss_maker,product,C,acted,,"
    book = open_book(folder(tmp_path, notes), "2025-06")
    whole = actions.fates(book).set_index("rule").loc["loss_maker"]
    # acted on: A in February (gone); C in March, April and May
    assert whole[["left_alone", "gone", "acted_on", "gone_after"]].tolist() == [8, 1, 4, 1]
    assert "of 4 acted on, 1, where rule by rule 0.7 would have been" in actions.fates_said(actions.fates(book))  # 4 · 2 ÷ 12


def test_acting_is_held_against_leaving_alone_rule_by_rule():
    # Simpson: who acts on what never goes away seems to fail, though within each rule acting makes no difference.
    frame = pd.DataFrame(
        {"rule": ["fleeting", "lasting"], "left_alone": [40, 10], "gone": [32, 0], "acted_on": [10, 40], "gone_after": [8, 0]}
    )
    gone, expected, p = actions.acted_against_alone(frame)
    assert (gone, expected, p) == (8, pytest.approx(8), 1.0)


def test_the_p_value_is_that_of_drawing_who_acted_by_lot():
    frame = pd.DataFrame({"rule": ["a", "b"], "left_alone": [30, 24], "gone": [9, 4], "acted_on": [20, 16], "gone_after": [12, 4]})
    gone, expected, p = actions.acted_against_alone(frame)
    rng = np.random.default_rng(3)
    drawn = rng.hypergeometric(21, 29, 20, 20000) + rng.hypergeometric(8, 32, 16, 20000)
    assert expected == pytest.approx(20 * 21 / 50 + 16 * 8 / 40) and drawn.mean() == pytest.approx(expected, abs=0.05)
    by_lot = (np.abs(drawn - expected) >= abs(gone - expected) - 1e-9).mean()
    assert p == pytest.approx(by_lot, abs=0.02)  # the normal curve is near, not the same


def test_names_in_the_notes_are_text(tmp_path):
    book = open_book(folder(tmp_path, '2025-04-02,loss_maker,product,C,"<script>alert(1)</script>\n**x**",,'), "2025-06")
    from helpers.text import table

    rich = table(actions.followed_rows(actions.followed(book)), {"what": "words"}, book.currency).rich
    assert "<script>" not in rich and "&#60;script&#62;" in rich


def test_the_timeline_has_a_cell_per_decision_and_month(tmp_path):
    book = open_book(folder(tmp_path, "2025-04-02,loss_maker,product,C,spoke,,"), "2025-06")
    frame = actions.timeline(book, actions.followed(book))
    assert len(frame) == 5 * 6 and frame["fires"].sum() == 4 + 6 + 4 + 1 + 1
    assert frame.loc[frame["acted"], ["who", "month"]].values.tolist() == [["loss maker: C", "2025-04"]]
