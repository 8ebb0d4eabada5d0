"""The server, the samples and the clients of the editor tests."""

import os
import pathlib

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

ROOT = pathlib.Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "samples"
FLOW = os.environ.get("FLOW", str(ROOT / ".build/release/flow"))

#: What the server asks of an editor, which has nothing to answer.
SERVER_REQUESTS = (
    types.CLIENT_REGISTER_CAPABILITY, types.WORKSPACE_CODE_LENS_REFRESH, types.WORKSPACE_INLAY_HINT_REFRESH,
    types.WORKSPACE_SEMANTIC_TOKENS_REFRESH,
)


def initialize_params(profile: str) -> types.InitializeParams:
    return types.InitializeParams(
        capabilities=client_capabilities(profile), root_uri=SAMPLES.as_uri(),
        workspace_folders=[types.WorkspaceFolder(uri=SAMPLES.as_uri(), name="samples")])


@pytest_lsp.fixture(
    params=["visual-studio-code", "neovim", "emacs"],
    config=ClientServerConfig(server_command=[FLOW, "lsp"]))
async def client(request, lsp_client: LanguageClient):
    for method in SERVER_REQUESTS:
        lsp_client.feature(method)(lambda _: None)
    await lsp_client.initialize_session(initialize_params(request.param))
    yield
    await lsp_client.shutdown_session()
