package decider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// freshFor is how long after a sign-in somebody may change passkeys or confirm a program's login: a browser that was left open
// is good for looking, not for making a way in that outlives it.
const freshFor = 15 * time.Minute

const maxPasskeyName = 64

// signedIn resolves a sign-in under the policy of now. Somebody who may not act now is signed out at once, everywhere.
func (d *Decider) signedIn(c protocol.Credential) (signIn, policy.Identity, error) {
	if c.SignIn == "" || c.Connection != "" {
		return signIn{}, policy.Identity{}, invalid("this needs a sign-in")
	}
	in, ok := d.signIns.find(c.SignIn)
	if !ok {
		return signIn{}, policy.Identity{}, errSignedOut()
	}
	who, known := d.currentPolicy().Identity(policy.Person, in.person, "")
	if !known || d.personRevoked(in.person) != "" {
		d.endPerson(in.person)
		return signIn{}, policy.Identity{}, errSignedOut()
	}
	if d.signInObjection(d.currentPolicy(), in) != "" {
		d.signOutWhere(func(key [32]byte, _ signIn) bool { return key == sha256.Sum256([]byte(c.SignIn)) })
		return signIn{}, policy.Identity{}, errSignedOut()
	}
	return in, who, nil
}

func errSignedOut() error {
	return &protocol.Error{Code: protocol.CodeSignedOut, Msg: "the sign-in has ended; sign in again"}
}

// stale says why a sign-in may not do what outlives it; empty if it may.
func (d *Decider) stale(in signIn) string {
	if d.cfg.Now().Sub(in.started) > freshFor {
		return "this sign-in is older than 15 minutes; sign in again first"
	}
	return ""
}

// locked says why a sign-in may not change passkeys. One that came from an SSH certificate may not: the certificate ends within
// hours, a passkey does not.
func (d *Decider) locked(in signIn) string {
	if in.by == byLink {
		return "you are signed in by a link from ssh; to change passkeys sign in with a passkey, an issuer, or a set-up link"
	}
	return d.stale(in)
}

// mayChangePasskeys resolves a sign-in that may, and the hash of its cookie.
func (d *Decider) mayChangePasskeys(c protocol.Credential) ([32]byte, policy.Identity, error) {
	in, who, err := d.signedIn(c)
	if err != nil {
		return [32]byte{}, who, err
	}
	if why := d.locked(in); why != "" {
		return [32]byte{}, who, refuse("%s", why)
	}
	return sha256.Sum256([]byte(c.SignIn)), who, nil
}

// signOutWhere ends the sign-ins that which picks, and tells the door to end their streams.
func (d *Decider) signOutWhere(which func(key [32]byte, in signIn) bool) int {
	ended := d.signIns.end(which)
	d.mu.RLock()
	door := d.door
	d.mu.RUnlock()
	if door == nil {
		return len(ended)
	}
	for part := range slices.Chunk(ended, 1000) {
		var event protocol.SignedOutEvent
		for _, key := range part {
			event.SignIns = append(event.SignIns, hex.EncodeToString(key[:]))
		}
		if err := door.Event(protocol.EventSignedOut, event); err != nil {
			d.cfg.Log.Error("tell the door who was signed out", "error", err)
		}
	}
	return len(ended)
}

// endPerson ends all sign-ins and voids the links and confirmed logins of a person, and reports how many sign-ins that were.
func (d *Decider) endPerson(person string) int {
	d.signIns.void(person)
	d.devices.void(person)
	return d.signOutWhere(func(_ [32]byte, in signIn) bool { return in.person == person })
}

// endStrangers ends the sign-ins that something stands against, and reports how many.
func (d *Decider) endStrangers() int {
	pol := d.currentPolicy()
	return d.signOutWhere(func(_ [32]byte, in signIn) bool { return d.signInObjection(pol, in) != "" })
}

// signInObjection says why a sign-in may not begin or go on: policy does not know the person, or not by that account or proof, the
// certificate behind its link is good no more, or something of it is revoked or locked. Empty if nothing stands against it.
func (d *Decider) signInObjection(pol *policy.Policy, in signIn) string {
	if why := pol.Standing(policy.Person, in.person); why != "" {
		return why
	}
	issuer, byIssuer := strings.CutPrefix(in.by, "oidc:")
	person, _ := pol.PersonByAccount(issuer, in.account)
	switch {
	case byIssuer && person != in.person, !pol.Takes(policy.Person, in.person, in.proven):
		return "the policy does not take this way of proving who is person:" + in.person + " any more; sign in again"
	case in.from.CA != "" && !d.cas.Agent.Trusts(in.from.CA):
		return "the agent CA's key that signed the certificate behind this link was retired"
	}
	if why := d.personLocked(pol, in.person); why != "" {
		return why
	}
	s := in.from
	s.Kind, s.Name = policy.Person, in.person
	return d.revokedLine(s)
}

