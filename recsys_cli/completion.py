"""``recsys completion bash|zsh|fish``: a script, which asks ``recsys completion query LINE`` back."""

from __future__ import annotations

import shlex
from pathlib import Path

from data_prep.errors import UserError, nearest
from recsys_cli.config.check import fixed, kind_of
from recsys_cli.config.library import Library, library, shipped

OPTIONS = ("--cfg", "--resolve", "--multirun", "--config-dir", "--help")
RUN_KEYS = ("run", "resume")

BASH = """\
_recsys() {
    local reply typed="${COMP_LINE:0:COMP_POINT}" split=""
    typed="${typed##* }"
    # bash takes "=" as the border of a word: what stands before it must not be given again.
    [[ $COMP_WORDBREAKS == *=* && $typed == *=* ]] && split="${typed%=*}="
    COMPREPLY=()
    while IFS= read -r reply; do
        [[ $reply == *[=./] ]] || reply+=" "
        COMPREPLY+=("${reply#"$split"}")
    done < <(recsys completion query "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -o default -F _recsys recsys
"""

ZSH = """\
#compdef recsys
_recsys() {
    local -a replies
    replies=(${(f)"$(recsys completion query "${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
    (( $#replies )) || { _files; return }
    compadd -S '' -- ${(M)replies:#*[=./]}
    compadd -- ${replies:#*[=./]}
}
compdef _recsys recsys
"""

FISH = """\
complete -c recsys -f -a '(recsys completion query (commandline -cp | string collect --no-trim-newlines))'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

HELP = """\
Print a script that completes commands, groups, choices and keys by TAB.

Usage: recsys completion bash|zsh|fish

Examples
  eval "$(recsys completion bash)"         for this shell
  recsys completion bash >> ~/.bashrc      for every shell
  recsys completion zsh >> ~/.zshrc        after compinit
  recsys completion fish > ~/.config/fish/completions/recsys.fish"""


def main(words: list[str]) -> None:
    """words: a shell, or ``query LINE`` with the line typed so far, from the name of the program on."""
    if words[:1] == ["query"]:
        print("\n".join(complete(*_split(" ".join(words[1:])))))
    elif words[:1] in (["--help"], ["-h"]):
        print(HELP)
    elif len(words) == 1 and words[0] in SCRIPTS:
        print(SCRIPTS[words[0]], end="")
    else:
        hint = nearest(words[0], SCRIPTS) if words else ""
        raise UserError(f"recsys completion needs the name of a shell: bash, zsh or fish.{hint}")


def complete(words: list[str], current: str) -> list[str]:
    """What may stand in place of `current`, after `words` (without the program's name)."""
    from recsys_cli.cli import COMMANDS, OF_UNLEARN, spoken

    also = OF_UNLEARN if words == ["unlearn"] else ()
    words = spoken(words)
    if not words:
        found = [*COMMANDS, "--help", "--version"]
    elif words[0] == "completion":
        found = [*SCRIPTS]
    elif words[0] not in COMMANDS or words[-1] == "--config-dir":
        found = []
    elif words[-1] in ("--cfg", "-c"):
        found = ["job"]
    elif current.startswith("-"):
        found = [*OPTIONS]
    else:
        found = [*_settings(words, current), *also]
    return sorted({f for f in found if f.startswith(current)})


def _settings(words: list[str], current: str) -> list[str]:
    configs = _library(words)
    command = words[0]
    groups = configs.defaults(command)
    picked = dict(w.split("=", 1) for w in words[1:] if "=" in w)
    values = configs.values(command, {k: v for k, v in picked.items() if k in groups})
    known = configs.fields(command, values)
    key, equals, typed = current.partition("=")
    if not equals:
        if "." in current:
            return [f"{k}=" for k in values if not fixed(k, known)]
        whole = [f"{k}=" for k in [*groups, *values] if "." not in k]
        return whole + [f"{k.partition('.')[0]}." for k in values if "." in k]
    if key in groups:
        return [f"{key}={choice}" for choice in configs.choices(key)]
    if key in RUN_KEYS:
        folder = Path(typed).parent if "/" in typed else Path("runs")
        return [f"{key}={d}" for d in folder.glob("*") if d.is_dir()]
    kind = kind_of(key, values.get(key), known)
    return [f"{key}={choice}" for choice in kind.choices] if kind else []


def _library(words: list[str]) -> Library:
    try:
        return library(next((after for word, after in zip(words, words[1:]) if word == "--config-dir"), None))
    except UserError:
        return Library((shipped(),))


def _split(line: str) -> tuple[list[str], str]:
    """The finished words after the program's name, and the one being typed ('' after a space)."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    current = "" if not words or line.endswith(" ") else words.pop()
    return words[1:], current
