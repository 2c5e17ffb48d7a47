"""Channels by hand: Simpson's paradox, promotion in its parts, a splendid ROAS at a loss, campaigns with one side of the account."""

import random

import companies
import pandas as pd
import pytest

from helpers import channels
from helpers.book import open_book

LINE = [
    "order_id",
    "line_no",
    "ordered_at",
    "store",
    "channel",
    "product_id",
    "quantity",
    "gross_amount",
    "unit_cost",
    "commission",
    "campaign_id",
    "currency",
]
SPEND = ["date", "store", "channel", "amount", "kind", "campaign_id", "currency"]


def company(folder, lines, **tables):
    """A company folder. lines: (day, store, channel, gross, cost, commission, campaign, currency); other tables: (header, rows)."""
    folder.mkdir()
    (folder / "company.toml").write_text('name = "Hand & Co"\nreporting_currency = "CNY"\ntimezone = "UTC"\nstage = "growth"\n')
    rows = []
    for number, (day, store, channel, gross, cost, *more) in enumerate(lines, 1):
        commission, campaign, currency = [*more, *["", "", ""][len(more) :]]
        rows.append([number, 1, day, store, channel, "P", 1, gross, cost, commission, campaign, currency])
    companies.write_table(folder / "order_lines.csv", LINE, rows)
    for name, (header, rows) in tables.items():
        companies.write_table(folder / f"{name}.csv", header, rows)
    return str(folder)


def month(costed_sales, margins):
    """Parts a, b, … with their sales and margins, as `split` wants them."""
    frame = pd.DataFrame({"costed_sales": costed_sales, "gross_margin": margins}, index=list("abcd")[: len(margins)], dtype=float)
    return frame.assign(gross_profit=frame["costed_sales"] * frame["gross_margin"])


# ---- the mix: 100/900 → 500/500 of revenue, web 40 → 38 %, marketplace 15 → 14 %, total 17.5 → 26.0 % --------------------------

SIMPSON = [
    *[("2025-01-05", "S", "web", 100, 60), ("2025-01-06", "S", "marketplace", 900, 765)],
    *[("2025-02-05", "S", "web", 500, 310), ("2025-02-06", "S", "marketplace", 500, 430)],
]


def test_simpson_by_hand():
    frame = channels.split(month([100, 900], [0.40, 0.15]), month([500, 500], [0.38, 0.14]))
    assert frame["part_before"].sum() == pytest.approx(0.175) and frame["part_now"].sum() == pytest.approx(0.26)
    assert frame["within"].tolist() == pytest.approx([0.3 * -0.02, 0.7 * -0.01])  # mean shares 30 % and 70 %
    assert frame["mix"].tolist() == pytest.approx([0.4 * (0.39 - 0.2175), -0.4 * (0.145 - 0.2175)])  # against the mean total of 21.75 %
    assert frame["within"].sum() == pytest.approx(-0.013) and frame["mix"].sum() == pytest.approx(0.098)
    assert channels.paradox(frame) == "fell"


def test_simpson_the_other_way_round_and_not_at_all():
    assert channels.paradox(channels.split(month([500, 500], [0.38, 0.14]), month([100, 900], [0.40, 0.15]))) == "rose"
    assert (
        channels.paradox(channels.split(month([100, 900], [0.40, 0.15]), month([100, 900], [0.38, 0.14]))) == ""
    )  # all fall, so does the total
    assert channels.paradox(channels.split(month([100, 900], [0.40, 0.15]), month([500, 500], [0.40, 0.14]))) == ""  # one stands still
    assert channels.paradox(channels.split(month([100], [0.40]), month([500], [0.38]))) == ""


def test_a_channel_that_comes_or_goes_is_mix():
    frame = channels.split(month([100, 0], [0.40, None]), month([50, 50], [0.40, 0.20]))
    assert frame["within"].tolist() == [0, 0]
    assert frame["mix"].sum() == pytest.approx(-0.10)  # 40 % → 30 %
    assert channels.paradox(frame) == ""


