"""Teams and people: figures worked by hand, and masked names."""

import re

import numpy as np
import pandas as pd
import pytest
from folders import write
from two_teams import FILES

from helpers import notebooks
from helpers.book import open_book
from helpers.contract import BadInput
from helpers.decisions import decide
from helpers.facts import facts
from helpers.team_efficiency import team


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def people(book):
    return team.people(book, team.names(book)).set_index("entity")


# ---- figures by hand --------------------------------------------------------------------------------------------------------------


def test_profit_per_head_cost_and_hurdle(book):
    # East, January: 600 − 100. February: Ann 600, Bo 1500 − 2000 = −500; − 150 pay − 300 × 1.5 ÷ 3 rent = −200. Mean FTE (1 + 1.5) ÷ 2.
    east = team.employers(book).set_index("who").loc["team East"]
    assert east[["mean_fte", "months"]].tolist() == [1.25, 2]
    assert east["profit_per_employee"] == pytest.approx((500 - 200) / 1.25 * 6)
    fte_years = 1.25 * 2 / 12
    assert east["cost_a_year"] == pytest.approx(250 / fte_years)
    assert east["sales_a_year"] == pytest.approx(3500 / fte_years)
    assert east["contribution_rate"] == pytest.approx(700 / 3500)
    assert east["pays_for_itself"] == pytest.approx(250 / 700)


def test_profit_per_head_is_that_of_the_metrics(book):
    mine = team.employers(book).set_index(["level", "entity"])["profit_per_employee"]
    for level in ("company", "store", "team"):
        there = facts(book, level).set_index("entity")["profit_per_employee"].dropna()
        assert mine[level].to_dict() == pytest.approx(there.to_dict())


def test_marginal_needs_months_and_people_who_came_or_went(book):
    assert team.employers(book)["marginal"].isna().all()  # two months can't be two halves of three
    history = pd.DataFrame({"fte": [2.0] * 3 + [2.2] * 3, "operating_profit": [100.0] * 3 + [400.0] * 3})
    told = team.marginal(history)
    assert told["more_profit"] == pytest.approx(3600) and np.isnan(told["marginal"])


def test_marginal_of_people_who_left_and_its_interval():
    # 2 FTE fewer, 10 a month more profit: −60 a year for each. Months scatter by ±1: variance 1, error = 12 √(2/3).
    history = pd.DataFrame({"fte": [5.0] * 3 + [3.0] * 3, "operating_profit": [9.0, 10, 11, 19, 20, 21]})
    told = team.marginal(history)
    assert told["marginal"] == pytest.approx(-60)
    assert (told["low"], told["high"]) == pytest.approx((-60 - 12 * np.sqrt(2 / 3), -60 + 12 * np.sqrt(2 / 3)))


def test_people_of_the_month(people):
    assert list(people.index) == ["bo", "ann", "cy", "dee"]
    assert people["contribution"].to_dict() == {"bo": -500, "ann": 600, "cy": 400, "dee": 100}
    assert people["discount_share"].to_dict() == {"bo": 0.5, "ann": 0, "cy": 0, "dee": 0}
    assert people["attainment"].to_dict() == pytest.approx({"bo": 1, "ann": 0.5, "cy": np.nan, "dee": np.nan}, nan_ok=True)
    assert people["new_customers"].to_dict() == {"bo": 1, "ann": 1, "cy": 0, "dee": 1}
    assert people["team"].to_dict() == {"bo": "East", "ann": "East", "cy": "West", "dee": "no staffing"}


def test_targets_met_at_a_loss(book):
    frame = team.at_a_loss(book, team.names(book))
    assert frame.loc[frame["lossy"], "who"].tolist() == ["Bo"]
    assert set(frame["who"]) == {"Bo", "Ann <b>Lee</b>", "East"}
    assert team.read_at_a_loss(frame, "CNY").startswith("1 of 3 targets of teams and people met at a loss: employee Bo")


