"""The entry of the program: Ctrl-C is answered in a line from the first moment, before anything is imported."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    before = signal.signal(signal.SIGINT, _interrupted)
    from recsys_cli import cli

    signal.signal(signal.SIGINT, before)
    return cli.main()


def _interrupted(signum, frame) -> None:
    """Raised as an exit, which no import answers with a traceback."""
    sys.stderr.write("recsys: interrupted\n")
    raise SystemExit(130)


if __name__ == "__main__":
    sys.exit(main())
