"""`recsys deletions`: what forgetting costs in a run that can forget, beside one full retraining."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from data_prep.kinds import Bounds, kind_of_type, listed
from data_prep.settings import MANDATORY, Settings, field

SIZES = listed(kind_of_type(int, Bounds(low=1)), empty=True)

NAMES = {  # as thesis table 6.4 has them -> of unlearning/deletions.py
    "total_time": "training",
    "submodel_training_time": "shard",
    "aggregation_training_time": "aggregation",
    "request_time": "request",
    "shards_touched": "shards",
}


@dataclass(frozen=True)
class DeletionsSettings(Settings):
    run: str = field(MANDATORY, "a run trained with unlearning=...; it stays as it is")
    singles: int = field(100, "single random pairs, forgotten one after the other", low=0)
    batches: list[int] = field([], "sizes of requests that are carried out at once, such as [10,100]", kind=SIZES)
    retrainings: int = field(1, "full retrainings to compare with", low=0)
    seed: int = field(0, "of the choice of pairs", low=0)
    name: str = field("deletions", "of the result in RUN/evaluations")


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.runs.directory import Run
    from recsys_cli.runs.results import Summary, check_name, keep_evaluation
    from recsys_cli.text import format_table
    from recsys_cli.unlearning.deletions import Batch, measure

    check_name(config.name)
    path = Path(config.run).expanduser()
    found = measure(path, config.singles, list(config.batches), config.retrainings, config.seed, print)

    def line(batch: Batch) -> list[str]:
        times = [f"{batch.mean(name):.2f}" for name in ("shard", "aggregation", "training", "request")]
        return [batch.what, str(batch.pairs), str(len(batch.costs)), f"{batch.mean('shards'):.1f}", *times]

    header = ["what", "pairs", "times", "shards", "shards s", "aggregation s", "training s", "request s"]
    rows = [line(batch) for batch in found.batches]
    rows += [["full retraining", "-", "1", "-", "-", "-", f"{seconds:.2f}", "-"] for seconds in found.retraining]
    table = format_table(header, rows)
    single = [batch for batch in found.batches if batch.pairs == 1]
    metrics = {metric: {"mean": batch.mean(name)} for batch in single for metric, name in NAMES.items()}
    content = {
        "metrics": metrics,
        "retraining_seconds": found.retraining,
        "table": [header, *rows],
        "seed": config.seed,
    }
    print(table)
    run, _ = Run.read(path)
    print(f"kept in {keep_evaluation(run, config.name, Summary(content, None, table))}")
    return 0
