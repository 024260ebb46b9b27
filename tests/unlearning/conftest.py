"""Runs whose shards are made up from the hash of their rows, where training is not what is tested."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from recsys_cli.evaluation.protocol import Result
from recsys_cli.runs.directory import Run
from recsys_cli.training.checkpoint import save
from recsys_cli.unlearning import generation
from recsys_cli.unlearning.unit import claim
from recsys_cli.unlearning.verify import Asked, checks
from tests.unlearning.harness import MODELS, log, recsys, train_run, write_pairs

PAIRS = log()[0][3:6]
QUICK = [
    "unlearning=sisa",
    "unlearning.shards=3",
    "unlearning.partition=users",
    "unlearning.partition_vectors=random",
    *MODELS["wmf"],
]
STEPS = ("replace", "rename", "unlink", "symlink", "link", "mkdir", "rmdir")  # every change of a name on disk


class PowerCut(BaseException):
    pass


@pytest.fixture
def cut(monkeypatch):
    """cut(n): the n-th change of a name on disk (from 0) does not happen; returns the count so far."""
    calls = [0, None]

    def counted(function):
        def call(*args, **more):
            calls[0] += 1
            if calls[1] is not None and calls[0] > calls[1]:
                raise PowerCut
            return function(*args, **more)

        return call

    for name in STEPS:
        monkeypatch.setattr(os, name, counted(getattr(os, name)))

    def at(n: int | None) -> int:
        so_far, calls[0], calls[1] = calls[0], 0, n
        return so_far

    return at


def begun(folder, inputs) -> np.random.Generator:
    """What is said about a result, and the source of its values: the same for the same inputs."""
    claim(folder, inputs)
    (folder / "metrics.jsonl").write_text('{"epoch": 1, "seconds": 2.0}\n')
    (folder / "origin.json").write_text('{"code": "made up"}\n')
    return np.random.default_rng(int(hashlib.sha256(json.dumps(inputs).encode()).hexdigest(), 16))


def made_up(path, config, rows, k):
    """As `train_shard`: the same rows and seed give the same vectors, any other rows others."""
    inputs = generation.shard_inputs(config, rows, k)
    _, users, items = generation.part_of(config, rows, k)
    folder = path / "shards" / str(k)
    random = begun(folder, inputs)
    vectors = {"users": random.normal(size=(len(users), 4)), "items": random.normal(size=(len(items), 4))}
    save(folder / "vectors.npz", {side: v.astype(np.float32) for side, v in vectors.items()}, {})
    return f"shard {k}"


def made_up_aggregation(folder, config, model, inputs, result, name):
    """As `train_into`."""
    random = begun(folder, inputs)
    for variable in model.state().values():
        variable.assign(random.normal(size=variable.shape))
    save(folder / name, result(model), {})


def made_up_score(evaluation, model, dataset, split, seed):
    users = np.flatnonzero(dataset.test.row_lengths).astype(np.int32)
    values = model.scorer()(users).numpy()[:, 0].astype(float)
    return Result(users, {"Recall@3": values}, {"Recall@3": float(values.mean())}, len(users), 0, 0.0)


def make_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(generation, "train_shard", made_up)
    patch.setattr(generation, "train_into", made_up_aggregation)
    patch.setattr(generation, "score", made_up_score)


@pytest.fixture
def quick(monkeypatch):
    """No training and no evaluation."""
    make_up(monkeypatch)


def copied(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / "run", symlinks=True))


@pytest.fixture(scope="session")
def made_run(tmp_path_factory):
    """For all tests; its data lie beside it."""
    with pytest.MonkeyPatch.context() as patch:
        make_up(patch)
        return train_run(tmp_path_factory.mktemp("unlearning"), *QUICK)


@pytest.fixture(scope="session")
def made_forgotten(made_run, tmp_path_factory):
    run = copied(made_run, tmp_path_factory.mktemp("forgotten"))
    with pytest.MonkeyPatch.context() as patch:
        make_up(patch)
        words = [f"run={run}", f"forget={write_pairs(run.parent / 'f.csv', PAIRS)}", "device=cpu"]
        assert recsys("unlearn", *words) == 0
    return run


@pytest.fixture
def run(quick, made_run, tmp_path):
    """A run of three shards of users."""
    return copied(made_run, tmp_path)


def receipt_of(run, rows, file, capsys, header="user,item") -> list[str]:
    """Forgets the rows; the words that verify the request."""
    assert recsys("unlearn", f"run={run}", f"forget={write_pairs(file, rows, header)}", "device=cpu") == 0
    return [f"forget={file}", "receipt=" + capsys.readouterr().out.split("receipt ")[1].split(":")[0]]


def verify(run, capsys, *words) -> tuple[int, list[str]]:
    """Exit code, and the lines of the checks that failed."""
    code = recsys("unlearn", f"run={run}", "verify=true", "device=cpu", *words)
    return code, [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]


def problems(run, forgotten) -> list[str]:
    config = Run.open(run)[1]
    return [check.problem for check in checks(run, config, Asked(forgotten, shards="one")) if check.problem]


@pytest.fixture
def forgotten(quick, made_forgotten, tmp_path):
    """The run after it has forgotten PAIRS."""
    return copied(made_forgotten, tmp_path)
