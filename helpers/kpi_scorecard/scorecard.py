"""The scorecard: each KPI with value, target, comparison and trend, what a stage of the company weighs, and who ranks where under it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.facts import COUNTED, collections, month_targets, new_customers, nobody, people_ladder, productivity, stock_metrics
from helpers.metrics import METRICS
from helpers.ratios import margins, ratio
from helpers.text import count, join_names, label, money, number, percent, show, signed_money, title

STAGES = ("startup", "growth", "mature")
RANKED = ("store", "channel", "team")
"""Levels whose entities can be held against each other."""
RECENT_MONTHS = 3


@dataclass(frozen=True)
class Kpi:
    """One figure of the scorecard. better: 1 where more is better, −1 where less is; lever: who moves it by what, empty where nothing
    but its own definition does; ratio: comparable between a large and a small shop."""

    name: str
    kind: str
    better: int
    ratio: bool
    lever: str
    meaning: str


_SAID = {metric.name: metric.meaning for metric in METRICS}
KPIS = {
    kpi.name: kpi
    for kpi in (
        Kpi("net_sales", "money", 1, False, "", _SAID["net_sales"]),
        Kpi("orders", "number", 1, False, "", _SAID["orders"]),
        Kpi("new_customers", "number", 1, False, "", "Buyers whose first order ever fell in the month."),
        Kpi("visitors", "number", 1, False, "", "Visits that the traffic reports count; a week in the month of its first day."),
        Kpi("new_followers", "number", 1, False, "", "People who began to follow; nobody has bought yet. A week as with visitors."),
        Kpi(
            "collections", "money", 1, False, "payout terms, chasing what is overdue", "Money received in the month, whenever it was sold."
        ),
        Kpi("gross_profit", "money", 1, False, "price, cost, assortment", _SAID["gross_profit"]),
        Kpi("contribution", "money", 1, False, "price, cost, fees, ads", _SAID["contribution"]),
        Kpi("operating_profit", "money", 1, False, "all of it, with people and rent", _SAID["operating_profit"]),
        Kpi("order_value", "money", 1, True, "basket, bundles, price", "Net sales of an order."),
        Kpi("gross_margin", "percent", 1, True, "price, cost, assortment", _SAID["gross_margin"]),
        Kpi("cost_coverage", "percent", 1, True, "entering costs", _SAID["cost_coverage"]),
        Kpi(
            "contribution_rate",
            "percent",
            1,
            True,
            "discounts, fees, ads",
            "Contribution of each unit of net sales: the profit margin of selling.",
        ),
        Kpi("discount_share", "percent", -1, True, "discounts", "Part of the list price that was given away."),
        Kpi(
            "refund_share", "percent", -1, True, "quality, description, size tables", "Refunds of the month against its sales before them."
        ),
        Kpi("promotion_share", "percent", -1, True, "ads, commissions", _SAID["promotion_share"]),
        Kpi("roas", "ratio", 1, True, "ads", _SAID["roas"]),
        Kpi("poas", "ratio", 1, True, "ads, price, fees", _SAID["poas"]),
        Kpi("attainment", "percent", 1, True, "", "Net sales against the target: a low target raises it too."),
        Kpi("profit_per_employee", "money", 1, True, "what the work brings", _SAID["profit_per_employee"]),
        Kpi("return_on_capital", "ratio", 1, True, "stock, price, purchases", _SAID["return_on_capital"]),
        Kpi("stock_to_sales", "ratio", -1, True, "purchases, clearance", _SAID["stock_to_sales"]),
        Kpi("inventory_days", "days", -1, True, "purchases, clearance", _SAID["inventory_days"]),
    )
}
"""The KPIs in the order in which they are shown: volume, money, ratios, capital."""

WINDOWED = ("return_on_capital", "stock_to_sales", "inventory_days", "profit_per_employee")
"""Read over a window of their own (90 days, 12 months), so their trend is the value three months earlier, not a sum of months."""


# ---- values ------------------------------------------------------------------------------------------------------------------------


def ratios(sums: pd.DataFrame) -> pd.DataFrame:
    """A frame of ladder sums with the KPIs that are ratios of them; blank where there is nothing to divide by.

    >>> one = pd.DataFrame({name: [0.0] for name in ("uncosted_sales", "marketing", "commissions", "cm2", "refunds", "discounts")}
    ...     | {"net_sales": [200.0], "gross_sales": [200.0], "gross_profit": [80.0], "contribution": [50.0], "orders": [4]})
    >>> ratios(one)[["order_value", "gross_margin", "contribution_rate"]].values.tolist()
    [[50.0, 0.4, 0.25]]
    """
    sales = sums["net_sales"]
    return margins(sums).assign(
        order_value=ratio(sales, sums["orders"]),
        contribution_rate=ratio(sums["contribution"], sales),
        discount_share=ratio(-sums["discounts"], sums["gross_sales"]),
        refund_share=ratio(-sums["refunds"], sales - sums["refunds"]),
    )


@remembered
def sums(book: Book, level: str, months: Sequence[str]) -> pd.DataFrame:
    """The sums that KPIs are made of, by month and entity of company, store, channel or team: month, entity, the ladder, orders, fte
    (where the level employs people), and new_customers, collections, visitors, new_followers where their tables are there."""
    months = list(months)
    if level == "channel":
        frame = book.ladder(["month", "channel"], months).rename(columns={"channel": "entity"})
    else:
        frame = people_ladder(book, level, months).drop(columns="staffed")
    frame = frame[frame["entity"] != nobody(level)]
    if "customer_id" in _named(book):
        frame = _beside(frame, new_customers(book, level, months), ["new_customers"])
    if "payouts" not in book.missing and level in COUNTED["collections"]:
        frame = _beside(frame, collections(book, level, months), ["collections"])
    if "traffic" not in book.missing and level != "team":
        frame = _beside(frame, _traffic(book, "'company'" if level == "company" else level, months), ["visitors", "new_followers"])
    return frame.sort_values(["month", "entity"], ignore_index=True)


def _named(book: Book) -> set[str]:
    found = book.sql("select 1 from (from ledger where kind = 'sale' and customer_id <> '' limit 1)")
    return {"customer_id"} if len(found) else set()


def _beside(frame: pd.DataFrame, counted: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Counts beside the ladder: 0 for an entity without any in a month in which anybody has some, blank before and after that."""
    both = frame.merge(counted, on=["month", "entity"], how="left")
    seen = both["month"].isin(counted["month"])
    return both.assign(**{name: both[name].astype(float).fillna(0.0).where(seen) for name in names})


