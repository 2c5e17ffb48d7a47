"""Exports held against the platforms' own totals, and orders against the payouts that name them: is every cent somewhere?"""

import pandas as pd

from helpers.book import Book
from helpers.capital_and_cash import capital
from helpers.facts import WINDOW
from helpers.sources import ADAPTERS
from helpers.text import join_names, label, money, number

AGES = (30, 60, 90)
"""Days past due at which an unpaid order moves to the next group."""
FINE = ("matched", "not due yet", "nothing due")
"""States of orders that nobody has to look into."""


# ---- exports -------------------------------------------------------------------------------------------------------------------


def totals(book: Book) -> pd.DataFrame:
    """Does the platform's own total equal what became of it? One row per source and currency.

    Columns: source, currency, platform_total, ledger (what the tables got), set_aside, elsewhere (what belongs to no column: tax,
    transfers …), difference (what is left; 0 when every cent is somewhere), total_says (what the platform's figure is).
    """
    return book.sql(
        """select source, currency,
                  coalesce(sum(amount) filter (part = 'total'), 0) as platform_total, coalesce(sum(amount) filter (part = 'ledger'), 0) as ledger,
                  coalesce(sum(amount) filter (part = 'set aside'), 0) as set_aside, coalesce(sum(amount) filter (part = 'elsewhere'), 0) as elsewhere,
                  coalesce(sum(amount) filter (part = 'difference'), 0) as difference, any_value(total_says) as total_says
           from source_totals group by source, currency order by source, currency"""
    )


def parts(book: Book) -> pd.DataFrame:
    """Where the platforms' totals went, part by part: source, currency, part, what, amount (with its sign in the total)."""
    return book.sql(
        """select source, currency, part, replace(what, '_', ' ') as what, amount from source_totals where part in ('ledger', 'elsewhere')
           order by source, currency, part desc, abs(amount) desc, what"""
    )


def totals_said(frame: pd.DataFrame) -> str:
    """One source's account in a sentence, that with most money set aside, and whether all of them close. frame: totals."""
    if frame.empty:
        return "No table was made from a platform's export, so there is no platform's total to hold the ledger against."
    off = frame[frame["difference"].abs() > 0.005]
    weight = frame["set_aside"].abs() if frame["set_aside"].any() else frame["platform_total"].abs()
    first = frame.loc[weight.idxmax()]
    amounts = {name: money(first[name], first["currency"], 2) for name in ("platform_total", "ledger", "set_aside", "elsewhere")}
    said = (
        f"{label(first['source'], 60)}: of the platform's total of {amounts['platform_total']} ({first['total_says']}), {amounts['ledger']}"
    )
    said += f" went to the ledger's tables, {amounts['set_aside']} was set aside and {amounts['elsewhere']} belongs to no table."
    if off.empty:
        return f"{said} Every account closes to the cent."
    worst = off.loc[off["difference"].abs().idxmax()]
    return (
        f"{said} {join_names(off['source'].drop_duplicates())} doesn't close: {money(worst['difference'], worst['currency'], 2)}"
        f" of {label(worst['source'], 60)} is unexplained; don't use its figures before you know why."
    )


def notes(book: Book) -> pd.DataFrame:
    """What had to be decided because an export doesn't say it: source, what, rows, amount (in `currency`)."""
    return book.sql(
        "select source, what, rows, amount, coalesce(currency, '') as currency from source_notes order by source, rows desc, what, currency"
    )


def notes_said(frame: pd.DataFrame) -> str:
    """frame: notes."""
    if frame.empty:
        return "Nothing in the exports had to be decided that they don't say themselves."
    first = frame.iloc[0]
    worth = "" if pd.isna(first["amount"]) else f" ({money(first['amount'], first['currency'], 2)})"
    return f"{label(first['source'], 60)}, {number(first['rows'])} rows{worth}: {label(first['what'], 200)}."


