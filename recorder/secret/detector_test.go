package secret

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

func detector(t testing.TB, known ...string) *Detector {
	t.Helper()
	d, err := New(Config{Known: known})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// masked is text as a reader sees it.
func masked(d *Detector, text string) string {
	b := []byte(text)
	for _, s := range d.Find(text) {
		stars(b[s.From:s.To])
	}
	return string(b)
}

func TestEveryKindIsFoundWhereItIs(t *testing.T) {
	d := detector(t)
	for _, s := range samples() {
		line := s.before + s.secret + s.after
		spans := d.Find("before\n" + line + "\nafter")
		if len(spans) == 0 {
			t.Errorf("%s: nothing found in %q", s.rule, line)
			continue
		}
		want := "before\n" + s.before + strings.Repeat("*", len(s.secret)) + s.after + "\nafter"
		if got := masked(d, "before\n"+line+"\nafter"); got != want {
			t.Errorf("%s:\n got %q\nwant %q\n     %+v", s.rule, got, want, spans)
		}
	}
}

func TestWhatFollowsASecretStays(t *testing.T) {
	d := detector(t)
	for _, s := range samples() {
		if strings.HasSuffix(s.secret, "-") {
			continue
		}
		for _, after := range []string{"\">", "' x", " x", ", x"} {
			text := s.before + s.secret + after
			if s.after != "" {
				text = s.before + s.secret + s.after + after
			}
			if got := masked(d, text); !strings.HasSuffix(got, after) {
				t.Errorf("%s: %q became %q", s.rule, text, got)
			}
		}
	}
}

func TestSecondOptionIsFoundBesideTheFirst(t *testing.T) {
	d := detector(t)
	got := masked(d, "x --password hunter21 --proxy-password hunter22 -passphrase 'hunter23' y")
	if want := "x --password ******** --proxy-password ******** -passphrase '********' y"; got != want {
		t.Errorf("%q", got)
	}
}

func TestRulesAreManyAndNamed(t *testing.T) {
	names := map[string]bool{}
	for _, r := range rules {
		if r.name == "" || len(r.keys) == 0 {
			t.Errorf("rule %+v has no name or no key", r)
		}
		names[r.name] = true
	}
	if len(names) < 70 {
		t.Errorf("%d kinds", len(names))
	}
}

func TestHarmlessTextIsLeftAlone(t *testing.T) {
	d := detector(t)
	for _, line := range []string{
		"the password is required", "Password: ", "password=", "password=$DB_PASSWORD", "password: <your password>", "password=********",
		"PWD=/home/deploy", "OLDPWD=/var/log/app", "tokens: 15000", "token=systemctl", "https://example.org:8443/path?a=b@c",
		"https://user@example.org/", "ssh://deploy@web-1:22/", "git@github.com:org/repo.git", "task-1234 done in 3.2s", "disk sda1: 50%",
		"commit 9f2c4a7d8e1b6f3a5c0d9e8f7a6b5c4d3e2f1a0b", "sha256:9f2c4a7d8e1b6f3a5c0d9e8f7a6b5c4d3e2f1a0b9f2c4a7d8e1b6f3a5c0d9e8f",
		"-----BEGIN CERTIFICATE-----", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm0XzY5vQ ann@host", "uuid 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
		"basic authentication is off", "bearer of good news", "2026-11-28T12:00:00Z INFO request_id=ab12cd34 token_count=17 path=/v1/tokens",
		"systemctl status app-api", "c->password = g_strdup(value);", "token = auth_header[1]", "the base-passwd package", "x --vault-password-file f",
		"--is-passing = eval7", "class SKStorefront99", "ses_01JDABCDEFGHJKMNPQRSTVWXYZ", "rule web-operator/allow[2]",
	} {
		if spans := d.Find(line); len(spans) > 0 {
			t.Errorf("%q: %+v", line, spans)
		}
	}
}

func TestPrivateKeysOverLines(t *testing.T) {
	body := strings.Repeat(draw(all62, 64)+"\n", 5) + draw(all62, 20) + "==\n"
	for name, c := range map[string]struct{ before, begin, body, end string }{
		"PEM":        {"$ cat key\n", "-----BEGIN" + " RSA PRIVATE KEY-----\n", body, "-----END" + " RSA PRIVATE KEY-----\n$ ls\nbin\n"},
		"OpenSSH":    {"", "-----BEGIN" + " OPENSSH PRIVATE KEY-----\r\n", strings.ReplaceAll(body, "\n", "\r\n"), "-----END" + " OPENSSH PRIVATE KEY-----\r\n"},
		"indented":   {"key: |\n", "  -----BEGIN" + " PRIVATE KEY-----\n", "  " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n  ") + "\n", "  -----END" + " PRIVATE KEY-----\n"},
		"encrypted":  {"", "-----BEGIN" + " RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", body, "-----END" + " RSA PRIVATE KEY-----\n"},
		"PuTTY":      {"Key\n", "Private-Lines: 6\n", body, "Comment: x\n"},
		"no end":     {"", "-----BEGIN" + " EC PRIVATE KEY-----\n", body, "ann@host:~$ ls\nplain\n"},
		"in a log":   {"", "app | -----BEGIN" + " PRIVATE KEY-----\n", "app | " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\napp | ") + "\n", "app | -----END" + " PRIVATE KEY-----\n"},
		"one string": {`{"private_key": "`, "-----BEGIN" + " PRIVATE KEY-----", `\n` + strings.ReplaceAll(body, "\n", `\n`), "-----END" + ` PRIVATE KEY-----\n"}`},
	} {
		d := detector(t)
		got := masked(d, c.before+c.begin+c.body+c.end)
		for _, line := range strings.Split(strings.TrimSpace(strings.ReplaceAll(c.body, `\n`, "\n")), "\n") {
			word := line[strings.LastIndexByte(line, ' ')+1:]
			if word = strings.TrimSpace(word); strings.Contains(got, word) {
				t.Errorf("%s: %q is shown", name, word)
			}
		}
		if !strings.HasPrefix(got, c.before) || !strings.HasSuffix(got, c.end) {
			t.Errorf("%s: too much is masked:\n%s", name, got)
		}
	}
}

func TestKnownValuesInEveryForm(t *testing.T) {
	value := "tr0ub4dor & 3/" + draw(lower, 8)
	d := detector(t, value)
	std, raw := base64.StdEncoding, base64.RawURLEncoding
	for _, text := range []string{
		value, url.QueryEscape(value), url.PathEscape(value), strings.ToLower(url.PathEscape(value)),
		std.EncodeToString([]byte(value)), std.EncodeToString([]byte("u:" + value + ":x")), raw.EncodeToString([]byte("x" + value)),
		std.EncodeToString([]byte("xyz" + value + "abc")),
	} {
		got := masked(d, "a "+text+" b")
		if strings.Count(got, "*") < len(text)/2 {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := masked(d, "trOub4dor"); got != "trOub4dor" {
		t.Errorf("%q", got)
	}
}

func TestNewRefusesKnownValuesThatWouldMaskEverything(t *testing.T) {
	for _, v := range []string{"", "short", "two\nlines", strings.Repeat("x", maxKnownLen+1)} {
		if _, err := New(Config{Known: []string{v}}); err == nil {
			t.Errorf("%q was accepted", v)
		}
	}
}
