"""Where the money sits: goods, claims on marketplaces, deposits with suppliers, debts and the bank, and how long it is tied up."""

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.capital_and_cash import capital
from helpers.contract import NOBODY
from helpers.days import as_of
from helpers.facts import WINDOW, order_to_payout
from helpers.ratios import ratio
from helpers.text import count, days, join_names, label, money, number, title

ITEMS = {
    "stock": "goods at cost, at each store's last snapshot",
    "receivables": "orders not yet paid out, after fees and refunds",
    "prepaid_purchases": "paid to suppliers, goods not yet in",
    "payables": "goods in, suppliers not yet paid",
    "cash": "in the bank",
}
"""Where the money sits; payables are negative, and all items add up to the capital in the business."""
_TABLES = {
    "stock": "inventory",
    "receivables": "payouts",
    "prepaid_purchases": "purchases",
    "payables": "purchases",
    "cash": "cash_balances",
}

# Each order belongs to an account: its store and channel. Where a payout names its order, orders are settled one by one; else sums are
# (a payout without a channel settles all channels of the store that have no payout of their own). Orders older than `payout_days`
# before the account's first payout are left out: who paid them isn't on record.
_CLAIMS = """
    with lines as (
        select store, order_id, line_no, channel, currency, cast(ordered_at as date) as day,
               case when status = 'cancelled' then 0
                    else gross_amount - coalesce(discount_amount, 0) + coalesce(shipping_income, 0) - coalesce(platform_fee, 0) end as amount
        from order_lines where {scope}),
    orders as (
        select store, order_id, min(day) as ordered_on, arg_min(channel, line_no) as channel, min(day) < max(day) or min(channel) < max(channel) as mixed
        from lines group by store, order_id),
    mixed as (select * from orders where mixed),  -- of all others each line knows the order's day and channel, which spares a join
    sold as (
        select l.store, coalesce(m.channel, l.channel) as channel, currency, day as rated, coalesce(ordered_on, day) as sold_on, day, sum(amount) as amount
        from lines l left join mixed m using (store, order_id) group by all),
    back as (
        select r.store, coalesce(m.channel, l.channel) as channel, r.currency, day as rated, coalesce(ordered_on, day) as sold_on, refunded_on as day,
               sum(coalesce(r.fee_refunded, 0) - r.refund_amount) as amount
        from returns r join lines l using (store, order_id, line_no) left join mixed m using (store, order_id) group by all),
    came as (
        select r.store, o.channel, r.currency, ordered_on, paid_on as day, sum(amount) as amount, sum(value) as value
        from receipts r join orders o using (store, order_id) where order_id <> '' group by all),
    named as (select distinct store, channel from came),
    sums as (select distinct store, channel from receipts where order_id = '' and {scope}),
    accounts as (
        select o.store, o.channel, n.store is not null as by_order, case when n.store is null and s.store is null then '' else o.channel end as account
        from (select distinct store, channel from sold) o left join named n using (store, channel) left join sums s using (store, channel)
        where n.store is not null or s.store is not null or (o.store, '') in (select (store, channel) from sums)),
    due as (
        select store, account, by_order, e.currency, sold_on, case when by_order then sold_on else day end as ordered_on, day, amount,
               cast(amount as decimal(20,4)) * case when e.currency = $home then cast(1 as decimal(18,10)) else f.rate end as value
        from (from sold union all from back) e join accounts using (store, channel) asof left join fx_rates f on e.currency = f.currency and e.rated >= f.date),
    paid as (
        select store, account, by_order, currency, ordered_on as sold_on, ordered_on, day, amount, value from came join accounts using (store, channel) where by_order
        union all
        select r.store, a.account, false, r.currency, null, null, paid_on, amount, value
        from receipts r join (select distinct store, account from accounts where not by_order) a on r.store = a.store and r.channel = a.account),
    since as (select store, account, min(day) - cast($grace as integer) as first_day from paid group by store, account),
    both_sides as (
        select store, account, by_order, currency, sold_on, ordered_on, day, amount as due, value as due_value, 0 as paid, 0 as paid_value from due
        union all
        select store, account, by_order, currency, sold_on, ordered_on, day, 0, 0, amount, value from paid)
"""


