"""What notebook 08 says in sentences: each reads one frame of the topic aloud. Text made of names is escaped where it is shown."""

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.days import as_of
from helpers.decisions import sentence
from helpers.stock_and_fulfilment import clearance, fulfilment, ordering, returned, stock
from helpers.text import count, days, join_names, label, money, number, percent, signed_money


def _day(value) -> str:
    return f"{pd.Timestamp(value):%Y-%m-%d}"


def answer(book: Book) -> list[str]:
    """The page's first lines: what lies and how long, what is missing or promised twice, what returns will still take, and the largest decision."""
    lying = [] if "inventory" in book.missing else [orders_said(book, ordering.reorder_list(book))]
    made = [] if "inventory" in book.missing else [first_decision(book)]
    return [cover_said(book, stock.cover(book)), *lying, matured_said(book, returned.matured(book)), *made]


def first_decision(book: Book) -> str:
    """The decision about stock with most money at stake."""
    made = clearance.decided(book)
    return sentence(made.iloc[0], book.currency) if len(made) else "No rule about stock fires this month." + book.lacks("inventory")


# ---- stock -----------------------------------------------------------------------------------------------------------------------


def cover_said(book: Book, frame: pd.DataFrame) -> str:
    """How much lies in stock, how long does it last both ways, and where do the two views disagree? frame: stock.cover."""
    if frame.empty:
        return "No stock is known in this month." + book.lacks("inventory")
    gate = book.policy.product.max_inventory_days
    value, slow = frame["value"].sum(), frame[frame["forward_days"] > gate]
    unknown = int(frame["value"].isna().sum())
    said = f"Stock at cost: {money(value, book.currency)}"
    said += f", without {count(unknown, 'product')} of unknown cost." if unknown else "."
    tied = slow["value"].sum() / value if value > 0 else np.nan
    said += f" Lasting longer than {days(gate)}, looking ahead: {count(len(slow), 'product')}"
    said += f" with {percent(tied)} of the money." if len(slow) and value > 0 else "."
    turned = frame[(frame["forward_days"] > gate) != (frame["inventory_days"] > gate)].dropna(subset="inventory_days")
    return said + (f" The two views disagree on {join_names(turned['name'])}." if len(turned) else "")


def season_said(book: Book) -> str:
    """What is the forecast of demand made of?"""
    factor = stock.season(book)
    if factor == 1.0:
        return "Demand ahead is taken as that of the last 90 days: the data hold no year to tell the season from."
    way = "less" if factor < 1 else "more"
    return f"Demand ahead is that of the last 90 days × {number(factor, 2)}: a year ago, the next 90 days sold {percent(abs(1 - factor))} {way} than these."


def ages_said(book: Book) -> str:
    """How old is what is known of the stock, and how often was it counted?"""
    frame = stock.snapshot_ages(book)
    if frame.empty:
        return ""
    oldest = frame.iloc[0]
    said = f"The last snapshot is of {_day(frame['snapshot'].max())}"
    if oldest["age_days"] > 0:
        said += f"; that of {label(oldest['store'])} is {days(oldest['age_days'])} old, so what was sold or came in since is not in it"
    said += f". In the last 90 days stock was counted on {number(frame['snapshots'].min())}"
    said += f" to {number(frame['snapshots'].max())}" if frame["snapshots"].min() != frame["snapshots"].max() else ""
    return said + " days a store."


def stock_outs_said(book: Book, frame: pd.DataFrame) -> str:
    """What did empty shelves cost, how sure is it, and what is empty now? frame: stock.stock_outs."""
    if "inventory" in book.missing:
        return "Empty shelves can't be seen." + book.lacks("inventory")
    if frame.empty:
        return "No snapshot of the last 90 days shows an empty shelf of a product that sold."
    first, empty = frame.iloc[0], frame[frame["empty_now"] & (frame["sold_30"] > 0)]
    lost = frame["lost_sales"].sum()
    said = f"Empty shelves probably cost {money(lost, book.currency)} of sales in 90 days"
    said += f" and {money(frame['lost_contribution'].sum(), book.currency)} of contribution before marketing."
    if lost > 0:
        said += f" Most: {label(first['name'])} in {label(first['store'])}, {number(first['lost_units'], 1)} units"
        said += (
            f" (95 %: {number(first['low_units'], 1)} to {number(first['high_units'], 1)}) in {days(first['empty_days'])} without stock."
        )
    return said + f" Empty at the last snapshot, and sold in the last 30 days: {count(len(empty), 'shelf', 'shelves')}."


