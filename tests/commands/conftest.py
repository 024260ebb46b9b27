from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from recsys_cli import cli
from tests.tiny import RUN

TINY = [*RUN, "data.items=180", "data.interactions=700", "trainer.epochs=4", "model.embedding_size=8"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "run"
    assert cli.main(["train", *TINY, f"run_dir={run}"]) == 0
    return run


@pytest.fixture
def trained(finished, tmp_path) -> Path:
    """A finished tiny run of ENMF, for the test to do with as it likes."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def record_of(run: Path) -> dict:
    return json.loads((run / "record.json").read_text())
