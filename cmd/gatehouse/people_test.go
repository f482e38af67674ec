package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/internal/testoidc"
)

const peoplePolicy = `version: 1
%s
people: {ann: {roles: [oncall]%s}, vic: {roles: [oncall]}}
roles:
  oncall: {rights: [view, operate], targets: ["*"], logins: [deploy], allow: [show]}
`

// peopleHouse is a running Gatehouse with one target.
type peopleHouse struct {
	*testgate.Gate
	t           *testing.T
	dir, binary string
}

func newPeopleHouse(t *testing.T) *peopleHouse {
	dir := openFolder(t)
	h := &peopleHouse{t: t, dir: dir, binary: build(t, dir)}
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: h.binary, Policy: fmt.Sprintf(peoplePolicy, "", ""),
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}, Recorders: []string{"show"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	h.Gate = g
	return h
}

// root runs the program as root on the machine does, and returns what it prints.
func (h *peopleHouse) root(args ...string) string {
	h.t.Helper()
	r, err := h.Run(h.t.Context(), append(args, "--config", h.Path)...)
	if err != nil || r.Status != 0 {
		h.t.Fatalf("gatehouse %q: %d %s %v", args, r.Status, r.Stderr, err)
	}
	return strings.TrimSpace(r.Stdout)
}

// noted says whether the audit log has a line that matches.
func (h *peopleHouse) noted(pattern string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(decider.LogDir(supervisor.DeciderDir(h.Data)), "entries"))
	if err != nil {
		h.t.Fatal(err)
	}
	if !regexp.MustCompile(pattern).Match(text) {
		h.t.Errorf("the audit log has no line that matches %s", pattern)
	}
}

// register names and adds a passkey on the account page.
func (b *browser) register(name string) {
	b.t.Helper()
	b.until(`document.querySelector('form[data-passkey=add] button')?.hidden === false`)
	b.do("name the passkey", chromedp.SendKeys(chromedp.CSS("#new-name"), name))
	b.click("form[data-passkey=add] button")
	b.until("[...document.querySelectorAll('.panel b')].some(n => n.innerText === " + quoteJS(name) + ")")
}

func (b *browser) signInByPasskey(url string) {
	b.t.Helper()
	b.open(url + "/sign-in")
	b.until(`document.querySelector('form[data-passkey=sign-in] button')?.hidden === false`)
	b.click("form[data-passkey=sign-in] button")
}

// TestPeople is a person's way in, whole: set-up link, passkey, a second one when the first is lost, and a login of the program that
// ends in ssh through the door.
func TestPeople(t *testing.T) {
	h := newPeopleHouse(t)
	b := newBrowser(t)
	phone := b.device()

	link := h.root("setup-link", "--person", "ann")
	b.open(link)
	b.until(`location.pathname === '/account'`)
	b.says("Register your passkey.")
	b.register("phone")
	b.says("Add a second passkey.")
	h.noted(`"type":"enrol","actor":"person:ann".*"passkeys":"registered"`)

	b.click(`.me form button`)
	b.until(`location.pathname === '/sign-in'`)
	b.signInByPasskey(h.WebURL)
	b.until(`location.pathname === '/' && document.querySelector('.who')?.innerText === 'ann'`)
	h.noted(`"type":"sign_in","actor":"person:ann".*"by":"passkey"`)
	other := newBrowser(t)
	other.open(link)
	other.says("This link no longer works")

	b.lose(phone)
	laptop := b.device()
	b.open(h.WebURL + "/account")
	b.register("laptop")
	b.until(`document.querySelectorAll('form[action$="/remove"]').length === 2 && !document.querySelector('main').innerText.includes('second passkey')`)
	b.click(`ul.cards li:first-child details:last-child summary`)
	b.click(`ul.cards li:first-child form[action$="/remove"] button`)
	b.until(`document.querySelectorAll('form[action$="/remove"]').length === 1`)
	b.click(`form[action="/account/sign-out"] button`)
	b.until(`location.pathname === '/sign-in'`)
	b.signInByPasskey(h.WebURL)
	b.until(`location.pathname === '/'`)

	h.login(b)
	if list := h.root("passkeys", "list", "--person", "ann"); !strings.Contains(list, "laptop") || strings.Contains(list, "phone") {
		t.Errorf("passkeys: %s", list)
	}
	// All are lost: root resets, and the sign-in that was open is over.
	link = h.root("passkeys", "reset", "--person", "ann")
	b.open(h.WebURL + "/account")
	b.until(`location.pathname === '/sign-in'`)
	b.open(link)
	b.until(`location.pathname === '/account'`)
	b.lose(laptop)
	b.device()
	b.register("new key")
	if list := h.root("passkeys", "list", "--person", "ann"); !strings.Contains(list, "new key") || strings.Contains(list, "laptop") {
		t.Errorf("after the reset: %s", list)
	}
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}

