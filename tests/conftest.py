"""Fixtures of all tests that run the program."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def other_threads():
    """other_threads(function) -> what it gives in a process with another number of threads."""
    process = OtherThreads()
    yield process
    process.close()
