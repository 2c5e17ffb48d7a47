"""Amazon's reports: the sample company read back to the cent, and each trap worked out by hand."""

import functools
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from folders import write

from helpers import sample
from helpers.company import open_company
from helpers.contract import LINES, TABLES, BadInput
from helpers.files import stored
from helpers.ledger import prepare
from helpers.sample_exports import amazon, write_table

OUTLET, FLAGSHIP, US = "cn-outlet", "cn-flagship", "us-shop"


def read(folder: Path, query: str) -> list[tuple]:
    """A query over the prepared tables of a company folder."""
    made = prepare(open_company(str(folder)))
    with duckdb.connect() as con:
        for name in [*TABLES, "ledger", "set_aside", "loads", "amounts", "source_totals", "source_notes"]:
            con.execute(f"create view {name} as from {stored(made / name)}")
        return con.execute(query).fetchall()


# ---- the round trip --------------------------------------------------------------------------------------------------------------


@functools.cache
def tables() -> dict[str, list[dict]]:
    return sample.build()[0]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """The marketplace channel of the sample company as Amazon's reports of all 24 months."""
    folder = tmp_path_factory.mktemp("amazon")
    amazon.write(tables(), folder, sample.MONTHS)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The same as finished tables, without what Amazon's reports can't know: employees, buyers and campaigns; products of ads in a
    settlement; regions in a settlement; the fees of orders that are not paid yet, and where nothing but settlements is read those
    orders themselves; goods put back to stock where no report of returns is read."""
    folder = tmp_path_factory.mktemp("finished")
    lines = [line for line in tables()["order_lines"] if line["channel"] == "marketplace"]
    channel = {(line["store"], line["order_id"]): line for line in lines}
    paid = {(one["store"], one["order_id"]) for one in tables()["payouts"] if one.get("order_id")}
    sold, back = [], []
    for line in lines:
        settled = (line["store"], line["order_id"]) in paid or line["store"] == FLAGSHIP
        if settled or line["store"] == US:
            unknown = dict.fromkeys(("employee_id", "customer_id", "campaign_id"), "")
            unknown |= {} if settled else {"platform_fee": "", "fulfilment_cost": ""}
            if line["store"] == US:  # free shipping is an income and a promotion of the same amount
                unknown |= {"shipping_income": "3.99", "discount_amount": str(Decimal(line["discount_amount"] or 0) + Decimal("3.99"))}
            sold.append(line | unknown | ({"region": ""} if line["store"] == OUTLET else {}))
    for one in tables()["returns"]:
        key = (one["store"], one["order_id"])
        if key in channel and one["refunded_on"] and (key in paid or one["store"] != OUTLET):
            unknown = {"restocked": "false"} if one["store"] == OUTLET else {}
            unpaid = {"refund_amount": "0", "fee_refunded": "", "handling_cost": ""} if one["store"] == US and key not in paid else {}
            back.append(one | unknown | unpaid)
    spend = [
        one | {"campaign_id": "", "product_id": one.get("product_id", "") if one["store"] == US else ""}
        for one in tables()["marketing_spend"] if one["channel"] == "marketplace"
    ]  # fmt: skip
    overheads = [
        {"month": month, "store": US, "category": category, "amount": amount, "currency": "USD"}
        for month in sample.MONTHS for category, amount in (("FBA storage", "25.00"), ("Amazon account", "39.99"))
    ]  # fmt: skip
    stock = [one | {"reserved": "", "incoming": ""} for one in tables()["inventory"] if one["store"] == US]
    (folder / "company.toml").write_text('name = "The same"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    changed = {"order_lines": sold, "returns": back, "marketing_spend": spend, "overheads": overheads, "inventory": stock,
               "payouts": [one for one in tables()["payouts"] if one.get("order_id")]}  # fmt: skip
    for name, rows in (tables() | changed).items():
        if name in (*changed, "products", "product_costs", "fx_rates"):
            write_table(folder, name, rows)
    return folder


SUMS = ", ".join(f"sum({line})" for line in (*LINES, "quantity"))
NOT_NOTHING = " or ".join(f"sum({line}) <> 0" for line in (*LINES, "quantity"))
LEDGER = f"select day, store, channel, product_id, region, {SUMS} from ledger group by all having {NOT_NOTHING} order by all"


def test_the_ledger_is_the_same_from_amazons_reports_and_from_finished_tables(exported, finished):
    ours, theirs = read(exported, LEDGER), read(finished, LEDGER)
    assert len(theirs) > 6000
    assert ours == theirs


def test_categories_of_overheads_payouts_by_order_and_stock_are_the_same(exported, finished):
    for query in (
        "select month, store, category, amount, currency from overheads order by all",
        "select paid_on, store, channel, order_id, sum(amount), currency from payouts where order_id is not null group by all order by all",
        "select date, store, product_id, on_hand, reserved, incoming from inventory order by all",
    ):
        assert read(exported, query) == read(finished, query)


def test_every_record_has_its_place_and_every_total_is_explained(exported):
    rows = read(exported, "select file, rows_in, loaded, set_aside, repeated from loads where table_name like 'amazon%'")
    assert len(rows) > 60
    assert all(came == loaded + aside + repeated and not aside for _, came, loaded, aside, repeated in rows)
    assert sum(repeated for *_, repeated in rows) > 100  # each export begins three days before its quarter
    assert {amount for (amount,) in read(exported, "select amount from source_totals where part = 'difference'")} == {0}


def test_payouts_add_up_to_the_deposits(exported):
    deposits = sum(
        Decimal(line.split("\t")[4].replace(",", "."))
        for file in sorted((exported / "exports" / "outlet").iterdir())
        for line in file.read_text("cp1252").splitlines()[1:] if line.split("\t")[4]
    )  # fmt: skip
    assert read(exported, "select sum(amount) from payouts where store = 'cn-outlet'") == [(deposits,)]


def test_the_short_payment_and_the_missing_ones_are_found(exported):
    """The sample's marketplace owes eight orders and 20 dollars of a ninth; what a store's reports can show of it is shown."""
    query = "select order_id from order_lines anti join payouts using (store, order_id) where store = 'cn-flagship' and ordered_at < '2025-12-01' group by 1"
    unpaid = {one["order_id"] for one in sample.build()[1] if one["store"] == FLAGSHIP}
    assert {order for (order,) in read(exported, query)} == unpaid
    what = "select what, amount from source_totals where source like '%us-shop%' and what like 'settled above%'"
    assert read(exported, what) == [("settled above (+) or below (−) the price in All Orders", Decimal(-20))]


def test_the_examples_are_the_same_bytes_each_time(tmp_path, exported):
    amazon.write(tables(), tmp_path, sample.MONTHS[-1:])
    amazon.write(sample.build()[0], tmp_path / "again", sample.MONTHS[-1:])
    files = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file() and "again" not in path.parts]
    assert len(files) == 13 and sum((tmp_path / path).stat().st_size for path in files) < 400_000
    assert all((tmp_path / path).read_bytes() == (tmp_path / "again" / path).read_bytes() for path in files)


# ---- settlements, worked out by hand ---------------------------------------------------------------------------------------------

TOML = 'name = "Shop"\nreporting_currency = "USD"\ntimezone = "America/Los_Angeles"\n'
JUNE = "2025-06-09 05:23:19 UTC"  # the evening of the 8th in Los Angeles


def source(adapter: str, files: str = "exports/*", store: str = "us", more: str = "") -> str:
    return f'[[sources]]\nadapter = "{adapter}"\nfiles = "{files}"\nstore = "{store}"\n{more}\n'


def settlement(
    *rows: tuple, number: str = "11", total: str | None = None, currency: str = "USD", comma: bool = False, first: bool = True
) -> str:
    """A settlement: rows of type, order, SKU, amount-type, amount-description, amount and, if need be, time and quantity."""
    added = total or str(sum(Decimal(row[5]) for row in rows if row[0] != "Transfer"))
    lines = (
        [{"settlement-id": number, "deposit-date": "2025-06-17 00:00:00 UTC", "total-amount": added, "currency": currency}] if first else []
    )
    for kind, order, sku, amount_type, what, amount, *more in rows:
        lines.append({"settlement-id": number, "transaction-type": kind, "order-id": order, "sku": sku, "amount-type": amount_type, "amount-description": what,
                      "amount": amount, "posted-date": "09/06/25", "posted-date-time": (more or [JUNE])[0], "quantity-purchased": (more or ["", ""])[1]})  # fmt: skip
    text = "".join("\t".join(line.get(name, "") for name in amazon.SETTLEMENT) + "\n" for line in lines)
    return "\t".join(amazon.SETTLEMENT) + "\n" + (text.replace(".", ",") if comma else text)


def sale(order: str, sku: str = "A", principal: str = "40.00", fee: str = "-6.00", units: str = "2", when: str = JUNE) -> list[tuple]:
    return [
        ("Order", order, sku, "ItemPrice", "Principal", principal, when, units),
        ("Order", order, sku, "ItemFees", "Commission", fee, when, units),
    ]


def differences(folder: Path) -> set:
    return {amount for (amount,) in read(folder, "select amount from source_totals where part = 'difference'")}


def elsewhere(folder: Path) -> dict:
    return dict(read(folder, "select what, amount from source_totals where part = 'elsewhere'"))


FULL = (
    ("Order", "111-1", 'A"1', "ItemPrice", "Principal", "40.00", JUNE, "2"),
    ("Order", "111-1", 'A"1', "ItemPrice", "Tax", "3.20", JUNE, "2"),
    ("Order", "111-1", 'A"1', "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", "-3.20", JUNE, "2"),
    ("Order", "111-1", 'A"1', "ItemPrice", "Shipping", "5.00", JUNE, "2"),
    ("Order", "111-1", 'A"1', "Promotion", "Shipping", "-5.00", JUNE, "2"),
    ("Order", "111-1", 'A"1', "ItemFees", "Commission", "-6.00", JUNE, "2"),
    ("Order", "111-1", 'A"1', "ItemFees", "FBAPerUnitFulfillmentFee", "-7.00", JUNE, "2"),
    ("Refund", "111-1", 'A"1', "ItemPrice", "Principal", "-20.00", "2025-06-12 20:00:00 UTC", ""),
    ("Refund", "111-1", 'A"1', "ItemFees", "Commission", "3.00", "2025-06-12 20:00:00 UTC", ""),
    ("Refund", "111-1", 'A"1', "ItemFees", "RefundCommission", "-0.60", "2025-06-12 20:00:00 UTC", ""),
    ("ServiceFee", "", "", "Cost of Advertising", "TransactionTotalAmount", "-8.00"),
    ("other-transaction", "", "", "other-transaction", "Subscription Fee", "-39.99"),
    ("FBAFees", "", "", "FBA Inventory Storage Fee", "Base fee", "-10.00"),
    ("FBAFees", "", "", "FBA Inventory Storage Fee - Reversal", "Base fee", "1.00"),
    ("FBAFees", "", "", "FBA Inventory Storage Fee", "Tax on fee", "-1.90"),
    ("other-transaction", "", 'A"1', "FBA Inventory Reimbursement", "WAREHOUSE_LOST", "4.00"),
    ("other-transaction", "", "", "other-transaction", "Current Reserve Amount", "-5.00"),
    ("other-transaction", "", "", "other-transaction", "Previous Reserve Amount Balance", "50.00"),
    ("Transfer", "", "", "", "", "-8.51"),
)


def test_each_amount_of_a_settlement_has_its_column(tmp_path):
    """The total is 40 − 5 + 5 − 6 − 7 − 20 + 3 − 0.60 − 8 − 39.99 − 10 + 1 − 1.90 + 4 − 5 + 50 = −0.49; the order is paid 40 − 6 − 20 + 2.40."""
    folder = write(tmp_path, {"exports/s.txt": settlement(*FULL)}, TOML + source("amazon_settlement"))
    assert read(folder, "select order_id, line_no, strftime(ordered_at, '%m-%d %H:%M'), quantity, gross_amount, discount_amount, shipping_income, platform_fee, fulfilment_cost, channel from order_lines") == [
        ("111-1", 'A"1', "06-08 22:23", 2, 40, 5, 5, 6, 7, "amazon")
    ]  # fmt: skip
    assert read(
        folder, "select cast(refunded_on as varchar), quantity, refund_amount, fee_refunded, handling_cost, restocked from returns"
    ) == [("2025-06-12", 0, 20, Decimal("2.40"), 0, False)]
    assert read(folder, "select category, amount from overheads order by 1") == [("Amazon account", Decimal("39.99")), ("FBA storage", 5)]
    assert read(folder, "select amount, kind from marketing_spend") == [(8, "ads")]
    assert read(folder, "select cast(paid_on as varchar), order_id, amount, reference from payouts order by order_id nulls last") == [
        ("2025-06-17", "111-1", Decimal("16.40"), "11"),
        ("2025-06-17", None, Decimal("-16.89"), "11"),
    ]
    assert elsewhere(folder) == {"taxes": Decimal("-1.90"), "reserves and balances": 45}
    assert read(folder, "select amount from source_totals where part = 'total'") == [(Decimal("-0.49"),)] and differences(folder) == {0}


def test_an_unknown_type_stops_the_load_until_it_has_a_place(tmp_path):
    rows = settlement(*sale("1"), ("Order", "1", "A", "ItemFees", "MoonFee", "-1.00"), ("Order", "1", "A", "ItemFees", "MoonFee", "-0.50"))
    folder = write(tmp_path, {"exports/s.txt": rows}, TOML + source("amazon_settlement"))
    with pytest.raises(BadInput) as refusal:
        read(folder, "from order_lines")
    assert "exports/s.txt: amazon_settlement doesn't know `Order/ItemFees/MoonFee` (2 rows, -1.50 USD)" in str(refusal.value)
    assert 'place = { "Order/ItemFees/MoonFee" = "platform_fee" }' in str(refusal.value)
    for place, query in (
        ("platform_fee", "select platform_fee from order_lines"),
        ("overheads: Moon", "select amount + 6 from overheads where category = 'Moon'"),
    ):
        placed = source("amazon_settlement", more=f'place = {{ "order/itemfees/moonfee" = "{place}" }}')
        folder = write(tmp_path / place[:4], {"exports/s.txt": rows}, TOML + placed)
        assert read(folder, query) == [(Decimal("7.50"),)] and differences(folder) == {0}
    wrong = source("amazon_settlement", more='place = { "Order/ItemFees/MoonFee" = "other" }')
    with pytest.raises(BadInput, match='"other" is no place; there are gross_amount'):
        read(write(tmp_path / "wrong", {"exports/s.txt": rows}, TOML + wrong), "from order_lines")


def test_a_settlement_that_does_not_add_up_is_set_aside_whole(tmp_path):
    files = {"exports/a.txt": settlement(*sale("1"), total="35.00"), "exports/b.txt": settlement(*sale("2"), number="12"),
             "exports/c.txt": settlement(*sale("3"), number="13", first=False)}  # fmt: skip
    folder = write(tmp_path, files, TOML + source("amazon_settlement"))
    assert read(folder, "select order_id from order_lines") == [("2",)]
    reasons = {reason for (reason,) in read(folder, "select reason from set_aside")}
    assert reasons == {"rows that add up to 34.0000 in a settlement of 35.0000: export it again, whole",
                       "a settlement without its first row, which holds total-amount and deposit-date: export it again"}  # fmt: skip
    assert read(folder, "select amount from source_totals where part = 'set aside'") == [(35,)] and differences(folder) == {0}


def test_the_same_file_twice_loads_once_and_two_stores_stay_two(tmp_path):
    text = settlement(*sale("1"))
    toml = TOML + source("amazon_settlement", "exports/a*") + source("amazon_settlement", "exports/b*", "uk", 'channel = "market"')
    folder = write(tmp_path, {"exports/a1.txt": text, "exports/a2.txt": text, "exports/b.txt": text}, toml)
    assert read(folder, "select store, channel, order_id, gross_amount from order_lines order by 1") == [
        ("uk", "market", "1", 40),
        ("us", "amazon", "1", 40),
    ]
    assert read(folder, "select rows_in, loaded, repeated from loads where file like 'exports/a%' order by file") == [(3, 0, 3), (3, 3, 0)]
    assert differences(folder) == {0}


def test_european_settlements_have_commas_and_points_and_their_own_currency(tmp_path):
    when = "17.07.2025 07:26:32 UTC"
    text = settlement(*sale("1", "Tür", "1234.50", "-185.18", when="T"), currency="EUR", comma=True).replace(
        "2025-06-17 00:00:00 UTC", "31.07.2025 00:00:00 UTC"
    )
    files = {
        "exports/s.txt": text.replace("\tT\t", f"\t{when}\t").encode("cp1252"),
        "fx_rates.csv": "date,currency,rate\n2025-01-01,EUR,1.1\n",
    }
    folder = write(tmp_path, files, TOML + source("amazon_settlement"))
    assert read(folder, "select product_id, cast(ordered_at as varchar), gross_amount, platform_fee, currency from order_lines") == [
        ("Tür", "2025-07-17 00:26:32", Decimal("1234.5"), Decimal("185.18"), "EUR")
    ]
    assert read(folder, "select cast(paid_on as varchar), amount, currency from payouts where order_id is not null") == [
        ("2025-07-31", Decimal("1049.32"), "EUR")
    ]
    assert differences(folder) == {0}


def test_prices_that_contain_a_tax_lose_it_where_no_row_shows_it(tmp_path):
    """119.00 with 19 % is 100.00 and 19.00; the other order shows its tax, so that its price is without."""
    rows = [("Order", "1", "A", "ItemPrice", "Principal", "119.00", JUNE, "1"), ("Order", "2", "A", "ItemPrice", "Principal", "100.00", JUNE, "1"),
            ("Order", "2", "A", "ItemPrice", "Tax", "19.00", JUNE, "1")]  # fmt: skip
    folder = write(tmp_path, {"exports/s.txt": settlement(*rows)}, TOML + source("amazon_settlement", more="tax_rate = 0.19"))
    assert read(folder, "select order_id, gross_amount from order_lines order by 1") == [("1", 100), ("2", 100)]
    assert elsewhere(folder) == {"taxes in the prices": 19, "taxes": 19} and differences(folder) == {0}


def test_fees_kept_beyond_those_given_back_are_handling_and_credits_beyond_costs_stay_outside(tmp_path):
    rows = [*sale("1"), ("Refund", "1", "A", "ItemPrice", "Principal", "-40.00"), ("Refund", "1", "A", "ItemFees", "RefundCommission", "-1.20"),
            ("other-transaction", "1", "A", "ItemFees", "FBACustomerReturnPerUnitFee", "-2.12"), ("Order", "9", "Z", "ItemFees", "Commission", "-3.00"),
            ("other-transaction", "", "A", "FBA Inventory Reimbursement", "REVERSAL_REIMBURSEMENT", "12.00")]  # fmt: skip
    folder = write(tmp_path, {"exports/s.txt": settlement(*rows)}, TOML + source("amazon_settlement"))
    assert read(folder, "select refund_amount, fee_refunded, handling_cost from returns") == [(40, 0, Decimal("3.32"))]
    assert read(folder, "select category, amount from overheads") == [("Amazon account", 3)]  # the fee of an order that no file holds
    assert elsewhere(folder) == {"credits beyond the costs of their month: FBA storage": 12} and differences(folder) == {0}


ADS = ",".join(amazon.ADS) + '\n"Jun 08, 2025",,USD,Camp,G,A,B0,100,9,9%,$0.5,"$1,004.50",$0.00,0\n'


def test_advertising_is_counted_once(tmp_path):
    text = settlement(*sale("1"), ("ServiceFee", "", "", "Cost of Advertising", "TransactionTotalAmount", "-1010.00"))
    files = {"exports/s.txt": text, "ads/a.csv": ADS}
    spend = "select sum(amount) from marketing_spend"
    for n, (more, ads_store, wanted) in enumerate(
        (
            ("", "us", "1004.50"),
            ("", "other", "2014.50"),
            ('advertising = "count"', "us", "2014.50"),
            ('advertising = "leave out"', "other", "1004.50"),
        )
    ):
        toml = TOML + source("amazon_settlement", more=more) + source("amazon_sponsored_products", "ads/*", ads_store)
        folder = write(tmp_path / str(n), files, toml)
        assert read(folder, spend) == [(Decimal(wanted),)] and differences(folder) == {0}
    assert elsewhere(folder) == {"advertising, told by the ads export": -1010}
    with pytest.raises(BadInput, match='advertising = "no" must be "count" or "leave out"'):
        read(write(tmp_path / "wrong", files, TOML + source("amazon_settlement", more='advertising = "no"')), spend)


def charges(adapter: str, *rows: tuple[str, str]) -> str:
    """A report of a sale and of what was charged for ads at noon in Los Angeles: day and amount."""
    if adapter == "amazon_settlement":
        ads = [("ServiceFee", "", "", "Cost of Advertising", "TransactionTotalAmount", amount, f"2025-{day} 19:00:00 UTC", "") for day, amount in rows]
        return settlement(*sale("1"), *ads)
    lines = [AT_HOME.format(1, "com"), *(f'"2025-{day} 12:00:00",77,Service Fee,,,Cost of Advertising,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,{amount},0,{amount}' for day, amount in rows)]  # fmt: skip
    return US_2026 + "\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("adapter", ["amazon_settlement", "amazon_date_range"])
def test_advertising_on_days_that_the_ads_export_does_not_cover_is_marketing(tmp_path, adapter):
    """The export tells 1004.50 on 8 June. Of that, 600 are charged on the day and 404.50 of the 500 on the 20th; 95.50 + 30 + 70 are for other ads."""
    text = charges(adapter, ("05-20", "-30.00"), ("06-08", "-600.00"), ("06-20", "-500.00"), ("07-20", "-70.00"))
    toml = TOML + source(adapter) + source("amazon_sponsored_products", "ads/*")
    folder = write(tmp_path / "a", {"exports/s.txt": text, "ads/a.csv": ADS}, toml)
    assert read(folder, "select strftime(date, '%m-%d'), amount from marketing_spend order by 1") == [
        ("05-20", 30), ("06-08", Decimal("1004.50")), ("06-20", Decimal("95.50")), ("07-20", 70)
    ]  # fmt: skip
    assert elsewhere(folder) == {"advertising, told by the ads export": Decimal("-1004.50")} and differences(folder) == {0}
    notes = {what: (rows, amount) for what, rows, amount in read(folder, "select what, rows, amount from source_notes where what like 'advertising%'")}  # fmt: skip
    assert {what.split(" (")[0].split(":")[0]: found for what, found in notes.items()} == {
        "advertising that is left to the ads export": (2, Decimal("1004.50")),
        "advertising charged within 31 days after the ads export ends": (1, Decimal("404.50")),
        "advertising charged on days that the ads export does not cover": (3, Decimal("195.50")),
    }
    assert any("from 2025-06-08 to 2025-06-08" in what for what in notes)


def test_charges_long_after_the_ads_or_in_a_month_without_any_and_a_credit(tmp_path):
    """Nothing is charged within 31 days after 8 June, the 70 in July are for ads that no export tells; a credit of 20 counts against its charge.
    Where the export has a day in August too, July is a hole in it."""
    toml = TOML + source("amazon_settlement") + source("amazon_sponsored_products", "ads/*")
    spend = "select strftime(date, '%m-%d'), amount from marketing_spend order by 1"
    folder = write(tmp_path / "a", {"exports/s.txt": charges("amazon_settlement", ("07-20", "-70.00")), "ads/a.csv": ADS}, toml)
    assert read(folder, spend) == [("06-08", Decimal("1004.50")), ("07-20", 70)] and elsewhere(folder) == {}
    august = ADS.splitlines()[1].replace("Jun", "Aug")
    folder = write(tmp_path / "c", {"exports/s.txt": charges("amazon_settlement", ("07-20", "-70.00")), "ads/a.csv": f"{ADS}{august}\n"}, toml)
    hole = "select rows, amount from source_notes where what like 'advertising left to the ads export in months of which it has no day%'"
    assert read(folder, spend) == [("06-08", Decimal("1004.50")), ("08-08", Decimal("1004.50"))] and read(folder, hole) == [(1, 70)]
    text = charges("amazon_settlement", ("06-08", "-600.00"), ("06-10", "20.00"), ("06-20", "-430.00"))  # 600 − 20 + 424.50 = 1004.50
    folder = write(tmp_path / "b", {"exports/s.txt": text, "ads/a.csv": ADS}, toml)
    assert read(folder, spend) == [("06-08", Decimal("1004.50")), ("06-20", Decimal("5.50"))] and differences(folder) == {0}


# ---- All Orders beside settlements -----------------------------------------------------------------------------------------------


def all_orders(*rows: dict) -> str:
    usual = {"purchase-date": "2025-05-31T20:00:00+00:00", "last-updated-date": "2025-06-02T00:00:00+00:00", "order-status": "Shipped", "sales-channel": "Amazon.com", "sku": "A",
             "item-status": "Shipped", "quantity": "2", "currency": "USD", "item-price": "40.00", "item-tax": "3.20", "ship-state": "CA"}  # fmt: skip
    lines = [[(usual | row).get(name, "") for name in amazon.ALL_ORDERS] for row in rows]
    return amazon.flat(amazon.ALL_ORDERS, lines)


def test_sales_have_the_day_of_the_order_and_the_fees_of_the_settlement(tmp_path):
    """Order 1 is settled and 5.00 short, 2 is not settled yet, 3 is settled and in no All Orders export."""
    orders = all_orders({"amazon-order-id": "1", "item-promotion-discount": "3.00"}, {"amazon-order-id": "2"})
    settled = settlement(
        ("Order", "1", "A", "ItemPrice", "Principal", "32.00", JUNE, "2"),
        ("Order", "1", "A", "ItemFees", "Commission", "-4.80", JUNE, "2"),
        *sale("3", "B"),
    )
    toml = TOML + source("amazon_settlement", "exports/s*") + source("amazon_all_orders", "exports/o*")
    folder = write(tmp_path, {"exports/o.txt": orders, "exports/s.txt": settled}, toml)
    query = (
        "select order_id, strftime(ordered_at, '%m-%d'), gross_amount, discount_amount, platform_fee, region from order_lines order by 1"
    )
    assert read(folder, query) == [
        ("1", "05-31", 40, 3, Decimal("4.80"), "CA"),
        ("2", "05-31", 40, 0, None, "CA"),
        ("3", "06-08", 40, 0, 6, None),
    ]
    assert read(folder, "select order_id, amount from payouts where order_id is not null order by 1") == [
        ("1", Decimal("27.20")),
        ("3", 34),
    ]
    named = dict(read(folder, "select what, sum(amount) from source_totals where part = 'elsewhere' group by what"))
    assert named == {
        "settled above (+) or below (−) the price in All Orders": -5,
        "sales that amazon_settlement tells, with their fees": 37,
    }
    assert differences(folder) == {0}


def test_all_orders_alone_sets_aside_what_is_no_sale_and_takes_the_newest_copy(tmp_path):
    may = all_orders({"amazon-order-id": "1", "item-status": "Pending", "item-price": "", "last-updated-date": "2025-05-31T21:00:00+00:00"})
    june = all_orders(
        {"amazon-order-id": "1"}, {"amazon-order-id": "2", "order-status": "Shipped", "item-status": "Cancelled", "quantity": "1"},
        {"amazon-order-id": "3", "item-status": "Pending", "item-price": ""}, {"amazon-order-id": "4", "item-status": "Cancelled", "quantity": "0", "item-price": ""},
        {"amazon-order-id": "5", "sales-channel": "Non-Amazon", "item-price": ""}, {"amazon-order-id": "6", "sku": "A", "quantity": "1"}, {"amazon-order-id": "6", "sku": "A", "quantity": "3"},
    )  # fmt: skip
    folder = write(tmp_path, {"exports/o1.txt": may, "exports/o2.txt": june}, TOML + source("amazon_all_orders"))
    assert read(folder, "select order_id, quantity, gross_amount, status from order_lines order by 1") == [
        ("1", 2, 40, None),
        ("2", 1, 40, "cancelled"),
        ("6", 4, 80, None),
    ]
    assert read(folder, "select file, loaded, set_aside, repeated from loads where file like 'exp%' order by 1") == [
        ("exports/o1.txt", 0, 0, 1),
        ("exports/o2.txt", 4, 3, 0),
    ]
    assert differences(folder) == {0}


def test_sales_without_fees_are_told(tmp_path):
    """Alone, All Orders knows no fee; beside a settlement, order 2 is the one that isn't settled yet."""
    orders = all_orders({"amazon-order-id": "1"}, {"amazon-order-id": "2", "item-price": "50.00"})
    query = "select rows, cast(amount as double) from source_notes where what like '%fees and refunds%'"
    folder = write(tmp_path / "a", {"exports/o.txt": orders}, TOML + source("amazon_all_orders"))
    assert read(folder, query) == [(2, 90)]
    toml = TOML + source("amazon_settlement", "exports/s*") + source("amazon_all_orders", "exports/o*")
    folder = write(tmp_path / "b", {"exports/o.txt": orders, "exports/s.txt": settlement(*sale("1"))}, toml)
    assert read(folder, query) == [(1, 50)]


