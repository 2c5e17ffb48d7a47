"""Places and means of people: how far do they depend on the measure, on chance and on the weights?"""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.facts import facts
from helpers.text import join_names, money, percent

STEPS = 4  # weights are tried in steps of a quarter


def ranked(frame: pd.DataFrame, sales: str = "net_sales", profit: str = "contribution") -> pd.DataFrame:
    """The rank by sales beside the rank by profit: adds sales_rank, profit_rank (1 = largest, ties share the better) and change.

    change: sales_rank − profit_rank, above zero for who stands better by profit.

    >>> ranked(pd.DataFrame({"net_sales": [9.0, 5.0], "contribution": [-1.0, 2.0]})).filter(regex="rank|change").values.tolist()
    [[1, 2, -1], [2, 1, 1]]
    """
    sales_rank, profit_rank = (frame[name].astype(float).rank(ascending=False, method="min").astype("Int64") for name in (sales, profit))
    return frame.assign(sales_rank=sales_rank, profit_rank=profit_rank, change=sales_rank - profit_rank)


def read_ranked(frame: pd.DataFrame, currency: str, profit: str = "contribution") -> str:
    """The frame of `ranked` in a sentence: first by sales, first by profit, and whose rank changes most."""
    known = frame.dropna(subset=["sales_rank", "profit_rank"])
    if known.empty:
        return "Nobody to rank here: no sale can be given to one of them."
    sold, earned = (known.loc[known[rank].idxmin()] for rank in ("sales_rank", "profit_rank"))
    moved = known.loc[known["change"].abs().astype(int).idxmax()]
    said = f"First of {len(known)} by net sales: {sold['who']} with {money(sold['net_sales'], currency)};"
    said += f" first by {profit.replace('_', ' ')}: {earned['who']} with {money(earned[profit], currency)}."
    if moved["change"]:
        said += f" Most moved: {moved['who']}, from place {moved['sales_rank']} by sales to place {moved['profit_rank']} by profit."
    return said


# ---- small samples ----------------------------------------------------------------------------------------------------------------


