"""The vanity test: textbook correlations, all permutations by brute force, chance that stays chance, and a lead that is found."""

from itertools import permutations
from math import erfc, sqrt

import numpy as np
import pandas as pd
import pytest
from folders import write

from helpers.book import open_book
from helpers.facts import facts
from helpers.kpi_scorecard import vanity
from helpers.sample import FOLDER


@pytest.fixture(scope="module")
def sample():
    return open_book(str(FOLDER), "2025-12")


def columns(*values) -> pd.DataFrame:
    return pd.DataFrame(dict(enumerate(values)), dtype=float)


def test_one_unit_is_spearman_s_textbook_correlation():
    # d = 1, 1, 1, 1, 0: 1 − 6 · 4 ÷ (5 · 24) = 0.8; its variance under chance is 1 ÷ (n − 1).
    found = vanity.go_with(columns([1, 2, 3, 4, 5]), columns([2, 1, 4, 3, 5]), least=5)
    assert found["r"] == pytest.approx(0.8) and (found["units"], found["rows"]) == (1, 5)
    assert found["p_value"] == pytest.approx(erfc(0.8 * sqrt(4) / sqrt(2)))


def spearman(x, y):
    n = len(x)
    place = lambda values: {v: i for i, v in enumerate(sorted(values))}  # noqa: E731
    d = [place(x)[a] - place(y)[b] for a, b in zip(x, y, strict=True)]
    return 1 - 6 * sum(each * each for each in d) / (n * (n * n - 1))


def test_the_variance_is_that_of_all_shuffles_of_whole_rows():
    x = [[3, 1, 4, 5, 9], [2, 7, 1, 8, 6]]
    y = [[5, 3, 8, 9, 7], [1, 6, 4, 2, 5]]
    shuffled = [np.mean([spearman(a, [b[i] for i in order]) for a, b in zip(x, y, strict=True)]) for order in permutations(range(5))]
    found = vanity.go_with(columns(*x), columns(*y), least=5)
    assert found["r"] == pytest.approx(shuffled[0])
    assert found["p_value"] == pytest.approx(erfc(abs(shuffled[0]) / sqrt(np.mean(np.square(shuffled))) / sqrt(2)))


def test_the_same_unit_five_times_is_no_more_evidence_than_once():
    x, y = [3, 1, 4, 5, 9, 2, 6, 8], [2, 1, 5, 4, 9, 3, 8, 6]
    once, often = vanity.go_with(columns(x), columns(y), 8), vanity.go_with(columns(*[x] * 5), columns(*[y] * 5), 8)
    assert (often["r"], often["p_value"], often["low"]) == pytest.approx((once["r"], once["p_value"], once["low"]))


def test_blanks_short_columns_and_what_never_changes():
    x = columns([1, 2, 3, 4, 5, np.nan], [1, 2, np.nan, np.nan, np.nan, np.nan], [7] * 6)
    y = columns([2, 1, 4, 3, 5, 9], [5, 6, 7, 8, 9, 9], [1, 2, 3, 4, 5, 6])
    found = vanity.go_with(x, y, least=5)
    assert found["r"] == pytest.approx(0.8) and found["units"] == 1
    assert np.isnan(vanity.go_with(x[[1, 2]], y[[1, 2]], least=5)["r"])


def test_units_that_mirror_each_other_say_nothing():
    up, down, any_ = list(range(8)), list(range(8, 0, -1)), [3, 1, 4, 5, 9, 2, 6, 8]
    assert np.isnan(vanity.go_with(columns(up, down), columns(any_, any_), 8)["r"])


def test_rank_only_and_blind_to_size_of_units():
    rng = np.random.default_rng(3)
    x, y = columns(*rng.random((3, 12))), columns(*rng.random((3, 12)))
    one = vanity.go_with(x, y, 8)
    other = vanity.go_with(np.exp(x * 5), y * [1, 1000, 1_000_000], 8)
    assert one == pytest.approx(other)


def test_changes_of_noise_raise_no_more_alarms_than_they_may():
    # Differences lean on the month before (−½); with the serial correction 5 % of independent ones may look sure.
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(120):
        x, y = columns(*rng.normal(size=(3, 24))).diff(), columns(*rng.normal(size=(3, 24))).diff()
        alarms += vanity.go_with(x, y, 8, serial=True)["p_value"] < 0.05
    assert alarms <= 13  # 6 expected; 13 or more would come by chance once in 250


