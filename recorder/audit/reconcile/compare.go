package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says what is compared.
type Config struct {
	Target   string
	From, To time.Time     // of the target's log; zero: from its first and to its last login
	Skew     time.Duration // how far the clocks may be apart
}

// Difference is one thing that only one of the two knows, or that they tell differently.
type Difference struct {
	Time time.Time
	What string // one line; foreign text in it is quoted
}

// Result is what a comparison found.
type Result struct {
	From, To    time.Time // compared
	Logins      int       // of the target
	Issued      int       // certificates for it in that time
	Matched     int
	Differences []Difference
}

// Compare compares logins with certificates. Each login must have a certificate for this target and login, with the same key,
// key ID and serial, while it was valid, and each certificate lets in once.
func Compare(cfg Config, logins []Login, issued []Issued) Result {
	c := comparison{cfg: cfg, bySerial: map[string]Issued{}, used: map[string]Login{}, told: map[[2]string]bool{}}
	for _, i := range issued {
		c.bySerial[i.Serial] = i
	}
	c.window(logins)
	for _, l := range logins {
		c.login(l)
	}
	for _, i := range issued {
		c.issued(i)
	}
	slices.SortStableFunc(c.out.Differences, func(a, b Difference) int { return a.Time.Compare(b.Time) })
	return c.out
}

type comparison struct {
	cfg      Config
	bySerial map[string]Issued
	used     map[string]Login   // by serial
	told     map[[2]string]bool // serials and logs
	out      Result
}

// window is the time that both logs cover.
func (c *comparison) window(logins []Login) {
	c.out.From, c.out.To = c.cfg.From, c.cfg.To
	for _, l := range logins {
		if l.Time.IsZero() {
			continue
		}
		if c.cfg.From.IsZero() && (c.out.From.IsZero() || l.Time.Before(c.out.From)) {
			c.out.From = l.Time
		}
		if c.cfg.To.IsZero() && l.Time.After(c.out.To) {
			c.out.To = l.Time
		}
	}
}

// inside says whether a time is in the window, or more than the skew away from its edges if sure is wanted.
func (c *comparison) inside(t time.Time, margin time.Duration) bool {
	return t.IsZero() || (c.out.From.IsZero() || !t.Before(c.out.From.Add(margin))) && (c.out.To.IsZero() || !t.After(c.out.To.Add(-margin)))
}

func (c *comparison) differ(at time.Time, format string, args ...any) {
	c.out.Differences = append(c.out.Differences, Difference{at, fmt.Sprintf(format, args...)})
}

func (c *comparison) login(l Login) {
	if !c.inside(l.Time, 0) {
		return
	}
	told := [2]string{l.Serial, logOf(l)}
	if first, ok := c.used[l.Serial]; ok && l.Serial != "" && same(first, l) && !c.told[told] {
		c.told[told] = true
		return // the same line in two logs
	}
	c.out.Logins++
	if why := c.wrong(l); why != "" {
		c.differ(l.Time, "login that we did not give: %s: %s", describe(l), why)
		return
	}
	c.used[l.Serial], c.told[told] = l, true
	c.out.Matched++
}

// wrong says why no certificate of ours explains a login.
func (c *comparison) wrong(l Login) string {
	if l.Trouble != "" {
		return l.Trouble
	}
	if l.Serial == "" {
		return "without a certificate"
	}
	i, ok := c.bySerial[l.Serial]
	switch {
	case !ok:
		return "the audit log has no certificate with this serial"
	case i.Target != c.cfg.Target:
		return fmt.Sprintf("the certificate was for the target %q (entry %d)", i.Target, i.Seq)
	case i.Login != l.User:
		return fmt.Sprintf("the certificate was for the login %q (entry %d)", i.Login, i.Seq)
	case i.KeyID != l.KeyID:
		return fmt.Sprintf("the certificate has the key ID %q (entry %d)", i.KeyID, i.Seq)
	case i.Key != l.Key:
		return fmt.Sprintf("the certificate is over the key %s (entry %d)", i.Key, i.Seq)
	case !l.Time.IsZero() && (l.Time.Before(i.Time.Add(-c.cfg.Skew)) || l.Time.After(i.NotAfter.Add(c.cfg.Skew))):
		return fmt.Sprintf("the certificate was issued at %s for %s (entry %d)", i.Time.UTC().Format(time.RFC3339), i.NotAfter.Sub(i.Time).Round(time.Second), i.Seq)
	}
	if first, ok := c.used[l.Serial]; ok {
		return fmt.Sprintf("the certificate had let in already, at %s", first.Where)
	}
	return ""
}

// same says whether lines of two logs tell of one login. Those of one log do not: a client may use its port again at once.
func same(a, b Login) bool {
	return a.Source == b.Source && a.User == b.User && a.Key == b.Key && a.KeyID == b.KeyID &&
		a.Time.Sub(b.Time).Abs() <= 2*time.Second
}

// logOf is the log that a line is in.
func logOf(l Login) string { return l.Where[:max(strings.LastIndexByte(l.Where, ':'), 0)] }

// issued looks for a certificate that nobody showed.
func (c *comparison) issued(i Issued) {
	if i.Target != c.cfg.Target || !c.inside(i.Time, c.cfg.Skew) {
		return
	}
	c.out.Issued++
	if _, ok := c.used[i.Serial]; ok || i.Check {
		return
	}
	c.differ(i.Time, "certificate that never showed up: serial %s for %q, key ID %q, session %q (entry %d)", i.Serial, i.Login, i.KeyID, i.Session, i.Seq)
}

func describe(l Login) string {
	s := fmt.Sprintf("%s, %s as %q from %q", l.Where, l.Method, l.User, l.Source)
	if l.Serial != "" {
		s += fmt.Sprintf(", serial %s, key ID %q", l.Serial, l.KeyID)
	}
	return s
}
