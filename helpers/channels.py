"""Channels, stores and campaigns: who keeps what of the sales, what promotion costs, and what a moving total hides.

Frames name channels in `channel`, stores in `store`, campaigns in `campaign`; money is in the reporting currency, costs of
promotion are positive here. The functions that end in `_said` read a frame aloud in a sentence that is true for any data.
"""

import pandas as pd

from helpers.book import Book
from helpers.contract import LINES, NOBODY
from helpers.decisions import decide, sentence
from helpers.facts import facts
from helpers.ratios import costed, margins, ratio
from helpers.text import BLANK, join_names, label, money, number, percent

PARTS = {"ads": "ads", "event_fee": "event fees", "affiliate": "affiliates", "other": "other", "commissions": "commissions"}
"""What promotion is made of: the kinds of marketing spend and the commissions of order lines, and their names for people."""

NO_CAMPAIGN = "no campaign"
SPLIT = ("share_before", "share_now", "margin_before", "margin_now", "part_before", "part_now", "within", "mix")
MOVE = 1e-9  # a margin that moves less than this stands still: sums of floats are no news


def company_only(book: Book) -> str:
    """Why stores aren't compared here; empty in the company's scope."""
    return (
        ""
        if book.scope == "company"
        else f"Stores are compared in the report of the whole company; this one is about {label(book.scope)} alone."
    )


def coverage_said(book: Book) -> str:
    """How far can the profits be believed? What the cost of goods is known for, which stands beside every margin."""
    total = margins(book.ladder()).iloc[0]
    if pd.isna(total["cost_coverage"]):
        return "There are no net sales, so there is no margin to say."
    profit, spare = total["gross_profit"], -total["uncosted_sales"]
    if spare <= MOVE:
        return "The cost of all goods sold is known."
    return (
        f"The cost is known for {percent(total['cost_coverage'])} of net sales. The rest is counted as costing what it sold for,"
        f" so gross profit is between {money(profit, book.currency)} and {money(profit + spare, book.currency)}."
    )


def by_channel(book: Book) -> pd.DataFrame:
    """What does each channel keep of its sales? One row per channel with a movement or a target, largest net sales first.

    `channel`, the ladder down to contribution, the metrics of `facts`, and as `promoted` adds them.
    """
    frame = facts(book, "channel").drop(columns=["payroll", "overheads", "operating_profit"])
    moved = frame[[line for line in LINES if line in frame]].ne(0).any(axis=1)
    frame = promoted(frame[moved | (frame["entity"] != NOBODY["channel"])]).rename(columns={"entity": "channel"})
    return frame.sort_values(["net_sales", "channel"], ascending=[False, True], ignore_index=True)


def by_store(book: Book) -> pd.DataFrame:
    """What does each store keep of its sales? As by_channel, down to operating profit; empty in the scope of one store."""
    frame = facts(book, "store")
    if book.scope != "company":
        frame = frame.iloc[:0]
    frame = promoted(frame[frame[list(LINES)].ne(0).any(axis=1) | (frame["entity"] != NOBODY["store"])]).rename(columns={"entity": "store"})
    return frame.sort_values(["net_sales", "store"], ascending=[False, True], ignore_index=True)


def promoted(ladder: pd.DataFrame) -> pd.DataFrame:
    """A ladder with `promotion` (marketing and commissions, positive), `cm2_per_promotion` and `contribution_margin`.

    Below 1 of CM2 for each unit of promotion, contribution is negative. ROAS and POAS divide by marketing alone.

    >>> shop = pd.DataFrame({"net_sales": [100.0], "cm2": [30.0], "marketing": [-5.0], "commissions": [-15.0], "contribution": [10.0]})
    >>> promoted(shop)[["promotion", "cm2_per_promotion", "contribution_margin"]].values.tolist()
    [[20.0, 1.5, 0.1]]
    """
    promotion = -(ladder["marketing"] + ladder["commissions"])
    return ladder.assign(
        promotion=promotion,
        cm2_per_promotion=ratio(ladder["cm2"], promotion),
        contribution_margin=ratio(ladder["contribution"], ladder["net_sales"]),
    )


