"""Cash of the next 13 weeks: what is known, what is expected, how wide the range is, and how well it would have told the past."""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.capital_and_cash import cash
from helpers.days import as_of
from helpers.text import count, money, number, percent, signed_money, title

WEEKS = 13
DAYS = 7 * WEEKS
PARTS = {
    "open_orders": "known: sold and not yet paid out, as fast as each channel has paid in half a year",
    "new_sales": "expected: sales as in the last 13 weeks, paid out as fast",
    "other_deposits": "expected: deposits that can't be held against orders, as in the last 13 weeks",
    "goods_received": "known: received and not yet paid, as fast as suppliers were paid in half a year",
    "goods_ordered": "known: ordered, neither received nor paid",
    "new_purchases": "expected: orders as in the last 13 weeks",
    "goods_replaced": "expected: what is sold is bought again at its cost, for want of purchases",
    "payroll": "as the mean of the last three months, on each month's last day",
    "overheads": "as the mean of the last three months, on each month's last day",
    "promotion_and_delivery": "marketing, fulfilment and commissions as in the last 13 weeks, on their own day",
    "unexplained": "what moved the bank in the last 12 months and stands in no table (taxes, drawings, loans), on each month's last day",
}
"""What the projection is made of, and how each part is told. Money in is positive, money out negative."""
INCOMING = ("open_orders", "new_sales", "other_deposits")
_HALF_YEAR, _LONGEST = 182, 365


def projectable(book: Book, day: pd.Timestamp) -> str:
    """Why nothing can be projected from a day, in one sentence; empty where it can."""
    if "payouts" in book.missing:
        return "Without payouts nobody can say when buyers' money arrives." + book.lacks("payouts")
    if (known := len(movements(book).loc[:day])) < 28:
        return f"The data reach back {count(known, 'day')}; a projection needs four weeks."
    return ""


@remembered
def movements(book: Book) -> pd.DataFrame:
    """What moved the bank each day, as far as the tables tell: a row per day from the first sale or payout to the end of the data.

    Columns: collections (payouts), goods (suppliers paid; in a store, or without purchases, the cost of goods sold), running (marketing,
    fulfilment, commissions, on their own day), payroll, overheads (both on their month's last day). Reporting currency; money out is negative.
    """
    values = book.sql(
        """select day, sum(running) as running, sum(cogs) as cogs, sum(payroll) as payroll, sum(overheads) as overheads, sum(came) as came from (
               select case when kind in ('payroll', 'overheads') then last_day(day) else day end as day,
                      cast(marketing + fulfilment + commissions as double) as running, cast(cogs as double) as cogs,
                      cast(payroll as double) as payroll, cast(overheads as double) as overheads, 0 as came from ledger where {scope}
               union all
               select paid_on, 0, 0, 0, 0, cast(value as double) from receipts where {scope})
           group by day order by day"""
    )
    frame = values.set_index(pd.to_datetime(values["day"])).drop(columns="day").astype(float)
    first = pd.Timestamp(book.months[0] + "-01")
    goods = frame["cogs"]
    if buys(book):
        bought = cash.purchases(book)
        goods = -bought.dropna(subset="paid_on").groupby("paid_on")["worth"].sum()
    frame = frame.rename(columns={"came": "collections"}).assign(goods=goods)
    days = pd.date_range(first, max(frame.index.max(), as_of(book)))
    return frame.reindex(days).fillna(0.0)[["collections", "goods", "running", "payroll", "overheads"]]


def buys(book: Book) -> bool:
    """Is it on record what was bought? Purchases know no store, so only for the company."""
    return book.scope == "company" and "purchases" not in book.missing


def delays(days: pd.Series, value: pd.Series) -> np.ndarray:
    """Which part of the money comes after 0, 1, 2 … days? Empty without money; a negative delay counts as none.

    >>> delays(pd.Series([1, 3, 3]), pd.Series([20.0, 50.0, 30.0])).tolist()
    [0.0, 0.2, 0.0, 0.8]
    """
    total = value.sum()
    return np.bincount(np.clip(days.to_numpy(int), 0, _LONGEST), value.to_numpy(float)) / total if total > 0 else np.zeros(0)


