package policy_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

const transferPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [logs, site, drop, maybe, homes]}}
roles:
  logs:
    targets: [web-1]
    logins: [deploy]
    limits: {session: 30m, bytes_out: 1MiB, denials: 5}
    files: {read: ["/var/log/app/*.log"], max_file: 2MiB, hold: {secrets: true, types: [text, gzip]}}
  site:
    targets: [web-1]
    logins: [deploy]
    limits: {session: 1h, bytes_in: 9MiB, denials: 9}
    recording: best_effort
    files: {read: ["/var/log/**"], write: ["/srv/site/*", "/srv/all/**"], max_file: 4MiB, hold: {types: [gzip, zip], max: 1MiB}}
  drop: {targets: [web-1], logins: [deploy], files: {write: ["/srv/drop/**"], by: [scp]}}
  maybe: {targets: [web-1], logins: [deploy], when: 'target.labels["none"] == "x"', files: {read: ["/etc/**"], deny: ["/var/log/private/**"]}}
  homes: {targets: [web-1], logins: [deploy], files: {deny: ["~/.ssh/**"], by: []}}
`

func atHome() policy.Request {
	r := asDeploy(policy.Plan{})
	r.Facts.Home = "/home/deploy"
	return r
}

// TestTransferJoinsWhatTakesPart: directions and limits are those of all roles whose files the protocol may carry, the strictest of each.
func TestTransferJoinsWhatTakesPart(t *testing.T) {
	p := parsed(t, transferPolicy)
	d := p.DecideTransfer(atHome(), policy.SFTP)
	want := policy.Obligations{MaxSeconds: 1800, BytesOut: 1 << 20, StdinMax: 9 << 20, Denials: 5}
	if d.Verdict != policy.Allow || !slices.Equal(d.Directions, []policy.Direction{policy.FileRead, policy.FileWrite}) || d.Obligations != want || d.Recording != policy.Strict ||
		!slices.Equal(d.Rules, []string{"logs/files", "site/files"}) || d.Hold != nil {
		t.Errorf("sftp: %+v", d)
	}
	if d := p.DecideTransfer(atHome(), policy.SCP); !slices.Equal(d.Rules, []string{"drop/files", "logs/files", "site/files"}) {
		t.Errorf("scp: %+v", d)
	}
	for _, by := range []policy.Carrier{policy.Rsync, policy.Git, "ftp", ""} {
		if d := p.DecideTransfer(atHome(), by); d.Verdict != policy.Deny || d.Code != policy.CodeFileNotAllowed || d.Obligations.Denials != 5 {
			t.Errorf("%s: %+v", by, d)
		}
	}
}

// TestFileObligations: of the sections that admit one file, the strictest size, content rule and recording hold, and no other's.
func TestFileObligations(t *testing.T) {
	p := parsed(t, transferPolicy)
	for _, c := range []struct {
		ask       policy.FileAsk
		max       int64
		hold      *policy.Hold
		recording policy.Recording
		rules     []string
	}{
		{policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: "/var/log/app/a.log"}, 2 << 20, &policy.Hold{Secrets: true, Types: []string{"gzip"}, Max: 1 << 20}, policy.Strict, []string{"logs/files", "site/files"}},
		{policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: "/var/log/other"}, 4 << 20, &policy.Hold{Types: []string{"gzip", "zip"}, Max: 1 << 20}, policy.BestEffort, []string{"site/files"}},
		{policy.FileAsk{By: policy.SCP, Op: policy.OpWrite, Path: "/srv/drop/x"}, 0, nil, policy.Strict, []string{"drop/files"}},
	} {
		d := p.DecideFile(atHome(), c.ask)
		if d.Verdict != policy.Allow || d.Obligations.MaxFile != c.max || !reflect.DeepEqual(d.Hold, c.hold) || d.Recording != c.recording || !slices.Equal(d.Rules, c.rules) {
			t.Errorf("%+v: %+v, hold %+v", c.ask, d, d.Hold)
		}
	}
}

// TestFileKindsAndNames: what is no file is neither read nor written, a folder is moved only where all of it may be written, and names are bytes.
func TestFileKindsAndNames(t *testing.T) {
	p := parsed(t, transferPolicy)
	for _, c := range []struct {
		ask  policy.FileAsk
		want policy.Verdict
	}{
		{policy.FileAsk{Op: policy.OpRead, Path: "/var/log/app/a.log", Kind: policy.PathFile}, policy.Allow},
		{policy.FileAsk{Op: policy.OpRead, Path: "/var/log/app/a.log", Kind: policy.PathOther}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRead, Path: "/var/log/app/a.log", Kind: policy.PathDir}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/x", Kind: policy.PathOther}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/x", Kind: policy.PathNone}, policy.Allow},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/\xff\xfe"}, policy.Allow},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/a\nb"}, policy.Allow},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/a\x00b"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/../x"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: "/srv/site/"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: "srv/site/x"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpWrite, Path: ""}, policy.Deny},
		{policy.FileAsk{Op: "chown", Path: "/srv/site/x"}, policy.Deny},
		{policy.FileAsk{Op: "", Path: "/srv/site/x"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpAttributes, Path: "/srv/site/x"}, policy.Allow},
		{policy.FileAsk{Op: policy.OpAttributes, Path: "/srv/site"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpReadlink, Path: "/srv/site/x"}, policy.Allow},
		{policy.FileAsk{Op: policy.OpStat, Path: "/srv"}, policy.Allow},
		{policy.FileAsk{Op: policy.OpStat, Path: "/etc"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/site/x", To: "/srv/site/y", Kind: policy.PathFile}, policy.Allow},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/site/x", To: "/srv/site/y", Kind: policy.PathDir}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/site/x", To: "/srv/site/y"}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/all/x", To: "/srv/all/y", Kind: policy.PathDir}, policy.Allow},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/all/x", To: "/srv/all/../x", Kind: policy.PathDir}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRename, Path: "/srv/all/x", To: "", Kind: policy.PathDir}, policy.Deny},
		{policy.FileAsk{Op: policy.OpRead, Path: "/var/log/private/x"}, policy.Deny}, // by a role of which nobody can say whether it applies
		{policy.FileAsk{Op: policy.OpRead, Path: "/etc/hosts"}, policy.Deny},
	} {
		c.ask.By = policy.SFTP
		if d := p.DecideFile(atHome(), c.ask); d.Verdict != c.want {
			t.Errorf("%+v: %s (%s)", c.ask, d.Verdict, d.Reason)
		}
	}
}

// TestNamesOfAFolder: of a folder that only leads to what is listed, no more names are shown than lead there.
func TestNamesOfAFolder(t *testing.T) {
	p := parsed(t, transferPolicy)
	for path, want := range map[string][]string{
		"/": {"srv", "var"}, "/srv": {"all", "site"}, "/srv/site": nil, "/var": {"log"}, "/var/log": nil, "/var/log/app": nil, "/srv/all/x": nil,
	} {
		d := p.DecideFile(atHome(), policy.FileAsk{By: policy.SFTP, Op: policy.OpList, Path: path})
		if d.Verdict != policy.Allow || !slices.Equal(d.Names, want) {
			t.Errorf("%s: %s %q, want %q", path, d.Verdict, d.Names, want)
		}
	}
	few := parsed(t, "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r: {targets: [web-1], logins: [deploy], files: {read: [\"/a/*.log\", /a/b/c, \"/a/**/x\"]}}\n")
	for path, want := range map[string][]string{"/": {"a"}, "/a": nil, "/a/b": nil} {
		if d := few.DecideFile(atHome(), policy.FileAsk{By: policy.SFTP, Op: policy.OpList, Path: path}); d.Verdict != policy.Allow || !slices.Equal(d.Names, want) {
			t.Errorf("few, %s: %s %q, want %q", path, d.Verdict, d.Names, want)
		}
	}
}

// TestHomeIsAskedFor: nothing below a home is allowed, and nothing is allowed past a deny below it, before it is known where that is.
func TestHomeIsAskedFor(t *testing.T) {
	p := parsed(t, transferPolicy)
	ask := policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: "/var/log/x"}
	if d := p.DecideFile(asDeploy(policy.Plan{}), ask); d.Verdict != policy.Look || len(d.Probes) != 1 || d.Probes[0].Kind != policy.ProbeHome {
		t.Errorf("without a home: %+v", d)
	}
	r := atHome()
	for _, c := range [][2]string{{"/srv/all/*", "/srv/all/*/.ssh/x"}, {"/srv/all/?", "/srv/all/?/.ssh/x"}, {"/", "/.ssh/x"}} { // a star in it is a star
		r.Facts.Home = c[0]
		if d := p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.OpWrite, Path: c[1]}); d.Code != policy.CodeDeniedByRule {
			t.Errorf("home %s: %s is %s", c[0], c[1], d.Verdict)
		}
		if d := p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.OpWrite, Path: "/srv/all/a/.ssh/x"}); d.Verdict != policy.Allow {
			t.Errorf("home %s: another one's %s", c[0], d.Reason)
		}
	}
	r.Facts.Home = "/srv/all/home"
	for path, want := range map[string]policy.Code{"/srv/all/home/.ssh/authorized_keys": policy.CodeDeniedByRule, "/srv/all/home/x": ""} {
		if d := p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.OpWrite, Path: path}); d.Code != want {
			t.Errorf("%s: %s (%s)", path, d.Verdict, d.Reason)
		}
	}
	// A folder that may hold what is denied is not moved away from there, nor another one to there.
	for _, c := range [][2]string{{"/srv/all/home", "/srv/all/x"}, {"/srv/all", "/srv/all/x"}, {"/srv/all/x", "/srv/all/home"}, {"/srv/all/x", "/srv/all/home/.ssh"}} {
		if d := p.DecideFile(r, policy.FileAsk{By: policy.SFTP, Op: policy.OpRename, Path: c[0], To: c[1]}); d.Verdict != policy.Deny {
			t.Errorf("rename %s to %s: %s", c[0], c[1], d.Verdict)
		}
	}
}

// TestDeniedPathWins: whatever is listed and in whichever order, a path that a deny names stays closed, for transfers and redirections.
func TestDeniedPathWins(t *testing.T) {
	globs := []string{`"/a"`, `"/a/*"`, `"/a/**"`, `"/a/b"`, `"/a/b/*"`, `"/**"`, `"/a/*/c"`}
	names := []string{"/a", "/a/b", "/a/b/c", "/a/x", "/a/x/c", "/z"}
	rapid.Check(t, func(t *rapid.T) {
		list := func(label string) string {
			return "[" + joined(rapid.SliceOfN(rapid.SampledFrom(globs), 1, 4).Draw(t, label)) + "]"
		}
		read, write, deny := list("read"), list("write"), list("deny")
		with := parsed(t, filesOf("read: "+read+", write: "+write+", deny: "+deny))
		without := parsed(t, filesOf("read: "+read+", write: "+write))
		alone := parsed(t, filesOf("read: "+deny))
		for _, name := range names {
			for _, op := range []policy.FileOp{policy.OpRead, policy.OpWrite, policy.OpRemove} {
				ask := policy.FileAsk{By: policy.SFTP, Op: op, Path: name}
				isDenied := alone.DecideFile(atHome(), policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: name}).Verdict == policy.Allow
				d, before := with.DecideFile(atHome(), ask), without.DecideFile(atHome(), ask)
				if isDenied && d.Code != policy.CodeDeniedByRule || !isDenied && d.Verdict != before.Verdict {
					t.Fatalf("read %s write %s deny %s: %s %s is %s, %s without", read, write, deny, op, name, d.Verdict, before.Verdict)
				}
			}
			r := atHome()
			r.Plan = policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"wc"}, Redirs: []policy.Redir{{Op: policy.RedirIn, Path: name}}}
			r.Facts.Assume = true
			d, before := with.Decide(r), without.Decide(r)
			if isDenied := alone.DecideFile(atHome(), policy.FileAsk{By: policy.SFTP, Op: policy.OpRead, Path: name}).Verdict == policy.Allow; before.Verdict == policy.Allow && (d.Verdict == policy.Deny) != isDenied {
				t.Fatalf("read %s deny %s: < %s is %s", read, deny, name, d.Verdict)
			}
		}
	})
}

func filesOf(section string) string {
	return "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r: {targets: [web-1], logins: [deploy], allow: [wc], files: {" + section + "}}\n"
}

func joined(list []string) string {
	text := ""
	for i, item := range list {
		if i > 0 {
			text += ", "
		}
		text += item
	}
	return text
}

// TestRedirectionPastALink: a redirection is denied by where it leads too.
func TestRedirectionPastALink(t *testing.T) {
	p := parsed(t, filesOf(`read: ["/a/**"], deny: ["/a/keys/**"]`))
	r := atHome()
	r.Plan = policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"wc"}, Redirs: []policy.Redir{{Op: policy.RedirIn, Path: "/a/x"}}}
	r.Facts.Programs = map[string]policy.ProgramFact{"wc": {Path: "/usr/bin/wc", Real: "/usr/bin/wc"}}
	for real, want := range map[string]policy.Code{"/a/x": "", "/a/keys/x": policy.CodeDeniedByRule} {
		r.Facts.Paths = map[string]policy.PathFact{"/a/x": {Real: real, Kind: policy.PathFile}}
		if d := p.Decide(r); d.Code != want {
			t.Errorf("to %s: %s %s", real, d.Verdict, d.Code)
		}
	}
}

// TestRenameKeepsLimits: no file is written where its content is free and then moved to where it is held, nor moved from where it is held
// to where it can be read freely.
func TestRenameKeepsLimits(t *testing.T) {
	p := parsed(t, `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [free, held, small]}}
