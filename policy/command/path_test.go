package command

import (
	"reflect"
	"testing"
)

// links is a target where /srv/link leads to /etc, /var/run to /run, and all else is as it is written.
func links(path string) (string, bool) {
	switch path {
	case "/srv/link/passwd":
		return "/etc/passwd", true
	case "/srv/link/../app/x":
		return "/app/x", true
	case "/tmp/in":
		return "/srv/in", true
	case "/var/run/app":
		return "/run/app", true
	}
	return path, true
}

func TestPathsByTextAndByWhereTheyLead(t *testing.T) {
	known := View{Dir: "/srv/app", Home: "/home/bot", Real: links}
	for _, c := range []struct {
		slot, word string
		view       View
		matched    bool
		paths      []string
		needsDir   bool
	}{
		{slot: "/srv/**", word: "/srv/x", view: known, matched: true},
		{slot: "/srv/**", word: "/srv/x", matched: true, paths: []string{"/srv/x"}},
		{slot: "/srv/**", word: "/srv", view: known},
		{slot: "/srv,/srv/**", word: "/srv/", view: known, matched: true},
		{slot: "/srv/**", word: "/srv-evil", view: known},
		{slot: "/srv/**", word: "/srv/link/passwd", view: known},
		{slot: "/srv/**", word: "/srv/link/passwd", matched: true, paths: []string{"/srv/link/passwd"}},
		{slot: "/srv/**", word: "/tmp/in", view: known},
		{slot: "/srv/**", word: "/srv/a/../b", view: known, matched: true},
		{slot: "/srv/**", word: "/srv/a/../b", matched: true, paths: []string{"/srv/a/../b"}},
		{slot: "/srv/**", word: "/srv/../etc/passwd", view: known},
		{slot: "/srv/**", word: "/srv/link/../app/x", view: known},
		{slot: "/srv/**", word: "/srv//x/./y/", view: known, matched: true},
		{slot: "/srv/**", word: "x", view: known, matched: true},
		{slot: "/srv/**", word: "x", view: View{Dir: "/srv/app"}, matched: true, paths: []string{"/srv/app/x"}},
		{slot: "/srv/**", word: "x", matched: true, needsDir: true},
		{slot: "/srv/**", word: "../../etc/passwd", view: known},
		{slot: "/srv/**", word: "-x", view: known},
		{slot: "/srv/**", word: "", view: known},
		{slot: "/srv/**", word: "/srv/\x1b", view: known},
		{slot: "/srv/**", word: "~root/x", view: known},
		{slot: "/srv/**", word: "./~root/x", view: known, matched: true},
		{slot: "/srv/**", word: "~/x", view: View{Dir: "/tmp", Home: "/srv/h", Real: links}},
		{slot: "/var/run/app", word: "/var/run/app", view: known},
		{slot: "/var/run/app,/run/app", word: "/var/run/app", view: known, matched: true},
		{slot: "/srv/*.log", word: "/srv/a.log", view: known, matched: true},
		{slot: "/srv/*.log", word: "/srv/a/b.log", view: known},
		{slot: "~/x/**", word: "/home/bot/x/y", view: known, matched: true},
		{slot: "~/x/**", word: "/home/bot/y", view: known},
		{slot: "~/x/**", word: "/home/bot/x/y", matched: true, needsDir: true},
		{slot: "~", word: "/home/bot", view: known, matched: true},
		{slot: "~/**", word: "/home/botx", view: known},
		{slot: "~/*", word: "/home/*/x", view: View{Dir: "/", Home: "/home/*", Real: links}, matched: true},
		{slot: "~/*", word: "/home/b/x", view: View{Dir: "/", Home: "/home/*", Real: links}},
		{slot: "*.txt", word: "a.txt", view: known, matched: true},
		{slot: "*.txt", word: "./a.txt", view: known, matched: true},
		{slot: "*.txt", word: "/srv/app/a.txt", view: known, matched: true},
		{slot: "*.txt", word: "/srv/a.txt", view: known},
		{slot: ".", word: ".", view: known, matched: true},
		{slot: "/", word: "/", view: known, matched: true},
		{slot: "/**", word: "/", view: known},
		{slot: "/dir/**", word: "/dir/" + Unknown, matched: true, paths: []string{"/dir"}},
		{slot: "/srv/**", word: "/srv/link/passwd/" + Unknown, view: known},
	} {
		p := mustParse(t, "a <path:"+c.slot+">")
		r := p.Match([]string{"a", c.word}, c.view)
		if r.Matched != c.matched || !reflect.DeepEqual(r.Paths, c.paths) && len(r.Paths)+len(c.paths) > 0 || r.NeedsDir != c.needsDir {
			t.Errorf("<path:%s> and %q: %+v", c.slot, c.word, r)
		}
		if r.Matched && !r.NeedsDir && !p.Denies([]string{"a", c.word}, c.view) {
			t.Errorf("<path:%s> as a deny rule passes %q", c.slot, c.word)
		}
	}
}

func TestPathsAreDeniedByTextOrByWhereTheyLead(t *testing.T) {
	known := View{Dir: "/srv/app", Home: "/home/bot", Real: links}
	p := mustParse(t, "a <path:/etc/**>")
	for _, word := range []string{"/etc/x", "/srv/link/passwd", "/srv/../etc/x", "../../etc/x", "/etc/" + Unknown, Unknown} {
		if !p.Denies([]string{"a", word}, known) {
			t.Errorf("%q passes", word)
		}
	}
	if p.Denies([]string{"a", "/srv/x"}, known) || p.Denies([]string{"a", "x"}, View{}) || p.Denies([]string{"a", "/srv/link/passwd"}, View{}) {
		t.Error("what is not known to be inside is denied")
	}
	if r := p.MayDeny([]string{"a", "x"}, View{}); !r.Matched || !r.NeedsDir {
		t.Errorf("the working directory does not matter: %+v", r)
	}
	if r := p.MayDeny([]string{"a", "/srv/link/passwd"}, View{}); !r.Matched || !reflect.DeepEqual(r.Paths, []string{"/srv/link/passwd"}) {
		t.Errorf("where a path leads does not matter: %+v", r)
	}
	if r := p.MayDeny([]string{"a", "/srv/x"}, known); r.Matched {
		t.Errorf("all is known, and it may deny: %+v", r)
	}
}

// TestForgottenPaths has an attempt that notes a path and fails later.
func TestForgottenPaths(t *testing.T) {
	p := mustParse(t, "a (<path:/x/**> one|<text> two)")
	if r := p.Match([]string{"a", "/x/y", "two"}, View{}); !r.Matched || len(r.Paths) > 0 {
		t.Errorf("%+v", r)
	}
}
