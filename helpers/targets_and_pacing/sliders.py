"""What if? One running month worked out again at each turn of a slider, and a picture where nobody can turn one."""

from html import escape
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers import charts
from helpers.book import Book
from helpers.days import evening
from helpers.facts import month_targets
from helpers.targets_and_pacing.forecast import attainment_probabilities, present
from helpers.targets_and_pacing.landing import QUANTILES, quantile, reach, rest
from helpers.targets_and_pacing.weights import month_days
from helpers.text import LOSS, label, money, percent, say, show


class Outlook(NamedTuple):
    """All that the forecast of one running month rests on, so that it can be worked out again in an instant.

    actual (to date), target; done and left (Σ weights elapsed and to come); event_day (the special day to come, else the heaviest),
    event (its name) and event_weight (part of `left`); the rest as in `Run`, for one entity on one day.
    """

    level: str
    entity: str
    metric: str
    actual: float
    target: float
    done: float
    left: float
    event_day: pd.Timestamp
    event: str
    event_weight: float
    method: str
    expected: float
    noise: float
    drift: float
    size: float
    scale: float
    shape: np.ndarray
    only_rises: bool


def outlook(
    book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None
) -> Outlook | str:
    """The running month of one entity with a target, ready for `what_if`; or, in a sentence, why there is nothing to try."""
    entity = "company" if level == "company" else entity
    day = evening(book, as_of)
    aims = month_targets(book)
    aims = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == metric)]
    who = "the company" if level == "company" else f"{level} {label(entity)}"
    if aims.empty or not aims["target"].iloc[0] > 0:
        return f"Nothing to try: {who} has no {metric.replace('_', ' ')} target above 0 this month."
    if day == book.last_day:
        return f"Nothing to try: on {day:%Y-%m-%d} the month is over."
    row = attainment_probabilities(book, aims, day).iloc[0]
    if np.isnan(row["probability"]):
        return f"Nothing to try for {who}: {row['why']}"
    method, past, made, at, (column,) = present(book, level, metric, [entity], day)
    done = past.elapsed[-1, at, column]
    left = past.weights[-1, -1, column] - done
    to_come = month_days(book, level, entity).query("day > @day")
    named = to_come[to_come["special"] != ""]
    event = named.iloc[0] if len(named) else to_come.loc[to_come["weight"].idxmax()]
    model = {name: getattr(made, name)[-1, column] for name in ("expected", "noise", "drift", "size")}
    _, variance = rest(row["actual"], done, left, model["expected"], model["noise"], model["drift"], method)
    scale = made.spread[-1, at, column] / (model["size"] * np.sqrt(variance))
    return Outlook(level, entity, metric, row["actual"], row["target"], done, left, event["day"], event["special"], event["weight"], method, **model,
                   scale=scale, shape=made.shape[-1], only_rises=bool(np.isfinite(made.lowest[-1, at, column])))  # fmt: skip


def what_if(now: Outlook, actual: float | None = None, target: float | None = None, event_weight: float | None = None) -> dict:
    """What if sales to date, the target or the weight of the event to come were others? One turn of a slider.

    Keys: actual, target, event_weight, progress, attainment, unit_value, landing (median), low_80, high_80, low_95, high_95,
    probability, required (still needed per unit of weight), required_change (required ÷ unit_value − 1; blank before the first sale).
    """
    actual = now.actual if actual is None else float(actual)
    target = now.target if target is None else float(target)
    event_weight = now.event_weight if event_weight is None else float(event_weight)
    left = max(now.left - now.event_weight + event_weight, 1e-9)
    unit, variance = rest(actual, now.done, left, now.expected, now.noise, now.drift, now.method)
    middle, spread, lowest = (
        actual + float(unit) * left,
        now.scale * now.size * float(np.sqrt(variance)),
        actual if now.only_rises else -np.inf,
    )
    low_95, low_80, _, landing, _, high_80, high_95 = (
        float(x) for x in np.maximum(middle + spread * quantile(now.shape, QUANTILES), lowest)
    )
    so_far = actual / now.done if now.done > 0 else np.nan
    required = max(target - actual, 0.0) / left if target > 0 else np.nan
    return {
        "actual": actual, "target": target, "event_weight": event_weight, "progress": now.done / (now.done + left),
        "attainment": actual / target if target > 0 else np.nan, "unit_value": so_far, "landing": landing, "low_80": low_80, "high_80": high_80,
        "low_95": low_95, "high_95": high_95,
        "probability": float(reach(middle, spread, now.shape, target if target > 0 else np.nan, lowest)),
        "required": required, "required_change": required / so_far - 1 if so_far > 0 else np.nan,
    }  # fmt: skip


