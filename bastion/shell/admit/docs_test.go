package admit

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the lists of docs/shell.md")

// TestTheManualListsWhatIsRefused: the lists of docs/shell.md are those of the program.
func TestTheManualListsWhatIsRefused(t *testing.T) {
	const name = "../../../docs/shell.md"
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for part, list := range map[string]string{"refused": refusedList(), "names": namesList()} {
		before, rest, ok := strings.Cut(text, "<!-- "+part+":")
		comment, rest, ok2 := strings.Cut(rest, "-->\n")
		_, after, ok3 := strings.Cut(rest, "<!-- /"+part+" -->")
		if !ok || !ok2 || !ok3 {
			t.Fatalf("%s has no part %s", name, part)
		}
		text = before + "<!-- " + part + ":" + comment + "-->\n" + list + "<!-- /" + part + " -->" + after
	}
	if text == string(data) {
		return
	}
	if !*update {
		t.Fatalf("the lists of %s are old: go test ./bastion/shell/admit -update", name)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func refusedList() string {
	var b strings.Builder
	b.WriteString("| construct | refused | instead | why |\n|---|---|---|---|\n")
	for _, row := range Table[1:] {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escaped(row.Construct), code(strings.Replace(row.Refused, "‸", "", 1)), code(row.Instead), escaped(row.Reason))
	}
	return b.String()
}

// escaped keeps a text one cell of a table.
func escaped(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ", "*", `\*`, "$", `\$`, "[", `\[`, "_", `\_`).Replace(s)
}

// code shows a text in a cell as it is typed; what cannot be seen is written as Go writes it.
func code(s string) string {
	if s == "" {
		return ""
	}
	s = fmt.Sprintf("%q", s)
	s = s[1 : len(s)-1]
	s = strings.NewReplacer(`\"`, `"`, `\\`, `\`, "|", `\|`).Replace(s)
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

func namesList() string {
	var b strings.Builder
	b.WriteString("| variable | read or set | why |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(unread)) {
		if r := unread[name]; r != fine {
			fmt.Fprintf(&b, "| `%s` | read, set | %s |\n", name, escaped(Table[r].Reason))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unassigned)) {
		fmt.Fprintf(&b, "| `%s` | set | %s |\n", name, escaped(Table[unassigned[name]].Reason))
	}
	return b.String()
}
