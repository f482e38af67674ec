package shell

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"gatehouse/policy"
)

// ArgvPrefix begins a line that is one command with an exact argv: after it stand base64url without padding of a JSON
// array of strings. Programs use it to hand over words that no quoting can spoil. Launchers and shells with a text are read
// as in a line; nothing is a builtin.
const ArgvPrefix = "GATEHOUSE-ARGV-1 "

// parseArgv decodes what follows ArgvPrefix. Go's decoders mend some broken input; each such mend is refused here.
func parseArgv(c Context, encoded string) (policy.Plan, error) {
	refuse := func(reason string) (policy.Plan, error) {
		return policy.Plan{}, &Refusal{"exact argv", len(ArgvPrefix) + 1, reason}
	}
	if strings.ContainsAny(encoded, "\r\n") {
		return refuse("the encoded argv has no line breaks")
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return refuse("what follows is base64url without padding")
	}
	var words []*string // pointers: null must not become an empty word
	if !utf8.Valid(text) || json.Unmarshal(text, &words) != nil || len(words) == 0 {
		return refuse("what is encoded is a JSON array of at least one string, in UTF-8")
	}
	argv := make([]word, len(words))
	for i, w := range words {
		if w == nil || strings.ContainsRune(*w, utf8.RuneError) {
			return refuse("every element is a string, without U+FFFD, which stands for text that was lost")
		}
		argv[i] = word{text: *w, at: len(ArgvPrefix)}
	}
	return exactly(c, argv)
}

// exactly reads words that no shell makes anything of.
func exactly(c Context, argv []word) (policy.Plan, error) {
	r := &reader{dialect: dialect{context: c}}
	return r.command(argv, place{tail: true}, true)
}

// Around is what stands around an exact argv.
type Around struct {
	Env    []policy.EnvVar // for this command alone
	Dir    string          // absolute; empty: the home
	Umask  string
	Redirs []policy.Redir
}

// Exactly reads an exact argv with what stands around it, as ArgvPrefix has it. Its error is a *Refusal.
func Exactly(c Context, argv []string, a Around) (policy.Plan, error) {
	words := make([]word, len(argv))
	for i, w := range argv {
		if !utf8.ValidString(w) || strings.Contains(w, "\x00") {
			return policy.Plan{}, &Refusal{"exact argv", 1, "its words are UTF-8, without NUL bytes"}
		}
		words[i] = word{text: w}
	}
	plan, err := exactly(c, words)
	if err != nil {
		return policy.Plan{}, err
	}
	plan = redirected(withEnv(plan, a.Env), a.Redirs)
	plan.Dir, plan.Umask = a.Dir, a.Umask
	if err := plan.Validate(); err != nil {
		return policy.Plan{}, &Refusal{"command", 1, err.Error()}
	}
	return plan, nil
}
