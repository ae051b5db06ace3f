package civil

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Scan reads a column of type date. A null needs a *Date.
func (d *Date) Scan(source any) error {
	switch v := source.(type) {
	case time.Time:
		*d = Of(v)
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	default:
		return fmt.Errorf("civil: cannot read a date from %T", source)
	}
}

// Value writes a column of type date.
func (d Date) Value() (driver.Value, error) {
	if !d.IsValid() {
		return nil, fmt.Errorf("civil: %v is no date", d)
	}
	return d.String(), nil
}
