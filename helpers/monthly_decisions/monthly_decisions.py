"""The month for its owner: what changed, what must be decided, and what became of last month's decisions."""

import numpy as np
import pandas as pd

from helpers import text
from helpers.book import Book
from helpers.contract import NOBODY
from helpers.decisions import LOOKS, decide, sentence, shown
from helpers.ratios import margins, ratio

TOTALS = ("net_sales", "gross_profit", "contribution", "operating_profit")
STATES = ("still firing", "gone", "new")
_COSTS = ("low_gross_margin", "margin_decay", "loss_maker")  # rules that need a cost, from product_costs or from the order lines
_TABLES = {
    "slow_stock": ("inventory",), "oversell_risk": ("inventory",), "reorder_now": ("inventory", "products"),
    "payout_mismatch": ("payouts",), "low_profit_per_employee": ("staffing",), "room_to_expand": ("staffing",),
    "target_met_at_a_loss": ("targets",), "off_pace": ("targets",), "easing_off": ("targets",),
}  # fmt: skip


def month_change(book: Book) -> pd.DataFrame:
    """What changed since the month before? One row per subtotal that an owner asks for.

    Columns: line, this_month, last_month, change, change_share (of last month, where that is positive), at_most (this month's figure
    if the goods without a known cost had cost nothing). Without sales in the month before, its columns are blank.
    """
    now, before = book.ladder().iloc[0], book.before()
    was = before.ladder().iloc[0] if before else now * np.nan
    frame = pd.DataFrame(
        {"line": TOTALS, "this_month": [now[line] for line in TOTALS], "last_month": [was[line] for line in TOTALS]}, copy=True
    )
    frame["change"] = frame["this_month"] - frame["last_month"]
    frame["change_share"] = ratio(frame["change"], frame["last_month"])
    return frame.assign(at_most=frame["this_month"] - np.where(frame["line"] == "net_sales", 0.0, now["uncosted_sales"]))


def month_said(book: Book, frame: pd.DataFrame) -> str:
    """Sales and profit of the month, and where they went since the last, in a sentence. frame: month_change."""
    rows, currency = frame.set_index("line"), book.currency
    sales, profit = rows.loc["net_sales"], rows.loc["operating_profit"]
    words = (
        f"{text.money(sales['this_month'], currency)} of net sales left {text.money(profit['this_month'], currency)} of operating profit"
    )
    if profit["at_most"] - profit["this_month"] >= 0.5:
        words += f" (at most {text.money(profit['at_most'], currency)}, since some goods have no known cost)"
    absent = [name for name in ("staffing", "overheads") if name in book.missing]
    words += f" before {text.join_names(absent)}, which {'is' if len(absent) == 1 else 'are'} missing" if absent else ""
    if pd.isna(sales["change"]):
        return f"{words}; there is no month before to compare with."
    moved = [text.signed_money(row["change"], currency) for row in (sales, profit)]
    words += f": {moved[0]} of sales and {moved[1]} of profit since last month"
    apart = sales["change"] * profit["change"] < 0
    return " ".join(filter(None, [f"{words}.", "Sales and profit went opposite ways." if apart else "", _coverage_moved_said(book)]))


def _coverage_moved_said(book: Book) -> str:
    """Is part of the change in profit only better or worse knowledge of costs? Empty where it isn't."""
    before = book.before()
    if before is None:
        return ""
    was, now = (margins(each.ladder())["cost_coverage"].iloc[0] for each in (before, book))
    if pd.isna(was) or pd.isna(now) or abs(now - was) < 0.005:
        return ""
    moved = f"The part of sales with a known cost went from {text.percent(was)} to {text.percent(now)}"
    return f"{moved}, so some of the change in profit is knowledge, not business."


def _levels(book: Book) -> dict[str, str]:
    """Level and dimension of what an owner compares; stores only where there are several."""
    several = book.scope == "company" and len(book.stores) > 1
    return ({"store": "store"} if several else {}) | {"channel": "channel", "team": "team"}


def called(book: Book, levels: pd.Series, entities: pd.Series) -> list[str]:
    """The names of products, and ids of all else."""
    names = book.sql("select product_id, name from products").set_index("product_id")["name"].to_dict()
    return [names.get(entity, entity) if level == "product" else entity for level, entity in zip(levels, entities, strict=True)]


