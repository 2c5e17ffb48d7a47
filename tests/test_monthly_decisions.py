"""The owner's page: figures worked out by hand, and identities between two months' decisions."""

import numpy as np
import pandas as pd
import pytest

from helpers import decisions
from helpers.book import open_book
from helpers.monthly_decisions import monthly_decisions as made


def book(folder, month="2025-03", scope="company"):
    return open_book(str(folder), month, scope)


def test_change_since_last_month(small_company):
    frame = made.month_change(book(small_company)).set_index("line")
    assert frame["this_month"].tolist() == pytest.approx([850, 420, 17.2, -302.8])
    assert frame["last_month"].tolist() == pytest.approx([200, 120, 110, 110])
    assert frame["change"].tolist() == pytest.approx([650, 300, -92.8, -412.8])
    assert frame["at_most"].tolist() == pytest.approx([850, 468, 65.2, -254.8])  # 48 of sales have no known cost
    assert "opposite ways" in made.month_said(book(small_company), frame.reset_index())


def test_the_first_month_has_no_month_before(small_company):
    first = book(small_company, "2025-02")
    frame = made.month_change(first)
    assert frame["change"].isna().all() and made.drivers(first).empty and made.movers(first).empty
    followed = made.followed_up(first, made.grouped(decisions.decide(first), first.stores))
    assert followed.empty and "no sales here" in made.followed_said(followed, first)
    assert "no month before" in made.month_said(first, frame)


def test_drivers_add_up_to_the_change_of_operating_profit(small_company):
    frame = made.drivers(book(small_company)).set_index("step")["change"]
    assert frame.to_dict() == pytest.approx({"A": -213.0, "B": 120.2, "payroll": -200, "overheads": -120})
    folded = made.drivers(book(small_company), rows=1).set_index("step")["change"]
    assert list(folded.index) == ["A", "1 other stores", "payroll", "overheads"]
    assert folded.sum() == pytest.approx(-412.8)


@pytest.mark.parametrize("month", ["2025-12", "2024-08"])
@pytest.mark.parametrize("scope", ["company", "us-shop"])
def test_drivers_of_the_sample_add_up_to_the_cent(month, scope):
    found = open_book("data/sample", month, scope)
    change = made.month_change(found).set_index("line").loc["operating_profit", "change"]
    assert made.drivers(found, rows=2)["change"].sum() == pytest.approx(change, abs=0.005)


def test_movers_are_changes_of_contribution(small_company):
    frame = made.movers(book(small_company)).set_index(["level", "entity"])
    assert frame.loc[("store", "A"), "contribution_change"] == pytest.approx(-213)
    assert frame.loc[("store", "B"), ["net_sales_change", "contribution_change"]].tolist() == pytest.approx([352, 120.2])
    assert frame["contribution_change"].abs().is_monotonic_decreasing


def test_best_sellers_that_lose_money_are_named(small_company):
    frame = made.best_sellers(book(small_company)).set_index("product_id")
    assert frame["net_sales"].to_dict() == pytest.approx({"P1": 440, "P2": 362, "P3": 48})
    assert frame["rank"].tolist() == [1, 2, 3]
    assert frame.loc["P1", "contribution"] == pytest.approx(-84) and frame.loc["P1", "loses"]
    assert not frame.loc["P3", "judged"]  # nothing is known about its cost
    said = made.best_sellers_said(frame.reset_index(), "CNY")
    assert "(number 1) loses money: −CNY 84" in said and "Lamp nobody can tell" in said


def test_sales_and_profit_side_by_side(small_company):
    frame = made.side_by_side(book(small_company)).set_index("who")
    assert frame.loc["store A", ["net_sales", "contribution"]].tolist() == pytest.approx([498, -103])
    assert frame.loc["store B", ["net_sales", "contribution"]].tolist() == pytest.approx([352, 120.2])
    assert not [who for who in made.side_by_side(book(small_company, scope="A"))["who"] if who.startswith("store")]


def payouts(*rows):
    """Decisions of `payout_mismatch`: (entity, at stake)."""
    frame = pd.DataFrame({"entity": [entity for entity, _ in rows], "money_at_stake": [money for _, money in rows]})
    fixed = {"rule": "payout_mismatch", "level": "order", "name": frame["entity"], "metric": "difference", "value": -1.0, "sample_size": 1}
    return frame.assign(**fixed).reindex(columns=[*decisions.COLUMNS, *decisions.EVIDENCE_COLUMNS])


def test_orders_with_wrong_payouts_become_one_row_per_store():
    other = payouts(("P1", 50.0)).assign(rule="loss_maker", level="product")
    frame = made.grouped(pd.concat([payouts(("a/1", 10.0), ("a/b/2", 30.0), ("a/3", 15.0)), other], ignore_index=True), ["a", "a/b"])
    shown = frame[["rule", "entity", "metric", "value", "money_at_stake", "sample_size"]].values.tolist()
    assert shown == [
        ["loss_maker", "P1", "difference", -1.0, 50.0, 1],
        ["payout_mismatch", "a/b", "mismatched_orders", 1.0, 30.0, 1],
        ["payout_mismatch", "a", "mismatched_orders", 2.0, 25.0, 2],
    ]
    assert made.grouped(other, ["a"]).equals(other)