def with_total(book: Book, frame: pd.DataFrame, noun: str) -> pd.DataFrame:
    """The rows and, below them, their total: the ladder of the whole scope, summed from the ledger and not from the rows."""
    total = promoted(margins(book.ladder())).assign(**{noun: f"all {noun}s"})
    return pd.concat([frame, total[[column for column in frame if column in total]]], ignore_index=True)


def channels_said(frame: pd.DataFrame, noun: str, currency: str) -> str:
    """Who sells most, who keeps most, and who keeps least of each unit of sales?"""
    known = frame.dropna(subset="contribution_margin")
    if known.empty:
        return f"No {noun} has net sales this month."
    sells, earns = known.iloc[0], known.loc[known["contribution"].idxmax()]
    least = known.loc[known["contribution_margin"].idxmin()]
    if len(known) == 1:
        only = f"{money(sells['net_sales'], currency)} of sales and leaves {money(sells['contribution'], currency)} of contribution"
        return f"{label(sells[noun])} is the only {noun} with net sales: it brings {only}."
    first = f"{label(sells[noun])} sells most ({money(sells['net_sales'], currency)})"
    also = "also" if earns[noun] == sells[noun] else label(earns[noun])
    worst = f"{label(least[noun])} leaves {percent(least['contribution_margin'])} of its net sales"
    most = f"{also} contributes most ({money(earns['contribution'], currency)})"
    return f"{first} and {most}; {worst}, the least of the {len(known):,} with net sales."


# ---- promotion -----------------------------------------------------------------------------------------------------------------


def promotion_parts(book: Book) -> pd.DataFrame:
    """What is each channel's promotion made of? Per channel and part (see PARTS): `amount`, and `share` of the channel's net sales.

    Blank where the channel has no net sales. The amounts of a channel add up to its marketing and commissions in the ledger.
    """
    spent = book.sql(
        """select m.channel, m.kind, cast(sum(cast(m.amount as decimal(20,4))
                  * case when m.currency = $home then cast(1 as decimal(18,10)) else r.rate end) as double) as amount
           from marketing_spend m asof left join fx_rates r on m.currency = r.currency and m.date >= r.date
           where m.date between $first and $last and {scope} group by all order by all""",
        home=book.currency, first=book.first_day.date(), last=book.last_day.date(),
    )  # fmt: skip
    channels = by_channel(book)
    commissions = channels[["channel"]].assign(kind="commissions", amount=0.0 - channels["commissions"])
    grid = pd.MultiIndex.from_product([channels["channel"], PARTS], names=["channel", "kind"])
    amounts = pd.concat([spent, commissions]).set_index(["channel", "kind"])["amount"].reindex(grid, fill_value=0.0).reset_index()
    sales = amounts["channel"].map(channels.set_index("channel")["net_sales"])
    return amounts.assign(part=amounts["kind"].map(PARTS), share=ratio(amounts["amount"], sales))[["channel", "part", "amount", "share"]]


def promotion_table(parts: pd.DataFrame) -> pd.DataFrame:
    """The shares of promotion_parts as a grid: a row per channel, a column per part that occurs, and their sum `promotion_share`."""
    used = [part for part in PARTS.values() if parts.loc[parts["part"] == part, "amount"].any()]
    grid = parts.pivot(index="channel", columns="part", values="share").reindex(columns=used).rename_axis(columns=None)
    total = parts.groupby("channel")[["amount", "share"]].sum(min_count=1)
    grid = grid.assign(promotion_share=total["share"], promotion=total["amount"])
    return grid.sort_values("promotion_share", ascending=False, kind="stable").reset_index()


