"""Vanity by data: does a KPI move with, or ahead of, contribution and cash, and is it comparable and in anybody's hands?"""

from math import atanh, erfc, sqrt, tanh
from statistics import NormalDist

import numpy as np
import pandas as pd

from helpers import days
from helpers.book import Book, remembered
from helpers.facts import people_ladder
from helpers.kpi_scorecard.scorecard import KPIS, ratios
from helpers.ratios import ratio
from helpers.team_efficiency.easing import holm
from helpers.text import count, join_names, number, title

MONTHS, LEAST_MONTHS, LEAST_UNITS = 24, 8, 5
LEADS = (0, 1, 2)
OUTCOMES = {"contribution": "contribution", "cash": "collections"}
SERIAL_LAGS, STRONG = 2, 0.5
STORE_KPIS = ("attainment", "profit_per_employee", "return_on_capital", "stock_to_sales", "inventory_days")
"""What is known of a store and not of its channels."""
TESTED = [*(name for name in KPIS if name != "cost_coverage"), "impressions"]
OF_ONE_CLOTH = ("operating_profit", "contribution_rate", "profit_per_employee", "return_on_capital")
"""KPIs whose numerator is contribution itself: that they move with it in the same month is no evidence."""
COST_KPIS = (*OF_ONE_CLOTH, "contribution", "gross_profit", "gross_margin", "poas", "stock_to_sales", "inventory_days")
"""What can't be known without the goods' cost."""
VERDICTS = ("decides", "informs", "flatters", "not tested")


# ---- the test ----------------------------------------------------------------------------------------------------------------------


def go_with(x: pd.DataFrame, y: pd.DataFrame, least: int, confidence: float = 0.95, serial: bool = False) -> dict:
    """Do two measures rank the rows of each column alike? Spearman's rank correlation within each column, as one over all columns.

    x, y: rows (months) × columns (units), the same labels; blanks allowed. A column counts with `least` or more pairs, by its pairs less
    one. What a row does to all columns at once is no evidence of its own: the standard error is that of a shuffle of whole rows, exact
    after Hoeffding (1951); with `serial` it is widened for rows that lean on the rows before (Bartlett 1946). Ends after Fieller (1957).
    Keys: r, low, high, p_value (two-sided), units, rows; blank where too little is known.

    >>> one = lambda *values: pd.DataFrame({"shop": values})
    >>> round(go_with(one(1.0, 2, 3, 4, 5), one(2.0, 1, 4, 3, 5), least=5)["r"], 9)
    0.8
    """
    blank = {"r": np.nan, "low": np.nan, "high": np.nan, "p_value": np.nan, "units": 0, "rows": 0}
    pair = [frame.to_numpy(float) for frame in x.align(y, join="inner")]
    known = np.isfinite(pair[0]) & np.isfinite(pair[1])
    wanted = np.ix_(known.any(axis=1), known.sum(axis=0) >= least)
    known = known[wanted]
    left, right = (_standard(np.where(known, values[wanted], np.nan)) for values in pair)
    moving = left.any(axis=0) & right.any(axis=0)  # what never changes says nothing
    a, b = left[:, moving], right[:, moving]
    if not a.size or len(a) < least:
        return blank
    weight = (known[:, moving].sum(axis=0) - 1).astype(float)
    shuffles = (a * (weight / weight.sum())) @ b.T  # [s, t]: what row s of x and row t of y would add, were they together
    r, variance = float(np.trace(shuffles)), float((shuffles**2).sum() / (len(a) - 1))
    if variance < 1e-15:  # units that mirror each other exactly: whole rows carry nothing
        return blank
    if serial:
        variance *= _leaning(a, b, weight)
    size = 1 / variance + 1
    low, high = r, r
    if size > 3.5:
        reach = NormalDist().inv_cdf((1 + confidence) / 2) * sqrt(1.06 / (size - 3))
        low, high = (tanh(atanh(max(-0.999999, min(r, 0.999999))) + side * reach) for side in (-1, 1))
    else:
        low, high = -1.0, 1.0
    return {"r": r, "low": low, "high": high, "p_value": erfc(abs(r) / sqrt(variance) / sqrt(2)), "units": a.shape[1], "rows": len(a)}


