"""What each key may hold, beyond the type of its default: one table, first match wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from math import inf
from typing import Any

from data_prep.split_options import CUTS

METRICS = ("HR", "Recall", "Precision", "F1", "NDCG", "MRR", "MAP", "AUC")


@dataclass(frozen=True)
class Kind:
    """valid: the allowed values in words, as in "expected ..."; choices: for completion."""

    valid: str
    accepts: Callable[[Any], bool]
    choices: tuple[str, ...] = ()


def integer(low: int, high: float = inf) -> Kind:
    valid = f"an integer >= {low}" + ("" if high == inf else f" and <= {high}")
    return Kind(valid, lambda v: type(v) is int and low <= v <= high)


def number(low: float, *, above: bool = False, below: float = inf) -> Kind:
    """A finite number >= low (> low if above) and, where given, < below."""
    valid = f"a number {'>' if above else '>='} {low}" + ("" if below == inf else f" and < {below}")
    return Kind(valid, lambda v: type(v) in (int, float) and (low < v if above else low <= v) and v < below)


def one_of(*choices: str) -> Kind:
    return Kind("one of " + ", ".join(choices), lambda v: v in choices, choices)


def list_of(kind: Kind) -> Kind:
    return Kind(
        f"a list such as [a,b], each {kind.valid}",
        lambda v: isinstance(v, list) and bool(v) and all(kind.accepts(x) for x in v),
    )


def matching(pattern: str, valid: str) -> Kind:
    return Kind(valid, lambda v: isinstance(v, str) and re.fullmatch(pattern, v) is not None)


def either(valid: str, *kinds: Kind) -> Kind:
    choices = tuple(c for kind in kinds for c in kind.choices)
    return Kind(valid, lambda v: any(kind.accepts(v) for kind in kinds), choices)


BOOLEAN = Kind("true or false", lambda v: type(v) is bool, ("true", "false"))
NULL = Kind("null", lambda v: v is None, ("null",))
TEXT = Kind("a text", lambda v: isinstance(v, str) and v != "")
WEIGHTS = Kind(
    "a mapping such as {cart:0.8,buy:0.2} of numbers >= 0",
    lambda v: isinstance(v, dict) and bool(v) and all(number(0).accepts(x) for x in v.values()),
)
NAMES = Kind("a list of names", lambda v: isinstance(v, list) and all(map(TEXT.accepts, v)))
LINKS = Kind(
    "null, none, or a mapping such as {cart:[view],buy:[cart]}",
    lambda v: v in (None, "none") or (isinstance(v, dict) and all(map(NAMES.accepts, v.values()))),
    ("none",),
)
SHARE = Kind("a number from 0 to 1", lambda v: type(v) in (int, float) and 0 <= v <= 1)
RAW_IDS = Kind("a list of raw ids", lambda v: isinstance(v, list) and all(type(x) in (int, str) for x in v))

METRIC = Kind(
    f"one of {', '.join(METRICS)}, or one of your own such as my.module.Novelty",
    lambda v: v in METRICS or (isinstance(v, str) and re.fullmatch(r"\w+(\.\w+)+", v) is not None),
    METRICS,
)

RULES: tuple[tuple[str, Kind], ...] = (
    ("seed", integer(0)),
    ("run_dir", TEXT),
    ("runs_dir", TEXT),
    ("resume", TEXT),
    ("run", TEXT),
    ("raw_dir", TEXT),
    ("data.raw_dir", TEXT),
    ("data.cache_dir", TEXT),
    ("*.embedding_size", integer(1)),
    ("*.dropout", number(0, below=1)),
    ("data.split", one_of("given", *CUTS)),
    ("data.validation", replace(TEXT, choices=("none", "given", *CUTS))),
    ("data.split_seed", integer(0)),
    ("data.name", TEXT),
    ("data.split_n", integer(1)),
    ("data.valid_n", integer(1)),
    ("data.folds", integer(2)),
    ("data.fold", integer(0)),
    ("data.cut_auxiliary", BOOLEAN),
    ("data.form", one_of("table", "lines")),
    ("data.k_core", integer(0)),
    ("data.*_ratio", number(0, above=True, below=1)),
    ("model.init", one_of("truncated_normal", "normal", "xavier_uniform", "uniform")),
    ("model.init_scale", number(0, above=True)),
    ("model.layers", integer(1, 100)),
    ("model.layer_widths", list_of(integer(1))),
    ("model.neighbours", integer(1)),
    ("model.shrinkage", number(0)),
    ("model.memory_gb", number(0, above=True)),
    ("model.l2", number(0, above=True)),
    ("model.negative_weight", number(0)),
    ("model.*_dropout", number(0, below=1)),
    ("model.composition", one_of("product", "subtraction", "correlation")),
    ("model.combine", one_of("task_weights", "sum")),
    ("model.task_weights", either(f"null, or {WEIGHTS.valid}", NULL, WEIGHTS)),
    ("model.causal", LINKS),
    ("model.transfer_l2", number(0)),
    ("model.shared", one_of("users", "items")),
    ("model.cascade", one_of("mean", "sum")),
    ("model.hidden_layers", integer(0)),
    ("model.exposure", number(0, above=True, below=1)),
    ("model.ridge", number(0, above=True)),
    ("model.precision", number(0, above=True)),
    ("model.prior_?", number(1)),
    ("model.prediction_vector", either("a number, or null for the plain dot product", number(-inf), NULL)),
    ("loss.batch", one_of("users", "items", "alternating")),
    ("loss.negative_weight", either(f"a number >= 0, or {WEIGHTS.valid}", number(0), WEIGHTS)),
    ("loss.popularity", either(f"a number >= 0, or {WEIGHTS.valid}", number(0), WEIGHTS)),
    ("loss.negatives", integer(1)),
    ("loss.sampling", one_of("interactions", "users")),
    ("loss.unobserved", SHARE),
    ("loss.positives", one_of("each", "weighted")),
    ("loss.reduction", one_of("mean", "sum")),
    ("loss.l2", number(0)),
    ("optimizer.learning_rate", number(0, above=True)),
    ("optimizer.initial_accumulator", number(0)),
    ("optimizer.epsilon", number(0, above=True)),
    ("optimizer.beta_?", number(0, below=1)),
    ("trainer.epochs", integer(0)),
    ("trainer.batch_size", integer(1)),
    ("trainer.eval_every", integer(0)),
    ("trainer.early_stopping", integer(1)),
    ("trainer.monitor", matching(r"AUC|\w+@[1-9]\d*", "a metric such as NDCG@10, or AUC")),
    ("trainer.checkpoint_every", integer(1)),
    ("trainer.keep_checkpoints", integer(1)),
    ("device.kind", one_of("auto", "cpu", "gpu")),
    ("device.threads", integer(1)),
    ("evaluation.protocol", one_of("full", "sampled")),
    ("evaluation.k", list_of(integer(1))),
    ("evaluation.metrics", list_of(METRIC)),
    ("evaluation.exclude", one_of("train_and_validation", "train")),
    ("evaluation.recall_divisor", one_of("test_items", "min_k")),
    ("evaluation.ndcg", one_of("ideal", "kgat")),
    ("evaluation.select", one_of("last", "best_validation", "best_test_epoch")),
    ("evaluation.memory_mb", integer(1)),
    ("evaluation.bootstrap", integer(0)),
    ("evaluation.exclude_auxiliary", BOOLEAN),
    ("evaluation.beyond_accuracy", BOOLEAN),
    ("evaluation.per_user", BOOLEAN),
    ("evaluation.test", BOOLEAN),
    ("unlearning.shards", integer(1)),
    ("unlearning.processes", integer(1)),
    ("unlearning.partition", one_of("random", "users", "items", "interactions")),
    ("unlearning.partition_vectors", replace(TEXT, choices=("trained", "random"))),
    ("unlearning.partition_centroids", one_of("vector", "scalar")),
    ("unlearning.partition_balance", one_of("count", "interactions")),
    ("unlearning.partition_slack", number(1)),
    ("unlearning.partition_rounds", integer(1)),
    ("unlearning.pretraining_epochs", integer(1)),
    ("unlearning.pretraining_size", integer(1)),
    ("unlearning.pretraining_negative_weight", number(0)),
    ("unlearning.aggregation", one_of("mean", "static", "attention")),
    ("unlearning.shard_epochs", integer(1)),
    ("unlearning.aggregation_loss", one_of("non_sampling", "model")),
    ("unlearning.aggregation_negative_weight", number(0)),
    ("unlearning.aggregation_learning_rate", number(0, above=True)),
    ("unlearning.aggregation_batch_size", integer(1)),
    ("unlearning.aggregation_epochs", integer(1)),
    ("unlearning.aggregation_tables", one_of("final", "embeddings")),
    ("unlearning.absent", one_of("zeros", "random")),
    ("unlearning.attention_size", integer(1)),
    ("unlearning.*_l2", number(0)),
    ("unlearning.transfer_init", one_of("normal", "xavier_uniform", "identity")),
    ("unlearning.aggregation_dropout", number(0, below=1)),
    ("unlearning.aggregation_layers", integer(0)),
    ("forget", TEXT),
    ("missing", one_of("refuse", "ignore")),
    ("compare", one_of("retrain")),
    ("verify_shards", one_of("touched", "one", "all")),
    ("receipt", TEXT),
    ("ledger", TEXT),
    ("report", matching(r".*\.json", "a file name that ends in .json")),
    ("split", one_of("test", "validation")),
    ("name", TEXT),
    ("per_user", matching(r".*\.(csv|parquet)", "a file name that ends in .csv or .parquet")),
    ("users", either("all, a list of raw user ids such as [17,'1.0'], or a file name", TEXT, RAW_IDS)),
    ("k", integer(1)),
    ("output", matching(r".*\.(csv|parquet)", "a file name that ends in .csv or .parquet")),
)


# What a choice is, rather than how it is set: changed only by choosing another.
FIXED = ("model.name", "model.kind", "loss.name", "loss.scope", "optimizer.name", "*._target_")


def fixed(key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in FIXED)


def rule_for(key: str) -> Kind | None:
    return next((kind for pattern, kind in RULES if fnmatchcase(key, pattern)), None)


def kind_of(key: str, default: Any) -> Kind | None:
    """What a key may hold: its rule, else the type of its default; None (default null) if anything goes."""
    rule = rule_for(key)
    if rule is None and default is not None:
        rule = _like(default)
    if rule is None or default is not None or rule.accepts(None):
        return rule
    return Kind(rule.valid + ", or null", lambda v: v is None or rule.accepts(v), (*rule.choices, "null"))


def _like(default: Any) -> Kind | None:
    if isinstance(default, bool):
        return BOOLEAN
    if isinstance(default, int):
        return Kind("an integer", lambda v: type(v) is int)
    if isinstance(default, float):
        return Kind("a number", lambda v: type(v) in (int, float))
    if isinstance(default, str):
        return Kind("a text (quote it if it looks like a number)", lambda v: isinstance(v, str))
    if isinstance(default, list):
        inner = {type(x) for x in default}
        each = _like(default[0]) if len(inner) == 1 else None
        return Kind(
            "a list such as [a,b]" + (f", each {each.valid}" if each else ""),
            lambda v: isinstance(v, list) and (each is None or all(each.accepts(x) for x in v)),
        )
    return Kind("a mapping such as {a:1,b:2}", lambda v: isinstance(v, dict))
