"""All figures of the workbook: a frame in, the Axes out.

Every chart takes `ax=None` and, last, options of `Axes.set` (xlabel, xlim, title …), which win. Columns are named by the caller
and name the axes. Names stand to the left, exact values to the right, in one column each, so that nothing overlaps.
A loss has one colour, a hatch and a minus sign. Rows that aren't drawn are counted below the axis. An empty frame says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox
from PIL import Image, ImageColor

from helpers.contract import LADDER, SUBTOTALS
from helpers.text import LOSS, label, percent, show, title

DEEP, MAIN, QUIET, INK, FAINT = "#1F4E79", "#7FA8CC", "#C3C9CF", "#333333", "#8A9199"
STYLES = ((DEEP, "-"), ("#009E73", "--"), ("#9B5FA5", "-."), ("#56A0D3", "-"), ("#B8860B", ":"), ("#555555", "--"), (FAINT, "-"))
STEPS = tuple(step for total in SUBTOTALS for step in (*(line for line in LADDER if LADDER[line] == total), total))
"""The margin ladder from top to bottom, each subtotal after its last line."""

_CJK = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB", "Heiti TC", "Microsoft YaHei", "SimHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans CJK JP", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS"),
)
_DASHED = {"color": INK, "linewidth": 1, "linestyle": (0, (4, 2))}
_LEADER = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}


@cache
def fonts() -> tuple[str, ...]:
    """Which fonts draw names? matplotlib's own and the first installed one with Chinese, Japanese and Korean letters."""
    installed = set(font_manager.fontManager.get_font_names())
    return ("DejaVu Sans", *[name for name in _CJK if name in installed][:1])


@cache
def use_theme() -> None:
    """Sets the look of all figures, once; every chart calls it before it makes its Axes. Call it first for Axes of your own."""
    plt.rcParams.update(
        {"figure.dpi": 100, "savefig.dpi": 100, "figure.facecolor": "white", "font.family": list(fonts()), "font.size": 9}
        | {"text.hinting": "none"}  # letters keep their distances, and a picture full of text is drawn in three quarters of the time
        | {"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": QUIET, "axes.labelcolor": INK, "text.color": INK}
        | {"xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.labelsize": 9}
        | {"figure.constrained_layout.h_pad": 0.1, "figure.constrained_layout.w_pad": 0.1}
        | {"axes.axisbelow": True, "grid.color": "#ECEEF0", "grid.linewidth": 0.8, "hatch.linewidth": 1.2, "lines.solid_capstyle": "butt"}
    )


@cache
def _drawable(letter: str) -> bool:
    paths = (font_manager.findfont(font) for font in fonts())
    return any(font_manager.get_font(path).get_char_index(ord(letter)) for path in paths)


def _name(name, width: int = 30) -> str:
    """A name as the fonts can draw it; a letter that they lack is shown as a box instead of a warning."""
    return "".join(letter if _drawable(letter) else "□" for letter in label(name, width))


class _Margins(ConstrainedLayoutEngine):
    """Constrained layout, for a single Axes in half the time, which is that of its drawing: it measures everything again for the new place,
    where only texts at places of the data reach out farther or less far than before."""

    _adjust_compatible = True

    def execute(self, fig: Figure) -> None:
        if len(fig.axes) > 1:
            super().execute(fig)
            return
        (ax,) = fig.axes
        pad, size = self.get()["w_pad"] * fig.dpi, np.tile(fig.bbox.size, 2)
        margins = np.zeros(4)
        for artists, options in (([ax], {"for_layout_only": True}), (ax.texts, {})):
            outer = Bbox.union([ax.bbox, *(artist.get_tightbbox(**options) for artist in artists if artist.get_visible())])
            margins = np.maximum(margins, np.abs(outer.extents - ax.bbox.extents) + pad)
            left, bottom, right, top = margins / size
            if left + right < 1 and bottom + top < 1:
                fig.subplots_adjust(left, bottom, 1 - right, 1 - top)


def _small_png(canvas: FigureCanvasAgg, target, format: str | None = None, dpi: float | None = None, **options) -> None:
    """What notebooks and pages show, drawn once and not three times: the layout leaves the same margin on every side.

    48 colours are enough for flat figures: a quarter of the bytes. Those of losses and of text are always among them.
    """
    if (format, dpi) != ("png", canvas.figure.dpi):  # somebody wants something else
        return FigureCanvasAgg.print_figure(canvas, target, format=format, dpi=dpi, **options)
    for axis in (axis for ax in canvas.figure.axes for axis in (ax.xaxis, ax.yaxis)):
        if not axis.label.get_text():
            axis.set_label_coords(0, 0)  # else every tick is measured twice, to find a place for no name
    data, size = canvas.print_to_buffer()
    picture = Image.frombuffer("RGBA", size, data).convert("RGB").point(lambda level: 255 if level > 247 else level)
    frequent = [colour for _, colour in sorted(picture.getcolors(size[0] * size[1]), reverse=True)[:42]]
    always = [
        tuple(int(255 - (255 - level) * part) for level in ImageColor.getrgb(colour))
        for colour in (LOSS, INK)
        for part in (1, 2 / 3, 1 / 3)
    ]  # even for a single cross, and for names beside a grid of many shades
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for colour in [*frequent, *always] for level in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(target, "png", compress_level=8)


def _axes(ax: Axes | None, rows: int | None = None) -> Axes:
    use_theme()
    if ax is None:
        height = 4.0 if rows is None else min(4.5, 1.0 + 0.25 * max(rows, 2))
        figure, ax = plt.subplots(figsize=(8, height), layout=_Margins())
        if isinstance(figure.canvas, FigureCanvasAgg):
            figure.canvas.print_figure = partial(_small_png, figure.canvas)
            figure.canvas.draw_idle = lambda: None  # pyplot asks for a drawing behind every cell, which nobody sees
    return ax


