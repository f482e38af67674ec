package bastion

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
)

// races is how often the race that is left to chance is run.
var races = flag.Int("races", 25, "how often a link is swapped at random under a transfer")

// between does something on the target in the moment between a decision and what is done by it.
type between struct {
	Transfers
	swap atomic.Pointer[func(in protocol.File)]
}

func (b *between) File(ctx context.Context, in protocol.File) (protocol.FileAnswer, error) {
	a, err := b.Transfers.File(ctx, in)
	if do := b.swap.Load(); do != nil && a.Allowed {
		(*do)(in)
	}
	return a, err
}

// exchange swaps two names in one step, as somebody on the target does who wants to be in between.
func (f *filing) exchange(a, b string) {
	f.must(unix.Renameat2(unix.AT_FDCWD, f.on(a), unix.AT_FDCWD, f.on(b), unix.RENAME_EXCHANGE))
}

// TestSwapped: a folder that was decided is swapped for a link to the outside before anything is done in it. Nothing is done outside,
// whatever the operation; and where the login may not read the folder, nothing at all.
func TestSwapped(t *testing.T) {
	b := &between{}
	f := newFilingWith(t, escapePolicy, func(c *Config) { b.Transfers = c.Transfers; c.Transfers = b })
	f.root(outside + `
mkdir /srv/in/swap /srv/out/swapdir; echo inside >/srv/in/swap/s; mkdir /srv/in/swap/sub
ln -s /srv/out /srv/in/swap.link; ln -s /srv/out/s /srv/in/s.link; ln -s /srv/out/sub /srv/in/sub.link; echo file >/srv/in/file
mkdir -m 311 /srv/in/blind; ln -s /srv/out /srv/in/blind.link; echo inside >/srv/in/blind/s
chown -R -h 2000:2000 /srv/in/swap /srv/in/swap.link /srv/in/blind /srv/in/file`)
	before := f.snapshot()
	for _, login := range []string{"deploy", "root"} {
		r := f.raw("bot", login+"@web-1")
		for name, c := range map[string]struct {
			a, b   string
			kind   byte
			fields []any
		}{
			"read":             {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketOpen, []any{"/srv/in/swap/s", sftp.OpenRead, 0}},
			"read the last":    {"/srv/in/file", "/srv/in/s.link", sftp.PacketOpen, []any{"/srv/in/file", sftp.OpenRead, 0}},
			"read, blind":      {"/srv/in/blind", "/srv/in/blind.link", sftp.PacketOpen, []any{"/srv/in/blind/s", sftp.OpenRead, 0}},
			"cut":              {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketOpen, []any{"/srv/in/swap/s", sftp.OpenWrite | sftp.OpenTrunc, 0}},
			"cut the last":     {"/srv/in/file", "/srv/in/s.link", sftp.PacketOpen, []any{"/srv/in/file", sftp.OpenWrite | sftp.OpenTrunc, 0}},
			"cut, blind":       {"/srv/in/blind", "/srv/in/blind.link", sftp.PacketOpen, []any{"/srv/in/blind/s", sftp.OpenWrite | sftp.OpenTrunc, 0}},
			"create":           {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketOpen, []any{"/srv/in/swap/new", sftp.OpenWrite | sftp.OpenCreate, 0}},
			"create, blind":    {"/srv/in/blind", "/srv/in/blind.link", sftp.PacketOpen, []any{"/srv/in/blind/new", sftp.OpenWrite | sftp.OpenCreate, 0}},
			"mkdir":            {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketMkdir, []any{"/srv/in/swap/new", 0}},
			"rmdir":            {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketRmdir, []any{"/srv/in/swap/sub"}},
			"rmdir, blind":     {"/srv/in/blind", "/srv/in/blind.link", sftp.PacketRmdir, []any{"/srv/in/blind/sub"}},
			"remove":           {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketRemove, []any{"/srv/in/swap/s"}},
			"rename from":      {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketRename, []any{"/srv/in/swap/s", "/srv/in/got"}},
			"rename to":        {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketExtended, []any{"posix-rename@openssh.com", "/srv/in/file", "/srv/in/swap/s"}},
			"mode of a file":   {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketSetstat, []any{"/srv/in/swap/s", sftp.Attrs{Known: sftp.AttrMode, Mode: 0o777}}},
			"mode of a folder": {"/srv/in/swap/sub", "/srv/in/sub.link", sftp.PacketSetstat, []any{"/srv/in/swap/sub", sftp.Attrs{Known: sftp.AttrMode, Mode: 0o777}}},
			"cut by setstat":   {"/srv/in/file", "/srv/in/s.link", sftp.PacketSetstat, []any{"/srv/in/file", sftp.Attrs{Known: sftp.AttrSize}}},
			"list":             {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketOpendir, []any{"/srv/in/swap"}},
			"stat":             {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketStat, []any{"/srv/in/swap/s"}},
			"readlink":         {"/srv/in/swap", "/srv/in/swap.link", sftp.PacketReadlink, []any{"/srv/in/swap/s"}},
		} {
			once := func(in protocol.File) {
				if in.Why == "" && b.swap.Swap(nil) != nil {
					f.exchange(c.a, c.b)
				}
			}
			b.swap.Store(&once)
			if got := r.status(c.kind, c.fields...); got != denied {
				t.Errorf("%s as %s: status %d", name, login, got)
			}
			if b.swap.Swap(nil) != nil {
				t.Errorf("%s as %s: nothing was decided", name, login)
				continue
			}
			f.exchange(c.a, c.b)
			if after := f.snapshot(); after != before {
				t.Fatalf("%s as %s: outside it is not as it was:\n%s\n---\n%s", name, login, before, after)
			}
		}
		if r.sawCanary() {
			t.Errorf("as %s something from outside came through", login)
		}
	}
	if _, err := os.Lstat(f.on("/srv/in/got")); err == nil {
		t.Error("a rename took something in from outside")
	}
}

