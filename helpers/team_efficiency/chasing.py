"""Chasing the target: what was given away to reach it, what came back afterwards, and which orders were sold below zero."""

import zlib
from math import erfc, sqrt

import numpy as np
import pandas as pd

from helpers.book import JOINS, Book, dimension_sql
from helpers.contract import NOBODY
from helpers.facts import LEVELS
from helpers.ratios import ratio
from helpers.team_efficiency.easing import holm, reached
from helpers.text import join_names, money, percent

CHASERS = ("employee", "team", "channel")
FIRST_LOOK, STANDS_OUT = 500, 0.1  # random days in place of the last ones: for everybody, and many more for those who stand out


# ---- discounts on the last days ---------------------------------------------------------------------------------------------------


def stretches(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    """The days on which each target is chased: entity, month, start, close; for everyone who sold anything in the month.

    close: the day on which the target was reached, else the month's last day (of those with sales of anyone); start: so that there are
    `chase_days` days, or fewer where the month is younger.
    """
    dimension = LEVELS[level]
    frame = book.sql(
        f"""select {dimension_sql(dimension)} as entity, l.month, max(max(l.day)) over (partition by l.month) as close
            from ledger l {JOINS.get(dimension, "")} where kind = 'sale' and l.month in (select unnest($months)) and {{scope}}
            group by {dimension_sql(dimension)}, l.month order by entity, l.month""",
        months=months,
    )
    frame = frame[frame["entity"] != NOBODY[dimension]].merge(reached(book, level, months), on=["entity", "month"], how="left")
    first = pd.to_datetime(frame["month"] + "-01")
    close = pd.to_datetime(frame["reached"]).fillna(pd.to_datetime(frame["close"]))
    start = (close - pd.Timedelta(days=book.policy.people.chase_days - 1)).clip(lower=first)
    return frame[["entity", "month"]].assign(start=start, close=close)


def surges(book: Book, who: pd.Series) -> pd.DataFrame:
    """Who gives more away on the last days before the target or the month's end than earlier, and than others on the same days?

    A row per person, team and channel with sales on those days and before. Discounts are held against those of everybody else in the same
    channel on the same days (for a channel: in all others), so neither a sale for all nor another mix of channels looks like a chase.
    Columns: level, entity, who, orders (on those days), discount_before and discount_late (of the list price), extra (money given away on
    those days beyond one's own earlier rate, with and without the others: the smaller of both), surge (extra ÷ list price of what was
    sold then), low and high (± two standard errors: how much as many random days of the month differ), p_value (how often random days give
    as much) and says (p-values corrected after Holm; `few orders` below the policy's `min_orders`, which stand last; `sure but small` up to the
    policy's `max_discount_surge`).
    """
    parts = [_surges(book, level, who) for level in CHASERS if level != "team" or "staffing" not in book.missing]
    return _few_last(pd.concat(parts, ignore_index=True), "extra")


def _few_last(frame: pd.DataFrame, value: str) -> pd.DataFrame:
    """The largest first, and behind all others those of whom there is too little to tell anything."""
    few, rank = frame["says"].astype(str).str.startswith("few"), frame["level"].map(CHASERS.index)
    ranked = frame.assign(few=few, rank=rank).sort_values(["few", value, "rank", "entity"], ascending=[True, False, True, True])
    return ranked.drop(columns=["few", "rank"]).reset_index(drop=True)


_SURGE = [
    "level",
    "entity",
    "who",
    "orders",
    "discount_before",
    "discount_late",
    "extra",
    "surge",
    "low",
    "high",
    "p_value",
    "says",
]


def _surges(book: Book, level: str, who: pd.Series) -> pd.DataFrame:
    dimension = LEVELS[level]
    place = "''" if level == "channel" else "l.channel"
    daily = book.sql(
        f"""select {dimension_sql(dimension)} as entity, {place} as place, day(day) as day, count(distinct (store, order_id)) as orders,
                   cast(sum(gross_sales) as double) as gross, cast(-sum(discounts) as double) as given
            from ledger l {JOINS.get(dimension, "")} where kind = 'sale' and l.month = $month and {{scope}}
            group by all order by all""",
        month=book.month,
    )
    days = np.arange(1, (daily["day"].max() if len(daily) else 0) + 1)
    cells = pd.MultiIndex.from_product([sorted(set(daily["entity"])), sorted(set(daily["place"])), days], names=["entity", "place", "day"])
    cube = daily.set_index(cells.names).reindex(cells).fillna(0.0)
    shape = [len(values) for values in cells.levels]
    gross, given, orders = (cube[name].to_numpy().reshape(shape) for name in ("gross", "given", "orders"))
    rows, spans = [], stretches(book, level, [book.month])
    many = int(max(10 * FIRST_LOOK, 4 * len(spans) / (1 - book.policy.evidence.confidence)))  # Holm asks for small p-values
    for entity, start, close in spans[["entity", "start", "close"]].itertuples(index=False):
        at, lately = list(cells.levels[0]).index(entity), (days >= start.day) & (days <= close.day)
        upto = days <= close.day
        own, others = (gross[at][:, upto], given[at][:, upto]), (gross.sum(0) - gross[at], given.sum(0) - given[at])
        others, lately = tuple(part[:, upto] for part in others), lately[upto]
        if not own[0][:, lately].any() or not own[0][:, ~lately].any():
            continue
        rng = np.random.default_rng(zlib.crc32(f"{level}/{entity}".encode()))
        found = _against_chance(*own, *others, lately, rng.permuted(np.tile(lately, (FIRST_LOOK, 1)), axis=1))
        if found["p_value"] <= STANDS_OUT:
            found = _against_chance(*own, *others, lately, rng.permuted(np.tile(lately, (many, 1)), axis=1))
        shares = [own[1][:, when].sum() / own[0][:, when].sum() for when in (~lately, lately)]
        about = {"entity": entity, "orders": int(orders[at][:, upto][:, lately].sum())}
        rows.append(about | dict(zip(("discount_before", "discount_late"), shares, strict=True)) | found)
    frame = pd.DataFrame(rows, columns=["entity", "orders", "extra", "surge", "discount_before", "discount_late", "noise", "p_value"])
    frame = frame.astype(dict.fromkeys(["surge", "noise", "p_value"], float))
    error = 2 * np.sqrt(frame["noise"])
    frame = frame.assign(low=frame["surge"] - error, high=frame["surge"] + error)
    few = frame["orders"].astype(float) < book.policy.evidence.min_orders
    sure = holm(frame["p_value"].where(~few), 1 - book.policy.evidence.confidence) & (frame["surge"] > 0)
    large = frame["surge"] > book.policy.people.max_discount_surge
    called = frame["entity"].map(who) if level == "employee" else level + " " + frame["entity"].astype(object)
    says = np.select([few, sure & large, sure], ["few orders", "more than chance gives", "sure but small"], "as chance may give")
    return frame.assign(level=level, who=called, says=says)[_SURGE]


def _against_chance(gross, given, others_gross, others_given, lately: np.ndarray, random: np.ndarray) -> dict:
    """The surge of the days `lately` in money and as a share, how much that of `random` days scatters, and how often it is as large."""
    extra, sold = beyond(gross, given, others_gross, others_given, np.vstack([lately, random]))
    surge = extra / np.where(sold > 0, sold, np.nan)
    chance = surge[1:][np.isfinite(surge[1:])]
    p_value = (1 + (chance >= surge[0] - 1e-9).sum()) / (1 + len(chance))
    return {"extra": extra[0], "surge": surge[0], "noise": chance.var() if len(chance) else np.nan, "p_value": p_value}


def beyond(gross, given, others_gross, others_given, lately) -> tuple[np.ndarray, np.ndarray]:
    """Money given away on the days of `lately` beyond one's own rate of the other days, and the gross sales of those days.

    The first four: places × days; lately: choices × days (bool). The rate is one's own of the other days; or what it was beyond that of
    the others in the same places, added to theirs of the days of `lately`: whichever leaves less. Where the others sold nothing then,
    their rate of all days counts, in that place or else in all.

    >>> one, others = np.full((1, 4), 100.0), np.full((1, 4), 1000.0)
    >>> given = np.array([[10.0, 10.0, 10.0, 30.0]])
    >>> beyond(one, given, others, others * [0.05, 0.05, 0.05, 0.10], np.array([[False, False, False, True]]))
    (array([15.]), array([100.]))
    """
    late = lately.T.astype(float)
    whole = _rate(others_given.sum(), others_gross.sum(), 0.0)
    always = _rate(others_given.sum(axis=1), others_gross.sum(axis=1), whole)[:, None]
    sides = []
    for chosen in (late, 1 - late):
        rate = _rate(others_given @ chosen, others_gross @ chosen, always)
        sold = gross @ chosen
        sides.append((sold.sum(axis=0), (given @ chosen).sum(axis=0), (given @ chosen - rate * sold).sum(axis=0)))
    (sold, all_given, more), (sold_before, given_before, more_before) = sides
    alone, among = (late - _rate(before, sold_before, 0.0) * sold for late, before in ((all_given, given_before), (more, more_before)))
    return np.minimum(alone, among), sold


def _rate(above, below, otherwise):
    below = np.asarray(below, float)
    return np.where(below > 1e-9, above / np.where(below > 1e-9, below, 1.0), otherwise)


# ---- what came back ---------------------------------------------------------------------------------------------------------------


def returned(book: Book, who: pd.Series) -> pd.DataFrame:
    """Does what was sold in a chase come back? Sales of the last days of a month beside earlier ones, and what was refunded of both.

    The `easing_months` months before the book's month, as their returns have come in: refunds within `return_days` days of the sale, of
    sales at least as old on the month's last day. What is more than chance is a difference of two shares of orders, corrected (Holm). Columns: level, entity, who, orders (late), sold_late (a month), back_before and
    back_late (refunds ÷ sales), cost (what came back more than earlier days' rate would have, in a mean month), says.
    """
    people = book.policy.people
    months = book.months_back(people.easing_months + 1)[:-1]
    parts = []
    for level in CHASERS:
        if level == "team" and "staffing" in book.missing or "returns" in book.missing:
            continue
        parts.append(_returned(book, level, months).assign(level=level))
    columns = ["level", "entity", "who", "orders", "sold_late", "back_before", "back_late", "cost", "says"]
    if not parts:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(parts, ignore_index=True)
    called = frame["entity"].map(who).where(frame["level"] == "employee", frame["level"] + " " + frame["entity"])
    late, early = (ratio(frame[f"back_{when}"], frame[f"orders_{when}"]) for when in ("late", "early"))
    each = 1 / frame["orders_late"].replace(0, np.nan) + 1 / frame["orders_early"].replace(0, np.nan)
    whole = ratio(frame["back_late"] + frame["back_early"], frame["orders_late"] + frame["orders_early"])
    errors = (late - early) / np.sqrt(whole * (1 - whole) * each).replace(0, np.nan)
    sure = holm(errors.map(lambda z: erfc(z / sqrt(2)) / 2), 1 - book.policy.evidence.confidence)
    few = frame["back_late"] + frame["back_early"] < book.policy.evidence.min_orders
    says = np.where(few, "few returns", np.where(sure, "more than chance gives", "as chance may give"))
    before, after = (ratio(frame[f"refunds_{when}"], frame[f"sold_{when}"]) for when in ("early", "late"))
    cost = (after - before) * frame["sold_late"] / frame["months"]
    found = frame.assign(who=called, orders=frame["orders_late"], sold_late=frame["sold_late"] / frame["months"], says=says)
    found = found.assign(back_before=before, back_late=after, cost=cost).dropna(subset="cost")
    return _few_last(found[columns], "cost")


def _returned(book: Book, level: str, months: list[str]) -> pd.DataFrame:
    dimension, days = LEVELS[level], stretches(book, level, months)
    return book.sql(
        f"""with spans as (select unnest(cast($entities as varchar[])) as entity, unnest(cast($months as varchar[])) as month,
                                  unnest(cast($starts as date[])) as start, unnest(cast($closes as date[])) as close),
                 sold as (select {dimension_sql(dimension)} as entity, l.month, l.store, l.order_id, l.line_no, l.day,
                                 gross_sales + discounts + shipping_income as sold
                          from ledger l {JOINS.get(dimension, "")}
                          where kind = 'sale' and l.month in (select unnest($months)) and l.day <= $last - $days and {{scope}}),
                 back as (select s.store, s.order_id, s.line_no, -sum(b.refunds) as refunds from sold s
                          join ledger b on b.kind = 'return' and b.store = s.store and b.order_id = s.order_id and b.line_no = s.line_no
                               and b.day <= s.day + $days group by all),
                 orders as (select s.entity, s.month, s.store, s.order_id, min(s.day) as day, sum(s.sold) as sold,
                                   sum(coalesce(b.refunds, 0)) as refunds
                            from sold s left join back b using (store, order_id, line_no) group by all)
            select entity, count(distinct month) as months, {", ".join(
                f"count(*) filter ({when}) as orders_{name}, count(*) filter ({when} and refunds > 0) as back_{name}, "
                f"cast(coalesce(sum(sold) filter ({when}), 0) as double) as sold_{name}, "
                f"cast(coalesce(sum(refunds) filter ({when}), 0) as double) as refunds_{name}"
                for name, when in (("late", "day >= start"), ("early", "day < start")))}
            from orders join spans using (entity, month) where day <= close group by entity order by entity""",
        entities=days["entity"].tolist(), months=days["month"].tolist(), starts=[day.date() for day in days["start"]],
        closes=[day.date() for day in days["close"]], last=book.last_day.date(), days=book.policy.people.return_days,
    )  # fmt: skip


# ---- orders below zero ------------------------------------------------------------------------------------------------------------


def below_zero(book: Book, who: pd.Series) -> pd.DataFrame:
    """Whose orders don't even pay for goods, fees, carriage and commissions? A row per person, team and channel with orders of known cost.

    Columns: level, entity, who, orders (with a known cost, of the month), below (of them, with a contribution before marketing under
    zero), share, share_late (of the orders of the last days, as in `stretches`), sold and discount (sales before refunds and part of the
    list price given away, of the orders below zero), lost (their contribution: money, negative), mark (`few orders` below the policy's `min_orders`). Orders any of whose cost is unknown
    are left out; returns are not counted, since they come later.
    """
    parts = [_below_zero(book, level) for level in CHASERS if level != "team" or "staffing" not in book.missing]
    frame = pd.concat(parts, ignore_index=True)
    called = frame["entity"].map(who).where(frame["level"] == "employee", frame["level"] + " " + frame["entity"])
    shares = {"share": ratio(frame["below"], frame["orders"]), "share_late": ratio(frame["below_late"], frame["orders_late"])}
    mark = np.where(frame["orders"] < book.policy.evidence.min_orders, "few orders", "")
    frame = frame.assign(
        who=called, sold=frame["gross"] - frame["given"], discount=ratio(frame["given"], frame["gross"]), mark=mark, **shares
    )
    columns = ["level", "entity", "who", "orders", "below", "share", "share_late", "sold", "discount", "lost", "mark"]
    return frame[columns].sort_values(["lost", "level", "entity"], ignore_index=True)


def _below_zero(book: Book, level: str) -> pd.DataFrame:
    dimension, days = LEVELS[level], stretches(book, level, [book.month])
    return book.sql(
        f"""with spans as (select unnest(cast($entities as varchar[])) as entity, unnest(cast($starts as date[])) as start,
                                  unnest(cast($closes as date[])) as close),
                 orders as (select {dimension_sql(dimension)} as entity, store, order_id, min(day) as day, sum(gross_sales) as gross,
                                   -sum(discounts) as given,
                                   sum(gross_sales + discounts + shipping_income + cogs + platform_fees + fulfilment + commissions) as left_over
                            from ledger l {JOINS.get(dimension, "")} where kind = 'sale' and l.month = $month and {{scope}}
                            group by {dimension_sql(dimension)}, store, order_id
                            having bool_and(uncosted_sales = 0) and (sum(cogs) <> 0 or sum(gross_sales + discounts + shipping_income) <> 0))
            select $level as level, entity, count(*) as orders, count(*) filter (left_over < 0) as below,
                   count(*) filter (day between start and close) as orders_late,
                   count(*) filter (left_over < 0 and day between start and close) as below_late,
                   cast(coalesce(sum(gross) filter (left_over < 0), 0) as double) as gross,
                   cast(coalesce(sum(given) filter (left_over < 0), 0) as double) as given,
                   cast(coalesce(sum(left_over) filter (left_over < 0), 0) as double) as lost
            from orders join spans using (entity) group by entity order by entity""",
        level=level, month=book.month, entities=days["entity"].tolist(), starts=[day.date() for day in days["start"]],
        closes=[day.date() for day in days["close"]],
    )  # fmt: skip


def nearest(frame: pd.DataFrame) -> str:
    """The level nearest to a person of which the frame has rows: what one figure can show without showing an order twice.

    >>> nearest(pd.DataFrame({"level": ["channel", "team"]}))
    'team'
    """
    return next((level for level in CHASERS if (frame["level"] == level).any()), CHASERS[0])


# ---- what people read -------------------------------------------------------------------------------------------------------------


def read_surges(frame: pd.DataFrame, book: Book) -> str:
    """The frame of `surges` in a sentence: who gave away more than chance, their own earlier days and the others explain, in money."""
    days = f"the {book.policy.people.chase_days} days before the target was reached or the month ended"
    if frame.empty:
        return f"Nobody sold anything both on {days} and earlier in the month, so there is nothing to compare."
    sure = frame[frame["says"] == "more than chance gives"]
    if sure.empty:
        row = frame.iloc[0]
        if not row["extra"] > 0:
            return f"On {days} nobody gave more away than earlier in the month and than the others did."
        said = f"On {days} nobody gave away more than their own earlier days, the others and chance explain."
        doubt = "few orders to tell anything from" if row["says"] == "few orders" else "no more than chance may give"
        return f"{said} Most: {_one(row, book)}: {doubt}."
    row = sure.loc[sure["extra"].idxmax()]
    return f"On {days} more was given away than chance explains by {join_names(sure['who'], 12)}. Most: {_one(row, book)}."


def _count(orders: int) -> str:
    return f"{orders:,} order{'' if orders == 1 else 's'}"


def _one(row: pd.Series, book: Book) -> str:
    said = f"{row['who']} with {percent(row['discount_late'])} of the list price against {percent(row['discount_before'])} before"
    return f"{said}, {money(row['extra'], book.currency)} more than that and the others explain in {_count(row['orders'])}"


def read_returned(frame: pd.DataFrame, book: Book) -> str:
    """The frame of `returned` in a sentence: whose late sales come back more often than earlier ones, and what that is a month."""
    if frame.empty:
        return "No earlier month has both sales of its last days and sales before them whose returns are known."
    days = f"Of what was sold on the last {book.policy.people.chase_days} days, within {book.policy.people.return_days} days"
    sure = frame[frame["says"] == "more than chance gives"]
    row = (sure if len(sure) else frame).iloc[0]
    said = f"{days} {percent(row['back_late'])} came back to {row['who']} against {percent(row['back_before'])} of earlier sales"
    said += f", {money(row['cost'], book.currency)} a month"
    if sure.empty:
        few = row["says"] == "few returns"
        return f"{said}: {'few returns to tell anything from' if few else 'the most of all, and no more than chance may give'}."
    return f"{said}. More than chance gives: {join_names(sure['who'], 12)}."


def read_below_zero(frame: pd.DataFrame, book: Book) -> str:
    """The frame of `below_zero` in a sentence: how many orders lost money, whose most, and how much."""
    channels = frame[frame["level"] == "channel"]
    known = channels["orders"].sum()
    if not known:
        return "No order here has a known cost, so none can be called below zero."
    count = channels["below"].sum()
    if not count:
        return f"None of {_count(known)} with a known cost was sold below zero."
    said = f"{count:,} of {_count(known)} with a known cost {'was' if count == 1 else 'were'} sold below zero"
    said += f" and lost {money(-channels['lost'].sum(), book.currency)} together"
    people = frame[(frame["level"] == "employee") & (frame["below"] > 0)]
    if people.empty:
        return f"{said}; none of them names a person."
    row = people.iloc[0]
    said += f". Most of it with {row['who']}: {row['below']} of {row['orders']}, sold at {percent(row['discount'])} off the list price"
    return f"{said}, lost {money(-row['lost'], book.currency)}."
