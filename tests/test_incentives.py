"""Commission: what each scheme pays, worked by hand."""

import pytest

from helpers import incentives, team
from helpers.book import open_book


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def people(book):
    return team.people(book, team.names(book)).set_index("entity")


def test_pay_costs_the_same_under_both_schemes(people):
    # 5 % of 3200 is 160; contribution above zero is 1100.
    pay = incentives.pay(people, 0.05).set_index("who")
    assert pay["on_sales"].sum() == pytest.approx(160) and pay["on_contribution"].sum() == pytest.approx(160)
    assert pay.loc["Bo", "on_contribution"] == 0 and pay.loc["Cy", "on_contribution"] == pytest.approx(160 * 400 / 1100)


def test_pay_without_any_contribution_is_blank(people):
    pay = incentives.pay(people.assign(contribution=-1.0), 0.05)
    assert pay["on_contribution"].isna().all()
    assert incentives.read_pay(pay, 0.05, "CNY").startswith("Nobody has a contribution above zero")
