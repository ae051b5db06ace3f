package push

import (
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lendgate/lendgate/gen/db/pushdb"
	pushv1 "github.com/lendgate/lendgate/gen/go/lendgate/push/v1"
	"github.com/lendgate/lendgate/internal/id"
	"github.com/lendgate/lendgate/internal/seal"
	"github.com/lendgate/lendgate/push/template"
)

// The contract's enum names are the rows' words with a prefix.
const (
	channelPrefix = "CHANNEL_"
	statePrefix   = "STATE_"
)

// channelOf is the row's word for a channel of the contract. A channel that has no texts here, such as e-mail, is one that nothing carries.
func channelOf(channel pushv1.Channel) template.Channel {
	return template.Channel(strings.TrimPrefix(channel.String(), channelPrefix))
}

// notification converts a row and its text. Phone and parameters are never shown, not to the person either: the text says what they need.
func notification(row pushdb.Notification, message template.Message) *pushv1.Notification {
	// Unknown words, of a newer release's rows, become UNSPECIFIED.
	n := &pushv1.Notification{
		Id: id.Format(id.Notification, row.ID), PersonId: id.FormatPtr(id.Person, row.PersonID), Template: row.Template,
		Channel: pushv1.Channel(pushv1.Channel_value[channelPrefix+row.Channel]), Locale: row.Locale,
		State: pushv1.Notification_State(pushv1.Notification_State_value[statePrefix+row.State]),
		// Empty for a code, for a message that was never rendered, and for a person who was erased.
		Title: message.Title, Body: message.Body, Provider: row.Provider, Attempts: row.Attempts,
		CreateTime: timestamppb.New(row.CreateTime),
	}
	if row.SendTime != nil {
		n.SendTime = timestamppb.New(*row.SendTime)
	}
	return n
}

// sealContent makes the column of a text as sent; nil for templates with codes, which are kept nowhere.
func sealContent(box *seal.Box, row pushdb.Notification, message template.Message) ([]byte, error) {
	if row.Secret {
		return nil, nil
	}
	content, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("write content: %w", err)
	}
	return box.Seal(contentPlace(row.ID), content), nil
}

// unsealContent opens the text as it was sent. A text that does not open is a fault of ours, since the key is there.
func unsealContent(box *seal.Box, row pushdb.Notification) (template.Message, error) {
	var message template.Message
	content, err := box.Unseal(contentPlace(row.ID), row.ContentSealed)
	if err != nil {
		return message, err
	}
	if err := json.Unmarshal(content, &message); err != nil {
		return message, fmt.Errorf("read content: %w", err)
	}
	return message, nil
}