def test_a_planted_lead_is_found_where_it_is_and_nowhere_else():
    rng = np.random.default_rng(5)
    contacts = columns(*rng.normal(size=(6, 24)))
    money = contacts.shift(1) + 0.3 * rng.normal(size=(24, 6))
    wide = {("cell", "gross_margin"): contacts.cumsum(), ("cell", "contribution"): money.cumsum()}
    found = vanity.judged(vanity.all_tests(wide, 0.05), 0.05).set_index(["kpi", "view", "lead"])
    assert found.loc[("gross_margin", "months", 1), "sure"] and found.loc[("gross_margin", "months", 1), "r"] > 0.8
    assert not found.loc[("gross_margin", "months", 0), "sure"] and not found.loc[("gross_margin", "months", 2), "sure"]


def test_nothing_is_held_against_itself_and_all_intervals_share_the_doubt():
    rng = np.random.default_rng(6)
    wide = {
        ("cell", name): columns(*rng.normal(size=(6, 24))) for name in ("contribution", "collections", "contribution_rate", "net_sales")
    }
    found = vanity.all_tests(wide, 0.05)
    assert not (found["kpi"] == "contribution").mul(found["outcome"] == "contribution").any()
    rate = found[(found["kpi"] == "contribution_rate") & (found["outcome"] == "contribution")]
    assert set(rate["lead"]) == {1, 2}  # in the same month it is contribution itself
    assert len(found) == 8 + 4 + 4 + 6
    row = found.iloc[0]
    alone = vanity.go_with(wide["cell", "net_sales"].diff(), wide["cell", "contribution"].diff(), 8, serial=True)
    assert row["low"] < alone["low"] and row["high"] > alone["high"]


def test_a_known_weak_link_flatters_and_an_unknown_one_does_not():
    far = pd.DataFrame({"view": "months", "low": [-0.2, -0.4], "high": [0.3, 0.2]})
    assert vanity._at_most("roas", far) == 0.3 and vanity._at_most("refund_share", far) == 0.4
    assert vanity.verdict("roas", 6, False, 0.3 < vanity.STRONG, True, "ads") == "flatters"
    assert vanity.verdict("roas", 6, False, 0.8 < vanity.STRONG, True, "ads") == "informs"
    assert vanity.verdict("attainment", 6, False, False, True, "") == "flatters"


def test_stock_of_the_panel_is_that_of_the_metrics(small_company):
    book = open_book(str(small_company), "2025-04")
    mine = vanity._stock(book, book.months).query("month == '2025-04'").set_index("unit")
    there = facts(book, "store").set_index("entity")
    for name in ("stock_to_sales", "inventory_days", "return_on_capital"):
        known = there.loc[mine.index, name].replace(np.inf, np.nan).astype(float)
        assert mine[name].to_dict() == pytest.approx(known.to_dict(), nan_ok=True), name


def test_cells_of_the_panel_add_up_to_the_company(small_company):
    book = open_book(str(small_company), "2025-04")
    panel = vanity.panel(book).query("grain == 'cell' and kpi == 'net_sales'").groupby("month")["value"].sum()
    ladder = book.ladder(["month"], book.months).set_index("month")["net_sales"]
    assert len(panel) == 2 and panel.to_dict() == pytest.approx(ladder[panel.index].to_dict())  # April still runs


def test_without_costs_nothing_is_held_against_contribution(tmp_path):
    days = [f"2024-{month:02d}-{day:02d}" for month in range(1, 13) for day in (3, 17)]
    rows = [f"{n},1,{day},{store},web,P,1,{100 + 7 * n % 40}\n" for n, day in enumerate(days) for store in "AB"]
    lines = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n" + "".join(rows)
    book = open_book(str(write(tmp_path, {"order_lines.csv": lines})), "2024-12")
    assert not vanity.costed(book) and vanity.evidence(book).empty
    assert "Too little of the sales has a known cost" in vanity.verdicts_said(book, vanity.verdicts(book))


def test_the_sample_s_vanity(sample):
    # What is planted: splendid ROAS on a channel that is too dear, targets that are set to be met, followers by the visit.
    found = vanity.verdicts(sample).set_index("kpi")["verdict"]
    assert found[["roas", "attainment", "new_followers"]].tolist() == ["flatters"] * 3
    assert found[["contribution", "refund_share"]].tolist() == ["decides"] * 2
    assert found["net_sales"] == "informs"  # it moves with contribution, but it is a total that anybody can buy


def test_too_few_months_are_not_tested(small_company):
    book = open_book(str(small_company), "2025-04")
    frame = vanity.verdicts(book)
    assert set(frame["verdict"]) <= {"not tested", "decides"} and set(frame.loc[frame["verdict"] == "decides", "kpi"]) <= {"contribution"}
    assert "nine whole months" in vanity.verdicts_said(book, frame)
