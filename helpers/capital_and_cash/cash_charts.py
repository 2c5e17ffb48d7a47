"""Figures of capital and cash: margin against turns, where the money sits, and the weeks to come. As in `charts`."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from helpers.charts import (
    _DASHED,
    DEEP,
    FAINT,
    INK,
    MAIN,
    QUIET,
    _apart,
    _axes,
    _finish,
    _gap,
    _left_out,
    _name,
    _nothing,
    _scale,
    _write,
    scatter,
)
from helpers.text import LOSS, number, show, title

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def return_map(
    frame: pd.DataFrame, named: Sequence[str] = (), currency: str = "", top: int = 60, ax: Axes | None = None, **options
) -> Axes:
    """Which products earn most on each unit of money in stock: the fast ones or the fat ones? Margin against turns, with curves of equal GMROI.

    frame: name, turns (a year), margin, inventory (the points' area), gmroi. Stock that did not turn is counted, not drawn. named: these
    always carry their name. On a curve, gross profit a year for each unit in stock is the same: margin = G ÷ (G + turns).

    >>> goods = pd.DataFrame({"name": ["tea", "pot"], "turns": [12.0, 4.0], "margin": [0.25, 0.5], "inventory": [10.0, 20.0], "gmroi": [4.0, 4.0]})
    >>> [text.get_text() for text in return_map(goods).texts]
    ['2 a year', '5 a year', 'pot', 'tea']
    """
    known = frame[np.isfinite(frame[["turns", "margin"]].astype(float)).all(axis=1) & (frame["turns"] > 0)].astype({"turns": float})
    note = _left_out(0, len(frame) - len(known))
    deep = known["margin"] < -1
    known, note = known[~deep], ", ".join(filter(None, (note, _left_out(int(deep.sum()), 0, "with a margin below −100% not drawn"))))
    if known.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    left, right = known["turns"].min() / 1.5, known["turns"].max() * 1.5
    low, high = min(0.0, known["margin"].min() - 0.05), min(1.0, known["margin"].max() + 0.08)
    ax.set(xscale="log", xlim=(left, right), ylim=(low, high))
    names = {"xlabel": "turns a year", "ylabel": "gross margin of 90 days", **options}
    lines = (names["xlabel"], f"curves: gross profit a year for each {currency or 'unit'} in stock; areas: money in stock", note)
    names["xlabel"] = "\n".join(filter(None, lines))
    along = np.geomspace(left, right, 80)
    curves = {each: each / (each + along) for each in _curves(known["gmroi"])}
    ends = {each: margin[-1] for each, margin in curves.items() if low <= margin[-1] <= high}
    # Written before the points, whose names are placed in the final layout.
    for each, place in zip(ends, _apart(list(ends.values()), _gap(ax, 10)), strict=True):
        text = f"{number(each, int(each < 1))} a year"
        _write(ax, right, ends[each], text, color=FAINT, fontsize=8, xytext=(1.01, place), textcoords=ax.get_yaxis_transform())
    scatter(known, "name", "turns", "margin", size="inventory", kinds=("ratio", "percent"), currency=currency, top=top, ax=ax, **names)
    for margin in curves.values():
        ax.plot(along, np.where((margin < low) | (margin > high), np.nan, margin), color=FAINT, linewidth=1, zorder=1)
    ticks = [step for step in _STEPS if left <= step <= right]
    ax.set_xticks(ticks, [number(step, int(step < 1)) for step in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    written = {text.get_text() for text in ax.texts}
    for row in known[known["name"].isin(list(named))].itertuples():
        if _name(row.name, 24) not in written:
            side = 1 if row.turns < np.sqrt(left * right) else -1
            clear = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
            _write(
                ax,
                row.turns,
                row.margin,
                _name(row.name, 24),
                9 * side,
                12,
                ha="left" if side > 0 else "right",
                weight="bold",
                fontsize=8,
                bbox=clear,
            )
    return ax


def _curves(gmroi: pd.Series) -> list[float]:
    """The round values nearest to what is there: four at most."""
    low, high = gmroi[gmroi > 0].min(), gmroi.max()
    steps = [step for step in _STEPS if low * 0.4 <= step <= high * 1.5]
    return steps[-4:]


def stacked(
    frame: pd.DataFrame,
    step: str,
    part: str,
    value: str,
    currency: str = "",
    total: str = "all together",
    ax: Axes | None = None,
    **options,
) -> Axes:
    """What is a sum made of, month by month? Columns of parts, negative ones below zero in the loss colour, and a line for the sum.

    frame: a row per step (months, in order) and part. Parts are named above the last columns; the sum at its end.

    >>> sits = pd.DataFrame({"month": ["2025-01"] * 2 + ["2025-02"] * 2, "item": ["stock", "debts"] * 2, "amount": [5.0, -2, 6, -1]})
    >>> [text.get_text() for text in stacked(sits, "month", "item", "amount").texts]
    ['stock 6', 'debts −1', 'all together 5']
    """
    wide = frame.pivot_table(index=step, columns=part, values=value, sort=False).sort_index().fillna(0.0)
    wide = wide[list(dict.fromkeys(frame[part]))]
    if wide.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    places, up, down = np.arange(len(wide)), np.zeros(len(wide)), np.zeros(len(wide))
    ends, shades = [], [DEEP, MAIN, "#5E8C6A", "#B9A46B", QUIET]
    for i, each in enumerate(wide):
        values = wide[each].to_numpy(float)
        base = np.where(values >= 0, up, down)
        bad = values[-1] < 0 or (values < 0).any()
        ax.bar(
            places,
            values,
            bottom=base,
            width=0.75,
            color=LOSS if bad else shades[i % 5],
            hatch="////" if bad else "",
            edgecolor="white",
            linewidth=0.6,
        )
        ends.append(
            (
                base[-1] + values[-1] / 2,
                f"{title(each)} {show(values[-1], 'money', compact=True)}",
                LOSS if values[-1] < 0 else shades[i % 5] if i % 5 in (0, 2) else INK,
            )
        )
        up, down = up + np.clip(values, 0, None), down + np.clip(values, None, 0)
    sums = wide.sum(axis=1).to_numpy(float)
    ax.plot(places, sums, "D-", color=INK, linewidth=1.4, markersize=4)
    ends.append((sums[-1], f"{total} {show(sums[-1], 'money', compact=True)}", INK))
    ax.set_xlim(-0.6, len(wide) - 0.4)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    for (at, text, colour), place in zip(ends, _apart([end for end, _, _ in ends], _gap(ax, 12)), strict=True):
        bold = {"weight": "bold"} if text.startswith(total) else {}
        _write(
            ax,
            1,
            at,
            text,
            color=colour,
            xycoords=ax.get_yaxis_transform(),
            xytext=(1.01, place),
            textcoords=ax.get_yaxis_transform(),
            **bold,
        )
    every = -(-len(wide) // 7)
    ax.set_xticks(places[::-1][::every][::-1], list(wide.index[::-1][::every][::-1]))
    ax.grid(axis="y")
    _scale(ax.yaxis, "money")
    return _finish(ax, options, xlabel=title(step), ylabel=title(value, "money", currency))


def weeks(
    frame: pd.DataFrame,
    start: float,
    currency: str = "",
    actual: str | None = None,
    value: str = "balance",
    ax: Axes | None = None,
    **options,
) -> Axes:
    """How will the cash stand, week by week, and when would it run dry? The expected balance with its range, from the day's balance on.

    frame: week (1 …), ends (day), the `value`, low, high (blank without a range), and perhaps a column of what came (`actual`). start: the
    balance at week 0. Weeks that end below zero are marked ▼ in the loss colour, and the zero line is drawn.

    >>> plan = pd.DataFrame({"week": [1, 2], "ends": pd.to_datetime(["2025-01-07", "2025-01-14"]), "balance": [5.0, -3], "low": [2.0, -9], "high": [8.0, 1]})
    >>> [text.get_text() for text in weeks(plan, 10.0).texts]
    ['expected −3', '80%: −9 to 1', 'dry in week 2']
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    across, line = np.concatenate([[0], frame["week"]]), np.concatenate([[start], frame[value]])
    ranged = frame["low"].notna().all()
    if ranged:
        low, high = (np.concatenate([[start], frame[side]]) for side in ("low", "high"))
        ax.fill_between(across, low, high, color=MAIN, alpha=0.35, linewidth=0)
    ax.plot(across, line, color=DEEP, linewidth=2.2, marker="o", markersize=3.5)
    dry = np.flatnonzero(line[1:] < 0) + 1
    ax.plot(across[dry], line[dry], "v", color=LOSS, markersize=7)
    ends = [(line[-1], f"expected {show(line[-1], 'money', compact=True)}", LOSS if line[-1] < 0 else DEEP)]
    if ranged:
        text = f"80%: {show(low[-1], 'money', compact=True)} to {show(high[-1], 'money', compact=True)}"
        ends.append((low[-1], text, FAINT))
    if actual and frame[actual].notna().any():
        came = np.concatenate([[start], frame[actual].astype(float)])
        ax.plot(across, came, color=INK, linewidth=1.8, linestyle=(0, (1, 1)))
        last = np.flatnonzero(np.isfinite(came))[-1]
        ends.append((came[last], f"what came {show(came[last], 'money', compact=True)}", INK))
    ax.axhline(0, **_DASHED)
    ax.set_xlim(0, frame["week"].iloc[-1])
    ax.set_xticks(across[::2], [f"{week}" if week else "now" for week in across[::2]])
    for (at, text, colour), place in zip(ends, _apart([end for end, _, _ in ends], _gap(ax, 12)), strict=True):
        _write(ax, 1, at, text, color=colour, xycoords=ax.get_yaxis_transform(), xytext=(1.01, place), textcoords=ax.get_yaxis_transform())
    if len(dry):
        _write(ax, across[dry[0]], line[dry[0]], f"dry in week {across[dry[0]]}", 0, -12, color=LOSS, ha="center", weight="bold")
    ax.grid(axis="y")
    _scale(ax.yaxis, "money")
    until = f"weeks from now; the last ends on {frame['ends'].iloc[-1]:%Y-%m-%d}"
    return _finish(ax, options, xlabel=until, ylabel=title("cash", "money", currency))
