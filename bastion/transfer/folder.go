package transfer

import (
	"context"
	"errors"
	"path"

	"gatehouse/bastion/target/look"
	"gatehouse/bastion/target/sftp"
)

// folder is a folder that is held open on the target, so that names in it mean what they mean there, whatever becomes of the links
// by which it was found.
type folder struct {
	opened
	real string
}

// in is a name's path by way of the open folder: Linux follows it to the folder itself.
func (f *folder) in(base string) string { return fdPath(f.fd) + "/" + base }

// errUnpinned says that the login may not open a folder to read it, without which nothing is safe in it but an open that is verified.
var errUnpinned = errors.New("the login may not read the folder")

// pin holds a folder open by its true path. Those used last are kept; what is kept is asked again where it is.
func (s *Session) pin(ctx context.Context, real string) (*folder, error) {
	for i, f := range s.pins {
		if f.real != real {
			continue
		}
		s.pins = append(s.pins[:i:i], s.pins[i+1:]...)
		if at, open, err := s.fds.where(ctx, f.fd); err != nil {
			return nil, err
		} else if open && at == real {
			s.pins = append(s.pins, f)
			return f, nil
		}
		if err := s.fds.shut(ctx, f.opened); err != nil {
			return nil, err
		}
		break
	}
	if len(s.pins) >= maxPins {
		oldest := s.pins[0]
		s.pins = append([]*folder(nil), s.pins[1:]...)
		if err := s.fds.shut(ctx, oldest.opened); err != nil {
			return nil, err
		}
	}
	f, err := s.openFolder(ctx, real, real)
	if err != nil {
		return nil, err
	}
	s.pins = append(s.pins, f)
	return f, nil
}

// openFolder opens a folder by a path and makes sure that it is at real.
func (s *Session) openFolder(ctx context.Context, by, real string) (*folder, error) {
	if !verifiable(real) {
		return nil, errUnpinned
	}
	o, err := s.fds.open(ctx, sftp.PacketOpendir, sftp.Text(by), real)
	if errors.Is(err, sftp.StatusError(sftp.StatusDenied)) {
		return nil, errUnpinned
	}
	if err != nil {
		return nil, err
	}
	return &folder{o, real}, nil
}

// place is where a client's name leads.
type place struct {
	look.Place
	asked string // the name, absolute and without . and .. as far as text goes
}

// base is the last component of where it leads.
func (p place) base() string { return path.Base(p.Real) }

// dir is the folder that it is in.
func (p place) dir() string { return path.Dir(p.Real) }

// resolve says where a client's name leads now.
func (s *Session) resolve(ctx context.Context, name string, follow bool) (place, error) {
	abs, err := s.absolute(name)
	if err != nil {
		return place{}, err
	}
	at, err := look.Walk(ctx, s.target, abs, follow)
	return place{at, path.Clean(abs)}, err
}
