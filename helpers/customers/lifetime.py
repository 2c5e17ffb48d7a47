"""What customers will still bring: how often each is expected to buy again (BG/NBD), at what value (Gamma-Gamma), and what that leaves.

BG/NBD: Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24 (2005); Gamma-Gamma: Fader and Hardie,
The Gamma-Gamma model of monetary value (2013). Both are fitted by maximum likelihood to how many customers have which history,
so that a million customers are as quick as a thousand. Time is in weeks.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.buyers import CONTRIBUTION, at_risk, known, no_ids_said, standing
from helpers.customers.customers import SEGMENTS, kinds, kinds_said, watched, watched_said
from helpers.decisions import decide, sentence
from helpers.ratios import ratio
from helpers.text import count, money, number, percent, title

WEEK, MONTH, YEAR = 7, 365 / 12 / 7, 365 / 7  # days of a week; weeks of a month and of a year
FEWEST = 30  # customers who bought again: with fewer, four parameters fit anything
MOST = 20_000  # distinct histories; beyond them days are rounded to weeks
HOLDOUT = 6  # months kept back for the test, or a third of the history where that is shorter


class BgNbd(NamedTuple):
    """Purchases come at a rate that is Gamma(r, alpha) over customers, who leave after any with a probability that is Beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


class GammaGamma(NamedTuple):
    """A purchase's value is Gamma(p, ν) with ν being Gamma(q, gamma) over customers."""

    p: float
    q: float
    gamma: float
    log_likelihood: float


def _fit(likelihood, starts: list[list[float]]) -> tuple[list[float], float]:
    """The positive parameters that make the data likeliest, from several starts; found on the scale of their logarithms.

    likelihood: gives the logarithm of the likelihood and its derivatives by the parameters.
    """
    from scipy.optimize import minimize  # takes a moment to import

    def missing(logs: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(logs)
        value, slopes = likelihood(*parameters)
        return -value, -np.asarray(slopes) * parameters

    bounds = [(np.log(1e-3), np.log(1e4))] * len(starts[0])  # beyond them customers no longer differ
    options = {"ftol": 1e-13, "gtol": 1e-9, "maxiter": 500}
    found = [minimize(missing, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options) for start in starts]
    logs = min(found, key=lambda one: one.fun).x
    free = [i for i, (low, high) in enumerate(bounds) if low + 1e-6 < logs[i] < high - 1e-6]
    for _ in range(3):  # Newton's steps, so that the last digits don't depend on where the search gave up
        slopes = missing(logs)[1][free]
        bends = [(missing(logs + side)[1][free] - missing(logs - side)[1][free]) / 2e-4 for side in 1e-4 * np.eye(len(logs))[free]]
        step = np.linalg.lstsq(np.array(bends).T, slopes, rcond=None)[0] if free else np.zeros(0)
        moved = logs.copy()
        moved[free] -= step
        if not free or np.abs(step).max() > 0.01 or np.abs(missing(moved)[1][free]).max() >= np.abs(slopes).max():
            break
        logs = moved
    return [float(each) for each in np.exp(logs)], -float(missing(logs)[0])


def fit_bg_nbd(x, t_x, T, customers=None) -> BgNbd:  # noqa: N803 the paper's names
    """The BG/NBD model that makes the histories likeliest.

    x: repeat purchases; t_x: weeks from the first to the last; T: weeks from the first to the end; customers: how many have this history
    (default 1 each). Formula (3) of Fader, Hardie and Lee (2005), as implemented in their note of 2008.
    """
    from scipy.special import gammaln, psi

    x, t_x, T = (np.asarray(each, float) for each in (x, t_x, T))
    n = np.ones(len(x)) if customers is None else np.asarray(customers, float)
    kinds, place = np.unique(x, return_inverse=True)  # gamma functions are dear, and depend on the number of purchases alone
    per_kind, everybody = np.bincount(place, weights=n), n.sum()
    again = x > 0

    def likelihood(r, alpha, a, b):
        by_kind = (
            gammaln(r + kinds) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + kinds) - gammaln(b) - gammaln(a + b + kinds)
        )
        ever, lately = np.log(alpha + T), np.log(alpha + t_x)
        stays = -(r + x) * ever
        gone = np.where(again, np.log(a) - np.log(np.where(again, b + x - 1, 1.0)) - (r + x) * lately, -np.inf)
        either = np.logaddexp(stays, gone)
        left = n * np.exp(gone - either)  # how many of each history have left
        there = n - left
        both = psi(a + b) - psi(a + b + kinds)
        slopes = (
            (per_kind * (psi(r + kinds) - psi(r))).sum() + everybody * np.log(alpha) - (there * ever + left * lately).sum(),
            everybody * r / alpha - ((r + x) * (there / (alpha + T) + left / (alpha + t_x))).sum(),
            (per_kind * both).sum() + left.sum() / a,
            (per_kind * (both + psi(b + kinds) - psi(b))).sum() - (left[again] / (b + x[again] - 1)).sum(),
        )
        return float((per_kind * by_kind).sum() + (n * either).sum()), slopes

    mean = max(float((n * T).sum() / everybody), 1e-6)
    parameters, value = _fit(likelihood, [[0.5, mean / 4, 0.5, 2.0], [1.0, mean, 1.0, 10.0]])
    return BgNbd(*parameters, value)


