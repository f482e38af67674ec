#!/bin/sh
# What a change of the policy must pass: check.sh [BASE], where BASE is the policy folder as it is on the main branch. Reports
# go to reports/. It ends with 1 if the policy is not valid, a test fails, or a rule grants more than it looks. What becomes
# allowed is printed for the reviewer; it fails nothing.
set -eu
cd "$(dirname "$0")"
mkdir -p reports
failed=0

gatehouse policy check policy
gatehouse policy test policy --junit reports/tests.xml --sarif reports/tests.sarif || failed=1
gatehouse policy lint policy --sarif reports/lint.sarif --strict || failed=1
if [ $# -gt 0 ]; then
	gatehouse policy diff "$1" policy | tee reports/diff.txt
fi
exit $failed
