"""Times RecBole on given pairs for a contest, in an environment of its own (README.md).

A fit is the making of the model, its graph included, and RecBole's own epochs; a ranking is RecBole's own evaluation
of all test users with `--eval-users` of them in a batch.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from handing import Clock, arguments, hand_back, peak_mb, read_pairs, sampled_users
from recbole_bench import write_atomic_files

MODELS = ["BPR", "ItemKNN", "EASE", "NeuMF", "LightGCN", "ENMF"]
ONE_FIT = ("ItemKNN", "EASE")
EVAL_USERS = {"ENMF": 16, "NeuMF": 8}  # in a batch, the fastest of those tried; 256 for the others
AT_ONCE = 64  # users whose scores are handed back in one call


def main() -> None:
    args = arguments(MODELS)
    args.pairs, args.out = args.pairs.resolve(), args.out.resolve()
    sys.argv = sys.argv[:1]  # RecBole reads the command line by itself
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(sys.stderr):
        os.chdir(work)
        facts = contest(args, Path(work))
    hand_back(**facts)


def contest(args, work: Path) -> dict:
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.data.interaction import Interaction
    from recbole.data.utils import get_dataloader
    from recbole.utils import get_model, get_trainer, init_seed
    from scipy.sparse import dok_matrix

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda self, entries: self._dict.update(entries)
    write_atomic_files(args.pairs, work / "pairs")
    options = {
        "data_path": str(work),
        "benchmark_filename": ["train", "valid", "test"],
        "use_gpu": False,
        "metrics": ["Hit", "NDCG"],
        "topk": [10, 50, 100],
        "valid_metric": "NDCG@10",
        **args.settings,
    }
    options |= {"train_neg_sample_args": None} if args.model in ("ENMF", *ONE_FIT) else {}
    config = Config(model=args.model, dataset="pairs", config_dict=options)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    before = peak_mb()
    making, epochs, ranking = Clock(), Clock(), Clock()
    for _ in range(args.repeats if args.model in ONE_FIT else 1):
        model = making.timed(lambda: get_model(config["model"])(config, train._dataset).to(config["device"]))
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    while args.model not in ONE_FIT and len(epochs.wall) < config["epochs"] and sum(epochs.cpu) < args.budget:
        epochs.timed(trainer._train_epoch, train, len(epochs.wall))
    trained = peak_mb()
    config["eval_batch_size"] = EVAL_USERS.get(args.model, 256) * dataset.item_num
    loader = get_dataloader(config, "test")(config, test._dataset, test._sampler)
    ranking.timed(trainer.evaluate, loader, load_best_model=False)

    pairs = read_pairs(args.pairs)
    users = sampled_users(pairs.test[:, 0])
    tokens = dataset.id2token("item_id", np.arange(1, dataset.item_num)).astype(int)
    scores = np.full((len(users), pairs.n_items), -1e9, np.float32)
    model.eval()
    for first in range(0, len(users), AT_ONCE):
        ids = torch.tensor(dataset.token2id("user_id", users[first : first + AT_ONCE].astype(str)))
        with torch.no_grad():
            found = np.asarray(model.full_sort_predict(Interaction({"user_id": ids}))).reshape(len(ids), -1)
        scores[first : first + AT_ONCE, tokens] = found[:, 1:]
    np.savez(args.out, kind="scores", user_ids=users, scores=scores)
    return {
        "version": f"recbole {version('recbole')}",
        "fit": making.wall if args.model in ONE_FIT else [making.wall[0] + sum(epochs.wall)],
        "fit_cpu": making.cpu if args.model in ONE_FIT else [making.cpu[0] + sum(epochs.cpu)],
        "epochs": len(epochs.wall) or None,
        "epoch": epochs.wall,
        "epoch_cpu": epochs.cpu,
        "ranking": ranking.wall,
        "ranking_cpu": ranking.cpu,
        "ranked": len(np.unique(pairs.test[:, 0])),
        "imports_mb": before,
        "training_mb": trained,
    }


if __name__ == "__main__":
    sys.exit(main())
