"""What is imported along with TensorFlow."""

from __future__ import annotations

import sys

import pytest

from recsys_cli.training.device import _deferred


def test_a_deferred_module_is_absent_for_a_while_only():
    sys.modules.pop("colorsys", None)
    with _deferred("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    with _deferred("colorsys"):
        assert sys.modules["colorsys"] is colorsys, "what is there already stays"
    assert sys.modules["colorsys"] is colorsys
