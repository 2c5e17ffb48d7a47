"""Forecasts: exact where the month is over, blank where nothing can be known, blind to the future, and as good as they promise."""

import time

import numpy as np
import pandas as pd
import pytest
from folders import LINES, write
from large import write as write_large
from real_sets import SETS, company, needed
from test_weights import HEAD, by_weekday, lines

from helpers.book import open_book
from helpers.days import as_of
from helpers.decisions import decide, sentence
from helpers.facts import facts, month_targets
from helpers.ratios import ratio
from helpers.targets_and_pacing import forecast, sliders
from helpers.targets_and_pacing.landing import DAYS, FEWEST_MONTHS, NAIVE, QUANTILES, reach

TARGETS = "month,level,entity,metric,target,owner\n"


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


@pytest.fixture(scope="module")
def tested(sample):
    return forecast.backtest(sample)


def steady(tmp_path, seed=1, months=24, upto="2026-01-14", noise=0.3, targets="", stores=("S",), **files):
    """A company whose days are log-normal around a level without season, for two years and a running month."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(pd.Timestamp("2026-01-01") - pd.DateOffset(months=months), upto)
    rows = ""
    for place, store in enumerate(stores):
        amounts = by_weekday(days, [100, 100, 100, 100, 120, 160, 150]) * rng.lognormal(-(noise**2) / 2, noise, len(days))
        rows += lines(days, amounts.round(2), store, start=1 + 10_000 * place)
    files = {"order_lines.csv": HEAD + rows, "targets.csv": TARGETS + targets} | files
    return str(write(tmp_path, files))


# ---- a month that is over --------------------------------------------------------------------------------------------------------------


def test_a_month_that_is_over_has_probability_one_or_nought(sample):
    told = forecast.attainment_probabilities(sample)
    assert len(told) == len(month_targets(sample)) and told["finished"].all()
    known = told[told["actual"].notna() & (told["target"] > 0)]
    assert set(known["probability"]) == {0.0, 1.0}
    assert ((known["attainment"] >= 1) == (known["probability"] == 1)).all()
    assert (known["low_95"] == known["actual"]).all() and (known["high_95"] == known["actual"]).all()
    assert known["shortfall"].tolist() == pytest.approx((known["target"] - known["actual"]).clip(lower=0).tolist())


def test_a_target_met_to_the_cent_is_met(tmp_path):
    days = pd.date_range("2025-05-01", "2025-06-01")
    goals = "".join(f"2025-05,{level},{entity},net_sales,{target},\n" for level, entity, target in
                    [("company", "company", "3.10"), ("store", "S", "3.11"), ("channel", "web", "3.09")])  # fmt: skip
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + lines(days, [0.1] * 32), "targets.csv": TARGETS + goals})), "2025-05")
    told = forecast.attainment_probabilities(book).set_index("level")["probability"]
    assert told.to_dict() == {"company": 1.0, "store": 0.0, "channel": 1.0}  # thirty-one times 0.10


# ---- what can't be known ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("months", [0, 2, FEWEST_MONTHS - 1])
def test_too_little_history_is_blank_and_says_so(tmp_path, months):
    goals = "2026-01,company,company,net_sales,3000,\n2026-01,store,S,net_sales,3000,\n"
    book = open_book(steady(tmp_path, months=months, targets=goals), "latest")
    told = forecast.attainment_probabilities(book)
    assert told[["probability", "landing", "low_80", "high_95", "shortfall"]].isna().all(axis=None)
    assert told["actual"].gt(0).all() and told["why"].str.contains(f"{months} whole months of its own are known, and 6 are needed").all()
    assert decide(book, "target").empty  # what isn't known fires nothing
    assert sliders.outlook(book).startswith("Nothing to try for the company")
    assert forecast.backtest(book).empty and "Nothing can be judged" in forecast.backtest_said(forecast.backtest(book))


def test_a_store_before_its_first_sale_has_a_target(tmp_path):
    days = pd.date_range("2025-01-01", "2025-05-20")
    rows = HEAD + lines(days, [50.0] * len(days), "old") + lines(pd.DatetimeIndex(["2025-05-19"]), [50.0], "new", start=900)
    goals = "2025-03,store,new,net_sales,100,\n2025-05,store,new,net_sales,100,\n"
    folder = str(write(tmp_path, {"order_lines.csv": rows, "targets.csv": TARGETS + goals}))
    early = open_book(folder, "2025-03", "new")
    told = forecast.attainment_probabilities(early, as_of="2025-03-10").iloc[0]
    assert told["actual"] == 0 and np.isnan(told["probability"])
    assert forecast.attainment_probabilities(early)["probability"].tolist() == [0.0]  # the month is over, and nothing was sold
    assert forecast.backtest(early).empty and decide(early, "target")["rule"].tolist() == ["off_pace"]
    late = forecast.attainment_probabilities(open_book(folder, "2025-05", "new")).iloc[0]
    assert late["actual"] == 50 and "sold for the first time on 2025-05-19" in late["why"]


def test_a_company_that_began_late_in_its_only_month(tmp_path):
    days = pd.date_range("2025-05-20", "2025-05-24")
    goal = "2025-05,company,company,net_sales,900,\n"
    book = open_book(str(write(tmp_path, {"order_lines.csv": HEAD + lines(days, [50.0] * 5), "targets.csv": TARGETS + goal})), "latest")
    told = forecast.attainment_probabilities(book).iloc[0]
    assert told["actual"] == 250 and np.isnan(told["probability"]) and "0 whole months of its own" in told["why"]
    assert (
        forecast.backtest(book).empty
        and forecast.scores(forecast.backtest(book)).empty
        and forecast.reliability(forecast.backtest(book)).empty
    )


def test_half_a_year_is_enough(tmp_path):
    book = open_book(steady(tmp_path, months=FEWEST_MONTHS, targets="2026-01,company,company,net_sales,3000,\n"), "latest")
    told = forecast.attainment_probabilities(book).iloc[0]
    assert told["months"] == FEWEST_MONTHS and 0 < told["probability"] < 1 and told["why"] == ""


def test_targets_of_nothing_segments_and_strangers(tmp_path):
    goals = "".join(f"2026-01,{row},\n" for row in ["company,company,net_sales,0", "store,S,net_sales,-10", "segment,gold,net_sales,5",
                                                     "store,nowhere,net_sales,5", "employee,E1,collections,5", "product,P,new_customers,5"])  # fmt: skip
    book = open_book(steady(tmp_path, targets=goals), "latest")
    told = forecast.attainment_probabilities(book).set_index(["level", "entity"])
    assert told["probability"].isna().all()
    assert "nothing can be attained" in told.loc[("company", "company"), "why"] and told.loc[("store", "S"), "landing"] > 0
    assert "0 whole months of its own" in told.loc[("segment", "gold"), "why"]
    assert "0 whole months" in told.loc[("store", "nowhere"), "why"]
    assert "can't be told apart by employee" in told.loc[("employee", "E1"), "why"]
    assert decide(book, "target").empty


def test_a_store_opened_this_month_is_not_guessed(tmp_path):
    folder = steady(tmp_path, targets="2026-01,store,new,net_sales,5,\n2026-01,store,S,net_sales,3000,\n")
    with open(tmp_path / "order_lines.csv", "a", encoding="utf-8") as file:
        file.write(lines(pd.date_range("2026-01-09", "2026-01-14"), [50.0] * 6, "new", start=90_000))
    told = forecast.attainment_probabilities(open_book(folder, "latest")).set_index("entity")
    assert np.isnan(told.loc["new", "probability"]) and "sold for the first time on 2026-01-09" in told.loc["new", "why"]
    assert 0 < told.loc["S", "probability"] < 1


# ---- what can -------------------------------------------------------------------------------------------------------------------------


def test_every_measure_of_a_running_month(sample):
    told = forecast.attainment_probabilities(sample, as_of="2025-12-14").set_index(["level", "entity", "metric"])
    whole = told.loc["company", "company"]
    assert set(whole.index) == {"net_sales", "gross_profit", "contribution", "orders", "new_customers", "collections"}
    assert whole["probability"].between(0, 1, inclusive="neither").all() and (whole["months"] >= 22).all()
    for frame in (whole, told[told["probability"].notna()]):
        assert (frame["low_95"] <= frame["low_80"]).all() and (frame["low_80"] <= frame["landing"]).all()
        assert (frame["landing"] <= frame["high_80"]).all() and (frame["high_80"] <= frame["high_95"]).all()
    rising = told[told.index.get_level_values("metric").isin(["orders", "new_customers"]) & told["low_95"].notna()]
    assert (rising["low_95"] >= rising["actual"]).all()  # what was ordered stays ordered


def test_a_target_below_what_is_sold_is_reached_and_one_out_of_sight_nearly_never(tmp_path):
    goals = "2026-01,company,company,net_sales,10,\n2026-01,store,S,net_sales,99999999,\n"
    told = forecast.attainment_probabilities(open_book(steady(tmp_path, targets=goals), "latest")).set_index("level")["probability"]
    assert told["company"] == 1.0 and 0 < told["store"] <= 0.005


def test_a_regular_company_lands_where_its_days_lead(tmp_path):
    """The same every week for two years: half of January's weight has passed, and the month lands at twice what was sold."""
    days = pd.date_range("2024-01-01", "2026-01-16")
    files = {"order_lines.csv": HEAD + lines(days, [100.0] * len(days)),
             "targets.csv": TARGETS + "2026-01,company,company,net_sales,3090,\n2026-01,store,S,net_sales,3110,\n"}  # fmt: skip
    told = forecast.attainment_probabilities(open_book(str(write(tmp_path, files)), "latest")).set_index("level")
    assert told.loc["company", "landing"] == pytest.approx(3100, rel=1e-3)
    assert told.loc["company", "probability"] > 0.9 and told.loc["store", "probability"] < 0.1


