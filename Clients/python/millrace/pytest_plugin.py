"""pytest fixtures that start daemons; pytest finds them once this package is installed."""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pytest

from .daemon import Daemon, DaemonError, Pipeline

StartDaemon = Callable[..., Daemon]
_DAEMONS = pytest.StashKey[list[Daemon]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("millrace")
    group.addoption("--millrace", metavar="PATH",
                    help="the millrace command (default: as MILLRACE in the environment says, on "
                         "the PATH, or built beside the pipeline)")


@pytest.fixture
def millrace_daemon(request: pytest.FixtureRequest) -> Iterator[StartDaemon]:
    """Starts daemons: `daemon = millrace_daemon("pipeline.yaml")`, or a mapping.

    Takes what `millrace.Daemon` takes, and settings by name: `millrace_daemon(file, top=5)`. All
    are stopped behind the test. What they said is shown where it fails, and one that does not end
    well fails it.
    """
    daemons: list[Daemon] = []
    request.node.stash[_DAEMONS] = daemons

    def start(pipeline: Pipeline, *, http: bool = False, timeout: float = 30.0,
              settings: Mapping[str, Any] | None = None, **keys: Any) -> Daemon:
        daemon = Daemon(pipeline, http=http, timeout=timeout, settings=dict(settings or {}) | keys,
                        binary=request.config.getoption("--millrace"))
        daemons.append(daemon)
        return daemon.start()

    yield start
    failures: list[DaemonError] = []
    for daemon in reversed(daemons):
        try:
            daemon.stop()
        except DaemonError as error:
            failures.append(error)
    if failures:
        pytest.fail("\n".join(map(str, failures)), pytrace=False)


# The older form of a wrapper: with the newer one no pytest before 8 would run at all.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    report: pytest.TestReport = (yield).get_result()
    if report.failed:
        for daemon in item.stash.get(_DAEMONS, []):
            report.sections.append((f"millrace daemon, {report.when}", daemon.log))
