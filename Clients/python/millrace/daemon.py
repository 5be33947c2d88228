"""A daemon of one's own: for tests, notebooks and trying things out."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .async_client import AsyncClient
from .async_subscriber import AsyncSubscriber
from .client import Client
from .subscriber import Subscriber

Pipeline = str | os.PathLike[str] | Mapping[str, Any]

_LOG_LINES_MAX = 10_000
# Keys that name files, in a mapping that stands in no file to which they could be relative.
_FILE_KEYS = frozenset({"model", "labels", "vocabulary", "file", "scaling"})


class DaemonError(Exception):
    """A daemon that cannot be started, or that ended otherwise than it should; with its log."""


class Daemon:
    """`millrace run` on a pipeline, with endpoints that nobody else has.

    pipeline: a file, or a mapping with what would stand in one; in it, names of files are relative
        to the working folder.
    http: whether the page and /metrics are served, at a port that the system chooses (`url`).
    settings: keys in the place of the pipeline's, `{"sink.values": True}`; None takes one out.
    binary: the command; by default what MILLRACE names in the environment, else `millrace` on the
        PATH, else what was built in a folder above the pipeline or the working folder.
    timeout: seconds for it to be ready, and to stop.

    Its sockets are in a folder of their own, which is also where it works: what the pipeline writes
    to a relative `sink.file` is found in `folder`, until `stop`.
    """

    def __init__(self, pipeline: Pipeline, *, http: bool = False,
                 settings: Mapping[str, Any] | None = None,
                 binary: str | os.PathLike[str] | None = None, timeout: float = 30.0):
        self.timeout = timeout
        self._temporary = tempfile.TemporaryDirectory(prefix="millrace-")
        self.folder = pathlib.Path(self._temporary.name)
        self.ingress = f"ipc://{self.folder}/in"
        self.monitor = f"ipc://{self.folder}/taps"
        self.published = f"ipc://{self.folder}/out"
        self._lines: deque[str] = deque(maxlen=_LOG_LINES_MAX)
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._was_killed = False
        try:
            self.file = self._file_of(pipeline)
            # The command that runs.
            self.binary = str(binary or find_binary(self.file))
        except BaseException:
            self._temporary.cleanup()
            raise
        own = {"ingress": self.ingress, "monitor": self.monitor, "sink.publish": self.published,
               "http": "127.0.0.1:0" if http else None}
        # It ends with this process, however that ends.
        self._command = [self.binary, "run", str(self.file), "--until-input-ends"]
        for key, value in (own | dict(settings or {})).items():
            # JSON is YAML.
            text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
            self._command += ["--set", f"{key}={text}"]
        self._is_http = http

    def _file_of(self, pipeline: Pipeline) -> pathlib.Path:
        if not isinstance(pipeline, Mapping):
            return pathlib.Path(pipeline).absolute()
        path = self.folder / "pipeline.yaml"
        path.write_text(json.dumps(absolute(pipeline, pathlib.Path.cwd()), ensure_ascii=False))
        return path

    # Life

    def start(self) -> Self:
        """Returns when it is ready; DaemonError with its log when it does not get so far."""
        if self.is_running:
            raise DaemonError("it is running already")
        self._lines.clear()
        self._was_killed = False
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True, errors="replace", cwd=self.folder)
        except OSError as error:
            self._temporary.cleanup()
            raise DaemonError(f"{self._command[0]}: {error.strerror}") from None
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        wanted = ["msg=ready"] + ["msg=http "] * self._is_http
        with self._changed:
            is_ready = self._changed.wait_for(
                lambda: not self._reader.is_alive() or all(map(self._find, wanted)), self.timeout)
        if not is_ready or not all(map(self._find, wanted)):
            code = self.kill()
            self._temporary.cleanup()
            why = f"ended with code {code}" if is_ready else f"was not ready in {self.timeout} s"
            raise DaemonError(f"the daemon {why}:\n{self.log}")
        return self

    def stop(self) -> None:
        """Drains and stops it; DaemonError when it does not end well. Removes its folder."""
        try:
            if self._process is not None and not self._was_killed:
                self._process.send_signal(signal.SIGTERM)  # nothing where it has ended by itself
                try:
                    code = self._process.wait(self.timeout)
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise DaemonError(
                        f"the daemon did not stop in {self.timeout} s:\n{self.log}") from None
                self._reader.join()
                if code:
                    raise DaemonError(f"the daemon ended with code {code}:\n{self.log}")
        finally:
            self._temporary.cleanup()

    def kill(self) -> int:
        """Ends it at once, as a crash does; `start` starts it anew at the same endpoints."""
        if self._process is None:
            return 0
        self._was_killed = True
        self._process.kill()
        code = self._process.wait()
        self._reader.join()
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        with self._changed:
            self._changed.notify_all()

    def _find(self, text: str) -> str | None:
        return next((line for line in self._lines if text in line), None)

    # What there is to know

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int | None:
        """None before its start."""
        return None if self._process is None else self._process.pid

    @property
    def log(self) -> str:
        """What it said on standard error since its start."""
        with self._changed:
            return "".join(self._lines)

    @property
    def url(self) -> str:
        """Where the page is, with `http=True`."""
        with self._changed:
            found = re.search(r"msg=http address=(\S+)", "".join(self._lines))
        if not found:
            raise DaemonError("this daemon serves no page; start it with http=True")
        return f"http://{found[1]}/"

    @property
    def model(self) -> pathlib.Path:
        """The model file that it serves."""
        with self._changed:
            found = re.search(r' model=("(?:[^"\\]|\\.)*"|\S+)', self._find("msg=starting") or "")
        if not found:
            raise DaemonError("the log does not name the model")
        text = found[1]
        return pathlib.Path(json.loads(text) if text.startswith('"') else text)

    # Who talks to it

    def client(self, **options: Any) -> Client:
        """A client of its ingress; options as of `Client`."""
        return Client(self.ingress, **options)

    def async_client(self, **options: Any) -> AsyncClient:
        return AsyncClient(self.ingress, **options)

    def tap(self, *topics: str, **options: Any) -> Subscriber:
        """A subscriber of its taps, once the daemon knows of it."""
        subscriber = Subscriber(self.monitor, *topics, **options)
        try:
            return subscriber.ready()
        except BaseException:
            subscriber.close()
            raise

    def async_tap(self, *topics: str, **options: Any) -> AsyncSubscriber:
        """A subscriber of its taps, for `async with`; `await tap.ready()` before sending."""
        return AsyncSubscriber(self.monitor, *topics, **options)


def absolute(pipeline: Mapping[str, Any], folder: pathlib.Path) -> dict[str, Any]:
    """The mapping with the files that it names made absolute.

    >>> absolute({"model": "a.keras", "tokenizer": {"kind": "words", "vocabulary": "b.txt"}},
    ...          pathlib.Path("/models"))["tokenizer"]
    {'kind': 'words', 'vocabulary': '/models/b.txt'}
    """
    made: dict[str, Any] = {}
    for key, value in pipeline.items():
        if isinstance(value, Mapping):
            # What the sink writes is relative to the folder in which the daemon works.
            value = dict(value) if key == "sink" else absolute(value, folder)
        elif isinstance(value, os.PathLike) or key in _FILE_KEYS and isinstance(value, str):
            value = str(folder / value)
        made[key] = value
    return made


def find_binary(beside: pathlib.Path | None = None) -> str:
    """The `millrace` command; see `Daemon`. Raises DaemonError."""
    if named := os.environ.get("MILLRACE"):
        return named
    if found := shutil.which("millrace"):
        return found
    for start in ([beside.absolute().parent] if beside else []) + [pathlib.Path.cwd()]:
        for folder in (start, *start.parents):
            built = [path for kind in ("release", "debug")
                     if os.access(path := folder / ".build" / kind / "millrace", os.X_OK)]
            if built:
                return str(max(built, key=lambda path: path.stat().st_mtime))
    raise DaemonError("there is no millrace command: build it (make build), then put it on the "
                      "PATH, or name it in the environment as MILLRACE")
