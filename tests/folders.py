"""Company folders written cell by cell, for tests that need to know every one of them."""

import contextlib
import os
from pathlib import Path

import pytest

from helpers.company import PROJECT

TOML = 'name = "Shop"\nreporting_currency = "CNY"\ntimezone = "Asia/Shanghai"\n'
LINES = "order_id,line_no,ordered_at,store,channel,product_id,quantity,gross_amount"
ONE_LINE = f"{LINES}\n1,1,2025-03-01,S,web,P,1,100\n"
SOURCE = '[[sources]]\ntable = "order_lines"\nsql = "lines.sql"\n'


def write(folder: Path, files: dict[str, str | bytes], toml: str | None = TOML) -> Path:
    """Writes the files (name → content) and company.toml into the folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (files if toml is None else {"company.toml": toml} | files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@contextlib.contextmanager
def without_rights(tmp_path: Path):
    """Within it the process may do what anybody may, also when root runs the tests; `tmp_path` stays in reach."""
    if os.geteuid() != 0:
        yield
        return
    home = [*tmp_path.parents]
    for folder in (tmp_path, *home[: [parent.name.startswith("pytest-of-") for parent in home].index(True) + 1]):
        folder.chmod(0o755)
    if not all(folder.stat().st_mode & 0o001 for folder in (PROJECT, *PROJECT.parents)):
        pytest.skip("root runs the tests in a folder that only root may read")
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
