package policy_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

const startsPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [r]}}
roles:
  r:
    targets: [web-1]
    logins: [deploy]
    dirs: ["/srv/**"]
    allow:
      - find <path:/srv/**> -maxdepth <int> -exec <text>... ";"
      - {run: make, dirs: [/srv/app]}
      - {run: "pager <text>", pty: true}
      - echo <text>
    limits: {denials: 5}
`

func decideOn(t *testing.T, text, line string, facts policy.Facts) policy.Decision {
	t.Helper()
	plan, err := shell.ParseFor(shell.Context{Login: "deploy"}, line)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	p := parsed(t, text)
	id, _ := p.Identity(policy.Agent, "bot", "")
	return p.Decide(policy.Request{Identity: id, Target: "web-1", Login: "deploy", Plan: plan, Facts: facts})
}

// TestDirsHoldForWhatIsStarted: a rule's own dirs hold too where find or xargs starts its command, which runs where they do.
func TestDirsHoldForWhatIsStarted(t *testing.T) {
	assumed := policy.Facts{Assume: true}
	for line, want := range map[string]policy.Code{
		"cd /srv/app && make":                                                      "",
		"cd /srv/upload && make":                                                   policy.CodeDirNotAllowed,
		`cd /srv/app && find /srv/app -maxdepth 0 -exec make \;`:                   "",
		`cd /srv/upload && find /srv/app -maxdepth 0 -exec make \;`:                policy.CodeDirNotAllowed,
		`cd /srv/app && (cd /srv/upload && find /srv/x -maxdepth 0 -exec make \;)`: policy.CodeDirNotAllowed,
	} {
		if d := decideOn(t, startsPolicy, line, assumed); d.Code != want {
			t.Errorf("%s: %s %q, want %q (%s)", line, d.Verdict, d.Code, want, d.Reason)
		}
	}
}

// TestAdditionsByAnotherName: a program that is started under another name than the table's has its fixed additions as it has
// them by itself.
func TestAdditionsByAnotherName(t *testing.T) {
	less := policy.ProgramFact{Path: "/usr/bin/pager", Real: "/usr/bin/less"}
	facts := policy.Facts{Home: "/home/deploy",
		Programs: map[string]policy.ProgramFact{"pager": less, "find": {Path: "/usr/bin/find", Real: "/usr/bin/find"}},
		Paths:    map[string]policy.PathFact{"/srv/app": {Real: "/srv/app", Kind: policy.PathDir}}}
	for _, line := range []string{"pager x", `find /srv/app -maxdepth 0 -exec pager {} \;`} {
		d := decideOn(t, startsPolicy, line, facts)
		if d.Verdict != policy.Allow || !slices.Contains(d.Plan.Env, policy.EnvVar{Name: "LESSSECURE", Value: "1"}) {
			t.Errorf("%s: %s %s %+v", line, d.Verdict, d.Reason, d.Plan)
		}
	}
}

// TestWhatNULCutsOff: xargs ends a word of -I at a NUL of its input, so that what a rule wants after the place is not sure to be there; with
// -0 no input has one.
func TestWhatNULCutsOff(t *testing.T) {
	for line, want := range map[string]string{
		"-I{} rm a{}b{} {}.bak": "a?", "-0 -I{} rm a{}b{}": "a?b?", "-d, -0I{} rm a{}b": "a?b", "-0 -d, -I{} rm a{}b": "a?",
	} {
		starts, err := policy.Starts(append(policy.Argv{"xargs"}, strings.Fields(line)...))
		if err != nil || strings.ReplaceAll(starts[0][1], policy.Unknown, "?") != want {
			t.Errorf("%s: %q, %v", line, starts, err)
		}
	}
}
