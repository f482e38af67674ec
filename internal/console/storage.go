package console

// Storage is how much room there is for recordings.
type Storage struct {
	State string `json:"state"`     // "ok", "low" or "full"
	Free  uint64 `json:"free"`      // bytes
	Warn  uint64 `json:"warn_free"` // below it the state is low
	Least uint64 `json:"min_free"`  // below it the state is full: no session begins
}

// The states of Storage.
const (
	StorageOK   = "ok"
	StorageLow  = "low"
	StorageFull = "full"
)

// Text is one line for a person; empty while there is room.
func (s Storage) Text() string {
	switch s.State {
	case StorageLow:
		return "Space for recordings is low: " + Bytes(int64(s.Free)) + " are free. Below " + Bytes(int64(s.Least)) + " new sessions are refused."
	case StorageFull:
		return "No space for recordings: " + Bytes(int64(s.Free)) + " are free, " + Bytes(int64(s.Least)) + " are needed. New sessions are refused."
	}
	return ""
}

// storage is the room there is, where that is known.
func (c *Console) storage() *Storage {
	if c.cfg.Storage == nil {
		return nil
	}
	s, err := c.cfg.Storage()
	if err != nil {
		return nil // the door's log says why
	}
	return &s
}
