package check

import (
	"strings"
	"testing"
	"time"
)

// TestParseLook: the script's answer is read, and whatever is otherwise is refused.
func TestParseLook(t *testing.T) {
	l, err := parseLook([]byte(good))
	if err != nil || l.login != "deploy" || l.shell != "/bin/sh" || l.home != "/home/deploy" || !l.time.Equal(time.Unix(4102444800, 0)) ||
		l.files["/bin/sh"] != (seenFile{rootsOwn, true}) || l.files["/etc/ssh"] != (seenFile{rootsOwn, false}) {
		t.Fatalf("%+v, %v", l, err)
	}
	for name, text := range map[string]string{
		"empty": "", "one line": "gatehouse-check 1\n", "another version": strings.Replace(good, "check 1", "check 2", 1),
		"a line before": "hello\n" + good, "a line after": good + "x\n", "no line feed": strings.TrimSuffix(good, "\n"),
		"an unknown key": strings.Replace(good, "home ", "hone ", 1), "no value": strings.Replace(good, "home /home/deploy", "home", 1),
		"time twice": strings.Replace(good, "login", "time 5\nlogin", 1), "login twice": strings.Replace(good, "shell", "login root\nshell", 1),
		"no time": strings.Replace(good, "time 4102444800\n", "", 1), "no login": strings.Replace(good, "login deploy\n", "", 1),
		"time before 1970": strings.Replace(good, "time 4", "time -4", 1), "time too large": strings.Replace(good, "time 4", "time 99999999", 1),
		"a file of no state": strings.Replace(good, "file root 1", "file fine 1", 1), "a file of no size": strings.Replace(good, "file root 1", "file root 2", 1),
		"a relative file": strings.Replace(good, "1 /bin/sh", "1 bin/sh", 1), "a file in two states": strings.Replace(good, "end 1", "file other 1 /bin/sh\nend 1", 1),
		"too many lines": strings.Replace(good, "end 1", strings.Repeat("principal x\n", maxLookLines)+"end 1", 1),
		"a long line":    strings.Replace(good, "end 1", "principal "+strings.Repeat("x", maxLookLine)+"\nend 1", 1),
	} {
		if l, err := parseLook([]byte(text)); err == nil && text != good {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// TestKnownShell: a shell is known by its name in the account database and by the file behind it, both.
func TestKnownShell(t *testing.T) {
	for _, c := range []struct {
		named, real, want string
	}{
		{"/bin/sh", "/usr/bin/dash", "sh"}, {"/bin/sh", "/bin/busybox", "sh"}, {"/bin/sh", "/bin/bash", "sh"}, {"/bin/sh", "/usr/bin/fish", ""}, {"/bin/sh", "/usr/bin/zsh", ""},
		{"/bin/bash", "/usr/bin/bash", "bash"}, {"/usr/bin/fish", "/usr/bin/fish", "fish"},
		{"/bin/rbash", "/usr/bin/bash", ""}, {"/bin/bash", "/usr/bin/dash", ""}, {"/bin/bash", "/srv/bash", ""}, {"/srv/bash", "/usr/bin/bash", ""},
		{"/bin/bash", "", ""}, {"bash", "/usr/bin/bash", ""}, {"/bin/../bin/bash", "/usr/bin/bash", ""}, {"/bin/dash", "/bin/busybox", ""}, {"/bin/bash", "/bin/busybox", ""},
		{"/bin/ash", "/bin/busybox", ""}, {"/bin/ksh", "/usr/bin/ksh93", ""}, {"/bin/csh", "/usr/bin/tcsh", ""}, {"/bin/tcsh", "/usr/bin/tcsh", ""},
		{"/usr/sbin/nologin", "/usr/sbin/nologin", ""}, {"/bin/false", "/usr/bin/false", ""}, {"/usr/bin/git-shell", "/usr/bin/git-shell", ""},
	} {
		name, ok := knownShell(c.named, c.real)
		if ok != (c.want != "") || ok && name != c.want {
			t.Errorf("%s, which is %s: %q, %v", c.named, c.real, name, ok)
		}
	}
	l, err := parseLook([]byte(strings.Replace(good, "file root 1 /bin/sh", "file other 1 /bin/sh", 1)))
	if err != nil {
		t.Fatal(err)
	}
	found := &findings{login: "deploy"}
	(&checker{cfg: Config{}}).judgeShell(found, l)
	if f := found.list[0]; f.Level != Broken || !strings.Contains(f.Says, "others than root may change /bin/sh") {
		t.Errorf("%+v", f)
	}
}

// FuzzLook: no answer makes the reader panic, nor the judge, and only one that is whole is read.
func FuzzLook(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(strings.Replace(good, "end 1", "principal gh:web-1:deploy\nsshd maxstartups 1:2:3\nconf AuthorizedKeysFile none\nend 1", 1)))
	f.Add([]byte("gatehouse-check 1\nend 1\n"))
	f.Add([]byte("This account is currently not available.\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseLook(text)
		if err != nil {
			return
		}
		if !strings.HasPrefix(string(text), "gatehouse-check 1\n") || !strings.HasSuffix(string(text), "\nend 1\n") {
			t.Fatalf("read %q", text)
		}
		c, found := &checker{cfg: Config{}}, &findings{login: "deploy"}
		c.judge(found, l, "SSH-2.0-OpenSSH_9.9")
		for _, finding := range found.list {
			if strings.ContainsAny(finding.Says, "\n\x1b\x00") {
				t.Fatalf("%q", finding.Says)
			}
		}
	})
}
