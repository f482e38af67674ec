package ocsf

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/recorder/audit"
)

// class is one of the schema's.
type class struct {
	uid, category int
	name          string
}

// The classes in use.
var (
	base           = &class{0, 0, "Base Event"}
	processes      = &class{1007, 1, "Process Activity"}
	finding        = &class{2004, 2, "Detection Finding"}
	account        = &class{3001, 3, "Account Change"}
	authentication = &class{3002, 3, "Authentication"}
	authorize      = &class{3003, 3, "Authorize Session"}
	entities       = &class{3004, 3, "Entity Management"}
	ssh            = &class{4007, 4, "SSH Activity"}
	lifecycle      = &class{6002, 6, "Application Lifecycle"}
	apis           = &class{6003, 6, "API Activity"}
)

// other is the schema's value for what it has no word for.
const other = 99

// mapping is what a type of entry becomes. name is the activity's caption.
type mapping struct {
	class    *class
	activity int
	name     string
	fill     func(v *event, e audit.Entry, d details)
}

// mappings are by type of entry. A test reads the types from the source and fails where one is missing here.
var mappings = map[audit.Type]mapping{
	audit.ConnOpen:      {ssh, 1, "Open", fillSSH},
	audit.ConnRefused:   {ssh, 5, "Refuse", fillSSH},
	audit.ConnClose:     {ssh, 2, "Close", fillSSH},
	audit.Decision:      {processes, 1, "Launch", fillProcess},
	audit.SessionEnd:    {processes, 2, "Terminate", fillProcess},
	audit.Kill:          {processes, 2, "Terminate", fillProcess},
	audit.Sweep:         {processes, 2, "Terminate", fillProcess},
	audit.Forward:       {ssh, other, "Forward", fillForward},
	audit.CertIssue:     {authorize, 1, "Assign Privileges", fillCertificate},
	audit.RecChunk:      {entities, 3, "Update", of("recording", func(e audit.Entry) string { return e.Session })},
	audit.RecClose:      {entities, 3, "Update", of("recording", func(e audit.Entry) string { return e.Session })},
	audit.RecDelete:     {entities, 4, "Delete", of("recording", func(e audit.Entry) string { return e.Session })},
	audit.RecShred:      {entities, 4, "Delete", of("recording key", func(e audit.Entry) string { return e.Session })},
	audit.PolicyLoad:    {entities, 3, "Update", of("policy", func(e audit.Entry) string { return e.Policy })},
	audit.PolicyReject:  {entities, 3, "Update", of("policy", func(e audit.Entry) string { return e.Policy })},
	audit.PolicyShadow:  {finding, 1, "Create", fillFinding("A shadow policy decided otherwise")},
	audit.Read:          {apis, 2, "Read", fillAPI},
	audit.SignIn:        {authentication, 1, "Logon", fillSignIn},
	audit.Issue:         {authentication, 3, "Authentication Ticket", fillSignIn},
	audit.Enrol:         {account, other, "Credential Change", fillAccount},
	audit.Revoke:        {account, 5, "Disable", fillAccount},
	audit.Rotate:        {entities, 3, "Update", of("certificate authority", func(e audit.Entry) string { return e.Object })},
	audit.TargetEnrol:   {entities, 1, "Create", of("target", func(e audit.Entry) string { return e.Target })},
	audit.TargetCheck:   {entities, 2, "Read", of("target", func(e audit.Entry) string { return e.Target })},
	audit.TargetLook:    {entities, 2, "Read", of("target", func(e audit.Entry) string { return e.Target })},
	audit.AccessRequest: {authorize, other, "Request Privileges", fillAccess},
	audit.AccessVote:    {authorize, other, "Answer Request", fillAccess},
	audit.AccessGrant:   {authorize, 1, "Assign Privileges", fillAccess},
	audit.AccessAway:    {account, other, "Delegate", fillAccount},
	audit.AccessReview:  {authorize, other, "Review Privileges", fillAccess},
	audit.Residue:       {finding, 1, "Create", fillFinding("What a session left on its target")},
	audit.AccessLock:    {account, 5, "Disable", fillAccount},
	audit.AccessPreview: {entities, 2, "Read", of("target", func(e audit.Entry) string { return e.Target })},
	audit.Budget:        {finding, 1, "Create", fillFinding("A budget is used up, or was given anew")},
	audit.Alert:         {entities, other, "Notify", of("alert channel", func(e audit.Entry) string { return e.Object })},
	audit.Export:        {entities, 3, "Update", of("export", func(e audit.Entry) string { return e.Object })},
	audit.File:          {entities, other, "File Operation", of("file", filePath)},
	audit.SignerFault:   {finding, 1, "Create", fillFinding("A CA's key cannot sign, or can again")},
	audit.ServeStart:    {lifecycle, 3, "Start", fillApp},
	audit.ServeStop:     {lifecycle, 4, "Stop", fillApp},
	audit.LocalStart:    {lifecycle, 3, "Start", fillApp},
	audit.LogStart:      {lifecycle, 1, "Install", fillApp},
	audit.Witnessed:     {finding, 1, "Create", fillFinding("A witness contradicts the audit log, or does no more")},
	audit.KeysUsed:      {lifecycle, other, "Load keys", fillApp},
	audit.LogRecovered:  {lifecycle, other, "Recover", fillApp},
	audit.Heartbeat:     {lifecycle, other, "Heartbeat", fillApp},
	audit.ClockStep:     {lifecycle, other, "Clock Step", fillApp},
}

