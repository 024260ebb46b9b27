"""Models whose membership is known, made by the algorithm of the run from its rows: what they say of the tested pairs.

- references: each tested pair is in the training data of exactly half of k models.
- control: has all that was to be forgotten; a model that did not forget. The test must see it.
- floor: m models that never saw the pairs, with other seeds: what honest forgetting looks like.

What each says is kept, so that a killed audit goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.files import make_folder
from recsys_cli.audits.canaries import Canaries, with_pairs, without
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import Scorer
from recsys_cli.ops.streams import generator
from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning.audit import BLOCK
from recsys_cli.unlearning.generation import Rows
from recsys_cli.unlearning.membership import from_scratch
from recsys_cli.unlearning.restrict import all_pairs


class Said(NamedTuple):
    """Standardised scores of the tested pairs [pairs] by each model. references: [k, pairs]; known: bool [k, pairs], which
    pairs each of them was trained on. floor: [m, pairs]."""

    target: np.ndarray
    references: np.ndarray
    known: np.ndarray
    control: np.ndarray
    floor: np.ndarray


def halves(k: int, pairs: int, seed: int) -> np.ndarray:
    """bool [k, pairs]: every column holds exactly k / 2 that are true, drawn at random."""
    order = generator(seed, "audits/halves").random((k, pairs)).argsort(axis=0)
    return order < k // 2


def interrogate(
    folder: Path, config, rows: Rows, target: Scorer, canaries: Canaries, k: int, m: int, seed: int, say: Callable
) -> Said:
    """config: the root node of the run. rows: of its current state. folder: for what the models say."""
    known = halves(k, len(canaries.keys), seed)
    rest = _changed(rows, lambda pairs: without(pairs, canaries.everything), config.seed)
    wanted = {f"reference-{j}": (canaries.keys[known[j]], config.seed + 1 + j) for j in range(k)}
    wanted["control"] = canaries.everything, config.seed
    wanted |= {f"floor-{j}": (np.zeros(0, np.int64), config.seed + 1001 + j) for j in range(m)}
    found = {}
    for number, (name, (added, own_seed)) in enumerate(wanted.items(), 1):
        file = folder / "models" / f"{name}.npz"
        if not file.exists():
            make_folder(file.parent, folder)
            own = config.copy()
            own.seed = own_seed
            model = from_scratch(folder / "training", own, _changed(rest, partial(with_pairs, keys=added), own_seed))
            save(file, {"scores": standardised(model.scorer(), canaries.keys, rows.dataset.n_items)}, {})
            say(f"model {number} of {len(wanted)}: {name}")
        found[name] = load(file).arrays["scores"]
    return Said(
        standardised(target, canaries.keys, rows.dataset.n_items),
        np.stack([found[f"reference-{j}"] for j in range(k)]),
        known,
        found["control"],
        np.stack([found[f"floor-{j}"] for j in range(m)]),
    )


def standardised(scorer: Scorer, keys: np.ndarray, n_items: int) -> np.ndarray:
    """float64 [keys]: the score of each pair less the mean of its user's scores of all items, by their standard deviation:
    scales differ from model to model and from user to user."""
    users, items, found = keys // n_items, keys % n_items, []
    for start in range(0, len(keys), BLOCK):
        block = slice(start, start + BLOCK)
        scores = np.asarray(scorer(tf.constant(users[block], tf.int32)), np.float64)
        own = np.take_along_axis(scores, items[block][:, None], axis=1)[:, 0]
        found.append((own - scores.mean(axis=1)) / np.maximum(scores.std(axis=1), 1e-12))
    return np.concatenate(found)


def _changed(rows: Rows, change: Callable[[CSR], CSR], seed: int) -> Rows:
    """The rows with other pairs of the target behaviour and the same ids; a pair that is new goes to a random shard."""
    dataset = rows.dataset
    changed = replace(dataset, train=dataset.train | {dataset.target: change(dataset.target_train)}, content_hash="")
    keys = all_pairs(changed).keys
    place = np.minimum(np.searchsorted(rows.pairs.keys, keys), rows.pairs.nnz - 1)
    old = rows.pairs.keys[place] == keys
    drawn = generator(seed, "audits/shards").integers(0, int(rows.assignment.max()) + 1, len(keys))
    return Rows.of(changed, np.where(old, rows.assignment[place], drawn))
