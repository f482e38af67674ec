package decider

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// passkeysOf lists somebody's passkeys, at the word of root.
func (d *Decider) passkeysOf(ctx context.Context, in protocol.PasskeysOf) (protocol.PasskeyList, error) {
	err := d.append(ctx, audit.Entry{Type: audit.Read, Actor: "local:" + cut(in.By, maxID), Object: "person:" + cut(in.Person, maxID), Outcome: "allow",
		Data: data(map[string]any{"verb": "passkeys"})})
	if err != nil {
		return protocol.PasskeyList{}, err
	}
	keys, err := d.facts.Passkeys(ctx, in.Person)
	return protocol.PasskeyList{Passkeys: shownPasskeys(keys)}, err
}

// dropPasskey removes somebody's passkey, at the word of root, and ends that person's sign-ins.
func (d *Decider) dropPasskey(ctx context.Context, in protocol.PasskeyDrop) (protocol.Empty, error) {
	d.people.Lock()
	defer d.people.Unlock()
	key, last, err := d.ownPasskey(ctx, in.Person, in.ID)
	if err != nil {
		return protocol.Empty{}, err
	}
	if last && !in.Force && !d.currentPolicy().HasAccount(in.Person) {
		return protocol.Empty{}, refuse("it is the last passkey of person:%s, who has no other way in; with --force it is removed all the same, and gatehouse setup-link lets them in again", in.Person)
	}
	entry := passkeyEntry("local:"+cut(in.By, maxID), in.Person, "removed", map[string]any{"passkey": key.ID, "name": key.Name, "force": in.Force})
	if err := d.append(ctx, entry); err != nil {
		return protocol.Empty{}, err
	}
	if err := d.facts.RemovePasskey(ctx, in.Person, key.ID); err != nil {
		return protocol.Empty{}, err
	}
	d.endPerson(in.Person)
	return protocol.Empty{}, nil
}

// resetPasskeys removes all of somebody's passkeys at the word of root, ends that person's sign-ins and makes a set-up link.
func (d *Decider) resetPasskeys(ctx context.Context, in protocol.PasskeysOf) (protocol.Link, error) {
	if why := d.currentPolicy().Standing(policy.Person, in.Person); why != "" {
		return protocol.Link{}, refuse("%s", why)
	}
	if d.cfg.WebURL == "" {
		return protocol.Link{}, refuse("the browser pages are off: set web.listen and web.url")
	}
	d.people.Lock()
	defer d.people.Unlock()
	if err := d.append(ctx, passkeyEntry("local:"+cut(in.By, maxID), in.Person, "reset", map[string]any{})); err != nil {
		return protocol.Link{}, err
	}
	if err := d.facts.RemovePasskeys(ctx, in.Person); err != nil {
		return protocol.Link{}, err
	}
	d.endPerson(in.Person)
	return d.link(ctx, signIn{person: in.Person, by: bySetup}, "local:"+in.By)
}
