"""Process beside results, market information and the check-up: figures worked by hand."""

import re
import tomllib
from datetime import date, timedelta

import numpy as np
import pytest
from folders import write
from two_teams import FILES

from helpers import notebooks
from helpers.book import open_book
from helpers.kpi_scorecard import process
from helpers.sample import FOLDER
from helpers.team_efficiency import team


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def people(book):
    return process.people(book).set_index("entity")


# ---- people -------------------------------------------------------------------------------------------------------------------------


def test_process_and_results_by_hand(people):
    # Ann: 30 customers in 90 minutes over two days, one of which has her order of 1000.
    ann = people.loc["ann"]
    assert ann[["days", "contacts", "minutes", "won", "lost", "sold_days"]].tolist() == [2, 30, 90, 3, 1, 2]
    assert ann[["contacts_per_day", "minutes_per_contact", "won_per_day", "sales_per_day", "contribution_per_day"]].tolist() == [
        15,
        3,
        1.5,
        500,
        300,
    ]
    assert people.loc["bo", ["days", "sold_days", "sales_per_day"]].tolist() == [0, 1, 1500]
    assert np.isnan(people.loc["bo", "contacts_per_day"])  # unknown, not none


def test_who_has_no_plan_record_or_review(people, book):
    assert people["plan"].to_dict() == {"ann": True, "bo": True, "cy": False, "dee": False, "eve": False}
    assert people["process"].to_dict() == {"ann": True, "bo": False, "cy": False, "dee": False, "eve": False}
    assert people["review"].to_dict() == {"ann": True, "bo": False, "cy": True, "dee": False, "eve": False}
    said = process.gaps_said(people.reset_index(), team.names(book, True))
    assert said.startswith("Of 5 people, no target of their own:") and "Ann" not in said


def test_teams_are_ratios_of_sums(people):
    both = process.teams(people.reset_index()).set_index("team")
    assert both.loc["East", ["people", "net_sales", "sold_days"]].tolist() == [2, 2500, 3]
    assert both.loc["East", "sales_per_day"] == pytest.approx(2500 / 3)  # not the mean of 500 and 1500
    assert both.loc["West", "people"] == 2 and np.isnan(both.loc["West", "contacts_per_day"])
    assert both["net_sales"].sum() == 3200  # with Dee, who has no staffing


def test_panels_stand_on_the_whole(people, book):
    found = process.panels(people.reset_index(), team.names(book)).set_index("who")
    assert found.loc["Bo", "sales_per_day"] == pytest.approx(1500 / (3200 / 5))
    assert found.loc["Bo", "attainment"] == 1 and np.isnan(found.loc["Bo", "contacts_per_day"])


def test_a_missing_table_is_unknown_and_no_fault(tmp_path):
    files = {name: text for name, text in FILES.items() if name not in ("activities.csv", "appraisals.csv", "targets.csv")}
    book = open_book(str(write(tmp_path, files, toml=None)), "2025-02")
    found = process.checkup(book).set_index("fault")
    assert (
        found.loc[["unplanned sales", "uncontrolled process", "no evaluation", "no feedback", "no system"], "answer"].tolist()
        == ["unknown"] * 5
    )
    assert found.loc["unmanaged customers", "answer"] == "fault"
    assert process.people(book)[["plan", "process", "review"]].isna().all(axis=None)


def test_before_anything_was_recorded_it_is_unknown(two_teams):
    early = open_book(str(two_teams), "2025-01")  # targets begin in February
    assert process.recorded(early) == {"plan": False, "process": True, "review": True, "feedback": False}
    assert process.people(early)["plan"].isna().all() and process.people(early)["process"].notna().all()
    found = process.checkup(early).set_index("fault")["answer"]
    assert found["unplanned sales"] == "unknown" and found["uncontrolled process"] == "fault"  # Cy's record, and Ann at work


def test_work_against_one_s_own_months(book, two_teams):
    # Cy's 99 contacts of January are no measure in February, when Cy has no record; Ann had none before.
    assert process.people(book).set_index("entity")["contacts_before"].to_dict() == pytest.approx(
        {"ann": np.nan, "bo": np.nan, "cy": 99, "dee": np.nan, "eve": np.nan}, nan_ok=True
    )
    assert process.changed_said(process.people(book), team.names(book), "CNY").startswith("Nobody has records of this month and of earlier")


