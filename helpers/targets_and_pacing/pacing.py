"""Pacing: how far the month is, what must still be sold a day, and how days compare.

Days count by the weekly weight index of `weights`. Pure functions with the formulas come first, then what they give for a book.
"""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.days import as_of, calendar, daily, evening
from helpers.facts import month_targets
from helpers.targets_and_pacing.targets import split
from helpers.targets_and_pacing.weights import AROUND, FEWEST_AROUND, WEEKDAYS, month_days, month_weights, week_index, weights_of
from helpers.text import label, money, number, percent


def daily_targets(target: float, weights: pd.Series) -> pd.Series:
    """What must each day bring? A month's target split by weight, to the cent; the cents add up to the target exactly.

    target × weight ÷ Σ weights, cut to cents; the cents that are left go to the days that lost most by the cut (largest remainder).
    Blank on all days for a target that is missing or ≤ 0, or where nothing weighs anything.

    >>> from helpers.targets_and_pacing.weights import weekday_weights
    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> daily_targets(3_000_000, november).loc[["2025-11-01", "2025-11-11"]].tolist()
    [132665.09, 212264.15]
    >>> daily_targets(448_400, pd.Series([10.0, 496.0])).tolist()  # the published example: 448,400 × 10 ÷ 506
    [8861.66, 439538.34]
    """
    return (split(target, weights) if target > 0 else weights * np.nan).rename("target")


def paced(actual: float, target: float, weights: pd.Series, days: int) -> dict:
    """How far is a month of these weights after so many days, and what is still needed? Keys as in `pace`.

    >>> from helpers.targets_and_pacing.weights import weekday_weights
    >>> weekdays = weekday_weights(pd.Series([80, 82, 84, 90, 110, 150, 140]))
    >>> november = weights_of(pd.date_range("2025-11-01", "2025-11-30"), weekdays, pd.Series({pd.Timestamp("2025-11-11"): 3.0}))
    >>> told = paced(1_150_000, 3_000_000, november, 12)
    >>> round(told["landing"]), round(told["gap"])
    (2727832, 272168)
    >>> f"{told['progress']:.2%} {told['attainment']:.1%} {told['required_change']:+.1%}"
    '42.16% 38.3% +17.2%'
    >>> f"{told['calendar_pace_index']:.1%} {told['pace_index']:.1%}"  # the calendar flatters
    '95.8% 90.9%'
    """
    blank = np.nan
    target = target if target > 0 else blank
    done, whole = float(weights.iloc[:days].sum()), float(weights.sum())
    left = max(whole - done, 0.0) if days < len(weights) else 0.0
    progress, calendar = done / whole if whole > 0 else blank, days / len(weights)
    unit = actual / done if done > 0 else blank
    landing = actual + unit * left if left else actual
    required = max(target - actual, 0.0) / left if left > 0 and target > 0 else blank
    return {
        "target": target,
        "actual": actual,
        "attainment": actual / target,
        "progress": progress,
        "calendar_progress": calendar,
        "pace_index": actual / target / progress if progress > 0 else blank,
        "calendar_pace_index": actual / target / calendar if calendar > 0 else blank,
        "unit_value": unit,
        "landing": landing,
        "gap": target - landing,
        "required": required,
        "required_change": required / unit - 1 if unit > 0 else blank,
        "days_left": len(weights) - days,
        "weight_left": left,
    }


def pace(
    book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales", as_of: pd.Timestamp | str | None = None,
    target: float | None = None,
) -> pd.Series:  # fmt: skip
    """How far is the month, and what is still needed? One entity and metric, on the evening of `as_of` (default: as far as data reach).

    target: default the month's own in `targets`. Keys: level, entity, metric, as_of, target, actual (to date), attainment
    (actual ÷ target), progress (Σ weights elapsed ÷ Σ weights), calendar_progress (days ÷ days), pace_index (attainment ÷ progress;
    1 = on pace), calendar_pace_index, unit_value (U = actual ÷ Σ weights elapsed), landing (U × Σ weights; of what has been sold where
    the month is over), gap (target − landing), required (what is still needed per unit of weight), required_change (required ÷ U − 1),
    days_left, weight_left, why (sentences on what is missing or to be read with care, else blank). Unknown figures are blank.
    """
    entity = "company" if level == "company" else entity
    day = evening(book, as_of)
    sold = _month(book, level, entity, metric)
    weights = _open(book, level, entity, month_weights(book, level, entity))
    if target is None:
        aims = month_targets(book)
        aims = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == metric)]["target"]
        target = float(aims.iloc[0]) if len(aims) else np.nan
    days = (day - book.first_day).days + 1
    told = paced(float(sold.iloc[:days].sum().round(6)), target, weights, days)
    why = " ".join(cautions(book, level, entity, metric, target, day, float(weights.iloc[:days].sum())))
    return pd.Series({"level": level, "entity": entity, "metric": metric, "as_of": day} | told | {"why": why})


