"""The projection of cash, by hand: a company that does the same every day, one that runs dry, and the sample with nothing known of later."""

import csv

import folders
import numpy as np
import pandas as pd
import pytest

from helpers.book import open_book
from helpers.capital_and_cash import cash_plan

DAYS = pd.date_range("2025-03-01", "2025-06-30")
DAY = pd.Timestamp("2025-06-30")


def steady(folder, payroll: float = 100, balances: str = "2025-06-30,bank,1000\n", **more) -> str:
    """Sells 10 a day and is paid for it 7 days later, buys for 4 that come in 5 days and are paid 10 days after, spends 1 on ads."""
    files = {"order_lines.csv": folders.LINES + "\n" + "".join(f"{i},1,{day:%Y-%m-%d},S,market,P,1,10\n" for i, day in enumerate(DAYS))}
    later = [(i, day + pd.Timedelta(days=7)) for i, day in enumerate(DAYS)]
    files["payouts.csv"] = "paid_on,store,channel,order_id,amount\n" + "".join(
        f"{day:%Y-%m-%d},S,market,{i},10\n" for i, day in later if day <= DAY
    )
    bought = "product_id,ordered_on,received_on,paid_on,quantity,amount\n"
    for day in DAYS:
        received, paid = (f"{when:%Y-%m-%d}" if when <= DAY else "" for when in (day + pd.Timedelta(days=5), day + pd.Timedelta(days=15)))
        bought += f"P,{day:%Y-%m-%d},{received},{paid},1,4\n"
    files["purchases.csv"] = bought
    files["marketing_spend.csv"] = "date,store,channel,amount,kind\n" + "".join(f"{day:%Y-%m-%d},S,market,1,ads\n" for day in DAYS)
    months = ("2025-03", "2025-04", "2025-05", "2025-06")
    files["staffing.csv"] = "month,employee_id,team,fte,cost\n" + "".join(f"{month},E,T,1,{payroll}\n" for month in months)
    files["overheads.csv"] = "month,category,amount\n" + "".join(f"{month},rent,50\n" for month in months)
    files["cash_balances.csv"] = "date,account,balance\n" + balances
    return str(folders.write(folder, {name: text for name, text in (files | more).items() if text}))


def test_a_company_that_does_the_same_every_day(tmp_path):
    book = open_book(steady(tmp_path), "2025-06")
    frame = cash_plan.plan(book)
    # A week brings 70, and takes 28 for goods and 7 for ads; months end in the 5th, 9th and not before the 14th week.
    ends = np.array([150 if week in (5, 9) else 0 for week in range(1, 14)])
    assert frame["ends"].tolist() == [DAY + pd.Timedelta(days=7 * week) for week in range(1, 14)]
    assert frame["money_in"].tolist() == pytest.approx([70] * 13)
    assert frame["money_out"].tolist() == pytest.approx((-35 - ends).tolist())
    assert frame["balance"].tolist() == pytest.approx((1000 + np.cumsum(35 - ends)).tolist())
    assert (frame["high"] - frame["low"]).max() < 100  # no chance but that of the first weeks, before money and bills came regularly
    parts = cash_plan.made_of(book).set_index("part")["in_all"]
    assert parts.to_dict() == pytest.approx(
        {"open_orders": 70, "new_sales": 840, "goods_received": -40, "goods_ordered": -20, "new_purchases": -304, "payroll": -200,
         "overheads": -100, "promotion_and_delivery": -91}
    )  # fmt: skip
    assert parts.sum() == pytest.approx(frame["net"].sum())
    left = cash_plan.runway(book)
    assert left["reserve_months"] == pytest.approx(1000 / 150) and np.isnan(left["dry_week"])
    assert left["weeks"] == np.inf
    values = cash_plan.plan_metrics(book).set_index(["level", "entity", "metric"])["value"]
    assert values["company", "company", "cash_in_13_weeks"] == pytest.approx(1000 + 13 * 35 - 300)
    assert values["company", "company", "net_cash_of_13_weeks"] == pytest.approx(155)


