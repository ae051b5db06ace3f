package actor

import (
	typev1 "github.com/lendgate/lendgate/gen/go/lendgate/type/v1"
)

// Grants are the permissions that a service holds when it acts by itself: what it calls, and no more. An unknown service holds none.
func Grants(service string) []typev1.Permission {
	const (
		profileRead         = typev1.Permission_PERMISSION_PROFILE_READ
		applicationRead     = typev1.Permission_PERMISSION_APPLICATION_READ
		applicationWrite    = typev1.Permission_PERMISSION_APPLICATION_WRITE
		agreementSign       = typev1.Permission_PERMISSION_AGREEMENT_SIGN
		loanRead            = typev1.Permission_PERMISSION_LOAN_READ
		paymentRead         = typev1.Permission_PERMISSION_PAYMENT_READ
		notificationRead    = typev1.Permission_PERMISSION_NOTIFICATION_READ
		identityOperate     = typev1.Permission_PERMISSION_IDENTITY_OPERATE
		loanOperate         = typev1.Permission_PERMISSION_LOAN_OPERATE
		moneyOperate        = typev1.Permission_PERMISSION_MONEY_OPERATE
		ledgerRead          = typev1.Permission_PERMISSION_LEDGER_READ
		scoringDecide       = typev1.Permission_PERMISSION_SCORING_DECIDE
		scoringRead         = typev1.Permission_PERMISSION_SCORING_READ
		notificationOperate = typev1.Permission_PERMISSION_NOTIFICATION_OPERATE
		flowOperate         = typev1.Permission_PERMISSION_FLOW_OPERATE
		productWrite        = typev1.Permission_PERMISSION_PRODUCT_WRITE
		staffWrite          = typev1.Permission_PERMISSION_STAFF_WRITE
	)
	switch service {
	case "edge":
		return []typev1.Permission{identityOperate, notificationRead}
	case "identity":
		return []typev1.Permission{notificationOperate}
	case "loans":
		return []typev1.Permission{identityOperate, profileRead}
	case "push":
		return []typev1.Permission{profileRead}
	case "flows":
		return []typev1.Permission{
			profileRead, applicationRead, applicationWrite, agreementSign, loanRead, paymentRead, loanOperate, moneyOperate,
			scoringDecide, flowOperate,
		}
	case "operator": // The command line on the operator's own machine: seeding, audits, the demo's books.
		return []typev1.Permission{
			profileRead, applicationRead, loanRead, paymentRead, identityOperate, loanOperate, moneyOperate, ledgerRead, scoringRead,
			productWrite, staffWrite, // The first superadmin is invited from here.
		}
	default:
		return nil
	}
}

// BorrowerPermissions is the permission set of the role "client" as tenants are first set up with it.
func BorrowerPermissions() []typev1.Permission {
	return []typev1.Permission{
		typev1.Permission_PERMISSION_PROFILE_READ,
		typev1.Permission_PERMISSION_PROFILE_WRITE,
		typev1.Permission_PERMISSION_APPLICATION_READ,
		typev1.Permission_PERMISSION_APPLICATION_WRITE,
		typev1.Permission_PERMISSION_AGREEMENT_SIGN,
		typev1.Permission_PERMISSION_LOAN_READ,
		typev1.Permission_PERMISSION_PAYMENT_WRITE,
		typev1.Permission_PERMISSION_PAYMENT_READ,
		typev1.Permission_PERMISSION_NOTIFICATION_READ,
		typev1.Permission_PERMISSION_NOTIFICATION_WRITE,
	}
}

// PartnerPermissions are what a partner holds: what is the same for everybody whom the lender works with, and nothing of a person.
func PartnerPermissions() []typev1.Permission {
	return []typev1.Permission{typev1.Permission_PERMISSION_CATALOG_READ}
}
