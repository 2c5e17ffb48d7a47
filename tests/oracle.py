"""The contract worked out a second time, slowly: plain loops over dicts with exact fractions, nothing shared with the project.

It reads UTF-8 comma CSV only, keeps everything in memory and looks every rate and cost up one by one. Small companies
only; the point is that its numbers come from somewhere else than the SQL that they are compared with.
"""

import csv
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

INFINITE = float("inf")
LINES = (
    "gross_sales", "discounts", "shipping_income", "refunds", "uncosted_sales", "cogs", "platform_fees", "fulfilment",
    "marketing", "commissions", "payroll", "overheads",
)  # fmt: skip
LEVELS = "company store channel category product team employee campaign region segment".split()
WITH_OVERHEADS = ("company", "store", "team", "employee")
WITH_STOCK = ("company", "store", "category", "product")
DIMENSION = {"store": "store", "channel": "channel", "product": "product_id", "employee": "employee_id", "campaign": "campaign_id",
             "region": "region", "segment": "segment"}  # fmt: skip
NOBODY = {"store": "shared", "team": "unassigned", "employee": "unassigned"}
POLICY = {"margin": Fraction("0.30"), "days": 60, "age": 30, "decay": Fraction("0.10"), "promotion": Fraction("0.15"), "per_head": 100_000,
          "coverage": Fraction("0.95"), "payout_days": 30, "recent": 90, "loyal": 2, "champion": 2}  # fmt: skip

# name:kind, `?` = optional. Kinds: text, amount (≥ 0, at most 4 decimals), money (the same, signed), whole (≥ 0), units (≥ 1),
# count (signed), number, rate (10 decimals), date, time, month, flag, or the allowed words.
SCHEMA = {
    "order_lines": (
        "order_id line_no ordered_at:time store channel product_id quantity:units gross_amount:amount discount_amount?:amount "
        "shipping_income?:amount platform_fee?:amount fulfilment_cost?:amount commission?:amount unit_cost?:amount customer_id? "
        "employee_id? campaign_id? region? currency? status?:completed|cancelled"
    ),
    "returns": (
        "store order_id line_no requested_on?:date refunded_on:date quantity:whole refund_amount:amount restocked:flag "
        "handling_cost?:amount fee_refunded?:amount reason? currency?"
    ),
    "products": "product_id name category? launched_on?:date owner? lead_time_days?:whole",
    "product_costs": "product_id valid_from:date unit_cost:amount currency?",
    "marketing_spend": "date:date store channel amount:amount kind:ads|event_fee|affiliate|other campaign_id? product_id? currency?",
    "inventory": "date:date store product_id on_hand:count reserved?:whole incoming?:whole",
    "employees": "employee_id name hired_on?:date left_on?:date",
    "staffing": "month:month employee_id team store? fte:number cost:amount currency?",
    "overheads": "month:month store? category amount:amount currency?",
    "targets": (
        "month:month level:company|store|channel|region|category|product|team|employee|segment|campaign entity "
        "metric:net_sales|gross_profit|contribution|orders|new_customers|collections target:money owner? parent?"
    ),
    "payouts": "paid_on:date store channel? order_id? amount:money reference? currency?",
    "purchases": "product_id ordered_on:date received_on?:date paid_on?:date quantity:units amount:amount currency?",
    "fx_rates": "date:date currency rate:rate",
}
KEYS = {
    "order_lines": "store order_id line_no", "products": "product_id", "product_costs": "product_id valid_from",
    "inventory": "date store product_id", "employees": "employee_id", "staffing": "month employee_id team store",
    "targets": "month level entity metric", "fx_rates": "date currency",
}  # fmt: skip


@dataclass
class Company:
    """What a folder holds: loaded rows by table, and the rows set aside with the columns that may be blamed for it."""

    currency: str
    zone: ZoneInfo
    tables: dict[str, list[dict]] = field(default_factory=lambda: {name: [] for name in SCHEMA})
    aside: list[dict] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------- reading


