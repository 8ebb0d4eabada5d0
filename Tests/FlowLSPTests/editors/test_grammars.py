"""The grammars of editors color every token as the lexer classifies it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from conftest import FLOW, ROOT

sys.path.insert(0, str(ROOT / "grammar"))

FILES = sorted((ROOT / "samples").rglob("*.flow")) + sorted((ROOT / "templates").glob("*/*.flow"))

#: The class that a scope of the TextMate grammar stands for, by the beginning of the scope.
SCOPES = {
    "comment.line.documentation": "documentation", "comment": "comment", "string": "string",
    "constant.character": "string", "constant.numeric.duration": "duration", "constant.numeric": "number",
    "constant.language": "constant", "support.type": "type", "keyword.control": "keyword",
    "keyword.operator": "operator", "punctuation": "punctuation", "variable": "name", "invalid": "invalid",
}


class Server:
    """A connection for questions about tokens."""

    def __init__(self):
        self.process = subprocess.Popen([FLOW, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("initialize", {"capabilities": {}})

    def send(self, message):
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
        self.process.stdin.flush()

    def ask(self, method, parameters):
        self.send({"id": 1, "method": method, "params": parameters})
        while True:
            length = 0
            while (line := self.process.stdout.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length"):
                    length = int(line.split(b":")[1])
            message = json.loads(self.process.stdout.read(length))
            if "id" in message and "method" not in message:
                return message["result"]

    def close(self):
        self.ask("shutdown", None)
        self.send({"method": "exit"})
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.close()


def lexer_classes(server, path: pathlib.Path):
    """The class of each byte of a file; None for white space."""
    text = path.read_bytes()
    classes = [None] * len(text)
    for lower, upper, name in server.ask("flow/tokens", {"textDocument": {"uri": path.as_uri()}}):
        for index in range(lower, upper):
            if not chr(text[index]).isspace():
                classes[index] = name
    return classes


def differences(text: bytes, expected, found):
    wrong = [index for index in range(len(text)) if expected[index] != found[index]]
    return [
        (text[:index].count(b"\n") + 1, text[max(0, index - 10):index + 10].decode(errors="replace"), expected[index],
         found[index]) for index in wrong[:5]
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_textmate(server, path):
    from textmate_grammar.parsers.base import LanguageParser

    grammar = json.loads((ROOT / "grammar/vscode/syntaxes/flow.tmLanguage.json").read_text())
    text = path.read_bytes()
    lines = text.decode().split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()) + 1)
    found = [None] * len(text)
    for (line, column), part, scopes in LanguageParser(grammar).parse_file(path).flatten():
        scope = scopes[-1]
        name = next((SCOPES[start] for start in SCOPES if scope.startswith(start)), None)
        offset = starts[line] + len(lines[line][:column].encode())
        for index in range(offset, offset + len(part.encode())):
            if index < len(text) and not chr(text[index]).isspace():
                found[index] = name
    assert differences(text, lexer_classes(server, path), found) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pygments(server, path):
    from flow_pygments import FlowLexer
    from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String

    kinds = [
        (Comment.Special, "documentation"), (Comment, "comment"), (String, "string"), (Number.Duration, "duration"),
        (Number, "number"), (Keyword.Constant, "constant"), (Keyword.Type, "type"), (Keyword, "keyword"),
        (Operator, "operator"), (Punctuation, "punctuation"), (Name, "name"), (Error, "invalid"),
    ]
    text = path.read_bytes()
    found = [None] * len(text)
    offset = 0
    for kind, part in FlowLexer(ensurenl=False, stripnl=False).get_tokens(text.decode()):
        name = next((name for token, name in kinds if kind in token), None)
        for index in range(offset, offset + len(part.encode())):
            if not chr(text[index]).isspace():
                found[index] = name
        offset += len(part.encode())
    assert differences(text, lexer_classes(server, path), found) == []


@pytest.mark.skipif(not shutil.which("nvim"), reason="Neovim is not installed")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_vim(server, path, tmp_path):
    groups = tmp_path / "groups"
    subprocess.run(
        ["nvim", "--headless", "-u", "NONE", "--cmd", f"set runtimepath^={ROOT / 'grammar/vim'}", str(path), "-S",
         str(pathlib.Path(__file__).parent / "vim_groups.vim")],
        env={**os.environ, "FLOW_GROUPS": str(groups), "HOME": str(tmp_path)}, check=True, timeout=60,
        capture_output=True)
    text = path.read_bytes()
    found = [None] * len(text)
    offset = 0
    for line, names in zip(text.split(b"\n"), groups.read_text().split("\n")):
        for index, name in enumerate(names.split(" ") if names else []):
            if not chr(line[index]).isspace():
                found[offset + index] = {"flowIgnore": "comment"}.get(name, name.removeprefix("flow").lower() or None)
        offset += len(line) + 1
    # Vim colors neither plain names nor punctuation.
    plain = {"name": None, "punctuation": None}
    expected = [plain.get(name, name) for name in lexer_classes(server, path)]
    assert differences(text, expected, [plain.get(name, name) for name in found]) == []
