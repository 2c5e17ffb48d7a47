"""Return on capital: what each unit of money in stock earns a year, where the next one belongs, and where one should be taken out."""

import numpy as np
import pandas as pd

from helpers import decisions
from helpers.book import Book, remembered
from helpers.capital_and_cash import cash
from helpers.contract import BadInput
from helpers.days import as_of
from helpers.facts import WINDOW, facts
from helpers.products import product_decisions
from helpers.ratios import ratio
from helpers.stock_and_fulfilment import stock
from helpers.text import join_names, label, money, number, percent

YEAR = 365 / WINDOW
BANDS = {"up to 7 days": 7, "8 to 14 days": 14, "15 to 30 days": 30, "over 30 days": np.inf}
"""Bands of a supplier's lead time, and the last day of each."""
_SUMS = ["inventory", "gross_profit_90", "contribution_90", "cogs_90"]
CASES = (("A", 1_000_000, 500_000, 3, 6), ("B", 5_000_000, 1_000_000, 1, 12))
"""The two classic cases: name, principal, profit, turns, and in how many months."""


def classic() -> pd.DataFrame:
    """Which is the better business: 1 m that earns 0.5 m in three turns over six months, or 5 m that earn 1 m in one turn a year?

    The first can be read in two ways: 0.5 m in all, or in each turn. A row per case and reading: case, reading, principal, profit (of the
    period), months, turns, return_of_period, return_a_year (simple, not compounded), return_per_turn.

    >>> classic()[["case", "return_of_period", "return_a_year", "return_per_turn"]].round(3).values.tolist()
    [['A', 0.5, 1.0, 0.167], ['A', 1.5, 3.0, 0.5], ['B', 0.2, 0.2, 0.2]]
    """
    rows = []
    for case, principal, profit, turns, months in CASES:
        for reading, earned in {"profit in all": profit, "profit in each turn": profit * turns}.items():
            if turns > 1 or reading == "profit in all":  # with one turn both readings are the same
                part = earned / principal
                rows.append((case, reading, principal, earned, months, turns, part, part * 12 / months, part / turns))
    columns = ["case", "reading", "principal", "profit", "months", "turns", "return_of_period", "return_a_year", "return_per_turn"]
    return pd.DataFrame(rows, columns=columns)


@remembered
def returns(book: Book, level: str) -> pd.DataFrame:
    """What does the money in stock earn a year? By `product`, `category`, `store` or `lead_time` (bands of the supplier's lead time).

    entity, name, inventory (mean at cost of the last 90 days), margin (gross margin of these days), inventory_days, turns, gmroi,
    return_on_capital (all a year, as in metrics.csv), gross_profit_90, contribution_90, cogs_90, young (a product of less than 90
    days, whose stock was bought for sales still to come); the most capital first, bands in their order. Without stock, or
    with stock of unknown cost, an entity has no return; bands leave such products out. Empty without inventory.
    """
    columns = ["entity", "name", "inventory", "margin", "inventory_days", "turns", "gmroi", "return_on_capital", *_SUMS[1:], "young"]
    if "inventory" in book.missing:
        return pd.DataFrame(columns=columns)
    frame = _by_lead_time(book) if level == "lead_time" else decisions.products(book) if level == "product" else facts(book, level)
    frame = frame[frame["inventory"].notna() & ((frame["inventory"] > 0) | (frame["cogs_90"] > 0))]
    frame = frame.assign(
        margin=ratio(frame["gross_profit_90"], frame["gross_profit_90"] + frame["cogs_90"]),
        name=(frame["name"] if "name" in frame else frame["entity"]).fillna(frame["entity"]),
        young=frame["age_days"] < WINDOW if "age_days" in frame else False,
    )
    keep_order = level == "lead_time"
    return (frame if keep_order else frame.sort_values(["inventory", "entity"], ascending=[False, True])).reset_index(drop=True)[columns]


def _names(book: Book) -> dict[str, str]:
    found = book.sql("select product_id, name from products where name is not null")
    return dict(zip(found["product_id"], found["name"], strict=True))


