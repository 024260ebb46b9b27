"""Many models in one process: TensorFlow has nothing to warn of."""

from __future__ import annotations

import logging

import pytest

from recsys_cli.evaluation.topk import top_k
from tests.contract.harness import N_ITEMS, N_USERS, start
from tests.contract.models import CASES

SIZES = range(3, 9)  # TensorFlow warns from the fifth on


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ncf", "expomf"])
def test_models_of_many_sizes_trace_no_function_anew(name, caplog):
    caplog.set_level(logging.WARNING, logger="tensorflow")  # the program shows errors only
    (case,) = (case for case in CASES if case.model == name)
    for size in SIZES:
        model, learner = start(case, 0, f"model.embedding_size={size}")
        for epoch in range(2):
            learner.run(0, learner.begin(epoch), 0.0)
        top_k(model.scorer(), range(N_USERS), [], N_ITEMS, N_ITEMS)
    assert "triggered tf.function" not in caplog.text
