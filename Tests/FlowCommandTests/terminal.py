"""Drives `flow repl` through a pseudo-terminal, as a person at a keyboard would."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PATIENCE = 20


class Terminal:
    def __init__(self, arguments, environment=None):
        self.seen = ""
        self.process, self.master = pty.fork()
        if self.process == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.environ.update({"TERM": "xterm", "INPUTRC": "/dev/null", **(environment or {})})
            os.execv(arguments[0], arguments)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def expect(self, text):
        """Waits for a text; what stands before it is forgotten."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                sys.exit(f"{text!r} did not come; this did:\n{self.seen}")
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                sys.exit(f"it ended before {text!r} came; this did:\n{self.seen}")
        self.seen = self.seen.split(text, 1)[1]

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def end(self):
        """The exit code, when it has ended by itself."""
        for _ in range(PATIENCE * 20):
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        sys.exit("it did not end")


def main(binary, sample):
    terminal = Terminal([binary, "repl", sample])
    terminal.expect("flow> ")
    # Completion: a command, an event, a field, and the list of what there is.
    terminal.type(":adv\tne\t\x15")
    terminal.type("-> Pl\t\b{or\t\"o1\", em\t\"a@b.c\", it\t[]}\r")
    terminal.expect("→ unpaid")
    terminal.expect("o1 unpaid +0s #1> ")
    terminal.type(":path \t\t")
    terminal.expect("delivered")
    terminal.expect(":path ")
    # ^C throws the line away and asks anew.
    terminal.type("nonsense\x03")
    terminal.expect("^C")
    terminal.expect("#1> ")
    # A paste of several lines is one line until Return.
    terminal.type("\x1b[200~1 +\n2\x1b[201~")
    terminal.type("\r")
    terminal.expect("3 : int")
    terminal.expect("#1> ")
    # The arrow brings the last line back.
    terminal.type("\x1b[A")
    terminal.expect("1 +")
    terminal.type("\r")
    terminal.expect("3 : int")
    terminal.expect("#1> ")
    # A narrow window changes nothing of what was typed.
    terminal.type("paid == ")
    terminal.resize(20, 30)
    terminal.type("0.0\r")
    terminal.expect("true : bool")
    terminal.expect("#1> ")
    # Time goes on and back.
    terminal.type(":advance next\r")
    terminal.expect("failed")
    terminal.expect("#2> ")
    terminal.type(":undo\r")
    terminal.expect("o1 unpaid +0s #1> ")
    # ^D on an empty line leaves.
    terminal.type("\x04")
    code = terminal.end()
    if code != 0:
        sys.exit(f"it ended with {code}")
    # A terminal that can do nothing still works.
    plain = Terminal([binary, "repl", sample], {"TERM": "dumb", "NO_COLOR": "1"})
    plain.expect("flow> ")
    plain.type("1 + 1\r")
    plain.expect("2 : int")
    plain.expect("flow> ")
    plain.type(":quit\r")
    sys.exit(plain.end())


main(*sys.argv[1:])
