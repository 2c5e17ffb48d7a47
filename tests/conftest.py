"""What all tests share: a cache of prepared companies of their own, and a small company to work on."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Before any helper is imported. One per worker: the cache keeps few companies, and another worker's tests would push ours out.
CACHE = tempfile.mkdtemp(prefix="profit-cache-")
os.environ["PROFIT_CACHE"] = CACHE


def pytest_unconfigure(config):
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture
def small_company(tmp_path) -> Path:
    """A copy of the ten orders worked out by hand: stores A and B, sales in February, March and April 2025."""
    return Path(shutil.copytree(Path(__file__).parent / "hand" / "company", tmp_path / "company"))
