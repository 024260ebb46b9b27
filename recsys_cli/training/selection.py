"""Which split is looked at while training, which epoch is kept, and the one look at the sealed test split."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.config.library import library
from recsys_cli.data.dataset import Dataset
from recsys_cli.data.ratings import Ratings
from recsys_cli.evaluation.blocks import MIN_ROWS
from recsys_cli.evaluation.metrics import impossible_cutoffs
from recsys_cli.evaluation.names import first_metric
from recsys_cli.evaluation.own import is_lower_better
from recsys_cli.evaluation.protocol import EvaluationSettings, Result, check, evaluate
from recsys_cli.models.base import Factors, Model, Scorer
from recsys_cli.text import duration
from recsys_cli.training.fit import Evaluation, Learner, Progress
from recsys_cli.training.model_class import model_class

LARGE_RANKING = 5 * 10**7  # pairs: below, even the slowest models rank in seconds
LONG = 60  # seconds: worth to be said beforehand


def score(config, trained: Model | Learner, dataset: Dataset, split: str, seed: int) -> Result:
    """config: EvaluationSettings, or a node of configs/evaluation. split: "valid" or "test"."""
    scorer, settings = trained.scorer(), EvaluationSettings.from_config(config, "evaluation")
    if (seconds := ranking_seconds(scorer, dataset, split, settings.users)) > LONG:
        print(f"ranking: about {duration(seconds)}", file=sys.stderr, flush=True)
    return _evaluate(config, scorer, dataset, split, seed)


def most_popular(config, dataset: Dataset, split: str, seed: int) -> str:
    """What the most popular items would have reached by the same evaluation: without it no number says much.

    As model=popularity, by factors of one dimension, which takes as long as one ranking of a factored model. Beside
    predicted ratings: the mean rating of each item.
    """
    rated = config.protocol == "rating"
    of_items = Ratings(dataset).item_means if rated else dataset.target_train.col_counts
    factors = Factors(tf.ones([dataset.n_users, 1]), tf.constant(of_items[:, None], tf.float32))
    means = _evaluate(config, factors, dataset, split, seed).means
    first = [f"{n} {v:.4f}" for n, v in means.items() if "@" not in n or n.endswith(f"@{config.k[0]}")]
    rule = "the mean rating of each item" if rated else "the most popular items"
    return f"for comparison, {rule}: " + ", ".join(first)


def _evaluate(config, scorer: Scorer, dataset: Dataset, split: str, seed: int) -> Result:
    settings = EvaluationSettings.from_config(config, "evaluation")
    return evaluate(scorer, dataset, split, seed=seed, **vars(settings))


def ranking_seconds(scorer: Scorer, dataset: Dataset, split: str, most: int | None = None) -> float:
    """How long a scorer that has to look at every pair will take, measured on a few users; 0 where that is not long.
    most: users, of evaluation.users."""
    held_out = {"valid": dataset.valid, "test": dataset.test}[split]
    users = np.flatnonzero(held_out.row_lengths).astype(np.int32) if held_out else np.zeros(0, np.int32)
    users = users[:most]
    if isinstance(scorer, Factors) or len(users) * dataset.n_items < LARGE_RANKING:
        return 0.0
    few = tf.constant(users[:MIN_ROWS])
    scorer(few)  # compiles
    began = time.perf_counter()
    np.asarray(scorer(few))
    return (time.perf_counter() - began) * len(users) / len(few)


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
        refuse_choices(config)
        self.notes = fit_cutoffs(config, dataset)
        self.split = "test" if self.rule == "best_test_epoch" else "valid" if valid else None
        self.monitor = config.trainer.monitor or first_metric(config.evaluation)
        settings = EvaluationSettings.from_config(config.evaluation, "evaluation")
        for split in sorted({self.split or self.final_split, self.final_split}):
            check(dataset, split, settings)

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

    def evaluation(self, trained: Model | Learner) -> Evaluation | None:
        """What `fit` calls while training; None where nothing may be looked at."""
        split = self.split
        if split is None:
            return None

        def means() -> Mapping[str, float]:
            return score(self.config.evaluation, trained, self.dataset, split, self.config.seed).means

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


def refuse_choices(config) -> None:
    """Raises UserError where ratings are to be compared with scores that are none. config: the root node."""
    if config.evaluation.protocol != "rating" or config.loss.name == "rating":
        return
    if not getattr(model_class(config.model._target_), "predicts_ratings", False):
        raise UserError(
            f"evaluation=rating compares predicted ratings, and model={config.model.name} with loss={config.loss.name} "
            "gives scores that are none: take loss=rating, or a model of ratings such as biased_mf or autorec."
        )


def fit_cutoffs(config, dataset: Dataset) -> list[str]:
    """Leaves out cut-offs beyond the number of items, where they are those of a config file and not a person's wish.

    Sets config.evaluation.k; returns what to tell. A wish that cannot be is refused by `check`.
    """
    files = [library().group_values("evaluation", choice)["k"] for choice in library().choices("evaluation")]
    k = list(config.evaluation.k)
    impossible = impossible_cutoffs(k, dataset.n_items)
    if k not in files or not impossible:
        return []
    fitting, left_out = [c for c in k if c not in impossible], ", ".join(map(str, impossible))
    config.evaluation.k = fitting or [dataset.n_items]
    monitored = (config.trainer.monitor or "").partition("@")[2]
    if monitored and int(monitored) not in config.evaluation.k:
        raise UserError(
            f"trainer.monitor={config.trainer.monitor}: data={dataset.name} has {dataset.n_items} items only; "
            f"cut-offs that can be are {list(config.evaluation.k)}."
        )
    return [
        f"note: data={dataset.name} has {dataset.n_items} items, so {left_out} of the default evaluation.k "
        f"{'is' if len(impossible) == 1 else 'are'} left out."
    ]
