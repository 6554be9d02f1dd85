"""The tests of the common contract run over one small law of every kind."""

import pytest

from distributions.exact_laws import LAWS
from lowdim.distributions import Distribution


@pytest.fixture(params=list(LAWS))
def law(request: pytest.FixtureRequest) -> Distribution:
    return LAWS[request.param]()