def _by_lead_time(book: Book) -> pd.DataFrame:
    goods = facts(book, "product")
    goods = goods[goods["inventory"].notna()]
    known = book.sql("select product_id, cast(lead_time_days as double) as lead from products where lead_time_days is not null")
    lead = goods["entity"].map(dict(zip(known["product_id"], known["lead"], strict=True))).to_numpy(float)
    bands = [list(BANDS)[int(np.searchsorted(list(BANDS.values()), each))] if each == each else "unknown" for each in lead]
    sums = goods.groupby(pd.Series(bands, goods.index, name="entity"))[_SUMS].sum().reindex([*BANDS, "unknown"]).dropna().reset_index()
    endless = (sums["cogs_90"] <= 1e-9) & (sums["inventory"] > 1e-9)
    return sums.assign(
        inventory_days=(ratio(sums["inventory"], sums["cogs_90"]) * WINDOW).where(~endless, np.inf),
        turns=ratio(sums["cogs_90"], sums["inventory"]) * YEAR, gmroi=ratio(sums["gross_profit_90"], sums["inventory"]) * YEAR,
        return_on_capital=ratio(sums["contribution_90"], sums["inventory"]) * YEAR,
    )  # fmt: skip


def whole(book: Book) -> pd.Series:
    """The same figures of the book's whole scope, with its name as entity; empty without inventory."""
    frame = returns(book, "company" if book.scope == "company" else "store")
    return frame.iloc[0] if len(frame) else pd.Series(dtype=float)


def upset(frame: pd.DataFrame) -> pd.Series:
    """Which thin but fast product stands above which fat but slow one? The pair with the widest gap of margins.

    frame: returns; young products are left out. Gives thin, thin_margin, thin_turns, thin_gmroi and the same of fat; empty where margin and GMROI agree throughout.

    >>> goods = pd.DataFrame({"name": ["tea", "pot"], "margin": [0.22, 0.45], "turns": [40.0, 4.0], "gmroi": [11.3, 3.3], "young": False})
    >>> upset(goods)[["thin", "fat"]].tolist()
    ['tea', 'pot']
    """
    known = frame[np.isfinite(frame[["margin", "turns", "gmroi"]].astype(float)).all(axis=1) & ~frame["young"].astype(bool)]
    known = known.sort_values(["gmroi", "name"], ascending=[False, True], ignore_index=True)
    if len(known) < 2:
        return pd.Series(dtype=object)
    least = known["margin"].cummin().shift()
    gap = known["margin"] - least
    if not gap.max() > 1e-9:
        return pd.Series(dtype=object)
    fat = known.loc[gap.idxmax()]
    thin = known.loc[known.loc[: gap.idxmax() - 1, "margin"].idxmin()]
    return pd.Series(
        {f"{side}{part}": row[name] for side, row in (("thin", thin), ("fat", fat))
         for part, name in {"": "name", "_margin": "margin", "_turns": "turns", "_gmroi": "gmroi"}.items()}
    )  # fmt: skip


# ---- the next unit of capital ----------------------------------------------------------------------------------------------------


def amount(extra_capital: float) -> float:
    """The amount of money that a notebook asks about. Raises BadInput unless it is above 0.

    >>> amount(10000.0)
    10000.0
    """
    if not 0 < extra_capital < np.inf:
        raise BadInput(f"extra_capital must be an amount above 0, not {extra_capital}")
    return float(extra_capital)


@remembered
def on_hand(book: Book) -> pd.DataFrame:
    """Each product's stock at cost, at the last snapshot of the last 90 days in each store: entity, stock (blank where a cost is unknown)."""
    return book.sql(
        """select product_id as entity, case when count(*) filter (value is null and on_hand <> 0) = 0 then cast(sum(value) as double) end as stock
           from stock join (select store, max(date) as date from stock where date > $start and date <= $last and {scope} group by store)
           using (store, date) where {scope} group by product_id order by product_id""",
        start=(as_of(book) - pd.Timedelta(days=WINDOW)).date(), last=as_of(book).date(),
    )  # fmt: skip