def test_prices_contain_the_tax_outside_north_america(tmp_path):
    """119.00 holds 19.00; a discount of 11.90 holds it in the same proportion: 10.00."""
    rows = all_orders({"amazon-order-id": "1", "sales-channel": "Amazon.de", "item-price": "119.00", "item-tax": "19.00", "item-promotion-discount": "11.90"},
                      {"amazon-order-id": "2", "sales-channel": "Amazon.de", "item-price": "238.00", "item-tax": ""})  # fmt: skip
    folder = write(tmp_path, {"exports/o.txt": rows}, TOML + source("amazon_all_orders", more="tax_rate = 0.19"))
    assert read(folder, "select gross_amount, discount_amount from order_lines order by order_id") == [(100, 10), (200, 0)]
    assert elsewhere(folder) == {"taxes in the prices": Decimal("55.10")} and differences(folder) == {0}
    folder = write(tmp_path / "not", {"exports/o.txt": rows}, TOML + source("amazon_all_orders", more="tax_included = false"))
    assert read(folder, "select sum(gross_amount) from order_lines") == [(357,)] and differences(folder) == {0}


def test_a_tax_that_prices_contain_is_told_once_where_a_settlement_takes_the_sale_over(tmp_path):
    """119.00 − 11.90 in All Orders is 100 − 10 and 17.10 of tax; the settlement has the same sale without its tax."""
    orders = all_orders(
        {
            "amazon-order-id": "1",
            "sales-channel": "Amazon.de",
            "item-price": "119.00",
            "item-tax": "19.00",
            "item-promotion-discount": "11.90",
        }
    )
    settled = settlement(
        ("Order", "1", "A", "ItemPrice", "Principal", "100.00", JUNE, "2"), ("Order", "1", "A", "ItemPrice", "Tax", "19.00", JUNE, "2"),
        ("Order", "1", "A", "Promotion", "Principal", "-10.00", JUNE, "2"), ("Order", "1", "A", "Promotion", "TaxDiscount", "-1.90", JUNE, "2"),
    )  # fmt: skip
    toml = TOML + source("amazon_settlement", "exports/s*") + source("amazon_all_orders", "exports/o*")
    folder = write(tmp_path, {"exports/o.txt": orders, "exports/s.txt": settled}, toml)
    assert read(folder, "select gross_amount, discount_amount from order_lines") == [(100, 10)]
    query = "select what, amount from source_totals where source like 'amazon_all_orders%' and part = 'elsewhere'"
    assert dict(read(folder, query)) == {"taxes in the prices": Decimal("17.10"), "sales that amazon_settlement tells, with their fees": 90}
    assert differences(folder) == {0}


