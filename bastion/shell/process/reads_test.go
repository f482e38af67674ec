package process

import (
	"strings"
	"testing"
)

// TestReading: what may read its input is never taken for what does not, nor a part of it for all.
func TestReading(t *testing.T) {
	for line, want := range map[string]reading{
		"cat": readsAll, "cat f": readsNot, "cat -": mayRead, "cat f -": mayRead, "cat -n f": readsNot, "cat -n": readsAll, "cat --help": mayRead, "cat /dev/stdin": mayRead,
		"grep a": mayRead, "grep a f": readsNot, "grep -q a f": readsNot, "grep -e a": mayRead, "grep -e a f": readsNot, "grep -m 1 a": mayRead, "grep -m 1 a f": readsNot,
		"grep -ea f": readsNot, "grep -r a": mayRead, "sort -k 2": readsAll, "sort -k 2 f": readsNot, "sort -k2 f": readsNot, "head -n 1": mayRead, "head -1 f": readsNot,
		"awk x": mayRead, "awk -f p f": readsNot, "awk x v=1": mayRead, "sed -n p f": readsNot, "tr a b": readsAll, "tee f": readsAll, "python3 x": mayRead, "cat -- -": mayRead,
		"/usr/bin/wc -l f": readsNot, "cut -d : -f 1": readsAll, "sed -i s/a/b/ f": readsNot, "sed -i.bak s/a/b/ f": readsNot, "sed -i p": mayRead, "head -c 9 /dev/zero": readsNot, "head -c 9 /dev/fd/0": mayRead, "head": mayRead,
	} {
		if got := readingOf(strings.Fields(line)); got != want {
			t.Errorf("%s: %d, want %d", line, got, want)
		}
	}
}

// TestBlind: what may read, or ask, is not taken for what never does.
func TestBlind(t *testing.T) {
	for line, want := range map[string]bool{"ls -la /x": true, "diff a b": true, "diff - b": false, "/bin/stat -c %s f": true, "rm f": false, "cp a b": false, "cat f": false} {
		if got := blindTo(strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}
