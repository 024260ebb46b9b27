"""The one error type that people are meant to see."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable


class UserError(Exception):
    """Something the user can mend: prints as one message, exit code 2, never a traceback.

    The text says what is wrong, where, what was received and how to mend it.
    """


def nearest(word: str, choices: Iterable[str]) -> str:
    """A hint such as ``" Did you mean 'enmf'?"``, or the list of choices when nothing is near."""
    choices = sorted(set(choices))
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.54)
    if close:
        return " Did you mean " + " or ".join(repr(c) for c in close) + "?"
    return " Valid: " + ", ".join(choices) + "." if choices else ""


def check_choice(key: str, value: object, choices: Collection[str]) -> None:
    if value not in choices:
        raise UserError(f"{key}={value!r} is not known.{nearest(str(value), choices)}")