def _standard(values: np.ndarray) -> np.ndarray:
    """The ranks of values, with mean 0 and sum of squares 1 in each column; 0 where blank, and where all are the same."""
    ranks = pd.DataFrame(values).rank().to_numpy()
    centred = np.nan_to_num(ranks - np.nanmean(ranks, axis=0))
    size = np.sqrt((centred**2).sum(axis=0))
    return np.where(size > 1e-9, centred / np.maximum(size, 1e-9), 0.0)


def _leaning(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> float:
    """By how much chance grows when both measures lean on their own past: 1 + 2 Σ of the products of their autocorrelations; at least 1."""
    share = weight / weight.sum()
    lags = range(1, min(SERIAL_LAGS, len(a) - 1) + 1)
    products = sum(float(((a[k:] * a[:-k]).sum(0) * share).sum() * ((b[k:] * b[:-k]).sum(0) * share).sum()) for k in lags)
    return max(1.0, 1.0 + 2.0 * products)


# ---- the KPIs by month -------------------------------------------------------------------------------------------------------------


@remembered
def panel(book: Book) -> pd.DataFrame:
    """The KPIs of each unit and month, long: grain, month, unit, kpi, value. Units are the pairs of store and channel (`cell`), which share
    nothing; what is known of a store only (STORE_KPIS) has the store as its unit, with the store's contribution and cash beside it.

    The last 24 whole months; a month that still runs is left out.
    """
    months = [month for month in book.months_back(MONTHS) if month in book.months]
    if months and days.as_of(book) < book.last_day:
        months = months[:-1]
    if not months:
        return pd.DataFrame(columns=["grain", "month", "unit", "kpi", "value"])
    cells = ratios(_cells(book, months))
    cells = cells.assign(unit=cells["store"] + " · " + cells["channel"])
    stores = _stores(book, months)
    names = [name for name in TESTED if name in cells]
    own = [name for name in (*STORE_KPIS, *OUTCOMES.values()) if name in stores]
    long = {"cell": cells.melt(["month", "unit"], names, "kpi"), "store": stores.melt(["month", "unit"], own, "kpi")}
    frame = pd.concat([part.assign(grain=grain) for grain, part in long.items()], ignore_index=True)
    return frame.dropna(subset="value").sort_values(["grain", "kpi", "unit", "month"], ignore_index=True)


def _cells(book: Book, months: list[str]) -> pd.DataFrame:
    keys = ["month", "store", "channel"]
    frame = book.ladder(keys, months)
    frame = frame[(frame["store"] != "shared") & (frame["channel"] != "unallocated")].drop(
        columns=["payroll", "overheads", "operating_profit"]
    )
    first = book.sql(
        """select month, store, channel, cast(count(*) as double) as new_customers from (
               select *, row_number() over (partition by customer_id order by day, store, order_id, line_no) as nth
               from ledger where kind = 'sale' and segment = 'new') where nth = 1 and {scope} group by all order by all"""
    )
    paid = book.sql(
        """select substr(cast(paid_on as varchar), 1, 7) as month, store, channel, cast(sum(value) as double) as collections
           from receipts where {scope} and channel <> '' group by all order by all"""
    )
    seen = book.sql(
        """select substr(cast(date as varchar), 1, 7) as month, store, channel, cast(sum(visitors) as double) as visitors,
                  cast(sum(new_followers) as double) as new_followers, cast(sum(impressions) as double) as impressions
           from traffic where {scope} group by all order by all"""
    )
    for counted in (first, paid, seen):
        names = [name for name in counted if name not in keys]
        if len(counted):
            frame = frame.merge(counted, on=keys, how="left")
            there = frame["month"].isin(counted["month"])
            frame[names] = frame[names].astype(float).fillna(0.0).where(there)
    return frame.reset_index(drop=True)


def _stores(book: Book, months: list[str]) -> pd.DataFrame:
    """What is known of stores only, by month: unit, contribution, collections, attainment, profit_per_employee (of the month, as a year),
    and the stock metrics as `facts.stock_metrics` defines them."""
    frame = people_ladder(book, "store", months).query("entity != 'shared'").rename(columns={"entity": "unit"})
    frame["profit_per_employee"] = ratio(frame["operating_profit"], frame["fte"]) * 12
    targets = book.sql(
        """select substr(cast(month as varchar), 1, 7) as month, entity as unit, cast(target as double) as target from targets
           where level = 'store' and metric = 'net_sales' and ($scope = 'company' or entity = $scope) order by all""",
        scope=book.scope,
    )
    frame = frame.merge(targets, on=["month", "unit"], how="left").merge(_stock(book, months), on=["month", "unit"], how="left")
    frame["attainment"] = ratio(frame["net_sales"], frame["target"].astype(float))
    paid = book.sql(
        """select substr(cast(paid_on as varchar), 1, 7) as month, store as unit, cast(sum(value) as double) as collections
           from receipts where {scope} group by all order by all"""
    )
    frame = frame.merge(paid, on=["month", "unit"], how="left")
    return frame.assign(collections=frame["collections"].astype(float).fillna(0.0).where(frame["month"].isin(paid["month"])))


def _stock(book: Book, months: list[str]) -> pd.DataFrame:
    """stock_to_sales, inventory_days and return_on_capital of each store at each month's end; blank without inventory."""
    columns = ["month", "unit", "stock_to_sales", "inventory_days", "return_on_capital"]
    snapshots = book.sql("select date, store, cast(sum(value) as double) as value from stock where {scope} group by all order by all")
    if snapshots.empty:
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns[2:], float))
    early = pd.Timestamp(f"{months[0]}-01") - pd.Timedelta(days=90)
    flows = book.daily(["store"], early, book.last_day)[["day", "store", "cogs", "contribution"]].assign(
        day=lambda f: pd.to_datetime(f["day"])
    )
    snapshots = snapshots.assign(date=pd.to_datetime(snapshots["date"]))
    rows, flows_of = [], dict(list(flows.groupby("store")))
    for store, stock in snapshots.groupby("store"):
        mine = flows_of.get(store, flows.iloc[:0])
        held, cogs, contribution = (part.to_numpy(float) for part in (stock["value"], mine["cogs"], mine["contribution"]))
        for month in months:
            first = pd.Timestamp(f"{month}-01")
            ends = [first + pd.offsets.MonthEnd(0) - pd.Timedelta(days=90), first - pd.Timedelta(days=1), first + pd.offsets.MonthEnd(0)]
            early, before, last = mine["day"].searchsorted(pd.DatetimeIndex(ends), side="right")
            window = held[slice(*stock["date"].searchsorted(pd.DatetimeIndex(ends[::2]), side="right"))]
            window = window[np.isfinite(window)]
            opening = held[: stock["date"].searchsorted(first, side="right")]
            mean, quarter, sold = window.mean() if len(window) else np.nan, -cogs[early:last].sum(), -cogs[before:last].sum()
            rows.append(
                {
                    "month": month,
                    "unit": store,
                    "stock_to_sales": opening[-1] / sold if len(opening) and sold > 1e-9 else np.nan,
                    "inventory_days": mean / quarter * 90 if quarter > 1e-9 else np.nan,
                    "return_on_capital": contribution[early:last].sum() / mean * 365 / 90 if mean > 1e-9 else np.nan,
                }
            )
    return pd.DataFrame(rows, columns=columns)


