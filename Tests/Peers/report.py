"""The page that `run.py` writes."""

import statistics

SECTIONS = {
    "cel": (
        "CEL expressions",
        "Nanoseconds per evaluation of a compiled expression with bound inputs; lower is better. `cel-python` is written "
        "in Python, `cel (Rust)` is the Python binding of the Rust implementation, and `Python` is the same condition "
        "written in Python itself.",
        "Expression", "ns", False),
    "steps": (
        "Statechart steps",
        "Nanoseconds per step of a toggle with a guard and an assignment, in memory; lower is better.",
        "Work", "ns", False),
    "durable": (
        "Durable workflows",
        "Workflows of three steps per second, each step stored before the next begins; higher is better. Flow is "
        "measured through its HTTP API with as many connections as clients; the libraries run in the process of the "
        "caller, with as many threads. All sync to the disk, except that DBOS opens SQLite with its own settings.",
        "Clients", "/s", True),
    "live": (
        "Live updates",
        "Frames per second that 1,000 WebSocket subscribers receive from 16 publishers, read by one client; higher is "
        "better. Each frame of Flow belongs to a step that is on the disk; the others broadcast a constant text of "
        "about the same size from memory.",
        "Work", "/s", True),
    "check": (
        "Checking and formatting",
        "Lines per second of a project of 30,000 lines, with the start of the process; higher is better. Flow checks "
        "types, guards and reachability of generated flows; ruff and pyflakes lint the Python standard library with "
        "their default rules.",
        "Work", "lines/s", True),
    "growth": (
        "Growth",
        "How the cost of Flow grows with its input: the decimal logarithm of the ratio of two processor times, the "
        "second for ten times the input. 1 is linear, and 0 independent of the size.",
        "Input", "ten times the size", False),
}


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def cell(name, values):
    if not values:
        return "–"
    text = (lambda value: f"{value:.2f}") if name == "growth" else number
    return f"{text(statistics.median(values))} ({text(min(values))}–{text(max(values))})"


def ratio(flow, other, higher_is_better):
    if not flow or not other:
        return None
    a, b = statistics.median(flow), statistics.median(other)
    return a / b if higher_is_better else b / a


def section(name, rows, columns):
    title, text, first, unit, higher = SECTIONS[name]
    lines = [f"## {title}", "", text, ""]
    lines.append(f"| {first} ({unit}) | " + " | ".join(columns) + " |")
    lines.append("| --- |" + " ---: |" * len(columns))
    for row, cells in rows.items():
        label = f"`{row}`".replace("|", "\\|") if name == "cel" else row
        lines.append(f"| {label} | " + " | ".join(cell(name, cells.get(column)) for column in columns) + " |")
    if len(columns) == 1:
        return lines + [""]
    flow = columns[0]
    shares = []
    for column in columns[1:]:
        ratios = [ratio(cells.get(flow), cells.get(column), higher) for cells in rows.values()]
        ratios = sorted(value for value in ratios if value)
        if ratios:
            low, high = number(ratios[0]), number(ratios[-1])
            shares.append(f"{column}: {low}" if low == high else f"{column}: {low} to {high}")
    lines += ["", f"Speed of {flow} as a multiple of the others: " + "; ".join(shares) + ".", ""]
    return lines


def page(values, order, rounds, machine):
    lines = [
        "# Performance", "",
        "Flow beside what people would use instead, measured in one run of `make bench-peers`, which writes this page. "
        "Compare the ratios: absolute numbers belong to the machine.", "",
        f"Machine: {machine}. Each figure is the median of {rounds} rounds, with the lowest and highest in brackets; "
        "the rounds of all programs alternate.", "",
    ]
    for name in SECTIONS:
        if name in values:
            lines += section(name, values[name], order[name])
    return "\n".join(lines).rstrip() + "\n"
