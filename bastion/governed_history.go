package bastion

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/store"
)

// History are the lines of earlier prompts of this identity here.
func (h *shellHost) History(ctx context.Context) ([]string, error) {
	keeper := h.session.conn.server.cfg.Lines
	if keeper == nil || !h.typedAt() {
		return nil, nil
	}
	lines, err := keeper.Lines(ctx, h.session.row)
	if err != nil && ctx.Err() == nil {
		h.session.log.Warn("the lines of earlier prompts cannot be read", "error", err)
	}
	return lines, nil // a prompt begins without as well
}

// typedAt reports whether this is a prompt, and none that a program reads.
func (h *shellHost) typedAt() bool {
	s := h.session
	return s.pty != nil && !s.jsonPrompt && s.row.Command == "shell"
}

// remember keeps a line for the next prompt, unless it begins with a space, holds what looks like a secret, is the one before it again, or is no
// text that people type: the process that reports it is not believed.
func (h *shellHost) remember(text string) {
	text = strings.TrimRight(text, "\n")
	if !h.typedAt() || strings.TrimSpace(text) == "" || text[0] == ' ' || len(text) > store.MaxLineBytes || !utf8.ValidString(text) || strings.ContainsFunc(text, notTyped) {
		return
	}
	if len(h.session.conn.server.cfg.Secrets.Find(text)) > 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.typed); n > 0 && h.typed[n-1] == text {
		return
	}
	h.typed = store.Newest(append(h.typed, text))
}

func notTyped(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// keepLines stores what is remembered. A crash loses it; the recording has it all the same.
func (h *shellHost) keepLines() {
	keeper := h.session.conn.server.cfg.Lines
	h.mu.Lock()
	typed := h.typed
	h.mu.Unlock()
	if keeper == nil || len(typed) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
	defer cancel()
	if err := keeper.PutLines(ctx, h.session.row, typed); err != nil {
		h.session.log.Warn("what was typed is not kept for the next prompt", "error", err)
	}
}
