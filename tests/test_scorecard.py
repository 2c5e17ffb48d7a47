"""The scorecard: figures worked by hand, the same figures as the metrics', weights that change ranks and nothing else."""

import numpy as np
import pandas as pd
import pytest
from folders import write
from two_teams import FILES

from helpers.book import open_book
from helpers.contract import BadInput
from helpers.facts import facts
from helpers.kpi_scorecard import scorecard
from helpers.policy import load_policy


@pytest.fixture(scope="module")
def book(two_teams):
    return open_book(str(two_teams), "2025-02")


@pytest.fixture(scope="module")
def card(book):
    return scorecard.scorecard(book).set_index(["level", "entity", "kpi"]).sort_index()


def test_company_by_hand(card):
    # February: Ann 1000, Bo 3000 − 1500, Cy 500, Dee 200, nobody 800; goods 400 + 2000 + 100 + 100 + 300; pay 510, rent 300.
    mine = card.loc["company", "company"]
    expected = {"net_sales": 4000, "orders": 5, "new_customers": 4, "gross_profit": 1100, "contribution": 1100, "operating_profit": 290,
                "order_value": 800, "gross_margin": 0.275, "contribution_rate": 0.275, "discount_share": 1500 / 5500}  # fmt: skip
    assert mine["value"][list(expected)].to_dict() == pytest.approx(expected)
    # January, the only earlier month: 1000 sold, 600 earned on one order by one new customer.
    assert (mine["base_month"] == "2025-01").all()
    assert mine["base"][["net_sales", "gross_margin", "new_customers"]].tolist() == pytest.approx([1000, 0.6, 1])
    assert mine["vs_base"][["net_sales", "gross_margin", "discount_share", "order_value"]].tolist() == ["better", "worse", "worse", "worse"]


def test_targets_and_gates(card):
    east = card.loc["team", "East"]
    assert east.loc["net_sales", ["value", "target", "target_from"]].tolist() == [2500, 2000, "targets"]
    assert east.loc["attainment", "value"] == 1.25
    assert east.loc["gross_margin", ["target", "target_from"]].tolist() == [0.30, "policy"]
    assert np.isnan(east.loc["orders", "target"])


def test_a_trend_over_months_is_a_ratio_of_sums():
    names = [
        "net_sales",
        "uncosted_sales",
        "gross_sales",
        "refunds",
        "discounts",
        "gross_profit",
        "contribution",
        "cm2",
        "marketing",
        "commissions",
        "orders",
    ]
    small, large = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    small |= {"net_sales": 100.0, "gross_profit": 50.0, "orders": 1.0, "gross_sales": 100.0}
    large |= {"net_sales": 900.0, "gross_profit": 90.0, "orders": 3.0, "gross_sales": 900.0}
    both = pd.DataFrame([{"month": "2025-01", "entity": "a"} | small, {"month": "2025-02", "entity": "a"} | large])
    one = scorecard.pooled(both).iloc[0]
    assert one["net_sales"] == 500  # the mean month
    assert one["gross_margin"] == pytest.approx(140 / 1000)  # not the mean of 50 % and 10 %
    assert one["order_value"] == pytest.approx(1000 / 4)


@pytest.mark.parametrize(("month", "scope"), [("2025-04", "company"), ("2025-03", "A")])
def test_every_figure_is_that_of_the_metrics(small_company, month, scope):
    book = open_book(str(small_company), month, scope)
    card = scorecard.scorecard(book)
    for level in card["level"].unique():
        there = facts(book, level).set_index("entity")
        for kpi, part in card[card["level"] == level].groupby("kpi"):
            if kpi in there:
                mine = part.set_index("entity")["value"]
                assert mine.to_dict() == pytest.approx(there.loc[mine.index, kpi].astype(float).to_dict()), (level, kpi)
    assert set(card["level"]) - {"team"} == ({"company"} if scope == "company" else set()) | {"store", "channel"}


