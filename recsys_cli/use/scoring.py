"""A trained run is scored again: what `recsys evaluate` shows and `recsys.open_run(...).evaluate` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset
from recsys_cli.evaluation.protocol import Result
from recsys_cli.models.base import Model
from recsys_cli.runs.results import Summary, summarize
from recsys_cli.training.selection import score

SPLITS = {"test": "test", "validation": "valid"}


class Again(NamedTuple):
    result: Result
    summary: Summary


def score_again(
    config: DictConfig, dataset: Dataset, model: Model, split: str, name: str, given: Mapping[str, Any]
) -> Again:
    """By the protocol of the run, save for the keys of EvaluationSettings that are given.

    config: the root node of the run. split: test or validation. name: what the result is called in its summary.
    """
    evaluation = OmegaConf.merge(config.evaluation, dict(given))
    result = score(evaluation, model, dataset, SPLITS[split], config.seed)
    return Again(result, summarize(name, result, dataset.user_ids, evaluation, config.seed))


def refuse_closed(given: Mapping[str, Any]) -> None:
    """Raises UserError where the keys of EvaluationSettings that are given close the test split."""
    if given.get("test") is False:
        raise UserError(
            "evaluation.test=false is for recsys train; here split=validation leaves the test split closed."
        )
