package decider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/source"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// Bounds of the logins of programs (RFC 8628).
const (
	deviceTTL        = 10 * time.Minute
	maxDevices       = 1000
	maxDevicesSource = 20 // from one source
	maxWrongCodes    = 5  // of one sign-in, which is good for no code from then on
	maxPollInterval  = 30 * time.Second
	maxDeviceName    = 64
)

// userCodeLetters make codes that spell nothing and have no letters that look alike (RFC 8628, section 6.1).
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// devices are the logins that wait, by the SHA-256 of their device codes.
type devices struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[32]byte]*device
}

// device is a login of a program: for one key, made when it began.
type device struct {
	userCode, name, source string
	key                    ssh.PublicKey
	asked, expires         time.Time
	interval               time.Duration
	polled                 time.Time

	verdict    verdict
	person, by string // who confirmed it, and how that person had signed in
}

type verdict int

const (
	waiting verdict = iota
	confirmed
	declined
)

func newDevices(now func() time.Time) *devices {
	return &devices{now: now, open: map[[32]byte]*device{}}
}

// begin keeps a login and returns its secret; false when there are too many, in all or from that address.
func (s *devices) begin(x device) (secret string, kept device, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	maps.DeleteFunc(s.open, func(_ [32]byte, x *device) bool { return now.After(x.expires) })
	same, codes, mine := 0, map[string]bool{}, source.Text(x.source)
	for _, other := range s.open {
		codes[other.userCode] = true
		if source.Text(other.source) == mine {
			same++
		}
	}
	if len(s.open) >= maxDevices || same >= maxDevicesSource {
		return "", device{}, false
	}
	for x.userCode = newUserCode(); codes[x.userCode]; {
		x.userCode = newUserCode()
	}
	x.asked, x.expires, x.interval = now, now.Add(deviceTTL), protocol.PollInterval
	secret = newSecret()
	s.open[sha256.Sum256([]byte(secret))] = &x
	return secret, x, true
}

// find returns a copy of the waiting login with a user's code.
func (s *devices) find(code string) (device, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.waiting(code); x != nil {
		return *x, true
	}
	return device{}, false
}

// decide answers a waiting login, once.
func (s *devices) decide(code string, to verdict, person, by string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.waiting(code)
	if x == nil {
		return false
	}
	x.verdict, x.person, x.by = to, person, by
	return true
}

// waiting is called with mu held.
func (s *devices) waiting(code string) *device {
	for _, x := range s.open {
		if x.userCode == code && x.verdict == waiting && !s.now().After(x.expires) {
			return x
		}
	}
	return nil
}

// What a poll finds (RFC 8628, section 3.5).
const (
	devicePending  = "authorization_pending"
	deviceSlowDown = "slow_down"
	deviceDenied   = "access_denied"
	deviceExpired  = "expired_token"
)

// poll looks for the answer. A confirmed login is gone when it returns, and so is a declined one: each is told once.
func (s *devices) poll(secret string) (x device, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := sha256.Sum256([]byte(secret)), s.now()
	found := s.open[key]
	if found == nil || now.After(found.expires) {
		delete(s.open, key)
		return device{}, deviceExpired
	}
	early := now.Before(found.polled.Add(found.interval - time.Second/2)) // the network's share
	found.polled = now
	switch {
	case early:
		found.interval = min(found.interval+protocol.PollInterval, maxPollInterval)
		return *found, deviceSlowDown
	case found.verdict == waiting:
		return *found, devicePending
	}
	delete(s.open, key)
	if found.verdict == declined {
		return *found, deviceDenied
	}
	return *found, ""
}

// void drops the logins that a person has confirmed and that have not been fetched.
func (s *devices) void(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.open, func(_ [32]byte, x *device) bool { return x.verdict == confirmed && x.person == person })
}

// newUserCode returns 8 letters in two groups.
func newUserCode() string {
	var code strings.Builder
	for b := make([]byte, 1); code.Len() < 9; {
		if code.Len() == 4 {
			code.WriteByte('-')
		}
		_, _ = rand.Read(b) // never fails (crypto/rand)
		if n := int(b[0]); n < 256/len(userCodeLetters)*len(userCodeLetters) {
			code.WriteByte(userCodeLetters[n%len(userCodeLetters)])
		}
	}
	return code.String()
}

// cleanUserCode is a code as somebody typed it: spaces, dashes and case do not matter.
func cleanUserCode(text string) string {
	letters := strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, cut(text, 64)))
	if len(letters) != 8 {
		return letters
	}
	return letters[:4] + "-" + letters[4:]
}

