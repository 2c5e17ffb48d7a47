"""The sample company: a seeded generator that writes `data/sample/`, its data dictionary and its answer key.

`python -m helpers.sample [--out folder]` writes the same bytes on every machine: the only source of chance is `Generator.random()` of a
PCG64 per table, and everything after it is whole-number arithmetic in cents. Who the company is and what was planted in it on purpose
stands in `sample.toml`. In a row, cells whose names begin with _ stay in the generator.
"""

import argparse
import csv
import json
import tomllib
import zlib
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import numpy as np

from helpers.contract import TABLES

SEED = 618
FIRST, LAST = date(2024, 1, 1), date(2025, 12, 31)
MONTHS = [f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13)]
FOLDER = Path(__file__).parent.parent / "data" / "sample"
PLAN_TEXT = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
PLAN = tomllib.loads(PLAN_TEXT)
CATALOGUE = {f"P{i:03d}": tuple(line.split("|")) for i, line in enumerate(PLAN["products"].strip().splitlines(), 1)}
EMPLOYEES, CHANNELS, SPECIAL, PLANTED = PLAN["employees"], PLAN["channels"], PLAN["product"], PLAN["planted"]
BESTSELLER, US = SPECIAL["bestseller"], "us-shop"

COMPANY = """name = "Sample Trading Co"
reporting_currency = "CNY"
timezone = "Asia/Shanghai"
stage = "growth"
"""

INTRODUCTION = """# Sample Trading Co

A made-up company that sells kitchenware, home goods, electronics, beauty devices, outdoor gear and things for pets, in 2024 and 2025:
two shops in China (`cn-flagship`, `cn-outlet`) that sell in CNY and one in the United States (`us-shop`) that sells in USD, through
a web shop, a marketplace, livestreams, a network of agents and social groups. Twelve people work in three teams. The company earns money,
though not everywhere, and finding out where is what the notebooks are for. What was planted on purpose stands in `answer_key.toml`:
look there last.

Everything here is written by `make sample` from a seed and holds no real person's data. Ten rows are broken on purpose, so that the first
notebook has something to set aside. Amounts are without tax; an empty `currency` means CNY. Parcels are known from October 2025 on,
activities and traffic for 2025. What an analyst did about a few decisions stands in `actions.csv`; one row of it names a rule that doesn't
exist. The tables follow the contract; the rest of this page is generated from it.
"""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.sample", description="Write the sample company.")
    parser.add_argument("--out", type=Path, default=FOLDER)
    write(parser.parse_args(argv).out)


def write(out: Path, seed: int = SEED) -> None:
    """Write the whole company folder to `out`: company.toml, a CSV per table, answer_key.toml and README.md."""
    out.mkdir(parents=True, exist_ok=True)
    tables, unpaid, missed = build(seed)
    for name, table in TABLES.items():
        columns = [column.name for column in table.columns]
        with open(out / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([line.get(column, "") for column in columns] for line in tables[name])
    for name, text in (("company.toml", COMPANY), ("answer_key.toml", answer_key(unpaid, missed)), ("README.md", readme(tables))):
        (out / name).write_text(text, encoding="utf-8", newline="\n")


def build(seed: int = SEED) -> tuple[dict[str, list[dict]], list[dict], list[str]]:
    """Every table of the contract as a list of rows, the orders that the marketplace still owes, and who missed the last month's target."""
    chance = {name: Chance(seed, name) for name in TABLES}
    rates = Rates(chance["fx_rates"])
    costs = Costs()
    lines = order_lines(chance["order_lines"], rates, costs)
    back = returns(chance["returns"], lines)
    eased = ease_off(lines, back)
    paid, unpaid = payouts(chance["payouts"], lines, back)
    parcels = shipments(chance["shipments"], lines)
    tables = {
        "order_lines": lines,
        "returns": back,
        "products": products(chance["products"]),
        "product_costs": costs.rows,
        "marketing_spend": marketing_spend(chance["marketing_spend"], lines),
        "inventory": inventory(chance["inventory"], lines),
        "employees": [row(employee_id=person, name=who[0], hired_on=who[5]) for person, who in EMPLOYEES.items()],
        "staffing": staffing(),
        "overheads": overheads(),
        "targets": targets(chance["targets"], Chance(seed, "more targets"), lines, eased),
        "payouts": paid,
        "shipments": parcels,
        "purchases": purchases(chance["purchases"], lines, costs),
        "customers": customers(chance["customers"], lines),
        "campaigns": [
            row(campaign_id=campaign, name=name, kind=kind, channel=channel, starts_on=first, ends_on=last)
            for campaign, (name, kind, channel, first, last) in (PLAN["campaigns"] | PLAN["unnamed"]).items()
        ],
        "calendar": calendar(),
        "activities": activities(chance["activities"]),
        "appraisals": appraisals(chance["appraisals"]),
        "market_reports": from_plan("market_reports"),
        "actions": from_plan("actions"),
        "traffic": traffic(chance["traffic"], lines),
        "reviews": reviews(chance["reviews"], lines, parcels),
        "fx_rates": rates.rows,
    }
    tables["cash_balances"] = cash_balances(chance["cash_balances"], tables, rates)
    missed = missed_targets(tables["targets"], lines, back, rates)
    spoil(tables)
    return tables, unpaid, missed


# ---- small tools ---------------------------------------------------------------------------------------------------------------


class Chance:
    """A stream of chance per table, so that a change to one table leaves the others as they were."""

    def __init__(self, seed: int, name: str):
        self.u = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())])).random

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.u() * (high - low + 1))

    def pick(self, weights: dict):
        """A key in proportion to its weight."""
        return at(weights, self.u())

    def shuffle(self, items: list) -> None:
        for i in range(len(items) - 1, 0, -1):
            j = self.whole(0, i)
            items[i], items[j] = items[j], items[i]

    def spread(self, weights: dict, count: int) -> list:
        """`count` keys, as close to the weights as whole numbers allow, in random order."""
        start = self.u()
        keys = [at(weights, (i + start) / count) for i in range(count)]
        self.shuffle(keys)
        return keys


