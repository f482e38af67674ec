package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with a profile of its own.
type browser struct {
	t     *testing.T
	ctx   context.Context
	mu    sync.Mutex
	lines []string
}

// newBrowser starts one. It trusts the certificates of trusted, PEM, by their keys and nothing else that the machine does not.
func newBrowser(t *testing.T, trusted ...string) *browser {
	t.Helper()
	b, err := startBrowser(t, trusted)
	if err != nil && strings.Contains(err.Error(), "chrome failed to start") { // it ends at once now and then, before it has done anything
		b, err = startBrowser(t, trusted)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func startBrowser(t *testing.T, trusted []string) (*browser, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-quic", true), chromedp.WindowSize(1280, 900))
	if len(trusted) > 0 {
		opts = append(opts, chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(trusted, ",")))
	}
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	limited, endLimit := context.WithTimeout(alloc, 5*time.Minute)
	ctx, end := chromedp.NewContext(limited)
	b := &browser{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		end()
		endLimit()
		endAlloc()
		return nil, err
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // closes the browser and waits for it
			t.Error(err)
		}
		end()
		endLimit()
		endAlloc()
	})
	return b, nil
}

// keyOf is the SHA-256 of a certificate's public key, as Chromium writes it.
func keyOf(t *testing.T, text []byte) string {
	t.Helper()
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hear keeps what the pages' policy forbids: our own pages must never run into it.
func (b *browser) hear(event any) {
	e, ok := event.(*log.EventEntryAdded)
	if !ok || !strings.Contains(e.Entry.Text, "Content Security Policy") {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, e.Entry.Text+" "+e.Entry.URL)
}

func (b *browser) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		b.t.Fatalf("%s: %v\n%s\n%.1500s", what, err, b.complaints(), text)
	}
}

// open goes to an address.
func (b *browser) open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
}

// click clicks on what a CSS selector finds.
func (b *browser) click(css string) {
	b.t.Helper()
	b.do("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// until waits until a JavaScript expression is true, over page loads too.
func (b *browser) until(expression string) {
	b.t.Helper()
	err := errors.New("never tried")
	for end := time.Now().Add(patience * 2); time.Now().Before(end); {
		if _, err = chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(time.Second))); err == nil {
			return
		}
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
	b.t.Fatalf("%s: %v\n%s\n%.1500s", expression, err, b.complaints(), text)
}

// says waits until the page says something.
func (b *browser) says(text string) {
	b.t.Helper()
	b.until("document.querySelector('main')?.innerText.includes(" + quoteJS(text) + ")")
}

func quoteJS(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

// device gives the browser an authenticator of its own, which verifies its user and keeps passkeys.
func (b *browser) device() webauthn.AuthenticatorID {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		b.t.Fatal(err)
	}
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
		IsUserVerified: true, AutomaticPresenceSimulation: true}})
	if err != nil {
		b.t.Fatal(err)
	}
	return made.AuthenticatorID
}

// lose takes an authenticator away.
func (b *browser) lose(id webauthn.AuthenticatorID) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: id}); err != nil {
		b.t.Fatal(err)
	}
}
