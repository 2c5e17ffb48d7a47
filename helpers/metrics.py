"""Every metric of the workbook: its definition in words, and its value for each entity of each level.

`METRICS` is the dictionary that METRICS.md is written from; `metrics` gives all levels as the long frame of metrics.csv.
"""

from dataclasses import dataclass

import pandas as pd

from helpers.book import Book
from helpers.capital_and_cash import cash, cash_plan
from helpers.company import PROJECT
from helpers.contract import TARGET_METRICS
from helpers.facts import ALL, BUYERS, EMPLOYERS, LEVELS, PEOPLE, STOCKED, attainment_name, facts, month_targets
from helpers.policy import load_policy
from helpers.targets_and_pacing.forecast import attainment_probabilities


@dataclass(frozen=True)
class Metric:
    """One entry of the metric dictionary. unit: `money`, `ratio`, `count`, `days` or `per year` (money a year)."""

    name: str
    unit: str
    meaning: str
    formula: str
    source: str
    levels: tuple[str, ...] = ALL


_LEDGER = "the ledger"


METRICS = (
    Metric("gross_sales", "money", "List price of what was ordered.", "+ gross_amount", _LEDGER),
    Metric("discounts", "money", "Price reductions.", "− discount_amount", _LEDGER),
    Metric("shipping_income", "money", "Shipping that buyers paid.", "+ shipping_income", _LEDGER),
    Metric("refunds", "money", "Money given back, on the day of the refund.", "− refund_amount", _LEDGER),
    Metric("net_sales", "money", "What buyers paid and kept paying.", "gross_sales + discounts + shipping_income + refunds", _LEDGER),
    Metric("uncosted_sales", "money", "Net sales of goods whose cost is unknown, taken out before profit.", "− net sales of lines without a known cost", _LEDGER),
    Metric("cogs", "money", "Cost of the goods sold, less that of goods put back to stock.", "− quantity × unit cost at the order's date; + restocked returns", _LEDGER),
    Metric("gross_profit", "money", "What is left after the goods are paid (CM1).", "net_sales + uncosted_sales + cogs", _LEDGER),
    Metric("platform_fees", "money", "Marketplace and payment fees.", "− platform_fee + fee_refunded", _LEDGER),
    Metric("fulfilment", "money", "Packing, carriage and handling of returns.", "− fulfilment_cost − handling_cost", _LEDGER),
    Metric("cm2", "money", "What is left after selling and sending (CM2).", "gross_profit + platform_fees + fulfilment", _LEDGER),
    Metric("marketing", "money", "Money spent to bring buyers.", "− marketing_spend, spread over the sales it can have caused", _LEDGER),
    Metric("commissions", "money", "Paid to agents, hosts and affiliates for sales.", "− commission", _LEDGER),
    Metric("contribution", "money", "What the sales bring towards people and rent (CM3).", "cm2 + marketing + commissions", _LEDGER),
    Metric("payroll", "money", "Employment cost.", "− staffing cost", _LEDGER, PEOPLE),
    Metric("overheads", "money", "Rent, software and the like; shared by FTE between teams and people.", "− overheads", _LEDGER, PEOPLE),
    Metric("operating_profit", "money", "What is left in the end.", "contribution + payroll + overheads", _LEDGER, PEOPLE),
    Metric("orders", "count", "Orders with at least one completed line.", "distinct store + order_id", "order_lines"),
    Metric("quantity", "count", "Units sold, before returns.", "Σ quantity", "order_lines"),
    Metric("cost_coverage", "ratio", "Part of net sales whose cost is known: how far a margin can be believed.", "1 + uncosted_sales ÷ net_sales", _LEDGER),
    Metric("gross_margin", "ratio", "Gross profit of each unit of costed net sales.", "gross_profit ÷ (net_sales + uncosted_sales)", _LEDGER),
    Metric("promotion_share", "ratio", "Part of net sales that went into promotion.", "−(marketing + commissions) ÷ net_sales", _LEDGER),
    Metric("roas", "ratio", "Sales per unit of marketing: says nothing about profit.", "net_sales ÷ −marketing", _LEDGER),
    Metric("poas", "ratio", "Profit before marketing per unit of marketing: above 1 it pays.", "cm2 ÷ −marketing", _LEDGER),
    Metric("break_even_roas", "ratio", "The ROAS below which marketing loses money.", "net_sales ÷ cm2", _LEDGER),
    Metric("inventory_days", "days", "How long the stock lasts at the pace of the last 90 days.", "mean inventory ÷ cogs of 90 days × 90", "inventory, product_costs", STOCKED),
    Metric("gmroi", "ratio", "Gross profit a year for each unit of money in stock.", "gross_profit of 90 days ÷ mean inventory × 365 ÷ 90", "inventory, product_costs", STOCKED),
    Metric("turns", "ratio", "How often a year the stock is sold.", "cogs of 90 days ÷ mean inventory × 365 ÷ 90", "inventory, product_costs", STOCKED),
    Metric("return_on_capital", "ratio", "Contribution a year for each unit of money in stock.", "contribution of 90 days ÷ mean inventory × 365 ÷ 90", "inventory, product_costs", STOCKED),
    Metric("stock_to_sales", "ratio", "Months of sales in the opening stock, both at cost.", "opening stock ÷ cogs of the month", "inventory, product_costs", STOCKED),
    Metric("cash_conversion_cycle", "days", "Days from paying a supplier to having the buyer's money.",
           "inventory_days + order-to-payout days − receipt-to-payment days", "inventory, payouts, purchases", ("company",)),
    Metric("stock", "money", "Goods at cost, at each store's last snapshot.", "Σ on_hand × unit cost at the day", "inventory, product_costs", ("company", "store")),
    Metric("receivables", "money", "Orders not yet paid out, at the month's end.", "Σ gross − discount + shipping − platform fee − refunds + fees refunded − payouts",
           "payouts", ("company", "store", "channel")),
    Metric("prepaid_purchases", "money", "Paid to suppliers for goods that are not in yet.", "Σ amount paid and not received", "purchases", ("company",)),
    Metric("payables", "money", "Owed to suppliers for goods that are in (negative).", "− Σ amount received and not paid", "purchases", ("company",)),
    Metric("bank_balance", "money", "Money in the bank at the month's end.", "Σ last balance of each account", "cash_balances", ("company",)),
    Metric("order_to_payout_days", "days", "How long buyers' money is on its way; sums are matched with the oldest orders.",
           "days from order to payout of 90 days, weighted by money", "payouts", ("company", "store", "channel")),
    Metric("net_cash_of_13_weeks", "money", "What the next 13 weeks bring in more than they take out.", "projected, see Choices", "payouts", ("company",)),
    Metric("cash_in_13_weeks", "money", "The bank balance to expect in 13 weeks.", "bank_balance + net_cash_of_13_weeks", "payouts, cash_balances", ("company",)),
    Metric("cash_in_13_weeks_low", "money", "Below it in one of ten cases.", "10 % quantile of a bootstrap over weeks", "payouts, cash_balances", ("company",)),
    Metric("cash_in_13_weeks_high", "money", "Above it in one of ten cases.", "90 % quantile of a bootstrap over weeks", "payouts, cash_balances", ("company",)),
    Metric("runway_days", "days", "How long the bank balance lasts at the projected pace; endless where more comes in.", "bank_balance ÷ mean net outflow a day",
           "payouts, cash_balances", ("company",)),
    Metric("profit_per_employee", "per year", "Operating profit a year for each full-time person.",
           "operating profit ÷ mean FTE over the months with staffing among the last 12, × 12 ÷ those months", "staffing", EMPLOYERS),
    Metric("attainment", "ratio", "Net sales against the target that was set.", "net_sales ÷ target; blank where the target is missing or ≤ 0", "targets"),
    *(
        Metric(f"attainment_{name}", "ratio", f"{name.replace('_', ' ').capitalize()} against the target that was set.",
               f"{name} ÷ target; blank where the target is missing or ≤ 0", "targets")
        for name in TARGET_METRICS.split("/") if name != "net_sales"
    ),
    Metric("attainment_probability", "ratio", "How probable it is that the month's target of net sales is reached.",
           "from the pace so far and earlier months; 1 or 0 when the month is over; blank with less than half a year of history", "targets"),
    Metric("customers", "count", "Buyers with an order in the month, as far as they have an id.", "distinct customer_id with a completed line", "order_lines", BUYERS),
    Metric("new_customers", "count", "Buyers whose first order ever fell in the month, where that order belongs.", "customers with a first order in the month", "order_lines", BUYERS),
    Metric("repeat_rate", "ratio", "Part of the month's buyers who had bought before it.", "customers with an earlier month's order ÷ customers", "order_lines", BUYERS[:-1]),
    Metric("cac", "money", "Marketing for each new customer: all of it, also what brought old ones back.", "−marketing ÷ new_customers", "the ledger", BUYERS[:-1]),
    Metric("members", "count", "Customers who stand in the segment when the month is over.", "customers who ever bought, by their segment at the month's end", "order_lines", ("segment",)),
    Metric("at_risk_share", "ratio", "Part of the customers who came back within the year that stays away since.", "at_risk ÷ (champions + loyal + at_risk), members at the month's end", "order_lines", ("segment",)),
)  # fmt: skip


