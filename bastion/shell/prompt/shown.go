package prompt

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"unicode/utf16"

	"gatehouse/bastion/preview"
)

// promptWord begins each prompt that is for a program.
const promptWord = "GATEHOUSE-PROMPT "

// maxPrompt is how many bytes of PS1 and PS2 count.
const maxPrompt = 256

// ownPrompt is what the escapes of PS1 and PS2 stand for.
type ownPrompt struct {
	login, target, dir, home string
	uid                      int
}

// expand gives the text of a prompt, or of the usual one where the user has set none. Of bash's escapes it knows \u \h \H \w \W \$ \\ \[ \];
// nothing else is expanded or run, and what is no plain text is spelt out. So drivers that set a prompt and wait for it find it.
func (o ownPrompt) expand(ps, usual string) string {
	if ps == "" {
		ps = usual
	}
	ps = strings.ToValidUTF8(ps[:min(len(ps), maxPrompt)], "")
	dir := o.dir
	if rest, ok := strings.CutPrefix(dir, o.home); ok && o.home != "/" && (rest == "" || rest[0] == '/') {
		dir = "~" + rest
	}
	last := path.Base(dir)
	sign := "$"
	if o.uid == 0 {
		sign = "#"
	}
	text := strings.NewReplacer(`\u`, o.login, `\h`, o.target, `\H`, o.target, `\w`, dir, `\W`, last, `\$`, sign, `\\`, `\`, `\[`, "", `\]`, "").Replace(ps)
	return strings.ReplaceAll(preview.Visible(text), "\n", `\n`)
}

// forProgram is the prompt of a program that drives the shell: a line of its own, in ASCII, whatever the output before it ended with.
func (p *prompt) forProgram(more bool) string {
	m, _ := json.Marshal(struct {
		Line   int64  `json:"line"`
		Status int    `json:"status"`
		CWD    string `json:"cwd"`
		More   bool   `json:"more"`
	}{p.lines + 1, p.status, p.shell.Dir(), more})
	var out strings.Builder
	for _, r := range string(m) {
		switch {
		case r < 0x7f:
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return "\r\n" + promptWord + out.String() + "\r\n"
}
