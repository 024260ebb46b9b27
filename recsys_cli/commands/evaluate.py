"""`recsys evaluate`: scores a trained run again, with other cut-offs, another protocol or another split."""

from __future__ import annotations

import os
from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.files import check_writable
from data_prep.settings import MANDATORY, Settings, field
from recsys_cli.data.tables import TABLE


@dataclass(frozen=True)
class EvaluateSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    split: str = field("test", "which part is ranked", choices=("test", "validation"))
    name: str | None = field(
        None, "of the result in RUN/evaluations; null: SPLIT-again. Another result of that name is numbered"
    )
    per_user: str | None = field(None, "a file for one row per user", pattern=TABLE)


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.evaluation.summary import save_per_user
    from recsys_cli.runs.environment import peak_memory_mb
    from recsys_cli.runs.results import check_name, keep_evaluation, lines_of
    from recsys_cli.use.scoring import refuse_closed, score_again
    from recsys_cli.use.trained import open_trained

    given = {k: v for k, v in config.evaluation.items() if v is not None}
    refuse_closed(given)
    name = config.name or f"{config.split}-again"
    check_name(name)
    if config.per_user:
        check_writable(config.per_user, "per_user")
    data = {k: v for k, v in config.data.items() if v is not None}
    trained = open_trained(config.run, data or None)
    result, summary = score_again(trained.config, trained.dataset, trained.model, config.split, name, given)
    if config.per_user:
        save_per_user(config.per_user, trained.dataset.user_ids[result.users], result.per_user)
    print("\n".join(lines_of(summary.table, f"{config.split}, epoch {trained.epoch}", result)))
    print(f"{result.seconds:.2f} s for this evaluation, peak memory {peak_memory_mb():.0f} MB")
    if os.access(trained.run.path, os.W_OK):
        print(f"kept in {keep_evaluation(trained.run, name, summary)}")
    else:  # the run of somebody else, or on a disk that cannot be written
        print(f"not kept: {trained.run.path} cannot be written")
    return 0