def test_all_nodes_at_once_are_each_as_alone(sample):
    targets = month_targets(sample)
    at_once = forecast.attainment_probabilities(sample, targets, "2025-12-20")
    for place in range(0, len(targets), 7):
        alone = forecast.attainment_probabilities(sample, targets.iloc[[place]], "2025-12-20").iloc[0]
        for name in ("probability", "landing", "low_80", "high_95", "actual", "progress"):
            assert alone[name] == pytest.approx(at_once.loc[place, name], nan_ok=True, rel=1e-12), (targets.loc[place].tolist(), name)


def test_progress_is_that_of_pacing(sample):
    from helpers.targets_and_pacing import pacing

    told = forecast.attainment_probabilities(sample, as_of="2025-12-14").query("metric == 'net_sales'")
    for row in told[told["progress"].notna()].iloc[::5].itertuples():
        assert row.progress == pytest.approx(pacing.pace(sample, row.level, row.entity, as_of="2025-12-14")["progress"]), row.entity


def test_no_forecast_knows_the_future(tmp_path):
    """What the past looked like, and which method was in use, doesn't change when the last two months turn out otherwise."""
    one = steady(tmp_path / "one", stores=("A", "B"), upto="2025-12-31", noise=0.5)
    rows = (tmp_path / "one" / "order_lines.csv").read_text().splitlines(keepends=True)
    kept = [row for place, row in enumerate(rows) if place % 2 or row.split(",")[2] < "2025-11" or place == 0]
    two = steady(tmp_path / "two", stores=("A", "B"), **{"order_lines.csv": "".join(kept)})
    changed, same = (forecast.backtest(open_book(folder, "2025-12")) for folder in (one, two))
    early = [frame[frame["month"] < "2025-11"].reset_index(drop=True) for frame in (changed, same)]
    assert len(early[0]) > 500 and early[0]["month"].nunique() == 16
    pd.testing.assert_frame_equal(*early)
    late = [frame[frame["month"] == "2025-12"]["actual"].sum() for frame in (changed, same)]
    assert late[1] < 0.7 * late[0]


