"""Run directories that look like those of a study, made from one tiny training."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from recsys_cli import cli
from tests.commands.conftest import TINY


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("study") / "run"
    assert cli.main(["train", *TINY, f"run_dir={run}", "evaluation.beyond_accuracy=true"]) == 0
    return run


@pytest.fixture
def made(trained_once, tmp_path):
    """made("a", seed=1, shift=0.1, **settings): a copy of the run with other settings, and all its values moved."""

    def make(name: str, seed: int = 0, shift: float = 0.0, **settings) -> Path:
        run = Path(shutil.copytree(trained_once, tmp_path / "runs" / name))
        config = yaml.safe_load((run / "config.yaml").read_text())
        config["seed"] = seed
        for key, value in settings.items():
            group, _, last = key.partition("__")
            config[group][last] = value
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        result = json.loads((run / "test.json").read_text())
        with np.load(run / "test_per_user.npz") as archive:
            columns = dict(archive)
        random = np.random.default_rng(seed)
        for metric in columns:
            if metric != "user":
                moved = random.choice([0.0, 2.0], len(columns["user"])) * shift
                columns[metric] = columns[metric] + moved
                result["metrics"][metric]["mean"] = float(columns[metric].mean())
        buffer = io.BytesIO()
        np.savez(buffer, **columns)
        (run / "test_per_user.npz").write_bytes(buffer.getvalue())
        (run / "test.json").write_text(json.dumps(result))
        return run

    return make


def edit(path: Path, **values) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | values))
