"""Where the workers are, and what they refuse before any of them computes."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from data_prep.errors import UserError
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.distributed.exact import refuse_few_users, refuse_inexact
from recsys_cli.distributed.place import LOWEST_PORT, Place, place_of
from tests import tiny

TWO = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS"):
        monkeypatch.delenv(name, raising=False)


def test_on_this_machine_each_has_a_port():
    place = place_of(3)
    assert place.local and place.number == 0 and len(set(place.addresses)) == place.of == 3
    assert all(address.startswith("127.0.0.1:") for address in place.addresses)


def test_so_many_processes_are_not_started():
    with pytest.raises(UserError, match="device.workers=100000: at most 64 on one machine"):
        place_of(100_000)


def test_tf_config_tells(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(TWO))
    assert place_of(2) == Place(1, ("a:1", "b:2"))
    with pytest.raises(UserError, match=r"device.workers=3, but TF_CONFIG tells of 2: give the same number to both"):
        place_of(3)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({**TWO, "task": {"type": "ps", "index": 0}}),
        json.dumps({**TWO, "task": {"type": "worker", "index": 2}}),
        json.dumps({**TWO, "cluster": {"worker": ["a", "b"]}}),
        json.dumps({**TWO, "cluster": {**TWO["cluster"], "ps": ["c:3"]}}),
    ],
)
def test_a_tf_config_of_other_things_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG is to be such as .* with workers alone, and is"):
        place_of(2)


def test_slurm_tells(monkeypatch, tmp_path):
    command = tmp_path / "scontrol"
    command.write_text('#!/bin/sh\n[ "$*" = "show hostnames n[2,10]" ] && echo n2 && echo n10\n')
    command.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, value in {"NUM_TASKS": "4", "NODELIST": "n[2,10]", "TASKS_PER_NODE": "2(x2)"}.items():
        monkeypatch.setenv(f"SLURM_STEP_{name}", value)
    monkeypatch.setenv("SLURM_JOB_ID", "10007")
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(
        UserError, match="Slurm does not tell where the workers are .*SLURM_PROCID.*: start them by srun"
    ):
        place_of(4)
    monkeypatch.setenv("SLURM_PROCID", "2")
    port = LOWEST_PORT + 7
    assert place_of(4) == Place(2, (f"n2:{port}", f"n2:{port + 1}", f"n10:{port}", f"n10:{port + 1}"))
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "4")
    with pytest.raises(UserError, match="Slurm does not tell"):
        place_of(4)


@pytest.mark.parametrize(
    "words, message",
    [
        (["model=lightgcn", "loss=non_sampling"], "what is learnt of a user depends on other users"),
        (["model=enmf", "loss=bpr"], "device.workers=2: loss=bpr is no sum over the users"),
        (["model=popularity"], "device.workers=2: in model=popularity"),
    ],
)
def test_what_would_not_be_exact_is_refused(words, message):
    with pytest.raises(UserError, match=message):
        refuse_inexact(compose("train", [*words, "device.workers=2"], library()))


def test_each_worker_has_a_user():
    refuse_few_users(3, tiny.dataset(buy=np.eye(3)))
    with pytest.raises(UserError, match="device.workers=4: data=tiny has 3 users; give at most as many"):
        refuse_few_users(4, tiny.dataset(buy=np.eye(3)))


@pytest.mark.parametrize("words", [["evaluate", "run=RUN"], ["train", "model=wmf", "unlearning=sisa"]])
def test_only_one_training_has_workers(recsys, words):
    result = recsys(*words, "device.workers=2")
    assert result.code == 2 and "device.workers=2 shares out the users of one training" in result.err
