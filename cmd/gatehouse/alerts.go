package main

import (
	"gatehouse/internal/config"
	"gatehouse/recorder/secret"
)

// alertDetector returns what masks secrets in alerts: by their form, and those values that the decider can read. Files that only the
// door may read are no secrets that the decider could tell anybody.
func alertDetector(settings config.Config) (*secret.Detector, error) {
	known, err := settings.Secrets.Known()
	if err != nil {
		return secret.New(secret.Config{})
	}
	return secret.New(secret.Config{Known: known})
}
