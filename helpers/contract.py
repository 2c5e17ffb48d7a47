"""The input tables as data: from here come the checks, the data dictionary and the sample's writer.

A table is a list of columns; a column says its kind, whether it must be filled and what it may hold.
Nothing else in the project repeats a column's name or rule.
"""

from dataclasses import dataclass


class BadInput(Exception):
    """The user's input can't be used. The message is one sentence that names what is wrong and what fixes it."""


@dataclass(frozen=True)
class Column:
    """One column of an input table.

    kind: `text` (ids and names, kept as text), `amount` (at most 4 decimal places), `rate` (at most 10),
    `number` (at most 4, not money), `integer`, `flag` (true/false), `date`, `timestamp` (a date or an ISO time),
    `month` (YYYY-MM).
    """

    name: str
    kind: str
    meaning: str
    required: bool = True
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True)
class Table:
    """One input table. `key` names the columns that together may occur once; `enables` is what it switches on; `rules` what cells must
    not say together: (column, SQL condition, reason)."""

    name: str
    meaning: str
    enables: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    rules: tuple[tuple[str, str, str], ...] = ()

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _columns(*lines: str) -> tuple[Column, ...]:
    """Columns from lines `name? kind bounds-or-choices | meaning`; `?` marks an optional column.

    >>> _columns("rating integer 1..5 | stars")[0]
    Column(name='rating', kind='integer', meaning='stars', required=True, choices=(), minimum=1, maximum=5)
    """
    columns = []
    for line in lines:
        left, meaning = (part.strip() for part in line.split("|", 1))
        name, kind, *limits = left.split()
        choices, low, high = (), 0 if kind in ("amount", "rate", "number", "integer") else None, None
        for limit in limits:
            if limit == "signed":
                low = None
            elif ".." in limit:
                low, high = (int(end) if end else None for end in limit.split(".."))
            else:
                choices = tuple(limit.split("/"))
        columns.append(Column(name.rstrip("?"), kind, meaning, not name.endswith("?"), choices, low, high))
    return tuple(columns)


CURRENCY = "currency? text | currency of the row's amounts; blank = the reporting currency"
LEVELS = "company/store/channel/region/category/product/team/employee/segment/campaign"
TARGET_METRICS = "net_sales/gross_profit/contribution/orders/new_customers/collections"