def _grace(book: Book) -> dict:
    return {"home": book.currency, "grace": min(book.policy.cash.payout_days, 3650)}


@remembered
def claims(book: Book) -> pd.DataFrame:
    """What buyers' money is due from each store and channel, and what came, by the day of the order and of the event.

    Columns: store, account (the channel; '' where payouts name none), by_order (settled order by order), currency, own_currency (all of the
    account is in this one; else compare values), ordered_on (where sums are paid, the day of the sale or refund; blank for the sums),
    day_of (number of the account's ordered_on, from 0 and without gaps: the rows are in its order), day (of the sale, refund or payout),
    due, paid (in the currency), due_value, paid_value (reporting currency: at the order day's rate as in the ledger; at the payout day's rate).
    Due = gross − discount + shipping − platform fee − refunds + fees refunded. Stores and channels without any payout are left out.
    """
    columns = ["store", "account", "by_order", "currency", "own_currency", "ordered_on", "day_of", "day", "due", "paid", "due_value",
               "paid_value"]  # fmt: skip
    if "payouts" in book.missing:
        return pd.DataFrame(columns=columns)
    frame = book.sql(
        f"""{_CLAIMS}
            select store, account, by_order, currency, min(currency) over whole = max(currency) over whole as own_currency, ordered_on, day,
                   dense_rank() over (order by store, account, by_order, ordered_on nulls last) - 1 as day_of, due, paid, due_value, paid_value
            from (select store, account, by_order, currency, ordered_on, day, cast(sum(due) as double) as due, cast(sum(paid) as double) as paid,
                         cast(sum(due_value) as double) as due_value, cast(sum(paid_value) as double) as paid_value
                  from both_sides join since using (store, account)
                  where sold_on is null or sold_on >= first_day
                  group by store, account, by_order, currency, ordered_on, day)
            window whole as (partition by store, account)
            order by store, account, by_order, ordered_on nulls last, currency, day""",
        **_grace(book),
    )
    return frame.assign(ordered_on=pd.to_datetime(frame["ordered_on"]), day=pd.to_datetime(frame["day"]))[columns]


def rates(book: Book, day: pd.Timestamp) -> dict[str, float]:
    """The exchange rate of each currency on a day: the last one on or before it; the reporting currency is 1."""
    known = _rates(book)
    last = known[known["date"] <= day].groupby("currency")["rate"].last()
    return last.to_dict() | {book.currency: 1.0}


@remembered
def _rates(book: Book) -> pd.DataFrame:
    found = book.sql("select date, currency, cast(rate as double) as rate from fx_rates order by currency, date")
    return found.assign(date=pd.to_datetime(found["date"]))


def _valued(frame: pd.DataFrame, column: str, rate: dict[str, float]) -> pd.Series:
    """due or paid of claims in the reporting currency: of one currency, at these rates; else as each was booked."""
    codes, currencies = pd.factorize(frame["currency"])
    each = np.array([*(rate.get(name, np.nan) for name in currencies), np.nan])[codes]
    return (frame[column].astype(float) * each).where(frame["own_currency"].astype(bool), frame[f"{column}_value"]).astype(float)


