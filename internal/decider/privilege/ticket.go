package privilege

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The bounds of what a ticket system says.
const (
	ticketWindow = 5 * time.Minute // how far its clock may be off
	maxTicket    = 256             // bytes of a ticket's name
	maxHeard     = 10_000          // signatures that are remembered for the window; at the bound nothing is believed until some are over
)

// Tickets believes a ticket system that knows the secret. Safe for concurrent use.
type Tickets struct {
	secret []byte
	now    func() time.Time

	mu    sync.Mutex
	heard map[[sha256.Size]byte]time.Time // when what was signed ceases to be believed
}

// NewTickets believes whoever knows secret; without one nobody.
func NewTickets(secret []byte, now func() time.Time) *Tickets {
	return &Tickets{secret: secret, now: now, heard: map[[sha256.Size]byte]time.Time{}}
}

// Errors of what is not believed.
var (
	ErrNoTickets = errors.New("no ticket system is believed here: set tickets.secret_file")
	ErrTicket    = errors.New("the signature is not good, or the time is not now")
	ErrHeard     = errors.New("this was said before")
)

// Closed returns the ticket that was closed, if body is signed: signature is "sha256=" and the HMAC-SHA256 in hexadecimal of at, a dot
// and body; at is in seconds since 1970, within five minutes of now. Each is good once.
func (t *Tickets) Closed(body []byte, signature, at string) (ticket string, err error) {
	if len(t.secret) == 0 {
		return "", ErrNoTickets
	}
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	sum := [sha256.Size]byte(mac.Sum(nil))
	given, err := hex.DecodeString(strings.TrimPrefix(signature, "sha256="))
	if err != nil || subtle.ConstantTimeCompare(sum[:], given) != 1 {
		return "", ErrTicket
	}
	seconds, err := strconv.ParseInt(at, 10, 62)
	if err != nil {
		return "", ErrTicket
	}
	said, now := time.Unix(seconds, 0), t.now()
	if said.Before(now.Add(-ticketWindow)) || said.After(now.Add(ticketWindow)) {
		return "", ErrTicket
	}
	var closed struct {
		Ticket string `json:"ticket"`
	}
	if err := json.Unmarshal(body, &closed); err != nil || closed.Ticket == "" || len(closed.Ticket) > maxTicket {
		return "", errors.New(`the body is not {"ticket": "…"}`)
	}
	return closed.Ticket, t.once(sum, said.Add(ticketWindow), now)
}

// once notes what was said; ErrHeard if it was said before.
func (t *Tickets) once(sum [sha256.Size]byte, until, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.heard, func(_ [sha256.Size]byte, end time.Time) bool { return now.After(end) })
	if _, twice := t.heard[sum]; twice || len(t.heard) >= maxHeard {
		return ErrHeard
	}
	t.heard[sum] = until
	return nil
}
