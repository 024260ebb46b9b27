"""Losses by name. A loss takes a model and makes the phases of an epoch; it never looks inside the model."""

from __future__ import annotations

from recsys_cli.losses.base import Phase


def build_phases(config, model, batch_size: int, seed: int) -> list[Phase]:
    """config: the settings of a loss, or a node of configs/loss; its `scope` says which family it belongs to."""
    if config.name == "multi_channel_bpr":
        from recsys_cli.losses.multi_channel import MultiChannelSettings as Settings
        from recsys_cli.losses.multi_channel import multi_channel_phases as build
    elif config.scope == "whole_data":
        from recsys_cli.losses.whole_data import WholeDataSettings as Settings
        from recsys_cli.losses.whole_data import whole_data_phases as build
    else:
        from recsys_cli.losses.sampled import SampledSettings as Settings
        from recsys_cli.losses.sampled import sampled_phases as build
    return build(Settings.from_config(config, "loss"), model, batch_size, seed)
