"""The other workers as processes on this machine: started, watched, and gone when this one is."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from contextlib import suppress

from data_prep.errors import UserError
from recsys_cli.distributed.place import Place

START = "import sys; sys.path[:] = {path!r}; from recsys_cli.distributed.follow import main; main()"
PATIENCE = 10  # seconds for what has to end, or has ended and is not seen yet


class Processes:
    def __init__(self, place: Place, config: str, threads: int):
        """config: YAML. threads: of each."""
        command = [sys.executable, "-c", START.format(path=[p or os.getcwd() for p in sys.path])]
        self._said = [tempfile.TemporaryFile() for _ in place.addresses[1:]]  # noqa: SIM115
        self._started: list[subprocess.Popen[bytes]] = []
        about = {"parent": os.getpid(), "addresses": place.addresses, "config": config, "threads": threads}
        for number, said in enumerate(self._said, start=1):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
            self._started.append(process)
            assert process.stdin
            with suppress(BrokenPipeError):  # `wait` tells
                process.stdin.write(json.dumps({**about, "number": number}).encode() + b"\n")
                process.stdin.flush()

    def wait(self) -> None:
        """Until all are ready to be connected. Raises UserError where one ends before."""
        for process in self._started:
            assert process.stdout
            select.select([process.stdout], [], [])
            if not os.read(process.stdout.fileno(), 4096):
                raise UserError(f"{self.why(PATIENCE) or 'a worker does not start'}.")

    def why(self, seconds: float) -> str:
        """Which has ended and how; '' where all go on after these seconds."""
        for number, (process, said) in enumerate(zip(self._started, self._said), start=1):
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(seconds / len(self._started))
                how = f"killed by signal {-code}" if code < 0 else _last_line(said) or f"code {code}"
                return f"worker {number} of {len(self._started) + 1} has ended ({how})"
        return ""

    def close(self, kill: bool) -> None:
        """kill: at once; else they have been told to end, and are killed where they do not."""
        for process in self._started:
            if kill:
                process.kill()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()
        for said in self._said:
            said.close()


def _last_line(said) -> str:
    said.seek(0)
    lines = [line for line in said.read().decode(errors="replace").splitlines() if line.startswith("recsys: ")]
    return lines[-1].removeprefix("recsys: ").removeprefix("error: ").rstrip(".") if lines else ""
