package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
)

// hostile is an alert whose every text wants to be something else.
var hostile = Alert{ID: "alt_01JDABCDEFGHJKMNPQRSTVWXYZ", Kind: "lock", Severity: Warning, Subject: "x\r\nBcc: all@example.com", Path: "/requests/ar_1|<!channel>", Runbook: "#r", Time: noon, Seq: 4,
	Title: "<!channel> *bold* _it_ <https://evil.test|click> @here &amp; ü\r\nBcc: all@example.com\r\n\r\nbody", Text: "`code` ~gone~ <@U123>\r\n.\r\nMAIL FROM:<x>"}

// TestSlackIsEscaped: no mention, link or format of the text's own, and the secret address is used but never said.
func TestSlackIsEscaped(t *testing.T) {
	b := newBench(t)
	hook := testsink.NewHook(t, b.dir)
	address := hook.URL() + "/services/T0/B0/secret"
	c := config.AlertChannel{Name: "chat", Kind: config.AlertSlack, URL: hook.URL(), SecretFile: b.secretFile("slack", address), CA: b.path("ca.pem"), MinSeverity: "info", PerHour: 10, Runbooks: "docs/alerts.md"}
	hook.Check = func(r *http.Request, _ []byte) error {
		if r.URL.Path != "/services/T0/B0/secret" {
			t.Errorf("posted to %s", r.URL.Path)
		}
		return nil
	}
	n := b.open(c)
	defer n.Close()
	b.must(n.workers[0].to.send(t.Context(), hostile))
	posts, _ := hook.Got()
	var m struct {
		Text   string
		Blocks []struct {
			Text     *struct{ Text string }
			Elements []struct{ Text string }
		}
	}
	b.must(json.Unmarshal(posts[0].Body, &m))
	all := m.Text + m.Blocks[0].Text.Text
	for _, bad := range []string{"<", ">", "*bold*", "_it_", "~gone~", "`code`", "@here", "@U"} {
		if strings.Contains(all, bad) {
			t.Errorf("%q is in %q", bad, all)
		}
	}
	if foot := m.Blocks[1].Elements[0].Text; strings.Count(foot, "<") != 1 || strings.Count(foot, "|") != 1 || !strings.Contains(foot, "<https://gate.test/requests/") {
		t.Errorf("foot %q", foot)
	}
	// Another host, or plain HTTP, is refused before anything is dialled.
	for _, other := range []string{"https://evil.test/services/x", "http" + strings.TrimPrefix(address, "https"), "https://user@" + strings.TrimPrefix(address, "https://"), "not an address", ""} {
		b.secretFile("slack", other)
		b.dials = nil
		err := n.workers[0].to.send(t.Context(), hostile)
		if err == nil || len(b.dials) > 0 || other != "" && strings.Contains(err.Error(), other) {
			t.Errorf("%q: %v, dialled %q", other, err, b.dials)
		}
	}
}

// TestSecretFilesAreClosed: a secret that everybody can read is not used.
func TestSecretFilesAreClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecret(path); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Error(err)
	}
}

// TestNobodyElseIsBelieved: a receiver with a certificate of somebody else's gets nothing.
func TestNobodyElseIsBelieved(t *testing.T) {
	b := newBench(t)
	other := t.TempDir()
	hook := testsink.NewHook(t, other)
	testsink.NewHook(t, b.dir) // whose CA we trust
	n := b.open(b.hook("ops", hook.URL(), b.path("ca.pem")))
	defer n.Close()
	if err := n.workers[0].to.send(t.Context(), hostile); err == nil {
		t.Error("it was sent")
	}
	if err := n.workers[0].to.probe(t.Context()); err == nil {
		t.Error("it was found well")
	}
	if posts, tries := hook.Got(); len(posts)+tries > 0 {
		t.Error("something arrived")
	}
}

