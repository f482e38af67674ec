package vt

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "ask xterm again (needs node, and npm ci in web/ui) and write testdata/screens anew")

const (
	checkpoints  = 12 // of each program, at equal distances in bytes
	hostileCases = 100
)

// A recorded is what was written to a terminal of some size, and after how many bytes its screen is looked at.
type recorded struct {
	name string
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Data []byte `json:"data"`
	At   []int  `json:"at"`
}

// A seen is what xterm shows.
type seen struct {
	X     int      `json:"x"`
	Y     int      `json:"y"`
	Lines []string `json:"lines"`
}

// Real programs look as in xterm: at least 99 of 100 screens are the same, character for character, with the cursor at the same place.
func TestProgramsLookAsInXterm(t *testing.T) {
	compare(t, programs(t), 99)
}

// What no sane program writes looks as in xterm too. Where it does not, the headless build was found to do other than xterm: it has a place
// of its own for what combines with nothing, ends a control string at its first character outside ASCII, brings back one character set where
// DECRC saved four, and has no back tab where a wrap is to come.
func TestHostileOutputLooksAsInXterm(t *testing.T) {
	compare(t, hostile(), 95)
}

// programs reads the recordings that scripts/vt-record made.
func programs(t *testing.T) []recorded {
	t.Helper()
	files, err := filepath.Glob("testdata/programs/*.raw")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d programs are recorded: %v", len(files), err)
	}
	var all []recorded
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		size, data, _ := bytes.Cut(raw, []byte("\n"))
		r := recorded{name: strings.TrimSuffix(filepath.Base(file), ".raw"), Data: data}
		if _, err := fmt.Sscan(string(size), &r.Cols, &r.Rows); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for i := range checkpoints {
			r.At = append(r.At, len(data)*(i+1)/checkpoints)
		}
		all = append(all, r)
	}
	return all
}

// leftOut are the pieces on which xterm's headless build is no judge. It counts up to a number without a bound for minutes, gives a cell of
// its own to a combining character that follows nothing, has DECALN leave the margins, keeps LNM over RIS and origin mode over DECRC.
var leftOut = []string{"\x1b[2147483647I", "\u0300", "👩\u200d💻", "\x1b#8", "\x1b[20h", "\x1b[?6h"}

// It also has margins and tab stops for each of the two screens, where xterm has them once: so a case has one or the other.
var (
	oneScreen  = []string{"\x1b[?1049h", "\x1b[?47h"}
	noMargins  = []string{"\x1b[2;3r", "\x1b[4;2r", "\x1b[r", "\x1bH", "\x1b[g", "\x1b[3g", "\x1b[!p"}
	hostileFor = [][]string{oneScreen, noMargins}
)

// hostile makes up output from the pieces of the fuzz target, the same each time.
func hostile() []recorded {
	var all []recorded
	for i := range hostileCases {
		pieces := slices.DeleteFunc(slices.Clone(pieces), func(p string) bool {
			return slices.Contains(leftOut, p) || slices.Contains(hostileFor[i%2], p)
		})
		random := rand.New(rand.NewPCG(uint64(i), 0))
		r := recorded{name: fmt.Sprintf("hostile-%02d", i), Cols: 10 + random.IntN(30), Rows: 4 + random.IntN(10)}
		for range 3 {
			for range 40 {
				r.Data = append(r.Data, pieces[random.IntN(len(pieces))]...)
			}
			r.At = append(r.At, len(r.Data))
		}
		all = append(all, r)
	}
	return all
}

// compare counts the screens that are equal to xterm's, shows where others first differ, and fails if less than so many of 100 are equal.
func compare(t *testing.T, all []recorded, least float64) {
	t.Helper()
	equal, total := 0, 0
	for _, r := range all {
		same := 0
		for i, difference := range differences(r, xterm(t, r)) {
			total++
			if difference == "" {
				same++
				continue
			}
			t.Logf("%s, after %d bytes: %s", r.name, r.At[i], difference)
		}
		equal += same
		if same < len(r.At) {
			t.Logf("%s: %d of %d", r.name, same, len(r.At))
		}
	}
	percent := 100 * float64(equal) / float64(total)
	t.Logf("%d of %d screens are as in xterm: %.1f %%", equal, total, percent)
	if percent < least || total < 200 {
		t.Errorf("%.1f %% of %d screens are as in xterm, not %g %% of 200", percent, total, least)
	}
}

// differences says for each checkpoint where the screen first differs, or nothing.
func differences(r recorded, want []seen) []string {
	term, from := New(r.Cols, r.Rows), 0
	var found []string
	for i, at := range r.At {
		_, _ = term.Write(r.Data[from:at])
		from = at
		found = append(found, difference(term, want[i]))
	}
	return found
}

func difference(term *Terminal, want seen) string {
	for y, got := range term.Lines() {
		if got = strings.TrimRight(got, " "); got != want.Lines[y] {
			return fmt.Sprintf("line %d is %q, not %q", y, got, want.Lines[y])
		}
	}
	if x, y := term.Cursor(); x != want.X || y != want.Y {
		return fmt.Sprintf("the cursor is at %d %d, not %d %d", x, y, want.X, want.Y)
	}
	return ""
}

// xterm gives what xterm showed when it was last asked.
func xterm(t *testing.T, r recorded) []seen {
	t.Helper()
	file := filepath.Join("testdata", "screens", r.name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(golden(ask(t, r))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	screens, err := readGolden(string(raw), r.Rows)
	if err != nil || len(screens) != len(r.At) {
		t.Fatalf("%s: %d screens, not %d: %v", file, len(screens), len(r.At), err)
	}
	return screens
}

// ask runs xterm.
func ask(t *testing.T, r recorded) []seen {
	t.Helper()
	question, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/xterm.mjs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(append(question, '\n')), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var screens []seen
	if err := json.Unmarshal(answer, &screens); err != nil {
		t.Fatal(err)
	}
	return screens
}

// golden writes screens down as text: a line for the cursor, then one for each row that is not blank.
func golden(screens []seen) string {
	var b strings.Builder
	for _, s := range screens {
		fmt.Fprintf(&b, "cursor %d %d\n", s.X, s.Y)
		for y, line := range s.Lines {
			if line != "" {
				fmt.Fprintf(&b, "%d|%s\n", y, line)
			}
		}
	}
	return b.String()
}

func readGolden(text string, rows int) ([]seen, error) {
	var screens []seen
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		s := seen{Lines: slices.Repeat([]string{""}, rows)}
		if _, err := fmt.Sscanf(line, "cursor %d %d", &s.X, &s.Y); err == nil {
			screens = append(screens, s)
			continue
		}
		number, row, _ := strings.Cut(line, "|")
		var y int
		if _, err := fmt.Sscan(number, &y); err != nil || y < 0 || y >= rows || len(screens) == 0 {
			return nil, fmt.Errorf("%q is no row: %v", line, err)
		}
		screens[len(screens)-1].Lines[y] = row
	}
	return screens, nil
}
