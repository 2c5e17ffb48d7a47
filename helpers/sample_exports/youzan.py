"""Youzan exports of the sample company's Chinese shops: live shows and agents of the flagship, agents and social groups of the outlet."""

from collections import defaultdict
from pathlib import Path

from helpers.sample_exports import as_csv, write_table, write_text

OUTLETS = {("cn-flagship", "livestream"), ("cn-flagship", "agents"), ("cn-outlet", "agents"), ("cn-outlet", "social")}
PROVINCES = {"East": "浙江省", "South": "广东省", "North": "北京市", "West": "四川省"}
COMPANY = """name = "Sample Trading Co, orders from Youzan"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"

[[sources]]
adapter = "youzan"
files = ["exports/orders*.csv", "exports/items*.csv"]
channel_from = "订单来源"
"""
ORDERS = (
    "订单号,销售渠道,归属店铺,订单类型,订单状态,推广方式,订单来源,订单创建时间,买家付款时间,交易成功时间,付款方式,支付流水号,商品金额合计,运费,店铺优惠合计,"
    "应收订单金额,订单实付金额,支付优惠合计,订单实收金额,订单抵用积分数,店铺优惠方式,支付优惠方式,全部商品名称,商品种类数,订单配送方式,同城送达时间/提货时间,"
    "收货人省份,收货人城市,收货人地区,详细收货地址/提货地址,收货人/提货人,收货人手机号/提货人手机号,买家备注,订单星级,买家昵称,买家是否会员,买家手机号,下单网点,"
    "收银员,分销员,销售导购,专属导购,订单退款状态,订单已退款金额,商家订单备注,桌号,挂账主体,挂账手机号,团长订单,订单风险标签,分销员,分销员手机号,"
    "分销员所属店铺,分销员所属团队,分销员所属分组,分销员等级,订单佣金类型,订单佣金金额,订单下级卖货提成类型,订单下级卖货提成金额"
).split(",")
ITEMS = (
    "订单号,外部订单号,订单商品状态,交易成功时间,商品名称,商品类型,商品类目,商品规格,规格编码,商品编码,商品单价,商品成本价,商品优惠方式,商品优惠后价格,商品数量,"
    "商品金额小计,店铺优惠（分摊）,商品实际成交金额,商品抵用积分数,商品留言,收货人/提货人,收货人手机号/提货人手机号,收货人省份,收货人城市,收货人地区,"
    "详细收货地址/提货地址,买家备注,商品发货状态,商品发货方式,商品发货物流公司,商品发货物流单号,发货员工,商品发货时间,商品退款状态,商品已退款金额,商家订单备注,入住时间"
).split(",")


def order_number(line: dict) -> str:
    """Youzan's number of an order: E, the time that it was placed, ten digits."""
    digits = "".join(letter for letter in line["order_id"] if letter.isdigit())
    return f"E{''.join(letter for letter in str(line['ordered_at']) if letter.isdigit())}{'1' if line['store'] == 'cn-outlet' else '0'}{int(digits):09d}"


def chosen(tables: dict[str, list[dict]], months: list[str]) -> list[dict]:
    """The order lines that are sold through Youzan."""
    return [line for line in tables["order_lines"] if (line["store"], line["channel"]) in OUTLETS and str(line["ordered_at"])[:7] in months]


def refunds(tables: dict[str, list[dict]], months: list[str]) -> dict[tuple, dict]:
    """What had been refunded by the end of the months, by store, order and line."""
    found = [back for back in tables["returns"] if back["refunded_on"] and str(back["refunded_on"])[:7] <= months[-1]]
    return {(back["store"], back["order_id"], str(back["line_no"])): back for back in found}


def write(tables: dict[str, list[dict]], folder: Path, months: list[str]) -> None:
    """Write a company folder: half a year in a pair of files, each beginning a month before the last one ended, and what Youzan doesn't know."""
    write_text(folder / "company.toml", COMPANY)
    for name in ("products", "product_costs", "employees"):
        write_table(folder, name, tables[name])
    write_table(folder, "fx_rates", [rate for rate in tables["fx_rates"] if rate["rate"] != "n/a"])
    spend = [row for row in tables["marketing_spend"] if (row["store"], row["channel"]) in OUTLETS and str(row["date"])[:7] in months]
    write_table(folder, "marketing_spend", spend)
    for start in range(0, len(months), 6):
        span = months[max(start - 1, 0) : start + 6]
        orders, items = exports(tables, span, months)
        # The back office writes UTF-8; who has opened the orders in a spreadsheet has them in the encoding of Chinese Windows.
        write_text(folder / "exports" / f"orders-{span[-1]}.csv", as_csv(ORDERS, orders, end="\r\n"), "gb18030")
        write_text(folder / "exports" / f"items-{span[-1]}.csv", "\ufeff" + as_csv(ITEMS, items, end="\r\n"))


