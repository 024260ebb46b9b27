"""The class of a model: one of this program, or one that the person who calls it has named.

`_target_` of a run's config is a word to be looked up, not a thing to be imported: a run may come from a stranger. It
must be the `_target_` of a file in our configs/model/, or of one in the person's own config folder (--config-dir or
RECSYS_CONFIG_DIR). There `mine.Model` is the class Model of DIR/mine.py, where that file exists, and otherwise of an
installed module.
"""

from __future__ import annotations

import sys
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

from data_prep.errors import UserError
from recsys_cli.config.library import CONFIG_DIR_VARIABLE, library


def model_class(target: str) -> type:
    """Raises UserError for a target that nobody here has named, and for one that is not there."""
    ours, *own = library().roots
    named = {target_of: root for root in (*own, ours) for target_of in _targets(root)}
    if str(target) not in named:
        raise UserError(
            f"model._target_={target} is neither a model of this program nor one of a config folder of yours, so it is "
            "not imported. If it is your own model, or you have read its code and trust it, name the folder with its "
            f"file and model/*.yaml by --config-dir DIR (or {CONFIG_DIR_VARIABLE})."
        )
    module, _, name = target.rpartition(".")
    try:
        return getattr(import_module(module) if named[target] == ours else _own(named[target], module), name)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise UserError(
            f"model._target_={target} cannot be imported ({error}); it must be a class that takes "
            f"(config, dataset, seed), in {named[target] / module.replace('.', '/')}.py or in an installed module."
        ) from error


def _targets(root: Path) -> list[str]:
    """The classes that the files of a config folder name."""
    configs = library()
    found = (configs.load(f"model/{file.stem}").get("_target_") for file in sorted((root / "model").glob("*.yaml")))
    return [target for target in found if isinstance(target, str)]


def _own(folder: Path, module: str) -> ModuleType:
    """The module beside the person's configs; loaded once, under a name that hides no other module."""
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not file.is_file():
        return import_module(module)
    name = f"recsys_own:{file}"
    if name not in sys.modules:
        spec = util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None, "of every file in .py"
        sys.modules[name] = loaded = util.module_from_spec(spec)
        try:
            spec.loader.exec_module(loaded)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
