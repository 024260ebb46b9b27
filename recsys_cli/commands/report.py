"""`recsys report`: one HTML page of a run, a folder of runs or a table, and what a reviewer of artefacts asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable, write_file
from data_prep.settings import Settings, field


@dataclass(frozen=True)
class ReportSettings(Settings):
    run: str | None = field(None, "a run directory, or a folder with run directories in it")
    out: str = field("report.html", "the page", pattern=(r".*\.html?", "a file name that ends in .html"))
    result: str = field("test", "validation, or the name of what recsys evaluate kept")
    lists: bool = field(
        True, "of one run: score it again, to say what its lists are like (needs its checkpoint and data)"
    )
    runs_dir: str = field("runs", "of a table: where its runs lie, however deep")
    artefact: bool = field(
        False,
        "of one run or a table: also a folder OUT-artefact with checklist, script, Croissant and RO-Crate, and the files of "
        "the runs",
    )


def main(config: DictConfig) -> int:
    from recsys_cli.runs.found import is_run

    if bool(config.run) == bool(config.table.name):
        raise UserError("name a run, a folder of runs or a table: run=runs/RUN, run=runs or table=4.11.")
    check_writable(config.out, "out")
    if config.table.name:
        return _table(config)
    return _one(config) if is_run(Path(config.run).expanduser()) else _folder(config)


def _folder(config: DictConfig) -> int:
    from recsys_cli.reports.folder_page import folder_page
    from recsys_cli.runs.found import runs_below

    path = Path(config.run).expanduser()
    if config.artefact:
        raise UserError(f"artefact=true is of one run or a table, and {path} is no run: name one.")
    runs = runs_below(path)
    if not runs:
        raise UserError(f"{path} holds no run directory: `recsys train` prints where a run lies.")
    write_file(config.out, folder_page(path, runs, config.result, _made_by(config)).encode())
    print(f"{len(runs)} runs, page: {config.out}")
    return 0


def _one(config: DictConfig) -> int:
    from recsys_cli.reports.artefact import folder_of, run_artefact, write_artefact

    folder = folder_of(config.out) if config.artefact else None
    take_up: Callable[[str], Any] | None = None
    if config.lists:
        from recsys_cli.training.device import set_up_device

        set_up_device(config.device)
        from recsys_cli.use.trained import open_trained

        take_up = open_trained
    from recsys_cli.reports.run_facts import gather
    from recsys_cli.reports.run_page import run_page

    found = gather(Path(config.run).expanduser(), config.result, take_up)
    html = run_page(found, _made_by(config))
    write_file(config.out, html.encode())
    for sentence in found.missing:
        print(f"note: {sentence}")
    print(f"page: {config.out}")
    if folder:
        write_artefact(folder, run_artefact(found, html))
        print(f"artefact: {folder}")
    return 0


def _table(config: DictConfig) -> int:
    """From the runs that are there; `recsys reproduce` trains those that are not."""
    from recsys_cli.config.library import library
    from recsys_cli.experiments.artefact import table_artefact
    from recsys_cli.experiments.assemble import made, needs_runs
    from recsys_cli.experiments.planner import Planner
    from recsys_cli.experiments.spec import read
    from recsys_cli.reports.artefact import folder_of, write_artefact

    folder = folder_of(config.out) if config.artefact else None
    configs = library()
    plan = Planner(configs, Path(config.runs_dir).expanduser()).plan(read("table", config.table.name, configs))
    if needs_runs(plan.experiment) and not any(job.found for job in plan.jobs):
        raise UserError(
            f"no run of table={config.table.name} lies below {config.runs_dir}: recsys reproduce table={config.table.name} "
            "makes them, with plan=true it says what is there."
        )
    found = made(plan, configs)
    write_file(config.out, found.document.html().encode())
    print(f"page: {config.out}")
    if folder:
        write_artefact(folder, table_artefact(plan, found))
        print(f"artefact: {folder}")
    return 0


def _made_by(config: DictConfig) -> str:
    from recsys_cli.reports.defaults import shell

    return shell(["recsys", "report", f"run={config.run}", f"out={config.out}"])
