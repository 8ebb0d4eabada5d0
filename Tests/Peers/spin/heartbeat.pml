/* property: alive leads to lost */
/* search: fair */
bool alive = true, lost;
active proctype heartbeat() {
  do
  :: alive -> skip            /* a signal, which restarts the timer */
  :: alive -> alive = false; lost = true; break
  od
}
ltl p { [] (alive -> <> lost) }
