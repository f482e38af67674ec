package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

var update = flag.Bool("update", false, "rewrite the golden vectors")

// vector is one case of testdata/vectors.json: what an outsider's verifier must make of it.
type vector struct {
	Name      string  `json:"name"`
	Request   Request `json:"request"`
	Nonce     string  `json:"nonce"` // hex
	Canonical string  `json:"canonical"`
	Hash      string  `json:"hash"`
	Challenge string  `json:"challenge"` // hex
	Text      string  `json:"text"`
}

func vectors() []vector {
	whole := someRequest()
	whole.ID = "ar_01KB5W0000000000000000000A"
	whole.By.Delegation = "person:bob>agent:planner"
	whole.Reason = "it hangs\u202e, \"really\" <&>\u2028\\u{a}"
	whole.Scope.Command = &Command{
		Plan: policy.Plan{Op: policy.OpAnd, Dir: "/srv/app", Umask: "077", Parts: []policy.Plan{
			{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/tee", "a b", "l1\nhash: sha256:00", "\u200bx", ""}, Wrap: []policy.Argv{{"/usr/bin/timeout", "5"}},
				Env: []policy.EnvVar{{Name: "LANG", Value: "C"}}, Redirs: []policy.Redir{{FD: 0, Op: policy.RedirData, Data: "one\ntwo\n"}, {FD: 2, Op: policy.RedirAppend, Path: "/var/log/x"}}},
			{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "app-api"}, Null: true, Redirs: []policy.Redir{{FD: 2, Op: policy.RedirDup, To: 1}}},
		}},
		Env: []policy.EnvVar{{Name: "TERM", Value: "xterm"}}, PTY: true, Stdin: policy.StdinData, Mode: policy.Pinned,
		Files: []FileState{{Path: "/srv/app/run me.sh", Real: "/srv/app/rеal.sh", SHA256: strings.Repeat("ab", 32), Size: 12}, {Path: "/srv/app/x", Missing: true}},
	}
	whole.Need = []policy.Approval{{Approvals: 2, From: []string{"sre", "sec"}, Within: 900, By: "ssh", Decline: "one", Wait: 60, For: 600, Uses: 1, Beat: 30}, {Approvals: 1}}
	role := Request{
		ID: "ar_01KB5W0000000000000000000B", By: Requester{Principal: "person:hal"}, Reason: "on call", Policy: "sha256:00", Rules: []string{},
		Scope: Scope{Kind: RoleScope, Role: "admin", Targets: []string{"db-1", "web-1"}, Login: "root", Seconds: 3600, Beat: 60},
		Need:  []policy.Approval{{Approvals: 1, From: []string{"sec"}}},
	}
	glass := role
	glass.ID, glass.Scope.Glass, glass.Scope.Beat = "ar_01KB5W0000000000000000000C", true, 0
	pattern := role
	pattern.ID, pattern.Scope = "ar_01KB5W0000000000000000000D", Scope{Kind: PatternScope, Role: "web-operator", Pattern: "systemctl restart <unit:app-*>", Targets: []string{"web-1"}, Login: "deploy", Uses: 3, Seconds: 600}
	var list []vector
	for _, v := range []vector{{Name: "a command", Request: someRequest()}, {Name: "a line with everything in it", Request: whole}, {Name: "a role", Request: role}, {Name: "break-glass", Request: glass}, {Name: "a pattern", Request: pattern}} {
		v.Request = Prepare(someOrg(), noon, v.Request)
		nonce := sha256.Sum256([]byte(v.Name))
		v.Nonce, v.Canonical, v.Hash = hex.EncodeToString(nonce[:]), string(v.Request.Canonical()), v.Request.Hash()
		v.Challenge, v.Text = hex.EncodeToString(v.Request.Challenge(nonce[:])), v.Request.Text(nonce[:])
		list = append(list, v)
	}
	return list
}

