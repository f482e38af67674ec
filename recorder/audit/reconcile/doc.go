// Package reconcile compares a target's own sshd log with the audit log, both ways: who got in there that we gave no
// certificate, and which certificates of ours never showed up.
//
// It believes only audit entries that the log's newest signed checkpoint covers. A target's log is foreign text: a line counts
// only if the whole of it is what sshd writes when it has accepted somebody; text that a client chose (a user name that does
// not exist, a key ID by another CA) cannot make such a line. Whoever can write to the target's log can add and remove lines;
// adding makes a difference, and removing a login of ours makes one too. Removing a foreign login is seen only on a log that
// left the target at once.
package reconcile

import "time"

// Login is one line of sshd that says whom it let in.
type Login struct {
	Where   string    // file and line
	Time    time.Time // zero: the line has none
	Method  string    // publickey, password, …
	User    string
	Source  string // address:port
	Key     string // fingerprint of the key, or of the certified one
	KeyID   string // of the certificate; empty for a plain key
	Serial  string // of the certificate, decimal
	CA      string // fingerprint
	Trouble string // what is wrong with the line itself
}

// Issued is a target certificate that the audit log has.
type Issued struct {
	Seq      int64
	Time     time.Time
	NotAfter time.Time
	Target   string
	Login    string
	Serial   string
	KeyID    string
	Key      string // fingerprint
	Session  string
	Check    bool // for a look at what the target accepts: it may be refused there
}

// The bounds of what is read.
const (
	maxLine   = 16 << 10
	maxLogins = 2_000_000
	maxIssued = 4_000_000
)