def scenarios(now: Outlook | str) -> pd.DataFrame:
    """The turns of the sliders that a reader without sliders would try first, in rows: what, actual, target, event_weight, probability,
    required (still needed per unit of weight), required_change (against the pace so far), landing, low_80, high_80. Empty where there is
    nothing to try."""
    columns = ["what", "actual", "target", "event_weight", "probability", "required", "required_change", "landing", "low_80", "high_80"]
    if isinstance(now, str):
        return pd.DataFrame(columns=columns)
    tenth = 0.1 * now.target
    turns = {
        "as it is": {},
        "a tenth of the target more sold": {"actual": now.actual + tenth},
        "a tenth of the target less sold": {"actual": now.actual - tenth},
        "a target lower by a tenth": {"target": 0.9 * now.target},
        "a target higher by a tenth": {"target": 1.1 * now.target},
        "an event of twice the weight": {"event_weight": 2 * now.event_weight},
    }
    return pd.DataFrame([{"what": name} | what_if(now, **turn) for name, turn in turns.items()])[columns]


def odds(now: Outlook) -> pd.DataFrame:
    """How the probability falls as the target rises, for sales to date as they are, and a tenth of the target more and less: target,
    sold (in words), probability; a row per fortieth of the way from 60 % to 140 % of the target."""
    sold = {"a tenth more sold": 0.1, "as it is": 0.0, "a tenth less sold": -0.1}
    rows = [
        {"target": now.target * share, "sold": name, "probability": what_if(now, now.actual + more * now.target, now.target * share)["probability"]}
        for name, more in sold.items() for share in np.linspace(0.6, 1.4, 41)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def what_if_said(told: dict, currency: str) -> str:
    """One turn of `what_if` in a sentence; currency: blank for counts."""
    if np.isnan(told["probability"]):
        return "There is no target above 0 to reach."
    if told["actual"] >= told["target"]:
        return f"The target of {money(told['target'], currency)} is reached with what is sold already."
    said = f"With {money(told['actual'], currency)} sold, a target of {money(told['target'], currency)} is reached with a probability of {percent(told['probability'])}"
    said += f"; the landing is {money(told['landing'], currency)}, and with 80% between {money(told['low_80'], currency)} and {money(told['high_80'], currency)}"
    said += f". Still needed are {money(told['required'], currency)} per unit of weight"
    change = told["required_change"]
    return said + ("." if np.isnan(change) else f", {percent(abs(change))} {'more' if change > 0 else 'less'} than so far.")


BAR, BAND, EDGE = "#7FA8CC", "#C9DBEA", "#333333"


def live() -> bool:
    """Does a person's front end run this cell, one that can turn sliders?

    JupyterLab, Notebook and VS Code name the cell in the request; papermill, nbval and nbconvert don't.
    """
    from IPython import get_ipython  # only notebooks need it

    kernel = getattr(get_ipython(), "kernel", None)
    return bool(kernel and (kernel.get_parent() or {}).get("metadata", {}).get("cellId"))


def pacing_widget(now: Outlook | str, currency: str = "", sliders: bool | None = None) -> object:
    """What if more were sold, the target were lower, the event heavier? Sliders for all three, with probability and required pace.

    now: forecast.outlook (or its sentence on why there is nothing to try, which is then said). sliders: None = where there is a
    front end. Without, how the probability falls as the target rises, as a figure. Returns the sliders' box, else None.
    """
    if isinstance(now, str):
        say("{now}", now=now)
        return None
    currency = "" if now.metric in ("orders", "new_customers") else currency
    if sliders if sliders is not None else live():
        return _sliders(now, currency)
    kind = "money" if currency else "number"
    ax = charts.lines(odds(now), "target", "sold", "probability", "percent", ylim=(0, 1.03), xlabel=f"target ({currency or 'number'})")
    ax.axvline(now.target, color=EDGE, linewidth=1, linestyle=(0, (4, 2)))
    ax.xaxis.set_major_formatter(lambda x, _: show(x, kind, compact=True))
    return None


def _sliders(now: Outlook, currency: str):
    import ipywidgets as widgets

    wide = {"layout": widgets.Layout(width="640px"), "style": {"description_width": "170px"}, "continuous_update": True}
    most = max(now.target, now.actual, 1.0) * 1.5
    step = 1.0 if most >= 1000 else most / 1000
    sold = widgets.FloatSlider(
        now.actual, min=min(0.0, now.actual), max=most, step=step, description="sold to date", readout_format=",.0f", **wide
    )
    target = widgets.FloatSlider(now.target, min=step, max=most, step=step, description="target", readout_format=",.0f", **wide)
    event = f"weight of {label(now.event or format(now.event_day, '%Y-%m-%d'), 20)}"
    weight = widgets.FloatSlider(now.event_weight, min=0.0, max=max(5.0, 2 * now.event_weight), step=0.01, description=event, **wide)
    told = widgets.HTML(panel(what_if(now), currency))

    def turned(_) -> None:
        told.value = panel(what_if(now, sold.value, target.value, weight.value), currency)

    for slider in (sold, target, weight):
        slider.observe(turned, names="value")
    return widgets.VBox([sold, target, weight, told])


def panel(told: dict, currency: str) -> str:
    """One turn of what_if as HTML: the two figures, the 80 % band of the landing against the target, and the sentence.

    >>> told = {"actual": 50.0, "target": 100.0, "landing": 90.0, "low_80": 80.0, "high_80": 110.0, "probability": 0.3, "required": 5.0}
    >>> "30.0%" in panel(told | {"required_change": 0.25}, "CNY")
    True
    """
    change = told["required_change"]
    colour = LOSS if told["probability"] < 0.5 else EDGE
    scale = 100 / (max(told["target"], told["high_80"], told["actual"], 1e-9) * 1.05)

    def bar(start: float, end: float, shade: str, top: int, height: int) -> str:
        left, width = max(start, 0) * scale, max(end - max(start, 0), 0) * scale
        return f'<div style="position:absolute;left:{left:.2f}%;width:{max(width, 0.3):.2f}%;top:{top}px;height:{height}px;background:{shade}"></div>'

    bars = bar(0, told["actual"], BAR, 8, 14) + bar(told["low_80"], told["high_80"], BAND, 8, 14)
    bars += bar(told["landing"], told["landing"], colour, 4, 22) + bar(told["target"], told["target"], EDGE, 0, 30)
    pace = "–" if change != change else f"{'+' if change > 0 else '−'}{percent(abs(change))}"
    return (
        f'<div style="width:640px"><span style="font-size:24px;color:{colour}">{percent(told["probability"])}</span> probability'
        f' &nbsp; <span style="font-size:24px">{pace}</span> against the pace so far'
        f'<div style="position:relative;height:32px;margin:4px 0">{bars}</div>'
        f'<div style="color:#767D85;font-size:12px">blue: sold; pale: the landing, with 80%; short mark: its middle; long mark: the target</div>'
        f"{escape(what_if_said(told, currency))}</div>"
    )
