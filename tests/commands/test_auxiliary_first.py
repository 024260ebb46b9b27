"""`model.then=RUN`: the rest is in the order of another run, which is looked at before it is used."""

from __future__ import annotations

import shutil

import pytest

from recsys_cli.cli import main
from recsys_cli.runs.kept import read_result
from tests.tiny import RUN

WORDS = [*RUN, "data.users=80", "data.items=60", "data.interactions=500", "evaluation.bootstrap=0"]


@pytest.mark.slow
def test_a_run_goes_on_with_the_model_of_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def train(name: str, *words: str) -> int:
        return main(["train", *WORDS, f"run_dir={name}", *words])

    first = ["model=auxiliary_first", "model.then=bpr"]
    assert train("bpr", "model=bpr", "trainer.epochs=1") == 0
    assert train("first", *first) == 0
    assert train("popular", first[0]) == 0
    assert read_result(tmp_path / "first", "test") != read_result(tmp_path / "popular", "test")
    assert main(["evaluate", "run=first"]) == 0

    assert train("chain", first[0], "model.then=first") == 2
    assert "goes on with another run itself" in capsys.readouterr().err
    assert train("others", *first, "data.users=79") == 2
    assert "whose users are others" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "bpr")
    assert main(["evaluate", "run=first"]) == 2
