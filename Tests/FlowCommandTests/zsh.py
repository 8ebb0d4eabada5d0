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


def read_until(text, seconds=30):
    """The output up to a text; whatever there is when it does not come in time."""
    output, end = "", time.time() + seconds
    while text not in output and time.time() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            output += os.read(terminal, 65536).decode(errors="replace")
    return output


setup = f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D; unsetopt beep; echo re''ady\n"
os.write(terminal, setup.encode())
read_until("ready")
read_until("> ")
for line, completed in [
    ("flow se", "flow serve"),
    ("flow serve --st", "flow serve --store"),
    ("flow check samples/or", "flow check samples/order.flow"),
]:
    os.write(terminal, line.encode() + b"\t")
    print(completed if completed + " " in read_until(completed + " ") else line)
    os.write(terminal, b"\x03")
    read_until("> ")
