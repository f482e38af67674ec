package command

import (
	"strings"
	"testing"
)

// styled says how the options of programs in the table are matched: in the way that these programs read them.
var styled = []struct {
	pattern string
	yes, no []string
}{
	// GNU programs: options anywhere, bundles, "--".
	{"ls [-l] [-a] [<path:/srv/**>...]", []string{"ls -la", "ls -al /srv/x", "ls /srv/x -l", "ls /srv/x -a /srv/y -l", "ls -l -- /srv/x", "ls -la --", "ls -- /srv/x"},
		[]string{"ls -lx", "ls -ll", "ls -- -l", "ls -- /srv/x -l", "ls --all", "ls -l --a", "ls /etc -l"}},
	{"echo [-n] [<text>...]", []string{"echo", "echo -n a", "echo --- a", "echo -- -n", "echo a -e", "echo -1", "echo --help a", "echo -n"}, []string{"echo -e a", "echo -ne a", "echo -nn", "echo -n -n"}},
	{"echo -n", []string{"echo -n"}, []string{"echo", "echo -n -x", "echo ---"}},
	{"printf <text>...", []string{"printf a -b --", "printf -- -a", "printf a"}, []string{"printf -a", "printf -v a", "printf --"}},
	{"ls -la [<path:/srv/**>]", []string{"ls -la", "ls -al", "ls -l -a /srv/x", "ls /srv/x -la"}, []string{"ls -l", "ls -lla"}},
	{"ls [-la] x", []string{"ls x", "ls -l x -a"}, []string{"ls -l x"}},
	{"ls [-1] [-t] [-w <int>]", []string{"ls -1t", "ls -t1w80", "ls -1w 80"}, []string{"ls -80", "ls -w"}},
	{"tail [-n <int>] [-f] <glob:/l/*>", []string{"tail -fn5 /l/a", "tail -fn 5 /l/a", "tail /l/a -n5", "tail -n 5 -- /l/a", "tail -n5 -f /l/a"},
		[]string{"tail -nf /l/a", "tail -n5f /l/a", "tail -f5 /l/a", "tail -5 /l/a", "tail -n", "tail /l/a -n", "tail --lines=5 /l/a", "tail -n -- /l/a"}},
	{"tail [(-n|--lines) <int>] <glob:/l/*>", []string{"tail --lines=5 /l/a", "tail /l/a --lines 5", "tail -n5 /l/a"}, []string{"tail --lines /l/a", "tail --line=5 /l/a", "tail -n=5 /l/a"}},
	{"tail --lines=<int> <glob:/l/*>", []string{"tail --lines=5 /l/a", "tail --lines 5 /l/a"}, []string{"tail --lines=x /l/a"}},
	{"tail -n5 <glob:/l/*>", []string{"tail -n5 /l/a", "tail -n 5 /l/a", "tail /l/a -n5"}, []string{"tail -n6 /l/a", "tail -n /l/a"}},
	{"head -20 <glob:/l/*>", []string{"head -20 /l/a"}, []string{"head -2 /l/a", "head -20c /l/a", "head -c20 /l/a"}},
	{"grep -r <text> <glob:/l/*>", []string{"grep -r x /l/a", "grep x -r /l/a", "grep x /l/a -r", "grep -r -- -x /l/a", "grep -r -- -rf /l/a"},
		[]string{"grep -rf/etc/shadow x /l/a", "grep -rx /l/a", "grep -r -x /l/a", "grep -r -e /l/a", "grep -r x -- /l/a -f"}},
	{"grep [-i] [-e <text>]... <glob:/l/*>", []string{"grep -iex -ey /l/a", "grep -ie x /l/a", "grep /l/a -e x"}, []string{"grep -e -i /l/a", "grep -ei", "grep -e-x /l/a"}},
	{"sort [-r] [-k <text>] [-o <glob:/tmp/*>] [<glob:/s/*>...]", []string{"sort -rk2,2 /s/a", "sort /s/a -o /tmp/x", "sort -ro/tmp/x"}, []string{"sort /s/a -o /s/b", "sort -or", "sort --output=/tmp/x"}},
	{"sed [-n] -i <text> <glob:/s/*>", []string{"sed -i s/a/b/ /s/x", "sed -ni p /s/x"}, []string{"sed -in p /s/x", "sed -i.bak p /s/x", "sed -ni.bak p /s/x"}},
	{"rm (-r|-f) <path:/t/**>", []string{"rm -r /t/x", "rm /t/x -f"}, []string{"rm -rf /t/x", "rm /t/x"}},
	{"systemctl (status|show [--no-pager]) <unit:app-*>", []string{"systemctl show --no-pager app-a", "systemctl --no-pager show app-a", "systemctl show app-a --no-pager"}, []string{"systemctl --no-pager status app-a", "systemctl status app-a -H evil"}},
	{"journalctl [-n <int>] [-b] -u <unit:app-*>", []string{"journalctl -n 5 -u app-a", "journalctl -b -u app-a"}, []string{"journalctl -bu app-a", "journalctl -n5u app-a"}}, // -b may take the next word: read word by word
	{`ls "-l" x`, []string{"ls -l x"}, []string{"ls x -l"}},
	{"ls --all <path:/s/**>", []string{"ls --all /s/x"}, []string{"ls /s/x --all"}}, // /s/x may be the value of --all for all that is known
	// Programs that stop at the first operand.
	{"xargs [-0] [-r] [-n <int>] ls [-l]", []string{"xargs -0 ls", "xargs -r0n1 ls -l", "xargs -n 1 ls", "xargs -- ls -l"}, []string{"xargs ls -0", "xargs -l ls", "xargs ls -ll"}},
	{"xargs rm <text>", []string{"xargs rm x", "xargs -- rm x"}, []string{"xargs rm -rf", "xargs -- rm -rf", "xargs rm -- x"}},
	{"tr [-d] <text>", []string{"tr -d x", "tr -- x"}, []string{"tr x -d", "tr -- -x"}},
	// Programs with manners of their own.
	{"tar (xzf|-xzf) <path:/t/*>", []string{"tar xzf /t/x", "tar -xzf /t/x"}, []string{"tar xzfP /t/x", "tar zxf /t/x", "tar -xzfP /t/x", "tar -xz -f /t/x"}},
	{"tar -tf <path:/t/*> [<text>...]", []string{"tar -tf /t/x a", "tar -t -f /t/x a", "tar -f /t/x -t a"}, []string{"tar xIf ./p -tf /t/x", "tar -tf /t/x a -I x", "tar a -tf /t/x"}},
	{"tar <text>", nil, []string{"tar cIf", "tar x"}},
	{"ps (aux|-e) [-o <text>]", []string{"ps aux", "ps -e", "ps -e -o pid,args"}, []string{"ps auxe", "ps -ef", "ps e"}},
	{"ps <text>", nil, []string{"ps e", "ps aux"}},
	{"dd if=<path:/d/*> of=<path:/o/*> [bs=<int>] [conv=fsync]", []string{"dd if=/d/a of=/o/b", "dd bs=5 of=/o/b conv=fsync if=/d/a"},
		[]string{"dd if=/d/a", "dd if=/o/b of=/o/b", "dd if=/d/a if=/d/b of=/o/b", "dd if=/d/a of=/o/b of=/etc/x", "dd if=/d/a of=/o/b conv=notrunc", "dd if=-a of=/o/b", "dd if= of=/o/b"}},
	{"find <path:/s/**> [-name <text>] [-type (f|d)]", []string{"find /s/x -name a -type f", "find /s/x -type d -name a"}, []string{"find /s/x -delete", "find -name a /s/x", "find /s/x -namea", "find /s/x -name -delete"}},
	{"git [-C <path:/s/**>] log [--oneline] [-n <int>]", []string{"git -C /s/a log --oneline", "git log -n5"}, []string{"git log -C /s/a", "git log --oneline -- x", "git --oneline log", "git log -- --output=x"}},
	{"git log -- <text>", []string{"git log -- x"}, []string{"git log -- --output=x", "git log x"}},
	{"kubectl get pods [-n <re:[a-z]+>] [-o <enum:json,yaml>]", []string{"kubectl -n web get pods", "kubectl get pods -nweb -o=json", "kubectl get pods -ojson -n=web"}, []string{"kubectl get pods -n", "kubectl get pods -A", "kubectl get pods --namespace=web", "kubectl get pods -- -n web"}},
	{"kubectl exec <re:[a-z]+> [-n <re:[a-z]+>] -- ls [-l]", []string{"kubectl exec a -- ls", "kubectl -n b exec a -- ls -l"}, []string{"kubectl exec a -- ls -n b", "kubectl exec a -l -- ls", "kubectl exec a ls"}},
	{"kubectl exec a -- cat <text>", []string{"kubectl exec a -- cat x"}, []string{"kubectl exec a -- cat -x"}},
	{"kubectl apply -f <path:/m/**>", []string{"kubectl apply -f /m/x"}, []string{"kubectl apply -f=/m/x", "kubectl apply -f=/etc/x", "kubectl -f /m/x apply"}},
	// Programs that nobody looked at.
	{"prog [-l] [-a] [<text>]", []string{"prog -l -a x"}, []string{"prog -la", "prog x -l", "prog -- x", "prog -l --"}},
	{"prog [-f <path:/m/**>]", []string{"prog -f/m/x"}, []string{"prog -f=/m/x"}},
	{"prog --opt=<int> -o=<enum:a,b> k=<int>", []string{"prog --opt=5 -o=a k=1", "prog -o=a --opt=5 k=1"}, []string{"prog --opt 5 -o=a k=1", "prog --opt=5 -oa k=1", "prog k=1 --opt=5 -o=a", "prog --opt=5 -o=a k=x"}},
	{"prog [-l app=<re:[a-z]+>]", []string{"prog -l app=x", "prog"}, []string{"prog -l x", "prog -l app=5"}},
	{"prog (--a=<int>|--b=<int>) x", []string{"prog --a=1 x", "prog --b=2 x"}, []string{"prog --a=1 --b=2 x", "prog --a 1 x"}},
}

