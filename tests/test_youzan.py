"""Youzan: the same company from its finished tables and from Youzan's files, and each trap with figures worked out on paper."""

import csv
import io
import tempfile
from pathlib import Path

import duckdb
import pytest
from folders import write

from helpers import sample
from helpers.book import open_book
from helpers.company import open_company
from helpers.contract import LINES, BadInput
from helpers.files import stored
from helpers.ledger import prepare
from helpers.load import load_tables
from helpers.load_and_check import load_report
from helpers.sample_exports import as_csv, write_table, youzan
from helpers.sample_exports.youzan import ITEMS, ORDERS, PROVINCES

# ---- the round trip ------------------------------------------------------------------------------------------------------------

UNKNOWN = ("platform_fee", "fulfilment_cost", "customer_id", "campaign_id")  # in neither export


@pytest.fixture(scope="module")
def tables():
    return sample.build()[0]


@pytest.fixture(scope="module")
def two(tables, tmp_path_factory) -> duckdb.DuckDBPyConnection:
    """`finished` and `read`: the ledger of what Youzan sells, from finished tables without what it can't know, and from its files."""
    folder = tmp_path_factory.mktemp("youzan")
    youzan.write(tables, folder / "exports_in", sample.MONTHS)
    plain = folder / "plain"
    plain.mkdir()
    (plain / "company.toml").write_text('name = "S"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n')
    back = {(row["store"], row["order_id"], row["line_no"]): row for row in tables["returns"] if row["refunded_on"]}
    lines, refunds = [], []
    for line in youzan.chosen(tables, sample.MONTHS):
        known = {name: cell for name, cell in line.items() if name not in UNKNOWN}
        lines.append(known | {"order_id": youzan.order_number(line), "region": PROVINCES[line["region"]]})
        refund = back.get((line["store"], line["order_id"], line["line_no"]))
        if refund:  # the exports give it no day; of the units they tell only whether all came back
            all_of_it = refund["quantity"] == line["quantity"]
            refunds.append({"store": line["store"], "order_id": youzan.order_number(line), "line_no": line["line_no"], "refunded_on": line["_day"],
                            "quantity": line["quantity"] if all_of_it else 0, "refund_amount": refund["refund_amount"], "restocked": "false"})  # fmt: skip
    write_table(plain, "order_lines", lines)
    write_table(plain, "returns", refunds)
    for name in ("products", "product_costs", "employees"):
        write_table(plain, name, tables[name])
    write_table(plain, "fx_rates", [rate for rate in tables["fx_rates"] if rate["rate"] != "n/a"])
    write_table(plain, "marketing_spend", list(csv.DictReader(io.StringIO((folder / "exports_in" / "marketing_spend.csv").read_text()))))
    con = duckdb.connect()
    for name, source in (("finished", plain), ("read", folder / "exports_in")):
        made = prepare(open_company(str(source)))
        con.execute(f"create table {name} as from {stored(made / 'ledger')}")
        con.execute(f"create table {name}_totals as from read_parquet('{made}/source_totals.parquet')")
        con.execute(f"create table {name}_loads as from read_parquet('{made}/loads.parquet')")
    return con


def differ(con: duckdb.DuckDBPyConnection, query: str) -> list:
    """Rows of the query over LEDGER that only one of the two ledgers has."""
    one, other = query.replace("LEDGER", "finished"), query.replace("LEDGER", "read")
    return con.execute(f"(from ({one}) except all from ({other})) union all (from ({other}) except all from ({one}))").fetchall()


def test_the_files_give_the_same_ledger_line_by_line(two):
    assert two.execute("select count(*) from read where kind = 'sale'").fetchone()[0] > 4000
    split = {"shipping_income", "commissions", "uncosted_sales"}  # of the order, split over its lines by another rule
    exact = ", ".join(name for name in LINES if name not in split)
    keys = "day, kind, store, channel, product_id, employee_id, campaign_id, region, order_id, line_no, customer_id, quantity"
    assert differ(two, f"select {keys}, {exact}, case when uncosted_sales <> 0 then uncosted_sales + shipping_income end from LEDGER") == []


@pytest.mark.parametrize("keys", ["order_id", "day, store, channel", "month, employee_id", "region, kind"])
def test_what_an_order_has_once_is_the_same_by_order_and_by_every_dimension(two, keys):
    sums = ", ".join(f"sum({name})" for name in LINES if name != "uncosted_sales")
    assert differ(two, f"select {keys}, {sums}, sum(quantity) from LEDGER group by {keys}") == []


def test_the_ledger_has_what_the_story_needs(two):
    found = two.execute(
        """select sum(commissions) < -100000, sum(refunds) < -100000, sum(shipping_income) > 1000, sum(cogs) < -1000000, sum(uncosted_sales) < 0,
                  count(distinct employee_id) > 6, count(distinct region), count(distinct store), count(distinct channel) from read"""
    )
    assert found.fetchone() == (True, True, True, True, True, True, 5, 2, 3)  # regions: four, and none for ads