def idle_said(book: Book) -> str:
    """How much stock lies where nothing sold for 30 days?"""
    lying = stock.positions(book)
    idle = lying[(lying["on_hand"] > 0) & (lying["sold_30"] == 0)]
    if lying.empty:
        return ""
    return f"The other side: {count(len(idle), 'shelf', 'shelves')} with stock and no sale in 30 days, {money(idle['value'].sum(), book.currency)} at cost."


def clear_said(book: Book, frame: pd.DataFrame) -> str:
    """What should be cleared, at which price, by when, and what is that worth? frame: clearance.clear_out."""
    if "inventory" in book.missing:
        return "Nothing can be called slow." + book.lacks("inventory")
    if frame.empty:
        return "No product is beyond the allowed days, so nothing must be cleared."
    cuts = frame[frame["cut"] > 0].sort_values("gain", ascending=False)
    dead = frame[frame["cut"].isna()]
    said = f"{count(len(frame), 'product')} to clear, {money(frame['value'].sum(), book.currency)} at cost."
    if len(cuts):
        row = cuts.iloc[0]
        said += f" {label(row['name'])} at {money(row['clear_price'], book.currency)}, {percent(row['cut'], 0)} off, sells {number(row['sold'])} of {number(row['on_hand'])} by {_day(row['clear_by'])} in place of {number(row['sold_now'])}:"
        said += f" {money(row['margin_given_up'], book.currency)} of margin given up, {money(row['holding_saved'], book.currency)} of holding saved,"
        said += f" {signed_money(row['gain'], book.currency)} in all."
    elif len(dead) < len(frame):
        said += " No cut pays: each would give up more margin than it saves by the date."
    return said + (f" Nothing sold of {join_names(dead['name'])} in 90 days, so no price can be told from the data." if len(dead) else "")


def answer_said(book: Book) -> str:
    """Where does the demand response come from? The company's own price changes, or the policy."""
    told = clearance.elasticities(book).set_index("entity")
    assumed = number(book.policy.stock.price_elasticity, 1)
    if "all" not in told.index:
        return f"No price changed by a tenth or more at enough units, so the response is the policy's assumption: 1 % off sells {assumed} % more."
    row = told.loc["all"]
    said = f"{count(row['changes'], 'price change')} of a tenth or more in the last year tell an elasticity of {number(row['elasticity'], 1)} ± {number(1.96 * row['error'], 1)}"
    if row["error"] <= clearance.WIDEST:
        return said + ", which is used for products without changes of their own."
    return said + f": too wide to use, so the policy's {assumed} stands in, and that is an assumption."


def orders_said(book: Book, frame: pd.DataFrame) -> str:
    """What must be ordered, for how much, and which runs out first? frame: ordering.reorder_list."""
    if frame.empty:
        return "No product has stock, sales and a lead time, so no order can be worked out." + book.lacks("inventory", "products")
    due = frame[frame["order"] > 0]
    if due.empty:
        return f"All {count(len(frame), 'product')} with a lead time stand above their reorder point."
    first = due.iloc[0]
    unknown = int(due["order_cost"].isna().sum())
    said = f"{count(len(due), 'product')} of {number(len(frame))} stand at or below the reorder point; ordering them costs {money(due['order_cost'].sum(), book.currency)}"
    said += f" (without {count(unknown, 'product')} of unknown cost)." if unknown else "."
    return said + (
        f" First {label(first['name'])}: it lasts until {_day(first['runs_out_on'])}, a delivery takes {days(first['lead_time_days'])},"
        f" and it runs out before with a probability of {percent(first['risk'], 0)}; order {number(first['order'])}."
    )


