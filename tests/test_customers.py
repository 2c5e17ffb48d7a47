"""Customers by hand: who stands in which segment when a month begins, and that nothing is lost between segments and company."""

import random
from datetime import date, timedelta

import companies
import oracle
import pytest
from test_channels import SPEND

from helpers import customers
from helpers.book import open_book
from helpers.contract import LINES, SUBTOTALS
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


def check_customers(book):
    """What each customer brought adds up to the segments, line by line."""
    wanted = ["net_sales", "uncosted_sales", "cm2", "marketing", "commissions"]
    sums = ", ".join(f"cast(sum({name}) as double) as {name}" for name in wanted)
    each = book.sql(f"select month, segment, {sums} from customer_months where {{scope}} group by all").set_index(["month", "segment"])
    months = sorted({month for month, _ in each.index})  # in some there may be refunds alone
    segments = book.ladder(["month", "segment"], months).set_index(["month", "segment"]).drop("unallocated", level="segment")
    assert each.sort_index()[wanted].values.tolist() == [
        pytest.approx(row, abs=1e-9) for row in segments.sort_index()[wanted].values.tolist()
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
