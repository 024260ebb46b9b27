"""`recsys train`: data, model, training, one look at the sealed test split, a run directory that explains itself."""

from __future__ import annotations

from omegaconf import DictConfig, open_dict

from data_prep.errors import UserError


def main(config: DictConfig) -> int:
    if config.get("unlearning", {}).get("name", "none") != "none":
        from recsys_cli.unlearning.train import train

        return train(config)
    from recsys_cli.training.device import set_up_device

    device = set_up_device(config.device)

    from recsys_cli.commands.results import save_result, show_result
    from recsys_cli.data.load import get_dataset
    from recsys_cli.training.build import build_learner, build_model, epochs_of
    from recsys_cli.training.checkpoint import load_newest, restore
    from recsys_cli.training.fit import Stopped, fit
    from recsys_cli.training.reporter import Reporter
    from recsys_cli.training.run import METRICS, MetricsLog
    from recsys_cli.training.selection import Selection, score

    dataset = get_dataset(config.data)
    selection = Selection(config, dataset)
    model = build_model(config.model, dataset, config.seed)
    learner = build_learner(config, model)
    with open_dict(config):
        config.trainer.epochs = epochs_of(model, config)
    run, progress = _open_run(config, dataset.content_hash, learner.state())
    config.run_dir = str(run.path)  # where a crash leaves its report
    print(
        f"{model.name} on {dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, "
        f"{dataset.target_train.nnz:,} training pairs, seed {config.seed}, {device}; run directory {run.path}"
    )
    for warning in dataset.warnings:
        print(f"warning: {warning}")
    if not model.tasks[model.target].weight:
        print(
            f"note: model.task_weights gives 0 to the target {dataset.target!r}: the parameters that it alone has stay as "
            "they were drawn."
        )

    log = MetricsLog(run.path / METRICS, progress.epoch)
    reporter = Reporter(
        config.trainer.epochs,
        progress,
        bar=config.trainer.progress,
        monitor=selection.monitor if selection.split else None,
        tensorboard=run.path / "tensorboard" if config.tensorboard else None,
    )
    try:
        fit(learner, run, config.trainer, progress, selection.evaluation(model), log, reporter)
        if selection.keeps_best and progress.best_epoch:
            restore(load_newest(run.checkpoints, "best")[0], learner.state())
        result = score(config.evaluation, model, dataset, "test", config.seed)
        table = save_result(run, "test", result, dataset.user_ids, config.evaluation, config.seed)
    except Stopped as stopped:
        run.finish("interrupted", training_seconds=round(log.seconds, 2))
        reporter.close()
        print(f"stopped by {stopped}, everything is saved; go on with: recsys train resume={run.path}")
        return 128 + stopped.signum
    except KeyboardInterrupt:  # while the test split is scored; training is saved
        run.finish("interrupted")
        raise
    except Exception as error:
        run.finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    finally:
        reporter.close()
    run.finish(
        "finished",
        training_seconds=round(log.seconds, 2),
        evaluation_seconds=round(result.seconds, 3),
        seconds_per_epoch=round(log.median_seconds, 4),
        epoch=selection.chosen(progress),
    )
    show_result(run, table, f"test, {selection.describe(progress)}", result)
    return 0


def _open_run(config: DictConfig, content_hash: str, state):
    """A new run, or the one to resume with its newest valid checkpoint put back."""
    from recsys_cli.training.checkpoint import load_newest, restore
    from recsys_cli.training.fit import Progress
    from recsys_cli.training.run import Run

    if not config.resume:
        run = Run.create(config)
        run.check_data(content_hash)
        run.write_record()
        return run, Progress()
    run, _ = Run.open(config.resume)
    run.check_data(content_hash)
    progress = Progress()
    if any(run.checkpoints.glob("epoch-*.npz")):  # otherwise it stopped before its first save
        checkpoint, skipped = load_newest(run.checkpoints)
        for line in skipped:
            print(f"warning: {line}; going on with {checkpoint.path.name}")
        restore(checkpoint, state)
        progress = Progress.from_header(checkpoint.header)
    if progress.epoch > config.trainer.epochs:
        raise UserError(
            f"resume={config.resume}: the run has {progress.epoch} epochs behind it, more than "
            f"trainer.epochs={config.trainer.epochs}: give a higher number, or score it with "
            f"recsys evaluate run={config.resume}."
        )
    place = f"after epoch {progress.epoch}" + (f", step {progress.step}" if progress.step else "")
    print(f"resuming {run.path} ({run.record['status']}) {place}")
    run.record["status"] = "running"
    run.write_record()
    return run, progress
