"""Targets by hand: what they are part of, what history would ask, the five tests, and a year of ratcheting."""

import tomllib

import companies
import folders
import numpy as np
import pandas as pd
import pytest

from helpers import sample
from helpers.book import open_book
from helpers.decisions import decide
from helpers.facts import facts
from helpers.targets_and_pacing import ratchet, smart, targets
from helpers.team_efficiency import team

KEY = tomllib.loads((sample.FOLDER / "answer_key.toml").read_text(encoding="utf-8"))
HEAD = "month,level,entity,metric,target,owner,parent\n"


def company(tmp_path, sales, asked=(), month="2025-03", scope="company", over=True, **tables):
    """A book. sales: (month, store, amount, what more: columns of the line); asked: (level, entity, metric, target, owner, parent) of 2025-03.

    With `over`, something is sold in the month after, so that the month itself is over."""
    sales = [*sales, (str(pd.Period(month, "M") + 1), sales[-1][1], 1)] if over else sales
    columns = [
        "order_id",
        "line_no",
        "ordered_at",
        "store",
        "channel",
        "product_id",
        "quantity",
        "gross_amount",
        "unit_cost",
        "employee_id",
        "region",
    ]
    rows = []
    for number, (when, store, amount, *more) in enumerate(sales, 1):
        line = {"channel": "web", "product_id": "P", "unit_cost": amount / 2} | (more[0] if more else {})
        line |= {"order_id": number, "line_no": 1, "ordered_at": f"{when}-10", "store": store, "quantity": 1, "gross_amount": amount}
        rows.append([line.get(column, "") for column in columns])
    folders.write(tmp_path, tables | ({"targets.csv": HEAD + "".join(asked_row(each) for each in asked)} if asked else {}))
    companies.write_table(tmp_path / "order_lines.csv", columns, rows)
    return open_book(str(tmp_path), month, scope)


def asked_row(each) -> str:
    when, rest = (each[0], each[1:]) if each[0][:2] == "20" else ("2025-03", each)
    return ",".join(map(str, [when, *rest, *[""] * (6 - len(rest))])) + "\n"


# A year of 60 + 40, but March with twice as much; then two months of 90 + 30. March 2025 is the month.
SALES = [(f"2024-{m:02d}", store, (2 if m == 3 else 1) * amount) for m in range(1, 13) for store, amount in (("N", 60), ("S", 40))]
SALES += [(f"2025-{m:02d}", store, amount) for m in (1, 2) for store, amount in (("N", 90), ("S", 30))] + [("2025-03", "N", 250)]


# ---- splits -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights"), [(100, [1, 1, 1]), (0.05, [3, 3, 1, 1]), (1_234_567.89, [5, 0, 1e-9, 7]), (3e9, [1 / 3, 2, 9])]
)
def test_a_split_adds_up_to_the_cent_and_nobody_is_a_cent_off(total, weights):
    parts = targets.split(total, pd.Series(weights))
    assert round(parts.sum() * 100) == round(total * 100)
    exact = total * np.array(weights) / sum(weights)
    assert (parts - exact).abs().max() < 0.01
    assert (parts[np.array(weights) == 0] == 0).all()


def test_a_split_without_weights_is_blank_and_below_zero_counts_as_zero():
    assert targets.split(10, pd.Series([0.0, 0.0])).isna().all()
    assert targets.split(10, pd.Series([-5.0, 1.0, None])).tolist() == [0, 10, 0]


# ---- what history would ask -------------------------------------------------------------------------------------------------------


def test_proposals_by_hand(tmp_path):
    book = company(tmp_path, SALES)
    # A year ago: 200, grown by (120 + 120) ÷ (100 + 100). January and February: March was twice as strong as they a year ago.
    assert targets.comparable(book, "store", "net_sales")["N"].tolist() == pytest.approx([120 * 1.2, 90 * 2, 90 * 2])
    assert targets.proposed(book, "store", "net_sales").to_dict() == pytest.approx({"N": (144 + 180 + 180) / 3, "S": (96 + 60 + 60) / 3})
    assert targets.proposed(book, "company", "net_sales").to_dict() == pytest.approx({"company": 240})
    frame = targets.proposals(book).set_index(["level", "entity"])
    assert frame.loc[("company", "company"), "proposed"] == 240 and frame.loc[("store", "N"), "proposed"] == 168
    assert (frame["source"] == "history").all()
    assert "the same month a year ago and the last three months" in targets.basis(book)


