"""A company of 50 stores, 10 channels and 200 people with two years of sales, made in a second; the same bytes every time."""

from pathlib import Path

import duckdb

STORES, CHANNELS, PEOPLE = 50, 10, 200
FIRST, DAYS = "2024-01-01", 730  # to 30 December 2025, so that the last month is still running


def write(folder: Path, lines: int = 300_000, last_day: str = "2025-12-17") -> Path:
    """Writes order_lines (with costs), targets of three metrics for every store, channel and person and the company, and company.toml.

    A sale's day, store, channel, person and amount come from multiplying its number by primes: no two are in step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "company.toml").write_text('name = "Large"\nreporting_currency = "EUR"\ntimezone = "UTC"\n', encoding="utf-8")
    with duckdb.connect() as con:
        con.execute(
            f"""copy (
                select * from (
                    select 'O' || n as order_id, '1' as line_no, date '{FIRST}' + cast((n * 7919 + n // 730 * 31) % {DAYS} as integer) as ordered_at,
                           'S' || (n * 104729 % {STORES}) as store, 'C' || (n * 1299709 % {CHANNELS}) as channel, 'P' || n * 15485863 % 40 as product_id,
                           1 + n % 3 as quantity, cast(20 + (n * 32452843 % 10007) / 100.0 as decimal(18, 2)) as gross_amount,
                           cast(10 as decimal(18, 2)) as unit_cost, 'E' || (n * 49979687 % {PEOPLE}) as employee_id
                    from range({lines}) r(n))
                where ordered_at <= date '{last_day}' and (dayofweek(ordered_at) in (0, 6) or hash(order_id) % 10 < 8)  -- weekends sell a quarter more
                order by order_id) to '{folder / "order_lines.parquet"}' (format parquet)"""
        )
        month = last_day[:7]
        con.execute(
            f"""copy (
                with nodes as (
                    select 'company' as level, 'company' as entity, 1 as part union all select 'store', 'S' || n, {STORES} from range({STORES}) r(n)
                    union all select 'channel', 'C' || n, {CHANNELS} from range({CHANNELS}) r(n)
                    union all select 'employee', 'E' || n, {PEOPLE} from range({PEOPLE}) r(n))
                select '{month}' as month, level, entity, metric, cast(share * {lines} * 70 * 0.85 / 24 / part as integer) as target
                from nodes, (values ('net_sales', 1.0), ('gross_profit', 0.72), ('contribution', 0.72)) m(metric, share)
                order by all) to '{folder / "targets.csv"}' (header)"""
        )
    return folder
