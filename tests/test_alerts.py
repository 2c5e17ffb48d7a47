"""Alerts: what is news, what a message may hold, and that real servers get each message once."""

import email
import email.policy
import http.server
import json
import re
import socketserver
import sys
import threading
import time
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from folders import LINES, TOML, write

from helpers import alerts
from helpers.batch import locked
from helpers.book import open_book
from helpers.company import PROJECT, Alerts, fingerprint, open_company
from helpers.contract import BadInput
from helpers.policy import load_policy

POLICY = load_policy()
ALL = Alerts(to=["chat"])
TOKEN = "s3cr3t-t0ken"


def fires(money: float, rule: str = "loss_maker", entity: str = "P1", days: int = 10, month: str = "2025-12", **other) -> dict:
    return {
        "rule": rule, "area": "product", "level": "product", "entity": entity, "name": entity, "month": month, "days": days,
        "money_at_stake": money, "confidence": "clear", "verdict": "stop_loss", "metric": "contribution", "value": -money, "threshold": 0.0,
        "action": "stop the ads", "innocent": ["a launch"], "owner": "E1", "scope": "company",
    } | other  # fmt: skip


def told_after(*runs: tuple[str, list[dict]], wanted: Alerts = ALL) -> list[list[str]]:
    """The news of each run (day, what fires), one after the other, as `kind entity`."""
    told, said = [], []
    for day, rows in runs:
        found, told = alerts.news(pd.DataFrame(rows, columns=list(fires(0))), told, day, POLICY, wanted)
        said.append([f"{row.kind} {row.entity}" for row in found.itertuples()])
    return said


# ---- what is news ----------------------------------------------------------------------------------------------------------------


def test_what_fires_is_told_once():
    rows = [fires(90), fires(50, entity="P2"), fires(50, rule="low_gross_margin")]
    assert told_after(("2025-12-10", rows), ("2025-12-10", rows), ("2025-12-11", [*rows, fires(5, entity="P3")])) == [
        ["new P1", "new P2", "new P1"], [], ["new P3"],
    ]  # fmt: skip


def test_worse_is_a_quarter_more_than_what_was_told():
    stock = lambda money: [fires(money, rule="oversell_risk")]  # noqa: E731
    days = [(f"2025-12-{day}", stock(money)) for day, money in {10: 100, 11: 125, 12: 125.01, 13: 150, 14: 100, 15: 156, 16: 157}.items()]
    assert told_after(*days) == [["new P1"], [], ["worse P1"], [], [], [], ["worse P1"]]  # 1.25 × 125.01 = 156.26


def test_money_that_grows_with_the_month_is_compared_by_the_day():
    # told at 100 after 10 days, 10 a day; worse beyond 12.50 a day: 250 after 20 days
    assert told_after(("2025-12-10", [fires(100)]), ("2025-12-20", [fires(250, days=20)])) == [["new P1"], []]
    assert told_after(("2025-12-10", [fires(100)]), ("2025-12-20", [fires(252, days=20)])) == [["new P1"], ["worse P1"]]


def test_the_first_days_of_a_month_count_as_a_week():
    december, runs = ("2025-12-31", [fires(3100, days=31)]), ("2026-01-03", "2026-01-07")  # 100 a day
    assert told_after(december, (runs[0], [fires(600, days=3, month="2026-01")])) == [["new P1"], []]  # 600 ÷ 7 = 86
    assert told_after(december, (runs[1], [fires(882, days=7, month="2026-01")])) == [["new P1"], ["worse P1"]]  # 882 ÷ 7 = 126


def test_a_cent_more_than_nothing_is_no_news():
    nothing = [fires(0, rule="off_pace")]
    assert told_after(("2025-12-10", nothing), ("2025-12-11", [fires(0.99, rule="off_pace")])) == [["new P1"], []]
    assert told_after(("2025-12-10", nothing), ("2025-12-11", [fires(1, rule="off_pace")])) == [["new P1"], ["worse P1"]]