def test_the_month_itself_does_not_leak_into_what_history_asks(tmp_path):
    before = targets.proposals(company(tmp_path / "a", SALES))
    after = targets.proposals(company(tmp_path / "b", [*SALES, ("2025-03", "S", 9999)]))
    pd.testing.assert_frame_equal(before, after)


def test_what_the_given_targets_leave_is_split_over_the_others(tmp_path):
    lines = [(when, "N", amount, {"channel": channel}) for when, _, amount in SALES for channel in ("a", "b", "c")]
    asked = [("company", "company", "net_sales", 1000), ("channel", "a", "net_sales", 100)]
    frame = targets.proposals(company(tmp_path, lines, asked)).query("level == 'channel'").set_index("entity")
    assert frame["proposed"].to_dict() == {"a": 100, "b": 450, "c": 450} and frame["source"].to_dict() == {
        "a": "set",
        "b": "history",
        "c": "history",
    }


def test_given_targets_that_leave_nothing(tmp_path):
    book = company(tmp_path, SALES, [("company", "company", "net_sales", 100), ("store", "N", "net_sales", 130)])
    frame = targets.proposals(book).query("level == 'store'").set_index("entity")
    assert frame["proposed"].to_dict() == {"N": 130, "S": 0}


@pytest.mark.parametrize("scope", ["company", "us-shop"])
@pytest.mark.parametrize("metric", ["net_sales", "contribution"])
def test_proposals_add_up_at_every_parent(scope, metric):
    book = open_book(str(sample.FOLDER), "2025-12", scope)
    frame = targets.proposals(book, metric)
    top = frame.iloc[0]["proposed"]
    asked = {(row.level, row.entity): row.proposed for row in frame.itertuples()}
    loose = 0
    for (parent_level, parent, level), part in frame.iloc[1:].groupby(["parent_level", "parent", "level"]):
        if (part["source"] == "history").any() and part["given"].sum() < asked[parent_level, parent]:
            assert round(part["proposed"].sum() * 100) == round(asked[parent_level, parent] * 100), (parent, level)
            loose += 1
    assert loose >= 4 and top > 0


def test_history_alone_adds_up_over_every_level(tmp_path):
    book = open_book(str(sample.FOLDER), "2025-12")
    whole = targets.proposed(book, "company", "net_sales")["company"]
    for level in ("store", "channel", "region"):
        assert targets.proposed(book, level, "net_sales").sum() == pytest.approx(whole)


def test_young_companies(tmp_path):
    first = company(tmp_path / "a", [("2025-03", "N", 100)])
    assert targets.proposals(first).empty and targets.basis(first) == "There is no month before this one, so history proposes nothing."
    assert targets.proposals_said(targets.proposals(first), "CNY").startswith("There is neither a target nor a month before")
    second = company(tmp_path / "b", [("2025-01", "N", 100), ("2025-02", "N", 300), ("2025-03", "N", 1)])
    assert targets.proposals(second)["proposed"].tolist()[0] == 200  # the mean of what there is, as it was
    assert "no season is known" in targets.basis(second)


def test_a_shop_that_loses_money_gets_no_profit_target_below_zero(tmp_path):
    lines = [(f"2025-{m:02d}", "N", 100, {"unit_cost": 150}) for m in (1, 2, 3)]
    frame = targets.proposals(company(tmp_path, lines), "contribution")
    assert frame["proposed"].tolist() == [0]  # and no store, as nothing is expected of it


# ---- the tree ---------------------------------------------------------------------------------------------------------------------

