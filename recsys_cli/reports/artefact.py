"""The folder that a reviewer of artefacts asks for, of one run; that of a table: experiments/artefact.py."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.reports.checklist import answers, as_markdown
from recsys_cli.reports.claim import script
from recsys_cli.reports.crate import NAME, files_of, ro_crate
from recsys_cli.reports.croissant import croissant
from recsys_cli.reports.run_facts import RunFacts

CLAIM = "claim.sh"


def folder_of(out: str) -> Path:
    """Beside the page. Raises UserError where there is one already."""
    folder = Path(out).with_suffix("").with_name(f"{Path(out).stem}-artefact")
    if folder.exists():
        raise UserError(f"{folder} exists: remove it, or choose another out=.")
    return folder


def run_artefact(found: RunFacts, html: str) -> dict[str, bytes]:
    """By the places of the files."""
    run = found.run
    files = {
        "report.html": html.encode(),
        "checklist.md": as_markdown(answers(found)).encode(),
        CLAIM: script(found).encode(),
        **({"croissant.json": as_json(croissant(found.manifest))} if found.manifest else {}),
        **files_of(run.path),
    }
    name = f"{run.config.model.name} on {run.config.data.name}"
    about = f"One training of {name}, seed {run.config.seed}."
    return files | {NAME: as_json(ro_crate(name, about, files, {"": run}))}


def write_artefact(folder: Path, files: Mapping[str, bytes]) -> None:
    """All of it or nothing."""
    try:
        folder.mkdir()
        for name, payload in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(folder / name, payload)
        (folder / CLAIM).chmod(0o755)
    except (OSError, UserError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"cannot write {folder}: {getattr(error, 'strerror', None) or error}") from None


def as_json(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