def test_findings_about_people_are_one_row_each_kind(book):
    found = process.findings(book, team.names(book, True)).set_index("figure")
    assert found.loc["3 people with no target", "what"] == "people, a reason to look"
    assert "Ann" not in " ".join(found["about"])


def test_without_names_of_buyers_nobody_can_say_who_looks_after_them(reported, small_company):
    assert np.isnan(process.unmanaged(reported)) and np.isnan(process.unmanaged(open_book(str(small_company), "2025-04")))


def test_raters_against_each_other(book):
    # Ann: lead 3, peer 4. Cy has the lead only, so the lead is compared on Ann alone.
    found = process.raters(book, team.names(book)).set_index("rater")
    assert found.loc["lead", ["people", "apart"]].tolist() == [1, -1] and found.loc["peer", "apart"] == 1
    assert found.loc["lead", "mean"] == 3.5


def test_a_rater_with_a_name_is_masked_too(tmp_path):
    files = FILES | {"appraisals.csv": FILES["appraisals.csv"].replace(",lead,", ",Cy,").replace(",peer,", ",eve,")}
    book = open_book(str(write(tmp_path, files, toml=None)), "2025-02")
    assert process.raters(book, team.names(book, True))["rater"].str.fullmatch("[A-E]").all()


def test_masking_reaches_every_text_of_the_page(two_teams):
    nb, failure = notebooks.execute(
        notebooks.NOTEBOOKS / "09_kpi_scorecard.ipynb", {"data": str(two_teams), "month": "2025-02", "scope": "company", "mask_names": True}
    )
    assert failure is None
    shown = [str(value) for cell in nb.cells for output in cell.get("outputs", []) for value in output.get("data", {}).values()]
    assert len(shown) > 50
    assert not re.search(r"Ann|Lee|\b(Bo|Cy|Dee|Eve|ann|bo|cy|dee|eve)\b", " ".join(text for text in shown if not text.startswith("iVBOR")))


# ---- the check-up -------------------------------------------------------------------------------------------------------------------


def test_six_questions_by_hand(book):
    found = process.checkup(book).set_index("fault")
    assert found["gap"].drop("no feedback").to_dict() == pytest.approx({
        "unplanned sales": 700 / 3200,  # Cy 500 and Dee 200 of what people sold
        "uncontrolled process": 3 / 4,  # of Ann, Bo, Cy and Eve only Ann hands in records
        "unmanaged customers": 800 / 5000,  # c5 of two months' sales
        "no evaluation": 2 / 4, "no system": 3 / 4,
    })  # fmt: skip
    assert np.isnan(found.loc["no feedback", "gap"])
    assert (found["answer"].drop("no feedback") == "fault").all()
    assert process.checkup_said(process.checkup(book)).startswith(
        "Faults: 5 of 6 questions; the largest gap is uncontrolled process: 75.0%"
    )


# ---- market information -------------------------------------------------------------------------------------------------------------

LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost\n"
REPORTS = """reported_on,employee_id,topic,product_id,severity,summary,action,resolved_on
2025-03-02,ann,price,P,high,copied <b>everywhere</b>,,
2025-03-03,bo,demand,Q,low,fine,,2025-03-05
2025-03-04,bo,service,,low,slow,,2025-03-25
2025-03-28,bo,demand,Q,low,more,,
2025-04-10,bo,demand,Q,low,not yet known,,
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """Every day an order of P and one of Q, each for 100; P costs 60 until 1 March and 90 from then on, Q always 50."""
    rows = []
    for n in range(90):
        day = date(2025, 1, 1) + timedelta(n)
        rows += [f"P{n},1,{day},S,web,P,1,100,{60 if day < date(2025, 3, 2) else 90}\n", f"Q{n},1,{day},S,web,Q,1,100,50\n"]
    folder = write(tmp_path_factory.mktemp("reported"), {"order_lines.csv": LINES + "".join(rows), "market_reports.csv": REPORTS})
    return open_book(str(folder), "2025-03")


def test_reports_their_state_and_what_followed(reported):
    found = process.market(reported)
    assert found["state"].tolist() == ["open", "late", "answered", "overdue"]  # what comes after the month isn't known yet
    assert found["days"].tolist() == [3, 21, 2, 29]
    fell = found.iloc[3]
    assert (fell["margin_before"], fell["margin_after"]) == pytest.approx((0.4, 0.1))
    assert fell["then"] == "margin fell" and fell["cost"] == pytest.approx(0.3 * 30 * 100)
    assert (fell["share_before"], fell["share_after"]) == (0.5, 0.5)
    assert found.iloc[2]["then"] == "" and np.isnan(found.iloc[2]["cost"])
    assert np.isnan(found.iloc[0]["margin_after"])  # too few days since


def test_answers_in_time_are_counted_once_they_are_due(reported):
    row = process.checkup(reported).set_index("fault").loc["no feedback"]
    assert row["gap"] == pytest.approx(2 / 3)  # late and overdue of three; the open one still has time
    counts = process.market_counts(process.market(reported), "topic").set_index("topic")
    assert counts.loc["demand", ["reports", "answered", "open"]].tolist() == [2, 1, 1]


def test_names_and_words_of_reports_are_text(reported):
    who = team.names(reported, True)
    rows = process.market_rows(process.market(reported), who)
    said = process.market_said(reported, process.market(reported), who)
    assert "29 days" in said and "CNY 900" in said
    assert set(rows["who"]) == {process.SOMEBODY} and "ann" not in said.lower()  # who appears in reports only has no letter


def test_two_shares_by_hand():
    # (11 ÷ 102, 31 ÷ 102): 0.19608 ± 1.95996 · √((11 · 91 + 31 · 71) ÷ 102³) = 0.19608 ± 0.10767
    share, ends = process.shares([10, 30], [100, 100], 0.95)
    assert share == [0.1, 0.3]
    assert ends == pytest.approx(
        (20 / 102 - 1.959964 * np.sqrt((11 * 91 + 31 * 71) / 102**3), 20 / 102 + 1.959964 * np.sqrt((11 * 91 + 31 * 71) / 102**3)), abs=1e-6
    )
    assert np.isnan(process.shares([0, 1], [0, 10], 0.95)[1]).all()


def test_findings_put_the_dearest_report_first(reported):
    found = process.findings(reported, team.names(reported))
    assert found.iloc[0][["what", "about"]].tolist() == ["report without an answer", "P"] and "CNY 900" in found.iloc[0]["figure"]


# ---- what is planted in the sample -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted():
    stories = tomllib.loads((FOLDER / "answer_key.toml").read_text(encoding="utf-8"))["story"]
    return open_book(str(FOLDER), "2025-12"), stories


def test_stories_of_work_and_reports_are_found(planted):
    book, stories = planted
    people, reports = process.people(book).set_index("entity"), process.market(book)
    told = {story["id"]: story for story in stories if {"reports", "contacts", "lacks"} & set(story)}
    assert len(told) == 4
    mine = reports[reports["product_id"] == told["report_answered_late"]["entity"]]
    assert dict(zip(mine["reported_on"].dt.strftime("%Y-%m-%d"), mine["state"], strict=True)) == told["report_answered_late"]["reports"]
    assert (mine["then"] == "margin fell").all() and (reports["then"].str.contains("margin fell").sum() == 2)
    story = told["work_before_results"]
    for column, key in (("contacts_before", "before"), ("contacts_per_day", "now")):
        low, high = story["contacts"][key]
        assert low <= people.loc[story["entity"], column] <= high
    for flag in ("plan", "process", "review"):
        lacking = {story["entity"] for story in told.values() if story.get("lacks") == flag}
        assert set(people.index[people[flag] == False]) == lacking  # noqa: E712
    assert process.marks(book, team.names(book)).iloc[0][["lowest", "highest"]].tolist() == [2, 5]
    assert process.marks(book, team.names(book)).iloc[0]["who"] == team.names(book)[story["entity"]]


def test_parts_add_up_to_the_ledger(planted):
    book, _ = planted
    ladder = book.ladder(["employee_id"]).set_index("employee_id")
    people = process.people(book).set_index("entity")
    assert people["net_sales"].sum() + ladder.loc["unassigned", "net_sales"] == pytest.approx(ladder["net_sales"].sum(), abs=0.005)
    assert people["contribution"].sum() + ladder.loc["unassigned", "contribution"] == pytest.approx(ladder["contribution"].sum(), abs=0.005)
    assert process.teams(people.reset_index())["net_sales"].sum() == pytest.approx(people["net_sales"].sum(), abs=0.005)
