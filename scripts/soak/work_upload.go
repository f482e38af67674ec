package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// maxUpload bounds what is uploaded at once: all of it is recorded.
const maxUpload = 192 << 10

// uploadRound sends bytes to a command's input, which says what arrived.
func uploadRound(ctx context.Context, j *job) outcome {
	data := make([]byte, j.random.IntN(maxUpload))
	rand.NewChaCha8([32]byte([]byte(j.token + fmt.Sprintf("%32d", 0))[:32])).Read(data)
	r := j.ssh(ctx, "bot", bytes.NewReader(data), j.remote(), "keep", j.token)
	return whole(outcome{want: 0, got: r.Status, detail: r.Stderr}, r.Stdout, fmt.Sprintf("%x  -\n", sha256.Sum256(data)))
}
