"""Arrays as pandas data frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def by_user(users: np.ndarray, values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """users: raw ids [n]; values: columns, [n] each."""
    return pd.DataFrame(dict(values), index=pd.Index(users, name="user"))
