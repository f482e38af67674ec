// Package wire is what the process of a governed shell and the door say to each other over the one socket that the process has:
// streams of hashicorp/yamux, each opened by the process, each beginning with one Ask. The process trusts the door; the door trusts
// nothing that comes, whose every length it bounds before it is believed.
//
// Each Ask is answered by one FrameAnswer, but for OpExec, whose first frame is FrameStarted or FrameFail, and OpOutput, which has none.
// What then comes on a stream of OpExec: to the door FrameIn and FrameInEnd (with InPipe, and not after Started.Null), FrameShut, FrameSignal;
// to the process FrameOut and FrameErr of what is ToPipe, and FrameExit or FrameFail at the end. A redirection of Exec.Redirs stands before
// Stdin, Stdout and Stderr. On one of OpOpen: a file that is read comes as FrameOut until FrameDone or FrameFail, and the process may close the
// stream before; a file that is written goes as FrameIn until FrameInEnd, which FrameDone or FrameFail answers; FrameDone
// among them is answered by the same, once all before it is there.
// Input with Want 0 is answered at once, without data: it only says what was used.
//
// A prompt's shell reads the client's terminal itself, all the time, as it must see Ctrl-C. Places in the client's input are counted from its
// beginning. A command with Exec.Prompt and InClient that has no terminal of its own gets its input as frames, from the shell's line discipline,
// as if it were InPipe. One that has gets the client's bytes from the door, beginning with Exec.Used, also such as an Answer has given
// already; until it ends no Input is answered, and Exit.Used says where the input stands then.
package wire

import "gatehouse/policy"

// Op says what a stream is for.
type Op string

// The operations. Begin is the first stream, and the only one that lives as long as the shell.
const (
	OpBegin    Op = "begin"    // Answer.Begin; then frames both ways: Event to the process, Report to the door
	OpExec     Op = "exec"     // run a command: frames both ways
	OpOpen     Op = "open"     // open a file of the target: frames of its content one way, then FrameDone
	OpStat     Op = "stat"     // Answer.Info
	OpList     Op = "list"     // Answer.List, each with what OpStat says of it
	OpAccess   Op = "access"   // whether the login may read, write, search: Answer alone
	OpHome     Op = "home"     // Answer.Text: the home of a user of the target
	OpOutput   Op = "output"   // what the shell itself writes to the client: frames FrameOut and FrameErr, for as long as the shell lives
	OpInput    Op = "input"    // the client's input, as Input says; Answer.Data, empty at its end
	OpComplete Op = "complete" // Answer.Words: programs that this identity may run here
	OpHelp     Op = "help"     // Answer.Text: what this identity may do here
	OpHistory  Op = "history"  // Answer.Words: the lines of earlier shells of this identity here, oldest first
)

// Ask begins a stream. Exactly the field of its Op is set.
type Ask struct {
	Op    Op     `json:"op"`
	Exec  *Exec  `json:"exec,omitempty"`
	Open  *Open  `json:"open,omitempty"`
	Path  *Path  `json:"path,omitempty"`  // stat, list, access
	User  string `json:"user,omitempty"`  // home; empty: the login
	Input *Input `json:"input,omitempty"` // input
	Word  string `json:"word,omitempty"`  // complete: what the word begins with
}

// Answer is the door's, once for each Ask. Error says why there is nothing else in it.
type Answer struct {
	Error *Error   `json:"error,omitempty"`
	Begin *Begin   `json:"begin,omitempty"`
	Info  *Info    `json:"info,omitempty"`
	List  []Info   `json:"list,omitempty"`
	Text  string   `json:"text,omitempty"`
	Words []string `json:"words,omitempty"`
	Data  []byte   `json:"data,omitempty"`
	At    int64    `json:"at,omitempty"` // the place of Data in the client's input: Input.From, or behind what a command's own terminal took
}

// Kind sorts errors for what a shell makes of them.
type Kind string

// The kinds. What was denied the client has been told already.
const (
	KindDenied Kind = "denied" // status 126 for a command; a file that is not there or not permitted
	KindFault  Kind = "fault"  // Gatehouse or the target cannot: status 75; told already
	KindEnded  Kind = "ended"  // the session is over
	KindErrno  Kind = "errno"  // the target's file system: Errno
	KindLimit  Kind = "limit"  // a bound of the shell's: its line ends
	KindAsked  Kind = "asked"  // the process asked for what it cannot: a fault of its own
)

// Error is why something was not done.
type Error struct {
	Kind  Kind   `json:"kind"`
	Errno string `json:"errno,omitempty"` // ENOENT, ENOTDIR, EISDIR, EACCES, EEXIST, ELOOP, ENAMETOOLONG, EIO
	Text  string `json:"text,omitempty"`  // for people, one line
}

func (e *Error) Error() string {
	if e.Text != "" {
		return e.Text
	}
	return string(e.Kind) + " " + e.Errno
}

// Begin is what a shell starts with. With a Line it reads that and ends; with Script it reads the client's input as a script; otherwise
// it is a prompt.
type Begin struct {
	Line   string          `json:"line,omitempty"`
	Script bool            `json:"script,omitempty"`
	Target string          `json:"target"`
	Login  policy.Login    `json:"login"`
	Home   string          `json:"home"`           // absolute; where it begins
	UID    int             `json:"uid"`            // the login's on the target, as far as it is known; -1: not
	GID    int             `json:"gid"`            //
	Host   string          `json:"host,omitempty"` // the target's own name
	Env    []policy.EnvVar `json:"env,omitempty"`  // what the client asked to set and a role lists: exported from the start
	Path   string          `json:"path"`           // PATH as the target's commands see it
	Term   string          `json:"term,omitempty"` // with a terminal
	Size   *Size           `json:"size,omitempty"` // with a terminal
	Limits Limits          `json:"limits"`

	// Of a prompt.
	Marks bool   `json:"marks,omitempty"` // OSC 133 around prompt, line and output, for programs that drive it
	JSON  bool   `json:"json,omitempty"`  // each prompt is one line of JSON
	Name  string `json:"name,omitempty"`  // of the identity
}

// Size is a terminal's.
type Size struct{ Cols, Rows uint32 }

// Limits are what one shell may use; the door holds those that it can see itself.
type Limits struct {
	Commands int64 `json:"commands"` // of one line
	Depth    int   `json:"depth"`    // functions, subshells, sources and shells in each other
	Output   int64 `json:"output"`   // bytes that one expansion may hold, $(…) and variables
	Seconds  int64 `json:"seconds"`  // wall time of one line, while no command of it runs or waits
}

// Source is where a command's standard input comes from.
type Source string

// The sources.
const (
	InNull   Source = "null"
	InClient Source = "client" // the session's own, if the rule lets it
	InPipe   Source = "pipe"   // frames: what another command or builtin of the line prints, or what a file or variable holds
)

// Sink is where a command's output goes.
type Sink string

// The sinks.
const (
	ToOut  Sink = "out" // the client's standard output
	ToErr  Sink = "err" // the client's standard error
	ToPipe Sink = "pipe"
	ToPair Sink = "1" // of standard error: where standard output goes
	ToNull Sink = "null"
)

// Exec is one command, its words final. What the door makes of it is a policy.Plan of one command.
type Exec struct {
	Argv   []string        `json:"argv"`
	Env    []policy.EnvVar `json:"env,omitempty"`    // exported by the line or prefixed to the command; what Begin gave is there without
	Dir    string          `json:"dir"`              // absolute
	Umask  string          `json:"umask,omitempty"`  // three octal digits, where the line has set one
	Redirs []policy.Redir  `json:"redirs,omitempty"` // that the target does itself: absolute paths, and here-documents
	Stdin  Source          `json:"stdin"`
	// Inherit: the input is not this command's own but that of a loop, group or function around it. A rule that takes input may have it;
	// for any other the command runs with none, and Started.Null says so. Without Inherit a rule that takes none denies the command.
	Inherit bool     `json:"inherit,omitempty"`
	Stdout  Sink     `json:"stdout"`
	Stderr  Sink     `json:"stderr"`
	Wrote   [2]int64 `json:"wrote"`           // bytes that the shell has written on OpOutput, out and err: they reach the client before the command's
	Line    int64    `json:"line"`            // the line of the prompt, from 1
	Chain   []Link   `json:"chain,omitempty"` // through what it came to be a command, outermost first
	Prompt  bool     `json:"prompt,omitempty"`
	Used    int64    `json:"used,omitempty"`  // with Prompt and InClient: as Input.Used
	Group   int64    `json:"group,omitempty"` // of what runs behind: for Report.Kill
}

// Link is a text that was read as a shell's: "bash -c", "eval", "source /srv/x.sh", "sh" with what it was piped.
type Link struct {
	By     string `json:"by"`
	SHA256 string `json:"sha256,omitempty"` // of a file's or a pipe's content
}

// Open opens a file. The modes are those that shells have.
type Open struct {
	Path string `json:"path"` // absolute
	Mode string `json:"mode"` // "read", "write" (created or cut), "append" (created or extended), "new" (must not exist)
	Perm uint32 `json:"perm,omitempty"`
}

// Path names a file for stat (Link: not followed), list and access (Want: of "r", "w", "x").
type Path struct {
	Path string `json:"path"`
	Link bool   `json:"link,omitempty"`
	Want string `json:"want,omitempty"`
}

// Info is what is known of a file.
type Info struct {
	Name  string `json:"name"`
	Mode  uint32 `json:"mode"` // st_mode
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"` // seconds
	UID   uint32 `json:"uid"`
	GID   uint32 `json:"gid"`
}

// Input asks for the client's input. Used is how much of what was given before the shell has consumed altogether; what it has not, the
// door keeps, for a command that reads it or the next Input.
type Input struct {
	Used int64 `json:"used"`
	From int64 `json:"from,omitempty"` // the place of what is wanted, if not Used: what lies between was given and may yet be a command's
	Want int   `json:"want"`           // bytes at most
}

// Event is the door's word on the first stream.
type Event struct {
	Signal string `json:"signal,omitempty"` // INT, TERM, HUP, QUIT of the client
	Size   *Size  `json:"size,omitempty"`
	End    bool   `json:"end,omitempty"`   // the shell is to end now
	Taken  int64  `json:"taken,omitempty"` // the Report.Refused of that line was written to the client: what the shell writes comes behind it
}

// Report is the process's word on the first stream. A line is reported when it begins, and when it ends.
type Report struct {
	Line    int64    `json:"line,omitempty"`
	Text    string   `json:"text,omitempty"`    // at its beginning
	Refused *Refused `json:"refused,omitempty"` // why it was not begun, or was ended
	Status  *int     `json:"status,omitempty"`  // at its end
	Kill    *Kill    `json:"kill,omitempty"`
	Exit    *int     `json:"exit,omitempty"` // the shell has ended, with this status
	Wrote   [2]int64 `json:"wrote,omitzero"` // with Exit: as Exec.Wrote, what is still to reach the client
}

// Refused is what the shell does not read as bash does.
type Refused struct {
	Construct string `json:"construct"`
	Column    int    `json:"column"` // bytes of the line from 1
	Reason    string `json:"reason"`
}

// Kill signals what runs as a group.
type Kill struct {
	Group  int64  `json:"group"`
	Signal string `json:"signal"` // without SIG
}

// Started is the frame FrameStarted's.
type Started struct {
	PTY  bool `json:"pty,omitempty"`  // it runs on a terminal of its own; the client's input and output are that one's until it ends
	Null bool `json:"null,omitempty"` // of an Exec with Inherit: it reads nothing, and nothing is to be sent to it
}

// Exit is the frame FrameExit's: how a command ended.
type Exit struct {
	Status int    `json:"status"`
	Signal string `json:"signal,omitempty"` // without SIG
	Unread bool   `json:"unread,omitempty"` // it was sent input, and how much of that it read is not known
	Used   int64  `json:"used,omitempty"`   // of a command with a terminal of its own: the place in the client's input behind what it took
}
