package bastion

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/bastion/target/sftp"
)

// canary stands in every file outside; no byte of it may reach a client.
const canary = "canary-7f3a-not-for-agents"

// outside lays out a target for escapes: /srv/in is the agent's, /srv/out and all else is not. The login owns both, so that nothing
// but Gatehouse stands between them.
const outside = `
mkdir -p /srv/in/d/e /srv/in/real /srv/out/sub /srv/out/empty /srv/wo /srv/ro
echo hello >/srv/in/a
echo deep >/srv/in/d/e/f
echo real >/srv/in/real/s
echo ` + canary + ` >/srv/out/s
echo ` + canary + ` >/srv/out/sub/s
echo ` + canary + ` >/srv/wo/hidden
echo open >/srv/ro/r
ln -s /srv/out/s /srv/in/link
ln -s link /srv/in/link2
ln -s /srv/out /srv/in/dirlink
ln -s /srv/out/sub /srv/in/sublink
ln -s ../out/s /srv/in/rellink
ln -s /srv/out/new /srv/in/dangling
ln -s /proc/self/root/srv/out /srv/in/proclink
ln -s loop /srv/in/loop
ln -s /srv/in/a /srv/in/inlink
ln -s /srv/in/d /srv/out/back
mkfifo /srv/in/fifo
mknod /srv/in/null c 1 3
chmod 666 /srv/in/null
echo gone >'/srv/in/x (deleted)'
mkdir /srv/in/mnt && mount --bind /srv/out/empty /srv/in/mnt
printf inside >/srv/in/mnt/m
chown -R -h 2000:2000 /srv/in /srv/out /srv/wo /srv/ro
`

const escapePolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents:
  bot: {owner: person:ann, roles: [carrier]}
  reader: {owner: person:ann, roles: [reads]}
roles:
  oncall: {rights: [view, operate]}
  carrier:
    targets: ["*"]
    logins: [deploy, root, ops]
    files: {read: ["/srv/in/**", "/srv/ro/*"], write: ["/srv/in/**", "/srv/wo/**", "/srv/ro/*"]}
  reads:
    targets: ["*"]
    logins: [deploy]
    files: {read: ["/srv/in/**"]}
