/* property: invariant refunded <= paid */
byte paid, refunded;
active proctype refunds() {
  end: do
  :: paid < 20 -> paid = paid + 1
  :: atomic { refunded < paid -> refunded = refunded + 1; assert(refunded <= paid) }
  od
}
