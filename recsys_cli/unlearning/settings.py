"""The settings of exact unlearning, used all over this folder."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.settings import Settings, changed, field


@dataclass(frozen=True)
class NoSettings(Settings):
    """Of one model that cannot forget."""

    name: str = field("none", "the name of the choice", fixed=True)


@dataclass(frozen=True)
class UnlearningSettings(NoSettings):
    """What every method of exact unlearning has."""

    name: str = changed(NoSettings, "name", "sisa")
    shards: int = field(10, "parts of the data, each with a sub-model of its own", low=1)
    shard_epochs: int | None = field(None, "of a sub-model; null: trainer.epochs", low=1)
    processes: int = field(1, "shards that are trained at the same time", low=1)
    partition: str = field(
        "random",
        "what the data is shared out by; balanced unless random; propagation: users, by labels of the graph",
        choices=("random", "users", "items", "interactions", "propagation"),
    )
    partition_vectors: str = field(
        "trained",
        'what "near" goes by: trained (WMF), random, or a public .npz of users and items [n, d]',
        suggested=("trained", "random"),
    )
    partition_centroids: str = field(
        "vector",
        "scalar: the mean over members and dimensions, as in the released code",
        choices=("vector", "scalar"),
    )
    partition_balance: str = field(
        "count",
        "of users or items; interactions: a shard is full by its interactions",
        choices=("count", "interactions"),
    )
    partition_slack: float = field(1.2, "a shard is full at slack * n / shards", low=1)
    partition_rounds: int = field(50, "at most", low=1)
    pretraining_epochs: int = field(50, "of the WMF for partition_vectors=trained", low=1)
    pretraining_size: int = field(64, "of its vectors", low=1)
    pretraining_negative_weight: float = field(0.1, "its c0", low=0)
    aggregation: str = field(
        "mean",
        "of the sub-models; static: one weight per shard; posteriors: the same, as GraphEraser's authors learn them; "
        "regression: in closed form; none: a single shard, of all users and items, is the model",
        choices=("none", "mean", "static", "posteriors", "attention", "regression"),
    )
    counts_mb: int = field(
        256, "of aggregation=none: for counts by which models such as item_knn forget without training, at most", low=0
    )
    aggregation_loss: str = field(
        "non_sampling",
        "over all pairs, with Adam; model: loss, optimizer and batches of the model, as in the thesis",
        choices=("non_sampling", "model"),
    )
    aggregation_negative_weight: float | None = field(
        None, "c0 of aggregation_loss=non_sampling; null: that of the loss, or 0.1 where it has none", low=0
    )
    aggregation_learning_rate: float = field(0.01, "of aggregation_loss=non_sampling", above=0)
    aggregation_batch_size: int = field(512, "users, of aggregation_loss=non_sampling", low=1)
    ridge_users: float = field(5.0, "of aggregation=regression, in means of the diagonal of X'X", above=0)
    ridge_items: float = field(0.1, "the same of Z'Z", above=0)
    aggregation_epochs: int = field(20, "of the aggregation", low=1)
    aggregation_tables: str = field(
        "final",
        "what is aggregated: final vectors, or embeddings before propagation",
        choices=("final", "embeddings"),
    )
    absent: str = field(
        "zeros",
        "for users and items that a shard does not have; random: as in the released code",
        choices=("zeros", "random"),
    )
    attention_size: int = field(32, "width of the attention", low=1)
    attention_l2: float = field(0.0, "times half the squared norm of the attention's parameters", low=0)
    transfer_l2: float = field(0.0, "of the transfer matrices; released code, BPR: 1e-5", low=0)
    transfer_init: str = field(
        "xavier_uniform",
        "of the transfer matrices; normal: standard deviation 0.01, as in the released WMF and LightGCN",
        choices=("normal", "xavier_uniform", "identity"),
    )
    aggregation_dropout: float = field(
        0.3, "rate, on the aggregated user vector, as released; not in the thesis", low=0, below=1
    )
    aggregation_layers: int = field(
        0, "of propagation afterwards, over the whole graph; released LightGCN: 3, with embeddings", low=0
    )
