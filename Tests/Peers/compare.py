"""Runs two builds of the benchmarks in turn and prints, per row, the ratio of the second to the first.

    compare.py BASE NEW [--rounds 7] [PREFIX ...]

Each round runs both, in alternating order, and gives one ratio per row. A row is marked when the ratios of nine in ten
rounds lie on one side of 1 and their median differs by more than 3 %. Exit code 1 when a marked row is worse.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections import defaultdict

HIGHER_IS_BETTER = ("/s", "lines/ms")


def measure(binary, prefixes):
    output = subprocess.run([binary, "--json", *prefixes], stdout=subprocess.PIPE, check=True, text=True).stdout
    rows = [json.loads(line) for line in output.splitlines()]
    return {row["name"]: (row["value"], row["unit"]) for row in rows if row["value"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("base")
    parser.add_argument("new")
    parser.add_argument("prefixes", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    ratios, units = defaultdict(list), {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        binaries = [options.base, options.new]
        results = {}
        for binary in binaries if number % 2 == 0 else reversed(binaries):
            results[binary] = measure(binary, options.prefixes)
        for name, (value, unit) in results[options.new].items():
            if name in results[options.base]:
                ratios[name].append(value / results[options.base][name][0])
                units[name] = unit
    worse = 0
    for name, values in ratios.items():
        median = statistics.median(values)
        agreeing = max(sum(value > 1 for value in values), sum(value < 1 for value in values))
        mark = ""
        if agreeing >= 0.9 * len(values) and abs(median - 1) > 0.03:
            is_better = (median > 1) == any(units[name].split(",")[0].endswith(unit) for unit in HIGHER_IS_BETTER)
            mark = "better" if is_better else "WORSE"
            worse += not is_better
        print(f"{name:60} {median:6.3f}  ({min(values):.3f} to {max(values):.3f})  {mark}")
    sys.exit(1 if worse else 0)


main()
