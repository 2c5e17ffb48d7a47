"""Attainment: what came of each target in sales, profit and cash, and why the sales differ from what was asked.

Money is in the reporting currency. The functions that end in `_said` read a frame aloud in a sentence that is true for any data.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers import days
from helpers.book import JOINS, Book, dimension_sql, remembered
from helpers.capital_and_cash.capital import WHOLE, received, visible
from helpers.decisions import decide, sentence
from helpers.facts import LEVELS, facts, month_targets
from helpers.ratios import ratio
from helpers.targets_and_pacing import pacing, smart, targets
from helpers.targets_and_pacing.targets import CENT, called, root
from helpers.targets_and_pacing.weights import month_weights
from helpers.text import count, join_names, label, money, number, percent, signed_money

ASKED = ("net_sales", "contribution", "collections")  # the three that stand side by side


@remembered
def attained(book: Book) -> pd.DataFrame:
    """What came of every target for sales, profit and cash? One row per node with a target for any of the three.

    level, entity, and for each of net_sales, contribution and collections: its actual, `<measure>_target`, and `attainment`,
    `attainment_contribution`, `attainment_collections` (actual ÷ target; blank where the target is missing or ≤ 0, and for cash also
    where too little of it can be followed to the node to call it missed); shortfall (sales target − net sales: negative is a surplus),
    at_a_loss (sales target reached, contribution below zero even if goods without a known cost had cost nothing). Largest shortfall in money
    first. Nothing is averaged over nodes.
    Cash at levels that no payout names is what arrived for their orders, blank where too little of it can be followed, and without payouts.
    """
    asked = month_targets(book)
    asked = asked[asked["metric"].isin(ASKED)]
    parts = []
    for level in [level for level in LEVELS if level in set(asked["level"])]:
        wide = asked[asked["level"] == level].pivot(index="entity", columns="metric", values="target").reindex(columns=list(ASKED))
        wide = wide.set_axis([f"{metric}_target" for metric in ASKED], axis=1)
        came = facts(book, level)
        if not {"net_sales", "contribution"} <= set(came):
            continue
        came = came.set_index("entity")[["net_sales", "contribution", "uncosted_sales"]]
        cash = (
            pd.Series(dtype=float)
            if "payouts" in book.missing or level == "segment"
            else received(book, level).set_index("entity")["collections"]
        )
        followed = visible(book, level) if len(cash) else pd.Series(dtype=float)
        frame = wide.join(came).rename_axis("entity").reset_index().assign(level=level)
        frame["collections"] = frame["entity"].map(cash).astype(float).fillna(0.0 if len(cash) else np.nan)
        frame["visible"] = frame["entity"].map(followed).astype(float).fillna(1.0 if level in WHOLE else 0.0)
        parts.append(frame)
    columns = ["level", "entity", "net_sales_target", "net_sales", "attainment", "shortfall", "contribution_target", "contribution",
               "attainment_contribution", "collections_target", "collections", "attainment_collections", "at_a_loss"]  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(parts, ignore_index=True)
    cash = ratio(frame["collections"], frame["collections_target"])
    told = (frame["visible"] >= book.policy.product.min_cost_coverage) | (cash >= 1)
    frame = frame.assign(
        attainment=ratio(frame["net_sales"], frame["net_sales_target"]),
        attainment_contribution=ratio(frame["contribution"], frame["contribution_target"]),
        attainment_collections=cash.where(told),
        collections=frame["collections"].where(told),
    )
    goal = frame["net_sales_target"].where(frame["net_sales_target"] > 0)
    met = frame["attainment"].round(12) >= book.policy.target.min_attainment
    frame = frame.assign(shortfall=goal - frame["net_sales"], at_a_loss=met & ((frame["contribution"] - frame["uncosted_sales"]).round(6) < 0))
    return frame.sort_values(["shortfall", "level", "entity"], ascending=[False, True, True], ignore_index=True)[columns]


def attained_said(book: Book, frame: pd.DataFrame, who: pd.Series) -> str:
    """Who reached the sales target, where most money is missing, and what profit and cash say to it. frame: attained."""
    known = frame[frame["attainment"].notna()]
    if known.empty:
        return "No sales target above zero is set here, so attainment is blank: not zero, and not endless."
    met, currency = known[known["attainment"].round(12) >= 1], book.currency
    said = f"Of {count(len(known), 'node')} with a sales target, {number(len(met))} reached it."
    top = root(book)
    below = known[(known["shortfall"] > 0) & ~((known["level"] == top[0]) & (known["entity"] == top[1]))]
    if len(below):
        row = below.iloc[0]
        said += f" Most is missing in {label(called(book, row.to_frame().T, who).iloc[0])}: {money(row['shortfall'], currency)}"
        said += f" ({percent(row['attainment'])} reached)."
        worst = below.loc[below["attainment"].idxmin()]
        if (worst["level"], worst["entity"]) != (row["level"], row["entity"]):
            said += f" In percent it would have been {label(called(book, worst.to_frame().T, who).iloc[0])} with {percent(worst['attainment'])},"
            said += f" where {money(worst['shortfall'], currency)} is missing."
    both = known.dropna(subset="attainment_contribution")
    sold, earned = both["attainment"] >= 1, both["attainment_contribution"] >= 1
    if len(both):
        said += (
            f" Of {number(len(both))} with both targets, {number((sold & ~earned).sum())} reached the sales and missed the contribution,"
        )
        said += f" {number((~sold & earned).sum())} the other way round."
    lost = known[known["at_a_loss"]]
    return said + (f" Reached at a loss: {join_names(called(book, lost, who), 4)}." if len(lost) else "")


def beside_said(book: Book, frame: pd.DataFrame) -> str:
    """How many sales targets have one for profit and one for cash beside them, and whether the month is over. frame: attained."""
    known = frame[frame["net_sales_target"] > 0]
    if known.empty:
        return f"No sales target stands here for profit and cash to stand beside.{so_far(book)}"
    profit, cash = ((known[f"{metric}_target"] > 0).sum() for metric in ("contribution", "collections"))
    told = known["attainment_collections"].notna().sum()
    said = f"Beside {count(len(known), 'sales target')} stand {number(profit)} for contribution and {number(cash)} for cash"
    return f"{said}{f', of which {number(told)} can be followed' if told < cash else ''}.{so_far(book)}"


def whole_said(book: Book, frame: pd.DataFrame) -> str:
    """What the company, or the store in its scope, has of its three targets, and the money that is missing in sales. frame: attained."""
    level, entity = root(book)
    whole = frame[(frame["level"] == level) & (frame["entity"] == entity)]
    parts = [
        f"{percent(row[column])} of {words}" for _, row in whole.iterrows() for column, words in _BESIDE.items() if pd.notna(row[column])
    ]
    name = label(book.name) if level == "company" else f"{label(book.name)}, store {label(entity)},"
    if not parts:
        return f"No target above zero is set for the whole of {name.rstrip(',')}.{so_far(book)}"
    short = whole.iloc[0]["shortfall"]
    way = "missing to" if short > 0 else "above"
    tail = f": {money(abs(short), book.currency)} of net sales {way} the target" if pd.notna(short) else ""
    return f"{name} has {join_names(parts, 3, 60)}{tail}.{so_far(book)}"


_BESIDE = {
    "attainment": "the sales target",
    "attainment_contribution": "the contribution target",
    "attainment_collections": "the cash target",
}


def so_far(book: Book) -> str:
    """That a month that still runs is compared with a whole month's target; blank when it is over."""
    last = days.as_of(book)
    if last >= book.last_day:
        return ""
    return f" The data reach to {last:%Y-%m-%d}: what follows is what came so far, against targets of the whole month."