_TABLES = (
    Table(
        "order_lines",
        "one row per product in an order",
        "everything",
        _columns(
            "order_id text | the order, unique within its store",
            "line_no text | the line within the order",
            "ordered_at timestamp | when the order was placed; with an offset it is moved to the company's time zone",
            "store text | the shop that sold",
            "channel text | where the sale was made: own site, marketplace, livestream, agents …",
            "product_id text | the product",
            "quantity integer 1.. | units, whole",
            "gross_amount amount | list price × quantity, without tax",
            "discount_amount? amount | price reductions on this line",
            "shipping_income? amount | shipping that the buyer paid",
            "platform_fee? amount | marketplace and payment fees",
            "fulfilment_cost? amount | picking, packing and carriage",
            "commission? amount | paid to agents, affiliates or hosts for this line",
            "unit_cost? amount | landed cost of one unit, frozen at the sale; wins over `product_costs`",
            "customer_id? text | the buyer, by id only",
            "employee_id? text | who made the sale",
            "campaign_id? text | the campaign that the sale came from",
            "region? text | where the buyer is",
            CURRENCY,
            "status? text completed/cancelled | blank = completed; a cancelled line is counted and worth nothing",
        ),
        ("store", "order_id", "line_no"),
    ),
    Table(
        "returns",
        "goods or money given back, one row per refund",
        "refunds, return rates and restocked goods",
        _columns(
            "store text | the shop that sold",
            "order_id text | the order",
            "line_no text | the order line",
            "requested_on? date | when the buyer asked",
            "refunded_on date | when the money went back: the day of the refund in the ledger",
            "quantity integer | units sent back; 0 for a refund without goods",
            "refund_amount amount | money given back, without tax",
            "restocked flag | true when the goods went back to sellable stock",
            "handling_cost? amount | cost of taking the goods back",
            "fee_refunded? amount | platform fee that came back",
            "reason? text | the buyer's reason",
            CURRENCY,
        ),
    ),
    Table(
        "products",
        "the catalogue",
        "names, categories, ages, owners and lead times of products",
        _columns(
            "product_id text | the product",
            "name text | what people call it",
            "category? text | its family",
            "launched_on? date | first day on sale",
            "owner? text | employee who answers for it",
            "lead_time_days? integer | days from purchase order to usable stock",
        ),
        ("product_id",),
    ),
    Table(
        "product_costs",
        "what a unit costs, from a day on",
        "cost of goods, margins and every profit below them",
        _columns(
            "product_id text | the product",
            "valid_from date | first day of this cost",
            "unit_cost amount | landed cost of one unit",
            CURRENCY,
        ),
        ("product_id", "valid_from"),
    ),
    Table(
        "marketing_spend",
        "money spent to bring buyers",
        "promotion share, ROAS, POAS and contribution after marketing",
        _columns(
            "date date | day of the spend",
            "store text | the shop that it was spent for",
            "channel text | the channel that it was spent on",
            "amount amount | money spent",
            "kind text ads/event_fee/affiliate/other | what it bought",
            "campaign_id? text | the campaign, if one",
            "product_id? text | the product, if one",
            CURRENCY,
        ),
    ),
    Table(
        "inventory",
        "stock on a day, one row per store and product",
        "inventory days, GMROI, turns, slow stock and oversell watch",
        _columns(
            "date date | snapshot day",
            "store text | the shop whose stock it is",
            "product_id text | the product",
            "on_hand integer signed | units in the warehouse",
            "reserved? integer | units promised to open orders",
            "incoming? integer | units on their way",
        ),
        ("date", "store", "product_id"),
    ),
    Table(
        "employees",
        "people",
        "names of people in the team review",
        _columns(
            "employee_id text | the person",
            "name text | what colleagues call them",
            "hired_on? date | first day",
            "left_on? date | last day",
        ),
        ("employee_id",),
    ),
    Table(
        "staffing",
        "who worked where in a month, and what it cost",
        "teams, payroll and profit per employee",
        _columns(
            "month month | the month",
            "employee_id text | the person",
            "team text | the team in that month",
            "store? text | blank = shared by all stores",
            "fte number | full-time equivalent, 1 = full time",
            "cost amount | employment cost of the month",
            CURRENCY,
        ),
        ("month", "employee_id", "team", "store"),
    ),
    Table(
        "overheads",
        "rent, software and the like, by month",
        "operating profit after overheads",
        _columns(
            "month month | the month",
            "store? text | blank = shared by all stores",
            "category text | what it was for",
            "amount amount | cost of the month",
            CURRENCY,
        ),
    ),
    Table(
        "targets",
        "what was aimed for",
        "attainment, and targets met at a loss",
        _columns(
            "month month | the month",
            f"level text {LEVELS} | what kind of entity",
            "entity text | its id; for level `company` the word `company`",
            f"metric text {TARGET_METRICS} | what is measured",
            "target amount signed | the number aimed for, in the reporting currency",
            "owner? text | who answers for it",
            "parent? text | the entity that this target is a part of",
        ),
        ("month", "level", "entity", "metric"),
        (("entity", "level = 'company' and entity <> 'company'", "for level company, write the word company here"),),
    ),
    Table(
        "payouts",
        "money that arrived",
        "collections, payout matching and order-to-payout days",
        _columns(
            "paid_on date | day of the deposit",
            "store text | the shop",
            "channel? text | the channel that paid",
            "order_id? text | the order that it pays, if known",
            "amount amount signed | money received; negative when taken back",
            "reference? text | the payer's reference",
            CURRENCY,
        ),
    ),
    Table(
        "shipments",
        "parcels",
        "fulfilment times and carriers",
        _columns(
            "store text | the shop",
            "order_id text | the order",
            "shipped_at timestamp | handed to the carrier",
            "delivered_at? timestamp | with the buyer",
            "promised_by? timestamp | promised for",
            "carrier? text | who carried it",
            "cost? amount | cost of the parcel, in the reporting currency",
        ),
    ),
    Table(
        "purchases",
        "goods bought",
        "receipt-to-payment days and the cash conversion cycle",
        _columns(
            "product_id text | the product",
            "ordered_on date | purchase order",
            "received_on? date | goods in",
            "paid_on? date | supplier paid",
            "quantity integer 1.. | units",
            "amount amount | cost of the goods",
            CURRENCY,
        ),
    ),
    Table(
        "customers",
        "buyers, by id only",
        "acquisition sources and tiers",
        _columns(
            "customer_id text | the buyer",
            "joined_on? date | first contact",
            "tier? text | membership tier",
            "source? text | where the buyer came from",
            "region? text | where the buyer is",
        ),
        ("customer_id",),
    ),
    Table(
        "campaigns",
        "planned promotions",
        "names, kinds and dates of campaigns",
        _columns(
            "campaign_id text | the campaign",
            "name text | what people call it",
            "kind text | group-buy, coupon, livestream event …",
            "channel? text | where it ran",
            "starts_on date | first day",
            "ends_on date | last day",
        ),
        ("campaign_id",),
    ),
    Table(
        "calendar",
        "days that are not like others",
        "weekday weights without holidays and promotions",
        _columns(
            "date date | the day",
            "name text | what it is",
            "kind text holiday/makeup_workday/promotion/irregular | why it is special",
            "weight? number | its own weight in the weekly index",
        ),
        ("date", "name"),
    ),
    Table(
        "activities",
        "what people did in a day",
        "process figures beside results",
        _columns(
            "date date | the day",
            "employee_id text | the person",
            "customers_contacted? integer | customers followed up",
            "contact_minutes? number | minutes spent on it",
            "new_customers? integer | customers won",
            "lost_customers? integer | customers lost",
        ),
    ),
    Table(
        "appraisals",
        "how colleagues were rated",
        "qualitative ratings beside results",
        _columns(
            "month month | the month",
            "employee_id text | the person",
            "rater text | who rated",
            "cooperation integer 1..5 | 1 to 5",
            "enthusiasm integer 1..5 | 1 to 5",
            "loyalty integer 1..5 | 1 to 5",
        ),
        ("month", "employee_id", "rater"),
    ),
    Table(
        "market_reports",
        "news from the people in front of the customer",
        "market information and its follow-up",
        _columns(
            "reported_on date | the day",
            "employee_id text | who reported",
            "topic text | what about",
            "product_id? text | the product, if one",
            "severity text | how bad",
            "summary text | in words",
            "action? text | what was done",
            "resolved_on? date | when it was settled",
        ),
    ),
    Table(
        "actions",
        "what was done about a decision, as an analyst notes it down",
        "decisions followed from raised to closed, and what acting on them brought",
        _columns(
            "date date | the day on which it was done",
            "rule text | the rule that had fired, as in decisions.csv",
            f"level? text {LEVELS} | what kind of entity; needed where an id is at several levels",
            "entity text | its id, as in decisions.csv; for level `company` the word `company`",
            "action text | what was done, in words",
            "note? text | why, by whom, what was agreed",
            "closed_on? date | the day on which the decision was settled, if it was",
        ),
        ("date", "rule", "level", "entity", "action"),
    ),
    Table(
        "traffic",
        "visits and what became of them",
        "the funnel from impression to order",
        _columns(
            "date date | the day",
            "store text | the shop",
            "channel text | the channel",
            "campaign_id? text | the campaign, if one",
            "product_id? text | the product, if one",
            "impressions? integer | times shown",
            "clicks? integer | times clicked",
            "visitors? integer | people who came",
            "new_followers? integer | people who subscribed",
            "orders_placed? integer | orders, paid or not",
        ),
    ),
    Table(
        "reviews",
        "what buyers said",
        "praise rate",
        _columns(
            "store text | the shop",
            "order_id text | the order",
            "line_no? text | the order line",
            "reviewed_on date | the day",
            "rating integer 1..5 | 1 to 5",
        ),
    ),
    Table(
        "cash_balances",
        "money in the bank",
        "cash runway",
        _columns(
            "date date | the day",
            "account text | the account",
            "balance amount signed | its balance in the evening",
            CURRENCY,
        ),
        ("date", "account"),
    ),
    Table(
        "fx_rates",
        "exchange rates",
        "amounts in other currencies",
        _columns(
            "date date | first day of this rate",
            "currency text | the foreign currency",
            "rate rate | reporting currency for one unit",
        ),
        ("date", "currency"),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
"""Every input table by name, `order_lines` first: the only one that a company must have."""

LADDER = {
    "gross_sales": "net_sales", "discounts": "net_sales", "shipping_income": "net_sales", "refunds": "net_sales",
    "uncosted_sales": "gross_profit", "cogs": "gross_profit",
    "platform_fees": "cm2", "fulfilment": "cm2",
    "marketing": "contribution", "commissions": "contribution",
    "payroll": "operating_profit", "overheads": "operating_profit",
}  # fmt: skip
"""The margin ladder: each signed ledger column, and the subtotal that it is the last step to."""

SUBTOTALS = tuple(dict.fromkeys(LADDER.values()))
LINES = tuple(LADDER)

NOBODY = {
    "store": "shared", "channel": "unallocated", "category": "unallocated", "product_id": "unallocated",
    "campaign_id": "unallocated", "region": "unallocated", "segment": "unallocated", "employee_id": "unassigned", "team": "unassigned",
}  # fmt: skip
"""What stands for a blank in each dimension of the ledger."""

LEVEL_OF = {
    "store": "store", "channel": "channel", "category": "category", "product_id": "product",
    "team": "team", "employee_id": "employee", "campaign_id": "campaign", "region": "region",
    "segment": "segment",
}  # fmt: skip
"""The level of an entity by the ledger dimension that holds its id."""
