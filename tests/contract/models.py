"""The table of models that the contract is tested on: a new model is one more line."""

from __future__ import annotations

from typing import NamedTuple

from recsys_cli.config.library import library


class Case(NamedTuple):
    """words: overrides that make the model small and quick; they hold on any data set.

    first: lowest and highest share of warm users on the checkerboard whose withheld item comes first.
    idle: variables whose share in a score is the same for all items, so that the loss of the model does not change them.
    """

    model: str
    words: tuple[str, ...] = ()
    epochs: int = 1
    first: tuple[float, float] = (0.96, 1.0)
    idle: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.model


SMALL = ("model.embedding_size=8",)
GRAPH = ("model.attention_size=4",)
CONVOLVED = ("model.init_scale=0.5", "loss.negatives=1", "model.dropout=0")
# Of one kind of epoch, whose loss can be compared with that before.
WITHOUT_FIRST = ("model.first_epoch_rate=null", "model.output_l2=0", "model.network_l2=0")
PLAYERS = ("model.pretraining=6", "model.discriminator_passes=4", "model.generator_passes=2")
QUICK = "optimizer.learning_rate=0.02"

# While all units are active, what shifts every score alike is lost in the difference of two.
SHIFTS = ("output_bias", "conv_bias_1", "conv_bias_2", "conv_bias_3")

CASES = (
    Case("popularity", first=(0.0, 0.0)),  # on the checkerboard the items that a user would not like are as popular
    Case("auxiliary_first", first=(0.0, 0.1)),  # carts of the other parity come before all
    Case("item_knn"),
    Case("user_knn"),
    Case("rp3beta"),
    Case("ease", ("model.l2=10",)),
    Case("wmf_als", SMALL, 2),
    Case("expomf", (*SMALL, "model.ridge=0.1"), 2),
    Case("enmf", SMALL, 6),
    Case("wmf", SMALL, 6),
    Case("bpr", SMALL, 4),
    Case("gmf", (*SMALL, QUICK), 4),
    Case("ncf", (*SMALL, QUICK), 4),
    Case("mlp", (QUICK,), 5),
    Case("ensfm", SMALL, 6),
    Case("ensfm_fm", SMALL, 6),
    Case("ensfm_nfm", SMALL, 6),
    Case("ensfm_svdfeature", SMALL, 6),
    Case("fm", SMALL, 6, idle=("user_linear",)),
    Case("nfm", SMALL, 8, idle=("user_linear",)),
    Case("oncf", (*SMALL, *CONVOLVED, "model.channels=[8,8,8]"), 12, idle=("user_linear", *SHIFTS)),
    Case("cfm", (*CONVOLVED, "model.embedding_size=4", "model.channels=[8,8]"), 12, idle=("user_linear", *SHIFTS)),
    Case("convncf", (*SMALL, *CONVOLVED, "model.channels=[8,8,8]", *WITHOUT_FIRST), 16, idle=SHIFTS),
    Case("deepfm", (*SMALL, QUICK, "model.layer_dropout=0"), 8),
    Case("lightgcn", (*SMALL, QUICK), 4),
    Case("cmf", SMALL, 4),
    Case("mc_bpr", SMALL, 4),
    Case("nmtr", SMALL, 4),
    Case("ehcf", SMALL, 6),
    Case("ehcf_one_by_one", SMALL, 6),
    Case("ehcf_unlinked", SMALL, 6),
    Case("cke", (*SMALL, QUICK, "model.relation_size=4"), 4),
    Case("cfkg", (*SMALL, "optimizer.learning_rate=0.5"), 12),
    Case("ripplenet", (*SMALL, QUICK, "model.memory=6"), 8),
    Case("kgat", (*SMALL, QUICK, "model.layers=[6]", "model.relation_size=4", "model.graph_batch_size=64"), 4),
    Case("jnskr", (*SMALL, *GRAPH), 8),
    Case("jnskr_without_kge", (*SMALL, *GRAPH), 8),
    Case("jnskr_without_attention", (*SMALL, *GRAPH), 8),
    Case("jnskr_alternating", (*SMALL, *GRAPH), 8),
    Case("eatnn", (*SMALL, "model.dropout=0.2"), 4),
    Case("eatnn_s", (*SMALL, "model.dropout=0.2"), 4),
    Case("eatnn_a", (*SMALL, "model.dropout=0.2"), 4),
    Case("eatnn_e", (*SMALL, "model.dropout=0.2"), 4),
    Case("sbpr", SMALL, 4),
    Case("transiv", (*SMALL, "model.own_size=2"), 3),
    Case("samn", SMALL, 4),
    Case("rating_means", first=(0.0, 0.3)),  # of a user and an item alone, not of both
    Case("item_knn_ratings", ("model.shrinkage=1",)),
    Case("pcmm", ("model.clusters=2", "model.shrinkage=1")),
    Case("biased_mf", (*SMALL, QUICK), 12),
    Case("pmf", (*SMALL, QUICK), 12),
    Case("autorec", ("model.hidden_units=8", QUICK), 40),
    Case("autorec_user", ("model.hidden_units=8", QUICK), 40),
    *(
        Case(f"hem_aae{ablation}", ("model.hidden_units=8", "model.learning_rate=0.03", "model.examples=3"), 24)
        for ablation in ("", "_without_mining", "_random_negatives", "_without_adversary")
    ),
    Case("irgan", (*SMALL, *PLAYERS, "optimizer.learning_rate=0.05"), 8),
    Case("ghcf", (*SMALL, "optimizer.learning_rate=0.05", "model.layers=1"), 10),
)

VALUES = {case.model: library("").group_values("model", case.model) for case in CASES}
KINDS = {name: values["kind"] for name, values in VALUES.items()}
TRAINABLE = {case.model: case.words for case in CASES if KINDS[case.model] != "closed_form"}
RESUMABLE = {case.model: case.words for case in CASES if case.model in TRAINABLE or case.epochs > 1}
# Of the presets of one implementation the first in the table speaks for all, where that is enough.
DISTINCT = set({VALUES[name]["_target_"]: name for name in reversed(VALUES)}.values())
