"""What all tests share: a cache of prepared companies of their own, and a small company to work on."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import two_teams as by_hand

# Before any helper is imported. One per worker: the cache keeps few companies, and another worker's tests would push ours out.
CACHE = tempfile.mkdtemp(prefix="profit-cache-")
os.environ["PROFIT_CACHE"] = CACHE


def pytest_unconfigure(config):
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def small_company(tmp_path) -> Path:
    """A copy of the ten orders worked out by hand: stores A and B, sales in February, March and April 2025."""
    return Path(shutil.copytree(Path(__file__).parent / "hand" / "company", tmp_path / "company"))


@pytest.fixture(scope="session")
def two_teams(tmp_path_factory) -> Path:
    """The company of two teams over January and February 2025."""
    made = tmp_path_factory.mktemp("two teams")
    for name, content in by_hand.FILES.items():
        (made / name).write_text(content, encoding="utf-8")
    return made
