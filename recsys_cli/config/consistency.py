"""Combinations that make no sense, refused in one sentence before any data is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import UserError
from recsys_cli.config.library import Library

if TYPE_CHECKING:
    from omegaconf import DictConfig

RESUME_MAY_CHANGE = ("trainer.epochs", "device", "evaluation.metrics")


def check_consistency(cfg: DictConfig, given: frozenset[str], library: Library) -> None:
    """given: the keys and groups named on the command line. Raises UserError for the first broken rule."""
    for rule in RULES:
        complaint = rule(cfg, given, library)
        if complaint:
            raise UserError(complaint)


def resumed(cfg: DictConfig, given: frozenset[str]) -> DictConfig:
    """The config that the run to resume was started with, and on top what may be changed and was given."""
    from omegaconf import OmegaConf

    from recsys_cli.runs.config import of_this_version, read_settings

    folder = Path(cfg.resume).expanduser()
    run = of_this_version(read_settings(folder), folder)
    before = OmegaConf.select(run, "evaluation.metrics")
    if "evaluation.metrics" in given and list(cfg.evaluation.metrics) != list(before or []):
        raise UserError(
            f"resume={cfg.resume} continues a run with its own config, so evaluation.metrics can only be repeated, which "
            f"it needs where it names code of your own: the run has {list(before or [])}."
        )
    run.resume = cfg.resume
    for key in given:
        if key != "resume":
            OmegaConf.update(run, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
    return run


def weigh_chosen_behaviours(cfg: DictConfig, given: frozenset[str]) -> None:
    """Weights from a file follow the behaviours chosen on the command line: those that stay, to the same sum.

    Weights that leave none of them are replaced by null, equal ones.
    """
    weights = cfg.get("model", {}).get("task_weights")
    chosen = cfg.data.behaviours if "data.behaviours" in given else None
    if not weights or not chosen or any(key.startswith("model.task_weights") for key in given):
        return
    kept = {name: weight for name, weight in weights.items() if name in chosen}
    if len(kept) == len(chosen):  # otherwise the model tells which weight is missing
        share = sum(kept.values()) / sum(weights.values())
        cfg.model.task_weights = {name: weight / share for name, weight in kept.items()} if share else None


def _resume_changes_little(cfg: DictConfig, given: frozenset[str], library: Library) -> str | None:
    fixed = (k for k in sorted(given - {"resume"}) if k not in RESUME_MAY_CHANGE)
    other = [k for k in fixed if not k.startswith("device.")]
    if cfg.get("resume") and other:
        return (
            f"resume={cfg.resume} continues a run with its own config, so {', '.join(other)} cannot be set; "
            "only trainer.epochs and device can"
        )
    return None


def _closed_form_takes_no_loss(cfg: DictConfig, given: frozenset[str], library: Library) -> str | None:
    named = [k for k in sorted(given) if k == "loss" or k.startswith("loss.")]
    if _kind(cfg) == "closed_form" and named:
        return f"model={cfg.model.name} is computed without a loss: leave out {', '.join(named)}"
    return None


def _pairwise_takes_sampled_losses(cfg: DictConfig, given: frozenset[str], library: Library) -> str | None:
    if _kind(cfg) == "pairwise" and cfg.loss.get("scope") == "whole_data":
        fitting = [c for c in library.choices("loss") if library.load(f"loss/{c}").get("scope") == "sampled"]
        return (
            f"loss={cfg.loss.name} needs scores of the form h·(p ⊙ q), which model={cfg.model.name} "
            f"does not have; this model takes loss={' or loss='.join(fitting)}"
        )
    return None


def _selection_needs_validation(cfg: DictConfig, given: frozenset[str], library: Library) -> str | None:
    if "trainer" not in cfg or cfg.get("data", {}).get("validation") not in (None, "none", 0, False):
        return None
    asking = "trainer.early_stopping" if cfg.trainer.early_stopping else None
    if cfg.evaluation.select == "best_validation":
        asking = "evaluation.select=best_validation"
    if asking is None:
        return None
    return (
        f"{asking} needs a validation part, and data={cfg.data.name} has none: cut one from train with "
        "data.validation=..., or train for a fixed number of epochs (evaluation.select=last)"
    )


def _monitor_is_computed(cfg: DictConfig, given: frozenset[str], library: Library) -> str | None:
    if "trainer" not in cfg or cfg.trainer.monitor is None:
        return None
    metric, _, k = cfg.trainer.monitor.partition("@")
    if metric in [name.rpartition(".")[2] for name in cfg.evaluation.metrics] and (not k or int(k) in cfg.evaluation.k):
        return None
    return (
        f"trainer.monitor={cfg.trainer.monitor} is not computed: evaluation.metrics is "
        f"{list(cfg.evaluation.metrics)} and evaluation.k is {list(cfg.evaluation.k)}"
    )


def _kind(cfg: DictConfig) -> str | None:
    return cfg.get("model", {}).get("kind")


RULES = (
    _resume_changes_little,
    _closed_form_takes_no_loss,
    _pairwise_takes_sampled_losses,
    _selection_needs_validation,
    _monitor_is_computed,
)
