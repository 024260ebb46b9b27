"""What forgetting costs is measured on a copy: the run itself stays as it is."""

from __future__ import annotations

import json

from tests.unlearning.harness import train_run


def test_deletions_leave_the_run_as_it_is(tmp_path, recsys):
    run = train_run(tmp_path, "unlearning=sisa", "unlearning.shards=2", "model=bpr", "model.embedding_size=4")
    before = (run / "ledger.json").read_bytes()
    result = recsys("deletions", f"run={run}", "singles=2", "batches=[4]")
    assert result.code == 0, result.err
    content = json.loads((run / "evaluations" / "deletions.json").read_text())
    assert [row[0] for row in content["table"][1:]] == [
        "one pair",
        "batch, random",
        "batch, of one shard",
        "full retraining",
    ]
    assert content["metrics"]["shards_touched"]["mean"] == 1.0 and content["table"][3][3] == "1.0"
    means = {name: value["mean"] for name, value in content["metrics"].items()}
    total = means["submodel_training_time"] + means["aggregation_training_time"]
    assert abs(means["total_time"] - total) < 1e-9 and 0 < total < means["request_time"]
    assert (run / "ledger.json").read_bytes() == before
    assert recsys("deletions", f"run={tmp_path}").code == 2
    again = recsys("deletions", f"run={run}", "singles=0", "retrainings=1", "name=other")
    assert again.code == 0 and "full retraining" in again.out, again.err
