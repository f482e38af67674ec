package decider

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
)

// maxNamesPerLine keeps lines of known_hosts readable where there are many targets.
const maxNamesPerLine = 100

// knownHosts answers with the lines by which clients recognise the door.
func (d *Decider) knownHosts(context.Context, protocol.Empty) (protocol.KnownHosts, error) {
	return protocol.KnownHosts{Lines: d.knownHostLines()}, nil
}

// knownHostLines trust the face CA for the door's names and for every target's: under ssh -J the door shows a face of the
// target, and the target's own key is checked by Gatehouse.
func (d *Decider) knownHostLines() []string {
	d.mu.RLock()
	names := slices.Concat(d.cfg.Names, d.inventory.Names())
	d.mu.RUnlock()
	slices.Sort(names)
	names = slices.Compact(names)
	var lines []string
	for _, key := range d.faceKeys() {
		line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + " gatehouse-face-ca"
		for part := range slices.Chunk(names, maxNamesPerLine) {
			lines = append(lines, "@cert-authority "+strings.Join(part, ",")+" "+line)
		}
	}
	return lines
}

// faceKeys are the face CA's keys that clients are to trust.
func (d *Decider) faceKeys() []ssh.PublicKey { return d.cas.Face.PublicKeys() }

// sawFaces notes that somebody was told of the face CA's keys: a rotation asks who was not. What cannot be noted is only logged.
func (d *Decider) sawFaces(ctx context.Context, principal string) {
	for _, key := range d.faceKeys() {
		if err := d.facts.SawTrust(ctx, registry.TrustFace, principal, ssh.FingerprintSHA256(key), d.cfg.Now()); err != nil {
			d.cfg.Log.Warn("note who knows the face CA", "principal", principal, "error", err)
		}
	}
}
