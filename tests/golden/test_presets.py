"""Each shipped preset has the hyper-parameters that the authors' program ran with, save those that are set by name."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from tests.golden.golden import HERE, Golden
from tests.golden.presets import DESCRIBES, PRESETS, by_key, configured, shipped


def test_every_golden_file_has_a_preset():
    assert {file.stem for file in HERE.glob("*.npz")} == {*PRESETS, "partition"}


@pytest.mark.parametrize("name", PRESETS)
def test_shipped_values_are_the_authors(name):
    golden = Golden(name)
    config = shipped(name)
    expected = {
        k: v for hyper, keys in PRESETS[name].shipped.items() for k, v in by_key(keys, golden.hyper[hyper]).items()
    }
    assert {key: OmegaConf.select(config, key) for key in expected} == expected


@pytest.mark.parametrize("name", PRESETS)
def test_every_hyper_parameter_is_accounted_for(name):
    preset, hyper = PRESETS[name], Golden(name).hyper
    kinds = [set(preset.shipped), set(preset.set), set(preset.unused), DESCRIBES & set(hyper)]
    assert set().union(*kinds) == set(hyper)
    assert sum(map(len, kinds)) == len(hyper), "each in one way"


@pytest.mark.parametrize("name", PRESETS)
def test_what_undoes_a_deviation_is_not_what_is_shipped(name):
    """An override that changes nothing would hide that the shipped value moves away."""
    ours, authors = shipped(name), configured(name, Golden(name))
    for word in PRESETS[name].authors:
        key = word.split("=")[0]
        assert OmegaConf.select(ours, key) != OmegaConf.select(authors, key), word


def test_the_slack_of_shards_is_the_authors():
    hyper, slack = Golden("partition").hyper, shipped("receraser_wmf").unlearning
    for what in ("users", "items", "interactions"):
        assert hyper[f"max_{what}"] == pytest.approx(slack.partition_slack * hyper[f"n_{what}"] / hyper["k"])
