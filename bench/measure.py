"""A command measured as a whole: wall and CPU seconds of it and of everything that it started, and its peak memory."""

import ctypes
import os
import platform
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_BECOME_PARENT_OF_ORPHANS = 36  # prctl's PR_SET_CHILD_SUBREAPER: a fork server outlives its driver, and its CPU counts too


def measured(command: list[str], **environment: str) -> dict:
    """Run a command: cpu and wall (seconds) and the lines that it said.

    Ends the whole measurement when the command fails: a figure of work that wasn't done is worth nothing.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_PARENT_OF_ORPHANS, 1, 0, 0, 0)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment)
    said, error = process.communicate()
    wall = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:300]} failed: {error.strip()[-800:]}")
    with suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": round(cpu, 2), "wall": round(wall, 2), "lines": said.strip().splitlines()}


def in_python(code: str, *given: str, **environment: str) -> dict:
    """The same for a piece of Python in a process of its own; `memory` is its peak in MB."""
    result = measured([sys.executable, "-c", _TELL_PEAK + code, *given], **environment)
    size = int(result["lines"].pop()) / (1024 if sys.platform != "darwin" else 1024**2)
    return result | {"memory": round(size)}


# Of its children a process is told only the largest peak so far, and Linux hands ru_maxrss down to them, so the code tells its own at the end.
_TELL_PEAK = """
import atexit, resource, sys
def peak():
    if sys.platform == "linux":
        return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
atexit.register(lambda: print(peak()))
"""


def machine() -> str:
    """What the figures were measured on."""
    name = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    memory = next((int(line.split()[1]) // 1024**2 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), None)
    about = [
        platform.system(),
        platform.machine(),
        name,
        f"{os.cpu_count()} cores",
        f"{memory} GB" if memory else "",
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in about if part)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
