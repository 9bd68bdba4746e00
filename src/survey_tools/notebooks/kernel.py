"""The kernel process of a run: IPython's kernel, and a promise not to outlive whoever started it.

Jupyter puts kernels into a session of their own, so ending the run's process group does not end them. Hence the
process id in a file, for whoever has to end the run, and the kernel's own watch over its parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PID_FILE_VARIABLE = "SURVEY_KERNEL_PID_FILE"
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Write the process id down, tie this life to the parent's, become an IPython kernel."""
    _die_with_parent()
    Path(os.environ.pop(PID_FILE_VARIABLE)).write_text(str(os.getpid()))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


def _die_with_parent() -> None:
    """Linux ends this process at once when its parent is gone; elsewhere ipykernel notices within seconds."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(os.environ.get("JPY_PARENT_PID", os.getppid())):
            sys.exit("the run that started this kernel has already ended")


if __name__ == "__main__":
    main()
