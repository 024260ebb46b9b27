"""The other end of server.py: asks it to start and signal jobs, and hears how they ended."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf

START = "import sys; sys.path[:] = {path!r}; from recsys_cli.jobs.server import main; main()"


class Ended(NamedTuple):
    """code: of the process, negative for a signal. error: what the job said of its failure, or ''."""

    id: int
    code: int
    error: str


class Nursery:
    """Starts its server with the first job, and another one if that was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._running: set[int] = set()
        self._received = b""

    def start(self, id: int, command: str, config: DictConfig, log: str) -> None:
        """config: checked, as the command takes it. log: a file that its output is appended to."""
        self._running.add(id)
        text = OmegaConf.to_yaml(config, resolve=True)
        about = {"folder": os.getcwd(), "environment": dict(os.environ)}
        self._ask(id=id, command=command, config=text, log=os.path.abspath(log), **about)

    def signal(self, id: int, number: int) -> None:
        if id in self._running:
            self._ask(id=id, signal=int(number))

    def wait(self, seconds: float) -> list[Ended]:
        """The jobs that end within this time; it returns with the first."""
        if self._process is None or not self._process.stdout:
            return []
        answers = self._process.stdout.fileno()
        if not select.select([answers], [], [], seconds)[0]:
            return []
        if not (received := os.read(answers, 1 << 20)):
            return self._lost()
        *lines, self._received = (self._received + received).split(b"\n")
        ended = [Ended(a["id"], a["code"], a["error"].strip()) for a in map(json.loads, lines) if "code" in a]
        self._running -= {end.id for end in ended}
        return ended

    def close(self) -> None:
        """Jobs that still run save and stop."""
        if self._process is not None:
            with suppress(BrokenPipeError):
                self._process.communicate()  # closes its input, and waits
            self._process, self._received = None, b""

    def _lost(self) -> list[Ended]:
        self.close()
        lost, self._running = sorted(self._running), set()
        return [Ended(id, -9, "failed: the process that starts jobs was killed, and the job with it") for id in lost]

    def _ask(self, **request) -> None:
        if self._process is None:
            command = [sys.executable, "-c", START.format(path=[p or os.getcwd() for p in sys.path])]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
            )
        assert self._process.stdin
        with suppress(BrokenPipeError):  # `wait` will find out
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
