"""Which of our sources bear on what a run computes, in one hash: what others change does not make a run another.

All that the model's file, the training, the losses and the evaluation import, directly or not, out of the folders that
compute. Commands, records, reports and other models leave a finished run as good as it was, and so does what prepares
data: the content of the data has a hash of its own.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from recsys_cli.config.library import library

if TYPE_CHECKING:
    from omegaconf import DictConfig

ROOT = Path(__file__).resolve().parents[2]
COMPUTING = tuple(f"recsys_cli.{folder}" for folder in ("data", "ops", "models", "losses", "training", "evaluation"))
UNLEARNING = "recsys_cli.unlearning"
ENTRIES = tuple(f"recsys_cli.training.{module}" for module in ("build", "fit", "selection"))
BEARING = "bearing"  # in record.json


@cache
def bearing_code(target: str, roots: tuple[Path, ...] = (), *, unlearning: bool = False) -> str | None:
    """SHA-256 over these sources; None where the file of the model is not known, so that nobody can vouch for it.

    target: the class of the model. roots: folders of one's own models.
    """
    counting = (*COMPUTING, *((UNLEARNING,) * unlearning))
    entries = (*ENTRIES, *((f"{UNLEARNING}.train",) * unlearning))
    model, found = target.rpartition(".")[0], dict[str, Path]()
    todo = [*entries, model]
    while todo:
        module = todo.pop()
        ours = any(module == package or module.startswith(package + ".") for package in counting)
        path = _file(module, (ROOT,) if ours else roots)
        if path and module not in found:
            found[module] = path
            todo += _imports(path)
    if model not in found:
        return None
    digest = hashlib.sha256()
    for module, path in sorted(found.items()):
        digest.update(module.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _file(module: str, roots: tuple[Path, ...]) -> Path | None:
    stems = [root.joinpath(*module.split(".")) for root in roots]
    places = [place for stem in stems for place in (stem.with_suffix(".py"), stem / "__init__.py")]
    return next((place for place in places if place.is_file()), None)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """Modules named in import statements, those inside of functions as well; names that are no modules do no harm."""
    return tuple(_names(ast.parse(path.read_text(encoding="utf-8"))))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def about(config: DictConfig) -> dict[str, str | None]:
    """For the record of a run, so that it is found again without reading its config. config: of `recsys train`."""
    unlearning = config.get("unlearning", {}).get("name", "none") != "none"
    code = bearing_code(config.model._target_, library().roots[1:], unlearning=unlearning)
    return {BEARING: code, "model": config.model.name, "data": config.data.name}