def exports(tables: dict[str, list[dict]], span: list[str], months: list[str]) -> tuple[list[list], list[list]]:
    """The rows of both exports for the orders of some months."""
    known = {product["product_id"]: product for product in tables["products"]}
    costs, back = tables["product_costs"], refunds(tables, months)
    orders, items, baskets = [], [], defaultdict(list)
    for line in chosen(tables, span):
        baskets[order_number(line)].append(line)
    for number, basket in baskets.items():
        about = basket[0]
        returned = [back.get((line["store"], line["order_id"], str(line["line_no"]))) for line in basket]
        unpaid = about["status"] == "cancelled"
        closed = unpaid or all(refund and refund["quantity"] == line["quantity"] for refund, line in zip(returned, basket, strict=True))
        status = (
            "待付款"
            if unpaid and number[-1] == "0"
            else "交易关闭"
            if closed
            else "已发货"
            if span[-1] == str(about["ordered_at"])[:7]
            else "交易完成"
        )
        when = str(about["ordered_at"]).replace("T", " ")
        paid_at = "" if unpaid else when
        buyer = {
            "收货人/提货人": "某人",
            "收货人手机号/提货人手机号": "\t138****0000",
            "收货人省份": PROVINCES[about["region"]],
            "收货人城市": "——",
        }
        for line, refund in zip(basket, returned, strict=True):
            items.append(_item(number, line, refund, known[line["product_id"]], costs, status) | buyer)
        orders.append(_order(number, basket, returned, status, when, paid_at) | buyer)
    return [_cells(ORDERS, row) for row in orders], [_cells(ITEMS, row) for row in items]


def _cells(header: list[str], row: dict) -> list[str]:
    return [row.get(f"{name}#2" if name in header[:place] else name, "") for place, name in enumerate(header)]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _cents(text: str) -> int:
    return round(float(text or 0) * 100)


def _order(number: str, basket: list[dict], returned: list[dict | None], status: str, when: str, paid_at: str) -> dict:
    about, channel, person = basket[0], basket[0]["channel"], basket[0]["employee_id"]
    listed, discount, shipping, commission = (
        sum(_cents(line[name]) for line in basket) for name in ("gross_amount", "discount_amount", "shipping_income", "commission")
    )
    due = listed - discount + shipping
    coupon = 500 if number.endswith("7") and due > 500 else 0  # of the payment provider, who makes it good
    bonus = commission // 10 if channel == "agents" else 0
    refunded = sum(_cents(refund["refund_amount"]) for refund in returned if refund)
    received = due if paid_at else 0
    return {
        "订单号": number, "销售渠道": "网店", "归属店铺": about["store"], "订单类型": "普通订单", "订单状态": status, "订单来源": channel, "订单创建时间": when,
        "买家付款时间": paid_at, "交易成功时间": when if status == "交易完成" else "", "付款方式": "微信支付", "商品金额合计": _money(listed), "运费": _money(shipping),
        "店铺优惠合计": _money(discount), "应收订单金额": _money(due), "订单实付金额": _money(received - coupon if received else 0), "支付优惠合计": _money(coupon),
        "订单实收金额": _money(received), "商品种类数": str(len(basket)), "订单配送方式": "快递", "买家昵称": "某人", "买家手机号": "\t138****0000",
        "分销员": person if channel == "agents" else "", "销售导购": person if channel == "livestream" else "", "专属导购": person if channel == "social" else "",
        "订单已退款金额": _money(refunded), "团长订单": "否", "订单风险标签": "——", "分销员#2": person if channel == "agents" else "", "分销员手机号": "\t138****0000",
        "订单佣金类型": "现金" if commission else "", "订单佣金金额": _money(commission - bonus) if commission else "",
        "订单下级卖货提成类型": "现金" if bonus else "", "订单下级卖货提成金额": _money(bonus) if bonus else "",
    }  # fmt: skip


def _item(number: str, line: dict, refund: dict | None, product: dict, costs: list[dict], status: str) -> dict:
    listed, discount, quantity = _cents(line["gross_amount"]), _cents(line["discount_amount"]), line["quantity"]
    paid, turned = listed - discount, line["channel"] == "agents" and number.endswith("3") and listed >= 2 * discount > 0
    subtotal = paid - discount if turned else listed  # an agent's purchase adds its discount again
    note = f"(分销商等级折扣：{_money(discount // 2)})" if line["channel"] == "agents" and discount else ""
    prices = [cost for cost in costs if cost["product_id"] == line["product_id"] and cost["valid_from"] <= str(line["ordered_at"])[:10]]
    cost = prices[-1]["unit_cost"] if prices and not prices[-1]["currency"] else ""  # what is bought in dollars has no cost in the shop
    return {
        "订单号": number, "外部订单号": f"\tC{number[1:17]}", "订单商品状态": status, "商品名称": product["name"], "商品类型": "普通类型商品", "商品类目": product["category"],
        "规格编码": line["product_id"], "商品单价": _money(listed // quantity), "商品成本价": cost, "商品优惠后价格": _money(subtotal // quantity), "商品数量": str(quantity),
        "商品金额小计": _money(subtotal), "店铺优惠（分摊）": _money(discount) + note, "商品实际成交金额": _money(paid), "商品发货状态": "未发货" if status == "待付款" else "已发货",
        "商品发货方式": "快递", "商品退款状态": "退款成功" if refund else "", "商品已退款金额": refund["refund_amount"] if refund else "0",
    }  # fmt: skip
