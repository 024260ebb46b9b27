"""Where tables and figures are written: RESULTS/tables/NAME.csv, .md and .html, RESULTS/figures/NAME..., all at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.experiments.spec import Experiment

FOLDERS = {"table": "tables", "figure": "figures"}
ADVICE = "All runs are kept: free space, or choose another place with output=..., and call again."


def stem_of(experiment: Experiment, output: str) -> Path:
    return Path(output).expanduser() / FOLDERS[experiment.group] / experiment.name


def check_output(stem: Path) -> None:
    """Raises UserError, before anything is computed, where nothing could be written in the end."""
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        probe = stem.with_name(f".{stem.name}.probe")
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"cannot write into {stem.parent}: {error.strerror}. Choose another place with output=..."
        ) from None


def with_ending(stem: Path, ending: str) -> Path:
    """Path.with_suffix would take the 11 of 4.11 for an ending."""
    return stem.with_name(f"{stem.name}.{ending}")


def write(stem: Path, ending: str, payload: str | bytes) -> Path:
    path = with_ending(stem, ending)
    write_file(path, payload.encode() if isinstance(payload, str) else payload, advice=ADVICE)
    return path


def csv_text(lines: Sequence[Mapping[str, str]]) -> str:
    if not lines:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()
