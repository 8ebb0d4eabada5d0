"""Draws Neovim at work with the order flow: python screenshot.py FLOW OUTPUT.png (needs pyte, Pillow and DejaVu fonts)."""

import fcntl
import os
import pathlib
import pty
import select
import struct
import sys
import tempfile
import termios
import time

import pyte
from PIL import Image, ImageDraw, ImageFont

COLUMNS, ROWS, SIZE = 110, 34, 16
ROOT = pathlib.Path(__file__).resolve().parents[3]
COLORS = {
    "default": "#d8dee9", "black": "#2e3440", "red": "#ff6b6b", "green": "#a3be8c", "brown": "#ebcb8b",
    "blue": "#81a1c1", "magenta": "#c792ea", "cyan": "#88c0d0", "white": "#e5e9f0",
}
BACKGROUND = "#20242c"

INIT = """
set runtimepath^={vim} termguicolors number laststatus=0 signcolumn=yes updatetime=100 shortmess+=F
syntax on
filetype plugin on
hi Normal guifg=#d8dee9 guibg=#20242c
hi Keyword guifg=#c792ea | hi Type guifg=#88c0d0 | hi Identifier guifg=#d8dee9 | hi String guifg=#a3be8c
hi Number guifg=#ebcb8b | hi Comment guifg=#7b8496 | hi SpecialComment guifg=#8fa1b3 | hi Operator guifg=#81a1c1
hi LineNr guifg=#5b6474 | hi Pmenu guifg=#e5e9f0 guibg=#343b48 | hi NormalFloat guifg=#e5e9f0 guibg=#343b48
hi DiagnosticError guifg=#ff6b6b | hi DiagnosticVirtualTextError guifg=#ff6b6b | hi SignColumn guibg=#20242c
edit order.flow
lua <<EOF
local id = vim.lsp.start_client({{ name = "flow", cmd = {{ "{flow}", "lsp" }}, root_dir = vim.fn.getcwd() }})
vim.lsp.buf_attach_client(0, id)
EOF
"""


def terminal(command, folder, keys):
    """The screen of a program after keys, each with the seconds before it."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    process, descriptor = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", HOME=folder)
        os.execvp(command[0], command)
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    for seconds, text in keys:
        end = time.time() + seconds
        while time.time() < end:
            if select.select([descriptor], [], [], 0.05)[0]:
                stream.feed(os.read(descriptor, 65536))
        os.write(descriptor, text.encode())
    os.waitpid(process, os.WNOHANG)
    return screen


def draw(screen, path):
    fonts = [ImageFont.truetype(f"/usr/share/fonts/truetype/dejavu/DejaVuSansMono{style}.ttf", SIZE)
             for style in ("", "-Bold")]
    width, height = int(fonts[0].getlength("M")), SIZE + 5
    image = Image.new("RGB", (COLUMNS * width + 24, ROWS * height + 24), BACKGROUND)
    pen = ImageDraw.Draw(image)
    color = lambda name, other: other if name == "default" else COLORS.get(name) or "#" + name
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            front, back = color(cell.fg, COLORS["default"]), color(cell.bg, BACKGROUND)
            if cell.reverse:
                front, back = back, front
            x, y = 12 + column * width, 12 + row * height
            pen.rectangle([x, y, x + width, y + height], fill=back)
            pen.text((x, y + 1), cell.data, font=fonts[1 if cell.bold else 0], fill=front)
            if cell.underscore:
                pen.line([x, y + height - 3, x + width, y + height - 3], fill=front)
    image.save(path, optimize=True)


def main(flow, output):
    with tempfile.TemporaryDirectory() as folder:
        for sample in (ROOT / "samples").glob("*.flow"):
            text = sample.read_text().replace("after 3d -> expired", "after 3d -> expird")
            (pathlib.Path(folder) / sample.name).write_text(text)
        init = pathlib.Path(folder) / "init.vim"
        init.write_text(INIT.format(vim=ROOT / "grammar/vim", flow=pathlib.Path(flow).resolve()))
        keys = [(3, "36Gzt"), (1, "/state stuck\r"), (0.5, ":noh\r"), (0.5, "/Retry\r:noh\r"),
                (0.5, ":lua vim.lsp.buf.hover()\r"), (3, "")]
        screen = terminal(["nvim", "-u", str(init)], folder, keys)
    draw(screen, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
