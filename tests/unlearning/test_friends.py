"""A user is forgotten with all that friends learnt of the user: EATNN in shards."""

from __future__ import annotations

import pytest

from recsys_cli.unlearning.generation import Rows
from tests.unlearning.harness import contents, differing, from_scratch, log, recsys, train_run, write_pairs


@pytest.mark.slow
def test_forgetting_a_user_forgets_the_friends(tmp_path):
    users = sorted({user for user, _ in log()[0]})
    friends = [(a, b) for n, a in enumerate(users) for b in (users[(n + 1) % 16], users[(n + 5) % 16])]
    run = train_run(
        tmp_path,
        f"data.friends_path={write_pairs(tmp_path / 'friends.csv', friends, 'user,friend')}",
        *("unlearning=sisa", "unlearning.shards=2", "unlearning.partition=interactions"),
        *("model=eatnn", "model.embedding_size=4", "model.attention_size=3"),
    )
    before, gone = Rows.read(run / "current"), users[3]
    assert before.dataset.friends.nnz == len(friends)
    forget = write_pairs(tmp_path / "forget.csv", [(gone,)], "user")
    assert recsys("unlearn", f"run={run}", f"forget={forget}", "device=cpu") == 0
    left = Rows.read(run / "current").dataset
    assert left.friends.nnz == sum(gone not in pair for pair in friends)
    again = from_scratch(run, before, tmp_path / "scratch", users=[gone], friends=friends)
    assert differing(contents(run / "current"), again) == []
