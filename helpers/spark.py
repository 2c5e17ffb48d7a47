"""The ledger's months on Spark, for a company whose order lines outgrow one machine: the same SQL over the same Parquet, the same rows."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.contract import BadInput

SETTINGS = {
    "spark.app.name": "profit-workbook",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # or it takes a digit from what the ledger multiplies
    "spark.sql.ansi.enabled": "true",  # too large an amount is an error, as elsewhere, and no blank
    "spark.log.level": "ERROR",
    "spark.ui.showConsoleProgress": "false",
}


def run(statements: Iterable[str], tables: Mapping[str, list[Path]], wanted: Iterable[str], out: Path) -> None:
    """Run statements of ledger.sql and months.sql on Spark; each of the `wanted` relations becomes a folder of Parquet files in `out`.

    tables: the Parquet files of each relation that the statements read. Which cluster it is, and how much memory, is said by Spark's own
    configuration (spark-defaults.conf, SPARK_REMOTE …); its machines must see the files under the same paths. Without one it is this machine.
    Raises BadInput where there is no Spark.
    """
    session = _session()
    try:
        for name, files in tables.items():
            session.read.parquet(*map(str, files)).createOrReplaceTempView(name)
        for statement in statements:
            made = re.search(r"^create table (\w+) as$", statement, re.MULTILINE)
            if made:  # read more than once: on the shared disk it outlives a lost machine and needs no memory
                _write(session, statement[made.end() :], out / made[1])
                session.read.parquet(str(out / made[1])).createOrReplaceTempView(made[1])
            else:
                session.sql(statement)
        for name in wanted:
            if not (out / name).exists():
                _write(session, f"select * from {name}", out / name)
    finally:
        session.stop()


def _write(session, query: str, path: Path) -> None:
    session.sql(query).write.parquet(str(path), compression="zstd")


def _session():
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise BadInput("ENGINE=spark needs PySpark, which is not installed: .venv/bin/python -m uv pip install '.[spark]'") from None
    builder = SparkSession.builder
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, OSError) as error:
        raise BadInput(f"Spark did not start (it needs Java 17): {str(error).splitlines()[0]}") from None