def cell(text: str, kind: str, zone: ZoneInfo):
    """One cell's value; ValueError when it can't be read."""
    if kind == "text":
        return text
    if kind in ("amount", "money", "number", "rate"):
        places = 10 if kind == "rate" else 4
        if not re.fullmatch(rf"[+-]?\d+(\.\d{{1,{places}}})?", text):
            raise ValueError(text)
        if kind != "money" and Fraction(text) < 0:
            raise ValueError(text)
        return Fraction(text)
    if kind in ("whole", "units", "count"):
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(text)
        low = {"whole": 0, "units": 1}.get(kind)
        if low is not None and int(text) < low:
            raise ValueError(text)
        return int(text)
    if kind == "date":
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    if kind == "time":
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(zone) if moment.tzinfo else moment).date()
    if kind == "month":
        if not re.fullmatch(r"\d{4}-\d\d", text):
            raise ValueError(text)
        return date.fromisoformat(text + "-01")
    if kind == "flag":
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if text not in kind.split("|"):
        raise ValueError(text)
    return text


def read(folder: str | Path) -> Company:
    """A company folder's loaded and set-aside rows.

    A row's problems are all noted: whoever compares may blame any of these columns.
    """
    folder = Path(folder)
    settings = tomllib.loads((folder / "company.toml").read_text(encoding="utf-8"))
    company = Company(settings["reporting_currency"], ZoneInfo(settings["timezone"]))
    for name in ["fx_rates", *(name for name in SCHEMA if name not in ("fx_rates", "returns")), "returns"]:
        file = folder / f"{name}.csv"
        if file.exists():
            read_table(company, name, file)
    return company


def read_table(company: Company, name: str, file: Path) -> None:
    columns = [(part.split(":")[0].rstrip("?"), "?" not in part, (part.split(":") + ["text"])[1]) for part in SCHEMA[name].split()]
    key = KEYS.get(name, "").split()
    seen = set()
    with file.open(encoding="utf-8", newline="") as handle:
        records = list(csv.reader(handle))
    header = [title.strip() for title in records[0]]
    company.rows[file.name] = len(records) - 1
    for number, record in enumerate(records[1:], start=2):
        texts = {title: text.strip() for title, text in zip(header, record, strict=True)}
        row, bad = {}, []
        for column, required, kind in columns:
            text = texts.get(column, "")
            try:
                row[column] = cell(text, kind, company.zone) if text else None
            except ValueError:
                row[column] = None
                bad.append(column)
            if required and not text:
                bad.append(column)
        reason = "cell"
        if not bad and name == "returns":
            sale = sale_of(company, row)
            if sale is None or sale["status"] == "cancelled":
                bad, reason = ["store", "order_id", "line_no"], "sale"
        if not bad and "currency" in row and name != "fx_rates" and not convertible(company, name, row):
            bad, reason = ["currency"], "rate"
        if not bad and key:  # of rows with one key the first that is sound in itself counts
            identity = tuple(row[column] for column in key)
            if identity in seen:
                bad, reason = list(key), "key"
            seen.add(identity)
        if bad:
            company.aside.append({"file": file.name, "row": number, "columns": bad, "reason": reason})
        else:
            company.tables[name].append(row)


def sale_of(company: Company, row: dict) -> dict | None:
    for line in company.tables["order_lines"]:
        if all(line[column] == row[column] for column in ("store", "order_id", "line_no")):
            return line
    return None


def convertible(company: Company, name: str, row: dict) -> bool:
    """Whether a row's currency has a rate on its day; a cost is converted on the days of the orders, so any rate will do."""
    if name == "product_costs":
        return rate(company, row["currency"], date.max) is not None
    if name == "returns":
        day = sale_of(company, row)["ordered_at"]
    else:
        column = {"order_lines": "ordered_at", "payouts": "paid_on", "purchases": "ordered_on"}
        day = row[column.get(name, "month" if "month" in row else "date")]
    return rate(company, row["currency"], day) is not None


def rate(company: Company, currency: str | None, day: date) -> Fraction | None:
    """Reporting currency for one unit: the last rate on or before the day."""
    if currency is None or currency == company.currency:
        return Fraction(1)
    known = [row for row in company.tables["fx_rates"] if row["currency"] == currency and row["date"] <= day]
    return max(known, key=lambda row: row["date"])["rate"] if known else None


