package decider

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// Bounds of links and sign-ins.
const (
	linkTTL     = 10 * time.Minute
	idleTTL     = 30 * time.Minute
	absoluteTTL = 12 * time.Hour
	maxSignIns  = 10_000

	// Of one person, who so fills nobody else's places. At the bound the one that was not used for the longest time goes.
	maxLinksEach   = 20
	maxSignInsEach = 100
)

// How a browser was signed in; by an issuer it is "oidc:NAME".
const (
	byLink    = "link"  // the web-login verb of a connection
	bySetup   = "setup" // a link that root made on this machine
	byPasskey = "passkey"
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
	by      string
	passkey string // the id of the passkey that it was made with
	source  string // the browser's address

	account string         // by an issuer: the subject that it named
	proven  string         // by a link from ssh: how the certificate's holder had proven who they are
	from    revoke.Subject // by a link from ssh: the certificate

	started time.Time
	expires time.Time // absolute
	seen    time.Time
	wrong   int // codes of devices that were not there
}

func newSignIns(now func() time.Time) *signIns {
	return &signIns{now: now, links: map[[32]byte]signIn{}, cookies: map[[32]byte]signIn{}}
}

// mint returns a one-time secret for a link; false when there are too many. A set-up link voids the older links of its person.
func (s *signIns) mint(link signIn) (string, time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	if link.by == bySetup {
		maps.DeleteFunc(s.links, func(_ [32]byte, l signIn) bool { return l.person == link.person })
	}
	leaveRoom(s.links, link.person, maxLinksEach)
	if len(s.links) >= maxSignIns {
		return "", time.Time{}, false
	}
	secret := newSecret()
	link.expires = s.now().Add(linkTTL)
	s.links[sha256.Sum256([]byte(secret))] = link
	return secret, link.expires, true
}

// leaveRoom drops what of a person's was not used for the longest time, so that there is room for one more.
func leaveRoom(all map[[32]byte]signIn, person string, bound int) {
	var oldest [32]byte
	n := 0
	for key, in := range all {
		if in.person != person {
			continue
		}
		if o := all[oldest]; n == 0 || in.seen.Before(o.seen) || in.seen.Equal(o.seen) && in.expires.Before(o.expires) {
			oldest = key
		}
		n++
	}
	if n >= bound {
		delete(all, oldest)
	}
}

// redeem uses a link up.
func (s *signIns) redeem(secret string) (link signIn, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	key := sha256.Sum256([]byte(secret))
	link, ok = s.links[key]
	delete(s.links, key)
	return link, ok
}

// open keeps a new sign-in and returns its cookie; false when there are too many.
func (s *signIns) open(in signIn) (cookie string, expires time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	leaveRoom(s.cookies, in.person, maxSignInsEach)
	if len(s.cookies) >= maxSignIns {
		return "", time.Time{}, false
	}
	cookie = newSecret()
	in.started, in.seen, in.expires = s.now(), s.now(), s.now().Add(absoluteTTL)
	s.cookies[sha256.Sum256([]byte(cookie))] = in
	return cookie, in.expires, true
}

// find returns the sign-in of a cookie, and counts as activity.
func (s *signIns) find(cookie string) (signIn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	key := sha256.Sum256([]byte(cookie))
	in, ok := s.cookies[key]
	if !ok {
		return signIn{}, false
	}
	in.seen = s.now()
	s.cookies[key] = in
	return in, true
}

// end ends the sign-ins that which picks, and returns the hashes of their cookies.
func (s *signIns) end(which func(key [32]byte, in signIn) bool) (ended [][32]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.cookies, func(key [32]byte, in signIn) bool {
		if !which(key, in) {
			return false
		}
		ended = append(ended, key)
		return true
	})
	return ended
}

// void drops the links of a person.
func (s *signIns) void(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.links, func(_ [32]byte, l signIn) bool { return l.person == person })
}

// prune drops what is over. Called with mu held.
func (s *signIns) prune() {
	now := s.now()
	maps.DeleteFunc(s.links, func(_ [32]byte, l signIn) bool { return now.After(l.expires) })
	maps.DeleteFunc(s.cookies, func(_ [32]byte, c signIn) bool { return now.After(c.expires) || now.After(c.seen.Add(idleTTL)) })
}

