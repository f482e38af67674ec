package command

import (
	"fmt"
	"strconv"
	"strings"
)

// intSlot is a whole number in decimal, without sign or leading zeros, from low to high.
type intSlot struct{ low, high int64 }

func parseInt(arg string) (value, error) {
	if arg == "" {
		return intSlot{0, 1<<63 - 1}, nil
	}
	from, to, ok := strings.Cut(arg, "..")
	low, okLow := decimal(from)
	high, okHigh := decimal(to)
	if !ok || !okLow || !okHigh || low > high {
		return nil, fmt.Errorf("%q is not a range: write <int:1..5000>, without signs or leading zeros, the smaller number first", arg)
	}
	return intSlot{low, high}, nil
}

func (s intSlot) admits(m *matcher, word string, _ bool) bool {
	n, ok := decimal(word)
	return ok && n >= s.low && n <= s.high || m.lenient && partlyUnknown(word)
}

// decimal reads a number that has only one spelling.
func decimal(word string) (int64, bool) {
	n, err := strconv.ParseInt(word, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == word
}

// durationSlot is a number with one of the units s, m, h and d, from low to high seconds.
type durationSlot struct{ low, high int64 }

// maxDuration is a hundred years.
const maxDuration = 36525 * 86400

func parseDuration(arg string) (value, error) {
	s := durationSlot{0, maxDuration}
	if arg == "" {
		return s, nil
	}
	from, to, ok := strings.Cut(arg, "..")
	okLow, okHigh := true, false
	if from != "" {
		s.low, okLow = seconds(from)
	}
	s.high, okHigh = seconds(to)
	if !ok || !okLow || !okHigh || s.low > s.high {
		return nil, fmt.Errorf("%q is not a range of durations: write <duration:..1h> or <duration:1s..5m>, with the units s, m, h or d", arg)
	}
	return s, nil
}

func (s durationSlot) admits(m *matcher, word string, _ bool) bool {
	n, ok := seconds(word)
	return ok && n >= s.low && n <= s.high || m.lenient && partlyUnknown(word)
}

// seconds reads a duration: digits and one unit.
func seconds(word string) (int64, bool) {
	if word == "" {
		return 0, false
	}
	units := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
	unit := units[word[len(word)-1]]
	n, ok := decimal(word[:len(word)-1])
	if !ok || unit == 0 || n > maxDuration/unit {
		return 0, false
	}
	return n * unit, true
}