@pytest.mark.parametrize("seed", range(20))
def test_the_effects_add_up_to_the_change_whatever_the_numbers(seed):
    rng = random.Random(seed)
    sides = []
    for _ in range(2):
        sales = [rng.choice([0, -3, 10, 250, 1e6]) for _ in range(3)] + [20.0]
        side = pd.DataFrame({"costed_sales": sales, "gross_profit": [rng.uniform(-50, 90) for _ in sales]}, index=list("abcd"))
        side["gross_margin"] = (side["gross_profit"] / side["costed_sales"]).where(side["costed_sales"] > 0)
        sides.append(side)
    before, now = (side["gross_profit"].sum() / side["costed_sales"].sum() for side in sides)
    frame = channels.split(*sides)
    assert (frame["within"] + frame["mix"]).sum() == pytest.approx(now - before, abs=1e-9)
    back = channels.split(*sides[::-1])
    assert (back["within"] + frame["within"]).abs().max() == pytest.approx(0, abs=1e-9)  # neither month is favoured
    pd.testing.assert_frame_equal(channels.split(sides[0].iloc[::-1], sides[1]), frame)


def test_the_warning_from_a_company_folder(tmp_path):
    book = open_book(company(tmp_path / "c", SIMPSON), "2025-02")
    frame = channels.margin_split(book, "channel")
    said = channels.margin_said(book, frame, "channel")
    assert said.startswith("Warning: the margin fell in every channel and rose in the total.")
    assert "from 17.5% to 26.0%, −1.30 points come from the margins themselves and +9.80 points from the mix" in said
    assert said in channels.answer(book)
    total = channels.margin_table(book, frame, "channel").iloc[-1]
    assert [total["channel"], round(total["within_points"], 6), round(total["mix_points"], 6), total["cost_coverage"]] == [
        "all channels",
        -1.3,
        9.8,
        1,
    ]
    moves = channels.margin_moves(frame, "channel", ("2025-01", "2025-02")).set_index(["channel", "month"])["gross_margin"]
    assert moves["all channels"].tolist() == pytest.approx([0.175, 0.26]) and moves["web"].tolist() == pytest.approx([0.40, 0.38])
    # One store only: its margin is the total's, so nothing contradicts anything.
    stores = channels.margin_split(book, "store")
    assert stores[["within", "mix"]].sum().tolist() == pytest.approx([0.085, 0]) and channels.paradox(stores) == ""
    assert channels.margin_split(open_book(str(tmp_path / "c"), "2025-02", "S"), "store").empty


def test_simpson_between_stores(tmp_path):
    lines = [(day, channel, "web", gross, cost) for day, _, channel, gross, cost in SIMPSON]
    book = open_book(company(tmp_path / "c", lines), "2025-02")
    assert channels.margin_said(book, channels.margin_split(book, "store"), "store").startswith(
        "Warning: the margin fell in every store and rose"
    )


def test_without_an_earlier_month_there_is_no_split(tmp_path):
    book = open_book(company(tmp_path / "c", SIMPSON), "2025-01")
    frame = channels.margin_split(book, "channel")
    assert frame.empty and channels.margin_table(book, frame, "channel").empty
    assert channels.margin_moves(frame, "channel", ("a", "b")).empty
    assert channels.margin_said(book, frame, "channel") == "The month before has no sales, so no change of margin can be split."


# ---- promotion -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def promoting(tmp_path):
    """live: ROAS 20 and a loss; edge: exactly 15 %; web: dollars; idle: spend without sales. All in March."""
    lines = [
        ("2025-03-03", "S", "live", 1000, 600, 380),
        ("2025-03-04", "S", "edge", 1000, 500, 50),
        ("2025-03-05", "T", "web", 200, 100, "", "", "USD"),
    ]
    spend = [
        *[["2025-03-01", "S", "live", 50, "ads", "", ""], ["2025-03-02", "S", "edge", 60, "affiliate", "", ""]],
        *[["2025-03-31", "S", "edge", 40, "event_fee", "", ""], ["2025-04-01", "S", "edge", 999, "ads", "", ""]],
        *[["2025-03-09", "T", "web", 10, "ads", "", "USD"], ["2025-03-10", "T", "web", 5, "other", "", "USD"]],
        ["2025-03-11", "T", "idle", 30, "ads", "", ""],
    ]
    rates = ["date", "currency", "rate"], [["2025-01-01", "USD", 7], ["2025-03-10", "USD", 8]]
    return company(tmp_path / "c", lines, marketing_spend=(SPEND, spend), fx_rates=rates)


