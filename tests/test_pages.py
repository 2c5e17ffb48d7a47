"""Pages: nothing from data becomes markup, managers see no code, and every page stands by itself."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import nbformat
import pytest

from helpers import pages
from helpers.notebooks import Failure

PLACE = pages.Place("Ten <Orders> & Co", "2025-03", "A", "02_x.ipynb", "Dates: by <order>.", "", None, pages.Link("03_y%.html", "Y & Z"))


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=list(cells))


def text(source, *tags):
    return nbformat.v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def code(source, *outputs, tags=()):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def shows(**data):
    return nbformat.v4.new_output("display_data", {mime.replace("_", "/"): value for mime, value in data.items()})


class Elements(HTMLParser):
    """All start tags with their attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_a_page_has_text_and_outputs_but_no_code():
    page = pages.notebook_page(
        notebook(
            text("# Title\nWhich?"),
            code("secret = 1", tags=["parameters"]),
            text("## Load"),
            code("book = open_book(data)"),
            text("## Claim"),
            code("chart()", shows(image_png="iVBORw0KGgo=\n", text_plain="<Figure>")),
            code("print()", nbformat.v4.new_output("stream", name="stdout", text="said <b>\n")),
            code("warn()", nbformat.v4.new_output("stream", name="stderr", text="warned")),
            text("## For analysts", "analyst"),
            code("record()", shows(text_plain="a record"), tags=["analyst"]),
            text("## The answer", "answer"),
            code("answer()", shows(text_markdown="It is **this**.", text_plain="It is this."), tags=["answer"]),
        ),
        PLACE,
    )
    for absent in ("secret", "open_book", "chart()", "warned", "For analysts", "a record", "Figure>", "<h2>Load"):
        assert absent not in page
    order = ["<h1>Title</h1>", "<h2>The answer</h2>", "It is <strong>this</strong>.", "<h2>Claim</h2>", "said &lt;b&gt;"]
    assert [page.index(part) for part in order] == sorted(page.index(part) for part in order)
    elements = Elements(page)
    assert elements.named("img") == [{"alt": "Figure: Claim", "src": "data:image/png;base64,iVBORw0KGgo="}]
    assert [link["href"] for link in elements.named("a")] == ["../index.html", "../index.html", "03_y%25.html", "02_x.ipynb"]


MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<meta http-equiv=refresh content='0;url=http://evil'>",
    "[a](javascript:alert(1))",
    "![x](http://evil/pixel.png)",
    "text <form action=http://evil><input></form>",
    "<style>*{display:none}</style>",
    "<span onclick=alert(1)>x</span>",
]


@pytest.mark.parametrize("markup", MARKUP)
def test_markup_in_markdown_is_text(markup):
    clean = Elements(pages.notebook_page(notebook(text("# Title\nWhy?")), PLACE)).found
    page = pages.notebook_page(notebook(text("# Title\nWhy?"), text(markup), code("", shows(text_markdown=markup))), PLACE)
    fresh = [element for element in Elements(page).found if element not in clean]
    assert all(tag in ("p", "a") for tag, _ in fresh), fresh
    assert all(attributes.get("href", "#harmful-link") == "#harmful-link" and len(attributes) < 2 for _, attributes in fresh)


def test_a_page_fetches_and_runs_nothing():
    page = pages.notebook_page(notebook(text("# Title\nWhy?")), PLACE)
    policy = next(meta["content"] for meta in Elements(page).named("meta") if "http-equiv" in meta)
    assert "default-src 'none'" in policy and "script-src" not in policy and "form-action 'none'" in policy
    assert not re.search(r"https?://|@import|<script|<link|url\(", page)
    assert "Ten &lt;Orders&gt; &amp; Co" in page and "March 2025" in page and 'name="viewport"' in page


def test_an_unfinished_page_says_so_once():
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="<b>", traceback=["/home/someone/x.py", "ValueError: <b>"])
    page = pages.notebook_page(notebook(text("# Title\nWhy?"), code("fail()", error)), PLACE, Failure("claim", "ValueError: <b>"))
    assert page.count("ValueError: &lt;b&gt;") == 1 and "claim" in page and "someone" not in page


