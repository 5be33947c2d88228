"""The daemon's page in headless Chromium, compared with what the taps say."""

import gzip
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import unittest

import numpy as np

from millrace import Client, Subscriber

from . import browser
from .browser import Browser
from .test_daemon import BINARY, MOTION, ROOT, Daemon, hello, motion

STREAMS = 200
TOPICS = ROOT / "Fixtures" / "topics"


class Served(Daemon):
    """A daemon that also serves HTTP, at a port that the system chose."""

    def __enter__(self):
        self.file.write_text(self.file.read_text() + "http: 127.0.0.1:0\n")
        super().__enter__()
        self.log = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def _read(self):
        for line in self.process.stderr:
            with self._grown:
                self.log.append(line)
                self._grown.notify_all()

    def _address(self) -> str | None:
        found = re.search(r"msg=http address=(\S+)", "".join(self.early + self.log))
        return found and found[1]

    @property
    def url(self) -> str:
        with self._grown:
            address = self._grown.wait_for(self._address, 20)
        if not address:
            raise AssertionError("no HTTP address in the log")
        return f"http://{address}/"

    def __exit__(self, *_):
        self.process.terminate()
        self._reader.join(20)
        super().__exit__(*_)


def served(daemon: Daemon) -> Served:
    daemon.__class__ = Served
    return daemon


def vectors(count: int) -> np.ndarray:
    with gzip.open(MOTION / "motion.jsonl.gz", "rt") as lines:
        rows = [json.loads(next(lines))["values"] for _ in range(count)]
    return np.array(rows, "<f4")


def send_until_shown(client: Client, stream: str, text: str, page: Browser) -> None:
    """Until the page's subscription has found its way to the stage, of which nobody tells."""
    deadline = time.monotonic() + browser.DEADLINE_SECONDS
    while not page.run("return document.querySelector('#text span') !== null"):
        if time.monotonic() > deadline:
            raise AssertionError(f"the page shows nothing of {stream}")
        client.send(stream, text)
        while client.receive(0.05):
            pass


class Feeder(threading.Thread):
    """Sends steps to many streams until it is stopped; one of them is `cam-7`."""

    def __init__(self, endpoint: str, rows: np.ndarray, pause: float = 0.02):
        super().__init__()
        self.endpoint, self.rows, self.pause = endpoint, rows, pause
        self.stopped = threading.Event()
        self.error = None

    def run(self):
        try:
            with Client(self.endpoint) as client:
                at = 0
                while not self.stopped.is_set():
                    for stream in range(STREAMS):
                        row = self.rows[(at + 7 * stream) % len(self.rows)]
                        client.send(f"cam-{stream}", row.reshape(1, -1))
                    client.drain()
                    at += 1
                    self.stopped.wait(self.pause)
        except Exception as error:  # handed to the test
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join(30)
        if self.error:
            raise self.error


