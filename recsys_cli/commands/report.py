"""`recsys report`: one HTML page of a run, or of all runs of a folder, and what a reviewer of artefacts asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable, read_file, write_file
from data_prep.settings import MANDATORY, Settings, field


@dataclass(frozen=True)
class ReportSettings(Settings):
    run: str = field(MANDATORY, "a run directory, or a folder with run directories in it")
    out: str = field("report.html", "the page", pattern=(r".*\.html?", "a file name that ends in .html"))
    result: str = field("test", "validation, or the name of what recsys evaluate kept")
    lists: bool = field(
        True, "of one run: score it again, to say what its lists are like (needs its checkpoint and data)"
    )
    artefact: bool = field(
        False,
        "of one run: also a folder OUT-artefact with checklist, script, Croissant and RO-Crate, and the run's files",
    )


def main(config: DictConfig) -> int:
    from recsys_cli.reports.defaults import shell
    from recsys_cli.runs.found import is_run, runs_below

    path = Path(config.run).expanduser()
    check_writable(config.out, "out")
    folder = Path(config.out).with_suffix("").with_name(f"{Path(config.out).stem}-artefact")
    made_by = shell(["recsys", "report", f"run={config.run}", f"out={config.out}"])
    if not is_run(path):
        if config.artefact:
            raise UserError(f"artefact=true is of one run, and {path} is none: name a run directory.")
        runs = runs_below(path)
        if not runs:
            raise UserError(f"{path} holds no run directory: `recsys train` prints where a run lies.")
        from recsys_cli.reports.folder_page import folder_page

        write_file(config.out, folder_page(path, runs, config.result, made_by).encode())
        print(f"{len(runs)} runs, page: {config.out}")
        return 0
    if config.artefact and folder.exists():
        raise UserError(f"{folder} exists: remove it, or choose another out=.")
    take_up: Callable[[str], Any] | None = None
    if config.lists:
        from recsys_cli.training.device import set_up_device

        set_up_device(config.device)
        from recsys_cli.use.trained import open_trained

        take_up = open_trained
    from recsys_cli.reports.run_facts import gather
    from recsys_cli.reports.run_page import run_page

    found = gather(path, config.result, take_up)
    html = run_page(found, made_by)
    write_file(config.out, html.encode())
    for sentence in found.missing:
        print(f"note: {sentence}")
    print(f"page: {config.out}")
    if config.artefact:
        _write_artefact(folder, found, html)
        print(f"artefact: {folder}")
    return 0


def _write_artefact(folder: Path, found, html: str) -> None:
    from recsys_cli.reports.checklist import as_markdown
    from recsys_cli.reports.claim import script
    from recsys_cli.reports.crate import FILES, croissant, ro_crate

    run = found.run
    files = {
        "report.html": html.encode(),
        "checklist.md": as_markdown(found).encode(),
        "claim.sh": script(found).encode(),
        "ro-crate-metadata.json": _json(ro_crate(run, f"{run.config.model.name} on {run.config.data.name}")),
        **({"croissant.json": _json(croissant(found.manifest))} if found.manifest else {}),
        **{name: read_file(run.path / name) for name in FILES if (run.path / name).is_file()},
    }
    try:
        folder.mkdir()
        for name, payload in files.items():
            write_file(folder / name, payload)
        (folder / "claim.sh").chmod(0o755)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"cannot write {folder}: {error.strerror}.") from None


def _json(content) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
