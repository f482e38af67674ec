package console

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// Recordings is the recorder as the console sees it: a *recorder.Recorder.
type Recordings interface {
	// Read opens what was recorded of a session, live, closed or torn; fs.ErrNotExist when there is none. The caller closes it.
	// Safe for concurrent use.
	Read(session string) (*recorder.Reader, error)
	// Follow yields everything from the start, then live until the recording is closed or ctx ends. Safe for concurrent use.
	Follow(ctx context.Context, session string) iter.Seq2[recorder.Event, error]
	// Raw opens a recording as it lies, which needs no key; fs.ErrNotExist when there is none. The caller closes it. Safe for
	// concurrent use.
	Raw(session string) (*recorder.Raw, error)
}

var _ Recordings = (*recorder.Recorder)(nil)

// Links is the decider as the verb web-login sees it.
type Links interface {
	// MintLink makes a one-time sign-in link for the credential's own person: the address of the sign-in page with the token in
	// the fragment, which browsers do not send. The audit entry is durable when it returns. Safe for concurrent use.
	MintLink(ctx context.Context, who Credential) (url string, expires time.Time, err error)
}

// Config says what a Console works with. Every field is required but Pause, Access, Alerts, Budgets, WatchRequest, Indexes, Secrets, Search, Keep, Storage and Now.
type Config struct {
	Sessions   store.Sessions
	Recordings Recordings
	Authorize  Authorizer
	Kill       Killer
	Links      Links
	Revoke     Revoker
	Offers     Offerer
	Unseal     Unsealer
	Pause      Pauser                  // nil: nothing can be paused
	Access     Access                  // nil: nothing can be asked for, approved or locked
	Alerts     Alerter                 // nil: nobody is told of anything
	Budgets    Budgeter                // nil: nothing is counted
	Secrets    *secret.Detector        // nil: one that knows no values of Gatehouse's own
	Indexes    Indexes                 // nil: recordings are prepared when they are looked at
	Search     Searcher                // nil where there is none: then nothing is found, and the answer says so
	Keep       Keeper                  // nil: nothing is held, and nothing removed
	Storage    func() (Storage, error) // how much room there is for recordings; nil: not known
	Now        func() time.Time        // nil means time.Now

	// WatchRequest returns a channel that has something in it whenever the request may have changed since the call; stop gives it back.
	// nil: requests that are waited for are looked at every few seconds.
	WatchRequest func(request string) (changed <-chan struct{}, stop func())
}

// Validate says what is missing.
func (c Config) Validate() error {
	for _, need := range []struct {
		name string
		has  bool
	}{
		{"Sessions", c.Sessions != nil}, {"Recordings", c.Recordings != nil}, {"Authorize", c.Authorize != nil},
		{"Kill", c.Kill != nil}, {"Links", c.Links != nil}, {"Revoke", c.Revoke != nil}, {"Offers", c.Offers != nil}, {"Unseal", c.Unseal != nil},
	} {
		if !need.has {
			return fmt.Errorf("console: %s is missing", need.name)
		}
	}
	return nil
}

// Console runs the verbs. It holds no state of its own and is safe for concurrent use.
type Console struct {
	cfg    Config
	reason string // why secrets are shown; empty: they are masked
}

// New returns a Console.
func New(cfg Config) (*Console, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Secrets == nil {
		var err error
		if cfg.Secrets, err = secret.New(secret.Config{}); err != nil {
			return nil, err
		}
	}
	return &Console{cfg: cfg}, nil
}

const (
	idPrefix = "ses_"
	ulidLen  = 26
)

// session authorises verb on the session that id names and returns it. A name that fits nothing is authorised all the same,
// as it was written, so that someone without the right learns nothing about which sessions exist.
func (c *Console) session(ctx context.Context, who Credential, verb Verb, id, reason string) (Actor, store.Session, error) {
	id, ok := normalID(id)
	found, err := store.Session{}, fmt.Errorf("session %q: %w", id, store.ErrNotFound)
	if ok {
		found, err = c.cfg.Sessions.Get(ctx, id)
	}
	object := id
	if err == nil {
		object = found.ID
	}
	by, authErr := c.cfg.Authorize.Authorize(ctx, who, verb, object, reason)
	if authErr != nil {
		return Actor{}, store.Session{}, authErr
	}
	if err != nil {
		return by, store.Session{}, err
	}
	return c.mayUnmask(ctx, who, by, found)
}

// normalID accepts an id or the beginning of one, in either case and without its type prefix. What could not be an id comes
// back cut to a length that an audit entry can carry, and false.
func normalID(id string) (string, bool) {
	rest := strings.ToUpper(strings.TrimPrefix(strings.ToLower(id), idPrefix))
	if len(rest) == 0 || len(rest) > ulidLen || strings.Trim(rest, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		return Visible(id[:min(len(id), len(idPrefix)+ulidLen)]), false
	}
	return idPrefix + rest, true
}

// ShortID returns the shortest beginning of a session's id that is at least a ULID's time and names no other session.
func (c *Console) ShortID(ctx context.Context, id string) string {
	const step, start = 2, len(idPrefix) + 10
	for n := start; n < len(id); n += step {
		if _, err := c.cfg.Sessions.Get(ctx, id[:n]); !errors.Is(err, store.ErrAmbiguous) {
			return id[:n]
		}
	}
	return id
}
