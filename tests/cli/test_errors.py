"""Wrong input: one sentence that says what, where, what was received and how to mend it."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "argv, parts",
    [
        (["trian"], ["unknown command 'trian'", "'train'"]),
        (["train", "trainer.epoch=5"], ["'trainer.epoch'", "Did you mean 'trainer.epochs' (default 200)?"]),
        (["train", "epochs=5"], ["Did you mean 'trainer.epochs' (default 200)?"]),
        (["train", "trainr.epoch=5"], ["Did you mean 'trainer.epochs' (default 200)?"]),
        (["train", "++trainer.nonsense=1"], ["'trainer.nonsense'", "trainer.batch_size (default 512)"]),
        (["train", "+nonsense=1"], ["unknown key 'nonsense'", "Valid: ", "trainer"]),
        (["train", "seed.x=1"], ["unknown key 'seed.x'", "'seed'"]),
        (["train", "loss=bpr", "loss.negative_weight=1"], ["It exists with loss=non_sampling"]),
        (["train", "model=enfm"], ["unknown choice 'enfm' of group 'model'", "'enmf'"]),
        (["train", "modle=enmf"], ["'modle'", "the group 'model'"]),
        (["train", "foo/bar=x"], ["unknown group 'foo/bar'", "optimizer"]),
        (["prepare", "model=enmf"], ["unknown group 'model'", "recsys prepare takes the groups data"]),
        (["train", "tuned=nothing"], ["unknown choice 'nothing' of group 'tuned'"]),
        (["train", "optimizer={learning_rate:1}"], ["unknown choice", "adagrad, adam, sgd"]),
    ],
)
def test_unknown_names(refused, argv, parts):
    message = refused(*argv)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "word, expected, received",
    [
        ("trainer.epochs=five", "an integer >= 0", "'five' (str)"),
        ("trainer.epochs=-1", "an integer >= 0", "-1 (int)"),
        ("trainer.epochs=1.5", "an integer >= 0", "1.5 (float)"),
        ("trainer.epochs=true", "an integer >= 0", "true (bool)"),
        ("trainer.epochs=null", "an integer >= 0", "null (NoneType)"),
        ("trainer.epochs=", "an integer >= 0", "'' (str)"),
        ("trainer.progress=1", "true or false", "1 (int)"),
        ("trainer.monitor=NDCG", "such as NDCG@10", "'NDCG' (str)"),
        ("optimizer.learning_rate=0", "a number > 0", "0 (int)"),
        ("optimizer.learning_rate=nan", "a number > 0", "NaN (float)"),
        ("model.embedding_size=0", "an integer >= 1", "0 (int)"),
        ("model.dropout=1", "a number >= 0 and < 1", "1 (int)"),
        ("loss.batch=item", "one of users, items, alternating", "'item' (str)"),
        ("loss.negative_weight=-1", "a number >= 0, or a mapping", "-1 (int)"),
        ("loss.negative_weight={buy:-1}", "a number >= 0, or a mapping", "{buy:-1} (dict)"),
        ("evaluation.k=5", "a list such as [a,b], each an integer >= 1", "5 (int)"),
        ("evaluation.k=[5,0]", "each an integer >= 1", "[5,0] (list)"),
        ("evaluation.metrics=[HR,XYZ]", "each one of HR, Recall", "[HR,XYZ] (list)"),
        ("seed=-1", "an integer >= 0", "-1 (int)"),
        ("tensorboard=yes_please", "true or false", "'yes_please' (str)"),
        ("device={kind:cpu}", "unknown choice", "{kind:cpu}"),
    ],
)
def test_wrong_values(refused, word, expected, received):
    message = refused("train", word)
    assert expected in message and received in message and word in message


def test_layers_have_a_limit(refused):
    assert "an integer >= 1 and <= 100" in refused("train", "model=lightgcn", "model.layers=1000")


@pytest.mark.parametrize(
    "argv, part",
    [
        (["trainer.epochs"], "'trainer.epochs' lacks a value: write trainer.epochs=VALUE"),
        (["trainer.epochs", "=", "5"], "'trainer.epochs' lacks a value"),
        (["=5"], "'=5' has no key"),
        (["enmf"], "write model=enmf"),
        (["nonsense"], "settings are written key=value"),
        ([""], "settings are written key=value"),
        (["--epochs", "5"], "such as trainer.epochs=..."),
        (["--model=enmf"], "such as model=..."),
        (["--cfg", "everything"], "invalid choice: 'everything'"),
        (["evaluation.k=[1,2"], "cannot read 'evaluation.k=[1,2'"),
        (["run_dir=a=b"], "in quotes twice: run_dir='\"a=b\"'"),
        (["evaluation.k=5,10"], "add --multirun, or, for one list, write brackets: evaluation.k=[5,10]"),
        (["data@x=synthetic"], "cannot be moved with '@'"),
        (["~loss"], "a group cannot be removed"),
        (["~seed"], "a key cannot be removed"),
        (["seed=${nothing}"], "'nothing' not found"),
        (["model.kind=pairwise"], "belongs to the choice of model"),
        (["hydra.run.dir=x"], "run_dir="),
        (["--config-dir", "/no/such/folder"], "config folder '/no/such/folder' does not exist"),
    ],
)
def test_malformed_words(refused, argv, part):
    assert part in refused("train", *argv)


def test_settings_of_hydra_that_change_nothing_pass(config):
    assert config("train", "hydra.job.chdir=false", "+hydra.job.env_set.X=1")["seed"] == 0


@pytest.mark.parametrize("command", ["evaluate", "recommend"])
def test_mandatory_run_comes_with_an_example(refused, command):
    assert f"'run' must be given, for example: recsys {command} run=runs/" in refused(command)
