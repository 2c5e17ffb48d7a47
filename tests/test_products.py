"""Products: the bridge to the cent, gates and their evidence, ages, and what obeying the gates would have done."""

from pathlib import Path

import companies
import pandas as pd
import pytest

from helpers import decisions, ledger, products
from helpers.book import open_book

HAND = str(Path(__file__).parent / "hand" / "company")

# January: A earns 40 a unit on the web and 20 live (10 units each), B 60 a unit (10 units at 20 USD × 7.0, cost 80 CNY), C 60 on its only
# unit, E has no cost yet. February: A's cost rises from 60 to 65, the dollar to 7.2, C is gone, D is new, E has a cost.
SMALL = {
    "order_lines": """order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,discount_amount,shipping_income,currency
1,1,2025-01-10,S,web,A,10,1000,,,
2,1,2025-01-11,S,live,A,10,800,,,
3,1,2025-01-12,S,web,B,10,200,,,USD
4,1,2025-01-13,S,web,C,1,100,,,
5,1,2025-01-14,S,web,E,1,50,,,
6,1,2025-02-10,S,web,A,5,550,50,,
7,1,2025-02-11,S,live,A,15,1200,,,
8,1,2025-02-12,S,web,B,12,240,,10,USD
9,1,2025-02-13,S,web,D,1,100,,,
10,1,2025-02-14,S,web,E,2,100,,,
""",
    "returns": "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nS,1,1,2025-02-20,1,100,true\n",
    "product_costs": """product_id,valid_from,unit_cost
A,2025-01-01,60
A,2025-02-01,65
B,2025-01-01,80
C,2025-01-01,40
D,2025-01-01,30
E,2025-02-01,20
""",
    "products": "product_id,name,launched_on\nA,tea,2024-11-05\nB,cup,\nC,pot,\nD,jar,2025-02-01\nE,lid,\n",
    "marketing_spend": "date,store,channel,amount,kind,product_id\n2025-02-05,S,web,90,ads,A\n2025-02-06,S,web,60,ads,\n",
    "fx_rates": "date,currency,rate\n2025-01-01,USD,7.0\n2025-02-01,USD,7.2\n",
}


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "CACHE", tmp_path_factory.mktemp("cache"))
        yield


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    settings = 'name = "Small"\nreporting_currency = "CNY"\n[policy.product]\nmin_gross_margin = 0.35\n'
    (folder / "company.toml").write_text(settings, encoding="utf-8")
    for name, text in SMALL.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def february(small):
    return open_book(small, "2025-02")


def steps_of(bridge: pd.DataFrame, entity: str | None = None) -> dict[str, float]:
    rows = bridge if entity is None else bridge[bridge["entity"] == entity]
    return {step: round(amount, 9) for step, amount in rows[list(products.BRIDGE)].sum().items() if round(amount, 9)}


def test_the_bridge_worked_by_hand(february):
    bridge = products.bridge(february)
    assert bridge["before"].sum() == pytest.approx(600 + 600 + 60)
    assert bridge["after"].sum() == pytest.approx(175 + 225 + 840 + 70 + 60 - 40)
    # U = 1200 / 30 = 40. B: 2 units more, 60 a unit. A: 20 units as before, but 15 of them live (20 a unit) and 5 on the web (40), mean 30.
    assert steps_of(bridge, "B") == {"volume": 80, "mix": 40, "shipping": 70, "exchange_rate": 50}
    assert steps_of(bridge, "A") == {"channel_mix": -100, "price": 50, "discounts": -50, "cost": -100, "returns": -40}
    assert steps_of(bridge, "C") == {"lost": -60}
    assert steps_of(bridge, "D") == {"new": 70}
    assert steps_of(bridge, "E") == {"coverage": 60}
    assert sum(steps_of(bridge).values()) == pytest.approx(70)


def test_the_bridge_of_the_ten_lines():
    # February: 2 of P1 with 120 of profit, 60 a unit. March: 7 of P1 with no cell but A's web in both months.
    bridge = products.bridge(open_book(HAND, "2025-03"))
    assert steps_of(bridge) == {"volume": 300, "price": 10, "discounts": -80, "cost": -35, "new": 255, "returns": -150}
    assert (bridge["before"].sum(), bridge["after"].sum()) == pytest.approx((120, 420))


@pytest.mark.parametrize("seed", range(300, 305))
def test_the_bridge_adds_up_on_any_company(tmp_path, seed):
    companies.write_company(tmp_path, seed)
    months = open_book(str(tmp_path), "latest").months
    for month in months:
        for scope in ("company", open_book(str(tmp_path), month).stores[0]):
            book = open_book(str(tmp_path), month, scope)
            bridge = products.bridge(book)
            if not book.before():
                assert bridge.empty
                continue
            change = bridge["after"] - bridge["before"]
            assert (bridge[list(products.BRIDGE)].sum(axis=1) - change).abs().max() < 1e-6 or bridge.empty
            for column, ladder in (("after", book.ladder()), ("before", book.before().ladder())):
                assert bridge[column].sum() == pytest.approx(ladder["gross_profit"].sum(), abs=1e-6)
            assert products.bridge_steps(bridge)["amount"].sum() == pytest.approx(change.sum(), abs=0.005)