def metrics(book: Book) -> pd.DataFrame:
    """Everything of metrics.csv but the scope: level, entity, metric, value (blank = NaN), unit; sorted."""
    units = {metric.name: unit(metric.unit, book.currency) for metric in METRICS}
    targets = month_targets(book)
    aimed = set(zip(targets["level"], targets["entity"], attainment_name(targets["metric"]), strict=True))
    parts = []
    for level in ALL:
        frame = facts(book, level)
        names = [metric.name for metric in METRICS if level in metric.levels and metric.name in frame]
        long = frame[["entity", *names]].astype(dict.fromkeys(names, float)).melt("entity", var_name="metric")
        long = long.assign(level=level, unit=long["metric"].map(units), value=long["value"] + 0.0)  # no negative zeros
        wanted = pd.Series([(level, *pair) in aimed for pair in zip(long["entity"], long["metric"], strict=True)], long.index, dtype=bool)
        parts.append(long[~long["metric"].str.startswith("attainment") | wanted])
    parts.append(_probabilities(book).assign(unit=units["attainment_probability"]))
    parts.append(_money_tied_up(book).assign(unit=lambda frame: frame["metric"].map(units)))
    frame = pd.concat(parts)[["level", "entity", "metric", "value", "unit"]]
    return frame.sort_values(["level", "entity", "metric"], ignore_index=True)


