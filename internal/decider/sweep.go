package decider

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/policy"
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

// signalScript stops the same processes where they are, or lets them go on, and says how many it found. Two passes, for what one of
// them started meanwhile.
const signalScript = `for n in 1 2; do
  count=0
  for p in $(grep -lzxF "` + permit.SessionVariable + `=@SESSION@" /proc/[0-9]*/environ 2>/dev/null); do
    p=${p#/proc/}
    kill -@SIGNAL@ "${p%/environ}" 2>/dev/null && count=$((count + 1))
  done
done
echo "gatehouse-sweep signalled=$count"`

// residueScript says what a session left on its target: one line a thing, and a last one that says that it came to its end. It needs sh,
// /proc, coreutils and grep; where find, crontab or atq are missing, what they would find is not found.
//
//go:embed residue.sh
var residueScript string

// maxLive bounds the sessions whose processes a residue check passes over.
const maxLive = 100

// sweepLine is the script for one session. Ids are checked, so nothing in it can be anything but itself.
func (d *Decider) sweepLine(in protocol.Sweep) (string, error) {
	if !id.Valid(id.Session, in.Session) {
		return "", invalid("%q is not a session id", in.Session)
	}
	script := sweepScript
	switch in.Do {
	case "":
	case protocol.SweepStop:
		script = strings.ReplaceAll(signalScript, "@SIGNAL@", "STOP")
	case protocol.SweepGoOn:
		script = strings.ReplaceAll(signalScript, "@SIGNAL@", "CONT")
	case protocol.SweepResidue:
		if d.currentPolicy().Residue(in.Target, d.labels(in.Target), policy.Login(in.Login)) == "" {
			return "", refuse("the policy lets nobody look at %s as %s for what a session left (residue)", in.Target, in.Login)
		}
		script = strings.NewReplacer("@AGE@", fmt.Sprint(d.age(in.Session)), "@LIVE@", strings.Join(d.liveThere(in), " "), "@VARIABLE@", permit.SessionVariable).Replace(residueScript)
	default:
		return "", invalid("%q is nothing that a sweep does", in.Do)
	}
	return "exec /bin/sh -c '" + strings.ReplaceAll(script, "@SESSION@", in.Session) + "'", nil
}

// age is how many seconds ago a session began, and a little more: it is compared by a clock that counts whole ones.
func (d *Decider) age(session string) int64 {
	began, _ := id.Time(session) // which is valid
	return int64(d.cfg.Now().Sub(began).Seconds()) + 1
}

// liveThere are the other sessions that live on a target with the same login.
func (d *Decider) liveThere(in protocol.Sweep) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var names []string
	for name, s := range d.sessions {
		if name != in.Session && s.request.Target == in.Target && string(s.request.Login) == in.Login && len(names) < maxLive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
