"""The funnel and campaigns by hand: who took which step at what cost, what a promotion kept inside and outside, and who came again."""

import companies
import numpy as np
import pandas as pd
import pytest
from test_channels import SPEND
from test_customers import BACK

from helpers.book import open_book
from helpers.customers import funnel

LINE = ["order_id", "line_no", "ordered_at", "store", "channel", "product_id", "quantity", "gross_amount", "unit_cost", "commission",
        "customer_id", "campaign_id"]  # fmt: skip
TRAFFIC = ["date", "store", "channel", "campaign_id", "impressions", "clicks", "visitors", "new_followers", "orders_placed"]
CAMPAIGNS = ["campaign_id", "name", "kind", "channel", "starts_on", "ends_on"]
ORDERS = [  # customer, day, channel, gross, campaign, commission; each costs half of what it is sold for
    ("a", "2025-05-02", "web", 100, "", ""), ("b", "2025-05-03", "live", 100, "", ""), ("x", "2025-05-28", "web", 40, "", ""),
    ("a", "2025-06-03", "web", 40, "", ""), ("c", "2025-06-10", "web", 60, "G", 6), ("d", "2025-06-10", "web", 80, "G", 4),
    ("a", "2025-06-11", "web", 20, "", ""), ("c", "2025-06-25", "web", 20, "", ""), ("", "2025-06-26", "web", 10, "", ""),
    ("b", "2025-06-12", "live", 30, "", ""), ("d", "2025-07-08", "web", 10, "", ""), ("d", "2025-09-30", "web", 10, "", ""),
]  # fmt: skip


def company(folder, **tables):
    folder.mkdir()
    (folder / "company.toml").write_text('name = "Funnel & Co"\nreporting_currency = "CNY"\ntimezone = "UTC"\n', encoding="utf-8")
    rows = [[n, 1, day, "S", channel, "P", 1, gross, gross / 2, commission, who, campaign]
            for n, (who, day, channel, gross, campaign, commission) in enumerate(ORDERS, 1)]  # fmt: skip
    companies.write_table(folder / "order_lines.csv", LINE, rows)
    for name, (header, rows) in tables.items():
        companies.write_table(folder / f"{name}.csv", header, rows)
    return str(folder)


SPENT = SPEND, [["2025-06-05", "S", "web", 70, "ads", "", ""], ["2025-06-10", "S", "web", 14, "ads", "G", ""]]


def test_steps_and_their_cost(tmp_path):
    days = [["2025-06-10", "S", "web", "", 1000, 100, 80, 8, 6], ["2025-06-10", "S", "web", "G", 500, 60, 40, 30, 4],
            ["2025-05-31", "S", "web", "", 9, 9, 9, 9, 9], ["2025-06-11", "S", "live", "", "", 10, "", "", 2]]  # fmt: skip
    book = open_book(company(tmp_path / "c", traffic=(TRAFFIC, days), marketing_spend=SPENT), "2025-06")
    frame = funnel.funnel(book).set_index("entity")
    # web: orders of a, c, d, a, c and nobody; c and d are new
    assert frame.loc["web", [*funnel.STEPS, "first_orders", "of_unknown", "marketing"]].tolist() == [1500, 160, 120, 38, 10, 6, 3, 2, 1, 84]
    live = frame.loc["live"]
    assert live[["clicks", "orders_placed", "paid", "repeat", "marketing"]].tolist() == [10, 2, 1, 1, 0] and np.isnan(live["impressions"])
    assert frame.loc["all", ["clicks", "visitors", "paid", "repeat", "first_orders", "of_unknown"]].tolist() == [170, 120, 7, 4, 2, 1]
    costs = funnel.costs(funnel.funnel(book)).set_index("entity").loc["web"]
    assert costs[["a_thousand_impressions", "per_visitor", "per_paid_order", "per_first_order"]].tolist() == [56, 0.7, 14, 42]
    by_campaign = funnel.funnel(book, "campaign").set_index("entity")
    # G: its own 14, and of the 70 what its 140 of the 230 of web's sales carry
    assert by_campaign.loc["G", "marketing"] == pytest.approx(14 + 70 * 140 / 230) and by_campaign.loc["G", "paid"] == 2
    assert by_campaign["marketing"].drop("all").sum() == pytest.approx(84) and by_campaign.loc["G", "repeat"] == 0
    assert funnel.rates(funnel.funnel(book)).set_index("entity").loc["web", "payment_rate"] == 0.6
    assert "web gets the smallest part paid: 50.0%" not in funnel.funnel_said(book, funnel.funnel(book))


