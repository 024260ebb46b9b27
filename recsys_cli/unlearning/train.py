"""`recsys train unlearning=...`: shards, a model per shard, their aggregation, one look at the test split."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from data_prep.errors import UserError
from recsys_cli.runs.config import read_settings


def train(config: DictConfig, facts: Mapping[str, str | None] = {}) -> int:
    """config: the root node. facts: to keep in the record of a new run. Returns an exit code."""
    if note := choose_exact(config):
        print(note)
    refuse_unfit(config)
    from recsys_cli.training.device import set_up_device

    device = set_up_device(config.device)

    from recsys_cli.data.load import get_dataset
    from recsys_cli.runs.directory import Run
    from recsys_cli.runs.results import show_result
    from recsys_cli.training.estimate import check_memory
    from recsys_cli.training.fit import Stopped
    from recsys_cli.training.model_class import model_class
    from recsys_cli.training.selection import Selection
    from recsys_cli.unlearning.generation import Rows, build
    from recsys_cli.unlearning.generations import Generations
    from recsys_cli.unlearning.pool import train_shards
    from recsys_cli.unlearning.state import partition_entry, publish
    from recsys_cli.unlearning.unit import shard_epochs
    from recsys_cli.unlearning.whole import is_whole

    if config.resume:
        run, rows = Run.open(config.resume)[0], None
    else:  # whatever can be refused is refused before there is a run
        dataset = get_dataset(config.data)
        notes = Selection(config, dataset).notes
        print("\n".join([*notes, f"needs {check_memory(config, model_class(config.model._target_), dataset)}"]))
        rows = share_out(config, dataset)
        run = Run.create(config, **facts)
    config.run_dir = str(run.path)  # where a crash leaves its report
    generations = Generations(run.path)
    if generations.exists:
        print(f"{run.path} is trained to its end; recsys evaluate run={run.path} scores it again")
        return 0
    with ending(run):
        path = generations.begin()
        try:
            rows = rows or Rows.read(path)
        except UserError:  # it was stopped before its rows were written
            rows = share_out(config, get_dataset(config.data))
        rows.write(path)
        dataset, sizes = rows.dataset, np.bincount(rows.assignment)
        parts = f"{len(sizes)} shards of {sizes.min():,} to {sizes.max():,} rows"
        print(
            f"{config.model.name} on {dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, "
            f"{dataset.target_train.nnz:,} training pairs, "
            f"seed {config.seed}, {device}; run directory {run.path}\n"
            f"unlearning={config.unlearning.name}: {'one model of all rows' if is_whole(config) else parts}"
        )
        for warning in dataset.warnings:
            print(f"warning: {warning}")
        try:
            built = build(path, config, rows, None, train_shards)
        except Stopped as stopped:
            run.finish("interrupted")
            print(f"stopped by {stopped}, everything is saved; go on with: recsys train resume={run.path}")
            return 128 + stopped.signum
        publish(
            run,
            generations,
            config,
            rows,
            path,
            built,
            partition=partition_entry(config.unlearning, 0),
            touched=[],
            parent=None,
            requests=[],
        )
    parts = "" if is_whole(config) else f", {len(sizes)} sub-models of {shard_epochs(config)} epochs"
    title = f"test, {config.unlearning.name}{parts}"
    show_result(run, built.table, title, built.result)
    return 0


def choose_exact(config: DictConfig) -> str | None:
    """Puts `exact` in the place of shards for a model that counts alone decide, which shards cannot serve; says so."""
    from recsys_cli.config.library import library
    from recsys_cli.models.counts import CountedModel
    from recsys_cli.training.model_class import model_class

    asked = config.unlearning
    if asked.aggregation == "none" or config.resume or not issubclass(model_class(config.model._target_), CountedModel):
        return None
    config.unlearning = library().group_values("unlearning", "exact")
    return (
        f"unlearning=exact in the place of unlearning={asked.name}: model={config.model.name} is decided by counts, out of "
        "which rows are taken exactly, without shards"
    )


def refuse_unfit(config: DictConfig) -> None:
    """What would make a model depend on rows forgotten later, or cannot work; before any data is read."""
    name = f"unlearning={config.unlearning.name}"
    if config.evaluation.select != "last" or config.trainer.early_stopping:
        raise UserError(
            f"{name} trains a fixed number of epochs, because a choice of the "
            "best one would know rows that are forgotten later: leave out "
            "evaluation.select and trainer.early_stopping, set trainer.epochs."
        )
    if "rating" in (config.evaluation.protocol, config.loss.name) or "rating" in str(config.model.get("kind")):
        raise UserError(
            f"{name} forgets choices; for ratings (model={config.model.name}, loss={config.loss.name}, "
            f"evaluation.protocol={config.evaluation.protocol}) train again without them: unlearning=none."
        )
    if config.unlearning.aggregation == "none" and config.unlearning.shards != 1:
        raise UserError(
            f"unlearning.aggregation=none has one shard, which is the model: leave out unlearning.shards="
            f"{config.unlearning.shards}, or take another unlearning.aggregation."
        )
    if other := next((key for key in ("then", "pretrained") if config.model.get(key)), None):
        raise UserError(
            f"{name}: model.{other}={config.model[other]} is another run, which knows rows that are forgotten later: leave "
            "it out."
        )
    if config.model.get("kind") == "pairwise" and config.unlearning.aggregation != "none":
        raise UserError(
            f"{name} needs user and item vectors, which model={config.model.name} "
            "does not give; use a factored model such as bpr, wmf, enmf or lightgcn, or unlearning=exact, which trains it "
            "again."
        )
    by_model = (
        config.unlearning.aggregation in ("static", "attention") and config.unlearning.aggregation_loss == "model"
    )
    if by_model and config.loss.name in ("none", "multi_channel_bpr"):
        raise UserError(
            "unlearning.aggregation_loss=model: the aggregation cannot be trained by "
            f"loss={config.loss.name}; leave unlearning.aggregation_loss at non_sampling."
        )
    if config.resume:
        before = read_settings(Path(config.resume).expanduser())["trainer"]["epochs"]
        if before != config.trainer.epochs:
            raise UserError(
                f"resume={config.resume}: the epochs of a run with {name} are "
                f"fixed at {before}; train a new run for more."
            )


def share_out(config, dataset):
    """Rows with the shard of each. config: the root node."""
    from recsys_cli.unlearning.generation import Rows
    from recsys_cli.unlearning.partition import check_shards, partition

    rows = Rows.of(dataset, partition(config, dataset))
    check_shards(dataset, rows.pairs, rows.assignment, config.unlearning.shards)
    return rows


@contextmanager
def ending(run):
    """Writes into the record of the run how it ended, where it did not end well."""
    try:
        yield
    except KeyboardInterrupt:
        run.finish("interrupted")
        raise
    except Exception as error:
        run.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
