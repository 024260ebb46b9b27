"""`recsys unlearn requests`: the register of what was asked to be forgotten, of a run or of all runs of a folder."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.settings import MANDATORY, Settings, field

CSV = (r".*\.csv", "a file name that ends in .csv")


@dataclass(frozen=True)
class RequestsSettings(Settings):
    run: str = field(MANDATORY, "a run that can forget, or a folder with such runs in it")
    due_days: int = field(30, "days in which a request has to be carried out", low=0)
    out: str | None = field(None, "the register as a table", pattern=CSV)


def main(config: DictConfig) -> int:
    from datetime import datetime, timezone
    from pathlib import Path

    from recsys_cli.training.device import import_tensorflow

    import_tensorflow()  # first, and so without its greetings
    from data_prep.files import check_writable, write_file
    from recsys_cli.datamap.register import DAMAGED, OVERDUE, as_csv, as_text, register
    from recsys_cli.runs.config import read_settings
    from recsys_cli.runs.found import named_runs
    from recsys_cli.unlearning.opening import method_of

    if config.out:
        check_writable(config.out, "out")
    runs = [run for run in named_runs([Path(config.run).expanduser()]) if method_of(read_settings(run)) != "none"]
    if not runs:
        raise UserError(f"run={config.run}: no run there can forget, so that none has requests (unlearning=none).")
    entries = register(runs, config.due_days, datetime.now(timezone.utc))
    print(as_text(entries) if entries else f"no requests in {len(runs)} runs")
    if config.out:
        write_file(config.out, as_csv(entries))
        print(f"register: {config.out}")
    wrong = sum(entry.outcome in (OVERDUE, DAMAGED) for entry in entries)
    if wrong:
        print(f"{wrong} requests are overdue or damaged")
    return 1 if wrong else 0
