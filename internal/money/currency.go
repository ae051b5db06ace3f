package money

import (
	"fmt"
	"strings"
)

// Currency codes by how many decimal digits their minor unit has, after ISO
// 4217 list one (active codes; funds codes and metals are left out: nobody
// lends in them). Two digits is the rule, the other lists the exceptions.
const (
	zeroDigitCodes  = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF "
	threeDigitCodes = " BHD IQD JOD KWD LYD OMR TND "
	twoDigitCodes   = " AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD" +
		" CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD" +
		" HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD" +
		" MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON" +
		" RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD" +
		" TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG "
)

// Exponent is the number of decimal digits of a currency's minor unit: 2 for
// USD, 0 for JPY, 3 for KWD. Codes are upper case, as ISO writes them.
func Exponent(currency string) (int, error) {
	// Blanks around the code keep a match on whole words only.
	word := " " + currency + " "
	switch {
	case len(currency) != 3:
	case strings.Contains(twoDigitCodes, word):
		return 2, nil
	case strings.Contains(zeroDigitCodes, word):
		return 0, nil
	case strings.Contains(threeDigitCodes, word):
		return 3, nil
	}
	return 0, fmt.Errorf("%w: %q", ErrUnknownCurrency, currency)
}