def test_grouping_keeps_the_money_of_the_sample():
    found = open_book("data/sample", "2025-12", "company")
    every = decisions.decide(found)
    few = made.grouped(every, found.stores)
    assert few["money_at_stake"].sum() == pytest.approx(every["money_at_stake"].sum())
    late = few[few["rule"] == "payout_mismatch"]
    assert late["value"].sum() == (every["rule"] == "payout_mismatch").sum() and set(late["entity"]) <= set(found.stores)


def test_last_months_decisions_are_followed_up(small_company):
    april, march = (book(small_company, month) for month in ("2025-04", "2025-03"))
    now, was = (made.grouped(decisions.decide(each), each.stores) for each in (april, march))
    frame = made.followed_up(april, now)
    count = frame["state"].value_counts()
    assert count["still firing"] + count["gone"] == len(was)
    assert count["still firing"] + count.get("new", 0) == len(now)
    rows = frame.set_index(["rule", "entity"])
    assert rows.loc[("loss_maker", "P1"), "state"] == "gone"
    assert rows.loc[("loss_maker", "P1"), ["value_before", "value"]].tolist() == pytest.approx([-84, 100 - 50 - 2 - 5])
    assert rows.loc[("no_cost", "P3"), "state"] == "gone" and np.isnan(rows.loc[("no_cost", "P3"), "value"])  # not sold any more
    assert rows.loc[("loss_maker", "P1"), "stake_change"] == pytest.approx(-84)
    assert frame["stake_change"].sum() == pytest.approx(now["money_at_stake"].sum() - was["money_at_stake"].sum())
    assert made.by_state(frame)["decisions"].sum() == len(frame)
    assert f"Of {len(was)} decisions of last month" in made.followed_said(frame, april)


def test_what_could_not_fire_is_named_with_its_table(small_company):
    assert made.switched_off(book(small_company)).values.tolist() == [["payout mismatch", "collect", "cash", "payouts"]]
    (small_company / "product_costs.csv").unlink()
    assert "low gross margin" not in set(made.switched_off(book(small_company))["rule"])  # one line carries its own cost
    file = small_company / "order_lines.csv"
    file.write_text(file.read_text().replace(",30,45,E2", ",30,,E2"))
    off = made.switched_off(book(small_company)).set_index("rule")["missing"]
    assert off["low gross margin"] == off["loss maker"] == "product_costs"
    assert "product_costs" in made.switched_off_said(off.reset_index())


def test_what_is_named_as_switched_off_does_not_fire(small_company):
    for name in ("payouts", "inventory", "staffing", "targets", "product_costs"):
        (small_company / f"{name}.csv").unlink(missing_ok=True)
    found = book(small_company)
    off = set(made.switched_off(found)["rule"].str.replace(" ", "_"))
    assert off and not off & set(decisions.decide(found)["rule"])


def test_a_chance_is_not_the_first_thing_to_do():
    frame = pd.concat(
        [payouts(("X", 90.0)).assign(rule="room_to_expand", verdict="consider_expansion"), payouts(("P1", 5.0)).assign(rule="loss_maker")]
    )
    frame = frame.assign(confidence="clear", action="act", threshold=0.0, verdict=frame["verdict"].fillna("stop_loss"))
    assert made.first_said(frame, "CNY").startswith("Stop loss")
    assert made.first_said(frame.iloc[:0], "CNY") == "nothing that the policy asks for."


def test_products_and_people_are_called_by_name_in_every_decision():
    found = decisions.decide(open_book("data/sample", "2025-12", "company"))
    named = found[found["level"].isin(["product", "employee"])]
    assert len(named) and (named["name"] != named["entity"]).all()
    assert (named.loc[named["rule"] == "reorder_now", "owner"] != "").all()


def test_a_store_that_sold_nothing_this_month_has_a_page(small_company):
    closed = book(small_company, "2025-04", "A")
    change = made.month_change(closed).set_index("line")
    assert change.loc["net_sales", "this_month"] == 0 and change.loc["net_sales", "last_month"] == pytest.approx(498)
    assert made.month_said(closed, change.reset_index()) and made.side_said(made.side_by_side(closed), "CNY")


def test_who_sold_nothing_sells_nothing_at_a_loss():
    """What has costs and no sales is said to; of unknown costs only a loss is in doubt, for the least a contribution can be is no loss."""
    rows = [("channel", "web", 100.0, 20.0, 1.0, True, False), ("channel", "tv", 0.0, -5.0, float("nan"), True, True),
            ("team", "a", 50.0, 3.0, 0.5, False, False), ("team", "b", 50.0, -3.0, 0.5, False, False)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["level", "entity", "net_sales", "contribution", "cost_coverage", "judged", "loses"])
    frame = frame.assign(who=frame["level"] + " " + frame["entity"], contribution_margin=frame["contribution"] / frame["net_sales"])
    said = made.side_said(frame, "CNY")
    assert "None of those with known costs sells at a loss" in said and "Costs without net sales: channel tv." in said
    assert "Of team b nobody can tell" in said
