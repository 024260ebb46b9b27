"""What a model is: towers that give vectors (or a scorer), and the tasks it is trained on.

A model never sees a loss, a file or a metric. Losses ask it for vectors of users and items, or for scores of pairs;
evaluation asks it for a scorer over all items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.settings import Settings, field
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.ops.layers import INITIALIZERS, initial_values

if TYPE_CHECKING:
    from recsys_cli.losses.base import Phase

Scorer = Callable[[tf.Tensor], tf.Tensor]  # users int32 [b] -> float32 [b, n_items]


class Task(NamedTuple):
    """One matrix to be predicted: a behaviour of users towards items, or another relation of users or of items.

    pairs: the observed pairs, users x items (or users x friends, tails x heads: whatever the towers of the task give).
    weight: mu_k, its share in a joint loss; a task of weight 0 is not trained. group: tasks of one group share their
    towers and differ in the prediction vector only; a loss may name a group for all of its tasks. counts: [columns],
    how often each column occurs, for weights by popularity; None: in these pairs.
    """

    name: str
    pairs: CSR
    weight: float = 1.0
    group: str = "behaviours"
    counts: np.ndarray | None = None


class Need(NamedTuple):
    """What a model takes, in numbers of 4 bytes, told before any of them is allocated.

    parameters: in its variables. step: what a step of training, or of the solution, keeps beside them and its batch.
    scoring: what a scorer keeps beside the block of scores. pairs: the observed ones it learns from. width: the numbers
    of a user (an item) in a batch. setting: the key that drives all this.
    """

    parameters: float
    step: float = 0
    scoring: float = 0
    pairs: int = 0
    width: int = 1
    setting: str = "model"


class Factors:
    """The scorer of a factored model: score = users @ items'.

    users: float32 [n_users, d], items: float32 [n_items, d], both final (propagated, prediction vector folded in).
    """

    def __init__(self, users: tf.Tensor, items: tf.Tensor):
        self.users, self.items = users, items

    def __call__(self, users: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.gather(self.users, users), self.items, transpose_b=True)


@dataclass(frozen=True)
class ModelSettings(Settings):
    """What every model has. A model declares its own as `Settings`, a frozen dataclass that extends this."""

    name: str | None = field(None, "the name of the choice", fixed=True)
    kind: str | None = field(
        None,
        "what it gives: user and item vectors, scores of pairs, a solution of its own, ratings by loss=rating, or ratings "
        "by phases of its own",
        choices=("factored", "pairwise", "closed_form", "rating", "own_rating"),
        fixed=True,
    )


@dataclass(frozen=True)
class EmbeddingSettings(ModelSettings):
    """Of models with a vector for each user and item."""

    embedding_size: int = field(64, "d, the length of the vectors", low=1)
    init: str = field("truncated_normal", "how the vectors are drawn", choices=INITIALIZERS)
    init_scale: float = field(
        0.01, "their standard deviation, or largest value if uniform; xavier_uniform has its own", above=0
    )


class Model(tf.Module):
    """Base of all models. Subclasses take (config, dataset, seed) and name every variable uniquely.

    config: the settings of the class, or a node of a config with the same keys.
    """

    predicts_ratings = False  # its scores are ratings, whatever the loss

    def __init__(self, config: Any, dataset: Dataset, seed: int):
        super().__init__(name=config.name)
        self.config, self.seed = config, seed
        self.n_users, self.n_items, self.share = dataset.n_users, dataset.n_items, dataset.share
        self.target = 0  # the task by which items are ranked
        self.tasks: tuple[Task, ...] = (Task(dataset.target, dataset.target_train),)

    @classmethod
    def memory(cls, config: Any, dataset: Dataset) -> Need:
        """What a model of this config would take on this data set. Here: a vector for every user and every item."""
        size = getattr(config, "embedding_size", None) or 1
        nodes = dataset.n_users + dataset.n_items
        return Need(nodes * size, pairs=dataset.target_train.nnz, width=size, setting="model.embedding_size")

    def parameter(self, name: str, shape: Sequence[int], kind: str | None = None, scale: float = 0.0) -> tf.Variable:
        """A variable whose initial values have a stream of their own, by its name.

        kind, scale: see layers.initial_values; None: those of the config, `init` and `init_scale`.
        """
        if kind is None:
            kind, scale = self.config.init, self.config.init_scale
        return tf.Variable(initial_values(kind, shape, seed=self.seed, purpose=name, scale=scale), name=name)

    def state(self) -> dict[str, tf.Variable]:
        """All that a checkpoint must hold, by name."""
        return {v.name.split(":")[0]: v for v in self.variables}

    def count_parameters(self) -> int:
        """Numbers in all that a checkpoint holds."""
        return sum(int(np.prod(variable.shape)) for variable in self.state().values())

    def scorer(self) -> Scorer:
        """Scores of all items, by the parameters as they are now."""
        raise NotImplementedError

    def explain(self, users: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """What the model can tell of how it comes to its scores, for `recsys inspect`: name -> columns of a table.

        users: int32 [n]. Columns of one table are arrays of equal length; those called user, friend and item hold
        internal ids, which are shown as the raw ones.
        """
        return {}


class Rows(NamedTuple):
    """Rows of a table: of these ids, or all (ids None). vectors: [..., d], what was looked up."""

    table: Any
    ids: tf.Tensor | None
    vectors: tf.Tensor


class TrainableModel(Model):
    """A model whose parameters follow a gradient."""

    joint = True  # every step sees all tasks; False: an epoch passes over one task after the other
    # Steps that each phase does in turn, such as (1, 5), until all are through; None: one whole phase after the other.
    turns: tuple[int, ...] | None = None
    # Of the learning rate, by the name of a variable: 0.1 for one that moves ten times as slowly as the others.
    rate_factors: Mapping[str, float] = {}
    # The variables that model.pretrained takes from another run; none: the model has no such setting.
    from_pretrained: tuple[str, ...] = ()

    def phases(self, usual: Sequence[Phase], batch_size: int, seed: int) -> Sequence[Phase]:
        """What an epoch consists of; usual: the phases of the chosen loss, empty for loss=none."""
        return usual

    def begin_epoch(self, epoch: int) -> None:
        """Called before the first step of an epoch (counted from 0), and by no resume inside of it.

        What it computes belongs into variables (not trainable ones): they are saved, so that a resumed run has what
        the epoch began with. Depends on the variables and (self.seed, epoch) only.
        """

    def end_epoch(self, epoch: int) -> None:
        """Called after the last step of an epoch, before anything is evaluated or saved; as `begin_epoch`."""

    def start_at(self, mean: float) -> None:
        """Called by loss=rating before training: a model with a constant in its score starts from the mean rating."""

    def encode(self, noise: tf.Tensor | None = None) -> Any:
        """Work done once per step, e.g. the propagation over a graph; handed to the methods below.

        noise: int [2], the seed of this step for layers.dropout and layers.fold; None when not training.
        """
        return None

    def score(self, task: int, encoded: Any, users: tf.Tensor, items: tf.Tensor, noise=None) -> tf.Tensor:
        """users: int32 [b], items: int32 [b, m] -> float32 [b, m]"""
        raise NotImplementedError

    def penalised(self, task: int, encoded: Any, users: tf.Tensor | None, items: tf.Tensor | None) -> Sequence[Rows]:
        """What stands behind these ids and loss.l2 weighs by half its squared norm: see `rows`.

        users, items: int32 [...], or None for all of them. An id that repeats counts each time; the same rows of a
        table that several tasks name in a step count once.
        """
        raise NotImplementedError

    def penalty(self, task: int, encoded: Any, users: tf.Tensor | None, items: tf.Tensor | None) -> tf.Tensor:
        """Half the squared norm of what one task names."""
        return half_squares(self.penalised(task, encoded, users, items))

    def own_penalty(self, encoded: Any) -> tf.Tensor | None:
        """What the model itself adds to the loss of every step, not divided by the batch; None: nothing."""
        return None


class FactoredModel(TrainableModel):
    """A model that scores by h . (p_u * q_v): takes every loss, the whole-data ones included."""

    drops_both_sides = False  # `score` drops out item vectors too, not those of the users alone
    # Names of the variables with a row per user, which only the vectors of that user depend on: workers can share the
    # users out where all other variables are of items or of all (docs/distributed.md). Empty: they cannot.
    user_tables: tuple[str, ...] = ()

    def is_by_user(self, table: Any) -> bool:
        """Whether a variable, or a tensor that `encode` has made, is one of `user_tables`."""
        return isinstance(table, tf.Variable) and table.name.split(":")[0] in self.user_tables

    def user_vectors(self, task: int, encoded: Any, ids: tf.Tensor | None = None, noise=None) -> tf.Tensor:
        """p: [b, d] of the given users, or [n_users, d] of all of them."""
        raise NotImplementedError

    def item_vectors(self, task: int, encoded: Any, ids: tf.Tensor | None = None, noise=None) -> tf.Tensor:
        """q: [..., d] of the given items (friends, for a social task), or [n_items, d] of all of them."""
        raise NotImplementedError

    def prediction_vector(self, task: int, encoded: Any) -> tf.Tensor | None:
        """h: [d], or None for a plain dot product."""
        return None

    def score(self, task, encoded, users, items, noise=None):
        p = self.user_vectors(task, encoded, users, noise)
        h = self.prediction_vector(task, encoded)
        if h is not None:
            p = p * h
        q = self.item_vectors(task, encoded, items, noise if self.drops_both_sides else None)
        return tf.einsum("bd,bmd->bm", p, q)

    def scorer(self) -> Factors:
        encoded = self.encode()
        p, q = self.user_vectors(self.target, encoded), self.item_vectors(self.target, encoded)
        h = self.prediction_vector(self.target, encoded)
        return Factors(p if h is None else p * h, tf.convert_to_tensor(q))


def gather(table: tf.Variable, ids: tf.Tensor | None, found: dict | None = None) -> tf.Tensor:
    """Rows of an embedding table, or the whole table: its gradient is then dense, without an index.

    found: what this step has looked up already. A loss wants the same rows twice, for scores and for the penalty, and
    two look-ups would have two sparse gradients to be merged.
    """
    if ids is None:
        return tf.convert_to_tensor(table)
    if found is None:
        return tf.gather(table, ids)
    key = table.ref(), tf.convert_to_tensor(ids).ref()
    if key not in found:
        found[key] = tf.gather(table, ids)
    return found[key]


def rows(table: Any, ids: tf.Tensor | None, found: dict | None = None) -> Rows:
    """For `penalised`. table: a variable, or a tensor that `encode` has made; found: as in `gather`."""
    return Rows(table, ids, gather(table, ids, found))


def half_squares(named: Sequence[Rows]) -> tf.Tensor:
    """Half the squared norm, the same rows of the same table once."""
    distinct: dict[tuple[int, int], tf.Tensor] = {}
    for r in named:
        distinct.setdefault((id(r.table), id(r.ids)), r.vectors)
    return tf.add_n([tf.nn.l2_loss(vectors) for vectors in distinct.values()]) if distinct else tf.constant(0.0)


class SolvedModel(Model):
    """A model that is computed rather than following a gradient: `passes` epochs of steps of its own."""

    passes: int | None = 1  # None: as many as trainer.epochs

    def begin(self, epoch: int) -> int:
        """Prepares pass `epoch` (counted from 0) and returns its number of steps."""
        return 1

    def run_step(self, step: int) -> float:
        """Does one step and returns its share of the objective (0 where there is none)."""
        raise NotImplementedError
