"""Jobs by a launcher of Hydra: `hydra/launcher=joblib`, submitit_local, submitit_slurm, ray, or any other that is installed.

Hydra only carries the number of a job to where it is to run; there our engine does that one job, in a process of its own.
All machines must see the same folders.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from recsys_cli.jobs.claim import workplace
from recsys_cli.jobs.job import FAILED, Job, Outcome

GROUP, KEY = "hydra/launcher", "hydra.launcher."
PRIMARY = "job: ???\n"  # the whole config that Hydra sees
EXTRAS = {
    "joblib": "recsys[joblib]",
    "submitit_local": "recsys[submitit]",
    "submitit_slurm": "recsys[submitit]",
    "ray": "hydra-ray-launcher",
}


def launch(jobs: Sequence[Job], words: Sequence[str]) -> list[Outcome]:
    """words: hydra/launcher=NAME, and settings of the launcher. Raises UserError where there is no such launcher."""
    from omegaconf import OmegaConf

    payloads = [
        {
            "words": job.words,
            "command": job.command,
            "config": OmegaConf.to_yaml(job.config, resolve=True),
            "folder": os.getcwd(),
        }
        for job in jobs
    ]
    shared = workplace(jobs[0].config).resolve() if jobs[0].command == "train" else None
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        (Path(folder) / "launched.yaml").write_text(PRIMARY)
        returned = _launched(Path(folder), words, payloads)
    if shared:
        with suppress(OSError):
            shared.rmdir()  # if it is empty
    return [_outcome(job, value) for job, value in zip(jobs, returned)]


def _launched(folder: Path, words: Sequence[str], payloads: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    from hydra import initialize_config_dir
    from hydra._internal.callbacks import Callbacks
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.errors import HydraException
    from hydra.types import HydraContext, RunMode
    from omegaconf.errors import OmegaConfBaseException

    quiet = ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null", "hydra.job.chdir=false"]
    places = [f"hydra.sweep.dir='{folder}'", "hydra.job.name=recsys"]
    with initialize_config_dir(str(folder), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra
        try:
            config = hydra.compose_config("launched", [*words, *quiet, *places], run_mode=RunMode.MULTIRUN)
            launcher = Plugins.instance().instantiate_launcher(
                hydra_context=HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config)),
                task_function=partial(do, payloads),
                config=config,
            )
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(_unknown(words, error)) from None
        try:
            return launcher.launch([[f"job={number}"] for number in range(len(payloads))], initial_job_idx=0)
        except (RuntimeError, OSError, ImportError) as error:  # of what starts jobs, not of a job
            raise UserError(f"{words[0]} cannot start jobs: {' '.join(str(error).split())[:300]}") from error


def do(payloads: Sequence[Mapping[str, Any]], config: Any) -> tuple[Any, ...]:
    """Where the launcher has brought it: one job, by our own engine."""
    from omegaconf import OmegaConf

    from recsys_cli.jobs.engine import run_jobs

    about = payloads[config.job]
    os.chdir(about["folder"])
    job = OmegaConf.create(about["config"])
    OmegaConf.set_struct(job, True)
    (outcome,) = run_jobs([Job(about["words"], job, about["command"])])
    return tuple(outcome)


def _outcome(job: Job, returned: Any) -> Outcome:
    """returned: of Hydra, whose value raises what went wrong outside of our engine."""
    try:
        return Outcome(*returned.return_value)
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        return Outcome(job.words, FAILED, code=1, error=f"failed: {type(error).__name__}: {reason}")


def _unknown(words: Sequence[str], error: Exception) -> str:
    name = next((word.partition("=")[2] for word in words if word.startswith(f"{GROUP}=")), "")
    extra = f" It comes with: pip install '{EXTRAS[name]}'." if name in EXTRAS else ""
    return f"{GROUP}={name} cannot be used: {' '.join(str(error).split())[:200]}.{extra}"
