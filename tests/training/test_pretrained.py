"""model.pretrained: another run's vectors as a start, or a sentence that says why not."""

from __future__ import annotations

import re

import numpy as np
import pytest

from recsys_cli.training.checkpoint import load_newest
from tests.tiny import RUN

SMALL = [*RUN, "data.items=40", "data.interactions=240", "~tuned", "model.embedding_size=8", "evaluation.k=[5]"]
NETWORK = ["model.channels=[2,2,2]", "model.first_epoch_rate=null"]


@pytest.fixture
def bpr(recsys, tmp_path):
    done = recsys("train", *SMALL, "model=bpr", "trainer.epochs=1", f"run_dir={tmp_path / 'bpr'}")
    assert done.code == 0, done.err
    return tmp_path / "bpr"


def vectors(run):
    arrays = load_newest(run / "checkpoints")[0].arrays
    return arrays["user_embedding"], arrays["item_embedding"]


@pytest.mark.slow
def test_a_run_starts_from_the_vectors_of_another(recsys, tmp_path, bpr):
    run = tmp_path / "convncf"
    words = ["model=convncf", *NETWORK, "optimizer.learning_rate=1e-12", "trainer.epochs=1", f"run_dir={run}"]
    done = recsys("train", *SMALL, *words, f"model.pretrained={bpr}")
    assert done.code == 0 and "starts from user_embedding, item_embedding" in done.out
    for ours, theirs in zip(vectors(run), vectors(bpr), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=convncf", *NETWORK, "data.seed=1"], "was trained on other data"),
        (["model=convncf", *NETWORK, "model.embedding_size=4", "model.channels=[2,2]"], "starts from user_embedding"),
        (["model=nfm"], "model=nfm starts from user_features .*that run of model=bpr has no such vectors"),
    ],
)
def test_what_does_not_fit_is_refused(recsys, tmp_path, bpr, words, message):
    run = tmp_path / "refused"
    done = recsys("train", *SMALL, f"model.pretrained={bpr}", f"run_dir={run}", *words)
    assert done.code == 2 and re.search(message, done.err), done.err
    assert not run.exists()
