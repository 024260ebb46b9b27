"""The shipped configuration of each golden file: what must be as shipped, and what is set, by which key.

Sizes and tuned values are set from the file's hyper-parameters. Whatever else is set is a deviation of ours from the
authors' program, undone here by the option that has the name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from omegaconf import DictConfig

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from tests.golden.golden import Golden

# What describes the data of a file and has no key.
DESCRIBES = {
    *("n_entities", "n_relations_raw", "n_relations_in_model", "batch_kg"),
    *("n_entities_tail", "n_relations", "padding_user_id", "padding_relation_id", "padding_tail_id"),
    *("model", "n_users", "n_items", "seed", "behaviours", "padding_item_id", "padding_friend_id", "group_K"),
    *("test_batch", "users_evaluated"),
    *("n_contexts", "n_train_contexts", "user_features", "item_features"),
    *(
        "lr_pre",
        "list_length",
        "longest_list",
        "list_lengths",
        "longest",
        "list_length_full",
        "list_length_sub",
        "longest_full",
    ),
}


class Preset(NamedTuple):
    """shipped: hyper-parameter -> key that has its value without being set. set: those that are set. Several keys, with
    commas between, have a value of a list each (a key "-": one that has no effect), or all have the one value.

    authors: overrides that undo our deviations. unused: hyper-parameters that have no effect on the file.
    """

    choices: tuple[str, ...]
    shipped: dict[str, str]
    set: dict[str, str]
    authors: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def optimizer(**keys: str) -> dict[str, str]:
    return {hyper: f"optimizer.{key}" for hyper, key in {"optimizer": "name", **keys}.items()}


ADAGRAD = optimizer(lr="learning_rate", initial_accumulator="initial_accumulator")
ADAM = optimizer(beta1="beta_1", beta2="beta_2", epsilon="epsilon")
RATE = {"lr": "optimizer.learning_rate"}
SIZES = {"d": "model.embedding_size", "batch": "trainer.batch_size", "K": "evaluation.k"}
WHOLE = SIZES | {"c0": "loss.negative_weight", "keep_prob": "model.dropout"}
SAMPLED = SIZES | {"reg": "loss.l2"}
BEHAVIOURS = SIZES | {"c0_view_cart_buy": "loss.negative_weight", "mu_view_cart_buy": "model.task_weights"}
DROPOUT = {"node_dropout": "model.node_dropout", "mess_dropout": "model.message_dropout"}
SHARDS = {"shards": "unlearning.shards", "attention_size": "unlearning.attention_size"}
# Ours: each observed pair once per epoch. Theirs: as many steps, of users drawn without replacement.
BY_USERS = "loss.sampling=users"
# Of the repository of KGAT. Ours: the ideal list holds all test items.
KGAT = (BY_USERS, "evaluation.ndcg=kgat")
KNOWLEDGE = SIZES | RATE | {"kge_d": "model.relation_size"}
# Ours: who is not in a shard has no vector of it; the aggregation learns from all pairs, by Adam.
ERASER = ("unlearning.absent=random", "unlearning.aggregation_loss=model", "unlearning.aggregation_dropout=0")
# Ours: recall is of all test items.
MIN_K = ("evaluation.recall_divisor=min_k",)

FIELDS = SIZES | {"keep_prob": "model.dropout"}
CHANNELS = {"channels": "model.channels"}
PENALTIES = "loss.l2,model.output_l2,model.network_l2"
CONVOLVED = FIELDS | CHANNELS | {"regs": PENALTIES}

EHCF = Preset(
    ("model=ehcf",),
    ADAGRAD | {"l2_transfer": "model.transfer_l2"},
    BEHAVIOURS | {"keep_prob": "model.dropout"},
    MIN_K,
)
PRESETS = {
    "enmf": Preset(("model=enmf",), ADAGRAD, WHOLE),
    "wmf": Preset(("model=wmf",), ADAGRAD, WHOLE),
    "bprmf": Preset(("model=bpr",), ADAGRAD, SAMPLED, (BY_USERS,), unused=("layers",)),
    "mf_bpr": Preset(
        ("model=bpr", "evaluation=sampled"),
        optimizer(lr="learning_rate"),
        # Theirs, of another repository than bprmf: TensorFlow's default accumulator.
        SIZES | {"regs": "loss.l2", "initial_accumulator": "optimizer.initial_accumulator"},
        (BY_USERS, "loss.reduction=sum"),  # ours: the mean over the batch
    ),
    "lightgcn": Preset(("model=lightgcn",), ADAM | {"layers": "model.layers"}, SAMPLED | RATE, (BY_USERS,)),
    "ehcf": EHCF,
    "ehcf_two_behaviours": EHCF._replace(choices=("model=ehcf", "data.behaviours=[view,buy]")),
    "ensfm": Preset(("model=ensfm",), ADAGRAD, WHOLE, ("evaluation.recall_divisor=min_k",)),
    "fm": Preset(("model=fm",), ADAGRAD, FIELDS, ("loss.reduction=sum",), unused=("layers",)),
    "nfm": Preset(
        ("model=nfm",),
        ADAGRAD,
        FIELDS | {"layers": "model.layer_widths"},
        ("loss.reduction=sum", "model.layer_dropout=0"),  # theirs, in this file: keep_prob is of both
    ),
    "oncf": Preset(("model=oncf",), ADAGRAD, CONVOLVED, ("loss.reduction=sum",), unused=("layers",)),
    "cfm": Preset(("model=cfm",), ADAGRAD, FIELDS | CHANNELS, ("loss.reduction=sum",), unused=("layers",)),
    "convncf": Preset(
        ("model=convncf", "evaluation=sampled"),
        optimizer(),
        SIZES
        | CHANNELS
        | {"regs": PENALTIES, "lr_embed": "optimizer.learning_rate", "lr_net": "model.network_rate"}
        | {"initial_accumulator": "optimizer.initial_accumulator"},
        ("loss.reduction=sum", "model.first_epoch_rate=null"),  # ours: the first epoch is a phase of its own
        unused=("lr",),
    ),
    "ghcf": Preset(
        ("model=ghcf",),
        ADAM,
        BEHAVIOURS | RATE | DROPOUT | {"layers": "model.layers", "reg": "loss.l2"},
        ("evaluation.ndcg=kgat",),  # ours: the ideal list holds all test items
    ),
    "jnskr": Preset(
        ("model=jnskr",),
        ADAGRAD | {"p": "loss.popularity,model.graph_popularity"},
        SIZES
        | {"c0": "loss.negative_weight", "c1": "model.graph_negative_weight", "mu_kg": "model.graph_weight"}
        | {"keep_prob": "model.item_dropout,model.graph_dropout", "l2": "model.table_l2,model.attention_l2"}
        | {"attention_size": "model.attention_size"},
        ("evaluation.ndcg=kgat",),
    ),
    "eatnn": Preset(
        ("model=eatnn",),
        ADAGRAD | {"l2": "model.merged_l2,model.item_attention_l2,model.social_attention_l2"},
        SIZES
        | {"keep_prob": "model.dropout", "attention_size": "model.attention_size", "mu_social": "model.social_weight"}
        | {"c0_item": "loss.negative_weight", "c0_social": "loss.negative_weight"},
        MIN_K,
    ),
    "cke": Preset(
        ("model=cke",),
        ADAM,
        KNOWLEDGE | {"regs": "loss.l2,model.graph_l2,-"},
        KGAT,
        unused=("layers",),
    ),
    "cfkg": Preset(
        ("model=cfkg",),
        optimizer(),
        SIZES | RATE,
        ("evaluation.ndcg=kgat",),
        unused=("layers", "regs", "kge_d"),
    ),
    "kgat": Preset(
        ("model=kgat",),
        ADAM,
        KNOWLEDGE
        | {"lr": "optimizer.learning_rate,model.graph_learning_rate", "layers": "model.layers"}
        | {"regs": "loss.l2,model.graph_l2,-"},
        (*KGAT, "model.attention=constant", "model.message_dropout=0"),
    ),
    "kg_bprmf": Preset(
        ("model=bpr", "optimizer=adam"),
        ADAM,
        SIZES | RATE | {"regs": "loss.l2,-,-"},
        KGAT,
        unused=("layers", "kge_d"),
    ),
    "samn": Preset(
        ("model=samn",),
        ADAGRAD | {"l2_attention": "model.attention_l2"},
        SIZES
        | {"keep_prob": "model.dropout", "l2_vectors": "loss.l2"}
        | {"memory_slots": "model.memory_slots", "attention_size": "model.attention_size"},
        (*MIN_K, "loss.reduction=sum"),  # ours: the mean over the batch
    ),
    "receraser_bpr": Preset(
        ("model=bpr", "unlearning=receraser"),
        ADAGRAD | {"layers": "unlearning.aggregation_layers"},
        SAMPLED | SHARDS,
        (BY_USERS, *ERASER, "unlearning.transfer_l2=1e-5"),  # ours: none; theirs: for BPR only
    ),
    "receraser_wmf": Preset(
        ("model=wmf", "unlearning=receraser"),
        ADAGRAD | {"layers": "unlearning.aggregation_layers"},
        WHOLE | SHARDS,
        ERASER,
        unused=("reg",),
    ),
    "receraser_lightgcn": Preset(
        ("model=lightgcn", "unlearning=receraser"),
        ADAM | {"layers": "model.layers"},
        SAMPLED | SHARDS | RATE,
        # Ours: final vectors are aggregated, and not propagated again.
        (BY_USERS, *ERASER, "unlearning.aggregation_tables=embeddings", "unlearning.aggregation_layers=3"),
    ),
}


def shipped(name: str, *words: str) -> DictConfig:
    """Without values that are tuned for the data set that compose needs."""
    return compose("train", [*PRESETS[name].choices, "~tuned", *words], library(""), quick=True)


def configured(name: str, golden: Golden) -> DictConfig:
    """The shipped config with the sizes of the file and the authors' ways."""
    preset = PRESETS[name]
    sizes = [word for hyper, keys in preset.set.items() for word in _words(hyper, keys, golden)]
    return shipped(name, *sizes, *preset.authors)


