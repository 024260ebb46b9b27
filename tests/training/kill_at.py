"""Runs `recsys WORDS...` and kills this process (SIGKILL) before call N of the learner's `run`.

Usage: python -m tests.training.kill_at N WORDS...
"""

from __future__ import annotations

import os
import signal
import sys

from recsys_cli import cli
from recsys_cli.training import fit


def main() -> int:
    left = int(sys.argv[1])
    whole_epoch = fit._epoch

    def epoch(learner, *args):
        run = learner.run

        def counted(first, last, total):
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return run(first, last, total)

        learner.run = counted
        try:
            return whole_epoch(learner, *args)
        finally:
            learner.run = run

    fit._epoch = epoch
    return cli.main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