def per_order(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """What does a person's order contribute, with small samples drawn towards the mean? A row per person of `frame` with orders.

    Columns of `shrink` with entity, who and orders (those sold or refunded in the month); `mark` names what to doubt. The noise of
    a mean comes from the orders themselves; marketing is shared out to them evenly, so it shifts a mean and adds no noise.
    """
    orders = book.order_sums("employee_id", "l.month = $month", month=book.month)
    marketing = facts(book, "employee").set_index("entity")["marketing"]
    sums = orders[orders["entity"].isin(frame["entity"])].groupby("entity")[["orders", "contribution"]].sum()
    means = (sums["contribution"] + marketing.reindex(sums.index)) / sums["orders"]
    own = orders["entity"].map(sums["contribution"] / sums["orders"])
    inside = (
        ((orders["contribution"] - own * orders["orders"]) ** 2 / orders["orders"])
        .groupby(orders["entity"])
        .sum()
        .reindex(sums.index)
        .sum()
    )
    freedom = len(orders[orders["entity"].isin(sums.index)]) - len(sums)
    shrunk = shrink(means, sums["orders"].astype(int), inside / freedom if freedom > 0 else np.nan)
    mark = np.where(
        shrunk["orders"] < book.policy.evidence.min_orders, "few orders", np.where(shrunk["weight"] < 0.5, "mostly the mean", "")
    )
    found = shrunk.assign(mark=mark).reset_index(names="entity")
    return frame[["entity", "who"]].merge(found, on="entity").sort_values(["shrunk", "entity"], ascending=[False, True], ignore_index=True)


def read_per_order(frame: pd.DataFrame, currency: str) -> str:
    """The frame of `per_order` in a sentence: whose mean moved most."""
    if frame.empty:
        return "No order names a person here."
    row = frame.loc[(frame["shrunk"] - frame["mean"]).abs().idxmax()]
    said = f"{row['who']} contributed {money(row['mean'], currency)} per order over {row['orders']} orders;"
    said += f" that mean counts {percent(row['weight'], 0)}"
    said += f", and drawn towards the others it is {money(row['shrunk'], currency)}."
    return f"{said} Marked for doubt: {(frame['mark'] != '').sum()} of {len(frame)} people."


def shrink(means: pd.Series, orders: pd.Series, variance: float) -> pd.DataFrame:
    """Empirical-Bayes means: how far does each person's own mean count, given the noise of few orders?

    means: per order, by person; orders: how many; variance: of one order round its person's mean.
    weight = τ² ÷ (τ² + variance ÷ orders), shrunk = centre + weight × (mean − centre). τ² is the variance between people beyond
    noise (DerSimonian & Laird 1986), 0 where noise explains all; centre is the mean weighted by 1 ÷ (τ² + variance ÷ orders).
    low, high: shrunk ± 2 standard errors, those of a person's mean and of the centre in the parts that each counts.
    With one person, or without a known variance, weight is 1 and the ends are blank.

    >>> shrink(pd.Series([10.0, 30.0]), pd.Series([4, 4]), 400.0)[["shrunk", "weight"]].round(2).values.tolist()
    [[15.0, 0.5], [25.0, 0.5]]
    """
    frame = pd.DataFrame({"orders": orders, "mean": means}).astype({"mean": float})
    if len(frame) < 2 or not variance > 0:
        return frame.assign(weight=1.0, shrunk=frame["mean"], low=np.nan, high=np.nan)
    noise = variance / frame["orders"]
    precise = 1 / noise
    centre = (precise * means).sum() / precise.sum()
    beyond = (precise * (means - centre) ** 2).sum() - (len(frame) - 1)
    between = max(beyond / (precise.sum() - (precise**2).sum() / precise.sum()), 0.0)
    weight = between / (between + noise)
    certain = (1 / (between + noise)).sum()
    centre = (means / (between + noise)).sum() / certain
    shrunk, error = centre + weight * (means - centre), 2 * np.sqrt(weight * noise + (1 - weight) ** 2 / certain)
    return frame.assign(weight=weight, shrunk=shrunk, low=shrunk - error, high=shrunk + error)


# ---- other weights ------------------------------------------------------------------------------------------------------------


def reweighted(frame: pd.DataFrame, measures: Mapping[str, str]) -> pd.DataFrame:
    """How does the ranking change with other weights? Every mix of the measures in steps of a quarter.

    frame: as of `people`; measures: column → name. Each measure gives a person their place among the others, from 0 to 1; a mix is
    the weighted mean of the places. Columns: who, one rank per measure alone (under its name), even (with equal weights), best, worst,
    places (worst − best). A measure that is blank for all is left out; a blank of one person counts as the last place.

    >>> two = pd.DataFrame({"who": ["a", "b"], "net_sales": [9.0, 5.0], "contribution": [-1.0, 2.0]})
    >>> reweighted(two, {"net_sales": "sales", "contribution": "profit"})[["who", "sales", "profit", "best", "worst"]].values.tolist()
    [['a', 1, 2, 1, 2], ['b', 2, 1, 1, 2]]
    """
    known = [name for name in measures if frame[name].notna().any()]
    columns = ["who", *[measures[name] for name in known], "even", "best", "worst", "places"]
    if frame.empty or not known:
        return pd.DataFrame(columns=columns)
    places = frame[known].astype(float).rank(na_option="top").sub(1).div(max(len(frame) - 1, 1)).to_numpy()
    mixes = [mix for mix in product(range(STEPS + 1), repeat=len(known)) if sum(mix) == STEPS]
    scores = pd.DataFrame(places @ np.array([*mixes, [STEPS / len(known)] * len(known)]).T / STEPS).round(9)
    ranks = scores.rank(ascending=False, method="min").astype(int)
    alone = {measures[name]: ranks[mixes.index(tuple(STEPS * (other == name) for other in known))] for name in known}
    best, worst = ranks.min(axis=1), ranks.max(axis=1)
    found = pd.DataFrame(
        {"who": frame["who"].to_numpy(), **alone, "even": ranks[len(mixes)], "best": best, "worst": worst, "places": worst - best}
    )
    return found.sort_values(["even", "who"], ignore_index=True)[columns]


def read_reweighted(frame: pd.DataFrame) -> str:
    """The frame of `reweighted` in a sentence: whose place depends most on the weights, and who holds the same place throughout."""
    if frame.empty:
        return "Nobody to rank here."
    row = frame.loc[frame["places"].idxmax()]
    steady = frame.loc[frame["places"] == 0, "who"]
    return (
        f"The choice of weights moves {row['who']} between place {row['best']} and place {row['worst']} of {len(frame)}."
        f" Same place under all weights: {join_names(steady, 12)}."
    )
