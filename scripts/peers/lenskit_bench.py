"""Times LensKit on given pairs, in an environment of its own (README.md)."""

from __future__ import annotations

import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from handing import Clock, arguments, hand_back, peak_mb, read_pairs, sampled_users
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, from_interactions_df
from lenskit.flexmf import FlexMFImplicitScorer
from lenskit.knn import EASEScorer, ItemKNNScorer, UserKNNScorer
from lenskit.pipeline import topn_pipeline
from lenskit.training import TrainingOptions

K = 100
MODELS = {
    "als": ImplicitMFScorer,
    "flexmf": FlexMFImplicitScorer,
    "ease": EASEScorer,
    "item_knn": ItemKNNScorer,
    "user_knn": UserKNNScorer,
}
ONE_FIT = ("ease", "item_knn", "user_knn")


def main() -> None:
    args = arguments(list(MODELS))
    pairs = read_pairs(args.pairs)
    data = from_interactions_df(pd.DataFrame(pairs.train, columns=["user_id", "item_id"]), item_col="item_id")
    before = peak_mb()
    fits, ranking = Clock(), Clock()
    for _ in range(args.repeats if args.model in ONE_FIT else 1):
        scorer = MODELS[args.model](**args.settings)
        fits.timed(scorer.train, data, TrainingOptions(rng=0))
    trained = peak_mb()
    users = sampled_users(pairs.test[:, 0])
    pipeline = topn_pipeline(scorer, n=K)
    pipeline.train(data, TrainingOptions(retrain=False))

    def recommend() -> None:
        for user in users:
            pipeline.run("recommender", query=int(user))

    ranking.timed(recommend)
    known = data.items.ids()
    items = ItemList(item_ids=known, vocabulary=data.items)
    scores = np.full((len(users), pairs.n_items), -1e9, np.float32)
    for row, user in enumerate(users):
        found = np.nan_to_num(scorer(_query(pipeline, int(user)), items).scores("numpy"), nan=-1e9)
        scores[row, known] = found
    np.savez(args.out, kind="scores", user_ids=users, scores=scores)
    hand_back(
        version=f"lenskit {version('lenskit')}",
        fit=fits.wall,
        fit_cpu=fits.cpu,
        epochs=getattr(scorer.config, "epochs", None),
        ranking=ranking.wall,
        ranking_cpu=ranking.cpu,
        ranked=len(users),
        imports_mb=before,
        training_mb=trained,
    )


def _query(pipeline, user: int):
    """What the pipeline makes of a user id: with the history."""
    return pipeline.run("history-lookup", query=user)


if __name__ == "__main__":
    sys.exit(main())