// agentSocket starts a real ssh-agent.
func agentSocket(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "agent")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			return socket
		}
	}
	t.Fatal("the ssh-agent does not listen")
	return ""
}

// login runs gatehouse login, confirms it in the browser, and goes through the door with what is in the agent then.
func (h *peopleHouse) login(b *browser) {
	h.t.Helper()
	socket := agentSocket(h.t)
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	known := filepath.Join(h.dir, "known_hosts")
	cmd := exec.CommandContext(ctx, h.binary, "login", "--server", h.WebURL, "--no-browser", "--known-hosts", known)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	var said bytes.Buffer
	code := ""
	lines := bufio.NewScanner(stderr)
	for code == "" && lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if m := regexp.MustCompile(`code ([A-Z-]{9})`).FindStringSubmatch(lines.Text()); m != nil {
			code = m[1]
		}
	}
	b.open(h.WebURL + "/device")
	b.do("type the code", chromedp.SendKeys(chromedp.CSS("#user_code"), strings.ToLower(strings.ReplaceAll(code, "-", " "))))
	b.click("main form button")
	b.says("Does your own terminal show this code now?")
	b.says(code)
	b.says("127.0.0.1")
	b.click("button[value=confirm]")
	b.says("Login confirmed")
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		h.t.Fatalf("login: %v\n%s", err, said.String())
	}
	h.noted(`"type":"issue","actor":"person:ann".*"by":"passkey"`)
	ssh := func(args ...string) (string, error) {
		host, port, _ := strings.Cut(h.SSHAddr, ":")
		cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", "none", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile=" + known, "-o", "HostKeyAlias=gatehouse",
			"-p", port, "-l", "deploy@web-1", host}, args...)...)
		cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := ssh("show"); err != nil {
		h.t.Fatalf("ssh with the agent's certificate: %v %s", err, out)
	}
	logout := exec.CommandContext(ctx, h.binary, "logout")
	logout.Env = cmd.Env
	if out, err := logout.CombinedOutput(); err != nil || !strings.Contains(string(out), "removed") {
		h.t.Errorf("logout: %v %s", err, out)
	}
	if out, err := ssh("show"); err == nil {
		h.t.Errorf("after logout: %s", out)
	}
}

// TestPeopleByIssuer: a real provider signs a person in, in a real browser; a sign-in with the passkey of nobody's account does not.
func TestPeopleByIssuer(t *testing.T) {
	h := newPeopleHouse(t)
	const client = "gatehouse-pages"
	login := testoidc.NewLogin(t, client, "s3cret", h.WebURL+"/sign-in/oidc/corp")
	secret := filepath.Join(supervisor.DeciderDir(h.Data), "oidc-secret-corp")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(secret, 61001, 61001); err != nil {
		t.Fatal(err)
	}
	use := func(subject string) {
		t.Helper()
		issuers := fmt.Sprintf("issuers: {corp: {url: %q, audience: %q, roots: %q}}", login.URL, client, login.RootPEM)
		if err := h.SetPolicy(fmt.Sprintf(peoplePolicy, issuers, ", oidc: {issuer: corp, subject: "+subject+"}")); err != nil {
			t.Fatal(err)
		}
		h.root("reload")
	}
	use("somebody-else")
	b := newBrowser(t, keyOf(t, login.ServerPEM()))
	begin := func() {
		t.Helper()
		b.open(h.WebURL + "/sign-in")
		b.click(`form[action="/sign-in/oidc/corp"] button`)
	}
	begin()
	b.until(`location.href.startsWith(` + quoteJS(login.URL) + `) && document.querySelector('#password') !== null`)
	b.do("sign in at the issuer", chromedp.SendKeys(chromedp.CSS("#username"), testoidc.User), chromedp.SendKeys(chromedp.CSS("#password"), testoidc.Password), chromedp.Click(chromedp.CSS("button")))
	b.says("is nobody's in the policy")
	h.noted(`"type":"sign_in".*"outcome":"deny".*"by":"oidc:corp"`)
	use(testoidc.Subject)
	begin()
	b.until(`document.querySelector('#password') !== null`)
	b.do("sign in at the issuer", chromedp.SendKeys(chromedp.CSS("#username"), testoidc.User), chromedp.SendKeys(chromedp.CSS("#password"), testoidc.Password), chromedp.Click(chromedp.CSS("button")))
	b.until(`location.pathname === '/' && document.querySelector('.who')?.innerText === 'ann'`)
	h.noted(`"type":"sign_in","actor":"person:ann".*"by":"oidc:corp"`)
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}
