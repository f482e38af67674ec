package policy

import "time"

// Argv is a final argument vector: what execve gets, argv[0] first. Bytes are valid UTF-8 without NUL.
type Argv []string

// Login is an account on a target. It is never used as a certificate principal by itself.
type Login string

// EnvVar is one environment variable that the client asked for.
type EnvVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Request is one thing that an identity wants to do on one target: the input of a decision.
type Request struct {
	Identity Identity          `json:"identity"`
	Target   string            `json:"target"`
	Labels   map[string]string `json:"labels,omitempty"` // the target's, from the inventory
	Login    Login             `json:"login"`
	Plan     Plan              `json:"plan"`              // what would run
	Text     string            `json:"text,omitempty"`    // the line that the plan was made of, which is what a recorded shell is given instead
	Env      []EnvVar          `json:"env,omitempty"`     // what the client asked to set, in order
	PTY      bool              `json:"pty,omitempty"`     // whether a pty was asked for
	Source   string            `json:"source,omitempty"`  // the client's address
	Now      time.Time         `json:"now,omitzero"`      // when it is asked
	Facts    Facts             `json:"facts,omitzero"`    // what is known of the target
	Granted  []Granted         `json:"granted,omitempty"` // roles that the identity holds for a time; whoever asks vouches for them
	Step     *Step             `json:"step,omitempty"`    // the plan is one command of a governed shell
}

// Step is what is known of a command of a governed shell, beside its words.
type Step struct {
	N       int64    `json:"n"`                 // of the session's commands, from 1
	Line    int64    `json:"line,omitempty"`    // of the prompt's lines, from 1
	Chain   []string `json:"chain,omitempty"`   // the texts and files that were read as a shell's before it was a command, outermost first: "bash -c", "source /srv/x.sh sha256:…"
	Piped   bool     `json:"piped,omitempty"`   // its input comes from the shell, not from the client
	Inherit bool     `json:"inherit,omitempty"` // with Piped: that input is what is around the command, which runs with none where its rule takes none
	Any     bool     `json:"any,omitempty"`     // it may have a pty, and can do without: the decision says
}
