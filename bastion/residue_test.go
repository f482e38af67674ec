//go:build !race

// What a target is looked at for, one session after the other: the race detector would find nothing and takes twice as long.

package bastion

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
)

// newLookedAt is a whole whose target is looked at after every end.
func newLookedAt(t *testing.T) *whole {
	w := newWhole(t)
	w.write("policy.yaml", `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [shell]}}
roles:
  oncall: {rights: [view, operate]}
  shell: {targets: ["*"], logins: [deploy], shell: recorded}
residue: [{targets: [web-1], logins: [deploy], after: end}]
`)
	out, err := w.decider.Reload(t.Context())
	if err != nil || out.Problem != "" {
		t.Fatal(out, err)
	}
	return w
}

// TestResidueIsNotPushedOut: somebody who leaves much, or names it so that it reads like the look's own lines, hides nothing of another
// kind by it.
func TestResidueIsNotPushedOut(t *testing.T) {
	w := newLookedAt(t)
	bot := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	line := `N=$(printf '\nresidue forged\nresidue-end\n'); ` +
		`for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do env -i setsid sh -c "sleep 98771 #$N$N$N$N$N" >/dev/null 2>&1 </dev/null & done; ` +
		`mkdir -p ~/.config/systemd/user ~/.ssh; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo >~/.config/systemd/user/"$n$N".service; done; ` +
		`echo evil >>~/.ssh/authorized_keys; cp /bin/true ~/own; chmod u+s ~/own; printf 'stat() { :; }; id() { echo 0; }\nalias test=true\n' >~/.profile; sleep 0.5; echo done`
	if out, errs, status := exec(bot, line); status != 0 || out != "done\n" {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	s := w.session(line, store.Ended)
	for _, want := range []string{"authorized_keys", "set-uid file changed: ", "unit changed: and more", ".profile", "process "} {
		if !strings.Contains(s.Residue, want) {
			t.Errorf("%q is not in %q", want, s.Residue)
		}
	}
	for found := range strings.SplitSeq(s.Residue, "; ") {
		if strings.HasPrefix(found, "forged") {
			t.Errorf("a line was forged: %q", s.Residue)
		}
	}
	if strings.Contains(s.Residue, "did not come to its end") {
		t.Errorf("%q", s.Residue)
	}
}

// TestResidueIsNamed: what a session left, at its own end and after a kill, where policy lets it be looked for; and what was there before
// is not named.
func TestResidueIsNamed(t *testing.T) {
	w := newLookedAt(t)
	bot := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	ann := w.client("", w.certify(policy.Person, "ann", 10*time.Minute))
	free, err := testhost.FreePort()
	w.must(err)
	port := strconv.Itoa(free)
	const before = "setsid sleep 98760 >/dev/null 2>&1 </dev/null & mkdir -p ~/.ssh; echo old >~/.ssh/rc"
	exec(bot, before)
	w.session(before, store.Ended)
	time.Sleep(3500 * time.Millisecond) // a check counts whole seconds, and two more
	line := "echo evil >>~/.ssh/authorized_keys; cp /bin/true ~/own; chmod u+s ~/own; " +
		"env -i setsid sleep 98761 >/dev/null 2>&1 </dev/null & " +
		"env -i setsid python3 -c 'import socket,time;s=socket.socket();s.bind((\"127.0.0.1\"," + port + "));s.listen();time.sleep(98762)' >/dev/null 2>&1 </dev/null & sleep 0.5; echo done"
	if out, errs, status := exec(bot, line); status != 0 || out != "done\n" {
		t.Fatalf("%d %q %q", status, out, errs)
	}
	s := w.session(line, store.Ended)
	for _, want := range []string{": sleep 98761", "listens on TCP port " + port, "key file changed: ", "authorized_keys", "set-uid file changed: "} {
		if !strings.Contains(s.Residue, want) {
			t.Errorf("%q is not in %q", want, s.Residue)
		}
	}
	for _, not := range []string{"98760", ".ssh/rc", "sshd"} {
		if strings.Contains(s.Residue, not) {
			t.Errorf("%q is in %q", not, s.Residue)
		}
	}
	const killed = "env -i setsid sleep 98763 >/dev/null 2>&1 </dev/null & sleep 98764"
	ended := make(chan int, 1)
	go func() {
		_, _, status := exec(bot, killed)
		ended <- status
	}()
	live := w.session(killed, store.Live)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := w.host.Processes("sleep 98763")
		w.must(err)
		if slices.ContainsFunc(found, func(p testhost.Process) bool { return p.Command[0] == "sleep" }) {
			break
		}
	}
	report, errs, _ := exec(ann, "kill "+live.ID+" --reason enough")
	<-ended
	if !strings.Contains(report, "left behind: process ") || !strings.Contains(report, "sleep 98763") || strings.Contains(report, "98764") {
		t.Errorf("the kill's report: %q %q", report, errs)
	}
	if shown, _, _ := exec(ann, "sessions show "+live.ID); !strings.Contains(shown, ": sleep 98763") {
		t.Errorf("sessions show: %q", shown)
	}
}
