package simkit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a simulator's state. A missing file, or an empty path, is an empty
// state and no error.
func Load(path string, state any) error {
	if path == "" {
		return nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("simkit: read state: %w", err)
	}
	if err := json.Unmarshal(data, state); err != nil {
		return fmt.Errorf("simkit: state file is damaged: %w", err)
	}
	return nil
}

// Save writes a simulator's state. The file is replaced by a rename, so a
// process killed at any moment leaves the old state or the new one. It is not
// synced to disk: it must survive kill -9, not a power cut.
func Save(path string, state any) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return fmt.Errorf("simkit: encode state: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("simkit: state folder: %w", err)
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("simkit: write state: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("simkit: replace state: %w", err)
	}
	return nil
}