@remembered
def open_items(book: Book, day: pd.Timestamp) -> pd.DataFrame:
    """What was still due on the evening of a day, by account and day of the order: store, account, by_order, ordered_on, open, age (days).

    open in the reporting currency, at the day's rate; negative where more came than was due. Sums that name no order settle the oldest first.
    """
    columns = ["store", "account", "by_order", "ordered_on", "open", "age"]
    frame = claims(book)
    inside = (frame["day"] <= day).to_numpy()
    if not inside.any():
        return pd.DataFrame(columns=columns)
    day_of = frame["day_of"].to_numpy()
    first, rate, parts = np.diff(day_of, prepend=-1) != 0, rates(book, day), []
    sums = {name: np.bincount(day_of[inside], _valued(frame, name, rate).to_numpy()[inside], first.sum()) for name in ("due", "paid")}
    each = frame.loc[first, columns[:4]].assign(**sums)[np.bincount(day_of[inside], minlength=first.sum()) > 0]
    for (_, _, by_order), account in each.groupby(["store", "account", "by_order"], sort=True):
        dated = account[account["ordered_on"].notna()]
        if by_order:
            parts.append(dated.assign(open=dated["due"] - dated["paid"]))
        else:
            parts.append(dated.assign(open=unsettled(dated["due"].to_numpy(float), float(account["paid"].sum()))))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(open=frame["open"].round(6) + 0.0, age=(day - frame["ordered_on"]).dt.days)
    return frame[frame["open"] != 0].reset_index(drop=True)[columns]


def unsettled(due: np.ndarray, paid: float) -> np.ndarray:
    """What is left of amounts, oldest first, after a sum was paid on them; what was paid beyond them is a negative last one.

    >>> unsettled(np.array([100.0, 50.0, 70.0]), 120.0).tolist(), unsettled(np.array([100.0, 50.0]), 160.0).tolist()
    ([0.0, 30.0, 70.0], [0.0, -10.0])
    """
    left = np.diff(np.maximum(np.cumsum(due), paid), prepend=paid)
    if len(left) and due.sum() < paid:
        left[-1] = due.sum() - paid
    return left


def receivable_at(book: Book, day: pd.Timestamp) -> float:
    """What buyers' money is still to come on the evening of a day: the sum of `open_items`, all that was due less all that came."""
    frame = claims(book)
    frame, rate = frame[frame["day"] <= day], rates(book, day)
    return float((_valued(frame, "due", rate) - _valued(frame, "paid", rate)).sum())


@remembered
def settled(book: Book) -> pd.DataFrame:
    """Which orders' money came when? store, account, by_order, ordered_on, paid_on, days (from order to payout), value (reporting currency).

    Sums that name no order are matched with the oldest sales, less refunds, that were still due: what comes later changes no earlier match.
    Only money that came in, not what was taken back.
    """
    frame = claims(book)
    columns = ["store", "account", "by_order", "ordered_on", "paid_on", "days", "value"]
    by_order = frame["by_order"].astype(bool)
    named = frame[by_order & (frame["paid_value"] > 0)].rename(columns={"day": "paid_on", "paid_value": "value"})
    parts = [named[["store", "account", "by_order", "ordered_on", "paid_on", "value"]]]
    for (store, account), rows in frame[~by_order].groupby(["store", "account"], sort=True):
        own = bool(rows["own_currency"].iloc[0])  # in its currency, or a rate that moves would look like money that comes ever later
        due = rows[rows["ordered_on"].notna()].groupby("ordered_on")["due" if own else "due_value"].sum()
        paid = rows[rows["ordered_on"].isna()].groupby("day")[["paid", "paid_value"]].sum()
        pairs = matched(due, paid["paid" if own else "paid_value"])
        rate = pairs["paid_on"].map(paid["paid_value"] / paid["paid"].where(paid["paid"] != 0)) if own and len(pairs) else 1.0
        parts.append(pairs.assign(value=pairs["value"] * rate, store=store, account=account, by_order=False))
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(days=(frame["paid_on"] - frame["ordered_on"]).dt.days)
    # A sum that comes before its orders pays others that aren't on record.
    return frame[frame["days"] >= 0].reset_index(drop=True)[columns]