ASKED = [
    ("company", "company", "net_sales", 1000, "boss"),
    ("store", "N", "net_sales", 700, "ann", "company"),
    ("store", "S", "net_sales", 400, "bo"),
    ("team", "East", "net_sales", 300, "", ""),
    ("employee", "ann", "net_sales", 120, "ann", "East"),
    ("employee", "bo", "net_sales", 100, "bo"),
    ("employee", "cy", "net_sales", 80, "cy", "North pole"),
    ("channel", "web", "net_sales", 600, "", "channel x"),
    ("channel", "x", "net_sales", 1, "", "y"),
    ("channel", "y", "net_sales", 1, "", "x"),
]
STAFFING = "month,employee_id,team,fte,cost\n2025-03,bo,East,1,10\n"


def test_parents_named_usual_unknown_and_in_a_circle(tmp_path):
    book = company(tmp_path, SALES, ASKED, **{"staffing.csv": STAFFING})
    frame = targets.nodes(book).set_index("entity")
    parents = frame[["parent_level", "parent", "depth"]].apply(tuple, axis=1).to_dict()
    assert parents["company"] == ("", "", 0)
    assert parents["N"] == parents["S"] == parents["East"] == ("company", "company", 1)
    assert parents["ann"] == parents["bo"] == ("team", "East", 2)  # one says so, the other is staffed there
    assert parents["cy"] == ("unknown", "North pole", 0)
    assert parents["x"][2] == parents["y"][2] == -1
    order = list(frame.index)
    assert order.index("East") < order.index("ann") < order.index("bo") and order[-2:] == ["x", "y"]


def test_gaps_overlaps_and_what_is_left_open(tmp_path):
    asked = [*ASKED[:6], ("region", "west", "net_sales", 250), ("region", "east", "net_sales", 250)]
    more = [("2025-02", "N", 50, {"employee_id": "dee", "region": "west"}), ("2025-02", "N", 50, {"region": "east"})]
    book = company(tmp_path, [*SALES, *more], asked, **{"staffing.csv": STAFFING})
    frame = smart.gaps(book)
    rows = frame.set_index(["compared", "parent", "level"])
    assert rows.loc[("parent", "company", "store"), ["asked", "gap", "state"]].tolist() == [1100, 100, "overlap"]
    assert rows.loc[("parent", "company", "team"), ["gap", "others", "state"]].tolist() == [-700, 1, "open"]  # sales of no team
    assert rows.loc[("parent", "East", "employee"), ["children", "gap", "state"]].tolist() == [2, -80, "gap"]
    assert rows.loc[("level", "company", "employee"), ["asked", "gap", "others", "state"]].tolist() == [220, -780, 2, "open"]
    assert rows.loc[("parent", "company", "region"), "state"] == "open"  # most sales name no region
    said = smart.gaps_said(frame, "CNY")
    assert said.startswith(
        "Of 5 sums of targets, 0 come to the parent's to the last cent. In net sales, 2 stores ask for CNY 100 more than the company."
    )
    assert "In net sales, 2 employees ask for CNY 80 less than team East." in said
    assert "CNY 700 of company is left to sales that belong to no team, of which history would ask" in said


def test_a_cent_too_much_is_an_overlap(tmp_path):
    asked = [("company", "company", "net_sales", 100), ("store", "N", "net_sales", "66.67"), ("store", "S", "net_sales", "33.34")]
    assert smart.gaps(company(tmp_path, SALES, asked))["state"].tolist() == ["overlap"]
    asked[-1] = ("store", "S", "net_sales", "33.33")
    assert smart.gaps(company(tmp_path / "b", SALES, asked))["state"].tolist() == ["adds up"]


def test_orders_are_not_added_up_over_products(tmp_path):
    asked = [("company", "company", "orders", 9), ("product", "P", "orders", 5), ("store", "N", "orders", 5), ("store", "S", "orders", 4)]
    assert smart.gaps(company(tmp_path, SALES, asked))["level"].tolist() == ["store"]