// Class says what a type of entry becomes, for people.
type Class struct {
	Type     audit.Type
	UID      int
	Name     string
	Activity string
}

// Classes lists every mapping, by type.
func Classes() []Class {
	var list []Class
	for _, t := range slices.Sorted(maps.Keys(mappings)) {
		m := mappings[t]
		list = append(list, Class{t, m.class.uid, m.class.name, m.name})
	}
	return list
}

// filePath is the file that an entry is about; one whose name is not UTF-8 is in its data.
func filePath(e audit.Entry) string {
	var d struct {
		Path string `json:"path"`
	}
	_ = json.Unmarshal(e.Data, &d) // without one the name is empty
	return d.Path
}

// fillSSH is for connections: the door is the server.
func fillSSH(v *event, e audit.Entry, d details) {
	v.DstEndpoint = &endpoint{Hostname: e.Node}
	v.SrcEndpoint = source(d)
	v.Actor = actorOf(e)
}

// fillForward is for forwards: where one leads is the server.
func fillForward(v *event, e audit.Entry, d details) {
	v.DstEndpoint = &endpoint{Hostname: first(d.Host, e.Target, e.Node), Name: d.Socket}
	v.SrcEndpoint = source(d)
	v.Actor = actorOf(e)
}

// fillProcess is for commands on a target: the session is the process.
func fillProcess(v *event, e audit.Entry, d details) {
	v.Actor = actorOf(e)
	v.Device = &device{Hostname: first(e.Target, e.Node), TypeID: 1, Type: "Server"}
	v.Process = &process{UID: first(e.Session, e.Object, v.Metadata.UID), CmdLine: commandOf(d)}
	v.Process.Name, _, _ = strings.Cut(v.Process.CmdLine, " ")
	if e.Login != "" {
		v.Process.User = userOf(e.Login)
	}
	v.ExitCode = d.Exit
}

// fillCertificate is for certificates: what opens a target is a session's privilege.
func fillCertificate(v *event, e audit.Entry, _ details) {
	v.User = userOf(first(e.Login, e.Actor, e.Object, "unknown"))
	v.Privileges = []string{"ssh " + strings.Trim(e.Login+"@"+e.Target, "@")}
	v.DstEndpoint = &endpoint{Hostname: first(e.Target, e.Node)}
	v.Actor = actorOf(e)
	if e.Session != "" {
		v.Session = &session{UID: e.Session, Issuer: "gatehouse"}
	}
}

