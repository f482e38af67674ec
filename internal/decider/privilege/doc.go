// Package privilege keeps what the decider knows of privileges: requests, votes, grants and stand-ins, in the registry and in memory,
// and verifies the proofs with which people approve.
//
// It trusts the registry's file and who calls it: the caller has verified who speaks, and asks policy. It does not trust what a
// browser, ssh-keygen or the door says: a proof is good for one person, one request to the byte, one challenge, once.
//
// Every change is stored durably with the entries that say so, then noted in the audit log, and only then true (Store.commit). A
// crash in between loses nothing and grants nothing: what is stored and may not be noted is noted at the next start, before anything
// is asked. What the log cannot take is taken back.
package privilege
