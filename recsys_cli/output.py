"""The streams that a person reads: when one goes away, what is being computed does not go with it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO


class Output:
    """Passes everything on to a stream until that fails; from then on it is silent.

    lost: why nothing is written any more, in words; None as long as all is well. A reader that has gone, as `head` does,
    is no fault, and neither is a terminal that was closed.
    """

    def __init__(self, stream: TextIO | None):
        self._stream, self.lost = stream, None if stream else os.strerror(errno.EBADF)

    def write(self, text: str) -> int:
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(lambda stream: stream.flush())

    def _try(self, action: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            action(self._stream)
        except (OSError, ValueError) as error:  # ValueError: it was closed
            if getattr(error, "errno", None) not in (errno.EPIPE, errno.EIO):
                self.lost = getattr(error, "strerror", None) or str(error)
            self._forget(self._stream)

    def _forget(self, stream: TextIO) -> None:
        """What still lies in its buffer goes nowhere, instead of failing again at exit."""
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        self._stream = None

    def __getattr__(self, name: str):
        stream = self.__dict__.get("_stream")
        if stream is None:
            stream = sys.__stderr__ or open(os.devnull, "w")  # noqa: SIM115 - attributes such as encoding
        return getattr(stream, name)


@contextmanager
def lasting() -> Iterator[Output]:
    """Puts an Output in the place of stdout and stderr; gives that of stdout."""
    _occupy_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = output = Output(sys.stdout), Output(sys.stderr)
    try:
        yield output[0]
    finally:
        sys.stdout, sys.stderr = before


def _occupy_closed() -> None:
    """So that no file of ours gets the number of a stream that was closed, into which libraries may write."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
