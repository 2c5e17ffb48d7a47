"""Large ads reports to measure on: a campaign's day per row."""

from pathlib import Path

import duckdb


def write_google_ads(path: Path, rows: int) -> None:
    """A Google Ads report of that many rows, 50 campaigns over as many days as it takes."""
    _write(path, rows, "Day,Campaign,Campaign ID,Currency code,Cost,Impr.,Clicks",
           "cast(date '2010-01-01' + cast(i // 50 as integer) as varchar) || ',Campaign ' || i % 50 || ',' || 100000 + i % 50 || ',USD,'"
           " || (i % 9000) / 100 || ',' || i % 977 || ',' || i % 31")  # fmt: skip


def write_meta_ads(path: Path, rows: int) -> None:
    """A Meta Ads report of that many rows with a daily breakdown."""
    day = "cast(date '2010-01-01' + cast(i // 50 as integer) as varchar)"
    _write(path, rows, "Reporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (USD),Impressions,Day",
           f"{day} || ',' || {day} || ',Campaign ' || i % 50 || ',' || 100000 + i % 50 || ',' || (i % 9000) / 100 || ',' || i % 977 || ',' || {day}")  # fmt: skip


def _write(path: Path, rows: int, header: str, line: str) -> None:
    with duckdb.connect() as con:
        con.execute("set enable_progress_bar = false")
        query = f'select {line} as "{header}" from range({rows}) t(i)'
        con.execute(f"copy ({query}) to '{path}' (header true, quote '', escape '', delimiter '\x01')")


WRITERS = {"google_ads": write_google_ads, "meta_ads": write_meta_ads}
