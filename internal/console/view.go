package console

import (
	"time"

	"gatehouse/internal/store"
)

// Session is a session as programs and pages see it: store.Session with the names of the JSON API.
type Session struct {
	ID         string     `json:"id"`
	Short      string     `json:"short"` // the shortest beginning of ID that is unique
	Connection string     `json:"connection"`
	Identity   string     `json:"identity"`
	Owner      string     `json:"owner,omitempty"`
	Task       string     `json:"task,omitempty"`
	Target     string     `json:"target"`
	Login      string     `json:"login"`
	Source     string     `json:"source,omitempty"`
	Mode       string     `json:"mode,omitempty"`
	Exactness  string     `json:"exactness,omitempty"`
	PTY        bool       `json:"pty"`
	Command    string     `json:"command"`
	Verdict    string     `json:"verdict"`
	Code       string     `json:"code,omitempty"`
	Rule       string     `json:"rule,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	State      string     `json:"state"`
	Exit       *int       `json:"exit,omitempty"`
	Signal     string     `json:"signal,omitempty"`
	Remote     string     `json:"remote,omitempty"`
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	Seconds    float64    `json:"seconds"` // so far, while live
	BytesIn    int64      `json:"bytes_in"`
	BytesOut   int64      `json:"bytes_out"`
	Recording  string     `json:"recording_sha256,omitempty"`
	Residue    string     `json:"residue,omitempty"` // what it left on its target, as that says
	Kept       *Kept      `json:"kept,omitempty"`    // what became of the recording
}

// Live says whether the session still runs.
func (s Session) Live() bool { return s.State == string(store.Live) }

// Took is how long the session lasted, or has lasted so far.
func (s Session) Took() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

func viewSession(s store.Session, short string, now time.Time, shown func(string) string) Session {
	v := Session{
		ID: s.ID, Short: short, Connection: s.Connection, Identity: s.Identity, Owner: s.Owner, Task: shown(s.Task),
		Target: s.Target, Login: s.Login, Source: s.Source, Mode: s.Mode, Exactness: s.Exactness, PTY: s.PTY,
		Command: shown(s.Command), Verdict: s.Verdict, Code: s.Code, Rule: s.Rule, Reason: shown(s.Reason), State: string(s.State),
		Exit: s.Exit, Signal: s.Signal, Remote: s.Remote, Started: s.Started.UTC(),
		BytesIn: s.BytesIn, BytesOut: s.BytesOut, Recording: s.Recording, Residue: shown(s.Residue),
	}
	end := now
	if !s.EndedAt.IsZero() {
		end = s.EndedAt.UTC()
		v.Ended = &end
	}
	v.Seconds = max(0, end.Sub(s.Started).Seconds())
	return v
}
