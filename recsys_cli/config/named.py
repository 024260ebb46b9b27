"""Code of one's own that the person who calls has named, on the command line or in a config file of theirs.

A run directory may come from a stranger: what its config names is imported only if it was named here as well.
"""

from __future__ import annotations

from collections.abc import Iterable

_named: set[str] = set()


def name_code(words: Iterable[str]) -> None:
    """Words such as my.module.Novelty; those without a dot name nothing of one's own."""
    _named.update(word for word in words if "." in word)


def is_named(word: str) -> bool:
    return word in _named