// fillAccess is for what people ask for, approve, hold and review.
func fillAccess(v *event, e audit.Entry, _ details) {
	if e.Type == audit.AccessGrant && e.Outcome != "made" {
		v.ActivityID, v.ActivityName = other, "Use Privileges"
		if e.Outcome == "ended" {
			v.ActivityID, v.ActivityName = 2, "Revoke Privileges"
		}
	}
	v.User = userOf(first(e.Actor, "unknown"))
	v.Privileges = []string{first(e.Object, "unknown")}
	v.DstEndpoint = &endpoint{Hostname: first(e.Target, e.Node)}
	v.Actor = actorOf(e)
}

// of is for changes of things that are named by id.
func of(kind string, id func(audit.Entry) string) func(*event, audit.Entry, details) {
	return func(v *event, e audit.Entry, _ details) {
		v.Entity = &entity{UID: first(id(e), "unknown"), Type: kind}
		v.Actor = actorOf(e)
		v.Comment = e.Reason
	}
}

// fillSignIn is for people who sign in and for certificates that open the door.
func fillSignIn(v *event, e audit.Entry, d details) {
	if e.Outcome == "sign-out" {
		v.ActivityID, v.ActivityName = 2, "Logoff"
	}
	v.User = userOf(first(e.Object, e.Actor, "unknown"))
	v.Actor = actorOf(e)
	v.Service = &service{Name: "gatehouse"}
	v.SrcEndpoint = source(d)
	v.IsRemote = true
}

// fillAccount is for what identities are known by.
func fillAccount(v *event, e audit.Entry, d details) {
	if e.Type == audit.Revoke && d.Lifted != nil {
		v.ActivityID, v.ActivityName = 2, "Enable"
	}
	v.User = userOf(first(e.Object, "unknown"))
	v.Actor = actorOf(e)
}

// fillAPI is for what was looked at.
func fillAPI(v *event, e audit.Entry, d details) {
	v.Actor = actorOf(e)
	v.API = &api{Operation: first(d.Verb, "read"), Service: &service{Name: "gatehouse"}}
	if v.SrcEndpoint = source(d); v.SrcEndpoint == nil {
		v.SrcEndpoint = &endpoint{Name: first(e.Conn, e.Node, "gatehouse")}
	}
}

// fillApp is for Gatehouse itself.
func fillApp(v *event, e audit.Entry, _ details) {
	v.App = &product{Name: "Gatehouse", VendorName: "Gatehouse"}
}

func fillFinding(title string) func(*event, audit.Entry, details) {
	return func(v *event, e audit.Entry, _ details) {
		v.FindingInfo = &info{Title: title, UID: v.Metadata.UID, Desc: e.Reason}
	}
}

// actorOf is who did it; Gatehouse where the entry names nobody.
func actorOf(e audit.Entry) *actor {
	a := &actor{User: userOf(first(e.Actor, "gatehouse"))}
	if e.Conn != "" {
		a.Session = &session{UID: e.Conn, Issuer: "gatehouse"}
	}
	return a
}

// userOf says what kind of name it is.
func userOf(name string) *user {
	kind, _, _ := strings.Cut(name, ":")
	switch kind {
	case "person":
		return &user{name, 1, "User"}
	case "local":
		return &user{name, 2, "Admin"}
	case "agent":
		return &user{name, other, "Agent"}
	case "gatehouse", "door":
		return &user{name, 3, "System"}
	}
	return &user{name, 0, "Unknown"}
}

// source is where a client is; nil where the entry does not say.
func source(d details) *endpoint {
	if d.Source == "" {
		return nil
	}
	return &endpoint{IP: d.Source}
}

// Table is the list of classes in Markdown, as docs/export.md has it.
func Table() string {
	var b strings.Builder
	b.WriteString("| entry | class | activity |\n|---|---|---|\n")
	for _, c := range Classes() {
		fmt.Fprintf(&b, "| `%s` | %s (%d) | %s |\n", c.Type, c.Name, c.UID, c.Activity)
	}
	return b.String()
}
