"""Planning again without the ratchet: the target stays as it was set, and a surplus never becomes the next target.

Source of the warning: a target that rises with every surplus teaches people to hold back (the ratchet effect).
"""

import numpy as np
import pandas as pd

from helpers import days
from helpers.book import Book, remembered
from helpers.facts import month_targets, nobody
from helpers.targets_and_pacing.forecast import attainment_probabilities
from helpers.targets_and_pacing.targets import CENT, RECENT, YEAR, monthly, proposal, root
from helpers.text import label, money, number


def replanned(book: Book) -> pd.DataFrame:
    """What was asked, what is expected now, and what may be asked next? One row per sales target above zero, the root first, then by size.

    level, entity, set (the target, which stays as it is), forecast (where the month will land; what was sold when it is over), apart
    (forecast − set), next_by_history (what history would ask next month, this month included), next_by_ratchet (that and the whole
    surplus over this month's target). The last two are blank while the month is running or has no season to go by.
    """
    frame = attainment_probabilities(book, month_targets(book).query("metric == 'net_sales' and target > 0"))
    over = days.as_of(book) == book.last_day
    following = {level: _following(book, level) if over else pd.Series(dtype=float) for level in frame["level"].unique()}
    following["campaign"] = pd.Series(dtype=float)  # a campaign has no next month
    asked = [following[level].get(entity, np.nan) for level, entity in zip(frame["level"], frame["entity"], strict=True)]
    frame = frame.rename(columns={"target": "set", "landing": "forecast"}).assign(next_by_history=asked)
    apart = frame["forecast"].astype(float) - frame["set"]
    frame = frame.assign(apart=apart, next_by_ratchet=frame["next_by_history"] + apart.clip(lower=0))
    first = ~((frame["level"] == root(book)[0]) & (frame["entity"] == root(book)[1]))
    frame = frame.assign(_first=first).sort_values(
        ["_first", "set", "level", "entity"], ascending=[True, False, True, True], ignore_index=True
    )
    return frame[["level", "entity", "set", "forecast", "apart", "next_by_history", "next_by_ratchet"]]


def _following(book: Book, level: str) -> pd.Series:
    """What history, with the book's month in it, would ask of each entity in the month after it."""
    top = root(book)
    values, whole = (monthly(book, each, "net_sales", now=True) for each in (level, top[0]))
    return proposal(values, whole[top[1]]) if top[1] in whole and len(values.columns) else pd.Series(dtype=float)


def replanned_said(frame: pd.DataFrame, currency: str) -> str:
    """Where is the forecast farthest from what was set, and what would a ratchet make of the largest surplus? frame: replanned, `who`."""
    known = frame.dropna(subset="forecast")
    if known.empty:
        return "There is no sales target with a forecast, so nothing stands beside what was set."
    row = known.loc[known["apart"].abs().idxmax()]
    way = "above" if row["apart"] > 0 else "below"
    said = f"{label(row['who'])} is farthest from what was set: {money(abs(row['apart']), currency)} {way} {money(row['set'], currency)}, which stays."
    extra = known[(known["apart"] > CENT) & known["next_by_history"].notna()]
    if len(extra):
        best = extra.loc[extra["apart"].idxmax()]
        name = label(best["who"])
        said += f" {name[0].upper()}{name[1:]} has the largest surplus: history would ask {money(best['next_by_history'], currency)} next month,"
        said += f" a ratchet {money(best['next_by_ratchet'], currency)}."
    return said[0].upper() + said[1:]


@remembered
def year_of_targets(book: Book, level: str) -> pd.DataFrame:
    """The last twelve months of net sales of each entity: month, entity, sales, fair (what history would have asked, knowing only the
    months before), given (the target that was set, blank where none was). Months whose season or growth nobody could know are left out."""
    months = book.months_back(3 * YEAR + 1)
    values, whole = monthly(book, level, "net_sales", now=True), monthly(book, root(book)[0], "net_sales", now=True).get(root(book)[1])
    rows = []
    over = days.as_of(book) == book.last_day  # a month that still runs says nothing yet
    for position in range(len(months) - YEAR, len(months) - (not over)):
        if whole is None or not (whole.iloc[position - YEAR] > 0 and whole.iloc[position - YEAR - 1] > 0):
            continue
        fair = proposal(values.iloc[:position], whole.iloc[:position]).rename("fair")
        month = pd.DataFrame({"month": months[position], "sales": values.iloc[position].fillna(0.0), "fair": fair})
        rows.append(month.rename_axis("entity").reset_index())
    frame = pd.concat(rows) if rows else pd.DataFrame(columns=["month", "entity", "sales", "fair"])
    given = book.sql(
        """select substr(cast(month as varchar), 1, 7) as month, entity, cast(target as double) as given from targets
           where level = $level and metric = 'net_sales' order by month, entity""",
        level=level,
    )
    frame = frame.merge(given, on=["month", "entity"], how="left")[["month", "entity", "sales", "fair", "given"]]
    return frame.sort_values(["entity", "month"], ignore_index=True)


