"""Figures of decisions over time. As in `charts`."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.charts import DEEP, FAINT, INK, MAIN, QUIET, _axes, _finish, _left_out, _nothing, _rows, _write
from helpers.text import LOSS

SHADES = {"open": LOSS, "raised again": LOSS, "new": LOSS, "acted on": DEEP, "closed": MAIN, "gone": QUIET}


def timeline(frame: pd.DataFrame, top: int = 14, ax: Axes | None = None, **options) -> Axes:
    """Since when does each decision fire, and when did somebody act? A row per decision, a cell per month in which it fired.

    frame: who, state, chance, month, fires, acted; a row per decision and month, in the order given (`actions.timeline`). What asks for
    an answer stands in the loss colour, a chance and what was acted on in the deep one, closed and gone ones are pale; ▲ is an action.

    >>> two = pd.DataFrame({"who": ["a", "a"], "state": "acted on", "chance": False, "month": ["2025-01", "2025-02"]})
    >>> two = two.assign(fires=[True, False], acted=[False, True])
    >>> ax = timeline(two)
    >>> len(ax.patches), [text.get_text() for text in ax.texts]
    (1, ['▲', 'acted on', 'state'])
    """
    if frame.empty:
        return _nothing(ax, options)
    months = sorted(frame["month"].unique())
    rows = len(frame) // len(months)
    frame = frame.assign(row=np.arange(len(frame)) // len(months)).query("row < @top")
    shown = frame.drop_duplicates("row")
    ax = _axes(ax, len(shown) + 1)
    for cell in frame.itertuples():
        place = months.index(cell.month)
        colour = DEEP if cell.chance and cell.fires else SHADES[cell.state]
        if cell.fires:
            ax.barh(cell.row, 0.94, left=place - 0.47, height=0.66, color=colour, linewidth=0)
        if cell.acted:
            _write(ax, place, cell.row, "▲", ha="center", color="white" if cell.fires and colour != QUIET else INK)
    _rows(ax, shown["who"], ("state", list(shown["state"])), colours=[INK] * len(shown))
    ax.grid(False)
    ax.set(xlim=(-0.5, len(months) - 0.5))
    ax.set_xticks(range(len(months)), months)
    ax.tick_params(axis="x", length=0, labelcolor=FAINT)
    return _finish(ax, options, _left_out(max(0, rows - top), what="more not drawn"))
