package bastion

import (
	"context"
	"errors"
	"io"
	"strings"

	"gatehouse/bastion/shell/wire"
)

// errNotCertain is why the input of a terminal, or of a pipe, is never one that a rule has the hash of.
var errNotCertain = errors.New("it does not come from the client as it was sent")

// certain has a command of the shell read, if its rule has the hash of its input, what the client has still to send, or nothing. The function
// that it returns ends that.
func (h *shellHost) certain(st *session, e wire.Exec) (done func()) {
	switch {
	case e.Stdin == wire.InNull:
		st.own = strings.NewReader("")
		return func() {}
	case e.Stdin != wire.InClient || e.Prompt:
		st.own = uncertain{}
		return func() {}
	}
	ctx, cancel := context.WithCancel(st.ctx)
	input := h.g.shell.Input(ctx)
	st.own = input
	return func() {
		cancel()
		st.input.Wait()
		_ = input.Close()
	}
}

// uncertain is input that no hash is taken of.
type uncertain struct{}

func (uncertain) Read([]byte) (int, error) { return 0, errNotCertain }

// capped is a command's input as far as its rule lets it have any. It has one writer.
type capped struct {
	io.WriteCloser
	most, so int64  // bytes; most 0: there is no bound
	over     func() // what is called when there would be more
}

var errInputOver = errors.New("it has had its input")

func (b *capped) Write(p []byte) (int, error) {
	if b.so += int64(len(p)); b.most > 0 && b.so > b.most {
		b.over()
		return 0, errInputOver
	}
	return b.WriteCloser.Write(p)
}
