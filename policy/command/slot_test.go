package command

import (
	"strings"
	"testing"
)

// slotCases says which words a slot admits (yes) and which not (no).
var slotCases = []struct {
	slot    string
	yes, no []string
}{
	{"host", []string{"db-1", "a.example.com", "10.0.0.1", "::1", "fe80::1", "_dmarc.example.com", "7zip", "0-1.de"},
		[]string{"-h", "", "root@db", "a..b", "a-", "1.2.3", "0x7f.1", "127.1", "2130706433", "0x7f000001", "fe80::1%eth0", "a b", "a;b", "é.de", "a.", strings.Repeat("a", 64), "a:80", "$(id).evil"}},
	{"host:*.example.com,10.0.*", []string{"a.example.com", "A.Example.COM", "b.a.example.com", "10.0.3.4"}, []string{"example.com", "a.example.com.evil", "10.1.0.1", "10.0.evil.2"}},
	{"user", []string{"root", "_apt", "app-1", "a.b"}, []string{"-root", "", "Root", "1a", "a b", "a:b", "root,adm", strings.Repeat("a", 33), "a$"}},
	{"user:app-*", []string{"app-1"}, []string{"root", "app"}},
	{"duration", []string{"30s", "5m", "2h", "1d", "0s"}, []string{"", "s", "5", "-5s", "05s", "1h30m", "5 min ago", "1.5h", "5S", "1w", "99999999999999999999d"}},
	{"duration:..1h", []string{"1h", "60m", "3600s"}, []string{"61m", "2h", "1d"}},
	{"duration:5s..1m", []string{"5s", "1m"}, []string{"4s", "61s"}},
	{"re:[a-z]+-[0-9]+", []string{"a-1", "web-23"}, []string{"", "-a-1", "a-1x", "xa-1\n", "a-", "A-1"}},
	{"re:.*", []string{"x"}, []string{"-x", "", "a\x1b", "a\nb", "\u202e"}},
	{"re:-[a-z]*e\\.[a-zA-Z]+", []string{"-logre.iLs", "-e.x"}, []string{"logre.iLs", "-", "--", "-logr", "-loge.x\n", "-x=e.x"}},
	{"re:-a|.*", []string{"x"}, []string{"-a", "-x"}},
	{"re:[-+]x", []string{"+x"}, []string{"-x"}},
	{"re:a|b", []string{"a", "b"}, []string{"ab", "ax", "xb"}},
	{"json", []string{"{}", `{"a":[1,null]}`, "5", `"x"`, "[]"}, []string{"", "{", "-5", "{}{}", "a", "{\"a\":\n1}", "nul"}},
	{"json:object", []string{"{}"}, []string{"[]", "5", " {}"}},
	{"json:array", []string{"[]"}, []string{"{}"}},
	{"sha256", []string{strings.Repeat("a0", 32), strings.Repeat("F", 64)}, []string{strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("g", 64), ""}},
	{"url:https://example.com/**", []string{"https://example.com/a", "https://example.com/a/b/", "https://example.com/a%20b"},
		[]string{"http://example.com/a", "https://example.com.evil/a", "https://example.com@evil/a", "https://u:p@example.com/a", "https://example.com:8443/a", "https://example.com", "https://EXAMPLE.com/a",
			"https://example.com/a/../b", "https://example.com/%2e%2e/b", "https://example.com/%2E./b", "https://example.com/a%2fb", "https://example.com/a%5cb", "https://example.com/a%252fb",
			"https://example.com/a%00", "https://example.com/a%0d", "https://example.com/a%", "https://example.com/a%zz", "https://example.com/a#b", "https://example.com/a?b", "https://example.com/a\\b",
			"https://example.com//a", "https://example.com/{a,b}", "https://example.com/[1-9]", "https://example.com/ a", "https://example.com/\x01", "https://example.com/é", "-https://example.com/a", "file:///etc/shadow"}},
	{"url:https://example.com:8443/v?/*?q=*", nil, nil},
	{"url:http://localhost:80/*?*", []string{"http://localhost:80/x?a=b", "http://localhost:80/x"}, []string{"http://localhost:80/x?a#b", "http://localhost:80/x/y", "http://localhost/x"}},
	{"url:https://example.com/", []string{"https://example.com/", "https://example.com"}, []string{"https://example.com//", "https://example.com/x"}},
}

func TestSlots(t *testing.T) {
	for _, c := range slotCases {
		slot, err := ParseSlot(c.slot)
		if err != nil {
			t.Errorf("<%s>: %v", c.slot, err)
			continue
		}
		for _, word := range c.yes {
			if !slot.value.admits(&matcher{}, word, false) {
				t.Errorf("<%s> does not admit %q", c.slot, word)
			}
			if !slot.value.admits(&matcher{lenient: true}, word, false) {
				t.Errorf("<%s> does not deny %q", c.slot, word)
			}
		}
		for _, word := range c.no {
			if slot.value.admits(&matcher{}, word, false) {
				t.Errorf("<%s> admits %q", c.slot, word)
			}
		}
	}
}