def test_a_close_call_is_no_news_but_keeps_what_is_known():
    close, clear = [fires(100, confidence="close")], [fires(100)]
    assert told_after(("2025-12-01", close), ("2025-12-02", clear), ("2025-12-20", close), ("2025-12-29", clear)) == [
        [],
        ["new P1"],
        [],
        [],
    ]
    assert told_after(("2025-12-01", close), wanted=Alerts(to=["chat"], confidence="close")) == [["new P1"]]


def test_little_money_is_no_news():
    wanted = Alerts(to=["chat"], min_money=100)
    days = [(f"2025-12-{day}", [fires(money, rule="oversell_risk")]) for day, money in {10: 99.99, 11: 100, 12: 50, 13: 100}.items()]
    assert told_after(*days, wanted=wanted) == [[], ["new P1"], [], []]


def test_what_was_gone_for_a_fortnight_is_new_again_and_sooner_is_not():
    on = [fires(100)]
    assert told_after(("2025-12-01", on), ("2025-12-02", []), ("2025-12-15", on), ("2025-12-16", [])) == [["new P1"], [], [], []]
    assert told_after(("2025-12-01", on), ("2025-12-02", []), ("2025-12-16", on)) == [["new P1"], [], ["new P1"]]
    # looked at every day, and it is away for only six days at a time
    flips = [(f"2025-12-{day:02}", on if day % 7 == 1 else []) for day in range(1, 31)]
    assert [said for said in told_after(*flips) if said] == [["new P1"]]
    assert alerts.news(pd.DataFrame(columns=list(fires(0))), [_item(gone="2025-12-01")], "2025-12-15", POLICY, ALL)[1] == []


def _item(**other) -> dict:
    return {
        "rule": "loss_maker", "level": "product", "entity": "P1", "month": "", "money": 100.0, "days": 10, "on": "2025-11-30", "gone": None,
    } | other  # fmt: skip


def test_older_data_than_before_tells_and_forgets_nothing():
    assert told_after(("2025-12-20", [fires(100)]), ("2025-12-21", []), ("2025-12-02", []), ("2025-12-22", [fires(100)]))[1:] == [
        [],
        [],
        [],
    ]


def test_each_month_s_target_is_another_one():
    missed = [fires(100, rule="off_pace", area="target", level="store", month=month, days=31) for month in ("2025-12", "2026-01")]
    assert told_after(("2025-12-31", missed[:1]), ("2026-01-08", missed[1:]), ("2026-01-09", missed[1:])) == [["new P1"], ["new P1"], []]


def test_the_numbers_told_with_what_is_worse():
    rows = pd.DataFrame([fires(130, rule="oversell_risk")])
    found, told = alerts.news(rows, [_item(rule="oversell_risk")], "2025-12-10", POLICY, ALL)
    assert found[["was", "since"]].values.tolist() == [[100.0, "2025-11-30"]]
    assert told == [_item(rule="oversell_risk", money=130.0, on="2025-12-10")]


def test_the_rules_that_are_told_apart_are_the_policy_s():
    assert {*alerts.PERSONAL, *alerts.CHANCES, *alerts.WHOLE_MONTH, *alerts.FLOWS} <= set(POLICY.rules)


# ---- the message -----------------------------------------------------------------------------------------------------------------


def shown(rows: list[dict], room: int = alerts.ROOM) -> tuple[str, str]:
    found, _ = alerts.news(pd.DataFrame(rows), [], "2025-12-10", POLICY, ALL)
    return alerts.message(found, "Shop", "CNY", "2025-12-10", room)


def test_a_message_word_by_word():
    rows = [
        fires(1200),
        fires(300, rule="no_cost", verdict="no_cost", entity="P2", name="Mug", metric="cost_coverage", value=0.5, threshold=0.95),
    ]
    assert shown(rows) == (
        "Shop, 2025-12-10: 2 new",
        "Stop loss, loss maker (1): stop the ads.\n"
        "• new: product P1, contribution −CNY 1,200 against CNY 0; CNY 1,200 at stake in 2025-12\n"
        "May be innocent: a launch.\n\n"
        "No cost (1): stop the ads.\n"
        "• new: product Mug (P2), cost coverage 50.0% against 95.0%; CNY 300 at stake in 2025-12\n"
        "May be innocent: a launch.\n\n"
        "2025-12 still runs, its figures reach to 2025-12-10. A verdict is a reason to look; the month's report has the evidence.",
    )


