"""The protocol for ratings: errors of the predictions of held-out pairs, and rankings by predicted rating.

A prediction is cut to the scale. Where a user or an item has no rating in train it is the mean of the other one, or of
all. A held-out pair is relevant where its rating is at least `relevance`; it is ranked among

    unseen     all items that the user has not rated in train (and validation): the names as they are
    not_liked  all but those that the user rated as relevant in train, as IRGAN does: not_liked-NDCG@5
    test       the user's held-out items alone: test-NDCG@5

Users without a relevant pair have no share in rankings (theirs are kept as 0, of weight 0). With `ndcg` exponential or
value NDCG is of all held-out pairs, each by its rating (graded.py), and of all users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.data.ratings import Ratings, values_of
from recsys_cli.evaluation.blocks import Blocks, scan
from recsys_cli.evaluation.graded import GAINS, graded_ndcg
from recsys_cli.evaluation.metrics import METRICS, Pooled, per_user_metrics
from recsys_cli.evaluation.ranking import Ranks, rank_held_out
from recsys_cli.evaluation.ratings import rating_metrics
from recsys_cli.models.base import Scorer

PIECE = 128  # held-out items of a user that are looked up at once: bounds the memory where one user has very many
Values = Mapping[str, "np.ndarray | Pooled"]


def predictions(scorer: Scorer, pairs: CSR, memory_mb: int) -> np.ndarray:
    """float32 [nnz], the score of each pair."""
    turn = np.arange(pairs.nnz) - pairs.indptr[pairs.rows]
    first = np.flatnonzero(turn % PIECE == 0)
    row, column = np.cumsum(turn % PIECE == 0) - 1, turn % PIECE
    items = np.zeros((len(first), int(column.max(initial=0)) + 1), np.int32)
    items[row, column] = pairs.indices
    blocks = Blocks.of(pairs.rows[first], None, pairs.n_cols, memory_mb)
    (found,) = scan(scorer, pairs.n_cols, blocks, _of_pairs, (tf.float32,), [blocks.lay(items)])
    return found[row, column]


def _of_pairs(scores, seen, block, items):
    return (tf.gather(scores, items[block], batch_dims=1),)


def settled(predicted: np.ndarray, pairs: CSR, ratings: Ratings) -> tuple[np.ndarray, int]:
    """(predictions within the scale, float64 [nnz]; how many of them are means, because user or item is unknown)."""
    known_user, known_item = ratings.pairs.row_lengths[pairs.rows] > 0, ratings.pairs.col_counts[pairs.indices] > 0
    # The mean of a user or an item without ratings is that of all.
    means = np.where(known_user, ratings.user_means[pairs.rows], ratings.item_means[pairs.indices])
    known = known_user & known_item
    return np.clip(np.where(known, predicted, means), ratings.low, ratings.high), int(np.count_nonzero(~known))


def evaluate_ratings(
    scorer: Scorer, dataset: Dataset, held_out: CSR, seen: Sequence[CSR], split: str, settings
) -> tuple[np.ndarray, Values, str | None]:
    """(users int32 [m], metrics by name, what a reader must know). settings: EvaluationSettings."""
    ratings, values = Ratings(dataset), values_of(held_out, dataset, split)
    predicted, unknown = settled(predictions(scorer, held_out, settings.memory_mb), held_out, ratings)
    users, errors = rating_metrics(held_out.rows, values, predicted)
    found = {name: errors[name] for name in settings.metrics if name in errors}
    wanted = [name for name in settings.metrics if name in METRICS]
    if wanted:
        liked = relevant_pairs(held_out, values, settings.relevance, split)
        gain = GAINS.get(settings.ndcg)
        options = {"recall_divisor": settings.recall_divisor, "ndcg": "ideal" if gain else settings.ndcg}

        def ranked(candidates: str, kept: np.ndarray) -> Ranks:
            if candidates == "test":
                return ranks_among_own(held_out, predicted, kept)
            others = seen if candidates == "unseen" else [_subset(ratings.pairs, ratings.values >= settings.relevance)]
            return rank_held_out(scorer, _subset(held_out, kept), others, dataset.n_items, settings.memory_mb)

        for candidates in settings.candidates:
            prefix = "" if candidates == "unseen" else f"{candidates}-"
            ranks = ranked(candidates, liked)
            for name, by_user in per_user_metrics(ranks, settings.k, wanted, **options).items():
                found[prefix + name] = _of_all(users, ranks.users, by_user)
            if gain and "NDCG" in wanted:
                ranks = ranked(candidates, np.ones(held_out.nnz, bool))
                for name, by_user in graded_ndcg(ranks, gain(values.astype(float)), settings.k).items():
                    found[prefix + name] = by_user
    told = f"{unknown:,} of {held_out.nnz:,} {split} ratings are of a user or an item without ratings in train: "
    return users, found, told + "predicted by means." if unknown else None


def relevant_pairs(held_out: CSR, values: np.ndarray, relevance: float, split: str) -> np.ndarray:
    """bool [nnz]: the held-out pairs that are rated so. Raises UserError where there is none."""
    liked = values >= relevance
    if not liked.any():
        raise UserError(
            f"evaluation.relevance={relevance:g}: no {split} rating is as high (the highest is "
            f"{values.max():g}), so there is nothing to rank. Take a lower one."
        )
    return liked


def ranks_among_own(held_out: CSR, predicted: np.ndarray, relevant: np.ndarray) -> Ranks:
    """Ranks of the relevant items among the user's held-out ones. predicted, relevant: [nnz]; ties go by item id."""
    order = np.lexsort((held_out.indices, -predicted, held_out.rows))
    ranks = np.empty(held_out.nnz, np.int64)
    ranks[order] = np.arange(held_out.nnz) - held_out.indptr[held_out.rows[order]] + 1
    kept = _subset(held_out, relevant)
    users = np.flatnonzero(kept.row_lengths).astype(np.int32)
    indptr = np.append(kept.indptr[users], kept.nnz)
    return Ranks(users, indptr, kept.indices, ranks[relevant], held_out.row_lengths[users])


def _of_all(users: np.ndarray, ranked: np.ndarray, by_user: np.ndarray) -> Pooled:
    """Values of those users who have some, as values of all."""
    there = np.isin(users, ranked)
    values = np.zeros(len(users))
    values[there] = by_user
    return Pooled(values, there.astype(float))


def _subset(pairs: CSR, kept: np.ndarray) -> CSR:
    return CSR.from_pairs(pairs.rows[kept], pairs.indices[kept], pairs.n_rows, pairs.n_cols)
