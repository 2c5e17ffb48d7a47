"""`make alerts`: tells a company's people what is new or worse on the newest day of its data, once, where they read it.

The rules are those of the monthly report. What was told, to whom and at how much money stands in `<out>/<company>/alerts.json`; it is
written before and after each send, so that an interruption never makes a message come twice. Addresses (Apprise URLs, which hold
secrets) come from the environment only: they are in no file, output or error of the workbook.
"""

import argparse
import json
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from helpers import text
from helpers.batch import folder_names, locked
from helpers.book import Book, open_book
from helpers.company import Alerts
from helpers.contract import BadInput
from helpers.days import as_of
from helpers.decisions import decide, reason
from helpers.monthly_decisions.monthly_decisions import grouped
from helpers.policy import Policy, did_you_mean

FILE = "alerts.json"
PERSONAL = ("easing_off",)
"""Rules about a person: nobody is named to a whole chat room. For the same reason the level `employee` is left out of all rules."""
CHANCES = ("room_to_expand",)
"""Rules that tell of a chance, which waits for the monthly report."""
WHOLE_MONTH = ("low_profit_per_employee", "slow_stock", "payout_mismatch", "customers_at_risk")
"""Rules whose figures end with a month's last day: while it runs, they are those of the month before."""
FLOWS = ("low_gross_margin", "loss_maker", "margin_decay", "no_cost", "promotion_heavy", "channel_loss", "target_met_at_a_loss")
"""Rules whose money grows with every day of the month, so that it is compared by the day."""
WEEK = 7  # a month younger than this is taken for a week old: a bad Monday is no bad month
WAITS = (0, 5, 30)  # seconds before each try
PATIENCE = 30  # seconds until a server that took a message must have answered
ROOM = 6000  # letters of a message, where the service takes as many


# ---- what fires ------------------------------------------------------------------------------------------------------------------


def firing(book: Book) -> pd.DataFrame:
    """What asks for attention on the newest day of the data? The decisions of the book's month but those about a person or a chance.

    While the month runs, WHOLE_MONTH rules are those of the month before, or are left out where there is none. The orders of
    `payout_mismatch` are one row per store. Columns of `decide`, and days: how many of its month the figures cover. Most money first.
    """
    last, frame = as_of(book), decide(book)
    frame = grouped(frame, book.stores).assign(days=last.day)
    if last < book.last_day:
        frame = frame[~frame["rule"].isin(WHOLE_MONTH)]
        before = book.before()
        if before:
            areas = sorted({book.policy.rules[name].area for name in WHOLE_MONTH})
            earlier = pd.concat([decide(before, area) for area in areas], ignore_index=True)
            earlier = grouped(earlier[earlier["rule"].isin(WHOLE_MONTH)], before.stores).assign(days=before.last_day.day)
            frame = pd.concat([frame, earlier], ignore_index=True)
    frame = frame[~frame["rule"].isin([*PERSONAL, *CHANCES]) & (frame["level"] != "employee")]
    frame = frame.assign(money_at_stake=frame["money_at_stake"].fillna(0.0))
    return frame.sort_values(["money_at_stake", "rule", "entity"], ascending=[False, True, True], ignore_index=True)


# ---- what is news ----------------------------------------------------------------------------------------------------------------


