"""Each feature of the language server, with the capabilities of three editors."""

import asyncio
import itertools

import pytest
from conftest import SAMPLES
from lsprotocol import types
from pytest_lsp import LanguageClient

PATH = SAMPLES / "order.flow"
VERSIONS = itertools.count(1)


def position(text: str, before: str, after: str = "", skip: int = 0) -> types.Position:
    """The position between two adjacent texts."""
    index = -1
    for _ in range(skip + 1):
        index = text.index(before + after, index + 1)
    head = text[: index + len(before)]
    return types.Position(line=head.count("\n"), character=len(head) - head.rfind("\n") - 1)


async def open_text(client: LanguageClient, text: str, path=PATH) -> types.TextDocumentIdentifier:
    """Opens a text as a document and waits for its diagnostics, which an editor that can ask for them asks for."""
    client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=types.TextDocumentItem(
        uri=path.as_uri(), language_id="flow", version=next(VERSIONS), text=text)))
    document = types.TextDocumentIdentifier(uri=path.as_uri())
    if client.capabilities.text_document.diagnostic:
        await pulled(client, document)
    else:
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return document


async def close(client: LanguageClient, document) -> None:
    client.text_document_did_close(types.DidCloseTextDocumentParams(text_document=document))


async def pulled(client: LanguageClient, document):
    """The diagnostics of a document, by a question."""
    report = await client.text_document_diagnostic_async(types.DocumentDiagnosticParams(text_document=document))
    return report.items


def applied(text: str, edits) -> str:
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    offset = lambda place: starts[min(place.line, len(lines))] + place.character
    for edit in sorted(edits, key=lambda edit: -offset(edit.range.start)):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end):]
    return text


@pytest.mark.asyncio
async def test_diagnostics_with_related_places_and_their_end(client: LanguageClient):
    text = PATH.read_text().replace("-> shipping do", "-> shippin do")
    document = await open_text(client, text)
    items = await pulled(client, document)
    assert [item.code for item in items if item.severity == types.DiagnosticSeverity.Error] == ["F104"]
    assert "did you mean `shipping`?" in items[0].message
    client.text_document_did_change(types.DidChangeTextDocumentParams(
        text_document=types.VersionedTextDocumentIdentifier(uri=document.uri, version=next(VERSIONS)),
        content_changes=[types.TextDocumentContentChangePartial(
            range=types.Range(start=position(text, "-> shippin"), end=position(text, "-> shippin")), text="g")]))
    assert [item.code for item in await pulled(client, document)] == []
    await close(client, document)


@pytest.mark.asyncio
async def test_hover_names_the_reaction_that_answers(client: LanguageClient):
    text = PATH.read_text()
    document = await open_text(client, text)
    hover = await client.text_document_hover_async(types.HoverParams(
        text_document=document, position=position(text, "ignore Can", "cel")))
    assert "`ignore`: accepted without effect" in hover.contents.value
    hover = await client.text_document_hover_async(types.HoverParams(
        text_document=document, position=position(text, "let tot", "al")))
    assert hover.contents.value.startswith("```flow\nlet total: double = ")
    await close(client, document)


@pytest.mark.asyncio
async def test_completion_offers_states_events_and_fields(client: LanguageClient):
    text = PATH.read_text().replace("    after 3d -> expired\n", "    on \n    on Paid when event. -> \n")
    document = await open_text(client, text)

    async def labels(before):
        found = await client.text_document_completion_async(types.CompletionParams(
            text_document=document, position=position(text, before)))
        return [item.label for item in found.items]

    targets = await labels("on Paid when event. -> ")
    assert targets[0] == "expired" and targets[-1] == "unpaid"
    triggers = await labels("on Paid do paid = paid + event.amount\n    on ")
    assert "Retry" in triggers and "Paid" not in triggers
    assert (await labels("on Paid when event."))[0] == "amount"
    await close(client, document)


