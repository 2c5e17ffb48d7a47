"""Easing off: simulated people of whom it is known what they do, figures by hand, innocent explanations, and the sample's planted one."""

import numpy as np
import pandas as pd
import pytest
import sellers
from folders import write

from helpers.book import open_book
from helpers.decisions import decide
from helpers.policy import load_policy
from helpers.team_efficiency import easing, team

POLICY = load_policy().people


# ---- simulated people ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    """120 honest people and 30 who ease off, in six companies, with six months of four orders a day."""
    return sellers.told(6, 20, 5, 4, 6, seed=501)


def test_honest_people_are_hardly_ever_named(told):
    honest = told[told["honest"]]
    assert honest["significant"].mean() <= 0.05
    assert (honest["p_value"] <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(honest))  # one by one, chance keeps its word
    assert honest["level_after_target"].median() == pytest.approx(1, abs=0.1)


def test_people_who_ease_off_are_found(told):
    eased = told[~told["honest"]]
    assert eased["significant"].mean() >= 0.8
    assert eased["level_after_target"].median() == pytest.approx(0.4, abs=0.08)  # they let two orders in five come


def test_the_figures_on_the_page_are_those_of_the_test(told):
    table = easing.power().set_index(["orders_a_day", "months"])
    assert (table["named_by_mistake"] <= 0.05).all()
    assert (table.loc[[(3, 6), (4, 6), (5, 6)], "found"] >= 0.8).all()
    assert table.loc[(1, 12), "found"] >= 0.8 > table.loc[(1, 6), "found"]
    few = sellers.told(4, 20, 5, 1, 6, seed=901)
    for rows, rate in ((told, 4), (few, 1)):
        found, eased = table.loc[(rate, 6), "found"], rows.loc[~rows["honest"], "significant"]
        error = np.sqrt(found * (1 - found) * (1 / len(eased) + 1 / 100))
        assert abs(eased.mean() - found) <= 3 * error


def test_a_slump_that_all_share_is_no_easing_off():
    frame, targets, weights = sellers.company(3, 12, 0, 5, reach=(0.4, 0.7))
    slump = np.where(frame["day"].dt.day > 20, 0.4, 1.0)
    frame = frame.assign(**{name: frame[name] * slump for name in ("orders", "counted", "sold", "net")})
    late = targets.assign(target=targets["target"].where(targets["entity"] < "S006", 1e9))  # half of them never reach theirs
    together = easing.judge(frame, late, weights, POLICY).set_index("entity").loc[:"S005"]
    each = [easing.judge(part, late[late["entity"] == who], weights, POLICY) for who, part in frame.groupby("employee_id") if who < "S006"]
    alone = pd.concat(each)["level_after_target"].median()
    assert together["level_after_target"].median() == pytest.approx(1, abs=0.15) and alone < 0.75
    assert not together["significant"].any()


def test_smaller_orders_are_seen_as_well_as_fewer():
    frame, targets, weights = sellers.company(5, 10, 0, 4)
    goal = targets.pivot(index="month", columns="entity", values="target")
    net = frame.pivot(index="day", columns="employee_id", values="net")
    after = pd.DataFrame(
        easing._reached_before(net, goal.reindex(net.index.strftime("%Y-%m")).set_axis(net.index), net.index.strftime("%Y-%m"))
    )
    long = after.set_axis(net.index).set_axis(net.columns, axis=1).stack().rename("late").rename_axis(["day", "employee_id"]).reset_index()
    frame = frame.merge(long, on=["day", "employee_id"])
    small = frame.assign(counted=frame["counted"].where(~(frame["late"] & (frame["employee_id"] == "S000")), 0.4 * frame["counted"]))
    assert easing.judge(small, targets, weights, POLICY).set_index("entity")["significant"].to_dict() == {
        f"S00{i}": i == 0 for i in range(10)
    }


def test_the_order_of_rows_changes_nothing():
    frame, targets, weights = sellers.company(8, 4, 1, 3, months=3)
    mixed = easing.judge(frame.sample(frac=1, random_state=1), targets.sample(frac=1, random_state=1), weights, POLICY)
    pd.testing.assert_frame_equal(mixed, easing.judge(frame, targets, weights, POLICY))