def test_rows_in_another_order_change_nothing(tmp_path):
    goals = "2026-01,company,company,net_sales,3600,\n2026-01,store,B,net_sales,1800,\n"
    one = open_book(steady(tmp_path / "one", stores=("A", "B"), targets=goals), "latest")
    head, *rows = (tmp_path / "one" / "order_lines.csv").read_text().splitlines(keepends=True)
    shuffled = head + "".join(np.random.default_rng(3).permutation(rows))
    other = open_book(steady(tmp_path / "two", stores=("A", "B"), targets=goals, **{"order_lines.csv": shuffled}), "latest")
    pd.testing.assert_frame_equal(forecast.attainment_probabilities(one), forecast.attainment_probabilities(other))
    assert decide(one, "target")["entity"].tolist() == decide(other, "target")["entity"].tolist()


# ---- how good --------------------------------------------------------------------------------------------------------------------------


def test_intervals_of_steady_companies_hold_what_they_promise(tmp_path):
    """Eight stores without a season: of some six hundred looks the 80 % interval holds four fifths, the 95 % one nearly all."""
    book = open_book(steady(tmp_path, seed=8, stores=tuple("ABCDEFGH"), noise=0.5), "latest")
    rows = forecast.scores(forecast.backtest(book)).set_index("method")
    assert 0.75 <= rows.loc["used", "coverage_80"] <= 0.86 and 0.92 <= rows.loc["used", "coverage_95"] <= 0.99
    assert rows.loc["used", "pinball"] < 0.8 * rows.loc[NAIVE, "pinball"] and rows.loc["used", "brier"] < rows.loc[NAIVE, "brier"]


