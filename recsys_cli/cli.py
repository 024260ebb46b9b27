"""``recsys COMMAND ...``: finds the command, composes its config, runs it; imports nothing heavy itself."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from data_prep.errors import UserError, nearest
from data_prep.files import write_file
from recsys_cli.output import lasting

if TYPE_CHECKING:
    from omegaconf import DictConfig


class Command(NamedTuple):
    """function(cfg) runs one job and may return an exit code; without a config it gets the raw words."""

    help: str
    module: str
    function: str = "main"
    has_config: bool = True


COMMANDS = {
    "train": Command("train a model and score it once", "recsys_cli.commands.train"),
    "evaluate": Command("score a trained run again, or otherwise", "recsys_cli.commands.evaluate"),
    "recommend": Command("write the best items of each user", "recsys_cli.commands.recommend"),
    "inspect": Command("show how a trained model comes to its scores", "recsys_cli.commands.inspect"),
    "unlearn": Command("make a trained run forget rows, exactly", "recsys_cli.commands.unlearn"),
    "runs": Command("list runs by what they are and reached", "recsys_cli.commands.runs", has_config=False),
    "compare": Command("test runs against each other", "recsys_cli.commands.compare", has_config=False),
    "prepare": Command("read, split, check and cache a data set", "recsys_cli.commands.prepare"),
    "doctor": Command("show versions, devices, and what each data set lacks", "recsys_cli.commands.doctor"),
    "completion": Command("print completion for a shell", "recsys_cli.completion", has_config=False),
}

USER_ERROR, CRASH, INTERRUPTED = 2, 1, 130
SIGNALLED = 128  # codes above it: 128 and the number of the signal


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
        return _crash(error, None)


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        from recsys_cli.help import overview

        print(overview({name: command.help for name, command in COMMANDS.items()}))
        return 0
    if argv[0] == "--version":
        from recsys_cli.help import version

        print(f"recsys {version()}")
        return 0
    name, words = argv[0], argv[1:]
    if name not in COMMANDS:
        raise UserError(f"unknown command '{name}'.{nearest(name, COMMANDS)}")
    if not COMMANDS[name].has_config:
        return _function(name)(words) or 0
    return _application(name, words)


def _application(name: str, argv: list[str]) -> int:
    from recsys_cli.config.library import CONFIG_DIR_VARIABLE, library
    from recsys_cli.config.overrides import refuse_options, refuse_options_of_hydra, switched_on

    refuse_options_of_hydra(argv)  # before -cn is read as -c n
    options, words = _options(name).parse_known_args(argv)
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

    if options.multirun:
        todo = jobs(name, words, configs, partial=bool(options.cfg))
    else:
        todo = [(words, compose(name, words, configs, partial=bool(options.cfg)))]
    if options.cfg:
        from omegaconf import OmegaConf

        print("---\n".join(OmegaConf.to_yaml(cfg, resolve=options.resolve) for _, cfg in todo), end="")
        return 0
    if not options.multirun:
        return _execute(name, todo[0][1])
    return _execute_all(name, todo)


def _execute_all(name: str, todo: list[tuple[list[str], DictConfig]]) -> int:
    """One job after the other, those that fail as well; 0 where all went well, else the code of the first that did not.

    Ctrl-C, and a signal that a job has answered by saving and stopping, end them all.
    """
    from recsys_cli.multirun import Outcome, already_there, summary
    from recsys_cli.runs.environment import reset_peak_memory

    outcomes: list[Outcome] = []
    codes: list[int] = []
    for number, (words, cfg) in enumerate(todo, 1):
        title = f"job {number} of {len(todo)}: recsys {name} {' '.join(words)}"
        if max(codes, default=0) > SIGNALLED:
            outcomes.append(Outcome(words, "not run"))
            continue
        began, there = time.perf_counter(), already_there(cfg) if name == "train" else None
        print(f"[{title}]" + (f"\nalready there: {there}" if there else ""), flush=True)
        reset_peak_memory()
        codes.append(0 if there else _execute_one(name, cfg, title))
        status = "already there" if there else _status(codes[-1])
        seconds, run_dir = time.perf_counter() - began, there or cfg.get("run_dir")
        outcomes.append(
            Outcome(words, status, seconds, run_dir and str(run_dir), cfg.get("trainer", {}).get("monitor"))
        )
    print("\n" + summary(outcomes))
    return next((code for code in codes if code), 0)


def _status(code: int) -> str:
    return "finished" if not code else "interrupted" if code > SIGNALLED else "failed"


def _execute_one(name: str, cfg: DictConfig, title: str) -> int:
    """As `_execute`, but whatever goes wrong is said and answered with a code."""
    try:
        code = _execute(name, cfg)
    except UserError as error:
        print(f"recsys: error: {error} (in {title})", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("recsys: interrupted", file=sys.stderr)
        return INTERRUPTED
    if code:
        print(f"recsys: failed in {title}", file=sys.stderr)
    return code


def _options(name: str) -> argparse.ArgumentParser:
    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UserError(f"{message} (see recsys {name} --help)")

    parser = Parser(prog=f"recsys {name}", add_help=False, allow_abbrev=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("-c", "--cfg", choices=("job",))
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--config-dir")
    return parser


def _execute(name: str, cfg: DictConfig) -> int:
    try:
        return _function(name)(cfg) or 0
    except UserError:
        raise
    except Exception as error:
        return _crash(error, cfg.get("run_dir"))


def _function(name: str):
    command = COMMANDS[name]
    return getattr(import_module(command.module), command.function)


def _crash(error: Exception, run_dir: str | None) -> int:
    """One line for the person, the traceback for a file: in the run directory once the command has set it."""
    text = "".join(traceback.format_exception(error))
    if run_dir and Path(run_dir).is_dir():
        log = Path(run_dir) / "error.log"
    else:
        handle, path = tempfile.mkstemp(prefix="recsys-", suffix=".log")
        os.close(handle)
        log = Path(path)
    write_file(log, text.encode())
    if os.environ.get("RECSYS_TRACEBACK") or os.environ.get("HYDRA_FULL_ERROR"):
        print(text, file=sys.stderr, end="")
    reason = " ".join(str(error).split())[:300]
    print(f"recsys: failed: {type(error).__name__}: {reason}", file=sys.stderr)
    print(f"recsys: the full report is in {log}", file=sys.stderr)
    return CRASH


if __name__ == "__main__":
    sys.exit(main())
