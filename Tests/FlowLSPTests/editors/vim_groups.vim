" Writes the syntax group of each byte of the file to $FLOW_GROUPS, one line of group names for each line.
syntax on
set filetype=flow
let s:lines = []
for s:number in range(1, line('$'))
  let s:names = []
  for s:column in range(1, len(getline(s:number)))
    call add(s:names, synIDattr(synID(s:number, s:column, 1), 'name'))
  endfor
  call add(s:lines, join(s:names, ' '))
endfor
call writefile(s:lines, $FLOW_GROUPS)
qall!