def news(firing: pd.DataFrame, told: Iterable[Mapping], day: str, policy: Policy, wanted: Alerts) -> tuple[pd.DataFrame, list[dict]]:
    """What is new or worse since it was told? And what will have been told when that is.

    firing: as of `firing`; told: what a destination knows (rule, level, entity, month of a target, money, days, on, gone); day: the
    newest day of the data. New is what fires at `confidence`, with `min_money` or more, and isn't known; worse, what has grown by more
    than the policy's `worse_share` since it was told. What is known stays known while it fires, however weakly, and until it has been
    gone for `gone_days`. News: the rows of firing with `kind` (new, worse), and was, was_days and since: money, days and day when told.
    """
    known, rows, kinds, next_told = {_key(item): item for item in told}, [], [], []
    for number, row in enumerate(firing.to_dict("records")):
        month = row["month"] if row["area"] == "target" else ""  # each month's target is another one
        now = {"rule": row["rule"], "level": row["level"], "entity": row["entity"], "month": month}
        now |= {"money": round(float(row["money_at_stake"]), 2), "days": int(row["days"]), "on": day, "gone": None}
        was = known.pop(_key(now), None)
        was = None if was and _gone_for_good(was, day, policy) else was
        sure = now["money"] >= wanted.min_money and (row["confidence"] == "clear" or wanted.confidence == "close")
        if sure and (was is None or _worse(now, was, policy)):
            rows.append(number)
            kinds.append(("worse", was["money"], was["days"], was["on"]) if was else ("new", None, None, None))
            next_told.append(now)
        elif was:
            next_told.append({**was, "gone": None})
    for was in known.values():  # no longer firing
        was = {**was, "gone": was["gone"] or day}
        if not _gone_for_good(was, day, policy):
            next_told.append(was)
    found = firing.iloc[rows].reset_index(drop=True)
    found = found.join(pd.DataFrame(kinds, columns=["kind", "was", "was_days", "since"], index=found.index))
    return found, sorted(next_told, key=_key)


def _key(item: Mapping) -> tuple[str, ...]:
    return item["rule"], item["level"], item["entity"], item["month"]


def _gone_for_good(was: Mapping, day: str, policy: Policy) -> bool:
    return was["gone"] is not None and (date.fromisoformat(day) - date.fromisoformat(was["gone"])).days >= policy.alert.gone_days


def _worse(now: Mapping, was: Mapping, policy: Policy) -> bool:
    then = was["money"] / was["days"] * max(now["days"], WEEK) if now["rule"] in FLOWS else was["money"]  # had nothing changed
    # less than a unit of money more is no news where next to nothing was at stake
    return now["money"] > then * (1 + policy.alert.worse_share) and now["money"] - then >= 1


# ---- the message -----------------------------------------------------------------------------------------------------------------

_HARMLESS = str.maketrans({"<": "‹", ">": "›", "@": "＠", "*": "∗", "`": "ˋ", "~": "∼", "|": "¦", "[": "(", "]": ")", "\\": "∖"})


def plain(name: str, width: int = 40) -> str:
    """A name from someone's data for a chat or a mail: one line that calls nobody, links nowhere and is no markup there.

    >>> plain("<!channel> @all *x* [a](b)"), plain("http://x.com/a_b"), plain("no. 1.5 & _a_")
    ('‹!channel› ＠all ∗x∗ (a)(b)', 'http:∕∕x․com/a_b', 'no. 1.5 & ＿a＿')
    """
    line = text.label(name, width).translate(_HARMLESS)
    line = re.sub(r"(?<!\w)_|_(?!\w)", "＿", line).replace("//", "∕∕")
    line = re.sub(r"(?<=\w)\.(?=[^\W\d])", "․", line)  # a.b would be made a link
    return re.sub(r"&(?=#?\w+;)", "＆", line)


def message(found: pd.DataFrame, name: str, currency: str, day: str, room: int = ROOM) -> tuple[str, str]:
    """Title and text that tell the news: one group per rule, most money first, as much of each as the room (in letters) holds.

    found: as of `news`; name: of the company; day: the newest of the data. All text from data is made harmless by `plain`.
    """
    kinds = found["kind"].value_counts()
    counts = [f"{kinds[kind]} {kind}" for kind in ("new", "worse") if kind in kinds]
    title = f"{plain(name, 60)}, {day}: {' and '.join(counts)}"
    groups = [group for _, group in found.groupby("rule", sort=False)]
    for most, excused in ((8, True), (5, True), (3, True), (2, True), (1, True), (1, False)):
        parts = [_group(group, currency, most, excused) for group in groups]
        body = "\n\n".join([*parts, _foot(found, day)])
        if len(body) <= room:
            return title, body
    for kept in range(len(groups) - 1, 0, -1):
        body = "\n\n".join([*parts[:kept], f"And {sum(map(len, groups[kept:]))} more under other rules: see the month's report."])
        if len(body) <= room:
            return title, body
    return title, f"{parts[0][: max(room - 1, 0)]}…"