def _probabilities(book: Book) -> pd.DataFrame:
    """The probability of attainment of every target of net sales at a level with facts, as rows of `metrics`."""
    targets = month_targets(book)
    frame = attainment_probabilities(book, targets[(targets["metric"] == "net_sales") & targets["level"].isin(LEVELS)])
    return frame.rename(columns={"probability": "value"})[["level", "entity", "value"]].assign(metric="attainment_probability")


def _money_tied_up(book: Book) -> pd.DataFrame:
    """Capital and cash at the month's end and what is projected, as rows of `metrics`."""
    return pd.concat([cash.capital_metrics(book), cash_plan.plan_metrics(book)], ignore_index=True)


def unit(kind: str, currency: str) -> str:
    """The unit as metrics.csv prints it.

    >>> unit("per year", "CNY"), unit("days", "CNY")
    ('CNY per year', 'days')
    """
    return {"money": currency, "per year": f"{currency} per year"}.get(kind, kind)


CHOICES = (
    "Trading is dated by the order, refunds by the day the money went back, cash by the day it arrived; one table never mixes them.",
    "Everything of an order – its lines, their cost, its returns – takes the exchange rate of the order's day, so a sale given back in "
    "full comes to zero. Other rows take the rate of their own day, a month's row that of its first day, stock that of the snapshot, a "
    "purchase that of its order.",
    "A return of a line that was cancelled has no sale and is set aside. Of rows with the same key the first that is sound in itself is loaded.",
    "A cell that can't be read sets its row aside also where the column is optional: a fee of `n/a` is not a fee of nothing.",
    "A month or store with nothing but cancelled lines has no data. A month with refunds or costs and no sale can be reported; `latest` is the last with sales.",
    "A person who worked for two teams in a month brings their sales to the team with the larger FTE; each team pays its own part. In a "
    "store's scope overheads are shared by the FTE of that store's staffing.",
    "Mean inventory counts a product that a snapshot does not list as 0. Stock of unknown cost is left out of sums, and the product "
    "itself has blank stock metrics. Stock that nobody bought in 90 days lasts for ever (`inf`), whether its cost is known or not.",
    "A product is as old as `launched_on` says, else as its first sale or first day in stock.",
    "The contribution of 90 days, in `return_on_capital` of products and categories, takes each month's marketing as it is spread over "
    "that month's sales; of the company and its stores, as it was spent.",
    "Opening stock is each store's last snapshot on or before the first day of the month. What is there now is each store's last snapshot of the 90 "
    "days that end with the month.",
    "Daily sales, for `reorder_now`, are the units of the last 90 days, or since the first sale where that is later, per day.",
    "Forward days are what is on hand at the last snapshots ÷ the demand to come: that of the last 90 days × what the scope sold in the 90 "
    "days after them a year (52 weeks) ago ÷ in those 90 days; without a year and 90 days of sales, × 1. Sell-through is sold ÷ (sold + on hand "
    "at the end), since what came in is not always known.",
    "A shelf (product and store) is empty where on hand less reserved is not above 0; a snapshot stands for the days until the store's next one, "
    "and a product that it doesn't list is not called empty. Sales lost are those of its other days in the window, per day.",
    "The stock of all stores of the company counts as shared in the oversell watch, since no table says otherwise.",
    "The reorder point is demand × lead time + z · √(lead time · σ² + demand² · σ² of the lead time); σ is that of whole weeks ÷ √7, and the lead "
    "time's is known from five receipts of the last year on. An order leads up to the demand of the lead time and `review_days`.",
    "A product is seasonal where three months in a row hold `season_share` of its year. Its order is the newsvendor's: expected are last season's units × "
    "the growth of the last 90 days, and the error of such a forecast is measured over all products.",
    "A clearance price is the best of 0 to 70 % off by what the stock brings until `clear_days` have passed: sales less selling costs, salvage for the rest, less "
    "holding; the goods are paid for and don't count. Elasticities from own price changes count with a standard error up to 0.5.",
    "Weeks left are those until a straight line through 13 weeks of contribution ÷ sales before refunds crosses zero, of products that fall more than chance "
    "explains (5 % over all of the last year's launches together, and 5 % over all older products). Refunds count in their own week. The stop-loss date is the early end of the interval.",
    "Hours run from the order to its first parcel and from there to its last delivery; an order's carrier is that of its first parcel. Late is later than promised, "
    "or not there although the promise has passed. The parcels' own cost is shown beside the ledger's fulfilment and is not in it.",
    "The full cost of a return is the refund, handling, the line's shipping and (where not restocked) its goods by the units that came back, and its platform fee by the "
    "money that went back, less what was refunded of it. Goods of unknown cost are counted and not written down.",
    "Return maturity: refunds by calendar months since the month of sale; factors over the last 24 months of sales, and nothing expected beyond the oldest age.",
    "`profit_per_employee` sums only the months in which the entity had staffing; fewer than twelve are scaled to a year. What belongs "
    "to nobody has none.",
    "`attainment` without a further word is that of net sales; a store's page knows only the targets of that store. New customers belong "
    "to what their first order names, and are not told apart by product or category; money received is, by store and channel.",
    "A target is part of the entity that it names, else of the company; a product's of its category and a person's of their team where these have "
    "targets. Orders and new customers are not added up over products and categories, which share orders.",
    "What history would ask is the mean of the same month a year ago and the last three months: each multiplied by what the whole scope's target "
    "month was a year ago to that month's of a year ago, the month a year ago by the growth of the last three months. Comparable months, in which "
    "a target's place is looked up, are the last twelve, brought to the month in the same way.",
    "There is no table of budgets: a node's budget is its sales target times marketing ÷ net sales of those four months together.",
    "Cash is told apart by person, team and the like through the order that a payout names, by the sales of its lines. Where less than the "
    "policy's coverage of the sales is paid by order, an attainment of cash below 1 stays blank.",
    "The gap of net sales to a target leads over the same month a year ago, or where nothing was sold then over the month before; a feed of "
    "visitors of one row a week stands for the seven days that begin with it.",
    "Day weights: a year, or two months and one, before the month and never the month itself; a special day weighs what `calendar` says, else "
    "what days of its name weighed in the three years before against the normal days around them, else what its weekday weighs. A weekday "
    "effect counts where Friedman's test over at least six whole ordinary weeks finds it. Levels other than store and channel weigh as the company.",
    "A month is over on its last day, and when later months have sales; the last month of the data is still running while the silence at its "
    "end is longer than any between two of its days with orders.",
    "`attainment_probability` of a running month needs six whole months of the entity's own; which way of forecasting is used is chosen on the "
    "company's own past. For `off_pace` close means that the 95 % interval of the landing holds the target.",
    "A customer's segment in a month is the one at the end of the month before, so that the month's sales don't define the segment that "
    "they are booked to. A purchase is a day on which the customer ordered in a store; the year is the twelve months before. `new`: no "
    "purchase before the month. `champions`, `loyal`, `promising`: the last purchase lies within `recent_days` of that end; `promising` "
    "with fewer than `loyal_purchases` in the year, `champions` with net sales in the year of at least `champion_spend` times the mean of "
    "the customers who bought in it. `at_risk` and `cooling`: the last purchase is older, with `loyal_purchases` or more in the year, or "
    "fewer. `lapsed`: none in the year. Fixed lines, not fifths: then a segment can grow or empty. All stores count together. Lines without "
    "a `customer_id` are `unallocated`. Whoever bought before the data begin looks new at first.",
    "A customer's contribution is CM2 and commissions of their lines and the marketing spread over them, refunds in the month of the refund. "
    "A customer belongs to the month, store and channel of the first order ever; a store's cohorts are those it won, with what they brought there.",
    "At the end of a month a customer stands in the segment that the next month is booked to. Lost is who completed a year without a purchase in "
    "it, won back who bought in it after having been at risk, cooling or lapsed. Distributors are told by the tier that `customers` gives them.",
    "`cac` puts all marketing on the new customers, of a channel those whose first order was there. It is paid back at the age, in calendar months, "
    "at which the mean customer of the last twelve months has left as much before marketing; every age is a mean over the cohorts that reached it.",
    "The share of customers who ordered on a second day counts those who have not had the time as Kaplan and Meier (1958) do.",
    "Expected purchases are BG/NBD (Fader, Hardie and Lee 2005) over days on which a customer ordered in a store, in weeks; spend is Gamma-Gamma on net "
    "sales per purchase, all purchases included, of customers with net sales above zero; what is left of it is contribution ÷ net sales of all "
    "customers' last twelve months. It takes 30 customers who bought again. Beyond 20,000 distinct histories days count as whole weeks.",
    "The money at stake of `customers_at_risk` is what these customers brought, a twelfth of twelve months, and needs no model; its interval is "
    "Wilson's (1927) of a share. It fires for contributions above zero only.",
    "In the funnel an order is repeat when it is not its customer's first; orders without an id are neither. Marketing of a step is that of the "
    "channel or campaign as spread. A feed of one row a week counts with the days of its week that lie in the month.",
    "Inside a campaign are the order lines that name it, else those of its channel on its days; outside are the channel's others in the same months. "
    "Its buyers came back when they bought within 60 days after its last.",
    "Days from order to payout, and from receipt to payment, are weighted by money, over the payouts and payments of the last 90 days.",
    "Receivables: in stores and channels where some payout names its order, each order's due less its payouts; elsewhere all that was due less all "
    "that came, and sums are taken to pay the oldest sales and refunds first (a payout without a channel pays all channels of the store without "
    "payouts of their own). Orders older than `payout_days` before an account's first payout are left out, as are stores and channels without any. An "
    "account in one currency is valued at the rate of the month's end, one of several as it was booked. `order_to_payout_days` counts both kinds of "
    "payouts, `cash_conversion_cycle` only those that name their order. Stock, receivables and bank are those of the month's last day, or as far as the data reach.",
    "A supplier is owed from the day that goods are in, and prepaid from the day of the payment to that day; purchases and bank know no store.",
    "What has no settlement date counts as paid so: salaries and overheads on their month's last day; marketing, fulfilment and commissions on the "
    "day they arose.",
    "The projection of 13 weeks: open orders and received or ordered goods by how long each account's buyers' money, and suppliers, took over the last "
    "half-year, given how old they are; what is older than any payout came is not counted on, an older bill is due at once; new sales and purchases as "
    "in the last 13 weeks through the same delays; salaries and overheads as the mean of the last three months; what moved the bank in the last "
    "twelve months and stands in no table at its mean. In a store, and without purchases, what is sold is bought again at its cost. The range "
    "is that of the past year's weeks, drawn in blocks of four (Künsch 1989), once for the weeks to come and once for those the level was taken from.",
    "Stock that is cleared brings `clearance_price` of its cost within `clearance_days`. More capital earns only up to the stock that is missing to the "
    "lead time, and there what the stock earns today; stock beyond `max_inventory_days` can be taken out.",
    "Payouts are held against the orders of the last 90 days, in stores and channels where some payout names its order. Due are the buyer's "
    "payment less platform fee and refunds, in the order's currency. A payout is due when `payout_days` have passed and may come "
    "before, and a refund may be taken back within the same time. A cancelled order is due nothing. An order in several currencies, or paid in another one, is left out.",
    "`easing_off` reads the pace after the target over all months of `easing_months` in which it was reached with a day to go, against the "
    "pace before it over all months. Pace is sales per day weight, times how busy the day was for people who had not reached a target; an order "
    "counts up to the person's median order. The days are shuffled with others of their weekday, and p-values corrected after Holm (1979).",
    "The days on which a target is chased are the `chase_days` that end on the day it was reached, or on the month's last. A discount surge is "
    "what was given away then beyond one's own rate of the earlier days, with and without what the others did in the same channels: the smaller.",
    "Commission schemes are compared on the month's orders as they are, on top of the commissions in the ledger, each at the rate at which it costs "
    "what `commission_rate` on net sales costs. Nobody pays in for a loss.",
    "Costs of a marketplace that belong to no order (storage, transport to its warehouse, subscription) are overheads of the store's month, "
    "less what it paid back for lost goods; promotions that it charges by the day are marketing. What an order was paid leaves out the "
    "marketplace's fulfilment fees, as what is due does: they are part of the deposit that names no order.",
    "Where one report tells the money of a refund and another one the goods, they are two rows of `returns`, each on its own day.",
    "A scorecard's base is the same month a year ago, else the month before; its trend is against the three months before as one, ratios of "
    "their sums. What is read over 90 days or a year has the value of three months earlier instead. `contribution_rate` is contribution ÷ "
    "net_sales, `discount_share` −discounts ÷ gross_sales, `refund_share` −refunds ÷ (net_sales − refunds), `order_value` net_sales ÷ orders.",
    "In a stage's score each KPI gives an entity its place among its like, from 0 to 1; a KPI without a figure at a level is left out and the "
    "other weights count in proportion; a blank of one entity is the last place. The stage switches the weights, nothing else.",
    "A KPI is held against contribution and cash by Spearman's correlation of its changes from month to month within each store and channel, 0, 1 "
    "and 2 months ahead, and of the levels across them within each month. The standard error is that of shuffling whole months (Hoeffding 1951), "
    "widened for months that lean on the last (Bartlett 1946); verdicts are corrected after Holm (1979), intervals after Bonferroni, over all tests.",
    "What follows a market report is compared over `followed_days` before and after it: the product's gross margin (bootstrap over its orders) and "
    "its part of all orders (Agresti and Caffo 2000). A report is late when its answer takes longer than `answer_days`.",
    "In the management check-up, what nobody has recorded up to the month is unknown, not a fault. A customer is managed when a person stands on any "
    "of their order lines of twelve months; sales without a customer's id are not.",
    "A firing is `close` where the bootstrap interval holds the threshold, where fewer orders than `min_orders` speak, and where goods "
    "without a known cost could turn the loss into a profit. What was counted is no matter of chance and `clear`: units in stock, money received, a "
    "missing cost, stock that nobody bought.",
    "Alerts (`make alerts`) are the decisions of the month that holds the newest day, without rules about a person and without chances. While "
    "the month runs, `slow_stock`, `payout_mismatch` and `low_profit_per_employee`, whose figures end with a month's last day, are those of the "
    "month before. What was told is told again when more than `worse_share` more money is at stake – money that grows with the month is compared "
    "by the day, a month younger than a week counting as a week old – or when it fires after at least `gone_days` without.",
    "Decisions are followed over the month and the six before it, by rule and entity; not those about a target, which is one month's only, nor "
    "about a person. A run of months is one decision, raised in its first month. What the analyst closed is raised again when it fires after "
    "a gap, or with more than `worse_share` more money at stake than when it was closed. Gone means that the rule fires no longer.",
    "What goes away by itself is the part of firings (a decision in a month) that is gone a month later, of those without an action from the month "
    "of raising to the month after; Wilson's (1927) interval. Acting is held against it rule by rule (Mantel and Haenszel 1959).",
    "The effect of an action is what the entity earned a month (contribution; of stores and teams operating profit) in up to three whole months "
    "after the month of the action, less what comparables led to expect: the line of after on before through those of its level that nobody acted "
    "on, with known costs and a quarter to four times its orders, both per net sales of before. Before are the months it had been firing, at "
    "most three. It takes eight comparables and `min_orders`; bounds are of one more point (Student's t), for all actions together (Bonferroni).",
    "In the study of thresholds whoever fired in a month is taken out of the month after, with all its sales. The best lines are those with the "
    "largest net within fifteen points of the policy's; their range is a bootstrap over entities, for all gates together (Bonferroni). A range that "
    "is all that was tried tells nothing. Gates on stock, cash, people and targets ask for nothing that the contribution of a month would judge.",
    "In decisions.csv the `area` of a rule that looks at several levels is the level, so that a store and a team of one name differ.",
)
"""What the definitions leave open, and how it is done here."""