// beginDevice begins a program's login. Nothing is granted: it waits for a person.
func (d *Decider) beginDevice(ctx context.Context, in protocol.DeviceBegin) (account.DeviceCodes, error) {
	if d.cfg.WebURL == "" {
		return account.DeviceCodes{}, refuse("the browser pages are off: set web.listen and web.url")
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return account.DeviceCodes{}, invalid("public key: %v", err)
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return account.DeviceCodes{}, invalid("public key: it is a certificate; send the key in it")
	}
	if len(in.Name) > maxDeviceName || strings.ContainsFunc(in.Name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return account.DeviceCodes{}, invalid("name: at most %d printable ASCII characters", maxDeviceName)
	}
	secret, x, ok := d.devices.begin(device{name: in.Name, source: cut(in.Source, maxID), key: key})
	if !ok {
		return account.DeviceCodes{}, refuseFor(reasonBusy, "too many logins wait for their person; try again in a few minutes")
	}
	return account.DeviceCodes{DeviceCode: secret, UserCode: x.userCode, URL: strings.TrimSuffix(d.cfg.WebURL, "/") + "/device", Expires: x.expires.UTC(), Interval: x.interval}, nil
}

// showDevice returns the login that waits under a code. Wrong codes are counted against the sign-in.
func (d *Decider) showDevice(ctx context.Context, in protocol.DeviceShow) (account.Device, error) {
	found, who, x, err := d.deviceOf(ctx, in.Who, in.UserCode)
	if err != nil {
		return account.Device{}, err
	}
	return account.Device{UserCode: x.userCode, Source: x.source, Name: x.name, Fingerprint: ssh.FingerprintSHA256(x.key), Asked: x.asked.UTC(),
		Expires: x.expires.UTC(), Person: who.Name, Locked: d.mayNotConfirm(found)}, nil
}

// deviceOf resolves a sign-in and the login that waits under a code.
func (d *Decider) deviceOf(ctx context.Context, c protocol.Credential, code string) (signIn, policy.Identity, device, error) {
	in, who, err := d.signedIn(c)
	if err != nil {
		return in, who, device{}, err
	}
	if in.wrong >= maxWrongCodes {
		return in, who, device{}, refuse("too many wrong codes; sign in again to try others")
	}
	x, ok := d.devices.find(cleanUserCode(code))
	if ok {
		return in, who, x, nil
	}
	n := d.signIns.wrongCode(c.SignIn)
	err = d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: who.Principal(), Object: who.Principal(), Outcome: "deny", Reason: "no login waits under this code",
		Data: data(map[string]any{"by": "device", "wrong": n})})
	if err == nil {
		err = refuse("no login waits under this code: compare it with your terminal, or start the login anew")
	}
	return in, who, device{}, err
}

// wrongCode counts one against a sign-in.
func (s *signIns) wrongCode(cookie string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(cookie))
	in, ok := s.cookies[key]
	if ok {
		in.wrong++
		s.cookies[key] = in
	}
	return in.wrong
}

// mayNotConfirm says why a sign-in may not confirm a program's login: the certificate is for hours, so the proof must be fresh.
func (d *Decider) mayNotConfirm(in signIn) string {
	if in.by != byPasskey && !strings.HasPrefix(in.by, "oidc:") {
		return "to confirm this, sign in with a passkey or an issuer"
	}
	return d.stale(in)
}

// answerDevice confirms or declines a program's login, once. The entry is durable before it counts.
func (d *Decider) answerDevice(ctx context.Context, in protocol.DeviceAnswer) (protocol.Empty, error) {
	found, who, x, err := d.deviceOf(ctx, in.Who, in.UserCode)
	if err != nil {
		return protocol.Empty{}, err
	}
	to, outcome := declined, "deny"
	if in.Confirm {
		to, outcome = confirmed, "allow"
		if why := d.mayNotConfirm(found); why != "" {
			return protocol.Empty{}, refuse("%s", why)
		}
	}
	err = d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: who.Principal(), Object: who.Principal(), Outcome: outcome, Policy: d.PolicyHash(),
		Data: data(map[string]any{"by": "device", "with": found.by, "key": ssh.FingerprintSHA256(x.key), "source": x.source, "name": x.name})})
	if err != nil {
		return protocol.Empty{}, err
	}
	if !d.devices.decide(x.userCode, to, who.Name, found.by) {
		return protocol.Empty{}, refuse("this login was answered already, or has expired")
	}
	return protocol.Empty{}, nil
}

// deviceRefusals are the lines for a poll that gets no certificate.
var deviceRefusals = map[string]string{
	devicePending:  "nobody has confirmed this login yet",
	deviceSlowDown: "polled too soon; wait longer between two polls",
	deviceDenied:   "the login was declined",
	deviceExpired:  "this login was used, has expired, or never began",
}

// enrolDevice turns a confirmed login into its person's certificate, for the key that it began with. It works once: what goes wrong
// from here on, a crash included, burns it. A poll that comes before the answer is no entry of the log.
func (d *Decider) enrolDevice(ctx context.Context, in protocol.Enrol, want policy.CertificateRequest) (protocol.Enrolled, error) {
	x, state := d.devices.poll(in.DeviceCode)
	if state != "" {
		return protocol.Enrolled{}, refuseFor(state, "%s", deviceRefusals[state])
	}
	want.Kind, want.Name = policy.Person, x.person
	issued, err := d.certify(ctx, want, x.key.Marshal(), proof{actor: "person:" + x.person, by: x.by, source: in.Source,
		detail: map[string]any{"request": in.Request, "device": x.name, "asked_from": x.source}})
	if err != nil {
		return protocol.Enrolled{}, err
	}
	return d.enrolled(ctx, "person:"+x.person, issued), nil
}
