"""Tables for people and other programs: CSV or Parquet, by the file's ending."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_prep.errors import UserError


def write_table(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Writes aside and renames: the file is complete or absent."""
    import pandas as pd

    frame = pd.DataFrame(dict(columns))
    aside = path.with_name(path.name + ".partial")
    try:
        if path.suffix == ".parquet":
            frame.to_parquet(aside, index=False)
        else:
            frame.to_csv(aside, index=False)
        aside.replace(path)
    except ImportError:
        raise UserError(f"{path}: writing Parquet needs pyarrow (pip install 'recsys[parquet]'); or name a .csv file.") from None
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}") from error
