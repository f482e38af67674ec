package protocol

// EventEnd carries EndEvent: live connections are over. The decider answers nothing more on them, whatever the door does.
const EventEnd Op = "end_connections"

// MaxEnding is how many connections one EndEvent names, so that it fits a frame.
const MaxEnding = 10_000

// EndEvent names connections that must end at once, and why: the line that their clients are shown. The door may not know
// of one yet, whose authentication is still under way.
type EndEvent struct {
	Connections []string `json:"connections"`
	Reason      string   `json:"reason"`
}
