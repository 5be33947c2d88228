"""The pytest fixtures, by pytest's own pytester; not for unittest, which does not find this file."""

import os
import pathlib

import pytest

pytest_plugins = ["pytester"]

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("MILLRACE", str(ROOT / ".build" / "debug" / "millrace"))
PRELUDE = f"HELLO = {str(ROOT / 'Pipelines' / 'hello.yaml')!r}\n"


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.delenv("MILLRACE", raising=False)

    def run(text, *arguments):
        pytester.makepyfile(PRELUDE + text)
        return pytester.runpytest_subprocess("--millrace", BINARY, *arguments)

    return run


def test_starts_a_pipeline_and_stops_it_behind_the_test(run):
    result = run("""
daemons = []

def test_answers(millrace_daemon):
    daemon = millrace_daemon(HELLO, **{"sink.values": True})
    daemons.append(daemon)
    with daemon.client() as client:
        assert sum(len(one) for one in client.stream("a", "hell")) == 4

def test_afterwards():
    assert not daemons[0].is_running and not daemons[0].folder.exists()
""")
    result.assert_outcomes(passed=2)


def test_a_mapping_two_daemons_and_taps(run):
    hello = ROOT / "Fixtures" / "hello"
    result = run(f"""
def test_two(millrace_daemon):
    pipeline = {{"model": "{hello}/model.keras", "name": "mine",
                "tokenizer": {{"kind": "characters", "vocabulary": "{hello}/vocabulary.txt"}}}}
    one, other = millrace_daemon(pipeline, http=True), millrace_daemon(HELLO, top=1)
    assert one.ingress != other.ingress and one.url.startswith("http://127.0.0.1:")
    with one.client() as client, one.tap("tap/inference/output/a/") as tap:
        client.send("a", "hell", end=True)
        client.drain()
        assert next(iter(tap))[1].number == 0
""")
    result.assert_outcomes(passed=1)


def test_a_failure_shows_what_the_daemon_said(run):
    result = run("""
def test_fails(millrace_daemon):
    millrace_daemon(HELLO)
    assert False
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*millrace daemon, call*", "*msg=ready*pipeline=hello*"])


def test_a_daemon_that_cannot_start_says_why(run):
    result = run("""
def test_fails(millrace_daemon):
    millrace_daemon(HELLO, top=0)
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['*"top" is "0", expected a whole number from 1*'])


def test_a_daemon_that_dies_fails_the_test_that_did_not_notice(run):
    result = run("""
import os, select, signal

def test_dies(millrace_daemon):
    daemon = millrace_daemon(HELLO)
    end = os.pidfd_open(daemon.process_id)
    os.kill(daemon.process_id, signal.SIGKILL)
    assert select.select([end], [], [], 20)[0], "it lives on"
    os.close(end)

def test_was_meant_to(millrace_daemon):
    millrace_daemon(HELLO).kill()
""")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the daemon ended with code -9*"])


def test_help_names_the_option_and_the_fixture(pytester):
    result = pytester.runpytest_subprocess("--fixtures", "-q")
    result.stdout.fnmatch_lines(["millrace_daemon*", "*Starts daemons:*"])
    pytester.runpytest_subprocess("--help").stdout.fnmatch_lines(["*--millrace=PATH*"])
