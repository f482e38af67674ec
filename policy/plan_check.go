package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The bounds of a plan.
const (
	maxCommands  = 64
	maxWords     = 4096
	maxPlanDepth = 16
	maxLineBytes = 120_000 // what a kernel takes as one argument of the login shell is 128 KiB
)

// Commands returns the argvs of the plan's leaves from left to right.
func (p Plan) Commands() []Argv {
	if p.Op == OpRun {
		return []Argv{p.Argv}
	}
	var argvs []Argv
	for _, part := range p.Parts {
		argvs = append(argvs, part.Commands()...)
	}
	return argvs
}

// Validate reports whether the plan has the shape that its types promise and stays within the bounds: at most 64 commands,
// 4096 words, and a line that a target's kernel still takes. Everything that reads a plan from outside calls it first.
func (p Plan) Validate() error {
	var c planCount
	if err := c.add(p, 0); err != nil {
		return err
	}
	if c.bytes > maxLineBytes {
		return fmt.Errorf("the command is too long: %d bytes when quoted, at most %d", c.bytes, maxLineBytes)
	}
	return nil
}

// planCount adds up a plan's size.
type planCount struct{ commands, words, bytes int }

func (c *planCount) add(p Plan, depth int) error {
	switch p.Op {
	case OpRun:
		if len(p.Parts) > 0 {
			return errors.New("a command has no parts")
		}
		return c.addArgv(p.Argv)
	case OpPipe, OpAnd, OpOr, OpSeq:
	default:
		return fmt.Errorf("%q is not an operator", p.Op)
	}
	if len(p.Parts) < 2 || len(p.Argv) > 0 {
		return fmt.Errorf("%q joins two or more parts and has no words of its own", p.Op)
	}
	if depth == maxPlanDepth || len(p.Parts) > maxCommands {
		return tooManyCommands()
	}
	c.bytes += len("( ) && ") * len(p.Parts)
	for _, part := range p.Parts {
		if err := c.add(part, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (c *planCount) addArgv(argv Argv) error {
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("a command has no name")
	}
	if argv[0][0] == '-' {
		return fmt.Errorf("a command's name cannot begin with -: %q", argv[0]) // exec would read it as its own option
	}
	if strings.Contains(argv[0], "=") && !strings.Contains(argv[0], "/") {
		return fmt.Errorf("a command's name cannot hold = unless it is a path: %q", argv[0]) // the launcher would set a variable
	}
	c.commands++
	c.words += len(argv)
	if c.commands > maxCommands {
		return tooManyCommands()
	}
	if c.words > maxWords {
		return errors.New("a line has at most 4096 words")
	}
	c.bytes += len("(exec )") + len(launcher)
	for _, word := range argv {
		if !utf8.ValidString(word) || strings.IndexByte(word, 0) >= 0 {
			return fmt.Errorf("a word is not UTF-8 without NUL: %q", word)
		}
		c.bytes += len(word) + len(" ''") + 3*strings.Count(word, "'")
	}
	return nil
}

func tooManyCommands() error {
	return fmt.Errorf("a line has at most %d commands, nested at most %d deep", maxCommands, maxPlanDepth)
}
