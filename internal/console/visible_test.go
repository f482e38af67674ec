package console

import (
	"encoding/json"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain äöü 世界":         "plain äöü 世界",
		"a\nb\tc\r":            `a\nb\tc\x0d`,
		"\x1b[31m\x7f":         `\x1b[31m\x7f`,
		"\u009b31m":            `\x9b31m`,
		"\u202eexe\u2066":      `\u202eexe\u2066`,
		"z\u200bw\ufeff\u00ad": `z\u200bw\ufeff\u00ad`,
		"\xff\xc3":             `\xff\xc3`,
		"\u2028\u00a0":         `\u2028\u00a0`,
	} {
		if got := Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever comes in, only printable characters come out, in text and in JSON; and the JSON says the same as before.
func TestOutputIsPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		line, err := marshal(in, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{Visible(in), string(line[:len(line)-1])} {
			for _, r := range out {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q comes out with %q", in, r)
				}
			}
		}
		var plain, ours string
		direct, _ := json.Marshal(in)
		if json.Unmarshal(direct, &plain) != nil || json.Unmarshal(line, &ours) != nil || plain != ours {
			t.Fatalf("%q became %q", plain, ours)
		}
	})
}

func TestHumane(t *testing.T) {
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Took(420 * time.Millisecond):                "0.42s",
		Took(59*time.Second + 990*time.Millisecond): "59.9s",
		Took(184 * time.Second):                     "3m 04s",
		Took(125 * time.Minute):                     "2h 05m",
		Took(76 * time.Hour):                        "3d 4h",
		Ago(now.Add(-3*time.Second), now):           "now",
		Ago(now.Add(-47*time.Hour), now):            "47h ago",
		Ago(now.Add(-49*time.Hour), now):            "2d ago",
		Offset(3723 * time.Second):                  "1:02:03",
		Offset(-time.Second):                        "0:00",
		Bytes(1023):                                 "1023 B",
		Bytes(5 << 20):                              "5.0 MiB",
		Bytes(1 << 62):                              "4194304.0 TiB",
		clock(now.Add(-time.Hour), now):             "19:00:00",
		clock(now.Add(-21*time.Hour), now):          "11-21 23:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