def _finish(ax: Axes, options: Mapping, note: str = "", **defaults: str) -> Axes:
    """Names the axes and lets the caller's options win; only the note on what is left out always stays."""
    names = {"xlabel": "", **defaults, **options}
    names["xlabel"] = "\n".join(filter(None, (names["xlabel"], note)))
    ax.set(**names)
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
        text.set(parse_math=False, text="\n".join(_name(line, 120) for line in text.get_text().split("\n") if line))
    return ax


def _nothing(ax: Axes | None, options: Mapping) -> Axes:
    ax = _axes(ax, 2)
    ax.set_axis_off()
    _write(ax, 0.5, 0.5, "nothing to show", ha="center", color=FAINT, xycoords="axes fraction")
    return _finish(ax, options)


def _write(ax: Axes, x, y, text: str, dx: float = 0, dy: float = 0, color: str = INK, **look):
    """Text at a place of the data, moved by dx, dy points; `$` and `^` are letters like all others."""
    look = {"va": "center_baseline", "fontsize": 8.5, "xytext": (dx, dy), "textcoords": "offset points", **look}
    return ax.annotate(_name(text, 120), (x, y), color=color, annotation_clip=False, parse_math=False, **look)


def _ink(colour: str) -> dict[str, str]:
    return {"color": LOSS, "weight": "bold"} if colour == LOSS else {"color": INK}


_TICKS = {"ratio": "number", "days": "number", "signed": "money"}


def _scale(axis, kind: str) -> None:
    """Ticks as short numbers; the axis' name carries the unit."""
    axis.set_major_locator(plt.MaxNLocator(6, steps=[1, 2, 5, 10], integer=kind in ("number", "days")))
    narrow = abs(np.diff(axis.get_view_interval())[0]) < 0.05
    axis.set_major_formatter(lambda x, _: percent(x, int(narrow)) if kind == "percent" else show(x, _TICKS.get(kind, kind), compact=True))


def _pick(frame: pd.DataFrame, value: str, top: int) -> tuple[pd.DataFrame, str]:
    """The rows with the largest values either side of zero, in the order given, and a note on the others."""
    values = pd.to_numeric(frame[value]).astype(float)
    known = frame.assign(**{value: values})[np.isfinite(values)].reset_index(drop=True)
    largest = known[value].abs().sort_values(ascending=False, kind="stable").index[:top]
    return known.loc[sorted(largest)].reset_index(drop=True), _left_out(len(known) - len(largest), len(frame) - len(known))


def _wide(frame: pd.DataFrame, down: str, across: str, value: str) -> pd.DataFrame:
    """Sums as a grid, both sides in the order of the frame; a blank stays a blank."""
    sums = frame.groupby([down, across], sort=False)[value].sum(min_count=1).astype(float).unstack(across)
    return (
        sums.reindex(index=frame[down].unique(), columns=frame[across].unique())
        .replace([np.inf, -np.inf], np.nan)
        .dropna(axis="columns", how="all")
    )


def _left_out(smaller: int, blank: int = 0, what: str = "smaller not drawn") -> str:
    return ", ".join(text for count, text in ((smaller, f"{smaller:,} {what}"), (blank, f"{blank:,} without a value")) if count)


def _rows(ax: Axes, names: Iterable, *columns: tuple[str, Sequence[str]], colours: Sequence[str] = ()) -> None:
    """One row per name from top to bottom, with columns (head, texts) to the right; those of a loss are bold."""
    names = [_name(name) for name in names]
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, left=False)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    edge = 0.0
    for head, texts in columns:
        edge += 12 + max(6 * len(text) if text in texts else 4.6 * len(text) for text in (head, *texts))
        beside = {"dx": edge, "xycoords": ax.get_yaxis_transform(), "ha": "right"}
        for row, text in enumerate(texts):
            _write(ax, 1, row, text, **beside, **_ink(colours[row]))
        if head:
            _write(ax, 1, -0.6, head, dy=7, color=FAINT, fontsize=8, **beside)


def _bars(ax: Axes, y, widths, colours: Sequence[str], left=0, height: float = 0.68) -> None:
    hatches = ["////" if colour == LOSS else "" for colour in colours]
    ax.barh(y, widths, left=left, height=height, color=colours, hatch=hatches, edgecolor="white", linewidth=0)


def _steps(ax: Axes, values: np.ndarray, total: np.ndarray, colours: Sequence[str]) -> np.ndarray:
    """The bars of a waterfall, each beginning where the one above ended; gives back where each ends."""
    change = np.where(total, 0, values)
    ends = np.empty(len(values))
    level = 0.0
    for i, value in enumerate(values):
        level = ends[i] = value if total[i] else level + change[i]
    for i, end in enumerate(ends[:-1]):
        ax.plot([end, end], [i, i + 1], color=FAINT, linewidth=0.7, zorder=0.9)
    drawn = [i for i in range(len(values)) if colours[i]]
    _bars(ax, drawn, [values[i] for i in drawn], [colours[i] for i in drawn], [0 if total[i] else ends[i] - values[i] for i in drawn])
    return ends


def _sign(values: Iterable[float], other: str = MAIN) -> list[str]:
    return [LOSS if value < 0 else other for value in values]


