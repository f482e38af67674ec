package look

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/target/sftp"

	"gatehouse/bastion/target"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
)

// TestServer: the force-command opens SFTP whatever server the subsystem's line names, starts no login shell, and grants what looking
// needs and nothing else.
func TestServer(t *testing.T) {
	for name, options := range map[string][]string{"sshd's own": nil, "a program": {"/usr/lib/openssh/sftp-server"}, "another program": {"/bin/false"}, "none": {"/nowhere"}} {
		t.Run(name, func(t *testing.T) {
			h := startHost(t, options...)
			h.root("echo secret >/home/deploy/file; chown deploy /home/deploy/file; rm -f /tmp/mark")
			for _, hash := range []bool{false, true} {
				l := h.looker("deploy", hash)
				if f := facts(t, l, policy.Probe{Kind: policy.ProbeHome}); f.Home != "/home/deploy" {
					t.Errorf("home %q", f.Home)
				}
				refusesOthers(t, l, hash)
			}
			if mark, err := h.Path("/tmp/mark"); err != nil || exists(mark) {
				t.Errorf("a login shell was started (%v)", err)
			}
			if got := h.root("cat /home/deploy/file; ls -A /home/deploy"); got != "secret\nfile\n" {
				t.Errorf("the home changed: %q", got)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !os.IsNotExist(err)
}

// refusesOthers asks for each request that SFTP version 3 and OpenSSH's extensions have.
func refusesOthers(t *testing.T, l *Looker, hash bool) {
	t.Helper()
	const file, create, rw = "/home/deploy/file", "\x00\x00\x00\x0a\x00\x00\x00\x00", "\x00\x00\x00\x03\x00\x00\x00\x00"
	mode := "\x00\x00\x00\x04\x00\x00\x01\xff"
	extended := func(name string, args ...string) []byte {
		b := sftp.AppendText(nil, name)
		for _, a := range args {
			b = sftp.AppendText(b, a)
		}
		return b
	}
	for name, c := range map[string]struct {
		kind byte
		body []byte
	}{
		"open to read and write": {sftp.PacketOpen, append(sftp.AppendText(nil, file), rw...)},
		"open to create":         {sftp.PacketOpen, append(sftp.AppendText(nil, file+"2"), create...)},
		"write":                  {6, sftp.AppendText(append(sftp.AppendText(nil, "\x00\x00\x00\x00"), make([]byte, 8)...), "x")},
		"fstat":                  {8, sftp.AppendText(nil, "\x00\x00\x00\x00")},
		"setstat":                {9, append(sftp.AppendText(nil, file), mode...)},
		"fsetstat":               {10, append(sftp.AppendText(nil, "\x00\x00\x00\x00"), mode...)},
		"remove":                 {13, sftp.AppendText(nil, file)},
		"mkdir":                  {14, append(sftp.AppendText(nil, file+"3"), 0, 0, 0, 0)},
		"rmdir":                  {15, sftp.AppendText(nil, "/home/deploy")},
		"rename":                 {18, sftp.AppendText(sftp.AppendText(nil, file), file+"4")},
		"symlink":                {20, sftp.AppendText(sftp.AppendText(nil, "/etc/passwd"), file+"5")},
		"posix-rename":           {200, extended("posix-rename@openssh.com", file, file+"6")},
		"hardlink":               {200, extended("hardlink@openssh.com", file, file+"7")},
		"statvfs":                {200, extended("statvfs@openssh.com", "/")},
		"lsetstat":               {200, append(extended("lsetstat@openssh.com", file), mode...)},
		"expand-path":            {200, extended("expand-path@openssh.com", "~root")},
		"users-groups-by-id":     {200, extended("users-groups-by-id@openssh.com", "\x00\x00\x00\x00", "")},
	} {
		p, err := l.client.Ask(t.Context(), c.kind, func(b []byte) []byte { return append(b, c.body...) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.Status(); errors.Is(err, sftp.StatusError(0)) || !errors.As(err, new(sftp.StatusError)) {
			t.Errorf("%s: %v; want it refused", name, err)
		}
	}
	p, err := l.client.Ask(t.Context(), sftp.PacketOpen, func(b []byte) []byte {
		return append(sftp.AppendText(b, file), 0, 0, 0, 1, 0, 0, 0, 0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Handle(); (err == nil) != hash {
		t.Errorf("open to read: %v, with hash %v", err, hash)
	}
}

// TestOnlySFTP: by such a certificate nothing but SFTP is to be had, and where sshd has no sftp subsystem the error says what to do.
func TestOnlySFTP(t *testing.T) {
	h := startHost(t)
	for _, line := range []string{"touch /home/deploy/made", readonly.Command(false)} {
		p, err := h.connect("deploy", readonly.Command(false)).Start(t.Context(), line, nil)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(p.Stdout())
		if err != nil || !strings.Contains(string(said), "sftp connections only") {
			t.Errorf("exec %q: %q, %v", line, said, err)
		}
	}
	if mark, err := h.Path("/tmp/mark"); err != nil || exists(mark) {
		t.Errorf("a login shell was started (%v)", err)
	}
	none := startHost(t, "none")
	if _, err := none.connect("deploy", readonly.Command(false)).SFTP(t.Context()); !errors.Is(err, target.ErrRefused) || !strings.Contains(err.Error(), "Subsystem sftp internal-sftp") {
		t.Errorf("without a subsystem: %v", err)
	}
}

// TestPrograms: who could have put a program where it is found.
func TestPrograms(t *testing.T) {
	h := startHost(t)
	h.root(`
mkdir -p /srv/bin /srv/open /srv/sticky /srv/group /srv/gid0 /srv/theirs /srv/links /home/deploy/bin
cd /srv
for f in bin/plain open/plain sticky/roots group/plain gid0/plain theirs/plain bin/multi home-tool bin/theirs bin/openfile; do printf '#!/bin/sh\n' >$f; chmod 755 $f; done
cp bin/plain sticky/theirs; chmod 755 sticky/theirs
chmod 777 open; chmod 1777 sticky; chgrp 2001 group; chmod 775 group; chmod 775 gid0
chown deploy theirs bin/theirs sticky/theirs; chmod 666 bin/openfile; chmod 777 bin/openfile
printf 'x' >bin/data; chmod 644 bin/data; mkdir bin/folder
ln -s multi bin/applet; ln -s ../bin/plain links/relative; ln -s /srv/theirs/plain links/to-theirs; ln -s /srv/links/mine links/via-theirs
ln -s /srv/bin/plain links/mine; chown -h deploy links/mine
ln -s /srv/bin/plain /home/deploy/bin/ls; printf '#!/bin/sh\n' >/home/deploy/bin/id; chmod 755 /home/deploy/bin/id; chown -hR deploy /home/deploy/bin
ln -s loop-b bin/loop-a; ln -s loop-a bin/loop-b; ln -s nowhere bin/dangling; ln -s /proc/self/exe bin/magic
mkdir /srv/closed; cp bin/plain closed/plain; chmod 755 closed/plain; chmod 700 closed
cp bin/plain bin/unreadable; chmod 711 bin/unreadable
`)
	l := h.looker("deploy", true, "/home/nobody/bin", "/srv/closed", "/srv/bin", "/usr/bin")
	sum := strings.Fields(h.root("sha256sum /srv/bin/plain /usr/bin/env"))
	for name, want := range map[string]policy.ProgramFact{
		"plain":                   {Path: "/srv/bin/plain", Real: "/srv/bin/plain", SHA256: sum[0]},
		"/usr/bin/env":            {Path: "/usr/bin/env", Real: "/usr/bin/env", SHA256: sum[2]},
		"/bin/env":                {Path: "/bin/env", Real: "/usr/bin/env", SHA256: sum[2]},
		"applet":                  {Path: "/srv/bin/applet", Real: "/srv/bin/multi", SHA256: sum[0]},
		"/srv/links/relative":     {Path: "/srv/links/relative", Real: "/srv/bin/plain", SHA256: sum[0]},
		"/srv/sticky/roots":       {Path: "/srv/sticky/roots", Real: "/srv/sticky/roots", SHA256: sum[0]},
		"/srv/gid0/plain":         {Path: "/srv/gid0/plain", Real: "/srv/gid0/plain", SHA256: sum[0]},
		"/srv/sticky/theirs":      {Why: "/srv/sticky/theirs may not run: /srv/sticky/theirs belongs to user 2001, not to root"},
		"/srv/open/plain":         {Why: "/srv/open/plain may not run: everybody may write to /srv/open"},
		"/srv/group/plain":        {Why: "/srv/group/plain may not run: group 2001 may write to /srv/group"},
		"/srv/theirs/plain":       {Why: "/srv/theirs/plain may not run: /srv/theirs belongs to user 2001, not to root"},
		"theirs":                  {Why: "/srv/bin/theirs may not run: /srv/bin/theirs belongs to user 2001, not to root"},
		"openfile":                {Why: "/srv/bin/openfile may not run: everybody may write to /srv/bin/openfile"},
		"/srv/links/to-theirs":    {Why: "/srv/links/to-theirs may not run: /srv/theirs belongs to user 2001, not to root"},
		"/srv/links/via-theirs":   {Why: "/srv/links/via-theirs may not run: /srv/links/mine belongs to user 2001, not to root"},
		"/home/deploy/bin/ls":     {Why: "/home/deploy/bin/ls may not run: /home/deploy belongs to user 2001, not to root"},
		"/home/deploy/bin/id":     {Why: "/home/deploy/bin/id may not run: /home/deploy belongs to user 2001, not to root"},
		"data":                    {Why: `there is no program "data" in /home/nobody/bin:/srv/closed:/srv/bin:/usr/bin`},
		"/srv/bin/data":           {Why: "/srv/bin/data is no file that can be executed"},
		"/srv/bin/folder":         {Why: "/srv/bin/folder is no file that can be executed"},
		"/srv/bin/plain/":         {Why: "there is no /srv/bin/plain/"},
		"/srv/closed/plain":       {Why: "there is no /srv/closed/plain"},
		"/srv/closed/none":        {Why: "there is no /srv/closed/none"},
		"dangling":                {Why: `there is no program "dangling" in /home/nobody/bin:/srv/closed:/srv/bin:/usr/bin`},
		"loop-a":                  {Why: "/srv/bin/loop-a: more than 40 symbolic links"},
		"magic":                   {Why: "/srv/bin/magic: /proc/self leads elsewhere for each process"},
		"/proc/self/root/bin/env": {Why: "/proc/self/root/bin/env: /proc/self leads elsewhere for each process"},
		"unreadable":              {Why: "the content of /srv/bin/unreadable may not be read, so it has no hash"},
		"./ls":                    {Why: `"./ls" is neither a program's name nor an absolute path`},
		"..":                      {Why: `".." is neither a program's name nor an absolute path`},
		"":                        {Why: `"" is neither a program's name nor an absolute path`},
		"no\x1bsuch":              {Why: `there is no program "no\x1bsuch" in /home/nobody/bin:/srv/closed:/srv/bin:/usr/bin`},
	} {
		f := facts(t, l, policy.Probe{Kind: policy.ProbeProgram, Name: name, Hash: true})
		if got := f.Programs[name]; got != want || len(f.Programs) != 1 {
			t.Errorf("%q:\n%+v, want\n%+v", name, got, want)
		}
		if want.SHA256 == "" {
			continue
		}
		want.SHA256 = ""
		if got := facts(t, l, policy.Probe{Kind: policy.ProbeProgram, Name: name}).Programs[name]; got != want {
			t.Errorf("%q without hash: %+v", name, got)
		}
	}
}

// TestBigProgram: a hash over many chunks is that of sha256sum, whatever the last chunk's size.
func TestBigProgram(t *testing.T) {
	h := startHost(t)
	l := h.looker("deploy", true)
	for _, size := range []string{"0", "1", "32767", "32768", "32769", "1048576", "20000001"} {
		h.root("head -c " + size + " /dev/urandom >/srv/big; chmod 755 /srv/big")
		want := strings.Fields(h.root("sha256sum /srv/big"))[0]
		if got := facts(t, l, policy.Probe{Kind: policy.ProbeProgram, Name: "/srv/big", Hash: true}).Programs["/srv/big"]; got.SHA256 != want {
			t.Errorf("%s bytes: %+v, want %s", size, got, want)
		}
	}
	h.root("truncate -s 257M /srv/big")
	if got := facts(t, l, policy.Probe{Kind: policy.ProbeProgram, Name: "/srv/big", Hash: true}).Programs["/srv/big"]; !strings.Contains(got.Why, "up to 268435456 are hashed") {
		t.Errorf("257 MiB: %+v", got)
	}
}

// TestPaths: where a path really leads, and that what may not be seen looks like what is not there.
func TestPaths(t *testing.T) {
	h := startHost(t)
	h.root(`
mkdir -p /srv/a/b/c /srv/closed/in; echo x >/srv/a/file; echo x >/srv/closed/file; chmod 700 /srv/closed
ln -s a/b /srv/mid; ln -s /srv/a /srv/a/b/up; ln -s ../../closed/file /srv/a/b/to-closed; ln -s loop /srv/loop; ln -s /srv/new/thing /srv/dangling
ln -s / /srv/slash; ln -s /proc/self/cwd /srv/magic; ln -s a/file /srv/to-file; mkfifo /srv/fifo; ln -s '' /srv/empty 2>/dev/null || :
cd /srv; d=chain0; echo x >chain0; i=1; while [ $i -le 41 ]; do ln -s chain$((i-1)) chain$i; i=$((i+1)); done
ln -s "$(printf 'bad\377')" /srv/not-text
`)
	l := h.looker("deploy", false)
	none := policy.PathFact{Kind: policy.PathNone}
	at := func(real string) policy.PathFact { return policy.PathFact{Real: real, Kind: policy.PathNone} }
	long := "/srv/" + strings.Repeat("x", 300)
	cases := map[string]policy.PathFact{
		"/":                             {Real: "/", Kind: policy.PathDir},
		"/srv/a/file":                   {Real: "/srv/a/file", Kind: policy.PathFile},
		"//srv/./a//file":               {Real: "/srv/a/file", Kind: policy.PathFile},
		"/srv/a/file/":                  at("/srv/a/file"),
		"/srv/a/file/..":                none,
		"/srv/a/file/x":                 at("/srv/a/file/x"),
		"/srv/to-file/x":                at("/srv/a/file/x"),
		"/srv/mid":                      {Real: "/srv/a/b", Kind: policy.PathDir},
		"/srv/mid/":                     {Real: "/srv/a/b", Kind: policy.PathDir},
		"/srv/mid/../file":              {Real: "/srv/a/file", Kind: policy.PathFile}, // not /srv/file
		"/srv/mid/c/../up/file":         {Real: "/srv/a/file", Kind: policy.PathFile},
		"/srv/slash/srv/a":              {Real: "/srv/a", Kind: policy.PathDir},
		"/../../srv/a":                  {Real: "/srv/a", Kind: policy.PathDir},
		"/srv/loop":                     none,
		"/srv/loop/x":                   none,
		"/srv/chain40":                  {Real: "/srv/chain0", Kind: policy.PathFile},
		"/srv/chain41":                  none,
		"/srv/dangling":                 at("/srv/new/thing"),
		"/srv/dangling/more":            at("/srv/new/thing/more"),
		"/srv/dangling/../../etc":       none,
		"/srv/none/x":                   at("/srv/none/x"),
		"/srv/none/../a":                none,
		"/srv/none/./x/":                at("/srv/none/x"),
		"/srv/closed":                   {Real: "/srv/closed", Kind: policy.PathDir},
		"/srv/closed/file":              at("/srv/closed/file"),
		"/srv/closed/nothing":           at("/srv/closed/nothing"),
		"/srv/closed/in/x":              at("/srv/closed/in/x"),
		"/srv/closed/../a":              {Real: "/srv/a", Kind: policy.PathDir},
		"/srv/mid/to-closed":            at("/srv/closed/file"),
		"/srv/fifo":                     {Real: "/srv/fifo", Kind: policy.PathOther},
		"/dev/null":                     {Real: "/dev/null", Kind: policy.PathOther},
		"/dev/stdin":                    none,
		"/proc/self":                    none,
		"/proc/self/root/etc":           none,
		"/srv/magic/x":                  none,
		"/proc/sys":                     {Real: "/proc/sys", Kind: policy.PathDir},
		"/srv/not-text":                 none,
		long:                            at(long),
		"/" + strings.Repeat("x/", 64):  at("/" + strings.TrimSuffix(strings.Repeat("x/", 64), "/")),
		"/srv/a/\x00":                   none,
		"/srv/a/\xff":                   none,
		"/" + strings.Repeat("x/", 65):  none,
		"/" + strings.Repeat("y", 4096): none,
	}
	delete(cases, "/"+strings.Repeat("x/", 64))
	var probes []policy.Probe
	for name := range cases {
		probes = append(probes, policy.Probe{Kind: policy.ProbePath, Name: name})
	}
	got := facts(t, l, probes...)
	for name, want := range cases {
		if got.Paths[name] != want {
			t.Errorf("%.80q: %+v, want %+v", name, got.Paths[name], want)
		}
	}
	if len(got.Paths) != len(cases) {
		t.Errorf("%d facts of %d", len(got.Paths), len(cases))
	}
}

// TestAsRoot: a root login sees what deploy does not.
func TestAsRoot(t *testing.T) {
	h := startHost(t)
	h.root("mkdir -m 700 /srv/closed; echo x >/srv/closed/file")
	f := facts(t, h.looker("root", false), policy.Probe{Kind: policy.ProbePath, Name: "/srv/closed/file"}, policy.Probe{Kind: policy.ProbeHome})
	if f.Paths["/srv/closed/file"].Kind != policy.PathFile || f.Home != "/root" {
		t.Errorf("%+v", f)
	}
}

// TestNoHome: a login without a home would begin in /, and that is no home.
func TestNoHome(t *testing.T) {
	h := startHost(t)
	h.root("rm -r /home/deploy")
	var f policy.Facts
	if err := h.looker("deploy", false).Answer(t.Context(), []policy.Probe{{Kind: policy.ProbeHome}}, &f); !errors.Is(err, ErrNoHome) {
		t.Errorf("%v, %+v", err, f)
	}
}

// TestManyEntries: a folder of 100,000 names is an error that says so, and the Looker goes on.
func TestManyEntries(t *testing.T) {
	h := startHost(t)
	many, err := h.Path("/srv/many")
	if err != nil {
		t.Fatal(err)
	}
	h.root("mkdir /srv/many; cd /srv/many; seq 1 100000 | xargs touch; mkdir /srv/some; cd /srv/some; seq 1 5000 | xargs touch")
	if names, err := os.ReadDir(many); err != nil || len(names) != 100000 {
		t.Fatalf("%d names, %v", len(names), err)
	}
	l := h.looker("deploy", false)
	for glob, says := range map[string]string{"/srv/many/1": "", "/srv/many/x*": "20000 entries", "/srv/*/x": "", "/srv/*/*x": "20000 entries", "/srv/some/*": "5000 names", "/srv/some/1*": ""} {
		var f policy.Facts
		err := l.Answer(t.Context(), []policy.Probe{{Kind: policy.ProbeGlob, Name: glob}}, &f)
		if says == "" && err != nil || says != "" && (!errors.Is(err, ErrTooMuch) || !strings.Contains(err.Error(), says) || f.Globs != nil) {
			t.Errorf("%s: %v; want %q", glob, err, says)
		}
	}
}

// TestStrangeNames: names that are not UTF-8 are left out; those that only look strange are not.
func TestStrangeNames(t *testing.T) {
	h := startHost(t)
	dir, err := h.Path("/srv")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"bad\xff", "new\nline", "two words", "-rf", "é", "\x01"}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := facts(t, h.looker("deploy", false), policy.Probe{Kind: policy.ProbeGlob, Name: "/srv/*"}).Globs["/srv/*"]
	if want := []string{"/srv/\x01", "/srv/-rf", "/srv/new\nline", "/srv/two words", "/srv/é"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLocal: the same words start the server of this machine.
func TestLocal(t *testing.T) {
	stream := startLocal(t, t.TempDir(), false)
	l, err := New(t.Context(), stream, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if f := facts(t, l, policy.Probe{Kind: policy.ProbeProgram, Name: "env"}); f.Programs["env"].Path != "/usr/bin/env" {
		t.Errorf("%+v", f)
	}
}
