/* property: no instance gets stuck */
bool fork[3];
byte eaten;
/* All regions get an event at the same time. */
proctype table() { skip }
byte at[3];
active proctype main() {
  byte i; bool can[3];
  do
  :: eaten == 3 -> break
  :: atomic { (at[0] == 0 && !fork[0]) || (at[1] == 0 && !fork[1]) || (at[2] == 0 && !fork[2]) ->
       i = 0;
       do :: i < 3 -> can[i] = (at[i] == 0 && !fork[i]); i++ :: else -> break od;
       i = 0;
       do :: i < 3 -> if :: can[i] -> at[i] = 1; fork[i] = true :: else fi; i++ :: else -> break od }
  :: atomic { (at[0] == 1 && !fork[1]) || (at[1] == 1 && !fork[2]) || (at[2] == 1 && !fork[0]) ->
       i = 0;
       do :: i < 3 -> can[i] = (at[i] == 1 && !fork[(i + 1) % 3]); i++ :: else -> break od;
       i = 0;
       do :: i < 3 -> if :: can[i] -> at[i] = 2; fork[i] = false; fork[(i + 1) % 3] = false; eaten++ :: else fi; i++
          :: else -> break od }
  od
}