def matched(due: pd.Series, paid: pd.Series) -> pd.DataFrame:
    """Sums paid held against amounts due, oldest first: ordered_on, paid_on, value. Both series by day, in its order.

    >>> days = pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-09", "2025-01-10"])
    >>> frame = matched(pd.Series([100.0, 50.0], days[:2]), pd.Series([120.0, 30.0], days[2:]))
    >>> frame["value"].tolist(), (frame["paid_on"] - frame["ordered_on"]).dt.days.tolist()
    ([100.0, 20.0, 30.0], [8, 7, 8])
    """
    owed, came = (np.maximum.accumulate(np.cumsum(side.to_numpy(float))) if len(side) else np.zeros(0) for side in (due, paid))
    ends = np.unique(np.concatenate([owed, came]))
    ends = ends[(ends > 0) & (ends <= min(owed[-1] if len(owed) else 0, came[-1] if len(came) else 0) + 1e-9)]
    places = [np.minimum(np.searchsorted(side, ends - 1e-9), len(side) - 1) for side in (owed, came)]
    frame = pd.DataFrame({"ordered_on": due.index[places[0]] if len(ends) else [], "paid_on": paid.index[places[1]] if len(ends) else []})
    return frame.assign(value=np.diff(ends, prepend=0.0)) if len(ends) else frame.assign(value=pd.Series(dtype=float))


def payout_days(book: Book, level: str = "channel") -> pd.DataFrame:
    """How long does each store and channel hold buyers' money? Payouts of the last 90 days, weighted by money.

    Columns: store, channel, days (order to payout, mean), slowest (days within which 9 of 10 of the money came), came (in the 90 days),
    receivable (still held at the month's end), overdue (of it, of orders older than the policy's payout_days), by_order.
    """
    day = as_of(book)
    pairs = settled(book)
    recent = pairs[(pairs["paid_on"] <= day) & (pairs["paid_on"] > day - pd.Timedelta(days=WINDOW))] if len(pairs) else pairs
    rows = []
    for (store, account), held in open_items_by_account(book, day).items():
        came = recent[(recent["store"] == store) & (recent["account"] == account)]
        late = held[(held["age"] > book.policy.cash.payout_days) & (held["open"] > 0)]["open"].sum()
        by_order = bool(held["by_order"].any()) if len(held) else bool(came["by_order"].any())
        mean = float((came["value"] * came["days"]).sum() / came["value"].sum()) if came["value"].sum() > 0 else np.nan
        rows.append((store, account or "all", mean, _within(came, 0.9), came["value"].sum(), held["open"].sum(), late, by_order))
    frame = pd.DataFrame(rows, columns=["store", "channel", "days", "slowest", "came", "receivable", "overdue", "by_order"])
    return frame.sort_values(["receivable", "store", "channel"], ascending=[False, True, True], ignore_index=True)


def open_items_by_account(book: Book, day: pd.Timestamp) -> dict[tuple[str, str], pd.DataFrame]:
    """The open items of every account that had a sale or payout by the day, also of those with nothing open."""
    items = open_items(book, day)
    known = claims(book)
    keys = known.loc[known["day"] <= day, ["store", "account"]].drop_duplicates().itertuples(index=False, name=None)
    parts = dict(list(items.groupby(["store", "account"])))
    return {key: parts.get(key, items.iloc[:0]) for key in keys}


def _within(pairs: pd.DataFrame, part: float) -> float:
    """Days within which this part of the money came."""
    by_days = pairs.groupby("days")["value"].sum().cumsum()
    return float(by_days.index[np.searchsorted(by_days.to_numpy(), part * by_days.iloc[-1] - 1e-9)]) if len(by_days) else np.nan


@remembered
def purchases(book: Book) -> pd.DataFrame:
    """Goods bought, whole company: product_id, ordered_on, received_on, paid_on, quantity, worth (reporting currency, at the order day's rate)."""
    frame = book.sql(
        """select product_id, ordered_on, received_on, paid_on, cast(quantity as bigint) as quantity,
                  cast(amount as double) * case when p.currency = $home then 1 else cast(f.rate as double) end as worth
           from purchases p asof left join fx_rates f on p.currency = f.currency and p.ordered_on >= f.date
           order by ordered_on, product_id, received_on, paid_on, worth""",
        home=book.currency,
    )
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("ordered_on", "received_on", "paid_on")})


