package protocol

import (
	"time"

	"gatehouse/policy"
	"gatehouse/recorder"
)

// Op names a request or an event.
type Op string

// What the door may ask of the decider.
const (
	OpHello        Op = "hello"        // HelloAnswer
	OpAuthenticate Op = "authenticate" // Authenticate → Authenticated
	OpFace         Op = "face"         // Face → FaceAnswer
	OpDecide       Op = "decide"       // Decide → Decided
	OpRefuse       Op = "refuse"       // Refuse: something was refused before policy was asked
	OpChunk        Op = "chunk"        // Chunk: a recording's chunk is on disk
	OpEnd          Op = "end"          // End: a session is over, its recording closed
	OpClose        Op = "close"        // Close: a connection is over
	OpAuthorize    Op = "authorize"    // Authorize → Actor
	OpSweep        Op = "sweep"        // Sweep → SweepAnswer
	OpMintLink     Op = "mint_link"    // MintLink → Link
	OpRedeem       Op = "redeem"       // Redeem → account.SignedIn
	OpSignOut      Op = "sign_out"     // SignOut
	OpMetrics      Op = "metrics"      // Empty → Metrics; administrators may ask it too

	OpStreamOpened Op = "stream_opened" // StreamOpened: what became of EventDial
	OpStreamData   Op = "stream_data"   // StreamData
	OpStreamEnd    Op = "stream_end"    // StreamEnd
	OpStreamSent   Op = "stream_sent"   // StreamSent
)

// What the decider tells the door unasked.
const (
	EventInventory Op = "inventory" // InventoryEvent: targets.yaml changed
	EventRevoke    Op = "revoke"    // RevokeEvent: a live session is no longer allowed
	EventDial      Op = "dial"      // DialEvent: lend a byte stream
	EventSend      Op = "send"      // SendEvent
	EventHangUp    Op = "hang_up"   // HangUpEvent
)

// What an administrator on the machine may ask over the local socket, which only root can open.
const (
	OpIssue     Op = "issue"      // Issue → Issued
	OpSetupLink Op = "setup_link" // SetupLink → Link
	OpReload    Op = "reload"     // Empty → Reloaded
	OpSignHost  Op = "sign_host"  // SignHost → Issued
)

// Empty is the body of requests and answers that say nothing.
type Empty struct{}

// HelloAnswer is what the door needs to begin.
type HelloAnswer struct {
	Node       string    `json:"node"`
	Trust      Trust     `json:"trust"`
	PolicyHash string    `json:"policy_hash"`
	Targets    []Target  `json:"targets"`
	At         time.Time `json:"at"`
	// InputRecipient is whom recorded input is sealed for ("age1…"); the decider alone has the identity.
	InputRecipient string `json:"input_recipient"`
}

