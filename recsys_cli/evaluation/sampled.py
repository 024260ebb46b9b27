"""The sampled protocol: each held-out item against a few negatives (NCF: 99), under names of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation.blocks import Blocks, scan
from recsys_cli.evaluation.metrics import per_user_metrics
from recsys_cli.evaluation.ranking import Ranks, union
from recsys_cli.evaluation.raw_ids import IdError
from recsys_cli.models.base import Scorer
from recsys_cli.ops.streams import generator

PREFIX = "sampled-"
WARNING = (
    "sampled metrics rank a held-out item among a few drawn items, not among all: they are larger than exact "
    "metrics and may put models in another order (Krichene and Rendle, On Sampled Metrics for Item "
    "Recommendation, KDD 2020). Use evaluation.protocol=full for all but a comparison with "
    "published sampled numbers."
)


def check_enough_negatives(held_out: CSR, seen: Sequence[CSR], n: int) -> CSR:
    """What users have seen or held out; UserError where it leaves one fewer than n items."""
    known = union([held_out, *seen], held_out.n_rows, held_out.n_cols)
    free = held_out.n_cols - known.row_lengths[held_out.rows]
    if held_out.nnz and free.min() < n:
        user = held_out.rows[np.argmin(free)]
        raise IdError(
            f"evaluation.protocol=sampled: {{user}} leaves {free.min()} items "
            f"to draw {n} negatives from. Use evaluation.protocol=full.",
            user,
        )
    return known


def draw_negatives(held_out: CSR, seen: Sequence[CSR], n: int, seed: int, purpose: str) -> np.ndarray:
    """int32 [held-out pairs, n]: distinct items, uniform among those the user has neither seen nor held out.

    A function of the data, n, seed and purpose only. UserError where a user has fewer than n such items.
    """
    n_items, known = held_out.n_cols, check_enough_negatives(held_out, seen, n)
    random = generator(seed, purpose)
    items = np.full((held_out.nnz, n), -1, np.int32)
    while (open_places := np.argwhere(items < 0)).size:
        rows, columns = open_places.T
        drawn = random.integers(0, n_items, len(rows), dtype=np.int32)
        items[rows, columns] = np.where(known.contains(held_out.rows[rows], drawn), -1, drawn)
        items.sort(axis=1)
        items[:, 1:][items[:, 1:] == items[:, :-1]] = -1
    return items


def leave_out(negatives: np.ndarray, held_out: CSR, pairs: Sequence[CSR]) -> np.ndarray:
    """Negatives among these pairs of the user give way to the held-out item, which `rank_among` drops."""
    rows = np.repeat(held_out.rows, negatives.shape[1])
    dropped = union(pairs, held_out.n_rows, held_out.n_cols).contains(rows, negatives.ravel())
    return np.where(dropped.reshape(negatives.shape), held_out.indices[:, None], negatives)


def rank_among(scorer: Scorer, held_out: CSR, negatives: np.ndarray, n_items: int, memory_mb: int = 512) -> Ranks:
    """Ranks each held-out item among its own negatives (int [pairs, n], in the order of the pairs).

    Every pair is a list of its own: `users` repeats a user with several held-out items. Ties go by item id. A
    negative that is the held-out item itself is left out, as in the code of NCF, and makes the list one
    shorter (156 of the published lists of MovieLens-1M have one).
    """
    if len(negatives) != held_out.nnz:
        raise UserError(
            f"the data set gives {len(negatives)} lists of negatives for {held_out.nnz} held-out "
            "pairs: prepare it again with one list per pair."
        )
    users, items, negatives = held_out.rows, held_out.indices, np.asarray(negatives, np.int32)
    blocks = Blocks.of(users, None, n_items, memory_mb)
    arrays = (blocks.lay(items), blocks.lay(negatives))
    (above,) = scan(scorer, n_items, blocks, _count_among, (tf.int64,), arrays)
    n_candidates = 1 + np.count_nonzero(negatives != items[:, None], axis=1)
    return Ranks(users, np.arange(len(users) + 1), items, 1 + above[: len(users)], n_candidates)


def _count_among(scores, seen, block, items, negatives):
    item, others = items[block][:, None], negatives[block]
    own, theirs = tf.gather(scores, item, batch_dims=1), tf.gather(scores, others, batch_dims=1)
    above = (theirs > own) | ((theirs == own) & (others < item))
    return (tf.reduce_sum(tf.cast(above, tf.int64), axis=1),)


def sampled_metrics(ranks: Ranks, k: Sequence[int], metrics: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """users int32 [m], and float64 [m] by names such as "sampled-HR@10": the mean over a user's lists."""
    users, starts, counts = np.unique(ranks.users, return_index=True, return_counts=True)
    values = per_user_metrics(ranks, k, metrics)
    return users, {PREFIX + name: np.add.reduceat(v, starts) / counts for name, v in values.items()}
