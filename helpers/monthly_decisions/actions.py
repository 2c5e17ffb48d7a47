"""What was done about decisions: the analyst's notes, each decision followed from month to month, and what goes away by itself."""

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from helpers import text
from helpers.book import Book, remembered
from helpers.history import EMPLOYERS, firings, followed_rules, months
from helpers.monthly_decisions.monthly_decisions import called, store_of
from helpers.policy import did_you_mean
from helpers.ratios import ratio, wilson

KEY = ["rule", "level", "entity"]
CHANCES = ("room_to_expand",)
"""Rules that tell of a chance, which nobody wants to be gone."""
ASKS = ("new", "open", "raised again")
"""States that ask for an answer."""
_LEVELS = {"products": ("product",), "channels": ("channel",), "employers": EMPLOYERS, "stocks": ("product",), "replenishment": ("product",),
           "payouts": ("store",), "regulars": ("segment",)}  # fmt: skip
"""Levels of the entities that a followed rule looks at."""


@remembered
def recorded(book: Book) -> pd.DataFrame:
    """The rows of actions.csv up to the end of the book's month, oldest first, and what is wrong with them.

    Columns: date and closed_on (ISO days, closed_on blank where it is not closed by then), month, rule, level (where it was left blank: the
    one at which the rule looks for such an id), entity (of an order with a wrong payout: its store), action, note, trouble (a sentence;
    blank where the row can be followed). What had not fired in a store alone is no trouble: the company is where it is told.
    """
    frame = book.sql(
        """select cast(date as varchar) as date, substr(cast(date as varchar), 1, 7) as month, rule, coalesce(level, '') as level, entity,
                  action, coalesce(note, '') as note, coalesce(cast(case when closed_on <= $last then closed_on end as varchar), '') as closed_on
           from actions where date <= $last order by date, rule, level, entity, action""",
        last=book.last_day.date(),
    )
    found, seen, entities = [], months(book), known_entities(book) if len(frame) else {}
    begun = firings(book).groupby(KEY)["month"].min().to_dict()
    for row in frame.to_dict("records"):
        row["rule"] = row["rule"].lower()
        if row["rule"] == "payout_mismatch" and row["entity"] not in book.stores:
            row["entity"] = store_of(row["entity"], book.stores)
        trouble = _unknown(book, row, entities)
        key = tuple(row[name] for name in KEY)
        if not trouble and book.scope == "company" and row["month"] >= seen[0] and begun.get(key, "9") > row["month"]:
            trouble = f"it had not fired up to {row['month']}"
        found.append(row | {"trouble": trouble})
    return pd.DataFrame(found, columns=[*frame.columns, "trouble"]).astype("str")


def known_entities(book: Book) -> dict[str, set[str]]:
    """Level → the ids that the company's tables know, whatever the book's scope, of the levels that the followed rules look at."""
    company, found = book.whole(), {"company": {"company"}, "segment": {"at_risk"}}
    found["team"] = set(company.sql("select distinct team from teams")["team"])
    products = "select product_id from products union select product_id from inventory union select product_id from ledger"
    found["product"] = set(company.sql(products)["product_id"])
    found["channel"] = set(company.sql("select distinct channel from ledger")["channel"])
    found["store"] = set(company.stores)
    return {level: ids - {None, ""} for level, ids in found.items()}


def _unknown(book: Book, row: dict, entities: dict[str, set[str]]) -> str:
    """What a row of actions names that isn't there, else blank; fills in the level."""
    rule = book.policy.rules.get(row["rule"])
    if rule is None:
        return f"there is no rule of that name{did_you_mean(row['rule'], book.policy.rules)}"
    if row["rule"] not in followed_rules(book):
        return "a target is one month's only" if rule.area == "target" else "a finding about a person is no case to be followed"
    levels = _LEVELS[rule.look]
    if row["level"] and row["level"] not in levels:
        return f"the rule looks at {text.join_names(levels)}, not at {row['level']}"
    at = [level for level in levels if row["entity"] in entities[level] and row["level"] in ("", level)]
    if len(at) > 1:
        return f"the id is that of a {' and of a '.join(at)}: fill in the level"
    if not at:
        wanted = row["level"] or (levels[0] if len(levels) == 1 else "one")
        return f"there is no {wanted} of that id{did_you_mean(row['entity'], set().union(*(entities[level] for level in levels)))}"
    row["level"] = at[0]
    return "closed before it was done" if "" < row["closed_on"] < row["date"] else ""