def promotion_said(frame: pd.DataFrame, limit: float, currency: str) -> str:
    """Which channels spend more than the allowed share of their net sales on promotion, and on what? frame: promotion_table."""
    spending = frame[frame["promotion"] > 0]
    if spending.empty:
        return "No channel spent on marketing or paid a commission this month."
    blind = spending[spending["promotion_share"].isna()]
    above = spending[spending["promotion_share"].round(9) > limit]
    words = f"No channel is above the line of {percent(limit)}."
    if len(above):
        first = above.iloc[0]
        part = first[[name for name in PARTS.values() if name in above]].astype(float).idxmax()
        words = (
            f"{label(first['channel'])} puts {percent(first['promotion_share'])} of its net sales into promotion against a line of"
            f" {percent(limit)}; the largest part is {part} ({percent(first[part])})."
        )
        if len(above) > 1:
            words += f" Also above the line: {join_names(above['channel'].iloc[1:])}."
    if len(blind):
        spent = money(blind["promotion"].sum(), currency)
        words += f" Promotion of {spent} went to {join_names(blind['channel'])}, without net sales to set it against."
    return words


def roas_said(frame: pd.DataFrame) -> str:
    """Does the channel with the best ROAS also keep most for each unit of promotion? frame: by_channel."""
    known = frame[frame["net_sales"] > 0].dropna(subset=["roas", "cm2_per_promotion"])
    if known.empty:
        return "No channel has both net sales and marketing this month, so there is no ROAS to judge."
    best, worst = known.loc[known["roas"].idxmax()], known.loc[known["cm2_per_promotion"].idxmin()]
    kept = number(best["cm2_per_promotion"], 2)
    words = (
        f"{label(best['channel'])} has the highest ROAS, {number(best['roas'], 1)}, and brings {kept} of CM2 for each unit of promotion."
    )
    if worst["channel"] != best["channel"]:
        place = int(known["roas"].rank(ascending=False, method="first")[worst.name])
        words += (
            f" Least comes from {label(worst['channel'])}: place {place} of {len(known)} by ROAS ({number(worst['roas'], 1)}), and only"
            f" {number(worst['cm2_per_promotion'], 2)} of CM2 for each unit of promotion."
        )
    return words


def losers_said(frame: pd.DataFrame, noun: str, currency: str) -> str:
    """Which of these lose money, and do some of them look fine by ROAS? frame: by_channel, by_store or campaigns."""
    losing = frame[frame["contribution"].round(9) < 0].sort_values("contribution", kind="stable")
    if losing.empty:
        return f"No {noun} has a negative contribution."
    splendid = losing[losing["roas"] > losing["break_even_roas"]]
    together = ", together" if len(losing) > 1 else ":"
    words = f"Contribution is negative in {join_names(losing[noun])}{together} {money(losing['contribution'].sum(), currency)}."
    if len(splendid):
        words += f" By ROAS against its break-even, {join_names(splendid[noun])} would pass: the ads are covered, the commissions are not."
    return words


# ---- campaigns -----------------------------------------------------------------------------------------------------------------


def campaigns(book: Book, months: list[str] | None = None) -> pd.DataFrame:
    """What did each campaign bring? One row per campaign with a movement in the months (default: the book's), most contribution first.

    `campaign` (its name for people), `entity`, `own_spend` (spend that names the campaign), the ladder down to contribution with
    `marketing` (own spend and the share of the channel's other marketing that its sales carry), ratios, and `state` in words.
    For the book's month, campaigns whose dates fall in it but that moved nothing come last. Empty when nothing names a campaign.
    """
    wanted = months or [book.month]
    frame = promoted(margins(book.ladder(["campaign_id"], wanted, orders=months is None))).drop(columns=["payroll", "overheads", "operating_profit"])
    frame = frame[frame["campaign_id"] != NOBODY["campaign_id"]].rename(columns={"campaign_id": "entity"})
    own = book.sql(
        """select campaign_id as entity, -cast(sum(marketing) as double) as own_spend from ledger
           where kind = 'marketing' and campaign_id <> '' and month in (select unnest($months)) and {scope} group by all order by all""",
        months=wanted,
    )
    about = book.sql("select campaign_id as entity, name, channel, starts_on, ends_on from campaigns order by campaign_id")
    if months is None:
        runs = (about["starts_on"] <= book.last_day) & (about["ends_on"] >= book.first_day)
        here = about["channel"].isna() | about["channel"].isin(by_channel(book)["channel"])
        idle = about.loc[runs & here & ~about["entity"].isin(frame["entity"]), ["entity"]]
        nothing = dict.fromkeys([*LINES[:-2], "net_sales", "contribution", "base", "orders"], 0.0)
        frame = pd.concat([frame, idle.assign(**nothing)], ignore_index=True)
    frame = frame.merge(own, on="entity", how="left").fillna({"own_spend": 0.0}).merge(about[["entity", "name"]], on="entity", how="left")
    frame = frame.assign(campaign=_names(frame), state=_states(frame), idle=lambda f: f["state"] == IDLE)
    frame = frame.sort_values(["idle", "contribution", "entity"], ascending=[True, False, True], ignore_index=True)
    first = ["campaign", "state", "entity", "own_spend"]
    return frame[[*first, *[column for column in frame if column not in (*first, "name", "idle")]]]


