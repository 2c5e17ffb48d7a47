"""Product life: what launches bring as they grow older, and how many weeks a product has left before it costs more than it brings."""

import numpy as np
import pandas as pd
from scipy.stats import t as student

from helpers.book import Book, remembered
from helpers.ratios import costed, ratio
from helpers.stock_and_fulfilment import stock

WEEKS = 13
"""Weeks that a life is read from, the last one ending with the month."""

LONGEST = 52  # weeks: what lies beyond a year can't be read from a quarter
HELD_OUT = 4  # of them, the last weeks that the shapes are tried on
COLUMNS = "entity name weeks rate slope weeks_left low high stop_on a_month_late state".split()


@remembered
def since(book: Book) -> pd.DataFrame:
    """On which day did each product's life begin? entity, day: its launch, else its first sale or day in stock; not where that lies in the
    data's first month, since it may have been there before."""
    return book.sql(
        """with launched as (select product_id, launched_on as day from products where launched_on is not null),
                sold as (select product_id, min(day) as day from ledger where kind = 'sale' group by product_id),
                stocked as (select product_id, min(date) as day from stock group by product_id),
                seen as (
                    select product_id, min(day) as day from (from sold union all from stocked) anti join launched using (product_id)
                    group by product_id having date_trunc('month', min(day)) > (select date_trunc('month', min(day)) from sold))
           select product_id as entity, day from (from launched union all from seen) order by product_id"""
    )


@remembered
def launches(book: Book, months: int = 12) -> pd.DataFrame:
    """What did the launches of the last year bring, month by month of their life? One row per month of launch and month of life.

    launch (month), products (that sold or came back in that month of their life), month_of_life (1 = the month of the launch), units, net_sales,
    gross_profit, contribution (marketing spread as in all views by product), cost_coverage, gross_margin, contribution_share (÷ net sales,
    of the products all of whose sales in that month have a known cost; blank where there is none).
    Launches before the data begin are left out, since their first months can't be seen. A product without a launch day counts from its first
    sale or day in stock, unless that is the data's first month. Reporting currency.
    """
    begun = since(book)
    launch = pd.to_datetime(begun["day"]).dt.strftime("%Y-%m")
    begun = begun.assign(launch=launch)[launch.isin([month for month in book.months_back(months) if month >= book.months[0]])]
    frame = book.sql(
        """with young as (select unnest($entities) as product_id, unnest($launches) as launch),
            flows as (
                select l.product_id, launch,
                       (cast(substr(month, 1, 4) as integer) - cast(substr(launch, 1, 4) as integer)) * 12
                       + cast(substr(month, 6, 2) as integer) - cast(substr(launch, 6, 2) as integer) + 1 as month_of_life,
                       quantity, gross_sales + discounts + shipping_income + refunds as net_sales, uncosted_sales,
                       gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs as gross_profit,
                       platform_fees + fulfilment + marketing + commissions as below
                from (select * from spread where month <= $month and {scope}) l join young using (product_id))
            select launch, cast(count(*) as bigint) as products, cast(month_of_life as bigint) as month_of_life,
                   cast(sum(units) as bigint) as units, cast(sum(net_sales) as double) as net_sales,
                   cast(sum(uncosted_sales) as double) as uncosted_sales, cast(sum(gross_profit) as double) as gross_profit,
                   cast(sum(contribution) as double) as contribution,
                   cast(sum(net_sales) filter (uncosted_sales = 0) as double) as known_sales,
                   cast(sum(contribution) filter (uncosted_sales = 0) as double) as known_contribution
            from (select launch, month_of_life, product_id, sum(quantity) as units, sum(net_sales) as net_sales, sum(uncosted_sales) as uncosted_sales,
                         sum(gross_profit) as gross_profit, sum(gross_profit + below) as contribution
                  from flows where month_of_life >= 1 group by launch, month_of_life, product_id)
            group by launch, month_of_life order by launch, month_of_life""",
        month=book.month, entities=begun["entity"].tolist(), launches=begun["launch"].tolist(),
    )  # fmt: skip
    frame = frame.assign(
        cost_coverage=ratio(costed(frame), frame["net_sales"]),
        gross_margin=ratio(frame["gross_profit"], costed(frame)),
        contribution_share=ratio(frame["known_contribution"], frame["known_sales"].fillna(0.0)),
    )
    return frame.drop(columns=["uncosted_sales", "known_sales", "known_contribution"])


