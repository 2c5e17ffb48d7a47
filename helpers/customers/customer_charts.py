"""Figures of customers: who came back when, how segments moved, the funnel, and whether a forecast held. As in `charts`."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from helpers.charts import (
    DEEP,
    FAINT,
    INK,
    MAIN,
    QUIET,
    _apart,
    _axes,
    _bars,
    _finish,
    _gap,
    _left_out,
    _nothing,
    _room,
    _rows,
    _scale,
    _write,
)
from helpers.text import LOSS, percent, show, title

SHADES = LinearSegmentedColormap.from_list("shades", ["#FFFFFF", MAIN, DEEP])


def heat(
    frame: pd.DataFrame, down: str, across: str, value: str, kind: str = "percent", size: str = "", top: int = 12, ax: Axes | None = None, **options
) -> Axes:  # fmt: skip
    """Where is a grid dark, that is, large? A square per pair with its value in it, the last `top` rows; a pair without a value stays white.

    size: a column whose value per row stands to the right. Shades reach from zero to the largest value; one below zero has the loss colour.

    >>> grid = pd.DataFrame({"cohort": ["a", "a", "b"], "age": [1, 2, 1], "part": [0.5, 0.25, 0.4]})
    >>> [text.get_text() for text in heat(grid, "cohort", "age", "part").texts]
    ['50%', '25%', '40%']
    """
    wide = frame.pivot(index=down, columns=across, values=value).astype(float)
    left_out, wide = _left_out(max(0, len(wide) - top), what="earlier not drawn"), wide.tail(top)
    wide = wide.dropna(axis=1, how="all")
    if wide.empty or not wide.size:
        return _nothing(ax, options)
    ax = _axes(ax, len(wide) + 1)
    most = np.nanmax(wide.abs().to_numpy()) or 1.0
    for row, cells in enumerate(wide.to_numpy()):
        for column, cell in enumerate(cells):
            if np.isfinite(cell):
                part = min(abs(cell) / most, 1.0)
                colour = LOSS if cell < 0 else SHADES(0.08 + 0.8 * part)
                ax.barh(row, 1, left=column - 0.5, height=0.92, color=colour, edgecolor="white", linewidth=1)
                text = percent(cell, 0) if kind == "percent" else show(cell, kind, compact=True)
                _write(ax, column, row, text, ha="center", fontsize=8, color="white" if part > 0.55 or cell < 0 else INK)
    sizes = frame.groupby(down)[size].first().reindex(wide.index) if size else None
    columns = [(title(size), [show(each, "number") for each in sizes])] if size else []
    _rows(ax, wide.index, *columns, colours=[DEEP] * len(wide))
    ax.set_xticks(range(wide.shape[1]), [str(each) for each in wide.columns])
    ax.set_xlim(-0.5, wide.shape[1] - 0.5)
    ax.grid(False)
    return _finish(ax, options, left_out, xlabel=title(across))


def moved(frame: pd.DataFrame, name: str = "segment", ax: Axes | None = None, **options) -> Axes:
    """How many came to and left each group in the month? Bars to the right for those who came, to the left for those who went.

    frame: name, began, came, went, ended. What a group began and ended with stands to the right.

    >>> ax = moved(pd.DataFrame({"segment": ["loyal"], "began": [10], "came": [3], "went": [5], "ended": [8]}))
    >>> [float(bar.get_width()) for bar in ax.patches]
    [3.0, -5.0]
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame) + 1)
    _bars(ax, range(len(frame)), frame["came"].astype(float), [DEEP] * len(frame))
    _bars(ax, range(len(frame)), -frame["went"].astype(float), [QUIET] * len(frame))
    columns = [(head, [show(x, "number") for x in frame[head]]) for head in ("began", "came", "went", "ended")]
    _rows(ax, frame[name], *columns, colours=[DEEP] * len(frame))
    _room(ax, [*frame["came"], *-frame["went"]])
    _scale(ax.xaxis, "number")
    return _finish(ax, options, xlabel="customers who went (grey) and came (blue)")