// account is a person's own page. Reading it is an action too.
func (d *Decider) account(ctx context.Context, ask protocol.AccountAsk) (account.Account, error) {
	in, who, err := d.signedIn(ask.Who)
	if err != nil {
		return account.Account{}, err
	}
	err = d.append(ctx, audit.Entry{Type: audit.Read, Actor: who.Principal(), Object: who.Principal(), Outcome: "allow", Policy: d.PolicyHash(),
		Data: data(map[string]any{"verb": "account"})})
	if err != nil {
		return account.Account{}, err
	}
	keys, err := d.facts.Passkeys(ctx, who.Name)
	if err != nil {
		return account.Account{}, err
	}
	out := account.Account{Person: who.Name, Passkeys: shownPasskeys(keys), SignIns: d.signIns.of(who.Name, sha256.Sum256([]byte(ask.Who.SignIn))),
		Locked: d.locked(in), OtherWay: d.currentPolicy().HasAccount(who.Name), ApprovalKeys: fingerprints(d.currentPolicy().ApprovalKeys(who.Name)),
		Aways: d.access.AwaysOf(who.Name)}
	return out, nil
}

// fingerprints names keys in SSH wire format as ssh-keygen does.
func fingerprints(keys [][]byte) []string {
	var out []string
	for _, wire := range keys {
		if key, err := ssh.ParsePublicKey(wire); err == nil { // the policy was checked when it was read
			out = append(out, ssh.FingerprintSHA256(key))
		}
	}
	return out
}

// of lists a person's sign-ins, the newest first.
func (s *signIns) of(person string, current [32]byte) []account.SignIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []account.SignIn{}
	for key, in := range s.cookies {
		if in.person == person {
			list = append(list, account.SignIn{By: in.by, Source: in.source, Started: in.started, Seen: in.seen, Current: key == current})
		}
	}
	slices.SortFunc(list, func(a, b account.SignIn) int { return b.Started.Compare(a.Started) })
	return list[:min(len(list), 100)]
}

func shownPasskeys(keys []registry.Passkey) []account.Passkey {
	list := []account.Passkey{}
	for _, k := range keys {
		list = append(list, shownPasskey(k))
	}
	return list
}

func shownPasskey(k registry.Passkey) account.Passkey {
	c, err := decodeKey(k)
	return account.Passkey{ID: k.ID, Name: k.Name, Created: k.Created.UTC(), Used: k.Used.UTC(), Synced: err == nil && c.Flags.BackupState}
}

// signOutAll ends every sign-in of whoever asks.
func (d *Decider) signOutAll(ctx context.Context, ask protocol.AccountAsk) (protocol.Empty, error) {
	_, who, err := d.signedIn(ask.Who)
	if err != nil {
		return protocol.Empty{}, err
	}
	d.endPerson(who.Name)
	return protocol.Empty{}, d.append(ctx, audit.Entry{Type: audit.SignIn, Actor: who.Principal(), Object: who.Principal(), Outcome: "sign-out", Reason: "everywhere"})
}

// passkeyName checks what a person calls a passkey.
func passkeyName(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxPasskeyName || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", refuse("a passkey's name is one line of 1 to %d bytes, such as: work laptop", maxPasskeyName)
	}
	return text, nil
}

// namePasskey gives a passkey of one's own another name.
func (d *Decider) namePasskey(ctx context.Context, in protocol.PasskeyName) (protocol.Empty, error) {
	_, who, err := d.mayChangePasskeys(in.Who)
	if err != nil {
		return protocol.Empty{}, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return protocol.Empty{}, err
	}
	d.people.Lock()
	defer d.people.Unlock()
	if _, _, err := d.ownPasskey(ctx, who.Name, in.ID); err != nil {
		return protocol.Empty{}, err
	}
	if err := d.append(ctx, passkeyEntry(who.Principal(), who.Name, "named", map[string]any{"passkey": in.ID, "name": name})); err != nil {
		return protocol.Empty{}, err
	}
	return protocol.Empty{}, d.facts.NamePasskey(ctx, who.Name, in.ID, name)
}

// removePasskey removes a passkey of one's own, and ends the other sign-ins that were made with it. The last one of somebody
// without another way in stays: only root removes that.
func (d *Decider) removePasskey(ctx context.Context, in protocol.PasskeyRemove) (protocol.Empty, error) {
	mine, who, err := d.mayChangePasskeys(in.Who)
	if err != nil {
		return protocol.Empty{}, err
	}
	d.people.Lock()
	defer d.people.Unlock()
	key, last, err := d.ownPasskey(ctx, who.Name, in.ID)
	if err != nil {
		return protocol.Empty{}, err
	}
	if last && !d.currentPolicy().HasAccount(who.Name) {
		return protocol.Empty{}, refuse("this is your last passkey, and you have no other way in; add another first")
	}
	if err := d.append(ctx, passkeyEntry(who.Principal(), who.Name, "removed", map[string]any{"passkey": key.ID, "name": key.Name})); err != nil {
		return protocol.Empty{}, err
	}
	if err := d.facts.RemovePasskey(ctx, who.Name, key.ID); err != nil {
		return protocol.Empty{}, err
	}
	d.signOutWhere(func(hash [32]byte, other signIn) bool { return other.passkey == key.ID && hash != mine })
	return protocol.Empty{}, nil
}

// ownPasskey returns a person's passkey, and whether it is the last. Called with people held.
func (d *Decider) ownPasskey(ctx context.Context, person, passkey string) (key registry.Passkey, last bool, err error) {
	keys, err := d.facts.Passkeys(ctx, person)
	if err != nil {
		return registry.Passkey{}, false, err
	}
	i := slices.IndexFunc(keys, func(k registry.Passkey) bool { return k.ID == passkey })
	if i < 0 {
		return registry.Passkey{}, false, refuse("person:%s has no such passkey", person)
	}
	return keys[i], len(keys) == 1, nil
}