def dictionary() -> str:
    """The metric dictionary as Markdown, made from METRICS, CHOICES and the policy's rules: the text of METRICS.md."""
    policy = load_policy()
    thresholds = policy.thresholds()
    lines = ["# Metrics and rules", "", "Written by `make notebooks` from the code that computes them; do not edit.", ""]
    lines += ["Every amount is a signed sum over the ledger in the reporting currency: income is positive, costs are negative.", ""]
    lines += ["## Metrics", "", "| metric | meaning | formula | unit | from | levels |", "|---|---|---|---|---|---|"]
    for metric in METRICS:
        levels = "all" if metric.levels == ALL else ", ".join(metric.levels)
        lines.append(f"| `{metric.name}` | {metric.meaning} | {metric.formula} | {metric.unit} | {metric.source} | {levels} |")
    lines += ["", "A ratio over nothing, or over less than nothing, is blank.", "", "## Choices", ""]
    lines += [f"- {choice}" for choice in CHOICES]
    lines += [
        "",
        "## Rules",
        "",
        "Thresholds and their origin are in `helpers/policy.toml`; a company overrides them in its `company.toml`.",
        "",
    ]
    lines += ["| rule | fires when | verdict | threshold | money at stake in the month | what may excuse it |", "|---|---|---|---|---|---|"]
    for name, rule in policy.rules.items():
        limit = thresholds.get(rule.threshold, rule.threshold)
        limit = f"{limit:g}" if isinstance(limit, float | int) else limit
        lines.append(
            f"| `{name}` | `{rule.fires}` | `{rule.verdict}` | {limit} | {rule.money_says}: `{rule.money}` | {'; '.join(rule.innocent)} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (PROJECT / "METRICS.md").write_text(dictionary(), encoding="utf-8")