def test_money_comes_from_the_settlement_and_goods_from_the_report_of_returns(tmp_path):
    """A unit costs 15; the buyer gets 20 back on the 12th, and the sound unit is back in stock on the 15th: 15 less cost of goods then."""
    header = "\t".join(amazon.FBA_RETURNS)
    lines = ["2025-06-15T18:00:00+00:00\t1\tA\t\t\t\t1\tX\tSELLABLE\tUNWANTED\t\tL1\t", "2025-06-16T18:00:00+00:00\t1\tA\t\t\t\t1\tX\tDEFECTIVE\tDEFECTIVE\t\tL2\t",
             "2025-06-16T18:00:00+00:00\tunknown\tA\t\t\t\t1\tX\tSELLABLE\t\t\tL3\t"]  # fmt: skip
    refund = ("Refund", "1", "A", "ItemPrice", "Principal", "-20.00", "2025-06-12 20:00:00 UTC", "1")
    files = {
        "exports/s.txt": settlement(*sale("1"), refund),
        "back/r.txt": "\n".join([header, *lines]),
        "product_costs.csv": "product_id,valid_from,unit_cost\nA,2025-01-01,15\n",
    }
    folder = write(tmp_path, files, TOML + source("amazon_settlement") + source("amazon_fba_returns", "back/*"))
    assert read(folder, "select cast(day as varchar), refunds, cogs from ledger where kind = 'return' order by day, cogs desc") == [
        ("2025-06-12", -20, 0),
        ("2025-06-15", 0, 15),
        ("2025-06-16", 0, 0),
    ]
    assert read(folder, "select sum(quantity) from returns") == [(2,)]
    assert read(folder, "select reason from set_aside") == [("no such sale among the loaded order lines",)]


