"""The process that starts jobs: it imports TensorFlow once and forks, so that a job begins at once and not after seconds.

Forking is safe because nothing but imports has happened here: no TensorFlow context, no threads of it, no GPU touched
(tests/jobs/test_processes.py looks). Each job has a process and a session of its own, and so its own peak memory.

Requests come as lines of JSON on the standard input, answers go to the standard output. When that input ends, the one
who asked is gone, even by SIGKILL: all jobs are asked to save and stop. When this process is killed, the kernel asks them.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from data_prep.files import open_file
from recsys_cli.execute import execute, say
from recsys_cli.output import lasting
from recsys_cli.parent import end_with, signal_at_the_end

GRACE = 60  # seconds for saving, once nobody waits for a job any more
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)


class Child(NamedTuple):
    """said: the reading end of what the job says of its failure."""

    id: int
    said: int


def main() -> None:
    end_with(os.getppid(), signal.SIGTERM)  # as long as its input is not read
    preload()
    signal_at_the_end(0)
    _serve({})


def preload() -> None:
    """What every training needs. Nothing here may compute with TensorFlow or look for devices."""
    from recsys_cli.training.device import import_tensorflow

    import_tensorflow()
    for folder in ("models", "losses"):
        for file in sorted((Path(__file__).resolve().parents[1] / folder).glob("[!_]*.py")):
            import_module(f"recsys_cli.{folder}.{file.stem}")
    for name in ("data.load", "runs.results", "training.build", "training.selection", "training.reporter"):
        import_module(f"recsys_cli.{name}")


def _serve(children: dict[int, Child]) -> None:
    """children: by process id."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pending = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        with suppress(BlockingIOError):
            os.read(woken, 4096)
        if 0 in ready:
            if not (received := os.read(0, 1 << 20)):
                return _end_all(children)
            *lines, pending = (pending + received).split(b"\n")
            for request in map(json.loads, lines):
                if "signal" in request:
                    _signal(children, request["signal"], request["id"])
                else:
                    _start(request, children)
        _reap(children)


def _start(request: dict[str, Any], children: dict[int, Child]) -> None:
    """request: id, command, config (YAML), log, folder, environment."""
    said, saying = os.pipe()
    server, pid = os.getpid(), os.fork()
    if pid == 0:
        _run(request, saying, server)
    os.close(saying)
    children[pid] = Child(request["id"], said)
    _answer(id=request["id"], pid=pid)


def _reap(children: dict[int, Child]) -> None:
    for pid, child in list(children.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del children[pid]
            with os.fdopen(child.said, "rb") as stream:
                os.set_blocking(child.said, False)  # a process of the job's own may still hold the other end
                error = (stream.read() or b"").decode(errors="replace")
            _answer(id=child.id, code=os.waitstatus_to_exitcode(status), error=error)


def _signal(children: dict[int, Child], number: int, id: int | None = None) -> None:
    for pid, child in children.items():
        if id in (None, child.id):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _end_all(children: dict[int, Child]) -> None:
    _signal(children, signal.SIGTERM)
    until = time.monotonic() + GRACE
    while children and time.monotonic() < until:
        time.sleep(0.05)
        _reap(children)
    _signal(children, signal.SIGKILL)


def _answer(**values: Any) -> None:
    with suppress(BrokenPipeError):  # the end of the input follows
        os.write(1, json.dumps(values).encode() + b"\n")


def _run(request: dict[str, Any], saying: int, server: int) -> NoReturn:
    """The job itself; never returns into the server."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for known in SIGNALS:
            signal.signal(known, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        end_with(server, signal.SIGTERM)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        log = open_file(request["log"], flags=os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        for number, handle in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(handle, number)
        sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        with lasting():
            code = _execute(request, saying)
            sys.stdout.flush()
    except BaseException as error:  # the log cannot be opened, say
        with suppress(OSError):
            os.write(saying, f"failed: {type(error).__name__}: {error}".encode())
    finally:
        os._exit(code)


def _execute(request: dict[str, Any], saying: int) -> int:
    from omegaconf import OmegaConf

    def tell(text: str) -> None:
        say(text)
        os.write(saying, text.encode()[:4000] + b"\n")

    config = OmegaConf.create(request["config"])
    OmegaConf.set_struct(config, True)
    return execute(import_module(f"recsys_cli.commands.{request['command']}").main, config, tell)
