package template

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
)

// DefaultLanguage serves everybody whose language has no texts.
const DefaultLanguage = "en"

//go:embed templates.json texts/*.json
var files embed.FS

// Catalog is all templates. It does not change once loaded, so it needs no lock.
type Catalog struct {
	templates map[string]*Template
	// languages are in alphabetical order, as the embedded folder lists them.
	languages []string
}

// definition is an entry of templates.json. Its fields are those of Template; the lifetime is a Go duration, such as "10m".
type definition struct {
	Channels   []Channel `json:"channels"`
	Fallback   Channel   `json:"fallback"`
	Parameters []string  `json:"parameters"`
	Optional   []string  `json:"optional"`
	Subject    string    `json:"subject"`
	Secret     bool      `json:"secret"`
	Urgent     bool      `json:"urgent"`
	Lifetime   string    `json:"lifetime"`
}

// texts is an entry of texts/<language>.json. Title and body are of push, sms of SMS; those of a channel that the template does not use are
// left out.
type texts struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	SMS   string `json:"sms"`
}

// compiled is the texts of one template in one language; a channel without a text has an empty template.
type compiled struct {
	title, body, sms *texttemplate.Template
}

// Load reads and proves the templates that this binary carries. All faults are reported at once. It is called at start, so a template that
// is broken stops a release and no message.
func Load() (*Catalog, error) {
	definitions := map[string]definition{}
	if err := read("templates.json", &definitions); err != nil {
		return nil, err
	}
	c := &Catalog{templates: map[string]*Template{}}
	var faults []error
	for name, d := range definitions {
		t, err := d.template(name)
		faults = append(faults, err)
		c.templates[name] = t
	}
	entries, err := files.ReadDir("texts")
	faults = append(faults, err)
	for _, entry := range entries {
		language := strings.TrimSuffix(entry.Name(), ".json")
		c.languages = append(c.languages, language)
		faults = append(faults, c.addLanguage(language, path.Join("texts", entry.Name())))
	}
	if !slices.Contains(c.languages, DefaultLanguage) {
		faults = append(faults, fmt.Errorf("template: no texts in %q", DefaultLanguage))
	}
	return c, errors.Join(faults...)
}

// Get finds a template.
func (c *Catalog) Get(name string) (*Template, bool) {
	t, ok := c.templates[name]
	return t, ok
}

// Names are the templates in alphabetical order.
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.templates)) }

// Languages are the BCP 47 languages that have texts, in alphabetical order.
func (c *Catalog) Languages() []string { return slices.Clone(c.languages) }

// template checks an entry for what would only show when a message is sent.
func (d definition) template(name string) (*Template, error) {
	lifetime, err := time.ParseDuration(d.Lifetime)
	t := &Template{
		Name: name, Channels: d.Channels, Fallback: d.Fallback, Parameters: d.Parameters, Optional: d.Optional,
		Subject: d.Subject, Secret: d.Secret, Urgent: d.Urgent, Lifetime: lifetime, texts: map[string]compiled{},
	}
	faults := []error{err}
	if lifetime <= 0 || len(d.Channels) == 0 {
		faults = append(faults, fmt.Errorf("template %s: a lifetime and a channel are needed", name))
	}
	for _, channel := range append(slices.Clone(d.Channels), d.Fallback) {
		if channel != Push && channel != SMS && channel != "" {
			faults = append(faults, fmt.Errorf("template %s: unknown channel %q", name, channel))
		}
	}
	// An app opens the thing that the subject names, so a message without it would lead nowhere.
	if d.Subject != "" && !slices.Contains(d.Parameters, d.Subject) {
		faults = append(faults, fmt.Errorf("template %s: subject %q is no parameter", name, d.Subject))
	}
	if d.Secret && t.Has(Push) {
		faults = append(faults, fmt.Errorf("template %s: a code does not belong on a lock screen", name))
	}
	return t, errors.Join(faults...)
}

// addLanguage compiles the texts of one language, all of them and no others. A language with a hole in it would fall silent for one kind of
// message, which nobody would notice.
func (c *Catalog) addLanguage(language, file string) error {
	all := map[string]texts{}
	if err := read(file, &all); err != nil {
		return err
	}
	var faults []error
	for name := range all {
		if _, ok := c.templates[name]; !ok {
			faults = append(faults, fmt.Errorf("template: %s has a text for %s, which does not exist", file, name))
		}
	}
	for name, t := range c.templates {
		text, err := compile(t, all[name])
		if err != nil {
			faults = append(faults, fmt.Errorf("template: %s: %s: %w", file, name, err))
		}
		t.texts[language] = text
	}
	return errors.Join(faults...)
}

// compile compiles the texts of a template and runs them once with its declared parameters: missingkey=error makes every other one a fault.
// Both kinds of mistake, a text that does not parse and a parameter that nobody gives, so show at start.
func compile(t *Template, source texts) (compiled, error) {
	var out compiled
	var faults []error
	one := func(channel Channel, text string) *texttemplate.Template {
		if (text != "") != t.Has(channel) {
			faults = append(faults, fmt.Errorf("text over %s: is there %t, needed %t", channel, text != "", t.Has(channel)))
		}
		parsed, err := texttemplate.New(t.Name).Option("missingkey=error").Parse(text)
		if err != nil {
			faults = append(faults, err)
			return nil
		}
		sample := map[string]string{}
		for _, name := range slices.Concat(t.Parameters, t.Optional) {
			// The sample's length does not matter: SMS parts are counted when a text is sent.
			sample[name] = "x"
		}
		_, err = execute(parsed, sample)
		faults = append(faults, err)
		return parsed
	}
	out.title, out.body, out.sms = one(Push, source.Title), one(Push, source.Body), one(SMS, source.SMS)
	return out, errors.Join(faults...)
}

// execute renders one text.
func execute(t *texttemplate.Template, parameters map[string]string) (string, error) {
	var out strings.Builder
	if err := t.Execute(&out, parameters); err != nil {
		// The error of text/template names the key and quotes no value.
		return "", fmt.Errorf("template: %w", err)
	}
	return out.String(), nil
}

func read(name string, into any) error {
	data, err := files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("template: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	// A field that is misspelt would otherwise be a setting that is silently not set.
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("template: %s: %w", name, err)
	}
	return nil
}
