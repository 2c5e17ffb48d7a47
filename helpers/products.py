"""Products: which earn, which only sell, what the gates say, and why gross profit moved from month to month."""

import numpy as np
import pandas as pd

from helpers import decisions
from helpers.book import Book, remembered
from helpers.ratios import costed, margins, ratio

BRIDGE = {
    "volume": "units more or less, at last month's mean profit per unit",
    "mix": "units moving between products that earn more and less",
    "channel_mix": "a product's units moving between stores and channels",
    "price": "list price per unit, in the same store and channel",
    "discounts": "discount per unit",
    "shipping": "shipping income per unit",
    "cost": "unit cost, its own exchange rate included",
    "exchange_rate": "sales at this month's rates, not last month's",
    "new": "profit of products that sold nothing last month",
    "lost": "last month's profit of products that sold nothing now",
    "coverage": "products whose cost is known in only one of the months",
    "returns": "refunds, less the cost of goods put back to stock",
}
"""The steps of the bridge between two months' gross profits and what each holds; for each product they add up to its change."""

_PARTS = {"price": "gross_sales", "discounts": "discounts", "shipping": "shipping_income", "cost": "cogs"}
_ELIGIBLE = {  # besides the gate itself, what a product needs to be judged by it
    "low_gross_margin": "cost_coverage >= min_cost_coverage",
    "slow_stock": "age_days > min_age_days",
    "loss_maker": "not cost_coverage < min_cost_coverage and (orders > 0 or contribution != 0)",
}


@remembered
def overview(book: Book) -> pd.DataFrame:
    """Every product of the month that sold, was returned or cost something: its metrics, age, name and owner, sorted by entity.

    `evidence` says `few orders` where there are fewer than the policy's `min_orders`, so that nothing can be told from it.
    """
    frame = decisions.products(book)
    frame = frame[(frame["orders"] > 0) | (frame[["net_sales", "contribution"]] != 0).any(axis=1)]
    few = frame["orders"] < book.policy.evidence.min_orders
    return frame.assign(evidence=np.where(few, "few orders", "")).sort_values("entity", ignore_index=True)


@remembered
def product_decisions(book: Book) -> pd.DataFrame:
    """Every rule about products fired over the book's month, slow stock included; columns as of `decide`, most money first."""
    frame = pd.concat([decisions.decide(book, "product"), decisions.decide(book, "stock").query("rule == 'slow_stock'")], ignore_index=True)
    return frame.sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


def steps(book: Book) -> pd.DataFrame:
    """Where does the money go between list price and contribution? One row per step of the margin ladder.

    Columns: step, amount, of_net_sales, month_before, change (reporting currency; blank without a month before).
    """
    now = book.ladder().loc[0, "gross_sales":"contribution"].astype(float)
    before = book.before().ladder().loc[0, "gross_sales":"contribution"].astype(float) if book.before() else now * np.nan
    frame = pd.DataFrame({"step": now.index, "amount": now.to_numpy(), "month_before": before.to_numpy()})
    frame.insert(2, "of_net_sales", ratio(frame["amount"], pd.Series(now["net_sales"], frame.index)))
    return frame.assign(change=frame["amount"] - frame["month_before"])


def reversals(products: pd.DataFrame) -> pd.DataFrame:
    """Whose rank by contribution is farthest from its rank by sales? All products, the largest difference first.

    products: columns net_sales, contribution and any others. Adds sales_rank, contribution_rank and ranks_lost (negative = gained).

    >>> goods = pd.DataFrame({"entity": ["a", "b", "c"], "net_sales": [90.0, 50.0, 40.0], "contribution": [-5.0, 20.0, 10.0]})
    >>> reversals(goods)[["entity", "sales_rank", "contribution_rank", "ranks_lost"]].values.tolist()
    [['a', 1, 3, 2], ['b', 2, 1, -1], ['c', 3, 2, -1]]
    """
    ranks = {f"{side}_rank": products[name].rank(ascending=False, method="first") for side, name in _RANKED.items()}
    frame = products.assign(**{name: rank.astype("int64") for name, rank in ranks.items()})
    frame = frame.assign(ranks_lost=frame["contribution_rank"] - frame["sales_rank"])
    return frame.sort_values(["ranks_lost", "sales_rank"], key=lambda c: -c.abs() if c.name == "ranks_lost" else c, ignore_index=True)