def test_the_same_month_twice_moves_nothing():
    month = pd.DataFrame({"store": "s", "channel": ["a", "b"], "product_id": "p", "quantity": [2.0, 3.0], "gross_sales": [20.0, 45.0]})
    month = month.assign(discounts=[-2.0, 0.0], shipping_income=[0.0, 1.0], cogs=[-8.0, -12.0], profit=[10.0, 34.0])
    assert not products.decompose(month, month).to_numpy().any()
    assert products.decompose(month, month.iloc[:0])["one_sided"].tolist() == [-44]


def test_obeying_last_months_gate_worked_by_hand(february):
    # In January only A was below 35 % (600 of 1800). In February it brought 175 + 225 without the refund of a January sale, less its own
    # ads of 90; the ads without a name are paid anyway.
    obeyed = products.obeyed(february)
    assert obeyed[["rule", "entity", "net_sales", "brought", "change"]].values.tolist() == [["low_gross_margin", "A", 1700, 310, -310]]
    obedience = products.obedience(february)
    assert obedience["gate"].tolist() == ["low gross margin", "any of them"]
    # The others keep (840 + 70 + 60) of (1800 + 100 + 100): 0.485 of what buyers would spend on them.
    assert obedience["pays_if"].tolist() == pytest.approx([310 / (1700 * 0.485)] * 2)


def test_the_first_month_has_nothing_before_it(small):
    book = open_book(small, "2025-01")
    assert products.bridge(book).empty and products.obeyed(book).empty and products.obedience(book).empty
    assert products.bridge_steps(products.bridge(book)).empty
    assert products.steps(book)["change"].isna().all()


def test_gates_agree_with_the_decisions(february):
    for rule in ("low_gross_margin", "loss_maker"):
        fired = products.product_decisions(february).query("rule == @rule").set_index("entity")
        failed = products.gate(february, rule).query("outcome == 'fails'").set_index("entity")
        assert sorted(failed.index) == sorted(fired.index)
        for column in ("low", "high", "money_at_stake"):
            assert failed[column].to_dict() == pytest.approx(fired[column].to_dict())
        assert failed["confidence"].to_dict() == fired["confidence"].to_dict()
    assert products.gate(february, "slow_stock").empty  # there is no inventory


def test_few_orders_are_close(february):
    margin = products.gate(february, "low_gross_margin").set_index("entity")
    assert margin.loc["D", "gross_margin"] == pytest.approx(0.7)
    assert (margin["orders"] < 5).all() and (margin["confidence"] == "close").all()
    assert set(products.overview(february)["evidence"]) == {"few orders"}


def test_goods_without_a_cost_are_not_judged(small):
    book = open_book(small, "2025-01")
    assert "E" not in set(products.gate(book, "low_gross_margin")["entity"])
    assert products.uncosted(book).values.tolist() == [["E", "lid", 50, 0, 0, 50]]


def test_ages_are_told_only_where_the_data_reach_back(february):
    ages = products.by_age(february).set_index("age")
    # tea was launched three months ago, jar this month; cup and lid were on sale when the data began, so that nobody knows.
    assert ages["products"].to_dict() == {"under 3 months": 1, "3 to 5 months": 1, "not known": 2}
    assert ages.loc["under 3 months", "gross_margin"] == pytest.approx(0.7)
    assert ages["contribution"].sum() == pytest.approx(products.overview(february)["contribution"].sum())
    life = products.life(february)
    assert life[["name", "month_of_life"]].values.tolist() == [["tea", 3], ["tea", 4], ["jar", 1]]
    assert life["gross_margin"].tolist() == pytest.approx([600 / 1800, 360 / 1600, 0.7])  # 1700 less the refund of 100; 400 less 40


def test_products_and_what_belongs_to_none_add_up(february):
    whole = february.ladder()["contribution"].sum()
    assert products.overview(february)["contribution"].sum() + products.unplaced(february) == pytest.approx(whole)
    assert products.whale(products.overview(february)["contribution"])["kept"] == pytest.approx(whole)


def test_ranks_break_ties_by_order_and_gain_is_negative():
    goods = pd.DataFrame({"entity": ["a", "b", "c"], "net_sales": [5.0, 5.0, 1.0], "contribution": [1.0, 2.0, 3.0]})
    ranked = products.reversals(goods).set_index("entity")
    assert ranked["sales_rank"].to_dict() == {"a": 1, "b": 2, "c": 3}
    assert ranked["ranks_lost"].to_dict() == {"a": 2, "b": 0, "c": -2}


def test_stop_loss_has_each_product_once():
    book = open_book("data/sample", "latest")
    stops, fired = products.stop_loss(book), products.product_decisions(book).query("verdict == 'stop_loss'")
    assert sorted(stops["entity"]) == sorted(set(fired["entity"]))
    for _, stop in stops.iterrows():
        mine = fired[fired["entity"] == stop["entity"]]
        assert stop["money_at_stake"] == mine["money_at_stake"].max()
        assert (stop["confidence"] == "clear") == (mine["confidence"] == "clear").any()
        now = decisions.products(book).set_index("entity").loc[stop["entity"], "gross_margin"]
        assert stop[book.month] == pytest.approx(now, nan_ok=True)