def words(number):
    texts = dict.fromkeys(["kind", "area", "verdict", "why", "money", "money_says", "action", "owner", "line"], "<i>")
    return texts | {"who": f"who {number}"}


def test_the_index_tells_scopes_decisions_failures_and_data():
    figures = {"net_sales": 1000.0, "orders": 7.0, "gross_margin": 0.4, "cost_coverage": 1.0, "profit": -50.0}
    biggest = [words(number) for number in range(10)]
    company = {"figures": figures, "profit_is": "operating profit", "decisions": 12, "biggest": biggest}
    html, failures = {"01_load": "01_load.html"}, {"01_load": Failure("open", "broke & fell")}
    scopes = [
        pages.ScopeResult("company", "company", company, html),
        pages.ScopeResult("<store>", "store-1234", pages.NOTHING, html, failures),
    ]
    counts = {"rows_in": 1200, "loaded": 1199, "set_aside": 1}
    page = pages.index_page("Ten <Orders>", "2025-03", "CNY", scopes, counts, [("a.csv", "date", "not <a> day", 1)], ["Not read: <b>.csv"])
    shown = ["CNY 1,000", "−CNY 50", "−5.0% of net sales", "7 orders", "40.0%", "cost known for 100% of sales", "of 12", "who 9"]
    assert [part for part in shown if part not in page] == []
    for part in ("broke &amp; fell", "&lt;store&gt;", "not &lt;a&gt; day", "Not read: &lt;b&gt;.csv", "1,200 rows came in", "Ten &lt;Orders&gt;", "&lt;i&gt;"):
        assert part in page
    assert "<i>" not in page and "<store>" not in page
    links = {link["href"] for link in Elements(page).named("a")}
    assert links == {"decisions.xlsx", "set_aside.csv", "run.json", "company/01_load.html", "store-1234/01_load.html"}


def test_profit_is_not_invented_without_costs(small_company):
    from helpers.book import open_book
    from helpers.decisions import decide
    from helpers.metrics import metrics

    (small_company / "product_costs.csv").unlink()
    book = open_book(str(small_company), "2025-03")
    summary = pages.summary(book, metrics(book), decide(book))
    assert summary["figures"]["profit"] is None and summary["figures"]["gross_margin"] is None
    assert summary["figures"]["net_sales"] > 0
    counts = {"rows_in": 1, "loaded": 1, "set_aside": 0}
    for known in (None, 5.0):
        scopes = [pages.ScopeResult("company", "company", summary | {"figures": summary["figures"] | {"profit": known}})]
        assert ("No profit is told" in pages.index_page("Ten", "2025-03", "CNY", scopes, counts, [])) == (known is None)


def test_the_loss_of_a_month_of_refunds_is_told_where_all_costs_are_known(odd_company):
    from helpers.book import open_book
    from helpers.decisions import decide
    from helpers.metrics import metrics

    for cost, profit in ((50, -10.0), ("", None)):  # 60 back for goods of 50; or of nobody knows what
        lines = odd_company / "order_lines.csv"
        lines.write_text(lines.read_text().replace("later,web,P,1,100,50", f"later,web,P,1,100,{cost}"))
        book = open_book(str(odd_company), "2025-05")
        assert pages.summary(book, metrics(book), decide(book))["figures"]["profit"] == profit


def test_a_month_that_may_still_run_says_how_far_its_orders_reach():
    until, counts = "orders up to 2025-03-10", {"rows_in": 1, "loaded": 1, "set_aside": 0}
    scopes = [pages.ScopeResult("company", "company", pages.NOTHING)]
    assert until in pages.notebook_page(nbformat.v4.new_notebook(), replace(PLACE, until=until)).partition("</header>")[0]
    assert f"This month has {until} and none after it." in pages.index_page("Ten", "2025-03", "CNY", scopes, counts, [], until=until)
    assert "none after it" not in pages.index_page("Ten", "2025-03", "CNY", scopes, counts, [])
