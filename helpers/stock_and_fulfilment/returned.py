"""Returns: why goods come back, what a return costs in full, and what the returns that are still to come will take from recent months.

Development factors as in the chain ladder of insurers: Mack, Distribution-free calculation of the standard error of chain ladder reserve
estimates, ASTIN Bulletin 23 (1993).
"""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.ratios import ratio

COSTS = {
    "refund": "money given back",
    "handling": "taking the goods back",
    "lost_shipping": "what sending the goods had cost",
    "write_down": "cost of goods that did not go back to stock",
    "fee_kept": "platform fee that did not come back",
}
"""What a return costs in full, and what each part is; all positive, in the reporting currency at the rate of the order's day."""

AGES = {"up to 7 days": 7, "8 to 14 days": 14, "15 to 30 days": 30, "31 to 60 days": 60, "over 60 days": 10**6}
"""Bands of the days from the order to the refund, and the last day of each."""

DIMENSIONS = ("reason", "product_id", "category", "store", "channel", "carrier", "age")

# One row per refund of the month. A line's shipping and goods go by the units that came back, its fee by the money.
_BACK = f"""
    with came as (select * from returns where refunded_on >= $first and refunded_on <= $last and {{scope}}),
    sale as (
        select store, order_id, line_no, day, product_id, channel, quantity as sold, fulfilment, platform_fees, cogs, uncosted_sales,
               gross_sales + discounts + shipping_income as paid
        from ledger semi join came using (store, order_id, line_no) where kind = 'sale'),
    sent as (
        select store, order_id, arg_min(carrier, (shipped_at, carrier)) as carrier from shipments semi join came using (store, order_id) group by store, order_id),
    priced as (
        select s.*, r.quantity, r.restocked, r.reason, r.requested_on, r.refunded_on, coalesce(p.category, 'unallocated') as category, t.carrier,
               r.refunded_on - s.day as days, case when r.currency = $home then cast(1 as decimal(18,10)) else f.rate end as rate,
               cast(r.refund_amount as decimal(20,4)) as refund_amount, cast(coalesce(r.handling_cost, 0) as decimal(20,4)) as handling_cost,
               cast(coalesce(r.fee_refunded, 0) as decimal(20,4)) as fee_refunded
        from came r
        join sale s using (store, order_id, line_no)
        left join sent t using (store, order_id)
        left join products p on s.product_id = p.product_id
        asof left join fx_rates f on r.currency = f.currency and s.day >= f.date),
    back as (
        select store, order_id, channel, product_id, category, quantity, requested_on, refunded_on, days,
               coalesce(reason, 'not given') as reason, coalesce(carrier, 'not known') as carrier,
               case {" ".join(f"when days <= {end} then '{age}'" for age, end in AGES.items())} end as age,
               refund_amount * rate as refund, handling_cost * rate as handling,
               cast(-fulfilment as double) * quantity / sold as lost_shipping,
               case when restocked or quantity = 0 then 0 when uncosted_sales = 0 or cogs <> 0 then -cast(cogs as double) * quantity / sold end as write_down,
               fee_refunded * rate as fee_refunded,
               case when paid > 0 then -cast(platform_fees as double) * least(1, cast(refund_amount * rate as double) / cast(paid as double)) else 0 end
                   - cast(fee_refunded * rate as double) as fee_kept
        from priced)
"""


def _values(book: Book) -> dict:
    return {"first": book.first_day.date(), "last": book.last_day.date(), "home": book.currency}


@remembered
def _sums(book: Book) -> pd.DataFrame:
    """The month's returns summed by each of DIMENSIONS in one pass: dimension, entity, returns, units, the parts of COSTS, not_costed."""
    sums = ", ".join(f"cast(coalesce(sum({part}), 0) as double) as {part}" for part in COSTS)
    which = " ".join(f"when grouping({each}) = 0 then '{each}'" for each in DIMENSIONS)
    return book.sql(
        f"""{_BACK} select case {which} end as dimension, coalesce({", ".join(DIMENSIONS)}) as entity, count(*) as returns,
                           cast(sum(quantity) as bigint) as units, {sums}, count(*) filter (write_down is null) as not_costed
            from back group by grouping sets ({", ".join(f"({each})" for each in DIMENSIONS)}) order by dimension, entity""",
        **_values(book),
    )


