package supervisor

import (
	"errors"
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// activated are the listening sockets that the service manager hands over (sd_listen_fds(3)), by the names that they must
// have: ssh, web, metrics. Any other is an error, as somebody meant something by it.
func activated() (map[string]*os.File, error) {
	given := map[string]*os.File{}
	var errs []error
	for _, f := range activation.Files(true) {
		name := f.Name()
		_, twice := given[name]
		switch {
		case name != "ssh" && name != "web" && name != "metrics":
			errs = append(errs, fmt.Errorf("socket %q of the service manager: FileDescriptorName= must be ssh, web or metrics", name))
		case twice:
			errs = append(errs, fmt.Errorf("socket %q of the service manager: there are two of that name", name))
		default:
			if err := checkListener(f); err != nil {
				errs = append(errs, fmt.Errorf("socket %q of the service manager: %w", name, err))
			}
			given[name] = f
			continue
		}
		_ = f.Close()
	}
	if err := errors.Join(errs...); err != nil {
		for _, f := range given {
			_ = f.Close()
		}
		return nil, err
	}
	return given, nil
}

// checkListener wants a TCP socket that listens.
func checkListener(f *os.File) error {
	for _, want := range []struct {
		option int
		is     []int
		what   string
	}{
		{unix.SO_DOMAIN, []int{unix.AF_INET, unix.AF_INET6}, "it is not of the Internet"},
		{unix.SO_TYPE, []int{unix.SOCK_STREAM}, "it is not a stream"},
		{unix.SO_ACCEPTCONN, []int{1}, "it does not listen; Accept= must be no"},
	} {
		got, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, want.option)
		if err != nil {
			return err
		}
		if got != want.is[0] && got != want.is[len(want.is)-1] {
			return errors.New(want.what)
		}
	}
	return nil
}
