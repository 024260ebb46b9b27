"""`recsys inspect`: what a trained model has to tell of how it comes to its scores, with raw ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable
from data_prep.settings import MANDATORY, Settings, field
from recsys_cli.data.tables import TABLE

LONGEST = 40  # rows of a table on the screen
IDS = {"user": "user_ids", "friend": "user_ids", "item": "item_ids"}


@dataclass(frozen=True)
class InspectSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    users: list[int | str] = field(["all"], "raw ids such as [17,42]; all")
    table: str | None = field(None, "which table to write into output; null: the first")
    output: str | None = field(None, "a file for the whole table", pattern=TABLE)


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.data.tables import write_table
    from recsys_cli.text import format_table
    from recsys_cli.use.people import users_of
    from recsys_cli.use.trained import open_trained

    if config.output:
        check_writable(config.output, "output")
    trained = open_trained(config.run)
    wanted = "all" if list(config.users) == ["all"] else list(config.users)
    tables = trained.model.explain(users_of(wanted, trained.dataset.user_ids))
    if not tables:
        raise UserError(
            f"{config.run} is a model of {trained.config.model.name}, which has nothing to tell beyond its scores; "
            f"recsys recommend run={config.run} writes these."
        )
    raw = {name: _with_raw_ids(columns, trained.dataset) for name, columns in tables.items()}
    chosen = config.table or next(iter(raw))
    if chosen not in raw:
        raise UserError(f"table={chosen}: this model has the tables {', '.join(raw)}.")
    for name, columns in raw.items():
        rows = list(zip(*([_shown(value) for value in column[:LONGEST]] for column in columns.values())))
        print(f"\n{name}\n{format_table(list(columns), rows)}")
        length = len(next(iter(columns.values())))
        if length > LONGEST:
            print(f"... and {length - LONGEST:,} more rows: output=FILE.csv table={name} writes all")
    if config.output:
        write_table(config.output, raw[chosen])
        print(f"{chosen} written to {config.output}")
    return 0


def _with_raw_ids(columns, dataset) -> dict[str, np.ndarray]:
    return {k: np.asarray(getattr(dataset, IDS[k]))[v] if k in IDS else np.asarray(v) for k, v in columns.items()}


def _shown(value) -> str:
    return f"{value:.4f}" if isinstance(value, float | np.floating) else str(value)
