"""What ``--help`` and ``--version`` print, from the config files alone."""

from __future__ import annotations

from string import Template

from recsys_cli.config.library import Library
from recsys_cli.config.overrides import shown

OVERVIEW = Template("""\
recsys: train, evaluate and compare recommender models

Usage: recsys COMMAND [key=value ...] [options]

Commands
$commands

recsys COMMAND --help shows the settings and examples of a command; recsys --version the version.
Start with: recsys train""")

COMMAND = Template("""\
$header

Usage: $app_name [key=value ...] [options]

$groups$settings
Options
  --cfg job         print the config and stop (--resolve: with references filled in)
  --multirun, -m    run every combination of values given as key=a,b
  --config-dir DIR  a folder of your own configs, such as DIR/model/mine.yaml (or set RECSYS_CONFIG_DIR)
  --help, -h        this text

$footer""")


def overview(commands: dict[str, str]) -> str:
    """commands: name -> one line."""
    return OVERVIEW.substitute(commands="\n".join(f"  {name:<12}{text}" for name, text in commands.items()))


def command_help(command: str, library: Library) -> str:
    """Fills the template with the ``hydra.help`` node of the command's root config."""
    root = library.load(command)
    groups = [_group(g, choice, library) for g, choice in library.defaults(command).items() if g != "tuned"]
    own = [f"  {key}={shown(value)}" for key, value in library.values(command, {}).items() if "." not in key]
    return COMMAND.substitute(
        root["hydra"]["help"],
        groups="Groups (GROUP=CHOICE, default first)\n" + "\n".join(groups) + "\n\n" if groups else "",
        settings="Settings (those inside groups: see --cfg job)\n" + "\n".join(own) + "\n" if own else "",
        footer=root["hydra"]["help"]["footer"].rstrip(),
    )


def _group(name: str, default: str | None, library: Library) -> str:
    others = [c for c in library.choices(name) if c != default]
    return f"  {name:<12}" + ", ".join([default or "(none)", *others])


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("recsys")
    except PackageNotFoundError:
        return "(not installed)"
