package enroll

import (
	"strings"
	"testing"

	"gatehouse/internal/testhost"
)

// failing is what keeps a script from its end.
type failing struct {
	before, after string // as root, before the script and when it has failed
	change        func(*stage, *Params)
	script        func(string) string
	want          string
}

// TestLeavesAsItWas: whatever keeps the script from its end, every file is as before, sshd goes on as before, and the one line
// that it says tells what to do.
func TestLeavesAsItWas(t *testing.T) {
	for name, c := range map[string]struct{ config, want string }{
		"a forced command":   {oldStyle + "Match User deploy\n\tForceCommand /bin/true\n", `for deploy sshd has "forcecommand /bin/true" and not "forcecommand none": remove that line`},
		"an earlier setting": {"ChrootDirectory /srv\nPermitUserEnvironment yes\nInclude /etc/ssh/sshd_config.d/*.conf\n", `"permituserenvironment yes"`},
	} {
		t.Run(name, func(t *testing.T) { newStage(t, testhost.Config{SSHDConfig: c.config}).fails(failing{want: c.want}) })
	}
	s := newStage(t, testhost.Config{})
	for name, c := range map[string]failing{
		"no such account":    {change: func(_ *stage, p *Params) { p.Logins = []string{"deploy", "nobody-here"} }, want: "there is no account nobody-here: make it"},
		"another's host key": {change: func(s *stage, p *Params) { p.HostCertificate = s.certified(fixedKey(7)) }, want: "this is another host, or its key was replaced"},
		"broken beforehand": {before: "cp -p /etc/ssh/sshd_config /tmp/good; echo Nonsense >>/etc/ssh/sshd_config", after: "cp -p /tmp/good /etc/ssh/sshd_config",
			want: "sshd refuses its configuration as it is: mend that first"},
		"another's": {before: "mkdir /etc/ssh/gatehouse && echo db-1 >/etc/ssh/gatehouse/target", after: "rm -r /etc/ssh/gatehouse", want: "is not that of target web-1: undo it first"},
		"not sshd's words": {script: func(s string) string { return strings.Replace(s, "echo 'Match all'", "echo 'Nonsense yes'", 1) },
			want: "sshd refuses the new configuration: everything is as it was"},
		"cut on its way": {script: func(s string) string { return s[:len(s)*3/4] }, want: "yntax error"},
	} {
		t.Run(name, func(t *testing.T) { (&stage{t, s.cas, s.host}).fails(c) })
	}
	if planted := s.plant("deploy", "/home/deploy"); !s.opens("deploy", planted) {
		t.Error("the login's own key opens it no more")
	}
}

// fails runs the script, which must fail and leave everything as it was.
func (s *stage) fails(c failing) {
	s.t.Helper()
	s.must(c.before)
	before, p := s.files(), s.params()
	if c.change != nil {
		c.change(s, &p)
	}
	text := script(s.t, p)
	if c.script != nil {
		text = c.script(text)
	}
	r := s.run(text)
	if r.Status == 0 || !strings.Contains(r.Stderr, c.want) {
		s.t.Errorf("status %d, %q; want %q", r.Status, r.Stderr, c.want)
	}
	if after := s.files(); after != before {
		s.t.Errorf("files after:\n%s\nbefore:\n%s", after, before)
	}
	if strings.Contains(s.host.AuthLog(), "SIGHUP") {
		s.t.Error("sshd was told of what failed")
	}
	s.must(c.after)
}

// TestSecondRunFails: a host that is a target stays one, with what it had, when a later run fails.
func TestSecondRunFails(t *testing.T) {
	s := newStage(t, testhost.Config{})
	s.enroll(s.params())
	before := s.files()
	script := strings.Replace(script(t, s.params()), "echo 'Match all'", "echo 'Nonsense yes'", 1)
	if r := s.run(script); r.Status != 1 || !strings.Contains(r.Stderr, "everything is as it was") {
		t.Errorf("status %d, %q", r.Status, r.Stderr)
	}
	if after := s.files(); after != before {
		t.Errorf("files after:\n%s\nbefore:\n%s", after, before)
	}
	s.expect(map[string]bool{"the certificate": s.opens("deploy", s.certificate("web-1", "deploy"))}, true)
}