def owed(frame: pd.DataFrame, day: pd.Timestamp) -> dict[str, float]:
    """Prepaid and owed on the evening of a day, as frames of `purchases` tell it: prepaid_purchases and payables (negative)."""
    paid, received = frame["paid_on"] <= day, frame["received_on"] <= day
    return {"prepaid_purchases": frame.loc[paid & ~received, "worth"].sum(), "payables": 0.0 - frame.loc[received & ~paid, "worth"].sum()}


@remembered
def bank(book: Book) -> pd.DataFrame:
    """The balance of each account, whole company: date, account, balance, currency; sorted."""
    frame = book.sql("select date, account, cast(balance as double) as balance, currency from cash_balances order by account, date")
    return frame.assign(date=pd.to_datetime(frame["date"]))


def cash_at(book: Book, day: pd.Timestamp) -> float:
    """Money in the bank on the evening of a day: each account's last balance on or before it, at the day's rate; blank without any."""
    known = bank(book)
    known = known[known["date"] <= day].groupby("account").tail(1)
    return float((known["balance"] * known["currency"].map(rates(book, day))).sum()) if len(known) else np.nan


@remembered
def position(book: Book, months: int = 13) -> pd.DataFrame:
    """Where did the money sit at the end of each month? month, item (of ITEMS), amount; sums of a month are the capital in the business.

    The month of the book as far as the data reach. An item whose table is missing has no row; suppliers and the bank are the company's, so
    a store has neither. Stock of unknown cost is left out.
    """
    last, rows = as_of(book), []
    wanted = [month for month in book.months_back(months) if month >= book.months[0]]
    ends = {month: min(pd.Period(month, "M").end_time.normalize(), last) for month in wanted}
    company = book.scope == "company"
    if "inventory" not in book.missing:
        worth = _stock_at(book, list(ends.values()))
        rows += [(month, "stock", worth[day]) for month, day in ends.items() if day in worth]
    if "payouts" not in book.missing:
        rows += [(month, "receivables", receivable_at(book, day)) for month, day in ends.items()]
    if company and "purchases" not in book.missing:
        rows += [(month, *pair) for month, day in ends.items() for pair in owed(purchases(book), day).items()]
    if company and "cash_balances" not in book.missing:
        rows += [(month, "cash", cash_at(book, day)) for month, day in ends.items()]
    return pd.DataFrame(rows, columns=["month", "item", "amount"]).dropna().reset_index(drop=True)


def _stock_at(book: Book, days: list[pd.Timestamp]) -> dict[pd.Timestamp, float]:
    """Stock at cost on the evenings of some days: each store's last snapshot on or before; days before the first snapshot are left out."""
    found = book.sql(
        """select day, cast(sum(value) as double) as worth from (select unnest($days) as day)
           join (select store, date, sum(value) as value, lead(date, 1, date '9999-12-31') over (partition by store order by date) as until
                 from stock where {scope} group by store, date) on date <= day and until > day
           group by day order by day""",
        days=[day.date() for day in days],
    )
    return {pd.Timestamp(day): worth for day, worth in zip(found["day"], found["worth"].fillna(0.0), strict=True)}


@remembered
def cycle(book: Book, months: int = 13) -> pd.DataFrame:
    """How many days does money travel from the supplier to the buyer and back, month by month?

    month, inventory_days, payout_days (order to payout), payment_days (receipt to payment), cycle: their sum less the last (blank where
    one is missing); all over the 90 days that end with the month, as in metrics.csv. Suppliers know no store, so a store has no cycle.
    """
    wanted = [month for month in book.months_back(months) if month >= book.months[0]]
    ends = pd.DataFrame({"month": wanted, "last": [pd.Period(month, "M").end_time.date() for month in wanted]})
    days = ends["last"].tolist()
    parts = [_inventory_days(book, days), _by_day(order_to_payout(book, days)), _payment_days(book, days)]
    frame = ends.assign(**{name: ends["last"].map(part).astype(float) for part, name in
                           zip(parts, ("inventory_days", "payout_days", "payment_days"), strict=True)}).drop(columns="last")  # fmt: skip
    if book.scope != "company":
        frame["payment_days"] = np.nan
    return frame.assign(cycle=frame["inventory_days"] + frame["payout_days"] - frame["payment_days"])


