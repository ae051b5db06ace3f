// Package penalty owns what being late costs: a simple percentage a day on what
// an instalment leaves unpaid after its due date.
//
// It promises that
//   - an instalment paid on its due date costs nothing, one paid the day after
//     costs one day;
//   - penalties bear no penalty, and that of an instalment never passes the
//     instalment itself (principal, interest and fee), so that no default, however
//     old, grows without bound;
//   - it rounds once for each instalment and stretch of days between two
//     bookings, half up; a figure shown is the figure booked.
//
// It does not book anything or know what day it is.
package penalty
