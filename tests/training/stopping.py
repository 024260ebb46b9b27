"""A training that is stopped before a call of the learner's `run`: as if the process died, or by its death.

python -m tests.training.stopping N WORDS... runs `recsys WORDS...` and kills itself (SIGKILL) before call N.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from recsys_cli import cli
from recsys_cli.training import fit


class Died(BaseException):
    """Nothing in the program answers it by saving something."""


@contextmanager
def before_call(n: int, do: Callable[[], None]) -> Iterator[None]:
    """Does something before call n (from 0) of any learner's `run`, each of which does one step."""
    left, whole_epoch = n, fit._epoch

    def epoch(learner, *args):
        run = learner.run

        def counted(first, last, total):
            nonlocal left
            left -= 1
            if left < 0:
                do()
            return run(first, last, total)

        with patch.object(learner, "run", counted):
            return whole_epoch(learner, *args)

    with patch.object(fit, "_epoch", epoch), patch.object(fit, "CHUNK_SECONDS", 0.0):
        yield


def die() -> None:
    raise Died


def die_at(n: str, *words: str) -> str:
    """Runs `recsys WORDS...` until it dies; "died", or its exit code where it was through before."""
    try:
        with before_call(int(n), die):
            return str(cli.main(list(words)))
    except Died:
        pass
    gc.collect()  # a dead process holds no lock
    return "died"


if __name__ == "__main__":
    with before_call(int(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGKILL)):
        sys.exit(cli.main(sys.argv[2:]))