def test_the_backtest_is_made_of_whole_months_and_its_scores_of_its_rows(tested):
    assert set(tested["method"]) == {"used", "level", "season", "landing", "naive"} and set(tested["day"]) == set(DAYS)
    assert tested.groupby(["level", "entity"])["month"].min().min() == "2024-07"  # after six whole months
    used = tested[tested["method"] == "used"]
    by = tested.merge(used[["level", "entity", "month", "day", "by", "landing"]].rename(columns={"by": "method", "landing": "same"}),
                      on=["level", "entity", "month", "day", "method"])  # fmt: skip
    assert len(by) == len(used) and (by["landing"] == by["same"]).all()
    row = forecast.scores(tested).set_index("method").loc["used"]
    assert row["coverage_80"] == ((used["actual"] >= used["low_80"]) & (used["actual"] <= used["high_80"])).mean()
    gaps = [(used[f"probability_{share}"] - used[f"reached_{share}"]) ** 2 for share in (90, 100, 110)]
    assert row["brier"] == pytest.approx(pd.concat(gaps).mean())
    month = used[(used["level"] == "store") & (used["entity"] == "us-shop") & (used["month"] == "2025-06")].iloc[0]
    before = [
        used.query("level == 'store' and entity == 'us-shop' and month == @m")["actual"].iloc[0] for m in ("2025-03", "2025-04", "2025-05")
    ]
    assert bool(month["reached_110"]) == (month["actual"] >= 1.1 * np.mean(before))


def test_what_a_month_brought_is_what_its_facts_say(tested):
    book = open_book("data/sample", "2025-06")
    known = facts(book, "channel").set_index("entity")["net_sales"]
    found = tested[(tested["level"] == "channel") & (tested["month"] == "2025-06") & (tested["method"] == "used")]
    assert len(found) == 4 * 5
    assert found["actual"].tolist() == pytest.approx(known[found["entity"]].tolist())


def test_reliability_counts_by_hand():
    tested = pd.DataFrame({"method": "used", "level": "store", "entity": list("abcd"), "day": 0,
                           "probability_90": [0.1, 0.15, 0.9, 1.0], "reached_90": [0.0, 1, 1, 1]})  # fmt: skip
    found = forecast.reliability(tested)
    assert found[["forecast", "reached", "trials"]].values.tolist() == [[0.125, 0.5, 2], [pytest.approx(0.95), 1, 2]]
    # Wilson's interval of one in two: (0.5 + 1.92 ÷ 2) ÷ (1 + 3.84 ÷ 2) ± …
    assert found[["low", "high"]].iloc[0].tolist() == pytest.approx([0.0945, 0.9055], abs=1e-3)


def test_pinball_of_a_normal_forecast_is_smallest_at_the_truth():
    rng = np.random.default_rng(2)
    from scipy.stats import norm

    actual = rng.normal(100, 10, 4000)
    losses = {
        (middle, spread): forecast.pinball(actual, np.tile(norm.ppf(QUANTILES, middle, spread), (4000, 1))).mean()
        for middle in (95, 100, 105) for spread in (5, 10, 20)
    }  # fmt: skip
    assert min(losses, key=losses.get) == (100, 10)