def cost_on(company: Company, product: str, day: date) -> Fraction | None:
    """A product's unit cost in the reporting currency: the last `valid_from` on or before the day."""
    known = [row for row in company.tables["product_costs"] if row["product_id"] == product and row["valid_from"] <= day]
    if not known:
        return None
    last = max(known, key=lambda row: row["valid_from"])
    exchange = rate(company, last["currency"], day)
    return None if exchange is None else last["unit_cost"] * exchange


# ----------------------------------------------------------------------------------------------------------- ledger


def entry(kind: str, day: date, source: dict, **amounts: Fraction) -> dict:
    row = {"kind": kind, "day": day, "order_id": None, "line_no": None, "team": None, "fte": Fraction(0), "quantity": 0}
    row |= {column: source.get(column) for column in (*DIMENSION.values(), "customer_id")}
    return row | dict.fromkeys(LINES, Fraction(0)) | amounts


def ledger(company: Company) -> list[dict]:
    """Every row of the ledger as the money was earned and spent: nothing is spread yet."""
    rows = []
    for line in company.tables["order_lines"]:
        if line["status"] != "cancelled":
            rows.append(line_entry(company, line))
    for back in company.tables["returns"]:
        rows.append(return_entry(company, back))
    for spend in company.tables["marketing_spend"]:
        amount = spend["amount"] * rate(company, spend["currency"], spend["date"])
        rows.append(entry("spend", spend["date"], spend, marketing=-amount))
    for staff in company.tables["staffing"]:
        cost = staff["cost"] * rate(company, staff["currency"], staff["month"])
        rows.append(entry("staff", staff["month"], staff, payroll=-cost, team=staff["team"], fte=staff["fte"]))
    for overhead in company.tables["overheads"]:
        amount = overhead["amount"] * rate(company, overhead["currency"], overhead["month"])
        rows.append(entry("overhead", overhead["month"], {"store": overhead["store"]}, overheads=-amount))
    return rows


def unit_cost(company: Company, line: dict) -> Fraction | None:
    if line["unit_cost"] is not None:
        return line["unit_cost"] * rate(company, line["currency"], line["ordered_at"])
    return cost_on(company, line["product_id"], line["ordered_at"])


def line_entry(company: Company, line: dict) -> dict:
    exchange = rate(company, line["currency"], line["ordered_at"])
    columns = ("gross_amount", "discount_amount", "shipping_income", "platform_fee", "fulfilment_cost", "commission")
    money = {column: (line[column] or 0) * exchange for column in columns}
    base = money["gross_amount"] - money["discount_amount"] + money["shipping_income"]
    cost = unit_cost(company, line)
    row = entry(
        "line", line["ordered_at"], line,
        gross_sales=money["gross_amount"], discounts=-money["discount_amount"], shipping_income=money["shipping_income"],
        uncosted_sales=-base if cost is None else Fraction(0), cogs=Fraction(0) if cost is None else -line["quantity"] * cost,
        platform_fees=-money["platform_fee"], fulfilment=-money["fulfilment_cost"], commissions=-money["commission"],
    )  # fmt: skip
    return row | {"order_id": line["order_id"], "line_no": line["line_no"], "quantity": line["quantity"], "base": base}


def return_entry(company: Company, back: dict) -> dict:
    line = sale_of(company, back)
    exchange = rate(company, back["currency"], line["ordered_at"])
    refund = back["refund_amount"] * exchange
    cost = unit_cost(company, line)
    row = entry(
        "return", back["refunded_on"], line,
        refunds=-refund, uncosted_sales=refund if cost is None else Fraction(0),
        cogs=back["quantity"] * cost if back["restocked"] and cost is not None else Fraction(0),
        platform_fees=(back["fee_refunded"] or 0) * exchange, fulfilment=-(back["handling_cost"] or 0) * exchange,
    )  # fmt: skip
    return row | {"order_id": line["order_id"], "line_no": line["line_no"]}


