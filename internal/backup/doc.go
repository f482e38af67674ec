// Package backup writes the whole data folder into one file while Gatehouse runs, and puts it back.
//
// The file is a zstd-compressed tar: FORMAT first, then every file and folder below data/, then MANIFEST with the SHA-256,
// size, mode and owner of each. What must be consistent is copied in an order that makes it so:
//
//  1. keys, policy and everything else that is replaced as a whole;
//  2. the audit log's checkpoints, and then its entries and hashes, so that the log reaches at least to its checkpoint;
//  3. databases, as SQLite snapshots;
//  4. the markers of live recordings, and then the recordings, so that every chunk that the log speaks of is there and every
//     recording that was live is found again;
//  5. the key files of encrypted recordings.
//
// While it runs it holds a shared lock on the folder of recordings: none is removed and no key is shredded, so that what the
// log in the archive says of them is so. Sessions do not wait for it.
//
// Files that grow are copied up to the size they have when their turn comes. What such a copy may lack at its end is what a
// crash at that moment would have lost, and the same recovery closes it. Sockets, and files whose names say that they are
// temporary (a leading dot; .tmp, .lock; SQLite's -wal, -shm, -journal), are left out. A symbolic link is an error: what it
// leads to would be missing.
//
// What it trusts: whoever may read and write the file. A backup holds the CA keys and is neither encrypted nor signed; keep
// it like a key. It does not trust the data folder's owners beyond that: no symbolic link leads out of the folder.
//
// What it guarantees: the backup is there whole, durable and readable by its owner alone, or not at all; restore checks every
// member before it puts anything in place, refuses a folder that holds something, and writes nowhere else. Memory is bounded:
// only names of folders are kept, no names of files.
package backup