# ---- the gap, cause by cause ------------------------------------------------------------------------------------------------------

STEPS = {  # step → what it holds, and the reason code to look under first
    "asked": ("what the target asks beyond the month compared with", "target, seasonality"),
    "orders asked": ("orders that the target asks beyond the month compared with", "target, seasonality"),
    "asked of an order": ("what the target asks of each order beyond the month compared with", "target, seasonality"),
    "visitors": ("orders of more or fewer visitors, of whom as many buy as before", "market"),
    "visitors who buy": ("orders of a larger or smaller part of the visitors", "channel efficiency"),
    "campaign orders": ("orders more or less that name a campaign", "campaigns"),
    "other orders": ("orders more or less that name no campaign", "market"),
    "orders": ("orders more or less", "market"),
    "units per order": ("units in an order, at the former price of a unit", "execution"),
    "mix": ("units moving between dear and cheap products and stores; new ones are here", "product competitiveness"),
    "list price": ("list price of the same product in the same store, exchange rates included", "product competitiveness"),
    "discount": ("part of the list price that was given away", "campaigns"),
    "shipping": ("shipping income per order", "execution"),
    "returns": ("part of the sales that was refunded in the month, whenever sold", "execution"),
}


class Gap(NamedTuple):
    """Why net sales differ from the target. steps: step, amount, meaning, reason (a code to look under first); start + the amounts =
    actual, to the cent. start_name: `target`, or the month compared with where there is no target; base: that month, blank where there
    is none; why: in words, what is missing or to be read with care, else blank."""

    steps: pd.DataFrame
    start: float
    start_name: str
    actual: float
    base: str
    why: str


