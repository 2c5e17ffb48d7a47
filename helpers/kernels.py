"""Kernels that start in a tenth of the time: forked from one parent that has already imported what notebooks import.

`ForkProvisioner` is a Jupyter kernel provisioner, an entry point of jupyter_client by the name of `warm-fork`, used where the
environment variable JUPYTER_DEFAULT_PROVISIONER_NAME names it: by the batch, `make notebooks` and `make test`. Every notebook gets
a fresh process, so nothing leaks from one to the next, and a private folder for its sockets, so that no two kernels race for
a port. The parent is the standard library's fork server. JupyterLab keeps Jupyter's own provisioner, which is also the
fallback (KERNELS=ordinary, and wherever there is no Linux fork); what a notebook shows is the same under both.
"""

import asyncio
import gc
import multiprocessing
import multiprocessing.forkserver
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from multiprocessing.util import get_temp_dir
from pathlib import Path
from queue import Empty
from types import ModuleType

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.provisioning import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets.config import Config

NAME = "warm-fork"
ORDINARY = "local-provisioner"
SOCKETS = "PROFIT_KERNEL_SOCKETS"  # names the folder in which the parent listens, for kernels_parent.py

# Never the inline backend itself (figures would vanish without a word), and nothing that starts threads.
PRELOAD = [
    "ipykernel.kernelapp", "ipykernel.zmqshell", "pandas.io.formats.html", "matplotlib.pyplot", "seaborn", "duckdb", "pyarrow.feather", "scipy.special",
]  # fmt: skip
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}  # the notebooks are what runs side by side
_DRIVERS = ("batch", "notebooks", "pages", "sample", "sample_exports")  # what no notebook imports
_parts = [path.relative_to(Path(__file__).parent).with_suffix("").parts for path in sorted(Path(__file__).parent.rglob("*.py"))]
PRELOAD += [".".join(["helpers", *parts]) for parts in _parts if parts[0] not in _DRIVERS and parts[-1] != "__init__"]

_path = [folder for folder in sys.path if folder]  # in the parent, which preloads this module: the interpreter's own
_context = multiprocessing.get_context("forkserver") if hasattr(os, "fork") else None
_lock = threading.Lock()  # multiprocessing polls all its children whenever one starts: not for several threads at once
_running: dict = {}  # child → the folder of its sockets


def choose(environment: dict[str, str] | None = None) -> str:
    """Which provisioner serves this run: warm forks on Linux, Jupyter's own elsewhere; KERNELS=fork or KERNELS=ordinary decides otherwise.

    A daemon of multiprocessing, as a Dask worker is under its nanny, may have no children of that kind.

    >>> choose({"KERNELS": "ordinary"}), choose({"KERNELS": "fork"})
    ('local-provisioner', 'warm-fork')
    """
    wish = (os.environ if environment is None else environment).get("KERNELS", "")
    if wish == "ordinary" or _context is None or multiprocessing.current_process().daemon:
        return ORDINARY
    return NAME if wish == "fork" or sys.platform == "linux" else ORDINARY


def use() -> Config:
    """Make this process start its kernels the chosen way, and return the configuration for papermill's `config`.

    The parent of the forks begins to import at once, beside what the caller does next.
    """
    os.environ.pop("MPLBACKEND", None)  # a kernel chooses the one that puts figures into notebooks, unless it is told otherwise
    os.environ.update(_ONE_THREAD)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # a kernel of this environment, not one that the user has registered
    factory = KernelProvisionerFactory.instance()
    factory.default_provisioner_name = choose()
    options = {"client_factory": Client}
    if factory.default_provisioner_name == NAME:
        warm()
    else:
        options["transport_encryption"] = "auto"  # over TCP; also keeps the kernel from warning about it
    return Config({"KernelManager": options})


def warm() -> None:
    """Start the parent of the forks, if it doesn't run yet."""
    # matplotlib reads its backend when it is imported, which is in the parent and before any kernel.
    os.environ.update(_ONE_THREAD, MPLBACKEND="module://matplotlib_inline.backend_inline")
    os.environ[SOCKETS] = get_temp_dir()
    _context.set_forkserver_preload(PRELOAD)
    multiprocessing.forkserver.ensure_running()


