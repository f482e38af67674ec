package decider

import (
	"context"
	"encoding/base64"
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// The bounds of one question about a file.
const (
	maxFilePath  = 4096
	maxFileNames = 512
	maxOpenFiles = 512 // of one session
)

// fileRuling is one question about a file on its way to its answer.
type fileRuling struct {
	in      protocol.File
	session session // a copy of what is kept
	pol     *policy.Policy
	req     policy.Request
	dec     policy.Decision
	out     protocol.FileAnswer
	over    *access.Over // of the identity's budget, why it is denied
}

// file decides one thing about one file.
func (d *Decider) file(ctx context.Context, in protocol.File) (protocol.FileAnswer, error) {
	if err := checkFile(in); err != nil {
		return protocol.FileAnswer{}, err
	}
	r, err := d.ruleFile(in)
	if err != nil {
		return protocol.FileAnswer{}, err
	}
	for again := 0; r.out.Allowed; again++ {
		out, err := d.allowFile(ctx, r)
		if err != nil {
			d.dropFile(in.Session, r.out.ID)
		}
		if !errors.Is(err, errPolicyChanged) && !errors.Is(err, errSpent) || again == maxAgain {
			return out, err
		}
		if r, err = d.ruleFile(in); err != nil { // the same question, of the policy that is in force now and the grants that are left
			return protocol.FileAnswer{}, err
		}
	}
	if in.Quiet {
		return r.out, nil
	}
	return d.denyFile(ctx, r)
}

// errPolicyChanged says that another policy came into force while a file was decided: what was decided is in the log and does not
// happen. maxAgain is how often the question is put to a new one.
var errPolicyChanged = refuse("the policy changed while this was decided; ask again")

const maxAgain = 3

// checkFile refuses what no door asks.
func checkFile(in protocol.File) error {
	switch in.Op {
	case policy.OpRead, policy.OpWrite, policy.OpStat, policy.OpList, policy.OpMkdir, policy.OpRmdir, policy.OpRemove, policy.OpRename, policy.OpAttributes, policy.OpReadlink:
	default:
		return invalid("%q is nothing that is done with a file", in.Op)
	}
	switch {
	case !id.Valid(id.Session, in.Session):
		return invalid("%q is not a session id", in.Session)
	case len(in.Path)+len(in.To) > 2*maxFilePath || len(in.Asked)+len(in.AskedTo) > 4*maxFilePath || len(in.Why) > 4*maxFilePath || len(in.Names) > maxFileNames:
		return invalid("a question about a file with names that are too long, or too many")
	case in.Home != "" && (!clean([]byte(in.Home)) || len(in.Home) > maxFilePath):
		return invalid("%q is no home", in.Home)
	case in.Quiet && in.Op != policy.OpStat, len(in.Names) > 0 && in.Op != policy.OpList:
		return invalid("%s is neither quiet nor about names", in.Op)
	case in.Why == "" && !clean(in.Path), in.Why == "" && in.Op == policy.OpRename && !clean(in.To):
		return invalid("%q is not a resolved path", in.Path)
	}
	return nil
}

// clean reports whether a name is absolute and plain.
func clean(name []byte) bool {
	s := string(name)
	return path.IsAbs(s) && path.Clean(s) == s && !strings.Contains(s, "\x00")
}

// ruleFile asks the policy that is in force now, as who the session's identity is now.
func (d *Decider) ruleFile(in protocol.File) (*fileRuling, error) {
	s, req, pol, err := d.transferring(in.Session)
	if err != nil {
		return nil, err
	}
	r := &fileRuling{in: in, session: s, pol: pol, req: req}
	r.req.Facts.Home = in.Home
	r.req.Granted = withGranted(r.req.Granted, d.granted(r.req.Identity, r.req.Target, r.req.Login))
	ask := policy.FileAsk{By: s.by, Op: in.Op, Path: string(in.Path), To: string(in.To), Kind: in.Kind, Size: in.Size}
	r.dec = r.decide(ask)
	q := s.question(in.Session)
	q.Rules = slices.Concat(q.Rules, r.dec.Rules)
	locked := d.lockedOut(pol, q, &r.dec)
	r.out.PolicyHash = r.dec.PolicyHash
	if r.dec.Verdict != policy.Allow {
		r.denied()
	}
	if counted(in.Op) && !locked {
		d.countDenial(r)
	}
	if r.dec.Verdict == policy.Allow {
		r.allowed()
	}
	return r, nil
}

// transferring is the live transfer session of that id, what it would ask now, and of which policy.
func (d *Decider) transferring(name string) (session, policy.Request, *policy.Policy, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.carrier(name)
	if s == nil {
		return session{}, policy.Request{}, nil, refuse("no such transfer")
	}
	if c, ok := d.conns[s.conn]; !ok || c.ended != "" {
		return session{}, policy.Request{}, nil, refuse("the connection has ended")
	}
	req := s.request
	var known bool
	req.Identity, known = d.policy.Identity(req.Identity.Kind, req.Identity.Name, req.Identity.Task)
	if !known {
		return session{}, policy.Request{}, nil, refuse("%s is not known any more", s.request.Identity.Principal())
	}
	req.Identity.Delegation = s.request.Identity.Delegation
	if t, known := d.inventory.Targets[req.Target]; known {
		req.Labels = t.Labels
	}
	if why := d.sessions[name].ended; why != "" {
		return session{}, policy.Request{}, nil, refuse("%s", why)
	}
	req.Now = d.cfg.Now()
	req.Granted = grantedOf(s.grants)
	copied := *s
	copied.open = nil // guarded by mu
	return copied, req, d.policy, nil
}

// decide is what policy says, and the door has found nothing that stands against it.
func (r *fileRuling) decide(ask policy.FileAsk) policy.Decision {
	dec := r.pol.DecideFile(r.req, ask)
	switch {
	case dec.Verdict == policy.Look: // only the home can be missing
		dec.Verdict, dec.Code, dec.Reason = policy.Deny, policy.CodeFileNotAllowed, "the login has no home on the target, which the policy's paths begin with"
	case dec.Verdict == policy.Allow && r.in.Why != "":
		dec.Verdict, dec.Code, dec.Reason = policy.Deny, policy.CodeFileNotAllowed, r.in.Why
	}
	return dec
}

// allowed fills the answer of what is allowed.
func (r *fileRuling) allowed() {
	r.out.Allowed = true
	r.out.MaxFile, r.out.Hold = r.dec.Obligations.MaxFile, r.dec.Hold
	for _, name := range r.in.Names {
		ask := policy.FileAsk{By: r.session.by, Op: policy.OpStat, Path: path.Join(string(r.in.Path), string(name)), Kind: policy.PathOther}
		r.out.Shown = append(r.out.Shown, r.pol.DecideFile(r.req, ask).Verdict == policy.Allow)
	}
}

// denied fills the answer of what is not. The client's text comes from the name that it asked for, so that it says nothing of what is
// there or where it leads.
func (r *fileRuling) denied() {
	asked, to := string(r.in.Asked), string(r.in.AskedTo)
	by := r.pol.DecideFile(r.req, policy.FileAsk{By: r.session.by, Op: r.in.Op, Path: asked, To: to, Kind: policy.PathFile})
	switch {
	case by.Verdict == policy.Deny:
		r.out.Code, r.out.Reason, r.out.Nearest = by.Code, by.Reason, by.Nearest
	case r.in.Why == "" && asked == string(r.in.Path) && to == string(r.in.To):
		r.out.Code, r.out.Reason = r.dec.Code, r.dec.Reason
	case r.in.Why != "":
		r.out.Code, r.out.Reason = policy.CodeFileNotAllowed, answer.Visible(cut(asked, maxText)+": "+r.in.Why)
	default:
		r.out.Code, r.out.Reason = policy.CodeFileNotAllowed, answer.Visible(cut(asked, maxText))+" leads to where no role lets it go"
	}
	r.out.Reason = cut(r.out.Reason, maxText)
}

// counted reports whether a denial counts against a role's limit of them: clients look around by themselves.
func counted(op policy.FileOp) bool {
	return op != policy.OpStat && op != policy.OpList && op != policy.OpReadlink
}

// countDenial counts a denial as that of a command; what is allowed is denied once there were as many as a role lets be.
func (d *Decider) countDenial(r *fileRuling) {
	q := &ruling{who: r.req.Identity, out: protocol.Decided{Decision: r.dec}}
	q.out.Decision.Obligations = r.session.obligations
	d.limitDenials(q)
	r.out.DenialsLeft = q.out.DenialsLeft
	if q.out.Decision.Code == policy.CodeQuota {
		r.out.Code, r.out.Reason, r.out.Nearest = policy.CodeQuota, q.out.Decision.Reason, nil
		if r.dec.Verdict == policy.Allow {
			r.dec = q.out.Decision
		}
	}
	d.fileBudget(r)
}

// allowFile lets the answer go: what opens or changes something is in the log first.
func (d *Decider) allowFile(ctx context.Context, r *fileRuling) (protocol.FileAnswer, error) {
	if !counted(r.in.Op) {
		return r.out, nil
	}
	if over, err := d.countWrite(ctx, r); over || err != nil {
		if err != nil {
			return protocol.FileAnswer{}, err
		}
		return d.denyFile(ctx, r)
	}
	r.out.ID = id.New(id.Decision, d.cfg.Now())
	if r.in.Op == policy.OpRead || r.in.Op == policy.OpWrite {
		if err := d.openFile(r); err != nil {
			return protocol.FileAnswer{}, err
		}
	}
	if err := d.useForFile(ctx, r); err != nil {
		return protocol.FileAnswer{}, err
	}
	if _, _, pol, err := d.transferring(r.in.Session); err != nil { // ended meanwhile
		return protocol.FileAnswer{}, err
	} else if pol != r.pol {
		return protocol.FileAnswer{}, errPolicyChanged
	}
	return r.out, nil
}

// openFile is what a file that is open was asked for, and the limits that the door was told.
type openFile struct {
	policy.FileAsk
	maxFile int64
	hold    *policy.Hold
}

// openFile keeps what is open, so that a change of policy can ask again.
func (d *Decider) openFile(r *fileRuling) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.carrier(r.in.Session)
	if s == nil {
		return refuse("no such transfer")
	}
	if len(s.open) >= maxOpenFiles {
		return refuse("too many open files")
	}
	if s.open == nil {
		s.open = map[string]openFile{}
	}
	s.request.Facts.Home = r.in.Home
	s.open[r.out.ID] = openFile{policy.FileAsk{By: s.by, Op: r.in.Op, Path: string(r.in.Path), Kind: policy.PathFile, Size: r.in.Size}, r.out.MaxFile, r.out.Hold}
	return nil
}

