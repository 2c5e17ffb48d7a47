"""Where real data are at hand: PROFIT_REAL_DATA names a folder with the sets whose company folders are in tests/real."""

import os
import shutil
from pathlib import Path

import pytest

REAL = Path(os.environ.get("PROFIT_REAL_DATA", "nowhere"))
SETS = sorted(path.name for path in (Path(__file__).parent / "real").iterdir())
needed = pytest.mark.skipif(not REAL.is_dir(), reason="PROFIT_REAL_DATA names no folder with the real data")


def company(name: str, tmp_path: Path) -> str:
    """A company folder with its `sql` sources and the raw files below it, in raw/."""
    folder = tmp_path / name
    shutil.copytree(Path(__file__).parent / "real" / name, folder)
    shutil.copytree(REAL / name, folder / "raw")
    return str(folder)