// TestRaces: the same, left to chance: two names change places all the time while a client works by one of them.
func TestRaces(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside + `
mkdir /srv/in/swap; echo inside >/srv/in/swap/s; ln -s /srv/out /srv/in/swap.link
chown -R -h 2000:2000 /srv/in/swap /srv/in/swap.link`)
	before := f.snapshot()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, f.on("/srv/in/swap"), unix.AT_FDCWD, f.on("/srv/in/swap.link"), unix.RENAME_EXCHANGE)
			}
		}
	}()
	r := f.raw("bot", "deploy@web-1")
	for range *races {
		if p := r.ask(sftp.PacketOpen, "/srv/in/swap/s", sftp.OpenRead|sftp.OpenWrite|sftp.OpenTrunc, 0); p.Kind == sftp.PacketHandle {
			h, _ := p.Handle()
			r.status(sftp.PacketWrite, h, int64(0), "inside")
			r.status(sftp.PacketClose, h)
		}
		r.status(sftp.PacketMkdir, "/srv/in/swap/made", 0)
		r.status(sftp.PacketRmdir, "/srv/in/swap/made")
		r.status(sftp.PacketSetstat, "/srv/in/swap/s", sftp.Attrs{Known: sftp.AttrMode, Mode: 0o666})
		r.status(sftp.PacketRename, "/srv/in/swap/s", "/srv/in/swap/t")
		r.status(sftp.PacketRename, "/srv/in/swap/t", "/srv/in/swap/s")
		r.status(sftp.PacketRemove, "/srv/in/swap/t")
	}
	close(stop)
	<-stopped
	if after := f.snapshot(); after != before || r.sawCanary() {
		t.Fatalf("outside it is not as it was, or was read (%v):\n%s\n---\n%s", r.sawCanary(), before, after)
	}
}

// TestHardLink: what cannot be told from a file of its own is not: a hard link made on the target opens what it is a name of. Nobody
// can make one through Gatehouse, and Linux lets no login make one to a file that is not its own (fs.protected_hardlinks).
func TestHardLink(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside + "ln /srv/out/s /srv/in/hard")
	r := f.raw("bot", "deploy@web-1")
	if got := r.read(r.open("/srv/in/hard", sftp.OpenRead)); !strings.Contains(got, canary) {
		t.Errorf("a hard link is not what it was thought to be: %q; if it is refused now, docs/transfer.md may say so", got)
	}
}

// TestOnlyRegularFiles: a device that takes a file's place after the decision is opened, seen for what it is, and let go.
func TestOnlyRegularFiles(t *testing.T) {
	b := &between{}
	f := newFilingWith(t, escapePolicy, func(c *Config) { b.Transfers = c.Transfers; c.Transfers = b })
	f.root(outside + "echo x >/srv/in/file; chown 2000:2000 /srv/in/file")
	r := f.raw("bot", "deploy@web-1")
	for name, flags := range map[string]int{"read": sftp.OpenRead, "write": sftp.OpenWrite | sftp.OpenTrunc} {
		once := func(in protocol.File) {
			if in.Why == "" && b.swap.Swap(nil) != nil {
				f.exchange("/srv/in/file", "/srv/in/null")
			}
		}
		b.swap.Store(&once)
		if got := r.status(sftp.PacketOpen, "/srv/in/file", flags, 0); got != denied {
			t.Errorf("%s: status %d", name, got)
		}
		f.exchange("/srv/in/file", "/srv/in/null")
	}
}

// TestDenialsAlike: the text of a denial, on standard error too, is the same whether a name is a file, a link, a link to a link or
// nothing.
func TestDenialsAlike(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside + "ln -s /srv/out/secret-place /srv/out/la; ln -s /srv/out/back /srv/out/lb; ln -s /srv/out/la /srv/in/lc")
	told := func(name string) string {
		r := f.sftp("deploy", "-get "+name+" /dev/null\n-ls "+name+"\n-rm "+name+"\n-chmod 644 "+name+"\n")
		var lines []string
		for line := range strings.Lines(r.Stdout + r.Stderr) {
			if !strings.HasPrefix(line, "GATEHOUSE-DENIAL") { // which has ids
				lines = append(lines, strings.ReplaceAll(line, name, "NAME"))
			}
		}
		slices.Sort(lines) // the client's and ours come as they come
		return strings.Join(lines, "")
	}
	want := told("/srv/out/nn")
	for _, name := range []string{"/srv/out/la", "/srv/out/ss"} {
		if got := told(name); got != want {
			t.Errorf("%s:\n%s\n--- and what is not there:\n%s", name, got, want)
		}
	}
	if got := told("/srv/in/lc"); strings.Contains(got, "secret-place") || strings.Contains(got, "/srv/out") {
		t.Errorf("it says where a link leads:\n%s", got)
	}
}
