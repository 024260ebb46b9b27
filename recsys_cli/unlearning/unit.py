"""Training into a folder: one shard, or the aggregation. What it was made from stands beside the result.

A folder holds inputs.json (hash of the rows, seed, hash of the settings), metrics.jsonl and, once training is
complete, origin.json (version of the program) and the result as a .npz with its checksum. The same inputs
give the same bytes, so a result with the right inputs is taken as it is, wherever it comes from: an earlier
state of the run, or a try that was cut off.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.files import write_file
from data_prep.settings import plain
from recsys_cli.models.base import Factors, Model
from recsys_cli.models.counts import CountedModel
from recsys_cli.ops.streams import generator
from recsys_cli.runs.directory import CHECKPOINTS
from recsys_cli.runs.environment import code_hash
from recsys_cli.runs.identity import identity
from recsys_cli.runs.metrics_log import METRICS, MetricsLog
from recsys_cli.training.build import build_learner, epochs_of
from recsys_cli.training.checkpoint import load, load_newest, restore, save
from recsys_cli.training.fit import Learner, Progress, fit
from recsys_cli.training.reporter import Reporter

INPUTS, ORIGIN, VECTORS = "inputs.json", "origin.json", "vectors.npz"
SETTINGS = ("model", "loss", "optimizer")


def derived_seed(seed: int, purpose: str, *numbers: int) -> int:
    return int(generator(seed, f"unlearning/{purpose}", *numbers).integers(2**31))


def shard_epochs(config) -> int:
    """config: the root node of the run."""
    return config.unlearning.shard_epochs or config.trainer.epochs


def settings_hash(config, **more: Any) -> str:
    """Of all settings that a result depends on. config: a root node."""
    found = {group: OmegaConf.to_container(config[group], resolve=True) for group in SETTINGS}
    found |= {"epochs": config.trainer.epochs, "batch_size": config.trainer.batch_size, **more}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def is_done(folder: Path, inputs: Mapping[str, Any], name: str = VECTORS) -> bool:
    """Whether the folder holds, undamaged, the result of these inputs and what is said about it."""
    try:
        load(folder / name)
        code_of(folder), training_seconds(folder)
        return json.loads((folder / INPUTS).read_text()) == inputs
    except (OSError, ValueError, UserError):
        return False


def claim(folder: Path, inputs: Mapping[str, Any]) -> None:
    """Empties a folder that was made from other inputs."""
    try:
        if json.loads((folder / INPUTS).read_text()) == inputs:
            return
    except (OSError, ValueError):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_file(folder / INPUTS, (json.dumps(inputs, indent=1, sort_keys=True) + "\n").encode())


def take_over(source: Path, folder: Path) -> None:
    """The finished result of another folder, without a copy of its bytes where the file system allows it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in sorted(source.iterdir()):
        try:
            os.link(file, folder / file.name)
        except OSError:
            write_file(folder / file.name, file.read_bytes())


def train_into(
    folder: Path,
    config,
    model: Model,
    inputs: Mapping[str, Any],
    result: Callable[[Model], Mapping[str, np.ndarray]],
    name: str = VECTORS,
) -> None:
    """Trains to the last epoch, or goes on where an earlier try was stopped, and saves
    what `result` takes of the model.

    config: a root node; its seed and epochs are those of this training. Raises Stopped when a signal came.
    """
    claim(folder, inputs)
    tf.get_logger().setLevel("ERROR")  # it warns of retracing, but every shard has a loop of its own
    config = deepcopy(config)
    config.trainer.epochs = epochs_of(model, config)
    learner, checkpoints = build_learner(config, model), folder / CHECKPOINTS
    made_with = identity(plain(config), str(inputs.get("rows", "")))
    progress, log = _taken_up(folder, learner, made_with)
    reporter = Reporter(config.trainer.epochs, progress, bar=config.trainer.progress, monitor=None, tensorboard=None)
    try:
        fit(learner, checkpoints, config.trainer, progress, None, log, reporter, made_with)
    finally:
        reporter.close()
    write_file(folder / METRICS, (folder / METRICS).read_bytes())  # to last before the result does
    write_file(folder / ORIGIN, (json.dumps({"code": code_hash()}) + "\n").encode())
    save(folder / name, result(model), {})
    shutil.rmtree(checkpoints, ignore_errors=True)  # nothing needs them any more, and less can leak


def write_result(folder: Path, inputs: Mapping[str, Any], arrays: Mapping[str, np.ndarray], seconds: float) -> None:
    """What took so long to compute, as `train_into` leaves it."""
    claim(folder, inputs)
    log = MetricsLog(folder / METRICS, 0)
    log.add(1, 0.0, seconds, None)
    log.sync()
    write_file(folder / ORIGIN, (json.dumps({"code": code_hash()}) + "\n").encode())
    save(folder / VECTORS, arrays, {})


def _taken_up(folder: Path, learner: Learner, made_with: Mapping[str, str]) -> tuple[Progress, MetricsLog]:
    """Where an earlier try was stopped; the beginning, where it left nothing or nothing whole, or was made by another
    version or on another processor: half of each would be the bytes of neither."""
    checkpoints = folder / CHECKPOINTS
    try:
        found = load_newest(checkpoints)[0] if any(checkpoints.glob("*.npz")) else None
        if found and found.header.get("identity") != made_with:
            raise ValueError("made otherwise")
        progress = Progress.from_header(found.header) if found else Progress()
        log = MetricsLog(folder / METRICS, progress.epoch)
    except (ValueError, TypeError, KeyError, UserError):
        shutil.rmtree(checkpoints, ignore_errors=True)
        (folder / METRICS).unlink(missing_ok=True)
        return Progress(), MetricsLog(folder / METRICS, 0)
    if found:
        restore(found, learner.state())
    return progress, log


def code_of(folder: Path) -> str:
    """The version of the program that trained it."""
    return _said(folder / ORIGIN, lambda text: json.loads(text)["code"])


def training_seconds(folder: Path) -> float:
    return _said(folder / METRICS, lambda text: sum(json.loads(row)["seconds"] for row in text.splitlines()))


def _said(file: Path, read: Callable[[str], Any]) -> Any:
    try:
        return read(file.read_text())
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{file} is missing or damaged ({type(error).__name__}): what was trained there must be trained again."
        ) from None


def solution_of(model: Model, counts_mb: int) -> dict[str, np.ndarray]:
    """All of a model that is not aggregated, and the counts by which it can lose pairs."""
    state = {name: variable.numpy() for name, variable in model.state().items()}
    return state | (model.kept(counts_mb) if isinstance(model, CountedModel) else {})


def vectors_of(model: Model, tables: str) -> dict[str, np.ndarray]:
    """tables: final (propagated, prediction vector folded in) or embeddings (the layer-0 tables)."""
    if tables == "embeddings":
        state = model.state()
        if not {"user_embedding", "item_embedding"} <= set(state):
            raise UserError(
                f"unlearning.aggregation_tables=embeddings: model={model.name} "
                "has no tables user_embedding and item_embedding; use final."
            )
        return {side + "s": state[f"{side}_embedding"].numpy() for side in ("user", "item")}
    scorer = model.scorer()
    if not isinstance(scorer, Factors):
        raise UserError(
            f"unlearning needs user and item vectors, which model={model.name} does "
            "not give; use a factored model such as bpr, wmf, enmf or lightgcn."
        )
    return {"users": np.asarray(scorer.users), "items": np.asarray(scorer.items)}
