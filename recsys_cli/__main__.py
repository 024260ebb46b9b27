"""The entry of the program: Ctrl-C is answered in a line from the first moment, before anything is imported.

`python -m recsys_cli` looks for every module in the folder one stands in first. That may be a run that somebody sent,
so that folder is left out, as it is for the command `recsys`; PYTHONPATH can name it.
"""

from __future__ import annotations

import sys


def _leave_out_this_folder() -> None:
    import os  # loaded before this file, as sys is; nothing else may be imported yet

    first, ours = sys.path[0], os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    if first == os.getcwd() and os.path.realpath(first) != ours and not getattr(sys.flags, "safe_path", False):
        del sys.path[0]


if __name__ == "__main__":
    _leave_out_this_folder()

import signal  # noqa: E402


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