# ---- Date Range ------------------------------------------------------------------------------------------------------------------

US_2026 = """date/time,settlement id,type,order id,sku,description,quantity,marketplace,account type,fulfillment,order city,order state,order postal,tax collection model,
product sales,product sales tax,shipping credits,shipping credits tax,gift wrap credits,giftwrap credits tax,Regulatory Fee,Tax On Regulatory Fee,promotional rebates,
promotional rebates tax,marketplace withheld tax,selling fees,fba fees,other transaction fees,other,total""".replace("\n", "")
PREAMBLE = "".join(f'"Definition {n}, with a comma"\n' for n in range(9))


def test_the_report_of_the_united_states(tmp_path):
    """40 + 5 for shipping + 2 for wrapping − 5 − 6 − 7 − 1 = 28 for the order; 20 − 3 back; 39.99 + 8 + 10 − 25 account; the deposit is 12.01."""
    rows = [
        '"Jun 8, 2025 10:23:05 PM PDT",77,Order,111-1,A,"Thing, blue",2,amazon.com,Standard Orders,Amazon,X,WA,98101,MarketplaceFacilitator,40.00,3.20,5.00,0,2.00,0,0.50,0,-5.00,0,-3.70,-6.00,-7.00,-1.00,0,28.00',
        '"Jun 12, 2025 10:00:00 AM PDT",77,Refund,111-1,A,"Thing, blue",1,amazon.com,,Amazon,X,WA,98101,,-20.00,-1.60,0,0,0,0,0,0,0,0,1.60,3.00,0,0,0,-17.00',
        '"Jun 13, 2025 10:00:00 AM PDT",77,Service Fee,,,Subscription,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-39.99,-39.99',
        '"Jun 13, 2025 10:00:00 AM PDT",77,Service Fee,,,Cost of Advertising,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,-8.00,0,-8.00',
        '"Jun 13, 2025 10:00:00 AM PDT",77,FBA Inventory Fee,,,FBA Inventory Storage Fee:,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-10.00,-10.00',
        '"Jun 14, 2025 10:00:00 AM PDT",77,Adjustment,,A,FBA Inventory Reimbursement - Lost:Warehouse,1,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,9.00,9.00',
        '"Jun 17, 2025 10:00:00 AM PDT",77,Transfer,,,To your account ending in: 833,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-12.01,-12.01',
    ]
    folder = write(
        tmp_path,
        {"exports/d.csv": PREAMBLE + US_2026 + "\n" + "\n".join(rows) + "\n"},
        TOML.replace("USD", "CNY") + source("amazon_date_range") + "\n",
    )
    write(folder, {"fx_rates.csv": "date,currency,rate\n2025-01-01,USD,7\n"}, None)
    assert read(folder, "select order_id, cast(ordered_at as varchar), quantity, gross_amount, discount_amount, shipping_income, platform_fee, fulfilment_cost, region, currency from order_lines") == [
        ("111-1", "2025-06-08 22:23:05", 2, 40, 5, 7, 7, 7, "WA", "USD")
    ]  # fmt: skip
    assert read(folder, "select quantity, refund_amount, fee_refunded from returns") == [(1, 20, 3)]
    assert read(folder, "select category, amount from overheads order by 1") == [("Amazon account", Decimal("39.99")), ("FBA storage", 1)]
    assert read(folder, "select amount from marketing_spend") == [(8,)]
    assert read(folder, "select cast(paid_on as varchar), order_id, amount from payouts order by order_id nulls last") == [
        ("2025-06-17", "111-1", 18),
        ("2025-06-17", None, Decimal("-5.99")),
    ]
    assert read(folder, "select currency, amount from source_totals where part = 'total'") == [("USD", Decimal("-37.99"))] and differences(
        folder
    ) == {0}


