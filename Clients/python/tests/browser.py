"""A headless Chromium, driven through chromedriver's HTTP protocol (W3C WebDriver)."""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import urllib.error
import urllib.request

DEADLINE_SECONDS = 30.0


def is_installed() -> bool:
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


class Browser:
    """One page. `console` holds what it complained of."""

    def __init__(self, width: int = 1280, height: int = 900, dark: bool = False):
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            self._base = f"http://127.0.0.1:{self._port()}"
            arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         f"--window-size={width},{height}", "--hide-scrollbars",
                         "--disable-background-networking", "--no-first-run"]
            if dark:
                arguments.append("--force-dark-mode")
            session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": arguments},
                "timeouts": {"script": 600_000}, "goog:loggingPrefs": {"browser": "ALL"}}}})
            self._session = f"/session/{session['sessionId']}"
            self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                         deviceScaleFactor=1, mobile=False)
            self.command("Emulation.setEmulatedMedia", features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        except BaseException:
            self._driver.kill()
            raise

    def _port(self) -> int:
        for line in self._driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                return int(found[1])
        raise AssertionError("chromedriver did not start")

    def _call(self, method: str, path: str, body: dict | None = None, seconds: float = 60):
        request = urllib.request.Request(
            self._base + path, method=method, headers={"Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=seconds) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error

    def command(self, name: str, **parameters):
        """A command of the DevTools protocol."""
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments):
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def wait(self, script: str, *arguments, seconds: float = DEADLINE_SECONDS):
        """Runs the script, in the page and between its other tasks, until it gives something true."""
        value = self._call("POST", f"{self._session}/execute/async", {"args": [seconds, *arguments], "script": f"""
            const [seconds, ...given] = arguments, done = given.pop(), check = function () {{ {script} }};
            const end = performance.now() + 1000 * seconds;
            const look = () => {{
              const value = check(...given);
              if (value || performance.now() > end) done(value); else setTimeout(look, 20);
            }};
            look();
            """}, seconds + DEADLINE_SECONDS)
        if not value:
            raise AssertionError(f"never true: {script}")
        return value

    def press(self, *keys: str) -> None:
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", f"{self._session}/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": actions}]})

    def picture(self, path: str | pathlib.Path) -> None:
        pathlib.Path(path).write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    @property
    def console(self) -> list[str]:
        return [entry["message"] for entry in self._call("POST", f"{self._session}/se/log", {"type": "browser"})
                if entry["level"] in ("SEVERE", "WARNING")]

    def close(self) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(10)
            self._driver.stdout.close()

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_) -> None:
        self.close()