def _group(group: pd.DataFrame, currency: str, most: int, excused: bool) -> str:
    first = group.iloc[0]
    heading = ", ".join(dict.fromkeys(first[name].replace("_", " ") for name in ("verdict", "rule"))).capitalize()
    lines = [f"{heading} ({len(group)}): {first['action']}."]
    lines += [f"• {_line(row, currency)}" for _, row in group.head(most).iterrows()]
    if len(group) > most:
        lines.append(f"• and {len(group) - most} more, each with {text.money(group.iloc[most]['money_at_stake'], currency)} at most")
    return "\n".join([*lines, *([f"May be innocent: {'; '.join(first['innocent'])}."] if excused else [])])


def _line(row: pd.Series, currency: str) -> str:
    who = plain(row["name"]) if row["name"] == row["entity"] else f"{plain(row['name'])} ({plain(row['entity'], 24)})"
    who = "the company" if row["level"] == "company" else f"{row['level']} {who}"
    doubt = "" if row["confidence"] == "clear" else ", a close call"
    return f"{row['kind']}: {who}, {reason(row, currency)}{doubt}; {text.money(row['money_at_stake'], currency)} at stake in {row['month']}{_since(row, currency)}"


def _since(row: pd.Series, currency: str) -> str:
    if row["kind"] == "new":
        return ""
    told = f"when it was told on {row['since']}"
    if row["rule"] not in FLOWS:
        return f" ({text.money(row['was'], currency)} {told})"
    now, was = (text.money(money / days, currency) for money, days in ((row["money_at_stake"], row["days"]), (row["was"], row["was_days"])))
    return f" ({now} a day; {was} a day {told})"


def _foot(found: pd.DataFrame, day: str) -> str:
    running = (found["month"] == day[:7]) & (found["days"] < pd.Period(day[:7]).days_in_month)
    still = f"{day[:7]} still runs, its figures reach to {day}. " if running.any() else ""
    return f"{still}A verdict is a reason to look; the month's report has the evidence."


# ---- sending -----------------------------------------------------------------------------------------------------------------------

SENT, FAILED, UNSURE = "sent", "failed", "unsure"


def variable(destination: str) -> str:
    """The name of the environment variable that holds a destination's address.

    >>> variable("slack")
    'PROFIT_ALERT_SLACK'
    """
    return f"PROFIT_ALERT_{destination.upper()}"


