"""The fakes are in the catalogue."""

from collections.abc import Iterator

import pytest
from batch.fakes import FAKES
from catalogues import offering


@pytest.fixture(autouse=True)
def fakes() -> Iterator[None]:
    with offering(FAKES):
        yield
