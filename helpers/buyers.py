"""Buyers, known by their id only: where each stands when a month begins and ends, and how many stay away."""

from statistics import NormalDist

import pandas as pd

from helpers.book import Book, remembered
from helpers.ledger import segment_sql
from helpers.ratios import wilson

CONTRIBUTION = "cm2 + marketing + commissions"


def known(book: Book) -> bool:
    """Has anybody bought with a customer id, up to the end of the month? Without ids nothing here can be told."""
    return bool(book.sql("select count(*) as n from customer_months where month <= $month and {scope}", month=book.month)["n"][0])


def no_ids_said(book: Book) -> str:
    """What is missing where no order line names its buyer; else blank."""
    return "" if known(book) else "No order line has a customer_id, a column of order_lines: it would switch on everything about customers."


def standing(book: Book) -> str:
    """The name of a table with a row per customer who has bought by the end of the month; in a store's scope, in that store.

    customer_id; first_day, last_day: of purchases in any store; was: segment when the month began, `new` for those who came in it;
    now: segment at its end, which is next month's; bought: purchases in the month; month_contribution: of the month;
    year_net, year_contribution, purchases: of the twelve months that end with it; before_contribution: of the twelve before
    it; x (repeat purchases), t_x (days from the first to the last), T (days from the first to the month's end), ever_net: of all time.
    Purchases and money are those in the scope; segments look at all stores.
    """
    year, before = book.months_back(12)[0], book.months_back(13)[0]
    sums = {
        "bought": ("purchases", "month = $month"),
        "month_contribution": (CONTRIBUTION, "month = $month"),
        "year_net": ("net_sales", "month >= $year"),
        "year_contribution": (CONTRIBUTION, "month >= $year"),
        "purchases": ("purchases", "month >= $year"),
        "before_contribution": (CONTRIBUTION, "month >= $before and month < $month"),
    }
    scoped = ", ".join(f"coalesce(sum({what}) filter (where {when} and {{scope}}), 0) as {column}" for column, (what, when) in sums.items())
    ends = {"was": ("month >= $before and month < $month", "month < $month", "$start"), "now": ("month >= $year", "true", "$next")}
    windows = ", ".join(
        f"""coalesce(sum(purchases) filter (where {within}), 0) as {end}_purchases, coalesce(sum(net_sales) filter (where {within}), 0)
            as {end}_spent, max(last_day) filter (where {until}) as {end}_last_day""" for end, (within, until, _) in ends.items()
    )  # fmt: skip
    was, now = (segment_sql(book.policy, f"{end}_", f"cast({since} as date)") for end, (_, _, since) in ends.items())
    query = f"""
        with lives as (select customer_id, min(first_day) as first_day, max(last_day) as last_day, {scoped}, {windows},
                              coalesce(sum(purchases) filter (where {{scope}}), 0) as ever, sum(net_sales) filter (where {{scope}}) as ever_net,
                              min(first_day) filter (where {{scope}}) as first_here, max(last_day) filter (where {{scope}}) as last_here
                       from customer_months where month <= $month group by customer_id),
        typical as (select count(*) filter (where was_purchases > 0) as was_customers, sum(was_spent) as was_spent_by_all,
                           count(*) filter (where now_purchases > 0) as now_customers, sum(now_spent) as now_spent_by_all from lives)
        select customer_id, first_day, last_day, {", ".join(sums)}, cast(ever - 1 as integer) as x, cast(last_here - first_here as integer) as t_x,
               cast(cast($next as date) - 1 - first_here as integer) as T, ever_net,
               case when first_day >= cast($start as date) then 'new' else {was} end as was, {now} as now
        from lives, typical where ever > 0 and first_day is not null"""
    days = {"start": book.first_day.date(), "next": (book.last_day + pd.Timedelta(days=1)).date()}
    return book.table("standing", query, month=book.month, year=year, before=before, **days)


@remembered
def members(book: Book) -> pd.DataFrame:
    """How many customers stand in each segment when the month is over? entity (the segment), members."""
    return book.sql(f"select now as entity, count(*) as members from {standing(book)} group by 1 order by 1")


@remembered
def at_risk(book: Book) -> pd.DataFrame:
    """Facts for the rule on customers at risk: one row, level `segment`, entity `at_risk`; empty where nobody came back in the year.

    customers (who came back within the year: champions, loyal and at risk at the month's end), at_risk_share (of them, by number), low and
    high (interval of the share after Wilson 1927), expected_contribution (a twelfth of what those at risk brought in the twelve months
    that end with the month), sample_size.
    """
    # As `standing` has it, but of the year's buyers only: whoever fired in earlier months asks this for each of them.
    here = (
        ""
        if book.scope == "company"
        else "where customer_id in (select customer_id from customer_months where month <= $month and purchases > 0 and {scope})"
    )
    counts = book.sql(
        f"""with buyers as (select customer_id, sum(purchases) as purchases, sum(net_sales) as spent, max(last_day) as last_day,
                                   coalesce(sum({CONTRIBUTION}) filter (where {{scope}}), 0) as contribution
                            from customer_months where month between $year and $month group by customer_id),
            typical as (select count(*) filter (where purchases > 0) as customers, sum(spent) as spent_by_all from buyers),
            stood as (select {segment_sql(book.policy, since="cast($next as date)")} as now, contribution from buyers, typical {here})
            select count(*) as customers, count(*) filter (where now = 'at_risk') as away,
                   coalesce(cast(sum(contribution) filter (where now = 'at_risk') as double), 0) / 12 as expected_contribution
            from stood where now in ('champions', 'loyal', 'at_risk')""",
        month=book.month, year=book.months_back(12)[0], next=(book.last_day + pd.Timedelta(days=1)).date(),
    ).iloc[0]  # fmt: skip
    if not counts["customers"]:
        return pd.DataFrame(columns=["level", "entity"])
    z = NormalDist().inv_cdf((1 + book.policy.evidence.confidence) / 2)
    (low,), (high,) = wilson(pd.Series([counts["away"]]), pd.Series([counts["customers"]]), z)
    return pd.DataFrame(
        {
            "level": ["segment"],
            "entity": ["at_risk"],
            "customers": [int(counts["customers"])],
            "at_risk_share": [counts["away"] / counts["customers"]],
            "low": [low],
            "high": [high],
            "expected_contribution": [counts["expected_contribution"]],
            "sample_size": [int(counts["customers"])],
        }
    )
