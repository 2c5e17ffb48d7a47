"""Preparing and reading a company of any size, beside a minimal statement in DuckDB, in pandas and, where it is installed, in Polars (lazy).

The statement is what an analyst would write for one table: products by month with net sales, cost at the order's date, and marketing spread over
the sales of its month, store and channel. It checks nothing, and it knows no people, customers, regions or currencies.
"""

import importlib.util
import json
from pathlib import Path

import duckdb

from bench.company import write_company
from bench.measure import in_python

PREPARE = """
import json, time
from helpers import ledger, load
from helpers.company import open_company
spent = {"load": 0.0, "write": 0.0}
def timed(module, name, what):
    function = getattr(module, name)
    def measured(*given):
        start = time.monotonic()
        function(*given)
        spent[what] += time.monotonic() - start
    setattr(module, name, measured)
timed(ledger, "load_tables", "load")
timed(load, "_store_lines", "write")
began = time.monotonic()
folder = ledger.prepare(open_company(sys.argv[1]))
took = time.monotonic() - began
size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
print(json.dumps({"checks": spent["load"] - spent["write"], "all": took, "bytes": size}))
"""
SLICE = """
import json, time
from helpers.book import open_book
from helpers.decisions import decide
began = time.monotonic()
book = open_book(sys.argv[1], "latest")
opened = time.monotonic() - began
product = book.ladder(["product_id"])
sliced = time.monotonic() - began - opened
decide(book)
cm = book.sql("select cast(sum(gross_sales + discounts + refunds + cogs + platform_fees + fulfilment + marketing) as double) as cm from spread")["cm"][0]
print(json.dumps({"open": opened, "slice": sliced, "decide": time.monotonic() - began - opened - sliced, "cm": cm}))
"""
SQL = """
import duckdb, json, pandas, time
began = time.monotonic()
con = duckdb.connect(config={"threads": 2})
con.execute("set enable_progress_bar = false")
for name in ("order_lines", "returns", "product_costs", "marketing_spend"):
    con.execute(f"create view {name} as from '{sys.argv[1]}/{name}.parquet'")
frame = con.execute('''
    with costs as (select product_id, valid_from, lead(valid_from, 1, date '9999-12-31') over (partition by product_id order by valid_from) as valid_to, unit_cost from product_costs),
    lines as (select l.*, cast(ordered_at as date) as day, unit_cost from order_lines l
              join costs c on l.product_id = c.product_id and cast(ordered_at as date) >= valid_from and cast(ordered_at as date) < valid_to),
    sold as (select date_trunc('month', day) as month, store, channel, product_id, sum(gross_amount - discount_amount) as sales, sum(quantity * unit_cost) as cogs,
                    sum(platform_fee + fulfilment_cost) as fees from lines group by all),
    back as (select date_trunc('month', refunded_on) as month, l.store, channel, l.product_id, sum(refund_amount) as refunds,
                    sum(case when restocked then r.quantity * unit_cost else 0 end) as cogs from returns r join lines l using (store, order_id, line_no) group by all),
    spend as (select date_trunc('month', date) as month, store, channel, sum(amount) as amount from marketing_spend group by all),
    spread as (select s.*, amount * sales / sum(sales) over (partition by month, store, channel) as marketing from sold s left join spend using (month, store, channel))
    select month, product_id, sum(sales) as sales, sum(cogs) as cogs, sum(fees) as fees, sum(marketing) as marketing, sum(refunds) as refunds, sum(restocked) as restocked
    from (select month, product_id, sales, cogs, fees, marketing, 0 as refunds, 0 as restocked from spread
          union all select month, product_id, 0, 0, 0, 0, refunds, cogs from back) group by all order by all''').df()
print(json.dumps({"all": time.monotonic() - began,
                  "cm": float((frame["sales"] - frame["cogs"] - frame["fees"] - frame["marketing"] - frame["refunds"] + frame["restocked"]).sum())}))
"""
PANDAS = """
import json, time
import pandas as pd
began = time.monotonic()
folder = sys.argv[1]
lines = pd.read_parquet(f"{folder}/order_lines.parquet", columns=["store", "order_id", "line_no", "channel", "product_id", "ordered_at", "quantity", "gross_amount", "discount_amount", "platform_fee", "fulfilment_cost"])
costs = pd.read_parquet(f"{folder}/product_costs.parquet")
for frame in (lines, costs):
    for name in frame.columns[frame.dtypes == object]:
        if name not in ("store", "order_id", "line_no", "channel", "product_id", "valid_from"):
            frame[name] = frame[name].astype(float)
lines["day"], costs["valid_from"] = lines["ordered_at"].dt.normalize().astype("datetime64[us]"), pd.to_datetime(costs["valid_from"]).astype("datetime64[us]")
lines = pd.merge_asof(lines.sort_values("day", kind="stable"), costs.sort_values("valid_from"), left_on="day", right_on="valid_from", by="product_id")
lines["month"] = lines["day"].dt.to_period("M")
lines["sales"], lines["cogs"] = lines["gross_amount"] - lines["discount_amount"], lines["quantity"] * lines["unit_cost"]
lines["fees"] = lines["platform_fee"] + lines["fulfilment_cost"]
keys = ["month", "store", "channel", "product_id"]
sold = lines.groupby(keys, observed=True)[["sales", "cogs", "fees"]].sum().reset_index()
back = pd.read_parquet(f"{folder}/returns.parquet").merge(lines[["store", "order_id", "line_no", "channel", "product_id", "unit_cost"]], on=["store", "order_id", "line_no"])
back["month"] = pd.to_datetime(back["refunded_on"]).dt.to_period("M")
back["refunds"] = back["refund_amount"].astype(float)
back["restocked"] = back["quantity"] * back["unit_cost"] * back["restocked"]
back = back.groupby(["month", "product_id"])[["refunds", "restocked"]].sum().reset_index()
spend = pd.read_parquet(f"{folder}/marketing_spend.parquet")
spend["month"], spend["amount"] = pd.to_datetime(spend["date"]).dt.to_period("M"), spend["amount"].astype(float)
sold = sold.merge(spend.groupby(["month", "store", "channel"])["amount"].sum().reset_index(), how="left")
sold["marketing"] = sold["amount"] * sold["sales"] / sold.groupby(["month", "store", "channel"])["sales"].transform("sum")
table = sold.groupby(["month", "product_id"])[["sales", "cogs", "fees", "marketing"]].sum().reset_index().merge(back, how="outer", on=["month", "product_id"]).fillna(0)
print(json.dumps({"all": time.monotonic() - began,
                  "cm": float((table["sales"] - table["cogs"] - table["fees"] - table["marketing"] - table["refunds"] + table["restocked"]).sum())}))
"""
POLARS = """
import json, time
import polars as pl
began = time.monotonic()
folder, sale, keys = sys.argv[1], ["store", "order_id", "line_no"], ["month", "store", "channel", "product_id"]
def scan(name, *columns):
    return pl.scan_parquet(f"{folder}/{name}.parquet").select(columns).with_columns(pl.col(pl.Decimal).cast(pl.Float64))
def month(column):
    return pl.col(column).dt.truncate("1mo").cast(pl.Date).alias("month")
costs = scan("product_costs", "product_id", "valid_from", "unit_cost").sort("valid_from")
lines = scan("order_lines", *sale, "channel", "product_id", "ordered_at", "quantity", "gross_amount", "discount_amount", "platform_fee", "fulfilment_cost")
lines = lines.with_columns(pl.col("ordered_at").cast(pl.Date).alias("day")).sort("day")
lines = lines.join_asof(costs, left_on="day", right_on="valid_from", by="product_id", check_sortedness=False)
sold = lines.group_by(month("day"), "store", "channel", "product_id").agg(
    (pl.col("gross_amount") - pl.col("discount_amount")).sum().alias("sales"), (pl.col("quantity") * pl.col("unit_cost")).sum().alias("cogs"),
    (pl.col("platform_fee") + pl.col("fulfilment_cost")).sum().alias("fees"))
spend = scan("marketing_spend", "date", "store", "channel", "amount").group_by(month("date"), "store", "channel").agg(pl.col("amount").sum())
sold = sold.join(spend, on=["month", "store", "channel"], how="left").with_columns(
    (pl.col("amount") * pl.col("sales") / pl.col("sales").sum().over("month", "store", "channel")).alias("marketing"))
back = scan("returns", *sale, "refunded_on", "quantity", "refund_amount", "restocked").join(lines.select(*sale, "product_id", "unit_cost"), on=sale)
back = back.group_by(month("refunded_on"), "product_id").agg(
    pl.col("refund_amount").sum().alias("refunds"), (pl.col("quantity") * pl.col("unit_cost") * pl.col("restocked")).sum().alias("restocked"))
sold = sold.group_by("month", "product_id").agg(pl.col("sales", "cogs", "fees", "marketing").sum())
table = sold.join(back, on=["month", "product_id"], how="full", coalesce=True).fill_null(0).sort("month", "product_id").collect(engine="streaming")
print(json.dumps({"all": time.monotonic() - began,
                  "cm": float((table["sales"] - table["cogs"] - table["fees"] - table["marketing"] - table["refunds"] + table["restocked"]).sum())}))
"""
SCAN = """
import duckdb, json, time
began = time.monotonic()
con = duckdb.connect(config={"threads": 2})
con.execute("set enable_progress_bar = false")
con.execute(f"select count(distinct product_id), max(ordered_at), sum(quantity), sum(gross_amount), sum(discount_amount), max(store), max(channel), sum(platform_fee) from '{sys.argv[1]}/order_lines.parquet'")
print(json.dumps({"all": time.monotonic() - began}))
"""


