"""What came in: rows and amounts held against their files, what was set aside and why, and how far the data can be believed.

Loading concerns the whole company, whatever the scope of a book. Functions that end in `_said` read a frame aloud in a sentence
that is true for any data; the others give small frames.
"""

import pandas as pd

from helpers.book import Book
from helpers.contract import NOBODY
from helpers.days import ends_early, order_days
from helpers.ratios import margins
from helpers.sources.reading import SUMMARY
from helpers.text import count, join_names, label, money, number, percent, upper_first

FEW = 0.5  # a store with less than half of its usual order lines deserves a look: a heuristic, no rule of the policy


def scope_said(book: Book) -> str:
    """Which part of this page is about the whole company? Empty in the company's own scope."""
    if book.scope == "company":
        return "This page is about the whole company."
    page = f"Files hold all stores, so this page is about the whole company, also in the report of {label(book.scope)}"
    return f"{page}; only profit is that store's."


# ---- rows ----------------------------------------------------------------------------------------------------------------------


def rows(book: Book) -> pd.DataFrame:
    """Is every row of every file in exactly one place? table, file, rows_in, loaded, set_aside, repeated, lost (what is left), encoding.

    rows_in is counted while the file is read, loaded after the checks, set_aside in the list of the rows that were set aside; repeated
    are records of an export that stand in another file too, or twice in theirs. For an export the adapter stands in the
    place of the table. The list doesn't tell who set a row aside: of a file that two adapters read, set_aside is what each of them counted.
    """
    return book.sql(
        """select l.table_name as "table", l.file, rows_in, loaded, aside as set_aside, repeated, rows_in - loaded - repeated - aside as lost, encoding
           from (select l.*, case when count(*) over (partition by file) > 1 then l.set_aside else coalesce(listed, 0) end as aside
                 from loads l left join (select file, count(distinct "row") as listed from set_aside group by file) s using (file)) l
           order by l.table_name <> 'order_lines', set_aside desc, l.table_name, l.file"""
    )


def rows_said(frame: pd.DataFrame) -> str:
    """Rows in = loaded + set aside, in a sentence. frame: rows."""
    came, loaded, aside, repeated, lost = (int(frame[name].sum()) for name in ("rows_in", "loaded", "set_aside", "repeated", "lost"))
    share = f" ({percent(aside / came, 2)})" if came else ""
    proof = "so no row is lost" if not frame["lost"].any() else f"but {number(abs(lost))} rows are unaccounted for: don't use these figures"
    words = f"{number(came)} rows came in from {count(len(frame), 'file')}: {number(loaded)} were loaded and {number(aside)} set aside"
    again = f", {number(repeated)} repeat{'s another row' if repeated == 1 else ' other rows'}" if repeated else ""
    return f"{words}{share}{again}, {proof}."


def reasons(book: Book) -> pd.DataFrame:
    """Why were rows set aside? One row per file, column and reason, the most frequent first.

    Columns: file, column, where (both, for a chart), reason, rows, first_row, example.
    """
    return book.sql(
        """select file, "column", concat_ws(': ', file, nullif("column", '')) as "where", reason, count(*) as rows,
                  min("row") as first_row, coalesce(arg_min(coalesce("value", ''), "row"), '') as example
           from set_aside group by all order by rows desc, file, "column", reason"""
    )


def reasons_said(frame: pd.DataFrame) -> str:
    """The most frequent reason in a sentence. frame: reasons."""
    if frame.empty:
        return "Every row could be used; nothing was set aside."
    first, rows_aside = frame.iloc[0], int(frame["rows"].sum())
    example = f" (for example {label(first['example'])})" if first["example"] else ""
    where = f"{label(first['where'], 80)}: {label(first['reason'], 100)}{example}"
    if len(frame) > 1 and first["rows"] == 1:
        return f"{count(rows_aside, 'row')} set aside, each for a reason or in a column of its own; the first is {where}."
    others = f" There are {count(len(frame), 'different reason')} in all." if len(frame) > 1 else ""
    return f"Of {count(rows_aside, 'row')} set aside, {number(first['rows'])} stand{'s' if first['rows'] == 1 else ''} in {where}.{others}"


def aside(book: Book) -> pd.DataFrame:
    """The rows that were set aside: file, row (as a spreadsheet numbers it), column, value, reason."""
    return book.sql(
        'select file, "row", "column", coalesce("value", \'\') as "value", reason from set_aside order by file, "row", "column"'
    ).astype({"row": str})