def test_worse_says_what_was_told():
    found, _ = alerts.news(pd.DataFrame([fires(500)]), [_item()], "2025-12-10", POLICY, ALL)
    title, body = alerts.message(found, "Shop", "CNY", "2025-12-10")
    assert title.endswith(": 1 worse") and "CNY 500 at stake in 2025-12 (CNY 50 a day; CNY 10 a day when it was told on 2025-11-30)" in body
    found, _ = alerts.news(pd.DataFrame([fires(500, rule="oversell_risk")]), [_item(rule="oversell_risk")], "2025-12-10", POLICY, ALL)
    assert "CNY 500 at stake in 2025-12 (CNY 100 when it was told on 2025-11-30)" in alerts.message(found, "Shop", "CNY", "2025-12-10")[1]


def test_many_are_one_message_that_fits_and_counts_the_rest():
    rules = list(POLICY.rules)
    rows = [fires(1000 - number, rule=rules[number % 12], entity=f"P{number}") for number in range(60)]
    title, body = shown(rows)
    assert title == "Shop, 2025-12-10: 60 new" and body.count("• new") == 36 and body.count("• and 2 more") == 12  # 5 each; 3 fit
    assert body.index("CNY 1,000 at stake") < body.index("CNY 999 at stake")
    for room in (2000, 300, 20):
        title, body = shown(rows, room)
        assert len(body) <= room
    assert "And 50 more under other rules" in shown(rows, 500)[1]


def test_names_call_nobody_and_are_no_markup():
    evil = "<!channel> @everyone [pay](http://evil.com) `x` *b* ~s~ |p| www.evil.com\n\nFrom: x\u202e"
    title, body = shown([fires(9, entity=evil, name=evil[:-30])])
    line = next(line for line in body.splitlines() if line.startswith("•"))
    assert not set("<>@[]*`~|\u202e") & set(line) and "//" not in line and ".com" not in line
    assert body.count("\n") == shown([fires(9)])[1].count("\n")
    assert "\n" not in alerts.message(*_named("a\r\nBcc: x@y"))[0] and "@" not in alerts.message(*_named("a@all"))[0]


def _named(name: str) -> tuple:
    return alerts.news(pd.DataFrame([fires(9)]), [], "2025-12-10", POLICY, ALL)[0], name, "CNY", "2025-12-10"


@pytest.mark.parametrize("name", ["小店 & Co", "no. 1.5", "red_mug_01", "O'Hara", "空气炸锅 Air fryer 5 L", "A-1/2", "50 %, (new)"])
def test_an_ordinary_name_stays_as_it_is(name):
    assert alerts.plain(name) == name


# ---- what fires ------------------------------------------------------------------------------------------------------------------


def orders(start: str, end: str, product: str = "P1", price: float = 10) -> str:
    days = pd.date_range(start, end)
    return "".join(f"{product}-{day:%Y%m%d},1,{day.date()},S,web,{product},1,{price},E1\n" for day in days)


HEAD = f"{LINES},employee_id\n"
COSTS = "product_id,valid_from,unit_cost\nP1,2025-01-01,30\nP2,2025-01-01,2\n"


@pytest.fixture(scope="module")
def losing(tmp_path_factory) -> Path:
    """P1 loses 20 an order, one a day; from 1 January to 10 February. E1 sells, and earns nobody the policy's line."""
    files = {
        "order_lines.csv": HEAD + orders("2025-01-01", "2025-02-10") + orders("2025-01-01", "2025-02-10", "P2", 40),
        "product_costs.csv": COSTS,
        "staffing.csv": "month,employee_id,team,store,fte,cost\n2025-01,E1,T,,1,3000\n2025-02,E1,T,,1,3000\n",
        "employees.csv": "employee_id,name\nE1,Jane Doe\n",
    }
    return write(tmp_path_factory.mktemp("losing"), files, TOML + '[alerts]\nto = ["chat", "mail"]\n[policy.evidence]\nresamples = 100\n')