def recorded_said(book: Book) -> str:
    """How much of what was noted down can be followed, and which rows can't, in sentences."""
    if "actions" in book.missing:
        return book.lacks("actions").strip()
    frame = recorded(book)
    later = book.sql("select count(*) as n from actions where date > $last", last=book.last_day.date())["n"][0]
    words = [f"{text.count(len(frame), 'action')} noted down up to {book.last_day.date()}"]
    bad = frame[frame["trouble"] != ""]
    if len(bad):
        words.append(f"{len(bad):,} of them can't be followed")
    if later:
        words.append(f"{later:,} of a later day")
    return "; ".join(words) + "."


def troubles(book: Book) -> pd.DataFrame:
    """Rows of actions.csv that can't be followed: date, rule, level, entity, what_is_wrong."""
    frame = recorded(book)
    bad = frame[frame["trouble"] != ""].rename(columns={"trouble": "what_is_wrong"})
    return bad[["date", *KEY, "what_is_wrong"]].reset_index(drop=True)


def _sound(book: Book) -> pd.DataFrame:
    frame = recorded(book)
    return frame[frame["trouble"] == ""].drop(columns="trouble").reset_index(drop=True)


# ---- each decision, month by month -----------------------------------------------------------------------------------------------


@remembered
def followed(book: Book) -> pd.DataFrame:
    """Every decision that fired in the book's month or the six before it, from raised to closed; what still fires first, most money first.

    Columns: state, area, rule, verdict, level, entity, name, raised (the month), earlier (it may have been raised before the months that are
    looked at), months (how many it has fired since), times (how often it was raised), stake_raised, stake (of the book's month; 0 where it
    does not fire), acted_on and action (the last one since it was raised), closed_on (by the analyst).

    state: `new` (raised this month), `open` (fires, nobody noted an action since it was raised), `acted on` (fires, somebody did),
    `gone` (fires no longer), `closed` (the analyst closed it), `raised again`: fires after it was gone, or although it was closed and with
    more than the policy's worse_share more money at stake than then, and nobody has acted since.
    """
    frame, seen = firings(book), months(book)
    noted = dict(list(_sound(book).groupby(KEY)))
    stakes, about = {}, {}
    for *key, month, stake, area, verdict in frame[[*KEY, "month", "money_at_stake", "area", "verdict"]].itertuples(index=False):
        stakes.setdefault(tuple(key), {})[month] = stake
        about[tuple(key)] = {"area": area, "verdict": verdict}
    worse = book.policy.alert.worse_share
    rows = [
        dict(zip(KEY, key, strict=True)) | about[key] | _case(by_month, seen, noted.get(key), worse, seen[0] > book.months[0])
        for key, by_month in stakes.items()
    ]
    columns = ["state", "area", "rule", "verdict", "level", "entity", "name", "raised", "earlier", "months", "times", "stake_raised", "stake",
               "acted_on", "action", "closed_on"]  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=columns)
    frame = pd.DataFrame(rows)
    frame = frame.assign(
        name=called(book, frame["level"], frame["entity"]),
        order=frame["state"].map(dict.fromkeys([*ASKS, "acted on"], 0) | {"closed": 1, "gone": 2}),
    )
    order = ["order", "stake", "stake_raised", *KEY]
    return frame.sort_values(order, ascending=[True, False, False, True, True, True], ignore_index=True)[columns]


def _case(stakes: dict[str, float], seen: list[str], noted: pd.DataFrame | None, worse: float, before: bool) -> dict:
    """One decision's way. stakes: money at stake by the months in which it fired; seen: all months looked at; noted: its actions; before:
    are there earlier months?"""
    starts = [month for month, last in zip(seen, ["", *seen], strict=False) if month in stakes and last not in stakes]
    raised, again = starts[-1], len(starts) > 1
    shut = noted["closed_on"].max() if noted is not None else ""
    if shut:
        until = [stake for month, stake in stakes.items() if month <= shut[:7]]
        limit = until[-1] * (1 + worse) if until else np.inf
        anew = [month for month, stake in stakes.items() if month > shut[:7] and (month in starts or stake > limit)]
        if anew:
            raised, again, shut = max(anew[0], raised), True, ""
    earlier = before and raised == seen[0]
    # what fires since before the first month looked at may have been acted on before it as well
    mine = noted[noted["month"] >= ("" if earlier else raised)] if noted is not None else ()
    date, action = mine[["date", "action"]].iloc[-1] if len(mine) else ("", "")
    state = ("closed" if shut else "gone" if seen[-1] not in stakes else "acted on" if date else "raised again" if again
             else "new" if raised == seen[-1] else "open")  # fmt: skip
    return {
        "state": state, "raised": raised, "earlier": earlier, "months": sum(month >= raised for month in stakes), "times": len(starts),
        "stake_raised": stakes[raised], "stake": stakes.get(seen[-1], 0.0), "acted_on": date, "action": action, "closed_on": shut,
    }  # fmt: skip


