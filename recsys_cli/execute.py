"""Runs one command with one config; whatever goes wrong is said in a line and answered with an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from data_prep.files import write_file

if TYPE_CHECKING:
    from omegaconf import DictConfig

USER_ERROR, CRASH, INTERRUPTED = 2, 1, 130
SIGNALLED = 128  # codes above it: 128 and the number of the signal


def say(text: str) -> None:
    print(f"recsys: {text}", file=sys.stderr)


def execute(
    function: Callable[[Any], int | None], cfg: DictConfig | list[str], say: Callable[[str], None] = say
) -> int:
    """Exit code: 0 done, 2 something the user can mend, 130 interrupted, 1 anything else."""
    try:
        return function(cfg) or 0
    except UserError as error:
        say(f"error: {error}")
        return USER_ERROR
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except Exception as error:
        return crash(error, None if isinstance(cfg, list) else cfg.get("run_dir"), say)


def crash(error: Exception, run_dir: str | None, say: Callable[[str], None] = say) -> int:
    """One line for the person, the traceback for a file: in the run directory once the command has made it."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error))
    if run_dir and Path(run_dir).is_dir():
        log = Path(run_dir) / "error.log"
    else:
        handle, path = tempfile.mkstemp(prefix="recsys-", suffix=".log")
        os.close(handle)
        log = Path(path)
    write_file(log, text.encode())
    if os.environ.get("RECSYS_TRACEBACK") or os.environ.get("HYDRA_FULL_ERROR"):
        print(text, file=sys.stderr, end="")
    reason = " ".join(str(error).split())[:300]
    say(f"failed: {type(error).__name__}: {reason}")
    say(f"the full report is in {log}")
    return CRASH
