package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Channel is a way to reach a person, named as in the contract without its prefix.
type Channel string

// The channels that have texts.
const (
	Push Channel = "PUSH"
	SMS  Channel = "SMS"
)

// ErrUnknown is returned for a template that does not exist, and for a channel that a template has no text for.
var ErrUnknown = errors.New("template: no such template or channel")

// MissingError says which parameter was not given.
type MissingError struct {
	Parameter string
}

// Error names the parameter, never a value.
func (e *MissingError) Error() string { return "template: parameter " + e.Parameter + " is missing" }

// Template is one kind of message.
type Template struct {
	// Name is what callers ask for, such as "loan-disbursed".
	Name string
	// Channels are those that a message goes over when its sender names none.
	Channels []Channel
	// Fallback is used when push cannot reach the person. Empty means that the message is not worth another channel.
	Fallback Channel
	// Parameters are the names of what must be given, Optional of what may be; others are not kept.
	Parameters, Optional []string
	// Subject is the parameter that names the thing to open. Empty when there is none.
	Subject string
	// Secret is true for texts with one-time codes: they are never stored and never shown again.
	Secret bool
	// Urgent wakes a sleeping phone.
	Urgent bool
	// Lifetime is how long the message is worth sending.
	Lifetime time.Duration

	texts map[string]compiled // by language
}

// Message is a rendered text. Title is empty for SMS.
type Message struct {
	Title string `json:"title,omitempty"`
	Body  string `json:"body"`
}

// Has tells whether the template has a text for a channel.
func (t *Template) Has(channel Channel) bool {
	return slices.Contains(t.Channels, channel) || t.Fallback == channel
}

// Take picks the template's parameters out of what was given; optional ones that were not are empty. It fails with a [MissingError] for the
// first other that was not.
func (t *Template) Take(given map[string]string) (map[string]string, error) {
	taken := make(map[string]string, len(t.Parameters)+len(t.Optional))
	for _, name := range t.Optional {
		taken[name] = given[name]
	}
	for _, name := range t.Parameters {
		value, ok := given[name]
		if !ok || strings.TrimSpace(value) == "" {
			return nil, &MissingError{Parameter: name}
		}
		taken[name] = value
	}
	return taken, nil
}

// Data is what an app gets beside the text: the version of this shape, what the message is about and which thing to open.
func (t *Template) Data(parameters map[string]string) map[string]string {
	return map[string]string{"v": "1", "type": t.Name, "id": parameters[t.Subject]}
}

// Render makes the text for a channel in the language that fits the locale best.
func (t *Template) Render(channel Channel, locale string, parameters map[string]string) (Message, error) {
	if !t.Has(channel) {
		return Message{}, fmt.Errorf("%w: %s over %s", ErrUnknown, t.Name, channel)
	}
	text := t.texts[t.language(locale)]
	if channel == SMS {
		body, err := execute(text.sms, parameters)
		return Message{Body: body}, err
	}
	title, err := execute(text.title, parameters)
	if err != nil {
		return Message{}, err
	}
	body, err := execute(text.body, parameters)
	return Message{Title: title, Body: body}, err
}

// language is the locale itself, its base language, or the default.
func (t *Template) language(locale string) string {
	base, _, _ := strings.Cut(locale, "-")
	for _, candidate := range []string{locale, base} {
		if _, ok := t.texts[candidate]; ok {
			return candidate
		}
	}
	return DefaultLanguage
}
