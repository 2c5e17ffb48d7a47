"""What would each way of paying commission bring people and company, and what does it invite people to do?"""

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.facts import facts, month_targets
from helpers.policy import People
from helpers.text import join_names, money, percent, signed_money

SCHEMES = {
    "on_sales": "on net sales",
    "on_contribution": "on contribution",
    "capped": "on net sales, with a cap",
    "accelerated": "on net sales, faster beyond the target",
}
PULLED_DAYS = 3  # of next month, in the example of orders pulled forward


# ---- pay --------------------------------------------------------------------------------------------------------------------------


def sellers(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `team.people` with what pay depends on: the month's `target` of net sales (blank where none is above zero), `cost` of
    employing the person (blank without staffing) and `marketing` that their sales carry (a cost, so negative).

    Where less of their sales is costed than the policy's `min_cost_coverage`, the contribution of all is blank: nobody is paid on a guess.
    """
    numbers = ["net_sales", "contribution", "attainment", "cost_coverage", "orders"]
    frame = frame.astype(dict.fromkeys(numbers, float))  # an empty frame has no types of its own
    sales = frame["net_sales"].clip(lower=0)
    if (frame["cost_coverage"] * sales).sum() < book.policy.product.min_cost_coverage * sales.sum():
        frame = frame.assign(contribution=np.nan)
    targets = month_targets(book).query("level == 'employee' and metric == 'net_sales' and target > 0").set_index("entity")["target"]
    known = facts(book, "employee").set_index("entity")
    cost = -known["payroll"].where(known["payroll"] < 0)
    columns = {"target": targets, "cost": cost, "marketing": known["marketing"]}
    return frame.assign(**{name: frame["entity"].map(column).astype(float) for name, column in columns.items()})


def bases(frame: pd.DataFrame, policy: People) -> pd.DataFrame:
    """What is commission paid on? A row per person, a column per scheme.

    frame: net_sales, contribution, target. on_sales: net sales. on_contribution: contribution. capped: net sales up to `cap_attainment`
    times the target. accelerated: net sales, of which what is beyond the target counts `accelerator` times. Nobody pays in: below zero
    counts as zero. Who has no target has neither cap nor accelerator; where nobody has one, both are blank.

    >>> from helpers.policy import load_policy
    >>> two = pd.DataFrame({"net_sales": [1500.0, 200.0], "contribution": [50.0, 80.0], "target": [1000.0, np.nan]})
    >>> bases(two, load_policy().people).values.tolist()
    [[1500.0, 50.0, 1200.0, 2000.0], [200.0, 80.0, 200.0, 200.0]]
    """
    sales, contribution = (frame[name].astype(float).clip(lower=0) for name in ("net_sales", "contribution"))
    target = frame["target"].astype(float)
    goal = target.fillna(np.inf) if target.notna().any() else target
    capped, beyond = np.minimum(sales, policy.cap_attainment * goal), (sales - goal).clip(lower=0)
    return pd.DataFrame(
        {"on_sales": sales, "on_contribution": contribution, "capped": capped, "accelerated": sales + (policy.accelerator - 1) * beyond}
    )


def rates(frame: pd.DataFrame, policy: People) -> pd.Series:
    """The rate of each scheme at which it costs the company what `commission_rate` on net sales costs; blank where there is nothing to pay on.

    >>> from helpers.policy import load_policy
    >>> policy = load_policy({"people": {"commission_rate": 0.13}}).people
    >>> two = pd.DataFrame({"net_sales": [1000.0, 200.0], "contribution": [50.0, 80.0], "target": [1000.0, 100.0]})
    >>> rates(two, policy).round(4).to_dict()
    {'on_sales': 0.13, 'on_contribution': 1.2, 'capped': 0.1393, 'accelerated': 0.12}
    """
    totals = bases(frame, policy).sum(min_count=1)
    return (policy.commission_rate * totals["on_sales"] / totals.where(totals > 1e-9)).round(12)


def pay(frame: pd.DataFrame, policy: People) -> pd.DataFrame:
    """What would each scheme pay each person in the month, all at the same cost to the company? frame: as of `sellers`.

    Columns: who, net_sales, contribution, attainment, a column per scheme, line (`min_commission_share` of what employing the person
    costs; blank without staffing), below (the schemes under which their pay stays below it, in words; blank where the line is unknown).
    """
    paid = bases(frame, policy) * rates(frame, policy)
    line = policy.min_commission_share * frame["cost"]
    under = [[SCHEMES[name] for name in SCHEMES if paid.at[i, name] < line[i] - 1e-9] for i in frame.index]
    words = ["all" if each and len(each) == paid.notna().any().sum() else "; ".join(each) for each in under]
    return frame[["who", "net_sales", "contribution", "attainment"]].join(paid).assign(line=line, below=words)


def schemes(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """What does each scheme cost and leave, on this month's orders? frame: as of `sellers`; a row per scheme.

    Columns: scheme, rate (all schemes at the same cost), cost, profit (operating profit of the scope less that cost: the same for all, so
    nothing but behaviour can tell them apart; blank where less of the sales is costed than `min_cost_coverage`), cost_at_one_rate and
    profit_at_one_rate (with `commission_rate` on each base instead), below_line (people whose pay stays under their line), of_people (whose line is known).
    """
    policy = book.policy.people
    known = facts(book, "company" if book.scope == "company" else "store").set_index("entity").loc[book.scope]
    earned = known["operating_profit"] if known["cost_coverage"] >= book.policy.product.min_cost_coverage else np.nan
    base, rate, paid = bases(frame, policy), rates(frame, policy), pay(frame, policy)
    rows = []
    for name, words in SCHEMES.items():
        cost, plain = (base[name] * rate[name]).sum(min_count=1), base[name].sum(min_count=1) * policy.commission_rate
        known = paid["line"].notna() & paid[name].notna()
        rows.append({
            "scheme": words, "rate": rate[name], "cost": cost, "profit": earned - cost, "cost_at_one_rate": plain,
            "profit_at_one_rate": earned - plain, "below_line": int((known & (paid[name] < paid["line"] - 1e-9)).sum()),
            "of_people": int(known.sum()),
        })  # fmt: skip
    return pd.DataFrame(rows)


def invitations(book: Book, frame: pd.DataFrame, below: pd.DataFrame) -> pd.DataFrame:
    """What does each scheme invite people to do, with a figure of this month? frame: as of `sellers`; below: as of `chasing.below_zero`.

    Columns: scheme, invites, this_month (a sentence). People need not do it; the scheme pays them for it.
    """
    rate = rates(frame, book.policy.people)
    says = [_discounting(book, frame, below), _quarrel(book, frame, rate), _sandbagging(book, frame, rate), _pulling(book, frame, rate)]
    invites = ["discounts at the company's expense", "refusing thin orders; disputes about costs that others set",
               "holding orders back once the cap is reached", "pulling next month's orders into this one"]  # fmt: skip
    return pd.DataFrame({"scheme": list(SCHEMES.values()), "invites": invites, "this_month": says})


def _discounting(book: Book, frame: pd.DataFrame, below: pd.DataFrame) -> str:
    rate, mine = book.policy.people.commission_rate, below[(below["level"] == "employee") & (below["below"] > 0)]
    if len(mine):
        count = mine["below"].sum()
        said = f"{count:,} order{'' if count == 1 else 's'} sold below zero lost {money(-mine['lost'].sum(), book.currency)}"
        return f"{said} and would have paid their sellers {money(rate * mine['sold'].sum(), book.currency)}."
    orders = frame["orders"].sum()
    if not orders or not frame["net_sales"].sum() > 0:
        return "No order of a person to show it on."
    tenth = frame["net_sales"].sum() / orders / 10
    return f"A tenth off the mean order costs the company {money(tenth, book.currency)} and its seller {money(rate * tenth, book.currency, 2)}."


def _quarrel(book: Book, frame: pd.DataFrame, rate: pd.Series) -> str:
    if np.isnan(rate["on_contribution"]):
        return "No contribution above zero is known to be paid on."
    paid_on = frame.loc[frame["contribution"] > 0, "marketing"].sum()
    taken = -paid_on * rate["on_contribution"]
    return f"{money(-paid_on, book.currency)} of marketing that others spend would take {money(taken, book.currency)} off their pay."


def _sandbagging(book: Book, frame: pd.DataFrame, rate: pd.Series) -> str:
    policy = book.policy.people
    cap = policy.cap_attainment * frame["target"]
    if cap.isna().all():
        return "Without targets there is no cap."
    over = (frame["net_sales"] - cap).clip(lower=0).fillna(0.0)
    if not (over > 0).any():
        near = frame.loc[(frame["net_sales"] / frame["target"]).idxmax()]
        left = policy.cap_attainment * near["target"] - near["net_sales"]
        return f"Nobody reached the cap; {near['who']} comes nearest, {money(left, book.currency)} of sales below it."
    who = frame[over > 0]
    kept = (over * (frame["contribution"] / frame["net_sales"].where(frame["net_sales"] > 0)).clip(lower=0)).sum()
    said = f"{join_names(who['who'])} sold {money(over.sum(), book.currency)} beyond it for nothing; kept for next month, these orders pay"
    said += f" {money(rate['capped'] * over.sum(), book.currency)} and leave this month {money(kept, book.currency)} of contribution short."
    return said


def _pulling(book: Book, frame: pd.DataFrame, rate: pd.Series) -> str:
    target = frame["target"]
    if target.isna().all():
        return "Without targets there is no accelerator."
    fast = frame[frame["net_sales"] >= target]
    if fast.empty:
        near = frame.loc[(frame["net_sales"] / target).idxmax()]
        left = money(near["target"] - near["net_sales"], book.currency)
        return f"Nobody reached the target; {near['who']} would first have to pull {left} forward."
    pulled = fast["net_sales"].sum() * PULLED_DAYS / book.last_day.day
    more = rate["accelerated"] * (book.policy.people.accelerator - 1) * pulled
    said = f"{join_names(fast['who'])} would earn {money(more, book.currency)} more by booking {PULLED_DAYS} days of next month"
    return f"{said} ({money(pulled, book.currency)}) early, and the company nothing."


# ---- what people read -------------------------------------------------------------------------------------------------------------


def read_pay(frame: pd.DataFrame, book: Book) -> str:
    """The frame of `sellers` in a sentence: what contribution pays instead of sales, and who would gain and lose most."""
    policy = book.policy.people
    paid, rate = pay(frame, policy), rates(frame, policy)
    if frame.empty:
        return "No sale names a person here, so there is nobody to pay."
    if np.isnan(rate["on_sales"]):
        return "Nobody's net sales are above zero, so there is nothing that commission could be paid on."
    if np.isnan(rate["on_contribution"]):
        unknown = frame["contribution"].isna().all()
        why = "Too few of the sales of people have a known cost" if unknown else "Nobody has a contribution above zero to share"
        return f"{why}, so no commission on contribution can cost what one on sales does."
    change = paid["on_contribution"] - paid["on_sales"]
    gains, loses = change.idxmax(), change.idxmin()
    said = f"{percent(rate['on_sales'])} of net sales and {percent(rate['on_contribution'])} of contribution cost the same"
    said += f" {money(paid['on_sales'].sum(), book.currency)}."
    said += f" {(change > 0.005).sum()} would gain, most {paid['who'][gains]} ({signed_money(change[gains], book.currency)});"
    return f"{said} {(change < -0.005).sum()} would lose, most {paid['who'][loses]} ({signed_money(change[loses], book.currency)})."


def read_schemes(book: Book, frame: pd.DataFrame) -> str:
    """The frame of `schemes` in a sentence: what is left of the profit, and how many stay below the participation line where."""
    share = percent(book.policy.people.min_commission_share, 0)
    one = frame.dropna(subset="cost")
    if one.empty:
        return "Nobody sold anything that commission could be paid on."
    first = one.iloc[0]
    left = f"{money(first['profit'], book.currency)} of operating profit as long as nobody sells differently"
    left = "a profit that can't be told, since too few of the sales have a known cost" if np.isnan(first["profit"]) else left
    said = f"At the same cost of {money(first['cost'], book.currency)} every scheme leaves {left}."
    known = one[one["of_people"] > 0]
    if known.empty:
        return f"{said} Without staffing nobody's participation line ({share} of the cost of employing them) is known."
    most, least = known.loc[known["below_line"].idxmax()], known.loc[known["below_line"].idxmin()]
    said += f" Commission below {share} of the cost of employing them, the line under which it hardly moves anyone:"
    return (
        f"{said} {most['below_line']} of {most['of_people']} people {most['scheme']}, {least['below_line']} {least['scheme']}."
        if most["below_line"] > least["below_line"]
        else f"{said} {most['below_line']} of {most['of_people']} people under every scheme."
    )