# ---- amounts -------------------------------------------------------------------------------------------------------------------


def amounts(book: Book) -> pd.DataFrame:
    """Do the amounts add up like the rows? table, column, amount_in, loaded, set_aside, lost, unreadable (cells without a number).

    Sums of the numbers as they are written, whatever their currency; amount_in is summed straight from the files.
    """
    frame = book.sql(
        """select table_name as "table", column_name as "column", amount_in, loaded, set_aside,
                  amount_in - loaded - set_aside as lost, unreadable
           from amounts where amount_in <> 0 or unreadable > 0"""
    )
    return frame.sort_values("table", key=lambda names: names.ne("order_lines"), kind="stable", ignore_index=True)


def amounts_said(frame: pd.DataFrame) -> str:
    """Amounts in = loaded + set aside, in a sentence. frame: amounts."""
    if frame.empty:
        return "The files hold no amounts other than zero."
    bad, blank = frame[frame["lost"].abs() > 1e-6], int(frame["unreadable"].sum())
    if len(bad):
        return f"The amounts of {join_names(bad['table'] + '.' + bad['column'])} don't add up: don't use these figures."
    gross = frame[frame["column"] == "gross_amount"]
    words = "In each column the amount in the file is the amount loaded plus the amount set aside, to the last decimal place."
    if len(gross):
        first = gross.iloc[0]
        words += f" Of {money(first['amount_in'], '', 2)} of gross_amount that came to {first['table']} (a control total: as written, in whatever currency),"
        words += f" {money(first['set_aside'], '', 2)} was set aside."
    if blank:
        words += " One amount is" if blank == 1 else f" {number(blank)} amounts are"
        words += f" no number, or part of a broken record, and stand{'s' if blank == 1 else ''} on neither side."
    return words


# ---- order lines by month and store --------------------------------------------------------------------------------------------


def lines_by_month(book: Book) -> pd.DataFrame:
    """Completed order lines of the whole company: month, store, order_lines (0 in a month without one)."""
    frame = book.whole().sql("select month, store, count(*) as order_lines from ledger where kind = 'sale' group by all order by all")
    span = [str(month) for month in pd.period_range(book.months[0], book.months[-1], freq="M")]
    wide = frame.pivot(index="month", columns="store", values="order_lines").reindex(index=span, columns=book.stores).fillna(0)
    return wide.rename_axis(index="month", columns="store").stack().rename("order_lines").reset_index().astype({"order_lines": "int64"})


def stores(book: Book) -> pd.DataFrame:
    """Does every store's data look complete? One row per store of the company, the most order lines first.

    store, first_month, last_month, empty_months (between them), order_lines (completed), cancelled_lines (all months),
    this_month (order lines), usual (median of up to twelve months before, since its first; blank without any),
    against_usual (their ratio), last_day (of the book's month with an order line; blank without one).
    """
    lines = lines_by_month(book)
    cancelled = book.sql("select store, count(*) as n from order_lines where status = 'cancelled' group by store").set_index("store")["n"]
    days = book.sql("select store, max(day) as day from ledger where kind = 'sale' and month = $month group by store", month=book.month)
    days = days.set_index("store")["day"]
    found = []
    for store, own in lines.groupby("store"):
        sold = own[own["order_lines"] > 0]
        first, last = sold["month"].iloc[0], sold["month"].iloc[-1]
        inside = own[own["month"].between(first, last)]
        before = own[own["month"].isin(book.months_back(13)[:-1]) & (own["month"] >= first)]["order_lines"]
        this = int(own.loc[own["month"] == book.month, "order_lines"].sum())
        usual = float(before.median()) if len(before) else float("nan")
        found.append(
            {"store": store, "first_month": first, "last_month": last, "empty_months": int((inside["order_lines"] == 0).sum()),
             "order_lines": int(own["order_lines"].sum()), "cancelled_lines": int(cancelled.get(store, 0)), "this_month": this,
             "usual": usual, "against_usual": this / usual if usual > 0 else float("nan"),
             "last_day": str(days[store])[:10] if store in days else ""}
        )  # fmt: skip
    return pd.DataFrame(found).sort_values(["order_lines", "store"], ascending=[False, True], ignore_index=True)


