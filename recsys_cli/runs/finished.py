"""A finished run with its result, for reports and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from data_prep.errors import UserError
from recsys_cli.runs.config import read_settings
from recsys_cli.runs.kept import read_result
from recsys_cli.runs.record import read_record


class Finished(NamedTuple):
    """result: of the .json file that was asked for."""

    path: Path
    config: DictConfig
    record: dict[str, Any]
    result: dict[str, Any]


def finished(path: Path, result: str = "test") -> Finished:
    """result: test, or the name of what `recsys evaluate` kept.

    Raises UserError for a damaged run, for one that is not finished, and for one without this result.
    """
    record = read_record(path)
    if record["status"] != "finished" or (content := read_result(path, result)) is None:
        raise UserError(
            f"{path} has no result {result}.json; its training is: {record['status']}. Go on with recsys train "
            f"resume={path}, or make one by recsys evaluate run={path} name={result}."
        )
    return Finished(path, OmegaConf.create(read_settings(path)), record, content)
