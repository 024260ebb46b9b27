"""Wrong input: one sentence that says what, where, what was received and how to mend it."""

from __future__ import annotations

import pytest

from recsys_cli.config.habits import OTHER_CHOICES, OTHER_NAMES
from recsys_cli.config.library import flatten, library


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
        ("evaluation.k=five", "a list such as [a,b], each an integer >= 1", "'five' (str)"),
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
        (["--cfg", "everything"], "--cfg everything: only --cfg job is there"),
        (["seed=1", "--config-dir"], "--config-dir needs a value: --config-dir DIR"),
        (["--cfg", "--resolve"], "--cfg needs a value: --cfg job"),
        (["evaluation.k=[1,2"], "cannot read 'evaluation.k=[1,2'"),
        (["run_dir=a=b"], "needs quotes twice, for the shell and for recsys: run_dir='\"a=b\"'"),
        (["evaluation.k=5,10"], "add --multirun, or, for one list, write brackets: evaluation.k=[5,10]"),
        (["data@x=synthetic"], "cannot be moved with '@'"),
        (["~loss"], "a group cannot be removed"),
        (["~seed"], "a key cannot be removed"),
        (["seed=${nothing}"], "cannot resolve seed: Interpolation key 'nothing' not found\n"),
        (
            ["data.raw_dir=${oc.env:NOPE}"],
            "cannot resolve data.raw_dir: the environment variable NOPE is not set: set it",
        ),
        (["trainer.epochs = 5"], "'trainer.epochs = 5' has spaces around '=': write trainer.epochs=5\n"),
        (["trainer.epochs =5"], "has spaces around '=': write trainer.epochs=5\n"),
        (["evaluation.k=[1,2"], "a bracket is not closed"),
        (["data.delimiter=,"], "for the shell and for recsys: data.delimiter='\",\"'\n"),
        (["--multirun", "seed=interval(0,9)"], "write them, seed=0,1,2, or count them, 'seed=range(0,10,2)'"),
        (["--multirun", "seed=tag(x,interval(0,9))"], "an interval has no end of values"),
        (["-cn", "train"], "the command chooses the config"),
        (["--config-name=train"], "the command chooses the config"),
        (["--info"], "--cfg job shows the config, recsys doctor this machine"),
        (["-cd", "conf"], "--config-dir DIR"),
        (["hydra.verbose=true"], "has no effect here: RECSYS_TRACEBACK=1"),
        (["hydra.job.chdir=true"], "choose the folder of a run with run_dir="),
        (["+hydra.job.env_set.X=1"], "set variables before you call recsys"),
        (["hydra/launcher=joblib"], "--multirun jobs=2 runs two at a time"),
        (["hydra.output_subdir=x"], "has no effect here"),
        (["+experiment=mine"], "DIR/tuned/NAME.yaml, with --config-dir DIR tuned=NAME"),
        (["model.kind=pairwise"], "belongs to the choice of model"),
        (["hydra.run.dir=x"], "run_dir="),
        (["--config-dir", "/no/such/folder"], "config folder '/no/such/folder' does not exist"),
    ],
)
def test_malformed_words(refused, argv, part):
    assert part in refused("train", *argv)


def test_settings_of_hydra_that_ask_for_nothing_pass(config):
    assert config("train", "hydra.job.chdir=false", "hydra.verbose=false")["seed"] == 0


@pytest.mark.parametrize(
    "word, advice",
    [
        ("lr=0.1", "'optimizer.learning_rate'"),
        ("optimizer.lr=0.1", "'optimizer.learning_rate'"),
        ("bs=64", "'trainer.batch_size'"),
        ("emb_size=64", "'model.embedding_size'"),
        ("reg=0.1", "'loss.l2'"),
        ("topk=[10]", "'evaluation.k'"),
        ("gpu=0", "'device=gpu'"),
        ("num_workers=4", "'device.threads'"),
        ("dataset=beibei", "'data'"),
        ("device=cuda", "Did you mean 'gpu'?"),
        ("model=neumf", "Did you mean 'ncf'?"),
    ],
)
def test_names_that_other_programs_have(refused, word, advice):
    assert advice in refused("train", word)


def test_what_other_programs_call_it_leads_to_something_that_exists():
    ours = library("")
    files = {group: [flatten(ours.group_values(group, c)) for c in ours.choices(group)] for group in ours.groups()}
    keys = {f"{group}.{key}" for group, found in files.items() for values in found for key in values}
    keys |= set(ours.values("train")) | set(files)
    for name, key in OTHER_NAMES.items():
        assert name not in {known.rpartition(".")[2] for known in keys}, f"{name} is a key of ours"
        assert " " in key or key.partition("=")[0] in keys
    for group, choices in OTHER_CHOICES.items():
        assert set(choices.values()) <= set(ours.choices(group)) and not set(choices) & set(ours.choices(group))


def test_one_value_is_a_list_of_one(config):
    assert config("train", "evaluation.k=10")["evaluation"]["k"] == [10]
    assert config("train", "evaluation.metrics=NDCG")["evaluation"]["metrics"] == ["NDCG"]
    assert config("train", "data.behaviours=buy")["data"]["behaviours"] == ["buy"]
    assert config("evaluate", "run=x", "evaluation.k=5")["evaluation"]["k"] == [5]


@pytest.mark.parametrize("command", ["evaluate", "recommend"])
def test_mandatory_run_comes_with_an_example(refused, command):
    assert f"'run' must be given, for example: recsys {command} run=runs/" in refused(command)
