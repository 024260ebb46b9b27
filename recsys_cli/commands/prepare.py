"""``recsys prepare``: raw files into the cache, and what a reader should know about them on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys_cli.text import wrapped

if TYPE_CHECKING:
    from omegaconf import DictConfig


def main(cfg: DictConfig) -> None:
    """Raises UserError where files are missing or malformed."""
    from data_prep.prepare import prepare
    from data_prep.statistics import format_report
    from data_prep.store import read_manifest

    directory = prepare(cfg.data)
    for line in format_report(read_manifest(directory)).splitlines():
        print(wrapped(line, 4))
    print(f"prepared data set: {directory}")
