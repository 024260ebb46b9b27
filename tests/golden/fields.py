"""Golden files of models of features: contexts as users, and the evaluation of the CFM code."""

from __future__ import annotations

import numpy as np

from data_prep.features import Features
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.evaluation.ranking import rank_held_out
from recsys_cli.losses.base import Plan
from tests.golden.golden import Golden
from tests.golden.replay import Replay

# The names of the layers of convolutions: ours, theirs.
CONVOLUTIONS = {f"conv_{n + 1}": f"conv{n}_W" for n in range(6)} | {
    f"conv_bias_{n + 1}": f"conv{n}_b" for n in range(6)
}
CONVOLUTIONS |= {"output": "output_W", "output_bias": "output_b"}


def dataset(golden: Golden, repeated: int = 0) -> Dataset:
    """The pairs of contexts and items. repeated: how many of the first items follow once more at the end."""
    n_users, n_items = golden.hyper["n_contexts"], golden.hyper["n_items"] + repeated
    parts = {
        part: CSR.from_pairs(*golden.given(f"data/{part}_pairs").T, n_users, n_items) for part in ("train", "test")
    }
    items = golden.given("data/item_features")
    return Dataset(
        "golden",
        n_users,
        n_items,
        "buy",
        {"buy": parts["train"]},
        test=parts["test"],
        user_features=features_of(golden.given("data/context_features"), "user", golden.hyper["user_features"]),
        item_features=features_of(np.concatenate([items, items[:repeated]]), "item", golden.hyper["item_features"]),
        user_ids=np.arange(n_users),
        item_ids=np.arange(n_items),
    )


def features_of(ids: np.ndarray, side: str, n_values: int) -> Features:
    """ids: [entities, fields], which no two fields share. The first field is the id of the side."""
    n, width = ids.shape
    names = (side, *(f"field_{k}" for k in range(1, width)))
    starts = [0, *(ids[:, k].min() for k in range(1, width)), n_values]
    fields = np.repeat(np.arange(width, dtype=np.int32), np.diff(starts))
    assert all((fields[ids[:, k]] == k).all() for k in range(width))
    return Features(names, np.arange(n + 1) * width, ids.ravel().astype(np.int32), fields)


def name_theirs(replay: Replay, **others: str) -> None:
    """user_features -> user_feature_embedding, user_linear -> user_feature_bias."""
    for name in replay.names:
        side, _, what = name.partition("_")
        theirs = {"features": "feature_embedding", "linear": "feature_bias"}.get(what)
        replay.names[name] = others.get(name) or (f"{side}_{theirs}" if theirs else name)


def sampled_plans(golden: Golden) -> list[Plan]:
    """The recorded batches; what they say of features is what the data say of ids."""
    users, positive, negative = (golden.given(f"batch/{part}_ids") for part in ("context", "positive", "negative"))
    for ids, batch, table in (
        (users, "user", "context"), (positive, "positive", "item"), (negative, "negative", "item")
    ):  # fmt: skip
        found = golden.given(f"data/{table}_features")[ids]
        np.testing.assert_array_equal(golden.given(f"batch/{batch}_features"), found)
    items = np.stack([positive, negative], axis=-1)
    return [Plan(1, {"users": u.astype(np.int32), "items": i.astype(np.int32)}) for u, i in zip(users, items)]


def check_ranking(golden: Golden, replay: Replay, data: Dataset, limit: float) -> None:
    """Scores, and the mean over test pairs of whether, and where, the item stands in the first K."""
    recorded = golden.check("scores5", replay.scores(), 0, limit)
    ranks = rank_held_out(replay.model.scorer(), data.test, [data.target_train], data.n_items).ranks
    assert data.test.nnz == len(golden.given("data/test_pairs")), "no test pair comes twice"
    cutoffs = replay.config.evaluation.k
    golden.check("metric/K", cutoffs)
    hits = np.array([ranks <= k for k in cutoffs])
    golden.check("metric/hit_count", hits.sum(axis=1))
    for name, values in (("hit_rate", 1.0), ("mrr", 1 / ranks), ("ndcg", 1 / np.log2(ranks + 1))):
        golden.check(f"metric/{name}_mean", (hits * values).mean(axis=1), 0, 1e-6)
    assert recorded.shape == (data.n_users, data.n_items)
