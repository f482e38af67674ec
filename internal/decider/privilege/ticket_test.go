package privilege

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
)

const ticketSecret = "0123456789abcdef"

func signTicket(secret, at, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "." + body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// TestTickets: only what is signed with the secret, over exactly this body and time, now, is believed, and once.
func TestTickets(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	tickets := NewTickets([]byte(ticketSecret), func() time.Time { return now })
	const body = `{"ticket":"T-1","state":"closed"}`
	at := strconv.FormatInt(now.Unix(), 10)
	good := signTicket(ticketSecret, at, body)
	for name, c := range map[string]struct{ body, signature, at string }{
		"another body":      {`{"ticket":"T-2","state":"closed"}`, good, at},
		"another time":      {body, good, strconv.FormatInt(now.Unix()+1, 10)},
		"another secret":    {body, signTicket("0123456789abcdeg", at, body), at},
		"no signature":      {body, "", at},
		"half of one":       {body, good[:len(good)-2], at},
		"no hexadecimal":    {body, "sha256=zz", at},
		"the empty key":     {body, signTicket("", at, body), at},
		"an old time":       {body, signTicket(ticketSecret, "1799999699", body), "1799999699"},
		"a later time":      {body, signTicket(ticketSecret, "1800000301", body), "1800000301"},
		"no time":           {body, signTicket(ticketSecret, "", body), ""},
		"a time in words":   {body, signTicket(ticketSecret, "now", body), "now"},
		"a negative time":   {body, signTicket(ticketSecret, "-1", body), "-1"},
		"no JSON":           {"T-1", signTicket(ticketSecret, at, "T-1"), at},
		"no ticket":         {"{}", signTicket(ticketSecret, at, "{}"), at},
		"a ticket too long": {`{"ticket":"` + strings.Repeat("x", maxTicket+1) + `"}`, signTicket(ticketSecret, at, `{"ticket":"`+strings.Repeat("x", maxTicket+1)+`"}`), at},
	} {
		if got, err := tickets.Closed([]byte(c.body), c.signature, c.at); err == nil {
			t.Errorf("%s: %q is believed", name, got)
		}
	}
	if got, err := tickets.Closed([]byte(body), good, at); got != "T-1" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := tickets.Closed([]byte(body), good, at); !errors.Is(err, ErrHeard) {
		t.Errorf("a second time: %v", err)
	}
	now = now.Add(ticketWindow + time.Second)
	if _, err := tickets.Closed([]byte(body), good, at); !errors.Is(err, ErrTicket) {
		t.Errorf("long afterwards: %v", err)
	}
	if _, err := NewTickets(nil, time.Now).Closed([]byte(body), signTicket("", at, body), at); !errors.Is(err, ErrNoTickets) {
		t.Errorf("without a secret: %v", err)
	}
}
