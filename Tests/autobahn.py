"""Counts what the Autobahn test suite says of each case, and fails when one of them failed."""
import collections
import json
import sys

with open(sys.argv[1]) as file:
    cases = [(name, case) for agent in json.load(file).values() for name, case in agent.items()]
isBad = lambda case: "FAILED" in (case["behavior"], case["behaviorClose"]) or case["behavior"] == "WRONG CODE"
for name, count in sorted(collections.Counter(case["behavior"] for _, case in cases).items()):
    print(f"{count:4} {name}")
for name, case in cases:
    if case["behavior"] not in ("OK", "INFORMATIONAL") or isBad(case):
        print(f"{name}: {case['behavior']}, at its close {case['behaviorClose']}")
sys.exit(1 if not cases or any(isBad(case) for _, case in cases) else 0)
