"""What people bring along from Hydra and from other programs, and what it is called here."""

from __future__ import annotations

# Last part of a key -> what to write. None of these is a key of ours anywhere.
OTHER_NAMES = {
    "lr": "optimizer.learning_rate",
    "optim": "optimizer",
    "bs": "trainer.batch_size",
    "batchsize": "trainer.batch_size",
    "train_batch_size": "trainer.batch_size",
    "num_epochs": "trainer.epochs",
    "n_epochs": "trainer.epochs",
    "max_epochs": "trainer.epochs",
    "patience": "trainer.early_stopping",
    "dim": "model.embedding_size",
    "emb_size": "model.embedding_size",
    "emb_dim": "model.embedding_size",
    "embed_size": "model.embedding_size",
    "embedding_dim": "model.embedding_size",
    "latent_dim": "model.embedding_size",
    "hidden_dim": "model.embedding_size",
    "factors": "model.embedding_size",
    "n_layers": "model.layers",
    "num_layers": "model.layers",
    "reg": "loss.l2",
    "regs": "loss.l2",
    "decay": "loss.l2",
    "weight_decay": "loss.l2",
    "reg_weight": "loss.l2",
    "c0": "loss.negative_weight",
    "n_neg": "loss.negatives",
    "num_neg": "loss.negatives",
    "num_negatives": "loss.negatives",
    "topk": "evaluation.k",
    "top_k": "evaluation.k",
    "ks": "evaluation.k",
    "topks": "evaluation.k",
    "gpu": "device=gpu",
    "gpus": "device=gpu",
    "gpu_id": "CUDA_VISIBLE_DEVICES in the environment",
    "cuda": "device=gpu",
    "num_workers": "device.threads",
    "n_jobs": "device.threads",
    "num_threads": "device.threads",
    "dataset": "data",
    "dataset_path": "data.path",
    "data_path": "data.path",
    "random_state": "seed",
    "random_seed": "seed",
    "output_dir": "run_dir",
    "log_dir": "run_dir",
    "save_dir": "run_dir",
    "checkpoint": "resume",
    "experiment": "a file of your own, DIR/tuned/NAME.yaml, with --config-dir DIR tuned=NAME",
}

OTHER_CHOICES = {
    "device": {"cuda": "gpu", "cuda:0": "gpu", "tpu": "auto", "mps": "cpu"},
    "loss": {"bce_with_logits": "bce", "cross_entropy": "softmax", "mse": "non_sampling", "whole_data": "non_sampling"},
    "model": {
        "mf": "bpr",
        "neumf": "ncf",
        "most_popular": "popularity",
        "pop": "popularity",
        "itemknn": "item_knn",
        "userknn": "user_knn",
    },
}

# Options of Hydra's own command line.
OPTIONS = {
    ("-cn", "--config-name"): "the command chooses the config, and groups what is in it: model=enmf data=beibei",
    ("-cp", "--config-path"): "a folder of your own configs is named by --config-dir DIR",
    ("-cd",): "a folder of your own configs is named by --config-dir DIR",
    ("-r", "--run"): "leave it out; --multirun asks for several jobs",
    ("-p", "--package"): "--cfg job shows the whole config",
    ("-i", "--info"): "--cfg job shows the config, recsys doctor this machine and the data sets",
    ("-sc", "--shell-completion"): "recsys completion bash (or zsh, fish) prints completion",
    ("--hydra-help",): "recsys COMMAND --help shows the settings",
    ("--experimental-rerun",): "recsys train resume=RUN goes on with a run",
}

# Settings of Hydra that would look obeyed and are not: folders, jobs and the search path are ours.
WITHOUT_EFFECT = {
    "hydra.run": "choose the folder with run_dir=... or runs_dir=...",
    "hydra.sweep": "choose the folder with runs_dir=...",
    "hydra.searchpath": "name a folder of your own with --config-dir DIR",
    "hydra.job.chdir": "every path is taken from where you call recsys; choose the folder of a run with run_dir=...",
    "hydra.job.env_set": "set variables before you call recsys",
    "hydra.verbose": "RECSYS_TRACEBACK=1 in the environment shows where a crash came from",
    "hydra/launcher": "it is for several jobs; --multirun jobs=2 runs two at a time",
    "hydra/sweeper": "--multirun takes every combination of the values written, as in seed=0,1,2",
    "hydra": "recsys reads configs by Hydra and does the rest itself",
}


def other_name(key: str) -> str | None:
    return OTHER_NAMES.get(key.rpartition(".")[2].lower())


def other_choice(group: str, choice: str) -> str | None:
    return OTHER_CHOICES.get(group, {}).get(choice.lower())


def option_of_hydra(word: str) -> str | None:
    """What to do instead of an option such as ``-cn``, ``--config-name=x``."""
    name = word.partition("=")[0]
    return next((advice for names, advice in OPTIONS.items() if name in names), None)


def without_effect(key: str) -> str | None:
    for name, advice in WITHOUT_EFFECT.items():
        if key == name or key.startswith((f"{name}.", f"{name}/")):
            return advice
    return None
