package bastion

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// TestResidueIsNotPushedOut: somebody who leaves much, or names it so that it reads like the look's own lines, hides nothing of another
// kind by it.
func TestResidueIsNotPushedOut(t *testing.T) {
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
