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
        print(
            f"{config.model.name} on {dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, "
            f"{dataset.target_train.nnz:,} training pairs, "
            f"seed {config.seed}, {device}; run directory {run.path}\n"
            f"unlearning={config.unlearning.name}: {len(sizes)} shards of "
            f"{sizes.min():,} to {sizes.max():,} rows"
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
    title = f"test, {config.unlearning.name}, {len(sizes)} sub-models of {shard_epochs(config)} epochs"
    show_result(run, built.table, title, built.result)
    return 0


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
    if config.model.get("kind") == "pairwise":
        raise UserError(
            f"{name} needs user and item vectors, which model={config.model.name} "
            "does not give; use a factored model such as bpr, wmf, enmf or lightgcn."
        )
    by_model = config.unlearning.aggregation != "mean" and config.unlearning.aggregation_loss == "model"
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