def gap(book: Book, level: str, entity: str, base: str | None = None) -> Gap:
    """Why do a node's net sales of the month differ from its target, cause by cause?

    base: the month compared with; default the same month a year ago, where the node sold nothing then the month before. A target is one
    number and has no prices or returns in it, so the first step leads from the target to that month (in two, orders and sales per order,
    where orders have a target as well), the others from there to what came. Steps that are zero are left out.
    """
    month, year, last = book.month, *[book.months_back(back + 1)[0] for back in (12, 1)]
    asked = month_targets(book).query("level == @level and entity == @entity").set_index("metric")["target"]
    behind = progress(book, level, entity)
    target, planned = (float(asked.get(metric, np.nan)) * behind for metric in ("net_sales", "orders"))
    now = _sums(book, level, month).query("entity == @entity")
    actual = round(_net(now), 2)
    candidates = [base] if base else [year, last]
    base = next((each for each in candidates if _orders(book, level, entity, each)[0] > 0 and _base(book, level, entity, each) > CENT), "")
    to_date = "" if behind == 1 else " to date"
    start, name = (
        (target, f"target{to_date}")
        if target > 0
        else (_net(_sums(book, level, base).query("entity == @entity")) if base else np.nan, base)
    )
    nothing = pd.DataFrame(columns=["step", "amount", "meaning", "reason"])
    if not base:
        return Gap(nothing, start, name, actual, "", "There is no earlier month with sales to compare with, so the gap has no causes here.")
    orders = [_orders(book, level, entity, each) for each in (base, month)]
    visits = tuple(_visitors(book, level, entity, each) for each in (base, month))
    was = _sums(book, level, base).query("entity == @entity")
    effects = decompose(was, now, orders[0], orders[1], target if target > 0 else np.nan, planned, visits)
    amounts = _to_cents(np.array(list(effects.values())), actual - round(start, 2))
    steps = pd.DataFrame({"step": list(effects), "amount": amounts})
    steps = steps.assign(meaning=[STEPS[step][0] for step in effects], reason=[STEPS[step][1] for step in effects])
    day = days.as_of(book)
    why = (
        [
            f"The month still runs: its days up to the {day.day}th are held against as many of {base}, and against the target's share of them."
        ]
        if to_date
        else []
    )
    why += [] if target > 0 else ["There is no target above zero, so the steps lead from the month compared with."]
    why += [] if base != last or candidates == [base] else [f"Nothing was sold a year ago, so {base} is compared with, another season."]
    if level in WHOLE and np.isnan(visits).any() and "traffic" not in book.missing:
        why.append("Visitors are not known for both months, so orders are not split into visitors and those who buy.")
    return Gap(steps[steps["amount"] != 0].reset_index(drop=True), round(start, 2), name, actual, base, " ".join(why))