// TestReaches: exactly the channels' addresses.
func TestReaches(t *testing.T) {
	b := newBench(t)
	n := b.open(b.hook("a", "https://alerts.test", ""), b.hook("b", "https://other.test:8443", ""),
		config.AlertChannel{Name: "m", Kind: config.AlertEmail, Server: "mail.test:587", Security: config.EmailSTARTTLS, MinSeverity: "info", PerHour: 1})
	defer n.Close()
	for address, want := range map[string]bool{"alerts.test:443": true, "other.test:8443": true, "mail.test:587": true, "alerts.test:80": false, "alerts.test:8443": false, "evil.test:443": false,
		"ALERTS.test:443": false, "alerts.test.:443": false} {
		host, port, _ := net.SplitHostPort(address)
		if got := n.Reaches(host, map[string]uint16{"443": 443, "8443": 8443, "587": 587, "80": 80}[port]); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestEmail: through a mail server with STARTTLS or implicit TLS, signed in, one message whose every header is ours.
func TestEmail(t *testing.T) {
	for _, security := range []string{config.EmailSTARTTLS, config.EmailTLS} {
		t.Run(security, func(t *testing.T) {
			b := newBench(t)
			server := newMailServer(t, b.dir, security)
			c := config.AlertChannel{Name: "mail", Kind: config.AlertEmail, Server: server.addr, Security: security, From: "gatehouse@example.com", To: []string{"ops@example.com", "night@example.com"}, User: "gate",
				SecretFile: b.secretFile("password", "hunter2"), CA: b.path("ca.pem"), MinSeverity: "info", PerHour: 10, Runbooks: "docs/alerts.md"}
			n := b.open(c)
			defer n.Close()
			b.must(n.workers[0].to.probe(t.Context()))
			b.must(n.workers[0].to.send(t.Context(), hostile))
			got := server.messages()
			if len(got) != 1 {
				t.Fatalf("%d messages", len(got))
			}
			checkMail(t, got[0])
			if strings.Contains(server.clear(), "hunter2") || strings.Contains(server.clear(), "MAIL") {
				t.Errorf("in the clear: %s", server.clear())
			}
			b.secretFile("password", "wrong")
			if err := n.workers[0].to.send(t.Context(), hostile); err == nil || strings.Contains(err.Error(), "wrong") {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}

func checkMail(t *testing.T, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"From": true, "To": true, "Subject": true, "Date": true, "Message-Id": true, "Auto-Submitted": true, "X-Gatehouse-Kind": true, "Mime-Version": true, "Content-Type": true, "Content-Transfer-Encoding": true}
	for name, values := range m.Header {
		if !want[name] || len(values) != 1 {
			t.Errorf("header %s: %q", name, values)
		}
	}
	if got := m.Header.Get("Message-ID"); got != "<"+hostile.ID+"@example.com>" {
		t.Error(got)
	}
	var decoder mime.WordDecoder
	if subject, err := decoder.DecodeHeader(m.Header.Get("Subject")); err != nil || !strings.Contains(subject, "ü") || !strings.HasPrefix(subject, "[Gatehouse warning]") {
		t.Errorf("%q, %v", subject, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 {
		t.Errorf("%v, %v", to, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil || !strings.Contains(string(body), "it approves nothing by itself") || !strings.Contains(string(body), "MAIL FROM:<x>") {
		t.Errorf("%q, %v", body, err)
	}
	for _, l := range strings.Split(text, "\r\n") {
		if len(l) > 998 {
			t.Errorf("a line of %d bytes", len(l))
		}
	}
}

// TestEmailIsNotSentInTheClear: a server, or somebody in between, that offers no STARTTLS gets nothing.
func TestEmailIsNotSentInTheClear(t *testing.T) {
	b := newBench(t)
	server := newMailServer(t, b.dir, "none")
	c := config.AlertChannel{Name: "mail", Kind: config.AlertEmail, Server: server.addr, Security: config.EmailSTARTTLS, From: "g@example.com", To: []string{"o@example.com"}, CA: b.path("ca.pem"), MinSeverity: "info", PerHour: 10}
	n := b.open(c)
	defer n.Close()
	if err := n.workers[0].to.send(t.Context(), hostile); err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(server.messages()) > 0 {
		t.Error(err)
	}
}

// TestAServerThatSaysTooMuch, or nothing, ends a try and nothing else.
func TestAServerThatSaysTooMuch(t *testing.T) {
	b := newBench(t)
	for name, talk := range map[string]func(net.Conn){
		"endless": func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "220-"+strings.Repeat("x", 4000)+"\r\n"); err != nil {
					return
				}
			}
		},
		"silent": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		b.must(err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if c, err := l.Accept(); err == nil {
				talk(c)
				_ = c.Close()
			}
		}()
		c := config.AlertChannel{Name: name, Kind: config.AlertEmail, Server: l.Addr().String(), Security: config.EmailSTARTTLS, From: "g@example.com", To: []string{"o@example.com"}, MinSeverity: "info", PerHour: 10}
		n := b.open(c)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := n.workers[0].to.send(ctx, hostile); err == nil {
			t.Errorf("%s: it was sent", name)
		}
		cancel()
		b.must(n.Close())
		_ = l.Close()
		<-done
	}
}

// mailServer is a small SMTP server over real sockets and TLS (RFC 5321, 3207, 4954).
type mailServer struct {
	addr string
	tls  *tls.Config
	mode string

	mu    sync.Mutex
	mails []string
	plain strings.Builder
}

func newMailServer(t *testing.T, dir, mode string) *mailServer {
	t.Helper()
	testsink.NewHook(t, dir) // for its certificate
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{addr: l.Addr().String(), tls: &tls.Config{Certificates: []tls.Certificate{pair}}, mode: mode}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { defer c.Close(); m.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); work.Wait() })
	return m
}

func (m *mailServer) messages() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mails...)
}

func (m *mailServer) clear() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plain.String()
}

func (m *mailServer) serve(c net.Conn) {
	secure := m.mode == config.EmailTLS
	if secure {
		c = tls.Server(c, m.tls)
	}
	r := bufio.NewReader(c)
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	say("220 mail.test")
	for {
		l, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if !secure {
			m.mu.Lock()
			m.plain.WriteString(l)
			m.mu.Unlock()
		}
		switch verb := strings.ToUpper(strings.Fields(l + " x")[0]); verb {
		case "EHLO":
			if m.mode == config.EmailSTARTTLS && !secure {
				say("250-mail.test\r\n250 STARTTLS")
			} else {
				say("250-mail.test\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go")
			c, secure = tls.Server(c, m.tls), true
			r = bufio.NewReader(c)
		case "AUTH":
			if !strings.Contains(l, "AGdhdGUAaHVudGVyMg==") {
				say("535 no")
				continue
			}
			say("235 welcome")
		case "DATA":
			say("354 go")
			m.take(r)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *mailServer) take(r *bufio.Reader) {
	var b strings.Builder
	for {
		l, err := r.ReadString('\n')
		if err != nil || l == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(l, "."))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, b.String())
}
