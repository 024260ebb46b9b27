"""The model and the learner of one worker, on its users."""

from __future__ import annotations

from recsys_cli.data.dataset import Dataset
from recsys_cli.data.share import Share, part_of
from recsys_cli.distributed.exchange import SumOfWorkers
from recsys_cli.distributed.wire import Wire
from recsys_cli.models.base import FactoredModel
from recsys_cli.training.build import build_learner, build_model
from recsys_cli.training.learner import GradientLearner


class Part:
    """names: of all variables in one order, the same on all workers."""

    def __init__(self, config, dataset: Dataset, wire: Wire):
        """config: the root node. dataset: with all users."""
        share = Share(wire.number, wire.of, dataset.n_users)
        model = build_model(config.model, part_of(dataset, share), config.seed)
        assert isinstance(model, FactoredModel)
        # How often an item occurs is known of all users.
        model.tasks = tuple(
            task if task.counts is not None else task._replace(counts=dataset.train[task.name].col_counts)
            for task in model.tasks
        )
        self._share, self._tables = share, model.user_tables
        learner = build_learner(config, model, SumOfWorkers(model, wire))
        assert isinstance(learner, GradientLearner)
        self.learner, self.state = learner, learner.state()
        self.names = sorted(self.state)

    def share(self, name: str) -> Share | None:
        """Of a variable, or of the state that an optimiser has of it (NAME/KIND); None: all workers have the same."""
        return self._share if name.partition("/")[0] in self._tables else None
