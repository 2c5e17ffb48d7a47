"""What reading platforms' exports costs, beside DuckDB's plain `read_csv` of the same file: CPU seconds, wall seconds, peak memory."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from bench import ads, amazon, shopify, youzan
from bench.measure import in_python

LOADER = """
import duckdb
from pathlib import Path
from helpers.company import open_company
from helpers.load import load_tables
scratch = Path(sys.argv[2])
con = duckdb.connect(config={"memory_limit": "700MB", "temp_directory": str(scratch / "spill"), "threads": 2})
con.execute("set enable_progress_bar = false"); con.execute("set TimeZone = 'UTC'")
load_tables(con, open_company(sys.argv[1]), scratch)
print(con.execute("select sum(rows_in - loaded - set_aside - repeated) from loads where file like 'exports%'").fetchone()[0])
"""
PLAIN = """
import duckdb
from pathlib import Path
con = duckdb.connect(sys.argv[2] + "/plain.duckdb", config={"memory_limit": "800MB", "threads": 2})
con.execute("set enable_progress_bar = false")
for n, path in enumerate(sorted(Path(sys.argv[1], "exports").iterdir())):
    con.execute(f"create table t{n} as from read_csv('{path}', all_varchar = true)")
"""
TOML = 'name = "Bench"\nreporting_currency = "USD"\n[[sources]]\nadapter = "{}"\nfiles = "exports/*"\nstore = "S"\n'
SALE = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n1,1,2025-03-01,T,web,P,1,100\n"


WRITERS = {**ads.WRITERS, **amazon.WRITERS, **shopify.WRITERS, **youzan.WRITERS}
"""How to write a large file for each adapter: adapter → function(path, rows)."""


def run(scratch: Path, rows: int, adapters: Iterable[str] = WRITERS) -> list[dict]:
    """What reading `rows` rows of each kind costs: adapter, megabytes, ours and plain, each with cpu, wall and memory."""
    found = []
    for adapter in adapters:
        folder = scratch / adapter
        company = folder / "company"
        (company / "exports").mkdir(parents=True)
        (folder / "scratch").mkdir()
        (company / "company.toml").write_text(TOML.format(adapter))
        (company / "order_lines.csv").write_text(SALE)
        WRITERS[adapter](company / "exports" / "export.csv", rows)
        size = sum(path.stat().st_size for path in (company / "exports").iterdir()) / 1e6
        plain, ours = in_python(PLAIN, str(company), str(folder)), in_python(LOADER, str(company), str(folder / "scratch"))
        lost = ours["lines"][-1]
        if lost != "0":
            raise SystemExit(f"{adapter}: {lost} rows are lost")
        found.append({"adapter": adapter, "rows": rows, "megabytes": round(size), "ours": ours, "plain": plain})
        shutil.rmtree(folder)
    return found
