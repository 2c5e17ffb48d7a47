"""Pages for managers: an executed notebook, or a month's index, as one file of HTML without code, scripts or outside parts.

Whatever comes from data is text: jinja2 escapes it, Markdown keeps no raw HTML, and the page's own policy
(Content-Security-Policy) lets nothing run and nothing be fetched. HTML output comes from `text.table` and pandas, which escape.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import mistune
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from helpers.book import Book
from helpers.decisions import reason, sentence
from helpers.monthly_decisions.monthly_decisions import grouped
from helpers.notebooks import Failure, title
from helpers.text import LOSS, label, money, number, percent, upper_first
from helpers.text import title as title_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).with_name("page")
HIDDEN = {"parameters", "injected-parameters", "analyst"}


class _Renderer(mistune.HTMLRenderer):
    """Markdown to HTML without raw HTML, but for the bare <span> that keeps `$` and `\\` from being read as math."""

    def inline_html(self, html: str) -> str:
        return html if html in ("<span>", "</span>") else mistune.escape(html)

    def block_html(self, html: str) -> str:
        return f"<p>{mistune.escape(html.strip())}</p>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return mistune.escape(text)  # pictures are outputs, never links


_markdown = mistune.create_markdown(renderer=_Renderer(escape=False), plugins=["table", "strikethrough"])


def to_html(markdown: str) -> Markup:
    """Markdown as HTML, in which raw HTML is shown as text.

    >>> print(to_html("**a** <script>b</script>").strip())
    <p><strong>a</strong> &lt;script&gt;b&lt;/script&gt;</p>
    """
    return Markup(_markdown(markdown))


@dataclass(frozen=True)
class Link:
    """Where a page leads to; `href` is relative to the page."""

    href: str
    title: str


@dataclass(frozen=True)
class Place:
    """Where a page stands: company, month, scope, and its neighbours."""

    company: str
    month: str
    scope: str
    notebook: str
    dates: str
    """What the days of the page's figures are, in a sentence."""
    until: str = ""
    """How far the orders of a month reach that may still run, in words; blank where they reach its end."""
    previous: Link | None = None
    following: Link | None = None

    @property
    def scope_title(self) -> str:
        return "whole company" if self.scope == "company" else label(self.scope, 60)


def notebook_page(nb: NotebookNode, place: Place, failure: Failure | None = None) -> str:
    """An executed notebook as a page: text and outputs, the answer first; code and analysts' cells are left out."""
    return _templates().get_template("notebook.html").render(
        place=place, title=title(nb), blocks=_blocks(nb), failure=failure, month=month_title(place.month)
    )  # fmt: skip


def _blocks(nb: NotebookNode) -> list[Markup]:
    shown = [cell for cell in nb.cells if not HIDDEN & set(cell.metadata.get("tags", []))]
    first = [cell for cell in shown[1:] if "answer" in cell.metadata.get("tags", [])]
    blocks, heading, waiting = [], title(nb), None
    for cell in shown[:1] + first + [cell for cell in shown[1:] if cell not in first]:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE) or [heading])[-1]
            fresh = [to_html(cell.source)]
            if re.fullmatch(r"##+ .+", cell.source.strip()):  # a heading alone waits for something to stand over
                waiting, fresh = fresh, []
        else:
            fresh = [block for output in cell.get("outputs", []) for block in _output(output, heading)]
        if fresh:
            blocks += (waiting or []) + fresh
            waiting = None
    return blocks


def _output(output: NotebookNode, heading: str) -> Iterable[Markup]:
    data = output.get("data", {})
    if output.output_type == "error":
        return  # the page says it once, at the top
    if output.output_type == "stream":
        if output.name == "stdout":
            yield Markup("<pre>{}</pre>").format(output.text.rstrip())
    elif "text/html" in data:
        yield Markup('<div class="wide">{}</div>').format(Markup(data["text/html"]))
    elif "text/markdown" in data:
        yield to_html(data["text/markdown"])
    elif "image/png" in data:
        png = data["image/png"].replace("\n", "")
        yield Markup('<figure><img alt="Figure: {}" src="data:image/png;base64,{}"></figure>').format(heading, png)
    elif "text/plain" in data:
        yield Markup("<pre>{}</pre>").format(data["text/plain"])


# ---- the month's index -------------------------------------------------------------------------------------------------------


def summary(book: Book, metrics: pd.DataFrame, decisions: pd.DataFrame) -> dict:
    """What the index tells about a scope, as plain values for JSON (None = unknown): its figures and its biggest decisions in words.

    metrics: level, entity, metric, value; decisions: the frame of `decisions.decide`. Profit and margin are None where less of the
    sales has a known cost than the policy asks for.
    """
    scope = book.scope
    rows = metrics[(metrics["level"] == ("company" if scope == "company" else "store")) & (metrics["entity"] == scope)]
    known = {row.metric: row.value for row in rows.itertuples() if pd.notna(row.value)}
    profit = "operating_profit" if known.get("payroll") or known.get("overheads") else "contribution"
    figures = {name: known.get(name) for name in ("net_sales", "orders", "gross_margin", "cost_coverage")} | {"profit": known.get(profit)}
    covered = known.get("cost_coverage", float(not known.get("uncosted_sales")))  # without sales nothing that was sold has an unknown cost
    if covered < book.policy.product.min_cost_coverage:
        figures |= {"gross_margin": None, "profit": None}
    decided = grouped(decisions, book.stores)
    shared = metrics.loc[(metrics["level"] == "store") & (metrics["entity"] == "shared") & (metrics["metric"] == profit), "value"]
    return {
        "figures": figures,
        "profit_is": profit.replace("_", " "),
        "decisions": len(decided),
        "biggest": [in_words(row, book.currency) for row in decided.head(10).to_dict("records")],
        "shared": float(shared.iloc[0]) if len(shared) and shared.iloc[0] else None,
    }


