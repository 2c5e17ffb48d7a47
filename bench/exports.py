"""What reading platforms' exports costs, beside DuckDB's plain `read_csv` of the same file: CPU seconds, wall seconds, peak memory.

`python -m bench.exports [--rows 1000000] [adapter …]` prints a table and writes it to bench/results/ as Markdown and JSON.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOADER = """
import duckdb, sys
from pathlib import Path
from helpers.company import open_company
from helpers.load import load_tables
scratch = Path(sys.argv[2])
con = duckdb.connect(scratch / "work.duckdb", config={"memory_limit": "800MB", "temp_directory": str(scratch / "spill"), "threads": 2})
con.execute("set enable_progress_bar = false"); con.execute("set TimeZone = 'UTC'")
load_tables(con, open_company(sys.argv[1]), scratch)
print(con.execute("select sum(rows_in), sum(rows_in - loaded - set_aside - repeated) from loads where file like 'exports%'").fetchone())
"""
PLAIN = """
import duckdb, sys
con = duckdb.connect(sys.argv[2] + "/plain.duckdb", config={"memory_limit": "800MB", "threads": 2})
con.execute("set enable_progress_bar = false")
con.execute(f"create table t as from read_csv('{sys.argv[1]}/exports/*', all_varchar = true)")
print(con.execute("select count(*) from t").fetchone())
"""
TOML = 'name = "Bench"\nreporting_currency = "USD"\n[[sources]]\nadapter = "{}"\nfiles = "exports/*"\nstore = "S"\n'
SALE = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount\n1,1,2025-03-01,T,web,P,1,100\n"


def writers() -> dict:
    """How to write a large file for each adapter: adapter → function(path, rows)."""
    import importlib

    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in ("__init__", "exports"):
            found |= getattr(importlib.import_module(f"bench.{path.stem}"), "WRITERS", {})
    return found


def measured(code: str, *given: str) -> dict:
    """CPU and wall seconds and peak memory (MB) of a Python process that runs this code."""
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, "-c", code, *given], stdout=subprocess.PIPE, text=True)
    said = process.stdout.read().strip()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the measured process failed: {said}")
    size = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began, "memory": size, "said": said}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.exports", description="Measure the reading of exports.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("adapters", nargs="*")
    asked = parser.parse_args(argv)
    lines = ["| adapter | rows | file (MB) | CPU seconds | plain read_csv | ratio | wall seconds | memory (MB) |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    results = []
    for adapter, write in writers().items():
        if asked.adapters and adapter not in asked.adapters:
            continue
        with tempfile.TemporaryDirectory() as folder:
            company = Path(folder) / "company"
            (company / "exports").mkdir(parents=True)
            (company / "company.toml").write_text(TOML.format(adapter))
            (company / "order_lines.csv").write_text(SALE)
            write(company / "exports" / "export.csv", asked.rows)
            size = sum(path.stat().st_size for path in (company / "exports").iterdir()) / 1e6
            plain = measured(PLAIN, str(company), folder)
            (Path(folder) / "scratch").mkdir()
            ours = measured(LOADER, str(company), str(Path(folder) / "scratch"))
        ratio = ours["cpu"] / plain["cpu"]
        results.append({"adapter": adapter, "rows": asked.rows, "megabytes": size, "ours": ours, "plain": plain, "ratio": ratio})
        lines.append(f"| `{adapter}` | {asked.rows:,} | {size:,.0f} | {ours['cpu']:.1f} | {plain['cpu']:.1f} | {ratio:.1f}× | {ours['wall']:.1f} | {ours['memory']:,.0f} |")
        print(lines[-1], ours["said"], flush=True)
    out = Path(__file__).parent / "results"
    out.mkdir(exist_ok=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    (out / "exports.md").write_text("\n".join([*lines, "", f"Measured on {machine}.", ""]))
    (out / "exports.json").write_text(json.dumps({"machine": machine, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
