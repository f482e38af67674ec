package main

import (
	"gatehouse/internal/config"
	"gatehouse/recorder/secret"
)

// detector returns what finds secrets in recordings. The files of known values are read once, here.
func detector(settings config.Config) (*secret.Detector, error) {
	known, err := settings.Secrets.Known()
	if err != nil {
		return nil, err
	}
	return secret.New(secret.Config{Known: known})
}
