package check

import (
	"strings"
	"testing"

	"gatehouse/internal/testhost"
)

// TestFindsWhatIsWrong: real sshds with one fault each. A target is good only where nothing is found.
func TestFindsWhatIsWrong(t *testing.T) {
	deploy := []testhost.Account{{Name: "deploy", UID: 2001}}
	bash := []testhost.Account{{Name: "deploy", UID: 2001, Shell: "/bin/bash"}}
	for name, c := range map[string]struct {
		cfg   testhost.Config
		setup string
		want  map[string]struct {
			level Level
			says  string
		}
	}{
		"bare logins open": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"AuthorizedPrincipalsFile none"}},
			want: expectations{"deploy: other certificates": {Broken, "the bare login as principal opens"}, "deploy: target CA": {Broken, "does not open the login"}},
		},
		"another target's principal opens": {
			cfg: testhost.Config{Accounts: deploy}, setup: "echo gh:web-2:deploy >>/run/target/etc/principals/deploy",
			want: expectations{"deploy: other certificates": {Broken, "a certificate for web-2 opens"}, "deploy: target CA": {OK, "opens the login"}},
		},
		"it forwards": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"DisableForwarding no", "AllowTcpForwarding yes", "AllowAgentForwarding yes"}},
			want: expectations{"deploy: forwarding": {Broken, "tried to forward"}, "deploy: agent forwarding": {Broken, "accepts"}},
		},
		"it listens for others": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"DisableForwarding no", "AllowTcpForwarding remote", "AllowAgentForwarding no"}},
			want: expectations{"deploy: forwarding": {Broken, "it listens"}, "deploy: agent forwarding": {OK, "refused"}},
		},
		"passwords": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"PasswordAuthentication yes"}},
			want: expectations{"deploy: sign-in": {Weak, "password"}},
		},
		"a planted key, and nobody to ask": {
			cfg: testhost.Config{Accounts: deploy}, setup: "mkdir /home/deploy/.ssh && echo key >/home/deploy/.ssh/authorized_keys",
			want: expectations{"deploy: own keys": {Broken, "there are keys"}, "deploy: principals": {NotChecked, "there is no"}, "deploy: MaxStartups": {NotChecked, "only root"}},
		},
		"bash, and a home of its own": {
			cfg:  testhost.Config{Accounts: bash},
			want: expectations{"deploy: login shell": {OK, "/bin/bash"}, "deploy: rc files": {Weak, "may make /home/deploy/.bashrc"}},
		},
		"bash, and a file of its own": {
			cfg: testhost.Config{Accounts: bash}, setup: "touch /home/deploy/.bashrc && chown deploy /home/deploy/.bashrc",
			want: expectations{"deploy: rc files": {Broken, "may change /home/deploy/.bashrc"}},
		},
		"bash, and root's file in root's home": {
			cfg: testhost.Config{Accounts: bash}, setup: "chown root /home/deploy && chmod 755 /home/deploy && touch /home/deploy/.bashrc",
			want: expectations{"deploy: rc files": {OK, "/home/deploy/.bashrc"}, "deploy: own keys": {OK, "root alone may make one"}},
		},
		"bash, and a file that prints": {
			cfg: testhost.Config{Accounts: bash}, setup: `printf 'echo hello\n' >/home/deploy/.bashrc`,
			want: expectations{"deploy: look": {Broken, "hello"}},
		},
		"a shell of the login's own": {
			cfg: testhost.Config{Accounts: []testhost.Account{{Name: "deploy", UID: 2001, Shell: "/srv/dash"}}}, setup: "cp /bin/dash /srv/dash && chown deploy /srv/dash",
			want: expectations{"deploy: login shell": {Broken, "/srv/dash is none of the shells that work"}},
		},
		"no shell": {
			cfg:  testhost.Config{Accounts: []testhost.Account{{Name: "deploy", UID: 2001, Shell: "/usr/sbin/nologin"}}},
			want: expectations{"deploy: look": {Broken, "not available"}},
		},
		"no sftp subsystem": {
			cfg:  testhost.Config{Accounts: deploy, Subsystem: "none"},
			want: expectations{"deploy: facts": {Broken, "no sftp subsystem"}},
		},
		"a forced command of its own": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"ForceCommand /bin/echo no"}},
			want: expectations{"deploy: facts": {Broken, "does not answer"}, "deploy: look": {Broken, ""}},
		},
		"no home": {
			cfg: testhost.Config{Accounts: deploy}, setup: "rm -r /home/deploy",
			want: expectations{"deploy: facts": {Weak, "begins in /"}},
		},
		"a root of its own": { // without a shell in it
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"ChrootDirectory /srv"}},
			want: expectations{"deploy: facts": {Weak, "begins in /"}, "deploy: look": {Broken, ""}},
		},
		"an environment file": {
			cfg: testhost.Config{Accounts: deploy}, setup: "mkdir /home/deploy/.ssh && echo LD_PRELOAD=x >/home/deploy/.ssh/environment",
			want: expectations{"deploy: environment": {Weak, "/home/deploy/.ssh/environment"}},
		},
		"another CA": {
			cfg:  testhost.Config{Accounts: deploy, Options: []string{"TrustedUserCAKeys none"}},
			want: expectations{"deploy: target CA": {Broken, "does not open"}, "deploy: other certificates": {OK, "neither"}, "host key": {OK, "pinned"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, d := startHost(t, c.cfg)
			if c.setup != "" {
				asRoot(t, h, c.setup)
			}
			r, found := run(t, d.config())
			for what, w := range c.want {
				want(t, found, what, w.level, w.says)
			}
			if !r.Reached || r.Good() {
				t.Errorf("reached %v, good %v", r.Reached, r.Good())
			}
			if opened := c.want["deploy: target CA"].level != Broken; opened != (len(r.Accepted) == 1) {
				t.Errorf("accepted: %q", r.Accepted)
			}
			if strings.Contains(h.AuthLog(), "maximum authentication attempts") {
				t.Error("the check used up sshd's MaxAuthTries")
			}
		})
	}
}