@remembered
def beyond(book: Book) -> pd.DataFrame:
    """Where should capital be taken out? Stock of today beyond what sells in the policy's `max_inventory_days`, the lowest return first.

    entity, name, stock (at cost), beyond (the part of it that could go without a sale lost in that time), inventory_days,
    return_on_capital. Products younger than `min_age_days`, or that run short, and stock of unknown cost are left out.
    """
    columns = ["entity", "name", "stock", "beyond", "inventory_days", "return_on_capital"]
    if "inventory" in book.missing:
        return pd.DataFrame(columns=columns)
    policy, goods = book.policy.product, decisions.products(book)
    frame = goods.merge(on_hand(book), on="entity", how="inner")
    frame = frame[frame["age_days"] > policy.min_age_days]
    allowed = frame["cogs_90"].clip(lower=0) / WINDOW * policy.max_inventory_days
    frame = frame.assign(beyond=(frame["stock"] - allowed).clip(lower=0), name=frame["name"].fillna(frame["entity"]))
    frame = frame[(frame["beyond"] > 0.005) & frame["inventory_days"].notna()]  # without them some of what was sold has no known cost
    frame = frame[~frame["entity"].isin(short(book)["entity"])]  # what runs out in one store isn't too much
    order = {"by": ["return_on_capital", "beyond", "entity"], "ascending": [True, False, True], "na_position": "first"}
    return frame.sort_values(**order, ignore_index=True)[columns]


@remembered
def short(book: Book) -> pd.DataFrame:
    """Where would more capital earn? Products whose stock does not last until goods can arrive, the highest return first.

    entity, name, cover_days, lead_time_days, room (money, at cost: the stock that is missing to the lead time; beyond it more stock sells
    nothing more), return_on_capital (of what is there). Needs inventory and a lead time.
    """
    columns = ["entity", "name", "cover_days", "lead_time_days", "room", "return_on_capital"]
    if "inventory" in book.missing:
        return pd.DataFrame(columns=columns)
    frame = stock.replenishment(book)
    costs = book.sql(
        """select product_id as entity, cast(-sum(cogs) as double) / cast(sum(quantity) as double) as unit_cost from ledger
           where kind = 'sale' and uncosted_sales = 0 and day > $start and day <= $last and {scope} group by product_id order by product_id""",
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(), last=book.last_day.date(),
    )  # fmt: skip
    frame = frame.merge(costs, on="entity").merge(facts(book, "product")[["entity", "return_on_capital"]], on="entity")
    room = (frame["lead_time_days"] - frame["cover_days"]).clip(lower=0) * frame["daily_sales"] * frame["unit_cost"]
    names = _names(book)
    frame = frame.assign(room=room, name=[names.get(entity, entity) for entity in frame["entity"]])
    frame = frame[(frame["room"] > 0.005) & frame["return_on_capital"].notna()]
    return frame.sort_values(["return_on_capital", "entity"], ascending=[False, True], ignore_index=True)[columns]


def placed(frame: pd.DataFrame, amount: float) -> pd.DataFrame:
    """Where would the next amount of capital go? The frame of `short` with `placed` (filled from the highest return down) and `earns` (a
    year, if it earns what the stock there earns today). Returns at or below nothing get nothing.

    >>> goods = pd.DataFrame({"name": ["a", "b"], "room": [30.0, 100.0], "return_on_capital": [4.0, 2.0]})
    >>> placed(goods, 50)[["placed", "earns"]].values.tolist()
    [[30.0, 120.0], [20.0, 40.0]]
    """
    room = frame["room"].where(frame["return_on_capital"] > 0, 0.0).astype(float)
    given = (amount - (room.cumsum() - room)).clip(lower=0)
    put = np.minimum(room, given)
    return frame.assign(placed=put, earns=put * frame["return_on_capital"].astype(float))


