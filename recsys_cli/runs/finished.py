"""All finished runs below some folders, for tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from recsys_cli.runs.config import CONFIG, read_settings
from recsys_cli.runs.kept import read_result
from recsys_cli.runs.record import read_record


class Finished(NamedTuple):
    """result: of the .json file that was asked for."""

    path: Path
    config: DictConfig
    record: dict[str, Any]
    result: dict[str, Any]


def finished(folders: Iterable[Path], result: str = "test") -> Iterator[Finished]:
    """Finished runs directly below the folders that have this result, in the order of their paths.

    result: test, or the name of what `recsys evaluate` kept. Raises UserError for a damaged run.
    """
    for path in sorted({config.parent for folder in folders for config in Path(folder).glob(f"*/{CONFIG}")}):
        if found := read_finished(path, result):
            yield found


def read_finished(path: Path, result: str = "test") -> Finished | None:
    """One run; None where it is not finished, or has no such result."""
    record = read_record(path)
    if record["status"] != "finished" or (content := read_result(path, result)) is None:
        return None
    return Finished(path, OmegaConf.create(read_settings(path)), record, content)