def _until_they_leave(r, a, b, scaled) -> np.ndarray:
    """Expected purchases of a customer who is there, of pace Gamma(r) and leaving with probability Beta(a, b); scaled: time ÷ (alpha + T).

    The mean over p of (1 − (1 + p · scaled)^−r) ÷ p, by tanh-sinh quadrature over Beta's quantiles: the papers' closed forms are the same
    integral as a hypergeometric function, which floats lose for large parameters. r, b, scaled: one value, or one per customer.
    """
    from scipy.special import betaincinv, expit

    at = np.arange(-32, 33) * 0.1
    u = expit(np.pi * np.sinh(at))
    weights = 0.1 * np.pi * np.cosh(at) * u * expit(-np.pi * np.sinh(at))
    r, b, scaled = np.broadcast_arrays(*(np.atleast_1d(np.asarray(each, float)) for each in (r, b, scaled)))
    kinds, place = np.unique(b, return_inverse=True)
    chances = np.maximum(betaincinv(a, kinds[:, None], u[None, :]), 1e-200)  # one row per b
    total = np.zeros(len(r))
    for node, weight in enumerate(weights):
        p = chances[place, node]
        total += weight * -np.expm1(-r * np.log1p(p * scaled)) / p
    return total / weights.sum()


def anybody(model: BgNbd, weeks) -> np.ndarray:
    """How many repeat purchases does a customer of whom nothing is known make in so many weeks? Formula (9) of the paper, one per `weeks`.

    >>> model = BgNbd(0.243, 4.414, 0.793, 2.426, 0)
    >>> anybody(model, [13, 39]).round(2).tolist()
    [0.53, 1.2]
    """
    r, alpha, a, b, _ = model
    return _until_they_leave(r, a, b, np.asarray(weeks, float) / alpha)


def alive(model: BgNbd, x, t_x, T) -> np.ndarray:  # noqa: N803
    """How probable is it that a customer with this history still buys? Who bought once is certain to, by the model's assumption.

    >>> alive(BgNbd(0.243, 4.414, 0.793, 2.426, 0), [0, 2], [0, 30.43], [38.86, 38.86]).round(2).tolist()
    [1.0, 0.73]
    """
    r, alpha, a, b, _ = model
    x, t_x, T = (np.asarray(each, float) for each in (x, t_x, T))
    odds = a / np.where(x > 0, b + x - 1, 1.0) * np.exp((r + x) * (np.log(alpha + T) - np.log(alpha + t_x)))
    return 1 / (1 + np.where(x > 0, odds, 0.0))


def expected_purchases(model: BgNbd, weeks: float, x, t_x, T) -> np.ndarray:  # noqa: N803
    """How many purchases is a customer with this history expected to make in the coming weeks? Formula (10) of the paper.

    >>> model = BgNbd(0.243, 4.414, 0.793, 2.426, 0)
    >>> expected_purchases(model, 39, 2, 30.43, 38.86).round(3).tolist()  # the authors' own example
    [1.226]
    """
    r, alpha, a, b, _ = model
    x, T = np.asarray(x, float), np.asarray(T, float)  # noqa: N806
    return _until_they_leave(r + x, a, b + x, weeks / (alpha + T)) * alive(model, x, t_x, T)


