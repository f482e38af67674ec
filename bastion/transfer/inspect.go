package transfer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"gatehouse/policy"
	"gatehouse/recorder/secret"
)

// Inspect says why a file's content is not what policy lets pass; "" lets it. The reason names what was found, and nothing of it.
func Inspect(d *secret.Detector, hold *policy.Hold, content []byte) (why string) {
	if len(hold.Types) > 0 {
		is := contentTypes(content)
		if !slices.ContainsFunc(is, func(t string) bool { return slices.Contains(hold.Types, t) }) {
			return fmt.Sprintf("the policy lets only %v pass here, and its content is %s", hold.Types, is[0])
		}
	}
	if !hold.Secrets {
		return ""
	}
	if found := d.Find(string(content)); len(found) > 0 {
		return fmt.Sprintf("the policy keeps files with secrets back, and line %d of it looks like one (%s)", 1+bytes.Count(content[:found[0].From], []byte("\n")), found[0].Rule)
	}
	return ""
}

// magics are how contents of a type begin.
var magics = []struct {
	kind string
	at   int
	text string
}{
	{"gzip", 0, "\x1f\x8b"}, {"zip", 0, "PK\x03\x04"}, {"zip", 0, "PK\x05\x06"}, {"zstd", 0, "\x28\xb5\x2f\xfd"}, {"xz", 0, "\xfd7zXZ\x00"}, {"bzip2", 0, "BZh"},
	{"pdf", 0, "%PDF-"}, {"png", 0, "\x89PNG\r\n\x1a\n"}, {"jpeg", 0, "\xff\xd8\xff"}, {"gif", 0, "GIF8"}, {"elf", 0, "\x7fELF"}, {"tar", 257, "ustar"},
}

// contentTypes are the types that a content has, the narrowest first. They go by how it begins, as file(1) does, and text by all of it.
func contentTypes(content []byte) []string {
	for _, m := range magics {
		if len(content) >= m.at && bytes.HasPrefix(content[m.at:], []byte(m.text)) {
			return []string{m.kind}
		}
	}
	if !isText(content) {
		return []string{"other"}
	}
	trimmed := bytes.TrimSpace(content)
	switch {
	case len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed):
		return []string{"json", "text"}
	case bytes.HasPrefix(trimmed, []byte("<?xml")):
		return []string{"xml", "text"}
	}
	return []string{"text"}
}

// isText reports whether a content is UTF-8 without control characters but those of lines and columns.
func isText(content []byte) bool {
	return utf8.Valid(content) && !bytes.ContainsFunc(content, func(r rune) bool {
		return r < 0x20 && r != '\n' && r != '\r' && r != '\t' && r != '\f' || r == 0x7f
	})
}
