package ca

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBoundedAnswers: answers pass as they are, however they are read; one over the bound ends the reading with its length.
func TestBoundedAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire bytes.Buffer
		for _, size := range rapid.SliceOfN(rapid.IntRange(0, 2000), 0, 5).Draw(t, "sizes") {
			wire.Write(binary.BigEndian.AppendUint32(nil, uint32(size)))
			wire.Write(bytes.Repeat([]byte{byte(size)}, size))
		}
		want := bytes.Clone(wire.Bytes())
		over := rapid.Uint32Range(maxAgentAnswer+1, 1<<32-1).Draw(t, "over")
		wire.Write(binary.BigEndian.AppendUint32(nil, over))
		wire.WriteString("and more")
		b := &boundedAnswers{rw: &wire}
		piece := make([]byte, rapid.IntRange(1, 600).Draw(t, "piece"))
		var got []byte
		for {
			n, err := b.Read(piece)
			got = append(got, piece[:n]...)
			if err == io.EOF {
				t.Fatal("it read past an answer that is too long")
			}
			if err != nil {
				if !strings.Contains(err.Error(), "want at most") {
					t.Fatal(err)
				}
				break
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, want %d", len(got), len(want))
		}
	})
}