def steps(frame: pd.DataFrame, currency: str = "", ax: Axes | None = None, **options) -> Axes:
    """How many take each step, and what does one cost? Bars show the part of the step before that takes it; numbers stand to the right.

    frame: step, number, of, part, cost (blank where unknown). A part above 100 % is cut at 100 %; its text is exact.

    >>> rows = pd.DataFrame({"step": ["clicks", "visitors"], "number": [100, 40], "of": ["", "clicks"], "part": [None, 0.4], "cost": [1.0, 2.5]})
    >>> [float(bar.get_width()) for bar in steps(rows).patches]
    [0.0, 0.4]
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame) + 1)
    part = frame["part"].astype(float)
    ax.barh(range(len(frame)), part.fillna(0).clip(0, 1), height=0.68, color=MAIN)
    for row, (value, of) in enumerate(zip(part, frame["of"], strict=True)):
        if pd.notna(value):
            _write(ax, min(value, 1), row, f"{percent(value)} of {title(of)}", 4, fontsize=8)
    columns = [
        ("number", [show(x, "number") for x in frame["number"]]),
        (f"{currency} each", [show(x, "money") if x >= 100 else show(x, "ratio") for x in frame["cost"]]),
    ]
    _rows(ax, [title(step) for step in frame["step"]], *columns, colours=[DEEP] * len(frame))
    ax.set_xlim(0, 1.32)
    ax.set_xticks(np.linspace(0, 1, 6), [percent(x, 0) for x in np.linspace(0, 1, 6)])
    return _finish(ax, options, xlabel="% of the step that it is a part of")


def curve(frame: pd.DataFrame, x: str, share: str, marks: tuple[int, ...] = (), ax: Axes | None = None, **options) -> Axes:
    """How does a share grow with time? A line of steps, with its value written at a few times.

    >>> [text.get_text() for text in curve(pd.DataFrame({"days": [1, 30], "share": [0.1, 0.4]}), "days", "share", (30,)).texts]
    ['40.0%']
    """
    if frame.empty or not frame[share].max() > 0:
        return _nothing(ax, options)
    ax = _axes(ax)
    ax.step([0, *frame[x]], [0, *frame[share]], where="post", color=DEEP, linewidth=2)
    end = frame[x].max()
    for mark in marks:
        if mark <= end:
            at = frame.loc[frame[x] <= mark, share].max() if (frame[x] <= mark).any() else 0.0
            ax.plot(mark, at, "o", color=DEEP, markersize=5)
            _write(ax, mark, at, percent(at), -2, 9, ha="right", fontsize=8.5)
    ax.set(xlim=(0, end * 1.02), ylim=(0, min(1.0, frame[share].max() * 1.2)))
    ax.grid(axis="y")
    _scale(ax.yaxis, "percent")
    return _finish(ax, options, xlabel=title(x), ylabel=title(share))


def tracked(frame: pd.DataFrame, ax: Axes | None = None, **options) -> Axes:
    """Did the model foresee months that it had not seen? Expected and actual purchases by month; the months kept back are shaded.

    frame: month, what (`expected`, `came`), purchases, kept_back.

    >>> rows = pd.DataFrame({"month": ["a", "b"] * 2, "what": ["expected"] * 2 + ["came"] * 2, "purchases": [5.0, 4, 6, 3], "kept_back": [False, True] * 2})
    >>> [text.get_text() for text in tracked(rows).texts]
    ['kept back', 'expected', 'came']
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    wide = frame.pivot(index="month", columns="what", values="purchases")
    places, back = np.arange(len(wide)), frame.groupby("month")["kept_back"].first().to_numpy()
    ax.plot(places, wide["came"], color=DEEP, linewidth=2)
    ax.plot(places, wide["expected"], color="#009E73", linewidth=2, linestyle="--")
    ax.set_ylim(0, wide.to_numpy().max() * 1.12 or 1)
    if back.any():
        first = int(np.argmax(back)) - 0.5
        ax.axvspan(first, len(wide) - 0.5, color=QUIET, alpha=0.25, linewidth=0)
        _write(ax, first, 1, "kept back", 4, -8, xycoords=ax.get_xaxis_transform(), color=FAINT, fontsize=8)
    ends = [wide["expected"].iloc[-1], wide["came"].iloc[-1]]
    for name, colour, y in zip(("expected", "came"), ("#009E73", DEEP), _apart(ends, _gap(ax, 12)), strict=True):
        _write(ax, 1, y, name, color=colour, xycoords=ax.get_yaxis_transform(), xytext=(1.02, y), textcoords=ax.get_yaxis_transform())
    every = -(-len(places) // 8)
    ax.set_xticks(places[::-1][::every][::-1], list(wide.index[::-1][::every][::-1]), parse_math=False)
    ax.set_xlim(-0.5, len(wide) - 0.5)
    ax.grid(axis="y")
    _scale(ax.yaxis, "number")
    return _finish(ax, options, xlabel="month", ylabel="repeat purchases")


def paid_back(frame: pd.DataFrame, currency: str = "", ax: Axes | None = None, **options) -> Axes:
    """Does a customer leave more than they cost? A mark for the cost to win one, bars for what one leaves at once and so far.

    frame: channel, cac, first, so_far (blank where nobody was won). A bar that does not reach its mark is in the loss colour.

    >>> ax = paid_back(pd.DataFrame({"channel": ["a", "b"], "cac": [50.0, 90.0], "first": [60.0, 30.0], "so_far": [80.0, 70.0]}))
    >>> [float(bar.get_width()) for bar in ax.patches]
    [80.0, 70.0, 60.0, 30.0]
    """
    known = frame[frame["cac"].notna()].reset_index(drop=True)
    if known.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(known) + 1)
    short = known["so_far"] < known["cac"] - 1e-9
    _bars(ax, known.index, known["so_far"].fillna(0), [LOSS if each else QUIET for each in short])
    ax.barh(known.index, known["first"].fillna(0), height=0.4, color=MAIN)
    for row, cac in enumerate(known["cac"]):
        ax.plot([cac, cac], [row - 0.42, row + 0.42], color=INK, linewidth=2.5)
    columns = [
        (head, [show(x, "money") for x in known[name]]) for head, name in (("cost", "cac"), ("at once", "first"), ("so far", "so_far"))
    ]
    _rows(ax, known["channel"], *columns, colours=[LOSS if each else MAIN for each in short])
    _room(ax, [*known["so_far"].fillna(0), *known["cac"], *known["first"].fillna(0)])
    _scale(ax.xaxis, "money")
    return _finish(ax, options, _left_out(0, len(frame) - len(known), "without new customers"),
                   xlabel=f"{currency} per new customer: cost (mark), left in the first month (blue) and so far (grey)".strip())  # fmt: skip
