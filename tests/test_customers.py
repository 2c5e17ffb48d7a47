"""Customers by hand: who stands in which segment when a month begins, and that nothing is lost between segments and company."""

import math
import random
from dataclasses import replace
from datetime import date, timedelta

import companies
import oracle
import pytest
from test_channels import SPEND

from helpers import buyers
from helpers.book import open_book
from helpers.contract import LINES, SUBTOTALS
from helpers.customers import customers
from helpers.decisions import decide
from helpers.metrics import metrics

LINE = ["order_id", "line_no", "ordered_at", "store", "channel", "product_id", "quantity", "gross_amount", "unit_cost", "commission",
        "customer_id", "status"]  # fmt: skip
BACK = ["store", "order_id", "line_no", "refunded_on", "quantity", "refund_amount", "restocked"]


def company(folder, lines, settings="", **tables):
    """A company folder. lines: (customer, day, gross, cost, store, status), the last three as needed; other tables: (header, rows)."""
    folder.mkdir()
    (folder / "company.toml").write_text(f'name = "Hand & Co"\nreporting_currency = "CNY"\ntimezone = "UTC"\n{settings}')
    rows = []
    for number, (customer, day, gross, *more) in enumerate(lines, 1):
        cost, store, status = [*more, *["", "S", ""][len(more) :]]
        rows.append([number, 1, day, store, "web", "P", 1, gross, cost, "", customer, status])
    companies.write_table(folder / "order_lines.csv", LINE, rows)
    for name, (header, rows) in tables.items():
        companies.write_table(folder / f"{name}.csv", header, rows)
    return str(folder)