PLACELESS = '"Jun 13, 2025 10:00:00 AM PDT",77,Service Fee,,,Subscription,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-39.99,-39.99'
AT_HOME = '"Jun 8, 2025 10:23:05 PM PDT",77,Order,{0},A,T,1,amazon.{1},,,,,,,20.00,0,0,0,0,0,0,0,0,0,0,-3.00,0,0,0,17.00'


@pytest.mark.parametrize(
    ("above", "orders", "currency", "guessed"),
    [
        ("All amounts in USD, unless specified", [], "USD", []),  # not the company's
        ("All amounts in USD, unless specified", ["com", "ca"], "USD", []),  # not that of amazon.ca, which comes first by name
        ("Alle Beträge in Euro sofern nicht anders gekennzeichnet", [], "EUR", []),
        ("指定のない場合、単位は円", [], "JPY", []),
        ("Tous les montants sont en EUR, sauf mention contraire", ["ca"], "EUR", []),
        ("Definitions:", ["ca"], "CAD", []),
        ("Definitions:", ["com", "ca"], "CAD", [(1, Decimal("-39.99"), "CAD")]),
        ("Definitions:", [], "GBP", [(1, Decimal("-39.99"), "GBP")]),
        ("All amounts in USD and EUR", [], "GBP", [(1, Decimal("-39.99"), "GBP")]),
    ],
)
def test_a_row_without_a_marketplace_has_the_currency_above_the_header(tmp_path, above, orders, currency, guessed):
    rows = "\n".join([PLACELESS, *(AT_HOME.format(n, place) for n, place in enumerate(orders))])
    rates = "date,currency,rate\n" + "".join(f"2025-01-01,{one},0.5\n" for one in ("USD", "CAD", "EUR", "JPY"))
    files = {"exports/d.csv": f'"Includes Amazon Marketplace, Fulfillment by Amazon (FBA)"\n"{above}"\n{US_2026}\n{rows}\n', "fx_rates.csv": rates,
             "order_lines.csv": "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\nz,1,2025-06-03,us,web,T,1,9\n"}  # fmt: skip
    folder = write(tmp_path, files, TOML.replace("USD", "GBP") + source("amazon_date_range"))
    assert read(folder, "select amount, currency from overheads") == [(Decimal("39.99"), currency)] and differences(folder) == {0}
    assert read(folder, "select rows, amount, currency from source_notes where what like 'rows without a marketplace%'") == guessed
    at_home = {"com": "USD", "ca": "CAD"}
    assert read(folder, "select currency from order_lines where order_id <> 'z' order by order_id") == [(at_home[one],) for one in orders]


