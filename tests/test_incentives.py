"""Commission schemes: what each pays, costs and invites, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.book import open_book
from helpers.policy import load_policy
from helpers.team_efficiency import chasing, incentives, team

POLICY = load_policy().people


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def sellers(book):
    return incentives.sellers(book, team.people(book, team.names(book)))


def seller(who, sales, contribution, target=np.nan, cost=np.nan, marketing=0.0):
    about = {"who": who, "net_sales": sales, "contribution": contribution, "target": target, "cost": cost, "marketing": marketing}
    return about | {"attainment": sales / target, "orders": 10}


def test_what_pay_depends_on(sellers):
    known = sellers.set_index("entity")
    assert known["target"].to_dict() == pytest.approx({"bo": 1500, "ann": 2000, "cy": np.nan, "dee": np.nan}, nan_ok=True)
    assert known["cost"].to_dict() == pytest.approx({"bo": 50, "ann": 100, "cy": 300, "dee": np.nan}, nan_ok=True)


def test_pay_costs_the_same_under_every_scheme(sellers):
    # 5 % of 3200 is 160; contribution above zero is 1100. Bo's loss isn't charged.
    pay = incentives.pay(sellers, POLICY).set_index("who")
    assert pay[list(incentives.SCHEMES)].sum().tolist() == pytest.approx([160] * 4)
    assert pay.loc["Bo", "on_contribution"] == 0 and pay.loc["Cy", "on_contribution"] == pytest.approx(160 * 400 / 1100)


def test_cap_and_accelerator_by_hand():
    # Al sells 1500 against 1000: capped at 1200; beyond the target 500 count twice, so 2000. Bea sells 500 against 1000.
    two = pd.DataFrame([seller("Al", 1500.0, 100, 1000.0), seller("Bea", 500.0, 100, 1000.0)])
    pay = incentives.pay(two, POLICY).set_index("who")  # 5 % of 2000 is 100
    assert pay["capped"].tolist() == pytest.approx([100 * 1200 / 1700, 100 * 500 / 1700])
    assert pay["accelerated"].tolist() == pytest.approx([100 * 2000 / 2500, 100 * 500 / 2500])
    assert incentives.rates(two, POLICY).to_dict() == pytest.approx(
        {"on_sales": 0.05, "on_contribution": 0.5, "capped": 100 / 1700, "accelerated": 100 / 2500}
    )


def test_the_small_option_earns_more_once_contribution_pays():
    # The case of the teaching text: sales 1000 with profit 50, or sales 200 with profit 80.
    one, two = seller("one", 1000.0, 50.0), seller("two", 200.0, 80.0)
    pay = incentives.pay(pd.DataFrame([one, two]), load_policy({"people": {"commission_rate": 0.13}}).people)
    assert pay["on_sales"].tolist() == pytest.approx([130, 26]) and pay["on_contribution"].tolist() == pytest.approx([60, 96])


def test_company_profit_and_the_participation_line(book, sellers):
    # Contribution 600 − 500 + 400 + 100 + 500 (of nobody), less pay 510 and rent 300: 290 before any scheme.
    frame = incentives.schemes(book, sellers).set_index("scheme")
    assert frame["cost"].tolist() == pytest.approx([160] * 4) and frame["profit"].tolist() == pytest.approx([130] * 4)
    assert frame.loc["on contribution", "cost_at_one_rate"] == pytest.approx(55)
    assert frame.loc["on contribution", "profit_at_one_rate"] == pytest.approx(235)
    # Lines: Ann 10, Bo 5, Cy 30; Dee has no staffing. On sales Cy gets 25, on contribution Bo nothing.
    assert frame.loc["on net sales", ["below_line", "of_people"]].tolist() == [1, 3]
    below = incentives.pay(sellers, POLICY).set_index("who")["below"]
    assert below["Bo"] == "on contribution" and "on contribution" not in below["Cy"] and below["Dee"] == ""


def test_what_each_scheme_invites_in_figures_of_the_month(book):
    two = pd.DataFrame([seller("Al", 1500.0, 300.0, 1000.0, marketing=-80.0), seller("Bea", 500.0, 100.0, 1000.0, marketing=-20.0)])
    lossy = pd.DataFrame({"level": ["employee", "team"], "below": [2, 2], "lost": [-40.0, -40.0], "sold": [600.0, 600.0]})
    said = incentives.invitations(book, two, lossy)["this_month"]
    assert said[0] == "2 orders sold below zero lost CNY 40 and would have paid their sellers CNY 30."
    # 100 is paid on 400 of contribution: a quarter. Marketing of 100 takes 25 off.
    assert said[1] == "CNY 100 of marketing that others spend would take CNY 25 off their pay."
    # Al sold 300 beyond the cap of 1200, at a contribution of a fifth; held back they pay 300 × 100 ÷ 1700.
    assert said[2].startswith(
        "Al sold CNY 300 beyond it for nothing; kept for next month, these orders pay CNY 18 and leave this month CNY 60"
    )
    # Three days of a February: 1500 × 3 ÷ 28 = 161, at 4 % a second time.
    assert said[3].startswith("Al would earn CNY 6 more by booking 3 days of next month (CNY 161) early")
    assert (
        incentives.invitations(book, two, lossy.iloc[:0])["this_month"][0]
        == "A tenth off the mean order costs the company CNY 10 and its seller CNY 0.50."
    )


def test_without_targets_there_is_neither_cap_nor_accelerator(book, sellers):
    bare = sellers.assign(target=np.nan)
    pay = incentives.pay(bare, POLICY)
    assert pay[["capped", "accelerated"]].isna().all().all() and pay["on_sales"].sum() == pytest.approx(160)
    said = incentives.invitations(book, bare, chasing.below_zero(book, team.names(book)))["this_month"]
    assert said[2] == "Without targets there is no cap." and said[3] == "Without targets there is no accelerator."
    assert incentives.schemes(book, bare)["of_people"].tolist() == [3, 3, 0, 0]


def test_without_any_contribution_nothing_is_paid_on_it(book, sellers):
    lossy = sellers.assign(contribution=-1.0)
    assert incentives.pay(lossy, POLICY)["on_contribution"].isna().all()
    assert incentives.read_pay(lossy, book).startswith("Nobody has a contribution above zero")


def test_an_unknown_cost_is_no_contribution(book):
    people = team.people(book, team.names(book)).assign(cost_coverage=0.5)
    guessed = incentives.sellers(book, people)
    assert guessed["contribution"].isna().all() and incentives.read_pay(guessed, book).startswith("Too few of the sales")


def test_nobody_to_pay(book, sellers):
    nobody = sellers.iloc[:0]
    assert incentives.pay(nobody, POLICY).empty and incentives.read_pay(nobody, book).startswith("No sale names a person")
    returned = pd.DataFrame([seller("Ann", 0.0, 30.0), seller("Bo", -20.0, 10.0)])  # all of it came back, and a fee with it
    assert incentives.read_pay(returned, book).startswith("Nobody's net sales are above zero")
    frame = incentives.schemes(book, nobody)
    assert incentives.read_schemes(book, frame) == "Nobody sold anything that commission could be paid on."
    assert incentives.invitations(book, nobody, chasing.below_zero(book, team.names(book)).iloc[:0])["this_month"].str.len().gt(0).all()