def test_a_week_counts_by_its_days_in_the_month(tmp_path):
    weeks = [
        [day, "S", "web", "", 70, 70, 70, 7, 7]
        for day in ("2025-05-26", "2025-06-02", "2025-06-09", "2025-06-16", "2025-06-23", "2025-06-30")
    ]
    frame = funnel.funnel(open_book(company(tmp_path / "c", traffic=(TRAFFIC, weeks)), "2025-06")).set_index("entity")
    assert frame.loc["web", "visitors"] == pytest.approx(10 + 4 * 70 + 10)  # one day of May's last week, one of June's last
    assert frame["marketing"].isna().all()  # no table of spend: unknown, not nothing


def test_no_traffic_no_spend(tmp_path):
    book = open_book(company(tmp_path / "c"), "2025-06")
    frame = funnel.funnel(book)
    assert funnel.steps(frame)["step"].tolist() == ["paid", "repeat"] and funnel.funnel_said(book, frame)
    assert funnel.followers(book).empty and funnel.followers_said(book, funnel.followers(book), 0.5)
    assert (
        funnel.promotions(book).empty
        and funnel.by_kind(funnel.promotions(book)).empty
        and funnel.promotions_said(book, funnel.promotions(book))
    )


def test_a_campaign_inside_and_outside(tmp_path):
    about = [["G", "Group & buy", "团购", "web", "2025-06-08", "2025-06-11"], ["F", "Follow", "follower ads", "live", "2025-06-10", "2025-06-14"],
             ["N", "next year", "coupon", "", "2026-01-01", "2026-01-02"], ["O", "two years ago", "coupon", "", "2023-01-01", "2023-01-02"]]  # fmt: skip
    back = BACK, [["S", 6, 1, "2025-07-02", 1, 20, "false"]]  # d gives back 20 of 80
    folder = company(tmp_path / "c", campaigns=(CAMPAIGNS, about), returns=back, marketing_spend=SPENT)
    frame = funnel.promotions(open_book(folder, "2025-09")).set_index("entity")
    assert frame.index.tolist() == ["G", "F"] and frame["kind"].tolist() == ["group-buy", "follower-ad"]
    group = frame.loc["G"]
    # 140 sold, 20 given back, 70 of goods and 10 of commissions; 260 were sold in June, 90 of them outside on web
    assert (group["told_by"], group["sales"], group["share"]) == ("its order lines", 140, pytest.approx(140 / 260))
    assert group["margin_inside"] == pytest.approx(40 / 120) and group["margin_outside"] == pytest.approx(45 / 90)
    assert group["commissions"] == 10
    assert (group["own_spend"], group["left_over"], group["new_share"]) == (14, 40 - 14, 1)
    # within 60 days after the 11th c and d came again; outside on those days a bought, and did not
    assert (group["again_inside"], group["again_outside"]) == (1, 0)
    assert np.isnan(group["after"])  # nothing was sold on web from the 4th to the 7th
    follow = frame.loc["F"]
    assert (
        (follow["told_by"], follow["sales"]) == ("channel and days", 30)
        and np.isnan(follow["left_over"])
        and np.isnan(follow["margin_outside"])
    )
    early = funnel.promotions(open_book(folder, "2025-06")).set_index("entity").loc["G"]
    assert np.isnan(early["again_inside"]) and early["margin_inside"] == pytest.approx(
        60 / 140
    )  # too early to tell, nothing given back yet
    kinds = funnel.by_kind(funnel.promotions(open_book(folder, "2025-09"))).set_index("kind")
    assert kinds.loc["group-buy", "left_over"] == 26 and np.isnan(kinds.loc["follower-ad", "left_over"])


@pytest.mark.parametrize("scope", ["company", "cn-outlet"])
def test_the_sample_s_funnel_adds_up(scope):
    book = open_book("data/sample", "2025-12", scope)
    whole = book.ladder().iloc[0]
    for level in ("channel", "campaign"):
        frame = funnel.funnel(book, level).set_index("entity")
        assert frame.loc["all", "paid"] == whole["orders"]
        assert (
            frame.loc["all", "marketing"]
            == pytest.approx(-whole["marketing"], abs=1e-6)
            == pytest.approx(frame["marketing"].drop("all").sum(), abs=1e-6)
        )
        assert (frame["paid"] - frame["repeat"] - frame["first_orders"] - frame["of_unknown"]).abs().sum() == 0
    assert funnel.funnel(book, "campaign").set_index("entity").loc["F2511", "new_followers"] == pytest.approx(
        1690 + 1780
    )  # December's weeks


def test_what_a_follower_may_cost(tmp_path):
    book = open_book(company(tmp_path / "c"), "2025-06")
    said = funnel.followers_said(book, pd.DataFrame(columns=["month", "new_followers", "new_customers", "contribution"]), 0.28)
    assert "CNY 35,000" in said and "CNY 5.00 for a follower" in said  # 125,000 × 28 % ÷ 7,000
