"""The sample company: the same bytes every time, every table of the contract, every planted story found and nothing else."""

import csv
import tomllib

import pandas as pd
import pytest

from helpers import sample
from helpers.book import open_book
from helpers.contract import TABLES
from helpers.decisions import decide
from helpers.facts import LEVELS, facts
from helpers.ratios import margins

KEY = tomllib.loads((sample.FOLDER / "answer_key.toml").read_text(encoding="utf-8"))
STORIES = {story["id"]: story for story in KEY["story"]}
# what a reader of the issue expects to be planted, whatever the generator says
WANTED = {
    "bestseller_at_a_loss", "margin_decay", "dead_stock", "fast_and_thin", "slow_and_fat", "splendid_roas", "simpson",
    "discounts_to_the_target", "eases_off", "oversold", "payouts_that_never_came", "part_timers", "too_few_orders", "returns_of_november",
    "promised_twice", "from_the_air", "month_with_a_surplus",
}  # fmt: skip


@pytest.fixture(scope="module")
def book():
    return open_book(str(sample.FOLDER), KEY["month"], KEY["scope"])


@pytest.fixture(scope="module")
def decisions(book):
    return decide(book)


@pytest.fixture(scope="module")
def values():
    """Facts of a level in a month, indexed by entity; each computed once."""
    known, books = {}, {}

    def of(level: str, month: str) -> pd.DataFrame:
        if (level, month) not in known:
            books.setdefault(month, open_book(str(sample.FOLDER), month, KEY["scope"]))
            known[level, month] = facts(books[month], level).set_index("entity")
        return known[level, month]

    return of


def test_the_generator_writes_the_same_bytes_again(tmp_path):
    sample.write(tmp_path)
    stored = {path.name: path.read_bytes() for path in sample.FOLDER.iterdir()}
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written.keys() == stored.keys()
    assert [name for name in stored if stored[name] != written[name]] == []


def test_every_table_of_the_contract_is_there_with_all_its_columns():
    for name, table in TABLES.items():
        with open(sample.FOLDER / f"{name}.csv", encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [column.name for column in table.columns], name
        assert rows, name
    assert sum(path.stat().st_size for path in sample.FOLDER.iterdir()) < 4_000_000


def test_the_data_dictionary_names_every_table_and_column():
    text = (sample.FOLDER / "README.md").read_text(encoding="utf-8")
    for name, table in TABLES.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert all(f"| `{column.name}` |" in section for column in table.columns), name


def test_only_the_broken_rows_are_set_aside(book):
    rows = book.sql("select split_part(file, '.', 1) as \"table\", count(*) as n from set_aside group by 1 order by 1")
    assert dict(zip(rows["table"], rows["n"], strict=True)) == {"fx_rates": 1, "order_lines": 7, "returns": 2}


def test_the_company_is_sound(book, values):
    company = values("company", KEY["month"]).loc["company"]
    assert company["operating_profit"] > 0
    assert 0.98 < company["cost_coverage"] < 1
    assert len(book.months) == 24 and len(book.stores) == 3
    # nothing but what was planted stands near the line of what fires
    products, channels = values("product", KEY["month"]), values("channel", KEY["month"])
    ordinary = products[~products.index.isin({story["entity"] for story in KEY["story"]} | {"unallocated"})]
    assert ordinary["gross_margin"].between(0.32, 0.60).all()
    assert (ordinary["contribution"] / ordinary["net_sales"]).gt(0.05).all()
    assert ordinary["inventory_days"].between(20, 50).all()
    assert channels.drop("livestream")["promotion_share"].between(0.08, 0.145).all()


def test_what_the_issue_wants_is_planted():
    assert STORIES.keys() >= WANTED


@pytest.mark.parametrize("rule", KEY["verdicts"])
def test_a_rule_fires_where_it_should_and_nowhere_else(decisions, rule):
    fired = decisions[decisions["rule"] == rule]
    assert sorted(fired["entity"]) == KEY["fires"][rule]
    assert set(fired["verdict"]) <= {KEY["verdicts"][rule]}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_found(decisions, values, name):
    story = STORIES[name]
    fired = decisions[(decisions["entity"] == story["entity"]) & (decisions["level"] == story["level"])].set_index("rule")["confidence"]
    assert {rule: fired.get(rule) for rule in story.get("find", {})} == story.get("find", {})
    assert not set(fired.index) & set(story.get("never", []))
    for month, numbers in story.get("numbers", {}).items():
        for metric, (low, high) in numbers.items():
            value = values(story["level"], month).loc[story["entity"], metric]
            assert low - 1e-9 <= value <= high + 1e-9, f"{metric} of {month} is {value}"
    for metric, place in story.get("rank", {}).items():
        ranks = values(story["level"], KEY["month"])[metric].rank(ascending=False)
        assert ranks[story["entity"]] == place


def test_the_fast_product_returns_more_capital_than_the_slow_one(values):
    products = values("product", KEY["month"])
    fast, slow = (products.loc[STORIES[name]["entity"]] for name in ("fast_and_thin", "slow_and_fat"))
    assert fast["gross_margin"] < slow["gross_margin"]
    assert fast["gmroi"] > 2 * slow["gmroi"] and fast["return_on_capital"] > 2 * slow["return_on_capital"]


def test_every_channel_falls_while_the_company_rises(book):
    months = ["2025-11", "2025-12"]
    by_channel = margins(book.ladder(["channel", "month"], months)).pivot(index="channel", columns="month", values="gross_margin")
    company = margins(book.ladder(["month"], months)).set_index("month")["gross_margin"]
    change = by_channel["2025-12"] - by_channel["2025-11"]
    assert len(change.dropna()) == 5 and change.dropna().max() < -0.005
    assert company["2025-12"] - company["2025-11"] > 0.005


def test_the_busiest_team_is_the_dear_one_and_the_smallest_brings_little(book):
    year = [month for month in book.months if month.startswith("2025")]
    teams = book.ladder(["team"], year).set_index("team").drop("unassigned")
    assert teams["net_sales"].idxmax() == STORIES["busy_and_dear"]["entity"]
    assert teams["contribution"].idxmin() == teams["net_sales"].idxmin() == STORIES["part_timers"]["entity"]


def test_december_pays_back_november(book):
    refunds = book.sql(
        """select strftime(cast(l.ordered_at as date), '%Y-%m') as sold_in, cast(sum(r.refund_amount) as double) as amount
           from returns r join order_lines l using (store, order_id, line_no)
           where l.product_id = $product and strftime(r.refunded_on, '%Y-%m') = $month group by 1""",
        product=STORIES["returns_of_november"]["entity"], month=KEY["month"],
    ).set_index("sold_in")["amount"]  # fmt: skip
    assert refunds["2025-11"] > 0.8 * refunds.sum()


def test_what_the_marketplace_owes_is_known_to_the_cent(decisions):
    owed = {f"{order['store']}/{order['order_id']}": float(order["missing"]) for order in KEY["unpaid"]}
    found = decisions[decisions["rule"] == "payout_mismatch"].set_index("entity")["value"]
    assert {entity: round(-value, 2) for entity, value in found.items()} == owed


def test_levels_of_the_stories_exist():
    assert {story["level"] for story in KEY["story"]} <= LEVELS.keys()
