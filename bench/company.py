"""A made-up company of any size, written by DuckDB as Parquet: the same content for the same number of order lines."""

from pathlib import Path

import duckdb

TOML = 'name = "Bench"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n'
DAYS = 730
STORES, CHANNELS = 4, 5


def write_company(folder: Path, lines: int) -> None:
    """Two lines an order over two years; a product for each 500 lines (20,000 at most), five dated costs each; one line in 15 comes back.

    Spend stands by day, store and channel, inventory at each month's end by store and product, and a buyer orders five lines.
    """
    folder.mkdir(parents=True)
    (folder / "company.toml").write_text(TOML)
    products = min(max(lines // 500, 100), 20_000)
    step = DAYS * 86_400 / max(lines, 1)
    tables = {
        "order_lines": f"""select 'O' || (i // 2) as order_id, cast(1 + i % 2 as varchar) as line_no,
                timestamp '2024-01-01 00:00:00' + to_seconds(cast(floor(i // 2 * 2 * {step}) as bigint)) as ordered_at,
                'S' || ((i // 2) % {STORES}) as store, 'C' || ((i // 2) // {STORES} % {CHANNELS}) as channel,
                'P' || (i * 7919 % {products}) as product_id, 1 + i % 3 as quantity,
                cast((20 + i * 7919 % {products} % 80) * (1 + i % 3) as decimal(12,2)) as gross_amount,
                cast(i % 7 * 0.35 as decimal(12,2)) as discount_amount, cast(1.20 + i % 5 * 0.1 as decimal(12,2)) as platform_fee,
                cast(2.50 as decimal(12,2)) as fulfilment_cost, 'B' || ((i // 2) * 31 % {max(lines // 5, 1)}) as customer_id
            from range({lines}) t(i)""",
        "returns": f"""select 'S' || ((i // 2) % {STORES}) as store, 'O' || (i // 2) as order_id, cast(1 + i % 2 as varchar) as line_no,
                cast(timestamp '2024-01-01' + to_seconds(cast(floor(i // 2 * 2 * {step}) as bigint)) as date) + cast(3 + i % 25 as integer) as refunded_on,
                1 as quantity, cast(20 + i * 7919 % {products} % 80 as decimal(12,2)) as refund_amount, i % 2 = 0 as restocked
            from range({lines}) t(i) where i % 15 = 0""",
        "products": f"select 'P' || i as product_id, 'Product ' || i as name, 'G' || (i % 12) as category, 10 as lead_time_days from range({products}) t(i)",
        "product_costs": f"""select 'P' || i as product_id, date '2024-01-01' + cast(n * 146 as integer) as valid_from, cast((20 + i % 80) * (0.50 + n * 0.01) as decimal(12,2)) as unit_cost
            from range({products}) t(i), range(5) c(n)""",
        "marketing_spend": f"""select date '2024-01-01' + cast(d as integer) as date, 'S' || s as store, 'C' || c as channel,
                cast({lines} / {DAYS * STORES * CHANNELS} * (2 + d % 3) as decimal(14,2)) as amount, 'ads' as kind
            from range({DAYS}) a(d), range({STORES}) b(s), range({CHANNELS}) e(c)""",
        "inventory": f"""select last_day(date '2024-01-01' + to_months(cast(m as integer))) as date, 'S' || s as store, 'P' || i as product_id, 20 + i % 30 as on_hand
            from range(24) a(m), range({STORES}) b(s), range({products}) t(i)""",
    }  # fmt: skip
    with duckdb.connect(config={"memory_limit": "2GB"}) as con:
        con.execute("set enable_progress_bar = false")
        con.execute("set preserve_insertion_order = false")
        for name, query in tables.items():
            con.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet, compression zstd)")