@remembered
def returns_by(book: Book, dimension: str) -> pd.DataFrame:
    """What came back in the month, and what did it cost in full, by one of DIMENSIONS?

    entity, name, returns (refunds), units, a column per part of COSTS, full_cost (their sum), beyond (full_cost − refund), not_costed
    (refunds whose write-down is unknown, because the goods' cost is; in no sum), share (of the month's refunds). The sum of `refund` is
    the ledger's refunds, that of `handling` its handling costs. Reporting currency, positive; largest first, ages in their order.
    """
    if dimension not in DIMENSIONS:
        raise ValueError(f"{dimension!r} is not a dimension of returns; take any of {', '.join(DIMENSIONS)}")
    frame = _sums(book).query("dimension == @dimension").drop(columns="dimension").reset_index(drop=True)
    names = book.sql("select product_id, name from products").set_index("product_id")["name"] if dimension == "product_id" else {}
    full = frame[list(COSTS)].sum(axis=1)
    frame = frame.assign(
        name=[names.get(entity, entity) for entity in frame["entity"]],
        full_cost=full,
        beyond=full - frame["refund"],
        share=ratio(frame["refund"], pd.Series(frame["refund"].sum(), frame.index)),
    )
    if dimension == "age":
        frame = frame.sort_values("entity", key=lambda ages: ages.map({age: place for place, age in enumerate(AGES)}), ignore_index=True)
    else:
        frame = frame.sort_values(["full_cost", "entity"], ascending=[False, True], ignore_index=True)
    return frame[["entity", "name", "returns", "units", *COSTS, "full_cost", "beyond", "not_costed", "share"]]


def dearest(book: Book, rows: int = 4) -> pd.DataFrame:
    """`returns_by` reason, product, carrier and age below one another, the first `rows` of each, with a column `by`."""
    dimensions = ("reason", "product_id", "carrier", "age")
    return pd.concat([returns_by(book, each).head(rows).assign(by=each.removesuffix("_id")) for each in dimensions], ignore_index=True)


def beyond(book: Book) -> pd.DataFrame:
    """What returns cost beyond the money given back, for a figure: name (the reason), part, amount; a row for each part of each reason."""
    parts = [part for part in COSTS if part != "refund"]
    frame = returns_by(book, "reason").melt("name", parts, "part", "amount")
    return frame.assign(part=frame["part"].str.replace("_", " "))


def full_cost(book: Book) -> pd.DataFrame:
    """What does a return cost in full? One row per part of COSTS: part, amount of the month, per_return, meaning; then their sum."""
    frame = returns_by(book, "store")
    count = frame["returns"].sum()
    if not count:
        return pd.DataFrame(columns=["part", "amount", "per_return", "meaning"])
    rows = [(part.replace("_", " "), frame[part].sum(), meaning) for part, meaning in COSTS.items()]
    rows.append(("full cost", frame["full_cost"].sum(), "all of it"))
    out = pd.DataFrame(rows, columns=["part", "amount", "meaning"])
    return out.assign(per_return=out["amount"] / count)[["part", "amount", "per_return", "meaning"]]


@remembered
def refund_days(book: Book) -> pd.DataFrame:
    """How long does a buyer wait for the money? By store, of the month's refunds: store, refunds, known (with the day on which the buyer
    asked), mean_days and slowest_tenth (days that nine of ten don't exceed) from asking to the money, ask_days (mean, order to asking)."""
    return book.sql(
        f"""{_BACK} select store, count(*) as refunds, count(requested_on) as known, avg(refunded_on - requested_on) as mean_days,
                   quantile_cont(refunded_on - requested_on, 0.9) as slowest_tenth, avg(days - (refunded_on - requested_on)) as ask_days
            from back group by store order by store""",
        **_values(book),
    )


# ---- maturity --------------------------------------------------------------------------------------------------------------------


