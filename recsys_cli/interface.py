"""The program from Python, in a script or a notebook: `import recsys_cli as recsys` (docs/python.md).

    run = recsys.train(["model=enmf", "trainer.epochs=60"])
    run = recsys.open_run("runs/RUN")
    run.metrics["NDCG@10"], run.per_user, run.recommend([17, 42], k=5), run.scores(17), run.vectors()

Whatever the command line refuses is a UserError here, with the same sentence.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from data_prep.errors import UserError
from recsys_cli.use.run import TrainedRun

__all__ = ["TrainedRun", "UserError", "open_run", "train"]


def train(overrides: Sequence[str] = ()) -> TrainedRun:
    """Trains as `recsys train WORD WORD ...` does, with the same words, and gives the finished run.

    Raises UserError for what the command refuses, and KeyboardInterrupt where training was interrupted: all is saved
    then, and `train(["resume=RUN"])` goes on.
    """
    from recsys_cli.commands.train import main
    from recsys_cli.config.compose import compose
    from recsys_cli.config.library import library
    from recsys_cli.config.overrides import refuse_options, switched_on

    if isinstance(overrides, str):
        raise UserError(f"train({overrides!r}): give a list of words, such as train(['model=enmf', 'seed=1']).")
    words, configs = [str(word) for word in overrides], library()
    refuse_options(words, "train", configs)
    config = compose("train", switched_on(words, "train", configs), configs)
    code = main(config)
    if code > 128:
        raise KeyboardInterrupt(signal.Signals(code - 128).name)
    return TrainedRun(config.resume or config.run_dir, config.device.kind)


def open_run(path: str | Path, *, device: str = "auto") -> TrainedRun:
    """A run directory, one that somebody sent you included: it is data, and nothing in it runs.

    device: where its model computes when it is asked: auto, cpu or gpu.
    """
    return TrainedRun(path, device)
