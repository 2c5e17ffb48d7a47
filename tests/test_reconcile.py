"""Platforms' totals and payouts: the figures of a small company, worked out by hand."""

import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.load_and_check import reconcile

TOML = 'name = "Shop"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n'
ADS = TOML + '[[sources]]\nadapter = "meta_ads"\nfiles = "exports/*"\nstore = "S"\nchannel = "web"\n'


def test_totals_close_in_each_currency(tmp_path):
    meta = "Reporting starts,Reporting ends,Campaign name,Amount spent ({})\n"
    files = {
        "order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n", "fx_rates.csv": "date,currency,rate\n2025-01-01,USD,7\n",
        "exports/a.csv": meta.format("USD") + "2025-03-01,2025-03-01,A,10\n2025-03-01,2025-03-04,B,2.5\n",
        "exports/b.csv": meta.format("GBP") + "2025-03-01,2025-03-01,C,4\n",
    }  # fmt: skip
    book = open_book(str(write(tmp_path, files, ADS)), "latest")
    frame = reconcile.totals(book).set_index("currency")
    columns = ["platform_total", "ledger", "set_aside", "elsewhere", "difference"]
    assert frame.loc["USD", columns].tolist() == [12.5, 10, 2.5, 0, 0]  # a period's total is set aside
    assert frame.loc["GBP", columns].tolist() == [4, 0, 4, 0, 0]  # pounds have no rate
    assert "Every account closes" in reconcile.totals_said(frame.reset_index())
    off = frame.reset_index().assign(difference=[0.0, 3.0])
    assert "doesn't close" in reconcile.totals_said(off) and "3.00" in reconcile.totals_said(off)


def test_without_exports_it_says_so(small_company):
    book = open_book(str(small_company), "2025-03")
    assert reconcile.totals(book).empty and reconcile.notes(book).empty
    assert "No table was made from" in reconcile.totals_said(reconcile.totals(book))
    assert "day of the order" in reconcile.basis_said(book)


@pytest.fixture
def paid_shop(tmp_path):
    lines = "".join(
        f"{order},1,2025-{day},S,web,P,1,100\n"
        for order, day in (("A", "01-05"), ("B", "01-10"), ("C", "03-20"), ("D", "02-01"), ("E", "03-01"))
    )
    payouts = "paid_on,store,order_id,amount\n2025-01-20,S,A,100\n2025-01-20,S,B,90\n2025-03-10,S,E,101.5\n2025-03-11,S,ZZ,33\n"
    return open_book(str(write(tmp_path, {"order_lines.csv": f"{LINES}\n{lines}", "payouts.csv": payouts}, TOML)), "2025-03")


def test_orders_and_payouts(paid_shop):
    # 90 days before 31 March begin on 1 January; payouts are due after the policy's days
    frame = reconcile.matching(paid_shop)
    found = {(row.state, row.days_past_due): (row.orders, round(row.amount, 2)) for row in frame.itertuples()}
    late = 31 + 28 + 31 - 10 - paid_shop.policy.cash.payout_days  # B, from 10 January
    assert found["matched", ""] == (1, 100) and found["not due yet", ""] == (1, 100)  # A was paid; C of 20 March is to come
    assert found["short", f"up to {30 if late <= 30 else 60 if late <= 60 else 90}"] == (1, 10)
    assert found["over", ""] == (1, 1.5) and found["not in orders", ""] == (1, 33)
    overdue = [value for (state, _), value in found.items() if state == "overdue"]
    assert overdue == [(1, 100)]
    said = reconcile.matching_said(frame, "CNY")
    assert "1 of 5 orders" in said and "1 is not due yet (CNY 100.00 is to come)" in said and "CNY 110.00" in said and "CNY 33.00" in said


def test_a_young_order_may_be_paid_early_or_late_and_its_refund_too(tmp_path):
    """A: paid, and 40 given back but not taken back yet. B: taken back already. C: 90 of 100. D: 130 for 100. E: cancelled. F: a third of it."""
    lines = "".join(
        f"{order},1,2025-03-{day},S,web,P,1,100,{'cancelled' if order == 'E' else ''}\n"
        for order, day in zip("ABCDEF", range(10, 16), strict=True)
    )
    back = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nS,A,1,2025-03-20,1,40,true\nS,B,1,2025-03-20,1,40,true\n"
    payouts = "paid_on,store,order_id,amount\n" + "".join(
        f"2025-03-25,S,{order},{amount}\n" for order, amount in zip("ABCDF", (100, 60, 90, 130, 33), strict=True)
    )
    files = {"order_lines.csv": f"{LINES},status\n{lines}", "payouts.csv": payouts, "returns.csv": back}
    gaps = reconcile.capital.payout_gaps(open_book(str(write(tmp_path, files, TOML)), "2025-03")).set_index("entity")
    assert gaps["state"].to_dict() == {
        "S/A": "matched",
        "S/B": "matched",
        "S/C": "short",
        "S/D": "over",
        "S/E": "nothing due",
        "S/F": "short",
    }
    assert gaps["difference"].to_dict() == {"S/A": 0, "S/B": 0, "S/C": -10, "S/D": 30, "S/E": 0, "S/F": -67}
    assert gaps["action"]["S/D"] != gaps["action"]["S/C"]
