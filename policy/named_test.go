package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/policy"
)

const namedPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: ["*"]
    logins: [deploy]
    dirs: ["/srv/**", "/home/deploy"]
    files: {read: ["/srv/**"], write: ["/srv/**"]}
    allow: [{run: "cat <text>...", stdin: pipe}]
    ask:
      - {run: "sh <text>...", stdin: data}
      - {run: "cc [-I <text>] [--config <text>] <text>...", id: build}
      - {run: "tee <text>", stdin: data}
      - {run: "xargs sh <text>...", stdin: data}
`

// TestNamed: what may be a file among a command's words, and nothing of the commands that need nobody.
func TestNamed(t *testing.T) {
	p, problems := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(namedPolicy)}})
	if p == nil {
		t.Fatal(problems)
	}
	run := func(argv ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: argv} }
	for claim, c := range map[string]struct {
		plan policy.Plan
		want string // in order; those that are certainly paths with a !
	}{
		"a script and its words":       {run("sh", "deploy.sh", "/srv/app", "now"), "/home/deploy/deploy.sh /home/deploy/now /srv/app! /usr/bin/sh!"},
		"values of options":            {run("cc", "-I/srv/include", "--config=/srv/c", "out=x", "@/srv/list"), "/home/deploy/@/srv/list /home/deploy/out=x /home/deploy/x /srv/c! /srv/include /srv/list! /usr/bin/cc!"},
		"dots are tidied, .. is not":   {run("sh", ".//a/./b", "../c"), "/home/deploy/../c! /home/deploy/a/b! /usr/bin/sh!"},
		"in a folder of its own":       {policy.Plan{Op: policy.OpAnd, Dir: "/srv/app", Parts: []policy.Plan{run("sh", "x"), run("sh", "y")}}, "/srv/app/x /srv/app/y /usr/bin/sh!"},
		"nothing that needs nobody":    {policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{run("cat", "/srv/log"), run("sh", "x")}}, "/home/deploy/x /usr/bin/sh!"},
		"what is read and overwritten": {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tee", "/srv/a"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/b"}, {FD: 2, Op: policy.RedirAppend, Path: "/srv/log"}, {FD: 0, Op: policy.RedirIn, Path: "/srv/in"}}}, "/srv/a! /srv/b! /srv/in! /usr/bin/tee!"},
		"never the null device":        {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tee", "/dev/null"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/dev/null"}}}, "/usr/bin/tee!"},
	} {
		d := p.Decide(policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}, Target: "web-1", Login: "deploy", Plan: c.plan, Facts: policy.Facts{Assume: true}})
		var got []string
		for _, n := range d.Named() {
			got = append(got, n.Path+map[bool]string{true: "!"}[n.Sure])
		}
		if d.Verdict != policy.Ask || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s %s %s\ngot  %s\nwant %s", claim, d.Verdict, d.Code, d.Reason, strings.Join(got, " "), c.want)
		}
	}
}

// TestNamedIsBounded: an approval that could not be bound is none.
func TestNamedIsBounded(t *testing.T) {
	p, _ := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(namedPolicy)}})
	argv := policy.Argv{"sh"}
	for i := range policy.MaxNamed {
		argv = append(argv, fmt.Sprint("f", i))
	}
	r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}, Target: "web-1", Login: "deploy", Plan: policy.Plan{Op: policy.OpRun, Argv: argv}, Facts: policy.Facts{Assume: true}}
	if d := p.Decide(r); d.Verdict != policy.Deny || d.Code != policy.CodeBadArgument || !strings.Contains(d.Reason, "split it") {
		t.Errorf("%+v", d)
	}
	r.Plan.Argv = argv[:policy.MaxNamed]
	if d := p.Decide(r); d.Verdict != policy.Ask {
		t.Errorf("one less: %+v", d)
	}
}

// TestFiles: what is known of what is named is what the approval is bound to; until all is known, it is asked for.
func TestFiles(t *testing.T) {
	p, _ := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(namedPolicy)}})
	r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}, Target: "web-1", Login: "deploy",
		Plan:  policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"sh", "deploy.sh", "/srv/gone", "now"}},
		Facts: policy.Facts{Programs: map[string]policy.ProgramFact{"sh": {Path: "/usr/bin/sh", Real: "/usr/bin/dash"}}}}
	d := p.Decide(r)
	if probes := d.ContentProbes(r.Facts); len(probes) != 1 || probes[0] != (policy.Probe{Kind: policy.ProbeHome}) {
		t.Fatalf("without the home: %+v of %+v", probes, d)
	}
	r.Facts.Home = "/home/deploy"
	d = p.Decide(r)
	r.Facts.Contents = map[string]policy.FileState{}
	for _, probe := range d.ContentProbes(r.Facts) {
		if probe.Kind != policy.ProbeContent || !probe.Hash {
			t.Errorf("%+v", probe)
		}
		r.Facts.Contents[probe.Name] = policy.FileState{Path: "/lie", Missing: true}
	}
	r.Facts.Contents["/home/deploy/deploy.sh"] = policy.FileState{Kind: policy.PathFile, SHA256: "ab", Size: 3}
	r.Facts.Contents["/etc/shadow"] = policy.FileState{Kind: policy.PathFile, SHA256: "cd"}
	d = p.Decide(r)
	if probes := d.ContentProbes(r.Facts); len(probes) > 0 {
		t.Errorf("still asks: %+v", probes)
	}
	want := []policy.FileState{{Path: "/home/deploy/deploy.sh", Kind: policy.PathFile, SHA256: "ab", Size: 3}, {Path: "/srv/gone", Missing: true}, {Path: "/usr/bin/sh", Missing: true}}
	if got := d.Files(r.Facts); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