@remembered
def freed(book: Book) -> pd.DataFrame:
    """How much cash would each stop-loss and clearance decision of the month free, and when? The most first.

    entity, name, decision (`stop` where any rule says so, else `clear`), confidence, stock (at cost), goes (at cost: all of it, or what is
    beyond the allowed days), frees (at the policy's clearance_price), on (day: clearance_days and the usual days to payout from now),
    a_month (the month's contribution that a stopped product no longer loses; by order date, so not to be added to the others). Blank where
    a cost or the stock is unknown.
    """
    columns = ["entity", "name", "decision", "confidence", "stock", "goes", "frees", "on", "a_month"]
    fired = product_decisions(book).query("verdict in ('stop_loss', 'clear')")
    if fired.empty:
        return pd.DataFrame(columns=columns)
    each = fired.assign(stop=fired["verdict"] == "stop_loss", sure=fired["confidence"] == "clear")
    each = each.groupby("entity", sort=True).agg(name=("name", "first"), stop=("stop", "any"), sure=("sure", "any"))
    goods = decisions.products(book).set_index("entity").reindex(each.index)
    held = on_hand(book).set_index("entity")["stock"] if "inventory" not in book.missing else pd.Series(dtype=float)
    there = held.reindex(each.index, fill_value=0.0 if len(held) else np.nan).astype(float)
    daily = goods["cogs_90"].clip(lower=0) / WINDOW if "cogs_90" in goods else 0.0
    goes = (there - (~each["stop"]) * daily * book.policy.product.max_inventory_days).clip(lower=0)
    frame = pd.DataFrame(
        {
            "entity": each.index, "name": each["name"], "decision": np.where(each["stop"], "stop", "clear"),
            "confidence": np.where(each["sure"], "clear", "close"), "stock": there, "goes": goes, "frees": goes * book.policy.cash.clearance_price,
            "on": as_of(book) + pd.Timedelta(days=int(book.policy.cash.clearance_days) + usual_payout_days(book)),
            "a_month": (-goods["contribution"]).clip(lower=0).where(each["stop"], 0.0),
        },
        columns=columns,
    )  # fmt: skip
    return frame.reset_index(drop=True).sort_values(["frees", "entity"], ascending=[False, True], ignore_index=True)


def usual_payout_days(book: Book) -> int:
    """Days from order to payout of the last 90 days, over all channels and weighted by money, rounded up; 0 without payouts."""
    frame = cash.payout_days(book)
    came = frame["came"].sum() if len(frame) else 0.0
    return int(np.ceil((frame["days"].fillna(0) * frame["came"]).sum() / came)) if came > 0 else 0


# ---- aloud ---------------------------------------------------------------------------------------------------------------------


def classic_rows() -> pd.DataFrame:
    """The classic cases with one name for case and reading, for a figure and a table."""
    frame = classic()
    frame["case"] = frame["case"] + ": " + frame["reading"].where(frame["turns"] > 1, "one turn")
    return frame.drop(columns="reading")


def classic_said(currency: str) -> str:
    """What do the two readings say, and does it matter which is meant?"""
    rows = classic_rows()
    total, each, slow = (rows.iloc[i] for i in range(3))
    return (
        f"{money(total['principal'], currency)} that earn {money(total['profit'], currency)} in {number(total['turns'])} turns over"
        f" {number(total['months'])} months return {percent(total['return_of_period'], 0)} in the half-year, {percent(total['return_a_year'], 0)} a year and"
        f" {percent(total['return_per_turn'])} in each turn; were that profit meant for each turn, {percent(each['return_of_period'], 0)} in the half-year."
        f" {money(slow['principal'], currency)} that earn {money(slow['profit'], currency)} in one turn return {percent(slow['return_a_year'], 0)} a year: half the"
        " profit on a fifth of the money is better in both readings."
    )


def whole_said(book: Book) -> str:
    """What does the money in stock earn, all together?"""
    if "inventory" in book.missing:
        return "Without a table of stock nobody can say what the money in it earns." + book.lacks("inventory")
    all_of_it, currency = whole(book), book.currency
    if all_of_it.empty or not all_of_it["inventory"] > 0:
        return "No stock of known cost was on hand in the 90 days." + book.lacks("product_costs")
    return (
        f"{money(all_of_it['inventory'], currency)} was in stock on average over 90 days. It turned {number(all_of_it['turns'], 1)} times a year and each"
        f" {currency} of it brought {number(all_of_it['gmroi'], 2)} of gross profit and {number(all_of_it['return_on_capital'], 2)} of contribution a year."
    )


def upset_said(frame: pd.DataFrame) -> str:
    """Is there a thin and fast product above a fat and slow one?"""
    if frame.empty:
        return "Without stock there is no map."
    pair = upset(frame)
    if pair.empty:
        return "Here margin and return agree: no thinner product returns more than a fatter one."
    return (
        f"{label(pair['thin'])} keeps only {percent(pair['thin_margin'])} of its sales and turns {number(pair['thin_turns'], 1)} times a year: {number(pair['thin_gmroi'], 1)} a"
        f" year for each unit in stock. {label(pair['fat'])} keeps {percent(pair['fat_margin'])}, turns {number(pair['fat_turns'], 1)} times and returns {number(pair['fat_gmroi'], 1)}."
    )


