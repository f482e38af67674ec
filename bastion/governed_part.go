package bastion

import (
	"fmt"
	"strings"

	"gatehouse/bastion/preview"
	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// maxPart bounds how much of a line is shown beside a command that it became.
const maxPart = 1024

// begins keeps a line for who is asked about a command of it.
func (h *shellHost) begins(r wire.Report) {
	h.tellAnew()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line = wire.Report{Line: r.Line, Text: cutText(r.Text, maxPart)}
}

// part says where a command of the shell stands, for people who decide about it: its line, and the texts through which it came. Both are
// what the shell's process says; what is approved is the command's words alone.
func (h *shellHost) part(step policy.Step) string {
	h.mu.Lock()
	line := h.line
	h.mu.Unlock()
	text := fmt.Sprintf("it is command %d of a governed shell", step.N)
	if line.Line == step.Line && line.Text != "" {
		text += ", in the line: " + preview.Visible(strings.TrimRight(line.Text, "\n"))
	}
	if len(step.Chain) > 0 {
		text += "; read through " + preview.Visible(cutText(strings.Join(step.Chain, ", then "), maxPart))
	}
	return text
}
