package check

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a file may be, as the pinned script says (internal/decider/probe.sh).
const (
	rootsOwn   = "root"        // root alone may change it, and the folders above it
	absent     = "absent"      // not there, and root alone may make it
	absentOpen = "absent-open" // not there, and others may make it
	others     = "other"       // others than root may change it or a folder above it
)

// seenFile is one file, as the script saw it.
type seenFile struct {
	state string
	full  bool // it has a content
}

// lookAround is what the pinned script printed: the target's word.
type lookAround struct {
	time               time.Time
	login, shell, home string
	real               string // the shell's file, without symbolic links
	files              map[string]seenFile
	principals         []string
	settings           map[string]string // sshd's, lower-case names; empty: nobody could read them
}

// The most that a look may hold; the script itself prints far less.
const (
	maxLookLines = 1000
	maxLookLine  = 4096
)

// parseLook reads what the script prints, and nothing else: a line more, less or otherwise is an error.
func parseLook(text []byte) (lookAround, error) {
	l := lookAround{files: map[string]seenFile{}, settings: map[string]string{}}
	lines := strings.Split(string(text), "\n")
	if len(lines) > maxLookLines || len(lines) < 3 || lines[len(lines)-1] != "" {
		return l, fmt.Errorf("%d lines that begin %.60q", len(lines), text)
	}
	lines = lines[:len(lines)-1]
	if lines[0] != "gatehouse-check 1" {
		return l, fmt.Errorf("it begins %.60q", lines[0])
	}
	if lines[len(lines)-1] != "end 1" {
		return l, fmt.Errorf("it ends %.60q", lines[len(lines)-1])
	}
	for n, line := range lines[1 : len(lines)-1] {
		if err := l.take(line); err != nil {
			return l, fmt.Errorf("line %d: %w", n+2, err)
		}
	}
	if l.time.IsZero() || l.login == "" {
		return l, errors.New("it says neither time nor login")
	}
	return l, nil
}

func (l *lookAround) take(line string) error {
	key, value, ok := strings.Cut(line, " ")
	if !ok || len(line) > maxLookLine {
		return fmt.Errorf("%.60q is not a key and a value", line)
	}
	switch key {
	case "time":
		seconds, err := strconv.ParseUint(value, 10, 40)
		if err != nil || !l.time.IsZero() {
			return fmt.Errorf("time %.60q", value)
		}
		l.time = time.Unix(int64(seconds), 0).UTC()
	case "login":
		return once(&l.login, key, value)
	case "shell":
		return once(&l.shell, key, value)
	case "real":
		return once(&l.real, key, value)
	case "home":
		return once(&l.home, key, value)
	case "file":
		return l.takeFile(value)
	case "principal":
		l.principals = append(l.principals, value)
	case "sshd", "conf":
		name, setting, _ := strings.Cut(value, " ")
		if name = strings.ToLower(name); l.settings[name] == "" { // sshd takes the first
			l.settings[name] = strings.TrimSpace(setting)
		}
	default:
		return fmt.Errorf("unknown key %.60q", key)
	}
	return nil
}

func once(field *string, key, value string) error {
	if *field != "" {
		return fmt.Errorf("%s twice", key)
	}
	*field = value
	return nil
}

func (l *lookAround) takeFile(value string) error {
	part := strings.SplitN(value, " ", 3)
	if len(part) != 3 || !strings.HasPrefix(part[2], "/") || part[1] != "0" && part[1] != "1" {
		return fmt.Errorf("file %.60q", value)
	}
	switch part[0] {
	case rootsOwn, absent, absentOpen, others:
	default:
		return fmt.Errorf("file state %.60q", part[0])
	}
	if before, twice := l.files[part[2]]; twice && before.state != part[0] {
		return fmt.Errorf("file %.60q twice", part[2])
	}
	l.files[part[2]] = seenFile{part[0], part[1] == "1"}
	return nil
}
