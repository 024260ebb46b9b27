"""When those who watch go away, the training does not; and what cannot be written is said."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from recsys_cli import cli
from recsys_cli.output import Output
from tests.commands.conftest import TINY, record_of

ROOT = Path(__file__).resolve().parents[2]


class Broken(io.StringIO):
    """Takes a few writes, then none."""

    def __init__(self, error: int, after: int = 1):
        super().__init__()
        self.error, self.left = error, after

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(text)


@pytest.mark.parametrize("error, code", [(errno.EPIPE, 0), (errno.ENOSPC, 2)])
def test_training_ends_well_after_its_reader_has_gone(tmp_path, monkeypatch, capsys, error, code):
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Broken(error))
        assert cli.main(["train", *TINY, f"run_dir={tmp_path / 'run'}"]) == code
    assert record_of(tmp_path / "run")["status"] == "finished" and (tmp_path / "run" / "test.json").exists()
    assert capsys.readouterr().err == ("" if code == 0 else NO_SPACE)


NO_SPACE = "recsys: error: cannot write to the standard output: No space left on device\n"


def test_a_terminal_that_was_closed_does_not_stop_the_progress(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stderr", Broken(errno.EIO, after=0))
    words = [w for w in TINY if w != "trainer.progress=false"]
    assert cli.main(["train", *words, "trainer.progress=true", f"run_dir={tmp_path / 'run'}"]) == 0


@pytest.mark.parametrize("how, reason", [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")])
def test_an_output_that_takes_nothing_is_said(how, reason):
    command = f"'{sys.executable}' -m recsys_cli --version {how}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (2, f"recsys: error: cannot write to the standard output: {reason}\n")


def test_no_file_gets_the_number_of_a_closed_stream():
    code = "import os; from recsys_cli.output import lasting\nwith lasting(): assert os.open('/dev/null', 0) > 2"
    done = subprocess.run(["bash", "-c", f"'{sys.executable}' -c \"{code}\" <&- >&-"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_an_output_keeps_what_other_code_asks_of_a_stream(capfd):
    output = Output(sys.stdout)
    print("text", file=output, flush=True)
    assert output.encoding and not output.isatty() and output.lost is None and capfd.readouterr().out == "text\n"


EARLY = """
import os, signal, sys
class Interrupt:
    def find_spec(self, name, *more):
        if name == "recsys_cli.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["recsys", "--version"]
from recsys_cli.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_while_the_program_is_loaded_is_one_line():
    done = subprocess.run([sys.executable, "-c", EARLY], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "recsys: interrupted\n")


def test_after_loading_an_interrupt_is_what_it_is_elsewhere():
    code = EARLY.replace("os.kill(os.getpid(), signal.SIGINT)", "pass").replace("sys.exit(main())", "main()")
    code += "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("True\n"), done.stderr


def test_a_hangup_is_ignored_after_nohup():
    from recsys_cli.training.fit import _signals

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _signals() as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
    finally:
        signal.signal(signal.SIGHUP, before)
