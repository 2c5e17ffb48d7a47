"""Targets: what was asked of whom, whether the parts add up to the whole, and what history would have asked.

A node is a level and an entity, for example store `north`; the root is the company, or the store in a store's scope. Frames are about
the book's month; money is in the reporting currency. The functions that end in `_said` read a frame aloud, true for any data.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from helpers.book import JOINS, SPREAD_DIMENSIONS, Book, dimension_sql, remembered
from helpers.contract import TARGET_METRICS
from helpers.days import as_of
from helpers.facts import LEVELS, attainment_name, collections, month_targets, new_customers, nobody, untold
from helpers.ratios import ratio
from helpers.text import BLANK, count, join_names, label, money, number, percent, signed_money

MEASURES = tuple(TARGET_METRICS.split("/"))
COUNTS = ("orders", "new_customers")  # measured in whole numbers, the others in money
PROFITS = ("gross_profit", "contribution")
PARENT = {"product": "category", "employee": "team"}  # all others are parts of the company
MIXED = ("category", "product")  # an order can hold several of these, so their orders add up to more than all
YEAR, RECENT = 12, 3  # months; a proposal rests on the same month a year ago and the last RECENT
CENT = 0.005


def root(book: Book) -> tuple[str, str]:
    """The node that all others are parts of: the company, or the store in its scope."""
    return ("company", "company") if book.scope == "company" else ("store", book.scope)


def split(total: float, weights: pd.Series, digits: int = 2) -> pd.Series:
    """A total in parts by weight, rounded to `digits` so that the rounded parts add up to the rounded total exactly.

    Largest remainder; of equal ones the first. Weights below zero count as zero; all blank where no weight is above it.

    >>> split(100, pd.Series([1, 1, 1])).tolist(), split(5, pd.Series([3, 1]), digits=0).tolist()
    ([33.34, 33.33, 33.33], [4.0, 1.0])
    """
    weights = weights.astype(float).clip(lower=0).fillna(0.0)
    if weights.sum() <= 0:
        return weights * np.nan
    units = round(total * 10**digits)
    exact = weights.to_numpy() / weights.sum() * units
    whole = np.floor(exact + 1e-6).astype("int64")
    whole[np.argsort(whole - exact, kind="stable")[: units - whole.sum()]] += 1
    return pd.Series(whole / 10**digits, index=weights.index)


# ---- what was set ---------------------------------------------------------------------------------------------------------------


@remembered
def nodes(book: Book) -> pd.DataFrame:
    """Every target of the month and what it is a part of: level, entity, metric, target, owner, parent_level, parent, depth, named.

    The parent is the one that the target names, else the company (for products their category, for people their team, where that has
    a target). `parent` is blank for the root; `named` is what the table said; a parent without any target has level `unknown`.
    Sorted as a tree: children below their parent. A circle of parents hangs from nobody and comes last, with depth −1.
    """
    frame = month_targets(book).assign(named=_named_parents(book))
    every = list(dict.fromkeys(zip(frame["level"], frame["entity"], strict=True)))
    above, group_of = {}, belongs(book)
    for (level, entity), rows in frame.groupby(["level", "entity"], sort=False):
        named = next((name for name in rows["named"] if name), "")
        above[level, entity] = _parent(book, level, entity, named, every, group_of)
    order, depth = [], {}
    for start in [node for node in every if above[node] == ("", "") or above[node][0] == "unknown"]:
        stack = [(start, 0)]
        while stack:
            node, deep = stack.pop()
            order.append(node)
            depth[node] = deep
            stack += [(child, deep + 1) for child in sorted(every, key=_place, reverse=True) if above[child] == node]
    order += [node for node in every if node not in depth]
    place = {node: i for i, node in enumerate(order)}
    keys = list(zip(frame["level"], frame["entity"], strict=True))
    frame = frame.assign(
        parent_level=[above[key][0] for key in keys],
        parent=[above[key][1] for key in keys],
        depth=[depth.get(key, -1) for key in keys],
        _order=[place[key] for key in keys],
        _metric=frame["metric"].map(MEASURES.index) if len(frame) else 0,
    )
    frame = frame.sort_values(["_order", "_metric"], ignore_index=True).fillna({"owner": ""})
    return frame[["level", "entity", "metric", "target", "owner", "parent_level", "parent", "depth", "named"]]


def _named_parents(book: Book) -> list[str]:
    return book.sql(
        """select coalesce(parent, '') as parent from targets
           where month = $month and ($scope = 'company' or (level = 'store' and entity = $scope)) order by level, entity, metric""",
        month=book.first_day.date(), scope=book.scope,
    )["parent"].tolist()  # fmt: skip


def _place(node: tuple[str, str]) -> tuple[int, str]:
    order = ("company", "store", "channel", "region", "category", "product", "team", "employee", "segment", "campaign")
    return order.index(node[0]), node[1]


def belongs(book: Book) -> dict[str, dict[str, str]]:
    """The category of each product and the team of each person in the month."""
    products = book.sql("select product_id, category from products where category is not null").set_index("product_id")["category"]
    teams = book.sql("select employee_id, team from teams where month = $month", month=book.month).set_index("employee_id")["team"]
    return {"product": products.to_dict(), "employee": teams.to_dict()}


def _parent(book: Book, level: str, entity: str, named: str, every: Sequence, group_of: dict) -> tuple[str, str]:
    if (level, entity) == root(book):
        return "", ""
    if named:
        found = sorted((node for node in every if node[1] == named and node != (level, entity)), key=_place)
        usual = [node for node in found if node[0] == PARENT.get(level, "company")]
        return (usual or found or [("unknown", named)])[0]
    group = (PARENT.get(level), group_of.get(level, {}).get(entity))
    return group if group in every else root(book)


@remembered
def tree(book: Book) -> pd.DataFrame:
    """The month's targets as a tree, one row per node: level, entity, parent_level, parent, depth, owner, a column per measure that
    somebody has a target for, and the marketing beside it: marketing_share, budget and spent, as of `budgets`."""
    frame = nodes(book)
    keys = ["level", "entity", "parent_level", "parent", "depth"]
    used = [metric for metric in MEASURES if metric in set(frame["metric"])]
    wide = frame.pivot(index=["level", "entity"], columns="metric", values="target").reindex(columns=used).rename_axis(columns=None)
    owner = frame[frame["owner"] != ""].groupby(["level", "entity"])["owner"].first()
    about = frame[keys].drop_duplicates(["level", "entity"]).set_index(["level", "entity"])
    wide = about.join(owner).fillna({"owner": ""}).join(wide).reset_index()
    money_asked = wide["net_sales"] if "net_sales" in wide else pd.Series(np.nan, wide.index)
    return wide.merge(budgets(book, wide[["level", "entity"]].assign(target=money_asked)), on=["level", "entity"], how="left")


def budgets(book: Book, asked: pd.DataFrame) -> pd.DataFrame:
    """What marketing would the sales targets take if each unit of sales took as much as before? There is no table of budgets.

    asked: level, entity, target. marketing_share: marketing ÷ net sales of the same month a year ago and the last three months
    together; budget: that share × target; spent: the month's own marketing. Blank without sales in those months.
    """
    months = [book.months_back(YEAR + 1)[0], *book.months_back(RECENT + 1)[:-1]]
    rows = []
    for level, group in asked.groupby("level", sort=False):
        past = history(book, level)
        sums = past[past["month"].isin(months)].groupby("entity")[["marketing", "net_sales"]].sum()
        share = ratio(sums["marketing"], sums["net_sales"]).reindex(group["entity"])
        spent = past[past["month"] == book.month].set_index("entity")["marketing"].reindex(group["entity"])
        rows.append(group.assign(marketing_share=share.to_numpy(), budget=share.to_numpy() * group["target"], spent=spent.to_numpy()))
    empty = pd.DataFrame(columns=["level", "entity", "marketing_share", "budget", "spent"])
    return (pd.concat(rows) if rows else empty)[empty.columns]


def plan(book: Book, metrics: Sequence[str] = ("net_sales", "contribution")) -> pd.DataFrame:
    """How do the months of the root's targets add up to quarters and the year, and how far has the year come?

    The calendar year of the book's month. One row per quarter and month with a target, and the year: period, months (with a target),
    and per measure `<measure>_target` and `<measure>` (actual of those of them that are over, the book's month at the latest);
    `attainment` and `attainment_contribution` compare these with their own targets only, `ahead` is the sales target of the months to come.
    """
    level, entity = root(book)
    year, past = book.month[:4], history(book, level)
    set_for = book.sql(
        """select substr(cast(month as varchar), 1, 7) as month, metric, cast(target as double) as target from targets
           where level = $level and entity = $entity and year(month) = $year order by month, metric""",
        level=level, entity=entity, year=int(year),
    )  # fmt: skip
    set_for = set_for[set_for["metric"].isin(metrics)]
    came = past[past["entity"] == entity].set_index("month")
    targets = set_for.pivot(index="month", columns="metric", values="target").reindex(columns=list(metrics))
    running = as_of(book) < book.last_day
    over = [month for month in targets.index if month < book.month or month == book.month and not running]
    periods = [(year, list(targets.index))]
    for quarter in range(4):
        inside = [month for month in targets.index if (int(month[5:]) - 1) // 3 == quarter]
        periods += [(f"{year}-Q{quarter + 1}", inside), *[(month, [month]) for month in inside]]
    rows = []
    for period, inside in periods:
        if not inside:
            continue
        row = {"period": period, "months": len(inside)}
        for metric in metrics:
            row[f"{metric}_target"] = targets.loc[inside, metric].sum(min_count=1)
            known = [month for month in inside if month in over and pd.notna(targets.loc[month, metric])]
            row[metric] = came[metric].reindex(known).fillna(0.0).sum() if known else np.nan
            row[attainment_name(pd.Series([metric]))[0]] = ratio(pd.Series([row[metric]]), pd.Series([targets.loc[known, metric].sum()]))[0]
            if metric == "net_sales":
                row["ahead"] = targets.loc[[month for month in inside if month not in over], metric].sum()
        rows.append(row)
    columns = ["period", "months", *[f"{metric}{end}" for metric in metrics for end in ("_target", "")], *attainment_name(pd.Series(metrics)), "ahead"]
    return pd.DataFrame(rows, columns=columns)


# ---- what history says ----------------------------------------------------------------------------------------------------------


@remembered
def history(book: Book, level: str) -> pd.DataFrame:
    """What each entity of a level brought in the book's month and the three years before it, month by month.

    Columns: month, entity, the measures of targets, marketing (positive). Orders, new customers and money received are counted where
    this month has such a target at the level (for the root, at any level), else blank, as they are where the level can't tell them. Months
    without a movement of the entity have no row. Empty for a level that the ledger doesn't know.
    """
    months, dimension = book.months_back(3 * YEAR + 1), LEVELS.get(level)
    columns = ["month", "entity", *MEASURES, "marketing"]
    if level not in LEVELS or dimension not in (None, *SPREAD_DIMENSIONS):
        return pd.DataFrame(columns=columns)
    entity = dimension_sql(dimension)
    sums = ", ".join(f"cast(sum({formula}) as double) as {name}" for name, formula in _SUMS.items())
    frame = book.sql(
        f"""select l.month, {entity} as entity, {sums} from spread l {JOINS.get(dimension, "")}
            where l.month in (select unnest($months)) and {{scope}} group by l.month, {entity} order by l.month, entity""",
        months=months,
    )
    targets = month_targets(book)
    wanted = targets["level"] == level if level != root(book)[0] else targets["level"] != ""  # against the root all others are held
    for metric in sorted(set(targets.loc[wanted, "metric"]) & {*COUNTS, "collections"}):
        if metric == "orders":
            more = book.ladder(["month", *([dimension] if dimension else [])], months).rename(columns={dimension: "entity"})
            more = (more if dimension else more.assign(entity="company"))[["month", "entity", "orders"]].astype({"orders": float})
        elif not untold(book, level, metric):
            more = (new_customers if metric == "new_customers" else collections)(book, level, months)
        else:
            continue
        frame = frame.merge(more, on=["month", "entity"], how="outer").fillna({metric: 0.0} | dict.fromkeys(_SUMS, 0.0))
    return frame.reindex(columns=columns).sort_values(["month", "entity"], ignore_index=True)


_NET = "gross_sales + discounts + shipping_income + refunds"
_SUMS = {
    "net_sales": _NET,
    "gross_profit": f"{_NET} + uncosted_sales + cogs",
    "contribution": f"{_NET} + uncosted_sales + cogs + platform_fees + fulfilment + marketing + commissions",
    "marketing": "-marketing",
}


@remembered
def monthly(book: Book, level: str, metric: str, now: bool = False) -> pd.DataFrame:
    """The measure of each entity (columns) in the 36 months before the book's (rows), with `now` also in that one.

    Blank before the entity's first month with any, else 0.
    """
    frame, months = history(book, level), book.months_back(3 * YEAR + 1)
    months, begun = months if now else months[:-1], book.months[0]
    wide = frame.pivot(index="month", columns="entity", values=metric).reindex(months).astype(float)
    seen = wide.fillna(0.0).ne(0).cumsum().gt(0)
    return wide.fillna(0.0).where(seen & (wide.index.to_series() >= begun).to_numpy()[:, None])


def brought(values: pd.DataFrame, whole: pd.Series) -> pd.DataFrame:
    """Comparable months, each brought to the month after the last row as the whole company moved.

    values: months (rows, without gaps) × entities; whole: the company's sum of the same measure by the same months.
    A month k back is multiplied by what the company's target month was, a year ago, to the month k back from that:
    whole[−12] ÷ whole[−12 − k]; the same month a year ago grows as the company did over the last three months, against those a year
    earlier (as far as both are known). Without a year of history only the last three months are comparable, as they were.
    Rows: the comparable months, oldest first.

    >>> sales = pd.Series([100.0, 200.0] * 7, index=[f"m{i:02d}" for i in range(14)])  # every other month is twice as strong
    >>> brought(sales.to_frame("a"), sales)["a"].tolist()
    [100.0, 100.0, 100.0]
    """
    back = {k: whole.iloc[-k] if k <= len(whole) else np.nan for k in range(1, 2 * YEAR + 1)}
    factors = {}
    if back[YEAR] > 0:
        pairs = [(back[k], back[k + YEAR]) for k in range(1, RECENT + 1) if back[k] > 0 and back[k + YEAR] > 0]
        factors[YEAR] = sum(now for now, _ in pairs) / sum(then for _, then in pairs) if pairs else 1.0
        factors |= {k: back[YEAR] / back[k + YEAR] for k in range(YEAR - 1, 0, -1) if back[k + YEAR] > 0}
    else:
        factors |= {k: 1.0 for k in range(RECENT, 0, -1) if k <= len(whole) and pd.notna(back[k])}
    rows = [values.iloc[-k] * factor for k, factor in factors.items()]
    return pd.DataFrame(rows, columns=values.columns, index=[values.index[-k] for k in factors])


def proposal(values: pd.DataFrame, whole: pd.Series) -> pd.Series:
    """What would history ask of each entity? The mean of the same month a year ago and the last three months, brought to the month.

    As `brought`; what is comparable of these four counts. Blank without any, never below zero. The entities' proposals add up to the
    company's wherever their months do.
    """
    wanted = [values.index[-k] for k in (YEAR, *range(1, RECENT + 1)) if k <= len(values)]
    comparable = brought(values, whole)
    return comparable.loc[comparable.index.isin(wanted)].mean().clip(lower=0)


@remembered
def comparable(book: Book, level: str, metric: str) -> pd.DataFrame:
    """Comparable months (rows) of each entity (columns) for the book's month, as of `brought`."""
    base = monthly(book, root(book)[0], metric)
    whole = base[root(book)[1]] if root(book)[1] in base else pd.Series(np.nan, base.index)
    return brought(monthly(book, level, metric), whole)


@remembered
def proposed(book: Book, level: str, metric: str) -> pd.Series:
    """What history would ask of each entity of a level in the book's month, as of `proposal`."""
    base = monthly(book, root(book)[0], metric)
    whole = base[root(book)[1]] if root(book)[1] in base else pd.Series(np.nan, base.index)
    return proposal(monthly(book, level, metric), whole)


def basis(book: Book) -> str:
    """What a proposal for this month rests on, in words."""
    earlier = [month for month in book.months if month < book.month]
    if not earlier:
        return "There is no month before this one, so history proposes nothing."
    if book.months_back(YEAR + 1)[0] in book.months:
        return (
            "A proposal is the mean of the same month a year ago and the last three months, each brought to this month as the whole"
            " moved between the same months a year before."
        )
    return (
        f"No month a year ago is known, so a proposal is the mean of the last {count(min(RECENT, len(earlier)), 'month')}, as they were: no season"
        " is known."
    )


def proposals(book: Book, metric: str = "net_sales") -> pd.DataFrame:
    """Each node's target, and where nobody set one, a share of what its parent has left, split as history says, to the cent.

    metric: net_sales, gross_profit or contribution. One row for the root, then per store, channel, region, category, team, product and
    employee (in a store's scope without stores) that has a target or that history knows: level, entity, parent_level, parent, given
    (the target that was set), history (what history alone would ask), proposed (given; else its share of what the given ones leave of
    the parent's proposed, and 0 where they leave nothing), source (`set` or `history`). Below each parent they add up to the parent's,
    but where the given ones alone don't. Empty where the root has neither a target nor a history.
    """
    given = nodes(book).query("metric == @metric").set_index(["level", "entity"])["target"]
    top, group_of = root(book), belongs(book)
    base = proposed(book, top[0], metric).get(top[1], np.nan)
    whole = given.get(top, round(base, 2))
    columns = ["level", "entity", "parent_level", "parent", "given", "history", "proposed", "source"]
    if pd.isna(whole):
        return pd.DataFrame(columns=columns)
    first = [*top, "", "", given.get(top, np.nan), base, whole, "set" if top in given.index else "history"]
    parts, known = [pd.DataFrame([first], columns=columns)], {top: whole}
    for level in ("store", "channel", "region", "category", "team", "product", "employee"):
        if level == top[0]:
            continue
        asked = proposed(book, level, metric)
        mine = given[given.index.get_level_values(0) == level].droplevel(0)
        entities = pd.Index(sorted(set(asked[asked > CENT].index) | set(mine.index)), name="entity")
        frame = pd.DataFrame({"given": mine.reindex(entities), "history": asked.reindex(entities)}).reset_index().assign(level=level)
        homes = [usual_parent(level, entity, group_of, known, top) for entity in frame["entity"]]
        frame = frame.assign(parent_level=[home[0] for home in homes], parent=[home[1] for home in homes], proposed=frame["given"])
        frame["source"] = np.where(frame["given"].isna(), "history", "set")
        for home, part in frame[frame["given"].isna()].groupby(["parent_level", "parent"], sort=False):
            siblings = frame[(frame["parent_level"] == home[0]) & (frame["parent"] == home[1])]
            rest = known[home] - siblings["given"].sum()
            frame.loc[part.index, "proposed"] = split(rest, part["history"]) if rest > CENT else 0.0
        known |= dict(zip(zip(frame["level"], frame["entity"], strict=True), frame["proposed"], strict=True))
        parts.append(frame[columns])
    return pd.concat(parts, ignore_index=True)


def usual_parent(level: str, entity: str, group_of: dict, known: Collection, top: tuple[str, str]) -> tuple[str, str]:
    """What an entity is split from: products from their category, people from their team, all else from the root."""
    if level not in PARENT:
        return top
    group = (PARENT[level], group_of[level].get(entity, nobody(PARENT[level])))
    return group if group in known else top


# ---- for readers ----------------------------------------------------------------------------------------------------------------


def called(book: Book, frame: pd.DataFrame, who: pd.Series) -> pd.Series:
    """What to call each row's node on a page: the level and the name, `who` for people (by id), the catalogue's for products.

    The names are untrusted text, to be shown through helpers.text like any other.
    """
    listed = {
        "product": book.sql("select product_id as id, name from products").set_index("id")["name"],
        "campaign": book.sql("select campaign_id as id, name from campaigns").set_index("id")["name"],
        "employee": who,
    }
    pairs = zip(frame["level"], frame["entity"], strict=True)
    names = [
        entity
        if level == "company"
        else f"no {level}"
        if level in LEVELS and entity == nobody(level)
        else f"{level} {listed[level].get(entity, entity) if level in listed else entity}"
        for level, entity in pairs
    ]
    return pd.Series(names, index=frame.index, dtype=object)


def absent_said(book: Book) -> str:
    """For which levels is there no target, and which targets can't be followed, in sentences."""
    frame = month_targets(book)
    if frame.empty:
        where = "" if book.scope == "company" else " for this store (a store's page knows only the store's own)"
        return f"No target is set for this month{where}, so nothing is attained or missed: what stands below is proposed from history."
    if book.scope != "company":
        return "A store's page knows only the store's own targets; those of channels, teams and the rest are in the report of the company."
    without = [level for level in (*LEVELS, "segment") if level not in set(frame["level"])]
    said = f"No target is set for any {join_names(dict.fromkeys(without), 9)}." if without else "Every level has targets."
    blind = [level for level in frame["level"].unique() if untold(book, level, "net_sales")]
    return said + (
        f" Targets of the level {join_names(blind)} stay blank: this month's data can't tell who belongs to it." if blind else ""
    )


def plan_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """The months of `plan` as rows month, what (`target`, `sales`), amount, for a figure."""
    months = frame[frame["period"].str.fullmatch(r"\d{4}-\d\d").astype(bool)]
    parts = [("target", "net_sales_target"), ("net sales", "net_sales")]
    return pd.concat([pd.DataFrame({"month": months["period"], "what": name, "amount": months[column]}) for name, column in parts])


def plan_said(frame: pd.DataFrame, currency: str) -> str:
    """How far has the year come? frame: plan."""
    if frame.empty or pd.isna(frame.iloc[0]["net_sales_target"]):
        return "No month of this year has a sales target, so there is no plan to be ahead of or behind."
    year = frame.iloc[0]
    asked = money(year["net_sales_target"], currency)
    said = f"In {year['period']}, {count(year['months'], 'month')} with a target ask for {asked} of net sales"
    if year["months"] < YEAR:
        said += f" ({count(YEAR - year['months'], 'month')} without one: this is no whole year)"
    said += f"; those that have passed reached {percent(year['attainment'])} of theirs"
    profit = year["attainment_contribution"]
    said += f", and {percent(profit)} of what was asked of contribution" if pd.notna(profit) else ", and no contribution was asked for"
    return said + (f". {money(year['ahead'], currency)} is still ahead." if year["ahead"] > 0 else ".")


def proposals_said(frame: pd.DataFrame, currency: str) -> str:
    """What was proposed where nobody set a target, and where is a target farthest from what history would ask? frame: proposals."""
    if frame.empty:
        return "There is neither a target nor a month before this one, so nothing can be proposed."
    made, first = frame[(frame["source"] == "history") & (frame["proposed"] > 0)], frame.iloc[0]
    said = f"For the whole, history would ask {money(first['history'], currency)}"
    said += (
        f" and {money(first['given'], currency)} was set." if first["source"] == "set" else "; nobody set a target, so that is proposed."
    )
    below = made[made["parent_level"] != ""]
    said += f" {count(len(below), 'node')} without a target got a share of what is left of the parent's."
    both = frame[(frame["source"] == "set") & (frame["history"] > CENT) & (frame["parent_level"] != "")]
    if len(both):
        far = both.assign(away=both["given"] - both["history"]).sort_values("away", key=lambda away: -away.abs(), kind="stable").iloc[0]
        said += f" Farthest from history: {far['level']} {label(far['entity'])}, {signed_money(far['away'], currency)}."
    return said


def tree_rows(book: Book, frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """The frame of `tree` for a table: node, owner (named as in `who`), the measures, marketing_share, budget, spent."""
    measures = [metric for metric in MEASURES if metric in frame]
    owner = [who.get(owner, owner) for owner in frame["owner"]]
    out = frame.assign(node=called(book, frame, who), owner=owner)
    return out[["node", "owner", *measures, "marketing_share", "budget", "spent"]]


def tree_said(book: Book, frame: pd.DataFrame, who: pd.Series) -> str:
    """How many nodes have targets, how many an owner and a profit target, and what marketing would cost? frame: tree."""
    if frame.empty:
        return "The tree is empty."
    owned, currency = (frame["owner"] != "").sum(), book.currency
    profit = frame.reindex(columns=list(PROFITS)).notna().any(axis=1).sum()
    said = f"There are targets for {count(len(frame), 'node')}; {number(owned)} of them with an owner, {number(profit)} with a target for profit."
    whole = frame[(frame["level"] == root(book)[0]) & (frame["entity"] == root(book)[1]) & frame["budget"].notna()]
    if len(whole):
        row = whole.iloc[0]
        said += (
            f" At the {percent(row['marketing_share'])} of sales that marketing took in the comparable months, the whole sales target takes"
        )
        said += f" {money(row['budget'], currency)} of it; {money(row['spent'], currency)} was spent."
    return said


def proposal_rows(book: Book, frame: pd.DataFrame, who: pd.Series, source: str) -> pd.DataFrame:
    """The frame of `proposals` for a table or figure: node, below, given, history, proposed, away (given − history).

    source: `history` for the nodes that nobody set a target for, the largest first; `set` for the others, the farthest from history first.
    """
    rows = frame[frame["source"] == source]
    rows = rows.assign(
        node=called(book, rows, who), below=rows["parent"].where(rows["parent"] != "", BLANK), away=rows["given"] - rows["history"]
    )
    size = rows["proposed"] if source == "history" else rows["away"].abs()
    order = size.sort_values(ascending=False, kind="stable").index
    return rows.loc[order, ["node", "below", "given", "history", "proposed", "away"]].reset_index(drop=True)