def ladder(steps: pd.Series, currency: str = "", ax: Axes | None = None, **options) -> Axes:
    """Where does the money go between gross sales and operating profit? A waterfall from top to bottom.

    steps: amounts by name, the signed lines and subtotals of the contract's ladder; others are ignored, lines of zero left out.
    To the right: the amount and its share of net sales.

    >>> ax = ladder(pd.Series({"gross_sales": 100, "refunds": -20, "net_sales": 80, "cogs": -90, "gross_profit": -10}))
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['gross sales', 'refunds', 'net sales', 'cogs', 'gross profit']
    >>> [round(bar.get_width()) for bar in ax.patches]
    [100, -20, 80, -90, -10]
    """
    steps = steps.reindex([step for step in STEPS if step in steps.index]).astype(float).dropna()
    total = steps.index.isin(SUBTOTALS)
    steps, total = steps[total | (steps != 0)], total[total | (steps != 0)]
    if not steps.any():
        return _nothing(ax, options)
    ax = _axes(ax, len(steps))
    colours = [(LOSS if value < 0 else DEEP) if sub else MAIN if value > 0 else QUIET for value, sub in zip(steps, total, strict=True)]
    _steps(ax, steps.to_numpy(), total, colours)
    columns = [(currency, [show(value, "money") for value in steps])]
    if steps.get("net_sales", 0) > 0:
        columns.append(("of net sales", [percent(value / steps["net_sales"]) for value in steps]))
    _rows(ax, [title(step) for step in steps.index], *columns, colours=colours)
    for row in np.flatnonzero(total):
        ax.get_yticklabels()[row].set_fontweight("bold")
    ax.axvline(0, color=FAINT, linewidth=0.8)
    _scale(ax.xaxis, "money")
    return _finish(ax, options, xlabel=title("amount", "money", currency))


def bridge(
    frame: pd.DataFrame, step: str, amount: str, start: float, end: float, names: Sequence[str] = ("before", "after"),
    currency: str = "", ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """What moved a total from one month to the next? A waterfall of the changes between two marks.

    frame: one row per cause, its name in `step`, its signed `amount`; start + amounts = end.
    The axis needn't start at zero, so the totals are marks, not bars.

    >>> ax = bridge(pd.DataFrame({"step": ["price", "cost"], "amount": [30.0, -10.0]}), "step", "amount", 100, 120)
    >>> [(float(bar.get_x()), float(bar.get_width())) for bar in ax.patches]
    [(100.0, 30.0), (130.0, -10.0)]
    """
    if frame.empty:
        return _nothing(ax, options)
    changes = frame[amount].astype(float).fillna(0).to_numpy()
    values, total = np.array([start, *changes, end], float), np.array([True, *[False] * len(changes), True])
    ax = _axes(ax, len(values))
    colours = ["", *_sign(changes), ""]
    ends = _steps(ax, values, total, colours)
    ax.plot(values[total], np.flatnonzero(total), "D", color=DEEP, markersize=7)
    texts = [show(value, "money" if sub else "signed") for value, sub in zip(values, total, strict=True)]
    _rows(ax, [names[0], *frame[step], names[1]], (currency, texts), colours=colours)
    for row in (0, len(values) - 1):
        ax.get_yticklabels()[row].set_fontweight("bold")
    low, high = min(ends), max(ends)
    margin = 0.06 * ((high - low) or abs(high) or 1)
    ax.set_xlim(low - margin, high + margin)
    _scale(ax.xaxis, "money")
    return _finish(ax, options, xlabel=title("amount", "money", currency))


def bars(
    frame: pd.DataFrame, name: str, value: str, kind: str = "money", currency: str = "", top: int = 14, threshold: float | None = None,
    ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """How large is each? Signed bars in the order given; of many, the `top` largest either side of zero. threshold: a line to read them against.

    >>> ax = bars(pd.DataFrame({"shop": ["a", "b"], "profit": [5, -2]}), "shop", "profit")
    >>> [float(bar.get_width()) for bar in ax.patches], [text.get_text() for text in ax.texts]
    ([5.0, -2.0], ['5', '−2'])
    """
    frame, note = _pick(frame, value, top)
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame))
    colours = _sign(frame[value])
    _bars(ax, frame.index, frame[value], colours)
    _rows(ax, frame[name], ("", [show(x, kind) for x in frame[value]]), colours=colours)
    _room(ax, [*frame[value], *([] if threshold is None else [threshold])])
    if threshold is not None:
        _threshold(ax, threshold, kind, at=1)
    _scale(ax.xaxis, kind)
    return _finish(ax, options, note, xlabel=title(value, kind, currency))


def _room(ax: Axes, values: Iterable[float]) -> None:
    """The x axis holds zero and all values, also when all are zero."""
    low, high = min(0, *values), max(0, *values)
    spare = 0.04 * (high - low)
    ax.set_xlim((low - spare if low else 0, high + spare if high else 0) if spare else (0, 1))
    ax.axvline(0, color=FAINT, linewidth=0.8)


def _panels(ax: Axes, names: Iterable, panels: Sequence[tuple[str, Sequence[float], Sequence[str], str]], same: bool) -> None:
    """Small bars in columns (head, values, texts, colour), each on a base line of its own: compare down a column.

    With `same`, all columns have one scale; else each has its own.
    """
    ends = [(min(0, *values), max(0, *values)) for _, values, _, _ in panels]
    if not same:
        ends = [(low / (high - low), high / (high - low)) if high > low else (0, 0) for low, high in ends]
    room = 0.72 if max(len(text) for *_, texts, _ in panels for text in texts) > 6 else 0.50  # inches for a text beside its bar
    unit = (sum(high - low for low, high in ends) or 1) / max(6.2 - room * len(panels), 1)
    slanted = {"va": "bottom", "fontsize": 8, "rotation": 25 if len(panels) > 4 else 0, "rotation_mode": "anchor"}
    position = 0.0
    for (head, values, texts, colour), (low, high) in zip(panels, ends, strict=True):
        base, scale = position - low, 1 if same else (max(0, *values) - min(0, *values)) or 1
        colours = _sign(values, colour) if colour != QUIET else [QUIET] * len(values)
        ax.plot([base, base], [-0.5, len(texts) - 0.5], color=FAINT, linewidth=0.8)
        _bars(ax, range(len(texts)), np.asarray(values) / scale, colours, base)
        for row, (value, text) in enumerate(zip(values, texts, strict=True)):
            _write(ax, base + max(0, value / scale), row, text, 3, fontsize=8, **_ink(colours[row]))
        _write(ax, base, -0.6, head, 0, 3, color=FAINT, **slanted)
        position = base + high + room * unit
    _rows(ax, names)
    ax.grid(False)
    ax.set_xlim(0, position)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)


