package access

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A judge that was written from the specification agrees with the vectors, and with no spoiled ones.
func TestJudge(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(vectors string) (string, error) {
		path := filepath.Join(t.TempDir(), "vectors.json")
		if err := os.WriteFile(path, []byte(vectors), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("python3", "../../scripts/judge/access.py", path).CombinedOutput()
		return string(out), err
	}
	if out, err := judge(string(text)); err != nil || out != "5 vectors\n" {
		t.Fatalf("%v: %s", err, out)
	}
	for what, spoil := range map[string][2]string{
		"a byte of what is approved": {`\"login\":\"root\"`, `\"login\":\"toor\"`},
		"a byte of the nonce":        {`"nonce": "84`, `"nonce": "85`},
		"a fact of the text":         {`\nwith login: root\n`, `\nwith login: toor\n`},
		"a word that runs":           {`runs \"/usr/bin/systemctl\" \"restart\"`, `runs \"/usr/bin/systemctl\" \"status\"`},
		"a fact twice":               {`\npolicy: sha256:00\n`, `\npolicy: sha256:00\npolicy: sha256:00\n`},
	} {
		spoiled := strings.Replace(string(text), spoil[0], spoil[1], 1)
		if out, err := judge(spoiled); spoiled == string(text) || err == nil || !strings.HasPrefix(out, "BAD: ") {
			t.Errorf("%s: %v: %s", what, err, out)
		}
	}
}