def run(scratch: Path, lines: int) -> dict:
    """Seconds, peak memory and results of every way with one company of this many order lines.

    "added" is the preparing of the same company when all but its last month is prepared already.
    """
    folder, cache = scratch / "company", {"PROFIT_CACHE": str(scratch / "cache")}
    write_company(folder, lines)
    found = {}
    ways = {"prepare": PREPARE, "slice": SLICE, "sql": SQL, "polars": POLARS, "pandas": PANDAS, "scan": SCAN}
    for name, code in ways.items():
        if name == "pandas" and lines > 10_000_000 or name == "polars" and not importlib.util.find_spec("polars"):
            continue
        result = in_python(code, str(folder), **cache)
        found[name] = result | json.loads(result.pop("lines")[-1])
    if lines <= 10_000_000:
        cache = {"PROFIT_CACHE": str(scratch / "cache without its last month")}
        leave_out_last_month(folder, scratch / "earlier")
        in_python(PREPARE, str(scratch / "earlier"), **cache)
        result = in_python(PREPARE, str(folder), **cache)
        found["added"] = result | json.loads(result.pop("lines")[-1])
    return found


def leave_out_last_month(folder: Path, earlier: Path) -> None:
    """Writes the company as it was before its last full month began; the month after it holds nothing but refunds."""
    earlier.mkdir()
    (earlier / "company.toml").write_text((folder / "company.toml").read_text())
    days = {"order_lines": "ordered_at", "returns": "refunded_on", "marketing_spend": "date", "inventory": "date"}
    with duckdb.connect(config={"memory_limit": "2GB"}) as con:
        con.execute("set enable_progress_bar = false")
        for path in folder.glob("*.parquet"):
            where = f"where {days[path.stem]} < date '2025-12-01'" if path.stem in days else ""
            con.execute(f"copy (from '{path}' {where}) to '{earlier / path.name}' (format parquet, compression zstd)")