def fit_gamma_gamma(purchases, mean, customers=None) -> GammaGamma:
    """The Gamma-Gamma model that makes the customers' mean values likeliest. Formula (1a) of Fader and Hardie (2013).

    purchases: how many the mean is over; mean: above zero; customers: how many have these (default 1 each).
    """
    from scipy.special import gammaln, psi

    x, mean = np.asarray(purchases, float), np.asarray(mean, float)
    n = np.ones(len(x)) if customers is None else np.asarray(customers, float)
    everybody = n.sum()
    unit = float(np.exp((n * np.log(mean)).sum() / everybody))  # so that the search starts alike in any currency
    m = mean / unit
    kinds, place = np.unique(x, return_inverse=True)
    per_kind, total = np.bincount(place, weights=n), x * m
    logs, times = (n * np.log(m)).sum(), (n * x * np.log(total)).sum()

    def likelihood(p, q, gamma):
        by_kind = gammaln(p * kinds + q) - gammaln(p * kinds) - gammaln(q) + q * np.log(gamma)
        both = np.log(gamma + total)
        value = float((per_kind * by_kind).sum() + p * times - logs - (n * (p * x + q) * both).sum())
        slopes = (
            (per_kind * kinds * (psi(p * kinds + q) - psi(p * kinds))).sum() + times - (n * x * both).sum(),
            (per_kind * psi(p * kinds + q)).sum() + everybody * (np.log(gamma) - psi(q)) - (n * both).sum(),
            everybody * q / gamma - (n * (p * x + q) / (gamma + total)).sum(),
        )
        return value, slopes

    (p, q, gamma), value = _fit(likelihood, [[2.0, 3.0, 1.0], [6.0, 4.0, 0.5], [1.0, 10.0, 10.0]])
    return GammaGamma(p, q, gamma * unit, value - float(everybody * np.log(unit)))


def expected_value(model: GammaGamma, purchases, mean) -> np.ndarray:
    """What is a purchase of this customer worth on average in the long run? Between the own mean and everybody's; formula (5) of the note.

    >>> round(float(expected_value(GammaGamma(6.25, 3.74, 15.44, 0), 0, 0)), 1)  # nothing is known: p · gamma ÷ (q − 1)
    35.2
    """
    x, mean = np.asarray(purchases, float), np.asarray(mean, float)
    return model.p * (model.gamma + x * mean) / (model.p * x + model.q - 1)


# ---- a book's customers --------------------------------------------------------------------------------------------------------


def _lives(book: Book, months_ago: int) -> str:
    """The name of a table with a row per customer who had bought by the month's end, or that of some months earlier: customer_id, first_day,
    x, t_x, T as of `histories`."""
    if not months_ago:
        return standing(book)
    month = book.months_back(months_ago + 1)[0]
    return book.table(
        f"lives_{months_ago}",
        """select customer_id, min(first_day) as first_day, cast(sum(purchases) - 1 as integer) as x,
                  cast(max(last_day) - min(first_day) as integer) as t_x, cast($end - min(first_day) as integer) as T
           from customer_months where month <= $month and {scope} group by customer_id having sum(purchases) > 0""",
        month=month,
        end=pd.Period(month, "M").end_time.date(),
    )


@remembered
def histories(book: Book, months_ago: int = 0) -> pd.DataFrame:
    """How many customers have which history? x (repeat purchases), t_x, T (days), customers; up to the month's end, or some months earlier.

    A purchase is a day on which the customer ordered in a store. With more than MOST histories, days are rounded to whole weeks.
    """
    frame = book.sql(f"select x, t_x, T, count(*) as customers from {_lives(book, months_ago)} group by all order by all")
    if len(frame) <= MOST:
        return frame.assign(step=1)
    frame[["t_x", "T"]] = (frame[["t_x", "T"]] + 3) // WEEK * WEEK
    return frame.groupby(["x", "t_x", "T"], as_index=False)["customers"].sum().assign(step=WEEK)