def _by_day(frame: pd.DataFrame) -> dict:
    return {pd.Timestamp(last).date(): days for last, days in zip(frame["last"], frame["days"], strict=True)}


def _inventory_days(book: Book, days: list) -> dict:
    frame = book.sql(
        f"""with ends as (select unnest($days) as last),
                 worth as (select store, date, sum(value) as value from stock where {{scope}} group by store, date),
                 mean as (select last, sum(value) as value from (
                              select last, store, avg(cast(coalesce(value, 0) as double)) as value
                              from ends join worth on date <= last and date > last - {WINDOW} group by last, store) group by last),
                 sold as (select day, cast(-sum(cogs) as double) as cogs from ledger where kind in ('sale', 'return') and {{scope}} group by day),
                 costs as (select last, sum(cogs) as cogs from ends join sold on day <= last and day > last - {WINDOW} group by last)
            select last, value as worth, coalesce(cogs, 0) as cogs from mean left join costs using (last) order by last""",
        days=days,
    )
    days_left = ratio(frame["worth"], frame["cogs"]) * WINDOW
    return _by_day(frame.assign(days=days_left.where((frame["cogs"] > 1e-9) | (frame["worth"] <= 1e-9), np.inf)))


def _payment_days(book: Book, days: list) -> dict:
    bought, found = purchases(book), {}
    for last in days:
        end = pd.Timestamp(last)
        paid = bought[(bought["paid_on"] <= end) & (bought["paid_on"] > end - pd.Timedelta(days=WINDOW)) & bought["received_on"].notna()]
        waited = (paid["paid_on"] - paid["received_on"]).dt.days
        found[last] = float((paid["worth"] * waited).sum() / paid["worth"].sum()) if paid["worth"].sum() > 0 else np.nan
    return found


def unfollowed(book: Book) -> pd.DataFrame:
    """Stores and channels that sold in the last 90 days and of which no payout is on record: store, channel, sold (net sales less platform fees)."""
    frame = book.sql(
        """select store, channel, cast(sum(gross_sales + discounts + shipping_income + refunds + platform_fees) as double) as sold
           from ledger where kind in ('sale', 'return') and day > $start and day <= $last and {scope} group by store, channel order by store, channel""",
        start=(as_of(book) - pd.Timedelta(days=WINDOW)).date(), last=as_of(book).date(),
    )  # fmt: skip
    known = {(store, account) for store, account in claims(book)[["store", "account"]].drop_duplicates().itertuples(index=False)}
    followed = [(store, channel) in known or (store, "") in known for store, channel in zip(frame["store"], frame["channel"], strict=True)]
    return frame[~np.array(followed, dtype=bool)].reset_index(drop=True)


def gap_rows(book: Book) -> pd.DataFrame:
    """Orders whose payouts differ from what is due, the most money first: order, store, channel, state, missing (reporting currency; negative:
    paid too much)."""
    frame = capital.payout_gaps(book) if "payouts" not in book.missing else pd.DataFrame(columns=["entity", "store", "channel", "state"])
    if frame.empty:
        return pd.DataFrame(columns=["order", "store", "channel", "state", "missing"])
    frame = frame[frame["mismatch"]]
    frame = frame.assign(missing=-np.sign(frame["difference"]) * frame["abs_difference"]).rename(columns={"entity": "order"})
    frame = frame.sort_values(["abs_difference", "order"], ascending=[False, True], ignore_index=True)
    return frame[["order", "store", "channel", "state", "missing"]]


# ---- aloud ---------------------------------------------------------------------------------------------------------------------


