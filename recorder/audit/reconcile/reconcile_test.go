package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	fp   = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
	caFP = "SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"
)

// accepted is what sshd writes.
func accepted(user, id string, serial int, key string) string {
	return fmt.Sprintf("Accepted publickey for %s from 192.0.2.1 port %d ssh2: ED25519-CERT %s ID %s (serial %d) CA ED25519 %s", user, 40000+serial, key, id, serial, caFP)
}

func id(n int) string { return fmt.Sprintf("agt=bot;own=person:ann;con=con_%d", n) }

// issue is a certificate of second n.
func issue(n int) Issued {
	at := noon.Add(time.Duration(n) * time.Second)
	return Issued{Seq: int64(n), Time: at, NotAfter: at.Add(time.Minute), Target: "web-1", Login: "deploy", Serial: fmt.Sprint(n), KeyID: id(n), Key: fp, Session: "ses_x"}
}

func read(t *testing.T, text string) []Login {
	t.Helper()
	r := Reader{Now: noon.Add(time.Hour)}
	if err := r.Read("auth.log", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return r.Logins
}

// Every form of log says the same.
func TestForms(t *testing.T) {
	m := accepted("deploy", id(7), 7, fp)
	for name, line := range map[string]string{
		"sshd -E":                  m,
		"auth.log":                 "Nov 22 12:00:07 web-1 sshd[312]: " + m,
		"auth.log, with a year":    "2026-11-22T12:00:07.123456+00:00 web-1 sshd[312]: " + m,
		"auth.log, other zone":     "2026-11-22T13:00:07+01:00 web-1 sshd-session[9]: " + m,
		"journalctl -o short-iso":  "2026-11-22T12:00:07+0000 web-1 sshd[312]: " + m,
		"journalctl -o json":       fmt.Sprintf(`{"_UID":"0","_COMM":"sshd-session","__REALTIME_TIMESTAMP":"%d","MESSAGE":%q}`, noon.Add(7*time.Second).UnixMicro(), m),
		"journalctl -o json, more": fmt.Sprintf(`{"MESSAGE":%q,"_COMM":"sshd","_UID":"0","__REALTIME_TIMESTAMP":"%d","X":[1,2]}`, m, noon.Add(7*time.Second).UnixMicro()),
	} {
		got := read(t, line+"\n")
		if len(got) != 1 || got[0].User != "deploy" || got[0].KeyID != id(7) || got[0].Serial != "7" || got[0].Key != fp || got[0].CA != caFP || got[0].Trouble != "" {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		if name != "sshd -E" && !got[0].Time.Truncate(time.Second).Equal(noon.Add(7*time.Second)) {
			t.Errorf("%s: at %s", name, got[0].Time)
		}
		if r := Compare(Config{Target: "web-1", Skew: time.Second}, got, []Issued{issue(7)}); len(r.Differences) != 0 || r.Matched != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// What does not agree is told, each thing once.
func TestDifferences(t *testing.T) {
	stamp := func(n int, m string) string {
		return noon.Add(time.Duration(n)*time.Second).Format("2006-01-02T15:04:05.000000Z07:00") + " web-1 sshd[3]: " + m + "\n"
	}
	good := stamp(1, accepted("deploy", id(1), 1, fp))
	issued := []Issued{issue(1), issue(300), issue(600)}
	edges := stamp(-60, "Accepted password for deploy from 192.0.2.9 port 22 ssh2")
	for name, c := range map[string]struct {
		log  string
		want []string
	}{
		"a password":          {edges, []string{"without a certificate"}},
		"a plain key":         {stamp(2, "Accepted publickey for deploy from 192.0.2.9 port 22 ssh2: ED25519 "+fp), []string{"without a certificate"}},
		"an unknown serial":   {stamp(2, accepted("deploy", id(2), 2, fp)), []string{"no certificate with this serial"}},
		"the serial twice":    {good + stamp(9, strings.Replace(accepted("deploy", id(1), 1, fp), "port 40001", "port 40002", 1)), []string{"had let in already"}},
		"another key ID":      {stamp(2, accepted("deploy", id(1)+";x=y", 1, fp)), []string{"has the key ID"}},
		"another key":         {stamp(2, accepted("deploy", id(1), 1, caFP)), []string{"is over the key"}},
		"another login":       {stamp(2, accepted("root", id(1), 1, fp)), []string{`for the login "deploy"`}},
		"too late":            {stamp(200, accepted("deploy", id(1), 1, fp)), []string{"was issued at"}},
		"never showed up":     {good + stamp(400, accepted("deploy", id(300), 300, fp)) + stamp(700, accepted("deploy", id(9), 9, fp)), []string{"was issued at", "no certificate with this serial", "serial 600"}},
		"not as sshd writes":  {stamp(2, "Accepted publickey for a b from 192.0.2.9 port 22 ssh2"), []string{"not as sshd writes it"}},
		"a keyboard":          {stamp(2, "Accepted keyboard-interactive/pam for deploy from 192.0.2.9 port 22 ssh2"), []string{"without a certificate"}},
		"the same line twice": {good + good, []string{"had let in already"}},
	} {
		r := Compare(Config{Target: "web-1", From: noon, To: noon.Add(1000 * time.Second), Skew: 5 * time.Second}, read(t, c.log), issued)
		if name == "a password" {
			r = Compare(Config{Target: "web-1", Skew: 5 * time.Second}, read(t, c.log), issued)
		}
		var said []string
		for _, d := range r.Differences {
			said = append(said, d.What)
		}
		for _, want := range c.want {
			if !strings.Contains(strings.Join(said, "\n"), want) {
				t.Errorf("%s: %q is not in %q", name, want, said)
			}
		}
		logins := 0
		for _, s := range said {
			if strings.HasPrefix(s, "login that") {
				logins++
			}
		}
		if len(c.want) == 0 && (logins > 0 || r.Matched != 1) {
			t.Errorf("%s: %q, %d matched", name, said, r.Matched)
		}
	}
	other := issue(5)
	other.Target = "db-1"
	if r := Compare(Config{Target: "web-1"}, read(t, stamp(5, accepted("deploy", id(5), 5, fp))), []Issued{other}); len(r.Differences) != 1 || !strings.Contains(r.Differences[0].What, `for the target "db-1"`) {
		t.Errorf("a certificate for another target: %+v", r)
	}
}

// Two logs of one target may both tell of a login; each log tells of it once.
func TestTwoLogs(t *testing.T) {
	line := "Nov 22 12:00:01 web-1 sshd[3]: " + accepted("deploy", id(1), 1, fp) + "\n"
	for want, logs := range map[int][]string{0: {line, line}, 1: {line, line + line}} {
		r := Reader{Now: noon.Add(time.Hour)}
		for i, text := range logs {
			if err := r.Read(fmt.Sprint("log", i), strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		if c := Compare(Config{Target: "web-1", Skew: time.Minute}, r.Logins, []Issued{issue(1)}); len(c.Differences) != want || c.Matched != 1 {
			t.Errorf("%d lines in the second: %+v", want+1, c)
		}
	}
}

// Text that a client or a user of the target chose makes no login of ours out of nothing, and hides none.
func TestHostileLines(t *testing.T) {
	m := accepted("deploy", id(1), 1, fp)
	for name, line := range map[string]string{
		"a user name that is a message": "Nov 22 12:00:01 web-1 sshd[3]: Invalid user " + m + " from 192.0.2.9 port 22",
		"in a failure":                  "Nov 22 12:00:01 web-1 sshd[3]: Failed password for invalid user x: " + m,
		"another program":               "Nov 22 12:00:01 web-1 cron[3]: " + m,
		"another program's name":        "Nov 22 12:00:01 web-1 sshd-x[3]: " + m,
		"in another program's text":     "Nov 22 12:00:01 web-1 app[3]: x web-1 sshd[3]: " + m,
		"journal, not root":             fmt.Sprintf(`{"_UID":"1000","_COMM":"sshd","__REALTIME_TIMESTAMP":"1","MESSAGE":%q}`, m),
		"journal, another program":      fmt.Sprintf(`{"_UID":"0","_COMM":"logger","SYSLOG_IDENTIFIER":"sshd","__REALTIME_TIMESTAMP":"1","MESSAGE":%q}`, m),
		"more than a line":              strings.Repeat("x", maxLine) + "\x00" + m,
	} {
		if got := read(t, line+"\n"); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// The rest of another program's line, after a line feed that a log daemon let through.
	for _, log := range []string{m + "\nNov 22 12:00:01 web-1 cron[3]: x\n", "Nov 22 12:00:01 web-1 app[3]: hello\n" + m + "\n", `{"_UID":"1000"}` + "\n" + m + "\n"} {
		if r := Compare(Config{Target: "web-1", Skew: time.Minute}, read(t, log), []Issued{issue(1)}); r.Matched != 0 {
			t.Errorf("a line without a head in a log with heads matches: %+v", r)
		}
	}
	// A key ID by another CA says what it likes.
	fake := fmt.Sprintf("x (serial 1) CA ED25519 %s", caFP)
	got := read(t, "Nov 22 12:00:01 web-1 sshd[3]: "+accepted("deploy", id(1)+" (serial 1) CA ED25519 "+caFP+fake, 666, fp)+"\n")
	if len(got) != 1 || got[0].Serial != "666" {
		t.Fatalf("the key ID moves the serial: %+v", got)
	}
	if r := Compare(Config{Target: "web-1", Skew: time.Minute}, got, []Issued{issue(1)}); r.Matched != 0 {
		t.Errorf("a foreign certificate matches: %+v", r)
	}
	if r := Compare(Config{Target: "web-1"}, read(t, "Nov 22 12:00:01 web-1 sshd[3]: "+accepted("x\x1b[2J", "\x1b]0;x\a", 3, fp)), nil); len(r.Differences) != 1 || strings.ContainsAny(r.Differences[0].What, "\x1b\a") {
		t.Errorf("foreign text is shown raw: %+v", r.Differences)
	}
}

// Years are guessed so that the line is not in the future, over the turn of a year and on the 29th of February.
func TestYear(t *testing.T) {
	for _, c := range []struct{ now, line, want string }{
		{"2027-01-02T00:00:00Z", "Dec 31 23:59:59", "2026-12-31T23:59:59Z"},
		{"2026-11-22T00:00:00Z", "Nov 21 01:00:00", "2026-11-21T01:00:00Z"},
		{"2026-11-22T00:00:00Z", "Feb 29 01:00:00", "2024-02-29T01:00:00Z"},
		{"2026-11-22T00:00:00Z", "Feb 30 01:00:00", "0001-01-01T00:00:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&Reader{Now: now}).time(c.line).Format(time.RFC3339); got != c.want {
			t.Errorf("%s seen on %s: %s, want %s", c.line, c.now, got, c.want)
		}
	}
}

// FuzzRead: any bytes are read to their end, and what is found is quoted where it is shown.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Nov 22 12:00:01 web-1 sshd[3]: " + accepted("deploy", id(1), 1, fp) + "\n"))
	f.Add([]byte(`{"_UID":"0","_COMM":"sshd","__REALTIME_TIMESTAMP":"9","MESSAGE":"Accepted password for a from b port 1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Reader{Now: noon}
		if err := r.Read("x", strings.NewReader(string(b))); err != nil {
			t.Fatal(err)
		}
		for _, d := range Compare(Config{Target: "web-1"}, r.Logins, nil).Differences {
			if strings.ContainsFunc(d.What, func(c rune) bool { return c < ' ' || c == 0x7f }) {
				t.Fatalf("%q", d.What)
			}
		}
	})
}
