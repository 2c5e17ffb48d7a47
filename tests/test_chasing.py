"""Chasing the target: surges of discounts, what comes back, and orders below zero, each worked by hand; and no false alarm by chance."""

import numpy as np
import pandas as pd
import pytest
from folders import write

from helpers.book import open_book
from helpers.team_efficiency import chasing, team

HEAD = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount,discount_amount,unit_cost,employee_id"
TOML = 'name = "Shop"\nreporting_currency = "CNY"\ntimezone = "UTC"\n'


def shop(folder, sales, **tables) -> str:
    """A company folder; sales: (day, employee, discount), each an order of 100 at list price in February 2025, or as dicts by column."""
    rows = []
    for number, sale in enumerate(sales, 1):
        about = {"order_id": f"o{number}", "line_no": 1, "store": "S", "channel": "web", "product_id": "P", "quantity": 1}
        about |= {"gross_amount": 100, "discount_amount": 0, "unit_cost": 50}
        if not isinstance(sale, dict):
            day, who, discount = sale
            sale = {"ordered_at": f"2025-02-{day:02d}", "employee_id": who, "discount_amount": discount}
        rows.append(",".join(str((about | sale).get(column, "")) for column in HEAD.split(",")))
    files = {"order_lines.csv": "\n".join([HEAD, *rows]) + "\n"} | {f"{name}.csv": text for name, text in tables.items()}
    return str(write(folder, files, toml=TOML))


def surge_of(data: str, who: str, month: str = "2025-02") -> pd.Series:
    book = open_book(data, month)
    frame = chasing.surges(book, team.names(book))
    return frame[frame["level"] == "employee"].set_index("entity").loc[who]


MONTH = range(1, 29)
STEADY = [(day, "bob", 10) for day in MONTH]


# ---- surges -------------------------------------------------------------------------------------------------------------------------


def test_a_surge_of_the_last_week_by_hand(tmp_path):
    ann = [(day, "ann", 30 if day > 21 else 10) for day in MONTH]
    told = surge_of(shop(tmp_path / "a", [*ann, *STEADY]), "ann")
    assert told[["orders", "discount_before", "discount_late"]].tolist() == pytest.approx([7, 0.1, 0.3])
    assert told["extra"] == pytest.approx(7 * 20) and told["surge"] == pytest.approx(0.2)
    assert told["says"] == "more than chance gives"


def test_what_the_others_did_as_well_is_no_surge(tmp_path):
    ann = [(day, "ann", 30 if day > 21 else 10) for day in MONTH]
    some = [(day, "bob", 15 if day > 21 else 10) for day in MONTH]
    told = surge_of(shop(tmp_path / "a", [*ann, *some]), "ann")
    assert told["extra"] == pytest.approx(7 * 15)  # 20 more than before, of which the others explain 5
    all_of_it = [(day, "bob", 30 if day > 21 else 10) for day in MONTH]
    assert surge_of(shop(tmp_path / "b", [*ann, *all_of_it]), "ann")["extra"] == pytest.approx(0)


def test_who_only_gives_less_than_the_others_is_not_chasing(tmp_path):
    ann = [(day, "ann", 10) for day in MONTH]
    others = [(day, "bob", 10 if day > 21 else 40) for day in MONTH]
    assert surge_of(shop(tmp_path / "a", [*ann, *others]), "ann")["extra"] == pytest.approx(0)  # against Bob's fall it would be 7 × 30


def test_another_mix_of_channels_is_no_surge(tmp_path):
    # In channel live all give 30 off, in web 10; Ann sells live on the last days. Against her own earlier days she gives 20 more.
    def sale(day, who, channel):
        return {
            "ordered_at": f"2025-02-{day:02d}",
            "employee_id": who,
            "channel": channel,
            "discount_amount": 30 if channel == "live" else 10,
        }

    sales = [sale(day, "ann", "live" if day > 21 else "web") for day in MONTH]
    sales += [sale(day, "bob", channel) for day in MONTH for channel in ("live", "web")]
    told = surge_of(shop(tmp_path / "a", sales), "ann")
    assert (told["discount_late"], told["extra"]) == (pytest.approx(0.3), pytest.approx(0))


