package transfer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// ErrNotSCP says that a line is not the far end of an scp: it is a command like any other, or none.
var ErrNotSCP = errors.New("the line is not an scp's far end")

// SCP is what the far end of an scp of the old protocol is asked for: what OpenSSH's, PuTTY's and others' clients ask of a target
// when they are told -O, or know nothing newer.
type SCP struct {
	Sink      bool // -t: files come from the client; else -f: they go there
	Recursive bool
	Times     bool     // -p: times and modes are kept
	Folder    bool     // -d: the path must be a folder
	Paths     []string // of a sink, one
	globs     []bool   // which of Paths are patterns
}

// scpPrograms are the names under which clients start it.
var scpPrograms = []string{"scp", "/bin/scp", "/usr/bin/scp"}

// maxSCPPaths bounds what one line may name.
const maxSCPPaths = 100

// ParseSCP reads a line as a shell would, and then scp. ErrNotSCP is for another line; any other error is an scp that is not served as
// it is asked for. Options that are not known are such.
func ParseSCP(login policy.Login, line string) (*SCP, error) {
	plan, err := shell.ParseFor(shell.Context{Login: login}, line)
	if err != nil || !plan.Alone() || !slices.Contains(scpPrograms, plan.Argv[0]) || strings.HasPrefix(line, shell.ArgvPrefix) {
		return nil, ErrNotSCP
	}
	c, words, wrong := scpOptions(plan.Argv[1:])
	switch {
	case !c.sink && !c.source:
		return nil, ErrNotSCP // it would run there, and connect to another host
	case wrong != "":
		return nil, fmt.Errorf("scp's far end does not take %q through Gatehouse", wrong)
	case c.sink && c.source:
		return nil, errors.New("scp is either -f or -t, not both")
	case len(words) == 0 || len(words) > maxSCPPaths, c.sink && len(words) != 1:
		return nil, fmt.Errorf("scp's far end is asked for %d paths", len(words))
	}
	c.SCP.Sink = c.sink
	first := len(plan.Argv) - len(words)
	for i, word := range words {
		if slices.Contains(plan.Tildes, first+i) {
			word = "." + strings.TrimPrefix(word, "~") // names begin at the login's home
		}
		glob := slices.Contains(plan.Globs, first+i)
		if glob && c.sink {
			return nil, errors.New("a pattern is no place to copy to")
		}
		c.SCP.Paths, c.SCP.globs = append(c.SCP.Paths, word), append(c.SCP.globs, glob)
	}
	return &c.SCP, nil
}

// scpCommand is SCP while its options are read.
type scpCommand struct {
	SCP
	sink, source bool
}

// scpOptions reads options up to the first path; wrong is the first that is not known.
func scpOptions(words []string) (c scpCommand, rest []string, wrong string) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") && words[0] != "-" {
		word := words[0]
		words = words[1:]
		if word == "--" {
			break
		}
		for _, letter := range word[1:] {
			switch letter {
			case 't':
				c.sink = true
			case 'f':
				c.source = true
			case 'r':
				c.Recursive = true
			case 'p':
				c.Times = true
			case 'd':
				c.Folder = true
			case 'v', 'q': // it would say more, or less, of what it does
			default:
				if wrong == "" {
					wrong = word
				}
			}
		}
	}
	return c, words, wrong
}