// TestUnknownWords has words that are known only at run time: what nobody knows is admitted by nothing that promises more.
func TestUnknownWords(t *testing.T) {
	below, mixed := "/dir/"+Unknown, "/dir/x"+Unknown
	inObject, inURL := `{"`+Unknown+`":1}`, "https://a/"+Unknown
	words := []string{Unknown, "-" + Unknown, below, mixed, below + "/x", below + "/../x", Unknown + "/x", inObject, inURL}
	for slot, admitted := range map[string][]string{
		"text":                  {Unknown, below, mixed, below + "/x", below + "/../x", Unknown + "/x", inObject, inURL},
		"path:/dir/**":          {below, below + "/x"},
		"path:/**":              {Unknown, below, below + "/x", Unknown + "/x"},
		"path:/dir/*":           nil,
		"path:/dir/*.log":       nil,
		"path:/dir/**/x":        nil,
		"path:/other/**":        nil,
		"path:/dir/sub/**":      nil,
		"glob:/dir/**":          {below, below + "/x"},
		"glob:/dir/*":           nil,
		"glob:/d*/**":           {below, below + "/x"},
		"glob:*":                nil,
		"int":                   nil,
		"enum:a,b":              nil,
		"unit":                  nil,
		"host":                  nil,
		"user":                  nil,
		"duration":              nil,
		"re:.*":                 nil,
		"json":                  nil,
		"sha256":                nil,
		"url:https://a/**":      nil,
		"url:https://a/**?*":    nil,
		"path:/dir/**,/other/*": {below, below + "/x"},
	} {
		s, err := ParseSlot(slot)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			want := contains(admitted, word)
			if got := s.value.admits(&matcher{view: View{Dir: "/work"}}, word, false); got != want {
				t.Errorf("<%s> and %q: %v, want %v", slot, word, got, want)
			}
			if !s.value.admits(&matcher{lenient: true}, word, false) && (word == Unknown || word == "-"+Unknown) {
				t.Errorf("<%s> as a deny rule passes %q", slot, word)
			}
		}
	}
	if mustParse(t, "rm <text>").Match([]string{"rm", "-" + Unknown}, View{}).Matched {
		t.Error("an unknown word that may be an option is admitted as an operand")
	}
	if !mustParse(t, "rm <text>").Match([]string{"rm", "--", "-" + Unknown}, View{}).Matched {
		t.Error("an unknown word is no operand after --")
	}
	if mustParse(t, "rm <path:/dir/**>").Match([]string{"rm", "--", "-" + Unknown}, View{Dir: "/dir"}).Matched {
		t.Error("an unknown word is taken for a path inside a directory")
	}
	for _, pattern := range []string{"rm -f", "rm x", "rm [<text>...] -r", "rm <path:/etc/**>"} {
		if !mustParse(t, pattern).Denies([]string{"rm", "-" + Unknown, Unknown}, View{}) {
			t.Errorf("%s as a deny rule passes unknown words", pattern)
		}
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func TestSlotErrors(t *testing.T) {
	for slot, want := range map[string]string{
		"path":                      `"" is not a path glob`,
		"path:/a/../b":              `"/a/../b" is not a path glob`,
		"path:/a,":                  `"" is not a path glob`,
		"path:~root/x":              `"~root/x" is not a path glob`,
		"path:/a/**b":               "** in a glob is a component of its own",
		"path:/a/{b,c}":             `"{b" in a glob is not supported`,
		"host:a@b":                  `"a@b" is not a host`,
		"host:-a":                   `"-a" is not a host`,
		"user:A":                    `"A" is not an account`,
		"duration:1h":               `"1h" is not a range of durations`,
		"duration:2h..1h":           `"2h..1h" is not a range of durations`,
		"url":                       `"" is not a URL`,
		"url:https://*.a/":          `"https://*.a/" is not a URL`,
		"url:https://a@b/":          `"https://a@b/" is not a URL`,
		"url:https://a/../b":        `"https://a/../b" is not a URL`,
		"re":                        "<re:…> needs a regular expression",
		"re:(":                      `"(" is not a regular expression`,
		"re:a)(b":                   `"a)(b" is not a regular expression`,
		"re:(a{1000}){1000}":        `"(a{1000}){1000}" is not a regular expression`,
		"json:number":               `"number" is not a kind of JSON`,
		"sha256:x":                  "<sha256> takes nothing",
		"enum:" + Unknown:           "the slot",
		"re:" + Unknown:             "the slot",
		"intt":                      `"intt" is neither a slot type nor a named slot: did you mean "int"?`,
		strings.Repeat("a", 4097):   "the slot is longer",
		"text:x":                    `"x" is not a length`,
		"path:" + string(rune(0x7)): "the slot",
	} {
		if _, err := ParseSlot(slot); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("<%s>: got %v, want …%s…", slot, err, want)
		}
	}
}

func TestNamedSlots(t *testing.T) {
	logs, err := ParseSlot("path:/var/log/app/**")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse("tail [-n <int:1..50>] <app-logs>", Slots{"app-logs": logs})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Match([]string{"tail", "/var/log/app/x"}, View{}); !r.Matched {
		t.Errorf("%+v", r)
	}
	if r := p.Match([]string{"tail", "/etc/shadow"}, View{}); r.Matched || r.Slot != "<app-logs>" {
		t.Errorf("%+v", r)
	}
	if r := p.Match([]string{"tail", "-n", "51", "/var/log/app/x"}, View{}); r.Matched || r.Furthest != 2 || r.Slot != "<int:1..50>" {
		t.Errorf("%+v", r)
	}
	if !IsSlotType("path") || IsSlotType("app-logs") {
		t.Error("slot types are mistaken")
	}
}
