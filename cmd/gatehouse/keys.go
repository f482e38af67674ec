package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/supervisor"
)

// maxSecrets bounds what the supervisor hands to the decider: eight secrets at most.
const maxSecrets = 4 << 10

// localSigners says where the CA keys are, with their secrets read by this process.
func localSigners(settings config.Config) (ca.Signers, error) {
	signers := settings.CA.Signers(settings.Users)
	for _, secret := range signers.Secrets() {
		resolved, err := secret.Resolve()
		if err != nil {
			return ca.Signers{}, fmt.Errorf("CA keys: %w", err)
		}
		*secret = resolved
	}
	return signers, prepareModules(settings)
}

// prepareModules loads the PKCS#11 libraries: before a process gives up the file system, as they come with others.
func prepareModules(settings config.Config) error {
	if settings.CA == nil {
		return nil
	}
	for name, value := range settings.CA.Environment {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	for _, path := range settings.CA.Modules() {
		if err := ca.LoadModule(path); err != nil {
			return err
		}
	}
	return nil
}

// collectSecrets reads what unlocks the CA keys, in the supervisor: it may be root's, as a systemd credential is, and what
// came in the environment goes no further than here.
func collectSecrets(settings config.Config) ([]byte, error) {
	signers := settings.CA.Signers(settings.Users)
	found := map[string][]byte{}
	for _, secret := range signers.Secrets() {
		text, err := secret.Reveal()
		if err != nil {
			return nil, fmt.Errorf("CA keys: %w", err)
		}
		found[secret.String()] = text
	}
	for _, secret := range signers.Secrets() {
		if secret.Env != "" {
			_ = os.Unsetenv(secret.Env)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return json.Marshal(found)
}

// inheritedSigners says where the CA keys are, with the secrets that the supervisor handed on.
func inheritedSigners(settings config.Config) (ca.Signers, error) {
	pipe := os.NewFile(supervisor.DeciderSecretsFD, "secrets")
	text, err := io.ReadAll(io.LimitReader(pipe, maxSecrets))
	if err != nil {
		return ca.Signers{}, fmt.Errorf("read secrets: %w", err)
	}
	if err := pipe.Close(); err != nil {
		return ca.Signers{}, fmt.Errorf("read secrets: %w", err)
	}
	found := map[string][]byte{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &found); err != nil {
			return ca.Signers{}, fmt.Errorf("read secrets: %w", err)
		}
	}
	signers := settings.CA.Signers(settings.Users)
	for _, secret := range signers.Secrets() {
		resolved, err := secret.WithValue(found[secret.String()])
		if err != nil {
			return ca.Signers{}, fmt.Errorf("CA keys: %w", err)
		}
		*secret = resolved
	}
	return signers, prepareModules(settings)
}

// keyPaths sorts what a PKCS#11 module needs besides: folders are read and written, files read.
func keyPaths(settings config.Config) (folders, files []string, err error) {
	if settings.CA == nil {
		return nil, nil, nil
	}
	for _, path := range settings.CA.Paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, fmt.Errorf("ca.paths: %w", err)
		}
		if info.IsDir() {
			folders = append(folders, path)
		} else {
			files = append(files, path)
		}
	}
	return folders, files, nil
}
