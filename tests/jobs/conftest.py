from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_config_dir(monkeypatch):
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
