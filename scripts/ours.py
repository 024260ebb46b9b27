"""Our side of a contest with a peer, in a process of its own: judges what the peer handed over, or trains and is judged.

    python scripts/ours.py judge --handed peer.npz data=beibei
    python scripts/ours.py fit --target 0.045 --budget 120 --ranking lists model=bpr data=beibei

Quality is NDCG@100 of a sample of the test users, exact, seen items left out. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.peers.handing import SAMPLE, Clock, peak_mb, sampled_users

K = 100  # of the quality, and the length of the lists that are timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pairs", "judge", "fit"))
    parser.add_argument("--handed", type=Path, help="judge: the npz of a peer")
    parser.add_argument("--out", type=Path, help="pairs: the npz to write")
    parser.add_argument(
        "--target", type=float, help="fit: train until this quality, but no longer than the config says"
    )
    parser.add_argument("--budget", type=float, default=120.0, help="processor seconds of training, at most")
    parser.add_argument("--repeats", type=int, default=3, help="of a fit in closed form, and of the ranking")
    parser.add_argument(
        "--ranking", choices=("none", "lists", "evaluation"), default="none", help="what is timed at the end"
    )
    parser.add_argument("words", nargs="+", help="as for recsys train")
    args = parser.parse_args()
    print(json.dumps({"pairs": pairs, "judge": judge, "fit": fit}[args.what](args)))


def prepared(words: list[str]):
    """Config and data set, with TensorFlow at work on as many threads as there are cores for this process."""
    import os

    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.training.device import set_up_device

    config = compose("train", [f"device.threads={len(os.sched_getaffinity(0))}", *words], library())
    set_up_device(config.device)
    from recsys_cli.data.load import get_dataset

    return config, get_dataset(config.data)


def pairs(args) -> dict[str, Any]:
    _, dataset = prepared(args.words)
    train, test = dataset.target_train, dataset.test
    np.savez(
        args.out,
        train=np.column_stack([train.rows, train.indices]),
        test=np.column_stack([test.rows, test.indices]),
        n_users=dataset.n_users,
        n_items=dataset.n_items,
    )
    return {"test_users": int(np.count_nonzero(test.row_lengths)), "train": train.nnz}


def quality(scorer: Callable, dataset) -> float:
    """Mean NDCG@100 of the users whose scores a slow peer is asked for."""
    from recsys_cli.evaluation.metrics import per_user_metrics
    from recsys_cli.evaluation.ranking import rank_held_out

    held_out = only(dataset.test, sampled_users(dataset.test.rows, SAMPLE))
    ranks = rank_held_out(scorer, held_out, [dataset.target_train], dataset.n_items)
    return float(np.mean(per_user_metrics(ranks, [K], ["NDCG"])[f"NDCG@{K}"]))


def only(pairs, users: np.ndarray):
    """The pairs of these users."""
    from recsys_cli.data.dataset import CSR

    kept = np.isin(pairs.rows, users)
    return CSR.from_pairs(pairs.rows[kept], pairs.indices[kept], pairs.n_rows, pairs.n_cols)


def judge(args) -> dict[str, Any]:
    import tensorflow as tf

    from recsys_cli.data.dataset import CSR
    from recsys_cli.models.base import Factors
    from recsys_cli.ops.sparse import Product

    _, dataset = prepared(args.words)
    with np.load(args.handed, allow_pickle=False) as found:
        kind = str(found["kind"])
        if kind == "factors":
            scorer: Callable = Factors(tf.constant(found["users"]), tf.constant(found["items"]))
        elif kind == "item_weights":
            history = replace(dataset.target_train, values=None)
            weights = CSR(found["indptr"].astype(np.int64), found["indices"], dataset.n_items, found["values"])
            scorer = Product(history, weights, 512)
        else:
            users, place = found["user_ids"], np.zeros(dataset.n_users, np.int32)
            place[users] = np.arange(len(users))
            scores, where = tf.constant(found["scores"]), tf.constant(place)

            def scorer(ids):
                return tf.gather(scores, tf.gather(where, ids))

        return {"quality": quality(scorer, dataset)}


def fit(args) -> dict[str, Any]:
    config, dataset = prepared(args.words)
    import tensorflow as tf

    from recsys_cli.evaluation.topk import top_k
    from recsys_cli.models.base import SolvedModel
    from recsys_cli.training.build import build_learner, build_model, epochs_of
    from recsys_cli.training.selection import score

    tf.random.stateless_uniform([1], [0, 0])
    imports = peak_mb()
    building, epochs, ranking = Clock(), Clock(), Clock()

    def made():
        model = build_model(config.model, dataset, config.seed)
        return model, build_learner(config, model)

    def one(epoch: int) -> None:
        learner.run(0, learner.begin(epoch), 0.0)

    model, learner = building.timed(made)
    n, found, reached = epochs_of(model, config), 0.0, None
    for epoch in range(n):
        epochs.timed(one, epoch)
        if reached is None and (args.target is not None or epoch == n - 1):
            found = quality(model.scorer(), dataset)
            if args.target is not None and found >= args.target:
                reached = epoch + 1
                break
        if building.cpu[0] + sum(epochs.cpu) > args.budget:
            break
    trained = peak_mb()
    if args.target is None:
        found = quality(model.scorer(), dataset)
    if isinstance(model, SolvedModel) and n == 1:
        for _ in range(args.repeats - 1):
            model, learner = building.timed(made)
            epochs.timed(one, 0)
    if args.ranking != "none":
        everyone = np.flatnonzero(dataset.test.row_lengths)

        def rank() -> None:
            if args.ranking == "lists":
                top_k(model.scorer(), everyone, [dataset.target_train], dataset.n_items, K)
            else:
                score(config.evaluation, model, dataset, "test", config.seed)

        for _ in range(args.repeats + 1):
            ranking.timed(rank)
    return {
        "building": building.wall,
        "building_cpu": building.cpu,
        "epochs": epochs.wall,
        "epochs_cpu": epochs.cpu,
        "reached": reached,
        "quality": found,
        "ranking": ranking.wall[1:],  # the first one compiles
        "ranking_cpu": ranking.cpu[1:],
        "imports_mb": imports,
        "training_mb": trained,
        "peak_mb": peak_mb(),
        "batch": config.trainer.batch_size,
    }


if __name__ == "__main__":
    main()