def services(destinations: Iterable[str], environment: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Destination → Apprise's service for the URL in its variable, set up so that one send is one message.

    Raises BadInput, naming the variable and never its value, when one is missing, is no URL of Apprise, or names several recipients:
    when one of them failed, the others would get the message again. (Of a mail, further readers go into its `cc`.)
    """
    try:
        import apprise
    except ImportError:
        raise BadInput("sending needs the package apprise, which the workbook's extra `alerts` brings: make alerts, or pip install '.[alerts]'") from None  # fmt: skip
    asset = apprise.AppriseAsset(app_id="profit workbook", app_desc="profit workbook", async_mode=False, storage_mode="memory")
    made = {}
    for name in destinations:
        url = environment.get(variable(name), "").strip()
        if not url:
            others = [other for other in environment if other.startswith("PROFIT_ALERT_")]
            raise BadInput(f"{variable(name)} is not set in the environment; it holds the Apprise URL of `{name}`{did_you_mean(variable(name), others)}")  # fmt: skip
        with _Listening():
            try:
                service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
            except Exception:  # whatever it says may repeat the URL
                service = None
        if service is None:
            raise BadInput(f"{variable(name)} holds no URL that Apprise knows; see https://appriseit.com for that of your service")
        service.retry, service.optional, service.request_rate_per_sec = 0, False, 0  # tries are made here, and no failure is a success
        service.overflow_mode, service.socket_read_timeout = apprise.OverflowMode.TRUNCATE, PATIENCE
        if len(service) > 1:
            raise BadInput(f"{variable(name)} names {len(service)} recipients; give each a destination and a variable of its own (a mail may have `cc`)")  # fmt: skip
        made[name] = service
    return made


def room(service) -> int:
    """How many letters of text a service takes in one message, its title apart."""
    return min(ROOM, service.body_maxlen - (0 if service.title_maxlen else 250))


def send(service, title: str, body: str) -> str:
    """Hand a message to a service once: SENT, FAILED, or UNSURE when it was handed over and no answer came, so that it may have arrived."""
    import apprise

    box = apprise.Apprise(asset=service.asset)
    box.add(service)
    with _Listening() as heard:
        try:
            done = bool(box.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))
        except Exception:  # what it says may repeat the URL
            done = False
    return SENT if done else UNSURE if heard.unanswered() else FAILED


_HANDED_OVER = re.compile(
    r"Read timed out|Connection aborted|Connection unexpectedly closed|Socket Exception: (\S+ )?timed out|reset by peer"
)
_NEVER_BEGUN = re.compile(r"Max retries exceeded|Failed to establish|Connection error while submitting email")


class _Listening(logging.Handler):
    """Keeps what Apprise logs from every output, since it may repeat a URL, and hears whether a server took a message without an answer."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def unanswered(self) -> bool:
        return any(map(_HANDED_OVER.search, self.lines)) and not any(map(_NEVER_BEGUN.search, self.lines))

    def __enter__(self):
        self.log = logging.getLogger("apprise")
        self.before = self.log.handlers, self.log.level, self.log.propagate
        self.log.handlers, self.log.propagate = [self], False
        self.log.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *error):
        self.log.handlers, level, self.log.propagate = self.before
        self.log.setLevel(level)


# ---- what was told -----------------------------------------------------------------------------------------------------------------


