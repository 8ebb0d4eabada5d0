"""The same file, edited in Neovim and in Emacs without a screen."""

import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import FLOW, SAMPLES

HERE = pathlib.Path(__file__).resolve().parent


def run(command, folder, tmp_path):
    for sample in SAMPLES.glob("*.flow"):
        shutil.copy(sample, tmp_path)
    (tmp_path / ".git").mkdir()
    environment = {
        **os.environ, "FLOW": str(pathlib.Path(FLOW).resolve()), "FLOW_FILE": str(tmp_path / "order.flow"),
        "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not shutil.which("nvim"), reason="Neovim is not installed")
def test_neovim(tmp_path):
    result = run(["nvim", "--headless", "-u", "NONE", "-c", f"luafile {HERE / 'neovim.lua'}"], HERE, tmp_path)
    assert result.returncode == 0 and "neovim: ok" in result.stdout, result.stdout + result.stderr


@pytest.mark.skipif(not shutil.which("emacs"), reason="Emacs is not installed")
def test_emacs(tmp_path):
    result = run(["emacs", "-q", "--batch", "-f", "package-initialize", "-l", str(HERE / "emacs.el")], HERE, tmp_path)
    assert result.returncode == 0 and "emacs: ok" in result.stderr, result.stdout + result.stderr
