package process

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// readText admits and rewrites a text that the interpreter is to read, and gives it back as text.
func (b *builtin) readText(text string, depth int) (string, error) {
	file, err := b.shell.admitInside(runnerOf(b.hc), text, depth)
	if err != nil {
		return "", err
	}
	if err := b.shell.rewrite(b.ctx, file); err != nil {
		return "", err
	}
	return printed(file)
}

// within runs something whose commands came through one more text.
func (b *builtin) within(link wire.Link, run func() error) error {
	chain := append(b.shell.chainAt(b.hc), link)
	was := b.hc.Env.Get(chainVariable).String()
	if err := b.set(chainVariable, b.shell.chains.put(chain)); err != nil {
		return err
	}
	err := run()
	if fail := b.set(chainVariable, was); fail != nil && err == nil {
		err = fail
	}
	return err
}

// after is a text whose first $? is a status, in a way that set -e does not heed.
func after(text string, status int) string {
	if status == 0 || !strings.Contains(text, "?") {
		return text
	}
	return "\"" + mark + "status\" " + strconv.Itoa(status) + " && \"true\"\n" + text
}

// eval is the builtin.
func (b *builtin) eval() error {
	if len(b.args) > 0 && b.args[0] == "--" {
		b.args = b.args[1:]
	}
	text, err := b.readText(strings.Join(b.args, " "), len(b.shell.chainAt(b.hc))+1)
	if err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	text = after(text, b.hc.LastExitStatus)
	return b.within(wire.Link{By: "eval"}, func() error { return b.hc.Builtin(b.ctx, []string{"eval", text}) })
}

// textFile is a text that the interpreter opens as a file.
type textFile struct{ *strings.Reader }

func (textFile) Write([]byte) (int, error) { return 0, errEnded }
func (textFile) Close() error              { return nil }

// source is the builtin: the file is read once, and what was read is what runs.
func (b *builtin) source() error {
	if len(b.args) > 0 && b.args[0] == "--" {
		b.args = b.args[1:]
	}
	if len(b.args) == 0 {
		return b.say(2, "filename argument required")
	}
	name := b.args[0]
	path := under(b.hc.Dir, name)
	if !strings.Contains(name, "/") {
		if found := b.lookPath(name, false); found != "" {
			path = found
		}
	}
	content, err := b.shell.readScript(b.ctx, b.hc, path)
	if err != nil {
		return b.unreadable(name, err)
	}
	text, err := b.readText(string(content), len(b.shell.chainAt(b.hc))+1)
	if err != nil {
		return err
	}
	text = after(text, b.hc.LastExitStatus)
	link := wire.Link{By: "source " + path, SHA256: digest(content)}
	return b.within(link, func() error {
		return b.hc.Builtin(b.ctx, append([]string{"source", markText + b.shell.texts.put(text)}, b.args[1:]...))
	})
}

// unreadable is a file that cannot be read as a script.
func (b *builtin) unreadable(name string, err error) error {
	shown := fileError(name, err)
	if shown == err {
		return err
	}
	io.WriteString(b.hc.Stderr, shown.Error()+"\n")
	return interp.ExitStatus(1)
}

// digest is SHA-256, in hexadecimal.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
