/* property: never crossing.north.go and crossing.south.go */
bool north, south;
active proctype crossing() {
  do
  :: atomic { !north -> north = true }
  :: atomic { !south -> south = true }
  :: atomic { north || south -> north = false; south = false }
  od
}
active proctype monitor() { end: atomic { north && south -> assert(false) } }