KNOWLEDGE = ("cke", "kg_bprmf", "kgat")  # their penalties are of other kinds


def by_key(keys: str, value: Any) -> dict[str, Any]:
    """The value of each key of a hyper-parameter."""
    names = keys.split(",")
    values = value if len(names) > 1 and isinstance(value, list) else [value] * len(names)
    return {name: of_name for name, of_name in zip(names, values, strict=True) if name != "-"}


def _words(hyper: str, keys: str, golden: Golden) -> list[str]:
    """The value of a hyper-parameter as overrides have it."""
    if hyper == "regs" and golden.hyper["model"] not in KNOWLEDGE:
        # Of all vectors, without the half; then, of networks, of the last layer and of all layers.
        vectors, *layers = golden.hyper[hyper]
        return [f"{key}={value}" for key, value in zip(keys.split(","), [2 * vectors, *layers])]
    return [f"{key}={_word(hyper, golden, value, key)}" for key, value in by_key(keys, golden.hyper[hyper]).items()]


def _word(hyper: str, golden: Golden, value: Any, key: str) -> str:
    if hyper == "keep_prob":
        return str(1 - value)
    if hyper == "lr_net":  # a multiple of that of the vectors
        return str(value / golden.hyper["lr_embed"])
    if hyper in ("c0_item", "c0_social"):
        return f"{{buy: {golden.hyper['c0_item']}, friends: {golden.hyper['c0_social']}}}"
    if hyper == "regs" and golden.hyper["model"] in (
        "cke",
        "kg_bprmf",
    ):  # the penalty of a batch is not divided by its size
        return str(value * golden.hyper["batch"] if key == "loss.l2" else value)
    if hyper == "regs" and golden.hyper["model"] == "kgat":  # divided by a size that batches of triples do not reach
        reached = len(golden.given("kge/batch/heads")[0]) / golden.hyper["batch_kg"]
        return str(value if key == "loss.l2" else value * reached)
    if hyper.endswith("_view_cart_buy"):
        named = dict(zip(("view", "cart", "buy"), value))
        return "{" + ",".join(f"{name}: {named[name]}" for name in golden.behaviours) + "}"
    return str(value)