def test_the_report_of_2017_and_one_that_does_not_add_up(tmp_path):
    header = "date/time,settlement id,type,order id,sku,description,quantity,marketplace,fulfillment,order city,order state,order postal,product sales,shipping credits,gift wrap credits,promotional rebates,sales tax collected,Marketplace Facilitator Tax,selling fees,fba fees,other transaction fees,other,total"
    good = '"Mar 5, 2017 1:02:03 AM PST",5,Order,1,A,Thing,1,amazon.com,Amazon,X,WA,98101,10.00,0,0,0,0.80,-0.80,-1.50,-3.00,0,0,5.50'
    bad = good.replace(",1,A,", ",2,A,").replace("5.50", "5.60")
    folder = write(tmp_path, {"exports/d.csv": f"{header}\n{good}\n{bad}\n"}, TOML + source("amazon_date_range"))
    assert read(folder, "select order_id, gross_amount, platform_fee, fulfilment_cost from order_lines") == [("1", 10, Decimal("1.5"), 3)]
    assert read(folder, "select reason from set_aside") == [("its columns add up to 5.5000, so that one is missing or misread",)]
    assert differences(folder) == {0}


def test_the_report_of_india_keeps_deferred_sales_apart(tmp_path):
    row = '27/06/2026 10:00:00,{0},Order,{1},A,Thing,1,amazon.in,Standard,Amazon,,KA,,"1,44,957.78",0,0,0,0,0,0,0,0,-957.78,0,0,0,"1,44,000.00",{2},{3}'
    rows = [row.format("S1", "1", "Released", "30/06/2026"), row.format("", "2", "Deferred", "")]
    rows += [
        '28/06/2026 10:00:00,S1,Transfer,,,To account,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,"-1,44,000.00","-1,44,000.00",Released,28/06/2026'
    ]
    files = {
        "exports/d.csv": amazon.PREAMBLE + ",".join(amazon.DATE_RANGE) + "\n" + "\n".join(rows) + "\n",
        "fx_rates.csv": "date,currency,rate\n2025-01-01,INR,0.01\n",
    }
    folder = write(tmp_path, files, TOML + source("amazon_date_range"))
    assert read(folder, "select order_id, gross_amount, currency from order_lines order by 1") == [
        ("1", Decimal("144957.78"), "INR"),
        ("2", Decimal("144957.78"), "INR"),
    ]
    assert read(folder, "select order_id, amount from payouts order by order_id nulls last") == [("1", 144000), (None, 0)]
    assert read(folder, "select rows, amount from source_notes where what like 'deferred%'") == [(1, 144000)] and differences(folder) == {0}


GERMAN = "Datum/Uhrzeit;Abrechnungsnummer;Typ;Bestellnummer;SKU;Beschreibung;Menge;Marketplace;Versand;Ort der Bestellung;Bundesland;Postleitzahl;Steuererhebungsmodell;Umsätze;Produktumsatzsteuer;Gutschrift für Versandkosten;Steuer auf Versandgutschrift;Gutschrift für Geschenkverpackung;Steuer auf Geschenkverpackungsgutschriften;Rabatte aus Werbeaktionen;Steuer auf Aktionsrabatte;Einbehaltene Steuer auf Marketplace;Verkaufsgebühren;Gebühren zu Versand durch Amazon;Andere Transaktionsgebühren;Andere;Gesamt"
JAPANESE = "日付/時間,決済番号,トランザクションの種類,注文番号,SKU,説明,数量,Amazon 出品サービス,フルフィルメント,市町村,都道府県,郵便番号,税金徴収型,商品売上,商品の売上税,配送料,配送料の税金,ギフト包装手数料,ギフト包装クレジットの税金,Amazonポイントの費用,プロモーション割引額,プロモーション割引の税金,源泉徴収税を伴うマーケットプレイス,手数料,FBA 手数料,トランザクションに関するその他の手数料,その他,合計"


