"""The gates in hindsight: what would have followed if each had been obeyed, at its own threshold and at others?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.book import BUCKETS, Book, remembered
from helpers.days import as_of
from helpers.decisions import margin_falls
from helpers.history import monthly
from helpers.ratios import ratio
from helpers.text import count, join_names, money, percent

MONTHS = 12
STEP = 0.01  # a point
POINTS = 15  # points that a threshold is moved either way
LEAST = 5  # with fewer entities, drawing them anew says nothing


@dataclass(frozen=True)
class Gate:
    """A line on a share, below or above which something is given up. column: of the frame of `_pairs`; own: the policy's line."""

    name: str
    level: str
    column: str
    side: str
    own: float


def gates(book: Book) -> list[Gate]:
    """The policy's gates that ask to stop something, so that the contribution of the month after judges them."""
    policy = book.policy
    return [
        Gate("margin", "product", "gross_margin", "below", policy.product.min_gross_margin),
        Gate("margin fall", "product", "margin_fall", "at least", policy.product.max_margin_fall),
        Gate("product's loss", "product", "contribution_rate", "below", 0.0),
        Gate("promotion", "channel", "promotion_share", "above", policy.channel.max_promotion_share),
        Gate("channel's loss", "channel", "contribution_rate", "below", 0.0),
    ]


@remembered
def study(book: Book) -> pd.DataFrame:
    """What would each gate have saved or cost over the past year, at its own line and up to 15 points to either side?

    Whoever fired in a month is taken out of the month after. One row per gate and threshold: gate, level, threshold, own (is it the
    policy's), fired (entity-months), right (of them: a negative contribution in the month after), saved (the sum of these, positive),
    forgone (the positive contributions of the others), net = saved − forgone, all in the reporting currency over the last twelve decisions of
    which the month after is known. A product below min_cost_coverage fires nothing, nor do sales that are not above zero.

    A bound, not a forecast: it takes for granted that all sales of what was taken out are lost, and none moves to something else.
    """
    rows = []
    for gate, pairs, grid in _gates(book):
        after = pairs["next"].to_numpy()
        for threshold in grid:
            then = after[_fires(gate, pairs, threshold)]
            rows.append({
                "gate": gate.name, "level": gate.level, "threshold": threshold, "own": threshold == gate.own, "fired": len(then),
                "right": int((then < 0).sum()), "saved": float(-then[then < 0].sum()) + 0.0, "forgone": float(then[then > 0].sum()),
                "net": float(-then.sum()) + 0.0,
            })  # fmt: skip
    return pd.DataFrame(rows)


@remembered
def best(book: Book) -> pd.DataFrame:
    """Which line would have served this company best, how surely, and how many decisions hang on a point? One row per gate.

    Columns: gate, level, own, fired, right, saved, forgone, net (at the policy's line), best (the threshold with the largest net, of several the nearest
    to the policy's), best_net, low and high (where the best ones lie in a bootstrap over entities, at the policy's confidence for all gates
    together), told
    (is that less than the whole range that was tried), lower and higher (how many of the year's decisions appear or vanish when the line
    moves a point down or up), lower_now and higher_now (of the book's month).
    """
    table, rows = study(book), []
    for gate, pairs, grid in _gates(book):
        mine = table[(table["gate"] == gate.name)].reset_index(drop=True)
        own = mine[mine["own"]].iloc[0]
        sums = _by_entity(gate, pairs, grid)
        found = float(_best(sums.sum(axis=0)[None, :], grid, gate.own)[0][0]) if len(sums) else gate.own
        low, high = _range(book, gate, sums, grid)
        now = _facts(book, gate.level, [book.month])
        moved = {
            f"{name}{suffix}": int((_fires(gate, frame, gate.own) != _fires(gate, frame, gate.own + step)).sum())
            for suffix, frame in (("", pairs), ("_now", now))
            for name, step in (("lower", -STEP), ("higher", STEP))
        }
        rows.append(own[["gate", "level", "fired", "right", "saved", "forgone", "net"]].to_dict() | {
            "own": gate.own, "best": found, "best_net": float(mine.loc[mine["threshold"] == found, "net"].iloc[0]), "low": low, "high": high,
            "told": bool(mine["fired"].any() and not (low == grid[0] and high == grid[-1])),
        } | moved)  # fmt: skip
    return pd.DataFrame(rows)


