"""Teams and people: figures worked by hand, what chance gives to honest simulated sellers, and masked names."""

import numpy as np
import pandas as pd
import pytest

from helpers import team
from helpers.book import open_book
from helpers.contract import BadInput
from helpers.decisions import decide
from helpers.metrics import facts

# Two teams over two months. East: Ann (1 FTE) and Bo (0.5 FTE); West: Cy (1 FTE) and Eve, who serves others. Dee sells without staffing.
FILES = {
    "company.toml": 'name = "Two Teams"\nreporting_currency = "CNY"\ntimezone = "UTC"\nstage = "growth"\n',
    "order_lines.csv": "order_id,line_no,ordered_at,store,channel,product_id,quantity,"
    """gross_amount,discount_amount,unit_cost,employee_id,customer_id
1,1,2025-01-10,S,web,P,1,1000,0,400,ann,c1
2,1,2025-02-03,S,web,P,1,1000,0,400,ann,c2
3,1,2025-02-04,S,web,P,1,3000,1500,2000,bo,c3
4,1,2025-02-05,S,web,P,1,500,0,100,cy,c1
5,1,2025-02-06,S,web,P,1,200,0,100,dee,c4
6,1,2025-02-07,S,web,P,1,800,0,300,,c5
""",
    "employees.csv": "employee_id,name\nann,Ann <b>Lee</b>\nbo,Bo\ncy,Cy\ndee,Dee\neve,Eve\n",
    "staffing.csv": """month,employee_id,team,store,fte,cost
2025-01-01,ann,East,S,1,100
2025-02-01,ann,East,S,1,100
2025-02-01,bo,East,S,0.5,50
2025-02-01,cy,West,S,1,300
2025-02-01,eve,West,S,0.5,60
""",
    "overheads.csv": "month,store,category,amount\n2025-02-01,,rent,300\n",
    "targets.csv": """month,level,entity,metric,target
2025-02-01,employee,ann,net_sales,2000
2025-02-01,employee,bo,net_sales,1500
2025-02-01,team,East,net_sales,2000
""",
    "activities.csv": """date,employee_id,customers_contacted,contact_minutes,new_customers,lost_customers
2025-02-03,ann,10,40,1,0
2025-02-04,ann,20,50,2,1
2025-01-04,cy,99,99,9,9
""",
    "appraisals.csv": """month,employee_id,rater,cooperation,enthusiasm,loyalty
2025-01-01,ann,lead,1,1,1
2025-02-01,ann,lead,3,3,3
2025-02-01,ann,peer,5,4,3
2025-02-01,cy,lead,4,4,4
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("two teams")
    for name, content in FILES.items():
        (made / name).write_text(content, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def book(folder):
    return open_book(str(folder), "2025-02")


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


def test_ranks_by_sales_and_by_profit(people):
    ranked = team.ranked(people)
    assert ranked["sales_rank"].tolist() == [1, 2, 3, 4]
    assert ranked["profit_rank"].tolist() == [4, 1, 2, 3]
    assert team.read_ranked(ranked, "CNY").endswith("Most moved: Bo, from place 1 by sales to place 4 by profit.")


def test_targets_met_at_a_loss(book):
    frame = team.at_a_loss(book, team.names(book))
    assert frame.loc[frame["lossy"], "who"].tolist() == ["Bo"]
    assert set(frame["who"]) == {"Bo", "Ann <b>Lee</b>", "East"}


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


def test_pay_costs_the_same_under_both_schemes(people):
    # 5 % of 3200 is 160; contribution above zero is 1100.
    pay = team.pay(people, 0.05).set_index("who")
    assert pay["on_sales"].sum() == pytest.approx(160) and pay["on_contribution"].sum() == pytest.approx(160)
    assert pay.loc["Bo", "on_contribution"] == 0 and pay.loc["Cy", "on_contribution"] == pytest.approx(160 * 400 / 1100)


def test_pay_without_any_contribution_is_blank(people):
    pay = team.pay(people.assign(contribution=-1.0), 0.05)
    assert pay["on_contribution"].isna().all()
    assert team.read_pay(pay, 0.05, "CNY").startswith("Nobody has a contribution above zero")


# ---- small samples ----------------------------------------------------------------------------------------------------------------


def test_means_of_orders_are_the_contribution_of_the_facts(people):
    sample = open_book("data/sample", "latest")
    frame = team.people(sample, team.names(sample))
    orders = team.per_order(sample, frame).merge(frame[["entity", "contribution"]], on="entity")
    assert (orders["mean"] * orders["orders"]).tolist() == pytest.approx(orders["contribution"].tolist())


def test_shrinking_worked_by_hand():
    # Noise 100/1 and 100/4. Precisions 0.01 and 0.04: centre 18; Q = 0.01 × 18² + 0.04 × 4.5² … for means 0 and 22.5: 4.05.
    # τ² = (4.05 − 1) ÷ (0.05 − 0.0017 ÷ 0.05) = 3.05 ÷ 0.016.
    told = team.shrink(pd.Series([0.0, 22.5]), pd.Series([1, 4]), 100.0)
    between = 3.05 / 0.016
    assert told["weight"].tolist() == pytest.approx([between / (between + 100), between / (between + 25)])
    assert 0 < told["shrunk"][0] < told["shrunk"][1] < 22.5


def test_without_differences_beyond_noise_all_stand_on_the_centre():
    told = team.shrink(pd.Series([9.0, 11.0]), pd.Series([4, 4]), 400.0)
    assert told["weight"].tolist() == [0, 0] and told["shrunk"].tolist() == [10, 10]
    assert (told["high"] - told["low"]).tolist() == pytest.approx([4 * np.sqrt(50)] * 2)  # the centre itself is uncertain


def test_shrunk_means_are_nearer_to_the_truth():
    rng = np.random.default_rng(3)
    worse = better = 0.0
    for _ in range(50):
        truth, orders = rng.normal(100, 10, 12), rng.integers(2, 40, 12)
        means = pd.Series(truth + rng.normal(0, 60, 12) / np.sqrt(orders))
        worse += ((means - truth) ** 2).sum()
        better += ((team.shrink(means, pd.Series(orders), 3600.0)["shrunk"] - truth) ** 2).sum()
    assert better < 0.7 * worse


# ---- weights ----------------------------------------------------------------------------------------------------------------------


def test_a_person_first_in_everything_stays_first():
    frame = pd.DataFrame({"who": list("abc"), "x": [3.0, 2, 1], "y": [9.0, 1, 5], "z": [np.nan] * 3})
    told = team.reweighted(frame, {"x": "x", "y": "y", "z": "z"}).set_index("who")
    assert list(told.columns) == ["x", "y", "even", "best", "worst", "places"]  # what nobody has is left out
    assert told.loc["a", ["best", "worst", "places"]].tolist() == [1, 1, 0]
    assert told.loc["b", ["x", "y", "best", "worst"]].tolist() == [2, 3, 2, 3]


# ---- names ------------------------------------------------------------------------------------------------------------------------


def test_masked_names_are_letters_that_stay(folder, book):
    letters = team.names(book, True)
    assert sorted(letters) == list("ABCDE")
    assert sorted(letters[["ann", "cy"]]) == ["A", "B"]  # the only ones in the first month; who came later comes later
    assert team.names(open_book(str(folder), "2025-01", "S"), True).equals(letters)


def test_masking_reaches_names_ids_and_owners_of_decisions(book):
    decisions = team.about_people([decide(book, "team"), decide(book, "target")], team.names(book, True))
    person = decisions[decisions["level"] == "employee"]
    assert len(person) == 1 and person["name"].str.fullmatch("[A-E]").all() and person["entity"].str.fullmatch("[A-E]").all()
    assert set(decisions["owner"]) <= {"", *"ABCDE"}
    assert set(decisions.loc[decisions["level"] == "team", "name"]) == {"East", "West"}


def test_mask_names_is_true_or_false_and_nothing_else(book):
    with pytest.raises(BadInput, match="mask_names must be True or False, not 'yes'"):
        team.names(book, "yes")


def test_people_of_the_same_name_are_told_apart(folder, tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content.replace("cy,Cy", "cy,Bo"), encoding="utf-8")
    same = team.names(open_book(str(tmp_path), "2025-02"))
    assert same[["bo", "cy", "dee"]].tolist() == ["Bo (bo)", "Bo (cy)", "Dee"]


# ---- easing off: simulated people -------------------------------------------------------------------------------------------------


def _months(rng, keeps=1.0, tight=0.9, orders=1.5, months=12):
    """A year of one seller with log-normal orders; after the target is reached each order comes only with probability `keeps`."""
    year = []
    for _ in range(months):
        weights = 1 + 0.3 * np.sin(2 * np.pi * np.arange(30) / 7)
        sold = [rng.lognormal(0, 0.6, count) for count in rng.poisson(orders * weights)]
        goal = tight * orders * weights.sum() * np.exp(0.18) * rng.uniform(0.85, 1.1)
        daily, total = [], 0.0
        for day in sold:
            daily.append((day if total < goal else day[rng.random(len(day)) < keeps]).sum())
            total += daily[-1]
        year.append((goal, np.array(daily) / weights, np.array(daily)))
    return year


def _tried(seed, how_many, **kinds):
    rng = np.random.default_rng(seed)
    return pd.DataFrame([team.after_target(_months(rng, **kinds), 300, seed + i) for i in range(how_many)]).query("months_met >= 3")


@pytest.mark.parametrize("tight", [0.8, 1.0])
def test_honest_people_are_flagged_no_more_often_than_promised(tight):
    told = _tried(11, 120, tight=tight)
    assert (told["p_value"] <= 0.05).mean() <= 0.11  # 5 %, and three standard errors
    assert told["level_after_target"].mean() == pytest.approx(1, abs=0.1)


def test_people_who_stop_are_found():
    told = _tried(12, 30, keeps=0.3, tight=0.85, orders=3)
    assert (told["p_value"] <= 0.01).mean() > 0.6
    assert told["level_after_target"].mean() < 0.7


def test_many_people_need_more_shuffles_than_few():
    assert not team.holm(pd.Series([1 / 2001] + [0.5] * 29), 0.01).any()  # the smallest p that 2000 shuffles can give is too large for 30
    assert team.holm(pd.Series([1 / 6001] + [0.5] * 29), 0.01).sum() == 1


def test_the_planted_one_is_found_and_nobody_else():
    sample = open_book("data/sample", "2025-12")
    told = team.easing(sample)
    assert told.loc[told["significant"], "entity"].tolist() == ["E03"]
    assert team.easing(open_book("data/sample", "2025-12", "cn-outlet")).empty  # targets are the company's
