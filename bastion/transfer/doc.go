// Package transfer ends a client's file transfer at the door and begins it again towards the target: every packet of SFTP, and
// every message of the old scp protocol, is read here, decided, and asked anew of the target's SFTP server.
//
// It trusts the decider for every decision and neither end for anything: names are bytes, lengths are bounded before they are
// believed, and a path means what the target's folders make of it now. It guarantees that
//   - nothing is asked of the target by a name that the client gave: names are resolved component by component (package look), and
//     what is decided is the place that they lead to;
//   - what is done is done in a folder that is held open and whose true path was read from the target's /proc afterwards, so that no
//     link swapped in the middle leads elsewhere;
//   - a file is opened without being cut or created over another, and read or written only after its own descriptor has said that it
//     is the file that was decided, and a regular one;
//   - what is denied and what is not there look alike, and a denial's text depends on nothing but the name that was asked for;
//   - each file's end says how many bytes of which ranges went by, and has a hash only if that is the hash of the whole.
//
// What it does not guarantee is in docs/transfer.md: hard links, and targets without /proc, which are refused.
package transfer
