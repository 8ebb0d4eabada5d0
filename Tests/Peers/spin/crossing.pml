/* property: never crossing.north.go and crossing.south.go */
bool taken, north, south;
active proctype crossing() {
  do
  :: atomic { !north && !taken -> north = true; taken = true }
  :: atomic { !south && !taken -> south = true; taken = true }
  :: atomic { north || south -> north = false; south = false; taken = false }
  od
}
active proctype monitor() { end: atomic { north && south -> assert(false) } }