@remembered
def weekly(book: Book) -> pd.DataFrame:
    """What did each product bring in each of the last 13 weeks? entity, ago (weeks before the last one), base (sales before refunds),
    contribution (refunds on their day; marketing spread over the sales of its month, as in all views by product). Reporting currency.

    Only products whose cost is known in all of these weeks; a profit that rests on a missing cost has no life to read.
    """
    return book.sql(
        """with rows as (select * from ledger where kind in ('sale', 'return', 'marketing') and product_id <> '' and day > $start and day <= $last and {scope}),
           costed as (select product_id from rows group by product_id having sum(abs(uncosted_sales)) = 0),
           amounts as (
               select product_id, day, gross_sales + discounts + shipping_income as base,
                      gross_sales + discounts + shipping_income + refunds + cogs + platform_fees + fulfilment + commissions as amount
               from rows where kind <> 'marketing'
               union all
               select l.product_id, l.day, cast(0 as decimal(38,14)),
                      cast(cast(l.gross_sales + l.discounts + l.shipping_income as double) / cast(b.total as double) * cast(b.amount as double) as decimal(38,14))
               from (select * from rows where kind = 'sale') l
               join bases b on l.month = b.month and l.store = b.store and l.channel = b.channel
                    and (b.product_id = '' or b.product_id = l.product_id) and (b.campaign_id = '' or b.campaign_id = l.campaign_id)
               union all
               select product_id, day, cast(0 as decimal(38,14)), marketing
               from (select * from rows where kind = 'marketing') anti join bases using (month, store, channel, product_id, campaign_id))
           select product_id as entity, cast(($last - day) // 7 as bigint) as ago, cast(sum(base) as double) as base, cast(sum(amount) as double) as contribution
           from amounts semi join costed using (product_id) group by product_id, ago having sum(base) > 0 order by product_id, ago desc""",
        start=(book.last_day - pd.Timedelta(days=7 * WEEKS)).date(), last=book.last_day.date(),
    )  # fmt: skip


def lines(frame: pd.DataFrame) -> pd.DataFrame:
    """A straight line through each product's weekly contribution ÷ base, weighted by base: its level at the end, its slope, and how sure.

    frame: entity, ago, base, contribution. Gives, by entity: weeks, rate (the line at the last week), slope (change a week), slope_error,
    p_value (one-sided, of no fall), mean_base (a week, the last four that sold). Weighted least squares over all products at once.

    >>> weeks = pd.DataFrame({"entity": "a", "ago": [3, 2, 1, 0], "base": 100.0, "contribution": [40.0, 30.0, 20.0, 10.0]})
    >>> lines(weeks)[["weeks", "rate", "slope"]].round(6).values.tolist()
    [[4.0, 0.1, -0.1]]
    """
    x, w = -frame["ago"].astype(float), frame["base"]
    y = frame["contribution"] / w
    parts = pd.DataFrame({"n": 1.0, "w": w, "wx": w * x, "wy": w * y, "wxx": w * x * x, "wxy": w * x * y, "wyy": w * y * y})
    s = parts.groupby(frame["entity"], sort=True).sum()
    spread = s["wxx"] - s["wx"] ** 2 / s["w"]
    slope = (s["wxy"] - s["wx"] * s["wy"] / s["w"]) / spread.where(spread > 1e-9 * s["w"])
    rate = (s["wy"] - slope * s["wx"]) / s["w"]
    left = (s["wyy"] - s["wy"] ** 2 / s["w"] - slope**2 * spread).clip(lower=0)
    error = np.sqrt(left / (s["n"] - 2).where(s["n"] > 2) / spread)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = student.cdf(slope / error, (s["n"] - 2).clip(lower=1))
    recent = frame[frame["ago"] < 4].groupby("entity")["base"].sum() / 4
    return pd.DataFrame(
        {
            "weeks": s["n"],
            "rate": rate,
            "slope": slope,
            "slope_error": error,
            "p_value": p,
            "mean_base": recent.reindex(s.index).fillna(0.0),
        }
    )


