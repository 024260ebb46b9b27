"""Times RecBole on given train and test pairs; runs inside RecBole's own environment (see README.md).

Training is RecBole's `Trainer._train_epoch`, evaluation its `Trainer.evaluate` (every item a candidate, train
pairs masked). Prints one JSON line on stdout, everything else goes to stderr. `--batch` counts users for ENMF
and train pairs for the others; `--eval` times a full ranking for each users-per-batch of `--eval-users`.

    python recbole_bench.py --pairs pairs.npz --model ENMF --epochs 3 --eval --set learner=adagrad
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# Users per evaluation batch that were fastest of those tried; the figures stand in README.md.
EVAL_USERS = {"ENMF": 16, "BPR": 256, "LightGCN": 256}
SETTINGS = {
    "learner": str,
    "learning_rate": float,
    "dropout_prob": float,
    "negative_weight": float,
    "reg_weight": float,
    "n_layers": int,
    "seed": int,
}


def positive(text: str) -> int:
    if (value := int(text)) > 0:
        return value
    raise argparse.ArgumentTypeError(f"{text} is not at least 1")


def setting(text: str) -> tuple[str, object]:
    key, _, value = text.partition("=")
    if key not in SETTINGS:
        raise argparse.ArgumentTypeError(f"{text!r}: give KEY=VALUE with KEY one of {', '.join(SETTINGS)}")
    return key, SETTINGS[key](value)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True, help="npz: train, test [n, 2], n_users, n_items")
    parser.add_argument("--model", choices=list(EVAL_USERS), required=True)
    for name, default in {"dim": 64, "batch": 512, "epochs": 1, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=positive, default=default)
    parser.add_argument("--eval", action="store_true")
    parser.add_argument("--eval-users", type=positive, nargs="+")
    parser.add_argument("--set", type=setting, nargs="*", default=[], help=" ".join(SETTINGS))
    return parser.parse_args()


def write_atomic_files(pairs: Path, folder: Path) -> dict[str, int]:
    """Writes RecBole's .inter files (validation = test, so it costs no training pair); n_users, n_items."""
    import numpy as np

    folder.mkdir()
    try:
        with np.load(pairs, allow_pickle=False) as arrays:
            for part, source in {"train": "train", "valid": "test", "test": "test"}.items():
                file = folder / f"{folder.name}.{part}.inter"
                np.savetxt(file, arrays[source], "%d\t%d", header="user_id:token\titem_id:token", comments="")
            return {key: int(arrays[key]) for key in ("n_users", "n_items")}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        sys.exit(f"--pairs {pairs}: need an npz with train, test [n, 2], n_users, n_items; {error}")


def peak_rss_mb() -> float | None:
    """High-water mark of this process; ru_maxrss would also count the parent's memory before exec."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024, 1) if found else None


def timed(work: Callable, *args: object, **kwargs: object) -> tuple[object, float, float]:
    """Result, wall seconds and CPU seconds of all threads: far apart where threads had to wait for a core."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*args, **kwargs)
    return result, round(time.perf_counter() - wall, 3), round(time.process_time() - cpu, 3)


def benchmark(args: argparse.Namespace, work: Path) -> dict:
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.data.utils import get_dataloader
    from recbole.utils import get_model, get_trainer, init_seed
    from scipy.sparse import dok_matrix

    torch.set_num_threads(args.threads)
    if not hasattr(dok_matrix, "_update"):  # RecBole's LightGCN calls it; newer SciPy has dropped it
        dok_matrix._update = lambda self, entries: self._dict.update(entries)
    given = write_atomic_files(args.pairs, work / "pairs")
    options = {
        "data_path": str(work),
        "benchmark_filename": ["train", "valid", "test"],
        "use_gpu": False,
        "embedding_size": args.dim,
        "train_batch_size": args.batch,
        "epochs": args.epochs,
        "metrics": ["Hit", "NDCG"],
        "topk": [k for k in (10, 50, 100) if k <= given["n_items"]],
        "valid_metric": "NDCG@10",
        "metric_decimal_place": 6,
        **dict(args.set),
    }
    options |= {"train_neg_sample_args": None} if args.model == "ENMF" else {}
    config = Config(model=args.model, dataset="pairs", config_dict=options)
    init_seed(config["seed"], config["reproducibility"])
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    trainer.eval_collector.data_collect(train)
    peak = {"setup": peak_rss_mb()}
    epochs = [timed(trainer._train_epoch, train, epoch) for epoch in range(args.epochs)]
    peak["train"] = peak_rss_mb()

    tried, evaluations = (args.eval_users or [EVAL_USERS[args.model]]) if args.eval else [], []
    for users in tried:
        config["eval_batch_size"] = users * dataset.item_num
        loader = get_dataloader(config, "test")(config, test._dataset, test._sampler)
        evaluations.append(timed(trainer.evaluate, loader, load_best_model=False))
    metrics = evaluations[-1][0] if evaluations else {}
    return {
        "peer": "recbole",
        "model": args.model,
        "dim": args.dim,
        "batch": args.batch,
        "threads": torch.get_num_threads(),
        "steps_per_epoch": len(train),
        "seconds_per_epoch": [wall for _, wall, _ in epochs],
        "cpu_seconds_per_epoch": [cpu for _, _, cpu in epochs],
        "eval_users_per_batch": tried,
        "eval_seconds": [wall for _, wall, _ in evaluations],
        "eval_cpu_seconds": [cpu for _, _, cpu in evaluations],
        "metrics": {name.replace("hit", "hr"): float(value) for name, value in metrics.items()},
        "peak_rss_mb": {**peak, "eval": peak_rss_mb()},
        "counts": {
            **given,
            "users_seen": dataset.user_num - 1,
            "items_ranked": dataset.item_num - 1,
            "train": len(train._dataset),
            "test": len(test._dataset),
        },
        "settings": {key: config[key] for key in SETTINGS if config[key] is not None},
        "versions": {name: version(name) for name in ("recbole", "torch", "numpy", "scipy")},
    }


def main() -> None:
    args = parse_arguments()
    args.pairs = args.pairs.resolve()
    if find_spec("recbole") is None:
        sys.exit("RecBole is not installed here: use the environment that install.sh makes")
    sys.argv = sys.argv[:1]  # RecBole reads (and evaluates) the command line by itself
    os.environ["OMP_NUM_THREADS"] = str(args.threads)  # torch reads it once, at import
    with tempfile.TemporaryDirectory() as work, contextlib.redirect_stdout(sys.stderr):
        os.chdir(work)  # RecBole leaves log and checkpoint folders where it stands
        record = benchmark(args, Path(work))
    print(json.dumps(record))


if __name__ == "__main__":
    main()
