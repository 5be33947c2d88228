"""The pictures of the page in Docs, with 200 live streams: python -m tests.page_pictures FOLDER."""

import pathlib
import sys
import time

from .browser import Browser
from .test_daemon import motion
from .test_page import STREAMS, Feeder, served, vectors

# Name, width, height, dark, pixels to scroll down.
PICTURES = [("page.png", 1280, 1000, False, 0), ("page-dark.png", 1280, 1000, True, 0),
            ("page-phone.png", 390, 844, False, 0), ("page-phone-dark.png", 390, 844, True, 700)]


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
                page.run("window.scrollTo(0, arguments[0])", scroll)
                time.sleep(0.5)
                page.picture(folder / name)
                complaints = page.console
                wide = page.run("return document.documentElement.scrollWidth > window.innerWidth")
                print(name, "complaints:", complaints, "wider than the screen:", wide)


if __name__ == "__main__":
    main()
