"""Nanoseconds per step of a toggle with a guard and an assignment, by a library named on the command line."""

import sys
import time


def transitions():
    from transitions import Machine

    class Toggle:
        flips = 0

        def is_positive(self, weight):
            return weight > 0

        def count(self, weight):
            self.flips += weight

    toggle = Toggle()
    machine = Machine(toggle, states=["off", "on"], initial="off", auto_transitions=False)
    for source, target in (("off", "on"), ("on", "off")):
        machine.add_transition("flip", source, target, conditions="is_positive", after="count")
    return lambda: toggle.flip(1), lambda: toggle.flips


def statemachine():
    from statemachine import State, StateMachine

    class Toggle(StateMachine):
        off = State(initial=True)
        on = State()
        flip = off.to(on, cond="is_positive", on="count") | on.to(off, cond="is_positive", on="count")
        flips = 0

        def is_positive(self, weight):
            return weight > 0

        def count(self, weight):
            self.flips += weight

    toggle = Toggle()
    return lambda: toggle.flip(weight=1), lambda: toggle.flips


def sismic():
    from sismic.interpreter import Interpreter
    from sismic.io import import_from_yaml

    chart = import_from_yaml(
        """
        statechart:
          name: toggle
          preamble: flips = 0
          root state:
            name: root
            initial: 'off'
            states:
              - name: 'off'
                transitions:
                  - {event: flip, target: 'on', guard: event.weight > 0, action: flips += event.weight}
              - name: 'on'
                transitions:
                  - {event: flip, target: 'off', guard: event.weight > 0, action: flips += event.weight}
        """
    )
    interpreter = Interpreter(chart)

    def step():
        interpreter.queue("flip", weight=1)
        interpreter.execute()

    return step, lambda: interpreter.context["flips"]


LIBRARIES = {"transitions": transitions, "python-statemachine": statemachine, "sismic": sismic}


def main():
    step, flips = LIBRARIES[sys.argv[1]]()
    best, turns, steps = float("inf"), 3000, 0
    for _ in range(3):
        start = time.perf_counter_ns()
        for _ in range(turns):
            step()
        best = min(best, (time.perf_counter_ns() - start) / turns)
        steps += turns
    assert flips() == steps, "each step has to count"
    print(f"toggle\t{best:.1f}")


main()