def test_a_target_that_is_reached_ends_the_chase(tmp_path):
    # Ann reaches 1400 − discounts on the 14th, with 40 off on the 8th to the 14th, and nothing off before and after.
    ann = [(day, "ann", 40 if 8 <= day <= 14 else 0) for day in MONTH]
    targets = "month,level,entity,metric,target\n2025-02-01,employee,ann,net_sales,1110\n"
    data = shop(tmp_path / "a", [*ann, *STEADY], targets=targets)
    span = chasing.stretches(open_book(data, "2025-02"), "employee", ["2025-02"]).set_index("entity")
    assert span.loc["ann", ["start", "close"]].astype(str).tolist() == ["2025-02-08", "2025-02-14"]
    assert span.loc["bob", ["start", "close"]].astype(str).tolist() == ["2025-02-22", "2025-02-28"]
    told = surge_of(data, "ann")
    assert (told["discount_before"], told["discount_late"], told["extra"]) == (0, pytest.approx(0.4), pytest.approx(7 * 40))


def test_three_of_thirty_are_found_and_nobody_else(tmp_path):
    rng = np.random.default_rng(5)
    sales = []
    for person in range(33):
        for day in MONTH:
            for _ in range(rng.poisson(3)):
                more = 12 if person < 3 and day > 21 else 0
                sales.append((day, f"s{person:02d}", int(rng.integers(0, 25)) + more))
    book = open_book(shop(tmp_path / "a", sales), "2025-02")
    told = chasing.surges(book, team.names(book)).query("level == 'employee'")
    assert sorted(told.loc[told["says"] == "more than chance gives", "entity"]) == ["s00", "s01", "s02"]
    honest = told[told["entity"] > "s02"]
    assert (honest["p_value"] <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(honest))


def test_few_orders_are_marked_and_stand_last(tmp_path):
    data = shop(tmp_path / "a", [*STEADY, *[(day, "bob", 11) for day in MONTH], (3, "ann", 0), (25, "ann", 90)])
    book = open_book(data, "2025-02")
    told = chasing.surges(book, team.names(book))
    assert told.iloc[-1][["entity", "says"]].tolist() == ["ann", "few orders"] and told.iloc[-1]["extra"] == told["extra"].max() == 90
    assert "ann with" not in chasing.read_surges(told, book)


def test_one_day_of_sales_leaves_nothing_to_compare(tmp_path):
    book = open_book(shop(tmp_path / "a", [(5, "ann", 0)]), "2025-02")
    told = chasing.surges(book, team.names(book))
    assert told.empty and "nothing to compare" in chasing.read_surges(told, book)


# ---- what came back -----------------------------------------------------------------------------------------------------------------


def test_what_comes_back_of_the_last_days_by_hand(tmp_path):
    # January: 24 orders before the last week, of which two come back; 7 in it, of which four do; one of them too late to count.
    sales = [{"ordered_at": f"2025-01-{day:02d}", "employee_id": "ann", "order_id": f"j{day}"} for day in range(1, 32)]
    sales += [(1, "ann", 0), (28, "ann", 0)]
    back = [(3, "2025-01-09"), (4, "2025-02-01"), (25, "2025-02-03"), (26, "2025-02-04"), (29, "2025-02-20"), (27, "2025-02-27")]
    returns = "store,order_id,line_no,refunded_on,quantity,refund_amount,restocked\n"
    returns += "".join(f"S,j{day},1,{on},1,100,true\n" for day, on in back)
    book = open_book(shop(tmp_path / "a", sales, returns=returns), "2025-02")
    told = chasing.returned(book, team.names(book)).set_index("entity").loc["ann"]
    # A sale of 30 or 31 January is not 30 days old on 28 February; the 27th is refunded after 31 days.
    assert told["orders"] == 5 and told["sold_late"] == 500
    assert (told["back_before"], told["back_late"]) == (pytest.approx(2 / 24), pytest.approx(3 / 5))
    assert told["cost"] == pytest.approx((3 / 5 - 2 / 24) * 500)
    assert "60.0% came back to ann against 8.3%" in chasing.read_returned(chasing.returned(book, team.names(book)), book)


