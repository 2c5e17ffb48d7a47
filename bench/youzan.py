"""Youzan exports of any size, for measuring: orders of two items each, written by DuckDB in all columns of the real ones."""

from pathlib import Path

import duckdb

from helpers.sample_exports.youzan import ITEMS, ORDERS

ORDER = """'E' || strftime(placed, '%Y%m%d%H%M%S') || lpad(cast(n as varchar), 10, '0')"""
AT = "timestamp '2024-01-01 08:00:00' + to_seconds(cast(n * 60 % 63072000 as bigint)) as placed"
CELLS = {
    "orders": {
        "订单号": ORDER, "销售渠道": "'网店'", "归属店铺": "'店铺' || n % 3", "订单类型": "'普通订单'", "订单状态": "'交易完成'", "订单来源": "'商家小程序'",
        "订单创建时间": "strftime(placed, '%Y-%m-%d %H:%M:%S')", "买家付款时间": "strftime(placed, '%Y-%m-%d %H:%M:%S')", "交易成功时间": "strftime(placed, '%Y-%m-%d %H:%M:%S')",
        "运费": "'8.00'", "支付优惠合计": "'0.00'", "订单实付金额": "paid", "订单实收金额": "paid", "订单已退款金额": "case when n % 20 = 0 then '12.30' else '0.00' end",
        "收货人省份": "'浙江省'", "收货人城市": "'——'", "收货人手机号/提货人手机号": "chr(9) || '138****0000'", "分销员": "'分销员' || n % 40",
        "订单佣金金额": "'6.66'", "订单下级卖货提成金额": "'1.11'",
    },
    "items": {
        "订单号": ORDER, "订单商品状态": "'交易完成'", "交易成功时间": "strftime(placed, '%Y-%m-%d %H:%M:%S')", "商品名称": "'商品' || (n * 7 + part) % 5000", "商品类目": "'其他'",
        "规格编码": "'S' || lpad(cast((n * 7 + part) % 5000 as varchar), 6, '0')", "商品单价": "'60.00'", "商品成本价": "case when n % 9 = 0 then '' else '21.50' end",
        "商品数量": "1 + part", "商品金额小计": "60 * (1 + part) || '.00'", "店铺优惠（分摊）": "case when n % 3 = 0 then '1.50(满减：1.50)' else '1.50' end",
        "商品实际成交金额": "60 * (1 + part) - 1.5", "收货人手机号/提货人手机号": "chr(9) || '138****0000'", "收货人省份": "'浙江省'", "商品发货状态": "'已发货'",
        "商品已退款金额": "case when n % 20 = 0 and part = 0 then '12.30' else '0.00' end",
    },
}  # fmt: skip


def write_youzan(path: Path, rows: int) -> None:
    """Write an order-level and an item-level export, together of that many rows, beside each other."""
    orders = rows // 3
    sources = {
        "orders": f"select n, {AT}, cast(185 as decimal(9,2)) as paid from range({orders}) t(n)",
        "items": f"select n, part, {AT} from range({orders}) t(n), range(2) p(part) order by n, part",
    }
    for kind, header in (("orders", ORDERS), ("items", ITEMS)):
        cells = ", ".join(f"{CELLS[kind].get(name, chr(39) * 2)} as c{place}" for place, name in enumerate(header))
        file = path.with_name(f"{kind}.csv")
        with duckdb.connect() as con:
            con.execute(f"copy (select {cells} from ({sources[kind]})) to '{file}' (header false)")
        file.write_bytes((",".join(header) + "\n").encode() + file.read_bytes())  # DuckDB can't name two columns 分销员


WRITERS = {"youzan": write_youzan}