def test_many_people_need_more_shuffles_than_few():
    assert not easing.holm(pd.Series([1 / 2001] + [0.5] * 29), 0.01).any()  # the smallest p that 2000 shuffles can give is too large for 30
    assert easing.holm(pd.Series([1 / 6001] + [0.5] * 29), 0.01).sum() == 1


# ---- by hand ------------------------------------------------------------------------------------------------------------------------


def test_pace_before_and_after_by_hand():
    # Weights 1, 1, 2, 1, 1; half the target is sold on each of the first two days of weight 1; then a tenth, nothing, a twentieth.
    exposure, net = np.array([1.0, 1, 2, 1, 1]), np.array([0.5, 0.5, 0.05, 0, 0.05])
    tally = easing._tally(exposure, net, net)
    assert tally.tolist() == pytest.approx([0.15, 4, 1.0, 2, 3])  # after: 0.1 + 0.05 over a weight of 4, three days; before: 1 over 2
    # The pace before would have brought 0.5 × 4 = 2; noise: √(4 + 4² ÷ 2).
    assert easing._score(tally[:4]) == pytest.approx((0.15 - 2) / np.sqrt(12))
    assert easing._level(tally[:4]) == pytest.approx(0.15 / 4 / 0.5)


def test_a_target_reached_on_the_last_day_says_nothing():
    month = (100.0, np.arange(10) % 7, np.ones(10), np.full(10, 0.1), np.full(10, 0.1))
    assert easing.after_target([month] * 6, 50, 100)["months_met"] == 0


def test_what_the_pace_before_would_have_brought():
    # 10 a day until the target of 100, then 4 a day over 20 days: 6 × 20 = 120 are missing in each month.
    sold = np.array([10.0] * 10 + [4.0] * 20)
    month = (100.0, np.arange(30) % 7, np.ones(30), sold / 100, sold / 100)
    told = easing.after_target([month] * 6, 1000, 5000)
    assert told["lost_sales"] == pytest.approx(120, rel=0.1) and told["level_after_target"] == pytest.approx(0.4, abs=0.05)
    assert told["days_after"] == 120


LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost,employee_id,campaign_id"
TOML = 'name = "Shop"\nreporting_currency = "CNY"\ntimezone = "UTC"\n[policy.people]\nmin_months_met = 1\n'


def shop(folder, more=(), **tables):
    """Ann sells 100 a day on 1 to 10 February 2025, with campaign K, and reaches 1000 on the 10th; then 10 a day. Bob sells 50, then 20."""
    rows = [(day, "ann", 100 if day <= 10 else 10, "K" if day <= 10 else "", "P" if day <= 10 else "Q") for day in range(1, 29)]
    rows += [(day, "bob", 50 if day <= 10 else 20, "", "Q") for day in range(1, 29)]
    lines = [f"{who}{day},1,2025-02-{day:02d},S,web,{what},1,{gross},1,{who},{camp}" for day, who, gross, camp, what in [*rows, *more]]
    files = {"order_lines.csv": "\n".join([LINES, *lines]) + "\n"}
    files["targets.csv"] = (
        "month,level,entity,metric,target\n2025-02-01,employee,ann,net_sales,1000\n2025-02-01,channel,web,net_sales,300\n"
    )
    return str(write(folder, files | {f"{name}.csv": text for name, text in tables.items()}, toml=TOML))


@pytest.fixture
def flat(monkeypatch):
    """Every day weighs the same, so that figures can be worked by hand."""
    monkeypatch.setattr(
        easing, "day_weights", lambda book, days: pd.Series(1.0, days)
    )