`

// snapshot is everything outside as it is now: names, kinds, modes, sizes, times of change and contents.
func (f *filing) snapshot() string {
	return f.root(`cd /srv; find out wo -printf '%p %y %M %U:%G %n %s %T@ %C@ %l\n' | sort; cat out/s out/sub/s wo/hidden`)
}

const (
	denied = sftp.StatusDenied
	failed = sftp.StatusFailure
	absent = sftp.StatusNoFile
	bad    = sftp.StatusBadMessage
	unable = sftp.StatusUnsupported
)

// TestEscapes: what a client asks by hand, one after the other, over one session: none of it reads or changes anything outside.
func TestEscapes(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside)
	before := f.snapshot()
	r := f.raw("bot", "deploy@web-1")
	const rd, wr, creat, trunc, excl, app = sftp.OpenRead, sftp.OpenWrite, sftp.OpenCreate, sftp.OpenTrunc, sftp.OpenExcl, sftp.OpenAppend
	mode := func(m uint32) sftp.Attrs { return sftp.Attrs{Known: sftp.AttrMode, Mode: m} }
	none := sftp.Attrs{}
	empty := sftp.Attrs{Known: sftp.AttrSize}
	for name, c := range map[string]struct {
		want   int
		kind   byte
		fields []any
	}{
		"read outside":                     {denied, sftp.PacketOpen, []any{"/srv/out/s", rd, none}},
		"read by a link":                   {denied, sftp.PacketOpen, []any{"/srv/in/link", rd, none}},
		"read by a link to a link":         {denied, sftp.PacketOpen, []any{"/srv/in/link2", rd, none}},
		"read by a relative link":          {denied, sftp.PacketOpen, []any{"/srv/in/rellink", rd, none}},
		"read below a linked folder":       {denied, sftp.PacketOpen, []any{"/srv/in/dirlink/s", rd, none}},
		"read by .. through a link":        {denied, sftp.PacketOpen, []any{"/srv/in/sublink/../s", rd, none}},
		"read by ..":                       {denied, sftp.PacketOpen, []any{"/srv/in/../out/s", rd, none}},
		"read by many ..":                  {denied, sftp.PacketOpen, []any{"/srv/in/d/e/../../../../../../srv/out/s", rd, none}},
		"read by a relative ..":            {denied, sftp.PacketOpen, []any{"../../srv/out/s", rd, none}},
		"read by //":                       {denied, sftp.PacketOpen, []any{"//srv///out//s", rd, none}},
		"read by /./":                      {denied, sftp.PacketOpen, []any{"/srv/./in/./../out/./s", rd, none}},
		"read by /proc/self/root":          {denied, sftp.PacketOpen, []any{"/proc/self/root/srv/out/s", rd, none}},
		"read by a link to /proc":          {denied, sftp.PacketOpen, []any{"/srv/in/proclink/s", rd, none}},
		"read by /proc/self/cwd":           {denied, sftp.PacketOpen, []any{"/proc/self/cwd/../../srv/out/s", rd, none}},
		"read by /proc/thread-self":        {denied, sftp.PacketOpen, []any{"/proc/thread-self/root/srv/out/s", rd, none}},
		"read by /proc/self/fd":            {denied, sftp.PacketOpen, []any{"/proc/self/fd/3", rd, none}},
		"read by /dev/fd":                  {denied, sftp.PacketOpen, []any{"/dev/fd/0", rd, none}},
		"read by /dev/stdin":               {denied, sftp.PacketOpen, []any{"/dev/stdin", rd, none}},
		"read the server's memory":         {denied, sftp.PacketOpen, []any{"/proc/self/mem", rd, none}},
		"read a loop":                      {denied, sftp.PacketOpen, []any{"/srv/in/loop", rd, none}},
		"read what is only written":        {denied, sftp.PacketOpen, []any{"/srv/wo/hidden", rd, none}},
		"read and write what is written":   {denied, sftp.PacketOpen, []any{"/srv/wo/hidden", rd | wr, none}},
		"read a fifo":                      {denied, sftp.PacketOpen, []any{"/srv/in/fifo", rd, none}},
		"write a fifo":                     {denied, sftp.PacketOpen, []any{"/srv/in/fifo", wr, none}},
		"read a device":                    {denied, sftp.PacketOpen, []any{"/srv/in/null", rd, none}},
		"write a device":                   {denied, sftp.PacketOpen, []any{"/srv/in/null", wr | trunc, none}},
		"read a folder":                    {denied, sftp.PacketOpen, []any{"/srv/in/d", rd, none}},
		"read as (deleted)":                {failed, sftp.PacketOpen, []any{"/srv/in/x (deleted)", rd, none}},
		"read a name with NUL":             {failed, sftp.PacketOpen, []any{"/srv/in/a\x00/../../out/s", rd, none}},
		"read a long name":                 {failed, sftp.PacketOpen, []any{"/srv/in/" + strings.Repeat("x/../", 1000) + "a", rd, none}},
		"read a name of 300":               {absent, sftp.PacketOpen, []any{"/srv/in/" + strings.Repeat("n", 300), rd, none}},
		"read below a file":                {absent, sftp.PacketOpen, []any{"/srv/in/a/b", rd, none}},
		"read nothing by name":             {denied, sftp.PacketOpen, []any{"", rd, none}},
		"open for nothing":                 {bad, sftp.PacketOpen, []any{"/srv/in/a", 0, none}},
		"open with flags that are none":    {bad, sftp.PacketOpen, []any{"/srv/in/a", rd | 1<<20, none}},
		"write outside":                    {denied, sftp.PacketOpen, []any{"/srv/out/s", wr, none}},
		"cut outside":                      {denied, sftp.PacketOpen, []any{"/srv/out/s", wr | trunc, none}},
		"cut by a link":                    {denied, sftp.PacketOpen, []any{"/srv/in/link", wr | creat | trunc, none}},
		"append by a link":                 {denied, sftp.PacketOpen, []any{"/srv/in/link", wr | app, none}},
		"create outside":                   {denied, sftp.PacketOpen, []any{"/srv/out/n", wr | creat, none}},
		"create by a dangling link":        {denied, sftp.PacketOpen, []any{"/srv/in/dangling", wr | creat, none}},
		"create below a linked folder":     {denied, sftp.PacketOpen, []any{"/srv/in/dirlink/n", wr | creat, none}},
		"create exclusively over a link":   {denied, sftp.PacketOpen, []any{"/srv/in/dangling", wr | creat | excl, none}},
		"create set-uid":                   {denied, sftp.PacketOpen, []any{"/srv/in/suid", wr | creat, mode(0o4755)}},
		"create set-gid":                   {denied, sftp.PacketOpen, []any{"/srv/in/sgid", wr | creat, mode(0o2755)}},
		"make a folder outside":            {denied, sftp.PacketMkdir, []any{"/srv/out/n", none}},
		"make a folder by a link":          {denied, sftp.PacketMkdir, []any{"/srv/in/dirlink/n", none}},
		"make a set-gid folder":            {denied, sftp.PacketMkdir, []any{"/srv/in/n", mode(0o2777)}},
		"remove a folder outside":          {denied, sftp.PacketRmdir, []any{"/srv/out/sub"}},
		"remove a folder by a link":        {denied, sftp.PacketRmdir, []any{"/srv/in/dirlink/sub"}},
		"remove the root":                  {denied, sftp.PacketRmdir, []any{"/"}},
		"remove outside":                   {denied, sftp.PacketRemove, []any{"/srv/out/s"}},
		"remove by a link":                 {denied, sftp.PacketRemove, []any{"/srv/in/dirlink/s"}},
		"remove by ..":                     {denied, sftp.PacketRemove, []any{"/srv/in/sublink/../s"}},
		"move out":                         {denied, sftp.PacketRename, []any{"/srv/in/a", "/srv/out/a"}},
		"move out by a link":               {denied, sftp.PacketRename, []any{"/srv/in/a", "/srv/in/dirlink/a"}},
		"move in":                          {denied, sftp.PacketRename, []any{"/srv/out/s", "/srv/in/s"}},
		"move in by a link":                {denied, sftp.PacketRename, []any{"/srv/in/dirlink/s", "/srv/in/s"}},
		"move over what is outside":        {denied, sftp.PacketExtended, []any{"posix-rename@openssh.com", "/srv/in/a", "/srv/in/dirlink/s"}},
		"make readable by its name":        {denied, sftp.PacketRename, []any{"/srv/wo/hidden", "/srv/in/hidden"}},
		"make readable with its folder":    {denied, sftp.PacketRename, []any{"/srv/wo", "/srv/in/wo"}},
		"move a folder of one level":       {denied, sftp.PacketRename, []any{"/srv/ro", "/srv/in/ro"}},
		"mode outside":                     {denied, sftp.PacketSetstat, []any{"/srv/out/s", mode(0o777)}},
		"mode by a link":                   {denied, sftp.PacketSetstat, []any{"/srv/in/link", mode(0o777)}},
		"cut by setstat and a link":        {denied, sftp.PacketSetstat, []any{"/srv/in/link", empty}},
		"set-uid":                          {denied, sftp.PacketSetstat, []any{"/srv/in/a", mode(0o4755)}},
		"owner":                            {denied, sftp.PacketSetstat, []any{"/srv/in/a", sftp.Attrs{Known: sftp.AttrOwner}}},
		"mode of a fifo":                   {denied, sftp.PacketSetstat, []any{"/srv/in/fifo", mode(0o777)}},
		"symbolic link":                    {denied, sftp.PacketSymlink, []any{"/srv/out", "/srv/in/made"}},
		"symbolic link, the other way":     {denied, sftp.PacketSymlink, []any{"/srv/in/made", "/srv/out"}},
		"hard link":                        {denied, sftp.PacketExtended, []any{"hardlink@openssh.com", "/srv/out/s", "/srv/in/made"}},
		"look outside":                     {denied, sftp.PacketStat, []any{"/srv/out/s"}},
		"look at nothing outside":          {denied, sftp.PacketStat, []any{"/srv/out/nothing"}},
		"look by a link":                   {denied, sftp.PacketStat, []any{"/srv/in/link"}},
		"look at a link outside":           {denied, sftp.PacketLstat, []any{"/srv/out/back"}},
		"list outside":                     {denied, sftp.PacketOpendir, []any{"/srv/out"}},
		"list by a link":                   {denied, sftp.PacketOpendir, []any{"/srv/in/dirlink"}},
		"list /proc/self/fd":               {denied, sftp.PacketOpendir, []any{"/proc/self/fd"}},
		"read a link outside":              {denied, sftp.PacketReadlink, []any{"/srv/out/back"}},
		"copy within the target":           {unable, sftp.PacketExtended, []any{"copy-data", "h", int64(0), int64(0), "h", int64(0)}},
		"expand a path":                    {unable, sftp.PacketExtended, []any{"expand-path@openssh.com", "~root"}},
		"size of the file system":          {unable, sftp.PacketExtended, []any{"statvfs@openssh.com", "/srv/out"}},
		"set what a link is":               {unable, sftp.PacketExtended, []any{"lsetstat@openssh.com", "/srv/in/link", mode(0o777)}},
		"somebody's name":                  {unable, sftp.PacketExtended, []any{"users-groups-by-id@openssh.com", "\x00\x00\x00\x00", ""}},
		"a packet that is none":            {unable, 99, []any{"/srv/in/a"}},
		"a packet that is short":           {bad, sftp.PacketOpen, []any{"/srv/in/a"}},
		"a packet that is long":            {bad, sftp.PacketRemove, []any{"/srv/in/a", "/srv/in/d"}},
		"a handle that was never given":    {failed, sftp.PacketRead, []any{"\x00\x00\x00\x63", int64(0), 10}},
		"a handle of the target's":         {failed, sftp.PacketRead, []any{"\x00\x00\x00\x00", int64(0), 10}},
		"a handle of the target's, closed": {failed, sftp.PacketClose, []any{"\x00\x00\x00\x00"}},
		"a handle that is too long":        {failed, sftp.PacketFstat, []any{strings.Repeat("h", 300)}},
	} {
		if got := r.status(c.kind, c.fields...); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
	if r.sawCanary() {
		t.Error("something from outside came through")
	}
	if after := f.snapshot(); after != before {
		t.Errorf("outside it is not as it was:\n%s\n---\n%s", before, after)
	}
	for _, name := range []string{"suid", "sgid", "made", "n", "s", "hidden"} {
		if _, err := os.Lstat(filepath.Join(f.on("/srv/in"), name)); err == nil {
			t.Errorf("/srv/in/%s was made", name)
		}
	}
}

// TestInside: what is allowed works, links that stay inside included, in the same session as what is not.
func TestInside(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside)
	r := f.raw("bot", "root@web-1")
	h := r.open("/srv/in/inlink", sftp.OpenRead)
	if got := r.read(h); got != "hello\n" {
		t.Errorf("by a link that stays inside: %q", got)
	}
	if got := r.read(r.open("/srv/in/mnt/m", sftp.OpenRead)); got != "inside" { // what an administrator mounts there is there
		t.Errorf("below a mount point: %q", got)
	}
	odd := "/srv/in/\xff\xfe \n'\"-o"
	w := r.open(odd, sftp.OpenWrite|sftp.OpenCreate|sftp.OpenExcl)
	for name, got := range map[string]int{
		"write":                  r.status(sftp.PacketWrite, w, int64(0), "bytes"),
		"close":                  r.status(sftp.PacketClose, w),
		"rename":                 r.status(sftp.PacketRename, odd, odd+"2"),
		"mode":                   r.status(sftp.PacketSetstat, odd+"2", sftp.Attrs{Known: sftp.AttrMode, Mode: 0o600}),
		"remove":                 r.status(sftp.PacketRemove, odd+"2"),
		"mkdir":                  r.status(sftp.PacketMkdir, "/srv/in/\xff", sftp.Attrs{}),
		"mode of the folder":     r.status(sftp.PacketSetstat, "/srv/in/\xff", sftp.Attrs{Known: sftp.AttrMode, Mode: 0o700}),
		"rmdir":                  r.status(sftp.PacketRmdir, "/srv/in/\xff"),
		"remove a link":          r.status(sftp.PacketRemove, "/srv/in/link2"), // the link, not what it leads to
		"rename a folder inside": r.status(sftp.PacketRename, "/srv/in/d", "/srv/in/d2"),
	} {
		if got != sftp.StatusOK {
			t.Errorf("%s: status %d", name, got)
		}
	}
	for name, c := range map[string]struct{ got, want int }{
		"read a write handle":     {r.status(sftp.PacketRead, w, int64(0), 10), failed}, // closed
		"write a read handle":     {r.status(sftp.PacketWrite, h, int64(0), "x"), denied},
		"cut a read handle":       {r.status(sftp.PacketFsetstat, h, sftp.Attrs{Known: sftp.AttrSize}), denied},
		"list a file's handle":    {r.status(sftp.PacketReaddir, h), failed},
		"close":                   {r.status(sftp.PacketClose, h), sftp.StatusOK},
		"read after close":        {r.status(sftp.PacketRead, h, int64(0), 10), failed},
		"close after close":       {r.status(sftp.PacketClose, h), failed},
		"set-uid on a handle":     {r.status(sftp.PacketFsetstat, r.open("/srv/in/a", sftp.OpenWrite), sftp.Attrs{Known: sftp.AttrMode, Mode: 0o6755}), denied},
		"owner on a handle":       {r.status(sftp.PacketFsetstat, r.open("/srv/in/a", sftp.OpenWrite), sftp.Attrs{Known: sftp.AttrOwner}), denied},
		"read what is write-only": {r.status(sftp.PacketRead, r.open("/srv/wo/hidden", sftp.OpenWrite), int64(0), 100), denied},
	} {
		if c.got != c.want {
			t.Errorf("%s: status %d, want %d", name, c.got, c.want)
		}
	}
	if r.sawCanary() {
		t.Error("something from outside came through")
	}
}

// TestNamesShown: a folder above what is allowed shows only what leads there, and realpath says the same of a name whether or not
// anything is there.
func TestNamesShown(t *testing.T) {
	f := newFiling(t, escapePolicy)
	f.root(outside)
	r := f.raw("bot", "deploy@web-1")
	var shown []string
	h, err := r.ask(sftp.PacketOpendir, "/srv").Handle()
	f.must(err)
	for {
		names, err := r.ask(sftp.PacketReaddir, h).Names()
		if err != nil {
			break
		}
		shown = append(shown, names...)
	}
	if got := strings.Join(shown, " "); strings.Contains(got, "out") || !strings.Contains(got, "in") {
		t.Errorf("/srv shows %s", got)
	}
	for _, name := range []string{"/srv/out/s", "/srv/out/sub/nothing/../x", "/srv/in/../out/s", "/root/../srv/out/nothing/e"} {
		got, err := r.ask(sftp.PacketRealpath, name).Name()
		if err != nil || got != filepath.Clean(name) {
			t.Errorf("realpath %s: %q, %v", name, got, err)
		}
	}
	there, nothing := r.ask(sftp.PacketStat, "/srv/out/s").Body(), r.ask(sftp.PacketStat, "/srv/out/t").Body()
	if len(there) != len(nothing) || !bytes.Equal(there[:20], nothing[:20]) {
		t.Errorf("what is there and what is not are told apart:\n%q\n%q", there, nothing)
	}
}