// The canonical form, hash, challenge and text are what they were: approvals that were given stay verifiable.
func TestVectors(t *testing.T) {
	file := filepath.Join("testdata", "vectors.json")
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(vectors()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body.Bytes(), want) {
		t.Fatalf("the vectors are not what is made now; -update rewrites them, and voids what was approved:\n%s", body.Bytes())
	}
	for _, v := range vectors() {
		if err := v.Request.Validate(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		stored, err := json.Marshal(v.Request)
		var again Request
		if err != nil || json.Unmarshal(stored, &again) != nil || again.Hash() != v.Hash {
			t.Errorf("%s: it has another hash once it was stored: %v", v.Name, err)
		}
	}
}

// A verifier that has only the specification: it hashes the canonical bytes as they came.
func TestChallengeByHand(t *testing.T) {
	for _, v := range vectors() {
		nonce, _ := hex.DecodeString(v.Nonce)
		sum := sha256.Sum256([]byte(v.Canonical))
		whole := sha256.Sum256(append(append([]byte("gatehouse approval v1\n"), nonce...), sum[:]...))
		if hex.EncodeToString(whole[:]) != v.Challenge || "sha256:"+hex.EncodeToString(sum[:]) != v.Hash {
			t.Errorf("%s: another challenge or hash", v.Name)
		}
		if !v.Request.ReadText([]byte(v.Text), nonce) || v.Request.ReadText([]byte(v.Text+"\n"), nonce) || v.Request.ReadText([]byte(v.Text), nonce[1:]) {
			t.Errorf("%s: its text is not read", v.Name)
		}
	}
}

// notApproved are the fields that are no part of what is approved.
var notApproved = map[string]bool{"Session": true, "Denial": true, "State": true, "Ended": true, "Why": true, "Votes": true, "Grant": true, "Proof": true}

// Whatever is changed of a request, in whatever depth, its hash and the text that people read are others; and what is not approved with it
// changes neither.
func TestEveryFieldIsApproved(t *testing.T) {
	var r Request
	fill(reflect.ValueOf(&r).Elem(), 0)
	nonce := make([]byte, nonceBytes)
	hash, text := r.Hash(), withoutHash(r, nonce)
	n := 0
	eachLeaf(reflect.ValueOf(&r).Elem(), "", func(path string, alter func() func()) {
		undo := alter()
		top, _, _ := strings.Cut(strings.TrimPrefix(path, "."), ".")
		top = top[:len(top)-len(strings.TrimLeft(top, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))]
		if covered := !notApproved[top]; (r.Hash() != hash) != covered || (withoutHash(r, nonce) != text) != covered {
			t.Errorf("%s: hash changed: %v, text changed: %v, and that it is approved is %v", path, r.Hash() != hash, withoutHash(r, nonce) != text, covered)
		}
		undo()
		n++
	})
	if r.Hash() != hash || n < 80 {
		t.Fatalf("%d fields looked at, and they are not what they were", n)
	}
}

// withoutHash is the text without the line that has the hash, which would differ in any case.
func withoutHash(r Request, nonce []byte) string {
	return strings.Replace(r.Text(nonce), r.Hash(), "", 1)
}

// fill gives every field a value, and every list one element.
func fill(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(3)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth)
	case reflect.Slice:
		if depth < 8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0), depth+1)
		}
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(noon))
			return
		}
		for i := range v.NumField() {
			if v.Type() == reflect.TypeFor[policy.Plan]() && v.Type().Field(i).Name == "Parts" && depth > 1 {
				continue
			}
			fill(v.Field(i), depth+1)
		}
	default:
		panic(fmt.Sprintf("a %s cannot be filled", v.Kind()))
	}
}

