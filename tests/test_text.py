"""Numbers as people read them, and names that stay text wherever they are shown."""

import math

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from helpers import text

HOSTILE = [
    "<script>alert(1)</script>",
    "**b** _i_ `c` ~~s~~ # - + 1. > | [x](http://a.b) ![i](x)",
    "$a$ \\(x\\) $$y$$ \\frac{1}{2}",
    "a&amp;b <!-- c --> {d} www.evil.com me@evil.com",
    "1. one",
    "1) one",
    "- one-two -- (three) [four](//five)",
    "=cmd|' /C calc'!A0",
    "../../x",
    "产品名称",
    "🎁 gift",
]


@pytest.mark.parametrize(
    "shown, expected",
    [
        (text.money(0.4), "CNY 0"),
        (text.money(-0.4), "CNY 0"),
        (text.money(-1234567.8, "EUR"), "−EUR 1,234,568"),
        (text.money(math.inf), "CNY ∞"),
        (text.money(None), "–"),
        (text.money(pd.NA), "–"),
        (text.money(1_234_567, compact=True), "CNY 1.23 m"),
        (text.money(-999_600, "", compact=True), "−1 m"),
        (text.money(0.5, "", compact=True), "0.5"),
        (text.money(1e16, "", compact=True), "10,000 tn"),
        (text.signed_money(5), "+CNY 5"),
        (text.percent(0.29996), "30.0%"),
        (text.percent(-0.00001), "0.0%"),
        (text.days(math.inf), "∞"),
        (text.days(60.4), "60 days"),
        (text.number(-1234), "−1,234"),
        (text.join_names(["a", "b"]), "a and b"),
        (text.join_names(["a", "b", "c", "d"], limit=2), "a, b and 2 more"),
        (text.title("contribution_margin"), "contribution margin"),
    ],
)
def test_numbers_and_names_in_words(shown, expected):
    assert shown == expected


@pytest.mark.parametrize(
    "name", [*HOSTILE, "a" * 10_000, "中" * 10_000, "\ud800", "x\u202ey\u200b\u2028z\x00\r\n", "e" + "\u0301" * 99, ""]
)
def test_a_label_is_one_short_clean_line(name):
    shown = text.label(name, 30)
    assert 0 < sum(2 if letter > "\u2e80" and letter != "�" else 1 for letter in shown) <= 30 or "🎁" in shown
    assert shown.isprintable() and shown == shown.strip()
    shown.encode("utf-8")


def test_a_long_label_keeps_both_ends():
    assert text.label("robot vacuum cleaner, red", 15) == "robot v…er, red"
    assert text.label("abcdef", 6) == "abcdef"


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("sentence", ["{name}", "**{name}** earned", "- {name}", "earned {name}"])
def test_a_name_in_markdown_is_never_markup(name, sentence):
    page = BeautifulSoup(markdown2html_mistune(sentence.format(name=text.escape(name))), "html.parser")
    assert text.label(name, 400) in page.get_text()
    assert {tag.name for tag in page.find_all()} <= {"p", "strong", "ul", "li", "span"}
    for part in page.find_all(string=True):  # MathJax looks for pairs within one text node
        assert part == "$" or "$" not in part
        assert part == "\\" or "\\" not in part


def test_say_shows_markdown_and_readable_text(capsys):
    text.say("**{name}** earned {amount}", name="a_b\n<i>", amount=text.money(-5))
    assert capsys.readouterr().out == "**a_b <i>** earned −CNY 5\n"


def test_a_table_is_escaped_aligned_and_readable():
    frame = pd.DataFrame({"<b>name": ["<i>$x$", "中文"], "profit": [-1200.4, math.nan], "days": [math.inf, 61], "n": [1, 2]})
    shown = text.table(frame, {"profit": "money", "days": "days"}, "CNY")
    assert repr(shown).splitlines() == [
        "<b>name  profit (CNY)  days  n",
        "<i>$x$         −1,200     ∞  1",
        "中文                –    61  2",
    ]
    page = BeautifulSoup(shown.rich, "html.parser")
    assert [cell.get_text() for cell in page.find_all(["th", "td"])][:8] == [
        "<b>name",
        "profit (CNY)",
        "days",
        "n",
        "<i>$x$",
        "−1,200",
        "∞",
        "1",
    ]
    assert not page.find(["b", "i", "script"])
    red = [cell.get_text() for cell in page.find_all("td") if text.LOSS in cell["style"]]
    assert red == ["−1,200"]
    assert "text-align:left" in page.find_all("td")[0]["style"] and "text-align:right" in page.find_all("td")[1]["style"]


def test_a_day_or_month_in_a_table_stays_in_one_line():
    shown = text.table(pd.DataFrame({"when": ["2025-12-31", "by 2025-06", "2025-Q1", "cn-outlet", "2025-12-31 or later"]}))
    page = BeautifulSoup(shown.rich, "html.parser")
    assert ["nowrap" in cell["style"] for cell in page.find_all("td")] == [True, True, True, False, False]


def test_a_table_in_a_notebook_has_html_and_text():
    data, _ = DisplayFormatter().format(text.table(pd.DataFrame({"a": [1]})))
    assert set(data) == {"text/html", "text/plain"} and data["text/plain"] == "a\n1"


def test_a_long_table_says_what_is_left_out_and_an_empty_one_that_it_is():
    assert repr(text.table(pd.DataFrame({"a": range(1030)}), rows=2)) == "a\n0\n1\n… and 1,028 more"
    assert repr(text.table(pd.DataFrame({"a": []}))) == "nothing to show"
    indexed = pd.DataFrame({"n": [1]}, index=pd.Index(["x"], name="product_id"))
    assert repr(text.table(indexed)) == "product  n\nx        1"
