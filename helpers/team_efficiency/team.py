"""Teams and people: what they bring and cost, never a verdict on a person."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.book import Book
from helpers.contract import NOBODY, BadInput
from helpers.facts import facts, new_customers, people_ladder, productivity
from helpers.ratios import ratio
from helpers.text import join_names, money, number, percent

FEW_HEADS = 0.25  # a smaller change of FTE says nothing about what a person more brings


# ---- who ------------------------------------------------------------------------------------------------------------------------


def names(book: Book, mask_names: bool = False) -> pd.Series:
    """What to call each person on a page: by employee_id, the name (the id where there is none), or with `mask_names` a letter.

    Letters go by the first month in which a person appears, then by a scramble of the id: they are the same in every month, store
    and section, and newcomers come last. They hide names from a reader, not from someone who knows who sells what.
    Raises BadInput when mask_names is neither True nor False.
    """
    if not isinstance(mask_names, bool):
        raise BadInput(f"mask_names must be True or False, not {mask_names!r}")
    everyone = book.sql(
        """select entity, min(month) as first, max(name) as name from (
               select employee_id as entity, null as month, name from employees
               union all select employee_id, substr(cast(month as varchar), 1, 7), null from staffing
               union all select employee_id, month, null from ledger
               union all select employee_id, substr(cast(date as varchar), 1, 7), null from activities
               union all select employee_id, substr(cast(month as varchar), 1, 7), null from appraisals
               union all select entity, substr(cast(month as varchar), 1, 7), null from targets where level = 'employee')
           where entity <> '' group by entity order by entity"""
    ).set_index("entity")
    if mask_names:
        scrambled = [hashlib.sha256(entity.encode()).hexdigest() for entity in everyone.index]
        order = everyone.assign(first=everyone["first"].fillna("9999"), scrambled=scrambled).sort_values(["first", "scrambled"]).index
        return pd.Series([letters(i) for i in range(len(order))], index=order, dtype=object).sort_index()
    shown = everyone["name"].where(everyone["name"].fillna("") != "", everyone.index.to_series()).astype(object)
    return shown.where(~shown.duplicated(keep=False), shown + " (" + everyone.index + ")").rename(None)


def _count(how_many: int, noun: str) -> str:
    return f"{number(how_many)} {noun}{'' if how_many == 1 else 's'}"


def letters(place: int) -> str:
    """The place-th name of a masked person, from 0.

    >>> letters(0), letters(25), letters(26), letters(701), letters(702)
    ('A', 'Z', 'AA', 'ZZ', 'AAA')
    """
    tail = chr(ord("A") + place % 26)
    return tail if place < 26 else letters(place // 26 - 1) + tail


def about_people(decisions: Sequence[pd.DataFrame], who: pd.Series) -> pd.DataFrame:
    """Those of the frames of `decide` that are about company, stores, teams and people, as one; people called as in `who`."""
    every = pd.concat(decisions, ignore_index=True)
    mine = every[(every["area"] == "team") | ((every["area"] == "target") & every["level"].isin(["team", "employee"]))]
    called = mine["entity"].map(who).astype(object).where(mine["level"] == "employee")
    renamed = {
        "name": called.fillna(mine["name"]),
        "entity": called.fillna(mine["entity"]),
        "owner": mine["owner"].map(who).astype(object).fillna(""),
    }
    return mine.assign(**renamed).sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


def read_decisions(decisions: pd.DataFrame, currency: str) -> str:
    """How many rules fired and which has most at stake, in a sentence. A verdict on a person is a reason to look, and says so."""
    if decisions.empty:
        return "no rule fired for company, stores, teams or people."
    first, people = decisions.iloc[0], (decisions["level"] == "employee").sum()
    name = first["name"] if first["level"] == "company" else f"{first['level']} {first['name']}"
    said = f"{_count(len(decisions), 'finding')}, {people} of them a reason to look at what was asked of a person."
    said += f" Most is at stake with {name}"
    return f"{said}: {first['verdict'].replace('_', ' ')}, {money(first['money_at_stake'], currency)} a month; {first['action']}."


def explanations(decisions: pd.DataFrame) -> pd.DataFrame:
    """What may excuse each rule that fired, before anyone draws a conclusion: rule, fired (how often), innocent_explanation."""
    fired = decisions.groupby("rule", sort=False).agg(fired=("entity", "size"), innocent_explanation=("innocent", "first")).reset_index()
    return fired.assign(rule=fired["rule"].str.replace("_", " ")).explode("innocent_explanation", ignore_index=True)


def read_coverage(frame: pd.DataFrame) -> str:
    """How far can the profits of people be believed? A sentence on the part of their sales whose cost is known."""
    sales = frame["net_sales"].clip(lower=0)
    known = (frame["cost_coverage"] * sales).sum() / sales.sum() if sales.sum() > 1e-9 else np.nan
    if frame.empty:
        return "No sale names a person here, so what follows about people is empty."
    if np.isnan(known):
        return "No person's net sales are above zero this month, so it can't be told for which part of them the cost is known."
    doubt = "" if known > 0.9995 else "; the rest counts as if it had cost what it sold for, so profits are the least they can be"
    return f"The cost is known of {percent(known)} of the sales of people{doubt}."


# ---- profit per head --------------------------------------------------------------------------------------------------------------


def employers(book: Book) -> pd.DataFrame:
    """What do company, stores and teams earn per full-time person, on average and from the people who came or went?

    One row per company, store and team with staffing in the last 12 months (in a store's scope: the store and its teams): level,
    entity, who, mean_fte, months, profit_per_employee (a year), line (the policy's); more_fte and more_profit (a year), the
    later months' means less those of as many months before, with marginal = more_profit ÷ more_fte and its low and high (two
    standard errors of the months). Blank where FTE moved by less than FEW_HEADS or there are not twice three months.
    Then of the same 12 months: cost_a_year of one FTE, contribution_rate (contribution ÷ net sales), sales_a_year per FTE, and
    pays_for_itself: the part of those sales that one more person must bring to cover that cost.
    """
    months = book.months_back(24)
    rows = []
    for level in ("company", "store", "team"):
        if level == "company" and book.scope != "company" or "staffing" in book.missing:
            continue
        history = people_ladder(book, level, months)
        history = history[history["staffed"]]
        for head in productivity(book, level).to_dict("records"):
            part = history[history["entity"] == head["entity"]].set_index("month")
            year = part[part.index.isin(months[12:])]
            rows.append({"level": level} | head | _per_head(year, head["mean_fte"]) | marginal(part[["fte", "operating_profit"]]))
    frame = pd.DataFrame(rows, columns=["level", "entity", *_EMPLOYER]).rename(columns={"staffed_months": "months"})
    who = ["company" if level == "company" else f"{level} {entity}" for level, entity in zip(frame["level"], frame["entity"], strict=True)]
    frame.insert(2, "who", who)
    return frame.assign(line=book.policy.team.min_profit_per_employee)


_EMPLOYER = ["mean_fte", "staffed_months", "profit_per_employee", "cost_a_year", "contribution_rate", "sales_a_year", "pays_for_itself",
             "more_fte", "more_profit", "marginal", "low", "high"]  # fmt: skip


def _per_head(year: pd.DataFrame, mean_fte: float) -> dict:
    fte_years = mean_fte * len(year) / 12
    sums = year[["net_sales", "contribution", "payroll"]].sum()
    cost = -sums["payroll"] / fte_years if fte_years > 0 else np.nan
    return {
        "cost_a_year": cost,
        "contribution_rate": sums["contribution"] / sums["net_sales"] if sums["net_sales"] > 1e-9 else np.nan,
        "sales_a_year": sums["net_sales"] / fte_years if fte_years > 0 else np.nan,
        "pays_for_itself": cost / (sums["contribution"] / fte_years) if fte_years > 0 and sums["contribution"] > 1e-9 else np.nan,
    }


def against_line(employers: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """Profit per employee of each employer with the interval that its decision carries: who, profit_per_employee, line, low, high."""
    ends = decisions.loc[decisions["metric"] == "profit_per_employee", ["level", "entity", "low", "high"]]
    keys = {"level": object, "entity": object}  # an empty frame has no types of its own
    mine = employers[["level", "entity", "who", "profit_per_employee", "line"]].astype(keys)
    return mine.merge(ends.astype(keys), on=["level", "entity"], how="left")


def read_employers(frame: pd.DataFrame, currency: str) -> str:
    """The frame of `employers` in a sentence: the first row, then the weakest and the strongest of the others."""
    if frame.empty:
        return "Without staffing nobody can say what a full-time person earns."
    first, others = frame.iloc[0], frame.iloc[1:].sort_values("profit_per_employee", kind="stable")
    said = f"{first['who']} earned {money(first['profit_per_employee'], currency)} a year for each full-time person,"
    said += f" with {number(first['mean_fte'], 2)} FTE over {_count(first['months'], 'month')}"
    said += f", against a line of {money(first['line'], currency)}."
    if first["months"] < 12:
        said += " Fewer than twelve months were scaled to a year."
    if len(others) > 1:
        low, high = others.iloc[0], others.iloc[-1]
        said += f" Lowest: {low['who']} with {money(low['profit_per_employee'], currency)};"
        said += f" highest: {high['who']} with {money(high['profit_per_employee'], currency)}."
    return said[0].upper() + said[1:]


def read_marginal(frame: pd.DataFrame, currency: str) -> str:
    """What the months with more people brought, in a sentence: how many can be told, and the best known of them."""
    known = frame.dropna(subset="marginal")
    unclear = f"For {len(frame) - len(known)} of {len(frame)} it cannot be told: too few months, or FTE moved by less than {FEW_HEADS}."
    if known.empty:
        return unclear if len(frame) else "Without staffing there is nothing to compare."
    row = known.loc[known["more_fte"].abs().idxmax()]
    said = f"{row['who']}: {number(row['more_fte'], 2)} FTE more came with {money(row['more_profit'], currency)}"
    said += f" more operating profit a year, {money(row['marginal'], currency)} for each"
    said += f" ({money(row['low'], currency)} to {money(row['high'], currency)})."
    return f"{said[0].upper()}{said[1:]} {unclear}"


def read_next(frame: pd.DataFrame, currency: str) -> str:
    """What one more person must bring, in a sentence about the first row that has a cost and a contribution."""
    known = frame.dropna(subset="pays_for_itself")
    if known.empty:
        return "Without staffing costs, or with contributions below zero, no volume of sales pays for one more person."
    row = known.iloc[0]
    said = (
        f"One more full-time person costs {row['who']} {money(row['cost_a_year'], currency)} a year, and each 100 of net sales contributes"
    )
    said += f" {number(row['contribution_rate'] * 100, 1)}: they pay for themselves"
    said += f" with {money(row['cost_a_year'] / row['contribution_rate'], currency)}"
    return f"{said} of sales, {percent(row['pays_for_itself'], 0)} of what an FTE is behind now."


def marginal(history: pd.DataFrame) -> dict:
    """What did the months with more people bring a year for each FTE more? Later half of the months less the earlier half.

    history: fte and operating_profit by month. Keys: more_fte, more_profit, marginal, low, high; blank where it cannot be told.
    What else changed between the halves is in it: this is a difference, not an effect.

    >>> half = {"fte": [1.0] * 3 + [2.0] * 3, "operating_profit": [10.0] * 3 + [15.0] * 3}
    >>> marginal(pd.DataFrame(half, index=range(6)))
    {'more_fte': 1.0, 'more_profit': 60.0, 'marginal': 60.0, 'low': 60.0, 'high': 60.0}
    """
    half = len(history) // 2
    late, early = history.sort_index().iloc[-half:], history.sort_index().iloc[-2 * half : -half]
    blank = {"more_fte": np.nan, "more_profit": np.nan, "marginal": np.nan, "low": np.nan, "high": np.nan}
    if half < 3:
        return blank
    more_fte, more_profit = (late.mean() - early.mean())[["fte", "operating_profit"]]
    found = blank | {"more_fte": float(more_fte), "more_profit": float(more_profit * 12)}
    if abs(more_fte) < FEW_HEADS:
        return found
    error = 12 * np.sqrt((late["operating_profit"].var() + early["operating_profit"].var()) / half)
    ends = sorted((more_profit * 12 + side * 2 * error) / more_fte for side in (-1, 1))
    return found | {"marginal": float(more_profit * 12 / more_fte), "low": float(ends[0]), "high": float(ends[1])}


# ---- teams and people in the month ------------------------------------------------------------------------------------------------


def teams(book: Book) -> pd.DataFrame:
    """Teams of the month: who, fte, orders, net_sales, contribution, operating_profit and more; without the unassigned."""
    frame = facts(book, "team")
    return _columns(frame[frame["entity"] != NOBODY["team"]].assign(who=frame["entity"]), _TEAM)


def people(book: Book, who: pd.Series) -> pd.DataFrame:
    """People with sales, refunds or a target in the month, called as in `who`; without the unassigned.

    Columns: entity, who, team, fte, orders, net_sales, contribution, operating_profit (overheads shared by FTE), cost_coverage,
    attainment (net sales ÷ target), discount_share (of gross sales), per_fte (contribution ÷ FTE), new_customers (first-time
    buyers). What has no source is blank; new_customers also where no line names a customer.
    """
    frame = facts(book, "employee")
    frame = frame[frame["entity"] != NOBODY["employee_id"]]
    team = book.sql("select employee_id, team from teams where month = $month", month=book.month).set_index("employee_id")["team"]
    buyers = new_customers(book, "employee").set_index("entity")["new_customers"]
    frame = frame.assign(
        who=frame["entity"].map(who),
        team=frame["entity"].map(team).fillna("no staffing"),
        discount_share=ratio(-frame["discounts"], frame["gross_sales"]),
        per_fte=ratio(frame["contribution"], frame["fte"]),
        new_customers=frame["entity"].map(buyers).fillna(0.0 if len(buyers) else np.nan),
    )
    sellers = (frame["orders"] > 0) | (frame["net_sales"] != 0) | (frame["attainment"].notna() if "attainment" in frame else False)
    return _columns(frame[sellers], _PERSON)


_TEAM = [
    "entity",
    "who",
    "fte",
    "orders",
    "net_sales",
    "contribution",
    "operating_profit",
    "cost_coverage",
    "attainment",
    "profit_per_employee",
]
_PERSON = ["entity", "who", "team", "fte", "orders", "net_sales", "contribution", "operating_profit", "cost_coverage", "attainment",
           "discount_share", "per_fte", "new_customers"]  # fmt: skip


def _columns(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return frame.reindex(columns=columns).sort_values(["net_sales", "entity"], ascending=[False, True], ignore_index=True)


def at_a_loss(book: Book, who: pd.Series) -> pd.DataFrame:
    """Sales targets of teams and people beside what their sales contribute, the least first.

    Columns: level, who, attainment, net_sales, discount_share, contribution, lossy (the target is met and the contribution is
    below zero, even if goods without a known cost had cost nothing), doubtful (it is, unless they did). Without a target in the month, no row.
    """
    rows = []
    for level in ("team", "employee"):
        frame = facts(book, level)
        if "attainment" in frame:
            rows.append(
                frame.assign(level=level, who=frame["entity"].map(who) if level == "employee" else frame["entity"]).dropna(
                    subset="attainment"
                )
            )
    columns = ["level", "who", "attainment", "net_sales", "discount_share", "contribution", "lossy", "doubtful"]
    if not rows:
        return pd.DataFrame(columns=columns).astype({"lossy": bool, "doubtful": bool})
    frame = pd.concat(rows, ignore_index=True)
    red = (frame["attainment"].round(9) >= book.policy.target.min_attainment) & (frame["contribution"] < 0)
    sure = (frame["contribution"] - frame["uncosted_sales"]).round(6) < 0
    frame = frame.assign(lossy=red & sure, doubtful=red & ~sure, discount_share=ratio(-frame["discounts"], frame["gross_sales"]))[columns]
    return frame.sort_values(["contribution", "who"], ignore_index=True)


def read_at_a_loss(frame: pd.DataFrame, currency: str) -> str:
    """The frame of `at_a_loss` in a sentence."""
    if frame.empty:
        return "No team or person has a sales target on record in this month and scope."
    lossy, doubtful = frame[frame["lossy"]], int(frame["doubtful"].sum())
    doubt = f" Of {doubtful} more nobody knows, since the cost of goods is unknown." if doubtful else ""
    if lossy.empty:
        return f"None of {len(frame)} targets of teams and people was {'surely ' if doubt else ''}met at a loss.{doubt}"
    row = lossy.iloc[0]
    said = f"{len(lossy)} of {len(frame)} targets of teams and people met at a loss"
    said += f": {row['level']} {row['who']} reached {percent(row['attainment'])} of the target"
    return f"{said}, gave {percent(row['discount_share'])} of the list price away, and contributed {money(row['contribution'], currency)}.{doubt}"


def loose_ends(book: Book, who: pd.Series) -> str:
    """What do views of people leave out? One sentence: sales of nobody, people without staffing, people without sales."""
    frame = facts(book, "employee")
    nobody = frame[frame["entity"] == NOBODY["employee_id"]]
    named = frame[frame["entity"] != NOBODY["employee_id"]]
    share = nobody["net_sales"].sum() / frame["net_sales"].sum() if frame["net_sales"].sum() > 1e-9 else np.nan
    said = [
        f"Net sales of {money(nobody['net_sales'].sum(), book.currency)} ({percent(share)} of all)"
        " belong to nobody and are in no rank of people"
    ]
    sold = named["orders"] > 0
    unstaffed, idle = named[sold & (named["fte"] == 0)], named[~sold & (named["fte"] > 0)]
    if "staffing" in book.missing:
        said.append("without the table staffing nobody has a team, a cost or an FTE")
    elif len(unstaffed):
        said.append(f"sales but no staffing in this scope and month: {join_names(unstaffed['entity'].map(who), 12)}")
    if len(idle):
        said.append(f"staffing but no order of their own, as people who serve others have: {join_names(idle['entity'].map(who), 12)}")
    return "; ".join(said) + "."


# ---- work beside results ----------------------------------------------------------------------------------------------------------


def activity(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """What work is on record beside what it brought? A row per person of `frame` (as of `people`).

    Columns: entity, who, days (with a record in the month), contacts_per_day, minutes_per_contact, new_reported and lost_reported
    (customers, by the person's own record), contribution, contribution_per_contact. Without a record, blanks: unknown, not nothing done.
    """
    records = book.sql(
        """select employee_id as entity, count(distinct date) as days, cast(sum(customers_contacted) as double) as contacts,
                  cast(sum(contact_minutes) as double) as minutes, cast(sum(new_customers) as double) as new_reported,
                  cast(sum(lost_customers) as double) as lost_reported
           from activities where date between $first and $last group by employee_id order by employee_id""",
        first=book.first_day.date(), last=book.last_day.date(),
    )  # fmt: skip
    both = frame[["entity", "who", "contribution"]].merge(records, on="entity", how="left")
    return both.assign(
        contacts_per_day=ratio(both["contacts"], both["days"]),
        minutes_per_contact=ratio(both["minutes"], both["contacts"]),
        contribution_per_contact=ratio(both["contribution"], both["contacts"]),
        days=both["days"].fillna(0).astype(int),
    )[
        [
            "entity",
            "who",
            "days",
            "contacts_per_day",
            "minutes_per_contact",
            "new_reported",
            "lost_reported",
            "contribution",
            "contribution_per_contact",
        ]
    ]


def read_records(frame: pd.DataFrame) -> str:
    """Whose work is not on record, in a sentence."""
    silent = frame.loc[frame["days"] == 0, "who"]
    if len(silent) == len(frame):
        return ""
    return f" Without any record in the month: {join_names(silent, 12)} ({len(silent)} of {len(frame)} people)."


def appraisals(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """How is each person of `frame` seen, and do the raters agree? The last round on or before the month.

    Columns: entity, who, round, raters, cooperation, enthusiasm, loyalty (means, 1 to 5), overall (their mean), spread (highest
    less lowest rater's mean of the three: how far the raters are apart; blank with one rater), contribution. Only people with a rating.
    """
    ratings = book.sql(
        """select substr(cast(a.month as varchar), 1, 7) as round, employee_id as entity, rater, cast(cooperation as double) as cooperation,
                  cast(enthusiasm as double) as enthusiasm, cast(loyalty as double) as loyalty
           from appraisals a
           join (select employee_id, max(month) as month from appraisals where month <= $first group by employee_id)
                using (employee_id, month)
           order by entity, rater""",
        first=book.first_day.date(),
    )
    traits = ["cooperation", "enthusiasm", "loyalty"]
    ratings = ratings.assign(overall=ratings[traits].mean(axis=1))
    means = ratings.groupby("entity").agg(
        round=("round", "first"), raters=("rater", "nunique"), **{name: (name, "mean") for name in [*traits, "overall"]}
    )
    by_rater = ratings.groupby(["entity", "rater"])["overall"].mean().groupby("entity")
    means = means.assign(spread=(by_rater.max() - by_rater.min()).where(means["raters"] > 1))
    columns = ["entity", "who", "round", "raters", *traits, "overall", "spread", "contribution"]
    return frame[["entity", "who", "contribution"]].merge(means.reset_index(), on="entity")[columns]


def read_spread(frame: pd.DataFrame) -> str:
    """Do raters agree more than people differ? In a sentence."""
    known = frame.dropna(subset="spread")
    if known.empty:
        return " Nobody has two raters, so it cannot be told how far raters agree."
    gap = frame["overall"].max() - frame["overall"].min()
    verdict = (
        "raters of one person differ less than people do"
        if known["spread"].mean() < gap / 2
        else "raters of one person differ about as much as people do"
    )
    return (
        f" Raters of the same person are {number(known['spread'].mean(), 2)} apart on average,"
        f" and {number(gap, 2)} lie between the best and the worst mean of {len(frame)} people: {verdict}."
    )


def go_together(frame: pd.DataFrame, left: str, right: str) -> tuple[float, float, int]:
    """Do two measures rank people alike? Spearman's correlation, the size that chance alone exceeds once in twenty, and the people.

    The limit is 1.96 ÷ √(n − 1), the usual approximation; blank below five people, where nothing can be told.

    >>> go_together(pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": [10.0, 20, 30, 40, 50]}), "a", "b")
    (1.0, 0.98, 5)
    """
    known = frame[[left, right]].astype(float).dropna()
    if len(known) < 5:
        return np.nan, np.nan, len(known)
    size = known[left].rank().corr(known[right].rank())
    return round(float(size), 12), float(1.96 / np.sqrt(len(known) - 1)), len(known)


def read_together(frame: pd.DataFrame, left: str, right: str) -> str:
    """The answer of `go_together` in a sentence."""
    size, limit, count = go_together(frame, left, right)
    pair = f"{left.replace('_', ' ')} and {right.replace('_', ' ')}"
    if np.isnan(size):
        return f"With {count} people who have both {pair} it cannot be told whether the two go together."
    verdict = "more than chance gives, which still is no cause" if abs(size) > limit else "no more than chance gives"
    said = f"The rank correlation of {pair} over {count} people is {number(size, 2)};"
    return f"{said} up to {number(limit, 2)} either way is chance, so this is {verdict}."
