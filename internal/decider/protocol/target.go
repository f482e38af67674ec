package protocol

import "time"

// What an administrator may ask about targets, over the local socket.
const (
	OpTargets     Op = "targets"      // Targets → TargetList
	OpEnrolTarget Op = "enrol_target" // EnrolTarget → TargetTrust
	OpProbe       Op = "probe"        // Probe → ProbeAnswer
	OpChecked     Op = "checked"      // Checked → Empty
)

// Targets asks for the inventory in force, by name.
type Targets struct {
	After string `json:"after,omitempty"` // the last name of the page before; empty: the first page
}

// TargetList is one page of the inventory, and the keys by which Gatehouse and its targets know each other.
type TargetList struct {
	Targets   []Target    `json:"targets"`
	More      bool        `json:"more,omitempty"`
	HostCAs   [][]byte    `json:"host_cas"`   // public keys, SSH wire format
	TargetCAs []TargetCA  `json:"target_cas"` // that which signs first
	Seen      []TrustSeen `json:"seen,omitempty"`
}

// TargetCA is one of the target CA's keys that targets are to trust.
type TargetCA struct {
	PublicKey []byte `json:"public_key"` // SSH wire format
	State     string `json:"state"`      // TargetCAActive, TargetCANext or TargetCAOld
}

// The states of a target CA's key. A check shows certificates by the first two.
const (
	TargetCAActive = "active" // it signs
	TargetCANext   = "next"   // it will, after the next step of the rotation
	TargetCAOld    = "old"    // it did
)

// TrustSeen is when a check last saw that a target of the page accepts a target CA's key.
type TrustSeen struct {
	Target      string    `json:"target"`
	Fingerprint string    `json:"fingerprint"`
	At          time.Time `json:"at"`
}

// EnrolTarget asks for what a target's set-up script needs, and has it in the log that there was one.
type EnrolTarget struct {
	Target  string `json:"target"`
	HostKey []byte `json:"host_key,omitempty"` // the key that will be certified, SSH wire format
	Undo    bool   `json:"undo,omitempty"`     // the script that takes everything back
	By      string `json:"by"`
}

// TargetTrust is what a target is to trust.
type TargetTrust struct {
	Target    Target   `json:"target"`
	TargetCAs [][]byte `json:"target_cas"` // public keys, SSH wire format
}

// The principals of a probe.
const (
	ProbeOwn   = "own"   // the one that opens the login: pinned to the line that looks around
	ProbeBare  = "bare"  // the login's bare name
	ProbeOther = "other" // that of another target
)

// Probe asks for a certificate with which a check finds out what a target accepts.
type Probe struct {
	Check     string `json:"check"` // the check's id
	Target    string `json:"target"`
	Login     string `json:"login"`
	Principal string `json:"principal"`       // ProbeOwn, ProbeBare or ProbeOther
	Other     string `json:"other,omitempty"` // with ProbeOther: another target of the inventory; empty: one that does not exist
	CA        string `json:"ca,omitempty"`    // fingerprint of the target CA's key that signs; empty: the one of now
	PublicKey []byte `json:"public_key"`
	By        string `json:"by"`
	SFTP      bool   `json:"sftp,omitempty"` // with ProbeOwn: pinned to the SFTP server that only looks, not to the line
}

// ProbeAnswer is the certificate, and the line that it is pinned to.
type ProbeAnswer struct {
	Certificate []byte `json:"certificate"`
	Line        string `json:"line"`
}

// Checked reports what a check found.
type Checked struct {
	Check    string   `json:"check"`
	Target   string   `json:"target"`
	Reached  bool     `json:"reached,omitempty"`
	Good     int      `json:"good,omitempty"`
	Bad      []string `json:"bad,omitempty"`      // one line a finding that is not good
	Accepted []string `json:"accepted,omitempty"` // fingerprints of the target CA's keys that all its logins accepted
	HostCA   string   `json:"host_ca,omitempty"`  // fingerprint of the host CA's key behind the certificate that it showed
	By       string   `json:"by"`
}
