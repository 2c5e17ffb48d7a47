"""The ledger and what follows from it, as an analyst would write it in pandas for the benchmark's company: in memory, in floats, nothing checked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LINE, OUTLET = ["store", "order_id", "line_no"], ["month", "store", "channel"]
MONEY = ["gross_sales", "discounts", "refunds", "cogs", "platform_fees", "fulfilment", "marketing"]
SEGMENTS = ["new", "lapsed", "at_risk", "cooling", "promising", "champions", "loyal"]


def write(company: Path, out: Path) -> None:
    """Writes `ledger`, `spread`, `customer_months` and `stock` of a company of Parquet files into a folder, each as one file."""
    costs = _read(company, "product_costs").sort_values("valid_from")
    stock = _with_costs(_read(company, "inventory"), "date", costs)
    stock["value"] = stock["on_hand"] * stock.pop("unit_cost")
    _store(stock, out, "stock")

    ledger = _ledger(company, costs)
    outlets = ledger.groupby(OUTLET, observed=True)[["base", "marketing"]].sum()
    rates = (outlets["marketing"] / outlets["base"]).where(outlets["base"] > 0, 0.0).rename("rate").reset_index()

    customer, ids = pd.factorize(ledger["customer_id"])  # -1 where there is none
    bought = _bought(ledger.assign(customer=customer), rates)
    segments = _segments(bought, len(ids), ledger["month_no"].max() + 1)
    bought["segment"] = pd.Categorical.from_codes(segments[bought["customer"], bought["month_no"]], SEGMENTS)
    bought["customer_id"] = ids[bought["customer"]]
    _store(bought.drop(columns=["customer", "month_no"]), out, "customer_months")

    ledger["segment"] = pd.Categorical.from_codes(np.where(customer < 0, -1, segments[customer, ledger["month_no"]]), SEGMENTS)
    _store(ledger.drop(columns=["base", "month_no"]), out, "ledger")

    cells = ledger[ledger["kind"] != "marketing"].groupby([*OUTLET, "product_id", "segment"], observed=True)
    spread = cells[["quantity", *MONEY, "base"]].sum().reset_index()
    spread["marketing"] = spread["base"] * spread.merge(rates, how="left", on=OUTLET)["rate"]
    _store(spread, out, "spread")


def _ledger(company: Path, costs: pd.DataFrame) -> pd.DataFrame:
    """A row per order line, return and spend: dimensions, quantity, signed MONEY, and `base`, the sales before refunds."""
    sold = _read(company, "order_lines")
    sold["day"] = sold.pop("ordered_at").dt.normalize()
    sold = _with_costs(sold, "day", costs)
    sold["kind"] = "sale"
    sold["gross_sales"], sold["discounts"] = sold.pop("gross_amount"), -sold.pop("discount_amount")
    sold["base"] = sold["gross_sales"] + sold["discounts"]
    sold["cogs"] = -sold["quantity"] * sold["unit_cost"]
    sold["platform_fees"], sold["fulfilment"] = -sold.pop("platform_fee"), -sold.pop("fulfilment_cost")

    back = _read(company, "returns").rename(columns={"refunded_on": "day"}).assign(kind="return")
    back = back.merge(sold[[*LINE, "channel", "product_id", "customer_id", "unit_cost"]], on=LINE)
    back["refunds"] = -back.pop("refund_amount")
    back["cogs"] = back["quantity"] * back["unit_cost"] * back.pop("restocked")
    back["quantity"] = 0

    spend = _read(company, "marketing_spend").rename(columns={"date": "day"}).assign(kind="marketing", quantity=0)
    spend["marketing"] = -spend.pop("amount")

    ledger = pd.concat([sold, back, spend], ignore_index=True).drop(columns="unit_cost")
    ledger[[*MONEY, "base"]] = ledger[[*MONEY, "base"]].fillna(0.0)
    few = ["kind", "store", "channel", "product_id"]
    ledger[few] = ledger[few].astype("category")
    ledger["month"] = ledger["day"] - pd.to_timedelta(ledger["day"].dt.day - 1, unit="D")
    ledger["month_no"] = ledger["day"].dt.year * 12 + ledger["day"].dt.month
    ledger["month_no"] -= ledger["month_no"].min()
    return ledger


def _bought(ledger: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """What each customer bought and gave back in a month, by store; purchases are the days on which they ordered."""
    rows = ledger[ledger["customer"] >= 0]
    net_sales = rows["base"] + rows["refunds"]
    rows = rows[["customer", "month_no", *OUTLET]].assign(
        ordered=rows["day"].where(rows["kind"] == "sale"),
        net_sales=net_sales,
        cm2=net_sales + rows["cogs"] + rows["platform_fees"] + rows["fulfilment"],
        marketing=rows["base"].to_numpy() * rows[OUTLET].merge(rates, how="left")["rate"].to_numpy(),
    )
    keys = ["customer", "month", "month_no", "store"]
    months = rows.groupby(keys, observed=True, sort=False)
    days = rows.dropna(subset="ordered").drop_duplicates([*keys, "ordered"]).groupby(keys, observed=True, sort=False)
    bought = months.agg(first_day=("ordered", "min"), last_day=("ordered", "max")).join(months[["net_sales", "cm2", "marketing"]].sum())
    bought["purchases"] = days.size().reindex(bought.index, fill_value=0)
    return bought.reset_index()


def _segments(bought: pd.DataFrame, customers: int, months: int) -> np.ndarray:
    """The place in SEGMENTS of each customer in each month, by the twelve months before and by the last purchase before."""
    customer, month = bought["customer"].to_numpy(), bought["month_no"].to_numpy()
    purchases, spent = np.zeros((customers, months), "int32"), np.zeros((customers, months))
    last = np.zeros((customers, months + 1), "int32")  # days since 1970, in the month after
    np.add.at(purchases, (customer, month), bought["purchases"])
    np.add.at(spent, (customer, month), bought["net_sales"])
    np.maximum.at(last, (customer, month + 1), (bought["last_day"] - pd.Timestamp(0)).dt.days.fillna(0).astype("int32"))
    last = np.maximum.accumulate(last, axis=1)[:, :-1]
    purchases, spent = _year_before(purchases), _year_before(spent)
    since = (pd.date_range(bought["month"].min(), periods=months, freq="MS") - pd.Timestamp(0)).days.to_numpy()
    champion = (spent > 0) & (spent * (purchases > 0).sum(axis=0) >= 2 * spent.sum(axis=0))
    stale = last < since - 90
    return np.select([last == 0, purchases == 0, stale & (purchases >= 2), stale, purchases < 2, champion], range(6), 6).astype("int8")


def _year_before(monthly: np.ndarray) -> np.ndarray:
    """The sum of the twelve columns before each."""
    sums = np.cumsum(np.pad(monthly, ((0, 0), (13, 0))), axis=1)
    return sums[:, 12:-1] - sums[:, :-13]


def _with_costs(frame: pd.DataFrame, day: str, costs: pd.DataFrame) -> pd.DataFrame:
    """The frame with the unit_cost that was in force on its day."""
    found = pd.merge_asof(frame.sort_values(day, kind="stable"), costs, left_on=day, right_on="valid_from", by="product_id")
    return found.drop(columns="valid_from")


def _read(company: Path, name: str) -> pd.DataFrame:
    """A table with floats and timestamps for decimals and dates, which pandas would hold as Python's objects."""
    table = pq.read_table(company / f"{name}.parquet")
    types = [
        pa.float64() if pa.types.is_decimal(one) else pa.timestamp("us") if pa.types.is_date(one) else one for one in table.schema.types
    ]
    return table.cast(pa.schema(zip(table.column_names, types, strict=True))).to_pandas()


def _store(frame: pd.DataFrame, out: Path, name: str) -> None:
    frame.to_parquet(out / f"{name}.parquet", compression="zstd", index=False)
