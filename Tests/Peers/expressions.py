"""Nanoseconds per evaluation of five expressions, by an evaluator named on the command line.

The expressions and inputs are those of the `guard` benchmark of Flow.
"""

import sys
import time

EXPRESSIONS = [
    'amount > 100.0 && status == "paid"',
    "items.all(i, i.qty > 0 && i.price < 1000.0)",
    'user.roles.exists(r, r == "admin") || resource.owner == user.id',
    'name.startsWith("abc") && name.matches("^[a-z]+[0-9]*$")',
    "(a + b) * c - d / 2 > e % 7",
]
INPUTS = {
    "amount": 150.0,
    "status": "paid",
    "items": [{"qty": 2, "price": 9.5}] * 10,
    "user": {"id": "u1", "roles": ["a", "b", "admin"]},
    "resource": {"owner": "u1"},
    "name": "abcdef123",
    "a": 3,
    "b": 4,
    "c": 5,
    "d": 6,
    "e": 70,
}


def cel_python():
    import celpy

    environment = celpy.Environment()
    inputs = celpy.json_to_cel(INPUTS)
    for text in EXPRESSIONS:
        program = environment.program(environment.compile(text))
        yield lambda: bool(program.evaluate(inputs)), 300


def cel_rust():
    import cel

    context = cel.Context(INPUTS)
    for text in EXPRESSIONS:
        program = cel.compile(text)
        yield lambda: program.execute(context), 20_000


def python_eval():
    # The same conditions in Python itself, compiled once: the cost of the language.
    import re

    pattern = re.compile("^[a-z]+[0-9]*$")
    conditions = [
        lambda v: v["amount"] > 100.0 and v["status"] == "paid",
        lambda v: all(i["qty"] > 0 and i["price"] < 1000.0 for i in v["items"]),
        lambda v: any(r == "admin" for r in v["user"]["roles"]) or v["resource"]["owner"] == v["user"]["id"],
        lambda v: v["name"].startswith("abc") and pattern.match(v["name"]) is not None,
        lambda v: (v["a"] + v["b"]) * v["c"] - v["d"] // 2 > v["e"] % 7,
    ]
    for condition in conditions:
        yield lambda: condition(INPUTS), 100_000


EVALUATORS = {"cel-python": cel_python, "cel (Rust)": cel_rust, "Python": python_eval}


def main():
    for index, (evaluate, turns) in enumerate(EVALUATORS[sys.argv[1]]()):
        assert evaluate() is True, EXPRESSIONS[index]
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter_ns()
            for _ in range(turns):
                evaluate()
            best = min(best, (time.perf_counter_ns() - start) / turns)
        print(f"{EXPRESSIONS[index]}\t{best:.1f}")


main()