IDLE = "nothing in this month"


def _names(frame: pd.DataFrame) -> pd.Series:
    """Names for people; a campaign without a name, or with another's name, shows its id."""
    name = frame["name"].fillna("").astype(str)
    twice = name.duplicated(keep=False) & (name != "")
    return name.where(~twice, name + " (" + frame["entity"] + ")").where(name != "", frame["entity"])


def _states(frame: pd.DataFrame) -> pd.Series:
    spends, sells = frame["own_spend"] > 0, frame["base"] != 0
    moved = frame[["refunds", "cogs", "platform_fees", "fulfilment", "commissions"]].ne(0).any(axis=1)
    words = pd.Series(IDLE, index=frame.index).mask(moved, "only refunds of earlier sales").mask(sells, "sales without spend of its own")
    return words.mask(spends, "spend without sales").mask(spends & sells, "spend and sales")


def campaigns_said(frame: pd.DataFrame, currency: str) -> str:
    """What did the month's largest campaign bring for what it spent? frame: campaigns of the month."""
    selling = frame[frame["base"] > 0]
    if selling.empty:
        return "No sale of this month names a campaign."
    first = selling.loc[selling["net_sales"].idxmax()]
    sales, kept, spent = (money(first[name], currency) for name in ("net_sales", "contribution", "own_spend"))
    return (
        f"{label(first['campaign'])} brought {sales} of net sales and {kept} of contribution for {spent} of its own spend;"
        f" with the ads that its sales carry, ROAS is {number(first['roas'], 1)} and POAS {number(first['poas'], 1)}."
    )


def one_sided_said(frame: pd.DataFrame) -> str:
    """Which campaigns have spend but no sales, sales but no spend, or neither? frame: campaigns."""
    if frame.empty:
        return "Neither a sale nor a spend names a campaign."
    found = [f"{state}: {join_names(part['campaign'])}" for state, part in frame.groupby("state", sort=False) if state != "spend and sales"]
    return f"Not on both sides of the account – {'; '.join(found)}." if found else "Every campaign has both spend and sales."


def campaign_year(book: Book) -> pd.DataFrame:
    """Do campaigns keep as much of their sales as ordinary trade, refunds included? Campaigns of the last 12 months, then `no campaign`.

    As `campaigns`, with `refund_rate` (refunds ÷ sales before refunds). Empty when nothing names a campaign.
    """
    months = book.months_back(12)
    frame = campaigns(book, months)
    if frame.empty:
        return frame.assign(refund_rate=pd.Series(dtype=float))
    rest = promoted(margins(book.ladder(["campaign_id"], months, orders=False)))
    rest = rest[rest["campaign_id"] == NOBODY["campaign_id"]].assign(campaign=NO_CAMPAIGN)
    frame = frame.sort_values("contribution_margin", ascending=False, kind="stable")
    frame = pd.concat([frame, rest[[column for column in frame if column in rest]]], ignore_index=True)
    return frame.assign(refund_rate=ratio(-frame["refunds"], frame["base"]))


def campaign_year_said(frame: pd.DataFrame) -> str:
    """How do campaigns and ordinary trade compare over the year? frame: campaign_year."""
    ours, rest = frame[frame["campaign"] != NO_CAMPAIGN], frame[frame["campaign"] == NO_CAMPAIGN]
    sums = pd.DataFrame([side[["contribution", "net_sales"]].sum() for side in (ours, rest)])
    kept = ratio(sums["contribution"], sums["net_sales"])
    if kept.isna().any():
        return "There are no net sales on both sides, with and without a campaign, so there is nothing to compare."
    gap = "less than" if kept[0] < kept[1] - MOVE else "more than" if kept[0] > kept[1] + MOVE else "the same as"
    with_one, without = map(percent, kept)
    return f"Sales with a campaign leave {with_one} of net sales as contribution, {gap} the {without} of sales without one."