def arrivals_of_open(ages: np.ndarray, amounts: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, float]:
    """When does what is still open arrive, given how old it is and which part comes after how many days?

    Gives the amounts of the next 91 days, and what is older than any delay that was seen: nobody knows when that comes.

    >>> came, late = arrivals_of_open(np.array([1, 9]), np.array([80.0, 5.0]), np.array([0.0, 0.2, 0.0, 0.8]))
    >>> came[:3].tolist(), late
    ([0.0, 80.0, 0.0], 5.0)
    """
    out, late = np.zeros(DAYS), 0.0
    later = part[::-1].cumsum()[::-1]
    for age, amount in zip(ages, amounts, strict=True):
        rest = part[age + 1 :] if age + 1 < len(part) else part[:0]
        if not len(rest) or later[age + 1] <= 1e-12:
            late += amount
            continue
        near = rest[:DAYS]
        out[: len(near)] += amount * near / later[age + 1]
    return out, float(late)


def arrivals_of_new(level: float, part: np.ndarray) -> np.ndarray:
    """When does the money of the next 91 days' sales arrive, at so much a day? What is sold today comes from tomorrow on.

    >>> arrivals_of_new(10.0, np.array([0.0, 0.2, 0.0, 0.8]))[:5].tolist()
    [0.0, 2.0, 2.0, 10.0, 10.0]
    """
    whole = np.zeros(DAYS)
    whole[: min(len(part), DAYS)] = part[:DAYS]
    return level * whole.cumsum()


@remembered
def expected(book: Book, day: pd.Timestamp) -> pd.DataFrame:
    """The projection from the evening of a day, with what was known then: a row per day of the next 91, a column per part (see PARTS).

    Also `late`, the same in every row: open money older than any delay seen, which is not counted on.
    """
    days = pd.date_range(day + pd.Timedelta(days=1), periods=DAYS)
    parts = _collections(book, day) | _goods(book, day) | _recurring(book, day, days)
    late = parts.pop("late")
    return pd.DataFrame(parts, index=days).assign(late=late).fillna(0.0)


def _level(moved: pd.DataFrame, day: pd.Timestamp) -> pd.Series:
    """Mean of a day over the last 13 weeks, or since the first day where that is later."""
    recent = moved.loc[day - pd.Timedelta(days=DAYS - 1) : day]
    return recent.sum() / max(len(recent), 1)


def _collections(book: Book, day: pd.Timestamp) -> dict:
    claims, items, pairs = cash.claims(book), cash.open_items_by_account(book, day), cash.settled(book)
    pairs = pairs[(pairs["paid_on"] <= day) & (pairs["paid_on"] > day - pd.Timedelta(days=_HALF_YEAR))] if len(pairs) else pairs
    own = dict(list(pairs.groupby(["store", "account"])))
    start = max(day - pd.Timedelta(days=DAYS), pd.Timestamp(book.months[0] + "-01") - pd.Timedelta(days=1))
    recent = claims[(claims["day"] > start) & (claims["day"] <= day)]
    sold = recent.groupby(["store", "account"])["due_value"].sum() / max((day - start).days, 1)
    came = _level(movements(book), day)["collections"] - recent["paid_value"].sum() / max((day - start).days, 1)
    known, new, late, every = np.zeros(DAYS), np.zeros(DAYS), 0.0, delays(pairs["days"], pairs["value"])
    for key, held in items.items():
        part = delays(own[key]["days"], own[key]["value"]) if key in own else every
        arriving, never = arrivals_of_open(held["age"].to_numpy(int), held["open"].to_numpy(float), part)
        known, late = known + arriving, late + never
        new += arrivals_of_new(float(sold.get(key, 0.0)), part)
    return {"open_orders": known, "new_sales": new, "other_deposits": np.full(DAYS, round(came, 9)), "late": late}


