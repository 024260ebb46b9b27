"""Phases that a model brings: what they change, in which order, and that a run that is killed and resumed has the same
bytes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load, restore, save
from recsys_cli.training.learner import turns
from tests.training.phased import learner

EPOCHS = 2
every_kind = pytest.mark.parametrize("kind", ["attentive", "players"])
every_schedule = pytest.mark.parametrize("schedule", [None, pytest.param((2, 3), marks=pytest.mark.slow)], ids=str)


def arrays_of(trained) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in trained.state().items()}


def train(kind, schedule, cuts=(), folder=None) -> tuple[dict, list[float]]:
    """Arrays and losses after some epochs. cuts: shares of each epoch after which the process dies, saved; what goes on
    from there is another learner, which has nothing but what was saved, or what it learnt two cuts ago."""
    trained, other = (learner(kind, schedule) for _ in range(2)) if cuts else (learner(kind, schedule), None)
    losses = []
    for epoch in range(EPOCHS):
        steps, total, done = trained.begin(epoch), 0.0, 0
        for share in (*cuts, 1.0):
            last = int(share * steps)
            total, done = trained.run(done, last, total), last
            if cuts:
                path = folder / f"epoch-{epoch}-{last}.npz"
                save(path, arrays_of(trained), {})
                trained, other = other, trained
                restore(load(path), trained.state())
                trained.begin(epoch)
        losses.append(total)
    return arrays_of(trained), losses


@cache
def uninterrupted(kind, schedule) -> tuple[dict, list[float]]:
    return train(kind, schedule)


@every_kind
@every_schedule
def test_killed_and_resumed_equals_uninterrupted(kind, schedule, tmp_path):
    whole, losses = uninterrupted(kind, schedule)
    again, again_losses = train(kind, schedule, (0.0, 0.3, 0.75), tmp_path)
    assert again_losses == losses
    assert {name: a.tobytes() for name, a in again.items()} == {name: a.tobytes() for name, a in whole.items()}


@every_kind
def test_schedules_differ(kind):
    found = [uninterrupted(kind, schedule)[0] for schedule in (None, (1, 1))]
    assert any((found[0][name] != found[1][name]).any() for name in found[0])


def test_the_attention_of_an_epoch_is_that_of_the_parameters_it_began_with():
    trained = learner("attentive")
    trained.run(0, trained.begin(0), 0.0)
    expected, steps = trained.model._attention().numpy(), trained.begin(1)
    for first, last in ((0, 1), (1, steps // 2), (steps // 2, steps)):
        trained.run(first, last, 0.0)
        np.testing.assert_array_equal(trained.model.attention, expected)
    assert (trained.model._attention().numpy() != expected).any()


def test_hooks_run_once_however_an_epoch_is_cut():
    trained, calls = learner("players"), []
    trained.model.begin_epoch = lambda epoch: calls.append(("begin", epoch))
    trained.model.end_epoch = lambda epoch: calls.append(("end", epoch))
    for epoch in (0, 1):
        steps = trained.begin(epoch)
        for first, last in ((0, 0), (0, 2), (2, 3), (3, steps)):
            trained.run(first, last, 0.0)
    assert calls == [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]


def test_a_phase_changes_its_own_variables_by_its_own_optimiser():
    trained = learner("players")
    before, half = arrays_of(trained), trained.begin(0) // 2
    trained.run(0, half, 0.0)  # the discriminator's pass
    between = arrays_of(trained)
    trained.run(half, 2 * half, 0.0)
    after = arrays_of(trained)
    changed = [{n for n in a if (a[n] != b[n]).any()} for a, b in ((before, between), (between, after))]
    assert changed[0] == {"user_discriminator", "item_discriminator"}
    assert changed[1] == {n for n in after if "generator" in n}
    adam = {"generator/adam/beta_1_power", "generator/user_generator/m", "generator/item_generator/v"}
    assert adam < changed[1] and not any(n.startswith("discriminator/") or "accumulator" in n for n in after)


def test_the_optimiser_of_the_run_has_no_state_for_what_only_others_change():
    names = set(learner("attentive").state())
    assert {"nodes/accumulator", "triples/nodes/m", "triples/adam/beta_2_power", "attention"} < names


@pytest.mark.parametrize(
    "steps, turn, expected",
    [
        ([3, 2], None, [(0, 0, 3), (1, 0, 2)]),
        ([3, 0], None, [(0, 0, 3)]),
        ([3, 2], (1, 1), [(0, 0, 1), (1, 0, 1), (0, 1, 2), (1, 1, 2), (0, 2, 3)]),
        ([1, 5], (1, 2), [(0, 0, 1), (1, 0, 2), (1, 2, 4), (1, 4, 5)]),
        ([0, 2], (1, 2), [(1, 0, 2)]),
        ([0, 0], None, []),
    ],
)
def test_turns(steps, turn, expected):
    assert list(turns(steps, turn)) == expected


def test_draws_inside_a_step_follow_the_parameters_and_the_seed():
    trained = learner("players")
    trained.begin(0)
    (phase, _), drawn = trained.phases, []
    from recsys_cli.ops.layers import step_noise

    for key, step in ((1, 0), (1, 0), (2, 0), (1, 1)):
        noise = step_noise(key, 0, step)
        drawn.append(phase.batch(trained._arrays[0], 0, noise)[2].numpy())
    assert (drawn[0] == drawn[1]).all() and (drawn[0] != drawn[2]).any() and (drawn[0] != drawn[3]).any()
    user, item = trained.model.generator
    item.assign(1e3 * item)
    best = np.argmax(user.numpy() @ item.numpy().T, axis=1)
    users, _, sharp = phase.batch(trained._arrays[0], 0, step_noise(1, 0, 0))
    assert (sharp.numpy() == best[users]).mean() > 0.9
