package policy

// Facts are what is known of a target when a request is decided. What a decision needs and does not find here, it asks for
// (Decision.Probes). The zero Facts know nothing.
//
// They are the door's word: the decider has no network. What a taken-over door gains by lying is in docs/taken-over-door.md.
type Facts struct {
	Home     string                 `json:"home,omitempty"`     // the login's home, absolute and without symbolic links
	Programs map[string]ProgramFact `json:"programs,omitempty"` // by argv[0] as it was asked: "ls", "/usr/bin/ls"
	Paths    map[string]PathFact    `json:"paths,omitempty"`    // by absolute path as it was asked, ".." included
	Globs    map[string][]string    `json:"globs,omitempty"`    // by absolute pattern: the paths that match, sorted by byte; empty if none does

	Contents map[string]FileState `json:"contents,omitempty"` // by absolute path as it was asked: of what people are to approve

	// Assume takes everything that is not listed to be as it is written: each program lies in /usr/bin and belongs to root,
	// no path is a symbolic link, no glob matches. It is for tests and simulations without a target; no protocol carries it.
	Assume bool `json:"-"`
}

// ProgramFact is where a program was found: by the target's search path, or where its absolute path says.
type ProgramFact struct {
	Path   string `json:"path,omitempty"`   // absolute, the name that is executed: a multi-call binary looks at it
	Real   string `json:"real,omitempty"`   // without symbolic links
	SHA256 string `json:"sha256,omitempty"` // hex of its content, if that was asked
	Why    string `json:"why,omitempty"`    // why it may not run: not found, or somebody else than root could have put it there
}

// PathFact is what a path leads to.
type PathFact struct {
	Real string   `json:"real"` // without symbolic links; of a path that does not exist: its existing part resolved, the rest as written
	Kind PathKind `json:"kind"`
}

// PathKind says what is at a path.
type PathKind string

// The kinds of paths.
const (
	PathFile  PathKind = "file"
	PathDir   PathKind = "dir"
	PathOther PathKind = "other" // devices, sockets, pipes
	PathNone  PathKind = "none"  // nothing, or nothing that the login may see
)

// ProbeKind says what is asked of a target.
type ProbeKind string

// The probes. Each needs no more than SFTP's realpath, stat, lstat and readdir; a hash needs open and read as well.
const (
	ProbeHome    ProbeKind = "home"
	ProbeProgram ProbeKind = "program"
	ProbePath    ProbeKind = "path"
	ProbeGlob    ProbeKind = "glob"
	ProbeContent ProbeKind = "content" // what is at a path, and a file's SHA-256
)

// Probe is one question to a target, by which a Facts is filled.
type Probe struct {
	Kind ProbeKind `json:"kind"`
	Name string    `json:"name,omitempty"` // the key in Facts
	Hash bool      `json:"hash,omitempty"` // of a program: its SHA-256 too; of a content always
}
