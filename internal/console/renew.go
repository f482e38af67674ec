package console

import "errors"

// renewCmd is here for help: the door answers it itself, as only the door knows which key a client has proven to hold.
type renewCmd struct {
	Args []string `arg:"" optional:"" help:"--ttl 10m, --task TEXT"`
}

func (*renewCmd) Run(*invocation) error {
	return errors.New("renew is a verb of ssh connections: ssh BASTION renew")
}