# ---- all tests ---------------------------------------------------------------------------------------------------------------------


@remembered
def evidence(book: Book) -> pd.DataFrame:
    """Every KPI against contribution and cash: over months at leads of 0, 1 and 2, and across the units of a month.

    Where less of the sales is costed than the policy's min_cost_coverage, contribution and what needs a cost are unknown and left out.
    kpi, outcome, view (`months`: changes from month to month within each unit; `units`: within each month, who stands where), lead, and
    the keys of `go_with`; better (does the sign suit the KPI) and sure (after Holm over all rows). A figure isn't tested against itself.
    """
    frame, months, significance = panel(book), book.months_back(MONTHS), 1 - book.policy.evidence.confidence
    frame = frame if costed(book) else frame[~frame["kpi"].isin(COST_KPIS)]
    wide = {key: part.pivot(index="month", columns="unit", values="value").reindex(months) for key, part in frame.groupby(["grain", "kpi"])}
    return judged(all_tests(wide, significance), significance)


def costed(book: Book) -> bool:
    """Is enough of the cost of the months known to hold anything against contribution?"""
    months = [month for month in book.months_back(MONTHS) if month in book.months]
    whole = book.ladder([], months, orders=False).iloc[0]
    return bool(whole["net_sales"] > 0 and 1 + whole["uncosted_sales"] / whole["net_sales"] >= book.policy.product.min_cost_coverage)


