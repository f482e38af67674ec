package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/command"
)

// TestPowersAreComplete: every entry says what, how and what to do, and the table knows at least 120 programs.
func TestPowersAreComplete(t *testing.T) {
	programs := map[string]bool{}
	for _, p := range allPowers() {
		if p.Does == "" || p.How == "" || p.Fix == "" || len(p.Programs) == 0 {
			t.Errorf("incomplete: %+v", p)
		}
		if strings.HasSuffix(p.How, ".") || !strings.HasSuffix(p.Fix, ".") {
			t.Errorf("%q / %q: the one is a part of a sentence, the other a sentence", p.How, p.Fix)
		}
		for _, name := range p.Programs {
			programs[name] = true
		}
	}
	if len(programs) < 120 {
		t.Errorf("%d programs", len(programs))
	}
	t.Logf("%d programs, %d powers", len(programs), len(allPowers()))
}

// TestEveryPowerFires: a rule that admits the form is found, for every entry of the table and every program of it; one that
// admits nothing but the program alone is not, unless the program alone is dangerous.
func TestEveryPowerFires(t *testing.T) {
	refused := 0
	for _, p := range allPowers() {
		for _, program := range p.Programs {
			pattern := program
			for _, word := range p.Sub {
				pattern += " (" + word + ")"
			}
			if len(p.Options) > 0 && !p.Value {
				pattern += " [" + p.Options[0] + "]"
			}
			if p.Value {
				pattern += " [" + p.Options[0] + " <text>]"
			} else if len(p.Words) > 0 {
				pattern += " <text>..."
			}
			rule := fmt.Sprintf("{run: %q, pty: %v", pattern, p.PTY)
			if p.Stdin {
				rule += ", stdin: data"
			}
			if refusedAnyway(t, pattern, p) {
				refused++
				continue
			}
			if found := lintRule(t, rule+"}"); !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == "grants-"+string(p.Does) }) {
				t.Errorf("%s: %s does not fire on %q: %v", program, p.Does, pattern, found)
			}
		}
	}
	if refused > 10 {
		t.Errorf("%d forms are refused anyway: the table is not about this language", refused)
	}
}

// refusedAnyway reports whether the language itself keeps all words of a power out of a free slot: letters that tar and ps read
// as options.
func refusedAnyway(t *testing.T, pattern string, p Power) bool {
	t.Helper()
	if len(p.Words) == 0 || p.Value || len(p.Options)+len(p.Sub) > 0 {
		return false
	}
	parsed, err := command.Parse(pattern, nil)
	if err != nil {
		t.Fatal(err)
	}
	return !slices.ContainsFunc(p.Words, func(word string) bool { return parsed.Admits([]string{parsed.Program(), word}) })
}

// TestNarrowRulesAreClean: what the fixes recommend raises nothing.
func TestNarrowRulesAreClean(t *testing.T) {
	for _, rule := range []string{
		"uptime", "systemctl (status|is-active|show) <unit:app-*>", "journalctl [-n <int:1..5000>] [--since <text>] -u <unit:app-*>",
		"tail [-n <int:1..10000>] <glob:/var/log/app/**>...", "git -C <glob:/srv/app> (status|log [--oneline] [-n <int>])",
		"find <glob:/var/log/app/**> [-name <text>] [-type (f|d)]", "docker (ps|logs <enum:app,web>)", "kubectl get (pods|nodes) [-n <enum:app>]",
		"curl -s https://api.example.com/health", "df [-h]", "free [-m]", "ps aux", "{run: top -b -n 1}", "psql -c \"'select 1'\"",
		"apt list --installed", "sed -n '\"1,5p\"' <glob:/var/log/app/*>", "awk '\"{print $1}\"'", "tar tf <glob:/srv/app/*.tar>", "systemctl restart <unit:app-*>",
		"crontab -l", "xargs [-n <int>] grep <text>", "curl [-o /dev/null] https://api.example.com/", "find <glob:/srv/**> -exec grep <text> '\"{}\"' +", "systemctl (status|show) <text>", "git (log [-p]|grep [-c] <text>)", "ip [-br] addr", "grep [-F] <text>", "curl -o /dev/null https://api.example.com/",
		"kubectl (config current-context|auth can-i get pods)", "kubectl logs [-f] <enum:app>", "pg_dump -d <enum:shop> -f <glob:/srv/backup/*>", "dpkg (-l|-S) [<text>]", "sysctl -n <enum:vm.swappiness>", "ip addr", "openssl version", "git -C <glob:/srv/app> log --grep <text>", "kubectl get pods <text>", "{run: \"grep [-i] <text>\", stdin: data}",
	} {
		if found := lintRule(t, rule); len(found) > 0 {
			t.Errorf("%s: %v", rule, found)
		}
	}
}

// TestDenyClosesAPower: what a deny rule of the role stops is no finding.
func TestDenyClosesAPower(t *testing.T) {
	open := lintText(t, "allow: [\"find /srv <text> [-delete]\"]")
	closed := lintText(t, "allow: [\"find /srv <text> [-delete]\"]\n    deny: [\"find /srv <text> -delete\"]")
	if len(open) != 1 || open[0].Rule != "grants-write" || len(closed) != 0 {
		t.Errorf("open %v, closed %v", open, closed)
	}
}

func lintRule(t *testing.T, rule string) []Finding {
	t.Helper()
	return lintText(t, "allow:\n      - "+rule)
}

func lintText(t *testing.T, rules string) []Finding {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(`version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    ` + rules + "\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return Lint(p, nil, time.Time{})
}