// Target is one entry of the inventory, as the door needs it to reach the host.
type Target struct {
	Name    string   `json:"name"`
	Address string   `json:"address,omitempty"`
	HostKey []byte   `json:"host_key,omitempty"` // pinned key, SSH wire format; empty: by the host CA
	Logins  []string `json:"logins"`
	Local   bool     `json:"local,omitempty"`
	Path    []string `json:"path,omitempty"` // where programs are looked up; empty: the usual folders

	// By what else it may be called; ChooseTarget reads them.
	Aliases   []string          `json:"aliases,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Gatehouse bool              `json:"gatehouse,omitempty"` // another Gatehouse: jumps go through it, and nothing else
}

// Authenticate asks whether a certificate opens the door. The decider checks it again, whatever the door found.
type Authenticate struct {
	Connection  string `json:"conn"`
	Certificate []byte `json:"certificate,omitempty"` // SSH wire format
	Source      string `json:"source"`                // the client's address, without a port
	Outer       string `json:"outer,omitempty"`       // the connection around this one, under -J
	Proven      bool   `json:"proven,omitempty"`      // the client has shown that it holds the key: the connection is registered
	Target      string `json:"target,omitempty"`      // where the user name routes to, if anywhere: a name, or labels
	Login       string `json:"login,omitempty"`
	Key         []byte `json:"key,omitempty"` // in the certificate's place: a plain key, which may be registered
}

// Authenticated is a connection's identity. Reaches says whether some role reaches Target as Login: only then is it worth
// the door's while to dial ahead.
type Authenticated struct {
	Identity policy.Identity `json:"identity"`
	NotAfter time.Time       `json:"not_after"`
	Reaches  bool            `json:"reaches,omitempty"`

	RenewOnly bool   `json:"renew_only,omitempty"` // by a registered key: nothing but Renew is for it
	Target    string `json:"target,omitempty"`     // the one that the labels chose
}

// Face asks for a host certificate that clients trust: the door's own, or the one it shows for a target under -J.
type Face struct {
	PublicKey []byte `json:"public_key"`
	Target    string `json:"target,omitempty"` // empty: the door's own names
}

// FaceAnswer is the certificate.
type FaceAnswer struct {
	Certificate []byte    `json:"certificate"`
	NotAfter    time.Time `json:"not_after"`
}

// Decide asks whether a plan may run. PublicKey is the key for which a target certificate is wanted; empty where the
// door still has a connection of the same client connection, target, login and pty.
type Decide struct {
	Connection string          `json:"conn"`
	Session    string          `json:"session"`
	Target     string          `json:"target"`
	Login      string          `json:"login"`
	Plan       policy.Plan     `json:"plan"`
	Env        []policy.EnvVar `json:"env,omitempty"`
	PTY        bool            `json:"pty,omitempty"`
	PublicKey  []byte          `json:"public_key,omitempty"`
	Facts      policy.Facts    `json:"facts,omitzero"`       // what the door knows of the target
	Looking    bool            `json:"looking,omitempty"`    // the door has a look at the target open
	ProbeKey   []byte          `json:"probe_key,omitempty"`  // of a connection that waits to be let in for a look
	Refusal    string          `json:"refusal,omitempty"`    // with a plan that a shell is to read: why the line is no other plan
	Unrecorded bool            `json:"unrecorded,omitempty"` // there is no recording: only what policy records at best effort may run
	Text       string          `json:"text,omitempty"`       // the line that the plan was made of, for a role that hands it to a shell instead

	Wait  *int64 `json:"wait,omitempty"`  // seconds that the client wants to wait for people; absent: as long as policy says
	Await string `json:"await,omitempty"` // the request that this session waits for already

	Step  *policy.Step `json:"step,omitempty"`  // a command of a governed shell that Session is: no session of its own
	Ended []int64      `json:"ended,omitempty"` // commands of that shell that have ended since

	Preview string `json:"preview,omitempty"` // the request that the door looks for now: nothing is decided, and the answer lets it look
}

// Decided is the answer. Line is exactly what the target is to be given; for a pinned decision the certificate forces it.
type Decided struct {
	ID          string          `json:"id"` // "dec_…", or "dn_…" for a denial
	Decision    policy.Decision `json:"decision"`
	Fault       string          `json:"fault,omitempty"` // allowed, but answer.FaultUnknownTarget or FaultSigner
	Line        string          `json:"line,omitempty"`
	Certificate []byte          `json:"certificate,omitempty"`
	Permit      []byte          `json:"permit,omitempty"`       // local targets: a signed Permit
	EnvRefused  []string        `json:"env_refused,omitempty"`  // names that no role lists
	NeedsKey    bool            `json:"needs_key,omitempty"`    // nothing was decided: pinned, so ask again with a PublicKey
	DenialsLeft int64           `json:"denials_left,omitempty"` // how many more are answered within the hour, where a role limits them

	// With the verdict probe: what lets the door look, and nothing else.
	ProbeCertificate []byte `json:"probe_certificate,omitempty"` // over ProbeKey: pinned to a read-only SFTP server
	ProbePermit      []byte `json:"probe_permit,omitempty"`      // local targets

	Waiting *Waiting `json:"waiting,omitempty"` // with the verdict ask: nothing is denied yet

	Command bool         `json:"command,omitempty"` // of a transfer: nothing was decided; its line is a command, for a recorded shell
	Residue policy.After `json:"residue,omitempty"` // when the target is to be looked at for what it left (SweepResidue); empty: never
}

// Refuse reports what the door refused without a decision, so that the audit log has it: a line that is not a plan, a
// request that is never served, a connection that failed.
type Refuse struct {
	Connection string `json:"conn"`
	Session    string `json:"session,omitempty"`
	Target     string `json:"target,omitempty"`
	Login      string `json:"login,omitempty"`
	What       string `json:"what"` // "exec", "subsystem sftp", "agent forwarding", …
	Code       string `json:"code"`
	Why        string `json:"why"`
}

// Chunk reports a chunk on disk. Its hash becomes a leaf of the log.
type Chunk = recorder.Chunk

// End reports the end of a session. Recording is its closed recording, absent where that could not be closed.
type End struct {
	Connection string            `json:"conn,omitempty"`
	Session    string            `json:"session"`
	State      string            `json:"state"`
	Reason     string            `json:"reason,omitempty"`
	Exit       *int              `json:"exit,omitempty"`
	Signal     string            `json:"signal,omitempty"`
	Remote     string            `json:"remote,omitempty"`
	Target     string            `json:"target,omitempty"` // of a session that was never decided; of the others the decider knows it
	Login      string            `json:"login,omitempty"`
	Missing    string            `json:"missing,omitempty"` // why a session that was recorded at best effort was not recorded whole
	Recording  *recorder.Summary `json:"recording,omitempty"`
	Forward    *ForwardEnd       `json:"forward,omitempty"` // of a forward that was opened
	Residue    *Residue          `json:"residue,omitempty"` // of a session whose policy lets it be looked for
}

// The bounds of what is said of residue: lines, and bytes of one.
const (
	MaxResidue     = 40
	MaxResidueLine = 200
)

// Residue is what a session left on its target, as that says: it is a claim, and an empty one of a hostile target means nothing.
type Residue struct {
	Found []string      `json:"found"`
	More  bool          `json:"more,omitempty"` // there is more than is named
	Why   string        `json:"why,omitempty"`  // it could not be looked for, or not to the end
	Took  time.Duration `json:"took_ns"`
}

// Close reports the end of a connection.
type Close struct {
	Connection string `json:"conn"`
	Reason     string `json:"reason,omitempty"`
}

// Credential says who asks: exactly one field is set.
type Credential struct {
	Connection string `json:"conn,omitempty"`
	SignIn     string `json:"sign_in,omitempty"`
}

// Authorize asks whether somebody may do a verb on an object.
type Authorize struct {
	Who    Credential `json:"who"`
	Verb   string     `json:"verb"`
	Object string     `json:"object,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

// Actor is who the decider says is acting.
type Actor struct {
	Principal string   `json:"principal"`
	Rights    []string `json:"rights"`
	Meant     []string `json:"meant,omitempty"` // of a kill, a pause or a resume: the live sessions and connections that it is about; none of everything, which the door finds itself
}

// PauseTime is how long a session may be paused. Then it is killed.
const PauseTime = time.Hour

// What a sweep is to do. Nothing: end what is left.
const (
	SweepStop    = "stop"    // stop it, where it is
	SweepGoOn    = "go_on"   // let it go on
	SweepResidue = "residue" // say what the session left on the target, and change nothing
)

// Sweep asks for the one certificate with which what is left of a session's processes can be ended: pinned to that, on the
// session's own target and login.
type Sweep struct {
	Session   string `json:"session"`
	Target    string `json:"target"`
	Login     string `json:"login"`
	PublicKey []byte `json:"public_key"`
	Reason    string `json:"reason"`
	Do        string `json:"do,omitempty"`
}

// SweepAnswer holds the certificate and the line that it forces.
type SweepAnswer struct {
	Certificate []byte `json:"certificate"`
	Line        string `json:"line"`
}

// SweepClean is the line that a sweep prints when nothing of the session runs any more.
const SweepClean = "gatehouse-sweep left=0"

// MintLink asks for a one-time sign-in link for the person behind a connection.
type MintLink struct {
	Who Credential `json:"who"`
}

// Link is a one-time token for the browser.
type Link struct {
	URL     string    `json:"url"` // the sign-in page, with the secret in the fragment, which browsers do not send
	Person  string    `json:"person"`
	Expires time.Time `json:"expires"`
}

// Redeem turns a one-time token into a sign-in.
type Redeem struct {
	Token  string `json:"token"`
	Source string `json:"source,omitempty"` // the browser's address
}

// SignOut ends a browser's session.
type SignOut struct {
	Cookie string `json:"cookie"`
}

// InventoryEvent carries the new inventory.
type InventoryEvent struct {
	Targets []Target `json:"targets"`
}

// RevokeEvent names live sessions that the new policy does not allow.
type RevokeEvent struct {
	Sessions []string `json:"sessions"`
	Reason   string   `json:"reason"`
}

// Issue asks for a certificate that opens the door.
type Issue struct {
	Kind      policy.Kind   `json:"kind"`
	Name      string        `json:"name"`
	Task      string        `json:"task,omitempty"`
	PublicKey []byte        `json:"public_key"`
	TTL       time.Duration `json:"ttl_ns"`
	Sources   []string      `json:"sources,omitempty"` // CIDR prefixes
	By        string        `json:"by"`                // the local user, for the log
}

// Issued is the certificate, in SSH wire format.
type Issued struct {
	Certificate []byte    `json:"certificate"`
	KeyID       string    `json:"key_id"`
	Serial      uint64    `json:"serial,string"`
	NotAfter    time.Time `json:"not_after"`
	RenewUntil  time.Time `json:"renew_until,omitzero"` // the end of what it stems from
}

// Metrics are the decider's numbers in Prometheus' text format.
type Metrics struct {
	Text string `json:"text"`
}

// SignHost asks for a host certificate for a target, by the host CA.
type SignHost struct {
	Target    string        `json:"target"`
	PublicKey []byte        `json:"public_key"`
	TTL       time.Duration `json:"ttl_ns"`
	By        string        `json:"by"`
}

// SetupLink asks for a one-time sign-in link for a person of the policy.
type SetupLink struct {
	Person string `json:"person"`
	By     string `json:"by"`
}

// Reloaded says what a reload found.
type Reloaded struct {
	PolicyHash string `json:"policy_hash"`
	Changed    bool   `json:"changed"`
	Problem    string `json:"problem,omitempty"` // why the files on disk are not in force
}
