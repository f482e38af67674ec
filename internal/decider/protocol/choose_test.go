package protocol

import (
	"errors"
	"fmt"
	"testing"
)

// TestChooseTarget: a word means one target, by name, alias or labels, or none at all; what describes several says which.
func TestChooseTarget(t *testing.T) {
	targets := []Target{
		{Name: "db-1", Aliases: []string{"db", "main"}, Labels: map[string]string{"env": "prod", "role": "db"}},
		{Name: "db-2", Labels: map[string]string{"env": "test", "role": "db"}},
		{Name: "web-1", Aliases: []string{"web"}, Labels: map[string]string{"env": "prod", "role": "web"}},
		{Name: "main2"},
	}
	for _, c := range []struct{ word, name, fails string }{
		{"db-1", "db-1", ""}, {"db", "db-1", ""}, {"main", "db-1", ""}, {"web", "web-1", ""}, {"main2", "main2", ""},
		{"env=test", "db-2", ""}, {"env=prod,role=db", "db-1", ""}, {"role=db,env=prod", "db-1", ""},
		{"", "", "there is no such target"}, {"DB", "", "there is no such target"}, {"db-3", "", "there is no such target"},
		{"env=none", "", "there is no such target"}, {"other=prod", "", "there is no such target"}, {"role=d*", "", "there is no such target"},
		{"role=db", "", `"role=db" describes 2 targets: db-1, db-2; name one of them, or add a label`},
		{"env=", "", ""}, {"=prod", "", ""}, {"env=prod,", "", ""}, {"env=prod,env=prod", "", ""}, {"env=prod,,role=db", "", ""}, {"a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1", "", ""},
	} {
		got, err := ChooseTarget(targets, c.word)
		if got.Name != c.name || (err == nil) != (c.name != "") || c.fails != "" && err.Error() != c.fails {
			t.Errorf("%q: %q, %v", c.word, got.Name, err)
		}
	}
	many := make([]Target, 20)
	for i := range many {
		many[i] = Target{Name: fmt.Sprintf("t-%02d", i), Labels: map[string]string{"a": "b"}}
	}
	var several *AmbiguousError
	if _, err := ChooseTarget(many, "a=b"); !errors.As(err, &several) || len(several.Candidates) != maxCandidates || several.More != 12 {
		t.Errorf("of many: %v", err)
	}
	if _, err := ChooseTarget(nil, "a=b"); !errors.Is(err, ErrNoTarget) {
		t.Errorf("of none: %v", err)
	}
}