def lead_said(book: Book) -> str:
    """Do suppliers keep the lead time that the catalogue states?"""
    told = ordering.lead_times(book).merge(
        book.sql("select product_id as entity, lead_time_days from products where lead_time_days is not null order by 1"), on="entity"
    )
    if told.empty:
        return "No purchase tells how long deliveries really take; the stated lead times are taken as sure." + book.lacks("purchases")
    weights = told["receipts"]
    real, stated = (
        (told["mean_days"] * weights).sum() / weights.sum(),
        (told["lead_time_days"].astype(float) * weights).sum() / weights.sum(),
    )
    late = told[told["mean_days"] > told["lead_time_days"] + 2]
    said = f"{count(weights.sum(), 'delivery', 'deliveries')} of the last year took {number(real, 1)} days, stated were {number(stated, 1)}"
    return said + (f"; {count(len(late), 'product')} take two days longer than stated or more." if len(late) else ".")


def seasons_said(book: Book, frame: pd.DataFrame) -> str:
    """Which product is ordered once for its season, and what is the order a trade-off of? frame: ordering.season_orders."""
    growth, error, _ = ordering.year_on_year(book)
    if np.isnan(growth):
        return "Seasons can't be told: the data hold no year and 90 days before the month's end."
    if frame.empty:
        return (
            f"No product sold {percent(book.policy.stock.season_share, 0)} of its year in three months, or the data hold less than twelve."
        )
    row = frame.iloc[0]
    said = f"The last 90 days sold {number(growth, 2)} times those of a year ago"
    said += f", and product by product such a forecast is off by {percent(error, 0)}." if not np.isnan(error) else "."
    if pd.isna(row["quantity"]):
        return said + f" {label(row['name'])} has no known cost, so the risk of too many can't be weighed."
    return said + (
        f" {label(row['name'])}: a unit too few loses {money(row['price'] - row['costs'] - row['unit_cost'], book.currency)}, one too many"
        f" {money(row['unit_cost'] - row['salvage'], book.currency)}, so {percent(row['critical_ratio'], 0)} of seasons should end with every buyer served:"
        f" {number(row['quantity'])} units for an expected {number(row['mean'])}; order {number(row['order'])}."
    )


def watch_said(book: Book, frame: pd.DataFrame) -> str:
    """Who promised more than is there, and who could help? frame: stock.watch."""
    if "inventory" in book.missing:
        return "Nobody can say whether more is promised than there is." + book.lacks("inventory")
    if frame.empty:
        return "No store has promised more than it has."
    row = frame.iloc[0]
    said = f"{label(row['store'])} has promised {number(-row['available'])} {label(row['name'])} more than it has."
    helped = row["elsewhere"] + row["available"] >= 0
    if row["elsewhere"] > 0:
        said += f" Other stores have {number(row['elsewhere'])} to spare: {'move them' if helped else 'not enough'}, where stock is shared."
    said += (
        f" With what is on its way to any of them, {number(row['pool'])} would be left."
        if row["pool"] >= 0
        else " Even with what is on its way it isn't enough."
    )
    return said + (f" {count(len(frame) - 1, 'more shelf', 'more shelves')} below zero." if len(frame) > 1 else "")


# ---- product life ----------------------------------------------------------------------------------------------------------------


def launches_said(book: Book, frame: pd.DataFrame) -> str:
    """What have the launches of the last year brought in all? frame: product_life.launches."""
    if frame.empty:
        return "No product was launched in the last year since the data begin, or nobody knows when." + book.lacks("products")
    latest = frame.groupby("launch").last()
    total, losing = frame["contribution"].sum(), latest[latest["contribution_share"] < 0]
    said = f"Launches of {count(len(latest), 'month')} brought {money(total, book.currency)} of contribution so far"
    said += " (goods of unknown cost as if they had brought nothing)." if (frame["cost_coverage"] < 1).any() else "."
    return said + (f" Below zero in their latest month: those of {join_names(losing.index)}." if len(losing) else "")