def decompose(
    was: pd.DataFrame, now: pd.DataFrame, orders_was: tuple[float, float], orders_now: tuple[float, float], target: float = np.nan,
    planned: float = np.nan, visitors: tuple[float, float] = (np.nan, np.nan),
) -> dict[str, float]:  # fmt: skip
    """The steps from a target (or without one from `was`) to the net sales of `now`; their sum is the difference, exactly.

    was, now: store, product_id, quantity, gross_sales, discounts, shipping_income, refunds (signed); orders: all, and those that name a
    campaign; planned: orders aimed for, blank where not; visitors: blank where not known. `was` must have orders and sales.
    Gross sales at list price change by orders, units per order, mix (units × former price, less units × mean former price) and price
    (units × change of price), each less the former discount and refund rates; then what the change of each rate takes.

    >>> was = pd.DataFrame({"store": "s", "product_id": ["tea"], "quantity": [10], "gross_sales": [100.0], "discounts": [0.0],
    ...                     "shipping_income": [0.0], "refunds": [-10.0]})
    >>> now = was.assign(quantity=12, gross_sales=132.0, discounts=-12.0, refunds=-12.0)
    >>> {step: round(amount, 9) for step, amount in decompose(was, now, (5, 0), (6, 0), 120.0).items() if round(amount, 9)}
    {'asked': -30.0, 'orders': 18.0, 'list price': 10.8, 'discount': -10.8}
    """
    o0, o1 = orders_was[0], orders_now[0]
    (g0, d0, s0, r0), (g1, d1, s1, r1) = (side[["gross_sales", "discounts", "shipping_income", "refunds"]].sum() for side in (was, now))
    discounted, refunded = -d0 / g0 if g0 else 0.0, -r0 / (g0 + d0 + s0)
    kept = 1 - refunded
    per_order = (g0 + d0 + s0) * kept / o0
    out = {}
    value = per_order
    if planned > 0 and target > 0:
        value = target / planned
        out |= {"orders asked": (o0 - planned) * value, "asked of an order": o1 * (per_order - value)}
    elif target > 0:
        out["asked"] = o0 * per_order - target
    if visitors[0] > 0 and visitors[1] > 0:
        rate = o0 / visitors[0]
        out |= {"visitors": (visitors[1] - visitors[0]) * rate * value, "visitors who buy": (o1 - visitors[1] * rate) * value}
    elif orders_was[1] or orders_now[1]:
        named = orders_now[1] - orders_was[1]
        out |= {"campaign orders": named * value, "other orders": (o1 - o0 - named) * value}
    else:
        out["orders"] = (o1 - o0) * value
    cell = ["store", "product_id"]
    pairs = pd.merge(was.groupby(cell)[["quantity", "gross_sales"]].sum(), now.groupby(cell)[["quantity", "gross_sales"]].sum(),
                     left_index=True, right_index=True, how="outer", suffixes=("_was", "_now")).fillna(0.0)  # fmt: skip
    units, sold = pairs["quantity_now"], pairs["gross_sales_now"]
    before = (pairs["gross_sales_was"] / pairs["quantity_was"]).where(pairs["quantity_was"] > 0, sold / units.where(units > 0)).fillna(0.0)
    mean, u0 = g0 / was["quantity"].sum(), was["quantity"].sum() / o0
    at_list = (1 - discounted) * kept
    out |= {
        "units per order": (units.sum() - o1 * u0) * mean * at_list,
        "mix": ((units * before).sum() - units.sum() * mean) * at_list,
        "list price": (sold - units * before).sum() * at_list,
        "discount": (d1 + discounted * g1) * kept,
        "shipping": (s1 - o1 * s0 / o0) * kept,
        "returns": r1 + refunded * (g1 + d1 + s1),
    }
    return {step: float(amount) for step, amount in out.items()}


def _net(sums: pd.DataFrame) -> float:
    return float(sums[["gross_sales", "discounts", "shipping_income", "refunds"]].sum().sum())


def _base(book: Book, level: str, entity: str, month: str) -> float:
    """Sales before refunds, which the rates of a month are taken of."""
    sums = _sums(book, level, month).query("entity == @entity")
    return float(sums[["gross_sales", "discounts", "shipping_income"]].sum().sum())


def _to_cents(amounts: np.ndarray, total: float) -> np.ndarray:
    """Amounts in whole cents that add up to the total: those that lose most by the cut get the cents that are left."""
    whole = np.floor(amounts * 100 + 1e-6)
    whole[np.argsort(whole - amounts * 100, kind="stable")[: round(total * 100 - whole.sum())]] += 1
    return whole / 100


def progress(book: Book, level: str, entity: str) -> float:
    """The part of the month's weight that is behind, as far as the data reach: 1 when the month is over."""
    day = days.as_of(book)
    if day == book.last_day:
        return 1.0
    weights = month_weights(book, level, entity)
    return float(weights[weights.index <= day].sum() / weights.sum()) if weights.sum() > 0 else day.day / book.last_day.day


