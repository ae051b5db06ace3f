package wirejson

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// instant reads the two fields that timestamps and durations have.
func instant(wire []byte) (seconds int64, nanos int32, err error) {
	var had seen
	for len(wire) > 0 {
		number, typ, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return 0, 0, ErrNotWire
		}
		m := protowire.ConsumeFieldValue(number, typ, wire[n:])
		if m < 0 {
			return 0, 0, ErrNotWire
		}
		if typ == protowire.VarintType && number <= 2 {
			if !had.mark(int(number)) {
				return 0, 0, errPieces
			}
			v, _ := protowire.ConsumeVarint(wire[n:])
			if number == 1 {
				seconds = int64(v)
			} else {
				nanos = int32(v)
			}
		}
		wire = wire[n+m:]
	}
	return seconds, nanos, nil
}

// The ranges of google/protobuf/timestamp.proto (years 1 to 9999) and duration.proto (about 10,000 years).
const (
	minTimestamp = -62135596800
	maxTimestamp = 253402300799
	maxDuration  = 315576000000
)

func appendTimestamp(dst, wire []byte) ([]byte, error) {
	seconds, nanos, err := instant(wire)
	if err != nil {
		return dst, err
	}
	if seconds < minTimestamp || seconds > maxTimestamp || nanos < 0 || nanos >= 1e9 {
		return dst, fmt.Errorf("%w: a timestamp out of range", ErrValue)
	}
	dst = time.Unix(seconds, 0).UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05")
	return append(appendFraction(dst, nanos), 'Z', '"'), nil
}

func appendDuration(dst, wire []byte) ([]byte, error) {
	seconds, nanos, err := instant(wire)
	if err != nil {
		return dst, err
	}
	if seconds < -maxDuration || seconds > maxDuration || nanos <= -1e9 || nanos >= 1e9 || seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return dst, fmt.Errorf("%w: a duration out of range", ErrValue)
	}
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst, seconds, nanos = append(dst, '-'), -seconds, -nanos
	}
	return append(appendFraction(strconv.AppendInt(dst, seconds, 10), nanos), 's', '"'), nil
}

// appendFraction writes nanoseconds in 0, 3, 6 or 9 digits.
func appendFraction(dst []byte, nanos int32) []byte {
	if nanos == 0 {
		return dst
	}
	width, v := 9, nanos
	for v%1000 == 0 {
		v, width = v/1000, width-3
	}
	dst = append(dst, "."+"000000000"[:width]...)
	for i := len(dst) - 1; v > 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}
