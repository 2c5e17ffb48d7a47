"""Numbers, names, sentences and small tables for people.

Names come from other people's exports. They reach a page only through `label` (one clean line) and, in sentences and
tables, through `escape` (no Markdown, HTML or math). Amounts carry a real minus sign; a blank is shown as a dash.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

LOSS = "#C8450C"
"""The one colour of a loss in figures and tables; told apart from the others by colour-blind readers, 4.8:1 on white."""

BLANK, MINUS, ENDLESS = "–", "−", "∞"
_SCALES = ((1e12, " tn"), (1e9, " bn"), (1e6, " m"), (1e3, " k"))
_ACRONYMS = ("cm2", "gmroi", "roas", "poas", "fte", "kpi")


def _figure(x, digits: int = 0, prefix: str = "", unit: str = "", plus: bool = False, compact: bool = False) -> str:
    """A number with separators, sign and unit. A value that rounds to zero has no sign."""
    if pd.isna(x):
        return BLANK
    size = abs(x)
    if math.isinf(size):
        body = ENDLESS
    elif compact:
        scale, suffix = next(((scale, suffix) for scale, suffix in _SCALES if size >= scale * 0.9995), (1, ""))
        size = float(size) / scale
        body = (f"{size:,.0f}" if size >= 999.5 else f"{round(size, 2):.3g}") + suffix
    else:
        body = f"{size:,.{digits}f}"
    sign = "" if not body.strip("0.,") else MINUS if x < 0 else "+" if plus else ""
    return f"{sign}{prefix}{body}{unit}"


def money(x, currency: str = "CNY", digits: int = 0, compact: bool = False) -> str:
    """How much money? Without a currency, the bare amount, as for a column whose header names it.

    >>> money(1234567), money(-1234.5, "EUR", digits=2), money(float("nan"))
    ('CNY 1,234,567', '−EUR 1,234.50', '–')
    >>> money(1234567, compact=True), money(-0.2), money(999_999, "", compact=True)
    ('CNY 1.23 m', 'CNY 0', '1 m')
    """
    return _figure(x, digits, f"{currency} " if currency else "", compact=compact)


def signed_money(x, currency: str = "CNY", digits: int = 0, compact: bool = False) -> str:
    """How much more or less money?

    >>> signed_money(1200), signed_money(-1200, compact=True), signed_money(0)
    ('+CNY 1,200', '−CNY 1.2 k', 'CNY 0')
    """
    return _figure(x, digits, f"{currency} " if currency else "", plus=True, compact=compact)


def percent(x, digits: int = 1) -> str:
    """What share, of a ratio where 1 is all of it?

    >>> percent(0.1234), percent(-0.5, 0), percent(float("inf")), percent(None)
    ('12.3%', '−50%', '∞', '–')
    """
    return _figure(x, digits) if pd.isna(x) or math.isinf(x) else _figure(x * 100, digits, unit="%")


def number(x, digits: int = 0) -> str:
    """How many?

    >>> number(12345), number(-1.25, 2), number(float("nan"))
    ('12,345', '−1.25', '–')
    """
    return _figure(x, digits)


def count(x, noun: str, plural: str = "") -> str:
    """How many of what?

    >>> count(1, "order"), count(1200, "order"), count(2, "category", "categories")
    ('1 order', '1,200 orders', '2 categories')
    """
    return f"{number(x)} {noun if number(x) == '1' else plural or noun + 's'}"


def days(x) -> str:
    """How long? Stock without sales lasts for ever.

    >>> days(45.2), days(1), days(float("inf")), days(None)
    ('45 days', '1 day', '∞', '–')
    """
    shown = number(x)
    return shown if shown in (BLANK, ENDLESS, MINUS + ENDLESS) else f"{shown} day{'' if shown == '1' else 's'}"


_KINDS = {
    "money": lambda x, currency, compact: money(x, currency, compact=compact),
    "signed": lambda x, currency, compact: signed_money(x, currency, compact=compact),
    "percent": lambda x, currency, compact: percent(x),
    "number": lambda x, currency, compact: _figure(x, compact=compact),
    "ratio": lambda x, currency, compact: number(x, 2),
    "days": lambda x, currency, compact: number(x),
    "text": lambda x, currency, compact: label(x, 60),
    "words": lambda x, currency, compact: label(x, 200),
    "right": lambda x, currency, compact: label(x, 60),
}
KINDS = tuple(_KINDS)
"""Kinds of values in tables and charts; `words` is a longer text, `right` ready-made text that stands to the right, like a number."""


def show(x, kind: str, currency: str = "", compact: bool = False) -> str:
    """One value as a table or a chart shows it, where the header or the axis names the unit.

    >>> show(1200, "money"), show(1200, "signed", "CNY", compact=True), show(0.3, "percent"), show(2.5, "ratio"), show(61, "days")
    ('1,200', '+CNY 1.2 k', '30.0%', '2.50', '61')
    """
    return _KINDS[kind](x, currency, compact)


def title(column: str, kind: str = "text", currency: str = "") -> str:
    """A column's name for people, with its unit.

    >>> title("net_sales", "money", "CNY"), title("inventory_days", "days"), title("cm2"), title("product_id")
    ('net sales (CNY)', 'inventory days', 'CM2', 'product')
    """
    words = [word.upper() if word in _ACRONYMS else word for word in label(column, 60).removesuffix("_id").replace("_", " ").split()]
    unit = {"money": currency, "signed": currency, "days": "" if "days" in words else "days"}.get(kind, "")
    return " ".join(words) + (f" ({unit})" if unit else "")


def upper_first(words: str) -> str:
    """Words at the beginning of a sentence; names in them stay as they are.

    >>> upper_first("the KPI of Müller")
    'The KPI of Müller'
    """
    return words[:1].upper() + words[1:]


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _fitting(text: str, room: int) -> str:
    """As much of the start of the text as the room holds."""
    for position, letter in enumerate(text):
        room -= _columns(letter)
        if room < 0:
            return text[:position]
    return text


def label(text, width: int = 40) -> str:
    """A name from someone's export as one clean line of at most `width` columns (a Chinese letter takes two).

    Line breaks and control characters become spaces; marks that have no width or turn the reading direction go;
    what is no character becomes �; the middle of a long name becomes ….

    >>> label("two\\nlines\\u202e"), label("a very long name of a product, red", 20), label(None)
    ('two lines', 'a very lon…duct, red', '–')
    """
    text = "" if not isinstance(text, str) and pd.isna(text) else str(text)
    if text.isascii() and text.isprintable():  # as most are: nothing to clean
        line = " ".join(text.split())
    else:
        line = _clean(text)
    if _columns(line) > width:
        tail = _fitting(line[::-1], (width - 1) // 2)[::-1]
        line = f"{_fitting(line, width - 1 - _columns(tail)).rstrip()}…{tail.lstrip()}"
    return line or BLANK


@lru_cache(4096)
def _clean(text: str) -> str:
    clean = []
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in ("Cc", "Zl", "Zp"):
            clean.append(" ")
        elif kind in ("Cs", "Co", "Cn"):
            clean.append("�")
        elif kind not in ("Cf", "Me") and not "\ufe00" <= letter <= "\ufe0f":
            clean.append(letter)
    line = " ".join("".join(clean).split())
    return re.sub(r"([\u0300-\u036f]{2})[\u0300-\u036f]+", r"\1", line)  # towers of accents reach into other lines


def join_names(names: Iterable, limit: int = 3, width: int = 40) -> str:
    """Names in a sentence: all of them, or the first few and how many more.

    >>> join_names(["a", "b", "c"]), join_names("abcde"), join_names(["a"]), join_names([])
    ('a, b and c', 'a, b, c and 2 more', 'a', 'none')
    """
    names = [label(name, width) for name in names]
    if len(names) > limit:
        names = [*names[:limit], f"{len(names) - limit} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"


# punctuation that could begin markup; commas, the points of numbers, hyphens in words and the like stay readable
_MARKUP = re.compile(r"(?![,%;/(]|(?<=\d)\.(?=\d)|(?<=\w)-(?=\w)|(?<!\d)\))[!-/:-@\[-`{-~]")


def escape(text, width: int = 400) -> str:
    """A value as text that is no markup in Markdown, in HTML and for MathJax, which reads `$` and `\\` even from the finished page.

    >>> escape("<b>*x*"), escape("1,234.5%"), escape("$")
    ('&#60;b&#62;&#42;x&#42;', '1,234.5%', '<span>&#36;</span>')
    """

    def harmless(found: re.Match) -> str:
        entity = f"&#{ord(found[0])};"
        return f"<span>{entity}</span>" if found[0] in "$\\" else entity

    return _MARKUP.sub(harmless, label(text, width))


@dataclass(frozen=True)
class Shown:
    """Something to look at: rich in a notebook or page, readable where there is only text."""

    mime: str
    rich: str
    plain: str

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {self.mime: self.rich, "text/plain": self.plain}

    def __repr__(self) -> str:
        return self.plain


def say(sentence: str, **values) -> None:
    """Shows a sentence in Markdown. `{name}` stands for a value, which is always shown as text.

    >>> say("**{who}** earned {amount}.", who="A_b <script>", amount=money(1200))
    **A_b <script>** earned CNY 1,200.
    """
    from IPython.display import display  # only notebooks need it

    rich, plain = (sentence.format(**{name: made(value, 400) for name, value in values.items()}) for made in (escape, label))
    display(Shown("text/markdown", rich, plain))


def table(frame: pd.DataFrame, formats: Mapping[str, str] | None = None, currency: str = "", rows: int = 20, of: int | None = None) -> Shown:
    """A small frame as a table for a page: the first `rows` rows, a named index first.

    of: how many rows there are, where the frame holds the first of them only. formats: column → kind (see KINDS). Others: whole numbers
    are `number`, other numbers `ratio`, all else `text`. The unit stands in the header. What is negative is red and has its sign.

    >>> table(pd.DataFrame({"product": ["tea", "cup"], "net_sales": [1200.0, -30.0]}), {"net_sales": "money"}, "CNY")
    product  net sales (CNY)
    tea                1,200
    cup                  −30
    """
    if any(frame.index.names):
        frame = frame.reset_index()
    if frame.empty:
        return Shown("text/html", "<p>nothing to show</p>", "nothing to show")
    kinds = [(formats or {}).get(name) or _kind(frame[name]) for name in frame]
    heads = [title(str(name), kind, currency) for name, kind in zip(frame, kinds, strict=True)]
    lines = list(zip(*([show(x, kind) for x in frame[name].head(rows)] for name, kind in zip(frame, kinds, strict=True)), strict=True))

    def row(texts: Iterable[str], tag: str) -> str:
        cells = []
        for text, kind in zip(texts, kinds, strict=True):
            side = "left" if kind in ("text", "words") else "right"
            red = f";color:{LOSS}" if text.startswith(MINUS) and kind not in ("text", "words", "right") else ""
            whole = ";white-space:nowrap" if side == "left" and re.fullmatch(r"(by )?\d{4}-[\dQ-]+", text) else ""  # a day or month in one line
            cells.append(f'<{tag} style="text-align:{side}{red}{whole}">{escape(text)}</{tag}>')
        return f"<tr>{''.join(cells)}</tr>\n"

    body = "".join(row(line, "td") for line in lines)
    rich = f'<table class="dataframe">\n<thead>{row(heads, "th")}</thead>\n<tbody>\n{body}</tbody>\n</table>'

    widths = [max(map(_columns, column)) for column in zip(heads, *lines, strict=True)]
    plain = []
    for line in (heads, *lines):
        gaps = [" " * (width - _columns(text)) for text, width in zip(line, widths, strict=True)]
        cells = (text + gap if kind in ("text", "words") else gap + text for text, gap, kind in zip(line, gaps, kinds, strict=True))
        plain.append("  ".join(cells).rstrip())
    more = (of or len(frame)) - len(lines)
    if more > 0:
        plain.append(f"… and {more:,} more")
        rich += f"\n<p>{plain[-1]}</p>"
    return Shown("text/html", rich, "\n".join(plain))


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    return "number" if pd.api.types.is_integer_dtype(column) else "ratio"
