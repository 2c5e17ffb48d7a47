"""The gates in hindsight: what would have followed if each had been obeyed, at its own threshold and at others?"""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.days import as_of
from helpers.metrics import margins
from helpers.text import count, money, percent

MONTHS = 12
STEPS = (-0.10, -0.05, 0.0, 0.05, 0.10)
"""Thresholds that are tried, beside the policy's."""


@remembered
def study(book: Book) -> pd.DataFrame:
    """What would each gate have saved or cost over the past year? Whoever fired in a month is taken out of the next month.

    gate, level, threshold, own (is it the policy's), fired (entity-months), right (of them: a negative contribution in the month after),
    saved (the sum of these, positive), forgone (the positive contributions of the others), net = saved − forgone, all in the reporting
    currency over the last twelve decisions of which the month after is known. A product below min_cost_coverage fires nothing.

    A bound, not a forecast: it takes for granted that all sales of what was taken out are lost, and none moves to something else.
    """
    policy, rows = book.policy, []
    last = 1 if as_of(book) < book.last_day else 0  # a month that still runs can't judge a decision
    months = book.months_back(MONTHS + 1 + last)[: MONTHS + 1]
    products = _pairs(book, "product_id", months, policy.product.min_cost_coverage)
    channels = _pairs(book, "channel", months, 0.0)
    for step in STEPS:
        low, high = policy.product.min_gross_margin + step, policy.channel.max_promotion_share + step
        rows.append(_outcome(products, "gross margin below", "product", low, step == 0, products["gross_margin"] < low - 1e-12))
        if high > 0 and abs(step) != 0.10:
            rows.append(_outcome(channels, "promotion share above", "channel", high, step == 0, channels["promotion_share"] > high + 1e-12))
    for level, pairs in (("product", products), ("channel", channels)):
        rows.append(_outcome(pairs, "contribution below", level, 0.0, True, pairs["contribution"] < 0))
    frame = pd.DataFrame(rows)
    return frame.sort_values(["gate", "level", "threshold"], ignore_index=True)


def _pairs(book: Book, dimension: str, months: list[str], coverage: float) -> pd.DataFrame:
    """Each entity and month with sales and known enough cost, with the contribution of the month after (`next`, 0 where nothing was
    booked)."""
    frame = margins(book.ladder(["month", dimension], months))
    wide = frame.pivot(index=dimension, columns="month", values="contribution").reindex(columns=months)
    then = wide.shift(-1, axis=1).fillna(0.0).stack().rename("next").reset_index()
    both = frame.merge(then, on=[dimension, "month"])
    known = (both["net_sales"] > 0) & ~(both["cost_coverage"] < coverage) & (both[dimension] != "unallocated")
    return both[known & both["month"].isin(months[:-1])].reset_index(drop=True)


def _outcome(pairs: pd.DataFrame, gate: str, level: str, threshold: float, own: bool, fired: pd.Series) -> dict:
    after = pairs.loc[fired, "next"].astype(float)
    saved, forgone = float(-after[after < 0].sum()), float(after[after > 0].sum())
    return {
        "gate": gate,
        "level": level,
        "threshold": round(threshold, 9),
        "own": own,
        "fired": int(fired.sum()),
        "right": int((after < 0).sum()),
        "saved": saved + 0.0,
        "forgone": forgone,
        "net": saved - forgone + 0.0,
    }


def study_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `study` for a table or figure: gate in words, `policy` at the policy's own threshold, and the counts and sums."""
    words = [
        f"{level} at a loss"
        if gate == "contribution below"
        else f"{gate.replace('gross ', '').replace(' share', '')} {percent(threshold, 0)}"
        for gate, level, threshold in zip(frame["gate"], frame["level"], frame["threshold"], strict=True)
    ]
    return pd.DataFrame({"gate": words, "policy": np.where(frame["own"], "yes", "")}).join(
        frame[["fired", "right", "saved", "forgone", "net"]]
    )


def study_said(frame: pd.DataFrame, currency: str) -> str:
    """What the policy's own gates would have saved or cost, and the best threshold in hindsight, in sentences."""
    own = frame[frame["own"] & (frame["fired"] > 0)]
    if own.empty:
        return "No gate fired in a month of which the month after is known."
    said = []
    for row, words in zip(own.itertuples(), study_rows(own.reset_index(drop=True))["gate"], strict=True):
        verb = "saved" if row.net >= 0 else "cost"
        said.append(
            f"{words}: {count(row.fired, 'firing')}, {row.right} followed by a loss, would have {verb} {money(abs(row.net), currency)}"
        )
    return "; ".join(said) + ". What was taken out is taken to sell nothing elsewhere, so this is the most that obeying could cost."
