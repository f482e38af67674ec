package lab

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gatehouse/policy"
)

// Ability is what a program can do for whoever chooses its arguments.
type Ability string

// The abilities.
const (
	Exec    Ability = "exec"    // start any program
	Load    Ability = "load"    // load code of one's choice
	Write   Ability = "write"   // write, replace or remove files of one's choice
	Read    Ability = "read"    // read any file of the login
	Network Ability = "network" // reach other machines
)

// level is how bad it is to grant an ability without saying so.
func (a Ability) level() Level {
	switch a {
	case Exec, Load:
		return Error
	case Write, Read:
		return Warning
	}
	return Note
}

// Power is one way in which well-known programs do more than their name says. It is there if an argv has all that the power
// names; a power that names nothing is there in every call.
type Power struct {
	Programs []string // names without folder
	Does     Ability
	Sub      []string // all of these words, in this order; "get|describe" is either. They are tried in slots too
	Options  []string // one of these: "-c" is also "-cX", "--eval" also "--eval=X", "-exec" only itself
	Words    []string // one of these: each is tried in every slot of a rule
	First    bool     // the word counts only where a subcommand stands: after Sub and nothing but options and their values
	Early    bool     // the option counts only before the first word that is none
	Skip     int      // as many operands come before the words that count: the pattern of grep
	Value    bool     // the word counts only as the value of one of the options
	PTY      bool     // only on a pty
	Stdin    bool     // only with input
	How      string   // completes "NAME can …"
	Fix      string
}

// somewhere are words that stand for a file of one's choice.
var somewhere = []string{"/etc/shadow", "/tmp/x", "x", "/home/deploy/.ssh/authorized_keys"}

// anywhere are words that stand for a machine of one's choice.
var anywhere = []string{"evil.example.com", "https://evil.example.com/x", "http://evil.example.com", "203.0.113.9", "user@evil.example.com", "evil.example.com:/x"}

// maxPowerSamples bounds the forms of a rule that are looked at.
const maxPowerSamples = 4096

// powers finds what a rule lets its holder do beyond what it looks like. It looks at argvs that the rule matches and no deny
// rule of the role stops, with dangerous words in every slot that takes them. It reports whether one of them is code.
func (l *linter) powers(rule policy.RuleInfo) bool {
	if rule.Kind == policy.DenyRule {
		return false
	}
	name := programName(rule.Pattern.Program())
	var known []Power
	var hints []string
	for _, p := range allPowers() {
		if slices.Contains(p.Programs, name) {
			known = append(known, p)
			hints = append(hints, p.Words...)
			for _, words := range p.Sub {
				hints = append(hints, strings.Split(words, "|")...)
			}
		}
	}
	if len(known) == 0 {
		return false
	}
	argvs := l.undenied(rule, rule.Pattern.SamplesWith(maxPowerSamples, hints))
	told := map[Ability]bool{}
	for _, p := range known {
		if told[p.Does] || p.PTY && !rule.PTY || p.Stdin && !readsClient(rule) {
			continue
		}
		if i := slices.IndexFunc(argvs, p.beyond(rule).in); i >= 0 {
			told[p.Does] = true
			l.add("grants-"+string(p.Does), p.Does.level(), rule.File, rule.Line, p.Fix, "%s: %s can %s, as in %s", rule.ID, name, p.How, example(argvs[i], p))
		}
	}
	return told[Exec] || told[Load]
}

// beyond is the power without the words that a rule spells out: who writes "rm /tmp/x" means it. What starts programs or loads
// code is said all the same, unless people are asked each time.
func (p Power) beyond(rule policy.RuleInfo) Power {
	if (p.Does == Exec || p.Does == Load) && rule.Kind != policy.AskRule || len(p.Words) == 0 {
		return p
	}
	spelled := strings.FieldsFunc(rule.Pattern.String(), func(r rune) bool { return strings.ContainsRune(" ()[]|\"'", r) })
	p.Words = slices.DeleteFunc(slices.Clone(p.Words), func(word string) bool { return slices.Contains(spelled, word) })
	if len(p.Words) == 0 {
		p.Words = []string{"\x00"} // no word is that
	}
	return p
}

