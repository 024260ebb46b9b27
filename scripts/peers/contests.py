"""Which model of ours meets which of a peer, and with which settings."""

from __future__ import annotations

from typing import Any, NamedTuple

D = 64


class Contest(NamedTuple):
    """ours: our model. model: what the peer calls it. settings: the peer's own, where they are not its defaults. equal:
    our words for the same settings, with which an epoch (a fit in closed form) is timed; for the time to the peer's
    quality we take our tuned values. ranking: what the peer does to all test users, lists of 100 items or an evaluation.
    """

    ours: str
    peer: str
    model: str
    settings: dict[str, Any]
    equal: str
    ranking: str = "lists"


ALS = "model.solver={} model.l2=3 model.negative_weight=0.1"
RECBOLE = {"embedding_size": D, "epochs": 300}  # its default is 300 epochs with early stopping; --budget ends them here

CONTESTS = [
    Contest("wmf_als", "implicit", "als", {"factors": D, "regularization": 30, "alpha": 10}, ALS.format("cg")),
    Contest("bpr", "implicit", "bpr", {"factors": D}, "trainer.batch_size=4096"),
    Contest("item_knn", "implicit", "cosine", {"K": 200}, "model.neighbours=200 model.shrinkage=0"),
    Contest(
        "item_knn",
        "implicit",
        "bm25",
        {"K": 200},
        "model.neighbours=200 model.weighting=bm25 model.similarity=dot model.neighbours_of=chosen",
    ),
    Contest("wmf_als", "lenskit", "als", {"embedding_size": D, "regularization": 30, "weight": 9}, ALS.format("exact")),
    Contest("bpr", "lenskit", "flexmf", {"preset": "bpr", "embedding_size": D}, "trainer.batch_size=8192"),
    Contest(
        "item_knn",
        "lenskit",
        "item_knn",
        {"feedback": "implicit", "save_nbrs": 200},
        "model.neighbours=200 model.shrinkage=0",
    ),
    Contest("user_knn", "lenskit", "user_knn", {"feedback": "implicit", "max_nbrs": 100}, "model.shrinkage=0"),
    Contest("ease", "lenskit", "ease", {"regularization": 100}, "model.l2=100"),
    Contest("bpr", "recbole", "BPR", RECBOLE | {"train_batch_size": 4096}, "trainer.batch_size=4096", "evaluation"),
    Contest(
        "item_knn",
        "recbole",
        "ItemKNN",
        {"k": 200, "shrink": 0.0},
        "model.neighbours=200 model.shrinkage=0",
        "evaluation",
    ),
    Contest("ease", "recbole", "EASE", {"reg_weight": 100.0}, "model.l2=100", "evaluation"),
    Contest(
        "gmf",
        "recbole",
        "NeuMF",
        {"mf_embedding_size": D, "mlp_train": False, "train_batch_size": 1024, "epochs": 300},
        "trainer.batch_size=1024",
        "evaluation",
    ),
    Contest(
        "ncf",
        "recbole",
        "NeuMF",
        {
            "mf_embedding_size": D,
            "mlp_embedding_size": 32,
            "mlp_hidden_size": [32, 16, 8],
            "train_batch_size": 512,
            "epochs": 300,
        },
        "trainer.batch_size=512 model.embedding_size=64",
        "evaluation",
    ),
    Contest(
        "lightgcn",
        "recbole",
        "LightGCN",
        RECBOLE | {"train_batch_size": 8192, "n_layers": 3},
        "trainer.batch_size=8192 model.layers=3 model.node_dropout=0",
        "evaluation",
    ),
    Contest(
        "enmf",
        "recbole",
        "ENMF",
        RECBOLE | {"train_batch_size": 512, "dropout_prob": 0.5, "negative_weight": 0.05},
        "trainer.batch_size=512",
        "evaluation",
    ),
]
