"""Types lines and a tab into an interactive zsh, and prints the completed lines.

Usage: zsh.py FOLDER ROOT, where FOLDER has `flow` and `flow.zsh`.
"""
import os
import pty
import select
import shutil
import sys
import time

folder, root = sys.argv[1], sys.argv[2]
functions = os.path.join(folder, "functions")
os.makedirs(functions, exist_ok=True)
shutil.copy(os.path.join(folder, "flow.zsh"), os.path.join(functions, "_flow"))

child, terminal = pty.fork()
if child == 0:
    os.chdir(root)
    os.environ.update(PS1="> ", TERM="dumb", HOME=folder, PATH=folder + ":" + os.environ["PATH"])
    os.execvp("zsh", ["zsh", "-f", "-i"])


pending = ""


def read_until(text, seconds):
    """Whether the terminal shows a text in time; what follows the text is kept for the next call."""
    global pending
    end = time.time() + seconds
    while text not in pending and time.time() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            pending += os.read(terminal, 65536).decode(errors="replace")
    _, found, rest = pending.partition(text)
    pending = rest if found else ""
    return bool(found)


setup = f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; unsetopt beep; echo re''ady\n"
os.write(terminal, setup.encode())
read_until("ready", 60)
read_until("> ", 60)
for line, completed in [
    ("flow se", "flow serve"),
    ("flow serve --st", "flow serve --store"),
    ("flow check samples/or", "flow check samples/order.flow"),
]:
    # Control-U empties the line; on a busy machine the first try may come before the line editor is there.
    for _ in range(4):
        os.write(terminal, b"\x15" + line.encode() + b"\t")
        if read_until(completed + " ", 15):
            print(completed)
            break
    else:
        print(line)
