"""Times `implicit` on given pairs, in an environment of its own (README.md)."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import numpy as np
from handing import Clock, arguments, hand_back, peak_mb, read_pairs
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.sparse import csr_matrix

K = 100
MODELS = {
    "als": AlternatingLeastSquares,
    "bpr": BayesianPersonalizedRanking,
    "cosine": CosineRecommender,
    "tf_idf": TFIDFRecommender,
    "bm25": BM25Recommender,
}


def main() -> None:
    args = arguments(list(MODELS))
    pairs = read_pairs(args.pairs)
    ones = np.ones(len(pairs.train), np.float32)
    matrix = csr_matrix((ones, (pairs.train[:, 0], pairs.train[:, 1])), (pairs.n_users, pairs.n_items))
    before = peak_mb()
    fits, ranking = Clock(), Clock()
    iterative = args.model in ("als", "bpr")
    for _ in range(1 if iterative else args.repeats):
        options = {"use_gpu": False, "random_state": 0} if iterative else {}
        model = MODELS[args.model](num_threads=len(os.sched_getaffinity(0)), **options, **args.settings)
        fits.timed(model.fit, matrix, show_progress=False)
    trained = peak_mb()
    users = np.unique(pairs.test[:, 0])
    for _ in range(3):
        ranking.timed(model.recommend, users, matrix[users], N=K, filter_already_liked_items=True)
    if iterative:
        np.savez(args.out, kind="factors", users=model.user_factors, items=model.item_factors)
    else:
        w = model.similarity.tocsr()
        w.sort_indices()
        np.savez(args.out, kind="item_weights", indptr=w.indptr, indices=w.indices, values=w.data.astype(np.float32))
    hand_back(
        version=f"implicit {version('implicit')}",
        fit=fits.wall,
        fit_cpu=fits.cpu,
        epochs=model.iterations if iterative else None,
        ranking=ranking.wall,
        ranking_cpu=ranking.cpu,
        ranked=len(users),
        imports_mb=before,
        training_mb=trained,
    )


if __name__ == "__main__":
    sys.exit(main())
