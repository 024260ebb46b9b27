"""The model of docs/models.md runs as it stands there, and its loss is its definition."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.losses.toys import M, arrays_of, dataset, epoch, observed, squared_error

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.mark.parametrize("batch", ["users", "items"])
def test_the_example_of_the_page(batch):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict = {"__name__": __name__}
    exec(code, names)
    config = names["Friends"].Settings(name="friends", embedding_size=3, init="normal", init_scale=0.6, dropout=0.0)
    model = names["Friends"](config, dataset(friends=observed(M, M, 1)), 0)
    v = arrays_of(model)
    buy, friends = model.tasks
    expected = squared_error(buy, (v["common"] + v["own"]) @ v["items"].T, 0.3)
    expected += squared_error(friends, v["common"] @ v["friends"].T, 0.3)
    np.testing.assert_allclose(epoch(model, batch=batch), expected, rtol=1e-6)
    more = epoch(model, batch_size=M, batch=batch, l2=0.5) - expected
    np.testing.assert_allclose(more, 0.5 * 0.5 * sum((table**2).sum() for table in v.values()), rtol=1e-4)
