"""Exact ranks of held-out items among all items, by counting, and all cut-offs at once.

    rank(u, v) = 1 + #{w unseen : s_uw > s_uv} + #{w unseen, w < v : s_uw = s_uv}

Equal scores are ordered by item id, so a rank is a function of the scores alone. TensorFlow flushes subnormal
numbers to zero: scores below 1.2e-38 in size are equal to zero, and to each other.

Where the users of a block have many held-out items, their scores are sorted once on a CPU, which takes as long as counting
for 5 (3,706 items) to 17 items (40,981): measured on one core with AVX-512.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation.blocks import Blocks, scan
from recsys_cli.evaluation.raw_ids import IdError
from recsys_cli.models.base import Scorer
from recsys_cli.ops.compiled import repeat

AT_ONCE = 4  # held-out items of a row that are counted for in one pass: a row stays in the cache meanwhile
RUN = 32  # scores
LONG = 16  # held-out items of a user, beyond which the scores are sorted
SMALLEST = np.finfo(np.float32).tiny  # of the numbers that are not flushed to zero


@dataclass(frozen=True)
class Ranks:
    """Where the held-out items of each user stand.

    users: int32 [m], those with a held-out pair. The pairs of users[r] are indptr[r] .. indptr[r + 1] (int64
    [m + 1]) of items (int32 [pairs]) and ranks (int64 [pairs], counted from 1). n_candidates: int64 [m],
    length of the list.
    """

    users: np.ndarray
    indptr: np.ndarray
    items: np.ndarray
    ranks: np.ndarray
    n_candidates: np.ndarray


def rank_held_out(
    scorer: Scorer,
    held_out: CSR,
    seen: Sequence[CSR],
    n_items: int,
    memory_mb: int = 512,
    *,
    name: str = "the data set",
) -> Ranks:
    """Ranks each held-out item among the items its user has not seen (other held-out items are not seen).

    scorer: users int32 [b] -> float32 [b, n_items]. held_out, seen: users x items. name: for messages.
    Raises UserError where a held-out pair is also seen, ScoreError where scores are not finite.
    """
    users = np.flatnonzero(held_out.row_lengths).astype(np.int32)
    history = union(seen, held_out.n_rows, n_items)
    refuse_overlap(held_out, history, name)
    ranks = np.zeros(held_out.nnz, np.int64)
    if users.size:
        ranks = _ranks(scorer, held_out, users, history, n_items, memory_mb)
    indptr = np.append(held_out.indptr[users], held_out.nnz)
    return Ranks(users, indptr, held_out.indices, ranks, n_items - history.row_lengths[users])


def union(matrices: Sequence[CSR], n_rows: int, n_cols: int) -> CSR:
    """The pairs stored in any of the matrices, once each."""
    if len(matrices) == 1:
        return matrices[0]
    rows = np.concatenate([m.rows for m in matrices] or [np.zeros(0, np.int32)])
    cols = np.concatenate([m.indices for m in matrices] or [np.zeros(0, np.int32)])
    return CSR.from_pairs(rows, cols, n_rows, n_cols)


def refuse_overlap(held_out: CSR, history: CSR, name: str) -> None:
    """Raises UserError where a held-out pair is also seen. name: for the message."""
    both = np.flatnonzero(history.contains(held_out.rows, held_out.indices))
    if both.size:
        user, item = held_out.rows[both[0]], held_out.indices[both[0]]
        raise IdError(
            f"{name}: {both.size} of {held_out.nnz} held-out pairs are also in the history that is taken "
            "out of the ranking, such as {user}, {item}. Prepare the data again "
            "with splits that do not overlap, or take less out of the ranking (evaluation.exclude).",
            user,
            item,
        )


def _ranks(scorer: Scorer, held_out: CSR, users: np.ndarray, history: CSR, n_items: int, memory_mb: int):
    """int64 [held-out pairs], in the order of the pairs."""
    # A block takes as many turns as its longest list of held-out items asks for, so lists of like length go together.
    order = np.argsort(-held_out.row_lengths[users], kind="stable")
    blocks = Blocks.of(users[order], history, n_items, memory_mb)
    first, lengths = blocks.lay(held_out.indptr[blocks.users]), blocks.lay(held_out.row_lengths[blocks.users])
    at_once = min(int(lengths.max()), AT_ONCE)
    turns = -(-lengths.max(axis=1) // at_once)
    arrays = (held_out.indices, first, lengths - 1, turns, np.arange(at_once))
    if lengths.max() > LONG and not tf.config.list_logical_devices("GPU"):
        (above,) = scan(scorer, n_items, blocks, _sort_or_count, (tf.int64,), (*arrays, np.int64(LONG)))
    else:
        (above,) = scan(scorer, n_items, blocks, _count_above, (tf.int64,), arrays)
    place = np.empty(held_out.n_rows, np.int64)
    place[blocks.users] = np.arange(len(users))
    block, slot = np.divmod(place[held_out.rows], blocks.rows)
    turn, column = np.divmod(np.arange(held_out.nnz) - held_out.indptr[held_out.rows], at_once)
    return 1 + above[((np.cumsum(turns) - turns)[block] + turn) * blocks.rows + slot, column]


def _count_above(scores, seen, block, items, first, last, turns, columns):
    """int64 [turns * rows, at_once]: for the first held-out items of every row, then the next ones, and so on.

    Seen items are counted with all others and taken off again: a block has few of them, while to blot them out of the
    scores would write and read the whole block twice. columns: 0 .. at_once - 1.
    """
    n_items = tf.shape(scores)[1]
    seen_row, seen_item = seen // n_items, seen % n_items
    seen_score = tf.gather(tf.reshape(scores, [-1]), seen)
    counts = tf.TensorArray(tf.int64, tf.cast(turns[block], tf.int32))

    def one(turn, counts):
        places = tf.minimum(turn * tf.size(columns, turn.dtype) + columns, last[block][:, None])
        item = tf.gather(items, first[block][:, None] + places)
        own = tf.gather(scores, item, axis=1, batch_dims=1)
        before = _before(seen_score[:, None], seen_item[:, None], tf.gather(own, seen_row), tf.gather(item, seen_row))
        known = tf.math.unsorted_segment_sum(tf.cast(before, tf.int64), seen_row, tf.shape(item)[0])
        return (counts.write(tf.cast(turn, tf.int32), _above(scores, own, item) - known),)

    (counts,) = repeat(tf.zeros([], turns.dtype), turns[block], one, (counts,))
    return (tf.reshape(counts.stack(), [-1, tf.size(columns)]),)


def _sort_or_count(scores, seen, block, items, first, last, turns, columns, long):
    """As `_count_above`; long: held-out items of a user from which on a sort is faster."""
    own = items, first[block], last[block], turns[block], columns
    return (
        tf.cond(
            tf.reduce_max(last[block]) >= long,
            lambda: tf.numpy_function(_above_when_sorted, [scores, seen, *own], tf.int64, stateful=False),
            lambda: _count_above(scores, seen, block, items, first, last, turns, columns)[0],
        ),
    )


def _above_when_sorted(scores, seen, items, first, last, turns, columns) -> np.ndarray:
    """first, last: [rows], turns: a number, of one block."""
    n_rows, n_items = scores.shape
    item = items[first[:, None] + np.minimum(np.arange(turns * len(columns)), last[:, None])]
    scores = np.where(np.abs(scores) < SMALLEST, np.float32(0), scores)
    own = np.take_along_axis(scores, item, axis=1)
    scores.reshape(-1)[seen] = -np.inf
    above = np.empty(item.shape, np.int64)
    for row, ascending in enumerate(np.sort(scores, axis=1)):
        end = np.searchsorted(ascending, own[row], "right")
        above[row] = n_items - end
        for tied in np.flatnonzero(end - np.searchsorted(ascending, own[row], "left") > 1):
            above[row, tied] += np.count_nonzero(scores[row, : item[row, tied]] == own[row, tied])
    return above.reshape(n_rows, turns, -1).swapaxes(0, 1).reshape(turns * n_rows, -1)


@tf.function(jit_compile=True, autograph=False)
def _above(scores, own, item):
    """int64 [rows, at_once], in one pass over the scores.

    XLA fuses comparison and sum on a CPU, and into vector instructions, only where it adds up no more than 32 numbers;
    in two sums of one type it would see one.
    """
    whole = scores.shape[1] // RUN * RUN
    columns = tf.range(scores.shape[1])
    runs = tf.reshape(scores[:, :whole], [scores.shape[0], 1, whole // RUN, RUN])
    before = _before(runs, tf.reshape(columns[:whole], runs.shape[1:]), own[..., None, None], item[..., None, None])
    rest = _before(scores[:, None, whole:], columns[whole:], own[..., None], item[..., None])
    counts = tf.reduce_sum(tf.cast(before, tf.int32), axis=3)
    return tf.reduce_sum(tf.cast(counts, tf.int64), axis=2) + tf.reduce_sum(tf.cast(rest, tf.int64), axis=2)


def _before(scores, items, own, item):
    """Which of the items come before `item` in the list, where that has the score `own`."""
    return (scores > own) | ((scores == own) & (items < item))
