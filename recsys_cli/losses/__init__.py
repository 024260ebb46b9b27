"""Losses by name. A loss takes a model and makes the phases of an epoch; it never looks inside the model."""

from __future__ import annotations

from recsys_cli.losses.base import Phase, check_penalty


def build_phases(config, model, batch_size: int, seed: int) -> list[Phase]:
    """config: the settings of a loss, or a node of configs/loss; its `scope` says which family it belongs to. A model may
    add to the phases of the loss, or bring its own.
    """
    return list(model.phases(_phases_of(config, model, batch_size, seed), batch_size, seed))


def _phases_of(config, model, batch_size: int, seed: int) -> list[Phase]:
    if config.scope == "none":
        return []
    if config.name == "multi_channel_bpr":
        from recsys_cli.losses.multi_channel import MultiChannelSettings as Settings
        from recsys_cli.losses.multi_channel import multi_channel_phases as build
    elif config.scope == "whole_data":
        from recsys_cli.losses.whole_data import WholeDataSettings as Settings
        from recsys_cli.losses.whole_data import whole_data_phases as build
    else:
        from recsys_cli.losses.sampled import SampledSettings as Settings
        from recsys_cli.losses.sampled import sampled_phases as build
    settings = Settings.from_config(config, "loss")
    check_penalty(settings.l2, model)
    return build(settings, model, batch_size, seed)