GROUPS = {"store": "store", "category": "category", "lead_time": "lead time"}


def groups(book: Book) -> pd.DataFrame:
    """The returns of stores, categories and bands of lead time below each other: name (with its kind), level and the columns of `returns`."""
    parts = [returns(book, level).assign(level=level) for level in GROUPS]
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    if frame.empty:
        return frame.assign(level=pd.Series(dtype=object))
    return frame.assign(name=[f"{GROUPS[level]} {entity}" for level, entity in zip(frame["level"], frame["entity"], strict=True)])


def groups_said(frame: pd.DataFrame, currency: str) -> str:
    """Which part of the stock earns most and which least? frame: groups."""
    known = frame[frame["return_on_capital"].notna() & (frame["inventory"] > 0)] if len(frame) else frame
    if known.empty:
        return "There is nothing to compare."
    best, worst = known.loc[known["return_on_capital"].idxmax()], known.loc[known["return_on_capital"].idxmin()]
    return (
        f"Each {currency} in {label(best['name'])} brings {number(best['return_on_capital'], 2)} of contribution a year, in {label(worst['name'])}"
        f" {number(worst['return_on_capital'], 2)}, where {money(worst['inventory'], currency)} lies."
    )


def moves(book: Book, amount: float) -> pd.DataFrame:
    """Where the next amount of capital goes and where it comes from: name, move (put in or take out), money (signed), return_on_capital."""
    into = placed(short(book), amount)
    into = into[into["placed"] > 0].assign(move="put in", money=into["placed"])
    out = beyond(book).assign(move="take out", money=-beyond(book)["beyond"])
    columns = ["name", "move", "money", "return_on_capital"]
    parts = [part[columns] for part in (into, out) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def moves_said(book: Book, amount: float) -> str:
    """Where does the next amount earn most, and where should it be taken out?"""
    if "inventory" in book.missing:
        return "Without a table of stock nobody can say where it is short." + book.lacks("inventory")
    into, out, currency = placed(short(book), amount), beyond(book), book.currency
    put = into["placed"].sum()
    if put > 0:
        first = into.iloc[0]
        said = f"Of the next {money(amount, currency)}, {money(put, currency)} finds goods that sell out before new ones can arrive, first {label(first['name'])}, whose stock"
        said += f" earns {number(first['return_on_capital'], 2)} a year for each {currency}; in all up to {money(into['earns'].sum(), currency)} a year."
    elif (goods := stock.replenishment(book)).empty:
        said = "No lead time of a selling product is known, so nobody can say what sells out before new goods arrive." + book.lacks(
            "products"
        )
    elif len(late := goods[goods["cover_days"] < goods["lead_time_days"]]):
        names = _names(book)
        said = f"{join_names([names.get(entity, entity) for entity in late['entity']])} {'sells' if len(late) == 1 else 'sell'} out before new goods can arrive,"
        said += " but what more stock would earn can't be told without its cost, or is nothing."
    else:
        said = "No product sells out before new goods can arrive, so more stock would earn nothing."
    if put < amount - 0.005 and put > 0:
        said += f" For the other {money(amount - put, currency)} there is no use in stock."
    if out.empty:
        return said + " No stock lies beyond the allowed days."
    return (
        said
        + f" {money(out['beyond'].sum(), currency)} lies beyond the allowed days in {join_names(out['name'])} and can go without a sale lost."
    )


def freed_said(book: Book, frame: pd.DataFrame) -> str:
    """How much cash do the month's stop-loss and clearance decisions free, and by when? frame: freed."""
    currency, price = book.currency, book.policy.cash.clearance_price
    if frame.empty:
        return "No product is to be stopped or cleared this month."
    first = frame.iloc[0]
    said = f"{money(frame['frees'].sum(), currency)} comes back by {first['on']:%Y-%m-%d} if what must go brings {percent(price, 0)} of its cost,"
    said += f" most of it from {label(first['name'])} ({money(first['frees'], currency)})."
    if (lost := frame["a_month"].sum()) > 0:
        said += f" Besides, sales that lost {money(lost, currency)} this month, by the day of the order, are not made any more."
    blind = frame["frees"].isna().sum()
    return said + (f" For {number(blind)} of them the stock at cost is not known." if blind else "")
