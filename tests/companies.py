"""Small company folders full of the cases that break a ledger; the same seed always gives the same folder.

>>> import tempfile; folder = tempfile.mkdtemp()
>>> write_company(folder, seed=1, size=20)
>>> len(read_rows(folder, "order_lines")) >= 20
True
"""

import csv
import random
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

# Ids that have been turned into numbers, formulas, paths or other ids before. Each still is one id.
STORES = ["A", "007", "杭州 店"]
CHANNELS = ["web", "Web", "直播", "=1+1"]
PRODUCTS = ["00123", "123", "1E5", "茶壶", 'Mug "L", blue', "=SUM(A1:A9)", "../../x", "<b>lamp</b>", "O'Hara", "  padded ", "a b"]
PEOPLE = ["E1", "e1", "0001", "李雷", "O'Neil"]
CAMPAIGNS = ["C1", "11.11", "null"]
REGIONS = ["north", "NaN", "浙江"]
ZONES = ["Asia/Shanghai", "America/New_York", "UTC"]
FOREIGN = ["USD", "EUR"]


def write_company(folder: str | Path, seed: int, size: int = 60, faults: bool = True) -> None:
    """Writes a folder of `size` order lines and more; with `faults`, also rows that must be set aside."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = Maker(random.Random(seed), size).tables()
    rng = random.Random(f"faults {seed}")
    for name, rows in tables.items():
        if rows and faults:
            rows = spoil(rng, name, rows)
        if rows:
            header = list(dict.fromkeys(column for row in rows for column in row))
            write_table(folder / f"{name}.csv", header, [[row.get(column, "") for column in header] for row in rows])
    rng = random.Random(f"settings {seed}")
    settings = {"name": "小店 & Co", "reporting_currency": "CNY", "timezone": rng.choice(ZONES), "stage": "growth"}
    (folder / "company.toml").write_text("".join(f'{key} = "{value}"\n' for key, value in settings.items()), encoding="utf-8")


def write_table(file: Path, header: list[str], rows: list[list]) -> None:
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows([header, *rows])


def read_rows(folder: str | Path, name: str) -> list[dict]:
    file = Path(folder) / f"{name}.csv"
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def months(company) -> list[str]:
    """The months with sales of a company that the oracle has read."""
    return sorted({f"{line['ordered_at']:%Y-%m}" for line in company.tables["order_lines"] if line["status"] != "cancelled"})


def stores(company) -> list[str]:
    return sorted({line["store"] for line in company.tables["order_lines"] if line["status"] != "cancelled"})


class Maker:
    """Draws the tables of one company."""

    def __init__(self, rng: random.Random, size: int):
        self.rng, self.size = rng, size
        self.start = rng.choice([date(2023, 12, 1), date(2025, 1, 1), date(2024, 10, 1)])
        self.days = rng.choice([59, 121, 182])
        self.stores = STORES[: rng.randint(1, 3)]
        self.channels = CHANNELS[: rng.randint(1, 4)]
        self.products = rng.sample(PRODUCTS, rng.randint(2, 8))
        self.people = PEOPLE[: rng.randint(1, 5)]
        self.currencies = ["CNY", "", *FOREIGN[: rng.randint(0, 2)]]
        self.quiet = {(self.start + timedelta(days=rng.randrange(self.days))).replace(day=1)} if rng.random() < 0.5 else set()
        self.lines: list[dict] = []

    def tables(self) -> dict[str, list[dict]]:
        self.costs = self.product_costs()
        tables = {"order_lines": self.order_lines(), "product_costs": self.costs, "fx_rates": self.fx_rates()}
        optional = [self.returns, self.products_table, self.marketing_spend, self.inventory, self.staffing, self.overheads, self.targets,
                    self.payouts, self.purchases]  # fmt: skip
        for make in optional:
            if self.rng.random() < 0.9:
                tables[make.__name__.removesuffix("_table")] = make()
        return tables

    def day(self) -> date:
        """A day of the company; edges of months come up often, and one month may stay empty."""
        while True:
            day = self.start + timedelta(days=self.rng.randrange(self.days))
            if self.rng.random() < 0.25:
                day = (day.replace(day=1) + timedelta(days=self.rng.choice([-1, 0]))) if day >= self.start.replace(day=2) else day
            if day >= self.start and day.replace(day=1) not in self.quiet:
                return day

    def months(self) -> list[date]:
        return sorted({(self.start + timedelta(days=n)).replace(day=1) for n in range(self.days)})

    def amount(self, high: float) -> str:
        return f"{self.rng.uniform(0, high):.{self.rng.choice([0, 2, 2, 4])}f}"

    def maybe(self, value, chance: float = 0.5):
        return value if self.rng.random() < chance else ""

    def moment(self, day: date) -> str:
        """A date, a local time, or a time with an offset; midnight and the second before it are favourites."""
        clock = self.rng.choice([(0, 0, 0), (23, 59, 59), (self.rng.randrange(24), self.rng.randrange(60), 0)])
        moment = datetime(day.year, day.month, day.day, *clock)
        form = self.rng.randrange(5)
        if form == 0:
            return day.isoformat()
        if form == 1:
            return moment.isoformat(sep=" ")
        if form == 2:
            return moment.isoformat()
        offset = timezone(timedelta(minutes=self.rng.choice([-480, 0, 330, 480, 840])))
        text = moment.replace(tzinfo=offset).isoformat()
        return text.replace("+00:00", "Z") if form == 3 else text

    def order_lines(self) -> list[dict]:
        rng = self.rng
        while len(self.lines) < self.size:
            day, store, channel = self.day(), rng.choice(self.stores), rng.choice(self.channels)
            order, currency = f"{rng.choice(['', '000', '#'])}{len(self.lines)}", rng.choice(self.currencies)
            if rng.random() < 0.1 and self.lines and self.lines[-1]["store"] != store:
                order = self.lines[-1]["order_id"]  # the same order number in another store
            for number in range(rng.choice([1, 1, 2, 3])):
                gross = self.amount(300)
                free = rng.random() < 0.1
                self.lines.append({
                    "order_id": order, "line_no": str(number + 1), "ordered_at": self.moment(day), "store": store, "channel": channel,
                    "product_id": rng.choice(self.products), "quantity": rng.randint(1, 4), "gross_amount": gross,
                    "discount_amount": gross if free else self.maybe(f"{float(gross) * rng.random() * 0.6:.2f}"),
                    "shipping_income": "" if free else self.maybe(self.amount(10), 0.3), "platform_fee": self.maybe(self.amount(12), 0.7),
                    "fulfilment_cost": self.maybe(self.amount(15), 0.7), "commission": self.maybe(self.amount(20), 0.2),
                    "unit_cost": self.maybe(self.amount(90), 0.1), "customer_id": self.maybe(f"K{rng.randrange(9)}"),
                    "employee_id": self.maybe(rng.choice(self.people), 0.8), "campaign_id": self.maybe(rng.choice(CAMPAIGNS), 0.3),
                    "region": self.maybe(rng.choice(REGIONS), 0.6), "currency": currency,
                    "status": rng.choices(["", "completed", "cancelled"], [6, 2, 1])[0],
                })  # fmt: skip
        return [dict(line) for line in self.lines]

    def returns(self) -> list[dict]:
        rng, rows = self.rng, []
        for line in self.lines:
            while rng.random() < 0.25:  # so some lines have several, and more than was sold
                back = datetime.fromisoformat(line["ordered_at"]).date() + timedelta(days=rng.choice([0, 1, 5, 20, 45]))
                rows.append({
                    "store": line["store"], "order_id": line["order_id"], "line_no": line["line_no"], "refunded_on": back.isoformat(),
                    "quantity": rng.choice([0, 1, line["quantity"]]), "refund_amount": self.amount(float(line["gross_amount"]) * 1.1 + 1),
                    "restocked": rng.choice(["true", "false"]), "handling_cost": self.maybe(self.amount(9)),
                    "fee_refunded": self.maybe(self.amount(5), 0.3), "reason": self.maybe("too small,\nor too big", 0.2),
                    "currency": line["currency"] if rng.random() < 0.9 else "CNY",
                })  # fmt: skip
        return rows

    def products_table(self) -> list[dict]:
        return [
            {"product_id": product, "name": f"“{product}”\nsecond line", "category": self.maybe(self.rng.choice(["toys", "家居"]), 0.8),
             "launched_on": self.maybe((self.start + timedelta(days=self.rng.choice([-400, 0, 40, 100]))).isoformat(), 0.6),
             "lead_time_days": self.maybe(self.rng.choice([0, 7, 30, 90]), 0.8)}
            for product in self.products if self.rng.random() < 0.9
        ]  # fmt: skip

    def product_costs(self) -> list[dict]:
        rng, rows = self.rng, []
        for product in self.products:
            if rng.random() < 0.8:
                foreign = rng.choice(self.currencies)
                starts = [rng.choice([-90, 0, rng.randrange(self.days), self.days - 1]) for _ in range(rng.randint(1, 4))]
                firsts = {self.start + timedelta(days=days) for days in starts}
                firsts = {day.replace(day=1) if rng.random() < 0.3 else day for day in sorted(firsts)}
                for first in sorted({max(day, self.start) for day in firsts} if foreign in FOREIGN else firsts):
                    rows.append({"product_id": product, "valid_from": first.isoformat(), "unit_cost": self.amount(80), "currency": foreign})
        return rows

    def fx_rates(self) -> list[dict]:
        rng, rows = self.rng, []
        for currency in self.currencies[2:]:
            first = self.start + timedelta(days=rng.choice([-5, -5, 0, 10]))  # orders before it have no rate
            for days in sorted({0, *(rng.randrange(self.days) for _ in range(4))}):
                rate = f"{rng.uniform(5, 9):.{rng.choice([2, 6])}f}"
                rows.append({"date": (first + timedelta(days=days)).isoformat(), "currency": currency, "rate": rate})
        return rows

    def marketing_spend(self) -> list[dict]:
        rng = self.rng
        return [
            {"date": self.day().isoformat(), "store": rng.choice(self.stores), "channel": rng.choice([*self.channels, *CHANNELS]),
             "amount": self.amount(200), "kind": rng.choice(["ads", "event_fee", "affiliate", "other"]),
             "campaign_id": self.maybe(rng.choice(CAMPAIGNS), 0.3),
             "product_id": self.maybe(rng.choice([*self.products, "never sold"]), 0.4), "currency": rng.choice(self.currencies)}
            for _ in range(rng.randint(3, 25))
        ]  # fmt: skip

    def inventory(self) -> list[dict]:
        rng, rows = self.rng, []
        for store in self.stores:
            for day in sorted({self.day() for _ in range(rng.randint(0, 8))}):
                for product in self.products:
                    if rng.random() < 0.7:
                        rows.append({
                            "date": day.isoformat(), "store": store, "product_id": product, "on_hand": rng.choice([-3, 0, 1, 8, 40]),
                            "reserved": self.maybe(rng.randint(0, 9)), "incoming": self.maybe(rng.randint(0, 30)),
                        })  # fmt: skip
        return rows

    def staffing(self) -> list[dict]:
        rng, rows = self.rng, {}
        for month in self.months():
            for person in [*self.people, "back office"]:
                for _ in range(rng.choice([0, 1, 1, 1, 2])):
                    team, store = rng.choice(["North", "南", "01"]), rng.choice([*self.stores, ""])
                    rows[month, person, team, store] = {
                        "month": f"{month:%Y-%m}", "employee_id": person, "team": team, "store": store,
                        "fte": rng.choice(["1", "0.5", "0.25", "0", "1.0"]), "cost": self.amount(500), "currency": self.maybe("CNY"),
                    }  # fmt: skip
        return list(rows.values())

    def overheads(self) -> list[dict]:
        return [
            {"month": f"{month:%Y-%m}", "store": self.rng.choice([*self.stores, ""]), "category": "rent", "amount": self.amount(300)}
            for month in self.months() for _ in range(self.rng.randint(0, 3))
        ]  # fmt: skip

    def targets(self) -> list[dict]:
        rng, rows = self.rng, {}
        names = {"company": ["company"], "store": self.stores, "channel": self.channels, "product": self.products, "employee": self.people,
                 "team": ["North", "南"], "region": REGIONS, "campaign": CAMPAIGNS, "category": ["toys"],
                 "segment": ["new", "loyal", "at_risk", "unallocated"]}  # fmt: skip
        for _ in range(60):
            level = rng.choice(list(names))
            row = {"month": f"{rng.choice(self.months()):%Y-%m}", "level": level, "entity": rng.choice(names[level]).strip(),
                   "metric": rng.choice(["net_sales", "net_sales", "gross_profit", "contribution", "orders"])}  # fmt: skip
            rows[tuple(row.values())] = row | {"target": rng.choice(["0", "-50", "1", "100.5", "4000"])}
        return list(rows.values())

    def payouts(self) -> list[dict]:
        rng, rows = self.rng, []
        for line in self.lines:
            if rng.random() < 0.5:
                paid = datetime.fromisoformat(line["ordered_at"]).date() + timedelta(days=rng.choice([3, 14, 40]))
                parts = {"gross_amount": 1, "discount_amount": -1, "shipping_income": 1, "platform_fee": -1}
                due = sum(sign * float(line[column] or 0) for column, sign in parts.items())
                rows.append({
                    "paid_on": paid.isoformat(), "store": line["store"], "channel": self.maybe(line["channel"]),
                    "order_id": line["order_id"], "amount": f"{due - rng.choice([0, 0, 0.01, 5]):.4f}", "currency": line["currency"],
                })  # fmt: skip
        return rows

    def purchases(self) -> list[dict]:
        rows = []
        for _ in range(self.rng.randint(0, 6)):
            day = self.day()
            paid = day + timedelta(days=self.rng.choice([-10, 0, 30, 60]))
            rows.append({"product_id": self.rng.choice(self.products), "ordered_on": day.isoformat(), "received_on": day.isoformat(),
                         "paid_on": self.maybe(paid.isoformat(), 0.8), "quantity": 10, "amount": self.amount(900)})  # fmt: skip
        return rows


# Cells that can't be read, by what the column's name ends with. `None` in every other column means: leave it blank.
UNREADABLE = {
    "amount": ["abc", "1.23456", "-1", "1,5", "12 CNY", "NaN", "inf", "--"],
    "cost": ["-5", "x", "0.00001"], "fee": ["-0.5", "n/a"],
    "quantity": ["1.5", "0.5", "two", "-2"], "on_hand": ["1.5", "many"], "reserved": ["-1", "?"], "fte": ["half", "-1"], "target": ["all"],
    "date": ["2025-02-30", "03/04/2025", "soon"], "refunded_on": ["2025-13-01", "later"], "ordered_at": ["yesterday", "2025-02-30T10:00"],
    "valid_from": ["2025-1-1", "31.12.2024"], "launched_on": ["once"], "month": ["2025-13", "May", "2025"], "restocked": ["maybe", "2"],
    "status": ["refunded", "gone"], "kind": ["tv"], "level": ["galaxy"], "metric": ["likes"], "rate": ["-7", "one"],
    "paid_on": ["0000-00-00"], "lead_time_days": ["-1", "1.5"], "currency": ["XXX", "usd?"],
}  # fmt: skip
REQUIRED = {
    "order_lines": ["order_id", "line_no", "ordered_at", "store", "channel", "product_id", "quantity", "gross_amount"],
    "returns": ["store", "order_id", "line_no", "refunded_on", "quantity", "refund_amount", "restocked"],
    "products": ["product_id", "name"], "product_costs": ["product_id", "valid_from", "unit_cost"],
    "marketing_spend": ["date", "store", "channel", "amount", "kind"],
    "inventory": ["date", "store", "product_id", "on_hand"], "staffing": ["month", "employee_id", "team", "fte", "cost"],
    "overheads": ["month", "category", "amount"], "targets": ["month", "level", "entity", "metric", "target"],
    "payouts": ["paid_on", "store", "amount"], "purchases": ["product_id", "ordered_on", "quantity", "amount"],
    "fx_rates": ["date", "currency", "rate"],
}  # fmt: skip
KEYED = ["order_lines", "products", "product_costs", "inventory", "staffing", "targets", "fx_rates"]


def spoil(rng: random.Random, name: str, rows: list[dict]) -> list[dict]:
    """Adds rows that can't be loaded, at random places: blank, unreadable, repeated, of no sale, in a currency without a rate."""
    out = [dict(row) for row in rows]
    for _ in range(rng.randint(0, 4)):
        row = dict(rng.choice(rows))
        if name == "order_lines":
            row["line_no"] = f"x{rng.randrange(10**6)}"
        choices = [column for column in row if readers(column)]
        if rng.random() < 0.4:
            row[rng.choice([column for column in REQUIRED[name] if column in row])] = rng.choice(["", "", " "])
        elif choices:
            column = rng.choice(choices)
            row[column] = rng.choice(readers(column))
        out.insert(rng.randint(0, len(out)), row)
    if name in KEYED:
        for _ in range(rng.randint(0, 2)):
            place = rng.randrange(len(out))
            out.insert(rng.randint(place + 1, len(out)), dict(out[place]))
    if name == "returns":
        out.insert(rng.randint(0, len(out)), dict(rng.choice(rows)) | {"order_id": "no such order"})
    return out


def readers(column: str) -> list[str]:
    return next((cells for end, cells in UNREADABLE.items() if column.endswith(end)), [])