def position_wide(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `position` as a row per month, oldest first, a column per item and their sum, `in_the_business`."""
    wide = frame.pivot(index="month", columns="item", values="amount").reindex(
        columns=[item for item in ITEMS if item in set(frame["item"])]
    )
    return wide.assign(in_the_business=wide.sum(axis=1)).rename_axis(columns=None).reset_index() if len(wide) else wide.reset_index()


def position_said(book: Book) -> str:
    """Where does the money sit, and how did that change over the months?"""
    wide, currency = position_wide(position(book)), book.currency
    tables = list(dict.fromkeys(_TABLES.values())) if book.scope == "company" else ["inventory", "payouts"]
    if wide.empty:
        return "No table says where the money sits." + book.lacks(*tables)
    now, first = wide.iloc[-1], wide.iloc[0]
    words = {
        "stock": "in goods",
        "receivables": "still to come from buyers",
        "prepaid_purchases": "paid ahead to suppliers",
        "cash": "in the bank",
    }
    parts = [f"{money(now[item], currency)} {said}" for item, said in words.items() if item in wide]
    said = f"{money(now['in_the_business'], currency)} is in the business: {join_names(parts, 9, 90)}"
    said += f", less {money(-now['payables'], currency)} owed to suppliers." if "payables" in wide else "."
    if unknown := _of_unknown_cost(book):
        said += f" Goods of {count(unknown, 'product')} without a known cost are not in it."
    if len(wide) > 1:
        said += f" In {first['month']} it was {money(first['in_the_business'], currency)}."
    return said + book.lacks(*tables)


def _of_unknown_cost(book: Book) -> int:
    """How many products lie in stock, at their stores' last snapshots by the month's end, of which nobody knows what they cost?"""
    found = book.sql(
        """select count(distinct product_id) as n from stock
           join (select store, max(date) as date from stock where date <= $last group by store) using (store, date)
           where value is null and on_hand <> 0 and {scope}""",
        last=book.last_day.date(),
    )
    return int(found["n"].iloc[0])


def cycle_lines(book: Book) -> pd.DataFrame:
    """The cycle and its parts for a figure: month, what, days."""
    names = {"inventory_days": "goods lie", "payout_days": "buyers' money", "payment_days": "suppliers wait", "cycle": "money is away"}
    return cycle(book).rename(columns=names).melt("month", list(names.values()), var_name="what", value_name="days")


def held_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `payout_days` with one name per channel and store, for a figure and a table: who, receivable, days, slowest, overdue."""
    who = [f"{channel} in {store}" for channel, store in zip(frame["channel"], frame["store"], strict=True)]
    return frame.assign(who=who)[["who", "receivable", "overdue", "days", "slowest"]]


def cycle_said(book: Book) -> str:
    """How many days is money away, what does it consist of, and how did it move?"""
    if book.scope != "company":
        return "Purchases know no store, so only the company has a cash conversion cycle; its page shows it."
    frame = cycle(book)
    if frame.empty or pd.isna(frame["cycle"].iloc[-1]):
        blank = (
            []
            if frame.empty
            else [title(name) for name in ("inventory_days", "payout_days", "payment_days") if pd.isna(frame[name].iloc[-1])]
        )
        why = f" Not known for the month: {join_names(blank)}." if blank else ""
        return "No cycle can be told." + why + book.lacks("inventory", "payouts", "purchases")
    now, first = frame.iloc[-1], frame.dropna(subset="cycle").iloc[0]
    return (
        f"Money is away for {days(now['cycle'])}: goods lie for {days(now['inventory_days'])}, buyers' money takes {days(now['payout_days'])}, and"
        f" suppliers wait for {days(now['payment_days'])}. In {first['month']} it was {days(first['cycle'])}."
    )


def held_said(book: Book, frame: pd.DataFrame) -> str:
    """Who holds how much of buyers' money, and what would a day less free? frame: payout_days."""
    currency = book.currency
    if frame.empty:
        return "No payout is on record, so nobody can say who holds what." + book.lacks("payouts")
    most, slow = frame.iloc[0], frame.sort_values(["days", "store"], ascending=[False, True]).iloc[0]
    said = f"{money(frame['receivable'].sum(), currency)} of buyers' money is not paid out yet, the most by {_account(most)}: {money(most['receivable'], currency)}."
    if pd.notna(slow["days"]):
        said += f" The slowest is {_account(slow)} with {number(slow['days'], 1)} days. A day sooner everywhere would free {money(frame['came'].sum() / WINDOW, currency)}."
    late = frame["overdue"].sum()
    if late > 0.005:
        said += f" {money(late, currency)} is older than {days(book.policy.cash.payout_days)}."
    blind = unfollowed(book)
    if len(blind):
        names = join_names(sorted({f"{row.channel} in {row.store}" for row in blind.itertuples()}))
        said += f" No payout is on record for {names}: of {money(blind['sold'].sum(), currency)} of the last 90 days nobody can say whether it came."
    return said


def _account(row: pd.Series) -> str:
    return f"{label(row['channel'])} in {label(row['store'])}"


def gaps_said(book: Book) -> str:
    """How many orders are paid wrongly, and how much money is that?"""
    if "payouts" in book.missing:
        return "Without payouts nothing can be held against the orders." + book.lacks("payouts")
    looked, rows = capital.payout_gaps(book), gap_rows(book)
    if looked.empty:
        return "No payout of these days names its order, so none can be held against it."
    owed, over = rows.loc[rows["missing"] > 0, "missing"].sum(), -rows.loc[rows["missing"] < 0, "missing"].sum()
    states = looked["state"].value_counts()
    said = f"Of {number(len(looked))} orders that are paid one by one, {number(states.get('matched', 0))} match to the cent"
    said += f" and {number(states['not due yet'])} are not due yet." if "not due yet" in states else "."
    said += f" {money(owed, book.currency)} is missing on {number((rows['missing'] > 0).sum())} of them" if owed else " Nothing is missing"
    return said + (f", and {money(over, book.currency)} too much came on {number((rows['missing'] < 0).sum())}." if over else ".")


# ---- for metrics.csv -------------------------------------------------------------------------------------------------------------


def capital_metrics(book: Book) -> pd.DataFrame:
    """The month's money in stock, with buyers, suppliers and in the bank, as rows of `metrics.metrics`: level, entity, metric, value."""
    day, rows = as_of(book), []
    if book.scope == "company":
        last = position(book, 1)
        rows += [
            ("company", "company", "bank_balance" if item == "cash" else item, amount)
            for item, amount in zip(last["item"], last["amount"], strict=True)
        ]
    if "inventory" not in book.missing:
        rows += [("store", store, "stock", worth) for store, worth in _stock_by_store(book, day).items()]
    held = payout_days(book)
    held = held.assign(channel=held["channel"].where(held["channel"] != "all", NOBODY["channel"]), weighted=held["days"] * held["came"])
    for level in ("company", "store", "channel") if book.scope == "company" else ("store", "channel"):
        by = held["channel"] if level == "channel" else held["store"] if level == "store" else pd.Series("company", held.index)
        sums = held.groupby(by, sort=True)[["receivable", "came", "weighted"]].sum()
        if level != "company":
            rows += [(level, entity, "receivables", value) for entity, value in sums["receivable"].items()]
        rows += [(level, entity, "order_to_payout_days", value) for entity, value in ratio(sums["weighted"], sums["came"]).items()]
    return pd.DataFrame(rows, columns=["level", "entity", "metric", "value"])


def _stock_by_store(book: Book, day: pd.Timestamp) -> dict[str, float]:
    found = book.sql(
        """select store, cast(sum(value) as double) as worth from stock join (select store, max(date) as date from stock where date <= $day group by store)
           using (store, date) where {scope} group by store order by store""",
        day=day.date(),
    )
    return dict(zip(found["store"], found["worth"].fillna(0.0), strict=True))
