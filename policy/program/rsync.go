package program

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// RsyncServer is what rsync is asked to do on the far side of a connection: `rsync --server [--sender] OPTIONS . PATH…`.
type RsyncServer struct {
	Sender  bool     // it reads the paths and sends them; else it writes below the one path
	Recurse bool     // folders are gone into
	Removes bool     // the sender removes what it has sent
	Paths   []string // as they were asked: a slash at the end means what is in the folder
}

// rsyncLetters are the options of the first word that change nothing but how the files below the paths are chosen, compared and sent. Not
// among them: L, k, K and R, which follow or keep what is elsewhere; s, with which the paths would come by the protocol; b, which
// makes files beside the path; C, which reads a file of the home.
const rsyncLetters = "vqnlHogDtUNpEAXrcIxSzydWmuOJ"

// rsyncBundle is the word of letters that clients begin with: letters, then e with what the client can do ("e.iLsfxCIvu", "e31.14").
// Nothing else may follow e, which is the option that names a program.
var rsyncBundle = regexp.MustCompile(`^-([a-zA-Z]*?)(e([0-9]{1,3})?\.([0-9]{1,3})?[a-zA-Z]{0,32})?$`)

// rsyncLong are long options that stay below the paths, and what their values may be; "" is none.
var rsyncLong = map[string]string{
	"delete": "", "delete-before": "", "delete-during": "", "delete-after": "", "delete-delay": "", "delete-excluded": "", "force": "", "ignore-errors": "",
	"max-delete": number, "max-size": number, "min-size": number, "modify-window": `-?` + number, "bwlimit": number, "timeout": number,
	"existing": "", "ignore-existing": "", "ignore-non-existing": "", "size-only": "", "append": "", "inplace": "", "partial": "", "delay-updates": "",
	"numeric-ids": "", "safe-links": "", "specials": "", "no-specials": "", "stats": "", "fsync": "", "preallocate": "", "open-noatime": "", "list-only": "",
	"no-inc-recursive": "", "no-i-r": "", "msgs2stderr": "", "no-msgs2stderr": "", "ignore-missing-args": "",
	"compress-level": `-?` + number, "compress-choice": words, "zc": words, "checksum-choice": words, "checksum-seed": number, "new-compress": "", "old-compress": "",
	"skip-compress": `[a-zA-Z0-9/\[\]]{1,200}`, "log-format": `%i|%i%I|%o|X`, "remove-source-files": "", "remove-sent-files": "",
}

const (
	number = `[0-9]{1,18}`
	words  = `[a-z0-9,-]{1,40}`
)

var rsyncBlock = regexp.MustCompile(`^-B[0-9]{1,9}$`)

// ParseRsyncServer reads the words that a client of rsync 3.1 and later sends. An error names the word that nobody has looked at, and its
// index.
func ParseRsyncServer(argv []string) (s RsyncServer, index int, err error) {
	if len(argv) < 2 || argv[1] != "--server" {
		return s, min(1, len(argv)), fmt.Errorf("rsync runs here as the far side of a client only: rsync --server")
	}
	at := 2
	if at < len(argv) && argv[at] == "--sender" {
		s.Sender, at = true, at+1
	}
	for ; at < len(argv) && argv[at] != "."; at++ {
		if err := s.option(argv[at]); err != nil {
			return s, at, err
		}
	}
	if at == len(argv) {
		return s, at, fmt.Errorf("rsync's words name no path: with -s (--secluded-args) it would come where nobody decides it")
	}
	s.Paths = argv[at+1:]
	for i, word := range s.Paths {
		if word == "" || word[0] == '-' {
			return s, at + 1 + i, fmt.Errorf("%q is no path for rsync: write ./ before a name that begins with -", word)
		}
	}
	switch {
	case len(s.Paths) == 0:
		return s, len(argv), fmt.Errorf("rsync's words name no path")
	case !s.Sender && len(s.Paths) > 1:
		return s, at + 2, fmt.Errorf("rsync writes to one path")
	}
	s.Removes = s.Removes && s.Sender
	return s, 0, nil
}

func (s *RsyncServer) option(word string) error {
	if long, isLong := strings.CutPrefix(word, "--"); isLong {
		return s.long(word, long)
	}
	if rsyncBlock.MatchString(word) {
		return nil
	}
	parts := rsyncBundle.FindStringSubmatch(word)
	if parts == nil || word == "-" {
		return fmt.Errorf("rsync's word %q is not one that clients send", word)
	}
	for _, letter := range parts[1] {
		if !strings.ContainsRune(rsyncLetters, letter) {
			return fmt.Errorf("rsync's option -%c is not among those that stay below the path", letter)
		}
	}
	s.Recurse = s.Recurse || strings.Contains(parts[1], "r")
	return nil
}

func (s *RsyncServer) long(word, long string) error {
	name, value, valued := strings.Cut(long, "=")
	form, known := rsyncLong[name]
	switch {
	case !known:
		return fmt.Errorf("rsync's option --%s is not among those that stay below the path", name)
	case valued != (form != ""), valued && !wholly(form, value):
		return fmt.Errorf("rsync's option %q has not the form that clients send", word)
	}
	s.Removes = s.Removes || slices.Contains([]string{"remove-source-files", "remove-sent-files"}, name)
	return nil
}

// rsyncForms are the values' forms, each for a whole value.
var rsyncForms = forms(rsyncLong)

func forms(long map[string]string) map[string]*regexp.Regexp {
	list := map[string]*regexp.Regexp{}
	for _, form := range long {
		list[form] = regexp.MustCompile(`^(?:` + form + `)$`)
	}
	return list
}

func wholly(form, value string) bool { return rsyncForms[form].MatchString(value) }

// rsyncAdditions keep a client from making a link that leads out of what it may write to, through which it would write next: a client's list
// of files may name what lies behind a link that it has sent before.
func rsyncAdditions(argv []string) (added []string, env [][2]string) {
	if len(argv) < 3 || argv[1] != "--server" || argv[2] == "--sender" || slices.Contains(argv, "--safe-links") {
		return argv, nil
	}
	return slices.Insert(slices.Clone(argv), 2, "--safe-links"), nil
}