type expectations = map[string]struct {
	level Level
	says  string
}

// TestEveryLogin: a key of the target CA counts as accepted when every login accepts it.
func TestEveryLogin(t *testing.T) {
	h, d := startHost(t, testhost.Config{Accounts: []testhost.Account{{Name: "deploy", UID: 2001}, {Name: "ann", UID: 2002}}})
	if r, _ := run(t, d.config()); len(r.Accepted) != 1 {
		t.Errorf("both open: %q", r.Accepted)
	}
	asRoot(t, h, "echo gh:web-9:ann >/run/target/etc/principals/ann")
	r, found := run(t, d.config())
	if len(r.Accepted) != 0 {
		t.Errorf("one does not open: %q", r.Accepted)
	}
	want(t, found, "ann: target CA", Broken, "does not open")
	want(t, found, "deploy: target CA", OK, "opens")
}

// TestShells: only logins whose shell is known to read commands as they are quoted are good, each tried with a real one.
func TestShells(t *testing.T) {
	h, d := startHost(t, testhost.Config{
		Programs: map[string]string{"shell": "#!/bin/sh\nexec /bin/sh \"$@\"\n"},
		Accounts: []testhost.Account{
			{Name: "sh", UID: 2001}, {Name: "dash", UID: 2002, Shell: "/usr/bin/dash"}, {Name: "bash", UID: 2003, Shell: "/bin/bash"},
			{Name: "zsh", UID: 2004, Shell: "/usr/bin/zsh"}, {Name: "fish", UID: 2005, Shell: "/usr/bin/fish"},
			{Name: "rbash", UID: 2006, Shell: "/bin/rbash"}, {Name: "nologin", UID: 2007, Shell: "/usr/sbin/nologin"},
			{Name: "false", UID: 2008, Shell: "/bin/false"}, {Name: "git", UID: 2009, Shell: "/usr/bin/git-shell"},
			{Name: "csh", UID: 2010, Shell: "/bin/csh"}, {Name: "tcsh", UID: 2011, Shell: "/usr/bin/tcsh"},
			{Name: "custom", UID: 2012, Shell: "/usr/local/bin/shell"}, {Name: "linked", UID: 2013, Shell: "/srv/bash"},
		},
	})
	asRoot(t, h, "ln -s /bin/bash /srv/bash")
	_, found := run(t, d.config())
	for login, says := range map[string]string{"sh": "/bin/sh, which is /usr/bin/dash", "dash": "/usr/bin/dash", "bash": "/bin/bash", "zsh": "/usr/bin/zsh", "fish": "/usr/bin/fish"} {
		want(t, found, login+": login shell", OK, says)
	}
	for login, says := range map[string]string{"rbash": "did not run", "nologin": "did not run", "false": "did not run", "git": "did not run", "csh": "did not run", "tcsh": "did not run",
		"custom": "/usr/local/bin/shell is none", "linked": "/srv/bash, which is /usr/bin/bash is none"} {
		want(t, found, login+": login shell", Broken, says)
		if do := found[login+": login shell"].Do; !strings.Contains(do, "sh, dash, bash, zsh and fish") {
			t.Errorf("%s: nothing says which shells work: %q", login, do)
		}
	}
	want(t, found, "fish: rc files", Weak, "/home/fish/.config/fish/")
	want(t, found, "zsh: rc files", Weak, "/home/zsh/.zshenv")
	for _, a := range []string{"nologin", "false", "git", "csh", "fish"} { // sshd's own SFTP server needs no shell
		want(t, found, a+": facts", OK, "begins in /home/"+a)
	}
}
