"""``recsys COMMAND ...``: finds the command, composes its config, runs it; imports nothing heavy itself."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NamedTuple

from data_prep.errors import UserError, nearest
from recsys_cli.execute import INTERRUPTED, USER_ERROR, crash, execute
from recsys_cli.output import lasting


class Command(NamedTuple):
    """function(cfg) runs one job and may return an exit code; without a config it gets the raw words.

    composes: it has configs and options as the others, and composes of its words what it needs itself.
    """

    help: str
    module: str
    function: str = "main"
    has_config: bool = True
    composes: bool = False


COMMANDS = {
    "train": Command("train a model and score it once", "recsys_cli.commands.train"),
    "sweep": Command("search the settings of models by validation", "recsys_cli.commands.sweep", composes=True),
    "evaluate": Command("score a trained run again, or otherwise", "recsys_cli.commands.evaluate"),
    "recommend": Command("write the best items of each user", "recsys_cli.commands.recommend"),
    "export": Command("write what a trained model has learnt, for other programs", "recsys_cli.commands.export"),
    "inspect": Command("show how a trained model comes to its scores", "recsys_cli.commands.inspect"),
    "unlearn": Command("make a trained run forget rows, exactly", "recsys_cli.commands.unlearn"),
    "stream": Command("serve requests to forget as they come in, by several ways", "recsys_cli.commands.stream"),
    "audit": Command("test whether a run still knows what it forgot", "recsys_cli.commands.audit"),
    "map": Command("show where what comes from the people of a run lies", "recsys_cli.commands.map"),
    "requests": Command("show which requests to forget are due and done", "recsys_cli.commands.requests"),
    "runs": Command("list runs by what they are and reached", "recsys_cli.commands.runs", has_config=False),
    "report": Command("write one page about a run, or about a folder of runs", "recsys_cli.commands.report"),
    "compare": Command("test runs against each other", "recsys_cli.commands.compare", has_config=False),
    "prepare": Command("read, split, check and cache a data set", "recsys_cli.commands.prepare"),
    "deletions": Command("measure what forgetting costs in a run", "recsys_cli.commands.deletions"),
    "reproduce": Command("make a table or figure of the papers from its runs", "recsys_cli.commands.reproduce"),
    "doctor": Command("show versions, devices, and what each data set lacks", "recsys_cli.commands.doctor"),
    "completion": Command("print completion for a shell", "recsys_cli.completion", has_config=False),
}

OF_UNLEARN = ("stream", "audit", "map", "requests")  # also written as `recsys unlearn stream`


def spoken(argv: list[str]) -> list[str]:
    """The words with the command first: `unlearn stream` is the command `stream`."""
    return argv[1:] if argv[:1] == ["unlearn"] and argv[1:2] and argv[1] in OF_UNLEARN else argv


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0 done, 2 something the user can mend, 130 interrupted, 1 anything else."""
    with lasting() as output:
        code = _main(argv)
        sys.stdout.flush()
    if output.lost and not code:
        print(f"recsys: error: cannot write to the standard output: {output.lost}", file=sys.stderr)
        return USER_ERROR
    return code


def _main(argv: list[str] | None) -> int:
    for name in [n for n, value in os.environ.items() if n.startswith("RECSYS_") and not value]:
        del os.environ[name]  # set but empty counts as not set
    try:
        return _dispatch(sys.argv[1:] if argv is None else argv)
    except UserError as error:
        print(f"recsys: error: {error}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("recsys: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        return crash(error, None)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        from recsys_cli.help import overview

        print(overview({name: command.help for name, command in COMMANDS.items()}))
        return 0
    if argv[0] == "--version":
        from recsys_cli.help import version

        print(f"recsys {version()}")
        return 0
    name, *words = spoken(argv)
    if name not in COMMANDS:
        raise UserError(f"unknown command '{name}'.{nearest(name, COMMANDS)}")
    if not COMMANDS[name].has_config:
        return _function(name)(words) or 0
    return _application(name, words)


def _application(name: str, argv: list[str]) -> int:
    from recsys_cli.config.library import CONFIG_DIR_VARIABLE, library
    from recsys_cli.config.overrides import refuse_options, refuse_options_of_hydra, switched_on
    from recsys_cli.options import options_of

    refuse_options_of_hydra(argv)
    options, words = options_of(argv, name)
    if options.config_dir:
        # In the environment it also reaches what composes configs later: doctor, and processes that we start.
        os.environ[CONFIG_DIR_VARIABLE] = options.config_dir
    configs = library()
    if options.help:
        from recsys_cli.help import command_help

        print(command_help(name, configs, words))
        return 0
    refuse_options(words, name, configs)
    words = switched_on(words, name, configs)
    from recsys_cli.config.compose import compose, jobs
    from recsys_cli.jobs.multirun import multirun, taken

    composes = COMMANDS[name].composes
    settings, launcher, words = taken(words, options.multirun, configs.values(name))
    if composes and options.multirun:
        raise UserError(f"recsys {name} runs several jobs by itself: leave out --multirun")
    if composes and not options.cfg:
        return execute(_function(name), words)
    if composes:
        todo = import_module(COMMANDS[name].module).configs(words)
    elif options.multirun:
        todo = jobs(name, words, configs, partial=bool(options.cfg))
    else:
        todo = [(words, compose(name, words, configs, partial=bool(options.cfg)))]
    if options.cfg:
        from omegaconf import OmegaConf

        print("---\n".join(OmegaConf.to_yaml(cfg, resolve=options.resolve) for _, cfg in todo), end="")
        return 0
    if not options.multirun:
        return execute(_function(name), todo[0][1])
    from recsys_cli.jobs.job import Job

    return multirun([Job(job, cfg, name) for job, cfg in todo], settings, launcher)


def _function(name: str):
    command = COMMANDS[name]
    return getattr(import_module(command.module), command.function)


if __name__ == "__main__":
    sys.exit(main())