def test_the_week_in_which_it_runs_dry(tmp_path):
    book = open_book(steady(tmp_path, payroll=1100), "2025-06")
    left = cash_plan.runway(book)
    # 1000 + 5 × 35 − 1150 = 25 after five weeks; 25 + 4 × 35 − 1150 < 0 after nine.
    assert (left["dry_week"], left["dry_week_low"]) == (9, 9)
    net = (13 * 35 - 2 * 1150) / 13
    assert left["weeks"] == pytest.approx(1000 / -net)
    assert "the money runs out in week 9" in cash_plan.runway_said(book)
    assert cash_plan.plan_metrics(book).set_index(["level", "metric"])["value"]["company", "runway_days"] == pytest.approx(7000 / -net)


def test_what_moves_the_bank_and_stands_in_no_table(tmp_path):
    # April and June explain 300 − 120 − 30 − 150 = 0, May 310 − 124 − 31 − 150 = 5; 30 more left the bank in each.
    balances = "2025-03-31,bank,1000\n2025-04-30,bank,970\n2025-05-31,bank,945\n2025-06-30,bank,915\n"
    book = open_book(steady(tmp_path, balances=balances), "2025-06")
    rest = cash_plan.unexplained(book, DAY)
    assert rest[["explained", "unexplained"]].values.tolist() == pytest.approx(np.array([[0, -30], [5, -30], [0, -30]]))
    assert cash_plan.made_of(book).set_index("part")["in_all"]["unexplained"] == pytest.approx(-60)
    assert cash_plan.plan(book)["balance"].iloc[-1] == pytest.approx(915 + 155 - 60)
    assert cash_plan.unexplained(book, pd.Timestamp("2025-06-29")).empty  # two whole months are too few


def test_without_purchases_what_is_sold_is_bought_again(tmp_path):
    costs = "product_id,valid_from,unit_cost\nP,2025-01-01,6\n"
    book = open_book(steady(tmp_path, **{"purchases.csv": "", "product_costs.csv": costs}), "2025-06")
    assert cash_plan.made_of(book).set_index("part")["in_all"]["goods_replaced"] == pytest.approx(-6 * 91)
    assert "no table purchases" in cash_plan.made_said(book)
    store = open_book(steady(tmp_path / "store", **{"product_costs.csv": costs}), "2025-06", "S")
    assert "goods_replaced" in cash_plan.made_of(store)["part"].tolist() and "payroll" not in cash_plan.made_of(store)["part"].tolist()
    assert cash_plan.plan(store)["balance"].iloc[-1] == pytest.approx(91 * (10 - 6 - 1))  # from nothing: the bank is the company's
    assert np.isnan(cash_plan.runway(store)["balance"]) and "Without the bank's balance" in cash_plan.runway_said(store)


def test_what_is_older_than_any_payout_is_not_counted_on_and_an_old_bill_is_due_at_once(tmp_path):
    never = "999,1,2025-05-20,S,market,P,1,500\n"
    owed = "P,2025-04-01,2025-04-02,,1,77\n"
    path = steady(tmp_path)
    for name, line in (("order_lines.csv", never), ("purchases.csv", owed)):
        with open(f"{path}/{name}", "a", encoding="utf-8") as file:
            file.write(line)
    book = open_book(path, "2025-06")
    parts = cash_plan.expected(book, DAY)
    assert parts["late"].iloc[0] == pytest.approx(500) and parts["open_orders"].sum() == pytest.approx(70)
    assert parts["goods_received"].iloc[0] == pytest.approx(-77 - 4)
    assert "Not counted on: CNY 500" in cash_plan.made_said(book)


def test_too_little_to_project(tmp_path):
    book = open_book(str(folders.write(tmp_path, {"order_lines.csv": folders.ONE_LINE})), "2025-03")
    assert cash_plan.plan(book).empty and cash_plan.made_of(book).empty and cash_plan.backtest(book).empty and cash_plan.trials(book).empty
    assert "no table payouts" in cash_plan.plan_said(book) and cash_plan.runway(book).isna().all()
    short = folders.write(tmp_path / "short", {
        "order_lines.csv": f"{folders.LINES}\n1,1,2025-02-27,S,web,P,1,100\n2,1,2025-02-28,S,web,P,1,100\n",
        "payouts.csv": "paid_on,store,amount\n2025-02-28,S,100\n",
    })  # fmt: skip
    few = open_book(str(short), "2025-02")
    assert len(cash_plan.plan(few)) == 13 and cash_plan.plan(few)["low"].isna().all()
    assert "no range can be given" in cash_plan.plan_said(few)