def _until(book: Book, month: str) -> pd.Timestamp:
    """The last day of a month that is looked at: as many days as the book's month has behind it."""
    first, day = pd.Timestamp(f"{month}-01"), days.as_of(book)
    end = first + pd.offsets.MonthEnd(0)
    return end if day == book.last_day else min(end, first + pd.Timedelta(days=day.day - 1))


@remembered
def _sums(book: Book, level: str, month: str) -> pd.DataFrame:
    """What each entity of a level sold in a month, by store and product: entity, store, product_id, quantity, gross_sales, discounts,
    shipping_income, refunds."""
    entity = dimension_sql(LEVELS[level])
    sums = ", ".join(
        f"cast(sum({name}) as double) as {name}" for name in ("quantity", "gross_sales", "discounts", "shipping_income", "refunds")
    )
    return book.sql(
        f"""select {entity} as entity, l.store, l.product_id, {sums} from ledger l {JOINS.get(LEVELS[level], "")}
            where kind in ('sale', 'return') and l.month = $month and day <= $until and {{scope}}
            group by {entity}, l.store, l.product_id order by entity, l.store, l.product_id""",
        month=month, until=_until(book, month).date(),
    )  # fmt: skip


def _orders(book: Book, level: str, entity: str, month: str) -> tuple[float, float]:
    """Orders of an entity in a month, and how many of them name a campaign."""
    dimension = LEVELS[level]
    mine = f"{dimension_sql(dimension)} = $entity" if dimension else "true"
    found = book.sql(
        f"""select count(distinct (l.store, l.order_id)) as orders, count(distinct (l.store, l.order_id)) filter (campaign_id <> '') as named
            from ledger l {JOINS.get(dimension, "")}
            where kind = 'sale' and l.month = $month and day <= $until and {{scope}} and {mine}""",
        month=month, until=_until(book, month).date(), **({"entity": entity} if dimension else {}),
    ).iloc[0]  # fmt: skip
    return float(found["orders"]), float(found["named"])


def _visitors(book: Book, level: str, entity: str, month: str) -> float:
    """Visitors of the company, a store or a channel in a month; blank where less than nine tenths of its days are on record.

    A feed of one row a week (all dates seven days apart) stands for the seven days that begin with it.
    """
    if level not in WHOLE:
        return np.nan
    first, last = pd.Timestamp(f"{month}-01"), _until(book, month)
    rows = book.sql(
        f"""select cast(date as timestamp) as day, cast(sum(visitors) filter ({"true" if level == "company" else f"{level} = $entity"}) as double) as visitors
            from traffic where visitors is not null and date between $first and $last and {{scope}} group by date order by date""",
        first=(first - pd.Timedelta(days=6)).date(), last=last.date(), **({} if level == "company" else {"entity": entity}),
    )  # fmt: skip
    weekly = len(rows) > 1 and (rows["day"].diff().dropna().dt.days % 7 == 0).all()
    ends = (rows["day"] + pd.Timedelta(days=6 if weekly else 0)).clip(upper=last)
    covered = (ends - rows["day"].clip(lower=first)).dt.days.add(1).clip(lower=0)
    if covered.sum() < 0.9 * last.day:
        return np.nan
    return float((rows["visitors"].fillna(0.0) * covered / (7 if weekly else 1)).sum())


def gap_said(found: Gap, currency: str) -> str:
    """By how much net sales miss or pass the target, and the causes that weigh most. found: gap."""
    if found.steps.empty:
        return f"Net sales are {money(found.actual, currency)}. {found.why}"
    away, steps = found.actual - found.start, found.steps
    against = f"the {found.start_name}" if found.start_name.startswith("target") else found.start_name
    if abs(away) < CENT:
        said = f"Net sales are what {against} says, to the cent"
    else:
        said = f"Net sales are {money(abs(away), currency)} {'above' if away > 0 else 'below'} {against}"
    asked = steps[steps["reason"] == STEPS["asked"][1]]["amount"].sum()
    said += f", which asks for {money(abs(asked), currency)} {'more' if asked < 0 else 'less'} than {found.base} brought." if asked else "."
    causes = steps[steps["reason"] != STEPS["asked"][1]].sort_values("amount", key=lambda amount: -amount.abs(), kind="stable").head(2)
    if len(causes):
        words = [f"{row.step} ({signed_money(row.amount, currency)}; look under {row.reason})" for row in causes.itertuples()]
        said += f" Against {found.base} most comes from {' and '.join(words)}."
    return said


