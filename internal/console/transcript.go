package console

import (
	"io"

	"gatehouse/recorder/index"
	"gatehouse/recorder/replay"
)

// transcript writes the recording as text. With a pty it is what was seen on the screen, line by line; without one it is what
// was written, with stdout, stderr and input apart.
func (p *Playback) transcript(w io.Writer) error {
	if h := p.Recording.Header(); h.PTY {
		return index.Transcript(w, h, p.Events)
	}
	return replay.Text(w, p.Events)
}
