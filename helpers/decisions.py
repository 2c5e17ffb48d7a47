"""Decisions: the policy's rules fired over the month's facts, each with its evidence and the money at stake."""

import zlib

import numpy as np
import pandas as pd

from helpers import buyers, text
from helpers.book import Book, dimension_sql, kept, remembered
from helpers.capital_and_cash import capital
from helpers.contract import NOBODY
from helpers.facts import LEVELS, WINDOW, facts, month_targets, nobody, people_ladder, untold
from helpers.metrics import METRICS
from helpers.policy import Rule
from helpers.ratios import costed, margins, ratio
from helpers.stock_and_fulfilment import stock
from helpers.targets_and_pacing import forecast
from helpers.team_efficiency import easing

COLUMNS = ["scope", "month", "area", "entity", "rule", "verdict", "metric", "value", "threshold", "money_at_stake", "sample_size",
           "confidence", "owner", "action"]  # fmt: skip
"""Columns of decisions.csv."""
EVIDENCE_COLUMNS = ["level", "name", "low", "high", "side", "money_says", "innocent"]
"""What the frame of `decide` has beside them; low and high are the ends of the interval."""


_FLOATS = ("value", "threshold", "money_at_stake", "low", "high")


def decide(book: Book, area: str | None = None) -> pd.DataFrame:
    """Every rule of the policy (or of one area) fired over the book's month, most money at stake first.

    A rule whose tables are missing does not fire. `confidence` is `close` when the interval of a bootstrap over orders holds the
    threshold, or when there are fewer orders than the policy's `min_orders`; a count of stock or money received is `clear`.
    """
    areas = dict.fromkeys(rule.area for rule in book.policy.rules.values() if area in (None, rule.area))
    frames = [kept(book, f"decisions-{one}", lambda one=one: _decide(book, one)) for one in areas]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*COLUMNS, *EVIDENCE_COLUMNS])
    frame = frame.assign(innocent=[book.policy.rules[name].innocent for name in frame["rule"]])
    return frame.sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


def _decide(book: Book, area: str) -> pd.DataFrame:
    thresholds = book.policy.thresholds()
    looks: dict[str, pd.DataFrame] = {}
    fired, columns = [], [*COLUMNS, *EVIDENCE_COLUMNS[:-1]]
    for name, rule in book.policy.rules.items():
        if rule.area != area:
            continue
        if rule.look not in looks:
            looks[rule.look] = LOOKS[rule.look](book)
        hits = fire(looks[rule.look], rule, thresholds)
        if len(hits):
            hits = _with_evidence(book, name, rule, hits.assign(rule=name))
            fired.append(hits[[column for column in columns if column in hits]])
    frame = pd.concat(fired, ignore_index=True) if fired else pd.DataFrame(columns=columns)
    named = _named(book, frame.assign(scope=book.scope, month=book.month)[columns])
    return named.astype({name: "float" if name in _FLOATS else "int" if name == "sample_size" else "str" for name in named})


def for_file(decisions: pd.DataFrame) -> pd.DataFrame:
    """The columns of decisions.csv. Where a rule looks at several levels, its area is the level, so that an entity can be told."""
    return decisions.assign(area=decisions["area"].where(~decisions["area"].isin(["team", "target"]), decisions["level"]))[COLUMNS]


def fire(look: pd.DataFrame, rule: Rule, thresholds: dict) -> pd.DataFrame:
    """The rows of a look for which the rule fires, with area, verdict, metric, value, threshold, money_at_stake, side and action.

    Empty where the look lacks a column that the rule needs: a table is missing.
    """
    # Sums of floats are off in the 16th digit; exactly 30 % must pass all the same, as it does on paper, and a loss of 0 is none.
    numbers = look.select_dtypes("number").columns
    places = {name: 12 if _UNITS.get(name) == "ratio" or name in _SHARES else 6 for name in numbers}
    frame = look.drop(columns=numbers).join(look[numbers].round(places))
    try:
        hits = look[frame.eval(rule.fires, resolvers=[thresholds]).astype(bool)] if len(frame) else look
    except pd.errors.UndefinedVariableError:  # a table that the rule needs is missing
        return look.iloc[:0]
    if hits.empty:
        return hits
    money, threshold = hits.eval(rule.money, resolvers=[thresholds]).astype(float), hits.eval(rule.threshold, resolvers=[thresholds])
    return hits.assign(
        area=rule.area, verdict=rule.verdict, metric=rule.metric, value=hits[rule.metric].astype(float), threshold=threshold,
        money_at_stake=money.where(money.abs() > 1e-9, 0.0), side=rule.side, money_says=rule.money_says,
        action=hits["action"] if "action" in hits else rule.action,
    )  # fmt: skip