def basis_said(book: Book) -> str:
    """What day is a figure of? One sentence for every page, and one for each source that can't keep to it."""
    said = "Dates: sales by the day of the order, refunds by the day the money went back, costs by their own day, cash by the day it arrived; no table mixes them."
    sources = book.sql("select distinct source, adapter, basis from source_totals where basis like '%settlement%' order by all")
    odd = sources[[("order_lines" in ADAPTERS[adapter].tables) for adapter in sources["adapter"]]]
    return said + "".join(
        f" {label(row.source, 60)} gives no order date of its own: its sales are dated by {row.basis}." for row in odd.itertuples()
    )


# ---- payouts -------------------------------------------------------------------------------------------------------------------


def matching(book: Book) -> pd.DataFrame:
    """Which orders of the last 90 days were paid out as they should? One row per state and, for money that is missing, per age.

    Columns: state (matched, not due yet, nothing due, short, over: more came than was due, overdue, not in orders), days_past_due, orders,
    amount (reporting currency: what was paid for matched orders and for payouts that name no order of ours, what is to come of those that
    are not due yet, else what is missing or too much).
    """
    gaps = capital.payout_gaps(book)
    late = (book.last_day - pd.to_datetime(gaps["ordered_on"])).dt.days - book.policy.cash.payout_days
    age = late.map(lambda days: next((f"up to {limit}" for limit in AGES if days <= limit), f"more than {AGES[-1]}"))
    gaps = gaps.assign(
        days_past_due=age.where(gaps["state"].isin(["short", "overdue"]), ""), amount=gaps["abs_difference"] + gaps["coming"]
    )
    paid = book.sql(
        """with paid as (
               select store, order_id, cast(sum(value) as double) as value from receipts
               where paid_on > $start and paid_on <= $end and order_id <> '' and {scope} group by store, order_id),
           ours as (select distinct store, order_id from order_lines semi join paid using (store, order_id))
           select store || '/' || order_id as entity, value, ours.order_id is not null as ours
           from paid left join ours using (store, order_id) order by entity""",
        start=(book.last_day - pd.Timedelta(days=WINDOW)).date(), end=book.last_day.date(),
    )  # fmt: skip
    received = gaps["entity"].map(paid.set_index("entity")["value"]).fillna(0.0)
    gaps["amount"] = gaps["amount"].where(gaps["state"] != "matched", received)
    known = gaps.groupby(["state", "days_past_due"]).agg(orders=("entity", "size"), amount=("amount", "sum")).reset_index()
    strangers = paid[~paid["ours"]]
    if len(strangers):
        known.loc[len(known)] = ["not in orders", "", len(strangers), strangers["value"].sum()]
    order = {
        state: place for place, state in enumerate(("matched", "not due yet", "nothing due", "short", "overdue", "over", "not in orders"))
    }
    return known.sort_values(
        ["state", "days_past_due"],
        key=lambda column: column.map(order).fillna(column) if column.name == "state" else column,
        ignore_index=True,
    )


def matching_said(frame: pd.DataFrame, currency: str) -> str:
    """frame: matching."""
    if frame.empty:
        return "No payout names an order of the last 90 days, so orders and payouts can't be matched."
    counts, amounts = frame.groupby("state")["orders"].sum(), frame.groupby("state")["amount"].sum()
    said = f"{number(counts.get('matched', 0))} of {number(counts.drop('not in orders', errors='ignore').sum())} orders were paid out to the cent"
    if "not due yet" in counts:
        said += f", {number(counts['not due yet'])} {'is' if counts['not due yet'] == 1 else 'are'} not due yet ({money(amounts['not due yet'], currency, 2)} is to come)"
    if "nothing due" in counts:
        said += f", {number(counts['nothing due'])} cancelled or given back, with nothing due"
    missing = [state for state in ("short", "overdue") if state in counts]
    if missing:
        said += f"; {number(counts[missing].sum())} are short or overdue, {money(amounts[missing].sum(), currency, 2)} in all"
    if "over" in counts:
        said += f"; for {number(counts['over'])} more came than was due, {money(amounts['over'], currency, 2)} in all"
    strangers = frame[frame["state"] == "not in orders"]
    if len(strangers):
        said += f"; payouts of {money(strangers['amount'].sum(), currency, 2)} name {number(strangers['orders'].sum())} orders that are not among the order lines"
    return said + "."
