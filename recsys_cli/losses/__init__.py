"""Losses by name. A loss takes a model and makes the phases of an epoch; it never looks inside the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recsys_cli.losses.base import LossSettings, Phase, check_penalty


def build_phases(config, model, batch_size: int, seed: int) -> list[Phase]:
    """config: the settings of a loss, or a node of configs/loss; its `scope` says which family it belongs to. A model may
    add to the phases of the loss, or bring its own.
    """
    return list(model.phases(_phases_of(config, model, batch_size, seed), batch_size, seed))


def _phases_of(config, model, batch_size: int, seed: int) -> list[Phase]:
    if config.scope == "none":
        return []
    cls, build = _family(config)
    settings = cls.from_config(config, "loss")
    check_penalty(settings.l2, model)
    return list(build(settings, model, batch_size, seed))


def _family(config) -> tuple[type[LossSettings], Callable[..., Sequence[Phase]]]:
    """The settings of the losses of a family, and what makes phases of them."""
    if config.name == "multi_channel_bpr":
        from recsys_cli.losses.multi_channel import MultiChannelSettings, multi_channel_phases

        return MultiChannelSettings, multi_channel_phases
    if config.scope == "whole_data":
        from recsys_cli.losses.whole_data import WholeDataSettings, whole_data_phases

        return WholeDataSettings, whole_data_phases
    if config.scope == "observed":
        from recsys_cli.losses.ratings import RatingSettings, rating_phases

        return RatingSettings, rating_phases
    from recsys_cli.losses.sampled import SampledSettings, sampled_phases

    return SampledSettings, sampled_phases