def _traffic(book: Book, entity: str, months: list[str]) -> pd.DataFrame:
    return book.sql(
        f"""select substr(cast(date as varchar), 1, 7) as month, {entity} as entity, cast(sum(visitors) as double) as visitors,
                   cast(sum(new_followers) as double) as new_followers
            from traffic where substr(cast(date as varchar), 1, 7) in (select unnest($months)) and {{scope}} group by all order by all""",
        months=months,
    )


def pooled(frame: pd.DataFrame) -> pd.DataFrame:
    """Several months of `sums` as one per entity: totals as the mean month, ratios of the sums (never means of ratios)."""
    added = [name for name in frame if name not in ("month", "entity")]
    months = max(frame["month"].nunique(), 1)
    both = frame.groupby("entity", sort=True)[added].sum(min_count=1) / months
    return ratios(both.astype(dict.fromkeys(added, float)).reset_index())


def _windowed(book: Book | None, level: str) -> pd.DataFrame:
    """KPIs of a window of their own, by entity; empty without their tables."""
    frame = pd.DataFrame({"entity": pd.Series(dtype=str)})
    if book is None:
        return frame
    if level in ("company", "store") and "inventory" not in book.missing:
        frame = frame.merge(stock_metrics(book, level)[["entity", "return_on_capital", "stock_to_sales", "inventory_days"]], how="outer")
    if level != "channel" and "staffing" not in book.missing:
        frame = frame.merge(productivity(book, level)[["entity", "profit_per_employee"]], on="entity", how="outer")
    return frame


