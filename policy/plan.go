package policy

// Op says how the parts of a plan are joined.
type Op string

// The operators of a plan. OpRun is a leaf: one command. OpShell is a leaf too: a line that a shell on the target reads by
// itself, or that shell's prompt; only a role with shell: recorded admits it.
const (
	OpRun   Op = "run"
	OpPipe  Op = "|"
	OpAnd   Op = "&&"
	OpOr    Op = "||"
	OpSeq   Op = ";"
	OpShell Op = "shell"

	// OpGoverned is a leaf in decisions only: a line, or a prompt, that a governed shell reads; each command and file of it is decided
	// by itself. Nothing of it is ever given to a target.
	OpGoverned Op = "governed"
)

// Plan is a vetted command line: a tree whose leaves are argvs. It is what policy decides, what an approver reads and what
// the target is given; nothing of the client's own text survives into it but the words.
//
// A plan as it is asked may hold what only the target can answer: globs, the login's home, programs without a path. The plan
// of a Decision is final: every argv[0] is an absolute path, no word is expanded any more, directories are absolute.
type Plan struct {
	Op    Op     `json:"op"`
	Parts []Plan `json:"parts,omitempty"` // of the operators: two or more, or one that has Dir, Umask, Redirs or Not of its own

	// Of any node: what holds for all commands below it.
	Dir    string  `json:"dir,omitempty"`    // working directory, where it is not the enclosing one: "/srv/app", "sub", "~", "~/x" ("./~" is a folder of that name)
	Umask  string  `json:"umask,omitempty"`  // three octal digits, "077"
	Redirs []Redir `json:"redirs,omitempty"` // in order
	Not    bool    `json:"not,omitempty"`    // the exit status is inverted

	// Of OpPipe.
	Pipefail bool `json:"pipefail,omitempty"` // the status is that of the last command that failed

	// Of OpRun.
	Argv   Argv     `json:"argv,omitempty"`
	Env    []EnvVar `json:"env,omitempty"`      // for this command alone: assignments before it, env NAME=VALUE
	Wrap   []Argv   `json:"wrap,omitempty"`     // launchers before it whose options were understood, outermost first: timeout 5, nice -n 10, nohup
	Globs  []int    `json:"globs,omitempty"`    // indexes of argv words whose *, ? and [ ] the target's files answer
	Tildes []int    `json:"tildes,omitempty"`   // indexes of argv words whose leading ~ is the login's home
	Starts []Argv   `json:"starts,omitempty"`   // what the command itself starts (find -exec, xargs), each decided too; Unknown stands for words that are only known then
	Null   bool     `json:"no_input,omitempty"` // final plans: it reads /dev/null, whatever the session's input is

	// Of OpShell.
	Text string `json:"text,omitempty"` // the line; empty for the login's shell itself
}

// Unknown stands in Starts for a word that is not known when the command is decided: no glob, enum or literal of a policy
// admits it by accident.
const Unknown = "\uE000unknown\uE000"

// RedirOp says what a redirection does.
type RedirOp string

// The redirections.
const (
	RedirIn     RedirOp = "<"
	RedirOut    RedirOp = ">"
	RedirAppend RedirOp = ">>"
	RedirDup    RedirOp = ">&" // FD becomes another name of To
	RedirData   RedirOp = "<<" // FD 0 reads Data: a here-document or a here-string
)

// Redir is one redirection.
type Redir struct {
	FD   int     `json:"fd"` // 0, 1 or 2
	Op   RedirOp `json:"op"`
	Path string  `json:"path,omitempty"` // of <, > and >>: as Plan.Dir
	To   int     `json:"to,omitempty"`   // of >&: 1 or 2
	Data string  `json:"data,omitempty"` // of <<
}

// devNull is the one file that every command may read and write.
const devNull = "/dev/null"
