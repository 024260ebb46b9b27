"""Which split is looked at while training, which epoch is kept, and the one look at the sealed test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.own import is_lower_better, own_metric, short_name
from recsys_cli.evaluation.protocol import EvaluationSettings, Result, auxiliary_pairs, evaluate
from recsys_cli.models.base import Model
from recsys_cli.training.fit import Evaluation, Progress


def score(config, model: Model, dataset: Dataset, split: str, seed: int) -> Result:
    """config: EvaluationSettings, or a node of configs/evaluation. split: "valid" or "test"."""
    settings = EvaluationSettings.from_config(config, "evaluation")
    return evaluate(model.scorer(), dataset, split, seed=seed, **vars(settings))


class Selection:
    """evaluation.select: `last` epoch; `best_validation`; or `best_test_epoch`, the published habit, which opens the
    test split at every evaluation and says so in the results."""

    def __init__(self, config, dataset: Dataset):
        self.config, self.dataset, self.rule = config, dataset, config.evaluation.select
        self.final = "test" if config.evaluation.test else "validation"
        if config.evaluation.test and (dataset.test is None or not dataset.test.nnz):
            raise UserError(f"data={dataset.name} has no test pairs to evaluate on; see data.split.")
        valid = dataset.valid is not None and dataset.valid.nnz
        if not config.evaluation.test and (self.rule == "best_test_epoch" or not valid):
            raise UserError(
                "evaluation.test=false leaves the test split closed and shows the validation part instead: cut one with "
                "data.validation=..., and select by evaluation.select=last or best_validation."
            )
        if self.rule == "best_validation" and not valid:
            raise UserError(
                f"evaluation.select=best_validation needs validation pairs, and data={dataset.name} has none: "
                "set data.validation=leave_one_out, or evaluation.select=last."
            )
        if max(config.evaluation.k) > dataset.n_items:
            raise UserError(
                f"evaluation.k={list(config.evaluation.k)} goes beyond the {dataset.n_items} items of "
                f"data={dataset.name}: give smaller cut-offs."
            )
        for name in config.evaluation.metrics:
            if "." in name:
                own_metric(name)  # is imported here rather than after the training
        if config.evaluation.exclude_auxiliary:
            auxiliary_pairs(dataset)  # refuses here rather than after the training
        self.split = "test" if self.rule == "best_test_epoch" else "valid" if valid else None
        self.monitor = config.trainer.monitor or _first_metric(config.evaluation)

    @property
    def final_split(self) -> str:
        """What is scored at the end."""
        return "test" if self.final == "test" else "valid"

    def best(self, progress: Progress) -> dict[str, Any]:
        """What validation found, for the record and the result; empty where nothing was validated."""
        if self.split != "valid" or not progress.best_epoch:
            return {}
        return {
            "best_validation": {
                "metric": self.monitor,
                "value": progress.best_value,
                "epoch": progress.best_epoch,
            }
        }

    @property
    def keeps_best(self) -> bool:
        return self.rule != "last"

    def evaluation(self, model: Model) -> Evaluation | None:
        """What `fit` calls while training; None where nothing may be looked at."""
        if self.split is None:
            return None

        def means() -> Mapping[str, float]:
            return score(self.config.evaluation, model, self.dataset, self.split, self.config.seed).means

        lower = is_lower_better(self.monitor, self.config.evaluation.metrics)
        return Evaluation(means, self.monitor, self.keeps_best, lower)

    def chosen(self, progress: Progress) -> int:
        """The epoch whose parameters are scored at the end."""
        return progress.best_epoch if self.keeps_best and progress.best_epoch else progress.epoch

    def describe(self, progress: Progress) -> str:
        how = {
            "last": "the last one",
            "best_validation": "best on validation",
            "best_test_epoch": "best on TEST, as published work often does: optimistic",
        }[self.rule]
        return f"epoch {self.chosen(progress)} of {progress.epoch} ({how})"


def _first_metric(evaluation) -> str:
    family = "NDCG" if "NDCG" in evaluation.metrics else evaluation.metrics[0]
    name = family if family == "AUC" else f"{short_name(family)}@{evaluation.k[0]}"
    return f"sampled-{name}" if evaluation.protocol == "sampled" else name