def test_the_total_of_two_years_is_explained_to_the_cent(two, tables):
    paid = refunded = 0
    back = youzan.refunds(tables, sample.MONTHS)
    for line in youzan.chosen(tables, sample.MONTHS):
        if line["status"] != "cancelled":
            paid += line["_net"]
            refunded += back[line["store"], line["order_id"], str(line["line_no"])]["_amount"] if (
                line["store"], line["order_id"], str(line["line_no"])) in back else 0  # fmt: skip
    parts = dict(two.execute("select part || ' ' || what, amount from read_totals").fetchall())
    assert parts["total "] * 100 == paid - refunded
    assert parts["difference "] == 0
    assert "set aside " not in parts


def test_months_that_stand_in_two_files_load_once(two, tables):
    rows = two.execute(
        "select sum(rows_in), sum(loaded), sum(repeated), sum(set_aside) from read_loads where table_name = 'youzan'"
    ).fetchone()
    lines = youzan.chosen(tables, sample.MONTHS)
    assert rows[1] == len(lines) + len({youzan.order_number(line) for line in lines})
    assert rows[2] == rows[0] - rows[1] > 1000
    assert rows[3] == 0


def test_writing_twice_gives_the_same_bytes(tables, tmp_path):
    for name in "ab":
        youzan.write(tables, tmp_path / name, ["2025-12"])
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 8
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    assert sum((tmp_path / "a" / file).stat().st_size for file in files) < 150_000


def test_a_book_opens_on_the_written_company(tables, tmp_path):
    youzan.write(tables, tmp_path, ["2025-12"])
    book = open_book(str(tmp_path), "2025-12", "cn-outlet")
    assert book.ladder()["commissions"][0] < 0


# ---- cases on paper ------------------------------------------------------------------------------------------------------------

TOML = 'name = "Y"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n[[sources]]\nadapter = "youzan"\nfiles = "exports/*"\n'
NUMBER = "E20251201100000000000001"
ORDER = {"订单号": NUMBER, "销售渠道": "网店", "归属店铺": "一店", "订单状态": "交易完成", "订单来源": "商家小程序", "订单创建时间": "2025-12-01 10:00:00",
         "买家付款时间": "2025-12-01 10:01:00", "商品金额合计": "300.00", "运费": "10.00", "店铺优惠合计": "30.00", "应收订单金额": "280.00", "支付优惠合计": "0.00",
         "订单实付金额": "280.00", "订单实收金额": "280.00", "订单已退款金额": "0.00", "收货人省份": "云南省", "买家昵称": "小明", "买家手机号": "\t13800138000",
         "订单风险标签": "——"}  # fmt: skip
RED = {"订单号": NUMBER, "订单商品状态": "交易完成", "商品名称": "杯", "商品规格": "红", "规格编码": "0012", "商品单价": "100.00", "商品成本价": "40.00", "商品数量": "2",
       "商品金额小计": "200.00", "店铺优惠（分摊）": "20.00", "商品实际成交金额": "180.00", "商品发货状态": "已发货", "商品已退款金额": "0",
       "收货人省份": "云南省", "收货人手机号/提货人手机号": "\t13800138000"}  # fmt: skip
BLUE = RED | {"商品名称": "碗", "商品规格": "", "规格编码": "", "商品编码": "0099", "商品成本价": "", "商品数量": "1", "商品金额小计": "100.00",
              "店铺优惠（分摊）": "10.00(满减：10.00)", "商品实际成交金额": "90.00"}  # fmt: skip


def text(header: list[str], rows: list[dict]) -> str:
    return as_csv(
        header, [[row.get(f"{name}#2" if name in header[:place] else name, "") for place, name in enumerate(header)] for row in rows]
    )


def exports(orders: list[dict] | None, items: list[dict] | None, orders_header=ORDERS, items_header=ITEMS) -> dict[str, str]:
    files = {"exports/orders.csv": text(orders_header, orders)} if orders is not None else {}
    return files | ({"exports/items.csv": text(items_header, items)} if items is not None else {})


