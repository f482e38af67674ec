package console

import (
	"context"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/policy"
)

// Offerer is the decider as the verb help sees it.
type Offerer interface {
	// Offers lists what the credential's own identity may do: without a target where its roles apply, with one what they allow
	// there, with that login or with each. The audit entry is durable when it returns, for refusals too. A target that no role
	// reaches is a *ForbiddenError, whether or not it exists. Safe for concurrent use.
	Offers(ctx context.Context, who Credential, target, login string) (policy.Offering, error)
}

type helpCmd struct {
	What []string `arg:"" optional:"" help:"A target and a login, LOGIN@TARGET, or a verb." placeholder:"TARGET"`
}

// helpArgs turns no arguments into help, and "help VERB" and "VERB help" into "VERB --help". What is no verb is a target.
func helpArgs(args []string, verbs *kong.Application) []string {
	if len(args) == 0 {
		return []string{"help"}
	}
	if len(args) == 2 && args[1] == "help" && isGroup(args[0], verbs) {
		return []string{args[0], "--help"}
	}
	at := slices.IndexFunc(args, isWord)
	if at < 0 || args[at] != "help" {
		return args
	}
	words := slices.DeleteFunc(slices.Clone(args[at+1:]), func(a string) bool { return !isWord(a) })
	if len(words) > 0 && slices.ContainsFunc(verbs.Children, func(n *kong.Node) bool { return n.Name == words[0] }) {
		return append(words, "--help")
	}
	return args
}

// isGroup says whether name is a verb that has verbs of its own: the word after it cannot be an argument.
func isGroup(name string, verbs *kong.Application) bool {
	return slices.ContainsFunc(verbs.Children, func(n *kong.Node) bool { return n.Name == name && len(n.Children) > 0 })
}

func isWord(arg string) bool { return !strings.HasPrefix(arg, "-") }

// Run answers what the caller may do; without a target, after the verbs.
func (h *helpCmd) Run(in *invocation) error {
	target, login, err := h.where()
	if err != nil {
		return err
	}
	if target == "" && !in.json {
		in.usage()
	}
	offering, err := in.c.cfg.Offers.Offers(in.ctx, in.who, target, login)
	switch {
	case err != nil:
		return err
	case in.json:
		return in.printJSON(offering)
	case target == "":
		in.printf("\n%s", reachText(offering, in.std.Program))
	default:
		in.printf("%s", offersText(offering, target))
	}
	return nil
}

// where reads TARGET, TARGET LOGIN or LOGIN@TARGET.
func (h *helpCmd) where() (target, login string, err error) {
	if len(h.What) == 0 {
		return "", "", nil
	}
	target = h.What[0]
	if at := strings.LastIndexByte(target, '@'); at >= 0 {
		login, target = target[:at], target[at+1:]
		if login == "" || target == "" || len(h.What) > 1 {
			return "", "", usagef("write help TARGET, help TARGET LOGIN or help LOGIN@TARGET")
		}
	}
	if len(h.What) > 2 || target == "" {
		return "", "", usagef("write help TARGET, help TARGET LOGIN or help LOGIN@TARGET")
	}
	if len(h.What) == 2 {
		login = h.What[1]
	}
	return target, login, nil
}
