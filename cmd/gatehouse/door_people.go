package main

import (
	"context"

	"gatehouse/internal/account"
	"gatehouse/internal/decider/protocol"
	"gatehouse/web"
)

// devices is the decider as the pages for programs' logins see it; what a program is refused has the form of its interface.
type devices struct{ protocol.Door }

var _ web.Devices = devices{}

// BeginDevice asks the decider. What does not even have the form is refused here.
func (d devices) BeginDevice(ctx context.Context, line, name, source string) (account.DeviceCodes, error) {
	key, err := publicKey(line)
	if err != nil {
		return account.DeviceCodes{}, &web.APIError{Code: "bad_request", Text: err.Error()}
	}
	out, err := d.Door.BeginDevice(ctx, key, name, source)
	if err != nil {
		return account.DeviceCodes{}, apiError(err)
	}
	return out, nil
}
