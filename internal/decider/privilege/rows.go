package privilege

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// rowsOf are the rows of a change.
func rowsOf(c access.Change) ([]registry.AccessRow, error) {
	var rows []registry.AccessRow
	add := func(id string, kind registry.AccessKind, holder, alike string, ended time.Time, v any) error {
		body, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode %s: %w", id, err)
		}
		rows = append(rows, registry.AccessRow{ID: id, Kind: kind, Holder: holder, Alike: alike, Ended: ended, Body: body})
		return nil
	}
	for _, r := range c.Requests {
		if err := add(r.ID, registry.AccessRequest, r.By.Principal, alike(r), r.Ended, r); err != nil {
			return nil, err
		}
	}
	for _, g := range c.Grants {
		if err := add(g.ID, registry.AccessGrant, g.By.Principal, "", ended(g), g); err != nil {
			return nil, err
		}
	}
	for _, a := range c.Aways {
		if err := add(a.ID, registry.AccessAway, "person:"+a.Who, "", time.Time{}, a); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// ended is when a grant was over: one by break-glass is not, before it was reviewed.
func ended(g access.Grant) time.Time {
	if g.Open() {
		return time.Time{}
	}
	return g.Ended
}

// alike is the same for requests that are like each other: a command by its programs and their first words, on whatever target; a
// pattern or a role by its name.
func alike(r access.Request) string {
	parts := []string{string(r.Scope.Kind), string(r.Scope.Login), r.Scope.Role, r.Scope.Pattern}
	if c := r.Scope.Command; c != nil {
		parts = append(parts, programs(c.Plan)...)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// programs are the first two words of each command of a plan, sorted; a shell's line is one word.
func programs(p policy.Plan) []string {
	var list []string
	for _, part := range p.Parts {
		list = append(list, programs(part)...)
	}
	switch {
	case len(p.Argv) > 0:
		list = append(list, strings.Join(p.Argv[:min(2, len(p.Argv))], " "))
	case p.Text != "":
		list = append(list, p.Text)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func read[T any](row registry.AccessRow) (T, error) {
	var v T
	if err := json.Unmarshal(row.Body, &v); err != nil {
		return v, fmt.Errorf("read %s %s: %w", row.Kind, row.ID, err)
	}
	return v, nil
}

func readAll[T any](rows []registry.AccessRow) ([]T, error) {
	var list []T
	for _, row := range rows {
		v, err := read[T](row)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}