def gap_basis_said(found: Gap) -> str:
    """What the gap was compared with, and what must be read with care. found: gap."""
    base = f"The month compared with is {found.base}." if found.base else "There is no month to compare with."
    return f"{base} {found.why}".strip() if found.base else base


def two_bases(one: Gap, other: Gap) -> pd.DataFrame:
    """Two gaps of one node side by side: step, against_a_year_ago, against_last_month (each adds up to the same gap), reason, meaning.

    A column is blank where its gap has no month to compare with, or where both compare with the same one.
    """
    columns = {
        "against_a_year_ago": one,
        "against_last_month": other if other.base != one.base else other._replace(steps=other.steps.iloc[:0]),
    }
    if one.base == other.base:  # nothing was sold a year ago
        columns = {"against_a_year_ago": one._replace(steps=one.steps.iloc[:0]), "against_last_month": other}
    rows = [step for step in STEPS if any(step in set(each.steps["step"]) for each in columns.values())]
    frame = pd.DataFrame({"step": rows})
    for name, each in columns.items():
        amounts = frame["step"].map(each.steps.set_index("step")["amount"]).astype(float)
        frame[name] = amounts.fillna(0.0) if len(each.steps) else np.nan
    return frame.assign(reason=[STEPS[step][1] for step in rows], meaning=[STEPS[step][0] for step in rows])


def gaps_by_node(book: Book, frame: pd.DataFrame, who: pd.Series, top: int = 6) -> pd.DataFrame:
    """The causes side by side for the root and the nodes with the largest shortfalls: node, gap, then a column per step that occurs.

    frame: attained. In each row the steps add up to the gap (net sales − target); orders and what was asked are one column each.
    """
    known = frame[frame["shortfall"].notna()]
    is_top = (known["level"] == root(book)[0]) & (known["entity"] == root(book)[1])
    known = pd.concat([known[is_top], known[~is_top].head(top)])
    rows = []
    for row in known.itertuples():
        found = gap(book, row.level, row.entity)
        sums = (
            found.steps.assign(step=found.steps["step"].map(lambda step: _JOINED.get(step, step)))
            .groupby("step", sort=False)["amount"]
            .sum()
        )
        rows.append(
            {
                "node": called(book, pd.DataFrame([{"level": row.level, "entity": row.entity}]), who).iloc[0],
                "gap": found.actual - found.start,
            }
            | sums.to_dict()
        )
    used = [step for step in dict.fromkeys(_JOINED.get(step, step) for step in STEPS) if any(step in row for row in rows)]
    return pd.DataFrame(rows, columns=["node", "gap", *used]).fillna(dict.fromkeys(used, 0.0))


_JOINED = {"orders asked": "asked", "asked of an order": "asked", "visitors": "orders", "visitors who buy": "orders",
           "campaign orders": "orders", "other orders": "orders"}  # fmt: skip


def empty_shelves(book: Book, level: str, entity: str, base: str) -> pd.DataFrame:
    """Which products could not be sold on some days of the month, and what had they brought before? Most sales first.

    As `pacing.stock_outs`, for a company, store, category or product (empty for other levels): name, store, days_out, days_counted, and
    sold_before: net sales of that product in that store in the month compared with. Counts are all that is known: a day without one isn't.
    """
    frame = pacing.stock_outs(book)
    column = {"company": None, "store": "store", "category": "category", "product": "product_id"}.get(level, "none")
    frame = frame if column is None else frame.iloc[:0] if column == "none" else frame[frame[column] == entity]
    before = _sums(book, root(book)[0], base).groupby(["product_id", "store"])[["gross_sales", "discounts", "shipping_income", "refunds"]].sum().sum(axis=1) if base else pd.Series(dtype=float)  # fmt: skip
    keys = pd.MultiIndex.from_frame(frame[["product_id", "store"]])
    frame = frame.assign(sold_before=before.reindex(keys).fillna(0.0).to_numpy() if len(before) else 0.0)
    return frame.sort_values(["sold_before", "product_id", "store"], ascending=[False, True, True], ignore_index=True)