def ladders(frame: pd.DataFrame, name: str, top: int = 14, ax: Axes | None = None, **options) -> Axes:
    """Who keeps how much of each 100 of net sales? A row per channel or store, a column per step of the ladder, one scale.

    frame: `name`, `net_sales` and lines and subtotals of the ladder after it; lines that are zero for all are left out.
    Bars end at 125 %; their text is exact.

    >>> shops = pd.DataFrame({"shop": ["a", "b"], "net_sales": [100, 200], "cogs": [-60, -250], "gross_profit": [40, -50]})
    >>> [round(float(bar.get_width()), 2) for bar in ladders(shops, "shop").patches]
    [0.6, 1.25, 0.4, -0.25]
    """
    frame, note = _pick(frame, "net_sales", top)
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame) + 1)
    sales = frame["net_sales"].where(frame["net_sales"] > 0)
    panels = []
    after = [step for step in STEPS[STEPS.index("net_sales") + 1 :] if step in frame and frame[step].any()]
    for step in after:
        share = frame[step].astype(float) / sales * (1 if step in SUBTOTALS else -1)
        texts = [percent(x, 1 if len(after) < 8 else 0) for x in share]
        panels.append((title(step), share.clip(-1.25, 1.25).fillna(0).tolist(), texts, DEEP if step in SUBTOTALS else QUIET))
    if not panels:
        return _nothing(ax, options)
    _panels(ax, frame[name], panels, same=True)
    return _finish(ax, options, note, xlabel="% of net sales: costs grey, what is left blue")


def paired(
    frame: pd.DataFrame, name: str, sales: str, profit: str, currency: str = "", top: int = 14, ax: Axes | None = None, **options
) -> Axes:
    """Do the large ones earn the money? Sales beside profit, each on its own scale, in the order given.

    >>> shops = pd.DataFrame({"shop": ["a", "b"], "net_sales": [100.0, 50.0], "contribution": [-5.0, 20.0]})
    >>> [round(float(bar.get_width()), 2) for bar in paired(shops, "shop", "net_sales", "contribution").patches]
    [1.0, 0.5, -0.2, 0.8]
    """
    frame, note = _pick(frame, sales, top)
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame) + 1)
    panels = []
    for column, colour in ((sales, MAIN), (profit, DEEP)):
        texts = [show(x, "money", compact=True) for x in frame[column]]
        panels.append((title(column, "money", currency), frame[column].astype(float).fillna(0).tolist(), texts, colour))
    _panels(ax, frame[name], panels, same=False)
    note = ", ".join(filter(None, ("each column on its own scale", note)))
    return _finish(ax, options, note)


