package wire

import (
	"bytes"
	"errors"
	"testing"
)

// TestFramesAreBounded: a frame of an unknown kind or an impossible length is refused before anything of its content is read.
func TestFramesAreBounded(t *testing.T) {
	for _, head := range [][]byte{{'o', 0, 0, 0x80, 1}, {'q', 0, 8, 0, 1}, {'?', 0, 0, 0, 0}, {'j', 0, 0, 0, 1}, {'o', 0xff, 0xff, 0xff, 0xff}} {
		if _, _, err := Read(bytes.NewReader(append(head, 1)), nil); !errors.Is(err, ErrFrame) {
			t.Errorf("read % x: %v, want %v", head, err, ErrFrame)
		}
	}
	var b bytes.Buffer
	if err := Write(&b, FrameOut, make([]byte, MaxData+1)); !errors.Is(err, ErrFrame) {
		t.Errorf("write: %v, want %v", err, ErrFrame)
	}
	if err := WriteJSON(&b, FrameAsk, Ask{Op: OpHome}); err != nil {
		t.Fatal(err)
	}
	var got Ask
	if err := ReadJSON(&b, FrameAsk, &got); err != nil || got.Op != OpHome {
		t.Errorf("got %+v, %v", got, err)
	}
}
