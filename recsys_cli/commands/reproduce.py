"""`recsys reproduce`: a table or a figure of the papers from its runs, making those that are not there yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
        None, "stop after this time; null: when all is done", pattern=(r"\d+(\.\d+)?[smhd]", "a time such as 30m or 2h")
    )
    jobs: int = field(1, "runs at the same time", low=1)
    runs_dir: str = field("runs", "where runs are looked for, however deep, and made")
    output: str = field("results", "the folder of tables/ and figures/")


def main(config: DictConfig) -> int:
    from recsys_cli.config.library import library
    from recsys_cli.experiments.show import list_lines
    from recsys_cli.experiments.states import states

    chosen = [(group, config[group].name) for group in ("table", "figure") if config[group].name]
    if config.list:
        print("\n".join(list_lines(states(library(), config.output))))
        return 0
    if len(chosen) != 1:
        raise UserError(
            "name one table or figure, such as table=4.11; recsys reproduce list shows them all."
            if not chosen
            else "one table or figure at a time: leave out table or figure, or use --multirun for several tables."
        )
    return _reproduce(config, *chosen[0])


def _reproduce(config: DictConfig, group: str, name: str) -> int:
    from recsys_cli.config.library import library
    from recsys_cli.experiments.assemble import assemble, needs_runs
    from recsys_cli.experiments.plan import chosen
    from recsys_cli.experiments.planner import Planner
    from recsys_cli.experiments.show import made_lines, plan_lines
    from recsys_cli.experiments.spec import read
    from recsys_cli.experiments.write import FOLDERS, check_output, stem_of

    configs = library()
    experiment = read(group, name, configs)
    if not needs_runs(experiment) and (config.data or config.models):
        raise UserError(f"{experiment.word} counts data sets and trains nothing: leave out data and models.")
    stem = stem_of(experiment, config.output)
    if not config.plan:
        check_output(stem)
    print(f"{experiment.word}: {experiment.settings.title}", flush=True)
    asked = set(config.data or ())
    planner = Planner(
        configs,
        Path(config.runs_dir).expanduser(),
        config.seeds,
        lambda source: not config.plan and (not asked or bool(asked & {source.id, source.title})),
        Path(config.output).expanduser() / FOLDERS["table"],
    )
    plan = planner.plan(experiment)
    jobs = chosen(plan.jobs, config.data, config.models) if needs_runs(experiment) else []
    print("\n".join(plan_lines(plan, jobs, config.jobs, config.budget)), flush=True)
    if config.plan:
        return 0
    code = _make(config, planner, experiment, jobs) if jobs else 0
    made = assemble(planner.plan(experiment), configs, stem)
    print("\n".join(made_lines(made)))
    return code


def _make(config: DictConfig, planner, experiment, jobs) -> int:
    """Makes what is to be made; an exit code."""
    from recsys_cli.experiments.budget import Budget, seconds_of
    from recsys_cli.experiments.followups import wanted
    from recsys_cli.experiments.making import follow_up, train
    from recsys_cli.experiments.plan import chosen, in_order
    from recsys_cli.jobs import exit_code

    budget = Budget(seconds_of(config.budget))
    outcomes = train(in_order(jobs), config.jobs, budget, planner.runs_dir)
    for name in wanted(experiment):
        if not any(outcome.status == "interrupted" for outcome in outcomes):
            there = chosen(planner.plan(experiment).jobs, config.data, config.models)
            outcomes += follow_up(experiment, name, there, config.jobs, budget, planner.library)
    if budget.left_out:
        print(f"{budget.left_out} runs do not fit into budget={config.budget}: the same command goes on with them.")
    return exit_code(outcomes)