class Loaded:
    """The tables of a folder, or what one of several sources gave them: the one whose files lie in exports/<case>/ and whose store is the case."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection | None = None, case: str = ""):
        self.folder, self.con, self.case = folder, con or duckdb.connect(), case
        if con is None:
            self.con.execute("set TimeZone = 'UTC'")
            load_tables(self.con, open_company(str(folder)), Path(tempfile.mkdtemp(dir=folder.parent)))
        self.mine = f"where file like 'exports/{case}/%'" if case else "where true"
        self.source = f"where source = 'youzan ({case})'" if case else "where true"

    def all(self, query: str) -> list[tuple]:
        return self.con.execute(query).fetchall()

    def rows(self, columns: str, table: str = "order_lines", order: str = "order_id, line_no") -> list[tuple]:
        where = f"where store = '{self.case}'" if self.case and table in ("order_lines", "returns") else ""
        found = self.all(f"select {columns} from {table} {where} order by {order}")
        return [tuple(str(cell) if cell is not None else None for cell in row) for row in found]

    def whereabouts(self) -> tuple[int, int, int, int]:
        """Records in, loaded, set aside, repeated."""
        return self.all(
            f"select sum(rows_in), sum(loaded), sum(set_aside), sum(repeated) from loads {self.mine} and table_name = 'youzan'"
        )[0]

    def reasons(self) -> set[str]:
        return {row[0] for row in self.all(f"select reason from set_aside {self.mine}")}

    def notes(self) -> dict[str, tuple]:
        return {
            what: (rows, amount and float(amount))
            for what, rows, amount in self.all(f"select what, rows, amount from source_notes {self.source}")
        }

    def total(self, part: str = "total") -> float:
        return float(self.all(f"select coalesce(sum(amount), 0) from source_totals {self.source} and part = '{part}'")[0][0])


def checked(found: Loaded) -> Loaded:
    assert found.total("difference") == 0
    came, loaded, aside, repeated = found.whereabouts()
    assert came == loaded + aside + repeated
    return found


def load(tmp_path: Path, files: dict, toml: str = TOML) -> Loaded:
    return checked(Loaded(write(tmp_path, files, toml)))


def several(tmp_path: Path, **cases: tuple[dict[str, str], str]) -> list[Loaded]:
    """Cases, each its files and further lines of its source, as the sources of one company: each is read for itself."""
    head, source = TOML[: TOML.index("[[")], TOML[TOML.index("[[") :]
    toml = head + "".join(
        source.replace("exports/", f"exports/{case}/") + f'store = "{case}"\n' + more for case, (_, more) in cases.items()
    )
    files = {name.replace("exports/", f"exports/{case}/"): content for case, (files, _) in cases.items() for name, content in files.items()}
    whole = Loaded(write(tmp_path, files, toml))
    return [checked(Loaded(tmp_path, whole.con, case)) for case in cases]


def test_an_order_of_two_items(tmp_path):
    found = load(tmp_path, exports([ORDER], [RED, BLUE]))
    assert found.rows(
        "line_no, ordered_at, store, channel, product_id, quantity, gross_amount, discount_amount, shipping_income, unit_cost, region, status"
    ) == [
        ("1", "2025-12-01 10:00:00", "一店", "网店", "0012", "2", "200.0000", "20.0000", "6.6700", "40.0000", "云南省", "completed"),
        ("2", "2025-12-01 10:00:00", "一店", "网店", "0099", "1", "100.0000", "10.0000", "3.3300", None, "云南省", "completed"),
    ]  # 10.00 × 180 ÷ 270 = 6.67
    assert found.total() == 280
    assert found.whereabouts() == (3, 3, 0, 0)
    assert found.rows("customer_id, employee_id, platform_fee, fulfilment_cost, campaign_id")[0] == (None,) * 5


def test_nothing_about_the_buyer_is_read(tmp_path):
    folder = write(tmp_path, exports([ORDER], [RED, BLUE]), TOML)
    made = prepare(open_company(str(folder)))
    for path in made.rglob("*.parquet"):
        cells = duckdb.execute(f"select * from '{path}'").fetchall()
        assert not any("小明" in str(cell) or "138001380" in str(cell) for row in cells for cell in row)


def test_commissions_and_the_person(tmp_path):
    paid = {
        "分销员": "小王",
        "分销员#2": "小李",
        "销售导购": "小张",
        "专属导购": "小赵",
        "订单佣金类型": "现金",
        "订单佣金金额": "10.00",
        "订单下级卖货提成金额": "3.33",
    }
    files = exports([ORDER | paid], [RED, BLUE])
    agent, guide, own, nobody, second, points = several(
        tmp_path, a=(files, ""), b=(files, 'person = "销售导购"\n'), c=(files, 'person = "专属导购"\n'), d=(files, 'person = "none"\n'),
        e=(exports([ORDER | {"分销员#2": "小李"}], [RED, BLUE]), ""), f=(exports([ORDER | paid | {"订单佣金类型": "积分"}], [RED, BLUE]), ""),
    )  # fmt: skip
    assert agent.rows("employee_id, commission") == [("小王", "8.8900"), ("小王", "4.4400")]  # 13.33 × 180 ÷ 270 = 8.886…; the rest
    assert agent.notes()["orders with two different 分销员: the first was taken"][0] == 1
    assert [case.rows("employee_id")[0] for case in (guide, own, nobody, second)] == [("小张",), ("小赵",), (None,), ("小李",)]
    assert [float(row[0]) for row in points.rows("commission")] == [2.22, 1.11]  # 3.33 alone
    assert points.notes()["commissions in points (积分) are no money and were left out"][0] == 1


def test_the_second_column_of_one_name_under_the_name_that_pandas_gives_it(tmp_path):
    header = ",".join(ORDERS).replace("订单风险标签,分销员,", "订单风险标签,分销员.1,").split(",")
    order = ORDER | {"分销员.1": "小李"}
    assert load(tmp_path, exports([order], [RED, BLUE], header)).rows("employee_id")[0] == ("小李",)


def test_distribution_orders_add_their_discount_and_have_a_note_in_the_cell(tmp_path):
    turned = RED | {
        "商品单价": "278.8",
        "商品数量": "1",
        "商品金额小计": "278.8",
        "店铺优惠（分摊）": "69.20(分销商等级折扣：47.80)",
        "商品实际成交金额": "348",
    }
    paid, supplier = several(
        tmp_path,
        a=(exports([ORDER | {"订单实收金额": "358.00"}], [turned]), ""),
        b=(exports([ORDER | {"订单实收金额": "288.80"}], [turned]), ""),
    )
    assert paid.rows("gross_amount, discount_amount, shipping_income") == [("348.0000", "0.0000", "10.0000")]
    (note,) = (key for key in paid.notes() if "distribution" in key)
    assert paid.notes()[note] == (1, 69.2)
    # a shop that gets 商品金额小计: what adds up to 订单实收金额 counts
    assert supplier.rows("gross_amount, discount_amount") == [("348.0000", "69.2000")]
    assert supplier.total() == 288.8


def test_figures_of_an_item_that_disagree_are_said_and_its_paid_amount_counts(tmp_path):
    odd = BLUE | {"店铺优惠（分摊）": "12.00"}
    notes = load(tmp_path, exports([ORDER], [RED, odd])).notes()
    assert notes["商品金额小计 and 店铺优惠（分摊） don't give 商品实际成交金额: the latter was taken"] == (1, 90)


def test_discounts_at_payment(tmp_path):
    less = ORDER | {"支付优惠合计": "5.00", "订单实付金额": "275.00"}
    good, borne = several(tmp_path, a=(exports([less], [RED, BLUE]), ""), b=(exports([less | {"订单实收金额": "275.00"}], [RED, BLUE]), ""))
    assert [row[0] for row in good.rows("discount_amount")] == ["20.0000", "10.0000"]  # the provider makes it good
    assert [row[0] for row in borne.rows("discount_amount")] == ["23.3300", "11.6700"]  # 5.00 × 180 ÷ 270 = 3.33
    assert borne.total() == 275
    assert borne.notes()["discounts at payment (支付优惠) that the shop bore: taken off the lines"] == (1, 5)


def test_an_order_that_does_not_add_up_is_set_aside_whole(tmp_path):
    other = {"订单号": "E20251202100000000000002"}
    found = load(tmp_path, exports([ORDER | {"订单实收金额": "279.99"}, ORDER | other], [RED, BLUE, RED | other, BLUE | other]))
    assert found.whereabouts() == (6, 3, 3, 0)
    assert found.reasons() == {"its items and shipping don't add up to what the order says was received"}
    assert found.rows('"value"', "set_aside", '"row"')[0] == ("items 270.0000 + shipping 10.0000, order 279.9900",)
    assert (found.total(), found.total("set aside")) == (559.99, 279.99)


def test_refunds_stand_on_the_day_of_the_order(tmp_path):
    # all of the first line, 15.00 of the second, and 5.00 that no item explains: 5.00 × 180 ÷ 270 = 3.33
    items = [RED | {"商品已退款金额": "180.00"}, BLUE | {"商品已退款金额": "15.00"}]
    order = ORDER | {"订单已退款金额": "200.00"}
    files, stayed = exports([order], items), exports([order], [item | {"商品发货状态": "未发货"} for item in items])
    found, back, unsent = several(tmp_path, a=(files, ""), b=(files, "restocked = true\n"), c=(stayed, ""))
    columns = "line_no, refunded_on, quantity, refund_amount, restocked"
    assert found.rows(columns, "returns") == [("1", "2025-12-01", "2", "183.3300", "False"), ("2", "2025-12-01", "0", "16.6700", "False")]
    assert found.total() == 80
    notes = found.notes()
    assert notes["refunds, for which the export has no day, stand on the day of the order"] == (2, 200)
    assert notes["what was refunded beyond the refunds of the items, shipping for instance, is split over the lines of its order"] == (1, 5)
    assert [row[0] for row in back.rows("restocked", "returns")] == ["True", "False"]
    assert [row[0] for row in unsent.rows("restocked", "returns")] == ["True", "False"]


def test_refunds_that_only_one_of_the_files_tells(tmp_path):
    items = [RED | {"商品已退款金额": "30.00"}, BLUE]
    found, more, less = several(
        tmp_path, a=(exports([ORDER | {"订单已退款金额": ""}], items), ""), b=(exports([ORDER | {"订单已退款金额": "20.00"}], items), ""),
        c=(exports([ORDER | {"订单已退款金额": "27.00"}], [RED, BLUE]), ""),
    )  # fmt: skip
    assert found.rows("refund_amount", "returns") == [("30.0000",)]
    assert (found.total(), found.total("elsewhere")) == (280, 30)
    assert more.reasons() == {"its items say that more was refunded than the order does: export both on the same day"}
    assert less.rows("refund_amount", "returns") == [("18.0000",), ("9.0000",)]


def test_what_is_a_sale(tmp_path):
    def order(n: int, **cells) -> tuple[dict, dict, dict]:
        number = {"订单号": f"E2025120110000000000000{n}0"}
        return ORDER | number | cells, RED | number, BLUE | number

    unpaid = {"买家付款时间": "", "订单实收金额": "0.00", "订单实付金额": "0.00"}
    orders = [
        order(1, 订单状态="交易关闭", **unpaid), order(2, 订单状态="待付款", **unpaid), order(3, 订单状态="已取消", 买家付款时间="——", 订单实收金额="280.00"),
        order(4, 订单状态="交易关闭", 订单已退款金额="280.00"), order(5, 订单状态="交易关闭"), order(6, 订单状态="已发货", 买家付款时间=""),
        order(7, 订单状态="某种状态"), order(8, 订单状态="某种状态", 买家付款时间=""), order(9, 订单状态="待发货"),
    ]  # fmt: skip
    found = load(tmp_path, exports([order for order, *_ in orders], [item for _, *items in orders for item in items]))
    states = {row[0][-2]: row[1] for row in found.rows("distinct order_id, status", order="order_id")}
    assert states == {
        "1": "cancelled",
        "2": "cancelled",
        "3": "cancelled",
        "4": "completed",
        "6": "completed",
        "7": "completed",
        "9": "completed",
    }
    assert found.reasons() == {
        "closed after it was paid, and nothing says that the money went back",
        "neither paid nor in a state that is known",
    }
    assert found.total() == 280 * 6 - 280  # orders 4 to 9, one of them given back
    assert found.total("set aside") == 280 * 2
    assert found.notes()["lines of orders that wait for payment: loaded as cancelled, until an export shows them paid"] == (2, 270)


def test_a_cost_of_zero_is_unknown(tmp_path):
    found = load(tmp_path, exports([ORDER], [RED | {"商品成本价": "0.00"}, BLUE | {"商品成本价": "——"}]))
    assert found.rows("unit_cost") == [(None,), (None,)]
    assert found.notes()["商品成本价 is 0: taken for unknown"][0] == 1


def test_value_added_tax_in_the_prices(tmp_path):
    # 1.13 × 200 = 226.00 listed, 203.40 paid; 113.00 and 101.70; shipping 11.30; refunded 56.50
    items = [RED | {"商品单价": "113", "商品金额小计": "226.00", "商品实际成交金额": "203.40", "店铺优惠（分摊）": "22.60"},
             BLUE | {"商品单价": "113", "商品金额小计": "113.00", "商品实际成交金额": "101.70", "店铺优惠（分摊）": "11.30", "商品已退款金额": "56.50"}]  # fmt: skip
    order = ORDER | {"运费": "11.30", "订单实收金额": "316.40", "订单已退款金额": "56.50"}
    unpaid = order | {"订单状态": "待付款", "买家付款时间": "", "订单实收金额": "0", "订单已退款金额": "0"}
    waiting = exports([unpaid], [items[0], items[1] | {"商品已退款金额": ""}])
    found, with_tax, unpaid = several(
        tmp_path, a=(exports([order], items), "vat = 13\n"), b=(exports([order], items), ""), c=(waiting, "vat = 13\n")
    )
    assert found.rows("gross_amount, discount_amount, shipping_income") == [
        ("200.0000", "20.0000", "6.6600"),
        ("100.0000", "10.0000", "3.3400"),
    ]
    assert found.rows("refund_amount", "returns") == [("50.0000",)]
    assert (found.total(), found.total("elsewhere")) == (259.90, 29.90)  # 230.00 without tax
    assert not any("say vat" in what for what in found.notes())
    assert any("say vat" in what for what in with_tax.notes())
    assert unpaid.total() == 0


def test_channel_store_and_product_by_option(tmp_path):
    files = exports([ORDER], [RED, BLUE])
    bare = exports([ORDER], [item | {"商品名称": "", "规格编码": "", "商品编码": "", "商品规格": ""} for item in (RED, BLUE)])
    cases = several(
        tmp_path, a=(files, 'channel_from = "订单来源"\n'), b=(files, 'channel = "yz"\n'), c=(exports([ORDER | {"销售渠道": ""}], [RED, BLUE]), ""),
        d=(exports([ORDER | {"销售渠道": "", "订单来源": ""}], [RED, BLUE]), ""), e=(files, 'product = "商品名称"\n'), f=(files, 'product = "商品编码"\n'),
        g=(bare, ""),
    )  # fmt: skip
    assert [case.rows("store, channel")[0] for case in cases[:4]] == [
        ("a", "商家小程序"),
        ("b", "yz"),
        ("c", "商家小程序"),
        ("d", "youzan"),
    ]
    assert [[row[0] for row in case.rows("product_id")] for case in cases[4:6]] == [["杯 · 红", "碗"], ["0012", "0099"]]
    assert cases[6].reasons() == {"an item of the order has neither a code nor a name"}


def test_names_of_products(tmp_path):
    items = [RED, RED | {"商品名称": "新杯", "商品类目": "家居"}, BLUE | {"商品编码": ""}, RED | {"商品名称": "", "商品规格": ""}]
    more = '[[sources]]\nadapter = "youzan_products"\nfiles = "exports/items.csv"\n'
    found = Loaded(write(tmp_path, exports([ORDER], items), TOML + more))
    assert found.rows("product_id, name, category", "products", "product_id") == [("0012", "新杯 · 红", "家居"), ("碗", "碗", None)]
    assert found.rows("rows_in, loaded, set_aside", "loads where table_name = 'youzan_products'", "1") == [("4", "3", "1")]
    with pytest.raises(BadInput, match="option `product`"):
        Loaded(write(tmp_path, {}, TOML + more + 'product = "x"\n'))


def test_items_alone(tmp_path):
    toml = TOML + 'store = "S"\n'
    closed = RED | {"订单号": "E20251202093000000000009", "订单商品状态": "交易关闭"}
    found = load(tmp_path, exports(None, [RED | {"商品已退款金额": "30"}, BLUE, closed, RED | {"订单号": "12345"}]), toml)
    assert found.rows("ordered_at, store, channel, shipping_income, discount_amount, status") == [
        ("2025-12-01 10:00:00", "S", "youzan", "0.0000", "20.0000", "completed"),
        ("2025-12-01 10:00:00", "S", "youzan", "0.0000", "10.0000", "completed"),
        ("2025-12-02 09:30:00", "S", "youzan", "0.0000", "20.0000", "cancelled"),
    ]
    assert found.reasons() == {"no day of the order: export it by order as well"}
    assert found.total() == 180 - 30 + 90 + 180
    assert found.notes()["order times were read from the order number"][0] == 3


def test_items_alone_in_the_zone_of_the_company(tmp_path):
    toml = TOML.replace("Asia/Shanghai", "Europe/Berlin") + 'store = "S"\n'
    assert load(tmp_path / "a", exports(None, [RED, BLUE]), toml).rows("ordered_at")[0] == ("2025-12-01 03:00:00",)
    assert load(tmp_path / "b", exports([ORDER], [RED, BLUE]), toml).rows("ordered_at")[0] == ("2025-12-01 03:00:00",)


def test_a_custom_item_export_with_times(tmp_path):
    header = [*ITEMS, "订单创建时间", "买家付款时间", "归属店铺"]
    item = {"订单创建时间": "2025/12/1 9:05", "买家付款时间": "2025/12/1 9:06", "归属店铺": "一店"}
    found = load(tmp_path, exports(None, [RED | item, BLUE | item], items_header=header))
    assert found.rows("ordered_at, store, status")[0] == ("2025-12-01 09:05:00", "一店", "completed")


@pytest.mark.parametrize(
    "files, more, words",
    [
        (exports([ORDER], None), "", ["exports/orders.csv", "商品维度", "costs"]),
        (exports(None, [RED]), "", ["exports/items.csv", "归属店铺", 'store = "…"']),
        (exports([ORDER], [RED], [name for name in ORDERS if name != "归属店铺"]), "", ["归属店铺"]),
        (exports([ORDER], [RED], [name for name in ORDERS if "实收" not in name and "实付" not in name]), "", ["订单实收金额"]),
        (exports([ORDER], [RED]), 'person = "王"\n', ["option `person`"]),
        (exports([ORDER], [RED]), 'product = "SKU"\n', ["option `product`"]),
        (exports([ORDER], [RED]), 'channel_from = "x"\n', ["option `channel_from`"]),
        (exports([ORDER], [RED]), "vat = 130\n", ["option `vat`"]),
        (exports([ORDER], [RED]), 'vat = "13"\n', ["`vat`", "whole number"]),
        (exports(None, [RED], items_header=[name for name in ITEMS if name != "商品数量"]), 'store = "S"\n', ["商品数量"]),
        ({"exports/x.csv": "a,b\n1,2\n"}, "", ["exports/x.csv", "订单号"]),
    ],
)
def test_what_can_not_be_read_is_refused_in_one_sentence(tmp_path, files, more, words):
    with pytest.raises(BadInput) as caught:
        Loaded(write(tmp_path, files, TOML + more))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_older_exports(tmp_path):
    old = [name for name in ORDERS if name not in ("订单实收金额", "支付优惠合计", "销售渠道", "分销员", "订单佣金金额")] + [
        "支付营销优惠",
        "优惠券码名称",
    ]
    bare = [name for name in ITEMS if name not in ("商品成本价", "入住时间")] + ["周期购信息"]
    found = load(tmp_path, exports([ORDER | {"支付营销优惠": "5.00", "订单实付金额": "275.00"}], [RED, BLUE], old, bare))
    assert found.rows("discount_amount, unit_cost, employee_id, channel") == [
        ("23.3300", None, None, "商家小程序"),
        ("11.6700", None, None, "商家小程序"),
    ]
    assert found.total() == 275
    assert any("订单实付金额" in what for what in found.notes())


def test_headers_in_half_width_and_another_order_and_gb18030(tmp_path):
    header = [name.replace("（", "(").replace("）", ")") for name in reversed(ITEMS)]
    items = text(header, [{name.replace("（", "(").replace("）", ")"): cell for name, cell in item.items()} for item in (RED, BLUE)])
    files = {"exports/o.csv": text(ORDERS, [ORDER]).encode("gb18030"), "exports/i.csv": items.encode("utf-8-sig")}
    found = load(tmp_path, files)
    assert found.rows("gross_amount, region") == [("200.0000", "云南省"), ("100.0000", "云南省")]
    assert found.rows("encoding", "loads", "encoding") == [("gb18030",), ("utf-8",)]


def test_amounts_in_ten_thousands_and_full_width_digits(tmp_path):
    order = ORDER | {"订单实收金额": "1.2345万", "运费": "￥４５．００"}
    item = RED | {"商品单价": "6,150.00", "商品金额小计": "1.23万", "商品实际成交金额": "１２３００．００", "店铺优惠（分摊）": "0"}
    assert load(tmp_path, exports([order], [item])).rows("gross_amount, shipping_income") == [("12300.0000", "45.0000")]


def test_a_spreadsheet_is_read_as_well(tmp_path):
    import xlsxwriter

    for name, header, rows in (("orders", ORDERS, [ORDER]), ("items", ITEMS, [RED, BLUE])):
        (tmp_path / "exports").mkdir(exist_ok=True)
        book = xlsxwriter.Workbook(tmp_path / "exports" / f"{name}.xlsx")
        sheet = book.add_worksheet()
        for n, cells in enumerate(csv.reader(io.StringIO(text(header, rows)))):
            sheet.write_row(n, 0, cells)
        book.close()
    assert load(tmp_path, {}).rows("product_id") == [("0012",), ("0099",)]


def test_the_same_file_twice_and_a_newer_one(tmp_path):
    files, later = exports([ORDER], [RED, BLUE]), {"交易成功时间": "2025-12-20 08:00:00"}
    newer = exports([ORDER | later | {"订单已退款金额": "90.00"}], [RED | later, BLUE | later | {"商品已退款金额": "90.00"}])
    cases = several(
        tmp_path, a=(files | {name.replace("exports/", "exports/copy of "): content for name, content in files.items()}, ""),
        b=({name.replace("exports/", "exports/a "): content for name, content in newer.items()} | files, ""),
        c=(exports([ORDER, ORDER], [RED, BLUE, RED]), ""),
    )  # fmt: skip
    assert [case.whereabouts() for case in cases] == [(6, 3, 0, 3), (6, 3, 0, 3), (5, 3, 0, 2)]
    assert [case.rows("refund_amount", "returns") for case in cases] == [[], [("90.0000",)], []]


def test_equal_items_are_two_where_only_both_make_up_what_was_received(tmp_path):
    """180 + 180 and 10 for shipping are 370; 180 + 90 + 10 are 280 without the second 180, and items alone can't tell."""
    files = exports([ORDER | {"订单实收金额": "370.00"}], [RED, RED])
    cases = several(
        tmp_path, a=(files, ""), b=(files | {name.replace("exports/", "exports/copy of "): content for name, content in files.items()}, ""),
        c=(exports([ORDER], [RED, BLUE, RED]), ""), d=(exports(None, [RED, RED]), ""), e=(exports([ORDER | {"订单实收金额": "375.00"}], [RED, RED]), ""),
    )  # fmt: skip
    assert [case.whereabouts() for case in cases] == [(3, 3, 0, 0), (6, 3, 0, 3), (4, 3, 0, 1), (2, 1, 0, 1), (3, 0, 2, 1)]
    assert cases[0].rows("line_no, product_id, quantity, gross_amount, discount_amount, shipping_income") == [
        ("1", "0012", "2", "200.0000", "20.0000", "5.0000"), ("2", "0012", "2", "200.0000", "20.0000", "5.0000")
    ]  # fmt: skip
    assert [case.total() for case in cases] == [370, 370, 280, 180, 375]


