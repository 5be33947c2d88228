"""Writes man pages and shell completions from what the millrace command says of itself.

Usage: manual.py MILLRACE FOLDER [--check]

FOLDER gets man/man1/millrace*.1 and completions/millrace.{bash,zsh,fish}. With --check, groff and the
shells that are installed read them, and anything that they complain about is an error.
"""

import json
import os
import shutil
import subprocess
import sys

EXIT_STATUS = [
    ("0", "done"),
    ("1", "a verdict failed"),
    ("64", "usage: an unknown command or option, a value that cannot be one"),
    ("65", "bad input data: a line, a recording, a model file"),
    ("66", "a file that the command line names is missing"),
    ("69", "peer unreachable, or endpoint in use"),
    ("70", "an error of the software"),
    ("74", "reading or writing failed, or something was lost"),
    ("77", "an encrypted endpoint does not let this key in"),
    ("78", "wrong pipeline file, or a file that it names is missing or does not fit"),
]


def escape(text):
    """Text for troff: nothing in it is a request or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\n".join("\\&" + line if line.startswith((".", "\\(aq")) else line for line in text.split("\n"))


def prose(text):
    """A paragraph; words in backquotes are bold."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(f"\\fB{escape(part)}\\fR" if index % 2 else escape(part) for index, part in enumerate(parts))


def split_discussion(text):
    """Paragraphs, and the lines of the examples."""
    body, _, examples = text.partition("EXAMPLES:\n")
    paragraphs = [" ".join(paragraph.split()) for paragraph in body.split("\n\n") if paragraph.strip()]
    return paragraphs, [line[2:] if line.startswith("  ") else line for line in examples.rstrip().split("\n") if line]


def option_names(argument):
    dashes = {"long": "--", "short": "-", "longWithSingleDash": "-"}
    return [dashes[name["kind"]] + name["name"] for name in argument.get("names", [])]


def synopsis(words, command):
    parts = ["\\fB" + escape(" ".join(words)) + "\\fR"]
    if [child for child in command.get("subcommands", []) if child["shouldDisplay"] and child["commandName"] != "help"]:
        return parts[0] + " \\fISUBCOMMAND\\fR"
    if any(argument["kind"] != "positional" for argument in shown(command)):
        parts.append("[\\fIOPTIONS\\fR]")
    for argument in shown(command):
        if argument["kind"] == "positional":
            name = "\\fI" + escape(argument["valueName"].upper()) + "\\fR" + ("..." if argument["isRepeating"] else "")
            parts.append(f"[{name}]" if argument["isOptional"] else name)
    return " ".join(parts)


def shown(command):
    return [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]


def describe(argument):
    text = argument.get("abstract", "")
    if argument.get("allValues") and argument["kind"] == "option" and ":" not in text:
        text += " One of " + ", ".join(argument["allValues"]) + "."
    default = argument.get("defaultValue")
    if default is not None and "default" not in text.lower():
        text += f" Default: {default}."
    return prose(text or "See above.")


def page(words, command, version, tree):
    name = "-".join(words)
    lines = [f".TH {escape(name).upper()} 1 \"\" \"millrace {escape(version)}\" \"Millrace\"", ".SH NAME",
             f"{escape(name)} \\- {prose(command['abstract'].rstrip('.'))}", ".SH SYNOPSIS", ".nh", synopsis(words, command), ".hy"]
    paragraphs, examples = split_discussion(command.get("discussion", ""))
    if paragraphs:
        lines.append(".SH DESCRIPTION")
        for paragraph in paragraphs:
            lines += [".PP", prose(paragraph)]
    children = [child for child in command.get("subcommands", []) if child["shouldDisplay"] and child["commandName"] != "help"]
    if children:
        lines.append(".SH COMMANDS")
        for child in children:
            lines += [".TP", f"\\fB{escape('-'.join(words + [child['commandName']]))}\\fR(1)", prose(child["abstract"])]
    positional = [argument for argument in shown(command) if argument["kind"] == "positional"]
    if positional:
        lines.append(".SH ARGUMENTS")
        for argument in positional:
            lines += [".TP", f"\\fI{escape(argument['valueName'].upper())}\\fR", describe(argument)]
    options = [argument for argument in shown(command) if argument["kind"] != "positional"]
    if options:
        lines.append(".SH OPTIONS")
        for argument in options:
            label = ", ".join(f"\\fB{escape(option)}\\fR" for option in option_names(argument))
            if argument["kind"] == "option":
                label += f" \\fI{escape(argument['valueName'].upper())}\\fR"
            lines += [".TP", label, describe(argument)]
    if examples:
        lines += [".SH EXAMPLES", ".nf"] + [escape(line) for line in examples] + [".fi"]
    lines.append(".SH EXIT STATUS")
    for code, meaning in EXIT_STATUS:
        lines += [".TP", f"\\fB{code}\\fR", escape(meaning)]
    others = [other for other in tree if other != name]
    lines += [".SH SEE ALSO", ".nh", ",\n".join(f"\\fB{escape(other)}\\fR(1)" for other in others), ".hy"]
    return "\n".join(lines) + "\n"


def walk(words, command):
    yield words, command
    for child in command.get("subcommands", []):
        if child["shouldDisplay"] and child["commandName"] != "help":
            yield from walk(words + [child["commandName"]], child)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def check(folder, pages):
    """What groff and the shells say to it; an empty list when nothing."""
    complaints = []
    for path in pages:
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", path], capture_output=True, text=True)
            complaints += done.stderr.splitlines()
    for shell in ["bash", "zsh", "fish"]:
        if shutil.which(shell):
            script = os.path.join(folder, "completions", f"millrace.{shell}")
            done = subprocess.run([shell, "-n", script], capture_output=True, text=True)
            complaints += done.stderr.splitlines()
    return complaints


def main():
    millrace, folder = sys.argv[1:3]
    tree = json.loads(run(millrace, "--experimental-dump-help"))["command"]
    version = run(millrace, "--version").strip()
    commands = list(walk(["millrace"], tree))
    names = ["-".join(words) for words, _ in commands]
    manual = os.path.join(folder, "man", "man1")
    completions = os.path.join(folder, "completions")
    for path in [manual, completions]:
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
    pages = []
    missing = []
    for words, command in commands:
        if "EXAMPLES:" not in command.get("discussion", ""):
            missing.append(" ".join(words))
        # A page points at the command above it, beside it and below it; the first at all.
        above = "-".join(words[:-1]) or "millrace"
        near = [name for name in names if len(words) == 1 or name == above or name.rsplit("-", 1)[0] in (above, "-".join(words))]
        path = os.path.join(manual, "-".join(words) + ".1")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page(words, command, version, near))
        pages.append(path)
    for shell in ["bash", "zsh", "fish"]:
        with open(os.path.join(completions, f"millrace.{shell}"), "w", encoding="utf-8") as file:
            file.write(run(millrace, "--generate-completion-script", shell))
    if "--check" in sys.argv[3:]:
        complaints = check(folder, pages) + [f"no examples in the help of {name}" for name in missing]
        if complaints:
            sys.exit("\n".join(complaints))
    print(f"{len(pages)} man pages and 3 completion scripts in {folder}")


if __name__ == "__main__":
    main()
