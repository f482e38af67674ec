package program_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/policy/program"
)

// TestRealRsyncIsUnderstood: what the installed client sends for the usual options is understood; for those that leave the path it is refused.
func TestRealRsyncIsUnderstood(t *testing.T) {
	dir := t.TempDir()
	remote := filepath.Join(dir, "remote")
	write(t, remote, "#!/bin/sh\nshift\nfor w in \"$@\"; do printf '%s\\n' \"$w\"; done >\"$WORDS\"\nexit 1\n", 0o755)
	write(t, filepath.Join(dir, "f"), "x", 0o644)
	for _, c := range []struct {
		args string
		ok   bool
	}{
		{"-a", true}, {"-avz", true}, {"-rlt", true}, {"-aP", true}, {"-ai", true}, {"-avi --progress", true}, {"-aHAXSx", true}, {"-n", true}, {"-d", true}, {"-acu", true}, {"-aWI", true}, {"-ayE", true}, {"-aqm", true}, {"-aOJ", true},
		{"-a --delete", true}, {"-r --delete-after --delete-excluded --force --max-delete=5", true}, {"-a --inplace", true}, {"-a --append", true}, {"-a --append-verify", true}, {"-a --bwlimit=100 --timeout=5", true},
		{"-a --size-only --existing", true}, {"-a --numeric-ids", true}, {"-a --compress-choice=zstd --compress-level=3 -z --checksum-choice=md5", true}, {"-a --checksum-seed=4 --stats -h", true}, {"-a --partial --delay-updates", true},
		{"-a -B 1000 --modify-window=2 --min-size=1 --max-size=1m", true}, {"-a --safe-links", true}, {"-a --fsync --preallocate --sparse", true}, {"-a --protocol=29", true}, {"-a --no-inc-recursive", true}, {"-a --delete-delay --ignore-errors", true},
		{"-a --exclude=x", true}, {"-a --stderr=client", true}, {"-a --no-D --specials", true}, {"-a --chmod=u+w", true}, {"-a --list-only", true}, {"-a --remove-source-files", true},
		{"-aK", false}, {"-aR", false}, {"-as", false}, {"-ab", false}, {"-aC", false}, {"-a --temp-dir=/tmp", false}, {"-a --partial-dir=/tmp", false}, {"-a --backup --backup-dir=/q", false}, {"-a --link-dest=/q", false},
		{"-a --copy-dest=/q", false}, {"-a --compare-dest=/q", false}, {"-a --mkpath", false}, {"-a --write-devices", false}, {"-a --usermap=a:b", false}, {"-a --iconv=utf8", false}, {"-a -M--fake-super", false}, {"-a -M-e/tmp/x", false}, {"-a --copy-unsafe-links", false},
	} {
		for _, pull := range []bool{false, true} {
			words := clientWords(t, dir, remote, strings.Fields(c.args), pull)
			s, _, err := program.ParseRsyncServer(words)
			if !slices.Contains(words, "--server") {
				t.Errorf("%s: the client did not start: %q", c.args, words)
			}
			onlyPush := pull && slices.ContainsFunc([]string{"-aK", "--temp-dir", "--partial-dir", "--backup", "-ab", "-dest", "--mkpath", "--write-devices", "--usermap"}, func(s string) bool { return strings.Contains(c.args, s) })
			if !onlyPush && ((err == nil) != c.ok || err == nil && (s.Sender != pull || !slices.Equal(s.Paths, []string{"/srv/x"}))) {
				t.Errorf("%s, pull %t: %q: %+v, %v", c.args, pull, words, s, err)
			}
		}
	}
}

// clientWords is what rsync's client wants to run on the far side.
func clientWords(t *testing.T, dir, remote string, args []string, pull bool) []string {
	t.Helper()
	args = append(args, "-e", remote)
	if pull {
		args = append(args, "host:/srv/x", dir)
	} else {
		args = append(args, filepath.Join(dir, "f"), "host:/srv/x")
	}
	words := filepath.Join(dir, "words")
	os.Remove(words)
	cmd := exec.Command("rsync", args...)
	cmd.Env = append(os.Environ(), "WORDS="+words)
	cmd.Run() // the far side says nothing
	text, err := os.ReadFile(words)
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// TestReceiversMakeNoLinksOut: whoever writes by rsync gets the option that leaves links out of the tree away, whoever reads does not.
func TestReceiversMakeNoLinksOut(t *testing.T) {
	for line, want := range map[string]string{
		"rsync --server -re.iLs . /x": "rsync --server --safe-links -re.iLs . /x", "rsync --server --sender -re.iLs . /x": "rsync --server --sender -re.iLs . /x",
		"rsync --server -re.iLs --safe-links . /x": "rsync --server -re.iLs --safe-links . /x", "rsync -a /x /y": "rsync -a /x /y", "rsync": "rsync",
	} {
		argv := strings.Fields(line)
		if got, _ := program.Of("rsync").Harden(argv); strings.Join(got, " ") != want || strings.Join(argv, " ") != line {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// FuzzRsyncServer: no words make the reader panic, and what it admits has neither an option that follows links nor a path that is one.
func FuzzRsyncServer(f *testing.F) {
	f.Add("--server\n--sender\n-logDtpre.iLsfxCIvu\n.\n/x")
	f.Add("--server\n-re31.14iLs\n--timeout=5\n.\n/x")
	f.Fuzz(func(t *testing.T, text string) {
		argv := append([]string{"rsync"}, strings.Split(text, "\n")...)
		s, index, err := program.ParseRsyncServer(argv)
		if err != nil {
			if index < 0 || index > len(argv) {
				t.Fatalf("%q: word %d", argv, index)
			}
			return
		}
		for _, path := range s.Paths {
			if path == "" || path[0] == '-' {
				t.Fatalf("%q: path %q", argv, path)
			}
		}
		for _, word := range argv[1 : len(argv)-len(s.Paths)] {
			letters, isLong := strings.CutPrefix(word, "--")
			before, _, _ := strings.Cut(strings.TrimPrefix(letters, "-"), "e")
			if !isLong && strings.ContainsAny(before, "LkKRsbCTfM/") || isLong && strings.ContainsAny(letters, "\x00 ") || strings.Contains(letters, "-dir") || strings.Contains(letters, "-dest") {
				t.Fatalf("%q: %q", argv, word)
			}
		}
	})
}

// FuzzGitServer: no words make the reader panic, and what it admits is one repository.
func FuzzGitServer(f *testing.F) {
	f.Add("git-upload-pack\n--strict\n/x")
	f.Add("git\nreceive-pack\n/x")
	f.Fuzz(func(t *testing.T, text string) {
		argv := strings.Split(text, "\n")
		s, index, err := program.ParseGitServer(argv)
		if err != nil {
			if index < 0 || index > len(argv) {
				t.Fatalf("%q: word %d", argv, index)
			}
			return
		}
		if s.Repository != argv[len(argv)-1] || strings.HasPrefix(s.Repository, "-") || strings.HasPrefix(s.Repository, "~") || s.Repository == "" || len(argv) > 6 && !strings.Contains(text, "timeout") && !strings.Contains(text, "strict") {
			t.Fatalf("%q: %+v", argv, s)
		}
	})
}