def _gates(book: Book):
    """Each gate with its entity-months and the thresholds that are tried."""
    last = 1 if as_of(book) < book.last_day else 0  # a month that still runs can't judge a decision
    months = book.months_back(MONTHS + 1 + last)[: MONTHS + 1]
    pairs = {level: _pairs(book, level, months) for level in ("product", "channel")}
    for gate in gates(book):
        grid = [round(gate.own + step * STEP, 9) for step in range(-POINTS, POINTS + 1)]
        if gate.column != "contribution_rate":  # a share; and a margin that did not fall is no decay
            grid = [threshold for threshold in grid if 0 < threshold < 1]
        yield gate, pairs[gate.level], grid


def _fires(gate: Gate, frame: pd.DataFrame, threshold: float) -> np.ndarray:
    values = frame[gate.column].astype(float)
    hits = {"below": values < threshold - 1e-12, "above": values > threshold + 1e-12, "at least": values >= threshold - 1e-12}[gate.side]
    return hits.to_numpy()


def _facts(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    """Each entity and month with sales and known enough cost, with the shares that the gates look at."""
    policy, wide = book.policy, [str(month) for month in pd.period_range(end=months[-1], periods=len(months) + 2, freq="M")]
    frame = monthly(book, level, wide)
    falls = margin_falls(frame, wide)
    falls = falls.assign(margin_fall=falls["margin_fall"].where(falls["fell_twice"].eq(True))).drop(columns="fell_twice")
    frame = frame.merge(falls, on=["month", "entity"], how="left")
    frame = frame.assign(contribution_rate=ratio(frame["contribution"].round(6), frame["net_sales"]))
    known = (frame["net_sales"] > 0) & ~(frame["cost_coverage"] < (policy.product.min_cost_coverage if level == "product" else 0))
    return frame[known & frame["month"].isin(months)].reset_index(drop=True)


def _pairs(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    """The facts of all months but the last, each with the contribution of the month after: `next`, 0 where nothing was booked."""
    frame = monthly(book, level, [str(month) for month in pd.period_range(end=months[-1], periods=len(months) + 2, freq="M")])
    wide = frame.pivot(index="entity", columns="month", values="contribution").reindex(columns=months)
    then = wide.shift(-1, axis=1).fillna(0.0).stack().rename("next").reset_index()
    facts = _facts(book, level, months)
    return facts[facts["month"].isin(months[:-1])].merge(then, on=["entity", "month"])


def _by_entity(gate: Gate, pairs: pd.DataFrame, grid: list[float]) -> np.ndarray:
    """What each entity would have saved (entities × thresholds); beyond BUCKETS entities several are one."""
    codes = pd.factorize(pairs["entity"])[0] % BUCKETS
    sums = np.zeros((codes.max() + 1 if len(codes) else 0, len(grid)))
    for column, threshold in enumerate(grid):
        hits = _fires(gate, pairs, threshold)
        np.add.at(sums[:, column], codes[hits], -pairs["next"].to_numpy()[hits])
    return sums


def _best(nets: np.ndarray, grid: list[float], own: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row of nets, the thresholds with the largest one: the nearest to the policy's, the lowest and the highest."""
    lines, order = np.array(grid), np.argsort(np.abs(np.array(grid) - own), kind="stable")
    top = nets >= nets.max(axis=1, keepdims=True) - 1e-6
    return lines[order[top[:, order].argmax(axis=1)]], lines[top.argmax(axis=1)], lines[len(grid) - 1 - top[:, ::-1].argmax(axis=1)]


def _range(book: Book, gate: Gate, sums: np.ndarray, grid: list[float]) -> tuple[float, float]:
    """Where the best thresholds lie when the entities are drawn anew with replacement (Efron 1979)."""
    if len(sums) < LEAST:
        return grid[0], grid[-1]
    evidence, rng = book.policy.evidence, np.random.default_rng(len(grid))
    ever, lowest, highest = sums[(sums != 0).any(axis=1)], [], []
    for start in range(0, evidence.resamples, 100):  # few rows at a time: a large company has many entities
        draws = min(100, evidence.resamples - start)
        # entities that never fire add nothing, however often they are drawn
        counts = rng.multinomial(len(sums), [*np.full(len(ever), 1 / len(sums)), 1 - len(ever) / len(sums)], size=draws)[:, :-1]
        _, low, high = _best(counts @ ever, grid, gate.own)
        lowest, highest = [*lowest, *low], [*highest, *high]
    tail = (1 - evidence.confidence) / 2 / len(gates(book))  # for all gates together (Bonferroni)
    return float(np.quantile(lowest, tail, method="lower")), float(np.quantile(highest, 1 - tail, method="higher"))


def _line(share: float) -> str:
    """A threshold in points, with a decimal where it has one."""
    return percent(share, 0 if abs(100 * share - round(100 * share)) < 1e-6 else 1)


def study_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `best` as a table: what each gate would have saved or cost, and what a point more or less would change."""
    return pd.DataFrame({
        "gate": frame["gate"], "line": [_line(own) for own in frame["own"]], "fired": frame["fired"], "right": frame["right"],
        "saved": frame["saved"], "forgone": frame["forgone"], "net": frame["net"],
        "best_line": [_line(x) if told else "can't be told" for x, told in zip(frame["best"], frame["told"], strict=True)],
        "between": [f"{_line(a)} to {_line(b)}" if told else "–" for a, b, told in frame[["low", "high", "told"]].itertuples(index=False)],
        "flip_a_point_lower": frame["lower"], "flip_a_point_higher": frame["higher"],
    })  # fmt: skip


def outside(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `best` for a figure, with outside: the policy's line lies outside of what the year supports. What can't be told is left out."""
    frame = frame[frame["told"]]
    return frame.assign(outside=(frame["own"] < frame["low"] - 1e-12) | (frame["own"] > frame["high"] + 1e-12)).reset_index(drop=True)


def study_said(frame: pd.DataFrame, currency: str) -> str:
    """What the policy's own gates would have saved or cost, in a sentence. frame: best."""
    own = frame[frame["fired"] > 0]
    if own.empty:
        return "No gate fired in a month of which the month after is known."
    said = []
    for row in own.itertuples():
        verb = "saved" if row.net >= 0 else "cost"
        words = f"{row.gate} {_line(row.own)} would have {verb} {money(abs(row.net), currency)}"
        said.append(f"{words} ({count(row.fired, 'firing')}, {row.right} before a loss)")
    return f"Had they been obeyed, {'; '.join(said)}."


def best_said(frame: pd.DataFrame) -> str:
    """Which lines the year speaks against, and what hangs on a point. frame: best."""
    told, unknown = outside(frame), frame[~frame["told"]]
    if told.empty:
        said = "For no gate can the best line be told from this year."
    else:
        against = [
            f"{row.gate} at {_line(row.own)} (best {_line(row.best)}, and somewhere between {_line(row.low)} and {_line(row.high)})"
            for row in told[told["outside"]].itertuples()
        ]
        said = f"The year speaks against {join_names(against, 5, 120)}" if against else "The year speaks against no line"
        fine = told.loc[~told["outside"], "gate"]
        said += f"; {join_names(fine, 5)} may have been at {'its' if len(fine) == 1 else 'their'} best." if len(fine) else "."
        said += f" It can't be told for {join_names(unknown['gate'], 5)}." if len(unknown) else ""
    row = frame.loc[frame[["lower", "higher"]].max(axis=1).idxmax()]
    if row["lower"] + row["higher"] == 0:
        return f"{said} No decision of the year flips if a line moves by a point."
    return (
        f"{said} Most hangs on a point of {row['gate']}: {count(row['lower'], 'decision')} of the year would flip a point lower and "
        f"{row['higher']:,} a point higher; this month {row['lower_now']:,} and {row['higher_now']:,}."
    )
