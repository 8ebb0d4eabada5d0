"""Verifies all samples and prints a table of the verdicts and times.

Usage: verify_table.py FLOW [--output Docs/verify.md] [FILE ...].
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import time

BEGIN, END = "<!-- verdicts -->", "<!-- /verdicts -->"
NAMES = {"error": "broken", "warning": "unused", "info": "refuses"}


def verify(flow: str, path: pathlib.Path, solver: list[str]) -> tuple[list[dict], float]:
    start = time.monotonic()
    run = subprocess.run([flow, "verify", path, "--format", "json", *solver], capture_output=True, text=True)
    return json.loads(run.stdout), time.monotonic() - start


def verdicts(report: dict) -> str:
    counts = collections.Counter(
        NAMES[p["severity"]] if p["verdict"] == "refuted" else p["verdict"] for p in report["properties"])
    return ", ".join(f"{counts[word]} {word}" for word in ["proved", "broken", "refuses", "unused", "unknown"]
                     if counts[word])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("flow")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    files = arguments.files or sorted(pathlib.Path("samples").rglob("*.flow"))
    has_solver = shutil.which("z3") is not None
    lines = [
        "| flow | situations | without a solver | s | with `z3` | s |",
        "| --- | ---: | --- | ---: | --- | ---: |",
    ]
    for path in files:
        plain, seconds = verify(arguments.flow, path, ["--solver", "none"])
        solved, more = verify(arguments.flow, path, []) if has_solver else (plain, 0)
        for one, two in zip(plain, solved):
            same = verdicts(one) == verdicts(two)
            last = f"{more:.2f}" if has_solver and one is plain[-1] else ""
            lines.append(
                f"| {path.stem}: {one['flow']} | {one['situations']} | {verdicts(one)} "
                f"| {f'{seconds:.2f}' if one is plain[-1] else ''} | {'same' if same else verdicts(two)} | {last} |")
            print(lines[-1], flush=True)
    if arguments.output:
        page = arguments.output.read_text()
        head, rest = page.split(BEGIN)
        arguments.output.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1])


main()