def bg_nbd(book: Book, months_ago: int = 0) -> BgNbd | None:
    """The model of the book's customers as known some months ago; None where fewer than FEWEST had bought again."""
    key = ("bg_nbd", months_ago)
    if key not in book.memory:
        frame = histories(book, months_ago)
        enough = frame.loc[frame["x"] > 0, "customers"].sum() >= FEWEST
        book.memory[key] = fit_bg_nbd(frame["x"], frame["t_x"] / WEEK, frame["T"] / WEEK, frame["customers"]) if enough else None
    return book.memory[key]


def gamma_gamma(book: Book) -> GammaGamma | None:
    """The model of what the book's customers pay (net sales per purchase, where that is above zero); None with fewer than FEWEST."""
    if "gamma_gamma" not in book.memory:
        frame = book.sql(  # sums within one per cent of each other count as the same
            f"""select x + 1 as purchases, exp(round(ln(cast(ever_net as double)), 2)) / (x + 1) as mean, count(*) as customers
                from {standing(book)} where ever_net > 0 group by 1, 2 order by 1, 2"""
        )
        enough = len(frame) and frame["customers"].sum() >= FEWEST and frame["mean"].nunique() > 1
        book.memory["gamma_gamma"] = fit_gamma_gamma(frame["purchases"], frame["mean"], frame["customers"]) if enough else None
    return book.memory["gamma_gamma"]


def rate(book: Book) -> float:
    """What is left of a unit of customers' net sales: contribution ÷ net sales of the last twelve months.

    Blank where these are not above 0, and where less of them has a known cost than the policy's coverage: then nobody knows.
    """
    sums = book.sql(
        f"""select cast(sum({CONTRIBUTION}) as double) as left_over, cast(sum(net_sales) as double) as net,
                   cast(sum(net_sales + uncosted_sales) as double) as costed
            from customer_months where month in (select unnest($months)) and {{scope}}""",
        months=book.months_back(12),
    ).fillna(0.0)  # fmt: skip
    known = float(ratio(sums["costed"], sums["net"])[0]) >= book.policy.product.min_cost_coverage
    return float(ratio(sums["left_over"], sums["net"])[0]) if known else np.nan


def expectations(book: Book) -> str | None:
    """The name of a table with a row per customer: what is still to be expected of each; None where a model can't be fitted.

    customer_id, segment (at the month's end), alive (probability), month_purchases and year_purchases (in the coming month and twelve),
    spend (net sales of a purchase), month_contribution, year_contribution (purchases × spend × rate, blank without one).
    """
    if "expectations" in book.memory:
        return book.memory["expectations"]
    model, spend, left_over = bg_nbd(book), gamma_gamma(book), rate(book)
    if model is None or spend is None or spend.q <= 1:
        return None
    left = "cast(null as double)" if np.isnan(left_over) else f"cast({left_over!r} as double)"
    frame = histories(book)
    about = (frame["x"], frame["t_x"] / WEEK, frame["T"] / WEEK)
    frame = frame.assign(
        alive=alive(model, *about), month_buys=expected_purchases(model, MONTH, *about), year_buys=expected_purchases(model, YEAR, *about)
    )
    book.con.register("histories_known", frame)
    step = int(frame["step"].iloc[0])
    days = {day: f"(l.{day} + {step // 2}) // {step} * {step}" for day in ("t_x", "T")}
    p, q, gamma = (f"cast({value!r} as double)" for value in (spend.p, spend.q, spend.gamma))
    book.memory["expectations"] = book.table(
        "expected",
        f"""select *, month_purchases * spend * {left} as month_contribution, year_purchases * spend * {left} as year_contribution
            from (select l.customer_id, l.now as segment, h.alive, h.month_buys as month_purchases, h.year_buys as year_purchases,
                         {p} * ({gamma} + greatest(cast(l.ever_net as double), 0)) / ({p} * (l.x + 1) + {q} - 1) as spend
                  from {standing(book)} l join histories_known h on h.x = l.x and h.t_x = {days["t_x"]} and h.T = {days["T"]})""",
    )
    book.con.unregister("histories_known")
    return book.memory["expectations"]


