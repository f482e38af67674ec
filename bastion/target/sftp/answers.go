package sftp

import "fmt"

// Status reads an answer that is a status; every other kind is an error.
func (p Packet) Status() error {
	if p.Kind != PacketStatus {
		return fmt.Errorf("%w: packet %d", ErrProtocol, p.Kind)
	}
	r := Reader{B: p.Body()}
	code := r.Uint32()
	if r.Short {
		return fmt.Errorf("%w: a short status", ErrProtocol)
	}
	return StatusError(code)
}

// Done is nil for the status that says so.
func (p Packet) Done() error {
	if err := p.Status(); err != StatusError(StatusOK) {
		return err
	}
	return nil
}

// Attrs reads an answer with owner, mode and size.
func (p Packet) Attrs() (Attrs, error) {
	if p.Kind != PacketAttrs {
		return Attrs{}, p.refusal()
	}
	r := Reader{B: p.Body()}
	a := r.Attrs()
	if r.Short || !a.whole() {
		return Attrs{}, fmt.Errorf("%w: attributes without owner, mode or size", ErrProtocol)
	}
	return a, nil
}

// whole reports whether owner, mode and size are known.
func (a Attrs) whole() bool {
	const need = AttrSize | AttrOwner | AttrMode
	return a.Known&need == need
}

// Handle reads an answer that opened something.
func (p Packet) Handle() (string, error) {
	if p.Kind != PacketHandle {
		return "", p.refusal()
	}
	r := Reader{B: p.Body()}
	h := r.Text()
	if r.Short || h == "" || len(h) > MaxHandle {
		return "", fmt.Errorf("%w: a handle of %d bytes", ErrProtocol, len(h))
	}
	return h, nil
}

// Data reads a part of a file's content, which is valid until the packet's Release.
func (p Packet) Data() ([]byte, error) {
	if p.Kind != PacketData {
		return nil, p.refusal()
	}
	r := Reader{B: p.Body()}
	d := r.Bytes()
	if r.Short || len(d) == 0 || len(r.B) > 0 {
		return nil, fmt.Errorf("%w: short data", ErrProtocol)
	}
	return d, nil
}

// refusal is a status in the place of what was asked for; one that says that all is well is none.
func (p Packet) refusal() error {
	err := p.Status()
	if err == StatusError(StatusOK) {
		return fmt.Errorf("%w: a status where something was asked for", ErrProtocol)
	}
	return err
}

// Entry is one name of a folder.
type Entry struct {
	Name  string
	Attrs Attrs // as lstat has them, if the server is OpenSSH's
}

// Entries reads names with their attributes.
func (p Packet) Entries() ([]Entry, error) {
	if p.Kind != PacketName {
		return nil, p.refusal()
	}
	body := p.Body()
	r := Reader{B: body}
	n := r.Uint32()
	if n == 0 || int64(n) > int64(len(body))/12 { // two lengths and flags each
		return nil, fmt.Errorf("%w: %d names", ErrProtocol, n)
	}
	list := make([]Entry, 0, n)
	for range n {
		e := Entry{Name: r.Text()}
		r.Bytes() // as ls -l would show it
		e.Attrs = r.Attrs()
		list = append(list, e)
	}
	if r.Short {
		return nil, fmt.Errorf("%w: short names", ErrProtocol)
	}
	return list, nil
}

// Names reads names, without their attributes.
func (p Packet) Names() ([]string, error) {
	list, err := p.Entries()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name
	}
	return names, nil
}

// Name reads the one name that realpath and readlink answer.
func (p Packet) Name() (string, error) {
	names, err := p.Names()
	if err == nil && len(names) != 1 {
		err = fmt.Errorf("%w: %d names for one", ErrProtocol, len(names))
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}
