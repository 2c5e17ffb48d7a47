"""Figures of stock and product life: days back and ahead, and the weeks that a product has left. As in `charts`."""

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.charts import _DASHED, DEEP, FAINT, MAIN, QUIET, _axes, _finish, _left_out, _nothing, _rows, _scale, _threshold, _write
from helpers.text import LOSS, label, show, title


def two_views(
    frame: pd.DataFrame, name: str, back: str, ahead: str, threshold: float, kind: str = "days", top: int = 14, ax: Axes | None = None, **options
) -> Axes:  # fmt: skip
    """How do two views of the same thing differ, and which are beyond the line? A hollow mark for `back`, a full one for `ahead`, joined.

    Rows in the order given, the first `top` of them. What lies beyond three times the threshold is an arrow at the edge; texts are exact.
    Above the threshold a mark is a square in the loss colour.

    >>> goods = pd.DataFrame({"good": ["a", "b"], "was": [30.0, 80.0], "will": [45.0, np.inf]})
    >>> [text.get_text() for text in two_views(goods, "good", "was", "will", 60.0).texts][:2]
    ['30', '80']
    """
    known = frame.dropna(subset=[back, ahead], how="all")
    note = _left_out(max(0, len(known) - top), len(frame) - len(known), "more not drawn")
    known = known.head(top).reset_index(drop=True)
    if known.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(known) + 1)
    edge = 3 * threshold
    for row, pair in enumerate(zip(known[back].astype(float), known[ahead].astype(float), strict=True)):
        places = [min(value, edge) for value in pair]
        ax.plot(places, [row, row], color=QUIET, linewidth=2, zorder=1)
        for value, place, hollow in zip(pair, places, (True, False), strict=True):
            if not np.isnan(value):
                colour = LOSS if value > threshold else DEEP if not hollow else MAIN
                marker = ">" if value > edge else "s" if value > threshold else "o"
                ax.plot(place, row, marker, color=colour, markersize=6.5, markerfacecolor="white" if hollow else colour, zorder=2)
    above = [LOSS if value > threshold else DEEP for value in known[ahead].astype(float)]
    columns = [(head, [show(value, kind) for value in known[column]]) for head, column in (("back", back), ("ahead", ahead))]
    _rows(ax, known[name], *columns, colours=above)
    ax.set_xlim(0, edge * 1.03)
    _threshold(ax, threshold, kind, at=1)
    _scale(ax.xaxis, kind)
    return _finish(ax, options, note, xlabel=f"{kind if kind == 'days' else title(ahead, kind)}; hollow: looking back, full: looking ahead")


def life(frame: pd.DataFrame, until: pd.Timestamp, stop: pd.Timestamp | None = None, ax: Axes | None = None, **options) -> Axes:
    """How fast is a product's contribution running out? Its weeks as points, the line through them, and the day to stop.

    frame: as of `product_life.track`: week, rate (blank ahead), line, name. until: the last day known; stop: the stop-loss date, drawn where it lies ahead.
    Weeks and the part of the line below zero stand in the loss colour.

    >>> weeks = pd.DataFrame({"week": pd.date_range("2025-06-01", periods=4, freq="7D"), "rate": [0.2, 0.1, np.nan, np.nan], "line": [0.2, 0.1, 0.0, -0.1], "name": "tea"})
    >>> [text.get_text() for text in life(weeks, pd.Timestamp("2025-06-08"), pd.Timestamp("2025-06-20")).texts]
    ['known until here', 'stop by 2025-06-20']
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    known = frame[frame["rate"].notna()]
    loss = known["rate"] < 0
    ax.plot(known["week"][~loss], known["rate"][~loss], "o", color=DEEP, markersize=5)
    ax.plot(known["week"][loss], known["rate"][loss], "v", color=LOSS, markersize=6)
    ax.plot(frame["week"], frame["line"], color=MAIN, linewidth=1.8)
    ax.plot(frame["week"], frame["line"].where(frame["line"] < 0), color=LOSS, linewidth=1.8)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.axvline(until, color=QUIET, linewidth=1)
    _write(
        ax, mdates.date2num(until), 1, "known until here", -4, -6, ha="right", color=FAINT, xycoords=ax.get_xaxis_transform(), fontsize=8
    )
    if stop is not None and stop > until:
        ax.axvline(stop, **_DASHED)
        _write(ax, mdates.date2num(stop), 0, f"stop by {stop:%Y-%m-%d}", 4, 8, xycoords=ax.get_xaxis_transform(), fontsize=8)
    ax.margins(x=0.03)
    ax.grid(axis="y")
    _scale(ax.yaxis, "percent")
    ax.xaxis.set_major_locator(mdates.AutoDateLocator(minticks=4, maxticks=7))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%m-%d"))
    return _finish(ax, options, xlabel="week that ends on", ylabel=f"contribution of {label(frame['name'].iloc[0], 24)}, % of sales")
