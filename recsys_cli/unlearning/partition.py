"""Which row of the training data lies in which shard.

- random: a random permutation cut into K parts (SISA: Bourtoule et al., IEEE S&P 2021; without its slices).
- propagation: users and items by the labels of their neighbours (`propagation.py`).
- users, items, interactions: balanced by how near their vectors are
  (`balanced.py`; thesis algorithms 6.1-6.3).

The vectors are those of WMF trained on the data ("trained", as in the thesis), random ones, or a file of
public ones. A partition made from trained vectors knows the rows that are forgotten later: the ledger says
so, and `recsys unlearn ... repartition=true` makes it anew. The thesis writes in algorithms 6.1-6.3 that
distances are sorted from large to small; the code takes the nearest first, as here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.balanced import View, balanced_shards
from recsys_cli.unlearning.propagation import propagated_shards
from recsys_cli.unlearning.restrict import all_pairs


def partition(config, dataset: Dataset) -> np.ndarray:
    """int16 [training pairs], in the order of `all_pairs`. config: the root node (unlearning, seed, ...)."""
    settings, pairs = config.unlearning, all_pairs(dataset)
    random = generator(config.seed, "unlearning/partition")
    if settings.shards == 1:
        return np.zeros(pairs.nnz, np.int16)
    if settings.partition == "random":
        _enough(pairs.nnz, settings, "training pairs")
        return random_shards(random.permutation(pairs.nnz), settings.shards)
    if settings.partition == "propagation":
        _enough(dataset.n_users, settings, "users")
        return propagated_shards(pairs, settings.shards, settings.partition_rounds, random)[pairs.rows]
    users, items = _vectors(config, dataset)
    if settings.partition == "interactions":
        return _balanced([View(users, pairs.rows), View(items, pairs.indices)], pairs.nnz, settings, random)
    vectors, of_pair = (users, pairs.rows) if settings.partition == "users" else (items, pairs.indices)
    ids, place, counts = np.unique(of_pair, return_inverse=True, return_counts=True)
    weights = counts if settings.partition_balance == "interactions" else None
    return _balanced([View(vectors[ids])], len(ids), settings, random, weights)[place]


def random_shards(order: np.ndarray, n_shards: int) -> np.ndarray:
    """floor(n/K) rows per shard in this order, the remainder to the last one."""
    shard = np.empty(len(order), np.int16)
    shard[order] = np.minimum(np.arange(len(order)) // (len(order) // n_shards), n_shards - 1)
    return shard


def check_shards(dataset: Dataset, pairs: CSR, assignment: np.ndarray, n_shards: int) -> None:
    """Refuses a shard without rows of the target behaviour: there is nothing to train it on."""
    target = dataset.target_train
    counts = np.bincount(assignment[np.searchsorted(pairs.keys, target.keys)], minlength=n_shards)
    if len(empty := np.flatnonzero(counts == 0)):
        raise UserError(
            f"shard {empty[0]} of {n_shards} has no rows of {dataset.target!r}: "
            "take fewer unlearning.shards, or another unlearning.partition or seed."
        )


def _balanced(views: list[View], n: int, settings, random, weights: np.ndarray | None = None) -> np.ndarray:
    _enough(n, settings, settings.partition)
    total = n if weights is None else weights.sum()
    shard = balanced_shards(
        views,
        random.choice(n, settings.shards, replace=False),
        settings.partition_slack * total / settings.shards,
        settings.partition_rounds,
        scalar=settings.partition_centroids == "scalar",
        weights=weights,
    )
    return shard.astype(np.int16)


def _enough(n: int, settings, what: str) -> None:
    if n < settings.shards:
        raise UserError(
            f"unlearning.shards={settings.shards} is more than the {n} {what} to be shared out: take fewer."
        )


def _vectors(config, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """[n_users, d] and [n_items, d]"""
    kind, size = config.unlearning.partition_vectors, config.unlearning.pretraining_size
    if kind == "random":
        random = generator(config.seed, "unlearning/vectors")
        return random.normal(size=(dataset.n_users, size)), random.normal(size=(dataset.n_items, size))
    return _trained(config, dataset) if kind == "trained" else _public(Path(kind), dataset)


def _trained(config, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """WMF with the whole-data loss, as in the released code; in memory only: nothing of it stays."""
    from recsys_cli.training.build import build_learner, build_model

    settings = config.unlearning
    model_config = OmegaConf.create(
        {
            "_target_": "recsys_cli.models.factorization.MatrixFactorization",
            "name": "wmf",
            "dropout": 0.3,
            "embedding_size": settings.pretraining_size,
            "init": "truncated_normal",
            "init_scale": 0.01,
            "prediction_vector": None,
            "item_bias": False,
        }
    )
    root = OmegaConf.create(
        {
            "loss": {
                "name": "non_sampling",
                "scope": "whole_data",
                "negative_weight": settings.pretraining_negative_weight,
                "popularity": None,
                "batch": "users",
                "l2": 0.0,
                "dense": False,
            },
            "optimizer": {"name": "adagrad", "learning_rate": 0.05, "initial_accumulator": 1e-8},
            "trainer": {"batch_size": 256},
            "seed": config.seed,
        }
    )
    model = build_model(model_config, dataset, config.seed)
    learner = build_learner(root, model)
    for epoch in range(settings.pretraining_epochs):
        learner.run(0, learner.begin(epoch), 0.0)
    return model.user_embedding.numpy(), model.item_embedding.numpy()


def _public(path: Path, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """A .npz with `users` and `items`; with `user_ids` and `item_ids`, raw ids, they may be in any order."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        users, items = arrays["users"], arrays["items"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"unlearning.partition_vectors={path}: {error}. Give trained, random, or "
            "a .npz file with the arrays users [n, d] and items [n, d]."
        ) from None
    return (
        _aligned(path, users, arrays.get("user_ids"), dataset.user_ids),
        _aligned(path, items, arrays.get("item_ids"), dataset.item_ids),
    )


def _aligned(path: Path, vectors: np.ndarray, theirs: np.ndarray | None, ours: np.ndarray) -> np.ndarray:
    if theirs is None and len(vectors) == len(ours):
        return vectors
    row = {} if theirs is None else {str(raw): r for r, raw in enumerate(theirs.tolist())}
    missing = [raw for raw in ours.tolist() if str(raw) not in row]
    if missing or len(vectors) != len(row):
        raise UserError(
            f"unlearning.partition_vectors={path}: {len(vectors)} vectors do "
            f"not fit {len(ours)} ids of the data ({len(missing)} without a "
            "vector): add arrays user_ids and item_ids with their raw ids."
        )
    return vectors[[row[str(raw)] for raw in ours.tolist()]]
