"""The pictures of the page in Docs, with 200 live streams: python -m tests.page_pictures FOLDER."""

import json
import pathlib
import sys
import threading
import time

from millrace import Client

from .browser import Browser
from .test_daemon import ROOT, Daemon, motion
from .test_page import STREAMS, Feeder, served, vectors

# Name, width, height, dark, pixels to scroll down.
PICTURES = [("page.png", 1280, 1000, False, 0), ("page-dark.png", 1280, 1000, True, 0),
            ("page-phone.png", 390, 844, False, 0), ("page-phone-dark.png", 390, 844, True, 700)]
KOREAN = ROOT / "Fixtures" / "next-word-ko"


def take(page: Browser, path: pathlib.Path, scroll: int = 0) -> None:
    page.run("window.scrollTo(0, arguments[0])", scroll)
    time.sleep(0.5)
    page.picture(path)
    wide = page.run("return document.documentElement.scrollWidth > window.innerWidth")
    print(path.name, "complaints:", page.console, "wider than the screen:", wide)


def send_texts(endpoint: str, stopped: threading.Event) -> None:
    """Sentences to twelve streams, word by word."""
    texts = [line["text"] for line in map(json.loads, (KOREAN / "input.jsonl").read_text().splitlines())
             if "text" in line]
    with Client(endpoint) as client:
        turn = 0
        while not stopped.wait(0.2):
            for stream in range(12):
                client.send(f"reader-{stream}", texts[(turn + stream) % len(texts)] + " ")
            while client.receive(0.01):
                pass
            turn += 1


def korean(folder: pathlib.Path) -> None:
    """A text model: words, answers, and the neighbours of a word that was clicked."""
    text = (f"tokenizer: {{ kind: words, vocabulary: {KOREAN}/vocabulary.txt }}\n"
            f"model: {KOREAN}/model.keras\nlabels: {KOREAN}/vocabulary.txt")
    stopped = threading.Event()
    with served(Daemon(text)) as daemon, Browser(1280, 1000) as page:
        sender = threading.Thread(target=send_texts, args=(daemon.endpoint, stopped))
        sender.start()
        try:
            page.open(daemon.url)
            page.wait("return document.querySelectorAll('#stream-rows tr').length === 12")
            page.run("choose('reader-3')")
            page.wait("return live.lines.length > 60", seconds=90)
            page.wait("document.querySelector('#text span:nth-last-child(12)').click(); return true")
            page.wait("return document.querySelectorAll('#near li').length")
            take(page, folder / "page-text.png")
        finally:
            stopped.set()
            sender.join()


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    with served(motion()) as daemon, Feeder(daemon.endpoint, vectors(200), 0.05):
        for name, width, height, dark, scroll in PICTURES:
            with Browser(width, height, dark) as page:
                page.open(daemon.url)
                page.wait("return document.querySelectorAll('#stream-rows tr').length === arguments[0]", STREAMS)
                page.run("document.querySelector('#stream-rows tr[data-name=cam-7]').click()")
                page.wait("return live.lines.length > 20")
                page.press("g")
                time.sleep(6)
                take(page, folder / name, scroll)
    korean(folder)


if __name__ == "__main__":
    main()