def _named(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """The names of products and people, and the owners of products, where the facts that a rule looked at had none."""
    if frame.empty:
        return frame
    about = book.sql(
        """select 'product' as level, product_id as entity, name, coalesce(owner, '') as owner from products
           where product_id in (select unnest($entities))
           union all
           select 'employee', employee_id, name, '' from employees where employee_id in (select unnest($entities)) order by all""",
        entities=frame["entity"].unique().tolist(),
    ).set_index(["level", "entity"])
    keys = list(zip(frame["level"], frame["entity"], strict=True))
    names, owners = about["name"].to_dict(), about["owner"].to_dict()
    return frame.assign(
        name=[names.get(key, name) if name == key[1] else name for key, name in zip(keys, frame["name"], strict=True)],
        owner=[owner or owners.get(key, "") for key, owner in zip(keys, frame["owner"], strict=True)],
    )


def _with_evidence(book: Book, name: str, rule: Rule, hits: pd.DataFrame) -> pd.DataFrame:
    hits = hits if "low" in hits else hits.assign(low=np.nan, high=np.nan)
    for column in ("owner", "name"):
        hits[column] = hits[column].fillna("") if column in hits else ""
    hits["name"] = hits["name"].where(hits["name"] != "", hits["entity"])
    if name in EVIDENCE:
        for level, group in hits.groupby("level"):
            low, high, size = EVIDENCE[name](book, level, group)
            hits.loc[group.index, "low"], hits.loc[group.index, "high"], hits.loc[group.index, "sample_size"] = low, high, size
    if "sample_size" not in hits:
        hits["sample_size"] = 1
    hits["sample_size"] = hits["sample_size"].fillna(0).astype(int)
    # The doubt is about the loss, not about the sales; and about the landing, not about its probability.
    limit = {"target_met_at_a_loss": 0.0, "off_pace": 1.0}.get(name, hits["threshold"])
    inside = (hits["low"] <= limit) & (limit <= hits["high"])
    few = (name in EVIDENCE) & (hits["sample_size"] < book.policy.evidence.min_orders) & np.isfinite(hits["value"])
    return hits.assign(confidence=np.where(inside | few, "close", "clear"))


# ---- what people read ----------------------------------------------------------------------------------------------------------

_UNITS = {metric.name: metric.unit for metric in METRICS} | {"available": "count", "cover_days": "days", "mismatched_orders": "count"}
# A payout's `difference` is in the order's own currency, so it is shown as a bare number, like a ratio.
_KINDS = {"ratio": "ratio", "count": "number", "days": "days", "money": "money", "per year": "money"}
_SHARES = ("gross_margin", "promotion_share", "cost_coverage", "attainment", "attainment_probability", "margin_fall", "level_after_target",
           "at_risk_share", "repeat_rate")  # fmt: skip


def shown(metric: str, value: float, currency: str) -> str:
    """A metric's value as people write it.

    >>> shown("gross_margin", 0.295, "CNY"), shown("inventory_days", 61, "CNY"), shown("contribution", -1200, "CNY")
    ('29.5%', '61 days', '−CNY 1,200')
    """
    if metric in _SHARES:
        return text.percent(value)
    kind = _KINDS[_UNITS.get(metric, "ratio")]
    return text.money(value, currency) if kind == "money" else text.days(value) if kind == "days" else text.show(value, kind)


def reason(decision: pd.Series, currency: str, between: str = " against ") -> str:
    """What was found and where the line is."""
    value, threshold = (shown(decision["metric"], decision[name], currency) for name in ("value", "threshold"))
    if decision["metric"] == "attainment_probability":  # 0 only where the month is over
        return "the month's target was missed" if decision["value"] == 0 else f"the month's target is reached with a probability of {value}"
    metric = text.title(decision["metric"]).removesuffix(" days")  # the value names them
    return f"{metric} {value}{between}{threshold}"


def sentence(decision: pd.Series, currency: str) -> str:
    """One decision in words: what, who, why, and what it is worth a month.

    The name in it is untrusted text in one clean line; escape it for HTML or Markdown as any other value.
    """
    who = decision["level"] if decision["entity"] == "company" else f"{decision['level']} {text.label(decision['name'])}"
    who += f" in {text.label(decision['scope'])}" if decision["scope"] not in ("company", decision["entity"]) else ""
    return (
        f"{decision['verdict'].replace('_', ' ').capitalize()} – {who}: {reason(decision, currency)}"
        f" ({decision['confidence']}); {text.money(decision['money_at_stake'], currency)} a month at stake: {decision['action']}."
    )


def decision_table(decisions: pd.DataFrame, currency: str, rows: int = 20) -> text.Shown:
    """Decisions as a table for a page, in the order given."""
    every, decisions = len(decisions), decisions.head(rows)
    frame = pd.DataFrame(
        {
            "verdict": decisions["verdict"].str.replace("_", " "),
            "level": [
                level if scope in ("company", entity) else f"{level}, this store"
                for level, scope, entity in decisions[["level", "scope", "entity"]].itertuples(index=False)
            ],
            "who": decisions["name"],
            "metric": decisions["metric"].map(text.title),
            "value": [shown(m, v, currency) for m, v in zip(decisions["metric"], decisions["value"], strict=True)],
            "threshold": [shown(m, v, currency) for m, v in zip(decisions["metric"], decisions["threshold"], strict=True)],
            "at_stake": decisions["money_at_stake"],
            "sample": decisions["sample_size"],
            "confidence": decisions["confidence"],
            "action": decisions["action"],
        }
    )
    return text.table(
        frame, {"value": "right", "threshold": "right", "at_stake": "money", "sample": "number", "action": "words"}, currency, rows, every
    )


# ---- what the rules look at ----------------------------------------------------------------------------------------------------


@remembered
def listed(book: Book) -> pd.DataFrame:
    """Every product known by its list, a sale or stock: entity, name, owner, since (its launch, else the first day that it sold or lay in stock)."""
    return book.sql(
        """select product_id as entity, coalesce(name, product_id) as name, owner, coalesce(launched_on, seen) as since from (
               select product_id, min(day) as seen from (
                   select product_id, day from ledger where kind = 'sale' union all select product_id, date from stock) group by product_id)
           full join products using (product_id)"""
    )


def margin_falls(frame: pd.DataFrame, months: list[str]) -> pd.DataFrame:
    """How far did each gross margin fall over two months? month, entity, margin_fall, fell_twice (in both of them).

    frame: month, entity, gross_margin; months: calendar months without a gap, of which the first two have no row to look back to.
    """
    margin = frame.pivot(index="month", columns="entity", values="gross_margin").reindex(months)
    last, before = margin.shift(1), margin.shift(2)
    falls = {"margin_fall": (before - margin).stack(), "fell_twice": ((before > last + 1e-9) & (last > margin + 1e-9)).stack()}
    return pd.DataFrame(falls).rename_axis(["month", "entity"]).reset_index()


@remembered
def products(book: Book) -> pd.DataFrame:
    """Facts of each product: its metrics, age_days, costed_sales, margin_fall over two months, fell_twice, owner, name."""
    frame, months = facts(book, "product"), book.months_back(3)
    frame = frame[frame["entity"] != NOBODY["product_id"]]
    falls = margin_falls(margins(book.ladder(["month", "product_id"], months, orders=False)).rename(columns={"product_id": "entity"}), months)
    frame = frame.merge(falls[falls["month"] == book.month].drop(columns="month"), on="entity", how="left")
    frame = frame.merge(listed(book), on="entity", how="left")
    return frame.assign(
        level="product",
        sample_size=frame["orders"],
        age_days=(book.last_day - pd.to_datetime(frame["since"])).dt.days,
        costed_sales=costed(frame),
        **({"cogs_90": frame["cogs_90"].clip(lower=0)} if "cogs_90" in frame else {}),
        fell_twice=frame["fell_twice"].eq(True),
    )


def channels(book: Book) -> pd.DataFrame:
    """Facts of each channel, with what promotion cost as positive amounts."""
    frame = facts(book, "channel")
    frame = frame[frame["entity"] != NOBODY["channel"]]
    return frame.assign(
        level="channel", sample_size=frame["orders"], marketing_cost=-frame["marketing"], commission_cost=-frame["commissions"]
    )


def employers(book: Book) -> pd.DataFrame:
    """Facts of company, stores and teams: who employs people and can be read per head."""
    frames = [facts(book, level).assign(level=level) for level in ("company", "store", "team")]
    frame = pd.concat(frames, ignore_index=True)
    return frame[frame["entity"] != frame["level"].map(nobody)].assign(sample_size=lambda f: f["orders"])


def targets(book: Book) -> pd.DataFrame:
    """Facts of every entity that has a sales target in the month, with the target's owner."""
    set_for = month_targets(book).query("metric == 'net_sales'")[["level", "entity", "owner"]]
    levels = [level for level in LEVELS if level in set(set_for["level"])]
    frames = [facts(book, level).assign(level=level) for level in levels]
    frame = pd.concat([pd.DataFrame(columns=["level", "entity"]), *frames], ignore_index=True)
    return frame.merge(set_for, on=["level", "entity"], how="inner")


MISSED = "find the cause of the gap before the next target is set, and leave this one as it was"


def paces(book: Book) -> pd.DataFrame:
    """Facts of every sales target that can be reached: attainment_probability (1 or 0 when the month is over), shortfall (expected, of
    net sales), contribution_rate (of the sales so far, not below 0); low and high are the 95 % interval of the landing ÷ target."""
    frame = forecast.attainment_probabilities(book, month_targets(book).query("metric == 'net_sales' and level != 'segment'"))
    told = [level for level in sorted(set(frame["level"])) if not untold(book, level, "net_sales")]
    sums = [facts(book, level)[["entity", "net_sales", "contribution", "orders"]].assign(level=level) for level in told]
    frame = (
        frame.merge(pd.concat(sums), on=["level", "entity"], how="left")
        if sums
        else frame.assign(net_sales=0.0, contribution=0.0, orders=0)
    )
    return frame.assign(
        attainment_probability=frame["probability"].astype(float),
        contribution_rate=ratio(frame["contribution"], frame["net_sales"]).clip(lower=0).fillna(0),
        low=frame["low_95"] / frame["target"],
        high=frame["high_95"] / frame["target"],
        sample_size=frame["orders"],
        action=np.where(frame["finished"].astype(bool), MISSED, book.policy.rules["off_pace"].action),
    )


def people(book: Book) -> pd.DataFrame:
    """Facts of each person with a sales target: what selling does after the target is reached, and what a unit of sales contributes."""
    frame = easing.easing(book).merge(facts(book, "employee")[["entity", "contribution", "base"]], on="entity", how="left")
    names = book.sql("select employee_id as entity, name from employees")
    return frame.merge(names, on="entity", how="left").assign(
        level="employee",
        sample_size=frame["days_after"],
        contribution_rate=ratio(frame["contribution"], frame["base"]).clip(lower=0).fillna(0),
    )


LOOKS = {
    "products": products,
    "channels": channels,
    "employers": employers,
    "targets": targets,
    "paces": paces,
    "people": people,
    "stocks": lambda book: stock.oversold(book).assign(level="product"),
    "replenishment": lambda book: stock.replenishment(book).assign(level="product"),
    "payouts": lambda book: capital.payout_gaps(book).assign(level="order"),
    "regulars": buyers.at_risk,
}

# ---- how sure: a bootstrap over orders -----------------------------------------------------------------------------------------


def bootstrap(sums: np.ndarray, statistic, draws: int, confidence: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of `statistic(totals)` when orders are drawn anew with replacement.

    sums: orders × quantities, or entities × orders × quantities; entities of equally many orders share the draws, and each has an end of its
    own. statistic: takes the totals of each quantity (quantities × … × draws), gives … × draws. Percentile interval (Efron 1979).

    >>> low, high = bootstrap(np.ones((50, 1)), lambda totals: totals[0], 200, 0.95, seed=1)
    >>> float(low), float(high)
    (50.0, 50.0)
    """
    *entities, orders, _ = sums.shape
    if not orders:
        return np.full(entities, np.nan), np.full(entities, np.nan)
    counts = np.random.default_rng(seed).multinomial(orders, np.full(orders, 1 / orders), size=draws).astype(float)
    # Orders last, so that the sum runs over neighbours in memory: ten times as fast.
    totals = np.einsum("ij,...kj->...ki", counts, np.ascontiguousarray(np.swapaxes(sums, -1, -2)))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.asarray(statistic(np.moveaxis(totals, -2, 0)))
    values = np.where(np.isfinite(values), values, np.nan)
    wanted, ends = [(1 - confidence) / 2, (1 + confidence) / 2], np.full((2, *entities), np.nan)
    whole, some = ~np.isnan(values).any(axis=-1), ~np.isnan(values).all(axis=-1)
    ends[:, whole] = np.quantile(values[whole], wanted, axis=-1)
    ends[:, some & ~whole] = np.nanquantile(values[some & ~whole], wanted, axis=-1)
    return ends[0], ends[1]


def _intervals(book: Book, rule: str, hits: pd.DataFrame, orders: pd.DataFrame, columns: list[str], statistic) -> tuple:
    """Interval and number of orders for each hit; `statistic(totals, hits)` has the columns' totals (columns × hits × draws) and the hits'
    figures (each hits × 1)."""
    evidence = book.policy.evidence
    orders = orders[orders["entity"].isin(hits["entity"])]
    sums, counts = orders[columns].to_numpy(float), orders["orders"].to_numpy()
    parts = orders.groupby("entity").indices
    rows = [parts.get(entity, []) for entity in hits["entity"]]
    numbers = {name: hits[[name]].to_numpy(float) for name in hits.select_dtypes("number")}
    low, high, size = np.full(len(hits), np.nan), np.full(len(hits), np.nan), np.array([int(counts[each].sum()) for each in rows])
    lengths = np.array([len(each) for each in rows])
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        for some in np.array_split(same, -(-len(same) // 500)):  # more at once would need more memory than it saves time
            figures = {name: column[some] for name, column in numbers.items()}
            low[some], high[some] = bootstrap(
                np.stack([sums[rows[each]] for each in some]), lambda totals, figures=figures: statistic(totals, figures),
                evidence.resamples, evidence.confidence, zlib.crc32(f"{rule}/{length}".encode()),
            )  # fmt: skip
    return low, high, size


@remembered
def _month_orders(book: Book, level: str, month: str | None = None) -> pd.DataFrame:
    return book.order_sums(LEVELS[level], "l.month = $month", month=month or book.month)


def _margin(book, level, hits):
    return _intervals(book, "margin", hits, _month_orders(book, level), ["gross_profit", "costed_sales"], lambda t, hits: t[0] / t[1])


def _contribution(book, level, hits):
    # Marketing was spent whatever the orders were, so it stays as it is while the orders are drawn.
    orders = _month_orders(book, level)
    low, high, size = _intervals(book, "contribution", hits, orders, ["contribution"], lambda t, hits: t[0] + hits["marketing"])
    return low, high - hits["uncosted_sales"], size  # goods without a known cost may have cost nothing


def _promotion(book, level, hits):
    share = lambda t, hits: -(hits["marketing"] + t[0]) / t[1]  # noqa: E731
    return _intervals(book, "promotion", hits, _month_orders(book, level), ["commissions", "net_sales"], share)


def _inventory_days(book, level, hits):
    window = {"start": (book.last_day - pd.Timedelta(days=WINDOW)).date(), "end": book.last_day.date()}
    orders = book.order_sums(LEVELS[level], "l.day > $start and l.day <= $end", list(hits["entity"]), **window)
    return _intervals(book, "inventory_days", hits, orders, ["cogs"], lambda t, hits: hits["inventory"] / t[0] * WINDOW)


def _margin_fall(book, level, hits):
    early, late = (_month_orders(book, level, month) for month in (book.months_back(3)[0], book.month))
    # joined for the hits alone: a month's orders are those of every entity
    both = pd.concat([each[each["entity"].isin(hits["entity"])].assign(was=was) for was, each in ((1, early), (0, late))])
    for name in ("gross_profit", "costed_sales"):
        both[f"{name}_was"], both[name] = both[name] * both["was"], both[name] * (1 - both["was"])
    columns = ["gross_profit_was", "costed_sales_was", "gross_profit", "costed_sales"]
    return _intervals(book, "margin_fall", hits, both, columns, lambda t, hits: t[0] / t[1] - t[2] / t[3])


def _per_employee(book, level, hits):
    history = people_ladder(book, level, book.months_back(12))
    staffed = history[history["staffed"] & history["entity"].isin(hits["entity"])]
    entity = dimension_sql(LEVELS[level])
    who, when = staffed["entity"].tolist(), staffed["month"].tolist()
    orders = book.order_sums(LEVELS[level], f"({entity}, l.month) in (select (unnest($who), unnest($when)))", who=who, when=when)

    def statistic(totals, hits):
        yearly = totals[0] - totals[0].mean(axis=-1, keepdims=True)  # what chance in the orders adds to or takes from the year
        return hits["profit_per_employee"] + yearly / hits["mean_fte"] * 12 / hits["staffed_months"]

    low, high, size = _intervals(book, "per_employee", hits, orders, ["contribution"], statistic)
    return low, high + hits["uncosted_per_employee"], size


EVIDENCE = {
    "low_gross_margin": _margin,
    "loss_maker": _contribution,
    "margin_decay": _margin_fall,
    "slow_stock": _inventory_days,
    "promotion_heavy": _promotion,
    "channel_loss": _contribution,
    "low_profit_per_employee": _per_employee,
    "room_to_expand": _per_employee,
    "target_met_at_a_loss": _contribution,
}
