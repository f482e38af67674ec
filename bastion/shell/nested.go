package shell

import (
	"errors"
	"path"
	"strings"

	"gatehouse/policy"
)

// maxTexts bounds shells in shells.
const maxTexts = 8

// shells are the programs whose -c is read in place.
var shells = []string{
	"bash", "/bin/bash", "/usr/bin/bash", "sh", "/bin/sh", "/usr/bin/sh", "dash", "/bin/dash", "/usr/bin/dash",
}

// shellText converts bash -c TEXT and its like. ok is false for a shell without -c, which is a program like any other.
func (r *reader) shellText(words []word) (plan policy.Plan, ok bool, err error) {
	name := words[0]
	inner := r.dialect
	inner.sh = path.Base(name.text) != "bash"
	inner.depth++
	options, given, rest, err := (&reader{dialect: inner}).shellOptions(words[1:])
	switch {
	case err != nil:
		return policy.Plan{}, false, err
	case !given:
		return policy.Plan{}, false, nil
	case len(rest) == 0:
		return policy.Plan{}, false, name.refuse("shell", "-c is followed by a text")
	case len(rest) > 1:
		return policy.Plan{}, false, rest[1].refuse("shell", "after the text of -c there is nothing: quote the whole text once")
	case !rest[0].literal():
		return policy.Plan{}, false, rest[0].refuse("shell", "the text of -c is literal: put it in single quotes")
	case inner.depth > maxTexts || len(rest[0].text) > maxLine:
		return policy.Plan{}, false, rest[0].refuse("nesting", "shells are nested at most 8 deep")
	}
	plan, err = parseText(rest[0].text, inner, options)
	return plan, true, rest[0].outside(err)
}

// shellOptions reads a shell's options. Without a -c among them nothing is refused.
func (r *reader) shellOptions(words []word) (o options, given bool, rest []word, err error) {
	if !hasText(words) {
		return o, false, nil, nil
	}
	for len(words) > 0 && strings.HasPrefix(words[0].text, "-") {
		used := 1
		if long := words[0].text; r.sh || long != "--login" && long != "--noprofile" && long != "--norc" {
			if used, err = r.option(words, &o, "cl"); err != nil {
				return o, true, nil, err
			}
		}
		words = words[used:]
	}
	return o, true, words, nil
}

// hasText reports whether -c is among the options that begin the words.
func hasText(words []word) bool {
	for i := 0; i < len(words) && strings.HasPrefix(words[i].text, "-"); i++ {
		switch short := !strings.HasPrefix(words[i].text, "--"); {
		case words[i].text == "--rcfile", words[i].text == "--init-file":
			i++
		case short && strings.Contains(words[i].text, "c"):
			return true
		case short && strings.HasSuffix(words[i].text, "o"):
			i++
		}
	}
	return false
}

// outside moves a refusal in the text of a word to where it stands in the line.
func (w word) outside(err error) error {
	var refusal *Refusal
	if !errors.As(err, &refusal) || w.chars == nil {
		if refusal != nil {
			return &Refusal{refusal.Construct, w.at + 1, refusal.Reason}
		}
		return err
	}
	at := w.offsets()
	return &Refusal{refusal.Construct, at[min(refusal.Column-1, len(at)-1)] + 1, refusal.Reason}
}