def test_promotion_in_its_parts(promoting):
    book = open_book(promoting, "2025-03")
    parts = channels.promotion_parts(book)
    amounts = parts.pivot(index="channel", columns="part", values="amount")
    assert amounts.loc["live"].to_dict() == {"ads": 50, "event fees": 0, "affiliates": 0, "other": 0, "commissions": 380}
    assert amounts.loc["edge"].to_dict() == {"ads": 0, "event fees": 40, "affiliates": 60, "other": 0, "commissions": 50}
    assert amounts.loc["web"].to_dict() == {"ads": 70, "event fees": 0, "affiliates": 0, "other": 40, "commissions": 0}  # 10 × 7 and 5 × 8
    ledger = book.ladder(["channel"]).set_index("channel")
    assert amounts.sum(axis=1).to_dict() == pytest.approx((-ledger["marketing"] - ledger["commissions"]).to_dict())
    shares = parts.groupby("channel")["share"].sum(min_count=1)
    assert shares["live"] == pytest.approx(0.43) and shares["edge"] == pytest.approx(0.15) and shares["web"] == pytest.approx(110 / 1400)
    assert pd.isna(shares["idle"])


def test_exactly_the_limit_passes_and_promotion_without_sales_is_named(promoting):
    said = channels.promotion_said(channels.promotion_table(channels.promotion_parts(open_book(promoting, "2025-03"))), 0.15, "CNY")
    assert said == (
        "live puts 43.0% of its net sales into promotion against a line of 15.0%; the largest part is commissions (38.0%)."
        " Promotion of CNY 30 went to idle, without net sales to set it against."
    )


def test_a_splendid_roas_can_lose_money(promoting):
    frame = channels.by_channel(open_book(promoting, "2025-03")).set_index("channel", drop=False)
    live = frame.loc["live"]
    assert [live["roas"], live["break_even_roas"], live["poas"], live["contribution"]] == pytest.approx([20, 2.5, 8, -30])
    assert live["cm2_per_promotion"] == pytest.approx(400 / 430)
    assert frame["contribution"].to_dict() == pytest.approx({"web": 590, "edge": 350, "live": -30, "idle": -30})
    assert channels.losers_said(frame, "channel", "CNY") == (
        "Contribution is negative in live and idle, together −CNY 60."
        " By ROAS against its break-even, live would pass: the ads are covered, the commissions are not."
    )
    assert channels.roas_said(frame).startswith("live has the highest ROAS, 20.0, and brings 0.93 of CM2 for each unit of promotion.")


def test_a_store_sees_its_own_channels_only(promoting):
    book = open_book(promoting, "2025-03", "T")
    assert channels.by_channel(book)["channel"].tolist() == ["web", "idle"]
    assert channels.promotion_parts(book)["amount"].sum() == pytest.approx(140)
    assert channels.by_store(book).empty and "whole company" in channels.company_only(book)


def test_rows_and_their_total_agree(promoting):
    book = open_book(promoting, "2025-03")
    for frame, noun in ((channels.by_channel(book), "channel"), (channels.by_store(book), "store")):
        rows = channels.with_total(book, frame, noun)
        assert rows[noun].iloc[-1] == f"all {noun}s"
        for column in ("net_sales", "gross_profit", "promotion", "contribution"):
            assert rows[column].iloc[:-1].sum() == pytest.approx(rows[column].iloc[-1])


def test_no_promotion_and_missing_tables(tmp_path):
    book = open_book(company(tmp_path / "c", SIMPSON), "2025-02")
    table = channels.promotion_table(channels.promotion_parts(book))
    assert channels.promotion_said(table, 0.15, "CNY") == "No channel spent on marketing or paid a commission this month."
    assert book.lacks("order_lines", "targets") == (
        " This company has no table targets: it would switch on attainment, and targets met at a loss."
    )
    assert channels.roas_said(channels.by_channel(book)).startswith("No channel has both")
    assert channels.attained(book).empty and "blank, not zero" in channels.attained_said(channels.attained(book), "CNY")
    assert channels.campaigns(book).empty and channels.campaign_year(book).empty
    assert channels.one_sided_said(channels.campaigns(book)) == "Neither a sale nor a spend names a campaign."


