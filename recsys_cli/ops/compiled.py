"""Functions as graphs of TensorFlow, without AutoGraph.

AutoGraph rewrites the source of whatever a step calls, so that Python's `if` and `for` may hang on tensors. That takes
most of the time in which a run gets ready: seconds, again for every model of a process. Here loops say that they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import tensorflow as tf

from data_prep.errors import UserError


def compiled(function: Callable[..., Any], *specs: Any) -> Callable[..., Any]:
    """The graph for arguments of these shapes and types (tf.TensorSpec, nested as the arguments are).

    Traced here and not at the first call, as TensorFlow warns of a function that every model of a process traces again.
    Raises UserError where Python would have to know the value of a tensor.
    """
    try:
        return tf.function(function, autograph=False).get_concrete_function(*specs)
    except tf.errors.OperatorNotAllowedInGraphError as error:
        raise UserError(
            f"a step is compiled and cannot ask for the value of a tensor ({' '.join(str(error).split())[:80]}...): "
            "instead of if, for, while, and, or, not on tensors take tf.where, tf.cond, tf.while_loop, tf.logical_and, "
            "or put @tf.function before the function that does so."
        ) from error


def compiled_once_called(function: Callable[..., Any], *specs: Any) -> Callable[..., Any]:
    """As `compiled`, at the first call: a model that is only asked for its scores needs no solver."""

    @cache
    def graph() -> Callable[..., Any]:
        return compiled(function, *specs)

    return lambda *arguments: graph()(*arguments)


def repeat(first: Any, last: Any, body: Callable[..., Any], state: Sequence[Any], at_once: int = 1) -> Any:
    """state after body(i, *state) -> state for i = first, ..., last - 1; for what is compiled.

    first, last: int tensors of one type. at_once: how many rounds may be under way where they do not need one another.
    """

    def step(i: tf.Tensor, *so_far: Any) -> tuple[Any, ...]:
        return i + 1, *body(i, *so_far)

    _, *after = tf.while_loop(lambda i, *_: i < last, step, (first, *state), parallel_iterations=at_once)
    return after