func TestStyles(t *testing.T) {
	view := View{Dir: "/w"}
	for _, c := range styled {
		p := mustParse(t, c.pattern)
		for _, line := range c.yes {
			argv := strings.Split(line, " ")
			if r := p.Match(argv, view); !r.Matched {
				t.Errorf("%s does not match %q: %+v", c.pattern, line, r)
			}
			if !p.Denies(argv, view) {
				t.Errorf("%s does not deny %q", c.pattern, line)
			}
		}
		for _, line := range c.no {
			if p.Match(strings.Split(line, " "), view).Matched {
				t.Errorf("%s matches %q", c.pattern, line)
			}
		}
	}
}

func TestDenyRulesReadOptionsBothWays(t *testing.T) {
	for pattern, lines := range map[string][]string{
		"rm -rf":                       {"rm -fr x", "rm -r -f x", "rm x -rf", "rm --verbose -rf x"},
		"rm -r":                        {"rm -fr x", "rm x -r", "rm -r"},
		"sort -o":                      {"sort x -o y", "sort -oy x", "sort -ro y"},
		"tail --follow":                {"tail --follow=name x", "tail x --follow"},
		"systemctl restart":            {"systemctl --no-block restart x", "systemctl -H evil restart x"},
		"git push":                     {"git push -f"},
		"curl -o <path:/etc/**>":       {"curl -so/etc/x u", "curl u -o /etc/x"},
		"find [<text>...] -delete":     {"find /x -name a -delete"},
		"kubectl get secret":           {"kubectl -n web get secret", "kubectl get -n web secret"},
		"tar [<text>...] -I":           {"tar -cI ./p x", "tar c -I ./p"},
		"dd [<text>...] of=<path:/**>": {"dd if=x of=/y"},
	} {
		for _, line := range lines {
			if !mustParse(t, pattern).Denies(strings.Split(line, " "), View{}) {
				t.Errorf("%s does not deny %q", pattern, line)
			}
		}
	}
}

