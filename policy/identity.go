package policy

import "strings"

// Kind says what an identity is. The two kinds share no names and no rights.
type Kind string

// The kinds of identity, which are also the prefixes of certificate principals.
const (
	Agent  Kind = "agent"
	Person Kind = "person"
)

// Identity is who is acting, after authentication: the only thing about a certificate that policy sees.
type Identity struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Owner string `json:"owner,omitempty"` // agents only: "person:ann" or "group:web", from policy
	Task  string `json:"task,omitempty"`  // free text without control characters, from the certificate

	// Delegation is who handed the work on between the owner and this agent, first to last, joined by ">"; from the
	// certificate, which has it from the act chain of the token that it was issued for. Empty: nobody.
	Delegation string `json:"delegation,omitempty"`
}

// Principal is the identity's one certificate principal, "agent:NAME" or "person:NAME".
func (i Identity) Principal() string { return string(i.Kind) + ":" + i.Name }

// cutKind cuts "person:" or another prefix off a reference.
func cutKind(reference string, kind Kind) (name string, ok bool) {
	return strings.CutPrefix(reference, string(kind)+":")
}
