"""What has to be known of a data set before runs on it stand in one table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from data_prep.errors import UserError
from data_prep.settings import plain

IDS = ("user_ids", "item_ids")


class Facts(NamedTuple):
    """directory: of the prepared data. content: hash of everything in it. ranked: hash of what is ranked: ids, the
    target's training pairs, the held-out pairs. Two runs are compared where `ranked` is the same, whatever else the
    models see."""

    directory: str
    content: str
    ranked: str
    behaviours: tuple[str, ...]
    target: str
    statistics: Mapping[str, Any]
    sizes: Mapping[str, Any]
    fields: Mapping[str, Any]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


class FactsOf:
    """Remembers what it has read, and what could not be had; data that is not prepared yet is."""

    def __init__(self) -> None:
        self._found: dict[str, Facts | UserError] = {}

    def __call__(self, data_cfg: Mapping[str, Any], fetch: bool) -> Facts:
        """fetch: download what is missing. Raises UserError for data that is not to be had."""
        key = json.dumps(plain(data_cfg), sort_keys=True, default=str)
        if key not in self._found:
            if not fetch:
                _refuse_download(data_cfg)
            try:
                self._found[key] = _read(data_cfg)
            except UserError as error:
                self._found[key] = error
        found = self._found[key]
        if isinstance(found, UserError):
            raise found
        return found


def missing_files(data_cfg: Mapping[str, Any]) -> list[str]:
    """Raw files that are not on this machine, whether they can be downloaded or not."""
    from data_prep.sources import raw_status

    return [file for file, path, _ in raw_status(data_cfg) if path is None]


def _refuse_download(data_cfg: Mapping[str, Any]) -> None:
    """Raises UserError where a download would be tried."""
    from data_prep.sources import raw_status

    if urls := [url for _, path, url in raw_status(data_cfg) if path is None and url]:
        raise UserError(
            f"{', '.join(missing_files(data_cfg))} is not on this machine; it is downloaded once a table with these data is "
            f"made, from {', '.join(urls)}."
        )


def _read(data_cfg: Mapping[str, Any]) -> Facts:
    from data_prep.prepare import prepare
    from data_prep.store import read_manifest

    directory = prepare(data_cfg)
    manifest = read_manifest(directory)
    target = manifest["target"]
    ranked = {
        name: entry["sha256"]
        for name, entry in manifest["arrays"].items()
        if name in IDS or name.startswith(("test.", f"train.{target}."))
    }
    return Facts(
        str(directory),
        manifest["content_hash"],
        hashlib.sha256(json.dumps(ranked, sort_keys=True).encode()).hexdigest(),
        tuple(manifest["behaviours"]),
        target,
        manifest["statistics"],
        manifest["sizes"],
        manifest["fields"],
        tuple(manifest["warnings"]),
        tuple(manifest["notes"]),
    )
