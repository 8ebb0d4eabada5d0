-- Edits a flow in a headless Neovim and checks diagnostics, hover, completion, rename, format and code actions.
local flow = os.getenv("FLOW")
local path = os.getenv("FLOW_FILE")

local function fail(text)
  io.stderr:write("failed: " .. text .. "\n")
  vim.cmd("cquit 1")
end

local function check(condition, text)
  if not condition then fail(text) end
end

vim.cmd("edit " .. path)
local buffer = vim.api.nvim_get_current_buf()
local client = vim.lsp.start_client({ name = "flow", cmd = { flow, "lsp" }, root_dir = vim.fn.fnamemodify(path, ":h") })
vim.lsp.buf_attach_client(buffer, client)
check(vim.wait(10000, function() return vim.lsp.buf_is_attached(buffer, client) end), "the client is not attached")

local function lines() return vim.api.nvim_buf_get_lines(buffer, 0, -1, false) end

local function find(text)
  for number, line in ipairs(lines()) do
    local column = line:find(text, 1, true)
    if column then return number - 1, column - 1 end
  end
  fail("there is no `" .. text .. "`")
end

local function parameters(text, offset)
  local line, column = find(text)
  return {
    textDocument = { uri = vim.uri_from_bufnr(buffer) },
    position = { line = line, character = column + offset },
  }
end

local function ask(method, arguments)
  local results = vim.lsp.buf_request_sync(buffer, method, arguments, 10000)
  local result = results and results[client]
  check(result and not result.err, method .. " failed: " .. vim.inspect(result))
  return result.result
end

local function errors()
  return vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.ERROR })
end

-- Diagnostics appear with a mistake and go with it.
local line = find("after 3d -> expired")
local good = lines()[line + 1]
vim.api.nvim_buf_set_lines(buffer, line, line + 1, false, { (good:gsub("expired", "expird")) })
check(vim.wait(10000, function() return #errors() == 1 end), "no diagnostic for an unknown state")
check(errors()[1].code == "F104", "the code is " .. tostring(errors()[1].code))

-- The code action repairs it.
local row, column = find("expird")
local range = { start = { line = row, character = column }, ["end"] = { line = row, character = column + 6 } }
local actions = ask("textDocument/codeAction", {
  textDocument = { uri = vim.uri_from_bufnr(buffer) }, range = range, context = { diagnostics = {} },
})
for _, action in ipairs(actions) do
  if action.title == "change it to `expired`" then
    vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
    break
  end
end
check(lines()[line + 1] == good, "the repair made `" .. lines()[line + 1] .. "`")
check(vim.wait(10000, function() return #errors() == 0 end), "the diagnostic stays")

local hover = ask("textDocument/hover", parameters("ignore Cancel", 8))
check(hover.contents.value:find("accepted without effect", 1, true), "hover: " .. hover.contents.value)

local completion = ask("textDocument/completion", parameters("-> shipping do", 3))
local labels = vim.tbl_map(function(item) return item.label end, completion.items)
check(vim.tbl_contains(labels, "expired"), "completion: " .. table.concat(labels, ", "))

local rename = parameters("state shipping", 7)
rename.newName = "sending"
vim.lsp.util.apply_workspace_edit(ask("textDocument/rename", rename), "utf-16")
find("state sending {")
find("-> sending do")

vim.api.nvim_buf_set_lines(buffer, line, line + 1, false, { "after   3d   ->   expired" })
vim.lsp.util.apply_text_edits(
  ask("textDocument/formatting", {
    textDocument = { uri = vim.uri_from_bufnr(buffer) }, options = { tabSize = 2, insertSpaces = true },
  }), buffer, "utf-16")
check(lines()[line + 1] == good, "formatting made `" .. lines()[line + 1] .. "`")

vim.lsp.stop_client(client)
io.stdout:write("neovim: ok\n")
vim.cmd("qall!")
