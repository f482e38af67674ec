package transfer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"unicode/utf8"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// kindOf is what stands at a place.
func (p place) kind() policy.PathKind {
	switch {
	case !p.Exists:
		return policy.PathNone
	case p.Attrs.IsFile():
		return policy.PathFile
	case p.Attrs.IsDir():
		return policy.PathDir
	}
	return policy.PathOther
}

// homeFact is the login's home, if it is one: sshd starts its server in / where there is none.
func (s *Session) homeFact() string {
	if s.home == "/" || path.Clean(s.home) != s.home || !utf8.ValidString(s.home) {
		return ""
	}
	return s.home
}

// ask is the question about an operation at a place.
func (s *Session) ask(op policy.FileOp, p place) protocol.File {
	in := protocol.File{Session: s.cfg.Session, Home: s.homeFact(), Op: op, Path: []byte(p.Real), Asked: []byte(p.asked), Kind: p.kind(), Why: p.Why}
	if p.Exists {
		in.Size = int64(min(p.Attrs.Size, 1<<62))
	}
	return in
}

// decide asks whether an operation may be done. A denial is a *refusal, recorded and told to the client.
func (s *Session) decide(ctx context.Context, in protocol.File) (protocol.FileAnswer, error) {
	a, err := s.cfg.Gate.File(ctx, in)
	if err != nil {
		return a, s.fail(fmt.Errorf("decide %s: %w", in.Op, err))
	}
	if a.Allowed {
		return a, nil
	}
	if in.Quiet {
		return a, &refusal{sftp.StatusDenied, ""}
	}
	if err := s.record(event{Op: in.Op, Path: string(in.Path), To: string(in.To), Asked: string(in.Asked), Result: "denied", Decision: a.ID, Why: a.Reason}); err != nil {
		return a, err
	}
	if s.cfg.Denied != nil {
		s.cfg.Denied(in, a)
	}
	return a, &refusal{sftp.StatusDenied, "gatehouse: DENIED: " + answer.Visible(a.Reason) + " (" + a.ID + ")"}
}

// elsewhere denies what was found to lead to another place when it was done, so that the log has it.
func (s *Session) elsewhere(ctx context.Context, in protocol.File, why error) error {
	in.Why = why.Error()
	_, err := s.decide(ctx, in)
	if err == nil { // a decider that allows what was not resolved is none
		return s.fail(errors.New("what could not be verified was allowed"))
	}
	return err
}

// event is one operation as the recording has it (docs/spec/recording-chunk.md).
type event struct {
	Op        policy.FileOp
	Path, To  string
	Asked     string // where it is not Path
	Direction string
	Size      int64 // at a file's end: bytes carried
	SHA256    string
	Result    string // "ok", "denied", "whole", "partial", or why not
	Ranges    []span
	Decision  string
	Why       string
}

// record keeps an event.
func (s *Session) record(e event) error {
	m := map[string]any{"op": e.Op, "result": e.Result}
	name := func(key, value string) {
		switch {
		case value == "":
		case utf8.ValidString(value):
			m[key] = value
		default:
			m[key+"_b64"] = base64.StdEncoding.EncodeToString([]byte(value))
		}
	}
	name("path", e.Path)
	name("to", e.To)
	if e.Asked != e.Path {
		name("asked", e.Asked)
	}
	name("why", answer.Visible(e.Why))
	for key, value := range map[string]string{"direction": e.Direction, "sha256": e.SHA256, "id": e.Decision} {
		if value != "" {
			m[key] = value
		}
	}
	if e.Direction != "" {
		m["size"] = e.Size
	}
	if len(e.Ranges) > 0 {
		m["ranges"] = e.Ranges
	}
	b, err := json.Marshal(m)
	if err != nil {
		return s.fail(fmt.Errorf("%w: %w", ErrRecord, err))
	}
	if err := s.cfg.Record(b); err != nil {
		return s.fail(fmt.Errorf("%w: %w", ErrRecord, err))
	}
	return nil
}

// did records what became of an operation that was allowed, and hands its error on.
func (s *Session) did(in protocol.File, a protocol.FileAnswer, err error) error {
	e := event{Op: in.Op, Path: string(in.Path), To: string(in.To), Asked: string(in.Asked), Decision: a.ID, Result: "ok"}
	if err != nil {
		r, ok := asRefusal(err)
		if !ok {
			return err
		}
		e.Result = r.text
		err = r
	}
	return errors.Join(s.record(e), err)
}
