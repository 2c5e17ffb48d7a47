"""Figures of pacing: where a month goes, days against each other, and whether probabilities kept their word. As in `charts`."""

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from helpers.charts import _DASHED, DEEP, FAINT, INK, MAIN, QUIET, _apart, _axes, _finish, _gap, _nothing, _scale, _write
from helpers.text import LOSS, percent, show, title


def _days(ax: Axes, days: pd.Series) -> None:
    """Ticks on a time axis: a week apart within a month, else the first of each month."""
    months = (days.iloc[-1] - days.iloc[0]).days / 30
    ax.xaxis.set_major_locator(
        mdates.DayLocator(bymonthday=(1, 8, 15, 22, 29)) if months < 1.5 else mdates.MonthLocator(interval=int(1 + months // 7))
    )
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%d" if months < 1.5 else "%Y-%m"))


def fan(frame: pd.DataFrame, kind: str = "money", currency: str = "", ax: Axes | None = None, **options) -> Axes:
    """Where will the month land, against its target? What was sold so far, and the fan of where it may go.

    frame: a row per day, sums from the month's start: day, target (by weight), actual (blank after the evening of the look), later (what
    came after it, where that is known), landing, low_80, high_80, low_95, high_95 (blank before it). Columns that are blank throughout
    are not drawn. Ends are written to the right, where the landing stands in the loss colour when it is below the target.

    >>> days = pd.DataFrame({"day": pd.date_range("2025-06-01", periods=3), "target": [1.0, 2, 3], "actual": [0.5, 1, np.nan]})
    >>> days = days.assign(later=np.nan, landing=[np.nan, 1, 2.5], low_80=[np.nan, 1, 2], high_80=[np.nan, 1, 3], low_95=np.nan, high_95=np.nan)
    >>> [text.get_text() for text in fan(days).texts]
    ['target 3', 'landing 2.5', '80%: 2 to 3']
    """
    if frame.empty or not frame[["target", "actual"]].notna().any(axis=None):
        return _nothing(ax, options)
    ax = _axes(ax)
    known = {name: frame[name].notna().any() for name in frame}
    for low, high, shade in (("low_95", "high_95", 0.18), ("low_80", "high_80", 0.38)):
        if known[low] and known[high]:
            ax.fill_between(frame["day"], frame[low].astype(float), frame[high].astype(float), color=MAIN, alpha=shade, linewidth=0)
    ends = []
    missed = known["landing"] and known["target"] and frame["landing"].iloc[-1] < frame["target"].iloc[-1]
    looks = {
        "target": (INK, (0, (4, 2)), 1.2), "later": (FAINT, (0, (1, 1)), 1.8), "landing": (LOSS if missed else DEEP, (0, (3, 1, 1, 1)), 1.6),
        "actual": (DEEP, "-", 2.4),
    }  # fmt: skip
    for name, (colour, style, width) in looks.items():
        if known[name]:
            ax.plot(frame["day"], frame[name], color=colour, linestyle=style, linewidth=width)
            if frame[name].notna().iloc[-1]:
                said = {"later": "what came", "actual": "sold"}.get(name, name)
                ends.append(
                    (frame[name].iloc[-1], f"{said} {show(frame[name].iloc[-1], kind, compact=True)}", INK if name == "target" else colour)
                )
    if known["low_80"]:
        low, high = frame["low_80"].iloc[-1], frame["high_80"].iloc[-1]
        ends.append(((low + high) / 2, f"80%: {show(low, kind, compact=True)} to {show(high, kind, compact=True)}", FAINT))
    top = np.nanmax(frame[[name for name in ("target", "actual", "later", "landing", "high_80", "high_95") if known[name]]].to_numpy(float))
    bottom = min(0.0, np.nanmin(frame[[name for name in ("actual", "low_95") if known[name]]].to_numpy(float)))
    ax.set(xlim=(frame["day"].iloc[0], frame["day"].iloc[-1]), ylim=(bottom, top * 1.06 if top > 0 else 1))
    places = _apart([end for end, _, _ in ends], _gap(ax, 12))
    for (end, text, colour), place in zip(ends, places, strict=True):
        _write(ax, 1, end, text, color=colour, xycoords=ax.get_yaxis_transform(), xytext=(1.02, place), textcoords=ax.get_yaxis_transform())
    ax.grid(axis="y")
    _scale(ax.yaxis, kind)
    _days(ax, frame["day"])
    return _finish(ax, options, xlabel=f"day of {frame['day'].iloc[0]:%Y-%m}", ylabel=title("since the first", kind, currency))


def level_days(
    frame: pd.DataFrame,
    kind: str = "money",
    currency: str = "",
    since: pd.Timestamp | None = None,
    named: int = 6,
    ax: Axes | None = None,
    **options,
) -> Axes:
    """Which days were good, whatever their weekday? Sales ÷ weight by day, special days marked and named.

    frame: day, level, special (name, else blank). since: days before it are grey. named: so many special days, the ones farthest from the
    dashed line, carry their name; that line is the median of the ordinary days.

    >>> days = pd.DataFrame({"day": pd.date_range("2025-06-16", periods=4), "level": [5.0, 9, 6, 6], "special": ["", "618", "", ""]})
    >>> [text.get_text() for text in level_days(days).texts]
    ['median 6', '618']
    """
    frame = frame[frame["level"].notna()].reset_index(drop=True)
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    special = frame["special"] != ""
    early = frame["day"] < (since if since is not None else frame["day"].iloc[0])
    ax.plot(frame["day"], frame["level"], color=QUIET, linewidth=1)
    for mask, colour in ((~special & early, FAINT), (~special & ~early, DEEP)):
        ax.plot(frame["day"][mask], frame["level"][mask], "o", color=colour, markersize=3.5)
    ax.plot(frame["day"][special], frame["level"][special], "D", color=DEEP, markersize=5, markerfacecolor="white")
    below = frame["level"] < 0
    ax.plot(frame["day"][below], frame["level"][below], "v", color=LOSS, markersize=5)
    usual = frame["level"][~special].median() if (~special).any() else np.nan
    ax.set_xlim(frame["day"].iloc[0] - pd.Timedelta(days=1), frame["day"].iloc[-1] + pd.Timedelta(days=1))
    top = frame["level"].max() * 1.14 or 1
    ax.set_ylim(min(0, frame["level"].min()) - 0.06 * top, top)
    if np.isfinite(usual):
        ax.axhline(usual, **_DASHED)
        _write(ax, 1, usual, f"median {show(usual, kind, compact=True)}", 6, xycoords=ax.get_yaxis_transform())
    runs = (frame["special"].ne(frame["special"].shift()) | frame["day"].diff().dt.days.gt(1)).cumsum()[special]
    extremes = (frame["level"] - (usual if np.isfinite(usual) else 0)).abs()[special].groupby(runs).idxmax()
    for row in frame.loc[extremes.sort_index()].assign(far=lambda f: (f["level"] - usual).abs()).nlargest(named, "far").itertuples():
        across = (row.day - frame["day"].iloc[0]) / (frame["day"].iloc[-1] - frame["day"].iloc[0] or pd.Timedelta(days=1))
        side = "left" if across < 0.1 else "right" if across > 0.9 else "center"
        _write(ax, row.day, row.level, row.special, 0, 9 if not row.level < usual else -10, ha=side, fontsize=8)
    ax.grid(axis="y")
    _scale(ax.yaxis, kind)
    _days(ax, frame["day"])
    return _finish(
        ax,
        options,
        "hollow: a special day, read as its weekday" if special.any() else "",
        ylabel=title("sales per unit of weight", kind, currency),
    )


def reliability(frame: pd.DataFrame, ax: Axes | None = None, **options) -> Axes:
    """Do probabilities keep their word? Part of the targets that were reached, by the probability that they were given.

    frame: forecast, reached, low, high (interval of reached), trials. On the dashed line, x % of what was given x % was reached;
    a hollow point's interval holds the line.

    >>> bins = pd.DataFrame({"forecast": [0.1, 0.9], "reached": [0.2, 0.9], "low": [0.15, 0.8], "high": [0.3, 0.95], "trials": [90, 50]})
    >>> [text.get_text() for text in reliability(bins).texts]
    ['90', '50']
    """
    if frame.empty:
        return _nothing(ax, options)
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], **_DASHED)
    ax.vlines(frame["forecast"], frame["low"], frame["high"], color=DEEP, linewidth=1.6, alpha=0.6)
    for row in frame.itertuples():
        holds = row.low <= row.forecast <= row.high
        ax.plot(row.forecast, row.reached, "o", color=DEEP, markersize=7, markerfacecolor="white" if holds else DEEP)
        _write(ax, row.forecast, row.reached, f"{row.trials:,}", 9, -9, fontsize=8)
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda x, _: percent(x, 0))
    ax.grid()
    return _finish(
        ax, options, "numbers: targets in the bin; hollow: as promised", xlabel="probability given", ylabel="part that was reached"
    )
