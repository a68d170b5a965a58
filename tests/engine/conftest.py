"""An engine on the embedded networks, in a home of its own."""

import pytest
from velatura_daemon.engine.engine import TorchEngine
from velatura_daemon.settings import Settings


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("VELATURA_HOME", str(tmp_path_factory.mktemp("home")))
    made = TorchEngine(Settings(dtype="float32", threads=1))
    made.warm()
    yield made
    patch.undo()
