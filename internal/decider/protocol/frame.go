// Package protocol is how the door and the decider speak: length-prefixed JSON frames over an inherited socket pair
// (docs/spec/decider-protocol.md). The decider trusts nothing that arrives here but the bytes of certificates whose
// signature it checks itself; whoever holds the door's end gets what docs/taken-over-door.md lists and no more.
package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Version is the protocol's version, sent in every frame. A frame of another version ends the connection.
const Version = 1

// MaxFrame bounds a frame's JSON.
const MaxFrame = 1 << 20

// ErrFrame is returned for bytes that are not a frame of this version; the connection cannot go on.
var ErrFrame = errors.New("not a frame of the decider protocol")

// Frame is one message. A request has ID and Op; its response has the same ID and either OK or Error; an event has Op
// and no ID.
type Frame struct {
	V     int             `json:"v"`
	ID    uint64          `json:"id,omitempty"`
	Op    Op              `json:"op,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
	OK    json.RawMessage `json:"ok,omitempty"`
	Error *Error          `json:"error,omitempty"`
}

// Error is a refusal or a failure as it crosses the socket.
type Error struct {
	Code   string `json:"code"` // one of the Code constants
	Msg    string `json:"msg"`
	Reason string `json:"reason,omitempty"` // one word for programs; only where an operation says so
}

func (e *Error) Error() string { return e.Msg }

// The error codes.
const (
	CodeRefused   = "refused"  // the decider says no: a bad certificate, no right, a used link
	CodeInvalid   = "invalid"  // the request does not make sense
	CodeEvidence  = "evidence" // the audit log cannot be written, so nothing may happen
	CodeInternal  = "internal"
	CodeSignedOut = "signed_out" // the browser's sign-in has ended

	CodeUnavailable = "unavailable" // a CA's key cannot sign now; the same request may succeed later
)

// WriteFrame writes one frame with a single Write, so that concurrent writers need only a lock around it.
func WriteFrame(w io.Writer, f Frame) error {
	f.V = Version
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(body) > MaxFrame {
		return fmt.Errorf("frame of %d bytes is over %d", len(body), MaxFrame)
	}
	buf := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(buf, uint32(len(body)))
	_, err = w.Write(append(buf, body...))
	return err
}

// ReadFrame reads one frame. Anything malformed, of another version, with an unknown field or not UTF-8 is ErrFrame.
func ReadFrame(r io.Reader) (Frame, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > MaxFrame {
		return Frame{}, fmt.Errorf("%w: length %d", ErrFrame, n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return Frame{}, err
	}
	return DecodeFrame(body)
}

// DecodeFrame decodes the JSON of one frame.
func DecodeFrame(body []byte) (Frame, error) {
	var f Frame
	if err := Decode(body, &f); err != nil {
		return Frame{}, fmt.Errorf("%w: %v", ErrFrame, err)
	}
	if f.V != Version {
		return Frame{}, fmt.Errorf("%w: version %d", ErrFrame, f.V)
	}
	return f, nil
}

// Decode is strict JSON: UTF-8, one value, no unknown field.
func Decode(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
