package decider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// Bounds of links and sign-ins.
const (
	linkTTL     = 10 * time.Minute
	idleTTL     = 30 * time.Minute
	absoluteTTL = 12 * time.Hour
	maxSignIns  = 10_000
)

// signIns holds one-time links and browser sign-ins by the SHA-256 of their secrets. It lives in memory: a restart signs
// everybody out.
type signIns struct {
	now func() time.Time

	mu      sync.Mutex
	links   map[[32]byte]signIn
	cookies map[[32]byte]signIn
}

type signIn struct {
	person  string
	expires time.Time // absolute
	seen    time.Time
}

func newSignIns(now func() time.Time) *signIns {
	return &signIns{now: now, links: map[[32]byte]signIn{}, cookies: map[[32]byte]signIn{}}
}

// mint returns a one-time secret for a person; false when there are too many.
func (s *signIns) mint(person string) (string, time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	if len(s.links) >= maxSignIns {
		return "", time.Time{}, false
	}
	secret := newSecret()
	expires := s.now().Add(linkTTL)
	s.links[sha256.Sum256([]byte(secret))] = signIn{person: person, expires: expires}
	return secret, expires, true
}

// redeem uses a link up and returns a cookie.
func (s *signIns) redeem(secret string) (cookie, person string, expires time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	key := sha256.Sum256([]byte(secret))
	link, ok := s.links[key]
	delete(s.links, key)
	if !ok || len(s.cookies) >= maxSignIns {
		return "", "", time.Time{}, false
	}
	cookie = newSecret()
	in := signIn{person: link.person, expires: s.now().Add(absoluteTTL), seen: s.now()}
	s.cookies[sha256.Sum256([]byte(cookie))] = in
	return cookie, in.person, in.expires, true
}

// person returns whose cookie it is, and counts as activity.
func (s *signIns) person(cookie string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	key := sha256.Sum256([]byte(cookie))
	in, ok := s.cookies[key]
	if !ok {
		return "", false
	}
	in.seen = s.now()
	s.cookies[key] = in
	return in.person, true
}

func (s *signIns) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cookies, sha256.Sum256([]byte(cookie)))
}

// prune drops what is over. Called with mu held.
func (s *signIns) prune() {
	now := s.now()
	for k, l := range s.links {
		if now.After(l.expires) {
			delete(s.links, k)
		}
	}
	for k, c := range s.cookies {
		if now.After(c.expires) || now.After(c.seen.Add(idleTTL)) {
			delete(s.cookies, k)
		}
	}
}

func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// mintLink makes a sign-in link for the person behind a connection.
func (d *Decider) mintLink(ctx context.Context, in protocol.MintLink) (protocol.Link, error) {
	who, _, err := d.actor(in.Who)
	if err != nil {
		return protocol.Link{}, err
	}
	if who.Kind != policy.Person {
		return protocol.Link{}, refuse("the browser is for people; %s is an agent", who.Principal())
	}
	return d.link(ctx, who.Name, who.Principal())
}

// setupLink makes a sign-in link for any person of the policy, at the word of root on this machine.
func (d *Decider) setupLink(ctx context.Context, in protocol.SetupLink) (protocol.Link, error) {
	who, known := d.currentPolicy().Identity(policy.Person, in.Person, "")
	if !known {
		return protocol.Link{}, refuse("the policy does not know person:%s", in.Person)
	}
	return d.link(ctx, who.Name, "local:"+in.By)
}

func (d *Decider) link(ctx context.Context, person, by string) (protocol.Link, error) {
	if d.cfg.WebURL == "" {
		return protocol.Link{}, refuse("the browser pages are off: set web.listen and web.url")
	}
	if why := d.personRevoked(person); why != "" {
		return protocol.Link{}, refuse("%s", why)
	}
	secret, expires, ok := d.signIns.mint(person)
	if !ok {
		return protocol.Link{}, refuse("too many sign-in links are open")
	}
	err := d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: by, Object: "person:" + person, Outcome: "link", Data: data(map[string]any{"expires": expires})})
	if err != nil {
		return protocol.Link{}, err
	}
	return protocol.Link{URL: strings.TrimSuffix(d.cfg.WebURL, "/") + "/sign-in#" + secret, Person: person, Expires: expires}, nil
}

// redeem turns a one-time secret into a sign-in.
func (d *Decider) redeem(ctx context.Context, in protocol.Redeem) (protocol.SignedIn, error) {
	cookie, person, expires, ok := d.signIns.redeem(in.Token)
	entry := audit.Entry{Type: audit.SignIn, Object: "person:" + person, Actor: "person:" + person, Outcome: "allow"}
	if !ok {
		entry.Object, entry.Actor, entry.Outcome, entry.Reason = "", "", "deny", "unknown, used or expired link"
	}
	if err := d.append(ctx, entry); err != nil {
		return protocol.SignedIn{}, err
	}
	if !ok {
		return protocol.SignedIn{}, refuse("this link was used before, or has expired; ask for a new one")
	}
	return protocol.SignedIn{Cookie: cookie, Person: person, Expires: expires}, nil
}

// signOut ends a sign-in.
func (d *Decider) signOut(ctx context.Context, in protocol.SignOut) (protocol.Empty, error) {
	person, ok := d.signIns.person(in.Cookie)
	if !ok {
		return protocol.Empty{}, nil
	}
	d.signIns.end(in.Cookie)
	return protocol.Empty{}, d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: "person:" + person, Outcome: "sign-out"})
}
