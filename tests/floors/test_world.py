"""Only one module reads the environment and only one the time, so that everything else can be repeated."""

import ast
from pathlib import Path

import pytest
from sources import MODULES, Module, read_module, uses_of

ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}

TIME = {
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.localtime",
    "time.gmtime",
    "time.sleep",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
}


def reads(module: Module, names: set[str]) -> list[str]:
    """Where a module uses one of these names, however it imported it. `os.environ.get` is a use of `os.environ`."""
    return sorted({f"{module.name}:{line} {name}" for name, line in uses_of(module) if name in names})


def test_environment() -> None:
    """Nothing but `config` reads the environment."""
    others = [module for module in MODULES if not module.is_in("config")]
    assert [found for module in others for found in reads(module, ENVIRONMENT)] == []


def test_dotenv() -> None:
    """Nothing but `config` reads a `.env` file."""
    others = [module for module in MODULES if not module.is_in("config")]
    assert [name for module in others for name, _ in uses_of(module) if name.startswith("dotenv")] == []


def test_time() -> None:
    """Nothing but `clock` reads the time; an event loop's own `loop.time()` is no clock."""
    others = [module for module in MODULES if not module.is_in("clock")]
    assert [found for module in others for found in reads(module, TIME)] == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os as system\nsystem.environ.get('A')",
        "from os import environ\nenviron['A']",
        "from os import getenv as get\nget('A')",
        "import time\ntime.monotonic()",
        "from time import time_ns as now\nnow()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now(tz=datetime.UTC)",
        "import os\ndef f():\n    return os.getenv('A')",
    ],
)
def test_the_test(source: str, tmp_path: Path) -> None:
    """However it is imported, a read of the world is seen."""
    path = tmp_path / "trunkline" / "sample.py"
    path.parent.mkdir()
    path.write_text(source)
    assert reads(read_module(path, root=tmp_path), ENVIRONMENT | TIME)


def test_the_test_is_not_jumpy() -> None:
    """A method or variable that shares a clock's name is left alone."""
    source = "def f(loop, clock):\n    time = loop.time()\n    return time + clock.monotonic()"
    assert reads(Module(Path("sample.py"), ("sample",), ast.parse(source)), ENVIRONMENT | TIME) == []