# July 2025: the year is 2024-07-01 to 2025-06-30, and a last purchase from 2 April on is recent (90 days that end with 30 June).
STANDING = {
    "two, one of them on the last day": (["2025-01-10", "2025-06-30"], "champions", 300),
    "two small ones": (["2025-05-01", "2025-06-01"], "loyal", 10),
    "just recent": (["2024-08-01", "2025-04-02"], "loyal", 10),
    "just not": (["2024-08-01", "2025-04-01"], "at_risk", 10),
    "one in the year, one before": (["2023-06-15", "2025-06-15"], "promising", 10),
    "twice on a day": (["2025-06-15", "2025-06-15"], "promising", 10),
    "one, long ago": (["2025-01-01"], "cooling", 10),
    "on the year's first day": (["2024-07-01"], "cooling", 10),
    "a day before it": (["2024-06-30"], "lapsed", 10),
    "nothing yet": ([], "new", 10),
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """Each customer also buys for 7 in July; one more only gives back then; one had cancelled before; 40 come from nobody."""
    lines = [(who, day, amount) for who, (days, _, amount) in STANDING.items() for day in days]
    lines += [("twice on a day, in two stores", day, 10, "", store) for day in ["2025-06-15"] for store in ("S", "T")]
    lines += [("gives back", "2025-06-20", 50), ("cancelled once", "2025-06-20", 50, "", "S", "cancelled")]
    july = [*STANDING, "twice on a day, in two stores", "cancelled once"]
    lines += [(who, "2025-07-03", 7) for who in july] + [("", "2025-07-04", 40), ("nothing yet", "2025-07-20", 1)]
    number = [who for who, *_ in lines].index("gives back") + 1
    back = BACK, [["S", number, 1, "2025-07-09", 1, 20, "false"]]
    folder = company(tmp_path_factory.mktemp("c") / "c", lines, returns=back)
    return open_book(folder, "2025-07")


def test_each_stands_where_the_definition_puts_them(standing):
    found = standing.sql("select distinct customer_id, segment from ledger where month = '2025-07' and customer_id <> ''")
    expected = {who: segment for who, (_, segment, _) in STANDING.items()}
    expected |= {"twice on a day, in two stores": "loyal", "gives back": "promising", "cancelled once": "new"}
    assert dict(zip(found["customer_id"], found["segment"], strict=True)) == expected


def test_the_month_is_booked_to_where_they_stood(standing):
    sales = standing.ladder(["segment"]).set_index("segment")["net_sales"].to_dict()
    assert sales == {
        "champions": 7,
        "loyal": 21,
        "at_risk": 7,
        "promising": 14 - 20,
        "cooling": 14,
        "lapsed": 7,
        "new": 15,
        "unallocated": 40,
    }
    assert set(sales) == set(customers.SEGMENTS)


def test_a_champion_spends_at_least_twice_the_mean(tmp_path):
    # The year: a spends 40, four others 20, 20, 10 and 10; the mean of the five is 20. One who bought before the year is not counted.
    lines = [("old", "2023-01-01", 5), *[("a", day, 20) for day in ("2025-06-01", "2025-06-02")], ("b", "2025-06-01", 20)]
    lines += [("c", "2025-06-01", 20), ("d", "2025-06-01", 10), ("e", "2025-06-01", 10), ("a", "2025-07-01", 1)]
    for cent, segment in ((0, "champions"), (0.01, "loyal")):
        book = open_book(company(tmp_path / segment, [*lines, ("b", "2025-06-30", cent)]), "2025-07")
        assert book.ladder(["segment"])["segment"].tolist() == [segment]
    book = open_book(company(tmp_path / "lax", lines, "[policy.customer]\nchampion_spend = 3.0\n"), "2025-07")
    assert book.ladder(["segment"])["segment"].tolist() == ["loyal"]


def random_lines(rng: random.Random) -> list[tuple]:
    """Six customers, and nobody, over three years in bursts, so that they lapse, return and climb."""
    lines = []
    for who in ["", "", *"abcdef"]:
        day = date(2023, 1, 1) + timedelta(rng.randrange(300))
        while day < date(2025, 12, 31):
            lines.append((who, day.isoformat(), f"{rng.uniform(1, 90):.2f}", rng.choice(["", 3, 20]), rng.choice("ST")))
            day += timedelta(rng.choice([0, 0, 3, 30, 89, 90, 91, 120, 200, 420]))
    return lines


@pytest.mark.parametrize("seed", range(4))
def test_segments_agree_with_the_reference_and_add_up_to_the_company(tmp_path, seed):
    rng = random.Random(seed)
    lines = random_lines(rng)
    some = rng.sample(range(len(lines)), len(lines) // 4)
    back = [
        [lines[i][4], i + 1, 1, (date.fromisoformat(lines[i][1]) + timedelta(rng.choice([1, 40]))).isoformat(), 1, 1, "true"] for i in some
    ]
    months = sorted({line[1][:7] for line in lines})
    spend = [[f"{month}-05", rng.choice("ST"), rng.choice(["web", "idle"]), 9.99, "ads", "", ""] for month in months]
    folder = company(tmp_path / "c", lines, returns=(BACK, back), marketing_spend=(SPEND, spend))
    reference = oracle.View(oracle.read(folder), "company").ledger
    expected = {(row["customer_id"], f"{row['day']:%Y-%m}"): row["segment"] for row in reference if row["customer_id"]}
    found = open_book(folder, "latest").sql("select distinct customer_id, month, segment from ledger where customer_id <> ''")
    assert {(row.customer_id, row.month): row.segment for row in found.itertuples()} == expected
    assert set(expected.values()) >= {"new", "loyal", "promising", "at_risk", "cooling", "lapsed"}
    for scope in ("company", "S"):
        book = open_book(folder, "latest", scope)
        parts, whole = book.ladder(["month", "segment"], months).groupby("month").sum(numeric_only=True), book.ladder(["month"], months)
        for column in (*LINES, *SUBTOTALS, "quantity", "orders"):
            assert parts[column].tolist() == pytest.approx(whole[column].tolist(), abs=1e-9), (scope, column)
        check_customers(book)
        for month in months[12:]:
            check_at_risk(open_book(folder, month, scope) if month == months[12] else replace(book, month=month, memory={}))


def check_at_risk(book):
    """The rule's fact of a month, which reads the year alone, is what the standing of all customers says."""
    frame = book.sql(f"select now, cast(year_contribution as double) as brought from {buyers.standing(book)}")
    frame = frame[frame["now"].isin(["champions", "loyal", "at_risk"])]
    fact, away = buyers.at_risk(book), frame[frame["now"] == "at_risk"]
    assert len(fact) == (len(frame) > 0)
    for row in fact.itertuples():
        assert (row.customers, row.at_risk_share) == (len(frame), pytest.approx(len(away) / len(frame)))
        assert row.expected_contribution == pytest.approx(away["brought"].sum() / 12, abs=1e-9)


def check_customers(book):
    """What each customer brought adds up to the segments, line by line."""
    wanted = ["net_sales", "uncosted_sales", "cm2", "marketing", "commissions"]
    sums = ", ".join(f"cast(sum({name}) as double) as {name}" for name in wanted)
    each = book.sql(f"select month, segment, {sums} from customer_months where {{scope}} group by all").set_index(["month", "segment"])
    months = sorted({month for month, _ in each.index})  # in some there may be refunds alone
    segments = book.ladder(["month", "segment"], months).set_index(["month", "segment"]).drop("unallocated", level="segment")
    assert each.sort_index()[wanted].values.tolist() == [
        pytest.approx(row, abs=1e-4) for row in segments.sort_index()[wanted].values.tolist()  # each line's marketing has 6 places
    ]


def test_customers_of_the_sample_add_up_to_its_segments():
    check_customers(open_book("data/sample", "2025-12"))
    check_customers(open_book("data/sample", "2025-12", "us-shop"))


def test_attainment_by_segment(tmp_path):
    lines = [("a", "2025-06-01", 10), ("a", "2025-07-01", 30), ("b", "2025-07-01", 50), ("c", "2025-07-02", 40), ("", "2025-07-02", 5)]
    header = ["month", "level", "entity", "metric", "target"]
    rows = [["2025-07", "segment", name, metric, target] for name, metric, target in [
        ("promising", "net_sales", 60), ("new", "new_customers", 8), ("new", "orders", 4), ("loyal", "net_sales", 10)]]  # fmt: skip
    frame = metrics(open_book(company(tmp_path / "c", lines, targets=(header, rows)), "2025-07"))
    values = frame[frame["level"] == "segment"].set_index(["entity", "metric"])["value"]
    assert values["promising", "attainment"] == 0.5 and values["loyal", "attainment"] == 0  # nobody is loyal yet
    assert values["new", "attainment_new_customers"] == 0.25 and values["new", "attainment_orders"] == 0.5
    assert values["unallocated", "net_sales"] == 5


# ---- the month's customers: counts, movement, who is watched, concentration -------------------------------------------------------


def test_new_and_returning_customers_add_up(standing):
    frame = customers.kinds(standing, 1).set_index("kind")
    # in July: 9 who had bought before, two shops' one and nobody else return; "nothing yet" and "cancelled once" are new
    assert frame["customers"].fillna(-1).to_dict() == {"new": 2, "returning": 10, customers.NO_ID: -1}
    assert frame["net_sales"].to_dict() == {"new": 15, "returning": 70 - 20, customers.NO_ID: 40}
    assert frame["net_sales"].sum() == standing.ladder()["net_sales"][0]
    assert customers.kind_rows(customers.kinds(standing, 1))["repeat_rate"].tolist() == [pytest.approx(10 / 12)]


def test_who_moved_where(standing):
    """Everybody bought on 3 July but who only gives back, so all have bought lately when July is over."""
    moved = {(row.was, row.now): row.customers for row in customers.moves(standing).itertuples()}
    frame = customers.flows(customers.moves(standing)).set_index("segment")
    assert sum(moved.values()) == 13 == frame["ended"].sum()
    assert moved["lapsed", "promising"] == 1  # one purchase in the year again
    # "one in the year, one before" has two by now, and so have all who had one; "gives back" has one
    assert ("promising", "promising") in moved and moved["promising", "promising"] == 1
    assert frame.loc["at_risk", ["began", "came", "went", "ended"]].tolist() == [1, 0, 1, 0]
    assert (frame["began"] + frame["came"] - frame["went"] - frame["ended"]).abs().sum() == 0


@pytest.mark.parametrize("seed", range(2))
def test_where_customers_stand_agrees_with_the_reference(tmp_path, seed):
    rng = random.Random(seed)
    lines = random_lines(rng)
    back = [[lines[i][4], i + 1, 1, (date.fromisoformat(lines[i][1]) + timedelta(9)).isoformat(), 1, 1, "true"] for i in range(0, 40, 3)]
    folder = company(tmp_path / "c", lines, returns=(BACK, back))
    rows = oracle.View(oracle.read(folder), "company").ledger
    for month in open_book(folder, "latest").months[10::9]:
        book = open_book(folder, month)
        found = book.sql(f"select customer_id, was, now from {buyers.standing(book)} order by 1")
        ids = sorted(
            {row["customer_id"] for row in rows if row["customer_id"] and row["kind"] == "line" and oracle.month_of(row["day"]) <= month}
        )
        assert found["customer_id"].tolist() == ids
        assert found["was"].tolist() == [oracle.segment(rows, who, month) for who in ids]
        assert found["now"].tolist() == [oracle.segment(rows, who, oracle.shift(month, 1)) for who in ids]


def year_of_five(folder, settings="", **tables):
    """December 2025. a: 3 purchases, the last in May; b: 2, in March; c: October and November; d: one in January 2025; e: one in
    December 2024, f: in December 2024 and now; each earns what it is sold for, less a cost of 3."""
    lines = [("a", "2025-03-01", 103), ("a", "2025-04-01", 103), ("a", "2025-05-01", 103), ("b", "2025-02-01", 27), ("b", "2025-03-01", 27),
             ("c", "2025-10-10", 63), ("c", "2025-11-11", 63), ("d", "2025-01-15", 15), ("e", "2024-12-15", 39), ("f", "2024-12-10", 9),
             ("f", "2025-12-24", 33), ("", "2025-12-24", 8)]  # fmt: skip
    return company(folder, [(who, day, gross, 3) for who, day, gross in lines], settings, **tables)


def test_who_is_at_risk_lost_and_won_back(tmp_path):
    header = ["customer_id", "tier", "source"]
    book = open_book(year_of_five(tmp_path / "c", customers=(header, [["a", "distributor", "fair"], ["c", "", "fair"]])), "2025-12")
    frame = customers.watched(book).set_index("who")
    assert frame["customers"].to_dict() == {"at risk": 2, "of them since this month": 0, "lost": 1, "won back": 1}
    assert frame.loc["at risk", "a_month"] == pytest.approx((300 + 48) / 12)
    assert frame.loc["lost", "a_month"] == pytest.approx(36 / 12)  # e, whose last purchase is a year ago
    assert frame.loc["won back", "this_month"] == pytest.approx(30)  # f had cooled
    tiers = customers.watched(book, "tier").set_index(["who", "group"])["customers"]
    assert tiers["at risk", "distributor"] == 1 and tiers["at risk", "none named"] == 1
    fact = buyers.at_risk(book).iloc[0]
    assert (fact["customers"], fact["at_risk_share"]) == (3, pytest.approx(2 / 3))  # a, b and c came back within the year; f has one in it
    assert fact["expected_contribution"] == pytest.approx(29)
    groups = customers.groups(book, "source").set_index("group")
    assert groups["contribution"].to_dict() == {"fair": 0, "none named": 30, customers.NO_ID: 5}
    assert groups.loc["fair", "usual"] == pytest.approx((300 + 120) / 8)  # the eight months of the twelve before that have sales


def test_concentration_of_the_year(tmp_path):
    frame = customers.concentration(open_book(year_of_five(tmp_path / "c"), "2025-12")).set_index("part")
    # a 300, c 120, b 48, f 30, d 12 in the year; e bought before it
    assert frame["customers"].to_dict() == {"best 1%": 1, "best 5%": 1, "best 10%": 1, "best 20%": 1, "best 50%": 3, "all": 5, "losing": 0}
    assert frame["contribution"].tolist() == [300, 300, 300, 300, 468, 510, 0]
    assert frame.loc["best 20%", "share"] == pytest.approx(300 / 510)


@pytest.mark.parametrize("scope", ["company", "us-shop"])
def test_the_sample_adds_up_to_the_cent(scope):
    book = open_book("data/sample", "2025-12", scope)
    whole = book.ladder().iloc[0]
    for frame in (customers.segments(book), customers.groups(book, "tier"), customers.groups(book, "source"), customers.kinds(book, 1)):
        assert frame["contribution"].sum() == pytest.approx(whole["contribution"], abs=1e-6)
        assert frame["net_sales"].sum() == pytest.approx(whole["net_sales"], abs=1e-6)


def test_without_customer_ids_nothing_breaks(tmp_path):
    book = open_book(company(tmp_path / "c", [("", "2025-07-01", 10)]), "latest")
    assert "customer_id" in buyers.no_ids_said(book) and buyers.at_risk(book).empty
    for said in (customers.kinds_said(book, customers.kinds(book)), customers.segments_said(book, customers.segments(book)),
                 customers.concentration_said(book, customers.concentration(book)), customers.flows_said(customers.flows(customers.moves(book))),
                 customers.watched_said(book, customers.watched(book))):  # fmt: skip
        assert said
    assert customers.groups(book, "tier")["group"].tolist() == [customers.NO_ID]


@pytest.mark.parametrize("cost", ["", 8])
def test_goods_of_unknown_cost_are_no_loss_for_sure(tmp_path, cost):
    spend = (SPEND, [["2025-07-01", "S", "web", 5, "ads", "", ""]])
    book = open_book(company(tmp_path / "c", [("a", "2025-07-01", 10, cost)], marketing_spend=spend), "2025-07")
    found = customers.segments(book).set_index("segment").loc["new"]
    assert (found["contribution"], found["uncosted_sales"]) == ((-5, -10) if cost == "" else (-3, 0))
    assert ("A loss was made with new" in customers.segments_said(book, customers.segments(book))) == (cost == 8)
    said = customers.concentration_said(book, customers.concentration(book))
    assert "1 customer cost more than they brought" in said and ("goods of unknown cost as if" in said) == (cost == "")


def test_the_rule_fires_with_what_is_at_stake(tmp_path):
    """Two of the three who came back stay away; they brought 348 in twelve months. So few that the interval holds the line."""
    row = decide(open_book(year_of_five(tmp_path / "c"), "2025-12"), "customers").iloc[0]
    assert (row["rule"], row["level"], row["entity"], row["verdict"]) == ("customers_at_risk", "segment", "at_risk", "win_back")
    assert (row["value"], row["threshold"], row["money_at_stake"]) == (pytest.approx(2 / 3), 0.25, pytest.approx(29))
    assert (row["sample_size"], row["confidence"]) == (3, "close")
    lax = year_of_five(tmp_path / "lax", settings="[policy.customer]\nmax_at_risk_share = 0.7\n")
    assert decide(open_book(lax, "2025-12"), "customers").empty
    assert decide(open_book(year_of_five(tmp_path / "new"), "2025-04"), "customers").empty  # nobody has stayed away for three months yet


def test_the_line_itself_passes(tmp_path):
    lines = [(who, day, 20, 3) for who in "abcd" for day in (["2025-01-05", "2025-02-05"] if who == "a" else ["2025-11-05", "2025-12-05"])]
    book = open_book(company(tmp_path / "c", lines), "2025-12")
    assert buyers.at_risk(book)["at_risk_share"].tolist() == [0.25] and decide(book, "customers").empty


def test_customers_in_the_file_of_metrics(tmp_path):
    spend = SPEND, [["2025-12-20", "S", "web", 10, "ads", "", ""]]
    frame = metrics(open_book(year_of_five(tmp_path / "c", marketing_spend=spend), "2025-12"))
    values = frame.set_index(["level", "entity", "metric"])["value"]
    assert values["company", "company", "customers"] == 1 and values["company", "company", "new_customers"] == 0
    assert values["company", "company", "repeat_rate"] == 1 and math.isnan(values["company", "company", "cac"])
    assert values["segment", "at_risk", "members"] == 2 and values["segment", "at_risk", "at_risk_share"] == pytest.approx(2 / 3)
    assert values["segment", "at_risk", "net_sales"] == 0 and values["segment", "cooling", "customers"] == 1
    first = metrics(
        open_book(year_of_five(tmp_path / "d", marketing_spend=(SPEND, [["2024-12-20", "S", "web", 10, "ads", "", ""]])), "2024-12")
    )
    values = first.set_index(["level", "entity", "metric"])["value"]
    assert (
        values["channel", "web", "new_customers"] == 2 and values["channel", "web", "cac"] == 5 and values["store", "S", "repeat_rate"] == 0
    )