def ratchet(sales: pd.Series, fair: pd.Series) -> pd.DataFrame:
    """What happens to a target when each month's surplus is added to all later ones, and a shortfall takes nothing back?

    sales, fair: by month, in order; fair is what history would ask. Columns: sales, fair, ratchet (fair + all surplus so far),
    reached_fair, reached_ratchet.

    >>> year = ratchet(pd.Series([120.0, 110.0, 125.0]), pd.Series([100.0, 100.0, 100.0]))
    >>> year["ratchet"].tolist(), year["reached_ratchet"].tolist()
    ([100.0, 120.0, 120.0], [True, False, True])
    """
    surplus, asked = 0.0, []
    for sold, base in zip(sales, fair, strict=True):
        asked.append(base + surplus)
        surplus += max(0.0, sold - asked[-1])
    frame = pd.DataFrame({"sales": sales.to_numpy(float), "fair": fair.to_numpy(float), "ratchet": asked}, index=sales.index)
    reached = {f"reached_{kind}": frame["sales"] >= frame[kind] - CENT for kind in ("fair", "ratchet")}
    return frame.assign(**reached)


def held_back(book: Book, level: str) -> pd.DataFrame:
    """What would a ratchet pay for? Each entity's last twelve months, once selling all it can and once stopping at its target.

    One row per entity with at least three months that history can ask for: entity, months, reached (of them, under the ratchet, selling
    all), reached_holding_back (under the ratchet, never selling more than the target, so that it never rises), target_after (of the
    last month under the ratchet), fair_after (the same month as history asks), unsold (sales that the company would lose by holding
    back, all months together). Largest gain in months first.
    """
    rows = []
    for entity, part in year_of_targets(book, level).dropna(subset="fair").groupby("entity"):
        part = part[part["fair"] > CENT]
        if len(part) < RECENT or entity == nobody(level):
            continue
        year = ratchet(part["sales"], part["fair"])
        lost = (year["sales"] - year["fair"]).clip(lower=0).sum()
        reached = {"reached": int(year["reached_ratchet"].sum()), "reached_holding_back": int(year["reached_fair"].sum())}
        after = {"target_after": year["ratchet"].iloc[-1], "fair_after": year["fair"].iloc[-1]}
        rows.append({"entity": entity, "months": len(part)} | reached | after | {"unsold": lost})
    columns = ["entity", "months", "reached", "reached_holding_back", "target_after", "fair_after", "unsold"]
    frame = pd.DataFrame(rows, columns=columns)
    gain = frame["reached_holding_back"] - frame["reached"]
    order = frame.assign(gain=gain).sort_values(["gain", "unsold", "entity"], ascending=[False, False, True]).index
    return frame.loc[order].reset_index(drop=True)


def ratchet_year(book: Book) -> pd.DataFrame:
    """The root's last months as of `ratchet`, with `given`, the target that was set and stays as it is. Index: month."""
    frame = year_of_targets(book, root(book)[0])
    frame = frame[(frame["entity"] == root(book)[1]) & frame["fair"].notna()].set_index("month")
    return ratchet(frame["sales"], frame["fair"]).assign(given=frame["given"])


def ratchet_lines(frame: pd.DataFrame) -> pd.DataFrame:
    """The months of `ratchet_year` as rows month, what (`net sales`, `ratchet`), part (of what history would ask), for a figure."""
    parts = frame[["sales", "ratchet"]].div(frame["fair"].where(frame["fair"] > CENT), axis=0).rename(columns={"sales": "net sales"})
    return parts.rename_axis("month").reset_index().melt("month", var_name="what", value_name="part").dropna(subset="part")


def ratchet_said(frame: pd.DataFrame, currency: str) -> str:
    """What does the ratchet do to the company's own months? frame: ratchet_year."""
    if len(frame) < RECENT:
        return "Fewer than three months have a month a year before to be judged by, so no year of ratcheting can be shown."
    last = frame.iloc[-1]
    more = last["ratchet"] - last["fair"]
    said = f"After {number(len(frame))} months the ratchet asks for {money(last['ratchet'], currency)}, {money(more, currency)} more than history does."
    said += f" The same sales reach {number(frame['reached_fair'].sum())} of these targets without it and {number(frame['reached_ratchet'].sum())} with it."
    return said + (" There was hardly a surplus to add." if more <= CENT else "")


def held_back_said(frame: pd.DataFrame, currency: str) -> str:
    """Who would gain most by holding back under a ratchet, and what would the company lose? frame: held_back with `who`."""
    if frame.empty:
        return "Nobody has three months that history could ask for, so what holding back would bring can't be shown."
    row = frame.iloc[0]
    if row["reached_holding_back"] <= row["reached"]:
        return "On these months nobody would have reached more targets by holding back."
    lower = money(row["target_after"] - row["fair_after"], currency)
    who = label(row["who"])
    return (
        f"{who[0].upper()}{who[1:]} reaches {number(row['reached'])} of {number(row['months'])} targets by selling all, and"
        f" {number(row['reached_holding_back'])} by stopping at each target, with a last target {lower} lower; the company goes without"
        f" {money(row['unsold'], currency)} of sales."
        + (f" All {number(len(frame))} together: {money(frame['unsold'].sum(), currency)}." if len(frame) > 1 else "")
    )
