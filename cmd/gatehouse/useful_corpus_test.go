package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// usefulLine is one line of the corpus: what somebody types, as whom, and what must come of it.
type usefulLine struct {
	place  string // file:line
	task   string
	who    usefulWho
	text   string
	code   string           // the denial that is meant; "" means that it is as without Gatehouse
	reason string           // of the denial
	ignore []*regexp.Regexp // what differs by nature: it is cut out of both outputs
}

// usefulWho is under which example, as which agent and on what a line is asked.
type usefulWho struct{ example, agent, login, target, task, labels string }

// readCorpus reads testdata/useful/*.txt. A line begins with
//
//	#  a task; what follows belongs to it
//	@  EXAMPLE AGENT LOGIN@TARGET [task=TASK] [labels={NAME:VALUE,…}]; what follows is asked so
//	$  a line as it is typed; those after it that begin with > continue it
//
// and, below the line that it is about and indented by two spaces, CODE: REASON, a denial that is meant, or
// ignore "REGEXP": REASON, something in the outputs that is not compared. What has neither is the same as without Gatehouse.
func readCorpus(dir string) ([]usefulLine, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	var lines []usefulLine
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := corpusReader{lines: lines}
		for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			if err := c.read(fmt.Sprintf("%s:%d", filepath.Base(file), i+1), line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
			}
		}
		lines = c.lines
	}
	return lines, nil
}

type corpusReader struct {
	lines []usefulLine
	task  string
	who   usefulWho
}

func (c *corpusReader) read(place, line string) error {
	mark, rest := line, ""
	if len(line) > 1 {
		mark, rest = line[:2], line[2:]
	}
	switch mark {
	case "":
	case "# ":
		c.task = rest
	case "@ ":
		return c.readWho(rest)
	case "$ ":
		if c.task == "" || c.who.agent == "" {
			return fmt.Errorf("a line needs a task (#) and who types it (@)")
		}
		c.lines = append(c.lines, usefulLine{place: place, task: c.task, who: c.who, text: rest})
	case "> ", ">":
		c.lines[len(c.lines)-1].text += "\n" + rest
	case "  ":
		return c.lines[len(c.lines)-1].note(rest)
	default:
		return fmt.Errorf("%q is no line of a corpus", line)
	}
	return nil
}

func (c *corpusReader) readWho(text string) error {
	words := strings.Fields(text)
	if len(words) < 3 {
		return fmt.Errorf("want @ EXAMPLE AGENT LOGIN@TARGET")
	}
	login, target, ok := strings.Cut(words[2], "@")
	if !ok {
		return fmt.Errorf("%q is not LOGIN@TARGET", words[2])
	}
	c.who = usefulWho{example: words[0], agent: words[1], login: login, target: target}
	for _, word := range words[3:] {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "task":
			c.who.task = value
		case "labels":
			c.who.labels = strings.NewReplacer(":", ": ", ",", ", ").Replace(value)
		default:
			return fmt.Errorf("%q is not task= or labels=", word)
		}
	}
	return nil
}

// note reads what stands below a line.
func (l *usefulLine) note(text string) error {
	if rest, ok := strings.CutPrefix(text, "ignore "); ok {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return err
		}
		pattern, _ := strconv.Unquote(quoted)
		re, err := regexp.Compile("(?m)" + pattern)
		l.ignore = append(l.ignore, re)
		return err
	}
	code, reason, ok := strings.Cut(text, ": ")
	if !ok || reason == "" {
		return fmt.Errorf("want CODE: REASON, found %q", text)
	}
	l.code, l.reason = code, reason
	return nil
}
