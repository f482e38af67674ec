package admit

import (
	"io"
	"strings"
	"testing"
)

// TestScriptsAreReadCommandByCommand: each command is read before the next, a fault in one stops no other, and what follows stays unread.
func TestScriptsAreReadCommandByCommand(t *testing.T) {
	from := strings.NewReader("echo 1\n\nif true\nthen echo 2; fi\ncat <<E\na\nE\necho a \\\n  b\necho 'c\nd'\n)\n# note \\\n\necho 3")
	want := []string{"echo 1\n", "if true\nthen echo 2; fi\n", "cat <<E\na\nE\n", "echo a \\\n  b\n", "echo 'c\nd'\n", ")\n", "# note \\\n", "echo 3"}
	lines := []int{1, 3, 5, 8, 10, 12, 13, 15}
	script := Script(from, Place{})
	for i, text := range want {
		c, refused, err := script.Next()
		if err != nil || c.Text != text || c.Line != lines[i] {
			t.Fatalf("%q at %d, %v; want %q at %d", c.Text, c.Line, err, text, lines[i])
		}
		if bad := text == ")\n" || strings.HasPrefix(text, "#"); bad != (refused != nil) || bad != (c.File == nil) {
			t.Errorf("%q: %+v", text, refused)
		}
		if i == 0 {
			if read := int(from.Size()) - from.Len(); read != len(text) {
				t.Errorf("%d bytes are read for the first command, which has %d", read, len(text))
			}
		}
	}
	if _, _, err := script.Next(); err != io.EOF {
		t.Error(err)
	}
}

// TestIncomplete: a prompt asks for more exactly where bash does.
func TestIncomplete(t *testing.T) {
	more := []string{"if true\n", "echo 'a\n", "echo \"a\n", "a |\n", "a &&\n", "f() {\n", "cat <<E\nx\n", "echo $(\n", "for x in a\n", "case a in\n", "echo a \\\n", "(\n", "a=(1\n", "cat <<'E'\na\\\n"}
	whole := []string{"a\n", ")\n", "fi\n", "echo a # b \\\n", "echo a \\\\\n", "", "\n", "cat <<E\nx\nE\n", "echo '\\'\n", "a |\nb\n"}
	for _, text := range more {
		if !Incomplete(text, Place{Prompt: true}) {
			t.Errorf("%q is taken for whole", text)
		}
	}
	for _, text := range whole {
		if Incomplete(text, Place{Prompt: true}) {
			t.Errorf("%q is taken for incomplete", text)
		}
	}
}

// TestCommandsOfManyLines: where one ends is seen without reading it again at each of its lines.
func TestCommandsOfManyLines(t *testing.T) {
	for open, shut := range map[string]string{
		"cat <<E\n": "E\n", "cat <<-'E F'\n": "\tE F\n", "x='\n": "'\n", "x=\"\n": "\"\n", "x=$(\n": ")\n", "f() { :\n": " }\n", "if a; then b\n": "fi\n", "while a; do b\n": "done\n", "case a in\nb) c\n": ";; esac\n",
		"x=(\n": ")\n",
	} {
		var text string
		if strings.HasPrefix(open, "x=") || strings.HasPrefix(open, "cat") {
			text = open + strings.Repeat("one line more\n", 4500) + shut
		} else {
			text = open + strings.Repeat("echo x-done-fi-esac\n", 2000) + shut
		}
		script := Script(strings.NewReader(text+"echo next\n"), Place{})
		c, refused, err := script.Next()
		if refused != nil && refused.Construct == "long text" || err != nil || c.Text != text {
			t.Errorf("%q: read %d of %d bytes, %+v, %v", open, len(c.Text), len(text), refused, err)
		}
		if c, _, err := script.Next(); c.Text != "echo next\n" || err != nil {
			t.Errorf("%q: then %q, %v", open, c.Text, err)
		}
	}
}
