"""Run one SELECT of a company folder and write its rows to Parquet, with DuckDB locked to that folder.

Started as a script of its own, in the company folder, by `load.py`: `confined.py <name>.sql <out>.parquet [<raw>.parquet]`, where `raw` holds the rows of the source's files.
"""

import sys
from pathlib import Path

import duckdb


def run(sql_name: str, out: str, raw: str = "") -> None:
    """Raises ValueError for anything but one SELECT in a file below the current folder, duckdb.Error for what it can't do or read."""
    path = Path(sql_name)
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        raise ValueError(f"{sql_name} lies outside the company folder")
    statements = duckdb.extract_statements(path.read_text(encoding="utf-8-sig"))
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ValueError("it must be one SELECT")
    con = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": out + ".spill"})
    con.execute("set enable_progress_bar = false")
    con.execute("set allowed_directories = ['.', $1]".replace("$1", "'" + str(Path(out).parent).replace("'", "''") + "'"))
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
    if raw:
        con.execute("create temp view raw as from read_parquet('{}')".format(raw.replace("'", "''")))
    con.sql(statements[0].query).write_parquet(out)


if __name__ == "__main__":
    try:
        run(*sys.argv[1:])
    except duckdb.PermissionException as problem:
        sys.exit(f"it may read files inside the company folder and nothing else: {str(problem).split(' - ')[0]}")
    except (duckdb.Error, ValueError, OSError) as problem:
        sys.exit(str(problem).splitlines()[0])
