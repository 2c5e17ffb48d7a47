"""The reference of the contract against numbers worked out by hand (tests/hand/README.md), and against itself."""

import csv
import random
import shutil
from fractions import Fraction
from pathlib import Path

import companies
import oracle
import pytest

HAND = Path(__file__).parent / "hand"
COMPANY = HAND / "company"
MONTH = "2025-03"


def table(name: str) -> list[dict]:
    with (HAND / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def found() -> dict:
    return oracle.metrics(COMPANY, MONTH)


def test_ladders_worked_by_hand(found):
    rows = table("expected.csv")
    for row in rows:
        for metric, text in list(row.items())[2:]:
            expected = Fraction(text) if text else None
            assert found.get((row["level"], row["entity"], metric)) == expected, (row["level"], row["entity"], metric)
    worked = {(row["level"], row["entity"]) for row in rows}
    assert {key[:2] for key, value in found.items() if key[2] in oracle.LINES and value} <= worked


def test_ratios_worked_by_hand(found):
    for row in table("ratios.csv"):
        key = (row["level"], row["entity"], row["metric"])
        assert found.get(key) == (Fraction(row["value"]) if row["value"] else None), key


def test_decisions_worked_by_hand():
    expected = {(row["rule"], row["level"], row["entity"], row["verdict"]) for row in table("decisions.csv")}
    assert oracle.decisions(COMPANY, MONTH) == expected


def test_set_aside_worked_by_hand():
    company = oracle.read(COMPANY)
    assert [(row["file"], row["row"], row["reason"]) for row in company.aside] == [("returns.csv", 5, "sale"), ("returns.csv", 6, "sale")]


def test_scope_of_a_store_is_that_store(found):
    inside = oracle.metrics(COMPANY, MONTH, "A")
    ladder = [metric for level, entity, metric in found if (level, entity) == ("store", "A") and not metric.startswith("attainment")]
    assert {metric: inside["store", "A", metric] for metric in ladder} == {metric: found["store", "A", metric] for metric in ladder}
    assert inside["team", "North", "overheads"] == -40, "A's own 60 by the FTE of A: one of one and a half"
    assert "company" not in {level for level, _, _ in inside}


@pytest.mark.parametrize("seed", range(6))
def test_parts_add_up(tmp_path, seed):
    companies.write_company(tmp_path, seed, 40)
    company = oracle.read(tmp_path)
    for month in companies.months(company)[-2:]:
        for scope in ["company", *companies.stores(company)[:1]]:
            found = oracle.metrics(company, month, scope)
            whole = ("company", "company") if scope == "company" else ("store", scope)
            for level in oracle.View(company, scope).levels():
                for line in oracle.LINES if level in oracle.WITH_OVERHEADS else oracle.LINES[:-2]:
                    parts = sum(value for key, value in found.items() if (key[0], key[2]) == (level, line))
                    assert parts == found[*whole, line], (month, scope, level, line)


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_another_order_change_nothing(tmp_path, seed):
    companies.write_company(tmp_path / "one", seed, 30, faults=False)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for file in (tmp_path / "two").glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as handle:
            header, *rows = csv.reader(handle)
        random.Random(seed).shuffle(rows)
        companies.write_table(file, header, rows)
    month = companies.months(oracle.read(tmp_path / "one"))[-1]
    assert oracle.metrics(tmp_path / "one", month) == oracle.metrics(tmp_path / "two", month)