def pace_said(told: pd.Series, currency: str) -> str:
    """How far the month is, in sentences, by weight and by the calendar; `care_said` says the rest. told: pace."""
    amount = (lambda x: number(x)) if told["metric"] in ("orders", "new_customers") else (lambda x: money(x, currency))
    said = [f"Up to the evening of {told['as_of']:%Y-%m-%d} {amount(told['actual'])} came in"]
    if told["attainment"] == told["attainment"]:
        said[0] += f", {percent(told['attainment'])} of the target, with {percent(told['progress'])} of the month's weight behind"
        said[0] += f" ({percent(told['calendar_progress'])} of its days)"
        if told["pace_index"] == told["pace_index"] and told["days_left"]:
            said.append(
                f"That is {percent(told['pace_index'])} of the pace; the calendar would say {percent(told['calendar_pace_index'])}."
            )
    said[0] += "."
    if told["days_left"] and told["landing"] == told["landing"]:
        words = f"At this pace the month lands at {amount(told['landing'])}"
        if told["required_change"] == told["required_change"] and told["required"] > 0:
            change = told["required_change"]
            words += (
                f"; to reach the target, each unit of weight to come must bring {percent(abs(change))} {'more' if change > 0 else 'less'}"
            )
            words += f" than so far ({amount(told['required'])})"
        said.append(words + ".")
    return " ".join(said)


def care_said(told: pd.Series) -> str:
    """What must be read with care, or is missing. told: pace."""
    return told["why"] or "Nothing has to be read with special care."


def day_kinds(book: Book, level: str = "company", entity: str | None = None) -> pd.DataFrame:
    """What each kind of day of the month weighs and should bring: weekdays that are ordinary, then special days by name.

    Columns: day, days (of the month), weight (mean, where days of one name differ), weight_from, daily_target (of the net-sales target,
    mean), sold (mean of those that have passed; blank where none has).
    """
    entity = "company" if level == "company" else entity
    frame = month_days(book, level, entity)
    aims = month_targets(book)
    aims = aims[(aims["level"] == level) & (aims["entity"] == entity) & (aims["metric"] == "net_sales")]["target"]
    weights = frame.set_index("day")["weight"]
    sold = _month(book, level, entity, "net_sales")
    frame = frame.assign(
        daily_target=daily_targets(float(aims.iloc[0]) if len(aims) else np.nan, weights).to_numpy(),
        sold=sold.where(sold.index <= as_of(book)).to_numpy(),
        kind=np.where(frame["special"] == "", frame["weekday"].map(dict(enumerate(WEEKDAYS))), frame["special"]),
        order=np.where(frame["special"] == "", frame["weekday"], 7),
    )
    by_kind = frame.groupby(["order", "kind"]).agg(
        days=("day", "size"),
        weight=("weight", "mean"),
        weight_from=("weight_from", "first"),
        daily_target=("daily_target", "mean"),
        sold=("sold", "mean"),
    )
    return by_kind.reset_index().drop(columns="order").rename(columns={"kind": "day"})


def days_paced(book: Book, level: str = "company", entity: str | None = None, metric: str = "net_sales") -> pd.DataFrame:
    """The pace on every evening that the data reach: day, attainment, progress, calendar_progress, pace_index, calendar_pace_index,
    landing. Read down, the calendar's pace swings with the weekdays; the weighted one moves when sales do."""
    entity = "company" if level == "company" else entity
    weights, sold = _open(book, level, entity, month_weights(book, level, entity)), _month(book, level, entity, metric).cumsum()
    target = pace(book, level, entity, metric)["target"]
    rows = [
        {"day": day} | paced(float(sold[day]), target, weights, place) for place, day in enumerate(weights.index, 1) if day <= as_of(book)
    ]
    return pd.DataFrame(rows)[["day", "attainment", "progress", "calendar_progress", "pace_index", "calendar_pace_index", "landing"]]


def pace_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """The two paces one below the other, for `charts.lines`: day (of the month), what, pace. frame: days_paced."""
    names = {"pace_index": "by weight", "calendar_pace_index": "by the calendar"}
    parts = [pd.DataFrame({"day": frame["day"].dt.day, "what": what, "pace": frame[name]}) for name, what in names.items()]
    return pd.concat(parts, ignore_index=True)


