package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// TestApproveAServerThatLies: a door that hands over the text of something else than was asked for gets no signature, not even of somebody
// who does not read it.
func TestApproveAServerThatLies(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	door := "#!/bin/sh\nfor a; do last=$a; done\ncase $last in *--signature*) cat > " + dir + "/signature;; *) cat " + dir + "/answer;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(door), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	asked := access.Request{ID: "ar_01ASKED", By: access.Requester{Principal: "agent:bot"}, Reason: "request: ar_01OTHER",
		Scope: access.Scope{Kind: access.RoleScope, Targets: []string{"web-1"}, Login: "deploy", Role: "writer", Seconds: 60}, Made: time.Unix(0, 0), Expires: time.Unix(900, 0)}
	other, glass := asked, asked
	other.ID, other.Reason = "ar_01OTHER", "request: ar_01ASKED"
	glass.Scope.Glass, glass.By.Principal = true, "person:ben"
	root := glass
	root.Scope.Role = "admin"
	approve := func(p ProofFlags) error { return (&ApproveCmd{ID: "ar_01ASK", ProofFlags: p}).Run(t.Context()) }
	breakGlass := func(p ProofFlags) error {
		return (&BreakGlassCmd{Role: "writer", Target: []string{"web-1"}, Login: "deploy", Reason: asked.Reason, ProofFlags: p}).Run(t.Context())
	}
	nonce := make([]byte, 32)
	for name, c := range map[string]struct {
		run  func(ProofFlags) error
		text string
		sign bool
	}{
		"the request that was asked for":    {approve, asked.Text(nonce), true},
		"another request":                   {approve, other.Text(nonce), false},
		"a break-glass of the same id":      {approve, glass.Text(nonce), false},
		"no approval at all":                {approve, "request: ar_01ASKED\n", false},
		"the break-glass that was asked":    {breakGlass, glass.Text(nonce), true},
		"a break-glass of another role":     {breakGlass, root.Text(nonce), false},
		"an approval, not a break-glass":    {breakGlass, asked.Text(nonce), false},
		"a text whose end was cut off":      {approve, asked.Text(nonce)[:200], false},
		"a character that hides what it is": {approve, asked.Text(nonce) + "\u202e\n", false},
	} {
		answer, err := json.Marshal(console.AccessChallenge{ID: "chl_1", Text: c.text})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "answer"), answer, 0o600); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, "signature"))
		err = c.run(ProofFlags{Server: "gatehouse", Key: key, Yes: true})
		_, got := os.Stat(filepath.Join(dir, "signature"))
		if signed := got == nil; signed != c.sign || (err == nil) != c.sign {
			t.Errorf("%s: signed: %v, %v", name, signed, err)
		}
	}
}
