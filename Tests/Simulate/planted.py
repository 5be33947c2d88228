#!/usr/bin/env python3
"""Plants bugs in a copy of the sources, one at a time, and looks whether the simulator finds them.

Each bug is one place of the product made wrong. All are built into one simulator, in a folder of its
own; an environment variable says which is on, so that the product itself knows nothing of them. Seeds
are run from 1 on, until one breaks a promise or the time is up.

    Tests/Simulate/planted.py --seconds 60
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SWITCH = """import Glibc

/// Which bug is planted; none where nothing is set.
private let planted = getenv("MILLRACE_PLANTED").map { String(cString: $0) }

package func isPlanted(_ bug: String) -> Bool { planted == bug }
"""

# Name, what is wrong, and then for each place: the file, the text as it is, and as it is with the bug,
# where BUG asks whether it is on.
BUGS = [
    ("told-before-commit", "answers and acknowledgements not held back until the commit",
     "Millrace/Ingress/InputLog.swift",
     "while let group = waiting.first, store.isCommitted(group.ticket) {",
     "while let group = waiting.first, BUG || store.isCommitted(group.ticket) {"),
    ("saved-before-sink", "a checkpoint saved before the sink's confirmation",
     "Millrace/Inference/CheckpointQueue.swift",
     "written >= chunks[index].sent",
     "BUG || written >= chunks[index].sent"),
    ("saved-without-leave", "a state saved though nobody is there for its answers",
     "Millrace/Ingress/TokenizerLoop+Store.swift",
     "stream.isClaimed || !stage.replies || isLeaveDue",
     "BUG || stream.isClaimed || !stage.replies || isLeaveDue"),
    ("output-not-cut", "the output file not cut to its committed length at the start",
     "Millrace/Sink/SinkLoop.swift",
     "if length > committed { try writer.cut(to: committed) }",
     "if length > committed, !BUG { try writer.cut(to: committed) }"),
    ("sink-writes-again", "the sink writes again what it has written before a restart",
     "Millrace/Sink/SinkLoop.swift",
     "let skipped = standing.next > number ? standing.next - number : 0",
     "let skipped = standing.next > number && !BUG ? standing.next - number : 0"),
    ("worker-remembers", "a worker that goes on, at a hello, from what it has in memory",
     "Millrace/Inference/InferenceLoop.swift",
     "      forgetAll()\n      link.welcome",
     "      if !BUG { forgetAll() }\n      link.welcome"),
    ("refused-keeps-credit", "credit not given back for what is refused",
     "Millrace/Ingress/TokenizerLoop+Accept.swift",
     "      // The numbers are used up: the same bytes would be refused for ever.\n",
     "      // The numbers are used up: the same bytes would be refused for ever.\n"
     "      if BUG { connection.hold(units: units) }\n"),
    ("link-without-hello", "links between stages that take data before a hello",
     "Millrace/Links/LinkReceiver.swift",
     "needsHello = use == .links",
     "needsHello = use == .links && !BUG"),
    ("no-fsync", "`fsync` that does not sync",
     "Durability/StateStore+Opening.swift",
     'durability == .fsync ? "FULL"',
     'durability == .fsync && !BUG ? "FULL"'),
    ("trim-one-early", "input trimmed one message too early",
     "Millrace/Ingress/InputLog.swift",
     "while let first = stream.unsaved.first, first.place < place {",
     "while let first = stream.unsaved.first, BUG ? first.place <= place : first.place < place {"),
    ("overlap-applied-one-early", "a message that overlaps applied from one element too early",
     "Wire/StreamSequence.swift",
     "skip: Int(expected - number)",
     "skip: max(0, Int(expected - number) - (BUG ? 1 : 0))"),
    ("answered-again", "answers repeated to the client behind a worker's restart",
     "Millrace/Ingress/TokenizerLoop+Store.swift",
     "message.header.isAgain = next.map { place < $0.place } ?? true",
     "message.header.isAgain = !BUG && (next.map { place < $0.place } ?? true)",
     "Millrace/Ingress/TokenizerLoop+Answers.swift",
     "guard answer.dropRows(below: stream.answered) else { return }",
     "guard answer.dropRows(below: BUG ? 0 : stream.answered) else { return }"),
    ("answer-count-lost", "a restored stream that has forgotten its steps since the last answer",
     "Millrace/Inference/InferenceStream.swift",
     "stepsSinceAnswer = checkpoint.stepsSinceAnswer",
     "stepsSinceAnswer = BUG ? 0 : checkpoint.stepsSinceAnswer"),
    ("carry-lost", "a restored stream that has forgotten the word that it has begun",
     "Millrace/Ingress/IngressStream.swift",
     "if !standing.carry.isEmpty {",
     "if !standing.carry.isEmpty, !BUG {"),
    ("reset-twice", "a RESET that acts again when its message comes again in part",
     "Wire/StreamSequence.swift",
     "let resets = flags.contains(.reset) && number == expected && !isReset",
     "let resets = flags.contains(.reset) && (BUG || number == expected && !isReset)"),
    ("welcome-before-commit", "a welcome that tells of input that is not committed yet",
     "Millrace/Ingress/TokenizerLoop+Hello.swift",
     "guard let log, !log.isIdle else {",
     "guard let log, !log.isIdle, !BUG else {"),
    ("welcome-to-any-hello", "of two hellos under way between stages, the first one's welcome counts",
     "Millrace/Links/LinkSender.swift",
     "guard inbound.header.number == hellos || !welcome.isGreeted else { continue }",
     "guard BUG || inbound.header.number == hellos || !welcome.isGreeted else { continue }"),
    ("parked-before-commit", "a stream leaves memory before its row is committed",
     "Millrace/Ingress/TokenizerLoop+Store.swift",
     "log?.store.isCommitted(stream.rowTicket) ?? true,",
     "BUG || log?.store.isCommitted(stream.rowTicket) ?? true,"),
    ("saved-within-message", "a state saved in the middle of a message, as if all of it were in it",
     "Millrace/Inference/InferenceLoop+Store.swift",
     "      if stream.generation != nil || stream.runs.first",
     "      if BUG, let run = stream.runs.first, run.done > 0, !run.isPeek {\n"
     "        let place = stream.applied\n"
     "        stream.applied.messages += 1\n"
     "        save(stream)\n"
     "        stream.applied = place\n"
     "      } else if stream.generation != nil || stream.runs.first"),
    ("refusal-forgotten", "a refusal that is not sent again to who asks for it",
     "Millrace/Ingress/TokenizerLoop+Steps.swift",
     "    cache.keep(.init(header: header, refusal: refusal), of: stream)\n",
     "    if !BUG { cache.keep(.init(header: header, refusal: refusal), of: stream) }\n"),
]


def places():
    """Where bugs are planted: the bug's name, the file, the text as it is, and as it is with the bug."""
    for name, _, *rest in BUGS:
        for index in range(0, len(rest), 3):
            yield name, *rest[index:index + 3]


