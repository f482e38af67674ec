package policy

// FileOp is what is done at a path.
type FileOp string

// Carrier is a protocol that carries files.
type Carrier string

// Hold is a stub.
type Hold struct {
	Max int64 `json:"max,omitempty"`
}
