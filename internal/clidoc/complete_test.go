package clidoc

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type far struct {
	JSON bool `help:"For programs."`
	List struct {
		State string `enum:"live,ended" default:"live" help:"Of this state. More."`
		Limit int    `short:"n" help:"How many."`
	} `cmd:"" help:"List."`
	Show struct {
		ID []string `arg:"" enum:"a,b" help:"Which."`
	} `cmd:"" help:"Show; one."`
}

type near struct {
	Far struct {
		Args []string `arg:"" optional:""`
	} `cmd:"" passthrough:"" help:"Elsewhere."`
	Open struct {
		File string `arg:"" type:"existingfile"`
		Dir  string `arg:"" type:"existingdir"`
		Mode string `enum:"r,rw" default:"r"`
		Raw  bool
		Any  string `complete:"files"`
	} `cmd:"" help:"Open a file."`
	Hidden struct{} `cmd:"" hidden:""`
}

func model(t *testing.T) *kong.Node {
	t.Helper()
	here, err := kong.New(&near{})
	if err != nil {
		t.Fatal(err)
	}
	there, err := kong.New(&struct {
		Far far `cmd:"" help:"There."`
	}{})
	if err != nil {
		t.Fatal(err)
	}
	Graft(here.Model.Node, there.Model.Node)
	return here.Model.Node
}

// TestComplete: what may stand in the place of a line's last word.
func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"": "words far open", "o": "words open", "x": "words", "open ": "files", "open f ": "folders", "open f d ": "words",
		"open -": "words --dir… --mode --raw --any --help", "open --mode ": "words r rw", "open --mode r": "words r rw", "open --mode=": "words --mode=r --mode=rw",
		"open --mode = r": "words --mode=r --mode=rw", "open --raw ": "files", "open --any ": "files", "open --any=": "files", "open --nope=": "words", "open -- --": "files",
		"far ": "words list show", "far list --": "words --state --limit --json --help", "far list -n ": "words", "far list -n 4 --state e": "words ended",
		"far show ": "words a b", "far show a ": "words a b", "far show a b b": "words b", "far --json l": "words list", "open far ": "folders",
	} {
		words := strings.Split(line, " ")
		got := Complete(model(t), words)
		text := string(got.Kind)
		for _, c := range got.Words {
			text += " " + c.Word
		}
		if want = strings.Replace(want, " --dir…", "", 1); text != want {
			t.Errorf("%q: %q, want %q", line, text, want)
		}
	}
	if got := Complete(model(t), nil).String(); got != "words\nfar\tThere\nopen\tOpen a file\n" {
		t.Errorf("%q", got)
	}
}
