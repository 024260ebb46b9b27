"""What an evaluation leaves behind: <split>.json with means and intervals, per-user values, and a table to read."""

from __future__ import annotations

import json

import numpy as np

from recsys_cli.data.files import write_file
from recsys_cli.evaluation.protocol import Result
from recsys_cli.evaluation.summary import intervals, save_per_user
from recsys_cli.report import metrics_table
from recsys_cli.training.run import Run


def save_result(run: Run, split: str, result: Result, user_ids: np.ndarray, evaluation, seed: int) -> str:
    """Writes the files into the run directory and returns the table.

    user_ids: the raw ids by internal id, which stand beside the values per user. evaluation: a node of
    configs/evaluation.
    """
    found = {
        name: (mean, low, high) if evaluation.bootstrap else (mean, None, None)
        for name, (mean, low, high) in intervals(result.per_user, evaluation.bootstrap, seed).items()
    }
    found.update({name: (value, None, None) for name, value in result.means.items() if name not in found})
    protocol = {
        key: evaluation[key] for key in ("protocol", "exclude", "recall_divisor", "ndcg", "select", "exclude_auxiliary")
    }
    summary = {
        "split": split,
        "users": len(result.users),
        "pairs": result.n_pairs,
        "left_out_pairs": result.n_left_out,
        "protocol": protocol,
        "metrics": {name: {"mean": mean, "low": low, "high": high} for name, (mean, low, high) in found.items()},
    }
    write_file(run.path / f"{split}.json", (json.dumps(summary, indent=1) + "\n").encode())
    if evaluation.per_user:
        save_per_user(run.path / f"{split}_per_user.npz", user_ids[result.users], result.per_user)
    return metrics_table(found)


def show_result(run: Run, table: str, what: str, result: Result) -> None:
    """Prints the table, how it came about, and where everything lies."""
    print(f"\n{what}; mean over users with 95 % bootstrap interval\n{table}")
    if result.n_left_out:
        print(
            f"left out: {result.n_left_out:,} of {result.n_left_out + result.n_pairs:,} pairs, which are in an auxiliary "
            f"behaviour of the user as well (evaluation.exclude_auxiliary); {len(result.users):,} users remain"
        )
    if result.warning:
        print(f"warning: {result.warning}")
    record = run.record
    if "seconds_per_epoch" in record:
        print(
            f"{record['training_seconds']:.1f} s of training, "
            f"{record['seconds_per_epoch']:.3f} s per epoch (median), "
            f"{record['evaluation_seconds']:.2f} s for this evaluation, "
            f"peak memory {record['peak_memory_mb']:.0f} MB"
        )
    print(f"run directory: {run.path}")
