package bastion

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	shells "gatehouse/bastion/shell/pool"
	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

const governedPolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents:
  bot: {owner: person:ann, roles: [operator]}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: ["*"]
    logins: [deploy, root, ops]
    env: [LANG]
    shell: governed
    dirs: ["~", "/tmp/**", "/tmp"]
    files: {read: ["/tmp/**", "~/**"], write: ["/tmp/**", "~/**"]}
    allow:
      - {run: "printenv <text>", stdin: none}
      - sleep <int>
      - id -un
      - {run: cat, stdin: data}
      - {run: "cat <path:/tmp/**>...", stdin: none}
      - {run: "tr <text> <text>", stdin: pipe}
      - {run: "wc -l", stdin: pipe}
      - {run: "stty size", pty: true}
`

// newGoverned is a whole whose agent has a governed shell.
func newGoverned(t *testing.T) *whole {
	t.Helper()
	w := newWholeWith(t, func(c *Config) { c.Shells = startShells(t) })
	w.write("policy.yaml", governedPolicy)
	if _, err := w.decider.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// startShells is a pool of shells' processes, as the supervisor has one.
func startShells(t *testing.T) *shells.Client {
	t.Helper()
	door, supervisor, err := shells.Socketpair()
	if err != nil {
		t.Fatal(err)
	}
	server, err := shells.NewServer(supervisor, shells.Config{Log: hclog.New(&hclog.LoggerOptions{Output: &testWriter{t}})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	client, err := shells.NewClient(door)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return client
}

// TestGoverned: what is no plan is read by a governed shell, and each of its commands is decided by itself.
func TestGoverned(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	for _, test := range []struct{ line, stdout, stderr string }{
		{`x=deploy; [ "$(id -un)" = "$x" ] && echo same`, "same\n", ""},
		{`for i in 1 2 3; do echo "n $i"; done`, "n 1\nn 2\nn 3\n", ""},
		{`f() { echo "$1" | tr a-z A-Z; }; f hello`, "HELLO\n", ""},
		{`echo $(whoami) end; echo after`, "end\nafter\n", "GATEHOUSE-DENIAL"},
		{`printf 'a\nb\n' > /tmp/governed-$$; n=$(cat /tmp/governed-$$ | wc -l); echo "$n"`, "2\n", ""},
		{`while read -r l; do echo "<$l>"; sleep 0; done <<< $'one\ntwo'`, "<one>\n<two>\n", ""},
		{`bash -c 'y=in; echo $y; id -un'`, "in\ndeploy\n", ""},
	} {
		stdout, stderr, status := exec(c, test.line)
		if stdout != test.stdout || (test.stderr == "") != (stderr == "") || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%s\n%d %q\n%s", test.line, status, stdout, stderr)
		}
	}
	if _, stderr, status := exec(c, `cat <(id -un)`); status != 2 || !strings.Contains(stderr, "process substitution") {
		t.Errorf("%d %s", status, stderr)
	}
}

// TestGovernedHere: on this machine a governed shell's commands and files are decided and done as on any target, and a kill ends them.
func TestGovernedHere(t *testing.T) {
	w := newGoverned(t)
	inventory, err := os.ReadFile(filepath.Join(w.dir, "targets.yaml"))
	w.must(err)
	w.write("targets.yaml", strings.Replace(string(inventory), "ops: nobody", "ops: daemon", 1)) // who has a home
	_, err = w.decider.Reload(t.Context())
	w.must(err)
	c := w.client("ops@here", w.certify(policy.Agent, "bot", 5*time.Minute))
	for _, test := range []struct{ line, stdout, stderr string }{
		{`x=$(id -un); echo "<$x>"; whoami; echo $?`, "<daemon>\n126\n", "GATEHOUSE-DENIAL"},
		{`f=/tmp/governed-here-$$; printf 'a\nb\n' > $f; n=$(cat $f | wc -l); echo "$n"; echo abc | tr a-z A-Z`, "2\nABC\n", ""},
		{`sleep 0 & wait $!; echo s$?; [ -d /tmp ] && echo dir`, "s0\ndir\n", ""},
	} {
		stdout, stderr, status := exec(c, test.line)
		if stdout != test.stdout || status != 0 || (test.stderr == "") != (stderr == "") || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%s\n%d %q\n%s", test.line, status, stdout, stderr)
		}
	}
	const line = "x=3606; sleep $x; echo no"
	ended := make(chan string, 1)
	go func() {
		stdout, _, _ := exec(c, line)
		ended <- stdout
	}()
	awaitHost(t, "sleep 3606", true)
	report, err := w.server.Kill(t.Context(), console.KillOrder{Session: w.session(line, store.Live).ID, By: console.Actor{Principal: "person:ann"}, Reason: "enough"})
	w.must(err)
	if len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" || <-ended != "" {
		t.Errorf("%+v", report)
	}
	awaitHost(t, "sleep 3606", false)
}
