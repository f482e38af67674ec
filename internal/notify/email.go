package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"strings"
	"time"

	"gatehouse/internal/config"
)

// email hands messages to a mail server, over TLS or not at all.
type email struct {
	cfg config.AlertChannel
	dialer
	webURL, node string
	now          func() time.Time
}

var _ channel = (*email)(nil)

// message is an alert as RFC 5322 has it. No value of an alert can end a header or begin another: line breaks are not in it, and what is
// not plain ASCII is encoded.
func (m *email) message(a Alert) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, oneLine(value)) }
	header("From", "Gatehouse <"+m.cfg.From+">")
	header("To", strings.Join(m.cfg.To, ",\r\n "))
	header("Subject", fold(mime.QEncoding.Encode("utf-8", fmt.Sprintf("[Gatehouse %s] %s", a.Severity, a.Title))))
	header("Date", a.Time.UTC().Format(time.RFC1123Z))
	header("Message-ID", "<"+a.ID+"@"+m.domain()+">")
	header("Auto-Submitted", "auto-generated")
	header("X-Gatehouse-Kind", a.Kind)
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = io.WriteString(q, m.body(a)) // into memory
	_ = q.Close()
	return b.Bytes()
}

// body is the message's text.
func (m *email) body(a Alert) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n\r\n%s\r\n\r\n", a.Title, a.Text)
	if link := a.Link(m.webURL); link != "" {
		fmt.Fprintf(&b, "Page:     %s (it shows; it approves nothing by itself)\r\n", link)
	}
	fmt.Fprintf(&b, "Runbook:  %s\r\nSubject:  %s\r\nAlert:    %s, %s, of %s\r\n", m.cfg.Runbooks+a.Runbook, a.Subject, a.ID, a.Kind, a.Time.UTC().Format(time.RFC3339))
	if a.Seq >= 0 {
		fmt.Fprintf(&b, "Entry:    %d of the audit log of %s\r\n", a.Seq, m.node)
	}
	return b.String()
}

// oneLine takes everything out of a header's value that could end it, but for our own folding.
func oneLine(value string) string {
	var lines []string
	for _, part := range strings.Split(value, "\r\n ") {
		lines = append(lines, strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, part))
	}
	return strings.Join(lines, "\r\n ")
}

// fold breaks the encoded words of a long header into lines, as mime leaves them on one.
func fold(value string) string { return strings.ReplaceAll(value, "?= =?", "?=\r\n =?") }

// domain is the right side of the message's id.
func (m *email) domain() string { return m.cfg.From[strings.LastIndexByte(m.cfg.From, '@')+1:] }

func (m *email) send(ctx context.Context, a Alert) error {
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail(m.cfg.From); err != nil {
		return err
	}
	for _, to := range m.cfg.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.message(a)); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server's word that it has it
		return err
	}
	_ = c.Quit() // it has it, whatever it says now
	return nil
}

func (m *email) probe(ctx context.Context) error {
	c, err := m.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(c.Noop(), c.Quit())
}

// open connects, begins TLS and signs in. Nothing is said in the clear but EHLO and STARTTLS.
func (m *email) open(ctx context.Context) (c *smtp.Client, err error) {
	trust, err := m.trust()
	if err != nil {
		return nil, err
	}
	conn, err := m.connect(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if err != nil {
			stop()
			_ = conn.Close()
		}
	}()
	if m.cfg.Security == config.EmailTLS {
		conn = tls.Client(conn, trust)
	}
	if c, err = smtp.NewClient(bounded(conn), m.host); err != nil {
		return nil, err
	}
	if err = c.Hello(m.domain()); err != nil {
		return nil, err
	}
	if m.cfg.Security == config.EmailSTARTTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return nil, errors.New("the mail server offers no STARTTLS, and nothing is sent in the clear")
		}
		if err = c.StartTLS(trust); err != nil {
			return nil, err
		}
	}
	return c, m.signIn(c)
}

func (m *email) signIn(c *smtp.Client) error {
	if m.cfg.User == "" {
		return nil
	}
	password, err := readSecret(m.cfg.SecretFile)
	if err != nil {
		return err
	}
	if err := c.Auth(auth{m.cfg.User, password}); err != nil {
		return errors.New("the mail server does not take user and password") // its answer may hold them
	}
	return nil
}

// auth is SASL PLAIN (RFC 4616). net/smtp's own refuses where it does not see the TLS itself; here there is always TLS.
type auth struct{ user, password string }

func (a auth) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + a.user + "\x00" + a.password), nil
}

func (a auth) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the mail server asks for more than PLAIN has")
	}
	return nil, nil
}

// maxSMTP bounds what a server says in one dialogue.
const maxSMTP = 256 << 10

// bounded ends a connection that says too much.
func bounded(c net.Conn) net.Conn { return &boundedConn{Conn: c, left: maxSMTP} }

type boundedConn struct {
	net.Conn
	left int
}

func (b *boundedConn) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the mail server says too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
