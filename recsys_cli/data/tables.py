"""Tables for people and other programs: CSV or Parquet, by the file's ending."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.files import write_file

TABLE = (r".*\.(csv|parquet)", "a file name that ends in .csv or .parquet")  # the pattern of a setting


def write_table(path: Path | str, columns: Mapping[str, np.ndarray]) -> None:
    """Writes aside and renames: the file is complete or absent. Raises UserError for any other ending."""
    import pandas as pd

    path, buffer = Path(path), io.BytesIO()
    frame = pd.DataFrame(dict(columns))
    if path.suffix == ".csv":
        frame.to_csv(buffer, index=False)
    elif path.suffix == ".parquet":
        try:
            frame.to_parquet(buffer, index=False)
        except ImportError as error:
            raise UserError(
                f"{path}: a .parquet file needs pyarrow; install it with "
                "`pip install 'recsys[parquet]'`, or write a .csv."
            ) from error
    else:
        raise UserError(f"a table goes to a .csv or .parquet file, not to {path}.")
    write_file(path, buffer.getvalue())
