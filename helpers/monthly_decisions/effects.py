"""What an action brought: the entity before and after, against comparables of its level that nobody acted on.

A bad month is often followed by an ordinary one, whatever was done. So an entity is not held against its own bad months but against what
followed, in the same months, from months as bad among its comparables: a line of after on before through them (analysis of covariance;
Barnett, van der Pols and Dobson 2005 on regression to the mean). With a slope of 1 it would be the difference in differences. In simulated
companies bounds of 95 % hold the truth in 95 %, and for the very worst of forty products under wild chance (Student's t of 5) in 93 %.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from helpers import text
from helpers.book import Book, remembered
from helpers.days import as_of
from helpers.history import EMPLOYERS, firings, monthly, months
from helpers.monthly_decisions.actions import KEY, recorded, who
from helpers.monthly_decisions.monthly_decisions import called
from helpers.ratios import costed, ratio

MEASURED = (
    "low_gross_margin",
    "loss_maker",
    "margin_decay",
    "promotion_heavy",
    "channel_loss",
    "low_profit_per_employee",
    "room_to_expand",
)
"""Rules whose action should show in what the entity earns a month; the others ask for stock, costs, money or customers."""
WINDOW = 3  # months before and after, at most
YEAR = 13  # months that are read, the book's and the twelve before it
LEAST, MOST = 8, 50  # comparables
LIKE = 4.0  # a comparable has at most so many times the orders, and at least that part of them
TOLD = ("earned more", "earned less")


def beyond(before: np.ndarray, after: np.ndarray, own_before: float, own_after: float, confidence: float) -> tuple[float, float, float]:
    """How much more than its comparables led to expect did it have after, and between what bounds?

    before, after: of the comparables. Expected is the line of after on before through them, at its own before; the bounds are those of the
    prediction of one more point (Student's t), so what chance does to a single entity is in them. Without a spread in before: their mean.

    >>> ends = beyond(np.array([0.0, 1, 2, 3]), np.array([1.0, 1, 2, 2]), 0.0, 2.0, 0.95)
    >>> tuple(round(end, 3) for end in ends)  # line 0.9 + 0.4·x, residual variance 0.2 ÷ 2; 1.1 ± 4.3027 · √(0.1 · (1 + 1/4 + 2.25/5))
    (1.1, -0.674, 2.874)
    """
    count, middle = len(before), before.mean()
    spread = ((before - middle) ** 2).sum()
    sloped = spread > 1e-12
    slope = ((before - middle) @ after) / spread if sloped else 0.0
    rest = after - after.mean() - slope * (before - middle)
    degrees = count - 1 - sloped
    width = np.sqrt((rest @ rest) / degrees * (1 + 1 / count + ((own_before - middle) ** 2 / spread if sloped else 0)))
    half = stdtrit(degrees, (1 + confidence) / 2) * width
    effect = own_after - (after.mean() + slope * (own_before - middle))
    return float(effect), float(effect - half), float(effect + half)


@remembered
def effects(book: Book) -> pd.DataFrame:
    """What did each action bring? One row per entity and month of action of a measured rule, in the book's month and the five before it.

    Columns: date, rule, level, entity, name, action, before_months and after_months (how many of each), before and after (what it earned a
    month: contribution of products and channels, operating profit of stores, teams and the company), expected (after, as comparables led
    to expect), effect (after − expected, a month), low, high (its bounds), comparables, found.

    Before are the months that the decision had been firing for when it was acted on, at most three, or the one before the action; after
    are the up to three whole months behind the month of the action, short of the next action on the same entity. Everything is per net sales
    of before, so that large and small go through the same season. Comparables: same level, nobody acted on them in these months, known
    costs, min_orders and a quarter to four times the orders; the 50 nearest in what they earned before. The bounds hold for all
    measured actions together at the policy's confidence (Bonferroni).

    found: `earned more` or `earned less` where the bounds leave out 0, `no difference to be told` where they don't, and blank effects with
    `too early`, `too few orders`, `costs not known`, `nothing sold before` or `too few comparables`.
    """
    noted = recorded(book)
    noted = noted[noted["trouble"] == ""]
    seen = months(book)
    chosen = noted[noted["rule"].isin(MEASURED) & (noted["month"] > seen[0])]
    chosen = chosen.drop_duplicates(["level", "entity", "month"])
    fired = set(map(tuple, firings(book)[[*KEY, "month"]].to_numpy()))
    cases = [_windows(book, row, noted, fired) for row in chosen.to_dict("records")]
    rows = [row | _gathered(book, row, noted) for row in cases]
    measured = sum(row["found"] == "" for row in rows)
    rows = [_measured(row, 1 - (1 - book.policy.evidence.confidence) / max(measured, 1)) for row in rows]
    figures = ["before", "after", "expected", "effect", "low", "high"]
    columns = ["date", *KEY, "action", "before_months", "after_months", *figures, "comparables", "found"]
    frame = pd.DataFrame(rows, columns=None if rows else columns).reindex(columns=columns)
    frame = frame.assign(name=called(book, frame["level"], frame["entity"]))
    return frame.astype(dict.fromkeys(figures, "float") | {"comparables": "int"})


def _windows(book: Book, row: dict, noted: pd.DataFrame, fired: set[tuple]) -> dict:
    """Adds the months before and after. fired: rule, level, entity and month of all firings."""
    when = pd.Period(row["month"], "M")
    before = [str(when - n) for n in range(1, WINDOW + 1)]
    run = [(*(row[name] for name in KEY), month) in fired for month in before]
    before = before[: max(run.index(False) if False in run else WINDOW, 1)][::-1]
    last = pd.Period(book.month, "M") - int(as_of(book) < book.last_day)  # a month that still runs is no month
    again = noted.loc[(noted["level"] == row["level"]) & (noted["entity"] == row["entity"]) & (noted["month"] > row["month"]), "month"]
    last = min([last, *(pd.Period(month, "M") - 1 for month in again)])
    after = [str(when + n) for n in range(1, WINDOW + 1) if when + n <= last]
    return row | {"before_window": before, "after_window": after, "before_months": len(before), "after_months": len(after)}


def _gathered(book: Book, row: dict, noted: pd.DataFrame) -> dict:
    """What the entity and its comparables earned before and after, per net sales of before; `found` says why not, else is blank."""
    found = {"found": "", "comparables": 0}
    if not row["after_window"]:
        return found | {"found": "too early"}
    earned = "operating_profit" if row["level"] in EMPLOYERS else "contribution"
    sides = [_side(book, row["level"], row[f"{side}_window"], earned).add_suffix(f"_{side}") for side in ("before", "after")]
    both = sides[0].join(sides[1], how="outer").fillna(dict.fromkeys(_SUMS, 0.0))
    if row["entity"] not in both.index or not both.loc[row["entity"], "net_sales_before"] > 0:
        return found | {"found": "nothing sold before"}
    both = both[both["net_sales_before"] > 0]
    coverage = book.policy.product.min_cost_coverage
    both["known"] = ~((both["coverage_before"] < coverage) | (both["coverage_after"] < coverage))
    for side in ("before", "after"):
        both[side] = both[f"earned_{side}"] / both["net_sales_before"]
    own = both.loc[row["entity"]]
    found |= {
        "sales": own["net_sales_before"],
        "before": own["earned_before"],
        "after": own["earned_after"],
        "own": (own["before"], own["after"]),
    }
    span = pd.period_range(row["before_window"][0], row["after_window"][-1], freq="M").astype(str)
    touched = noted.loc[(noted["level"] == row["level"]) & noted["month"].isin(span), "entity"]
    enough = book.policy.evidence.min_orders / row["before_months"]  # orders of both sides are a month's
    like = both["orders_before"].between(own["orders_before"] / LIKE, own["orders_before"] * LIKE) & (both["orders_before"] >= enough)
    others = both[like & both["known"] & ~both.index.isin([*touched, row["entity"]])]
    near = (others["before"] - own["before"]).abs().sort_values(kind="stable").index[:MOST]
    found |= {"others": others.loc[near, ["before", "after"]].to_numpy(float), "comparables": len(near)}
    reasons = {
        "costs not known": not own["known"],
        "too few orders": own["orders_before"] < enough,
        "too few comparables": len(near) < LEAST,
    }
    return found | {"found": next((reason for reason, true in reasons.items() if true), "")}


_SUMS = [f"{name}_{side}" for side in ("before", "after") for name in ("earned", "net_sales", "orders")]


@remembered
def _side(book: Book, level: str, window: list[str], earned: str) -> pd.DataFrame:
    """A month's mean of what each entity earned, sold and was ordered in the window, and its cost coverage."""
    frame = monthly(book, level, book.months_back(YEAR), orders=True)
    sums = frame[frame["month"].isin(window)].groupby("entity")[[earned, "net_sales", "uncosted_sales", "orders"]].sum().astype(float)
    coverage = ratio(costed(sums), sums["net_sales"])
    means = sums.drop(columns="uncosted_sales") / len(window)
    return means.rename(columns={earned: "earned"}).assign(coverage=coverage)


def _measured(row: dict, confidence: float) -> dict:
    """Adds expected, effect, low, high in money a month, and what is found."""
    if row["found"]:
        return row
    others = row["others"]
    effect, low, high = (x * row["sales"] for x in beyond(others[:, 0], others[:, 1], *row["own"], confidence))
    found = TOLD[0] if low > 0 else TOLD[1] if high < 0 else "no difference to be told"
    return row | {"expected": row["after"] - effect, "effect": effect, "low": low, "high": high, "found": found}


def effect_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `effects` as a table."""
    ends = [[text.signed_money(end, "") for end in pair] for pair in frame[["low", "high"]].to_numpy(float)]
    return pd.DataFrame({
        "date": frame["date"], "who": who(frame), "what": frame["action"], "before": frame["before"], "after": frame["after"],
        "expected": frame["expected"], "effect": frame["effect"],
        "between": [" to ".join(pair) if known else text.BLANK for pair, known in zip(ends, frame["low"].notna(), strict=True)],
        "like_it": frame["comparables"], "found": frame["found"],
    })  # fmt: skip


def effects_said(book: Book, frame: pd.DataFrame) -> str:
    """Did acting help, as far as can be told? frame: effects."""
    if frame.empty:
        return f"No action that should show in what an entity earns is noted down since {months(book)[0]}."
    blank = frame.loc[frame["effect"].isna(), "found"].value_counts()
    why = ", ".join(f"{reason} for {count:,}" for reason, count in blank.items())
    measured = frame[frame["effect"].notna()]
    said = f"{text.count(len(frame), 'action')} on products, channels, stores and teams"
    if measured.empty:
        return f"Of {said} none can be measured: {why}."
    told = measured[measured["found"].isin(TOLD)]
    words = [
        f"{row.level} {text.label(row.name)} {row.found} than comparables led to expect, {text.signed_money(row.effect, book.currency)} a month "
        f"({text.signed_money(row.low, book.currency)} to {text.signed_money(row.high, book.currency)})"
        for row in told.assign(size=told["effect"].abs())
        .sort_values("size", ascending=False, kind="stable")
        .head(2)
        .itertuples(index=False)
    ]
    rest = len(measured) - len(told)
    words += [f"of {rest:,} chance alone may be the reason for all that changed"] if rest else []
    more = f", and {len(told) - 2:,} others differ as well" if len(told) > 2 else ""
    return f"Of {said} {len(measured):,} can be measured: {'; '.join(words)}{more}.{f' The others: {why}.' if why else ''}"