def shelves_said(book: Book, frame: pd.DataFrame, base: str) -> str:
    """How much of the sales compared with came from shelves that were empty on some counted day? frame: empty_shelves."""
    if "inventory" in book.missing:
        return "No stock is on record, so whether goods were missing can't be told."
    if frame.empty:
        return "No counted day of the month shows an empty shelf of anything that sells here."
    row = frame.iloc[0]
    shelves = count(len(frame), "shelf was", "shelves were")
    said = f"{shelves[0].upper()}{shelves[1:]} empty on some counted day: {label(row['name'])} in {label(row['store'])} on"
    said += f" {number(row['days_out'])} of {number(row['days_counted'])}"
    if not base or frame["sold_before"].sum() <= CENT:
        return said + "."
    part = money(frame["sold_before"].sum(), book.currency)
    return f"{said}. What was missing had brought {part} in {base}, so orders and mix are partly goods that were not there (reason: execution)."


# ---- decisions, and what the sources say ------------------------------------------------------------------------------------------


def verdicts(book: Book, who: pd.Series) -> pd.DataFrame:
    """The rules about targets fired over the month, people called as in `who`, most money at stake first."""
    found = decide(book, "target")
    name = found["entity"].map(who).astype(object).where(found["level"] == "employee", found["name"])
    return found.assign(name=name, owner=[who.get(owner, owner) for owner in found["owner"]])


def verdicts_said(book: Book, found: pd.DataFrame) -> str:
    """How many rules about targets fire, and what may excuse the first? found: verdicts."""
    if found.empty:
        return "No rule about targets fires: none is likelier missed than reached, and none was reached at a loss."
    first, counts = found.iloc[0], found["rule"].value_counts().sort_index()
    fired = " and ".join(f"{rule.replace('_', ' ')} ({number(count)})" for rule, count in counts.items())
    who = first["level"] if first["level"] == "company" else f"{first['level']} {label(first['name'])}"
    return f"{fired[0].upper()}{fired[1:]}. For {who} an innocent reason could be: {' or '.join(first['innocent'])}."


CASES = (
    ("洋河 (drinks, followers won by ads)", "7,000 followers in a month; monthly sales up by CNY 125,000; 24 % of them buy again",
     "what the ads cost, and the contribution of those sales"),
    ("奶糖派 (lingerie, group-buying)", "group-buys brought 30 % of a month's sales in 2016",
     "the margin of a group-buy, and what the same buyers would have paid without it"),
    ("choice of a salesperson", "sales 1000 with profit 50, taken instead of sales 200 with profit 80",
     "nothing: a target on sales alone asks for the first, which earns less on five times the sales"),
)  # fmt: skip
"""Figures as the sources print them, for teaching; none is a fact about the company of this book."""


def cases() -> pd.DataFrame:
    """Three cases of the sources as a table: case, the_source_prints, what_is_missing."""
    return pd.DataFrame(CASES, columns=["case", "the_source_prints", "what_is_missing"])


def answer(book: Book, who: pd.Series) -> list[str]:
    """The month's targets in three figures and one decision, in words."""
    frame, currency = attained(book), book.currency
    found, tests, sums = verdicts(book, who), smart.smart(book), smart.gaps(book)
    if frame["attainment"].notna().sum() == 0:
        asked = targets.proposals(book)
        words = f"{targets.proposals_said(asked, currency)} {targets.basis(book)}" if len(asked) else targets.basis(book)
        return [targets.absent_said(book), words, gap_said(gap(book, *root(book)), currency)]
    said = [whole_said(book, frame)]
    lost = frame[frame["at_a_loss"]]
    said += [f"Reached at a loss: {join_names(called(book, lost, who), 4)}."] if len(lost) else []
    wrong = sums["state"].isin(["overlap", "gap"]).sum()
    air = (tests["achievable"] == smart.AIR).sum()
    words = f"Of {count(len(tests), 'target')}, {number((tests['passed'] == len(smart.TESTS)).sum())} pass all five tests of a good target"
    words += f"; {number(air)} {'was' if air == 1 else 'were'} pulled from the air"
    if len(sums):
        words += f", and {number(wrong)} of {count(len(sums), 'sum')} of targets {'asks' if wrong == 1 else 'ask'} for more or less than what they are part of"
    said.append(f"{words}.")
    said.append(gap_said(gap(book, *root(book)), currency))
    said.append(sentence(found.iloc[0], currency) if len(found) else "No rule about targets fires.")
    return said
