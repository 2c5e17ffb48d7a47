"""Targets under test: do the parts add up to the whole, and is each target specific, measurable, achievable, relevant and time-bound?

Nodes, parents and history are those of helpers.targets; the functions that end in `_said` read a frame aloud, true for any data.
"""

import numpy as np
import pandas as pd

from helpers.book import SPREAD_DIMENSIONS, Book, remembered
from helpers.capital_and_cash.capital import WHOLE, visible
from helpers.facts import LEVELS, nobody, untold
from helpers.policy import Target
from helpers.ratios import costed, ratio
from helpers.targets_and_pacing.targets import (
    CENT,
    COUNTS,
    MIXED,
    PROFITS,
    RECENT,
    belongs,
    called,
    comparable,
    history,
    nodes,
    proposed,
    root,
    usual_parent,
)
from helpers.text import count, join_names, label, money, number, percent, title

TESTS = ("specific", "measurable", "achievable", "relevant", "time_bound")
AIR, FEW = "pulled from the air", "too little history"


# ---- do the parts add up --------------------------------------------------------------------------------------------------------


@remembered
def gaps(book: Book) -> pd.DataFrame:
    """Do the children's targets add up to their parent's? One row per parent, level of children and measure; then levels as a whole.

    compared (`parent`, or `level` where a whole level is held against the root though its parents stand between), parent_level, parent,
    level, metric, children (with a target), asked (their sum), parent_target, gap (asked − parent's: negative = the children ask for
    less), others (entities of that level that history knows and nobody set a target for), first (the largest of them; it may be what
    belongs to nobody), expected (what history would ask of them),
    state: `adds up`, `overlap` (the children ask for more), `gap` (for less, and nobody else is there to bring it), `open` (for
    less, and the others are there to bring it), `parent without target`.
    Orders and new customers are not compared over products and categories, which share orders.
    """
    frame, top, group_of = nodes(book), root(book), belongs(book)
    frame = frame[~(frame["metric"].isin(COUNTS) & frame["level"].isin(MIXED))]
    given = {(row.level, row.entity, row.metric): row.target for row in frame.itertuples()}
    every = set(zip(frame["level"], frame["entity"], strict=True))
    children = frame[(frame["parent_level"] != "") & (frame["parent_level"] != "unknown") & (frame["depth"] > 0)]
    rows = []
    for (level, metric), part in children.groupby(["level", "metric"], sort=False):
        asked = proposed(book, level, metric)
        others = asked[(asked > CENT) & ~asked.index.isin(part["entity"])]  # what belongs to nobody is one of them
        if level == "campaign":  # others were of other months
            others = others[others.index == nobody(level)]
        homes = [usual_parent(level, entity, group_of, every, top) for entity in others.index]
        tellable = bool(len(asked)) and bool(asked.notna().any())
        for (parent_level, parent), mine in part.groupby(["parent_level", "parent"], sort=False):
            here = others[[home == (parent_level, parent) for home in homes]]
            rows.append(_compared("parent", parent_level, parent, level, metric, mine, given, here, tellable))
        if set(zip(part["parent_level"], part["parent"], strict=True)) != {top}:
            rows.append(_compared("level", *top, level, metric, part, given, others, tellable))
    columns = ["compared", "parent_level", "parent", "level", "metric", "children", "asked", "parent_target", "gap", "others", "first",
               "expected", "state"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _compared(compared, parent_level, parent, level, metric, children, given, others, tellable) -> dict:
    asked, whole = children["target"].sum(), given.get((parent_level, parent, metric), np.nan)
    gap = round(asked - whole, 4)
    if pd.isna(gap):
        state = "parent without target"
    elif abs(gap) <= CENT:
        state = "adds up"
    else:
        state = "overlap" if gap > 0 else "open" if len(others) or not tellable else "gap"
    return {
        "compared": compared, "parent_level": parent_level, "parent": parent, "level": level, "metric": metric, "children": len(children),
        "asked": asked, "parent_target": whole, "gap": gap, "others": len(others),
        "first": others.idxmax() if len(others) else "", "expected": others.sum() if tellable else np.nan, "state": state,
    }  # fmt: skip


@remembered
def smart(book: Book) -> pd.DataFrame:
    """Is each target specific, measurable, achievable, relevant and time-bound? `yes`, or in words what is missing.

    level, entity, metric, target, owner; typical, low and high (median, and the policy's percentiles of the comparable months), highest
    (of them), percentile (part of them below the target), comparable (how many); specific (owned, and the entity is known),
    measurable (above zero, told apart at the level, costs known where it is about profit), achievable (`easy`, `a stretch`, `pulled
    from the air` where no comparable month comes near, `too little history`), relevant (adds up with its siblings, and a sales
    target has a profit target beside it), time_bound (a target is a row of one month, so it always is), passed (of the five).
    """
    policy, frame = book.policy, nodes(book)
    state = {(row.parent_level, row.parent, row.level, row.metric): row for row in gaps(book).query("compared == 'parent'").itertuples()}
    aimed = {(row.level, row.entity) for row in frame[frame["metric"].isin(PROFITS)].itertuples()}
    known = {level: _known(book, level) for level in frame["level"].unique()}
    coverage = {level: _coverage(book, level) for level in known}
    young, rows = sum(month < book.month for month in book.months) < RECENT, []
    told = {pair for pair in set(zip(frame["level"], frame["metric"], strict=True)) if not untold(book, *pair)}
    for row in frame.itertuples():
        tellable = (row.level, row.metric) in told
        past = _comparable_of(book, row.level, row.entity, row.metric) if tellable else pd.Series(dtype=float)
        low, high = (float(past.quantile(q)) if len(past) else np.nan for q in (policy.target.min_percentile, policy.target.max_percentile))
        highest = past.max() if len(past) else np.nan
        away = past - row.target
        below = float((away < -CENT).mean() + (away.abs() <= CENT).mean() / 2) if len(past) else np.nan
        rows.append({
            "level": row.level, "entity": row.entity, "metric": row.metric, "target": row.target, "owner": row.owner,
            "typical": past.median(), "low": low, "high": high, "highest": highest, "percentile": below, "comparable": len(past),
            "specific": f"no such {row.level}" if row.entity not in known[row.level] else "yes" if row.owner else "nobody owns it",
            "measurable": _measurable(book, row, tellable, coverage[row.level].get(row.entity, np.nan)),
            "achievable": achievable(row.target, below, highest, len(past), policy.target) if tellable and not young else FEW,
            "relevant": _relevant(row, state.get((row.parent_level, row.parent, row.level, row.metric)), (row.level, row.entity) in aimed),
            "time_bound": "yes",
        })  # fmt: skip
    columns = ["level", "entity", "metric", "target", "owner", "typical", "low", "high", "highest", "percentile", "comparable", *TESTS]
    out = pd.DataFrame(rows, columns=columns)
    return out.assign(passed=(out[list(TESTS)] == "yes").sum(axis=1).astype("int64"))


def _known(book: Book, level: str) -> set[str]:
    """Ids that the data know at a level: from sales, stock and spend, and from the lists of products, people, campaigns and teams."""
    lists = {"product": "select product_id as id from products", "employee": "select employee_id as id from employees union select employee_id from staffing",
             "campaign": "select campaign_id as id from campaigns", "team": "select distinct team as id from staffing"}  # fmt: skip
    listed = set(book.sql(lists[level])["id"]) if level in lists else set()
    return listed | set(history(book, level)["entity"]) | ({"company"} if level == "company" else set())


def _comparable_of(book: Book, level: str, entity: str, metric: str) -> pd.Series:
    frame = comparable(book, level, metric)
    return frame[entity].dropna() if entity in frame else pd.Series(dtype=float)


def _measurable(book: Book, row, tellable: bool, coverage: float) -> str:
    least = book.policy.product.min_cost_coverage
    if row.target <= 0:
        return "zero or less"
    if row.metric == "collections" and row.level in LEVELS and row.level not in WHOLE:
        followed = visible(book, row.level).get(row.entity, 0.0)  # only what is paid by order leads to a person or a product
        return "yes" if followed >= least else f"{percent(followed, 0)} paid by order"
    if not tellable:
        return "not told apart here"
    return f"cost known for {percent(coverage, 0)}" if row.metric in PROFITS and coverage < least else "yes"


def _coverage(book: Book, level: str) -> dict[str, float]:
    """Cost coverage of each entity over this month and the three before."""
    dimension = LEVELS.get(level)
    if level not in LEVELS or dimension not in (None, *SPREAD_DIMENSIONS):
        return {}
    frame = book.ladder([dimension] if dimension else [], book.months_back(RECENT + 1), orders=False)
    known = ratio(costed(frame), frame["net_sales"])
    return dict(zip(frame[dimension] if dimension else ["company"], known, strict=True))


def achievable(target: float, percentile: float, highest: float, months: int, policy: Target) -> str:
    """Where a target lies in its comparable months, in words.

    percentile: part of the months below the target; highest: the best of them; months: how many there are.

    >>> from helpers.policy import load_policy
    >>> policy = load_policy().target
    >>> [achievable(target, below, 125, 12, policy) for target, below in ((70, 0.0), (100, 0.5), (130, 1.0), (140, 1.0))]
    ['easy', 'yes', 'a stretch', 'pulled from the air']
    >>> achievable(100, 0.5, 125, 2, policy), achievable(100, float("nan"), float("nan"), 0, policy)
    ('too little history', 'pulled from the air')
    """
    if months == 0:
        return AIR
    if months < RECENT:
        return FEW
    if percentile <= policy.max_percentile:
        return "easy" if percentile < policy.min_percentile else "yes"
    return AIR if target > max(highest * policy.max_stretch, CENT) else "a stretch"


def _relevant(row, state, profit_beside: bool) -> str:
    if row.parent_level == "unknown":
        return "names a parent without target"
    if row.depth < 0:
        return "its parents form a circle"
    if state is not None and state.state in ("overlap", "gap"):
        words = money if row.metric not in COUNTS else lambda x, _: number(x)
        return f"siblings {words(abs(state.gap), '')} {'over' if state.gap > 0 else 'short'}"
    if state is not None and state.state == "parent without target":
        return "parent has none"
    return "no profit target" if row.metric == "net_sales" and not profit_beside else "yes"


# ---- for readers ----------------------------------------------------------------------------------------------------------------

_PLURAL = {"category": "categories", "company": "companies"}


def gap_shares(frame: pd.DataFrame, metric: str = "net_sales") -> pd.DataFrame:
    """What part of their parent's target do children ask for, all together? children (`stores of company`), share; the largest first."""
    rows = frame[(frame["metric"] == metric) & (frame["parent_target"] > 0)]
    below = [
        parent if level == "company" else f"{level} {parent}" for level, parent in zip(rows["parent_level"], rows["parent"], strict=True)
    ]
    names = [f"{_PLURAL.get(level, level + 's')} of {parent}" for level, parent in zip(rows["level"], below, strict=True)]
    out = pd.DataFrame({"children": names, "share": rows["asked"] / rows["parent_target"]})
    return out.sort_values("share", ascending=False, kind="stable", ignore_index=True)


_RANK = {"overlap": 0, "gap": 1, "open": 2, "parent without target": 3, "adds up": 4}


def gap_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `gaps` for a table: what (children and measure), below (their parent), children, asked, parent_target, gap, others,
    expected, state; what does not add up first, then by money."""
    below = [
        parent if level == "company" else f"{level} {parent}" for level, parent in zip(frame["parent_level"], frame["parent"], strict=True)
    ]
    what = [f"{_PLURAL.get(level, level + 's')}: {title(metric)}" for level, metric in zip(frame["level"], frame["metric"], strict=True)]
    out = frame.assign(what=what, below=below, _rank=frame["state"].map(_RANK), _size=-frame["gap"].abs())
    columns = ["what", "below", "children", "asked", "parent_target", "gap", "others", "expected", "state"]
    return out.sort_values(["_rank", "_size"], kind="stable", ignore_index=True)[columns]


def gaps_said(frame: pd.DataFrame, currency: str) -> str:
    """Which targets don't add up to what they are part of? frame: gaps."""
    known = frame[frame["state"] != "parent without target"]
    if known.empty:
        return "No target here is part of another, so there is nothing to add up."
    said = f"Of {count(len(known), 'sum')} of targets, {number((known['state'] == 'adds up').sum())} come to the parent's to the last cent."
    for state, words in (("overlap", "more than"), ("gap", "less than")):
        wrong = known[(known["state"] == state)]
        for row in wrong.sort_values("gap", key=lambda gap: -gap.abs(), kind="stable").head(2).itertuples():
            amount = number(abs(row.gap)) if row.metric in COUNTS else money(abs(row.gap), currency)
            parent = "the company" if row.parent_level == "company" else f"{row.parent_level} {label(row.parent)}"
            said += (
                f" In {title(row.metric)}, {count(row.children, row.level, _PLURAL.get(row.level, ''))} ask for {amount} {words} {parent}."
            )
    left = known[(known["state"] == "open") & (known["compared"] == "parent") & (known["metric"] == "net_sales")]
    if len(left):
        row = left.loc[left["gap"].idxmin()]
        said += f" {money(-row['gap'], currency)} of {label(row['parent'])} is left to {_those(row)}"
        said += f", of which history would ask {money(row['expected'], currency)}." if pd.notna(row["expected"]) else "."
    return said


def _those(row: pd.Series) -> str:
    if row["others"] == 1 and row["first"] == nobody(row["level"]):
        return f"sales that belong to no {row['level']}"
    return (
        f"{number(row['others'])} {row['level'] if row['others'] == 1 else _PLURAL.get(row['level'], row['level'] + 's')} without a target"
    )


def smart_rows(book: Book, frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """The frame of `smart` for a table: who, metric, target, percentile, the tests, passed; the weakest first, then the largest target.

    Net sales targets come before the others with as many tests passed."""
    out = frame.assign(who=called(book, frame, who), metric=frame["metric"].map(title), _sales=frame["metric"] != "net_sales")
    out = out.sort_values(["passed", "_sales", "target"], ascending=[True, True, False], kind="stable", ignore_index=True)
    return out[["who", "metric", "target", "percentile", *TESTS[:4], "passed"]]


def smart_ranges(book: Book, frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """The sales targets of `smart` that history can judge, as parts of their typical comparable month: who, target, low, high, air (bool).

    Farthest above it first."""
    known = frame[(frame["metric"] == "net_sales") & (frame["typical"] > CENT) & (frame["comparable"] >= RECENT)]
    parts = {column: known[column] / known["typical"] for column in ("target", "low", "high")}
    out = known.assign(who=called(book, known, who), air=known["achievable"] == AIR, **parts)
    return out.sort_values("target", ascending=False, kind="stable", ignore_index=True)[["who", "target", "low", "high", "air"]]


def smart_said(book: Book, frame: pd.DataFrame, who: pd.Series, currency: str) -> str:
    """How many targets pass all five tests, what most of the others lack, and which was pulled from the air? frame: smart."""
    if frame.empty:
        return "There is no target to test."
    said = f"Of {count(len(frame), 'target')}, {number((frame['passed'] == len(TESTS)).sum())} pass all five tests."
    lack = frame[list(TESTS)].ne("yes").sum().sort_values(ascending=False, kind="stable")
    if lack.iloc[0]:
        why = (
            frame.loc[frame[lack.index[0]] != "yes", lack.index[0]].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        )
        words = join_names([f"{reason} ({number(times)})" for reason, times in why.items()], 3, 60)
        said += f" Most fail for not being {lack.index[0]} ({number(lack.iloc[0])}): {words}."
    air = frame.assign(counted=frame["metric"].isin(COUNTS))
    air = air[air["achievable"] == AIR].sort_values(["counted", "target"], ascending=[True, False], kind="stable")
    if len(air):
        past = air[air["comparable"] > 0]
        row = (past if len(past) else air).iloc[0]
        highest, target = (number(row[name]) if row["counted"] else money(row[name], currency) for name in ("highest", "target"))
        support = f"no comparable month came above {highest}" if row["comparable"] else "there is no comparable month"
        said += f" Pulled from the air: {number(len(air))}, for example {label(called(book, row.to_frame().T, who).iloc[0])} with"
        said += f" {target} of {title(row['metric'])}: {support}."
    else:
        said += " None was pulled from the air."
    return said
