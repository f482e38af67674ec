package shell_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// shown says of lines what policy gets to decide: everything that a line does is there by itself, wherever it stands in the
// line.
var shown = []struct {
	line  string
	wants []string
}{
	{"ls;touch PWN", []string{"run ls", "run touch PWN"}},
	{"</dev/null touch PWN", []string{"read /dev/null", "run touch PWN"}},
	{"A=1 touch PWN", []string{"run touch PWN", "set A"}},
	{"echo hi>PWN", []string{"run echo hi", "write PWN"}},
	{"echo hi 2>>~/.bashrc", []string{"run echo hi", "write ~/.bashrc"}},
	{"ls &>PWN", []string{"run ls", "write PWN"}},
	{"( ls; ( touch PWN ) > f ) 2> g", []string{"run ls", "run touch PWN", "write f", "write g"}},
	{"{ ls || touch PWN; } < x", []string{"read x", "run ls", "run touch PWN"}},
	{"! ls | touch PWN", []string{"run ls", "run touch PWN"}},
	{"tar -czf a.tar.gz *", []string{"run tar -czf a.tar.gz <*>"}},
	{"rm ~/*", []string{"run rm <~/*>"}},
	{"cat $HOME/.ssh/id", []string{"run cat <~/.ssh/id>"}},
	{"rm {a,b}", []string{"run rm a b"}},
	{"echo touch | sh", []string{"run echo touch", "run sh"}},
	{"sh PWN", []string{"run sh PWN"}},
	{"nice touch PWN", []string{"run touch PWN", "wrap nice"}},
	{"timeout -s KILL 5 touch PWN", []string{"run touch PWN", "wrap timeout -s KILL 5"}},
	{"nohup env A=1 stdbuf -oL touch PWN", []string{"run touch PWN", "set A", "wrap nohup", "wrap stdbuf -oL"}},
	{"exec touch PWN", []string{"run touch PWN"}},
	{"command touch PWN", []string{"run touch PWN"}},
	{"LD_PRELOAD=x ls", []string{"run ls", "set LD_PRELOAD"}},
	{"env LD_PRELOAD=x bash -c 'ls; id'", []string{"run id", "run ls", "set LD_PRELOAD", "set LD_PRELOAD"}},
	{"bash -c 'bash -c \"touch PWN\"'", []string{"run touch PWN"}},
	{"sh -c 'ls > PWN' && id", []string{"run id", "run ls", "write PWN"}},
	{"cd /usr/bin && ls", []string{"in /usr/bin", "run ls"}},
	{"set -e; cd ~/x; ls", []string{"in ~/x", "run ls"}},
	{"cd '~' && ls > '~x'", []string{"in ./~", "run ls", "write ./~x"}},
	{"cat <<'E' | sh\ntouch PWN\nE", []string{"data touch PWN\n", "run cat", "run sh"}},
	{"sh <<< 'touch PWN'", []string{"data touch PWN\n", "run sh"}},
	{"touch $(echo PWN)", []string{"run touch PWN"}},
	{"echo PWN | xargs touch", []string{"run echo PWN", "run xargs touch", "start touch", "start touch -?", "start touch ?", "start touch ? ?", "start touch ? ? ?", "start touch" + strings.Repeat(" ?", 20)}},
	{"ls | xargs -r -I% cp % x%", []string{"run ls", "run xargs -r -I% cp % x%", "start cp -? x-?", "start cp ? x?"}},
	{"ls | xargs", []string{"run ls", "run xargs", "start echo", "start echo -?", "start echo ?", "start echo ? ?", "start echo ? ? ?", "start echo" + strings.Repeat(" ?", 20)}},
	{`find /a /b -name -exec -exec rm -f {} \;`, []string{
		`run find /a /b -name -exec -exec rm -f {} ;`, "start rm -f /a", "start rm -f /a/?", "start rm -f /a/?/?/?", "start rm -f /b", "start rm -f /b/?", "start rm -f /b/?/?/?"}},
	{`find -type f -exec grep x {} +`, []string{
		`run find -type f -exec grep x {} +`, "start grep x .", "start grep x . ./? ./?/?", "start grep x ./?", "start grep x" + strings.Repeat(" ./?", 20), "start grep x ./?/?/?"}},
	{`find a -exec touch PWN \; -exec cp {} /b{} \;`, []string{
		`run find a -exec touch PWN ; -exec cp {} /b{} ;`, "start cp a /ba", "start cp a/? /ba/?", "start cp a/?/?/? /ba/?/?/?", "start touch PWN"}},
	{shell.ArgvPrefix + encode(`["timeout","5","bash","-c","touch PWN"]`), []string{"run touch PWN", "wrap timeout 5"}},
	{shell.ArgvPrefix + encode(`["cat","*","~","$x"]`), []string{"run cat * ~ $x"}},
}

