"""An engine on the embedded networks, in a home of its own."""

import pytest
from engines import engine_at


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with engine_at(tmp_path_factory.mktemp("home")) as made:
        made.warm()
        yield made