func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// mintLink makes a sign-in link for the person behind a connection. It lasts as long as its certificate is good, and so does what
// comes of it. A sign-in makes none: it would have no end.
func (d *Decider) mintLink(ctx context.Context, in protocol.MintLink) (protocol.Link, error) {
	if in.Who.SignIn != "" {
		return protocol.Link{}, invalid("a sign-in link needs a connection")
	}
	c, who, err := d.connected(in.Who.Connection)
	if err != nil {
		return protocol.Link{}, err
	}
	if who.Kind != policy.Person {
		return protocol.Link{}, refuse("the browser is for people; %s is an agent", who.Principal())
	}
	return d.link(ctx, signIn{person: who.Name, by: byLink, proven: c.grant.By, from: c.subject(who.Owner)}, who.Principal())
}

// setupLink makes a sign-in link for any person of the policy, at the word of root on this machine. It voids the links of that
// person that are still open.
func (d *Decider) setupLink(ctx context.Context, in protocol.SetupLink) (protocol.Link, error) {
	if why := d.currentPolicy().Standing(policy.Person, in.Person); why != "" {
		return protocol.Link{}, refuse("%s", why)
	}
	return d.link(ctx, signIn{person: in.Person, by: bySetup}, "local:"+in.By)
}

func (d *Decider) link(ctx context.Context, link signIn, actor string) (protocol.Link, error) {
	if d.cfg.WebURL == "" {
		return protocol.Link{}, refuse("the browser pages are off: set web.listen and web.url")
	}
	if why := d.personRevoked(link.person); why != "" {
		return protocol.Link{}, refuse("%s", why)
	}
	secret, expires, ok := d.signIns.mint(link)
	if !ok {
		return protocol.Link{}, refuse("too many sign-in links are open")
	}
	err := d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: actor, Object: "person:" + link.person, Outcome: "link", Data: data(map[string]any{"by": link.by, "expires": expires})})
	if err != nil {
		return protocol.Link{}, err
	}
	return protocol.Link{URL: strings.TrimSuffix(d.cfg.WebURL, "/") + "/sign-in#" + secret, Person: link.person, Expires: expires}, nil
}

// redeem turns a one-time secret into a sign-in.
func (d *Decider) redeem(ctx context.Context, in protocol.Redeem) (account.SignedIn, error) {
	link, ok := d.signIns.redeem(in.Token)
	if !ok {
		return account.SignedIn{}, d.noSignIn(ctx, signIn{by: byLink, source: in.Source}, refuse("this link was used before, or has expired; ask for a new one"))
	}
	link.source = in.Source
	return d.signIn(ctx, link, nil)
}

// signIn makes a sign-in for somebody who has proven to be that person: policy, then the log, then the cookie.
func (d *Decider) signIn(ctx context.Context, in signIn, detail map[string]any) (account.SignedIn, error) {
	if why := d.signInObjection(d.currentPolicy(), in); why != "" {
		return account.SignedIn{}, d.noSignIn(ctx, in, refuse("%s", why))
	}
	details := map[string]any{"by": in.by, "source": cut(in.source, maxID)}
	maps.Copy(details, detail)
	err := d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: "person:" + in.person, Object: "person:" + in.person, Outcome: "allow", Policy: d.PolicyHash(), Data: data(details)})
	if err != nil {
		return account.SignedIn{}, err
	}
	cookie, expires, ok := d.signIns.open(in)
	if !ok {
		return account.SignedIn{}, refuse("too many people are signed in; try again in a while")
	}
	return account.SignedIn{Cookie: cookie, Person: in.person, Expires: expires, Setup: in.by == bySetup}, nil
}

// noSignIn notes a sign-in that was refused, and returns why; a person that is named in it was not proven.
func (d *Decider) noSignIn(ctx context.Context, in signIn, why error) error {
	entry := audit.Entry{Type: audit.SignIn, Outcome: "deny", Reason: cut(why.Error(), maxText), Data: data(map[string]any{"by": in.by, "source": cut(in.source, maxID)})}
	if in.person != "" {
		entry.Object = "person:" + in.person
	}
	return cmp.Or(d.append(ctx, entry), why)
}

// signOut ends a sign-in.
func (d *Decider) signOut(ctx context.Context, in protocol.SignOut) (protocol.Empty, error) {
	found, ok := d.signIns.find(in.Cookie)
	if !ok {
		return protocol.Empty{}, nil
	}
	mine := sha256.Sum256([]byte(in.Cookie))
	d.signOutWhere(func(key [32]byte, _ signIn) bool { return key == mine })
	return protocol.Empty{}, d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: "person:" + found.person, Outcome: "sign-out"})
}
