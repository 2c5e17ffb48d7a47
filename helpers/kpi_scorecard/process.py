"""Process beside results: what people do and what comes of it, what they report and who answers, and six questions to the management."""

import zlib
from statistics import NormalDist

import numpy as np
import pandas as pd

from helpers.book import Book, remembered
from helpers.days import as_of
from helpers.decisions import bootstrap
from helpers.kpi_scorecard.vanity import LEADS, LEAST_MONTHS, MONTHS, go_with, judged
from helpers.ratios import ratio
from helpers.team_efficiency import team
from helpers.text import count, days, join_names, label, money, number, percent

REPORT_DAYS, LEAST_AFTER, EARLIER = 90, 14, 6
SOMEBODY = "someone not on the staff list"
PROCESS = {
    "contacts_per_day": "contacts a day",
    "minutes_per_contact": "minutes a contact",
    "won_per_day": "won a day",
    "lost_per_day": "lost a day",
}
"""What may lead: figures of the activity records, ratios of sums."""
LEADING = {"contacts_per_day": "contacts/day", "minutes_per_contact": "min/contact", "won_per_day": "won/day"}
LAGGING = {"sales_per_day": "sales/day", "contribution_per_day": "contribution/day", "attainment": "attainment"}


# ---- people and teams ------------------------------------------------------------------------------------------------------------------


@remembered
def people(book: Book) -> pd.DataFrame:
    """What does each person do, and what comes of it? Everyone with staffing, sales or a target in the month and scope.

    entity, team, fte, net_sales, contribution, attainment, new_customers (first-time buyers); days (with an activity record), contacts,
    minutes, won, lost (of the records), contacts_before (a day, in the six months before); sold_days (with a record or an order);
    reports (market reports of the last 90 days); round (last
    appraisal), and the ratios of PROCESS with sales_per_day and contribution_per_day (÷ sold_days). Then plan (a target above zero),
    process (a record) and review (an appraisal within the policy's review_months): true, false, or blank where the company had recorded
    nothing of the kind yet.
    """
    names = team.names(book)
    sellers = team.people(book, names).drop(columns="who")
    staffed = book.sql(
        """select employee_id as entity, min(team) as team, cast(sum(fte) as double) as fte from staffing
           where month = $first and {scope} group by employee_id order by employee_id""",
        first=book.first_day.date(),
    )
    idle = staffed[~staffed["entity"].isin(sellers["entity"])]
    frame = pd.concat([sellers, idle.assign(net_sales=0.0, contribution=0.0, orders=0)], ignore_index=True) if len(idle) else sellers
    for counted in (_records(book), _earlier(book), _sold_days(book), _reports(book), _rounds(book)):
        frame = frame.merge(counted, on="entity", how="left")
    frame = frame.fillna({"days": 0, "sold_days": 0, "reports": 0}).astype({"days": int, "sold_days": int, "reports": int})
    return _flags(book, _ratios(frame)).sort_values(["net_sales", "entity"], ascending=[False, True], ignore_index=True)


def _records(book: Book) -> pd.DataFrame:
    return book.sql(
        """select employee_id as entity, count(distinct date) as days, cast(sum(customers_contacted) as double) as contacts,
                  cast(sum(contact_minutes) as double) as minutes, cast(sum(new_customers) as double) as won, cast(sum(lost_customers) as double) as lost
           from activities where date between $first and $last group by employee_id order by employee_id""",
        first=book.first_day.date(),
        last=book.last_day.date(),
    )


def _earlier(book: Book) -> pd.DataFrame:
    """Customers contacted per recorded day in the six months before: entity, contacts_before."""
    first = pd.Period(book.month, "M") - EARLIER
    return book.sql(
        """select employee_id as entity, cast(sum(customers_contacted) as double) / count(distinct date) as contacts_before from activities
           where date >= $start and date < $first and customers_contacted is not null group by employee_id order by employee_id""",
        start=first.start_time.date(),
        first=book.first_day.date(),
    )


def _sold_days(book: Book) -> pd.DataFrame:
    return book.sql(
        """select entity, count(distinct day) as sold_days from (
               select employee_id as entity, date as day from activities where date between $first and $last
               union all select employee_id, day from ledger where kind = 'sale' and month = $month and employee_id <> '' and {scope})
           group by entity order by entity""",
        month=book.month,
        first=book.first_day.date(),
        last=book.last_day.date(),
    )