def check():
    """Whether the sources still have each text, once."""
    for name, file, text, _ in places():
        count = (ROOT / "Sources" / file).read_text().count(text)
        if count != 1:
            sys.exit(f"planted.py: {name}: Sources/{file} has the text that the bug is planted in "
                     f"{count} times, expected once: {text!r}")


def plant(folder):
    """The sources with all bugs in them, each behind its switch."""
    for name in ("Sources", "Tests"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("Sources", "Tests/Simulate", "Tests/Faults", "Package.swift",
                 "Package.resolved"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.exists():
            shutil.copy2(source, folder / name)
    # Only what the simulator needs: the folders of the tests are not here.
    package = (folder / "Package.swift").read_text()
    package = re.sub(r"\n    \.testTarget\(.*?swiftSettings: swiftSettings\),", "", package,
                     flags=re.S)
    (folder / "Package.swift").write_text(package)
    (folder / "Sources/Wire/Planted.swift").write_text(SWITCH)
    for name, file, text, wrong in places():
        path = folder / "Sources" / file
        source = path.read_text()
        source = source.replace(text, wrong.replace("BUG", f'isPlanted("{name}")'))
        if "import Wire\n" not in source and not file.startswith("Wire/"):
            source = source.replace("import ", "import Wire\nimport ", 1)
        path.write_text(source)


def find(binary, folder, name, options):
    """Runs seeds with one bug on; a row of the table."""
    began = time.monotonic()
    environment = os.environ | {"MILLRACE_PLANTED": name}
    run = subprocess.run(
        [binary, "--seconds", str(options.seconds), "--from", str(options.start),
         "--failures", str(folder / "found")],
        env=environment, capture_output=True, text=True)
    found = re.search(r"seed (\d+): (.*)", run.stdout)
    if run.returncode == 1 and found:
        shrunk = re.search(r"shrunk from \d+ to (\d+) events", run.stdout)
        return found[2], int(found[1]), int(shrunk[1]) if shrunk else None
    if run.returncode == 0:
        runs = re.search(r"(\d+) runs", run.stdout)
        return f"not found in {runs[1]} seeds, {time.monotonic() - began:.0f} s", None, None
    # The engine notices by itself, and ends.
    return f"ended with {run.returncode}: {run.stderr.strip()[:100]}", None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for each bug")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--only", nargs="*", default=[], help="names of bugs")
    parser.add_argument("--folder", type=Path, default=ROOT / ".build-planted")
    parser.add_argument("--list", action="store_true", help="name the bugs")
    parser.add_argument("--check", action="store_true",
                        help="only look whether they can be planted")
    options = parser.parse_args()
    if options.list:
        for name, what, *_ in BUGS:
            print(f"{name:28}{what}")
        return
    check()
    if options.check:
        return
    folder = options.folder
    folder.mkdir(exist_ok=True)
    plant(folder)
    subprocess.run(["swift", "build", "--product", "millrace-simulate"], cwd=folder, check=True,
                   stdout=sys.stderr)
    binary = folder / ".build/debug/millrace-simulate"
    missed = 0
    for name, what, *_ in BUGS:
        if options.only and name not in options.only:
            continue
        promise, seed, events = find(binary, folder, name, options)
        missed += seed is None
        print(f"| {what} | {promise} | {seed or '-'} | {'-' if events is None else events} |",
              flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