def _goods(book: Book, day: pd.Timestamp) -> dict:
    if not buys(book):
        return {"goods_replaced": np.full(DAYS, _level(movements(book), day)["goods"])}
    bought = cash.purchases(book)
    bought = bought[(bought["ordered_on"] <= day) | (bought["received_on"] <= day) | (bought["paid_on"] <= day)]
    paid = bought[(bought["paid_on"] <= day) & (bought["paid_on"] > day - pd.Timedelta(days=_HALF_YEAR))]
    waiting = bought[~(bought["paid_on"] <= day)]
    received = waiting["received_on"] <= day
    out = {}
    for name, rows, since in (("goods_received", waiting[received], "received_on"), ("goods_ordered", waiting[~received], "ordered_on")):
        seen = paid.dropna(subset=since)
        part = delays((seen["paid_on"] - seen[since]).dt.days, seen["worth"])
        ages = (day - rows[since]).dt.days.clip(lower=0).to_numpy(int)
        due, late = arrivals_of_open(ages, rows["worth"].to_numpy(float), part)
        due[0] += late  # a bill that is older than any that was paid may come any day
        out[name] = -due
    part = delays((paid["paid_on"] - paid["ordered_on"]).dt.days, paid["worth"])
    start = day - pd.Timedelta(days=DAYS)
    level = bought.loc[bought["ordered_on"] > start, "worth"].sum() / min(DAYS, len(movements(book).loc[:day]))
    return out | {"new_purchases": -arrivals_of_new(level, part if len(part) else np.ones(1))}


def _recurring(book: Book, day: pd.Timestamp, days: pd.DatetimeIndex) -> dict:
    """What comes back: the running costs by day, the month's costs on its last day."""
    ends = np.asarray(days.is_month_end, dtype=float)
    out = {"promotion_and_delivery": np.full(DAYS, _level(movements(book), day)["running"])}
    out |= {name: ends * cost for name, cost in _monthly(book, day).items()}
    gaps = unexplained(book, day)
    return out | {"unexplained": ends * gaps["unexplained"].mean()} if len(gaps) else out


def _monthly(book: Book, day: pd.Timestamp) -> dict[str, float]:
    """Payroll and overheads of a month, negative: the mean of the last three months up to a day that have any."""
    moved = movements(book).loc[: day + pd.offsets.MonthEnd(0), ["payroll", "overheads"]]
    monthly = moved.groupby([moved.index.year, moved.index.month]).sum()
    return {name: float(cost[cost != 0].tail(3).mean()) if (cost != 0).any() else 0.0 for name, cost in monthly.items()}


def unexplained(book: Book, day: pd.Timestamp) -> pd.DataFrame:
    """What moved the bank between month ends and stands in no table: month, change (of the bank), explained, unexplained.

    The last 12 whole months up to a day; empty in a store, without cash_balances, and with fewer than three of them.
    """
    frame = _unexplained(book)
    whole = f"{day:%Y-%m}" if day.is_month_end else f"{day - pd.offsets.MonthEnd(1):%Y-%m}"
    frame = frame[frame["month"] <= whole].tail(12)
    return (frame if len(frame) >= 3 else frame.iloc[:0]).reset_index(drop=True)


@remembered
def _unexplained(book: Book) -> pd.DataFrame:
    rows = []
    if book.scope == "company" and "cash_balances" not in book.missing and "payouts" not in book.missing:
        moved = movements(book).sum(axis=1)
        ends = [pd.Period(month, "M").end_time.normalize() for month in pd.period_range(book.months[0], book.month, freq="M")]
        held = [cash.cash_at(book, end) for end in ends]
        for i in range(1, len(ends)):
            explained = float(moved.loc[ends[i - 1] + pd.Timedelta(days=1) : ends[i]].sum())
            rows.append((f"{ends[i]:%Y-%m}", held[i] - held[i - 1], explained, held[i] - held[i - 1] - explained))
    return pd.DataFrame(rows, columns=["month", "change", "explained", "unexplained"]).dropna().reset_index(drop=True)