// eachLeaf calls f for every value that has no others in it, and for every list as a whole; alter changes it.
func eachLeaf(v reflect.Value, path string, f func(path string, alter func() (undo func()))) {
	change := func(to reflect.Value) func() func() {
		return func() func() {
			old := reflect.New(v.Type()).Elem()
			old.Set(v)
			v.Set(to)
			return func() { v.Set(old) }
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			f(path, change(reflect.ValueOf(noon.Add(time.Nanosecond))))
			return
		}
		for i := range v.NumField() {
			eachLeaf(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Pointer:
		eachLeaf(v.Elem(), path, f)
		f(path+" as none", change(reflect.Zero(v.Type())))
	case reflect.Slice:
		if v.Len() == 0 {
			return
		}
		f(path+" twice", change(reflect.AppendSlice(v.Slice3(0, v.Len(), v.Len()), v)))
		f(path+" empty", change(reflect.Zero(v.Type())))
		eachLeaf(v.Index(0), path+"[0]", f)
	case reflect.String:
		f(path, change(reflect.ValueOf("y").Convert(v.Type())))
		f(path+" empty", change(reflect.Zero(v.Type())))
	case reflect.Int, reflect.Int64:
		f(path, change(reflect.ValueOf(4).Convert(v.Type())))
	case reflect.Bool:
		f(path, change(reflect.ValueOf(false).Convert(v.Type())))
	case reflect.Uint8:
		f(path, change(reflect.ValueOf(uint8(8))))
	}
}

// Words of a client that would look like other facts stay inside the one that they are.
func TestTextCannotBeForged(t *testing.T) {
	for _, hostile := range []string{
		"x\nhash: sha256:00", "x\r\nlogin: root", "x\u2028with login: root", "x\u0085nonce: 00", "\u202egnirts", "a\u200bb", "\x1b[2K\rwith login: root", "\"\nwith login: root\"",
		"\u0301", "\ufe0f", "\U000e0041", "\\u{a}", "-", "\u00a0", "\u3164", "x \"with login: root\"", "a\xffb",
	} {
		var r Request
		fill(reflect.ValueOf(&r).Elem(), 0)
		plain := strings.Count(r.Text(nil), "\n")
		strike(reflect.ValueOf(&r).Elem(), hostile)
		text := r.Text(make([]byte, nonceBytes))
		if got := strings.Count(text, "\n"); got != plain {
			t.Errorf("%q: %d lines instead of %d:\n%s", hostile, got, plain, text)
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.ContainsFunc(line, hidden) {
				t.Errorf("%q: hidden characters in %q", hostile, line)
			}
			if strings.HasPrefix(line, "with login: ") && line != "with login: "+quoted(hostile) {
				t.Errorf("%q: the login reads %q", hostile, line)
			}
		}
		if strings.Count(text, "\nhash: ") != 1 || strings.Count(text, "\nnonce: ") != 1 {
			t.Errorf("%q: several hashes or nonces", hostile)
		}
	}
}

// strike sets every text of a value.
func strike(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if !v.IsNil() {
			strike(v.Elem(), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			strike(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[time.Time]() {
				strike(v.Field(i), text)
			}
		}
	}
}

// Two texts are never shown alike.
func TestShownIsInjective(t *testing.T) {
	texts := []string{"", "-", "a", "a b", "\\", "\\\\", "\\u{a}", "\n", "\\n", "\\x0a", "\xff", "\\xff", "\ufffd", "\"", "\\\"", "\"a\"", "\\u{5c}u{a}", "\u202e", "\\u{202e}", "\u200b"}
	for _, show := range []func(string) string{shown, quoted, literal, exact} {
		seen := map[string]string{}
		for _, text := range texts {
			if other, known := seen[show(text)]; known {
				t.Errorf("%q and %q are both shown as %s", text, other, show(text))
			}
			seen[show(text)] = text
		}
	}
}

// JSON would make one of two texts that are no UTF-8: such a request is not made at all.
func TestOnlyUTF8HasAForm(t *testing.T) {
	alter := map[string]func(*Request){
		"a word":   func(r *Request) { r.Scope.Command.Plan.Argv[1] = "a\xff" },
		"a value":  func(r *Request) { r.Scope.Command.Env = []policy.EnvVar{{Name: "A", Value: "\xfe"}} },
		"a path":   func(r *Request) { r.Scope.Command.Files = []FileState{{Path: "/\xff"}} },
		"a rule":   func(r *Request) { r.Rules = []string{"\xff"} },
		"a group":  func(r *Request) { r.Need[0].From = []string{"\xff"} },
		"a reason": func(r *Request) { r.Reason = "\xff" },
		"a policy": func(r *Request) { r.Policy = "\xff" },
	}
	for name, f := range alter {
		r := someRequest()
		r.Scope.Command.Plan.Argv = append(policy.Argv{}, r.Scope.Command.Plan.Argv...)
		f(&r)
		if _, err := NewBook(Change{}).Ask(someOrg(), noon, r); err == nil {
			t.Errorf("%s that is no UTF-8 was taken", name)
		}
	}
}

func TestChangedFiles(t *testing.T) {
	a, b := *someCommand(), *someCommand()
	a.Files = []FileState{{Path: "/b", SHA256: "1"}, {Path: "/a", SHA256: "1"}}
	b.Files = []FileState{{Path: "/a", SHA256: "1"}, {Path: "/b", SHA256: "1"}}
	if files, alike := a.Changed(b); !alike || len(files) != 0 || !a.Same(b) {
		t.Fatal(files, alike)
	}
	b.Files[1].SHA256 = "2"
	b.Files = append(b.Files, FileState{Path: "/c", Missing: true})
	if files, alike := a.Changed(b); !alike || fmt.Sprint(files) != "[/b /c]" || a.Same(b) {
		t.Fatal(files, alike)
	}
	b.PTY = true
	if _, alike := a.Changed(b); alike {
		t.Fatal("a pty makes no other command")
	}
}

// A command that nobody looked at the target for is said to be such, and approved only with the role that it needs.
func TestNotFinal(t *testing.T) {
	r := someRequest()
	r.Scope.Role = "admin"
	r.Scope.Command.Plan.Argv[0] = "systemctl"
	c, err := NewBook(Change{}).Ask(someOrg(), noon, r)
	if err != nil || !strings.Contains(c.Requests[0].Text(nil), "\nfinal: no, ") {
		t.Fatal(err)
	}
	if r.Scope.Role = ""; r.Validate() == nil {
		t.Fatal("it is asked for without a role")
	}
	if !strings.Contains(someRequest().Text(nil), "\nfinal: yes\n") {
		t.Fatal("what is final is not said to be")
	}
}

// Whatever texts there are: no two are shown alike, each stays on its line, and nothing hidden is in it.
func TestAnythingIsShownSafely(t *testing.T) {
	alphabet := rapid.SampledFrom([]string{"a", " ", "\\", "\"", "\n", "u{a}", "x0a", "\u202e", "\u200b", "\x00", "\xff", "é", "е", "-", ":", "hash: ", "\u2028", "\U000e0061", "{", "}"})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(alphabet, 0, 6).Draw(t, "parts"), "") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		for name, show := range map[string]func(string) string{"shown": shown, "quoted": quoted, "literal": literal, "exact": exact} {
			if strings.ContainsFunc(show(a), hidden) || (show(a) == show(b)) != (a == b) {
				t.Fatalf("%s: %q is shown as %q, and %q as %q", name, a, show(a), b, show(b))
			}
		}
	})
}