// decided lists everything in a plan that policy has a say in.
func decided(p policy.Plan) []string {
	var all []string
	if p.Dir != "" {
		all = append(all, "in "+p.Dir)
	}
	for _, r := range p.Redirs {
		switch r.Op {
		case policy.RedirIn:
			all = append(all, "read "+r.Path)
		case policy.RedirOut, policy.RedirAppend:
			all = append(all, "write "+r.Path)
		case policy.RedirData:
			all = append(all, "data "+r.Data)
		}
	}
	for _, v := range p.Env {
		all = append(all, "set "+v.Name)
	}
	for _, wrap := range p.Wrap {
		all = append(all, "wrap "+strings.Join(wrap, " "))
	}
	for _, start := range p.Starts {
		all = append(all, "start "+strings.ReplaceAll(strings.Join(start, " "), policy.Unknown, "?"))
	}
	if p.Op == policy.OpRun {
		words := slices.Clone(p.Argv)
		for i := range words {
			if slices.Contains(p.Globs, i) || slices.Contains(p.Tildes, i) {
				words[i] = "<" + words[i] + ">"
			}
		}
		all = append(all, "run "+strings.Join(words, " "))
	}
	for _, part := range p.Parts {
		all = append(all, decided(part)...)
	}
	slices.Sort(all)
	return all
}

func TestEverythingALineDoesIsShown(t *testing.T) {
	for _, c := range shown {
		plan, err := shell.Parse(c.line)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
		} else if got := decided(plan); !slices.Equal(got, c.wants) {
			t.Errorf("%q: got %q, want %q", c.line, got, c.wants)
		}
	}
}

// ansible are the lines that Ansible sends, and what they are to policy.
var ansible = map[string]string{
	`/bin/sh -c 'echo ~deploy && sleep 0'`:                                            "echo ~ && sleep 0",
	`/bin/sh -c 'echo "$HOME" && sleep 0'`:                                            "echo ~ && sleep 0",
	`/bin/sh -c '/bin/sh -c '"'"'echo ~deploy/x && sleep 0'"'"''`:                     "echo ~/x && sleep 0",
	`/bin/sh -c 'chmod u+x /h/.ansible/tmp/x/ /h/.ansible/tmp/x/A.py && sleep 0'`:     "chmod u+x /h/.ansible/tmp/x/ /h/.ansible/tmp/x/A.py && sleep 0",
	`/bin/sh -c '/usr/bin/python3 /h/.ansible/tmp/x/AnsiballZ_command.py && sleep 0'`: "/usr/bin/python3 /h/.ansible/tmp/x/AnsiballZ_command.py && sleep 0",
	`/bin/sh -c 'rm -f -r /h/.ansible/tmp/x/ > /dev/null 2>&1 && sleep 0'`:            "rm -f -r /h/.ansible/tmp/x/ > /dev/null 2>&1 && sleep 0",
	`dd of=/x/y bs=65536`: "dd of=/x/y bs=65536",
	"/bin/sh -c '( umask 77 && mkdir -p \"` echo /h/tmp `\"&& mkdir \"` echo /h/tmp/a-1-2 `\" && echo a-1-2=\"` echo /h/tmp/a-1-2 `\" ) && sleep 0'": "( umask 077 && mkdir -p /h/tmp && mkdir /h/tmp/a-1-2 && echo a-1-2=/h/tmp/a-1-2 ) && sleep 0",
}

func TestAnsiblesLinesArePlans(t *testing.T) {
	for line, want := range ansible {
		plan, err := shell.ParseFor(shell.Context{Login: "deploy"}, line)
		if err != nil || plan.String() != want {
			t.Errorf("%q: got %s (%v), want %s", line, plan, err, want)
		}
	}
	if plan, err := shell.ParseFor(shell.Context{Login: "other"}, "echo ~deploy"); err == nil {
		t.Errorf("the home of another login is accepted: %s", plan)
	}
}

func TestAMatrixOfNestedOptions(t *testing.T) {
	for _, sh := range []string{"bash", "/bin/bash", "/usr/bin/bash", "sh", "/bin/sh", "dash"} {
		for _, options := range []string{"-c", "-lc", "-ec", "-l -c", "-uc", "-e -c"} {
			line := fmt.Sprintf("%s %s 'a; b'", sh, options)
			plan, err := shell.Parse(line)
			want := "a; b"
			if strings.Contains(options, "e") {
				want = "a && b"
			}
			if err != nil || plan.String() != want {
				t.Errorf("%q: got %s (%v), want %s", line, plan, err, want)
			}
		}
	}
}