def crossings(frame: pd.DataFrame, draws: int, confidence: float, seed: int = 0) -> tuple[float, float]:
    """Interval of the weeks until the line crosses zero, when the weeks are drawn anew with replacement. frame: one product's weeks.

    0 where the line is below zero already, infinite where it doesn't fall. Percentile interval (Efron 1979).
    """
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(frame), np.full(len(frame), 1 / len(frame)), size=draws)
    x, w = -frame["ago"].to_numpy(float), frame["base"].to_numpy(float)
    y = frame["contribution"].to_numpy(float) / w
    sums = np.stack([w, w * x, w * y, w * x * x, w * x * y], axis=1)
    total = np.einsum("ij,jk->ik", counts, sums).T
    spread = total[3] - total[1] ** 2 / total[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(spread > 1e-9 * total[0], (total[4] - total[1] * total[2] / total[0]) / spread, 0.0)
        rate = (total[2] - slope * total[1]) / total[0]
        left = np.where(rate <= 0, 0.0, np.where(slope < 0, rate / -slope, np.inf))
    ends = np.sort(left)[[int((1 - confidence) / 2 * draws), int(np.ceil((1 + confidence) / 2 * draws)) - 1]]
    return float(ends[0]), float(ends[1])


@remembered
def weeks_left(book: Book) -> pd.DataFrame:
    """Which products' contribution is falling towards zero, how many weeks are left, and by when should they stop?

    A straight line through the contribution per unit of sales of the last 13 weeks (at least `min_life_weeks` with sales); a product is named
    where its line falls more than chance explains: 5 % for all products of the last year's launches together, and 5 % for all older
    ones (Bonferroni), so that many old products don't hide a young one. Linear because a margin that is copied away falls at least that
    fast; an exponential would never reach zero. A line that reaches zero only after LONGEST weeks names nobody.
    entity, name, weeks (with sales), rate (contribution ÷ sales before refunds, now, by the line), slope (a week), weeks_left (0 = below
    zero already), low, high (95 % interval, weeks drawn anew), stop_on (the day at the interval's early end), a_month_late (contribution lost if it is
    stopped a month after the line crosses zero, at the sales of the last four weeks), state (`falling`, `below zero`). Soonest first.
    """
    told = weekly(book)
    if told.empty:
        return pd.DataFrame(columns=COLUMNS)
    frame = lines(told)
    frame = frame[(frame["weeks"] >= book.policy.product.min_life_weeks) & frame["slope"].notna()]
    young = pd.Series(frame.index.isin(_young(book)), frame.index)
    together = young.map(young.value_counts())
    within = frame["rate"] <= -LONGEST * frame["slope"] + 1e-9  # also lets go of a margin that never moved, whose slope is the 17th digit
    found = frame[(frame["p_value"] < 0.05 / together) & (frame["mean_base"] > 0) & (frame["slope"] < -1e-9) & within].reset_index()
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    evidence, groups = book.policy.evidence, dict(list(told[told["entity"].isin(found["entity"])].groupby("entity")))
    ends = [crossings(groups[entity], evidence.resamples, evidence.confidence) for entity in found["entity"]]
    left = (found["rate"].clip(lower=0) / -found["slope"]).round(9)
    month = 365 / 12 / 7
    low = pd.Series([min(low, now) for (low, _), now in zip(ends, left, strict=True)], found.index)
    found = found.assign(
        weeks_left=left, low=low, high=[max(high, now) for (_, high), now in zip(ends, left, strict=True)],
        stop_on=book.last_day + pd.to_timedelta(np.floor(low * 7), unit="D"),
        a_month_late=found["mean_base"] * (-found["rate"].clip(upper=0) * month - found["slope"] * month**2 / 2),
        state=np.where(found["rate"] <= 0, "below zero", "falling"),
    ).merge(stock.names(book), on="entity", how="left")  # fmt: skip
    found = found.assign(name=found["name"].fillna(found["entity"]), weeks=found["weeks"].astype("int64"))
    return found.sort_values(["weeks_left", "low", "entity"], ignore_index=True)[COLUMNS]


def _young(book: Book) -> set[str]:
    """Products launched in the year that ends with the month."""
    begun = since(book)
    age = (book.last_day - pd.to_datetime(begun["day"])).dt.days
    return set(begun.loc[(age >= 0) & (age < 365), "entity"])


@remembered
def shapes(book: Book) -> pd.DataFrame:
    """Which shape told the last four weeks best, from the nine before? One row per shape: shape, products, miss.

    `stays` (the mean of the last four weeks known then), `falls in a line`, `halves again and again` (exponential decay, the half-life
    that fits best among 1 to 26 weeks). miss: mean absolute difference of the contribution per unit of sales, weighted by sales, over the
    products of `weeks_left`, which were chosen for falling: their own last weeks are in that choice, so this compares shapes, not skill.
    """
    chosen = weekly(book)
    chosen = chosen[chosen["entity"].isin(weeks_left(book)["entity"])]
    known, tried = chosen[chosen["ago"] >= HELD_OUT], chosen[chosen["ago"] < HELD_OUT]
    enough = known.groupby("entity").size()
    entities = [entity for entity in enough[enough >= 3].index if entity in set(tried["entity"])]
    if not entities:
        return pd.DataFrame(columns=["shape", "products", "miss"])
    misses = {"stays": [], "falls in a line": [], "halves again and again": []}
    for entity in entities:
        past, after = known[known["entity"] == entity], tried[tried["entity"] == entity]
        told = {"stays": _stays(past, after), "falls in a line": _line(past, after), "halves again and again": _halves(past, after)}
        for shape, rates in told.items():
            misses[shape].append((np.abs(rates * after["base"] - after["contribution"]).sum(), after["base"].sum()))
    rows = [(shape, len(entities), sum(m for m, _ in pairs) / sum(b for _, b in pairs)) for shape, pairs in misses.items()]
    return pd.DataFrame(rows, columns=["shape", "products", "miss"]).sort_values(["miss", "shape"], ignore_index=True)


def _stays(past: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    last = past[past["ago"] < past["ago"].min() + 4]
    return np.full(len(after), last["contribution"].sum() / last["base"].sum())


def _line(past: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    row = lines(past).iloc[0]
    return row["rate"] - row["slope"] * after["ago"].to_numpy(float)


def _halves(past: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    best = None
    for half_life in range(1, 27):
        shrunk = 0.5 ** (-past["ago"].to_numpy(float) / half_life)
        level = (past["contribution"] * shrunk).sum() / (past["base"] * shrunk**2).sum()
        miss = ((level * shrunk * past["base"] - past["contribution"]) ** 2 / past["base"]).sum()
        best = min(best or (np.inf, 0, 0), (miss, half_life, level))
    return best[2] * 0.5 ** (-after["ago"].to_numpy(float) / best[1])


def track(book: Book, entity: str = "") -> pd.DataFrame:
    """One product's weeks beside its line, by default the first of `weeks_left`: week (its last day), rate (contribution ÷ sales before
    refunds), line, name, and weeks ahead (rate blank) until two weeks after the line crosses zero, at most 26. Empty for a product that
    `weekly` doesn't know, and where none is falling."""
    ending = weeks_left(book)
    entity = entity or (ending["entity"].iloc[0] if len(ending) else "")
    told = weekly(book).query("entity == @entity")
    if told.empty:
        return pd.DataFrame(columns=["week", "rate", "line", "name"])
    fit = lines(told).iloc[0]
    ahead = int(np.clip(np.ceil(fit["rate"] / -fit["slope"]) + 2 if fit["slope"] < 0 else 4, 2, 26))
    grid = pd.DataFrame({"ago": range(int(told["ago"].max()), -ahead - 1, -1)})
    grid = grid.merge(told.assign(rate=told["contribution"] / told["base"])[["ago", "rate"]], on="ago", how="left")
    week = book.last_day - pd.to_timedelta(7 * grid["ago"], unit="D")
    name = stock.names(book).set_index("entity")["name"].get(entity, entity)
    return pd.DataFrame({"week": week, "rate": grid["rate"], "line": fit["rate"] - fit["slope"] * grid["ago"], "name": name})
