" Settings of buffers with flows.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal commentstring=//\ %s comments=:///,:// shiftwidth=2 softtabstop=2 expandtab
setlocal suffixesadd=.flow include=^\\s*import\\s\\+\"
setlocal makeprg=flow\ lint\ --format\ concise\ % errorformat=%f:%l:%c:\ %t%*[a-z][F%n]\ %m
let b:undo_ftplugin = "setlocal commentstring< comments< shiftwidth< softtabstop< expandtab< makeprg< errorformat<"
