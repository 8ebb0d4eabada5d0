// The client of `flow lsp`, with commands for the lenses and a panel for diagrams.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function parameters(uri) {
  return { textDocument: { uri: uri || vscode.window.activeTextEditor.document.uri.toString() } };
}

async function showDiagram(uri, flow) {
  const panel = vscode.window.createWebviewPanel("flow.diagram", flow || "Diagram", vscode.ViewColumn.Beside, {});
  const draw = async () => {
    try {
      const diagram = await client.sendRequest("flow/graph", { ...parameters(uri), flow, format: "svg" });
      panel.webview.html = `<body style="background: white">${diagram.text.replace(/^[\s\S]*?<svg/, "<svg")}</body>`;
    } catch (error) {
      panel.webview.html = `<pre>${String(error.message).replace(/</g, "&lt;")}</pre>`;
    }
  };
  const listener = vscode.workspace.onDidSaveTextDocument(draw);
  panel.onDidDispose(() => listener.dispose());
  await draw();
}

async function runTest(uri, name) {
  const result = await client.sendRequest("flow/test", { ...parameters(uri), name });
  const output = vscode.window.createOutputChannel("Flow tests");
  output.append(result.text);
  output.show(true);
}

async function verify(uri, flow) {
  const result = await client.sendRequest("flow/simulate", { ...parameters(uri), flow });
  if (!result.message) {
    vscode.window.showInformationMessage(`${flow}: ${result.runs} runs, ${result.steps} steps without a finding`);
    return;
  }
  const answer = await vscode.window.showWarningMessage(`${flow}: ${result.message}`, "Insert test");
  if (answer) vscode.workspace.applyEdit(await client.protocol2CodeConverter.asWorkspaceEdit(result.edit));
}

function openSession(uri) {
  const path = vscode.Uri.parse(parameters(uri).textDocument.uri).fsPath;
  const terminal = vscode.window.createTerminal({
    name: "flow", shellPath: vscode.workspace.getConfiguration("flow").get("path"), shellArgs: ["repl", path],
  });
  terminal.show();
}

function activate(context) {
  const command = vscode.workspace.getConfiguration("flow").get("path");
  client = new LanguageClient("flow", "Flow", { command, args: ["lsp"] }, {
    documentSelector: [{ language: "flow" }],
    synchronize: { fileEvents: vscode.workspace.createFileSystemWatcher("**/{*.flow,flow.toml}") },
  });
  const commands = { showDiagram, runTest, verify, openSession };
  for (const [name, action] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(`flow.${name}`, action));
  }
  return client.start();
}

function deactivate() {
  return client && client.stop();
}

module.exports = { activate, deactivate };