def test_while_a_month_runs_what_needs_all_of_it_is_that_of_the_month_before(losing):
    frame = alerts.firing(open_book(str(losing), "latest")).set_index(["rule", "level"])
    assert frame.loc[("loss_maker", "product"), ["month", "days", "money_at_stake"]].tolist() == ["2025-02", 10, 200.0]  # 10 × (30 − 10)
    assert frame.loc[("low_profit_per_employee", "team"), ["month", "days"]].tolist() == ["2025-01", 31]
    january = alerts.firing(open_book(str(losing), "2025-01")).set_index(["rule", "level"])
    assert january.loc[("loss_maker", "product"), ["month", "days", "money_at_stake"]].tolist() == ["2025-01", 31, 620.0]
    assert january.loc[("low_profit_per_employee", "team"), "days"] == 31


def test_nobody_is_named_and_no_chance_is_told(losing, monkeypatch):
    person = {"level": "employee", "entity": "E1", "name": "Jane Doe"}
    rows = [
        fires(9, rule="easing_off", area="team", **person), fires(8, rule="off_pace", area="target", **person),
        fires(7, rule="target_met_at_a_loss", area="target", **person), fires(6, rule="room_to_expand", area="team", level="company"),
        fires(5, rule="off_pace", area="target", level="team", entity="T", name="T"), fires(4),
    ]  # fmt: skip
    monkeypatch.setattr(alerts, "decide", lambda book: pd.DataFrame(rows).drop(columns="days"))
    frame = alerts.firing(open_book(str(losing), "2025-01"))
    assert frame[["rule", "entity"]].values.tolist() == [["off_pace", "T"], ["loss_maker", "P1"]]
    found, _ = alerts.news(frame, [], "2025-01-31", POLICY, ALL)
    body = alerts.message(found, "Shop", "CNY", "2025-01-31")[1]
    assert "team T" in body and "E1" not in body and "Jane" not in body  # nor as the owner of a product or target


def test_without_a_month_before_what_needs_a_whole_month_waits(tmp_path):
    files = {
        "order_lines.csv": HEAD + orders("2025-02-01", "2025-02-10"),
        "staffing.csv": "month,employee_id,team,fte,cost\n2025-02,E1,T,1,3000\n",
    }
    frame = alerts.firing(open_book(str(write(tmp_path, files)), "latest"))
    assert set(frame["rule"]) == {"no_cost"}


# ---- servers ---------------------------------------------------------------------------------------------------------------------


class Web(http.server.ThreadingHTTPServer):
    """Keeps what it is sent; answers with the next of `answers` (then 200), where "hang" takes the message and never answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), WebHandler)
        self.got, self.answers = [], []

    @property
    def url(self) -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.server_address[1]}/{TOKEN}"


class WebHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        self.server.got.append((answer, body["title"], body["message"]))
        if answer == "hang":
            time.sleep(2)
        elif answer != "drop":
            self.send_response(answer)
            self.end_headers()

    def log_message(self, *args):
        pass


class Post(socketserver.ThreadingTCPServer):
    """A mail server: keeps what it takes; answers the end of a mail with the next of `answers` (then 250), "drop" hangs up instead."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PostHandler)
        self.got, self.answers = [], []

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.server_address[1]}?from=shop@example.com&to=owner@example.com&cc=cfo@example.com"