def test_the_tree_has_the_measures_side_by_side_and_marketing_beside(tmp_path):
    asked = [("company", "company", metric, 10 * i) for i, metric in enumerate(("net_sales", "orders", "collections", "new_customers"), 1)]
    spend = "date,store,channel,amount,kind\n2024-03-05,N,web,30,ads\n2025-02-05,N,web,15,ads\n2024-07-01,N,web,999,ads\n2025-03-01,N,web,7,ads\n"
    asked += [("store", "N", "net_sales", 1000), ("store", "new one", "net_sales", 5)]
    frame = targets.tree(company(tmp_path, SALES, asked, **{"marketing_spend.csv": spend})).set_index("entity")
    assert frame.loc["company", ["net_sales", "orders", "new_customers", "collections"]].tolist() == [10, 20, 40, 30]
    # N sold 120 in March a year ago and 60 + 90 + 90 in the last three months; 45 of marketing went with them.
    assert frame.loc["N", ["marketing_share", "budget", "spent"]].tolist() == pytest.approx([45 / 360, 125, 7])
    assert frame.loc["new one", ["marketing_share", "budget", "spent"]].isna().all()


def test_the_year_is_the_sum_of_its_months(tmp_path):
    asked = [
        ("2025-01", "company", "company", "net_sales", 100),
        ("2025-02", "company", "company", "net_sales", 100),
        ("2025-02", "company", "company", "contribution", 50),
        ("2025-05", "company", "company", "net_sales", 70),
        ("2024-12", "company", "company", "net_sales", 9),
    ]
    frame = targets.plan(company(tmp_path, SALES, asked))
    assert frame["period"].tolist() == ["2025", "2025-Q1", "2025-01", "2025-02", "2025-Q2", "2025-05"]
    year = frame.iloc[0]
    # March has no target, so its 250 don't count for the months' 200; January and February brought 120 each, half of it profit.
    assert year[["months", "net_sales_target", "net_sales", "attainment", "ahead"]].tolist() == [3, 270, 240, 1.2, 70]
    assert year[["contribution_target", "contribution"]].tolist() == [50, 60]
    said = targets.plan_said(frame, "CNY")
    assert "In 2025, 3 months with a target ask for CNY 270 of net sales (9 months without one: this is no whole year)" in said
    assert "reached 120.0% of theirs, and 120.0% of what was asked of contribution. CNY 70 is still ahead." in said
    lines = targets.plan_lines(frame).pivot(index="month", columns="what", values="amount")
    assert lines["target"].tolist() == [100, 100, 70] and lines["net sales"].isna().tolist() == [False, False, True]


def test_a_running_month_is_still_ahead(tmp_path):
    sales = [(f"2025-{m:02d}", "N", 100) for m in (1, 2)] + [("2025-03", "N", 10)]
    asked = [(f"2025-{m:02d}", "company", "company", "net_sales", 100) for m in (1, 2, 3)]
    book = company(tmp_path, sales, asked, over=False)  # one order on the 10th is all of March: the month runs
    year = targets.plan(book).iloc[0]
    assert year[["net_sales_target", "net_sales", "attainment", "ahead"]].tolist() == [300, 200, 1, 100]


# ---- the five tests ---------------------------------------------------------------------------------------------------------------


def steady(tmp_path, asked, **tables):
    """Two years in which the one store N sells 100, 101, … 111 a month in each: the comparable months of March 2026 are known by hand."""
    sales = [(f"{year}-{m:02d}", "N", 100 + m - 1) for year in (2024, 2025) for m in range(1, 13)]
    sales += [(f"2026-{m:02d}", "N", 100 + m - 1, {"employee_id": "ann"}) for m in (1, 2, 3)]
    return company(tmp_path, sales, [("2026-03", *each) for each in asked], "2026-03", **tables)


