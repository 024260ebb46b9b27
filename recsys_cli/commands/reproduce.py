"""`recsys reproduce`: a table or a figure of the papers from its runs, making those that are not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.kinds import listed, matching, or_null
from data_prep.settings import Settings, field

NAMES = or_null(listed(matching(r".+", "a name")))


@dataclass(frozen=True)
class ReproduceSettings(Settings):
    list: bool = field(False, "show all tables and figures: what is done, what can run, what is missing")
    plan: bool = field(False, "show which runs it needs and how long they take; train nothing")
    data: Any = field(None, "only runs on these data sets, such as [beibei]; null: all", kind=NAMES)
    models: Any = field(None, "only runs of these models or rows, such as [enmf,ehcf]; null: all", kind=NAMES)
    seeds: int | None = field(None, "runs of every row that draws; null: as the table says", low=1)
    budget: str | None = field(
        None, "stop after this time; null: when all is done", pattern=(r"\d+(\.\d+)?(s|m|h|d)", "a time such as 30m or 2h")
    )
    jobs: int = field(1, "runs at the same time", low=1)
    runs_dir: str = field("runs", "where runs are looked for, however deep, and made")
    output: str = field("results", "the folder of tables/ and figures/")


def main(config: DictConfig) -> int:
    raise UserError("not yet")