@remembered
def triangle(book: Book, months: int = 24) -> pd.DataFrame:
    """Which part of each month's sales had come back, by months since the sale? store, month (of the sale), age (0 = the month of the
    sale), sales (before refunds) and refunded (money, up to the end of that age), as far as the book's month has seen it.

    One row per store, month and age up to the book's month; reporting currency. The months of `months_back(months)` with sales. Empty
    without a table of returns: what nobody wrote down is not zero.
    """
    if "returns" in book.missing:
        return pd.DataFrame({"store": [], "month": [], "age": [], "sales": [], "refunded": []})
    flows = book.sql(
        """with came as (
               select store, order_id, line_no, month, sum(refunds) as refunds from ledger
               where kind = 'return' and month <= $month and {scope} group by store, order_id, line_no, month),
           sale as (
               select store, order_id, line_no, month from ledger semi join came using (store, order_id, line_no)
               where kind = 'sale' and month in (select unnest($months))),
           back as (
               select s.store, s.month, c.month as refund_month, sum(c.refunds) as refunds
               from came c join sale s using (store, order_id, line_no) group by s.store, s.month, c.month)
           select store, month, '' as refund_month, cast(sum(base) as double) as amount from spread
           where month in (select unnest($months)) and base <> 0 and {scope} group by store, month
           union all select store, month, refund_month, -cast(refunds as double) from back order by 1, 2, 3""",
        months=book.months_back(months), month=book.month,
    )  # fmt: skip
    sales = flows[flows["refund_month"] == ""].set_index(["store", "month"])["amount"]
    rows = [
        (store, month, age, amount)
        for (store, month), amount in sales.items()
        for age in range((pd.Period(book.month, "M") - pd.Period(month, "M")).n + 1)
    ]
    grid = pd.DataFrame(rows, columns=["store", "month", "age", "sales"])
    back = flows[flows["refund_month"] != ""]
    ages = [
        max((pd.Period(then, "M") - pd.Period(month, "M")).n, 0) for month, then in zip(back["month"], back["refund_month"], strict=True)
    ]
    back = (
        back.assign(age=np.array(ages, dtype="int64")).groupby(["store", "month", "age"])["amount"].sum().rename("refunded").reset_index()
    )
    grid = grid.merge(back, on=["store", "month", "age"], how="left").fillna({"refunded": 0.0})
    return grid.assign(refunded=grid.groupby(["store", "month"])["refunded"].cumsum())


def factors(cohorts: pd.DataFrame) -> pd.DataFrame:
    """How much do returns still grow from each age on? The chain ladder's development factors.

    cohorts: month, age, refunded (up to the end of that age). Gives age, cohorts (seen at this age and the next), factor (Σ refunded at
    the next age ÷ Σ refunded at this age, over the cohorts that have seen both; 1 where nothing had come back or nobody has), to_go (what has
    come back by this age × to_go = all that will), done (1 ÷ to_go). Nothing is expected beyond the oldest age seen.

    >>> seen = pd.DataFrame({"month": ["a", "a", "b"], "age": [0, 1, 0], "refunded": [10.0, 15.0, 8.0]})
    >>> factors(seen)[["age", "factor", "to_go"]].values.tolist()
    [[0.0, 1.5, 1.5], [1.0, 1.0, 1.0]]
    """
    wide = cohorts.pivot_table(index="month", columns="age", values="refunded", aggfunc="sum")
    rows = []
    for age in wide.columns:
        both = wide[[age, age + 1]].dropna() if age + 1 in wide else wide.iloc[:0]
        now, then = (both[age].sum(), both[age + 1].sum()) if len(both) else (0.0, 0.0)
        rows.append((age, len(both), then / now if now > 0 and then > 0 else 1.0))
    frame = pd.DataFrame(rows, columns=["age", "cohorts", "factor"])
    to_go = frame["factor"][::-1].cumprod()[::-1]
    return frame.assign(to_go=to_go, done=1 / to_go)


