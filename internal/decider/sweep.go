package decider

import (
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
)

// sweepScript ends every process of the login whose environment carries the session's variable, and says how many are left
// after at most ten passes. It is plain POSIX sh and needs only grep, kill and /proc. Processes that cleared their own
// environment are not found: that is a stated limit (docs/threat-model.md).
const sweepScript = `n=0
while [ "$n" -lt 10 ]; do
  found=$(grep -lzxF "` + permit.SessionVariable + `=@SESSION@" /proc/[0-9]*/environ 2>/dev/null)
  if [ -z "$found" ]; then echo "` + protocol.SweepClean + `"; exit 0; fi
  left=0
  for p in $found; do
    p=${p#/proc/}
    kill -KILL "${p%/environ}" 2>/dev/null
    left=$((left + 1))
  done
  n=$((n + 1))
  sleep 0.05
done
echo "gatehouse-sweep left=$left"
exit 1`

// sweepLine is the script for one session. The id is checked, so nothing in it can be anything but itself.
func sweepLine(session string) (string, error) {
	if !id.Valid(id.Session, session) {
		return "", invalid("%q is not a session id", session)
	}
	script := strings.ReplaceAll(sweepScript, "@SESSION@", session)
	return "exec /bin/sh -c '" + script + "'", nil
}
