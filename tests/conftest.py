"""Fixtures of all tests that run the program."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from recsys_cli import cli
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


@pytest.fixture(scope="session")
def other_threads():
    """other_threads(function) -> what it gives in a process with another number of threads."""
    process = OtherThreads()
    yield process
    process.close()
