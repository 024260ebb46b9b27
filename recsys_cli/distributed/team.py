"""The first worker's side: it starts or meets the others, leads them through a training, and ends them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from recsys_cli.distributed.orders import BEGIN, COLLECT, END, RUN, SPREAD, check_same, told
from recsys_cli.distributed.place import Place, place_of
from recsys_cli.distributed.processes import PATIENCE, Processes
from recsys_cli.training.device import cores

if TYPE_CHECKING:
    import numpy as np

    from recsys_cli.data.dataset import Dataset
    from recsys_cli.distributed.part import Part
    from recsys_cli.distributed.wire import Wire
    from recsys_cli.models.base import FactoredModel, Scorer


class Team:
    """A context: whatever happens inside, the others have ended after it.

    config: the root node; the number of workers, and what all of them have to agree on, are taken from it at once.
    """

    def __init__(self, config, place: Place):
        self.config, self.place = config, place
        self._identity, self._text = told(config), OmegaConf.to_yaml(config, resolve=True)
        self._wire: Wire | None = None
        self._processes: Processes | None = None

    @property
    def threads(self) -> int | None:
        """Of each worker, where they share a machine."""
        if not self.place.local:
            return None
        return self.config.device.threads or max(1, cores() // self.place.of)

    def join(self, dataset: Dataset) -> None:
        """Meets the other workers; before it TensorFlow may not have computed anything."""
        from recsys_cli.distributed.exact import refuse_few_users
        from recsys_cli.distributed.wire import Wire

        if self._processes:
            self._processes.wait()
        else:
            print(f"worker 0 of {self.place.of} at {self.place.addresses[0]}: waiting for the others", flush=True)
        self._wire = Wire(self.place)
        self._wire.explain = self._why
        check_same(self._wire, self.config, self._identity, dataset)
        refuse_few_users(self.place.of, dataset)

    def learner(self, model: FactoredModel, dataset: Dataset) -> LeadingLearner:
        from recsys_cli.distributed.part import Part

        assert self._wire
        return LeadingLearner(Part(self.config, dataset, self._wire), self._wire, model)

    def __enter__(self) -> Team:
        if self.place.local:  # they import TensorFlow while this one does
            self._processes = Processes(self.place, self._text, self.threads or 1)
        return self

    def __exit__(self, kind, error, trace) -> None:
        well = kind is None and self._wire is not None and not self._wire.broken
        if well and self._wire:
            with suppress(Exception):
                self._wire.tell(END)
        if self._processes:
            self._processes.close(kill=not well)

    def _why(self) -> str:
        which = self._processes.why(PATIENCE) if self._processes else "another worker has ended or cannot be reached"
        run = self.config.get("run_dir")
        again = f": go on from the newest checkpoint with recsys train resume={run}" if run else ""
        return f"{which or 'the workers have lost each other'}, and the others end with it{again}"


class LeadingLearner:
    """Trains as `learner.GradientLearner` does, on all workers. model: with all users, which is scored."""

    def __init__(self, part: Part, wire: Wire, model: FactoredModel):
        self._part, self._wire, self._model = part, wire, model
        self._state = {name: Shared(part, wire, name) for name in part.names}
        for name, variable in model.state().items():
            self._state[name].assign(variable.numpy())

    def state(self) -> Mapping[str, Shared]:
        return self._state

    def begin(self, epoch: int) -> int:
        self._wire.tell(BEGIN, epoch)
        return self._part.learner.begin(epoch)

    def run(self, first: int, last: int, total: float) -> float:
        self._wire.tell(RUN, first, last)
        with self._wire.watched():
            total = self._part.learner.run(first, last, total)
        return self._wire.total(total)

    def scorer(self) -> Scorer:
        for name, variable in self._model.state().items():
            variable.assign(self._state[name].numpy())
        return self._model.scorer()


class Shared:
    """A variable that all workers have, or each of them a part of, to be read and assigned as if it were here."""

    def __init__(self, part: Part, wire: Wire, name: str):
        self._wire, self._number, self._share = wire, part.names.index(name), part.share(name)
        self._here: Any = part.state[name]
        self.dtype = self._here.dtype
        self.shape = [self._share.n_users, *self._here.shape[1:]] if self._share else self._here.shape

    def numpy(self) -> np.ndarray:
        from recsys_cli.distributed.exchange import collected

        if self._share:
            self._wire.tell(COLLECT, self._number)
        return collected(self._wire, self._here, self._share)

    def assign(self, array: np.ndarray) -> None:
        from recsys_cli.distributed.exchange import spread

        self._wire.tell(SPREAD, self._number)
        spread(self._wire, self._here, self._share, array)


def team_of(config) -> Team:
    """config: the root node, of more than one worker."""
    return Team(config, place_of(config.device.workers))
