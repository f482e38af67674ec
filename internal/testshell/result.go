package testshell

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/bastion/shell/wire"
)

// Result is what came of a text.
type Result struct {
	Stdout, Stderr []byte
	Status         int
	Files          map[string]string
	Refused        *wire.Refused // only of a governed shell
	Fault          string        // only of a governed shell: why it ended otherwise than by itself
}

// Class is how a governed shell's result stands to bash's.
type Class string

// The classes. Refused and Stopped are loud: nothing was begun, or the shell said on standard error, in its own name, why it does not go on
// as bash does. Different is what must not be.
const (
	Equal     Class = "equal"
	Refused   Class = "refused"
	Stopped   Class = "stopped"
	Different Class = "DIFFERENT"
)

// Compare says how got stands to bash's want, and for Different what differs. Of standard error only whether there is any is compared: the
// wording of messages is no part of what is promised.
func Compare(want, got Result) (Class, string) {
	if got.Refused != nil {
		return Refused, fmt.Sprintf("%s: %s", got.Refused.Construct, got.Refused.Reason)
	}
	var differs []string
	say := func(format string, args ...any) { differs = append(differs, fmt.Sprintf(format, args...)) }
	if got.Fault != "" {
		say("the shell ended: %s", got.Fault)
	}
	if got.Status != want.Status {
		say("status %d, bash %d", got.Status, want.Status)
	}
	if !bytes.Equal(unnumbered(got.Stdout), unnumbered(want.Stdout)) {
		say("stdout %s\n   bash %s", short(got.Stdout), short(want.Stdout))
	}
	if wanted := said(want.Stderr); (len(got.Stderr) == 0) != (len(wanted) == 0) {
		say("stderr %s\n   bash %s", short(got.Stderr), short(want.Stderr))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Files)) {
		if string(unnumbered([]byte(got.Files[name]))) != string(unnumbered([]byte(want.Files[name]))) {
			say("file %s is %s\n   bash %s", name, or(got.Files[name], "missing"), want.Files[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.Files)) {
		if _, has := want.Files[name]; !has {
			say("file %s is there, not by bash: %s", name, got.Files[name])
		}
	}
	if differs == nil {
		return Equal, ""
	}
	if told, has := told(want, got); has {
		return Stopped, told
	}
	if len(got.Stderr) > 0 && !strings.Contains(differs[len(differs)-1], "stderr ") {
		say("stderr %s", short(got.Stderr))
	}
	return Different, strings.Join(differs, "\n")
}

// told is what the shell said in its own name, on standard error or, where that goes to a file, in a file that differs.
func told(want, got Result) (string, bool) {
	places := []string{string(got.Stderr)}
	if !bytes.Equal(got.Stdout, want.Stdout) {
		places = append(places, string(got.Stdout))
	}
	for name, what := range got.Files {
		if what != want.Files[name] {
			places = append(places, what)
		}
	}
	for _, place := range places {
		if _, told, has := strings.Cut(place, "gatehouse: "); has {
			told, _, _ = strings.Cut(told, "\n")
			return told, true
		}
	}
	return "", false
}

// remarks are what bash says of a command that a signal ended, and of a NUL that it drops. Governed shells do not say it (docs/shell.md).
var remarks = regexp.MustCompile(`(?m)^(bash: line \d+: )?( *\d+ )?(Terminated|Killed|Hangup|Aborted|User defined signal \d|Segmentation fault|Alarm clock|Broken pipe)( .*)?\n|^bash: line \d+: warning: command substitution: ignored null byte in input\n`)

// lines are the numbers in bash's messages, which go where standard error does: the shell's own say 1.
var lines = regexp.MustCompile(`(?:bash|environment|sh): line \d+:`)

func unnumbered(b []byte) []byte { return lines.ReplaceAll(b, []byte("bash: line 1:")) }

// said is what is left of bash's standard error without its remarks.
func said(stderr []byte) []byte { return remarks.ReplaceAll(stderr, nil) }

func short(b []byte) string {
	if len(b) <= 1500 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… %d bytes, sha256 %x", b[:300], len(b), sha256.Sum256(b))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