def side_by_side(book: Book, rows: int = 4) -> pd.DataFrame:
    """Do the large ones earn the money? The `rows` largest stores, channels and teams by net sales, and any that lose money.

    Columns: level, entity, who (both, for a chart), net_sales, contribution, contribution_margin, cost_coverage, and as `_judged` adds
    them judged and loses. In a store's scope without stores.
    """
    parts = []
    for level, dimension in _levels(book).items():
        frame = book.ladder([dimension]).rename(columns={dimension: "entity"}).assign(level=level)
        frame = frame[(frame["entity"] != NOBODY[dimension]) & (frame[["net_sales", "contribution"]] != 0).any(axis=1)]
        frame = frame.sort_values(["net_sales", "entity"], ascending=[False, True])
        parts.append(frame[(np.arange(len(frame)) < rows) | (frame["contribution"] < 0)])
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(who=frame["level"] + " " + frame["entity"], contribution_margin=ratio(frame["contribution"], frame["net_sales"]))
    return _judged(book, margins(frame))[
        ["level", "entity", "who", "net_sales", "contribution", "contribution_margin", "cost_coverage", "judged", "loses"]
    ]


def _judged(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """Adds `judged` (enough of its sales have a known cost, or it has none) and `loses` (judged, and its contribution is below 0)."""
    judged = ~(frame["cost_coverage"] < book.policy.product.min_cost_coverage)
    return frame.assign(judged=judged, loses=judged & (frame["contribution"].round(9) < 0))


def _unjudged_said(names: pd.Series) -> str:
    return f"Of {text.join_names(names)} nobody can tell: too little of the sales has a known cost." if len(names) else ""


def side_said(frame: pd.DataFrame, currency: str) -> str:
    """Which of them sell at a loss? frame: side_by_side."""
    if frame.empty:
        return "There is nothing to compare this month."
    sold = frame["net_sales"] > 0
    known, losing, idle = frame[frame["judged"] & sold], frame[frame["loses"] & sold], frame[frame["loses"] & ~sold]
    words = []
    if len(known):
        best = known.loc[known["contribution_margin"].idxmax()]
        who = f"{best['level'].capitalize()} {text.label(best['entity'])}"
        words.append(f"{who} keeps the largest part of its sales: {text.percent(best['contribution_margin'])}.")
    if len(losing):
        least = losing.loc[losing["contribution"].idxmin()]
        most = f"{text.label(least['who'])} with {text.money(least['contribution'], currency)}"
        words.append(
            f"Selling at a loss: {text.join_names(losing['who'])}; most of all {most}."
            if len(losing) > 1
            else f"Selling at a loss: {most}."
        )
    elif len(known):
        words.append("None of those with known costs sells at a loss before people and rent.")
    if len(idle):
        words.append(f"Costs without net sales: {text.join_names(idle['who'])}.")
    doubtful = ~frame["judged"] & (frame["contribution"].round(9) < 0)  # where it isn't, the least that it can be is no loss
    return " ".join([*words, _unjudged_said(frame.loc[doubtful, "who"])]).strip()


def best_sellers(book: Book, rows: int = 10) -> pd.DataFrame:
    """Do the products that sell most earn money? The first `rows` by net sales.

    Columns: rank, product_id, name, net_sales, contribution, cost_coverage, and as `_judged` adds them judged and loses.
    """
    frame = margins(book.ladder(["product_id"]))
    frame = frame[(frame["product_id"] != NOBODY["product_id"]) & (frame["net_sales"] > 0)]
    frame = frame.sort_values(["net_sales", "product_id"], ascending=[False, True], ignore_index=True).head(rows)
    frame = frame.assign(rank=frame.index + 1, name=called(book, pd.Series("product", frame.index), frame["product_id"]))
    return _judged(book, frame)[["rank", "product_id", "name", "net_sales", "contribution", "cost_coverage", "judged", "loses"]]


def best_sellers_said(frame: pd.DataFrame, currency: str) -> str:
    """Which top sellers lose money? frame: best_sellers."""
    if frame.empty:
        return "No product has net sales this month."
    losing = frame[frame["loses"]]
    if len(losing):
        names = [f"{text.label(name)} (number {rank})" for name, rank in zip(losing["name"], losing["rank"], strict=True)]
        words = f"Among the {len(frame)} best sellers {text.join_names(names, width=60)} {'loses' if len(losing) == 1 else 'lose'} money: "
        profit, sales = (text.money(losing[name].sum(), currency) for name in ("contribution", "net_sales"))
        words += f"{profit} of contribution on {sales} of sales."
    else:
        known = int(frame["judged"].sum())
        words = f"None of the {known} best sellers with known costs loses money." if known else ""
    return f"{words} {_unjudged_said(frame.loc[~frame['judged'], 'name'])}".strip()


def drivers(book: Book, rows: int = 8) -> pd.DataFrame:
    """Which stores moved operating profit since the month before? Columns step, change; the changes add up to that of operating profit.

    Contribution by store, or by channel where the scope is one store; the largest `rows` changes by name, the others together; then
    payroll and overheads. Empty when the month before had no sales.
    """
    before = book.before()
    if before is None:
        return pd.DataFrame({"step": pd.Series(dtype=str), "change": pd.Series(dtype=float)})
    dimension = next(iter(_levels(book).values()))
    now, was = (each.ladder([dimension]).set_index(dimension) for each in (book, before))
    change = now["contribution"].sub(was["contribution"], fill_value=0.0)
    change = change[change.abs() > 1e-9].sort_index()
    largest = change.abs().sort_values(ascending=False, kind="stable").index[:rows]
    named, rest = change[largest], change.drop(largest)
    if len(rest):
        named = pd.concat([named, pd.Series({f"{len(rest)} other {dimension}s": rest.sum()})])
    shared = pd.Series({line: now[line].sum() - was[line].sum() for line in ("payroll", "overheads")})
    steps = pd.concat([named, shared[shared.abs() > 1e-9]])
    return pd.DataFrame({"step": [str(step) for step in steps.index], "change": steps.to_numpy(dtype=float)})


def movers(book: Book, rows: int = 10) -> pd.DataFrame:
    """Who changed most since the month before? The largest changes of contribution among stores, channels, teams, categories and products.

    Columns: level, entity, name, net_sales_change, contribution_change. They overlap: a product's change is part of its store's.
    """
    before = book.before()
    columns = ["level", "entity", "name", "net_sales_change", "contribution_change"]
    if before is None:
        return pd.DataFrame(columns=columns)
    parts = []
    for level, dimension in (_levels(book) | {"category": "category", "product": "product_id"}).items():
        now, was = (each.ladder([dimension]).set_index(dimension)[["net_sales", "contribution"]] for each in (book, before))
        change = now.sub(was, fill_value=0.0).add_suffix("_change").rename_axis("entity").reset_index()
        parts.append(change[change["entity"] != NOBODY[dimension]].assign(level=level))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(name=called(book, frame["level"], frame["entity"]), size=frame["contribution_change"].abs())
    return frame.sort_values(["size", "level", "entity"], ascending=[False, True, True], ignore_index=True)[columns].head(rows)


def movers_said(frame: pd.DataFrame, currency: str) -> str:
    """Who pulled contribution up and who down? frame: movers."""
    if frame.empty:
        return "Without a month before, nobody can be named."
    words = []
    for way, row in (("up", frame.loc[frame["contribution_change"].idxmax()]), ("down", frame.loc[frame["contribution_change"].idxmin()])):
        if (row["contribution_change"] if way == "up" else -row["contribution_change"]) > 0.005:
            sales, profit = (text.signed_money(row[name], currency) for name in ("net_sales_change", "contribution_change"))
            words.append(f"{row['level']} {text.label(row['name'])} moved most {way}: {profit} of contribution on {sales} of net sales")
    return text.upper_first("; ".join(words)) + "." if words else "Nobody's contribution changed."


def store_of(order: str, stores: list[str]) -> str:
    """The store of an order that is named as in decisions.csv, store/order; what names no store stays as it is.

    >>> store_of("eu/outlet/7", ["eu", "eu/outlet"]), store_of("eu", ["eu"])
    ('eu/outlet', 'eu')
    """
    return max((store for store in stores if order.startswith(f"{store}/")), key=len, default=order)


def grouped(decisions: pd.DataFrame, stores: list[str]) -> pd.DataFrame:
    """Decisions for an owner: the single orders of `payout_mismatch` as one row per store, with their number and the sum at stake.

    decisions: of `decide`; stores: of the book, to tell a store from an order's number. All else stays; most money first.
    """
    single = decisions["rule"] == "payout_mismatch"
    orders = decisions[single]
    store = [store_of(entity, stores) for entity in orders["entity"]]
    rows = []
    for name, group in orders.groupby(pd.Series(store, orders.index, dtype=object)):
        sums = {"value": float(len(group)), "threshold": 0.0, "money_at_stake": group["money_at_stake"].sum(), "sample_size": len(group)}
        rows.append(group.iloc[0].to_dict() | {"level": "store", "entity": name, "name": name, "metric": "mismatched_orders"} | sums)
    frame = pd.concat([decisions[~single], pd.DataFrame(rows, columns=decisions.columns)], ignore_index=True) if rows else decisions
    return frame.sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


def headlines(decisions: pd.DataFrame) -> pd.DataFrame:
    """Decisions with `headline`, verdict and who, for a chart."""
    words = [verdict.replace("_", " ") for verdict in decisions["verdict"]]
    return decisions.assign(
        headline=[f"{word}: {text.label(name, 28 - len(word))}" for word, name in zip(words, decisions["name"], strict=True)]
    )


def decisions_said(decisions: pd.DataFrame, currency: str) -> str:
    """How much is there to decide, and how sure is it? decisions: grouped."""
    if decisions.empty:
        return "No rule fires this month: there is nothing that the policy asks you to decide."
    clear, who = int((decisions["confidence"] == "clear").sum()), len(decisions[["level", "entity"]].drop_duplicates())
    chances = int((decisions["rule"] == "room_to_expand").sum())
    good = f" {chances} of them {'is a chance, not a loss' if chances == 1 else 'are chances, not losses'}." if chances else ""
    return (
        f"{_many(len(decisions), 'decision')} about {who:,} names, {clear:,} clear and {len(decisions) - clear:,} too close to call.{good}"
    )


def innocents(decisions: pd.DataFrame) -> pd.DataFrame:
    """What may excuse each rule that fired? One row per rule: rule, fired (how often), it_may_be, or, or_else, or_even."""
    rows = []
    for rule, group in decisions.groupby("rule", sort=False):
        excuses = [*group["innocent"].iloc[0][:4], "", "", "", ""][:4]
        rows.append((rule.replace("_", " "), len(group), *excuses))
    return pd.DataFrame(rows, columns=["rule", "fired", "it_may_be", "or", "or_else", "or_even"])


def first_said(decisions: pd.DataFrame, currency: str) -> str:
    """The decision with most money at stake among those that stop a loss, in words; a chance to grow comes only when there is no loss."""
    losses = decisions[decisions["rule"] != "room_to_expand"]
    chosen = losses if len(losses) else decisions
    return sentence(chosen.iloc[0], currency) if len(chosen) else "nothing that the policy asks for."


def _many(count: int, noun: str) -> str:
    """A number with its noun.

    >>> _many(1, "decision"), _many(2, "decision")
    ('1 decision', '2 decisions')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def followed_up(book: Book, decisions: pd.DataFrame) -> pd.DataFrame:
    """What became of last month's decisions? One row per rule and entity that fired in either month, most money first.

    decisions: grouped decisions of the book's month. Columns: state (`still firing`, `gone`, `new`), area, rule, verdict, level, entity,
    name, metric, value_before, value (of this month, also where the rule no longer fires; blank where it is not judged any more),
    stake_before, stake, stake_change. Empty when the month before had no sales.
    """
    key, changes = ["rule", "level", "entity"], ["value_before", "value", "stake_before", "stake", "stake_change"]
    columns = ["state", "area", "rule", "verdict", "level", "entity", "name", "metric", *changes]
    before = book.before()
    if before is None:
        return pd.DataFrame(columns=columns)
    kept = [*key, "area", "verdict", "name", "metric", "value", "money_at_stake"]
    both = grouped(decide(before), book.stores)[kept].merge(
        decisions[kept], on=key, how="outer", suffixes=("_before", ""), indicator="side"
    )
    both["state"] = both["side"].map({"both": "still firing", "left_only": "gone", "right_only": "new"}).astype(str)
    for name in ("area", "verdict", "name", "metric"):
        both[name] = both[name].astype(object).where(both["state"] != "gone", both[f"{name}_before"])
    gone = both["state"] == "gone"
    both.loc[gone, "value"] = _values_now(book, both[gone])
    both = both.assign(stake_before=both["money_at_stake_before"].fillna(0.0), stake=both["money_at_stake"].fillna(0.0))
    both = both.assign(stake_change=both["stake"] - both["stake_before"], size=both[["stake_before", "stake"]].max(axis=1))
    return both.sort_values(["size", *key], ascending=[False, True, True, True], ignore_index=True)[columns]


def _values_now(book: Book, gone: pd.DataFrame) -> list[float]:
    """This month's value of what fired last month and fires no longer."""
    rules, looks, values = book.policy.rules, {}, []
    for _, row in gone.iterrows():
        if row["metric"] == "mismatched_orders":
            values.append(0.0)
            continue
        which = rules[row["rule"]].look
        if which not in looks:
            looks[which] = LOOKS[which](book)
        look = looks[which]
        found = look[(look["level"] == row["level"]) & (look["entity"] == row["entity"])]
        values.append(float(found[row["metric"]].iloc[0]) if len(found) and row["metric"] in found else np.nan)
    return values


def followed_said(frame: pd.DataFrame, book: Book) -> str:
    """How many of last month's decisions still fire? frame: followed_up."""
    if book.before() is None:
        return f"{book.months_back(2)[0]} has no sales here, so {book.month} has no earlier decisions to follow up."
    count = frame["state"].value_counts()
    still, gone, new = (int(count.get(state, 0)) for state in STATES)
    if not still + gone:
        return f"Last month no rule fired; {new:,} {'is' if new == 1 else 'are'} new this month."
    if gone:
        words = f"Of {_many(still + gone, 'decision')} of last month {gone:,} no longer {'fires' if gone == 1 else 'fire'}"
        words += f" and {still:,} still {'does' if still == 1 else 'do'}"
    else:
        words = "The one decision of last month still fires" if still == 1 else f"All {still:,} decisions of last month still fire"
    words += f"; {new:,} {'is' if new == 1 else 'are'} new."
    stuck = frame[(frame["state"] == "still firing") & (frame["rule"] != "room_to_expand")]
    if len(stuck):
        worst = stuck.iloc[0]
        who = "the company" if worst["entity"] == "company" else f"{worst['level']} {text.label(worst['name'])}"
        words += f" Most is at stake where nothing helped yet: {worst['verdict'].replace('_', ' ')} {who},"
        more = text.signed_money(worst["stake_change"], book.currency)
        words += f" {text.money(worst['stake'], book.currency)} a month ({more} since last month)."
    return words


def followed_table(frame: pd.DataFrame, currency: str, rows: int = 20) -> text.Shown:
    """followed_up as a table for a page."""
    value = {name: [shown(m, v, currency) for m, v in zip(frame["metric"], frame[name], strict=True)] for name in ("value_before", "value")}
    small = frame[["state", "verdict", "level", "name", "metric"]].assign(
        verdict=frame["verdict"].str.replace("_", " "), metric=frame["metric"].map(text.title),
        last_month=value["value_before"], this_month=value["value"],
        stake_last_month=frame["stake_before"], stake_this_month=frame["stake"],
    )  # fmt: skip
    kinds = {"last_month": "right", "this_month": "right", "stake_last_month": "money", "stake_this_month": "money"}
    return text.table(small, kinds, currency, rows)


def by_state(frame: pd.DataFrame) -> pd.DataFrame:
    """How many decisions of each area still fire, are gone or are new? area, state, decisions. frame: followed_up."""
    counts = frame.groupby(["area", "state"]).size().rename("decisions").reset_index()
    order = {state: place for place, state in enumerate(STATES)}
    return counts.sort_values(
        ["state", "area"], key=lambda column: column.map(order) if column.name == "state" else column, ignore_index=True
    )


def switched_off(book: Book) -> pd.DataFrame:
    """Which rules can't fire, because a table is missing? rule, verdict, area, missing (tables). Rules that miss only a part still fire."""
    no_cost = "product_costs" in book.missing and not book.sql("select count(unit_cost) as n from order_lines")["n"][0]
    needs = _TABLES | (dict.fromkeys(_COSTS, ("product_costs",)) if no_cost else {})
    rows = []
    for name, rule in book.policy.rules.items():
        absent = [table for table in needs.get(name, ()) if table in book.missing]
        if absent:
            rows.append((name.replace("_", " "), rule.verdict.replace("_", " "), rule.area, ", ".join(absent)))
    return pd.DataFrame(rows, columns=["rule", "verdict", "area", "missing"])


def switched_off_said(frame: pd.DataFrame) -> str:
    """frame: switched_off."""
    if frame.empty:
        return "Every rule has the tables that it needs, so silence means that it didn't fire."
    tables = sorted({table for tables in frame["missing"] for table in tables.split(", ")})
    silent = f"{_many(len(frame), 'rule')} can't fire, so silence about {text.join_names(frame['rule'], 8)} means nothing"
    return f"{silent}: add {text.join_names(tables, 8)}."
