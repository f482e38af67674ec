package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/policy"
)

// rulebook is a rule set in a form from which both engines get theirs.
type rulebook struct{ rules []bookRule }

// bookRule is one rule, as Open Policy Agent's program reads it.
type bookRule struct {
	Agent   string     `json:"agent"`
	Target  string     `json:"target"`
	Login   string     `json:"login"`
	Program string     `json:"program"`
	Words   []bookWord `json:"words"`
}

// bookWord is one word after the program: "is" Text, "int" from Min to Max, "text", "path" or "unit" by the glob Text.
type bookWord struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
	Min  int    `json:"min"`
	Max  int    `json:"max"`
}

func is(text string) bookWord       { return bookWord{Kind: "is", Text: text} }
func within(low, high int) bookWord { return bookWord{Kind: "int", Min: low, Max: high} }
func path(glob string) bookWord     { return bookWord{Kind: "path", Text: glob} }
func unit(glob string) bookWord     { return bookWord{Kind: "unit", Text: glob} }
func text() bookWord                { return bookWord{Kind: "text"} }

// newRulebook has so many rules, at least five: those of the cases in the middle of others for as many programs.
func newRulebook(size int) rulebook {
	var b rulebook
	for i := range size {
		if i == size/2-2 {
			b.add("systemctl", is("status"), unit("app-*"))
			b.add("tail", is("-n"), within(1, 5000), path("/var/log/app/**"))
			b.add("grep", is("-F"), text(), path("/var/log/app/**"))
			b.add("grep", is("-F"), text())
			b.add("wc", is("-l"))
		}
		if i >= 5 {
			b.addOther(i)
		}
	}
	return b
}

func (b *rulebook) addOther(i int) {
	name := fmt.Sprintf("tool%d", i)
	switch i % 4 {
	case 0:
		b.add(name, is("status"), unit(fmt.Sprintf("svc%d-*", i)))
	case 1:
		b.add(name, within(1, 100), path(fmt.Sprintf("/srv/%d/**", i)))
	case 2:
		b.add(name, is("show"), text())
	case 3:
		b.add(name, is("list"), is("all"))
	}
}

func (b *rulebook) add(program string, words ...bookWord) {
	b.rules = append(b.rules, bookRule{"bot", "web-1", "deploy", program, words})
}

// pattern is a rule in Gatehouse's language.
func (r bookRule) pattern() string {
	words := []string{r.Program}
	for _, w := range r.Words {
		words = append(words, w.pattern())
	}
	return strings.Join(words, " ")
}

func (w bookWord) pattern() string {
	switch w.Kind {
	case "is":
		return w.Text
	case "int":
		return fmt.Sprintf("<int:%d..%d>", w.Min, w.Max)
	case "text":
		return "<text>"
	}
	return "<" + w.Kind + ":" + w.Text + ">"
}

// policy is Gatehouse's policy; when is the condition of each rule, if it is not empty.
func (b rulebook) policy(when string) (*policy.Policy, error) {
	var y strings.Builder
	y.WriteString("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [operator]}}\nroles:\n  operator:\n    targets: [web-1]\n    logins: [deploy]\n    allow:\n")
	for _, r := range b.rules {
		if when == "" {
			fmt.Fprintf(&y, "      - %q\n", r.pattern())
		} else {
			fmt.Fprintf(&y, "      - {run: %q, when: %q}\n", r.pattern(), when)
		}
	}
	return policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(y.String())}})
}

// decisionCase is one question.
type decisionCase struct {
	name    string
	request policy.Request
}

// leads says where the symbolic links of the cases lead.
var leads = map[string]string{"/var/log/app/away": "/etc/shadow"}

// cases are a day's: what is allowed, in its three forms, and what is denied, by a word and by where a path leads.
func (b rulebook) cases() []decisionCase {
	run := func(words ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: words} }
	tail := func(file string) policy.Plan { return run("tail", "-n", "50", file) }
	return []decisionCase{
		{"allowed", question(run("systemctl", "status", "app-api"))},
		{"allowed, with a path", question(tail("/var/log/app/web.log"))},
		{"denied by a word", question(tail("/etc/shadow"))},
		{"denied by where a path leads", question(tail("/var/log/app/away"))},
		{"a pipeline of three, allowed", question(policy.Plan{Op: policy.OpPipe, Parts: []policy.Plan{tail("/var/log/app/web.log"), run("grep", "-F", "error"), run("wc", "-l")}})},
	}
}

// question is a request with all facts that it may need.
func question(plan policy.Plan) policy.Request {
	facts := policy.Facts{Home: "/home/deploy", Programs: map[string]policy.ProgramFact{}, Paths: map[string]policy.PathFact{}}
	for _, argv := range plan.Commands() {
		facts.Programs[argv[0]] = policy.ProgramFact{Path: "/usr/bin/" + argv[0], Real: "/usr/bin/" + argv[0]}
		for _, word := range argv[1:] {
			if real, link := leads[word]; link {
				facts.Paths[word] = policy.PathFact{Real: real, Kind: policy.PathFile}
			} else if strings.HasPrefix(word, "/") {
				facts.Paths[word] = policy.PathFact{Real: filepath.Clean(word), Kind: policy.PathFile}
			}
		}
	}
	return policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Labels: map[string]string{"env": "staging"},
		Login: "deploy", Plan: plan, Source: "10.1.2.3", Now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), Facts: facts}
}

// sample makes commands like the rules', about half of them with a word that the rule does not have.
func (b rulebook) sample(n int) []decisionCase {
	random := rand.New(rand.NewPCG(1, uint64(len(b.rules))))
	var list []decisionCase
	for range n {
		r := b.rules[random.IntN(len(b.rules))]
		argv := policy.Argv{r.Program}
		for _, w := range r.Words {
			right, wrong := w.examples()
			from := right
			if random.IntN(2*len(r.Words)) == 0 {
				from = wrong
			}
			argv = append(argv, from[random.IntN(len(from))])
		}
		list = append(list, decisionCase{"sample", question(policy.Plan{Op: policy.OpRun, Argv: argv})})
	}
	return list
}

// examples are words that the slot admits and words that it does not.
func (w bookWord) examples() (right, wrong []string) {
	switch w.Kind {
	case "is":
		return []string{w.Text}, []string{"other", w.Text + "x"}
	case "int":
		return []string{fmt.Sprint(w.Min), fmt.Sprint(w.Max)}, []string{fmt.Sprint(w.Max + 1), "0", "many", "-1"}
	case "text":
		return []string{"error", "two words", "a/b"}, []string{"-e", "--file=x"}
	case "path":
		base := strings.TrimSuffix(w.Text, "**")
		return []string{base + "web.log", base + "sub/dir/x"}, []string{"/etc/passwd", "/var/log/app/away", base + "../../etc/passwd", strings.TrimSuffix(base, "/")}
	}
	return []string{strings.Replace(w.Text, "*", "api", 1), strings.Replace(w.Text, "*", "x.service", 1)}, []string{"sshd", "-H", "ap"}
}
