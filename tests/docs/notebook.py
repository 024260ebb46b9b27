"""Runs the code cells of a notebook in one namespace, as Jupyter would, and needs none of it.

`python -m tests.docs.notebook docs/example.ipynb` writes what the cells give into the notebook, without the warnings and
progress of the error stream.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cells(notebook: dict[str, Any], folder: Path) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell, in nbformat 4. folder: the cells' working directory."""
    names: dict[str, Any] = {"__name__": "__main__"}
    before = Path.cwd()
    os.chdir(folder)
    try:
        return [_outputs("".join(cell["source"]), names, n) for n, cell in enumerate(code_cells(notebook), 1)]
    finally:
        os.chdir(before)


def _outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What it prints, and the value of a last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if last else None
    found: list[dict[str, Any]] = []
    if text := printed.getvalue():
        found.append({"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        found.append({"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    return found


def main(path: Path) -> None:
    notebook = json.loads(path.read_text())
    os.environ.setdefault("RECSYS_CACHE_DIR", tempfile.mkdtemp())
    with tempfile.TemporaryDirectory() as folder:
        found = run_cells(notebook, Path(folder))
    for number, (cell, outputs) in enumerate(zip(code_cells(notebook), found), 1):
        cell |= {"execution_count": number, "outputs": outputs}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