# ---- campaigns -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def campaigning(tmp_path):
    """March: C1 sells 300 of the channel's 400 and spends 20, C2 only spends 10, C3 only sells, C4 runs idle, C5 is refunded. Ads: 40."""
    lines = [
        *[("2025-03-03", "S", "web", 300, 100, "", "C1"), ("2025-03-04", "S", "web", 50, 20), ("2025-03-05", "S", "web", 50, 20, "", "C3")],
        ("2025-02-05", "S", "web", 80, 30, "", "C5"),
    ]
    spend = [["2025-03-01", "S", "web", 40, "ads", "", ""], ["2025-03-01", "S", "web", 20, "event_fee", "C1", ""]]
    spend += [["2025-03-01", "S", "web", 10, "event_fee", "C2", ""], ["2025-02-01", "S", "web", 8, "ads", "C5", ""]]
    about = ["campaign_id", "name", "kind", "channel", "starts_on", "ends_on"]
    named = [["C1", "Sale", "promotion", "", "2025-03-01", "2025-03-10"], ["C2", "Sale", "promotion", "", "2025-03-01", "2025-03-10"]]
    named += [["C4", "Idle", "promotion", "web", "2025-02-20", "2025-03-01"], ["C6", "Over", "promotion", "", "2025-02-01", "2025-02-28"]]
    refund = (
        ["store", "order_id", "line_no", "refunded_on", "quantity", "refund_amount", "restocked"],
        [["S", 4, 1, "2025-03-09", 1, 80, "true"]],
    )
    return company(tmp_path / "c", lines, marketing_spend=(SPEND, spend), campaigns=(about, named), returns=refund)


def test_campaigns_of_the_month(campaigning):
    frame = channels.campaigns(open_book(campaigning, "2025-03"))
    # C1: 300 − 100 − own 20 − ads 40 × 300 ÷ 400; C3: 50 − 20 − 40 × 50 ÷ 400; C5: −80 and 30 back on the shelf.
    assert frame[["campaign", "state", "own_spend", "contribution"]].values.tolist() == [
        ["Sale (C1)", "spend and sales", 20, 150],
        ["C3", "sales without spend of its own", 0, 25],
        ["Sale (C2)", "spend without sales", 10, -10],
        ["C5", "only refunds of earlier sales", 0, -50],
        ["Idle", "nothing in this month", 0, 0],
    ]
    first = frame.iloc[0]
    assert [first["roas"], first["poas"], first["break_even_roas"]] == pytest.approx([6, 4, 1.5])
    assert channels.campaigns_said(frame, "CNY").startswith(
        "Sale (C1) brought CNY 300 of net sales and CNY 150 of contribution for CNY 20 of its own"
    )
    said = channels.one_sided_said(frame)
    assert (
        "spend without sales: Sale (C2)" in said and "only refunds of earlier sales: C5" in said and "nothing in this month: Idle" in said
    )


def test_over_a_year_the_refunds_are_in(campaigning):
    book = open_book(campaigning, "2025-03")
    year = channels.campaign_year(book).set_index("campaign")
    assert year.loc["C5", ["net_sales", "contribution", "refund_rate", "own_spend"]].tolist() == [0, -8, 1, 8]
    assert year.loc["no campaign", ["net_sales", "contribution"]].tolist() == [50, 25]
    assert year["contribution"].sum() == pytest.approx(book.ladder(months=book.months_back(12))["contribution"][0])
    # 150 + 25 − 10 − 8 of 350 with, 25 of 50 without a campaign
    assert channels.campaign_year_said(year.reset_index()) == (
        "Sales with a campaign leave 44.9% of net sales as contribution, less than the 50.0% of sales without one."
    )


# ---- targets -------------------------------------------------------------------------------------------------------------------


def test_attainment_beside_contribution(tmp_path):
    lines = [("2025-03-03", "S", "web", 120, 130), ("2025-03-04", "S", "live", 90, 30), ("2025-03-05", "S", "fair", 10, 5)]
    header = ["month", "level", "entity", "metric", "target"]
    rows = [["2025-03", "channel", name, "net_sales", target] for name, target in (("web", 100), ("live", 100), ("fair", 0), ("gone", 50))]
    rows += [["2025-03", "store", "S", "net_sales", 440]]
    folder = company(tmp_path / "c", lines, targets=(header, rows))
    book = open_book(folder, "2025-03")
    frame = channels.attained(book)
    assert frame[["who", "attainment", "contribution"]].values.tolist() == [
        ["web", 1.2, -10],
        ["live", 0.9, 60],
        ["gone", 0.0, 0],
    ]  # fair: blank
    assert channels.attained_said(frame, "CNY") == (
        "1 of 3 reached the sales target. web comes to 120.0% of it and contributes −CNY 10; most comes from live, CNY 60."
        " Reached at a loss: web."
    )
    found = channels.verdicts(book)
    assert found[["rule", "entity"]].values.tolist() == [["channel_loss", "web"], ["target_met_at_a_loss", "web"]]
    store = channels.attained(open_book(folder, "2025-03", "S"))
    assert store[["who", "attainment"]].values.tolist() == [["S", 0.5]]  # channel targets are the company's
