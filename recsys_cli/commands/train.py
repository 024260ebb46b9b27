"""`recsys train`: data, model, training, one look at the sealed test split, a run directory that explains itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, open_dict

from data_prep.errors import UserError
from data_prep.settings import Settings, field

if TYPE_CHECKING:
    from recsys_cli.distributed.team import Team


@dataclass(frozen=True)
class TrainSettings(Settings):
    seed: int = field(0, "of everything that is drawn", low=0)
    runs_dir: str = field("runs", "where run directories are made")
    run_dir: str | None = field(None, "null: RUNS_DIR/TIME-MODEL-DATA-SHORT_ID")
    resume: str | None = field(None, "a run directory: go on with it from its newest valid checkpoint")
    tensorboard: bool = field(True, "write a log for TensorBoard")
    tracking: str = field("none", "where else a training is followed (docs/tracking.md)", choices=("none", "mlflow"))


def main(config: DictConfig) -> int:
    if config.device.workers == 1:
        return _train(config)
    from recsys_cli.distributed.follow import follow
    from recsys_cli.distributed.team import team_of

    team = team_of(config)
    if team.place.number:
        return follow(config, team.place)
    with team:
        return _train(config, team)


def _train(config: DictConfig, team: Team | None = None) -> int:
    """team: with the other workers, which are to be led."""
    if config.get("unlearning", {}).get("name", "none") != "none":
        if config.tracking != "none":
            raise UserError(
                f"tracking={config.tracking} follows one training, and unlearning= makes many: leave out one."
            )
        if not config.evaluation.test:
            raise UserError(
                f"unlearning={config.unlearning.name} is scored on test, and has no validation part to choose by: leave "
                "out evaluation.test=false."
            )
        from recsys_cli.unlearning.train import train

        return train(config, _asked(config))
    from recsys_cli.training.device import set_up_device

    asked = _asked(config)  # before anything is fitted to the data
    device = set_up_device(config.device, team.threads if team else None, several=team is not None)

    from recsys_cli.data.load import get_dataset
    from recsys_cli.runs.directory import TENSORBOARD, Run
    from recsys_cli.runs.identity import DATA_HASH, identity
    from recsys_cli.runs.metrics_log import METRICS, MetricsLog
    from recsys_cli.runs.results import save_result, show_result
    from recsys_cli.training.build import build_learner, build_model, epochs_of
    from recsys_cli.training.checkpoint import load_newest, restore
    from recsys_cli.training.estimate import check_memory
    from recsys_cli.training.fit import Progress, Stopped, fit
    from recsys_cli.training.model_class import model_class
    from recsys_cli.training.pretrained import start_from
    from recsys_cli.training.reporter import Reporter
    from recsys_cli.training.selection import Selection, most_popular, score
    from recsys_cli.training.taking_up import data_of
    from recsys_cli.training.tracking import MlflowTracker, both, check_installed

    if config.tracking == "mlflow":
        check_installed()
    if team:
        from recsys_cli.distributed.exact import refuse_inexact

        refuse_inexact(config)

    run, checkpoint = _taken_up(config.resume) if config.resume else (None, None)
    dataset = data_of(run, config, checkpoint) if run else get_dataset(config.data)
    if team:
        team.join(dataset)
    if not config.evaluation.test:
        dataset = replace(dataset, test=None, test_negatives=None)  # nothing below can look at it
    selection = Selection(config, dataset)
    memory = check_memory(config, model_class(config.model._target_), dataset)
    model = build_model(config.model, dataset, config.seed)
    if not run:
        start_from(config.model.get("pretrained"), model, dataset)
    learner = team.learner(model, dataset) if team else build_learner(config, model)
    with open_dict(config):
        config.trainer.epochs = epochs_of(model, config)
    if run:
        progress = _go_on(run, checkpoint, learner.state(), config.trainer.epochs)
    else:
        run, progress = Run.create(config, **asked, **{DATA_HASH: dataset.content_hash}), Progress()
    config.run_dir = str(run.path)  # where a crash leaves its report
    parameters = model.count_parameters()
    workers = {"workers": team.place.of} if team else {}
    run.record |= {"status": "running", DATA_HASH: dataset.content_hash, "parameters": parameters, **workers}
    run.write_record()
    print(
        f"{model.name} on {dataset.name}: {dataset.n_users:,} users, {dataset.n_items:,} items, "
        f"{dataset.target_train.nnz:,} training pairs, seed {config.seed}, {device}"
        f"{f', {team.place.of} workers' if team else ''}; run directory {run.path}\n"
        f"needs {memory}",
        flush=True,
    )
    for note in selection.notes:
        print(note)
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
        tensorboard=run.path / TENSORBOARD if config.tensorboard else None,
    )
    tracker = MlflowTracker(run) if config.tracking == "mlflow" else None

    def finish(status: str, **facts: Any) -> None:
        run.finish(status, **facts)
        if tracker:
            tracker.close(run)

    made_with = identity(run.settings, dataset.content_hash)
    report = both(reporter, tracker)
    try:
        fit(learner, run.checkpoints, config.trainer, progress, selection.evaluation(learner), log, report, made_with)
        if selection.keeps_best and progress.best_epoch:
            restore(load_newest(run.checkpoints, "best")[0], learner.state())
        result = score(config.evaluation, learner, dataset, selection.final_split, config.seed)
        best = selection.best(progress)
        table = save_result(run.path, selection.final, result, dataset.user_ids, config.evaluation, config.seed, **best)
    except Stopped as stopped:
        finish("interrupted", training_seconds=round(log.seconds, 2))
        reporter.close()
        print(f"stopped by {stopped}, everything is saved; go on with: recsys train resume={run.path}")
        return 128 + stopped.signum
    except KeyboardInterrupt:  # while the result is computed; training is saved
        finish("interrupted")
        raise
    except Exception as error:
        finish("failed", error=f"{type(error).__name__}: {error}")
        raise
    finally:
        reporter.close()
    finish(
        "finished",
        training_seconds=round(log.seconds, 2),
        evaluation_seconds=round(result.seconds, 3),
        seconds_per_epoch=round(log.median_seconds, 4),
        epoch=selection.chosen(progress),
        **best,
    )
    show_result(run, table, f"{selection.final}, {selection.describe(progress)}", result)
    if model.name != "popularity":
        print(most_popular(config.evaluation, dataset, selection.final_split, config.seed))
    return 0


def _asked(config: DictConfig) -> dict[str, str | None]:
    """By what the run is found again when the same is asked for."""
    from recsys_cli.jobs.identity import JOB_HASH, job_hash
    from recsys_cli.runs.bearing import about

    return {JOB_HASH: job_hash(config), **about(config)}


def _taken_up(path: str):
    """The run to resume, and its newest whole checkpoint; None where it was stopped before its first save."""
    from recsys_cli.runs.directory import Run
    from recsys_cli.training.taking_up import has_checkpoint, newest_checkpoint, refuse_other_config, warn_otherwise

    run, _ = Run.open(path)
    checkpoint = newest_checkpoint(run) if has_checkpoint(run) else None
    refuse_other_config(run, checkpoint)
    if has_checkpoint(run, "best"):  # it may be the one that is scored at the end
        refuse_other_config(run, newest_checkpoint(run, "best"))
    found = warn_otherwise(run, checkpoint, "what is trained from here on may differ from an uninterrupted run")
    if found:  # the checkpoints to come will not tell any more
        run.record["resumed_with_other"] = found
    return run, checkpoint


def _go_on(run, checkpoint, state, epochs: int):
    """Puts the checkpoint back, keeps to which epoch the run is to be trained, and returns where it stands."""
    from recsys_cli.jobs.identity import JOB_HASH
    from recsys_cli.training.checkpoint import restore
    from recsys_cli.training.fit import Progress

    progress = Progress()
    if checkpoint:
        progress = Progress.from_header(checkpoint.header)
        restore(checkpoint, state)
    if progress.epoch > epochs:
        raise UserError(
            f"resume={run.path}: the run has {progress.epoch} epochs behind it, more than "
            f"trainer.epochs={epochs}: give a higher number, or score it with "
            f"recsys evaluate run={run.path}."
        )
    if run.set_epochs(epochs):
        run.record.pop(JOB_HASH, None)  # what comes of it is not what was asked for then
    place = f"after epoch {progress.epoch}" + (f", step {progress.step}" if progress.step else "")
    print(f"resuming {run.path} ({run.record['status']}) {place}")
    return progress