def test_two_rows_for_one_order_that_differ_are_set_aside(tmp_path):
    found = load(tmp_path, exports([ORDER, ORDER | {"归属店铺": "二店"}], [RED, BLUE]))
    assert found.whereabouts() == (4, 0, 4, 0)
    assert "two different rows of the order-level export" in found.reasons()


def test_two_shops_with_the_same_numbers_stay_two(tmp_path):
    toml = (
        TOML.replace("exports/*", "exports/a/*")
        + 'store = "A"\n'
        + TOML[TOML.index("[[") :].replace("exports/*", "exports/b/*")
        + 'store = "B"\n'
    )
    files = {
        f"exports/{shop}/{name}.csv": content
        for shop in "ab"
        for name, content in zip("oi", exports([ORDER], [RED, BLUE]).values(), strict=True)
    }
    assert load(tmp_path, files, toml).rows("store, order_id, line_no", order="store, line_no") == [
        ("A", NUMBER, "1"), ("A", NUMBER, "2"), ("B", NUMBER, "1"), ("B", NUMBER, "2"),
    ]  # fmt: skip


def test_an_order_that_one_file_lacks_and_a_cell_that_can_not_be_read(tmp_path):
    orders = [ORDER | {"订单号": f"E2025120{n}10000000000000{n}"} for n in (1, 2)]
    second, third = {"订单号": "E20251202100000000000002"}, {"订单号": "E20251203100000000000003"}
    found, half = several(
        tmp_path,
        a=(exports(orders, [RED | third, BLUE | third, RED | second]), ""),
        b=(exports([ORDER], [RED | {"商品数量": "1.5"}, BLUE]), ""),
    )
    assert found.reasons() == {
        "no readable row of the item-level export says what was sold", "its items are there, but no single readable row of the order-level export",
        "its items and shipping don't add up to what the order says was received",
    }  # fmt: skip
    assert half.whereabouts() == (3, 0, 3, 0)
    assert "not a whole number" in half.reasons()


