package decider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// device begins a program's login.
func (b *bench) device() account.DeviceCodes {
	b.t.Helper()
	key, _ := newKey(b.t)
	d, err := b.door.BeginDevice(b.t.Context(), key.Marshal(), "ann@laptop", "192.0.2.7")
	b.must(err)
	return d
}

func (b *bench) poll(d account.DeviceCodes) (protocol.Enrolled, error) {
	return b.door.Enrol(b.t.Context(), protocol.Enrol{Request: b.id(id.Request), Source: "192.0.2.7", DeviceCode: d.DeviceCode})
}

// passkeySignedIn is a fresh sign-in by passkey.
func (b *bench) passkeySignedIn(name string) console.Credential {
	b.t.Helper()
	_, a := b.person(name)
	in, err := b.passkeyIn(a)
	b.must(err)
	return console.Credential{SignIn: in.Cookie}
}

// TestDeviceLogin: pending, then confirmed by the person who sees who asks, then one certificate for the key that it began with.
func TestDeviceLogin(t *testing.T) {
	b := newBench(t)
	ann := b.passkeySignedIn("ann")
	d := b.device()
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(d.UserCode) || d.Interval != protocol.PollInterval || d.URL != "http://localhost:1/device" {
		t.Errorf("%+v", d)
	}
	if _, err := b.poll(d); reasonOf(err) != devicePending {
		t.Errorf("before the answer: %v", err)
	}
	if _, err := b.poll(d); reasonOf(err) != deviceSlowDown {
		t.Errorf("polled at once again: %v", err)
	}
	b.clock.pass(2 * protocol.PollInterval)
	shown, err := b.door.ShowDevice(t.Context(), ann, strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " ")))
	if err != nil || shown.Source != "192.0.2.7" || shown.Name != "ann@laptop" || shown.Person != "ann" || shown.Locked != "" || !strings.HasPrefix(shown.Fingerprint, "SHA256:") {
		t.Fatalf("%+v, %v", shown, err)
	}
	b.must(b.door.AnswerDevice(t.Context(), ann, d.UserCode, true))
	if e := b.last(); e.Type != audit.SignIn || e.Outcome != "allow" || !strings.Contains(string(e.Data), shown.Fingerprint) {
		t.Errorf("the log says %+v", e)
	}
	if err := b.door.AnswerDevice(t.Context(), ann, d.UserCode, false); err == nil {
		t.Error("answered twice")
	}
	got, err := b.poll(d)
	b.must(err)
	cert := parseCert(t, got.Issued.Certificate)
	if got.Principal != "person:ann" || cert.ValidPrincipals[0] != "person:ann" || got.Issued.NotAfter.Sub(b.clock.now()) > 8*time.Hour || len(got.KnownHosts) == 0 {
		t.Errorf("%+v", got)
	}
	if e := b.last(); e.Type != audit.Issue || !strings.Contains(string(e.Data), `"by":"passkey"`) {
		t.Errorf("the log says %+v", e)
	}
	b.clock.pass(protocol.PollInterval)
	if _, err := b.poll(d); reasonOf(err) != deviceExpired {
		t.Errorf("redeemed twice: %v", err)
	}
}

// TestDeviceRefusals: nobody without a fresh passkey or issuer sign-in confirms; what was declined, is late, or is asked for too long is not given.
func TestDeviceRefusals(t *testing.T) {
	b := newBench(t)
	ann := b.passkeySignedIn("ann")
	d := b.device()
	link, err := b.door.Redeem(t.Context(), b.link(b.connect(policy.Person, "ann")), "")
	b.must(err)
	for name, who := range map[string]console.Credential{"nobody": {}, "a guess": {SignIn: "x"}, "a connection": {Connection: b.connect(policy.Person, "ann")},
		"a link from ssh": {SignIn: link.Cookie}, "a set-up link": b.setUp("ann")} {
		if err := b.door.AnswerDevice(t.Context(), who, d.UserCode, true); err == nil {
			t.Errorf("%s confirmed", name)
		}
	}
	b.clock.pass(freshFor + time.Second)
	old := b.device()
	if err := b.door.AnswerDevice(t.Context(), ann, old.UserCode, true); err == nil || !strings.Contains(err.Error(), "sign in again") {
		t.Errorf("an old sign-in confirmed: %v", err)
	}
	b.must(b.door.AnswerDevice(t.Context(), ann, old.UserCode, false))
	if _, err := b.poll(old); reasonOf(err) != deviceDenied {
		t.Errorf("declined: %v", err)
	}
	ann = b.passkeySignedIn("ann")
	long := b.device()
	b.must(b.door.AnswerDevice(t.Context(), ann, long.UserCode, true))
	if got, err := b.door.Enrol(t.Context(), protocol.Enrol{Request: b.id(id.Request), Source: "192.0.2.7", DeviceCode: long.DeviceCode, TTL: 9 * time.Hour}); err == nil {
		t.Errorf("for nine hours: %+v", got)
	}
	if _, err := b.poll(long); reasonOf(err) != deviceExpired {
		t.Errorf("what was refused is used up: %v", err)
	}
	late := b.device()
	b.clock.pass(deviceTTL + time.Second)
	if _, err := b.door.ShowDevice(t.Context(), ann, late.UserCode); err == nil {
		t.Error("a late login is shown")
	}
	if _, err := b.poll(late); reasonOf(err) != deviceExpired {
		t.Errorf("late: %v", err)
	}
	if _, err := b.poll(account.DeviceCodes{DeviceCode: "guess"}); reasonOf(err) != deviceExpired {
		t.Errorf("a guessed device code: %v", err)
	}
	gone := b.device()
	ann = b.passkeySignedIn("ann")
	b.must(b.door.AnswerDevice(t.Context(), ann, gone.UserCode, true))
	b.write("policy.yaml", strings.Replace(testPolicy, "ann: {roles: [oncall]}", "ann: {roles: [oncall], disabled: true}", 1))
	if _, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil {
		t.Fatal(err)
	}
	if got, err := b.poll(gone); err == nil {
		t.Errorf("disabled after the confirmation: %+v", got)
	}
}

