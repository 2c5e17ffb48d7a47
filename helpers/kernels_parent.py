"""For the parent of the forks alone (see kernels.py), which imports this: it outlives a driver that was killed, and clears away the folder in
which it listened."""

import atexit
import os
import shutil

from helpers.kernels import SOCKETS

if SOCKETS in os.environ:
    atexit.register(shutil.rmtree, os.environ[SOCKETS], ignore_errors=True)
