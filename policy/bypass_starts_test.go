package policy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

// row 98
//
// TestStartsAreWhatIsStarted: whatever the real xargs and find start with words that policy.Starts understands, one of its samples says: the
// same words, and anything where a sample has unknown ones; where one sample has many words, each word at its place in some sample.
func TestStartsAreWhatIsStarted(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	tool := filepath.Join(dir, "tool")
	script := "#!/bin/sh\n{ printf '%s\\0' \"$0\" \"$@\"; printf '\\1'; } >>'" + log + "'\n"
	if err := os.WriteFile(tool, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	files := filepath.Join(dir, "files")
	for _, name := range []string{"a", "-rf", "b c/d/e", "b c/x\ny"} {
		if err := os.MkdirAll(filepath.Join(files, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var ran int
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
		var argv policy.Argv
		if rapid.Bool().Draw(t, "xargs") {
			argv = policy.Argv{"xargs"}
			for range rapid.IntRange(0, 3).Draw(t, "options") {
				argv = append(argv, strings.Fields(pick("option", "-0", "-r", "-n 1", "-n2", "-n 30", "-L1", "-L 2", "-I{}", "-I X", "-0r", "-rn1", "-P1", "-0I%", "-n0", "-d,", "-d a", "-t", "-a x", "-i", "-E e", "--"))...)
			}
		} else {
			argv = policy.Argv{"find", pick("point", files, files+"/", files+"/b c", files+"//", files+"/.")}
			for range rapid.IntRange(0, 2).Draw(t, "tests") {
				argv = append(argv, strings.Fields(pick("test", "-type f", "-name -exec", "-not", "!", "-o", "-maxdepth 1", "-print0", "-mindepth 1", "-prune", ",", "-path x", "( -true )", "-name ;", "-name +"))...)
			}
			argv = append(argv, "-exec")
		}
		argv = append(argv, tool)
		for range rapid.IntRange(0, 3).Draw(t, "words") {
			argv = append(argv, pick("word", "{}", "x", "-f", "--", "a{}b", "X", "{}{}", "%", "+", "{"))
		}
		if argv[0] == "find" {
			argv = append(argv, strings.Fields(pick("end", ";", "{} +", "{} ;", "+", "; -exec "+tool+" y ;"))...)
		}
		starts, err := policy.Starts(argv)
		if err != nil {
			return
		}
		if err := os.RemoveAll(log); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = files
		cmd.Stdin = strings.NewReader(rapid.SampledFrom([]string{"", "a\n", "a b c\n", "-rf\n", "a\x00b c\x00-x\x00", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25\n", "a\nb\n", "a,b,c"}).Draw(t, "input"))
		_ = cmd.Run() // what it started counts
		text, _ := os.ReadFile(log)
		for call := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x01"), "\x01") {
			if call == "" {
				continue
			}
			ran++
			got := strings.Split(strings.TrimSuffix(call, "\x00"), "\x00")
			if !slices.ContainsFunc(starts, func(sample policy.Argv) bool { return says(sample, got) }) && !among(starts, got) {
				t.Fatalf("%q with %q started %q, the samples are %q", argv, cmd.Stdin, got, starts)
			}
		}
	})
	if ran < 20 {
		t.Fatalf("only %d commands were started", ran)
	}
}

// says reports whether a sample stands for an argv, word by word.
func says(sample, argv []string) bool {
	if len(sample) != len(argv) {
		return false
	}
	for i := range sample {
		if !stands(sample[i], argv[i]) {
			return false
		}
	}
	return true
}

// among reports whether an argv is one of as many words as there are: each is at its place in some sample, and the longest has many.
func among(samples []policy.Argv, argv []string) bool {
	const many = 20
	if !slices.ContainsFunc(samples, func(s policy.Argv) bool { return len(s) > many }) {
		return false
	}
	for i, word := range argv {
		if !slices.ContainsFunc(samples, func(s policy.Argv) bool { return len(s) > 0 && stands(s[min(i, len(s)-1)], word) }) {
			return false
		}
	}
	return true
}

// stands reports whether a sample's word stands for a word: what is unknown in it may be anything.
func stands(sample, word string) bool {
	before, _, unknown := strings.Cut(sample, policy.Unknown)
	after := sample[strings.LastIndex(sample, policy.Unknown)+1:]
	if !unknown {
		return sample == word
	}
	after = strings.TrimPrefix(after, policy.Unknown[1:])
	return len(word) >= len(before)+len(after) && strings.HasPrefix(word, before) && strings.HasSuffix(word, after)
}