@remembered
def scorecard(book: Book) -> pd.DataFrame:
    """Where do company, stores, channels and teams stand in each KPI? One row per level, entity and KPI that has a value.

    level, entity, kpi, value; target and target_from (`targets`, or `policy` for a gate); base and base_month: the same month a year
    ago, else the month before; before: the three months before it as one (window KPIs: the value three months earlier); vs_base and
    vs_before: `better`, `worse` or `` (blank, or the same), by what is better for the KPI. A ratio is one of sums.
    """
    months = next((back for back in (12, 1) if book.before(back)), 0)
    earlier = book.months_back(months + 1)[0] if months else ""
    recent = [month for month in book.months_back(RECENT_MONTHS + 1)[:-1] if month in book.months]
    targets, rows = month_targets(book), []
    for level in ("company", *RANKED):
        if (level == "company" and book.scope != "company") or (level == "team" and "staffing" in book.missing):
            continue
        asked = targets[targets["level"] == level].pivot(index="entity", columns="metric", values="target")
        now = _together(sums(book, level, [book.month]), _windowed(book, level))
        now["attainment"] = ratio(now["net_sales"], now["entity"].map(asked.get("net_sales", pd.Series(dtype=float))))
        base = _together(sums(book, level, [earlier]), _windowed(book.before(months), level)) if months else now.iloc[:0]
        before = _together(sums(book, level, recent), _windowed(book.before(RECENT_MONTHS), level)) if recent else now.iloc[:0]
        rows += _rows(book, level, now, base, before, asked, earlier)
    columns = ["level", "entity", "kpi", "value", "target", "target_from", "base", "base_month", "before", "vs_base", "vs_before"]
    return pd.DataFrame(rows, columns=columns)


def _together(added: pd.DataFrame, windowed: pd.DataFrame) -> pd.DataFrame:
    return pooled(added).merge(windowed, on="entity", how="left")


def gates(book: Book) -> dict[str, float]:
    """What the policy asks of a KPI of any entity, where it has a line."""
    policy = book.policy
    return {
        "gross_margin": policy.product.min_gross_margin,
        "cost_coverage": policy.product.min_cost_coverage,
        "inventory_days": policy.product.max_inventory_days,
        "poas": 1.0,
        "promotion_share": policy.channel.max_promotion_share,
        "profit_per_employee": policy.team.min_profit_per_employee,
        "attainment": policy.target.min_attainment,
    }


def _rows(
    book: Book, level: str, now: pd.DataFrame, base: pd.DataFrame, before: pd.DataFrame, asked: pd.DataFrame, earlier: str
) -> list[dict]:
    lines = gates(book)
    base, before = (frame.set_index("entity") for frame in (base, before))
    rows = []
    for row in now.to_dict("records"):
        for name, kpi in KPIS.items():
            value, entity = row.get(name, np.nan), row["entity"]
            if pd.isna(value):
                continue
            target = asked[name].get(entity, np.nan) if name in asked else np.nan
            then, lately = (frame[name].get(entity, np.nan) if name in frame else np.nan for frame in (base, before))
            rows.append(
                {
                    "level": level,
                    "entity": entity,
                    "kpi": name,
                    "value": float(value),
                    "target": target if pd.notna(target) else lines.get(name, np.nan),
                    "target_from": "targets" if pd.notna(target) else "policy" if name in lines else "",
                    "base": then,
                    "base_month": earlier,
                    "before": lately,
                    "vs_base": versus(value, then, kpi.better),
                    "vs_before": versus(value, lately, kpi.better),
                }
            )
    return rows


def versus(value: float, other: float, better: int) -> str:
    """Is a value better or worse than another, by what is better for its KPI?

    >>> versus(0.2, 0.1, 1), versus(0.2, 0.1, -1), versus(1, 1, 1), versus(1, float("nan"), 1)
    ('better', 'worse', '', '')
    """
    if pd.isna(value) or pd.isna(other) or value == other:
        return ""
    return "better" if (value > other) == (better > 0) else "worse"


# ---- weights and ranks -------------------------------------------------------------------------------------------------------------


