"""Hundreds of reports in one run: does a report get slower, or a kernel larger, the longer it lasts?

Runs on the sample company with every store many times, of which `--many` are reported. Told are the seconds of a report and the largest
kernel, in the second fifth and in the last one: the first fifth holds the company's own pages, which are larger, and what is made once.
Linux only: a kernel's memory is its proportional share (PSS) of what it has in common with its parent, as /proc tells it.
"""

import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from bench.batch import write_copies
from helpers.batch import TABLES

EVERY = 2  # seconds between two looks at the kernels


def run(scratch: Path, stores: int) -> dict:
    """Reports of the company and this many stores: how many, and of the second fifth and the last (seconds, memory) a report and in MB."""
    data = scratch / "many stores"
    names = write_copies(data, -(-stores // 3))[:stores]
    command = [sys.executable, "-m", "helpers.batch", f"--data={data}", f"--stores={','.join(names)}", f"--out={scratch / 'reports'}"]
    environment = os.environ | {"PROFIT_CACHE": str(scratch / "cache")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    said, finished, seen = [], [], []
    watch = threading.Thread(target=_watch, args=(process, seen), daemon=True)
    watch.start()
    for line in process.stdout:
        said.append(line)
        if re.match(r"\[ *\d+/\d+\]", line) and TABLES not in line:
            finished.append(time.monotonic())
    if process.wait():
        raise SystemExit(f"{' '.join(command)[:300]} failed: {''.join(said).strip()[-800:]}")
    watch.join()
    fifth = len(finished) // 5
    spans = {"second fifth": (finished[fifth], finished[2 * fifth]), "last fifth": (finished[-fifth - 1], finished[-1])}
    return {"reports": len(finished)} | {
        name: {
            "seconds": (end - start) / fifth,
            "memory": max((size for when, size in seen if start <= when <= end), default=0) / 1024,
        }
        for name, (start, end) in spans.items()
    }


def _watch(process: subprocess.Popen, seen: list) -> None:
    """Note the largest kernel, in KB, as long as the process runs. Kernels are what leads a group of its own under the driver's warm parent."""
    while process.poll() is None:
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parent, session = (int(word) for word in path.read_text().rsplit(")", 1)[1].split()[1:4:2])
                parents[int(path.parent.name)] = (parent, session)
        children = {pid for pid, (parent, _) in parents.items() if parent == process.pid}
        kernels = [pid for pid, (parent, session) in parents.items() if parent in children and session == pid]
        for pid in kernels:
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                seen.append((time.monotonic(), int(next(line for line in lines if line.startswith("Pss:")).split()[1])))
        time.sleep(EVERY)
