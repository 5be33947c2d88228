"""Starts a daemon, sends it steps, and has promtool check /metrics and the Grafana file's queries."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
HELLO = ROOT / "Fixtures" / "hello"


def metrics(binary: str) -> str:
    """The text of /metrics of a daemon that has answered a few steps."""
    with tempfile.TemporaryDirectory(prefix="mr-") as folder:
        file = pathlib.Path(folder) / "hello.yaml"
        file.write_text(f"ingress: ipc://{folder}/in\nhttp: 127.0.0.1:0\nmodel: {HELLO}/model.keras\n"
                        f"state: {{ store: {folder}/state.sqlite }}\n"
                        f"tokenizer: {{ kind: characters, vocabulary: {HELLO}/vocabulary.txt }}\n")
        daemon = subprocess.Popen([binary, "run", str(file)], stderr=subprocess.PIPE, text=True)
        try:
            address, ready = None, False
            while not (address and ready):
                line = daemon.stderr.readline()
                if not line:
                    sys.exit("the daemon did not start")
                ready |= "msg=ready" in line
                address = (found[1] if (found := re.search(r"msg=http address=(\S+)", line)) else address)
            subprocess.run([binary, "pipe", "--connect", str(file)], input="hello", text=True,
                           check=True, stdout=subprocess.DEVNULL)
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as response:
                return response.read().decode()
        finally:
            daemon.terminate()
            daemon.wait(20)


def check(text: str, dashboard: dict) -> list[str]:
    """What is wrong; empty when nothing is."""
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    problems = [line for line in (checked.stdout + checked.stderr).splitlines() if line]
    if checked.returncode and not problems:
        problems.append(f"promtool ended with {checked.returncode}")
    names = {re.sub(r"_(bucket|sum|count)$", "", line.split("{")[0].split(" ")[0])
             for line in text.splitlines() if not line.startswith("#")}
    rules = {"groups": [{"name": "dashboard", "rules": []}]}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            used = set(re.findall(r"(?:millrace|process)_[a-z_]+", target["expr"]))
            for name in used:
                if re.sub(r"_(bucket|sum|count)$", "", name) not in names:
                    problems.append(f"panel {panel['title']}: no metric {name}")
            rules["groups"][0]["rules"].append({
                "record": "x", "labels": {"panel": str(panel["id"]), "query": target["refId"]},
                "expr": target["expr"].replace("$job", "j").replace("$instance", "i")})
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump(rules, file)  # JSON is YAML
        file.flush()
        parsed = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True)
        if parsed.returncode:
            problems.append(parsed.stdout + parsed.stderr)
    return problems


if __name__ == "__main__":
    found = check(metrics(os.environ["MILLRACE"]), json.loads((ROOT / "Packaging" / "grafana.json").read_text()))
    print("\n".join(found) or "promtool finds no fault with /metrics and Packaging/grafana.json")
    sys.exit(bool(found))
