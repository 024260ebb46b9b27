"""Fixtures of all tests that run the program."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest
import yaml

from recsys_cli import cli
from recsys_cli.jobs import engine
from recsys_cli.jobs.nursery import Nursery
from tests.other_threads import OtherThreads


@pytest.fixture
def recsys(capsys):
    """Runs the program in this process: recsys("train", "seed=1") -> code, out, err."""

    def run(*argv: str) -> SimpleNamespace:
        code = cli.main(list(argv))
        return SimpleNamespace(code=code, **capsys.readouterr()._asdict())

    return run


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """A file takes milliseconds to get there, and a test writes many; tests of power cuts look at the calls."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # which refuses what is no open file, too
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard():
    """A shell starts what it leaves in the background deaf to SIGINT, which tests send, and jobs would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def config(recsys):
    """The config that a command would run with, as a dict."""

    def compose(*argv: str) -> dict:
        result = recsys(*argv, "--cfg", "job")
        assert result.code == 0, result.err
        return yaml.safe_load(result.out)

    return compose


@pytest.fixture
def refused(recsys, monkeypatch):
    """The message with which the command line is refused, on one line and without a traceback."""

    for name, command in cli.COMMANDS.items():
        if command.has_config:
            monkeypatch.setitem(cli.COMMANDS, name, command._replace(module="no.command.may.run"))

    def message(*argv: str) -> str:
        result = recsys(*argv)
        assert result.code == 2
        assert result.err.startswith("recsys: error: ") and result.err.count("\n") == 1
        assert result.out == ""
        return result.err

    return message


@pytest.fixture(scope="session")
def other_threads():
    """other_threads(function) -> what it gives in a process with another number of threads."""
    process = OtherThreads()
    yield process
    process.close()


@pytest.fixture(scope="session")
def nursery():
    """One process that starts jobs for all tests: importing TensorFlow takes seconds."""
    crew = Nursery()
    yield crew
    crew.close()


@pytest.fixture
def one_nursery(nursery, monkeypatch):
    """Jobs of this test run in processes of the common nursery."""

    class Lent:
        def __init__(self):
            self.start, self.signal, self.wait = nursery.start, nursery.signal, nursery.wait

        def close(self):
            pass

    monkeypatch.setattr(engine, "Nursery", Lent)