def parts(
    frame: pd.DataFrame, name: str, part: str, value: str, threshold: float | None = None, kind: str = "percent", currency: str = "",
    top: int = 12, ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """What is each whole made of, and which are above the threshold? Stacked bars, the largest whole first.

    frame: one row per name and part. Wholes above the threshold stand in the loss colour with ▲.

    >>> costs = pd.DataFrame({"channel": ["a", "a", "b"], "part": ["ads", "fees", "ads"], "share": [0.10, 0.08, 0.05]})
    >>> [text.get_text() for text in parts(costs, "channel", "part", "share", 0.15).texts][:2]
    ['▲ 18.0%', '5.0%']
    """
    wide = _wide(frame, name, part, value).fillna(0)
    wide = wide.loc[:, wide.any()]
    wide = wide.loc[wide.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    if wide.empty or not wide.size:
        return _nothing(ax, options)
    left_out, wide = _left_out(max(0, len(wide) - top)), wide.head(top)
    ax = _axes(ax, len(wide) + 1)
    totals = wide.sum(axis=1)
    above = totals > threshold + 1e-9 if threshold is not None else totals < 0  # 0.10 + 0.05 is 0.15, whatever floats say
    colours = [LOSS if fired else MAIN for fired in above]
    shades = [DEEP, MAIN, QUIET, "#5E8C6A", "#B9A46B"]
    for i, each in enumerate(wide):
        before = wide.iloc[:, :i]
        left = np.where(wide[each] >= 0, before.clip(lower=0).sum(axis=1), before.clip(upper=0).sum(axis=1))
        ax.barh(range(len(wide)), wide[each], left=left, height=0.68, color=shades[i % 5], edgecolor="white", linewidth=0.8)
    texts = [("▲ " if fired and threshold is not None else "") + show(total, kind) for total, fired in zip(totals, above, strict=True)]
    _rows(ax, wide.index, ("", texts), colours=colours)
    _room(ax, [*wide.clip(lower=0).sum(axis=1), *wide.clip(upper=0).sum(axis=1), threshold or 0])
    _heads(ax, wide.iloc[0].clip(lower=0), shades)
    if threshold is not None:
        ax.set_ylim(len(wide) + 0.1, -0.6)
        _threshold(ax, threshold, kind, at=0)
    _scale(ax.xaxis, kind)
    return _finish(ax, options, left_out, xlabel=title(value, kind, currency))


def _heads(ax: Axes, sizes: pd.Series, shades: Sequence[str]) -> None:
    """The parts' names above the first bar, over their segments, pushed apart where these are narrow."""
    names = [_name(each, 22) for each in sizes.index]
    per_letter = 5.2 / 72 / (ax.get_window_extent().width / ax.figure.dpi) * np.diff(ax.get_xlim())[0]
    x = 0.0
    for i, (text, middle) in enumerate(zip(names, sizes.cumsum() - sizes / 2, strict=True)):
        half = len(text) / 2 * per_letter
        x = max(middle, x + half)
        arrow = _LEADER | {"color": shades[i % 5], "linewidth": 1.5, "shrinkB": 0}
        _write(ax, middle, -0.34, text, xytext=(x, -0.95), textcoords="data", ha="center", va="bottom", fontsize=8, arrowprops=arrow)
        x += half + per_letter


def _threshold(ax: Axes, value: float, kind: str, at: float) -> None:
    ax.axvline(value, **_DASHED)
    _write(ax, value, at, show(value, kind), 3, 6, xycoords=ax.get_xaxis_transform(), fontsize=8)


def gate(
    frame: pd.DataFrame, name: str, value: str, low: str, high: str, threshold: float, side: str = "below", kind: str = "percent",
    currency: str = "", top: int = 14, ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """Who fails the gate, and how surely? A dot with its interval per row, the worst first.

    side: fails when its value is `below` or `above` the threshold. Failing ones stand in the loss colour, squares;
    hollow when the interval contains the threshold. What lies far outside is an arrow at the edge; its text is exact.

    >>> goods = pd.DataFrame({"good": ["a", "b"], "margin": [0.5, 0.1], "low": [0.4, 0.05], "high": [0.6, 0.35]})
    >>> ax = gate(goods, "good", "margin", "low", "high", 0.30)
    >>> [tick.get_text() for tick in ax.get_yticklabels()], [text.get_text() for text in ax.texts][:2]
    (['b', 'a'], ['10.0%', '50.0%'])
    """
    frame = frame.reset_index(drop=True)
    values = pd.to_numeric(frame[value]).astype(float)
    worst = values.dropna().sort_values(ascending=side == "below", kind="stable").index
    note = _left_out(max(0, len(worst) - top), len(frame) - len(worst), "farther on the good side not drawn")
    frame = frame.loc[worst[:top]].astype(dict.fromkeys((value, low, high), float)).reset_index(drop=True)
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame))
    away = (frame[value] - threshold).abs().replace(np.inf, np.nan).dropna()
    reach = min(away.max(), 3 * away.quantile(0.75)) * 1.15 if away.any() else abs(threshold) or 1
    fired = frame[value] < threshold if side == "below" else frame[value] > threshold
    close = (frame[low] <= threshold) & (frame[high] >= threshold)
    inside = frame[[value, low, high]].clip(threshold - reach, threshold + reach)
    colours = [LOSS if each else DEEP for each in fired]
    ax.hlines(frame.index, inside[low], inside[high], color=colours, linewidth=1.6, alpha=0.6)
    for row, (shown, exact) in enumerate(zip(inside[value], frame[value], strict=True)):
        marker = "<" if exact < shown else ">" if exact > shown else "s" if fired[row] else "o"
        ax.plot(shown, row, marker, color=colours[row], markersize=6, markerfacecolor="white" if close[row] else colours[row])
    _rows(ax, frame[name], ("", [show(x, kind) for x in frame[value]]), colours=colours)
    ends = [threshold, *inside.min(), *inside.max()]
    ax.set_xlim(np.nanmin(ends) - reach * 0.08, np.nanmax(ends) + reach * 0.08)
    _threshold(ax, threshold, kind, at=1)
    _scale(ax.xaxis, kind)
    note = "; ".join(filter(None, ("hollow: too close to call" if close.any() else "", note)))
    return _finish(ax, options, note, xlabel=title(value, kind, currency))


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Places moved as little as needed to be `gap` apart, in their order.

    >>> _apart([1, 1, 5], 2)
    [0.0, 2.0, 5.0]
    """
    groups: list[tuple[float, int]] = []  # middle and number of members; neighbours that touch become one group
    for place in sorted(places):
        middle, count = float(place), 1
        while groups and middle - groups[-1][0] < gap * (count + groups[-1][1]) / 2:
            before, size = groups.pop()
            middle, count = (before * size + middle * count) / (size + count), size + count
        groups.append((middle, count))
    apart = [middle + gap * (i - (count - 1) / 2) for middle, count in groups for i in range(count)]
    return [apart[rank] for rank in np.argsort(np.argsort(places, kind="stable"), kind="stable")]


def _gap(ax: Axes, points: float) -> float:
    """So many points of height, in the data's unit."""
    return abs(np.diff(ax.get_ylim())[0]) * points / 72 / (ax.get_window_extent().height / ax.figure.dpi)


def ranks(
    frame: pd.DataFrame, name: str, left: str, right: str, currency: str = "", top: int = 14, ax: Axes | None = None, **options
) -> Axes:
    """Whose rank changes most between two amounts, say sales and contribution? A line per name from rank to rank.

    Of many: half of `top` are the first on the left, the others those whose rank changes most. The one to three largest
    falls stand in the loss colour, dashed; as many rises in the deep one.

    >>> goods = pd.DataFrame({"good": ["a", "b"], "net_sales": [9, 5], "contribution": [-1, 2]})
    >>> [text.get_text() for text in ranks(goods, "good", "net_sales", "contribution").texts][:6]
    ['1', '9', 'a', '2', '−1', 'a']
    """
    known = frame[frame[left].notna() & frame[right].notna()].reset_index(drop=True)
    if known.empty:
        return _nothing(ax, options)
    rank = pd.DataFrame({side: known[side].rank(ascending=False, method="first") for side in (left, right)}).astype(int)
    fall = rank[right] - rank[left]
    moved = fall.abs().sort_values(ascending=False, kind="stable").index
    chosen = list(dict.fromkeys([*rank[left].sort_values().index[: top // 2], *moved]))[:top]
    known, rank, fall = known.loc[chosen], rank.loc[chosen], fall.loc[chosen]
    few = min(3, max(1, len(known) // 4))
    falls, rises = fall[fall > 0].nlargest(few).index, fall[fall < 0].nsmallest(few).index
    ax = _axes(ax, len(known) + 1)
    place = rank.rank().astype(int)
    for i in known.sort_values(left, ascending=False, kind="stable").index:
        colour, line, ink = (LOSS, "--", LOSS) if i in falls else (DEEP, "-", DEEP) if i in rises else (QUIET, "-", INK)
        ax.plot([0, 1], place.loc[i], line, color=colour, marker="o", markersize=5, linewidth=2 if colour != QUIET else 1.2)
        for x, side in ((0, left), (1, right)):
            texts = (str(rank[side][i]), show(known[side][i], "money", compact=True), _name(known[name][i], 24))
            for text, dx in zip(texts, (8, 28, 80), strict=True):  # apart, so that an Arabic name doesn't turn the numbers around
                _write(
                    ax, x, place[side][i], text, dx if x else -dx, ha="left" if x else "right", color=LOSS if known[side][i] < 0 else ink
                )
    for x, side in ((0, left), (1, right)):
        head = "rank by " + title(side, "money", currency)
        _write(ax, x, 0.1, head, 8 if x else -8, ha="left" if x else "right", color=FAINT, fontsize=8)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(known) + 0.5, 0.4), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return _finish(ax, options, _left_out(len(frame.dropna(subset=[left, right])) - len(known), 0, "with smaller changes not drawn"))


def whale(values: pd.Series, currency: str = "", noun: str = "products", ax: Axes | None = None, **options) -> Axes:
    """How much profit is earned and lost again? Profit added up from the best to the worst.

    values: one amount each, in any order; blanks are left out.

    >>> ax = whale(pd.Series([50, -20, 30]))
    >>> ax.lines[0].get_ydata().tolist(), [text.get_text() for text in ax.texts]
    ([0.0, 50.0, 80.0, 60.0], ['80 from the best 2', '60 after all 3: 1 loses 20'])
    """
    known = np.sort(values.dropna().astype(float).to_numpy())[::-1]
    if not len(known):
        return _nothing(ax, options)
    ax = _axes(ax)
    x, total = np.arange(len(known) + 1), np.concatenate([[0.0], known.cumsum()])
    peak, losers = int(total.argmax()), int((known < 0).sum())
    ax.plot(x, total, color=DEEP, linewidth=2, marker="o" if len(known) <= 20 else "", markersize=4)
    ax.fill_between(x[peak:], total[peak:], total[peak], facecolor="none", edgecolor=LOSS, hatch="////", linewidth=0, alpha=0.6)
    ax.plot(x[peak:], total[peak:], color=LOSS, linewidth=2)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    reach = np.ptp(total) or 1
    ax.set(xlim=(0, len(known)), ylim=(total.min() - 0.12 * reach, total.max() + 0.14 * reach))
    if peak:
        side = "right" if peak > 0.6 * len(known) else "left" if peak < 0.25 * len(known) else "center"
        best = f"{show(total[peak], 'money', currency, compact=True)} from the best {peak:,}"
        _write(ax, peak, total[peak], best, dy=9, ha=side, weight="bold")
    end = show(total[-1], "money", currency, compact=True)
    lost = show(-known[known < 0].sum(), "money", currency, compact=True)
    after = (
        f"after all {len(known):,}: {losers:,} lose{'s' if losers == 1 else ''} {lost}"
        if losers
        else f"after all {len(known):,}, none loses"
    )
    ax.plot(x[-1], total[-1], "o", color=LOSS if losers else DEEP, markersize=6, clip_on=False)
    if losers or not peak:
        told = f"{end} {after}"
        under = total[int(len(known) * max(0, 1 - 0.012 * len(told))) :].min()  # the curve's lowest point above so long a text
        _write(ax, x[-1], under, told, -8, -12, ha="right", color=LOSS if losers else INK, weight="bold")
    ax.grid(axis="y")
    _scale(ax.yaxis, "money")
    _scale(ax.xaxis, "number")
    note = _left_out(0, len(values) - len(known))
    along = f"{noun} from the most to the least profitable"
    return _finish(ax, options, note, xlabel=along, ylabel=title("total profit", "money", currency))


def lines(
    frame: pd.DataFrame, x: str, name: str, value: str, kind: str = "money", currency: str = "", threshold: float | None = None,
    top: int = 7, ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """How did few things develop? A line per name, named at its end; values below zero are marked ▼ in the loss colour.

    Of many: the `top` with the largest values. x: months, dates or numbers, in any order.

    >>> trend = pd.DataFrame({"month": ["2025-02", "2025-01"], "shop": ["a", "a"], "sales": [5, 3]})
    >>> ax = lines(trend, "month", "shop", "sales")
    >>> ax.lines[0].get_ydata().tolist(), [text.get_text() for text in ax.texts]
    ([3.0, 5.0], ['a'])
    """
    wide = _wide(frame, x, name, value).sort_index()
    if wide.empty:
        return _nothing(ax, options)
    largest = wide.abs().max().sort_values(ascending=False, kind="stable").index
    wide, left_out = wide[[each for each in wide if each in set(largest[:top])]], _left_out(max(0, len(largest) - top))
    ax = _axes(ax)
    steps = isinstance(wide.index[0], str)
    places = np.arange(len(wide)) if steps else wide.index.to_numpy()
    for (colour, style), each in zip(STYLES * (len(largest) // len(STYLES) + 1), wide, strict=False):
        ax.plot(places, wide[each], style, color=colour, linewidth=1.8, marker="o" if wide[each].count() == 1 else "", markersize=4)
        below = (wide[each] < 0).to_numpy()
        ax.plot(places[below], wide[each][below], "v", color=LOSS, markersize=5)
    if steps:
        every = -(-len(places) // 8)
        ax.set_xticks(places[::-1][::every][::-1], [_name(text, 16) for text in wide.index[::-1][::every][::-1]], parse_math=False)
    elif pd.api.types.is_integer_dtype(wide.index):
        ax.xaxis.set_major_locator(plt.MaxNLocator(8, integer=True))
    if threshold is not None:
        ax.axhline(threshold, **_DASHED)
        _write(ax, 0, threshold, show(threshold, kind), 3, 6, xycoords=ax.get_yaxis_transform(), fontsize=8)
    if wide.min().min() < 0:
        ax.axhline(0, color=FAINT, linewidth=0.8)
    ax.margins(x=0.02 if len(places) > 1 else 0.5)
    ax.grid(axis="y")
    ends = [wide[each].dropna().iloc[-1] for each in wide]
    for (colour, _), each, end, y in zip(STYLES * len(ends), wide, ends, _apart(ends, _gap(ax, 12)), strict=False):
        at, moved = places[wide.index.get_loc(wide[each].last_valid_index())], abs(y - end) > _gap(ax, 2)
        arrow = {"arrowprops": _LEADER} if moved else {}
        look = {"color": LOSS if end < 0 else colour, "xytext": (1.02, y), "textcoords": ax.get_yaxis_transform(), **arrow}
        _write(ax, at, end, _name(each, 24), **look)
    _scale(ax.yaxis, kind)
    return _finish(ax, options, left_out, xlabel=title(x), ylabel=title(value, kind, currency))


def scatter(
    frame: pd.DataFrame, name: str, x: str, y: str, size: str | None = None, loss: str | None = None,
    kinds: tuple[str, str] = ("ratio", "ratio"),
    across: Mapping[str, float] | None = None, down: Mapping[str, float] | None = None, iso: Mapping[str, float] | None = None,
    currency: str = "", top: int = 60, ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """How do two measures go together? A point per name, labelled where there is room, the largest first.

    size: column for the points' area. loss: column of true/false that says which points are losses (else: y below zero).
    across, down, iso: named lines where y, x or x · y is the value given.

    >>> ads = pd.DataFrame({"channel": ["a", "b"], "roas": [4.0, 6.0], "poas": [1.5, 0.5]})
    >>> ax = scatter(ads, "channel", "roas", "poas", across={"break-even": 1.0})
    >>> ax.collections[0].get_offsets().tolist(), [text.get_text() for text in ax.texts]
    ([[4.0, 1.5], [6.0, 0.5]], ['break-even', 'a', 'b'])
    """
    known = frame[np.isfinite(frame[[x, y]].astype(float)).all(axis=1)]
    shown = known.assign(_size=known[size].astype(float).clip(lower=0).fillna(0) if size else 1.0)
    shown = shown.sort_values("_size", ascending=False, kind="stable").head(top).reset_index(drop=True)
    if shown.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    bad = shown[loss].astype(bool) if loss else shown[y] < 0
    area = 25 + 275 * shown["_size"] / (shown["_size"].max() or 1) if size else pd.Series(45.0, shown.index)
    for mask, colour, marker in ((~bad, MAIN, "o"), (bad, LOSS, "X")):
        if mask.any():
            ax.scatter(shown[x][mask], shown[y][mask], area[mask], color=colour, marker=marker, edgecolor="white", linewidth=0.8, zorder=3)
    for text, at in (across or {}).items():
        ax.axhline(at, **_DASHED)
        _write(ax, 1, at, text, 0, 6, ha="right", xycoords=ax.get_yaxis_transform(), fontsize=8)
    for text, at in (down or {}).items():
        ax.axvline(at, **_DASHED)
        _write(ax, at, 1, text, 3, -5, xycoords=ax.get_xaxis_transform(), fontsize=8)
    ax.margins(0.08)
    ax.autoscale_view()
    (left, right), (bottom, upper) = ax.get_xlim(), ax.get_ylim()
    for text, at in (iso or {}).items():
        along = np.linspace(max(left, right / 500), right, 60)
        along = along[(at / along >= bottom) & (at / along <= upper)]
        for pair in zip(along, along[1:], strict=False):  # piece by piece, so that labels keep clear of the curve only
            ax.plot(pair, [at / x for x in pair], color=FAINT, linewidth=1)
        if len(along):
            _write(ax, along[-1], at / along[-1], text, 0, 7, ha="right", color=FAINT, fontsize=8)
    ax.set(xlim=(left, right), ylim=(bottom, upper))
    ax.grid()
    for axis, kind in ((ax.xaxis, kinds[0]), (ax.yaxis, kinds[1])):
        _scale(axis, kind)
    note = _left_out(max(0, len(known) - top), len(frame) - len(known))
    _finish(ax, options, note, xlabel=title(x, kinds[0], currency), ylabel=title(y, kinds[1], currency))
    _place(ax, shown[[x, y]].to_numpy(float), [_name(each, 24) for each in shown[name]], np.sqrt(area) / 2, bad)
    return ax


def _place(ax: Axes, points: np.ndarray, names: Sequence[str], radii: Sequence[float], bad: Sequence[bool]) -> None:
    """Labels beside the points, each at the first of four places where it covers nothing; those that find none stay away."""
    if engine := ax.figure.get_layout_engine():
        engine.execute(ax.figure)
    pixels = ax.transData.transform(points)
    scale = ax.figure.dpi / 72
    taken = [artist.get_window_extent() for artist in (*ax.texts, *ax.lines)]
    taken += [Bbox.from_extents(*(at - r * scale), *(at + r * scale)) for at, r in zip(pixels, radii, strict=True)]
    for i, (text, radius) in enumerate(zip(names, radii, strict=True)):
        gap = radius + 2
        for right, up in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            side, level = ("center", "left", "right")[right], ("center", "bottom", "top")[up]
            written = _write(ax, *points[i], text, right * gap, up * gap, ha=side, va=level, fontsize=8, color=LOSS if bad[i] else INK)
            box = written.get_window_extent()
            inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 and ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1
            if inside and not box.count_overlaps(taken):
                taken.append(box)
                break
            written.remove()


def side_by_side(
    frame: pd.DataFrame, name: str, columns: Mapping[str, str], line: float = 1.0, kind: str = "percent", top: int = 14,
    ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """Do several ratios of the same thing agree? A column of small bars per ratio, each against its own line, in the order given.

    columns: column of the frame → its head. Bars that reach the line are dark, below it light; a negative one stands in the loss
    colour. Bars end at twice the line and at half of it below zero; their text is exact. A blank has no bar and a dash.

    >>> shops = pd.DataFrame({"shop": ["a", "b"], "sales": [1.1, 0.5], "cash": [0.9, None]})
    >>> ax = side_by_side(shops, "shop", {"sales": "sales", "cash": "cash"})
    >>> [round(float(bar.get_width()), 2) for bar in ax.patches], [text.get_text() for text in ax.texts][:2]
    ([1.1, 0.5, 0.9, 0.0], ['110.0%', '50.0%'])
    """
    frame, note = frame.head(top).reset_index(drop=True), _left_out(max(0, len(frame) - top), what="with less not drawn")
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(frame) + 1)
    position = 0.0
    for column, head in columns.items():
        values = frame[column].astype(float).to_numpy()
        shown = np.clip(np.nan_to_num(values), -line / 2, 2 * line)
        base = position - min(0.0, shown.min())
        colours = [LOSS if value < 0 else DEEP if value >= line - 1e-12 else MAIN for value in values]
        _bars(ax, range(len(frame)), shown, colours, base)
        ax.plot([base, base], [-0.5, len(frame) - 0.5], color=FAINT, linewidth=0.8)
        ax.plot([base + line, base + line], [-0.5, len(frame) - 0.5], zorder=0.9, **_DASHED)
        for row, value in enumerate(values):
            clear = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}  # of the dashed line
            _write(ax, base + max(0.0, shown[row]), row, show(value, kind), 4, fontsize=8, bbox=clear, **_ink(colours[row]))
        _write(ax, base, -0.6, head, 0, 3, color=FAINT, va="bottom", fontsize=8)
        position = base + max(shown.max(), line) + 0.75 * line
    _rows(ax, frame[name])
    ax.grid(False)
    ax.set_xlim(0, position)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    return _finish(ax, options, note, xlabel=f"dashed: {show(line, kind)}")


def ranges(
    frame: pd.DataFrame, name: str, value: str, low: str, high: str, bad: str, kind: str = "percent", currency: str = "", top: int = 14,
    ax: Axes | None = None, **options,
) -> Axes:  # fmt: skip
    """Where does each value lie in the range that experience gives it? A band from `low` to `high` per row and a mark for the value.

    bad: column of true/false, drawn as squares in the loss colour. Far outside, a mark is an arrow at the edge; its text is exact.

    >>> goals = pd.DataFrame({"goal": ["a", "b"], "set": [1.0, 1.5], "p20": [0.9, 0.9], "p95": [1.2, 1.1], "air": [False, True]})
    >>> ax = ranges(goals, "goal", "set", "p20", "p95", "air")
    >>> [[round(float(x), 2) for x in line.get_xdata()] for line in ax.lines][:2], [text.get_text() for text in ax.texts]
    ([[1.0], [1.5]], ['100.0%', '150.0%'])
    """
    known = frame.dropna(subset=[value, low, high])
    note = _left_out(max(0, len(known) - top), len(frame) - len(known), "more not drawn")
    known = known.head(top).reset_index(drop=True)
    if known.empty:
        return _nothing(ax, options)
    ax = _axes(ax, len(known))
    ends = np.concatenate([known[low].to_numpy(float), known[high].to_numpy(float)])
    middle, reach = float(np.median(ends)), max(3 * float(np.ptp(ends)), 1e-9)
    edges = (min(ends.min(), max(known[value].min(), middle - reach)), max(ends.max(), min(known[value].max(), middle + reach)))
    for row, (left, right) in enumerate(zip(known[low], known[high], strict=True)):
        ax.barh(row, right - left, left=left, height=0.5, color=QUIET, linewidth=0)
    colours = [LOSS if each else DEEP for each in known[bad].astype(bool)]
    for row, exact in enumerate(known[value].astype(float)):
        shown = min(max(exact, edges[0]), edges[1])
        marker = "<" if exact < shown else ">" if exact > shown else "s" if colours[row] == LOSS else "o"
        ax.plot(shown, row, marker, color=colours[row], markersize=6)
    _rows(ax, known[name], ("", [show(x, kind) for x in known[value]]), colours=colours)
    spare = 0.05 * (edges[1] - edges[0] or 1)
    ax.set_xlim(edges[0] - spare, edges[1] + spare)
    _scale(ax.xaxis, kind)
    return _finish(ax, options, note, xlabel=title(value, kind, currency))
