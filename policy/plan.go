package policy

// Op says how the parts of a plan are joined.
type Op string

// The operators of a plan. OpRun is a leaf: one command.
const (
	OpRun  Op = "run"
	OpPipe Op = "|"
	OpAnd  Op = "&&"
	OpOr   Op = "||"
	OpSeq  Op = ";"
)

// Plan is a vetted command line: a tree whose leaves are literal argvs. It is what policy decides, what an approver
// reads and what the target is given; nothing of the client's own text survives into it but the words.
type Plan struct {
	Op    Op     `json:"op"`
	Argv  Argv   `json:"argv,omitempty"`  // OpRun only
	Parts []Plan `json:"parts,omitempty"` // every other Op: two or more
}
