"""What an evaluation leaves behind: NAME.json with means and intervals, per-user values, and a table to read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from data_prep.errors import UserError
from data_prep.files import make_folder, read_file, write_file
from recsys_cli.evaluation.summary import intervals, per_user_bytes
from recsys_cli.runs.directory import EVALUATIONS, Run
from recsys_cli.runs.record import ADVICE
from recsys_cli.text import metrics_table

if TYPE_CHECKING:
    from recsys_cli.evaluation.protocol import Result

PROTOCOL = ("protocol", "exclude", "recall_divisor", "ndcg", "select", "exclude_auxiliary")
OF_RATINGS = ("relevance", "candidates")  # of protocol=rating


class Summary(NamedTuple):
    """content: of the .json file. per_user: of the .npz file beside it, or None. table: to be printed."""

    content: dict[str, Any]
    per_user: bytes | None
    table: str

    @property
    def payload(self) -> bytes:
        return (json.dumps(self.content, indent=1) + "\n").encode()


def summarize(split: str, result: Result, user_ids: np.ndarray, evaluation, seed: int) -> Summary:
    """user_ids: the raw ids by internal id, which stand beside the values per user. evaluation: a node of
    configs/evaluation."""
    found = {
        name: (mean, low, high) if evaluation.bootstrap else (mean, None, None)
        for name, (mean, low, high) in intervals(result.per_user, evaluation.bootstrap, seed).items()
    }
    found.update({name: (value, None, None) for name, value in result.means.items() if name not in found})
    keys = [*PROTOCOL, *(OF_RATINGS if evaluation.protocol == "rating" else ())]
    keys += ["users"] if evaluation.get("users") else []
    content = {
        "split": split,
        "users": len(result.users),
        "pairs": result.n_pairs,
        "left_out_pairs": result.n_left_out,
        "protocol": {key: _plain(evaluation[key]) for key in keys},
        "metrics": {name: {"mean": mean, "low": low, "high": high} for name, (mean, low, high) in found.items()},
    }
    per_user = per_user_bytes(user_ids[result.users], result.per_user) if evaluation.per_user else None
    return Summary(content, per_user, metrics_table(found))


def _plain(value: Any) -> Any:
    """A list of a config as one that JSON knows."""
    return value if isinstance(value, str | int | float | None) else list(value)


def save_result(
    folder: Path, split: str, result: Result, user_ids: np.ndarray, evaluation, seed: int, **facts: Any
) -> str:
    """Writes SPLIT.json and SPLIT_per_user.npz into the folder and returns the table.

    facts: more to keep in the .json file, such as what validation found.
    """
    summary = summarize(split, result, user_ids, evaluation, seed)
    summary.content.update(facts)
    if summary.per_user:
        write_file(folder / f"{split}_per_user.npz", summary.per_user, advice=ADVICE)
    write_file(folder / f"{split}.json", summary.payload, advice=ADVICE)
    return summary.table


def keep_evaluation(run: Run, name: str, summary: Summary) -> Path:
    """Writes evaluations/NAME.json, or NAME-2.json, NAME-3.json, ... where there is another result of that name.

    Nothing is ever overwritten, and the same result is not written twice. Raises UserError where nothing can be
    written.
    """
    try:
        folder = make_folder(run.path / EVALUATIONS, run.path)
    except OSError as error:
        raise UserError(f"cannot write into {run.path}: {error.strerror}.") from error
    number = 1
    while True:
        stem = name if number == 1 else f"{name}-{number}"
        file = folder / f"{stem}.json"
        try:
            write_file(file, summary.payload, run.path, replace=False)
        except FileExistsError:
            if read_file(file, run.path) != summary.payload:
                number += 1
                continue
        if summary.per_user:
            write_file(folder / f"{stem}_per_user.npz", summary.per_user, run.path)
        return file


def check_name(name: str) -> None:
    """Raises UserError for a name that is no plain file name, before anything is computed."""
    if not re.fullmatch(r"\w[\w.=,+-]*", name) or name.endswith("_per_user"):
        raise UserError(f"name={name}: it becomes the name of a file, so use letters, digits and . _ - = , +")


def show_result(run: Run, table: str, what: str, result: Result) -> None:
    """Prints the result of a training, how it came about, and where everything lies."""
    record = run.record
    seconds = (
        f"{record['training_seconds']:.1f} s of training, {record['seconds_per_epoch']:.3f} s per epoch (median), "
        f"{record['evaluation_seconds']:.2f} s for this evaluation, peak memory {record['peak_memory_mb']:.0f} MB"
    )
    print("\n".join([*lines_of(table, what, result), seconds, f"run directory: {run.path}"]))


def lines_of(table: str, what: str, result: Result) -> list[str]:
    """The table, and what has to be known of it."""
    over = "MAE and RMSE over pairs, all else mean over users" if "MAE" in result.means else "mean over users"
    lines = [f"\n{what}; {over} with 95 % bootstrap interval\n{table}"]
    if result.drawn_from:
        lines.append(
            f"of {result.drawn_from:,} users {len(result.users):,} were evaluated, drawn at random (evaluation.users): the "
            "interval says how far that may lead astray"
        )
    if result.n_left_out:
        lines.append(
            f"left out: {result.n_left_out:,} of {result.n_left_out + result.n_pairs:,} pairs, which are in an auxiliary "
            f"behaviour of the user as well (evaluation.exclude_auxiliary); {len(result.users):,} users remain"
        )
    if result.warning:
        lines.append(f"warning: {result.warning}")
    return lines
