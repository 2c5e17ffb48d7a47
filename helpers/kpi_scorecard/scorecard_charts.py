"""Figures of the scorecard: a board of values, places under each stage, and correlations with their intervals. As in `charts`."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from helpers.charts import _DASHED, DEEP, FAINT, INK, MAIN, QUIET, _axes, _finish, _left_out, _name, _nothing, _rows, _scale, _write
from helpers.text import LOSS, number

MARKS = {"decides": ("o", DEEP), "informs": ("s", MAIN), "flatters": ("X", FAINT), "not tested": ("|", QUIET)}


def board(texts: pd.DataFrame, shade: pd.DataFrame, top: int = 14, ax: Axes | None = None, **options) -> Axes:
    """Who stands where, figure by figure? A cell per row and column of `texts`, the darker the nearer its `shade` is to 1.

    texts: ready-made texts, rows × columns, in the order given. shade: the same labels, from 0 (worst, white) to 1 (best, dark); blank
    stays white. A text with a minus sign stands in the loss colour.

    >>> grid = pd.DataFrame({"a": ["−1"], "b": ["2"]}, index=["profit"])
    >>> [text.get_text() for text in board(grid, pd.DataFrame({"a": [0.0], "b": [1.0]}, index=["profit"])).texts]
    ['−1', '2', 'a', 'b']
    """
    note = _left_out(max(0, len(texts) - top), what="more not drawn")
    texts = texts.head(top)
    if texts.empty or not texts.shape[1]:
        return _nothing(ax, options)
    ax = _axes(ax, len(texts) + 2)
    colour, white = np.array(to_rgb(MAIN)), np.ones(3)
    for row, name in enumerate(texts.index):
        for column, head in enumerate(texts.columns):
            part = shade.loc[name, head]
            tint = (
                white if pd.isna(part) else white + (colour - white) * np.ceil(4 * float(part)) / 4.5
            )  # five tints keep the picture small
            ax.barh(row, 0.96, left=column - 0.48, height=0.92, color=tint, linewidth=0)
            text = str(texts.loc[name, head])
            bad = text.startswith("−")
            _write(ax, column, row, text, ha="center", fontsize=8, color=LOSS if bad else INK, weight="bold" if bad else "normal")
    narrow = texts.shape[1] > 6
    for column, head in enumerate(texts.columns):
        look = {"rotation": 25, "rotation_mode": "anchor", "ha": "left"} if narrow else {"ha": "center"}
        _write(ax, column, -0.62, _name(head, 18), dy=4, color=FAINT, fontsize=8, va="bottom", **look)
    _rows(ax, texts.index)
    ax.grid(False)
    ax.set(xlim=(-0.5, texts.shape[1] - 0.5), xticks=[])
    ax.spines["bottom"].set_visible(False)
    return _finish(ax, options, note)


def places(frame: pd.DataFrame, stages: Mapping[str, str], own: str, top: int = 8, **options) -> Sequence[Axes]:
    """Who would rank where in another stage? A panel per level, a line per entity from stage to stage; 1 stands on top.

    frame: level, entity and a rank column per stage. stages: rank column → its name. own: the column of the company's own stage, on a
    grey ground. Lines that change place are dark, those that hold it light.

    >>> two = pd.DataFrame({"level": ["store"] * 2, "entity": ["a", "b"], "s_rank": [1, 2], "m_rank": [2, 1]})
    >>> [text.get_text() for text in places(two, {"s_rank": "startup", "m_rank": "mature"}, "m_rank")[0].texts]
    ['b', 'a']
    """
    levels = list(dict.fromkeys(frame["level"]))
    if not levels:
        return [_nothing(None, options)]
    first = _axes(None, 10)
    figure = first.figure
    first.remove()
    found = []
    for i, level in enumerate(levels):
        ax = figure.add_subplot(1, len(levels), i + 1)
        part = frame[frame["level"] == level].sort_values(own, kind="stable").head(top)
        ranks = part[list(stages)].astype(float)
        ax.axvspan(list(stages).index(own) - 0.18, list(stages).index(own) + 0.18, color="#ECEEF0", zorder=0)
        for row in ranks.to_numpy():
            moves = np.nanmax(row) > np.nanmin(row)
            ax.plot(range(len(stages)), row, color=DEEP if moves else QUIET, marker="o", markersize=5, linewidth=2 if moves else 1.3)
        for place, group in part.groupby(list(stages)[-1], sort=True):
            names = ", ".join(_name(entity, 14) for entity in group["entity"])
            _write(ax, len(stages) - 1, place, names, 8, fontsize=8)
        ax.set_xticks(range(len(stages)), list(stages.values()), fontsize=8)
        ax.set(xlim=(-0.25, len(stages) - 0.75), ylim=(ranks.max().max() + 0.5, 0.5))
        ax.set_yticks(range(1, int(ranks.max().max()) + 1))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        found.append(_finish(ax, options, xlabel=f"{level}s, by stage", ylabel="place" if not i else ""))
    plt.sca(found[0])
    return found


def correlations(frame: pd.DataFrame, name: str = "kpi", top: int = 24, ax: Axes | None = None, **options) -> Axes:
    """Which figures go with the money, and how surely? A mark with its interval per row, in the order given; right of zero is the good
    side.

    frame: name, r, low, high (already turned so that above zero is good) and verdict, which chooses the mark and stands to the right.

    >>> found = pd.DataFrame({"kpi": ["a"], "r": [0.5], "low": [0.1], "high": [0.8], "verdict": ["decides"]})
    >>> [text.get_text() for text in correlations(found).texts]
    ['0.50', 'decides']
    """
    known = frame.dropna(subset="r")
    note = _left_out(max(0, len(known) - top), len(frame) - len(known), "more not drawn")
    known = known.head(top).reset_index(drop=True)
    if known.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(known))
    ax.hlines(known.index, known["low"], known["high"], color=[MARKS[each][1] for each in known["verdict"]], linewidth=2)
    for row, (r, verdict) in enumerate(zip(known["r"], known["verdict"], strict=True)):
        mark, colour = MARKS[verdict]
        ax.plot(r, row, mark, color=colour, markersize=6)
    ax.axvline(0, zorder=0.9, **_DASHED)
    _rows(ax, known[name], ("", [number(r, 2) for r in known["r"]]), ("", list(known["verdict"])), colours=[DEEP] * len(known))
    ax.set_xlim(-1.02, 1.02)
    _scale(ax.xaxis, "ratio")
    ax.xaxis.set_major_formatter(lambda x, _: number(x, 1))
    return _finish(ax, options, note)
