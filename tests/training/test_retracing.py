"""Many models in one process: TensorFlow has nothing to warn of."""

from __future__ import annotations

import pytest

from tests.training.test_resume import TINY

JOBS = "model.embedding_size=3,4,5,6,7,8"  # TensorFlow warns from the fifth on


@pytest.mark.slow
@pytest.mark.parametrize("model", ["nmtr", "expomf"])
def test_no_warnings_of_retracing_in_a_multirun(model, recsys, caplog, tmp_path):
    words = [*(w for w in TINY if not w.startswith("trainer.epochs")), "trainer.epochs=1", f"runs_dir={tmp_path}"]
    found = recsys("train", "--multirun", f"model={model}", JOBS, *words)
    assert found.code == 0
    assert "triggered tf.function" not in caplog.text + found.out + found.err
