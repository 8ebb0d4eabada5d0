/* property: invariant n <= 3 */
int n = 1;
active proctype attempts() {
  do
  :: break
  :: n < 3 -> n = n + 1; assert(n <= 3)
  :: n >= 3 -> break
  od
}
