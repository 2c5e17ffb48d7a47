"""The ledger and what follows from it by a plain script in DuckDB's SQL, `plain.sql`, with the memory that helpers.ledger gives itself."""

from pathlib import Path

import duckdb


def write(company: Path, out: Path) -> None:
    """Writes `ledger`, `spread`, `customer_months` and `stock` of a company of Parquet files into a folder, each as one file."""
    script = Path(__file__).with_name("plain.sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(out / "spill")}) as con:
        con.execute("set enable_progress_bar = false")
        con.execute(script.replace("$company", str(company)).replace("$out", str(out)))