@pytest.mark.asyncio
async def test_definition_references_highlight_and_rename(client: LanguageClient):
    text = PATH.read_text()
    document = await open_text(client, text)
    where = position(text, "entry ref", "und")
    found = await client.text_document_definition_async(types.DefinitionParams(text_document=document, position=where))
    assert found.uri.endswith("/payments.flow")
    where = position(text, "state ship", "ping")
    references = await client.text_document_references_async(types.ReferenceParams(
        text_document=document, position=where, context=types.ReferenceContext(include_declaration=True)))
    assert len(references) == text.count("-> shipping") + text.count("state shipping")
    highlights = await client.text_document_document_highlight_async(types.DocumentHighlightParams(
        text_document=document, position=where))
    assert len(highlights) == len(references)
    prepared = await client.text_document_prepare_rename_async(types.PrepareRenameParams(
        text_document=document, position=where))
    assert prepared.placeholder == "shipping"
    edit = await client.text_document_rename_async(types.RenameParams(
        text_document=document, position=where, new_name="sending"))
    renamed = applied(text, edit.changes[document.uri])
    assert renamed == text.replace("-> shipping", "-> sending").replace("state shipping", "state sending")
    await close(client, document)


@pytest.mark.asyncio
async def test_rename_reaches_an_imported_file(client: LanguageClient):
    text = PATH.read_text()
    document = await open_text(client, text)
    edit = await client.text_document_rename_async(types.RenameParams(
        text_document=document, position=position(text, "entry ref", "und"), new_name="pay_back"))
    assert sorted(uri.rsplit("/", 1)[1] for uri in edit.changes) == sorted(
        {"order.flow", "payments.flow"} | {uri.rsplit("/", 1)[1] for uri in edit.changes})
    assert len(edit.changes) >= 2
    await close(client, document)


@pytest.mark.asyncio
async def test_an_unsaved_import_counts(client: LanguageClient):
    document = await open_text(client, PATH.read_text())
    imported = SAMPLES / "payments.flow"
    other = await open_text(client, imported.read_text().replace("action refund", "action refunded"), imported)
    items = await pulled(client, document)
    assert "F107" in [item.code for item in items]
    await close(client, other)
    assert "F107" not in [item.code for item in await pulled(client, document)]
    await close(client, document)


@pytest.mark.asyncio
async def test_formatting_restores_the_sample(client: LanguageClient):
    text = PATH.read_text()
    rough = text.replace("    on Paid when", "  on   Paid   when").replace("  let total", "let total")
    document = await open_text(client, rough)
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(
        text_document=document, options=options))
    assert applied(rough, edits) == text
    line = position(rough, "let total").line
    edits = await client.text_document_range_formatting_async(types.DocumentRangeFormattingParams(
        text_document=document, options=options,
        range=types.Range(start=types.Position(line, 0), end=types.Position(line, 1))))
    assert applied(rough, edits) == rough.replace("let total", "  let total")
    await close(client, document)


@pytest.mark.asyncio
async def test_symbols_folding_selection_and_tokens(client: LanguageClient):
    text = PATH.read_text()
    document = await open_text(client, text)
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(text_document=document))
    order = next(symbol for symbol in symbols if symbol.name == "Order")
    assert "shipping" in [child.name for child in order.children]
    folding = await client.text_document_folding_range_async(types.FoldingRangeParams(text_document=document))
    assert position(text, "flow Order").line in [item.start_line for item in folding]
    selection = await client.text_document_selection_range_async(types.SelectionRangeParams(
        text_document=document, positions=[position(text, "event.am", "ount")]))
    depth, node = 0, selection[0]
    while node:
        depth, node = depth + 1, node.parent
    assert depth > 4
    found = await client.workspace_symbol_async(types.WorkspaceSymbolParams(query="shp"))
    assert "shipping" in [symbol.name for symbol in found]
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(text_document=document))
    assert len(tokens.data) % 5 == 0 and len(tokens.data) > 1000
    await close(client, document)


