// Package taxid checks the form of taxpayer numbers of natural persons.
//
// It knows the rules of Ukraine; numbers of other countries pass as they are. It says whether a number can exist, never whether it does or
// whose it is. It is pure: standard library only.
package taxid

// rnokppWeights are the weights of the first nine digits of the RNOKPP, the taxpayer's number in the State Register of Natural Persons of
// Ukraine.
var rnokppWeights = [9]int{-1, 5, 7, 9, 4, 6, 10, 5, 7}

// Valid tells whether a number has the form and the check digit that its country (ISO 3166-1 alpha-2) gives it.
func Valid(country, number string) bool {
	if country == "UA" {
		return validRNOKPP(number)
	}
	return number != ""
}

// validRNOKPP checks the ten digits of Ukraine: a day number of birth (five digits, 1 is 1 January 1900), a serial number of that day whose
// last digit tells the sex, and the check digit: the weighted sum modulo 11 modulo 10.
func validRNOKPP(number string) bool {
	if len(number) != 10 || number[:5] == "00000" {
		return false
	}
	sum := 0
	for i := range len(number) {
		if number[i] < '0' || number[i] > '9' {
			return false
		}
		if i < len(rnokppWeights) {
			sum += rnokppWeights[i] * int(number[i]-'0')
		}
	}
	// The first weight is negative, so the sum may be.
	check := (sum%11 + 11) % 11 % 10
	return int(number[9]-'0') == check
}