def test_hazards_against_drawing_lots():
    """Of what is still open after some days, the delays that are longer say when it comes; counted one by one."""
    rng = np.random.default_rng(8)
    delays = rng.integers(0, 12, 400)
    part = cash_plan.delays(pd.Series(delays), pd.Series(np.ones(400)))
    for age in (0, 3, 7):
        came, late = cash_plan.arrivals_of_open(np.array([age]), np.array([1000.0]), part)
        left = delays[delays > age]
        assert late == 0 and came[:12].tolist() == pytest.approx([1000 * np.mean(left - age == k) for k in range(1, 13)])
    assert cash_plan.arrivals_of_open(np.array([11]), np.array([5.0]), part)[1] == 5


def test_the_range_holds_what_chance_does():
    """Weeks of chance around one level: the range at 13 weeks is that of two sums, 13 weeks to come and the mean of 13 that were seen."""

    class Fake:
        scope, missing, memory = "store", {}, {}
        months, month = ["2024-06"], "2025-06"

    rng = np.random.default_rng(3)
    weeks = rng.normal(0, 100, 52)
    moved = pd.DataFrame({"collections": np.repeat(weeks / 7, 7), "goods": 0.0, "running": 0.0, "payroll": 0.0, "overheads": 0.0},
                         index=pd.date_range(end=DAY, periods=364))  # fmt: skip
    book = Fake()
    book.memory[(cash_plan.movements.__wrapped__, 0)] = moved
    error = cash_plan.errors(book, DAY)
    assert error.shape == (2000, 13) and (error == cash_plan.errors(book, DAY)).all()
    assert error[:, 12].std() == pytest.approx(np.sqrt(13 + 13) * weeks.std(), rel=0.25)
    assert abs(error[:, 12].mean()) < 0.1 * error[:, 12].std()
    book.memory[(cash_plan.movements.__wrapped__, 0)] = moved * 0 + 5.0
    assert np.abs(cash_plan.errors(book, DAY)).max() < 1e-9  # weeks that are all the same leave nothing to chance


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


def test_the_past_is_projected_with_what_was_known_then(sample, tmp_path):
    """The sample cut off on a day gives the same projection from that day as the whole sample does."""
    day = "2025-06-30"
    dated = {"order_lines": "ordered_at", "returns": "refunded_on", "payouts": "paid_on", "marketing_spend": "date", "cash_balances": "date",
             "staffing": "month", "overheads": "month", "purchases": "ordered_on", "fx_rates": "date"}  # fmt: skip
    files = {}
    for name, column in dated.items():
        with open(f"data/sample/{name}.csv", encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row[column][:10] <= day]
        for row in rows:
            row |= {later: "" for later in ("received_on", "paid_on") if name == "purchases" and row[later] > day}
        files[f"{name}.csv"] = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"
    cut = open_book(str(folders.write(tmp_path, files)), "2025-06")
    for other in (cash_plan.expected, cash_plan.plan):
        ours, theirs = other(cut, pd.Timestamp(day)), other(sample, pd.Timestamp(day))
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)


def test_the_trial_on_the_sample(sample):
    """Every sum of what came is that of the tables, and the projection is worth having: most trials lie in the range."""
    frame = cash_plan.backtest(sample)
    assert len(frame) == 12 and frame["inside"].sum() >= 7
    row = frame.iloc[-1]
    first, last = row["origin"], row["origin"] + pd.Timedelta(days=91)
    came = sample.sql("select cast(sum(value) as double) as x from receipts where paid_on > $a and paid_on <= $b", a=first, b=last)["x"][0]
    bought = sample.sql("select cast(sum(amount) as double) as x from purchases where paid_on > $a and paid_on <= $b", a=first, b=last)[
        "x"
    ][0]
    spent = sample.sql(
        """select cast(sum(marketing + fulfilment + commissions) filter (day > $a and day <= $b)
                       + sum(payroll + overheads) filter (last_day(day) > $a and last_day(day) <= $b) as double) as x from ledger""",
        a=first, b=last,
    )["x"][0]  # fmt: skip
    assert row["actual"] == pytest.approx(came - bought + spent, abs=0.005)
    assert f"{int(frame['inside'].sum())} of the sums" in cash_plan.backtest_said(sample)


def test_the_sample_s_bank_follows_from_its_tables(sample):
    rest = cash_plan.unexplained(sample, DAY)["unexplained"]
    assert len(rest) == 12 and rest.between(-250_000, -60_000).all()  # drawings every month and a tax each quarter