# ---- targets -------------------------------------------------------------------------------------------------------------------


def attained(book: Book) -> pd.DataFrame:
    """Does reaching the sales target go with earning money? Channels with a target of the month; in a store's scope the store itself.

    `who`, `attainment` (net sales ÷ target), `attainment_contribution` where there is such a target, `net_sales`, `contribution`,
    `contribution_margin`; best attainment first. Channel targets are set for the company, so a store's scope can't use them.
    """
    frame = promoted(facts(book, "channel" if book.scope == "company" else "store"))
    wanted = ["who", "attainment", "attainment_contribution", "net_sales", "contribution", "contribution_margin"]
    frame = frame.rename(columns={"entity": "who"})
    frame = frame[[column for column in wanted if column in frame]]
    if "attainment" not in frame:
        return frame.assign(attainment=pd.Series(dtype=float)).iloc[:0]
    return frame.dropna(subset="attainment").sort_values(["attainment", "who"], ascending=[False, True], ignore_index=True)


def attained_said(frame: pd.DataFrame, currency: str) -> str:
    """Who reached the target, and what did that bring? frame: attained."""
    if frame.empty:
        return "No sales target is set here for this month, so attainment is blank, not zero."
    best, earns = frame.iloc[0], frame.loc[frame["contribution"].idxmax()]
    met = frame[frame["attainment"].round(9) >= 1]
    words = f"{len(met):,} of {len(frame):,} reached the sales target. {label(best['who'])} comes to {percent(best['attainment'])}"
    words += f" of it and contributes {money(best['contribution'], currency)}"
    words += "." if earns["who"] == best["who"] else f"; most comes from {label(earns['who'])}, {money(earns['contribution'], currency)}."
    losing = met[met["contribution"].round(9) < 0]
    return words + (f" Reached at a loss: {join_names(losing['who'])}." if len(losing) else "")


# ---- what a moving total hides -------------------------------------------------------------------------------------------------


def margin_split(book: Book, noun: str) -> pd.DataFrame:
    """What moved the gross margin since the previous month: the margins of the channels (or stores), or the mix of sales?

    noun: `channel` or `store`. As `split`, with the noun as first column, largest share first, and `cost_coverage` (the lower of
    the two months). Empty when there is no previous month, no net sales in either, or for stores in the scope of one.
    """
    empty = pd.DataFrame(columns=[noun, *SPLIT, "cost_coverage"], dtype=float)
    before = book.before()
    if before is None or (noun == "store" and book.scope != "company"):
        return empty
    ladder = margins(book.ladder(["month", noun], [before.month, book.month], orders=False)).set_index(noun)
    ladder = ladder.assign(costed_sales=costed(ladder))
    sides = [ladder[ladder["month"] == month] for month in (before.month, book.month)]
    if any(side["costed_sales"].sum() <= MOVE or side["net_sales"].sum() <= MOVE for side in sides):
        return empty
    frame = split(*sides)
    coverage = ladder.groupby(level=0)["cost_coverage"].min()
    frame = frame.assign(cost_coverage=coverage)[frame[["share_before", "share_now", "within", "mix"]].ne(0).any(axis=1)]
    return frame.rename_axis(noun).reset_index().sort_values(["share_now", noun], ascending=[False, True], ignore_index=True)