def test_free_goods_and_an_order_worth_nothing(tmp_path):
    gift = BLUE | {"商品单价": "0", "商品金额小计": "0.00", "店铺优惠（分摊）": "0.00", "商品实际成交金额": "0.00"}
    found, free = several(
        tmp_path, a=(exports([ORDER | {"订单实收金额": "190.00"}], [RED, gift]), ""),
        b=(exports([ORDER | {"订单实收金额": "10.00", "订单佣金金额": "2"}], [gift, gift | {"规格编码": "9"}]), ""),
    )  # fmt: skip
    assert found.rows("gross_amount, shipping_income") == [("200.0000", "10.0000"), ("0.0000", "0.0000")]
    assert free.rows("shipping_income, commission") == [("10.0000", "2.0000"), ("0.0000", "0.0000")]
    assert free.total() == 10


def test_negative_figures_are_set_aside(tmp_path):
    odd = [({}, {"商品实际成交金额": "-180"}), ({"运费": "-10"}, {}), ({"订单佣金金额": "-1"}, {}), ({"订单已退款金额": "-5"}, {})]
    cases = {f"c{n}": (exports([ORDER | order], [RED | item, BLUE]), "") for n, (order, item) in enumerate(odd)}
    assert [case.whereabouts() for case in several(tmp_path, **cases)] == [(3, 0, 3, 0)] * 4


