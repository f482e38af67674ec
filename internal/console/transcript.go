package console

import (
	"io"

	"gatehouse/recorder/index"
	"gatehouse/recorder/replay"
	"gatehouse/recorder/secret"
)

// transcript writes the recording as text. With a pty it is what was seen on the screen, line by line; without one it is what
// was written, with stdout, stderr and input apart.
func (p *Playback) transcript(w io.Writer) error {
	if h := p.Recording.Header(); h.PTY {
		return index.Transcript(w, h, p.Events)
	}
	return replay.Text(w, p.Events)
}

// maskedLines masks a transcript as it is read: a secret may come together only when escape sequences are gone, or on the screen.
type maskedLines struct {
	io.Writer
	secrets *secret.Detector
}

// Write takes whole lines.
func (m maskedLines) Write(p []byte) (int, error) {
	return io.WriteString(m.Writer, m.secrets.MaskText(string(p))) // as long as before
}
