#!/usr/bin/env bash
# Usage: failures.sh LOG [XML ...]. Prints the failures of a test run, and the tests that did not end.
log=$1
shift
echo "failed tests:"
grep -h -B1 '<failure' "$@" 2>/dev/null
echo "tests that did not end:"
comm -23 <(sed -nE 's/^[^ ]+ Test (".*") started\.$/\1/p' "$log" | sort -u) \
  <(sed -nE 's/^[^ ]+ Test (".*") (with .* )?(passed|failed|skipped)\b.*/\1/p' "$log" | sort -u)
