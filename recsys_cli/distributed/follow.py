"""A worker that is not the first: it does what that one says, until the end."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from omegaconf import OmegaConf

from data_prep.errors import UserError
from recsys_cli.distributed.orders import BEGIN, COLLECT, END, RUN, SPREAD, check_same, told
from recsys_cli.distributed.place import Place
from recsys_cli.execute import execute
from recsys_cli.parent import end_with


def main() -> None:
    """Of a process that the first worker has started (processes.py): a line of JSON on the standard input says what for."""
    request = json.loads(sys.stdin.readline())
    end_with(request["parent"], signal.SIGKILL)
    config = OmegaConf.create(request["config"])
    OmegaConf.set_struct(config, True)
    place = Place(request["number"], tuple(request["addresses"]))
    code = execute(lambda config: follow(config, place, request["threads"], _say_ready), config)
    sys.stderr.flush()
    os._exit(code)  # on its way out TensorFlow waits for the first worker, which waits for this one


def _say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def follow(config, place: Place, threads: int | None = None, ready: Callable[[], None] = lambda: None) -> int:
    """config: the root node, as that of the first worker. Returns an exit code once that one has ended well.

    Raises UserError where it ends otherwise, or where this worker has other data, settings or versions.
    """
    from recsys_cli.training.device import set_up_device

    identity = told(config)
    set_up_device(config.device, threads, several=True)
    ready()
    _leave_signals_to_the_first()

    from recsys_cli.distributed.exact import refuse_inexact
    from recsys_cli.distributed.exchange import collected, spread
    from recsys_cli.distributed.part import Part
    from recsys_cli.distributed.wire import Wire

    refuse_inexact(config)
    wire = Wire(place)
    wire.explain = lambda: (
        f"worker {place.number} of {place.of} ends, as another one has ended or cannot be reached any more"
    )
    dataset = check_same(wire, config, identity, None)
    part = Part(config, dataset, wire)
    while True:
        order, a, b = wire.hear()
        if order == BEGIN:
            part.learner.begin(a)
        elif order == RUN:
            with wire.watched():
                total = part.learner.run(a, b, 0.0)
            wire.total(total)
        elif order == SPREAD:
            spread(wire, part.state[part.names[a]], part.share(part.names[a]), None)
        elif order == COLLECT:
            collected(wire, part.state[part.names[a]], part.share(part.names[a]))
        elif order == END:
            return 0
        else:
            raise UserError(f"the first worker asks for {order}, which this version does not know.")


def _leave_signals_to_the_first() -> None:
    """It saves and ends all workers; a second signal ends this process."""

    def first(number, frame):
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, first)