def stores_said(frame: pd.DataFrame) -> str:
    """Which stores look incomplete in the month? frame: stores."""
    silent = frame[(frame["this_month"] == 0) & (frame["usual"] > 0)]
    thin = frame[(frame["this_month"] > 0) & (frame["against_usual"] < FEW)]
    holes = frame[frame["empty_months"] > 0]
    words = []
    if len(silent):
        words.append(f"{join_names(silent['store'])} sold before and has no order line this month: closed, or a file that is missing?")
    if len(thin):
        words.append(f"{join_names(thin['store'])} has less than half of its usual order lines: a slow month, or half a file?")
    if len(holes):
        words.append(f"{join_names(holes['store'])} has empty months between its first and its last one.")
    if not words and frame["usual"].notna().any():
        words.append(f"{'Every store' if len(frame) > 1 else 'The store'} has at least half of its usual order lines.")
    return " ".join(words) or "There are no earlier months to compare with."


def month_said(book: Book) -> str:
    """Is the month there to its end? Days with orders, and the last one, of the whole company."""
    days = order_days(book)
    if days.empty:
        return f"{book.month} has no orders: what stands here are refunds and costs."
    words = f"{book.month} has orders on {number(len(days))} of its {book.last_day.day} days, the last on {days.iloc[-1]:%Y-%m-%d}."
    if ends_early(book):
        words += " Then nothing until its end: if the month isn't over or a file was cut, it compares badly with a whole one."
    return words


def cancelled_said(book: Book) -> str:
    """How many order lines were cancelled, and what would they have been worth?"""
    found = book.sql(
        """select count(*) as lines, count(*) filter (status = 'cancelled') as cancelled,
                  count(*) filter (status = 'cancelled' and ordered_at >= $first and ordered_at < $next) as now from order_lines""",
        first=book.first_day.date(), next=(book.last_day + pd.Timedelta(days=1)).date(),
    ).iloc[0]
    if not found["cancelled"]:
        return "No order line is marked as cancelled."
    return (
        f"{number(found['cancelled'])} of {count(found['lines'], 'order line')} ({percent(found['cancelled'] / found['lines'])})"
        f" {'is' if found['cancelled'] == 1 else 'are'} cancelled,"
        f" {number(found['now'])} of them ordered in {book.month}: loaded, counted and worth nothing."
    )


# ---- cost coverage -------------------------------------------------------------------------------------------------------------


