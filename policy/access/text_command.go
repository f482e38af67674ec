package access

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/policy"
)

// command says what runs: the line as a person would write it, then every part of it by itself.
func (f *facts) command(c Command) {
	f.raw("line: " + shown(c.Plan.String()))
	if c.final() {
		f.raw("final: yes")
	} else {
		f.raw("final: no, the target says when it runs what its programs, folders and patterns are")
	}
	f.plan("1", c.Plan)
	for _, v := range c.Env {
		f.raw("sets: " + quoted(v.Name) + " to " + exact(v.Value))
	}
	f.raw("terminal: " + yesNo(c.PTY))
	f.value("input", string(c.Stdin))
	f.value("mode", string(c.Mode))
	for _, file := range c.Files {
		f.raw("file: " + fileText(file))
	}
}

// fileText is a file's state, all of it: every field that it has in JSON, by name.
func fileText(file FileState) string {
	var text []string
	dec := json.NewDecoder(bytes.NewReader(encode(file)))
	dec.UseNumber()
	for name := true; ; {
		token, err := dec.Token()
		if err != nil {
			return strings.Join(text, " ")
		}
		value, isText := token.(string)
		switch _, around := token.(json.Delim); {
		case around:
			continue
		case isText && !name:
			text = append(text, exact(value))
		default:
			text = append(text, fmt.Sprint(token))
		}
		name = !name
	}
}

// plan says what one node of a plan does, then its parts, which are numbered below it.
func (f *facts) plan(at string, p policy.Plan) {
	step := func(text string) { f.raw("step " + at + ": " + text) }
	step(opText(p))
	if p.Dir != "" {
		step("in folder " + exact(p.Dir))
	}
	if p.Umask != "" {
		step("umask " + exact(p.Umask))
	}
	if p.Not {
		step("success and failure exchanged")
	}
	if p.Null {
		step("reads nothing")
	}
	for _, v := range p.Env {
		step("sets " + quoted(v.Name) + " to " + exact(v.Value))
	}
	for _, wrap := range p.Wrap {
		step("launched by " + words(wrap))
	}
	for _, start := range p.Starts {
		step("starts " + words(start))
	}
	if len(p.Globs) > 0 {
		step(fmt.Sprintf("patterns in words %v", p.Globs))
	}
	if len(p.Tildes) > 0 {
		step(fmt.Sprintf("home in words %v", p.Tildes))
	}
	for _, r := range p.Redirs {
		step(redirText(r))
	}
	for i, part := range p.Parts {
		f.plan(at+"."+strconv.Itoa(i+1), part)
	}
}

func opText(p policy.Plan) string {
	text := ""
	switch p.Op {
	case policy.OpRun:
		text = "runs " + words(p.Argv)
	case policy.OpShell:
		text = "a shell of the target reads " + exact(p.Text)
	case policy.OpGoverned:
		text = "a governed shell reads " + exact(p.Text)
	case policy.OpPipe:
		text = "a pipeline"
	case policy.OpAnd:
		text = "each after the success of the one before"
	case policy.OpOr:
		text = "each after the failure of the one before"
	case policy.OpSeq:
		text = "one after the other"
	default:
		text = "unknown operator " + exact(string(p.Op))
	}
	if p.Pipefail {
		text += ", failing if one fails"
	}
	if p.Op != policy.OpRun && len(p.Argv) > 0 {
		text += ", with words " + words(p.Argv)
	}
	if p.Op != policy.OpShell && p.Op != policy.OpGoverned && p.Text != "" {
		text += ", with text " + exact(p.Text)
	}
	return text
}

func redirText(r policy.Redir) string {
	fd := strconv.Itoa(r.FD)
	switch {
	case r.Op == policy.RedirIn && r.To == 0 && r.Data == "":
		return fd + " reads file " + exact(r.Path)
	case r.Op == policy.RedirOut && r.To == 0 && r.Data == "":
		return fd + " replaces file " + exact(r.Path)
	case r.Op == policy.RedirAppend && r.To == 0 && r.Data == "":
		return fd + " appends to file " + exact(r.Path)
	case r.Op == policy.RedirDup && r.Path == "" && r.Data == "":
		return fd + " goes where " + strconv.Itoa(r.To) + " goes"
	case r.Op == policy.RedirData && r.Path == "" && r.To == 0:
		return fd + " reads the text " + exact(r.Data)
	}
	return fmt.Sprintf("%s %s path %s to %d data %s", fd, exact(string(r.Op)), exact(r.Path), r.To, exact(r.Data))
}

// words are those of a command, each in quotes.
func words(argv policy.Argv) string {
	list := make([]string, len(argv))
	for i, word := range argv {
		list[i] = exact(word)
	}
	return orNone(strings.Join(list, " "))
}
