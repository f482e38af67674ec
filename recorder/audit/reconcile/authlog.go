package reconcile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What sshd writes. The last parts are matched from the end of the line, so that a key ID, which another CA may have chosen,
// cannot move them.
var (
	acceptedLine = regexp.MustCompile(`^Accepted ([a-z-]+(?:/[a-z0-9-]+)?) for (\S+) from (\S+) port ([0-9]{1,5})(?: ssh2)?(?:: (.*))?$`)
	certPart     = regexp.MustCompile(`^[A-Z0-9-]+-CERT (SHA256:\S+) ID (.*) \(serial ([0-9]{1,20})\) CA [A-Z0-9-]+ (SHA256:\S+)$`)
	keyPart      = regexp.MustCompile(`^[A-Z0-9-]+ (SHA256:\S+)$`)
	// What sshd says at LogLevel VERBOSE besides, before it has let anybody in.
	detailLine = regexp.MustCompile(`^Accepted (key [A-Z0-9-]+ SHA256:|certificate ID ")`)
	// What a log daemon puts before a message: time, host, program and process.
	syslogHead = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)|[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d) (\S+) (\S+?)(?:\[\d+\])?: `)
)

// programs are the names under which sshd logs; since OpenSSH 9.8 a process of its own lets people in.
var programs = map[string]bool{"sshd": true, "sshd-session": true}

// Reader reads logs of sshd: /var/log/auth.log (both kinds of time), journalctl in its short forms and with -o json, and what
// sshd itself writes with -E.
type Reader struct {
	Now  time.Time      // lines without a year are of the last twelve months before it
	Zone *time.Location // of lines without a zone; nil: UTC

	Logins  []Login
	Lines   int
	TooLong int // lines that were passed over for their length

	// Of the log that is being read.
	bare   []int // which of Logins have no head of a log daemon
	headed bool  // another line has one
}

// Read adds the logins of one log.
func (r *Reader) Read(name string, in io.Reader) error {
	lines := bufio.NewReaderSize(in, maxLine)
	r.bare, r.headed = nil, false
	defer r.doubt()
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			r.TooLong++
			if err := skip(lines); err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read %s: %w", name, err)
			}
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("read %s: %w", name, err)
		}
		if len(line) > 0 {
			r.Lines++
			if err := r.line(fmt.Sprintf("%s:%d", name, n), bytes.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// skip reads to the end of a line.
func skip(in *bufio.Reader) error {
	for {
		if _, err := in.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (r *Reader) line(where string, line []byte) error {
	at, message, bare, ok := r.message(line)
	r.headed = r.headed || !bare
	if !ok || !strings.HasPrefix(message, "Accepted ") || detailLine.MatchString(message) {
		return nil
	}
	if len(r.Logins) == maxLogins {
		return fmt.Errorf("more than %d logins: take a shorter time", maxLogins)
	}
	l := parseAccepted(message)
	l.Where, l.Time = where, at
	if bare {
		r.bare = append(r.bare, len(r.Logins))
	}
	r.Logins = append(r.Logins, l)
	return nil
}

// message takes what sshd wrote out of a line. One that is bare has no head of a log daemon.
func (r *Reader) message(line []byte) (at time.Time, text string, bare, ok bool) {
	if bytes.HasPrefix(line, []byte("{")) {
		at, text, ok = journal(line)
		return at, text, false, ok
	}
	m := syslogHead.FindSubmatch(line)
	if m == nil {
		return time.Time{}, string(line), true, true // as sshd writes itself
	}
	if !programs[string(m[3])] {
		return time.Time{}, "", false, false
	}
	return r.time(string(m[1])), string(line[len(m[0]):]), false, true
}

// doubt makes bare lines a difference where other lines of the same log have a head: some program's text that had a line feed in it
// can look like that, and sshd's own log has none with a head.
func (r *Reader) doubt() {
	if !r.headed {
		return
	}
	for _, i := range r.bare {
		r.Logins[i].Trouble = "the line has no time and no program, as others of this log have"
	}
}

// journal reads a line of journalctl -o json. Its fields that begin with "_" are the journal's own: no client of it can set
// them.
func journal(line []byte) (time.Time, string, bool) {
	var e struct {
		Message any    `json:"MESSAGE"`
		Time    string `json:"__REALTIME_TIMESTAMP"` // µs
		UID     string `json:"_UID"`
		Comm    string `json:"_COMM"`
	}
	if json.Unmarshal(line, &e) != nil || e.UID != "0" || !programs[e.Comm] {
		return time.Time{}, "", false
	}
	us, err := strconv.ParseInt(e.Time, 10, 64)
	text, ok := e.Message.(string)
	if err != nil || !ok {
		return time.Time{}, "", false
	}
	return time.UnixMicro(us).UTC(), text, true
}

// time reads a time with or without a year. One that cannot be read is zero, and then nothing is compared with it.
func (r *Reader) time(text string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	zone := r.Zone
	if zone == nil {
		zone = time.UTC
	}
	for year := r.Now.Year() + 1; year > r.Now.Year()-9; year-- { // far enough for the 29th of February
		t, err := time.ParseInLocation("2006 Jan _2 15:04:05", fmt.Sprint(year, " ", text), zone)
		if err == nil && !t.After(r.Now.Add(24*time.Hour)) {
			return t.UTC()
		}
	}
	return time.Time{}
}

// parseAccepted reads a message that begins with "Accepted".
func parseAccepted(message string) Login {
	m := acceptedLine.FindStringSubmatch(message)
	if m == nil {
		return Login{Trouble: fmt.Sprintf("not as sshd writes it: %.200q", message)}
	}
	l := Login{Method: m[1], User: m[2], Source: m[3] + ":" + m[4]}
	if c := certPart.FindStringSubmatch(m[5]); c != nil {
		l.Key, l.KeyID, l.Serial, l.CA = c[1], c[2], c[3], c[4]
	} else if k := keyPart.FindStringSubmatch(m[5]); k != nil {
		l.Key = k[1]
	}
	return l
}
