package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// cell is one column: what is tried and what must come of it.
type cell struct {
	name  string
	title string
	check func(ctx context.Context, s *seat) error
}

// naError says that a client has no such thing: not a failure of anything.
type naError struct{ why string }

func (e *naError) Error() string { return e.why }

// refusalError says that the client did not get what the cell wants; output is what it said.
type refusalError struct{ output string }

func (e *refusalError) Error() string { return "refused or failed: " + tail(e.output) }

// cells are the columns, in the table's order.
var cells = []cell{
	{"certificate", "certificate", checkCertificate},
	{"agent", "certificate from an ssh-agent", checkAgent},
	{"reason", "says why it was refused", checkReason},
	{"host-ca", "door by `@cert-authority`", checkHostCA},
	{"host-key", "door by its key", checkHostKey},
	{"exec", "command", checkExec},
	{"status", "exit status", checkStatus},
	{"denied", "126 denied", checkDenied},
	{"killed", "137 killed", checkKilled},
	{"fallen", "ended by a signal", checkFallen},
	{"signal", "sends a signal", checkSignal},
	{"pty", "terminal, resize", checkPTY},
	{"output", "32 MiB out", checkOutput},
	{"input", "8 MiB in", checkInput},
	{"half-close", "half-close", checkHalfClose},
	{"env", "variables", checkEnv},
	{"many", "200 commands, one connection", checkMany},
	{"channels", "8 channels at once", checkChannels},
	{"keepalive", "keepalive", checkKeepalive},
	{"rekey", "rekeys", checkRekey},
	{"compression", "asks for compression", checkCompression},
	{"put", "32 MiB file up", checkPut},
	{"get", "32 MiB file down", checkGet},
	{"dir", "folder up and down", checkDir},
	{"names", "odd names", checkNames},
	{"file-denied", "file denied, says so", checkFileDenied},
	{"forward", "forward (`-L`, `-W`)", checkForward},
	{"forward-denied", "forward denied, says so", checkForwardDenied},
	{"manual", "the commands on this page", checkManual},
}

// onlyTools are the columns that only the second table has.
func onlyTools() []cell {
	return slices.DeleteFunc(slices.Clone(toolCells), func(t cell) bool {
		return slices.ContainsFunc(cells, func(c cell) bool { return c.name == t.name })
	})
}

// columns are those of the wanted ones that a row has.
func (c client) columns(wanted []cell) []cell {
	own := cells
	if c.tool {
		own = toolCells
	}
	return slices.DeleteFunc(slices.Clone(own), func(o cell) bool {
		return !slices.ContainsFunc(wanted, func(w cell) bool { return w.name == o.name })
	})
}

// want runs a word and compares; an empty stdout is not looked at.
func (s *seat) want(ctx context.Context, c call, status int, stdout string, words ...string) (result, error) {
	r, err := s.do(ctx, c, words...)
	switch {
	case err != nil:
		return r, err
	case r.na != "":
		return r, &naError{r.na}
	case r.status != status:
		return r, fmt.Errorf("%q: status %d, want %d: %w", words, r.status, status, &refusalError{r.stdout + r.stderr})
	case stdout != "" && r.stdout != stdout:
		return r, fmt.Errorf("%q: printed %q, want %q: %w", words, tail(r.stdout), stdout, &refusalError{r.stdout + r.stderr})
	}
	return r, nil
}

// says wants a text in what a driver printed.
func (r result) says(words ...string) error {
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			return fmt.Errorf("did not say %q: %w", w, &refusalError{r.stdout + r.stderr})
		}
	}
	return nil
}