@unittest.skipUnless(browser.is_installed(), "needs Debian's chromium and chromium-driver")
class PageTests(unittest.TestCase):
    def test_the_page_says_what_the_taps_say(self):
        rows = vectors(200)
        with served(motion()) as daemon, Feeder(daemon.endpoint, rows, 0.1), Browser() as page:
            page.open(daemon.url)
            page.wait("return document.querySelector('#connection').dataset.state === 'live'")
            page.wait("return document.querySelectorAll('#stream-rows tr').length === arguments[0]", STREAMS)
            with Subscriber(daemon.taps, "tap/sink/result/cam-7/", "tap/inference/output/cam-7/",
                            timeout=20) as tap:
                page.run("document.querySelector('#stream-rows tr[data-name=cam-7]').click();"
                         "document.querySelector('details').open = true")
                page.wait("return live.lines.length > 12 && live.outputs.length > 12 && live.inputs.length > 12")
                page.run("freeze()")
                shown = page.run("return live.lines")
                outputs = page.run("return live.outputs.map(row => [row.number, [...row.values]])")
                lines, values = {}, {}
                while shown[-1]["number"] not in lines or outputs[-1][0] not in values:
                    topic, message = tap.receive()
                    if "result" in topic:
                        lines[message.json()["number"]] = message.json()
                    else:
                        values[message.number] = message.values()[0].tolist()
                self.assertEqual(tap.lost, 0)
            common = [line for line in shown if line["number"] in lines]
            self.assertGreater(len(common), 8)
            for line in common:
                self.assertEqual(line, lines[line["number"]])
            for number, row in outputs:
                if number in values:
                    self.assertEqual(row, values[number])
            # What stands on the page is the last of them.
            page.wait("return document.querySelector('#now-number').textContent === 'number ' + arguments[0]",
                      shown[-1]["number"])
            self.assertEqual(page.text("#now-label"), shown[-1]["label"])
            self.assertEqual(float(page.text("#now-score")), shown[-1]["score"])
            table = page.wait("return [...document.querySelectorAll('#last-rows tr')].map(row =>"
                              " [...row.cells].map(cell => cell.textContent))")
            self.assertEqual([int(row[0]) for row in table],
                             [line["number"] for line in shown[-20:][::-1]])
            steps = page.run("return Number(document.querySelector('[data-stage=tokenizer] [data-field=steps]')"
                             ".dataset.value)")
            self.assertGreater(steps, STREAMS)
            self.assertEqual(page.text("[data-field=connections]"), "1 client")
            self.assertEqual(page.text("#lost"), "· nothing lost on the way to this page")
            self.assertEqual(page.console, [])

    def test_heat_maps_show_the_state_of_the_tap(self):
        rows = vectors(100)
        with served(motion()) as daemon, Client(daemon.endpoint) as client, Browser() as page:
            client.send("a", rows[:1])
            page.open(daemon.url)
            page.wait("return layers().length")
            layer = page.run("return layers()[0].name")
            page.run("choose('a'); chooseLayer(arguments[0])", layer)
            prefix = f"tap/inference/state/a/{layer}/"
            with Subscriber(daemon.taps, prefix, timeout=5) as tap:
                at, states = 1, {}
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline and page.run("return live.h.length") < 5:
                    client.send("a", rows[at:at + 1])
                    client.drain()
                    at += 1
                    if received := tap.receive(0.2):
                        states[received[1].number] = received[1].values()[0]
                shown = page.run("freeze(); return [live.h, live.c].map(rows =>"
                                 " rows.map(row => [row.number, [...row.values]]))")
                while received := tap.receive(0.3):
                    states[received[1].number] = received[1].values()[0]
            self.assertGreaterEqual(len(shown[0]), 5)
            compared = 0
            for (number, h), (_, c) in zip(*shown):
                if number in states:
                    compared += 1
                    self.assertEqual(h + c, states[number].tolist())
            self.assertGreater(compared, 2)
            self.assertEqual(page.console, [])

    def test_gates_are_those_of_the_tap(self):
        rows = vectors(60)
        with served(motion()) as daemon, Client(daemon.endpoint) as client, Browser() as page:
            client.send("a", rows[:1])
            page.open(daemon.url)
            page.wait("return layers().length")
            for layer in page.run("return layers().map(({ name }) => name)"):
                page.run("choose('a'); chooseLayer(arguments[0])", layer)
                with Subscriber(daemon.taps, f"tap/inference/gates/a/{layer}/", timeout=5) as tap:
                    tap.ready()
                    at, gates = 1, {}
                    deadline = time.monotonic() + 20
                    while time.monotonic() < deadline and page.run("return live.gates.length") < 4:
                        client.send("a", rows[at:at + 1])
                        client.drain()
                        at += 1
                        while received := tap.receive(0.1):
                            gates[received[1].number] = received[1].values().tolist()
                    shown = page.run("return live.gates.map(({ number, gates }) => [number, gates.map((row) => [...row])])")
                common = [(number, values) for number, values in shown if number in gates]
                self.assertGreater(len(common), 2, layer)
                for number, values in common:
                    self.assertEqual(values, gates[number])
            self.assertEqual(page.run("return [...document.querySelectorAll('#heat b')].map((name) => name.textContent)"),
                             ["h", "z", "r", "ĥ"])
            self.assertEqual(page.console, [])

    def test_without_a_monitor_the_page_has_its_gates_too(self):
        daemon = served(motion())
        daemon.file.write_text("".join(line for line in daemon.file.read_text().splitlines(True)
                                       if not line.startswith("monitor")))
        with daemon, Client(daemon.endpoint) as client, Browser() as page:
            client.send("a", vectors(1))
            page.open(daemon.url)
            page.wait("return layers().length")
            page.run("choose('a'); chooseLayer(layers()[0].name)")
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not page.run("return live.gates.length"):
                client.send("a", vectors(1))
                client.drain()
            self.assertEqual(page.run("return live.gates[0]?.gates.length"), 4)

    def test_neighbours_are_those_of_millrace_similar(self):
        pipeline = (f"tokenizer: {{ kind: words, vocabulary: {TOPICS}/vocabulary.txt, start-token: 1, unknown: 2,"
                    f" first-id: 3 }}\nmodel: {TOPICS}/model.keras\nlabels: {TOPICS}/labels.txt")
        with served(Daemon(pipeline)) as daemon, Client(daemon.endpoint) as client, Browser() as page:
            client.send("a", "crude ")
            page.open(daemon.url)
            page.wait("return document.querySelectorAll('#stream-rows tr').length === 1")
            page.run("choose('a')")
            time.sleep(0.5)  # the subscription's way to the stage, of which nobody tells
            client.send("a", "oil and ")
            for token in ("and", "oil"):
                if token == "oil":  # that of a step which is clicked stays
                    page.run("document.querySelector('#text span[data-token=oil]').click()")
                page.wait("return document.querySelector('#near-of').textContent === arguments[0]", token)
                shown = page.wait("return [...document.querySelectorAll('#near li')].map((entry) =>"
                                  " [entry.firstChild.textContent, entry.childNodes[1].textContent])")
                said = subprocess.run([BINARY, "similar", str(daemon.file), token, "--count", "8"],
                                      capture_output=True, text=True, check=True).stdout
                expected = [json.loads(line) for line in said.splitlines()]
                self.assertEqual(shown, [[one["token"], f"{one['similarity']:.3f}"] for one in expected])
            self.assertEqual(page.run("return [' ', ' \\n', 'a b', ''].map(visible)"), ["␣", "␣⏎", "a b", "∅"])
            page.run("state.near.pinned = ' '")
            page.wait("drawNear(); return document.querySelector('#near-of').textContent === '␣'")
            self.assertEqual(page.console, [])

    def test_it_works_by_keyboard_and_on_a_phone(self):
        with served(hello()) as daemon, Client(daemon.endpoint) as client, Browser(390, 800, dark=True) as page:
            for stream in ("a-1", "a-2", "b-1"):
                client.send(stream, "he")
            client.drain()
            page.open(daemon.url)
            page.wait("return document.querySelectorAll('#stream-rows tr').length === 3")
            page.press("/", *"a-2", "\ue007")
            page.wait("return state.chosen === 'a-2'")
            page.press("/", *"zzz", "\ue00c")  # nothing has that name; Escape leaves the filter, and empties it
            page.wait("return document.querySelectorAll('#stream-rows tr').length === 3 && !document.querySelector('#filter').value")
            page.press("\ue015", "\ue015", "\ue007")  # down twice, open
            page.wait("return state.chosen === 'a-2' && document.activeElement.dataset.name === 'a-2'")
            send_until_shown(client, "a-2", "l", page)
            client.end("a-2")
            client.send("a-2", "hell")
            client.drain()
            page.wait("return document.querySelector('#text').textContent.endsWith('lllo')")
            page.press("f")
            page.wait("return state.frozen")
            width = page.run("return [document.documentElement.scrollWidth, innerWidth]")
            self.assertLessEqual(width[0], width[1])
            self.assertEqual(page.console, [])

    def test_it_comes_back_to_a_daemon_that_was_started_anew(self):
        with tempfile.TemporaryDirectory(), served(hello()) as daemon, Browser() as page:
            page.open(daemon.url)
            page.wait("return document.querySelector('#connection').dataset.state === 'live'")
            daemon.process.terminate()
            page.wait("return document.querySelector('#connection').dataset.state === 'gone'")


if __name__ == "__main__":
    unittest.main()
