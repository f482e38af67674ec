package decider

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/recorder/audit"
)

// probe is one that is granted: what a test then spoils.
func (b *bench) probe() protocol.Probe {
	key, _ := newKey(b.t)
	return protocol.Probe{Check: b.id(id.Check), Target: "web-1", Login: "deploy", Principal: protocol.ProbeOwn, PublicKey: key.Marshal(), By: "root"}
}

// TestProbe: a check's certificates are pinned to the script that looks, live 30 s, name what was asked and are in the log first.
func TestProbe(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct{ principal, other, want string }{{protocol.ProbeOwn, "", "gh:web-1:deploy"}, {protocol.ProbeBare, "", "deploy"},
		{protocol.ProbeOther, "web-2", "gh:web-2:deploy"}, {protocol.ProbeOther, "", "gh:" + noTarget + ":deploy"}} {
		in := b.probe()
		in.Principal, in.Other = c.principal, c.other
		got, err := admin[protocol.ProbeAnswer](b, protocol.OpProbe, in)
		b.must(err)
		cert := parseCert(t, got.Certificate)
		if !slices.Equal(cert.ValidPrincipals, []string{c.want}) || cert.CertType != ssh.UserCert || !bytes.Equal(cert.SignatureKey.Marshal(), b.d.cas.Target.PublicKey().Marshal()) {
			t.Errorf("%v: principals %q, type %d", c, cert.ValidPrincipals, cert.CertType)
		}
		if cert.CriticalOptions["force-command"] != got.Line || got.Line != "exec /bin/sh -c '"+probeScript+"'" {
			t.Errorf("%v: it runs %q", c, cert.CriticalOptions["force-command"])
		}
		if end := time.Unix(int64(cert.ValidBefore), 0); end.Sub(b.clock.now()) != 30*time.Second {
			t.Errorf("%v: until %s", c, end)
		}
		for name := range cert.Extensions {
			if !slices.Contains([]string{"permit-port-forwarding", "permit-agent-forwarding", "permit-X11-forwarding"}, name) {
				t.Errorf("%v: extension %s", c, name)
			}
		}
		all := b.entries()
		look, issue := all[len(all)-2], all[len(all)-1]
		if look.Type != audit.TargetCheck || look.Object != in.Check || !strings.Contains(string(look.Data), c.want) || issue.Type != audit.CertIssue || issue.Serial != fmt.Sprint(cert.Serial) {
			t.Errorf("%v: the log has %+v, %+v", c, look, issue)
		}
	}
}

// TestProbeSFTP: a check's other certificate runs the SFTP server with requests that look and nothing else.
func TestProbeSFTP(t *testing.T) {
	b := newBench(t)
	in := b.probe()
	in.SFTP = true
	got, err := admin[protocol.ProbeAnswer](b, protocol.OpProbe, in)
	b.must(err)
	const want = "internal-sftp -R -p realpath,stat,lstat,readlink,opendir,readdir,close"
	if cert := parseCert(t, got.Certificate); cert.CriticalOptions["force-command"] != want || got.Line != want || !slices.Equal(cert.ValidPrincipals, []string{"gh:web-1:deploy"}) {
		t.Errorf("%q for %q", cert.CriticalOptions["force-command"], cert.ValidPrincipals)
	}
}