// dropFile forgets what openFile kept of a decision that nothing comes of.
func (d *Decider) dropFile(session, decision string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.carrier(session); s != nil {
		delete(s.open, decision)
	}
}

// carries asks a transfer's question again, and that of each file that it has open, which must have the limits that it had. Called with
// mu held.
func (d *Decider) carries(s *session, req policy.Request) bool {
	dec := d.policy.DecideTransfer(req, s.by)
	if dec.Verdict != policy.Allow || dec.Obligations.DryRun || s.writes && !writes(dec) {
		return false
	}
	for _, f := range s.open {
		dec := d.policy.DecideFile(req, f.FileAsk)
		if dec.Verdict != policy.Allow || dec.Obligations.MaxFile != f.maxFile || !reflect.DeepEqual(dec.Hold, f.hold) {
			return false
		}
	}
	return true
}

// fileEnd notes what went by of a file.
func (d *Decider) fileEnd(ctx context.Context, in protocol.FileEnd) (protocol.Empty, error) {
	if !id.Valid(id.Session, in.Session) || !id.Valid(id.Decision, in.ID) {
		return protocol.Empty{}, invalid("%q is no session, or %q no decision", in.Session, in.ID)
	}
	if in.Direction != string(policy.OpRead) && in.Direction != string(policy.OpWrite) || len(in.Path) > maxFilePath {
		return protocol.Empty{}, invalid("a file's end without a direction, or with too long a name")
	}
	entry := audit.Entry{Type: audit.File, Session: in.Session, Object: in.ID, Outcome: cut(in.Result, maxID), Reason: cut(in.Why, maxText)}
	details := map[string]any{"event": "end", "op": in.Direction, "size": in.Size}
	if in.SHA256 != "" {
		details["sha256"] = cut(in.SHA256, maxID)
	}
	named(details, "path", in.Path)
	entry.Data = data(details)
	d.mu.Lock()
	if s := d.sessions[in.Session]; s != nil {
		if c := d.carrier(in.Session); c != nil {
			delete(c.open, in.ID)
		}
		entry.Actor, entry.Owner, entry.Task = s.request.Identity.Principal(), s.request.Identity.Owner, s.request.Identity.Task
		entry.Conn, entry.Target, entry.Login, entry.Trace = s.conn, s.request.Target, string(s.request.Login), s.trace
	}
	d.mu.Unlock()
	return protocol.Empty{}, d.append(ctx, entry)
}