def test_reports_in_german_and_japanese(tmp_path):
    german = [
        "8. Juni 2025 10:23:05 UTC;9;Bestellung;1;A;Tür;1;amazon.de;Amazon;;Bayern;;;1.000,00;190,00;0;0;0;0;-100,00;-19,00;0;-150,00;-5,50;0;0;915,50",
        "9. Juni 2025 10:23:05 UTC;9;Servicegebühr;;;Werbekosten;;;;;;;;0;0;0;0;0;0;0;0;0;0;0;-20,00;0;-20,00",
        "10. Juni 2025 10:23:05 UTC;9;Übertrag;;;An Ihr Konto;;;;;;;;0;0;0;0;0;0;0;0;0;0;0;0;-895,50;-895,50",
    ]
    japanese = [
        '2025/06/08 12:34:56 JST,123,注文,249-1,B,"商品, 青",2,amazon.co.jp,Amazon,,東京都,,,"1,200",120,0,0,0,0,-12,-100,-10,0,-150,-300,0,0,748',
        "2025/06/09 12:00:00 JST,123,FBA 在庫関連の手数料,,,FBA在庫保管手数料:,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,-90,-90",
    ]
    files = {"exports/de.csv": f"Alle Beträge in Euro\n\n{GERMAN}\n" + "\n".join(german) + "\n", "jp/jp.csv": (f'"指定のない場合、単位は円"\n{JAPANESE}\n' + "\n".join(japanese) + "\n").encode("cp932"),
             "fx_rates.csv": "date,currency,rate\n2025-01-01,EUR,1.1\n2025-01-01,JPY,0.007\n"}  # fmt: skip
    folder = write(
        tmp_path, files, TOML + source("amazon_date_range", store="de") + source("amazon_date_range", "jp/*", "jp", 'decimal = "."')
    )
    query = "select store, cast(ordered_at as varchar), gross_amount, discount_amount, platform_fee, fulfilment_cost, region, currency from order_lines order by 1"
    assert read(folder, query) == [
        ("de", "2025-06-08 03:23:05", 1000, 100, 150, Decimal("5.5"), "Bayern", "EUR"), ("jp", "2025-06-07 20:34:56", 1200, 112, 150, 300, "東京都", "JPY")
    ]  # fmt: skip
    assert read(folder, "select store, amount from marketing_spend union all select store, amount from overheads order by 1") == [
        ("de", 20),
        ("jp", 90),
    ]
    assert read(folder, "select sum(amount) from payouts where store = 'de'") == [(Decimal("895.5"),)] and differences(folder) == {0}


def test_an_unknown_transaction_stops_the_report_and_two_kinds_of_money_are_refused(tmp_path):
    row = '"Jun 13, 2025 10:00:00 AM PDT",77,Moon Fee,,,Phase: 3,,,,,,,,,0,0,0,0,0,0,0,0,0,0,0,0,0,0,-1.00,-1.00'
    order = '"Jun 8, 2025 10:23:05 PM PDT",77,Order,1,A,T,1,amazon.com,,,,,,,10.00,0,0,0,0,0,0,0,0,0,0,0,0,0,0,10.00'
    files = {"exports/d.csv": f"{US_2026}\n{row}\n{order}\n", "s/s.txt": settlement(*sale("1"))}
    with pytest.raises(BadInput, match=r"amazon_date_range doesn't know `Moon Fee/Phase: 3` \(1 row, -1.00 USD\)"):
        read(write(tmp_path / "a", files, TOML + source("amazon_date_range")), "from order_lines")
    folder = write(tmp_path / "b", files, TOML + source("amazon_date_range", more='place = { "moon fee/*" = "overheads: Moon" }'))
    assert read(folder, "select category, amount from overheads") == [("Moon", 1)] and differences(folder) == {0}
    with pytest.raises(BadInput, match="tell the same money of one store"):
        read(
            write(
                tmp_path / "c",
                files,
                TOML
                + source("amazon_date_range", more='place = { "moon fee/*" = "overheads: Moon" }')
                + source("amazon_settlement", "s/*"),
            ),
            "from order_lines",
        )


# ---- stock and ads ---------------------------------------------------------------------------------------------------------------


def test_stock_is_what_can_be_sold_in_all_places(tmp_path):
    header = "Date\tFNSKU\tASIN\tMSKU\tTitle\tDisposition\tEnding Warehouse Balance\tIn Transit Between Warehouses\tLocation"
    rows = ["06/30/2025\tX1\tB1\t007\tT\tSELLABLE\t5\t2\tUS", "06/30/2025\tX2\tB1\t007\tT\tSELLABLE\t3\t0\tCA", "06/30/2025\tX1\tB1\t007\tT\tDEFECTIVE\t4\t0\tUS",
            "06/30/2025\tX3\tB2\tB\tT\tCUSTOMER_DAMAGED\t1\t0\tUS", "06/30/2025\tX4\tB3\t\tT\tSELLABLE\t1\t0\tUS"]  # fmt: skip
    files = {"exports/l.txt": "\n".join([header, *rows]), "s/s.txt": settlement(*sale("1"))}
    folder = write(tmp_path, files, TOML + source("amazon_inventory_ledger") + source("amazon_settlement", "s/*"))
    assert read(folder, "select cast(date as varchar), product_id, on_hand, incoming from inventory order by 2") == [
        ("2025-06-30", "007", 8, 2),
        ("2025-06-30", "B", 0, None),
    ]
    assert read(folder, 'select "column", reason from set_aside') == [("MSKU", "no MSKU")]
    assert read(folder, "select sum(amount) from source_notes where what like 'units%'") == [(5,)]


@pytest.mark.parametrize("units", ["1,003", "1.003"])
def test_units_are_whole_whatever_parts_their_thousands(tmp_path, units):
    header = "Date\tMSKU\tDisposition\tEnding Warehouse Balance\tLocation"
    files = {"exports/l.txt": f"{header}\n06/30/2025\tA\tSELLABLE\t{units}\tUS\n", "s/s.txt": settlement(*sale("1"))}
    folder = write(tmp_path, files, TOML + source("amazon_inventory_ledger") + source("amazon_settlement", "s/*"))
    assert read(folder, "select product_id, on_hand from inventory") == [("A", 1003)]


def test_ads_by_day_and_product(tmp_path):
    period = 'Start Date,End Date,Campaign Name,Advertised SKU,Currency,Spend\n"Jun 01, 2025","Jun 30, 2025",Camp,A,USD,$9.00\n"Jun 08, 2025","Jun 08, 2025",Other,B,USD,$1.00\n'
    sales = {"s/s.txt": settlement(*sale("1"))}
    folder = write(
        tmp_path / "a",
        {"exports/a.csv": ADS, "exports/p.csv": period, **sales},
        TOML + source("amazon_sponsored_products") + source("amazon_settlement", "s/*"),
    )
    assert read(folder, "select cast(date as varchar), product_id, amount from marketing_spend order by 2") == [
        ("2025-06-08", "A", Decimal("1004.5")),
        ("2025-06-08", "B", 1),
    ]
    assert read(folder, "select reason from set_aside") == [
        ("the total of a period, not of a day: choose the time unit Daily",)
    ] and differences(folder) == {0}
    campaign = 'Date,Campaign Name,Currency,Spend\n"Jun 08, 2025",Camp,USD,$1004.50\n'
    with pytest.raises(BadInput, match="campaign Camp on 2025-06-08 stands in a report by product and in one by campaign"):
        read(
            write(
                tmp_path / "b",
                {"exports/a.csv": ADS, "exports/c.csv": campaign, **sales},
                TOML + source("amazon_sponsored_products") + source("amazon_settlement", "s/*"),
            ),
            "from ledger",
        )


CAMPAIGN = ",".join(amazon.ADS) + '\n"Jun 0{day}, 2025",,USD,{name},G,A,B0,100,9,9%,$0.5,"${spend}",$0.00,0\n'


