package bastion

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// residueTime bounds a look at what a session left on its target.
const residueTime = 10 * time.Second

// residueEnd is the last line of a look that came to its end, and residuePrefix begins the others.
const (
	residuePrefix = "residue "
	residueEnd    = "residue-end"
)

// findResidue looks at the target for what the session left, where policy says so. What the target says is a claim: it is shown as text,
// and believed in nothing.
func (s *session) findResidue(ended store.State) {
	if !s.looksAfter(ended) {
		return
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), residueTime)
	defer cancel()
	swept, err := s.conn.server.sweep(ctx, protocol.Sweep{Session: s.id, Target: s.row.Target, Login: s.row.Login, Reason: "what the session left", Do: protocol.SweepResidue})
	found := readResidue(swept.text)
	found.Took = time.Since(begun)
	switch {
	case err != nil:
		found.Why = "it could not be looked for: " + cutText(answer.Visible(err.Error()), 300)
	case !swept.whole:
		found.Why = "the look did not come to its end"
	}
	if s.recording != nil {
		_ = s.recording.Write(recorder.Note, event(map[string]any{"note": "left on the target, as that says: " + residueText(found)})) // a failed recording fails at Close
	}
	s.row.Residue = residueText(found)
	s.mu.Lock()
	s.residue = &found
	s.mu.Unlock()
}

// looksAfter reports whether the target is looked at when the session has ended so.
func (s *session) looksAfter(ended store.State) bool {
	when, _ := s.looks.Load().(policy.After)
	return when == policy.AfterEnd || when == policy.AfterKill && ended == store.Killed
}

// readResidue reads what a target says. Of a hostile one it may be anything.
func readResidue(text string) protocol.Residue {
	out := protocol.Residue{Found: []string{}}
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), residuePrefix)
		if !ok {
			continue
		}
		if len(out.Found) == protocol.MaxResidue {
			out.More = true
			break
		}
		out.Found = append(out.Found, cutRunes(answer.Visible(strings.ToValidUTF8(rest, "\uFFFD")), protocol.MaxResidueLine))
	}
	return out
}

// cutRunes cuts text at a rune.
func cutRunes(text string, most int) string {
	for len(text) > most {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	return text
}

// maxResidueText bounds what the session's row keeps of it.
const maxResidueText = 2000

// residueText says it in one line.
func residueText(r protocol.Residue) string {
	text := strings.Join(r.Found, "; ")
	switch {
	case r.Why != "" && text != "":
		text += "; " + r.Why
	case r.Why != "":
		text = r.Why
	case text == "":
		text = "nothing was found"
	}
	if r.More {
		text = "more than is named: " + text
	}
	return cutRunes(text, maxResidueText)
}
