package policy

import (
	"testing"
	"time"
)

// A rule's own dirs are where it runs, the home among them only if they name it; what leaves for another directory first may
// start there.
func TestOwnDirsLeaveTheHomeOut(t *testing.T) {
	p, err := Parse([]File{{"policy.yaml", []byte(`version: 1
people: {ann: {}}
agents: {bot: {owner: "person:ann", roles: [r]}}
roles:
  r:
    targets: [box]
    logins: [d]
    dirs: [/srv/any]
    allow:
      - {run: make, dirs: [/srv/build]}
      - {run: "git -C <path:/srv/app> status", dirs: [/srv/app]}
      - {run: "git status", dirs: [/srv/app]}
      - {run: "ls", dirs: ["~"]}
      - id
`)}})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := p.Identity(Agent, "bot", "")
	for _, c := range []struct {
		dir  string
		argv Argv
		want Code
	}{
		{"", Argv{"make"}, CodeDirNotAllowed}, {"~", Argv{"make"}, CodeDirNotAllowed}, {"/home/d", Argv{"make"}, CodeDirNotAllowed},
		{"/srv/build", Argv{"make"}, ""}, {"/srv/any", Argv{"make"}, CodeDirNotAllowed},
		{"", Argv{"git", "-C", "/srv/app", "status"}, ""}, {"", Argv{"git", "status"}, CodeDirNotAllowed}, {"/srv/app", Argv{"git", "status"}, ""},
		{"", Argv{"ls"}, ""}, {"", Argv{"id"}, ""}, {"/srv/any", Argv{"id"}, ""},
	} {
		d := p.Decide(Request{Identity: id, Target: "box", Login: "d", Plan: Plan{Op: OpRun, Argv: c.argv, Dir: c.dir}, Now: time.Now(), Facts: Facts{Assume: true, Home: "/home/d"}})
		if d.Code != c.want {
			t.Errorf("%q in %q: %q (%s), want %q", c.argv, c.dir, d.Code, d.Reason, c.want)
		}
	}
}
