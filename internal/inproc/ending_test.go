package inproc

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

func TestEndingOfAnRPC(t *testing.T) {
	t.Parallel()
	day := func(month time.Month) time.Time { return time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		name          string
		deprecated    bool
		since, sunset string
		want          Ending
		refused       bool
	}{
		{name: "an RPC that stays"},
		{name: "a deprecated one", deprecated: true, since: "2026-01-01", want: Ending{DeprecatedSince: day(1)}},
		{name: "one with an end", deprecated: true, since: "2026-01-01", sunset: "2026-07-01", want: Ending{DeprecatedSince: day(1), Sunset: day(7)}},
		{name: "deprecated without a date", deprecated: true, refused: true},
		{name: "a date without deprecated", since: "2026-01-01", refused: true},
		{name: "an end without a beginning", sunset: "2026-01-01", refused: true},
		{name: "an end before the beginning", deprecated: true, since: "2026-07-01", sunset: "2026-01-01", refused: true},
		{name: "a date that does not exist", deprecated: true, since: "2026-02-30", refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := &descriptorpb.MethodOptions{Deprecated: proto.Bool(test.deprecated)}
			if test.since != "" {
				proto.SetExtension(options, typev1.E_DeprecatedSince, test.since)
			}
			if test.sunset != "" {
				proto.SetExtension(options, typev1.E_Sunset, test.sunset)
			}
			got, err := readEnding(options)
			if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.refused {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
