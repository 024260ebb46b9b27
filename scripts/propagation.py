"""Seconds of a propagation over the whole graph, forward and backward, beside TensorFlow's own sparse product.

    python scripts/propagation.py data=beibei --layers 3

The peer multiplies the square symmetric matrix of users and items by `tf.sparse.sparse_dense_matmul` and takes the
gradient by a tape. Both give the same vectors, which is checked first; they take turns, and each figure is given as
min/median/max.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from recsys_cli.text import format_table  # noqa: E402 - found by the line above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", default=["data=beibei"], help="settings of the data, as for recsys train")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--size", type=int, default=64, help="of the vectors")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks" / "propagation.txt")
    args = parser.parse_args()

    import tensorflow as tf

    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.data.load import get_dataset
    from recsys_cli.ops.propagation import BipartiteGraph, normalized

    dataset = get_dataset(compose("train", tuple(args.words), library()).data)
    pairs, n_users, n = dataset.target_train, dataset.n_users, dataset.n_users + dataset.n_items
    random = np.random.default_rng(0)
    vectors = tf.Variable(random.normal(size=(n, args.size)).astype(np.float32))
    upstream = tf.constant(random.normal(size=(n, args.size)).astype(np.float32))
    graph, values = BipartiteGraph(pairs).whole, normalized(pairs).values.astype(np.float32)
    cells = np.column_stack([pairs.rows, pairs.indices + n_users])
    matrix = tf.sparse.reorder(
        tf.SparseTensor(np.concatenate([cells, cells[:, ::-1]]), np.concatenate([values, values]), (n, n))
    )

    def ours():
        return tf.concat(graph.mean_of_powers(vectors[:n_users], vectors[n_users:], args.layers), axis=0)

    def peer():
        powers = [tf.convert_to_tensor(vectors)]
        for _ in range(args.layers):
            powers.append(tf.sparse.sparse_dense_matmul(matrix, powers[-1]))
        return tf.add_n(powers) / (args.layers + 1)

    def both_ways(propagate):
        @tf.function
        def run():
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(propagate() * upstream)
            return tf.convert_to_tensor(tape.gradient(total, vectors))

        return run

    np.testing.assert_allclose(ours(), peer(), atol=1e-5)
    ways = {"recsys": both_ways(ours), "tf.sparse.sparse_dense_matmul": both_ways(peer)}
    np.testing.assert_allclose(*(way() for way in ways.values()), atol=1e-5)
    seconds = {name: [] for name in ways}
    for _ in range(args.times):
        for name, way in ways.items():
            began = time.perf_counter()
            way().numpy()
            seconds[name].append(time.perf_counter() - began)
    best = statistics.median(seconds["recsys"])
    text = format_table(
        ["propagation", "s (min/med/max)", "ratio"],
        [
            [name, f"{min(s):.3f}/{statistics.median(s):.3f}/{max(s):.3f}", f"{statistics.median(s) / best:.1f}"]
            for name, s in seconds.items()
        ],
    )
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}"
    title = f"{dataset.name}: {pairs.nnz:,} pairs of {n:,} nodes, {args.layers} layers, {args.size} dimensions"
    text = (
        f"{machine}: python scripts/propagation.py {' '.join(sys.argv[1:])}\n{title}, forward and backward\n\n{text}\n"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
