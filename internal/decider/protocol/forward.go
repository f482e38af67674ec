package protocol

import (
	"context"
	"net/netip"

	"gatehouse/policy"
)

// OpForward asks whether a connection's identity may reach an endpoint: Forward → Forwarded.
const OpForward Op = "forward"

// The ways in which a forward goes, and what the decider needs to know before it decides about one.
const (
	ViaDoor      = "door"      // the door resolves the host and dials
	ViaTarget    = "target"    // over a connection of its own to the target, which dials
	ViaGatehouse = "gatehouse" // the door dials another Gatehouse, which the inventory has; the inner connection ends there

	NeedsAddresses = "addresses" // what the host resolves to
	NeedsKey       = "key"       // the key of a connection to the target
	NeedsRecording = "recording" // nothing else: its recording
)

// MaxForwardAddresses is how many addresses one question names.
const MaxForwardAddresses = 16

// Forward asks about one forward. Exactly one of Host (a name in lower case, or an address) with Port, and Socket, is set. It is asked
// first without Addresses, PublicKey and Recorded: what policy refuses by its name is never looked up or dialled.
type Forward struct {
	Connection string       `json:"conn"`
	Session    string       `json:"session"` // the forward's own id
	Target     string       `json:"target"`
	Login      string       `json:"login,omitempty"` // empty where the target is another Gatehouse
	Host       string       `json:"host,omitempty"`
	Port       uint16       `json:"port,omitempty"`
	Socket     string       `json:"socket,omitempty"`
	Addresses  []netip.Addr `json:"addresses,omitempty"` // what the host resolved to; the door dials no other
	PublicKey  []byte       `json:"public_key,omitempty"`
	Recorded   bool         `json:"recorded,omitempty"`   // the second question: its recording is open
	Unrecorded bool         `json:"unrecorded,omitempty"` // the second question: there is no recording
}

// Forwarded is the answer. With Needs nothing was decided: ask again with it.
type Forwarded struct {
	ID          string          `json:"id,omitempty"` // "dec_…", or "dn_…" for a denial
	Decision    policy.Decision `json:"decision"`
	Fault       string          `json:"fault,omitempty"` // allowed, but answer.FaultUnknownTarget, FaultEvidence or FaultSigner
	Via         string          `json:"via,omitempty"`
	Needs       string          `json:"needs,omitempty"`
	Addresses   []netip.Addr    `json:"addresses,omitempty"`   // ViaDoor: those that may be dialled, in the order in which they were named
	Dial        string          `json:"dial,omitempty"`        // ViaGatehouse: the other Gatehouse's host:port
	Certificate []byte          `json:"certificate,omitempty"` // ViaTarget: forwards, and runs nothing
	DenialsLeft int64           `json:"denials_left,omitempty"`
}

// ForwardEnd says of a forward that is over where it led and how much went through it.
type ForwardEnd struct {
	Host     string `json:"host,omitempty"`
	Port     uint16 `json:"port,omitempty"`
	Socket   string `json:"socket,omitempty"`
	Address  string `json:"address,omitempty"` // what was dialled, host:port
	Via      string `json:"via,omitempty"`
	BytesIn  int64  `json:"bytes_in"`  // from the client
	BytesOut int64  `json:"bytes_out"` // to the client
}

// Forward asks whether a forward may be opened. The decision's audit entry is durable when it returns, unless it Needs something.
func (d Door) Forward(ctx context.Context, in Forward) (Forwarded, error) {
	return ask[Forwarded](ctx, d.Client, OpForward, in)
}