def life_said(book: Book, frame: pd.DataFrame) -> str:
    """How long has the product left that comes first, and how sure is that? frame: product_life.weeks_left."""
    if frame.empty:
        return "No product's contribution falls more than chance explains (or too few weeks are known)."
    row = frame.iloc[0]
    slope = f"{number(-100 * row['slope'], 1)} points of its sales a week"
    if row["state"] == "below zero":
        said = f"{label(row['name'])} loses {slope} and is below zero already: stop now."
    else:
        said = f"{label(row['name'])} loses {slope} and has {number(row['weeks_left'], 1)} weeks left (95 %: {number(row['low'], 1)} to {number(row['high'], 1)}): stop by {_day(row['stop_on'])}."
    said += f" A month too late costs {money(row['a_month_late'], book.currency)}."
    return said + (f" {count(len(frame) - 1, 'more product')} on the way." if len(frame) > 1 else "")


def shapes_said(frame: pd.DataFrame) -> str:
    """Which shape would have told the last four weeks best? frame: product_life.shapes."""
    if frame.empty:
        return "Too few weeks to compare shapes of decay."
    best, worst = frame.iloc[0], frame.iloc[-1]
    return f"Told from the weeks before, the last four are best met by “{best['shape']}”: off by {number(100 * best['miss'], 1)} points of sales, “{worst['shape']}” by {number(100 * worst['miss'], 1)}."


# ---- fulfilment ------------------------------------------------------------------------------------------------------------------


def speed_said(book: Book) -> str:
    """How fast did orders leave and arrive, who is late, and what is still here?"""
    frame = fulfilment.speed(book)
    sent = frame[~frame["carrier"].isin(["not shipped", "not known"])]
    if sent.empty:
        return "No parcel of the month's orders is known." + book.lacks("shipments")
    orders, promised, late = sent["orders"].sum(), sent["promised"].sum(), sent["late"].sum()
    said = (
        f"{count(orders, 'order')} of the month left after {count((sent['processing_hours'] * sent['orders']).sum() / orders, 'hour')} on average"
    )
    arrived = sent["delivered"].sum()
    said += f" and took {count((sent['transit_hours'].fillna(0) * sent['delivered']).sum() / arrived, 'hour')} more." if arrived else "."
    if promised:
        worst = sent[sent["promised"] > 0].sort_values(["late_share", "late"], ascending=False).iloc[0]
        said += f" {percent(late / promised)} came later than promised; worst {label(worst['carrier'])} from {label(worst['store'])} with {percent(worst['late_share'])}."
    waits = fulfilment.waiting(book)
    return said + (
        f" {count(waits['orders'].sum(), 'order')} had not left by {_day(as_of(book))}, the oldest for {days(waits['oldest_days'].max())}."
        if len(waits)
        else ""
    )


def cost_said(book: Book) -> str:
    """Do the parcels' costs and what the ledger holds for fulfilment agree?"""
    frame = fulfilment.speed(book, ("store",)).dropna(subset="parcel_cost")
    if frame.empty:
        return ""
    orders = frame["orders"].sum()
    parcel, held = (frame["parcel_cost"] * frame["orders"]).sum() / orders, (frame["fulfilment"] * frame["orders"]).sum() / orders
    return f"A parcel costs {money(parcel, book.currency, 2)} an order; the ledger holds {money(held, book.currency, 2)} for picking, packing and carriage together, and only that is in profits."


def lanes_said(book: Book, frame: pd.DataFrame) -> str:
    """Where would another carrier be cheaper at the same speed? frame: fulfilment.cheaper."""
    if "shipments" in book.missing:
        return "Carriers can't be compared." + book.lacks("shipments")
    if frame.empty:
        return "No lane has a carrier that is cheaper, as fast and as punctual beyond chance."
    row = frame.iloc[0]
    return (
        f"On {count(len(frame), 'lane')} another carrier is cheaper at the same speed, {money(frame['saving'].sum(), book.currency)} a month in all."
        f" Most on {label(row['lane'])}: {label(row['instead'])} costs {money(row['instead_cost'], book.currency, 2)} in place of {money(row['cost'], book.currency, 2)}"
        f" and takes {count(row['instead_hours'], 'hour')} in place of {number(row['hours'])}."
    )