def test_a_target_met_with_goods_of_unknown_cost_is_no_loss_for_sure(book, monkeypatch):
    known = team.facts

    def unknown(book, level):  # what was sold has no known cost, and fees and ads leave less than nothing
        frame = known(book, level)
        return frame.assign(contribution=-1.0, uncosted_sales=-frame["net_sales"])

    monkeypatch.setattr(team, "facts", unknown)
    frame = team.at_a_loss(book, team.names(book))
    assert not frame["lossy"].any() and set(frame.loc[frame["doubtful"], "who"]) == {"Bo", "East"}
    said = team.read_at_a_loss(frame, "CNY")
    assert said == "None of 3 targets of teams and people was surely met at a loss. Of 2 more nobody knows, since the cost of goods is unknown."


def test_what_belongs_to_nobody_is_named(book):
    said = team.loose_ends(book, team.names(book))
    assert "CNY 800 (20.0% of all) belong to nobody" in said
    assert "no staffing in this scope and month: Dee" in said and "serve others have: Eve" in said


def test_activity_is_of_the_month_and_no_record_is_unknown(book, people):
    activity = team.activity(book, people.reset_index()).set_index("entity")
    assert activity.loc["ann", ["days", "contacts_per_day", "minutes_per_contact"]].tolist() == [2, 15, 3]
    assert activity.loc["ann", ["new_reported", "lost_reported", "contribution_per_contact"]].tolist() == [3, 1, 20]
    assert activity.loc["cy", "days"] == 0 and np.isnan(activity.loc["cy", "contacts_per_day"])


def test_appraisals_of_the_last_round_and_their_spread(book, people):
    seen = team.appraisals(book, people.reset_index()).set_index("entity")
    assert seen.loc["ann", ["round", "raters", "cooperation", "enthusiasm", "loyalty", "overall", "spread"]].tolist() == [
        "2025-02",
        2,
        4,
        3.5,
        3,
        3.5,
        1,
    ]
    assert seen.loc["cy", "raters"] == 1 and np.isnan(seen.loc["cy", "spread"])


# ---- names ------------------------------------------------------------------------------------------------------------------------


def test_masked_names_are_letters_that_stay(two_teams, book):
    letters = team.names(book, True)
    assert sorted(letters) == list("ABCDE")
    assert sorted(letters[["ann", "cy"]]) == ["A", "B"]  # the only ones in the first month; who came later comes later
    assert team.names(open_book(str(two_teams), "2025-01", "S"), True).equals(letters)


def test_masking_reaches_names_ids_and_owners_of_decisions(book):
    decisions = team.about_people([decide(book, "team"), decide(book, "target")], team.names(book, True))
    person = decisions[decisions["level"] == "employee"]
    assert len(person) == 1 and person["name"].str.fullmatch("[A-E]").all() and person["entity"].str.fullmatch("[A-E]").all()
    assert set(decisions["owner"]) <= {"", *"ABCDE"}
    assert set(decisions.loc[decisions["level"] == "team", "name"]) == {"East", "West"}


def test_masking_reaches_every_text_of_the_page(two_teams):
    nb, failure = notebooks.execute(
        notebooks.NOTEBOOKS / "04_team_efficiency.ipynb",
        {"data": str(two_teams), "month": "2025-02", "scope": "company", "mask_names": True},
    )
    assert failure is None
    shown = [str(value) for cell in nb.cells for output in cell.get("outputs", []) for value in output.get("data", {}).values()]
    assert len(shown) > 40
    assert not re.search(r"Ann|Lee|\b(Bo|Cy|Dee|Eve|ann|bo|cy|dee|eve)\b", " ".join(text for text in shown if not text.startswith("iVBOR")))


def test_mask_names_is_true_or_false_and_nothing_else(book):
    with pytest.raises(BadInput, match="mask_names must be True or False, not 'yes'"):
        team.names(book, "yes")


def test_people_of_the_same_name_are_told_apart(tmp_path):
    write(tmp_path, {name: content.replace("cy,Cy", "cy,Bo") for name, content in FILES.items()}, toml=None)
    same = team.names(open_book(str(tmp_path), "2025-02"))
    assert same[["bo", "cy", "dee"]].tolist() == ["Bo (bo)", "Bo (cy)", "Dee"]