_RANKED = {"sales": "net_sales", "contribution": "contribution"}


def whale(contribution: pd.Series) -> pd.Series:
    """How much is earned by the good products and lost again by the others?

    Gives products, earners, losers (counts), earned, lost, kept (amounts), best_fifth (products), from_best_fifth (amount).

    >>> whale(pd.Series([50.0, -20.0, 30.0, 0.0, 40.0]))[["earners", "losers", "earned", "lost", "kept", "from_best_fifth"]].tolist()
    [3.0, 1.0, 120.0, 20.0, 100.0, 50.0]
    """
    values = contribution.dropna().sort_values(ascending=False)
    fifth = -(-len(values) // 5)
    return pd.Series(
        {
            "products": float(len(values)), "earners": float((values > 0).sum()), "losers": float((values < 0).sum()),
            "earned": values[values > 0].sum(), "lost": -values[values < 0].sum() + 0.0, "kept": values.sum(),
            "best_fifth": float(fifth), "from_best_fifth": values.head(fifth).sum(),
        }
    )  # fmt: skip


def unplaced(book: Book) -> float:
    """Contribution of the scope that belongs to no product: marketing that no product's sales can carry."""
    return float(book.ladder()["contribution"].sum() - overview(book)["contribution"].sum())


def gate(book: Book, rule: str, rows: int = 12) -> pd.DataFrame:
    """Who fails a gate or comes near it, how surely, and for how much money? The worst `rows` products that the gate can judge.

    rule: `low_gross_margin`, `slow_stock` or `loss_maker`. Columns: entity, name, the rule's metric, low and high (bootstrap over
    orders; blank without orders), threshold, outcome (`passes` or `fails`), orders, cost_coverage, confidence
    (`close`: the interval holds the threshold, or there are too few orders), money_at_stake (0 for those that pass).
    """
    policy, metric = book.policy.rules[rule], book.policy.rules[rule].metric
    thresholds = book.policy.thresholds()
    limit = float(thresholds.get(policy.threshold, 0.0))
    frame = decisions.products(book)
    columns = ["entity", "name", metric, "low", "high", "threshold", "outcome", "orders", "cost_coverage", "confidence", "money_at_stake"]
    if metric not in frame:
        return pd.DataFrame(columns=columns)
    judged = frame.assign(**{name: value for name, value in thresholds.items() if name not in frame}).query(_ELIGIBLE[rule])
    judged = judged.dropna(subset=metric).sort_values([metric, "entity"], ascending=[policy.side == "below", True], ignore_index=True)
    judged = judged.assign(**{metric: judged[metric].round(9)}).head(rows)
    low, high, orders = decisions.EVIDENCE[rule](book, "product", judged)
    fails = judged[metric] < limit if policy.side == "below" else judged[metric] > limit
    judged = judged.assign(low=low, high=high, orders=orders, threshold=limit, outcome=np.where(fails, "fails", "passes"))
    close = ((judged["low"] <= limit) & (limit <= judged["high"])) | (
        (judged["orders"] < book.policy.evidence.min_orders) & np.isfinite(judged[metric])
    )
    fired = product_decisions(book).query("rule == @rule").set_index("entity")["money_at_stake"]
    stake = judged["entity"].map(fired).astype(float).fillna(0.0)
    return judged.assign(confidence=np.where(close, "close", "clear"), money_at_stake=stake)[columns]


def uncosted(book: Book) -> pd.DataFrame:
    """Which products can't be judged, because too little of their sales has a known cost? entity, name, net_sales, cost_coverage,
    profit_low and profit_high: gross profit if the goods cost what they sold for, and if they cost nothing."""
    frame = overview(book)
    frame = frame[frame["cost_coverage"] < book.policy.product.min_cost_coverage]
    frame = frame.assign(profit_low=frame["gross_profit"], profit_high=frame["gross_profit"] - frame["uncosted_sales"])
    frame = frame[["entity", "name", "net_sales", "cost_coverage", "profit_low", "profit_high"]]
    return frame.sort_values(["net_sales", "entity"], ascending=[False, True], ignore_index=True)


# ---- age -----------------------------------------------------------------------------------------------------------------------

AGES = {"under 3 months": 3, "3 to 5 months": 6, "6 to 11 months": 12, "12 months and more": np.inf, "not known": np.nan}
"""Bands of age and the month in which each ends."""


def _months_old(since: pd.Series, month: pd.Series) -> pd.Series:
    """Calendar months from the launch to a month; 0 in the month of the launch."""
    return (month.dt.year - since.dt.year) * 12 + month.dt.month - since.dt.month


@remembered
def _aged(book: Book) -> pd.DataFrame:
    """The month's products with `months_old`: since the launch, or the first sale or stock seen; blank where the data begin too late."""
    frame = overview(book)
    launched = set(book.sql("select product_id from products where launched_on is not null")["product_id"])
    old = _months_old(pd.to_datetime(frame["since"]), pd.Series(book.first_day, frame.index)).astype(float)
    from_the_start = pd.to_datetime(frame["since"]).dt.strftime("%Y-%m") <= book.months[0]
    hidden = from_the_start & ~frame["entity"].isin(launched) & (old < 12)
    return frame.assign(months_old=old.mask(hidden).clip(lower=0))


def by_age(book: Book) -> pd.DataFrame:
    """Do young and old products earn differently? One row per band of age in the month, empty bands left out.

    Columns: age, products, net_sales, gross_margin (Σ profit ÷ Σ costed sales), cost_coverage, contribution.
    """
    frame = _aged(book)
    ends = list(AGES.values())[:-1]
    band = [list(AGES)[-1] if pd.isna(old) else list(AGES)[int(np.searchsorted(ends, old, side="right"))] for old in frame["months_old"]]
    amounts = ["products", "net_sales", "uncosted_sales", "gross_profit", "contribution"]
    sums = frame.assign(age=band, products=1).groupby("age")[amounts].sum()
    sums = sums.reindex([age for age in AGES if age in sums.index]).rename_axis("age").reset_index()
    sums = sums.assign(gross_margin=ratio(sums["gross_profit"], costed(sums)), cost_coverage=ratio(costed(sums), sums["net_sales"]))
    return sums[["age", "products", "net_sales", "gross_margin", "cost_coverage", "contribution"]]


def life(book: Book, products: int = 6) -> pd.DataFrame:
    """How does the margin of young products develop? Those under a year old with the most sales, month by month of their life.

    Columns: entity, name, month_of_life (1 = the month of the launch), month, gross_margin (blank below the policy's cost coverage).
    """
    young = _aged(book).query("months_old < 12 and orders > 0").nlargest(products, "net_sales")
    history = margins(book.ladder(["month", "product_id"], book.months_back(12), orders=False)).rename(columns={"product_id": "entity"})
    history = history.merge(young[["entity", "name", "since"]], on="entity")
    since = pd.to_datetime(history["since"]).astype("datetime64[us]")
    history = history.assign(month_of_life=_months_old(since, pd.to_datetime(history["month"] + "-01")) + 1)
    known = history["cost_coverage"] >= book.policy.product.min_cost_coverage
    history = history.assign(gross_margin=history["gross_margin"].where(known)).query("month_of_life > 0").dropna(subset="gross_margin")
    columns = ["entity", "name", "month_of_life", "month", "gross_margin"]
    return history.sort_values(["entity", "month"], ignore_index=True)[columns]


def stop_loss(book: Book) -> pd.DataFrame:
    """Which products should be stopped before they cost more? The month's `loss_maker` and `margin_decay` firings, with three margins.

    Columns: entity, name, reasons, a column per month (gross margin), contribution, low, high (interval of the contribution where it is
    the reason), orders (that the first reason rests on), confidence (`clear` if any reason is), money_at_stake (the largest).
    """
    fired = product_decisions(book).query("verdict == 'stop_loss'")
    months = book.months_back(3)
    columns = ["entity", "name", "reasons", *months, "contribution", "low", "high", "orders", "confidence", "money_at_stake"]
    if fired.empty:
        return pd.DataFrame(columns=columns)
    loss = fired[fired["rule"] == "loss_maker"].set_index("entity")
    rows = (
        fired.sort_values("rule")
        .groupby("entity")
        .agg(
            name=("name", "first"),
            reasons=("rule", lambda rules: " and ".join(rule.replace("_", " ") for rule in rules)),
            confidence=("confidence", lambda sure: "clear" if "clear" in set(sure) else "close"),
            money_at_stake=("money_at_stake", "max"),
            orders=("sample_size", "first"),
        )
    )
    history = margins(book.ladder(["month", "product_id"], months, orders=False)).pivot(index="product_id", columns="month", values="gross_margin")
    contribution = overview(book).set_index("entity")["contribution"]
    rows = rows.join(history.reindex(columns=months)).join(contribution).join(loss[["low", "high"]])
    rows = rows.rename_axis("entity").reset_index()
    return rows.sort_values(["money_at_stake", "entity"], ascending=[False, True], ignore_index=True)[columns]


# ---- the bridge ----------------------------------------------------------------------------------------------------------------


@remembered
def bridge(book: Book) -> pd.DataFrame:
    """Why did gross profit move from the month before? One row per product: its gross profit before and after, and a column per step.

    The steps are those of BRIDGE. They are taken over lines with a known cost (the others bring no gross profit in either month), at
    the grain store × channel × product: a product that is new in a store or channel is measured against its own mean of last month.
    For every product before + the steps = after, and the sum is the ledger's gross profit. Empty without a month before.
    Columns: entity, name, before, the steps, after; the largest change first. Reporting currency.
    """
    columns = ["entity", "name", "before", *BRIDGE, "after"]
    if not book.before():
        return pd.DataFrame(columns=columns)
    months = {"was": book.before().month, "now": book.month}
    cells = book.sql(
        """with sold as (
               select l.month, l.store, l.channel, l.product_id, o.currency, l.quantity, l.gross_sales, l.discounts, l.shipping_income,
                      l.cogs, o.gross_amount, coalesce(o.discount_amount, 0) as discount_amount,
                      coalesce(o.shipping_income, 0) as shipping_amount
               from (select * from ledger where kind = 'sale' and month in ($was, $now) and uncosted_sales = 0 and {scope}) l
               join order_lines o using (store, order_id, line_no)),
           old as (
               select currency, cast(sum(gross_sales) as double) / cast(sum(gross_amount) as double) as rate
               from sold where month = $was group by currency having sum(gross_amount) > 0),
           priced as (
               select sold.*, case when month = $now then old.rate end as rate from sold left join old using (currency))
           select month, store, channel, product_id, cast(sum(quantity) as double) as quantity,
                  sum(coalesce(cast(gross_amount as double) * rate, cast(gross_sales as double))) as gross_sales,
                  sum(coalesce(-cast(discount_amount as double) * rate, cast(discounts as double))) as discounts,
                  sum(coalesce(cast(shipping_amount as double) * rate, cast(shipping_income as double))) as shipping_income,
                  cast(sum(cogs) as double) as cogs,
                  cast(sum(gross_sales + discounts + shipping_income + cogs) as double) as profit
           from priced group by month, store, channel, product_id order by month, store, channel, product_id""",
        **months,
    )
    traded = book.sql(
        """select product_id as entity,
                  bool_or(kind = 'sale' and month = $was) as sold_was, bool_or(kind = 'sale' and month = $now) as sold_now,
                  cast(coalesce(sum(profit) filter (month = $was), 0) as double) as before,
                  cast(coalesce(sum(profit) filter (month = $now), 0) as double) as after,
                  cast(coalesce(sum(case when month = $now then profit else -profit end) filter (kind = 'return'), 0) as double) as returns
           from (select *, gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs as profit
                 from ledger where kind in ('sale', 'return') and month in ($was, $now) and {scope})
           group by product_id order by product_id""",
        **months,
    ).set_index("entity")
    moved = decompose(cells[cells["month"] == months["was"]], cells[cells["month"] == months["now"]]).reindex(traded.index).fillna(0.0)
    one_sided = moved["one_sided"]
    new, lost = ~traded["sold_was"], ~traded["sold_now"]
    frame = moved.drop(columns="one_sided").assign(
        new=one_sided.where(new, 0.0), lost=one_sided.where(lost & ~new, 0.0), coverage=one_sided.where(~new & ~lost, 0.0)
    )
    frame = frame.join(traded[["before", "after", "returns"]])
    names = book.sql("select product_id as entity, name from products").set_index("entity")["name"]
    frame = frame.assign(name=[names.get(entity, entity) for entity in frame.index]).rename_axis("entity").reset_index()
    frame["size"] = (frame["after"] - frame["before"]).abs()
    return frame.sort_values(["size", "entity"], ascending=[False, True], ignore_index=True)[columns]


def decompose(was: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The change of two months' sales profit by cause, per product.

    was, now: one row per store, channel, product_id with quantity (> 0), gross_sales, discounts, shipping_income, cogs (signed) and
    profit (their sum); those of `now` at last month's exchange rates but for profit and cogs, which are at their own.
    Gives, by product_id, the columns volume … exchange_rate of BRIDGE for products in both months, and `one_sided`: the profit of
    those in `now` only, minus that of those in `was` only.

    >>> one = pd.DataFrame({"store": "s", "channel": "web", "product_id": ["tea"], "quantity": [10.0], "gross_sales": [100.0],
    ...                     "discounts": [0.0], "shipping_income": [0.0], "cogs": [-60.0], "profit": [40.0]})
    >>> two = one.assign(quantity=20.0, gross_sales=220.0, cogs=-140.0, profit=80.0)
    >>> decompose(one, two).loc["tea", ["volume", "mix", "price", "cost"]].tolist()
    [40.0, 0.0, 20.0, -20.0]
    """
    parts = list(_PARTS.values())
    sums = ["quantity", *parts, "profit"]
    cells = pd.merge(was[[*_CELL, *sums]], now[[*_CELL, *sums]], on=_CELL, how="outer", suffixes=("_was", "_now")).fillna(0.0)
    whole = cells.groupby("product_id")[[f"{name}_{when}" for name in sums for when in ("was", "now")]].transform("sum")
    both = (whole["quantity_was"] > 0) & (whole["quantity_now"] > 0)
    one_sided = (cells["profit_now"] - cells["profit_was"]).where(~both, 0.0)
    total = cells.loc[both, ["quantity_was", "profit_was"]].sum()
    mean = total["profit_was"] / total["quantity_was"] if total["quantity_was"] > 0 else 0.0
    own_mean = whole["profit_was"] / whole["quantity_was"]
    units = cells["quantity_now"] - cells["quantity_was"]
    out = {"volume": units * mean, "mix": units * (own_mean - mean)}
    there = cells["quantity_was"] > 0
    expected, change, at_old_rates = 0.0, {}, 0.0
    for step, part in _PARTS.items():
        each = (cells[f"{part}_was"] / cells["quantity_was"]).where(there, whole[f"{part}_was"] / whole["quantity_was"])
        change[step] = cells[f"{part}_now"] - cells["quantity_now"] * each
        expected, at_old_rates = expected + cells["quantity_now"] * each, at_old_rates + cells[f"{part}_now"]
    # own_mean × last month's units is last month's profit, so volume, mix and channel_mix together lead from there to `expected`.
    out["channel_mix"] = expected - cells["quantity_now"] * own_mean
    out |= change | {"exchange_rate": cells["profit_now"] - at_old_rates}
    frame = pd.DataFrame(out).where(both, 0.0).assign(one_sided=one_sided, product_id=cells["product_id"])
    return frame.groupby("product_id").sum().round(9) + 0.0


_CELL = ["store", "channel", "product_id"]


def bridge_steps(bridge: pd.DataFrame) -> pd.DataFrame:
    """The bridge of all products together: step, amount, what it holds, and the product that moved it most (with its amount).

    Steps that are zero for every product are left out; the rest add up to the change to the cent.
    """
    rows = []
    for step, meaning in BRIDGE.items():
        amounts = bridge[step].astype(float)
        if len(amounts) and amounts.abs().max() >= 1e-6:
            most = amounts.abs().idxmax()
            rows.append((step.replace("_", " "), amounts.sum(), bridge.loc[most, "name"], amounts[most], meaning))
    return pd.DataFrame(rows, columns=["step", "amount", "moved_most_by", "of_it", "meaning"])


# ---- what obeying would have done ----------------------------------------------------------------------------------------------


@remembered
def obeyed(book: Book) -> pd.DataFrame:
    """What if each product that failed a gate last month had not been sold this month? One row per rule and product.

    Judged on the month before, with what was known by its end. Assumed: buyers of a dropped product buy nothing else and the rest of
    their order stays; goods not sold keep their cost; marketing that names the product is saved, all other marketing, payroll and
    overheads stay; refunds of earlier months' sales come anyway.
    Columns: rule, verdict, entity, name, confidence (last month's), net_sales and brought (contribution of this month's sales after
    their refunds and the product's own marketing), change (of contribution: −brought), holding_saved (a month's holding cost of
    the stock; 0 without an inventory).
    """
    columns = ["rule", "verdict", "entity", "name", "confidence", "net_sales", "brought", "change", "holding_saved"]
    before = book.before()
    fired = product_decisions(before).query("rule != 'no_cost'") if before else pd.DataFrame(columns=columns)
    if fired.empty:
        return pd.DataFrame(columns=columns)
    frame = fired[["rule", "verdict", "entity", "name", "confidence"]].merge(_brought(book), on="entity", how="left")
    stock = decisions.products(before).set_index("entity").get("inventory", pd.Series(dtype=float))
    holding = (frame["entity"].map(stock) * book.policy.stock.holding_cost / 12).astype(float)
    frame = frame.assign(holding_saved=holding).fillna({"net_sales": 0.0, "brought": 0.0, "holding_saved": 0.0})
    frame = frame.assign(change=-frame["brought"] + 0.0)[columns]
    return frame.sort_values(["rule", "change", "entity"], ignore_index=True)


def _brought(book: Book) -> pd.DataFrame:
    """What each product's sales of the month brought: entity, net_sales, brought. Refunds of earlier months' sales aren't in it."""
    return book.sql(
        """with sold as (select store, order_id, line_no from ledger where kind = 'sale' and month = $month and {scope})
           select product_id as entity, cast(sum(gross_sales + discounts + shipping_income + refunds) as double) as net_sales,
                  cast(sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs + platform_fees + fulfilment
                           + commissions + marketing) as double) as brought
           from (select * from ledger where month = $month and kind in ('sale', 'marketing') and product_id <> '' and {scope}
                 union all
                 select * from (select * from ledger where month = $month and kind = 'return' and {scope})
                 semi join sold using (store, order_id, line_no))
           group by product_id order by product_id""",
        month=book.month,
    )


def obedience(book: Book) -> pd.DataFrame:
    """What would obeying each gate have done to the month's contribution? One row per rule that fired last month, then all together.

    Columns: gate, products, net_sales (given up), change (of contribution), holding_saved, pays_if (the part of the given-up
    sales that buyers would have to spend on the other products, at those products' contribution before marketing, for the month
    to come out even; blank where obeying pays anyway, above 1 = it can't pay).
    """
    frame = obeyed(book)
    columns = ["gate", "products", "net_sales", "change", "holding_saved", "pays_if"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    groups = {rule.replace("_", " "): group for rule, group in frame.groupby("rule")}
    groups["any of them"] = frame.drop_duplicates("entity")
    facts = overview(book)
    rows = []
    for gate, group in groups.items():
        kept = facts[~facts["entity"].isin(group["entity"])]
        margin = (kept["cm2"] + kept["commissions"]).sum() / kept["net_sales"].sum() if kept["net_sales"].sum() > 0 else np.nan
        sales, change, holding = group[["net_sales", "change", "holding_saved"]].sum()
        lost, worth = -change - holding, sales * margin
        rows.append((gate, len(group), sales, change, holding, np.nan if lost <= 0 else lost / worth if worth > 0 else np.inf))
    return pd.DataFrame(rows, columns=columns)