def pace_lines_said(frame: pd.DataFrame) -> str:
    """On how many evenings did the calendar judge otherwise than the weights, and how far apart were they at most? frame: days_paced."""
    both = frame.dropna(subset=["pace_index", "calendar_pace_index"])
    if both.empty:
        return "Without a target above 0 there is no pace to compare."
    apart = (both["calendar_pace_index"] - both["pace_index"]).abs()
    otherwise = ((both["pace_index"] >= 1) != (both["calendar_pace_index"] >= 1)).sum()
    worst = both.loc[apart.idxmax()]
    said = f"On {number(otherwise)} of {number(len(both))} evenings the calendar and the weights disagree on whether the month is on pace."
    said += f" They were farthest apart on {worst['day']:%Y-%m-%d}: {percent(worst['calendar_pace_index'])} by the calendar, {percent(worst['pace_index'])} by weight."
    return said if apart.max() > 1e-9 else "All days weigh the same, so the calendar and the weights agree."


def _month(book: Book, level: str, entity: str, metric: str) -> pd.Series:
    return daily(book, level, metric, (entity,)).loc[book.first_day :, entity]


def opened(book: Book, level: str, entity: str) -> pd.Timestamp | None:
    """The day of the entity's first sale, where that is within the month and not its first day; else None."""
    frame = daily(book, level)
    sold = frame[entity] if entity in frame else pd.Series(dtype=float)
    first = sold.index[sold != 0][0] if (sold != 0).any() else None
    return first if first is not None and first > book.first_day else None


def _open(book: Book, level: str, entity: str, weights: pd.Series) -> pd.Series:
    """Weights of the month; the days before a store or channel opened weigh nothing."""
    first = opened(book, level, entity) if level in ("store", "channel") else None
    return weights if first is None else weights.where(weights.index >= first, 0.0)


def cautions(book: Book, level: str, entity: str, metric: str, target: float, day: pd.Timestamp, elapsed: float) -> list[str]:
    """What must be said beside the pace of one entity, in sentences; empty where nothing must."""
    who = "the company" if level == "company" else f"{level} {label(entity)}"
    said = []
    if pd.isna(target):
        said.append(f"No {metric.replace('_', ' ')} target is set for {who}: only what was sold can be shown.")
    elif target <= 0:
        said.append(f"The target of {who} is {number(target)}: nothing can be attained of it, so what needs a target is blank.")
    days = (day - book.first_day).days + 1
    if day == book.last_day:
        said.append("The month is over: the landing is what was sold.")
    elif days == 0:
        said.append("The month has not begun: there is no pace yet.")
    elif elapsed == 0:
        said.append("Only days that weigh nothing have passed: there is no pace yet.")
    elif days == 1:
        said.append("One day is in: the landing multiplies a single day.")
    first = opened(book, level, entity) if level in ("store", "channel") else None
    if first is not None:
        said.append(f"{who[0].upper()}{who[1:]} sold for the first time on {first:%Y-%m-%d}: the days before weigh nothing.")
    return said + [words for words in [stock_out_said(book, level, entity, day)] if words]


# ---- days against each other ---------------------------------------------------------------------------------------------------


def levels(book: Book, level: str = "company", entity: str | None = None, months: int = 3) -> pd.DataFrame:
    """Which days were good, whatever their weekday? Sales ÷ weight of each day of the last `months` months, as far as data reach.

    Known as the Huang curve (黄氏曲线). Columns: day, sales, weight, level, special (name in the calendar, else blank). A special day
    weighs what its weekday weighs, so that what is special about it shows; a day that weighs nothing has a blank level.
    """
    entity = "company" if level == "company" else entity
    sold = daily(book, level, entities=(entity,))[entity]
    sold = sold[(sold.index >= pd.Timestamp(book.months_back(months)[0] + "-01")) & (sold.index <= as_of(book))]
    weights = weights_of(sold.index, week_index(book, level, entity).weights)
    names = calendar(book).groupby("date")["name"].agg(" + ".join).reindex(sold.index).fillna("")
    level_of = sold / weights.where(weights > 0)
    columns = {"day": sold.index, "sales": sold, "weight": weights, "level": level_of, "special": names}
    return pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})


def promotions(book: Book, level: str = "company", entity: str | None = None, months: int = 12) -> pd.DataFrame:
    """What did each promotion lift, and what followed it? One row per run of days of one promotion of the calendar, the latest first.

    promotion, first_day, last_day, before, during, after (Σ sales ÷ Σ weight; before and after: the seven nearest ordinary days within
    AROUND days), lift (during ÷ before − 1; 促销爆发度), decay (after ÷ before − 1). Blank with fewer than FEWEST_AROUND such days.
    """
    frame = levels(book, level, entity, months + 1).set_index("day")
    plain = frame[(frame["special"] == "") & (frame["weight"] > 0)]
    named = calendar(book).query("kind == 'promotion'")
    named = named[named["date"].isin(frame.index) & (named["date"] >= pd.Timestamp(book.months_back(months)[0] + "-01"))]
    rows = []
    for name, dates in named.groupby("name")["date"]:
        for _, run in dates.groupby((dates.diff().dt.days != 1).cumsum()):
            first, last = run.iloc[0], run.iloc[-1]
            gap = pd.Timedelta(days=AROUND)
            before = plain[(plain.index < first) & (plain.index >= first - gap)].tail(7)
            after = plain[(plain.index > last) & (plain.index <= last + gap)].head(7)
            values = [_unit(each, least) for each, least in ((before, FEWEST_AROUND), (frame.loc[first:last], 1), (after, FEWEST_AROUND))]
            rows.append([name, first, last, *values])
    found = pd.DataFrame(rows, columns=["promotion", "first_day", "last_day", "before", "during", "after"])
    base = found["before"].where(found["before"] > 0)
    found = found.assign(lift=found["during"] / base - 1, decay=found["after"] / base - 1)
    return found.sort_values(["first_day", "promotion"], ascending=[False, True], ignore_index=True)