def weights(book: Book) -> pd.DataFrame:
    """What each stage weighs: KPIs (those of any stage, in the order of KPIS) × STAGES."""
    stages = book.policy.stages.model_dump()
    frame = pd.DataFrame({stage: stages[stage] for stage in STAGES}).astype(float)
    frame = frame.loc[[name for name in KPIS if name in frame.index]]
    return frame[(frame > 0).any(axis=1)]


def scores(wide: pd.DataFrame, weighed: pd.DataFrame) -> pd.DataFrame:
    """Score and rank under each stage: a KPI gives an entity its place among the others from 0 (worst) to 1, a score is their weighted
    mean.

    wide: entities × KPIs. weighed: KPIs × stages. Columns: <stage> (score), <stage>_rank (1 = best, ties share the better), <stage>_read
    (part of the stage's weights that can be read here). A KPI that is blank for all is left out; one entity's blank is the last place.

    >>> two = pd.DataFrame({"net_sales": [9.0, 5.0], "contribution": [-1.0, 2.0]}, index=["a", "b"])
    >>> scores(two, pd.DataFrame({"startup": [1.0, 0.0], "mature": [0.25, 0.75]}, index=["net_sales", "contribution"])).values.tolist()
    [[1.0, 1, 1.0, 0.25, 2, 1.0], [0.0, 2, 1.0, 0.75, 1, 1.0]]
    """
    names = [name for name in weighed.index if name in wide and wide[name].notna().any()]
    signed = wide[names].astype(float) * [KPIS[name].better for name in names]
    places = signed.rank(na_option="top").sub(1).div(max(len(wide) - 1, 1)) if len(wide) else signed
    found = pd.DataFrame(index=wide.index)
    for stage in weighed:
        given = weighed.loc[names, stage]
        read = given.sum()
        score = (places @ given / read).round(9) if read > 0 else pd.Series(np.nan, wide.index)
        found[stage], found[f"{stage}_rank"] = score, score.rank(ascending=False, method="min").astype("Int64")
        found[f"{stage}_read"] = round(float(read), 9)
    return found


def stage_ranks(book: Book, card: pd.DataFrame) -> pd.DataFrame:
    """Who would rank where in another stage? The frame of `scores` for stores, channels and teams: level, entity, then its columns.

    A level with a single entity has no ranks. The arithmetic of the KPIs is the same in every stage, only the weights differ.
    """
    parts = []
    for level in RANKED:
        mine = card[card["level"] == level]
        if mine["entity"].nunique() < 2:
            continue
        wide = mine.pivot(index="entity", columns="kpi", values="value")
        parts.append(scores(wide, weights(book)).reset_index().assign(level=level))
    columns = ["level", "entity", *[f"{stage}{end}" for stage in STAGES for end in ("", "_rank", "_read")]]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


@remembered
def own_months(book: Book) -> pd.DataFrame:
    """How good is the month among the scope's own last twelve, as each stage would weigh it? The frame of `scores` by month.

    Capital and profit per head are read over windows longer than a month and left out. A running month isn't comparable with whole ones.
    """
    level = "company" if book.scope == "company" else "store"
    months = [month for month in book.months_back(12) if month in book.months]
    frame = ratios(sums(book, level, months)).query("entity == @book.scope").set_index("month")
    return scores(frame, weights(book))


# ---- for people --------------------------------------------------------------------------------------------------------------------


def shown(kpi: str, value: float, currency: str = "") -> str:
    """A KPI's value as people write it, with the unit where the name doesn't give it.

    >>> shown("net_sales", 1200), shown("gross_margin", 0.295), shown("stock_to_sales", 1.5), shown("orders", float("nan"))
    ('1,200', '29.5%', '1.50', '–')
    """
    kind = KPIS[kpi].kind
    return show(value, "number" if kind == "days" else kind, currency)


def against(kpi: str, value: float, other: float) -> str:
    """How far is a value from another: in per cent of it, or in points where it is a share itself.

    >>> against("net_sales", 120, 100), against("gross_margin", 0.25, 0.30), against("roas", 2, float("nan"))
    ('+20.0%', '−5.0 points', '–')
    """
    if pd.isna(value) or pd.isna(other) or not np.isfinite(value) or not np.isfinite(other):
        return "–"
    if KPIS[kpi].kind == "percent":
        points = round((value - other) * 100, 1) + 0.0
        return f"{'+' if points > 0 else ''}{number(points, 1)} points"
    if other <= 0:
        return signed_money(value - other, "")
    return f"{'+' if value > other else ''}{percent(value / other - 1)}"