def all_tests(wide: dict[tuple[str, str], pd.DataFrame], significance: float) -> pd.DataFrame:
    """The rows of `evidence`, without better and sure. wide: by (grain, kpi), months × units; a KPI is held against the outcomes of its
    grain.

    The intervals are those of all tests together: each at 1 − significance ÷ tests (Bonferroni), as the verdict is.
    """
    asked = [
        (grain, kpi, outcome, view, lead)
        for kpi in TESTED
        for grain in ("cell", "store")
        if (grain, kpi) in wide and (grain == "cell" or kpi in STORE_KPIS)
        for outcome, figure in OUTCOMES.items()
        if (grain, figure) in wide and kpi != figure
        for view, lead in [*(("months", lead) for lead in LEADS), ("units", 0)]
        if lead or outcome != "contribution" or kpi not in OF_ONE_CLOTH
    ]
    confidence = 1 - significance / max(len(asked), 1)
    rows = []
    for grain, kpi, outcome, view, lead in asked:
        x, y = wide[grain, kpi], wide[grain, OUTCOMES[outcome]]
        if view == "months":
            found = go_with(x.diff(), y.diff().shift(-lead), LEAST_MONTHS, confidence, serial=True)
        else:
            found = go_with(x.T, y.T, LEAST_UNITS, confidence)
        rows.append({"kpi": kpi, "outcome": outcome, "view": view, "lead": lead} | found)
    return pd.DataFrame(rows, columns=["kpi", "outcome", "view", "lead", "r", "low", "high", "p_value", "units", "rows"])


def judged(frame: pd.DataFrame, significance: float) -> pd.DataFrame:
    """Add better and sure to test rows: is the sign the KPI's good one, and is it more than chance among so many tests?"""
    sign = frame["kpi"].map(lambda kpi: KPIS[kpi].better if kpi in KPIS else 1).astype(float)
    sure = holm(frame["p_value"].astype(float), significance) if len(frame) else pd.Series(dtype=bool)
    return frame.assign(better=frame["r"].astype(float) * sign > 0, sure=sure)


@remembered
def verdicts(book: Book) -> pd.DataFrame:
    """What is each KPI good for? `decides`, `informs`, `flatters` or `not tested`, with the evidence.

    kpi; best_r, best_lead, low, high, outcome: the strongest sure row in the good direction, else the strongest row over months;
    moves (sure in the same month or across units), leads (sure a month or two ahead), against (sure the wrong way), ratio, lever, verdict.

    Shown (moves or leads), a ratio and in somebody's hands: decides. Contribution is what the others are held against, so it decides by
    definition. Shown but a plain total or without a lever, or a ratio with a lever that may yet be shown: informs. Not shown and a total
    or without a lever, or known not to go with either by as much as STRONG over months (`at_most`), or sure the wrong way: flatters.
    What is
    contribution itself over something (OF_ONE_CLOTH) carries it whatever the tests say, so these can't refute it.
    """
    rows = []
    for kpi, part in evidence(book).groupby("kpi", sort=False):
        known = part.dropna(subset="r")
        good = known[known["sure"] & known["better"]]
        over_months = known[known["view"] == "months"]
        best = good if len(good) else over_months if len(over_months) else known
        top = (
            best.loc[best["r"].abs().idxmax()]
            if len(best)
            else pd.Series({"r": np.nan, "lead": 0, "low": np.nan, "high": np.nan, "outcome": "", "view": ""})
        )
        about = KPIS.get(kpi)
        rows.append(
            {
                "kpi": kpi,
                "outcome": top["outcome"],
                "view": top["view"],
                "lead": int(top["lead"]),
                "r": top["r"],
                "low": top["low"],
                "high": top["high"],
                "moves": bool((good["lead"] == 0).any()),
                "leads": bool((good["lead"] > 0).any()),
                "against": bool((known["sure"] & ~known["better"]).any()),
                "tested": len(over_months),
                "at_most": _at_most(kpi, over_months),
                "ratio": bool(about and about.ratio),
                "lever": about.lever if about else "",
            }
        )
    frame = pd.DataFrame(
        rows,
        columns=["kpi", "outcome", "view", "lead", "r", "low", "high", "moves", "leads", "against", "tested", "at_most", "ratio", "lever"],
    )
    found = [
        verdict(
            row["kpi"],
            row["tested"],
            row["moves"] or row["leads"],
            row["against"] or (row["at_most"] < STRONG and row["kpi"] not in OF_ONE_CLOTH),
            row["ratio"],
            row["lever"],
        )
        for row in frame.to_dict("records")
    ]
    return frame.assign(verdict=found)