@remembered
def matured(book: Book) -> pd.DataFrame:
    """How good will recent months look once their returns have arrived? One row per month of sale, oldest first.

    month, age (months), sales (before refunds), refunded (so far), rate (refunded ÷ sales), factor (`to_go` at that age), expected (all that will
    come back; blank where nothing has come back yet, since a factor can't work on nothing), expected_rate, to_come (expected − refunded),
    net_sales (so far), net_sales_expected, contribution_to_come (−to_come × what a unit of refund cost in contribution over the last
    year: the refund, less goods back and fees back, plus handling). Reporting currency.
    """
    cohorts = triangle(book).groupby(["month", "age"], as_index=False)[["sales", "refunded"]].sum()
    if cohorts.empty:
        return pd.DataFrame(columns=["month", "age", "sales", "refunded", "rate", "factor", "expected", "expected_rate", "to_come", "net_sales", "net_sales_expected", "contribution_to_come"])  # fmt: skip
    last = cohorts.sort_values("age").groupby("month", as_index=False).last()
    last = last.merge(factors(cohorts)[["age", "to_go"]].rename(columns={"to_go": "factor"}), on="age", how="left")
    expected = (last["refunded"] * last["factor"]).where((last["refunded"] > 0) | (last["factor"] == 1))
    cost = book.sql(
        """select cast(sum(refunds) as double) as refunds,
                  cast(sum(refunds + uncosted_sales + cogs + platform_fees + fulfilment) as double) as contribution
           from ledger where kind = 'return' and month in (select unnest($months)) and {scope}""",
        months=book.months_back(12),
    ).iloc[0]
    per_unit = cost["contribution"] / cost["refunds"] if pd.notna(cost["refunds"]) and cost["refunds"] < 0 else np.nan
    last = last.assign(
        rate=ratio(last["refunded"], last["sales"]), expected=expected, expected_rate=ratio(expected, last["sales"]),
        to_come=expected - last["refunded"], net_sales=last["sales"] - last["refunded"], net_sales_expected=last["sales"] - expected,
    )  # fmt: skip
    return last.assign(contribution_to_come=-last["to_come"] * per_unit + 0.0).sort_values("month", ignore_index=True)


def development(book: Book, months: int = 6) -> pd.DataFrame:
    """The part of sales that had come back by age, for the last months and for all that have grown old together: line, age, rate."""
    cohorts = triangle(book).groupby(["month", "age"], as_index=False)[["sales", "refunded"]].sum()
    if cohorts.empty:
        return pd.DataFrame(columns=["line", "age", "rate"])
    old = cohorts[cohorts.groupby("month")["age"].transform("max") >= months]
    old = old[old["age"] <= months].groupby("age", as_index=False)[["sales", "refunded"]].sum().assign(line="all older months")
    young = cohorts[cohorts["month"].isin(book.months_back(months))].assign(line=lambda frame: frame["month"])
    both = pd.concat([old, young], ignore_index=True)
    return both.assign(rate=ratio(both["refunded"], both["sales"]))[["line", "age", "rate"]]


@remembered
def store_returns(book: Book) -> pd.DataFrame:
    """Whose goods come back most, on one yardstick? store, sales and refunded of the last six months' sales, expected_rate (each month's
    refunds × the whole scope's factor at its age, ÷ sales), returns and beyond_each (cost beyond the refund, per return) of the month,
    mean_days (from asking to the money). Highest rate first."""
    cohorts = triangle(book)
    columns = "store sales refunded expected_rate returns beyond_each mean_days".split()
    if cohorts.empty:
        return pd.DataFrame(columns=columns)
    grown = factors(cohorts.groupby(["month", "age"], as_index=False)["refunded"].sum()).set_index("age")["to_go"]
    last = cohorts.sort_values("age").groupby(["store", "month"], as_index=False).last()
    last = last[last["month"].isin(book.months_back(6))]
    last = last.assign(expected=last["refunded"] * last["age"].map(grown))
    frame = last.groupby("store", as_index=False)[["sales", "refunded", "expected"]].sum()
    came = returns_by(book, "store").rename(columns={"entity": "store"})
    frame = frame.merge(came[["store", "returns", "beyond"]], on="store", how="left").merge(
        refund_days(book)[["store", "mean_days"]], on="store", how="left"
    )
    frame = frame.assign(
        expected_rate=ratio(frame["expected"], frame["sales"]), beyond_each=ratio(frame["beyond"], frame["returns"].fillna(0))
    )
    frame = frame.fillna({"returns": 0}).astype({"returns": "int64"})
    return frame.sort_values(["expected_rate", "store"], ascending=[False, True], ignore_index=True)[columns]
