package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// verdict is what came of one cell.
type verdict struct {
	kind string // "ok", "refused", "none", "RED"
	note string // what the client said, or why there is none
}

// matrix is a run's outcome.
type matrix struct {
	rows     []client
	columns  []cell
	versions map[string]string             // by client
	verdicts map[string]map[string]verdict // by client and cell
}

// pick takes the named ones of a list, in the list's order.
func pick[T any](names string, all []T, name func(T) string) ([]T, error) {
	if names == "" {
		return all, nil
	}
	want := strings.Split(names, ",")
	var out []T
	for _, one := range all {
		if i := slices.Index(want, name(one)); i >= 0 {
			out, want = append(out, one), slices.Delete(want, i, i+1)
		}
	}
	if len(want) > 0 {
		return nil, fmt.Errorf("there is no %s", strings.Join(want, ", "))
	}
	return out, nil
}

// fill tries every cell of every row, a few rows at a time.
func (w *world) fill(ctx context.Context, rows []client, columns []cell, o options) *matrix {
	m := &matrix{rows: rows, columns: columns, versions: map[string]string{}, verdicts: map[string]map[string]verdict{}}
	var mu sync.Mutex
	var work sync.WaitGroup
	places := make(chan struct{}, max(o.parallel, 1))
	for _, c := range rows {
		work.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			version, verdicts := w.row(ctx, c, columns, o.verbose)
			mu.Lock()
			defer mu.Unlock()
			m.versions[c.name], m.verdicts[c.name] = version, verdicts
		})
	}
	work.Wait()
	return m
}

// row tries every cell of one client.
func (w *world) row(ctx context.Context, c client, columns []cell, verbose bool) (version string, out map[string]verdict) {
	out = map[string]verdict{}
	s, err := w.seat(ctx, c)
	if err == nil {
		defer s.close()
	}
	if err == nil {
		version, err = s.itsVersion(ctx)
	}
	for _, col := range c.columns(columns) {
		if err != nil {
			out[col.name] = verdict{"RED", tail(err.Error())}
			continue
		}
		begun := time.Now()
		out[col.name] = judge(c, col, col.check(ctx, s))
		if verbose {
			fmt.Fprintf(os.Stderr, "%-14s %-12s %-8s %6.1f s  %s\n", c.name, col.name, out[col.name].kind, time.Since(begun).Seconds(), out[col.name].note)
		}
	}
	return version, out
}

// judge turns what a check returned into a verdict. A refusal is one only where the row says that there is one, and then
// anything else is red.
func judge(c client, col cell, err error) verdict {
	var none *naError
	var refused *refusalError
	want, expected := c.refused[col.name]
	switch {
	case errors.As(err, &none):
		return verdict{"none", none.why}
	case expected && errors.As(err, &refused) && want.says.MatchString(refused.output):
		return verdict{"refused", fmt.Sprintf("“%s”: %s", want.says.FindString(refused.output), want.why)}
	case expected:
		return verdict{"RED", fmt.Sprintf("should be refused with %q: %v", want.says, err)}
	case err != nil:
		return verdict{"RED", err.Error()}
	}
	return verdict{kind: "ok"}
}

// failures names the red cells.
func (m *matrix) failures() error {
	var errs []error
	for _, c := range m.rows {
		for _, col := range c.columns(m.columns) {
			if v := m.verdicts[c.name][col.name]; v.kind == "RED" {
				errs = append(errs, fmt.Errorf("%s, %s: %s", c.name, col.name, v.note))
			}
		}
	}
	return errors.Join(errs...)
}

// text is the matrix as the documentation has it: two tables with cells down and clients across, and numbered notes below.
func (m *matrix) text() string {
	var sb strings.Builder
	var notes []string
	for _, tool := range []bool{false, true} {
		rows := slices.DeleteFunc(slices.Clone(m.rows), func(c client) bool { return c.tool != tool })
		if len(rows) > 0 {
			notes = m.table(&sb, rows, notes)
		}
	}
	for i, n := range notes {
		fmt.Fprintf(&sb, "%d. %s\n", i+1, n)
	}
	return sb.String()
}

// table writes the rows of one kind, and returns the notes with its own added.
func (m *matrix) table(sb *strings.Builder, rows []client, notes []string) []string {
	sb.WriteString("| |")
	for _, c := range rows {
		fmt.Fprintf(sb, " %s %s |", c.title, m.versions[c.name])
	}
	sb.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	for _, col := range rows[0].columns(m.columns) {
		fmt.Fprintf(sb, "| %s |", col.title)
		for _, c := range rows {
			v := m.verdicts[c.name][col.name]
			switch v.kind {
			case "none":
				v.kind = "–"
			case "refused":
			default:
				v.note = ""
			}
			if v.note != "" {
				i := slices.Index(notes, v.note)
				if i < 0 {
					i, notes = len(notes), append(notes, v.note)
				}
				v.kind += fmt.Sprintf(" (%d)", i+1)
			}
			fmt.Fprintf(sb, " %s |", v.kind)
		}
		sb.WriteString("\n")
	}
	sb.WriteString("\n")
	return notes
}

// page is where the matrix is kept, and between which lines.
const (
	page  = "docs/clients.md"
	begin = "<!-- what follows is written by make e2e ARGS=-update -->\n"
	end   = "<!-- end of what is written -->\n"
)

// settle writes the page, or wants it to say what was found. Only a whole matrix is the page's.
func (m *matrix) settle(o options) error {
	if len(m.rows) != len(clients)+len(tools) || len(m.columns) != len(cells)+len(onlyTools()) || m.failures() != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.FromSlash(page))
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	head, rest, found := bytes.Cut(text, []byte(begin))
	_, foot, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return fmt.Errorf("%s has no place for the matrix", page)
	}
	want := slices.Concat(head, []byte(begin), []byte(m.text()), []byte(end), foot)
	switch {
	case bytes.Equal(text, want):
		return nil
	case o.update:
		return os.WriteFile(filepath.FromSlash(page), want, 0o644)
	}
	return fmt.Errorf("%s says something else; if this is right: make e2e ARGS=-update", page)
}