class PostHandler(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 here")
        to = []
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "RCPT":
                to.append(line.split(":", 1)[1].strip("<> "))
            if word == "DATA":
                self.say("354 go on")
                lines = list(iter(self.rfile.readline, b".\r\n"))
                answer = self.server.answers.pop(0) if self.server.answers else 250
                self.server.got.append((answer, to, email.message_from_bytes(b"".join(lines), policy=email.policy.default)))
                to = []
                if answer == "drop":
                    return
                self.say(f"{answer} so be it")
            else:
                self.say("221 bye" if word == "QUIT" else "250 fine")
            if word == "QUIT":
                return

    def say(self, line: str):
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def servers(monkeypatch):
    monkeypatch.setattr(alerts, "WAITS", (0, 0, 0))
    monkeypatch.setattr(alerts, "PATIENCE", 0.5)
    with Web() as web, Post() as post:
        for server in (web, post):
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield web, post
        web.shutdown()
        post.shutdown()


@pytest.fixture
def tell(losing, tmp_path, servers, capfd):
    """Runs the command on the company; number of troubles, and what was said. No output, file or error may hold the token."""
    web, post = servers
    environment = {"PROFIT_ALERT_CHAT": web.url, "PROFIT_ALERT_MAIL": post.url}

    def once(data: Path = losing, **options) -> tuple[int, str]:
        lines: list[str] = []
        troubles = alerts.run(str(data), tmp_path / "out", environment=options.pop("environment", environment), say=lines.append, **options)
        _without_secrets("\n".join(lines), *capfd.readouterr(), *(path.read_text() for path in tmp_path.rglob("*") if path.is_file()))
        return troubles, "\n".join(lines)

    return once


def _without_secrets(*texts: str) -> None:
    for one in texts:
        assert TOKEN not in one and "example.com" not in one and "json://" not in one


def test_each_destination_gets_one_message_and_then_nothing(tell, servers, tmp_path):
    web, post = servers
    troubles, said = tell()
    assert troubles == 0 and said.count(": sent. Shop, 2025-02-10: ") == 2
    [(_, title, text)], [(_, to, mail)] = web.got, post.got
    assert title.startswith("Shop, 2025-02-10: ") and title == mail["subject"]
    assert "product P1, contribution −CNY 200 against CNY 0; CNY 200 at stake in 2025-02" in text
    assert to == ["owner@example.com", "cfo@example.com"] and "Jane" not in text and "E1" not in text
    assert "product P1, contribution −CNY 200 against CNY 0" in mail.get_body(("plain",)).get_content()
    known = json.loads((tmp_path / "out" / "Shop" / "alerts.json").read_text())["destinations"]
    assert {name: len(one["told"]) for name, one in known.items()} == dict.fromkeys(["chat", "mail"], int(title.split(": ")[1].split()[0]))
    for _ in range(2):
        assert tell() == (0, "chat: nothing is new or worse on 2025-02-10.\nmail: nothing is new or worse on 2025-02-10.")
    assert len(web.got) == len(post.got) == 1


def test_a_failed_send_is_tried_again_and_the_other_one_goes_out(tell, servers):
    web, post = servers
    web.answers, post.answers = [500, 503], [451, 451, 550]
    troubles, said = tell()
    assert troubles == 1 and "chat: sent" in said and "mail: NOT SENT after 3 tries; the next run tries again" in said
    assert [answer for answer, *_ in web.got] == [500, 503, 200] and [answer for answer, *_ in post.got] == [451, 451, 550]
    assert tell()[0] == 0 and len(web.got) == 3 and [answer for answer, *_ in post.got][3:] == [250]
    assert tell()[0] == 0 and len(post.got) == 4


@pytest.mark.parametrize(("chat", "mail"), [("hang", "drop"), ("drop", "drop")])
def test_what_was_taken_without_an_answer_is_not_sent_twice(chat, mail, tell, servers):
    web, post = servers
    web.answers, post.answers = [chat], [mail]
    troubles, said = tell()
    assert troubles == 2 and said.count("NO ANSWER. The message may have arrived, so it is not sent again; it said:\nShop, ") == 2
    assert tell()[0] == 0 and len(web.got) == len(post.got) == 1


def test_a_server_that_isn_t_there_is_a_failure_that_is_tried_again_next_time(tell, servers):
    web, post = servers
    environment = {"PROFIT_ALERT_CHAT": f"json://{TOKEN}@127.0.0.1:1/", "PROFIT_ALERT_MAIL": "mailto://127.0.0.1:1?from=a@example.com&to=b@example.com"}  # fmt: skip
    troubles, said = tell(environment=environment)
    assert troubles == 2 and said.count("NOT SENT after 3 tries") == 2
    assert tell()[0] == 0 and len(web.got) == len(post.got) == 1


def test_a_run_that_is_killed_while_it_sends_sends_nothing_twice(tell, servers, monkeypatch, tmp_path):
    def killed(*args):
        raise KeyboardInterrupt

    send = alerts.send
    monkeypatch.setattr(alerts, "send", killed)
    with pytest.raises(KeyboardInterrupt):
        tell()
    monkeypatch.setattr(alerts, "send", send)
    troubles, said = tell()
    web, post = servers
    assert troubles == 1 and said.splitlines()[0].startswith("chat: the run before ended while it was sending.")
    assert len(web.got) == 0 and len(post.got) == 1 and tell()[0] == 0


def test_two_runs_at_a_time_don_t_both_send(tell, servers, tmp_path):
    home = tmp_path / "out" / "Shop"
    home.mkdir(parents=True)
    with locked(home), pytest.raises(BadInput, match="another run"):
        tell()
    assert not servers[0].got and tell()[0] == 0


def test_a_dry_run_says_it_all_and_changes_nothing(tell, servers, tmp_path):
    troubles, said = tell(dry=True, environment={})
    assert troubles == 0 and not servers[0].got and not (tmp_path / "out").exists()
    assert said.count("chat would get:\nShop, 2025-02-10: ") == 1 and "mail would get:" in said
    tell()
    before = (tmp_path / "out" / "Shop" / "alerts.json").read_bytes()
    assert tell(dry=True)[1].count("nothing is new or worse") == 2
    assert (tmp_path / "out" / "Shop" / "alerts.json").read_bytes() == before


def test_new_orders_make_it_worse(tell, servers, losing, tmp_path):
    tell()
    more = HEAD + orders("2025-01-01", "2025-02-14") + orders("2025-01-01", "2025-02-14", "P2", 40)
    more += "".join(f"X{number},1,2025-02-14,S,web,P1,1,10,E1\n" for number in range(10))
    files = {path.name: path.read_text() for path in losing.iterdir()} | {"order_lines.csv": more}
    tell(write(tmp_path / "later", files, None))
    # 10 days: 200, 20 a day; 14 days and ten orders more: 24 × 20 = 480, 34 a day
    assert "worse: product P1, contribution −CNY 480 against CNY 0; CNY 480 at stake in 2025-02 (CNY 34 a day; CNY 20 a day when it was told on 2025-02-10)" in servers[0].got[1][2]  # fmt: skip


# ---- what is refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "PROFIT_ALERT_CHAT is not set in the environment; it holds the Apprise URL of `chat`"),
        ({"PROFIT_ALERT_CHAT": " "}, "PROFIT_ALERT_CHAT is not set"),
        ({"PROFIT_ALERT_CHATS": "json://example.com"}, "did you mean `PROFIT_ALERT_CHATS`?"),
        ({"PROFIT_ALERT_CHAT": f"jsno://{TOKEN}"}, "PROFIT_ALERT_CHAT holds no URL that Apprise knows"),
        ({"PROFIT_ALERT_CHAT": TOKEN}, "PROFIT_ALERT_CHAT holds no URL that Apprise knows"),
        ({"PROFIT_ALERT_CHAT": f"slack://{TOKEN}"}, "PROFIT_ALERT_CHAT holds no URL that Apprise knows"),
        ({"PROFIT_ALERT_CHAT": "mailto://u:p@example.com?to=a@example.com,b@example.com"}, "PROFIT_ALERT_CHAT names 2 recipients"),
    ],
)
def test_an_address_that_can_t_be_used_is_refused_without_showing_it(environment, words, capfd):
    with pytest.raises(BadInput) as error:
        alerts.services(["chat"], environment)
    assert words in str(error.value) and "\n" not in str(error.value) and error.value.__cause__ is None
    assert TOKEN not in str(error.value) and "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize(
    "url",
    [
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "wecombot://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa", "dingtalk://secret@token",
        "feishu://token", "mailtos://user:pass@example.com?to=a@example.com&cc=b@example.com", "jsons://host/path?retry=5&optional=yes",
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    ],
)  # fmt: skip
def test_the_usual_services_take_one_message_at_a_time(url):
    service = alerts.services(["chat"], {"PROFIT_ALERT_CHAT": url})["chat"]
    assert len(service) == 1 and not service.optional and 0 < alerts.room(service) <= alerts.ROOM


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (f'to = ["slack://{TOKEN}"]', "name each destination in small letters"),
        (f'to = "json://{TOKEN}"', "`alerts.to` can't be used"),
        ('to = ["mail", "mail"]', "named twice"),
        ("to = []", "`alerts.to` can't be used"),
        ('to = ["mail"]\nmin_mony = 3', "did you mean `min_money`?"),
        ('to = ["mail"]\nmin_money = -1', "`alerts.min_money` can't be used"),
        ('to = ["mail"]\nconfidence = "sure"', "`alerts.confidence` can't be used"),
        ("min_money = 1", "`alerts.to` is missing"),
    ],
)
def test_settings_that_can_t_be_used(section, words, tmp_path):
    with pytest.raises(BadInput) as error:
        open_company(str(write(tmp_path, {"order_lines.csv": HEAD}, f"{TOML}[alerts]\n{section}\n")))
    assert words in str(error.value) and TOKEN not in str(error.value) and "\n" not in str(error.value)


