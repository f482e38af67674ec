package protocol

import (
	"context"

	"gatehouse/policy"
)

// What the door asks for file transfers.
const (
	OpTransfer Op = "transfer" // Transfer → Decided: may files be carried at all
	OpFile     Op = "file"     // File → FileAnswer: may this be done with this file
	OpFileEnd  Op = "file_end" // FileEnd: a file that was open was closed
)

// Transfer asks whether a session may carry files. What opens the target is in Decided as for a command: a certificate that is pinned
// to the target's SFTP server, and to reading where nothing may be written, or a permit for this machine's.
type Transfer struct {
	Connection string          `json:"conn"`
	Session    string          `json:"session"`
	Target     string          `json:"target"`
	Login      string          `json:"login"`
	By         policy.Carrier  `json:"by"`
	Line       string          `json:"line,omitempty"` // of an exec: what the client asked for
	Env        []policy.EnvVar `json:"env,omitempty"`
	PublicKey  []byte          `json:"public_key,omitempty"`
	Unrecorded bool            `json:"unrecorded,omitempty"`
	Governed   bool            `json:"governed,omitempty"` // for the files of a governed shell that Session is: no session of its own
}

// File asks whether one thing may be done with one file. Names are bytes. Path and To are where they lead, without symbolic links;
// Asked and AskedTo what the client wrote, absolute and tidied as text: what a denial says depends on nothing else.
type File struct {
	Session string          `json:"session"`
	Op      policy.FileOp   `json:"op"`
	Path    []byte          `json:"path"`
	To      []byte          `json:"to,omitempty"`
	Asked   []byte          `json:"asked"`
	AskedTo []byte          `json:"asked_to,omitempty"`
	Home    string          `json:"home,omitempty"` // the login's, as the target says; empty: it has none
	Kind    policy.PathKind `json:"kind,omitempty"`
	Size    int64           `json:"size,omitempty"`  // of what is there
	Why     string          `json:"why,omitempty"`   // it is denied whatever policy says: what the name leads to cannot be verified, or its content may not pass
	Names   [][]byte        `json:"names,omitempty"` // of a listing: which of them may be shown
	Quiet   bool            `json:"quiet,omitempty"` // of a stat: a denial shows the client nothing, and is not logged
}

// FileAnswer is the decision. The entry of an open, of a change and of a denial is durable when it is given.
type FileAnswer struct {
	ID          string       `json:"id,omitempty"` // of an entry: "dec_…", or "dn_…" for a denial
	Allowed     bool         `json:"allowed"`
	Code        policy.Code  `json:"code,omitempty"`
	Reason      string       `json:"reason,omitempty"`  // for the client
	Nearest     []string     `json:"nearest,omitempty"` // for the client
	PolicyHash  string       `json:"policy_hash,omitempty"`
	DenialsLeft int64        `json:"denials_left,omitempty"`
	MaxFile     int64        `json:"max_file,omitempty"` // bytes of a file; 0 is no limit
	Hold        *policy.Hold `json:"hold,omitempty"`     // what its content must be looked at for
	Shown       []bool       `json:"shown,omitempty"`    // of Names
}

// FileEnd reports what went by of a file that was open.
type FileEnd struct {
	Session   string `json:"session"`
	ID        string `json:"id"` // of the decision by which it was open
	Path      []byte `json:"path"`
	Direction string `json:"direction"`        // "read" or "write"
	Size      int64  `json:"size"`             // bytes that went by
	SHA256    string `json:"sha256,omitempty"` // of the whole file, in hex; absent where not exactly the whole went by
	Result    string `json:"result"`           // "whole" or "partial"
	Why       string `json:"why,omitempty"`    // why it did not end by being closed
}

// Transfer asks whether files may be carried. The decision's audit entry is durable when it returns.
func (d Door) Transfer(ctx context.Context, in Transfer) (Decided, error) {
	return ask[Decided](ctx, d.Client, OpTransfer, in)
}

// File asks whether one thing may be done with one file.
func (d Door) File(ctx context.Context, in File) (FileAnswer, error) {
	return ask[FileAnswer](ctx, d.Client, OpFile, in)
}

// FileEnd notes a file's end.
func (d Door) FileEnd(ctx context.Context, in FileEnd) error {
	return d.Call(ctx, OpFileEnd, in, nil)
}