def kill_all() -> None:
    """End every child of this process at once: for Ctrl-C and SIGTERM. Their notebooks fail as dead kernels."""
    for process, folder in list(_running.items()):
        process.kill()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _bare_main():
    """For the time of a start: multiprocessing would run the driver's script again in every child, which wants nothing of it."""
    with _lock:
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def apart(function: Callable, *arguments: object) -> object:
    """The result of a module's function, worked out in a fork of the warm parent: beside other threads, not in turns with them.

    Where kernels are not forked, it is worked out here.
    """
    if choose() == ORDINARY:
        return function(*arguments)
    warm()
    reader, writer = _context.Pipe(duplex=False)
    process = _context.Process(target=_answer, args=(writer, function, arguments))
    with _bare_main():
        process.start()
    _running[process] = None
    writer.close()
    try:
        outcome = reader.recv()
    except EOFError:
        raise RuntimeError("its process died: killed from outside, or out of memory") from None
    finally:
        reader.close()
        _running.pop(process, None)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _answer(writer, function: Callable, arguments: tuple) -> None:
    """In the forked child: leave Ctrl-C to the driver, and send back the result or what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    _watch_driver()
    try:
        outcome = function(*arguments)
    except Exception as error:
        outcome = error
    writer.send(outcome)


class _Process:
    """A forked kernel as the provisioner wants to see it: like a subprocess.Popen."""

    stdin = stdout = stderr = None

    def __init__(self, argv: list[str], env: dict[str, str], cwd: str | None, folder: str, quiet: bool):
        self.process = _context.Process(target=_be_kernel, args=(argv, env, cwd, folder, quiet))
        with _bare_main():
            self.process.start()
        self.pid = self.process.pid
        _running[self] = folder

    def poll(self) -> int | None:
        with _lock:
            code = self.process.exitcode
        if code is not None:
            _running.pop(self, None)
        return code

    def wait(self) -> int | None:
        return self.poll()  # the provisioner waits by polling, and asks once more when the process is gone

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Client(AsyncKernelClient):
    """Begins as soon as a kernel has answered on both channels. Jupyter's own takes 0.4 s for it: it looks for a kernel that isn't
    there yet ten times a second, and at the end listens for another 0.2 s."""

    def __init__(self, **options: object):
        super().__init__(**options)
        self.context.reconnect_ivl = 2  # milliseconds

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Raises RuntimeError when the kernel is dead, or silent for so many seconds."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            self.kernel_info()
            try:
                asked = (await self.get_shell_msg(timeout=1))["parent_header"]["msg_id"]
                while True:  # until it is idle again, which is the last of what it says about that
                    said = await self.get_iopub_msg(timeout=0.02)
                    if (said["content"].get("execution_state"), said["parent_header"].get("msg_id")) == ("idle", asked):
                        return
            except Empty:  # too early: nobody listened yet
                pass
            if not await self.is_alive():
                raise RuntimeError("the kernel died before it was ready")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the kernel was not ready after {timeout:g} seconds")


class ForkProvisioner(LocalProvisioner):
    """Starts Python kernels as forks of the warm parent; other kernels as Jupyter does."""

    folder = None

    def _forks(self) -> bool:
        return choose() == NAME and "ipykernel_launcher" in self.kernel_spec.argv

    async def pre_launch(self, **kwargs):
        manager = self.parent
        if self._forks() and self.folder is None:
            self.folder = tempfile.mkdtemp(prefix="kernel-")
            manager.transport, manager.cache_ports = "ipc", False
            manager.connection_file, manager.ip = f"{self.folder}/k.json", f"{self.folder}/k"
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd, **kwargs):
        if not self._forks():
            return await super().launch_kernel(cmd, **kwargs)
        warm()
        cwd = kwargs.get("cwd")
        argv = cmd[cmd.index("ipykernel_launcher") + 1 :]
        env = dict(kwargs.get("env") or os.environ)
        self.process = _Process(argv, env, str(cwd) if cwd else None, self.folder, kwargs.get("stderr") is not None)
        self.pid = self.pgid = self.process.pid  # the kernel leads a group of its own
        self.cwd = cwd or os.getcwd()
        return self.connection_info

    async def kill(self, restart=False):
        """As in LocalProvisioner, and wait for the end, which its callers look for ten times a second only."""
        await super().kill(restart)
        deadline = time.monotonic() + 5
        while self.process and self.process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.002)

    async def cleanup(self, restart=False):
        await super().cleanup(restart)
        if self.folder and not restart:
            shutil.rmtree(self.folder, ignore_errors=True)


def _be_kernel(argv: list[str], env: dict[str, str], cwd: str | None, folder: str, quiet: bool) -> None:
    """In the forked child: undo what was decided before the fork, and become a kernel."""
    os.setsid()
    gc.freeze()  # what the parent imported stays: looking for garbage in it would copy its memory
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _watch_driver(folder)
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    if quiet:
        os.dup2(null, 2)
    sys.path[:] = _path  # not the driver's
    sys.modules["debugpy"] = None  # ipykernel would import its debugger, half of what a start costs
    import numpy
    import pandas

    numpy.random.seed()  # forks share the parent's state
    # pandas asked at import whether it is in a notebook, and the parent isn't.
    pandas.set_option("display.max_columns", 20)
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(argv, parent_handle=os.getppid())  # its default, from the environment, was read before the fork


def _watch_driver(folder: str | None = None) -> None:
    """In a child: end it, and its folder, as soon as the driver is gone, however it went."""

    def watch():
        multiprocessing.parent_process().join()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