def test_an_order_that_was_refunded_since_is_refunded(tmp_path):
    """One export of all orders, then one of the first order alone, with 90 given back."""
    number = NUMBER.replace("20251201", "20251215")
    days = {"订单号": number, "订单创建时间": "2025-12-15 10:00:00", "买家付款时间": "2025-12-15 10:01:00"}
    old = exports([ORDER, ORDER | days], [RED, BLUE, RED | {"订单号": number}, BLUE | {"订单号": number}])
    new = exports([ORDER | {"订单已退款金额": "90.00"}], [RED, BLUE | {"商品已退款金额": "90.00"}])
    found = load(tmp_path, old | {name.replace("exports/", "exports/a "): content for name, content in new.items()})
    assert found.rows("refund_amount", "returns") == [("90.0000",)] and found.whereabouts() == (9, 6, 0, 3)


def test_no_row_is_lost_of_a_file_that_gives_sales_and_names(tmp_path):
    """Both items of the first order are set aside, for 订单实收金额 is another; their names, and the second order's items, are good."""
    number = NUMBER.replace("20251201", "20251215")
    files = exports([ORDER | {"订单实收金额": "1.00"}, ORDER | {"订单号": number}], [RED, BLUE, RED | {"订单号": number}, BLUE | {"订单号": number}])
    names = '[[sources]]\nadapter = "youzan_products"\nfiles = "exports/items.csv"\n'
    frame = load_report.rows(open_book(str(write(tmp_path, files, TOML + names)), "2025-12"))
    found = frame.set_index(["table", "file"])[["rows_in", "loaded", "set_aside", "lost"]]
    assert found.loc[("youzan", "exports/items.csv")].tolist() == [4, 2, 2, 0]
    assert found.loc[("youzan_products", "exports/items.csv")].tolist() == [4, 4, 0, 0]
