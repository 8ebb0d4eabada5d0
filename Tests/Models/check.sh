#!/bin/sh
# Checks ownership.pml with SPIN: the model has no violation, and one without each of its precautions.
# The variable LIVES is the number of processes that follow each other on a node: 2 takes minutes.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/ownership.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Prints "errors" and "situations" of the model with the option $1.
explore() {
  spin -a $1 -DLIVES="${LIVES:-1}" "$model" >spin.txt || { cat spin.txt; exit 2; }
  gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=8000 -o pan pan.c
  ./pan -m1000000 -w26 >result.txt
  if grep -q 'Search not completed\|max search depth' result.txt && ! grep -q 'assertion violated' result.txt; then
    cat result.txt; exit 2
  fi
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' result.txt)
  situations=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' result.txt)
}

explore ""
echo "the model: $errors violations in $situations situations"
[ "$errors" -eq 0 ] || { grep assertion result.txt; exit 1; }
for precaution in FENCE MARGIN ATOMIC_LOOKUP NEW_FENCE; do
  explore "-DWITHOUT_$precaution"
  echo "without $precaution: $(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' result.txt)"
  [ "$errors" -ge 1 ] || { echo "no violation was found" >&2; exit 1; }
done
