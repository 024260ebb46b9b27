"""A process that ends when the one that started it does."""

from __future__ import annotations

import os
import sys


def end_with(parent: int, number: int) -> None:
    """On Linux the kernel sends this signal when the parent dies; elsewhere only the end of one's input tells."""
    signal_at_the_end(number)
    if os.getppid() != parent:  # it was too late
        raise SystemExit("the parent is gone")


def signal_at_the_end(number: int) -> None:
    """Of the parent; 0: none any more."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG
