package recorder

import "time"

// Code says what an event is. Codes are bytes on disk (docs/spec/recording-chunk.md) and never change their meaning.
type Code byte

// The event codes. Output, Stderr and Input carry the stream's exact bytes; the others carry compact JSON.
const (
	Output   Code = 'o' // bytes to the client's stdout, or pty output
	Stderr   Code = 'e' // bytes to the client's stderr, without a pty
	Input    Code = 'i' // bytes from the client; where input is sealed, only what the terminal echoed, when its echo came
	InputKey Code = 'w' // the key of the sealed input, wrapped (package seal); before the first sealed event
	Sealed   Code = 'h' // bytes from the client, sealed
	Resize   Code = 'r' // {"cols":80,"rows":24}
	Command  Code = 'c' // {"line":…,"plan":…}: what was asked for
	Decision Code = 'd' // policy.Decision, with its id
	Signal   Code = 's' // {"signal":"INT"}
	Exit     Code = 'x' // {"status":0} or {"signal":"KILL"}
	Kill     Code = 'k' // {"by":"person:ann","reason":…}
	File     Code = 'f' // {"op":…,"path":…,"result":…}: an operation on a file, or the end of one that was open
	Forward  Code = 't' // {"event":"open","host":"db-1","port":5432,…}: a forward was opened or is over; its content is not recorded
	Line     Code = 'l' // {"line":1,"text":…} or {"line":1,"status":0} or {"line":1,"refused":{…}}: a line of a governed shell begins, ends, or is refused
	Step     Code = 'a' // {"step":1,"line":1,"argv":[…],"dir":…,"chain":[…]} or {"step":1,"status":0,"signal":…}: a command of a governed shell is asked for, or has ended; its Decision has the same step
	Note     Code = 'n' // {"note":…}: anything a reader should know (stdin discarded, survivors, …)
)

// Event is one thing that happened in a session.
type Event struct {
	At   time.Duration // since the recording's start, microsecond resolution, never decreasing
	Code Code
	Data []byte
}

// Header is what is known when a session begins; the first bytes of a recording.
type Header struct {
	Version    int       `json:"v"`
	Session    string    `json:"session"`
	Connection string    `json:"conn"`
	Identity   string    `json:"identity"` // principal
	Owner      string    `json:"owner,omitempty"`
	Task       string    `json:"task,omitempty"`
	Delegation string    `json:"delegation,omitempty"` // who handed the work on from owner to identity, joined by ">"
	Target     string    `json:"target"`
	Login      string    `json:"login"`
	Started    time.Time `json:"started"` // UTC
	PTY        bool      `json:"pty,omitempty"`
	Term       string    `json:"term,omitempty"`
	Cols       int       `json:"cols,omitempty"`
	Rows       int       `json:"rows,omitempty"`
	Cipher     string    `json:"cipher,omitempty"` // of an encrypted recording, which is version 2
	Recipients string    `json:"for,omitempty"`    // who can open its data key
}