def test_who_is_told_changes_no_fingerprint(tmp_path):
    prints = {
        fingerprint(open_company(str(write(tmp_path, {"order_lines.csv": HEAD}, TOML + more)))) for more in ("", '[alerts]\nto = ["mail"]')
    }
    assert len(prints) == 1


def test_without_a_section_nothing_is_sent(tmp_path):
    data = write(tmp_path / "data", {"order_lines.csv": HEAD + orders("2025-02-01", "2025-02-10")})
    with pytest.raises(BadInput, match="DRY=yes"):
        alerts.run(str(data), tmp_path / "out")
    lines: list[str] = []
    assert alerts.run(str(data), tmp_path / "out", dry=True, say=lines.append) == 0 and lines[0] == "anybody would get:"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"destinations": {"chat": {}}}', '{"destinations": {"chat": {"told": [{}], "sending": null}}}']
)
def test_a_spoilt_note_of_what_was_told_is_refused(content, tell, servers, tmp_path):
    path = write(tmp_path / "out" / "Shop", {"alerts.json": content}, None) / "alerts.json"
    with pytest.raises(BadInput, match="says what was told already"):
        tell()
    assert path.read_text() == content and not servers[0].got


def test_the_command_s_status(losing, servers, tmp_path, monkeypatch, capfd):
    web, post = servers
    command = [f"--data={losing}", f"--out={tmp_path}"]
    monkeypatch.setenv("PROFIT_ALERT_CHAT", web.url)
    assert alerts.main(command) == 2 and capfd.readouterr().err.startswith("Refused: PROFIT_ALERT_MAIL is not set")
    monkeypatch.setenv("PROFIT_ALERT_MAIL", post.url)
    web.answers = [400, 400, 400]
    assert [alerts.main(command), alerts.main(command), alerts.main(command)] == [1, 0, 0]
    assert alerts.main([*command, "--dry=maybe"]) == 2 and "yes or no" in capfd.readouterr().err
    assert len(post.got) == 1 and [answer for answer, *_ in web.got] == [400, 400, 400, 200]


def test_without_apprise_the_refusal_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(BadInput, match=r"pip install '\.\[alerts\]'"):
        alerts.services(["chat"], {"PROFIT_ALERT_CHAT": "json://example.com"})


def test_what_the_readme_shows_can_be_used():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    wanted = Alerts(**tomllib.loads(re.search(r"```toml\n(\[alerts\].*?)```", readme, re.DOTALL)[1])["alerts"])
    environment = dict(re.findall(r"^export (PROFIT_ALERT_\w+)='(.*)'$", readme, re.MULTILINE))
    assert set(environment) == {alerts.variable(name) for name in wanted.to}
    environment["PROFIT_ALERT_CHAT"] = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"  # the README's is plainly no token
    assert list(alerts.services(wanted.to, environment)) == wanted.to