def spread(rows: list[dict]) -> list[dict]:
    """One month's ledger with its marketing put on the sales that it can have caused; the rest of it stays a row of its own."""
    out = [dict(row) for row in rows if row["kind"] != "spend"]
    lines = [row for row in out if row["kind"] == "line"]
    for spend in (row for row in rows if row["kind"] == "spend"):
        named = [column for column in ("store", "channel", "product_id", "campaign_id") if spend[column] is not None]
        caused = [line for line in lines if all(line[column] == spend[column] for column in named)]
        total = sum(line["base"] for line in caused)
        if total > 0:
            for line in caused:
                line["marketing"] += spend["marketing"] * line["base"] / total
        else:
            out.append(dict(spend))
    return out


def segment(rows: list[dict], customer: str, month: str) -> str:
    """How a customer stood at the end of the month before, from what was bought and given back up to then."""
    begin, year = first_day(month), first_day(shift(month, -12))
    visits = {(row["day"], row["store"]) for row in rows if row["kind"] == "line" and row["customer_id"] == customer and row["day"] < begin}
    if not visits:
        return "new"
    often = len([day for day, _ in visits if day >= year]) >= POLICY["loyal"]
    if max(visits)[0] < year:
        return "lapsed"
    if (begin - timedelta(days=1) - max(visits)[0]).days >= POLICY["recent"]:
        return "at_risk" if often else "cooling"
    spent = defaultdict(Fraction)
    for row in rows:
        if row["customer_id"] and year <= row["day"] < begin and row["kind"] in ("line", "return"):
            spent[row["customer_id"]] += sum(row[line] for line in ("gross_sales", "discounts", "shipping_income", "refunds"))
    buyers = {row["customer_id"] for row in rows if row["kind"] == "line" and row["customer_id"] and year <= row["day"] < begin}
    rich = spent[customer] > 0 and spent[customer] * len(buyers) >= POLICY["champion"] * sum(spent.values())
    return "promising" if not often else "champions" if rich else "loyal"


def by_fte(rows: list[dict]) -> list[dict]:
    """One month's rows with all overheads shared among the people by FTE; nobody's when there are none."""
    staff = [row for row in rows if row["kind"] == "staff"]
    total = sum(row["fte"] for row in staff)
    if not total:
        return rows
    overheads = sum(row["overheads"] for row in rows)
    out = [row | {"overheads": Fraction(0)} for row in rows]
    for row in out:
        if row["kind"] == "staff":
            row["overheads"] = overheads * row["fte"] / total
    return out


# ---------------------------------------------------------------------------------------------------------- metrics


def first_day(month: str) -> date:
    return date.fromisoformat(month + "-01")


def last_day(month: str) -> date:
    return first_day(shift(month, 1)) - timedelta(days=1)


