"""Ordering: when to order again, how much, and how much of goods that sell in one season only.

Formulas: Silver, Pyke and Thomas, Inventory and Production Management in Supply Chains (4th ed., 2017), reorder point ch. 6, newsvendor ch. 9.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

from helpers.book import Book, remembered
from helpers.facts import WINDOW
from helpers.ratios import ratio
from helpers.stock_and_fulfilment import stock

# ---- the formulas ----------------------------------------------------------------------------------------------------------------


def reorder_point(daily, deviation, lead_days, service: float, lead_deviation=0.0):
    """At which stock must be ordered again, so that `service` of the order cycles end without a stock-out?

    Mean demand × lead time + z · √(lead time · σ² + daily² · σ_lead²): units. daily, deviation: mean and standard deviation of a day's
    demand; lead_days, lead_deviation: of the lead time. Numbers or Series.

    >>> round(float(reorder_point(10, 4, 9, 0.95)), 2)  # 90 + 1.645 · 4 · √9
    109.74
    """
    return daily * lead_days + norm.ppf(service) * np.sqrt(lead_days * deviation**2 + daily**2 * lead_deviation**2)


def critical_ratio(price, cost, salvage, costs=0.0):
    """Which part of the seasons should end with every buyer served? (price − costs − cost) ÷ (price − costs − salvage).

    costs: fees, packing and commission of a unit, which only a sale causes. A unit too few loses price − costs − cost, a unit too many
    cost − salvage. Below 0 where a sale loses money.

    >>> round(critical_ratio(0.75, 0.25, 0.10), 4)  # Mac's newsstand: 0.50 ÷ 0.65
    0.7692
    """
    return (price - costs - cost) / (price - costs - salvage)


def newsvendor(mean, deviation, critical):
    """How much to order once for a season whose demand is normal? mean + z(critical ratio) · deviation; 0 where the ratio is not above 0.

    >>> round(float(newsvendor(11.73, 4.74, 0.50 / 0.65)), 1)
    15.2
    """
    critical = np.asarray(critical, float)
    order = mean + norm.ppf(np.clip(critical, 1e-9, 1 - 1e-9)) * deviation
    return np.where(critical > 0, np.maximum(order, 0.0), np.where(np.isnan(critical), np.nan, 0.0))


# ---- what a unit brings and costs ------------------------------------------------------------------------------------------------


@remembered
def unit_values(book: Book) -> pd.DataFrame:
    """What does a unit sell for, what does selling it cost, and what does it cost to buy now?

    entity, price (list price less discounts), costs (fees, fulfilment, commissions; positive), both per unit of the last year with
    sales: the last 90 days, or where nothing sold in them the year; unit_cost (landed, the last one known by the month's end; blank = unknown).
    Reporting currency.
    """
    sold = book.sql(
        """with sums as (
               select product_id, day > $start as recent, sum(quantity) as units, cast(sum(gross_sales + discounts) as double) as sales,
                      -cast(sum(platform_fees + fulfilment + commissions) as double) as costs
               from ledger where kind = 'sale' and day > $last - 365 and day <= $last and {scope} group by product_id, recent),
           chosen as (select *, bool_or(recent) over (partition by product_id) as any_recent from sums)
           select product_id as entity, sum(sales) / sum(units) as price, sum(costs) / sum(units) as costs
           from chosen where recent or not any_recent group by product_id order by product_id""",
        **stock._window(book),
    )
    cost = book.sql(
        """with dated as (
               select c.*, row_number() over (partition by product_id order by valid_from desc) as nth from product_costs c where valid_from <= $last)
           select product_id as entity, cast(unit_cost as double) * case when currency = $home then 1 else cast(rate as double) end as unit_cost
           from (select dated.*, f.rate, row_number() over (partition by product_id order by f.date desc) as newest
                 from dated left join fx_rates f on dated.currency = f.currency and f.date <= $last where nth = 1)
           where newest = 1 order by product_id""",
        last=book.last_day.date(), home=book.currency,
    )  # fmt: skip
    return sold.merge(cost, on="entity", how="outer").sort_values("entity", ignore_index=True)


# ---- ordering again --------------------------------------------------------------------------------------------------------------


@remembered
def lead_times(book: Book) -> pd.DataFrame:
    """How long do suppliers really take? entity, receipts, mean_days, deviation (blank below five receipts): of purchases received in the
    year that ends with the month, from the order to the goods."""
    frame = book.sql(
        """select product_id as entity, count(*) as receipts, avg(received_on - ordered_on) as mean_days,
                  stddev_samp(received_on - ordered_on) as deviation
           from purchases where received_on is not null and received_on > $last - 365 and received_on <= $last
           group by product_id order by product_id""",
        last=book.last_day.date(),
    )
    return frame.assign(deviation=frame["deviation"].where(frame["receipts"] >= 5))


@remembered
def reorder_list(book: Book) -> pd.DataFrame:
    """What must be ordered now, and how much, so that the stock outlasts the supplier's lead time as often as the policy asks?

    entity, name, usable (on hand − reserved + incoming), cover_days (as the rule `reorder_now` sees it), lead_time_days, forecast and
    deviation (a day's demand), safety (units held against chance in demand and, where purchases tell it, in the lead time), reorder_point,
    risk (probability of running out within the lead time if nothing is ordered; demand taken as normal), runs_out_on, order (units up to
    the demand of the lead time and `review_days` at the same service; 0 while usable is above the reorder point), order_cost (reporting currency; blank without a known
    cost), at_risk (gross profit a day × days without stock before goods arrive). Products that sell, with a lead time; the riskiest first.
    """
    policy = book.policy.stock
    frame = stock.replenishment(book).merge(stock.demand(book)[["entity", "forecast", "deviation"]], on="entity")
    frame = frame.merge(lead_times(book)[["entity", "deviation"]].rename(columns={"deviation": "lead_deviation"}), on="entity", how="left")
    frame = frame.merge(unit_values(book)[["entity", "unit_cost"]], on="entity", how="left").merge(
        stock.names(book), on="entity", how="left"
    )
    lead, spread = frame["lead_time_days"], frame["lead_deviation"].fillna(0.0)
    point = reorder_point(frame["forecast"], frame["deviation"], lead, policy.service_level, spread)
    target = reorder_point(frame["forecast"], frame["deviation"], lead + policy.review_days, policy.service_level, spread)
    mean = frame["forecast"] * lead
    sigma = np.sqrt(lead * frame["deviation"] ** 2 + frame["forecast"] ** 2 * spread**2)
    z = (frame["usable"] - mean) / sigma.where(sigma > 0)
    risk = pd.Series(norm.sf(z), frame.index).where(sigma > 0, (frame["usable"] < mean).astype(float))
    order = np.ceil((target - frame["usable"]).clip(lower=0)).where(frame["usable"] <= point, 0.0)
    lasts = ratio(frame["usable"].clip(lower=0), frame["forecast"])
    frame = frame.assign(
        name=frame["name"].fillna(frame["entity"]),
        safety=point - mean,
        reorder_point=point,
        risk=risk,
        runs_out_on=book.last_day + pd.to_timedelta(np.floor(lasts.fillna(0)).clip(upper=3_650), unit="D"),
        order=order.astype("int64"),
        order_cost=order * frame["unit_cost"],
        at_risk=(lead - frame["cover_days"]).clip(lower=0) * frame["daily_gross_profit"],
    )
    columns = "entity name usable cover_days lead_time_days forecast deviation safety reorder_point risk".split()
    columns += ["runs_out_on", "order", "order_cost", "at_risk"]
    return frame.sort_values(["risk", "at_risk", "entity"], ascending=[False, False, True], ignore_index=True)[columns]


# ---- goods of a season -----------------------------------------------------------------------------------------------------------


@remembered
def year_on_year(book: Book) -> pd.Series:
    """How well would the same 90 days a year ago have told the last 90? growth (units of the scope, now ÷ then), error (over products with
    ten units or more in both: the median of |ln(now ÷ (then × growth))| × 1.4826, a standard deviation that a few launches and dying products
    don't stretch: the part by which such a forecast is off), products.

    Blank without a year and 90 days of sales, the error also with fewer than ten such products.
    """
    frame = book.sql(
        """select product_id, coalesce(sum(quantity) filter (day > $last - $window), 0) as now,
                  coalesce(sum(quantity) filter (day > $last - 364 - $window and day <= $last - 364), 0) as then
           from ledger where kind = 'sale' and day > $last - 364 - $window and day <= $last and {scope} group by product_id order by product_id""",
        last=book.last_day.date(), window=WINDOW,
    )  # fmt: skip
    now, then = float(frame["now"].sum()), float(frame["then"].sum())
    known = frame[(frame["now"] >= 10) & (frame["then"] >= 10)]
    growth = now / then if then > 0 and now > 0 else np.nan
    error = np.log(known["now"] / (known["then"] * growth)).abs().median() * 1.4826 if len(known) >= 10 else np.nan
    return pd.Series({"growth": growth, "error": error, "products": float(len(known))})


@remembered
def season_orders(book: Book) -> pd.DataFrame:
    """How much of each seasonal product should be ordered for its next season, and by when?

    A product is seasonal where three consecutive months of the last twelve (round the year's end too) hold `season_share` or more of their
    units and at least 30. Its next season is expected to sell what the last one did × the growth of the last 90 days on a year ago, with
    that forecast's own error (`year_on_year`), at least chance's (√mean).
    entity, name, season (its months), share, mean, deviation, price, costs, unit_cost, salvage (per unit), critical_ratio, quantity
    (newsvendor, whole units; blank without a known cost), left_over (usable stock when it begins), order, order_by (start − lead time,
    blank without one), starts_on. Largest order first.
    """
    months = book.months_back(12)
    columns = "entity name season share mean deviation price costs unit_cost salvage critical_ratio quantity".split()
    columns += ["left_over", "order", "order_by", "starts_on"]
    growth, error, _ = year_on_year(book)
    if months[0] < book.months[0] or np.isnan(growth):
        return pd.DataFrame(columns=columns)
    sold = book.sql(
        """select product_id, month, cast(sum(quantity) as double) as units from ledger
           where kind = 'sale' and month in (select unnest($months)) and {scope} group by product_id, month order by product_id, month""",
        months=months,
    )
    wide = sold.pivot(index="product_id", columns="month", values="units").reindex(columns=months).fillna(0.0)
    first = book.sql(
        "select product_id, substr(cast(min(day) as varchar), 1, 7) as month from ledger where kind = 'sale' and {scope} group by product_id order by product_id"
    )
    wide = wide[wide.index.isin(first.loc[first["month"] <= months[0], "product_id"])]
    around = np.concatenate([wide.to_numpy(), wide.to_numpy()[:, :2]], axis=1)
    threes = np.stack([around[:, i : i + 3].sum(axis=1) for i in range(12)], axis=1) if len(wide) else np.zeros((0, 12))
    best = threes.argmax(axis=1) if len(wide) else np.zeros(0, int)
    units, total = threes[np.arange(len(wide)), best], wide.sum(axis=1).to_numpy()
    # Where the best three months are those before today, the next season is a year away; where they begin after today's month a year ago, sooner.
    starts = [pd.Period(months[i], "M") + 12 for i in best]
    frame = pd.DataFrame({"entity": wide.index, "units": units, "share": units / np.where(total > 0, total, np.nan), "starts": starts})
    frame = frame[(frame["share"] >= book.policy.stock.season_share) & (frame["units"] >= 30)]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    mean = frame["units"] * growth
    frame = frame.assign(
        mean=mean,
        deviation=np.maximum(mean * (0.0 if np.isnan(error) else error), np.sqrt(mean)),
        season=[f"{p:%Y-%m} to {p + 2:%Y-%m}" for p in frame["starts"]],
        starts_on=[p.start_time.normalize() for p in frame["starts"]],
    )
    frame = frame.merge(unit_values(book), on="entity", how="left").merge(stock.names(book), on="entity", how="left")
    frame = frame.merge(_usable(book), on="entity", how="left").merge(stock.demand(book)[["entity", "forecast"]], on="entity", how="left")
    waiting = (frame["starts_on"] - book.last_day).dt.days.clip(lower=0)
    frame = frame.assign(
        name=frame["name"].fillna(frame["entity"]),
        salvage=frame["unit_cost"] * book.policy.stock.salvage_share,
        left_over=(frame["usable"].fillna(0.0) - frame["forecast"].fillna(0.0) * waiting).clip(lower=0).round(),
        order_by=frame["starts_on"] - pd.to_timedelta(frame["lead_time_days"], unit="D"),
    )
    frame["critical_ratio"] = critical_ratio(frame["price"], frame["unit_cost"], frame["salvage"], frame["costs"])
    frame["quantity"] = np.ceil(newsvendor(frame["mean"], frame["deviation"], frame["critical_ratio"]).round(6))
    frame["order"] = (frame["quantity"] - frame["left_over"]).clip(lower=0)
    return frame.sort_values(["order", "entity"], ascending=[False, True], ignore_index=True)[columns]


def _usable(book: Book) -> pd.DataFrame:
    """entity, usable (on hand − reserved + incoming at the stores' last snapshots), lead_time_days, of every product of the catalogue."""
    return book.sql(
        f"""select product_id as entity, usable, cast(lead_time_days as double) as lead_time_days from products
            left join (select product_id, cast(sum(on_hand - reserved + incoming) as double) as usable from ({stock._LAST}) group by product_id)
                 using (product_id) order by product_id""",
        **stock._window(book),
    )