def test_each_fault_has_its_words(tmp_path):
    asked = [
        ("company", "company", "net_sales", 102, "boss"),
        ("company", "company", "gross_profit", 20, "boss"),
        ("company", "company", "new_customers", 1, "boss"),
        ("store", "N", "net_sales", 102, "ann"),
        ("store", "Nowhere", "net_sales", 0, "ann"),
        ("channel", "web", "net_sales", 112, ""),
        ("product", "P", "new_customers", 3, "ann"),
        ("employee", "ann", "net_sales", 500, "ann"),
        ("employee", "ann", "contribution", 10, "ann"),
        ("segment", "Champions", "net_sales", 5, "ann"),
    ]
    frame = smart.smart(steady(tmp_path, asked, **{"payouts.csv": "paid_on,store,amount\n2026-03-05,N,10\n"}))
    rows = frame.set_index(["level", "entity", "metric"])
    whole = rows.loc[("company", "company", "net_sales")]
    # Nothing grew and the season is the same each year, so every month before comes to March as 102: the target lies in the middle.
    assert whole["comparable"] == 12 and whole["typical"] == pytest.approx(102) and whole["percentile"] == 0.5
    assert whole[list(smart.TESTS)].tolist() == ["yes"] * 5 and whole["passed"] == 5
    assert rows.loc[("company", "company", "gross_profit"), "achievable"] == "easy"
    assert rows.loc[("store", "N", "net_sales"), "relevant"] == "no profit target"
    nowhere = rows.loc[("store", "Nowhere", "net_sales")]
    assert nowhere[["specific", "measurable", "achievable"]].tolist() == ["no such store", "zero or less", "pulled from the air"]
    assert rows.loc[("channel", "web", "net_sales"), ["specific", "achievable", "relevant"]].tolist() == [
        "nobody owns it", "a stretch", "siblings 10 over",
    ]  # fmt: skip
    assert rows.loc[("product", "P", "new_customers"), ["measurable", "achievable"]].tolist() == [
        "not told apart here",
        "too little history",
    ]
    ann = rows.loc[("employee", "ann", "net_sales")]
    assert ann["comparable"] == 2 and ann["achievable"] == "too little history"  # she began in January
    assert ann["relevant"] == "siblings 398 over"
    assert rows.loc[("employee", "ann", "contribution"), "relevant"] == "parent has none"
    assert rows.loc[("segment", "Champions", "net_sales"), ["specific", "measurable"]].tolist() == [
        "no such segment",
        "yes",
    ]


def test_a_profit_target_without_known_costs_can_not_be_measured(tmp_path):
    lines = [(when, store, amount, {"unit_cost": ""}) for when, store, amount in SALES]
    book = company(tmp_path, lines, [("company", "company", "contribution", 5, "boss")])
    assert smart.smart(book)["measurable"].tolist() == ["cost known for 0%"]


def test_percentiles_come_from_the_comparable_months(tmp_path):
    lines = [
        (f"{year}-{m:02d}", store, amount)
        for year in (2024, 2025)
        for m in range(1, 13)
        for store, amount in (("N", 10 * m), ("S", 1000 - 10 * m))
    ]
    book = company(tmp_path, [*lines, ("2026-01", "N", 1)], [("2026-01", "store", "N", "net_sales", 85, "x")], "2026-01")
    row = smart.smart(book).iloc[0]
    # The whole stands still at 1,000, so N's comparable months are 10, 20, … 120: eight of twelve lie below 85.
    assert row["comparable"] == 12 and row["percentile"] == pytest.approx(8 / 12) and row["highest"] == pytest.approx(120)
    assert row["achievable"] == "yes"


def test_nothing_to_test(tmp_path):
    book = company(tmp_path, SALES)
    who = team.names(book)
    assert smart.smart(book).empty and smart.smart_said(book, smart.smart(book), who, "CNY") == "There is no target to test."
    assert targets.tree(book).empty and targets.plan(book).empty and smart.gaps(book).empty
    assert "nothing to add up" in smart.gaps_said(smart.gaps(book), "CNY") and "no plan" in targets.plan_said(targets.plan(book), "CNY")
    assert targets.absent_said(book).startswith("No target is set for this month, so")
    assert smart.gap_rows(smart.gaps(book)).empty and smart.smart_rows(book, smart.smart(book), who).empty


# ---- the ratchet ------------------------------------------------------------------------------------------------------------------