def coverage(book: Book) -> pd.DataFrame:
    """What part of net sales has a known cost, month by month? month, who (the company; in a store's scope also the store),
    net_sales, uncosted_sales (positive), cost_coverage, gross_profit_low and gross_profit_high (the range that profit lies in)."""
    parts = [
        margins(each.ladder(["month"], book.months, orders=False)).assign(who=each.scope)
        for each in ([book] if book.scope == "company" else [book.whole(), book])
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(
        uncosted_sales=-frame["uncosted_sales"] + 0.0,
        gross_profit_low=frame["gross_profit"],
        gross_profit_high=frame["gross_profit"] - frame["uncosted_sales"],
    )
    return frame[["month", "who", "net_sales", "uncosted_sales", "cost_coverage", "gross_profit_low", "gross_profit_high"]]


def coverage_said(book: Book) -> str:
    """How far can the month's profits be believed? A sentence about the book's scope."""
    total = margins(book.ladder()).iloc[0]
    if pd.isna(total["cost_coverage"]):
        return "There are no net sales, so there is no coverage to say."
    who = "the company" if book.scope == "company" else label(book.scope)
    low, high = total["gross_profit"], total["gross_profit"] - total["uncosted_sales"]
    if high - low < 0.005:
        return f"The cost of everything that {who} sold in {book.month} is known, so gross profit is exactly {money(low, book.currency)}."
    return (
        f"The cost is known for {percent(total['cost_coverage'])} of the net sales of {who} in {book.month}: gross profit lies between"
        f" {money(low, book.currency)} (the other goods cost what they sold for) and {money(high, book.currency)} (they cost nothing)."
    )


def uncosted(book: Book) -> pd.DataFrame:
    """Whose cost is missing? Products of the month and scope with sales of unknown cost, the largest first:
    product_id, name, net_sales, uncosted_sales (positive), cost_coverage."""
    frame = margins(book.ladder(["product_id"]))
    frame = frame[frame["uncosted_sales"].abs() > 1e-9].merge(
        book.sql("select product_id, name from products"), on="product_id", how="left"
    )
    frame = frame.assign(name=frame["name"].fillna(frame["product_id"]), uncosted_sales=-frame["uncosted_sales"])
    frame = frame.sort_values(["uncosted_sales", "product_id"], ascending=[False, True], ignore_index=True)
    return frame.loc[frame["product_id"] != NOBODY["product_id"], ["product_id", "name", "net_sales", "uncosted_sales", "cost_coverage"]]


def uncosted_said(frame: pd.DataFrame, currency: str) -> str:
    """Which cost would clear up most? frame: uncosted."""
    if frame.empty:
        return "No product of the month lacks a cost."
    first, total = frame.iloc[0], frame["uncosted_sales"].sum()
    return (
        f"{count(len(frame), 'product')} {'lacks' if len(frame) == 1 else 'lack'} a cost for {money(total, currency)} of net sales;"
        f" {label(first['name'])} alone for {money(first['uncosted_sales'], currency)}."
    )


# ---- tables and columns --------------------------------------------------------------------------------------------------------


def missing(book: Book) -> pd.DataFrame:
    """Which tables does the company not have, and what would each switch on? table, would_switch_on."""
    return pd.DataFrame({"table": list(book.missing), "would_switch_on": list(book.missing.values())})


def missing_said(frame: pd.DataFrame) -> str:
    """frame: missing."""
    if frame.empty:
        return "All tables of the contract are there: no section of any notebook is switched off."
    words = f"{count(len(frame), 'table')} {'is' if len(frame) == 1 else 'are'} missing: {join_names(frame['table'], 6)}"
    return f"{words}. Sections that need one say so in its place."


def unknown(book: Book) -> pd.DataFrame:
    """Which columns does the contract not know, so that they were left out? table, file, left_out (with the name that may be meant)."""
    return book.sql("select table_name as \"table\", file, unknown_columns as left_out from loads where unknown_columns <> '' order by all")


def unknown_said(frame: pd.DataFrame) -> str:
    """frame: unknown."""
    if frame.empty:
        return "Every column of every table is one that the contract knows; of an export, its adapter reads the columns that it names."
    meant = frame["left_out"].str.contains("did you mean").any()
    end = " A name that is close to one of the contract is shown beside it: rename the column if that is what it holds." if meant else ""
    has = "has" if len(frame) == 1 else "have"
    return f"{join_names(frame['file'])} {has} columns that the contract doesn't know; they were left out.{end}"


# ---- what to do ----------------------------------------------------------------------------------------------------------------


def to_do(book: Book) -> pd.DataFrame:
    """What must be put right before the other pages are read, the most important first: what, why. Empty when nothing is."""
    found = []
    if rows(book)["lost"].any() or (amounts(book)["lost"].abs() > 1e-6).any():
        found.append(("stop", "Rows or amounts don't add up; don't use these figures."))
    if ends_early(book):
        found.append((f"wait for the rest of {book.month}, or read the month before", month_said(book)))
    if strays := book.company.strays():
        found.append(("rename files that are no table, or move them to a folder of their own", f"Not read: {join_names(strays, 10, 100)}."))
    strange = unknown(book)
    misspelt = strange["left_out"].str.contains("did you mean").any()
    if misspelt:
        found.append((f"rename columns in {join_names(strange['file'])}", unknown_said(strange)))
    shops = stores(book)
    odd = shops[(shops["usual"] > 0) & (shops["against_usual"] < FEW)]
    if len(odd):
        found.append((f"ask for the data of {join_names(odd['store'])}", stores_said(odd.assign(empty_months=0))))
    goods = uncosted(book)
    if len(goods):
        found.append((f"enter the cost of {join_names(goods['name'])}", uncosted_said(goods, book.currency)))
    why = reasons(book)
    why = why[why["reason"] != SUMMARY].reset_index(drop=True)  # an export's own total rows need no repair
    if len(why):
        found.append((f"repair {count(int(why['rows'].sum()), 'row')} at the source", reasons_said(why)))
    if len(strange) and not misspelt:
        found.append(("see whether the columns that were left out matter", unknown_said(strange)))
    if len(book.missing):
        found.append(("add missing tables, when you want what they switch on", missing_said(missing(book))))
    return pd.DataFrame(found, columns=["what", "why"])


def to_do_said(frame: pd.DataFrame) -> str:
    """The first thing to do, in words. frame: to_do."""
    if frame.empty:
        return "Nothing has to be put right: read on."
    more = f" Then {count(len(frame) - 1, 'smaller matter')}, below." if len(frame) > 1 else ""
    return f"{upper_first(frame['what'][0])}.{more}"
