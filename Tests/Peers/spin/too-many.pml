/* property: invariant n <= 3 */
int n = 1;
active proctype attempts() {
  do
  :: break
  :: n < 4 -> n = n + 1; assert(n <= 3)
  :: n >= 4 -> break
  od
}