@pytest.mark.asyncio
async def test_actions_hints_lenses_and_signatures(client: LanguageClient):
    text = PATH.read_text().replace("-> shipping do", "-> shippin do")
    document = await open_text(client, text)
    where = position(text, "-> ship", "pin")
    actions = await client.text_document_code_action_async(types.CodeActionParams(
        text_document=document, range=types.Range(start=where, end=where),
        context=types.CodeActionContext(diagnostics=[])))
    titles = {action.title: action for action in actions}
    assert "create the state `shippin`" in titles
    fix = titles["change it to `shipping`"]
    assert applied(text, fix.edit.changes[document.uri]) == PATH.read_text()
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(
        text_document=document, range=types.Range(start=types.Position(0, 0), end=types.Position(1000, 0))))
    assert ": double" in [hint.label for hint in hints]
    assert any("inherits Cancel" in hint.label for hint in hints)
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(text_document=document))
    assert {"run test", "show diagram", "verify"} <= {lens.command.title for lens in lenses}
    help = await client.text_document_signature_help_async(types.SignatureHelpParams(
        text_document=document, position=position(text, "call ship(order: order_id, items: ")))
    assert help.signatures[0].label == "ship(order: string, items: list<Item>)" and help.active_parameter == 1
    links = await client.text_document_document_link_async(types.DocumentLinkParams(text_document=document))
    assert links[0].target.endswith("payments.flow")
    items = await client.text_document_prepare_call_hierarchy_async(types.CallHierarchyPrepareParams(
        text_document=document, position=position(text, "flow Ord", "er")))
    calls = await client.call_hierarchy_outgoing_calls_async(types.CallHierarchyOutgoingCallsParams(item=items[0]))
    assert {"ship", "refund"} <= {call.to.name for call in calls}
    await close(client, document)


@pytest.mark.asyncio
async def test_diagram_reasons_and_dry_run(client: LanguageClient):
    text = PATH.read_text()
    document = await open_text(client, text)
    place = {"textDocument": {"uri": document.uri}}
    graph = await client.protocol.send_request_async("flow/graph", {**place, "format": "mermaid"})
    assert "stateDiagram" in graph.text and "shipping" in graph.text
    where = position(text, "state stu", "ck")
    why = await client.protocol.send_request_async(
        "flow/why", {**place, "position": {"line": where.line, "character": where.character}, "event": "Cancel"})
    assert why.state == "stuck" and why.events[0].treatment == "inherited"
    run = await client.protocol.send_request_async("flow/dryRun", {**place, "lines": [
        '-> Placed{order_id: "o1", email: "a@b.c", items: [Item{sku: "x", qty: 2, price: 5.0}]}',
        "-> Paid{amount: 10.0}"]})
    assert run.prompt.startswith("o1 shipping") and all(reply.ok for reply in run.replies)
    tests = await client.protocol.send_request_async("flow/test", place)
    assert tests.count > 0 and tests.passed == tests.count
    report = await client.protocol.send_request_async("flow/simulate", {**place, "runs": 20})
    assert report.runs > 0
    await close(client, document)


@pytest.mark.asyncio
async def test_a_cancelled_request_and_an_unknown_method(client: LanguageClient):
    document = await open_text(client, PATH.read_text())
    with pytest.raises(Exception, match="no method"):
        await client.protocol.send_request_async("flow/unknown", {})
    # A burst of changes ends with the findings of the last text.
    for number in range(50):
        client.text_document_did_change(types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=document.uri, version=next(VERSIONS)),
            content_changes=[types.TextDocumentContentChangeWholeDocument(
                text=PATH.read_text().replace("-> stuck", f"-> stuck{number}"))]))
    await asyncio.sleep(0)
    items = await pulled(client, document)
    assert any("stuck49" in item.message for item in items)
    assert not any("stuck48" in item.message for item in items)
    await close(client, document)
