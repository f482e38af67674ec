package console

import "io"

// crlfWriter writes CR LF for every LF that has no CR before it: what a client's terminal in raw mode needs.
type crlfWriter struct {
	to io.Writer
	cr bool // the last byte was a CR
}

func (w *crlfWriter) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p)+16)
	for _, b := range p {
		if b == '\n' && !w.cr {
			out = append(out, '\r')
		}
		w.cr = b == '\r'
		out = append(out, b)
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
