"""Scores of all items, block after block of users, in one compiled loop of bounded memory.

Every ranking, list and sampled rank of this package goes through `scan`. A block has at least 16 rows, and
the last one is filled up: from 16 rows on, a row of TensorFlow's product on a CPU has the same bits in a
block of any size and with any number of threads (tests/evaluation/test_bits.py watches this), so that results
do not depend on `memory_mb`. On a GPU they may, where memory_mb is so little that it makes blocks smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation.forecast import announce_slow
from recsys_cli.evaluation.raw_ids import IdError
from recsys_cli.models.base import Factors, Scorer
from recsys_cli.ops.compiled import compiled, repeat

MIN_ROWS, MAX_ROWS = 16, 256
FEWEST_FAST_ROWS = 64  # with fewer, the product itself becomes slow
IN_FLIGHT = 2  # one block is scored while the one before it is counted
CELL_BYTES = 16  # a score, what is added to leave it out, their sum, and a padded copy for the lists
CPU_CELLS, GPU_CELLS = 1 << 19, 1 << 24  # scores per block: 2 MiB stay in a core's cache, a GPU wants more

Body = Callable[..., Sequence[tf.Tensor]]


class ScoreError(IdError):
    """A model gave scores that cannot be ranked."""


@dataclass(frozen=True)
class Blocks:
    """Users in blocks of equal size.

    users: int32 [n], in the order of the work; a user may occur more than once.
    seen: int32 [q], what to leave out, by block, as places (row within the block) * n_items + item.
    bounds: int32 [n_blocks + 1] into it.
    """

    users: np.ndarray
    rows: int
    seen: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, users: np.ndarray, seen: CSR | None, n_items: int, memory_mb: int) -> Blocks:
        """seen: users x items pairs to leave out."""
        rows = rows_per_block(n_items, memory_mb)
        starts = np.arange(-(-len(users) // rows) + 1) * rows
        if seen is None:
            return cls(users, rows, np.zeros(0, np.int32), np.zeros(len(starts), np.int32))
        lengths = seen.row_lengths[users]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(ends[-1]) - np.repeat(ends[:-1] - seen.indptr[users], lengths)
        first_cells = np.arange(len(users), dtype=np.int32) % rows * n_items
        cells = np.repeat(first_cells, lengths) + seen.indices[places]
        return cls(users, rows, cells, ends[np.minimum(starts, len(users))].astype(np.int32))

    def lay(self, values: np.ndarray) -> np.ndarray:
        """[n, ...] -> [n_blocks, rows, ...]; the places left over repeat the last value."""
        places = np.minimum(np.arange((len(self.bounds) - 1) * self.rows), len(values) - 1)
        return values[places].reshape(-1, self.rows, *values.shape[1:])


def rows_per_block(n_items: int, memory_mb: int) -> int:
    """Users scored at once, a multiple of 16, so that all blocks in flight stay below memory_mb (2^20 bytes).

    What a scorer needs to come to its scores is not counted.
    """
    cells = GPU_CELLS if tf.config.list_logical_devices("GPU") else CPU_CELLS
    bytes_per_row = CELL_BYTES * IN_FLIGHT * n_items
    fitting = memory_mb * 2**20 // bytes_per_row // MIN_ROWS * MIN_ROWS
    if fitting < MIN_ROWS:
        raise UserError(
            f"evaluation.memory_mb={memory_mb} is too little to score {MIN_ROWS} users x {n_items} items at "
            f"a time: set evaluation.memory_mb={-(-bytes_per_row * MIN_ROWS // 2**20)} or more."
        )
    wanted = cells // n_items // MIN_ROWS * MIN_ROWS
    return min(max(wanted, FEWEST_FAST_ROWS), MAX_ROWS, fitting)


def scan(scorer: Scorer, n_items: int, blocks: Blocks, body: Body, types: tuple, arrays: Sequence[Any]):
    """Runs body(scores [rows, n_items], seen, block, *arrays) on every block.

    seen: int32 [q], the cells row * n_items + item that are to be left out. body: a function at the top of a
    module (it is compiled once) that gives tensors of these types; they are returned as arrays, joined along
    their first axes block after block. scorer: traced once per object, so hand in the same one, or a bound
    method, rather than a new lambda each time; `Factors` are traced once for all. Raises ScoreError where a
    score is not finite.
    """
    announce_slow(scorer, len(blocks.users))
    score: Callable[..., tf.Tensor]
    factors: tuple[tf.Tensor, ...]
    if isinstance(scorer, Factors):
        score, factors = _product, (scorer.users, tf.transpose(scorer.items))
    else:
        score, factors = scorer, ()
    given = (blocks.lay(blocks.users), blocks.seen, blocks.bounds, *arrays, *factors)
    inputs = [tf.convert_to_tensor(a) for a in given]
    specs = tuple(tf.TensorSpec([None] * a.shape.rank, a.dtype) for a in inputs)
    loop = _compiled(score, body, types, blocks.rows, n_items, len(arrays), specs)
    finite, *outputs = (o.numpy() for o in loop(*inputs))
    if not finite.all():
        user = blocks.users[min(int(np.argmin(finite)), len(blocks.users) - 1)]
        raise ScoreError(
            "the model gives {user} scores that are not finite: the training has "
            "diverged. Lower optimizer.learning_rate, or go back to an earlier checkpoint.",
            user,
        )
    return outputs


@lru_cache(maxsize=4)
def _compiled(score: Callable, body: Body, types: tuple, rows: int, n_items: int, n_arrays: int, specs):
    def loop(users, seen, bounds, *rest):
        arrays, factors = rest[:n_arrays], rest[n_arrays:]
        n = tf.shape(users)[0]
        outputs = [tf.TensorArray(t, n, infer_shape=False) for t in (tf.bool, *types)]

        def one(block, *outputs):
            scores = tf.ensure_shape(score(users[block], *factors), [rows, n_items])
            # One sum per row finds any NaN or infinity in a single pass over the block.
            finite = tf.math.is_finite(tf.reduce_sum(scores, axis=1))
            results = body(scores, seen[bounds[block] : bounds[block + 1]], block, *arrays)
            return [output.write(block, r) for output, r in zip(outputs, (finite, *results))]

        return [output.concat() for output in repeat(tf.constant(0), n, one, outputs, IN_FLIGHT)]

    return compiled(loop, *specs)


def _product(users: tf.Tensor, user_factors: tf.Tensor, item_factors: tf.Tensor) -> tf.Tensor:
    return tf.matmul(tf.gather(user_factors, users), item_factors)
