"""The one error type that people are meant to see."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class UserError(Exception):
    """Something the user can mend: prints as one message, exit code 2, never a traceback.

    The text says what is wrong, where, what was received and how to mend it.
    """


def nearest(word: str, choices: Iterable[str]) -> str:
    """A hint such as ``" Did you mean 'enmf'?"``, or the list of choices when nothing is near."""
    choices = sorted(set(choices))
    if near := similar(word, choices, 0.54):
        return " Did you mean " + " or ".join(repr(c) for c in near) + "?"
    return " Valid: " + ", ".join(choices) + "." if choices else ""


def similar(word: str, choices: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """The three most similar ones, the best first. cutoff: from 0, any, to 1, equal."""
    import difflib  # in an error only: help answers without it

    return difflib.get_close_matches(word, list(choices), n=3, cutoff=cutoff)


def check_choice(key: str, value: object, choices: Collection[str]) -> None:
    if value not in choices:
        raise UserError(f"{key}={value!r} is not known.{nearest(str(value), choices)}")