// TestDeviceGuessing: five wrong codes lock a sign-in out of codes, right ones included; each is in the log.
func TestDeviceGuessing(t *testing.T) {
	b := newBench(t)
	ann := b.passkeySignedIn("ann")
	d := b.device()
	for i := range maxWrongCodes {
		if _, err := b.door.ShowDevice(t.Context(), ann, "BBBB-BBBB"); err == nil {
			t.Fatal("a guess was shown")
		}
		if e := b.last(); e.Outcome != "deny" || !strings.Contains(string(e.Data), fmt.Sprintf(`"wrong":%d`, i+1)) {
			t.Errorf("the log says %+v", e)
		}
	}
	for _, confirm := range []bool{true, false} {
		if err := b.door.AnswerDevice(t.Context(), ann, d.UserCode, confirm); err == nil || !strings.Contains(err.Error(), "too many wrong codes") {
			t.Errorf("after five guesses: %v", err)
		}
	}
	if err := b.door.AnswerDevice(t.Context(), b.passkeySignedIn("vic"), d.UserCode, true); err != nil {
		t.Errorf("another sign-in: %v", err)
	}
}

// TestDeviceOnce: twenty programs with one device code get one certificate.
func TestDeviceOnce(t *testing.T) {
	b := newBench(t)
	ann, d := b.passkeySignedIn("ann"), b.device()
	b.must(b.door.AnswerDevice(t.Context(), ann, d.UserCode, true))
	var mu sync.Mutex
	var wait sync.WaitGroup
	got := 0
	for range 20 {
		wait.Go(func() {
			if _, err := b.poll(d); err == nil {
				mu.Lock()
				got++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if got != 1 {
		t.Errorf("%d certificates", got)
	}
}

// TestDeviceBounds: the logins that wait are bounded, in all and by address, and the bound passes with time.
func TestDeviceBounds(t *testing.T) {
	c := newBenchClock()
	s := newDevices(c.now)
	for i := range maxDevicesSource + 1 {
		if _, _, ok := s.begin(device{source: "192.0.2.1"}); ok != (i < maxDevicesSource) {
			t.Errorf("login %d of one address: %v", i, ok)
		}
	}
	for i := range maxDevicesSource + 1 {
		if _, _, ok := s.begin(device{source: fmt.Sprintf("2001:db8::%d", i)}); ok != (i < maxDevicesSource) {
			t.Errorf("login %d of one IPv6 network: %v", i, ok)
		}
	}
	for i := range maxDevices {
		s.begin(device{source: fmt.Sprint(i)})
	}
	if len(s.open) != maxDevices {
		t.Errorf("%d wait", len(s.open))
	}
	c.pass(deviceTTL + time.Second)
	if _, _, ok := s.begin(device{source: "192.0.2.1"}); !ok || len(s.open) != 1 {
		t.Errorf("after they expired: %d", len(s.open))
	}
	b := newBench(t)
	for name, key := range map[string][]byte{"no key": nil, "a certificate": b.issued(policy.Person, "ann", time.Minute)} {
		if _, err := b.door.BeginDevice(t.Context(), key, "x", ""); code(err) != protocol.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	key, _ := newKey(t)
	for _, name := range []string{strings.Repeat("x", 65), "a\x1b[2J", "é"} {
		if _, err := b.door.BeginDevice(t.Context(), key.Marshal(), name, ""); code(err) != protocol.CodeInvalid {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

// TestUserCodes: however a person types a code, it is the code; what is not 8 letters is none.
func TestUserCodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := newUserCode()
		typed := ""
		for _, r := range code {
			typed += rapid.SampledFrom([]string{"", " ", "-"}).Draw(t, "gap")
			if r != '-' {
				typed += rapid.SampledFrom([]string{string(r), strings.ToLower(string(r))}).Draw(t, "letter")
			}
		}
		if got := cleanUserCode(typed); got != code {
			t.Fatalf("%q became %q, want %q", typed, got, code)
		}
		if got := cleanUserCode(rapid.StringN(0, 7, -1).Draw(t, "short")); len(got) == 9 && got[4] == '-' && regexp.MustCompile(`^[A-Z-]{9}$`).MatchString(got) {
			t.Fatalf("%q is a code", got)
		}
	})
}

// TestAccountIsOnesOwn: nobody reads or changes another's account, whatever rights they have; nobody at all without a sign-in.
func TestAccountIsOnesOwn(t *testing.T) {
	b := newBench(t)
	conn := console.Credential{Connection: b.connect(policy.Person, "ann")}
	for name, who := range map[string]console.Credential{"a connection": conn, "nobody": {}, "a guess": {SignIn: "x"}} {
		if _, err := b.door.Account(t.Context(), who); err == nil {
			t.Errorf("%s reads an account", name)
		}
		if err := b.door.SignOutAll(t.Context(), who); err == nil {
			t.Errorf("%s signs out", name)
		}
	}
	ann := b.setUp("ann")
	if acc, err := b.door.Account(t.Context(), ann); err != nil || acc.Person != "ann" || b.last().Type != audit.Read {
		t.Errorf("%+v, %v, %+v", acc, err, b.last())
	}
	var refused *account.RefusedError
	if err := b.door.RemovePasskey(t.Context(), ann, "pk_1"); !errors.As(err, &refused) {
		t.Errorf("a passkey that is not there: %v", err)
	}
}