def test_a_year_of_ratcheting_by_hand():
    sales, fair = pd.Series([130.0, 100, 150, 140], index=list("abcd")), pd.Series([100.0] * 4, index=list("abcd"))
    year = ratchet.ratchet(sales, fair)
    # 30 over in a: 130 from b on. b misses, c passes by 20: 150 in d, which misses.
    assert year["ratchet"].tolist() == [100, 130, 130, 150]
    assert year["reached_ratchet"].tolist() == [True, False, True, False] and year["reached_fair"].all()
    assert ratchet.ratchet_said(year.assign(given=np.nan), "CNY").startswith(
        "After 4 months the ratchet asks for CNY 150, CNY 50 more than history does. The same sales reach 4 of these targets without it and 2 with it."
    )
    calm = ratchet.ratchet(fair, fair)
    assert (calm["ratchet"] == calm["fair"]).all() and calm["reached_ratchet"].all()


def test_holding_back_pays_under_a_ratchet(tmp_path):
    lines = [(f"{year}-{m:02d}", "N", 100) for year in (2023, 2024) for m in range(1, 13)]
    lines += [(f"2025-{m:02d}", "N", amount) for m, amount in enumerate([150, 90, 120, 100, 130, 100], 1)]
    frame = ratchet.held_back(company(tmp_path, lines, month="2025-06"), "store")
    (row,) = frame.to_dict("records")
    year = ratchet.year_of_targets(company(tmp_path, lines, month="2025-06"), "store")
    asked, surplus, reached = 0.0, 0.0, 0
    for each in year.itertuples():
        asked = each.fair + surplus
        reached += each.sales >= asked - 0.005
        surplus += max(0, each.sales - asked)
    assert row["months"] == len(year) == 12 and row["reached"] == reached and row["target_after"] == pytest.approx(asked)
    assert row["reached_holding_back"] == sum(year["sales"] >= year["fair"] - 0.005) > reached
    assert row["unsold"] == pytest.approx((year["sales"] - year["fair"]).clip(lower=0).sum())
    assert year.loc[year["month"] == "2024-12", "fair"].item() == 100  # a calm year asks for what it sold


def test_what_history_asked_knows_only_the_months_before(tmp_path):
    lines = [(f"{year}-{m:02d}", "N", 100 + m) for year in (2023, 2024) for m in range(1, 13)]
    one = ratchet.year_of_targets(company(tmp_path / "a", lines, month="2024-12"), "store")
    two = ratchet.year_of_targets(company(tmp_path / "b", [*lines[:-1], ("2024-12", "N", 7777)], month="2024-12"), "store")
    assert one["fair"].tolist() == two["fair"].tolist() and two["sales"].iloc[-1] == 7777
    as_it_was = targets.proposals(company(tmp_path / "c", [*lines[:20], ("2024-09", "N", 1)], month="2024-09"))
    assert one.set_index("month").loc["2024-09", "fair"] == pytest.approx(as_it_was["history"].iloc[0])


def test_too_young_for_a_year_of_ratcheting(tmp_path):
    book = company(tmp_path, SALES)
    assert len(ratchet.ratchet_year(company(tmp_path / "b", SALES, over=False))) == 1  # March still runs
    assert len(ratchet.ratchet_year(book)) == 2  # February and March have a year before them, and a growth to know
    assert ratchet.ratchet_said(ratchet.ratchet_year(book), "CNY").startswith("Fewer than three months")
    assert ratchet.held_back(book, "store").empty
    assert "can't be shown" in ratchet.held_back_said(ratchet.held_back(book, "store").assign(who=""), "CNY")


# ---- the sample's stories ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def december():
    return open_book(str(sample.FOLDER), KEY["month"], KEY["scope"])


def test_promised_twice_and_nothing_else(december):
    frame = smart.gaps(december)
    wrong = frame[frame["state"].isin(["overlap", "gap"])]
    planted = {name: amount for story in KEY["story"] for name, amount in story.get("tree", {}).items()}
    assert {f"{row.level}.{row.metric}": row.gap for row in wrong.itertuples()} == planted == {"category.net_sales": 60000}
    assert set(frame["state"]) == {"adds up", "open", "overlap"}