def test_ranks_by_hand():
    # Places of a, b, c: sales 1, ½, 0; margin 0, ½, 1; stock to sales (less is better) ½, 1, 0.
    wide = pd.DataFrame({"net_sales": [9.0, 5, 1], "gross_margin": [0.1, 0.2, 0.3], "stock_to_sales": [2.0, 1.0, 3.0]}, index=list("abc"))
    weighed = pd.DataFrame({"startup": [1.0, 0, 0], "growth": [0.5, 0.5, 0], "mature": [0.0, 0.6, 0.4]}, index=list(wide))
    found = scorecard.scores(wide, weighed)
    assert found["startup"].tolist() == [1, 0.5, 0] and found["startup_rank"].tolist() == [1, 2, 3]
    assert found["growth"].tolist() == [0.5, 0.5, 0.5] and found["growth_rank"].tolist() == [1, 1, 1]
    assert found["mature"].tolist() == pytest.approx([0.2, 0.7, 0.6]) and found["mature_rank"].tolist() == [3, 1, 2]


def test_what_cannot_be_read_is_left_out_and_said():
    wide = pd.DataFrame({"net_sales": [9.0, 5.0], "contribution": [np.nan, np.nan]}, index=["a", "b"])
    found = scorecard.scores(wide, pd.DataFrame({"growth": [0.4, 0.6]}, index=["net_sales", "contribution"]))
    assert found["growth"].tolist() == [1, 0] and found["growth_read"].tolist() == [0.4, 0.4]
    one_blank = pd.DataFrame({"net_sales": [9.0, np.nan, 5.0]}, index=list("abc"))
    assert scorecard.scores(one_blank, pd.DataFrame({"growth": [1.0]}, index=["net_sales"]))["growth_rank"].tolist() == [1, 3, 2]


def test_the_stage_switches_weights_and_never_the_arithmetic(tmp_path, card):
    for stage in scorecard.STAGES:
        toml = FILES["company.toml"].replace('"growth"', f'"{stage}"')
        other = open_book(str(write(tmp_path / stage, FILES | {"company.toml": toml}, toml=None)), "2025-02")
        pd.testing.assert_frame_equal(scorecard.scorecard(other).set_index(["level", "entity", "kpi"]).sort_index(), card)
        rows = scorecard.kpi_rows(other, card.reset_index(), "company", "company").set_index("kpi")
        assert rows.loc["net sales (CNY)", "weight"] == {"startup": "40%", "growth": "20%", "mature": ""}[stage]


def test_weights_of_the_policy_add_up_and_are_of_kpis():
    for stage, given in load_policy().stages.model_dump().items():
        assert sum(given.values()) == pytest.approx(1), stage
        assert set(given) <= set(scorecard.KPIS)
    mature = {name for name, weight in load_policy().stages.model_dump()["mature"].items() if weight}
    assert {"gross_profit", "return_on_capital", "profit_per_employee"} <= mature and "net_sales" not in mature
    own = load_policy({"stages": {"growth": {"contribution": 1.0}}}).stages
    assert own.growth.contribution == 1 and own.growth.net_sales == 0 and own.mature == load_policy().stages.mature


@pytest.mark.parametrize(("weights", "words"), [
    ({"contribution": 0.5}, "stages.growth.*add up to 1"), ({"contributoin": 1.0}, "did you mean `contribution`"), ({"net_sales": 2.0}, "net_sales"),
])  # fmt: skip
def test_wrong_weights_are_refused(weights, words):
    with pytest.raises(BadInput, match=words):
        load_policy({"stages": {"growth": weights}})


def test_the_month_among_its_own(book):
    months = scorecard.own_months(book)
    assert list(months.index) == ["2025-01", "2025-02"]
    assert months["startup_rank"].tolist() == [2, 1]  # more of everything that is volume in February
    assert "place 1 as startup" in scorecard.months_said(book, months)


def test_three_orders_and_nothing_else(tmp_path):
    lines = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n" + "".join(
        f"{n},1,2025-03-0{n},S,web,P,1,100\n" for n in (1, 2, 3)
    )
    book = open_book(str(write(tmp_path, {"order_lines.csv": lines})), "2025-03")
    card = scorecard.scorecard(book)
    values = card[card["level"] == "company"].set_index("kpi")["value"]
    assert values["net_sales"] == 300 and values["orders"] == 3 and "gross_margin" not in values  # no cost, no margin
    assert scorecard.ranks_said(book, scorecard.stage_ranks(book, card)).startswith("With fewer than two")
    assert scorecard.base_said(card) == "There is no earlier month to compare with."
    assert scorecard.months_said(book, scorecard.own_months(book)).startswith("There are no other months")
