package audit

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the right edge of a Merkle tree (RFC 6962): enough to append leaves and to compute the root. edge holds the roots
// of the complete subtrees, largest first, one for each bit of size.
type tree struct {
	size int64
	edge []tlog.Hash
}

// add appends a leaf. It calls store, if not nil, with the hashes that become known, in the order in which tlog stores them.
func (t *tree) add(leaf tlog.Hash, store func(tlog.Hash)) {
	h := leaf
	if store != nil {
		store(h)
	}
	for n := bits.TrailingZeros64(^uint64(t.size)); n > 0; n-- {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		if store != nil {
			store(h)
		}
	}
	t.edge = append(t.edge, h)
	t.size++
}

// root is the tree's hash; that of an empty tree is the hash of nothing.
func (t *tree) root() tlog.Hash {
	if len(t.edge) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

// clone returns a copy that can grow without changing t.
func (t *tree) clone() tree {
	return tree{size: t.size, edge: append(make([]tlog.Hash, 0, len(t.edge)+2), t.edge...)}
}

// leafHash is the RFC 6962 hash of an entry's bytes. prefixed must begin with a zero byte, followed by the entry.
func leafHash(prefixed []byte) tlog.Hash { return sha256.Sum256(prefixed) }