def test_a_campaign_that_may_have_been_renamed_is_told(tmp_path):
    """The same 20 of an ad group and a SKU on 8 June under two names, in two files. Another amount, or the same file, is no sign of it."""
    sales = {"s/s.txt": settlement(*sale("1"))}
    toml = TOML + source("amazon_sponsored_products") + source("amazon_settlement", "s/*")
    query = "select rows, amount, currency from source_notes where what like '%renamed%'"
    may, june = CAMPAIGN.format(day=8, name="C", spend="20.00"), CAMPAIGN.format(day=8, name="C new", spend="20.00")
    assert read(write(tmp_path / "a", {"exports/a.csv": may, "exports/b.csv": june, **sales}, toml), query) == [(1, 20, "USD")]
    other = {"exports/a.csv": may + june.splitlines()[1] + "\n", "exports/b.csv": CAMPAIGN.format(day=8, name="D", spend="7.00"), **sales}
    assert read(write(tmp_path / "b", other, toml), query) == []


def test_a_report_by_day_and_one_of_single_days_tell_a_day_once(tmp_path):
    day = 'Start Date,End Date,Campaign Name,Advertised SKU,Currency,Spend\n"Jun 08, 2025","Jun 08, 2025",Camp,A,USD,$1004.50\n'
    files = {"exports/a.csv": ADS, "exports/d.csv": day, "s/s.txt": settlement(*sale("1"))}
    folder = write(tmp_path, files, TOML + source("amazon_sponsored_products") + source("amazon_settlement", "s/*"))
    assert read(folder, "select product_id, amount from marketing_spend") == [("A", Decimal("1004.5"))] and differences(folder) == {0}


def test_stock_by_country_and_by_warehouse_is_refused(tmp_path):
    """40 in the US are the 30 and 10 of two warehouses; of another day, or of another product, both kinds can stand side by side."""
    header = "Date\tMSKU\tDisposition\tEnding Warehouse Balance\tLocation\n"
    sales, toml = {"s/s.txt": settlement(*sale("1"))}, TOML + source("amazon_inventory_ledger") + source("amazon_settlement", "s/*")
    may, june = "05/{}/2025\tA\tSELLABLE\t40\tUS\n", "05/31/2025\tA\tSELLABLE\t30\tONT8\n05/31/2025\tA\tSELLABLE\t10\tLAX9\n"
    files = {"exports/may.txt": header + may.format(30), "exports/june.txt": header + june, **sales}
    assert read(write(tmp_path / "a", files, toml), "select on_hand from inventory order by date") == [(40,), (40,)]
    with pytest.raises(BadInput, match="A on 2025-05-31 stands in a ledger by country and in one by warehouse"):
        read(write(tmp_path / "b", files | {"exports/may.txt": header + may.format(31)}, toml), "from inventory")


def test_stock_of_a_ledger_without_places_is_the_same_stock(tmp_path):
    files = {"exports/a.txt": "Date\tMSKU\tDisposition\tEnding Warehouse Balance\n05/31/2025\tA\tSELLABLE\t40\n", "s/s.txt": settlement(*sale("1")),
             "exports/b.txt": "Date\tMSKU\tDisposition\tEnding Warehouse Balance\tLocation\n05/31/2025\tA\tSELLABLE\t30\tUS\n05/31/2025\tA\tSELLABLE\t10\tCA\n"}  # fmt: skip
    folder = write(tmp_path, files, TOML + source("amazon_inventory_ledger") + source("amazon_settlement", "s/*"))
    assert read(folder, "select on_hand from inventory") == [(40,)]


def date_range(*rows: str) -> str:
    return PREAMBLE + US_2026 + "\n" + "\n".join(rows) + "\n"


WIDGET = '"Jun {day}, 2025 10:00:00 AM PDT",77,Order,111-{day},A,"{title}",{units},amazon.com,,Amazon,X,WA,98101,,20.00,0,0,0,0,0,0,0,0,0,0,-3.00,0,0,0,17.00'


def test_a_product_that_has_another_title_since_makes_no_second_order(tmp_path):
    """Orders of the 8th and 9th in one report, of the 9th and 10th in the other, under the new title: three, of 20 each."""
    may = date_range(*(WIDGET.format(day=day, title="Widget", units=1) for day in (8, 9)))
    june = date_range(*(WIDGET.format(day=day, title="Widget, blue", units=1) for day in (9, 10)))
    folder = write(tmp_path, {"exports/may.csv": may, "exports/june.csv": june}, TOML + source("amazon_date_range"))
    assert read(folder, "select count(*), sum(gross_amount), sum(quantity) from order_lines") == [(3, 60, 3)] and differences(folder) == {0}


def test_a_quantity_that_is_not_there_is_missing_and_not_0(tmp_path):
    rows = date_range(WIDGET.format(day=8, title="W", units=""), WIDGET.format(day=9, title="W", units=1))
    folder = write(tmp_path, {"exports/d.csv": rows}, TOML + source("amazon_date_range"))
    assert read(folder, 'select "column", "value", reason from set_aside') == [("quantity", None, "missing")]
    assert read(folder, "select sum(gross_amount) from order_lines") == [(20,)] and differences(folder) == {0}


def test_a_sale_that_was_released_since_counts_as_released(tmp_path):
    """Deferred in June's report, which goes on to the 30th; released in a report of the 27th alone, made later: 144 000 are paid out."""
    row = '{0}/06/2026 10:00:00,{1},Order,{2},A,Thing,1,amazon.in,Standard,Amazon,,KA,,"1,44,957.78",0,0,0,0,0,0,0,0,-957.78,0,0,0,"1,44,000.00",{3},{4}'
    head = amazon.PREAMBLE + ",".join(amazon.DATE_RANGE) + "\n"
    files = {"exports/june.csv": head + row.format(27, "", 1, "Deferred", "") + "\n" + row.format(30, "", 2, "Deferred", "") + "\n",
             "exports/a.csv": head + row.format(27, "S1", 1, "Released", "08/07/2026") + "\n", "fx_rates.csv": "date,currency,rate\n2025-01-01,INR,0.01\n"}  # fmt: skip
    folder = write(tmp_path, files, TOML + source("amazon_date_range"))
    assert read(folder, "select rows, amount from source_notes where what like 'deferred%'") == [(1, 144000)] and differences(folder) == {0}


def test_of_a_settlement_the_whole_copy_counts(tmp_path):
    whole = settlement(*sale("1"))
    folder = write(tmp_path, {"exports/a.txt": whole, "exports/b.txt": whole[: whole.rindex("11\t")]}, TOML + source("amazon_settlement"))
    assert read(folder, "select order_id from order_lines") == [("1",)] and read(folder, "from set_aside") == []


def test_a_settlement_that_does_not_add_up_has_a_total_that_was_read(tmp_path):
    folder = write(tmp_path, {"exports/a.txt": settlement(*sale("1"), total="35.00"), "exports/b.txt": settlement(*sale("2"), number="12")},
                   TOML + source("amazon_settlement"))  # fmt: skip
    assert read(folder, "select what from source_notes where what like '%lacks it'") == []


def test_a_record_of_two_bad_rows_is_listed_once(tmp_path):
    """Order 1 is in pounds, for which there is no rate: its line and its payout are bad, and both were made from the same two records."""
    files = {"exports/a.txt": settlement(*sale("1"), currency="GBP"), "exports/b.txt": settlement(*sale("2"), number="12")}
    folder = write(tmp_path, files, TOML + source("amazon_settlement"))
    listed = read(folder, 'select file, "row" from set_aside order by all')
    assert [row for _, row in listed] == [2, 3, 4] and {file for file, _ in listed} == {"exports/a.txt"}
    assert read(folder, "select rows_in, loaded, set_aside from loads where file = 'exports/a.txt'") == [(3, 0, 3)]