def shift(month: str, by: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


class View:
    """A company seen in one scope: its ledger, and sums of it by level and entity."""

    def __init__(self, company: Company, scope: str):
        self.company, self.scope = company, scope
        rows = ledger(company)
        known = {(row["customer_id"], month_of(row["day"])) for row in rows if row["customer_id"]}
        segments = {key: segment(rows, *key) for key in known}
        for row in rows:
            row["segment"] = segments.get((row["customer_id"], month_of(row["day"])))
        self.ledger = [row for row in rows if scope in ("company", row["store"])]
        self.categories = {row["product_id"]: row["category"] for row in company.tables["products"]}
        self.inventory = [row for row in company.tables["inventory"] if scope in ("company", row["store"])]

    def month_rows(self, month: str) -> list[dict]:
        return [row for row in self.ledger if month_of(row["day"]) == month]

    def team_of(self, employee: str | None, month: str) -> str | None:
        """The team with most of the person's FTE in the month; the first by name when there are two."""
        shares = defaultdict(Fraction)
        for row in self.company.tables["staffing"]:
            if month_of(row["month"]) == month and row["employee_id"] == employee:
                shares[row["team"]] += row["fte"]
        return min(shares, key=lambda team: (-shares[team], team)) if shares else None

    def entity(self, row: dict, level: str) -> str:
        if level == "company":
            return "company"
        if level == "category":
            found = self.categories.get(row["product_id"])
        elif level == "team":
            found = row.get("team") or self.team_of(row["employee_id"], month_of(row["day"]))
        else:
            found = row[DIMENSION[level]]
        return found or NOBODY.get(level, "unallocated")

    def levels(self) -> list[str]:
        """The levels that apply: a store's scope has no company, and without `staffing` there are no teams."""
        absent = {"company"} if self.scope != "company" else set()
        return [level for level in LEVELS if level not in absent | (set() if self.company.tables["staffing"] else {"team"})]

    def sums(self, rows: list[dict], level: str) -> dict[str, dict]:
        """Ladder lines and subtotals, orders and quantity of each entity of a level."""
        found = defaultdict(lambda: dict.fromkeys(LINES, Fraction(0)) | {"quantity": 0, "orders": set()})
        for row in rows:
            total = found[self.entity(row, level)]
            for line in LINES:
                total[line] += row[line]
            total["quantity"] += row["quantity"]
            if row["kind"] == "line":
                total["orders"].add((row["store"], row["order_id"]))
        for total in found.values():
            total["orders"] = len(total["orders"])
            subtotals(total)
        return found

    def month_sums(self, month: str, level: str) -> dict[str, dict]:
        rows = spread(self.month_rows(month))
        return self.sums(by_fte(rows) if level in ("team", "employee") else rows, level)

    def window_sums(self, month: str, level: str) -> dict[str, dict]:
        """The 90 days that end with the month. Products carry the marketing that was spread on their sales of those days."""
        last = last_day(month)
        rows = self.ledger
        if level in ("category", "product"):
            rows = [row for back in range(5) for row in spread(self.month_rows(shift(month, -back)))]
        return self.sums([row for row in rows if last - timedelta(days=90) < row["day"] <= last], level)

    def stock_value(self, rows: list[dict], level: str, units: bool = False) -> dict[str, Fraction]:
        """Σ on_hand × unit cost at the row's day, by entity (goods without a cost count nothing); or Σ on_hand."""
        values = defaultdict(Fraction)
        for row in rows:
            worth = 1 if units else cost_on(self.company, row["product_id"], row["date"]) or 0
            values[self.entity(row, level)] += row["on_hand"] * worth
        return values

    def mean_stock(self, month: str, level: str, units: bool = False) -> dict[str, Fraction]:
        last = last_day(month)
        inside = [row for row in self.inventory if last - timedelta(days=90) < row["date"] <= last]
        means = defaultdict(Fraction)
        for store in {row["store"] for row in inside}:
            rows = [row for row in inside if row["store"] == store]
            days = len({row["date"] for row in rows})
            for entity, value in self.stock_value(rows, level, units).items():
                means[entity] += value / days
        return means

    def uncosted(self, month: str) -> set[str]:
        """Products in stock in the 90 days at a day on which their cost isn't known: the stock's value isn't known either."""
        last = last_day(month)
        inside = [row for row in self.inventory if last - timedelta(days=90) < row["date"] <= last and row["on_hand"]]
        return {row["product_id"] for row in inside if cost_on(self.company, row["product_id"], row["date"]) is None}

    def snapshot(self, on_or_before: date, since: date = date.min) -> list[dict]:
        """Each store's rows of its last snapshot day in the period."""
        rows = [row for row in self.inventory if since <= row["date"] <= on_or_before]
        last = {store: max(row["date"] for row in rows if row["store"] == store) for store in {row["store"] for row in rows}}
        return [row for row in rows if row["date"] == last[row["store"]]]

    def staffed(self, month: str, level: str) -> set[str]:
        """Entities with people among the last 12 months: they have a profit per employee though they may have sold nothing."""
        if level not in ("company", "store", "team"):
            return set()
        rows = [row for back in range(12) for row in self.month_rows(shift(month, -back)) if row["kind"] == "staff"]
        return {self.entity(row, level) for row in rows}

    def profit_per_employee(self, month: str, level: str, entity: str) -> Fraction | None:
        profit, people, months = Fraction(0), Fraction(0), 0
        for back in range(12):
            earlier = shift(month, -back)
            staff = [row for row in self.month_rows(earlier) if row["kind"] == "staff" and self.entity(row, level) == entity]
            if staff:
                months += 1
                people += sum(row["fte"] for row in staff)
                profit += self.month_sums(earlier, level)[entity]["operating_profit"]
        return ratio(profit, people / months) * 12 / months if months and people else None


def subtotals(total: dict) -> None:
    total["net_sales"] = total["gross_sales"] + total["discounts"] + total["shipping_income"] + total["refunds"]
    total["gross_profit"] = total["net_sales"] + total["uncosted_sales"] + total["cogs"]
    total["cm2"] = total["gross_profit"] + total["platform_fees"] + total["fulfilment"]
    total["contribution"] = total["cm2"] + total["marketing"] + total["commissions"]
    total["operating_profit"] = total["contribution"] + total["payroll"] + total["overheads"]


def ratio(top: Fraction, bottom: Fraction) -> Fraction | None:
    return top / bottom if bottom > 0 else None


def days_of(stock: Fraction, use: Fraction) -> Fraction | float | None:
    """Stock ÷ use; infinite when there is stock and no use, blank when there is less than none."""
    if use <= 0 or stock < 0:
        return INFINITE if stock > 0 else None
    return stock / use


def metrics(folder: str | Path | Company, month: str, scope: str = "company") -> dict[tuple[str, str, str], Fraction | float | None]:
    """Every metric of contract sections 2 and 3: (level, entity, metric) → value; None = blank."""
    company = folder if isinstance(folder, Company) else read(folder)
    view, out = View(company, scope), {}
    uncosted = view.uncosted(month)
    for level in view.levels():
        sums, window = view.month_sums(month, level), view.window_sums(month, level)
        mean = view.mean_stock(month, level) if level in WITH_STOCK else {}
        units = view.mean_stock(month, level, units=True) if level in WITH_STOCK else {}
        counted = view.snapshot(first_day(month)) if level in WITH_STOCK else []
        opening = view.stock_value(counted, level)
        dark = {row["product_id"] for row in counted if row["on_hand"] and cost_on(company, row["product_id"], row["date"]) is None}
        for entity in {*sums, *mean, *opening, *view.staffed(month, level)}:
            total, recent = sums[entity], window[entity]
            for empty in (total, recent):
                empty["orders"] = empty["orders"] or 0
                subtotals(empty)
            found = month_metrics(total, level)
            if level in WITH_STOCK:
                stock, annual = mean.get(entity, Fraction(0)), Fraction(365, 90)
                known = bool(mean) and not (level == "product" and entity in uncosted)
                found["inventory_days"] = times(days_of(stock, -recent["cogs"]), 90) if known else None
                if not recent["quantity"] and recent["cogs"] >= 0 and units.get(entity, 0) > 0:
                    found["inventory_days"] = INFINITE  # nothing was sold of what is there, whatever it cost
                found["gmroi"] = ratio(recent["gross_profit"] * annual, stock) if known else None
                found["turns"] = ratio(-recent["cogs"] * annual, stock) if known else None
                found["return_on_capital"] = ratio(recent["contribution"] * annual, stock) if known else None
                known = bool(opening) and not (level == "product" and entity in dark)
                found["stock_to_sales"] = ratio(opening.get(entity, Fraction(0)), -total["cogs"]) if known else None
            if level in ("company", "store", "team") and entity != NOBODY.get(level):
                found["profit_per_employee"] = view.profit_per_employee(month, level, entity)
            out |= {(level, entity, metric): value for metric, value in found.items()}
    if scope == "company":
        out["company", "company", "cash_conversion_cycle"] = cash_cycle(company, month, out.get(("company", "company", "inventory_days")))
    return out | attainments(view, month, out)


def times(value: Fraction | float | None, factor: int) -> Fraction | float | None:
    return None if value is None else value * factor


def month_metrics(total: dict, level: str) -> dict:
    found = {line: total[line] for line in LINES if level in WITH_OVERHEADS or line not in ("payroll", "overheads")}
    found |= {name: total[name] for name in ("net_sales", "gross_profit", "cm2", "contribution", "orders", "quantity")}
    if level in WITH_OVERHEADS:
        found["operating_profit"] = total["operating_profit"]
    coverage = ratio(-total["uncosted_sales"], total["net_sales"])
    found["cost_coverage"] = None if coverage is None else 1 - coverage
    costed = total["net_sales"] + total["uncosted_sales"]
    found["gross_margin"] = ratio(total["gross_profit"], costed) if total["net_sales"] > 0 else None
    found["promotion_share"] = ratio(-total["marketing"] - total["commissions"], total["net_sales"])
    found["roas"] = ratio(total["net_sales"], -total["marketing"])
    found["poas"] = ratio(total["cm2"], -total["marketing"])
    found["break_even_roas"] = ratio(total["net_sales"], total["cm2"])
    return found


def attainments(view: View, month: str, out: dict) -> dict:
    """Actual ÷ target. A target was set for the whole company's entity, so in a store's scope only the store's own counts."""
    found = {}
    for row in view.company.tables["targets"]:
        level, entity, metric = row["level"], row["entity"], row["metric"]
        if month_of(row["month"]) != month or metric in ("new_customers", "collections"):
            continue
        if view.scope != "company" and (level, entity) != ("store", view.scope):
            continue
        name = "attainment" if metric == "net_sales" else f"attainment_{metric}"
        found[level, entity, name] = ratio(Fraction(out.get((level, entity, metric), 0)), row["target"])
    return found


def cash_cycle(company: Company, month: str, inventory_days) -> Fraction | float | None:
    """Inventory days + order-to-payout days − receipt-to-payment days, each weighted by the amounts paid in the last 90 days."""
    last = last_day(month)
    days: dict[str, list] = {"in": [], "out": []}
    placed: dict = {}
    for line in company.tables["order_lines"]:
        order = (line["store"], line["order_id"])
        if line["status"] != "cancelled":
            placed[order] = min(placed.get(order, date.max), line["ordered_at"])
    for row in company.tables["payouts"]:
        start = placed.get((row["store"], row["order_id"]))
        if start and row["amount"] > 0 and last - timedelta(days=90) < row["paid_on"] <= last:
            days["in"].append((row["amount"] * rate(company, row["currency"], row["paid_on"]), (row["paid_on"] - start).days))
    for row in company.tables["purchases"]:
        if row["received_on"] and row["paid_on"] and last - timedelta(days=90) < row["paid_on"] <= last:
            amount = row["amount"] * rate(company, row["currency"], row["ordered_on"])
            days["out"].append((amount, (row["paid_on"] - row["received_on"]).days))
    waits = {name: ratio(sum(w * n for w, n in rows), sum(w for w, _ in rows)) for name, rows in days.items() if rows}
    if inventory_days is None or None in waits.values() or len(waits) < 2:
        return None
    return inventory_days + waits["in"] - waits["out"]


# -------------------------------------------------------------------------------------------------------- decisions


def decisions(folder: str | Path | Company, month: str, scope: str = "company") -> set[tuple[str, str, str, str]]:
    """(rule, level, entity, verdict) of every rule that fires with the default thresholds."""
    company = folder if isinstance(folder, Company) else read(folder)
    view = View(company, scope)
    now = metrics(company, month, scope)
    fired = set()
    for level, entity in {key[:2] for key in now}:

        def value(metric, level=level, entity=entity):
            return now.get((level, entity, metric))

        def fire(rule, verdict, level=level, entity=entity):
            fired.add((rule, level, entity, verdict))

        loss = (value("contribution") or 0) < 0
        if level == "product" and entity != "unallocated":
            product_rules(view, month, entity, value, fire)
        if level == "channel" and (value("promotion_share") or 0) > POLICY["promotion"]:
            fire("promotion_heavy", "suspend")
        if level == "channel" and loss:
            fire("channel_loss", "fix_or_leave")
        if value("profit_per_employee") is not None:
            low = value("profit_per_employee") < POLICY["per_head"]
            fire(*(("low_profit_per_employee", "optimise") if low else ("room_to_expand", "consider_expansion")))
        if (value("attainment") or 0) >= 1 and loss:
            fire("target_met_at_a_loss", "investigate")
    return fired | stock_rules(view, month) | payout_rules(view, month)


def product_rules(view: View, month: str, product: str, value, fire) -> None:
    coverage, margin = value("cost_coverage"), value("gross_margin")
    if coverage is not None and coverage < POLICY["coverage"]:
        fire("no_cost", "no_cost")
    else:
        if None not in (coverage, margin) and margin < POLICY["margin"]:
            fire("low_gross_margin", "reject")
        if (value("contribution") or 0) < 0:
            fire("loss_maker", "stop_loss")
        past = [view.month_sums(shift(month, -back), "product").get(product) for back in (2, 1)]
        margins = [month_metrics(total, "product")["gross_margin"] if total else None for total in past] + [coverage and margin]
        if None not in margins and margins[0] > margins[1] > margins[2] and margins[0] - margins[2] >= POLICY["decay"]:
            fire("margin_decay", "stop_loss")
    start = first_seen(view, product)
    if (value("inventory_days") or 0) > POLICY["days"] and start and (last_day(month) - start).days > POLICY["age"]:
        fire("slow_stock", "clear")


def first_seen(view: View, product: str) -> date | None:
    """When a product's age starts: its launch, else its first sale or day in stock."""
    for row in view.company.tables["products"]:
        if row["product_id"] == product and row["launched_on"]:
            return row["launched_on"]
    sold = [row["day"] for row in ledger(view.company) if row["kind"] == "line" and row["product_id"] == product]
    kept = [row["date"] for row in view.company.tables["inventory"] if row["product_id"] == product]
    return min([*sold, *kept], default=None)


def stock_rules(view: View, month: str) -> set:
    last, fired = last_day(month), set()
    available = defaultdict(int)
    for row in view.snapshot(last, since=last - timedelta(days=89)):
        free = row["on_hand"] - (row["reserved"] or 0)
        available[row["product_id"]] += free + (row["incoming"] or 0)
        if free < 0:
            fired.add(("oversell_risk", "product", row["product_id"], "stop_selling"))
    lead = {row["product_id"]: row["lead_time_days"] for row in view.company.tables["products"]}
    for product, units in available.items():
        sold = [row for row in view.ledger if row["kind"] == "line" and row["product_id"] == product and row["day"] <= last]
        recent = sum(row["quantity"] for row in sold if row["day"] > last - timedelta(days=90))
        if recent and lead.get(product) is not None:
            days = min(90, (last - min(row["day"] for row in sold)).days + 1)
            if Fraction(units * days, recent) < lead[product]:
                fired.add(("reorder_now", "product", product, "reorder"))
    return fired


def payout_rules(view: View, month: str) -> set:
    """Orders of the last 90 days in stores and channels that pay per order, whose payouts are not what is due.

    Sales and refunds of the last `payout_days` may be paid already or not. An order with two currencies can't be compared.
    """
    company, last, fired = view.company, last_day(month), set()
    ripe = last - timedelta(days=POLICY["payout_days"])
    orders = defaultdict(list)
    for line in company.tables["order_lines"]:
        if view.scope in ("company", line["store"]):
            orders[line["store"], line["order_id"]].append(line)
    paid = [row for row in company.tables["payouts"] if row["order_id"]]
    named = {(row["store"], row["order_id"]) for row in paid}
    per_order = {(key[0], line["channel"]) for key in named for line in orders.get(key, [])}
    for (store, order), lines in orders.items():
        placed = min(line["ordered_at"] for line in lines)
        if not last - timedelta(days=90) < placed <= last or not any((store, line["channel"]) in per_order for line in lines):
            continue
        events = [(line["ordered_at"], sale_due(line), line["currency"]) for line in lines if line["status"] != "cancelled"]
        for back in company.tables["returns"]:
            if (back["store"], back["order_id"]) == (store, order):
                events.append((back["refunded_on"], (back["fee_refunded"] or 0) - back["refund_amount"], back["currency"]))
        got = [row for row in paid if (row["store"], row["order_id"]) == (store, order)]
        if len({currency or company.currency for currency in [event[2] for event in events] + [row["currency"] for row in got]}) > 1:
            continue
        total = sum(row["amount"] for row in got if row["paid_on"] <= last)
        dues = [sum(amount for day, amount, _ in events if day <= until) for until in (ripe, last)]
        dues.append(sum(amount for day, amount, _ in events if day <= ripe or (day <= last and amount > 0)))  # sales early, refunds late
        if all(abs(total - due) > Fraction("0.01") for due in dues):
            fired.add(("payout_mismatch", "order", f"{store}/{order}", "collect"))
    return fired


def sale_due(line: dict) -> Fraction:
    return line["gross_amount"] - (line["discount_amount"] or 0) + (line["shipping_income"] or 0) - (line["platform_fee"] or 0)
