"""Reads the results that a run keeps, without TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError
from data_prep.files import read_file
from recsys_cli.runs.directory import EVALUATIONS, state_folder
from recsys_cli.runs.record import is_number

if TYPE_CHECKING:
    import numpy as np


def read_result(run: Path, name: str) -> dict[str, Any] | None:
    """The content of NAME.json of a run, the result of training or what `recsys evaluate` found under that name.

    None where there is none. Raises UserError for a file that is no result.
    """
    for folder in _folders(run):
        path = folder / f"{name}.json"
        try:
            content = json.loads(read_file(path, run))
            _check(content)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UserError(f"{path} is damaged: evaluate again with recsys evaluate run={run}") from None
        return content
    return None


def read_per_user(run: Path, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """Raw ids and values by metric that stand beside NAME.json; None where they were not kept."""
    from recsys_cli.evaluation.summary import load_per_user  # with NumPy, which help and errors do not wait for

    for folder in _folders(run):
        if (folder / f"{name}.json").is_file():
            path = folder / f"{name}_per_user.npz"
            return load_per_user(path) if path.exists() else None
    return None


def result_of(run: Path, name: str) -> dict[str, Any] | None:
    """As `read_result`, with None for a damaged file too."""
    try:
        return read_result(run, name)
    except UserError:
        return None


def _check(content: dict[str, Any]) -> None:
    """Raises ValueError, TypeError, KeyError or AttributeError for what is no result."""
    numbers = [value["mean"] for value in content["metrics"].values()]
    numbers += [
        end for value in content["metrics"].values() for end in (value.get("low"), value.get("high")) if end is not None
    ]
    numbers += [content[key] for key in ("users", "pairs") if key in content]
    if not all(map(is_number, numbers)) or not isinstance(content.get("protocol", {}), dict):
        raise ValueError


def _folders(run: Path) -> tuple[Path, ...]:
    """Where results lie: those of a run that can forget in its current state."""
    return (state_folder(run) or run, run, run / EVALUATIONS)