def kpi_rows(book: Book, card: pd.DataFrame, level: str, entity: str) -> pd.DataFrame:
    """The scorecard of one entity for a table: kpi, value, target, against_base, trend, weight (of the company's stage), meaning."""
    mine = card[(card["level"] == level) & (card["entity"] == entity)]
    given = weights(book)[book.stage]
    return pd.DataFrame(
        {
            "kpi": [title(name, KPIS[name].kind, book.currency) for name in mine["kpi"]],
            "value": [shown(*pair) for pair in mine[["kpi", "value"]].itertuples(index=False)],
            "target": [shown(*pair) for pair in mine[["kpi", "target"]].itertuples(index=False)],
            "against_base": [against(*three) for three in mine[["kpi", "value", "base"]].itertuples(index=False)],
            "trend": [against(*three) for three in mine[["kpi", "value", "before"]].itertuples(index=False)],
            "weight": [percent(given.get(name, 0.0), 0) if given.get(name, 0.0) else "" for name in mine["kpi"]],
            "meaning": [KPIS[name].meaning for name in mine["kpi"]],
        }
    )


def base_said(card: pd.DataFrame) -> str:
    """What the comparison is with, in a sentence."""
    if card.empty or not card["base_month"].iloc[0]:
        return "There is no earlier month to compare with."
    said = f"The base is {card['base_month'].iloc[0]}; the trend is against up to three months before as one"
    return f"{said} (what is read over a longer window: three months earlier)."


def card_said(book: Book, card: pd.DataFrame, level: str, entity: str) -> str:
    """One entity's scorecard in a sentence: how many KPIs of weight are better than at the base, and the two that differ from sales."""
    mine = card[(card["level"] == level) & (card["entity"] == entity)].set_index("kpi")
    if mine.empty:
        return "Nothing can be told of this scope."
    weighed = [name for name in weights(book).index[weights(book)[book.stage] > 0] if name in mine.index]
    up = mine.loc[weighed, "vs_base"].value_counts()
    said = f"Stage {book.stage} weighs {count(len(weighed), 'KPI')} that can be read here"
    said += f": better than at the base {up.get('better', 0)}, worse {up.get('worse', 0)}." if len(up.drop("", errors="ignore")) else "."
    for name in ("net_sales", "contribution"):
        row = mine.loc[name] if name in mine.index else None
        if row is not None:
            beside = [
                (against(name, row["value"], row[other]), words)
                for other, words in (("base", "to the base"), ("before", "to the months before"))
            ]
            told = " and ".join(f"{change} {words}" for change, words in beside if change != "–")
            said += f" {title(name).capitalize()}: {money(row['value'], book.currency)}{', ' if told else ''}{told}."
    coverage = mine["value"].get("cost_coverage", np.nan)
    if coverage < book.policy.product.min_cost_coverage:
        said += f" The cost is known of {percent(coverage)} of the sales only, so profits are the least they can be."
    return said


def ranks_said(book: Book, frame: pd.DataFrame) -> str:
    """Whose place depends most on the stage, in a sentence, and which weights could not be read."""
    if frame.empty:
        return "With fewer than two stores, channels or teams there is nobody to rank."
    places = frame[[f"{stage}_rank" for stage in STAGES]].astype(float)
    moved = places.max(axis=1) - places.min(axis=1)
    row = frame.loc[moved.idxmax()]
    told = ", ".join(f"{int(row[f'{stage}_rank'])} as {stage}" for stage in STAGES)
    said = (
        f"Most depends on the stage for {row['level']} {label(row['entity'])}: place {told}."
        if moved.max() > 0
        else "No place depends on the stage."
    )
    first = frame[frame[f"{book.stage}_rank"] == 1]
    names = [f"{level} {entity}" for level, entity in zip(first["level"], first["entity"], strict=True)]
    said += f" First in the company's own stage, {book.stage}: {join_names(names, 6)}."
    short = frame.groupby("level", sort=False)["mature_read"].first()
    short = short[short < 0.999]
    if len(short):
        told = ", ".join(f"{percent(part, 0)} for {level}s" for level, part in short.items())
        said += f" Of the weights of stage mature only a part can be read: {told}; the rest has no figure at that level."
    return said


