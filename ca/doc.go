// Package ca makes and checks OpenSSH certificates with four certificate authorities that share nothing but arithmetic:
//
//   - [AgentCA] says who may knock: user certificates of agents and people, good for Gatehouse's own door only.
//   - [TargetCA] says what opens a target: user certificates for one target and one login, for seconds.
//   - [HostCA] says which host keys are a target's: trusted by Gatehouse when it dials, by nobody else.
//   - [FaceCA] says which host keys are Gatehouse's: the door, and the faces it shows for ssh -J; trusted by clients.
//
// Each has its own key file, its own type and its own source file. No argument turns one into another, so a mistake in a
// caller cannot make the agent CA sign something that a target accepts.
//
// What it trusts: the key files (which must belong to this user and be readable by nobody else), the clock it is given,
// and golang.org/x/crypto/ssh for the wire format and the signature arithmetic. It does not trust requests, certificates
// or keys, whoever hands them in: Issue refuses rather than cuts, Verify accepts only what Issue makes.
//
// What it guarantees: serials never repeat, also across crashes, restored backups and two processes on one folder; no
// certificate lives longer than its kind allows; a principal can be read in one way only, because the names in it hold
// no separator; and a key ID is ASCII and at most 256 bytes, so it reaches the target's own auth log whole.
//
// The format is OpenSSH's PROTOCOL.certkeys; ssh-keygen and sshd are the judges in the tests.
package ca