def test_reaching_is_counted_from_the_shape_of_past_errors():
    shape = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # five errors: the middle one at half
    found = reach(np.array([100.0] * 4), np.array([10.0] * 4), shape, np.array([100.0, 110, 50, 20]), np.array([30.0] * 4))
    assert found.tolist() == pytest.approx([0.5, 0.3, 0.9, 1.0])  # 20 is sold already


def test_goal_over_the_sample(tested):
    rows = forecast.scores(tested).set_index("method")
    assert rows.loc["used", "brier"] < rows.loc[NAIVE, "brier"] and rows.loc["used", "pinball"] < rows.loc[NAIVE, "pinball"]
    assert rows.loc["used", "months"] >= 500


@needed
def test_goal_over_all_sets(tested, tmp_path):
    """The 80 % interval covers 76–84 % of all backtested months, of the companies' own too; Brier below seasonal naive in every set."""
    all_of_them, judged, seconds = {"sample": tested}, [], 0.0
    for name in SETS:
        book = open_book(company(name, tmp_path), "latest")
        start = time.process_time()
        found = forecast.backtest(book)
        seconds += time.process_time() - start
        if len(found):
            all_of_them[name] = found
    for name, found in all_of_them.items():
        rows = forecast.scores(found).set_index("method")
        judged.append(name)
        assert rows.loc["used", "brier"] < rows.loc[NAIVE, "brier"], name
    assert judged == ["sample", "cdnow", "mexico_toys", "northwind", "online_retail", "robyn"]  # shopify has half a year
    pooled = pd.concat(all_of_them).query("method == 'used'")
    held = pooled["actual"].between(pooled["low_80"], pooled["high_80"])
    assert len(pooled) > 5000 and 0.76 <= held.mean() <= 0.84
    own = held[pooled["level"] == "company"]
    assert len(own) > 350 and 0.76 <= own.mean() <= 0.84
    assert seconds < 20


# ---- fast ------------------------------------------------------------------------------------------------------------------------------


def test_all_nodes_of_a_large_company_in_ten_seconds(tmp_path):
    book = open_book(str(write_large(tmp_path)), "2025-12")
    assert as_of(book) == pd.Timestamp("2025-12-17")
    start = time.process_time()
    told = forecast.attainment_probabilities(book)
    assert time.process_time() - start < 10
    assert len(told) == 3 * (1 + 50 + 10 + 200) and told["probability"].notna().all()


# ---- the rule --------------------------------------------------------------------------------------------------------------------------


def test_off_pace_fires_below_one_half_and_is_close_where_the_landing_may_reach(tmp_path):
    """Of three steady stores one is a little off its pace, one is asked for twice what it will sell, and one for half."""
    folder = steady(tmp_path, stores=("A", "B", "C"))
    nodes = pd.DataFrame({"level": "store", "entity": list("ABC"), "metric": "net_sales", "target": 1.0})
    lands = forecast.attainment_probabilities(open_book(folder, "latest"), nodes)["landing"] * [1.02, 2, 0.5]
    goals = "".join(f"2026-01,store,{store},net_sales,{target:.2f},boss\n" for store, target in zip("ABC", lands, strict=True))
    (tmp_path / "targets.csv").write_text(TARGETS + goals, encoding="utf-8")
    book = open_book(folder, "latest")
    told = forecast.attainment_probabilities(book).set_index("entity")
    fired = decide(book, "target").set_index("entity")
    assert set(fired["rule"]) == {"off_pace"} and set(fired["verdict"]) == {"act"} and set(fired["owner"]) == {"boss"}
    assert told["probability"].map(lambda p: p < 0.5).to_dict() == {"A": True, "B": True, "C": False}
    assert sorted(fired.index) == ["A", "B"] and set(fired["threshold"]) == {0.5}
    assert (fired["value"] == told.loc[fired.index, "probability"]).all()
    assert fired["confidence"].to_dict() == {"A": "close", "B": "clear"}
    assert told.loc["A", "low_95"] < lands[0] < told.loc["A", "high_95"] and told.loc["B", "high_95"] < lands[1]
    # no cost is known, so nothing is certain to be contributed, and nothing is at stake
    assert fired["money_at_stake"].tolist() == [0.0] * len(fired)
    said = sentence(fired.reset_index().set_index("entity", drop=False).loc["B"], "CNY")
    assert "the month's target is reached with a probability of 0.5%" in said and "re-plan what is left of the month" in said


