"""What the page costs its reader after a while, with 200 live streams: python -m tests.page_weight.

A minute at a time: the JavaScript heap behind a garbage collection, all memory of the tab's process that
is its own, and the processor time of that process. The page must stay below 50 MB of heap and 10 % of a
core in the last minute, else the exit code is 1.
"""

import argparse
import os
import pathlib
import sys
import time

from .browser import Browser
from .test_daemon import motion
from .test_page import STREAMS, Feeder, served, vectors

HEAP_MAX_BYTES = 50e6
CORE_MAX_SHARE = 0.1


def renderers(driver: int) -> list[int]:
    """The processes below chromedriver that draw pages."""
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents[int(folder.name)] = (int(fields[1]), (folder / "cmdline").read_bytes())
        except OSError:
            continue  # it has ended meanwhile
    below = {driver}
    while more := {child for child, (parent, _) in parents.items() if parent in below} - below:
        below |= more
    return [child for child in below if b"--type=renderer" in parents.get(child, (0, b""))[1]]


def seconds(process: int) -> float:
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_bytes(process: int) -> int:
    """Memory that it shares with nobody."""
    rollup = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Private_"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two steps of a stream")
    options = parser.parse_args()
    with (served(motion()) as daemon, Feeder(daemon.endpoint, vectors(200), options.pause),
          Browser() as page):
        page.open(daemon.url)
        page.wait("return document.querySelectorAll('#stream-rows tr').length === arguments[0]", STREAMS)
        page.run("document.querySelector('#stream-rows tr[data-name=cam-7]').click()")
        page.press("g")  # with the heat maps, which are the most there is to draw
        page.wait("return live.lines.length > 20 && live.gates.length > 2", seconds=60)
        page.command("Performance.enable")
        heap = share = 0.0
        for minute in range(1, options.minutes + 1):
            before = {process: seconds(process) for process in renderers(page._driver.pid)}
            began = time.monotonic()
            time.sleep(60)
            # Chromium keeps a spare process, which does nothing.
            used = {process: seconds(process) - start for process, start in before.items()}
            tab = max(used, key=used.__getitem__)
            share = used[tab] / (time.monotonic() - began)
            page.command("HeapProfiler.collectGarbage")
            figures = {one["name"]: one["value"] for one in page.command("Performance.getMetrics")["metrics"]}
            heap = figures["JSHeapUsedSize"]
            steps = page.text("[data-field=rate]")
            print(f"minute {minute:2}: heap {heap / 1e6:.1f} MB, {figures['Nodes']:.0f} nodes, "
                  f"memory of its own {own_bytes(tab) / 1e6:.0f} MB, {100 * share:.1f} % of a core, "
                  f"{steps}", flush=True)
        complaints = page.console
    if complaints:
        print("the console says:", complaints, file=sys.stderr)
    return 1 if complaints or heap > HEAP_MAX_BYTES or share > CORE_MAX_SHARE else 0


if __name__ == "__main__":
    sys.exit(main())
