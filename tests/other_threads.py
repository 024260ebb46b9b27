"""Another process, with another number of threads: it answers what functions of the tests give there.

One for all tests, as starting TensorFlow is what takes long. python -m tests.other_threads reads lines of JSON: a module,
a function, its arguments.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path


class OtherThreads:
    def __init__(self):
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, function: Callable[..., str], *arguments: str) -> None:
        """Begins it there. function: of a module of the tests; gives one line."""
        self._process.stdin.write(json.dumps([function.__module__, function.__name__, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        answer = self._process.stdout.readline()
        if not answer:
            self._errors.seek(0)
            raise AssertionError(f"the other process has died: {self._errors.read()}")
        return answer.strip()

    def __call__(self, function: Callable[..., str], *arguments: str) -> str:
        self.ask(function, *arguments)
        return self.answer()

    def close(self) -> None:
        self._process.communicate()
        self._errors.close()


def main() -> None:
    import tensorflow as tf

    threads = 1 if os.cpu_count() > 1 else 2
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    for line in sys.stdin:
        module, function, *arguments = json.loads(line)
        with redirect_stdout(sys.stderr):
            answer = getattr(importlib.import_module(module), function)(*arguments)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
