"""One job while it runs: its config, its output, and the epochs that it has behind it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from data_prep.files import read_file
from recsys_cli.execute import CRASH, SIGNALLED
from recsys_cli.jobs.claim import Claim, workplace
from recsys_cli.jobs.job import FAILED, FINISHED, INTERRUPTED, STOPPED, Job, Outcome
from recsys_cli.jobs.nursery import Ended
from recsys_cli.runs.directory import LOG, fresh_path
from recsys_cli.runs.found import is_run
from recsys_cli.runs.metrics_log import METRICS


class Task:
    """claim: on the job, to be released by the caller. unfinished: the run to go on with."""

    def __init__(self, number: int, job: Job, claim: Claim | None, unfinished: Path | None, threads: int | None):
        self.number, self.job, self.claim, self.resumed = number, job, claim, unfinished is not None
        self.config, self.told_to_stop = deepcopy(job.config), False
        self.run_dir: Path | None = None  # of `train`, where it will be
        # In a run that can forget there is nothing but what `unlearn verify` knows how to check.
        self._keeps_log = job.config.get("unlearning", {}).get("name", "none") == "none"
        self._began, self._size = time.perf_counter(), -1
        if threads and "device" in self.config and self.config.device.threads is None:
            self.config.device.threads = threads
        if job.command == "train":
            self._choose_run(unfinished)
        self.log = self._log()

    def _choose_run(self, unfinished: Path | None) -> None:
        if unfinished:
            self.config.resume, self.run_dir = str(unfinished), unfinished
        elif self.config.resume:
            self.run_dir = Path(self.config.resume).expanduser()
        else:
            self.run_dir = Path(self.config.run_dir) if self.config.run_dir else fresh_path(self.config)
            self.config.run_dir = str(self.run_dir)

    def _log(self) -> Path:
        """In the run directory; a run that is not there yet, and may never be, has it beside the locks."""
        if self.run_dir is None:
            handle, path = tempfile.mkstemp(prefix="recsys-", suffix=".log")
            os.close(handle)
            return Path(path)
        if self._keeps_log and is_run(self.run_dir):
            return self.run_dir / LOG
        return workplace(self.job.config) / f"{secrets.token_hex(6)}.log"

    def news(self) -> Sequence[Mapping[str, Any]]:
        """All epochs so far, where there are more than at the last call."""
        if self.run_dir is None:
            return []
        self._settle()
        path = self.run_dir / METRICS
        try:
            size = path.stat().st_size
            if size == self._size:
                return []
            self._size = size
            lines = read_file(path).split(b"\n")[:-1]
            return [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return []

    def _settle(self) -> None:
        """Puts the output into the run directory, once that is there."""
        assert self.run_dir
        if self._keeps_log and self.log.parent != self.run_dir and is_run(self.run_dir):
            target = self.run_dir / LOG
            if not os.path.lexists(target):
                os.replace(self.log, target)
                self.log = target

    def close(self, ended: Ended, signalled: int) -> Outcome:
        """How it ended. signalled: the signal that all jobs were stopped by, or 0."""
        seconds = time.perf_counter() - self._began
        if self.run_dir:
            self._settle()
        run_dir = str(self.run_dir) if self.run_dir and is_run(self.run_dir) else None
        output = ""
        if self.run_dir is None or self.log.parent != self.run_dir:
            output = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
            self.log.unlink(missing_ok=True)
        status, code = self._status(ended, signalled)
        error = ended.error or (_of_signal(ended.code) if status == FAILED else "")
        monitor = self.config.get("trainer", {}).get("monitor")
        return Outcome(self.job.words, status, seconds, run_dir, monitor, code, error, output)

    def release(self) -> None:
        if self.claim:
            self.claim.release()

    def _status(self, ended: Ended, signalled: int) -> tuple[str, int]:
        """By how its process ended; and the code that it counts with."""
        if ended.code == 0:
            return FINISHED, 0
        by_us = signalled or self.told_to_stop
        if ended.code <= SIGNALLED and not (ended.code < 0 and by_us):
            return FAILED, ended.code if ended.code > 0 else CRASH
        if self.told_to_stop and not signalled:
            return STOPPED, 0
        return INTERRUPTED, SIGNALLED + signalled if signalled else abs(ended.code)


def _of_signal(code: int) -> str:
    if code != -signal.SIGKILL:
        return f"failed: ended by signal {-code}" if code < 0 else f"failed with code {code}"
    return "failed: killed by SIGKILL, as the system does when memory runs out"