@remembered
def expected(book: Book) -> pd.DataFrame:
    """What is still to be expected of the customers of each segment (as they stand at the month's end), best first, and of `all`?

    Columns: segment, customers, alive (expected number who still buy), purchases (in the coming twelve months), contribution (in them),
    each (÷ customers), next_month (contribution in the coming month). Empty where the models can't be fitted.
    """
    name = expectations(book)
    columns = ["segment", "customers", "alive", "purchases", "contribution", "each", "next_month"]
    if name is None:
        return pd.DataFrame(columns=columns)
    # rounded before they are added, so that the order of adding can't be seen
    sums = ", ".join(
        f"cast(sum(cast({what} as decimal(38,10))) as double) as {column}"
        for column, what in {
            "alive": "alive",
            "purchases": "year_purchases",
            "contribution": "year_contribution",
            "next_month": "month_contribution",
        }.items()
    )
    frame = book.sql(
        f"select segment, count(*) as customers, {sums} from {name} group by 1 union all select 'all', count(*), {sums} from {name}"
    )
    order = {segment: place for place, segment in enumerate([*SEGMENTS, "all"])}
    frame = frame.sort_values("segment", key=lambda names: names.map(order), ignore_index=True)
    return frame.assign(each=ratio(frame["contribution"], frame["customers"]))[columns]


def dearest(book: Book, rows: int = 10, where: str = "true") -> pd.DataFrame:
    """The customers, by id, of whom most is still to be expected in the coming twelve months. where: a condition over `expectations`.

    Columns: customer_id, segment, alive, purchases, spend, contribution. Empty where the models can't be fitted.
    """
    columns = ["customer_id", "segment", "alive", "purchases", "spend", "contribution"]
    name = expectations(book)
    if name is None:
        return pd.DataFrame(columns=columns)
    return book.sql(
        f"""select customer_id, segment, alive, year_purchases as purchases, spend, year_contribution as contribution from {name}
            where {where} order by round(year_contribution, 6) desc nulls last, round(year_purchases * spend, 6) desc, customer_id limit {rows}"""
    )


def no_model_said(book: Book) -> str:
    """Why nothing can be expected of the customers; blank where it can."""
    if expectations(book) is not None:
        return ""
    again = int(histories(book).query("x > 0")["customers"].sum())
    if again < FEWEST:
        return f"Only {count(again, 'customer')} bought again so far, and it takes {FEWEST} to tell rates from chance: nothing is forecast."
    return "What customers pay gives no sound mean value yet: nothing is forecast."


def expected_said(book: Book, frame: pd.DataFrame) -> str:
    """How much is still to come from those who have bought, and from whom? frame: expected."""
    if frame.empty:
        return no_model_said(book)
    rows, currency = frame.set_index("segment"), book.currency
    whole, parts = rows.loc["all"], rows.drop("all")
    if pd.isna(whole["contribution"]):
        return f"{number(whole['purchases'])} purchases are expected of those who have bought so far in the coming twelve months; too little of their sales has a known cost to say what these leave."
    best = parts["contribution"].idxmax()
    said = f"Those who have bought so far are expected to leave {money(whole['contribution'], currency)} in the coming twelve months,"
    said += f" {money(whole['each'], currency)} each; {percent(ratio(parts['contribution'], pd.Series(whole['contribution'], parts.index))[best])}"
    said += f" of it comes from the segment {title(best)}."
    if "at_risk" in parts.index:
        said += f" From those at risk {money(parts.loc['at_risk', 'next_month'], currency)} is still to be expected in the coming month."
    said += f" Each unit of sales is taken to leave {percent(rate(book))}, as in the last twelve months."
    months = (pd.Period(book.month, "M") - pd.Period(book.months[0], "M")).n + 1
    short = f" The data hold {count(months, 'month')}, less than is foreseen here: take it as a direction, not as a budget."
    return said + (short if months < 12 else "")


