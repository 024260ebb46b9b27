"""A run into a file or folder of a format: what `recsys export` and `TrainedRun.export` do."""

from __future__ import annotations

import json
from pathlib import Path

from data_prep.errors import UserError, nearest
from recsys_cli.use.content import Vectors, content_of
from recsys_cli.use.export_arrays import write_csv, write_npz
from recsys_cli.use.placing import MANIFEST, check_place, placed
from recsys_cli.use.taken_up import TakenUp

ENDINGS = {"npz": ".npz", "csv": "-csv", "saved_model": "-saved_model"}


def place_of(run: str | Path, format: str, out: str | Path | None, overwrite: bool) -> Path:
    """Where an export goes. Raises UserError, before anything is computed, where it cannot."""
    if format not in ENDINGS:
        raise UserError(f"format={format}: there are {', '.join(ENDINGS)}.{nearest(format, ENDINGS)}")
    path = Path(out).expanduser() if out else Path(Path(run).expanduser().resolve().name + ENDINGS[format])
    if format == "npz" and path.suffix != ".npz":
        raise UserError(f"out={path}: format=npz makes a file whose name ends in .npz.")
    check_place(path, folder=format != "npz", overwrite=overwrite)
    return path


def export(run: TakenUp, format: str, path: Path, *, overwrite: bool = False, history: bool = True) -> list[str]:
    """Writes it, complete or not at all, and returns lines about it. path: of `place_of`.

    Raises UserError for a model that has nothing of this format.
    """
    content = None if format == "saved_model" else content_of(run.scorer, run.model, run.dataset)
    with placed(path, folder=format != "npz", overwrite=overwrite) as aside:
        if content is None:
            from recsys_cli.use.export_saved_model import write_saved_model

            write_saved_model(aside, run.model, run.scorer, run.dataset, history)
        elif format == "npz":
            write_npz(aside, content)
        else:
            write_csv(aside, content)
        if format != "npz":
            facts = {"format": format, "model": run.model.name, "data": run.dataset.name}
            (aside / MANIFEST).write_text(json.dumps(facts | {"data_hash": run.dataset.content_hash}, indent=1) + "\n")
    if content is None:
        kept = "and what users have in training" if history else "without what users have in training"
        return [f"a recommender for {run.dataset.n_users:,} users, {kept}: {path}"]
    if isinstance(content, Vectors):
        width = content.users.shape[1]
        what = f"vectors of {len(content.users):,} users and {len(content.items):,} items, {width} numbers each"
        return [f"{what}: {path}", "the score of a user and an item is the product of their vectors"]
    return [f"weights between {len(content.item_ids):,} items: {path}"]
