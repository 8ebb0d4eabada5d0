/* property: waiting leads to closed */
/* search: fair */
mtype = { waiting, returning, closed };
mtype state = waiting;
bool event;
active proctype delivery() {
  do
  :: state == waiting && event -> state = closed
  :: state == waiting -> state = returning
  :: state == returning -> state = closed
  :: state == closed -> break
  od
}
active proctype outside() { if :: event = true :: skip fi }
ltl p { [] (state == waiting -> <> (state == closed)) }
