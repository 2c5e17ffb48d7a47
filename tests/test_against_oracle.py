"""The project's numbers against the reference's, on random companies made of the cases that break a ledger.

`ORACLE_SEEDS=200 pytest tests/test_against_oracle.py` soaks; a failing seed can be named with `ORACLE_FIRST=17 ORACLE_SEEDS=1`.
"""

import math
import os
from collections import Counter
from pathlib import Path

import companies
import oracle
import pytest

from helpers import ledger
from helpers.book import open_book
from helpers.contract import BadInput
from helpers.decisions import decide
from helpers.metrics import metrics

FIRST = int(os.environ.get("ORACLE_FIRST", "100"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("ORACLE_SEEDS", "5")))
NOT_REFERENCED = {"easing_off", "off_pace", "customers_at_risk"}  # rules that rest on chance are tested where they live
HAND = Path(__file__).parent / "hand" / "company"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "CACHE", tmp_path_factory.mktemp("cache"))
        yield


def agree(ours: float | None, reference) -> bool:
    """Equal to 1e-9 of the value or 1e-6; blank and missing are the same, and so are missing and 0."""
    blank = ours is None or math.isnan(ours)
    if reference is None or blank:
        return (reference or 0) == 0 and (blank or ours == 0)
    return math.isclose(ours, float(reference), rel_tol=1e-9, abs_tol=1e-6)


def metric_differences(book, reference: dict) -> list[tuple]:
    """Each metric on which the two disagree: (level, entity, metric, ours, the reference's)."""
    frame = metrics(book)
    ours = {(row.level, row.entity, row.metric): row.value for row in frame.itertuples()}
    assert len(ours) == len(frame), "a metric is given twice"
    compared = {(level, metric) for level, _, metric in reference}
    keys = reference.keys() | {key for key in ours if (key[0], key[2]) in compared}
    different = sorted(key for key in keys if not agree(ours.get(key), reference.get(key)))
    return [(*key, ours.get(key), None if reference.get(key) is None else float(reference[key])) for key in different]


def decision_differences(book, reference: set) -> dict[str, list]:
    frame = decide(book)
    ours = Counter((row.rule, row.entity, row.verdict) for row in frame.itertuples() if row.rule not in NOT_REFERENCED)
    theirs = Counter((rule, entity, verdict) for rule, _, entity, verdict in reference)
    return {"only ours": sorted(ours - theirs), "only the reference": sorted(theirs - ours)}


def set_aside_differences(book, company: oracle.Company) -> list[tuple]:
    """Rows that one side sets aside and the other doesn't, or for a column that isn't to blame."""
    found = {(row.file, row.row): row.column for row in book.sql('select file, "row", "column" from set_aside').itertuples()}
    expected = {(row["file"], row["row"]): row["columns"] for row in company.aside}
    wrong = [(*place, "only ours" if place in found else "only the reference") for place in found.keys() ^ expected.keys()]
    blamed = [
        (*place, found[place], expected[place])
        for place in found.keys() & expected.keys()
        if not set(found[place].replace(",", " ").split()) & set(expected[place])
    ]
    return sorted(wrong) + sorted(blamed, key=str)


def row_counts(book, company: oracle.Company) -> tuple[dict, dict]:
    """Rows in, loaded and set aside of each file, ours and the reference's."""
    ours = {row.file: (row.rows_in, row.loaded, row.set_aside) for row in book.sql("select * from loads").itertuples()}
    aside = Counter(row["file"] for row in company.aside)
    return ours, {file: (rows, len(company.tables[file.removesuffix(".csv")]), aside[file]) for file, rows in company.rows.items()}


def views(company: oracle.Company, seed: int) -> list[tuple[str, str]]:
    """A month of the company, and another of one of its stores: which, the seed decides."""
    months, stores = companies.months(company), companies.stores(company)
    return [(months[-1 - seed % min(2, len(months))], "company"), (months[seed % len(months)], stores[seed % len(stores)])]


def check(folder: Path, company: oracle.Company, month: str, scope: str) -> None:
    if scope != "company" and scope not in open_book(str(folder), month).active_stores:
        with pytest.raises(BadInput, match=f"store {scope} has no sales, costs, stock or target in the 90 days up to the end of {month}"):
            open_book(str(folder), month, scope)
        return
    book = open_book(str(folder), month, scope)
    assert set_aside_differences(book, company) == []
    ours, reference = row_counts(book, company)
    assert ours == reference
    assert metric_differences(book, oracle.metrics(company, month, scope)) == []
    assert decision_differences(book, oracle.decisions(company, month, scope)) == {"only ours": [], "only the reference": []}


@pytest.mark.parametrize("month, scope", [("2025-03", "company"), ("2025-03", "A"), ("2025-04", "company")])
def test_company_worked_by_hand(month, scope):
    check(HAND, oracle.read(HAND), month, scope)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_company(tmp_path, seed):
    companies.write_company(tmp_path, seed, 15 + seed % 50)
    company = oracle.read(tmp_path)
    for month, scope in views(company, seed):
        check(tmp_path, company, month, scope)