def _reports(book: Book) -> pd.DataFrame:
    return book.sql(
        """select employee_id as entity, count(*) as reports from market_reports where reported_on > $start and reported_on <= $last
           group by employee_id order by employee_id""",
        start=(as_of(book) - pd.Timedelta(days=REPORT_DAYS)).date(),
        last=as_of(book).date(),
    )


def _rounds(book: Book) -> pd.DataFrame:
    return book.sql(
        """select employee_id as entity, substr(cast(max(month) as varchar), 1, 7) as round from appraisals where month <= $first
           group by employee_id order by employee_id""",
        first=book.first_day.date(),
    )


def _ratios(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(
        contacts_per_day=ratio(frame["contacts"], frame["days"]),
        minutes_per_contact=ratio(frame["minutes"], frame["contacts"]),
        won_per_day=ratio(frame["won"], frame["days"]),
        lost_per_day=ratio(frame["lost"], frame["days"]),
        sales_per_day=ratio(frame["net_sales"], frame["sold_days"]),
        contribution_per_day=ratio(frame["contribution"], frame["sold_days"]),
    )


def _flags(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    aimed = book.sql(
        "select distinct entity from targets where level = 'employee' and month = $first and target > 0", first=book.first_day.date()
    )
    oldest = book.months_back(book.policy.management.review_months)[0]
    known = recorded(book)
    flags = {"plan": frame["entity"].isin(aimed["entity"]), "process": frame["days"] > 0, "review": frame["round"].fillna("") >= oldest}
    return frame.assign(**{name: flag.astype(object) if known[name] else None for name, flag in flags.items()})


def recorded(book: Book) -> dict[str, bool]:
    """Had anybody recorded anything of a kind by the month? plan (a target of any level), process, review, feedback."""
    kinds = {
        "plan": "targets where month",
        "process": "activities where date",
        "review": "appraisals where month",
        "feedback": "market_reports where reported_on",
    }
    return {kind: bool(len(book.sql(f"from {table} <= $last limit 1", last=as_of(book).date()))) for kind, table in kinds.items()}


def teams(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `people` by team, ratios of the sums of its members: team, people, and the columns of `people` that add up or divide."""
    added = ["fte", "net_sales", "contribution", "days", "contacts", "minutes", "won", "lost", "sold_days", "reports"]
    both = frame.groupby("team", sort=True)[added].sum(min_count=1).astype(float)
    both.insert(0, "people", frame.groupby("team", sort=True).size())
    return _ratios(both).reset_index()


def panels(frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """What leads and what lags, each person as a part of the whole: who, then LEADING and LAGGING ÷ the ratio of everyone's sums.

    Attainment stands as it is. A blank stays blank: without a record nothing is known, not nothing done.
    """
    whole = _ratios(
        frame[["net_sales", "contribution", "days", "contacts", "minutes", "won", "lost", "sold_days"]].astype(float).sum().to_frame().T
    ).iloc[0]
    shares = {
        name: frame[name].astype(float) / whole[name] if whole[name] > 0 else np.nan
        for name in (*LEADING, *LAGGING)
        if name != "attainment"
    }
    return pd.DataFrame({"who": frame["entity"].map(who), **shares, "attainment": frame["attainment"].astype(float)})[
        ["who", *LEADING, *LAGGING]
    ]


@remembered
def leads(book: Book) -> pd.DataFrame:
    """Does what people do run ahead of what they bring? The tests of `vanity.go_with` over months within each person: kpi (of PROCESS),
    lead, keys."""
    months = [month for month in book.months_back(MONTHS) if month in book.months]
    if months and as_of(book) < book.last_day:
        months = months[:-1]
    records = book.sql(
        """select substr(cast(date as varchar), 1, 7) as month, employee_id as entity, count(distinct date) as days,
                  cast(sum(customers_contacted) as double) as contacts, cast(sum(contact_minutes) as double) as minutes,
                  cast(sum(new_customers) as double) as won, cast(sum(lost_customers) as double) as lost
           from activities group by all order by all"""
    )
    brought = book.ladder(["month", "employee_id"], months, orders=False)[["month", "employee_id", "net_sales", "contribution"]].rename(
        columns={"employee_id": "entity"}
    )
    both = records.merge(brought, on=["month", "entity"]).assign(sold_days=np.nan)
    both = _ratios(both)
    wide = {
        name: both.pivot(index="month", columns="entity", values=name).reindex(book.months_back(MONTHS)).diff()
        for name in (*PROCESS, "contribution")
    }
    asked = [(name, lead) for name in PROCESS for lead in LEADS]
    significance = 1 - book.policy.evidence.confidence
    rows = [
        {"kpi": name, "lead": lead}
        | go_with(wide[name], wide["contribution"].shift(-lead), LEAST_MONTHS, 1 - significance / len(asked), serial=True)
        for name, lead in asked
    ]
    return judged(pd.DataFrame(rows), significance)


def leads_said(frame: pd.DataFrame) -> str:
    """The frame of `leads` in a sentence: what is shown to run with or ahead of contribution, or the strongest that isn't."""
    known = frame.dropna(subset="r")
    if known.empty:
        return "Whether work runs ahead of results can't be told: it takes records and sales of the same people over nine months."
    sure = known[known["sure"]]
    top = (sure if len(sure) else known).pipe(lambda f: f.loc[f["r"].abs().idxmax()])
    when = "in the same month" if top["lead"] == 0 else f"{count(top['lead'], 'month')} later"
    ends = f"{number(top['low'], 2)} to {number(top['high'], 2)}, {count(top['units'], 'person', 'people')}"
    said = f"a rank correlation of {number(top['r'], 2)} with contribution {when} ({ends})"
    if sure.empty:
        none = f"Of {count(len(known), 'test')} none shows that work on record runs with or ahead of contribution"
        return f"{none}; the strongest, {PROCESS[top['kpi']]}, has {said}."
    return f"Of {count(len(known), 'test')} {len(sure)} are sure; the strongest, {PROCESS[top['kpi']]}, has {said}."


def changed_said(frame: pd.DataFrame, who: pd.Series, currency: str) -> str:
    """Whose contacts a day fell most against their own six months before, beside what they contributed, in a sentence."""
    known = frame.assign(part=ratio(frame["contacts_per_day"], frame["contacts_before"])).dropna(subset="part")
    if known.empty:
        return "Nobody has records of this month and of earlier ones, so no change of work can be told."
    row = known.loc[known["part"].idxmin()]
    said = f"Most changed the work of {label(who[row['entity']])}: {number(row['contacts_per_day'], 1)} customers a day,"
    said += f" {number(row['contacts_before'], 1)} in the six months before"
    return f"{said}; the month's contribution is {money(row['contribution'], currency)}."


def gaps_said(frame: pd.DataFrame, who: pd.Series) -> str:
    """Who has no plan, no process data or no review, by name, in a sentence. It is a finding about records, not about people."""
    told = []
    for flag, what in (("plan", "no target of their own"), ("process", "no record of work"), ("review", "no recent appraisal")):
        if frame[flag].notna().any():
            without = frame[frame[flag] == False]  # noqa: E712  a blank is unknown
            told.append(f"{what}: {join_names(without['entity'].map(who), 12)}")
    return f"Of {count(len(frame), 'person', 'people')}, {'; '.join(told)}." if told and len(frame) else "Nobody is on record here."


def process_rows(frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """The frame of `people` for a table, with yes and no for plan, process and review."""
    words = {True: "yes", False: "no"}
    shown = frame[["contacts_per_day", "contacts_before", "minutes_per_contact", "won", "lost", "reports", "sales_per_day", "contribution"]]
    return (
        pd.DataFrame({"who": frame["entity"].map(who)})
        .join(shown)
        .assign(**{f: frame[f].map(words).fillna("unknown") for f in ("plan", "process", "review")})
    )


# ---- appraisals ------------------------------------------------------------------------------------------------------------------------


def raters(book: Book, who: pd.Series) -> pd.DataFrame:
    """Is a rater milder than the others? Each rater's marks of the last round, less the other raters' of the same people.

    rater (a person by id or name is called as in `who`), people (with another rater too), mean (of the three traits), apart (above zero:
    milder). Blank with no second rater.
    """
    marks = book.sql(
        """select employee_id as entity, rater, cast(cooperation + enthusiasm + loyalty as double) / 3 as mark from appraisals
           join (select employee_id, max(month) as month from appraisals where month <= $first group by employee_id) using (employee_id, month)
           order by entity, rater""",
        first=book.first_day.date(),
    )
    by_name = book.sql("select name, min(employee_id) as entity from employees group by name order by name").set_index("name")["entity"]
    marks["rater"] = [who.get(by_name.get(rater, rater), rater) for rater in marks["rater"]]
    marks = marks.groupby(["entity", "rater"], as_index=False)["mark"].mean()
    sums, sizes = (marks.groupby("entity")["mark"].transform(how) for how in ("sum", "count"))
    marks = marks.assign(apart=marks["mark"] - ((sums - marks["mark"]) / (sizes - 1).where(sizes > 1)))
    return marks.groupby("rater").agg(people=("apart", "count"), mean=("mark", "mean"), apart=("apart", "mean")).reset_index()


def marks(book: Book, who: pd.Series) -> pd.DataFrame:
    """How is each person seen in their last round, and between which raters' marks? who, round, overall (mean of the raters), lowest,
    highest
    (rater's mean of the three traits), apart (highest − lowest is at least a whole mark). The widest apart first; only people with a
    rating."""
    rounds = book.sql(
        """select employee_id as entity, rater, substr(cast(max(a.month) as varchar), 1, 7) as round,
                  avg(cast(cooperation + enthusiasm + loyalty as double) / 3) as mark from appraisals a
           join (select employee_id, max(month) as month from appraisals where month <= $first group by employee_id) using (employee_id, month)
           group by employee_id, rater order by entity, rater""",
        first=book.first_day.date(),
    )
    rounds = rounds[rounds["entity"].isin(people(book)["entity"])]
    found = (
        rounds.groupby("entity")
        .agg(round=("round", "first"), overall=("mark", "mean"), lowest=("mark", "min"), highest=("mark", "max"))
        .reset_index()
    )
    found = found.assign(
        who=found["entity"].map(who), apart=(found["highest"] - found["lowest"]) >= 1 - 1e-9, gap=found["lowest"] - found["highest"]
    )
    found = found.sort_values(["gap", "entity"], ignore_index=True)
    return found[["who", "round", "overall", "lowest", "highest", "apart"]]


def marks_said(frame: pd.DataFrame, raters: pd.DataFrame) -> str:
    """Whose raters are farthest apart, and whether one rater is milder, in a sentence."""
    if frame.empty:
        return "Nobody was rated."
    row = frame.iloc[0]
    said = f"Farthest apart are the raters of {label(row['who'])}: {number(row['lowest'], 2)} and {number(row['highest'], 2)};"
    said += f" for {frame['apart'].sum()} of {count(len(frame), 'person', 'people')} it is a whole mark or more."
    mild = raters.dropna(subset="apart")
    if len(mild):
        top = mild.loc[mild["apart"].idxmax()]
        same = count(top["people"], "person", "people")
        said += f" The mildest rater, {label(top['rater'])}, gives {number(top['apart'], 2)} more than the others to the same {same}."
    return said


# ---- market information ----------------------------------------------------------------------------------------------------------------

_REPORT = ["reported_on", "entity", "topic", "product_id", "product", "severity", "summary", "action", "resolved_on", "days", "state"]


@remembered
def market(book: Book) -> pd.DataFrame:
    """What did the people in front of the customer report in the last year, who answered, and what happened to the product?

    Reports up to the day that the data reach, newest first: reported_on, entity (who), topic, product_id, product, severity, summary,
    action, resolved_on (blank if later), days (to the answer, or open so far), state (`answered`, `late`, `open`, `overdue`; late and
    overdue
    beyond the policy's answer_days), and the columns of `followed`. In a store's scope reports are the company's: they name no store.
    """
    end = as_of(book)
    frame = book.sql(
        """select reported_on, employee_id as entity, topic, coalesce(r.product_id, '') as product_id, coalesce(p.name, r.product_id, '') as product,
                  severity, summary, coalesce(action, '') as action, resolved_on
           from market_reports r left join products p on r.product_id = p.product_id where reported_on > $start and reported_on <= $last
           order by reported_on desc, employee_id, topic, r.product_id, severity, summary, action, resolved_on""",
        start=(end - pd.DateOffset(years=1)).date(),
        last=end.date(),
    )
    frame = frame.assign(reported_on=pd.to_datetime(frame["reported_on"]), resolved_on=pd.to_datetime(frame["resolved_on"]))
    frame["resolved_on"] = frame["resolved_on"].where(frame["resolved_on"] <= end)
    took = (frame["resolved_on"].fillna(end) - frame["reported_on"]).dt.days
    late, closed = took > book.policy.management.answer_days, frame["resolved_on"].notna()
    state = np.where(closed, np.where(late, "late", "answered"), np.where(late, "overdue", "open"))
    return followed(book, frame.assign(days=took, state=state)[_REPORT])


def followed(book: Book, reports: pd.DataFrame) -> pd.DataFrame:
    """What became of a reported product's margin and sales? Adds to each report, from the policy's followed_days before and after its day:

    margin_before, margin_after (gross margin), margin_low, margin_high (interval of the change, bootstrap over orders); share_before,
    share_after (orders with the product ÷ all orders, so that a season hits both) with share_low, share_high; after_days (how many are
    there, blank margins and shares below LEAST_AFTER); then (what is sure, in words) and cost: the fall of the margin × the costed sales
    after, where it is sure. Intervals are those of all reports together (Bonferroni). What follows need not be caused.
    """
    span, end = book.policy.management.followed_days, as_of(book)
    named = reports[reports["product_id"] != ""]
    confidence = 1 - (1 - book.policy.evidence.confidence) / max(2 * len(named), 1)
    rows = {i: _change(book, row, span, end, confidence) for i, row in named.iterrows()}
    columns = [
        "margin_before",
        "margin_after",
        "margin_low",
        "margin_high",
        "share_before",
        "share_after",
        "share_low",
        "share_high",
        "after_days",
        "then",
        "cost",
    ]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    both = reports.join(found)
    return both.assign(then=both["then"].fillna(""))


def _change(book: Book, report: pd.Series, span: int, end: pd.Timestamp, confidence: float) -> list:
    day = report["reported_on"]
    first, last = day - pd.Timedelta(days=span), min(day + pd.Timedelta(days=span - 1), end)
    after_days = (last - day).days + 1
    nothing = [np.nan] * 8 + [after_days, "", np.nan]
    if after_days < LEAST_AFTER:
        return nothing
    window = {"first": first.date(), "day": day.date(), "last": last.date()}
    orders = book.sql(
        """select day >= $day as later, cast(sum(costed) as double) as costed, cast(sum(profit) as double) as profit from (
               select *, row_number() over (partition by day >= $day order by store, order_id, day) % 200 as bucket from (
                   select store, order_id, day, sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales) as costed,
                          sum(gross_sales + discounts + shipping_income + refunds + uncosted_sales + cogs) as profit
                   from ledger where kind in ('sale', 'return') and product_id = $product and day between $first and $last and {scope}
                   group by store, order_id, day))
           group by later, bucket order by later, bucket""",
        product=report["product_id"],
        **window,
    )
    counts = (
        book.sql(
            """select day >= $day as later, count(distinct (store, order_id)) as orders,
                  count(distinct (store, order_id)) filter (product_id = $product) as having_it
           from ledger where kind = 'sale' and day between $first and $last and {scope} group by later order by later""",
            product=report["product_id"],
            **window,
        )
        .set_index("later")
        .reindex([False, True])
        .fillna(0)
        .astype(int)
    )
    margin = [_margin(orders[orders["later"] == later]) for later in (False, True)]
    known = orders.assign(
        **{
            f"{name}_{when}": orders[name].where(orders["later"] == (when == "after"), 0.0)
            for name in ("costed", "profit")
            for when in ("before", "after")
        }
    )
    seed = zlib.crc32(f"{report['reported_on']:%Y-%m-%d}/{report['product_id']}".encode())
    ends = (
        bootstrap(
            known[["costed_before", "profit_before", "costed_after", "profit_after"]].to_numpy(float),
            lambda totals: totals[3] / totals[2] - totals[1] / totals[0],
            book.policy.evidence.resamples * 5,
            confidence,
            seed,
        )
        if not np.isnan(margin).any()
        else (np.nan, np.nan)
    )
    few = (counts["having_it"] < book.policy.evidence.min_orders).any()
    ends = (np.nan, np.nan) if few else ends
    share, share_ends = shares(counts["having_it"].tolist(), counts["orders"].tolist(), confidence)
    then = _then(ends, share_ends)
    costed = orders.loc[orders["later"], "costed"].sum()
    return [*margin, *ends, *share, *share_ends, after_days, then, (margin[0] - margin[1]) * costed if "margin fell" in then else np.nan]


def _margin(orders: pd.DataFrame) -> float:
    costed = orders["costed"].sum()
    return orders["profit"].sum() / costed if costed > 1e-9 else np.nan


def shares(having: list[int], orders: list[int], confidence: float) -> tuple[list[float], tuple[float, float]]:
    """Two shares of orders and the interval of later less earlier, after Agresti and Caffo (2000): one order with and one without added
    to each.

    >>> shares([10, 30], [100, 100], 0.95)[0]
    [0.1, 0.3]
    """
    if not all(orders):
        return [np.nan, np.nan], (np.nan, np.nan)
    part = [(k + 1) / (n + 2) for k, n in zip(having, orders, strict=True)]
    error = np.sqrt(sum(p * (1 - p) / (n + 2) for p, n in zip(part, orders, strict=True)))
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    middle = part[1] - part[0]
    return [k / n for k, n in zip(having, orders, strict=True)], (float(middle - reach), float(middle + reach))


def _then(margin: tuple[float, float], share: tuple[float, float]) -> str:
    said = [
        "margin fell" if margin[1] < 0 else "margin rose" if margin[0] > 0 else "",
        "sold less" if share[1] < 0 else "sold more" if share[0] > 0 else "",
    ]
    return ", ".join(filter(None, said))


def market_counts(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Reports by topic, product or severity: how many, how many in each state, and the days to an answer (median of the answered)."""
    keyed = frame.assign(key=frame[by].where(frame[by] != "", "no product"))
    states = {state: keyed["state"].eq(state).groupby(keyed["key"]).sum() for state in ("answered", "late", "open", "overdue")}
    days_taken = keyed["days"].where(keyed["resolved_on"].notna()).groupby(keyed["key"]).median()
    found = pd.DataFrame({"reports": keyed.groupby("key").size(), **states, "median_days": days_taken}).rename_axis(by).reset_index()
    return found.sort_values(["reports", by], ascending=[False, True], ignore_index=True)


def market_said(book: Book, frame: pd.DataFrame, who: pd.Series) -> str:
    """How many reports there are, how many wait too long, the oldest of them, and what was followed by a fall of the margin."""
    if frame.empty:
        return "Nobody reported anything in the last twelve months."
    limit = days(book.policy.management.answer_days)
    states = frame["state"].value_counts()
    said = f"{count(len(frame), 'report')} in twelve months: {states.get('answered', 0)} answered within {limit}, {states.get('late', 0)} later,"
    said += f" {states.get('open', 0)} open and {states.get('overdue', 0)} open for longer than that."
    waiting = frame[frame["state"] == "overdue"]
    if len(waiting):
        row = waiting.loc[waiting["days"].idxmax()]
        said += f" Longest waits what {label(who.get(row['entity'], SOMEBODY))} said about {label(row['product'] or row['topic'])}:"
        said += f" {days(row['days'])}."
    fell = frame[frame["cost"].notna()]
    if len(fell):
        row = fell.loc[fell["cost"].idxmax()]
        wait = "answered after" if pd.notna(row["resolved_on"]) else "still open after"
        said += f" After the report on {label(row['product'])} of {row['reported_on']:%Y-%m-%d} ({wait} {days(row['days'])})"
        said += f" its gross margin fell from {percent(row['margin_before'])} to {percent(row['margin_after'])} within a month, {money(row['cost'], book.currency)} of gross profit."
    return said


def market_rows(frame: pd.DataFrame, who: pd.Series) -> pd.DataFrame:
    """The frame of `market` for a table: what waits longest first, then what was answered."""
    order = frame.assign(first=frame["state"].map({"overdue": 0, "open": 1, "late": 2, "answered": 3})).sort_values(
        ["first", "days"], ascending=[True, False], kind="stable"
    )
    return pd.DataFrame(
        {
            "reported": order["reported_on"].dt.strftime("%Y-%m-%d"),
            "who": order["entity"].map(who).astype(object).fillna(SOMEBODY),
            "about": order["product"].where(order["product"] != "", order["topic"]),
            "severity": order["severity"],
            "summary": order["summary"],
            "state": order["state"],
            "days": order["days"],
            "margin_before": order["margin_before"].astype(float),
            "margin_after": order["margin_after"].astype(float),
            "then": order["then"].replace("", "nothing sure"),
            "cost": order["cost"].astype(float),
        }
    )


# ---- the management check-up ------------------------------------------------------------------------------------------------------------


@remembered
def checkup(book: Book) -> pd.DataFrame:
    """Six questions to the management, each answered from the data: fault, question, gap (the part that is missing, 0 to 1), of (what
    it is a part of), answer (`fault` above the policy's max_gap, `in order`, or `unknown`), needs (tables that would tell), figure in
    words.

    The questions are those of a six-item list of faults in the sources: unplanned sales, uncontrolled process, unmanaged customers, no
    feedback, no evaluation, no system. What nobody records yet is no fault by itself: its question is unknown.
    """
    who, reports, limit = people(book), market(book), book.policy.management
    working = who[who["fte"].fillna(0) > 0] if (who["fte"].fillna(0) > 0).any() else who
    named = who.assign(sold=who["net_sales"].clip(lower=0))
    flags = {name: working[name].dropna().astype(bool) for name in ("plan", "process", "review")}
    missing = {name: float((~known).mean()) if len(known) else np.nan for name, known in flags.items()}
    planned = named["plan"].notna().any() and named["sold"].sum() > 0
    complete = (
        np.nan if any(not len(known) for known in flags.values()) else float((~(flags["plan"] & flags["process"] & flags["review"])).mean())
    )
    size = f"{count(len(working), 'person', 'people')} at work"
    due = reports[reports["state"] != "open"]  # an open one isn't late yet
    answered = due["state"].eq("answered").mean() if len(due) else float(len(reports) > 0)
    loose = unmanaged(book)
    rows = [
        (
            "unplanned sales",
            "Is what is sold what was planned?",
            named.loc[named["plan"] == False, "sold"].sum() / named["sold"].sum() if planned else np.nan,  # noqa: E712
            "net sales by people without a target of their own",
            "targets",
        ),
        (
            "uncontrolled process",
            "Is the work on record, or only its result?",
            missing["process"],
            f"{size}, without a record in the month",
            "activities",
        ),
        (
            "unmanaged customers",
            "Is somebody in charge of each customer?",
            loose,
            "net sales of twelve months of customers behind whom no person stands",
            "order_lines with customer_id and employee_id",
        ),
        (
            "no feedback",
            "Is what people report answered in time?",
            1 - answered if recorded(book)["feedback"] else np.nan,
            f"{count(len(due), 'report')} of twelve months, without an answer within {days(limit.answer_days)}",
            "market_reports",
        ),
        (
            "no evaluation",
            "Is everybody's work reviewed?",
            missing["review"],
            f"{size}, without an appraisal in {count(limit.review_months, 'month')}",
            "appraisals",
        ),
        (
            "no system",
            "Does the same person have plan, record and review?",
            complete,
            f"{size}, lacking one of the three",
            "targets, activities, appraisals",
        ),
    ]
    frame = pd.DataFrame(rows, columns=["fault", "question", "gap", "of", "needs"]).astype({"gap": float})
    answer = np.where(frame["gap"].isna(), "unknown", np.where(frame["gap"] > limit.max_gap, "fault", "in order"))
    figure = [
        f"{percent(gap)} of {of}" if pd.notna(gap) else f"unknown: it takes {needs}"
        for gap, of, needs in frame[["gap", "of", "needs"]].itertuples(index=False)
    ]
    return frame.assign(answer=answer, figure=figure)


def unmanaged(book: Book) -> float:
    """Which part of the last twelve months' sales is by customers behind whom no person stands? Sales without a customer's id count as
    such.

    A customer is managed when a person's id stands on any of their order lines of those months. Blank when no line names a
    person, or none a customer.
    """
    found = book.sql(
        """with year as (select customer_id, max(employee_id) as person, sum(gross_sales + discounts + shipping_income) as sold
                         from ledger where kind = 'sale' and month in (select unnest($months)) and {scope} group by customer_id)
           select cast(sum(sold) as double) as sold, cast(coalesce(sum(sold) filter (customer_id = '' or person = ''), 0) as double) as loose,
                  cast(case when max(customer_id) <> '' then coalesce(max(person), '') else '' end as varchar) as anybody from year""",
        months=book.months_back(12),
    ).iloc[0]
    return float(found["loose"] / found["sold"]) if found["anybody"] and found["sold"] > 1e-9 else np.nan


def checkup_said(frame: pd.DataFrame) -> str:
    """How many of the six questions show a fault, and the largest gap, in a sentence."""
    faults = frame[frame["answer"] == "fault"]
    unknown = (frame["answer"] == "unknown").sum()
    tail = f" {count(unknown, 'question')} can't be answered without more tables." if unknown else ""
    if faults.empty:
        return f"None of the questions that can be answered shows a fault.{tail}"
    row = faults.loc[faults["gap"].idxmax()]
    return f"Faults: {len(faults)} of 6 questions; the largest gap is {row['fault']}: {row['figure']}.{tail}"


def findings(book: Book, who: pd.Series) -> pd.DataFrame:
    """What to look at first: overdue reports, faults of the check-up, people without plan, record or review, raters far apart.

    what, about, figure, action; the dearest reports first. A reason to look, with nothing decided about anybody.
    """
    rows = []
    reports = market(book)
    for row in reports[reports["state"] == "overdue"].sort_values(["cost", "days"], ascending=False, kind="stable").to_dict("records"):
        cost = f", {money(row['cost'], book.currency)} of gross profit gone since" if pd.notna(row["cost"]) else ""
        rows.append(
            (
                "report without an answer",
                row["product"] or row["topic"],
                f"{days(row['days'])}{cost}",
                "answer whoever reported it, and say what will be done",
            )
        )
    for row in checkup(book).query("answer == 'fault'").to_dict("records"):
        rows.append(("management", row["fault"], row["figure"], CURES[row["fault"]]))
    frame = people(book)
    for flag, figure, action in (
        ("plan", "no target", "agree on one, or say that none is wanted"),
        ("process", "no record of work", "ask whether the record is too much work"),
        ("review", "no recent appraisal", "have a talk, with two raters"),
    ):
        without = frame.loc[frame[flag] == False, "entity"]  # noqa: E712
        if len(without):
            rows.append(
                (
                    "people, a reason to look",
                    join_names(without.map(who), 4, 20),
                    f"{count(len(without), 'person', 'people')} with {figure}",
                    action,
                )
            )
    return pd.DataFrame(rows, columns=["what", "about", "figure", "action"])


def first_said(frame: pd.DataFrame) -> str:
    """The first finding in a sentence, and how many there are."""
    if frame.empty:
        return "nothing here asks for a look."
    row = frame.iloc[0]
    return f"{count(len(frame), 'finding')}; first the {row['what']} – {label(row['about'])}: {row['figure']}; {row['action']}."


def waits(frame: pd.DataFrame) -> pd.DataFrame:
    """How long did each report wait? report (what about, and its state), days; the longest first."""
    order = frame.sort_values(["days", "reported_on"], ascending=[False, True], kind="stable", ignore_index=True)
    about = order["product"].where(order["product"] != "", order["topic"])
    names = [f"{label(what, 17)} ({state})" for what, state in zip(about, order["state"], strict=True)]
    return pd.DataFrame({"report": names, "days": order["days"].astype(float)})


CURES = {
    "unplanned sales": "give each seller a target that adds up to the store's",
    "uncontrolled process": "record contacts for a month before asking for more of them",
    "unmanaged customers": "put a person's name behind the customers who buy most",
    "no feedback": "name who answers, and by when",
    "no evaluation": "review everyone twice a year by two raters",
    "no system": "let target, record and review be one page per person",
}
"""What answers each fault of the check-up."""
