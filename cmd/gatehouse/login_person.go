package main

import (
	"context"
	"errors"
)

// PersonFlags are login's flags that are about people alone.
type PersonFlags struct{}

// loginPerson logs a person in by the browser.
func (c *LoginCmd) loginPerson(context.Context, *apiClient) error {
	return &exitError{exitUnavailable, errors.New("logging people in is not available; give --as AGENT")}
}
