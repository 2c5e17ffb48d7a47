"""What fired in each of the last months, month by month, without the evidence that a decision of today needs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.book import Book, kept, remembered
from helpers.decisions import LOOKS, fire, listed, margin_falls
from helpers.facts import LEVELS, nobody, people_ladder, stock_cover, yearly
from helpers.monthly_decisions.monthly_decisions import grouped
from helpers.ratios import costed, margins

MONTHS = 7
"""The book's month and the six before it."""
COLUMNS = ["month", "rule", "area", "verdict", "level", "entity", "metric", "value", "money_at_stake"]
EMPLOYERS = ("company", "store", "team")
_BY_MONTH = {"stocks": "inventory", "replenishment": "inventory", "payouts": "payouts", "regulars": "order_lines"}
"""Looks that are taken month by month, and the table that each needs."""


def followed_rules(book: Book) -> list[str]:
    """Rules whose firing of one month may go on in the next. A target is one month's only, and a person is nobody's case."""
    return [name for name, rule in book.policy.rules.items() if rule.area != "target" and rule.look != "people"]


def months(book: Book, count: int = MONTHS) -> list[str]:
    """The months with sales among the `count` that end with the book's, oldest first; the book's own in any case."""
    return [month for month in book.months_back(count) if month in book.months or month == book.month]


@remembered
def monthly(book: Book, level: str, wanted: Sequence[str], orders: bool = False) -> pd.DataFrame:
    """The ladder of a level by month with its ratios: month, entity, the ladder, (orders,) cost_coverage and kin; nobody's left out.

    Stores, teams and the company carry their payroll and overheads, as in `people_ladder`; in a store's scope there is no company.
    """
    if level == "company" and book.scope != "company":
        return monthly(book, "store", wanted).iloc[:0]
    if level in EMPLOYERS:
        frame = people_ladder(book, level, list(wanted))
    else:
        frame = book.ladder(["month", LEVELS[level]], list(wanted), orders=orders).rename(columns={LEVELS[level]: "entity"})
    return margins(frame[frame["entity"] != nobody(level)].reset_index(drop=True))


def firings(book: Book) -> pd.DataFrame:
    """Which of the followed rules fired for whom in the book's month and the six before it? The same rows as `decide` has, in one sweep.

    Columns: month, rule, area, verdict, level, entity, metric, value, money_at_stake, sorted by month, rule, level and entity. The orders of
    `payout_mismatch` are one row per store. An earlier month without sales has no rows.
    """
    return kept(book, "firings", lambda: _firings(book))


def _firings(book: Book) -> pd.DataFrame:
    looks = {"products": _products(book), "channels": _channels(book), "employers": _employers(book)}
    for name, table in _BY_MONTH.items():
        looks[name] = pd.DataFrame(columns=["month"]) if table in book.missing else _one_by_one(book, LOOKS[name])
    thresholds, found = book.policy.thresholds(), []
    for name in followed_rules(book):
        rule = book.policy.rules[name]
        hits = fire(looks[rule.look], rule, thresholds)
        found.append(hits.assign(rule=name).reindex(columns=COLUMNS))
    frame = pd.concat([each for each in found if len(each)] or found[:1], ignore_index=True)
    parts = [grouped(_as_decisions(part), book.stores)[COLUMNS] for _, part in frame.groupby("month")]
    frame = pd.concat(parts or [frame], ignore_index=True)
    frame = frame.astype({name: "float" if name in ("value", "money_at_stake") else "str" for name in COLUMNS})
    return frame.sort_values(["month", "rule", "level", "entity"], ignore_index=True)


def _as_decisions(part: pd.DataFrame) -> pd.DataFrame:
    return part.assign(name=part["entity"], threshold=np.nan, sample_size=1)


def _one_by_one(book: Book, look) -> pd.DataFrame:
    """A look of each month, one below the other."""
    frames = []
    for back in range(MONTHS):
        then = book.before(back) if back else book
        if then:
            frames.append(look(then).assign(month=then.month))
    return pd.concat(frames, ignore_index=True)


def _products(book: Book) -> pd.DataFrame:
    """As `decisions.products`, by month: what the rules on products look at."""
    wide = book.months_back(MONTHS + 2)
    frame = monthly(book, "product", wide)
    frame = frame[frame["month"].isin(months(book))].merge(margin_falls(frame, wide), on=["month", "entity"], how="left")
    frame = frame.assign(costed_sales=costed(frame))
    if "inventory" not in book.missing:
        stock = _one_by_one(book, lambda then: stock_cover(then, "product")[["entity", "inventory", "inventory_days", "cogs_90"]])
        frame = frame.merge(stock.assign(cogs_90=stock["cogs_90"].clip(lower=0)), on=["month", "entity"], how="outer")
    frame = frame.merge(listed(book)[["entity", "since"]], on="entity", how="left")
    ends = frame["month"].map({month: pd.Timestamp(month) + pd.offsets.MonthEnd(0) for month in wide})
    return frame.assign(level="product", fell_twice=frame["fell_twice"].eq(True), age_days=(ends - pd.to_datetime(frame["since"])).dt.days)


def _channels(book: Book) -> pd.DataFrame:
    frame = monthly(book, "channel", months(book))
    return frame.assign(level="channel", marketing_cost=-frame["marketing"], commission_cost=-frame["commissions"])


def _employers(book: Book) -> pd.DataFrame:
    """profit_per_employee and mean_fte of the twelve months that end with each month, from one reading of the ladder."""
    frames = [pd.DataFrame(columns=["month", "level", "entity"])]
    if "staffing" in book.missing:
        return frames[0]
    wide = book.months_back(MONTHS + 11)
    for level in EMPLOYERS if book.scope == "company" else EMPLOYERS[1:]:
        ladder = people_ladder(book, level, wide)
        for month in months(book):
            year = wide[wide.index(month) - 11 : wide.index(month) + 1]
            frames.append(yearly(ladder[ladder["month"].isin(year)], level).assign(level=level, month=month))
    return pd.concat([each for each in frames if len(each)] or frames, ignore_index=True)
