"""Fulfilment: four orders followed by hand, carriers that differ by construction, and what was planted in the sample."""

import pandas as pd
import pytest
from folders import LINES, write

from helpers.book import open_book
from helpers.stock_and_fulfilment import fulfilment

FILES = {
    "order_lines.csv": "\n".join([
        f"{LINES},fulfilment_cost,region",
        "1,1,2025-03-03 08:00:00,A,web,P,1,100,5,North", "1,2,2025-03-03 08:00:00,A,web,Q,1,100,3,North",
        "2,1,2025-03-04 10:00:00,A,web,P,1,100,7,North",
        "3,1,2025-03-30 09:00:00,A,web,Q,1,50,2,",
        "4,1,2025-03-31 09:00:00,A,web,Q,1,60,2,South",
        "5,1,2025-03-31 10:00:00,B,web,Q,1,60,2,South",
    ]),
    "shipments.csv": "\n".join([
        "store,order_id,shipped_at,delivered_at,promised_by,carrier,cost",
        "A,1,2025-03-03 20:00:00,2025-03-05 20:00:00,2025-03-06 00:00:00,Fast,4",
        "A,1,2025-03-04 08:00:00,2025-03-06 08:00:00,2025-03-06 00:00:00,Slow,3",  # its second parcel comes too late
        "A,2,2025-03-05 10:00:00,2025-03-06 10:00:00,2025-03-07 00:00:00,Fast,6",
        "A,3,2025-03-30 12:00:00,,2025-03-31 12:00:00,,",  # promised by the last day and not there
    ]),
    "reviews.csv": "store,order_id,line_no,reviewed_on,rating\nA,1,1,2025-03-10,2\nA,1,,2025-03-10,3\nA,2,,2025-03-11,5\nA,9,,2025-03-12,4\n",
    "returns.csv": "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\nA,1,2,2025-03-20,1,100,true\n",
    "products.csv": "product_id,name\nP,Pot\nQ,Quill\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return open_book(str(write(tmp_path_factory.mktemp("parcels") / "shop", FILES)), "2025-03")


def test_hours_lateness_and_cost_by_hand(shop):
    told = fulfilment.speed(shop).set_index(["store", "carrier"])
    fast = told.loc[("A", "Fast")]
    assert fast[["orders", "delivered", "promised", "late"]].tolist() == [2, 2, 2, 1]
    assert fast["processing_hours"] == (12 + 24) / 2  # to the first parcel
    assert fast["transit_hours"] == (60 + 24) / 2  # from the first parcel to the last delivery
    assert fast["parcel_cost"] == ((4 + 3) + 6) / 2 and fast["fulfilment"] == (8 + 7) / 2
    unnamed = told.loc[("A", "not named")]
    assert unnamed[["orders", "delivered", "promised", "late", "late_share"]].tolist() == [1, 0, 1, 1, 1.0] and pd.isna(
        unnamed["parcel_cost"]
    )
    assert told.loc[("A", "not shipped"), "orders"] == 1 and told.loc[("B", "not known"), "orders"] == 1
    whole = fulfilment.speed(shop, ("store",)).set_index("store")
    assert whole.loc["A", ["orders", "late_share"]].tolist() == [4, 2 / 3]
    paid = -shop.ladder()["fulfilment"].sum()
    assert (whole["fulfilment"] * whole["orders"]).sum() == pytest.approx(paid) == 21


def test_what_has_not_left_yet(shop):
    told = fulfilment.waiting(shop)
    assert told.values.tolist() == [["A", 1, 0, 60.0]]  # of B no parcel is known, so nothing can be said about it


def test_praise_by_everything(shop):
    assert fulfilment.praise(shop, "store")[["ratings", "praised"]].values.tolist() == [[4, 2]]
    by_product = fulfilment.praise(shop, "product").set_index("entity")["ratings"]
    assert by_product.to_dict() == {"P": 2, "unallocated": 2}  # order 1 has two products, order 9 is unknown
    assert fulfilment.praise(shop, "delivery").set_index("entity")["rate"].to_dict() == {"late": 0.0, "on time": 1.0, "not known": 1.0}
    assert fulfilment.praise(shop, "goods").set_index("entity")["rate"].to_dict() == {"sent back": 0.0, "kept": 1.0}
    assert fulfilment.praise(shop, "carrier").set_index("entity")["ratings"].to_dict() == {"Fast": 3, "not known": 1}


def lane_shop(folder, late_for=()):
    """Forty parcels each of four carriers, to the same place: Dear takes 48 ± 1 hours at 20, Cheap 49 ± 1 at 10, Slow 80 at 8, Bad 48 at 5 and late."""
    lines, parcels = [f"{LINES},region"], ["store,order_id,shipped_at,delivered_at,promised_by,carrier,cost"]
    for n in range(40):
        for carrier, hours, cost, late in (("Dear", 48, 20, 0), ("Cheap", 49, 10, 0), ("Slow", 80, 8, 0), ("Bad", 48, 5, 1)):
            day, wobble = f"2025-03-{1 + n % 20:02d}", (-1) ** n
            lines.append(f"{carrier}{n},1,{day},A,web,P,1,100,North")
            arrived = pd.Timestamp(f"{day} 12:00") + pd.Timedelta(hours=hours + wobble)
            promised = arrived + pd.Timedelta(hours=-1 if late and n % 2 else 100)
            parcels.append(f"A,{carrier}{n},{day} 12:00:00,{arrived},{promised},{carrier},{cost + wobble}")
    return write(folder, {"order_lines.csv": "\n".join(lines), "shipments.csv": "\n".join(parcels)})


def test_only_a_carrier_that_is_as_fast_and_as_punctual_is_named(tmp_path):
    book = open_book(str(lane_shop(tmp_path / "lanes")), "2025-03")
    told = fulfilment.cheaper(book).set_index("carrier")
    assert told["instead"].to_dict() == {"Dear": "Cheap"}  # Slow is cheaper still, Bad the cheapest
    assert told.loc["Dear", "saving"] == pytest.approx(40 * 10 / 3)


def test_the_planted_lanes_are_found():
    book = open_book("data/sample", "2025-12")
    told = fulfilment.cheaper(book)
    assert set(told["instead"]) == {"中通 ZTO"} and not set(told["region"]) & {"West", "US-East", "US-West"}
    late = fulfilment.speed(book).set_index(["store", "carrier"])["late_share"]
    assert late["us-shop", "USPS"] > 0.5 > 0.2 > late["us-shop", "UPS"]
    said = fulfilment.praise(book, "delivery").set_index("entity")
    assert said.loc["late", "high"] < said.loc["on time", "low"]


def test_orders_and_costs_are_the_ledger_s():
    for scope in ("company", "us-shop"):
        book = open_book("data/sample", "2025-11", scope)
        told = fulfilment.speed(book)
        assert told["orders"].sum() == book.ladder()["orders"].sum()
        sent = book.sql(
            "select -cast(sum(fulfilment) as double) as paid from ledger where kind = 'sale' and month = $month and {scope}",
            month=book.month,
        )
        assert (told["fulfilment"] * told["orders"]).sum() == pytest.approx(sent["paid"][0], abs=0.005)


def test_without_parcels_and_ratings(tmp_path):
    write(tmp_path / "bare", {"order_lines.csv": f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"})
    book = open_book(str(tmp_path / "bare"), "2025-03")
    assert fulfilment.speed(book)["carrier"].tolist() == ["not known"]
    for frame in (fulfilment.waiting(book), fulfilment.lanes(book), fulfilment.cheaper(book), fulfilment.praise(book, "delivery")):
        assert frame.empty
    assert fulfilment.yardstick(book)["ratings"].tolist() == [0]
