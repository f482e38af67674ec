package policy

import (
	"fmt"
	"net/netip"
	"strings"
)

// testOps are the operations on files that a test may ask for, each a field of its own with the path.
var testOps = []FileOp{OpRead, OpWrite, OpList, OpMkdir, OpRemove, OpRename}

// askFields are the fields of a test that say what is asked: a line, a file or a forward.
func askFields(t *Test) map[string]func(value) {
	fields := map[string]func(value){
		"run": func(v value) { t.Run, _ = v.text() },
		"by": func(v value) {
			text, _ := v.word(string(SFTP), string(SCP))
			t.file().By = Carrier(text)
		},
		"to":      func(v value) { t.file().To = readTestPath(v) },
		"size":    func(v value) { t.file().Size = v.bytes() },
		"forward": func(v value) { t.Forward = readTestForward(v, t.Forward) },
		"address": func(v value) { t.Forward = readTestAddress(v, t.Forward) },
	}
	for _, op := range testOps {
		fields[string(op)] = func(v value) {
			if t.file().Op != "" {
				v.problem("a test asks for one operation")
			}
			t.file().Op, t.file().Path = op, readTestPath(v)
		}
	}
	return fields
}

func (t *Test) file() *FileAsk {
	if t.Carry == nil {
		t.Carry = &FileAsk{By: SFTP}
	}
	return t.Carry
}

func readTestPath(v value) string {
	text, ok := v.text()
	if ok && (text[0] != '/' || (FileAsk{Path: text}).malformed() != nil) {
		v.problem("%q cannot be %s: write an absolute path as the target resolves it, without ., .. and a slash at the end", text, v.what)
	}
	return text
}

// readTestForward reads "db-1:5432", or the path of a socket.
func readTestForward(v value, known *ForwardAsk) *ForwardAsk {
	text, ok := v.text()
	if !ok {
		return known
	}
	f, err := ParseForwardAsk(text)
	if err != nil {
		v.problem("%q cannot be %s: %v", text, v.what, err)
	}
	if known != nil {
		f.Address = known.Address
	}
	return &f
}

// ParseForwardAsk reads an endpoint as a client names it: HOST:PORT, [ADDRESS]:PORT, or the absolute path of a socket.
func ParseForwardAsk(text string) (ForwardAsk, error) {
	if strings.HasPrefix(text, "/") {
		return ForwardAsk{Socket: text}, nil
	}
	colon := strings.LastIndexByte(text, ':')
	host, port := text[:max(0, colon)], parsePort(text[colon+1:])
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	if host == "" || port == 0 {
		return ForwardAsk{}, fmt.Errorf("write HOST:PORT or the path of a socket")
	}
	return ForwardAsk{Host: host, Port: port}, nil
}

func readTestAddress(v value, known *ForwardAsk) *ForwardAsk {
	text, ok := v.text()
	address, err := netip.ParseAddr(text)
	if ok && err != nil {
		v.problem("%q cannot be %s: write the address that the host has, such as 10.1.2.3", text, v.what)
	}
	if known == nil {
		known = &ForwardAsk{}
	}
	known.Address = address
	return known
}

// asks counts what a test asks: it must be one thing.
func (t *Test) asks() int {
	n := 0
	for _, there := range []bool{t.Run != "", t.Carry != nil && t.Carry.Op != "", t.Forward != nil && (t.Forward.Port != 0 || t.Forward.Socket != "")} {
		if there {
			n++
		}
	}
	return n
}

// stray reports fields that belong to something that is not asked.
func (t *Test) stray() bool {
	return t.Carry != nil && (t.Carry.Op == "" || (t.Carry.To != "") != (t.Carry.Op == OpRename)) ||
		t.Forward != nil && t.Forward.Port == 0 && t.Forward.Socket == "" || t.Run == "" && (t.PTY || t.Step)
}

// Asks is what a test asks, in one line: the client's line, "sftp read /x", "forward db-1:5432".
func (t Test) Asks() string {
	switch {
	case t.Carry != nil && t.Carry.Op == OpRename:
		return fmt.Sprintf("%s %s %s to %s", t.Carry.By, t.Carry.Op, t.Carry.Path, t.Carry.To)
	case t.Carry != nil:
		return fmt.Sprintf("%s %s %s", t.Carry.By, t.Carry.Op, t.Carry.Path)
	case t.Forward != nil:
		return "forward " + t.Forward.String()
	}
	return t.Run
}

// decideOther decides a test that has no line. A forward whose address is not said is decided by its name.
func (p *Policy) decideOther(t Test, r Request) Decision {
	if t.Carry != nil {
		return p.DecideFile(r, *t.Carry)
	}
	return p.DecideForward(r, *t.Forward)
}
