"""Clearance: which stock to clear, at which price, and by when."""

import numpy as np
import pandas as pd

from helpers import decisions
from helpers.book import Book, remembered
from helpers.stock_and_fulfilment import ordering, stock

CUTS = tuple(cut / 100 for cut in range(0, 75, 5))
"""The price cuts that are compared: none, 5 % … 70 %."""

LEAST_CHANGE, LEAST_UNITS, WIDEST = 0.10, 10, 0.5
"""A price change counts from 10 % on with ten units in both months; an elasticity from a standard error of a half on down."""


def worth(units, daily, price, unit_cost, costs, elasticity, cut, days: int, holding: float, salvage):
    """What does a stock bring in `days`, if the price is cut now? Its worth, the units sold, and what holding them costs.

    Demand answers a cut with constant elasticity: daily × (1 − cut)^−elasticity. Sold units bring price × (1 − cut) − costs, those left at
    the end salvage; a unit of stock costs unit_cost × holding ÷ 365 for each day that it lies. The goods themselves are paid for and
    don't count. Numbers or arrays that broadcast; money per unit in one currency.

    >>> gone, sold, held = worth(100, 1, 10, 5, 1, 2, 0.5, 90, 0.365, 2)  # 4 a day, so all are gone after 25 days
    >>> float(sold), float(held), float(gone)  # 100 · (5 − 1) − 6.25
    (100.0, 6.25, 393.75)
    """
    pace = daily * (1 - cut) ** -np.asarray(elasticity, float)
    sold = np.minimum(units, pace * days)
    with np.errstate(divide="ignore", invalid="ignore"):
        lasts = np.where(pace > 0, units / np.where(pace > 0, pace, 1), np.inf)
    lying = np.where(lasts <= days, units * np.minimum(lasts, days) / 2, units * days - pace * days**2 / 2)  # unit-days
    held = unit_cost * holding / 365 * lying
    return sold * (price * (1 - cut) - costs) + (units - sold) * salvage - held, sold, held


@remembered
def decided(book: Book) -> pd.DataFrame:
    """The month's decisions about stock, as `decide` gives them, most money first."""
    return decisions.decide(book, "stock")


@remembered
def elasticities(book: Book) -> pd.DataFrame:
    """How did buyers answer price changes? One row per product with a change in the last year that tells, and `all` for all of them.

    A change: the mean price paid per unit in a store and channel moved by LEAST_CHANGE or more from one month to the next, with LEAST_UNITS
    or more in both. Its elasticity is −ln(units now ÷ before, against the other goods of that store and channel) ÷ ln(price now ÷ before), its standard
    error √(1/units + 1/units before) ÷ |ln(price ratio)|, as if orders came by chance; changes of a product are weighted by 1 ÷ error².
    entity, changes, elasticity, error. What else moved demand in that month (ads, a rival) is in it.
    """
    cells = book.sql(
        """with cells as (
               select store, channel, product_id, month, cast(substr(month, 1, 4) as integer) * 12 + cast(substr(month, 6, 2) as integer) as nth,
                      cast(sum(quantity) as double) as units, cast(sum(gross_sales + discounts) as double) as sales
               from ledger where kind = 'sale' and month in (select unnest($months)) and {scope} group by store, channel, product_id, month),
           whole as (select store, channel, nth, sum(units) as total from cells group by store, channel, nth)
           select n.product_id as entity, n.units, b.units as before, n.sales / n.units / (b.sales / b.units) as price,
                  (wn.total - n.units) / nullif(wb.total - b.units, 0) as others
           from cells n
           join cells b on n.store = b.store and n.channel = b.channel and n.product_id = b.product_id and n.nth = b.nth + 1
           join whole wn on n.store = wn.store and n.channel = wn.channel and n.nth = wn.nth
           join whole wb on b.store = wb.store and b.channel = wb.channel and b.nth = wb.nth
           where n.units >= $least and b.units >= $least and b.sales > 0 and n.sales > 0
           order by n.product_id, n.store, n.channel, n.nth""",
        months=book.months_back(12), least=LEAST_UNITS,
    )  # fmt: skip
    cells = cells[(np.log(cells["price"]).abs() >= -np.log(1 - LEAST_CHANGE)) & (cells["others"] > 0)]
    moved = np.log(cells["price"])
    each = cells.assign(
        elasticity=-(np.log(cells["units"] / cells["before"]) - np.log(cells["others"])) / moved,
        weight=moved**2 / (1 / cells["units"] + 1 / cells["before"]),
    )
    both = pd.concat([each, each.assign(entity="all")])
    sums = both.assign(weighted=both["elasticity"] * both["weight"], changes=1).groupby("entity")[["weighted", "weight", "changes"]].sum()
    frame = sums.assign(elasticity=sums["weighted"] / sums["weight"], error=1 / np.sqrt(sums["weight"])).reset_index()
    return frame[["entity", "changes", "elasticity", "error"]]


