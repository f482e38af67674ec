package localhost

import (
	"context"
	"os"
	"syscall"

	"gatehouse/bastion/governed"
	"gatehouse/bastion/shell/wire"
)

// openFlags are what a shell's redirections open with.
var openFlags = map[string]int{
	"read":   os.O_RDONLY,
	"write":  os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
	"append": os.O_WRONLY | os.O_CREATE | os.O_APPEND,
	"new":    os.O_WRONLY | os.O_CREATE | os.O_EXCL,
}

// Open implements governed.Host. As with the session's own files over SFTP, what is neither a file nor a device is not opened.
func (h *Host) Open(_ context.Context, o wire.Open) (governed.File, error) {
	flags, known := openFlags[o.Mode]
	if !known {
		return nil, &wire.Error{Kind: wire.KindAsked, Text: "a file is opened to read, write, append or new"}
	}
	perm := os.FileMode(o.Perm & 0o7777)
	if perm == 0 {
		perm = 0o666
	}
	if st, err := os.Stat(o.Path); err == nil && st.IsDir() {
		return nil, &wire.Error{Kind: wire.KindErrno, Errno: "EISDIR"}
	}
	f, err := os.OpenFile(o.Path, flags|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, failed(err)
	}
	return f, nil
}
