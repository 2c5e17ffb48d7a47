"""Returns: a shop worked out by hand, a published triangle, and sums that must be the ledger's."""

import pandas as pd
import pytest
from folders import write

from helpers.book import open_book
from helpers.stock_and_fulfilment import returned

HEAD = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,discount_amount,platform_fee,fulfilment_cost,unit_cost,currency"
FILES = {
    "order_lines.csv": "\n".join([
        HEAD,
        "1,1,2025-02-20,A,web,P,4,420,20,20,12,50,",
        "2,1,2025-03-02,A,web,Q,1,100,0,5,6,,",  # nobody knows what Q costs
        "3,1,2025-03-20,B,live,P,2,30,0,3,4,10,EUR",
        "4,1,2025-03-25,B,live,P,1,100,0,10,8,50,",
    ]),
    "returns.csv": "\n".join([
        "store,order_id,line_no,requested_on,refunded_on,quantity,refund_amount,restocked,handling_cost,fee_refunded,reason,currency",
        "A,1,1,2025-03-01,2025-03-05,2,200,false,5,4,broken,",
        "A,2,1,2025-03-08,2025-03-10,1,100,false,2,,,",
        "B,3,1,,2025-03-31,1,15,true,1,1.5,late,EUR",
        "B,4,1,2025-03-28,2025-03-31,0,30,false,,,broken,",  # money without goods
        "A,1,1,2025-04-01,2025-04-02,1,100,true,5,,broken,",  # after the month
    ]),
    "shipments.csv": "store,order_id,shipped_at,carrier\nA,1,2025-02-21,Fast\nB,3,2025-03-21,Slow\n",
    "fx_rates.csv": "date,currency,rate\n2025-01-01,EUR,8\n2025-03-25,EUR,9\n",
    "products.csv": "product_id,name,category\nP,Pot,kitchen\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return open_book(str(write(tmp_path_factory.mktemp("returns") / "shop", FILES)), "2025-03")


def test_what_a_return_costs_in_full(shop):
    told = returned.returns_by(shop, "reason").set_index("entity")
    # order 1: half of the line: 6 of shipping, 2 × 50 of goods lost, 10 of fee less 4 back; order 4: 30 of 100 gone, 3 of its fee stays
    broken = told.loc["broken", list(returned.COSTS)]
    assert broken.tolist() == pytest.approx([230, 5, 6, 100, 6 + 3])
    assert told.loc["broken", ["full_cost", "beyond"]].tolist() == pytest.approx([350, 120])
    # order 2: the goods are lost, and nobody knows what they cost
    assert told.loc["not given", [*returned.COSTS, "not_costed"]].tolist() == pytest.approx([100, 2, 6, 0, 5, 1])
    # order 3: euros at 8, the rate of the order's day: back on the shelf, and the fee came back
    assert told.loc["late", list(returned.COSTS)].tolist() == pytest.approx([120, 8, 16, 0, 0])
    assert told["share"].sum() == pytest.approx(1) and told["returns"].sum() == 4 and told["units"].sum() == 4


def test_every_dimension_holds_the_same_returns(shop):
    for dimension in returned.DIMENSIONS:
        told = returned.returns_by(shop, dimension)
        assert told["full_cost"].sum() == pytest.approx(350 + 113 + 144), dimension
    assert returned.returns_by(shop, "carrier").set_index("entity")["returns"].to_dict() == {"Fast": 1, "not known": 2, "Slow": 1}
    assert returned.returns_by(shop, "age")["entity"].tolist() == ["up to 7 days", "8 to 14 days"]
    with pytest.raises(ValueError, match="not a dimension of returns"):
        returned.returns_by(shop, "colour")


def test_the_parts_and_the_days(shop):
    parts = returned.full_cost(shop).set_index("part")
    assert parts.loc["full cost", ["amount", "per_return"]].tolist() == pytest.approx([607, 607 / 4])
    waited = returned.refund_days(shop).set_index("store")
    assert waited.loc["A", ["refunds", "known", "mean_days"]].tolist() == [2, 2, 3] and waited.loc[
        "B", ["refunds", "known", "mean_days"]
    ].tolist() == [2, 1, 3]


def test_it_is_the_ledger_s_money(shop):
    for book in (shop, open_book("data/sample", "2025-12"), open_book("data/sample", "2025-06", "us-shop")):
        back = book.sql(
            """select -cast(sum(refunds) as double) as refunds, -cast(sum(fulfilment) as double) as handling
               from ledger where kind = 'return' and month = $month and {scope}""",
            month=book.month,
        ).iloc[0]
        told = returned.returns_by(book, "product_id")
        assert (
            told["refund"].sum() == pytest.approx(back["refunds"], abs=0.005) == pytest.approx(-book.ladder()["refunds"].sum(), abs=0.005)
        )
        assert told["handling"].sum() == pytest.approx(back["handling"], abs=0.005)
        if not told["not_costed"].sum():  # goods of the returns: what went back to stock + what was written down = all
            goods = book.sql(
                """select cast(sum(-s.cogs / s.quantity * r.quantity) as double) as all_goods,
                          cast(sum(-s.cogs / s.quantity * r.quantity) filter (r.restocked) as double) as restocked
                   from returns r join (select * from ledger where kind = 'sale' and {scope}) s using (store, order_id, line_no)
                   where r.refunded_on between $first and $last""",
                first=book.first_day.date(), last=book.last_day.date(),
            ).iloc[0]  # fmt: skip
            assert told["write_down"].sum() == pytest.approx(goods["all_goods"] - goods["restocked"], abs=0.005)
            cogs = book.sql(
                "select cast(sum(cogs) as double) as c from ledger where kind = 'return' and month = $month and {scope}", month=book.month
            )["c"][0]
            assert goods["restocked"] == pytest.approx(cogs, abs=0.005)


# ---- maturity ----------------------------------------------------------------------------------------------------------------------

TAYLOR_ASHE = [  # cumulative claims, Taylor and Ashe (1983), the triangle of Mack (1993)
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]


def test_the_published_factors_and_the_published_reserve():
    cohorts = pd.DataFrame(
        [(year, age, value) for year, row in enumerate(TAYLOR_ASHE) for age, value in enumerate(row)], columns=["month", "age", "refunded"]
    )
    told = returned.factors(cohorts).set_index("age")
    assert told["factor"].round(3).tolist()[:9] == [3.491, 1.747, 1.457, 1.174, 1.104, 1.086, 1.054, 1.077, 1.018]
    latest = cohorts.sort_values("age").groupby("month").last()
    reserve = (latest["refunded"] * latest["age"].map(told["to_go"]) - latest["refunded"]).sum()
    assert reserve == pytest.approx(18_680_856, abs=1)


def test_recent_months_by_hand(tmp_path):
    """January sold 1000 and gave 50 back at once, 50 a month later; February 1000, 30 so far. To come: 30."""
    lines = ["order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,unit_cost"]
    lines += ["1,1,2025-01-05,A,web,P,10,1000,60", "2,1,2025-02-05,A,web,P,10,1000,60"]
    back = ["store,order_id,line_no,refunded_on,quantity,refund_amount,restocked,handling_cost"]
    back += ["A,1,1,2025-01-20,1,50,true,4", "A,1,1,2025-02-10,1,50,false,4", "A,2,1,2025-02-25,1,30,true,2"]
    write(tmp_path / "shop", {"order_lines.csv": "\n".join(lines), "returns.csv": "\n".join(back)})
    book = open_book(str(tmp_path / "shop"), "2025-02")
    told = returned.matured(book).set_index("month")
    assert told.loc["2025-01", ["age", "refunded", "factor", "to_come"]].tolist() == [1, 100, 1, 0]
    assert told.loc["2025-02", ["age", "refunded", "rate", "factor", "expected", "expected_rate", "to_come"]].tolist() == pytest.approx(
        [0, 30, 0.03, 2, 60, 0.06, 30]
    )
    assert told.loc["2025-02", ["net_sales", "net_sales_expected"]].tolist() == [970, 940]
    # 130 of refunds cost 130 + 10 of handling − 2 × 60 of goods back on the shelf
    assert told.loc["2025-02", "contribution_to_come"] == pytest.approx(-30 * (130 + 10 - 120) / 130)
    assert returned.store_returns(book).iloc[0][["store", "sales", "refunded", "expected_rate"]].tolist() == pytest.approx(
        ["A", 2000, 130, 0.08]
    )


def test_the_triangle_of_the_sample_holds_all_its_refunds():
    book = open_book("data/sample", "2025-12")
    told = returned.triangle(book)
    last = told.sort_values("age").groupby(["store", "month"]).last()
    all_time = book.ladder(months=book.months)
    assert last["refunded"].sum() == pytest.approx(-all_time["refunds"].sum(), abs=0.005)
    assert last["sales"].sum() == pytest.approx(all_time[["gross_sales", "discounts", "shipping_income"]].sum(axis=1).sum(), abs=0.005)


def test_an_old_month_seen_early_was_told_well():
    """What the factors said about each month on its last day, held against what became of it."""
    early, late = [], []
    final = returned.matured(open_book("data/sample", "2025-12")).set_index("month")["refunded"]
    for month in ("2025-06", "2025-07", "2025-08", "2025-09"):
        told = returned.matured(open_book("data/sample", month)).set_index("month")
        early.append(told.loc[month, "expected"])
        late.append(final[month])
        assert told.loc[month, "refunded"] < 0.6 * final[month]  # without the factor more than 40 % would be missing
    assert sum(early) == pytest.approx(sum(late), rel=0.15)


def test_without_returns_there_is_nothing_to_show(tmp_path):
    write(tmp_path / "bare", {"order_lines.csv": f"{HEAD}\n1,1,2025-03-01,S,web,P,1,100,,,,,\n"})
    book = open_book(str(tmp_path / "bare"), "2025-03")
    assert returned.returns_by(book, "reason").empty and returned.full_cost(book).empty and returned.refund_days(book).empty
    assert returned.matured(book).empty and returned.store_returns(book).empty and returned.development(book).empty  # unknown is not zero
