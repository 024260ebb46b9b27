"""Train, evaluate and use recommender models; `import recsys_cli as recsys` gives what interface.py describes.

Nothing is loaded before it is asked for: `recsys --help` imports this file, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys_cli.interface import TrainedRun, UserError, open_run, train

__all__ = ["TrainedRun", "UserError", "open_run", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from recsys_cli import interface

        return getattr(interface, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
