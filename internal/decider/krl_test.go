package decider

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca/krl"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// keygenQ is what ssh-keygen -Q says of a certificate.
func keygenQ(t *testing.T, list, cert []byte) (revoked bool) {
	t.Helper()
	dir := t.TempDir()
	key, err := ssh.ParsePublicKey(cert)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"krl": list, "cert.pub": ssh.MarshalAuthorizedKey(key)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("ssh-keygen", "-Q", "-f", filepath.Join(dir, "krl"), filepath.Join(dir, "cert.pub")).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !strings.Contains(string(out), "REVOKED")) {
		t.Fatalf("ssh-keygen -Q: %v: %s", err, out)
	}
	return err != nil
}

func (b *bench) krl(of string) protocol.KRL {
	b.t.Helper()
	got, err := admin[protocol.KRL](b, protocol.OpKRL, protocol.ExportKRL{CA: of, By: "root"})
	b.must(err)
	return got
}

// TestKRLSaysWhatTheDoorSays: of every certificate that lives, ssh-keygen -Q with an exported list says what the door says,
// whatever is revoked, after a restart too.
func TestKRLSaysWhatTheDoorSays(t *testing.T) {
	b := newBench(t)
	certs := map[string][]byte{}
	issue := func(name string, want policy.CertificateRequest, delegation string) {
		key, _ := newKey(t)
		got, err := b.d.certify(t.Context(), want, key.Marshal(), proof{actor: "test", by: "local", delegation: delegation})
		b.must(err)
		certs[name] = got.Certificate
	}
	issue("bot", policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}, "")
	issue("bot for CHG-1", policy.CertificateRequest{Kind: policy.Agent, Name: "bot", Task: "CHG-1"}, "")
	issue("other for vic", policy.CertificateRequest{Kind: policy.Agent, Name: "other"}, "person:vic>agent:boss")
	issue("other", policy.CertificateRequest{Kind: policy.Agent, Name: "other"}, "")
	issue("ann", policy.CertificateRequest{Kind: policy.Person, Name: "ann"}, "")
	issue("vic", policy.CertificateRequest{Kind: policy.Person, Name: "vic"}, "")
	bot, agentCA := parseCert(t, certs["bot"]), ssh.FingerprintSHA256(b.d.cas.Agent.PublicKey())
	last := uint64(0)
	for _, handles := range [][]string{{"agent:nobody"}, {"agent:bot"}, {"person:vic"}, {"person:ann", "task:CHG-1"}, {"owner:person:ann"}, {"owner:person:vic"}, {"owner:group:vic"}, {"agent:boss"},
		{fmt.Sprintf("certificate:%d", bot.Serial)}, {"key:" + ssh.FingerprintSHA256(bot.Key)}, {"ca:" + agentCA}} {
		r := b.revoke("x", handles...)
		got := b.krl("agent")
		count := 0
		for name, cert := range certs {
			door := b.authenticate(b.id(id.Connection), cert) != nil
			if q := keygenQ(t, got.KRL, cert); q != door {
				t.Errorf("%v: ssh-keygen says %s is revoked: %v, the door: %v", handles, name, q, door)
			}
			if door {
				count++
			}
		}
		if handles[0] == "agent:nobody" == (count > 0) && handles[0] != "owner:group:vic" {
			t.Errorf("%v revokes %d certificates", handles, count)
		}
		if got.Version <= last {
			t.Errorf("version %d after %d", got.Version, last)
		}
		last = got.Version
		b.lift(r.ID)
	}
	b.revoke("x", "agent:bot")
	b.must(b.door.Close())
	<-b.door.Done()
	b.must(b.d.Close())
	b.open()
	b.connectDoor()
	got := b.krl("agent")
	if !keygenQ(t, got.KRL, certs["bot"]) || keygenQ(t, got.KRL, certs["other"]) || got.Serials != 2 {
		t.Errorf("after a restart: %d serials", got.Serials)
	}
	if e := lastOf(b, audit.Read); !strings.Contains(string(e.Data), `"verb":"krl"`) {
		t.Errorf("the log says %+v", e)
	}
	b.clock.pass(2 * time.Hour) // the agents' certificates have ended: the list gets shorter
	if got := b.krl("agent"); got.Serials != 0 {
		t.Errorf("%d serials of ended certificates", got.Serials)
	}
}

// TestKRLOfOtherCAs: serials and keys that were named are in the lists of all four, each under its own CA's key.
func TestKRLOfOtherCAs(t *testing.T) {
	b := newBench(t)
	key, _ := newKey(t)
	host, err := admin[protocol.Issued](b, protocol.OpSignHost, protocol.SignHost{Target: "web-1", PublicKey: key.Marshal(), TTL: time.Hour, By: "root"})
	b.must(err)
	b.revoke("web-1 was broken into", fmt.Sprintf("certificate:%d", host.Serial))
	for name, want := range map[string]bool{"host": true, "target": false, "face": false, "agent": false} {
		if got := keygenQ(t, b.krl(name).KRL, host.Certificate); got != want {
			t.Errorf("the list of the %s CA revokes the host certificate: %v", name, got)
		}
	}
	b.revoke("x", "key:"+ssh.FingerprintSHA256(key))
	for _, name := range []string{"host", "target", "face", "agent"} {
		got := b.krl(name)
		if !keygenQ(t, got.KRL, host.Certificate) || got.Keys != 1 {
			t.Errorf("the list of the %s CA does not revoke the key", name)
		}
		if _, err := krl.Parse(got.KRL); err != nil {
			t.Error(err)
		}
	}
	if _, err := admin[protocol.KRL](b, protocol.OpKRL, protocol.ExportKRL{CA: "none", By: "root"}); code(err) != protocol.CodeInvalid {
		t.Errorf("a list of no CA: %v", err)
	}
}

// TestKRLRefusesToGuess: where the log cannot say which certificates are good, there is no list that says so.
func TestKRLRefusesToGuess(t *testing.T) {
	b := newBench(t)
	b.issued(policy.Agent, "bot", time.Minute)
	b.revoke("x", "agent:bot")
	f, err := os.OpenFile(filepath.Join(LogDir(b.config().Dir), "entries"), os.O_WRONLY|os.O_APPEND, 0o600)
	b.must(err)
	_, err = f.WriteString("not an entry\n")
	b.must(err)
	b.must(f.Close())
	if got, err := admin[protocol.KRL](b, protocol.OpKRL, protocol.ExportKRL{CA: "agent", By: "root"}); code(err) != protocol.CodeRefused || got.KRL != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