// TestProbeRefused: a check gets no certificate for anything but a look.
func TestProbeRefused(t *testing.T) {
	b := newBench(t)
	for name, spoil := range map[string]func(*protocol.Probe){
		"an unknown target": func(p *protocol.Probe) { p.Target = "nowhere" }, "this machine": func(p *protocol.Probe) { p.Target, p.Login = "bastion-host", "ops" },
		"an unknown login": func(p *protocol.Probe) { p.Login = "ann" }, "SFTP by a bare login": func(p *protocol.Probe) { p.Principal, p.SFTP = protocol.ProbeBare, true }, "no check": func(p *protocol.Probe) { p.Check = "" },
		"another's id": func(p *protocol.Probe) { p.Check = b.id(id.Session) }, "a principal of its own": func(p *protocol.Probe) { p.Principal = "root" },
		"no principal": func(p *protocol.Probe) { p.Principal = "" }, "another, and own": func(p *protocol.Probe) { p.Other = "web-2" },
		"an unknown other": func(p *protocol.Probe) { p.Principal, p.Other = protocol.ProbeOther, "nowhere" },
		"itself as other":  func(p *protocol.Probe) { p.Principal, p.Other = protocol.ProbeOther, "web-1" },
		"no key":           func(p *protocol.Probe) { p.PublicKey = nil }, "a certificate": func(p *protocol.Probe) { p.PublicKey = b.issued("agent", "bot", time.Minute) },
		"another CA's key": func(p *protocol.Probe) { p.CA = ssh.FingerprintSHA256(b.d.cas.Agent.PublicKey()) }, "no fingerprint": func(p *protocol.Probe) { p.CA = "x" },
	} {
		in := b.probe()
		spoil(&in)
		if got, err := admin[protocol.ProbeAnswer](b, protocol.OpProbe, in); err == nil || len(got.Certificate) > 0 || code(err) == protocol.CodeInternal {
			t.Errorf("%s: %v, %d bytes", name, err, len(got.Certificate))
		}
	}
	for _, op := range []protocol.Op{protocol.OpProbe, protocol.OpTargets, protocol.OpEnrolTarget, protocol.OpChecked} {
		if err := b.door.Call(t.Context(), op, b.probe(), nil); err == nil || !strings.Contains(err.Error(), "unknown operation") {
			t.Errorf("the door asks %s: %v", op, err)
		}
	}
}

// TestProbeEvidence: what the log cannot hold is not certified.
func TestProbeEvidence(t *testing.T) {
	b := newBench(t)
	b.must(b.d.log.Close())
	if got, err := admin[protocol.ProbeAnswer](b, protocol.OpProbe, b.probe()); code(err) != protocol.CodeEvidence || len(got.Certificate) > 0 {
		t.Errorf("probe: %v", err)
	}
	if got, err := admin[protocol.TargetTrust](b, protocol.OpEnrolTarget, protocol.EnrolTarget{Target: "web-1", By: "root"}); code(err) != protocol.CodeEvidence || len(got.TargetCAs) > 0 {
		t.Errorf("enrol: %v", err)
	}
	in := protocol.Checked{Check: b.id(id.Check), Target: "web-1", Reached: true, Accepted: []string{ssh.FingerprintSHA256(b.d.cas.Target.PublicKey())}, By: "root"}
	if _, err := admin[protocol.Empty](b, protocol.OpChecked, in); code(err) != protocol.CodeEvidence {
		t.Errorf("checked: %v", err)
	}
	if seen, err := b.d.facts.Trust(t.Context(), registry.TrustTarget); err != nil || len(seen) > 0 {
		t.Errorf("trust without an entry: %v, %v", seen, err)
	}
}

// TestPreparedKey: during a rotation a check can show a certificate by the next key of the target CA, which signs nothing else, and what
// a target accepts lets the rotation go on.
func TestPreparedKey(t *testing.T) {
	b := newBench(t)
	first := ssh.FingerprintSHA256(b.d.cas.Target.PublicKey())
	_, err := admin[protocol.CARotated](b, protocol.OpCARotate, protocol.CARotate{CA: "target", By: "root"})
	b.must(err)
	list, err := admin[protocol.TargetList](b, protocol.OpTargets, protocol.Targets{})
	b.must(err)
	if len(list.TargetCAs) != 2 || list.TargetCAs[0].State != protocol.TargetCAActive || list.TargetCAs[1].State != protocol.TargetCANext {
		t.Fatalf("target CAs: %+v", list.TargetCAs)
	}
	next, err := ssh.ParsePublicKey(list.TargetCAs[1].PublicKey)
	b.must(err)
	trust, err := admin[protocol.TargetTrust](b, protocol.OpEnrolTarget, protocol.EnrolTarget{Target: "web-1", By: "root"})
	b.must(err)
	if len(trust.TargetCAs) != 2 || !bytes.Equal(trust.TargetCAs[1], next.Marshal()) {
		t.Errorf("a target is told to trust %d keys", len(trust.TargetCAs))
	}
	in := b.probe()
	in.CA = ssh.FingerprintSHA256(next)
	got, err := admin[protocol.ProbeAnswer](b, protocol.OpProbe, in)
	b.must(err)
	if cert := parseCert(t, got.Certificate); !bytes.Equal(cert.SignatureKey.Marshal(), next.Marshal()) || cert.CriticalOptions["force-command"] != got.Line {
		t.Errorf("signed by %s", ssh.FingerprintSHA256(cert.SignatureKey))
	}
	checked := protocol.Checked{Check: in.Check, Target: "web-1", Reached: true, Accepted: []string{first, in.CA, "SHA256:x"}, By: "root"}
	_, err = admin[protocol.Empty](b, protocol.OpChecked, checked)
	b.must(err)
	seen, err := b.d.facts.Trust(t.Context(), registry.TrustTarget)
	b.must(err)
	if len(seen) != 2 || seen[0].Name != "web-1" {
		t.Errorf("noted: %+v", seen)
	}
	list, err = admin[protocol.TargetList](b, protocol.OpTargets, protocol.Targets{})
	b.must(err)
	if len(list.Seen) != 2 || list.Seen[0].Target != "web-1" {
		t.Errorf("listed: %+v", list.Seen)
	}
}

