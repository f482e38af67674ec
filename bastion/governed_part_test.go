package bastion

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/console"
)

// TestApproversSeeWhereACommandOfAShellStands: its line, with secrets masked, and the texts that it came through, beside the words that they sign.
func TestApproversSeeWhereACommandOfAShellStands(t *testing.T) {
	a := newApprovingWith(t, func(g Gate) Gate { return g }, func(c *Config) { c.Shells = startShells(t) })
	public, err := os.ReadFile(filepath.Join(a.dir, "ben.pub"))
	a.must(err)
	rules := strings.Replace(fmt.Sprintf(approvedPolicy, strings.TrimSpace(string(public))), "    allow:", "    shell: governed\n    allow:", 1)
	a.write("policy.yaml", rules)
	if out, err := a.decider.Reload(t.Context()); err != nil || out.Problem != "" {
		t.Fatal(err, out.Problem)
	}
	a.root("mkdir -p /home/deploy/old; chown deploy /home/deploy/old")
	w := a.wait(a.client("deploy@web-1", a.bot), `password=hunter2hunter2; d=old; bash -c "eval 'rm -r /home/deploy/$d'"`, nil)
	v := a.pending(true)
	if c := v.Request.Scope.Command; c == nil || strings.Join(c.Plan.Argv, " ") != "/usr/bin/rm -r /home/deploy/old" {
		t.Errorf("what is approved is %+v", v.Request.Scope)
	}
	notes := strings.Join(v.Preview.Notes, "\n")
	if !strings.Contains(notes, `it is command 1 of a governed shell, in the line: password=`) || !strings.Contains(notes, `d=old; bash -c "eval`) ||
		!strings.HasSuffix(strings.Split(notes, "\n")[0], "read through bash -c, then eval") || strings.Contains(notes, "hunter2") {
		t.Errorf("the notes are %q", notes)
	}
	_, err = a.door.Answer(t.Context(), a.ben, console.AccessAnswer{Request: v.Request.ID, Words: "no"})
	a.must(err)
	w.ends(t, 126, "approval_declined")
}