def test_innocent_explanations_by_hand(tmp_path, flat):
    counts = "date,store,product_id,on_hand\n2025-02-05,S,P,10\n2025-02-05,S,Q,10\n2025-02-20,S,P,0\n2025-02-20,S,Q,10\n"
    days = "".join(f"2025-02-{day:02d},ann,5\n" for day in [*range(1, 11), *range(11, 29, 2)])
    data = shop(
        tmp_path / "shop", inventory=counts, activities="date,employee_id,customers_contacted\n" + days,
        campaigns="campaign_id,name,kind,starts_on,ends_on\nK,Fair,event,2025-02-01,2025-02-19\n",
    )  # fmt: skip
    book = open_book(data, "2025-02")
    excuses = easing.excuses(book, easing.easing(book), team.names(book)).iloc[0]
    assert excuses["who"] == "ann"
    assert excuses["ran_out"] == 1  # P is all that she had sold, and none was there on the 20th
    assert excuses["campaign_over"] == pytest.approx(9 / 18)  # on 9 of the 18 days that were left
    assert excuses["recorded_days"] == pytest.approx(9 / 18)  # a record every day, then every second day
    assert excuses["others_sales"] == pytest.approx(20 / 50)  # Bob, in the same shop and channel
    assert excuses["speaks"] == "stock ran out; a campaign ended; leave or illness; customers were away"
    assert "another reason for 1: ann (stock ran out" in easing.read_excuses(easing.excuses(book, easing.easing(book), team.names(book)))


def test_what_no_table_tells_is_blank(tmp_path, flat):
    book = open_book(shop(tmp_path / "shop"), "2025-02")
    excuses = easing.excuses(book, easing.easing(book), team.names(book)).iloc[0]
    assert excuses[["ran_out", "campaign_over", "recorded_days"]].isna().all() and excuses["speaks"] == "customers were away"


def test_the_day_of_reaching_counts_refunds(tmp_path):
    refund = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nS,ann3,1,2025-02-08,1,100,true\n"
    book = open_book(shop(tmp_path / "shop", returns=refund), "2025-02")
    assert easing.reached(book, "employee", ["2025-02"])["reached"].astype(str).tolist() == ["2025-02-20"]  # 900 on the 10th, then 10 a day
    assert easing.reached(book, "channel", ["2025-02"])["reached"].astype(str).tolist() == ["2025-02-02"]  # 150 a day
    assert easing.reached(open_book(book.company.folder.as_posix(), "2025-02", "S"), "employee", ["2025-02"]).empty


def test_who_left_and_a_month_that_is_not_over_are_not_held_against_anyone(tmp_path):
    left = "employee_id,name,left_on\nann,Ann,2025-02-14\nbob,Bob,\n"
    book = open_book(shop(tmp_path / "left", employees=left), "2025-02")
    assert easing.easing(book).set_index("entity").loc["ann", "days_after"] == 4
    until = shop(tmp_path / "until")
    lines = tmp_path / "until" / "order_lines.csv"
    kept = [line for line in lines.read_text().splitlines() if not line.split(",")[2] > "2025-02-16" or line.startswith("order_id")]
    lines.write_text("\n".join(kept) + "\n")
    assert easing.easing(open_book(until, "2025-02")).set_index("entity").loc["ann", "days_after"] == 6


def test_sentences_where_nothing_can_be_said(tmp_path):
    (tmp_path / "bare").mkdir()
    data = shop(tmp_path / "bare")
    (tmp_path / "bare" / "targets.csv").unlink()
    book = open_book(data, "2025-02")
    none = easing.easing(book)
    assert none.empty and easing.read_easing(none, team.names(book), book).startswith("Nobody has a sales target")
    assert easing.excuses(book, none, team.names(book)).empty and easing.evidence(none, team.names(book), book).empty
    assert len(easing.read_power(none)) < 400


# ---- the sample ---------------------------------------------------------------------------------------------------------------------


def test_the_planted_one_is_found_and_nobody_else():
    for month in ("2025-08", "2025-12"):
        sample = open_book("data/sample", month)
        told = easing.easing(sample)
        assert told.loc[told["significant"], "entity"].tolist() == ["E03"]
    assert told.set_index("entity").loc["E03", "level_after_target"] == pytest.approx(0.42, abs=0.06)  # what sample.toml plants
    assert easing.excuses(sample, told, team.names(sample))["speaks"].tolist() == ["none of these"] * 3
    assert decide(sample, "team").query("rule == 'easing_off'")["entity"].tolist() == ["E03"]
    assert easing.easing(open_book("data/sample", "2025-12", "cn-outlet")).empty  # targets are the company's