def test_without_returns_nothing_is_said_about_them(tmp_path):
    book = open_book(shop(tmp_path / "a", STEADY), "2025-02")
    told = chasing.returned(book, team.names(book))
    assert told.empty and chasing.read_returned(told, book).startswith("No earlier month")


# ---- orders below zero --------------------------------------------------------------------------------------------------------------


def test_orders_below_zero_by_hand(tmp_path):
    sales = [(1, "ann", 0), (2, "ann", 50), (3, "ann", 60), (25, "ann", 70)]  # 50 of goods each: +50, 0, −10, −20
    sales += [{"ordered_at": "2025-02-26", "employee_id": "ann", "unit_cost": "", "discount_amount": 90}]  # nobody knows
    sales += [
        {"ordered_at": "2025-02-27", "employee_id": "ann", "order_id": "two", "line_no": n, "unit_cost": cost}
        for n, cost in ((1, ""), (2, 150))
    ]
    book = open_book(shop(tmp_path / "a", sales), "2025-02")
    told = chasing.below_zero(book, team.names(book)).set_index("entity").loc["ann"]
    assert told[["orders", "below", "share", "share_late", "sold", "lost"]].tolist() == pytest.approx([4, 2, 0.5, 1, 70, -30])
    assert told["discount"] == pytest.approx(130 / 200) and told["mark"] == "few orders"
    assert "2 of 4 orders with a known cost were sold below zero and lost CNY 30" in chasing.read_below_zero(
        chasing.below_zero(book, team.names(book)), book
    )


def test_orders_of_unknown_cost_are_never_below_zero(tmp_path):
    sales = [{"ordered_at": "2025-02-26", "employee_id": "ann", "unit_cost": "", "discount_amount": 100}]
    book = open_book(shop(tmp_path / "a", sales), "2025-02")
    told = chasing.below_zero(book, team.names(book))
    assert told.empty and chasing.read_below_zero(told, book).startswith("No order here has a known cost")


# ---- the sample ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    return open_book("data/sample", "2025-12")


def test_the_discounter_stands_first_below_zero(sample):
    told = chasing.below_zero(sample, team.names(sample))
    people = told[told["level"] == "employee"]
    assert people["entity"].iloc[0] == "E02" and people["lost"].iloc[0] < 3 * people["lost"].iloc[1]
    assert people["share"].iloc[0] > 0.5 and people["discount"].iloc[0] > 0.4
    lost = sample.order_sums("employee_id", "l.month = $month and kind = 'sale' and l.employee_id = 'E02'", month="2025-12")
    known = sample.order_sums(
        "employee_id", "l.month = $month and kind = 'sale' and l.employee_id = 'E02' and uncosted_sales = 0", month="2025-12"
    )
    assert people["orders"].iloc[0] <= lost["orders"].sum() and people["lost"].iloc[0] == pytest.approx(
        known.loc[known["contribution"] < 0, "contribution"].sum()
    )


@pytest.mark.parametrize("month", ["2025-03", "2025-11", "2025-12"])
def test_nobody_in_the_sample_surges(month):
    book = open_book("data/sample", month)
    assert "more than chance gives" not in set(chasing.surges(book, team.names(book))["says"])


def test_names_are_masked_in_every_frame(sample):
    who, people = team.names(sample, True), set(team.names(sample, True).index)
    for frame in (chasing.surges(sample, who), chasing.returned(sample, who), chasing.below_zero(sample, who)):
        mine = frame[frame["level"] == "employee"]
        assert len(mine) and mine["who"].str.fullmatch("[A-L]").all() and set(mine["entity"]) <= people