def split(before: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """The change of a total margin as what happened within its parts and what the mix of the parts did, exactly.

    before, now: a row per part (index) with `costed_sales`, `gross_profit` and `gross_margin` (blank where it can't be said).
    Out, per part: share_before, share_now (of the total's costed sales), margin_before, margin_now, part_before, part_now (its
    gross profit ÷ the total's sales: they add up to the total margins), and
    within = mean share × change of margin,
    mix = change of share × (mean margin − mean total margin).
    A part with a margin in one month only has within = 0: its coming or going is mix. Σ within + Σ mix = change of the total, always.
    Shift-share with mean weights (Marshall and Edgeworth), so neither month is favoured.

    >>> before = pd.DataFrame({"costed_sales": [50.0, 50.0], "gross_profit": [30.0, 10.0], "gross_margin": [0.6, 0.2]}, index=["a", "b"])
    >>> now = pd.DataFrame({"costed_sales": [75.0, 25.0], "gross_profit": [45.0, 5.0], "gross_margin": [0.6, 0.2]}, index=["a", "b"])
    >>> split(before, now)[["within", "mix"]].round(9).sum().tolist()
    [0.0, 0.1]
    """
    names = before.index.union(now.index)
    sides = [side.reindex(names) for side in (before, now)]
    sales = [side["costed_sales"].fillna(0.0) for side in sides]
    (share_0, share_1), (margin_0, margin_1) = [each / each.sum() for each in sales], [side["gross_margin"] for side in sides]
    part_0, part_1 = [side["gross_profit"].fillna(0.0) / each.sum() for side, each in zip(sides, sales, strict=True)]
    mean_total = (part_0.sum() + part_1.sum()) / 2
    within = ((share_0 + share_1) / 2 * (margin_1 - margin_0)).fillna(0.0)
    mix = part_1 - part_0 - (share_1 - share_0) * mean_total - within  # the shares' changes add up to nothing, so the middle term does too
    return pd.DataFrame(
        {"share_before": share_0, "share_now": share_1, "margin_before": margin_0, "margin_now": margin_1}
        | {"part_before": part_0, "part_now": part_1, "within": within, "mix": mix}
    )


def paradox(frame: pd.DataFrame) -> str:
    """Did every part's margin move one way and the total the other (Simpson's paradox)? `fell`, `rose` (the parts), or empty.

    frame: split or margin_split. A part with a margin in one month only has not moved; it takes two moving parts.

    >>> paradox(pd.DataFrame({"margin_before": [0.6, 0.2], "margin_now": [0.5, 0.1], "within": [-0.05, -0.05], "mix": [0.0, 0.2]}))
    'fell'
    """
    moves = (frame["margin_now"] - frame["margin_before"]).dropna()
    total = (frame["within"] + frame["mix"]).sum()
    if len(moves) >= 2 and (moves < -MOVE).all() and total > MOVE:
        return "fell"
    return "rose" if len(moves) >= 2 and (moves > MOVE).all() and total < -MOVE else ""


def margin_moves(frame: pd.DataFrame, noun: str, months: tuple[str, str], top: int = 6) -> pd.DataFrame:
    """The margins of the largest parts and of the total as rows month, noun, gross_margin, for a figure. frame: margin_split."""
    sides = [(months[0], "margin_before", "part_before"), (months[1], "margin_now", "part_now")]
    if frame.empty:
        return pd.DataFrame(columns=["month", noun, "gross_margin"])
    names = [f"all {noun}s", *frame[noun].head(top)]
    rows = [{"month": month, noun: names, "gross_margin": [frame[part].sum(), *frame[margin].head(top)]} for month, margin, part in sides]
    return pd.concat(map(pd.DataFrame, rows), ignore_index=True)


def margin_table(book: Book, frame: pd.DataFrame, noun: str) -> pd.DataFrame:
    """margin_split with its total below, the effects in points of margin."""
    sums = frame[[column for column in frame if column in SPLIT]].sum().to_dict()
    before = book.before()
    ladders = [margins(each.ladder()) for each in (before, book) if each]
    sums["cost_coverage"] = pd.concat(ladders)["cost_coverage"].min()
    total = sums | {noun: f"all {noun}s", "margin_before": sums["part_before"], "margin_now": sums["part_now"]}
    out = pd.concat([frame, pd.DataFrame([total])], ignore_index=True) if len(frame) else frame
    out = out.assign(within_points=out["within"] * 100, mix_points=out["mix"] * 100)
    return out[[noun, "share_before", "share_now", "margin_before", "margin_now", "cost_coverage", "within_points", "mix_points"]]


def margin_said(book: Book, frame: pd.DataFrame, noun: str) -> str:
    """Does the total's margin tell the truth about its parts? The warning when it doesn't. frame: margin_split."""
    if noun == "store" and book.scope != "company":
        return company_only(book)
    if book.before() is None:
        return "The month before has no sales, so no change of margin can be split."
    if frame.empty:
        return f"One of the two months has no net sales with a known cost, so the margins of the {noun}s can't be compared."
    before, now, within, mix = frame[["part_before", "part_now", "within", "mix"]].sum()
    parts = f"{points(within)} come from the margins themselves and {points(mix)} from the mix"
    moved = f"of the total's move from {percent(before)} to {percent(now)}, {parts}"
    if way := paradox(frame):
        total = "rose" if way == "fell" else "fell"
        return f"Warning: the margin {way} in every {noun} and {total} in the total. The mix hides it: {moved}."
    if (within < -MOVE and now - before > MOVE) or (within > MOVE and now - before < -MOVE):
        return f"Take care: the margins of the {noun}s pull one way on the whole, the total goes the other. The mix decides: {moved}."
    return f"The total does not contradict its {noun}s: {moved}."


def points(share: float) -> str:
    """A change of a margin in percentage points.

    >>> points(0.098), points(-0.013)
    ('+9.80 points', '−1.30 points')
    """
    return BLANK if pd.isna(share) else ("+" if round(share, 4) > 0 else "") + number(share * 100, 2) + " points"


# ---- the answer and the decisions ----------------------------------------------------------------------------------------------


def verdicts(book: Book) -> pd.DataFrame:
    """Which rules fire for channels, stores and campaigns? Decisions of the area `channel`, and targets met at a loss at these levels."""
    found = pd.concat([decide(book, "channel"), decide(book, "target")], ignore_index=True)
    found = found[found["level"].isin(["channel", "store", "campaign"])]
    return found.sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


def answer(book: Book) -> list[str]:
    """The month's channels in three numbers and one decision, in words."""
    frame, total, currency = by_channel(book), promoted(margins(book.ladder())).iloc[0], book.currency
    limit, found = book.policy.channel.max_promotion_share, verdicts(book)
    above = frame["promotion_share"].round(9) > limit
    who = label(book.name) if book.scope == "company" else f"{label(book.name)}, store {label(book.scope)}"
    kept, sales = money(total["contribution"], currency), money(total["net_sales"], currency)
    low = total["cost_coverage"] < book.policy.product.min_cost_coverage
    promotion = f"{percent(total['promotion_share'])} of net sales went into promotion; {above.sum():,} of {len(frame):,} channels"
    promotion += f" {'is' if above.sum() == 1 else 'are'} above the line of {percent(limit)}."
    if pd.isna(total["promotion_share"]):
        promotion = f"There are no net sales to set promotion of {money(total['promotion'], currency)} against."
    selling = frame.dropna(subset="contribution_margin")
    ends = ""
    if len(selling) > 1 and not low:
        most, least = selling.loc[selling["contribution"].idxmax()], selling.loc[selling["contribution_margin"].idxmin()]
        kept_least = f"{label(least['channel'])} ({percent(least['contribution_margin'])})"
        ends = f": most from {label(most['channel'])}, least of each unit from {kept_least}"
    return [
        f"{kept} of contribution from {sales} of net sales ({percent(total['contribution_margin'])}) in {who}{ends}.",
        *([coverage_said(book)] if low else []),
        promotion,
        margin_said(book, margin_split(book, "channel"), "channel"),
        sentence(found.iloc[0], currency) if len(found) else "No rule for channels fires: no promotion to suspend, no channel to leave.",
    ]


def verdicts_said(found: pd.DataFrame) -> str:
    """How many decisions are clear, and what innocent reasons speak for the first? found: verdicts."""
    if found.empty:
        return "No rule for channels, stores or campaigns fires this month."
    first, sure = found.iloc[0], int((found["confidence"] == "clear").sum())
    words = f"{len(found):,} to decide, {sure:,} of them clear. For {label(first['name'])} an innocent reason could be"
    return f"{words} {' or '.join(first['innocent'])}."
