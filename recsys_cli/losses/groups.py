"""Tasks of the whole-data loss that share one call of its kernel, and the layout of their batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import FactoredModel
from recsys_cli.ops.whole_data import ObservedPairs

Weights = list[tuple[float, np.ndarray | None]]  # per task, of whole_data.negative_weights


def matrix_of(model: FactoredModel, task: int, side: str) -> CSR:
    """The observed pairs with the batched side as rows. side: users or items."""
    return model.tasks[task].pairs if side == "users" else model.tasks[task].pairs.T


def stacks_of(model: FactoredModel, tasks: list[int], side: str, weights: Weights) -> list[list[int]]:
    """Tasks whose rows can stand below one another in one call of the kernel: one Gramian of the others serves all.

    They are of one group, and their weights by popularity, which belong to columns, are the same.
    """
    stacks: list[list[int]] = []
    for t in tasks:
        for stack in stacks:
            first = stack[0]
            if model.tasks[t].group == model.tasks[first].group and _same(weights[t][1], weights[first][1]):
                shapes = [(matrix_of(model, k, side).n_rows, matrix_of(model, k, side).n_cols) for k in (first, t)]
                if shapes[0] != shapes[1]:
                    raise UserError(
                        f"model={model.name}: the tasks {model.tasks[first].name!r} and {model.tasks[t].name!r} are of "
                        f"one group, {model.tasks[t].group!r}, and have {shapes[0]} and {shapes[1]} rows and columns: "
                        "tasks that share their towers have one shape."
                    )
                stack.append(t)
                break
        else:
            stacks.append([t])
    return stacks


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)


class Group:
    """Tasks with common towers: their rows are stacked below one another into one call of the kernel."""

    def __init__(self, model, tasks: list[int], side: str, weights: Weights, batch_size: int, dense: bool):
        self.model, self.tasks, self.by_users, self.batch_size = model, tasks, side == "users", batch_size
        matrices = [matrix_of(model, t, side) for t in tasks]
        self.n_rows, self.matrix = matrices[0].n_rows, stack_rows(matrices)
        self.share = model.share if self.by_users else None
        self.n_all_rows = self.share.n_users if self.share else self.n_rows  # of all workers
        self.importance = [model.tasks[t].weight for t in tasks]
        self.weight = [model.tasks[t].weight * weights[t][0] for t in tasks]
        item_weight = weights[tasks[0]][1]
        self.item_weight = None if item_weight is None else tf.constant(item_weight)
        # Sparse products win where a batch has more pairs than there are columns (measured 2.5x on MovieLens), sums by
        # segment win elsewhere (1.5x on Taobao). The product is not deterministic on a GPU.
        pairs_per_batch = self.matrix.nnz * batch_size / max(self.n_all_rows, 1)
        on_gpu = bool(tf.config.list_logical_devices("GPU"))
        self.by_product = not dense and pairs_per_batch > self.matrix.n_cols and not on_gpu
        # TensorFlow keeps int32 in the memory of the host: on a GPU every step would wait for its indices to be copied.
        self.index_type = np.int64 if on_gpu and not dense else np.int32
        self.array_names = ["rows", "cols", "offsets"] + ["by_col"] * self.by_product

    def order(self, drawn: np.ndarray, steps: int) -> dict[str, np.ndarray]:
        """ids: the rows that are here, batch after batch; bounds [steps + 1]: where each batch begins and ends.

        drawn: all rows in their order. With a share also places: where each row stands in the batch of all workers.
        """
        bounds = np.minimum(self.batch_size * np.arange(steps + 1), len(drawn)).astype(np.int32)
        if self.share is None:
            return {"ids": drawn.astype(self.index_type), "bounds": bounds}
        places, ids = self.share.among(drawn)
        return {
            "ids": ids.astype(self.index_type),
            "bounds": np.searchsorted(places, bounds).astype(np.int32),
            "places": places % np.int32(self.batch_size),
        }

    def constants(self, ids: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """float64 [batches], the sum of the weights of the observed pairs of each, which the kernel leaves out."""
        lengths = self.matrix.row_lengths.reshape(len(self.tasks), self.n_rows)
        per_row = np.array(self.importance, float) @ lengths
        found, filled = np.zeros(len(bounds) - 1), np.flatnonzero(np.diff(bounds))
        found[filled] = np.add.reduceat(per_row[ids], bounds[filled]) if len(filled) else 0.0
        return found

    def batches(self, ids: np.ndarray, bounds: np.ndarray) -> dict[str, np.ndarray]:
        """Pairs of all batches in order, rows numbered within their batch, task by task.

        Laid out batch after batch: what is in memory beside the result is of one batch.
        """
        shifts = self.n_rows * np.arange(len(self.tasks))[:, None]
        batches = [(ids[None, first:last] + shifts).ravel() for first, last in zip(bounds, bounds[1:])]
        lengths = [self.matrix.row_lengths[batch] for batch in batches]
        offsets = np.cumsum([0, *(int(of_batch.sum()) for of_batch in lengths)])
        arrays = {name: np.empty(offsets[-1], self.index_type) for name in self.array_names if name != "offsets"}
        for batch, of_batch, first, last in zip(batches, lengths, offsets[:-1], offsets[1:]):
            starts = np.cumsum(of_batch) - of_batch
            source = np.repeat(self.matrix.indptr[batch] - starts, of_batch)
            source += np.arange(last - first)
            cols = self.matrix.indices[source]
            arrays["rows"][first:last] = np.repeat(np.arange(len(batch), dtype=np.int32), of_batch)
            arrays["cols"][first:last] = cols
            if self.by_product:
                arrays["by_col"][first:last] = _by_col(cols)
        return arrays | {"offsets": offsets.astype(np.int32)}

    def loss(self, kernel, encoded, ids, arrays, step, noise) -> tf.Tensor:
        first, last = arrays["offsets"][step], arrays["offsets"][step + 1]
        pairs = ObservedPairs(*(arrays[n][first:last] if n in arrays else None for n in ("rows", "cols", "by_col")))
        model, task = self.model, self.tasks[0]
        if self.by_users:
            batched, others = model.user_vectors(task, encoded, ids, noise), model.item_vectors(task, encoded)
        else:
            batched, others = model.item_vectors(task, encoded, ids, noise), model.user_vectors(task, encoded)
        heads = [model.prediction_vector(t, encoded) for t in self.tasks]
        x = tf.concat([batched if h is None else batched * h for h in heads], axis=0)
        observed_weight, row_weight = self._per_row(self.importance, ids), self._per_row(self.weight, ids)
        if observed_weight.shape.rank:
            observed_weight = tf.gather(observed_weight, pairs.rows)
        col_weight = None
        if self.item_weight is not None and self.by_users:
            col_weight = self.item_weight
        elif self.item_weight is not None:
            row_weight = row_weight * tf.tile(tf.gather(self.item_weight, ids), [len(self.tasks)])
        return kernel(x, others, pairs, observed_weight=observed_weight, row_weight=row_weight, col_weight=col_weight)

    def _per_row(self, values: list[float], ids: tf.Tensor) -> tf.Tensor:
        """A value per task as a scalar (one task), or repeated for the rows of the batch."""
        return tf.constant(values[0]) if len(values) == 1 else tf.repeat(tf.constant(values), tf.shape(ids)[0])


def _by_col(cols: np.ndarray) -> np.ndarray:
    """The permutation that sorts the pairs of a batch by column, rows ascending within each: their places, sorted as part
    of one number, which is many times faster than a stable sort of places by column."""
    return np.sort(cols.astype(np.int64) << 32 | np.arange(len(cols))).astype(np.uint32).astype(np.int32)


def stack_rows(matrices: Sequence[CSR]) -> CSR:
    """The matrices below one another."""
    if len(matrices) == 1:
        return matrices[0]
    starts = np.concatenate([[0], np.cumsum([m.nnz for m in matrices])])
    indptr = np.concatenate([[0], *(m.indptr[1:] + s for m, s in zip(matrices, starts))])
    return CSR(indptr.astype(np.int64), np.concatenate([m.indices for m in matrices]), matrices[0].n_cols)
