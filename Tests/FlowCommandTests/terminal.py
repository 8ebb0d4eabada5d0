"""Drives `flow repl` through a pseudo-terminal, as a person at a keyboard would."""

import fcntl
import os
import pty
import select
import signal
import stat
import struct
import sys
import tempfile
import termios
import time

PATIENCE = 30
PLACED = '-> Placed{order_id: "o1", email: "a@b.c", items: [Item{sku: "x", qty: 2, price: 5.0}]}\r'


class Terminal:
    """A program at a terminal, in a home folder of its own."""

    def __init__(self, home, arguments, environment=None, folder=None):
        self.seen = ""
        self.process, self.master = pty.fork()
        if self.process == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            own = {"TERM": "xterm", "INPUTRC": "/dev/null", "NO_COLOR": "", "HOME": home}
            own |= {"XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config"}
            os.environ.update({**own, **(environment or {})})
            if folder:
                os.chdir(folder)
            os.execv(arguments[0], arguments)
        self.resize(24, 100)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def paste(self, text):
        self.type(f"\x1b[200~{text}\x1b[201~")

    def expect(self, text):
        """Waits for a text; what stands before it is given, and forgotten."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                sys.exit(f"{text!r} did not come; this did:\n{self.seen}")
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                sys.exit(f"it ended before {text!r} came; this did:\n{self.seen}")
        before, self.seen = self.seen.split(text, 1)
        return before

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

    def quit(self):
        self.type(":quit\r")
        same(self.end(), 0)


def same(actual, expected):
    if actual != expected:
        sys.exit(f"{actual!r} instead of {expected!r}")


def completion(start):
    """A command, an event, a field, and the list of what there is."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type(":adv\tne\t\x15")
    terminal.type('-> Pl\t\b{or\t"o1", em\t"a@b.c", it\t[]}\r')
    terminal.expect("→ unpaid")
    terminal.expect("o1 unpaid +0s #1> ")
    terminal.type(":path \t\t")
    terminal.expect("delivered")
    terminal.expect(":path ")
    terminal.type("\x15:set clo\tre\t\b \x15:fo\t")
    terminal.expect(":fo")
    terminal.type("\x15")
    terminal.quit()


def editing(start):
    """^C, a pasted block, the last line again, Alt-Enter, a bracket that stays open, ^D."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type(PLACED)
    terminal.expect("#1> ")
    terminal.type("nonsense\x03")
    terminal.expect("^C")
    terminal.expect("#1> ")
    terminal.paste("1 +\n2")
    terminal.type("\r")
    terminal.expect("3 : int")
    terminal.expect("#1> ")
    terminal.type("\x1b[A")
    terminal.expect("1 +")
    terminal.type("\r")
    terminal.expect("3 : int")
    terminal.expect("#1> ")
    terminal.paste('-> Paid{\n\tamount: 1.0\n}\n:undo\n:state')
    terminal.type("\r")
    terminal.expect("paid = 1.0")
    terminal.expect("back to o1 unpaid +0s #1")
    terminal.expect("revision 1")
    terminal.expect("#1> ")
    terminal.type("[1,\x1b\r2]\r")
    terminal.expect("[1,2] : list<int>")
    terminal.expect("#1> ")
    terminal.type("[3,\r")
    terminal.expect("...> ")
    terminal.type("4]\r")
    terminal.expect("[3,4] : list<int>")
    terminal.expect("#1> ")
    terminal.type("[5,\r")
    terminal.expect("...> ")
    terminal.type("\x03")
    terminal.expect("#1> ")
    terminal.type("6\r")
    terminal.expect("6 : int")
    terminal.expect("#1> ")
    terminal.type("\x04")
    same(terminal.end(), 0)


def undo(start):
    """Time goes on and back."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type(PLACED)
    terminal.expect("#1> ")
    terminal.type(":advance next\r")
    terminal.expect("failed")
    terminal.expect("#2> ")
    terminal.type(":undo\r")
    terminal.expect("o1 unpaid +0s #1> ")
    terminal.quit()


def resize(start):
    """A narrow window changes nothing of what was typed, and the line is drawn anew for it."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type("'aaaaaaaaaaaaaaaaaaaaaaaaa' ==")
    terminal.expect("' ==")
    terminal.resize(20, 30)
    terminal.expect("flow> ")
    terminal.type(" 'b'\r")
    terminal.expect("false : bool")
    terminal.quit()


def interrupt(start):
    """^C ends a long search, and the next line is taken as ever."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type(":never false --depth 1000\r")
    terminal.expect("\n")
    terminal.type("\x03")
    terminal.expect("then it was given up")
    terminal.expect("interrupted")
    terminal.expect("flow> ")
    terminal.type("1 + 1\r")
    terminal.expect("2 : int")
    terminal.quit()


