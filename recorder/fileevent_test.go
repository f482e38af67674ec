package recorder

import "testing"

// TestFileLine: what happened to a file is one line, of any name; what was only looked at is none.
func TestFileLine(t *testing.T) {
	for data, want := range map[string]string{
		`{"op":"close","path":"/a","direction":"read","size":6,"sha256":"00ff","result":"whole"}`:              "read /a: 6 bytes, whole, sha256 00ff",
		`{"op":"close","path_b64":"L2H/","direction":"write","size":3,"result":"partial","why":"interrupted"}`: `write "/a\xff": 3 bytes, partial: interrupted`,
		`{"op":"rename","path":"/a","to":"/b","result":"ok"}`:                                                  "rename /a to /b: ok",
		`{"op":"read","path":"/s","result":"denied","why":"no role lets it"}`:                                  "denied read /s: no role lets it",
		`{"op":"stat","path":"/a","result":"ok"}`:                                                              "",
		`{"op":"open","path":"/a","direction":"read","size":6,"result":"ok"}`:                                  "",
		`{"op":"stat","path":"/s","result":"denied","why":"no role lets it"}`:                                  "denied stat /s: no role lets it",
		`not JSON`: "not JSON",
	} {
		if got, ok := FileLine([]byte(data)); got != want || ok != (want != "") {
			t.Errorf("%s:\n got %q\nwant %q", data, got, want)
		}
	}
}