def at(weights: dict, share: float):
    """The key at that share of the cumulated weights.

    >>> at({"a": 1, "b": 3}, 0.2), at({"a": 1, "b": 3}, 0.3)
    ('a', 'b')
    """
    point = share * sum(weights.values())
    sums = accumulate(weights.values())
    return next((key for key, reached in zip(weights, sums, strict=True) if point < reached), next(reversed(weights)))


def row(**cells) -> dict:
    return cells


def money(cents: int) -> str:
    """Cents as a plain decimal.

    >>> money(-1205)
    '-12.05'
    """
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def part(cents: int, per_mille: int) -> int:
    """That many thousandths of an amount in cents, rounded half up."""
    return (cents * per_mille + 500) // 1000


def span(text: str) -> list[date]:
    """The days of `first..last` or single days, several with blanks between them.

    >>> len(span("2024-02-10..2024-02-17 2025-01-01"))
    9
    """
    found = []
    for piece in text.split():
        first, _, last = piece.partition("..")
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        found += [start + timedelta(i) for i in range((end - start).days + 1)]
    return found


def month_of(day: date) -> str:
    return day.isoformat()[:7]


def last_day(month: str) -> date:
    return (date.fromisoformat(month + "-28") + timedelta(4)).replace(day=1) - timedelta(1)


def currency(store: str) -> str:
    return "USD" if store == US else ""


def completed(lines: list[dict]) -> list[dict]:
    return [line for line in lines if line["status"] != "cancelled"]


def total(lines: list[dict], value: str, *keys) -> dict[tuple, int]:
    """Sums of a cell of the completed lines by keys: names of cells, or functions of a line."""
    sums = defaultdict(int)
    for line in completed(lines):
        sums[tuple(line[key] if isinstance(key, str) else key(line) for key in keys)] += line[value]
    return sums


def in_month(line: dict) -> str:
    return month_of(line["_day"])


# ---- days, rates and costs -----------------------------------------------------------------------------------------------------


def calendar() -> list[dict]:
    found = [
        row(date=day, name=name, kind=kind, weight=f"{weight // 100}.{weight % 100:02d}")
        for kind in ("holiday", "promotion", "irregular")
        for name, (days, weight) in PLAN[kind].items()
        for day in span(days)
    ]
    found += [row(date=day, name="调休 Make-up workday", kind="makeup_workday") for day in span(PLAN["make_up_days"])]
    return sorted(found, key=lambda cells: (cells["date"], cells["name"]))


def day_weights() -> dict[date, int]:
    """How much each day sells, in hundredths of a Monday."""
    weights = {day: PLAN["weekdays"][day.weekday()] for day in span(f"{FIRST}..{LAST}")}
    for kind in ("holiday", "promotion", "irregular"):
        for days, weight in PLAN[kind].values():
            weights |= dict.fromkeys(span(days), weight)
    return weights


class Rates:
    """CNY for one USD, in ten-thousandths: `rows` every Monday, `by_day` for each day."""

    def __init__(self, chance: Chance):
        self.rows, self.by_day, rate = [], {}, 71200
        for day in span(f"{FIRST}..{LAST}"):
            if day.weekday() == 0:
                rate += chance.whole(-220, 225) + (71800 - rate) // 20
                self.rows.append(row(date=day, currency="USD", rate=f"{rate // 10000}.{rate % 10000:04d}"))
            self.by_day[day] = rate

    def cny(self, cents: int, store: str, day: date) -> int:
        return cents if store != US else (cents * self.by_day[day] + 5000) // 10000


