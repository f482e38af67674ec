package decider

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/seal"
)

// TestUnseal: the key of one recording's input goes to who has the right, with a reason, for that recording alone; each asking is
// in the log.
func TestUnseal(t *testing.T) {
	b := newBench(t)
	b.setPolicy(strings.Replace(testPolicy, "rights: [view]", "rights: [view, unmask]", 1))
	session := b.id(id.Session)
	hello, err := b.door.Hello(t.Context())
	b.must(err)
	to, err := seal.ParseRecipient(hello.InputRecipient)
	b.must(err)
	sealer, wrapped, err := seal.New(rand.Reader, to, session)
	b.must(err)
	event := sealer.Seal(nil, []byte("hunter2"))
	vic, ann, bot := b.connect(policy.Person, "vic"), b.connect(policy.Person, "ann"), b.connect(policy.Agent, "bot")
	unseal := func(conn, session, reason string, wrapped []byte) (seal.Key, error) {
		return b.door.Unseal(t.Context(), console.Credential{Connection: conn}, session, reason, wrapped)
	}

	key, err := unseal(vic, session, "incident-7", wrapped)
	b.must(err)
	opener, err := key.Open()
	b.must(err)
	if plain, err := opener.Event(event); err != nil || string(plain) != "hunter2" {
		t.Errorf("%q, %v", plain, err)
	}
	var forbidden *console.ForbiddenError
	for what, c := range map[string]struct {
		conn, session, reason string
		wrapped               []byte
		want                  any
	}{
		"without the right":               {ann, session, "incident-7", wrapped, &forbidden},
		"an agent":                        {bot, session, "incident-7", wrapped, &forbidden},
		"a connection that is not there":  {b.id(id.Connection), session, "incident-7", wrapped, &forbidden},
		"another session's key":           {vic, b.id(id.Session), "incident-7", wrapped, &forbidden},
		"a key of nobody":                 {vic, session, "incident-7", []byte("age-encryption.org/v1\n"), &forbidden},
		"no reason":                       {vic, session, " ", wrapped, nil},
		"something that is not a session": {vic, "../x", "incident-7", wrapped, nil},
	} {
		if key, err := unseal(c.conn, c.session, c.reason, c.wrapped); key != nil || err == nil || c.want != nil && !errors.As(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	count := map[string]int{}
	for _, e := range b.entries() {
		if e.Type == audit.Read && strings.Contains(string(e.Data), verbUnmask) && e.Reason == "incident-7" {
			count[e.Outcome+" "+e.Actor]++
		}
	}
	if count["allow person:vic"] != 3 || count["deny person:ann"] != 1 || count["deny agent:bot"] != 1 {
		t.Errorf("the log has %v", count)
	}
}

// TestInputKeyIsKept: the identity stays over a restart; one that others can read, or that is none, keeps the service from
// starting, and is not replaced.
func TestInputKeyIsKept(t *testing.T) {
	b := newBench(t)
	before := b.d.input.Recipient().String()
	path := filepath.Join(b.config().Dir, inputFile)
	again, err := loadInputKey(path)
	if err != nil || again.Recipient().String() != before {
		t.Fatalf("%v", err)
	}
	text, err := os.ReadFile(path)
	b.must(err)
	b.must(os.Chmod(path, 0o644))
	if _, err := loadInputKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others can read it: %v", err)
	}
	b.must(os.Chmod(path, 0o600))
	b.must(os.WriteFile(path, text[:20], 0o600))
	if _, err := loadInputKey(path); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("torn: %v", err)
	}
	if now, _ := os.ReadFile(path); string(now) != string(text[:20]) {
		t.Error("a torn identity was replaced")
	}
}