def praise_said(book: Book) -> str:
    """What are buyers pleased with, and what does lateness do to it?"""
    by_store, by_delivery = fulfilment.praise(book, "store"), fulfilment.praise(book, "delivery").set_index("entity")
    if by_store.empty:
        return "Nobody rated an order in the last 90 days." + book.lacks("reviews")
    ratings, praised = by_store["ratings"].sum(), by_store["praised"].sum()
    said = f"{percent(praised / ratings)} of {count(ratings, 'rating')} are praise (4 or 5)."
    if {"late", "on time"} <= set(by_delivery.index):
        late, timely = by_delivery.loc["late"], by_delivery.loc["on time"]
        said += f" Of parcels that came late it is {percent(late['rate'])}, on time {percent(timely['rate'])}"
        said += ": more than chance explains." if late["high"] < timely["low"] else ", which chance can explain."
    return said


# ---- returns ---------------------------------------------------------------------------------------------------------------------


def returns_said(book: Book) -> str:
    """What did the month's returns cost in full, and for which reason most?"""
    frame = returned.returns_by(book, "reason")
    if frame.empty:
        return "Nothing was given back in this month." + book.lacks("returns")
    known = frame[frame["entity"] != "not given"]
    first = known.iloc[0] if len(known) else frame.iloc[0]
    total, each = frame["beyond"].sum(), frame["beyond"].sum() / frame["returns"].sum()
    said = f"{money(frame['refund'].sum(), book.currency)} were given back in {count(frame['returns'].sum(), 'refund')}; beyond the money they cost {money(total, book.currency)}, {money(each, book.currency, 2)} each."
    blank = frame["not_costed"].sum()
    said += f" {count(blank, 'refund')} of goods of unknown cost {'is' if blank == 1 else 'are'} not written down in it." if blank else ""
    return said + f" First reason: {label(first['name'])}, {percent(first['share'])} of the refunds."


def matured_said(book: Book, frame: pd.DataFrame) -> str:
    """How good will the month look once its returns have arrived? frame: returned.matured."""
    if "returns" in book.missing:
        return "What comes back is not known, so every margin is before returns." + book.lacks("returns")
    now = frame[frame["month"] == book.month]
    if now.empty or pd.isna(now.iloc[0]["expected"]):
        return "Nothing of the month's sales has come back yet, so a factor has nothing to work on."
    row = now.iloc[0]
    if frame["age"].max() == 0:
        return f"{percent(row['rate'])} of {book.month}'s sales have come back so far. It is the only month known, so nobody can tell what is still to come."
    if row["to_come"] < 0.005:
        return f"{percent(row['rate'])} of {book.month}'s sales came back, and no more is expected."
    said = f"{percent(row['rate'])} of {book.month}'s sales have come back so far; × {number(row['factor'], 2)} it will be {percent(row['expected_rate'])}."
    oldest = frame["age"].max()
    if oldest < 3:
        said += f" Returns are known up to an age of {count(oldest, 'month')} only, so what comes later isn't in it."
    said += f" Another {money(row['to_come'], book.currency)} of refunds will take {money(-row['contribution_to_come'], book.currency)} of contribution"
    return said + (", and the month still runs." if as_of(book) < book.last_day else ".")


def yardstick_said(book: Book, frame: pd.DataFrame) -> str:
    """Whose goods come back most, on one yardstick? frame: returned.store_returns."""
    known = frame.dropna(subset="expected_rate")
    if "returns" in book.missing or known.empty:
        return "Which store's goods come back most can't be told." + book.lacks("returns")
    first, last = known.iloc[0], known.iloc[-1]
    said = f"Of the last six months' sales {percent(first['expected_rate'])} will have come back to {label(first['store'])}"
    said += f", and {percent(last['expected_rate'])} to {label(last['store'])}." if len(known) > 1 else "."
    waited = returned.refund_days(book).dropna(subset="mean_days")
    if len(waited):
        mean = (waited["mean_days"] * waited["known"]).sum() / waited["known"].sum()
        slow = waited.sort_values(["mean_days", "store"], ascending=[False, True]).iloc[0]
        said += f" This month's buyers waited {number(mean, 1)} days from asking to their money; longest in {label(slow['store'])}, where one in ten waited longer than {number(slow['slowest_tenth'], 1)}."
    return said
