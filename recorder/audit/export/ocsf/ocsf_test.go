package ocsf

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder/audit"
)

// typesInSource reads the types of entries out of the package's source, so that a new one cannot be forgotten here.
func typesInSource(t *testing.T) []audit.Type {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../entry.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var types []audit.Type
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		for _, spec := range gen.Specs {
			v := spec.(*ast.ValueSpec)
			if name, ok := v.Type.(*ast.Ident); !ok || name.Name != "Type" {
				continue
			}
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, audit.Type(text))
		}
	}
	if len(types) < 30 {
		t.Fatalf("found %d types: the source has another shape now", len(types))
	}
	return types
}

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shapes are entries of a type: with nothing in it, with everything, and with data that is not what it should be.
func shapes(kind audit.Type) []audit.Entry {
	bare := audit.Entry{V: 1, Seq: 7, Time: at, Node: "door-1", Type: kind}
	full := bare
	full.Actor, full.Owner, full.Task, full.Via, full.Conn, full.Session = "agent:bot", "person:ann", "T-1", "person:ann>planner", "con_1", "ses_1"
	full.Target, full.Login, full.Object, full.Outcome, full.Rule, full.Policy, full.Serial, full.Reason = "web-1", "deploy", "person:ann", "allow", "web/allow[0]", "sha256:00", "12345", "because"
	full.Data = json.RawMessage(`{"source":"192.0.2.1","verb":"sessions.list","exit":3,"lifted":"2026","plan":{"op":"|","parts":[{"op":"run","argv":["cat","/etc/hosts"]},{"op":"run","argv":["wc","-l"]}]}}`)
	all := []audit.Entry{bare, full}
	for _, outcome := range []string{"deny", "ask", "sign-out", "lost", "what\x00ever"} {
		e := full
		e.Outcome = outcome
		all = append(all, e)
	}
	for _, data := range []string{`[]`, `"x"`, `{"source":7,"exit":"x","plan":[],"final":{"parts":7}}`, `{"plan":` + strings.Repeat(`{"op":";","parts":[`, 900) + `{"op":"run","argv":["x"]}` + strings.Repeat(`]}`, 900) + `}`} {
		e := full
		e.Data, e.Actor = json.RawMessage(data), "\u202e\xff\"}"
		all = append(all, e)
	}
	return all
}

// TestEveryTypeValidates: each type of entry that there is has a class, and whatever is in one, the event fits the class.
func TestEveryTypeValidates(t *testing.T) {
	for _, kind := range typesInSource(t) {
		if _, ok := mappings[kind]; !ok {
			t.Errorf("entries of type %q have no class: add them to mappings in classes.go", kind)
			continue
		}
		for _, e := range shapes(kind) {
			text, err := Append(nil, e, audit.Record{Line: []byte("x")}.Leaf())
			if err != nil {
				t.Errorf("%s: %v", kind, err)
				continue
			}
			for _, fault := range validate(text) {
				t.Errorf("%s, outcome %q: %s\n%.900s", kind, e.Outcome, fault, text)
			}
		}
	}
}

// TestUnknownType: an entry of a type that this program does not know becomes a base event.
func TestUnknownType(t *testing.T) {
	text, err := Append(nil, shapes("later.kind")[1], audit.Record{}.Leaf())
	if err != nil {
		t.Fatal(err)
	}
	if faults := validate(text); len(faults) > 0 || !strings.Contains(string(text), `"activity_name":"later.kind"`) {
		t.Errorf("%v\n%s", faults, text)
	}
}

// TestValidatorSees: the judge is no friend of ours.
func TestValidatorSees(t *testing.T) {
	good, err := Append(nil, shapes(audit.Decision)[1], audit.Record{}.Leaf())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a required attribute is missing":           {`"device":{"hostname":"web-1","type_id":1,"type":"Server"},`, ``},
		"an attribute that the class does not have": {`"device":`, `"gadget":1,"device":`},
		"a word for a number":                       {`"severity_id":1`, `"severity_id":"1"`},
		"a number that is none of the class's":      {`"activity_id":1`, `"activity_id":42`},
		"another class":                             {`"class_uid":1007`, `"class_uid":3002`},
		"a type that is not class and activity":     {`"type_uid":100701`, `"type_uid":100702`},
		"a process without a name":                  {`"uid":"ses_1","name":"cat"`, `"name":"cat"`},
	} {
		bad := strings.Replace(string(good), change[0], change[1], 1)
		if bad == string(good) || len(validate([]byte(bad))) == 0 {
			t.Errorf("%s: not seen in %s", name, bad)
		}
	}
	if faults := validate(good); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestDecision is one event, in full.
func TestDecision(t *testing.T) {
	leaf := audit.Record{Line: []byte("x")}.Leaf()
	got, err := Append(nil, shapes(audit.Decision)[2], leaf)
	want := `{"activity_id":1,"activity_name":"Launch","category_uid":1,"class_uid":1007,"class_name":"Process Activity","type_uid":100701,"time":1795348800000,"severity_id":3,"severity":"Medium",` +
		`"status_id":2,"status":"Failure","status_detail":"because","message":"decision deny by agent:bot on web-1: because",` +
		`"metadata":{"version":"1.2.0","product":{"name":"Gatehouse","vendor_name":"Gatehouse"},"uid":"door-1/7","sequence":7,"event_code":"decision","log_name":"audit","log_provider":"gatehouse","logged_time":1795348800000,"correlation_uid":"ses_1"},` +
		`"observables":[{"name":"unmapped.leaf","type_id":99,"type":"RFC 6962 leaf hash","value":"` + leaf.String() + `"}],` +
		`"unmapped":{"leaf":"` + leaf.String() + `","node":"door-1","owner":"person:ann","task":"T-1","via":"person:ann\u003eplanner","conn":"con_1","session":"ses_1","target":"web-1","login":"deploy","object":"person:ann","outcome":"deny","rule":"web/allow[0]","policy":"sha256:00","serial":"12345",` +
		`"data":` + string(shapes(audit.Decision)[2].Data) + `},` +
		`"actor":{"user":{"name":"agent:bot","type_id":99,"type":"Agent"},"session":{"uid":"con_1","issuer":"gatehouse"}},"device":{"hostname":"web-1","type_id":1,"type":"Server"},` +
		`"process":{"uid":"ses_1","name":"cat","cmd_line":"cat /etc/hosts | wc -l","user":{"name":"deploy","type_id":0,"type":"Unknown"}},"exit_code":3}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\n%s", err, got, want)
	}
}

// TestClasses: the list for people is complete and in order.
func TestClasses(t *testing.T) {
	list := Classes()
	if len(list) != len(mappings) || !slices.IsSortedFunc(list, func(a, b Class) int { return strings.Compare(string(a.Type), string(b.Type)) }) {
		t.Errorf("%v", list)
	}
}

// TestDocumented: docs/export.md has the table of this program.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/export.md")
	if err != nil || !strings.Contains(string(text), Table()) || !strings.Contains(string(text), "Version "+Version) {
		t.Errorf("docs/export.md does not have this table (%v):\n%s", err, Table())
	}
}
