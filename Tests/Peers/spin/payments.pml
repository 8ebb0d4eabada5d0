/* property: no instance gets stuck */
int paid;
active proctype payments() {
  do
  :: paid < 5 -> paid = paid + 1
  :: paid == 1 -> break
  od
}
