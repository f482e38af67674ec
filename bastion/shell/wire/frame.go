package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The bounds of what one side sends in one piece.
const (
	MaxHead = 512 << 10 // bytes of an Ask, an Answer, a Report
	MaxData = 32 << 10  // bytes of a frame of content
)

// Frame says what a piece of a stream is.
type Frame byte

// The frames. Those with JSON have it as their whole content.
const (
	FrameAsk     Frame = 'q' // Ask
	FrameAnswer  Frame = 'a' // Answer
	FrameEvent   Frame = 'v' // Event
	FrameReport  Frame = 'r' // Report
	FrameStarted Frame = 'b' // Started: the command runs
	FrameExit    Frame = 'x' // Exit: and that it has ended; the last of the stream
	FrameFail    Frame = 'f' // Error: in the place of FrameStarted, FrameExit or FrameDone; the last of the stream
	FrameIn      Frame = 'i' // bytes of a command's input, or of a file that is written
	FrameInEnd   Frame = 'j' // there is no more of that
	FrameOut     Frame = 'o' // bytes of output, or of a file that is read
	FrameErr     Frame = 'e' // bytes of standard error
	FrameShut    Frame = 's' // one byte, 1 or 2: nobody reads that output any more
	FrameSignal  Frame = 'k' // a signal's name, without SIG
	FrameDone    Frame = 'd' // a file is closed, and what was written is there; to the door: it is to say so of what was written so far
)

// ErrFrame is a frame that is no frame.
var ErrFrame = errors.New("not the shell's protocol")

// max is how long a frame's content may be.
func (f Frame) max() int {
	switch f {
	case FrameIn, FrameOut, FrameErr:
		return MaxData
	case FrameInEnd, FrameDone:
		return 0
	case FrameShut:
		return 1
	case FrameSignal:
		return 16
	case FrameAsk, FrameAnswer, FrameEvent, FrameReport, FrameStarted, FrameExit, FrameFail:
		return MaxHead
	}
	return -1
}

// Write sends one frame with one Write. It is not safe for concurrent use on one stream.
func Write(w io.Writer, f Frame, content []byte) error {
	if len(content) > f.max() {
		return fmt.Errorf("%w: %d bytes in a frame %q", ErrFrame, len(content), byte(f))
	}
	if len(content) <= MaxData {
		whole := frames.Get().(*[5 + MaxData]byte)
		defer frames.Put(whole)
		return writeIn(w, whole[:5+len(content)], f, content)
	}
	return writeIn(w, make([]byte, 5+len(content)), f, content)
}

// frames are kept for what is written next: a writer keeps nothing of what it was given.
var frames = sync.Pool{New: func() any { return new([5 + MaxData]byte) }}

func writeIn(w io.Writer, b []byte, f Frame, content []byte) error {
	b[0] = byte(f)
	binary.BigEndian.PutUint32(b[1:], uint32(len(content)))
	copy(b[5:], content)
	_, err := w.Write(b)
	return err
}

// WriteJSON sends one frame whose content is v.
func WriteJSON(w io.Writer, f Frame, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame %q: %w", byte(f), err)
	}
	return Write(w, f, b)
}

// Read takes one frame, into buf where it fits. io.EOF is a stream that ended between frames.
func Read(r io.Reader, buf []byte) (Frame, []byte, error) { return read(r, buf, MaxHead) }

// ReadData is Read where no frame is longer than content may be.
func ReadData(r io.Reader, buf []byte) (Frame, []byte, error) { return read(r, buf, MaxData) }

func read(r io.Reader, buf []byte, most int) (Frame, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	f, n := Frame(head[0]), int64(binary.BigEndian.Uint32(head[1:]))
	if n > int64(min(f.max(), most)) {
		return 0, nil, fmt.Errorf("%w: %d bytes in a frame %q", ErrFrame, n, head[0])
	}
	b, err := content(r, buf, int(n))
	if err != nil {
		return 0, nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return f, b, nil
}

// content reads n bytes, and takes no more room than has come, or MaxData.
func content(r io.Reader, buf []byte, n int) ([]byte, error) {
	if n <= len(buf) {
		_, err := io.ReadFull(r, buf[:n])
		return buf[:n], err
	}
	if n <= MaxData {
		buf = make([]byte, n)
		_, err := io.ReadFull(r, buf)
		return buf, err
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, int64(n))
	return b.Bytes(), err
}

// ReadJSON takes one frame that must be of the kind f, and decodes it into v. A FrameFail in its place is returned as its *Error.
func ReadJSON(r io.Reader, f Frame, v any) error {
	got, b, err := Read(r, nil)
	if err != nil {
		return err
	}
	if got == FrameFail {
		var fail Error
		if json.Unmarshal(b, &fail) != nil {
			return ErrFrame
		}
		return &fail
	}
	if got != f || json.Unmarshal(b, v) != nil {
		return fmt.Errorf("%w: a frame %q in the place of %q", ErrFrame, byte(got), byte(f))
	}
	return nil
}
