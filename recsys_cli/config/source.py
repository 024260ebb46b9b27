"""Settings classes of modules that are slow to import: read from the source, without importing it.

A model's settings stand beside the model, in a file that imports TensorFlow, which takes seconds. Of such a file only
the settings class is executed, with the names that it needs: its bases, and constants at the top of files. Help,
completion and the checks of the command line therefore answer at once, and see what an import would see.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.settings import Settings

LIGHT = ("dataclasses", "typing", "data_prep.settings", "data_prep.kinds")  # imported as usual
NESTED = "Settings"


@cache
def settings_class(target: str, roots: tuple[Path, ...]) -> type[Settings] | None:
    """The settings of a class named as by ``_target_``: a settings class itself, or that of a model; None: it has none.

    roots: the folders in which to look for the module. Raises UserError for a file without that class, and for a class
    of settings that cannot be read.
    """
    module, _, name = target.rpartition(".")
    try:
        source = _source(module, roots)
        if source and not name.endswith(NESTED) and not source.mentions(name):
            raise UserError(f"{source.path} has no {name}")
    except UserError as error:
        raise UserError(
            f"model._target_={target} cannot be imported ({error}); it must be a class that takes (config, dataset, seed)."
        ) from None
    return source.settings_of(name) if source else None


@cache
def _source(module: str, roots: tuple[Path, ...]) -> _Source | None:
    stem = Path(*module.split(".")) if module else None
    places = [p for root in roots for p in (root / f"{stem}.py", root / str(stem) / "__init__.py")] if stem else []
    path = next((p for p in places if p.is_file()), None)
    return _Source(path, roots) if path else None


class _Source:
    """One file. A name at its top is a class, a constant, or comes from another file."""

    def __init__(self, path: Path, roots: tuple[Path, ...]):
        self.path, self.roots = path, roots
        self.values: dict[str, Any] = {}
        self.statements: dict[str, ast.stmt] = {}
        try:
            self.text = path.read_text(encoding="utf-8")
            tree = ast.parse(self.text)
        except (SyntaxError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not Python: {error}") from None
        for statement in map(self._whole, tree.body):
            self.statements.update(dict.fromkeys(_names(statement), statement))

    def _whole(self, statement: ast.stmt) -> ast.stmt:
        """``A += b`` with what A is so far."""
        if not (isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name)):
            return statement
        before = self.statements.get(statement.target.id)
        if not isinstance(before, ast.Assign | ast.AnnAssign) or before.value is None:
            return statement
        whole = ast.Assign([statement.target], ast.BinOp(before.value, statement.op, statement.value))
        return ast.fix_missing_locations(ast.copy_location(whole, statement))

    def mentions(self, name: str) -> bool:
        return name in self.text or "import *" in self.text

    def settings_of(self, name: str) -> type[Settings] | None:
        """Of a class of this file, by its name: itself if it is one, what it has nested, or what its bases have."""
        statement = self.statements.get(name)
        if isinstance(statement, ast.ImportFrom):
            elsewhere, original = self._imported(statement, name)
            return elsewhere.settings_of(original) if elsewhere else None
        if not isinstance(statement, ast.ClassDef):
            return None
        for inner in statement.body:
            if isinstance(inner, ast.ClassDef) and inner.name == NESTED:
                return self._settings(inner, f"{name}.{NESTED}")
        bases = [base.id for base in statement.bases if isinstance(base, ast.Name)]
        if name.endswith(NESTED):
            return self._settings(statement, name)
        return next(filter(None, map(self.settings_of, bases)), None)

    def _settings(self, statement: ast.ClassDef, name: str) -> type[Settings]:
        if name not in self.values:
            self.values[name] = self._execute(statement, name)[statement.name]
        found = self.values[name]
        if not (isinstance(found, type) and issubclass(found, Settings) and "__dataclass_fields__" in vars(found)):
            raise UserError(
                f"{self.path}: {name} must be a frozen dataclass that extends the settings of its kind, such as "
                "recsys_cli.models.base.ModelSettings."
            )
        return found

    def _execute(self, statement: ast.stmt, name: str) -> dict[str, Any]:
        """One statement, with the names that it needs."""
        space: dict[str, Any] = {"__name__": dataclasses.__name__}
        own = set(_names(statement))
        for needed in _needs(statement) - own:
            if needed in self.statements:
                space[needed] = self._value(needed)
        try:
            exec(compile(ast.Module([statement], []), str(self.path), "exec"), space)
        except Exception as error:
            raise UserError(
                f"{self.path}: cannot read {name} without importing the file ({type(error).__name__}: {error}): settings "
                "may use field, the settings of other classes, and constants at the top of the file."
            ) from None
        return space

    def _value(self, name: str) -> Any:
        statement = self.statements[name]
        if isinstance(statement, ast.Import):
            return importlib.import_module(name) if name in LIGHT else None
        if isinstance(statement, ast.ImportFrom):
            if statement.module in LIGHT:
                original = next(a.name for a in statement.names if (a.asname or a.name) == name)
                if (statement.module, original) == ("dataclasses", "dataclass"):
                    return _fields_only
                return getattr(importlib.import_module(statement.module), original)
            elsewhere, original = self._imported(statement, name)
            return elsewhere._value(original) if elsewhere else None
        if isinstance(statement, ast.ClassDef):
            return self.settings_of(name) if name.endswith(NESTED) else _Holder(self.settings_of(name))
        if name not in self.values:
            self.values |= {n: v for n, v in self._execute(statement, name).items() if n in _names(statement)}
        return self.values[name]

    def _imported(self, statement: ast.ImportFrom, name: str) -> tuple[_Source | None, str]:
        original = next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)
        return (None if statement.level else _source(statement.module or "", self.roots)), original


def _fields_only(*given: Any, **options: Any) -> Any:
    """As `dataclass`, without the methods, which take most of its time: the class is looked at, and none is made."""
    return dataclasses.dataclass(*given, **options | {"init": False, "repr": False, "eq": False})


@dataclasses.dataclass(frozen=True)
class _Holder:
    """Stands for a class in ``class Settings(Other.Settings)``."""

    Settings: type[Settings] | None


def _names(statement: ast.stmt) -> Iterator[str]:
    """What a statement defines."""
    if isinstance(statement, ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in statement.names)


def _needs(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