@remembered
def plan(book: Book, day: pd.Timestamp | None = None) -> pd.DataFrame:
    """Where will the cash be in 13 weeks? A row per week: week, ends, money_in, money_out, net, balance, low, high.

    balance begins with the bank's of the day; without cash_balances, or in a store, with 0, so that it is the change. low and high hold
    80 % of what chance did to the last year's weeks (see `errors`); blank with less than 13 weeks of history. Empty where `projectable`
    says why nothing can be told.
    """
    day = as_of(book) if day is None else day
    if projectable(book, day):
        return pd.DataFrame(columns=["week", "ends", "money_in", "money_out", "net", "balance", "low", "high"])
    parts = expected(book, day).drop(columns="late")
    sums = parts.groupby(np.arange(DAYS) // 7).sum()
    coming = [name for name in INCOMING if name in sums]
    frame = pd.DataFrame({"week": np.arange(1, WEEKS + 1), "ends": parts.index[6::7]})
    frame = frame.assign(money_in=sums[coming].sum(axis=1), money_out=sums.drop(columns=coming).sum(axis=1))
    frame = frame.assign(net=frame["money_in"] + frame["money_out"])
    frame = frame.assign(balance=opening(book, day) + frame["net"].cumsum())
    chance = errors(book, day)
    low, high = np.quantile(chance, [0.1, 0.9], axis=0) if len(chance) else (np.nan, np.nan)
    return frame.assign(low=frame["balance"] + low, high=frame["balance"] + high)


def banked(book: Book, day: pd.Timestamp) -> bool:
    """Is the bank's balance of a day known? Only the company has one."""
    return book.scope == "company" and "cash_balances" not in book.missing and not np.isnan(cash.cash_at(book, day))


def opening(book: Book, day: pd.Timestamp) -> float:
    """The bank's balance that a projection begins with: 0 where none is known, and in a store."""
    return cash.cash_at(book, day) if banked(book, day) else 0.0


def errors(book: Book, day: pd.Timestamp, draws: int = 2000) -> np.ndarray:
    """How far may chance take the cash from the projection by the end of each week? draws × 13, the same draws every time.

    The past year's weeks (collections, goods and running costs together) are drawn anew in blocks of four (moving block bootstrap, Künsch
    1989): 13 weeks to come, and 13 others that stand for the weeks that the level was taken from. The error is the first's sum less
    the second's mean for each week. What no table explains is drawn by the month. Empty with fewer than 13 weeks of history.
    """
    moved = movements(book).loc[:day, ["collections", "goods", "running"]].sum(axis=1).tail(364)
    weeks = moved.tail(len(moved) // 7 * 7).to_numpy().reshape(-1, 7).sum(axis=1)
    if len(weeks) < WEEKS:
        return np.zeros((0, WEEKS))
    rng = np.random.default_rng(13)

    def drawn() -> np.ndarray:
        starts = rng.integers(0, len(weeks) - 3, (draws, -(-WEEKS // 4)))
        return weeks[(starts[:, :, None] + np.arange(4)).reshape(draws, -1)[:, :WEEKS]]

    coming, seen = drawn(), drawn()
    error = (coming - seen.mean(axis=1, keepdims=True)).cumsum(axis=1)
    gaps = unexplained(book, day)["unexplained"].to_numpy(float)
    if len(gaps):
        days = pd.date_range(day + pd.Timedelta(days=1), periods=DAYS)
        ends = np.asarray(days.is_month_end).reshape(WEEKS, 7).sum(axis=1)
        error = error + ((rng.choice(gaps, (draws, WEEKS)) - gaps.mean()) * ends).cumsum(axis=1)
    return error


def made_of(book: Book, day: pd.Timestamp | None = None) -> pd.DataFrame:
    """What is the projection made of? part, name, weeks_1_to_4, weeks_5_to_13, in_all (sums), told (how it is told). Parts of zero are left out."""
    day = as_of(book) if day is None else day
    if projectable(book, day):
        return pd.DataFrame(columns=["part", "weeks_1_to_4", "weeks_5_to_13", "in_all", "told", "name"])
    parts = expected(book, day).drop(columns="late")
    sums = pd.DataFrame({"weeks_1_to_4": parts.iloc[:28].sum(), "weeks_5_to_13": parts.iloc[28:].sum()})
    sums = sums.reindex([name for name in PARTS if name in parts])
    sums = sums.assign(in_all=sums.sum(axis=1))[(sums.abs() > 0.005).any(axis=1)].rename_axis("part").reset_index()
    return sums.assign(told=sums["part"].map(PARTS), name=sums["part"].map(title))


def runway(book: Book) -> pd.Series:
    """How long does the cash last? All blank where nothing can be projected.

    balance (now), lowest (of 13 week ends), lowest_week, dry_week (the first that ends below zero; blank where none does), dry_week_low (at the
    low end of the range), weeks (balance ÷ mean net outflow of a week; endless where more flows in than out), reserve_months (balance ÷ a
    month's payroll and overheads: how long it would pay them without a single sale). Where no balance is known, only the lowest ones.
    """
    day, frame = as_of(book), plan(book)
    names = ["balance", "lowest", "lowest_week", "dry_week", "dry_week_low", "weeks", "reserve_months"]
    if frame.empty:
        return pd.Series(np.nan, index=names)
    start, net, lowest = opening(book, day), frame["net"].mean(), frame["balance"].idxmin()
    if not banked(book, day):
        return pd.Series([frame.loc[lowest, "balance"], frame.loc[lowest, "week"]], index=names[1:3]).reindex(names)
    fixed = -sum(_monthly(book, day).values())
    weeks = np.inf if net >= 0 else max(start, 0.0) / -net
    values = [start, frame.loc[lowest, "balance"], frame.loc[lowest, "week"], dry_week(frame["balance"]), dry_week(frame["low"]), weeks]
    return pd.Series([*values, start / fixed if fixed > 0 else np.nan], index=names, dtype=float)


def dry_week(balance: pd.Series) -> float:
    """The first week that ends below zero; blank where none does.

    >>> dry_week(pd.Series([5.0, 0.0, -1.0, -2.0])), dry_week(pd.Series([5.0, 6.0]))
    (3.0, nan)
    """
    below = np.flatnonzero(balance.to_numpy(float) < 0)
    return float(below[0] + 1) if len(below) else np.nan


@remembered
def backtest(book: Book, most: int = 12) -> pd.DataFrame:
    """What would the projection have said at earlier month ends, and what came? The last 12 of which all 13 weeks have passed.

    origin (day), projected and actual (net of the 13 weeks, without what no table explains), error (actual − projected), low, high (of
    the projection's range), inside. Each with what was known on that evening. Half a year of history is asked for.
    """
    last, moved = as_of(book), movements(book)
    months = [pd.Period(month, "M").end_time.normalize() for month in book.months_back(most + 5)]
    origins = [day for day in months if day + pd.Timedelta(days=DAYS) <= last and len(moved.loc[:day]) >= _HALF_YEAR]
    rows = []
    for day in origins[-most:]:
        if projectable(book, day):
            continue
        frame = weekly(book, day)
        end = frame.iloc[-1]
        rows.append((day, end["projected"], end["actual"], end["actual"] - end["projected"], end["low"], end["high"]))
    frame = pd.DataFrame(rows, columns=["origin", "projected", "actual", "error", "low", "high"])
    return frame.assign(inside=(frame["low"] <= frame["actual"]) & (frame["actual"] <= frame["high"]))


def weekly(book: Book, day: pd.Timestamp) -> pd.DataFrame:
    """A projection from an earlier day beside what came: week, ends, projected, low, high, actual (sums since the day; blank where the
    13 weeks aren't over). Without what no table explains, which nobody can know week by week."""
    frame = plan(book, day)
    if frame.empty:
        return pd.DataFrame(columns=["week", "ends", "projected", "low", "high", "actual"])
    parts = expected(book, day)
    other = parts.get("unexplained", pd.Series(0.0, parts.index)).to_numpy().reshape(WEEKS, 7).sum(axis=1).cumsum()
    shift = opening(book, day) + other
    moved, last = movements(book).sum(axis=1), as_of(book)
    actual = np.array([moved.loc[day + pd.Timedelta(days=1) : end].sum() if end <= last else np.nan for end in frame["ends"]])
    return pd.DataFrame(
        {"week": frame["week"], "ends": frame["ends"], "projected": frame["balance"] - shift, "low": frame["low"] - shift,
         "high": frame["high"] - shift, "actual": actual}
    )  # fmt: skip


def trials(book: Book) -> pd.DataFrame:
    """The frame of `backtest` for a figure and a table: since (day), projected, low, high, came, outside (the range)."""
    frame = backtest(book)
    since = [f"{day:%Y-%m-%d}" for day in frame["origin"]]
    return pd.DataFrame({"since": since, "projected": frame["projected"], "low": frame["low"], "high": frame["high"],
                         "came": frame["actual"], "outside": ~frame["inside"].astype(bool)})  # fmt: skip


def plan_metrics(book: Book) -> pd.DataFrame:
    """The projection of the company as rows of `metrics.metrics`: level, entity, metric, value; empty in a store."""
    frame = plan(book) if book.scope == "company" else pd.DataFrame()
    rows = []
    if len(frame):
        end, left = frame.iloc[-1], runway(book)
        known = banked(book, as_of(book))
        values = (
            {"cash_in_13_weeks": end["balance"], "cash_in_13_weeks_low": end["low"], "cash_in_13_weeks_high": end["high"]} if known else {}
        )
        values |= {"net_cash_of_13_weeks": frame["net"].sum()} | ({"runway_days": left["weeks"] * 7} if known else {})
        rows = [("company", "company", name, value) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["level", "entity", "metric", "value"])


# ---- aloud ---------------------------------------------------------------------------------------------------------------------


def plan_said(book: Book) -> str:
    """Where will the cash be in 13 weeks, and how sure is that?"""
    frame, currency = plan(book), book.currency
    if frame.empty:
        return projectable(book, as_of(book))
    end, start = frame.iloc[-1], opening(book, as_of(book))
    said = f"From {money(start, currency)} the cash comes to {money(end['balance'], currency)} on {end['ends']:%Y-%m-%d}: {money(frame['money_in'].sum(), currency)} in"
    said += f" and {money(-frame['money_out'].sum(), currency)} out."
    if pd.notna(end["low"]):
        said += f" In eight of ten cases it lies between {money(end['low'], currency)} and {money(end['high'], currency)}."
    else:
        said += " There are less than 13 weeks of history, so no range can be given."
    if book.scope != "company":
        said += " A store has no bank account of its own, so this is the change from nothing; what it sells is taken to be bought again at its cost."
    elif not banked(book, as_of(book)):
        said += " No balance of the bank is known for the day, so this is the change from nothing." + book.lacks("cash_balances")
    return said


def runway_said(book: Book) -> str:
    """In which week would the money run out, and how long do the reserves last without a sale?"""
    left, currency = runway(book), book.currency
    if pd.isna(left["lowest"]):
        return "Without a projection there is no runway."
    if pd.isna(left["balance"]):
        return (
            "Without the bank's balance nobody can say when the money runs out. The lowest point of the 13 weeks is the end of week"
            f" {number(left['lowest_week'])}, {signed_money(left['lowest'], currency)} against today."
        )
    if pd.notna(left["dry_week"]):
        said = f"At this pace the money runs out in week {number(left['dry_week'])}."
    elif pd.notna(left["dry_week_low"]):
        said = f"The expected balance stays above zero; at the low end of the range it runs out in week {number(left['dry_week_low'])}."
    else:
        ranged = plan(book)["low"].notna().all()
        said = (
            "Within 13 weeks the money runs out neither as expected nor at the low end of the range."
            if ranged
            else "Within 13 weeks the money doesn't run out."
        )
    said += f" The lowest week end is week {number(left['lowest_week'])} with {money(left['lowest'], currency)}."
    if left["balance"] > 0 and left["weeks"] <= 104:
        said += f" At the mean outflow of these weeks it would last {count(left['weeks'], 'week')} in all."
    if pd.notna(left["reserve_months"]) and left["balance"] > 0:
        said += f" Without a single sale it pays salaries and overheads for {number(left['reserve_months'], 1)} months."
    return said


def made_said(book: Book) -> str:
    """How much of the projection is known already, and what is not counted on?"""
    frame, currency = made_of(book), book.currency
    if frame.empty:
        return "Nothing is projected."
    sums = frame.set_index("part")
    known = frame[frame["part"].isin(["open_orders", "goods_received", "goods_ordered"])]
    moved = frame["in_all"].abs().sum()
    early = frame["weeks_1_to_4"].abs().sum()
    said = f"Of all that is expected to move, {percent(known['in_all'].abs().sum() / moved, 0)} is known already"
    said += f" ({percent(known['weeks_1_to_4'].abs().sum() / early, 0)} of the first four weeks)." if early > 0 else "."
    if "open_orders" in sums.index:
        said += f" {money(sums.loc['open_orders', 'in_all'], currency)} of it is sold and will be paid out."
    late = expected(book, as_of(book))["late"].iloc[0]
    if late > 0.005:
        said += f" Not counted on: {money(late, currency)} that is older than any payout came."
    return said + (book.lacks("purchases") if book.scope == "company" else "")


def unexplained_said(book: Book) -> str:
    """How much moved the bank that no table explains?"""
    frame, currency = unexplained(book, as_of(book)), book.currency
    if book.scope != "company":
        return "The bank is the company's: look there."
    if frame.empty:
        return "Fewer than three months of bank balances stand beside payouts, so nothing can be compared." + book.lacks(
            "cash_balances", "payouts"
        )
    worst = frame.loc[frame["unexplained"].abs().idxmax()]
    return (
        f"Over {count(len(frame), 'month')} the bank moved by {signed_money(frame['change'].sum(), currency)}; the tables explain"
        f" {signed_money(frame['explained'].sum(), currency)}, so {signed_money(frame['unexplained'].sum(), currency)} stands in none of them, a mean of"
        f" {signed_money(frame['unexplained'].mean(), currency)} a month and {signed_money(worst['unexplained'], currency)} in {worst['month']}."
    )


def backtest_said(book: Book) -> str:
    """How often did what came lie in the range, and how far from the projection was it?"""
    frame, currency = backtest(book), book.currency
    if frame.empty:
        return "There is too little history for a trial: half a year before a month end and 13 weeks after it."
    bias, typical = frame["error"].mean(), frame["error"].abs().median()
    return (
        f"From {count(len(frame), 'earlier month end')}, {number(frame['inside'].sum())} of the sums of 13 weeks lay in the range, which promises eight"
        f" of ten. Half of the errors were below {money(typical, currency)}; on average {money(abs(bias), currency)} {'more' if bias > 0 else 'less'} came than projected."
    )


def season_said(book: Book) -> str:
    """What did the same weeks do a year ago? The projection knows no season."""
    moved, day = movements(book)["collections"], as_of(book) - pd.Timedelta(days=364)
    before, after = (
        moved.loc[day - pd.Timedelta(days=DAYS - 1) : day],
        moved.loc[day + pd.Timedelta(days=1) : day + pd.Timedelta(days=DAYS)],
    )
    if len(before) < DAYS or before.sum() <= 0:
        return "The data hold no such weeks a year ago, so that a season can't be seen."
    change = after.sum() / before.sum() - 1
    return f"A year ago the 13 weeks after this day brought {percent(abs(change), 0)} {'more' if change >= 0 else 'less'} money from buyers than the 13 before it; the projection takes them to be alike."
