"""Compares the verdicts of `flow verify` with those of SPIN on small models that exist in both languages.

Usage: compare_spin.py FLOW [--output Docs/verify.md]. Needs `spin` and `gcc`. Exits with 1 when two verdicts differ.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MODELS = pathlib.Path(__file__).parent / "spin"
BEGIN, END = "<!-- spin -->", "<!-- /spin -->"


def comment(text: str, name: str) -> str | None:
    found = re.search(rf"/\* {name}: (.*?) \*/", text)
    return found.group(1) if found else None


def by_flow(flow: str, model: pathlib.Path, wanted: str) -> tuple[str, int, float]:
    start = time.monotonic()
    run = subprocess.run(
        [flow, "verify", model, "--solver", "none", "--format", "json"], capture_output=True, text=True)
    seconds = time.monotonic() - start
    report = json.loads(run.stdout)[0]
    verdict = next(p["verdict"] for p in report["properties"] if p["property"] == wanted)
    words = {"proved": "holds", "refuted": "violated", "unknown": "unknown"}
    return words[verdict], report["situations"], seconds


def by_spin(model: pathlib.Path, is_fair: bool) -> tuple[str, int, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        subprocess.run(["spin", "-a", model.resolve()], cwd=folder, check=True, capture_output=True)
        options = [] if is_fair else ["-DSAFETY"]
        subprocess.run(["gcc", "-O2", "-w", *options, "-o", "pan", "pan.c"], cwd=folder, check=True)
        built = time.monotonic()
        run = subprocess.run(
            ["./pan", *(["-a", "-f"] if is_fair else [])], cwd=folder, capture_output=True, text=True)
        done = time.monotonic()
    errors = int(re.search(r"errors: (\d+)", run.stdout).group(1))
    states = int(re.search(r"(\d+) states, stored", run.stdout).group(1))
    return ("violated" if errors else "holds"), states, built - start, done - built


def table(flow: str) -> tuple[str, bool]:
    lines = [
        "| model | property | verdict | `flow verify`: situations | s | SPIN: states | s, and to compile |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    agrees = True
    for promela in sorted(MODELS.glob("*.pml")):
        text = promela.read_text()
        wanted = comment(text, "property")
        ours = by_flow(flow, promela.with_suffix(".flow"), wanted)
        theirs = by_spin(promela, comment(text, "search") == "fair")
        verdict = ours[0] if ours[0] == theirs[0] else f"**{ours[0]}, SPIN: {theirs[0]}**"
        agrees = agrees and ours[0] == theirs[0]
        lines.append(
            f"| {promela.stem} | `{wanted}` | {verdict} | {ours[1]} | {ours[2]:.2f} | {theirs[1]} "
            f"| {theirs[3]:.2f}, {theirs[2]:.1f} |")
    return "\n".join(lines), agrees


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("flow")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    text, agrees = table(arguments.flow)
    print(text)
    if arguments.output:
        page = arguments.output.read_text()
        head, rest = page.split(BEGIN)
        arguments.output.write_text(head + BEGIN + "\n" + text + "\n" + END + rest.split(END)[1])
    sys.exit(0 if agrees else 1)


main()
