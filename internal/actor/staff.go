package actor

import (
	"slices"

	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// The numbers of permissions say who may hold them: see Permission in the contract.
const (
	firstOfPersons, lastOfPersons   = 10, 59
	firstOfPartners, lastOfPartners = 60, 99
	firstOfStaff, lastOfStaff       = 120, 199
)

// PersonMayHold tells whether a permission may be in a role of customers.
func PersonMayHold(p typev1.Permission) bool { return p >= firstOfPersons && p <= lastOfPersons }

// PartnerMayHold tells whether a permission may be in a role of partners.
func PartnerMayHold(p typev1.Permission) bool { return p >= firstOfPartners && p <= lastOfPartners }

// StaffMayHold tells whether a permission may be in a role of staff. What moves money and what speaks for a person is no matter of roles.
func StaffMayHold(p typev1.Permission) bool {
	switch p {
	case typev1.Permission_PERMISSION_LEDGER_READ, typev1.Permission_PERMISSION_SCORING_READ, typev1.Permission_PERMISSION_PRODUCT_WRITE:
		return true
	default:
		return p >= firstOfStaff && p <= lastOfStaff
	}
}

// StaffPermissions are all that staff may hold, in order of their numbers: what the role "superadmin" always allows.
func StaffPermissions() []typev1.Permission {
	var all []typev1.Permission
	for number := range typev1.Permission_name {
		if p := typev1.Permission(number); StaffMayHold(p) {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// staffReads is the permission by which staff call a read that persons call for their own; the zero permission, which nobody holds, for
// everything else.
func staffReads(p typev1.Permission) typev1.Permission {
	switch p {
	case typev1.Permission_PERMISSION_PROFILE_READ:
		return typev1.Permission_PERMISSION_CUSTOMER_READ
	case typev1.Permission_PERMISSION_APPLICATION_READ, typev1.Permission_PERMISSION_LOAN_READ, typev1.Permission_PERMISSION_PAYMENT_READ,
		typev1.Permission_PERMISSION_SCORING_READ:
		return typev1.Permission_PERMISSION_PORTFOLIO_READ
	default:
		return typev1.Permission_PERMISSION_UNSPECIFIED
	}
}
