"""What fired in earlier months is what the decisions of those months say, in every scope and for companies with few tables."""

import pandas as pd
import pytest
from folders import LINES, write

from helpers import history
from helpers.book import open_book
from helpers.decisions import decide
from helpers.monthly_decisions.monthly_decisions import grouped

COLUMNS = ["rule", "area", "verdict", "level", "entity", "metric", "value", "money_at_stake"]


def by_decisions(book, backs):
    """The followed rules' rows of `decide` in the book's month and so many before it."""
    found = {}
    for back in backs:
        then = book.before(back) if back else book
        if then:
            rules = history.followed_rules(then)
            frame = pd.concat([decide(then, area) for area in sorted({then.policy.rules[name].area for name in rules})], ignore_index=True)
            frame = grouped(frame[frame["rule"].isin(rules)], then.stores)[COLUMNS]
            found[then.month] = frame.sort_values(["rule", "level", "entity"], ignore_index=True)
    return found


def check(book, backs=range(history.MONTHS)):
    found, wanted = history.firings(book), by_decisions(book, backs)
    for month, frame in wanted.items():
        mine = found.loc[found["month"] == month, COLUMNS].reset_index(drop=True)
        assert mine[COLUMNS[:6]].values.tolist() == frame[COLUMNS[:6]].values.tolist(), month
        assert mine["value"].tolist() == pytest.approx(frame["value"].tolist(), nan_ok=True)
        assert mine["money_at_stake"].tolist() == pytest.approx(frame["money_at_stake"].tolist())
    return found


@pytest.mark.parametrize(("scope", "backs"), [("company", (0, 6)), ("us-shop", (2,))])
def test_the_sample_fires_as_its_decisions_say(scope, backs):
    found = check(open_book("data/sample", "2025-11", scope), backs)
    assert found["rule"].nunique() > 8 and found["month"].nunique() == history.MONTHS


@pytest.mark.parametrize("scope", ["company", "A"])
def test_a_company_of_three_months_fires_as_its_decisions_say(small_company, scope):
    assert len(check(open_book(str(small_company), "2025-04", scope)))


def test_few_tables_fire_as_their_decisions_say(small_company):
    for name in ("staffing", "inventory", "products", "targets", "product_costs"):
        (small_company / f"{name}.csv").unlink(missing_ok=True)
    assert len(check(open_book(str(small_company), "2025-04")))


def test_targets_and_people_are_not_followed():
    rules = history.followed_rules(open_book("data/sample", "2025-11"))
    assert not {"off_pace", "target_met_at_a_loss", "easing_off"} & set(rules) and len(rules) == 13


def test_a_company_in_which_nothing_fires_has_an_empty_frame(tmp_path):
    folder = write(tmp_path, {"order_lines.csv": f"{LINES},unit_cost\n1,1,2025-03-01,S,web,P,1,100,50\n2,1,2025-03-31,S,web,P,1,100,50\n"})
    found = history.firings(open_book(str(folder), "2025-03"))
    assert found.empty and list(found) == history.COLUMNS