def levels_said(frame: pd.DataFrame, since: pd.Timestamp, currency: str) -> str:
    """The best and the weakest ordinary day since a date, against the median. frame: levels."""
    days = frame[(frame["special"] == "") & frame["level"].notna()]
    now = days[days["day"] >= since]
    usual = days["level"].median()
    if now.empty or not usual > 0:
        return "There is no ordinary day to compare yet."
    best, worst = now.loc[now["level"].idxmax()], now.loc[now["level"].idxmin()]
    return (
        f"The best ordinary day of the month was {best['day']:%A} {best['day']:%Y-%m-%d}, with {money(best['level'], currency)} per unit of weight"
        f" ({percent(best['level'] / usual, 0)} of the median day); the weakest was {worst['day']:%A} {worst['day']:%Y-%m-%d}, with"
        f" {money(worst['level'], currency)} ({percent(worst['level'] / usual, 0)})."
    )


def promotions_said(frame: pd.DataFrame) -> str:
    """What the promotion that lifted most lifted, and what followed it. frame: promotions."""
    known = frame[frame["lift"].notna()]
    if known.empty:
        return "The calendar has no promotion of the last twelve months with ordinary days before it."
    top = known.loc[known["lift"].idxmax()]
    said = f"{label(top['promotion'])} of {top['first_day']:%Y-%m-%d} lifted sales by {percent(top['lift'], 0)} over the days before"
    if pd.isna(top["decay"]):
        return f"{said}; what followed is not known yet."
    return f"{said}; in the days after it they stood {percent(abs(top['decay']), 0)} {'above' if top['decay'] >= 0 else 'below'} the days before."


def _unit(days: pd.DataFrame, least: int) -> float:
    weight = days["weight"].sum()
    return float(days["sales"].sum() / weight) if len(days) >= least and weight > 0 else np.nan


# ---- empty shelves -------------------------------------------------------------------------------------------------------------


@remembered
def stock_outs(book: Book, as_of: pd.Timestamp | str | None = None) -> pd.DataFrame:
    """Which products that sell had an empty shelf this month? Longest first; empty without the table `inventory`.

    product_id, name, category, store, days_out (days on which the store's count lists it with nothing free to sell), days_counted
    (days with a count of that store), up to the evening of `as_of`. Products without a sale in the last 90 days are left out.
    """
    last = evening(book, as_of)
    return book.sql(
        """select s.product_id, coalesce(any_value(p.name), s.product_id) as name, coalesce(any_value(p.category), '') as category, s.store,
                  count(*) filter (on_hand - reserved <= 0) as days_out, any_value(days) as days_counted
           from stock s join (select store, count(distinct date) as days from stock where date between $first and $last group by store) d
                using (store)
           join (select distinct product_id from ledger where kind = 'sale' and day > $recent and day <= $last and {scope}) l using (product_id)
           left join products p using (product_id)
           where date between $first and $last and {scope} group by s.product_id, s.store
           having days_out > 0 order by days_out desc, s.product_id, s.store""",
        first=book.first_day.date(), last=last.date(), recent=(last - pd.Timedelta(days=90)).date(),
    )  # fmt: skip


def stock_out_said(book: Book, level: str, entity: str, as_of: pd.Timestamp | str | None = None) -> str:
    """That a landing is of what could be sold, where shelves of the company, store, category or product were empty; else blank."""
    frame = stock_outs(book, as_of)
    column = {"store": "store", "product": "product_id", "category": "category"}.get(level)
    frame = frame[frame[column] == entity] if column else frame if level == "company" else frame.iloc[:0]
    if frame.empty:
        return ""
    worst, count = frame.iloc[0], frame["product_id"].nunique()
    said = f"{label(worst['name'])} had an empty shelf in {label(worst['store'])} on {number(worst['days_out'])} of {number(worst['days_counted'])} counted days"
    said += f", and {number(count - 1)} more product{'s' if count > 2 else ''} somewhere" if count > 1 else ""
    return f"{said}: the landing is of what could be sold, not of what was asked for."
