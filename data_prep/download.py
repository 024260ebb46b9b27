"""One file from a public source into the cache: checked before it is kept, complete or absent."""

from __future__ import annotations

import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import write_file

TIMEOUT = 30.0  # seconds without a byte


def download(url: str, path: Path, mismatch: Callable[[bytes], str], how: str) -> bytes:
    """Fetches `url`, checks the content and stores it at `path`; returns the content.

    mismatch: says what is wrong with a content ('' if nothing); how: how the user gets the file by hand.
    """
    print(f"downloading {url}", file=sys.stderr)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            content = response.read()
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"{path.name} is not on this machine and the download of {url} failed: {reason}. {how}"
        ) from None
    problem = mismatch(content)
    if problem:
        raise UserError(f"The download of {url} gave another file: {problem}. {how}")
    keep(content, path)
    return content


def keep(content: bytes, path: Path) -> None:
    """Into the cache: all of the file or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} ({len(content)} bytes) cannot be written: {error.strerror}.") from None
    write_file(path, content, advice="Free space, or choose another data.cache_dir=...")