// entry is what the log says of the decision.
func (r *fileRuling) entry() audit.Entry {
	s := r.session
	details := map[string]any{"event": "decision", "op": r.in.Op, "by": s.by, "kind": r.in.Kind, "size": r.in.Size}
	named(details, "path", r.in.Path)
	named(details, "to", r.in.To)
	if string(r.in.Asked) != string(r.in.Path) {
		named(details, "asked", r.in.Asked)
	}
	if r.out.Code != "" {
		details["code"] = r.out.Code
	}
	e := audit.Entry{Type: audit.File, Actor: s.request.Identity.Principal(), Owner: s.request.Identity.Owner, Task: s.request.Identity.Task, Conn: s.conn,
		Session: r.in.Session, Target: s.request.Target, Login: string(s.request.Login), Object: r.out.ID, Outcome: "allow", Policy: r.dec.PolicyHash,
		Trace: s.trace, Data: data(details)}
	if !r.out.Allowed {
		e.Outcome, e.Reason = "deny", cut(r.dec.Reason, maxText)
		if r.in.Why != "" {
			e.Reason = cut(r.in.Why, maxText)
		}
	}
	if len(r.dec.Rules) > 0 {
		e.Rule = r.dec.Rules[0]
	}
	return e
}

// named adds a name, in base64 where it is not UTF-8.
func named(details map[string]any, key string, name []byte) {
	switch {
	case len(name) == 0:
	case utf8.Valid(name):
		details[key] = string(name)
	default:
		details[key+"_b64"] = base64.StdEncoding.EncodeToString(name)
	}
}
