" Vim syntax file of the workflow language Flow; the word lists are those of the compiler.
if exists("b:current_syntax")
  finish
endif

syn case match
" A match and not a keyword, which would win over the name of a field.
syn match flowKeyword "\<\%(action\|advance\|after\|again\|always\|amqp\|and\|as\|at\|backoff\|by\|call\|called\|catchup\|complete\|const\|cron\|data\|defer\|deferred\|do\|email\|emit\|emitted\|ended\|entry\|enum\|event\|every\|exec\|exit\|expect\|fail\|failed\|fails\|final\|flow\|fn\|for\|forever\|from\|header\|hmac\|http\|ignore\|ignored\|import\|in\|incident\|initial\|internal\|invariant\|key\|leads\|let\|limit\|log\|max\|migrate\|mock\|never\|not\|of\|on\|once\|ongoing\|only\|overlap\|parallel\|per\|priority\|publish\|raise\|read\|redis\|reenter\|refused\|region\|retry\|returns\|role\|rollback\|secret\|send\|signed\|sql\|start\|state\|steps\|take\|test\|then\|timeout\|times\|to\|type\|tz\|undo\|version\|webhook\|when\|with\|worker\)\>"
syn match flowType "\<\%(bool\|bytes\|double\|duration\|dyn\|int\|list\|map\|string\|timestamp\|uint\)\>"
syn match flowConstant "\<\%(false\|null\|true\)\>"

syn match flowName "\<\h\w*\ze\s*:"
syn match flowName "\.\s*\zs\h\w*"
syn match flowName "`[^`]*`"
syn match flowOperator "->\|\.\.\|&&\|||\|[=!<>]=\|[-+*%!<>=?]\|/\%(/\)\@!"
syn match flowNumber "\<0x\x\+[uU]\?\>"
syn match flowNumber "\%(\<\d\+\%(\.\d\+\)\?\|\.\d\+\)\%([eE][+-]\?\d\+\)\?[uU]\?"
syn match flowDuration "\<\d\+\%(\.\d\+\)\?\%(ms\|d\|h\|m\|s\)\%(\d\+\%(ms\|d\|h\|m\|s\)\)*\>"
syn region flowString start=+"+ skip=+\\.+ end=+"+ oneline
syn region flowString start=+'+ skip=+\\.+ end=+'+ oneline
syn region flowString start=+\c\<b\?r"+ end=+"+ oneline
syn region flowString start=+\c\<b\?r'+ end=+'+ oneline
syn region flowString start=+"""+ skip=+\\.+ end=+"""+
syn region flowString start=+'''+ skip=+\\.+ end=+'''+
syn match flowComment "//.*$" contains=@Spell,flowIgnore
syn match flowDocumentation "///.*$" contains=@Spell
syn match flowIgnore "flow:ignore\%(-file\)\?\%(\[[^]]*\]\)\?" contained
syn sync minlines=200

hi def link flowKeyword Keyword
hi def link flowType Type
hi def link flowConstant Constant
hi def link flowName Identifier
hi def link flowOperator Operator
hi def link flowNumber Number
hi def link flowDuration Number
hi def link flowString String
hi def link flowComment Comment
hi def link flowDocumentation SpecialComment
hi def link flowIgnore PreProc

let b:current_syntax = "flow"
