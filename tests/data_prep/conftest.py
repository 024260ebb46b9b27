"""A tiny data set on disk and the configuration that reads it."""

from __future__ import annotations

import pytest

TRAIN = "0 0 1 2\n1 1 3\n2 0 3\n"
TEST = "0 3\n1 0\n2 2\n"
CART = "0 0 3\n2 1\n"


@pytest.fixture
def raw(tmp_path):
    """write(name, text or bytes) -> path, in the raw folder of `tiny`."""

    def write(name, content):
        path = tmp_path / "raw" / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def tiny(tmp_path, raw):
    """make(**options) -> configuration of 3 users, 4 items, cart and buy, one test buy each."""
    raw("train.txt", TRAIN)
    raw("test.txt", TEST)
    raw("cart.txt", CART)
    files = [
        {"file": "cart.txt", "form": "lines", "role": "train", "behaviour": "cart"},
        {"file": "train.txt", "form": "lines", "role": "train", "behaviour": "buy"},
        {"file": "test.txt", "form": "lines", "role": "test"},
    ]

    def make(extra_files=(), **options):
        return {
            "name": "tiny",
            "source": "files",
            "raw_dir": str(tmp_path / "raw"),
            "cache_dir": str(tmp_path / "cache"),
            "behaviours": ["cart", "buy"],
            "target": "buy",
            "files": [*files, *extra_files],
            **options,
        }

    return make


@pytest.fixture
def csv_cfg(tmp_path):
    """make(text, **options) -> configuration of the csv source."""

    def make(content, name="log.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return {
            "name": "csv",
            "source": "csv",
            "path": str(path),
            "cache_dir": str(tmp_path / "cache"),
            "split": "leave_one_out_last",
            **options,
        }

    return make