def test_what_is_at_stake_is_the_shortfall_times_the_contribution_rate(sample):
    fired = decide(sample, "target").query("rule == 'off_pace'").set_index(["level", "entity"])
    targets = month_targets(sample).query("metric == 'net_sales'").set_index(["level", "entity"])["target"]
    for level in ("company", "store", "employee"):
        known = facts(sample, level).set_index("entity")
        for entity in fired.loc[level].index:
            rate = max(known.loc[entity, "contribution"] / known.loc[entity, "net_sales"], 0)
            missing = targets[level, entity] - known.loc[entity, "net_sales"]
            assert fired.loc[(level, entity), "money_at_stake"] == pytest.approx(missing * rate), entity
            assert fired.loc[(level, entity), "sample_size"] == known.loc[entity, "orders"]
    assert set(fired["confidence"]) == {"clear"} and set(fired["value"]) == {0.0}
    said = sentence(fired.reset_index().iloc[0], "CNY")
    assert "the month's target was missed" in said and "find the cause of the gap" in said


def test_looked_at_shows_what_came_only_where_it_is_known(sample, tmp_path):
    frame = forecast.looked_at(sample, as_of="2025-12-14")
    assert frame["came"].notna().all() and frame["probability"].dropna().is_monotonic_increasing
    running = open_book(steady(tmp_path, targets="2026-01,company,company,net_sales,3700,\n"), "latest")
    assert forecast.looked_at(running)["came"].isna().all()
    assert forecast.looked_at_said(forecast.looked_at(running), as_of(running)).endswith("on the evening of 2026-01-14.")


def test_a_path_leads_from_what_is_sold_to_the_landing(sample):
    told = forecast.attainment_probabilities(sample, as_of="2025-12-14").query(
        "level == 'store' and entity == 'us-shop' and metric == 'net_sales'"
    )
    frame = forecast.path(sample, "store", "us-shop", as_of="2025-12-14")
    row, last, today = told.iloc[0], frame.iloc[-1], frame[frame["day"] == "2025-12-14"].iloc[0]
    assert last[["target", "landing", "low_80", "high_95"]].tolist() == pytest.approx(
        [row["target"], row["landing"], row["low_80"], row["high_95"]]
    )
    assert today[["actual", "landing", "low_95"]].tolist() == pytest.approx([row["actual"]] * 3) and np.isnan(last["actual"])
    assert last["later"] == pytest.approx(facts(sample, "store").set_index("entity").loc["us-shop", "net_sales"])
    over = forecast.path(sample)
    assert over["later"].isna().all() and over["landing"].isna().all() and over["actual"].notna().all()
    assert ratio(over["target"], over["target"]).notna().all()


def test_hopeful_and_cautious_probabilities_are_called_so():
    frame = pd.DataFrame({"forecast": [0.2, 0.8], "reached": [0.1, 0.5], "low": 0.0, "high": 1.0, "trials": [100, 100]})
    said = forecast.reliability_said(frame)
    assert said.startswith("On the whole 50% was given and 30% reached: too hopeful.") and "given 80%: 50% of its 100 targets" in said
    assert "too cautious" in forecast.reliability_said(frame.assign(reached=[0.5, 0.9]))
    assert "as promised" in forecast.reliability_said(frame.assign(reached=[0.21, 0.8]))


def test_a_store_that_has_yet_to_sell_has_no_past_to_test(tmp_path):
    """It pays rent in March and sells from April on: nothing to hold a forecast against, and no crash."""
    folder = write(tmp_path, {
        "order_lines.csv": f"{LINES}\n1,1,2025-03-01,A,web,P,1,100\n2,1,2025-04-01,B,web,P,1,100\n",
        "overheads.csv": "month,store,category,amount\n2025-03,B,rent,10\n",
    })  # fmt: skip
    tested = forecast.backtest(open_book(str(folder), "2025-03", "B"))
    assert tested.empty and forecast.scores(tested).empty and forecast.reliability(tested).empty
