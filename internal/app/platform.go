package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Platform is where a running installation listens. Each of its processes notes its own share in the data folder when it is ready, up in
// platform.json and the parts of several in parts/<name>.json, so that the other verbs find the whole.
type Platform struct {
	// EdgeURL is where phones connect; empty when no edge runs.
	EdgeURL string `json:"edge_url,omitempty"`
	// EdgeCertificate is the PEM file of the edge's certificate; empty without TLS.
	EdgeCertificate string `json:"edge_certificate,omitempty"`
	// SimulatorsURL is where the simulators of third parties answer; empty when they are real.
	SimulatorsURL string `json:"simulators_url,omitempty"`
	// Services are where our own processes reach each service, by its name.
	Services map[string]string `json:"services,omitempty"`
	// Brokers are those of the event bus.
	Brokers []string `json:"brokers,omitempty"`
	// Processes run it, by name.
	Processes []Process `json:"processes"`
}

// Process is one process of a running installation.
type Process struct {
	// Name is "lendgate" when it runs everything, else its parts with commas between, or "ground".
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// OpsURL serves health, readiness and metrics; empty when it has none.
	OpsURL string `json:"ops_url,omitempty"`
	// Children are the servers that it started, by name.
	Children map[string]int `json:"children,omitempty"`
}

// wholeName and groundName name the processes of up, with and without --ground.
const (
	wholeName  = "lendgate"
	groundName = "ground"
)

func platformFile(dataDir string) string { return filepath.Join(dataDir, "platform.json") }

func partsDir(dataDir string) string { return filepath.Join(dataDir, "parts") }

// noteFile is where a process notes its share.
func noteFile(dataDir, name string) string {
	if name == wholeName {
		return platformFile(dataDir)
	}
	return filepath.Join(partsDir(dataDir), strings.ReplaceAll(name, ",", "-")+".json")
}

// FindPlatform reads where the platform of a data folder listens. Notes that killed processes left behind count only when there are no others.
func FindPlatform(dataDir string) (Platform, error) {
	files, err := filepath.Glob(filepath.Join(partsDir(dataDir), "*.json"))
	if err != nil {
		return Platform{}, err
	}
	var notes []Platform
	for _, file := range append(files, platformFile(dataDir)) {
		note, err := readNote(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // A process that has ended meanwhile takes its note away.
		}
		if err != nil {
			return Platform{}, err
		}
		notes = append(notes, note)
	}
	if len(notes) == 0 {
		return Platform{}, fmt.Errorf("no platform is running from %s; start one in another terminal: make run", dataDir)
	}
	if live := slices.DeleteFunc(slices.Clone(notes), Platform.ended); len(live) > 0 {
		notes = live
	}
	return merge(notes), nil
}

// merge makes one platform of the shares of its processes.
func merge(notes []Platform) Platform {
	whole := Platform{Services: map[string]string{}}
	for _, note := range notes {
		if note.EdgeURL != "" {
			whole.EdgeURL, whole.EdgeCertificate = note.EdgeURL, note.EdgeCertificate
		}
		whole.SimulatorsURL = cmp.Or(whole.SimulatorsURL, note.SimulatorsURL)
		maps.Copy(whole.Services, note.Services)
		if len(whole.Brokers) == 0 {
			whole.Brokers = note.Brokers
		}
		whole.Processes = append(whole.Processes, note.Processes...)
	}
	slices.SortFunc(whole.Processes, func(a, b Process) int { return strings.Compare(a.Name, b.Name) })
	return whole
}

func readNote(file string) (Platform, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Platform{}, err
	}
	var note Platform
	if err := json.Unmarshal(raw, &note); err != nil {
		return Platform{}, fmt.Errorf("%s: %w", file, err)
	}
	return note, nil
}

// ended tells that none of the processes lives.
func (p Platform) ended() bool {
	return !slices.ContainsFunc(p.Processes, func(each Process) bool { return alive(each.PID) })
}

// write notes the share of one process. The caller takes the note away when it ends; one that was left behind is overwritten by the next start.
func (p Platform) write(dataDir string) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	file := noteFile(dataDir, p.Processes[0].Name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	draft := file + ".new"
	if err := os.WriteFile(draft, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(draft, file)
}

// forget takes the note of one process away.
func (p Platform) forget(dataDir string) {
	_ = os.Remove(noteFile(dataDir, p.Processes[0].Name)) // One left behind is overwritten by the next start.
}
