package inproc

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Ending says that an RPC is on its way out. The zero value says that it is not.
type Ending struct {
	// DeprecatedSince is from when on callers are told to use something else (RFC 9745).
	DeprecatedSince time.Time
	// Sunset is from when on the RPC may be gone (RFC 8594). Zero when that is not decided.
	Sunset time.Time
}

// readEnding reads the options deprecated, deprecated_since and sunset, which go together. Dates are days of UTC, from their first moment.
func readEnding(options *descriptorpb.MethodOptions) (Ending, error) {
	since, sinceErr := dayOf(options, typev1.E_DeprecatedSince)
	sunset, sunsetErr := dayOf(options, typev1.E_Sunset)
	if err := errors.Join(sinceErr, sunsetErr); err != nil {
		return Ending{}, err
	}
	switch {
	case options.GetDeprecated() == since.IsZero():
		return Ending{}, errors.New("deprecated and deprecated_since go together")
	case !sunset.IsZero() && (since.IsZero() || !sunset.After(since)):
		return Ending{}, errors.New("sunset is not after deprecated_since")
	}
	return Ending{DeprecatedSince: since, Sunset: sunset}, nil
}

func dayOf(options *descriptorpb.MethodOptions, option protoreflect.ExtensionType) (time.Time, error) {
	text, _ := proto.GetExtension(options, option).(string)
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s %q is no date such as 2026-12-31", option.TypeDescriptor().Name(), text)
	}
	return day, nil
}