class Costs:
    """Landed unit costs with the days from which they hold; freight gets dearer in December 2025. A few products are bought in USD."""

    def __init__(self):
        self.rows, self.steps = [], {}
        for product, (_, _, price, share, _) in CATALOGUE.items():
            cost = int(price) * round(float(share) * 1000) // 10  # cents
            steps = {"2024-01-01": part(cost, 960), "2025-01-01": part(cost, 980), "2025-07-01": cost, "2025-12-01": part(cost, 1020)}
            if product in SPECIAL["steady"]:
                steps = {"2024-01-01": cost}
            if product in PLAN["cost"]:
                steps = {day: round(100 * cny) for day, cny in PLAN["cost"][product].items()}
            self.steps[product] = [(date.fromisoformat(day), cents) for day, cents in steps.items()]
            usd = product in PLAN["bought_in_usd"]
            for day, cents in steps.items():
                unit_cost = money(cents * 10 // 71 if usd else cents)
                self.rows.append(row(product_id=product, valid_from=day, unit_cost=unit_cost, currency="USD" if usd else ""))

    def on(self, product: str, day: date) -> int | None:
        """The unit cost in cents of CNY, or None."""
        return next((cents for start, cents in reversed(self.steps[product]) if start <= day), None)


# ---- orders --------------------------------------------------------------------------------------------------------------------


def on_sale(product: str, day: str) -> bool:
    return SPECIAL["launched"].get(product, "")[: len(day)] <= day <= SPECIAL["last_sale"].get(product, "9")


def order_lines(chance: Chance, rates: Rates, costs: Costs) -> list[dict]:
    """Month by month: how many lines each product gets, through which store and channel; then the lines become orders."""
    found, buyers, weights = [], {"cn": [], "us": []}, day_weights()
    for i, month in enumerate(MONTHS):
        drafts = defaultdict(list)
        for product, count in lines_per_product(month, PLAN["order_lines"] * (1000 + 22 * i) * PLAN["season"][i % 12] // 100000).items():
            for where in chance.spread(outlets(product, month), count):
                drafts[where].append(product)
        days = {day: weight for day, weight in weights.items() if month_of(day) == month}
        for (store, channel), wanted in sorted(drafts.items()):
            chance.shuffle(wanted)
            baskets = []
            while wanted:
                baskets.append([wanted.pop() for _ in range(min(len(wanted), chance.pick({1: 62, 2: 27, 3: 11})))])
            for basket, seller in zip(baskets, chance.spread(PLAN["crew"][channel], len(baskets)), strict=True):
                found += order(chance, basket, days, store, channel, seller, buyers, rates, costs)
    found.sort(key=lambda line: line["_at"])
    ids, counts = {}, defaultdict(int)
    for line in found:
        if line["_order"] not in ids:
            counts[line["store"]] += 1
            ids[line["_order"]] = f"{line['store'][:4].upper().replace('-', '')}{counts[line['store']]:06d}"
        line["order_id"] = ids[line["_order"]]
    return found


def lines_per_product(month: str, count: int) -> dict[str, int]:
    """Order lines of each product on sale in a month, following the weights."""
    weights = {product: round(float(entry[4]) * 100) for product, entry in CATALOGUE.items() if on_sale(product, month)}
    if month == "2025-11":
        weights[SPECIAL["returned"]] *= 2
    whole = sum(weights.values())
    return {product: max((count * weight + whole // 2) // whole, 1) for product, weight in weights.items()}


def outlets(product: str, month: str) -> dict[tuple[str, str], int]:
    """(store, channel) → weight for a product in a month. The smaller shops don't carry every ordinary product."""
    column = {"2025-11": 1, "2025-12": 2}.get(month, 0)
    allowed, number = SPECIAL["channels"].get(product, list(CHANNELS)), int(product[1:])
    found = {}
    for store, channels in PLAN["stores"].items():
        left_out = number > 15 and store != "cn-flagship" and (number + (store == US)) % 4 == 0
        if not left_out and not (product in SPECIAL["cn_only"] and store == US):
            open_here = {channel: weight for channel, weight in channels.items() if channel in allowed}
            found |= {(store, channel): CHANNELS[channel]["mix"][column] * weight for channel, weight in open_here.items()}
    return found


def order(chance, basket, days, store, channel, seller, buyers, rates, costs) -> list[dict]:
    """The lines of one order on a day of the month on which everything in the basket is on sale."""
    day = chance.pick({day: weight for day, weight in days.items() if all(on_sale(product, str(day)) for product in basket)})
    moment = datetime(day.year, day.month, day.day, chance.whole(7, 23), chance.whole(0, 59), chance.whole(0, 59))
    country = "us" if store == US else "cn"
    known = buyers[country]
    if chance.u() < 0.5 or not known:
        known.append(f"C{country.upper()}{len(known) + 1:05d}")
        customer = known[-1]
    else:
        customer = known[chance.whole(0, len(known) - 1)]
    customer = customer if chance.u() < 0.9 else ""
    region = chance.pick(PLAN["regions"][country])
    running = [id for id, (_, _, where, first, last) in PLAN["campaigns"].items() if where in ("", channel) and first <= str(day) <= last]
    about = row(
        # the US shop's system writes its own clock with its offset, the others the company's
        ordered_at=(moment - timedelta(hours=16)).isoformat() + "-08:00" if store == US else moment.isoformat(),
        store=store, channel=channel, customer_id=customer, employee_id=seller, region=region, currency=currency(store),
        campaign_id=running[0] if running and chance.u() < 0.5 else "", status="cancelled" if chance.u() < 0.015 else "",
        _at=moment, _day=day, _order=(moment, store, channel, customer, seller),
    )  # fmt: skip
    return [about | {"line_no": n} | order_line(chance, product, about, rates, costs) for n, product in enumerate(basket, 1)]


def order_line(chance, product, about, rates, costs) -> dict:
    """What was bought, and its money."""
    store, channel, day, seller = about["store"], about["channel"], about["_day"], about["employee_id"]
    terms, steady, abroad = CHANNELS[channel], product in SPECIAL["steady"], store == US
    price = 100 * PLAN["price"].get(product, {}).get(month_of(day), int(CATALOGUE[product][2]))
    quantity = chance.whole(*terms["units"])
    if product in SPECIAL["by_the_dozen"]:
        quantity += chance.whole(0, 2)
    if product == BESTSELLER or price > 140000 and channel == "agents":
        quantity = (quantity + 1) // 2
    gross = (price // 710 * 100 + 90 if abroad else price) * quantity
    year_end, deal = PLANTED["year_end_discount"], PLANTED["discounter"]
    discount = terms["discount"] * 10 + chance.whole(-15, 15) + year_end["share"] * (str(day) >= year_end["since"])
    if product in SPECIAL["discount"]:
        discount = SPECIAL["discount"][product] * 10 + (chance.whole(-15, 20) if product in SPECIAL["haggled"] else 0)
    elif seller == deal["employee"] and month_of(day) >= deal["since"]:
        discount = deal["discount"] * 10 + chance.whole(-20, 20)
    net = gross - part(gross, discount)
    shipping = (199 if abroad else 1200) if channel in ("webshop", "social") and not steady and chance.u() < 0.4 else 0
    fee, cost = part(net, terms["fee"]), costs.on(product, day)
    frozen = abroad and channel == "webshop" and cost is not None and not steady and product not in PLAN["bought_in_usd"]
    return row(
        product_id=product, quantity=quantity, gross_amount=money(gross), discount_amount=money(gross - net) if net < gross else "",
        shipping_income=money(shipping) if shipping else "", platform_fee=money(fee),
        fulfilment_cost=money((500 + 150 * quantity) // (7 if abroad else 1) + part(net, 22)),
        commission=money(part(net, terms["commission"])) if terms["commission"] else "",
        unit_cost=money(cost * 10000 // rates.by_day[day]) if frozen else "",
        _net=net + shipping, _fee=fee, _cny=rates.cny(net + shipping, store, day),
    )  # fmt: skip


def returns(chance: Chance, lines: list[dict]) -> list[dict]:
    """Refunds 3 to 30 days after the sale, as far as they have happened by the end of the data."""
    by_product, found = defaultdict(list), []
    for line in completed(lines):
        by_product[line["product_id"]].append(line)
    for product, sold in sorted(by_product.items()):
        rate = SPECIAL["return_rate"].get(product, 6 + int(product[1:]) % 5)
        due = chance.whole(0, 99)
        for line in sold:
            late = product == SPECIAL["returned"] and "2025-11-08" <= str(line["_day"]) <= "2025-11-30"  # asked for in December
            due += 34 if late else rate
            if due < 100:
                continue
            due -= 100
            asked = line["_day"] + timedelta(max(1, (date(2025, 12, 2) - line["_day"]).days) if late else chance.whole(2, 24))
            refunded = asked + timedelta(chance.whole(1, 6))
            if refunded > LAST:
                continue
            quantity = chance.whole(1, line["quantity"])
            amount, fee = line["_net"] * quantity // line["quantity"], part(line["_fee"] * quantity // line["quantity"], 800)
            found.append(row(
                store=line["store"], order_id=line["order_id"], line_no=line["line_no"], requested_on=asked, refunded_on=refunded,
                quantity=quantity, refund_amount=money(amount), restocked="true" if chance.u() < 0.9 or late else "false",
                handling_cost="1.20" if line["store"] == US else "8.00", fee_refunded=money(fee), currency=line["currency"],
                reason=chance.pick({"changed mind": 40, "damaged": 15, "not as described": 20, "too late": 10, "尺寸不合 wrong size": 15}),
                _line=line, _day=refunded, _amount=amount, _fee=fee,
            ))  # fmt: skip
    return sorted(found, key=lambda back: (back["_day"], back["store"], back["order_id"], back["line_no"]))


def ease_off(lines: list[dict], back: list[dict]) -> dict[str, int]:
    """From the day after the month's target is reached, most of one person's orders are nobody's. Returns the targets in CNY."""
    plan, goals = PLANTED["easer"], {}
    for month in (month for month in MONTHS if month >= plan["since"]):
        mine = [line for line in completed(lines) if line["employee_id"] == plan["employee"] and in_month(line) == month]
        daily = defaultdict(int)
        for line in mine:
            daily[line["_day"]] += line["_cny"]
        goals[month] = sum(daily.values()) * plan["target"] // 10000000 * 1000
        for refund in back:
            if refund["_line"]["employee_id"] == plan["employee"] and month_of(refund["_day"]) == month:
                daily[refund["_day"]] -= refund["_line"]["_cny"] * refund["quantity"] // refund["_line"]["quantity"]
        days = sorted(daily)
        sums = accumulate(daily[day] for day in days)
        reached = next((day for day, so_far in zip(days, sums, strict=True) if so_far >= 100 * goals[month]), LAST)
        later = list(dict.fromkeys(line["order_id"] for line in mine if line["_day"] > reached))
        kept = {order_id for n, order_id in enumerate(later, 1) if n * plan["keeps"] // 100 > (n - 1) * plan["keeps"] // 100}
        for line in mine:
            if line["_day"] > reached and line["order_id"] not in kept:
                line["employee_id"] = ""
    return goals


# ---- money around the orders ---------------------------------------------------------------------------------------------------


def marketing_spend(chance: Chance, lines: list[dict]) -> list[dict]:
    """Spend follows sales: shares of each month's sales by store and channel, billed four times a month; named ads for the bestseller;
    a fee per campaign; and a trial in a channel that has not sold anything yet."""
    found, star = [], PLANTED["bestseller_ads"]

    def bill(month: str, store: str, channel: str, cents: int, **names) -> None:
        for day in (7, 14, 21, 28):
            amount = money(part(cents, 230 + chance.whole(0, 40)))
            about = row(date=f"{month}-{day:02d}", store=store, channel=channel, kind="ads", currency=currency(store))
            found.append(about | row(amount=amount) | names)

    where = (in_month, "store", "channel")
    named = total([line for line in lines if line["product_id"] == BESTSELLER], "_net", *where)
    for (month, store, channel), net in sorted(total(lines, "_net", *where).items()):
        bill(month, store, channel, part(net, CHANNELS[channel]["ads"]))
        if month >= star["since"] and (month, store, channel) in named:
            bill(month, store, channel, part(named[month, store, channel], star["share"]), product_id=BESTSELLER)
    in_campaigns = total([line for line in lines if line["campaign_id"]], "_net", "campaign_id", "store", "channel")
    for (campaign, store, channel), net in sorted(in_campaigns.items()):
        found.append(row(date=PLAN["campaigns"][campaign][4], store=store, channel=channel, amount=money(part(net, 25)), kind="event_fee",
                         campaign_id=campaign, currency=currency(store)))  # fmt: skip
    found += [row(date=f"2025-{m}-20", store=US, channel="livestream", amount="90.00", kind="other", currency="USD") for m in (11, 12)]
    return sorted(found, key=lambda spend: tuple(spend.get(key, "") for key in ("date", "store", "channel", "product_id", "campaign_id")))


def payouts(chance: Chance, lines: list[dict], back: list[dict]) -> tuple[list[dict], list[dict]]:
    """The marketplace pays each order 7 to 14 days later and takes refunds back on their day; other channels pay weekly sums."""
    orders, refunds, weekly, plan = {}, defaultdict(list), defaultdict(int), PLANTED["payouts"]

    def payday(day: date) -> date:
        return day + timedelta(11 - day.weekday())  # Friday of the next week

    for line in completed(lines):
        net = line["_net"] - line["_fee"]
        if line["channel"] == "marketplace":
            orders.setdefault((line["store"], line["order_id"]), [line["_day"], 0])[1] += net
        else:
            weekly[payday(line["_day"]), line["store"], line["channel"]] += net
    for refund in back:
        net, channel = refund["_amount"] - refund["_fee"], refund["_line"]["channel"]
        if channel == "marketplace":
            refunds[refund["store"], refund["order_id"]].append((refund["_day"], net))
        else:
            weekly[payday(refund["_day"]), refund["store"], channel] -= net
    able = sorted(key for key, (day, _) in orders.items() if plan["first"] <= str(day) <= plan["last"] and key not in refunds)
    chosen = [able[i * len(able) // (plan["missing"] + plan["short"])] for i in range(plan["missing"] + plan["short"])]
    found, unpaid = [], []
    for (store, order_id), (day, due) in orders.items():
        taken, paid_on = refunds.get((store, order_id), []), day + timedelta(chance.whole(7, 14))
        amounts = [(paid_on, due - sum(net for when, net in taken if when <= paid_on))]
        amounts += [(when, -net) for when, net in taken if when > paid_on]
        if (store, order_id) in chosen:
            missing = due if chosen.index((store, order_id)) < plan["missing"] else 100 * plan["short_by"]
            unpaid.append(row(store=store, order_id=order_id, missing=money(missing), currency=currency(store) or "CNY"))
            amounts = [(paid_on, due - missing)]
        for n, (when, cents) in enumerate(amounts, 1):
            if when <= LAST and cents:
                found.append(row(paid_on=when, store=store, channel="marketplace", order_id=order_id, amount=money(cents),
                                 reference=f"M{order_id}-{n}", currency=currency(store)))  # fmt: skip
    for (day, store, channel), cents in weekly.items():
        if day <= LAST:
            reference = f"W{day:%y%m%d}"
            found.append(row(paid_on=day, store=store, channel=channel, amount=money(cents), reference=reference, currency=currency(store)))
    return sorted(found, key=lambda paid: (paid["paid_on"], paid["store"], paid["channel"], paid["reference"])), unpaid


def staffing() -> list[dict]:
    """Pay rises by 4 % in 2025; everybody is paid in CNY."""
    return [
        row(month=month, employee_id=person, team=team, store=store, fte=fte, cost=money(part(100 * cost, 960 if month < "2025" else 1000)))
        for month in MONTHS
        for person, (_, team, store, fte, cost, _) in EMPLOYEES.items()
    ]


def overheads() -> list[dict]:
    return [
        row(month=month, store=store, category=category, amount=money(part(100 * amount, 950 if month < "2025" else 1000)))
        for month in MONTHS
        for store, amounts in PLAN["overheads"].items()
        for category, amount in amounts.items()
    ]


def targets(chance: Chance, more: Chance, lines: list[dict], eased: dict[str, int]) -> list[dict]:
    """Targets near what was sold, in whole thousands of CNY. Stores, channels, regions and categories add up to the company and people to
    their teams, but for what is planted."""
    levels = {"store": "store", "channel": "channel", "product": "product_id", "employee": "employee_id", "region": "region"}
    levels |= {"category": lambda line: CATALOGUE[line["product_id"]][1], "campaign": "campaign_id"}
    sold = {(level, *where): cents for level, key in levels.items() for where, cents in total(lines, "_cny", in_month, key).items()}
    orders, new, seen = defaultdict(set), defaultdict(int), set()
    for line in completed(lines):
        orders[in_month(line)].add((line["store"], line["order_id"]))
        new[in_month(line)] += line["customer_id"] not in seen
        seen.add(line["customer_id"])
    found, aims = [], PLANTED["targets"]

    def add(month: str, level: str, entity: str, metric: str, target: int, owner: str = "", parent: str = "") -> int:
        found.append(row(month=month, level=level, entity=entity, metric=metric, target=target, owner=owner, parent=parent))
        return target

    def near(month: str, level: str, entity: str, low: int, high: int, chance: Chance = chance) -> int:
        return sold.get((level, month, entity), 0) * chance.whole(low, high) // 10000000 * 1000

    for month in MONTHS:
        low, high = aims["stores"].get(month, (86, 112))
        stores = {store: near(month, "store", store, low, high) for store in PLAN["stores"]}
        whole = sum(stores.values())
        for store, net in stores.items():
            for metric, share in (("net_sales", 100), ("contribution", 17), ("collections", 93)):
                add(month, "store", store, metric, net * share // 100, "E01", "company")
        for metric, share in (("net_sales", 100), ("gross_profit", 40), ("contribution", 17), ("collections", 93)):
            add(month, "company", "company", metric, whole * share // 100, "E01")
        add(month, "company", "company", "orders", len(orders[month]) * chance.whole(90, 112) // 1000 * 10, "E01")
        add(month, "company", "company", "new_customers", new[month] * chance.whole(90, 112) // 1000 * 10, "E05")
        if month < "2025":
            continue
        for channel, net in parts(whole, {channel: near(month, "channel", channel, 86, 112) for channel in CHANNELS}).items():
            for metric, share in (("net_sales", 100), ("contribution", 17), ("collections", 93)):
                add(month, "channel", channel, metric, net * share // 100, "", "company")
        teams = defaultdict(int)
        for person, (_, team, *_) in EMPLOYEES.items():
            early = person in PLANTED["aims"] and (person != PLANTED["discounter"]["employee"] or month >= PLANTED["discounter"]["since"])
            net = near(month, "employee", person, *(PLANTED["aims"][person] if early else (97, 112)))
            net = eased.get(month, net) if person == PLANTED["easer"]["employee"] else net
            for metric, share in (("net_sales", 100), ("contribution", 12), ("collections", 80)):
                if metric != "collections" or team == aims["collectors"]:
                    teams[team, metric] += add(month, "employee", person, metric, net * share // 100, person, team)
        for (team, metric), target in teams.items():
            add(month, "team", team, metric, target, "", "company")
        names = sorted({entry[1] for entry in CATALOGUE.values()})
        categories = parts(whole, {name: near(month, "category", name, 86, 112) for name in names})
        categories[aims["twice"]["category"]] += aims["twice"]["too_much"] * (month == aims["twice"]["month"])
        for category, net in categories.items():
            add(month, "category", category, "net_sales", net, "", "company")
        for product in (BESTSELLER, SPECIAL["returned"], SPECIAL["oversold"]["product"]):
            aim = (70, 76) if product == BESTSELLER else (90, 106)
            add(month, "product", product, "net_sales", near(month, "product", product, *aim), "", CATALOGUE[product][1])
        regions = [region for country in PLAN["regions"].values() for region in country]
        fixed = {aims["air"]["region"]: aims["air"]["target"]} if month == aims["air"]["month"] else {}
        free = {region: near(month, "region", region, 90, 108, more) for region in regions if region not in fixed}
        for region, net in (parts(whole - sum(fixed.values()), free) | fixed).items():
            add(month, "region", region, "net_sales", net, "", "company")
        for campaign, (_, _, _, first, _) in PLAN["campaigns"].items():
            if first[:7] == month:
                add(month, "campaign", campaign, "net_sales", near(month, "campaign", campaign, 90, 108, more), "E05", "company")
    return found


def parts(whole: int, weights: dict[str, int]) -> dict[str, int]:
    """A whole number of thousands in parts by weight, in thousands; what rounding leaves goes to the first.

    >>> parts(10000, {"a": 1, "b": 2})
    {'a': 4000, 'b': 6000}
    """
    cut = {key: whole * weight // sum(weights.values()) // 1000 * 1000 for key, weight in weights.items()}
    first = next(iter(cut))
    return cut | {first: cut[first] + whole - sum(cut.values())}


def missed_targets(targets: list[dict], lines: list[dict], back: list[dict], rates: Rates) -> list[str]:
    """Whose net sales of the last month are below their target, to the cent? Sales less the refunds of that month, at the order's rate."""
    levels = {level: (lambda line, key=key: line[key]) for level, key in (("store", "store"), ("channel", "channel"), ("region", "region"),
              ("product", "product_id"), ("employee", "employee_id"), ("campaign", "campaign_id"))}  # fmt: skip
    levels |= {
        "company": lambda line: "company",
        "category": lambda line: CATALOGUE[line["product_id"]][1],
        "team": lambda line: EMPLOYEES[line["employee_id"]][1] if line["employee_id"] else "",
    }
    sold = defaultdict(int)  # in millionths of a yuan
    moved = [(line, line["_day"], line["_net"]) for line in completed(lines)]
    moved += [(refund["_line"], refund["_day"], -refund["_amount"]) for refund in back]
    for line, day, cents in moved:
        if month_of(day) == MONTHS[-1]:
            rate = rates.by_day[line["_day"]] if line["store"] == US else 10000
            for level, of in levels.items():
                sold[level, of(line)] += cents * rate
    asked = [goal for goal in targets if (goal["month"], goal["metric"]) == (MONTHS[-1], "net_sales") and goal["target"] > 0]
    return sorted(goal["entity"] for goal in asked if sold[goal["level"], goal["entity"]] < goal["target"] * 1000000)


# ---- stock ---------------------------------------------------------------------------------------------------------------------


def inventory(chance: Chance, lines: list[dict]) -> list[dict]:
    """Two counts a month: days of cover × what the quarter sells a day in that store."""
    sold = total(lines, "quantity", lambda line: (line["_day"].year, (line["_day"].month - 1) // 3), "store", "product_id")
    found, oversold = [], SPECIAL["oversold"]
    for day in (day for month in MONTHS for day in (date.fromisoformat(month + "-15"), last_day(month))):
        for store, product in sorted({key[1:] for key in sold}):
            if str(day) < SPECIAL["launched"].get(product, ""):
                continue
            quarter = sold.get(((day.year, (day.month - 1) // 3), store, product), 0)
            cover = SPECIAL["cover"].get(product, 26 + int(product[1:]) * 7 % 13) * chance.whole(90, 110)
            on_hand = -(-quarter * cover // 9200)  # a quarter has 92 days; rounded up
            if product in SPECIAL["on_hand"] and str(day) > SPECIAL["last_sale"].get(product, ""):
                on_hand = SPECIAL["on_hand"][product]
            reserved, incoming = on_hand // 12, on_hand // 4 if day.day > 15 and product not in SPECIAL["short"] else 0
            if day == LAST and product in SPECIAL["short"]:
                on_hand, reserved = -(-quarter * 5 // 92), 0
            if day == LAST and (store, product) == (oversold["store"], oversold["product"]):
                on_hand, reserved, incoming = oversold["on_hand"], oversold["reserved"], oversold["incoming"]
            found.append(row(date=day, store=store, product_id=product, on_hand=on_hand, reserved=reserved or "", incoming=incoming or ""))
    return found


def products(chance: Chance) -> list[dict]:
    return [
        row(product_id=product, name=name, category=category, owner=f"E{1 + i % 6:02d}",
            launched_on=SPECIAL["launched"].get(product, f"2023-{1 + i % 12:02d}-{1 + i * 7 % 27:02d}"),
            lead_time_days=SPECIAL["lead_time"].get(product, chance.whole(6, 12)))
        for i, (product, (name, category, *_)) in enumerate(CATALOGUE.items())
    ]  # fmt: skip


def purchases(chance: Chance, lines: list[dict], costs: Costs) -> list[dict]:
    """Each month's units bought about three weeks ahead; suppliers are paid 10 to 40 days after receipt, a few of the next month's in advance."""
    found, sold = [], total(lines, "quantity", in_month, "product_id")
    ahead = {("2026-01", product): (sold.get(("2025-10", product), 0) + units) // 2 for (month, product), units in sold.items() if month == MONTHS[-1]}
    for (month, product), units in [*sorted(sold.items()), *sorted(ahead.items())]:
        ordered = date.fromisoformat(month + "-01") - timedelta(chance.whole(16, 26))
        received = ordered + timedelta(chance.whole(6, 14))
        paid = received + timedelta(chance.whole(10, 40))
        if month > MONTHS[-1] and product in SPECIAL["deposit"]:
            received, paid = received + timedelta(20), ordered + timedelta(2)
        amount = money(units * (costs.on(product, date.fromisoformat(month + "-28")) or 9000))
        received_on, paid_on = (day if day <= LAST else "" for day in (received, paid))
        if units:
            found.append(row(product_id=product, ordered_on=ordered, received_on=received_on, paid_on=paid_on, quantity=units, amount=amount))
    return found


# ---- people, parcels, visitors -------------------------------------------------------------------------------------------------


def customers(chance: Chance, lines: list[dict]) -> list[dict]:
    first = {}
    for line in lines:
        if line["customer_id"]:
            first.setdefault(line["customer_id"], line)
    return [
        row(customer_id=customer, joined_on=line["_day"] - timedelta(chance.whole(0, 9)),
            tier=chance.pick({"": 60, "distributor" if line["channel"] == "agents" else "silver": 28, "gold": 12}),
            source=chance.pick({line["channel"]: 70, "friend": 20, "search": 10}), region=line["region"])
        for customer, line in sorted(first.items())
    ]  # fmt: skip


def shipments(chance: Chance, lines: list[dict]) -> list[dict]:
    """Parcels since October 2025, when the carriers' feed was connected. Carriers differ in speed and price, one by region too."""
    orders = {(line["store"], line["order_id"]): line for line in completed(lines) if str(line["_day"]) >= "2025-10-01"}
    found = []
    for (store, order_id), line in orders.items():
        shipped = line["_at"] + timedelta(minutes=chance.whole(180, 2800))
        carriers = PLAN["carriers"]["us" if store == US else "cn"]
        carrier = chance.pick({name: about["weight"] for name, about in carriers.items()})
        about = carriers[carrier]
        slow = about["slow"] if line["region"] in about["slow_in"] else 0
        arrived = shipped + timedelta(minutes=chance.whole(1200, 5800) + slow)
        if shipped.date() <= LAST:
            found.append(row(
                store=store, order_id=order_id, shipped_at=shipped.isoformat(),
                delivered_at=arrived.isoformat() if arrived.date() <= LAST else "",
                promised_by=(line["_at"] + timedelta(days=5)).isoformat(), carrier=carrier, cost=money(chance.whole(*about["cost"])),
                _late=arrived > line["_at"] + timedelta(days=5),
            ))  # fmt: skip
    return found


def reviews(chance: Chance, lines: list[dict], parcels: list[dict]) -> list[dict]:
    """One order line in sixteen is rated; buyers of the bestseller are less happy, and so is who waited longer than promised."""
    late = {(parcel["store"], parcel["order_id"]) for parcel in parcels if parcel["_late"]}
    found = []
    for line in completed(lines):
        day = line["_day"] + timedelta(chance.whole(4, 20))
        if chance.u() < 0.06 and day <= LAST:
            happy = {5: 62, 4: 22, 3: 8, 2: 4, 1: 4} if line["product_id"] != BESTSELLER else {5: 34, 4: 20, 3: 14, 2: 14, 1: 18}
            happy = {5: 22, 4: 20, 3: 20, 2: 18, 1: 20} if (line["store"], line["order_id"]) in late else happy
            found.append({key: line[key] for key in ("store", "order_id", "line_no")} | row(reviewed_on=day, rating=chance.pick(happy)))
    return found


def activities(chance: Chance) -> list[dict]:
    """Workdays of 2025; E06 hands in no figures, which is a finding of its own, and the discounter follows fewer customers."""
    rest = {day for days, _ in PLAN["holiday"].values() for day in span(days)}
    less, found = PLANTED["follows_less"], []
    for day in span(f"2025-01-01..{LAST}"):
        for person, who in EMPLOYEES.items():
            evening = who[1] == "evening"
            if day.weekday() > 4 or day in rest or person == "E06" or evening and day.weekday() not in (1, 3):
                continue
            contacted = chance.whole(3, 9) if evening else chance.whole(6, 22)
            minutes = contacted * chance.whole(5, 11)
            if person == less["employee"] and month_of(day) >= less["since"]:
                contacted, minutes = contacted * less["keeps"] // 100, minutes * less["keeps"] // 100
            found.append(row(date=day, employee_id=person, customers_contacted=contacted, contact_minutes=minutes,
                             new_customers=chance.whole(0, 3), lost_customers=int(chance.u() < 0.2)))  # fmt: skip
    return found


def appraisals(chance: Chance) -> list[dict]:
    """A round each quarter by lead and peer. One person is left out since the summer; of another, the two raters think differently."""
    traits, skipped, apart, found = ("cooperation", "enthusiasm", "loyalty"), PLANTED["unreviewed"], PLANTED["raters_apart"], []
    for month in ("2025-03", "2025-06", "2025-09", "2025-12"):
        for person in EMPLOYEES:
            for rater in ("lead", "peer"):
                marks = {trait: chance.pick({2: 5, 3: 30, 4: 45, 5: 20}) for trait in traits}
                if person == apart["employee"] and month >= apart["since"]:
                    marks = dict.fromkeys(traits, apart[rater])
                if person != skipped["employee"] or month < skipped["since"]:
                    found.append(row(month=month, employee_id=person, rater=rater) | marks)
    return found


def from_plan(table: str) -> list[dict]:
    """The rows of a table that stands in the plan as it is."""
    columns = [column.name for column in TABLES[table].columns]
    return [dict(zip(columns, cells, strict=True)) for cells in PLAN[table]]


def traffic(chance: Chance, lines: list[dict]) -> list[dict]:
    """Weekly visits by store and channel in 2025; those of a campaign in rows of their own, by the orders that name it. What all rows of
    a channel and week add up to is the same with campaigns as without, but for the followers of the ads that are planted."""
    placed, named = defaultdict(set), defaultdict(set)
    for line in lines:
        if str(line["_day"]) >= "2025-01-06":
            week = (line["_day"] - timedelta(line["_day"].weekday()), line["store"], line["channel"])
            placed[week].add(line["order_id"])
            if line["campaign_id"]:
                named[week, line["campaign_id"]].add(line["order_id"])
    found = []
    for (day, store, channel), orders in sorted(placed.items()):
        count = len(orders) + chance.whole(0, 2)
        visitors = count * chance.whole(28, 45)
        clicks = visitors * chance.whole(110, 140) // 100
        whole = row(impressions=clicks * chance.whole(18, 30), clicks=clicks, visitors=visitors,
                    new_followers=visitors * chance.whole(1, 5) // 100, orders_placed=count)  # fmt: skip
        about = row(date=day, store=store, channel=channel)
        cuts = {campaign: (len(named[week, campaign]), count) for week, campaign in sorted(named) if week == (day, store, channel)}
        found += campaign_rows(about, whole, cuts)
        found += follower_rows(about, found[-1])
    return found


def campaign_rows(about: dict, whole: dict, cuts: dict[str, tuple[int, int]]) -> list[dict]:
    """One row per campaign with its part (so many of so many) of each number, and last one with the rest."""
    found, rest = [], dict(whole)
    for campaign, (some, of) in cuts.items():
        mine = {step: number * some // of for step, number in whole.items()}
        rest = {step: number - mine[step] for step, number in rest.items()}
        found.append(about | row(campaign_id=campaign) | mine)
    return [*found, about | rest]


def follower_rows(about: dict, rest: dict) -> list[dict]:
    """The follower ads of a week: visitors taken from the channel's other visitors, followers on top of its other followers, no orders."""
    plan = PLANTED["followers"]
    followers = plan["weekly"].get(str(about["date"]), 0)
    if (about["store"], about["channel"]) != (plan["store"], PLAN["unnamed"][plan["campaign"]][2]) or not followers:
        return []
    visitors = rest["visitors"] * plan["visitors"] // 100
    rest["visitors"] -= visitors
    return [about | row(campaign_id=plan["campaign"], impressions=followers * 60, clicks=followers * 2, visitors=visitors,
                        new_followers=followers, orders_placed=0)]  # fmt: skip


def cash_balances(chance: Chance, tables: dict[str, list[dict]], rates: Rates) -> list[dict]:
    """What the tables moved, in each currency, from a first balance; dollars beyond a float are changed at the month's end. What no table
    holds: the owner draws money every month, and a tax is paid each quarter."""
    moved = defaultdict(int)

    def move(day, currency: str, amount: str, sign: int) -> None:
        moved[str(day)[:7], currency or "CNY"] += sign * int(amount.replace(".", "") or 0)

    for line in completed(tables["order_lines"]):
        for cost in ("fulfilment_cost", "commission"):
            move(line["_day"], line["currency"], line[cost], -1)
    sides = {"payouts": ("paid_on", "amount", 1), "returns": ("refunded_on", "handling_cost", -1), "purchases": ("paid_on", "amount", -1),
             "marketing_spend": ("date", "amount", -1), "staffing": ("month", "cost", -1), "overheads": ("month", "amount", -1)}  # fmt: skip
    for name, (day, amount, sign) in sides.items():
        for line in tables[name]:
            move(line[day], line.get("currency", ""), line[amount], sign)
    found, plan = [], PLANTED["bank"]
    cny, usd = (100 * plan[name] for name in ("cny", "usd"))
    for i, month in enumerate(MONTHS):
        drawn = 100 * plan["drawings"][month[:4]] * (month >= plan["since"]) + 100 * plan["tax"] * (i % 3 == 0 < i) + chance.whole(-800000, 800000)
        usd += moved[month, "USD"]
        changed = max(0, usd - 100 * plan["float"] - chance.whole(0, 900000)) // 100000 * 100000
        cny, usd = cny + moved[month, "CNY"] - drawn + rates.cny(changed, US, last_day(month)), usd - changed
        found.append(row(date=last_day(month), account="bank-cny", balance=money(cny)))
        found.append(row(date=last_day(month), account="bank-usd", balance=money(usd), currency="USD"))
    return found


def spoil(tables: dict[str, list[dict]]) -> None:
    """Ten rows that must be set aside, each for a reason of its own; they are orders of their own, so that nothing else changes."""
    lines, back = tables["order_lines"], tables["returns"]
    good = next(line for line in lines if line["channel"] == "webshop" and line["store"] == "cn-flagship")
    broken = {"product_id": "", "quantity": 0, "gross_amount": "12,50", "currency": "EUR", "ordered_at": "2025-13-05", "store": ""}
    for n, (column, value) in enumerate(broken.items(), 1):
        lines.append(good | row(order_id=f"BAD{n:03d}", ordered_at=f"2025-12-{n:02d}T10:00:00") | {column: value})
    lines.append(good)  # the same key a second time
    refund = next(refund for refund in back if refund["store"] == "cn-outlet")
    back += [refund | row(order_id="NOSALE01"), refund | row(refunded_on="")]
    tables["fx_rates"].append(row(date="2025-12-30", currency="USD", rate="n/a"))


# ---- answer key and data dictionary --------------------------------------------------------------------------------------------


def answer_key(unpaid: list[dict], missed: list[str]) -> str:
    """The stories, and every firing that the company's latest month must have: anything else is a false alarm."""
    fires = {rule: list(PLAN["background"].get(rule, [])) for rule in PLAN["verdicts"]}
    for story in PLAN["story"]:
        for rule in story.get("find", {}):
            fires[rule].append(story["entity"])
    fires["off_pace"] = missed
    fires["payout_mismatch"] = [f"{order['store']}/{order['order_id']}" for order in unpaid]
    parts = ["# What was planted in the sample company on purpose: a spoiler for readers, a yardstick for tests. Written by `make sample`."]
    parts += [f'month = "{MONTHS[-1]}"', 'scope = "company"', "", PLAN_TEXT[PLAN_TEXT.index("[[story]]") :]]
    parts += ["[fires]  # rule = every entity for which it fires"]
    parts += [f"{rule} = {json.dumps(sorted(found))}" for rule, found in fires.items()]
    parts += ["", "[verdicts]"] + [f'{rule} = "{verdict}"' for rule, verdict in PLAN["verdicts"].items()]
    for order in unpaid:
        parts += ["", "[[unpaid]]"] + [f'{key} = "{value}"' for key, value in order.items()]
    return "\n".join(parts) + "\n"


def readme(tables: dict[str, list[dict]]) -> str:
    """The data dictionary, from the contract."""
    parts = [INTRODUCTION, "| table | rows | what it holds | what it switches on |", "|---|---:|---|---|"]
    parts += [f"| [`{name}`](#{name}) | {len(tables[name]):,} | {table.meaning} | {table.enables} |" for name, table in TABLES.items()]
    for name, table in TABLES.items():
        key = f" No two rows have the same {', '.join(f'`{column}`' for column in table.key)}." if table.key else ""
        parts += ["", f"## {name}", "", f"{table.meaning.capitalize()}.{key}"]
        parts += ["", "| column | kind | must be filled | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            limits = " or ".join(f"`{choice}`" for choice in column.choices)
            if column.maximum is not None:
                limits = f"{column.minimum} to {column.maximum}"
            kind = f"{column.kind}: {limits}" if limits else column.kind
            parts.append(f"| `{column.name}` | {kind} | {'yes' if column.required else 'no'} | {column.meaning} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