def _at_most(kpi: str, over_months: pd.DataFrame) -> float:
    """How strongly the KPI may go with an outcome in its good direction, by the intervals of its tests over months."""
    better = KPIS[kpi].better if kpi in KPIS else 1
    ends = over_months["high"] if better > 0 else -over_months["low"]
    return float(ends.max()) if len(ends) else np.nan


def verdict(kpi: str, tested: int, shown: bool, refuted: bool, is_ratio: bool, lever: str) -> str:
    """The verdict on a KPI from its evidence; the rule stands at `verdicts`.

    >>> verdict("gross_margin", 8, True, False, True, "price"), verdict("net_sales", 8, True, False, False, "")
    ('decides', 'informs')
    >>> verdict("poas", 8, False, False, True, "ads"), verdict("roas", 8, False, True, True, "ads"), verdict("roas", 0, False, False, True, "ads")
    ('informs', 'flatters', 'not tested')
    """
    if kpi == "contribution":
        return "decides"
    if not tested:
        return "not tested"
    useful = is_ratio and lever != ""
    if shown:
        return "decides" if useful else "informs"
    return "informs" if useful and not refuted else "flatters"


# ---- for people --------------------------------------------------------------------------------------------------------------------


def verdict_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `verdicts` for a table, as `turned` turns and orders it: kpi, verdict, rank_correlation (above zero is the KPI's good
    side),
    interval, evidence, comparable, lever."""
    shown, by_name = turned(frame), frame.set_index(frame["kpi"].map(title))
    rows = [by_name.loc[kpi].to_dict() for kpi in shown["kpi"]]
    ends = zip(shown["low"], shown["high"], strict=True)
    return pd.DataFrame(
        {
            "kpi": shown["kpi"],
            "verdict": shown["verdict"],
            "rank_correlation": shown["r"].astype(float),
            "interval": ["–" if pd.isna(low) else f"{number(low, 2)} to {number(high, 2)}" for low, high in ends],
            "evidence": [_evidence(row) for row in rows],
            "comparable": ["ratio" if row["ratio"] else "total" for row in rows],
            "lever": [row["lever"] or "none" for row in rows],
        }
    )


def _evidence(row: dict) -> str:
    if not row["tested"]:
        return "too few months or units"
    where = (
        "across stores and channels"
        if row["view"] == "units"
        else "same month"
        if row["lead"] == 0
        else f"{count(row['lead'], 'month')} ahead"
    )
    sure = "not shown, strongest" if not (row["moves"] or row["leads"]) else "moves with" if row["lead"] == 0 else "runs ahead of"
    said = f"{sure}: {row['outcome']}, {where}" if sure.startswith("not") else f"{sure} {row['outcome']}, {where}"
    said = f"by definition; {said}" if row["kpi"] == "contribution" else said
    return said + ("; and the wrong way elsewhere" if row["against"] else "")


def verdicts_said(book: Book, frame: pd.DataFrame) -> str:
    """How many KPIs decide, inform and flatter, after how many tests, in a sentence with names."""
    if frame.empty or not frame["tested"].any():
        unknown = "" if costed(book) else " Too little of the sales has a known cost to hold anything against contribution."
        return f"It can't be tested whether a KPI moves with contribution or cash: nine whole months of both are needed.{unknown}"
    named = {what: [title(kpi) for kpi in frame.loc[frame["verdict"] == what, "kpi"]] for what in VERDICTS}
    said = (
        f"{count(len(frame), 'KPI')} against contribution and cash: deciding {len(named['decides'])} ({join_names(named['decides'], 8)}),"
    )
    said += f" informing {len(named['informs'])}, flattering {len(named['flatters'])} ({join_names(named['flatters'], 8)})."
    if named["not tested"]:
        said += f" Not tested: {join_names(named['not tested'], 12)}."
    leading = [title(kpi) for kpi in frame.loc[frame["leads"], "kpi"]]
    return said + (
        f" Ahead of contribution or cash by a month or two: {join_names(leading, 6)}."
        if leading
        else " None is shown to run ahead by a month or two."
    )


def best_said(frame: pd.DataFrame) -> str:
    """The strongest evidence among the KPIs that decide and that flatter, in a sentence with its interval."""
    told, known = [], frame[frame["r"].notna() & (frame["tested"] > 0)]
    for what in ("decides", "flatters"):
        part = turned(known[known["verdict"] == what])
        if len(part):
            row, outcome = part.iloc[0], known.set_index(known["kpi"].map(title)).loc[part.iloc[0]["kpi"], "outcome"]
            ends = f"{number(row['low'], 2)} to {number(row['high'], 2)}"
            told.append(
                f"{row['kpi']} ({what}) goes with {outcome} at a rank correlation of {number(row['r'], 2)} on its good side, {ends}"
            )
    said = "; ".join(told)
    return f"{said[0].upper()}{said[1:]}." if said else "There is no correlation to read aloud yet."


def turned(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `verdicts` with r, low and high turned so that above zero is the KPI's good side, those that decide first: kpi, r,
    low, high, verdict."""
    sign = frame["kpi"].map(lambda kpi: KPIS[kpi].better if kpi in KPIS else 1).astype(float)
    ends = pd.DataFrame({"low": frame["low"].astype(float) * sign, "high": frame["high"].astype(float) * sign})
    found = frame.assign(
        r=frame["r"].astype(float) * sign, low=ends.min(axis=1), high=ends.max(axis=1), place=frame["verdict"].map(VERDICTS.index)
    )
    found = found.sort_values(["place", "r"], ascending=[True, False], kind="stable")
    return found.assign(kpi=found["kpi"].map(title))[["kpi", "r", "low", "high", "verdict"]].reset_index(drop=True)