def test_pulled_from_the_air_is_what_was_planted(december):
    frame = smart.smart(december)
    air = frame[(frame["achievable"] == smart.AIR)]
    planted = {(story["level"], story["entity"]) for story in KEY["story"] if "smart" in story}
    # December's sales moved to other channels, shops and people (the story `simpson`), which no month before it could know. There the
    # month itself went as far beyond history as its target; where a target was pulled from the air, it did not.
    sold = {level: facts(december, level).set_index("entity")["net_sales"] for level in air["level"].unique()}
    came = [sold[row.level][row.entity] > row.highest for row in air.itertuples()]
    assert {(row.level, row.entity) for row, moved in zip(air.itertuples(), came, strict=True) if not moved} == planted
    assert planted == {("region", "West"), ("campaign", "K2512")} and set(air["metric"]) == {"net_sales"}


def test_off_pace_in_a_month_that_is_over_is_what_was_missed(december):
    fired = decide(december, "target").query("rule == 'off_pace'")
    missed = set()
    for level in fired["level"].unique():
        there = facts(december, level)
        missed |= {(level, entity) for entity in there.loc[there["attainment"] < 1, "entity"]}
    assert set(zip(fired["level"], fired["entity"], strict=True)) == missed
    assert sorted(fired["entity"]) == KEY["fires"]["off_pace"]


def test_every_month_of_the_sample_adds_up_but_the_planted_one():
    for month in ("2025-02", "2025-06", "2025-11"):
        states = smart.gaps(open_book(str(sample.FOLDER), month))["state"]
        assert set(states) <= {"adds up", "open"}, month


def test_a_year_that_runs_is_held_against_the_months_that_have_passed(tmp_path):
    """Sales of 90 and a contribution of 45 (costs are half) in January, against 100 and 50; February to June ask for as much and are ahead."""
    asked = "".join(f"2025-{month:02d},company,company,net_sales,100\n2025-{month:02d},company,company,contribution,50\n" for month in range(1, 7))
    folder = folders.write(tmp_path, {
        "order_lines.csv": f"{folders.LINES},unit_cost\n1,1,2025-01-31,S,web,P,1,90,45\n", "targets.csv": "month,level,entity,metric,target\n" + asked,
    })  # fmt: skip
    said = targets.plan_said(targets.plan(open_book(str(folder), "2025-01")), "CNY")
    assert "those that have passed reached 90.0% of theirs, and 90.0% of what was asked of contribution. CNY 500 is still ahead." in said


def test_orders_asked_of_a_team_alone_have_comparable_months(tmp_path):
    """A team is asked for four orders, as it has had in each month before, and the company for none: that is not from the air."""
    rows = "".join(f"{month}-{n},1,2025-{month:02d}-{2 + 7 * n:02d},S,web,P,1,10,E\n" for month in range(1, 7) for n in range(4))
    folder = folders.write(tmp_path, {
        "order_lines.csv": f"{folders.LINES},employee_id\n{rows}",
        "staffing.csv": "month,employee_id,team,store,fte,cost\n" + "".join(f"2025-{month:02d},E,north,S,1,10\n" for month in range(1, 7)),
        "targets.csv": "month,level,entity,metric,target\n2025-06,team,north,orders,4\n",
    })  # fmt: skip
    book = open_book(str(folder), "2025-06")
    tested = smart.smart(book)
    assert tested["comparable"].tolist() == [3] and tested["achievable"].tolist() == ["yes"]
    assert "None was pulled from the air." in smart.smart_said(book, tested, pd.Series(dtype=object), "CNY")
    aloft = tested.assign(achievable=smart.AIR, target=400.0)
    assert "Pulled from the air: 1, for example team north with 400 of orders: no comparable month came above 4." in smart.smart_said(
        book, aloft, pd.Series(dtype=object), "CNY"
    )