// TestTooManyOptions has more options than a match follows.
func TestTooManyOptions(t *testing.T) {
	argv := []string{"ls", "-" + strings.Repeat("l", 65)}
	p := mustParse(t, "ls [-l]...")
	if p.Match(argv, View{}).Matched || !p.Denies(argv, View{}) {
		t.Error("65 options are followed")
	}
	if argv[1] = argv[1][:65]; !p.Match(argv, View{}).Matched {
		t.Error("64 options are too many")
	}
}

func TestFurthestOption(t *testing.T) {
	for _, c := range []struct {
		pattern, line string
		furthest      int
		slot          string
	}{
		{"tail [-n <int:1..50>] <path:/l/*>", "tail -n 51 /l/x", 2, "<int:1..50>"},
		{"tail [-n <int:1..50>] <path:/l/*>", "tail /l/x -n51", 2, "<int:1..50>"},
		{"tail [-n <int:1..50>] <path:/l/*>", "tail -n 5 /x", 3, "<path:/l/*>"},
		{"tail [-n <int:1..50>] <path:/l/*>", "tail -n 5", 3, "<path:/l/*>"},
		{"tail [-n <int:1..50>] <path:/l/*>", "tail /l/x -F", 2, ""},
		{"journalctl -u <unit>", "journalctl", 1, "-u"},
		{"journalctl -u <unit>", "journalctl -u a -u b", 3, ""},
		{"systemctl (status|show) <unit>", "systemctl stop a", 1, "status"},
		{"a x", "a x y", 2, ""},
	} {
		r := mustParse(t, c.pattern).Match(strings.Split(c.line, " "), View{})
		if r.Matched || r.Furthest != c.furthest || r.Slot != c.slot {
			t.Errorf("%s and %q: %+v", c.pattern, c.line, r)
		}
	}
}