def read_told(path: Path) -> dict[str, dict]:
    """What each destination was told: {destination: {"told": [items], "sending": None or [items]}}; nothing where there is no file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["destinations"]
        for one in found.values():
            for item in [*one["told"], *(one["sending"] or [])]:
                _key(item), float(item["money"]), int(item["days"]), [date.fromisoformat(item[name] or "2000-01-01") for name in ("on", "gone")]  # fmt: skip
        return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            f"{path} can't be read: it says what was told already; put it back, or delete it and all that fires is told anew"
        ) from None


def write_told(path: Path, told: Mapping[str, dict]) -> None:
    """Write the file whole and down to the disk before anything else happens."""
    half = path.with_name(f".{path.name}.half")
    with half.open("w", encoding="utf-8", newline="") as file:
        json.dump({"destinations": told}, file, indent=1, ensure_ascii=False, sort_keys=True)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


@dataclass(frozen=True)
class Told:
    """The file of what was told, and the tries to tell one destination more, each noted before and after it is made."""

    path: Path
    known: dict[str, dict]

    def of(self, destination: str) -> list[dict]:
        return self.known.get(destination, {}).get("told", [])

    def note(self, destination: str, told: list[dict], sending: list[dict] | None = None) -> None:
        self.known[destination] = {"told": told, "sending": sending}
        write_told(self.path, self.known)

    def interrupted(self) -> list[str]:
        """Destinations at which a run ended in the middle of a send. Their message may have arrived, so it counts as told."""
        found = [name for name, one in self.known.items() if one["sending"] is not None]
        for name in found:
            self.note(name, self.known[name]["sending"])
        return found

    def tell(self, destination: str, service, title: str, body: str, then: list[dict]) -> str:
        """Send, again after each definite failure: SENT, FAILED or UNSURE. `then`: what is told once it is sent."""
        outcome = FAILED
        for wait in WAITS:
            time.sleep(wait)
            self.note(destination, self.of(destination), then)
            outcome = send(service, title, body)
            self.note(destination, self.of(destination) if outcome == FAILED else then)
            if outcome != FAILED:
                break
        return outcome


# ---- the command -------------------------------------------------------------------------------------------------------------------


def run(
    data: str,
    out: str | Path = "reports",
    dry: bool = False,
    environment: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = print,
) -> int:
    """Tell each destination of the company what is new or worse; returns how many may not have got it.

    dry: say what would be sent and change nothing; then neither addresses nor `[alerts]` are needed.
    Raises BadInput, before anything is sent, for what can't be used.
    """
    book = open_book(data, "latest")
    wanted = book.company.settings.alerts
    if wanted is None and not dry:
        raise BadInput(
            'company.toml has no [alerts] section; write [alerts] and below it to = ["mail"], or see what would be sent with DRY=yes'
        )
    reached = {} if dry else services(wanted.to, environment)
    day, fires = str(as_of(book).date()), firing(book)
    home = Path(out) / folder_names([book.name])[book.name]
    if dry:
        wanted = wanted or Alerts(to=["anybody"])
        known = Told(home / FILE, read_told(home / FILE))
        for name in wanted.to:
            told = (known.known.get(name) or {}).get("sending") or known.of(name)
            found, _ = news(fires, told, day, book.policy, wanted)
            say(f"{name} would get:" if len(found) else f"{name}: nothing is new or worse on {day}.")
            if len(found):
                say("\n\n".join(message(found, book.name, book.currency, day)))
        return 0
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home):
            return _tell_all(book, Told(home / FILE, read_told(home / FILE)), reached, fires, day, say)
    except OSError as error:
        raise BadInput(
            f"{error.filename or home} can't be written: {error.strerror or error}; what was told must be noted there: OUT=folder"
        ) from error


def _tell_all(book: Book, known: Told, reached: Mapping[str, object], fires: pd.DataFrame, day: str, say: Callable[[str], None]) -> int:
    troubles = 0
    for name in known.interrupted():
        say(f"{name}: the run before ended while it was sending. The message may have arrived, so it is not sent again.")
        troubles += 1
    for name, service in reached.items():
        found, then = news(fires, known.of(name), day, book.policy, book.company.settings.alerts)
        if found.empty:
            known.note(name, then)
            say(f"{name}: nothing is new or worse on {day}.")
            continue
        title, body = message(found, book.name, book.currency, day, room(service))
        outcome = known.tell(name, service, title, body, then)
        if outcome == SENT:
            say(f"{name}: sent. {title}")
            continue
        troubles += 1
        if outcome == FAILED:
            say(f"{name}: NOT SENT after {len(WAITS)} tries; the next run tries again. Check {variable(name)} and the service.")
        else:
            say(f"{name}: NO ANSWER. The message may have arrived, so it is not sent again; it said:\n{title}\n\n{body}")
    return troubles


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.alerts", description="Tell what is new or worse on the newest day of the data."
    )
    parser.add_argument("--data", default="data/sample", help="company folder (default: the sample company)")
    parser.add_argument("--out", default="reports", help="where the reports are, beside which is noted what was told (default: reports)")
    parser.add_argument("--dry", default="", help="yes: print what would be sent, and send and change nothing")
    options = parser.parse_args(arguments)

    def stop(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        return 1 if run(options.data, options.out or "reports", _yes(options.dry), say=lambda line: print(line, flush=True)) else 0
    except BadInput as refusal:
        print(f"Refused: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What is sent is noted; the same command does the rest.", file=sys.stderr)
        return 130


def _yes(word: str) -> bool:
    if word.lower() not in ("", "yes", "true", "1", "no", "false", "0"):
        raise BadInput(f"DRY must be yes or no, not {word!r}")
    return word.lower() in ("yes", "true", "1")


if __name__ == "__main__":
    sys.exit(main())