@remembered
def clear_out(book: Book) -> pd.DataFrame:
    """Which stock should be cleared, at which price, by which day, and what is that worth?

    The products of the rule `slow_stock`: more than `max_inventory_days` in stock, older than `min_age_days`. Of CUTS the cut that makes the stock `worth` most
    by the date. entity, name, on_hand, value (at cost), inventory_days, daily (units a day, forecast), price (paid per unit now),
    elasticity, answer (where it is from: `own prices`, `all prices` or `assumed`), cut, clear_price, clear_by, sold (units by then; at
    today's price: sold_now), holding_saved, margin_given_up ((price − clear_price) × units that would have sold anyway), gain (worth at the clearing price − worth at
    today's; 0 = keep the price), action. Reporting currency; largest value first. Nothing sold in 90 days: no price can be told, so
    price and cut are blank and the goods count at salvage. A product without a known cost is left out.
    """
    policy = book.policy.stock
    columns = "entity name on_hand value inventory_days daily price elasticity answer cut clear_price".split()
    columns += "clear_by sold_now sold holding_saved margin_given_up gain action".split()
    fired = decided(book).query("rule == 'slow_stock'")
    frame = stock.cover(book)[["entity", "name", "on_hand", "value", "inventory_days"]]
    frame = frame[frame["entity"].isin(fired["entity"]) & (frame["on_hand"] > 0)]
    frame = frame.merge(ordering.unit_values(book), on="entity").merge(stock.demand(book)[["entity", "forecast"]], on="entity", how="left")
    frame = frame.dropna(subset="unit_cost").reset_index(drop=True)
    if frame.empty:
        return pd.DataFrame(columns=columns)
    frame = frame.rename(columns={"forecast": "daily"}).fillna({"daily": 0.0})
    frame = frame.assign(**_answers(book, frame["entity"]))
    known = {name: frame[name].to_numpy(float)[:, None] for name in ("on_hand", "daily", "price", "unit_cost", "costs", "elasticity")}
    salvage = known["unit_cost"] * policy.salvage_share
    days = policy.clear_days
    value, sold, held = worth(
        known["on_hand"], known["daily"], known["price"], known["unit_cost"], known["costs"], known["elasticity"], np.array([CUTS]), days,
        policy.holding_cost, salvage,
    )  # fmt: skip
    best, rows = np.nan_to_num(value, nan=-np.inf).argmax(axis=1), np.arange(len(frame))
    selling = frame["daily"] > 0
    cut = pd.Series(np.array(CUTS)[best], frame.index).where(selling)
    pace = frame["daily"] * (1 - cut) ** -frame["elasticity"]
    lasts = np.ceil((frame["on_hand"] / pace.where(pace > 0)).fillna(days)).clip(upper=days)
    frame = frame.assign(
        cut=cut,
        price=frame["price"].where(selling),
        elasticity=frame["elasticity"].where(selling),
        answer=frame["answer"].where(selling, ""),
        clear_price=frame["price"] * (1 - cut),
        clear_by=book.last_day + pd.to_timedelta(lasts, unit="D"),
        sold_now=sold[:, 0].round().astype("int64"),
        sold=sold[rows, best].round().astype("int64"),
        holding_saved=pd.Series(held[:, 0] - held[rows, best], frame.index).where(selling),
        margin_given_up=pd.Series(sold[:, 0], frame.index) * frame["price"] * cut,
        gain=pd.Series(value[rows, best] - value[:, 0], frame.index).where(selling),
    )
    action = np.where(frame["cut"] > 0, "cut the price", "keep the price, order none")
    frame["action"] = np.where(selling, action, "nothing sold in 90 days: offer the lot, or test one price")
    return frame.sort_values(["value", "entity"], ascending=[False, True], ignore_index=True)[columns]


def _answers(book: Book, entities: pd.Series) -> dict[str, pd.Series]:
    """The elasticity of each product and where it is from: its own price changes, else all of the company's, else the policy."""
    told = elasticities(book).query("error <= @WIDEST").set_index("entity")["elasticity"].clip(lower=0)
    own, all_of_them = entities.map(told).astype(float), told.get("all", np.nan)
    rest = book.policy.stock.price_elasticity if np.isnan(all_of_them) else all_of_them
    source = "assumed" if np.isnan(all_of_them) else "all prices"
    return {"elasticity": own.fillna(rest), "answer": pd.Series(np.where(own.notna(), "own prices", source), entities.index)}


def price_curve(book: Book, entity: str) -> pd.DataFrame:
    """What would each price cut bring for one product of `clear_out` that sells? cut, price, sold, holding, worth (reporting currency)."""
    row = clear_out(book).set_index("entity").loc[entity]
    about = ordering.unit_values(book).set_index("entity").loc[entity]
    policy, cuts = book.policy.stock, np.array(CUTS)
    value, sold, held = worth(
        row["on_hand"], row["daily"], row["price"], about["unit_cost"], about["costs"], row["elasticity"], cuts, policy.clear_days,
        policy.holding_cost, about["unit_cost"] * policy.salvage_share,
    )  # fmt: skip
    return pd.DataFrame({"cut": cuts, "price": row["price"] * (1 - cuts), "sold": sold, "holding": held, "worth": value})


def curves(book: Book) -> pd.DataFrame:
    """`price_curve` of every product of `clear_out` that sells, with its name; the cut in whole percent, for a figure."""
    selling = clear_out(book).dropna(subset="cut")
    parts = [
        price_curve(book, entity).assign(name=name)
        for entity, name in zip(selling["entity"].head(12), selling["name"].head(12), strict=True)
    ]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["cut", "price", "sold", "holding", "worth", "name"])
    return frame.assign(cut=(frame["cut"].astype(float) * 100).round().astype("int64"))