def followed_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `followed` for a table."""
    return pd.DataFrame({
        "state": frame["state"], "rule": frame["rule"].str.replace("_", " "), "who": who(frame),
        "raised": [f"by {month}" if earlier else month for month, earlier in zip(frame["raised"], frame["earlier"], strict=True)],
        "months": frame["months"], "stake_then": frame["stake_raised"], "stake_now": frame["stake"],
        "acted_on": frame["acted_on"].replace("", "–"), "what": frame["action"].replace("", "–"),
    })  # fmt: skip


def who(frame: pd.DataFrame) -> list[str]:
    """Level and name of each row, the company by its level alone."""
    return [level if level == "company" else f"{level} {name}" for level, name in zip(frame["level"], frame["name"], strict=True)]


def followed_said(book: Book, frame: pd.DataFrame) -> str:
    """How do the decisions stand, and which has waited longest for an answer? frame: followed."""
    if frame.empty:
        return "No rule that can be followed from month to month has fired in these months."
    count = frame["state"].value_counts()
    words = {"open": "open without an answer", "new": "new", "acted on": "acted on and still firing", "raised again": "raised again",
             "closed": "closed", "gone": "gone"}  # fmt: skip
    said = ", ".join(f"{count[state]:,} {name}" for state, name in words.items() if count.get(state))
    sentence = f"Of {text.count(len(frame), 'decision')} since {months(book)[0]}: {said}."
    waiting = frame[frame["state"].isin(["open", "raised again"]) & ~frame["rule"].isin(CHANCES)]
    if len(waiting):
        worst = waiting.loc[waiting["months"] == waiting["months"].max()].sort_values("stake", ascending=False, kind="stable").iloc[0]
        named = "the company" if worst["level"] == "company" else f"{worst['level']} {text.label(worst['name'])}"
        since = f"{text.count(worst['months'], 'month')}{' at least' if worst['earlier'] else ''}"
        sentence += (
            f" Longest without an answer: {worst['rule'].replace('_', ' ')} of {named}, {since}, "
            f"{text.money(worst['stake'], book.currency)} at stake this month."
        )
    return sentence


def timeline(book: Book, frame: pd.DataFrame) -> pd.DataFrame:
    """For a figure: each row of `followed` with every month looked at: who, state, chance, month, fires, acted, a row per decision and month."""
    fired = set(map(tuple, firings(book)[[*KEY, "month"]].to_numpy()))
    acted = set(map(tuple, _sound(book)[[*KEY, "month"]].to_numpy()))
    rows = []
    for row in frame.to_dict("records"):
        key = tuple(row[name] for name in KEY)
        called_by = f"{row['rule'].replace('_', ' ')}: {text.label(row['name'], 36 - len(row['rule']))}"
        about = called_by, row["state"], row["rule"] in CHANCES
        rows += [(*about, month, (*key, month) in fired, (*key, month) in acted) for month in months(book)]
    return pd.DataFrame(rows, columns=["who", "state", "chance", "month", "fires", "acted"])


# ---- what goes away by itself ----------------------------------------------------------------------------------------------------


@remembered
def fates(book: Book) -> pd.DataFrame:
    """How many firings are gone a month later, where nobody acted, and where somebody did? One row per rule, and `all rules` last.

    A firing is one decision, no chance, in one month of which the next month is known. It was acted on where an action is noted from the month in
    which it was raised to the month after the firing. Columns: rule, left_alone, gone, share, low, high (Wilson's interval of the share at the
    policy's confidence), left (what was at stake a month later of 1 at stake at first), acted_on, gone_after, share_after.
    """
    frame, seen = firings(book), months(book)
    followers = dict(zip(seen, seen[1:], strict=False))
    stakes = {tuple(row[:4]): row[4] for row in frame[[*KEY, "month", "money_at_stake"]].to_numpy()}
    noted = {key: list(group["month"]) for key, group in _sound(book).groupby(KEY)}
    rows = []
    for (*key, month), stake in stakes.items():
        if month not in followers or key[0] in CHANCES:
            continue
        then, start = stakes.get((*key, followers[month])), seen.index(month)
        while start and (*key, seen[start - 1]) in stakes:
            start -= 1
        begun = seen[start] if start or seen[0] == book.months[0] else ""
        acted = any(begun <= when <= followers[month] for when in noted.get(tuple(key), []))
        rows.append((key[0], acted, then is None, stake, then or 0.0))
    frame = pd.DataFrame(rows, columns=["rule", "acted", "gone", "stake", "then"])
    frame = frame.astype({"acted": bool, "gone": bool, "stake": float, "then": float})
    found = [_fate(name, part) for name, part in [*frame.groupby("rule"), ("all rules", frame)] if len(part)]
    columns = ["rule", "left_alone", "gone", "share", "low", "high", "left", "acted_on", "gone_after", "share_after"]
    found = pd.DataFrame(found, columns=columns[:3] + columns[6:9])
    low, high = wilson(found["gone"], found["left_alone"])
    share, after = ratio(found["gone"], found["left_alone"]), ratio(found["gone_after"], found["acted_on"])
    return found.assign(share=share, low=low.clip(lower=0), high=high, share_after=after)[columns]


def _fate(name: str, part: pd.DataFrame) -> dict:
    alone, acted = part[~part["acted"]], part[part["acted"]]
    stake = alone["stake"].sum()
    return {
        "rule": name, "left_alone": len(alone), "gone": int(alone["gone"].sum()),
        "left": alone["then"].sum() / stake if stake > 0 else np.nan, "acted_on": len(acted), "gone_after": int(acted["gone"].sum()),
    }  # fmt: skip


def acted_against_alone(frame: pd.DataFrame) -> tuple[int, float, float]:
    """Firings that were gone after acting; how many would have been if acting made no difference; and the p-value of the two being apart.

    frame: fates. Rule is held against rule, since some go away by themselves and others never do: Mantel and Haenszel (1959), with their
    correction for continuity.

    >>> two = pd.DataFrame({"left_alone": [20, 10], "gone": [5, 0], "acted_on": [20, 10], "gone_after": [15, 0]})
    >>> gone, expected, p = acted_against_alone(two.assign(rule=["a", "b"]))
    >>> gone, expected, round(p, 4)  # (5 − 0.5)² ÷ (20 · 20 · 20 · 20 ÷ 40² ÷ 39), one degree of freedom
    (15, 10.0, 0.005)
    """
    each = frame[frame["rule"] != "all rules"]
    alone, acted = each["left_alone"].to_numpy(float), each["acted_on"].to_numpy(float)
    gone, whole = (each["gone"] + each["gone_after"]).to_numpy(float), alone + acted
    known = whole > 1
    expected = float((acted * gone / np.where(whole > 0, whole, 1)).sum())
    spread = float((acted * alone * gone * (whole - gone))[known] @ (1 / (whole[known] ** 2 * (whole[known] - 1))))
    after = int(each["gone_after"].sum())
    p = chdtrc(1, max(abs(after - expected) - 0.5, 0) ** 2 / spread) if spread > 0 else 1.0
    return after, expected, float(p)


def fate_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of `fates` for a table or figure."""
    return frame.assign(rule=frame["rule"].str.replace("_", " ")).rename(columns={"low": "from", "high": "to"})


def fates_said(frame: pd.DataFrame) -> str:
    """How much goes away by itself, and how much after acting? frame: fates."""
    if frame.empty or not frame["left_alone"].iloc[-1]:
        return "No firing was left alone in a month of which the next is known, so nobody can tell what goes away by itself."
    whole = frame.iloc[-1]
    said = (
        f"Of {text.count(whole['left_alone'], 'firing')} that nobody acted on, {whole['gone']:,} "
        f"({text.percent(whole['share'], 0)}; {text.percent(whole['low'], 0)} to {text.percent(whole['high'], 0)}) were gone a month later"
    )
    if not whole["acted_on"]:
        return f"{said}. None was acted on, so there is nothing to hold against it."
    after, expected, p = acted_against_alone(frame)
    told = (
        "a difference that chance explains"
        if p > 0.05
        else "more than chance explains"
        if after > expected
        else "fewer than chance explains"
    )
    return (
        f"{said}; of {whole['acted_on']:,} acted on, {after:,}, where rule by rule {text.number(expected, 1)} would have been "
        f"if acting made no difference: {told}."
    )