_UNKNOWN = dict.fromkeys(["net_sales", "orders", "gross_margin", "cost_coverage", "profit"])
NOTHING = {"figures": _UNKNOWN, "profit_is": "profit", "decisions": 0, "biggest": [], "shared": None}
"""The summary of a scope whose figures could not be computed."""


@dataclass
class ScopeResult:
    """What became of one scope: its folder, its `summary`, its pages (notebook → file) and failures (notebook → Failure)."""

    scope: str
    folder: str
    summary: dict
    pages: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return "Whole company" if self.scope == "company" else label(self.scope, 60)


def index_page(
    company: str, month: str, currency: str, scopes: list[ScopeResult], loads: Mapping[str, int],
    reasons: list[tuple[str, str, str, int]], notes: list[str] = (), until: str = "",
) -> str:  # fmt: skip
    """One page for the owner: sales beside profit, every scope's state, the biggest decisions, and links to all pages.

    scopes: the company first; loads: rows_in, loaded, set_aside; reasons: file, column, why set aside and how many rows, most
    first; notes: files and columns that were not read; until: as of Place.
    """
    first = scopes[0].summary
    return _templates().get_template("index.html").render(
        company=label(company, 80), month=month_title(month), currency=currency, headline=_headline(first, currency),
        rows=[_scope_row(scope, scopes) for scope in scopes], decisions=first["biggest"], total=first["decisions"],
        failures=[(scope, name, failure) for scope in scopes for name, failure in scope.failures.items()], loads=loads, reasons=reasons, notes=notes,
        shared=first.get("shared") and money(first["shared"], ""), until=until,
    )  # fmt: skip


def _headline(summary: dict, currency: str) -> list[tuple[str, str, str]]:
    """(label, value, what it is beside) of the three figures on top."""
    figures = summary["figures"]
    share = percent(figures["profit"] / figures["net_sales"]) + " of net sales" if figures["profit"] and figures["net_sales"] else ""
    return [
        ("net sales", money(figures["net_sales"], currency), f"{number(figures['orders'])} orders"),
        (summary["profit_is"], money(figures["profit"], currency), share),
        ("gross margin", percent(figures["gross_margin"]), f"cost known for {percent(figures['cost_coverage'], 0)} of sales"),
    ]


def _scope_row(scope: ScopeResult, scopes: list[ScopeResult]) -> dict:
    widest = max(abs(other.summary["figures"][name] or 0) for other in scopes for name in ("net_sales", "profit")) or 1
    figures = scope.summary["figures"]
    sales, profit = figures["net_sales"] or 0, figures["profit"] or 0
    return {
        "title": scope.title,
        "folder": scope.folder,
        "sales": money(figures["net_sales"], ""),
        "profit": money(figures["profit"], ""),
        "share": percent(profit / sales if sales > 0 and figures["profit"] is not None else None),
        "unknown": figures["net_sales"] is not None and figures["profit"] is None,
        "loss": profit < 0,
        "sales_bar": round(100 * max(sales, 0) / widest, 1),
        "profit_bar": round(100 * abs(profit) / widest, 1),
        "decisions": scope.summary["decisions"],
        "pages": [(name, page, scope.failures.get(name)) for name, page in scope.pages.items()],
    }


def in_words(decision: Mapping, currency: str) -> dict[str, str]:
    """A decision for people: who it is about, the verdict, why, what is at stake and what to do, each as plain text."""
    who = label(decision["name"], 60)
    if decision["entity"] not in (decision["name"], ""):
        who = f"{who} ({label(decision['entity'], 40)})"
    elif decision["entity"] == "company":
        who = "the whole company"
    doubt = "; a close call" if decision["confidence"] == "close" else ""
    return {
        "who": who,
        "kind": "" if decision["level"] in ("company",) else decision["level"],
        "area": decision["area"],
        "verdict": decision["verdict"].replace("_", " "),
        "why": reason(decision, currency, f", {decision['side']} ") + doubt,
        "money": money(decision["money_at_stake"], currency),
        "money_says": decision["money_says"],
        "action": decision["action"],
        "owner": label(decision["owner"], 40) if decision["owner"] else "",
        "line": sentence(decision, currency),
    }


def month_title(month: str) -> str:
    """A month for people.

    >>> month_title("2025-12")
    'December 2025'
    """
    return f"{calendar.month_name[int(month[5:])]} {month[:4]}"


def notebook_title(name: str) -> str:
    """A notebook's file name as a short title.

    >>> notebook_title("02_product_profitability"), notebook_title("09_kpi_scorecard")
    ('Product profitability', 'KPI scorecard')
    """
    return upper_first(title_of(name[3:]))


@cache
def _templates() -> Environment:
    env = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    env.filters |= {"href": lambda path: quote(path), "name": notebook_title, "count": number, "upper_first": upper_first}
    env.globals |= {"style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")), "LOSS": LOSS}
    return env
