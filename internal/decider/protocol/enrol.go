package protocol

import (
	"context"
	"time"
)

// Enrol asks for an agent's first certificate by a proof. Exactly one of Token, JoinToken and DeviceCode is set; with a device
// code neither agent nor key is, as both are known from its beginning.
type Enrol struct {
	Request    string        `json:"request"` // "req_…": the audit log and the answer name it
	Source     string        `json:"source"`  // the client's address, without a port
	Agent      string        `json:"agent,omitempty"`
	PublicKey  []byte        `json:"public_key,omitempty"`
	Token      string        `json:"token,omitempty"`
	JoinToken  string        `json:"join_token,omitempty"`
	DeviceCode string        `json:"device_code,omitempty"`
	TTL        time.Duration `json:"ttl_ns,omitempty"` // 0: as long as there may be
	Task       string        `json:"task,omitempty"`
	Trace      string        `json:"trace,omitempty"`
	Sources    []string      `json:"sources,omitempty"` // CIDR prefixes
}

// Enrolled is the certificate and what its holder must know to recognise the door.
type Enrolled struct {
	Principal  string   `json:"principal"`
	Issued     Issued   `json:"issued"`
	KnownHosts []string `json:"known_hosts"` // lines
}

// Renew asks for a certificate for the key that a connection has proven to hold.
type Renew struct {
	Connection string        `json:"conn"`
	TTL        time.Duration `json:"ttl_ns,omitempty"`
	Task       string        `json:"task,omitempty"`
}

// KnownHosts are the lines by which clients recognise the door, and every target behind it.
type KnownHosts struct {
	Lines []string `json:"lines"`
}

// What the door may ask about enrolment.
const (
	OpEnrol      Op = "enrol"       // Enrol → Enrolled; refusals have a Reason
	OpRenew      Op = "renew"       // Renew → Enrolled
	OpKnownHosts Op = "known_hosts" // Empty → KnownHosts
)

// Enrol asks for a certificate by a proof; a refusal is *Error with CodeRefused and a Reason.
func (d Door) Enrol(ctx context.Context, in Enrol) (Enrolled, error) {
	return ask[Enrolled](ctx, d.Client, OpEnrol, in)
}

// Renew asks for a certificate for a connection's own key.
func (d Door) Renew(ctx context.Context, in Renew) (Enrolled, error) {
	return ask[Enrolled](ctx, d.Client, OpRenew, in)
}

// KnownHosts asks for what clients must know about the door.
func (d Door) KnownHosts(ctx context.Context) (KnownHosts, error) {
	return ask[KnownHosts](ctx, d.Client, OpKnownHosts, Empty{})
}

// What an administrator on the machine may ask about join tokens and registered keys.
const (
	OpJoinCreate Op = "join_create" // JoinCreate → JoinCreated
	OpJoinList   Op = "join_list"   // Empty → JoinList
	OpJoinRemove Op = "join_remove" // Remove
	OpKeyAdd     Op = "key_add"     // KeyAdd → AgentKey
	OpKeyList    Op = "key_list"    // Empty → KeyList
	OpKeyRemove  Op = "key_remove"  // Remove
)

// JoinCreate asks for a one-time join token for an agent.
type JoinCreate struct {
	Agent string        `json:"agent"`
	TTL   time.Duration `json:"ttl_ns"`
	By    string        `json:"by"` // the local user, for the log
}

// JoinCreated shows the secret, once.
type JoinCreated struct {
	Secret string    `json:"secret"`
	Token  JoinToken `json:"token"`
}

// JoinToken is what is known of a join token besides its secret.
type JoinToken struct {
	ID      string    `json:"id"` // "jt_…"
	Agent   string    `json:"agent"`
	By      string    `json:"by"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	Used    time.Time `json:"used,omitzero"`
}

// JoinList are the join tokens that have not expired.
type JoinList struct {
	Tokens []JoinToken `json:"tokens"`
}

// KeyAdd registers an agent's public key.
type KeyAdd struct {
	Agent     string `json:"agent"`
	PublicKey []byte `json:"public_key"`
	Comment   string `json:"comment,omitempty"`
	By        string `json:"by"`
}

// AgentKey is a registered key.
type AgentKey struct {
	Fingerprint string    `json:"fingerprint"` // "SHA256:…"
	Type        string    `json:"type"`
	Agent       string    `json:"agent"`
	Comment     string    `json:"comment,omitempty"`
	By          string    `json:"by"`
	Made        time.Time `json:"made"`
}

// KeyList are the registered keys.
type KeyList struct {
	Keys []AgentKey `json:"keys"`
}

// Remove names a join token by its id, or a key by its fingerprint.
type Remove struct {
	Name string `json:"name"`
	By   string `json:"by"`
}