roles:
  free: {targets: [web-1], logins: [deploy], files: {read: ["/srv/out/**"], write: ["/srv/free/**", "/srv/out/**", "/srv/own/**"]}}
  held: {targets: [web-1], logins: [deploy], files: {read: ["/srv/own/**"], write: ["/srv/held/**"], hold: {secrets: true}}}
  small: {targets: [web-1], logins: [deploy], files: {write: ["/srv/small/**"], max_file: 1KiB}}
`)
	for names, want := range map[[2]string]policy.Verdict{
		{"/srv/free/a", "/srv/free/b"}: policy.Allow, {"/srv/held/.a.tmp", "/srv/held/a"}: policy.Allow, {"/srv/small/a", "/srv/small/b"}: policy.Allow, {"/srv/held/a", "/srv/free/a"}: policy.Allow,
		{"/srv/own/a", "/srv/own/b"}: policy.Allow, {"/srv/own/a", "/srv/free/b"}: policy.Allow,
		{"/srv/free/a", "/srv/held/a"}: policy.Deny, {"/srv/free/a", "/srv/small/a"}: policy.Deny, {"/srv/own/a", "/srv/out/a"}: policy.Deny, {"/srv/small/a", "/srv/held/a"}: policy.Deny,
	} {
		for _, kind := range []policy.PathKind{policy.PathFile, policy.PathDir} {
			d := p.DecideFile(atHome(), policy.FileAsk{By: policy.SFTP, Op: policy.OpRename, Path: names[0], To: names[1], Kind: kind})
			if d.Verdict != want {
				t.Errorf("%s as a %s: %s %s", names, kind, d.Verdict, d.Reason)
			}
		}
	}
}

// TestRedirectionsKeepNoLimits: a redirection is not opened by files whose content or size the door has to look at.
func TestRedirectionsKeepNoLimits(t *testing.T) {
	p := parsed(t, `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [r]}}