// readsClient reports whether a rule lets input of the client's choice in.
func readsClient(rule policy.RuleInfo) bool {
	return slices.Contains(rule.Stdin, policy.StdinData) || slices.Contains(rule.Stdin, policy.StdinPipe)
}

func example(argv []string, p Power) string {
	text := fmt.Sprintf("%q", Show(policy.Plan{Op: policy.OpRun, Argv: argv}.String()))
	if p.PTY {
		text += " on a pty"
	}
	if p.Stdin {
		text += " with input"
	}
	return text
}

// undenied leaves out what a deny rule of the same role stops.
func (l *linter) undenied(rule policy.RuleInfo, argvs [][]string) [][]string {
	for _, role := range l.p.Roles() {
		if role.Name != rule.Role {
			continue
		}
		for _, other := range role.Rules {
			if other.Kind == policy.DenyRule && !other.When {
				argvs = slices.DeleteFunc(argvs, func(argv []string) bool { return other.Pattern.Stops(argv) })
			}
		}
	}
	return argvs
}

// programName is a program without its folder, and without a version that follows a name of the table: python3.11.
func programName(program string) string {
	name := path.Base(program)
	if has(name) {
		return name
	}
	if short := strings.TrimRight(name, "0123456789.-"); short != "" {
		return short
	}
	return name
}

func has(name string) bool {
	return slices.ContainsFunc(allPowers(), func(p Power) bool { return slices.Contains(p.Programs, name) })
}

// in reports whether an argv does it.
func (p Power) in(argv []string) bool {
	rest := argv[1:]
	for _, words := range p.Sub {
		either := strings.Split(words, "|")
		i := slices.IndexFunc(rest, func(word string) bool { return slices.Contains(either, word) })
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	if p.Value {
		return p.valued(argv)
	}
	return (len(p.Options) == 0 || p.optionIn(argv[1:])) &&
		(len(p.Words) == 0 || slices.ContainsFunc(p.candidates(rest), p.word))
}

// optionIn reports whether one of the options is there. To write to /dev/null is to write nothing.
func (p Power) optionIn(words []string) bool {
	for i, word := range words {
		switch {
		case p.Early && !strings.HasPrefix(word, "-"):
			return false
		case p.Does == Write && (i+1 < len(words) && words[i+1] == "/dev/null" || strings.HasSuffix(word, "/dev/null")):
		case p.option(word):
			return true
		}
	}
	return false
}

// valued reports whether an option has one of the words as its value.
func (p Power) valued(argv []string) bool {
	for i, word := range argv[1:] {
		_, joined, _ := strings.Cut(word, "=")
		if slices.Contains(p.Options, word) && i+2 < len(argv) && p.word(argv[i+2]) || p.option(word) && slices.Contains(p.Words, joined) {
			return true
		}
	}
	return false
}

// candidates are the words that may be one of the power's.
func (p Power) candidates(words []string) []string {
	for skip, i := p.Skip, 0; skip > 0; i++ {
		if i == len(words) {
			return nil
		}
		if !strings.HasPrefix(words[i], "-") {
			if skip--; skip == 0 {
				words = words[i+1:]
			}
		}
	}
	if !p.First {
		return words
	}
	for i, word := range words {
		if !strings.HasPrefix(word, "-") && (i == 0 || !strings.HasPrefix(words[i-1], "-")) {
			return words[:i+1]
		}
	}
	return words
}

func (p Power) option(word string) bool {
	return slices.ContainsFunc(p.Options, func(o string) bool {
		switch {
		case word == o, strings.HasPrefix(o, "--") && strings.HasPrefix(word, o+"="):
			return true
		}
		return len(o) == 2 && o[0] == '-' && strings.HasPrefix(word, o) && !strings.HasPrefix(word, "--")
	})
}

func (p Power) word(word string) bool {
	_, value, joined := strings.Cut(word, "=")
	return slices.Contains(p.Words, word) || joined && strings.HasPrefix(word, "--") && slices.Contains(p.Words, value)
}

// allPowers is the table.
func allPowers() []Power {
	return slices.Concat(wrapperPowers, interpreterPowers, viewerPowers, textPowers, filePowers, archivePowers, transferPowers,
		versionPowers, servicePowers, containerPowers, databasePowers, packagePowers, systemPowers)
}
