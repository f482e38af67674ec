package process

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// getopts is the builtin: the interpreter finds the option, what is wrong with one is told in bash's words.
func (b *builtin) getopts() error {
	if len(b.args) < 2 {
		return b.say(2, "usage: getopts optstring name [arg ...]")
	}
	if !syntax.ValidName(b.args[1]) {
		return b.say(1, "`%s': not a valid identifier", b.args[1])
	}
	options, name := b.args[0], b.args[1]
	if strings.HasPrefix(options, ":") || b.hc.Env.Get("OPTERR").String() == "0" {
		return b.hc.Builtin(b.ctx, append([]string{"getopts"}, b.args...))
	}
	if err := b.hc.Builtin(b.ctx, append([]string{"getopts", ":" + options}, b.args[1:]...)); err != nil {
		return err
	}
	said := map[string]string{"?": "illegal option", ":": "option requires an argument"}[b.hc.Env.Get(name).String()]
	if said == "" {
		return nil
	}
	fmt.Fprintf(b.hc.Stderr, "%s: %s -- %s\n", b.hc.Env.Get(nameVariable).String(), said, b.hc.Env.Get("OPTARG").String())
	if err := b.set(name, "?"); err != nil {
		return err
	}
	return b.hc.Builtin(b.ctx, []string{"unset", "OPTARG"})
}