roles:
  plain: {targets: [web-1], logins: [deploy], files: {read: ["/srv/plain/*"], write: ["/srv/plain/*"], by: []}}
  small: {targets: [web-1], logins: [deploy], files: {read: ["/srv/small/*"], write: ["/srv/small/*"], max_file: 1KiB}}
  r:
    targets: [web-1]
    logins: [deploy]
    includes: [plain, small]
    allow: [{run: "echo <text>", stdin: data}]
    files: {read: ["/srv/held/*"], write: ["/srv/held/*"], hold: {secrets: true}}
`)
	for _, op := range []policy.RedirOp{policy.RedirIn, policy.RedirOut} {
		for name, want := range map[string]policy.Code{"/srv/plain/a": "", "/srv/held/a": policy.CodeFileNotAllowed, "/srv/small/a": policy.CodeFileNotAllowed} {
			fd := 1
			if op == policy.RedirIn {
				fd = 0
			}
			r := asDeploy(policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"echo", "x"}, Redirs: []policy.Redir{{FD: fd, Op: op, Path: name}}})
			r.Facts = policy.Facts{Assume: true, Home: "/home/deploy"}
			if d := p.Decide(r); d.Code != want {
				t.Errorf("%s %s: %s %q %s", op, name, d.Verdict, d.Code, d.Reason)
			}
		}
	}
}