def months_said(book: Book, frame: pd.DataFrame) -> str:
    """Which place the month has among its own last twelve in each stage, in a sentence."""
    if len(frame) < 2 or book.month not in frame.index:
        return "There are no other months to hold this one against."
    row = frame.loc[book.month]
    told = ", ".join(f"{int(row[f'{stage}_rank'])} as {stage}" for stage in STAGES)
    return f"Among its own last {len(frame)} months this one has place {told}."


def board(card: pd.DataFrame, level: str, kpis: Sequence[str], currency: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The KPIs of a level's entities as texts (with ▲ better or ▼ worse than at the base), and each one's place from 0 (worst) to 1:
    KPIs × entities."""
    mine = card[(card["level"] == level) & card["kpi"].isin(list(kpis))]
    order = [name for name in kpis if name in set(mine["kpi"])]
    wide = mine.pivot(index="kpi", columns="entity", values="value").reindex(order)
    arrows = (
        mine.assign(arrow=mine["vs_base"].map({"better": " ▲", "worse": " ▼"}).fillna(""))
        .pivot(index="kpi", columns="entity", values="arrow")
        .reindex(order)
    )
    texts = pd.DataFrame(
        {
            entity: [
                f"{_short(kpi, wide.loc[kpi, entity])}{arrows.loc[kpi, entity] if pd.notna(wide.loc[kpi, entity]) else ''}" for kpi in order
            ]
            for entity in wide
        },
        index=order,
    )
    signed = wide.mul([KPIS[name].better for name in order], axis=0)
    shade = signed.rank(axis=1).sub(1).div((wide.notna().sum(axis=1) - 1).clip(lower=1), axis=0).where(wide.notna())
    names = [title(name, KPIS[name].kind, currency) for name in order]
    return texts.set_axis(names), shade.set_axis(names)


def _short(kpi: str, value: float) -> str:
    kind = KPIS[kpi].kind
    return show(value, "number" if kind == "days" else kind, compact=kind in ("money", "number"))


def weight_rows(book: Book) -> pd.DataFrame:
    """The frame of `weights` for a table: kpi, and a share per stage as text, nothing where it counts for nothing."""
    frame = weights(book)
    shares = {stage: [percent(share, 0) if share else "" for share in frame[stage]] for stage in STAGES}
    return pd.DataFrame({"kpi": [title(name) for name in frame.index], **shares})


def widest(card: pd.DataFrame) -> str:
    """The level with something to compare: channels, else stores, else teams, else the whole."""
    sizes = card.groupby("level")["entity"].nunique()
    return next((level for level in ("channel", "store", "team") if sizes.get(level, 0) > 1), "company" if "company" in sizes else "store")


def entity_rows(card: pd.DataFrame, level: str, kpis: Sequence[str], currency: str = "") -> pd.DataFrame:
    """The KPIs of a level's entities for a table: kpi, and a column of ready-made texts per entity (at most six)."""
    texts, _ = board(card, level, kpis, currency)
    return texts[list(texts)[:6]].rename_axis("kpi").reset_index().rename_axis(columns=None)


def rank_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `stage_ranks` for a table: level, entity, and a rank per stage with its score."""
    shown_ranks = {stage: frame[f"{stage}_rank"].astype("Int64") for stage in STAGES}
    scored = {f"{stage}_score": frame[stage].astype(float) for stage in STAGES}
    return pd.DataFrame({"level": frame["level"], "entity": frame["entity"], **shown_ranks, **scored})


def month_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `own_months` for a table, newest first: month, and the place under each stage."""
    return pd.DataFrame({"month": frame.index, **{stage: frame[f"{stage}_rank"].to_numpy() for stage in STAGES}})[::-1].reset_index(
        drop=True
    )