def lead_rows(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """The frame of `evidence` against one outcome for a table, each r turned to the KPI's good side, ✓ where sure: kpi, same_month,
    1_month_ahead,
    2_months_ahead, across_units."""
    mine = frame[(frame["outcome"] == outcome) & frame["r"].notna()]
    names = np.where(mine["view"] == "units", "across_units", mine["lead"].map({0: "same_month", 1: "1_month_ahead", 2: "2_months_ahead"}))
    sign = mine["kpi"].map(lambda kpi: KPIS[kpi].better if kpi in KPIS else 1).astype(float)
    said = [f"{number(r, 2)}{' ✓' if sure else ''}" for r, sure in zip(mine["r"].astype(float) * sign, mine["sure"], strict=True)]
    wide = mine.assign(name=names, said=said).pivot(index="kpi", columns="name", values="said").reindex(dict.fromkeys(mine["kpi"]))
    wide = wide.reindex(columns=["same_month", "1_month_ahead", "2_months_ahead", "across_units"]).fillna("–")
    return wide.set_axis([title(kpi) for kpi in wide.index]).rename_axis("kpi").rename_axis(columns=None).reset_index()


def leads_said(frame: pd.DataFrame) -> str:
    """How many of the tests a month or two ahead are sure, and the strongest of them, in a sentence."""
    ahead = frame[(frame["lead"] > 0) & frame["r"].notna()]
    if ahead.empty:
        return "Whether a KPI warns can't be told yet: it takes ten months and more."
    good = ahead[ahead["sure"] & ahead["better"]]
    row = (good if len(good) else ahead).pipe(lambda f: f.loc[f["r"].abs().idxmax()])
    ends = f"{number(row['low'], 2)} to {number(row['high'], 2)}"
    said = f"{title(row['kpi'])} with {row['outcome']} {count(row['lead'], 'month')} later: {number(row['r'], 2)} ({ends})"
    if len(good):
        return f"Of {count(len(ahead), 'test')} a month or two ahead {len(good)} are sure in the good direction; the strongest is {said}."
    return f"Of {count(len(ahead), 'test')} a month or two ahead none is sure in the good direction; the strongest of all is {said}."
