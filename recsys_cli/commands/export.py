"""`recsys export`: what a trained model has learnt, for other programs, with the ids of the raw data."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.settings import MANDATORY, Settings, field


@dataclass(frozen=True)
class ExportSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    format: str = field(
        "npz",
        "npz and csv: vectors of users and items, or weights between items; saved_model: TensorFlow, recommends by itself",
        choices=("npz", "csv", "saved_model"),
    )
    out: str | None = field(None, "null: RUN.npz, RUN-csv or RUN-saved_model, in this folder")
    overwrite: bool = field(False, "replace what an export has put there before")
    history: bool = field(True, "with saved_model: it holds what users have in training, and can leave it out")


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.use.exporting import export, place_of
    from recsys_cli.use.taken_up import TakenUp

    path = place_of(config.run, config.format, config.out, config.overwrite)
    for line in export(TakenUp(config.run), config.format, path, overwrite=config.overwrite, history=config.history):
        print(line)
    return 0