def model_said(book: Book) -> str:
    """The fitted models in words."""
    model, spend = bg_nbd(book), gamma_gamma(book)
    if model is None or spend is None:
        return no_model_said(book)
    pace = model.r / model.alpha * YEAR
    leave = model.a / (model.a + model.b)
    said = f"While they stay, customers order again {number(pace, 1)} times a year on average, and after each purchase {percent(leave)} of them leave for good"
    names = {"r": model.r, "α": model.alpha, "a": model.a, "b": model.b}
    shown = [f"{name} {number(value, 0 if value >= 100 else 3)}" for name, value in names.items()]
    return f"{said} ({', '.join(shown)}; weeks)."


# ---- does it hold? -------------------------------------------------------------------------------------------------------------


def kept_back(book: Book) -> int:
    """How many months are kept back for the test: HOLDOUT, or a third of the months since the first sale where that is less."""
    known = pd.Period(book.month, "M") - pd.Period(book.months[0], "M")
    return min(HOLDOUT, (known.n + 1) // 3)


@remembered
def holdout(book: Book, months: int | None = None) -> pd.DataFrame:
    """Fitted without the last months, how many purchases does the model expect in them, and how many came?

    One row per number of repeat purchases before (`5 or more` together), and `all`: before, customers, expected, came (purchases in the
    months kept back), each_expected, each_came. Only customers who had bought by then. Empty without a model for that time.
    """
    months = kept_back(book) if months is None else months
    model = bg_nbd(book, months) if months else None
    columns = ["before", "customers", "expected", "came", "each_expected", "each_came"]
    if model is None:
        return pd.DataFrame(columns=columns)
    month = book.months_back(months + 1)[0]
    cut = pd.Period(month, "M").end_time.date()
    weeks = (book.last_day.date() - cut).days / WEEK
    lives = histories(book, months)
    about = (lives["x"], lives["t_x"] / WEEK, lives["T"] / WEEK)
    lives = lives.assign(expected=expected_purchases(model, weeks, *about) * lives["customers"])
    came = book.sql(
        f"""select x, cast(sum(came) as bigint) as came from {_lives(book, months)} left join
                (select customer_id, sum(purchases) as came from customer_months where month > $month and month <= $until and {{scope}}
                 group by customer_id) using (customer_id) group by x order by x""",
        month=month, until=book.month,
    )  # fmt: skip
    frame = lives.groupby("x", as_index=False)[["customers", "expected"]].sum().merge(came, on="x", how="left").fillna({"came": 0})
    frame["before"] = frame["x"].map(lambda x: str(int(x)) if x < 5 else "5 or more")
    frame = frame.groupby("before", as_index=False, sort=False)[["customers", "expected", "came"]].sum()
    total = frame[["customers", "expected", "came"]].sum().to_frame().T.assign(before="all")
    frame = pd.concat([frame, total], ignore_index=True).astype({"customers": "int64", "came": "int64"})
    return frame.assign(each_expected=ratio(frame["expected"], frame["customers"]), each_came=ratio(frame["came"], frame["customers"]))[
        columns
    ]


@remembered
def tracking(book: Book, months: int | None = None) -> pd.DataFrame:
    """Month by month, the repeat purchases of those who had bought before the cut: what the model of that time says, and what came.

    Columns: month, what (`expected`, `came`), purchases, kept_back (true after the cut). Empty without a model for that time.
    """
    months = kept_back(book) if months is None else months
    model = bg_nbd(book, months) if months else None
    if model is None:
        return pd.DataFrame(columns=["month", "what", "purchases", "kept_back"])
    cut = book.months_back(months + 1)[0]
    who = _lives(book, months)
    firsts = book.sql(f"select first_day, count(*) as customers from {who} group by 1 order by 1")
    came = book.sql(
        f"""select month, cast(sum(purchases) as bigint) as purchases from customer_months semi join {who} using (customer_id)
            where month <= $until and {{scope}} group by 1 order by 1""",
        until=book.month,
    ).set_index("month")["purchases"]
    start = pd.to_datetime(firsts["first_day"])
    won = firsts["customers"].groupby(start.dt.strftime("%Y-%m")).sum()
    every = [str(month) for month in pd.period_range(book.months[0], book.month, freq="M")]
    ends = [pd.Period(month, "M").end_time.normalize() for month in every]
    sums = [float((firsts["customers"] * anybody(model, (end - start).dt.days.clip(lower=0) / WEEK)).sum()) for end in ends]
    parts = {
        "expected": np.diff([0.0, *sums]),
        "came": (came.reindex(every).fillna(0) - won.reindex(every).fillna(0)).to_numpy(float),
    }
    made = [pd.DataFrame({"month": every, "what": what, "purchases": values}) for what, values in parts.items()]
    return pd.concat(made, ignore_index=True).assign(kept_back=lambda f: f["month"] > cut)


def _doubt(frame: pd.DataFrame, least: float = 0.1) -> str:
    """How far the model was off, in words, where it was by more than `least` of what came. frame: holdout.

    >>> tests = pd.DataFrame({"before": ["1", "all"], "expected": [90.0, 130.0], "came": [60, 100]})
    >>> _doubt(tests), _doubt(tests, 0.4), _doubt(tests.head(0))
    ('30.0% too high', '', '')
    """
    whole = frame[frame["before"] == "all"]
    off = ratio(whole["expected"] - whole["came"], whole["came"].astype(float))
    told = off[off.abs() > least]
    return f"{percent(abs(told.iloc[0]))} too {'high' if told.iloc[0] > 0 else 'low'}" if len(told) else ""


def holdout_said(book: Book, frame: pd.DataFrame) -> str:
    """How far was the model off in the months that it had not seen? frame: holdout."""
    if frame.empty:
        return "There is too little history to keep some of it back, so the model could not be tested here."
    whole = frame[frame["before"] == "all"].iloc[0]
    said = f"Fitted without the last {count(kept_back(book), 'month')}, the model expected {number(whole['expected'])} purchases in them of"
    said += f" {count(whole['customers'], 'customer')}; {number(whole['came'])} came"
    off = _doubt(frame, 0.0)
    return said + (f", so it was {off}." if off else ".") + (" Read what it expects from now on with the same doubt." if _doubt(frame) else "")


# ---- what it comes to ----------------------------------------------------------------------------------------------------------


def verdicts(book: Book) -> pd.DataFrame:
    """The decisions about customers, as `decide` gives them."""
    return decide(book, "customers")


def verdicts_said(book: Book, found: pd.DataFrame) -> str:
    """What fires for customers, and what the model adds to it? found: verdicts."""
    if found.empty:
        facts = at_risk(book)
        if facts.empty:
            return no_ids_said(book) or "Nobody has come back within the year yet, so nobody can be at risk."
        share, most = facts["at_risk_share"].iloc[0], book.policy.customer.max_at_risk_share
        return (
            f"No rule fires: {percent(share)} of those who came back within the year stay away, and the policy's line is {percent(most)}."
        )
    first = found.iloc[0]
    said = f"{number(first['value'] * first['sample_size'])} of {count(first['sample_size'], 'customer')} who came back within the year stay away"
    said += f" ({percent(first['value'])}, with an interval from {percent(first['low'])} to {percent(first['high'])})."
    ahead = expected(book).set_index("segment")
    if "at_risk" in ahead.index and pd.notna(ahead.loc["at_risk", "next_month"]):
        gone = 1 - ahead.loc["at_risk", "alive"] / ahead.loc["at_risk", "customers"]
        said += f" They used to leave {money(first['money_at_stake'], book.currency)} a month; the model, which takes {percent(gone)} of them for gone,"
        said += f" still expects {money(ahead.loc['at_risk', 'next_month'], book.currency)}. The difference is the most that calls could win back."
    return said


def answer(book: Book) -> list[str]:
    """Who brought the month's contribution, who stays away, what is still to come, and the decision, in words."""
    if not known(book):
        return [no_ids_said(book)]
    found = verdicts(book)
    said = [kinds_said(book, kinds(book)), watched_said(book, watched(book)), expected_said(book, expected(book))]
    if doubt := _doubt(holdout(book)):
        said.append(f"In a test on months that it had not seen, the model behind this was {doubt}: read it with the same doubt.")
    return [*said, sentence(found.iloc[0], book.currency) if len(found) else verdicts_said(book, found)]