// TestRotationRun: a later run trusts what is published then, takes back logins that are no longer managed, and stays in force.
func TestRotationRun(t *testing.T) {
	s := newStage(t, testhost.Config{})
	anns := s.plant("ann", "/home/ann")
	p := s.params()
	p.Logins = []string{"deploy", "ann"}
	s.enroll(p)
	s.expect(map[string]bool{"ann's key while managed": s.opens("ann", anns)}, false)
	s.expect(map[string]bool{"ann's certificate": s.opens("ann", s.certificate("web-1", "ann"))}, true)

	p.Logins, p.TargetCAs = []string{"deploy"}, append(p.TargetCAs, fixedKey(1))
	s.enroll(p)
	s.expect(map[string]bool{"ann's key again": s.opens("ann", anns), "deploy's certificate": s.opens("deploy", s.certificate("web-1", "deploy"))}, true)
	s.expect(map[string]bool{"ann's certificate afterwards": s.opens("ann", s.certificate("web-1", "ann"))}, false)
	if got := s.must("cd /etc/ssh/gatehouse; ls principals; wc -l <target_ca.pub"); got != "deploy\n2\n" {
		t.Errorf("principals and CAs: %q", got)
	}
}

// TestUndoKeepsLaterChanges: what an administrator changed since is theirs, and undo that would break sshd is not done.
func TestUndoKeepsLaterChanges(t *testing.T) {
	s := newStage(t, testhost.Config{SSHDConfig: oldStyle})
	s.enroll(s.params())
	s.must("echo 'ClientAliveInterval 77' >>/etc/ssh/sshd_config")
	undo, err := Undo("web-1")
	if err != nil {
		t.Fatal(err)
	}
	s.must("cp /etc/ssh/sshd_config /tmp/good; echo Nonsense >>/etc/ssh/sshd_config")
	before := s.files()
	if r := s.run(undo); r.Status != 1 || !strings.Contains(r.Stderr, "everything is as it was") {
		t.Errorf("undo of what is broken: status %d, %q", r.Status, r.Stderr)
	}
	if after := s.files(); after != before {
		t.Errorf("files after:\n%s\nbefore:\n%s", after, before)
	}
	s.must("cat /tmp/good >/etc/ssh/sshd_config")
	s.reloads(undo)
	if got := s.must("cat /etc/ssh/sshd_config"); got != oldStyle+"ClientAliveInterval 77\n" {
		t.Errorf("sshd_config after undo:\n%s", got)
	}
	if other, _ := Undo("web-2"); s.run(other).Status != 0 {
		t.Error("undo where nothing is to undo")
	}
}

// TestRootStays: with root managed, root's own keys open it no more; without, they do: that is why it must be asked for.
func TestRootStays(t *testing.T) {
	s := newStage(t, testhost.Config{SSHDConfig: oldStyle + "PermitRootLogin no\n"})
	p := s.params()
	p.Logins, p.Root = []string{"root"}, true
	s.enroll(p)
	s.expect(map[string]bool{"root's certificate": s.opens("root", s.certificate("web-1", "root"))}, true)
	s.expect(map[string]bool{"root's key": s.opens("root", s.plant("root", "/root"))}, false)
}

// TestNewerSSHD: a sshd that knows PerSourcePenaltyExemptList gets it. Debian's 9.2 does not, so a program in front of the real
// one takes that word out.
func TestNewerSSHD(t *testing.T) {
	s := newStage(t, testhost.Config{})
	newer := strings.Replace(script(t, s.params()), "PATH=/usr/sbin:", "PATH=/usr/local/bin:/usr/sbin:", 1)
	s.must(`cat >/usr/local/bin/sshd <<'END'
#!/bin/sh
[ "$*" != '-t -o PerSourcePenaltyExemptList=192.0.2.1' ] || exit 0
sed -i '/^PerSourcePenaltyExemptList /d' /etc/ssh/sshd_config.d/00-gatehouse.conf 2>/dev/null
exec /usr/sbin/sshd "$@"
END
chmod 755 /usr/local/bin/sshd`)
	traced := strings.Replace(newer, `"$sshd" -t || die 'sshd refuses the new`, `cp "$dropin" /tmp/seen; "$sshd" -t || die 'sshd refuses the new`, 1)
	s.reloads(traced)
	if got := s.must("grep PerSource /tmp/seen"); got != "PerSourcePenaltyExemptList 127.0.0.1\n" {
		t.Errorf("a newer sshd is told %q", got)
	}
}
