package main

import (
	"fmt"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/recorder"
)

// openEncryption reads whom recordings are encrypted for, encrypts something for them, and says in the log what people should
// know before it is too late: a single recipient, an identity that opens nothing, a file that others can read.
func openEncryption(settings config.Config, log hclog.Logger) (recorder.Encryption, error) {
	encrypt := settings.Recordings.Encrypt
	e, err := encrypt.Encryption()
	if err != nil {
		return e, err
	}
	openable, err := e.Check()
	if err != nil {
		return e, fmt.Errorf("recordings.encrypt: %w", err)
	}
	if encrypt == nil {
		return e, nil
	}
	log.Info("recordings are encrypted", "recipients", e.Names())
	if len(e.Recipients) == 1 {
		log.Warn("recordings have a single recipient: if its identity is lost, so is every recording; name a second one that is kept elsewhere, and test a restore")
	}
	if text := encrypt.IdentityWarning(); text != "" {
		log.Warn(text)
	}
	if encrypt.Identity != "" && openable == 0 {
		log.Warn("the identity opens none of the recipients: recordings made from now on cannot be shown here", "identity", encrypt.Identity)
	}
	return e, nil
}