// TestTargetPages: the whole inventory comes in pages, each target once.
func TestTargetPages(t *testing.T) {
	b := newBench(t)
	text := "version: 1\ntargets:\n"
	for i := range 2*targetPage + 7 {
		text += fmt.Sprintf("  t-%d: {address: \"127.0.0.1:1\", logins: [deploy], host_ca: true}\n", i)
	}
	b.write("targets.yaml", text)
	_, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{})
	b.must(err)
	names, pages := map[string]bool{}, 0
	for more, after := true, ""; more; pages++ {
		page, err := admin[protocol.TargetList](b, protocol.OpTargets, protocol.Targets{After: after})
		b.must(err)
		for _, target := range page.Targets {
			names[target.Name] = true
			after = target.Name
		}
		if more = page.More; len(page.Targets) > targetPage {
			t.Errorf("%d targets in a page", len(page.Targets))
		}
	}
	if len(names) != 2*targetPage+7 || pages != 3 {
		t.Errorf("%d targets in %d pages", len(names), pages)
	}
}

// TestEnrolTarget: a target that the inventory pins gets a certificate for that key alone; each script is in the log.
func TestEnrolTarget(t *testing.T) {
	b := newBench(t)
	other, _ := newKey(t)
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(hostKeyLine))
	b.must(err)
	for name, c := range map[string]struct {
		in protocol.EnrolTarget
		ok bool
	}{
		"the pinned key": {protocol.EnrolTarget{Target: "web-1", HostKey: pinned.Marshal()}, true}, "undo": {protocol.EnrolTarget{Target: "web-1", Undo: true}, true},
		"another key": {protocol.EnrolTarget{Target: "web-1", HostKey: other.Marshal()}, false}, "no key": {protocol.EnrolTarget{Target: "web-1", HostKey: []byte("x")}, false},
		"unknown": {protocol.EnrolTarget{Target: "nowhere"}, false}, "this machine": {protocol.EnrolTarget{Target: "bastion-host"}, false},
	} {
		before := len(b.entries())
		got, err := admin[protocol.TargetTrust](b, protocol.OpEnrolTarget, c.in)
		if (err == nil) != c.ok || c.ok != (len(got.TargetCAs) == 1) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
		all := b.entries()
		if logged := len(all) > before && all[len(all)-1].Type == audit.TargetEnrol; logged != c.ok {
			t.Errorf("%s: in the log: %v", name, logged)
		}
	}
}

// TestProbeScript: the script is read by every shell that a target's /bin/sh may be, quotes nothing that would end its line, and
// changes nothing: it runs as nobody, with every file system read-only to it.
func TestProbeScript(t *testing.T) {
	if strings.ContainsAny(probeScript, "'\x00") {
		t.Error("the script has a quote that ends it")
	}
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"zsh", "--emulate", "sh"}} {
		cmd := exec.Command("unshare", append([]string{"--mount", "/bin/sh", "-c", `mount -o remount,ro,bind / && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`}, append(append([]string{"x"}, shell...), "-c", probeScript)...)...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil || !strings.HasPrefix(string(out), "gatehouse-check 1\n") || !strings.HasSuffix(string(out), "\nend 1\n") || !strings.Contains(string(out), "\nlogin nobody\n") {
			t.Errorf("%s: %v, %s", shell, err, out)
		}
	}
}
