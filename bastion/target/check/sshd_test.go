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
			want: expectations{"deploy: login shell": {Broken, "others than root may change /srv/dash"}},
		},
		"no shell": {
			cfg:  testhost.Config{Accounts: []testhost.Account{{Name: "deploy", UID: 2001, Shell: "/usr/sbin/nologin"}}},
			want: expectations{"deploy: look": {Broken, "not available"}},
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
