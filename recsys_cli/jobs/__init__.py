"""Jobs in processes of their own: `run_jobs` (engine.py) does them, and repeats nothing that is there already."""

from recsys_cli.jobs.engine import run_jobs
from recsys_cli.jobs.job import Event, Job, Outcome, exit_code

__all__ = ["Event", "Job", "Outcome", "exit_code", "run_jobs"]