def signals(start):
    """Stopped and continued, the line is still there; SIGTERM ends it and leaves the terminal as it was."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.type("40 + ")
    terminal.expect("40 + ")
    os.kill(terminal.process, signal.SIGSTOP)
    os.waitpid(terminal.process, os.WUNTRACED)
    cooked = termios.tcgetattr(terminal.master)
    cooked[3] |= termios.ICANON | termios.ECHO
    termios.tcsetattr(terminal.master, termios.TCSANOW, cooked)
    os.kill(terminal.process, signal.SIGCONT)
    terminal.expect("40 + ")
    terminal.type("2\r")
    terminal.expect("42 : int")
    terminal.expect("flow> ")
    terminal.type("half a li")
    terminal.expect("half a li")
    os.kill(terminal.process, signal.SIGTERM)
    same(terminal.end(), 128 + signal.SIGTERM)
    cooked = termios.ICANON | termios.ECHO
    same(termios.tcgetattr(terminal.master)[3] & cooked, cooked)


def notice(start, home):
    """With a real clock a timer speaks above the line that is being typed, which stays as it was."""
    nap = f"{home}/nap.flow"
    with open(nap, "w", encoding="utf-8") as file:
        file.write("""
            event Begin
            flow Nap {
              start on Begin -> asleep
              state asleep { after 700ms -> awake }
              final awake
            }
            """)
    terminal = start(nap)
    terminal.expect("flow> ")
    terminal.type(":set clock real\r")
    terminal.expect("flow> ")
    # In one go, so that it is typed before the timer fires, however slow the machine is.
    terminal.type("-> Begin\r40 + ")
    terminal.expect("→ asleep")
    terminal.expect("asleep → awake")
    terminal.expect("ms #2> 40 + ")
    terminal.type("2\r")
    terminal.expect("42 : int")
    terminal.quit()


def history(start, home):
    """What was typed is there the next time, entries of several lines whole, for nobody else to read."""
    terminal = start()
    terminal.expect("flow> ")
    terminal.paste("10 +\n20 +\n3")
    terminal.type("\r")
    terminal.expect("33 : int")
    terminal.expect("flow> ")
    for line in ["'first'", " 'unseen'", "'second'", "'second'"]:
        terminal.type(line + "\r")
        terminal.expect(": string")
        terminal.expect("flow> ")
    terminal.quit()
    same(stat.S_IMODE(os.stat(f"{home}/state/flow/history").st_mode), 0o600)
    same(stat.S_IMODE(os.stat(f"{home}/state/flow").st_mode), 0o700)
    terminal = start()
    terminal.expect("flow> ")
    terminal.type("\x1b[A\x1b[A\x1b[A\x1b[A\r")
    terminal.expect("33 : int")
    terminal.expect("flow> ")
    terminal.type("\x12fir\r")
    terminal.expect('"first" : string')
    terminal.quit()


def start_up_files(start, home):
    """The user's file is run; that of a folder after the user has agreed, who is asked once."""
    folder = f"{home}/project"
    os.makedirs(f"{home}/config/flow")
    os.makedirs(folder)
    for path, line in [(f"{home}/config/flow/init.flowrepl", "let mine = 41"), (f"{folder}/.flowrepl", "let ours = 1")]:
        with open(path, "w", encoding="utf-8") as file:
            file.write(line + "\n")
    terminal = start(None, folder=folder)
    terminal.expect("mine : int")
    terminal.expect("[y/N] ")
    terminal.type("\r")
    terminal.expect("flow> ")
    terminal.type("mine + ours\r")
    terminal.expect("ours")
    terminal.quit()
    terminal = start(None, folder=folder)
    terminal.expect("[y/N] ")
    terminal.type("y\r")
    terminal.expect("ours : int")
    terminal.expect("flow> ")
    terminal.type("mine + ours\r")
    terminal.expect("42 : int")
    terminal.quit()
    terminal = start(None, folder=folder)
    if "[y/N]" in terminal.expect("flow> "):
        sys.exit("it asked again")
    terminal.quit()
    terminal = start(None, options=["--no-init"], folder=folder)
    if "mine" in terminal.expect("flow> "):
        sys.exit("--no-init read a file")
    terminal.quit()


def plain(start):
    """A terminal that can do nothing still works, and nothing is coloured where nobody wants it."""
    terminal = start(environment={"TERM": "dumb"})
    said = terminal.expect("flow> ")
    terminal.type(":frob\r")
    said += terminal.expect("there is no command")
    terminal.expect("flow> ")
    terminal.type("1 + 1\r")
    terminal.expect("2 : int")
    terminal.quit()
    if "\x1b[" in said:
        sys.exit(f"a dumb terminal was sent {said!r}")
    terminal = start(environment={"NO_COLOR": "1"})
    terminal.expect("flow> ")
    terminal.type(":frob\r")
    terminal.expect("\rerror: there is no command")
    terminal.quit()
    terminal = start()
    terminal.expect("flow> ")
    terminal.type(":frob\r")
    terminal.expect("\x1b[31merror\x1b[0m: there is no command")
    terminal.quit()


def main(binary, sample):
    for case in [completion, editing, undo, resize, interrupt, signals, notice, history, start_up_files, plain]:
        with tempfile.TemporaryDirectory() as home:

            def start(path=sample, options=(), environment=None, folder=None):
                arguments = [os.path.abspath(binary), "repl", *options, *([path] if path else [])]
                return Terminal(home, arguments, environment, folder)

            case(start, home) if case.__code__.co_argcount == 2 else case(start)
            print(case.__name__, flush=True)


main(*sys.argv[1:])
